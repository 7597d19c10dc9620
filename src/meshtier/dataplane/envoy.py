"""How does an Envoy spread load over the hosts that it was given?

First over the priorities, in integer per cent (`priority_loads`), then inside
each priority over its hosts (`host_shares`). The rules are LOAD-2 to LOAD-5;
each was measured on Envoy 1.40.0.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from math import fsum
from types import MappingProxyType
from typing import assert_never

from attrs import Factory, define, frozen
from typing_extensions import override

from meshtier.dataplane.settings import (
    DEFAULT_SETTINGS,
    EnvoySettings,
    Host,
    LbPolicy,
    LocalityGroup,
    Site,
    site_of,
    whole_percent,
)
from meshtier.dataplane.zone_aware import ZoneRouting, ZoneSplit, zone_split
from meshtier.endpoint import MAX_WEIGHT, Health
from meshtier.errors import InvalidValueError
from meshtier.locality import Locality
from meshtier.table import percent


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
class GroupShare:
    """What one `LocalityGroup` gets.

    Attributes:
        priority: The group's.
        locality: The group's.
        share: Part of all requests, 0 to 1.
        effective_weight: The weight of its locality in this priority, scaled by
            health; ``None`` unless locality weights decided over the healthy hosts.
    """

    priority: int
    locality: Locality
    share: float
    effective_weight: float | None


@frozen(kw_only=True)
class HostShares:
    """How much of the load each host gets (LOAD-5).

    Attributes:
        loads: How the load was spread over the priorities.
        ids: The hosts, in order of input.
        shares: Part of all requests, 0 to 1; aligned with *ids*. With *lost* they sum to 1.
        groups: The same by group, aligned with the groups of the input.
        lost: Part of the requests that find no host. It is 0 or 1 unless a hash
            balancer, zone-aware routing or ``fail_traffic_on_panic`` loses some of them.
        reason: Why they find none; of several reasons, that of the greatest part.
        zone_routing: What zone-aware routing does in priority 0.
    """

    loads: PriorityLoads
    ids: tuple[str, ...]
    shares: tuple[float, ...]
    groups: tuple[GroupShare, ...]
    lost: float
    reason: NoHost | None
    zone_routing: ZoneRouting

    @override
    def __repr__(self) -> str:
        loads = ", ".join(f"P{priority} {load} %" for priority, load in enumerate(self.loads.load) if load)
        lost = f"; lost {percent(self.lost)}: {self.reason.value}" if self.reason else ""
        return f"<HostShares of {len(self.ids)} hosts: {loads}{lost}>"

    @cached_property
    def by_id(self) -> Mapping[str, float]:
        """Every host's share."""
        return MappingProxyType(dict(zip(self.ids, self.shares, strict=True)))


def priority_loads(groups: Iterable[LocalityGroup], settings: EnvoySettings = DEFAULT_SETTINGS) -> PriorityLoads:
    """How an Envoy spreads load over priorities, in its own integer arithmetic (LOAD-2, LOAD-3).

    Raises:
        InvalidValueError: Two hosts have one id, or the locality weights of a
            priority sum to 2**32 or more.

    Cost: O(n) in the hosts.
    Source: envoyproxy/envoy load_balancer_impl.cc, recalculatePerPriorityState and
    recalculatePerPriorityPanic, at 00cf9a0; measured on 1.40.0.

    >>> ready, broken = Health.HEALTHY, Health.UNHEALTHY
    >>> near = LocalityGroup(hosts=[Host(id="a"), Host(id="b", health=broken)])
    >>> far = LocalityGroup(priority=1, hosts=[Host(id="c")])
    >>> priority_loads([near, far]).load
    (70, 30)
    """
    return _loads(_census(groups), settings)


