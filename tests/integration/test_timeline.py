"""Does it happen as the timeline says? Scenarios at a real Envoy in real time, beside `simulate`."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
from tests.integration.conftest import Serve
from tests.integration.meshes import Web
from tests.integration.traffic import SLACK_S, Played, Player, assert_alike, computed

from meshtier.simulate import REFUSED, Answer, EventKind, Scenario, ScenarioEvent, Timeline

pytestmark = pytest.mark.envoy

RATE: Final = 100.0
"""Two endpoints then get a request every 20 ms each: time enough for an Envoy to eject one in between."""

LIMITS: Final[Mapping[str, Any]] = {
    "consecutive5xxErrors": 4,
    "interval": "1s",
    "baseEjectionTime": "1300ms",  # no multiple of the interval: ejections end well before the sweep
    "maxEjectionPercent": 50,
}
A0, A1, A2, A3, A5 = (f"c/shop/r1-a-{number}" for number in (0, 1, 2, 3, 5))
B0, B1 = "c/shop/r1-b-0", "c/shop/r1-b-1"


def web_of(*, in_a: int, in_b: int, **more: object) -> Web:
    """Endpoints in the client's zone and in the next; requests go round in turn within each."""
    policy = {"loadBalancer": {"simple": "ROUND_ROBIN"}, "outlierDetection": {**LIMITS, **more}}
    return Web(pods={"r1/a": "H" * in_a, "r1/b": "H" * in_b}, annotation="PreferSameZone", policy=policy)


def fault(
    pod: str, at: float, *, until: float | None = None, answers: Answer | None = None, ready: bool | None = None
) -> ScenarioEvent:
    """500 from now on, where nothing else is said."""
    said = Answer(500) if answers is None and ready is None else answers
    return ScenarioEvent(at=at, target=("workload", pod), answers=said, ready=ready, until=until)


def compare(
    serve: Serve, web: Web, *events: ScenarioEvent, duration: float, rate: float = RATE
) -> tuple[Played, Timeline]:
    """Both, after it is checked that they are alike."""
    scenario = Scenario(events=events, rate=rate, duration=duration)
    absent = [event.target[1] for event in events if event.target and event.answers == REFUSED]
    # Istio leaves the merge window at Envoy's second, and so does the timeline.
    subject = serve(web.route(), update_merge_window_s=None, absent=absent)
    played, timeline = Player(subject, web, scenario, interval_s=1.0).play(), computed(web, scenario)
    assert_alike(played, timeline, fewest=LIMITS["consecutive5xxErrors"])
    return played, timeline


def told(timeline: Timeline) -> list[tuple[EventKind, str]]:
    """What outlier detection does, in order."""
    return [(each.kind, each.endpoint) for each in timeline.events if each.kind.is_of_detector]


EJECTED, RETURNED, REFUSED_EJECTION = EventKind.EJECTED, EventKind.RETURNED, EventKind.REFUSED


def test_a_host_that_goes_on_failing_is_ejected_for_longer_each_time(serve: Serve) -> None:
    # a0 fails at 0.2; out after 4 errors, 70 : 30 over the zones; in at 2, out again for 2.6 s; in at 5; out
    played, timeline = compare(serve, web_of(in_a=2, in_b=2), fault(A0, 0.2), duration=6.0)
    assert played.errors_until_ejection(A0) == 4
    assert told(timeline) == [(EJECTED, A0), (RETURNED, A0), (EJECTED, A0), (RETURNED, A0), (EJECTED, A0)]
    assert [round(each.at) for each in timeline.of_kind(RETURNED)] == [2, 5]
    assert timeline.at(1.0).shares[A1] == pytest.approx(0.7)


def test_a_host_that_serves_again_comes_back_once_and_stays(serve: Serve) -> None:
    # a0, alone in its zone, fails at 0.2; out, all in the next zone; a0 serves at 1; in at 2, and all at home
    played, timeline = compare(serve, web_of(in_a=1, in_b=2), fault(A0, 0.2, until=1.0), duration=3.5)
    assert played.errors_until_ejection(A0) == timeline.errors == 4
    assert told(timeline) == [(EJECTED, A0), (RETURNED, A0)]
    assert timeline.at(1.0).shares.get(A0, 0.0) == 0
    assert timeline.at(3.0).shares[A0] == 1


