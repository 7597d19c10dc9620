import pytest

from meshtier.ladder import Ladder
from meshtier.locality import Scope
from meshtier.profile import CrossNetwork

FLAT, RANKED = CrossNetwork.FLAT, CrossNetwork.RANKED
NETWORK_LABEL = "topology.istio.io/network"
THREE = Ladder(("region", "zone", "node"))
PREFERRED = Ladder(("network", "region", "zone"), frozenset({0}))


@pytest.mark.parametrize(
    ("scopes", "cross_network", "preferred"),
    [
        pytest.param((Scope.NETWORK, Scope.ZONE), RANKED, {0}, id="network first"),
        pytest.param((Scope.NETWORK,), RANKED, {0}, id="network alone"),
        pytest.param((Scope.NETWORK, Scope.ZONE, Scope.NETWORK), RANKED, {0, 2}, id="network first and again"),
        pytest.param((Scope.ZONE, Scope.NETWORK), RANKED, set[int](), id="network later"),
        pytest.param((), RANKED, set[int](), id="nothing"),
        pytest.param((Scope.NETWORK, Scope.ZONE), FLAT, set[int](), id="flat"),
    ],
)
def test_scopes_prefer_the_network_only_where_it_comes_first(
    scopes: tuple[Scope, ...], cross_network: CrossNetwork, preferred: set[int]
) -> None:
    ladder = Ladder.of_scopes(scopes, cross_network)
    assert ladder == Ladder(tuple(scope.value for scope in scopes), frozenset(preferred))


@pytest.mark.parametrize(
    ("entries", "cross_network", "preferred"),
    [
        pytest.param([NETWORK_LABEL, "rack"], RANKED, {0}, id="network first"),
        pytest.param((NETWORK_LABEL, "rack"), RANKED, {0}, id="in a tuple"),
        pytest.param([NETWORK_LABEL, NETWORK_LABEL], RANKED, {0}, id="network first and again"),
        pytest.param([f"{NETWORK_LABEL}=n", "rack"], RANKED, set[int](), id="with a value of its own"),
        pytest.param(["network", "rack"], RANKED, set[int](), id="a label that is only called so"),
        pytest.param(["rack", NETWORK_LABEL], RANKED, set[int](), id="network later"),
        pytest.param([], RANKED, set[int](), id="nothing"),
        pytest.param([NETWORK_LABEL, "rack"], FLAT, set[int](), id="flat"),
    ],
)
def test_labels_prefer_the_network_only_where_it_is_the_whole_first_entry(
    entries: list[str], cross_network: CrossNetwork, preferred: set[int]
) -> None:
    assert Ladder.of_labels(entries, cross_network).preferred == preferred


def test_labels_are_named_without_their_prefix() -> None:
    assert Ladder.of_labels([NETWORK_LABEL, "rack", "example.com/row=3"], FLAT).names == ("network", "rack", "row=3")


@pytest.mark.parametrize(
    ("ladder", "equal", "matched", "same_network", "tier", "reached"),
    [
        pytest.param(Ladder(()), [], 0, True, 0, 0, id="nothing to compare"),
        pytest.param(THREE, [True, True, True], 3, True, 0, 3, id="all"),
        pytest.param(THREE, [True, False, True], 1, True, 2, 2, id="the second differs"),
        pytest.param(THREE, [False, True, True], 0, True, 3, 1, id="the first differs"),
        pytest.param(PREFERRED, [True, True, True], 3, True, 0, 3, id="preferred, all"),
        pytest.param(PREFERRED, [True, False, True], 1, True, 2, 2, id="preferred, the network alone"),
        pytest.param(PREFERRED, [False, True, True], 2, False, 3, 3, id="preferred, all but the network"),
        pytest.param(PREFERRED, [False, True, False], 1, False, 4, 3, id="preferred, the region alone"),
        pytest.param(PREFERRED, [False, False, True], 0, False, 5, 2, id="preferred, none"),
        pytest.param(
            Ladder(("network", "network", "zone"), frozenset({0, 1})),
            [False, False, True],
            1,
            False,
            4,
            3,
            id="preferred twice",
        ),
        pytest.param(
            Ladder(("network", "network", "zone"), frozenset({0})),
            [False, False, True],
            0,
            False,
            5,
            2,
            id="preferred once of twice",
        ),
    ],
)
def test_the_first_difference_decides(
    ladder: Ladder, equal: list[bool], matched: int, same_network: bool, tier: int, reached: int
) -> None:
    assert ladder.climb(equal) == (matched, same_network)
    assert ladder.tier(matched, same_network=same_network) == tier
    assert ladder.tier_for(equal) == tier
    assert ladder.reached(equal) == reached
    assert ladder.matched(tier) == (matched, same_network)


def test_nothing_is_read_beyond_the_first_difference() -> None:
    rest = iter([True, False, True])
    assert THREE.climb(rest) == (1, True)
    assert list(rest) == [True]


@pytest.mark.parametrize(
    ("ladder", "tier", "held"),
    [
        pytest.param(THREE, 0, [True, True, True], id="all"),
        pytest.param(THREE, 2, [True, False, False], id="the first alone"),
        pytest.param(THREE, 3, [False, False, False], id="none"),
        pytest.param(PREFERRED, 2, [True, False, False], id="preferred, own network"),
        pytest.param(PREFERRED, 3, [False, True, True], id="preferred, all but the network"),
        pytest.param(PREFERRED, 4, [False, True, False], id="preferred, the region alone"),
        pytest.param(PREFERRED, 5, [False, False, False], id="preferred, none"),
    ],
)
def test_a_tier_tells_what_is_equal(ladder: Ladder, tier: int, held: list[bool]) -> None:
    assert [ladder.held(tier, position) for position in range(3)] == held


@pytest.mark.parametrize(
    ("ladder", "words"),
    [
        pytest.param(Ladder(()), ["anywhere"], id="nothing to compare"),
        pytest.param(
            THREE,
            ["same region, zone, node", "same region, zone; other node", "same region; other zone", "other region"],
            id="in order",
        ),
        pytest.param(
            PREFERRED,
            [
                "same network, region, zone",
                "same network, region; other zone",
                "same network; other region",
                "other network; same region, zone",
                "other network; same region; other zone",
                "other network; other region",
            ],
            id="preferred",
        ),
        pytest.param(Ladder(("net",), frozenset({0})), ["same net", "other net"], id="preferred alone"),
    ],
)
def test_a_tier_is_described_in_words(ladder: Ladder, words: list[str]) -> None:
    assert [ladder.describe(tier) for tier in range(ladder.tiers)] == words


def test_a_second_network_is_no_part_of_what_other_networks_have_in_common() -> None:
    ladder = Ladder.of_scopes((Scope.NETWORK, Scope.NETWORK, Scope.ZONE), RANKED)
    assert ladder.describe(4) == "other network; same zone"
    assert ladder.describe(5) == "other network; other zone"
