"""Which endpoints stand behind a host, as one cluster sees them?

The same pod is at different places for different viewpoints: ztunnel and Envoys
read other labels (LOC-5), and other clusters are seen from afar.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from attrs import evolve, field, frozen

from meshtier.endpoint import Endpoint, Exclusion, Health, Reason
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.index import EndpointIndex
from meshtier.labels import NO_LABELS, Labels
from meshtier.locality import SCOPE_LABELS, SCOPES, Locality, Scope
from meshtier.mesh.hostnames import Binding
from meshtier.mesh.reachability import Access, Reachability, Viewpoint
from meshtier.mesh.snapshot import Backend, Cluster, PeeringGateway, Place, Service, Workload
from meshtier.note import Note


@frozen(kw_only=True)
class ServiceEndpoint:
    """One endpoint of a host, with what it is made from.

    Attributes:
        endpoint: As the selection sees it.
        workload: The workload that it stands for.
        service: The service, of its own cluster, that it stands behind.
        place: Where it seems to be, and what says so.
        gateway: The gateway through which it is reached; ``None`` if directly.
        ports: The service's ports that it serves; ``None``: all of them.
    """

    endpoint: Endpoint
    workload: Workload
    service: Service
    place: Place
    gateway: PeeringGateway | None = None
    ports: frozenset[int] | None = None


LeftOut = tuple[ServiceEndpoint, Exclusion]
"""An endpoint that cannot be chosen, and why."""


def _nobody() -> Iterable[LeftOut]:
    return ()


def _no_narrowings() -> "dict[object, VisibleEndpoints]":
    return {}


@frozen(kw_only=True, eq=False)
class VisibleEndpoints:
    """Everything behind a host, as it is seen from one viewpoint in one cluster.

    Attributes:
        binding: What the host means there.
        viewpoint: Who looks.
        available: What can be chosen, by endpoint id: the asking cluster's first,
            in the order of the input.
        left_out: What belongs to the host and cannot be chosen.
        notes: What was doubtful in reading the places.
        unreachable: Gives what is called like the host's endpoints and does not
            belong to it; see `unavailable`.
    """

    binding: Binding
    viewpoint: Viewpoint
    available: Mapping[str, ServiceEndpoint]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[Note, ...] = ()
    unreachable: Callable[[], Iterable[LeftOut]] = _nobody
    _narrowed: "dict[object, VisibleEndpoints]" = field(factory=_no_narrowings, init=False)

    @cached_property
    def index(self) -> EndpointIndex:
        """The available endpoints by place. Cost: O(n) at the first call."""
        return EndpointIndex(self.endpoints)

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The available endpoints, in order."""
        return tuple(each.endpoint for each in self.available.values())

    @cached_property
    def unavailable(self) -> Mapping[str, LeftOut]:
        """What cannot be chosen, by endpoint id; what the host does not reach comes last.

        Cost: O(n) at the first call, in all clusters' endpoints of this name.
        That is why tiers and shares are made without it: for every host of
        every cluster it would be quadratic in the clusters (10.2 s against
        0.63 s for 8 clusters of 20,000 pods).
        """
        found = {each.endpoint.id: (each, exclusion) for each, exclusion in self.left_out}
        for each, exclusion in self.unreachable():
            if each.endpoint.id not in self.available:
                found.setdefault(each.endpoint.id, (each, exclusion))
        return found

    @property
    def excluded(self) -> Iterator[Exclusion]:
        """The same, each with its reason."""
        return (exclusion for _, exclusion in self.unavailable.values())

    @cached_property
    def known(self) -> Mapping[str, ServiceEndpoint]:
        """Everything, by endpoint id."""
        return {**self.available, **{name: each for name, (each, _) in self.unavailable.items()}}

    def narrowed(
        self, key: object, reason_against: Callable[[ServiceEndpoint], Exclusion | None]
    ) -> "VisibleEndpoints":
        """These without the available endpoints against which there is a reason.

        Args:
            key: What tells this narrowing from others; it is made once for each.
            reason_against: Why an endpoint is left out; ``None`` if it stays.

        Cost: O(n) for a new key.
        """
        found = self._narrowed.get(key)
        if found is None:
            judged = [(each, reason_against(each)) for each in self.available.values()]
            out = tuple((each, reason) for each, reason in judged if reason is not None)
            stay = {each.endpoint.id: each for each, reason in judged if reason is None}
            found = evolve(self, available=stay, left_out=(*self.left_out, *out)) if out else self
            self._narrowed[key] = found
        return found


