"""What do all indexes share? Changes, and the way from a client's key to its tiers."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from random import Random
from typing import Final

from typing_extensions import override

from meshtier.endpoint import Endpoint
from meshtier.errors import InvalidValueError, UnknownNameError, check_type
from meshtier.index.place import SERVING, Key, Node
from meshtier.index.tree import PrefixTree
from meshtier.index.view import Members, TierView
from meshtier.preference import ladder_tier

_NAMES_SEARCHED: Final = 100  # for names like an unknown one, since a look-up that fails must not cost O(n) either


class Index:
    """Endpoints that can be added, removed and changed; what all indexes share.

    Iteration is place by place, and fails if the index changes meanwhile.
    """

    __slots__ = ("_tree",)
    _tree: PrefixTree

    def __init__(self, key_of: Callable[[Endpoint], Key], endpoints: Iterable[Endpoint]) -> None:
        self._tree = PrefixTree(key_of)
        check_type(endpoints, Iterable, "endpoints")
        for position, endpoint in enumerate(endpoints):
            try:
                self.add(endpoint)
            except InvalidValueError as error:
                raise InvalidValueError(error.problem, f"endpoints[{position}].{error.path}".rstrip(".")) from None

    def add(self, endpoint: Endpoint) -> None:
        """Add an endpoint.

        Raises:
            InvalidValueError: There is one with this id, or it is no `Endpoint`;
                the index is as before.
        """
        _check(endpoint)
        if endpoint.id in self._tree:
            raise InvalidValueError(f"expected an id that is not in the index, got {endpoint.id!r} again", "id")
        self._tree.insert(endpoint)

    def remove(self, endpoint: Endpoint | str) -> Endpoint:
        """Remove an endpoint, given itself or its id, and return what the index held.

        Raises:
            UnknownNameError: There is none with this id; the index is as before.
            InvalidValueError: It is neither an `Endpoint` nor a string; the index is as before.
        """
        name = endpoint.id if isinstance(endpoint, Endpoint) else endpoint
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not type-check
            raise InvalidValueError(f"expected an Endpoint or its id, got {endpoint!r}")
        if name not in self._tree:
            raise self._unknown(name)
        return self._tree.discard(name)

    def update(self, endpoint: Endpoint) -> None:
        """Replace the endpoint with this id, whatever has changed: place, weight, health or labels.

        Raises:
            UnknownNameError: There is none with this id; the index is as before.
            InvalidValueError: It is no `Endpoint`; the index is as before.
        """
        _check(endpoint)
        if endpoint.id not in self._tree:
            raise self._unknown(endpoint.id)
        self._tree.replace(endpoint)

    def get(self, name: str) -> Endpoint | None:
        """The endpoint with this id; ``None`` if there is none."""
        return self._tree.get(name)

    @property
    def everything(self) -> TierView:
        """All endpoints as one tier, which says how many they are and what they weigh."""
        return TierView(0, Members(self._tree, self._tree.root.tally, self._tree.root, None))

    def __len__(self) -> int:
        return len(self._tree)

    def __contains__(self, name: object) -> bool:
        return name in self._tree

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self.everything.endpoints)

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} endpoints, {self.everything.healthy} healthy>"

    def _unknown(self, name: str) -> UnknownNameError:
        return UnknownNameError.among("endpoint in the index", name, islice(self._tree, _NAMES_SEARCHED))

    def _tiers(self, parts: Sequence[str], *, ranked: bool) -> tuple[TierView, ...]:
        path = path_to(self._tree.root, parts)
        nearest = len(path) - 1
        own = range(nearest, 0 if ranked and parts else -1, -1)
        views = [self._own_view(path, matched, len(parts)) for matched in own]
        if ranked and parts:
            views += self._far_views(path, parts)
        return tuple(view for view in views if view is not None)

    def _own_view(self, path: Sequence[Node], matched: int, steps: int) -> TierView | None:
        outer = path[matched]
        inner = path[matched + 1] if matched + 1 < len(path) else None
        tally = outer.tally - (inner.tally if inner else 0)
        if not tally:
            return None
        number = ladder_tier(matched, steps=steps, same_network=True, ranked=False)
        return TierView(number, Members(self._tree, tally, outer, inner))

    def _far_views(self, own: Sequence[Node], parts: Sequence[str]) -> Iterator[TierView | None]:
        # The tiers of other networks, nearest first (TIER-3).
        if _tally(own, 0) == _tally(own, 1):
            return
        path = path_to(self._tree.far_root(), parts[1:])
        for matched in range(len(path) - 1, -1, -1):
            # `own` has the network in front, so that it stands one further on.
            tally = _tally(path, matched) - _tally(path, matched + 1)
            tally -= _tally(own, matched + 1) - _tally(own, matched + 2)
            if tally:
                number = ladder_tier(matched, steps=len(parts), same_network=False, ranked=True)
                inner = path[matched + 1] if matched + 1 < len(path) else None
                yield TierView(number, Members(self._tree, tally, path[matched], inner, parts[0]))

    def _best(self, parts: Sequence[str], *, ranked: bool) -> TierView | None:
        root = self._tree.root
        if not root.tally & SERVING:
            return None
        if ranked and parts and not _serving_path(root, parts[:1])[1:]:
            return next(
                view for view in self._far_views(path_to(root, parts), parts) if view is not None and view.healthy
            )
        path = _serving_path(root, parts)
        matched = len(path) - 1
        if matched < len(parts):
            inner = path[-1].children.get(parts[matched])
            if inner is not None:
                path.append(inner)
        return self._own_view(path, matched, len(parts))

    def _pick(self, parts: Sequence[str], random: Random, *, ranked: bool, strict: bool = False) -> Endpoint | None:
        # Below the last node on the client's path that has an endpoint that
        # serves, all that serve are in one tier: nothing on the path further on does.
        node = self._tree.root
        matched = 0
        for part in parts:
            child = node.children.get(part)
            if child is None or not child.tally & SERVING:
                break
            node = child
            matched += 1
        if strict and matched < len(parts):
            return None
        if ranked and not matched and parts and node.tally & SERVING:
            return _serving_path(self._tree.far_root(), parts[1:])[-1].draw(random.random)
        return node.draw(random.random)


def _check(endpoint: Endpoint) -> None:
    if not isinstance(endpoint, Endpoint):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not type-check
        raise InvalidValueError(f"expected an Endpoint, got {endpoint!r}")


def path_to(root: Node, parts: Sequence[str]) -> list[Node]:
    """The nodes of all prefixes of *parts* that are there; at least the root."""
    path = [root]
    for part in parts:
        child = path[-1].children.get(part)
        if child is None:
            break
        path.append(child)
    return path


def _serving_path(root: Node, parts: Sequence[str]) -> list[Node]:
    # The same, up to the last that has an endpoint that serves.
    path = [root]
    for part in parts:
        child = path[-1].children.get(part)
        if child is None or not child.tally & SERVING:
            break
        path.append(child)
    return path


def _tally(path: Sequence[Node], position: int) -> int:
    return path[position].tally if position < len(path) else 0
