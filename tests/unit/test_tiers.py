import copy
import pickle

import pytest

from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint, Exclusion, Health, Reason
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.locality import Locality, Scope
from meshtier.preference import Preference, mode_table
from meshtier.profile import ISTIO_1_24, ISTIO_1_27, ISTIO_1_30, ISTIO_1_31, SOLO, CrossNetwork, Profile
from meshtier.ranking import Ranking, rank
from meshtier.tiers import Tier, priorities, tier_of

ANY = TrafficDistribution.ANY
PREFER_NETWORK = TrafficDistribution.PREFER_NETWORK
PREFER_REGION = TrafficDistribution.PREFER_REGION
PREFER_SAME_ZONE = TrafficDistribution.PREFER_SAME_ZONE
PREFER_SAME_NODE = TrafficDistribution.PREFER_SAME_NODE

CLIENT = Locality("n", "r", "z", "s", "d")
SAME_NODE = CLIENT
SAME_SUBZONE = Locality("n", "r", "z", "s", "x")
SAME_ZONE = Locality("n", "r", "z", "x", "x")
SAME_REGION = Locality("n", "r", "x", "x", "x")
SAME_NETWORK = Locality("n", "x", "x", "x", "x")
FAR = Locality("x", "x", "x", "x", "x")
FAR_SAME_REGION = Locality("x", "r", "x", "x", "x")
FAR_SAME_ZONE = Locality("x", "r", "z", "x", "x")
FAR_SAME_SUBZONE = Locality("x", "r", "z", "s", "x")
FAR_SAME_NODE = Locality("x", "r", "z", "s", "d")
# From near to far; what only has the names of near places in common is as far as its widest part that differs.
PLACES = {
    "same node": SAME_NODE,
    "same subzone": SAME_SUBZONE,
    "same zone": SAME_ZONE,
    "zone and node alone": Locality("n", "r", "z", "x", "d"),
    "same region": SAME_REGION,
    "a zone of that name elsewhere": Locality("n", "x", "z", "s", "d"),
    "same network": SAME_NETWORK,
    "other network, same node": FAR_SAME_NODE,
    "other network, same subzone": FAR_SAME_SUBZONE,
    "other network, same zone": FAR_SAME_ZONE,
    "other network, same region": FAR_SAME_REGION,
    "other network, a zone of that name": Locality("x", "x", "z", "s", "d"),
    "other network": FAR,
}
FLAT = {
    ANY: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    PREFER_NETWORK: [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1],
    PREFER_REGION: [0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2],
    PREFER_SAME_ZONE: [0, 0, 0, 0, 1, 2, 2, 3, 3, 3, 3, 3, 3],
    PREFER_SAME_NODE: [0, 1, 2, 2, 3, 4, 4, 5, 5, 5, 5, 5, 5],
}
FIVE_TIERS = [0, 0, 1, 1, 2, 3, 3, 4, 4, 4, 4, 4, 4]
RANKED = {
    ANY: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    PREFER_NETWORK: [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1],
    PREFER_REGION: [0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3],
    PREFER_SAME_ZONE: [0, 0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 5, 5],
    PREFER_SAME_NODE: [0, 1, 2, 2, 3, 4, 4, 5, 6, 7, 8, 9, 9],
}
PUBLISHED = [
    *((SOLO, mode, row) for mode, row in FLAT.items()),
    *((ISTIO_1_24, mode, row) for mode, row in (FLAT | {PREFER_SAME_ZONE: FIVE_TIERS}).items()),
    *((ISTIO_1_27, mode, row) for mode, row in FLAT.items()),
    *((ISTIO_1_30, mode, row) for mode, row in FLAT.items()),
    *((ISTIO_1_31, mode, row) for mode, row in RANKED.items()),
]

HERE = Locality("net", "r", "a", node="n1")
NEAR = Endpoint("near", HERE)
AWAY = Endpoint("away", Locality("net", "r", "b"), health=Health.UNHEALTHY)
ABROAD = Endpoint("abroad", Locality("other", "r", "a"), health=Health.DEGRADED)


