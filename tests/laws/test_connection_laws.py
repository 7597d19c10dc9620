"""Laws of the outlier detection of connections (OD-3, OD-4), and of the shares that follow from it."""

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st
from tests.strategies import endpoint_lists

from meshtier.dataplane.ztunnel import ztunnel_shares
from meshtier.endpoint import Endpoint
from meshtier.simulate import (
    OK,
    REFUSED,
    TIMED_OUT,
    Answer,
    ConnectionDetector,
    ConnectionLimits,
    DetectorEvent,
    DetectorEventKind,
    connection_shares,
)
from meshtier.tiers import Tier

HOSTS = dict.fromkeys("abc")

# Times are multiples of 1/8 s and factors of growth short binary fractions, so that shifted times are exactly shifted.
times = st.integers(0, 8 * 60).map(lambda eighths: eighths / 8)
answers = st.sampled_from([OK, Answer(500), REFUSED, TIMED_OUT])
fractions = st.sampled_from([1, 0.9, 0.5, 0.3, 0.01, 1e-3, 1e-20]) | st.floats(1e-6, 1)


@st.composite
def limits(draw: st.DrawFn) -> ConnectionLimits:
    base = draw(st.integers(1, 200)) / 8
    return ConnectionLimits(
        decay=draw(fractions),
        consecutive_failures=draw(st.integers(1, 5)),
        base_ejection_time_s=base,
        max_ejection_time_s=base + draw(times),
        growth=draw(st.sampled_from([1, 1.5, 2, 10])),
        reset_after_s=draw(st.integers(1, 400)) / 8,
        return_weight=draw(fractions),
    )


Step = tuple[float, str, Answer, int]
steps = st.lists(st.tuples(times, st.sampled_from("abcx"), answers, st.integers(1, 8)), max_size=25).map(
    lambda found: sorted(found, key=lambda step: step[0])
)


def run(
    watched: ConnectionDetector, script: Sequence[Step], *, singly: bool = False, shift: float = 0.0
) -> list[DetectorEvent]:
    """All events of a script, as an engine would drive it: what time brings first, then the answers."""
    events: list[DetectorEvent] = []
    for at, host, answer, count in script:
        events += watched.advance(at + shift)
        for part in [1] * count if singly else [count]:
            events += watched.observe(at + shift, host, answer, part)
    return events


def state(watched: ConnectionDetector) -> tuple[Mapping[str, float], frozenset[str], float | None]:
    return watched.weights, watched.unusable, watched.next_change


@given(limits=limits(), script=steps)
def test_many_connections_at_once_are_many_single_ones(limits: ConnectionLimits, script: Sequence[Step]) -> None:
    bulk, single = ConnectionDetector(limits, HOSTS), ConnectionDetector(limits, HOSTS)
    assert run(bulk, script) == run(single, script, singly=True)
    assert state(bulk) == state(single)


@given(limits=limits(), script=steps, shift=times)
def test_a_shift_of_time_shifts_the_events(limits: ConnectionLimits, script: Sequence[Step], shift: float) -> None:
    now, later = ConnectionDetector(limits, HOSTS), ConnectionDetector(limits, HOSTS, start=shift)
    expected = [
        evolve(event, at=event.at + shift, until=None if event.until is None else event.until + shift)
        for event in run(now, script)
    ]
    assert run(later, script, shift=shift) == expected
    assert later.weights == now.weights


@given(limits=limits(), script=steps)
def test_successes_alone_never_change_anything(limits: ConnectionLimits, script: Sequence[Step]) -> None:
    watched = ConnectionDetector(limits, HOSTS)
    good = [(at, host, answer, count) for at, host, answer, count in script if answer.status is not None]
    assert run(watched, good) == []
    assert state(watched) == ({}, frozenset(), None)


@given(limits=limits(), script=steps, host=st.sampled_from("abc"), answer=answers)
def test_until_change_tells_exactly_when_something_is_seen(
    limits: ConnectionLimits, script: Sequence[Step], host: str, answer: Answer
) -> None:
    watched = ConnectionDetector(limits, HOSTS)
    run(watched, script)
    at, before, expected = script[-1][0] if script else 0.0, state(watched), watched.until_change(host, answer)
    unseen = 20 if expected is None else expected - 1
    for _ in range(unseen):
        assert watched.observe(at, host, answer) == ()
        assert state(watched) == before
    if expected is not None:
        watched.observe(at, host, answer)
        assert state(watched) != before


@given(limits=limits(), script=steps)
def test_an_endpoint_is_out_from_its_ejection_to_its_return_and_no_longer_than_allowed(
    limits: ConnectionLimits, script: Sequence[Step]
) -> None:
    watched = ConnectionDetector(limits, HOSTS)
    out: dict[str, DetectorEvent] = {}
    for event in [*run(watched, script), *watched.advance(10**6)]:
        if event.kind is DetectorEventKind.EJECTED:
            assert event.host not in out
            assert event.until is not None
            lasts = event.until - event.at
            assert limits.base_ejection_time_s <= lasts + 1e-9
            assert lasts <= limits.max_ejection_time_s + 1e-9
            out[event.host] = event
        else:
            assert event.kind is DetectorEventKind.RETURNED
            assert out.pop(event.host).until == event.at
    assert not out
    assert state(watched)[1:] == (frozenset(), None)
    assert all(0 <= weight < 1 for weight in watched.weights.values())


