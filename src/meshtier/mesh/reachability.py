"""Where does a workload seem to be, and how is it reached? As one kind of eyes in one cluster sees it.

What another cluster holds is known only through its gateway (LOC-3) or by its
WorkloadEntry (LOC-4).
"""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from meshtier.locality import Locality
from meshtier.mesh.snapshot import Cluster, PeeringGateway, Place, Workload
from meshtier.note import Note


@frozen
class Obstacle:
    """Why a workload cannot be reached.

    Attributes:
        rule: The rule that it rests on.
        text: What is missing.
    """

    rule: str
    text: str


_NO_ADDRESS: Final = Obstacle("LOAD-1", "it has no address")


@frozen(kw_only=True)
class Viewpoint:
    """Who looks, as far as it changes where things seem to be.

    Attributes:
        cluster: The cluster in which the component that chooses runs.
        envoy: Whether it is an Envoy, which obeys LOC-5 and gets labels (DR-3).
        gateway_locality: `Profile.gateway_locality`: whether what lies behind a
            gateway has that gateway's region and zone (LOC-3).
    """

    cluster: str
    envoy: bool
    gateway_locality: bool


@frozen(kw_only=True)
class Access:
    """Where a workload seems to be, and how it is reached.

    Attributes:
        place: Where it seems to be, and what says so.
        gateway: The gateway through which it is reached; ``None`` if directly or not at all.
        obstacle: Why it cannot be reached; ``None`` if it can.
    """

    place: Place
    gateway: PeeringGateway | None = None
    obstacle: Obstacle | None = None


class Reachability:
    """What one kind of eyes in one cluster can see of each workload.

    Args:
        clusters: The snapshot, by name.
        eyes: Who looks.

    Attributes:
        notes: What was doubtful so far about the gateways.
    """

    def __init__(self, clusters: Mapping[str, Cluster], viewpoint: Viewpoint) -> None:
        self._home = clusters.get(viewpoint.cluster) or Cluster(name=viewpoint.cluster)
        self._clusters = clusters
        self._viewpoint = viewpoint
        self._flat_places: dict[Place, Place] = {}
        self._gateways: dict[tuple[str, str], PeeringGateway | None] = {}
        self.notes: list[Note] = []

    def access(self, workload: Workload) -> Access:
        """How *workload* is reached."""
        place = workload.envoy_place if self._viewpoint.envoy else workload.place
        if workload.cluster != self._home.name:
            if workload.place.locality.network != self._home.network:
                return self._beyond(workload)
            place = self._flat(place)
        return Access(place=place, obstacle=None if workload.addresses else _NO_ADDRESS)

    def _flat(self, place: Place) -> Place:
        # LOC-4: what flat networks exchange says region, zone and subzone, and no node.
        if place not in self._flat_places:
            self._flat_places[place] = Place(place.locality._replace(node=""), (*place.origins[:4], ""))
        return self._flat_places[place]

    def _beyond(self, workload: Workload) -> Access:
        """How a workload of another network is reached (LOC-3)."""
        network = workload.place.locality.network
        key = (workload.cluster, network)
        if key not in self._gateways:
            self._gateways[key] = self._find_gateway(*key)
        gateway = self._gateways[key]
        obstacle = None if gateway is not None else Obstacle("LOC-3", f"no gateway leads to network {network!r}")
        return Access(place=self._behind(gateway, workload.place), gateway=gateway, obstacle=obstacle)

    def _behind(self, gateway: PeeringGateway | None, own: Place) -> Place:
        network = own.locality.network
        # LOC-3: no region and no zone under Istio's rules, those of the peering Gateway's labels under Solo's.
        # Source: istio/istio pilot/pkg/xds/endpoints/ep_filters.go, EndpointsByNetworkFilter, at 86c9f01.
        if gateway is None or not self._viewpoint.gateway_locality:
            return Place(Locality(network), (own.origins[0], "", "", "", ""))
        place = gateway.place
        if place.locality.network == network:
            return place
        return Place(place.locality._replace(network=network), (own.origins[0], *place.origins[1:]))

    def _find_gateway(self, cluster: str, network: str) -> PeeringGateway | None:
        remote = [gateway for gateway in self._home.gateways if gateway.remote and _leads_to(gateway, cluster, network)]
        if len(remote) > 1:
            names = ", ".join(str(gateway) for gateway in remote)
            self.notes.append(
                Note(
                    "gateways-first-only",
                    f"{len(remote)} gateways lead to network {network!r}: {names}; the first is taken",
                )
            )
        if remote:
            return remote[0]
        there = self._clusters[cluster].gateways if cluster in self._clusters else ()
        own = next((gateway for gateway in there if not gateway.remote), None)
        if own is not None:
            text = f"cluster {self._home.name!r} has no istio-remote Gateway for network {network!r}; the labels of"
            self.notes.append(Note("gateway-assumed", f"{text} {own} in cluster {cluster!r} are taken for it"))
        return own


def _leads_to(gateway: PeeringGateway, cluster: str, network: str) -> bool:
    if gateway.cluster and cluster:
        return gateway.cluster == cluster
    return gateway.place.locality.network == network