def host_shares(groups: Iterable[LocalityGroup], settings: EnvoySettings = DEFAULT_SETTINGS) -> HostShares:
    """How an Envoy spreads load over hosts: each one's part of all requests in the long run (LOAD-2 to LOAD-5).

    A priority's healthy load goes to its healthy hosts, its degraded load to its
    degraded hosts; if it panics, both go to all of its hosts, draining ones too.

    Raises:
        InvalidValueError: Two hosts have one id, or the locality weights of a
            priority sum to 2**32 or more.

    Cost: O(n) in the hosts.
    Source: envoyproxy/envoy load_balancer_impl.cc, hostSourceToUse, and
    thread_aware_lb_impl.cc, normalizeWeights, at 00cf9a0; measured on 1.40.0.

    >>> near = LocalityGroup(hosts=[Host(id="a"), Host(id="b", health=Health.UNHEALTHY)])
    >>> far = LocalityGroup(priority=1, hosts=[Host(id="c", weight=2), Host(id="d")])
    >>> dict(host_shares([near, far]).by_id)
    {'a': 0.7, 'b': 0.0, 'c': 0.2, 'd': 0.1}
    """
    groups = tuple(groups)
    census = _census(groups)
    loads, split = _loads(census, settings), _zones(census, settings)
    weights = [1] * len(census.ids) if settings.lb_policy is LbPolicy.RANDOM else census.weights
    shares = [0.0] * len(census.ids)
    lost: dict[NoHost, float] = {}
    for load, portion in _portions(census, loads, settings, split):
        if portion.hosts:
            _pour(shares, load, portion.hosts, weights)
        else:
            lost[portion.reason] = lost.get(portion.reason, 0.0) + load / 100
    return HostShares(
        loads=loads,
        ids=tuple(census.ids),
        shares=tuple(shares),
        groups=tuple(_group_shares(groups, shares, census, loads, settings)),
        lost=fsum(lost.values()),
        reason=loads.reason or max(lost, key=lost.__getitem__, default=None),
        zone_routing=split.routing if split else ZoneRouting.NONE,
    )


@define
class _Pool:
    """Hosts of one priority, or of one locality in it, by their position in the input."""

    weight: int = 0  # of the locality; 0 if it is not set
    hosts: list[int] = Factory(list[int])
    healthy: list[int] = Factory(list[int])
    degraded: list[int] = Factory(list[int])
    draining: list[int] = Factory(list[int])

    def usable(self, asked: Health, *, panics: bool = False) -> list[int]:
        if panics:
            return self.hosts
        return self.healthy if asked is Health.HEALTHY else self.degraded

    def effective_weight(self, asked: Health, settings: EnvoySettings, *, panics: bool = False) -> float:
        """The locality's weight in so far as it can serve; hash balancers do not scale it by health."""
        usable = len(self.usable(asked, panics=panics))
        if not usable or settings.lb_policy.hashes:
            return float(self.weight) if usable else 0.0
        active = len(self.hosts) - len(self.draining)
        return self.weight * min(1.0, settings.overprovisioning_factor / 100.0 * (usable / active))


@define
class _Level:
    """One priority, as a whole and by locality."""

    whole: _Pool = Factory(_Pool)
    sites: dict[Site, _Pool] = Factory(dict[Site, _Pool])


@define
class _Census:
    """All hosts, flat, and every priority from 0 to the last."""

    ids: list[str]
    weights: list[int]
    levels: list[_Level]

    def size(self, positions: Sequence[int], *, weighted: bool) -> int:
        return sum(self.weights[position] for position in positions) if weighted else len(positions)


def _census(groups: Iterable[LocalityGroup]) -> _Census:
    census, seen = _Census([], [], [_Level()]), set[str]()
    for number, group in enumerate(groups):
        if not isinstance(group, LocalityGroup):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"expected a LocalityGroup, got {group!r}", f"groups[{number}]")
        while len(census.levels) <= group.priority:
            census.levels.append(_Level())
        level = census.levels[group.priority]
        site = level.sites.setdefault(site_of(group.locality), _Pool())
        if group.weight is not None:
            _set_weight(level, site, group.weight, f"groups[{number}].weight")
        for index, host in enumerate(group.hosts):
            if host.id in seen:
                path = f"groups[{number}].hosts[{index}].id"
                raise InvalidValueError(f"expected a new id, got {host.id!r} again", path)
            seen.add(host.id)
            _enlist(host, len(census.ids), (level.whole, site))
            census.ids.append(host.id)
            census.weights.append(host.weight)
    return census


