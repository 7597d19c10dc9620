"""How an Envoy spreads load, rule by rule; hosts are written as one letter each, as in the vectors."""

import pickle
from collections.abc import Callable, Sequence
from typing import TypedDict, Unpack

import pytest

from meshtier.dataplane.envoy import HostShares, NoHost, PriorityLoads, host_shares, priority_loads
from meshtier.dataplane.settings import (
    DEFAULT_SETTINGS,
    EnvoySettings,
    Host,
    LbPolicy,
    LocalityGroup,
    ZoneAware,
    whole_percent,
)
from meshtier.dataplane.zone_aware import ZoneRouting
from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError
from meshtier.locality import Locality

HEALTH = {"H": Health.HEALTHY, "D": Health.DEGRADED, "U": Health.UNHEALTHY, "R": Health.TERMINATING}
A, B = Locality(region="r", zone="a"), Locality(region="r", zone="b")
BOTH_ZONES = {A: 2, B: 2}
NO_PANIC = EnvoySettings(panic_threshold=0)


class Options(TypedDict, total=False):
    overprovisioning_factor: int
    panic_threshold: float
    weighted_priority_health: bool
    locality_weighted: bool
    zone_aware: ZoneAware
    lb_policy: LbPolicy


class ZoneOptions(TypedDict, total=False):
    routing_enabled: float
    fail_traffic_on_panic: bool


def group(
    hosts: str,
    priority: int = 0,
    *,
    locality: Locality = A,
    weight: int | None = None,
    host_weights: Sequence[int] = (),
    name: str = "",
) -> LocalityGroup:
    prefix = name or f"{priority}{locality.zone}"
    weights = host_weights or [1] * len(hosts)
    return LocalityGroup(
        priority=priority,
        locality=locality,
        weight=weight,
        hosts=tuple(
            Host(id=f"{prefix}{index}", health=HEALTH[letter], weight=host_weight)
            for index, (letter, host_weight) in enumerate(zip(hosts, weights, strict=True))
        ),
    )


def loads(*hosts: str, **options: Unpack[Options]) -> PriorityLoads:
    """The loads of priorities 0, 1, … with these hosts."""
    groups = [group(letters, priority) for priority, letters in enumerate(hosts)]
    return priority_loads(groups, EnvoySettings(**options))


def shares(*groups: LocalityGroup, **options: Unpack[Options]) -> HostShares:
    return host_shares(groups, EnvoySettings(**options))


def rounded(result: HostShares, *sizes: int) -> list[list[float]]:
    """The shares in per cent, cut into groups of these sizes."""
    percent = iter([round(100 * share, 2) for share in result.shares])
    return [[next(percent) for _ in range(size)] for size in sizes]


# Priorities


def test_a_whole_priority_takes_everything() -> None:
    assert loads("HHH", "HHH").load == (100, 0)


def test_ten_of_fourteen_hosts_are_a_whole_priority() -> None:
    # 140 * 5 // 7 = 100 and 140 * 7 // 10 = 98.
    assert loads("HHHHHUU", "H").load == (100, 0)
    assert loads("HHHHHHHUUU", "H").load == (98, 2)


def test_the_overprovisioning_factor_can_be_another() -> None:
    assert loads("HHHU", "H", overprovisioning_factor=100).load == (75, 25)


def test_failover_spills_and_returns_as_hosts_go_and_come() -> None:
    # three ready: 100; one gone: 93; two gone: 46; all gone: 0; all back: 100
    steps = [loads(near, "HH", panic_threshold=0).load for near in ("HHH", "HHU", "HUU", "UUU", "HHH")]
    assert steps == [(100, 0), (93, 7), (46, 54), (0, 100), (100, 0)]


def test_too_little_health_in_all_is_scaled_up_and_the_first_takes_the_rounding() -> None:
    result = loads("HUUUUUU", "HUUUUUU", "HUUUUUU", panic_threshold=0)
    assert result.healthy_availability == (20, 20, 20)
    assert result.load == (34, 33, 33)


def test_degraded_hosts_serve_what_no_healthy_host_can() -> None:
    result = loads("HHDDDUUUUU", "HDUUUUUUUU", panic_threshold=0)
    assert result.degraded_availability == (42, 14)
    assert result.healthy_load == (30, 14)
    assert result.degraded_load == (42, 14)


def test_rounding_goes_to_the_first_degraded_if_none_is_healthy() -> None:
    result = loads("DUUUUUU", "DUUUUUU", "DUUUUUU", panic_threshold=0)
    assert (result.healthy_load, result.degraded_load) == ((0, 0, 0), (34, 33, 33))


