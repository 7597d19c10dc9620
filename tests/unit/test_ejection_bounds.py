"""What outlier detection can do at an Envoy, without a simulation (OD-1, OD-2, LOAD-2)."""

from collections.abc import Collection

import pytest
from tests.groups import group

from meshtier import InvalidValueError
from meshtier.dataplane import EjectionBounds, EnvoySettings, Failure, ejection_bounds
from meshtier.rules.outlier import OutlierLimits

GUIDE = OutlierLimits(consecutive_5xx=5, interval_s=10.0, base_ejection_time_s=180.0, max_ejection_percent=50)
ALL = OutlierLimits(max_ejection_percent=100)


def bounds(
    *healths: str, limits: OutlierLimits = ALL, panic_threshold: float = 0, error_codes: Collection[int] = ()
) -> EjectionBounds:
    """Of priorities 0, 1, … with these endpoints."""
    groups = [group(letters, priority) for priority, letters in enumerate(healths)]
    settings = EnvoySettings(panic_threshold=panic_threshold)
    return ejection_bounds(groups, settings, limits, error_codes=error_codes)


def test_one_of_three_hosts_may_be_out_at_fifty_per_cent() -> None:
    # in-ambient: 2 is P0 of the waypoint, 1 and 3 are P1
    found = bounds("H", "HH", limits=GUIDE)
    assert (found.hosts, found.most_ejected) == (3, 1)
    assert (found.nearest, found.target, found.can_fail_over) == (0, 1, True)
    assert found.of(0).can_be_emptied
    assert not found.of(1).can_be_emptied
    assert (found.of(1).some_from, found.of(1).all_from, found.of(1).reason) == (1, 1, "")


def test_a_first_ejection_of_three_minutes_and_the_cap_of_five() -> None:
    found = bounds("H", "HH", limits=GUIDE)
    assert found.first_return_s == 190
    assert found.longest_return_s == 310
    assert found.failback_s == 311


def test_one_failing_host_is_out_at_its_fifth_error() -> None:
    # 10 requests a second, all to it: errors at 0, 0.1, 0.2, 0.3, 0.4 s, and the first ejection is delivered at once
    assert bounds("H", "HH", limits=GUIDE).failover_s(10) == pytest.approx(0.4)


def test_with_an_endpoint_for_each_pod_both_local_ones_may_be_out() -> None:
    # 1a is P0, 1b P1, 2a and 2b are P2: 2 of 4 are 50 %
    found = bounds("H", "H", "HH", limits=GUIDE)
    assert found.most_ejected == 2
    assert [(each.some_from, each.all_from) for each in found.priorities] == [(0, 0), (1, 1), (2, 2)]


def test_with_an_endpoint_for_each_network_the_second_ejection_is_refused() -> None:
    # 1a is P0, 1b P1, the gateway of c2 is P2: 2 of 3 are 67 %
    found = bounds("H", "H", "H", limits=GUIDE)
    assert found.most_ejected == 1
    assert (found.of(1).some_from, found.of(1).all_from) == (1, 1)
    assert (found.of(2).some_from, found.of(2).all_from) == (None, None)
    assert found.of(2).reason == "2 hosts come before it, and at most 1 may be out at once"
    assert found.can_fail_over


def test_the_default_of_ten_per_cent_never_ejects_one_of_three() -> None:
    found = bounds("H", "HH", limits=OutlierLimits())
    assert found.most_ejected == 0
    assert not found.of(0).can_be_emptied
    assert found.reason == "10 % of 3 hosts is less than one: nobody is ever ejected"
    assert (found.of(1).some_from, found.of(1).all_from) == (None, None)
    assert found.of(1).reason == "1 host comes before it, and at most 0 may be out at once"
    assert (found.first_return_s, found.longest_return_s, found.failback_s, found.failover_s(10)) == (None,) * 4
    assert found.why_not(10) == found.reason


def test_the_third_of_ten_hosts_sends_traffic_on_and_the_tenth_the_rest() -> None:
    # 140 * 8 // 10 = 112, 140 * 7 // 10 = 98
    found = bounds("H" * 10, "H")
    assert found.of(0).can_be_emptied
    assert (found.of(1).some_from, found.of(1).all_from) == (3, 10)


def test_a_limit_between_the_two_lets_traffic_spill_and_failover_never_complete() -> None:
    found = bounds("H" * 10, "HH", limits=OutlierLimits(max_ejection_percent=50))
    assert found.most_ejected == 6
    assert (found.of(1).some_from, found.of(1).all_from) == (3, None)
    assert found.reason == "priority 1: 10 hosts come before it, and at most 6 may be out at once"
    assert found.failover_s(100) is None


