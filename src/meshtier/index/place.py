"""What does a tree of endpoints consist of? Tallies, pages, nodes and places, and how they are drawn from.

From the outside in:

- a *node* for every prefix of a key, with a tally of all that lies below it;
- a *place* for every whole key: a node that holds endpoints instead of children;
- in a place, a *roll* for every class of weight, and one for what cannot be drawn;
- a roll consists of *pages* of at most `PAGE_SIZE` endpoints, all full but the last.

Draws know nothing but classes. An endpoint of class *k* weighs at most ``2**k``
and counts as that; a place of class *k* holds endpoints that count at most
``2**k`` together, and counts as that. One random number below the sum of these
counts says which place and endpoint it falls on. If it falls beyond what the
endpoint really weighs, there is another draw. That is exact, and since nothing
counts for more than a fixed multiple of its weight, it takes a few tries.
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
"""The class of what cannot be drawn: it does not serve, or weighs nothing."""

Key: TypeAlias = tuple[str, ...]

# A tally is four sums in one integer, so that one addition a level changes all
# of them, and one subtraction gives what lies in a subtree but not in a smaller
# one. From the low end: how many serve, how many there are, what they weigh,
# what those that serve weigh. Weights have 32 bits, so that 32 and 64 are
# enough for any number of endpoints that memory can hold.
_TOTAL_AT: Final = 32
_WEIGHT_AT: Final = 64
_SERVING_WEIGHT_AT: Final = 128
SERVING: Final = (1 << 32) - 1
"""The part of a tally that says how many serve."""

_COUNT_IDLE: Final = 1 << _TOTAL_AT
_COUNT_SERVING: Final = _COUNT_IDLE | 1
_WEIGH_IDLE: Final = 1 << _WEIGHT_AT
_WEIGH_SERVING: Final = _WEIGH_IDLE | 1 << _SERVING_WEIGHT_AT


def serving_in(tally: int) -> int:
    """How many endpoints serve."""
    return tally & SERVING


def total_in(tally: int) -> int:
    """How many endpoints there are."""
    return tally >> _TOTAL_AT & SERVING


def weight_in(tally: int) -> int:
    """What all endpoints weigh together."""
    return tally >> _WEIGHT_AT & (1 << 64) - 1


def serving_weight_in(tally: int) -> int:
    """What the endpoints that serve weigh together."""
    return tally >> _SERVING_WEIGHT_AT


class Page(list[Endpoint]):
    """At most `PAGE_SIZE` endpoints of one roll, with a byte of each id's hash to find them by."""

    __slots__ = ("marks", "roll")
    marks: bytearray
    roll: "Roll"

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


class Roll(Page):
    """The endpoints of one place and one class of weight, and itself their first page.

    Most places have few endpoints: being one object instead of two saves them
    a seventh of their memory, and each draw two visits to memory that is cold.

    Attributes:
        place: Whose they are.
        degree: The class: all weigh at most ``2**degree`` and more than half of
            that; or `IDLE`.
        following: The place's roll of the next smaller class.
        more: The other pages, all full but the last, which is not empty;
            ``None`` if there are none.
    """

    __slots__ = ("degree", "following", "more", "place")

    def __init__(self, place: "Place", degree: int, following: "Roll | None") -> None:
        super().__init__()
        self.roll: Roll = self
        self.place: Place = place
        self.degree: int = degree
        self.following: Roll | None = following
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
        page.roll = self
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
    """One prefix: what is below it, and the places below it by class.

    Attributes:
        tally: The sums over all endpoints below.
        parent: The prefix that is one part shorter; ``None`` at the root.
        children: What is one part longer, by that part.
        urns: The places below that have anything to draw, by class.
        bound: What they count together.
    """

    __slots__ = ("bound", "children", "parent", "tally", "urns")

    def __init__(self, parent: "Node | None", children: "dict[str, Node]", urns: "dict[int, list[Place]]") -> None:
        self.tally: int = 0
        self.parent: Node | None = parent
        self.children: dict[str, Node] = children
        self.urns: dict[int, list[Place]] = urns
        self.bound: int = 0

    def draw(self, random: Callable[[], float]) -> Endpoint | None:
        """An endpoint from below that serves, by weight; ``None`` if none of those weighs anything."""
        bound, urns = self.bound, self.urns
        while bound:
            at = int(random() * bound)
            for degree, places in urns.items():
                span = len(places) << degree
                if at < span:
                    place = places[at >> degree]
                    # What is left is even over 0 .. 2**degree - 1, and so serves to choose in the place.
                    at &= (1 << degree) - 1
                    found = place.member(at) if at < place.bound else None
                    if found is not None:
                        return found
                    break
                at -= span
        return None

    def places(self, passing: "Node | None" = None, without: str | None = None) -> "Iterator[Place]":
        """The places below, except those below *passing* and those whose last part is *without*."""
        for part, child in self.children.items():
            if child is passing:
                continue
            if isinstance(child, Place):
                if part != without:
                    yield child
            else:
                yield from child.places(passing, without)


