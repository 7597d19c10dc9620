"""How much of its traffic a component sends to each endpoint of a ranking (LOAD-1 to LOAD-5)."""

import pytest

from meshtier.component import Component
from meshtier.dataplane.settings import EnvoySettings
from meshtier.dataplane.shares import Shares
from meshtier.dataplane.spread import ISTIO_ENVOY, locality_groups, spread, tier_groups
from meshtier.dataplane.ztunnel import NO_ENDPOINT, NO_WEIGHT, NONE_SERVING, best_tier, ztunnel_shares
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import MAX_WEIGHT, Endpoint, Health
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.locality import Locality
from meshtier.ranking import Ranking, rank
from meshtier.tiers import Tier

ZONE = TrafficDistribution.PREFER_SAME_ZONE
HERE, NEXT, FAR = Locality("n", "r", "a"), Locality("n", "r", "b"), Locality("n", "q", "c")
ENVOYS = (Component.WAYPOINT, Component.INGRESS_GATEWAY, Component.SIDECAR)
BEST_TIER = (Component.ZTUNNEL, Component.KGATEWAY)


def ranking(*endpoints: Endpoint, strict: bool = False) -> Ranking:
    return rank(HERE, endpoints, ZONE, strict=strict)


@pytest.mark.parametrize("component", BEST_TIER)
def test_all_traffic_goes_to_the_best_tier_that_can_serve_by_weight(component: Component) -> None:
    endpoints = (
        Endpoint("sick", HERE, health=Health.UNHEALTHY),
        Endpoint("b1", NEXT, weight=1),
        Endpoint("b2", NEXT, weight=3),
        Endpoint("far", FAR, weight=100),
    )
    assert spread(ranking(*endpoints), component) == {"sick": 0, "b1": 0.25, "b2": 0.75, "far": 0}


@pytest.mark.parametrize("component", BEST_TIER)
def test_degraded_is_as_good_as_healthy_where_none_tells_them_apart(component: Component) -> None:
    pair = (Endpoint("a", HERE, health=Health.DEGRADED), Endpoint("b", HERE))
    assert spread(ranking(*pair), component) == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize("component", BEST_TIER)
@pytest.mark.parametrize(
    ("endpoints", "reason"),
    [
        ((), NO_ENDPOINT),
        ((Endpoint("a", HERE, health=Health.UNHEALTHY),), NONE_SERVING),
        ((Endpoint("a", HERE, weight=0), Endpoint("far", FAR)), NO_WEIGHT),
    ],
    ids=["none", "none healthy", "no weight"],
)
def test_where_nothing_can_be_sent_the_reason_is_given(
    component: Component, endpoints: tuple[Endpoint, ...], reason: str
) -> None:
    shares = spread(ranking(*endpoints), component)
    assert (shares.reason, shares.total) == (reason, 0)
    assert set(shares) == {endpoint.id for endpoint in endpoints}


def test_a_weight_of_zero_takes_nothing_beside_others() -> None:
    pair = ranking(Endpoint("zero", HERE, weight=0), Endpoint("one", HERE))
    assert spread(pair, Component.ZTUNNEL) == {"zero": 0, "one": 1}


def test_an_envoy_is_told_of_a_weight_of_one_in_place_of_zero() -> None:
    pair = ranking(Endpoint("zero", HERE, weight=0), Endpoint("one", HERE))
    for component in ENVOYS:
        assert spread(pair, component) == {"zero": 0.5, "one": 0.5}


@pytest.mark.parametrize("component", Component)
def test_what_a_strict_ranking_excludes_gets_nothing(component: Component) -> None:
    shares = spread(ranking(Endpoint("a", HERE), Endpoint("b", NEXT), strict=True), component)
    assert shares == {"a": 1, "b": 0}


@pytest.mark.parametrize(
    ("healthy", "load"),
    [(5, 1.0), (4, 1.0), (3, 0.84), (2, 0.56), (1, 0.28), (0, 0.0)],
    ids=str,
)
def test_an_envoy_spills_over_as_the_first_priority_falls_ill(healthy: int, load: float) -> None:
    """Five hosts in the zone; each counts 140 / 5 = 28 per cent."""
    zone = [Endpoint(f"a{n}", HERE, health=Health.HEALTHY if n < healthy else Health.UNHEALTHY) for n in range(5)]
    shares = spread(ranking(*zone, Endpoint("b", NEXT)), Component.WAYPOINT)
    assert sum(shares[f"a{n}"] for n in range(5)) == pytest.approx(load)
    assert shares["b"] == pytest.approx(1 - load)