def test_draining_hosts_do_not_count_for_health() -> None:
    assert loads("HHHRRRR", "HHH").load == (100, 0)


def test_gaps_and_empty_priorities_get_nothing() -> None:
    result = priority_loads([group("HHHUU"), group("", 1), group("HHHHH", 3)])
    assert result.load == (84, 0, 0, 16)


def test_health_can_go_by_weight() -> None:
    groups = [group("HUUU", host_weights=(7, 1, 1, 1)), group("HHH", 1)]
    assert priority_loads(groups, EnvoySettings(weighted_priority_health=True)).load == (98, 2)
    assert priority_loads(groups).load == (35, 65)


def test_draining_hosts_do_not_count_for_health_by_weight_either() -> None:
    groups = [group("HURR", host_weights=(1, 1, 50, 50)), group("H", 1)]
    assert priority_loads(groups, EnvoySettings(weighted_priority_health=True)).load == (70, 30)


# Panic


def test_nothing_panics_while_there_is_health_enough_in_all() -> None:
    assert loads("HUUUUUUUUU", "HHHHHHHHHH").panic == (False, False)


def test_a_priority_panics_below_the_threshold_and_keeps_its_load() -> None:
    result = loads("HHHHHHUUUU", "HUUUUUUUUU")
    assert result.load == (86, 14)
    assert result.panic == (False, True)
    assert not result.total_panic


def test_the_threshold_itself_is_enough() -> None:
    assert loads("HHHHHUUUUU").panic == (False,)
    assert loads("HHHHUUUUUU").panic == (True,)


def test_degraded_hosts_count_against_panic() -> None:
    assert loads("HHHDDUUUUU").panic == (False,)


def test_draining_hosts_do_not_count_towards_panic() -> None:
    assert loads("HURRRR").panic == (False,)


def test_an_empty_priority_panics_with_the_rest() -> None:
    assert loads("", "UUU").panic == (True, True)
    assert loads("", "UUU").load == (0, 100)


def test_if_all_panic_load_follows_the_numbers_of_hosts_with_the_draining() -> None:
    result = loads("RRUU", "RUU")
    assert result.total_panic
    assert result.load == (58, 42)


def test_panic_goes_by_counts_even_if_health_goes_by_weight() -> None:
    groups = [group("HUU", host_weights=(1, 9, 9))]
    assert priority_loads(groups, EnvoySettings(weighted_priority_health=True, panic_threshold=33)).panic == (False,)
    assert priority_loads(groups, EnvoySettings(weighted_priority_health=True, panic_threshold=34)).panic == (True,)


@pytest.mark.parametrize(
    ("configured", "effective"), [(0.9, 0), (29, 28), (30, 30), (33.99, 33), (57, 56), (58, 57), (100, 100)]
)
def test_a_percentage_is_truncated_in_floating_point(configured: float, effective: int) -> None:
    assert whole_percent(configured) == effective


def test_the_panic_threshold_is_truncated() -> None:
    # 2 of 7 are 28.57 %: under 29, and not under the 28 that it acts as.
    assert loads("HHUUUUU", panic_threshold=29).panic == (False,)
    assert loads("HHUUUUU", panic_threshold=30).panic == (True,)


# No host


def test_without_health_and_without_panic_no_host_is_left() -> None:
    result = shares(group("UUU"), group("RR", 1), panic_threshold=0)
    assert result.reason is NoHost.NONE_HEALTHY
    assert result.loads.reason is NoHost.NONE_HEALTHY
    assert (result.lost, result.shares) == (1.0, (0.0,) * 5)


@pytest.mark.parametrize("threshold", [0, 50])
@pytest.mark.parametrize("groups", [(), (group(""),), (group("", 2),)], ids=["no group", "empty", "empty and late"])
def test_without_hosts_there_is_none_to_use(groups: tuple[LocalityGroup, ...], threshold: int) -> None:
    result = shares(*groups, panic_threshold=threshold)
    assert (result.reason, result.lost) == (NoHost.NO_HOSTS, 1.0)
    assert result.loads.load[0] == 100


def test_one_healthy_host_among_many_is_used_in_the_first_priority_only() -> None:
    # 140 * 1 // 150 = 0: nothing is available anywhere, and Envoy then asks priority 0.
    many = "H" + "U" * 149
    found = shares(group(many), panic_threshold=0)
    assert (found.shares[0], found.reason) == (1.0, None)
    assert shares(group("UUU"), group(many, 1), panic_threshold=0).reason is NoHost.NONE_HEALTHY


