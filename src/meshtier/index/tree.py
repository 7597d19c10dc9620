"""How are endpoints put into a tree of prefixes, and how does it stay right when they change?"""

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Final

from meshtier.endpoint import Endpoint
from meshtier.index.place import (
    Key,
    Node,
    Page,
    Place,
    Roll,
    class_of,
    degree_of,
    share_of,
)

_SEAT_BITS: Final = 32
_SEAT: Final = (1 << _SEAT_BITS) - 1


class PrefixTree:
    """Endpoints under keys of one length, at least 1, counted and drawn by prefix.

    Reading needs no lock as long as nothing writes.

    Attributes:
        root: The node of the empty prefix.
        version: How many changes there have been.
    """

    __slots__ = ("_building", "_far", "_key_of", "_pages", "root", "version")

    def __init__(self, key_of: Callable[[Endpoint], Key]) -> None:
        self.root: Node = Node(None, {}, {})
        self.version: int = 0
        self._key_of = key_of
        self._pages: dict[str, Page] = {}
        self._far: Node | None = None
        self._building = Lock()

    def __len__(self) -> int:
        return len(self._pages)

    def __contains__(self, name: object) -> bool:
        return name in self._pages

    def __iter__(self) -> Iterator[str]:
        return iter(self._pages)

    def get(self, name: str) -> Endpoint | None:
        """The endpoint with this id."""
        page = self._pages.get(name)
        return None if page is None else page[page.find(name)]

    def far_root(self) -> Node:
        """The root of the tree over the keys without their first part, which comes last there.

        Cost: O(places) the first time; from then on every change keeps it up.
        """
        far = self._far
        if far is None:
            with self._building:
                far = self._far or self._built_far()
                self._far = far  # not before it is whole: others read meanwhile
        return far

    def insert(self, endpoint: Endpoint) -> None:
        """Add an endpoint, whose id must be new."""
        place = self._place(self._key_of(endpoint))
        self.version += 1
        self._enrol(place, endpoint)
        _shift(place, share_of(endpoint))

    def discard(self, name: str) -> Endpoint:
        """Remove and return the endpoint with this id, which must be here."""
        page = self._pages[name]
        at = page.find(name)
        endpoint = page[at]
        self.version += 1
        self._strike(page, at, self._key_of(endpoint))
        del self._pages[name]
        return endpoint

    def replace(self, endpoint: Endpoint) -> None:
        """Put *endpoint* in the place of the one with its id, which must be here."""
        page = self._pages[endpoint.id]
        at = page.find(endpoint.id)
        old = page[at]
        key, moved = self._key_of(old), self._key_of(endpoint)
        self.version += 1
        if key != moved:
            self._strike(page, at, key)
            self.insert(endpoint)
            return
        place = page.roll.place
        if page.roll.degree == class_of(endpoint):
            page[at] = endpoint
        else:
            self._take(page, at)
            self._enrol(place, endpoint)
        _shift(place, share_of(endpoint) - share_of(old))

    def _strike(self, page: Page, at: int, key: Key) -> None:
        place, share = page.roll.place, share_of(page[at])
        self._take(page, at)
        _shift(place, -share)
        if not place.tally:
            _prune(place.parent, key)
            _prune(place.far, _rotated(key))

    def _enrol(self, place: Place, endpoint: Endpoint) -> None:
        degree = class_of(endpoint)
        roll = place.rolls
        if roll is None or roll.degree != degree:
            roll = _roll_for(place, degree)
        page = roll.next_page()
        page.append(endpoint)
        page.marks.append(hash(endpoint.id) & 255)
        self._pages[endpoint.id] = page
        if degree >= 0:
            place.bound += 1 << degree

    def _take(self, page: Page, at: int) -> None:
        # The roll's last endpoint takes the seat, so that all pages but the last stay full.
        roll = page.roll
        place = roll.place
        if roll.degree >= 0:
            place.bound -= 1 << roll.degree
        tail = roll.last_page()
        last, mark = tail.pop(), tail.marks.pop()
        if tail is not page:
            page[at], page.marks[at] = last, mark
            self._pages[last.id] = page
        elif at < len(page):
            page[at], page.marks[at] = last, mark
        if not tail:
            if tail is roll:
                _drop_roll(place, roll)
            else:
                roll.drop_last()

    def _place(self, key: Key) -> Place:
        node = _grown(self.root, key[:-1])
        found = node.children.get(key[-1])
        if isinstance(found, Place):
            return found
        place = Place(node)
        node.children[key[-1]] = place
        if self._far is not None:
            place.far = _grown(self._far, key[1:])
            place.far.children[key[0]] = place
        return place

    def _built_far(self) -> Node:
        root = Node(None, {}, {})
        for place in self.root.places():
            key = self._key_of(next(place.pages())[0])
            above = sum(1 for _ in place.above())
            place.far = _grown(root, key[1:])
            place.far.children[key[0]] = place
            node: Node | None = place.far
            while node is not None:
                node.tally += place.tally
                if place.degree >= 0:
                    _seat(place, node, place.degree, above)
                above += 1
                node = node.parent
        return root


