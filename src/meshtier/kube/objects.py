"""Which objects does a document hold? Lists unwrapped, kinds told apart, shapes decoded.

A sheet is what one document holds, sorted by kind. It does not matter how the
document was read: `SourceObjects` takes plain data, and JSON bytes as well, which
it decodes through `fast` as far as that is installed and understands them.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any, Final, cast

from attrs import define, evolve, field

from meshtier.errors import Problem
from meshtier.kube import decode, jsontext
from meshtier.kube.documents import Document
from meshtier.kube.schema import CLUSTER_WIDE, GROUPS, KINDS, group_of
from meshtier.kube.text import Text

_SNAKE: Final = "api_version"
_CLIENT: Final = "expected keys in camel case, as sanitize_for_serialization of the Python client gives them, got"
_BYTE: Final = re.compile(r"\(byte (\d+)\)")


def fast_decoder() -> ModuleType | None:
    """The module `fast`; ``None`` if the extra is not installed."""
    try:
        from meshtier.kube import decode_json  # noqa: PLC0415  # the extra may be missing
    except ModuleNotFoundError:
        return None
    return decode_json


@define(eq=False)
class DocumentObjects:
    """The objects of one document.

    Attributes:
        file: The file's name as the caller gave it; ``""`` for plain data.
        number: Which document of the file, from 1; ``None`` for plain data.
        objects: By shape, each in the order of the input.
        dump: What a ztunnel dumped, if that is what the document is.
    """

    file: str
    number: int | None
    objects: dict[type[Any], list[Any]] = field(factory=dict[type[Any], list[Any]])
    dump: Mapping[str, object] | None = None

    def of(self, shape: type[Any]) -> Sequence[Any]:
        """Its objects of one kind."""
        return self.objects.get(shape, ())

    def problem(self, text: str, *, object: str = "", path: str = "") -> Problem:  # noqa: A002  # the field's name
        """A problem with something on this sheet."""
        return Problem(problem=text, file=self.file, document=self.number, object=object, path=path)


@define(eq=False)
class SourceObjects:
    """All that one source holds.

    Attributes:
        file: Its name as the caller gave it; ``""`` for plain data.
        sheets: One for each document.
        skipped: How many objects of each unknown kind were ignored.
        problems: What could not be read, in the order of the input.
        is_blank: Whether nothing came, not even an empty list or an object to skip.
    """

    file: str = ""
    sheets: list[DocumentObjects] = field(factory=list[DocumentObjects])
    skipped: Counter[str] = field(factory=Counter[str])
    problems: list[Problem] = field(factory=list[Problem])
    is_blank: bool = True

    def refuse(self, problem: Problem) -> None:
        """Take a problem, and set the file's name in it."""
        self.problems.append(evolve(problem, file=self.file))

    def take(self, document: Document, *, is_only: bool = False) -> None:
        """Take what a document holds. An empty document is nothing."""
        if document.value is None:
            return
        self.is_blank = False
        sheet = self._sheet(None if is_only else document.number)
        value = document.value
        if isinstance(value, Sequence) and not isinstance(value, str):
            self._items(sheet, cast("Sequence[object]", value), "", None, None)
        elif (mapping := self._mapping(sheet, value, "")) is not None:
            self._document(sheet, mapping)

    def take_json(self, data: Text) -> None:
        """Take the JSON values in *data*, one after the other."""
        fast = fast_decoder()
        if fast is None:
            self._take_findings(data[:])
        elif not self._take_typed(fast, data, 1):
            self._take_values(fast, data[:])

    def _take_findings(self, data: bytes, number: int = 1) -> None:
        for finding in jsontext.documents(data):
            if isinstance(finding, Problem):
                self.refuse(evolve(finding, document=number + (finding.document or 1) - 1))
            else:
                self.take(Document(number + finding.number - 1, finding.value))

    def _take_values(self, fast: Any, data: bytes) -> None:  # noqa: ANN401  # the module
        number = 0
        try:
            for number, value in enumerate(fast.values(data), 1):
                if not self._take_typed(fast, value, number):
                    self._take_findings(bytes(value), number)
        except fast.NoJsonError as fault:
            self.refuse(Problem(problem=_syntax(fault.said, fault.start, data), document=number + 1))

    def _take_typed(self, fast: Any, data: Text | memoryview, number: int) -> bool:  # noqa: ANN401
        """Take a list through the typed decoder; say whether that was possible."""
        found = fast.listed(data)
        if found is None or not (found.head.kind or "").endswith("List"):
            return False
        self.is_blank = False
        sheet = self._sheet(number)
        if isinstance(found, fast.Raw):
            for index, item in enumerate(found.items):
                self._raw_item(fast, sheet, item, index, found.head)
            return True
        for kind, objects in found.objects.items():
            self._typed(sheet, kind, objects)
        return True

    def _typed(self, sheet: DocumentObjects, kind: str, objects: list[Any]) -> None:
        shape = KINDS.get(kind)
        if shape is None:
            self.skipped[kind] += len(objects)
            return
        versions = Counter[str | None](item.api_version for item in objects)
        if {group_of(version) for version in versions} == {GROUPS[shape]} and None not in versions:
            sheet.objects.setdefault(shape, []).extend(objects)
            return
        for item in objects:
            if self._is_known(sheet, kind, item.api_version, partial(_title, kind, item.metadata)):
                sheet.objects.setdefault(shape, []).append(item)

    def _raw_item(self, fast: Any, sheet: DocumentObjects, item: bytes, index: int, head: Any) -> None:  # noqa: ANN401
        own = fast.head_of(item)
        if own is not None and own.kind in KINDS and own.api_version is not None:
            shape = KINDS[own.kind]
            found = fast.decode(own.kind, item) if group_of(own.api_version) == GROUPS[shape] else None
            if found is not None:
                sheet.objects.setdefault(shape, []).append(found)
                return
        for finding in jsontext.documents(item):
            if isinstance(finding, Problem):
                self.refuse(evolve(finding, document=sheet.number, path=f"items[{index}]"))
            else:
                self._item(sheet, finding.value, f"items[{index}]", head.kind, head.api_version)

    def _sheet(self, number: int | None) -> DocumentObjects:
        if not self.sheets or self.sheets[-1].number != number or number is None:
            self.sheets.append(DocumentObjects(self.file, number))
        return self.sheets[-1]

    def _mapping(self, sheet: DocumentObjects, value: object, path: str) -> Mapping[str, object] | None:
        if isinstance(value, Mapping):
            return cast("Mapping[str, object]", value)
        expected = "expected a Kubernetes object" if path else "expected Kubernetes objects as YAML or JSON"
        self.problems.append(sheet.problem(f"{expected}, got {decode.shown(value)}", path=path))
        return None

    def _document(self, sheet: DocumentObjects, value: Mapping[str, object]) -> None:
        kind = value.get("kind")
        if kind is None and "workloads" in value and "services" in value:
            sheet.dump = value
        elif isinstance(kind, str) and kind.endswith("List") and (kind == "List" or "items" in value):
            items = value.get("items")
            if not isinstance(items, Sequence) or isinstance(items, str):
                got = decode.shown(items) if "items" in value else "none"
                self.problems.append(sheet.problem(f"expected a list, got {got}", object=kind, path="items"))
                return
            self._items(sheet, cast("Sequence[object]", items), "items", kind, value.get("apiVersion"))
        else:
            self._item(sheet, value, "", None, None)

    def _items(
        self, sheet: DocumentObjects, items: Sequence[object], path: str, list_kind: str | None, list_version: object
    ) -> None:
        for index, item in enumerate(items):
            self._item(sheet, item, f"{path}[{index}]", list_kind, list_version)

    def _item(
        self, sheet: DocumentObjects, item: object, path: str, list_kind: str | None, list_version: object
    ) -> None:
        value = self._mapping(sheet, item, path)
        if value is None:
            return
        kind, version = value.get("kind"), value.get("apiVersion")
        if list_kind not in (None, "List"):  # the items of a PodList need not say that they are Pods
            kind = list_kind.removesuffix("List") if kind is None and list_kind else kind
            version = list_version if version is None else version
        if version is None and _SNAKE in value:
            self.problems.append(sheet.problem(f"{_CLIENT} {_SNAKE!r}", path=path))
        elif not isinstance(kind, str) or not kind:
            self._refuse_head(sheet, path, "kind", f"expected a kind, as in 'Pod', got {_got(kind)}")
        elif version is not None and not isinstance(version, str):
            self._refuse_head(sheet, path, "apiVersion", f"expected a string, got {decode.shown(version)}")
        elif kind == "List":
            self.problems.append(sheet.problem("expected an object, got a List inside of another list", path=path))
        elif self._is_known(sheet, kind, version, partial(_title, kind, value.get("metadata"), path)):
            self._decode(sheet, kind, value, path)

    def _refuse_head(self, sheet: DocumentObjects, path: str, key: str, problem: str) -> None:
        self.problems.append(sheet.problem(problem, path=f"{path}.{key}" if path else key))

    def _is_known(self, sheet: DocumentObjects, kind: str, version: str | None, title: Callable[[], str]) -> bool:
        """Whether objects of this kind are read; counts what is ignored."""
        shape = KINDS.get(kind)
        if shape is None:
            self.skipped[kind] += 1
            return False
        if version is None:
            self.problems.append(sheet.problem("expected a string, got none", object=title(), path="apiVersion"))
            return False
        group = group_of(version)
        if group != GROUPS[shape]:
            self.skipped[f"{kind}.{group}" if group else kind] += 1
            return False
        return True

    def _decode(self, sheet: DocumentObjects, kind: str, value: Mapping[str, object], path: str) -> None:
        title = _title(kind, value.get("metadata"), path)
        shape = KINDS[kind]
        found = decode.decode(
            shape,
            value,
            lambda where, problem: self.problems.append(sheet.problem(problem, object=title, path=where)),
        )
        if found is not None:
            sheet.objects.setdefault(shape, []).append(found)


