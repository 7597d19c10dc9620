"""What does a cluster hold? The objects that belong to it, as one `Cluster`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from attrs import evolve

from meshtier.endpoint import MAX_WEIGHT
from meshtier.errors import InputError, Problem
from meshtier.kube import schema, ztunnel_dump
from meshtier.kube.backends import Backends, slices_by_service
from meshtier.kube.decode import is_mapping
from meshtier.kube.gateways import peering_gateways
from meshtier.kube.mesh_config import NAME as MESH_CONFIG
from meshtier.kube.mesh_config import mesh_config
from meshtier.kube.objects import DocumentObjects
from meshtier.kube.places import NETWORK, SEGMENT_LABEL, SYSTEM_NAMESPACE, Places
from meshtier.kube.positions import Positions
from meshtier.kube.proxies import Proxies
from meshtier.kube.request_routes import request_routes
from meshtier.kube.schema import BareMeta, Meta, key_in, title_of
from meshtier.kube.services import Services
from meshtier.kube.waypoints import listener_problems, waypoint_gateways
from meshtier.kube.workloads import Key, Workloads
from meshtier.labels import NO_LABELS, Labels
from meshtier.mesh.placement import placement_notes
from meshtier.mesh.snapshot import Cluster, Namespace, Service
from meshtier.note import Note
from meshtier.precedence import ANNOTATION
from meshtier.rules import DestinationRule

IGNORE: Final = "meshtier.io/ignore"
"""The annotation by which an object hides what lint says of it."""

_SAYING: Final = (
    schema.Node,
    schema.Namespace,
    schema.Service,
    schema.ServiceEntry,
    schema.WorkloadEntry,
    schema.Gateway,
    schema.GatewayClass,
)

_DUMP: Final = 3
"""From so many objects on that two files have in common, they are taken for dumps of two clusters."""


def build(name: str, documents: Sequence[DocumentObjects], *, domain: str, notes: Sequence[Note] = ()) -> Cluster:
    """The cluster that these documents describe; without what was skipped.

    Args:
        name: Its name; ``""`` if it has none.
        documents: All that belongs to it, in the order of the input.
        domain: The DNS domain of its services.
        notes: What was doubtful about naming it.

    Raises:
        InputError: With every problem that the objects have with each other.
    """
    dump = next((document for document in documents if document.dump is not None), None)
    if dump is None:
        return _Builder(name, documents, domain).build(notes)
    if len(documents) > 1:
        other = next(document for document in documents if document is not dump)
        where = f" ({other.file})" if other.file else ""
        text = f"expected nothing else of cluster {name!r} beside a ztunnel dump, got more{where}"
        raise InputError([dump.problem(text)])
    return ztunnel_dump.build(name, dump, domain=domain, notes=notes)


class _Builder:
    """Puts one cluster together."""

    def __init__(self, name: str, documents: Sequence[DocumentObjects], domain: str) -> None:
        self._name = name
        self._documents = documents
        self._domain = domain
        self._problems: list[Problem] = []
        self._repeated: list[tuple[DocumentObjects, DocumentObjects, str]] = []

    def build(self, notes: Sequence[Note]) -> Cluster:
        apart = (schema.DestinationRule, schema.ConfigMap)
        found = {kind: self._gather(kind) for kind in schema.GROUPS if kind not in apart}
        self._refuse_repeats()
        rules = self._rules()
        self._check_weights()
        self._check_listeners()
        if self._problems:
            raise InputError(self._problems)
        namespaces = {key[1]: _namespace(each) for key, each in found[schema.Namespace].items()}
        system = namespaces[SYSTEM_NAMESPACE].labels if SYSTEM_NAMESPACE in namespaces else NO_LABELS
        # LOC-2: read there as istio/istio ambient/networks.go, BuildNetworkCollections, does at 86c9f01.
        network = system.get(NETWORK) or ""
        origin = f"Namespace {SYSTEM_NAMESPACE} label {NETWORK}" if network else ""
        says_network = SYSTEM_NAMESPACE in namespaces
        places = Places(network, origin, found[schema.Node].values(), says_network=says_network)
        workloads = Workloads(self._name, places)
        workloads.add_pods(found[schema.Pod], namespaces, Proxies(found[schema.Gateway]).of)
        workloads.add_entries(found[schema.WorkloadEntry])
        services = self._services(found, workloads, namespaces)
        placed = placement_notes(places.nodes, workloads.by_key.values())
        config = mesh_config(self._config_map())
        segment = system.get(SEGMENT_LABEL) or ""
        segment_domain, doubts = _segment_domain(segment, found[schema.Segment])
        return Cluster(
            name=self._name,
            network=network,
            segment=segment,
            segment_domain=segment_domain,
            domain=self._domain,
            nodes=places.nodes,
            namespaces=namespaces,
            workloads=workloads.by_key,
            services=services,
            gateways=peering_gateways(found[schema.Gateway], self._name, places),
            waypoints=waypoint_gateways(found[schema.Gateway], found[schema.GatewayClass]),
            destination_rules=rules,
            positions=Positions.of(self._documents),
            request_routes=tuple(request_routes(found, self._domain)),
            locality_setting=config.locality,
            self_discovery=config.self_discovery,
            notes=(*notes, *placed, *doubts, *config.notes, *self._doubts()),
            ignored=dict(self._ignored()),
        )

    def _ignored(self) -> Iterator[tuple[str, str]]:
        """What objects say that lint is not to say of them, by title; pods, of which there are many, say nothing."""
        for kind in _SAYING:
            for document in self._documents:
                for each in document.of(kind):
                    if text := cast("Mapping[str, str]", each.metadata.annotations or {}).get(IGNORE):
                        yield title_of(kind, key_in(kind, each.metadata)), text
        for document in self._documents:
            for each in document.of(schema.DestinationRule):
                annotations = each.metadata.get("annotations")
                said = annotations.get(IGNORE) if is_mapping(annotations) else None
                if isinstance(said, str) and said:
                    namespace = each.metadata.get("namespace") or "default"
                    yield f"DestinationRule {namespace}/{each.metadata.get('name')}", said

    def _gather(self, kind: type[Any]) -> dict[Key, Any]:
        """The objects of one kind by namespace and name, each once."""
        found: dict[Key, Any] = {}
        repeated: list[tuple[DocumentObjects, Key]] = []
        for document in self._documents:
            for each in document.of(kind):
                key = key_in(kind, each.metadata)
                if not key[1]:
                    text = "expected a name, got ''"
                    self._problems.append(document.problem(text, object=kind.__name__, path="metadata.name"))
                elif key in found:
                    repeated.append((document, key))
                else:
                    found[key] = each
        if repeated:
            first: dict[Key, DocumentObjects] = {}
            for document in self._documents:
                for each in document.of(kind):
                    first.setdefault(key_in(kind, each.metadata), document)
            for document, key in repeated:
                self._repeated.append((document, first[key], title_of(kind, key)))
        return found

    def _doubts(self) -> Iterator[Note]:
        return (note for each in self._documents for note in each.notes)

    def _config_map(self) -> schema.ConfigMap | None:
        """The ConfigMap with the settings of the mesh; of all others nothing is read."""
        key = SYSTEM_NAMESPACE, MESH_CONFIG
        found = (each for document in self._documents for each in document.of(schema.ConfigMap))
        return next((each for each in found if key_in(schema.ConfigMap, each.metadata) == key), None)

    def _refuse_repeats(self) -> None:
        """Refuse objects that come twice; of two files that have many in common, the whole."""
        common = Counter((first.file, document.file) for document, first, _ in self._repeated)
        for (one, other), count in common.items():
            if not self._name and one != other and count >= _DUMP:
                text = f"expected each object once, got {count} of {one} again; if they are dumps of two clusters"
                hint = "that do not say their names, give each one: --cluster NAME=PATH (clusters={NAME: PATH})"
                self._problems.append(Problem(problem=f"{text} {hint}", file=other))
        for document, first, title in self._repeated:
            if self._name or first.file == document.file or common[first.file, document.file] < _DUMP:
                self._refuse_repeat(document, first, title)

    def _refuse_repeat(self, document: DocumentObjects, first: DocumentObjects, title: str) -> None:
        cluster = f" in cluster {self._name!r}" if self._name else ""
        same = first.file == document.file
        where = "" if same else f" {first.file}"
        if first.number is not None and (first is not document or not same):
            where += f" document {first.number}"
        seen = f"the first is in{where}" if where else "the first is before it"
        text = f"expected each object once{cluster}, got it again; {seen}"
        self._problems.append(document.problem(text, object=title))

    def _rules(self) -> tuple[DestinationRule, ...]:
        found: dict[Key, tuple[DestinationRule, DocumentObjects]] = {}
        for document in self._documents:
            for each in document.of(schema.DestinationRule):
                rule = self._rule(document, each)
                if rule is None:
                    continue
                key = (rule.namespace or "default", rule.name)
                if key in found:
                    self._refuse_repeat(document, found[key][1], title_of(schema.DestinationRule, key))
                found.setdefault(key, (rule, document))
        return tuple(rule for rule, _document in found.values())

    def _rule(self, document: DocumentObjects, found: schema.DestinationRule) -> DestinationRule | None:
        obj = {"kind": "DestinationRule", "metadata": found.metadata, "spec": found.spec}
        try:
            # The API server refuses some rules where Istio's validation runs: one of them must not hide all else.
            return DestinationRule.from_mapping(obj, validated=False)
        except InputError as error:
            self._problems += [evolve(each, file=document.file, document=document.number) for each in error.problems]
            return None

    def _check_weights(self) -> None:
        for document in self._documents:
            for entry in cast("Sequence[schema.WorkloadEntry]", document.of(schema.WorkloadEntry)):
                weight = entry.spec.weight if entry.spec is not None else None
                self._check_weight(document, schema.WorkloadEntry, entry.metadata, "spec.weight", weight)
            for each in cast("Sequence[schema.ServiceEntry]", document.of(schema.ServiceEntry)):
                for index, endpoint in enumerate((each.spec.endpoints if each.spec is not None else None) or ()):
                    path = f"spec.endpoints[{index}].weight"
                    self._check_weight(document, schema.ServiceEntry, each.metadata, path, endpoint.weight)

    def _check_weight(
        self, document: DocumentObjects, kind: type[Any], meta: BareMeta | Meta, path: str, weight: int | None
    ) -> None:
        if weight is not None and not 0 <= weight <= MAX_WEIGHT:
            text = f"expected an integer from 0 to {MAX_WEIGHT}, got {weight!r}"
            self._problems.append(document.problem(text, object=title_of(kind, key_in(kind, meta)), path=path))

    def _check_listeners(self) -> None:
        for document in self._documents:
            for each in cast("Sequence[schema.Gateway]", document.of(schema.Gateway)):
                title = title_of(schema.Gateway, key_in(schema.Gateway, each.metadata))
                for path, text in listener_problems(each):
                    self._problems.append(document.problem(text, object=title, path=path))

    def _services(
        self, found: Mapping[type[Any], Mapping[Key, Any]], workloads: Workloads, namespaces: Mapping[str, Namespace]
    ) -> tuple[Service, ...]:
        reader = Services(workloads, namespaces, self._domain)
        backends = Backends(workloads, slices_by_service(found[schema.EndpointSlice].values()))
        services = [reader.service(key, each, backends) for key, each in found[schema.Service].items()]
        return (
            *services,
            *(reader.service_entry(key, each) for key, each in found[schema.ServiceEntry].items()),
        )


def _namespace(found: schema.Namespace) -> Namespace:
    labels = found.metadata.labels
    return Namespace(
        name=found.metadata.name,
        annotation=(found.metadata.annotations or {}).get(ANNOTATION),
        labels=Labels(labels) if labels else NO_LABELS,
    )


def _segment_domain(segment: str, found: Mapping[Key, schema.Segment]) -> tuple[str, Sequence[Note]]:
    """The domain of a segment's global host names; ``""`` if nothing gives one (COMP-3)."""
    if not segment:
        return "", ()
    named = {namespace: each for (namespace, name), each in found.items() if name == segment}
    one = named.get(SYSTEM_NAMESPACE) or next(iter(named.values()), None)
    domain = ((one.spec.domain if one is not None and one.spec is not None else None) or "").lower().strip(".")
    if domain:
        return domain, ()
    what = f"the Segment {segment!r} that it names"
    text = f"{what} is not in the input" if one is None else f"{what} has no spec.domain"
    rest = "the domain of this cluster's global host names is taken to be mesh.internal"
    return "", (
        Note("segment-domain-unknown", f"{text}: {rest}", f"Namespace {SYSTEM_NAMESPACE} label {SEGMENT_LABEL}"),
    )