def test_priority_0_is_asked_if_nothing_is_available_and_not_all_panic() -> None:
    # 1 * 1 // 2 = 0, while half of the hosts are enough against panic.
    result = shares(group("UU"), group("HU", 1), overprovisioning_factor=1)
    assert result.loads.panic == (True, False)
    assert (result.shares, result.reason) == ((0.5, 0.5, 0.0, 0.0), None)


# Hosts


def test_hosts_share_by_weight() -> None:
    result = shares(group("HHH", host_weights=(1, 2, 3)), group("HH", locality=B, host_weights=(4, 10)))
    assert result.shares == (0.05, 0.1, 0.15, 0.2, 0.5)


def test_random_ignores_host_weights() -> None:
    assert shares(group("HH", host_weights=(1, 9)), lb_policy=LbPolicy.RANDOM).shares == (0.5, 0.5)


def test_each_health_gets_its_own_load() -> None:
    result = shares(group("HHDDU"), panic_threshold=0)
    assert result.loads.healthy_load == (56,)
    assert result.shares == (0.28, 0.28, 0.22, 0.22, 0.0)


def test_a_panicking_priority_uses_all_its_hosts_and_the_draining_too() -> None:
    result = shares(group("HRRUUUUUUU"), group("HHHHHUUUUU", 1))
    assert result.loads.load == (20, 80)
    assert rounded(result, 10, 10) == [[2.0] * 10, [16.0] * 5 + [0.0] * 5]


def test_degraded_load_of_a_panicking_priority_goes_to_all_its_hosts() -> None:
    result = shares(group("HDUUUUUUUU"), group("HHHHDUUUUU", 1))
    assert result.loads.panic == (True, False)
    assert rounded(result, 10, 10) == [[2.9] * 10, [14.25] * 4 + [14.0] + [0.0] * 5]


def test_shares_are_found_by_id_and_by_group() -> None:
    result = shares(group("HU"), group("H", 1))
    assert dict(result.by_id) == {"0a0": 0.7, "0a1": 0.0, "1a0": 0.3}
    assert [(each.priority, each.locality, each.share) for each in result.groups] == [(0, A, 0.7), (1, A, 0.3)]


def test_a_result_reads_as_one_line() -> None:
    assert repr(shares(group("HU"), group("H", 1))) == "<HostShares of 3 hosts: P0 70 %, P1 30 %>"
    lost = shares(group("U"), panic_threshold=0)
    assert repr(lost) == f"<HostShares of 1 hosts: P0 100 %; lost 100 %: {NoHost.NONE_HEALTHY.value}>"


# Localities


def test_locality_weights_count_only_in_force() -> None:
    groups = (group("HHHH", weight=80), group("HH", locality=B, weight=20))
    assert [round(each.share, 4) for each in shares(*groups).groups] == [0.6667, 0.3333]
    assert [each.share for each in shares(*groups, locality_weighted=True).groups] == [0.8, 0.2]


def test_a_locality_weight_is_scaled_by_health() -> None:
    # 3 of 5 are 84 %: 42 to 50.
    result = shares(group("HHHUU", weight=50), group("HHHHH", locality=B, weight=50), locality_weighted=True)
    assert [each.effective_weight for each in result.groups] == pytest.approx([42.0, 50.0])
    assert [each.share for each in result.groups] == pytest.approx([42 / 92, 50 / 92])


def test_draining_hosts_do_not_lower_a_locality_weight() -> None:
    result = shares(group("HHRRRR", weight=50), group("HHHH", locality=B, weight=50), locality_weighted=True)
    assert [each.share for each in result.groups] == [0.5, 0.5]


def test_host_weights_do_not_count_for_a_locality_weight() -> None:
    groups = (group("HUU", weight=60, host_weights=(1, 50, 50)), group("HHHH", locality=B, weight=40))
    result = shares(*groups, locality_weighted=True, panic_threshold=0)
    assert [each.share for each in result.groups] == pytest.approx([28 / 68, 40 / 68])


def test_a_degraded_load_goes_by_degraded_counts() -> None:
    groups = (group("HHDDDD", weight=60), group("HDDD", locality=B, weight=40))
    result = shares(*groups, locality_weighted=True, panic_threshold=0)
    # Healthy: 42, by 60 * 1.4 * 2/6 = 28 to 40 * 1.4 * 1/4 = 14. Degraded: 58, by 60 * 0.933 = 56 to 40.
    assert rounded(result, 6, 4) == [[14.0] * 2 + [8.46] * 4, [14.0] + [8.06] * 3]


