import pytest
from attrs import evolve
from tests.meshes import EAST, cluster, gateway, one_cluster, pod, service, two_clusters
from tests.pictures import HOSTILE, balanced_dot, balanced_mermaid, drawn, inside, texts, without_resources

from meshtier.display.graph import Kind, Standing
from meshtier.display.topology import topology
from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError
from meshtier.kube import load
from meshtier.locality import Locality
from meshtier.mesh import Mesh

WEST = Locality("net-w", "rw", "c")


def two() -> Mesh:
    remote = evolve(gateway(WEST, leads_to="west"), addresses=("10.0.0.1",))
    own = evolve(gateway(WEST, leads_to="", remote=False, name="eastwest"), addresses=("10.0.0.1",))
    return two_clusters(
        east_pods=[pod("a"), pod("b", health=Health.UNHEALTHY)],
        west_pods=[pod("z", WEST, cluster="west", health=Health.UNHEALTHY)],
        gateways=[remote],
        west_gateways=[own],
    )


def test_each_cluster_has_its_zones_and_gateways() -> None:
    graph = topology(two()).graph
    assert graph.title == "2 clusters, 2 networks"
    assert [(node.group, *node.lines) for node in graph.nodes] == [
        ("cluster east, network net-e", "re/a", "3 pods", "1 not ready"),
        ("cluster east, network net-e", "peer", "leads to west"),
        ("cluster west, network net-w", "rw/c", "2 pods", "1 not ready"),
        ("cluster west, network net-w", "eastwest", "lets others in"),
    ]
    names = {node.key: node.lines[0] for node in graph.nodes}
    assert [(names[link.source], names[link.target]) for link in graph.links] == [("peer", "eastwest")]


def test_a_zone_in_which_no_pod_is_ready_and_one_without_pods_look_different() -> None:
    made = cluster(
        [pod("a", health=Health.UNHEALTHY), pod("vm", Locality("net-e", "re", "v"), kind="WorkloadEntry")],
        [],
        nodes=[EAST, Locality("net-e", "re", "b", "", "n2")],
    )
    nodes = topology(Mesh((made,))).graph.nodes
    assert [(node.lines, node.standing) for node in nodes] == [
        (("re/a", "1 pod", "1 not ready", "1 node"), Standing.UNHEALTHY),
        (("re/b", "no pods", "1 node"), Standing.IDLE),
        (("re/v", "no pods", "1 other workload"), Standing.SERVES),
    ]


def test_an_entry_that_stands_for_another_cluster_is_no_workload_here() -> None:
    entry = pod("z", WEST, kind="WorkloadEntry", remote_cluster="west")
    assert [node.lines[0] for node in topology(Mesh((cluster([pod("a"), entry], []),))).graph.nodes] == ["re/a"]


def test_a_zone_in_another_network_than_its_cluster_says_so() -> None:
    nodes = topology(Mesh((cluster([pod("a", WEST)], []),))).graph.nodes
    assert nodes[0].lines == ("rw/c", "1 pod", "network net-w")


def test_zones_and_clusters_beyond_the_limit_are_counted() -> None:
    pods = [pod(f"p{i}", Locality("net-e", "re", f"z{i:02}")) for i in range(30)]
    nodes = topology(one_cluster(pods)).graph.nodes
    assert len(nodes) == 13
    assert (nodes[-1].lines, nodes[-1].kind) == (("… and 19 more zones", "19 pods"), Kind.REST)
    many = Mesh(cluster([pod("a", cluster=f"c{i:02}")], [], name=f"c{i:02}") for i in range(20))
    assert topology(many).graph.nodes[-1].lines == ("… and 8 more clusters",)


def test_clusters_of_one_network_have_one_colour() -> None:
    made = [
        cluster([pod("a", cluster=name)], [service([])], name=name, network=net) for name, net in ("an", "bm", "cn")
    ]
    stripes = [
        each.get("fill")
        for each in drawn(topology(Mesh(made)).to_svg()).iter()
        if each.get("width") == "5" and each.get("height")
    ]
    assert len(stripes) == 3
    assert len(set(stripes)) == 2


def test_the_picture_says_it_all_and_keeps_within_its_bounds() -> None:
    for source in ("examples/bookinfo/gateways", "examples/guides/ztunnel/cluster.yaml", "examples/failover"):
        picture = topology(load(source))
        inside(picture.to_svg())
        assert picture.graph.title in texts(picture.to_svg())


def test_an_empty_mesh_can_be_drawn() -> None:
    assert texts(topology(Mesh(())).to_svg()) == ["0 clusters, 0 networks"]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_a_picture(name: str) -> None:
    made = cluster(
        [pod("a", Locality(name, name, name))], [], name=name, network=name, gateways=[gateway(WEST, leads_to=name)]
    )
    picture = topology(Mesh((made,)))
    inside(picture.to_svg())
    without_resources(picture.to_html())
    balanced_mermaid(picture.to_mermaid())
    balanced_dot(picture.to_dot())


def test_what_is_no_mesh_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="mesh: expected a Mesh"):
        topology("mesh")  # type: ignore[arg-type]  # what a caller without a checker can give
