"""How is an answer put together? The settings, the view and the choice that go into a route."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

from attrs import evolve, frozen

from meshtier.component import COMPONENTS, Balancing, Component, Traits
from meshtier.endpoint import Exclusion, Health, Reason
from meshtier.errors import UnknownNameError
from meshtier.locality import Locality
from meshtier.mesh.clients import Client, client_of
from meshtier.mesh.effective_rule import NO_RULE, EffectiveRule, find_effective_rule, subset_misses
from meshtier.mesh.hostnames import GLOBAL_DOMAIN, Binding, HostTable
from meshtier.mesh.reachability import Viewpoint
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.selection.by_distribution import DistributionSelection
from meshtier.mesh.selection.by_locality_setting import LocalitySelection
from meshtier.mesh.selection.passthrough import Passthrough
from meshtier.mesh.snapshot import Cluster, Workload
from meshtier.mesh.visible import ServiceEndpoint, VisibleEndpoints, narrowed, visible_endpoints, with_place_labels
from meshtier.mesh.warnings import beside_the_way, foreign_host, no_way
from meshtier.mesh.waypoint import find_waypoint
from meshtier.mesh.waypoint_route import composed
from meshtier.note import Note
from meshtier.precedence import Level, Resolution, resolve
from meshtier.profile import Profile
from meshtier.rules import MESH_DEFAULT, LocalitySetting, RuleIndex

_APPLICATION_LABELS: Final = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
_NO_RULES: Final = RuleIndex(())
_ResolutionKey = tuple[str, str, str, Profile]
_VisibleKey = tuple[str, str, bool, bool]


@frozen(kw_only=True)
class RouteRequest:
    """What is asked about a client and a host, besides these two.

    Attributes:
        component: Who chooses.
        profile: Whose rules.
        port: The service's port; ``None`` for any.
        subset: A DestinationRule's subset; ``None`` for the whole host.
        defaults: The modes where nothing is set (COMP-2).
    """

    component: Component
    profile: Profile
    port: int | None = None
    subset: str | None = None
    defaults: Mapping[Component, Traits] = COMPONENTS

    @cached_property
    def by_envoy(self) -> bool:
        """Whether an Envoy chooses."""
        return self.component.traits.balancing is Balancing.ENVOY


class Router:
    """What routes are made from, and what many of them share.

    Args:
        clusters: The snapshot.
        hosts: What host names mean in it.
        locality_setting: The mesh-wide one.
    """

    def __init__(
        self, clusters: Iterable[Cluster], hosts: HostTable, locality_setting: LocalitySetting | None = MESH_DEFAULT
    ) -> None:
        self._locality_setting = locality_setting
        self._clusters = {cluster.name: cluster for cluster in clusters}
        self._hosts = hosts
        self._rules = {
            cluster.name: RuleIndex(cluster.destination_rules, domain=cluster.domain)
            for cluster in self._clusters.values()
            if cluster.destination_rules
        }
        # Filled as they are asked for, and never changed.
        self._visible_by_key: dict[_VisibleKey, VisibleEndpoints] = {}
        self._resolutions: dict[_ResolutionKey, Resolution] = {}

    def route(self, client: Client, binding: Binding, request: RouteRequest) -> Route:
        """The answer for one client and what a host means to it; where a waypoint chooses, the whole way (COMP-1)."""
        if request.component is Component.WAYPOINT:
            return self._through_waypoint(client, binding, request)
        return self._direct(
            client,
            binding,
            request,
            remarks=beside_the_way(request.component, binding.service, client),
        )

    def _through_waypoint(self, client: Client, binding: Binding, request: RouteRequest) -> Route:
        home = self._clusters[client.cluster]
        waypoint = find_waypoint(binding.service, home, self._hosts)
        if waypoint is None or client.workload is None:
            return self._direct(client, binding, request, remarks=(no_way(binding.service, client, waypoint),))
        if waypoint.has(client.workload):
            return self._direct(client, binding, request)
        to_waypoint = self._direct(
            client, waypoint.binding, evolve(request, component=Component.ZTUNNEL, port=None, subset=None)
        )
        pods = to_waypoint.visible.available
        hops = tuple(
            Hop(waypoint=pod, share=share, route=self._from_waypoint(client_of(pods[pod].workload), binding, request))
            for pod, share in to_waypoint.shares.items()
            if share
        )
        # Without a pod to choose, the answer is built on what a waypoint beside the client would see.
        beside = None if hops else self._direct(client, binding, request)
        return composed(client, to_waypoint, hops, beside=beside, remarks=waypoint.notes)

    def _from_waypoint(self, pod: Client, binding: Binding, request: RouteRequest) -> Route:
        # A waypoint that is itself a global service can have pods in clusters where the host means something else.
        return self._direct(pod, self._hosts.bind(binding.host, cluster=pod.cluster), request)

    def _direct(
        self, client: Client, binding: Binding, request: RouteRequest, *, remarks: tuple[Note, ...] = ()
    ) -> Route:
        visible = self._visible(binding, client.cluster, request)
        resolution = self._resolution(binding, client.cluster, request)
        effective_rule = self._effective_rule(binding, client, request, resolution)
        selection = self._selection(
            _narrowed(visible, request, effective_rule), client, request, resolution, effective_rule
        )
        if binding.spans_clusters and not request.profile.global_services and binding.host.endswith(GLOBAL_DOMAIN):
            remarks += (foreign_host(binding, request.profile),)
        return Route(
            host=binding.host,
            client=client,
            component=request.component,
            profile=request.profile,
            resolution=resolution,
            effective_rule=effective_rule,
            visible=selection.visible,
            selection=selection,
            remarks=remarks,
            to_waypoint=None,
        )

    def _effective_rule(
        self, binding: Binding, client: Client, request: RouteRequest, resolution: Resolution
    ) -> EffectiveRule:
        rules = self._rules.get(client.cluster)
        if rules is None and request.subset is None and not request.component.traits.obeys_destination_rules:
            return NO_RULE
        return find_effective_rule(
            rules or _NO_RULES,
            binding.host,
            client_namespace=client.namespace or binding.service.namespace,
            client_labels=client.labels,
            service_namespace=binding.service.namespace,
            component=request.component,
            resolution=resolution,
            profile=request.profile,
            mesh=self._locality_setting,
            port=request.port,
            subset=request.subset,
        )

    def _selection(
        self,
        visible: VisibleEndpoints,
        client: Client,
        request: RouteRequest,
        resolution: Resolution,
        effective_rule: EffectiveRule,
    ) -> DistributionSelection | Passthrough | LocalitySelection:
        service, place = visible.binding.service, client.place_for(request.component)
        passthrough = service.passthrough or effective_rule.passthrough
        if passthrough:
            return Passthrough(visible=visible, why=passthrough)
        by_distribution = DistributionSelection(
            visible=visible, client=client, place=place, resolution=resolution, effective_rule=effective_rule
        )
        if not effective_rule.decides:
            return by_distribution
        if resolution.strict:
            left_out = {exclusion.endpoint.id: exclusion for exclusion in by_distribution.excluded}
            visible = narrowed(visible, lambda service_endpoint: left_out.get(service_endpoint.endpoint.id))
        return LocalitySelection(
            visible=visible,
            client=client,
            place=place,
            labels=with_place_labels(client.labels, place.locality, client.cluster),
            effective_rule=effective_rule,
            profile=request.profile,
            peers=self._peers(client) if effective_rule.setting.zone_aware is not None else {},
        )

    def _peers(self, client: Client) -> Mapping[Locality, int]:
        """How many pods of the client's own application there are in each locality."""
        name = _application(client.workload) if client.workload is not None else ""
        if not name:
            return {}
        return Counter(
            workload.envoy_place.locality._replace(network="", node="")
            for workload in self._clusters[client.cluster].workloads
            if workload.namespace == client.namespace and _application(workload) == name and workload.health.serves
        )

    def _visible(self, binding: Binding, cluster: str, request: RouteRequest) -> VisibleEndpoints:
        envoy, gateway_locality = request.by_envoy, request.profile.gateway_locality
        key = (binding.host, cluster, envoy, gateway_locality)
        visible = self._visible_by_key.get(key)
        if visible is None:
            viewpoint = Viewpoint(cluster=cluster, envoy=envoy, gateway_locality=gateway_locality)
            visible = self._visible_by_key[key] = visible_endpoints(binding, self._clusters, viewpoint)
        return visible

    def _resolution(self, binding: Binding, cluster: str, request: RouteRequest) -> Resolution:
        if request.defaults is not COMPONENTS:  # a caller's own table, which no other question need have
            return self._resolved(binding, request)
        key = (binding.host, cluster, request.component.value, request.profile)
        found = self._resolutions.get(key)
        if found is None:
            found = self._resolutions[key] = self._resolved(binding, request)
        return found

    def _resolved(self, binding: Binding, request: RouteRequest) -> Resolution:
        service, entry = binding.service, binding.entry
        is_service = service.kind == "Service"
        namespace = self._clusters[service.cluster].namespaces.get(service.namespace)
        where = f" in cluster {service.cluster!r}" if service.cluster and len(self._clusters) > 1 else ""
        return resolve(
            spec=service.traffic_distribution if is_service else None,
            service_annotation=service.annotation if is_service else None,
            service_entry_annotation=entry.annotation if entry is not None else None,
            namespace_annotation=namespace.annotation if namespace is not None else None,
            internal_traffic_policy=service.internal_traffic_policy if is_service else None,
            component=request.component,
            global_service=binding.spans_clusters and any(part.is_global for part in binding.services),
            profile=request.profile,
            defaults=request.defaults,
            objects={
                Level.INTERNAL_TRAFFIC_POLICY: f"{service}{where}",
                Level.SERVICE_SPEC: f"{service}{where}",
                Level.SERVICE_ANNOTATION: f"{service}{where}",
                Level.SERVICE_ENTRY_ANNOTATION: f"{entry}{where}" if entry is not None else "",
                Level.NAMESPACE_ANNOTATION: f"Namespace {service.namespace}{where}",
            },
        )


