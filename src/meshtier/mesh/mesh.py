"""A snapshot of clusters, and the questions that it answers."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

from attrs import evolve, field, frozen
from typing_extensions import override

from meshtier.component import COMPONENTS, Balancing, Component, Traits
from meshtier.endpoint import Exclusion, Health, Reason
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.locality import Locality
from meshtier.mesh.choice import DistributionChoice, PassThrough
from meshtier.mesh.client import Client, ClientTable, client_of
from meshtier.mesh.hosts import GLOBAL_DOMAIN, Binding, HostTable
from meshtier.mesh.model import Cluster, Place, Workload
from meshtier.mesh.policy import NO_POLICY, Policy, decide, subset_misses
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.rule_choice import RuleChoice
from meshtier.mesh.view import Eyes, Member, View, look, narrowed, with_place_labels
from meshtier.mesh.waypoint import GATEWAY_NAME_LABEL, Waypoint, find_waypoint
from meshtier.note import Note
from meshtier.precedence import Level, Resolution, resolve
from meshtier.profile import SOLO, Profile
from meshtier.rules import RuleIndex
from meshtier.table import Table

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


def _clusters(clusters: Iterable[Cluster]) -> tuple[Cluster, ...]:
    found = tuple(clusters)
    names = [cluster.name for cluster in found]
    for name in names:
        if names.count(name) > 1:
            raise InvalidValueError(f"expected clusters of different names, got {name!r} twice", "clusters")
    return found


@frozen(eq=False)
class Mesh:
    """A snapshot of one or more clusters; immutable, and safe to ask from several threads.

    Attributes:
        clusters: In the order of the input.
    """

    clusters: tuple[Cluster, ...] = field(converter=_clusters)
    # Answers that many routes share; filled as they are asked for, and never changed.
    _views: dict[_ViewKey, View] = field(factory=dict[_ViewKey, View], init=False)
    _resolutions: dict[_ResolutionKey, Resolution] = field(factory=dict[_ResolutionKey, Resolution], init=False)

    @cached_property
    def _by_name(self) -> Mapping[str, Cluster]:
        return {cluster.name: cluster for cluster in self.clusters}

    @cached_property
    def _hosts(self) -> HostTable:
        return HostTable(self.clusters)

    @cached_property
    def _clients(self) -> ClientTable:
        return ClientTable(self.clusters)

    @cached_property
    def _rules(self) -> Mapping[str, RuleIndex | None]:
        return {
            cluster.name: RuleIndex(cluster.destination_rules, domain=cluster.domain)
            if cluster.destination_rules
            else None
            for cluster in self.clusters
        }

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was doubtful about the clusters as a whole."""
        return tuple(note for cluster in self.clusters for note in cluster.notes)

    def hosts(self, cluster: str | None = None) -> tuple[str, ...]:
        """Every full host name that a client can ask for, sorted.

        Args:
            cluster: The client's cluster; ``None`` for all of them.
        """
        names = [cluster] if cluster is not None else list(self._by_name)
        return tuple(sorted({host for name in names for host in self._hosts.hosts(name)}))

    def client(self, client: "Client | Workload | Locality | str", *, cluster: str | None = None) -> Client:
        """The client that is meant.

        Args:
            client: A pod as ``pod``, ``namespace/pod`` or ``cluster/namespace/pod``;
                a node as ``node/name``; a `Locality` or its text ``region=…,zone=…``;
                or a `Workload` or `Client` itself.
            cluster: The cluster, where the client alone does not say it.

        Raises:
            UnknownNameError: Nothing is called so; the nearest names are given.
            InvalidValueError: It could be several.
        """
        match client:
            case Client() | Workload():
                found = client if isinstance(client, Client) else client_of(client)
                self._clients.check_cluster(found.cluster)
                return found
            case Locality():
                return self._clients.at(client, cluster=cluster)
            case _:
                return self._clients.find(client, cluster=cluster)

    def route(
        self,
        client: "Client | Workload | Locality | str",
        host: str,
        *,
        component: Component = Component.ZTUNNEL,
        profile: Profile = SOLO,
        cluster: str | None = None,
        port: int | None = None,
        subset: str | None = None,
        defaults: Mapping[Component, Traits] = COMPONENTS,
    ) -> Route:
        """Which endpoints of *host* get the traffic of *client*, in what order, how much, and why.

        Args:
            client: Where the traffic comes from; see `Mesh.client`. At a waypoint
                it is either a pod of the waypoint itself, or any other pod, whose
                way through all of the waypoint's pods is then composed (COMP-1);
                a node or place is taken for where a waypoint pod is.
            host: A full host name, or a short one as seen from the client's namespace.
            component: Who chooses.
            profile: Whose rules.
            cluster: The client's cluster, where the client alone does not say it.
            port: The service's port; matters to ``portLevelSettings``.
            subset: A DestinationRule's subset to which the traffic is sent.
            defaults: The modes where nothing is set (COMP-2); components that
                it leaves out keep theirs.

        Raises:
            UnknownNameError: No such client, host or subset; the nearest names are given.
            InvalidValueError: The client could be several.

        Cost: O(n) in the host's endpoints for the first client of a cluster;
        O(scopes) for later ones until something is asked of the answer.
        """
        asking = self.client(client, cluster=cluster)
        whole = defaults if defaults is COMPONENTS else {**COMPONENTS, **defaults}
        query = Query(component=component, profile=profile, port=port, subset=subset, defaults=whole)
        binding = self._hosts.bind(host, cluster=asking.cluster, namespace=asking.namespace)
        return self._routed(asking, binding, query)

    def _routed(self, client: Client, binding: Binding, query: Query) -> Route:
        if query.component is Component.WAYPOINT:
            return self._through_waypoint(client, binding, query)
        return self._direct(client, binding, query, remarks=_beside_waypoint(binding, client, query))

    def _through_waypoint(self, client: Client, binding: Binding, query: Query) -> Route:
        home = self._by_name[client.cluster]
        waypoint = find_waypoint(binding.service, home, self._hosts)
        if waypoint is None or client.workload is None:
            return self._direct(client, binding, query, remarks=(_no_way(binding, client, waypoint),))
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
        # Without a pod to choose, the tiers are those that a waypoint beside the client would see.
        chosen = max(hops, key=lambda hop: hop.share).route if hops else self._direct(client, binding, query)
        return evolve(
            chosen, client=client, to_waypoint=to_waypoint, hops=hops, remarks=(*waypoint.notes, *chosen.remarks)
        )

    def _from_waypoint(self, pod: Client, binding: Binding, query: Query) -> Route:
        # A waypoint that is itself a global service can have pods in clusters where the host means something else.
        return self._direct(pod, self._hosts.bind(binding.host, cluster=pod.cluster), query)

    def _direct(self, client: Client, binding: Binding, query: Query, *, remarks: tuple[Note, ...] = ()) -> Route:
        view = self._view(binding, client.cluster, query)
        resolution = self._resolution(binding, client.cluster, query)
        policy = self._policy(binding, client, query, resolution)
        choice = self._choice(_narrowed(view, query, policy), client, query, resolution, policy)
        if binding.joined and not query.profile.global_services and binding.host.endswith(GLOBAL_DOMAIN):
            remarks += (_foreign_host(binding, query.profile),)
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
        )

    def _policy(self, binding: Binding, client: Client, query: Query, resolution: Resolution) -> Policy:
        rules = self._rules[client.cluster]
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
            for workload in self._by_name[client.cluster].workloads
            if workload.namespace == client.namespace and _application(workload) == name and workload.health.serves
        )

    def _view(self, binding: Binding, cluster: str, query: Query) -> View:
        envoy, gateway_locality = query.by_envoy, query.profile.gateway_locality
        key = (binding.host, cluster, envoy, gateway_locality)
        view = self._views.get(key)
        if view is None:
            eyes = Eyes(cluster=cluster, envoy=envoy, gateway_locality=gateway_locality)
            view = self._views[key] = look(binding, self._by_name, eyes)
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
        namespace = self._by_name[service.cluster].namespaces.get(service.namespace)
        where = f" in cluster {service.cluster!r}" if service.cluster and len(self.clusters) > 1 else ""
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

    def places(self, cluster: str, *, component: Component = Component.ZTUNNEL) -> Mapping[Place, Client]:
        """Every distinct place of a pod in *cluster*, each with the first pod there.

        Args:
            cluster: Its name.
            component: Whose eyes count: Envoys see some pods elsewhere (LOC-5).
                With a waypoint in the path, it is ztunnel that starts from the pod.

        Raises:
            UnknownNameError: No cluster is called so.
        """
        self._clients.check_cluster(cluster)
        return self._places[
            cluster, component.traits.balancing is Balancing.ENVOY and component is not Component.WAYPOINT
        ]

    @cached_property
    def _places(self) -> Mapping[tuple[str, bool], Mapping[Place, Client]]:
        found: dict[tuple[str, bool], dict[Place, Client]] = {}
        for cluster in self.clusters:
            by_ztunnel = found[cluster.name, False] = {}
            by_envoy = found[cluster.name, True] = {}
            for workload in cluster.workloads:
                if workload.kind == "Pod":
                    if workload.place not in by_ztunnel:
                        by_ztunnel[workload.place] = client_of(workload)
                    if workload.envoy_place not in by_envoy:
                        by_envoy[workload.envoy_place] = client_of(workload)
        return found

    def routes(
        self,
        *,
        component: Component = Component.ZTUNNEL,
        profile: Profile = SOLO,
        hosts: Iterable[str] | None = None,
    ) -> Iterator[Route]:
        """Every host from every distinct client place, one route each.

        Two pods in one place share a route, that of the first: where
        DestinationRules differ by the client's namespace or labels, ask `route`
        for each. `route_count` says how many there will be, for a progress bar.

        Args:
            component: Who chooses.
            profile: Whose rules.
            hosts: The full host names to ask for; ``None`` for all of them.

        Cost: O(n) once for each host and cluster; then O(scopes) a route.
        """
        query = Query(component=component, profile=profile)
        for cluster, host in self._asked(hosts):
            binding = self._hosts.bind(host, cluster=cluster)
            for client in self.places(cluster, component=component).values():
                yield self._routed(client, binding, query)

    def route_count(self, *, component: Component = Component.ZTUNNEL, hosts: Iterable[str] | None = None) -> int:
        """How many routes `routes` yields."""
        return sum(len(self.places(cluster, component=component)) for cluster, _ in self._asked(hosts))

    def _asked(self, hosts: Iterable[str] | None) -> Iterator[tuple[str, str]]:
        wanted = None if hosts is None else set(hosts)
        for cluster in self.clusters:
            for host in self._hosts.hosts(cluster.name):
                if wanted is None or host in wanted:
                    yield cluster.name, host

    @override
    def __repr__(self) -> str:
        clusters = ", ".join(
            f"{cluster.name or '(unnamed)'}: {len(cluster.services)} services, {len(cluster.workloads)} workloads"
            for cluster in self.clusters
        )
        return f"<Mesh {clusters or 'empty'}>"

    def to_table(self) -> Table:
        """What the snapshot holds, a row for each cluster."""
        rows = [
            (
                cluster.name or "(unnamed)",
                cluster.network or "(unknown)",
                str(len(cluster.nodes)),
                str(len(cluster.services)),
                str(len(cluster.workloads)),
                str(len(cluster.destination_rules)),
                ", ".join(f"{count} {kind}" for kind, count in sorted(cluster.skipped.items())),
            )
            for cluster in self.clusters
        ]
        return Table(
            title="mesh",
            columns=("cluster", "network", "nodes", "services", "workloads", "rules", "skipped"),
            rows=rows,
            notes=[str(note) for note in self.notes],
            numeric=frozenset({2, 3, 4, 5}),
        )

    def _repr_html_(self) -> str:
        return self.to_table().to_html()


