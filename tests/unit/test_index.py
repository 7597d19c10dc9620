"""The index: what it answers, what it refuses, and what becomes of views when it changes."""

import copy
import math
import pickle
import threading
from collections import Counter
from random import Random

import pytest

from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import MAX_WEIGHT, Endpoint, Health
from meshtier.errors import InvalidValueError, MeshError, UnknownNameError
from meshtier.index import EndpointIndex, LabelIndex, Members, StaleViewError, TierView
from meshtier.locality import Locality, Scope
from meshtier.preference import Preference
from meshtier.profile import ISTIO_1_31, CrossNetwork
from meshtier.ranking import rank

ZONE = TrafficDistribution.PREFER_SAME_ZONE
HOME = Locality("n1", "r1", "a", "", "x")
NEXT_ZONE = Locality("n1", "r1", "b", "", "y")
NEXT_REGION = Locality("n1", "r2", "c", "", "z")
ABROAD = Locality("n2", "r1", "a", "", "x")


def small() -> EndpointIndex:
    return EndpointIndex(
        [
            Endpoint("home", HOME, weight=2),
            Endpoint("sick", HOME, weight=5, health=Health.UNHEALTHY),
            Endpoint("zone", NEXT_ZONE),
            Endpoint("region", NEXT_REGION),
            Endpoint("abroad", ABROAD),
        ]
    )


def ids(members: Members) -> list[str]:
    return sorted(endpoint.id for endpoint in members)


def test_tiers_are_those_of_the_table_nearest_first() -> None:
    tiers = small().tiers(HOME, ZONE)
    assert [(tier.number, ids(tier.endpoints)) for tier in tiers] == [
        (0, ["home", "sick"]),
        (1, ["zone"]),
        (2, ["region"]),
        (3, ["abroad"]),
    ]


def test_a_view_knows_counts_and_weights() -> None:
    nearest = small().tiers(HOME, ZONE)[0]
    assert (nearest.total, len(nearest.endpoints), nearest.healthy) == (2, 2, 1)
    assert (nearest.weight, nearest.healthy_weight) == (7, 2)
    assert repr(nearest) == "<TierView P0: 2 endpoints, 1 healthy>"
    assert repr(nearest.endpoints) == "<2 endpoints>"


def test_weights_that_fill_32_bits_do_not_run_over() -> None:
    index = EndpointIndex(Endpoint(f"e{number}", HOME, weight=MAX_WEIGHT) for number in range(1000))
    assert (index.everything.weight, index.everything.total) == (1000 * MAX_WEIGHT, 1000)


def test_a_ranked_network_rule_keeps_other_networks_in_order() -> None:
    index = small()
    index.add(Endpoint("far", Locality("n2", "r9")))
    tiers = index.tiers(HOME, ZONE, profile=ISTIO_1_31)
    assert [(tier.number, ids(tier.endpoints)) for tier in tiers][-2:] == [(3, ["abroad"]), (5, ["far"])]


def test_other_networks_follow_changes() -> None:
    index = small()
    index.tiers(HOME, ZONE, profile=ISTIO_1_31)
    index.add(Endpoint("far", Locality("n3", "r1", "q")))
    index.remove("abroad")
    for name in ("home", "zone", "region"):
        index.update(Endpoint(name, HOME, health=Health.UNHEALTHY))
    assert [tier.number for tier in index.tiers(HOME, ZONE, profile=ISTIO_1_31)] == [0, 4]
    picked = index.pick(HOME, ZONE, Random(1), profile=ISTIO_1_31)
    assert picked is not None
    assert picked.id == "far"


def test_a_mode_may_be_asked_for_by_its_word() -> None:
    index = small()
    assert [tier.number for tier in index.tiers(HOME, "preferclose")] == [0, 1, 2, 3]
    best = index.best(HOME, "PreferSameZone")
    assert best is not None
    assert ids(best.endpoints) == ["home", "sick"]
    picked = index.pick(HOME, "PreferSameZone", Random(1))
    assert picked is not None
    assert picked.id == "home"
    assert ids(index.excluded(HOME, "PreferRegion")) == ["abroad", "region"]
    with pytest.raises(InvalidValueError, match=r"mode: expected one of Any, .*, got 'PreferZone'"):
        index.tiers(HOME, "PreferZone")


