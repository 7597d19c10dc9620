"""From where can what be asked? Every host from every place of a pod, each once."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

from meshtier.component import Component
from meshtier.mesh.clients import Client, client_of
from meshtier.mesh.hostnames import HostTable, Naming
from meshtier.mesh.request import RouteRequest
from meshtier.mesh.route import Route
from meshtier.mesh.routing import Router
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

_Asked = tuple[str, str, RouteRequest, Collection[Client]]
"""A cluster, a host, what is asked there, and the clients that ask."""


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
        for _start, clients in self._starts(cluster, component):
            yield from clients

    def hosts(self, cluster: str, component: Component | None, profile: Profile) -> Iterable[str]:
        """Every full host name that can be asked for in *cluster*, some of them twice."""
        starts = [component] if component is not None else [Component.ZTUNNEL, *self._origins.get(cluster, ())]
        for naming in dict.fromkeys(Naming.of(profile, start) for start in starts):
            yield from self._hosts.hosts(cluster, naming)

    def _starts(self, cluster: str, component: Component | None) -> Iterator[tuple[Component, Collection[Client]]]:
        """Where traffic starts, and the clients that start there, one for each place."""
        if component is None:
            for start, by_place in self._origins.get(cluster, {}).items():
                yield start, by_place.values()
        else:
            # With a waypoint in the path, it is ztunnel that starts from the pod.
            by_envoy = component.traits.reads_locality_override and component is not Component.WAYPOINT
            yield component, self._places[cluster, by_envoy].values()

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
        for cluster, host, request, clients in self._asked(component, profile, hosts):
            binding = self._hosts.bind(host, cluster=cluster, naming=request.naming)
            routes = self._router.routes_to(binding, cluster, request)
            for client in clients:
                yield routes.route(client)

    def count(self, component: Component | None, profile: Profile, hosts: Iterable[str] | None) -> int:
        """How many routes there are to go through."""
        return sum(len(clients) for *_, clients in self._asked(component, profile, hosts))

    def _asked(self, component: Component | None, profile: Profile, hosts: Iterable[str] | None) -> Iterator[_Asked]:
        wanted = None if hosts is None else set(hosts)
        for cluster in self._clusters:
            starts = [
                (RouteRequest(component=start, profile=profile, path=component is None), clients)
                for start, clients in self._starts(cluster.name, component)
            ]
            namings = {request.naming for request, _ in starts}
            known = {naming: self._hosts.hosts(cluster.name, naming) for naming in namings}
            for host in sorted({host for names in known.values() for host in names}):
                if wanted is None or host in wanted:
                    for request, clients in starts:
                        if len(known) == 1 or host in known[request.naming]:
                            yield cluster.name, host, request, clients


def _origins_in(cluster: Cluster) -> Mapping[Component, Mapping[Place, Client]]:
    """The first pod of each place whose traffic starts at a component; one that takes part, if one does (PATH-4)."""
    east_west = {f"{each.namespace}/{each.name}" for each in cluster.gateways if not each.remote}
    found: dict[Component, dict[Place, Workload]] = {}
    for workload in cluster.workloads.values():
        if workload.kind != "Pod" or workload.proxy is Component.WAYPOINT:
            continue
        start = workload.proxy or Component.ZTUNNEL
        place = workload.envoy_place if start.traits.reads_locality_override else workload.place
        places = found.setdefault(start, {})
        before = places.get(place)
        if before is not None and (before.takes_part is not False or workload.takes_part is False):
            continue
        if gateway_of(workload) in east_west or any(workload.labels.get(key) == value for key, value in _EAST_WEST):
            continue
        places[place] = workload
    return {
        start: {place: client_of(workload) for place, workload in by_place.items()}
        for start in Component
        if (by_place := found.get(start))
    }
