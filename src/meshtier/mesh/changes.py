"""What would the snapshot be if …? Clusters with something left out, scaled, set or unhealthy.

Each function takes clusters and gives clusters: those that do not change, and in
the others every object that does not change, are the same ones. What comes back
equals what would be read from the same dump edited by hand.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from itertools import count, cycle, islice
from operator import is_
from types import MappingProxyType
from typing import Final

from attrs import evolve

from meshtier.distribution import MODE_ALIASES, TrafficDistribution
from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError, UnknownNameError, check_int, check_member, check_name
from meshtier.locality import Locality
from meshtier.mesh.clients import Client
from meshtier.mesh.cluster_index import ClusterIndex, location_of
from meshtier.mesh.hostnames import HostTable
from meshtier.mesh.placement import with_placement_notes
from meshtier.mesh.selector import Selection
from meshtier.mesh.snapshot import Backend, Cluster, Service, Workload, WorkloadKey
from meshtier.preference import Preference, mode_of

MAX_REPLICAS: Final = 100_000
"""No Service has more pods than this: as many as the largest dump that is provided for."""

_FIRST_ADDRESS: Final = int(IPv4Address("198.18.0.1"))
"""The addresses of pods that are made up are of a range that is no one's (RFC 2544, for benchmarks)."""

_ALIASES: Final = {alias.lower(): alias for alias in MODE_ALIASES}
_POD: Final = "Pod"
_ENTRY: Final = "WorkloadEntry"


def without(indexes: Sequence[ClusterIndex], selections: Sequence[Selection]) -> tuple[Cluster, ...]:
    """The clusters without what is selected, and without what others know of it.

    What runs at a place that is gone is gone with it: pods, entries and the
    endpoints of EndpointSlices, behind every service, waypoint and gateway. A
    network goes with the gateways that lead there. A cluster goes with the gateways
    that name it and the entries that stand for it. Services stay, without endpoints.

    Cost: O(places), and O(n) in what is gone and in the backends of its services, but for a copy of a mapping.
    """
    gone = {name for selection in selections for name in selection.clusters}
    return tuple(_without(index, selections) for index in indexes if index.cluster.name not in gone)


def _without(index: ClusterIndex, selections: Sequence[Selection]) -> Cluster:
    cluster, name = index.cluster, index.cluster.name
    lost = set[WorkloadKey]().union(*(each.keys_in(index) for each in selections))
    nodes = {
        node: place for node, place in cluster.nodes.items() if not any(one.has_node(name, place) for one in selections)
    }
    led = [each for each in cluster.gateways if any(one.has_gateway(name, each) for one in selections)]
    if not lost and not led and len(nodes) == len(cluster.nodes):
        return cluster
    ways = {f"{each.namespace}/{each.name}" for each in led}
    changed = evolve(
        index.without(lost),
        nodes=nodes if len(nodes) < len(cluster.nodes) else cluster.nodes,
        gateways=tuple(each for each in cluster.gateways if each not in led) if led else cluster.gateways,
        waypoints={at: each for at, each in cluster.waypoints.items() if at not in ways} if led else cluster.waypoints,
    )
    return with_placement_notes(changed)


def with_health(indexes: Sequence[ClusterIndex], workload: Workload, health: Health) -> tuple[Cluster, ...]:
    """The clusters in which a workload has this health, in every list of endpoints too.

    Cost: O(n) in the backends of its services, but for a copy of a mapping.
    """
    check_member(health, Health, "health")
    key = workload.key

    def told(backend: Backend) -> Backend:
        is_said = backend.workload == key and backend.health not in (None, health)
        return evolve(backend, health=health) if is_said else backend

    def change(index: ClusterIndex) -> Cluster:
        cluster = index.cluster
        services = index.services([key], lambda backends: list(map(told, backends)))
        if workload.health is health and all(map(is_, services, cluster.services)):
            return cluster
        workloads = index.workloads() | {key: evolve(workload, health=health)}
        return evolve(cluster, workloads=MappingProxyType(workloads), services=services)

    home = workload.cluster
    return tuple(change(index) if index.cluster.name == home else index.cluster for index in indexes)


