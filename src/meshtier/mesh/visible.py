"""What stands behind a host, as one cluster sees it?

The same pod is at different places for different eyes: ztunnel and Envoys read
other labels (LOC-5), and other clusters are seen from afar.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from attrs import evolve, field, frozen

from meshtier.endpoint import Endpoint, Exclusion, Health, Reason
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
        endpoint: As the choice sees it.
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


@frozen(kw_only=True, eq=False)
class VisibleEndpoints:
    """Everything behind a host, as one kind of eyes in one cluster sees it.

    Attributes:
        binding: What the host means there.
        eyes: Who looks.
        members: What can be chosen, by endpoint id: the asking cluster's first,
            in the order of the input.
        unavailable: What cannot, by endpoint id.
        excluded: The same, each with its reason.
        notes: What was doubtful in reading the places.
    """

    binding: Binding
    viewpoint: Viewpoint
    available: Mapping[str, ServiceEndpoint]
    unavailable: Mapping[str, ServiceEndpoint] = field(factory=dict[str, ServiceEndpoint])
    excluded: tuple[Exclusion, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def known(self) -> Mapping[str, ServiceEndpoint]:
        """Both, by endpoint id."""
        return {**self.available, **self.unavailable}

    @cached_property
    def index(self) -> EndpointIndex:
        """The members' endpoints by place; made at the first call, in O(n)."""
        return EndpointIndex(self.endpoints)

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The members' endpoints, in order."""
        return tuple(service_endpoint.endpoint for service_endpoint in self.available.values())


def narrowed(
    visible: VisibleEndpoints, reason_against: Callable[[ServiceEndpoint], Exclusion | None]
) -> VisibleEndpoints:
    """The view without the members against which there is a reason. Cost: O(n)."""
    available: dict[str, ServiceEndpoint] = {}
    unavailable = dict(visible.unavailable)
    excluded = list(visible.excluded)
    for identifier, service_endpoint in visible.available.items():
        reason = reason_against(service_endpoint)
        if reason is None:
            available[identifier] = service_endpoint
        else:
            unavailable[identifier] = service_endpoint
            excluded.append(reason)
    return evolve(visible, available=available, unavailable=unavailable, excluded=tuple(excluded))


def visible_endpoints(binding: Binding, clusters: Mapping[str, Cluster], viewpoint: Viewpoint) -> VisibleEndpoints:
    """The view of *binding* through *eyes*. Cost: O(n) in the backends of the host."""
    scene = _Scene(clusters, viewpoint)
    for service in binding.services:
        for backend in service.backends:
            scene.add(service, backend)
    scene.join_exchanged()
    for service, reason, why in binding.unreachable:
        for backend in service.backends:
            scene.leave_out(service, backend, reason, why)
    looked_at = dict.fromkeys([viewpoint.cluster, *(service.cluster for service in binding.services)])
    read = [note for name in looked_at if name in clusters for note in clusters[name].notes]
    return VisibleEndpoints(
        binding=binding,
        viewpoint=viewpoint,
        available=scene.available,
        excluded=tuple(scene.excluded),
        notes=tuple(dict.fromkeys([*scene.notes, *read])),
        unavailable=scene.unavailable,
    )


