"""From where can what be asked? Every host from every place of a pod, each once."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from meshtier.component import Component
from meshtier.mesh.clients import Client, client_of
from meshtier.mesh.hostnames import HostTable
from meshtier.mesh.request import RouteRequest
from meshtier.mesh.route import Route
from meshtier.mesh.routing import Router
from meshtier.mesh.snapshot import Cluster, Place


class Sweep:
    """The places and the hosts of a snapshot, to go through.

    Args:
        clusters: The snapshot.
        hosts: What host names mean in it.
        answers: What routes are made from.
    """

    def __init__(self, clusters: tuple[Cluster, ...], hosts: HostTable, router: Router) -> None:
        self._clusters = clusters
        self._hosts = hosts
        self._router = router

    def places(self, cluster: str, component: Component) -> Mapping[Place, Client]:
        """Every distinct place of a pod in *cluster* as *component* sees it, each with the first pod there."""
        # With a waypoint in the path, it is ztunnel that starts from the pod.
        by_envoy = component.traits.reads_locality_override and component is not Component.WAYPOINT
        return self._places[cluster, by_envoy]

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

    def routes(self, request: RouteRequest, hosts: Iterable[str] | None) -> Iterator[Route]:
        """A route for each host and place; *hosts* are full names, ``None`` for all of them."""
        for cluster, host in self._asked(hosts):
            routes = self._router.routes_to(self._hosts.bind(host, cluster=cluster), cluster, request)
            for client in self.places(cluster, request.component).values():
                yield routes.route(client)

    def count(self, component: Component, hosts: Iterable[str] | None) -> int:
        """How many routes there are to go through."""
        return sum(len(self.places(cluster, component)) for cluster, _ in self._asked(hosts))

    def _asked(self, hosts: Iterable[str] | None) -> Iterator[tuple[str, str]]:
        wanted = None if hosts is None else set(hosts)
        for cluster in self._clusters:
            for host in self._hosts.hosts(cluster.name):
                if wanted is None or host in wanted:
                    yield cluster.name, host
