"""Laws of tiers (TIER-6), over every profile and mode, and over any list of scopes."""

from itertools import combinations, pairwise, product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.strategies import RULES, endpoint_lists, localities, names, preferences, scopes

from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint, Exclusion
from meshtier.ladder import Ladder
from meshtier.locality import SCOPE_LABELS, SCOPES, Locality, Scope
from meshtier.preference import Preference
from meshtier.profile import ISTIO_1_24, ISTIO_1_27, ISTIO_1_30, ISTIO_1_31, PROFILES, SOLO, CrossNetwork, Profile
from meshtier.ranking import Ranking, rank
from meshtier.rules.levels import failover_priority_levels
from meshtier.tiers import priorities, tier_of

# An oracle in the words of the published table: an endpoint is in the first row all of whose parts it shares
# with the client. The code counts how far a comparison gets; this looks rows up.
FLAT = {
    "Any": ("",),
    "PreferNetwork": ("network", ""),
    "PreferRegion": ("network region", "network", ""),
    "PreferSameZone": ("network region zone", "network region", "network", ""),
    "PreferSameNode": (
        "network region zone subzone node",
        "network region zone subzone",
        "network region zone",
        "network region",
        "network",
        "",
    ),
}
RANKED = {
    "Any": ("",),
    "PreferNetwork": ("network", ""),
    "PreferRegion": ("network region", "network", "region", ""),
    "PreferSameZone": ("network region zone", "network region", "network", "region zone", "region", ""),
    "PreferSameNode": (
        "network region zone subzone node",
        "network region zone subzone",
        "network region zone",
        "network region",
        "network",
        "region zone subzone node",
        "region zone subzone",
        "region zone",
        "region",
        "",
    ),
}
FIVE_TIERS = (
    "network region zone subzone",
    "network region zone",
    "network region",
    "network",
    "",
)
PUBLISHED = {
    "solo": FLAT,
    **{f"istio-1.{minor}": FLAT | {"PreferSameZone": FIVE_TIERS} for minor in (24, 25, 26)},
    **{f"istio-1.{minor}": FLAT for minor in (27, 28, 29, 30)},
    "istio-1.31": RANKED,
}


def published_tier(client: Locality, place: Locality, row_parts: tuple[str, ...]) -> int:
    for number, row in enumerate(row_parts):
        if all(getattr(client, part) == getattr(place, part) for part in row.split()):
            return number
    raise AssertionError("the last row asks for nothing")


def tiers_by_id(ranking: Ranking) -> dict[str, int]:
    return {endpoint.id: tier.number for tier in ranking.tiers for endpoint in tier.endpoints}


def test_the_oracle_knows_every_profile_and_mode() -> None:
    assert set(PUBLISHED) == set(PROFILES)
    assert all(set(rows) == {mode.value for mode in TrafficDistribution} for rows in PUBLISHED.values())


@pytest.mark.parametrize(("profile", "mode"), RULES, ids=str)
def test_every_pattern_of_shared_parts_has_its_published_tier(profile: Profile, mode: TrafficDistribution) -> None:
    """TIER-1 to TIER-4, for all of the 32 ways in which two places can agree and differ."""
    client = Locality("n", "r", "z", "s", "d")
    rows = PUBLISHED[profile.name][mode.value]
    for place in (Locality(*parts) for parts in product(*zip(client, "NRZSD", strict=True))):
        assert tier_of(client, place, mode, profile=profile) == published_tier(client, place, rows)


@given(client=localities, place=localities)
@example(client=Locality(), place=Locality())
@example(client=Locality(), place=Locality(network="n"))
@example(client=Locality("n", "r", "z", "s"), place=Locality("n", "r", "z", "s"))
def test_any_two_places_have_their_published_tier(client: Locality, place: Locality) -> None:
    """TIER-1: "Compare client and endpoint scope by scope, in the mode's order, and stop at the first that differs"."""
    for profile, mode in RULES:
        rows = PUBLISHED[profile.name][mode.value]
        assert tier_of(client, place, mode, profile=profile) == published_tier(client, place, rows)


