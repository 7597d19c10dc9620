"""Which cluster does each source describe? Names given by the caller, or by a label (LOC-2)."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from attrs import frozen

from meshtier.errors import Problem
from meshtier.kube import schema, ztunnel_dump
from meshtier.kube.objects import DocumentObjects, SourceObjects
from meshtier.kube.places import SYSTEM_NAMESPACE
from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.note import Note

CLUSTER: Final = SCOPE_LABELS[Scope.CLUSTER]

_HINT: Final = "give it as --cluster NAME=PATH (clusters={NAME: PATH})"
_APART: Final = "name each as --cluster NAME=PATH (clusters={NAME: PATH})"


@frozen
class ClusterInput:
    """What belongs to one cluster.

    Attributes:
        name: The cluster's name.
        sources: Its sources, in the order of the input.
        notes: What was doubtful about naming it.
    """

    name: str
    sources: tuple[SourceObjects, ...]
    notes: tuple[Note, ...] = ()

    @property
    def documents(self) -> list[DocumentObjects]:
        """All its documents, in order."""
        return [document for source in self.sources for document in source.documents]


def assign(sources: Sequence[SourceObjects]) -> tuple[Sequence[ClusterInput], Sequence[Problem]]:
    """The sources by cluster, and why some are of none or of one cluster too many.

    A source without a name is of the one cluster that others name, or of an
    unnamed one if none do. One that holds DestinationRules and nothing else is
    of every cluster: such rules are written once and applied everywhere.
    """
    problems: list[Problem] = []
    names: dict[str, list[SourceObjects]] = {}
    notes: list[Note] = []
    unnamed: list[SourceObjects] = []
    shared: list[SourceObjects] = []
    labels: dict[str, DocumentObjects] = {}
    given = {source.cluster for source in sources}
    for source in sources:
        label, document = label_in(source)
        name = label if source.cluster is None else source.cluster
        if name is None:
            (shared if holds_rules_alone(source) else unnamed).append(source)
            continue
        names.setdefault(name, []).append(source)
        if source.cluster is None and document is not None:
            problems += _twice(name, labels.setdefault(name, document), document, is_given=name in given)
        elif label not in (None, name):
            text = f"it says {label!r}; the caller says {name!r}, which holds"
            notes.append(Note("cluster-name-differs", text, f"Namespace {SYSTEM_NAMESPACE} label {CLUSTER}"))
    if len(names) > 1:
        problems += [_homeless(source, names) for source in unnamed if _holds_objects(source)]
    if unnamed:
        names.setdefault(next(iter(names), ""), []).extend(unnamed)
    for held in names.values():
        held.extend(shared)
    if shared and not names:
        names[""] = shared
    inputs = [ClusterInput(name, tuple(held), tuple(notes) if len(names) == 1 else ()) for name, held in names.items()]
    return inputs, problems


def _holds_objects(source: SourceObjects) -> bool:
    return any(document.by_kind for document in source.documents)


def holds_rules_alone(source: SourceObjects) -> bool:
    """Whether a source is of every cluster."""
    kinds = {kind for document in source.documents for kind in document.by_kind}
    return kinds == {schema.DestinationRule} and not any(document.dump for document in source.documents)


def label_in(source: SourceObjects) -> tuple[str | None, DocumentObjects | None]:
    """The cluster that the system namespace in a source names, or a dump, and where that stands."""
    for document in source.documents:
        said = "" if document.dump is None else ztunnel_dump.cluster_of(document.dump)
        if said:
            return said, document
        for namespace in cast("Sequence[schema.Namespace]", document.of(schema.Namespace)):
            if namespace.metadata.name == SYSTEM_NAMESPACE and (name := (namespace.metadata.labels or {}).get(CLUSTER)):
                return name, document
    return None, None


def _twice(name: str, first: DocumentObjects, document: DocumentObjects, *, is_given: bool) -> Sequence[Problem]:
    """What is wrong where a label names a cluster that another names as well, or the caller does."""
    if first is document and not is_given:
        return ()
    where = ", from the caller and from here" if is_given else f", the first in {first.file}" if first.file else ""
    text = f"expected one cluster of the name {name!r}, got two{where}; {_APART}"
    if document.dump is not None:
        return (document.problem(text, object="ztunnel dump", path="workloads"),)
    return (document.problem(text, object=f"Namespace {SYSTEM_NAMESPACE}", path=f"metadata.labels[{CLUSTER}]"),)


def _homeless(source: SourceObjects, names: Mapping[str, object]) -> Problem:
    known = ", ".join(repr(name) for name in names)
    text = f"expected a Namespace {SYSTEM_NAMESPACE} with the label {CLUSTER}, got none, and there are several clusters"
    return Problem(problem=f"{text} ({known}); {_HINT}", file=source.file)
