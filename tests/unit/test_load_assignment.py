"""From endpoints to tiers, groups and weights: what Istio would tell an Envoy (DR-3 to DR-8)."""

import pytest

from meshtier.dataplane import LocalityGroup, assign, assign_tiers
from meshtier.endpoint import MAX_WEIGHT, Endpoint, Reason
from meshtier.locality import Locality
from meshtier.profile import ISTIO_1_31
from meshtier.rules import Distribute, EffectiveSetting, Failover, LocalitySetting, SettingSource, ZoneAwareSetting
from meshtier.tiers import Tier, TierLike

R1 = Locality(region="r1")


def in_force(setting: LocalitySetting | ZoneAwareSetting | None, *, failover: bool = True) -> EffectiveSetting:
    return EffectiveSetting(source=SettingSource.RULE_LOCALITY, setting=setting, failover=failover)


def endpoints(*places: str) -> list[Endpoint]:
    return [Endpoint(f"{number}", Locality.parse(place)) for number, place in enumerate(places)]


def weighing(*weights: int) -> list[Endpoint]:
    return [Endpoint(f"{number}", R1, weight=weight) for number, weight in enumerate(weights)]


def levels(tiers: tuple[TierLike, ...]) -> list[tuple[int, str]]:
    """Each level with the ids of its endpoints, joined."""
    return [(tier.number, "".join(endpoint.id for endpoint in tier.endpoints)) for tier in tiers]


def told(groups: tuple[LocalityGroup, ...]) -> list[tuple[str, int, int | None, str]]:
    """Each group as locality, priority, weight, and ids joined."""
    return [
        (one.locality.text, one.priority, one.weight, "".join(endpoint.id for endpoint in one.endpoints))
        for one in groups
    ]


# Tiers


def test_groups_are_sorted_by_the_text_of_the_locality_and_then_by_priority() -> None:
    near = [
        Endpoint("1", Locality("n", "b", "z", node="x"), weight=2),
        Endpoint("2", Locality("n", "B"), weight=1),
        Endpoint("3", Locality("m", "b", "z", node="y"), weight=3),
    ]
    far = [Endpoint("4", Locality("n", "B")), Endpoint("5", Locality("n", "b", "", "s"))]
    groups = assign_tiers([Tier(0, tuple(near)), Tier(3, tuple(far))], by_labels=True)
    assert told(groups) == [("B", 0, 1, "2"), ("B", 1, 1, "4"), ("b//s", 1, 1, "5"), ("b/z", 0, 5, "13")]
    assert {group.locality.network or group.locality.node for group in groups} == {""}


def test_the_text_is_sorted_byte_by_byte_and_not_part_by_part() -> None:
    # "-" comes before "/": as tuples, region "a" would come before "a-b".
    groups = assign_tiers([Tier(0, tuple(endpoints("a/z", "a-b/z", "é", "z")))], by_labels=False)
    assert [group.locality.text for group in groups] == ["a-b/z", "a/z", "z", "é"]


def test_priorities_have_no_gap_where_tiers_have_one() -> None:
    gap = [Tier(0, tuple(endpoints("r1"))), Tier(3, (Endpoint("b", R1),))]
    assert [group.priority for group in assign_tiers(gap, by_labels=True)] == [0, 1]


@pytest.mark.parametrize(
    ("weights", "held", "wrapped"),
    [
        ((0,), 1, 1),
        ((0, 2), 3, 3),
        ((MAX_WEIGHT,), MAX_WEIGHT, MAX_WEIGHT),
        ((MAX_WEIGHT, 0), MAX_WEIGHT, None),
        ((MAX_WEIGHT, MAX_WEIGHT), MAX_WEIGHT, MAX_WEIGHT - 1),
        ((MAX_WEIGHT, 1, 1, 1), MAX_WEIGHT, 2),
    ],
    ids=["0 counts as 1", "0 beside another", "the largest", "one too many", "twice the largest", "three too many"],
)
def test_a_sum_of_weights_is_held_at_the_largest_and_wraps_where_labels_made_the_tiers(
    weights: tuple[int, ...], held: int, wrapped: int | None
) -> None:
    tiers = [Tier(0, tuple(weighing(*weights)))]
    assert [group.weight for group in assign_tiers(tiers, by_labels=False)] == [held]
    assert [group.weight for group in assign_tiers(tiers, by_labels=True)] == [wrapped]


