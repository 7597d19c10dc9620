import importlib
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.meshes import HOST as WEB
from tests.meshes import on_two_nodes, one_cluster, pod
from tests.pictures import HOSTILE
from tests.timelines import HOME, failover, stretch, timeline

from meshtier.component import Component
from meshtier.display import path_picture
from meshtier.endpoint import Health
from meshtier.errors import MissingExtraError
from meshtier.kube import load
from meshtier.locality import Locality
from meshtier.simulate.picture import RED, colours_of

pytest.importorskip("altair")
pytest.importorskip("vl_convert")
chart = importlib.import_module("meshtier.display.chart")
HOST = "productpage.bookinfo.mesh.internal"


def rows_of(drawn: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = drawn.to_dict()["data"]["values"]
    return rows


def test_every_endpoint_has_its_bar() -> None:
    route = load("examples/bookinfo/gateways").route("curl-east", HOST, component=Component.ZTUNNEL)
    rows = rows_of(chart.shares_chart(route))
    assert {row["endpoint"]: row["share"] for row in rows} == dict(route.shares)
    assert {row["tier"] for row in rows} == {"P0", "P1", "excluded: not healthy"}
    assert [row["words"] for row in rows if row["standing"] == "excluded"] == ["excluded: not healthy"]


def test_an_unhealthy_endpoint_at_an_envoy_says_so() -> None:
    route = one_cluster([pod("a"), pod("b", health=Health.UNHEALTHY)]).route(
        "client", WEB, component=Component.WAYPOINT
    )
    assert [(row["name"], row["words"], row["standing"]) for row in rows_of(chart.shares_chart(route))] == [
        ("a", "100 %", "serves"),
        ("b", "0 % unhealthy", "unhealthy"),
    ]


def test_what_only_another_waypoint_pod_can_choose_has_its_bar() -> None:
    route = on_two_nodes().route("client", WEB, component=Component.WAYPOINT)
    rows = rows_of(chart.shares_chart(route))
    assert {row["endpoint"]: row["tier"] for row in rows} == {"east/shop/x": "P0", "east/shop/y": "at another pod"}
    assert sum(row["traffic"] for row in rows_of(chart.flow_chart([route]))) == pytest.approx(1)


def test_the_last_of_many_endpoints_have_one_bar() -> None:
    route = one_cluster([pod(f"p{i:02}") for i in range(40)]).route("client", WEB)
    rows = rows_of(chart.shares_chart(route))
    assert len(rows) == 31
    assert (rows[-1]["name"], rows[-1]["words"]) == ("… and 10 more", "25 %")
    assert sum(row["share"] for row in rows) == pytest.approx(1)


def test_labels_of_long_names_are_distinct_and_not_cut_by_altair() -> None:
    long = "productpage-of-the-whole-bookstore-v1-7b9c5d4f68"
    route = one_cluster([pod(f"{long}-{end}") for end in ("tw2lj", "k4xzp")]).route("client", WEB)
    drawn = chart.shares_chart(route).to_dict()
    names = [row["name"] for row in drawn["data"]["values"]]
    assert len(set(names)) == 2
    assert all(len(name) <= 36 for name in names)
    assert {layer["encoding"]["y"].get("axis", {}).get("labelLimit") for layer in drawn["layer"]} == {0}
    svg = chart.shares_chart(route).to_svg()
    assert all(name in svg for name in names)


def test_the_flow_between_zones_adds_up_to_the_routes_that_are_answered() -> None:
    mesh = load("examples/bookinfo/gateways")
    routes = list(mesh.routes(hosts=[HOST]))
    rows = rows_of(chart.flow_chart(routes))
    assert sum(row["traffic"] for row in rows) == pytest.approx(len(routes))
    assert {row["from"] for row in rows} == {"us-east-a", "us-east-b", "us-west-a", "us-west-b"}


def test_every_pair_of_zones_has_its_number_and_nothing_is_white() -> None:
    mesh = one_cluster([pod("a"), pod("b", Locality("net-e", "re", "b"))], spec="PreferClose")
    drawn = chart.flow_chart(mesh.routes(hosts=[WEB])).to_dict()
    assert [(row["from"], row["to"], row["number"]) for row in drawn["data"]["values"]] == [
        ("re/a", "re/a", "1"),
        ("re/a", "re/b", "0"),
        ("re/b", "re/a", "0"),
        ("re/b", "re/b", "1"),
    ]
    scale = drawn["layer"][0]["encoding"]["color"]["scale"]
    assert (scale["domain"][0], scale["range"][0], scale["interpolate"]) == (0, "#ffffff", "rgb")
    svg = chart.flow_chart(mesh.routes(hosts=[WEB])).to_svg()
    assert svg.count('fill="rgb(255, 255, 255)"') == 2
    assert svg.count('fill="rgb(0, 114, 178)"') == 2


def test_zones_with_the_least_traffic_are_taken_together() -> None:
    pods = [pod(f"p{i}", Locality("net-e", "re", f"z{i:02}")) for i in range(30)]
    rows = rows_of(chart.flow_chart(one_cluster(pods, spec="PreferClose").routes(), most=5))
    assert {row["to"] for row in rows} == {row["from"] for row in rows}
    assert len({row["to"] for row in rows}) == 6
    assert sum(row["traffic"] for row in rows) == pytest.approx(31)


def test_a_client_of_which_nothing_arrives_has_a_row() -> None:
    mesh = one_cluster([pod("b", Locality("net-e", "re", "b"))], local=True)
    assert {row["from"]: row["number"] for row in rows_of(chart.flow_chart([mesh.route("client", WEB)]))} == {
        "re/a": "0"
    }


def test_as_each_zone_goes_the_next_tier_takes_over() -> None:
    pods = [pod(name, Locality("net-e", region, zone)) for name, region, zone in (("a", "re", "b"), ("b", "rw", "c"))]
    mesh = one_cluster(pods, annotation="PreferRegion")
    rows = rows_of(chart.failover_chart(mesh, "client", WEB))
    assert [(row["gone"], row["zone"], row["words"], row["tier"]) for row in rows] == [
        ("(nothing)", "re/b", "P0 100 %", "P0"),
        ("re/a", "(client is gone)", "client is gone", "(client is gone)"),
        ("re/b", "rw/c", "P1 100 %", "P1"),
        ("rw/c", "re/b", "P0 100 %", "P0"),
    ]


def test_what_is_lost_as_a_zone_goes_has_a_column() -> None:
    mesh = one_cluster([pod("b", Locality("net-e", "re", "b"))])
    rows = rows_of(chart.failover_chart(mesh, "client", WEB))
    assert [(row["zone"], row["words"]) for row in rows if row["gone"] == "re/b"] == [("(no endpoint)", "100 % lost")]
    scale = chart.failover_chart(mesh, "client", WEB).to_dict()["layer"][0]["encoding"]["color"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True))["(no endpoint)"] == RED


