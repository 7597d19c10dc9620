"""What stands behind a host, as one cluster sees it?

The same pod is at different places for different eyes: ztunnel and Envoys read
other labels (LOC-5), and what another cluster holds is known only through its
gateway (LOC-3) or by its WorkloadEntry (LOC-4).
"""

from collections.abc import Callable, Mapping
from functools import cached_property

from attrs import evolve, field, frozen

from meshtier.endpoint import NO_LABELS, Endpoint, Exclusion, Health, Labels, Reason
from meshtier.index import EndpointIndex
from meshtier.locality import SCOPE_LABELS, SCOPES, Locality, Scope
from meshtier.mesh.hosts import Binding
from meshtier.mesh.model import Backend, Cluster, PeeringGateway, Place, Service, Workload
from meshtier.note import Note


@frozen(kw_only=True)
class Eyes:
    """Who looks, as far as it changes where things seem to be.

    Attributes:
        cluster: The cluster in which the component that chooses runs.
        envoy: Whether it is an Envoy, which obeys LOC-5 and gets labels (DR-3).
        gateway_locality: `Profile.gateway_locality`: whether what lies behind a
            gateway has that gateway's region and zone (LOC-3).
    """

    cluster: str
    envoy: bool
    gateway_locality: bool


@frozen(kw_only=True)
class Member:
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
class View:
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
    eyes: Eyes
    members: Mapping[str, Member]
    unavailable: Mapping[str, Member] = field(factory=dict[str, Member])
    excluded: tuple[Exclusion, ...] = ()
    notes: tuple[Note, ...] = ()

    @cached_property
    def index(self) -> EndpointIndex:
        """The members' endpoints by place; made at the first call, in O(n)."""
        return EndpointIndex(self.endpoints)

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The members' endpoints, in order."""
        return tuple(member.endpoint for member in self.members.values())


def narrowed(view: View, reason_against: Callable[[Member], Exclusion | None]) -> View:
    """The view without the members against which there is a reason. Cost: O(n)."""
    members: dict[str, Member] = {}
    unavailable = dict(view.unavailable)
    excluded = list(view.excluded)
    for identifier, member in view.members.items():
        reason = reason_against(member)
        if reason is None:
            members[identifier] = member
        else:
            unavailable[identifier] = member
            excluded.append(reason)
    return evolve(view, members=members, unavailable=unavailable, excluded=tuple(excluded))


def look(binding: Binding, clusters: Mapping[str, Cluster], eyes: Eyes) -> View:
    """The view of *binding* through *eyes*. Cost: O(n) in the backends of the host."""
    scene = _Scene(clusters, eyes)
    for service in binding.services:
        for backend in service.backends:
            scene.add(service, backend)
    scene.join_exchanged()
    for service, reason, why in binding.beyond:
        for backend in service.backends:
            scene.leave_out(service, backend, reason, why)
    return View(
        binding=binding,
        eyes=eyes,
        members=scene.members,
        excluded=tuple(scene.excluded),
        notes=tuple(dict.fromkeys(scene.notes)),
        unavailable=scene.unavailable,
    )


