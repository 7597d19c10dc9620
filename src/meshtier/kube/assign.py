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
class Source:
    """What was read from one file or handed over at once.

    Attributes:
        sheets: What it holds.
        cluster: The cluster that the caller says it is of; ``None`` if the caller does not.
    """

    sheets: SourceObjects
    cluster: str | None = None


@frozen
class Share:
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
    def sheets(self) -> list[DocumentObjects]:
        """All its sheets, in order."""
        return [sheet for source in self.sources for sheet in source.sheets]


def assign(sources: Sequence[Source]) -> tuple[Sequence[Share], Sequence[Problem]]:
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
    described: dict[str, DocumentObjects] = {}
    for source in sources:
        labelled = _labelled(source.sheets)
        name = source.cluster if source.cluster is not None else labelled.name
        if name is None:
            (shared if _holds_rules_alone(source.sheets) else unnamed).append(source.sheets)
            continue
        names.setdefault(name, []).append(source.sheets)
        if source.cluster is not None and labelled.name not in (None, name):
            text = f"it says {labelled.name!r}; the caller says {name!r}, which holds"
            notes.append(Note("cluster-name-differs", text, f"Namespace {SYSTEM_NAMESPACE} label {CLUSTER}"))
        if source.cluster is None and labelled.sheet is not None:
            problems += _twice(name, described.setdefault(name, labelled.sheet), labelled.sheet)
    problems += _mixed(sources)
    for sheets in unnamed:
        if len(names) > 1 and any(sheet.objects for sheet in sheets.sheets):
            problems.append(_homeless(sheets, names))
    _add_unnamed(names, unnamed)
    for held in names.values():
        held.extend(shared)
    if shared and not names:
        names[""] = shared
    shares = [Share(name, tuple(held), tuple(notes) if len(names) == 1 else ()) for name, held in names.items()]
    return shares, problems


def _holds_rules_alone(sheets: SourceObjects) -> bool:
    shapes_held = {shape for sheet in sheets.sheets for shape, objects in sheet.objects.items() if objects}
    return shapes_held == {schema.DestinationRule} and not any(sheet.dump for sheet in sheets.sheets)


@frozen
class _Labelled:
    name: str | None = None
    sheet: DocumentObjects | None = None


def _labelled(sheets: SourceObjects) -> _Labelled:
    """The cluster that the system namespace in a source names, and where that stands."""
    for sheet in sheets.sheets:
        said = "" if sheet.dump is None else ztunnel_dump.cluster_of(sheet.dump)
        if said:
            return _Labelled(said, sheet)
        for namespace in cast("Sequence[schema.Namespace]", sheet.of(schema.Namespace)):
            if namespace.metadata.name == SYSTEM_NAMESPACE:
                name = (namespace.metadata.labels or {}).get(CLUSTER)
                if name:
                    return _Labelled(name, sheet)
    return _Labelled()


def _label_of(sheet: DocumentObjects) -> Mapping[str, str]:
    """Where on a sheet its cluster's name stands."""
    if sheet.dump is not None:
        return {"object": "ztunnel dump", "path": "workloads"}
    return {"object": f"Namespace {SYSTEM_NAMESPACE}", "path": f"metadata.labels[{CLUSTER}]"}


def _twice(name: str, first: DocumentObjects, sheet: DocumentObjects) -> Sequence[Problem]:
    if first is sheet:
        return ()
    where = f", the first in {first.file}" if first.file else ""
    text = f"expected one cluster of the name {name!r}, got two{where}; {_APART}"
    return (sheet.problem(text, **_label_of(sheet)),)


def _mixed(sources: Sequence[Source]) -> Sequence[Problem]:
    """What is wrong where a label names a cluster that the caller has named as well."""
    given = {source.cluster for source in sources if source.cluster is not None}
    found: list[Problem] = []
    for source in sources:
        labelled = _labelled(source.sheets)
        if source.cluster is None and labelled.name in given and labelled.sheet is not None:
            text = (
                f"expected one cluster of the name {labelled.name!r}, got two, from the caller and from here; {_APART}"
            )
            found.append(labelled.sheet.problem(text, **_label_of(labelled.sheet)))
    return found


def _homeless(sheets: SourceObjects, names: Mapping[str, object]) -> Problem:
    known = ", ".join(repr(name) for name in names)
    text = f"expected a Namespace {SYSTEM_NAMESPACE} with the label {CLUSTER}, got none, and there are several clusters"
    return Problem(problem=f"{text} ({known}); {_HINT}", file=sheets.file)


def _add_unnamed(names: dict[str, list[SourceObjects]], unnamed: Sequence[SourceObjects]) -> None:
    if unnamed:
        names.setdefault(next(iter(names), ""), []).extend(unnamed)
