"""Two choices in a row: ztunnel picks a waypoint pod, and that pod picks the endpoint (COMP-1)."""

import pytest
from tests.meshes import EAST, HOST, cluster, one_cluster, pod, rule, service, waypoint_pod

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.locality import Locality
from meshtier.mesh import Mesh, Workload

A1, A2, B1 = EAST, EAST._replace(node="e-a2"), Locality("net-e", "re", "b", "", "e-b1")
WAYPOINT = Component.WAYPOINT


def mesh(pods: list[Workload], waypoints: list[Workload], *, client: Locality = A1, **about: object) -> Mesh:
    """The service web with the waypoint shop/wp, annotated as Istio makes it."""
    made = [
        service(pods, waypoint="shop/wp", **about),  # type: ignore[arg-type]
        service(waypoints, name="wp", annotation="PreferClose"),
    ]
    return Mesh((cluster([pod("client", client), *pods, *waypoints], made),))


def test_ztunnel_picks_the_waypoint_pod_of_its_zone_which_picks_by_its_own_place() -> None:
    """The client in zone a has its waypoint there; that of zone b is the reserve."""
    asked = mesh(
        [pod("a", A2), pod("b", B1)], [waypoint_pod("wa", A2), waypoint_pod("wb", B1)], annotation="PreferSameZone"
    )
    route = asked.route("client", HOST, component=WAYPOINT)
    assert route.to_waypoint is not None
    assert route.to_waypoint.component is Component.ZTUNNEL
    assert route.to_waypoint.resolution.source.value == "PreferClose"
    assert [(hop.waypoint, hop.share) for hop in route.hops] == [("east/shop/wa", 1.0)]
    assert route.shares == {"east/shop/a": 1.0, "east/shop/b": 0.0}


def test_where_the_waypoint_is_elsewhere_its_place_decides_and_not_the_clients() -> None:
    asked = mesh([pod("a", A2), pod("b", B1)], [waypoint_pod("wb", B1)], annotation="PreferSameZone")
    assert asked.route("client", HOST, component=WAYPOINT).shares == {"east/shop/a": 0.0, "east/shop/b": 1.0}
    assert asked.route("client", HOST).shares == {"east/shop/a": 1.0, "east/shop/b": 0.0}


def test_shares_are_composed_over_all_waypoint_pods() -> None:
    """Three waypoint pods of weight 1 in the client's zone; one sees another node first."""
    waypoints = [waypoint_pod("w1", A1), waypoint_pod("w2", A1), waypoint_pod("w3", A2)]
    asked = mesh([pod("x", A1), pod("y", A2)], waypoints, annotation="PreferSameNode")
    route = asked.route("client", HOST, component=WAYPOINT)
    assert route.shares == pytest.approx({"east/shop/x": 2 / 3, "east/shop/y": 1 / 3})
    assert route.shares.total == pytest.approx(1)
    assert sum(hop.share for hop in route.hops) == pytest.approx(1)
    assert route.why("y").share == pytest.approx(1 / 3)


def test_a_waypoint_pod_that_finds_nothing_loses_its_part() -> None:
    """The service stays on the node: w2 has no endpoint there, and its half of the traffic is lost."""
    asked = mesh([pod("x", A1)], [waypoint_pod("w1", A1), waypoint_pod("w2", A2)], local=True)
    route = asked.route("client", HOST, component=WAYPOINT)
    assert route.shares == {"east/shop/x": 0.5}
    assert route.reason.startswith("at east/shop/w2: ")
    assert not route.drops
    assert "lost 50 %" in repr(route.shares)
    assert "50 % of the traffic is lost: at east/shop/w2" in route.explain()


