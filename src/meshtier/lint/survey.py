"""What do all rules look at? One survey of a mesh: hosts, settings, clients and policies, each found once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Final

from attrs import field, frozen

from meshtier.component import Component
from meshtier.errors import UnknownNameError
from meshtier.lint.policies import Policies
from meshtier.lint.rule import Need
from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.mesh import Client, Cluster, DirectRoute, Mesh, Place, Route, Service, WaypointRoute, Workload
from meshtier.mesh.clients import client_of
from meshtier.mesh.hostnames import HostTable
from meshtier.mesh.snapshot import Position, WorkloadKey
from meshtier.mesh.waypoint import GATEWAY_NAME_LABEL, WaypointTable, gateway_of
from meshtier.precedence import Resolution
from meshtier.profile import SOLO, Profile

ENVOYS = (Component.WAYPOINT, Component.INGRESS_GATEWAY, Component.SIDECAR)
"""The components that obey DestinationRules."""


NOWHERE = Position()

_MANAGED: Final = frozenset({"gateway.istio.io/managed", GATEWAY_NAME_LABEL})
"""The labels of the Services that the controllers of Gateways write; same source as for `GATEWAY_NAME_LABEL`."""

_NO_NAME: Final = frozenset(":/")
"""What the host of a ServiceEntry cannot have, so that nobody can ask for it; Istio's validation refuses it."""


_Clients = Mapping[tuple[Component, Place], Sequence[Workload]]
"""The clients of a cluster by where their traffic starts, and their place."""


@frozen(eq=False)
class _Groups:
    """The clients of a cluster by place, or by zone.

    Attributes:
        pods: Those of each group.
        number_of: The number of the group of each pod.
    """

    pods: Sequence[Sequence[Workload]]
    number_of: Mapping[WorkloadKey, int]


