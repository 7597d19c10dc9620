"""A ztunnel's dump as a cluster."""

import copy
from typing import Any

import pytest

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.errors import InputError
from meshtier.kube import read
from meshtier.locality import Locality, Scope
from meshtier.mesh import Cluster, Mesh, Service
from meshtier.preference import Preference
from meshtier.profile import Profile


def workload(name: str, **more: object) -> dict[str, Any]:
    return {
        "uid": f"east//Pod/a/{name}",
        "name": name,
        "namespace": "a",
        "workloadIps": ["10.0.0.1"],
        "clusterId": "east",
        "network": "net-1",
        "node": "n1",
        "locality": {"region": "r", "zone": "z", "subzone": ""},
        "status": "Healthy",
        **more,
    }


def service(*uids: str, **more: object) -> dict[str, Any]:
    endpoints = {uid: {"workloadUid": uid, "service": "a/s", "port": {"80": 8080}} for uid in uids}
    return {
        "name": "s",
        "namespace": "a",
        "hostname": "s.a.svc.cluster.local",
        "vips": ["net-1/10.1.0.1"],
        "ports": {"80": 8080},
        "endpoints": endpoints,
        **more,
    }


P = "east//Pod/a/p"


def dump(workloads: object, services: object = ()) -> Cluster:
    (cluster,) = read({"workloads": workloads, "services": services, "policies": [], "certificates": []})
    return cluster


def problems(workloads: object, services: object = ()) -> list[str]:
    with pytest.raises(InputError) as caught:
        dump(workloads, services)
    return [str(problem) for problem in caught.value.problems]


def only(**more: object) -> Service:
    (found,) = dump([workload("p")], [service(P, **more)]).services
    return found


def test_a_workload_says_where_it_is() -> None:
    cluster = dump([workload("p", capacity=3, status="Unhealthy")])
    (found,) = cluster.workloads.values()
    assert (cluster.name, cluster.network, found.kind) == ("east", "net-1", "Pod")
    assert found.place.locality == Locality("net-1", "r", "z", "", "n1")
    assert found.place.origin(Scope.ZONE) == "ztunnel dump locality.zone"
    assert (found.weight, found.health, found.addresses) == (3, Health.UNHEALTHY, ("10.0.0.1",))
    assert list(cluster.nodes) == ["n1"]


def test_lists_and_maps_say_the_same() -> None:
    one = service(P)
    as_list = copy.deepcopy(one)
    as_list["endpoints"] = list(one["endpoints"].values())
    assert dump({"k": workload("p")}, {"v4": one, "v6": one}) == dump([workload("p")], [as_list])


def test_workloads_of_other_clusters_are_remote() -> None:
    west = workload("p", uid="west//Pod/a/p", clusterId="west")
    cluster = dump([workload("p"), workload("q"), west])
    assert [(each.id, each.remote_cluster) for each in cluster.workloads.values()] == [
        ("east/a/p", ""),
        ("east/a/q", ""),
        ("east/a/west//Pod/a/p", "west"),
    ]
    assert [note.rule for note in cluster.notes] == ["LOC-2"]


@pytest.mark.parametrize(
    ("uid", "kind"),
    [
        ("east/networking.istio.io/WorkloadEntry/a/w", "WorkloadEntry"),
        ("east/networking.istio.io/ServiceEntry/a/e/10.0.0.1", "ServiceEntry endpoint"),
        ("", "Pod"),
    ],
)
def test_the_uid_names_the_kind(uid: str, kind: str) -> None:
    (found,) = dump([workload("w", uid=uid)]).workloads.values()
    assert found.kind == kind


def behind(destination: str, name: str = "w", cluster: str = "west", **more: object) -> dict[str, Any]:
    gateway = {"destination": destination, "hboneMtlsPort": 15008}
    uid = f"{cluster}//Pod/a/{name}"
    fields = {"uid": uid, "clusterId": cluster, "network": "net-2", "node": "", "workloadIps": []}
    return workload(name, **{**fields, "networkGateway": gateway, **more})


def test_a_workload_of_another_network_is_behind_the_gateway_that_it_names() -> None:
    cluster = dump([workload("p"), workload("q"), behind("net-2/10.2.0.1")])
    assert [each.addresses for each in cluster.workloads.values()] == [("10.0.0.1",), ("10.0.0.1",), ()]
    (gateway,) = cluster.gateways
    assert str(gateway) == "Gateway net-2/10.2.0.1"
    assert (gateway.remote, gateway.cluster, gateway.addresses, gateway.notes) == (True, "west", ("10.2.0.1",), ())
    assert gateway.place.locality == Locality("net-2", "r", "z")
    assert gateway.place.origin(Scope.ZONE) == "ztunnel dump locality.zone"