NODE_THEN_REGION = Preference((Scope.NODE, Scope.REGION))


def test_any_list_of_scopes_is_compared_in_its_own_order() -> None:
    index = small()
    tiers = index.tiers(HOME, NODE_THEN_REGION)
    assert [(tier.number, ids(tier.endpoints)) for tier in tiers] == [
        (0, ["abroad", "home", "sick"]),
        (2, ["region", "zone"]),
    ]
    index.update(Endpoint("region", Locality("n9", "r9", node="x")))
    index.remove("abroad")
    assert [(tier.number, ids(tier.endpoints)) for tier in index.tiers(HOME, NODE_THEN_REGION)] == [
        (0, ["home", "sick"]),
        (1, ["region"]),
        (2, ["zone"]),
    ]


def test_the_cluster_is_compared_where_the_preference_names_it() -> None:
    index = EndpointIndex([Endpoint("a", HOME, cluster="c1"), Endpoint("b", HOME, cluster="c2")])
    preference = Preference((Scope.CLUSTER, Scope.ZONE))
    tiers = index.tiers(HOME, preference, client_cluster="c2")
    assert [(tier.number, ids(tier.endpoints)) for tier in tiers] == [(0, ["b"]), (2, ["a"])]
    picked = index.pick(HOME, preference, Random(1), client_cluster="c1")
    assert picked is not None
    assert picked.id == "a"
    best = index.best(HOME, preference, client_cluster="c2")
    assert best is not None
    assert ids(best.endpoints) == ["b"]
    assert ids(index.excluded(HOME, preference, client_cluster="c1")) == ["b"]


def test_two_unknown_clusters_match() -> None:
    index = EndpointIndex([Endpoint("unknown", HOME), Endpoint("known", HOME, cluster="c1")])
    preference = Preference((Scope.CLUSTER,))
    best, picked = index.best(HOME, preference), index.pick(HOME, preference, Random(1))
    assert [ids(tier.endpoints) for tier in index.tiers(HOME, preference)] == [["unknown"], ["known"]]
    assert best is not None
    assert picked is not None
    assert (ids(best.endpoints), picked.id) == (["unknown"], "unknown")
    assert ids(index.excluded(HOME, preference)) == ["known"]


@pytest.mark.parametrize("scopes", [(Scope.NETWORK, Scope.REGION), (Scope.NETWORK, Scope.ZONE)], ids=["first", "own"])
def test_a_strict_preference_leaves_out_what_misses_a_scope(scopes: tuple[Scope, ...]) -> None:
    index, preference = small(), Preference(scopes, strict=True)
    assert [tier.number for tier in index.tiers(HOME, preference)] == [0]
    assert "abroad" in ids(index.excluded(HOME, preference))
    index.update(Endpoint("home", HOME, health=Health.UNHEALTHY))
    index.discard("zone")
    assert index.best(HOME, preference) is None
    assert index.pick(HOME, preference, Random(1)) is None
    assert index.pick(HOME, Preference(scopes), Random(1)) is not None


def test_a_preference_has_its_own_cross_network_rule() -> None:
    index = EndpointIndex([Endpoint("far", Locality("n2", "r9", "z9"))])
    for scopes, last in (((Scope.NETWORK, Scope.REGION), 2), ((Scope.NETWORK, Scope.ZONE), 2)):
        assert [tier.number for tier in index.tiers(HOME, Preference(scopes), profile=ISTIO_1_31)] == [last]
        assert [tier.number for tier in index.tiers(HOME, Preference(scopes, CrossNetwork.RANKED))] == [last + 1]


def test_a_draw_from_several_networks_follows_the_weights() -> None:
    index = EndpointIndex(
        [
            Endpoint("one", Locality("n2", "r1"), weight=1),
            Endpoint("nine", Locality("n3", "r1"), weight=9),
            Endpoint("idle", Locality("n4", "r1"), weight=0),
            Endpoint("sick", Locality("n5", "r1"), weight=50, health=Health.UNHEALTHY),
            Endpoint("farther", Locality("n6", "r2"), weight=100),
        ]
    )
    random, drawn = Random(1), 10_000
    picks = (index.pick(HOME, "PreferRegion", random, profile=ISTIO_1_31) for _ in range(drawn))
    counts = Counter(endpoint.id for endpoint in picks if endpoint is not None)
    assert set(counts) == {"one", "nine"}
    assert abs(counts["one"] - drawn / 10) < 4 * math.sqrt(drawn * 0.1 * 0.9)