def with_distribution(
    clusters: Sequence[Cluster], hosts: HostTable, name: str, mode: TrafficDistribution | str
) -> tuple[Cluster, ...]:
    """The clusters in which the services of a host ask for *mode* by their annotation, in place of what they set.

    By the annotation, because every version reads as many words there as in
    ``spec.trafficDistribution`` or more; that would win, and so is taken out. Where
    a ztunnel's dump gives the scopes, they become those of the mode.

    Cost: O(services).
    """
    found = mode_of(mode)
    word = _ALIASES.get(mode.lower(), found.value) if isinstance(mode, str) else found.value
    named = services_called(clusters, hosts, name)
    chosen = {(each.cluster, each.kind, each.namespace, each.name) for each in named}

    def change(service: Service) -> Service:
        if (service.cluster, service.kind, service.namespace, service.name) not in chosen:
            return service
        if service.preference is not None:
            wanted = Preference.of_mode(found)
            return service if service.preference == wanted else evolve(service, preference=wanted)
        if service.annotation == word and service.traffic_distribution is None:
            return service
        return evolve(service, annotation=word, traffic_distribution=None)

    return tuple(_with_services(cluster, change) for cluster in clusters)


def scaled(
    indexes: Sequence[ClusterIndex], hosts: HostTable, name: str, replicas: int, within: Selection | None
) -> tuple[Cluster, ...]:
    """The clusters in which a Service has so many pods.

    Fewer: those that are not ready go first, then the last by name. More: copies of
    the ready pods, or where none is ready of all, in the order of their names and
    again from the first: at their places, with their labels, behind every service
    that they are behind, ready, and each at an address of its own.

    Args:
        indexes: The clusters of the snapshot.
        hosts: What host names mean in it.
        name: The Service, as `services_called` takes it.
        replicas: How many pods, of any health; 0 is allowed.
        within: Where the pods that count are; ``None`` for everywhere.

    Raises:
        InvalidValueError: The Service is one of several clusters, there is no pod to copy, or *replicas* is no number.
        UnknownNameError: No Service is called so.

    Cost: O(n) in the workloads and backends of its cluster.
    """
    check_int(replicas, "replicas", least=0, most=MAX_REPLICAS)
    clusters = [index.cluster for index in indexes]
    service = _one_service(indexes, services_called(clusters, hosts, name), name, within)
    index = next(each for each in indexes if each.cluster.name == service.cluster)
    pods = _pods(index.cluster, service, within)
    pods.sort(key=lambda pod: (not pod[1], pod[0].name))  # ready ones first
    if replicas <= len(pods):
        changed = index.without({workload.key for workload, _ in pods[replicas:]})
    else:
        models = [workload for workload, serves in pods if serves] or [workload for workload, _ in pods]
        if not models:
            where = " there" if within is not None else ""
            raise InvalidValueError(f"expected a Service with a pod{where} to copy, got {service} with none", "service")
        changed = _with_copies(index, islice(cycle(models), replicas - len(pods)), _free_addresses(clusters))
    return tuple(with_placement_notes(changed) if each is index.cluster else each for each in clusters)


def is_gone(client: Client, before: Iterable[Cluster], after: Iterable[Cluster]) -> bool:
    """Whether a client that was there before a change, or whose place had something in it, is not there after it.

    Cost: O(1) for a pod, O(n) for a node or place.
    """
    then = next((cluster for cluster in before if cluster.name == client.cluster), None)
    now = next((cluster for cluster in after if cluster.name == client.cluster), None)
    if now is None or client.workload is not None:
        return now is None or (client.workload is not None and client.workload.key not in now.workloads)
    at = client.place.locality
    return then is not None and _holds(then, at) and not _holds(now, at)


def _holds(cluster: Cluster, at: Locality) -> bool:
    """Whether a node or workload is at a place, as far as that is known."""
    places = {place.locality for place in cluster.nodes.values()}
    places |= {location_of(workload) for workload in cluster.workloads.values()}
    return any(all(wanted in ("", there) for wanted, there in zip(at, place, strict=True)) for place in places)


def services_called(clusters: Sequence[Cluster], hosts: HostTable, name: str) -> Sequence[Service]:
    """The Services that a name means, in every cluster; the ServiceEntries where no Service answers to it.

    Args:
        clusters: The snapshot.
        hosts: What host names mean in it.
        name: A host name, full or short; or ``namespace/name`` or ``cluster/namespace/name``.

    Raises:
        UnknownNameError: Nothing is called so; the nearest names are given.
        InvalidValueError: It is no name.
    """
    check_name(name, "service")
    if "/" in name:
        return _deciding(_by_path(clusters, name))
    bound = [_bound(hosts, name, cluster.name) for cluster in clusters]
    found = {id(each): each for services in bound for each in _deciding(services)}
    if not found:
        raise _unknown_host(hosts, name, clusters)
    return list(found.values())


def _deciding(services: Sequence[Service]) -> Sequence[Service]:
    """Those whose setting can hold: the Services, or the ServiceEntries where there is no Service."""
    return [each for each in services if each.kind == "Service"] or services


def _bound(hosts: HostTable, name: str, cluster: str) -> Sequence[Service]:
    try:
        return hosts.bind(name, cluster=cluster).services
    except UnknownNameError:
        return ()


