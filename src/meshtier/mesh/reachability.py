"""Where does a workload seem to be, and how is it reached, from one viewpoint in one cluster?

What another network holds is known only through its gateways (NET, LOC-3); what
another cluster of the own network holds, by its WorkloadEntries or pods (LOC-4).
"""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from meshtier.component import Component
from meshtier.locality import Locality
from meshtier.mesh.request import RouteRequest
from meshtier.mesh.snapshot import Cluster, PeeringGateway, Place, Workload
from meshtier.note import Note
from meshtier.profile import Profile


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
        gateway_locality: Whether what lies behind a gateway has that gateway's
            region and zone (LOC-3), and is one for each peer cluster (NET-4).
        crosses_networks: Whether it sends to other networks at all (PATH-3).
        network: The network in which it runs; ``None`` for that of its cluster.
        needs_no_gateway: Whether it reaches a network to which no gateway leads directly (NET-2).
        crossing_doubt: What is doubtful about its sending there; ``None`` if nothing is.
        literal: Whether it is a ztunnel whose dump says what it was told of other networks (PLANE).
    """

    cluster: str
    envoy: bool
    gateway_locality: bool
    crosses_networks: bool = True
    network: str | None = None
    needs_no_gateway: bool = False
    crossing_doubt: Note | None = None
    literal: bool = False

    @classmethod
    def of(cls, cluster: str, request: RouteRequest, *, dumped: bool = False) -> "Viewpoint":
        """The viewpoint of the component that is asked about, in one cluster.

        Args:
            cluster: The cluster.
            request: The question.
            dumped: Whether what there is comes from a ztunnel's dump.
        """
        profile, component = request.profile, request.component
        crosses, doubt = _crossing(profile, component)
        return cls(
            cluster=cluster,
            envoy=request.traits.is_told_unready,
            gateway_locality=profile.gateway_locality,
            crosses_networks=crosses and request.at_network is None,
            network=request.at_network,
            crossing_doubt=doubt,
            # Source: istio/istio pilot/pkg/xds/endpoints/ep_filters.go, EndpointsByNetworkFilter, at 86c9f01.
            needs_no_gateway=component is Component.SIDECAR and not profile.global_services,
            literal=dumped and not request.traits.is_told_unready,
        )


def _crossing(profile: Profile, component: Component) -> tuple[bool, Note | None]:
    """Whether a component sends to other networks, and what is doubtful about that (PATH-3)."""
    match component:
        case Component.INGRESS_GATEWAY:
            who, field, needs = "an ingress gateway", "ingress_crosses_networks", profile.ingress_needs
            crosses = profile.ingress_crosses_networks
        case Component.WAYPOINT:
            who, field, needs = "a waypoint", "waypoint_crosses_networks", profile.waypoint_needs
            crosses = profile.waypoint_crosses_networks
        case _:
            return True, None
    text = (
        f"in ambient multi-network {who} sends to other networks only with {needs}, which profile {profile.name} does"
    )
    text += f" not have by default; attrs.evolve(profile, {field}=False) gives the answer without"
    return crosses, Note("crossing-needs-flag", text) if crosses and needs else None


@frozen(kw_only=True)
class Access:
    """Where a workload seems to be, and how it is reached.

    Attributes:
        place: Where it seems to be, and what says so; behind a gateway, where it
            is on its own side, and `Reachability.seen_through` says how that looks.
        gateways: The gateways through which it is reached; none if directly or not at all.
        obstacle: Why it cannot be reached; ``None`` if it can.
    """

    place: Place
    gateways: tuple[PeeringGateway, ...] = ()
    obstacle: Obstacle | None = None


class Reachability:
    """How each workload is reached from one viewpoint.

    Args:
        clusters: The snapshot, by name.
        viewpoint: Who looks.

    Attributes:
        notes: What was doubtful so far about the gateways.
    """

    def __init__(self, clusters: Mapping[str, Cluster], viewpoint: Viewpoint) -> None:
        self._home = clusters.get(viewpoint.cluster) or Cluster(name=viewpoint.cluster)
        self._clusters = clusters
        self._viewpoint = viewpoint
        self._network = self._home.network if viewpoint.network is None else viewpoint.network
        self._flat_places: dict[Place, Place] = {}
        self._gateways: dict[tuple[str, str], tuple[PeeringGateway, ...]] = {}
        self.notes: list[Note] = []

    def access(self, workload: Workload) -> Access:
        """How *workload* is reached."""
        place = workload.envoy_place if self._viewpoint.envoy else workload.place
        network = place.locality.network
        is_own = workload.cluster == self._home.name
        if network != self._network:
            gateways = self.gateways_to(workload.remote_cluster or workload.cluster, network)
            # What this cluster's own control plane knows the address of is sent to even without a gateway:
            # istio/ztunnel src/state.rs, load_balance, at 62d8265; a sidecar is told the pods of other clusters too.
            direct = workload.addresses and (is_own or self._viewpoint.needs_no_gateway)
            if gateways or not direct:
                return self._through(gateways, place)
        if not is_own:
            place = self._flat(place)
        return Access(place=place, obstacle=None if workload.addresses else _NO_ADDRESS)

    def _flat(self, place: Place) -> Place:
        # LOC-4: what flat networks exchange says region, zone and subzone, and no node.
        if place not in self._flat_places:
            self._flat_places[place] = Place(place.locality._replace(node=""), (*place.origins[:4], ""))
        return self._flat_places[place]

    def _through(self, gateways: tuple[PeeringGateway, ...], place: Place) -> Access:
        obstacle = None
        if not self._viewpoint.crosses_networks:
            obstacle = Obstacle("PATH-3", "this component does not send to other networks")
        elif not gateways:
            obstacle = Obstacle("NET-2", f"no gateway leads to network {place.locality.network!r}")
        return Access(place=place, gateways=gateways if obstacle is None else (), obstacle=obstacle)

    def seen_through(self, gateway: PeeringGateway, own: Place) -> Place:
        """Where what is at a place in another network seems to be, seen through a gateway."""
        if self._viewpoint.literal:
            return own
        network = own.locality.network
        # LOC-3: no region and no zone under Istio's rules, those of the peering Gateway's labels under Solo's.
        # Source: istio/istio pilot/pkg/xds/endpoints/ep_filters.go, EndpointsByNetworkFilter, at 86c9f01.
        if not self._viewpoint.gateway_locality:
            return Place(Locality(network), (own.origins[0], "", "", "", ""))
        place = gateway.place
        if place.locality.network == network:
            return place
        return Place(place.locality._replace(network=network), (own.origins[0], *place.origins[1:]))

    def gateways_to(self, cluster: str, network: str) -> tuple[PeeringGateway, ...]:
        """The gateways that lead to a network, for what is in one cluster there (NET-2); kept, so asked once."""
        key = (cluster, network)
        if key not in self._gateways:
            self._gateways[key] = self._find(*key)
        return self._gateways[key]

    def all_gateways_to(self, cluster: str, network: str) -> tuple[PeeringGateway, ...]:
        """The same with those that ztunnel is not told of: one side's, which is this cluster's if it has any."""
        known = [gateway for gateway in self._home.gateways if gateway.remote]
        others = (each for name, each in self._clusters.items() if name != self._home.name)
        there = [gateway for each in others for gateway in each.gateways if not gateway.remote]
        sides = (_best(side, cluster, network, by_cluster=self._by_cluster) for side in (known, there))
        return next(filter(None, sides), ())

    def _find(self, cluster: str, network: str) -> tuple[PeeringGateway, ...]:
        found = self.all_gateways_to(cluster, network)
        if found and not found[0].remote:
            names = ", ".join(dict.fromkeys(f"{gateway} in cluster {gateway.cluster!r}" for gateway in found))
            text = f"cluster {self._home.name!r} has no istio-remote Gateway for network {network!r}; the labels of"
            self.notes.append(Note("gateway-assumed", f"{text} {names} are taken for it"))
        if self._viewpoint.crossing_doubt is not None and any(gateway.hbone for gateway in found):
            self.notes.append(self._viewpoint.crossing_doubt)
        # Where none leads there, what is wrong with those that should says why.
        known = (gateway for gateway in self._home.gateways if gateway.remote)
        for gateway in found or (each for each in known if each.place.locality.network == network):
            self.notes.extend(gateway.notes)
        if len(found) > 1 and not self._viewpoint.envoy:
            # Source: istio/istio pilot/pkg/serviceregistry/ambient, where ztunnel is told one gateway: istio#56960.
            names = ", ".join(str(gateway) for gateway in found)
            text = f"{len(found)} gateways lead to network {network!r}: {names}; ztunnel is told the first"
            self.notes.append(Note("gateways-first-only", text))
            return found[:1]
        return found

    @property
    def _by_cluster(self) -> bool:
        return self._viewpoint.envoy or self._viewpoint.gateway_locality


def _best(
    gateways: list[PeeringGateway], cluster: str, network: str, *, by_cluster: bool
) -> tuple[PeeringGateway, ...]:
    """The gateways of the network and cluster, else those of the network (NET-2)."""
    # Source: istio/istio pilot/pkg/xds/endpoints/ep_filters.go, selectNetworkGateways, at 86c9f01.
    usable = [gateway for gateway in gateways if gateway.hbone and gateway.ready]
    of_network = [gateway for gateway in usable if gateway.place.locality.network == network]
    both = [gateway for gateway in of_network if gateway.cluster == cluster] if by_cluster else []
    if both or of_network:
        return tuple(both or of_network)
    # A gateway without a label of its network still leads to the cluster that it names.
    return tuple(each for each in usable if each.cluster == cluster and not each.place.locality.network)
