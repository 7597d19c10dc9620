"""What does a ztunnel know of the mesh? Its dump as a cluster.

A dump has everything joined already: the workloads of all clusters that this
ztunnel can reach, and services with the endpoints of all of them. So its one
cluster holds them all, and a workload elsewhere names its own as `remote_cluster`.
It is literal (PLANE): what a service compares is its list of routing preferences
as it stands, whatever setting once made it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

from attrs import evolve

from meshtier.endpoint import MAX_WEIGHT, Health
from meshtier.errors import InputError, Problem
from meshtier.kube.decode import in_short, is_mapping
from meshtier.kube.objects import DocumentObjects
from meshtier.kube.workloads import peer_in
from meshtier.kube.ztunnel_schema import (
    DumpEndpoint,
    DumpGateway,
    DumpLoadBalancer,
    DumpLocality,
    DumpService,
    DumpWorkload,
    each_of,
    members,
)
from meshtier.labels import NO_LABELS, Labels
from meshtier.locality import Locality, Scope
from meshtier.mesh.snapshot import Admits, Backend, Cluster, PeeringGateway, Place, Service, WaypointGateway, Workload
from meshtier.note import Note
from meshtier.preference import Preference

_Value = TypeVar("_Value")

_SPLIT_HORIZON: Final = "SplitHorizonWorkload"
_KINDS: Final = {"ServiceEntry": "ServiceEntry endpoint"}
_STATUSES: Final = {"Healthy": Health.HEALTHY, "Unhealthy": Health.UNHEALTHY}
_SCOPES: Final = {scope.value.title(): scope for scope in Scope}
_POLICIES: Final = {"OnlyHealthy": False, "AllowAll": True}
_MODES: Final = {name: name for name in ("Standard", "Failover", "Strict", "Passthrough")}
_NO_BALANCER: Final = DumpLoadBalancer()


def build(name: str, document: DocumentObjects, *, domain: str, notes: Sequence[Note] = ()) -> Cluster:
    """The cluster that a ztunnel's dump describes.

    Args:
        name: The cluster's name, from the caller or `cluster_of`.
        document: What holds the dump.
        domain: The DNS domain, by which a Service is told from a ServiceEntry.
        notes: What was doubtful about naming it.

    Raises:
        InputError: With every problem of the dump.
    """
    return _Dump(name, document, domain).build(notes)


def cluster_of(dump: Mapping[str, object]) -> str:
    """The cluster that most of a dump's workloads are of; ``""`` if none says.

    >>> cluster_of({"workloads": [{"clusterId": "east"}, {"clusterId": "west"}, {"clusterId": "east"}]})
    'east'
    """
    workloads = each_of(dump.get("workloads"), "workloads", lambda _path, _problem: None)
    names = (workload.get("clusterId") for _path, workload in workloads if is_mapping(workload))
    return _most_frequent(Counter(name for name in names if isinstance(name, str) and name))


def _most_frequent(counts: Counter[str]) -> str:
    return min(counts, key=lambda name: (-counts[name], name), default="")


class _Dump:
    """Reads one dump."""

    def __init__(self, name: str, document: DocumentObjects, domain: str) -> None:
        self._name = name
        self._document = document
        self._domain = domain
        self._dump = document.dump or {}
        self._problems: list[Problem] = []
        self._places: dict[Locality, Place] = {}
        self._workloads: dict[str, Workload] = {}
        self._behind: dict[tuple[str, str], list[Workload]] = {}

    def build(self, notes: Sequence[Note]) -> Cluster:
        found = list(members(DumpWorkload, self._dump.get("workloads"), "workloads", self._refuse))
        clusters = Counter(each.cluster_id for _path, each in found if each.cluster_id)
        if len(clusters) > 1:
            text = f"a ztunnel dump does not say of which cluster the ztunnel is; this one is taken for {self._name!r}"
            notes = (*notes, Note("cluster-name-assumed", text))
        self._read_workloads(found, own=self._name if self._name in clusters else _most_frequent(clusters))
        services = self._read_services()
        if self._problems:
            raise InputError(self._problems)
        workloads = tuple(self._workloads.values())
        networks = Counter(each.place.locality.network for each in workloads if not each.remote_cluster)
        network = _most_frequent(networks)
        return Cluster(
            name=self._name,
            network=network,
            domain=self._domain,
            nodes={each.place.locality.node: each.place for each in workloads if each.place.locality.node},
            workloads=workloads,
            services=services,
            gateways=_gateways(self._behind, network),
            waypoints=_bound(services),
            notes=tuple(notes),
        )

    def _refuse(self, path: str, problem: str) -> None:
        self._problems.append(self._document.problem(problem, object="ztunnel dump", path=path))

    def _one_of(self, table: Mapping[str, _Value], word: str, path: str) -> _Value:
        """What *word* stands for, whatever its case; a word that stands for nothing is refused."""
        for name, value in table.items():
            if name.lower() == word.lower():
                return value
        self._refuse(path, f"expected one of {', '.join(table)}, got {word!r}")
        return next(iter(table.values()))

    def _read_workloads(self, found: Sequence[tuple[str, DumpWorkload]], *, own: str) -> None:
        names: Counter[tuple[str, str, str]] = Counter()
        for path, each in found:
            workload = self._workload(path, each, own)
            uid = each.uid or workload.id
            if uid in self._workloads:
                self._refuse(f"{path}.uid", f"expected each workload once, got {uid!r} again")
                continue
            # Two clusters may well have pods of one name; the uid tells them apart.
            key = (workload.kind, workload.namespace, workload.name)
            names[key] += 1
            self._workloads[uid] = workload if names[key] == 1 else evolve(workload, name=uid)
            self._enter_gateway(f"{path}.networkGateway.destination", each.network_gateway, workload)

    def _workload(self, path: str, found: DumpWorkload, own: str) -> Workload:
        # What a dump leaves out is the default of istio/ztunnel src/state/workload.rs, Workload, at 62d8265.
        capacity = 1 if found.capacity is None else found.capacity
        if not 0 <= capacity <= MAX_WEIGHT:
            self._refuse(f"{path}.capacity", f"expected an integer from 0 to {MAX_WEIGHT}, got {in_short(capacity)}")
        if not (found.name or found.uid):
            self._refuse(f"{path}.name", "expected a name or a uid, got neither")
        place = self._place(found)
        return Workload(
            kind=_kind(found.uid or ""),
            cluster=self._name,
            namespace=found.namespace or "",
            name=found.name or found.uid or "",
            place=place,
            envoy_place=place,
            labels=_labels(found),
            addresses=_addresses(found),
            health=self._one_of(_STATUSES, found.status or "Healthy", f"{path}.status"),
            weight=capacity,
            remote_cluster=_remote_cluster(found, own),
        )

    def _enter_gateway(self, path: str, found: DumpGateway | None, workload: Workload) -> None:
        """Note that a workload names the gateway of its network, by ``network/address`` or ``namespace/hostname``."""
        destination = found.destination if found is not None else None
        if not destination:
            return
        if not destination.partition("/")[2]:
            self._refuse(path, f"expected 'network/address' or 'namespace/hostname', got {in_short(destination)}")
        self._behind.setdefault((workload.place.locality.network, destination), []).append(workload)

    def _place(self, found: DumpWorkload) -> Place:
        at = found.locality or DumpLocality()
        locality = Locality(found.network or "", at.region or "", at.zone or "", at.subzone or "", found.node or "")
        origins = ("network", "locality.region", "locality.zone", "locality.subzone", "node")
        said = tuple(f"ztunnel dump {origin}" if part else "" for origin, part in zip(origins, locality, strict=True))
        return self._places.setdefault(locality, Place(locality, said))

    def _read_services(self) -> tuple[Service, ...]:
        services: dict[tuple[str, str], Service] = {}
        found = list(members(DumpService, self._dump.get("services"), "services", self._refuse))
        by_vip = {vip: each for _path, each in found for vip in each.vips or ()}
        for path, each in found:
            key = (each.namespace, each.hostname)
            if key not in services:  # one service stands under each of its addresses where the dump is a map
                services[key] = self._service(path, each, by_vip)
        return tuple(services.values())

    def _service(self, path: str, found: DumpService, by_vip: Mapping[str, DumpService]) -> Service:
        balancer, where = found.load_balancer or _NO_BALANCER, f"{path}.loadBalancer"
        mode = self._one_of(_MODES, balancer.mode or "Standard", f"{where}.mode")
        ports = self._ports(f"{path}.ports", found.ports)
        is_local = found.hostname == f"{found.name}.{found.namespace}.svc.{self._domain}"
        return Service(
            kind="Service" if is_local or found.hostname.endswith(".mesh.internal") else "ServiceEntry",
            cluster=self._name,
            namespace=found.namespace,
            name=found.name,
            hosts=(found.hostname,),
            preference=self._preference(mode, balancer.routing_preferences or (), f"{where}.routingPreferences"),
            publish_not_ready=self._one_of(_POLICIES, balancer.health_policy or "OnlyHealthy", f"{where}.healthPolicy"),
            passthrough="ztunnel passes the connection through" if mode == "Passthrough" else "",
            waypoint=_waypoint(found.waypoint.destination if found.waypoint else None, by_vip),
            ports=ports,
            backends=self._backends(path, found.endpoints, ports),
        )

    def _preference(self, mode: str, words: Sequence[str], path: str) -> Preference:
        """The list as it stands: any scopes, in any order.

        Source: istio/ztunnel src/state.rs, load_balance, at 62d8265: Standard does not look at
        the list, Strict wants a match of all of it, everything else prefers the longest match.
        """
        scopes = [self._one_of(_SCOPES, word, f"{path}[{index}]") for index, word in enumerate(words)]
        return Preference(() if mode == "Standard" else scopes, strict=mode == "Strict")

    def _ports(self, path: str, found: Mapping[str, object] | None) -> tuple[tuple[int, str], ...]:
        numbers = [text for text in found or {} if not text.isdecimal() or len(text) > 5]
        for text in numbers:
            self._refuse(path, f"expected port numbers, got {text!r}")
        return () if numbers else tuple((number, "") for number in sorted(int(text) for text in found or {}))

    def _backends(self, path: str, found: object, ports: Sequence[tuple[int, str]]) -> tuple[Backend, ...]:
        all_ports = frozenset(number for number, _name in ports)
        backends: dict[str, Backend] = {}
        for where, endpoint in members(DumpEndpoint, found, f"{path}.endpoints", self._refuse):
            workload = self._workloads.get(endpoint.workload_uid)
            if workload is None:
                self._refuse(f"{where}.workloadUid", f"expected the uid of a workload, got {endpoint.workload_uid!r}")
                continue
            status = endpoint.status
            health = self._one_of(_STATUSES, status, f"{where}.status") if status else None
            served = frozenset(number for number, _name in self._ports(f"{where}.port", endpoint.port))
            only = None if not served or served == all_ports else served
            backends.setdefault(endpoint.workload_uid, Backend(workload.key, health, only))
        return tuple(backends.values())


def _remote_cluster(found: DumpWorkload, own: str) -> str:
    """The cluster that a workload is in; ``""`` for the ztunnel's own.

    The entry of a peer may be of the cluster that holds it; then its name says which peer (NET-4).
    """
    if found.cluster_id in (None, "", own):
        return "" if _addresses(found) else peer_in(found.name or "")
    return found.cluster_id


def _kind(uid: str) -> str:
    """The kind that a uid names, as in ``cluster//Pod/namespace/name``.

    Source: istio/istio pilot/pkg/serviceregistry/ambient/helpers.go, generateSplitHorizonWorkloadUID, at 86c9f01.
    """
    parts = uid.split("/")
    if len(parts) > 4 and parts[1] == _SPLIT_HORIZON:
        return _SPLIT_HORIZON
    return _KINDS.get(parts[2], parts[2]) if len(parts) > 4 and parts[2] else "Pod"


def _addresses(found: DumpWorkload) -> tuple[str, ...]:
    return tuple(found.workload_ips) if found.workload_ips else (found.hostname,) if found.hostname else ()


def _gateways(behind: Mapping[tuple[str, str], Sequence[Workload]], own: str) -> tuple[PeeringGateway, ...]:
    """A gateway for each network and destination that workloads name, without those of the ztunnel's own network.

    It leads to the cluster, and is at the place, that all workloads behind it have; ztunnel compares the places of
    these, and what differs among them is said of none.

    Source: istio/ztunnel src/state/workload.rs, GatewayAddress, and src/state.rs, load_balance, at 62d8265.
    """
    made: list[PeeringGateway] = []
    for (network, destination), workloads in behind.items():
        if network == own:
            continue
        namespace, _slash, address = destination.partition("/")
        clusters = {workload.remote_cluster for workload in workloads}
        places = {workload.place for workload in workloads}
        place = next(iter(places))
        shared = [
            part if len({each.locality[at] for each in places}) == 1 else "" for at, part in enumerate(place.locality)
        ]
        origins = [origin if part else "" for origin, part in zip(place.origins, shared, strict=True)]
        made.append(
            PeeringGateway(
                name=address,
                namespace=namespace,
                cluster=next(iter(clusters)) if len(clusters) == 1 else "",
                place=Place(Locality(*shared[:4]), (*origins[:4], "")),
                addresses=(address,),
            )
        )
    return tuple(made)


def _labels(found: DumpWorkload) -> Labels:
    given = {
        "service.istio.io/canonical-name": found.canonical_name,
        "service.istio.io/canonical-revision": found.canonical_revision,
    }
    labels = {label: value for label, value in given.items() if value}
    return Labels(labels) if labels else NO_LABELS


def _bound(services: Iterable[Service]) -> Mapping[str, WaypointGateway]:
    """The waypoints that the ztunnel was told of, which bind as they stand (WP-2)."""
    names = dict.fromkeys(service.waypoint for service in services if service.waypoint)
    split = {name: name.rpartition("/") for name in names}
    return {
        whole: WaypointGateway(name=name, namespace=namespace, admits=Admits.ALL)
        for whole, (namespace, _slash, name) in split.items()
    }


def _waypoint(destination: str | None, by_vip: Mapping[str, DumpService]) -> str:
    if not destination:
        return ""
    service = by_vip.get(destination)
    if service is not None:
        return f"{service.namespace}/{service.name}"
    namespace, _slash, host = destination.partition("/")
    is_name = bool(namespace) and any(letter.isalpha() for letter in host) and ":" not in host
    return f"{namespace}/{host.partition('.')[0]}" if is_name else ""