def test_an_unset_locality_weight_is_0() -> None:
    result = shares(group("HH", weight=5), group("HH", locality=B), locality_weighted=True)
    assert result.shares == (0.5, 0.5, 0.0, 0.0)


def test_with_no_effective_weight_all_healthy_hosts_share() -> None:
    result = shares(group("UU", weight=5), group("HHHHHH", locality=B), locality_weighted=True)
    assert rounded(result, 2, 6) == [[0.0, 0.0], [16.67] * 6]
    assert [each.effective_weight for each in result.groups] == [None, None]


def test_panic_ignores_locality_weights() -> None:
    result = shares(group("HUUU", weight=90), group("HUUU", locality=B, weight=10), locality_weighted=True)
    assert result.shares == (0.125,) * 8
    assert [each.effective_weight for each in result.groups] == [None, None]


@pytest.mark.parametrize("last", [30, None], ids=["the last weight", "the last that is set"])
def test_a_locality_that_stands_twice_is_merged_and_the_last_weight_holds(last: int | None) -> None:
    first = group("HH", weight=10 if last else 30, name="0x")
    again = group("HH", weight=last, name="0y")
    result = shares(first, again, group("HHH", locality=B, weight=30), locality_weighted=True)
    assert [each.share for each in result.groups] == pytest.approx([0.25, 0.25, 0.5])


def test_network_and_node_do_not_tell_localities_apart() -> None:
    one, other = Locality("n1", "r", "a", node="x"), Locality("n2", "r", "a", node="y")
    groups = (group("H", locality=one, weight=1, name="0x"), group("H", locality=other, weight=3, name="0y"))
    assert shares(*groups, group("H", locality=B, weight=3), locality_weighted=True).shares == (0.25, 0.25, 0.5)


# Hash balancers


def test_a_hash_balancer_does_not_scale_locality_weights() -> None:
    groups = (group("HHHUUUU", weight=50), group("HHHHHHHH", locality=B, weight=50))
    result = shares(*groups, locality_weighted=True, panic_threshold=0, lb_policy=LbPolicy.MAGLEV)
    assert [each.share for each in result.groups] == pytest.approx([0.5, 0.5])
    assert [each.effective_weight for each in result.groups] == [50.0, 50.0]


def test_a_hash_balancer_gives_degraded_load_to_healthy_hosts() -> None:
    assert shares(group("HHDDD"), panic_threshold=0, lb_policy=LbPolicy.RING_HASH).shares == (0.5, 0.5, 0, 0, 0)


def test_a_hash_balancer_loses_the_load_of_a_priority_without_healthy_hosts() -> None:
    result = shares(group("HUU"), group("DD", 1), panic_threshold=0, lb_policy=LbPolicy.RING_HASH)
    assert (result.loads.healthy_load, result.loads.degraded_load) == ((46, 0), (0, 54))
    assert result.shares == (0.46, 0, 0, 0, 0)
    assert (result.lost, result.reason) == (0.54, NoHost.NONE_FOR_HASH)


def test_a_hash_balancer_keeps_locality_weights_in_panic() -> None:
    groups = (group("HUUU", weight=90), group("HUUU", locality=B, weight=10))
    result = shares(*groups, locality_weighted=True, lb_policy=LbPolicy.MAGLEV)
    assert rounded(result, 4, 4) == [[22.5] * 4, [2.5] * 4]


def test_a_hash_balancer_has_no_host_where_no_locality_has_a_weight() -> None:
    groups = (group("UUU", weight=5), group("HHHHHHHH", locality=B))
    result = shares(*groups, locality_weighted=True, lb_policy=LbPolicy.MAGLEV)
    assert (result.lost, result.reason) == (1.0, NoHost.NO_LOCALITY_WEIGHT)


def test_a_hash_balancer_knows_no_zones_and_no_failing_on_panic() -> None:
    zone_aware = ZoneAware(node_locality=A, local_hosts=BOTH_ZONES, min_cluster_size=1, fail_traffic_on_panic=True)
    result = shares(group("HHHH"), group("HHHH", locality=B), zone_aware=zone_aware, lb_policy=LbPolicy.MAGLEV)
    assert result.shares == (0.125,) * 8
    assert result.zone_routing is ZoneRouting.NONE
    assert not shares(group("UUUU"), zone_aware=zone_aware, lb_policy=LbPolicy.MAGLEV).lost