def test_with_nothing_healthy_and_no_panic_the_request_fails() -> None:
    shares = spread(ranking(Endpoint("a", HERE, health=Health.UNHEALTHY)), Component.SIDECAR)
    assert (shares["a"], bool(shares.reason)) == (0, True)


def test_with_a_panic_threshold_it_does_not() -> None:
    sick = ranking(Endpoint("a", HERE, health=Health.UNHEALTHY))
    assert spread(sick, Component.SIDECAR, envoy=EnvoySettings(panic_threshold=50)) == {"a": 1}


def test_localities_of_a_priority_are_weighed_by_their_health() -> None:
    """P1 holds two regions: 2 of 2 healthy and 1 of 2, which counts 2 x 0.7."""
    other = Locality("n", "p", "d")
    endpoints = [Endpoint("x1", FAR), Endpoint("x2", FAR), Endpoint("y1", other)]
    endpoints.append(Endpoint("y2", other, health=Health.UNHEALTHY))
    shares = spread(ranking(*endpoints), Component.WAYPOINT)
    assert shares["y1"] == pytest.approx(1.4 / 3.4)
    assert shares["x1"] == pytest.approx(1 / 3.4)
    even = spread(ranking(*endpoints), Component.WAYPOINT, envoy=EnvoySettings(panic_threshold=0))
    assert even["y1"] == pytest.approx(1 / 3)


def test_groups_are_sorted_by_the_text_of_the_locality_with_summed_weights() -> None:
    endpoints = [
        Endpoint("1", Locality("n", "b", "z", node="x"), weight=2),
        Endpoint("2", Locality("n", "B"), weight=0),
        Endpoint("3", Locality("m", "b", "z", node="y"), weight=3),
    ]
    groups = locality_groups(endpoints, 4)
    assert [(group.locality, group.weight, [host.id for host in group.hosts]) for group in groups] == [
        (Locality(region="B"), 1, ["2"]),
        (Locality(region="b", zone="z"), 5, ["1", "3"]),
    ]
    assert {group.priority for group in groups} == {4}


def test_priorities_have_no_gap_where_tiers_have_one() -> None:
    gap = [Tier(0, (Endpoint("a", HERE),)), Tier(3, (Endpoint("b", FAR),))]
    assert [group.priority for group in tier_groups(gap)] == [0, 1]


def test_the_best_tier_of_none() -> None:
    assert best_tier([]) is None


def test_two_endpoints_of_one_id_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="endpoints: expected endpoints with ids of their own, got an id twice"):
        ztunnel_shares([Tier(0, (Endpoint("a", HERE), Endpoint("a", NEXT)))])


def test_the_largest_weights_do_not_overflow() -> None:
    shares = spread(ranking(*(Endpoint(f"{n}", HERE, weight=MAX_WEIGHT) for n in range(3))), Component.ZTUNNEL)
    assert shares.total == pytest.approx(1)


def test_shares_refuse_an_unknown_endpoint_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="no endpoint 'reviews-2'; the nearest: reviews-1"):
        Shares({"reviews-1": 1.0})["reviews-2"]


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        (Shares({}), "<Shares >"),
        (Shares({"a": 0.0}, "no reason"), "<Shares none: no reason>"),
        (Shares({"b": 0.5, "a": 0.5}), "<Shares a 50 %, b 50 %>"),
        (Shares({"a": 0.5}, "w2 finds none"), "<Shares a 50 %; lost 50 %: w2 finds none>"),
        (Shares(dict.fromkeys("abcdef", 1 / 6)), "<Shares a 16.7 %, b 16.7 %, c 16.7 %, d 16.7 % … +2>"),
    ],
    ids=["empty", "none", "two", "partly", "many"],
)
def test_shares_show_the_largest(shares: Shares, text: str) -> None:
    assert repr(shares) == text


def test_istio_tells_an_envoy_not_to_panic_and_to_weigh_localities() -> None:
    assert (ISTIO_ENVOY.panic_threshold, ISTIO_ENVOY.locality_weighted) == (0, True)
