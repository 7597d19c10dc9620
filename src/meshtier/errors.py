"""What can go wrong, and what does the caller learn from it?

Everything that meshtier raises on bad input is a `MeshError`. Each child also
derives from the builtin that a caller would expect, says what was expected,
what came and where, and keeps the same facts as attributes. The checks of
arguments, which all rooms share, raise them in the same words everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Final

from attrs import frozen

MAX_SHOWN: Final = 100
"""How many problems the text of an `InputError` shows; all of them are in its attribute."""


class MeshError(Exception):
    """The base of every error that meshtier raises on bad input."""


class InvalidValueError(MeshError, ValueError):
    """A value that the model cannot hold, and where it stood.

    Attributes:
        problem: What was expected and what came.
        path: The argument or field at fault, as in ``endpoints[3].weight``;
            ``""`` where there is only one thing that it can mean.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem, path)
        self.problem = problem
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


_MOST_COMPARED: Final = 2_000
_PIECE: Final = 3


def _likely(name: str, names: Sequence[str]) -> Sequence[str]:
    """The names that share most pieces with *name*: of 300,000 the full comparison would take a quarter of a minute."""
    if len(names) <= _MOST_COMPARED:
        return names
    from heapq import nlargest  # noqa: PLC0415  # only errors need it

    pieces = {name[at : at + _PIECE] for at in range(len(name) - _PIECE + 1)} or {name}
    return nlargest(_MOST_COMPARED, names, key=lambda candidate: sum(piece in candidate for piece in pieces))


class UnknownNameError(MeshError, KeyError):
    """A name that nothing bears, with the nearest names that something does.

    Attributes:
        what: The kind of thing that was looked for, as in ``"host"``.
        name: What was asked for.
        nearest: The known names most like it, best first; empty if none is.
        known: Some of the known names, where none is like it.
        where: Among what it was looked for, as in ``in DestinationRule shop/web``.
    """

    def __init__(
        self, what: str, name: str, nearest: Sequence[str] = (), known: Sequence[str] = (), where: str = ""
    ) -> None:
        super().__init__(what, name, tuple(nearest), tuple(known), where)
        self.what = what
        self.name = name
        self.nearest: tuple[str, ...] = tuple(nearest)
        self.known: tuple[str, ...] = tuple(known)
        self.where = where

    @classmethod
    def among(cls, what: str, name: str, known: Iterable[str], *, where: str = "") -> "UnknownNameError":
        """The error for *name*, naming at most five of *known* that look like it.

        Cost: O(n log n) in the known names; only some thousand that have most in
        common with *name* are compared in full.
        """
        from difflib import get_close_matches  # noqa: PLC0415  # only errors need it, and it is slow to load

        names = sorted(set(known))
        name = str(name)
        inside = [candidate for candidate in names if name and name in candidate]
        close = get_close_matches(name, _likely(name, names), n=5, cutoff=0.5)
        return cls(what, name, tuple(dict.fromkeys([*inside[:3], *close]))[:5], names[:5], where)

    def __str__(self) -> str:
        said = " ".join(part for part in (f"no {self.what} {self.name!r}", self.where) if part)
        if self.nearest:
            return f"{said}; the nearest: {', '.join(self.nearest)}"
        return f"{said}; there are: {', '.join(self.known)}" if self.known else said


class MissingExtraError(MeshError, ImportError):
    """An adapter was asked for whose third-party package is not installed.

    Attributes:
        extra: The extra to install, as in ``pip install 'meshtier[yaml]'``.
        purpose: What it is needed for.
    """

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(extra, purpose)
        self.extra = extra
        self.purpose = purpose

    def __str__(self) -> str:
        return f"{self.purpose} needs an extra: pip install 'meshtier[{self.extra}]'"


@frozen(kw_only=True)
class Problem:
    """One thing in the input that cannot be understood, and where it stands.

    Attributes:
        problem: What was expected and what came.
        file: The file's name as the caller gave it; ``"-"`` for standard input,
            ``""`` for an object that came from no file.
        document: Which document of the file, from 1; ``None`` if the file could
            not be split into documents.
        object: ``Kind namespace/name``, as far as it could be read.
        path: The field, as in ``spec.ports[0].port``.
    """

    problem: str
    file: str = ""
    document: int | None = None
    object: str = ""
    path: str = ""

    def __str__(self) -> str:
        document = f"document {self.document}" if self.document is not None else ""
        where = ", ".join(part for part in (self.file, document, self.object, self.path) if part)
        return f"{where}: {self.problem}" if where else self.problem


class InputError(MeshError, ValueError):
    """Input that cannot be read, with all its problems together.

    Attributes:
        problems: At least one, in the order of the input.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(tuple(problems))
        self.problems: tuple[Problem, ...] = tuple(problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:MAX_SHOWN]]
        if rest := len(self.problems) - MAX_SHOWN:
            lines += [f"… and {rest:,} more"] if rest > 0 else []
        return "\n".join(lines)


_IN_WORDS: Final[Mapping[type, str]] = {
    str: "a string",
    bool: "True or False",
    Mapping: "a mapping",
    NoneType: "None",
}
"""What a message calls a type, where its name would not do."""


def check_type(value: object, wanted: type | UnionType, path: str, *, what: str = "") -> None:
    """Refuse a value of another type than *wanted*.

    Args:
        value: What the caller gave; annotations alone keep no caller from giving anything.
        wanted: A type or a union of types.
        path: The argument or field.
        what: What to call the expected, as in ``"hosts"``; ``""`` for the name of the type.

    Raises:
        InvalidValueError: It is of another type.

    >>> check_type("on", bool, "strict")
    Traceback (most recent call last):
    meshtier.InvalidValueError: strict: expected True or False, got 'on'
    """
    if not isinstance(value, wanted):
        kinds: tuple[type, ...] = wanted.__args__ if isinstance(wanted, UnionType) else (wanted,)
        raise InvalidValueError(f"expected {what or ' or '.join(map(_in_words, kinds))}, got {value!r}", path)


def _in_words(kind: type) -> str:
    return _IN_WORDS.get(kind, f"a{'n' * (kind.__name__[0] in 'AEIOU')} {kind.__name__}")


def check_name(value: object, path: str) -> None:
    """Refuse what is no string, or is ``""``; all checks raise an `InvalidValueError`."""
    if not isinstance(value, str) or not value:
        raise InvalidValueError(f"expected a non-empty string, got {value!r}", path)


def check_int(value: object, path: str, *, least: int, most: int) -> None:
    """Refuse what is no integer from *least* to *most*; a bool is none."""
    if type(value) is not int or not least <= value <= most:
        raise InvalidValueError(f"expected an integer from {least} to {most}, got {value!r}", path)


def check_percentage(value: object, path: str) -> None:
    """Refuse what is no number from 0 to 100; neither a bool nor NaN is one."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 100:
        raise InvalidValueError(f"expected a number from 0 to 100, got {value!r}", path)


def check_member(value: object, members: type[Enum], path: str) -> None:
    """Refuse what is no member of the enum *members*; the value of a member is none."""
    if not isinstance(value, members):
        allowed = ", ".join(f"{members.__name__}.{name}" for name in members.__members__)
        raise InvalidValueError(f"expected one of {allowed}, got {value!r}", path)