def _set_weight(level: _Level, site: _Pool, weight: int, path: str) -> None:
    # The last weight that is set holds for the whole locality.
    level.whole.weight += weight - site.weight
    site.weight = weight
    if level.whole.weight > MAX_WEIGHT:
        problem = f"expected locality weights of one priority with a sum of at most {MAX_WEIGHT}"
        raise InvalidValueError(f"{problem}, got a sum of {level.whole.weight} with this one", path)


def _enlist(host: Host, position: int, pools: Iterable[_Pool]) -> None:
    for pool in pools:
        pool.hosts.append(position)
        match host.health:
            case Health.HEALTHY:
                pool.healthy.append(position)
            case Health.DEGRADED:
                pool.degraded.append(position)
            case Health.TERMINATING:
                pool.draining.append(position)
            case Health.UNHEALTHY:
                pass
            case _:
                assert_never(host.health)


def _loads(census: _Census, settings: EnvoySettings) -> PriorityLoads:
    pools = [level.whole for level in census.levels]
    healthy = [_availability(census, pool, Health.HEALTHY, settings) for pool in pools]
    degraded = [_availability(census, pool, Health.DEGRADED, settings) for pool in pools]
    total = min(100, sum(healthy) + sum(degraded))
    threshold = whole_percent(settings.panic_threshold)
    panic = [total < 100 and _percent_usable(pool) < threshold for pool in pools]
    healthy_load, degraded_load = [100] + [0] * (len(pools) - 1), [0] * len(pools)
    if all(panic) and census.ids:
        healthy_load = _loads_by_count(pools)
    elif total:
        healthy_load, degraded_load = _loads_by_health(healthy, degraded, total)
    return PriorityLoads(
        healthy_availability=tuple(healthy),
        degraded_availability=tuple(degraded),
        healthy_load=tuple(healthy_load),
        degraded_load=tuple(degraded_load),
        panic=tuple(panic),
        total_panic=all(panic),
        reason=None if total or (all(panic) and census.ids) else _reason_without_health(census, panics=panic[0]),
    )


