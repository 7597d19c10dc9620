"""What holds of an Envoy's spreading for every set of hosts, and an oracle written from the prose of the rules."""

from collections.abc import Sequence
from fractions import Fraction

from attrs import evolve
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pytest import approx  # noqa: PT013  # reads as a word

from meshtier.dataplane import (
    EnvoySettings,
    HostShares,
    LbPolicy,
    LocalityGroup,
    ZoneAware,
    host_shares,
    priority_loads,
)
from meshtier.dataplane.settings import site_of
from meshtier.dataplane.zone_aware import zone_split
from meshtier.endpoint import Endpoint, Health
from meshtier.locality import Locality

PLACES = tuple(Locality(region="r", zone=zone, subzone=subzone) for zone in ("a", "b", "c") for subzone in ("", "1"))
TURNS = st.sampled_from([LbPolicy.ROUND_ROBIN, LbPolicy.LEAST_REQUEST])
percentages = st.integers(0, 100) | st.floats(0, 100)


@st.composite
def group_lists(
    draw: st.DrawFn, *, distinct: bool = False, kinds: Sequence[Health] = tuple(Health)
) -> list[LocalityGroup]:
    """Groups with few or many hosts; *distinct* if no locality stands twice in one priority."""
    # Few priorities and places, so that several localities meet in one priority, and one locality twice.
    keys = st.tuples(st.sampled_from([0, 0, 0, 1, 1, 2, 4]), st.sampled_from(PLACES[:3]) | st.sampled_from(PLACES))
    drawn = draw(st.lists(keys, max_size=6, unique=distinct))
    weights = st.integers(1, 5) | st.integers(1, 2**20)
    runs = st.lists(st.tuples(st.sampled_from(kinds), weights, st.sampled_from([1, 1, 1, 2, 3, 40])), max_size=6)
    groups: list[LocalityGroup] = []
    for number, (priority, place) in enumerate(drawn):
        kinds_and_weights = [(health, weight) for health, weight, count in draw(runs) for _ in range(count)]
        hosts = [
            Endpoint(f"{number}-{index}", place, health=health, weight=weight)
            for index, (health, weight) in enumerate(kinds_and_weights)
        ]
        weight = draw(st.none() | weights)
        groups.append(LocalityGroup(priority=priority, locality=place, weight=weight, endpoints=hosts))
    return groups


zone_awares = st.builds(
    ZoneAware,
    node_locality=st.sampled_from(PLACES),
    local_hosts=st.dictionaries(st.sampled_from(PLACES), st.integers(0, 9)),
    min_cluster_size=st.integers(0, 8),
    routing_enabled=percentages,
    fail_traffic_on_panic=st.booleans(),
)

plain_settings = st.builds(
    EnvoySettings,
    overprovisioning_factor=st.sampled_from([1, 60, 100, 140, 175, 1000]),
    panic_threshold=st.sampled_from([0, 29, 50, 100]) | percentages,
    weighted_priority_health=st.booleans(),
    locality_weighted=st.booleans(),
    lb_policy=TURNS,
)
"""Settings with which requests are lost either not at all or all together."""

any_settings = (
    plain_settings
    | st.builds(evolve, plain_settings, lb_policy=st.sampled_from(LbPolicy))
    | st.builds(evolve, plain_settings, locality_weighted=st.just(False), zone_aware=zone_awares)
)


# The oracle


