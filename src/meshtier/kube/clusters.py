"""What does a cluster hold? The sheets that belong to it, as one `Cluster`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from attrs import evolve

from meshtier.errors import InputError, Problem
from meshtier.kube import schema, ztunnel_dump
from meshtier.kube.backends import Backends, slices_by_service
from meshtier.kube.objects import DocumentObjects, title_of
from meshtier.kube.places import NETWORK, SEGMENT_LABEL, SYSTEM_NAMESPACE, Places, labelled_place
from meshtier.kube.services import Services
from meshtier.kube.workloads import Key, Workloads, unfit_weight
from meshtier.labels import NO_LABELS, Labels
from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.mesh.snapshot import Cluster, Namespace, PeeringGateway, Service
from meshtier.note import Note
from meshtier.precedence import ANNOTATION
from meshtier.rules import DestinationRule

REMOTE_CLASS: Final = "istio-remote"
"""The class of a Gateway that stands for another cluster's (LOC-3)."""

LOCAL_CLASSES: Final = frozenset({"istio-east-west", "istio-eastwest"})
"""The classes of a Gateway through which others reach this cluster."""


def build(name: str, sheets: Sequence[DocumentObjects], *, domain: str, notes: Sequence[Note] = ()) -> Cluster:
    """The cluster that these sheets describe; without what was skipped.

    Args:
        name: Its name; ``""`` if it has none.
        sheets: All that belongs to it, in the order of the input.
        domain: The DNS domain of its services.
        notes: What was doubtful about naming it.

    Raises:
        InputError: With every problem that the objects have with each other.
    """
    dumps = [sheet for sheet in sheets if sheet.dump is not None]
    if dumps and len(sheets) > 1:
        other = next(sheet for sheet in sheets if sheet is not dumps[0])
        where = f" ({other.file})" if other.file else ""
        text = f"expected nothing else of cluster {name!r} beside a ztunnel dump, got more{where}"
        raise InputError([dumps[0].problem(text)])
    if dumps:
        return ztunnel_dump.build(name, dumps[0], domain=domain, notes=notes)
    return _Builder(name, sheets, domain).build(notes)


