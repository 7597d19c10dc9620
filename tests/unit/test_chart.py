import importlib
import sys

import pytest
from tests.meshes import HOST as WEB
from tests.meshes import on_two_nodes
from tests.timelines import HOME, failover, stretch, timeline

from meshtier.component import Component
from meshtier.errors import MissingExtraError
from meshtier.kube import load
from meshtier.simulate.picture import colours_of

pytest.importorskip("altair")
chart = importlib.import_module("meshtier.display.chart")
HOST = "productpage.bookinfo.mesh.internal"


def test_every_endpoint_has_its_bar() -> None:
    route = load("examples/bookinfo/gateways").route("curl-east", HOST, component=Component.ZTUNNEL)
    rows = chart.route_chart(route).to_dict()["data"]["values"]
    assert {row["endpoint"]: row["share"] for row in rows} == dict(route.shares)
    assert {row["tier"] for row in rows} == {"P0", "P1", "excluded: not healthy"}


def test_what_only_another_waypoint_pod_can_choose_has_its_bar() -> None:
    route = on_two_nodes().route("client", WEB, component=Component.WAYPOINT)
    rows = chart.route_chart(route).to_dict()["data"]["values"]
    assert {row["endpoint"]: row["tier"] for row in rows} == {"east/shop/x": "P0", "east/shop/y": "at another pod"}
    assert sum(row["traffic"] for row in chart.flow_chart([route]).to_dict()["data"]["values"]) == pytest.approx(1)


def test_the_flow_between_zones_adds_up_to_the_routes_that_are_answered() -> None:
    mesh = load("examples/bookinfo/gateways")
    routes = list(mesh.routes(hosts=[HOST]))
    rows = chart.flow_chart(routes).to_dict()["data"]["values"]
    assert sum(row["traffic"] for row in rows) == pytest.approx(len(routes))
    assert {row["from"].partition("/")[0] for row in rows} == {"us-east", "us-west"}


def test_the_shares_of_a_timeline_are_steps_that_add_up_with_what_is_lost() -> None:
    found = timeline(stretch(0, 10, HOME), stretch(10, 20, {"a1": 0.25, "b1": 0.25}, {"b1": 0.25}, lost=0.5))
    shares, errors = chart.timeline_chart(found).to_dict()["vconcat"]
    assert [(row["at"], row["zone"], row["share"]) for row in shares["data"]["values"]] == [
        (0, "re/a", 1.0),
        (0, "re/b", 0.0),
        (0, "(no endpoint)", 0.0),
        (10, "re/a", 0.25),
        (10, "re/b", 0.25),
        (10, "(no endpoint)", 0.5),
        (20, "re/a", 0.25),
        (20, "re/b", 0.25),
        (20, "(no endpoint)", 0.5),
    ]
    assert shares["mark"] == {"type": "area", "interpolate": "step-after"}
    assert [(row["at"], row["fails"]) for row in errors["data"]["values"]] == [(0, 0), (10, 0.75), (20, 0.75)]


def test_the_ejections_of_a_timeline_are_bars_by_endpoint() -> None:
    *_, ejections = chart.timeline_chart(failover()).to_dict()["vconcat"]
    (row,) = ejections["data"]["values"]
    assert row == {"endpoint": "a1", "zone": "re/a", "by": "shop/waypoint-1", "at": 11, "end": 40}
    nothing = chart.timeline_chart(timeline(stretch(0, 10, HOME))).to_dict()["vconcat"]
    assert len(nothing) == 2
    assert {row["zone"] for row in nothing[0]["data"]["values"]} == {"re/a"}


def test_the_chart_of_a_timeline_has_the_colours_of_its_picture() -> None:
    shares, *_ = chart.timeline_chart(failover()).to_dict()["vconcat"]
    scale = shares["encoding"]["color"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == colours_of(failover())


def test_without_altair_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    monkeypatch.delitem(sys.modules, "meshtier.display.chart")
    with pytest.raises(MissingExtraError, match=r"pip install 'meshtier\[plot\]'"):
        importlib.import_module("meshtier.display.chart")
