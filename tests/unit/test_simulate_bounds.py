"""What outlier detection can do on the way to a host, as `explain`, JSON and `bounds` tell it (OD-1 to OD-4)."""

import json
from collections.abc import Iterable

import pytest
from tests.meshes import EAST, HOST, cluster, one_cluster, pod, rule, service, waypoint_pod

from meshtier import InvalidValueError
from meshtier.component import Component
from meshtier.dataplane import Failure
from meshtier.endpoint import Health
from meshtier.locality import Locality
from meshtier.mesh import Mesh, Route, Workload
from meshtier.profile import Profile
from meshtier.simulate import Bounds, bounds

A, B, C = EAST, Locality("net-e", "re", "b", "", "e-b1"), Locality("net-e", "re", "c", "", "e-c1")
GUIDE = {"consecutive5xxErrors": 5, "interval": "10s", "baseEjectionTime": "3m", "maxEjectionPercent": 50}
BY_ZONE = {"failoverPriority": ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"]}
PODS = [pod("p1", A), pod("p2", B), pod("p3", C)]


def through_waypoint(
    waypoints: Iterable[Workload], pods: Iterable[Workload] = PODS, detection: dict[str, object] | None = GUIDE
) -> Route:
    """From the client in zone a through the waypoint pods to the service web, by zone."""
    waypoints, pods = tuple(waypoints), tuple(pods)
    services = [service(pods, waypoint="shop/wp"), service(waypoints, name="wp", annotation="PreferClose")]
    rules = [rule(BY_ZONE, outlier_detection=detection)]
    mesh = Mesh((cluster([pod("client", A), *pods, *waypoints], services, rules=rules),))
    return mesh.route("client", HOST)


def at_sidecar(pods: Iterable[Workload], detection: dict[str, object]) -> Route:
    asked = one_cluster(pods, rules=[rule(BY_ZONE, outlier_detection=detection)])
    return asked.route("client", HOST, component=Component.SIDECAR)


def detection_lines(route: Route) -> list[str]:
    """What the report says under outlier detection."""
    return [
        line
        for section in route.report.sections
        if section.heading.startswith("outlier detection")
        for line in (section.heading, *section.lines)
    ]


def test_explain_says_how_many_may_be_out_how_long_and_where_traffic_then_goes() -> None:
    assert detection_lines(through_waypoint([waypoint_pod("w", B)])) == [
        "outlier detection",
        "up to 1 of 3 hosts may be out at once (maxEjectionPercent 50) [OD-2]",
        "a host is back 190 s after its first ejection at the latest, and 310 s after any [OD-1]",
        "priority 1 gets all traffic once 1 of 1 before it is ejected [LOAD-2]",
    ]


def test_explain_says_why_the_nearest_priority_cannot_be_emptied() -> None:
    pods = [*(pod(f"p{number}", A) for number in range(10)), pod("far", B)]
    assert detection_lines(at_sidecar(pods, GUIDE))[3:] == [
        "priority 0 cannot be emptied: 10 of its hosts can take traffic, and 5 may be out",
        "priority 1 gets traffic once 3 of 10 before it are ejected, and never all of it [LOAD-2]",
    ]


def test_explain_tells_spilling_from_failover() -> None:
    pods = [*(pod(f"p{number}", A) for number in range(10)), pod("far", B)]
    assert detection_lines(at_sidecar(pods, {**GUIDE, "maxEjectionPercent": 100}))[3:] == [
        "priority 1 gets traffic once 3 of 10 before it are ejected, and all of it once 10 are [LOAD-2]"
    ]


def test_explain_says_what_keeps_the_last_priority_without_traffic() -> None:
    """1a is P0, 1b P1 and the other region P2; 2 of 3 may not be out."""
    pods = [pod("a", A), pod("b", B), pod("far", Locality("net-e", "rw", "z", "", "n"))]
    assert detection_lines(at_sidecar(pods, GUIDE))[3:] == [
        "priority 1 gets all traffic once 1 of 1 before it is ejected [LOAD-2]",
        "priority 2 gets nothing by ejections: 2 hosts come before it, and at most 1 may be out at once [LOAD-2]",
    ]


def test_explain_counts_what_gets_traffic_already() -> None:
    pods = [pod("a", A), pod("sick", A, health=Health.UNHEALTHY), pod("b", B), pod("c", B)]
    assert detection_lines(at_sidecar(pods, GUIDE))[3:] == [
        "priority 1 gets traffic now, and all of it once 1 of 1 before it is ejected [LOAD-2]"
    ]


def test_explain_says_that_nobody_is_ever_ejected() -> None:
    assert detection_lines(at_sidecar(PODS, {"consecutive5xxErrors": 5})) == [
        "outlier detection",
        "10 % of 3 hosts is less than one: nobody is ever ejected [OD-2]",
    ]


def test_explain_says_what_becomes_of_one_priority_alone() -> None:
    found = detection_lines(at_sidecar([pod("a"), pod("b")], {**GUIDE, "maxEjectionPercent": 100}))
    assert found[3:] == ["priority 0 can be emptied, and there is no other to go to: with 2 ejected requests fail"]


def test_explain_names_the_statuses_that_alone_are_errors() -> None:
    found = detection_lines(at_sidecar(PODS, {**GUIDE, "outlierDetectionHttpErrorCodes": [503, 429]}))
    assert found[3] == "no status is an error but 429, 503"


def test_pods_of_a_waypoint_that_see_other_priorities_are_told_apart() -> None:
    pods = [pod("a", A), *(pod(f"b{number}", B) for number in range(3)), pod("c", C)]
    route = through_waypoint([waypoint_pod("wa", A), waypoint_pod("wa2", A)], pods)
    assert detection_lines(route)[0] == "outlier detection"
    both = through_waypoint([waypoint_pod("wb", B), waypoint_pod("wc", C)], pods)
    headings = [line for line in detection_lines(both) if line.startswith("outlier detection")]
    assert headings == ["outlier detection as seen by east/shop/wb", "outlier detection as seen by east/shop/wc"]


@pytest.mark.parametrize(
    ("profile", "said"), [(Profile.SOLO, True), (Profile.ISTIO_1_31, False)], ids=["solo", "istio"]
)
def test_a_ztunnel_of_solo_alone_is_said_to_detect_failures(profile: Profile, said: bool) -> None:
    lines = detection_lines(one_cluster(PODS).route("client", HOST, profile=profile))
    assert lines[1:] == (
        [
            (
                "ztunnel by default ejects endpoints to which connections fail; its constants are not published, and"
                " this is not computed [OD-3]. HTTP 500s do not count there [OD-4]"
            )
        ]
        if said
        else []
    )


@pytest.mark.parametrize("component", [Component.ZTUNNEL, Component.SIDECAR])
def test_where_nothing_is_chosen_nothing_is_said(component: Component) -> None:
    route = one_cluster(PODS, rules=[rule()], passthrough="headless").route("client", HOST, component=component)
    assert detection_lines(route) == []
    assert route.to_dict()["ejection"] is None


def test_an_envoy_without_outlier_detection_has_nothing_to_tell() -> None:
    route = one_cluster(PODS).route("client", HOST, component=Component.SIDECAR)
    assert detection_lines(route) == []
    assert route.outcome.ejection is None


def test_the_json_has_every_bound_of_the_pod_with_the_largest_share() -> None:
    route = through_waypoint([waypoint_pod("w", B)])
    ejection = json.loads(json.dumps(route.to_dict()))["ejection"]
    assert ejection == {
        "hosts": 3,
        "most_ejected": 1,
        "nearest": 0,
        "target": 1,
        "can_fail_over": True,
        "reason": "",
        "errors_to_eject": {"5xx": 5, "gateway": 5, "refused": 5, "timeout": 5},
        "first_return_s": 190.0,
        "longest_return_s": 310.0,
        "failback_s": 311.0,
        "merge_window_s": 1.0,
        "priorities": [
            {
                "priority": 0,
                "hosts": 1,
                "healthy": 1,
                "nearer": 0,
                "can_be_emptied": True,
                "some_from": 0,
                "all_from": 0,
                "reason": "",
            },
            {
                "priority": 1,
                "hosts": 2,
                "healthy": 2,
                "nearer": 1,
                "can_be_emptied": False,
                "some_from": 1,
                "all_from": 1,
                "reason": "",
            },
        ],
    }
    assert route.to_dict()["waypoints"][0]["route"]["ejection"] == ejection


def test_bounds_of_a_waypoint_are_those_of_each_pod_after_the_ztunnel() -> None:
    found = bounds(through_waypoint([waypoint_pod("wb", B), waypoint_pod("wc", C)]))
    assert [(each.by, each.component, each.share) for each in found.choosers] == [
        ("Pod east/shop/client", Component.ZTUNNEL, 1.0),
        ("east/shop/wb", Component.WAYPOINT, 0.5),
        ("east/shop/wc", Component.WAYPOINT, 0.5),
    ]
    assert found.choosers[0].ejection is None
    assert "its constants are not published" in found.choosers[0].reason
    assert [each.most_ejected for each in found.envoys] == [1, 1]
    assert found.can_fail_over
    assert found.failback_s == 311


def test_the_time_to_failover_counts_what_part_of_the_requests_each_pod_gets() -> None:
    one = bounds(through_waypoint([waypoint_pod("wb", B)]))
    assert one.failover_s(10) == pytest.approx(0.4)
    # each of two pods gets every other request, and its first error up to 0.2 s after that at the other pod
    two = bounds(through_waypoint([waypoint_pod("wb", B), waypoint_pod("wc", C)]))
    assert two.failover_s(10) == pytest.approx(5 * 0.2)
    assert two.failover_s(10, Failure.TIMEOUT) == pytest.approx(5 * 0.2)


def test_one_pod_that_cannot_fail_over_is_enough() -> None:
    """The pod in zone a has one host before it, that in zone b three, of which two may be out."""
    pods = [pod("a", A), *(pod(f"b{number}", B) for number in range(3)), pod("c", C)]
    found = bounds(through_waypoint([waypoint_pod("wb", B), waypoint_pod("wc", C)], pods))
    assert [each.can_fail_over for each in found.envoys] == [False, True]
    assert not found.can_fail_over
    assert found.failover_s(10) is None


def test_at_a_ztunnel_nothing_is_computed() -> None:
    asked = one_cluster(PODS)
    found = bounds(asked.route("client", HOST))
    assert found.envoys == ()
    assert (found.can_fail_over, found.failback_s, found.failover_s(1)) == (False, None, None)
    istio = bounds(asked.route("client", HOST, profile=Profile.ISTIO_1_31))
    assert istio.choosers[0].reason == "a ztunnel of profile istio-1.31 has no outlier detection [OD-3]"


def test_why_there_is_nothing_to_tell_of_an_envoy() -> None:
    plain = bounds(one_cluster(PODS).route("client", HOST, component=Component.SIDECAR))
    assert plain.choosers[0].reason == "no outlierDetection is in force: nobody is ever ejected"
    asked = one_cluster(PODS, passthrough="headless")
    passed = bounds(asked.route("client", HOST, component=Component.SIDECAR))
    assert passed.choosers[0].reason == "no choice is made: headless"


def test_a_waypoint_without_pods_is_told_as_one_beside_the_client() -> None:
    found = bounds(through_waypoint([]))
    assert [(each.by, each.share) for each in found.choosers] == [
        ("Pod east/shop/client", 1.0),
        ("waypoint shop/wp", 0.0),
    ]
    assert found.envoys[0].most_ejected == 1


def found_of_guide() -> Bounds:
    return bounds(through_waypoint([waypoint_pod("w", B)]))


def test_bounds_as_a_table() -> None:
    assert found_of_guide().to_table().rows[1:] == (
        ("east/shop/w", "100 %", "0", "1", "1", "0", "0", ""),
        ("", "", "1", "2", "2", "1", "1", ""),
    )


def test_bounds_as_a_report_and_in_a_notebook() -> None:
    found = found_of_guide()
    text = found.report().to_text()
    assert text.startswith(f"outlier detection from Pod east/shop/client to {HOST}, profile solo\n")
    assert "waypoint at east/shop/w, 100 %\n  up to 1 of 3 hosts may be out at once" in text
    assert found._repr_html_() == found.report().to_html()
    assert repr(found) == f"<Bounds {HOST} from Pod east/shop/client: 1 of 2 computed, can fail over>"


def test_bounds_as_plain_data() -> None:
    data = json.loads(json.dumps(found_of_guide().to_dict()))
    assert list(data) == ["client", "host", "profile", "can_fail_over", "failback_s", "choosers"]
    assert [each["ejection"] is None for each in data["choosers"]] == [True, False]
    assert data["choosers"][1]["ejection"]["most_ejected"] == 1


@pytest.mark.parametrize("rate", [0, True, "10"])
def test_a_rate_is_a_number_above_0(rate: float) -> None:
    with pytest.raises(InvalidValueError, match="rate: expected a number above 0, got"):
        found_of_guide().failover_s(rate)


def test_only_a_route_has_bounds() -> None:
    with pytest.raises(InvalidValueError, match="route: expected a Route, got 'web'"):
        bounds("web")  # type: ignore[arg-type]
