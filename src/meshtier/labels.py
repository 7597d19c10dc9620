"""What is written on it? Labels: an immutable, hashable mapping of strings."""

from collections.abc import Mapping
from typing import Final, Self

from meshtier.errors import InvalidValueError, check_type
from meshtier.frozen import FrozenMapping


class Labels(FrozenMapping[str]):
    """An immutable, hashable mapping of labels; equal to any mapping with the same items.

    Raises:
        InvalidValueError: A key or value is not a string.

    >>> Labels({"app": "reviews"})["app"]
    'reviews'
    """

    __slots__ = ()

    def __init__(self, items: Mapping[str, str] | None = None) -> None:
        if not isinstance(items, dict):  # which needs no look at an abstract class
            check_type(items, Mapping | None, "labels", what="a mapping")
        super().__init__(dict[str, str]() if items is None else items)
        for key, value in self._items.items():
            if not (isinstance(key, str) and isinstance(value, str)):
                raise InvalidValueError(f"expected strings, got {key!r}: {value!r}", "labels")

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


NO_LABELS: Final = Labels()
