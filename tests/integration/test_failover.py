"""What a real Envoy does as endpoints fail, against `Route`: priorities exactly, shares within two points."""

import pytest
from tests.integration.compare import assert_shares, percentages
from tests.integration.conftest import Serve
from tests.integration.meshes import Web
from tests.integration.real_envoy import NOBODY

from meshtier.dataplane import LbPolicy

pytestmark = pytest.mark.envoy

ZONES = Web(pods={"r1/a": "HHHHH", "r1/b": "HHH", "r2/c": "HH"}, annotation="PreferSameZone")
EJECTION = {"consecutive5xxErrors": 2, "interval": "60s", "baseEjectionTime": "60s", "maxEjectionPercent": 100}


def test_endpoints_of_the_own_zone_that_become_unready_one_by_one(serve: Serve) -> None:
    # all five ready, then one less each time, then the last one back
    names = ZONES.names("r1/a")
    subject = serve(ZONES.route(), lb_policy=LbPolicy.RING_HASH)
    seen: list[dict[int | str, int]] = []
    for count in (0, 1, 2, 3, 4, 5, 4):
        route = ZONES.route(down=names[:count])
        subject.replace(route)
        assert subject.percentages() == percentages(route)
        seen.append(subject.percentages())
    assert seen == [{0: 100}, {0: 100}, {0: 84, 1: 16}, {0: 56, 1: 44}, {0: 28, 1: 72}, {1: 100}, {0: 28, 1: 72}]


def test_endpoints_of_the_own_zone_that_are_ejected_one_by_one(serve: Serve) -> None:
    # each starts to answer 503, is put out, and counts as one that is not ready
    web = Web(pods=ZONES.pods, annotation="PreferSameZone", policy={"outlierDetection": EJECTION})
    names = web.names("r1/a")
    subject = serve(web.route(), lb_policy=LbPolicy.RING_HASH)
    assert subject.percentages() == {0: 100}
    for count in range(1, 6):
        subject.eject(names[count - 1])
        assert subject.ejected() == set(names[:count])
        assert subject.percentages() == percentages(web.route(down=names[:count]))


def test_ejection_goes_on_over_all_zones_until_nothing_is_left(serve: Serve) -> None:
    web = Web(pods={"r1/a": "HH", "r1/b": "HH", "r2/c": "H"}, annotation="PreferSameZone")
    web = Web(pods=web.pods, annotation="PreferSameZone", policy={"outlierDetection": EJECTION})
    order = [name for place in web.pods for name in web.names(place)]
    subject = serve(web.route(), lb_policy=LbPolicy.RING_HASH)
    for count in range(1, len(order) + 1):
        subject.eject(order[count - 1])
        assert subject.percentages() == percentages(web.route(down=order[:count]))
    assert subject.percentages() == {NOBODY: 100}


def test_nothing_is_ejected_beyond_the_limit(serve: Serve) -> None:
    # OD-2: half of four may be out; the third goes on failing
    detection = {**EJECTION, "maxEjectionPercent": 50}
    web = Web(pods={"r1/a": "HHH", "r1/b": "H"}, annotation="PreferSameZone", policy={"outlierDetection": detection})
    names = web.names("r1/a")
    subject = serve(web.route(), lb_policy=LbPolicy.RING_HASH)
    subject.eject(*names[:2])
    for _ in range(5):
        subject.send([subject.fail(names[2])] * 20)
    assert subject.ejected() == set(names[:2])
    assert subject.percentages() == percentages(web.route(down=names[:2]))


def test_gateway_errors_eject_where_they_are_counted_and_others_do_not(serve: Serve) -> None:
    detection = {**EJECTION, "consecutive5xxErrors": 0, "consecutiveGatewayErrors": 2}
    web = Web(pods={"r1/a": "HH", "r1/b": "HH"}, annotation="PreferSameZone", policy={"outlierDetection": detection})
    first, second = web.names("r1/a")
    subject = serve(web.route(), lb_policy=LbPolicy.RING_HASH)
    for _ in range(5):
        subject.send([subject.fail(first, second, status=500)] * 20)
    assert subject.ejected() == set()
    subject.eject(first, status=503)
    assert subject.ejected() == {first}


