"""What does a ztunnel know of the mesh? Its dump as a cluster.

A dump has everything joined already: the workloads of all clusters that this
ztunnel can reach, and services with the endpoints of all of them. So its one
cluster holds them all, and a workload elsewhere names its own as `remote_cluster`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from meshtier.endpoint import MAX_WEIGHT, Health
from meshtier.errors import InputError, Problem
from meshtier.kube.decode import shown
from meshtier.kube.objects import DocumentObjects
from meshtier.kube.ztunnel_schema import DumpEndpoint, DumpLocality, DumpService, DumpWorkload, LoadBalancer, members
from meshtier.labels import NO_LABELS, Labels
from meshtier.locality import Locality
from meshtier.mesh.snapshot import Backend, Cluster, Place, Service, Workload
from meshtier.note import Note

_KINDS: Final = {"ServiceEntry": "ServiceEntry endpoint"}
_MODES: Final[Mapping[tuple[str, ...], tuple[str, str]]] = {
    ("network",): ("annotation", "PreferNetwork"),
    ("network", "region"): ("annotation", "PreferRegion"),
    ("network", "region", "zone"): ("traffic_distribution", "PreferSameZone"),
    ("network", "region", "zone", "subzone"): ("traffic_distribution", "PreferClose"),
    ("network", "region", "zone", "subzone", "node"): ("traffic_distribution", "PreferSameNode"),
}
"""The setting that makes Istio send each list of routing preferences (MODE, TIER-4)."""

_OLD: Final = Note("preferences-of-old", "four routing preferences are what profile istio-1.24 makes of PreferClose")
_STATUSES: Final = {"healthy": Health.HEALTHY, "unhealthy": Health.UNHEALTHY}


def build(name: str, sheet: DocumentObjects, *, domain: str, notes: Sequence[Note] = ()) -> Cluster:
    """The cluster that a ztunnel's dump describes.

    Args:
        name: The cluster's name, from the caller or `cluster_of`.
        sheet: What holds the dump.
        domain: The DNS domain, by which a Service is told from a ServiceEntry.
        notes: What was doubtful about naming it.

    Raises:
        InputError: With every problem of the dump.
    """
    return _Dump(name, sheet, domain).build(notes)


def cluster_of(dump: Mapping[str, object]) -> str:
    """The cluster that most of a dump's workloads are of; ``""`` if none says.

    >>> cluster_of({"workloads": [{"clusterId": "east"}, {"clusterId": "west"}, {"clusterId": "east"}]})
    'east'
    """
    found = dump.get("workloads")
    each = cast("Mapping[str, object]", found).values() if isinstance(found, Mapping) else found
    if not isinstance(each, Iterable):
        return ""
    workloads = [
        cast("Mapping[str, object]", one) for one in cast("Iterable[object]", each) if isinstance(one, Mapping)
    ]
    names = [one.get("clusterId") for one in workloads]
    counts = Counter(name for name in names if isinstance(name, str) and name)
    return min(counts, key=lambda name: (-counts[name], name), default="")


class _Dump:
    """Reads one dump."""

    def __init__(self, name: str, sheet: DocumentObjects, domain: str) -> None:
        self._name = name
        self._sheet = sheet
        self._domain = domain
        self._dump = sheet.dump or {}
        self._problems: list[Problem] = []
        self._places: dict[Locality, Place] = {}
        self._workloads: dict[str, Workload] = {}

    def build(self, notes: Sequence[Note]) -> Cluster:
        found = list(members(DumpWorkload, self._dump.get("workloads"), "workloads", self._report))
        name = self._name
        if len({each.cluster_id for _path, each, _plain in found if each.cluster_id}) > 1:
            text = f"a ztunnel dump does not say of which cluster the ztunnel is; this one is taken for {name!r}"
            notes = (*notes, Note("cluster-name-assumed", text))
        self._read_workloads(name, found)
        services = self._read_services(name)
        if self._problems:
            raise InputError(self._problems)
        networks = Counter(each.place.locality.network for each in self._workloads.values() if not each.remote_cluster)
        network = min(networks, key=lambda each: (-networks[each], each), default="")
        nodes = {each.place.locality.node: each.place for each in self._workloads.values() if each.place.locality.node}
        return Cluster(
            name=name,
            network=network,
            domain=self._domain,
            nodes=nodes,
            workloads=tuple(self._workloads.values()),
            services=services,
            notes=tuple(notes),
        )

    def _report(self, path: str, problem: str) -> None:
        self._problems.append(self._sheet.problem(problem, object="ztunnel dump", path=path))

    def _read_workloads(self, name: str, found: Sequence[tuple[str, DumpWorkload, object]]) -> None:
        names: Counter[tuple[str, str, str]] = Counter()
        for path, each, _plain in found:
            workload = self._workload(name, path, each)
            uid = each.uid or workload.id
            if uid in self._workloads:
                self._report(f"{path}.uid", f"expected each workload once, got {uid!r} again")
                continue
            # Two clusters may well have pods of one name; the uid tells them apart.
            key = (workload.kind, workload.namespace, workload.name)
            names[key] += 1
            self._workloads[uid] = workload if names[key] == 1 else self._workload(name, path, each, unique=uid)

    def _workload(self, name: str, path: str, found: DumpWorkload, *, unique: str = "") -> Workload:
        status = found.status or "Healthy"
        if status.lower() not in _STATUSES:
            self._report(f"{path}.status", f"expected 'Healthy' or 'Unhealthy', got {status!r}")
        capacity = 1 if found.capacity is None else found.capacity
        if not 0 <= capacity <= MAX_WEIGHT:
            self._report(f"{path}.capacity", f"expected an integer from 0 to {MAX_WEIGHT}, got {shown(capacity)}")
        if not (found.name or found.uid):
            self._report(f"{path}.name", "expected a name or a uid, got neither")
        place = self._place(found)
        return Workload(
            kind=_kind(found.uid or ""),
            cluster=name,
            namespace=found.namespace or "",
            name=unique or found.name or found.uid or "",
            place=place,
            envoy_place=place,
            labels=_labels(found),
            addresses=_addresses(found),
            health=_STATUSES.get(status.lower(), Health.HEALTHY),
            weight=capacity,
            remote_cluster="" if found.cluster_id in (None, "", name) else found.cluster_id,
        )

    def _place(self, found: DumpWorkload) -> Place:
        at = found.locality or DumpLocality()
        locality = Locality(found.network or "", at.region or "", at.zone or "", at.subzone or "", found.node or "")
        origins = ("network", "locality.region", "locality.zone", "locality.subzone", "node")
        said = tuple(f"ztunnel dump {origin}" if part else "" for origin, part in zip(origins, locality, strict=True))
        return self._places.setdefault(locality, Place(locality, said))

    def _read_services(self, name: str) -> tuple[Service, ...]:
        services: dict[tuple[str, str], Service] = {}
        found = list(members(DumpService, self._dump.get("services"), "services", self._report))
        by_vip = {vip: each for _path, each, _plain in found for vip in each.vips or ()}
        for path, each, plain_form in found:
            key = (each.namespace, each.hostname)
            if key in services:
                # One service stands under each of its addresses where the dump is a map.
                continue
            services[key] = self._service(name, path, each, plain_form, by_vip)
        return tuple(services.values())

    def _service(
        self,
        name: str,
        path: str,
        found: DumpService,
        plain_form: Mapping[str, object],
        by_vip: Mapping[str, DumpService],
    ) -> Service:
        settings, notes = _settings(found.load_balancer)
        ports = self._ports(f"{path}.ports", found.ports)
        local = found.hostname == f"{found.name}.{found.namespace}.svc.{self._domain}"
        return Service(
            kind="Service" if local or found.hostname.endswith(".mesh.internal") else "ServiceEntry",
            cluster=name,
            namespace=found.namespace,
            name=found.name,
            hosts=(found.hostname,),
            traffic_distribution=settings.get("traffic_distribution"),
            annotation=settings.get("annotation"),
            internal_traffic_policy=settings.get("internal_traffic_policy"),
            publish_not_ready="publish_not_ready" in settings,
            passthrough=settings.get("passthrough", ""),
            waypoint=_waypoint(found.waypoint.destination if found.waypoint else None, by_vip),
            ports=ports,
            backends=self._backends(path, plain_form, ports),
            notes=notes,
        )

    def _ports(self, path: str, found: Mapping[str, object] | None) -> tuple[tuple[int, str], ...]:
        numbers = [text for text in found or {} if not text.isdecimal() or len(text) > 5]
        for text in numbers:
            self._report(path, f"expected port numbers, got {text!r}")
        return () if numbers else tuple((number, "") for number in sorted(int(text) for text in found or {}))

    def _backends(
        self, path: str, plain_form: Mapping[str, object], ports: Sequence[tuple[int, str]]
    ) -> tuple[Backend, ...]:
        all_ports = frozenset(number for number, _name in ports)
        backends: dict[str, Backend] = {}
        for where, endpoint, _plain in members(
            DumpEndpoint, plain_form.get("endpoints"), f"{path}.endpoints", self._report
        ):
            workload = self._workloads.get(endpoint.workload_uid)
            if workload is None:
                self._report(f"{where}.workloadUid", f"expected the uid of a workload, got {endpoint.workload_uid!r}")
                continue
            health = _STATUSES.get((endpoint.status or "").lower(), workload.health)
            served = frozenset(number for number, _name in self._ports(f"{where}.port", endpoint.port))
            only = None if not served or served == all_ports else served
            backends.setdefault(endpoint.workload_uid, Backend(workload, health, only))
        return tuple(backends.values())


def _kind(uid: str) -> str:
    """The kind that a uid names, as in ``cluster//Pod/namespace/name``."""
    parts = uid.split("/")
    return _KINDS.get(parts[2], parts[2]) if len(parts) > 4 and parts[2] else "Pod"


