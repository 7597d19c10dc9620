"""Which workloads stand behind a Service? Its EndpointSlices, or what its selector means."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from meshtier.endpoint import Health
from meshtier.kube import schema
from meshtier.kube.workloads import ENTRY, POD, Key, Workloads
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
                behind = self._pod(key, selector, endpoint) or self._without_pod(key, endpoint)
                if behind is None or self._workloads.is_finished(behind):
                    continue
                health = _health(endpoint.conditions)
                former = found.get(behind)
                found[behind] = Backend(behind, health, ports) if former is None else _joined(former, health, ports)
        return found.values()

    def _pod(self, key: Key, selector: Mapping[str, str], endpoint: schema.SliceEndpoint) -> WorkloadKey | None:
        target = endpoint.target_ref
        if target is not None and target.kind == POD and target.name:
            named = (POD, target.namespace or key[0], target.name)
            if named in self._workloads.by_key:
                return named
        at = (self._workloads.at_address(address, selector, key[0]) for address in endpoint.addresses or ())
        return next((pod for pod in at if pod is not None), None)

    def _without_pod(self, key: Key, endpoint: schema.SliceEndpoint) -> WorkloadKey | None:
        addresses = tuple(endpoint.addresses or ())
        target = endpoint.target_ref
        name = (target.name if target is not None else None) or (f"{key[1]}/{addresses[0]}" if addresses else "")
        if not name:
            return None
        if (BARE_ENDPOINT, key[0], name) in self._workloads.by_key:
            return BARE_ENDPOINT, key[0], name
        title = f"{BARE_ENDPOINT} {key[0]}/{name}"
        place = self._workloads.places.of_zone(endpoint.node_name or "", endpoint.zone or "", title)
        return self._workloads.add(
            Workload(
                kind=BARE_ENDPOINT,
                cluster=self._workloads.cluster,
                namespace=key[0],
                name=name,
                place=place,
                envoy_place=place,
                addresses=addresses,
                health=_health(endpoint.conditions),
            )
        )


def _joined(former: Backend, health: Health, ports: frozenset[int] | None) -> Backend:
    best = min(former.health, health, key=lambda each: _RANK[each])
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
