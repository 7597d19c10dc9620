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
from meshtier.mesh.choice import DistributionChoice, PassThrough
from meshtier.mesh.client import Client, client_of
from meshtier.mesh.composed import composed
from meshtier.mesh.hosts import GLOBAL_DOMAIN, Binding, HostTable
from meshtier.mesh.model import Cluster, Workload
from meshtier.mesh.policy import NO_POLICY, Policy, decide, subset_misses
from meshtier.mesh.reach import Eyes
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.rule_choice import RuleChoice
from meshtier.mesh.traps import beside_the_way, foreign_host, no_way
from meshtier.mesh.view import Member, View, look, narrowed, with_place_labels
from meshtier.mesh.waypoint import find_waypoint
from meshtier.note import Note
from meshtier.precedence import Level, Resolution, resolve
from meshtier.profile import Profile
from meshtier.rules import MESH_DEFAULT, LocalitySetting, RuleIndex

_APPLICATION_LABELS: Final = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
_NO_RULES: Final = RuleIndex(())
_ResolutionKey = tuple[str, str, str, Profile]
_ViewKey = tuple[str, str, bool, bool]


@frozen(kw_only=True)
class Query:
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


class Answers:
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
        self._views: dict[_ViewKey, View] = {}
        self._resolutions: dict[_ResolutionKey, Resolution] = {}

    def route(self, client: Client, binding: Binding, query: Query) -> Route:
        """The answer for one client and what a host means to it; where a waypoint chooses, the whole way (COMP-1)."""
        if query.component is Component.WAYPOINT:
            return self._through_waypoint(client, binding, query)
        return self._direct(
            client,
            binding,
            query,
            remarks=beside_the_way(query.component, binding.service, client),
        )

    def _through_waypoint(self, client: Client, binding: Binding, query: Query) -> Route:
        home = self._clusters[client.cluster]
        waypoint = find_waypoint(binding.service, home, self._hosts)
        if waypoint is None or client.workload is None:
            return self._direct(client, binding, query, remarks=(no_way(binding.service, client, waypoint),))
        if waypoint.has(client.workload):
            return self._direct(client, binding, query)
        to_waypoint = self._direct(
            client, waypoint.binding, evolve(query, component=Component.ZTUNNEL, port=None, subset=None)
        )
        pods = to_waypoint.view.members
        hops = tuple(
            Hop(waypoint=pod, share=share, route=self._from_waypoint(client_of(pods[pod].workload), binding, query))
            for pod, share in to_waypoint.shares.items()
            if share
        )
        # Without a pod to choose, the answer is built on what a waypoint beside the client would see.
        beside = None if hops else self._direct(client, binding, query)
        return composed(client, to_waypoint, hops, beside=beside, remarks=waypoint.notes)

    def _from_waypoint(self, pod: Client, binding: Binding, query: Query) -> Route:
        # A waypoint that is itself a global service can have pods in clusters where the host means something else.
        return self._direct(pod, self._hosts.bind(binding.host, cluster=pod.cluster), query)

    def _direct(self, client: Client, binding: Binding, query: Query, *, remarks: tuple[Note, ...] = ()) -> Route:
        view = self._view(binding, client.cluster, query)
        resolution = self._resolution(binding, client.cluster, query)
        policy = self._policy(binding, client, query, resolution)
        choice = self._choice(_narrowed(view, query, policy), client, query, resolution, policy)
        if binding.joined and not query.profile.global_services and binding.host.endswith(GLOBAL_DOMAIN):
            remarks += (foreign_host(binding, query.profile),)
        return Route(
            host=binding.host,
            client=client,
            component=query.component,
            profile=query.profile,
            resolution=resolution,
            policy=policy,
            view=choice.view,
            choice=choice,
            remarks=remarks,
            to_waypoint=None,
        )

    def _policy(self, binding: Binding, client: Client, query: Query, resolution: Resolution) -> Policy:
        rules = self._rules.get(client.cluster)
        if rules is None and query.subset is None and not query.component.traits.obeys_destination_rules:
            return NO_POLICY
        return decide(
            rules or _NO_RULES,
            binding.host,
            client_namespace=client.namespace or binding.service.namespace,
            client_labels=client.labels,
            service_namespace=binding.service.namespace,
            component=query.component,
            resolution=resolution,
            profile=query.profile,
            mesh=self._locality_setting,
            port=query.port,
            subset=query.subset,
        )

    def _choice(
        self, view: View, client: Client, query: Query, resolution: Resolution, policy: Policy
    ) -> DistributionChoice | PassThrough | RuleChoice:
        service, place = view.binding.service, client.place_for(query.component)
        passthrough = service.passthrough or policy.passthrough
        if passthrough:
            return PassThrough(view=view, why=passthrough)
        by_distribution = DistributionChoice(
            view=view, client=client, place=place, resolution=resolution, policy=policy
        )
        if not policy.decides:
            return by_distribution
        if resolution.strict:
            left_out = {exclusion.endpoint.id: exclusion for exclusion in by_distribution.excluded}
            view = narrowed(view, lambda member: left_out.get(member.endpoint.id))
        return RuleChoice(
            view=view,
            client=client,
            place=place,
            labels=with_place_labels(client.labels, place.locality, client.cluster),
            policy=policy,
            profile=query.profile,
            peers=self._peers(client) if policy.setting.zone_aware is not None else {},
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

    def _view(self, binding: Binding, cluster: str, query: Query) -> View:
        envoy, gateway_locality = query.by_envoy, query.profile.gateway_locality
        key = (binding.host, cluster, envoy, gateway_locality)
        view = self._views.get(key)
        if view is None:
            eyes = Eyes(cluster=cluster, envoy=envoy, gateway_locality=gateway_locality)
            view = self._views[key] = look(binding, self._clusters, eyes)
        return view

    def _resolution(self, binding: Binding, cluster: str, query: Query) -> Resolution:
        if query.defaults is not COMPONENTS:  # a caller's own table, which no other question need have
            return self._resolved(binding, query)
        key = (binding.host, cluster, query.component.value, query.profile)
        found = self._resolutions.get(key)
        if found is None:
            found = self._resolutions[key] = self._resolved(binding, query)
        return found

    def _resolved(self, binding: Binding, query: Query) -> Resolution:
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
            component=query.component,
            global_service=binding.joined and any(part.is_global for part in binding.services),
            profile=query.profile,
            defaults=query.defaults,
            objects={
                Level.INTERNAL_TRAFFIC_POLICY: f"{service}{where}",
                Level.SERVICE_SPEC: f"{service}{where}",
                Level.SERVICE_ANNOTATION: f"{service}{where}",
                Level.SERVICE_ENTRY_ANNOTATION: f"{entry}{where}" if entry is not None else "",
                Level.NAMESPACE_ANNOTATION: f"Namespace {service.namespace}{where}",
            },
        )


