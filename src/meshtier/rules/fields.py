"""How does plain data become a value, with all of its problems told at once?

A `Reader` takes fields out of one mapping, remembers which it was asked for,
and writes what is wrong to the `Report` that a whole object shares. It goes on
after a problem, so that the next one is found too; `Report.check` raises at
the end.
"""

import reprlib
from collections.abc import Mapping, Sequence
from typing import Final, cast

from meshtier.errors import InputError, InvalidValueError, Problem
from meshtier.frozen import FrozenMapping
from meshtier.labels import Labels
from meshtier.note import Note
from meshtier.rules.duration import parse_duration

MAX_UINT32: Final = 2**32 - 1
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


class Report:
    """What was found wrong or doubtful in one object.

    Attributes:
        file: The file's name, for the problems.
        document: Which document of the file.
        object: What to call the object; may be set once its name is read.
    """

    def __init__(self, *, file: str = "", document: int | None = None, object_name: str = "") -> None:
        self.file = file
        self.document = document
        self.object = object_name
        self._problems: list[tuple[str, str]] = []
        self._notes: list[tuple[str, str]] = []

    def refuse(self, path: str, problem: str) -> None:
        """Record a problem at *path*."""
        self._problems.append((path, problem))

    def note(self, code: str, text: str) -> None:
        """Record a remark."""
        self._notes.append((code, text))

    @property
    def notes(self) -> tuple[Note, ...]:
        """The remarks so far."""
        return tuple(Note(code, text, self.object) for code, text in self._notes)

    def check(self) -> None:
        """Raise all problems together, if there are any.

        Raises:
            InputError: At least one problem was recorded.
        """
        if self._problems:
            raise InputError(
                [
                    Problem(problem=problem, file=self.file, document=self.document, object=self.object, path=path)
                    for path, problem in self._problems
                ]
            )


class Reader:
    """The fields of one mapping; each method takes one field, ``None`` or empty if it is absent or null.

    Attributes:
        report: Where problems and notes go.
        path: Where the mapping stands, as in ``spec.trafficPolicy``.
    """

    def __init__(self, fields: Mapping[str, object], report: Report, path: str = "") -> None:
        self.report = report
        self.path = path
        self._fields = fields
        self._known: set[str] = set()

    def path_of(self, key: str) -> str:
        """The path of the field *key*."""
        return f"{self.path}.{key}" if self.path else key

    def refuse(self, key: str, problem: str) -> None:
        """Record a problem with the field *key*; ``""`` for the mapping itself."""
        self.report.refuse(self.path_of(key) if key else self.path, problem)

    def has(self, key: str) -> bool:
        """Whether the field is there and not null."""
        return self._fields.get(key) is not None

    def is_empty(self) -> bool:
        """Whether no field is there at all."""
        return all(value is None for value in self._fields.values())

    def take(self, key: str, kind: type | tuple[type, ...], what: str) -> object:
        """The field as it came, if it is of this kind; a bool is no number."""
        self._known.add(key)
        value = self._fields.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.refuse(key, f"expected {what}, got {shown(value)}")
            return None
        return value

    def text(self, key: str) -> str | None:
        """A string."""
        return cast("str | None", self.take(key, str, "a string"))

    def flag(self, key: str) -> bool | None:
        """A bool."""
        return cast("bool | None", self.take(key, bool, "true or false"))

    def integer(self, key: str, *, least: int = 0, most: int = MAX_UINT32) -> int | None:
        """A whole number from *least* to *most*."""
        what = f"an integer from {least} to {most}"
        value = cast("int | None", self.take(key, int, what))
        if value is not None and not least <= value <= most:
            self.refuse(key, f"expected {what}, got {shown(value)}")
            return None
        return value

    def number(self, key: str, *, least: float, most: float) -> float | None:
        """A number from *least* to *most*."""
        what = f"a number from {least:g} to {most:g}"
        value = cast("float | None", self.take(key, (int, float), what))
        if value is not None and not least <= value <= most:
            self.refuse(key, f"expected {what}, got {shown(value)}")
            return None
        return None if value is None else float(value)

    def duration(self, key: str) -> float | None:
        """A duration, in seconds."""
        text = cast("str | None", self.take(key, str, "a duration such as '10s'"))
        try:
            return None if text is None else parse_duration(text)
        except InvalidValueError as error:
            self.refuse(key, error.problem)
            return None

    def section(self, key: str) -> "Reader | None":
        """A mapping."""
        value = self.take(key, Mapping, "a mapping")
        return None if value is None else self._reader(value, self.path_of(key))

    def sections(self, key: str) -> "tuple[Reader, ...]":
        """A list of mappings; what is no mapping is refused and left out."""
        readers: list[Reader] = []
        for path, item in self._list(key):
            if isinstance(item, Mapping):
                readers.append(self._reader(cast("object", item), path))
            else:
                self.report.refuse(path, f"expected a mapping, got {shown(item)}")
        return tuple(readers)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        texts: list[str] = []
        for path, item in self._list(key):
            if isinstance(item, str):
                texts.append(item)
            else:
                self.report.refuse(path, f"expected a string, got {shown(item)}")
        return tuple(texts)

    def integers(self, key: str, *, least: int, most: int) -> tuple[int, ...]:
        """A list of whole numbers from *least* to *most*."""
        numbers: list[int] = []
        for path, item in self._list(key):
            if isinstance(item, int) and not isinstance(item, bool) and least <= item <= most:
                numbers.append(item)
            else:
                self.report.refuse(path, f"expected an integer from {least} to {most}, got {shown(item)}")
        return tuple(numbers)

    def labels(self, key: str) -> Labels | None:
        """A mapping of strings to strings."""
        reader = self.section(key)
        if reader is None:
            return None
        return Labels({name: value for name in reader.names() if (value := reader.text(name)) is not None})

    def kept(self, key: str) -> Kept | None:
        """A mapping that is carried along unread."""
        value = self.take(key, Mapping, "a mapping")
        return None if value is None else self._keep(cast("Mapping[str, object]", value), self.path_of(key))

    def rest(self) -> Kept:
        """The fields that nobody asked for; each is noted. Call it last."""
        unknown = {key: value for key, value in self._fields.items() if key not in self._known and value is not None}
        for key in unknown:
            self.report.note("unknown-field", f"{self.path_of(key)}: unknown field, kept and otherwise ignored")
        return self._keep(unknown, self.path) if unknown else NOTHING_KEPT

    def names(self) -> tuple[str, ...]:
        """The names of the fields, in order."""
        return tuple(self._fields)

    def _list(self, key: str) -> list[tuple[str, object]]:
        items = cast("Sequence[object] | None", self.take(key, (list, tuple), "a list"))
        return [(f"{self.path_of(key)}[{place}]", item) for place, item in enumerate(items or ())]

    def _reader(self, value: object, path: str) -> "Reader":
        fields = cast("Mapping[object, object]", value)
        named: dict[str, object] = {}
        for key, item in fields.items():
            if isinstance(key, str):
                named[key] = item
            else:
                self.report.refuse(path, f"expected strings as keys, got {shown(key)}")
        return Reader(named, self.report, path)

    def _keep(self, value: Mapping[str, object], path: str) -> Kept:
        try:
            return Kept(value)
        except InvalidValueError as error:
            self.report.refuse(path, error.problem)
            return NOTHING_KEPT
