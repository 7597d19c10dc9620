"""What does a stretch of traffic cross: nothing, a zone, a region, or the mesh itself?"""

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from attrs import frozen
from typing_extensions import override

from meshtier.locality import Locality

LOST: Final = "lost"
"""What stands for the zone of traffic that finds no endpoint."""
INTERNET: Final = "internet"
"""What stands for the zone of an address outside the mesh."""
NOT_CHOSEN: Final = "not chosen"
"""What stands for the zone of endpoints that clients choose themselves (PREC-4)."""


class Crossing(enum.Enum):
    """What traffic crosses between its client and its endpoint. Each stretch is one of these; they add up to all."""

    SAME_ZONE = "same-zone"  # client and endpoint are in one zone
    CROSS_ZONE = "cross-zone"  # in two zones of a region
    CROSS_REGION = "cross-region"  # in two regions
    INTERNET = "internet"  # to an address of a ServiceEntry of which no place is known
    UNKNOWN = "unknown"  # the place of one of them is unknown, or no mesh component chooses the endpoint
    LOST = "lost"  # no endpoint gets it

    @override
    def __str__(self) -> str:
        return self.value


def crossing_of(client: Locality, endpoint: Locality) -> Crossing:
    """What is between two places.

    Zones are compared with their regions, since two regions may each have a zone of
    one name. Two places of which the zone is unknown are not taken to be in one zone.

    >>> crossing_of(Locality(region="r", zone="a"), Locality(region="r", zone="b"))
    <Crossing.CROSS_ZONE: 'cross-zone'>
    """
    if client.region and endpoint.region and client.region != endpoint.region:
        return Crossing.CROSS_REGION
    if not (client.zone and endpoint.zone) or client.region != endpoint.region:
        return Crossing.UNKNOWN
    return Crossing.SAME_ZONE if client.zone == endpoint.zone else Crossing.CROSS_ZONE


@frozen(kw_only=True)
class Flow:
    """How much of a service's traffic goes from one zone to another.

    Attributes:
        host: The full host name.
        cluster: The clients' cluster, where each has a service of its own of this name; ``""`` where the
            host spans clusters.
        client: Network, region and zone of the clients.
        endpoint: Those of the endpoints; ``None`` where there is no endpoint, or where it is, is not asked.
        crossing: What is between them.
        rate: How much, in the unit of the traffic.
    """

    host: str
    cluster: str = ""
    client: Locality
    endpoint: Locality | None
    crossing: Crossing
    rate: float

    @property
    def service(self) -> "ServiceKey":
        """The host, and the cluster where that says which service it is."""
        return self.host, self.cluster

    @property
    def other_network(self) -> bool:
        """Whether the endpoint is in another network than the client, both being known."""
        return bool(
            self.endpoint is not None
            and self.client.network
            and self.endpoint.network
            and self.client.network != self.endpoint.network
        )


ServiceKey = tuple[str, str]
"""A host, and the cluster of its clients, or ``""`` where it spans clusters."""


def zone_of(place: Locality) -> Locality:
    """The place without subzone and node."""
    return place._replace(subzone="", node="")


class ZoneNames:
    """The shortest names of zones: with the region where two regions have a zone of that name.

    Args:
        places: All places that are to be named.
    """

    def __init__(self, places: Iterable[Locality]) -> None:
        regions: defaultdict[str, set[str]] = defaultdict(set)
        for place in places:
            regions[place.zone].add(place.region)
        self._regions: Mapping[str, set[str]] = regions

    def of(self, place: Locality) -> str:
        """The name of a place's zone.

        >>> ZoneNames([Locality(region="r", zone="a"), Locality(region="s", zone="a")]).of(Locality("", "r", "a"))
        'r/a'
        """
        if not place.zone:
            return f"{place.region}, zone unknown" if place.region else "unknown place"
        if len(self._regions.get(place.zone, ())) > 1:
            return f"{place.region or 'region unknown'}/{place.zone}"
        return place.zone

    def target(self, flow: Flow) -> str:
        """The name of where a flow ends."""
        match flow.crossing:
            case Crossing.LOST:
                return LOST
            case Crossing.INTERNET:
                return INTERNET
            case _:
                return NOT_CHOSEN if flow.endpoint is None else self.of(flow.endpoint)


def service_text(service: ServiceKey, *, short: bool = False) -> str:
    """What to call a service.

    >>> service_text(("web.shop.svc.cluster.local", "east"), short=True)
    'web.shop (east)'
    """
    host, cluster = service
    name = host.partition(".svc.")[0] if short else host
    return f"{name} ({cluster})" if cluster else name
