"""How much of its traffic a component sends to each endpoint of a ranking (LOAD-1 to LOAD-5)."""

from collections.abc import Callable

import pytest
from attrs import evolve
from tests.meshes import EAST, HOST, one_cluster, places, pod

from meshtier import component as components
from meshtier.component import COMPONENTS, Component
from meshtier.dataplane import DATA_PLANES, DataPlane, EnvoySettings, Selection, Shares, data_plane, planes, spread
from meshtier.dataplane.ztunnel import NO_ENDPOINT, NO_WEIGHT, NONE_SERVING, best_tier, best_tier_shares
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import MAX_WEIGHT, Endpoint, Health
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.locality import Locality
from meshtier.ranking import Ranking, rank
from meshtier.tiers import Tier

ZONE = TrafficDistribution.PREFER_SAME_ZONE
HERE, NEXT, FAR = Locality("n", "r", "a"), Locality("n", "r", "b"), Locality("n", "q", "c")
SICK = Endpoint("sick", HERE, health=Health.UNHEALTHY)
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
        Endpoint("out", NEXT, weight=5, health=Health.UNHEALTHY),
        Endpoint("far", FAR, weight=100),
    )
    assert spread(ranking(*endpoints), component) == {"sick": 0, "b1": 0.25, "b2": 0.75, "out": 0, "far": 0}


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


@pytest.mark.parametrize(
    "ranked",
    [
        lambda endpoints: rank(HERE, endpoints, TrafficDistribution.ANY),
        lambda endpoints: rank(HERE, endpoints, ZONE, strict=True),
    ],
    ids=["Any", "strict"],
)
def test_localities_are_not_weighed_where_no_mode_makes_priorities(ranked: Callable[[list[Endpoint]], Ranking]) -> None:
    inner = HERE._replace(subzone="s")
    endpoints = [Endpoint("x1", HERE), Endpoint("x2", HERE), Endpoint("y1", inner)]
    endpoints.append(Endpoint("y2", inner, health=Health.UNHEALTHY))
    shares = spread(ranked(endpoints), Component.WAYPOINT)
    assert list(shares.values()) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


def test_the_best_tier_of_none() -> None:
    assert best_tier([]) is None


@pytest.mark.parametrize(
    ("tiers", "shares"),
    [
        ((), []),
        ((Tier(0, (SICK,)), Tier(2, (Endpoint("b", NEXT),)), Tier(3, (Endpoint("c", FAR),))), [0, 1, 0]),
        ((Tier(0, (Endpoint("a", HERE, weight=0),)), Tier(1, (Endpoint("b", NEXT),))), [0, 0]),
        ((Tier(0, (SICK,)),), [0]),
    ],
    ids=["none", "the best that serves", "no weight", "none healthy"],
)
def test_the_best_tier_takes_all_and_no_endpoint_is_looked_at_for_that(
    tiers: tuple[Tier, ...], shares: list[float]
) -> None:
    assert list(best_tier_shares(tiers)) == shares
    assert DATA_PLANES["ztunnel"].tier_shares is best_tier_shares
    assert DATA_PLANES["envoy"].tier_shares is None


@pytest.mark.parametrize("component", Component)
def test_two_endpoints_of_one_id_are_refused(component: Component) -> None:
    for twice in ((Endpoint("a", HERE), Endpoint("a", NEXT)), (Endpoint("a", HERE), Endpoint("a", HERE))):
        with pytest.raises(InvalidValueError) as caught:
            spread(ranking(*twice), component)
        assert str(caught.value) == "endpoints: expected endpoints with ids of their own, got an id twice"


@pytest.mark.parametrize("component", Component)
def test_the_largest_weights_do_not_overflow(component: Component) -> None:
    shares = spread(ranking(*(Endpoint(f"{n}", HERE, weight=MAX_WEIGHT) for n in range(3))), component)
    assert list(shares.values()) == pytest.approx([1 / 3] * 3)


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


# A data plane of one's own


def follow_hints(selection: Selection) -> Shares:
    """As kube-proxy in zone a: all to the endpoints with a hint for it, evenly, or to all if one has no hint."""
    endpoints = [endpoint for tier in selection.tiers for endpoint in tier.endpoints]
    hinted = [endpoint for endpoint in endpoints if endpoint.labels.get("hint") == "a"]
    chosen = hinted if hinted and all("hint" in endpoint.labels for endpoint in endpoints) else endpoints
    return Shares({endpoint.id: (endpoint in chosen) / len(chosen) for endpoint in endpoints})


WITH_HINTS = {**DATA_PLANES, "ztunnel": DataPlane(shares=follow_hints)}


@pytest.mark.parametrize(
    ("hints", "shares"),
    [(("a", "b", "a"), [0.5, 0, 0.5]), (("b", "b", "b"), [1 / 3] * 3), (("a", "a", ""), [1 / 3] * 3)],
    ids=["some here", "none here", "one without"],
)
def test_a_data_plane_that_follows_hints_is_one_more_row(hints: tuple[str, ...], shares: list[float]) -> None:
    places = (HERE, HERE, FAR)
    endpoints = [
        Endpoint(f"{number}", place, labels={"hint": hint} if hint else {})
        for number, (place, hint) in enumerate(zip(places, hints, strict=True))
    ]
    found = spread(ranking(*endpoints), Component.ZTUNNEL, planes=WITH_HINTS)
    assert list(found.values()) == pytest.approx(shares)


def test_a_route_asks_whatever_data_plane_the_tables_name(monkeypatch: pytest.MonkeyPatch) -> None:
    traits = evolve(Component.KGATEWAY.traits, spreads_by="hints")
    monkeypatch.setattr(components, "COMPONENTS", {**COMPONENTS, Component.KGATEWAY: traits})
    monkeypatch.setattr(planes, "DATA_PLANES", {**DATA_PLANES, "hints": DataPlane(shares=follow_hints)})
    pods = [pod("near", EAST, labels={"hint": "b"}), pod("far", places()["network"], labels={"hint": "a"})]
    route = one_cluster(pods, annotation="PreferSameZone").route("client", HOST, component=Component.KGATEWAY)
    assert route.shares == {"east/shop/near": 0, "east/shop/far": 1}
    assert [tier.share for tier in route.tiers] == [0, 1]


@pytest.mark.parametrize("component", Component)
def test_every_component_has_a_data_plane(component: Component) -> None:
    assert data_plane(component) is DATA_PLANES[component.traits.spreads_by]


def test_a_data_plane_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="no data plane 'ztunnel'; there are: envoy"):
        data_plane(Component.ZTUNNEL, {"envoy": DATA_PLANES["envoy"]})