def visible_endpoints(binding: Binding, clusters: Mapping[str, Cluster], viewpoint: Viewpoint) -> VisibleEndpoints:
    """What stands behind *binding* as *viewpoint* sees it. Cost: O(n) in the endpoints that the host reaches."""
    reader = _Reader(clusters, viewpoint)
    for service in binding.services:
        for each in reader.of(service):
            reader.add(*each)
    reader.join_exchanged()
    looked_at = dict.fromkeys([viewpoint.cluster, *(service.cluster for service in binding.services)])
    read = [note for name in looked_at if name in clusters for note in clusters[name].notes]
    return VisibleEndpoints(
        binding=binding,
        viewpoint=viewpoint,
        available=reader.available,
        left_out=tuple(reader.left_out.values()),
        notes=tuple(dict.fromkeys([*reader.notes, *read])),
        unreachable=lambda: reader.unreachable(binding),
    )


class _Reader:
    """Makes endpoints of backends, and sorts out what cannot be chosen."""

    def __init__(self, clusters: Mapping[str, Cluster], viewpoint: Viewpoint) -> None:
        self._clusters = clusters
        self._reachability = Reachability(clusters, viewpoint)
        self._viewpoint = viewpoint
        self.available: dict[str, ServiceEndpoint] = {}
        self.left_out: dict[str, LeftOut] = {}

    @property
    def notes(self) -> Sequence[Note]:
        """What was doubtful about ways and places."""
        return self._reachability.notes

    def of(self, service: Service) -> Iterator[tuple[ServiceEndpoint, Access]]:
        """The endpoints of a service, each with how it is reached."""
        for backend in service.backends:
            workload = self._workload(service, backend)
            access = self._reachability.access(workload)
            yield self._endpoint(service, backend, workload, access), access

    def _workload(self, service: Service, backend: Backend) -> Workload:
        try:
            return self._clusters[service.cluster].workloads[backend.workload]
        except KeyError:
            known = ["/".join(key) for key in self._clusters[service.cluster].workloads]
            where = f"of cluster {service.cluster!r}, behind {service}"
            raise UnknownNameError.among("workload", "/".join(backend.workload), known, where=where) from None

    def add(self, each: ServiceEndpoint, access: Access) -> None:
        """Take an endpoint in, or leave it out with its reason; the first of its id holds."""
        name = each.endpoint.id
        if name in self.available or name in self.left_out:
            return
        reason = _reason_against(each.endpoint, access, self._viewpoint)
        if reason is None:
            self.available[name] = each
        else:
            self.left_out[name] = each, reason

    def unreachable(self, binding: Binding) -> Iterator[LeftOut]:
        """What is called like the host's endpoints and does not belong to it."""
        for service, barrier in binding.unreachable():
            for each, _ in self.of(service):
                yield each, Exclusion(each.endpoint, barrier.reason, "COMP-3", barrier.detail)

    def join_exchanged(self) -> None:
        """Let a pod of another cluster and the WorkloadEntry that announces it here be one endpoint (LOC-4)."""
        entries: dict[str, ServiceEndpoint] = {}
        for each in (*self.available.values(), *(each for each, _ in self.left_out.values())):
            if each.workload.kind == "WorkloadEntry" and each.workload.cluster == self._viewpoint.cluster:
                for address in each.workload.addresses:
                    entries.setdefault(address, each)
        if not entries:
            return
        announced: set[str] = set()

        def joined(each: ServiceEndpoint) -> ServiceEndpoint:
            entry = self._entry_of(each, entries)
            if entry is None:
                return each
            announced.add(entry.endpoint.id)
            return self._as_announced(each, entry)

        available = {name: joined(each) for name, each in self.available.items()}
        left_out = {name: (joined(each), reason) for name, (each, reason) in self.left_out.items()}
        self.available = {name: each for name, each in available.items() if name not in announced}
        self.left_out = {
            name: (each, evolve(reason, endpoint=each.endpoint))
            for name, (each, reason) in left_out.items()
            if name not in announced
        }

    def _entry_of(self, each: ServiceEndpoint, entries: Mapping[str, ServiceEndpoint]) -> ServiceEndpoint | None:
        if each.workload.cluster == self._viewpoint.cluster or each.gateway is not None:
            return None
        return next((entries[address] for address in each.workload.addresses if address in entries), None)

    def _as_announced(self, each: ServiceEndpoint, entry: ServiceEndpoint) -> ServiceEndpoint:
        endpoint = evolve(
            each.endpoint,
            locality=entry.place.locality,
            weight=entry.endpoint.weight,
            labels=self._labels(each.workload, Access(place=entry.place)),
        )
        return evolve(each, endpoint=endpoint, place=entry.place)

    def _endpoint(self, service: Service, backend: Backend, workload: Workload, access: Access) -> ServiceEndpoint:
        health = backend.health
        if service.publish_not_ready and health in (Health.UNHEALTHY, Health.TERMINATING):
            health = Health.HEALTHY
        endpoint = Endpoint(
            workload.id,
            access.place.locality,
            weight=workload.weight,
            health=health,
            cluster=workload.remote_cluster or workload.cluster,
            labels=self._labels(workload, access),
        )
        return ServiceEndpoint(
            endpoint=endpoint,
            workload=workload,
            service=service,
            place=access.place,
            gateway=access.gateway,
            ports=backend.ports,
        )

    def _labels(self, workload: Workload, access: Access) -> Mapping[str, str]:
        if not self._viewpoint.envoy:
            return workload.labels
        # LOC-3: of what lies behind a gateway an Envoy of Istio knows the network and the cluster alone.
        # Source: istio/istio pilot/pkg/xds/endpoints/ep_filters.go, EndpointsByNetworkFilter, at 86c9f01.
        own = workload.labels if access.gateway is None or self._viewpoint.gateway_locality else NO_LABELS
        return with_place_labels(own, access.place.locality, workload.remote_cluster or workload.cluster)