@pytest.mark.parametrize(
    ("destination", "namespace", "address"),
    [
        ("net-2/fd00::1", "net-2", "fd00::1"),
        ("/10.2.0.1", "", "10.2.0.1"),
        ("istio-gateways/east-west.example.com", "istio-gateways", "east-west.example.com"),
    ],
)
def test_a_gateway_is_an_address_or_a_host(destination: str, namespace: str, address: str) -> None:
    (gateway,) = dump([workload("p"), behind(destination, cluster="east")]).gateways
    assert (gateway.namespace, gateway.name, gateway.addresses) == (namespace, address, (address,))


def test_each_network_and_destination_is_one_gateway_and_has_what_is_the_same_behind_it() -> None:
    there = {"region": "r", "zone": "z2"}
    cluster = dump(
        [
            *[workload(name) for name in ("p", "q", "s", "t", "u")],
            behind("net-2/10.2.0.1"),
            behind("net-2/10.2.0.1", "x", "north", locality=there),
            behind("net-2/10.2.0.2", "y"),
            behind("net-3/10.2.0.1", "z", network="net-3", workloadIps=["10.3.0.1"]),
        ]
    )
    assert [(str(each), each.cluster, each.place.locality) for each in cluster.gateways] == [
        ("Gateway net-2/10.2.0.1", "", Locality("net-2", "r")),
        ("Gateway net-2/10.2.0.2", "west", Locality("net-2", "r", "z")),
        ("Gateway net-3/10.2.0.1", "west", Locality("net-3", "r", "z")),
    ]


def test_the_gateway_of_the_own_network_leads_nowhere_else() -> None:
    assert dump([workload("p", networkGateway={"destination": "net-1/10.2.0.1"})]).gateways == ()


def test_a_gateway_that_is_neither_address_nor_host_is_refused() -> None:
    path = "ztunnel dump, workloads[0].networkGateway.destination"
    expected = "expected 'network/address' or 'namespace/hostname', got"
    for text in ("10.2.0.1", "net-2/"):
        (problem,) = problems([behind(text)])
        assert f"{path}: {expected} {text!r}" in problem


def test_the_route_of_a_dump_goes_through_the_gateway() -> None:
    remote = behind("net-2/10.2.0.1")
    cluster = dump([workload("p"), workload("q"), remote], [service(P, remote["uid"])])
    route = Mesh((cluster,)).route("a/q", "s.a.svc.cluster.local", profile=Profile.named("istio-1.31"))
    assert list(route.excluded) == []
    assert sum(route.shares.values()) == 1


def test_the_entry_of_a_peer_is_of_the_cluster_that_its_name_gives() -> None:
    name = "autogen.west.a.s"
    entries = [
        behind("net-2/10.2.0.1", name, "east", locality={"region": "r2"}),
        behind("net-2/10.2.0.1", "autogen.north.a.s", "east", capacity=3),
    ]
    cluster = dump([workload("p"), *entries], [service(*(each["uid"] for each in entries))])
    assert [each.remote_cluster for each in cluster.workloads.values()] == ["", "west", "north"]
    route = Mesh((cluster,)).route("a/p", "s.a.svc.cluster.local")
    assert {endpoint.cluster: endpoint.weight for endpoint in route.endpoints} == {"west": 1, "north": 3}
    assert {note.code for note in route.notes} == {"peer-dump-missing"}


@pytest.mark.parametrize(
    ("component", "profile", "noted"),
    [("waypoint", "solo", True), ("ztunnel", "solo", False), ("waypoint", "istio-1.31", False)],
)
def test_a_local_name_that_may_be_taken_over_is_noted_at_a_waypoint(component: str, profile: str, noted: bool) -> None:
    remote = behind("net-2/10.2.0.1")
    cluster = dump([workload("p"), workload("q"), remote], [service(P, remote["uid"])])
    route = Mesh((cluster,)).route(
        "a/q", "s.a.svc.cluster.local", component=Component(component), profile=Profile.named(profile)
    )
    assert ("waypoint-may-keep-local" in {note.code for note in route.notes}) is noted


