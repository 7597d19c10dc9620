"""How much does an Envoy keep in its own zone? Zone-aware routing.

Istio never configures it; an Envoy set up by other means may. It looks at two
clusters: its own, the *local* one, whose hosts are the Envoys that send, and the
one that is sent to. A locality that has a smaller part of the hosts than of the
senders takes what it can, and the rest of its senders' requests go to the
localities that have more hosts than senders.
"""

import enum
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from attrs import field, frozen

from meshtier.errors import InvalidValueError
from meshtier.locality import Locality

Site: TypeAlias = tuple[str, ...]
"""Region, zone and subzone: the parts of a place by which Envoy tells localities apart."""

_WHOLE: Final = 10_000
"""Envoy computes parts of a cluster in units of 1/10000, rounded down."""


def site_of(place: Locality) -> Site:
    """Region, zone and subzone of *place*.

    >>> site_of(Locality("net", "us-east", "us-east-1a", node="n1"))
    ('us-east', 'us-east-1a', '')
    """
    return place[1:4]


def checked_integer(value: int, *, low: int, high: int, path: str) -> int:
    """*value* itself, if it is an integer from *low* to *high*.

    Raises:
        InvalidValueError: It is not; a bool is no integer.
    """
    if type(value) is not int or not low <= value <= high:
        raise InvalidValueError(f"expected an integer from {low} to {high}, got {value!r}", path)
    return value


def checked_percentage(value: float, *, path: str) -> float:
    """*value* as a float, if it is a number from 0 to 100.

    Raises:
        InvalidValueError: It is not; neither a bool nor NaN is such a number.
    """
    if type(value) not in (int, float) or not 0 <= value <= 100:
        raise InvalidValueError(f"expected a number from 0 to 100, got {value!r}", path)
    return float(value)


def checked_bool(value: bool, *, path: str) -> bool:  # noqa: FBT001  # the value is what it is about
    """*value* itself, if it is a bool.

    Raises:
        InvalidValueError: It is not.
    """
    if not isinstance(value, bool):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not type-check
        raise InvalidValueError(f"expected True or False, got {value!r}", path)
    return value


def whole_percent(percentage: float) -> int:
    """The integer that Envoy makes of a configured percentage: truncated after floating-point arithmetic.

    Source: envoyproxy/envoy source/common/protobuf/utility.h, convertPercent; measured on 1.40.0.

    >>> [whole_percent(percentage) for percentage in (0.9, 29, 30, 57, 58)]
    [0, 28, 30, 56, 57]
    """
    return int(100 * (percentage / 100.0))


class ZoneRouting(enum.Enum):
    """How zone-aware routing treats the healthy load of priority 0."""

    NONE = "none"  # not at all: it is off, or a precondition fails
    DIRECT = "direct"  # everything stays in the Envoy's own locality
    RESIDUAL = "residual"  # the own locality takes what is its due, others with room to spare the rest


def _node_locality(value: Locality) -> Locality:
    if not isinstance(value, Locality):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not type-check
        raise InvalidValueError(f"expected a Locality, got {value!r}", "node_locality")
    return value


def _local_hosts(value: Mapping[Locality, int] | Iterable[tuple[Locality, int]]) -> tuple[tuple[Locality, int], ...]:
    hosts: list[tuple[Locality, int]] = []
    for place, count in value.items() if isinstance(value, Mapping) else value:
        if not isinstance(place, Locality):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"expected a Locality, got {place!r}", "local_hosts")
        hosts.append((place, checked_integer(count, low=0, high=2**32 - 1, path=f"local_hosts[{place}]")))
    return tuple(hosts)


def _min_cluster_size(value: int) -> int:
    return checked_integer(value, low=0, high=2**64 - 1, path="min_cluster_size")


def _routing_enabled(value: float) -> float:
    return checked_percentage(value, path="routing_enabled")


def _fail_traffic_on_panic(value: bool) -> bool:  # noqa: FBT001  # an attrs converter
    return checked_bool(value, path="fail_traffic_on_panic")


