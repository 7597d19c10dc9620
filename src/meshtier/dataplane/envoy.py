"""How does an Envoy spread load over the hosts that it was given?

First over the priorities, in integer per cent (`priority_loads`), then inside
each priority over its hosts (`host_shares`). The rules are LOAD-2 to LOAD-5;
each was measured on Envoy 1.40.0. The functions that are named beside the lines
are those of envoyproxy/envoy at 00cf9a0, in
source/extensions/load_balancing_policies/common/load_balancer_impl.cc unless
another file there is named.
"""

import enum
from collections.abc import Iterable, Iterator, Sequence
from math import fsum
from typing import Final

from attrs import Factory, define, frozen
from typing_extensions import override

from meshtier.dataplane.load_assignment import LocalityGroup, check_groups, lb_weight
from meshtier.dataplane.settings import DEFAULT_SETTINGS, EnvoySettings, LbPolicy, Site, site_of, whole_percent
from meshtier.dataplane.shares import Shares
from meshtier.dataplane.zone_aware import ZoneSplit, zone_split
from meshtier.endpoint import Endpoint, Health
from meshtier.table import percent

# Looked up once: to ask the enum for a member costs more than to compare it.
_HEALTHY: Final = Health.HEALTHY
_DEGRADED: Final = Health.DEGRADED
_TERMINATING: Final = Health.TERMINATING


class NoHost(enum.Enum):
    """Why requests find no host; they get status 503 with response flag UH."""

    NO_HOSTS = "no endpoint is left to choose from"
    NONE_HEALTHY = "no host that may be used is healthy, and no panic lets the others in"  # LOAD-3
    FAILS_ON_PANIC = "the priority panics, and fail_traffic_on_panic is set"
    NONE_FOR_HASH = "a hash balancer uses healthy hosts only, and the chosen priority has none"
    NO_LOCALITY_WEIGHT = "a hash balancer leaves out localities of weight 0, and all others are without hosts"
    NONE_IN_ZONE = "zone-aware routing chose a locality without a host of the health that was asked for"


@frozen(kw_only=True)
class PriorityLoads:
    """How much of the load each priority gets.

    The tuples have one item per priority, from 0 to the last that was given;
    priorities in gaps are among them, and there is always priority 0.

    Attributes:
        healthy_availability: What the healthy hosts could carry; 0 to 100 per cent.
        degraded_availability: The same of the degraded hosts.
        healthy_load: Per cent of the requests that ask the priority for a
            healthy host. Together with *degraded_load* these sum to 100.
        degraded_load: Per cent of the requests that ask it for a degraded host.
        panic: Whether it uses all of its hosts, whatever their health.
        total_panic: Whether all panic, so that load follows host counts.
        reason: Why no request finds a host; ``None`` if some do. The load is
            then nominally on priority 0, as it is in Envoy.
    """

    healthy_availability: tuple[int, ...]
    degraded_availability: tuple[int, ...]
    healthy_load: tuple[int, ...]
    degraded_load: tuple[int, ...]
    panic: tuple[bool, ...]
    total_panic: bool
    reason: NoHost | None

    @property
    def load(self) -> tuple[int, ...]:
        """Healthy and degraded load together, per cent."""
        return tuple(map(sum, zip(self.healthy_load, self.degraded_load, strict=True)))


@frozen(kw_only=True)
class HostShares:
    """How much of the load each host gets (LOAD-5).

    Attributes:
        loads: How the load was spread over the priorities.
        shares: Part of all requests, 0 to 1, by endpoint id, in order of the
            groups. With *lost* they sum to 1.
        lost: Part of the requests that find no host. It is 0 or 1 unless a hash
            balancer, zone-aware routing or ``fail_traffic_on_panic`` loses some of them.
        reason: Why they find none; of several reasons, that of the greatest part.
    """

    loads: PriorityLoads
    shares: Shares
    lost: float
    reason: NoHost | None

    @override
    def __repr__(self) -> str:
        loads = ", ".join(f"P{priority} {load} %" for priority, load in enumerate(self.loads.load) if load)
        lost = f"; lost {percent(self.lost)}: {self.reason.value}" if self.reason else ""
        return f"<HostShares of {len(self.shares)} hosts: {loads}{lost}>"


