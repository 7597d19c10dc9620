"""How is an Envoy told to spread load? The settings of a cluster that bear on the choice of an endpoint."""

import enum
from collections.abc import Mapping
from typing import Final, TypeAlias

from attrs import field, frozen

from meshtier.endpoint import MAX_WEIGHT
from meshtier.errors import InvalidValueError, check_int, check_member, check_percentage, check_type
from meshtier.locality import Locality

Site: TypeAlias = tuple[str, ...]
"""Region, zone and subzone: the parts of a place by which Envoy tells localities apart."""


def site_of(place: Locality) -> Site:
    """Region, zone and subzone of *place*.

    >>> site_of(Locality("net", "us-east", "us-east-1a", node="n1"))
    ('us-east', 'us-east-1a', '')
    """
    return place[1:4]


def whole_percent(percentage: float) -> int:
    """The integer that Envoy makes of a configured percentage: truncated after floating-point arithmetic.

    Source: envoyproxy/envoy source/common/protobuf/utility.h, convertPercent; measured on 1.40.0.

    >>> [whole_percent(percentage) for percentage in (0.9, 29, 30, 57, 58)]
    [0, 28, 30, 56, 57]
    """
    return int(100 * (percentage / 100.0))


class LbPolicy(enum.Enum):
    """How an Envoy picks a host among those that it may use; the value is its name in a cluster."""

    ROUND_ROBIN = "ROUND_ROBIN"  # in turn, by weight
    LEAST_REQUEST = "LEAST_REQUEST"  # Istio's default; by weight while few requests are under way
    RANDOM = "RANDOM"  # ignores host weights
    RING_HASH = "RING_HASH"  # the same key to the same host
    MAGLEV = "MAGLEV"  # as RING_HASH, and nearer to the weights

    @property
    def hashes(self) -> bool:
        """Whether a key decides: such a balancer knows no degraded hosts and no zone-aware routing."""
        return self in (LbPolicy.RING_HASH, LbPolicy.MAGLEV)


def _pairs(value: Mapping[Locality, int] | tuple[tuple[Locality, int], ...]) -> tuple[tuple[Locality, int], ...]:
    check_type(value, Mapping | tuple, "local_hosts", what="numbers of hosts by Locality")
    return value if isinstance(value, tuple) else tuple(value.items())


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

    node_locality: Locality
    local_hosts: tuple[tuple[Locality, int], ...] = field(converter=_pairs)
    min_cluster_size: int = 6
    routing_enabled: float = 100
    fail_traffic_on_panic: bool = False

    def __attrs_post_init__(self) -> None:
        check_type(self.node_locality, Locality, "node_locality")
        for pair in self.local_hosts:
            match pair:
                case (Locality() as place, count):
                    check_int(count, f"local_hosts[{place}]", least=0, most=MAX_WEIGHT)
                case _:
                    raise InvalidValueError(f"expected a Locality and a number of hosts, got {pair!r}", "local_hosts")
        check_int(self.min_cluster_size, "min_cluster_size", least=0, most=2**64 - 1)
        check_percentage(self.routing_enabled, "routing_enabled")
        check_type(self.fail_traffic_on_panic, bool, "fail_traffic_on_panic")

    @property
    def hosts_of_site(self) -> dict[Site, int]:
        """The hosts of the local cluster by locality, without the localities that have none."""
        hosts: dict[Site, int] = {}
        for place, count in self.local_hosts:
            if count:
                hosts[site_of(place)] = hosts.get(site_of(place), 0) + count
        return hosts


@frozen(kw_only=True)
class EnvoySettings:
    """What an Envoy is told about the spreading of load; the defaults are Envoy's.

    Attributes:
        overprovisioning_factor: In per cent: with 140, a priority counts as whole
            while 100/140 of its hosts are healthy.
        panic_threshold: In per cent, truncated as by `whole_percent`. Istio
            sends ``minHealthPercent``, or 0.
        weighted_priority_health: Whether a priority's health goes by host
            weights in place of host counts.
        locality_weighted: Whether locality weights are in force (LOAD-4).
        zone_aware: Zone-aware routing; excludes *locality_weighted*.
        lb_policy: How hosts are picked.

    Raises:
        InvalidValueError: A field is of the wrong type or out of range, or two exclude each other.
    """

    overprovisioning_factor: int = 140
    panic_threshold: float = 50
    weighted_priority_health: bool = False
    locality_weighted: bool = False
    zone_aware: ZoneAware | None = None
    lb_policy: LbPolicy = LbPolicy.ROUND_ROBIN

    def __attrs_post_init__(self) -> None:
        check_int(self.overprovisioning_factor, "overprovisioning_factor", least=1, most=MAX_WEIGHT)
        check_percentage(self.panic_threshold, "panic_threshold")
        check_type(self.weighted_priority_health, bool, "weighted_priority_health")
        check_type(self.locality_weighted, bool, "locality_weighted")
        check_type(self.zone_aware, ZoneAware | None, "zone_aware")
        check_member(self.lb_policy, LbPolicy, "lb_policy")
        if self.locality_weighted and self.zone_aware:
            raise InvalidValueError("expected None together with locality_weighted, got a ZoneAware", "zone_aware")


DEFAULT_SETTINGS: Final = EnvoySettings()
"""What an Envoy does that is told nothing."""

ISTIO_ENVOY: Final = EnvoySettings(panic_threshold=0, locality_weighted=True, lb_policy=LbPolicy.LEAST_REQUEST)
"""What Istio tells an Envoy where traffic distribution holds: no panic, localities by weight and health (LOAD-3)."""

PLAIN_ENVOY: Final = EnvoySettings(panic_threshold=0, lb_policy=LbPolicy.LEAST_REQUEST)
"""What Istio tells an Envoy where nothing makes priorities."""