def _narrowed(view: View, query: Query, policy: Policy) -> View:
    """The view without what the port, the subset or the control plane leaves out."""
    port, subset = query.port, policy.subset
    unready_out = query.by_envoy and not policy.setting.unready_sent
    if port is None and subset is None and not unready_out:
        return view
    ports = {number for number, _ in view.binding.service.ports}
    if port is not None and ports and port not in ports:
        known = [str(number) for number in sorted(ports)]
        raise UnknownNameError.among("port", str(port), known, where=f"of {view.binding.host}")

    def reason_against(member: Member) -> Exclusion | None:
        endpoint = member.endpoint
        if port is not None and member.ports is not None and port not in member.ports:
            return Exclusion(endpoint, Reason.NO_PORT, "DR-1", f"port {port}")
        if subset is not None and (missing := subset_misses(subset, {**member.workload.labels, **endpoint.labels})):
            return Exclusion(endpoint, Reason.NOT_IN_SUBSET, "DR-1", f"{subset.name} wants {missing}")
        if unready_out and endpoint.health is Health.UNHEALTHY:
            return Exclusion(endpoint, Reason.UNHEALTHY, "LOAD-3", "minHealthPercent keeps unready endpoints out")
        return None

    return narrowed(view, reason_against)


def _application(workload: Workload) -> str:
    return next((workload.labels[key] for key in _APPLICATION_LABELS if key in workload.labels), "")
