"""In a notebook: one stable line for reading, and HTML that cannot run anything."""

from html.parser import HTMLParser
from typing import Protocol

import pytest
from tests.meshes import HOST, one_cluster, pod, rule, two_clusters

from meshtier.component import Component
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint
from meshtier.locality import Locality
from meshtier.mesh import Mesh
from meshtier.precedence import resolve
from meshtier.ranking import rank

CLIENT = "Pod east/shop/client"
EVIL = '<script>alert("x")</script>&'


class Shown(Protocol):
    def _repr_html_(self) -> str: ...


def mesh() -> Mesh:
    return one_cluster([pod("a"), pod("b", Locality("net-e", "re", "b"))], spec="PreferClose", rules=[rule()])


def values() -> dict[str, tuple[Shown, str]]:
    here = Locality("net-e", "re", "a")
    route = mesh().route("client", HOST)
    return {
        "Route": (
            route,
            f"<Route {HOST} from {CLIENT} by ztunnel under solo: PreferSameZone: P0 100 % of 1, P1 0 % of 1>",
        ),
        "Mesh": (mesh(), "<Mesh east: 1 services, 3 workloads>"),
        "Ranking": (
            rank(here, [Endpoint("x", here)], TrafficDistribution.PREFER_SAME_ZONE),
            "<Ranking PreferSameZone from network=net-e re/a: P0: 1>",
        ),
        "Resolution": (
            resolve(spec="PreferClose", service_annotation="PreferRegion"),
            "<Resolution PreferSameZone by Service spec.trafficDistribution: PreferClose; overrides 1>",
        ),
    }


@pytest.mark.parametrize("name", values())
def test_a_value_is_one_stable_line(name: str) -> None:
    value, line = values()[name]
    assert repr(value) == line
    assert repr(values()[name][0]) == line


class _Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= {"style"}
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def checked(html: str) -> set[str]:
    parser = _Balanced()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.seen


@pytest.mark.parametrize("name", values())
def test_the_html_is_well_formed_and_without_scripts(name: str) -> None:
    seen = checked(values()[name][0]._repr_html_())
    assert "table" in seen
    assert "script" not in seen


def test_the_reasoning_on_an_endpoint_is_html_too() -> None:
    assert "td" in checked(mesh().route("client", HOST).why("b")._repr_html_())


@pytest.mark.parametrize("component", Component)
def test_whatever_the_input_holds_is_escaped(component: Component) -> None:
    evil = pod(EVIL, Locality("net-e", EVIL, "a"), labels={"app": EVIL})
    route = one_cluster([evil], annotation=EVIL).route("client", HOST, component=component)
    for html in (route._repr_html_(), route.resolution._repr_html_(), route.why(EVIL)._repr_html_()):
        assert "script" not in checked(html)
        assert "&lt;script&gt;" in html


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\x1b[31mred"], ids=["newline", "return", "escape"])
def test_a_line_stays_one_line_whatever_the_input_holds(text: str) -> None:
    route = one_cluster([pod("a")], annotation=text).route("client", HOST)
    for value in (route, route.resolution, route.shares):
        line = repr(value)
        assert line.isprintable(), line


def test_an_empty_mesh_and_an_empty_service_can_be_shown() -> None:
    assert repr(Mesh(())) == "<Mesh empty>"
    assert "table" in checked(Mesh(())._repr_html_())
    route = one_cluster([]).route("client", HOST)
    assert "no endpoint" in repr(route)
    assert "no tier holds an endpoint" in route._repr_html_()
    assert "table" not in checked(route._repr_html_())


def test_a_mesh_of_several_clusters_names_them() -> None:
    assert repr(two_clusters()) == "<Mesh east: 1 services, 1 workloads, west: 1 services, 1 workloads>"
