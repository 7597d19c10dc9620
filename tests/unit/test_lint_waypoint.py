"""The lint rule about rules and routes that no waypoint obeys (WP501)."""

from typing import Any

import pytest
from attrs import evolve
from tests.meshes import EAST, HOST, cluster, pod, rule, service, waypoint_pod

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.labels import Labels
from meshtier.lint.checking import check
from meshtier.lint.finding import Finding
from meshtier.mesh import Admits, Cluster, Mesh, Namespace, WaypointGateway, Workload
from meshtier.mesh.snapshot import RequestRoute

GATEWAY = WaypointGateway(name="wp", namespace="shop")
ROUTE = RequestRoute(kind="HTTPRoute", namespace="shop", name="split", hosts=(HOST,))


def shop(*others: Workload, waypoint: str = "", gateway: WaypointGateway | None = None, **about: Any) -> Cluster:
    """The service web with a rule, and a client."""
    web = pod("web")
    ways = [gateway] if gateway is not None else []
    made = cluster([pod("client"), web, *others], [service([web], waypoint=waypoint)], rules=[rule({})], waypoints=ways)
    return evolve(made, **about)


def found(made: Cluster) -> list[Finding]:
    return list(check(Mesh((made,)), select=["WP501"]))


def only(made: Cluster) -> Finding:
    (finding,) = found(made)
    return finding


def test_a_service_without_a_waypoint_is_named_with_the_label() -> None:
    finding = only(shop())
    assert finding.object == "Service shop/web"
    assert finding.message == "DestinationRule shop/rule is for Service shop/web, and no label names a waypoint for it"
    assert finding.fix == (
        "set metadata.labels[istio.io/use-waypoint] to waypoint, and create a Gateway of that name and"
        " of class istio-waypoint"
    )


def test_a_route_counts_as_a_rule_does_and_wildcards_fit() -> None:
    only_route = shop(destination_rules=(), request_routes=(ROUTE,))
    assert only(only_route).message.startswith("HTTPRoute shop/split is for Service shop/web")
    wild = shop(destination_rules=(rule({}, host="*.shop.svc.cluster.local"),), request_routes=(ROUTE,))
    assert only(wild).message.startswith("DestinationRule shop/rule, HTTPRoute shop/split are for Service shop/web")
    assert not found(shop(destination_rules=(rule({}, host="other"),)))
    assert not found(shop(destination_rules=(rule(outlier_detection=None),)))


@pytest.mark.parametrize(
    ("gateway", "pods", "object_", "text"),
    [
        (None, (), "Service shop/web", "its waypoint shop/wp is not there"),
        (GATEWAY, (), "Gateway shop/wp", "its waypoint shop/wp has no ready pod"),
        (GATEWAY, (Health.UNHEALTHY,), "Gateway shop/wp", "its waypoint shop/wp has no ready pod"),
        (evolve(GATEWAY, ready=False), (Health.HEALTHY,), "Gateway shop/wp", "its waypoint shop/wp has no address"),
        (
            evolve(GATEWAY, serves="workload"),
            (Health.HEALTHY,),
            "Gateway shop/wp",
            "is not for the traffic of services",
        ),
        (
            evolve(GATEWAY, admits=Admits.SELECTOR, selector=None),
            (Health.HEALTHY,),
            "Gateway shop/wp",
            "does not admit the namespace",
        ),
        (GATEWAY, (Health.HEALTHY, Health.UNHEALTHY), "", ""),
    ],
    ids=["missing", "no-pod", "unready", "no-address", "for-workloads", "not-admitted", "fine"],
)
def test_what_keeps_the_waypoint_out_of_the_path_is_named(
    gateway: WaypointGateway | None, pods: tuple[Health, ...], object_: str, text: str
) -> None:
    ways = [waypoint_pod(f"wp-{number}", EAST, health=health) for number, health in enumerate(pods)]
    findings = found(shop(*ways, waypoint="shop/wp", gateway=gateway))
    assert [finding.object for finding in findings] == [object_] * bool(object_)
    assert all(text in finding.message for finding in findings)
    way = "refuses the connections" if text.endswith("no ready pod") else "straight to the endpoints"
    assert all(way in finding.instead for finding in findings)


def test_a_sidecar_obeys_by_itself() -> None:
    assert not found(shop(evolve(pod("old"), proxy=Component.SIDECAR)))


def test_clients_outside_the_mesh_pass_no_waypoint() -> None:
    made = shop(waypoint_pod("wp-1", EAST), waypoint="shop/wp", gateway=GATEWAY)
    away = evolve(pod("away", namespace="front"), takes_part=False)
    system = evolve(pod("dns", namespace="kube-system"), takes_part=False)
    kept = {key: each for key, each in made.workloads.items() if each.name != "client"}
    finding = only(evolve(made, workloads={**kept, away.key: away, system.key: system}))
    assert finding.object == "Namespace front"
    assert finding.fix == "set metadata.labels[istio.io/dataplane-mode] to ambient"
    assert not found(evolve(made, workloads={**made.workloads, away.key: away})), "another client is in the mesh"
    assert not found(evolve(made, workloads={**kept, system.key: system}))


def test_who_writes_a_rule_and_does_not_take_part_passes_no_waypoint() -> None:
    made = shop(waypoint_pod("wp-1", EAST), waypoint="shop/wp", gateway=GATEWAY)
    away = evolve(pod("away", namespace="front"), takes_part=False)
    of_front = evolve(made, destination_rules=(rule({}, namespace="front", name="mine"),))
    finding = only(evolve(of_front, workloads={**made.workloads, away.key: away}))
    assert finding.message == (
        "DestinationRule front/mine is for Service shop/web, and the client pods of Namespace front do not take part"
        " in the mesh"
    )
    assert not found(of_front)


def test_of_manifests_without_pods_those_of_an_ambient_namespace_are_judged() -> None:
    bare = cluster([], [service([])], rules=[rule({})])
    ambient = Namespace(name="shop", labels=Labels({"istio.io/dataplane-mode": "ambient"}))
    assert not found(bare)
    assert only(evolve(bare, namespaces={"shop": ambient})).object == "Service shop/web"


def test_a_headless_service_has_no_address_that_a_waypoint_could_take() -> None:
    web = pod("web")
    headless = service([web], passthrough="headless")
    assert not found(cluster([pod("client"), web], [headless], rules=[rule({})]))
