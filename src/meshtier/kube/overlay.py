"""What would a cluster be with these objects put over it? New ones are added, known ones replaced.

The objects that a cluster was read from are kept with it, as they were decoded,
and it is built again of them. So a manifest means here what it means in a dump.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, TypeVar, cast

from attrs import evolve, fields, frozen

from meshtier.errors import InputError, InvalidValueError, Problem
from meshtier.kube import schema
from meshtier.kube.assign import holds_rules_alone, label_in
from meshtier.kube.clusters import build
from meshtier.kube.collector import collector_at_rest
from meshtier.kube.objects import DocumentObjects, SourceObjects, fast_decoder
from meshtier.kube.schema import key_in, title_of
from meshtier.kube.sources import Given, SourceReader
from meshtier.kube.workloads import Key
from meshtier.mesh.snapshot import Cluster
from meshtier.note import Note

_Value = TypeVar("_Value")

_MANY: Final = 1_000
"""From so many objects of one kind on, it is worth to keep them as bytes."""

_STATUSES: Final[Mapping[type[Any], type[Any]]] = {
    schema.Pod: schema.PodStatus,
    schema.Gateway: schema.GatewayStatus,
    schema.WorkloadEntry: schema.EntryStatus,
}
"""The kinds whose status is read."""


@frozen(eq=False)
class KeptDocument:
    """The objects of a document, in little space.

    Attributes:
        document: All of it but its objects.
        kinds: Its objects by schema, many of one kind as bytes: those of 100,000 pods
            take 40 MB so, and ten times as much as they are decoded.
    """

    document: DocumentObjects
    kinds: Mapping[type[Any], Sequence[Any] | bytes]

    @classmethod
    def of(cls, document: DocumentObjects) -> "KeptDocument":
        """What is kept of a document; of a ztunnel's dump, over which nothing can be put, only that it is one."""
        kinds = {kind: _packed(objects) for kind, objects in document.by_kind.items()}
        dump = None if document.dump is None else dict[str, object]()
        return cls(evolve(document, by_kind=defaultdict(list), dump=dump), kinds)

    def whole(self) -> DocumentObjects:
        """The document as it was."""
        by_kind = {kind: _unpacked(kind, objects) for kind, objects in self.kinds.items()}
        return evolve(self.document, by_kind=defaultdict(list, by_kind))


def _packed(objects: Sequence[Any]) -> Sequence[Any] | bytes:
    fast = fast_decoder() if len(objects) >= _MANY else None
    return (fast.packed(objects) if fast is not None else None) or objects


def _unpacked(kind: type[Any], objects: Sequence[Any] | bytes) -> list[Any]:
    if not isinstance(objects, bytes):
        return list(objects)
    found: list[Any] = cast("ModuleType", fast_decoder()).unpacked(kind.__name__, objects)  # which packed them
    return found


@frozen(kw_only=True, eq=False)
class ClusterSource:
    """What a cluster was built of.

    Attributes:
        built: The cluster, without its source.
        documents: Its objects.
        notes: What was doubtful about naming it.
    """

    built: Cluster
    documents: tuple[KeptDocument, ...]
    notes: tuple[Note, ...] = ()

    @classmethod
    def of(cls, built: Cluster, documents: Iterable[DocumentObjects], notes: Sequence[Note]) -> "ClusterSource":
        """The source of a cluster that was built of these documents."""
        return cls(built=built, documents=tuple(map(KeptDocument.of, documents)), notes=tuple(notes))

    def with_objects(
        self, clusters: Sequence[Cluster], sources: Sequence[Given], named: Mapping[str, Given | Sequence[Given]]
    ) -> tuple[Cluster, ...]:
        """All *clusters* with these objects put over them; one that gets none is the same one."""
        with collector_at_rest():
            found, problems = SourceReader().read_all(sources, named)
            given, doubts = _by_cluster(found, [cluster.name for cluster in clusters])
            problems += doubts
            made = [_overlaid(cluster, given.get(cluster.name, ()), problems) for cluster in clusters]
        if problems:
            raise InputError(tuple(dict.fromkeys(problems)))
        return tuple(made)

    def rebuilt(self, given: Sequence[SourceObjects]) -> Cluster:
        """The cluster with the objects of these sources put over its own."""
        over = [document for source in given for document in source.documents]
        own = [each.whole() for each in self.documents]
        documents = (*_replaced(own, over), *_added(own, over))
        made = build(self.built.name, documents, domain=self.built.domain, notes=self.notes)
        skipped = sum((source.skipped for source in given), Counter(self.built.skipped))
        read = _shared(evolve(made, skipped=dict(sorted(skipped.items()))), self.built)
        return evolve(read, source=ClusterSource.of(read, documents, self.notes))


def _by_cluster(
    found: Sequence[SourceObjects], names: Sequence[str]
) -> tuple[Mapping[str, list[SourceObjects]], Sequence[Problem]]:
    """The sources by the cluster over which they are put, and why some cannot be put over any.

    As in reading a dump: the one that the caller or a label names; without a name,
    the only one; and rules alone belong to every cluster.
    """
    given: dict[str, list[SourceObjects]] = {name: [] for name in names}
    problems: list[Problem] = []
    listed = ", ".join(repr(name) for name in names)
    for source in found:
        label, document = label_in(source)
        name = label if source.cluster is None else source.cluster
        if any(each.dump is not None for each in source.documents):
            problems.append(Problem(problem="expected Kubernetes objects, got a ztunnel dump", file=source.file))
        elif name is not None and name not in given:
            where = document if source.cluster is None and document is not None else DocumentObjects(source.file, None)
            problems.append(where.problem(f"expected objects of {_one_of(names)}, got those of {name!r}"))
        elif name is not None:
            given[name].append(source)
        elif not any(each.by_kind for each in source.documents):
            given[names[0]].append(source)  # where what is ignored of it is counted
        elif len(names) > 1 and not holds_rules_alone(source):
            problems.append(_homeless(source, listed))
        else:
            for held in given.values():
                held.append(source)
    return given, problems


