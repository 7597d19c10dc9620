"""What becomes of fields that nobody reads? They are carried along, as immutable plain data."""

import reprlib
from collections.abc import Mapping, Sequence
from typing import Final, cast

from meshtier.errors import InvalidValueError
from meshtier.frozen import FrozenMapping

_MAX_DEPTH: Final = 60  # far past any manifest, and far from the interpreter's limit

_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = 80


def shown(value: object) -> str:
    """The value as an error quotes it: its repr, cut short."""
    try:
        return _brief.repr(value)
    except ValueError:  # an integer of more digits than Python will print
        return f"a {type(value).__name__} too long to print"


class Kept(FrozenMapping[object]):
    """Fields that are carried along unread: an immutable, hashable mapping of plain data.

    Lists become tuples and mappings become `Kept`; `to_plain` turns them back.

    Raises:
        InvalidValueError: A value is no plain data, or nested too deep.

    >>> Kept({"http": {"maxRetries": 3}}).to_plain()
    {'http': {'maxRetries': 3}}
    """

    __slots__ = ()

    def __init__(self, items: Mapping[str, object] | None = None, *, depth: int = 0) -> None:
        super().__init__({_key(key): _freeze(value, depth + 1) for key, value in (items or {}).items()})

    def to_plain(self) -> dict[str, object]:
        """The same as dicts and lists."""
        return {key: _thaw(value) for key, value in self.items()}


NOTHING_KEPT: Final = Kept()


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise InvalidValueError(f"expected strings as keys, got {shown(key)}")
    return key


def _freeze(value: object, depth: int) -> object:
    if depth > _MAX_DEPTH:
        raise InvalidValueError(f"expected data nested at most {_MAX_DEPTH} deep")
    if isinstance(value, Mapping):
        return Kept(cast("Mapping[str, object]", value), depth=depth)
    if isinstance(value, (list, tuple)):
        return tuple(_freeze(item, depth + 1) for item in cast("Sequence[object]", value))
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise InvalidValueError(f"expected plain data, got {shown(value)}")


def _thaw(value: object) -> object:
    if isinstance(value, Kept):
        return value.to_plain()
    return [_thaw(item) for item in cast("tuple[object, ...]", value)] if isinstance(value, tuple) else value