def test_shares_as_exported_while_a_zone_fails(serve: Serve) -> None:
    # the balancer is left as it was exported: Istio's LEAST_REQUEST
    subject = serve(ZONES.route())
    for count in (0, 2, 4):
        route = ZONES.route(down=ZONES.names("r1/a")[:count])
        subject.replace(route)
        assert_shares(subject, route)


@pytest.mark.parametrize(
    ("first", "second", "third", "expected"),
    [
        ("HHH", "HH", "HH", {0: 100}),
        ("HHU", "HH", "HH", {0: 93, 1: 7}),
        ("HUU", "HU", "HH", {0: 46, 1: 54}),
        ("HUUUUU", "HUUU", "HHH", {0: 23, 1: 35, 2: 42}),
        ("UUU", "HU", "HH", {1: 70, 2: 30}),
        ("UU", "UU", "HU", {2: 100}),
        ("HUUUUUU", "HUUUUUU", "HUUUUUU", {0: 34, 1: 33, 2: 33}),
        ("UU", "UU", "UU", {NOBODY: 100}),
    ],
    ids=["all", "one-gone", "two-levels", "three-levels", "first-gone", "last-only", "too-little", "none"],
)
def test_failover_priority_over_three_levels(
    serve: Serve, first: str, second: str, third: str, expected: dict[int | str, int]
) -> None:
    labels = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"]
    policy = {
        "loadBalancer": {"simple": "ROUND_ROBIN", "localityLbSetting": {"failoverPriority": labels}},
        "outlierDetection": EJECTION,
    }
    route = Web(pods={"r1/a": first, "r1/b": second, "r2/c": third}, policy=policy).route()
    assert route.selection.envoy.lb_policy is LbPolicy.ROUND_ROBIN
    assert percentages(route) == expected
    assert serve(route, lb_policy=LbPolicy.RING_HASH).percentages() == expected


def test_shares_of_failover_priority_over_three_levels(serve: Serve) -> None:
    labels = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"]
    policy = {
        "loadBalancer": {"simple": "ROUND_ROBIN", "localityLbSetting": {"failoverPriority": labels}},
        "outlierDetection": EJECTION,
    }
    pods = {"r1/a": "HHUUUUUU", "r1/b": "HUU", "r2/c": "HHH", "r3/d": "HH"}
    route = Web(pods=pods, weights={"r3/d": 3}, policy=policy).route()
    assert_shares(serve(route), route)


def test_failover_from_one_region_to_another(serve: Serve) -> None:
    setting = {"failover": [{"from": "r1", "to": "r3"}]}
    policy = {"loadBalancer": {"localityLbSetting": setting}, "outlierDetection": EJECTION}
    web = Web(pods={"r1/a": "HH", "r1/b": "HH", "r2/c": "HH", "r3/d": "HH"}, policy=policy)
    down: list[str] = []
    subject = serve(web.route(), lb_policy=LbPolicy.RING_HASH)
    for place, expected in (("r1/a", {1: 100}), ("r1/b", {2: 100}), ("r3/d", {3: 100}), ("r2/c", {NOBODY: 100})):
        down += web.names(place)
        route = web.route(down=down)
        subject.replace(route)
        assert subject.percentages() == percentages(route) == expected


def test_a_locality_setting_without_outlier_detection_puts_everything_in_one_level(serve: Serve) -> None:
    # DR-7, the trap: traffic distribution is out of force and nothing takes its place
    policy = {"loadBalancer": {"localityLbSetting": {"failoverPriority": ["topology.kubernetes.io/zone"]}}}
    route = Web(pods={"r1/a": "HH", "r1/b": "HH"}, annotation="PreferSameZone", policy=policy).route()
    assert_shares(serve(route), route)


def test_when_nothing_is_healthy_every_request_fails(serve: Serve) -> None:
    route = Web(pods={"r1/a": "UU", "r1/b": "UU"}, annotation="PreferSameZone").route()
    assert route.shares.total == 0
    assert serve(route).shares(200) == {NOBODY: 1.0}


def test_degraded_endpoints_serve_what_the_healthy_cannot(serve: Serve) -> None:
    route = Web(pods={"r1/a": "HDUU", "r1/b": "HDUUU"}, annotation="PreferSameZone").route()
    assert_shares(serve(route), route)