@frozen(kw_only=True)
class ZoneAware:
    """What an Envoy needs for zone-aware routing.

    Attributes:
        node_locality: Where this Envoy is; only region, zone and subzone count.
        local_hosts: How many healthy hosts of its own cluster are in each
            locality, itself included; a mapping will do. Its unhealthy hosts
            are not asked for: the local cluster is taken not to be in panic.
        min_cluster_size: With fewer healthy hosts in priority 0, nothing is routed by zone.
        routing_enabled: The percentage of requests that are routed by zone, truncated to an integer.
        fail_traffic_on_panic: Whether requests to a panicking priority fail.

    Raises:
        InvalidValueError: A field is of the wrong type or out of range.
    """

    node_locality: Locality = field(converter=_node_locality)
    local_hosts: tuple[tuple[Locality, int], ...] = field(converter=_local_hosts)
    min_cluster_size: int = field(default=6, converter=_min_cluster_size)
    routing_enabled: float = field(default=100.0, converter=_routing_enabled)
    fail_traffic_on_panic: bool = field(default=False, converter=_fail_traffic_on_panic)

    @property
    def hosts_of_site(self) -> dict[Site, int]:
        """The hosts of the local cluster by locality, without the localities that have none."""
        hosts: dict[Site, int] = {}
        for place, count in self.local_hosts:
            if count:
                hosts[site_of(place)] = hosts.get(site_of(place), 0) + count
        return hosts


@frozen(kw_only=True)
class ZoneSplit:
    """Which localities the requests go to that are routed by zone.

    Attributes:
        routing: How the split came about.
        enabled: Part of the requests that it holds for, 0 to 1; the others go to any locality.
        parts: Each locality with its part of those requests; the parts sum to
            1, or there are none and *enabled* is 0.
    """

    routing: ZoneRouting
    enabled: float
    parts: tuple[tuple[Site, float], ...]


_NO_SPLIT: Final = ZoneSplit(routing=ZoneRouting.NONE, enabled=0.0, parts=())


def zone_split(healthy: Mapping[Site, int], zone_aware: ZoneAware) -> ZoneSplit:
    """How zone-aware routing spreads the requests of priority 0 over its localities.

    Args:
        healthy: The healthy hosts of each locality that has hosts at all, 0 if none is healthy.
        zone_aware: The settings, and the local cluster.

    Returns:
        The split; `ZoneRouting.NONE` unless both clusters span two localities,
        this Envoy's own is one of the local cluster's, and enough hosts are healthy.

    Cost: O(n) in the localities.
    Source: envoyproxy/envoy load_balancer_impl.cc, regenerateLocalityRoutingStructures
    and tryChooseLocalLocalityHosts, at 00cf9a0; measured on 1.40.0.

    >>> here, there = Locality(zone="a"), Locality(zone="b")
    >>> senders = ZoneAware(node_locality=here, local_hosts={here: 2, there: 2})
    >>> zone_split({site_of(here): 2, site_of(there): 6}, senders).parts
    ((('', 'a', ''), 0.5), (('', 'b', ''), 0.5))
    """
    enabled = whole_percent(zone_aware.routing_enabled) / 100
    senders, own = zone_aware.hosts_of_site, site_of(zone_aware.node_locality)
    too_narrow = len(healthy) < 2 or len(senders) < 2 or own not in senders
    if not enabled or too_narrow or sum(healthy.values()) < zone_aware.min_cluster_size:
        return _NO_SPLIT
    offered, wanted = _parts_of_whole(healthy), _parts_of_whole(senders)
    if 0 < offered.get(own, 0) >= wanted[own]:
        return ZoneSplit(routing=ZoneRouting.DIRECT, enabled=enabled, parts=((own, 1.0),))
    parts = _residual(offered, wanted, own)
    return ZoneSplit(routing=ZoneRouting.RESIDUAL, enabled=enabled, parts=tuple(parts.items()))


def _parts_of_whole(hosts: Mapping[Site, int]) -> dict[Site, int]:
    total = sum(hosts.values())
    return {site: _WHOLE * count // total if total else 0 for site, count in hosts.items()}


def _residual(offered: Mapping[Site, int], wanted: Mapping[Site, int], own: Site) -> dict[Site, float]:
    # A share of the senders below 1/10000 counts as none, and then nothing stays.
    stays = offered.get(own, 0) * _WHOLE // wanted[own] / _WHOLE if wanted[own] else 0.0
    room = {site: max(0, offer - wanted.get(site, 0)) for site, offer in offered.items() if site != own}
    total = sum(room.values())
    parts = {own: stays} if stays else {}
    for site in room if total else offered:
        # Rounding may leave no room anywhere; Envoy then takes any locality, its own too.
        part = room[site] / total if total else 1 / len(offered)
        parts[site] = parts.get(site, 0.0) + (1 - stays) * part
    return {site: part for site, part in parts.items() if part}