@frozen(eq=False)
class Choice:
    """A choice of an endpoint that is made for all clients of one place.

    Attributes:
        client: One of them.
        pods: How many they are.
        weight: How much they send: their requests where that is known, else as many as they are.
        share: What part of their traffic is chosen for there, 0 to 1; less than 1 where
            several pods of a waypoint choose.
        route: The choice: made where the clients are, or at a pod of a waypoint.
    """

    client: Client
    pods: int
    weight: float
    share: float
    route: DirectRoute


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
        first = next(self.survey.clients_without(self.cluster, self._own_keys), None)
        return self.route(first or self.survey.nowhere(self.cluster), Component.ZTUNNEL)

    def route(self, client: Client, component: Component | None) -> Route:
        """The answer for one client; ``None`` for its path."""
        mesh = self.survey.mesh
        return mesh.route(
            client, self.host, component=component, profile=self.survey.profile, cluster=self.cluster.name
        )

    def route_under(self, client: Client, profile: Profile) -> Route | None:
        """The answer for one client on its path under another profile; ``None`` if that knows no such host."""
        try:
            return self.survey.mesh.route(client, self.host, profile=profile, cluster=self.cluster.name)
        except UnknownNameError:
            return None

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
        return tuple(self.survey.clients_without(self.cluster, self._own_keys))

    @cached_property
    def choices(self) -> Sequence[Choice]:
        """The choices of an endpoint for all clients of the cluster, by where these are.

        Where no node is compared, the clients of a zone count as one place.
        """
        found: list[Choice] = []
        for client, pods, weight in self._asking():
            route = self.route(client, None)
            if isinstance(route, WaypointRoute):
                found += [Choice(client, pods, weight, hop.share, hop.route) for hop in route.waypoint_hops]
            elif isinstance(route, DirectRoute):
                found.append(Choice(client, pods, weight, 1.0, route))
        return tuple(found)

    def _asking(self) -> Iterator[tuple[Client, int, float]]:
        """A client for each place that can matter, how many pods are there, and how much these send."""
        own = self._own_keys
        groups = self.survey.groups(self.cluster, by_node=self._compares_nodes)
        own_at = Counter(groups.number_of[key] for key in own if key in groups.number_of)
        for number, pods in enumerate(groups.pods):
            count = len(pods) - own_at[number]
            if count > 0:
                first = next(pod for pod in pods if pod.key not in own)
                yield client_of(first), count, self._requests(pods) if self.survey.traffic else float(count)

    def _requests(self, pods: Iterable[Workload]) -> float:
        traffic = self.survey.traffic
        return sum(traffic.get((str(pod), self.host), traffic.get((pod.id, self.host), 0.0)) for pod in pods)

    @property
    def _compares_nodes(self) -> bool:
        resolution = self.any_route.resolution
        return (
            names_node(resolution)
            or self.cluster.name in self.survey.naming_nodes
            or bool(self.service.waypoint and self.survey.is_waypoint_by_node(self.cluster, self.service.waypoint))
        )

    @cached_property
    def _own_keys(self) -> frozenset[WorkloadKey]:
        """The cluster's own workloads behind the host, which are no clients of it."""
        known = self.survey.services_called[self.cluster.name]
        own = (*known.get(self.host, ()), *known.get(".".join(self.host.split(".")[:2]), ()))
        return frozenset(backend.workload for service in own for backend in service.backends)

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
    _clients: dict[str, _Clients] = field(factory=dict[str, _Clients], init=False)
    _groups: dict[tuple[str, bool], _Groups] = field(factory=dict[tuple[str, bool], _Groups], init=False)

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
            Need.OTHER_PROFILE: self.profile_to is not None,
        }
        return frozenset(need for need, is_there in found.items() if is_there)

    @cached_property
    def by_name(self) -> Mapping[str, Cluster]:
        """The clusters by name."""
        return {cluster.name: cluster for cluster in self.clusters}

    @cached_property
    def behind_gateways(self) -> Mapping[tuple[str, str, str], int]:
        """How many endpoints clients reach through gateways, by their cluster, the peer and its network."""
        found: dict[tuple[str, str, str], set[str]] = {}
        for site in self.sites:
            if any(gateway.remote for gateway in site.cluster.gateways):
                for each in site.any_route.visible.network_endpoints.values():
                    for gateway in each.gateways:
                        key = (site.cluster.name, gateway.cluster, gateway.place.locality.network)
                        found.setdefault(key, set()).update(one.endpoint.id for one in each.behind)
        return {key: len(behind) for key, behind in found.items()}

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
            if _NO_NAME.isdisjoint(host) and not host.endswith(".")
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
        return (cluster.name, service.kind, service.namespace, service.name) in self._controllers

    @cached_property
    def _controllers(self) -> frozenset[tuple[str, str, str, str]]:
        return frozenset(
            (cluster.name, service.kind, service.namespace, service.name)
            for cluster in self.clusters
            for service in cluster.services
            if _is_controllers(cluster, service)
        )

    def clients(self, cluster: Cluster) -> Mapping[tuple[Component, Place], Sequence[Workload]]:
        """The pods in the mesh that are no waypoint and no gateway, by where their traffic starts and their place."""
        found = self._clients.get(cluster.name)
        if found is None:
            by_place: dict[tuple[Component, Place], list[Workload]] = {}
            for pod in cluster.workloads.values():
                origin = origin_of(pod)
                if origin is not None:
                    by_place.setdefault(origin, []).append(pod)
            # In an order of its own, so that what is said of the first client does not depend on that of the input.
            found = self._clients[cluster.name] = {
                key: sorted(by_place[key], key=lambda pod: pod.key)
                for key in sorted(by_place, key=lambda key: (key[0].value, key[1].locality, key[1].origins))
            }
        return found

    @cached_property
    def naming_nodes(self) -> frozenset[str]:
        """The clusters of which some DestinationRule compares nodes, as a ``failoverPriority`` can."""
        label = SCOPE_LABELS[Scope.NODE]
        rules = ((cluster.name, rule) for cluster in self.clusters for rule in cluster.destination_rules)
        return frozenset(name for name, rule in rules if label in str(rule.to_mapping()))

    def is_waypoint_by_node(self, cluster: Cluster, name: str) -> bool:
        """Whether clients of one zone can come to different pods of a waypoint; so too where nothing tells.

        Args:
            cluster: The cluster of the clients.
            name: The waypoint, as ``namespace/name``.
        """
        namespace, _, own = name.partition("/")
        sites = self.own_sites.get((cluster.name, "Service", namespace, own), ())
        return not sites or any(names_node(site.any_route.resolution) for site in sites)

    @cached_property
    def sites_of(self) -> Mapping[tuple[str, str, str, str], Sequence[Site]]:
        """The sites of all clusters by the object whose settings hold: its cluster, kind, namespace and name."""
        found: dict[tuple[str, str, str, str], list[Site]] = {}
        for site in self.sites:
            service = site.service
            found.setdefault((service.cluster, service.kind, service.namespace, service.name), []).append(site)
        return found

    def written_sites(self) -> Iterator[tuple[Service, Sequence[Site]]]:
        """Every object that a person writes and whose settings hold somewhere, with its sites."""
        known = {cluster.name: cluster for cluster in self.clusters}
        for (cluster, *_), sites in self.sites_of.items():
            service = sites[0].service
            if not self.is_controllers(known[cluster], service):
                yield service, sites

    @cached_property
    def waypoints(self) -> Mapping[str, WaypointTable]:
        """The waypoints of each cluster, by its name."""
        hosts = HostTable(self.clusters)
        return {cluster.name: WaypointTable(cluster, hosts) for cluster in self.clusters}

    def held(self, service: Service) -> Resolution | None:
        """The setting that holds for the host of an object in its own cluster; ``None`` if it has no host there."""
        sites = self.own_sites.get((service.cluster, service.kind, service.namespace, service.name), ())
        return sites[0].any_route.resolution if sites else None

    def groups(self, cluster: Cluster, *, by_node: bool) -> _Groups:
        """The clients of a cluster by where their traffic starts, and by their place or their zone."""
        found = self._groups.get((cluster.name, by_node))
        if found is None:
            pods: dict[object, list[Workload]] = {}
            for (start, place), here in self.clients(cluster).items():
                key = place if by_node else place.locality._replace(node="")
                pods.setdefault((start, key), []).extend(here)
            numbers = {pod.key: number for number, here in enumerate(pods.values()) for pod in here}
            found = self._groups[cluster.name, by_node] = _Groups(tuple(pods.values()), numbers)
        return found

    def clients_without(self, cluster: Cluster, keys: AbstractSet[WorkloadKey]) -> Iterator[Client]:
        """The first client of each place and start that is none of these workloads."""
        for pods in self.clients(cluster).values():
            first = next((pod for pod in pods if pod.key not in keys), None)
            if first is not None:
                yield client_of(first)

    @cached_property
    def services_called(self) -> Mapping[str, Mapping[str, Sequence[Service]]]:
        """The services of each cluster, by its name, and then by each host and by ``name.namespace``."""
        found: dict[str, dict[str, list[Service]]] = {cluster.name: {} for cluster in self.clusters}
        for cluster in self.clusters:
            for service in cluster.services:
                for name in (*service.hosts, f"{service.name}.{service.namespace}"):
                    found[cluster.name].setdefault(name, []).append(service)
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


