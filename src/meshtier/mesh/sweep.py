"""From where can what be asked? Every host from every place of a pod, each once."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

from attrs import frozen

from meshtier.component import Component
from meshtier.mesh.clients import Client, client_of
from meshtier.mesh.hostnames import HostTable, Naming
from meshtier.mesh.request import RouteRequest
from meshtier.mesh.route import Route
from meshtier.mesh.routing import HostRoutes, Router
from meshtier.mesh.snapshot import Cluster, Place, Workload
from meshtier.mesh.waypoint import gateway_of
from meshtier.profile import Profile

_EAST_WEST: Final = (
    ("gateway.istio.io/managed", "istio.io-eastwest-controller"),
    ("istio", "eastwestgateway"),
)
"""The labels of east-west gateways, which hand on the traffic of others.

Source: istio/istio pkg/config/constants/constants.go and samples/multicluster/gen-eastwest-gateway.sh, at 86c9f01.
"""


@frozen(kw_only=True, eq=False)
class Asked:
    """One host as it is asked for in one cluster, and who asks.

    Attributes:
        cluster: Where the clients are.
        host: The full host name.
        start: Where the traffic of the clients starts; or the one component whose eyes count for their places.
        request: What is asked.
        clients: Those that ask, by place.
    """

    cluster: str
    host: str
    start: Component
    request: RouteRequest
    clients: Mapping[Place, Client]


class Sweep:
    """The places and the hosts of a snapshot, to go through.

    Args:
        clusters: The snapshot.
        hosts: What host names mean in it.
        router: What routes are made from.
    """

    def __init__(self, clusters: tuple[Cluster, ...], hosts: HostTable, router: Router) -> None:
        self._clusters = clusters
        self._hosts = hosts
        self._router = router

    def clients(self, cluster: str, component: Component | None) -> Iterator[Client]:
        """A pod for every distinct place in *cluster* as *component* sees it; ``None``: for all starts of a path."""
        for _start, clients in self.starts(cluster, component):
            yield from clients.values()

    def hosts(self, cluster: str, component: Component | None, profile: Profile) -> Iterable[str]:
        """Every full host name that can be asked for in *cluster*, some of them twice."""
        starts = [component] if component is not None else [Component.ZTUNNEL, *self._origins.get(cluster, ())]
        for naming in dict.fromkeys(Naming.of(profile, start) for start in starts):
            yield from self._hosts.hosts(cluster, naming)

    def starts(self, cluster: str, component: Component | None) -> Iterator[tuple[Component, Mapping[Place, Client]]]:
        """Where traffic starts, and the clients that start there, one for each place."""
        if component is None:
            yield from self._origins.get(cluster, {}).items()
        else:
            # With a waypoint in the path, it is ztunnel that starts from the pod.
            by_envoy = component.traits.reads_locality_override and component is not Component.WAYPOINT
            yield component, self._places[cluster, by_envoy]

    def pods(self, cluster: str, component: Component | None) -> Iterator[tuple[Component, Place, Workload]]:
        """Every pod that asks, with where its traffic starts and its place there; see `starts`. Cost: O(n)."""
        found = next(each for each in self._clusters if each.name == cluster)
        if component is None:
            yield from _asking(found)
            return
        by_envoy = component.traits.reads_locality_override and component is not Component.WAYPOINT
        for workload in found.workloads.values():
            if workload.kind == "Pod":
                yield component, workload.envoy_place if by_envoy else workload.place, workload

    @cached_property
    def _places(self) -> Mapping[tuple[str, bool], Mapping[Place, Client]]:
        found: dict[tuple[str, bool], dict[Place, Client]] = {}
        for cluster in self._clusters:
            by_ztunnel = found[cluster.name, False] = {}
            by_envoy = found[cluster.name, True] = {}
            for workload in cluster.workloads.values():
                if workload.kind == "Pod":
                    if workload.place not in by_ztunnel:
                        by_ztunnel[workload.place] = client_of(workload)
                    if workload.envoy_place not in by_envoy:
                        by_envoy[workload.envoy_place] = client_of(workload)
        return found

    @cached_property
    def _origins(self) -> Mapping[str, Mapping[Component, Mapping[Place, Client]]]:
        return {cluster.name: _origins_in(cluster) for cluster in self._clusters}

    def routes(self, component: Component | None, profile: Profile, hosts: Iterable[str] | None) -> Iterator[Route]:
        """A route for each host and place; *hosts* are full names, ``None`` for all of them."""
        for asked in self.asked(component, profile, hosts, starts=component):
            routes = self.routes_to(asked)
            for client in asked.clients.values():
                yield routes.route(client)

    def count(self, component: Component | None, profile: Profile, hosts: Iterable[str] | None) -> int:
        """How many routes there are to go through."""
        return sum(len(asked.clients) for asked in self.asked(component, profile, hosts, starts=component))

    def routes_to(self, asked: Asked) -> HostRoutes:
        """What the routes of all these clients share."""
        binding = self._hosts.bind(asked.host, cluster=asked.cluster, naming=asked.request.naming)
        return self._router.routes_to(binding, asked.cluster, asked.request)

    def asked(
        self,
        component: Component | None,
        profile: Profile,
        hosts: Iterable[str] | None,
        *,
        starts: Component | None,
    ) -> Iterator[Asked]:
        """All that can be asked of a component, by cluster and host.

        Args:
            component: The one that is asked about; ``None`` for the way that the traffic really takes.
            profile: Whose rules.
            hosts: Full host names; ``None`` for all of them.
            starts: Whose places count: a component, or ``None`` for all at which traffic starts. With one
                component here, *component* must be one too.
        """
        wanted = None if hosts is None else set(hosts)
        for cluster in self._clusters:
            found = [
                (start, RouteRequest(component=component or start, profile=profile, path=component is None), clients)
                for start, clients in self.starts(cluster.name, starts)
            ]
            namings = {request.naming for _, request, _ in found}
            known = {naming: self._hosts.hosts(cluster.name, naming) for naming in namings}
            for host in sorted({host for names in known.values() for host in names}):
                if wanted is None or host in wanted:
                    for start, request, clients in found:
                        if len(known) == 1 or host in known[request.naming]:
                            yield Asked(cluster=cluster.name, host=host, start=start, request=request, clients=clients)


def _start_of(workload: Workload) -> tuple[Component, Place] | None:
    """Where the traffic of a pod starts, and the pod's place there; ``None`` for what is no client."""
    if workload.kind != "Pod" or workload.proxy is Component.WAYPOINT:
        return None
    start = workload.proxy or Component.ZTUNNEL
    return start, workload.envoy_place if start.traits.reads_locality_override else workload.place


