"""A snapshot of clusters, and the questions that it answers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from attrs import evolve, field, frozen
from typing_extensions import override

from meshtier.component import COMPONENTS, Component, Traits
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError, UnknownNameError, check_int, check_member, check_type
from meshtier.locality import Locality
from meshtier.mesh import changes
from meshtier.mesh.clients import Client, ClientTable, client_of
from meshtier.mesh.cluster_index import ClusterIndex
from meshtier.mesh.hostnames import HostTable
from meshtier.mesh.parts import part_of, shared_out
from meshtier.mesh.request import RouteRequest
from meshtier.mesh.route import Route
from meshtier.mesh.routing import Router
from meshtier.mesh.selector import Selection, Selector
from meshtier.mesh.snapshot import Cluster, Objects, Place, Workload
from meshtier.mesh.snapshot_warnings import snapshot_warnings
from meshtier.mesh.sweep import Sweep
from meshtier.note import Note
from meshtier.profile import SOLO, Profile
from meshtier.rules import MESH_DEFAULT, LocalitySetting
from meshtier.table import Table, one_line, shortened


def _clusters(clusters: Iterable[Cluster]) -> tuple[Cluster, ...]:
    check_type(clusters, Iterable, "clusters", what="several Clusters, as in [cluster]")
    found = tuple(clusters)
    for cluster in found:
        check_type(cluster, Cluster, "clusters")
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
        locality_setting: The mesh-wide ``localityLbSetting`` of ``meshConfig``,
            for clusters whose input does not hold that (the ConfigMap ``istio``);
            ``None`` if the mesh has none. The default is Istio's: on, so that outlier detection alone
            makes priorities at Envoys (COMP-2).
    """

    clusters: tuple[Cluster, ...] = field(converter=_clusters)
    locality_setting: LocalitySetting | None = field(default=MESH_DEFAULT, kw_only=True)
    _whole: "Mesh | None" = field(default=None, kw_only=True, repr=False)  # what `without` has left something out of

    @cached_property
    def _hosts(self) -> HostTable:
        return HostTable(self.clusters)

    @cached_property
    def _clients(self) -> ClientTable:
        return ClientTable(self.clusters)

    @cached_property
    def _router(self) -> Router:
        return Router(self.clusters, self._hosts, self.locality_setting)

    @cached_property
    def sweep(self) -> Sweep:
        """Every host from every place, for those that go through all of it in their own way."""
        return Sweep(self.clusters, self._hosts, self._router)

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What was doubtful about the clusters as a whole."""
        read = (note for cluster in self.clusters for note in cluster.notes)
        return (*read, *snapshot_warnings(self.clusters, self._hosts))

    def hosts(
        self, cluster: str | None = None, *, component: Component | None = None, profile: Profile = SOLO
    ) -> tuple[str, ...]:
        """Every full host name that a client can ask for, sorted (COMP-3).

        Args:
            cluster: The client's cluster; ``None`` for all of them.
            component: Who is asked; sidecars know more names under some profiles.
                ``None`` for all that traffic starts at there.
            profile: Whose rules.
        """
        names = [cluster] if cluster is not None else [known.name for known in self.clusters]
        found = {host for name in names for host in self.sweep.hosts(name, component, profile)}
        return tuple(sorted(found))

    def client(self, client: "Client | Workload | Locality | str", *, cluster: str | None = None) -> Client:
        """The client that is meant.

        Args:
            client: A pod as ``pod``, ``namespace/pod`` or ``cluster/namespace/pod``;
                a node as ``node/name``; a `Locality` or its text ``region=…,zone=…``;
                or a `Workload` or `Client` itself.
            cluster: The cluster, where the client alone does not say it.

        Raises:
            UnknownNameError: Nothing is called so; the nearest names are given.
            InvalidValueError: It could be several, or is none of these.
        """
        match client:
            case Client() | Workload():
                found = client if isinstance(client, Client) else client_of(client)
                self._clients.check_cluster(found.cluster)
                return found
            case Locality():
                return self._clients.at(client, cluster=cluster)
            case _:
                check_type(client, str, "client")
                return self._clients.find(client, cluster=cluster)

    def route(
        self,
        client: "Client | Workload | Locality | str",
        host: str,
        *,
        component: Component | None = None,
        profile: Profile = SOLO,
        cluster: str | None = None,
        port: int | None = None,
        subset: str | None = None,
        defaults: Mapping[Component, Traits] = COMPONENTS,
    ) -> Route:
        """Which endpoints of *host* get the traffic of *client*, in what order, how much, and why.

        Args:
            client: Where the traffic comes from; see `Mesh.client`. Traffic of a
                node or a place starts at the ztunnel there.
            host: A full host name, or a short one as seen from the client's namespace.
            component: ``None`` for the way that the traffic really takes, through
                the service's waypoint where that is in the path (PATH). Otherwise
                the one component that is asked about. At a waypoint the client is
                a pod of the waypoint itself; or any other pod, whose way through
                all of the waypoint's pods is then composed (COMP-1); a node or
                place is taken for where a waypoint pod is.
            profile: Whose rules.
            cluster: The client's cluster, where the client alone does not say it.
            port: The service's port; matters to ``portLevelSettings``.
            subset: A DestinationRule's subset to which the traffic is sent.
            defaults: The modes where nothing is set (COMP-2); components that
                it leaves out keep theirs.

        Raises:
            UnknownNameError: No such client, host or subset; the nearest names are given.
            InvalidValueError: The client could be several, or an argument is of the wrong type.

        Cost: O(n) in the host's endpoints for the first client of a cluster;
        O(scopes) for later ones until something is asked of the answer.
        """
        check_type(host, str, "host")
        if component is not None:
            check_member(component, Component, "component")
        check_type(profile, Profile, "profile", what="a Profile, as Profile.named gives it")
        asking = self.client(client, cluster=cluster)
        whole = defaults if defaults is COMPONENTS else {**COMPONENTS, **defaults}
        request = RouteRequest(
            component=component or asking.starts_at,
            profile=profile,
            port=port,
            subset=subset,
            defaults=whole,
            path=component is None,
        )
        binding = self._hosts.bind(host, cluster=asking.cluster, namespace=asking.namespace, naming=request.naming)
        return self._router.routes_to(binding, asking.cluster, request).route(asking)

    def places(self, cluster: str, *, component: Component | None = None) -> Mapping[Place, Client]:
        """Every distinct place of a pod in *cluster*, each with the first pod there.

        Args:
            cluster: Its name.
            component: Whose eyes count: Envoys see some pods elsewhere (LOC-5).
                With a waypoint in the path, it is ztunnel that starts from the
                pod. ``None`` for the component at which the pod's traffic starts;
                of a place that several of them see, the first pod then.

        Raises:
            UnknownNameError: No cluster is called so.
        """
        self._clients.check_cluster(cluster)
        found: dict[Place, Client] = {}
        for client in self.sweep.clients(cluster, component):
            found.setdefault(client.place_for(client.starts_at if component is None else component), client)
        return found

    def routes(
        self,
        *,
        component: Component | None = None,
        profile: Profile = SOLO,
        hosts: Iterable[str] | None = None,
    ) -> Iterator[Route]:
        """Every host from every distinct client place, one route each.

        Two pods in one place share a route, that of the first: where
        DestinationRules differ by the client's namespace or labels, ask `route`
        for each. `route_count` says how many there will be, for a progress bar.

        Args:
            component: ``None`` for the way that the traffic really takes: then a
                place counts once for each component at which the traffic of a pod
                there starts, and pods that take part in the mesh come before those
                that do not. Otherwise the one component that is asked about.
            profile: Whose rules.
            hosts: The full host names to ask for; ``None`` for all of them.

        Cost: O(n) once for each host and cluster; then O(scopes) a route.
        """
        return self.sweep.routes(component, profile, hosts)

    def route_count(
        self,
        *,
        component: Component | None = None,
        profile: Profile = SOLO,
        hosts: Iterable[str] | None = None,
    ) -> int:
        """How many routes `routes` yields."""
        return self.sweep.count(component, profile, hosts)

    def part(self, hosts: Iterable[str]) -> "Mesh":
        """The part of the mesh that it takes to answer for these hosts, to hand it to another process.

        It has the services behind them with their endpoints, all waypoints and
        gateways, and a pod for every place, so that `routes` of these hosts gives what
        it gives here, and so does `route` from a pod that is there. Of other hosts it
        may know some. Lines of files and `with_objects` do not come along.

        Args:
            hosts: Full host names, as `Mesh.hosts` has them.

        Raises:
            UnknownNameError: A host is not known in any cluster.

        Cost: O(n) in the workloads.
        """
        wanted = set(hosts)
        known = {host for cluster in self.clusters for host in self._hosts.all_hosts(cluster.name)}
        if unknown := sorted(wanted - known):
            raise UnknownNameError.among("host", unknown[0], known)
        return evolve(self, clusters=part_of(self.clusters, self.sweep, wanted), whole=None)

    def parts(
        self, count: int, *, component: Component | None = None, profile: Profile = SOLO
    ) -> "Iterator[tuple[tuple[str, ...], Mesh]]":
        """All hosts shared out to so many parts of about as many endpoints; a mesh with fewer hosts has fewer parts.

        Args:
            count: How many parts; at least 1.
            component, profile: Whose host names, as for `hosts`.

        Yields:
            The hosts of a part, and the part, one after the other: what is not kept is free at once.

        >>> from meshtier.kube import load
        >>> mesh = load("examples/bookinfo/gateways")
        >>> sum(len(hosts) for hosts, part in mesh.parts(3)) == len(mesh.hosts())
        True
        """
        check_int(count, "count", least=1, most=1_000_000)
        for hosts in shared_out(self.clusters, self.hosts(component=component, profile=profile), count):
            yield hosts, self.part(hosts)

    @cached_property
    def _indexes(self) -> tuple[ClusterIndex, ...]:
        return tuple(map(ClusterIndex, self.clusters))

    @cached_property
    def _selector(self) -> Selector:
        return Selector(self._indexes, self._clients)

    def select(self, keyword: str, name: str) -> Selection:
        """What is meant by a name; what is gone already is known still, so that leaving it out twice is once.

        Args:
            keyword: One of the keywords of `without`.
            name: As there.

        Raises:
            UnknownNameError: Nothing is called so; the nearest names are given.
            InvalidValueError: The name could mean several things.
        """
        try:
            return self._selector.find(keyword, name)
        except UnknownNameError:
            if self._whole is None:
                raise
            return self._whole.select(keyword, name)

    def workloads_of(self, selection: Selection) -> Iterator[Workload]:
        """The workloads that are selected, or run where what is selected is. Cost: O(places), once O(n)."""
        for index in self._indexes:
            keys = selection.keys_in(index)
            yield from (workload for key, workload in index.cluster.workloads.items() if key in keys)

    def without(
        self,
        *,
        network: str | None = None,
        region: str | None = None,
        zone: str | None = None,
        node: str | None = None,
        cluster: str | None = None,
        workload: str | None = None,
        gateway: str | None = None,
    ) -> "Mesh":
        """The mesh as it would be without all that is named here, and what others know of it.

        What runs at a place that is gone is gone with it, behind every service, waypoint
        and gateway. Services and their settings stay. What is gone already may be named again.

        Args:
            network: With all that is in it, and the gateways that lead there.
            region: With all that runs there.
            zone: Likewise; as ``region/zone`` where several regions have one of this name.
            node: Likewise; as ``cluster/node`` where several clusters have one of this name.
            cluster: With the gateways that name it, and the entries that stand for it, in other clusters.
            workload: Named as a client is.
            gateway: ``name`` or ``namespace/name``, in all clusters, or
                ``cluster/namespace/name``: a peering Gateway with its pods, and what
                stands for it in other clusters, by its addresses; of another Gateway,
                such as a waypoint, the pods alone, so that what is sent there is lost.

        Raises:
            UnknownNameError: Nothing is called so; the nearest names are given.
            InvalidValueError: Nothing is named, or a name could mean several things.

        Cost: O(n) in the workloads and backends; clusters, services and workloads that do not change are shared.

        >>> from meshtier.kube import load
        >>> mesh = load("examples/bookinfo/gateways").without(zone="us-east-a")
        >>> [endpoint.id for endpoint in mesh.route("east/bookinfo/curl-east", "reviews").endpoints]
        ['east/bookinfo/reviews-v3-84b7c6d95f-v9zwl']
        """
        named = {
            "network": network,
            "region": region,
            "zone": zone,
            "node": node,
            "cluster": cluster,
            "workload": workload,
            "gateway": gateway,
        }
        given = {keyword: name for keyword, name in named.items() if name is not None}
        if not given:
            raise InvalidValueError(f"expected at least one of {', '.join(named)}, got none", "without")
        selections = [self.select(keyword, name) for keyword, name in given.items()]
        return evolve(self, clusters=changes.without(self._indexes, selections), whole=self)

    def with_objects(
        self, *sources: Objects, clusters: Mapping[str, Objects | Sequence[Objects]] | None = None
    ) -> "Mesh":
        """The mesh as it would be with these objects applied: new ones are added, known ones replaced.

        What a manifest does not say of an object is gone, except what the cluster itself
        says: the status, the node of a pod, and the EndpointSlices of a Service. A
        cluster that was changed since it was read takes no objects: apply them first.

        Args:
            sources: As `meshtier.kube.load` takes them. They are of the cluster that
                the label of a Namespace ``istio-system`` in them names, or of the only
                one. Of several, a source with DestinationRules alone is of every one.
            clusters: Further sources by the name of their cluster.

        Raises:
            InputError: With all problems of all sources; also those of a cluster that is not there.
            InvalidValueError: No source is given, or the clusters were not read by `meshtier.kube.load`.

        Cost: O(n) in the objects of each cluster that gets some; the others stay the same.

        >>> from meshtier.kube import load
        >>> service = {
        ...     "apiVersion": "v1",
        ...     "kind": "Service",
        ...     "metadata": {"name": "reviews", "namespace": "bookinfo"},
        ...     "spec": {"trafficDistribution": "PreferClose", "selector": {"app": "reviews"}},
        ... }
        >>> mesh = load("examples/bookinfo/gateways").with_objects(clusters={"east": service})
        >>> mesh.route("east/bookinfo/curl-east", "reviews").holds
        'PreferSameZone'
        """
        if not sources and not clusters:
            raise InvalidValueError("expected objects to put over the mesh, got none", "sources")
        source = next((cluster.source for cluster in self.clusters if cluster.source is not None), None)
        if source is None:
            text = "expected clusters that meshtier.kube.load has read, got none: of plain values, make another Mesh"
            raise InvalidValueError(text, "sources")
        return evolve(self, clusters=source.with_objects(self.clusters, sources, clusters or {}))

    def with_distribution(self, host: str, mode: TrafficDistribution | str) -> "Mesh":
        """The mesh as it would be if the services of a host asked for *mode*, in every cluster that has them.

        It is set by their annotation, in place of the annotation and the field that
        they have, because that is where all modes can be set (PREC-1). What wins over
        it, such as ``internalTrafficPolicy: Local``, stays.

        Args:
            host: A full host name; a short one if it is plain which is meant; or
                ``namespace/name`` or ``cluster/namespace/name`` of a Service or ServiceEntry.
            mode: A mode or its word in manifests.

        Raises:
            UnknownNameError: Nothing answers to the host; the nearest names are given.
            InvalidValueError: It is no mode.

        Cost: O(services).
        """
        return evolve(self, clusters=changes.with_distribution(self.clusters, self._hosts, host, mode))

    def with_health(self, workload: str, health: Health) -> "Mesh":
        """The mesh as it would be if a workload were of this health, to itself and in every list of endpoints.

        Args:
            workload: Named as a client is.
            health: As it would be.

        Raises:
            UnknownNameError: Nothing is called so; the nearest names are given.
            InvalidValueError: The name could mean several workloads, or *health* is none.

        Cost: O(n) in the backends of its cluster.
        """
        check_type(workload, str, "workload")
        return evolve(self, clusters=changes.with_health(self._indexes, self._clients.workload(workload), health))

    def scaled(self, service: str, replicas: int, *, zone: str | None = None) -> "Mesh":
        """The mesh as it would be if a Service had so many pods.

        Fewer: those that are not ready go first, then the last by name. More: copies of
        the ready pods in the order of their names, again and again, each at the place
        of its model, ready, and behind every service that its model is behind.

        Args:
            service: A Service as `with_distribution` takes it. Where several clusters
                have it, one of them is to be named: ``cluster/namespace/name``.
            replicas: How many pods; 0 is allowed.
            zone: Count and change the pods of this zone alone; ``None`` for all.

        Raises:
            UnknownNameError: No such Service or zone; the nearest names are given.
            InvalidValueError: It could be several, has no pod to copy, or *replicas* is no number of pods.

        Cost: O(n) in the workloads and backends of its cluster.

        >>> from meshtier.kube import load
        >>> mesh = load("examples/bookinfo/gateways").scaled("east/bookinfo/reviews", 1)
        >>> [endpoint.id for endpoint in mesh.route("east/bookinfo/curl-east", "reviews").endpoints]
        ['east/bookinfo/reviews-v1-5f4c8b9d76-q7rkf']
        """
        within = self.select("zone", zone) if zone is not None else None
        return evolve(self, clusters=changes.scaled(self._indexes, self._hosts, service, replicas, within))

    @override
    def __repr__(self) -> str:
        clusters = [
            f"{cluster.name or '(unnamed)'}: {len(cluster.services)} services, {len(cluster.workloads)} workloads"
            for cluster in self.clusters
        ]
        return one_line(f"<Mesh {shortened(clusters, most=8) or 'empty'}>")

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
        return self.to_table().first().to_html()
