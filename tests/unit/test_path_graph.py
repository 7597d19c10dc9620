import pytest
from tests.meshes import (
    EAST,
    HOST,
    cluster,
    gateway,
    on_two_nodes,
    one_cluster,
    pod,
    service,
    two_clusters,
    waypoint_pod,
)

from meshtier.component import Component
from meshtier.display.graph import Graph, Kind, Standing
from meshtier.display.path_graph import path_graph
from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError
from meshtier.kube import load
from meshtier.locality import Locality
from meshtier.mesh import Mesh

FAR = Locality("net-e", "re", "b")
BOOKINFO_HOST = "productpage.bookinfo.mesh.internal"


def shares(graph: Graph) -> dict[tuple[str, str], float]:
    """The share of each link, by the names of the two nodes."""
    names = {node.key: node.lines[0] for node in graph.nodes}
    return {(names[link.source], names[link.target]): link.share for link in graph.links}


def told(graph: Graph) -> dict[str, tuple[str, ...]]:
    return {node.lines[0]: node.lines[1:] for node in graph.nodes}


def test_one_choice_goes_from_the_client_to_the_endpoints() -> None:
    mesh = one_cluster([pod("a"), pod("b"), pod("c", FAR)], spec="PreferClose")
    graph = path_graph(mesh.route("client", HOST))
    assert graph.heads == ("client", "endpoints")
    assert told(graph) == {
        "client": ("in re/a", "by ztunnel"),
        "a": ("50 % P0", "in re/a"),
        "b": ("50 % P0", "in re/a"),
        "c": ("0 % P1", "in re/b"),
    }
    assert shares(graph) == {("client", "a"): 0.5, ("client", "b"): 0.5, ("client", "c"): 0.0}
    assert [node.standing for node in graph.nodes[1:]] == [Standing.SERVES, Standing.SERVES, Standing.IDLE]


def test_what_is_unhealthy_at_an_envoy_and_what_is_excluded_at_a_ztunnel_stand_apart() -> None:
    mesh = one_cluster([pod("a"), pod("b", health=Health.UNHEALTHY)])
    at_envoy = path_graph(mesh.route("client", HOST, component=Component.WAYPOINT))
    assert {node.lines[0]: node.standing for node in at_envoy.nodes if node.kind is Kind.ENDPOINT} == {
        "a": Standing.SERVES,
        "b": Standing.UNHEALTHY,
    }
    assert told(at_envoy)["b"] == ("0 % P0 unhealthy", "in re/a")
    at_ztunnel = path_graph(mesh.route("client", HOST, component=Component.ZTUNNEL))
    assert told(at_ztunnel)["b"] == ("excluded: not healthy", "in re/a")
    assert at_ztunnel.nodes[-1].standing is Standing.EXCLUDED
    assert at_ztunnel.nodes[-1].key not in {link.target for link in at_ztunnel.links}


def test_what_is_degraded_says_so_and_is_not_unhealthy() -> None:
    # 4 of 5 healthy times 1.4 is more than all, so that the degraded one is not needed.
    mesh = one_cluster([*(pod(name) for name in "abce"), pod("d", health=Health.DEGRADED)])
    graph = path_graph(mesh.route("client", HOST, component=Component.WAYPOINT))
    assert told(graph)["d"] == ("0 % P0 degraded", "in re/a")
    assert [node.standing for node in graph.nodes if node.lines[0] == "d"] == [Standing.IDLE]


def test_through_a_waypoint_each_pod_sends_its_part() -> None:
    graph = path_graph(on_two_nodes().route("client", "web"))
    assert graph.heads == ("client", "waypoint pods", "endpoints")
    # The waypoint's Service prefers the zone, in which all three pods are; each keeps to its node.
    third = pytest.approx(1 / 3)
    assert shares(graph) == {
        ("client", "w1"): third,
        ("client", "w2"): third,
        ("client", "w3"): third,
        ("w1", "x"): third,
        ("w2", "x"): third,
        ("w3", "y"): third,
    }
    assert told(graph)["x"][0].startswith("66.7 %")


def test_a_tier_is_that_of_the_pods_that_send_there() -> None:
    # Each pod prefers its own zone: what is P1 for the one is P0 for the other, which sends to it.
    pods, ways = [pod("x", EAST), pod("y", FAR)], [waypoint_pod("w1", EAST), waypoint_pod("w2", FAR)]
    made = [service(pods, waypoint="shop/wp", spec="PreferClose"), service(ways, name="wp")]
    graph = path_graph(Mesh((cluster([pod("client"), *pods, *ways], made),)).route("client", "web"))
    assert told(graph)["x"] == ("50 % P0", "in re/a")
    assert told(graph)["y"] == ("50 % P0", "in re/b")
    assert graph.legend == ((0, "same network, region, zone"),)


