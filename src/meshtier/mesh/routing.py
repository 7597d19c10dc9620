"""How is a route put together, and what do many routes share?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

from attrs import evolve

from meshtier.component import Component
from meshtier.endpoint import Exclusion, Health, Reason
from meshtier.errors import UnknownNameError
from meshtier.labels import NO_LABELS
from meshtier.locality import SCOPES, Locality, Scope
from meshtier.mesh.clients import Client
from meshtier.mesh.direct_route import DirectRoute
from meshtier.mesh.effective_rule import NO_RULE, EffectiveRule, find_effective_rule, subset_misses
from meshtier.mesh.hostnames import GLOBAL_DOMAIN, Binding, HostTable
from meshtier.mesh.next_hop import NextHops
from meshtier.mesh.outcome import NextHop, Outcome
from meshtier.mesh.paths import WaypointPaths
from meshtier.mesh.reachability import Viewpoint
from meshtier.mesh.request import RouteRequest
from meshtier.mesh.route import Route
from meshtier.mesh.selection import (
    DistributionSelection,
    LocalitySelection,
    Passthrough,
    Selection,
    compared_labels,
    compared_parts,
    compared_place,
)
from meshtier.mesh.service_endpoint import ServiceEndpoint, with_place_labels
from meshtier.mesh.snapshot import Cluster, Workload
from meshtier.mesh.snapshot_warnings import missing_peers
from meshtier.mesh.visible import VisibleEndpoints, visible_endpoints
from meshtier.mesh.warnings import (
    beside_the_way,
    drift,
    foreign_host,
    kept_local,
    may_keep_local,
    no_way,
    outside_the_mesh,
    set_in_vain,
    straight,
)
from meshtier.mesh.waypoint import NoWaypoint, Waypoint, WaypointTable, uses_waypoint
from meshtier.note import Note
from meshtier.precedence import Level, Resolution, resolve
from meshtier.profile import Profile
from meshtier.rules import MESH_DEFAULT, LocalitySetting, RuleIndex

_APPLICATION_LABELS: Final = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
_NO_RULES: Final = RuleIndex(())


class Router:
    """What all routes of a snapshot share.

    Args:
        clusters: The snapshot.
        hosts: What host names mean in it.
        locality_setting: The mesh-wide one.
    """

    def __init__(
        self, clusters: Iterable[Cluster], hosts: HostTable, locality_setting: LocalitySetting | None = MESH_DEFAULT
    ) -> None:
        self.locality_setting = locality_setting
        self.hosts = hosts
        self.clusters: Mapping[str, Cluster] = {cluster.name: cluster for cluster in clusters}
        self.rules: Mapping[str, RuleIndex] = {
            cluster.name: RuleIndex(cluster.destination_rules, domain=cluster.domain)
            for cluster in self.clusters.values()
            if cluster.destination_rules
        }
        self.waypoints: Mapping[str, WaypointTable] = {
            name: WaypointTable(cluster, hosts) for name, cluster in self.clusters.items()
        }
        self.next_hops: NextHops = NextHops(self)
        # Filled as they are asked for, and never changed.
        self._visible: dict[object, VisibleEndpoints] = {}
        self._routes: dict[object, HostRoutes] = {}

    def routes_to(self, binding: Binding, cluster: str, request: RouteRequest) -> "HostRoutes":
        """What all routes to a host from one cluster share."""
        if request.key is None:
            return HostRoutes(self, binding, cluster, request)
        key = (binding, cluster, request.key)
        found = self._routes.get(key)
        if found is None:
            found = self._routes[key] = HostRoutes(self, binding, cluster, request)
        return found

    def visible(self, binding: Binding, cluster: str, request: RouteRequest) -> VisibleEndpoints:
        """What stands behind a host for one kind of component in one cluster."""
        viewpoint = Viewpoint.of(cluster, request, dumped=binding.service.preference is not None)
        found = self._visible.get((binding, viewpoint))
        if found is None:
            found = self._visible[binding, viewpoint] = visible_endpoints(binding, self.clusters, viewpoint)
        return found

    @cached_property
    def _peers(self) -> Mapping[tuple[str, str, str], Mapping[Locality, int]]:
        peers: defaultdict[tuple[str, str, str], Counter[Locality]] = defaultdict(Counter)
        for workload in (each for cluster in self.clusters.values() for each in cluster.workloads.values()):
            if workload.health.serves and (name := application_of(workload)):
                place = workload.envoy_place.locality._replace(network="", node="")
                peers[workload.cluster, workload.namespace, name][place] += 1
        return peers

    def peers(self, client: Client) -> Mapping[Locality, int]:
        """How many pods of the client's own application there are in each locality."""
        name = application_of(client.workload)
        return self._peers.get((client.cluster, client.namespace, name), {})


