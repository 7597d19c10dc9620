"""Which objects does a document hold? Lists unwrapped, kinds told apart, each object decoded.

It does not matter how a document was read: `SourceObjects` takes plain data, and
JSON bytes as well, which it decodes through `decode_json` as far as that is
installed and understands them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from types import ModuleType
from typing import Any, Final, cast

from attrs import define, evolve, field

from meshtier.errors import Problem
from meshtier.kube import jsontext
from meshtier.kube.decode import in_short, is_list, is_mapping, object_from_mapping
from meshtier.kube.documents import Document
from meshtier.kube.json_lines import JsonLines
from meshtier.kube.schema import CLUSTER_WIDE, GROUPS, KINDS, group_of, title_of
from meshtier.kube.text import Text
from meshtier.kube.unknown_fields import unknown_service_fields
from meshtier.note import Note

_SNAKE: Final = "api_version"
_CLIENT: Final = "expected keys in camel case, as sanitize_for_serialization of the Python client gives them, got"
_NO_OBJECTS: Final[Mapping[tuple[str, str], str]] = {
    ("Config", ""): "a kubeconfig; give what `kubectl get … -o yaml` prints",
    ("Kustomization", "kustomize.config.k8s.io"): "a kustomization: build it first, as with `kubectl kustomize FOLDER`",
}
"""What is written like an object and is none of a cluster, by kind and group."""

_Fast = Any  # the module `decode_json`, which may be missing and so cannot be named as a type
_Said = tuple[str | None, object]  # the kind and the apiVersion that a list gives to its items
_NOTHING: Final = (None, None)


def fast_decoder() -> ModuleType | None:
    """The module `decode_json`; ``None`` if the extra is not installed."""
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
        by_kind: By schema, each in the order of the input.
        dump: What a ztunnel dumped, if that is what the document is.
        notes: What was doubtful in reading its objects.
        lines: Where its objects begin, by title, as far as the reader said so.
        json_lines: Where they begin in a file of JSON, found when it is asked for.
    """

    file: str
    number: int | None
    by_kind: defaultdict[type[Any], list[Any]] = field(factory=partial(defaultdict[type[Any], list[Any]], list))
    dump: Mapping[str, object] | None = None
    notes: list[Note] = field(factory=list[Note])
    lines: dict[str, int | None] = field(factory=dict[str, "int | None"])
    json_lines: JsonLines | None = None

    def of(self, schema: type[Any]) -> Sequence[Any]:
        """Its objects of one kind."""
        return self.by_kind.get(schema, ())

    def problem(self, text: str, *, object: str = "", path: str = "") -> Problem:  # noqa: A002  # the field's name
        """A problem with something in this document."""
        return Problem(problem=text, file=self.file, document=self.number, object=object, path=path)