def test_of_many_zones_those_that_change_something_are_shown() -> None:
    pods = [pod("a"), *(pod(f"z{i}", Locality("net-e", "re", f"z{i:02}")) for i in range(40))]
    drawn = chart.failover_chart(one_cluster(pods, spec="PreferClose"), "client", WEB).to_dict()
    assert {row["gone"] for row in drawn["data"]["values"]} == {"(nothing)", "re/a"}
    assert drawn["title"]["text"][1] == "40 more zones are not shown"


def everything() -> dict[str, Any]:
    mesh = load("examples/bookinfo/gateways")
    route = mesh.route("curl-east", HOST)
    return {
        "shares": chart.shares_chart(route),
        "flow": chart.flow_chart(mesh.routes(hosts=[HOST])),
        "failover": chart.failover_chart(mesh, "curl-east", HOST),
        "timeline": chart.timeline_chart(failover()),
    }


@pytest.mark.parametrize("name", everything())
def test_a_chart_shows_itself_as_a_picture_that_loads_nothing(name: str) -> None:
    bundle = everything()[name]._repr_mimebundle_()
    assert set(bundle) == {"image/svg+xml", "text/plain"}
    ET.fromstring(bundle["image/svg+xml"])  # noqa: S314  # what was drawn a moment ago
    assert set(re.findall(r"https?://[^\"' )]*", bundle["image/svg+xml"])) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "<script" not in bundle["image/svg+xml"]
    assert len(bundle["text/plain"]) < 120


@pytest.mark.parametrize("name", ["shares", "timeline"])
def test_a_saved_page_holds_all_that_it_needs(tmp_path: Path, name: str) -> None:
    everything()[name].save(tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert not re.search(r"<script[^>]*\ssrc=|<link[^>]*\shref=", page)
    assert 100_000 < len(page) < 1_500_000  # the library that draws is in it


def test_a_chart_is_saved_as_a_picture_by_its_suffix(tmp_path: Path) -> None:
    drawn = everything()["flow"]
    drawn.save(str(tmp_path / "x.svg"))
    drawn.save(tmp_path / "x.png")
    saved, shown = (tmp_path / "x.svg").read_text(encoding="utf-8"), drawn.to_svg()
    assert re.sub(r"gradient_\d+", "", saved) == re.sub(r"gradient_\d+", "", shown)
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_no_setting_of_altair_is_changed_and_one_that_is_chosen_holds() -> None:
    import altair as alt

    assert alt.renderers.active == "default"
    drawn = everything()["flow"]
    with alt.renderers.enable("json"):
        assert "application/json" in str(drawn._repr_mimebundle_())
    assert set(drawn._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}


def test_a_chart_that_is_changed_stays_one_that_needs_no_network() -> None:
    drawn = everything()["flow"].properties(title="mine")
    assert set(drawn._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    assert "mine" in drawn.to_svg()


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_a_chart(name: str) -> None:
    evil = pod("x", Locality("net-e", name, name), labels={"app": name})
    mesh = one_cluster([evil], annotation=name)
    for drawn in (chart.shares_chart(mesh.route("client", WEB)), chart.failover_chart(mesh, "client", WEB)):
        ET.fromstring(drawn.to_svg())  # noqa: S314  # what was drawn a moment ago
        assert "<script" not in drawn.to_svg()


def test_the_pictures_without_altair_have_their_names_here_too() -> None:
    assert chart.route_chart is path_picture.route_chart
    assert chart.topology.__module__ == "meshtier.display.topology"


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


@pytest.mark.parametrize("missing", ["altair", "vl_convert"])
def test_without_its_packages_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    for name in ("chart", "offline_chart", "failover_chart", "route_charts", "timeline_chart"):
        monkeypatch.delitem(sys.modules, f"meshtier.display.{name}", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'meshtier\[plot\]'"):
        importlib.import_module("meshtier.display.chart")