def test_behind_a_gateway_too_ztunnel_compares_the_places_that_it_was_told() -> None:
    pods = [
        behind("net-2/10.2.0.1", "near", workloadIps=["10.2.0.8"], locality={"region": "r", "zone": "z"}),
        behind("net-2/10.2.0.1", "far", workloadIps=["10.2.0.9"], locality={"region": "r", "zone": "y"}),
        behind("net-2/10.2.0.1", "ill", workloadIps=["10.2.0.7"], status="Unhealthy"),
    ]
    balancer = {"mode": "Failover", "routingPreferences": ["Network", "Region", "Zone"]}
    served = {**service(*(each["uid"] for each in pods)), "loadBalancer": balancer}
    cluster = dump([*(workload(name) for name in "pqst"), *pods], [served])
    route = Mesh((cluster,)).route("a/p", "s.a.svc.cluster.local", profile=Profile.named("istio-1.31"))
    places = [(tier.number, [endpoint.locality.zone for endpoint in tier.endpoints]) for tier in route.tiers]
    assert places == [(3, ["z"]), (4, ["y"])]
    assert [(item.endpoint.id, item.rule) for item in route.excluded] == [("east/a/ill", "TIER-5")]


@pytest.mark.parametrize("name", ["east-west", "gw"])
def test_what_stands_for_another_network_has_a_kind_of_its_own(name: str) -> None:
    uid = f"net-2/SplitHorizonWorkload/istio-system/{name}/10.2.0.1/a/s.a.svc.cluster.local"
    cluster = dump([workload("p"), behind("net-2/10.2.0.1", name, uid=uid)])
    assert [each.kind for each in cluster.workloads.values()] == ["Pod", "SplitHorizonWorkload"]


def test_a_service_with_its_endpoints() -> None:
    found = only()
    assert (found.kind, found.hosts, found.ports) == ("Service", ("s.a.svc.cluster.local",), ((80, ""),))
    assert [(backend.workload[2], backend.ports) for backend in found.backends] == [("p", None)]


def test_an_endpoint_has_a_status_and_ports_of_its_own() -> None:
    endpoint = {"workloadUid": P, "port": {"80": 8080}, "status": "Unhealthy"}
    (backend,) = only(ports={"80": 8080, "81": 8081}, endpoints=[endpoint]).backends
    assert (backend.health, backend.ports) == (Health.UNHEALTHY, frozenset({80}))


def test_any_other_host_is_a_service_entry() -> None:
    assert only(hostname="x.org").kind == "ServiceEntry"


@pytest.mark.parametrize(
    ("mode", "words", "preference"),
    [
        ("Failover", ["Network", "Region"], Preference([Scope.NETWORK, Scope.REGION])),
        ("Failover", ["Zone", "Cluster", "Zone"], Preference([Scope.ZONE, Scope.CLUSTER, Scope.ZONE])),
        ("Failover", [], Preference([])),
        ("FAILOVER", ["SUBZONE", "node"], Preference([Scope.SUBZONE, Scope.NODE])),
        ("Strict", ["Node"], Preference([Scope.NODE], strict=True)),
        ("Strict", ["Region", "Zone"], Preference([Scope.REGION, Scope.ZONE], strict=True)),
        ("Standard", ["Region"], Preference([])),
        (None, ["Region"], Preference([])),
        ("Passthrough", ["Region"], Preference([Scope.REGION])),
    ],
    ids=["two", "any-order", "empty", "any-case", "node", "strict", "standard", "absent", "passthrough"],
)
def test_the_list_of_a_service_is_its_preference_as_it_stands(
    mode: str | None, words: list[str], preference: Preference
) -> None:
    found = only(loadBalancer={"mode": mode, "routingPreferences": words, "healthPolicy": "OnlyHealthy"})
    assert found.preference == preference
    assert (found.traffic_distribution, found.annotation, found.internal_traffic_policy) == (None, None, None)
    assert found.passthrough == ("ztunnel passes the connection through" if mode == "Passthrough" else "")
    assert found.notes == ()


def test_a_service_without_a_load_balancer_compares_nothing() -> None:
    assert only().preference == Preference([])


@pytest.mark.parametrize(("policy", "publishes"), [("AllowAll", True), ("OnlyHealthy", False), (None, False)])
def test_the_health_policy_says_whether_unready_endpoints_are_used(policy: str | None, publishes: bool) -> None:
    assert only(loadBalancer={"mode": "Standard", "healthPolicy": policy}).publish_not_ready is publishes


