"""How an Envoy spreads the load of a priority over its hosts (LOAD-3 to LOAD-5)."""

import pytest
from tests.groups import B, by_group, group, percent, shares, spread, zoned

from meshtier.dataplane import LbPolicy, LocalityGroup, NoHost
from meshtier.locality import Locality


def test_hosts_share_by_weight() -> None:
    groups = (group("HHH", weights=(1, 2, 3)), group("HH", locality=B, weights=(4, 10)))
    assert shares(*groups) == (0.05, 0.1, 0.15, 0.2, 0.5)


def test_a_weight_of_0_counts_as_1() -> None:
    assert shares(group("HHH", weights=(0, 1, 2))) == (0.25, 0.25, 0.5)


def test_random_ignores_host_weights() -> None:
    assert shares(group("HH", weights=(1, 9)), lb_policy=LbPolicy.RANDOM) == (0.5, 0.5)


def test_each_health_gets_its_own_load() -> None:
    result = spread(group("HHDDU"), panic_threshold=0)
    assert result.loads.healthy_load == (56,)
    assert tuple(result.shares.values()) == (0.28, 0.28, 0.22, 0.22, 0.0)


def test_a_panicking_priority_uses_all_its_hosts_and_the_draining_too() -> None:
    groups = (group("HRRUUUUUUU"), group("HHHHHUUUUU", 1))
    assert spread(*groups).loads.load == (20, 80)
    assert percent(*groups) == [[2.0] * 10, [16.0] * 5 + [0.0] * 5]


def test_degraded_load_of_a_panicking_priority_goes_to_all_its_hosts() -> None:
    groups = (group("HDUUUUUUUU"), group("HHHHDUUUUU", 1))
    assert spread(*groups).loads.panic == (True, False)
    assert percent(*groups) == [[2.9] * 10, [14.25] * 4 + [14.0] + [0.0] * 5]


def test_shares_are_found_by_id() -> None:
    assert spread(group("HU"), group("H", 1)).shares == {"0a0": 0.7, "0a1": 0.0, "1a0": 0.3}


def test_a_result_reads_as_one_line() -> None:
    assert repr(spread(group("HU"), group("H", 1))) == "<HostShares of 3 hosts: P0 70 %, P1 30 %>"
    assert repr(spread(group("H"), group("H", 1))) == "<HostShares of 2 hosts: P0 100 %>"
    lost = spread(group("U"), panic_threshold=0)
    assert repr(lost) == f"<HostShares of 1 hosts: P0 100 %; lost 100 %: {NoHost.NONE_HEALTHY.value}>"


# No host


def test_without_health_and_without_panic_no_host_is_left() -> None:
    result = spread(group("UUU"), group("RR", 1), panic_threshold=0)
    assert result.reason is NoHost.NONE_HEALTHY
    assert result.loads.reason is NoHost.NONE_HEALTHY
    assert (result.lost, set(result.shares.values())) == (1.0, {0.0})
    assert result.shares.reason == NoHost.NONE_HEALTHY.value


@pytest.mark.parametrize("threshold", [0, 50])
@pytest.mark.parametrize("groups", [(), (group(""),), (group("", 2),)], ids=["no group", "empty", "empty and late"])
def test_without_hosts_there_is_none_to_use(groups: tuple[LocalityGroup, ...], threshold: int) -> None:
    result = spread(*groups, panic_threshold=threshold)
    assert (result.reason, result.lost) == (NoHost.NO_HOSTS, 1.0)
    assert result.loads.load[0] == 100


def test_one_healthy_host_among_many_is_used_in_the_first_priority_only() -> None:
    # 140 * 1 // 150 = 0: nothing is available anywhere, and Envoy then asks priority 0.
    many = "H" + "U" * 149
    found = spread(group(many), panic_threshold=0)
    assert (found.shares["0a0"], found.reason) == (1.0, None)
    later = spread(group("UUU"), group(many, 1), panic_threshold=0)
    assert (later.reason, later.loads.reason) == (NoHost.NONE_HEALTHY, NoHost.NONE_HEALTHY)


def test_an_empty_priority_beside_one_without_health_is_no_lack_of_hosts() -> None:
    assert spread(group("UUU"), group("", 1), panic_threshold=0).loads.reason is NoHost.NONE_HEALTHY


def test_priority_0_is_asked_if_nothing_is_available_and_not_all_panic() -> None:
    # 1 * 1 // 2 = 0, while half of the hosts are enough against panic.
    result = spread(group("UU"), group("HU", 1), overprovisioning_factor=1)
    assert result.loads.panic == (True, False)
    assert (tuple(result.shares.values()), result.reason) == ((0.5, 0.5, 0.0, 0.0), None)


# Localities


