"""What is an Envoy told about a service? Its hosts by priority and locality, and how to spread load."""

import enum
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from attrs import field, frozen

from meshtier.endpoint import MAX_WEIGHT, Health
from meshtier.errors import InvalidValueError
from meshtier.locality import Locality

MAX_PRIORITY: Final = 128
"""The last priority that an Envoy accepts."""

Site: TypeAlias = tuple[str, ...]
"""Region, zone and subzone: the parts of a place by which Envoy tells localities apart."""


def site_of(place: Locality) -> Site:
    """Region, zone and subzone of *place*.

    >>> site_of(Locality("net", "us-east", "us-east-1a", node="n1"))
    ('us-east', 'us-east-1a', '')
    """
    return place[1:4]


def checked_integer(value: object, *, low: int, high: int, path: str) -> int:
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


def _id(value: str) -> str:
    if not isinstance(value, str) or not value:  # pyright: ignore[reportUnnecessaryIsInstance]  # need not type-check
        raise InvalidValueError(f"expected a non-empty string, got {value!r}", "id")
    return value


def _health(value: Health) -> Health:
    if not isinstance(value, Health):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not type-check
        allowed = ", ".join(f"Health.{health.name}" for health in Health)
        raise InvalidValueError(f"expected one of {allowed}, got {value!r}", "health")
    return value


def _weight(value: int) -> int:
    return checked_integer(value, low=1, high=MAX_WEIGHT, path="weight")


@frozen(kw_only=True)
class Host:
    """One host of a cluster, as an Envoy sees it.

    Attributes:
        id: Unique among the hosts of all groups.
        health: TERMINATING stands for Envoy's DRAINING.
        weight: Share of its locality relative to its peers; 1 to 2**32 - 1.

    Raises:
        InvalidValueError: A field is of the wrong type or out of range.
    """

    id: str = field(converter=_id)
    health: Health = field(default=Health.HEALTHY, converter=_health)
    weight: int = field(default=1, converter=_weight)


def _priority(value: int) -> int:
    return checked_integer(value, low=0, high=MAX_PRIORITY, path="priority")


def _place(value: Locality) -> Locality:
    if not isinstance(value, Locality):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not type-check
        raise InvalidValueError(f"expected a Locality, got {value!r}", "locality")
    return value


def _group_weight(value: int | None) -> int | None:
    return None if value is None else _weight(value)


def _hosts(value: Iterable[Host]) -> tuple[Host, ...]:
    if not isinstance(value, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not type-check
        raise InvalidValueError(f"expected hosts, got {value!r}", "hosts")
    hosts = tuple(value)
    for number, host in enumerate(hosts):
        if not isinstance(host, Host):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not type-check
            raise InvalidValueError(f"expected a Host, got {host!r}", f"hosts[{number}]")
    if sum(host.weight for host in hosts) > MAX_WEIGHT:
        total = sum(host.weight for host in hosts)
        raise InvalidValueError(f"expected weights with a sum of at most {MAX_WEIGHT}, got a sum of {total}", "hosts")
    return hosts


@frozen(kw_only=True)
class LocalityGroup:
    """The hosts of one locality in one priority: one LocalityLbEndpoints.

    Attributes:
        priority: 0 to 128, 0 first; gaps are allowed.
        locality: Only region, zone and subzone count.
        weight: The locality's, for locality-weighted balancing; ``None`` if it
            is not set, which then counts as 0.
        hosts: May be empty.

    Raises:
        InvalidValueError: A field is of the wrong type or out of range, or the
            hosts' weights sum to 2**32 or more.
    """

    priority: int = field(default=0, converter=_priority)
    locality: Locality = field(default=Locality(), converter=_place)
    weight: int | None = field(default=None, converter=_group_weight)
    hosts: tuple[Host, ...] = field(default=(), converter=_hosts)


def _node_locality(value: Locality) -> Locality:
    if not isinstance(value, Locality):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not type-check
        raise InvalidValueError(f"expected a Locality, got {value!r}", "node_locality")
    return value


def _local_hosts(value: Mapping[Locality, int] | tuple[tuple[Locality, int], ...]) -> tuple[tuple[Locality, int], ...]:
    if not isinstance(value, Mapping | tuple):  # pyright: ignore[reportUnnecessaryIsInstance]  # need not type-check
        raise InvalidValueError(f"expected numbers of hosts by Locality, got {value!r}", "local_hosts")
    return tuple(_local_count(pair) for pair in (value if isinstance(value, tuple) else value.items()))


def _local_count(pair: tuple[object, object]) -> tuple[Locality, int]:
    match pair:
        case (Locality() as place, count):
            return place, checked_integer(count, low=0, high=MAX_WEIGHT, path=f"local_hosts[{place}]")
        case _:
            raise InvalidValueError(f"expected a Locality and a number of hosts, got {pair!r}", "local_hosts")


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


def _overprovisioning_factor(value: int) -> int:
    return checked_integer(value, low=1, high=MAX_WEIGHT, path="overprovisioning_factor")


def _panic_threshold(value: float) -> float:
    return checked_percentage(value, path="panic_threshold")


def _weighted_priority_health(value: bool) -> bool:  # noqa: FBT001  # an attrs converter
    return checked_bool(value, path="weighted_priority_health")


def _locality_weighted(value: bool) -> bool:  # noqa: FBT001  # an attrs converter
    return checked_bool(value, path="locality_weighted")


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

    overprovisioning_factor: int = field(default=140, converter=_overprovisioning_factor)
    panic_threshold: float = field(default=50.0, converter=_panic_threshold)
    weighted_priority_health: bool = field(default=False, converter=_weighted_priority_health)
    locality_weighted: bool = field(default=False, converter=_locality_weighted)
    zone_aware: ZoneAware | None = None
    lb_policy: LbPolicy = LbPolicy.ROUND_ROBIN

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.lb_policy, LbPolicy):  # pyright: ignore[reportUnnecessaryIsInstance]
            allowed = ", ".join(f"LbPolicy.{policy.name}" for policy in LbPolicy)
            raise InvalidValueError(f"expected one of {allowed}, got {self.lb_policy!r}", "lb_policy")
        if not isinstance(self.zone_aware, ZoneAware | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"expected a ZoneAware or None, got {self.zone_aware!r}", "zone_aware")
        if self.locality_weighted and self.zone_aware:
            raise InvalidValueError("expected None together with locality_weighted, got a ZoneAware", "zone_aware")


DEFAULT_SETTINGS: Final = EnvoySettings()
"""What an Envoy does that is told nothing."""