class HostRoutes:
    """What the routes to one host from one cluster share, and the routes themselves.

    A route costs a few look-ups here: the setting is resolved once, a rule is
    found once for each namespace of a client, and clients that compare alike
    share a selection and what comes of it. Where a waypoint chooses instead,
    the host's endpoints are not looked at here.
    """

    def __init__(self, router: Router, binding: Binding, cluster: str, request: RouteRequest) -> None:
        self.router = router
        self.binding = binding
        self.request = request
        self._cluster = cluster
        self._rules = None if request.sent_alike else router.rules.get(cluster)
        self._by_rule: dict[object, RuleRoutes] = {}
        self._paths: WaypointPaths | None = None

    @cached_property
    def visible(self) -> VisibleEndpoints:
        """What stands behind the host for the component."""
        return self.router.visible(self.binding, self._cluster, self.request)

    @cached_property
    def resolution(self) -> Resolution:
        """The setting that holds for the component."""
        if self.request.sent_alike:
            return resolve(component=self.request.component, profile=self.request.profile)
        return _resolved(self.binding, self.request, self.router.clusters)

    @cached_property
    def waypoint(self) -> Waypoint | NoWaypoint:
        """The waypoint in the path to the host from this cluster, or why there is none (WP-2)."""
        return self.router.waypoints[self._cluster].of(self.binding.service)

    def route(self, client: Client) -> Route:
        """The answer for one client: where a waypoint chooses, the whole way (COMP-1)."""
        request, service = self.request, self.binding.service
        if request.component is Component.WAYPOINT and not request.path:
            return self._asked_of_waypoint(client)
        if request.path:
            notes = outside_the_mesh(client)
        else:
            notes = beside_the_way(request.component, service, client, self._left_out)
        if not self._uses_waypoint:
            return self.direct(client, notes)
        if isinstance(self.waypoint, Waypoint):
            return self._through(self.waypoint).route(client, notes)
        if self.waypoint.binds:
            return self._at_waypoint(self._cluster).direct(client, (*notes, no_way(service, self.waypoint)))
        return self.direct(client, (*notes, *straight(service, self.waypoint)))

    @cached_property
    def _uses_waypoint(self) -> bool:
        return uses_waypoint(self.request, self.binding.service)

    @cached_property
    def _left_out(self) -> Waypoint | NoWaypoint | None:
        """The waypoint that is in the path and not in this answer, or why there is none."""
        service = self.binding.service
        is_used = self._uses_waypoint or not uses_waypoint(evolve(self.request, path=True), service)
        return None if is_used or not service.waypoint else self.waypoint

    def _asked_of_waypoint(self, client: Client) -> Route:
        waypoint = self.waypoint
        if isinstance(waypoint, NoWaypoint) or client.workload is None:
            return self.direct(client, (no_way(self.binding.service, waypoint),))
        return self._through(waypoint).route(client)

    def _through(self, waypoint: Waypoint) -> WaypointPaths:
        if self._paths is None:
            to_pods = self.router.routes_to(waypoint.binding, self._cluster, self.request.to_waypoint())
            self._paths = WaypointPaths(waypoint, to_pods, self._at_waypoint)
        return self._paths

    def _at_waypoint(self, cluster: str) -> "HostRoutes":
        """What a waypoint of this cluster makes of the host, whose name may mean something else there (WP-3)."""
        request = self.request.at_waypoint()
        if request == self.request and cluster == self._cluster:
            return self
        # What comes from another network is for all that is here of the host (NET-5).
        if request.at_network is not None:
            return self.router.routes_to(self.binding, cluster, request)
        binding = self.router.hosts.bind(self.binding.host, cluster=cluster, naming=request.naming)
        return self.router.routes_to(binding, cluster, request)

    @cached_property
    def _remarks(self) -> tuple[Note, ...]:
        binding, request = self.binding, self.request
        if request.sent_alike:
            return set_in_vain(request.component, _resolved(binding, request, self.router.clusters))
        if binding.kept_local:
            return (kept_local(binding),)
        foreign = (foreign_host(binding, request.profile),) if is_foreign(binding, request.profile) else ()
        kept = may_keep_local(binding, self.visible.endpoints, self._cluster) if request.naming.keeps_local else ()
        return (*foreign, *kept, *drift(binding, request.naming), *self._unseen())

    def _unseen(self) -> Iterable[Note]:
        """A note for each peer of which nothing is known here, where the host spans clusters (NET-5)."""
        clusters = self.router.clusters
        home = clusters.get(self._cluster)
        if home is None or not home.gateways or not self.binding.spans_clusters:
            return ()
        seen = {each.endpoint.cluster for each in self.visible.network_endpoints.values()}
        return missing_peers((home,), clusters, seen=seen)

    def direct(self, client: Client, remarks: tuple[Note, ...] = ()) -> DirectRoute:
        """The one choice that the component makes for a client, or as the client where that is the component itself."""
        routes = self._routes_by_rule(client)
        return DirectRoute(
            client=client,
            outcome=routes.outcome(client),
            remarks=remarks + self._remarks,
        )

    def _routes_by_rule(self, client: Client) -> "RuleRoutes":
        rules, request = self._rules, self.request
        key: object = None
        obeys = request.component.traits.obeys_destination_rules and not request.sent_alike
        if rules is not None or request.subset is not None or obeys:
            # Without a workloadSelector anywhere, of the client its namespace alone decides (DR-1).
            key = client.namespace, client.labels if rules is not None and rules.selects_clients else None
        found = self._by_rule.get(key)
        if found is None:
            rule = self._effective_rule(client) if key is not None else self._no_rule()
            found = self._by_rule[key] = RuleRoutes(self, rule)
        return found

    def _no_rule(self) -> EffectiveRule:
        if not self.request.sent_alike:
            return NO_RULE
        # DR-7a: endpoint_builder.go, supportsUnhealthyEndpoints, looks at these too.
        return evolve(
            NO_RULE, setting=evolve(NO_RULE.setting, unready_sent=self.request.profile.unready_without_distribution)
        )

    def _effective_rule(self, client: Client) -> EffectiveRule:
        return find_effective_rule(
            self._rules or _NO_RULES,
            self.binding,
            client,
            self.request,
            resolution=self.resolution,
            mesh=self.router.clusters[self._cluster].locality_setting or self.router.locality_setting,
        )