@pytest.mark.parametrize("health", [Health.UNHEALTHY, Health.TERMINATING], ids=str)
def test_without_a_waypoint_pod_that_serves_nothing_flows(health: Health) -> None:
    route = mesh([pod("x")], [waypoint_pod("w1", A1, health=health)]).route("client", HOST, component=WAYPOINT)
    assert route.hops == ()
    assert route.shares == {"east/shop/x": 0.0}
    assert route.reason == "no waypoint pod: no endpoint is left to choose from"
    assert route.drops
    assert route.why("x").share == 0
    assert "no traffic flows: no waypoint pod" in route.explain()


def test_a_pod_of_the_waypoint_itself_chooses_at_once() -> None:
    asked = mesh([pod("a", A2), pod("b", B1)], [waypoint_pod("wb", B1)], annotation="PreferSameZone")
    route = asked.route("wb", HOST, component=WAYPOINT)
    assert (route.to_waypoint, route.hops) == (None, ())
    assert route.shares == {"east/shop/a": 0.0, "east/shop/b": 1.0}
    assert route.notes == ()


def test_without_the_waypoints_service_its_pods_are_found_by_their_label_with_a_note() -> None:
    web = [pod("a", A2)]
    asked = Mesh((cluster([pod("client"), *web, waypoint_pod("w1", A2)], [service(web, waypoint="shop/wp")]),))
    route = asked.route("client", HOST, component=WAYPOINT)
    assert [hop.waypoint for hop in route.hops] == ["east/shop/w1"]
    assert [note.rule for note in route.notes] == ["COMP-1"]


def test_waypoint_pods_need_no_label_where_their_service_is_known() -> None:
    route = mesh([pod("a", A2)], [pod("unlabelled", A2)]).route("client", HOST, component=WAYPOINT)
    assert [hop.waypoint for hop in route.hops] == ["east/shop/unlabelled"]
    assert route.shares.total == 1


@pytest.mark.parametrize(
    ("waypoint", "said"),
    [("", "it names no waypoint"), ("shop/wp", "its waypoint shop/wp has no pod in cluster 'east'")],
    ids=["none", "no pod"],
)
def test_without_a_waypoint_the_answer_is_that_of_one_beside_the_client(waypoint: str, said: str) -> None:
    route = one_cluster([pod("a", A2)], waypoint=waypoint).route("client", HOST, component=WAYPOINT)
    assert route.hops == ()
    assert [(note.rule, note.text) for note in route.notes] == [
        ("COMP-1", f"{said}; the answer is that of a waypoint beside the client")
    ]


def test_a_bare_place_is_taken_for_that_of_a_waypoint_pod_with_a_note() -> None:
    asked = mesh([pod("a", A2), pod("b", B1)], [waypoint_pod("wa", A2)], annotation="PreferSameZone")
    route = asked.route(B1, HOST, component=WAYPOINT)
    assert route.shares == {"east/shop/a": 0.0, "east/shop/b": 1.0}
    assert [note.rule for note in route.notes] == ["COMP-1"]


def test_port_and_subset_are_the_hosts_and_not_the_waypoints() -> None:
    versions = rule(subsets=[{"name": "v1", "labels": {"version": "v1"}}], outlier_detection=None)
    web = [pod("a", A1, labels={"version": "v1"}), pod("b", A1)]
    ways = [waypoint_pod("w1", A1)]
    made = [
        service(web, waypoint="shop/wp", ports=((80, "http"),)),
        service(ways, name="wp", ports=((15008, "mesh"),)),
    ]
    asked = Mesh((cluster([pod("client"), *web, *ways], made, rules=[versions]),))
    route = asked.route("client", HOST, component=WAYPOINT, port=80, subset="v1")
    assert route.shares == {"east/shop/a": 1.0, "east/shop/b": 0.0}


def test_the_report_says_whose_tiers_it_shows() -> None:
    asked = mesh([pod("x", A1)], [waypoint_pod("w1", A1), waypoint_pod("w2", A2)])
    text = asked.route("client", HOST, component=WAYPOINT).explain()
    assert "as seen by east/shop/w1 at network=net-e re/a node=e-a1, the shares are over all pods" in text
