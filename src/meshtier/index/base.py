"""What do all indexes share? Endpoints that come, change and go."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from typing_extensions import override

from meshtier.endpoint import Endpoint
from meshtier.errors import InvalidValueError, UnknownNameError, check_type
from meshtier.index.nodes import Key
from meshtier.index.tier_view import Members, TierView
from meshtier.index.tree import PrefixTree
from meshtier.locality import Scope

_NAMES_SEARCHED: Final = 100  # for names like an unknown one, since a look-up that fails must not cost O(n) either


class Index:
    """Endpoints that can be added, removed and changed; what all indexes share.

    Iteration is place by place, and fails if the index changes meanwhile.
    """

    # The trees in `_others` hold the same endpoints under other keys, and follow every change.
    __slots__ = ("_others", "_tree")
    _tree: PrefixTree
    _others: dict[tuple[Scope, ...], PrefixTree]

    def __init__(self, key_of: Callable[[Endpoint], Key], endpoints: Iterable[Endpoint]) -> None:
        self._tree = PrefixTree(key_of)
        self._others = {}
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
        self._insert(endpoint)

    def remove(self, endpoint: Endpoint | str) -> Endpoint:
        """Remove an endpoint, given itself or its id, and return what the index held.

        Raises:
            UnknownNameError: There is none with this id; the index is as before.
            InvalidValueError: It is neither an `Endpoint` nor a string; the index is as before.
        """
        held = self.discard(endpoint)
        if held is None:
            raise self._unknown(_name_of(endpoint))
        return held

    def update(self, endpoint: Endpoint) -> None:
        """Replace the endpoint with this id, whatever has changed: place, weight, health or labels.

        Raises:
            UnknownNameError: There is none with this id; the index is as before.
            InvalidValueError: It is no `Endpoint`; the index is as before.
        """
        _check(endpoint)
        if endpoint.id not in self._tree:
            raise self._unknown(endpoint.id)
        self._replace(endpoint)

    def upsert(self, endpoint: Endpoint) -> Endpoint | None:
        """Add an endpoint, or replace the one with its id, and return what the index held; ``None`` if nothing.

        For a watch, which tells of an object without saying whether it is new.

        Raises:
            InvalidValueError: It is no `Endpoint`; the index is as before.
        """
        _check(endpoint)
        if endpoint.id in self._tree:
            return self._replace(endpoint)
        self._insert(endpoint)
        return None

    def discard(self, endpoint: Endpoint | str) -> Endpoint | None:
        """Remove an endpoint, given itself or its id, and return what the index held; ``None`` if nothing.

        Raises:
            InvalidValueError: It is neither an `Endpoint` nor a string; the index is as before.
        """
        name = _name_of(endpoint)
        if name not in self._tree:
            return None
        for tree in self._others.values():
            tree.remove(name)
        return self._tree.remove(name)

    def _insert(self, endpoint: Endpoint) -> None:
        self._tree.insert(endpoint)
        for tree in self._others.values():
            tree.insert(endpoint)

    def _replace(self, endpoint: Endpoint) -> Endpoint:
        for tree in self._others.values():
            tree.replace(endpoint)
        return self._tree.replace(endpoint)

    def get(self, name: str) -> Endpoint | None:
        """The endpoint with this id; ``None`` if there is none."""
        return self._tree.get(name)

    @property
    def everything(self) -> TierView:
        """All endpoints as one tier, which says how many they are and what they weigh."""
        root = self._tree.root
        return TierView(0, Members(self._tree, root.totals, (root,), (None,)))

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

    def _check(self) -> None:
        """Check every invariant of the structure.

        Raises:
            AssertionError: One does not hold.

        Cost: O(n); for tests.
        """
        from meshtier.index.invariants import check_tree  # noqa: PLC0415  # only tests need it

        check_tree(self._tree)
        for tree in self._others.values():
            check_tree(tree)
            if {name: tree.get(name) for name in tree} != {name: self.get(name) for name in self._tree}:
                raise AssertionError("a tree under other keys has missed a change")


def _check(endpoint: Endpoint) -> None:
    if not isinstance(endpoint, Endpoint):
        raise InvalidValueError(f"expected an Endpoint, got {endpoint!r}")


def _name_of(endpoint: Endpoint | str) -> str:
    name = endpoint.id if isinstance(endpoint, Endpoint) else endpoint
    if not isinstance(name, str):
        raise InvalidValueError(f"expected an Endpoint or its id, got {endpoint!r}")
    return name
