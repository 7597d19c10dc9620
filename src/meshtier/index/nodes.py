"""What does a tree of endpoints consist of? Totals, pages, nodes and leaves, and how they are drawn from.

From the outside in:

- a *node* for every prefix of a key, with totals of all that lies below it;
- a *leaf* for every whole key: a node that holds endpoints instead of children;
- in a leaf, a *weight class* for every power of two, and one for what cannot be drawn;
- a weight class consists of *pages* of at most `PAGE_SIZE` endpoints, all full but the last.

Draws know nothing but exponents. An endpoint of exponent *k* weighs at most
``2**k`` and counts as that; a leaf of exponent *k* holds endpoints that count at
most ``2**k`` together, and counts as that. A node has its leaves in *buckets* by
exponent. One random number below the sum of these counts says which leaf and
endpoint it falls on. If it falls beyond what the endpoint really weighs, there
is another draw. That is exact, and since nothing counts for more than a fixed
multiple of its weight, it takes a few tries.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from typing_extensions import override

from meshtier.endpoint import Endpoint

PAGE_SHIFT: Final = 6
PAGE_SIZE: Final = 1 << PAGE_SHIFT
"""Endpoints a page: the bookkeeping of a page is 200 bytes, its search one `bytearray.find`."""

_LAST_IN_PAGE: Final = PAGE_SIZE - 1
IDLE: Final = -1
"""The exponent of what cannot be drawn: it does not serve, or weighs nothing."""

Key: TypeAlias = tuple[str, ...]

# Totals are four sums in one integer, so that one addition a level changes all
# of them, and one subtraction gives what lies in a subtree but not in a smaller
# one. From the low end: how many serve, how many there are, what they weigh,
# what those that serve weigh. Weights have 32 bits, so that 32 and 64 are
# enough for any number of endpoints that memory can hold.
_TOTAL_AT: Final = 32
_WEIGHT_AT: Final = 64
_SERVING_WEIGHT_AT: Final = 128
SERVING: Final = (1 << 32) - 1
"""The part of totals that says how many serve."""

_COUNT_IDLE: Final = 1 << _TOTAL_AT
_COUNT_SERVING: Final = _COUNT_IDLE | 1
_WEIGH_IDLE: Final = 1 << _WEIGHT_AT
_WEIGH_SERVING: Final = _WEIGH_IDLE | 1 << _SERVING_WEIGHT_AT


def serving_in(totals: int) -> int:
    """How many endpoints serve."""
    return totals & SERVING


def total_in(totals: int) -> int:
    """How many endpoints there are."""
    return totals >> _TOTAL_AT & SERVING


def weight_in(totals: int) -> int:
    """What all endpoints weigh together."""
    return totals >> _WEIGHT_AT & (1 << 64) - 1


def serving_weight_in(totals: int) -> int:
    """What the endpoints that serve weigh together."""
    return totals >> _SERVING_WEIGHT_AT


class Page(list[Endpoint]):
    """At most `PAGE_SIZE` endpoints of one weight class, with a byte of each id's hash to find them by."""

    __slots__ = ("marks", "weight_class")
    marks: bytearray
    weight_class: "WeightClass"

    def __init__(self) -> None:
        super().__init__()
        self.marks = bytearray()

    def find(self, name: str) -> int:
        """Where the endpoint with this id is; it must be here."""
        mark = hash(name) & 255
        at = self.marks.find(mark)
        while self[at].id != name:  # one in eight finds meets another id of the same mark first
            at = self.marks.find(mark, at + 1)
        return at


class WeightClass(Page):
    """The endpoints of one leaf and one exponent, and itself their first page.

    Most leaves have few endpoints: being one object instead of two saves them
    a seventh of their memory, and each draw two visits to memory that is cold.

    Attributes:
        leaf: Whose they are.
        exponent: All weigh at most ``2**exponent`` and more than half of that; or `IDLE`.
        following: The leaf's class of the next smaller exponent.
        more: The other pages, all full but the last, which is not empty;
            ``None`` if there are none.
    """

    __slots__ = ("exponent", "following", "leaf", "more")

    def __init__(self, leaf: "Leaf", exponent: int, following: "WeightClass | None") -> None:
        super().__init__()
        self.weight_class: WeightClass = self
        self.leaf: Leaf = leaf
        self.exponent: int = exponent
        self.following: WeightClass | None = following
        self.more: list[Page] | None = None

    def last_page(self) -> Page:
        """The page that is not full, or will be the last full one."""
        return self.more[-1] if self.more else self

    def next_page(self) -> Page:
        """A page with room for one more."""
        page = self.more[-1] if self.more else self
        if len(page) < PAGE_SIZE:
            return page
        page = Page()
        page.weight_class = self
        if self.more is None:
            self.more = [page]
        else:
            self.more.append(page)
        return page

    def drop_last(self) -> None:
        """Forget the last page, which is empty and not the first."""
        if self.more:
            self.more.pop()
        self.more = self.more or None