@pytest.mark.parametrize(("profile", "mode", "tiers"), PUBLISHED, ids=str)
def test_the_published_table_holds(profile: Profile, mode: TrafficDistribution, tiers: list[int]) -> None:
    told = {name: tier_of(CLIENT, place, mode, profile=profile) for name, place in PLACES.items()}
    assert told == dict(zip(PLACES, tiers, strict=True))


@pytest.mark.parametrize(("profile", "mode", "tiers"), PUBLISHED, ids=str)
def test_rank_gives_the_published_table(profile: Profile, mode: TrafficDistribution, tiers: list[int]) -> None:
    ranking = rank(CLIENT, [Endpoint(name, place) for name, place in PLACES.items()], mode, profile=profile)
    assert dict(ranking.tier_of) == dict(zip(PLACES, tiers, strict=True))


@pytest.mark.parametrize(
    ("profile", "mode", "count"),
    [
        (SOLO, ANY, 1),
        (SOLO, PREFER_NETWORK, 2),
        (SOLO, PREFER_REGION, 3),
        (SOLO, PREFER_SAME_ZONE, 4),
        (SOLO, PREFER_SAME_NODE, 6),
        (ISTIO_1_24, PREFER_SAME_ZONE, 5),
        (ISTIO_1_31, PREFER_SAME_ZONE, 6),
        (ISTIO_1_31, PREFER_SAME_NODE, 10),
        (ISTIO_1_31, ANY, 1),
    ],
    ids=str,
)
def test_a_mode_has_as_many_tiers_as_its_table_has_rows(
    profile: Profile, mode: TrafficDistribution, count: int
) -> None:
    rows = mode_table(mode, profile=profile).rows
    assert [row[0] for row in rows] == [f"P{number}" for number in range(count)]
    assert len({row[1] for row in rows}) == count


def test_the_profile_is_solo_unless_another_is_named() -> None:
    assert tier_of(CLIENT, FAR_SAME_NODE, PREFER_SAME_NODE) == 5
    assert dict(rank(CLIENT, [Endpoint("e", FAR_SAME_NODE)], PREFER_SAME_NODE).tier_of) == {"e": 5}


def test_two_unknown_parts_match() -> None:
    assert tier_of(Locality("n", "r"), Locality("n", "r"), PREFER_SAME_ZONE) == 0


def test_an_unknown_part_never_matches_a_named_one() -> None:
    assert tier_of(Locality("n", "r"), Locality("n", "r", "z"), PREFER_SAME_ZONE) == 1
    assert tier_of(Locality("n", "r", "z"), Locality("n", "r"), PREFER_SAME_ZONE) == 1


@pytest.mark.parametrize("other", ["Z", "z ", " z", "z\u0301", "z/"])
def test_names_match_only_if_they_are_the_same_text(other: str) -> None:
    assert tier_of(CLIENT, Locality("n", "r", other), PREFER_SAME_ZONE) == 1


def test_a_preference_compares_in_its_own_order() -> None:
    preference = Preference((Scope.NODE, Scope.REGION))
    assert preference.tier(CLIENT, Locality("x", "r", "x", "x", "d")) == 0
    assert preference.tier(CLIENT, Locality("x", "x", "x", "x", "d")) == 1
    assert preference.tier(CLIENT, SAME_SUBZONE) == 2


def test_the_cluster_is_compared_where_the_preference_names_it() -> None:
    preference = Preference([Scope.CLUSTER, Scope.ZONE])
    assert preference.tier(CLIENT, SAME_ZONE, client_cluster="c", place_cluster="c") == 0
    assert preference.tier(CLIENT, SAME_ZONE, client_cluster="c", place_cluster="e") == 2
    assert preference.tier(CLIENT, SAME_REGION) == 1


