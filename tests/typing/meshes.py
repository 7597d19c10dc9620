"""What must type-check in the code of callers who ask a mesh; checked by mypy and pyright, never run.

An ignore here stands for what must be refused: an ignore that is not needed is itself an error.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

from meshtier import Client, Component, Endpoint, Explanation, Locality, Mesh, Note, Profile, Route, Shares
from meshtier.endpoint import Exclusion
from meshtier.kube import load, read
from meshtier.mesh import Cluster, Workload


def reading(folder: Path, manifest: dict[str, object]) -> None:
    assert_type(load(folder), Mesh)
    assert_type(load("east.yaml", "-", manifest, [manifest]), Mesh)
    assert_type(load(clusters={"east": folder, "west": folder / "west.json"}), Mesh)
    assert_type(load(folder, domain="cluster.example", progress=print), Mesh)
    assert_type(read(folder), tuple[Cluster, ...])
    load(folder, {"east": folder}, clusters=folder)  # type: ignore[arg-type]
    load(7)  # type: ignore[arg-type]


def asking(mesh: Mesh, workload: Workload) -> None:
    route = mesh.route("shop/cart", "web", component=Component.WAYPOINT, profile=Profile.SOLO, port=8080, subset="v1")
    assert_type(route, Route)
    assert_type(mesh.route(Locality(zone="a"), "web"), Route)
    assert_type(mesh.route(workload, "web", cluster="east"), Route)
    assert_type(mesh.client("shop/cart"), Client)
    assert_type(mesh.route(mesh.client("shop/cart"), "web"), Route)
    assert_type(mesh.routes(profile=Profile.SOLO, hosts=["web"]), Iterator[Route])
    assert_type(mesh.route_count(), int)
    assert_type(mesh.hosts(), tuple[str, ...])
    assert_type(mesh.hosts("east"), tuple[str, ...])
    assert_type(mesh.notes, tuple[Note, ...])
    assert_type(mesh.clusters, tuple[Cluster, ...])
    mesh.route("shop/cart")  # type: ignore[call-arg]
    mesh.route("shop/cart", "web", Component.WAYPOINT)  # type: ignore[call-arg]
    mesh.route("shop/cart", "web", component="waypoint")  # type: ignore[arg-type]
    mesh.route("shop/cart", "web", profile="solo")  # type: ignore[arg-type]


def answers(route: Route) -> None:
    assert_type(route.shares, Shares)
    assert_type(route.shares["east/shop/web-1"], float)
    assert_type(route.excluded, tuple[Exclusion, ...])
    assert_type(route.notes, tuple[Note, ...])
    assert_type(route.explain(), str)
    assert_type(route.why("east/shop/web-1"), Explanation)
    for tier in route.tiers:
        assert_type(tier.number, int)
        for endpoint in tier.endpoints:
            assert_type(endpoint, Endpoint)
            assert_type(route.why(endpoint), Explanation)
    data = route.to_dict()
    assert_type(data["host"], str)
    data["hosts"]  # type: ignore[typeddict-item]