def priority_loads(groups: Iterable[LocalityGroup], settings: EnvoySettings = DEFAULT_SETTINGS) -> PriorityLoads:
    """How an Envoy spreads load over priorities, in its own integer arithmetic (LOAD-2, LOAD-3).

    Raises:
        InvalidValueError: An Envoy would refuse the groups; see `check_groups`.

    Cost: O(n) in the endpoints.
    Source: envoyproxy/envoy source/extensions/load_balancing_policies/common/load_balancer_impl.cc,
    recalculatePerPriorityState and recalculatePerPriorityPanic, at 00cf9a0; measured on 1.40.0.

    >>> from meshtier.locality import Locality
    >>> here = Locality(zone="a")
    >>> ready, broken = Endpoint("a", here), Endpoint("b", here, health=Health.UNHEALTHY)
    >>> near, far = LocalityGroup(endpoints=[ready, broken]), LocalityGroup(priority=1, endpoints=[Endpoint("c", here)])
    >>> priority_loads([near, far]).load
    (70, 30)
    """
    groups = tuple(groups)
    check_groups(groups)
    return loads_of([level.whole for level in levels_of(groups)], settings)


def host_shares(groups: Iterable[LocalityGroup], settings: EnvoySettings = DEFAULT_SETTINGS) -> HostShares:
    """How an Envoy spreads load over hosts: each one's part of all requests in the long run (LOAD-2 to LOAD-5).

    A priority's healthy load goes to its healthy hosts, its degraded load to its
    degraded hosts; if it panics, both go to all of its hosts, draining ones too.

    Raises:
        InvalidValueError: An Envoy would refuse the groups; see `check_groups`.

    Cost: O(n) in the endpoints.
    Source: envoyproxy/envoy source/extensions/load_balancing_policies/common/load_balancer_impl.cc,
    hostSourceToUse, and thread_aware_lb_impl.cc beside it, normalizeWeights, at 00cf9a0; measured on 1.40.0.

    >>> from meshtier.locality import Locality
    >>> here = Locality(zone="a")
    >>> ready, broken = Endpoint("a", here), Endpoint("b", here, health=Health.UNHEALTHY)
    >>> later = [Endpoint("c", here, weight=2), Endpoint("d", here)]
    >>> host_shares([LocalityGroup(endpoints=[ready, broken]), LocalityGroup(priority=1, endpoints=later)]).shares
    <Shares a 70 %, c 20 %, d 10 %, b 0 %>
    """
    groups = tuple(groups)
    check_groups(groups)
    return spread_over(groups, settings)


def spread_over(groups: Sequence[LocalityGroup], settings: EnvoySettings, others: Iterable[str] = ()) -> HostShares:
    """What `host_shares` gives, of groups that need no look, whatever their weights.

    Args:
        groups: With endpoint ids of their own.
        settings: What the Envoy is told.
        others: Ids of endpoints that are in no group; they get 0.
    """
    levels = levels_of(groups)
    loads = loads_of([level.whole for level in levels], settings)
    shares = {endpoint.id: 0.0 for group in groups for endpoint in group.endpoints}
    shares.update(dict.fromkeys(others, 0.0))
    lost: dict[NoHost, float] = {}
    for load, portion in _portions(levels, loads, settings):
        if portion.hosts:
            _pour(shares, load, portion.hosts, weighted=settings.lb_policy is not LbPolicy.RANDOM)
        else:
            lost[portion.reason] = lost.get(portion.reason, 0.0) + load / 100
    reason = loads.reason or max(lost, key=lost.__getitem__, default=None)
    return HostShares(
        loads=loads,
        shares=Shares.trusted(shares, reason.value if reason else ""),
        lost=fsum(lost.values()),
        reason=reason,
    )


@define
class Pool:
    """Hosts of one priority, or of one locality in it."""

    weight: int = 0  # of the locality; 0 if it is not set
    hosts: list[Endpoint] = Factory(list[Endpoint])
    healthy: list[Endpoint] = Factory(list[Endpoint])
    degraded: list[Endpoint] = Factory(list[Endpoint])
    draining: list[Endpoint] = Factory(list[Endpoint])

    def add(self, hosts: Sequence[Endpoint]) -> None:
        """Take in hosts, each by its health."""
        healthy = [host for host in hosts if host.health is _HEALTHY]
        self.hosts += hosts
        self.healthy += healthy
        if len(healthy) < len(hosts):  # most often all are healthy, and need no second look
            self.degraded += [host for host in hosts if host.health is _DEGRADED]
            self.draining += [host for host in hosts if host.health is _TERMINATING]

    def join(self, other: "Pool") -> None:
        """Take in the hosts of another pool."""
        self.hosts += other.hosts
        self.healthy += other.healthy
        self.degraded += other.degraded
        self.draining += other.draining

    def usable(self, asked: Health, *, panics: bool = False) -> list[Endpoint]:
        """The hosts that serve load for healthy or for degraded ones."""
        if panics:
            return self.hosts
        return self.healthy if asked is _HEALTHY else self.degraded

    def effective_weight(self, asked: Health, settings: EnvoySettings, *, panics: bool = False) -> float:
        """The locality's weight in so far as it can serve; hash balancers do not scale it by health."""
        # locality_wrr.cc, effectiveLocalityWeight; for hash balancers thread_aware_lb_impl.cc, normalizeWeights.
        usable = len(self.usable(asked, panics=panics))
        if not usable or settings.lb_policy.hashes:
            return float(self.weight) if usable else 0.0
        active = len(self.hosts) - len(self.draining)
        return self.weight * min(1.0, settings.overprovisioning_factor / 100.0 * (usable / active))