def test_what_is_compared_of_a_place_comes_scope_by_scope() -> None:
    preference = Preference((Scope.ZONE, Scope.CLUSTER, Scope.NETWORK))
    assert preference.parts(CLIENT, "c") == ("z", "c", "n")
    assert preference.parts(CLIENT) == ("z", "", "n")


def test_a_scope_that_stands_twice_is_compared_twice() -> None:
    preference = Preference((Scope.ZONE, Scope.ZONE, Scope.NODE))
    assert preference.tier(CLIENT, SAME_ZONE) == 1
    assert preference.tier(CLIENT, SAME_REGION) == 3


def test_a_network_that_comes_later_is_required_like_any_other_scope() -> None:
    preference = Preference((Scope.REGION, Scope.NETWORK, Scope.ZONE), CrossNetwork.RANKED)
    assert preference.tier(CLIENT, FAR_SAME_ZONE) == 2


def test_a_strict_preference_has_a_tier_for_full_matches_only() -> None:
    preference = Preference((Scope.NETWORK, Scope.ZONE), CrossNetwork.RANKED, strict=True)
    assert preference.tier(CLIENT, SAME_ZONE) == 0
    assert preference.tier(CLIENT, SAME_REGION) is None
    assert preference.tier(CLIENT, FAR_SAME_ZONE) is None


def test_a_strict_preference_without_scopes_takes_all() -> None:
    assert Preference((), strict=True).tier(CLIENT, FAR) == 0


@pytest.mark.parametrize(
    ("profile", "strict", "preference"),
    [
        (SOLO, False, Preference((Scope.NETWORK, Scope.REGION))),
        (SOLO, True, Preference((Scope.NETWORK, Scope.REGION), strict=True)),
        (ISTIO_1_31, False, Preference((Scope.NETWORK, Scope.REGION), CrossNetwork.RANKED)),
    ],
    ids=["flat", "strict", "ranked"],
)
def test_a_mode_stands_for_a_preference(profile: Profile, strict: bool, preference: Preference) -> None:
    assert Preference.of_mode(PREFER_REGION, profile=profile, strict=strict) == preference


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        pytest.param([], (), id="none"),
        pytest.param([7], (0,), id="one"),
        pytest.param([5, 0, 5, 3], (2, 0, 2, 1), id="gaps"),
        pytest.param([2, 2, 2], (0, 0, 0), id="one tier"),
        pytest.param([0, 1, 2], (0, 1, 2), id="no gap"),
    ],
)
def test_priorities_are_the_tiers_without_gaps(tiers: list[int], expected: tuple[int, ...]) -> None:
    assert priorities(tiers) == expected


def test_rank_sorts_into_tiers_nearest_first() -> None:
    ranking = rank(HERE, [ABROAD, AWAY, NEAR], PREFER_SAME_ZONE)
    assert ranking.tiers == (Tier(0, (NEAR,)), Tier(1, (AWAY,)), Tier(3, (ABROAD,)))
    assert ranking.excluded == ()
    assert (ranking.client, ranking.name) == (HERE, "PreferSameZone")
    assert ranking.preference == Preference.of_mode(PREFER_SAME_ZONE)


def test_a_tier_keeps_the_order_of_the_input() -> None:
    far = [Endpoint(name, FAR) for name in "cab"]
    assert [endpoint.id for endpoint in rank(HERE, far, PREFER_NETWORK).tiers[0].endpoints] == ["c", "a", "b"]


def test_rank_reads_its_input_once() -> None:
    assert rank(HERE, iter([NEAR, AWAY]), ANY).tiers == (Tier(0, (NEAR, AWAY)),)


def test_nothing_to_rank_is_no_tier() -> None:
    ranking = rank(HERE, [], PREFER_SAME_NODE)
    assert (ranking.tiers, ranking.excluded) == ((), ())


def test_a_strict_rank_excludes_what_does_not_match_in_full() -> None:
    ranking = rank(HERE, [ABROAD, NEAR, AWAY], PREFER_SAME_ZONE, strict=True)
    assert ranking.tiers == (Tier(0, (NEAR,)),)
    assert ranking.excluded == (
        Exclusion(ABROAD, Reason.NOT_FULL_MATCH, "PREC-3"),
        Exclusion(AWAY, Reason.NOT_FULL_MATCH, "PREC-3"),
    )
    assert ranking.name == "strict PreferSameZone"