class Node:
    """One prefix: what is below it, and the leaves below it by exponent.

    Attributes:
        totals: The sums over all endpoints below.
        parent: The prefix that is one part shorter; ``None`` at the root.
        children: What is one part longer, by that part.
        buckets: The leaves below that have anything to draw, by exponent.
        bound: What they count together.
    """

    __slots__ = ("bound", "buckets", "children", "parent", "totals")

    def __init__(self, parent: "Node | None", children: "dict[str, Node]", buckets: "dict[int, list[Leaf]]") -> None:
        self.totals: int = 0
        self.parent: Node | None = parent
        self.children: dict[str, Node] = children
        self.buckets: dict[int, list[Leaf]] = buckets
        self.bound: int = 0

    def draw(self, random: Callable[[], float]) -> Endpoint | None:
        """An endpoint from below that serves, by weight; ``None`` if none of those weighs anything."""
        bound, buckets = self.bound, self.buckets
        while bound:
            at = int(random() * bound)
            for exponent, leaves in buckets.items():
                span = len(leaves) << exponent
                if at < span:
                    leaf = leaves[at >> exponent]
                    # What is left is even over 0 .. 2**exponent - 1, and so serves to choose in the leaf.
                    at &= (1 << exponent) - 1
                    found = leaf.member(at) if at < leaf.bound else None
                    if found is not None:
                        return found
                    break
                at -= span
        return None

    def leaves(self, without: str | None = None) -> "Iterator[Leaf]":
        """The leaves below, except those below the child *without*."""
        for part, child in self.children.items():
            if part != without:
                if isinstance(child, Leaf):  # a generator for each leaf would double the cost of a walk
                    yield child
                else:
                    yield from child.leaves()


# Leaves have neither; the one empty dict of each saves them 128 bytes each.
_NO_CHILDREN: Final[dict[str, Node]] = {}
_NO_BUCKETS: Final[dict[int, list["Leaf"]]] = {}


class Leaf(Node):
    """One whole key and the endpoints there.

    Attributes:
        heaviest: The weight class of the largest exponent, which leads to the others.
        exponent: That of the leaf in the buckets above; `IDLE` if it is in none.
        slots: Its positions in those buckets, 32 bits each, the nearest node's lowest.
    """

    __slots__ = ("exponent", "heaviest", "slots")

    def __init__(self, parent: Node) -> None:
        super().__init__(parent, _NO_CHILDREN, _NO_BUCKETS)
        self.heaviest: WeightClass | None = None
        self.exponent: int = IDLE
        self.slots: int = 0

    @override
    def draw(self, random: Callable[[], float]) -> Endpoint | None:
        bound = self.bound
        while bound:
            found = self.member(int(random() * bound))
            if found is not None:
                return found
        return None

    def member(self, at: int) -> Endpoint | None:
        """The endpoint that holds number *at* below `bound`; ``None`` for a number beyond its weight."""
        held = self.heaviest
        while held is not None and held.exponent >= 0:
            exponent = held.exponent
            more = held.more
            count = len(held) if more is None else (len(more) << PAGE_SHIFT) + len(more[-1])
            span = count << exponent
            if at < span:
                nth = at >> exponent
                if more is None or nth < PAGE_SIZE:
                    endpoint = held[nth]
                else:
                    endpoint = more[(nth >> PAGE_SHIFT) - 1][nth & _LAST_IN_PAGE]
                return endpoint if not exponent or at & (1 << exponent) - 1 < endpoint.weight else None
            at -= span
            held = held.following
        return None

    @override
    def leaves(self, without: str | None = None) -> "Iterator[Leaf]":
        yield self

    def weight_classes(self) -> Iterator[WeightClass]:
        """Its weight classes, the heaviest first."""
        held = self.heaviest
        while held is not None:
            yield held
            held = held.following

    def pages(self) -> Iterator[Page]:
        """The pages of all its weight classes; at least one, since a leaf without endpoints is removed."""
        for held in self.weight_classes():
            yield held
            yield from held.more or ()


def exponent_of(weight: int) -> int:
    """The smallest exponent whose power of two is not below this weight."""
    return (weight - 1).bit_length() if weight else IDLE


def class_of(endpoint: Endpoint) -> int:
    """The exponent of an endpoint's weight class; `IDLE` if it cannot be drawn."""
    return exponent_of(endpoint.weight) if endpoint.health.serves else IDLE


def totals_of(endpoint: Endpoint) -> int:
    """What one endpoint adds to totals."""
    if endpoint.health.serves:
        return endpoint.weight * _WEIGH_SERVING + _COUNT_SERVING
    return endpoint.weight * _WEIGH_IDLE + _COUNT_IDLE
