"""What is wrong with this object, and where? Plain mappings as shapes, every problem named.

This is the decoder for YAML, for what other libraries hand over, and for JSON
that the fast one refused: it goes on after a problem, so that one reading finds all.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

from attrs import fields, has

from meshtier.kube.schema import key_of

_Shape = TypeVar("_Shape")

Report = Callable[[str, str], None]
"""Takes a path and what was expected there."""

_Read = Callable[[object, str, Report], Any]

_MISSING: Final = object()
_SHOWN: Final = 60
"""How much of an unfit value a message shows."""

_NAMES: Final[Mapping[type, str]] = {str: "a string", int: "an integer", bool: "true or false"}


def decode(shape: type[_Shape], value: object, report: Report) -> _Shape | None:
    """The *shape* that *value* holds; ``None`` if it does not, with every reason reported.

    Args:
        shape: A class of `meshtier.kube.schema`.
        value: Plain data, as a JSON or YAML reader gives them. Never changed.
        report: Called for each problem, in the order of the fields.

    Cost: O(size of the parts that the shape names).
    """
    found = 0

    def counted(path: str, problem: str) -> None:
        nonlocal found
        found += 1
        report(path, problem)

    result = _reader(cast("Any", shape))(value, "", counted)
    return None if found else cast("_Shape", result)


def shown(value: object) -> str:
    """The value as a message shows it: in short, and never walking through a large one.

    >>> shown({"a": 1})
    'a mapping'
    """
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}…"
    if isinstance(value, (Sequence, set, frozenset)):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 4 * _SHOWN:
        return "a very large integer"
    return "null" if value is None else repr(value)[:_SHOWN]


@cache
def _reader(annotation: Any) -> _Read:  # noqa: ANN401  # an annotation may be anything
    if annotation is Any:
        return _anything
    if annotation in _NAMES:
        return _scalar(annotation)
    origin = get_origin(annotation)
    if origin is UnionType:
        (inner,) = (argument for argument in get_args(annotation) if argument is not NoneType)
        return _optional(_reader(inner))
    if origin is Sequence:
        return _sequence(_reader(get_args(annotation)[0]))
    if origin is Mapping:
        return _mapping(get_args(annotation)[1])
    if not has(annotation):
        raise TypeError(f"no reader for {annotation!r}")
    return _object(annotation)


def _anything(value: object, _path: str, _report: Report) -> object:
    return value


def _scalar(kind: type) -> _Read:
    def read(value: object, path: str, report: Report) -> object:
        if type(value) is not kind:
            hint = " (put it in quotes)" if kind is str and isinstance(value, (int, float)) else ""
            report(path, f"expected {_NAMES[kind]}, got {shown(value)}{hint}")
        return value

    return read


def _optional(inner: _Read) -> _Read:
    def read(value: object, path: str, report: Report) -> object:
        return None if value is None else inner(value, path, report)

    return read


def _sequence(inner: _Read) -> _Read:
    def read(value: object, path: str, report: Report) -> object:
        if isinstance(value, str) or not isinstance(value, Sequence):
            report(path, f"expected a list, got {shown(value)}")
            return ()
        items = cast("Sequence[object]", value)
        return tuple(inner(item, f"{path}[{index}]", report) for index, item in enumerate(items))

    return read


def _mapping(kind: Any) -> _Read:  # noqa: ANN401
    inner = _reader(kind)

    def read(value: object, path: str, report: Report) -> object:
        if not isinstance(value, Mapping):
            report(path, f"expected a mapping, got {shown(value)}")
            return {}
        items = cast("Mapping[object, object]", value)
        for key, item in items.items():
            if isinstance(key, str):
                inner(item, f"{path}[{key}]", report)
            else:
                hint = " (put it in quotes)" if isinstance(key, (int, float)) else ""
                report(path, f"expected keys that are strings, got {shown(key)}{hint}")
        return dict(items)

    return read


def _object(shape: type[Any]) -> _Read:
    hints = get_type_hints(shape)
    parts = [
        (attribute.name, key_of(attribute), _reader(hints[attribute.name]), attribute.default is None)
        for attribute in fields(shape)
    ]

    def read(value: object, path: str, report: Report) -> object:
        if not isinstance(value, Mapping):
            report(path, f"expected a mapping, got {shown(value)}")
            return None
        items = cast("Mapping[str, object]", value)
        found: dict[str, object] = {}
        for name, key, inner, optional in parts:
            item = items.get(key, _MISSING)
            where = f"{path}.{key}" if path else key
            if item is _MISSING:
                if not optional:
                    report(where, "expected a value, got none")
            elif item is None and not optional:
                report(where, "expected a value, got null")
            else:
                found[name] = inner(item, where, report)
        return shape(**found) if len(found) == len(parts) or _complete(parts, found) else None

    return read


def _complete(parts: Sequence[tuple[str, str, _Read, bool]], found: Mapping[str, object]) -> bool:
    return all(optional or name in found for name, _key, _read, optional in parts)