def test_rank_says_of_the_excluded_what_the_caller_wants() -> None:
    ranking = rank(HERE, [AWAY], Preference((Scope.NODE,), strict=True), reason=Reason.NOT_LOCAL)
    assert ranking.excluded == (Exclusion(AWAY, Reason.NOT_LOCAL, "PREC-3"),)
    assert ranking.name == "strict node"


def test_rank_compares_clusters_of_endpoints_in_one_place() -> None:
    endpoints = [
        Endpoint("a", HERE, cluster="c1"),
        Endpoint("b", HERE, cluster="c2"),
        Endpoint("c", HERE, cluster="c1"),
    ]
    ranking = rank(HERE, endpoints, Preference((Scope.CLUSTER,)), client_cluster="c1")
    assert dict(ranking.tier_of) == {"a": 0, "c": 0, "b": 1}


def test_two_unknown_clusters_match() -> None:
    endpoints = [Endpoint("unknown", HERE), Endpoint("known", HERE, cluster="c1")]
    assert dict(rank(HERE, endpoints, Preference((Scope.CLUSTER,))).tier_of) == {"unknown": 0, "known": 1}


@pytest.mark.parametrize(
    ("preference", "name"),
    [
        (Preference((Scope.NETWORK, Scope.CLUSTER)), "network > cluster"),
        (Preference((Scope.NETWORK, Scope.REGION)), "network > region"),
        (Preference((Scope.NETWORK, Scope.CLUSTER), strict=True), "strict network > cluster"),
        (Preference(()), "Any"),
    ],
    ids=str,
)
def test_a_preference_is_called_by_its_scopes(preference: Preference, name: str) -> None:
    assert rank(HERE, [], preference).name == name


@pytest.mark.parametrize("word", ["PreferSameZone", "preferclose"])
def test_a_mode_may_be_asked_for_by_its_word(word: str) -> None:
    assert rank(HERE, [ABROAD, AWAY, NEAR], word) == rank(HERE, [ABROAD, AWAY, NEAR], PREFER_SAME_ZONE)


def test_a_word_that_is_no_mode_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidValueError, match=r"mode: expected one of Any, .*, got 'PreferZone'"):
        rank(HERE, [], "PreferZone")


def test_a_preference_is_strict_if_it_says_so_or_the_caller() -> None:
    loose, strict = Preference((Scope.ZONE,)), Preference((Scope.ZONE,), strict=True)
    assert rank(HERE, [NEAR, AWAY], loose, strict=True) == rank(HERE, [NEAR, AWAY], strict)
    assert rank(HERE, [NEAR, AWAY], strict).tiers == (Tier(0, (NEAR,)),)
    assert [tier.number for tier in rank(HERE, [NEAR, AWAY], loose).tiers] == [0, 1]


def test_a_preference_has_its_own_cross_network_rule() -> None:
    scopes = (Scope.NETWORK, Scope.REGION)
    assert rank(HERE, [ABROAD], Preference(scopes), profile=ISTIO_1_31).tiers[0].number == 2
    assert rank(HERE, [ABROAD], Preference(scopes, CrossNetwork.RANKED)).tiers[0].number == 2
    far = Endpoint("far", Locality("other", "q"))
    assert rank(HERE, [far], Preference(scopes), profile=ISTIO_1_31).tiers[0].number == 2
    assert rank(HERE, [far], Preference(scopes, CrossNetwork.RANKED)).tiers[0].number == 3


