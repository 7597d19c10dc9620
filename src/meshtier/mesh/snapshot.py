"""What is in the mesh? Clusters, services and workloads as they were found.

These are plain values without any rule applied to them beyond reading: where a
workload is, what settings a service carries, which workloads stand behind it.
Adapters make them; `meshtier.mesh` asks questions of them.
"""

import enum
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias, assert_never, cast

from attrs import field, fields, frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError
from meshtier.labels import NO_LABELS
from meshtier.locality import SCOPES, Locality, Scope
from meshtier.note import Note
from meshtier.preference import Preference
from meshtier.rules import DestinationRule, LocalitySetting
from meshtier.table import Table, brief, one_line

WorkloadKey: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name: by what a workload is known in its cluster."""

NOWHERE: Final = Locality()
NOWHERE_SAID: Final = ("", "", "", "", "")


@frozen
class Place:
    """A locality, and where each part of it was read.

    One place is shared by all workloads of a node, so that comparing places is cheap.

    Attributes:
        locality: Where it is.
        origins: For each of `SCOPES`, in order, the object and label that said
            so, as in ``Node n1 label topology.kubernetes.io/zone``; ``""`` where
            nothing did. Always of length 5.
    """

    locality: Locality = NOWHERE
    origins: tuple[str, ...] = NOWHERE_SAID

    def __attrs_post_init__(self) -> None:
        if len(self.origins) != len(SCOPES):
            raise InvalidValueError(f"expected {len(SCOPES)} origins, got {self.origins!r}", "origins")

    def origin(self, scope: Scope) -> str:
        """Where the part at *scope* was read; ``""`` if nothing said it."""
        return "" if scope is Scope.CLUSTER else self.origins[SCOPES.index(scope)]


@frozen(kw_only=True)
class Workload:
    """Something that runs or stands at an address: a pod, a WorkloadEntry, an inline endpoint.

    Attributes:
        kind: ``Pod``, ``WorkloadEntry``, ``ServiceEntry endpoint`` or what the source calls it.
        cluster: The cluster whose dump it came from; ``""`` if that has no name.
        namespace: Its namespace.
        name: Its name, unique with kind, cluster and namespace.
        place: Where ztunnel sees it.
        envoy_place: Where Envoys see it: the same, unless a pod label overrides it (LOC-5).
        labels: Its labels.
        addresses: Its IP addresses or host name; may be empty.
        health: Whether it can serve.
        weight: Its share relative to its peers.
        remote_cluster: For a WorkloadEntry that stands for something elsewhere,
            the cluster where that is; else ``""``.
        absent: Why it is no endpoint of anything, as in ``the Pod shop/web is not
            there``; ``""`` for all that can be one (LOC-4a).
        takes_part: Whether it takes part in the mesh; ``None`` if the input does
            not say (PATH-4).
        proxy: The component of the mesh that it is, or whose Envoy it has beside
            it (PATH-2); ``None`` for a pod whose traffic starts at ztunnel.
    """

    kind: str = "Pod"
    cluster: str = ""
    namespace: str = ""
    name: str
    place: Place = field(factory=Place)
    envoy_place: Place = field(factory=Place)
    labels: Mapping[str, str] = NO_LABELS
    addresses: tuple[str, ...] = ()
    health: Health = Health.HEALTHY
    weight: int = 1
    remote_cluster: str = ""
    absent: str = ""
    takes_part: bool | None = None
    proxy: Component | None = None

    @property
    def key(self) -> WorkloadKey:
        """By what its cluster knows it."""
        return self.kind, self.namespace, self.name

    @property
    def id(self) -> str:
        """``cluster/namespace/name``, without the parts that are empty; the id of its endpoint."""
        return "/".join(filter(None, (self.cluster, self.namespace, self.name)))

    @override
    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@frozen
class Backend:
    """A workload behind a service, with what that service knows of it.

    What the workload itself is like stands once, in `Cluster.workloads`: a
    change there changes every answer. Its health in a list of endpoints, as in
    an EndpointSlice, is what proxies are told, and stands here.

    Attributes:
        workload: The workload's key in the service's own cluster.
        health: Its health as the service's list of endpoints has it, which then
            decides; ``None`` where there is no such list: the workload's own.
        ports: The service's ports that it serves, by number; ``None``: all of them.
        host: The one host name of its service that it answers to; ``""`` for all.
    """

    workload: WorkloadKey
    health: Health | None = None
    ports: frozenset[int] | None = None
    host: str = ""


class ServiceScope(enum.Enum):
    """How far a service reaches (COMP-3)."""

    CLUSTER = "cluster"  # the default: its own cluster alone
    GLOBAL = "global"  # every cluster, under a hostname of its own beside the local one
    GLOBAL_ONLY = "global-only"  # every cluster, under the global hostname
    SEGMENT = "segment"  # the clusters of its own cluster's segment


@frozen(kw_only=True)
class Service:
    """A Service or ServiceEntry as one cluster has it.

    Attributes:
        kind: ``Service`` or ``ServiceEntry``.
        cluster: The cluster whose dump it came from.
        namespace: Its namespace.
        name: Its name.
        hosts: The full host names that it answers to in its own cluster; a
            global service's global name is not among them.
        traffic_distribution: ``spec.trafficDistribution``; ``None`` if absent.
        annotation: The traffic-distribution annotation; ``None`` if absent.
        internal_traffic_policy: ``spec.internalTrafficPolicy``; ``None`` if absent.
        preference: What a ztunnel was told to compare, from its dump; it wins over
            everything else that is set. ``None`` if this was not read from a dump.
        publish_not_ready: ``spec.publishNotReadyAddresses``.
        passthrough: Why no choice is made (PREC-4), as in ``headless``; ``""`` if one is.
        hints_annotation: The annotation that asks for topology aware hints of EndpointSlices,
            which no mesh reads; ``""`` if none does.
        resolution: How a ServiceEntry finds its endpoints, as in ``DNS``; ``""`` for a Service.
        scope: How far it reaches.
        scope_origin: The object and label that said so; ``""`` for the default.
        takeover: Whether the local host name behaves as the global one (COMP-3).
        istio_global: Whether Istio's own label ``istio.io/global`` lets its local
            name span clusters (COMP-3).
        waypoint: ``namespace/name`` of the Gateway that is to be its waypoint; ``""`` for none.
        ingress_waypoint: Whether an ingress gateway sends through that waypoint
            (label ``istio.io/ingress-use-waypoint``, PATH-2).
        ports: Its ports, by number, with their names (``""`` for none).
        targets: For its ports by number, where its endpoints listen, as far as
            that is known; see `target_of`.
        labels: Its labels.
        external: Where it is reached from outside of the cluster: the addresses of
            its load balancer, and its ``externalIPs``; ``None`` if nothing says so.
        backends: The workloads behind it in its own cluster, each once.
        notes: What was doubtful about it.
    """

    kind: str = "Service"
    cluster: str = ""
    namespace: str = ""
    name: str
    hosts: tuple[str, ...] = ()
    traffic_distribution: str | None = None
    annotation: str | None = None
    internal_traffic_policy: str | None = None
    preference: Preference | None = None
    publish_not_ready: bool = False
    passthrough: str = ""
    hints_annotation: str = ""
    resolution: str = ""
    scope: ServiceScope = ServiceScope.CLUSTER
    scope_origin: str = ""
    takeover: bool = False
    istio_global: bool = False
    waypoint: str = ""
    ingress_waypoint: bool = False
    ports: tuple[tuple[int, str], ...] = ()
    targets: tuple[tuple[int, int], ...] = ()
    labels: Mapping[str, str] = NO_LABELS
    external: tuple[str, ...] | None = None
    backends: tuple[Backend, ...] = field(default=(), repr=brief)
    notes: tuple[Note, ...] = ()

    def target_of(self, port: int) -> int:
        """Where its endpoints listen for traffic to *port*: the port itself, unless something says otherwise."""
        return dict(self.targets).get(port, port)

    @property
    def is_global(self) -> bool:
        """Whether it joins endpoints of other clusters."""
        return self.scope is not ServiceScope.CLUSTER

    @override
    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@frozen(kw_only=True)
class PeeringGateway:
    """A Gateway through which other networks are reached, or reach this one (LOC-3).

    Attributes:
        name: Its name.
        namespace: Its namespace.
        remote: Whether it stands for another cluster's gateway (class
            ``istio-remote``) and not for one that runs here (``istio-east-west``).
        cluster: The cluster that it leads to.
        place: The network, region, zone and subzone of its labels.
        addresses: Its addresses, IPs or host names, of its status, or of its spec
            where it has no status; may be empty (NET-2).
        ready: Whether anything is sent there: ``False`` if its status has no address.
        hbone: Whether it has an HBONE listener.
        notes: What was doubtful about it.
    """

    name: str
    namespace: str = ""
    remote: bool = True
    cluster: str = ""
    place: Place = field(factory=Place)
    addresses: tuple[str, ...] = ()
    ready: bool = True
    hbone: bool = True
    notes: tuple[Note, ...] = ()

    @override
    def __str__(self) -> str:
        return f"Gateway {self.namespace}/{self.name}"


@frozen
class Position:
    """Where an object begins in a file.

    Attributes:
        file: Its name as the caller gave it; ``""`` for plain data.
        line: From 1; ``None`` if unknown.
    """

    file: str = ""
    line: int | None = None


class Admits(enum.Enum):
    """Whose routes a listener takes: ``allowedRoutes.namespaces.from`` (WP-2)."""

    SAME = "Same"  # those of the Gateway's own namespace
    ALL = "All"
    SELECTOR = "Selector"  # those of namespaces with some labels


@frozen
class LabelRequirement:
    """One thing that a selector wants of the labels of an object.

    Attributes:
        key: The label.
        values: Those that fit; ``None`` for any.
        negated: Whether what fits is refused, and everything else taken.

    >>> LabelRequirement("env", frozenset({"prod"}), negated=True).holds({})
    True
    """

    key: str
    values: frozenset[str] | None = None
    negated: bool = field(default=False, kw_only=True)

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether *labels* are as wanted; an absent label fits nothing, as in Kubernetes."""
        fits = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return fits is not self.negated


