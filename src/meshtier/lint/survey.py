"""What do all rules look at? One survey of a mesh: hosts, settings, clients and policies, each found once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from attrs import field, frozen

from meshtier.component import Component
from meshtier.lint.policies import Policies
from meshtier.lint.rule import Need
from meshtier.mesh import Client, Cluster, Mesh, Place, Route, Service, Workload
from meshtier.mesh.clients import client_of
from meshtier.mesh.snapshot import Position
from meshtier.mesh.waypoint import gateway_of
from meshtier.profile import SOLO, Profile

ENVOYS = (Component.WAYPOINT, Component.INGRESS_GATEWAY, Component.SIDECAR)
"""The components that obey DestinationRules."""


NOWHERE = Position()


@frozen(eq=False)
class Site:
    """One host as the clients of one cluster ask for it.

    Attributes:
        survey: The survey that it belongs to.
        cluster: The cluster of the clients.
        host: The full host name.
    """

    survey: "Survey"
    cluster: Cluster
    host: str

    @cached_property
    def any_route(self) -> Route:
        """The answer of ztunnel for the first client, or for a client at no known place: what no place changes."""
        clients = self.clients
        return self.route(clients[0] if clients else self.survey.nowhere(self.cluster), Component.ZTUNNEL)

    def route(self, client: Client, component: Component | None) -> Route:
        """The answer for one client; ``None`` for its path."""
        mesh = self.survey.mesh
        return mesh.route(
            client, self.host, component=component, profile=self.survey.profile, cluster=self.cluster.name
        )

    @cached_property
    def service(self) -> Service:
        """The Service or ServiceEntry whose settings hold."""
        return self.any_route.service

    @cached_property
    def services(self) -> Sequence[Service]:
        """All that answers to the host, the asking cluster's first."""
        return self.any_route.visible.binding.services

    @cached_property
    def clients(self) -> Sequence[Client]:
        """The clients of the cluster, one for each place and start; the service's own endpoints are none of it."""
        own = {backend.workload for service in self._own() for backend in service.backends}
        return self.survey.clients_without(self.cluster, own)

    def _own(self) -> Iterable[Service]:
        names = self.host.split(".")
        return (
            each
            for each in self.cluster.services
            if [each.name, each.namespace] == names[:2] or self.host in each.hosts
        )

    @cached_property
    def envoys(self) -> frozenset[Component]:
        """The Envoys that send to this host for some client of the cluster, as its paths have it."""
        found = {self.route(client, None).component for client in self.clients}
        return frozenset(found) & frozenset(ENVOYS)


@frozen(eq=False)
class Survey:
    """A mesh as the rules look at it.

    Attributes:
        mesh: The mesh.
        profile: Whose rules.
        profile_to: The profile to compare with; ``None`` for none.
        traffic: The requests that a client sends to a host, by the client's name
            and the host; empty where that is not known.
    """

    mesh: Mesh
    profile: Profile = SOLO
    profile_to: Profile | None = None
    traffic: Mapping[tuple[str, str], float] = field(factory=dict[tuple[str, str], float])
    _clients: dict[str, Mapping[tuple[Component, Place], Sequence[Workload]]] = field(factory=dict, init=False)

    @property
    def clusters(self) -> Sequence[Cluster]:
        """The clusters, in the order of the input."""
        return self.mesh.clusters

    @cached_property
    def present(self) -> frozenset[Need]:
        """What of all that a rule can need is in the input."""
        clusters = self.clusters
        networks = {cluster.network for cluster in clusters}
        networks |= {gateway.place.locality.network for cluster in clusters for gateway in cluster.gateways}
        found = {
            Need.NODES: any(cluster.nodes for cluster in clusters),
            Need.PODS: any(each.kind == "Pod" for cluster in clusters for each in cluster.workloads.values()),
            Need.SLICES: not any(
                note.code == "slices-missing"
                for cluster in clusters
                for each in cluster.services
                for note in each.notes
            ),
            Need.GATEWAYS: any(cluster.gateways for cluster in clusters),
            Need.NETWORKS: len(networks - {""}) > 1,
            Need.CLUSTERS: len(clusters) > 1,
            Need.RULES: any(cluster.destination_rules for cluster in clusters),
            Need.OTHER_PROFILE: self.profile_to is not None,
        }
        return frozenset(need for need, is_there in found.items() if is_there)

    @cached_property
    def policies(self) -> Policies:
        """What DestinationRules make of every host."""
        return Policies(self)

    @cached_property
    def sites(self) -> Sequence[Site]:
        """Every host of every cluster."""
        return tuple(
            Site(self, cluster, host)
            for cluster in self.clusters
            for host in self.mesh.hosts(cluster.name, profile=self.profile)
        )

    @cached_property
    def own_sites(self) -> Mapping[tuple[str, str, str, str], Sequence[Site]]:
        """The sites whose settings an object of the same cluster gives, by cluster, kind, namespace and name of it."""
        found: dict[tuple[str, str, str, str], list[Site]] = {}
        for site in self.sites:
            service = site.service
            if service.cluster == site.cluster.name:
                found.setdefault((service.cluster, service.kind, service.namespace, service.name), []).append(site)
        return found

    def services(self) -> Iterator[tuple[Cluster, Service]]:
        """Every Service and ServiceEntry that a person writes, with its cluster."""
        for cluster in self.clusters:
            for service in cluster.services:
                if not self.is_controllers(cluster, service):
                    yield cluster, service

    def is_controllers(self, cluster: Cluster, service: Service) -> bool:
        """Whether the mesh's own controllers write it: a gateway's or waypoint's Service, an entry for a peer."""
        key = f"{service.namespace}/{service.name}"
        if service.name.startswith("autogen.") or key in cluster.waypoints:
            return True
        pods = [cluster.workloads[each.workload] for each in service.backends if each.workload in cluster.workloads]
        return bool(pods) and all(gateway_of(pod) for pod in pods)

    def clients(self, cluster: Cluster) -> Mapping[tuple[Component, Place], Sequence[Workload]]:
        """The pods in the mesh that are no waypoint and no gateway, by where their traffic starts and their place."""
        found = self._clients.get(cluster.name)
        if found is None:
            by_place: dict[tuple[Component, Place], list[Workload]] = {}
            for pod in cluster.workloads.values():
                start = pod.proxy or Component.ZTUNNEL
                if pod.kind != "Pod" or pod.takes_part is False or gateway_of(pod) or not pod.health.serves:
                    continue
                if start in (Component.ZTUNNEL, Component.SIDECAR):
                    place = pod.envoy_place if start is Component.SIDECAR else pod.place
                    by_place.setdefault((start, place), []).append(pod)
            found = self._clients[cluster.name] = by_place
        return found

    def clients_without(self, cluster: Cluster, keys: Iterable[object]) -> Sequence[Client]:
        """The first client of each place and start that is none of these workloads."""
        out = set(keys)
        found: list[Client] = []
        for pods in self.clients(cluster).values():
            first = next((pod for pod in pods if pod.key not in out), None)
            if first is not None:
                found.append(client_of(first))
        return found

    def position(self, cluster: str, title: str) -> Position:
        """Where an object stands, given its title, as in ``Service shop/web``."""
        known = next((each for each in self.clusters if each.name == cluster), None)
        return known.positions.get(title, NOWHERE) if known is not None else NOWHERE

    def nowhere(self, cluster: Cluster) -> Client:
        """A client at no known place of a cluster."""
        place = Place()
        return Client(
            name=f"a client in cluster {cluster.name!r}", cluster=cluster.name, place=place, envoy_place=place
        )