@given(limits=limits(), longer=times, waits=st.lists(times, min_size=1, max_size=6))
def test_a_longer_first_ejection_never_brings_an_endpoint_back_sooner(
    limits: ConnectionLimits, longer: float, waits: Sequence[float]
) -> None:
    """Each time the endpoint fails again so and so long after it was back."""
    base = limits.base_ejection_time_s + longer
    other = evolve(limits, base_ejection_time_s=base, max_ejection_time_s=limits.max_ejection_time_s + longer)
    returns = []
    for each in (limits, other):
        watched, at = ConnectionDetector(each, HOSTS), 0.0
        found = []
        for wait in waits:
            at += wait
            watched.observe(at, "a", REFUSED, each.consecutive_failures)
            at = watched.next_change or 0.0
            watched.advance(at)
            found.append(at)
        returns.append(found)
    assert all(sooner <= later + 1e-9 for sooner, later in zip(*returns, strict=True))


@given(limits=limits(), script=steps, left=st.sets(st.sampled_from("abc")))
def test_endpoints_that_go_leave_the_others_as_they_were(
    limits: ConnectionLimits, script: Sequence[Step], left: set[str]
) -> None:
    watched, only = ConnectionDetector(limits, HOSTS), ConnectionDetector(limits, dict.fromkeys(left))
    run(watched, script)
    run(only, script)
    at = script[-1][0] if script else 0.0
    watched.update_hosts(at, dict.fromkeys(left))
    assert state(watched) == state(only)


# Shares


@st.composite
def tiers(draw: st.DrawFn) -> list[Tier]:
    """Endpoints in tiers with gaps between the numbers."""
    number_of = {each: draw(st.integers(0, 4)) for each in draw(endpoint_lists())}
    grouped: dict[int, list[Endpoint]] = {}
    for each, number in number_of.items():
        grouped.setdefault(number, []).append(each)
    return [Tier(number, tuple(grouped[number])) for number in sorted(grouped)]


@st.composite
def known(draw: st.DrawFn) -> dict[str, Any]:
    """The arguments of ``connection_shares``: tiers, and what a detector may know of their endpoints."""
    drawn = draw(tiers())
    ids = [each.id for tier in drawn for each in tier.endpoints]
    factors = st.sampled_from([0.0, 5e-324, 1e-9, 0.5]) | st.floats(0, 1)
    some = st.sets(st.sampled_from(ids)) if ids else st.just(set[str]())
    every = st.just(set(ids))
    return {
        "tiers": drawn,
        "unusable": frozenset(draw(some | every)),
        "weights": draw(st.dictionaries(st.sampled_from(ids), factors)) if ids else {},
    }


@given(tiers=tiers(), others=st.sets(st.sampled_from(["elsewhere", "gone"])))
def test_without_ejections_and_weights_a_ztunnel_shares_as_ever(tiers: Sequence[Tier], others: set[str]) -> None:
    found, expected = connection_shares(tiers, frozenset(), {}, others), ztunnel_shares(tiers, others)
    assert (found.shares, found.shares.reason) == (expected, expected.reason)
    assert not found.dazed


@given(known=known())
def test_shares_add_up_to_1_or_have_a_reason(known: dict[str, Any]) -> None:
    shares = connection_shares(**known).shares
    assert all(0 <= share <= 1 for share in shares.values())
    assert fsum(shares.values()) == pytest.approx(0 if shares.reason else 1)


@given(known=known())
def test_every_endpoint_is_in_the_shares_and_those_with_traffic_are_of_one_tier(known: dict[str, Any]) -> None:
    found = connection_shares(**known)
    place = {each.id: (tier.number, each.health.serves) for tier in known["tiers"] for each in tier.endpoints}
    assert found.shares.keys() == place.keys()
    assert {place[name] for name, share in found.shares.items() if share} <= {(found.tier, True)}


@given(known=known())
def test_an_ejected_endpoint_gets_nothing_unless_all_that_serve_are_ejected(known: dict[str, Any]) -> None:
    found = connection_shares(**known)
    serving = {each.id for tier in known["tiers"] for each in tier.endpoints if each.health.serves}
    assert found.dazed == (bool(serving) and serving <= known["unusable"])
    if not found.dazed:
        assert not any(found.shares[name] for name in known["unusable"])


@given(known=known(), data=st.data())
def test_one_more_ejection_never_gives_an_ejected_endpoint_traffic_unless_dazed(
    known: dict[str, Any], data: st.DataObject
) -> None:
    ids = [each.id for tier in known["tiers"] for each in tier.endpoints]
    more = known["unusable"] | data.draw(st.sets(st.sampled_from(ids)) if ids else st.just(set[str]()))
    before, after = connection_shares(**known), connection_shares(**{**known, "unusable": more})
    if not after.dazed:
        assert not before.dazed
        assert not any(after.shares[name] for name in more)
        assert (before.tier is None and after.tier is None) or (before.tier or 0) <= (after.tier or 0)


@given(known=known(), factor=st.sampled_from([1.0, 0.5, 0.25]))
@example(known={"tiers": [], "unusable": frozenset(), "weights": {}}, factor=0.5)
def test_one_factor_on_all_changes_no_share(known: dict[str, Any], factor: float) -> None:
    ids = [each.id for tier in known["tiers"] for each in tier.endpoints]
    plain = connection_shares(known["tiers"], known["unusable"], {})
    scaled = connection_shares(known["tiers"], known["unusable"], dict.fromkeys(ids, factor))
    assert scaled == plain


@given(known=known())
def test_order_within_a_tier_changes_no_share(known: dict[str, Any]) -> None:
    turned = [Tier(tier.number, tier.endpoints[::-1]) for tier in known["tiers"]]
    assert connection_shares(**{**known, "tiers": turned}) == connection_shares(**known)