class _Builder:
    """Puts one cluster together."""

    def __init__(self, name: str, sheets: Sequence[DocumentObjects], domain: str) -> None:
        self._name = name
        self._sheets = sheets
        self._domain = domain
        self._problems: list[Problem] = []

    def build(self, notes: Sequence[Note]) -> Cluster:
        found = {shape: self._gather(shape) for shape in schema.GROUPS if shape is not schema.DestinationRule}
        rules = self._rules()
        self._check_weights()
        if self._problems:
            raise InputError(self._problems)
        namespaces = {key[1]: _namespace(each) for key, each in found[schema.Namespace].items()}
        system = namespaces[SYSTEM_NAMESPACE].labels if SYSTEM_NAMESPACE in namespaces else NO_LABELS
        network = system.get(NETWORK) or ""
        origin = f"Namespace {SYSTEM_NAMESPACE} label {NETWORK}" if network else ""
        places = Places(network, origin, found[schema.Node].values())
        workloads = Workloads(self._name, places)
        workloads.add_pods(found[schema.Pod])
        workloads.add_entries(found[schema.WorkloadEntry])
        services = self._services(found, workloads, namespaces)
        return Cluster(
            name=self._name,
            network=network,
            segment=system.get(SEGMENT_LABEL) or "",
            domain=self._domain,
            nodes=places.nodes,
            namespaces=namespaces,
            workloads=workloads.all(),
            services=services,
            gateways=tuple(self._gateways(found[schema.Gateway], places)),
            destination_rules=rules,
            notes=(*notes, *places.notes()),
        )

    def _gather(self, shape: type[Any]) -> dict[Key, Any]:
        """The objects of one kind by namespace and name, each once."""
        found: dict[Key, Any] = {}
        repeated: list[tuple[DocumentObjects, Key]] = []
        is_wide = shape in schema.CLUSTER_WIDE
        for sheet in self._sheets:
            for each in sheet.of(shape):
                meta = each.metadata
                key = ("" if is_wide else meta.namespace or "default", meta.name)
                if not meta.name:
                    problem = sheet.problem("expected a name, got ''", object=shape.__name__, path="metadata.name")
                    self._problems.append(problem)
                elif key in found:
                    repeated.append((sheet, key))
                else:
                    found[key] = each
        if repeated:
            self._refuse_repeated(shape, repeated)
        return found

    def _refuse_repeated(self, shape: type[Any], repeated: Sequence[tuple[DocumentObjects, Key]]) -> None:
        first: dict[Key, DocumentObjects] = {}
        is_wide = shape in schema.CLUSTER_WIDE
        for sheet in self._sheets:
            for each in sheet.of(shape):
                first.setdefault(("" if is_wide else each.metadata.namespace or "default", each.metadata.name), sheet)
        for sheet, key in repeated:
            self._refuse_repeat(sheet, first[key], title_of(shape, key[1], key[0]))

    def _refuse_repeat(self, sheet: DocumentObjects, first: DocumentObjects, title: str) -> None:
        cluster = f" in cluster {self._name!r}" if self._name else ""
        same = first.file == sheet.file
        where = "" if same else f" {first.file}"
        where += f" document {first.number}" if first.number is not None and (first is not sheet or not same) else ""
        seen = f"the first is in{where}" if where else "the first is before it"
        self._problems.append(sheet.problem(f"expected each object once{cluster}, got it again; {seen}", object=title))

    def _rules(self) -> tuple[DestinationRule, ...]:
        found: dict[Key, tuple[DestinationRule, DocumentObjects]] = {}
        for sheet in self._sheets:
            for each in sheet.of(schema.DestinationRule):
                rule = self._rule(sheet, each)
                if rule is None:
                    continue
                key = (rule.namespace or "default", rule.name)
                if key in found:
                    self._refuse_repeat(sheet, found[key][1], title_of(schema.DestinationRule, key[1], key[0]))
                found.setdefault(key, (rule, sheet))
        return tuple(rule for rule, _sheet in found.values())

    def _rule(self, sheet: DocumentObjects, found: schema.DestinationRule) -> DestinationRule | None:
        obj = {"kind": "DestinationRule", "metadata": found.metadata, "spec": found.spec}
        try:
            return DestinationRule.from_mapping(obj)
        except InputError as error:
            self._problems += [evolve(each, file=sheet.file, document=sheet.number) for each in error.problems]
            return None

    def _check_weights(self) -> None:
        for sheet in self._sheets:
            for entry in cast("Sequence[schema.WorkloadEntry]", sheet.of(schema.WorkloadEntry)):
                if entry.spec is not None and (text := unfit_weight(entry.spec.weight)):
                    title = title_of(schema.WorkloadEntry, entry.metadata.name, entry.metadata.namespace)
                    self._problems.append(sheet.problem(text, object=title, path="spec.weight"))
            for each in cast("Sequence[schema.ServiceEntry]", sheet.of(schema.ServiceEntry)):
                endpoints = (each.spec.endpoints if each.spec is not None else None) or ()
                for index, endpoint in enumerate(endpoints):
                    if text := unfit_weight(endpoint.weight):
                        title = title_of(schema.ServiceEntry, each.metadata.name, each.metadata.namespace)
                        path = f"spec.endpoints[{index}].weight"
                        self._problems.append(sheet.problem(text, object=title, path=path))

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

    def _gateways(self, found: Mapping[Key, schema.Gateway], places: Places) -> Sequence[PeeringGateway]:
        gateways: list[PeeringGateway] = []
        for (namespace, name), each in found.items():
            kind = (each.spec.gateway_class_name if each.spec is not None else None) or ""
            labels = each.metadata.labels or {}
            is_remote = kind == REMOTE_CLASS
            if not is_remote and kind not in LOCAL_CLASSES:
                continue
            own = ("", "") if is_remote else (places.network, places.network_origin)
            title = f"Gateway {namespace}/{name}"
            gateways.append(
                PeeringGateway(
                    name=name,
                    namespace=namespace,
                    remote=is_remote,
                    cluster=labels.get(SCOPE_LABELS[Scope.CLUSTER]) or ("" if is_remote else self._name),
                    place=labelled_place(title, labels, network=own[0], network_origin=own[1]),
                )
            )
        return gateways


def _namespace(found: schema.Namespace) -> Namespace:
    labels = found.metadata.labels
    return Namespace(
        name=found.metadata.name,
        annotation=(found.metadata.annotations or {}).get(ANNOTATION),
        labels=Labels(labels) if labels else NO_LABELS,
    )
