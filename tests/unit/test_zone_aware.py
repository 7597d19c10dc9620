"""Zone-aware routing, by the numbers of hosts in each zone."""

import pytest

from meshtier.dataplane.settings import ZoneAware, site_of
from meshtier.dataplane.zone_aware import zone_split
from meshtier.locality import Locality

A, B, C = (Locality(region="r", zone=zone) for zone in "abc")


def split(
    upstream: dict[Locality, int],
    local: dict[Locality, int],
    *,
    node: Locality = A,
    min_cluster_size: int = 1,
    routing_enabled: float = 100,
) -> dict[str, float]:
    zone_aware = ZoneAware(
        node_locality=node,
        local_hosts=local,
        min_cluster_size=min_cluster_size,
        routing_enabled=routing_enabled,
    )
    result = zone_split({site_of(place): hosts for place, hosts in upstream.items()}, zone_aware)
    return {zone: part for (_, zone, _), part in result.parts}


@pytest.mark.parametrize(
    ("upstream", "local", "expected"),
    [
        pytest.param({A: 4, B: 4}, {A: 2, B: 2}, {"a": 1.0}, id="as many as are due"),
        pytest.param({A: 4, B: 4}, {A: 1, B: 3}, {"a": 1.0}, id="more than are due"),
        pytest.param({A: 5, B: 3, C: 2}, {A: 1, B: 1, C: 2}, {"a": 1.0}, id="more, and room elsewhere"),
    ],
)
def test_a_zone_with_hosts_enough_keeps_everything(
    upstream: dict[Locality, int], local: dict[Locality, int], expected: dict[str, float]
) -> None:
    assert split(upstream, local) == expected


def test_a_zone_with_too_few_hosts_keeps_its_due() -> None:
    # A quarter of the hosts for half of the senders: half of their requests stay.
    assert split({A: 2, B: 6}, {A: 2, B: 2}) == {"a": 0.5, "b": 0.5}


def test_the_rest_goes_where_there_is_room_in_proportion_to_it() -> None:
    # Of 10,000: a has 2,500 for 5,000, b 3,750 for 2,500, c 3,750 for 2,500.
    parts = split({A: 2, B: 3, C: 3}, {A: 2, B: 1, C: 1})
    assert parts == {"a": 0.5, "b": 0.25, "c": 0.25}


def test_a_zone_without_room_gets_nothing_from_others() -> None:
    # Of 10,000: b has 4,285 for 5,000.
    assert split({B: 3, C: 4}, {A: 2, B: 2}) == {"c": 1.0}


def test_parts_are_rounded_down_to_ten_thousandths() -> None:
    # 3,333 for 5,000 is 6,666 of 10,000.
    assert split({A: 1, B: 2}, {A: 2, B: 2}) == {"a": 0.6666, "b": pytest.approx(0.3334)}


def test_without_a_healthy_host_in_the_own_zone_all_requests_leave_it() -> None:
    assert split({A: 0, B: 7}, {A: 2, B: 2}) == {"b": 1.0}


def test_without_any_healthy_host_all_localities_are_chosen_alike() -> None:
    assert split({A: 0, B: 0}, {A: 2, B: 2}, min_cluster_size=0) == {"a": 0.5, "b": 0.5}


def test_a_zone_with_hardly_any_senders_and_no_healthy_host_keeps_nothing() -> None:
    # 1 sender of 20,001 counts as 0 of 10,000, and to have 0 for 0 is not to have enough.
    assert split({A: 0, B: 7}, {A: 1, B: 20_000}) == {"b": 1.0}


def test_any_locality_is_chosen_if_rounding_leaves_no_room() -> None:
    # 3,332 for 3,333 at home, and 3,333 for 3,333 in both of the others.
    parts = split({A: 9_998, B: 10_001, C: 10_001}, {A: 1, B: 1, C: 1})
    assert parts["a"] == pytest.approx(0.9996 + 0.0004 / 3)
    assert parts["b"] == parts["c"] == pytest.approx(0.0004 / 3)


@pytest.mark.parametrize(
    ("upstream", "local", "min_cluster_size", "routing_enabled"),
    [
        pytest.param({A: 9}, {A: 2, B: 2}, 1, 100, id="one locality upstream"),
        pytest.param({A: 4, B: 4}, {A: 2}, 1, 100, id="one locality of senders"),
        pytest.param({A: 4, B: 4}, {A: 2, B: 0}, 1, 100, id="the second locality has no senders"),
        pytest.param({A: 4, B: 4}, {B: 2, C: 2}, 1, 100, id="no senders at home"),
        pytest.param({A: 4, B: 4}, {}, 1, 100, id="no local cluster"),
        pytest.param({A: 4, B: 4}, {A: 2, B: 2}, 9, 100, id="too few hosts"),
        pytest.param({A: 4, B: 4}, {A: 2, B: 2}, 1, 0, id="off"),
        pytest.param({A: 4, B: 4}, {A: 2, B: 2}, 1, 0.9, id="off, for the percentage is truncated"),
    ],
)
def test_a_failed_precondition_switches_it_off(
    upstream: dict[Locality, int], local: dict[Locality, int], min_cluster_size: int, routing_enabled: float
) -> None:
    result = split(upstream, local, min_cluster_size=min_cluster_size, routing_enabled=routing_enabled)
    assert result == {}


def test_exactly_enough_hosts_are_enough() -> None:
    assert split({A: 4, B: 4}, {A: 2, B: 2}, min_cluster_size=8) == {"a": 1.0}


def test_a_percentage_of_the_requests_is_truncated() -> None:
    zone_aware = ZoneAware(node_locality=A, local_hosts={A: 2, B: 2}, routing_enabled=29)
    assert zone_split({site_of(A): 4, site_of(B): 4}, zone_aware).enabled == 0.28


def test_localities_that_differ_in_the_subzone_are_different() -> None:
    inner, outer = Locality(region="r", zone="a", subzone="1"), Locality(region="r", zone="a", subzone="2")
    zone_aware = ZoneAware(node_locality=inner, local_hosts={inner: 1, outer: 1}, min_cluster_size=1)
    result = zone_split({site_of(inner): 2, site_of(outer): 2}, zone_aware)
    assert result.parts == ((site_of(inner), 1.0),)


def test_network_and_node_are_no_part_of_a_locality_here() -> None:
    near, far = Locality("n1", "r", "a", node="x"), Locality("n2", "r", "a", node="y")
    zone_aware = ZoneAware(node_locality=A, local_hosts={near: 1, far: 2, B: 3})
    assert zone_aware.hosts_of_site == {site_of(A): 3, site_of(B): 3}
