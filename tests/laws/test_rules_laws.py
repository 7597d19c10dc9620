"""Laws of DestinationRules: about every rule, every client and every set of endpoints."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any, cast

from hypothesis import example, given
from hypothesis import strategies as st

from meshtier.dataplane import LoadAssignment, LocalityGroup, assign
from meshtier.endpoint import Endpoint
from meshtier.errors import InputError
from meshtier.locality import Locality
from meshtier.profile import ISTIO_1_31, SOLO, CrossNetwork, Profile
from meshtier.rules import (
    Algorithm,
    DestinationRule,
    Distribute,
    EffectiveSetting,
    Failover,
    LoadBalancer,
    LocalitySetting,
    OutlierDetection,
    PortPolicy,
    SettingSource,
    Subset,
    TrafficPolicy,
    ZoneAwareSetting,
    compare_labels,
    distribute_weights,
    failover_priority_levels,
)
from meshtier.tiers import Tier

NETWORK = "topology.istio.io/network"
KEYS = (NETWORK, "topology.kubernetes.io/region", "rack", "disk")
words = st.sampled_from(["", "a", "b", "c"])
regions = st.sampled_from(["a", "b", "c"])
places = st.builds(Locality, region=words, zone=words, subzone=words)
labels = st.dictionaries(st.sampled_from(KEYS), words, max_size=4)
entries = st.lists(
    st.one_of(st.sampled_from(KEYS), st.builds("{}={}".format, st.sampled_from(KEYS), words)), max_size=5
)
profiles = st.sampled_from([SOLO, ISTIO_1_31])
failovers = st.lists(st.builds(Failover, from_region=words, to_region=words), max_size=3)
patterns = st.sampled_from(["*", "a", "b", "a/*", "a/b", "a/b/c", "b/a", "c/c/*", "c"])
distributes = st.lists(
    st.builds(Distribute, origin=patterns, to=st.dictionaries(patterns, st.integers(0, 100), max_size=3)), max_size=2
)
settings = st.one_of(
    st.none(),
    st.builds(LocalitySetting, failover=failovers, failover_priority=entries),
    st.builds(LocalitySetting, distribute=distributes),
    st.builds(ZoneAwareSetting, failover=failovers, failover_priority=entries),
)
choices = st.builds(
    EffectiveSetting, source=st.just(SettingSource.RULE_LOCALITY), setting=settings, failover=st.booleans()
)


@st.composite
def endpoint_lists(draw: st.DrawFn) -> list[Endpoint]:
    drawn = draw(st.lists(st.tuples(places, labels, st.integers(0, 2**32 - 1)), max_size=8))
    return [
        Endpoint(str(number), place, labels=tags, weight=weight) for number, (place, tags, weight) in enumerate(drawn)
    ]


def ids(parts: Iterable[Tier | LocalityGroup]) -> list[str]:
    return [endpoint.id for part in parts for endpoint in part.endpoints]


def assigned(
    members: Sequence[Endpoint],
    choice: EffectiveSetting,
    client: Locality,
    client_labels: Mapping[str, str],
    profile: Profile,
) -> LoadAssignment:
    return assign(members, choice, client=client, client_labels=client_labels, profile=profile)


@given(members=endpoint_lists(), choice=choices, client=places, client_labels=labels, profile=profiles)
def test_every_endpoint_is_in_one_group_or_excluded_with_one_reason(
    members: list[Endpoint],
    choice: EffectiveSetting,
    client: Locality,
    client_labels: dict[str, str],
    profile: Profile,
) -> None:
    assignment = assigned(members, choice, client, client_labels, profile)
    excluded = [exclusion.endpoint.id for exclusion in assignment.excluded]
    everyone = Counter(endpoint.id for endpoint in members)
    assert Counter([*ids(assignment.groups), *excluded]) == everyone
    assert Counter([*ids(assignment.tiers), *excluded]) == everyone
    tier_of = {name: number for number, tier in enumerate(assignment.tiers) for name in ids([tier])}
    assert {name: group.priority for group in assignment.groups for name in ids([group])} == tier_of


@given(members=endpoint_lists(), choice=choices, client=places, client_labels=labels, profile=profiles)
def test_every_priority_from_0_on_holds_an_endpoint_and_a_lower_level_is_a_lower_priority(
    members: list[Endpoint],
    choice: EffectiveSetting,
    client: Locality,
    client_labels: dict[str, str],
    profile: Profile,
) -> None:
    assignment = assigned(members, choice, client, client_labels, profile)
    levels = [tier.number for tier in assignment.tiers]
    assert levels == sorted(set(levels))
    assert all(tier.endpoints for tier in assignment.tiers)
    assert {group.priority for group in assignment.groups if group.endpoints} == set(range(len(levels)))


@given(
    members=endpoint_lists(),
    choice=choices,
    client=places,
    client_labels=labels,
    profile=profiles,
    random=st.randoms(use_true_random=False),
)
def test_shuffling_the_input_only_shuffles_the_output(
    members: list[Endpoint],
    choice: EffectiveSetting,
    client: Locality,
    client_labels: dict[str, str],
    profile: Profile,
    random: Random,
) -> None:
    shuffled = list(members)
    random.shuffle(shuffled)
    before, after = (assigned(order, choice, client, client_labels, profile) for order in (members, shuffled))
    assert [(tier.number, set(ids([tier]))) for tier in before.tiers] == [
        (tier.number, set(ids([tier]))) for tier in after.tiers
    ]
    assert [(one.locality, one.priority, one.weight, set(ids([one]))) for one in before.groups] == [
        (one.locality, one.priority, one.weight, set(ids([one]))) for one in after.groups
    ]


def expected_level(
    client: Mapping[str, str], endpoint: Mapping[str, str], keys: Sequence[str], cross_network: CrossNetwork
) -> int:
    """DR-3 and TIER-3 word by word."""
    if not client:
        return 0
    wanted = dict(client)
    for key in keys:
        if key.count("=") == 1:
            label, _, value = key.partition("=")
            wanted[label] = value
    equal = [wanted.get(key.split("=")[0], "") == endpoint.get(key.split("=")[0], "") for key in keys]
    if keys and keys[0] == NETWORK and cross_network is CrossNetwork.RANKED:
        further = equal[1:]
        prefix = ([*further, False]).index(False)
        return len(further) - prefix if equal[0] else 2 * len(further) + 1 - prefix
    return len(equal) - ([*equal, False]).index(False)


@given(client=labels, tags=labels, keys=entries, cross_network=st.sampled_from(CrossNetwork))
@example(client={NETWORK: "a"}, tags={NETWORK: "b"}, keys=[NETWORK, f"{NETWORK}=b"], cross_network=CrossNetwork.RANKED)
def test_levels_of_failover_priority_are_those_of_the_rules(
    client: dict[str, str], tags: dict[str, str], keys: list[str], cross_network: CrossNetwork
) -> None:
    (level,) = failover_priority_levels(client, [tags], keys, cross_network=cross_network)
    assert level == expected_level(client, tags, keys, cross_network)


@given(client=labels, tags=labels, keys=entries, cross_network=st.sampled_from(CrossNetwork))
def test_level_is_0_exactly_if_no_comparison_shows_a_difference(
    client: dict[str, str], tags: dict[str, str], keys: list[str], cross_network: CrossNetwork
) -> None:
    (level,) = failover_priority_levels(client, [tags], keys, cross_network=cross_network)
    assert (level == 0) == all(one.equal for one in compare_labels(client, tags, keys))


@given(client=labels, tags=labels, keys=entries, cross_network=st.sampled_from(CrossNetwork))
def test_one_more_match_never_makes_an_endpoint_worse(
    client: dict[str, str], tags: dict[str, str], keys: list[str], cross_network: CrossNetwork
) -> None:
    for one in compare_labels(client, tags, keys):
        better = {**tags, one.label: one.wanted or ""}
        before, after = failover_priority_levels(client, [tags, better], keys, cross_network=cross_network)
        assert after <= before


@given(
    weights=st.lists(st.integers(1, 10_000), min_size=1, max_size=6),
    first=st.integers(1, 99),
    sites=st.lists(st.sampled_from([("a", "x", ""), ("b", "x", ""), ("c", "x", "")]), min_size=6, max_size=6),
)
def test_distribute_conserves_each_weight_up_to_one_per_group(
    weights: list[int], first: int, sites: list[tuple[str, str, str]]
) -> None:
    rule = Distribute(origin="*", to={"a": first, "b": 100 - first})
    chosen = sites[: len(weights)]
    shares = distribute_weights(rule, chosen, weights)
    for target, weight in rule.to:
        given_weights = [share.weight for share in shares if share.target == target]
        if given_weights:
            assert weight <= sum(given_weights) < weight + len(given_weights)
    assert [share.target for share in shares] == [site[0] if site[0] != "c" else None for site in chosen]


names = st.from_regex(r"[a-z]([-a-z0-9]{0,5}[a-z0-9])?", fullmatch=True)
seconds = st.integers(1, 10**7).map(lambda milliseconds: milliseconds / 1000)
counts = st.none() | st.integers(0, 2**32 - 1)
percents = st.none() | st.integers(0, 100)
good_failovers = st.lists(
    st.builds(Failover, from_region=regions, to_region=regions).filter(lambda one: one.from_region != one.to_region),
    max_size=2,
)
good_distributes = st.lists(
    st.integers(1, 99).map(lambda share: Distribute(origin="a/*", to={"a/b": share, "b": 100 - share})), max_size=1
)
good_localities = st.one_of(
    st.builds(LocalitySetting, enabled=st.none() | st.booleans(), failover=good_failovers),
    st.builds(LocalitySetting, enabled=st.none() | st.booleans(), failover_priority=entries),
    st.builds(LocalitySetting, enabled=st.none() | st.booleans(), distribute=good_distributes),
)
balancers = st.builds(LoadBalancer, simple=st.none() | st.sampled_from(Algorithm), locality=st.none() | good_localities)
outliers = st.builds(
    OutlierDetection,
    consecutive_5xx_errors=counts,
    consecutive_gateway_errors=counts,
    interval_s=st.none() | seconds,
    base_ejection_time_s=st.none() | seconds,
    max_ejection_percent=percents,
    min_health_percent=percents,
    http_error_codes=st.lists(st.integers(100, 599), max_size=2),
)
port_policies = st.lists(
    st.builds(
        PortPolicy,
        port=st.integers(1, 65535),
        policy=st.builds(TrafficPolicy, load_balancer=balancers, outlier_detection=st.none() | outliers),
    ),
    max_size=2,
)
policies = st.builds(
    TrafficPolicy, load_balancer=balancers, outlier_detection=st.none() | outliers, port_level=port_policies
)
rules = st.builds(
    DestinationRule,
    name=names,
    namespace=names,
    host=names | st.just("*.mesh.internal"),
    traffic_policy=st.none() | policies,
    subsets=st.lists(
        st.builds(Subset, name=names, traffic_policy=st.none() | policies), max_size=2, unique_by=lambda one: one.name
    ),
    export_to=st.sampled_from([(), (".",), ("*",), (".", "other-namespace")]),
    created=st.sampled_from(["", "2026-01-01T00:00:00Z"]),
)


@given(rule=rules)
def test_rule_survives_the_round_trip(rule: DestinationRule) -> None:
    read = DestinationRule.from_mapping(rule.to_mapping())
    assert read == rule
    assert hash(read) == hash(rule)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["*", "10s", "a/*/b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(obj=json_values | st.dictionaries(st.sampled_from(["kind", "metadata", "spec"]), json_values))
@example(obj={"metadata": {"name": "r"}, "spec": {"host": "a", "exportTo": ["", None]}})
def test_arbitrary_data_raise_only_our_error(obj: object) -> None:
    with suppress(InputError):
        DestinationRule.from_mapping(cast("Mapping[str, object]", obj))


@given(rule=rules, value=json_values, data=st.data())
def test_one_arbitrary_field_raises_only_our_error(rule: DestinationRule, value: object, data: st.DataObject) -> None:
    obj: Any = rule.to_mapping()
    here: Any = obj
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(here[key], (dict, list)) or not here[key] or data.draw(st.booleans()):
            break
        here = here[key]
    here[key] = value
    with suppress(InputError):
        DestinationRule.from_mapping(obj)