@pytest.mark.parametrize(
    ("scopes", "depth"),
    [
        ((), 0),
        ((Scope.NETWORK, Scope.REGION), 2),
        ((Scope.NETWORK, Scope.REGION, Scope.ZONE, Scope.SUBZONE, Scope.NODE), 5),
        ((Scope.REGION,), None),
        ((Scope.NETWORK, Scope.ZONE), None),
        ((Scope.NETWORK, Scope.REGION, Scope.ZONE, Scope.SUBZONE, Scope.NODE, Scope.CLUSTER), None),
    ],
    ids=str,
)
def test_a_preference_knows_whether_it_compares_the_first_scopes_of_all(
    scopes: tuple[Scope, ...], depth: int | None
) -> None:
    assert Preference(scopes).depth == depth


@pytest.mark.parametrize("scopes", [["zone"], "zone", None, [Scope.ZONE, None]], ids=repr)
def test_a_preference_is_made_of_scopes(scopes: object) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Preference(scopes)  # type: ignore[arg-type]
    assert str(caught.value) == f"scopes: expected Scopes, got {scopes!r}"


def test_the_healthy_of_a_tier_are_those_that_serve() -> None:
    assert Tier(0, (NEAR, AWAY, ABROAD)).healthy == 2


def test_a_tier_reads_as_its_number_and_endpoints() -> None:
    assert repr(Tier(2, (NEAR, AWAY))) == "Tier(P2: near, away)"


def test_tiers_and_priorities_are_told_by_endpoint_and_by_id() -> None:
    ranking = rank(HERE, [ABROAD, NEAR], PREFER_SAME_ZONE)
    assert (ranking.tier_of(ABROAD), ranking.tier_of("abroad"), ranking.tier_of["abroad"]) == (3, 3, 3)
    assert (ranking.priority_of(ABROAD), ranking.priority_of["near"]) == (1, 0)
    assert (list(ranking.tier_of), len(ranking.tier_of)) == (["near", "abroad"], 2)
    assert repr(ranking.priority_of) == "{'near': 0, 'abroad': 1}"


def test_an_endpoint_in_no_tier_is_an_unknown_name() -> None:
    ranking = rank(HERE, [NEAR, AWAY], PREFER_SAME_ZONE, strict=True)
    with pytest.raises(UnknownNameError) as caught:
        ranking.tier_of(AWAY)
    assert str(caught.value) == "no tier, for it is excluded, 'away: not every required scope matches [PREC-3]'"
    with pytest.raises(UnknownNameError, match="no endpoint in a tier 'nea'; the nearest: near"):
        ranking.tier_of("nea")


@pytest.mark.parametrize("key", ["away", 5, None])
def test_asking_whether_something_is_in_the_lookup_never_fails(key: object) -> None:
    lookup = rank(HERE, [NEAR], ANY).tier_of
    assert key not in lookup
    assert "near" in lookup


def test_two_endpoints_of_one_id_in_two_tiers_are_refused_rather_than_lost() -> None:
    twins = [Endpoint("e", HERE), Endpoint("e", HERE._replace(zone="elsewhere"))]
    with pytest.raises(InvalidValueError, match="endpoints: expected ids of their own, got 'e' twice"):
        _ = rank(HERE, twins, PREFER_SAME_ZONE).tier_of


def test_an_id_in_no_tier_is_not_in_the_lookup() -> None:
    tier_of_id = rank(HERE, [NEAR], ANY).tier_of
    assert "away" not in tier_of_id
    assert tier_of_id.get("away") is None


def test_a_ranking_survives_pickling_and_copying() -> None:
    ranking = rank(HERE, [NEAR, ABROAD], PREFER_SAME_ZONE, profile=ISTIO_1_31)
    assert dict(ranking.tier_of) == {"near": 0, "abroad": 3}
    for other in (pickle.loads(pickle.dumps(ranking)), copy.deepcopy(ranking)):  # our own bytes
        assert other == ranking
        assert dict(other.tier_of) == {"near": 0, "abroad": 3}


