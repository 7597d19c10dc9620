"""What the outlier detection of a Solo ztunnel does with connections, under limits that the caller states."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

from meshtier.endpoint import Endpoint, Health
from meshtier.errors import InputError, InvalidValueError
from meshtier.locality import Locality
from meshtier.rules.fields import FieldReader, Problems
from meshtier.simulate import (
    OK,
    REFUSED,
    Answer,
    ConnectionDetector,
    ConnectionLimits,
    Detector,
    DetectorEvent,
    DetectorEventKind,
    connection_shares,
)
from meshtier.tiers import Tier

STATED: Mapping[str, Any] = {
    "decay": 0.5,
    "consecutive_failures": 3,
    "base_ejection_time_s": 10.0,
    "max_ejection_time_s": 35.0,
    "growth": 2.0,
    "reset_after_s": 100.0,
    "return_weight": 0.75,
}
WRITTEN: Mapping[str, Any] = {
    "decay": 0.5,
    "consecutiveFailures": 3,
    "baseEjectionTime": "10s",
    "maxEjectionTime": "35s",
    "growth": 2,
    "resetAfter": "1m40s",
    "returnWeight": 0.75,
}
HOSTS = dict.fromkeys("abc", "zone")


def limits(**changes: Any) -> ConnectionLimits:
    return ConnectionLimits(**{**STATED, **changes})


def detector(**changes: Any) -> ConnectionDetector:
    return ConnectionDetector(limits(**changes), HOSTS)


def eject(watched: ConnectionDetector, at: float, host: str = "a") -> DetectorEvent:
    (event,) = watched.observe(at, host, REFUSED, watched.limits.consecutive_failures)
    return event


def refused(**changes: Any) -> list[tuple[str, str]]:
    """The problems of the written limits with these changes."""
    with pytest.raises(InputError) as caught:
        ConnectionLimits.from_mapping({**WRITTEN, **changes})
    return [(problem.path, problem.problem) for problem in caught.value.problems]


# Limits


def test_no_limit_has_a_default() -> None:
    for name in STATED:
        with pytest.raises(TypeError, match=name):
            ConnectionLimits(**{key: value for key, value in STATED.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("decay", 0, "a number above 0 and at most 1"),
        ("decay", 1.01, "a number above 0 and at most 1"),
        ("decay", math.nan, "a number above 0 and at most 1"),
        ("decay", True, "a number above 0 and at most 1"),
        ("decay", "0.5", "a number above 0 and at most 1"),
        ("consecutive_failures", 0, "an integer from 1 to 4294967295"),
        ("consecutive_failures", 3.0, "an integer from 1 to 4294967295"),
        ("base_ejection_time_s", 0.0, "a number of seconds above 0"),
        ("max_ejection_time_s", math.inf, "a number of seconds above 0"),
        ("max_ejection_time_s", 9.5, "base_ejection_time_s (10) or more"),
        ("growth", 0.99, "a number from 1 to 1000"),
        ("growth", math.inf, "a number from 1 to 1000"),
        ("growth", 10**400, "a number from 1 to 1000"),
        ("reset_after_s", 0, "a number of seconds above 0"),
        ("return_weight", 0, "a number above 0 and at most 1"),
        ("return_weight", 2, "a number above 0 and at most 1"),
    ],
)
def test_a_limit_out_of_range_is_refused(name: str, value: object, expected: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        limits(**{name: value})
    assert (caught.value.path, caught.value.problem) == (name, f"expected {expected}, got {value!r}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("decay", 1),
        ("decay", 1e-9),
        ("consecutive_failures", 1),
        ("max_ejection_time_s", 10.0),
        ("growth", 1),
        ("return_weight", 1),
    ],
)
def test_the_ends_of_a_range_belong_to_it(name: str, value: object) -> None:
    assert getattr(limits(**{name: value}), name) == value


def test_a_scenario_states_the_limits_with_durations_as_kubernetes_writes_them() -> None:
    assert ConnectionLimits.from_mapping(WRITTEN) == limits()


def test_the_first_ejection_may_be_the_longest_too_and_an_unknown_null_is_absent() -> None:
    stated = {**WRITTEN, "maxEjectionTime": "10s", "maxEjections": None}
    assert ConnectionLimits.from_mapping(stated) == limits(max_ejection_time_s=10.0)


def test_all_problems_of_the_stated_limits_are_told_together() -> None:
    found = refused(
        decay=2, consecutiveFailures=0, baseEjectionTime=10, maxEjectionTime="1x", growth="2", resetAfter=None
    )
    assert found == [
        ("decay", "expected a number above 0 and at most 1, got 2"),
        ("consecutiveFailures", "expected an integer from 1 to 4294967295, got 0"),
        ("baseEjectionTime", "expected a duration such as '10s', got 10"),
        ("maxEjectionTime", "expected a duration with a unit, such as '10s', '3m' or '500ms', got '1x'"),
        ("growth", "expected a number from 1 to 1000, got '2'"),
        ("resetAfter", "expected what to assume, for the real value is not published; got nothing"),
    ]


def test_a_misspelt_limit_is_refused_with_the_nearest() -> None:
    assert refused(consecutiveFailure=3) == [("consecutiveFailure", "unknown field; the nearest: consecutiveFailures")]
    assert refused(zzz=1) == [("zzz", "unknown field")]


def test_a_longest_ejection_shorter_than_the_first_is_refused() -> None:
    assert refused(maxEjectionTime="9500ms") == [
        ("maxEjectionTime", "expected baseEjectionTime (10s) or more, got 9.5s")
    ]


def test_stated_limits_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(InputError, match="expected a mapping, got 3"):
        ConnectionLimits.from_mapping(3, where="drill.yaml")  # type: ignore[arg-type]


def test_limits_within_a_file_share_its_problems() -> None:
    problems = Problems(file="drill.yaml")
    assert ConnectionLimits.read(FieldReader({**WRITTEN, "decay": 0}, problems, "connections")) is None
    with pytest.raises(InputError) as caught:
        problems.check()
    assert [str(each) for each in caught.value.problems] == [
        "drill.yaml, connections.decay: expected a number above 0 and at most 1, got 0"
    ]


# Failures, successes and weights


def test_it_is_a_detector() -> None:
    watched: Detector = detector()
    assert (watched.unusable, watched.weights, watched.next_change) == (frozenset(), {}, None)


@pytest.mark.parametrize("answer", [OK, Answer(404), Answer(500), Answer(503)])
def test_any_http_status_is_a_success(answer: Answer) -> None:
    watched = detector(consecutive_failures=1)
    assert watched.until_change("a", answer) is None
    assert watched.observe(1.0, "a", answer, 1000) == ()
    assert (watched.unusable, watched.weights) == (frozenset(), {})


def test_no_connection_is_a_failure() -> None:
    watched = detector()
    assert watched.until_change("a", REFUSED) == 1
    assert watched.observe(1.0, "a", REFUSED) == ()
    assert watched.weights == {"a": 0.5}


def test_the_average_falls_with_failures_and_rises_with_successes() -> None:
    watched = detector(decay=0.25)
    watched.observe(1.0, "a", REFUSED)
    assert watched.weights == {"a": 0.75}
    watched.observe(2.0, "a", REFUSED)
    assert watched.weights == {"a": 0.5625}
    assert watched.until_change("a", OK) == 1
    watched.observe(3.0, "a", OK)
    assert watched.weights == {"a": 0.671875}


def test_the_average_is_1_again_after_enough_successes() -> None:
    watched = detector()  # 0.5, and with each success half of what is missing: 2 ** -10 is below a thousandth
    watched.observe(1.0, "a", REFUSED)
    watched.observe(2.0, "a", OK, 8)
    assert watched.weights == {"a": 1 - 2**-9}
    assert watched.until_change("a", OK) == 1
    watched.observe(3.0, "a", OK)
    assert watched.weights == {}
    assert watched.until_change("a", OK) is None


def test_weights_that_were_read_do_not_change_later() -> None:
    watched = detector()
    watched.observe(1.0, "a", REFUSED)
    before = watched.weights
    watched.observe(2.0, "a", REFUSED)
    watched.observe(2.0, "b", REFUSED)
    assert before == {"a": 0.5}


# a fails twice, a succeeds, a fails twice, a fails
def test_only_failures_in_a_row_eject() -> None:
    watched = detector()
    watched.observe(1.0, "a", REFUSED, 2)
    watched.observe(2.0, "a", Answer(500))
    assert watched.observe(3.0, "a", REFUSED, 2) == ()
    assert watched.until_change("a", REFUSED) == 1
    assert len(watched.observe(4.0, "a", REFUSED)) == 1


def test_failures_of_others_do_not_count() -> None:
    watched = detector()
    watched.observe(1.0, "a", REFUSED, 2)
    assert watched.observe(2.0, "b", REFUSED, 2) == ()


def test_where_the_average_is_0_the_next_change_is_the_ejection() -> None:
    watched = detector(decay=1, consecutive_failures=5)
    watched.observe(1.0, "a", REFUSED, 2)
    assert watched.weights == {"a": 0.0}
    assert watched.until_change("a", REFUSED) == 3


def test_an_average_too_slow_to_move_brings_nothing_but_ejections() -> None:
    watched = detector(decay=1e-20)
    assert watched.until_change("a", REFUSED) == 3
    watched.observe(1.0, "a", REFUSED, 2)
    assert (watched.weights, watched.until_change("a", REFUSED), watched.until_change("a", OK)) == ({}, 1, None)


# Ejections


def test_an_ejection_says_who_when_until_when_and_why() -> None:
    watched = detector()
    assert watched.observe(5.0, "a", REFUSED, 2) == ()
    assert watched.observe(6.0, "a", REFUSED, 1) == (
        DetectorEvent(
            at=6.0,
            host="a",
            kind=DetectorEventKind.EJECTED,
            text="ejected for 10 s: 3 connections in a row failed",
            rule="OD-3",
            until=16.0,
            multiplier=1,
        ),
    )
    assert (set(watched.unusable), watched.next_change) == ({"a"}, 16.0)


def test_one_failure_can_be_enough() -> None:
    assert eject(detector(consecutive_failures=1), 1.0).text == "ejected for 10 s: a connection failed"


def test_every_endpoint_can_be_ejected() -> None:
    watched = detector()
    for host in HOSTS:
        eject(watched, 1.0, host)
    assert watched.unusable == {"a", "b", "c"}


@pytest.mark.parametrize("answer", [OK, REFUSED])
def test_connections_to_an_ejected_endpoint_count_for_nothing(answer: Answer) -> None:
    watched = detector()
    eject(watched, 1.0)
    before = watched.weights
    assert watched.until_change("a", answer) is None
    assert watched.observe(2.0, "a", answer, 100) == ()
    assert (watched.weights, watched.next_change) == (before, 11.0)


def test_an_ejection_ends_when_its_time_is_over_and_not_before() -> None:
    watched = detector()
    eject(watched, 1.0)
    assert watched.advance(10.999) == ()
    assert watched.unusable == {"a"}
    assert watched.advance(11.0) == (
        DetectorEvent(at=11.0, host="a", kind=DetectorEventKind.RETURNED, text="back after 10 s", rule="OD-3"),
    )
    assert (watched.unusable, watched.next_change) == (frozenset(), None)


def test_a_return_is_dated_when_it_happens_however_late_it_is_asked_for() -> None:
    watched = detector()
    eject(watched, 2.0, "b")
    eject(watched, 2.0, "a")
    eject(watched, 3.0, "c")
    assert watched.next_change == 12.0
    assert [(event.at, event.host) for event in watched.advance(500.0)] == [(12.0, "a"), (12.0, "b"), (13.0, "c")]


def test_a_returned_endpoint_starts_at_the_stated_weight_with_no_failures() -> None:
    watched = detector()
    eject(watched, 1.0)
    assert watched.weights == {"a": 0.125}
    watched.advance(11.0)
    assert watched.weights == {"a": 0.75}
    assert watched.observe(12.0, "a", REFUSED, 2) == ()


def test_a_returned_endpoint_may_start_as_if_nothing_had_been() -> None:
    watched = detector(return_weight=1)
    eject(watched, 1.0)
    watched.advance(11.0)
    assert watched.weights == {}


# ejected at 0 for 10 s, at 20 for 20 s, at 50 for 35 s (not 40), at 100 for 35 s (not 70)
def test_each_further_ejection_is_longer_up_to_the_longest() -> None:
    watched = detector()
    found = []
    for at in (0.0, 20.0, 50.0, 100.0):
        watched.advance(at)
        event = eject(watched, at)
        found.append((event.until, event.multiplier))
    assert found == [(10.0, 1), (40.0, 2), (85.0, 3), (135.0, 4)]


def test_without_growth_all_ejections_last_alike() -> None:
    watched = detector(growth=1)
    eject(watched, 0.0)
    watched.advance(10.0)
    assert eject(watched, 10.0).until == 20.0


# back at 10: 100 s later the next ejection is a first one; just before, it is a second one
@pytest.mark.parametrize(("at", "lasts", "multiplier"), [(109.5, 20.0, 2), (110.0, 10.0, 1)])
def test_after_long_enough_an_ejection_is_a_first_one_again(at: float, lasts: float, multiplier: int) -> None:
    watched = detector()
    eject(watched, 0.0)
    watched.advance(10.0)
    event = eject(watched, at)
    assert (event.until, event.multiplier) == (at + lasts, multiplier)


def test_time_before_the_first_ejection_is_no_rest() -> None:
    watched = detector()
    eject(watched, 1000.0)
    watched.advance(1010.0)
    assert eject(watched, 1020.0).multiplier == 2


def test_ejections_of_one_endpoint_do_not_lengthen_those_of_another() -> None:
    watched = detector()
    eject(watched, 0.0)
    watched.advance(10.0)
    assert eject(watched, 10.0, "b").until == 20.0


def test_no_number_of_ejections_is_too_large() -> None:
    watched = detector(growth=1000, consecutive_failures=1)
    for _ in range(400):
        at = watched.next_change or 0.0
        watched.advance(at)
        assert eject(watched, at).until == at + (10 if at == 0 else 35)


# Endpoints that come and go


def test_what_is_known_of_an_endpoint_goes_with_it() -> None:
    watched = detector()
    eject(watched, 1.0)
    watched.observe(1.0, "b", REFUSED, 2)
    assert watched.update_hosts(2.0, {"c": "zone"}) == ()
    assert (watched.unusable, watched.weights, watched.next_change) == (frozenset(), {}, None)
    watched.update_hosts(3.0, HOSTS)
    assert watched.observe(4.0, "b", REFUSED, 2) == ()
    assert eject(watched, 5.0).multiplier == 1


def test_what_is_known_of_an_endpoint_that_stays_is_kept_wherever_it_moves() -> None:
    watched = detector()
    eject(watched, 1.0)
    watched.observe(1.0, "b", REFUSED, 2)
    watched.update_hosts(2.0, {"a": "elsewhere", "b": "elsewhere", "new": "zone"})
    assert (set(watched.unusable), watched.next_change) == ({"a"}, 11.0)
    assert watched.weights == {"a": 0.125, "b": 0.25}
    assert len(watched.observe(3.0, "b", REFUSED)) == 1
    assert len(watched.observe(3.0, "new", REFUSED, 3)) == 1


def test_connections_to_an_unknown_endpoint_count_for_nothing() -> None:
    watched = detector()
    assert watched.until_change("x", REFUSED) is None
    assert watched.observe(1.0, "x", REFUSED, 100) == ()
    assert (watched.unusable, watched.weights) == (frozenset(), {})


# Bad input


def test_time_never_goes_back() -> None:
    watched = ConnectionDetector(limits(), HOSTS, start=5.0)
    with pytest.raises(InvalidValueError, match=r"at: expected a time from 5.0 s on, got 4.0"):
        watched.observe(4.0, "a", OK)
    watched.advance(7.0)
    with pytest.raises(InvalidValueError, match=r"at: expected a time from 7.0 s on, got 6.0"):
        watched.update_hosts(6.0, HOSTS)
    with pytest.raises(InvalidValueError, match="nan"):
        watched.advance(math.nan)


def test_no_connections_are_no_observation() -> None:
    with pytest.raises(InvalidValueError, match=r"count: expected an integer from 1 to \d+, got 0"):
        detector().observe(1.0, "a", REFUSED, 0)


def test_arguments_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="limits: expected a ConnectionLimits"):
        ConnectionDetector(STATED, HOSTS)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="hosts: expected a mapping"):
        ConnectionDetector(limits(), ["a"])  # type: ignore[arg-type]


# Shares


def endpoint(name: str, weight: int = 1, health: Health = Health.HEALTHY) -> Endpoint:
    return Endpoint(name, Locality(), weight=weight, health=health)


NEAR = Tier(0, (endpoint("a", 3), endpoint("b"), endpoint("sick", 4, Health.UNHEALTHY)))
FAR = Tier(2, (endpoint("c"),))


def test_an_ejected_endpoint_leaves_its_tier_to_the_others() -> None:
    found = connection_shares([NEAR, FAR], {"a"}, {}, ["other"])
    assert found.shares == {"a": 0, "b": 1, "sick": 0, "c": 0, "other": 0}
    assert (found.shares.reason, found.tier, found.dazed) == ("", 0, False)


def test_a_tier_of_ejected_endpoints_leaves_all_to_the_next() -> None:
    found = connection_shares([NEAR, FAR], {"a", "b"}, {"a": 0.5})
    assert found.shares == {"a": 0, "b": 0, "sick": 0, "c": 1}
    assert (found.tier, found.dazed) == (2, False)


def test_the_average_scales_the_weight_within_the_tier_and_chooses_no_tier() -> None:
    found = connection_shares([NEAR, FAR], frozenset(), {"a": 0.25, "b": 0.25, "c": 1.0})
    assert found.shares == {"a": 0.75, "b": 0.25, "sick": 0, "c": 0}
    found = connection_shares([NEAR, FAR], frozenset(), {"a": 0.125})
    assert found.shares["a"] == pytest.approx(3 / 11)


def test_where_all_are_ejected_the_best_tier_is_used_as_if_none_were() -> None:
    found = connection_shares([NEAR, FAR], {"a", "b", "c"}, {"b": 0.5})
    assert found.shares == {"a": pytest.approx(6 / 7), "b": pytest.approx(1 / 7), "sick": 0, "c": 0}
    assert (found.tier, found.dazed) == (0, True)


def test_a_dazed_ztunnel_uses_the_best_tier_that_can_serve() -> None:
    found = connection_shares([Tier(0, (endpoint("sick", health=Health.UNHEALTHY),)), FAR], {"c"}, {})
    assert found.shares == {"sick": 0, "c": 1}
    assert (found.tier, found.dazed) == (2, True)


@pytest.mark.parametrize("unusable", [frozenset[str](), frozenset("abc")])
def test_where_all_averages_are_0_weights_alone_count(unusable: frozenset[str]) -> None:
    found = connection_shares([NEAR, FAR], unusable, {"a": 0.0, "b": 0.0})
    assert found.shares == {"a": 0.75, "b": 0.25, "sick": 0, "c": 0}


def test_an_endpoint_without_weight_keeps_its_tier_in_use_and_serves_nothing() -> None:
    found = connection_shares([Tier(0, (endpoint("a"), endpoint("zero", 0))), FAR], {"a"}, {})
    assert found.shares == {"a": 0, "zero": 0, "c": 0}
    assert found.shares.reason == "all weights of the best tier are 0, and weights do not choose the tier"
    assert (found.tier, found.dazed) == (0, False)


def test_ejections_daze_nobody_where_nothing_could_serve_anyway() -> None:
    found = connection_shares([Tier(0, (endpoint("sick", health=Health.UNHEALTHY),))], {"sick"}, {})
    assert (found.shares.reason, found.tier, found.dazed) == ("no endpoint is healthy", None, False)
    found = connection_shares([], set(), {}, ["other"])
    assert found.shares == {"other": 0}
    assert (found.shares.reason, found.tier, found.dazed) == ("no endpoint is left to choose from", None, False)