def _narrowed(visible: VisibleEndpoints, request: RouteRequest, effective_rule: EffectiveRule) -> VisibleEndpoints:
    """The view without what the port, the subset or the control plane leaves out."""
    port, subset = request.port, effective_rule.subset
    unready_out = request.by_envoy and not effective_rule.setting.unready_sent
    if port is None and subset is None and not unready_out:
        return visible
    ports = {number for number, _ in visible.binding.service.ports}
    if port is not None and ports and port not in ports:
        known = [str(number) for number in sorted(ports)]
        raise UnknownNameError.among("port", str(port), known, where=f"of {visible.binding.host}")

    def reason_against(service_endpoint: ServiceEndpoint) -> Exclusion | None:
        endpoint = service_endpoint.endpoint
        if port is not None and service_endpoint.ports is not None and port not in service_endpoint.ports:
            return Exclusion(endpoint, Reason.NO_PORT, "DR-1", f"port {port}")
        if subset is not None and (
            missing := subset_misses(subset, {**service_endpoint.workload.labels, **endpoint.labels})
        ):
            return Exclusion(endpoint, Reason.NOT_IN_SUBSET, "DR-1", f"{subset.name} wants {missing}")
        if unready_out and endpoint.health is Health.UNHEALTHY:
            return Exclusion(endpoint, Reason.UNHEALTHY, "LOAD-3", "minHealthPercent keeps unready endpoints out")
        return None

    return narrowed(visible, reason_against)


def _application(workload: Workload) -> str:
    return next((workload.labels[key] for key in _APPLICATION_LABELS if key in workload.labels), "")
