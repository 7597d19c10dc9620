import importlib
import sys

import pytest
from tests.meshes import HOST as WEB
from tests.meshes import on_two_nodes

from meshtier.component import Component
from meshtier.errors import InvalidValueError, MissingExtraError
from meshtier.kube import load
from meshtier.mesh import Mesh

pd = pytest.importorskip("pandas")
pytest.importorskip("narwhals")
frames = importlib.import_module("meshtier.frames")

HOST = "productpage.bookinfo.mesh.internal"


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    return load("examples/bookinfo/gateways")


def test_every_tier_is_a_row(mesh: Mesh) -> None:
    frame = frames.tiers_frame([mesh.route("curl-east", HOST)])
    assert list(frame["tier"]) == [0, 1]
    assert list(frame["share"]) == [1.0, 0.0]
    assert list(frame["holds"]) == ["PreferNetwork", "PreferNetwork"]
    assert list(frame["zone"]) == ["us-east-b", "us-east-b"]


def test_a_route_without_a_tier_keeps_its_row(mesh: Mesh) -> None:
    frame = frames.tiers_frame([mesh.route("curl-east", "ratings")])
    assert list(frame["host"]) == ["ratings.bookinfo.svc.cluster.local"]
    assert frame["tier"].isna().all()


@pytest.mark.parametrize("component", Component, ids=str)
def test_no_endpoint_is_lost_and_the_shares_are_those_of_the_route(mesh: Mesh, component: Component) -> None:
    route = mesh.route("curl-east", HOST, component=component)
    frame = frames.endpoints_frame([route])
    assert dict(zip(frame["endpoint"], frame["share"], strict=True)) == dict(route.shares)


def test_an_excluded_endpoint_has_its_reason_and_no_tier(mesh: Mesh) -> None:
    frame = frames.endpoints_frame([mesh.route("curl-east", HOST, component=Component.ZTUNNEL)])
    (row,) = frame[frame["excluded"] != ""].to_dict("records")
    assert (row["excluded"], row["health"], row["share"]) == ("not healthy", "unhealthy", 0.0)
    assert pd.isna(row["tier"])


def test_what_only_another_waypoint_pod_can_choose_has_its_share_and_no_tier() -> None:
    frame = frames.endpoints_frame([on_two_nodes().route("client", WEB, component=Component.WAYPOINT)])
    assert list(frame["endpoint"]) == ["east/shop/x", "east/shop/y"]
    assert list(frame["share"]) == pytest.approx([2 / 3, 1 / 3])
    assert list(frame["tier"].isna()) == [False, True]
    assert list(frame["excluded"]) == ["", ""]


def test_a_whole_mesh_is_one_frame(mesh: Mesh) -> None:
    frame = frames.tiers_frame(mesh.routes())
    assert frame.groupby(["host", "client"]).ngroups == mesh.route_count()


def test_nothing_is_an_empty_frame_with_all_columns() -> None:
    assert "share" in frames.endpoints_frame([]).columns


def test_an_unknown_library_is_refused(mesh: Mesh) -> None:
    with pytest.raises(InvalidValueError, match="backend: expected an installed data frame library"):
        frames.tiers_frame([mesh.route("curl-east", HOST)], backend="excel")


def test_without_narwhals_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "narwhals", None)
    for name in [name for name in sys.modules if name.startswith("meshtier.frames")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError, match=r"pip install 'meshtier\[frames\]'"):
        importlib.import_module("meshtier.frames")


def test_flows_of_a_route_are_rows_and_add_up(mesh: Mesh) -> None:
    route = mesh.route("curl-east", HOST)
    frame = frames.flows_frame([route])
    assert list(frame["share"]) == [share for _, share in route.flows()]
    assert list(frame["endpoint_zone"]) == [there.zone for (_, there), _ in route.flows()]
    assert set(frame["zone"]) == {route.place.locality.zone}
    assert list(frames.flows_frame([]).columns) == list(frame.columns)


def test_whole_numbers_stay_whole_where_some_are_missing(mesh: Mesh) -> None:
    frame = frames.tiers_frame([mesh.route("curl-east", HOST), mesh.route("curl-east", "ratings")])
    assert frame["tier"].dtype == frame["healthy"].dtype == "Int64"
    assert [None if pd.isna(tier) else tier for tier in frame["tier"]] == [0, 1, None]
