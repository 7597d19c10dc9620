"""What is written on it? Labels: an immutable, hashable mapping of strings."""

from collections.abc import Iterator, Mapping
from typing import Final, Self, TypeVar, overload

from typing_extensions import override

from meshtier.errors import InvalidValueError

_Default = TypeVar("_Default")


class Labels(Mapping[str, str]):
    """An immutable, hashable mapping of labels; equal to any mapping with the same items.

    Raises:
        InvalidValueError: A key or value is not a string.

    >>> Labels({"app": "reviews"})["app"]
    'reviews'
    """

    __slots__ = ("_items",)
    _items: dict[str, str]

    def __init__(self, items: Mapping[str, str] | None = None) -> None:
        if not isinstance(items, Mapping | None):  # pyright: ignore[reportUnnecessaryIsInstance]  # need not type-check
            raise InvalidValueError(f"expected a mapping, got {items!r}", "labels")
        copied = dict(items or {})
        for key, value in copied.items():
            if not (isinstance(key, str) and isinstance(value, str)):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidValueError(f"expected strings, got {key!r}: {value!r}", "labels")
        object.__setattr__(self, "_items", copied)

    @classmethod
    def trusted(cls, items: Mapping[str, str]) -> Self:
        """The labels in *items*, neither checked nor copied.

        For adapters whose decoder has checked them: *items* must hold strings
        alone and never change afterwards. A third of the cost of the checked
        way, which counts for dumps of 100,000 pods.
        """
        labels = object.__new__(cls)
        object.__setattr__(labels, "_items", items)
        return labels

    @override
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"labels cannot change: {name}")

    @override
    def __getitem__(self, key: str) -> str:
        return self._items[key]

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, /, default: str) -> str: ...
    @overload
    def get(self, key: str, /, default: _Default) -> str | _Default: ...
    @override
    def get(self, key: str, /, default: object = None) -> object:
        """The value of *key*, or *default*; without the detour by way of an exception."""
        return self._items.get(key, default)

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
        if isinstance(other, Labels):
            return self._items == other._items
        return self._items == dict(other.items()) if isinstance(other, Mapping) else NotImplemented  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]

    @override
    def __repr__(self) -> str:
        return repr(self._items)

    @override
    def __reduce__(self) -> tuple[type["Labels"], tuple[dict[str, str]]]:
        return Labels, (self._items,)


NO_LABELS: Final = Labels()