def test_other_networks_where_all_weigh_nothing_give_no_endpoint() -> None:
    idle = [Endpoint("a", Locality("n2", "r1"), weight=0), Endpoint("b", Locality("n3", "r1"), weight=0)]
    index = EndpointIndex([*idle, Endpoint("busy", Locality("n4", "r2"))])
    assert index.pick(HOME, "PreferRegion", Random(1), profile=ISTIO_1_31) is None


def test_strict_keeps_the_full_match_alone_and_names_the_rest() -> None:
    index = small()
    assert [tier.number for tier in index.tiers(HOME, ZONE, strict=True)] == [0]
    assert ids(index.excluded(HOME, ZONE)) == ["abroad", "region", "zone"]
    assert len(index.excluded(HOME, TrafficDistribution.ANY)) == 0
    assert ids(index.excluded(HOME, TrafficDistribution.ANY)) == []
    nowhere = Locality("n9")
    assert index.tiers(nowhere, ZONE, strict=True) == ()
    assert index.best(nowhere, ZONE, strict=True) is None
    assert index.pick(nowhere, ZONE, Random(1), strict=True) is None
    assert len(index.excluded(nowhere, ZONE)) == 5


def test_best_passes_over_a_tier_where_nothing_serves() -> None:
    index = small()
    index.update(Endpoint("home", HOME, health=Health.TERMINATING))
    best = index.best(HOME, ZONE)
    assert best is not None
    assert (best.number, ids(best.endpoints)) == (1, ["zone"])


def test_what_is_degraded_serves() -> None:
    index = EndpointIndex([Endpoint("a", HOME, health=Health.DEGRADED)])
    picked = index.pick(HOME, ZONE, Random(1))
    assert picked is not None
    assert picked.id == "a"


def test_a_pick_with_nothing_healthy_is_none() -> None:
    assert EndpointIndex().pick(HOME, ZONE, Random(1)) is None
    assert EndpointIndex().best(HOME, ZONE) is None
    assert EndpointIndex().tiers(HOME, ZONE) == ()
    index = EndpointIndex([Endpoint("a", HOME, health=Health.UNHEALTHY)])
    assert index.pick(HOME, ZONE, Random(1)) is None
    assert index.pick(HOME, ZONE, Random(1), profile=ISTIO_1_31) is None


def test_weights_of_zero_do_not_choose_the_tier() -> None:
    index = EndpointIndex([Endpoint("idle", HOME, weight=0), Endpoint("busy", NEXT_ZONE)])
    best = index.best(HOME, ZONE)
    assert best is not None
    assert best.number == 0
    assert index.pick(HOME, ZONE, Random(1)) is None


@pytest.mark.parametrize(
    "kind", [EndpointIndex, lambda endpoints: LabelIndex(["app"], endpoints)], ids=["place", "label"]
)
def test_an_id_that_comes_twice_is_refused(kind: type[EndpointIndex]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        kind([Endpoint("a", HOME), Endpoint("a", ABROAD)])
    assert str(caught.value) == "endpoints[1].id: expected an id that is not in the index, got 'a' again"


def test_a_refused_change_leaves_the_index_and_its_views() -> None:
    index = small()
    view = index.everything
    with pytest.raises(InvalidValueError, match="expected an id that is not in the index, got 'home' again"):
        index.add(Endpoint("home", ABROAD))
    with pytest.raises(UnknownNameError, match="no endpoint in the index 'hom'; the nearest: home"):
        index.remove("hom")
    with pytest.raises(UnknownNameError, match="no endpoint in the index 'new'"):
        index.update(Endpoint("new", HOME))
    with pytest.raises(InvalidValueError, match="expected an Endpoint, got 'home'"):
        index.add("home")  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="expected an Endpoint, got None"):
        index.update(None)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="expected an Endpoint or its id, got 7"):
        index.remove(7)  # type: ignore[arg-type]
    assert view.total == len(index) == 5