def _addresses(found: DumpWorkload) -> tuple[str, ...]:
    if found.workload_ips:
        return tuple(found.workload_ips)
    gateway = found.network_gateway.destination if found.network_gateway else None
    address = found.hostname or gateway
    return (address,) if address else ()


def _labels(found: DumpWorkload) -> Labels:
    given = {
        "service.istio.io/canonical-name": found.canonical_name,
        "service.istio.io/canonical-revision": found.canonical_revision,
    }
    labels = {label: value for label, value in given.items() if value}
    return Labels(labels) if labels else NO_LABELS


def _waypoint(destination: str | None, by_vip: Mapping[str, DumpService]) -> str:
    if not destination:
        return ""
    service = by_vip.get(destination)
    if service is not None:
        return f"{service.namespace}/{service.name}"
    namespace, _slash, host = destination.partition("/")
    is_name = bool(namespace) and any(letter.isalpha() for letter in host) and ":" not in host
    return f"{namespace}/{host.partition('.')[0]}" if is_name else ""


def _settings(found: LoadBalancer | None) -> tuple[Mapping[str, str], tuple[Note, ...]]:
    """The settings that lead to such a choice, by field of `Service`, and what was doubtful."""
    if found is None:
        return {}, ()
    scopes = tuple(scope.lower() for scope in found.routing_preferences or ())
    mode = (found.mode or "Standard").lower()
    settings: dict[str, str] = {}
    if (found.health_policy or "").lower() == "allowall":
        settings["publish_not_ready"] = "true"
    if mode == "passthrough":
        return {**settings, "passthrough": "ztunnel passes the connection through"}, ()
    if mode == "strict" and scopes == ("node",):
        return {**settings, "internal_traffic_policy": "Local"}, ()
    if mode == "failover" and scopes in _MODES:
        setting, value = _MODES[scopes]
        return {**settings, setting: value}, (_OLD,) if value == "PreferClose" else ()
    if mode == "standard" or (mode == "failover" and not scopes):
        return settings, ()
    listed = ", ".join(found.routing_preferences or ()) or "none"
    note = Note(
        "preferences-unknown",
        f"no setting makes mode {found.mode!r} with the routing preferences {listed}; taken as none",
    )
    return settings, (note,)