def _one_of(names: Sequence[str]) -> str:
    if list(names) == [""]:
        return "the only cluster, which has no name"
    return f"one of the clusters {', '.join(map(repr, names))}"


def _homeless(source: SourceObjects, listed: str) -> Problem:
    text = f"expected the cluster of these objects to be named, since there are several ({listed}), got none"
    return Problem(problem=f"{text}; give them as CLUSTER=FILE (clusters={{CLUSTER: FILE}})", file=source.file)


def _overlaid(cluster: Cluster, given: Sequence[SourceObjects], problems: list[Problem]) -> Cluster:
    if not given:
        return cluster
    source = cluster.source
    if not isinstance(source, ClusterSource):
        name = f"cluster {cluster.name!r}" if cluster.name else "the cluster"
        text = f"expected clusters that meshtier.kube.load has read, got {name} of plain values"
        raise InvalidValueError(text, "sources")
    if cluster != source.built:
        text = f"expected cluster {cluster.name!r} as it was read, got it with changes"
        raise InvalidValueError(f"{text}; put objects over it first, and change it then", "sources")
    try:
        # By themselves first: what is wrong with them is then said of their own file, and two of one name are two.
        build(cluster.name, [each for one in given for each in one.documents], domain=cluster.domain)
        return source.rebuilt(given)
    except InputError as error:
        problems += error.problems
        return cluster


def _key(kind: type[Any], each: Any) -> Key:  # noqa: ANN401  # of any schema
    if kind is schema.DestinationRule:
        return each.metadata.get("namespace") or "default", each.metadata["name"]
    return key_in(kind, each.metadata)


def _by_key(documents: Sequence[DocumentObjects]) -> Mapping[type[Any], Mapping[Key, Any]]:
    kinds = {kind for document in documents for kind in document.by_kind}
    return {kind: {_key(kind, each): each for one in documents for each in one.of(kind)} for kind in kinds}


def _replaced(documents: Sequence[DocumentObjects], over: Sequence[DocumentObjects]) -> list[DocumentObjects]:
    """The documents of a dump, in which each object that comes again stands in the place of the former one."""
    new = _by_key(over)
    made: list[DocumentObjects] = []
    for document in documents:
        by_kind = document.by_kind.copy()
        titles: set[str] = set()
        for kind in new.keys() & by_kind.keys():
            former = {_key(kind, each): each for each in by_kind[kind]}
            titles |= {title_of(kind, key) for key in new[kind].keys() & former.keys()}
            by_kind[kind] = [_kept(kind, new[kind].get(key), each) for key, each in former.items()]
        notes = [note for note in document.notes if note.object not in titles]
        made.append(evolve(document, by_kind=by_kind, notes=notes) if titles else document)
    return made


def _added(documents: Sequence[DocumentObjects], over: Sequence[DocumentObjects]) -> list[DocumentObjects]:
    """The documents put over a dump, with what is not in it."""
    kinds = {kind for document in over for kind in document.by_kind}
    known = {(kind, _key(kind, each)) for document in documents for kind in kinds for each in document.of(kind)}
    made: list[DocumentObjects] = []
    for document in over:
        added = document.by_kind.copy()
        for kind, objects in document.by_kind.items():
            added[kind] = [each for each in objects if (kind, _key(kind, each)) not in known]
        made.append(evolve(document, by_kind=added))
    return made


def _kept(kind: type[Any], new: Any, former: Any) -> Any:  # noqa: ANN401  # of any schema
    """The new object, with what the cluster and not the manifest says: the status, and the node of a pod."""
    if new is None:
        return former
    parts = {attribute.name: getattr(new, attribute.name) for attribute in fields(kind)}
    if kind in _STATUSES and _is_blank(kind, new.status):
        parts["status"] = former.status
    if kind is schema.Pod and former.spec is not None and not (new.spec and new.spec.node_name):
        host_network = new.spec.host_network if new.spec else former.spec.host_network
        parts["spec"] = schema.PodSpec(node_name=former.spec.node_name, host_network=host_network)
    return kind(**parts)


def _is_blank(kind: type[Any], status: object) -> bool:
    """Whether a status says nothing: tools write ``status: {}`` into manifests."""
    return status is None or all(getattr(status, each.name) is None for each in fields(_STATUSES[kind]))


def _shared(made: Cluster, former: Cluster) -> Cluster:
    """The cluster, with all that is equal to what it was before being the same."""
    workloads = {key: _same(each, former.workloads.get(key)) for key, each in made.workloads.items()}
    services = {(each.kind, each.namespace, each.name): each for each in former.services}
    return evolve(
        made,
        workloads=workloads if workloads != former.workloads else former.workloads,
        services=tuple(_same(each, services.get((each.kind, each.namespace, each.name))) for each in made.services),
        **{
            name: _same(getattr(made, name), getattr(former, name))
            for name in ("nodes", "namespaces", "gateways", "waypoints", "destination_rules")
        },
    )


def _same(made: _Value, former: _Value | None) -> _Value:
    return former if former is not None and former == made else made