def test_upsert_adds_what_is_new_and_replaces_what_is_there() -> None:
    index = EndpointIndex()
    first, second = Endpoint("a", HOME), Endpoint("a", ABROAD, weight=4)
    assert index.upsert(first) is None
    assert index.upsert(second) is first
    assert list(index) == [second]
    assert [tier.number for tier in index.tiers(HOME, ZONE)] == [3]
    with pytest.raises(InvalidValueError, match="expected an Endpoint, got 'a'"):
        index.upsert("a")  # type: ignore[arg-type]


def test_discard_gives_what_it_removed_or_nothing() -> None:
    index = small()
    home, zone = index.get("home"), index.get("zone")
    assert index.discard("home") is home
    assert index.discard("home") is None
    assert index.discard(Endpoint("zone", ABROAD)) is zone
    assert len(index) == 3
    view = index.everything
    assert index.discard("zone") is None
    assert view.total == 3, "what changed nothing leaves the views"
    with pytest.raises(InvalidValueError, match="expected an Endpoint or its id, got 7"):
        index.discard(7)  # type: ignore[arg-type]


def test_the_checks_of_the_structure_find_a_sum_that_is_wrong() -> None:
    index = small()
    index._check()
    index._tree.root.totals += 1
    with pytest.raises(AssertionError, match="totals are those of the children"):
        index._check()


def test_an_unknown_id_costs_little_among_many() -> None:
    index = EndpointIndex(Endpoint(f"e{number}", HOME) for number in range(5000))
    with pytest.raises(UnknownNameError) as caught:
        index.remove("e99999")
    assert caught.value.name == "e99999"


def test_remove_returns_what_was_held() -> None:
    index = small()
    held = index.get("home")
    assert index.remove(Endpoint("home", ABROAD)) is held
    assert index.get("home") is None
    assert "home" not in index
    assert len(index) == 4


@pytest.mark.parametrize(
    ("after", "numbers"),
    [
        (Endpoint("e", NEXT_ZONE), [1]),
        (Endpoint("e", HOME, weight=9), [0]),
        (Endpoint("e", HOME, weight=0), [0]),
        (Endpoint("e", HOME, health=Health.UNHEALTHY), [0]),
    ],
    ids=["move", "reweigh", "weigh nothing", "fail"],
)
def test_update_replaces(after: Endpoint, numbers: list[int]) -> None:
    index = EndpointIndex([Endpoint("e", HOME)])
    index.update(after)
    assert index.get("e") is after
    assert list(index) == [after]
    assert [tier.number for tier in index.tiers(HOME, ZONE)] == numbers
    assert index.everything.healthy_weight == after.weight * after.health.serves


def test_places_without_endpoints_are_forgotten() -> None:
    index = small()
    assert set(index.places) == {HOME, NEXT_ZONE, NEXT_REGION, ABROAD}
    index.remove("abroad")
    index.remove("region")
    assert set(index.places) == {HOME, NEXT_ZONE}
    for endpoint in list(index):
        index.remove(endpoint)
    assert index.places == ()
    assert repr(index) == "<EndpointIndex: 0 endpoints, 0 healthy>"


def test_endpoints_of_one_place_fill_more_than_a_page() -> None:
    index = EndpointIndex(Endpoint(f"e{number}", HOME, weight=1 + number % 3) for number in range(1000))
    for number in range(0, 1000, 2):
        index.remove(f"e{number}")
    assert ids(index.everything.endpoints) == sorted(f"e{number}" for number in range(1, 1000, 2))
    assert all(index.get(f"e{number}") for number in range(1, 1000, 2))


@pytest.mark.parametrize("use", [len, list, repr], ids=["size", "walk", "repr"])
def test_a_view_fails_after_a_change(use: object) -> None:
    index = small()
    view = index.tiers(HOME, ZONE)[0]
    index.update(Endpoint("abroad", ABROAD, weight=7))
    index.remove("abroad")
    with pytest.raises(StaleViewError) as caught:
        use(view.endpoints)  # type: ignore[operator]
    assert str(caught.value) == "expected an index as it was when this view was taken, got one changed 2 times"
    assert isinstance(caught.value, MeshError)
    assert caught.value.now - caught.value.taken == 2
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args
    for count in (TierView.total, TierView.healthy, TierView.weight, TierView.healthy_weight):
        with pytest.raises(StaleViewError):
            count.__get__(view)