def _grown(root: Node, parts: Key) -> Node:
    # The node under these parts, made if it is not there.
    node = root
    for part in parts:
        child = node.children.get(part)
        if child is None:
            child = node.children[part] = Node(node, {}, {})
        node = child
    return node


def _rotated(key: Key) -> Key:
    return key[1:] + key[:1]


def _prune(node: Node | None, key: Key) -> None:
    # Removes the child of *node* at the end of the path, and each node that this leaves empty.
    for part in reversed(key):
        if node is None:
            return
        del node.children[part]
        if node.children:
            return
        node = node.parent


def _roll_for(place: Place, degree: int) -> Roll:
    before, roll = None, place.rolls
    while roll is not None and roll.degree > degree:
        before, roll = roll, roll.following
    if roll is not None and roll.degree == degree:
        return roll
    # Heavy classes come first, so that a draw seldom has to look at a second one.
    new = Roll(place, degree, roll)
    if before is None:
        place.rolls = new
    else:
        before.following = new
    return new


def _drop_roll(place: Place, empty: Roll) -> None:
    del empty.roll  # itself: without the cycle, it need not wait for the garbage collector
    if place.rolls is empty:
        place.rolls = empty.following
        return
    roll = place.rolls
    while roll is not None:
        if roll.following is empty:
            roll.following = empty.following
        roll = roll.following


def _shift(place: Place, change: int) -> None:
    # Carries what an endpoint changes up the tree; the hot loop of every update.
    place.tally += change
    node = place.parent
    while node is not None:
        node.tally += change
        node = node.parent
    node = place.far
    while node is not None:
        node.tally += change
        node = node.parent
    bound, degree = place.bound, place.degree
    if degree < 0:
        if bound:
            _reclass(place, degree_of(bound))
    elif bound > 1 << degree or bound <= 1 << degree >> 2:
        # At half of what it was classed by, and not just below it: no endpoint
        # that comes and goes can make its place change class each time.
        _reclass(place, degree_of(bound))


def _reclass(place: Place, degree: int) -> None:
    if place.degree >= 0:
        for level, node in enumerate(place.above()):
            _unseat(place, node, level)
    place.degree, place.seats = degree, 0
    if degree >= 0:
        for level, node in enumerate(place.above()):
            _seat(place, node, degree, level)


def _seat(place: Place, node: Node, degree: int, level: int) -> None:
    urn = node.urns.setdefault(degree, [])
    place.seats |= len(urn) << _SEAT_BITS * level
    urn.append(place)
    node.bound += 1 << degree


def _unseat(place: Place, node: Node, level: int) -> None:
    degree = place.degree
    urn = node.urns[degree]
    last = urn.pop()
    if last is not place:
        # All keys are of one length, so that the level is the same for the other place.
        seat = place.seats >> _SEAT_BITS * level & _SEAT
        urn[seat] = last
        last.seats += seat - len(urn) << _SEAT_BITS * level
    elif not urn:
        del node.urns[degree]
    node.bound -= 1 << degree