def test_locality_weights_count_only_in_force() -> None:
    groups = (group("HHHH", weight=80), group("HH", locality=B, weight=20))
    assert by_group(*groups) == pytest.approx([2 / 3, 1 / 3])
    assert by_group(*groups, locality_weighted=True) == [0.8, 0.2]


def test_a_locality_weight_is_scaled_by_health() -> None:
    # 3 of 5 are 84 %: 42 to 50.
    groups = (group("HHHUU", weight=50), group("HHHHH", locality=B, weight=50))
    assert by_group(*groups, locality_weighted=True) == pytest.approx([42 / 92, 50 / 92])


def test_draining_hosts_do_not_lower_a_locality_weight() -> None:
    groups = (group("HHRRRR", weight=50), group("HHHH", locality=B, weight=50))
    assert by_group(*groups, locality_weighted=True) == [0.5, 0.5]


def test_host_weights_do_not_count_for_a_locality_weight() -> None:
    groups = (group("HUU", weight=60, weights=(1, 50, 50)), group("HHHH", locality=B, weight=40))
    assert by_group(*groups, locality_weighted=True, panic_threshold=0) == pytest.approx([28 / 68, 40 / 68])


def test_a_degraded_load_goes_by_degraded_counts() -> None:
    groups = (group("HHDDDD", weight=60), group("HDDD", locality=B, weight=40))
    # Healthy: 42, by 60 * 1.4 * 2/6 = 28 to 40 * 1.4 * 1/4 = 14. Degraded: 58, by 60 * 0.933 = 56 to 40.
    assert percent(*groups, locality_weighted=True, panic_threshold=0) == [
        [14.0] * 2 + [8.46] * 4,
        [14.0] + [8.06] * 3,
    ]


def test_an_unset_locality_weight_is_0() -> None:
    assert shares(group("HH", weight=5), group("HH", locality=B), locality_weighted=True) == (0.5, 0.5, 0.0, 0.0)


def test_with_no_effective_weight_all_healthy_hosts_share() -> None:
    groups = (group("UU", weight=5), group("HHHHHH", locality=B))
    assert percent(*groups, locality_weighted=True) == [[0.0, 0.0], [16.67] * 6]


def test_panic_ignores_locality_weights() -> None:
    groups = (group("HUUU", weight=90), group("HUUU", locality=B, weight=10))
    assert shares(*groups, locality_weighted=True) == (0.125,) * 8


@pytest.mark.parametrize("last", [30, None], ids=["the last weight", "the last that is set"])
def test_a_locality_that_stands_twice_is_merged_and_the_last_weight_holds(last: int | None) -> None:
    first = group("HH", weight=10 if last else 30, name="0x")
    again = group("HH", weight=last, name="0y")
    groups = (first, again, group("HHH", locality=B, weight=30))
    assert by_group(*groups, locality_weighted=True) == pytest.approx([0.25, 0.25, 0.5])


def test_network_and_node_do_not_tell_localities_apart() -> None:
    one, other = Locality("n1", "r", "a", node="x"), Locality("n2", "r", "a", node="y")
    groups = (group("H", locality=one, weight=1, name="0x"), group("H", locality=other, weight=3, name="0y"))
    assert shares(*groups, group("H", locality=B, weight=3), locality_weighted=True) == (0.25, 0.25, 0.5)


# Hash balancers


def test_a_hash_balancer_does_not_scale_locality_weights() -> None:
    groups = (group("HHHUUUU", weight=50), group("HHHHHHHH", locality=B, weight=50))
    result = by_group(*groups, locality_weighted=True, panic_threshold=0, lb_policy=LbPolicy.MAGLEV)
    assert result == pytest.approx([0.5, 0.5])


def test_a_hash_balancer_gives_degraded_load_to_healthy_hosts() -> None:
    assert shares(group("HHDDD"), panic_threshold=0, lb_policy=LbPolicy.RING_HASH) == (0.5, 0.5, 0, 0, 0)


def test_a_hash_balancer_loses_the_load_of_a_priority_without_healthy_hosts() -> None:
    result = spread(group("HUU"), group("DD", 1), panic_threshold=0, lb_policy=LbPolicy.RING_HASH)
    assert (result.loads.healthy_load, result.loads.degraded_load) == ((46, 0), (0, 54))
    assert tuple(result.shares.values()) == (0.46, 0, 0, 0, 0)
    assert (result.lost, result.reason) == (0.54, NoHost.NONE_FOR_HASH)


def test_a_hash_balancer_keeps_locality_weights_in_panic() -> None:
    for first in ("HUUU", "UUUU"):
        groups = (group(first, weight=90), group("HUUU", locality=B, weight=10))
        assert percent(*groups, locality_weighted=True, lb_policy=LbPolicy.MAGLEV) == [[22.5] * 4, [2.5] * 4]