def _unknown_host(hosts: HostTable, name: str, clusters: Sequence[Cluster]) -> UnknownNameError:
    """The error of the first cluster, whose nearest names are like those of all."""
    try:
        hosts.bind(name, cluster=clusters[0].name if clusters else "")
    except UnknownNameError as error:
        return error
    return UnknownNameError("host", name)


def _by_path(clusters: Sequence[Cluster], name: str) -> Sequence[Service]:
    called: defaultdict[str, list[Service]] = defaultdict(list)
    for cluster in clusters:
        for service in cluster.services:
            path = f"{service.namespace}/{service.name}"
            called[path].append(service)
            called[f"{cluster.name}/{path}"].append(service)
    if name not in called:
        raise UnknownNameError.among("Service", name, called)
    return called[name]


def _one_service(
    indexes: Sequence[ClusterIndex], found: Sequence[Service], name: str, within: Selection | None
) -> Service:
    """The one Service that is meant; of several, the one whose cluster has the place in question."""
    if len(found) > 1 and within is not None:
        there = {index.cluster.name for index in indexes if _is_there(index, within)}
        found = [service for service in found if service.cluster in there]
    if len(found) != 1:
        paths = ", ".join("/".join(filter(None, (each.cluster, each.namespace, each.name))) for each in found)
        raise InvalidValueError(f"{name!r} could mean {paths or 'none that is there'}; say which", "service")
    return found[0]


def _is_there(index: ClusterIndex, within: Selection) -> bool:
    nodes = index.cluster.nodes.values()
    is_node = any(within.has_node(index.cluster.name, place) for place in nodes)
    return is_node or any(kind == _POD for kind, _, _ in within.keys_in(index))


def _pods(cluster: Cluster, service: Service, within: Selection | None) -> list[tuple[Workload, bool]]:
    """The pods behind a service, each with whether it serves, as the service's list of endpoints has it."""
    known = cluster.workloads
    found = [(known[each.workload], each.health) for each in service.backends if each.workload in known]
    return [
        (workload, (health or workload.health).serves)
        for workload, health in found
        if workload.kind == _POD and (within is None or within.has_place(cluster.name, location_of(workload)))
    ]


def _with_copies(index: ClusterIndex, models: Iterable[Workload], addresses: Iterator[str]) -> Cluster:
    """The cluster with a copy of each of *models*, which may come several times."""
    cluster = index.cluster
    numbers: defaultdict[WorkloadKey, Iterator[int]] = defaultdict(lambda: count(1))
    copies: dict[WorkloadKey, WorkloadKey] = {}
    made: list[Workload] = []
    for model in models:
        names = (f"{model.name}-copy-{number}" for number in numbers[model.key])
        name = next(each for each in names if (_POD, model.namespace, each) not in cluster.workloads)
        address = (next(addresses),) if model.addresses else ()
        copy = evolve(model, name=name, health=Health.HEALTHY, addresses=address)
        copies[copy.key] = model.key
        made.append(copy)
    known = list(cluster.workloads.items())
    at = next((place for place, (key, _) in enumerate(known) if key[0] != _POD), len(known))
    workloads = dict([*known[:at], *((copy.key, copy) for copy in made), *known[at:]])
    services = index.services(set(copies.values()), lambda backends: _with_copied(backends, copies))
    return evolve(cluster, workloads=MappingProxyType(workloads), services=services)


def _with_copied(backends: Sequence[Backend], copies: Mapping[WorkloadKey, WorkloadKey]) -> Sequence[Backend]:
    """The backends with their copies behind the pods and before the entries, as they are read."""
    own = {backend.workload: backend for backend in backends}
    made = [
        evolve(backend, workload=copy, health=None if backend.health is None else Health.HEALTHY)
        for copy, model in copies.items()
        if (backend := own.get(model)) is not None
    ]
    kinds = [backend.workload[0] for backend in backends]
    at = kinds.index(_ENTRY) if _ENTRY in kinds else len(kinds)
    return [*backends[:at], *made, *backends[at:]]


def _free_addresses(clusters: Iterable[Cluster]) -> Iterator[str]:
    """Addresses that no workload has."""
    taken = {address for cluster in clusters for each in cluster.workloads.values() for address in each.addresses}
    return (address for number in count(_FIRST_ADDRESS) if (address := str(IPv4Address(number))) not in taken)


def _with_services(cluster: Cluster, change: Callable[[Service], Service]) -> Cluster:
    """The cluster with each service changed; the same one if none does."""
    services = tuple([change(service) for service in cluster.services])
    is_same = all(new is old for new, old in zip(services, cluster.services, strict=True))
    return cluster if is_same else evolve(cluster, services=services)
