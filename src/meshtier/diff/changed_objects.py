"""What differs between two snapshots: which objects, which services, which places?"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, TypeAlias, TypeVar

from attrs import evolve, frozen

from meshtier.locality import Locality
from meshtier.mesh import Cluster, Mesh, Place, Service, Workload, WorkloadKey
from meshtier.mesh.waypoint import GATEWAY_NAME_LABEL
from meshtier.rules import DestinationRule, TrafficPolicy

_K = TypeVar("_K")
_V = TypeVar("_V")

Verb: TypeAlias = str
"""What became of an object: ``is changed``, ``is gone`` or ``is new``."""

CHANGED: Final = "is changed"
GONE: Final = "is gone"
NEW: Final = "is new"
OPPOSITE: Final[Mapping[Verb, Verb]] = {CHANGED: CHANGED, GONE: NEW, NEW: GONE}

ServiceKey: TypeAlias = tuple[str, str, str, str]
"""The cluster, kind, namespace and name of a Service or ServiceEntry."""

_CLUSTER: Final = "cluster"
_SCOPES: Final = (_CLUSTER, "network", "region", "zone", "node")
"""What can be gone as a whole, wide to narrow."""

_FROM_NAMESPACES: Final = ("scope", "scope_origin", "takeover", "waypoint", "ingress_waypoint")
"""What a service has of its Namespace's labels where its own say nothing."""


@frozen
class Spot:
    """A place of a snapshot in which something can run, by its whole path.

    Attributes:
        scope: One of ``cluster``, ``network``, ``region``, ``zone`` and ``node``.
        path: What tells it from others; its name is the last.
    """

    scope: str
    path: tuple[str, ...]

    @property
    def name(self) -> str:
        """As a reader calls it."""
        return self.path[-1]


def spots_of(cluster: str, place: Locality) -> Iterator[Spot]:
    """The places in which something is, wide to narrow; unknown parts are none."""
    paths = ((cluster,), (place.network,), (place.region,), (place.region, place.zone), (cluster, place.node))
    return (Spot(scope, path) for scope, path in zip(_SCOPES, paths, strict=True) if path[-1])


def service_key(service: Service) -> ServiceKey:
    """By what a service is known."""
    return service.cluster, service.kind, service.namespace, service.name


class ChangedObjects:
    """What differs between the clusters of two snapshots. Cost: O(objects)."""

    def __init__(self, before: Mesh, after: Mesh) -> None:
        self._before = before
        self._after = after
        self._pairs = tuple(
            _pairs({each.name: each for each in before.clusters}, {each.name: each for each in after.clusters})
        )

    @cached_property
    def none(self) -> bool:
        """Whether both are made of the same objects, and so nothing differs."""
        return self.settings_alike and all(one is other for _, one, other in self._pairs)

    @property
    def settings_alike(self) -> bool:
        """Whether the mesh-wide settings are the same."""
        return self._before.locality_setting == self._after.locality_setting

    @cached_property
    def surroundings_alike(self) -> bool:
        """Whether all is the same but services, workloads and nodes, so that hosts can be looked at one by one."""
        names = [[each.name for each in mesh.clusters] for mesh in (self._before, self._after)]
        return (
            names[0] == names[1]
            and self.settings_alike
            and all(map(_alike_around, self._before.clusters, self._after.clusters))
        )

    @cached_property
    def workloads(self) -> frozenset[tuple[str, WorkloadKey]]:
        """The cluster and key of each workload that is changed, gone or new."""
        return frozenset((name, key) for name, key, _ in self._workloads)

    @cached_property
    def gateways(self) -> frozenset[str]:
        """The Gateways, as ``namespace/name``, of which a pod or the Service is changed, gone or new."""
        changed = (workload for *_, sides in self._workloads for workload in sides)
        clusters = (*self._before.clusters, *self._after.clusters)
        peering = frozenset(f"{each.namespace}/{each.name}" for cluster in clusters for each in cluster.gateways)
        return (self.names & peering) | frozenset(
            f"{each.namespace}/{each.labels[GATEWAY_NAME_LABEL]}"
            for each in changed
            if GATEWAY_NAME_LABEL in each.labels
        )

    @cached_property
    def _workloads(self) -> Sequence[tuple[str, WorkloadKey, tuple[Workload, ...]]]:
        found: list[tuple[str, WorkloadKey, tuple[Workload, ...]]] = []
        for name, one, other in self._pairs:
            if one is not other:
                for key, before, after in _pairs(_workloads(one), _workloads(other)):
                    if before is not after and before != after:
                        found.append((name, key, tuple(each for each in (before, after) if each is not None)))
        return found

    @cached_property
    def services(self) -> frozenset[ServiceKey]:
        """The services that are changed, gone or new, or of which a workload is."""
        found: set[ServiceKey] = set()
        workloads = self.workloads
        for name, one, other in self._pairs:
            if one is not other:
                for key, before, after in _pairs(_services(one), _services(other)):
                    sides = [each for each in (before, after) if each is not None]
                    touched = (backend for each in sides for backend in each.backends)
                    if before != after or any((name, backend.workload) in workloads for backend in touched):
                        found.add(key)
        return frozenset(found)

    @cached_property
    def names(self) -> frozenset[str]:
        """The same as ``namespace/name``."""
        return frozenset(f"{namespace}/{name}" for _, _, namespace, name in self.services)

    @cached_property
    def hosts(self) -> frozenset[str]:
        """The host names that they answer to in their own clusters."""
        meshes = (self._before, self._after) if self.services else ()
        known = (each for mesh in meshes for cluster in mesh.clusters for each in cluster.services)
        return frozenset(host for each in known if service_key(each) in self.services for host in each.hosts)

    @cached_property
    def objects(self) -> Mapping[tuple[str, str], Verb]:
        """What became of each object that somebody wrote, by cluster and title, as in ``Service shop/web``."""
        found: dict[tuple[str, str], Verb] = {}
        for name, one, other in self._pairs:
            if one is not other:
                for title, before, after in _pairs(_objects(one), _objects(other)):
                    if before != after:
                        found[name, title] = NEW if before is None else GONE if after is None else CHANGED
                for service in _by_namespaces(one, other):
                    found.pop((name, service), None)
        return found

    @cached_property
    def spots(self) -> Mapping[Spot, Verb]:
        """The places in which one side alone has a node or a pod."""
        old, new = _spots(self._before), _spots(self._after)
        return {**dict.fromkeys(old - new, GONE), **dict.fromkeys(new - old, NEW)}

    @cached_property
    def rules_count_peers(self) -> bool:
        """Whether some rule looks at how many pods of its own kind a client has in each place."""
        rules = (
            rule for mesh in (self._before, self._after) for each in mesh.clusters for rule in each.destination_rules
        )
        return any(map(_counts_peers, rules))


