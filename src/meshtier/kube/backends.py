"""Which workloads stand behind a Service? Its EndpointSlices, or what its selector means."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from meshtier.endpoint import Health
from meshtier.kube import schema
from meshtier.kube.workloads import ENTRY, POD, Key, Workloads
from meshtier.labels import NO_LABELS
from meshtier.mesh.snapshot import Backend, Workload, WorkloadKey
from meshtier.note import Note

SERVICE_LABEL: Final = "kubernetes.io/service-name"
"""The label of an EndpointSlice that names its Service."""

BARE_ENDPOINT: Final = "EndpointSlice endpoint"
"""The kind of workload that an EndpointSlice names and nothing else describes."""

NO_SLICES: Final = Note(
    "slices-missing", "the input has no EndpointSlice of it: its endpoints are the pods that its selector matches"
)

_RANK: Final = {Health.HEALTHY: 0, Health.DEGRADED: 1, Health.UNHEALTHY: 2, Health.TERMINATING: 3}
"""Which health holds where several slices name an endpoint: the best, as in kube-proxy."""

Slices = Mapping[Key, Sequence[schema.EndpointSlice]]


def slices_by_service(slices: Iterable[schema.EndpointSlice]) -> Slices:
    """The slices by the namespace and name of their Service."""
    found: defaultdict[Key, list[schema.EndpointSlice]] = defaultdict(list)
    for each in slices:
        service = (each.metadata.labels or {}).get(SERVICE_LABEL)
        if service:
            found[each.metadata.namespace or "default", service].append(each)
    return found


class Backends:
    """Finds the backends of the services of one cluster."""

    def __init__(self, workloads: Workloads, slices: Slices) -> None:
        self._workloads = workloads
        self._slices = slices

    def of(self, key: Key, spec: schema.ServiceSpec) -> tuple[tuple[Backend, ...], tuple[Note, ...]]:
        """The backends of a Service, each once, and what was doubtful about finding them."""
        selector = spec.selector or {}
        entries = self._workloads.selected(ENTRY, key[0], selector)
        slices = self._slices.get(key)
        if slices is not None:
            return (*self._sliced(key, spec, slices), *entries), ()
        if not selector:
            return (), ()
        return (*self._workloads.selected(POD, key[0], selector), *entries), (NO_SLICES,)

    def targets(self, key: Key, spec: schema.ServiceSpec) -> tuple[tuple[int, int], ...]:
        """Where the endpoints listen for each of a Service's ports, where its slices agree on that."""
        numbers: defaultdict[str, set[int]] = defaultdict(set)
        for port in (port for each in self._slices.get(key, ()) for port in each.ports or ()):
            if port.port is not None:
                numbers[port.name or ""].add(port.port)
        known = {name: found.pop() for name, found in numbers.items() if len(found) == 1}
        named = ((port.port, known.get(port.name or "")) for port in spec.ports or ())
        return tuple((port, target) for port, target in named if target is not None and target != port)

    def _sliced(self, key: Key, spec: schema.ServiceSpec, slices: Sequence[schema.EndpointSlice]) -> Iterable[Backend]:
        selector = spec.selector or {}
        found: dict[WorkloadKey, Backend] = {}
        for each in slices:
            ports = _ports(spec, each)
            for endpoint in each.endpoints or ():
                behind = self._workload(key, selector, endpoint)
                if behind is None or self._workloads.is_finished(behind):
                    continue
                health = _health(endpoint.conditions)
                former = found.get(behind)
                found[behind] = Backend(behind, health, ports) if former is None else _joined(former, health, ports)
        return found.values()

    def _workload(self, key: Key, selector: Mapping[str, str], endpoint: schema.SliceEndpoint) -> WorkloadKey | None:
        """What an endpoint stands for: the Pod that it refers to, or only itself (LOC-4a)."""
        target = endpoint.target_ref
        known = self._workloads.by_key
        if target is not None and target.kind == POD and target.name:
            pod = (target.namespace or key[0], target.name)
            if (POD, *pod) in known:
                return POD, *pod
            # Never the pod at its address: istio/istio kube/controller/endpointslice.go, getPod, and
            # ambient/workloads.go, endpointSlicesBuilder, at 86c9f01. A dump without any pods is another matter.
            absent = f"the Pod {'/'.join(pod)} is not there" if self._workloads.has_pods else ""
            return self._alone(pod, endpoint, absent=absent)
        addresses = endpoint.addresses or ()
        if not addresses:
            return None
        name = (key[0], (target.name if target is not None else None) or f"{key[1]}/{addresses[0]}")
        found = (self._workloads.at_address(address, selector, key[0]) for address in addresses)
        return self._alone(name, endpoint, at=next((known[pod] for pod in found if pod is not None), None))

    def _alone(
        self, name: Key, endpoint: schema.SliceEndpoint, *, absent: str | None = None, at: Workload | None = None
    ) -> WorkloadKey:
        """The workload that an endpoint is by itself.

        Args:
            name: Its namespace and name.
            endpoint: Its fields.
            absent: For one that refers to a Pod, why that is none; ``""`` where that is unknown.
            at: The pod at its address, whose labels and place Envoys take for it.
        """
        if (BARE_ENDPOINT, *name) in self._workloads.by_key:
            return BARE_ENDPOINT, *name
        places = self._workloads.places
        title = f"{BARE_ENDPOINT} {'/'.join(name)}"
        if at is None:
            envoy_place = places.of_slice(endpoint.node_name or "", endpoint.zone or "", title)
        else:
            envoy_place = at.envoy_place
        return self._workloads.add(
            Workload(
                kind=BARE_ENDPOINT,
                cluster=self._workloads.cluster,
                namespace=name[0],
                name=name[1],
                # ztunnel is told no locality of what is no Pod: istio/istio ambient/workloads.go,
                # endpointSlicesBuilder, at 86c9f01.
                place=places.unplaced if absent is None else envoy_place,
                envoy_place=envoy_place,
                labels=NO_LABELS if at is None else at.labels,
                addresses=tuple(endpoint.addresses or ()),
                health=_health(endpoint.conditions),
                absent=absent or "",
            )
        )


def _joined(former: Backend, health: Health, ports: frozenset[int] | None) -> Backend:
    best = min(former.health or health, health, key=lambda each: _RANK[each])
    return Backend(former.workload, best, None if former.ports is None or ports is None else former.ports | ports)


def _health(conditions: schema.EndpointConditions | None) -> Health:
    if conditions is None:
        return Health.HEALTHY
    if conditions.terminating:
        return Health.TERMINATING
    return Health.UNHEALTHY if conditions.ready is False else Health.HEALTHY


def _ports(spec: schema.ServiceSpec, each: schema.EndpointSlice) -> frozenset[int] | None:
    """The Service's ports that a slice is about; ``None`` for all of them."""
    if not each.ports or not spec.ports:
        return None
    names = {port.name or "" for port in each.ports}
    numbers = frozenset(port.port for port in spec.ports if (port.name or "") in names)
    return None if len(numbers) == len({port.port for port in spec.ports}) else numbers