# Zone-aware routing


def zoned(**options: Unpack[ZoneOptions]) -> ZoneAware:
    return ZoneAware(node_locality=A, local_hosts=BOTH_ZONES, min_cluster_size=1, **options)


def test_priority_0_is_spread_by_zone() -> None:
    result = shares(group("HH"), group("HHHHHH", locality=B), zone_aware=zoned())
    assert result.zone_routing is ZoneRouting.RESIDUAL
    assert rounded(result, 2, 6) == [[25.0] * 2, [8.33] * 6]


def test_other_priorities_are_not_spread_by_zone() -> None:
    groups = (group("HU"), group("HU", locality=B), group("HH", 1), group("H", 1, locality=B))
    result = shares(*groups, zone_aware=zoned())
    assert result.zone_routing is ZoneRouting.DIRECT
    assert rounded(result, 2, 2, 2, 1) == [[70.0, 0.0], [0.0, 0.0], [10.0, 10.0], [10.0]]


def test_zones_do_not_count_in_panic() -> None:
    result = shares(group("HUUU"), group("HUUU", locality=B), zone_aware=zoned())
    assert result.shares == (0.125,) * 8


def test_a_part_of_the_requests_can_be_spread_by_zone() -> None:
    result = shares(group("H"), group("HHH", locality=B), zone_aware=zoned(routing_enabled=50))
    assert rounded(result, 1, 3) == [[37.5], [20.83] * 3]


def test_a_locality_without_hosts_is_no_zone() -> None:
    result = shares(group("HHHH"), group("", locality=B), zone_aware=zoned())
    assert result.zone_routing is ZoneRouting.NONE


def test_degraded_load_follows_the_zones_of_the_healthy_and_may_find_no_host() -> None:
    # 35 % for the healthy and 65 % for the degraded; half of each stays in zone a, which has none degraded.
    groups = (group("HUUU"), group("HHHUUUDDDD", locality=B))
    result = shares(*groups, zone_aware=zoned(), panic_threshold=0)
    healthy, degraded = result.loads.healthy_load[0], result.loads.degraded_load[0]
    assert result.lost == pytest.approx(degraded / 200)
    assert result.reason is NoHost.NONE_IN_ZONE
    assert result.groups[0].share == pytest.approx(healthy / 200)


def test_traffic_can_be_told_to_fail_in_panic() -> None:
    # Priority 0 has 4 of 10: it panics, and what it has is lost.
    groups = (group("HHHHUUUUUU"), group("HHHUUUUUUU", 1))
    result = shares(
        *groups, group("HHHHHUUUUU", 2), zone_aware=zoned(fail_traffic_on_panic=True), overprovisioning_factor=70
    )
    assert result.loads.panic == (True, True, False)
    assert result.lost == pytest.approx((result.loads.load[0] + result.loads.load[1]) / 100)
    assert result.reason is NoHost.FAILS_ON_PANIC


