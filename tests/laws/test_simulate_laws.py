"""Laws of timelines: of any small scenario, at an Envoy that ejects and at a ztunnel."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import fsum
from random import Random
from statistics import fmean
from typing import Any, Final

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.meshes import EAST, HOST, one_cluster, pod, rule

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.locality import Locality
from meshtier.mesh import Mesh
from meshtier.simulate import (
    OK,
    Answer,
    ConnectionLimits,
    EventKind,
    OutlierDetector,
    OutlierSettings,
    Scenario,
    ScenarioEvent,
    Timeline,
    simulate,
)
from meshtier.simulate.arrivals import Runs
from meshtier.simulate.stream import Stream, _Mixed

ZONE_B: Final = Locality("net-e", "re", "b", "", "e-b1")
BY_ZONE: Final = {"failoverPriority": ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"]}
NAMES: Final = ("a1", "a2", "b1", "b2", "b3")
LENGTH: Final = 120.0

limits = st.fixed_dictionaries(
    {
        "consecutive5xxErrors": st.integers(1, 4),
        "interval": st.sampled_from(["1s", "10s"]),
        "baseEjectionTime": st.sampled_from(["1s", "5s", "30s"]),
        "maxEjectionPercent": st.sampled_from([10, 20, 40, 60, 100]),
    },
    optional={"consecutiveGatewayErrors": st.integers(1, 4), "minHealthPercent": st.sampled_from([0, 50])},
)
answers = st.sampled_from([Answer(500), Answer(503), Answer("refuse"), Answer("timeout"), Answer(404), OK])
times = st.integers(0, 100).map(float)


def scenarios(
    happening: st.SearchStrategy[Mapping[str, Any]], rates: tuple[float, ...] = (1.0, 3.0, 10.0)
) -> st.SearchStrategy[Scenario]:
    """Up to five events, no two of them at one time."""

    def made(drawn: list[tuple[float, str, Mapping[str, Any], float | None]], rate: float) -> Scenario:
        events = [
            ScenarioEvent(at=at, target=("workload", name), until=None if lasts is None else at + lasts, **happens)
            for at, name, happens, lasts in sorted(drawn, key=lambda each: each[0])
        ]
        return Scenario(events=tuple(events), rate=rate, duration=LENGTH)

    lasting = st.none() | st.integers(1, 60).map(float)
    drawn = st.lists(
        st.tuples(times, st.sampled_from(NAMES), happening, lasting), max_size=5, unique_by=lambda each: each[0]
    )
    return st.builds(made, drawn, st.sampled_from(rates))


ALWAYS: Final = st.none()


def answering(part: st.SearchStrategy[float | None]) -> st.SearchStrategy[Mapping[str, Any]]:
    def made(answer: Answer, fails: float | None) -> Mapping[str, Any]:
        return {"answers": answer, "fails": None if answer == OK else fails}

    return st.builds(made, answers, part)


readiness = st.sampled_from([{"ready": False}, {"ready": True}, {"gone": True}])
anything = scenarios(answering(ALWAYS) | readiness)


def mesh_of(detection: Mapping[str, object]) -> Mesh:
    pods = [pod(name, EAST if name.startswith("a") else ZONE_B) for name in NAMES]
    return one_cluster(pods, rules=[rule(BY_ZONE, outlier_detection=detection)])


def at_envoy(detection: Mapping[str, object], scenario: Scenario, **more: Any) -> Timeline:
    return simulate(mesh_of(detection), "client", HOST, scenario, component=Component.SIDECAR, **more)


@given(detection=limits, scenario=anything)
def test_a_timeline_has_no_gaps_and_all_traffic_is_in_it(detection: Mapping[str, object], scenario: Scenario) -> None:
    timeline = at_envoy(detection, scenario)
    assert timeline.intervals[0].start == 0
    assert timeline.intervals[-1].end == timeline.duration == LENGTH
    for one, other in zip(timeline.intervals, timeline.intervals[1:], strict=False):
        assert one.end == other.start
    for each in timeline.intervals:
        assert each.start < each.end
        assert fsum([*each.shares.values(), each.lost]) == pytest.approx(1)
        assert (each.lost == 0) == (each.reason == "")
        assert all(failing <= each.shares[name] + 1e-9 for name, failing in each.failing.items())
    assert [event.at for event in timeline.events] == sorted(event.at for event in timeline.events)
    assert timeline.requests == pytest.approx(scenario.rate * LENGTH)


@given(detection=limits, scenario=scenarios(answering(ALWAYS)))
def test_an_ejected_endpoint_gets_nothing_from_when_the_balancer_knows_it(
    detection: Mapping[str, object], scenario: Scenario
) -> None:
    timeline = at_envoy({**detection, "minHealthPercent": 0}, scenario)
    out: dict[str, float] = {}
    for event in timeline.events:
        if event.kind is EventKind.EJECTED:
            out[event.endpoint] = event.at + 1.0  # the merge window at the latest
        elif event.kind is EventKind.RETURNED:
            since = out.pop(event.endpoint)
            assert_nothing(timeline, event.endpoint, since, event.at)
    for name, since in out.items():
        assert_nothing(timeline, name, since, LENGTH)


def assert_nothing(timeline: Timeline, name: str, since: float, until: float) -> None:
    for each in timeline.intervals:
        if since + 1.0 <= each.start and each.end <= until:
            assert each.shares.get(name, 0.0) == 0.0


@given(detection=limits, scenario=anything)
def test_no_more_are_ejected_than_the_limit_allows(detection: Mapping[str, Any], scenario: Scenario) -> None:
    out: set[str] = set()
    for event in at_envoy(detection, scenario).events:
        if event.kind is EventKind.EJECTED:
            out.add(event.endpoint)
            assert 100 * len(out) <= detection["maxEjectionPercent"] * len(NAMES)
        elif event.kind is EventKind.RETURNED:
            out.discard(event.endpoint)
        elif event.kind is EventKind.CHANGE and "is gone" in event.text:
            out = {name for name in out if not event.text.startswith(name.rpartition("/")[2])}


@given(detection=limits, scenario=scenarios(answering(ALWAYS)), periods=st.integers(1, 3))
def test_time_shifted_shifts_all_that_happens(
    detection: Mapping[str, object], scenario: Scenario, periods: int
) -> None:
    shift = 10.0 * periods  # a multiple of every interval, so that sweeps come where they came
    later = evolve(
        scenario,
        duration=LENGTH + shift,
        events=[
            evolve(event, at=event.at + shift, until=None if event.until is None else event.until + shift)
            for event in scenario.events
        ],
    )
    here, there = at_envoy(detection, scenario), at_envoy(detection, later)
    assert [evolve(event, at=round(event.at + shift, 6)) for event in here.events] == [
        evolve(event, at=round(event.at, 6)) for event in there.events
    ]
    assert here.errors == there.errors
    assert here.intervals[-1].shares == there.intervals[-1].shares


@given(detection=limits, scenario=scenarios(readiness))
def test_what_the_control_plane_says_holds_as_in_a_mesh_that_is_so(
    detection: Mapping[str, object], scenario: Scenario
) -> None:
    timeline, mesh = at_envoy(detection, scenario), mesh_of(detection)
    for each in timeline.intervals:
        now = mesh
        last: dict[str, ScenarioEvent] = {}
        gone: set[str] = set()
        for event in scenario.events:
            if event.at <= each.start and (event.until is None or each.start < event.until):
                assert event.target is not None
                if event.gone:
                    gone.add(event.target[1])
                else:
                    last[event.target[1]] = event
        for name, event in last.items():
            now = now.with_health(name, Health.HEALTHY if event.ready else Health.UNHEALTHY)
        for name in gone:
            now = now.without(workload=name)
        expected = now.route("client", HOST, component=Component.SIDECAR).shares
        assert each.shares == {name: pytest.approx(share) for name, share in expected.items() if share}
    assert timeline.errors == sum(each.errors for each in timeline.intervals if each.lost)


@given(detection=limits, scenario=scenarios(answering(ALWAYS)), seed=st.integers(0, 2**32))
def test_a_chance_of_one_is_none(detection: Mapping[str, object], scenario: Scenario, seed: int) -> None:
    sure = evolve(
        scenario, events=[evolve(event, fails=None if event.answers == OK else 1.0) for event in scenario.events]
    )
    one, other = at_envoy(detection, sure, random=Random(seed)), at_envoy(detection, scenario)
    assert [event for event in one.events if event.by] == [event for event in other.events if event.by]
    assert one.intervals == other.intervals


@given(detection=limits, scenario=scenarios(answering(st.sampled_from([None, 0.2, 0.7]))), seed=st.integers(0, 2**32))
def test_one_seed_is_one_run(detection: Mapping[str, object], scenario: Scenario, seed: int) -> None:
    one, other = (at_envoy(detection, scenario, random=Random(seed)) for _ in range(2))
    assert (one.events, one.intervals) == (other.events, other.intervals)


@given(detection=limits, scenario=scenarios(answering(ALWAYS)))
def test_a_longer_ejection_never_brings_the_first_endpoint_back_sooner(
    detection: Mapping[str, object], scenario: Scenario
) -> None:
    back = [
        next(
            (
                event.at
                for event in at_envoy({**detection, "baseEjectionTime": base}, scenario).events
                if event.kind is EventKind.RETURNED
            ),
            LENGTH,
        )
        for base in ("1s", "5s", "30s")
    ]
    assert back == sorted(back)


@given(scenario=anything, decay=st.sampled_from([0.1, 0.5, 1.0]), failures=st.integers(1, 4))
def test_a_timeline_at_a_ztunnel_has_all_traffic_too(scenario: Scenario, decay: float, failures: int) -> None:
    assumed = ConnectionLimits(
        decay=decay,
        consecutive_failures=failures,
        base_ejection_time_s=10,
        max_ejection_time_s=60,
        growth=2,
        reset_after_s=60,
        return_weight=0.5,
    )
    timeline = simulate(mesh_of({}), "client", HOST, evolve(scenario, connections=assumed))
    for each in timeline.intervals:
        assert fsum([*each.shares.values(), each.lost]) == pytest.approx(1)
    assert timeline.unit == "connections"


# Against a reference that looks at every request.

CLOSE: Final = Fraction(1, 10**7)
"""Below this distance in seconds two requests are at one moment."""


class Reference:
    """One Envoy and its endpoints, request by request, in exact fractions of a second."""

    def __init__(self, detection: Mapping[str, object], scenario: Scenario) -> None:
        self.mesh = mesh_of(detection)
        limits = self.mesh.clusters[0].destination_rules[0].traffic_policy.outlier_detection.limits  # type: ignore[union-attr]
        self.scenario = scenario
        self.ids = {name: f"east/shop/{name}" for name in NAMES}
        self.detector = OutlierDetector(OutlierSettings.of_limits(limits), dict.fromkeys(self.ids.values(), "here"))
        self.panic = limits.min_health_percent
        self.seen: list[tuple[float, str, str]] = []
        self.errors = 0
        self.is_tied = False

    def answer(self, name: str, at: Fraction) -> Answer:
        found = OK
        for event in self.scenario.events:
            if event.target == ("workload", name) and event.at <= at and (event.until is None or at < event.until):
                found = event.answers or found
        return found

    def matters(self, name: str, at: Fraction) -> bool:
        return self.answer(name, at).fails

    def shares(self) -> Mapping[str, Fraction]:
        """By the levels a and b, of which a counts as whole while five of seven are in."""
        left = [
            [name for name in NAMES if name[0] == zone and self.ids[name] not in self.detector.unusable]
            for zone in "ab"
        ]
        sizes = [sum(name[0] == zone for name in NAMES) for zone in "ab"]
        health = [min(100, 140 * len(each) // size) for each, size in zip(left, sizes, strict=True)]
        total = min(100, sum(health))
        panics = [
            total < 100 and Fraction(100 * len(each), size) < self.panic for each, size in zip(left, sizes, strict=True)
        ]
        everyone = [[name for name in NAMES if name[0] == zone] for zone in "ab"]
        if all(panics):
            loads = [100 * size // len(NAMES) for size in sizes]
            loads[0] += 100 - sum(loads)
        elif not total:
            return {}
        else:
            first = min(100, health[0] * 100 // total)
            second = min(100 - first, health[1] * 100 // total)
            rest = 100 - first - second
            loads = [first + rest, second] if health[0] else [first, second + rest]
        found: dict[str, Fraction] = {}
        for load, hosts, whole, panicking in zip(loads, left, everyone, panics, strict=True):
            used = whole if panicking else hosts
            for name in used if load else ():
                found[name] = Fraction(load, 100 * len(used))
        return found

    def run(self) -> None:
        end, now = Fraction(LENGTH), Fraction(0)
        times = {Fraction(at) for event in self.scenario.events for at in (event.at, event.until) if at is not None}
        moments = sorted(times)
        rate = Fraction(self.scenario.rate)
        credit: dict[str, Fraction] = {}  # how many distances between requests have gone by
        number: dict[str, int] = {}  # which request is next
        served: set[str] = set()
        shares = self.shares()
        while True:
            for name in [name for name in credit if name in served]:
                del credit[name], number[name]
            served.clear()
            new = [name for name in NAMES if name in shares and name not in credit and self.matters(name, now)]
            for place, name in enumerate(new):
                credit[name], number[name] = -Fraction(place, len(new)), 0
            due = {
                name: in_nanoseconds(now + max(Fraction(0), number[name] - credit[name]) / (rate * shares[name]))
                for name in credit
                if name in shares
            }
            changes = [moment for moment in moments if moment > now]
            then = min([*due.values(), *changes[:1], *self.sweeps(), end])
            if sum(abs(moment - then) < CLOSE for moment in due.values()) > 1:
                self.is_tied = True
            for name in due:
                credit[name] += rate * shares[name] * (then - now)
            if then >= end:
                return
            now = then
            if not (changes and changes[0] == now):  # the world comes first: the requests of its moment see it changed
                for name in [name for name, moment in due.items() if moment == now]:
                    credit[name], number[name] = Fraction(number[name]), number[name] + 1
                    if not self.request(name, now).fails:
                        served.add(name)
                self.take(self.detector.advance(float(now)))
            shares = self.shares()

    def sweeps(self) -> Iterator[Fraction]:
        if self.detector.next_change is not None:
            yield in_nanoseconds(Fraction(self.detector.next_change))

    def request(self, name: str, now: Fraction) -> Answer:
        answer = self.answer(name, now)
        self.errors += answer.fails
        self.take(self.detector.observe(float(now), self.ids[name], answer))
        return answer

    def take(self, events: Any) -> None:
        kinds = {"ejected", "returned"}
        self.seen += [
            (round(event.at, 4), event.kind.value, event.host) for event in events if event.kind.value in kinds
        ]


def in_nanoseconds(moment: Fraction) -> Fraction:
    """Moments are whole nanoseconds, so that it is plain what is at the same one."""
    return Fraction(round(moment * 10**9), 10**9)


# With these rates no request comes at the very moment of a sweep, which of the two is first would else be rounding's.
@given(detection=limits, scenario=scenarios(answering(ALWAYS), (1.0471975, 3.1415926, 10.2364817)))
def test_ejections_and_errors_are_those_of_each_request_taken_by_itself(
    detection: Mapping[str, object], scenario: Scenario
) -> None:
    reference = Reference(detection, scenario)
    reference.run()
    assume(not reference.is_tied)  # which of two requests of one moment is first is a matter of rounding
    timeline = at_envoy(detection, scenario)
    kinds = (EventKind.EJECTED, EventKind.RETURNED)
    seen = [(round(event.at, 4), event.kind.value, event.endpoint) for event in timeline.events if event.kind in kinds]
    assert seen == reference.seen
    assert timeline.errors == reference.errors


def test_runs_that_are_passed_over_have_the_chance_of_runs_that_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    detection = {"consecutive5xxErrors": 3, "interval": "1s", "baseEjectionTime": "5s", "maxEjectionPercent": 40}
    scenario = Scenario(
        events=[
            ScenarioEvent(at=5.0, target=("zone", "a"), answers=Answer(500), fails=0.4),
            ScenarioEvent(at=20.0, target=("workload", "b1"), answers=Answer(500), fails=0.7),
            ScenarioEvent(at=40.0, target=("workload", "a1"), answers=Answer(500)),
        ],
        rate=20.0,
        duration=60.0,
    )

    def runs() -> list[tuple[int, int, int]]:
        found = [at_envoy(detection, scenario, random=Random(seed)) for seed in range(150)]
        return [
            (
                timeline.errors,
                sum(event.kind is EventKind.EJECTED for event in timeline.events),
                sum(event.count for event in timeline.events if event.kind is EventKind.REFUSED),
            )
            for timeline in found
        ]

    fast = runs()

    def slow(stream: Stream, given: Mapping[Answer, float]) -> object:
        if len(given) == 1:
            return made(stream, given)
        return _Mixed(Runs(stream._random, given))  # type: ignore[arg-type]

    made = Stream._made
    monkeypatch.setattr(Stream, "_made", slow)
    for quick, each in zip(zip(*fast, strict=True), zip(*runs(), strict=True), strict=True):
        spread = (fmean([one**2 for one in each]) - fmean(each) ** 2) ** 0.5
        assert fmean(quick) == pytest.approx(fmean(each), abs=4 * spread * (2 / len(each)) ** 0.5 + 1e-9)