@given(client=localities, region=names, zone=names, subzone=names, node=names)
def test_every_endpoint_of_another_network_is_in_the_last_tier_where_the_rule_is_flat(
    client: Locality, region: str, zone: str, subzone: str, node: str
) -> None:
    """TIER-2: "So every endpoint of another network is in the mode's last tier, whatever its region or zone"."""
    place = Locality(client.network + "x", region, zone, subzone, node)
    last = {"Any": 0, "PreferNetwork": 1, "PreferRegion": 2, "PreferSameZone": 3, "PreferSameNode": 5}
    for profile, mode in product((SOLO, ISTIO_1_27, ISTIO_1_30), TrafficDistribution):
        assert tier_of(client, place, mode, profile=profile) == last[mode.value]
    assert tier_of(client, place, TrafficDistribution.PREFER_SAME_ZONE, profile=ISTIO_1_24) == 4


@given(client=localities, place=localities)
def test_another_network_is_always_behind_the_own_one_where_it_is_ranked(client: Locality, place: Locality) -> None:
    """TIER-3: the network "is preferred and not required", and so it comes before all other scopes."""
    own = Locality(client.network, *place[1:])
    foreign = Locality(client.network + "x", *client[1:])
    for mode in TrafficDistribution:
        if mode is not TrafficDistribution.ANY:
            assert tier_of(client, own, mode, profile=ISTIO_1_31) < tier_of(client, foreign, mode, profile=ISTIO_1_31)


@given(client=localities, endpoints=endpoint_lists())
@example(client=Locality(), endpoints=[])
def test_tier_of_and_the_preference_and_rank_agree(client: Locality, endpoints: list[Endpoint]) -> None:
    """The fast paths give what the rule gives."""
    for profile, mode in RULES:
        preference = Preference.of_mode(mode, profile=profile)
        expected = {endpoint.id: preference.tier(client, endpoint.locality) for endpoint in endpoints}
        assert {e.id: tier_of(client, e.locality, mode, profile=profile) for e in endpoints} == expected
        assert tiers_by_id(rank(client, endpoints, mode, profile=profile)) == expected


@given(client=localities, endpoints=endpoint_lists(), strict=st.booleans())
def test_every_endpoint_is_in_exactly_one_tier_or_excluded(
    client: Locality, endpoints: list[Endpoint], strict: bool
) -> None:
    """TIER-6: "every endpoint is in exactly one tier or excluded"."""
    for profile, mode in RULES:
        ranking = rank(client, endpoints, mode, profile=profile, strict=strict)
        told = [endpoint for tier in ranking.tiers for endpoint in tier.endpoints]
        told += [exclusion.endpoint for exclusion in ranking.excluded]
        assert sorted(told, key=lambda endpoint: endpoint.id) == sorted(endpoints, key=lambda endpoint: endpoint.id)


@given(client=localities, cluster=names, endpoints=endpoint_lists(), preference=preferences)
def test_every_endpoint_has_a_place_under_any_list_of_scopes(
    client: Locality, cluster: str, endpoints: list[Endpoint], preference: Preference
) -> None:
    """TIER-6: "every endpoint is in exactly one tier or excluded"; the excluded are those that have no tier."""
    ranking = rank(client, endpoints, preference, client_cluster=cluster)
    tier = {
        endpoint.id: preference.tier(client, endpoint.locality, client_cluster=cluster, place_cluster=endpoint.cluster)
        for endpoint in endpoints
    }
    assert tiers_by_id(ranking) == {name: number for name, number in tier.items() if number is not None}
    assert [exclusion.endpoint.id for exclusion in ranking.excluded] == [
        name for name, number in tier.items() if number is None
    ]


