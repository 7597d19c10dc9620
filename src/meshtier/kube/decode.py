"""What is wrong with this object, and where? Plain mappings by their schema, every problem named.

This is the decoder for YAML, for what other libraries hand over, and for JSON
that the fast one refused: it goes on after a problem, so that one reading finds all.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, TypeGuard, TypeVar, cast, get_args, get_origin, get_type_hints

from attrs import fields, has

from meshtier.kube.schema import key_of

_Schema = TypeVar("_Schema")

Refuse = Callable[[str, str], None]
"""Takes a path, and what was expected there and what came."""

_Reader = Callable[[object, str, Refuse], Any]

_MISSING: Final = object()
_SHOWN: Final = 60
"""How much of an unfit value a message shows."""

_NAMES: Final[Mapping[type, str]] = {str: "a string", int: "an integer", bool: "true or false"}


def object_from_mapping(schema: type[_Schema], value: object, refuse: Refuse) -> _Schema | None:
    """The object that *value* holds; ``None`` if it does not, with every reason refused.

    Args:
        schema: A class of `meshtier.kube.schema`.
        value: Plain data, as a JSON or YAML reader gives them. Never changed.
        refuse: Called for each problem, in the order of the fields.

    Cost: O(size of the parts that the schema names).
    """
    found = 0

    def counted(path: str, problem: str) -> None:
        nonlocal found
        found += 1
        refuse(path, problem)

    result = _reader(cast("Any", schema))(value, "", counted)
    return None if found else cast("_Schema", result)


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Whether this is what a list of JSON or YAML becomes."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))


def is_mapping(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether this is what an object of JSON or YAML becomes; its keys may be anything all the same."""
    return isinstance(value, Mapping)


def in_short(value: object) -> str:
    """The value as a message shows it, never walking through a large one.

    >>> in_short({"a": 1})
    'a mapping'
    """
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}…"
    if is_list(value) or isinstance(value, (set, frozenset)):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 4 * _SHOWN:
        return "a very large integer"
    return "null" if value is None else repr(value)[:_SHOWN]


@cache
def _reader(annotation: Any) -> _Reader:  # noqa: ANN401  # an annotation may be anything
    if annotation is Any:
        return lambda value, _path, _refuse: value
    if annotation in _NAMES:
        return _scalar(annotation)
    origin = get_origin(annotation)
    if origin is UnionType:
        (inner,) = (argument for argument in get_args(annotation) if argument is not NoneType)
        return _optional(_reader(inner))
    if origin is Sequence:
        return _sequence(_reader(get_args(annotation)[0]))
    if origin is Mapping:
        return _mapping(_reader(get_args(annotation)[1]))
    if not has(annotation):
        raise TypeError(f"no reader for {annotation!r}")
    return _object(annotation)


def _scalar(kind: type) -> _Reader:
    def read(value: object, path: str, refuse: Refuse) -> object:
        if type(value) is not kind:
            hint = " (put it in quotes)" if kind is str and isinstance(value, (int, float)) else ""
            refuse(path, f"expected {_NAMES[kind]}, got {in_short(value)}{hint}")
        return value

    return read


def _optional(inner: _Reader) -> _Reader:
    def read(value: object, path: str, refuse: Refuse) -> object:
        return None if value is None else inner(value, path, refuse)

    return read


def _sequence(inner: _Reader) -> _Reader:
    def read(value: object, path: str, refuse: Refuse) -> object:
        if not is_list(value):
            refuse(path, f"expected a list, got {in_short(value)}")
            return ()
        return tuple(inner(item, f"{path}[{index}]", refuse) for index, item in enumerate(value))

    return read


def _mapping(inner: _Reader) -> _Reader:
    def read(value: object, path: str, refuse: Refuse) -> object:
        if not isinstance(value, Mapping):
            refuse(path, f"expected a mapping, got {in_short(value)}")
            return {}
        items = cast("Mapping[object, object]", value)
        for key, item in items.items():
            if isinstance(key, str):
                inner(item, f"{path}[{key}]", refuse)
            else:
                hint = " (put it in quotes)" if isinstance(key, (int, float)) else ""
                refuse(path, f"expected keys that are strings, got {in_short(key)}{hint}")
        return dict(items)

    return read


def _object(schema: type[Any]) -> _Reader:
    hints = get_type_hints(schema)
    parts = [
        (attribute.name, key_of(attribute), _reader(hints[attribute.name]), attribute.default is None)
        for attribute in fields(schema)
    ]
    needed = {name for name, _key, _read, is_optional in parts if not is_optional}

    def read(value: object, path: str, refuse: Refuse) -> object:
        if not is_mapping(value):
            refuse(path, f"expected a mapping, got {in_short(value)}")
            return None
        found: dict[str, object] = {}
        for name, key, inner, is_optional in parts:
            item = value.get(key, _MISSING)
            where = f"{path}.{key}" if path else key
            if item is _MISSING or (item is None and not is_optional):
                if not is_optional:
                    refuse(where, f"expected a value, got {'none' if item is _MISSING else 'null'}")
            else:
                found[name] = inner(item, where, refuse)
        return schema(**found) if needed <= found.keys() else None

    return read
