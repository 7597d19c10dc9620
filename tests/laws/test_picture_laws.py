"""Laws of pictures: whatever names hold, they are text; and what goes in comes out."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from tests.meshes import EAST, cluster, gateway, pod, service
from tests.pictures import HOSTILE, SVG, balanced_dot, balanced_mermaid, drawn, inside, without_resources

from meshtier.component import Component
from meshtier.display.graph import Graph, Kind, Link, Node, Standing
from meshtier.display.graph_text import to_dot, to_mermaid
from meshtier.display.path_graph import path_graph
from meshtier.display.path_picture import route_chart
from meshtier.display.routes_graph import routes_graph
from meshtier.display.short_names import short_names, zone_names, zone_of
from meshtier.display.topology import topology
from meshtier.endpoint import Health
from meshtier.locality import Locality
from meshtier.mesh import Mesh

# Letters that languages of pictures give a meaning, more often than chance would.
LETTERS = st.one_of(st.sampled_from("<>&\"'`#;%{}[]()|\\/*_~-=:@$\n\r\t\x00\x1b"), st.characters())
NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(LETTERS, min_size=1, max_size=30))
PLACES = st.builds(Locality, st.sampled_from(["", "net-e", "net-w"]), NAMES, st.one_of(st.just(""), NAMES))


@st.composite
def meshes(draw: st.DrawFn) -> Mesh:
    """One cluster with a client and pods whose places, cluster and setting hold anything."""
    name = draw(NAMES)
    places = draw(st.lists(st.one_of(st.just(EAST), PLACES), max_size=20))
    pods = [
        pod(f"p{number}", place, cluster=name, health=draw(st.sampled_from(Health)))
        for number, place in enumerate(places)
    ]
    mode = draw(st.sampled_from([None, "PreferClose", "PreferSameNode"]))
    web = service(
        pods, cluster=name, spec=mode, annotation=draw(st.one_of(st.none(), NAMES)), local=draw(st.booleans())
    )
    gates = [gateway(draw(PLACES), leads_to=draw(NAMES), remote=draw(st.booleans()))]
    made = cluster([pod("client", cluster=name), *pods], [web], name=name, network=draw(NAMES), gateways=gates)
    return Mesh((made,))


COMPONENTS = st.sampled_from([Component.ZTUNNEL, Component.SIDECAR])


@given(mesh=meshes(), component=COMPONENTS, most=st.integers(2, 30))
def test_every_route_is_a_well_formed_picture_that_loads_nothing(mesh: Mesh, component: Component, most: int) -> None:
    picture = route_chart(mesh.route("client", "web", component=component), most=most)
    inside(picture.to_svg(), letter=6.0)
    without_resources(picture.to_html())
    balanced_mermaid(picture.to_mermaid())
    balanced_dot(picture.to_dot())


@given(mesh=meshes())
def test_every_mesh_is_a_well_formed_picture_that_loads_nothing(mesh: Mesh) -> None:
    picture = topology(mesh)
    inside(picture.to_svg(), letter=6.0)
    without_resources(picture.to_html())
    balanced_mermaid(picture.to_mermaid())
    balanced_dot(picture.to_dot())
    graph = routes_graph(mesh.routes())
    balanced_mermaid(to_mermaid(graph))
    balanced_dot(to_dot(graph))


@given(mesh=meshes(), component=COMPONENTS, most=st.integers(2, 30))
def test_what_comes_into_a_node_leaves_it_and_all_of_it_ends_somewhere(
    mesh: Mesh, component: Component, most: int
) -> None:
    route = mesh.route("client", "web", component=component)
    graph = path_graph(route, most=most)
    came: defaultdict[str, float] = defaultdict(float)
    left: defaultdict[str, float] = defaultdict(float)
    for link in graph.links:
        came[link.target] += link.share
        left[link.source] += link.share
    for node in graph.nodes:
        if node.column:
            assert abs(came[node.key] - node.share) < 1e-6
        if node.kind in (Kind.CHOOSER, Kind.GATEWAY):
            assert abs(left[node.key] - node.share) < 1e-6
    lost = sum(node.share for node in graph.nodes if node.standing is Standing.LOST)
    assert abs(lost - route.lost) < 1e-6
    assert len([node for node in graph.nodes if node.standing is not Standing.EXCLUDED]) <= most + 2


@given(names=st.lists(NAMES, unique=True, max_size=8), titles=NAMES)
def test_the_text_of_a_graph_has_a_node_for_each_node_whatever_they_are_called(names: list[str], titles: str) -> None:
    nodes = [Node(key=str(place), lines=(name, name), group=name) for place, name in enumerate(names)]
    links = [Link(source="0", target=str(place), text=name, share=0.5) for place, name in enumerate(names)]
    graph = Graph(title=titles, nodes=nodes, links=links)
    balanced_mermaid(to_mermaid(graph))
    balanced_dot(to_dot(graph))
    groups = len(set(names))
    assert len(to_mermaid(graph).splitlines()) == 4 + len(nodes) + 2 * groups + len(links)
    assert len(to_dot(graph).splitlines()) == 7 + len(nodes) + 3 * groups + len(links)


@given(names=st.lists(st.one_of(NAMES, st.text("ab/", min_size=1, max_size=200)), unique=True))
def test_names_that_print_differently_are_called_differently(names: list[str]) -> None:
    short = short_names(names)
    assert list(short) == names
    assert len(set(short.values())) == len(names)


@given(places=st.lists(PLACES))
def test_zones_have_names_of_their_own(places: list[Locality]) -> None:
    names = zone_names(places)
    assert set(names) == {zone_of(place) for place in places}
    assert len(set(names.values())) == len(names)


@given(mesh=meshes())
def test_a_picture_is_the_same_each_time(mesh: Mesh) -> None:
    route = mesh.route("client", "web", component=Component.SIDECAR)
    assert route_chart(route).to_svg() == route_chart(route).to_svg()
    assert drawn(route_chart(route).to_svg()).tag == f"{SVG}svg"