@given(client=localities, endpoints=endpoint_lists(), strict=st.booleans(), data=st.data())
def test_the_order_of_the_input_is_irrelevant(
    client: Locality, endpoints: list[Endpoint], strict: bool, data: st.DataObject
) -> None:
    """TIER-6: "order of input is irrelevant"."""
    shuffled = data.draw(st.permutations(endpoints))
    for profile, mode in RULES:
        ranking = rank(client, endpoints, mode, profile=profile, strict=strict)
        other = rank(client, shuffled, mode, profile=profile, strict=strict)
        assert tiers_by_id(other) == tiers_by_id(ranking)
        assert {exclusion.endpoint for exclusion in other.excluded} == {
            exclusion.endpoint for exclusion in ranking.excluded
        }


@given(client=localities, endpoints=endpoint_lists())
def test_a_tier_keeps_the_order_of_the_input(client: Locality, endpoints: list[Endpoint]) -> None:
    position = {endpoint.id: place for place, endpoint in enumerate(endpoints)}
    for profile, mode in RULES:
        for tier in rank(client, endpoints, mode, profile=profile).tiers:
            assert [position[e.id] for e in tier.endpoints] == sorted(position[e.id] for e in tier.endpoints)


@given(client=localities, endpoints=endpoint_lists(), strict=st.booleans(), data=st.data())
def test_renaming_a_zone_everywhere_changes_nothing(
    client: Locality, endpoints: list[Endpoint], strict: bool, data: st.DataObject
) -> None:
    """TIER-6: "renaming a zone everywhere changes nothing"; nor does renaming anything else, unknown parts included."""
    places = [client, *(endpoint.locality for endpoint in endpoints)]
    new_names = []
    for parts in zip(*places, strict=True):
        old = sorted(set(parts))
        new = data.draw(st.lists(names, min_size=len(old), max_size=len(old), unique=True))
        new_names.append(dict(zip(old, new, strict=True)))

    def renamed(place: Locality) -> Locality:
        return Locality(*(new[part] for new, part in zip(new_names, place, strict=True)))

    moved = [Endpoint(endpoint.id, renamed(endpoint.locality)) for endpoint in endpoints]
    for profile, mode in RULES:
        before = rank(client, endpoints, mode, profile=profile, strict=strict)
        after = rank(renamed(client), moved, mode, profile=profile, strict=strict)
        assert tiers_by_id(after) == tiers_by_id(before)
        assert {exclusion.endpoint.id for exclusion in after.excluded} == {
            exclusion.endpoint.id for exclusion in before.excluded
        }


@given(client=localities, place=localities, scope=st.sampled_from(SCOPES))
def test_one_more_matching_scope_never_makes_an_endpoint_worse(client: Locality, place: Locality, scope: Scope) -> None:
    """TIER-6: "one more matching scope never makes an endpoint worse"."""
    nearer = place._replace(**{scope.value: client.part(scope)})
    for profile, mode in RULES:
        assert tier_of(client, nearer, mode, profile=profile) <= tier_of(client, place, mode, profile=profile)


@given(
    client=localities,
    place=localities,
    scope=st.sampled_from(SCOPES),
    preference=preferences,
    clusters=st.tuples(names, names),
)
def test_one_more_matching_scope_never_makes_an_endpoint_worse_under_any_list_of_scopes(
    client: Locality, place: Locality, scope: Scope, preference: Preference, clusters: tuple[str, str]
) -> None:
    """TIER-6: "one more matching scope never makes an endpoint worse"; the cluster counts as a scope here."""
    here, there = clusters
    nearer = place._replace(**{scope.value: client.part(scope)})
    before = preference.tier(client, place, client_cluster=here, place_cluster=there)
    in_the_cluster = preference.tier(client, place, client_cluster=here, place_cluster=here)
    nearby = preference.tier(client, nearer, client_cluster=here, place_cluster=there)
    if before is not None:
        assert nearby is not None
        assert nearby <= before
        assert in_the_cluster is not None
        assert in_the_cluster <= before