@define(eq=False)
class SourceObjects:
    """All that one source holds: a file, or what was handed over at once.

    Attributes:
        file: Its name as the caller gave it; ``""`` for plain data.
        cluster: The cluster that the caller says it is of; ``None`` if the caller does not.
        documents: The objects of each document.
        skipped: How many objects of each unknown kind were ignored.
        problems: What could not be read, in the order of the input.
        is_blank: Whether nothing came, not even an empty list or an object to skip.
        json_lines: Where the objects of a text of JSON begin.
    """

    file: str = ""
    cluster: str | None = None
    documents: list[DocumentObjects] = field(factory=list[DocumentObjects])
    skipped: Counter[str] = field(factory=Counter[str])
    problems: list[Problem] = field(factory=list[Problem])
    is_blank: bool = True
    json_lines: JsonLines | None = None

    def refuse(self, problem: Problem) -> None:
        """Take a problem, and set the file's name in it."""
        self.problems.append(evolve(problem, file=self.file))

    def take(self, found: Document | Problem, *, is_only: bool = False) -> None:
        """Take what a document holds, or the reason why it is none. An empty document is nothing."""
        if isinstance(found, Problem):
            self.refuse(found)
        elif found.value is not None:
            document = self._document(None if is_only else found.number)
            if is_list(found.value):
                self._items(document, found.value, "", lines=found.item_lines)
            elif is_mapping(found.value):
                self._take_mapping(document, found)
            else:
                got = in_short(found.value)
                self._refuse(document, "", f"expected Kubernetes objects as YAML or JSON, got {got}")

    def take_json(self, data: Text) -> None:
        """Take the JSON values in *data*, one after the other: lists as far as they are understood, then the rest."""
        fast = fast_decoder()
        lists: Iterable[tuple[Any, int]] = () if fast is None else fast.lists(data)
        end = number = 0
        for number, (found, end) in enumerate(lists, 1):  # noqa: B007  # the last of both counts
            self._take_list(fast, found, number)
        for rest in jsontext.documents(data, end, number + 1):
            self.take(rest)

    def _take_list(self, fast: _Fast, found: Any, number: int) -> None:  # noqa: ANN401  # its `ObjectList`
        document = self._document(number)
        for kind, objects in found.typed.items():
            self._take_typed(document, kind, objects)
        said = items_say(found.kind, found.api_version)
        for index, item in enumerate(found.raw):
            self._take_bytes(fast, document, item, f"items[{index}]", said)

    def _take_typed(self, document: DocumentObjects, kind: str, objects: list[Any]) -> None:
        schema = KINDS.get(kind)
        if schema is None:
            self.skipped[kind] += len(objects)
            return
        versions = {item.api_version for item in objects}
        if None not in versions and {group_of(version) for version in versions} == {GROUPS[schema]}:
            document.by_kind[schema].extend(objects)
            return
        for item in objects:
            if self._is_known(document, kind, item.api_version, partial(_title, kind, item.metadata)):
                document.by_kind[schema].append(item)

    def _take_bytes(self, fast: _Fast, document: DocumentObjects, item: bytes, path: str, said: _Said) -> None:
        kind, version = fast.head_of(item)
        if kind in KINDS and version is not None and group_of(version) == GROUPS[KINDS[kind]]:
            found = fast.object_from_json(kind, item)
            if found is not None:
                document.by_kind[KINDS[kind]].append(found)
                return
        for value in jsontext.documents(item):
            if isinstance(value, Problem):
                self.refuse(evolve(value, document=document.number, path=path))
            else:
                self._item(document, value.value, path, said)

    def _document(self, number: int | None) -> DocumentObjects:
        self.is_blank = False
        if not self.documents or self.documents[-1].number != number or number is None:
            self.documents.append(DocumentObjects(self.file, number, json_lines=self.json_lines))
        return self.documents[-1]

    def _take_mapping(self, document: DocumentObjects, found: Document) -> None:
        value = cast("Mapping[str, object]", found.value)
        kind = value.get("kind")
        if kind is None and "workloads" in value and "services" in value:
            document.dump = value
        elif isinstance(kind, str) and kind.endswith("List") and (kind == "List" or "items" in value):
            items = value.get("items")
            if is_list(items):
                said = items_say(kind, value.get("apiVersion"))
                self._items(document, items, "items", said, lines=found.item_lines)
            else:
                got = in_short(items) if "items" in value else "none"
                self.problems.append(document.problem(f"expected a list, got {got}", object=kind, path="items"))
        else:
            self._item(document, value, "", line=found.line)

    def _items(
        self,
        document: DocumentObjects,
        items: Sequence[object],
        path: str,
        said: _Said = _NOTHING,
        *,
        lines: Sequence[int] = (),
    ) -> None:
        """Take the objects of a list; *lines* are of mappings alone, and a list with something else is refused."""
        for index, (item, line) in enumerate(zip_longest(items, lines[: len(items)])):
            self._item(document, item, f"{path}[{index}]", said, line=line)

    def _item(
        self, document: DocumentObjects, item: object, path: str, said: _Said = _NOTHING, *, line: int | None = None
    ) -> None:
        """Take one object; *said* is what its list says for it."""
        refuse = partial(self._refuse, document, path)
        if not is_mapping(item):
            refuse(f"expected a Kubernetes object, got {in_short(item)}")
            return
        kind, version = item.get("kind"), item.get("apiVersion")
        kind, version = said[0] if kind is None else kind, said[1] if version is None else version
        if version is None and _SNAKE in item:
            refuse(f"{_CLIENT} {_SNAKE!r}")
        elif not isinstance(kind, str) or not kind:
            got = "none" if kind is None else in_short(kind)
            refuse(f"expected a kind, as in 'Pod', got {got}", "kind")
        elif version is not None and not isinstance(version, str):
            refuse(f"expected a string, got {in_short(version)}", "apiVersion")
        elif kind == "List":
            refuse("expected an object, got a List inside of another list")
        elif self._is_known(document, kind, version, partial(_title, kind, item.get("metadata"), path)):
            self._decode(document, kind, item, path, line)

    def _refuse(self, document: DocumentObjects, path: str, problem: str, key: str = "") -> None:
        self.problems.append(document.problem(problem, path=".".join(filter(None, (path, key)))))

    def _is_known(self, document: DocumentObjects, kind: str, version: str | None, title: Callable[[], str]) -> bool:
        """Whether objects of this kind are read; counts what is ignored."""
        schema = KINDS.get(kind)
        if schema is None and (what := _NO_OBJECTS.get((kind, group_of(version or "")))):
            self.problems.append(document.problem(f"expected Kubernetes objects, got {what}", object=kind))
            return False
        if schema is None:
            self.skipped[kind] += 1
            return False
        if version is None:
            self.problems.append(document.problem("expected a string, got none", object=title(), path="apiVersion"))
            return False
        group = group_of(version)
        if group != GROUPS[schema]:
            self.skipped[f"{kind}.{group}" if group else kind] += 1
            return False
        return True

    def _decode(
        self, document: DocumentObjects, kind: str, value: Mapping[str, object], path: str, line: int | None
    ) -> None:
        title = _title(kind, value.get("metadata"), path)
        found = object_from_mapping(
            KINDS[kind],
            value,
            lambda where, problem: self.problems.append(document.problem(problem, object=title, path=where)),
        )
        if found is not None:
            document.by_kind[KINDS[kind]].append(found)
            document.lines[title] = line
            document.notes += unknown_service_fields(title, value.get("spec")) if kind == "Service" else ()


def items_say(list_kind: str | None, version: object) -> _Said:
    """What the items of such a list need not say: those of a PodList are Pods."""
    return _NOTHING if list_kind in (None, "List") else (list_kind.removesuffix("List"), version)


def _title(kind: str, metadata: object, path: str = "") -> str:
    """The object's name as messages have it, as far as it can be read."""
    if isinstance(metadata, Mapping):
        meta = cast("Mapping[str, object]", metadata)
        name, namespace = meta.get("name"), meta.get("namespace")
    else:
        name, namespace = getattr(metadata, "name", None), getattr(metadata, "namespace", None)
    if not isinstance(name, str) or not name:
        return f"{kind} ({path})" if path else kind
    where = namespace if isinstance(namespace, str) and namespace else "default"
    return title_of(KINDS[kind], ("" if KINDS[kind] in CLUSTER_WIDE else where, name))
