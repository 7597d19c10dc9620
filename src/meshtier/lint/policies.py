"""What do DestinationRules make of each host, port and subset, for whom, and which field says so?"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from meshtier.component import Component
from meshtier.errors import MeshError
from meshtier.lint.policy_parts import PolicyPart, Where, parts_of, policies_in
from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.mesh import Client, Cluster, Route, Service, Workload, WorkloadKey
from meshtier.mesh.clients import client_of
from meshtier.mesh.hostnames import HostTable
from meshtier.mesh.service_endpoint import with_place_labels
from meshtier.mesh.visible import VisibleEndpoints
from meshtier.mesh.waypoint import gateway_of
from meshtier.rules import (
    DestinationRule,
    EffectiveSetting,
    Found,
    RuleIndex,
    host_matches,
    resolve_host,
)

if TYPE_CHECKING:
    from meshtier.lint.survey import Site, Survey

T = TypeVar("T")

Area = tuple[str, str, str]
"""Region, zone and subzone."""


@frozen(kw_only=True, eq=False)
class Asker:
    """An Envoy that asks what to do with the traffic to a host.

    Attributes:
        client: Where it is; of a waypoint, in the place of the client that sends there.
        component: What it is.
        has_place: Whether it stands for a pod of the input.
        stands_in: Whether no Envoy is in the path, so that the answer is what the rule would do at a waypoint.
    """

    client: Client
    component: Component
    has_place: bool = True
    stands_in: bool = False


@frozen(kw_only=True, eq=False)
class Decision:
    """What a rule does with the traffic of an Envoy to one port and subset of a host.

    Attributes:
        site: The host.
        asker: The Envoy.
        found: The rule.
        part: What it says.
        route: What comes of it.
    """

    site: "Site"
    asker: Asker
    found: Found
    part: PolicyPart
    route: Route

    @property
    def setting(self) -> EffectiveSetting:
        """The locality setting in force."""
        return self.route.effective_rule.setting

    @property
    def visible(self) -> VisibleEndpoints:
        """What the Envoy is told."""
        return self.route.selection.visible

    @property
    def sizes(self) -> Sequence[int]:
        """How many hosts each priority has."""
        return [len(tier.endpoints) for tier in self.route.selection.tiers]

    @property
    def here(self) -> Area:
        """Region, zone and subzone of the Envoy."""
        _, region, zone, subzone, _ = self.asker.client.place_for(self.asker.component).locality
        return region, zone, subzone


@frozen(eq=False)
class HostPolicies:
    """A host for which there is a rule.

    Attributes:
        policies: Those of the mesh.
        site: The host, as the clients of one cluster ask for it.
        namespaces: Those with a rule that could be for it.
    """

    policies: "Policies"
    site: "Site"
    namespaces: frozenset[str]

    @cached_property
    def service(self) -> Service:
        """The Service or ServiceEntry whose settings hold."""
        return self.site.service

    @cached_property
    def own(self) -> frozenset[WorkloadKey]:
        """Its own endpoints, which are no clients of it."""
        return own_of(self.site)

    @cached_property
    def starts(self) -> Mapping[Component, Component]:
        """Which component chooses, by where the traffic of a client starts."""
        first = {client.starts_at: client for client in reversed(self.site.clients)}
        return {start: self.site.route(client, None).component for start, client in first.items()}

    @cached_property
    def askers(self) -> Sequence[Asker]:
        """The Envoys of all clients that are not alike, by place; without a client, one at no known place."""
        waypoint = self.service.waypoint
        # At a waypoint the client's own namespace is not asked.
        apart = self.namespaces if {*self.starts.values()} - {Component.WAYPOINT} else frozenset[str]()
        found = [self._asker(client) for client in self.policies.clients_of(self.site.cluster, self.own, apart)]
        if Component.WAYPOINT in self.starts.values():
            pods = self.policies.gateway_pods(self.site.cluster).get(waypoint, ())
            found += [Asker(client=_placed(pod), component=Component.WAYPOINT) for pod in pods]
        if found:
            return sorted(found, key=_standing)
        nowhere = evolve(self.site.survey.nowhere(self.site.cluster), namespace=waypoint.partition("/")[0])
        return [Asker(client=nowhere, component=Component.WAYPOINT, has_place=False, stands_in=not waypoint)]

    def _asker(self, client: Client) -> Asker:
        component = self.starts.get(client.starts_at, Component.ZTUNNEL)
        if component is Component.SIDECAR:
            return Asker(client=client, component=component)
        if component is Component.WAYPOINT:
            client = evolve(client, namespace=self.service.waypoint.partition("/")[0])
        return Asker(
            client=evolve(client, workload=None),
            component=Component.WAYPOINT,
            stands_in=component is not Component.WAYPOINT,
        )

    def found_in(self, asker: Asker) -> Found | None:
        """The rule that an Envoy finds."""
        return self.policies.index(self.site.cluster).find(
            self.site.host,
            client_namespace=asker.client.namespace or self.service.namespace,
            service_namespace=self.service.namespace,
            client_labels=asker.client.labels,
        )

    @cached_property
    def lookups(self) -> Sequence[Found]:
        """What each Envoy finds, that of an ingress gateway too."""
        gateways = self.policies.ingress_gateways(self.site.cluster)
        askers = [*self.askers, *(Asker(client=each, component=Component.INGRESS_GATEWAY) for each in gateways)]
        return [found for found in map(self.found_in, askers) if found is not None]

    @cached_property
    def decisions(self) -> Sequence[Decision]:
        """What comes of the rules for every asker, port and subset."""
        parts: dict[tuple[str, ...], Sequence[PolicyPart]] = {}
        made: list[Decision] = []
        for asker in self.askers:
            found = self.found_in(asker)
            if found is None:
                continue
            titles = tuple([rule.title for rule in found.sources])
            if titles not in parts:
                parts[titles] = tuple(parts_of(found.rule, found.sources))
            for part in parts[titles]:
                with suppress(MeshError):  # a port that the service has not
                    made.append(self._decision(asker, found, part))
        return made

    def _decision(self, asker: Asker, found: Found, part: PolicyPart) -> Decision:
        survey = self.site.survey
        route = survey.mesh.route(
            asker.client,
            self.site.host,
            component=asker.component,
            profile=survey.profile,
            port=part.port,
            subset=part.subset,
        )
        return Decision(site=self.site, asker=asker, found=found, part=part, route=route)


def _standing(asker: Asker) -> tuple[object, ...]:
    client = asker.client
    return client.place_for(asker.component).locality[1:], asker.component.value, client.namespace, client.name


def _placed(pod: Workload) -> Client:
    return evolve(client_of(pod), workload=None)


class Policies:
    """The DestinationRules of a mesh, and what comes of them; each thing found once.

    Args:
        survey: The mesh.
    """

    def __init__(self, survey: "Survey") -> None:
        self._survey = survey
        self._labels: dict[VisibleEndpoints, frozenset[str]] = {}
        self._localities: dict[VisibleEndpoints, Mapping[Area, int]] = {}
        self._by_cluster: dict[object, Any] = {}

    @cached_property
    def rules(self) -> Sequence[tuple[Cluster, DestinationRule]]:
        """Every rule with its cluster."""
        return [(cluster, rule) for cluster in self._survey.clusters for rule in cluster.destination_rules]

    @cached_property
    def host_table(self) -> HostTable:
        """What host names mean."""
        return HostTable(self._survey.clusters)

    @cached_property
    def hosts(self) -> Sequence[HostPolicies]:
        """Every host of every cluster that the host of some rule there fits."""
        fitting = {cluster.name: _Fitting(cluster) for cluster in self._survey.clusters if cluster.destination_rules}
        asked = [site for site in self._survey.sites if site.cluster.name in fitting]
        found = [(site, fitting[site.cluster.name].namespaces(site.host)) for site in asked]
        return [HostPolicies(self, site, namespaces) for site, namespaces in found if namespaces and _is_known(site)]

    @cached_property
    def by_cluster(self) -> Mapping[str, Sequence[HostPolicies]]:
        """The same by the name of the cluster."""
        found: dict[str, list[HostPolicies]] = {}
        for host in self.hosts:
            found.setdefault(host.site.cluster.name, []).append(host)
        return found

    @cached_property
    def decisions(self) -> Sequence[Decision]:
        """What comes of the rules for every host; passed-through connections are left out."""
        found = [each for host in self.hosts for each in host.decisions]
        return [each for each in found if not each.route.passthrough]

    @cached_property
    def held(self) -> Mapping[tuple[str, str], Sequence[HostPolicies]]:
        """The hosts for which a rule holds at some Envoy, by its cluster and title."""
        made: dict[tuple[str, str], dict[HostPolicies, None]] = {}
        for host in self.hosts:
            for found in host.lookups:
                for rule in found.sources:
                    made.setdefault((host.site.cluster.name, rule.title), {})[host] = None
        return {key: tuple(hosts) for key, hosts in made.items()}

    def by_field(self, where: Callable[[Decision], Where | None]) -> Mapping[tuple[str, Where], Sequence[Decision]]:
        """The decisions by cluster and the policy that they rest on; those for which that is ``None`` are left out."""
        made: dict[tuple[str, str, str], tuple[tuple[str, Where], list[Decision]]] = {}
        for decision in self.decisions:
            found = where(decision)
            if found is not None:
                cluster = decision.site.cluster.name
                key = cluster, found.rule.title, found.path
                made.setdefault(key, ((cluster, found), []))[1].append(decision)
        return dict(made.values())

    def index(self, cluster: Cluster) -> RuleIndex:
        """The rules of a cluster by host."""
        return self._once("index", cluster, lambda: RuleIndex(cluster.destination_rules, domain=cluster.domain))

    def clients_of(self, cluster: Cluster, own: frozenset[WorkloadKey], namespaces: frozenset[str]) -> Iterable[Client]:
        """A client of each kind that rules can tell apart.

        Args:
            cluster: Where.
            own: Pods that are none.
            namespaces: Those that are told apart.
        """
        found: dict[object, Workload] = {}
        for (kind, namespace), pods in self._once("clients", cluster, lambda: self._alike(cluster)).items():
            first = next((pod for pod in pods if pod.key not in own), None)
            if first is not None:
                key = kind, namespace if namespace in namespaces else ""
                found[key] = min(first, found.get(key, first), key=lambda pod: pod.key)
        return map(client_of, found.values())

    def _alike(self, cluster: Cluster) -> Mapping[tuple[object, str], Sequence[Workload]]:
        compared = _compared_labels(cluster.destination_rules)
        by_node = SCOPE_LABELS[Scope.NODE] in compared
        namespaces = {rule.namespace for rule in cluster.destination_rules}
        alike: dict[tuple[object, str], list[Workload]] = {}
        for (start, place), pods in self._survey.clients(cluster).items():
            where = place.locality if by_node else place.locality[:4]
            for pod in pods:
                said = tuple([pod.labels.get(name) for name in compared])
                namespace = pod.namespace if pod.namespace in namespaces else ""
                alike.setdefault(((start, where, said), namespace), []).append(pod)
        return {kind: sorted(pods, key=lambda pod: pod.key) for kind, pods in alike.items()}

    def gateway_pods(self, cluster: Cluster) -> Mapping[str, Sequence[Workload]]:
        """The pods of every Gateway of a cluster, by ``namespace/name`` of that."""
        return self._once("gateways", cluster, lambda: _gateway_pods(cluster))

    def ingress_gateways(self, cluster: Cluster) -> Sequence[Client]:
        """A pod of an ingress gateway for each namespace that has one."""
        return self._once("ingress", cluster, lambda: _ingress_gateways(cluster))

    def namespaces(self, cluster: Cluster) -> frozenset[str]:
        """The namespaces of a cluster with a client, a waypoint or a gateway."""
        return self._once("namespaces", cluster, lambda: self._namespaces(cluster))

    def _namespaces(self, cluster: Cluster) -> frozenset[str]:
        clients = {pod.namespace for pods in self._survey.clients(cluster).values() for pod in pods}
        proxies = {name.partition("/")[0] for name in (*cluster.waypoints, *self.gateway_pods(cluster))}
        return frozenset({*clients, *proxies, *(each.namespace for each in self.ingress_gateways(cluster))})

    def carried_by_clients(self, site: "Site", label: str) -> int:
        """How many clients of a host carry a label, those of their places among them."""
        workloads = site.cluster.workloads
        own = own_of(site)
        clients = self._once("client keys", site.cluster, lambda: self._client_keys(site.cluster))
        pods = [workloads[key] for key in own if key in clients]
        return self._label_count(site.cluster)[label] - sum(label in labels_of(pod) for pod in pods)

    def _client_keys(self, cluster: Cluster) -> frozenset[WorkloadKey]:
        return frozenset(pod.key for pods in self._survey.clients(cluster).values() for pod in pods)

    def _label_count(self, cluster: Cluster) -> Counter[str]:
        clients = self._survey.clients(cluster).values()
        return self._once(
            "labels", cluster, lambda: Counter(name for pods in clients for pod in pods for name in labels_of(pod))
        )

    def _once(self, what: str, cluster: Cluster, make: Callable[[], T]) -> T:
        key = what, cluster.name
        if key not in self._by_cluster:
            self._by_cluster[key] = make()
        found: T = self._by_cluster[key]
        return found

    def endpoint_labels(self, visible: VisibleEndpoints) -> frozenset[str]:
        """The labels that some endpoint carries, those of its place among them."""
        if visible not in self._labels:
            self._labels[visible] = frozenset(name for each in visible.endpoints for name in each.labels)
        return self._labels[visible]

    def localities(self, visible: VisibleEndpoints) -> Mapping[Area, int]:
        """How many endpoints there are in each region, zone and subzone, as Envoys group them."""
        if visible not in self._localities:
            grouped = visible.grouped_at
            places = (grouped.get(each.id, each.locality) for each in visible.endpoints)
            self._localities[visible] = Counter((place[1], place[2], place[3]) for place in places)
        return self._localities[visible]

    @cached_property
    def known_places(self) -> frozenset[Area]:
        """Every region, zone and subzone of a node, a workload or a gateway, in any cluster."""
        places = {place for cluster in self._survey.clusters for place in cluster.nodes.values()}
        for cluster in self._survey.clusters:
            places.update(gateway.place for gateway in cluster.gateways)
            for workload in cluster.workloads.values():
                places.update((workload.place, workload.envoy_place))
        return frozenset((place.locality[1], place.locality[2], place.locality[3]) for place in places)


class _Fitting:
    """Which hosts the rules of a cluster could be for."""

    def __init__(self, cluster: Cluster) -> None:
        self._hosts: dict[str, set[str]] = {}
        for rule in cluster.destination_rules:
            host = resolve_host(rule.host, rule.namespace, domain=cluster.domain)
            self._hosts.setdefault(host, set()).add(rule.namespace)
        self._wildcards = [host for host in self._hosts if host.startswith("*")]

    def namespaces(self, host: str) -> frozenset[str]:
        """The namespaces with a rule that could be for a host."""
        fitting = [wildcard for wildcard in self._wildcards if host_matches(wildcard, host)]
        return frozenset[str]().union(*(self._hosts.get(name, ()) for name in (host, *fitting)))


def own_of(site: "Site") -> frozenset[WorkloadKey]:
    """The pods of a host's own cluster that stand behind it."""
    own = (each for each in site.services if each.cluster == site.cluster.name)
    return frozenset(backend.workload for each in own for backend in each.backends)


