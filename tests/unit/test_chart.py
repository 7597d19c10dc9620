import importlib
import sys

import pytest
from tests.meshes import HOST as WEB
from tests.meshes import on_two_nodes

from meshtier.component import Component
from meshtier.errors import MissingExtraError
from meshtier.kube import load

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


def test_without_altair_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    monkeypatch.delitem(sys.modules, "meshtier.display.chart")
    with pytest.raises(MissingExtraError, match=r"pip install 'meshtier\[plot\]'"):
        importlib.import_module("meshtier.display.chart")