def test_one_of_two_hundred_hosts_is_no_whole_per_cent_of_health() -> None:
    # 140 * 1 // 200 = 0: the last one gets nothing, though it is never ejected
    found = bounds("H" * 200, "HH", limits=OutlierLimits(max_ejection_percent=99))
    assert found.most_ejected == 199
    assert found.of(1).all_from == 199
    assert not found.of(0).can_be_emptied


def test_an_unready_host_counts_as_a_host_and_as_one_that_is_out() -> None:
    found = bounds("HUU", "H", limits=OutlierLimits(max_ejection_percent=25))
    assert (found.hosts, found.most_ejected) == (4, 1)
    assert (found.of(0).hosts, found.of(0).healthy) == (3, 1)
    # 140 // 3 = 46: priority 1 has the rest now
    assert (found.of(1).some_from, found.of(1).all_from) == (0, 1)
    # and so has each error of the one host another 1 / 0.46 requests after the one before
    assert found.failover_s(46) == pytest.approx(4 / 0.46 / 46)


def test_a_priority_whose_hosts_are_all_unready_is_passed_over() -> None:
    found = bounds("UU", "HH", "H")
    assert (found.nearest, found.target) == (1, 2)
    assert (found.of(1).some_from, found.of(1).all_from) == (0, 0)
    assert not found.of(0).can_be_emptied
    assert found.of(2).all_from == 2


def test_nothing_moves_to_a_priority_without_a_host_that_can_take_traffic() -> None:
    found = bounds("H", "U", "H")
    assert found.of(1).reason == "none of its hosts can take traffic"
    assert found.target == 2
    assert found.can_fail_over


def test_draining_hosts_are_hosts_of_the_limit_and_none_of_health() -> None:
    found = bounds("HHR", "H", limits=OutlierLimits(max_ejection_percent=50))
    assert (found.hosts, found.most_ejected, found.of(0).healthy) == (4, 2, 2)
    assert (found.of(1).some_from, found.of(1).all_from) == (1, 2)


def test_degraded_hosts_count_after_the_healthy_ones() -> None:
    found = bounds("HHD", "HH")
    assert found.of(0).healthy == 3
    # once both healthy ones are out, priority 1 has health for everything
    assert found.of(1).all_from == 2


def test_gaps_between_priorities_are_no_priorities() -> None:
    found = ejection_bounds([group("H", 0), group("H", 4)], EnvoySettings(panic_threshold=0), ALL)
    assert [each.priority for each in found.priorities] == [0, 4]
    assert found.of(4).all_from == 1
    with pytest.raises(InvalidValueError, match="priority: expected a priority with a host, got 2"):
        found.of(2)


def test_one_priority_alone_has_nowhere_to_fail_over_to() -> None:
    found = bounds("HHH")
    assert found.of(0).can_be_emptied
    assert found.reason == "no other priority than 0 can take its traffic"
    assert (found.target, found.failover_s(1)) == (None, None)


def test_without_a_host_there_is_nothing() -> None:
    found = bounds()
    assert (found.hosts, found.priorities, found.nearest) == (0, (), None)
    assert found.reason == "no host can take traffic"


def test_in_a_panic_ejected_hosts_keep_traffic() -> None:
    # with 6 of 10 out: 56 + 28 = 84 % of health, and both priorities are below half: all hosts are used
    found = bounds("H" * 10, "HH" + "U" * 8, panic_threshold=50)
    assert (found.of(1).some_from, found.of(1).all_from) == (3, None)
    assert found.of(1).reason == "those before it keep traffic, for in a panic ejected hosts are used too"


def test_no_time_is_given_where_ejected_hosts_get_requests_in_a_panic() -> None:
    # with 9 of 10 out: 14 + 84 = 98 % of health, and the last one shares the load with the nine
    found = bounds("H" * 10, "HHHHHHUUUU", panic_threshold=50)
    assert found.can_fail_over
    assert (found.of(1).all_from, found.failover_s(100)) == (10, None)
    assert found.why_not(100) == "priority 0 panics before all its hosts are out, and those that are get requests too"


def test_no_panic_where_the_others_have_health_enough() -> None:
    assert bounds("H" * 10, "HH", panic_threshold=50).of(1).all_from == 10


@pytest.mark.parametrize(
    ("limits", "counts"),
    [
        (OutlierLimits(), (5, 5, 5, 5)),
        (OutlierLimits(consecutive_gateway=3), (5, 3, 3, 3)),
        (OutlierLimits(consecutive_5xx=2, consecutive_gateway=3), (2, 2, 2, 2)),
        (OutlierLimits(consecutive_5xx=0, consecutive_gateway=3), (None, 3, 3, 3)),
        (OutlierLimits(consecutive_5xx=0), (None, None, None, None)),
        (OutlierLimits(split_local_origin=True, consecutive_local_origin=7), (5, 5, 7, None)),
        (OutlierLimits(split_local_origin=True, consecutive_local_origin=1), (5, 5, 1, 1)),
    ],
)
def test_errors_in_a_row_by_kind_of_failure(limits: OutlierLimits, counts: tuple[int | None, ...]) -> None:
    found = bounds("H", "H", limits=limits)
    assert tuple(found.errors_to_eject(failure) for failure in Failure) == counts


