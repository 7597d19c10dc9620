"""What holds of the closed answers on outlier detection for every set of hosts, and an oracle that plays them out."""

from collections.abc import Mapping, Sequence
from math import inf

from attrs import evolve
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests.groups import A, B, group

from meshtier.dataplane import (
    MERGE_WINDOW_S,
    EjectionBounds,
    EnvoySettings,
    Failure,
    LocalityGroup,
    ejection_bounds,
    host_shares,
)
from meshtier.endpoint import Health
from meshtier.rules.outlier import OutlierLimits

letters = st.text("HHHDUR", max_size=12)
healths = st.lists(letters, min_size=1, max_size=4)
thresholds = st.sampled_from([0, 0, 0, 30, 50, 100])
percents = st.integers(0, 100)


def told(healths: Sequence[str]) -> list[LocalityGroup]:
    return [group(each, priority) for priority, each in enumerate(healths)]


def without(groups: Sequence[LocalityGroup], names: set[str]) -> list[LocalityGroup]:
    """The groups as they are while these hosts are ejected."""
    return [
        evolve(
            each,
            endpoints=[evolve(host, health=Health.UNHEALTHY) if host.id in names else host for host in each.endpoints],
        )
        for each in groups
    ]


def in_order(groups: Sequence[LocalityGroup], before: int) -> list[str]:
    """The hosts that can take traffic in nearer priorities, nearest first, healthy ones first in each."""
    return [
        host.id
        for each in groups
        for health in (Health.HEALTHY, Health.DEGRADED)
        for host in each.endpoints
        if each.priority < before and host.health is health
    ]


@given(healths=healths, percent=percents, threshold=thresholds)
@example(healths=["H" * 10, "H"], percent=100, threshold=0)
@example(healths=["H" * 10, "HH" + "U" * 8], percent=100, threshold=50)
def test_thresholds_are_those_of_really_ejecting_one_host_after_the_other(
    healths: list[str], percent: int, threshold: float
) -> None:
    groups, settings = told(healths), EnvoySettings(panic_threshold=threshold)
    found = ejection_bounds(groups, settings, OutlierLimits(max_ejection_percent=percent))
    for each in found.priorities:
        order = in_order(groups, each.priority)
        some: list[int] = []
        every: list[int] = []
        for count in range(min(len(order), found.most_ejected) + 1):
            result = host_shares(without(groups, set(order[:count])), settings)
            loads = (0,) * len(healths) if result.reason else result.loads.load
            some += [count] if loads[each.priority] else []
            every += [count] if any(loads) and not any(loads[: each.priority]) else []
        assert each.some_from == min(some, default=None)
        assert each.all_from == min(every, default=None)
        assert bool(each.reason) == (not some or not every)


@given(healths=healths, percent=percents, threshold=thresholds)
def test_what_may_be_out_never_passes_the_limit(healths: list[str], percent: int, threshold: float) -> None:
    found = ejection_bounds(
        told(healths), EnvoySettings(panic_threshold=threshold), OutlierLimits(max_ejection_percent=percent)
    )
    assert found.hosts == sum(map(len, healths))
    assert 100 * found.most_ejected <= percent * found.hosts < 100 * (found.most_ejected + 1)
    for each in found.priorities:
        for count in (each.some_from, each.all_from):
            assert count is None or 0 <= count <= min(found.most_ejected, each.nearer)
        if each.some_from is not None and each.all_from is not None and found.target == each.priority:
            assert each.some_from <= each.all_from


@given(healths=healths, percent=percents, more=percents, threshold=thresholds)
def test_a_higher_limit_never_empties_less(healths: list[str], percent: int, more: int, threshold: float) -> None:
    assume(more >= percent)
    groups, settings = told(healths), EnvoySettings(panic_threshold=threshold)
    lower = ejection_bounds(groups, settings, OutlierLimits(max_ejection_percent=percent))
    higher = ejection_bounds(groups, settings, OutlierLimits(max_ejection_percent=more))
    for one, other in zip(lower.priorities, higher.priorities, strict=True):
        assert other.can_be_emptied >= one.can_be_emptied
        assert one.some_from in (None, other.some_from)
        assert one.all_from in (None, other.all_from)
    assert higher.can_fail_over >= lower.can_fail_over


@given(
    count=st.integers(0, 9),
    gateway=st.integers(0, 9),
    local=st.integers(0, 9),
    split=st.booleans(),
    failure=st.sampled_from(Failure),
)
def test_a_count_of_errors_is_one_of_those_in_force(
    count: int, gateway: int, local: int, split: bool, failure: Failure
) -> None:
    limits = OutlierLimits(
        consecutive_5xx=count,
        consecutive_gateway=gateway,
        consecutive_local_origin=local if split else 0,
        split_local_origin=split,
    )
    found = ejection_bounds([], EnvoySettings(), limits).errors_to_eject(failure)
    assert found is None or (found > 0 and found in (count, gateway, local))


weights = st.lists(st.integers(1, 6), min_size=1, max_size=9)