def _availability(census: _Census, pool: _Pool, asked: Health, settings: EnvoySettings) -> int:
    weighted = settings.weighted_priority_health
    active = census.size(pool.hosts, weighted=weighted) - census.size(pool.draining, weighted=weighted)
    usable = census.size(pool.usable(asked), weighted=weighted)
    return min(100, settings.overprovisioning_factor * usable // active) if active else 0


def _percent_usable(pool: _Pool) -> float:
    # In floating point and in this order, as Envoy compares it with the threshold.
    active = len(pool.hosts) - len(pool.draining)
    return 100.0 * len(pool.healthy) / active + 100.0 * len(pool.degraded) / active if active else 0.0


def _loads_by_count(pools: Sequence[_Pool]) -> list[int]:
    counts = [len(pool.hosts) for pool in pools]
    loads = [100 * count // sum(counts) for count in counts]
    first = next(priority for priority, count in enumerate(counts) if count)
    loads[first] += 100 - sum(loads)
    return loads


def _loads_by_health(healthy: Sequence[int], degraded: Sequence[int], total: int) -> tuple[list[int], list[int]]:
    left, loads = 100, list[int]()
    for availability in (*healthy, *degraded):
        loads.append(min(left, availability * 100 // total))
        left -= loads[-1]
    # All healthy ones come first in this list, so that the first with health is the right one.
    first = next(number for number, availability in enumerate((*healthy, *degraded)) if availability)
    loads[first] += left
    return loads[: len(healthy)], loads[len(healthy) :]


def _reason_without_health(census: _Census, *, panics: bool) -> NoHost | None:
    """Why nothing can be picked though the load went to priority 0 for want of availability anywhere."""
    # Availability rounds down, so one healthy host among very many makes none: it is used all the same.
    first = census.levels[0].whole
    if first.hosts if panics else first.healthy:
        return None
    return NoHost.NONE_HEALTHY if census.ids else NoHost.NO_HOSTS


@frozen
class _Portion:
    """Hosts that share one part of a priority's requests by weight; *reason* counts if there are none."""

    hosts: Sequence[int]
    part: float = 1.0
    reason: NoHost = NoHost.NONE_HEALTHY


def _portions(
    census: _Census, loads: PriorityLoads, settings: EnvoySettings, split: ZoneSplit | None
) -> Iterator[tuple[float, _Portion]]:
    """Every portion with the per cent of all requests that go to it."""
    for priority, level in enumerate(census.levels):
        panics, zones = loads.panic[priority], None if priority else split
        for load, asked in (
            (loads.healthy_load[priority], Health.HEALTHY),
            (loads.degraded_load[priority], Health.DEGRADED),
        ):
            for portion in _level_portions(level, asked, settings, panics=panics, split=zones) if load else ():
                yield load * portion.part, portion


def _level_portions(
    level: _Level, asked: Health, settings: EnvoySettings, *, panics: bool, split: ZoneSplit | None
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


def _hash_portions(level: _Level, settings: EnvoySettings, *, panics: bool) -> Sequence[_Portion]:
    # It builds one table of the healthy hosts, or of all in a panic, and asks that for degraded load too.
    hosts = level.whole.usable(Health.HEALTHY, panics=panics)
    if not settings.locality_weighted or not hosts:
        return [_Portion(hosts, reason=NoHost.NONE_FOR_HASH)]
    weighted = _weighted_portions(level, Health.HEALTHY, settings, panics=panics)
    return weighted or [_Portion((), reason=NoHost.NO_LOCALITY_WEIGHT)]


def _weighted_portions(level: _Level, asked: Health, settings: EnvoySettings, *, panics: bool) -> Sequence[_Portion]:
    """One portion for each locality with an effective weight; may be empty."""
    weights = [
        (pool.usable(asked, panics=panics), pool.effective_weight(asked, settings, panics=panics))
        for pool in level.sites.values()
    ]
    total = sum(weight for _, weight in weights)
    return [_Portion(hosts, weight / total) for hosts, weight in weights if weight]


def _zones(census: _Census, settings: EnvoySettings) -> ZoneSplit | None:
    if settings.zone_aware is None or settings.lb_policy.hashes:
        return None
    # A locality without any host is no locality to an Envoy.
    sites = census.levels[0].sites.items()
    return zone_split({site: len(pool.healthy) for site, pool in sites if pool.hosts}, settings.zone_aware)


def _zone_portions(level: _Level, asked: Health, split: ZoneSplit) -> Sequence[_Portion]:
    # The split rests on the healthy hosts; degraded load follows it, hosts or none.
    portions = [
        _Portion(level.sites[site].usable(asked), split.enabled * part, NoHost.NONE_IN_ZONE)
        for site, part in split.parts
    ]
    if split.enabled < 1:
        portions.append(_Portion(level.whole.usable(asked), 1 - split.enabled))
    return portions


def _pour(shares: list[float], load: float, hosts: Sequence[int], weights: Sequence[int]) -> None:
    # One division by integers, so that simple shares come out as they are written: 0.2, not 0.19999999999999998.
    total = 100 * sum(weights[position] for position in hosts)
    for position in hosts:
        shares[position] += load * weights[position] / total


def _group_shares(
    groups: Iterable[LocalityGroup],
    shares: Sequence[float],
    census: _Census,
    loads: PriorityLoads,
    settings: EnvoySettings,
) -> Iterator[GroupShare]:
    decisive = [
        settings.locality_weighted
        and (settings.lb_policy.hashes or not panics)
        and any(pool.effective_weight(Health.HEALTHY, settings, panics=panics) for pool in level.sites.values())
        for level, panics in zip(census.levels, loads.panic, strict=True)
    ]
    start = 0
    for group in groups:
        end = start + len(group.hosts)
        site = census.levels[group.priority].sites[site_of(group.locality)]
        weight = None
        if decisive[group.priority]:
            weight = site.effective_weight(Health.HEALTHY, settings, panics=loads.panic[group.priority])
        yield GroupShare(
            priority=group.priority,
            locality=group.locality,
            share=fsum(shares[start:end]),
            effective_weight=weight,
        )
        start = end
