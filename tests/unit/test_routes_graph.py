import pytest
from tests.meshes import EAST, HOST, cluster, one_cluster, pod, service

from meshtier.display.graph import Graph, Standing
from meshtier.display.routes_graph import routes_graph
from meshtier.locality import Locality
from meshtier.mesh import Mesh

FAR = Locality("net-e", "re", "b")


def said(graph: Graph) -> list[tuple[str, str, str]]:
    names = {node.key: node.lines[0] for node in graph.nodes}
    return [(names[link.source], link.text, names[link.target]) for link in graph.links]


def test_each_host_has_the_zones_from_and_to_which_its_traffic_goes() -> None:
    mesh = one_cluster([pod("a"), pod("b", FAR)], spec="PreferClose")
    graph = routes_graph(mesh.routes(hosts=[HOST]))
    assert {node.group for node in graph.nodes} == {f"{HOST}: PreferSameZone"}
    assert sorted(said(graph)) == [("from re/a", "100 % P0", "re/a"), ("from re/b", "100 % P0", "re/b")]


def test_places_of_one_zone_are_one_node_with_their_mean() -> None:
    # Clients on three nodes of one zone: that of x stays on its node, and the others find nothing there.
    asking = [pod(f"c{i}", EAST._replace(node=f"n{i}")) for i in (1, 2)]
    mesh = one_cluster([pod("x")], others=asking, local=True)
    graph = routes_graph(mesh.routes(hosts=[HOST]))
    assert sorted(said(graph)) == [("from re/a", "33.3 % P0", "re/a"), ("from re/a", "66.7 %", "no endpoint")]
    assert [node.standing for node in graph.nodes if node.lines == ("no endpoint",)] == [Standing.LOST]


def hosts(count: int) -> Mesh:
    pods = [pod(f"p{i}") for i in range(count)]
    return Mesh((cluster(pods, [service([one], name=f"s{i:03}") for i, one in enumerate(pods)]),))


def test_hosts_beyond_the_limit_are_counted() -> None:
    graph = routes_graph(hosts(100).routes(), most=20)
    assert len(graph.nodes) == 21
    assert graph.nodes[-1].lines == ("… and 90 more hosts",)


def test_one_host_is_shown_even_if_it_alone_is_over_the_limit() -> None:
    pods = [pod(f"p{i}", Locality("net-e", "re", f"z{i:02}")) for i in range(20)]
    graph = routes_graph(one_cluster(pods, spec="PreferClose").routes(), most=4)
    assert ("… and 9 more places",) in [node.lines for node in graph.nodes]
    # The client's zone has no endpoint: it sends 5 % to each of 20 zones, of which 12 are shown; each other to its own.
    assert ("… and 8 more zones",) in [node.lines for node in graph.nodes]
    assert sum(link.share for link in graph.links if link.source == graph.nodes[0].key) == pytest.approx(1)


def test_no_route_is_an_empty_graph() -> None:
    assert routes_graph([]).nodes == ()


@pytest.mark.parametrize("most", [1, None])
def test_a_graph_without_room_is_refused(most: object) -> None:
    with pytest.raises(ValueError, match="most: expected an integer"):
        routes_graph([], most=most)  # type: ignore[arg-type]  # what a caller without a checker can give