def _is_known(site: "Site") -> bool:
    try:
        return bool(site.services)
    except MeshError:  # a name that only some of the components know
        return False


def _compared_labels(rules: Iterable[DestinationRule]) -> Sequence[str]:
    """The labels of clients that some rule looks at."""
    names: set[str] = set()
    for rule in rules:
        names.update(rule.workload_selector or ())
        for _, policy in policies_in(rule):
            balancer = policy.load_balancer
            for setting in (balancer.locality, balancer.zone_aware) if balancer is not None else ():
                names.update(entry.partition("=")[0] for entry in (setting.failover_priority if setting else ()))
    return sorted(names)


def labels_of(pod: Workload) -> Mapping[str, str]:
    """The labels of a pod with those of its place, as rules compare them."""
    return with_place_labels(pod.labels, pod.envoy_place.locality, pod.cluster)


def _gateway_pods(cluster: Cluster) -> Mapping[str, Sequence[Workload]]:
    found: dict[str, list[Workload]] = {}
    for pod in cluster.workloads.values():
        if name := gateway_of(pod):
            found.setdefault(name, []).append(pod)
    return found


def _ingress_gateways(cluster: Cluster) -> Sequence[Client]:
    pods = [pod for pod in cluster.workloads.values() if pod.proxy is Component.INGRESS_GATEWAY]
    pods.sort(key=lambda pod: pod.key, reverse=True)
    return [client_of(pod) for pod in {pod.namespace: pod for pod in pods}.values()]