class RuleRoutes:
    """What the routes share for which one effective rule holds besides: the selections and what comes of them.

    Args:
        routes: What all routes to the host share.
        rule: The rule.
    """

    def __init__(self, routes: HostRoutes, rule: EffectiveRule) -> None:
        self.rule = rule
        self._router = routes.router
        self._binding = routes.binding
        self._request = routes.request
        self._resolution = routes.resolution
        self._visible = self._narrowed(routes.visible)
        self._passthrough = routes.binding.service.passthrough or rule.passthrough
        self._overridden = routes.request.traits.reads_locality_override
        self._compared = compared_parts(routes.resolution)
        self._by_cluster = Scope.CLUSTER in routes.resolution.scopes
        self._outcomes: dict[object, Outcome] = {}
        self._hops: dict[str, tuple[NextHop, ...]] = {}

    def outcome(self, client: Client) -> Outcome:
        """What comes of the selection for this client; that of another client that compares alike."""
        place = (client.envoy_place if self._overridden else client.place).locality
        if self.rule.decides:
            return self._by_setting(client, place)
        compared = self._compared(place)
        cluster = client.runs_in if self._by_cluster else ""
        key = (compared, cluster) if cluster else compared
        found = self._outcomes.get(key)
        if found is None:
            found = self._made(self._by_distribution(cluster, compared))
            # Hardly two clients are on one node: to keep those would cost memory and save nothing.
            if len(compared) < len(SCOPES):
                self._outcomes[key] = found
        return found

    def _made(self, selection: Selection) -> Outcome:
        if self._passthrough:
            selection = Passthrough(visible=self._visible.apart, passthrough=self._passthrough)
        return Outcome(
            component=self._request.component,
            resolution=self._resolution,
            effective_rule=self.rule,
            selection=selection,
            next_hops=self._next_hops,
        )

    def _next_hops(self, each: ServiceEndpoint) -> tuple[NextHop, ...]:
        """What becomes of the traffic to a network endpoint (NET-5)."""
        name = each.endpoint.id
        if name not in self._hops:
            self._hops[name] = self._router.next_hops.of(self._visible, each, self._request)
        return self._hops[name]

    def _by_distribution(self, cluster: str, compared: Sequence[str]) -> DistributionSelection:
        return DistributionSelection(
            visible=self._visible,
            resolution=self._resolution,
            effective_rule=self.rule,
            compared=compared_place(self._resolution, compared),
            cluster=cluster,
        )

    def _by_setting(self, client: Client, place: Locality) -> Outcome:
        labels = with_place_labels(client.labels, place, client.cluster)
        wanted = compared_labels(self.rule, labels)
        local = self._compared(place) if self._resolution.strict else None
        zone_aware = self.rule.setting.zone_aware is not None
        key = (place[1:4], wanted, local, (client.namespace, application_of(client.workload)) if zone_aware else None)
        found = self._outcomes.get(key)
        if found is None:
            selection = LocalitySelection(
                visible=self._visible if local is None else self._local(local),
                effective_rule=self.rule,
                profile=self._request.profile,
                compared=Locality("", *place[1:4]),
                labels=wanted,
                peers=self._router.peers(client) if zone_aware else {},
            )
            found = self._outcomes[key] = self._made(selection)
        return found

    def _local(self, compared: Sequence[str]) -> VisibleEndpoints:
        """What is on the client's node: a rule orders that, and lets nothing else in (PREC-3)."""
        return self._visible.without(("local", compared), self._by_distribution("", compared).excluded)

    def _narrowed(self, visible: VisibleEndpoints) -> VisibleEndpoints:
        """The visible endpoints without what the port, the subset or the control plane leaves out."""
        port, subset = self._request.port, self.rule.subset
        unready_out = self._unready_out()
        if port is None and subset is None and not unready_out:
            return visible
        ports = {number for number, _ in self._binding.service.ports}
        if port is not None and ports and port not in ports:
            known = [str(number) for number in sorted(ports)]
            raise UnknownNameError.among("port", str(port), known, where=f"of {self._binding.host}")

        def reason_against(each: ServiceEndpoint) -> Exclusion | None:
            endpoint = each.endpoint
            if port is not None and each.ports is not None and port not in each.ports:
                return Exclusion(endpoint, Reason.NO_PORT, "DR-1", f"port {port}")
            if subset is not None and (missing := subset_misses(subset, {**each.workload.labels, **endpoint.labels})):
                return Exclusion(endpoint, Reason.NOT_IN_SUBSET, "DR-1", f"{subset.name} wants {missing}")
            if unready_out and endpoint.health is Health.UNHEALTHY:
                return Exclusion(endpoint, Reason.UNHEALTHY, *unready_out)
            return None

        return visible.narrowed((port, subset, unready_out), reason_against)

    def _unready_out(self) -> tuple[str, str] | None:
        """The rule by which the Envoy is not told of unready endpoints, and why; ``None`` if it is."""
        setting, profile = self.rule.setting, self._request.profile
        if setting.unready_sent or not self._request.traits.is_told_unready:
            return None
        if setting.panic_threshold:
            return "LOAD-3", "minHealthPercent keeps unready endpoints out"
        return "DR-7a", f"{profile.name} sends an Envoy none that is unready, without traffic distribution"