def oracle_loads(groups: Sequence[LocalityGroup], settings: EnvoySettings) -> tuple[list[int], list[int], list[bool]]:
    """Healthy loads, degraded loads and panic, by the prose of the rules and with no thought of speed."""
    priorities = range(max((group.priority for group in groups), default=0) + 1)

    def hosts(priority: int, *kinds: Health) -> list[Endpoint]:
        return [host for each in groups if each.priority == priority for host in each.endpoints if host.health in kinds]

    def size(found: list[Endpoint]) -> int:
        return sum(host.weight if settings.weighted_priority_health else 1 for host in found)

    counted = (Health.HEALTHY, Health.DEGRADED, Health.UNHEALTHY)
    available: dict[tuple[Health, int], int] = {}
    for kind in (Health.HEALTHY, Health.DEGRADED):
        for priority in priorities:
            base = size(hosts(priority, *counted))
            ratio = Fraction(settings.overprovisioning_factor * size(hosts(priority, kind)), base) if base else 0
            available[kind, priority] = min(100, int(ratio))
    total = min(100, sum(available.values()))

    threshold = int(100 * (settings.panic_threshold / 100.0))
    panic: list[bool] = []
    for priority in priorities:
        base = len(hosts(priority, *counted))
        usable = 100 * len(hosts(priority, Health.HEALTHY, Health.DEGRADED)) / base if base else 0
        panic.append(total != 100 and usable < threshold)

    loads = dict.fromkeys(available, 0)
    everyone = [host for each in groups for host in each.endpoints]
    if all(panic) and everyone:
        for priority in priorities:
            loads[Health.HEALTHY, priority] = 100 * len(hosts(priority, *Health)) // len(everyone)
        first = min(each.priority for each in groups if each.endpoints)
        loads[Health.HEALTHY, first] += 100 - sum(loads.values())
    elif total == 0:
        loads[Health.HEALTHY, 0] = 100
    else:
        for key, percent in available.items():
            loads[key] = min(100 - sum(loads.values()), int(Fraction(100 * percent, total)))
        loads[next(key for key in available if available[key])] += 100 - sum(loads.values())
    return (
        [loads[Health.HEALTHY, priority] for priority in priorities],
        [loads[Health.DEGRADED, priority] for priority in priorities],
        panic,
    )


def oracle_shares(groups: Sequence[LocalityGroup], settings: EnvoySettings) -> dict[str, Fraction]:
    """Every host's share for a balancer that takes hosts in turn, without zones."""
    healthy_load, degraded_load, panic = oracle_loads(groups, settings)
    shares = {host.id: Fraction(0) for group in groups for host in group.endpoints}
    for priority, panics in enumerate(panic):
        here = [group for group in groups if group.priority == priority]
        for kind, load in ((Health.HEALTHY, healthy_load[priority]), (Health.DEGRADED, degraded_load[priority])):
            usable = [host for group in here for host in group.endpoints if panics or host.health is kind]
            parts = {} if panics or not settings.locality_weighted else oracle_locality_parts(here, kind, settings)
            for host in usable:
                if parts:
                    place = next(group.locality for group in here if host in group.endpoints)
                    peers = [
                        peer for group in here if group.locality == place for peer in group.endpoints if peer in usable
                    ]
                    part = parts[place]
                else:
                    peers, part = usable, Fraction(1)
                shares[host.id] += (
                    Fraction(load, 100) * part * Fraction(host.weight, sum(peer.weight for peer in peers))
                )
    return shares


def oracle_locality_parts(
    groups: Sequence[LocalityGroup], kind: Health, settings: EnvoySettings
) -> dict[Locality, Fraction]:
    weights: dict[Locality, Fraction] = {}
    for place in {group.locality for group in groups}:
        given_weights = [group.weight for group in groups if group.locality == place and group.weight is not None]
        kinds = [host.health for group in groups if group.locality == place for host in group.endpoints]
        active = len(kinds) - kinds.count(Health.TERMINATING)
        ratio = Fraction(settings.overprovisioning_factor * kinds.count(kind), 100 * active) if active else Fraction(0)
        weights[place] = (given_weights[-1] if given_weights else 0) * min(Fraction(1), ratio)
    total = sum(weights.values())
    return {place: weight / total for place, weight in weights.items()} if total else {}


@given(groups=group_lists(), settings=plain_settings)
def test_loads_are_those_of_the_prose(groups: list[LocalityGroup], settings: EnvoySettings) -> None:
    loads = priority_loads(groups, settings)
    assert (list(loads.healthy_load), list(loads.degraded_load), list(loads.panic)) == oracle_loads(groups, settings)