@frozen(kw_only=True)
class WaypointGateway:
    """A Gateway that can be a waypoint (WP-2).

    Attributes:
        name: Its name.
        namespace: Its namespace.
        serves: Which traffic it is for, as in ``service``, ``workload``, ``all`` or ``none``.
        ready: Whether its status has an address; ``None`` for a manifest without
            any status, which counts as ready, with a note.
        admits: Whose services its HBONE listener on 15008 takes.
        selector: For `Admits.SELECTOR`, what the labels of a namespace must be; none
            takes every namespace, ``None`` no namespace.
    """

    name: str
    namespace: str = ""
    serves: str = "service"
    ready: bool | None = True
    admits: Admits = Admits.SAME
    selector: tuple[LabelRequirement, ...] | None = None

    def takes(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether its listener takes services of this namespace, given all labels of that.

        Source: istio/istio ambient/waypoints.go, AllowsAttachmentFromNamespace, at 86c9f01.
        """
        match self.admits:
            case Admits.ALL:
                return True
            case Admits.SAME:
                return namespace == self.namespace
            case Admits.SELECTOR:
                return self.selector is not None and all(each.holds(labels) for each in self.selector)
            case _:
                assert_never(self.admits)

    @override
    def __str__(self) -> str:
        return f"Gateway {self.namespace}/{self.name}"


@frozen(kw_only=True)
class RequestRoute:
    """What only an Envoy obeys besides DestinationRules: an HTTPRoute, a GRPCRoute or a VirtualService.

    Attributes:
        kind: Its kind.
        namespace: Its namespace.
        name: Its name.
        hosts: Whose requests it routes, as full host names, or as wildcards.
    """

    kind: str
    namespace: str = ""
    name: str
    hosts: tuple[str, ...] = ()

    @override
    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@frozen(kw_only=True)
class Namespace:
    """A namespace's settings.

    Attributes:
        name: Its name.
        annotation: Its traffic-distribution annotation; ``None`` if absent.
        labels: Its labels.
    """

    name: str
    annotation: str | None = None
    labels: Mapping[str, str] = NO_LABELS


def _by_key(workloads: Mapping[WorkloadKey, Workload] | Iterable[Workload]) -> Mapping[WorkloadKey, Workload]:
    if isinstance(workloads, MappingProxyType):  # of another Cluster: an edit of 100,000 pods' services copies nothing
        return cast("Mapping[WorkloadKey, Workload]", workloads)
    if isinstance(workloads, Mapping):
        return MappingProxyType(dict(cast("Mapping[WorkloadKey, Workload]", workloads)))
    found: dict[WorkloadKey, Workload] = {}
    for workload in workloads:
        if found.setdefault(workload.key, workload) is not workload:
            raise InvalidValueError(f"expected each workload once, got {workload} again", "workloads")
    return MappingProxyType(found)


Objects: TypeAlias = str | PathLike[str] | Mapping[str, Any] | Iterable[Mapping[str, Any]]
"""A source of objects: a path, ``-``, one object or list or dump, or some of them."""


class ObjectSource(Protocol):
    """What a cluster was read from, kept so that it can be read again with other objects beside."""

    def with_objects(
        self,
        clusters: "Sequence[Cluster]",
        sources: Sequence[Objects],
        named: Mapping[str, Objects | Sequence[Objects]],
    ) -> "tuple[Cluster, ...]":
        """All *clusters* with the objects of *sources*, and those of *named* by cluster, put over them.

        Raises:
            MeshError: The objects cannot be read or put there; nothing is changed then.
        """
        ...


@frozen(kw_only=True)
class Cluster:
    """One cluster's part of a snapshot.

    Attributes:
        name: Its name; ``""`` if nothing gives one.
        network: Its network (LOC-2); ``""`` if unknown.
        segment: Its segment (COMP-3); ``""`` if it is in none.
        segment_domain: The domain of the global host names of its segment; ``""``
            for that of all global host names.
        domain: The DNS domain of its local services.
        nodes: Where each node is, by name.
        namespaces: By name; those that the dump holds.
        workloads: Pods, WorkloadEntries and inline endpoints by key, in the order
            of the input. Given one by one they are put under their keys.
        services: Services and ServiceEntries, in the order of the input.
        gateways: Its peering gateways, by namespace and name.
        waypoints: Its Gateways that can be waypoints, by ``namespace/name``.
        destination_rules: Its DestinationRules, in the order of the input.
        request_routes: What routes requests for its hosts, in the order of the input.
        locality_setting: Its mesh-wide ``localityLbSetting``; ``None`` if the input does
            not say, so that the one of `Mesh` holds.
        self_discovery: Whether its proxies are told of their own peers, by which zone
            awareness works (``ISTIO_META_ENABLE_SELF_DISCOVERY``).
        skipped: How many objects of each unknown kind were ignored.
        notes: What was doubtful about the cluster as a whole.
        ignored: What its objects say in the annotation ``meshtier.io/ignore``, by title.
        positions: Where its objects stand in files, by title, as in ``Service shop/web``.
        source: What it was read from; ``None`` for one of plain values. It makes no
            cluster differ from another.

    Raises:
        InvalidValueError: Two workloads have one key.
    """

    name: str = ""
    network: str = ""
    segment: str = ""
    segment_domain: str = ""
    domain: str = "cluster.local"
    nodes: Mapping[str, Place] = field(factory=dict[str, Place])
    namespaces: Mapping[str, Namespace] = field(factory=dict[str, Namespace])
    workloads: Mapping[WorkloadKey, Workload] = field(factory=dict[WorkloadKey, Workload], converter=_by_key)
    services: tuple[Service, ...] = ()
    gateways: tuple[PeeringGateway, ...] = ()
    waypoints: Mapping[str, WaypointGateway] = field(factory=dict[str, WaypointGateway])
    destination_rules: tuple[DestinationRule, ...] = ()
    request_routes: tuple[RequestRoute, ...] = ()
    locality_setting: LocalitySetting | None = None
    self_discovery: bool = False
    skipped: Mapping[str, int] = field(factory=dict[str, int])
    notes: tuple[Note, ...] = ()
    ignored: Mapping[str, str] = field(factory=dict[str, str])
    positions: Mapping[str, Position] = field(factory=dict[str, Position], eq=False, repr=False)
    source: ObjectSource | None = field(default=None, eq=False, repr=False)

    def __getstate__(self) -> Mapping[str, object]:
        """For pickles: what it is, without what it was read from, which nobody can read again elsewhere."""
        state = {each.name: getattr(self, each.name) for each in fields(type(self))}
        return {**state, "workloads": dict(self.workloads), "positions": {}, "source": None}

    def __setstate__(self, state: Mapping[str, object]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "workloads", _by_key(self.workloads))

    def to_table(self) -> Table:
        """What the cluster holds, a row for each of its zones."""
        pods: defaultdict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
        for each in self.workloads.values():
            if each.kind == "Pod":
                pods[_zone(each.place)][each.health.serves] += 1
        nodes = Counter(_zone(place) for place in self.nodes.values())
        rows = [
            (
                "/".join(filter(None, zone)) or "(unknown)",
                str(nodes[zone]),
                str(pods[zone].total()),
                str(pods[zone][False]),
            )
            for zone in sorted({*pods, *nodes})
        ]
        return Table(
            title=f"cluster {self.name or '(unnamed)'}, network {self.network or '(unknown)'}",
            columns=("zone", "nodes", "pods", "not ready"),
            rows=rows,
            notes=[self._counts(), *(str(note) for note in self.notes)],
            numeric=frozenset({1, 2, 3}),
        )

    def _counts(self) -> str:
        rules, gateways = len(self.destination_rules), len(self.gateways)
        more = [f"{rules} DestinationRules"] if rules else []
        more += [f"{gateways} gateways"] if gateways else []
        return ", ".join([f"{len(self.services)} services", f"{len(self.workloads)} workloads", *more])

    def _repr_html_(self) -> str:
        return self.to_table().first().to_html()

    @override
    def __repr__(self) -> str:
        return one_line(f"<Cluster {self.name or '(unnamed)'}: {self._counts()}>")


def _zone(place: Place) -> tuple[str, str]:
    return place.locality.region, place.locality.zone