def test_a_walk_fails_if_the_index_changes_meanwhile() -> None:
    index = EndpointIndex(Endpoint(f"e{number}", HOME) for number in range(200))
    walk = iter(index)
    next(walk)
    index.remove("e199")
    with pytest.raises(StaleViewError):
        list(walk)


def test_a_view_survives_questions() -> None:
    index = small()
    view = index.everything
    index.tiers(HOME, ZONE, profile=ISTIO_1_31)
    index.pick(HOME, ZONE, Random(1), profile=ISTIO_1_31)
    assert view.total == 5


def test_an_index_copies_and_pickles_as_its_endpoints() -> None:
    for index in (small(), LabelIndex(["app", "zone=a"], small())):
        for other in (copy.deepcopy(index), pickle.loads(pickle.dumps(index))):
            assert {endpoint.id: endpoint for endpoint in other} == {endpoint.id: endpoint for endpoint in index}


def test_the_same_seed_and_changes_give_the_same_picks() -> None:
    def picks() -> list[str]:
        random, index = Random(7), small()
        for number in range(300):
            index.add(Endpoint(f"p{number}", HOME, weight=number % 11))
            if number % 3 == 0:
                index.remove(f"p{number // 2}")
                index.add(Endpoint(f"p{number // 2}", NEXT_ZONE, weight=3))
        drawn = [index.pick(HOME, mode, random) for mode in TrafficDistribution for _ in range(50)]
        return [endpoint.id for endpoint in drawn if endpoint is not None]

    assert picks() == picks()


# Wilson and Hilferty's approximation of the chi-square quantile with this upper tail.
# The seed is fixed, so that the test cannot fail by chance; for a new seed it would
# fail once in 100,000 runs.
ONE_IN_100_000 = 4.265


def chi_square_limit(freedom: int) -> float:
    spread = 2 / (9 * freedom)
    return freedom * (1 - spread + ONE_IN_100_000 * math.sqrt(spread)) ** 3


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "weights",
    [[1] * 50, [1, 2, 3, 4, 5, 6, 7, 8], [1, 1000, 999, 513, 512, 1], [64, 65] * 40, list(range(1, 101))],
    ids=["equal", "small", "wide", "across a class", "1 to 100"],
)
@pytest.mark.parametrize("places", [1, 2, 7])
def test_picks_follow_the_weights(weights: list[int], seed: int, places: int) -> None:
    random, drawn = Random(seed), 20_000
    index = EndpointIndex(Endpoint(f"gone{number}", HOME, weight=number) for number in range(300))
    index.add(Endpoint("sick", HOME, weight=10_000, health=Health.UNHEALTHY))
    for number, weight in enumerate(weights):
        index.add(Endpoint(str(number), Locality("n1", "r1", "a", "", f"x{number % places}"), weight=weight))
    for number in range(300):
        index.remove(f"gone{number}")
    counts = Counter(endpoint.id for _ in range(drawn) if (endpoint := index.pick(HOME, ZONE, random)) is not None)
    assert counts.total() == drawn
    statistic = 0.0
    for number, weight in enumerate(weights):
        expected = drawn * weight / sum(weights)
        statistic += (counts[str(number)] - expected) ** 2 / expected
    assert statistic < chi_square_limit(len(weights) - 1)


def test_keys_are_compared_in_order_up_to_the_first_that_differs() -> None:
    index = LabelIndex(
        ["version", "topology.kubernetes.io/zone"],
        [
            Endpoint("both", HOME, labels={"version": "v1"}),
            Endpoint("version", NEXT_ZONE, labels={"version": "v1"}),
            Endpoint("zone", HOME, labels={"version": "v2"}),
            Endpoint("unlabelled", HOME),
        ],
    )
    tiers = index.tiers({"version": "v1"}, HOME)
    assert [(tier.number, ids(tier.endpoints)) for tier in tiers] == [
        (0, ["both"]),
        (1, ["version"]),
        (2, ["unlabelled", "zone"]),
    ]
    best = index.best({"version": "v1"}, NEXT_ZONE)
    assert best is not None
    assert (best.number, ids(best.endpoints)) == (0, ["version"])
    picked = index.pick({"version": "v1"}, Random(1), HOME)
    assert picked is not None
    assert picked.id == "both"


