"""Scenarios over time: who is ejected when, where traffic goes, and how many requests fail."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from attrs import evolve
from tests.meshes import (
    EAST,
    GLOBAL_HOST,
    HOST,
    cluster,
    gateway,
    one_cluster,
    pod,
    rule,
    service,
    two_clusters,
    waypoint_pod,
)

from meshtier.component import Component
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.kube import load
from meshtier.locality import Locality
from meshtier.mesh import Mesh
from meshtier.profile import SOLO, Profile
from meshtier.simulate import ConnectionLimits, EventKind, Scenario, Timeline, sample, simulate

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
ZONE_B: Final = Locality("net-e", "re", "b", "", "e-b1")
FAR: Final = Locality("net-w", "rw", "c", "", "w-c1")
BY_ZONE: Final = {"failoverPriority": ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"]}
DETECTION: Final = {"consecutive5xxErrors": 5, "interval": "10s", "baseEjectionTime": "3m", "maxEjectionPercent": 50}
ASSUMED: Final = ConnectionLimits(
    decay=0.5,
    consecutive_failures=3,
    base_ejection_time_s=10,
    max_ejection_time_s=60,
    growth=2,
    reset_after_s=60,
    return_weight=1,
)


def three(**detection: object) -> Mesh:
    """The client in zone a with one pod there, and two in zone b; five errors eject for three minutes, one of three."""
    behind = [pod("a1", EAST), pod("b1", ZONE_B), pod("b2", ZONE_B)]
    return one_cluster(behind, rules=[rule(BY_ZONE, outlier_detection={**DETECTION, **detection})])


def run(
    mesh: Mesh,
    *events: Mapping[str, object],
    component: Component | None = Component.SIDECAR,
    rate: str = "10/s",
    lasts: str = "10m",
    delay: str = "0s",
    **more: Any,
) -> Timeline:
    about = {"rate": rate, "for": lasts, "delay": delay, "events": list(events)}
    scenario = evolve(Scenario.from_mapping(about), connections=more.pop("connections", None))
    return simulate(mesh, more.pop("client", "client"), more.pop("host", HOST), scenario, component=component, **more)


def events(timeline: Timeline) -> list[tuple[float, str, str]]:
    """What happened but for the events of the scenario: when, what, and to which pod."""
    return [
        (event.at, event.kind.value, event.endpoint.rpartition("/")[2])
        for event in timeline.events
        if event.kind is not EventKind.CHANGE
    ]


def shares(timeline: Timeline) -> list[tuple[float, dict[str, float]]]:
    """From when on which pods get how much."""
    return [
        (each.start, {name.rpartition("/")[2]: round(share, 4) for name, share in each.shares.items()})
        for each in timeline.intervals
    ]


def errors(timeline: Timeline) -> list[int]:
    return [each.errors for each in timeline.intervals]


FAILS: Final = {"at": "10s", "pod": "a1", "answers": 500}


def test_the_fifth_error_ejects_and_the_first_sweep_after_the_ejection_brings_back() -> None:
    timeline = run(three(), {**FAILS, "until": "60s"})
    assert events(timeline) == [(10.4, "ejected", "a1"), (200.0, "returned", "a1")]
    assert shares(timeline) == [
        (0.0, {"a1": 1.0}),
        (10.0, {"a1": 1.0}),
        (10.4, {"b1": 0.5, "b2": 0.5}),
        (200.0, {"a1": 1.0}),
    ]
    assert errors(timeline) == [0, 5, 0, 0]
    assert (timeline.failover_after, timeline.errors_until_failover, timeline.failback_at) == (0.4, 5, 200.0)
    assert timeline.requests == pytest.approx(6000)


def test_one_that_still_fails_is_out_again_for_longer_and_the_balancer_learns_late() -> None:
    # Its return and its second ejection are less than a second apart: the balancer hears of the second a second later.
    timeline = run(three(), FAILS)
    assert events(timeline) == [
        (10.4, "ejected", "a1"),
        (200.0, "returned", "a1"),
        (200.5, "ejected", "a1"),
        (201.5, "traffic moves", ""),
        (510.0, "returned", "a1"),
        (510.5, "ejected", "a1"),
        (511.5, "traffic moves", ""),
    ]
    assert errors(timeline) == [0, 5, 0, 15, 0, 15, 0]
    assert timeline.failback_at is None
    assert not timeline.is_failing


def test_an_ejection_above_the_limit_is_refused_and_half_of_the_requests_go_on_failing() -> None:
    timeline = run(three(), FAILS, {"at": "20s", "pod": "b1", "answers": 500}, lasts="120s")
    assert events(timeline) == [(10.4, "ejected", "a1"), (20.8, "ejection refused", "b1")]
    (refused,) = [event for event in timeline.events if event.kind is EventKind.REFUSED]
    assert (refused.rule, refused.count) == ("OD-2", 100)  # every fifth of 500 requests in 100 s
    assert shares(timeline)[-1] == (20.0, {"b1": 0.5, "b2": 0.5})
    assert errors(timeline)[-1] == 500
    assert timeline.is_failing


def test_a_refusal_is_told_anew_when_something_has_changed() -> None:
    timeline = run(
        three(), FAILS, {"at": "20s", "pod": "b1", "answers": 500}, {"at": "30s", "rate": "20/s"}, lasts="40s"
    )
    refused = [(event.at, event.count) for event in timeline.events if event.kind is EventKind.REFUSED]
    assert [count for _, count in refused] == [10, 20]


def test_nobody_is_ejected_below_one_host() -> None:
    timeline = run(three(maxEjectionPercent=30), FAILS, lasts="20s")
    assert [event.kind for event in timeline.events] == [EventKind.CHANGE, EventKind.REFUSED]
    assert errors(timeline) == [0, 100]


def test_what_is_not_ready_leaves_at_once_and_comes_back_at_once() -> None:
    timeline = run(three(), {"at": "10s", "pod": "a1", "ready": False, "until": "20s"}, lasts="30s")
    assert shares(timeline) == [(0.0, {"a1": 1.0}), (10.0, {"b1": 0.5, "b2": 0.5}), (20.0, {"a1": 1.0})]
    assert timeline.errors == 0
    assert timeline.failback_at == 20.0


def test_the_control_plane_may_take_its_time_and_what_is_gone_fails_until_then() -> None:
    timeline = run(three(), {"at": "10s", "pod": "a1", "gone": True, "until": "20s"}, delay="0.3s", lasts="30s")
    assert shares(timeline) == [
        (0.0, {"a1": 1.0}),
        (10.0, {"a1": 1.0}),
        (10.3, {"b1": 0.5, "b2": 0.5}),
        (20.3, {"a1": 1.0}),
    ]
    assert errors(timeline) == [
        0,
        3,
        0,
        0,
    ]  # at 10.0, 10.1 and 10.2: what the control plane says comes before a request
    told = [(event.at, event.text) for event in timeline.events]
    assert (10.3, "proxies learn: a1 is gone") in told


def test_a_pod_that_is_not_ready_serves_what_it_still_gets() -> None:
    timeline = run(three(), {"at": "10s", "pod": "a1", "ready": False}, delay="5s", lasts="30s")
    assert timeline.errors == 0
    assert shares(timeline)[1] == (15.0, {"b1": 0.5, "b2": 0.5})


def test_an_ejected_pod_that_is_replaced_begins_anew() -> None:
    gone = {"at": "20s", "pod": "a1", "gone": True, "until": "30s"}
    timeline = run(three(), {**FAILS, "until": "20s"}, gone, lasts="60s")
    assert shares(timeline)[-1] == (30.0, {"a1": 1.0})
    assert [kind for _, kind, _ in events(timeline)] == ["ejected"]


def test_failures_to_connect_count_as_errors_unless_they_are_split_off() -> None:
    refused = {"at": "10s", "pod": "a1", "answers": "refuse"}
    assert events(run(three(), refused, lasts="60s")) == [(10.4, "ejected", "a1")]
    split = three(splitExternalLocalOriginErrors=True, consecutiveLocalOriginFailures=2)
    assert events(run(split, refused, lasts="60s")) == [(10.1, "ejected", "a1")]
    timeouts = run(split, {"at": "10s", "pod": "a1", "answers": "timeout"}, lasts="60s")
    assert events(timeouts) == []  # each has a connection, which begins the count anew
    assert timeouts.errors == 500


def test_only_the_statuses_that_are_named_count() -> None:
    mesh = three(outlierDetectionHttpErrorCodes=[429])
    assert events(run(mesh, FAILS, lasts="60s")) == []
    assert events(run(mesh, {**FAILS, "answers": 429}, lasts="60s")) == [(10.4, "ejected", "a1")]


def test_an_answer_that_is_no_failure_of_the_server_is_none_of_the_request() -> None:
    assert run(three(), {**FAILS, "answers": 404}).errors == 0


def test_at_a_ztunnel_a_status_changes_nothing() -> None:
    behind = [pod("a1", EAST), pod("a2", EAST)]
    timeline = run(one_cluster(behind), FAILS, component=None, lasts="20s")
    assert timeline.unit == "connections"
    assert shares(timeline) == [(0.0, {"a1": 0.5, "a2": 0.5}), (10.0, {"a1": 0.5, "a2": 0.5})]
    assert errors(timeline) == [0, 50]
    assert [note.code for note in timeline.notes] == ["status-unseen"]


def test_at_a_ztunnel_failed_connections_are_left_alone_and_said_to_be_unless_limits_are_assumed() -> None:
    behind = [pod("a1", EAST), pod("a2", EAST)]
    refuses = {"at": "10s", "pod": "a1", "answers": "refuse"}
    plain = run(one_cluster(behind), refuses, component=None, lasts="20s")
    assert (events(plain), errors(plain)) == ([], [0, 50])
    assert [note.code for note in plain.notes] == ["connections-not-computed"]
    known = run(one_cluster(behind), refuses, component=None, connections=ASSUMED, lasts="20s")
    assert [(kind, name) for _, kind, name in events(known)] == [("ejected", "a1")]
    assert sum(errors(known)) == 3
    assert [note.code for note in known.notes] == ["connections-assumed"]


def test_other_profiles_know_no_detection_of_connections() -> None:
    refuses = {"at": "10s", "pod": "a1", "answers": "refuse"}
    mesh = one_cluster([pod("a1", EAST), pod("a2", EAST)])
    timeline = run(mesh, refuses, component=None, profile=Profile.named("istio-1.28"), lasts="20s")
    assert timeline.notes == ()
    with pytest.raises(InvalidValueError, match=r"connections: expected None under istio-1\.28"):
        run(mesh, refuses, component=None, connections=ASSUMED, profile=Profile.named("istio-1.28"))


def test_when_all_refuse_a_ztunnel_uses_all_again() -> None:
    mesh = one_cluster([pod("a1", EAST), pod("a2", EAST)])
    refuses = [{"at": "10s", "pod": name, "answers": "refuse"} for name in ("a1", "a2")]
    timeline = run(mesh, *refuses, component=None, connections=ASSUMED, lasts="15s")
    assert shares(timeline)[-1][1] == {"a1": 0.5, "a2": 0.5}
    assert timeline.is_failing


def through_waypoint(pods: int = 2) -> Mesh:
    web = [pod("a1", EAST), pod("a2", EAST), pod("a3", EAST)]
    ways = [waypoint_pod(f"w{number}", EAST) for number in range(1, pods + 1)]
    made = [service(web, waypoint="shop/wp"), service(ways, name="wp")]
    rules = [rule({"enabled": False}, outlier_detection=DETECTION)]
    return Mesh((cluster([pod("client"), *web, *ways], made, rules=rules),))


def test_each_pod_of_a_waypoint_ejects_for_itself() -> None:
    one = run(through_waypoint(1), FAILS, component=None, lasts="60s")
    two = run(through_waypoint(2), FAILS, component=None, lasts="60s")
    assert (one.errors, two.errors) == (5, 10)
    assert one.failover_after == pytest.approx(1.2, abs=1e-6)  # ten requests a second, and every third of them
    assert two.failover_after == pytest.approx(2.7, abs=1e-6)  # the two get them in turn
    assert sorted(event.by for event in two.events if event.by) == ["waypoint east/shop/w1", "waypoint east/shop/w2"]
    assert two.decided_by == "waypoint shop/wp"


def test_several_clients_share_the_rate_and_the_waypoint() -> None:
    mesh = through_waypoint(1)
    timeline = run(mesh, FAILS, component=None, client=["client", "client"], lasts="60s")
    assert timeline.errors == 5
    assert timeline.requests == pytest.approx(600)
    assert timeline.clients == ("Pod east/shop/client",) * 2


def test_a_waypoint_that_refuses_loses_what_comes_to_it() -> None:
    timeline = run(through_waypoint(2), {"at": "10s", "pod": "w1", "answers": "refuse", "until": "20s"}, component=None)
    during = timeline.at(15.0)
    assert during.lost == pytest.approx(0.5)
    assert during.reason == "east/shop/w1 does not serve"
    assert (during.errors, timeline.errors) == (50, 50)


def test_a_zone_that_answers_500_has_waypoints_that_pass_requests_on() -> None:
    timeline = run(through_waypoint(1), {"at": "10s", "zone": "a", "answers": 500}, component=None, lasts="11s")
    assert timeline.intervals[-1].lost == 0
    assert timeline.errors == 10


def test_no_way_around_a_waypoint_without_pods() -> None:
    timeline = run(through_waypoint(1), {"at": "10s", "pod": "w1", "ready": False}, component=None, lasts="20s")
    assert (timeline.intervals[-1].lost, timeline.errors) == (1.0, 100)


def joined() -> Mesh:
    """Pods a1 and b1 in the east, and two behind the gateway of the west."""
    far = [pod("w1", FAR, cluster="west"), pod("w2", FAR, cluster="west")]
    way = evolve(gateway(FAR, leads_to="west"), addresses=("192.0.2.1",))
    rules = [rule(BY_ZONE, host=GLOBAL_HOST, outlier_detection=DETECTION)]
    return two_clusters(east_pods=[pod("a1"), pod("b1", ZONE_B)], west_pods=far, gateways=[way], rules=rules)


def test_a_network_endpoint_is_one_host_so_that_the_second_local_pod_keeps_its_traffic() -> None:
    timeline = run(joined(), FAILS, {"at": "20s", "pod": "b1", "answers": 500}, host=GLOBAL_HOST, lasts="60s")
    assert events(timeline) == [(10.4, "ejected", "a1"), (20.4, "ejection refused", "b1")]
    assert timeline.is_failing
    assert shares(timeline)[-1][1] == {"b1": 1.0}


def test_what_is_behind_a_gateway_gets_what_the_gateway_gets() -> None:
    gone = [{"at": "10s", "pod": name, "gone": True} for name in ("a1", "b1")]
    timeline = run(
        joined(),
        *gone,
        {"at": "20s", "pod": "w1", "answers": "refuse"},
        host=GLOBAL_HOST,
        lasts="30s",
        random=Random(1),
    )
    assert shares(timeline)[1] == (10.0, {"w1": 0.5, "w2": 0.5})
    assert timeline.intervals[-1].failing == {"west/shop/w1": pytest.approx(0.5)}


def test_a_gateway_that_refuses_loses_all_that_is_behind_it() -> None:
    gone = [{"at": "10s", "pod": name, "gone": True} for name in ("a1", "b1")]
    refuses = {"at": "20s", "gateway": "eastwest/peer", "answers": "refuse"}
    timeline = run(joined(), *gone, refuses, host=GLOBAL_HOST, lasts="30s")
    assert timeline.intervals[-1].lost == pytest.approx(1.0)
    assert timeline.errors == 100


def test_a_later_rate_holds_from_then_on() -> None:
    timeline = run(three(), {"at": "10s", "rate": "100/s", "until": "20s"}, lasts="30s")
    assert timeline.requests == pytest.approx(10 * 10 + 10 * 100 + 10 * 10)


def test_of_two_events_the_one_that_began_last_holds_until_it_ends() -> None:
    timeline = run(
        three(maxEjectionPercent=1),
        {"at": "10s", "zone": "a", "answers": 500},
        {"at": "20s", "pod": "a1", "answers": "ok", "until": "30s"},
        lasts="40s",
    )
    assert [each.bad for each in timeline.intervals] == [0, 1, 0, 1]


def test_a_part_that_fails_needs_a_chance_where_a_detector_watches() -> None:
    with pytest.raises(InvalidValueError, match=r"random: expected a random.Random, .* \(30% 500, 70% ok\)"):
        run(three(), {**FAILS, "fails": 0.3})
    unwatched = run(one_cluster([pod("a1"), pod("a2")]), {**FAILS, "fails": 0.5}, component=None, lasts="20s")
    assert unwatched.errors == 25  # a quarter of the 100 requests, as is to be expected


def test_the_same_seed_gives_the_same_run() -> None:
    part = {**FAILS, "fails": 0.6}
    one, same, other = (run(three(), part, random=Random(seed)) for seed in (1, 1, 2))
    assert one.events == same.events
    assert one.intervals == same.intervals
    assert one.events != other.events
    assert one.sampled


def test_several_runs_have_chances_of_their_own() -> None:
    scenario = Scenario.from_mapping([{**FAILS, "fails": 0.6}])
    about: dict[str, Any] = {"component": Component.SIDECAR}
    runs = sample(three(), "client", HOST, scenario, random=Random(1), runs=4, **about).timelines
    assert len({timeline.errors for timeline in runs}) > 1
    assert (
        runs[0].events
        == sample(three(), "client", HOST, scenario, random=Random(1), runs=1, **about).timelines[0].events
    )


@pytest.mark.parametrize(
    ("event", "error", "said"),
    [
        ({"at": "1s", "pod": "a9", "gone": True}, UnknownNameError, "no workload 'a9'"),
        ({"at": "1s", "zone": "aa", "gone": True}, UnknownNameError, "no zone 'aa'"),
        ({"at": "1s", "pod": "client", "gone": True}, InvalidValueError, "client: expected a client that stays"),
        ({"at": "1s", "cluster": "east", "gone": True}, InvalidValueError, "client: expected a client that stays"),
    ],
)
def test_a_scenario_that_names_nothing_or_takes_the_client_away_is_refused(
    event: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        run(three(), event)


def test_two_answers_for_one_pod_at_one_time_are_refused_also_by_way_of_its_zone() -> None:
    with pytest.raises(
        InvalidValueError, match="expected one answer for one pod at one time, got two for east/shop/a1 at 10 s"
    ):
        run(three(), FAILS, {"at": "10s", "zone": "a", "answers": 503})


def test_a_host_for_which_nothing_is_chosen_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="host: expected a host for which an endpoint is chosen"):
        run(one_cluster([pod("a1")], passthrough="headless"), FAILS, component=None)


def test_events_after_the_end_and_the_lack_of_a_detector_are_noted() -> None:
    late = run(three(), {**FAILS, "at": "30s"}, lasts="20s")
    assert "event-after-end" in [note.code for note in late.notes]
    mesh = one_cluster([pod("a1")], rules=[rule(BY_ZONE, outlier_detection=None)])
    assert "nobody-detects" in [note.code for note in run(mesh, FAILS).notes]
    assert "retries-left-out" in [note.code for note in run(three(), {**FAILS, "answers": "refuse"}).notes]


def test_a_waypoint_behind_a_gateway_may_have_a_pod_that_gets_nothing() -> None:
    """In each cluster one waypoint pod is nearer than the other, and both know the way to the other cluster."""
    pytest.importorskip("yaml")
    mesh = load(EXAMPLES / "bookinfo/gateways", EXAMPLES / "bookinfo/destination-rules/productpage-failover.yaml")
    event = {"at": "10s", "pod": "east/bookinfo/productpage-v1-7b9c5d4f68-tw2lj", "answers": "refuse"}
    scenario = Scenario.from_mapping({"for": "1m", "events": [event]})
    found = simulate(mesh, "bookinfo/curl-east", "productpage.bookinfo.mesh.internal", scenario)
    assert (found.errors, len(found.ejections), found.is_failing) == (5, 1, False)


@pytest.mark.parametrize(
    ("name", "noted"),
    [
        ("east/bookinfo/productpage-v1-7b9c5d4f68-k4xzp", False),
        ("east/bookinfo/productpage-v1-7b9c5d4f68-z6hnc", False),
        ("west/bookinfo/productpage-v1-7b9c5d4f68-f5wkq", False),
        ("east/bookinfo/waypoint-7c6f8d9b54-w4cqz", False),
        ("east/bookinfo/waypoint-7c6f8d9b54-j8lrt", False),
        ("west/bookinfo/waypoint-7c6f8d9b54-c9xfp", False),
        ("west/bookinfo/waypoint-7c6f8d9b54-q5hdz", False),
        ("east/bookinfo/details-v1-6c9d7f5b48-c4fkn", True),
        ("east/bookinfo/curl-east", True),
        ("west/istio-eastwest/istio-eastwest-6b8d5c7f94-z2mqf", True),
    ],
    ids=[
        "endpoint",
        "unready endpoint",
        "behind a gateway",
        "waypoint",
        "waypoint without traffic",
        "waypoint behind a gateway",
        "waypoint without traffic behind a gateway",
        "of another service",
        "the client",
        "pod of a gateway",
    ],
)
def test_a_pod_that_gets_no_requests_whatever_happens_is_noted(name: str, noted: bool) -> None:
    pytest.importorskip("yaml")
    mesh = load(EXAMPLES / "bookinfo/gateways")
    for said, is_noted in (({"answers": 500}, noted), ({"ready": False}, False)):
        scenario = Scenario.from_mapping({"for": "1m", "events": [{"at": "10s", "pod": name, **said}]})
        found = simulate(mesh, "bookinfo/curl-east", "productpage.bookinfo.mesh.internal", scenario)
        assert ("event-elsewhere" in [note.code for note in found.notes]) is is_noted


def test_progress_is_told_on_long_work() -> None:
    told: list[float] = []
    run(three(), {**FAILS, "fails": 0.9}, random=Random(1), progress=told.append, rate="10000/s", lasts="24h")
    assert told == sorted(told)
    assert all(0 <= part <= 1 for part in told)


def test_profiles_are_named() -> None:
    assert run(three()).profile == SOLO.name