@given(client=localities, places=st.lists(localities, min_size=2, max_size=6))
def test_one_more_scope_in_the_mode_only_splits_tiers(client: Locality, places: list[Locality]) -> None:
    """TIER-6: "one more scope in the mode only splits tiers"."""
    for profile in PROFILES.values():
        modes = sorted(TrafficDistribution, key=lambda mode: len(profile.scopes(mode)))
        for (coarse, fine), (one, other) in product(pairwise(modes), combinations(places, 2)):
            nearer, farther = sorted((one, other), key=lambda place: tier_of(client, place, coarse, profile=profile))
            if tier_of(client, nearer, coarse, profile=profile) < tier_of(client, farther, coarse, profile=profile):
                assert tier_of(client, nearer, fine, profile=profile) < tier_of(client, farther, fine, profile=profile)


@given(
    client=localities,
    place=localities,
    other=localities,
    preference=preferences,
    scope=scopes,
    clusters=st.tuples(names, names, names),
)
def test_one_more_scope_at_the_end_of_any_list_only_splits_tiers(
    client: Locality, place: Locality, other: Locality, preference: Preference, scope: Scope, clusters: tuple[str, ...]
) -> None:
    """TIER-6: "one more scope in the mode only splits tiers"."""
    coarse = Preference(preference.scopes, preference.cross_network)
    fine = Preference((*preference.scopes, scope), preference.cross_network)

    def tier(rule: Preference, where: Locality, cluster: str) -> int:
        number = rule.tier(client, where, client_cluster=clusters[0], place_cluster=cluster)
        assert number is not None, "only a strict preference excludes"
        return number

    if tier(coarse, place, clusters[1]) < tier(coarse, other, clusters[2]):
        assert tier(fine, place, clusters[1]) < tier(fine, other, clusters[2])


@given(client=localities, endpoints=endpoint_lists())
def test_any_never_separates(client: Locality, endpoints: list[Endpoint]) -> None:
    """TIER-6: "`Any` never separates"."""
    for profile in PROFILES.values():
        ranking = rank(client, endpoints, TrafficDistribution.ANY, profile=profile)
        assert [tier.endpoints for tier in ranking.tiers] == ([tuple(endpoints)] if endpoints else [])
        assert all(tier.number == 0 for tier in ranking.tiers)


@given(client=localities, endpoints=endpoint_lists(), data=st.data())
def test_health_moves_no_endpoint_to_another_tier(
    client: Locality, endpoints: list[Endpoint], data: st.DataObject
) -> None:
    """TIER-5: "Health moves no endpoint to another tier"; nor do weight and cluster."""
    plain = [Endpoint(endpoint.id, endpoint.locality) for endpoint in endpoints]
    for profile, mode in RULES:
        assert tiers_by_id(rank(client, endpoints, mode, profile=profile)) == tiers_by_id(
            rank(client, plain, mode, profile=profile)
        )


@given(client=localities, endpoints=endpoint_lists())
def test_a_strict_choice_keeps_the_full_matches_and_excludes_the_rest(
    client: Locality, endpoints: list[Endpoint]
) -> None:
    """LOAD-1: "Strict (PREC-3): only full matches, cross-network never."."""
    for profile, mode in RULES:
        loose = tiers_by_id(rank(client, endpoints, mode, profile=profile))
        strict = rank(client, endpoints, mode, profile=profile, strict=True)
        assert tiers_by_id(strict) == {name: number for name, number in loose.items() if number == 0}
        assert [exclusion.endpoint for exclusion in strict.excluded] == [e for e in endpoints if loose[e.id] != 0]
        assert all(isinstance(exclusion, Exclusion) and exclusion.rule == "PREC-3" for exclusion in strict.excluded)