def test_words_that_ztunnel_does_not_know_are_refused() -> None:
    where = "ztunnel dump, services[0].loadBalancer"
    scopes = "Network, Region, Zone, Subzone, Node, Cluster"
    balancer = {"mode": "Best", "routingPreferences": ["Zone", "Galaxy"], "healthPolicy": "Some"}
    assert problems([workload("p")], [service(P, loadBalancer=balancer)]) == [
        f"{where}.mode: expected one of Standard, Failover, Strict, Passthrough, got 'Best'",
        f"{where}.routingPreferences[1]: expected one of {scopes}, got 'Galaxy'",
        f"{where}.healthPolicy: expected one of OnlyHealthy, AllowAll, got 'Some'",
    ]


def test_an_unknown_status_of_an_endpoint_is_refused() -> None:
    endpoint = {"workloadUid": P, "port": {"80": 8080}, "status": "Fine"}
    assert problems([workload("p")], [service(P, endpoints=[endpoint])]) == [
        "ztunnel dump, services[0].endpoints[0].status: expected one of Healthy, Unhealthy, got 'Fine'"
    ]


def test_of_a_dump_under_another_name_the_most_frequent_cluster_is_its_own() -> None:
    west = workload("w", uid="west//Pod/a/w", clusterId="west")
    given = {"workloads": [workload("p"), workload("q"), west], "services": []}
    (named,) = read(clusters={"prod": given})
    assert [(each.id, each.remote_cluster) for each in named.workloads.values()] == [
        ("prod/a/p", ""),
        ("prod/a/q", ""),
        ("prod/a/w", "west"),
    ]
    (other,) = read(clusters={"west": given})
    assert [each.remote_cluster for each in other.workloads.values()] == ["east", "east", ""]


@pytest.mark.parametrize(
    ("destination", "waypoint"),
    [("a/w.a.svc.cluster.local", "a/w"), ("net-1/10.1.0.1", "a/s"), ("/10.9.9.9", ""), ("net-1/fd00::1", "")],
)
def test_a_waypoint_by_name_or_by_address(destination: str, waypoint: str) -> None:
    assert only(waypoint={"destination": destination, "hboneMtlsPort": 15008}).waypoint == waypoint


def test_a_waypoint_of_a_dump_binds_as_it_stands() -> None:
    """WP-2: what a ztunnel was told is no question of Gateways."""
    destination = "infra/w.infra.svc.cluster.local"
    gateway = dump([], [service(waypoint={"destination": destination})]).waypoints["infra/w"]
    assert gateway.takes("a", {})
    assert (str(gateway), gateway.serves, gateway.ready) == ("Gateway infra/w", "service", True)


def test_all_that_is_wrong_is_named_with_its_path() -> None:
    wrong = [workload("p", status="Well"), workload("p"), workload("q", capacity=-1), 5]
    assert problems(wrong, {"x": service("nobody"), "y": {"name": "s"}}) == [
        "ztunnel dump, workloads[3]: expected a mapping, got 5",
        "ztunnel dump, workloads[0].status: expected one of Healthy, Unhealthy, got 'Well'",
        "ztunnel dump, workloads[1].uid: expected each workload once, got 'east//Pod/a/p' again",
        "ztunnel dump, workloads[2].capacity: expected an integer from 0 to 4294967295, got -1",
        "ztunnel dump, services[y].namespace: expected a value, got none",
        "ztunnel dump, services[y].hostname: expected a value, got none",
        "ztunnel dump, services[x].endpoints[nobody].workloadUid: expected the uid of a workload, got 'nobody'",
    ]


def test_workloads_that_are_neither_list_nor_map_are_refused() -> None:
    assert problems("none") == ["ztunnel dump, workloads: expected a list or a mapping, got 'none'"]


def test_a_dump_and_manifests_of_one_cluster_do_not_mix() -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
    with pytest.raises(InputError, match="expected nothing else of cluster 'east' beside a ztunnel dump, got more"):
        read({"workloads": [workload("p")], "services": []}, node)


def test_dumps_of_two_clusters_are_two_clusters() -> None:
    west = workload("p", uid="west//Pod/a/p", clusterId="west")
    clusters = read({"workloads": [workload("p")], "services": []}, {"workloads": [west], "services": []})
    assert [cluster.name for cluster in clusters] == ["east", "west"]
