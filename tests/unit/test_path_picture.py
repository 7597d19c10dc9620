from pathlib import Path

import pytest
from tests.meshes import HOST, on_two_nodes, one_cluster, pod
from tests.pictures import HOSTILE, SVG, balanced_dot, balanced_mermaid, drawn, inside, texts, without_resources

from meshtier.component import Component
from meshtier.display.path_picture import route_chart
from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError
from meshtier.kube import load
from meshtier.locality import Locality
from meshtier.mesh import Route
from meshtier.simulate.picture import RED


def sick() -> Route:
    mesh = one_cluster([pod("a"), pod("b", health=Health.UNHEALTHY), pod("c", Locality("net-e", "re", "b"))])
    return mesh.route("client", HOST, component=Component.WAYPOINT)


def test_the_cards_say_what_each_endpoint_gets() -> None:
    said = texts(route_chart(sick()).to_svg())
    assert said[0] == f"{HOST} from Pod east/shop/client"
    assert {"client", "endpoints", "b", "0 % P0 unhealthy"} <= set(said)


def test_each_band_says_what_goes_there() -> None:
    graph = route_chart(on_two_nodes().route("client", "web"))
    hints = [each.findtext(f"{SVG}title") for each in drawn(graph.to_svg()).iter(f"{SVG}path")]
    assert sorted(filter(None, hints)) == [
        "client → w1: 33.3 %",
        "client → w2: 33.3 %",
        "client → w3: 33.3 %",
        "w1 → x: 33.3 %",
        "w2 → x: 33.3 %",
        "w3 → y: 33.3 %",
    ]


def test_unhealthy_idle_and_excluded_cards_have_outlines_of_their_own() -> None:
    def outline(route: Route, name: str) -> tuple[str | None, ...]:
        for each in drawn(route_chart(route).to_svg()).iter(f"{SVG}rect"):
            if (each.findtext(f"{SVG}title") or "").startswith(name):
                return each.get("stroke"), each.get("stroke-dasharray"), (each.get("fill") or "")[:5]
        raise AssertionError(name)

    mesh = one_cluster(
        [pod("a"), pod("b", health=Health.UNHEALTHY), pod("c", Locality("net-e", "re", "b"))], spec="PreferClose"
    )
    at_waypoint = mesh.route("client", HOST, component=Component.WAYPOINT)
    at_ztunnel = mesh.route("client", HOST, component=Component.ZTUNNEL)
    assert outline(at_waypoint, "b,") == (RED, None, "url(#")
    assert outline(at_ztunnel, "b,") == ("currentColor", "1 3", "")
    assert outline(at_ztunnel, "c,")[1] == "4 3"
    assert outline(at_ztunnel, "a,")[1] is None


def test_every_answer_of_the_examples_can_be_drawn_within_its_picture() -> None:
    for source in ("examples/bookinfo/gateways", "examples/guides/ztunnel/cluster.yaml", "examples/failover"):
        for route in load(source).routes():
            inside(route_chart(route).to_svg())


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_a_picture(name: str) -> None:
    evil = pod("x", Locality("net-e", name, name), labels={"app": name})
    picture = route_chart(one_cluster([evil], annotation=name).route("client", HOST))
    inside(picture.to_svg())
    without_resources(picture.to_html())
    balanced_mermaid(picture.to_mermaid())
    balanced_dot(picture.to_dot())


def test_a_picture_shows_itself_in_a_notebook_and_has_one_line_elsewhere() -> None:
    picture = route_chart(sick())
    assert picture._repr_html_() == picture.to_svg()
    assert repr(picture) == f"<Picture {HOST} from Pod east/shop/client: 4 nodes>"


@pytest.mark.parametrize(
    ("name", "begins"),
    [("x.svg", "<svg "), ("x.html", "<!DOCTYPE html>"), ("x.mmd", "---\n"), ("x.dot", "digraph "), ("X.SVG", "<svg ")],
)
def test_a_picture_is_saved_in_the_form_of_its_suffix(tmp_path: Path, name: str, begins: str) -> None:
    route_chart(sick()).save(tmp_path / name)
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)


def test_a_picture_in_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"path: expected a name that ends in \.svg, .*, got '.*x\.png'"):
        route_chart(sick()).save(str(tmp_path / "x.png"))


def test_the_picture_is_the_same_each_time_and_two_of_a_page_do_not_share_a_pattern() -> None:
    one, other = route_chart(sick()).to_svg(), route_chart(on_two_nodes().route("client", "web")).to_svg()
    assert route_chart(sick()).to_svg() == one
    assert one.partition('pattern id="')[2][:24] != other.partition('pattern id="')[2][:24]