@st.composite
def near_and_far(draw: st.DrawFn) -> list[LocalityGroup]:
    """A first priority of one locality or two, and a second one, perhaps without health enough for everything."""
    near: list[LocalityGroup] = []
    for place in (A, B)[: draw(st.integers(1, 2))]:
        own = draw(weights)
        health = draw(st.text("HHHU", min_size=len(own), max_size=len(own)))
        near.append(group(health, locality=place, weights=own, weight=draw(st.integers(1, 9))))
    far = "H" * draw(st.integers(1, 9)) + "U" * draw(st.sampled_from([0, 0, 1, 5, 9]))
    return [*near, group(far, 1, locality=A, weight=1)]


@given(
    groups=near_and_far(),
    weighted=st.booleans(),
    threshold=thresholds,
    errors=st.integers(1, 6),
    rate=st.floats(0.01, 1000),
    phases=st.lists(st.floats(0, 0.999), min_size=18, max_size=18),
)
@example(groups=[group("HH"), group("H", 1)], weighted=False, threshold=0, errors=5, rate=10.0, phases=[0.0, 0.5] * 9)
@example(groups=[group("H" * 75), group("H", 1)], weighted=False, threshold=0, errors=1, rate=500.0, phases=[0.0] * 75)
def test_failover_never_takes_longer_than_the_longest_time(
    groups: list[LocalityGroup], weighted: bool, threshold: float, errors: int, rate: float, phases: list[float]
) -> None:
    settings = EnvoySettings(panic_threshold=threshold, locality_weighted=weighted)
    found = ejection_bounds(groups, settings, OutlierLimits(consecutive_5xx=errors, max_ejection_percent=100))
    longest = found.failover_s(rate)
    if longest is not None:
        taken = played_out(groups, settings, errors=errors, rate=rate, phases=phases)
        assert taken <= longest * (1 + 1e-9) + 1e-6


@given(groups=near_and_far(), errors=st.integers(1, 6), rate=st.floats(0.01, 1000), faster=st.floats(1, 100))
def test_more_requests_a_second_never_make_failover_slower(
    groups: list[LocalityGroup], errors: int, rate: float, faster: float
) -> None:
    limits = OutlierLimits(consecutive_5xx=errors, max_ejection_percent=100)
    found = ejection_bounds(groups, EnvoySettings(panic_threshold=0), limits)
    slow, fast = found.failover_s(rate), found.failover_s(rate * faster)
    assert slow is None or (fast is not None and fast <= slow)
    assert bool(found.why_not(rate)) == (slow is None)


def played_out(
    groups: Sequence[LocalityGroup], settings: EnvoySettings, *, errors: int, rate: float, phases: Sequence[float]
) -> float:
    """How long it takes from the first error until priority 0 gets nothing, request by request.

    Each host gets a request whenever its share of them has come, at first from
    its phase on. All of priority 0 fails.
    """
    names = [host.id for each in groups if each.priority == 0 for host in each.endpoints]
    credit: Mapping[str, float] = dict(zip(names, phases, strict=False))
    counts = dict.fromkeys(names, 0)
    ejected: set[str] = set()
    delivered: set[str] = set()
    now, first, last_delivered, due = 0.0, None, -inf, inf
    while True:
        result = host_shares(without(groups, delivered), settings)
        if not result.loads.load[0]:
            assert first is not None
            return now - first
        speeds = {name: rate * result.shares[name] for name in names if result.shares[name]}
        waits = {name: (1 - credit[name]) / speed for name, speed in speeds.items()}
        name = min(waits, key=waits.__getitem__)
        step = min(waits[name], due - now)
        credit = {each: credit[each] + speeds.get(each, 0) * step for each in names}
        now += step
        if now >= due:
            delivered, last_delivered, due = set(ejected), now, inf
            continue
        credit = {**credit, name: 0.0}
        first = now if first is None else first
        counts[name] += name not in ejected
        if counts[name] == errors and name not in ejected:
            ejected.add(name)
            if now - last_delivered > MERGE_WINDOW_S:
                delivered, last_delivered = set(ejected), now
            elif due == inf:
                due = now + MERGE_WINDOW_S


def test_the_oracle_agrees_with_a_case_by_hand() -> None:
    # two hosts in turn, 10 requests a second: the first is out at its fifth error, at 0.8 s, and 70 % stay. The other
    # has half a distance behind it, so that its fifth comes half of 1/7 s later, and is delivered a second after that.
    groups = [group("HH"), group("H", 1)]
    taken = played_out(groups, EnvoySettings(panic_threshold=0), errors=5, rate=10, phases=[0.5, 0.0])
    assert abs(taken - (0.8 + 0.5 / 7 + 1)) < 1e-9


def test_bounds_are_values_that_compare_and_hash() -> None:
    def made() -> EjectionBounds:
        return ejection_bounds(told(["HH", "H"]), EnvoySettings(), OutlierLimits(), error_codes=[503])

    assert made() == made()
    assert hash(made()) == hash(made())