def test_another_network_is_reached_by_its_gateway() -> None:
    there = Locality("net-w", "rw", "c")
    mesh = two_clusters(
        west_pods=[pod("z1", there, cluster="west"), pod("z2", there, cluster="west")],
        gateways=[gateway(there, leads_to="west")],
    )
    graph = path_graph(mesh.route("client", "web.shop.mesh.internal"))
    assert graph.heads == ("client", "gateways", "endpoints")
    assert shares(graph) == {("client", "peer"): 1.0, ("peer", "z1"): 0.5, ("peer", "z2"): 0.5}
    assert told(graph)["peer"] == ("100 %", "to net-w")


def test_all_that_leaves_a_node_came_in() -> None:
    mesh = load("examples/bookinfo/gateways")
    for route in mesh.routes():
        graph = path_graph(route)
        came = dict.fromkeys((node.key for node in graph.nodes), 0.0)
        left = dict.fromkeys(came, 0.0)
        for link in graph.links:
            came[link.target] += link.share
            left[link.source] += link.share
        for node in graph.nodes:
            if node.column:
                assert came[node.key] == pytest.approx(node.share)
            if node.kind in (Kind.CHOOSER, Kind.GATEWAY) and node.share:
                assert left[node.key] == pytest.approx(node.share)
        last = [node for node in graph.nodes if node.key not in {link.source for link in graph.links}]
        assert sum(node.share for node in last) == pytest.approx(1)


def test_what_finds_no_endpoint_is_a_node_of_its_own() -> None:
    graph = path_graph(one_cluster([pod("b", FAR)], local=True).route("client", HOST))
    assert told(graph)["100 % is lost"] == ("finds no endpoint",)
    assert graph.lines[1].startswith("no traffic flows: ")
    assert [node.standing for node in graph.nodes if node.key == "lost"] == [Standing.LOST]


def test_where_no_choice_is_made_nothing_is_lost_and_no_share_is_told() -> None:
    mesh = one_cluster([pod("a")], passthrough="headless")
    graph = path_graph(mesh.route("client", HOST))
    assert told(graph) == {"client": ("in re/a", "by ztunnel"), "a": ("in re/a",)}
    assert graph.legend == ()


def many(count: int, zones: str = "ab", health: Health = Health.HEALTHY) -> Mesh:
    pods = [pod(f"p{i}", Locality("net-e", "re", zones[i % len(zones)]), health=health) for i in range(count)]
    return one_cluster(pods)


def test_many_endpoints_are_counted_by_zone() -> None:
    graph = path_graph(many(100).route("client", HOST))
    assert sorted(node.lines for node in graph.nodes if node.column) == [
        ("50 endpoints", "50 % P0", "in re/a"),
        ("50 endpoints", "50 % P0", "in re/b"),
    ]


def test_more_groups_than_there_is_room_for_end_in_a_count() -> None:
    graph = path_graph(many(52, zones="abcdefghijklmnopqrstuvwxyz").route("client", HOST), most=5)
    ends = [node.lines for node in graph.nodes if node.column]
    assert len(ends) == 5
    assert ends[-1] == ("… and 44 more", "84.6 % P0", "in 22 zones")


def test_many_excluded_endpoints_are_counted_by_reason() -> None:
    graph = path_graph(many(30, health=Health.UNHEALTHY).route("client", HOST, component=Component.ZTUNNEL))
    assert ("30 endpoints", "excluded: not healthy") in [node.lines for node in graph.nodes]
    assert len(graph.nodes) <= 4


def test_all_endpoints_are_shown_where_that_is_asked_for() -> None:
    route = many(100).route("client", HOST)
    assert len([node for node in path_graph(route, most=100).nodes if node.column]) == 100


@pytest.mark.parametrize("most", [0, 1, True, "3"])
def test_a_picture_of_nothing_is_refused(most: object) -> None:
    route = one_cluster([pod("a", EAST)]).route("client", HOST)
    with pytest.raises(InvalidValueError, match="most: expected an integer"):
        path_graph(route, most=most)  # type: ignore[arg-type]  # what a caller without a checker can give
    with pytest.raises(InvalidValueError, match="route: expected a Route"):
        path_graph("route")  # type: ignore[arg-type]  # likewise