def _east_west_gateways(cluster: Cluster) -> frozenset[str]:
    return frozenset(f"{each.namespace}/{each.name}" for each in cluster.gateways if not each.remote)


def _hands_on(workload: Workload, east_west: frozenset[str]) -> bool:
    """Whether it is a pod of an east-west gateway, whose traffic is that of others."""
    return gateway_of(workload) in east_west or any(workload.labels.get(key) == value for key, value in _EAST_WEST)


def _asking(cluster: Cluster) -> Iterator[tuple[Component, Place, Workload]]:
    """The pods of which the traffic is their own: all but waypoints and east-west gateways."""
    east_west = _east_west_gateways(cluster)
    for workload in cluster.workloads.values():
        at = _start_of(workload)
        if at is not None and not _hands_on(workload, east_west):
            yield *at, workload


def _origins_in(cluster: Cluster) -> Mapping[Component, Mapping[Place, Client]]:
    """The first pod of each place whose traffic starts at a component; one that takes part, if one does (PATH-4)."""
    east_west = _east_west_gateways(cluster)
    found: dict[Component, dict[Place, Workload]] = {}
    for workload in cluster.workloads.values():
        at = _start_of(workload)
        if at is None:
            continue
        start, place = at
        places = found.setdefault(start, {})
        before = places.get(place)
        if before is not None and (before.takes_part is not False or workload.takes_part is False):
            continue
        if not _hands_on(workload, east_west):  # asked last, of one pod a place: it costs more than the rest
            places[place] = workload
    return {
        start: {place: client_of(workload) for place, workload in by_place.items()}
        for start in Component
        if (by_place := found.get(start))
    }