def is_foreign(binding: Binding, profile: Profile) -> bool:
    """Whether the profile has no such host names; an answer is given all the same (COMP-3)."""
    return binding.spans_clusters and not profile.global_services and binding.host.endswith(GLOBAL_DOMAIN)


def _resolved(binding: Binding, request: RouteRequest, clusters: Mapping[str, Cluster]) -> Resolution:
    service, entry = binding.service, binding.entry
    is_service = service.kind == "Service"
    namespace = clusters[service.cluster].namespaces.get(service.namespace)
    where = f" in cluster {service.cluster!r}" if service.cluster and len(clusters) > 1 else ""
    return resolve(
        spec=service.traffic_distribution if is_service else None,
        service_annotation=service.annotation if is_service else None,
        service_entry_annotation=entry.annotation if entry is not None else None,
        namespace_annotation=namespace.annotation if namespace is not None else None,
        internal_traffic_policy=service.internal_traffic_policy if is_service else None,
        preference=service.preference,
        component=request.component,
        # Where only an entry answers to a global name, the service is global in the clusters that it announces.
        global_service=binding.spans_clusters and (not is_service or any(part.is_global for part in binding.services)),
        profile=request.profile,
        defaults=request.defaults,
        objects={
            Level.DUMP: f"ztunnel dump {service}{where}",
            Level.INTERNAL_TRAFFIC_POLICY: f"{service}{where}",
            Level.SERVICE_SPEC: f"{service}{where}",
            Level.SERVICE_ANNOTATION: f"{service}{where}",
            Level.SERVICE_ENTRY_ANNOTATION: f"{entry}{where}" if entry is not None else "",
            Level.NAMESPACE_ANNOTATION: f"Namespace {service.namespace}{where}",
        },
    )


def application_of(workload: Workload | None) -> str:
    """The application that a pod belongs to; ``""`` if none is known."""
    labels = workload.labels if workload is not None else NO_LABELS
    return next((labels[key] for key in _APPLICATION_LABELS if key in labels), "")
