"""What do the blocks of a DestinationRule have in common? Each is a table of fields, read and written by one function.

The class of a block says of each field, by `in_manifest`, under which key it
stands and of what kind it is, so that a name stands once.
"""

from collections.abc import Callable, Container, Mapping
from functools import cache
from typing import Any, Final, Generic, Self, TypeVar, cast

from attrs import field, fields, frozen

from meshtier.rules.duration import to_duration
from meshtier.rules.fields import FieldReader
from meshtier.rules.kept import NOTHING_KEPT, Kept

T = TypeVar("T")


def _as_it_is(value: object) -> object:
    return value


@frozen
class Kind(Generic[T]):
    """How the values of some fields are read from a manifest and written to it.

    Attributes:
        read: Takes the field with this key out of a reader. What is absent or
            refused is what the field has where it is not set.
        write: A value other than ``None`` as plain data; ``None`` for one to leave out.
    """

    read: Callable[[FieldReader, str], T | None]
    write: Callable[[T], object] = _as_it_is


NAME: Final = Kind[str](lambda reader, key: reader.text(key) or "")
FLAG: Final = Kind[bool](FieldReader.flag)
COUNT: Final = Kind[int](FieldReader.integer)
PERCENT: Final = Kind[int](lambda reader, key: reader.integer(key, most=100))
DURATION: Final = Kind[float](FieldReader.duration, to_duration)
KEPT: Final = Kind[Kept](FieldReader.kept, Kept.to_plain)
TEXTS: Final = Kind[tuple[str, ...]](FieldReader.texts, lambda texts: list(texts) or None)


class Block:
    """A block that is no more than its fields; ``extra`` is one of them, and holds what was not understood."""

    __slots__ = ()

    @classmethod
    def read(cls, reader: FieldReader) -> Self:
        """The block in *reader*; what Istio's validation refuses goes to its `Problems`."""
        found = cast("Callable[..., Self]", cls)(**read_fields(cls, reader))
        found.check(reader)
        return found

    def check(self, reader: FieldReader) -> None:
        """Refuse, or note, what no field can say by itself."""

    def to_mapping(self) -> dict[str, object]:
        """The block as plain data; what is not set is left out."""
        return written_fields(self)


B = TypeVar("B", bound=Block)


def block(cls: type[B]) -> Kind[B]:
    """The kind of a field that is one such block, ``None`` where it is absent."""

    def read(reader: FieldReader, key: str) -> B | None:
        section = reader.section(key)
        return None if section is None else cls.read(section)

    return Kind(read, cls.to_mapping)


def blocks(cls: type[B]) -> Kind[tuple[B, ...]]:
    """The kind of a field that is a list of such blocks."""
    return Kind(
        lambda reader, key: tuple(map(cls.read, reader.sections(key))),
        lambda values: list(map(cls.to_mapping, values)) or None,
    )


def in_manifest(key: str, kind: Kind[Any]) -> Mapping[str, object]:
    """The metadata of a field that stands under *key* in its block."""
    return {_TABLE: (key, kind)}


_TABLE: Final = "manifest"


def at(key: str, kind: Kind[T]) -> T | None:
    """A field that stands under *key* in its block, and is ``None`` where it is absent."""
    made: T | None = field(default=None, metadata=in_manifest(key, kind))  # to a checker, its default
    return made


@cache  # of a class, whose fields never change: asking attrs each time is a third of the cost of reading a rule
def _rows(cls: type) -> tuple[tuple[str, str, Kind[Any]], ...]:
    """Attribute, key and kind of each field of the block."""
    return tuple((one.name, *one.metadata[_TABLE]) for one in fields(cls) if _TABLE in one.metadata)


def read_fields(cls: type, reader: FieldReader, *, only: Container[str] | None = None) -> dict[str, Any]:
    """The values of the fields of *cls*, by attribute, with what is left in the block as ``extra``.

    Args:
        cls: The class of the block.
        reader: The block.
        only: The attributes to read; ``None`` for all.
    """
    values = {name: kind.read(reader, key) for name, key, kind in _rows(cls) if only is None or name in only}
    return {**values, "extra": reader.rest()}


def written_fields(value: object) -> dict[str, object]:
    """The fields of *value* as plain data, by key; what is not set is left out."""
    cls: Any = type(value)
    written: dict[str, object] = {}
    for name, key, kind in _rows(cls):
        held = getattr(value, name)
        plain = None if held is None else kind.write(held)
        if plain is not None:
            written[key] = plain
    extra: Kept = getattr(value, "extra", NOTHING_KEPT)
    return {**written, **extra.to_plain()}