# Places have neither; the one empty dict of each saves them 128 bytes each.
_NO_CHILDREN: Final[dict[str, Node]] = {}
_NO_URNS: Final[dict[int, list["Place"]]] = {}


class Place(Node):
    """One whole key and the endpoints there.

    Attributes:
        far: Its parent in the tree without the first part; ``None`` if there is no such tree.
        rolls: The roll of the largest class, which leads to the others.
        degree: The class of the place in the urns above; `IDLE` if it is in none.
        seats: Its positions in those urns, 32 bits each, the nearest node's lowest,
            those of the far tree after all others.
    """

    __slots__ = ("degree", "far", "rolls", "seats")

    def __init__(self, parent: Node) -> None:
        super().__init__(parent, _NO_CHILDREN, _NO_URNS)
        self.far: Node | None = None
        self.rolls: Roll | None = None
        self.degree: int = IDLE
        self.seats: int = 0

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
        roll = self.rolls
        while roll is not None and roll.degree >= 0:
            degree = roll.degree
            more = roll.more
            count = len(roll) if more is None else (len(more) << PAGE_SHIFT) + len(more[-1])
            span = count << degree
            if at < span:
                nth = at >> degree
                if more is None or nth < PAGE_SIZE:
                    endpoint = roll[nth]
                else:
                    endpoint = more[(nth >> PAGE_SHIFT) - 1][nth & _LAST_IN_PAGE]
                return endpoint if not degree or at & (1 << degree) - 1 < endpoint.weight else None
            at -= span
            roll = roll.following
        return None

    @override
    def places(self, passing: Node | None = None, without: str | None = None) -> "Iterator[Place]":
        yield self

    def pages(self) -> Iterator[Page]:
        """The pages of all rolls."""
        roll = self.rolls
        while roll is not None:
            yield roll
            yield from roll.more or ()
            roll = roll.following

    def above(self) -> Iterator[Node]:
        """The nodes above, from the nearest to the root, and then those of the far tree."""
        for nearest in (self.parent, self.far):
            node = nearest
            while node is not None:
                yield node
                node = node.parent


def degree_of(weight: int) -> int:
    """The class of something of this weight."""
    return (weight - 1).bit_length() if weight else IDLE


def class_of(endpoint: Endpoint) -> int:
    """The class of an endpoint: what cannot be drawn has one of its own."""
    return degree_of(endpoint.weight) if endpoint.health.serves else IDLE


def share_of(endpoint: Endpoint) -> int:
    """What one endpoint adds to a tally."""
    if endpoint.health.serves:
        return endpoint.weight * _WEIGH_SERVING + _COUNT_SERVING
    return endpoint.weight * _WEIGH_IDLE + _COUNT_IDLE
