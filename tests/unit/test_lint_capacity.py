"""Lint rules about where clients and endpoints are (CAP)."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import evolve
from tests.meshes import EAST, OUTLIER_DETECTION, cluster, pod, rule, service, waypoint_pod

from meshtier.endpoint import Health
from meshtier.kube import load
from meshtier.lint.checking import check
from meshtier.lint.finding import Finding
from meshtier.locality import Locality
from meshtier.mesh import Mesh, ServiceScope, WaypointGateway, Workload
from meshtier.profile import ISTIO_1_29, ISTIO_1_31, SOLO

EXAMPLES = Path(__file__).parents[2] / "examples"
PLACES = {"a": EAST, "b": Locality("net-e", "re", "b", "", "e-b1"), "c": Locality("net-e", "rx", "c", "", "e-c1")}


def pods(letters: str, name: str) -> list[Workload]:
    """A pod for each letter, in the zone of that letter; one that is not ready for a capital."""
    return [
        pod(f"{name}-{number}", PLACES[each.lower()], health=Health.UNHEALTHY if each.isupper() else Health.HEALTHY)
        for number, each in enumerate(letters)
    ]


def mesh(clients: str, web: str, mode: str | None = "PreferSameZone", **about: object) -> Mesh:
    behind = pods(web, "web")
    rules = about.pop("rules", ())
    made = service(behind, annotation=mode, **about)  # type: ignore[arg-type]  # the caller knows the keywords
    return Mesh((cluster([*pods(clients, "client"), *behind], [made], rules=rules),))  # type: ignore[arg-type]


def found(made: Mesh, name: str) -> list[Finding]:
    return list(check(made, select=[name]))


def only(made: Mesh, name: str) -> Finding:
    (finding,) = found(made, name)
    return finding


# CAP301


def test_a_zone_with_more_clients_than_endpoints_is_named_with_the_ratio() -> None:
    finding = only(mesh("aaab", "abbb"), "CAP301")
    assert finding.message == "zone re/a has 75% of the clients and 25% of the endpoints"
    assert finding.instead == "traffic stays in the zone, so that each endpoint there gets 3.0 times the mean"
    assert "3 of 4 in zone re/a" in finding.fix


@pytest.mark.parametrize(
    ("clients", "web", "mode"),
    [
        ("aaab", "aaab", "PreferSameZone"),
        ("aaab", "aabb", "PreferSameZone"),  # exactly 1.5 times the mean
        ("aaab", "bbbb", "PreferSameZone"),  # a spills over, and b has its own endpoints
        ("aaab", "abbb", "PreferRegion"),
        ("aaab", "abbb", None),
        ("", "abbb", "PreferSameZone"),
    ],
)
def test_no_zone_has_too_few_endpoints(clients: str, web: str, mode: str | None) -> None:
    assert not found(mesh(clients, web, mode), "CAP301")


def test_endpoints_that_are_not_ready_do_not_count() -> None:
    assert only(mesh("aabb", "aAAAbbbb"), "CAP301").message.startswith("zone re/a has 50% of the clients and 20%")


def test_measured_requests_weigh_more_than_the_number_of_clients() -> None:
    made, host = mesh("ab", "aabb"), "web.shop.svc.cluster.local"
    traffic = {("Pod east/shop/client-0", host): 90.0, ("Pod east/shop/client-1", host): 10.0}
    assert not check(made, select=["CAP301"])
    (finding,) = check(made, select=["CAP301"], traffic=traffic)
    assert finding.message == "zone re/a has 90% of the requests and 50% of the endpoints"


def test_clients_of_all_clusters_that_a_host_joins_count() -> None:
    def of(name: str, zone: str) -> tuple[list[Workload], Sequence[Workload]]:
        web = [pod(f"web-{number}", PLACES[zone], cluster=name) for number in range(2)]
        return [pod("client", PLACES[zone], cluster=name)], web

    made: list[object] = []
    for name, zone in (("east", "a"), ("west", "b")):
        clients, web = of(name, zone)
        each = service(web, cluster=name, annotation="PreferSameZone", scope=ServiceScope.GLOBAL)
        made.append(cluster([*clients, *web], [each], name=name))
    assert not found(Mesh(made), "CAP301")  # type: ignore[arg-type]  # they are clusters


# CAP302


def test_one_endpoint_that_is_preferred_to_others_is_found() -> None:
    finding = only(mesh("ab", "abb"), "CAP302")
    assert finding.message == ("the nearest tier has one ready endpoint for clients at re/a (PreferSameZone holds)")
    assert finding.instead == "it gets all traffic of 1 client pod, and all of that moves if it fails"


@pytest.mark.parametrize(
    ("web", "mode"),
    [
        ("aabb", "PreferSameZone"),
        ("a", "PreferSameZone"),
        ("abb", None),
        ("abb", "PreferSameNode"),
        ("bb", "PreferClose"),
    ],
)
def test_no_place_depends_on_one_endpoint(web: str, mode: str | None) -> None:
    assert not found(mesh("a", web, mode), "CAP302")


def test_an_unready_endpoint_beside_it_does_not_help() -> None:
    assert found(mesh("a", "aAb"), "CAP302")


def test_the_place_is_told_as_far_as_the_mode_compares() -> None:
    assert "clients at region re (" in only(mesh("ab", "acc", "PreferRegion"), "CAP302").message


def test_a_failover_of_a_rule_makes_tiers_too() -> None:
    way = WaypointGateway(name="wp", namespace="shop")
    behind, ways = pods("abb", "web"), [waypoint_pod("wp-1", EAST)]
    made = service(behind, waypoint="shop/wp")
    rules = [rule({"enabled": True}, outlier_detection=OUTLIER_DETECTION)]
    home = cluster([*pods("a", "client"), *behind, *ways], [made], rules=rules, waypoints=[way])
    assert only(Mesh((home,)), "CAP302").message.endswith("re/a (DestinationRule shop/rule holds)")


# CAP303


def test_clients_without_an_endpoint_in_the_first_tier_are_named_with_where_they_go() -> None:
    finding = only(mesh("abc", "aa"), "CAP303")
    assert finding.message == "PreferSameZone holds, and clients at re/b, rx/c have no endpoint in the first tier"
    assert finding.instead == (
        "their traffic goes to the next tier that has endpoints, P1: same network, region; other zone;"
        " for some of them P2"
    )


def test_a_service_entry_gets_endpoints_where_it_names_them() -> None:
    made = mesh("abc", "aa")
    entries = [
        evolve(home, services=tuple(evolve(each, kind="ServiceEntry") for each in home.services))
        for home in made.clusters
    ]
    assert "spec.endpoints" in only(Mesh(entries), "CAP303").fix


@pytest.mark.parametrize(
    ("clients", "web", "mode"), [("a", "ab", "PreferClose"), ("ab", "a", None), ("ab", "", "PreferClose")]
)
def test_no_first_tier_is_empty(clients: str, web: str, mode: str | None) -> None:
    assert not found(mesh(clients, web, mode), "CAP303")


def test_a_strict_choice_has_no_next_tier() -> None:
    assert not found(mesh("ab", "a", None, local=True), "CAP303")


# CAP304


def test_zones_of_clients_without_a_pod_of_the_waypoint_are_named() -> None:
    def with_ways(*places: str) -> Mesh:
        ways = [waypoint_pod(f"wp-{number}", PLACES[each]) for number, each in enumerate(places)]
        behind = pods("aabb", "web")
        made = service(behind, waypoint="shop/wp")
        gateway = WaypointGateway(name="wp", namespace="shop")
        return Mesh((cluster([*pods("ab", "client"), *behind, *ways], [made], waypoints=[gateway]),))

    finding = only(with_ways("a", "a"), "CAP304")
    assert finding.object == "Gateway shop/wp"
    assert finding.message == "its 2 ready pods are in re/a, and clients in re/b use it"
    assert not found(with_ways("a", "b"), "CAP304")
    assert not found(with_ways(), "CAP304")


# the examples that are healthy


@pytest.mark.parametrize("name", ["gateways", "flat"])
def test_of_the_examples_only_what_is_true_is_said(name: str) -> None:
    findings = check(load(EXAMPLES / "bookinfo" / name), select=["TD", "MC", "WP", "CAP"])
    assert [(finding.rule, finding.cluster, finding.object.partition("/")[2]) for finding in findings] == [
        ("TD014", "east", "ratings"),  # its comment says so
        ("TD014", "west", "ratings"),
        ("CAP302", "east", "details"),  # one pod in each zone
        ("CAP302", "west", "book-covers"),
        ("TD004", "east", "details"),
        ("CAP303", "west", "details"),
        ("TD004", "west", "details"),
    ]


@pytest.mark.parametrize("folder", sorted((EXAMPLES / "lint").glob("*/mistake*")), ids=lambda path: path.parent.name)
def test_findings_do_not_depend_on_the_order_of_the_input(folder: Path) -> None:
    made = load(folder)
    back = Mesh(
        evolve(home, workloads=list(home.workloads.values())[::-1], services=home.services[::-1])
        for home in made.clusters[::-1]
    )
    for profile in (SOLO, ISTIO_1_29, ISTIO_1_31):
        findings = check(made, select=["TD", "MC", "WP", "CAP"], profile=profile)
        assert check(back, select=["TD", "MC", "WP", "CAP"], profile=profile) == findings
