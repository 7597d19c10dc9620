"""Several routes beside each other, as text and in a notebook."""

from html.parser import HTMLParser
from typing import Any

import pytest
from tests.meshes import (
    EAST,
    GLOBAL_HOST,
    HOST,
    cluster,
    gateway,
    one_cluster,
    pod,
    rule,
    service,
    two_clusters,
    waypoint_pod,
)

from meshtier.component import Component
from meshtier.display.side_by_side import side_by_side
from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError
from meshtier.locality import Locality
from meshtier.mesh import Mesh, Route

FAR = Locality("net-e", "re", "b", "", "e-b1")
FARTHER = Locality("net-e", "re", "c", "", "e-c1")
PREFER_ZONE = {"enabled": True, "failoverPriority": ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"]}


def close() -> Mesh:
    """near is in the client's zone, and far in another one."""
    return one_cluster([pod("near"), pod("far", FAR)], spec="PreferClose")


def ask(mesh: Mesh, host: str = HOST) -> Route:
    return mesh.route("client", host)


def table(**routes: Route) -> list[tuple[object, ...]]:
    return [tuple(row) for row in side_by_side(routes).to_table().rows]


def test_each_route_is_a_column_and_each_endpoint_a_row() -> None:
    shown = side_by_side({"now": ask(close()), "then": ask(close())}).to_table()
    assert list(shown.columns) == ["endpoint", "where", "now", "then"]
    assert [row[:2] for row in shown.rows] == [("far", "re/b"), ("near", "re/a")]


def test_a_share_comes_with_its_tier() -> None:
    assert table(now=ask(close())) == [("far", "re/b", "0 % P1"), ("near", "re/a", "100 % P0")]


def test_what_is_gone_in_one_case_is_a_dash_there() -> None:
    mesh = close()
    assert table(now=ask(mesh), then=ask(mesh.without(workload="near"))) == [
        ("far", "re/b", "0 % P1", "100 % P1"),
        ("near", "re/a", "100 % P0", "-"),
    ]


def test_an_endpoint_that_can_get_nothing_says_why_and_has_no_tier() -> None:
    sick = close().with_health("near", Health.UNHEALTHY)
    assert table(then=ask(sick))[1] == ("near", "re/a", "0 % not healthy")


def test_health_stands_beside_the_tier_where_the_component_keeps_the_endpoint() -> None:
    mesh = one_cluster([pod("near"), pod("far", FAR)], rules=[rule(PREFER_ZONE)])
    sick = mesh.with_health("near", Health.UNHEALTHY).route("client", HOST, component=Component.WAYPOINT)
    assert table(then=sick) == [("far", "re/b", "100 % P1"), ("near", "re/a", "0 % P0 unhealthy")]


def test_what_is_lost_has_a_row_in_which_the_other_cases_lose_nothing() -> None:
    mesh = close()
    none = mesh.with_health("near", Health.UNHEALTHY).with_health("far", Health.UNHEALTHY)
    assert table(now=ask(mesh), none=ask(none))[-1] == ("lost", "", "0 %", "100 %")
    assert [row[0] for row in table(now=ask(mesh))] == ["far", "near"]


def by_waypoints(*places: Locality) -> Route:
    """The client's zone has no pod of the waypoint; near, far and farther have one endpoint each."""
    web = [pod("near"), pod("far", FAR), pod("farther", FARTHER)]
    ways = [waypoint_pod(f"w{number}", place) for number, place in enumerate(places)]
    made = [service(web, waypoint="shop/wp"), service(ways, name="wp", annotation="PreferClose")]
    return ask(Mesh((cluster([pod("client"), *web, *ways], made, rules=[rule(PREFER_ZONE)]),)))


def test_each_endpoint_is_in_the_tier_of_the_waypoint_pod_that_picks_it() -> None:
    # One pod of the waypoint picks far and the other farther; to each of them the other's choice is P1.
    assert table(here=by_waypoints(FAR, FARTHER)) == [
        ("far", "re/b", "50 % P0"),
        ("farther", "re/c", "50 % P0"),
        ("near", "re/a", "0 % P1"),
    ]


def test_tiers_that_differ_from_pod_to_pod_are_all_named_where_nobody_picks() -> None:
    other_region = Locality("net-e", "rw", "d", "", "w-d1")
    web = [pod("near"), pod("far", FAR), pod("away", other_region)]
    ways = [waypoint_pod("w0", FAR), waypoint_pod("w1", EAST._replace(node="e-a2"))]
    made = [service(web, waypoint="shop/wp"), service(ways, name="wp")]
    mesh = Mesh((cluster([pod("client"), *web, *ways], made, rules=[rule(PREFER_ZONE)]),))
    sick = mesh.with_health("near", Health.UNHEALTHY)
    # To the pod beside it near is in P0, to the other one in P1; it is not healthy, so both send to far.
    assert table(here=ask(sick)) == [
        ("away", "rw/d", "0 % P2"),
        ("far", "re/b", "100 % P0, P1"),
        ("near", "re/a", "0 % P0, P1 unhealthy"),
    ]


def across(*far: str) -> Mesh:
    away = Locality("net-w", "rw", "c", "", "w-c1")
    return two_clusters(
        east_pods=[pod("x")],
        west_pods=[pod(name, away, cluster="west") for name in far],
        gateways=[gateway(away, leads_to="west")],
        west_gateways=[gateway(away, leads_to="west", remote=False)],
    )


def test_what_is_behind_a_gateway_has_the_tier_of_its_network_endpoint() -> None:
    mesh = across("y").with_health("east/shop/x", Health.UNHEALTHY)
    assert [row[::2] for row in table(then=ask(mesh, GLOBAL_HOST))] == [("x", "0 % not healthy"), ("y", "100 % P1")]


def test_names_are_short_unless_two_clusters_have_the_same() -> None:
    assert [row[0] for row in table(now=ask(across("y"), GLOBAL_HOST))] == ["x", "y"]
    assert [row[0] for row in table(now=ask(across("x"), GLOBAL_HOST))] == ["east/shop/x", "west/shop/x"]


class _Cells(HTMLParser):
    """The text of each cell and the length of its bar, which is ``""`` without one."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= {"style"}
        self.tags.add(tag)
        if tag in {"td", "th"}:
            _, _, gradient = str(dict(attrs)["style"]).partition("0.35) ")
            self.found.append(("", gradient.partition(",")[0]))

    def handle_data(self, data: str) -> None:
        text, bar = self.found[-1]
        self.found[-1] = text + data, bar


def cells(html: str) -> _Cells:
    parser = _Cells()
    parser.feed(html)
    parser.close()
    return parser


def test_in_a_notebook_a_share_is_a_bar_as_long_as_it_is() -> None:
    three = one_cluster([pod("a"), pod("b"), pod("c")])
    html = side_by_side({"now": ask(three), "then": ask(three.without(workload="c"))})._repr_html_()
    assert cells(html).found[4:] == [
        *(("a", ""), ("re/a", ""), ("33.3 % P0", "33.3%"), ("50 % P0", "50.0%")),
        *(("b", ""), ("re/a", ""), ("33.3 % P0", "33.3%"), ("50 % P0", "50.0%")),
        *(("c", ""), ("re/a", ""), ("33.3 % P0", "33.3%"), ("-", "")),
    ]


def test_what_is_lost_has_a_bar_of_another_colour() -> None:
    html = side_by_side({"none": ask(close().with_health("near", Health.UNHEALTHY).without(workload="far"))}).to_html()
    assert html.count("linear-gradient") == 1
    assert "rgba(220, 60, 60, 0.4) 100.0%" in html


def test_the_html_holds_no_more_than_a_table_and_names_cannot_change_it() -> None:
    evil = '<script>alert("x")</script>&'
    found = cells(side_by_side({evil: ask(close())}).to_html())
    assert found.tags == {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert found.found[2] == (evil, "")


def test_the_value_is_one_line() -> None:
    route = ask(close())
    assert repr(side_by_side({"now": route, "then": route})) == f"<SideBySide now: {route!r}, then: {route!r}>"


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        ({}, "routes: expected at least one route, got none"),
        ({1: None}, "routes: expected routes by what they are called, got 1"),
        ({"now": 1}, "routes['now']: expected a Route, got 1"),
        ([], "routes: expected routes by what they are called, got []"),
        (None, "routes: expected routes by what they are called, got None"),
    ],
    ids=["none", "no-name", "no-route", "list", "null"],
)
def test_what_is_no_route_is_refused(routes: Any, message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        side_by_side(routes)
    assert str(caught.value) == message
