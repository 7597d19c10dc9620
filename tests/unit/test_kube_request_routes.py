"""Which hosts HTTPRoutes, GRPCRoutes and VirtualServices speak of."""

from typing import Any

import pytest

from meshtier.kube import read
from meshtier.mesh.snapshot import RequestRoute

GATEWAY_API = "gateway.networking.k8s.io/v1"
ISTIO = "networking.istio.io/v1"
SERVICE = {"group": "", "kind": "Service", "name": "web"}


def route(kind: str, api: str, **spec: object) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "r", "namespace": "shop"}, "spec": spec}


def read_routes(*objects: dict[str, Any]) -> tuple[RequestRoute, ...]:
    (cluster,) = read(objects)
    return cluster.request_routes


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute"])
def test_a_route_of_the_gateway_api_is_for_the_service_that_it_is_attached_to(kind: str) -> None:
    other = {**SERVICE, "namespace": "else", "name": "api"}
    (found,) = read_routes(route(kind, GATEWAY_API, parentRefs=[SERVICE, other]))
    assert str(found) == f"{kind} shop/r"
    assert found.hosts == ("web.shop.svc.cluster.local", "api.else.svc.cluster.local")


def test_a_route_of_a_gateway_is_none_of_the_mesh() -> None:
    assert read_routes(route("HTTPRoute", GATEWAY_API, parentRefs=[{"name": "ingress"}])) == ()
    assert read_routes(route("VirtualService", ISTIO, hosts=["web"], gateways=["shop/ingress"])) == ()


def test_a_route_can_be_attached_to_a_service_entry() -> None:
    entry = route("ServiceEntry", ISTIO, hosts=["a.example", "b.example"])
    parent = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "r"}
    (found,) = read_routes(entry, route("HTTPRoute", GATEWAY_API, parentRefs=[parent]))
    assert found.hosts == ("a.example", "b.example")
    assert read_routes(route("HTTPRoute", GATEWAY_API, parentRefs=[parent])) == ()


@pytest.mark.parametrize("gateways", [None, ["mesh"], ["shop/ingress", "mesh"]])
def test_a_virtual_service_of_the_mesh_names_its_hosts(gateways: list[str] | None) -> None:
    (found,) = read_routes(route("VirtualService", ISTIO, hosts=["web", "*.example"], gateways=gateways))
    assert found.hosts == ("web.shop.svc.cluster.local", "*.example")


def test_routes_without_anything_are_none() -> None:
    bare = {"apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": {"name": "r"}}
    assert read_routes(bare, route("GRPCRoute", GATEWAY_API, parentRefs=[{}])) == ()