@define
class Level:
    """One priority, as a whole and by locality."""

    whole: Pool = Factory(Pool)
    sites: dict[Site, Pool] = Factory(dict[Site, Pool])


def levels_of(groups: Iterable[LocalityGroup]) -> list[Level]:
    """Every priority from 0 to the last that was given. Cost: O(n)."""
    levels = [Level()]
    for group in groups:
        while len(levels) <= group.priority:
            levels.append(Level())
        pool = levels[group.priority].sites.setdefault(site_of(group.locality), Pool())
        pool.add(group.endpoints)
        if group.weight is not None:
            pool.weight = group.weight  # measured: where a locality stands twice, the last that is set holds for both
    for level in levels:
        for pool in level.sites.values():
            level.whole.join(pool)
    return levels


def loads_of(pools: Sequence[Pool], settings: EnvoySettings) -> PriorityLoads:
    """What `priority_loads` gives, of the hosts of each priority from 0 to the last. Cost: O(priorities)."""
    healthy = [_availability(pool, Health.HEALTHY, settings) for pool in pools]
    degraded = [_availability(pool, Health.DEGRADED, settings) for pool in pools]
    total = min(100, sum(healthy) + sum(degraded))
    threshold = whole_percent(settings.panic_threshold)
    # recalculatePerPriorityPanic: where all together have health enough, no priority panics, however ill it is itself.
    panic = [total < 100 and _percent_usable(pool) < threshold for pool in pools]
    healthy_load, degraded_load = [100] + [0] * (len(pools) - 1), [0] * len(pools)
    everyone_panics = all(panic) and any(pool.hosts for pool in pools)
    reason = None
    if everyone_panics:
        healthy_load = _loads_by_count(pools)
    elif total:
        healthy_load, degraded_load = _loads_by_health(healthy, degraded, total)
    else:
        reason = _reason_without_health(pools, panics=panic[0])
    return PriorityLoads(
        healthy_availability=tuple(healthy),
        degraded_availability=tuple(degraded),
        healthy_load=tuple(healthy_load),
        degraded_load=tuple(degraded_load),
        panic=tuple(panic),
        total_panic=all(panic),
        reason=reason,
    )