# Settings


def test_endpoints_that_distribute_leaves_out_have_a_reason() -> None:
    setting = LocalitySetting(distribute=[Distribute(origin="r1", to={"r2": 100})])
    assignment = assign(endpoints("r1/z", "r2", ""), in_force(setting, failover=False), client=R1)
    assert levels(assignment.tiers) == [(0, "1")]
    assert [(one.endpoint.id, one.reason, one.rule, one.detail) for one in assignment.excluded] == [
        ("0", Reason.NO_DISTRIBUTE_MATCH, "DR-6", "r1/z, from r1"),
        ("2", Reason.NO_DISTRIBUTE_MATCH, "DR-6", "no locality, from r1"),
    ]
    assert told(assignment.groups) == [("", 0, 1, ""), ("r1/z", 0, 1, ""), ("r2", 0, 100, "1")]


def test_if_distribute_leaves_nothing_there_is_no_tier() -> None:
    setting = LocalitySetting(distribute=[Distribute(origin="*", to={})])
    assignment = assign(endpoints("r1"), in_force(setting), client=R1)
    assert (assignment.tiers, len(assignment.excluded)) == ((), 1)


def test_distribute_without_a_rule_for_the_client_changes_nothing() -> None:
    setting = LocalitySetting(distribute=[Distribute(origin="r9", to={"r2": 100})])
    assignment = assign(endpoints("r1", "r2"), in_force(setting), client=R1)
    assert (levels(assignment.tiers), assignment.excluded) == ([(0, "01")], ())
    assert told(assignment.groups) == [("r1", 0, 1, "0"), ("r2", 0, 1, "1")]


def test_distribute_wins_over_failover() -> None:
    setting = LocalitySetting(
        distribute=[Distribute(origin="r9", to={"r2": 100})], failover=[Failover(from_region="r1", to_region="r2")]
    )
    assert levels(assign(endpoints("r1", "r2"), in_force(setting), client=R1).tiers) == [(0, "01")]


def test_the_client_of_distribute_is_its_region_zone_and_subzone() -> None:
    setting = LocalitySetting(distribute=[Distribute(origin="r1/z1/s1", to={"r2": 100})])
    inside, outside = Locality("n", "r1", "z1", "s1", "node"), Locality("n", "r1", "z1", "s2", "node")
    assert [
        len(assign(endpoints("r1"), in_force(setting), client=client).excluded) for client in (inside, outside)
    ] == [1, 0]


def test_levels_are_renumbered_without_gaps() -> None:
    assignment = assign(
        endpoints("r2", "r1/z1", "r1/z1/s2"), in_force(LocalitySetting()), client=Locality.parse("r1/z1")
    )
    assert levels(assignment.tiers) == [(0, "1"), (1, "2"), (3, "0")]
    assert told(assignment.groups) == [("r1/z1", 0, 1, "1"), ("r1/z1/s2", 1, 1, "2"), ("r2", 2, 1, "0")]


def test_network_and_node_have_no_part_in_failover() -> None:
    here, member = Locality("n1", "r1", "z1", "s1", "a"), Endpoint("0", Locality("n2", "r1", "z1", "s1", "b"))
    assert levels(assign([member], in_force(LocalitySetting()), client=here).tiers) == [(0, "0")]


def test_the_subzone_has_a_part_in_failover() -> None:
    here = Locality("n1", "r1", "z1", "s1", "a")
    members = [Endpoint("0", Locality("n1", "r1", "z1", "s2", "a")), Endpoint("1", here)]
    assert levels(assign(members, in_force(LocalitySetting()), client=here).tiers) == [(0, "1"), (1, "0")]


def test_failover_refines_failover_priority() -> None:
    members = [
        Endpoint("0", Locality.parse("r1/z1"), labels={"v": "1"}),
        Endpoint("1", Locality.parse("r1/z2"), labels={"v": "1"}),
        Endpoint("2", Locality.parse("r1/z1"), labels={"v": "2"}),
    ]
    setting = LocalitySetting(failover=[Failover(from_region="r1", to_region="r2")], failover_priority=["v"])
    assignment = assign(
        members, in_force(setting), client=Locality.parse("r1/z1"), client_labels={"v": "1"}, profile=ISTIO_1_31
    )
    assert levels(assignment.tiers) == [(0, "0"), (2, "1"), (5, "2")]


