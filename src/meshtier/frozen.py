"""What do all immutable mappings have in common? One base for labels, shares and look-ups."""

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from itertools import islice
from typing import Any, Final, TypeVar, cast, overload

from typing_extensions import override

V_co = TypeVar("V_co", covariant=True)
Default = TypeVar("Default")

_MOST_SHOWN: Final = 20
"""How many items a repr shows."""


class FrozenMapping(Mapping[str, V_co]):
    """An immutable, hashable mapping from strings; equal to any mapping with the same items.

    Args:
        items: What it holds; copied, so that later changes do not show.

    >>> FrozenMapping({"a": 1})["a"]
    1
    """

    __slots__ = ("_items",)
    _items: Mapping[str, V_co]

    def __init__(self, items: Mapping[str, V_co]) -> None:
        object.__setattr__(self, "_items", dict(items))

    def _unknown(self, key: str) -> KeyError:
        """The error for a key that is not there."""
        return KeyError(key)

    @override
    def __getitem__(self, key: str) -> V_co:
        try:
            return self._items[key]
        except KeyError:
            raise self._unknown(key) from None

    # The next four are in Mapping too, by way of __getitem__: several times slower,
    # and for an absent key the whole work of an error that nobody sees.

    @overload
    def get(self, key: str, /) -> V_co | None: ...
    @overload
    def get(self, key: str, /, default: V_co) -> V_co: ...  # type: ignore[misc]  # as Mapping itself has it
    @overload
    def get(self, key: str, /, default: Default) -> V_co | Default: ...
    @override
    def get(self, key: str, /, default: object = None) -> object:
        """The value of *key*, or *default*."""
        return self._items.get(key, default)

    @override
    def __contains__(self, key: object) -> bool:
        return key in self._items

    @override
    def items(self) -> ItemsView[str, V_co]:
        """The pairs of key and value."""
        return self._items.items()

    @override
    def values(self) -> ValuesView[V_co]:
        """The values."""
        return self._items.values()

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    @override
    def __len__(self) -> int:
        return len(self._items)

    @override
    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    @override
    def __eq__(self, other: object) -> bool:
        if type(other) is type(self):
            return self._items == other._items
        if not isinstance(other, Mapping):
            return NotImplemented
        return self._items == dict(cast("Mapping[object, object]", other))

    @override
    def __repr__(self) -> str:
        if len(self._items) <= _MOST_SHOWN:
            return repr(self._items)
        shown = ", ".join(f"{key!r}: {value!r}" for key, value in islice(self._items.items(), _MOST_SHOWN))
        return f"{{{shown} … +{len(self._items) - _MOST_SHOWN}}}"

    @override
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__.lower()} cannot change: {name}")

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        # What object.__reduce_ex__ gives for a class with slots, and would set by __setattr__.
        for name, value in state[1].items():
            object.__setattr__(self, name, value)