@given(groups=group_lists(), settings=plain_settings)
def test_shares_are_those_of_the_prose(groups: list[LocalityGroup], settings: EnvoySettings) -> None:
    expected = {host_id: float(share) for host_id, share in oracle_shares(groups, settings).items()}
    assert dict(host_shares(groups, settings).shares) == approx(expected, abs=1e-9)


# The laws


def assert_consistent(result: HostShares) -> None:
    assert result.shares.total + result.lost == approx(1, abs=1e-9)
    assert (result.lost > 0) == (result.reason is not None)
    assert sum(result.loads.load) == 100
    assert all(share >= 0 for share in result.shares.values())


@given(groups=group_lists(), settings=any_settings)
@example(groups=[], settings=EnvoySettings())
@example(groups=[], settings=EnvoySettings(panic_threshold=0))
def test_every_request_finds_a_host_or_is_lost_for_a_reason(
    groups: list[LocalityGroup], settings: EnvoySettings
) -> None:
    assert_consistent(host_shares(groups, settings))


@given(groups=group_lists(), settings=plain_settings)
def test_without_hashing_and_zones_all_requests_find_a_host_or_none(
    groups: list[LocalityGroup], settings: EnvoySettings
) -> None:
    result = host_shares(groups, settings)
    assert result.lost in (0.0, 1.0)
    assert result.reason is result.loads.reason


@given(groups=group_lists(), settings=any_settings)
def test_only_panic_sends_anything_to_unhealthy_or_draining_hosts(
    groups: list[LocalityGroup], settings: EnvoySettings
) -> None:
    result = host_shares(groups, settings)
    for group in groups:
        if not result.loads.panic[group.priority]:
            for host in group.endpoints:
                assert host.health in (Health.HEALTHY, Health.DEGRADED) or not result.shares[host.id]


@given(groups=group_lists(distinct=True), settings=any_settings, data=st.data())
def test_another_order_of_groups_and_hosts_changes_no_share(
    groups: list[LocalityGroup], settings: EnvoySettings, data: st.DataObject
) -> None:
    mixed = [
        evolve(group, endpoints=data.draw(st.permutations(group.endpoints)))
        for group in data.draw(st.permutations(groups))
    ]
    one, other = host_shares(groups, settings), host_shares(mixed, settings)
    assert other.loads == one.loads
    assert other.reason is one.reason
    assert dict(other.shares) == approx(dict(one.shares), abs=1e-9)


@given(groups=group_lists(), settings=any_settings)
def test_gaps_between_priorities_get_nothing_and_change_nothing(
    groups: list[LocalityGroup], settings: EnvoySettings
) -> None:
    spaced = [evolve(group, priority=2 * group.priority) for group in groups]
    one, other = host_shares(groups, settings), host_shares(spaced, settings)
    assert other.loads.load[::2] == one.loads.load
    assert not any(other.loads.load[1::2])
    assert other.shares == one.shares


@given(groups=group_lists(), settings=any_settings, data=st.data())
def test_a_group_in_two_halves_is_the_same_group(
    groups: list[LocalityGroup], settings: EnvoySettings, data: st.DataObject
) -> None:
    halves: list[LocalityGroup] = []
    for group in groups:
        cut = data.draw(st.integers(0, len(group.endpoints)))
        halves += [evolve(group, endpoints=group.endpoints[:cut]), evolve(group, endpoints=group.endpoints[cut:])]
    one, other = host_shares(groups, settings), host_shares(halves, settings)
    assert (list(other.shares), other.loads) == (list(one.shares), one.loads)
    assert dict(other.shares) == approx(dict(one.shares), abs=1e-9)


@given(groups=group_lists(), settings=any_settings, factor=st.integers(2, 50))
def test_only_the_proportions_of_host_weights_count(
    groups: list[LocalityGroup], settings: EnvoySettings, factor: int
) -> None:
    heavier = [
        evolve(group, endpoints=[evolve(host, weight=host.weight * factor) for host in group.endpoints])
        for group in groups
    ]
    one, other = host_shares(groups, settings), host_shares(heavier, settings)
    assert other.loads == one.loads
    assert dict(other.shares) == approx(dict(one.shares), abs=1e-9)