def _pairs(old: Mapping[_K, _V], new: Mapping[_K, _V]) -> Iterator[tuple[_K, _V | None, _V | None]]:
    for key in dict.fromkeys([*old, *new]):
        yield key, old.get(key), new.get(key)


def _alike_around(one: Cluster, other: Cluster) -> bool:
    if one is other:
        return True
    return _around(one) == _around(other)


def _around(cluster: Cluster) -> tuple[object, ...]:
    return (
        cluster.network,
        cluster.segment,
        cluster.segment_domain,
        cluster.domain,
        dict(cluster.namespaces),
        cluster.gateways,
        dict(cluster.waypoints),
        cluster.destination_rules,
        cluster.notes,
    )


def _workloads(cluster: Cluster | None) -> Mapping[WorkloadKey, Workload]:
    return cluster.workloads if cluster is not None else {}


def _services(cluster: Cluster | None) -> Mapping[ServiceKey, Service]:
    return {service_key(each): each for each in cluster.services} if cluster is not None else {}


def _objects(cluster: Cluster | None) -> Mapping[str, object]:
    """What was written, by title; of services all but the endpoints, which nobody writes."""
    if cluster is None:
        return {}
    titled: Iterable[tuple[str, object]] = (
        *((str(each), _written(each)) for each in cluster.services),
        *((rule.title, rule) for rule in cluster.destination_rules),
        *((f"Namespace {each.name}", each) for each in cluster.namespaces.values()),
        *((str(each), each) for each in cluster.gateways),
        *((str(each), each) for each in cluster.waypoints.values()),
    )
    return dict(titled)


def _by_namespaces(one: Cluster | None, other: Cluster | None) -> Iterator[str]:
    """The services that nobody wrote otherwise: what differs is what a changed Namespace says for all of its own."""
    for _, before, after in _pairs(_services(one), _services(other)):
        if one is None or other is None or before is None or after is None:
            continue
        if one.namespaces.get(after.namespace) != other.namespaces.get(after.namespace):
            said = {name: getattr(after, name) for name in _FROM_NAMESPACES}
            if _written(evolve(before, **said)) == _written(after):
                yield str(after)


def _written(service: Service) -> Service:
    return evolve(service, backends=(), notes=())


def _spots(mesh: Mesh) -> frozenset[Spot]:
    places: set[tuple[str, Place]] = set()
    for cluster in mesh.clusters:
        places.update((cluster.name, place) for place in cluster.nodes.values())
        pods = (workload for workload in cluster.workloads.values() if workload.kind == "Pod")
        places.update((cluster.name, workload.place) for workload in pods)
    localities = {(cluster, place.locality) for cluster, place in places}
    spots = {spot for cluster, place in localities for spot in spots_of(cluster, place) if spot.scope != _CLUSTER}
    # A cluster is there as long as its dump is, though nothing may run in it any more.
    return frozenset(spots | {Spot(_CLUSTER, (cluster.name,)) for cluster in mesh.clusters if cluster.name})


def _counts_peers(rule: DestinationRule) -> bool:
    policies = [rule.traffic_policy, *(subset.traffic_policy for subset in rule.subsets)]
    return any(_is_zone_aware(policy) for policy in policies if policy is not None)


def _is_zone_aware(policy: TrafficPolicy) -> bool:
    balancers = [policy.load_balancer, *(each.policy.load_balancer for each in policy.port_level)]
    return any(balancer is not None and balancer.zone_aware is not None for balancer in balancers)