@pytest.mark.parametrize(
    ("codes", "counts"),
    [
        ((503,), (None, 3, 3, 3)),
        ((500, 503), (5, 3, 3, 3)),
        ((429,), (5, None, 3, 3)),
    ],
)
def test_only_listed_statuses_count_and_failed_connections_all_the_same(
    codes: tuple[int, ...], counts: tuple[int | None, ...]
) -> None:
    found = bounds("H", "H", limits=OutlierLimits(consecutive_gateway=3), error_codes=codes)
    assert tuple(found.errors_to_eject(failure) for failure in Failure) == counts


def test_without_an_error_that_counts_nobody_is_ejected() -> None:
    found = bounds("H", "H", limits=OutlierLimits(consecutive_5xx=0, max_ejection_percent=100))
    assert found.most_ejected == 0
    assert found.reason == "no error counts: nobody is ever ejected"


def test_a_kind_of_failure_that_does_not_count_never_fails_over() -> None:
    limits = OutlierLimits(consecutive_5xx=0, consecutive_gateway=3, max_ejection_percent=100)
    found = bounds("H", "H", limits=limits)
    assert found.failover_s(1, Failure.GATEWAY_ERROR) == 2
    assert found.failover_s(1) is None
    assert found.why_not(1) == "no number of failures of kind 5xx ejects a host"


def test_several_hosts_wait_for_their_own_errors_and_for_the_merge_window() -> None:
    # each of 4 hosts gets every fourth request: 5 * 4 / 10 s, and the last ejection is delivered up to 1 s later
    assert bounds("HHHH", "H").failover_s(10) == pytest.approx(3)


def test_an_uneven_share_makes_the_lightest_host_the_last() -> None:
    near = group("HH", weights=[1, 4])
    found = ejection_bounds([near, group("HH", 1)], EnvoySettings(panic_threshold=0), ALL)
    assert found.slowest == pytest.approx(5)
    assert found.fastest == pytest.approx(1.25)
    assert found.failover_s(10) == pytest.approx(5 * 5 / 10 + 1)


def test_rounding_to_whole_per_cent_slows_the_last_of_many_hosts() -> None:
    # the last of 75 has 1 % of all requests, and had 1/75 before
    assert bounds("H" * 75, "H").slowest == pytest.approx(100)
    assert bounds("H" * 40, "H").slowest == pytest.approx(40)


def test_at_a_low_rate_the_first_host_is_back_before_the_last_is_out() -> None:
    found = bounds("H" * 10, "H")
    assert found.failover_s(10) == pytest.approx(6)
    # one request in 10 s for each host: they are ejected up to 10 s and a window apart, at 0.1/s 100 s
    assert found.failover_s(1) == pytest.approx(51)
    assert found.failover_s(0.1) is None
    assert found.why_not(0.1) == "at 0.1 requests a second the first hosts may be back before the last one is out"
    assert found.why_not(1) == ""


def test_a_host_without_a_share_is_never_ejected() -> None:
    near = [group("H", weight=1), group("H", locality=group("").locality._replace(zone="b"))]
    settings = EnvoySettings(panic_threshold=0, locality_weighted=True)
    found = ejection_bounds([*near, group("H", 1)], settings, ALL)
    assert found.failover_s(1) is None
    assert found.why_not(1) == "a host of priority 0 gets no requests, and so is never ejected"


def test_a_base_beyond_five_minutes_is_the_maximum() -> None:
    limits = OutlierLimits(base_ejection_time_s=600, max_ejection_time_s=600, max_ejection_percent=100)
    found = bounds("H", "H", limits=limits)
    assert (found.first_return_s, found.longest_return_s) == (610, 610)


def test_an_ejection_of_no_time_ends_at_the_next_sweep() -> None:
    found = bounds("H", "H", limits=OutlierLimits(base_ejection_time_s=0, max_ejection_percent=100))
    assert (found.first_return_s, found.longest_return_s) == (10, 10)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), True, "10"])
def test_a_rate_is_a_number_above_0(rate: float) -> None:
    with pytest.raises(InvalidValueError, match="rate: expected a number above 0, got"):
        bounds("H", "H").failover_s(rate)


def test_weighted_health_counts_the_heaviest_hosts_first() -> None:
    # weights 6, 1, 1, 1, 1: without the first 140 * 4 // 10 = 56
    near = group("HHHHH", weights=[1, 6, 1, 1, 1])
    settings = EnvoySettings(panic_threshold=0, weighted_priority_health=True)
    assert ejection_bounds([near, group("H", 1)], settings, ALL).of(1).some_from == 1
