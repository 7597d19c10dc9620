"""Which tiers does a client see in a tree of prefixes, and what is drawn from the best?

What shares *m* parts with the client lies below the node at depth *m* of the
client's path and not below the next one. So a tier is what is below one node,
without one of its children.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from random import Random

from meshtier.endpoint import Endpoint
from meshtier.index.nodes import SERVING, Key, Node, serving_weight_in
from meshtier.index.tier_view import Members, TierView
from meshtier.index.tree import PrefixTree
from meshtier.ladder import Ladder


def tiers_of(tree: PrefixTree, parts: Key, ladder: Ladder) -> tuple[TierView, ...]:
    """The tiers that hold an endpoint, nearest first, for a client with these parts of the tree's keys."""
    path = _path(tree.root, parts)
    views: list[TierView] = []
    nearer = 0
    for matched in range(len(path) - 1, 0 if ladder.preferred else -1, -1):
        node = path[matched]
        if node.totals != nearer:
            without = parts[matched] if matched < len(parts) else None
            views.append(TierView(ladder.tier(matched), Members(tree, node.totals - nearer, (node,), (without,))))
        nearer = node.totals
    if nearer != tree.root.totals:  # where the network is preferred, the path does not lead back to the root
        views += _tiers_beyond_network(tree, parts, ladder)
    return tuple(views)


def full_match(tree: PrefixTree, parts: Key) -> TierView | None:
    """The endpoints that share all parts with the client; ``None`` if there are none."""
    path = _path(tree.root, parts)
    totals = path[-1].totals if len(path) > len(parts) else 0
    return TierView(0, Members(tree, totals, path[-1:], (None,))) if totals else None


def not_full_match(tree: PrefixTree, parts: Key) -> Members:
    """The endpoints that differ from the client in a part."""
    path = _path(tree.root, parts)
    full = path[-1].totals if len(path) > len(parts) else 0
    return Members(tree, tree.root.totals - full, path, parts)


def best_of(tree: PrefixTree, parts: Key, ladder: Ladder) -> TierView | None:
    """The nearest tier with an endpoint that serves; ``None`` if there is none."""
    node, matched = _last_serving(tree.root, parts)
    if not node.totals & SERVING:
        return None
    if ladder.preferred and not matched:
        return next(view for view in _tiers_beyond_network(tree, parts, ladder) if view.healthy)
    without = parts[matched] if matched < len(parts) else None
    inner = None if without is None else node.children.get(without)
    totals = node.totals if inner is None else node.totals - inner.totals
    return TierView(ladder.tier(matched), Members(tree, totals, (node,), (without,)))


def pick_from(tree: PrefixTree, parts: Key, ladder: Ladder, random: Random) -> Endpoint | None:
    """An endpoint of the best tier that serves, by weight; ``None`` if all that serves there weighs nothing.

    Below the last node on the client's path that has an endpoint that serves, all
    that serve are in one tier: nothing on the path further on does.
    """
    root = node = tree.root
    for part in parts:  # `_last_serving` written out: its call would be a twentieth of a draw
        child = node.children.get(part)
        if child is None or not child.totals & SERVING:
            break
        node = child
    if node is root and ladder.preferred:
        return _drawn_beyond_network(root, parts, ladder, random)
    return node.draw(random.random)


def pick_full_match(tree: PrefixTree, parts: Key, random: Random) -> Endpoint | None:
    """An endpoint that shares all parts with the client and serves, by weight; ``None`` if none of those weighs any."""
    node, matched = _last_serving(tree.root, parts)
    return node.draw(random.random) if matched == len(parts) else None


def _path(root: Node, parts: Key) -> list[Node]:
    # The nodes of all prefixes of *parts* that are there; at least the root.
    path = [root]
    for part in parts:
        child = path[-1].children.get(part)
        if child is None:
            break
        path.append(child)
    return path


def _last_serving(root: Node, parts: Key) -> tuple[Node, int]:
    # The last node on the client's path that has an endpoint that serves, if the root has, and its depth.
    node, depth = root, 0
    for part in parts:
        child = node.children.get(part)
        if child is None or not child.totals & SERVING:
            break
        node = child
        depth += 1
    return node, depth


def _beyond_network(root: Node, parts: Key, ladder: Ladder) -> list[tuple[int, list[Node]]]:
    """What other networks hold, by how many parts after the network it shares with the client (TIER-3).

    Returns:
        The totals and the nodes, of none shared first; what shares more is in both.

    Cost: O(networks), in each of which the path is walked. A second tree without
    the network level would be free of that factor, and was measured: it doubles a
    change, and the index takes 0.58 instead of 0.29 times the memory of its
    endpoints in 300 places, and 3.5 instead of 1.1 times with one endpoint a
    place. Its tiers came as fast as these at 10 networks and twice as fast at 50,
    its draws from another network 2.5 times as fast at 3 networks and 5 times at 50.
    """
    nodes = list(root.children.values())
    own = root.children.get(parts[0])
    if own is not None:
        nodes.remove(own)
    levels = [(root.totals - (own.totals if own is not None else 0), nodes)]
    for position in range(1, len(parts)):
        if position in ladder.preferred:  # the network once more: each node has one child, whatever its name
            nodes = [child for node in nodes for child in node.children.values()]
            levels[-1] = levels[-1][0], nodes
            continue
        part = parts[position]
        nodes = [child for node in nodes if (child := node.children.get(part)) is not None]
        if not nodes:
            break
        levels.append((sum([node.totals for node in nodes]), nodes))
    return levels


def _tiers_beyond_network(tree: PrefixTree, parts: Key, ladder: Ladder) -> Iterator[TierView]:
    # The tiers of other networks, nearest first.
    compared: Sequence[str | None] = [part for at, part in enumerate(parts) if at not in ladder.preferred]
    levels = _beyond_network(tree.root, parts, ladder)
    nearer = 0
    for matched in range(len(levels) - 1, -1, -1):
        totals, nodes = levels[matched]
        if totals != nearer:
            without = compared[matched] if matched < len(compared) else None
            members = Members(tree, totals - nearer, nodes, repeat(without))
            yield TierView(ladder.tier(matched, same_network=False), members)
        nearer = totals


def _drawn_beyond_network(root: Node, parts: Key, ladder: Ladder, random: Random) -> Endpoint | None:
    levels = _beyond_network(root, parts, ladder)
    nodes = next((nodes for totals, nodes in reversed(levels) if totals & SERVING), levels[0][1])
    weights = [serving_weight_in(node.totals) for node in nodes]
    at = int(random.random() * sum(weights)) if len(nodes) > 1 else 0
    for node, weight in zip(nodes, weights, strict=True):
        if at < weight:
            return node.draw(random.random)
        at -= weight
    return None