@given(groups=group_lists(), settings=plain_settings, data=st.data())
def test_a_lost_host_never_draws_load_to_its_priority_nor_takes_any_from_the_lower_ones(
    groups: list[LocalityGroup], settings: EnvoySettings, data: st.DataObject
) -> None:
    # Without panic, which brings whole priorities in and out. Where nothing is available any more, all load is
    # nominally on priority 0; then nothing was available below the lost host before either.
    settings = evolve(settings, panic_threshold=0)
    healthy = [
        (number, index)
        for number, group in enumerate(groups)
        for index, host in enumerate(group.endpoints)
        if host.health is Health.HEALTHY
    ]
    assume(healthy)
    number, index = data.draw(st.sampled_from(healthy))
    hosts = list(groups[number].endpoints)
    hosts[index] = evolve(hosts[index], health=Health.UNHEALTHY)
    fewer = [*groups[:number], evolve(groups[number], endpoints=hosts), *groups[number + 1 :]]
    before, after = priority_loads(groups, settings), priority_loads(fewer, settings)
    priority = groups[number].priority
    assert after.healthy_load[priority] <= before.healthy_load[priority]
    assert sum(after.load[priority + 1 :]) >= sum(before.load[priority + 1 :])


@given(groups=group_lists(kinds=[Health.HEALTHY, Health.UNHEALTHY]), settings=plain_settings)
def test_a_whole_first_priority_takes_everything(groups: list[LocalityGroup], settings: EnvoySettings) -> None:
    settings = evolve(settings, overprovisioning_factor=140)
    whole = LocalityGroup(locality=PLACES[0], weight=1, endpoints=[Endpoint("whole", PLACES[0])])
    later = [evolve(group, priority=group.priority + 1) for group in groups]
    assert host_shares([whole, *later], settings).shares["whole"] == 1


counts = st.dictionaries(st.sampled_from(PLACES), st.integers(1, 20), min_size=2)


@given(upstream=counts, senders=counts)
@example(upstream={PLACES[0]: 1, PLACES[1]: 2}, senders={PLACES[0]: 2, PLACES[1]: 1})
@example(upstream={PLACES[0]: 1, PLACES[1]: 2}, senders={PLACES[2]: 2, PLACES[3]: 1})
def test_zones_together_load_every_host_alike(upstream: dict[Locality, int], senders: dict[Locality, int]) -> None:
    """If every sender routes by zone, each host gets the same in the end, up to Envoy's rounding to 1/10000."""
    healthy = {site_of(place): count for place, count in upstream.items()}
    received = dict.fromkeys(healthy, 0.0)
    for place, count in senders.items():
        split = zone_split(healthy, ZoneAware(node_locality=place, local_hosts=senders, min_cluster_size=0))
        assert sum(part for _, part in split.parts) == approx(1)
        for site, part in split.parts:
            received[site] += part * count / sum(senders.values())
    expected = {site: count / sum(healthy.values()) for site, count in healthy.items()}
    assert received == approx(expected, abs=0.005)


@given(upstream=counts, senders=counts, place=st.sampled_from(PLACES))
def test_more_hosts_at_home_never_send_more_away(
    upstream: dict[Locality, int], senders: dict[Locality, int], place: Locality
) -> None:
    assume(place in upstream and place in senders)
    zone_aware = ZoneAware(node_locality=place, local_hosts=senders, min_cluster_size=0)
    healthy = {site_of(other): count for other, count in upstream.items()}
    more = {**healthy, site_of(place): healthy[site_of(place)] + 1}
    before, after = (dict(zone_split(hosts, zone_aware).parts) for hosts in (healthy, more))
    assert after[site_of(place)] >= before[site_of(place)]