def _is_controllers(cluster: Cluster, service: Service) -> bool:
    key = f"{service.namespace}/{service.name}"
    if service.name.startswith("autogen.") or key in cluster.waypoints or not _MANAGED.isdisjoint(service.labels):
        return True
    pods = (cluster.workloads[each.workload] for each in service.backends if each.workload in cluster.workloads)
    return bool(service.backends) and all(gateway_of(pod) for pod in pods)


def origin_of(pod: Workload) -> tuple[Component, Place] | None:
    """Where the traffic of a client starts, and its place as it counts there; ``None`` for what is no client."""
    start = pod.proxy or Component.ZTUNNEL
    if pod.kind != "Pod" or pod.takes_part is False or gateway_of(pod) or not pod.health.serves:
        return None
    if start not in (Component.ZTUNNEL, Component.SIDECAR):
        return None
    return start, pod.envoy_place if start is Component.SIDECAR else pod.place


def names_node(resolution: Resolution) -> bool:
    """Whether a setting compares nodes."""
    return resolution.strict or Scope.NODE in resolution.scopes


def listed(names: Iterable[str], at_most: int = 4) -> str:
    """The first few names in order, as a sentence lists them.

    >>> listed(["d", "b", "c", "a"], at_most=2)
    'a, b and 2 more'
    """
    ordered = sorted(set(names))
    more = len(ordered) - at_most
    return ", ".join(ordered[:at_most]) + (f" and {more} more" if more > 0 else "")
