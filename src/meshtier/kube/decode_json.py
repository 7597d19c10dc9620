"""How is a large JSON dump read quickly? Typed decoding with msgspec, by the declared schema.

The only module that imports msgspec. It decides nothing: what it cannot decode
it hands back as bytes, and `meshtier.kube.decode` says what is wrong there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from attrs import fields, frozen, has

from meshtier.kube.schema import KINDS, key_of
from meshtier.kube.text import Text

_NAMES: Final = """
    ClusterRole ClusterRoleBinding ControllerRevision CronJob CustomResourceDefinition DaemonSet Deployment
    Endpoints Event HorizontalPodAutoscaler Ingress Job Lease LimitRange NetworkPolicy PersistentVolume
    PersistentVolumeClaim PodDisruptionBudget PodMetrics PriorityClass ReplicaSet ReplicationController ResourceQuota
    Role RoleBinding Secret ServiceAccount StatefulSet StorageClass
"""
IGNORED_KINDS: Final = tuple(_NAMES.split())
"""Kinds that real dumps are full of and that say nothing here. One that is not
listed is ignored as well, in a slower way."""

_VERSION: Final[list[Any]] = [("api_version", str | None, None)]
_BEHIND: Final = re.compile(r"trailing characters \(byte (\d+)\)")
_SPACE: Final = re.compile(rb"[ \t\r\n]*")


def _typed(annotation: Any) -> Any:  # noqa: ANN401  # an annotation may be anything
    """The annotation with every schema in it replaced by its msgspec struct."""
    origin = get_origin(annotation)
    if origin is UnionType:
        return Union[tuple(_typed(argument) for argument in get_args(annotation))]  # noqa: UP007  # made at run time
    if origin is Sequence:
        return list[_typed(get_args(annotation)[0])]  # type: ignore[misc]  # made at run time
    if origin is Mapping:
        return dict[get_args(annotation)]  # type: ignore[misc]  # made at run time
    return _struct(annotation) if has(annotation) else annotation


def _struct(schema: type[Any], tag: str | None = None) -> type[msgspec.Struct]:
    hints = get_type_hints(schema)
    members: list[Any] = [
        (attribute.name, _typed(hints[attribute.name]), *((None,) if attribute.default is None else ()))
        for attribute in fields(schema)
    ]
    keys = {attribute.name: key_of(attribute) for attribute in fields(schema)} | {"api_version": "apiVersion"}
    # Without cycles, so the collector need not walk through them.
    return msgspec.defstruct(
        schema.__name__,
        [*members, *(_VERSION if tag else [])],
        rename=keys,
        tag=tag,
        tag_field="kind" if tag else None,
        gc=False,
    )


def _listing(item: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401
    members: list[Any] = [("kind", str | None, None), ("api_version", str | None, None), ("items", item, None)]
    return msgspec.json.Decoder(msgspec.defstruct("Listing", members, rename="camel", gc=False))


_STRUCTS: Final = {kind: _struct(schema, kind) for kind, schema in KINDS.items()}
_KIND_OF: Final[Mapping[type[Any], str]] = {struct: kind for kind, struct in _STRUCTS.items()} | {
    msgspec.defstruct(kind, _VERSION, rename="camel", tag=kind, tag_field="kind", gc=False): kind
    for kind in IGNORED_KINDS
}
_DECODERS: Final = {kind: msgspec.json.Decoder(struct) for kind, struct in _STRUCTS.items()}
_LIST: Final = _listing(list[Union[tuple(_KIND_OF)]] | None)  # type: ignore[misc]  # made at run time  # noqa: UP007
_RAW_LIST: Final = _listing(list[msgspec.Raw] | None)
_HEAD: Final = _listing(msgspec.Raw | None)
_META: Final = msgspec.defstruct("Named", [(name, str | None, None) for name in ("namespace", "name")], gc=False)
_NAMED: Final = msgspec.json.Decoder(
    msgspec.defstruct("Object", [("kind", str | None, None), ("metadata", _META | None, None)], gc=False)
)
_RAW: Final = msgspec.json.Decoder(msgspec.Raw)
_UNFIT: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@frozen
class ObjectList:
    """The objects of a list, all of them typed or all as bytes.

    Attributes:
        kind: As in ``PodList``.
        api_version: What holds for items that have none; ``None`` if absent.
        typed: By kind, in the order of the input, if all were understood.
        raw: The bytes of each, if some were not.
    """

    kind: str
    api_version: str | None
    typed: Mapping[str, list[Any]] = {}
    raw: Sequence[bytes] = ()


def lists(data: Text) -> Iterator[tuple[ObjectList, int]]:
    """Each of the lists of objects that *data* begins with, one after the other, and the byte at which it ends."""
    whole = _list_from(data)  # as a rule there is one, and nothing behind it
    if whole is not None:
        yield whole, len(data)
        return
    view = memoryview(data)
    start = 0
    while (end := end_of_value(view, start)) and (found := _list_from(view[start:end])) is not None:
        space = _SPACE.match(data, end)
        start = space.end() if space else end
        yield found, start


def end_of_value(data: memoryview, start: int) -> int:
    """The byte behind the JSON value that begins at *start*; 0 if there is none. Cost: O(size of that value)."""
    try:
        _RAW.decode(data[start:])
    except _UNFIT as error:
        behind = _BEHIND.search(str(error))
        return start + int(behind[1]) - 1 if behind else 0  # it counts the first byte that is too many
    return data.nbytes


def _list_from(data: Text | memoryview) -> ObjectList | None:
    """The list that *data* holds; ``None`` if it is something else, or no JSON."""
    typed = _decoded(_LIST, data)
    found = typed if typed is not None else _decoded(_RAW_LIST, data)
    if found is None or found.items is None or not (found.kind or "").endswith("List"):
        return None
    if typed is None:
        return ObjectList(found.kind, found.api_version, raw=[bytes(item) for item in found.items])
    objects: dict[type[Any], list[Any]] = {struct: [] for struct in _KIND_OF}
    for item in found.items:
        objects[type(item)].append(item)
    by_kind = {_KIND_OF[struct]: items for struct, items in objects.items() if items}
    return ObjectList(found.kind, found.api_version, typed=by_kind)


def head_of(item: bytes) -> tuple[str | None, str | None]:
    """The kind and the apiVersion of one object, as far as they can be read."""
    found = _decoded(_HEAD, item)
    return (None, None) if found is None else (found.kind, found.api_version)


def naming_of(item: memoryview) -> tuple[str, str, str]:
    """The kind, namespace and name of one object, ``""`` for what it does not say or what cannot be read."""
    found = _decoded(_NAMED, item)
    if found is None or found.metadata is None:
        return "", "", ""
    return found.kind or "", found.metadata.namespace or "", found.metadata.name or ""


def object_from_json(kind: str, item: bytes) -> Any | None:  # noqa: ANN401  # of any schema
    """The object of this *kind* that *item* holds; ``None`` if it is not understood."""
    return _decoded(_DECODERS[kind], item)


def _decoded(decoder: msgspec.json.Decoder[Any], data: Text | memoryview) -> Any | None:  # noqa: ANN401
    try:
        return decoder.decode(data)
    except _UNFIT:
        return None


def packed(objects: Sequence[Any]) -> bytes | None:
    """Objects that were decoded here, as bytes of a tenth of their size; ``None`` for others."""
    if not objects or any(type(each) is not type(objects[0]) for each in objects) or type(objects[0]) not in _KIND_OF:
        return None
    try:
        return msgspec.msgpack.encode(objects)
    except (OverflowError, TypeError, ValueError):  # as for an integer of more than 64 bits in a DestinationRule
        return None


def unpacked(kind: str, data: bytes) -> list[Any]:
    """The objects of a kind that `packed` gave."""
    return msgspec.msgpack.decode(data, type=list[_STRUCTS[kind]])  # type: ignore[valid-type]  # made at run time
