"""Levels of endpoints and weights of localities, by hand."""

import pytest

from meshtier.profile import CrossNetwork
from meshtier.rules import (
    Distribute,
    Failover,
    WantedFrom,
    compare_labels,
    distribute_weights,
    failover_level,
    failover_priority_levels,
    matches_place,
    matching_rule,
    region_level,
)

NETWORK, REGION, ZONE = "topology.istio.io/network", "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
HERE = ("r1", "z1", "s1")


@pytest.mark.parametrize(
    ("place", "level"),
    [
        (("r1", "z1", "s1"), 0),
        (("r1", "z1", ""), 1),
        (("r1", "z2", "s1"), 2),
        (("r2", "z1", "s1"), 3),
        (("r3", "", ""), 4),
        (("", "", ""), 4),
    ],
)
def test_level_under_failover(place: tuple[str, str, str], level: int) -> None:
    rules = [Failover(from_region="r1", to_region="r2"), Failover(from_region="r1", to_region="r3")]
    assert failover_level(HERE, place, rules) == level


def test_without_a_rule_for_the_region_all_others_are_at_level_3() -> None:
    rules = [Failover(from_region="r9", to_region="r2")]
    assert {failover_level(HERE, (region, "", ""), rules) for region in ("r2", "r3")} == {3}


@pytest.mark.parametrize(("place", "level"), [(("r1", "z9", ""), 0), (("r2", "", ""), 1), (("r3", "", ""), 2)])
def test_level_under_zone_awareness(place: tuple[str, str, str], level: int) -> None:
    assert region_level(HERE, place, [Failover(from_region="r1", to_region="r2")]) == level


@pytest.mark.parametrize(
    ("entries", "labels", "flat", "ranked"),
    [
        ([NETWORK, REGION, ZONE], {NETWORK: "n1", REGION: "r1", ZONE: "z1"}, 0, 0),
        ([NETWORK, REGION, ZONE], {NETWORK: "n1", REGION: "r1"}, 1, 1),
        ([NETWORK, REGION, ZONE], {NETWORK: "n2", REGION: "r1", ZONE: "z1"}, 3, 3),
        ([NETWORK, REGION, ZONE], {NETWORK: "n2", REGION: "r1"}, 3, 4),
        ([NETWORK, REGION, ZONE], {NETWORK: "n2"}, 3, 5),
        ([f"{NETWORK}=n1", REGION], {NETWORK: "n2", REGION: "r1"}, 2, 2),
        ([REGION, NETWORK], {NETWORK: "n2", REGION: "r1"}, 1, 1),
        ([NETWORK, f"{NETWORK}=n2"], {NETWORK: "n2"}, 0, 0),
        ([ZONE, REGION], {REGION: "r1"}, 2, 2),
        (["absent"], {}, 0, 0),
        (["rack="], {"rack": "1"}, 1, 1),
        (["a=1", "a=2"], {"a": "2"}, 0, 0),
        ([f"{ZONE}=z9=x"], {ZONE: "z1"}, 0, 0),
        ([], {}, 0, 0),
    ],
    ids=[
        "all equal",
        "zone differs",
        "network differs",
        "network and zone differ",
        "network and region differ",
        "network with a value",
        "network not first",
        "network given twice",
        "zone before region",
        "both lack it",
        "empty value",
        "last override holds",
        "two equals signs",
        "no entries",
    ],
)
def test_level_under_failover_priority(entries: list[str], labels: dict[str, str], flat: int, ranked: int) -> None:
    client = {NETWORK: "n1", REGION: "r1", ZONE: "z1"}
    assert failover_priority_levels(client, [labels], entries) == (flat,)
    assert failover_priority_levels(client, [labels], entries, cross_network=CrossNetwork.RANKED) == (ranked,)


def test_client_without_labels_gets_no_levels_not_even_from_overrides() -> None:
    assert failover_priority_levels({}, [{"a": "1"}, {}], ["a=1"]) == (0, 0)
    assert compare_labels({}, {"a": "1"}, ["a=1"]) == ()


def test_comparison_tells_both_values_and_where_they_come_from() -> None:
    compared = compare_labels({"zone": "a", "rack": "1"}, {"zone": "a"}, ["zone", "rack=2", "disk"])
    assert [(one.label, one.wanted, one.source, one.found, one.equal) for one in compared] == [
        ("zone", "a", WantedFrom.CLIENT, "a", True),
        ("rack", "2", WantedFrom.OVERRIDE, None, False),
        ("disk", None, WantedFrom.CLIENT, None, True),
    ]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),
        ("r1", True),
        ("r1/*", True),
        ("r1/z1", True),
        ("r1/z1/*", True),
        ("r1/z1/s1", True),
        ("r1/z1/s1/more", True),
        ("r1/z1/s2", False),
        ("r2/*", False),
        ("r*", False),
        ("", False),
        ("/z1", False),
    ],
)
def test_patterns_of_distribute(pattern: str, matches: bool) -> None:
    assert matches_place(pattern, HERE) is matches


def test_first_matching_origin_holds() -> None:
    rules = [Distribute(origin="r2", to={}), Distribute(origin="r1", to={}), Distribute(origin="*", to={})]
    assert matching_rule(rules, HERE) is rules[1]
    assert matching_rule(rules[:1], HERE) is None


@pytest.mark.parametrize(
    ("to", "weights", "expected"),
    [
        ({"r1": 70, "r2": 30}, [1, 1, 1], [35, 35, 30]),
        ({"r1": 100}, [1, 2, 7], [34, 67, None]),
        ({"r1/z1": 0, "r2": 100}, [5, 2, 7], [5, None, 100]),
        ({}, [1, 2, 3], [None, None, None]),
        ({"r1": 100}, [2**31, 2**31, 1], [2**31, 2**31, None]),
        ({"r1": 3}, [2**31, 2**31, 1], [0, 0, None]),
        ({"r2": 2}, [1, 1, 2**31 + 1], [None, None, 1]),
    ],
    ids=["shared", "rounded up", "zero leaves it", "empty", "product wraps", "total wraps", "product wraps to 2"],
)
def test_weights_of_distribute(to: dict[str, int], weights: list[int], expected: list[int | None]) -> None:
    places = [("r1", "z1", ""), ("r1", "z2", ""), ("r2", "", "")]
    shares = distribute_weights(Distribute(origin="*", to=to), places, weights)
    assert [None if share.target is None else share.weight for share in shares] == expected
