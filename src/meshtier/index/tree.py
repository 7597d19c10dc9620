"""How are endpoints put into a tree of prefixes, and how does it stay right when they change?"""

from collections.abc import Callable, Iterator
from typing import Final

from meshtier.endpoint import Endpoint
from meshtier.index.nodes import Key, Leaf, Node, Page, WeightClass, class_of, exponent_of, totals_of

SLOT_BITS: Final = 32
SLOT: Final = (1 << SLOT_BITS) - 1


class PrefixTree:
    """Endpoints under keys of one length, at least 1, counted and drawn by prefix.

    Reading needs no lock as long as nothing writes.

    Attributes:
        key_of: What is the key of an endpoint.
        pages: The page that holds each endpoint, by id.
        root: The node of the empty prefix.
        version: How many changes there have been.
    """

    __slots__ = ("key_of", "pages", "root", "version")

    def __init__(self, key_of: Callable[[Endpoint], Key]) -> None:
        self.root: Node = Node(None, {}, {})
        self.version: int = 0
        self.key_of: Callable[[Endpoint], Key] = key_of
        self.pages: dict[str, Page] = {}

    def __len__(self) -> int:
        return len(self.pages)

    def __contains__(self, name: object) -> bool:
        return name in self.pages

    def __iter__(self) -> Iterator[str]:
        return iter(self.pages)

    def get(self, name: str) -> Endpoint | None:
        """The endpoint with this id."""
        page = self.pages.get(name)
        return None if page is None else page[page.find(name)]

    def insert(self, endpoint: Endpoint) -> None:
        """Add an endpoint, whose id must be new."""
        leaf = self._leaf(self.key_of(endpoint))
        self.version += 1
        self._put(leaf, endpoint)
        _shift(leaf, totals_of(endpoint))

    def remove(self, name: str) -> Endpoint:
        """Remove and return the endpoint with this id, which must be here."""
        page = self.pages[name]
        at = page.find(name)
        endpoint = page[at]
        self.version += 1
        self._empty(page, at)
        del self.pages[name]
        return endpoint

    def replace(self, endpoint: Endpoint) -> Endpoint:
        """Put *endpoint* in the place of the one with its id, which must be here; return that one."""
        page = self.pages[endpoint.id]
        at = page.find(endpoint.id)
        old = page[at]
        self.version += 1
        if self.key_of(old) != self.key_of(endpoint):
            self._empty(page, at)
            self.insert(endpoint)
            return old
        leaf = page.weight_class.leaf
        if page.weight_class.exponent == class_of(endpoint):
            page[at] = endpoint
        else:
            self._take(page, at)
            self._put(leaf, endpoint)
        _shift(leaf, totals_of(endpoint) - totals_of(old))
        return old

    def _empty(self, page: Page, at: int) -> None:
        leaf, endpoint = page.weight_class.leaf, page[at]
        self._take(page, at)
        _shift(leaf, -totals_of(endpoint))
        if not leaf.totals:
            _prune(leaf.parent, self.key_of(endpoint))

    def _put(self, leaf: Leaf, endpoint: Endpoint) -> None:
        exponent = class_of(endpoint)
        held = leaf.heaviest
        if held is None or held.exponent != exponent:
            held = _class_for(leaf, exponent)
        page = held.next_page()
        page.append(endpoint)
        page.marks.append(hash(endpoint.id) & 255)
        self.pages[endpoint.id] = page
        if exponent >= 0:
            leaf.bound += 1 << exponent

    def _take(self, page: Page, at: int) -> None:
        # The last endpoint of the weight class takes the free position, so that all pages but the last stay full.
        held = page.weight_class
        leaf = held.leaf
        if held.exponent >= 0:
            leaf.bound -= 1 << held.exponent
        tail = held.last_page()
        last, mark = tail.pop(), tail.marks.pop()
        if tail is not page:
            page[at], page.marks[at] = last, mark
            self.pages[last.id] = page
        elif at < len(page):
            page[at], page.marks[at] = last, mark
        if not tail:
            if tail is held:
                _drop_class(leaf, held)
            else:
                held.drop_last()

    def _leaf(self, key: Key) -> Leaf:
        node = self.root
        for part in key[:-1]:
            child = node.children.get(part)
            if child is None:
                child = node.children[part] = Node(node, {}, {})
            node = child
        found = node.children.get(key[-1])
        if not isinstance(found, Leaf):
            found = node.children[key[-1]] = Leaf(node)
        return found


def _prune(node: Node | None, key: Key) -> None:
    # Removes the child of *node* at the end of the path, and each node that this leaves empty.
    for part in reversed(key):
        if node is None:
            return
        del node.children[part]
        if node.children:
            return
        node = node.parent


def _class_for(leaf: Leaf, exponent: int) -> WeightClass:
    before, held = None, leaf.heaviest
    while held is not None and held.exponent > exponent:
        before, held = held, held.following
    if held is not None and held.exponent == exponent:
        return held
    # Heavy classes come first, so that a draw seldom has to look at a second one.
    new = WeightClass(leaf, exponent, held)
    if before is None:
        leaf.heaviest = new
    else:
        before.following = new
    return new


def _drop_class(leaf: Leaf, empty: WeightClass) -> None:
    del empty.weight_class  # itself: without the cycle, it need not wait for the garbage collector
    if leaf.heaviest is empty:
        leaf.heaviest = empty.following
        return
    for held in leaf.weight_classes():
        if held.following is empty:
            held.following = empty.following


def _shift(leaf: Leaf, change: int) -> None:
    # Carries what an endpoint changes up the tree; the hot loop of every update.
    node: Node | None = leaf
    while node is not None:
        node.totals += change
        node = node.parent
    bound, exponent = leaf.bound, leaf.exponent
    if exponent < 0:
        if bound:
            _move(leaf, exponent_of(bound))
    elif bound > 1 << exponent or bound <= 1 << exponent >> 2:
        # At half of what it counted as, and not just below it: no endpoint that
        # comes and goes can make its leaf change buckets each time.
        _move(leaf, exponent_of(bound))


def _move(leaf: Leaf, exponent: int) -> None:
    # Out of the buckets of the leaf's old exponent and into those of the new one, at every node above.
    old, slots = leaf.exponent, 0
    level, node = 0, leaf.parent
    while node is not None:
        if old >= 0:
            _leave(leaf, node, level)
        if exponent >= 0:
            bucket = node.buckets.setdefault(exponent, [])
            slots |= len(bucket) << SLOT_BITS * level
            bucket.append(leaf)
            node.bound += 1 << exponent
        level, node = level + 1, node.parent
    leaf.exponent, leaf.slots = exponent, slots


def _leave(leaf: Leaf, node: Node, level: int) -> None:
    exponent = leaf.exponent
    bucket = node.buckets[exponent]
    last = bucket.pop()
    if last is not leaf:
        # All keys are of one length, so that the level is the same for the other leaf.
        slot = leaf.slots >> SLOT_BITS * level & SLOT
        bucket[slot] = last
        last.slots += slot - len(bucket) << SLOT_BITS * level
    elif not bucket:
        del node.buckets[exponent]
    node.bound -= 1 << exponent
