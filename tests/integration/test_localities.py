"""What a real Envoy does inside a priority, against `Route`: weights of localities and endpoints, zones, panic."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.groups import host
from tests.integration.compare import assert_shares, percentages
from tests.integration.conftest import Serve
from tests.integration.meshes import Web
from tests.integration.real_envoy import NOBODY

from meshtier.dataplane import EnvoySettings, LbPolicy, LocalityGroup, host_shares, priority_loads
from meshtier.endpoint import Health
from meshtier.export import Upstream, upstream_of
from meshtier.locality import Locality
from meshtier.rules import OutlierDetection, TrafficPolicy

pytestmark = pytest.mark.envoy


def distribute(to: Mapping[str, int]) -> dict[str, Any]:
    return {
        "loadBalancer": {
            "simple": "ROUND_ROBIN",
            "localityLbSetting": {"distribute": [{"from": "r1/a/*", "to": dict(to)}]},
        }
    }


SEVENTY = distribute({"r1/a/*": 70, "r1/b/*": 20, "r2/*": 10})


def test_distribute_in_parts_of_70_20_and_10(serve: Serve) -> None:
    route = Web(pods={"r1/a": "HH", "r1/b": "HHH", "r2/c": "HHHH"}, policy=SEVENTY).route()
    assert [
        round(sum(route.shares[f"c/shop/{name}"] for name in names), 9)
        for names in (
            ("r1-a-0", "r1-a-1"),
            ("r1-b-0", "r1-b-1", "r1-b-2"),
            ("r2-c-0", "r2-c-1", "r2-c-2", "r2-c-3"),
        )
    ] == [0.7, 0.2, 0.1]
    assert_shares(serve(route), route)


def test_distribute_as_exported_with_least_request(serve: Serve) -> None:
    policy = {"loadBalancer": {"localityLbSetting": SEVENTY["loadBalancer"]["localityLbSetting"]}}
    route = Web(pods={"r1/a": "HH", "r1/b": "H", "r2/c": "HH"}, policy=policy).route()
    assert route.selection.envoy.lb_policy is LbPolicy.LEAST_REQUEST
    assert_shares(serve(route), route)


def test_distribute_among_localities_that_lose_health_one_by_one(serve: Serve) -> None:
    # a locality keeps its weight while 100/140 of it are healthy, then loses it in proportion
    web = Web(pods={"r1/a": "HHHH", "r1/b": "HHHH", "r2/c": "HH"}, policy=SEVENTY)
    subject = serve(web.route())
    for count in (1, 3, 4):
        route = web.route(down=web.names("r1/a")[:count])
        subject.replace(route)
        assert_shares(subject, route)


def test_distribute_to_nowhere_fails_every_request(serve: Serve) -> None:
    route = Web(pods={"r1/a": "HH", "r1/b": "HH"}, policy=distribute({"r9/*": 100})).route()
    assert len(route.excluded) == 4
    assert serve(route).shares(200) == {NOBODY: 1.0}


def test_endpoint_weights_count_inside_a_locality(serve: Serve) -> None:
    route = Web(pods={"r1/a": "HHU", "r1/b": "HH"}, weights={"r1/b": 4}, annotation="PreferRegion").route()
    assert route.selection.envoy.locality_weighted
    assert_shares(serve(route), route)


def test_localities_of_one_priority_weigh_by_their_health(serve: Serve) -> None:
    # PreferRegion puts three zones in P0; each scales its weight by its own health
    route = Web(pods={"r1/a": "HUUU", "r1/b": "HHHU", "r1/c": "HH", "r2/d": "HH"}, annotation="PreferRegion").route()
    assert_shares(serve(route), route)


def test_any_spreads_over_all_places_alike(serve: Serve) -> None:
    route = Web(pods={"r1/a": "H", "r1/b": "HHU", "r2/c": "HHH"}, annotation="Any").route()
    assert_shares(serve(route), route)


def test_least_request_goes_by_weight_one_request_at_a_time_and_by_its_root_under_load(serve: Serve) -> None:
    # Envoy divides a weight by the requests under way and one more: the model's shares are those without load.
    hosts = [host("heavy", weight=4), host("light")]
    settings = EnvoySettings(lb_policy=LbPolicy.LEAST_REQUEST)
    plain = Upstream(name="subject", groups=[LocalityGroup(endpoints=hosts)], settings=settings)
    assert host_shares(plain.groups, settings).shares == {"heavy": 0.8, "light": 0.2}
    subject = serve(plain)
    assert abs(subject.shares(4_000, at_once=1)["heavy"] - 0.8) <= 0.02
    assert abs(subject.shares(4_000, at_once=64)["heavy"] - 2 / 3) <= 0.02


@pytest.mark.parametrize(
    ("pods", "peers", "minimum"),
    [
        ({"r1/a": "HH", "r1/b": "HHHHHH"}, {"r1/a": 1, "r1/b": 1}, 1),
        ({"r1/a": "HHHH", "r1/b": "HH"}, {"r1/a": 1, "r1/b": 1}, 1),
        ({"r1/a": "HHU", "r1/b": "HHHH", "r1/c": "HH"}, {"r1/a": 3, "r1/b": 1, "r1/c": 1}, 1),
        ({"r1/a": "H", "r1/b": "HHH"}, {"r1/a": 1, "r1/b": 1}, 6),
        ({"r1/a": "UU", "r1/b": "HHHH", "r2/c": "HH"}, {"r1/a": 1, "r1/b": 1}, 1),
    ],
    ids=["residual", "direct", "three-zones", "too-small", "own-zone-down"],
)
def test_zone_aware_routing(serve: Serve, pods: Mapping[str, str], peers: Mapping[str, int], minimum: int) -> None:
    policy = {
        "loadBalancer": {"simple": "ROUND_ROBIN", "zoneAwareLbSetting": {"enabled": True, "minClusterSize": minimum}}
    }
    route = Web(pods=pods, policy=policy, peers=peers).route()
    assert route.selection.envoy.zone_aware is not None
    assert_shares(serve(route), route)


def test_panic_lets_all_endpoints_in(serve: Serve) -> None:
    # minHealthPercent 50 of four endpoints: one ejected is no panic, three are
    detection = {"consecutive5xxErrors": 2, "maxEjectionPercent": 100, "minHealthPercent": 50}
    route = Web(pods={"r1/a": "HHHH"}, policy={"outlierDetection": detection}).route()
    names = [f"c/shop/r1-a-{number}" for number in range(4)]
    subject = serve(route, lb_policy=LbPolicy.RING_HASH)
    subject.eject(names[0])
    assert set(subject.exact()) <= set(names[1:])
    subject.eject(*names[1:3])
    assert set(subject.exact()) == set(names)
    hosts = [host(name, Health.UNHEALTHY if name in names[:3] else Health.HEALTHY) for name in names]
    modelled = host_shares([LocalityGroup(endpoints=hosts)], upstream_of(route).settings)
    assert all(modelled.shares.values())


@pytest.mark.parametrize(
    ("letters", "threshold", "panics"),
    [
        (["HHUUUUU"], 29, [False]),  # 2 of 7 is 28.6 %, and an Envoy makes 28 of 29
        (["HHUUUUU"], 30, [True]),
        (["HHHHUUU"], 58, [False]),  # 4 of 7 is 57.1 %, and an Envoy makes 57 of 58
        (["HHHHUUU"], 59, [True]),
        (["HHUUUUU", "HUUUUUU"], 20, [False, True]),
        (["HHUUUUU", "HUUUUUU"], 50, [True, True]),
        (["HHUUUUU", "HHHHUUU"], 50, [False, False]),  # together they are enough: nothing panics
    ],
    ids=["29", "30", "58", "59", "second", "both", "enough"],
)
def test_panic_begins_below_the_truncated_threshold(
    serve: Serve, letters: list[str], threshold: float, panics: list[bool]
) -> None:
    settings = EnvoySettings(panic_threshold=threshold, lb_policy=LbPolicy.RING_HASH)
    health = {"H": Health.HEALTHY, "U": Health.UNHEALTHY}
    groups = [
        LocalityGroup(
            priority=priority,
            endpoints=[host(f"{priority}{letter}{number}", health[letter]) for number, letter in enumerate(text)],
        )
        for priority, text in enumerate(letters)
    ]
    expected = priority_loads(groups, settings)
    assert list(expected.panic) == panics
    subject = serve(Upstream(name="subject", groups=groups, settings=settings))
    assert subject.percentages() == {priority: load for priority, load in enumerate(expected.load) if load}
    sick = {identifier[0] for identifier in subject.exact() if identifier[1] == "U"}
    assert sick == {str(priority) for priority, panic in enumerate(panics) if panic}


@pytest.mark.parametrize("factor", [100, 140, 200])
def test_overprovisioning_factor_and_weighted_health(serve: Serve, factor: int) -> None:
    settings = EnvoySettings(
        overprovisioning_factor=factor,
        panic_threshold=0,
        weighted_priority_health=True,
        lb_policy=LbPolicy.RING_HASH,
    )
    hosts = [host("a", weight=3), host("b", Health.UNHEALTHY, weight=4), host("c")]
    groups = [LocalityGroup(endpoints=hosts), LocalityGroup(priority=1, endpoints=[host("d")])]
    plain = Upstream(name="subject", groups=groups, settings=settings)
    loads = priority_loads(groups, settings).load
    assert serve(plain).percentages() == {number: load for number, load in enumerate(loads) if load}


def test_draining_endpoints_get_nothing_and_count_for_nothing(serve: Serve) -> None:
    settings = EnvoySettings(panic_threshold=0, lb_policy=LbPolicy.RING_HASH)
    near = LocalityGroup(
        locality=Locality(zone="a"),
        endpoints=[
            host("a"),
            host("b", Health.UNHEALTHY),
            host("c", Health.TERMINATING),
            host("d", Health.TERMINATING),
        ],
    )
    far = LocalityGroup(priority=1, locality=Locality(zone="b"), endpoints=[host("e")])
    assert serve(Upstream(name="subject", groups=[near, far], settings=settings)).exact() == {"a": 70, "e": 30}


def test_an_ejected_endpoint_returns_after_its_time(serve: Serve) -> None:
    # fails, is out for two seconds, and the next sweep lets it back in
    detection = OutlierDetection(
        consecutive_5xx_errors=2, interval_s=0.1, base_ejection_time_s=2, max_ejection_percent=100
    )
    groups = [LocalityGroup(endpoints=[host("a")]), LocalityGroup(priority=1, endpoints=[host("b")])]
    plain = Upstream(
        name="subject",
        groups=groups,
        settings=EnvoySettings(panic_threshold=0, lb_policy=LbPolicy.RING_HASH),
        traffic=TrafficPolicy(outlier_detection=detection),
    )
    subject = serve(plain)
    subject.eject("a")
    assert subject.percentages() == {1: 100}
    subject.process.wait(lambda: not subject.ejected(), "to let the endpoint back in")
    subject.settle()
    assert subject.percentages() == {0: 100}


def test_priorities_of_a_hash_balancer_are_those_of_the_route(serve: Serve) -> None:
    # the DestinationRule's own consistentHash, its own header: nothing is overridden here
    hashing = {"consistentHash": {"httpHeaderName": "x-meshtier-key", "ringHash": {"minimumRingSize": 2048}}}
    policy = {"loadBalancer": hashing, "outlierDetection": {"maxEjectionPercent": 100}}
    route = Web(pods={"r1/a": "HHU", "r1/b": "HH"}, annotation="PreferSameZone", policy=policy).route()
    assert route.selection.envoy.lb_policy is LbPolicy.RING_HASH
    assert serve(route).percentages() == percentages(route)