@given(client=localities, endpoints=endpoint_lists())
def test_tiers_come_nearest_first_and_are_never_empty(client: Locality, endpoints: list[Endpoint]) -> None:
    for profile, mode in RULES:
        tiers = rank(client, endpoints, mode, profile=profile).tiers
        assert all(nearer.number < farther.number for nearer, farther in pairwise(tiers))
        assert all(tier.endpoints for tier in tiers)


@given(client=localities, endpoints=endpoint_lists())
def test_a_priority_counts_the_nearer_tiers_that_hold_an_endpoint(client: Locality, endpoints: list[Endpoint]) -> None:
    """DR-8: "Levels are renumbered to priorities at the end (gap-free)."."""
    for profile, mode in RULES:
        ranking = rank(client, endpoints, mode, profile=profile)
        tier = tiers_by_id(ranking)
        assert dict(ranking.tier_of) == tier
        assert dict(ranking.priority_of) == {
            name: len({other for other in tier.values() if other < number}) for name, number in tier.items()
        }


@given(tiers=st.lists(st.integers(0, 9)))
@example(tiers=[])
def test_priorities_keep_order_and_leave_no_gap(tiers: list[int]) -> None:
    """DR-8: "Levels are renumbered to priorities at the end (gap-free)."."""
    result = priorities(tiers)
    assert set(result) == set(range(len(set(tiers))))
    for (tier, priority), (other, other_priority) in combinations(zip(tiers, result, strict=True), 2):
        assert (tier < other) == (priority < other_priority)
        assert (tier == other) == (priority == other_priority)


@given(steps=st.integers(1, 9))
def test_the_ladder_gives_each_count_of_matches_a_tier_of_its_own(steps: int) -> None:
    """TIER-3: "same network gives P(*r* - *k*), another network P(2*r* + 1 - *k*)", with r = steps - 1."""
    ladder = Ladder(tuple("x" * steps), frozenset({0}))
    own = [ladder.tier(matched) for matched in range(steps, 0, -1)]
    foreign = [ladder.tier(matched, same_network=False) for matched in range(steps - 1, -1, -1)]
    assert own + foreign == list(range(ladder.tiers)) == list(range(2 * steps))


def labels_of(place: Locality) -> dict[str, str]:
    return {SCOPE_LABELS[scope]: part for scope, part in zip(SCOPES, place, strict=True)}


@given(client=localities, places=st.lists(localities, max_size=6))
def test_a_mode_is_the_failover_priority_of_its_scopes(client: Locality, places: list[Locality]) -> None:
    """DR-3: "the cross-network rule of the profile applies"; it is how Istio tells Envoys of a mode.

    Source: istio/istio loadbalancer.go, GetEffectiveLbSetting, at 86c9f01.
    """
    for profile, mode in RULES:
        entries = [SCOPE_LABELS[scope] for scope in profile.scopes(mode)]
        levels = failover_priority_levels(
            labels_of(client), [labels_of(place) for place in places], entries, cross_network=profile.cross_network
        )
        ranking = rank(
            client, [Endpoint(str(number), place) for number, place in enumerate(places)], mode, profile=profile
        )
        assert list(levels) == [ranking.tier_of[str(number)] for number in range(len(places))]


@given(client=localities, place=localities, cross_network=st.sampled_from(CrossNetwork), depth=st.integers(0, 5))
def test_the_fast_form_gives_what_the_ladder_gives(
    client: Locality, place: Locality, cross_network: CrossNetwork, depth: int
) -> None:
    """TIER-1 to TIER-3: `tier_of` is written out by hand; this holds it to the rule, for every number of scopes."""
    profile = Profile(name="any depth", cross_network=cross_network, spec_values={}, zone_depth=depth)
    ladder = Ladder.of_scopes(SCOPES[:depth], cross_network)
    equal = [here == there for here, there in zip(client, place, strict=True)]
    assert tier_of(client, place, TrafficDistribution.PREFER_SAME_ZONE, profile=profile) == ladder.tier_for(
        equal[:depth]
    )