def test_a_client_without_labels_has_no_levels() -> None:
    index = LabelIndex(["version=v1"], [Endpoint("a", HOME), Endpoint("b", HOME, labels={"version": "v1"})])
    assert [(tier.number, tier.total) for tier in index.tiers({})] == [(0, 2)]
    assert [tier.number for tier in index.tiers({"app": "x"})] == [0, 1]


def test_a_label_index_without_keys_has_one_level() -> None:
    index = LabelIndex([], [Endpoint("a", HOME), Endpoint("b", ABROAD)])
    assert [(tier.number, tier.total) for tier in index.tiers({"app": "x"}, HOME)] == [(0, 2)]
    index.remove("a")
    assert [endpoint.id for endpoint in index] == ["b"]


def test_the_network_as_first_key_is_ranked_where_the_profile_ranks() -> None:
    keys = ["topology.istio.io/network", "topology.istio.io/cluster"]
    index = LabelIndex(keys, [Endpoint("near", ABROAD, cluster="c1"), Endpoint("far", ABROAD, cluster="c2")])

    def numbers(**options: object) -> list[int]:
        return [tier.number for tier in index.tiers({"a": "b"}, HOME, cluster="c1", **options)]  # type: ignore[arg-type]

    assert numbers() == [2]
    assert numbers(profile=ISTIO_1_31) == [2, 3]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("app", "keys: expected a list of strings, got 'app'"),
        (["app", 3], "keys[1]: expected a string, got 3"),
    ],
    ids=["text", "number"],
)
def test_keys_are_a_list_of_strings(keys: list[str], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        LabelIndex(keys)
    assert str(caught.value) == message


def test_threads_may_ask_at_once_while_nothing_changes() -> None:
    places = [Locality(f"n{number % 4}", f"r{number % 3}", f"z{number % 5}", "", f"x{number}") for number in range(300)]
    endpoints = [Endpoint(f"e{number}", places[number % 300], weight=number % 7) for number in range(3000)]
    index = EndpointIndex(endpoints)
    expected = {
        (place, profile): [
            (tier.number, len(tier.endpoints)) for tier in rank(place, endpoints, ZONE, profile=profile).tiers
        ]
        for place in places[:20]
        for profile in (ISTIO_1_31,)
    }
    by_node = {
        place: [(tier.number, len(tier.endpoints)) for tier in rank(place, endpoints, NODE_THEN_REGION).tiers]
        for place in places[:20]
    }
    wrong: list[object] = []
    start = threading.Barrier(8)

    def ask(seed: int) -> None:
        # The first question of each thread finds no tree by node and region yet, so that several may make one.
        random = Random(seed)
        start.wait()
        for _ in range(200):
            place, profile = random.choice(list(expected))
            found = [(tier.number, tier.total) for tier in index.tiers(place, ZONE, profile=profile)]
            if found != expected[place, profile] or index.pick(place, ZONE, random, profile=profile) is None:
                wrong.append((place, found))
            found = [(tier.number, tier.total) for tier in index.tiers(place, NODE_THEN_REGION)]
            if found != by_node[place]:
                wrong.append((place, found))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_threads_may_change_it_under_a_lock() -> None:
    index, lock = EndpointIndex(), threading.Lock()

    def change(owner: int) -> None:
        random = Random(owner)
        for number in range(300):
            with lock:
                index.add(Endpoint(f"{owner}-{number}", Locality("n", "r", str(random.randrange(5)))))
                index.pick(HOME, ZONE, random, profile=ISTIO_1_31)
                if number % 2:
                    index.remove(f"{owner}-{number - 1}")

    threads = [threading.Thread(target=change, args=(owner,)) for owner in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(index) == index.everything.healthy == len(list(index)) == 4 * 150