@pytest.mark.parametrize(
    ("ranking", "text"),
    [
        pytest.param(
            rank(HERE, [ABROAD, NEAR], PREFER_SAME_ZONE),
            "<Ranking PreferSameZone from network=net r/a node=n1: P0: 1, P3: 1>",
            id="two tiers",
        ),
        pytest.param(
            rank(HERE, [AWAY], PREFER_SAME_NODE, strict=True),
            "<Ranking strict PreferSameNode from network=net r/a node=n1: no endpoints; excluded: 1>",
            id="all excluded",
        ),
        pytest.param(rank(Locality(), [], ANY), "<Ranking Any from (unknown place): no endpoints>", id="nothing"),
    ],
)
def test_a_ranking_reads_as_one_line(ranking: Ranking, text: str) -> None:
    assert repr(ranking) == text


def test_a_ranking_is_a_table_of_its_tiers() -> None:
    table = rank(HERE, [ABROAD, AWAY, NEAR], PREFER_SAME_ZONE).to_table()
    assert table.title == "PreferSameZone from network=net r/a node=n1"
    assert table.columns == ("tier", "priority", "what matches", "endpoints", "healthy", "which")
    assert table.rows == (
        ("P0", "0", "same network, region, zone", "1", "1", "near"),
        ("P1", "1", "same network, region; other zone", "1", "0", "away"),
        ("P3", "2", "other network", "1", "1", "abroad"),
    )
    assert table.notes == ()
    assert table.numeric == {1, 3, 4}


def test_the_table_of_a_ranking_lists_the_excluded_below() -> None:
    table = rank(HERE, [AWAY], PREFER_SAME_ZONE, strict=True).to_table()
    assert table.rows == ()
    assert table.notes == ("excluded: away: not every required scope matches [PREC-3]",)


@pytest.mark.parametrize(
    ("mode", "profile", "rows"),
    [
        pytest.param(ANY, SOLO, ["anywhere"], id="Any"),
        pytest.param(PREFER_NETWORK, SOLO, ["same network", "other network"], id="PreferNetwork"),
        pytest.param(
            PREFER_REGION,
            SOLO,
            ["same network, region", "same network; other region", "other network"],
            id="PreferRegion",
        ),
        pytest.param(
            PREFER_SAME_ZONE,
            SOLO,
            [
                "same network, region, zone",
                "same network, region; other zone",
                "same network; other region",
                "other network",
            ],
            id="PreferSameZone",
        ),
        pytest.param(
            PREFER_SAME_NODE,
            SOLO,
            [
                "same network, region, zone, subzone, node",
                "same network, region, zone, subzone; other node",
                "same network, region, zone; other subzone",
                "same network, region; other zone",
                "same network; other region",
                "other network",
            ],
            id="PreferSameNode",
        ),
        pytest.param(
            PREFER_SAME_ZONE,
            ISTIO_1_24,
            [
                "same network, region, zone, subzone",
                "same network, region, zone; other subzone",
                "same network, region; other zone",
                "same network; other region",
                "other network",
            ],
            id="PreferSameZone of 1.24",
        ),
        pytest.param(PREFER_NETWORK, ISTIO_1_31, ["same network", "other network"], id="PreferNetwork, ranked"),
        pytest.param(
            PREFER_SAME_ZONE,
            ISTIO_1_31,
            [
                "same network, region, zone",
                "same network, region; other zone",
                "same network; other region",
                "other network; same region, zone",
                "other network; same region; other zone",
                "other network; other region",
            ],
            id="PreferSameZone, ranked",
        ),
    ],
)
def test_the_table_of_a_mode_says_what_its_tiers_have(
    mode: TrafficDistribution, profile: Profile, rows: list[str]
) -> None:
    table = mode_table(mode, profile=profile)
    assert [row[1] for row in table.rows] == rows


@pytest.mark.parametrize(
    ("mode", "title"),
    [(ANY, "Any: no scope"), (PREFER_REGION, "PreferRegion: network, region")],
    ids=str,
)
def test_the_table_of_a_mode_is_headed_by_its_scopes(mode: TrafficDistribution, title: str) -> None:
    table = mode_table(mode)
    assert table.title == title
    assert table.columns == ("tier", "an endpoint there has")