def _narrowed(view: View, query: Query, policy: Policy) -> View:
    """The view without what the port, the subset or the control plane leaves out."""
    port, subset = query.port, policy.subset
    unready_out = query.by_envoy and not policy.setting.unready_sent
    if port is None and subset is None and not unready_out:
        return view
    ports = {number for number, _ in view.binding.service.ports}
    if port is not None and ports and port not in ports:
        known = [str(number) for number in sorted(ports)]
        raise UnknownNameError.among(f"port of {view.binding.host}", str(port), known)

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


def _beside_waypoint(binding: Binding, client: Client, query: Query) -> tuple[Note, ...]:
    # Traffic from a waypoint's or gateway's own pod does not go through the waypoint again.
    if query.component is not Component.ZTUNNEL or not binding.service.waypoint or client.workload is None:
        return ()
    if GATEWAY_NAME_LABEL in client.workload.labels:
        return ()
    text = f"its waypoint {binding.service.waypoint} stands in the path: ask for that (--via waypoint) to see the whole"
    return (Note("COMP-1", f"{text}; this is what ztunnel would choose without it", str(binding.service)),)


def _foreign_host(binding: Binding, profile: Profile) -> Note:
    text = f"profile {profile.name} knows no hosts of {GLOBAL_DOMAIN}; this is what its rules make of the endpoints"
    return Note("COMP-3", text, str(binding.service))


def _no_way(binding: Binding, client: Client, waypoint: Waypoint | None) -> Note:
    """Why there is no first choice, of a waypoint pod."""
    if waypoint is not None:
        text = "the client is no pod, so no way to its waypoint is known"
    elif binding.service.waypoint:
        text = f"its waypoint {binding.service.waypoint} has no pod in cluster {client.cluster!r}"
    else:
        text = "it names no waypoint"
    return Note("COMP-1", f"{text}; the answer is that of a waypoint beside the client", str(binding.service))
