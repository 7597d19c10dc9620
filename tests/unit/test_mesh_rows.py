"""Rows, flows and summaries of routes, and edits of a snapshot."""

import pytest
from attrs import evolve
from tests.meshes import EAST, HOST, cluster, on_two_nodes, one_cluster, places, pod, service

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.mesh import Backend, Mesh
from meshtier.mesh.rows import ROW_COLUMNS, TIER_COLUMNS

REGION = places()["region"]


def test_a_row_for_each_endpoint_the_nearest_first_and_the_excluded_last() -> None:
    sick = pod("sick", EAST, health=Health.UNHEALTHY)
    route = one_cluster([sick, pod("far", REGION), pod("near", EAST)], spec="PreferClose").route("client", HOST)
    assert [
        (row.endpoint.id, row.share, row.tier.number if row.tier else None, row.excluded) for row in route.rows()
    ] == [
        ("east/shop/near", 1.0, 0, ""),
        ("east/shop/far", 0.0, 1, ""),
        ("east/shop/sick", 0.0, None, "not healthy"),
    ]


def test_flat_rows_have_a_value_for_every_column() -> None:
    route = one_cluster([pod("near", EAST)], spec="PreferClose").route("client", HOST)
    (row,), (tier,) = route.rows(), route.tier_rows()
    assert tuple(row.to_dict()) == ROW_COLUMNS
    assert tuple(tier) == TIER_COLUMNS
    assert (tier["tier"], tier["matched"], tier["total"]) == (0, "same network, region, zone", 1)
    assert (row.to_dict()["endpoint_zone"], row.to_dict()["priority"]) == ("a", 0)


def test_a_route_without_a_tier_has_one_row_that_says_so() -> None:
    (tier,) = one_cluster([]).route("client", HOST).tier_rows()
    assert (tier["host"], tier["tier"], tier["share"], tier["total"]) == (HOST, None, None, None)


def test_flows_are_summed_by_place_and_leave_out_what_gets_nothing() -> None:
    web = [pod("a", EAST), pod("b", EAST), pod("c", REGION), pod("d", REGION, weight=0)]
    route = one_cluster(web, annotation="Any").route("client", HOST)
    assert dict(route.flows()) == {(EAST, EAST): pytest.approx(2 / 3), (EAST, REGION): pytest.approx(1 / 3)}
    near = one_cluster(web, annotation="PreferClose").route("client", HOST)
    assert near.flows() == (((EAST, EAST), 1.0),)


def test_what_is_lost_on_the_way_is_told() -> None:
    route = on_two_nodes().route("client", HOST, component=Component.WAYPOINT)
    assert route.lost == 0.0
    assert dict(route.flows())[EAST, EAST] == pytest.approx(2 / 3)
    nothing = one_cluster([pod("a", health=Health.UNHEALTHY)]).route("client", HOST)
    assert (nothing.lost, nothing.drops, nothing.flows()) == (1.0, True, ())
    passed = one_cluster([pod("a")], passthrough="headless").route("client", HOST)
    assert (passed.lost, passed.drops) == (0.0, False)


def test_the_place_of_a_route_through_a_waypoint_is_that_of_its_first_choice() -> None:
    """LOC-5, LOC-7: ztunnel, which sends to the waypoint, does not read the pod's label."""
    web, way = pod("a", EAST), pod("w", REGION, labels={"gateway.networking.k8s.io/gateway-name": "wp"})
    client = pod("moved", EAST, envoy_place=REGION)
    made = [service([web], waypoint="shop/wp"), service([way], name="wp", annotation="PreferClose")]
    route = Mesh([cluster([client, web, way], made)]).route("moved", HOST, component=Component.WAYPOINT)
    assert route.place.locality == EAST
    assert [hop.route.place.locality for hop in route.hops] == [EAST, REGION]
    assert f"at    {EAST}" in route.explain()


def test_a_summary_has_everything_but_the_endpoints() -> None:
    summary = one_cluster([pod("a", EAST)], spec="PreferClose").route("client", HOST).summary()
    assert summary == {
        "host": HOST,
        "cluster": "east",
        "place": {"network": "net-e", "region": "re", "zone": "a", "subzone": "", "node": "e-a1"},
        "component": "ztunnel",
        "holds": "PreferSameZone",
        "reason": "",
        "tiers": [{"tier": 0, "priority": 0, "share": 1.0, "healthy": 1, "total": 1}],
    }


@pytest.mark.parametrize("component", Component)
def test_an_edit_of_one_workload_changes_every_answer(component: Component) -> None:
    mesh = one_cluster([pod("a", EAST), pod("b", REGION)], spec="PreferClose")
    (before,) = mesh.clusters
    old = before.workloads["Pod", "shop", "a"]
    moved = evolve(old, place=before.workloads["Pod", "shop", "b"].place, weight=3)
    moved = evolve(moved, envoy_place=moved.place)
    edited = Mesh([evolve(before, workloads={**before.workloads, moved.key: moved})])
    assert [tier.number for tier in mesh.route("client", HOST, component=component).tiers] == [0, 1]
    route = edited.route("client", HOST, component=component)
    assert [tier.number for tier in route.tiers] == [1]
    assert route.shares == {"east/shop/a": 0.75, "east/shop/b": 0.25}


def test_a_workload_that_stands_twice_in_a_cluster_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"workloads: expected each workload once, got Pod east/shop/a again"):
        cluster([pod("a"), pod("a")], [])


def test_a_backend_without_its_workload_is_refused_with_the_nearest() -> None:
    made = evolve(service([]), backends=(Backend(("Pod", "shop", "webb")),))
    mesh = Mesh([cluster([pod("client"), pod("web")], [made])])
    text = "no workload 'Pod/shop/webb' of cluster 'east', behind Service shop/web; the nearest: Pod/shop/web"
    with pytest.raises(UnknownNameError, match=text):
        mesh.route("client", HOST)
