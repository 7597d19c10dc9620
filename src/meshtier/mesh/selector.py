"""Which parts of a mesh are meant? Zones, nodes, clusters, workloads and gateways by the names that a caller gives.

A name is looked for among what the snapshot holds. One that nothing bears is
refused with the nearest names, and one that several things bear with all of these.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

from attrs import frozen

from meshtier.errors import InvalidValueError, UnknownNameError, check_type
from meshtier.locality import Locality
from meshtier.mesh.clients import ClientTable
from meshtier.mesh.cluster_index import ClusterIndex, Where
from meshtier.mesh.snapshot import PeeringGateway, Place, WorkloadKey

SELECTORS: Final = ("network", "region", "zone", "node", "cluster", "workload", "gateway")
"""What can be named, by the keywords that `Mesh.without` takes."""

_Zone = tuple[str, str]
_Nothing: Final[frozenset[str]] = frozenset()


@frozen(kw_only=True)
class Selection:
    """Parts of a mesh.

    Attributes:
        networks: By name.
        regions: By name.
        zones: Region and name; a place whose region is unknown is in a zone by its name alone.
        nodes: Cluster and name.
        clusters: By name.
        workloads: Cluster and key.
        gateways: Cluster, and ``namespace/name``.
        region_of: The regions of the zones, for places that say a zone and no region.
        led_to: The clusters whose network is among the networks.
    """

    networks: frozenset[str] = _Nothing
    regions: frozenset[str] = _Nothing
    zones: frozenset[_Zone] = frozenset()
    nodes: frozenset[tuple[str, str]] = frozenset()
    clusters: frozenset[str] = _Nothing
    workloads: frozenset[tuple[str, WorkloadKey]] = frozenset()
    gateways: frozenset[tuple[str, str]] = frozenset()
    region_of: Mapping[str, str] = {}
    led_to: frozenset[str] = _Nothing

    def has_place(self, cluster: str, at: Locality) -> bool:
        """Whether what runs at this place of a cluster is among them."""
        return (
            cluster in self.clusters
            or (cluster, at.node) in self.nodes
            or at.network in self.networks
            or (at.region or self.region_of.get(at.zone, "")) in self.regions
            or bool(at.zone and self._has_zone(at.region, at.zone))
        )

    def _has_zone(self, region: str, zone: str) -> bool:
        return (region, zone) in self.zones or (not region and any(zone == name for _, name in self.zones))

    def keys_in(self, index: ClusterIndex) -> set[WorkloadKey]:
        """The workloads of a cluster that are among them, or run where they are.

        Cost: O(places), and O(1) for each that is found.
        """
        name = index.cluster.name
        found = {key for where, keys in index.by_place.items() if self.has_place(*where) for key in keys}
        found |= {key for cluster, key in self.workloads if cluster == name and key in index.cluster.workloads}
        return found | {
            key for cluster, each in self.gateways if cluster == name for key in index.by_gateway.get(each, ())
        }

    def has_node(self, cluster: str, place: Place) -> bool:
        """Whether a node is among them, or is where they are."""
        return self.has_place(cluster, place.locality)

    def has_gateway(self, cluster: str, gateway: PeeringGateway) -> bool:
        """Whether a peering gateway, as *cluster* has it, is among them or leads nowhere else."""
        network = gateway.place.locality.network
        return (
            (cluster, f"{gateway.namespace}/{gateway.name}") in self.gateways
            or gateway.cluster in self.clusters
            or (network in self.networks if network else gateway.cluster in self.led_to)
        )


class Selector:
    """Finds the parts of a mesh by name.

    Args:
        indexes: The clusters of the snapshot.
        clients: Their workloads by every name.
    """

    def __init__(self, indexes: Iterable[ClusterIndex], clients: ClientTable) -> None:
        self._indexes = tuple(indexes)
        self._clusters = tuple(index.cluster for index in self._indexes)
        self._clients = clients

    @cached_property
    def _places(self) -> frozenset[Where]:
        nodes = {(cluster.name, place.locality) for cluster in self._clusters for place in cluster.nodes.values()}
        return frozenset(nodes.union(*(index.by_place for index in self._indexes)))

    @cached_property
    def _locations(self) -> frozenset[Locality]:
        return frozenset(at for _, at in self._places)

    def find(self, keyword: str, name: str) -> Selection:
        """What is meant by a name.

        Args:
            keyword: One of `SELECTORS`.
            name: A network, region or cluster by its name; a zone as ``zone`` or
                ``region/zone``; a node as ``node`` or ``cluster/node``; a workload
                as a client is named; a gateway as ``name``, ``namespace/name`` or
                ``cluster/namespace/name``, in all clusters where the first is not given.

        Raises:
            UnknownNameError: Nothing is called so; the nearest names are given.
            InvalidValueError: The name could mean several zones, nodes or workloads, or is no string.
        """
        check_type(name, str, keyword)
        match keyword:
            case "network":
                known = {at.network for at in self._locations} | {each.place.locality.network for each in self._peers()}
                return self._network(_known(keyword, name, known))
            case "region":
                found = _known(keyword, name, (at.region for at in self._locations))
                zones = {at.zone: at.region for at in self._locations if at.region == found}
                return Selection(regions=frozenset((found,)), region_of=zones)
            case "zone":
                return Selection(zones=frozenset((self._one(keyword, name, self._zones),)))
            case "node":
                return Selection(nodes=frozenset((self._one(keyword, name, self._nodes),)))
            case "cluster":
                return Selection(clusters=frozenset((_known(keyword, name, self._cluster_names()),)))
            case "workload":
                meant = self._clients.workload(name)
                return Selection(workloads=frozenset(((meant.cluster, meant.key),)))
            case _:
                return Selection(gateways=frozenset(self._gateways_called(name)))

    def _peers(self) -> Iterable[PeeringGateway]:
        return (gateway for cluster in self._clusters for gateway in cluster.gateways)

    def _network(self, name: str) -> Selection:
        led_to = frozenset(cluster.name for cluster in self._clusters if cluster.network == name)
        return Selection(networks=frozenset((name,)), led_to=led_to)

    def _cluster_names(self) -> set[str]:
        told = {each.cluster for each in self._peers()} | {cluster for cluster, _ in self._places}
        return told | {cluster.name for cluster in self._clusters}

    @cached_property
    def _zones(self) -> Mapping[str, Sequence[_Zone]]:
        found: defaultdict[str, set[_Zone]] = defaultdict(set)
        for at in self._locations:
            if at.zone:
                found[at.zone].add((at.region, at.zone))
                found[f"{at.region}/{at.zone}"].add((at.region, at.zone))
        # Where some say the region and some do not, the zone is the same one.
        return {name: sorted(each for each in zones if each[0]) or sorted(zones) for name, zones in found.items()}

    @cached_property
    def _nodes(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        nodes = {(cluster.name, name) for cluster in self._clusters for name in cluster.nodes}
        nodes |= {(cluster, at.node) for cluster, at in self._places}
        found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for cluster, name in sorted(nodes):
            for called in {name, f"{cluster}/{name}"} if name else ():
                found[called].append((cluster, name))
        return found

    def _one(self, what: str, name: str, found: Mapping[str, Sequence[tuple[str, str]]]) -> tuple[str, str]:
        fitting = found.get(name)
        if not fitting:
            raise UnknownNameError.among(what, name, (each for each in found if not each.startswith("/")))
        if len(fitting) > 1:
            raise InvalidValueError(f"{name!r} could mean {_listed(map('/'.join, fitting))}; say which", what)
        return fitting[0]

    def _gateways_called(self, name: str) -> Iterable[tuple[str, str]]:
        found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for index in self._indexes:
            cluster = index.cluster
            for each in {f"{each.namespace}/{each.name}" for each in cluster.gateways}.union(index.by_gateway):
                for called in (each, each.partition("/")[2], f"{cluster.name}/{each}"):
                    found[called].append((cluster.name, each))
        if name not in found or not name:
            raise UnknownNameError.among("gateway", name, found)
        return self._known_as(found[name])

    def _known_as(self, named: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """These gateways, and what other clusters call them: the Gateways with an address of theirs.

        With one of both alone, the other would be taken for it (`Reachability`), and traffic would flow on.
        """
        known = [
            ((cluster.name, f"{each.namespace}/{each.name}"), set(each.addresses))
            for cluster in self._clusters
            for each in cluster.gateways
        ]
        addresses = {address for key, its in known if key in named for address in its}
        return {*named, *(key for key, its in known if its & addresses)}


def _known(what: str, name: str, known: Iterable[str]) -> str:
    names = {each for each in known if each}
    if name not in names:
        raise UnknownNameError.among(what, name, names)
    return name


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