# Refusals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Host(id=""), "id: expected a non-empty string, got ''"),
        (lambda: Host(id="a", weight=0), "weight: expected an integer from 1 to 4294967295, got 0"),
        (lambda: Host(id="a", weight=True), "weight: expected an integer from 1 to 4294967295, got True"),
        (lambda: Host(id="a", weight=2**32), "weight: expected an integer from 1 to 4294967295, got 4294967296"),
        (
            lambda: Host(id="a", health="healthy"),  # type: ignore[arg-type]  # what is refused
            f"health: expected one of {', '.join(map(str, Health))}, got 'healthy'",
        ),
        (lambda: LocalityGroup(priority=129), "priority: expected an integer from 0 to 128, got 129"),
        (lambda: LocalityGroup(priority=-1), "priority: expected an integer from 0 to 128, got -1"),
        (lambda: LocalityGroup(priority=False), "priority: expected an integer from 0 to 128, got False"),
        (lambda: LocalityGroup(weight=0), "weight: expected an integer from 1 to 4294967295, got 0"),
        (
            lambda: LocalityGroup(locality="r/z"),  # type: ignore[arg-type]  # what is refused
            "locality: expected a Locality, got 'r/z'",
        ),
        (
            lambda: LocalityGroup(hosts=["a"]),  # type: ignore[list-item]  # what is refused
            "hosts[0]: expected a Host, got 'a'",
        ),
        (
            lambda: LocalityGroup(hosts=(Host(id="a", weight=2**32 - 1), Host(id="b"))),
            "hosts: expected weights with a sum of at most 4294967295, got a sum of 4294967296",
        ),
        (
            lambda: EnvoySettings(overprovisioning_factor=0),
            "overprovisioning_factor: expected an integer from 1 to 4294967295, got 0",
        ),
        (lambda: EnvoySettings(panic_threshold=100.5), "panic_threshold: expected a number from 0 to 100, got 100.5"),
        (
            lambda: EnvoySettings(panic_threshold=float("nan")),
            "panic_threshold: expected a number from 0 to 100, got nan",
        ),
        (lambda: EnvoySettings(panic_threshold=True), "panic_threshold: expected a number from 0 to 100, got True"),
        (
            lambda: EnvoySettings(locality_weighted=1),  # type: ignore[arg-type]  # what is refused
            "locality_weighted: expected True or False, got 1",
        ),
        (
            lambda: EnvoySettings(weighted_priority_health=None),  # type: ignore[arg-type]  # what is refused
            "weighted_priority_health: expected True or False, got None",
        ),
        (
            lambda: EnvoySettings(lb_policy="RANDOM"),  # type: ignore[arg-type]  # what is refused
            f"lb_policy: expected one of {', '.join(map(str, LbPolicy))}, got 'RANDOM'",
        ),
        (
            lambda: EnvoySettings(zone_aware=True),  # type: ignore[arg-type]  # what is refused
            "zone_aware: expected a ZoneAware or None, got True",
        ),
        (
            lambda: EnvoySettings(locality_weighted=True, zone_aware=zoned()),
            "zone_aware: expected None together with locality_weighted, got a ZoneAware",
        ),
        (
            lambda: ZoneAware(node_locality="a", local_hosts={}),  # type: ignore[arg-type]  # what is refused
            "node_locality: expected a Locality, got 'a'",
        ),
        (
            lambda: ZoneAware(node_locality=A, local_hosts={"a": 1}),  # type: ignore[dict-item]  # what is refused
            "local_hosts: expected a Locality and a number of hosts, got ('a', 1)",
        ),
        (
            lambda: ZoneAware(node_locality=A, local_hosts=3),  # type: ignore[arg-type]  # what is refused
            "local_hosts: expected numbers of hosts by Locality, got 3",
        ),
        (
            lambda: LocalityGroup(hosts=3),  # type: ignore[arg-type]  # what is refused
            "hosts: expected hosts, got 3",
        ),
        (
            lambda: host_shares([Host(id="a")]),  # type: ignore[list-item]  # what is refused
            "groups[0]: expected a LocalityGroup, got Host(id='a', health=<Health.HEALTHY: 'healthy'>, weight=1)",
        ),
        (
            lambda: ZoneAware(node_locality=A, local_hosts={A: -1}),
            "local_hosts[r/a]: expected an integer from 0 to 4294967295, got -1",
        ),
        (lambda: zoned(routing_enabled=-1), "routing_enabled: expected a number from 0 to 100, got -1"),
        (
            lambda: zoned(fail_traffic_on_panic=0),  # type: ignore[arg-type]  # what is refused
            "fail_traffic_on_panic: expected True or False, got 0",
        ),
    ],
)
def test_what_an_envoy_would_reject_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        make()
    assert str(caught.value) == message


def test_two_hosts_of_one_id_are_refused() -> None:
    with pytest.raises(InvalidValueError) as caught:
        host_shares([group("H", name="x"), group("HH", 1, name="x")])
    assert str(caught.value) == "groups[1].hosts[0].id: expected a new id, got 'x0' again"


def test_locality_weights_of_one_priority_must_fit_32_bits() -> None:
    groups = [group("H", weight=2**32 - 1), group("H", 1, weight=5), group("H", locality=B, weight=1)]
    with pytest.raises(InvalidValueError) as caught:
        priority_loads(groups)
    assert caught.value.path == "groups[2].weight"
    assert caught.value.problem == (
        "expected locality weights of one priority with a sum of at most 4294967295, "
        "got a sum of 4294967296 with this one"
    )


def test_groups_may_come_from_an_iterator() -> None:
    assert host_shares(iter([group("HU"), group("H", 1)])).shares == (0.7, 0.0, 0.3)


def test_values_and_results_survive_pickling_and_the_inputs_are_hashable() -> None:
    result = shares(group("HU"), group("H", 1))
    assert pickle.loads(pickle.dumps(result)) == result  # its own
    assert hash((DEFAULT_SETTINGS, group("H"), zoned())) == hash((EnvoySettings(), group("H"), zoned()))
    assert NO_PANIC != DEFAULT_SETTINGS