def _availability(pool: Pool, asked: Health, settings: EnvoySettings) -> int:
    # recalculatePerPriorityState: in integers, so that one of very many hosts is no health at all.
    size = _weight_of if settings.weighted_priority_health else len
    active = size(pool.hosts) - size(pool.draining)
    return min(100, settings.overprovisioning_factor * size(pool.usable(asked)) // active) if active else 0


def _weight_of(hosts: Sequence[Endpoint]) -> int:
    return sum(map(lb_weight, hosts))


def _percent_usable(pool: Pool) -> float:
    # isHostSetInPanic: host counts whatever the weights, in floating point and in this order.
    active = len(pool.hosts) - len(pool.draining)
    return 100.0 * len(pool.healthy) / active + 100.0 * len(pool.degraded) / active if active else 0.0


def _loads_by_count(pools: Sequence[Pool]) -> list[int]:
    # recalculateLoadInTotalPanic: draining hosts count here, and nowhere else.
    counts = [len(pool.hosts) for pool in pools]
    loads = [100 * count // sum(counts) for count in counts]
    first = next(priority for priority, count in enumerate(counts) if count)
    loads[first] += 100 - sum(loads)
    return loads


def _loads_by_health(healthy: Sequence[int], degraded: Sequence[int], total: int) -> tuple[list[int], list[int]]:
    # distributeLoad, first for the healthy and then, with what they leave, for the degraded.
    left, loads = 100, list[int]()
    for availability in (*healthy, *degraded):
        loads.append(min(left, availability * 100 // total))
        left -= loads[-1]
    # All healthy ones come first in this list, so that the first with health is the right one.
    first = next(number for number, availability in enumerate((*healthy, *degraded)) if availability)
    loads[first] += left
    return loads[: len(healthy)], loads[len(healthy) :]


def _reason_without_health(pools: Sequence[Pool], *, panics: bool) -> NoHost | None:
    """Why nothing can be picked though the load went to priority 0 for want of availability anywhere."""
    # Envoy then asks priority 0 all the same, and one healthy host that is no health there gets everything.
    first = pools[0]
    if first.hosts if panics else first.healthy:
        return None
    return NoHost.NONE_HEALTHY if any(pool.hosts for pool in pools) else NoHost.NO_HOSTS


@frozen
class _Portion:
    """Hosts that share one part of a priority's requests by weight; *reason* counts if there are none."""

    hosts: Sequence[Endpoint]
    part: float = 1.0
    reason: NoHost = NoHost.NONE_HEALTHY


def _portions(
    levels: Sequence[Level], loads: PriorityLoads, settings: EnvoySettings
) -> Iterator[tuple[float, _Portion]]:
    """Every portion with the per cent of all requests that go to it."""
    split = _zones(levels[0], settings)
    for priority, level in enumerate(levels):
        panics, zones = loads.panic[priority], None if priority else split
        for load, asked in (
            (loads.healthy_load[priority], Health.HEALTHY),
            (loads.degraded_load[priority], Health.DEGRADED),
        ):
            for portion in _level_portions(level, asked, settings, panics=panics, split=zones) if load else ():
                yield load * portion.part, portion


def _level_portions(
    level: Level, asked: Health, settings: EnvoySettings, *, panics: bool, split: ZoneSplit | None
) -> Sequence[_Portion]:
    if settings.lb_policy.hashes:
        return _hash_portions(level, settings, panics=panics)
    if panics and settings.zone_aware and settings.zone_aware.fail_traffic_on_panic:
        return [_Portion((), reason=NoHost.FAILS_ON_PANIC)]
    if settings.locality_weighted and not panics:
        weighted = _weighted_portions(level, asked, settings, panics=False)
        if weighted:
            return weighted
    if split and not panics:
        return _zone_portions(level, asked, split)
    return [_Portion(level.whole.usable(asked, panics=panics))]


def _hash_portions(level: Level, settings: EnvoySettings, *, panics: bool) -> Sequence[_Portion]:
    # thread_aware_lb_impl.cc, refresh: one table of the healthy hosts, or of all in a panic, for degraded load too.
    hosts = level.whole.usable(Health.HEALTHY, panics=panics)
    if not settings.locality_weighted or not hosts:
        return [_Portion(hosts, reason=NoHost.NONE_FOR_HASH)]
    weighted = _weighted_portions(level, Health.HEALTHY, settings, panics=panics)
    return weighted or [_Portion((), reason=NoHost.NO_LOCALITY_WEIGHT)]


def _weighted_portions(level: Level, asked: Health, settings: EnvoySettings, *, panics: bool) -> Sequence[_Portion]:
    """One portion for each locality with an effective weight; may be empty."""
    weights = [
        (pool.usable(asked, panics=panics), pool.effective_weight(asked, settings, panics=panics))
        for pool in level.sites.values()
    ]
    total = sum(weight for _, weight in weights)
    return [_Portion(hosts, weight / total) for hosts, weight in weights if weight]


def _zones(first: Level, settings: EnvoySettings) -> ZoneSplit | None:
    if settings.zone_aware is None:
        return None
    # A locality without any host is no locality to an Envoy.
    healthy = {site: len(pool.healthy) for site, pool in first.sites.items() if pool.hosts}
    return zone_split(healthy, settings.zone_aware)


def _zone_portions(level: Level, asked: Health, split: ZoneSplit) -> Sequence[_Portion]:
    # The split rests on the healthy hosts; degraded load follows it, hosts or none.
    portions = [
        _Portion(level.sites[site].usable(asked), split.enabled * part, NoHost.NONE_IN_ZONE)
        for site, part in split.parts
    ]
    if split.enabled < 1:
        portions.append(_Portion(level.whole.usable(asked), 1 - split.enabled))
    return portions


def _pour(shares: dict[str, float], load: float, hosts: Sequence[Endpoint], *, weighted: bool) -> None:
    weights = [host.weight or 1 for host in hosts] if weighted else [1] * len(hosts)  # lb_weight, without the call
    # One division by integers, so that simple shares come out as they are written: 0.2, not 0.19999999999999998.
    total = 100 * sum(weights)
    for host, weight in zip(hosts, weights, strict=True):
        shares[host.id] += load * weight / total
