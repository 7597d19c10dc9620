"""What stands behind a host, as one cluster sees it?

The same pod is at different places for different eyes: ztunnel and Envoys read
other labels (LOC-5), and other clusters are seen from afar.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from attrs import evolve, field, frozen

from meshtier.endpoint import NO_LABELS, Endpoint, Exclusion, Health, Labels, Reason
from meshtier.index import EndpointIndex
from meshtier.locality import SCOPE_LABELS, SCOPES, Locality, Scope
from meshtier.mesh.hosts import Binding
from meshtier.mesh.model import Backend, Cluster, PeeringGateway, Place, Service, Workload
from meshtier.mesh.reach import Eyes, Horizon, Reach
from meshtier.note import Note


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

    @property
    def known(self) -> Mapping[str, Member]:
        """Both, by endpoint id."""
        return {**self.members, **self.unavailable}

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
    looked_at = dict.fromkeys([eyes.cluster, *(service.cluster for service in binding.services)])
    read = [note for name in looked_at if name in clusters for note in clusters[name].notes]
    return View(
        binding=binding,
        eyes=eyes,
        members=scene.members,
        excluded=tuple(scene.excluded),
        notes=tuple(dict.fromkeys([*scene.notes, *read])),
        unavailable=scene.unavailable,
    )


class _Scene:
    """The members and exclusions of a view as they are gathered."""

    def __init__(self, clusters: Mapping[str, Cluster], eyes: Eyes) -> None:
        self._horizon = Horizon(clusters, eyes)
        self._eyes = eyes
        self.members: dict[str, Member] = {}
        self.unavailable: dict[str, Member] = {}
        self.excluded: list[Exclusion] = []

    @property
    def notes(self) -> Sequence[Note]:
        """What was doubtful about ways and places."""
        return self._horizon.notes

    def add(self, service: Service, backend: Backend) -> None:
        """Take a backend in, or leave it out with its reason."""
        reach = self._horizon.reach(backend.workload)
        member = self._member(service, backend, reach)
        if self._is_known(member):
            return
        reason = _reason_against(member.endpoint, reach, self._eyes)
        if reason is None:
            self.members[member.endpoint.id] = member
        else:
            self._leave_out(member, reason)

    def leave_out(self, service: Service, backend: Backend, reason: Reason, why: str) -> None:
        """Exclude what the host does not reach."""
        member = self._member(service, backend, self._horizon.reach(backend.workload))
        if not self._is_known(member):
            self._leave_out(member, Exclusion(member.endpoint, reason, "COMP-3", why))

    def _is_known(self, member: Member) -> bool:
        return member.endpoint.id in self.members or member.endpoint.id in self.unavailable

    def _leave_out(self, member: Member, reason: Exclusion) -> None:
        self.unavailable[member.endpoint.id] = member
        self.excluded.append(reason)

    def join_exchanged(self) -> None:
        """Let a pod of another cluster and the WorkloadEntry that announces it here be one endpoint (LOC-4)."""
        entries: dict[str, Member] = {}
        for member in (*self.members.values(), *self.unavailable.values()):
            if member.workload.kind == "WorkloadEntry" and member.workload.cluster == self._eyes.cluster:
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
        if member.workload.cluster == self._eyes.cluster or member.gateway is not None:
            return None
        return next((entries[address] for address in member.workload.addresses if address in entries), None)

    def _as_announced(self, member: Member, entry: Member) -> Member:
        endpoint = evolve(
            member.endpoint,
            locality=entry.place.locality,
            weight=entry.endpoint.weight,
            labels=self._labels(member.workload, Reach(place=entry.place)),
        )
        return evolve(member, endpoint=endpoint, place=entry.place)

    def _member(self, service: Service, backend: Backend, reach: Reach) -> Member:
        workload = backend.workload
        health = backend.health
        if service.publish_not_ready and health in (Health.UNHEALTHY, Health.TERMINATING):
            health = Health.HEALTHY
        endpoint = Endpoint(
            workload.id,
            reach.place.locality,
            weight=workload.weight,
            health=health,
            cluster=workload.remote_cluster or workload.cluster,
            labels=self._labels(workload, reach),
        )
        return Member(
            endpoint=endpoint,
            workload=workload,
            service=service,
            place=reach.place,
            gateway=reach.gateway,
            ports=backend.ports,
        )

    def _labels(self, workload: Workload, reach: Reach) -> Mapping[str, str]:
        if not self._eyes.envoy:
            return workload.labels
        # LOC-3: where what lies behind a gateway has a network and a cluster alone, it has no labels of its own.
        own = workload.labels if reach.gateway is None or self._eyes.gateway_locality else NO_LABELS
        return with_place_labels(own, reach.place.locality, workload.remote_cluster or workload.cluster)


def _reason_against(endpoint: Endpoint, reach: Reach, eyes: Eyes) -> Exclusion | None:
    if reach.obstacle is not None:
        return Exclusion(endpoint, Reason.NO_ADDRESS, reach.obstacle.rule, reach.obstacle.text)
    if endpoint.health is Health.TERMINATING:
        return Exclusion(endpoint, Reason.TERMINATING, "TIER-5")
    if endpoint.health is Health.UNHEALTHY and not eyes.envoy:
        return Exclusion(endpoint, Reason.UNHEALTHY, "TIER-5", "ztunnel leaves it out before it chooses")
    return None


def with_place_labels(labels: Mapping[str, str], locality: Locality, cluster: str) -> Labels:
    """The labels with those of the place added, as Envoys compare them (DR-3)."""
    added = {SCOPE_LABELS[scope]: part for scope, part in zip(SCOPES, locality, strict=True) if part}
    if cluster:
        added[SCOPE_LABELS[Scope.CLUSTER]] = cluster
    return Labels({**labels, **added})
