"""What holds of a tree between any two changes? Its invariants, each as a sentence that is checked."""

from collections.abc import Iterator

from meshtier.index.nodes import IDLE, PAGE_SIZE, Key, Leaf, Node, WeightClass, class_of, totals_of
from meshtier.index.tree import SLOT, SLOT_BITS, PrefixTree


def check_tree(tree: PrefixTree) -> None:
    """Check every invariant of a tree.

    Raises:
        AssertionError: One does not hold; the message is the invariant.

    Cost: O(n).
    """
    root = tree.root
    _require("only an empty root has no children", root.children or not len(tree))
    _require("the root has no parent", root.parent is None)
    _check_node(root)
    held = {endpoint.id: page for leaf in root.leaves() for page in leaf.pages() for endpoint in page}
    leads = held.keys() == tree.pages.keys() and all(tree.pages[name] is page for name, page in held.items())
    _require("every id leads to the page that holds it", leads)
    _require("no id is held twice", root.totals >> SLOT_BITS & SLOT == len(held))
    for leaf in root.leaves():
        keys = {tree.key_of(endpoint) for page in leaf.pages() for endpoint in page}
        _require("an endpoint is in the leaf of its key", keys == {_key_of(leaf)})


def _check_node(node: Node) -> None:
    for child in node.children.values():
        _require("a child knows its parent", child.parent is node)
        if isinstance(child, Leaf):
            _check_leaf(child)
        else:
            _require("a prefix without endpoints is removed", child.children)
            _check_node(child)
    below = [leaf for leaf in node.leaves() if leaf.exponent != IDLE]
    _require("totals are those of the children", node.totals == sum(child.totals for child in node.children.values()))
    _require("the bound counts every leaf", node.bound == sum(1 << leaf.exponent for leaf in below))
    _require("no bucket is empty", all(node.buckets.values()))
    _require("a leaf is in one bucket", len(below) == sum(map(len, node.buckets.values())))
    for exponent, leaves in node.buckets.items():
        for slot, leaf in enumerate(leaves):
            _require("a leaf is in the bucket of its exponent", leaf.exponent == exponent)
            _require("a leaf knows its slots", _slot_of(leaf, node) == slot)


def _check_leaf(leaf: Leaf) -> None:
    exponents = [held.exponent for held in leaf.weight_classes()]
    _require("a leaf without endpoints is removed", exponents)
    _require("weight classes fall", exponents == sorted(set(exponents), reverse=True))
    for held in leaf.weight_classes():
        _require("a weight class knows its leaf", held.leaf is leaf)
        _check_weight_class(held)
    endpoints = [endpoint for page in leaf.pages() for endpoint in page]
    bound = sum(1 << exponent for exponent in map(class_of, endpoints) if exponent != IDLE)
    _require("totals are those of the endpoints", leaf.totals == sum(map(totals_of, endpoints)))
    _require("the bound counts every endpoint that can be drawn", leaf.bound == bound)
    if leaf.exponent == IDLE:
        _require("a leaf in no bucket has nothing to draw", not bound)
    else:
        _require("a leaf is in a bucket near its bound", 1 << leaf.exponent >> 2 < bound <= 1 << leaf.exponent)


def _check_weight_class(held: WeightClass) -> None:
    pages = held, *(held.more or ())
    *full, last = pages
    _require("all pages but the last are full", all(len(page) == PAGE_SIZE for page in full))
    _require("no page is empty", 0 < len(last) <= PAGE_SIZE)
    for page in pages:
        _require("a page knows its weight class", page.weight_class is held)
        _require("marks are of the ids", bytes(page.marks) == bytes(hash(endpoint.id) & 255 for endpoint in page))
        _require("a weight class has one exponent", {class_of(endpoint) for endpoint in page} == {held.exponent})


def _above(leaf: Leaf) -> Iterator[Node]:
    node = leaf.parent
    while node is not None:
        yield node
        node = node.parent


def _slot_of(leaf: Leaf, node: Node) -> int:
    level = [above is node for above in _above(leaf)].index(True)
    return leaf.slots >> SLOT_BITS * level & SLOT


def _key_of(leaf: Leaf) -> Key:
    parts: list[str] = []
    below: Node = leaf
    for node in _above(leaf):
        parts += [part for part, child in node.children.items() if child is below]
        below = node
    return tuple(reversed(parts))


def _require(invariant: str, holds: object) -> None:
    if not holds:
        raise AssertionError(invariant)
