"""What an Envoy can be told, and what is refused because none would take it."""

import pickle
from collections.abc import Callable

import pytest
from tests.groups import A, B, group, spread, zoned

from meshtier.dataplane import EnvoySettings, LbPolicy, LocalityGroup, ZoneAware, check_groups, host_shares
from meshtier.dataplane.settings import DEFAULT_SETTINGS, ISTIO_ENVOY, PLAIN_ENVOY, whole_percent
from meshtier.endpoint import MAX_WEIGHT, Endpoint
from meshtier.errors import InvalidValueError

ONE = Endpoint("a", A)


@pytest.mark.parametrize(
    ("configured", "effective"), [(0.9, 0), (29, 28), (30, 30), (33.99, 33), (57, 56), (58, 57), (100, 100)], ids=str
)
def test_a_percentage_is_truncated_in_floating_point(configured: float, effective: int) -> None:
    assert whole_percent(configured) == effective


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(
            lambda: LocalityGroup(priority=129), "priority: expected an integer from 0 to 128, got 129", id="priority"
        ),
        pytest.param(
            lambda: LocalityGroup(priority=-1), "priority: expected an integer from 0 to 128, got -1", id="negative"
        ),
        pytest.param(
            lambda: LocalityGroup(priority=False),
            "priority: expected an integer from 0 to 128, got False",
            id="a bool as priority",
        ),
        pytest.param(
            lambda: LocalityGroup(weight=0), "weight: expected an integer from 1 to 4294967295, got 0", id="no weight"
        ),
        pytest.param(
            lambda: LocalityGroup(weight=2**32),
            "weight: expected an integer from 1 to 4294967295, got 4294967296",
            id="33 bits",
        ),
        pytest.param(
            lambda: LocalityGroup(locality="r/z"),  # type: ignore[arg-type]  # what is refused
            "locality: expected a Locality, got 'r/z'",
            id="text as locality",
        ),
        pytest.param(
            lambda: LocalityGroup(endpoints=["a"]),  # type: ignore[list-item]  # what is refused
            "endpoints[0]: expected an Endpoint, got 'a'",
            id="text as endpoint",
        ),
        pytest.param(
            lambda: LocalityGroup(endpoints=3),  # type: ignore[arg-type]  # what is refused
            "endpoints: expected endpoints, got 3",
            id="a number as endpoints",
        ),
        pytest.param(
            lambda: EnvoySettings(overprovisioning_factor=0),
            "overprovisioning_factor: expected an integer from 1 to 4294967295, got 0",
            id="factor 0",
        ),
        pytest.param(
            lambda: EnvoySettings(panic_threshold=100.5),
            "panic_threshold: expected a number from 0 to 100, got 100.5",
            id="threshold above 100",
        ),
        pytest.param(
            lambda: EnvoySettings(locality_weighted=1),  # type: ignore[arg-type]  # what is refused
            "locality_weighted: expected True or False, got 1",
            id="a number as locality_weighted",
        ),
        pytest.param(
            lambda: EnvoySettings(weighted_priority_health=None),  # type: ignore[arg-type]  # what is refused
            "weighted_priority_health: expected True or False, got None",
            id="None as weighted_priority_health",
        ),
        pytest.param(
            lambda: EnvoySettings(lb_policy="RANDOM"),  # type: ignore[arg-type]  # what is refused
            f"lb_policy: expected one of {', '.join(map(str, LbPolicy))}, got 'RANDOM'",
            id="a policy by its name",
        ),
        pytest.param(
            lambda: EnvoySettings(zone_aware=True),  # type: ignore[arg-type]  # what is refused
            "zone_aware: expected a ZoneAware or None, got True",
            id="a bool as zone_aware",
        ),
        pytest.param(
            lambda: EnvoySettings(locality_weighted=True, zone_aware=zoned()),
            "zone_aware: expected None together with locality_weighted, got a ZoneAware",
            id="two ways with localities",
        ),
        pytest.param(
            lambda: ZoneAware(node_locality="a", local_hosts={}),  # type: ignore[arg-type]  # what is refused
            "node_locality: expected a Locality, got 'a'",
            id="text as node_locality",
        ),
        pytest.param(
            lambda: ZoneAware(node_locality=A, local_hosts={"a": 1}),  # type: ignore[dict-item]  # what is refused
            "local_hosts: expected a Locality and a number of hosts, got ('a', 1)",
            id="hosts by text",
        ),
        pytest.param(
            lambda: ZoneAware(node_locality=A, local_hosts=3),  # type: ignore[arg-type]  # what is refused
            "local_hosts: expected numbers of hosts by Locality, got 3",
            id="a number as local_hosts",
        ),
        pytest.param(
            lambda: ZoneAware(node_locality=A, local_hosts={A: -1}),
            "local_hosts[r/a]: expected an integer from 0 to 4294967295, got -1",
            id="a negative number of hosts",
        ),
        pytest.param(
            lambda: zoned(min_cluster_size=-1),
            "min_cluster_size: expected an integer from 0 to 18446744073709551615, got -1",
            id="a negative size",
        ),
        pytest.param(
            lambda: zoned(routing_enabled=-1),
            "routing_enabled: expected a number from 0 to 100, got -1",
            id="a negative percentage",
        ),
        pytest.param(
            lambda: zoned(fail_traffic_on_panic=0),  # type: ignore[arg-type]  # what is refused
            "fail_traffic_on_panic: expected True or False, got 0",
            id="a number as fail_traffic_on_panic",
        ),
        pytest.param(
            lambda: host_shares([ONE]),  # type: ignore[list-item]  # what is refused
            "groups[0]: expected a LocalityGroup, got Endpoint(id='a', locality=Locality(region='r', zone='a'))",
            id="an endpoint as group",
        ),
    ],
)
def test_what_is_no_setting_of_an_envoy_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        pytest.param(
            [group("H", name="x"), group("HH", 1, name="x")],
            "groups[1].endpoints[0].id: expected a new id, got 'x0' again",
            id="an id twice",
        ),
        pytest.param(
            [group("H"), group("HH", 1, weights=(MAX_WEIGHT, 1))],
            "groups[1].endpoints: expected weights with a sum of at most 4294967295, got a sum of 4294967296",
            id="weights of a group",
        ),
        pytest.param(
            [group("HH", weights=(MAX_WEIGHT, 0))],
            "groups[0].endpoints: expected weights with a sum of at most 4294967295, got a sum of 4294967296",
            id="a weight of 0, which counts as 1",
        ),
        pytest.param(
            [group("H", weight=MAX_WEIGHT), group("H", 1, weight=5), group("H", locality=B, weight=1)],
            "groups[2].weight: expected locality weights of one priority with a sum of at most 4294967295,"
            " got a sum of 4294967296",
            id="weights of localities",
        ),
    ],
)
def test_what_an_envoy_rejects_is_refused(groups: list[LocalityGroup], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        check_groups(groups)
    assert str(caught.value) == message
    with pytest.raises(InvalidValueError):
        host_shares(groups)


def test_what_an_envoy_takes_is_not_refused() -> None:
    check_groups([])
    check_groups([group("HH", weight=MAX_WEIGHT, weights=(MAX_WEIGHT - 1, 1)), group("H", 1, weight=MAX_WEIGHT)])


def test_of_a_locality_that_stands_twice_only_the_last_weight_counts_towards_the_sum() -> None:
    twice = [group("H", weight=MAX_WEIGHT, name="x"), group("H", weight=5, name="y")]
    check_groups([*twice, group("H", locality=B, weight=9)])


def test_groups_may_come_from_an_iterator() -> None:
    assert host_shares(iter([group("HU"), group("H", 1)])).shares == {"0a0": 0.7, "0a1": 0.0, "1a0": 0.3}


def test_values_and_results_survive_pickling_and_are_hashable() -> None:
    result = spread(group("HU"), group("H", 1))
    assert pickle.loads(pickle.dumps(result)) == result  # its own
    assert hash((DEFAULT_SETTINGS, group("H"), zoned(), result)) == hash((EnvoySettings(), group("H"), zoned(), result))
    assert EnvoySettings(panic_threshold=0) != DEFAULT_SETTINGS


def test_istio_tells_an_envoy_not_to_panic_and_to_weigh_localities_where_a_mode_makes_priorities() -> None:
    assert (ISTIO_ENVOY.panic_threshold, ISTIO_ENVOY.locality_weighted) == (0, True)
    assert (PLAIN_ENVOY.panic_threshold, PLAIN_ENVOY.locality_weighted) == (0, False)
