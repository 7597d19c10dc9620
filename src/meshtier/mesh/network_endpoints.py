"""What is a proxy told of other networks? One endpoint for each service and gateway (NET-1 to NET-4)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import lcm
from typing import Final

from attrs import evolve, frozen

from meshtier.endpoint import MAX_WEIGHT, Endpoint, Exclusion, Health, Reason
from meshtier.labels import NO_LABELS
from meshtier.locality import Locality
from meshtier.mesh.reachability import Viewpoint
from meshtier.mesh.service_endpoint import LeftOut, ServiceEndpoint, is_announcement, with_place_labels
from meshtier.mesh.snapshot import PeeringGateway, Place, Workload

NETWORK_ENDPOINT: Final = "network endpoint"
"""The kind of workload that a gateway of another network stands for."""

SeenThrough = Callable[[PeeringGateway, Place], Place]
"""Where what is at a place seems to be, seen through a gateway (LOC-3)."""


@frozen
class _Way:
    """One address of a gateway, which to an Envoy is a host of its own.

    Attributes:
        gateway: The gateway.
        address: The address; ``""`` if none is known.
        number: Which it is of several; 0 for an only one.
    """

    gateway: PeeringGateway
    address: str = ""
    number: int = 0


@frozen
class _Key:
    """What tells one network endpoint of a host from the others.

    Attributes:
        way: How it is reached.
        network: The network where it leads.
        cluster: The peer cluster where that tells it apart (NET-4); else ``""``.
        group: The locality of what is behind, without the network, where that
            tells it apart (LOC-3); else ``None``.
    """

    way: _Way
    network: str
    cluster: str = ""
    group: Locality | None = None


@frozen(kw_only=True)
class NetworkEndpoints:
    """The network endpoints of a host.

    Attributes:
        endpoints: By id.
        scale: By what the weights of all other endpoints are multiplied, so that
            those behind several gateways divide without a rest (NET-1).
        left_out: What is behind gateways to which nothing is sent.
    """

    endpoints: Mapping[str, ServiceEndpoint]
    scale: int = 1
    left_out: tuple[LeftOut, ...] = ()


def network_endpoints(
    behind: Iterable[ServiceEndpoint], viewpoint: Viewpoint, seen_through: SeenThrough
) -> NetworkEndpoints:
    """One endpoint for each gateway that leads to some of *behind*.

    Args:
        behind: Each with the gateways that lead there, and its place as its own side has it.
        viewpoint: Who looks.
        seen_through: Where it seems to be from there.

    Cost: O(n).
    Source: istio/istio pilot/pkg/xds/endpoints/ep_filters.go, EndpointsByNetworkFilter and
    splitWeightAmongGateways, at 86c9f01; ambient/multicluster.go, at 86c9f01, for ztunnel.
    """
    groups: defaultdict[_Key, list[ServiceEndpoint]] = defaultdict(list)
    ways: dict[tuple[PeeringGateway, ...], tuple[_Way, ...]] = {}
    for each in behind:
        if each.gateways not in ways:
            ways[each.gateways] = _ways(each.gateways, viewpoint)
        for way in ways[each.gateways]:
            groups[_key(way, each, viewpoint)].append(each)
    # ztunnel is told whole weights at one gateway, which need no common measure.
    scale = lcm(*(len(found) for found in ways.values())) if viewpoint.envoy else 1
    made: dict[str, ServiceEndpoint] = {}
    left_out: dict[str, LeftOut] = {}
    several = Counter((key.way, key.network) for key in groups)
    for key, found in groups.items():
        members = _without_announced(found) if viewpoint.gateway_locality else found
        # Under Solo's rules the entry of a peer is there as long as something behind it is ready (NET-3).
        if viewpoint.gateway_locality and not any(each.endpoint.health.serves for each in members):
            left_out.update(_nothing_ready(members, key.way.gateway))
            continue
        weight = sum(_weight(each, viewpoint) * scale // len(ways[each.gateways]) for each in members)
        one = _made(key, found, members, weight, viewpoint, seen_through, grouped=several[key.way, key.network] > 1)
        made[one.endpoint.id] = one
    return NetworkEndpoints(endpoints=made, scale=scale, left_out=tuple(left_out.values()))


def scaled(each: ServiceEndpoint, scale: int) -> ServiceEndpoint:
    """An endpoint whose weight is in the measure of the network endpoints beside it."""
    endpoint = each.endpoint
    weight = min((endpoint.weight or 1) * scale, MAX_WEIGHT)
    return evolve(each, endpoint=evolve(endpoint, weight=weight))


def _ways(gateways: Sequence[PeeringGateway], viewpoint: Viewpoint) -> tuple[_Way, ...]:
    """The hosts of these gateways: at an Envoy one for each address, elsewhere one for all of them."""
    if not viewpoint.envoy:
        return tuple(_Way(gateway, gateway.addresses[0] if gateway.addresses else "") for gateway in gateways[:1])
    found: list[_Way] = []
    for gateway in gateways:
        # Of both families a proxy takes its own, which is that of the first: ep_filters.go, filterGatewaysByIPFamily.
        first = gateway.addresses[0] if gateway.addresses else ""
        alike = [address for address in gateway.addresses if (":" in address) == (":" in first)]
        numbers = range(1, len(alike) + 1) if len(alike) > 1 else (0,)
        found += [_Way(gateway, *pair) for pair in zip(alike or ("",), numbers, strict=True)]
    return tuple(found)


def _key(way: _Way, each: ServiceEndpoint, viewpoint: Viewpoint) -> _Key:
    network, *place = each.place.locality
    if viewpoint.literal:  # only what the ztunnel could not tell apart is one
        return _Key(way, network, each.endpoint.cluster, Locality("", *place))
    if viewpoint.gateway_locality:
        return _Key(way, network, each.endpoint.cluster)
    return _Key(way, network, group=Locality("", *place[:3]) if viewpoint.envoy else None)


def _weight(each: ServiceEndpoint, viewpoint: Viewpoint) -> int:
    weight = each.endpoint.weight
    return weight or 1 if viewpoint.envoy else weight


def _without_announced(found: Sequence[ServiceEndpoint]) -> Sequence[ServiceEndpoint]:
    """Without the entry that announces a peer's endpoints, where the peer's own are at hand (NET-4)."""
    own = [each for each in found if not is_announcement(each.workload)]
    return own or found


def _nothing_ready(members: Iterable[ServiceEndpoint], gateway: PeeringGateway) -> Mapping[str, LeftOut]:
    text = f"nothing behind {gateway} is ready, so that there is no endpoint for it"
    return {each.endpoint.id: (each, Exclusion(each.endpoint, Reason.UNHEALTHY, "NET-3", text)) for each in members}


def _made(
    key: _Key,
    found: Sequence[ServiceEndpoint],
    members: Sequence[ServiceEndpoint],
    weight: int,
    viewpoint: Viewpoint,
    seen_through: SeenThrough,
    *,
    grouped: bool,
) -> ServiceEndpoint:
    way, first = key.way, members[0]
    cluster = key.cluster or way.gateway.cluster
    entry = _entry(found, members, viewpoint)
    name = _name(key, cluster, grouped=grouped)
    addresses = (way.address,) if way.address else ()
    if entry is not None and not way.number:
        workload = evolve(entry.workload, addresses=addresses)
    else:
        workload = Workload(kind=NETWORK_ENDPOINT, cluster="", name=name, addresses=addresses)
    place = seen_through(way.gateway, first.place)
    # LOC-3: of what lies behind a gateway an Envoy of Istio knows the network and the gateway's cluster alone.
    labels = entry.workload.labels if entry is not None else NO_LABELS
    if viewpoint.envoy:
        labels = with_place_labels(labels, place.locality, cluster)
    endpoint = Endpoint(
        workload.id,
        place.locality,
        weight=min(max(weight, 1) if viewpoint.envoy else weight, MAX_WEIGHT),
        health=Health.HEALTHY,  # NET-3: it carries no health of its own
        cluster=cluster,
        labels=labels,
    )
    served = [each.ports for each in members if each.ports is not None]
    return ServiceEndpoint(
        endpoint=endpoint,
        workload=workload,
        service=first.service,
        place=place,
        gateways=(way.gateway,),
        behind=tuple(members),
        group=key.group if viewpoint.envoy else None,
        ports=frozenset[int]().union(*served) if len(served) == len(members) else None,
    )


def _entry(
    found: Sequence[ServiceEndpoint], members: Sequence[ServiceEndpoint], viewpoint: Viewpoint
) -> ServiceEndpoint | None:
    """The entry that announces a network endpoint and gives it its name, if one does."""
    announced = [each for each in found if is_announcement(each.workload)]
    if len(announced) != 1 or not (viewpoint.gateway_locality or len(members) == 1):
        return None
    return announced[0]


def _name(key: _Key, cluster: str, *, grouped: bool) -> str:
    gateway = key.way.gateway
    address = f" at {key.way.address}" if key.way.number else ""
    group = ""
    if grouped and key.group is not None:
        group = f" ({' '.join(filter(None, (key.group.text, key.group.node))) or 'no locality'})"
    return f"{cluster or key.network} via {gateway.namespace}/{gateway.name}{address}{group}"
