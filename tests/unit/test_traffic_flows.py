"""Where the traffic of small meshes goes, worked out by hand: zones, load, replicas and money."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from attrs import evolve
from tests.meshes import (
    GLOBAL_HOST,
    HOST,
    cluster,
    gateway,
    pod,
    rule,
    service,
    two_clusters,
    waypoint_pod,
)

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.kube import load as read
from meshtier.locality import Locality
from meshtier.mesh import Mesh
from meshtier.traffic import (
    Crossing,
    Flow,
    Prices,
    Traffic,
    compare,
    cost,
    flows,
    load,
    suggested_replicas,
    zone_matrix,
)

A = Locality("net-e", "re", "a", "", "n-a")
B = Locality("net-e", "re", "b", "", "n-b")
C = Locality("net-e", "rw", "c", "", "n-c")
API = "api.shop.svc.cluster.local"
DB = "db.shop.svc.cluster.local"

FRONT_A = pod("front-6d8f7c9b5-k4xzp", A)
FRONT_B = pod("front-6d8f7c9b5-m8vqd", B)
BACK_B = pod("back-0", B)
WEB = [pod("w1", A), pod("w2", B), pod("w3", B)]
API_PODS = [pod("p1", A), pod("p2", B), pod("p3", B)]
DB_PODS = [pod("d1", C)]


def mesh(web: str = "Any") -> Mesh:
    """Three services over two zones of a region and one of another: web as asked, api close, db far away."""
    services = [
        service(WEB, annotation=web),
        service(API_PODS, name="api", annotation="PreferClose"),
        service(DB_PODS, name="db"),
    ]
    return Mesh((cluster([FRONT_A, FRONT_B, BACK_B, *WEB, *API_PODS, *DB_PODS], services),))


def sent(rates: Mapping[tuple[str, str], float], unit: str = "MB/s") -> Traffic:
    return Traffic.from_mapping(rates, unit=unit)


def by_zone(found: Iterable[Flow]) -> dict[tuple[str, str, str], float]:
    """The rates by host, zone of the client and zone of the endpoint, or what there is instead."""
    rates: dict[tuple[str, str, str], float] = {}
    for each in found:
        end = each.endpoint.zone if each.endpoint is not None else each.crossing.value
        key = each.host.partition(".")[0], each.client.zone, end
        rates[key] = rates.get(key, 0.0) + each.rate
    return {key: pytest.approx(rate) for key, rate in rates.items()}  # type: ignore[misc]


# Flows


def test_a_rate_goes_where_the_route_goes() -> None:
    found = flows(mesh(), sent({("front zone=a", HOST): 9, ("shop/back", HOST): 6, ("shop/back", DB): 2}))
    assert by_zone(found.flows) == {
        ("web", "a", "a"): 3,
        ("web", "a", "b"): 6,
        ("web", "b", "a"): 2,
        ("web", "b", "b"): 4,
        ("db", "b", "c"): 2,
    }
    assert {(each.client.zone, each.endpoint and each.endpoint.zone): each.crossing for each in found.flows} == {
        ("a", "a"): Crossing.SAME_ZONE,
        ("a", "b"): Crossing.CROSS_ZONE,
        ("b", "a"): Crossing.CROSS_ZONE,
        ("b", "b"): Crossing.SAME_ZONE,
        ("b", "c"): Crossing.CROSS_REGION,
    }
    assert not found.notes


def test_a_mode_keeps_traffic_in_its_zone() -> None:
    found = flows(mesh(), sent({("front zone=a", API): 9, ("shop/back", API): 6}))
    assert by_zone(found.flows) == {("api", "a", "a"): 9, ("api", "b", "b"): 6}


@pytest.mark.parametrize(
    "who", ["shop/front", "front", "shop/front-6d8f7c9b5", "east/shop/front", "cluster=east front"]
)
def test_a_workloads_rate_is_divided_evenly_among_its_pods(who: str) -> None:
    assert by_zone(flows(mesh(), sent({(who, API): 10})).flows) == {("api", "a", "a"): 5, ("api", "b", "b"): 5}


def test_a_places_rate_is_divided_evenly_among_the_pods_there_and_not_among_places() -> None:
    # In zone b are front, back, w2, w3, p2, p3; in zone a are front, w1, p1; in zone c is d1.
    assert by_zone(flows(mesh(), sent({("region=re", API): 9})).flows) == {("api", "a", "a"): 3, ("api", "b", "b"): 6}
    assert by_zone(flows(mesh(), sent({("*", DB): 10})).flows) == {
        ("db", "a", "c"): 3,
        ("db", "b", "c"): 6,
        ("db", "c", "c"): 1,
    }


def test_without_rates_each_client_counts_once_for_each_host_and_the_answer_says_so() -> None:
    found = flows(mesh(), hosts=[API])
    assert by_zone(found.flows) == {
        ("api", "a", "a"): 3,
        ("api", "b", "b"): 6,
        ("api", "c", "a"): 1 / 3,
        ("api", "c", "b"): 2 / 3,
    }
    assert found.unit == "clients"
    assert found.notes == ("each client counts once for each host: no rates are given",)


def test_several_rates_of_one_client_and_host_add_up() -> None:
    twice = Traffic.from_rows(
        [{"client": "back", "host": DB, "rate": 1}, {"client": "back", "host": "db.shop", "rate": 2}]
    )
    assert by_zone(flows(mesh(), twice).flows) == {("db", "b", "c"): 3}


def test_what_nobody_sends_or_receives_is_kept_aside_with_its_sum() -> None:
    found = flows(
        mesh(),
        sent(
            {
                ("shop/back", DB): 1,
                ("shop/back", "nothing.shop"): 4,
                ("shop/nobody", DB): 5,
                ("zone=z", DB): 6,
                ("shop/back zone=a", DB): 7,
            }
        ),
    )
    assert found.total == 1
    assert found.unmatched_total == 22
    assert {(str(each.rate.sender), each.reason) for each in found.unmatched} == {
        ("shop/back", "no host nothing.shop"),
        ("shop/nobody", "no client shop/nobody"),
        ("zone=z", "no client is at zone=z"),
        ("shop/back zone=a", "no pod of shop/back is at zone=a"),
    }
    (note,) = found.notes
    assert note == (
        "4 rates kept aside, 22 MB/s in all: no pod of shop/back is at zone=a (7), no client is at zone=z (6),"
        " no client shop/nobody (5), 1 more"
    )


def test_a_daemon_set_is_no_deployment_of_the_name_before_its_last_word() -> None:
    agents = [pod("node-agent-x2k4p", A), pod("node-7c9b56d8f-x2k4p", B)]
    made = Mesh((cluster([*agents, *DB_PODS], [service(DB_PODS, name="db")]),))
    assert by_zone(flows(made, sent({("shop/node", DB): 4})).flows) == {("db", "b", "c"): 4}
    assert by_zone(flows(made, sent({("shop/node-agent", DB): 4})).flows) == {("db", "a", "c"): 4}


def test_the_label_of_the_template_says_what_made_a_pod() -> None:
    odd = pod("node-aeiou-x2k4p", A, labels={"pod-template-hash": "aeiou"})
    made = Mesh((cluster([odd, *DB_PODS], [service(DB_PODS, name="db")]),))
    assert flows(made, sent({("shop/node", DB): 4})).total == 4


@pytest.mark.parametrize("named", ["east", "Kubernetes"])
def test_the_only_cluster_is_meant_by_its_name_and_by_the_default_one(named: str) -> None:
    rows = [{"workload": "back", "namespace": "shop", "cluster": named, "host": DB, "rate": 1}]
    assert flows(mesh(), Traffic.from_rows(rows)).total == 1


def test_a_rate_of_another_cluster_is_kept_aside() -> None:
    rows = [{"workload": "back", "namespace": "shop", "cluster": "west", "host": DB, "rate": 1}]
    assert flows(mesh(), Traffic.from_rows(rows)).unmatched_total == 1


def test_lost_traffic_is_a_flow_to_nowhere() -> None:
    sick = [pod("w1", A, health=Health.UNHEALTHY)]
    made = Mesh((cluster([FRONT_A, *sick], [service(sick)]),))
    (flow,) = flows(made, sent({("front", HOST): 3})).flows
    assert (flow.crossing, flow.endpoint, flow.rate) == (Crossing.LOST, None, 3)


def test_endpoints_that_clients_choose_themselves_are_unknown_and_no_load() -> None:
    made = Mesh((cluster([FRONT_A, *WEB], [service(WEB, passthrough="headless")]),))
    found = flows(made, sent({("front", HOST): 3}))
    (flow,) = found.flows
    assert (flow.crossing, flow.endpoint, flow.rate) == (Crossing.UNKNOWN, None, 3)
    assert not found.endpoints
    assert zone_matrix(made, sent({("front", HOST): 3})).cells == {("a", "not chosen"): 3}


def test_unknown_zones_are_not_the_same_zone() -> None:
    nowhere = Locality("net-e")
    pods = [pod("x", nowhere), pod("y", nowhere)]
    made = Mesh((cluster(pods, [service(pods[1:])]),))
    (flow,) = flows(made, sent({("x", HOST): 3})).flows
    assert flow.crossing is Crossing.UNKNOWN
    assert zone_matrix(made, sent({("x", HOST): 3})).cells == {("unknown place", "unknown place"): 3}


def test_an_address_of_which_no_place_is_known_is_the_internet() -> None:
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "front", "namespace": "shop"},
            "spec": {"nodeName": "n"},
            "status": {"podIP": "10.0.0.1", "phase": "Running"},
        },
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": "n",
                "labels": {"topology.kubernetes.io/region": "re", "topology.kubernetes.io/zone": "a"},
            },
        },
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "ServiceEntry",
            "metadata": {"name": "pay", "namespace": "shop"},
            "spec": {
                "hosts": ["pay.example.com"],
                "ports": [{"number": 443, "name": "tls"}],
                "resolution": "STATIC",
                "endpoints": [{"address": "203.0.113.1"}, {"address": "203.0.113.2", "locality": "re/b"}],
            },
        },
    ]
    matrix = zone_matrix(read(objects), sent({("front", "pay.example.com"): 4}))
    assert matrix.cells == {("a", "internet"): 2, ("a", "b"): 2}
    assert matrix.shares.by_crossing[Crossing.INTERNET] == 0.5
    priced = cost(matrix, Prices(internet=1.0), per="hour")
    assert priced.by_crossing[Crossing.INTERNET] == pytest.approx((7.2, 7.2))
    assert priced.unpriced == pytest.approx(7.2)


# The way


def test_the_way_through_a_waypoint_has_two_parts() -> None:
    ways = [waypoint_pod("wp-1", B)]
    services = [service(WEB[:2], annotation="Any", waypoint="shop/wp"), service(ways, name="wp")]
    made = Mesh((cluster([FRONT_A, *WEB[:2], *ways], services),))
    found = flows(made, sent({("front", HOST): 10}))
    assert by_zone(found.flows) == {("web", "a", "a"): 5, ("web", "a", "b"): 5}
    assert by_zone(found.legs) == {("web", "a", "b"): 10, ("web", "b", "a"): 5, ("web", "b", "b"): 5}


def test_without_a_waypoint_the_parts_of_the_way_are_the_flows() -> None:
    found = flows(mesh())
    assert found.legs == found.flows


def test_a_waypoints_own_traffic_is_that_of_its_clients() -> None:
    ways = [waypoint_pod("wp-1", B)]
    services = [service(WEB[:2], waypoint="shop/wp"), service(ways, name="wp")]
    made = Mesh((cluster([FRONT_A, *WEB[:2], *ways], services),))
    (aside,) = flows(made, sent({("shop/wp-1", HOST): 10})).unmatched
    assert aside.reason == "shop/wp-1 hands on the traffic of others, which is counted where it starts"


def test_traffic_to_another_network_is_counted_where_it_ends() -> None:
    peer = evolve(gateway(Locality("net-w", "rw", "c"), leads_to="west"), addresses=("192.0.2.1",))
    far = [
        pod("f1", Locality("net-w", "rw", "c", "", "w-c1"), cluster="west"),
        pod("f2", Locality("net-w", "re", "a", "", "w-a1"), cluster="west"),
    ]
    near = [pod("n1", A), pod("n2", A)]
    made = two_clusters(east_pods=near, west_pods=far, gateways=[peer], annotation="Any")
    matrix = zone_matrix(made, sent({("east/shop/client", GLOBAL_HOST): 8}))
    # The gateway counts for the two pods behind it, and these share what comes by (NET-1, NET-5).
    assert by_zone(matrix.flows) == {("web", "a", "a"): 6, ("web", "a", "c"): 2}
    shares = matrix.shares
    assert shares.by_crossing[Crossing.CROSS_REGION] == pytest.approx(0.25)
    assert shares.by_crossing[Crossing.SAME_ZONE] == pytest.approx(0.75)
    assert shares.other_network == pytest.approx(0.5)
    assert {name: round(each.rate, 9) for name, each in matrix.found.endpoints[GLOBAL_HOST, ""].items()} == {
        "east/shop/n1": 2,
        "east/shop/n2": 2,
        "west/shop/f1": 2,
        "west/shop/f2": 2,
    }


def test_a_local_name_is_a_service_of_its_own_in_each_cluster() -> None:
    made = two_clusters(east_pods=[pod("n1", A)], west_pods=[pod("f1", C, cluster="west")])
    found = flows(made, sent({("east/shop/client", HOST): 3, ("west/shop/client-w", HOST): 5}))
    assert {service: [each.rate for each in loads.values()] for service, loads in found.endpoints.items()} == {
        (HOST, "east"): [3],
        (HOST, "west"): [5],
    }


def test_a_rate_goes_to_the_clusters_that_know_the_host() -> None:
    east = cluster([FRONT_A, *DB_PODS], [service(DB_PODS, name="db")])
    west = cluster([pod("front-6d8f7c9b5-k4xzp", C, cluster="west")], [], name="west")
    found = flows(Mesh((east, west)), sent({("shop/front", DB): 4, ("west/shop/front", DB): 1}))
    assert by_zone(found.flows) == {("db", "a", "c"): 4}
    (aside,) = found.unmatched
    assert aside.reason == f"{DB} is no host in the cluster of shop/front cluster=west"


def test_clients_that_a_rule_tells_apart_are_told_apart() -> None:
    near = evolve(pod("x", A), proxy=Component.SIDECAR)
    other = evolve(pod("y", A, namespace="other"), proxy=Component.SIDECAR)
    kept = rule({"distribute": [{"from": "re/a/*", "to": {"re/b/*": 100}}]}, namespace="shop", outlier_detection=None)
    web = [pod("w1", A, namespace="data"), pod("w2", B, namespace="data")]
    host = "web.data.svc.cluster.local"
    made = Mesh(
        (
            cluster(
                [near, other, *web], [service(web, namespace="data", annotation="Any")], rules=[evolve(kept, host=host)]
            ),
        )
    )
    found = flows(made, sent({("shop/x", host): 4, ("other/y", host): 6}))
    assert by_zone(found.flows) == {("web", "a", "b"): 4 + 3, ("web", "a", "a"): 3}


def test_one_component_alone_can_be_asked_about() -> None:
    kept = rule({"distribute": [{"from": "re/a/*", "to": {"re/b/*": 100}}]}, outlier_detection=None)
    made = Mesh((cluster([FRONT_A, *WEB], [service(WEB, annotation="Any")], rules=[kept]),))
    rates = sent({("front", HOST): 3})
    assert by_zone(flows(made, rates).flows) == {("web", "a", "a"): 1, ("web", "a", "b"): 2}
    assert by_zone(flows(made, rates, component=Component.SIDECAR).flows) == {("web", "a", "b"): 3}


def test_a_host_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=HOST):
        flows(mesh(), hosts=["web.shop.svc.cluster.locl"])


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"mesh": 1}, "mesh"),
        ({"traffic": 3}, "traffic"),
        ({"component": "ztunnel"}, "component"),
        ({"profile": "solo"}, "profile"),
    ],
)
def test_arguments_of_another_type_are_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        flows(**{"mesh": mesh(), **wrong})


def test_progress_ends_with_all() -> None:
    seen: list[float] = []
    flows(mesh(), progress=seen.append)
    assert seen == [pytest.approx(1 / 3), pytest.approx(2 / 3), 1]


# The matrix


def test_a_matrix_has_sums_shares_and_the_services_that_leave_their_zone_first() -> None:
    rates = {("front zone=a", HOST): 9, ("back", HOST): 6, ("back", API): 10, ("back", DB): 1}
    matrix = zone_matrix(mesh(), sent(rates))
    assert matrix.cells == pytest.approx({("a", "a"): 3, ("a", "b"): 6, ("b", "a"): 2, ("b", "b"): 14, ("b", "c"): 1})
    assert matrix.zones == ("a", "b")
    assert matrix.targets == ("a", "b", "c")
    assert matrix.shares.by_crossing == pytest.approx(
        {
            Crossing.SAME_ZONE: 17 / 26,
            Crossing.CROSS_ZONE: 8 / 26,
            Crossing.CROSS_REGION: 1 / 26,
            Crossing.INTERNET: 0,
            Crossing.UNKNOWN: 0,
            Crossing.LOST: 0,
        }
    )
    assert [(each.host, round(each.leaving, 9)) for each in matrix.most_crossing] == [
        (HOST, round(8 / 15, 9)),
        (DB, 1.0),
    ]
    assert matrix.to_table().rows == (
        ("a", "3", "6", "", "9"),
        ("b", "2", "14", "1", "17"),
        ("all", "5", "20", "1", "26"),
    )
    assert repr(matrix) == "<ZoneMatrix 26 MB/s: 65.4 % same-zone, 30.8 % cross-zone, 3.8 % cross-region>"


def test_zones_of_one_name_in_two_regions_are_two() -> None:
    west = Locality("net-e", "rw", "a", "", "n-w")
    pods = [pod("x", A), pod("y", west)]
    matrix = zone_matrix(Mesh((cluster(pods, [service(pods[1:])]),)), sent({("x", HOST): 2}))
    assert matrix.cells == {("re/a", "rw/a"): 2}
    assert matrix.shares.by_crossing[Crossing.CROSS_REGION] == 1


def test_of_many_zones_the_smallest_are_put_together() -> None:
    pods = [pod(f"x{n}", Locality("net-e", "re", f"z{n:02}", "", f"n{n}")) for n in range(20)]
    made = Mesh((cluster(pods, [service(pods, annotation="PreferClose")]),))
    matrix = zone_matrix(made, sent({(f"shop/x{n}", HOST): float(n + 1) for n in range(20)}))
    table = matrix.to_table()
    assert len(table.columns) == 1 + 12 + 1
    assert table.columns[-2] == "other zones"
    assert [row[0] for row in table.rows][-3:] == ["z19", "other zones", "all"]
    # Zones z00 to z08 send 1 to 9.
    assert table.rows[-2][-2:] == ("45", "45")
    assert table.rows[-1][-1] == "210"


def test_plain_data_holds_all_flows_and_what_is_aside() -> None:
    data = zone_matrix(mesh(), sent({("back", DB): 2, ("back", "x.y"): 3})).to_dict()
    assert (data["unit"], data["counted"], data["total"]) == ("MB/s", False, 2)
    assert (data["zones"], data["targets"], data["cells"]) == (["b"], ["c"], [[2.0]])
    (flow,) = data["flows"]
    assert (flow["host"], flow["crossing"], flow["rate"], flow["other_network"]) == (DB, "cross-region", 2, False)
    assert data["unmatched"] == [
        {"client": "back", "host": "x.y", "rate": 3.0, "where": "traffic[('back', 'x.y')]", "reason": "no host x.y"}
    ]


def test_csv_has_a_line_for_each_flow() -> None:
    lines = zone_matrix(mesh(), sent({("back", DB): 2})).to_csv().splitlines()
    assert lines[1:] == [f"{DB},,net-e,re,b,net-e,rw,c,cross-region,false,2.0,MB/s"]
    assert lines[0].split(",")[:3] == ["host", "cluster", "client_network"]


# Load


def test_load_is_told_beside_the_fair_share() -> None:
    (web,) = load(mesh("PreferClose"), sent({("front zone=a", HOST): 9, ("back", HOST): 6})).services
    assert [(each.endpoint.id, each.rate, web.fair(each)) for each in web.endpoints] == [
        ("east/shop/w1", 9, 5),
        ("east/shop/w2", 3, 5),
        ("east/shop/w3", 3, 5),
    ]
    assert (web.mean, web.skew) == pytest.approx((5, 1.8))
    assert web.hottest is not None
    assert web.hottest.endpoint.id == "east/shop/w1"
    # 3 replicas for 9 and 6: 1.8 and 1.2.
    assert [(each.zone, each.demand, each.now, each.suggested) for each in web.replicas] == [
        ("a", 9, 1, 2),
        ("b", 6, 2, 1),
    ]


def test_an_endpoint_that_gets_nothing_counts_in_the_mean() -> None:
    (web,) = load(mesh("PreferClose"), sent({("front zone=a", HOST): 9})).services
    assert (web.mean, web.skew) == (3, 3)


def test_an_endpoint_that_cannot_serve_does_not_count() -> None:
    pods = [pod("w1", A), pod("w2", A, health=Health.UNHEALTHY)]
    made = Mesh((cluster([FRONT_A, *pods], [service(pods)]),))
    (web,) = load(made, sent({("front", HOST): 9})).services
    assert (web.mean, web.skew, [each.endpoint.id for each in web.endpoints]) == (9, 1, ["east/shop/w1"])


def test_a_heavier_endpoint_has_a_larger_fair_share() -> None:
    pods = [pod("w1", A, weight=3), pod("w2", B)]
    made = Mesh((cluster([FRONT_A, *pods], [service(pods, annotation="Any")]),))
    (web,) = load(made, sent({("front", HOST): 8})).services
    assert {each.endpoint.id: (each.rate, web.fair(each)) for each in web.endpoints} == {
        "east/shop/w1": (6, 6),
        "east/shop/w2": (2, 2),
    }
    assert web.skew == 1


def test_a_zone_without_replicas_and_with_demand_is_suggested_one() -> None:
    pods = [pod("w1", A), pod("w2", A), pod("w3", A)]
    made = Mesh((cluster([FRONT_A, BACK_B, *pods], [service(pods)]),))
    (web,) = load(made, sent({("front", HOST): 99, ("back", HOST): 1})).services
    assert [(each.zone, each.now, each.suggested) for each in web.replicas] == [("a", 3, 2), ("b", 0, 1)]


@pytest.mark.parametrize(
    ("demand", "replicas", "suggested"),
    [
        ({"a": 1, "b": 1}, 4, {"a": 2, "b": 2}),
        ({"a": 80, "b": 15, "c": 5, "d": 0}, 6, {"a": 4, "b": 1, "c": 1, "d": 0}),
        ({"a": 5, "b": 4, "c": 1}, 2, {"a": 1, "b": 1, "c": 0}),
        ({"a": 5, "b": 4, "c": 1}, 3, {"a": 1, "b": 1, "c": 1}),
        ({"a": 0, "b": 0}, 3, {"a": 0, "b": 0}),
        ({"a": 10, "b": 5}, 4, {"a": 3, "b": 1}),  # 2.67 and 1.33
        ({"a": 1000, "b": 1, "c": 1}, 3, {"a": 1, "b": 1, "c": 1}),
        ({}, 3, {}),
    ],
)
def test_replicas_are_in_proportion_to_demand(
    demand: dict[str, float], replicas: int, suggested: dict[str, int]
) -> None:
    assert suggested_replicas(demand, replicas) == suggested


def test_no_replicas_are_suggested_for_what_is_no_pod() -> None:
    entry = pod("vm", A, kind="WorkloadEntry")
    made = Mesh((cluster([FRONT_A, BACK_B, entry], [service([entry])]),))
    (web,) = load(made, sent({("back", HOST): 1})).services
    assert web.replicas == ()


# Money


def test_cost_is_gigabytes_times_price_by_kind_and_service() -> None:
    rates = {("front zone=a", HOST): 9, ("back", HOST): 6, ("back", DB): 1}
    found = cost(zone_matrix(mesh(), sent(rates)), Prices(zone=0.02, region=0.05))
    # A month has 730 hours of 3,600 seconds; 1 MB/s is 2,628 GB.
    assert found.by_crossing[Crossing.CROSS_ZONE] == pytest.approx((8 * 2628, 8 * 2628 * 0.02))
    assert found.by_crossing[Crossing.CROSS_REGION] == pytest.approx((2628, 2628 * 0.05))
    assert found.by_crossing[Crossing.SAME_ZONE] == pytest.approx((7 * 2628, 0))
    assert list(found.by_service) == [(HOST, ""), (DB, "")]
    assert found.total == pytest.approx(2628 * (0.16 + 0.05))
    assert found.summary == "551.88 USD a month"


@pytest.mark.parametrize(("per", "hours"), [("hour", 1), ("day", 24), ("week", 168), ("month", 730), ("year", 8760)])
def test_cost_is_told_for_a_time(per: str, hours: float) -> None:
    found = cost(flows(mesh(), sent({("back", DB): 1})), Prices(region=1), per=per)
    assert found.total == pytest.approx(3.6 * hours)


@pytest.mark.parametrize(
    ("unit", "gigabytes"),
    [
        ("bytes/s", 3600 / 1e9),
        ("B/s", 3600 / 1e9),
        ("kB/s", 3.6e-3),
        ("MiB/s", 3600 * 2**20 / 1e9),
        ("GB/s", 3600),
        ("bytes", 1e-9),
        ("GiB", 2**30 / 1e9),
    ],
)
def test_bytes_have_the_usual_sizes_and_totals_no_time(unit: str, gigabytes: float) -> None:
    found = cost(flows(mesh(), sent({("back", DB): 1}, unit)), Prices(region=1), per="hour")
    assert found.total == pytest.approx(gigabytes)
    assert found.per == ("hour" if unit.endswith("/s") else None)


@pytest.mark.parametrize("unit", ["requests/s", "MB/min", "clients"])
def test_what_is_not_known_in_bytes_has_no_cost(unit: str) -> None:
    found = flows(mesh(), sent({("back", DB): 2}, unit))
    with pytest.raises(InvalidValueError, match="unit: expected rates in bytes"):
        cost(found, Prices(region=1))
    assert cost(found, Prices(region=1), per="hour", bytes_each=1e6).total == pytest.approx(7.2)


def test_rates_without_a_unit_are_taken_for_bytes_a_second_and_that_is_said() -> None:
    rates = {("back", DB): 2e6}
    assert sum(each.rate for each in flows(mesh(), rates).flows) == 2e6
    for found in (flows(mesh(), rates), flows(mesh(), rates).flows):
        money = cost(found, Prices(region=1), per="hour")
        assert money.total == pytest.approx(7.2)
        assert money.notes == ("the rates have no unit: the cost takes them for bytes a second",)


def test_a_kind_without_a_price_is_told_in_gigabytes() -> None:
    found = cost(flows(mesh(), sent({("back", DB): 1})), Prices(zone=1), per="hour")
    assert (found.total, found.unpriced) == pytest.approx((0, 3.6))
    assert found.summary == "0.00 USD an hour, and 3.6 GB without a price"


def test_flows_of_routes_have_a_cost_too() -> None:
    route = mesh().route("shop/back-0", DB)
    assert cost(route.flows(), Prices(region=1), unit="GB").total == 1


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"prices": 1}, "prices"),
        ({"per": "decade"}, "per"),
        ({"flows": [1]}, "expected flows"),
        ({"bytes_each": 0}, "bytes_each"),
    ],
)
def test_a_cost_of_nothing_that_is_known_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        cost(**{"flows": (), "prices": Prices(zone=1), "unit": "GB", **wrong})


@pytest.mark.parametrize("price", [-1, float("nan"), float("inf"), True, "1"])
def test_a_price_that_is_none_is_refused(price: Any) -> None:
    with pytest.raises(InvalidValueError, match="zone: expected a price"):
        Prices(zone=price)


# Before and after


def test_each_figure_has_a_delta() -> None:
    rates = sent({("front zone=a", HOST): 9, ("back", HOST): 6})
    before, after = (zone_matrix(mesh(mode), rates) for mode in ("Any", "PreferClose"))
    found = compare(before, after)
    crossing = found.of("cross-zone")
    assert (crossing.before, crossing.after, crossing.change) == pytest.approx((8 / 15, 0, -8 / 15))
    assert found.of("a to b").cells() == ("6", "0", "-6")
    assert found.of("same-zone", HOST).after == 1
    loads = compare(*(load(mesh(mode), rates) for mode in ("Any", "PreferClose")))
    assert loads.of("skew", HOST).cells() == ("1.00", "1.80", "+0.80")
    money = compare(*(cost(each, Prices(zone=1), per="hour") for each in (before, after)))
    assert money.of("cost").change == pytest.approx(-28.8)
    assert repr(compare(before, before)) == "<Deltas none of 19 figures differ>"


def test_figures_of_two_kinds_or_units_are_not_compared() -> None:
    matrix = zone_matrix(mesh(), sent({("back", DB): 1}))
    with pytest.raises(InvalidValueError, match="got ZoneMatrix and Load"):
        compare(matrix, load(mesh()))  # type: ignore[type-var]  # which is refused at run time too
    with pytest.raises(InvalidValueError, match="got 'MB/s' and 'clients'"):
        compare(matrix, zone_matrix(mesh()))


def test_a_workload_that_loses_pods_sends_all_of_its_rate_from_the_rest() -> None:
    rates = sent({("shop/front", API): 10, ("zone=a", DB): 1})
    found = flows(mesh().without(zone="a"), rates)
    assert by_zone(found.flows) == {("api", "b", "b"): 10}
    assert [each.reason for each in found.unmatched] == ["no client is at zone=a"]