class _Scene:
    """The members and exclusions of a view as they are gathered."""

    def __init__(self, clusters: Mapping[str, Cluster], viewpoint: Viewpoint) -> None:
        self._reachability = Reachability(clusters, viewpoint)
        self._viewpoint = viewpoint
        self.available: dict[str, ServiceEndpoint] = {}
        self.unavailable: dict[str, ServiceEndpoint] = {}
        self.excluded: list[Exclusion] = []

    @property
    def notes(self) -> Sequence[Note]:
        """What was doubtful about ways and places."""
        return self._reachability.notes

    def add(self, service: Service, backend: Backend) -> None:
        """Take a backend in, or leave it out with its reason."""
        access = self._reachability.access(backend.workload)
        service_endpoint = self._member(service, backend, access)
        if self._is_known(service_endpoint):
            return
        reason = _reason_against(service_endpoint.endpoint, access, self._viewpoint)
        if reason is None:
            self.available[service_endpoint.endpoint.id] = service_endpoint
        else:
            self._leave_out(service_endpoint, reason)

    def leave_out(self, service: Service, backend: Backend, reason: Reason, why: str) -> None:
        """Exclude what the host does not reach."""
        service_endpoint = self._member(service, backend, self._reachability.access(backend.workload))
        if not self._is_known(service_endpoint):
            self._leave_out(service_endpoint, Exclusion(service_endpoint.endpoint, reason, "COMP-3", why))

    def _is_known(self, service_endpoint: ServiceEndpoint) -> bool:
        return service_endpoint.endpoint.id in self.available or service_endpoint.endpoint.id in self.unavailable

    def _leave_out(self, service_endpoint: ServiceEndpoint, reason: Exclusion) -> None:
        self.unavailable[service_endpoint.endpoint.id] = service_endpoint
        self.excluded.append(reason)

    def join_exchanged(self) -> None:
        """Let a pod of another cluster and the WorkloadEntry that announces it here be one endpoint (LOC-4)."""
        entries: dict[str, ServiceEndpoint] = {}
        for service_endpoint in (*self.available.values(), *self.unavailable.values()):
            if (
                service_endpoint.workload.kind == "WorkloadEntry"
                and service_endpoint.workload.cluster == self._viewpoint.cluster
            ):
                for address in service_endpoint.workload.addresses:
                    entries.setdefault(address, service_endpoint)
        if not entries:
            return
        spans_clusters: dict[str, Endpoint] = {}
        announced: set[str] = set()
        for known in (self.available, self.unavailable):
            for identifier, service_endpoint in known.items():
                entry = self._entry_of(service_endpoint, entries)
                if entry is not None:
                    announced.add(entry.endpoint.id)
                    known[identifier] = found = self._as_announced(service_endpoint, entry)
                    spans_clusters[identifier] = found.endpoint
        for identifier in announced:
            self.available.pop(identifier, None)
            self.unavailable.pop(identifier, None)
        self.excluded = [
            evolve(exclusion, endpoint=spans_clusters.get(exclusion.endpoint.id, exclusion.endpoint))
            for exclusion in self.excluded
            if exclusion.endpoint.id not in announced
        ]

    def _entry_of(
        self, service_endpoint: ServiceEndpoint, entries: Mapping[str, ServiceEndpoint]
    ) -> ServiceEndpoint | None:
        if service_endpoint.workload.cluster == self._viewpoint.cluster or service_endpoint.gateway is not None:
            return None
        return next((entries[address] for address in service_endpoint.workload.addresses if address in entries), None)

    def _as_announced(self, service_endpoint: ServiceEndpoint, entry: ServiceEndpoint) -> ServiceEndpoint:
        endpoint = evolve(
            service_endpoint.endpoint,
            locality=entry.place.locality,
            weight=entry.endpoint.weight,
            labels=self._labels(service_endpoint.workload, Access(place=entry.place)),
        )
        return evolve(service_endpoint, endpoint=endpoint, place=entry.place)

    def _member(self, service: Service, backend: Backend, access: Access) -> ServiceEndpoint:
        workload = backend.workload
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
        # LOC-3: where what lies behind a gateway has a network and a cluster alone, it has no labels of its own.
        own = workload.labels if access.gateway is None or self._viewpoint.gateway_locality else NO_LABELS
        return with_place_labels(own, access.place.locality, workload.remote_cluster or workload.cluster)


def _reason_against(endpoint: Endpoint, access: Access, viewpoint: Viewpoint) -> Exclusion | None:
    if access.obstacle is not None:
        return Exclusion(endpoint, Reason.NO_ADDRESS, access.obstacle.rule, access.obstacle.text)
    if endpoint.health is Health.TERMINATING:
        return Exclusion(endpoint, Reason.TERMINATING, "TIER-5")
    if endpoint.health is Health.UNHEALTHY and not viewpoint.envoy:
        return Exclusion(endpoint, Reason.UNHEALTHY, "TIER-5", "ztunnel leaves it out before it chooses")
    return None


def with_place_labels(labels: Mapping[str, str], locality: Locality, cluster: str) -> Labels:
    """The labels with those of the place added, as Envoys compare them (DR-3)."""
    added = {SCOPE_LABELS[scope]: part for scope, part in zip(SCOPES, locality, strict=True) if part}
    if cluster:
        added[SCOPE_LABELS[Scope.CLUSTER]] = cluster
    return Labels({**labels, **added})