APART: Final = {"splitExternalLocalOriginErrors": True, "consecutiveLocalOriginFailures": 3, "consecutive5xxErrors": 2}


@pytest.mark.parametrize(("limits", "errors"), [({}, 4), (APART, 3)], ids=["as-5xx", "apart"])
def test_a_host_that_refuses_connections_is_ejected(serve: Serve, limits: Mapping[str, object], errors: int) -> None:
    # nobody listens at a0 until 1
    web = web_of(in_a=2, in_b=1, **limits)
    played, timeline = compare(serve, web, fault(A0, 0.0, answers=REFUSED, until=1.0), duration=3.0)
    assert played.errors_until_ejection(A0) == timeline.errors == errors
    assert told(timeline) == [(EJECTED, A0), (RETURNED, A0)]


def test_beyond_the_limit_a_host_goes_on_failing_until_another_is_back(serve: Serve) -> None:
    # a0 fails at 0.2 and is out; a1 fails at 0.6, and two of three is more than half; a0 is in at 2, and a1 out
    web = web_of(in_a=2, in_b=1)
    _, timeline = compare(serve, web, fault(A0, 0.2, until=1.0), fault(A1, 0.6), duration=3.9)
    assert told(timeline) == [(EJECTED, A0), *[(REFUSED_EJECTION, A1)] * 2, (RETURNED, A0), (EJECTED, A1)]
    assert timeline.at(1.5).bad == pytest.approx(0.7)


BURST: Final = web_of(in_a=6, in_b=3, consecutive5xxErrors=1, baseEjectionTime="60s", maxEjectionPercent=100)
"""One error ejects, and for good: who is picked afterwards is one of whom the balancer does not know yet."""


def assert_picked_until(serve: Serve, ends: Mapping[str, float], *events: ScenarioEvent) -> None:
    """Each of these endpoints is picked for the last time at its moment, and is so in the timeline."""
    played, timeline = compare(serve, BURST, *events, duration=max(ends.values()) + 0.9, rate=2 * RATE)
    for pod, end in ends.items():
        assert abs(played.last_moment(pod) - end) <= SLACK_S
        assert max(each.end for each in timeline.intervals if each.shares.get(pod)) == pytest.approx(end, abs=SLACK_S)


@pytest.mark.parametrize(
    ("faults", "until"),
    [
        ([0.2], [0.2]),
        ([0.2, 0.6], [0.2, 1.6]),
        ([0.2, 0.6, 1.0], [0.2, 1.6, 1.6]),
        ([0.2, 1.0, 1.6, 2.3], [0.2, 1.6, 1.6, 3.3]),
    ],
    ids=["one", "two", "three", "four"],
)
def test_the_balancer_learns_of_an_ejection_within_a_second_of_another_a_second_later(
    serve: Serve, faults: list[float], until: list[float]
) -> None:
    # or with the first one that comes when that second is over; the hosts that are there at first count as no change
    pods = [A0, A1, A2, A3][: len(faults)]
    events = [fault(pod, at) for pod, at in zip(pods, faults, strict=True)]
    assert_picked_until(serve, dict(zip(pods, until, strict=True)), *events)


def unready(pod: str, at: float) -> ScenarioEvent:
    return fault(pod, at, ready=False)


def test_a_change_by_the_control_plane_tells_the_balancer_of_ejections_and_makes_others_wait(serve: Serve) -> None:
    # a1 would be picked until 1.6, but a5 becomes unready at 0.8; and a2 could be known at 1.3, if not for that
    events = fault(A0, 0.2), fault(A1, 0.6), unready(A5, 0.8), fault(A2, 1.3)
    assert_picked_until(serve, {A0: 0.2, A1: 0.8, A5: 0.8, A2: 2.3}, *events)


def test_a_change_by_the_control_plane_in_another_priority_has_no_such_effect(serve: Serve) -> None:
    # a0 is known at once though b0 becomes unready just before; a1 waits though b1 becomes unready
    events = unready(B0, 0.1), fault(A0, 0.3), fault(A1, 0.7), unready(B1, 0.9)
    assert_picked_until(serve, {A0: 0.3, A1: 1.7}, *events)