def test_failover_priority_alone_compares_no_places() -> None:
    members = [Endpoint("0", Locality.parse("r2")), Endpoint("1", Locality.parse("r1"), labels={"v": "2"})]
    setting = LocalitySetting(failover_priority=["v"])
    assignment = assign(members, in_force(setting), client=R1, client_labels={"v": ""})
    assert levels(assignment.tiers) == [(0, "0"), (1, "1")]


def test_zone_awareness_keeps_the_region_together() -> None:
    setting = ZoneAwareSetting(failover=[Failover(from_region="r1", to_region="r2")])
    assignment = assign(endpoints("r3", "r1/z2", "r1/z1", "r2"), in_force(setting), client=Locality.parse("r1/z1"))
    assert levels(assignment.tiers) == [(0, "12"), (1, "3"), (2, "0")]


def test_zone_awareness_refines_failover_priority_by_region() -> None:
    setting = ZoneAwareSetting(failover_priority=["v"])
    members = [
        Endpoint("0", Locality.parse("r2"), labels={"v": "1"}),
        Endpoint("1", R1),
        Endpoint("2", Locality.parse("r2")),
    ]
    assignment = assign(members, in_force(setting), client=R1, client_labels={"v": "1"})
    assert levels(assignment.tiers) == [(2, "0"), (3, "1"), (5, "2")]


@pytest.mark.parametrize(
    "setting",
    [in_force(None), in_force(LocalitySetting(), failover=False), in_force(ZoneAwareSetting(), failover=False)],
    ids=["none", "without failover", "zone-aware without failover"],
)
def test_without_a_setting_in_force_all_are_in_level_0(setting: EffectiveSetting) -> None:
    assert levels(assign(endpoints("r3", "r1"), setting, client=R1).tiers) == [(0, "01")]


def test_no_endpoints_are_no_groups() -> None:
    assignment = assign([], in_force(LocalitySetting()), client=Locality())
    assert (assignment.groups, assignment.tiers) == ((), ())


@pytest.mark.parametrize("setting", [None, LocalitySetting()], ids=["no levels", "failover"])
def test_spelling_tells_groups_apart(setting: LocalitySetting | None) -> None:
    assignment = assign(
        endpoints("r1", "r1"),
        in_force(setting),
        client=R1,
        written=lambda endpoint: "r1/" if endpoint.id == "0" else "r1",
    )
    assert told(assignment.groups) == [("r1", 0, 1, "1"), ("r1", 0, 1, "0")]


def test_the_profile_says_whether_other_networks_keep_an_order() -> None:
    network, zone = "topology.istio.io/network", "topology.kubernetes.io/zone"
    setting = in_force(LocalitySetting(failover_priority=[network, zone]))
    members = [Endpoint(name, R1, labels={network: "other", zone: name}) for name in "ab"]
    client = {network: "own", zone: "a"}
    ranked = assign(members, setting, client=R1, client_labels=client, profile=ISTIO_1_31)
    assert levels(ranked.tiers) == [(2, "a"), (3, "b")]
    assert levels(assign(members, setting, client=R1, client_labels=client).tiers) == [(2, "ab")]


def test_a_group_is_of_the_first_priority_without_a_weight_unless_it_says_so() -> None:
    assert (LocalityGroup().priority, LocalityGroup().weight, LocalityGroup().endpoints) == (0, None, ())
    assert LocalityGroup().locality == Locality()


@pytest.mark.parametrize(
    ("setting", "client_labels", "weight"),
    [
        (LocalitySetting(failover_priority=["a"]), {"a": "1"}, MAX_WEIGHT - 1),
        (LocalitySetting(failover_priority=["a"]), {}, MAX_WEIGHT),
        (LocalitySetting(), {"a": "1"}, MAX_WEIGHT),
        (LocalitySetting(distribute=[Distribute(origin="r9", to={})]), {"a": "1"}, MAX_WEIGHT),
    ],
    ids=["by labels", "a client without labels", "by place", "distribute"],
)
def test_weights_wrap_only_where_labels_split_the_groups(
    setting: LocalitySetting, client_labels: dict[str, str], weight: int
) -> None:
    assignment = assign(weighing(MAX_WEIGHT, MAX_WEIGHT), in_force(setting), client=R1, client_labels=client_labels)
    assert [group.weight for group in assignment.groups] == [weight]
