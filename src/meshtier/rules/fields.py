"""How does plain data become a value, with all of its problems told at once?

A `FieldReader` takes fields out of one mapping, remembers which it was asked
for, and writes what is wrong to the `Problems` that a whole object shares. It
goes on after a problem, so that the next one is found too; `Problems.check`
raises at the end.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, cast

from meshtier.errors import InputError, InvalidValueError, Problem
from meshtier.labels import Labels
from meshtier.note import Note
from meshtier.rules.duration import parse_duration
from meshtier.rules.kept import NOTHING_KEPT, Kept, shown

MAX_UINT32: Final = 2**32 - 1

_LONGEST: Final = 60
"""Of longer names none is the misspelling of a field."""

_ALIKE: Final = 0.7
"""How much of two names must agree, as difflib counts it: ``form`` and ``from`` do, ``name`` and ``number`` do not."""


def nearest_field(name: str, known: Iterable[str]) -> str:
    """The field of which a name is a misspelling; ``""`` if it looks like none.

    >>> nearest_field("selektor", ["selector", "type"]), nearest_field("name", ["number"])
    ('selector', '')
    """
    from difflib import get_close_matches  # noqa: PLC0415  # only mistakes need it, and it is slow to load

    found = get_close_matches(name, sorted(known), n=1, cutoff=_ALIKE) if len(name) <= _LONGEST else []
    return found[0] if found else ""


class Problems:
    """What was found wrong or doubtful in one object.

    Attributes:
        file: The file's name, for the problems.
        document: Which document of the file.
        object: What to call the object; may be set once its name is read.
        strict: Whether what is doubtful is a problem, and not only a remark.
    """

    def __init__(
        self, *, file: str = "", document: int | None = None, object_name: str = "", strict: bool = True
    ) -> None:
        self.strict = strict
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

    @property
    def found(self) -> int:
        """How many problems there are so far."""
        return len(self._problems)

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


class FieldReader:
    """The fields of one mapping; each method takes one field, ``None`` or empty if it is absent or null.

    Attributes:
        problems: Where problems and notes go.
        path: Where the mapping stands, as in ``spec.trafficPolicy``.
    """

    def __init__(self, fields: Mapping[str, object], problems: Problems, path: str = "") -> None:
        self.problems = problems
        self.path = path
        self._fields = fields
        self._known: set[str] = set()

    def path_of(self, key: str) -> str:
        """The path of the field *key*."""
        return f"{self.path}.{key}" if self.path else key

    def refuse(self, key: str, problem: str) -> None:
        """Record a problem with the field *key*; ``""`` for the mapping itself."""
        self.problems.refuse(self.path_of(key) if key else self.path, problem)

    def doubt(self, code: str, key: str, problem: str) -> None:
        """Record what could be computed and is refused elsewhere: a problem, or a remark where that is asked for."""
        if self.problems.strict:
            self.refuse(key, problem)
        else:
            where = self.path_of(key) if key else self.path
            self.problems.note(code, f"{where}: {problem}; the rule is read all the same")

    def note(self, code: str, key: str, text: str) -> None:
        """Record a remark on the field *key*."""
        self.problems.note(code, f"{self.path_of(key)}: {text}")

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
        return cast("int | None", self._within(key, int, f"an integer from {least} to {most}", least, most))

    def number(self, key: str, *, least: float, most: float) -> float | None:
        """A number from *least* to *most*."""
        value = self._within(key, (int, float), f"a number from {least:g} to {most:g}", least, most)
        return None if value is None else float(value)

    def duration(self, key: str) -> float | None:
        """A duration, in seconds."""
        text = cast("str | None", self.take(key, str, "a duration such as '10s'"))
        try:
            return None if text is None else parse_duration(text)
        except InvalidValueError as error:
            self.refuse(key, error.problem)
            return None

    def section(self, key: str) -> "FieldReader | None":
        """A mapping."""
        value = self.take(key, Mapping, "a mapping")
        return None if value is None else self._reader(value, self.path_of(key))

    def sections(self, key: str) -> "tuple[FieldReader, ...]":
        """A list of mappings; what is none is refused and left out, as in the next two."""
        found = self._list(key, "a mapping", lambda item: isinstance(item, Mapping))
        return tuple(self._reader(item, path) for path, item in found)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        found = self._list(key, "a string", lambda item: isinstance(item, str))
        return tuple(cast("str", item) for _, item in found)

    def integers(self, key: str, *, least: int, most: int) -> tuple[int, ...]:
        """A list of whole numbers from *least* to *most*."""
        what = f"an integer from {least} to {most}"
        found = self._list(key, what, lambda item: type(item) is int and least <= item <= most)
        return tuple(cast("int", item) for _, item in found)

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
        """The fields that nobody asked for; each is noted, with the nearest of those asked for. Call it last."""
        for key, near in self.unknown():
            text = "unknown field, kept and otherwise ignored"
            self.note("unknown-field", key, f"{text}; the nearest: {near}" if near else text)
        unknown = self._unasked()
        return self._keep(unknown, self.path) if unknown else NOTHING_KEPT

    def unknown(self) -> Iterator[tuple[str, str]]:
        """The fields that nobody asked for, each with the nearest of those asked for, ``""`` if none is near."""
        return ((key, nearest_field(key, self._known)) for key in self._unasked())

    def _unasked(self) -> dict[str, object]:
        return {key: value for key, value in self._fields.items() if key not in self._known and value is not None}

    def names(self) -> tuple[str, ...]:
        """The names of the fields, in order."""
        return tuple(self._fields)

    def _within(self, key: str, kind: type | tuple[type, ...], what: str, least: float, most: float) -> float | None:
        value = cast("float | None", self.take(key, kind, what))
        if value is not None and not least <= value <= most:
            self.refuse(key, f"expected {what}, got {shown(value)}")
            return None
        return value

    def _list(self, key: str, what: str, fits: Callable[[object], bool]) -> Iterator[tuple[str, object]]:
        """The items that fit, each with its path."""
        items = cast("Sequence[object] | None", self.take(key, (list, tuple), "a list"))
        for place, item in enumerate(items or ()):
            path = f"{self.path_of(key)}[{place}]"
            if fits(item):
                yield path, item
            else:
                self.problems.refuse(path, f"expected {what}, got {shown(item)}")

    def _reader(self, value: object, path: str) -> "FieldReader":
        fields = cast("Mapping[object, object]", value)
        named: dict[str, object] = {}
        for key, item in fields.items():
            if isinstance(key, str):
                named[key] = item
            else:
                self.problems.refuse(path, f"expected strings as keys, got {shown(key)}")
        return FieldReader(named, self.problems, path)

    def _keep(self, value: Mapping[str, object], path: str) -> Kept:
        try:
            return Kept(value)
        except InvalidValueError as error:
            self.problems.refuse(path, error.problem)
            return NOTHING_KEPT