def _reason_against(endpoint: Endpoint, access: Access, viewpoint: Viewpoint) -> Exclusion | None:
    if access.obstacle is not None:
        return Exclusion(endpoint, Reason.NO_ADDRESS, access.obstacle.rule, access.obstacle.text)
    if endpoint.health is Health.TERMINATING:
        return Exclusion(endpoint, Reason.TERMINATING, "TIER-5")
    # The control plane hands unready endpoints to an Envoy, which counts them (LOAD-3); ztunnel drops them from the
    # service's endpoints. Source: istio/ztunnel src/state/service.rs, LoadBalancerHealthPolicy, at 62d8265.
    if endpoint.health is Health.UNHEALTHY and not viewpoint.envoy:
        return Exclusion(endpoint, Reason.UNHEALTHY, "TIER-5", "ztunnel leaves it out before it chooses")
    return None


def with_place_labels(labels: Mapping[str, str], locality: Locality, cluster: str) -> Labels:
    """The labels with those of the place added, as Envoys compare them (DR-3).

    Source: istio/istio pilot/pkg/serviceregistry/util/label/label.go,
    AugmentLabels, at 86c9f01.
    """
    added = {SCOPE_LABELS[scope]: part for scope, part in zip(SCOPES, locality, strict=True) if part}
    if cluster:
        added[SCOPE_LABELS[Scope.CLUSTER]] = cluster
    return Labels.trusted({**labels, **added})


def find_endpoint(name: str, known: Mapping[str, ServiceEndpoint]) -> ServiceEndpoint:
    """The endpoint of this id, or the only one whose id ends so, after a ``/`` or ``-``.

    Raises:
        UnknownNameError: There is none.
        InvalidValueError: There are several.
    """
    if name in known:
        return known[name]
    ends = [identifier for identifier in known if identifier.endswith((f"/{name}", f"-{name}"))]
    if len(ends) == 1:
        return known[ends[0]]
    if ends:
        raise InvalidValueError(
            f"{name!r} could mean {', '.join(sorted(ends))}; say which by its full name", "endpoint"
        )
    raise UnknownNameError.among("endpoint of the host", name, sorted(known))
