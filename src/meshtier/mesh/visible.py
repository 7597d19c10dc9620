"""Which endpoints stand behind a host, as one cluster sees them?

The same pod is at different places for different viewpoints: ztunnel and Envoys
read other labels (LOC-5), other clusters are seen from afar, and of another
network a proxy is told its gateways alone (NET).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from attrs import evolve, field, frozen

from meshtier.endpoint import Endpoint, Exclusion, Health, Reason
from meshtier.errors import UnknownNameError
from meshtier.index import EndpointIndex
from meshtier.locality import Locality
from meshtier.mesh.hostnames import Binding
from meshtier.mesh.network_endpoints import SeenThrough, network_endpoints, scaled
from meshtier.mesh.reachability import Access, Reachability, Viewpoint
from meshtier.mesh.service_endpoint import LeftOut, ServiceEndpoint, is_announcement, with_place_labels
from meshtier.mesh.snapshot import Backend, Cluster, Place, Service, Workload
from meshtier.note import Note
from meshtier.table import counted


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
            in the order of the input, and network endpoints last.
        single: The same before what is behind gateways became network endpoints.
        seen_through: Where that seems to be.
        left_out: What belongs to the host and cannot be chosen.
        notes: What was doubtful in reading the places.
        unreachable: Gives what is called like the host's endpoints and does not
            belong to it; see `unavailable`.
    """

    binding: Binding
    viewpoint: Viewpoint
    available: Mapping[str, ServiceEndpoint] = field(repr=counted)
    single: tuple[ServiceEndpoint, ...] = field(repr=counted)
    seen_through: SeenThrough
    left_out: tuple[LeftOut, ...] = field(default=(), repr=counted)
    notes: tuple[Note, ...] = ()
    unreachable: Callable[[], Iterable[LeftOut]] = _nobody
    _narrowed: "dict[object, VisibleEndpoints]" = field(factory=_no_narrowings, init=False, repr=False)

    @cached_property
    def index(self) -> EndpointIndex:
        """The available endpoints by place. Cost: O(n) at the first call."""
        return EndpointIndex(self.endpoints)

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The available endpoints, in order."""
        return tuple(each.endpoint for each in self.available.values())

    @cached_property
    def networks(self) -> frozenset[str]:
        """The networks in which the available endpoints are. Cost: O(n) at the first call."""
        return frozenset(endpoint.locality.network for endpoint in self.endpoints)

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
    def network_endpoints(self) -> Mapping[str, ServiceEndpoint]:
        """Those of the available endpoints that stand for what is in another network (NET-1)."""
        return {name: each for name, each in self.available.items() if each.behind}

    @cached_property
    def apart(self) -> "VisibleEndpoints":
        """The same with every endpoint for itself, as whoever sends to their addresses has them (PREC-4)."""
        single = {each.endpoint.id: each for each in self.single}
        return evolve(self, available=single) if self.network_endpoints else self

    @cached_property
    def grouped_at(self) -> Mapping[str, Locality]:
        """Where an Envoy puts endpoints that it does not put where they seem to be, by id (LOC-3)."""
        found = self.network_endpoints.items()
        return {name: each.group for name, each in found if each.group is not None}

    @cached_property
    def hosts(self) -> Mapping[str, object]:
        """What is one host to an Envoy and stands in several localities, by the id of each (NET-1)."""
        found = self.network_endpoints
        return {name: found[name].workload.addresses or found[name].gateways for name in self.grouped_at}

    @cached_property
    def known(self) -> Mapping[str, ServiceEndpoint]:
        """Everything, by endpoint id, what is behind network endpoints too."""
        behind = {one.endpoint.id: one for each in self.network_endpoints.values() for one in each.behind}
        return {**behind, **self.available, **{name: each for name, (each, _) in self.unavailable.items()}}

    def narrowed(
        self, key: object, reason_against: Callable[[ServiceEndpoint], Exclusion | None]
    ) -> "VisibleEndpoints":
        """These without what there is a reason against; network endpoints stand for what is left behind them.

        Args:
            key: What tells this narrowing from others; it is made once for each.
            reason_against: Why one of `single` is left out; ``None`` if it stays.

        Cost: O(n) for a new key.
        """
        found = self._narrowed.get(key)
        if found is None:
            judged = [(each, reason_against(each)) for each in self.single]
            out = tuple((each, reason) for each, reason in judged if reason is not None)
            stay = tuple(each for each, reason in judged if reason is None)
            found = self._narrowed[key] = self._with_single(stay, out) if out else self
        return found

    def _with_single(self, single: tuple[ServiceEndpoint, ...], out: tuple[LeftOut, ...]) -> "VisibleEndpoints":
        available, without = _told(single, self.viewpoint, self.seen_through)
        return evolve(self, available=available, single=single, left_out=(*self.left_out, *out, *without))

    def without(self, key: object, excluded: Iterable[Exclusion]) -> "VisibleEndpoints":
        """These without some of the available endpoints.

        Args:
            key: What tells this from other narrowings; it is made once for each.
            excluded: Those to leave out, each with its reason.
        """
        found = self._narrowed.get(key)
        if found is None:
            reasons = {exclusion.endpoint.id: exclusion for exclusion in excluded}
            out = tuple(pair for name, reason in reasons.items() for pair in _spread(self.available[name], reason))
            stay = {name: each for name, each in self.available.items() if name not in reasons}
            found = self._narrowed[key] = evolve(self, available=stay, left_out=(*self.left_out, *out))
        return found


def _told(
    single: Iterable[ServiceEndpoint], viewpoint: Viewpoint, seen_through: SeenThrough
) -> tuple[Mapping[str, ServiceEndpoint], tuple[LeftOut, ...]]:
    """What a proxy is told of these endpoints, by id, and what is left out for that (NET-1)."""
    direct = {each.endpoint.id: each for each in single if not each.gateways}
    behind = [each for each in single if each.gateways]
    if not behind:
        return direct, ()
    told = network_endpoints(behind, viewpoint, seen_through)
    if told.scale > 1:
        direct = {name: scaled(each, told.scale) for name, each in direct.items()}
    return {**direct, **told.endpoints}, told.left_out


def _spread(each: ServiceEndpoint, reason: Exclusion) -> list[LeftOut]:
    """What is left out with an endpoint: of a network endpoint all that is behind it, where that is known."""
    behind = [one for one in each.behind if not is_announcement(one.workload)]
    return [(one, evolve(reason, endpoint=one.endpoint)) for one in behind] or [(each, reason)]


def visible_endpoints(binding: Binding, clusters: Mapping[str, Cluster], viewpoint: Viewpoint) -> VisibleEndpoints:
    """What stands behind *binding* as *viewpoint* sees it. Cost: O(n) in the endpoints that the host reaches."""
    reader = _Reader(clusters, viewpoint)
    for service in binding.services:
        for each in reader.of(service, binding.host):
            reader.add(*each)
    reader.join_exchanged()
    single = tuple(reader.available.values())
    available, without = _told(single, viewpoint, reader.seen_through)
    looked_at = dict.fromkeys([viewpoint.cluster, *(service.cluster for service in binding.services)])
    read = [note for name in looked_at if name in clusters for note in clusters[name].notes]
    return VisibleEndpoints(
        binding=binding,
        viewpoint=viewpoint,
        available=available,
        single=single,
        seen_through=reader.seen_through,
        left_out=(*reader.left_out.values(), *without),
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

    @property
    def seen_through(self) -> SeenThrough:
        """Where what is behind a gateway seems to be."""
        return self._reachability.seen_through

    def of(self, service: Service, host: str) -> Iterator[tuple[ServiceEndpoint, Access]]:
        """The endpoints of a service that answer to a host, each with how it is reached."""
        for backend in service.backends:
            if backend.host not in ("", host):
                continue
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
        reason = _reason_against(each, access, self._viewpoint)
        if reason is None:
            self.available[name] = each
        else:
            self.left_out[name] = each, reason

    def unreachable(self, binding: Binding) -> Iterator[LeftOut]:
        """What is called like the host's endpoints and does not belong to it."""
        for service, barrier in binding.unreachable():
            for each, _ in self.of(service, binding.host):
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
        if each.workload.cluster == self._viewpoint.cluster or each.gateways:
            return None
        return next((entries[address] for address in each.workload.addresses if address in entries), None)

    def _as_announced(self, each: ServiceEndpoint, entry: ServiceEndpoint) -> ServiceEndpoint:
        endpoint = evolve(
            each.endpoint,
            locality=entry.place.locality,
            weight=entry.endpoint.weight,
            labels=self._labels(each.workload, entry.place),
        )
        return evolve(each, endpoint=endpoint, place=entry.place)

    def _endpoint(self, service: Service, backend: Backend, workload: Workload, access: Access) -> ServiceEndpoint:
        health = workload.health if backend.health is None else backend.health
        if service.publish_not_ready and health in (Health.UNHEALTHY, Health.TERMINATING):
            health = Health.HEALTHY
        endpoint = Endpoint(
            workload.id,
            access.place.locality,
            weight=workload.weight,
            health=health,
            cluster=workload.remote_cluster or workload.cluster,
            labels=self._labels(workload, access.place),
        )
        return ServiceEndpoint(
            endpoint=endpoint,
            workload=workload,
            service=service,
            place=access.place,
            gateways=access.gateways,
            ports=backend.ports,
        )

    def _labels(self, workload: Workload, place: Place) -> Mapping[str, str]:
        if not self._viewpoint.envoy:
            return workload.labels
        return with_place_labels(workload.labels, place.locality, workload.remote_cluster or workload.cluster)


def _reason_against(each: ServiceEndpoint, access: Access, viewpoint: Viewpoint) -> Exclusion | None:
    endpoint = each.endpoint
    if each.workload.absent:
        return Exclusion(endpoint, Reason.ABSENT, "LOC-4a", each.workload.absent)
    if access.obstacle is not None:
        return Exclusion(endpoint, Reason.NO_ADDRESS, access.obstacle.rule, access.obstacle.text)
    if endpoint.health is Health.TERMINATING:
        return Exclusion(endpoint, Reason.TERMINATING, "TIER-5")
    # The control plane hands unready endpoints to an Envoy, which counts them (LOAD-3); ztunnel drops them from the
    # service's endpoints. Source: istio/ztunnel src/state/service.rs, LoadBalancerHealthPolicy, at 62d8265.
    # Of another network ztunnel is told a sum of all that is there (NET-3), unless its own dump says otherwise.
    is_summed = access.gateways and not viewpoint.literal
    if endpoint.health is Health.UNHEALTHY and not viewpoint.envoy and not is_summed:
        return Exclusion(endpoint, Reason.UNHEALTHY, "TIER-5", "ztunnel leaves it out before it chooses")
    return None