class _Scene:
    """The members and exclusions of a view as they are gathered."""

    def __init__(self, clusters: Mapping[str, Cluster], eyes: Eyes) -> None:
        self._home = clusters.get(eyes.cluster) or Cluster(name=eyes.cluster)
        self._clusters = clusters
        self._eyes = eyes
        self._flat_places: dict[Place, Place] = {}
        self._gateways: dict[tuple[str, str], PeeringGateway | None] = {}
        self.members: dict[str, Member] = {}
        self.unavailable: dict[str, Member] = {}
        self.excluded: list[Exclusion] = []
        self.notes: list[Note] = []

    def add(self, service: Service, backend: Backend) -> None:
        """Take a backend in, or leave it out with its reason."""
        workload = backend.workload
        member = self._member(service, backend, *self._whereabouts(workload))
        identifier = member.endpoint.id
        if identifier in self.members or identifier in self.unavailable:
            return
        reason = self._reason_against(member)
        if reason is None:
            self.members[identifier] = member
        else:
            self.unavailable[identifier] = member
            self.excluded.append(reason)

    def leave_out(self, service: Service, backend: Backend, reason: Reason, why: str) -> None:
        """Exclude what the host does not reach."""
        member = self._member(service, backend, *self._whereabouts(backend.workload))
        if member.endpoint.id not in self.members and member.endpoint.id not in self.unavailable:
            self.unavailable[member.endpoint.id] = member
            self.excluded.append(Exclusion(member.endpoint, reason, "COMP-3", why))

    def join_exchanged(self) -> None:
        """Let a pod of another cluster and the WorkloadEntry that announces it here be one endpoint (LOC-4)."""
        entries: dict[str, Member] = {}
        for member in (*self.members.values(), *self.unavailable.values()):
            if member.workload.kind == "WorkloadEntry" and member.workload.cluster == self._home.name:
                for address in member.workload.addresses:
                    entries.setdefault(address, member)
        if not entries:
            return
        joined: dict[str, Endpoint] = {}
        announced: set[str] = set()
        for known in (self.members, self.unavailable):
            for identifier, member in known.items():
                entry = self._entry_of(member, entries)
                if entry is not None:
                    announced.add(entry.endpoint.id)
                    known[identifier] = found = self._as_announced(member, entry)
                    joined[identifier] = found.endpoint
        for identifier in announced:
            self.members.pop(identifier, None)
            self.unavailable.pop(identifier, None)
        self.excluded = [
            evolve(exclusion, endpoint=joined.get(exclusion.endpoint.id, exclusion.endpoint))
            for exclusion in self.excluded
            if exclusion.endpoint.id not in announced
        ]

    def _entry_of(self, member: Member, entries: Mapping[str, Member]) -> Member | None:
        if member.workload.cluster == self._home.name or member.gateway is not None:
            return None
        return next((entries[address] for address in member.workload.addresses if address in entries), None)

    def _as_announced(self, member: Member, entry: Member) -> Member:
        endpoint = evolve(
            member.endpoint,
            locality=entry.place.locality,
            weight=entry.endpoint.weight,
            labels=self._labels(member.workload, entry.place, None) if self._eyes.envoy else member.endpoint.labels,
        )
        return evolve(member, endpoint=endpoint, place=entry.place)

    def _reason_against(self, member: Member) -> Exclusion | None:
        endpoint = member.endpoint
        if member.gateway is None and self._is_beyond_network(member):
            if self._gateway(member.workload) is None:
                network = member.workload.place.locality.network
                return Exclusion(endpoint, Reason.NO_ADDRESS, "LOC-3", f"no gateway leads to network {network!r}")
        elif member.gateway is None and not member.workload.addresses:
            return Exclusion(endpoint, Reason.NO_ADDRESS, "LOAD-1", "it has no address")
        if endpoint.health is Health.TERMINATING:
            return Exclusion(endpoint, Reason.TERMINATING, "TIER-5")
        if endpoint.health is Health.UNHEALTHY and not self._eyes.envoy:
            return Exclusion(endpoint, Reason.UNHEALTHY, "TIER-5", "ztunnel leaves it out before it chooses")
        return None

    def _is_beyond_network(self, member: Member) -> bool:
        workload = member.workload
        return workload.cluster != self._home.name and workload.place.locality.network != self._home.network

    def _whereabouts(self, workload: Workload) -> tuple[Place, PeeringGateway | None]:
        place = workload.envoy_place if self._eyes.envoy else workload.place
        if workload.cluster == self._home.name:
            return place, None
        if workload.place.locality.network != self._home.network:
            gateway = self._gateway(workload)
            return self._behind(gateway, workload), gateway
        # LOC-4: what flat networks exchange says region, zone and subzone, and no node.
        if place not in self._flat_places:
            self._flat_places[place] = Place(place.locality._replace(node=""), (*place.origins[:4], ""))
        return self._flat_places[place], None

    def _behind(self, gateway: PeeringGateway | None, workload: Workload) -> Place:
        network = workload.place.locality.network
        if gateway is None or not self._eyes.gateway_locality:
            return Place(Locality(network), (workload.place.origins[0], "", "", "", ""))
        place = gateway.place
        if place.locality.network == network:
            return place
        return Place(place.locality._replace(network=network), (workload.place.origins[0], *place.origins[1:]))

    def _gateway(self, workload: Workload) -> PeeringGateway | None:
        network = workload.place.locality.network
        key = (workload.cluster, network)
        if key not in self._gateways:
            self._gateways[key] = self._find_gateway(workload.cluster, network)
        return self._gateways[key]

    def _find_gateway(self, cluster: str, network: str) -> PeeringGateway | None:
        remote = [gateway for gateway in self._home.gateways if gateway.remote and _leads_to(gateway, cluster, network)]
        if len(remote) > 1:
            names = ", ".join(str(gateway) for gateway in remote)
            self.notes.append(
                Note("LOC-3", f"{len(remote)} gateways lead to network {network!r}: {names}; the first is taken")
            )
        if remote:
            return remote[0]
        there = self._clusters[cluster].gateways if cluster in self._clusters else ()
        own = next((gateway for gateway in there if not gateway.remote), None)
        if own is not None:
            text = f"cluster {self._home.name!r} has no istio-remote Gateway for network {network!r}; the labels of"
            self.notes.append(Note("LOC-3", f"{text} {own} in cluster {cluster!r} are taken for it"))
        return own

    def _member(self, service: Service, backend: Backend, place: Place, gateway: PeeringGateway | None) -> Member:
        workload = backend.workload
        health = backend.health
        if service.publish_not_ready and health in (Health.UNHEALTHY, Health.TERMINATING):
            health = Health.HEALTHY
        endpoint = Endpoint(
            workload.id,
            place.locality,
            weight=workload.weight,
            health=health,
            cluster=workload.remote_cluster or workload.cluster,
            labels=self._labels(workload, place, gateway) if self._eyes.envoy else workload.labels,
        )
        return Member(
            endpoint=endpoint,
            workload=workload,
            service=service,
            place=place,
            gateway=gateway,
            ports=backend.ports,
        )

    def _labels(self, workload: Workload, place: Place, gateway: PeeringGateway | None) -> Labels:
        # LOC-3: where what lies behind a gateway has a network and a cluster alone, it has no labels of its own.
        own = workload.labels if gateway is None or self._eyes.gateway_locality else NO_LABELS
        return with_place_labels(own, place.locality, workload.remote_cluster or workload.cluster)


def with_place_labels(labels: Mapping[str, str], locality: Locality, cluster: str) -> Labels:
    """The labels with those of the place added, as Envoys compare them (DR-3)."""
    added = {SCOPE_LABELS[scope]: part for scope, part in zip(SCOPES, locality, strict=True) if part}
    if cluster:
        added[SCOPE_LABELS[Scope.CLUSTER]] = cluster
    return Labels({**labels, **added})


def _leads_to(gateway: PeeringGateway, cluster: str, network: str) -> bool:
    if gateway.cluster and cluster:
        return gateway.cluster == cluster
    return gateway.place.locality.network == network