def _title(kind: str, metadata: object, path: str = "") -> str:
    """The object's name as messages have it, as far as it can be read."""
    if isinstance(metadata, Mapping):
        meta = cast("Mapping[str, object]", metadata)
        name, namespace = meta.get("name"), meta.get("namespace")
    else:
        name, namespace = getattr(metadata, "name", None), getattr(metadata, "namespace", None)
    if not isinstance(name, str) or not name:
        return f"{kind} ({path})" if path else kind
    return title_of(KINDS[kind], name, namespace if isinstance(namespace, str) else None)


def title_of(shape: type[Any], name: str, namespace: str | None) -> str:
    """The name of an object as messages have it, as in ``Pod bookinfo/reviews-1``."""
    return f"{shape.__name__} {name}" if shape in CLUSTER_WIDE else f"{shape.__name__} {namespace or 'default'}/{name}"


def _got(value: object) -> str:
    return "none" if value is None else decode.shown(value)


def _syntax(fault: str, start: int, data: bytes) -> str:
    """What msgspec says of a fault, with line and column in place of the byte."""
    if "recursion" in fault:
        return jsontext.TOO_DEEP
    if "truncated" in fault:
        last = data.count(b"\n") + 1
        return f"expected JSON, got a text that ends in the middle of a value (line {last})"
    said = fault.removeprefix("JSON is malformed: ")
    at = _BYTE.search(said)
    if at is None:
        return f"expected JSON: {said[:1].lower()}{said[1:]}"
    offset = start + int(at[1])
    line = data.count(b"\n", 0, offset) + 1
    column = offset - data.rfind(b"\n", 0, offset)
    return f"expected JSON: {said[: at.start()].strip()} (line {line}, column {column})"