def test_a_hash_balancer_has_no_host_where_no_locality_has_a_weight() -> None:
    groups = (group("UUU", weight=5), group("HHHHHHHH", locality=B))
    result = spread(*groups, locality_weighted=True, lb_policy=LbPolicy.MAGLEV)
    assert (result.lost, result.reason) == (1.0, NoHost.NO_LOCALITY_WEIGHT)


def test_a_hash_balancer_without_healthy_hosts_has_none_whatever_the_weights() -> None:
    result = spread(group("DD", weight=5), panic_threshold=0, locality_weighted=True, lb_policy=LbPolicy.MAGLEV)
    assert (result.lost, result.reason) == (1.0, NoHost.NONE_FOR_HASH)


def test_of_several_reasons_that_of_the_greatest_part_is_given() -> None:
    # Degraded load of 55 % finds no healthy host in P0, healthy load of 45 % no locality with a weight in P1.
    groups = (group("DUUU", weight=5), group("HUUUU", 1))
    result = spread(*groups, panic_threshold=0, locality_weighted=True, lb_policy=LbPolicy.MAGLEV)
    assert (result.loads.degraded_load, result.loads.healthy_load) == ((55, 0), (0, 45))
    assert result.lost == pytest.approx(1.0)
    assert result.reason is NoHost.NONE_FOR_HASH


def test_a_hash_balancer_knows_no_zones_and_no_failing_on_panic() -> None:
    zone_aware = zoned(fail_traffic_on_panic=True)
    groups = (group("HH"), group("HHHHHH", locality=B))
    assert shares(*groups, zone_aware=zone_aware, lb_policy=LbPolicy.MAGLEV) == (0.125,) * 8
    assert not spread(group("UUUU"), zone_aware=zone_aware, lb_policy=LbPolicy.MAGLEV).lost


# Zone-aware routing


def test_priority_0_is_spread_by_zone() -> None:
    assert percent(group("HH"), group("HHHHHH", locality=B), zone_aware=zoned()) == [[25.0] * 2, [8.33] * 6]


def test_other_priorities_are_not_spread_by_zone() -> None:
    groups = (group("HU"), group("HU", locality=B), group("HH", 1), group("H", 1, locality=B))
    assert percent(*groups, zone_aware=zoned()) == [[70.0, 0.0], [0.0, 0.0], [10.0, 10.0], [10.0]]


def test_the_zones_of_priority_0_count_whatever_those_of_the_last_are() -> None:
    groups = (group("H"), group("HHH", locality=B), group("H", 1))
    assert percent(*groups, zone_aware=zoned()) == [[50.0], [16.67] * 3, [0.0]]


def test_zones_do_not_count_in_panic() -> None:
    assert shares(group("HUUU"), group("HUUU", locality=B), zone_aware=zoned()) == (0.125,) * 8


def test_a_part_of_the_requests_can_be_spread_by_zone() -> None:
    groups = (group("H"), group("HHH", locality=B))
    assert percent(*groups, zone_aware=zoned(routing_enabled=50)) == [[37.5], [20.83] * 3]


def test_a_locality_without_hosts_is_no_zone() -> None:
    # Nothing is healthy; with two zones, half of the degraded load would be sent to the empty one.
    result = spread(group("DD"), group("", locality=B), zone_aware=zoned(min_cluster_size=0))
    assert result.shares == {"0a0": 0.5, "0a1": 0.5}
    assert not result.lost


def test_degraded_load_follows_the_zones_of_the_healthy_and_may_find_no_host() -> None:
    # 35 % for the healthy and 65 % for the degraded; half of each stays in zone a, which has none degraded.
    groups = (group("HUUU"), group("HHHUUUDDDD", locality=B))
    result = spread(*groups, zone_aware=zoned(), panic_threshold=0)
    healthy, degraded = result.loads.healthy_load[0], result.loads.degraded_load[0]
    assert result.lost == pytest.approx(degraded / 200)
    assert result.reason is NoHost.NONE_IN_ZONE
    assert result.shares["0a0"] == pytest.approx(healthy / 200)


def test_traffic_can_be_told_to_fail_in_panic() -> None:
    # Priority 0 has 4 of 10: it panics, and what it has is lost.
    groups = (group("HHHHUUUUUU"), group("HHHUUUUUUU", 1), group("HHHHHUUUUU", 2))
    result = spread(*groups, zone_aware=zoned(fail_traffic_on_panic=True), overprovisioning_factor=70)
    assert result.loads.panic == (True, True, False)
    assert result.lost == pytest.approx((result.loads.load[0] + result.loads.load[1]) / 100)
    assert result.reason is NoHost.FAILS_ON_PANIC


def test_the_zone_of_the_envoy_itself_keeps_all_where_it_has_hosts_enough() -> None:
    assert by_group(group("HHHH"), group("H", locality=B), zone_aware=zoned()) == [1.0, 0.0]
