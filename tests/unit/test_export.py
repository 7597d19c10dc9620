"""What is written for an Envoy, and what is refused; `tests/integration` asks a real one."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve
from tests import meshes
from tests.groups import host

from meshtier.component import Component
from meshtier.dataplane import EnvoySettings, LbPolicy, LocalityGroup, ZoneAware
from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError
from meshtier.export import (
    Address,
    Reached,
    Upstream,
    bootstrap,
    cluster,
    cluster_load_assignment,
    discovery_response,
    outlier_detection,
    pipe_address,
    socket_address,
    upstream_of,
)
from meshtier.labels import Labels
from meshtier.locality import Locality
from meshtier.mesh import Backend, Cluster, Mesh, PeeringGateway, Place, Route, Service, ServiceScope, Workload
from meshtier.rules import DestinationRule, OutlierDetection

HOST = "web.shop.mesh.internal"
ADMIN = socket_address("127.0.0.1", 9901)
LISTENER = socket_address("127.0.0.1", 10000)


def pod(name: str, address: str, place: Locality, *, ready: bool = True, weight: int = 1) -> Workload:
    health = Health.HEALTHY if ready else Health.UNHEALTHY
    where = Place(place)
    addresses = (address,) if address else ()
    return Workload(
        cluster="east" if place.network == "net-1" else "west",
        namespace="shop",
        name=name,
        place=where,
        envoy_place=where,
        labels=Labels({"app": "web"}),
        addresses=addresses,
        health=health,
        weight=weight,
    )


NEAR = pod("near", "10.0.0.1", Locality("net-1", "r1", "a", "rack", "n1"), weight=3)
SICK = pod("sick", "10.0.0.2", Locality("net-1", "r1", "a", "rack", "n1"), ready=False)
FAR = pod("far", "10.0.0.3", Locality("net-1", "r1", "b"))
BEYOND = pod("beyond", "10.9.0.1", Locality("net-2", "r2", "c"))


def route(
    *pods: Workload,
    component: Component = Component.SIDECAR,
    policy: Mapping[str, Any] | None = None,
    annotation: str | None = "PreferSameZone",
    waypoint: str = "",
    passthrough: str = "",
    ports: tuple[int, ...] = (80,),
    targets: tuple[tuple[int, int], ...] = (),
) -> Route:
    """The way from a pod on node n1 of east to the service, behind which these pods stand."""
    spec = {"host": HOST, "trafficPolicy": policy}
    rule = {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}
    client = evolve(NEAR, name="client", labels=Labels({"app": "client"}))
    gateway_pod = evolve(client, name="wp", labels=Labels({"gateway.networking.k8s.io/gateway-name": "wp"}))
    clusters: list[Cluster] = []
    for name, network in (("east", "net-1"), ("west", "net-2")):
        own = [one for one in pods if one.cluster == name]
        service = Service(
            cluster=name,
            namespace="shop",
            name="web",
            hosts=("web.shop.svc.cluster.local",),
            annotation=annotation,
            scope=ServiceScope.GLOBAL,
            waypoint=waypoint,
            passthrough=passthrough,
            ports=tuple((number, f"p{number}") for number in ports),
            targets=targets,
            backends=tuple(Backend(one.key, one.health) for one in own),
        )
        to_west = PeeringGateway(
            name="to-west", namespace="gw", cluster="west", place=BEYOND.place, addresses=("192.0.2.1",)
        )
        clusters.append(
            Cluster(
                name=name,
                network=network,
                workloads=(*own, *((client, gateway_pod) if name == "east" else ())),
                services=(service,),
                gateways=(to_west,) if name == "east" else (),
                destination_rules=() if policy is None else (DestinationRule.from_mapping(rule),),
            )
        )
    return Mesh(clusters).route("east/shop/client", HOST, component=component)


def only(data: Mapping[str, Any], key: str) -> Any:  # the tests look into plain JSON
    [found] = data[key]
    return found


# Endpoints


def test_a_route_becomes_one_group_for_each_priority_and_locality() -> None:
    assignment = cluster_load_assignment(route(NEAR, SICK, FAR))
    assert assignment == {
        "cluster_name": HOST,
        "policy": {"overprovisioning_factor": 140},
        "endpoints": [
            {
                "locality": {"region": "r1", "zone": "a", "sub_zone": "rack"},
                "priority": 0,
                "load_balancing_weight": 4,
                "lb_endpoints": [
                    {
                        "endpoint": {"address": socket_address("10.0.0.1", 80)},
                        "health_status": "HEALTHY",
                        "load_balancing_weight": 3,
                        "metadata": {"filter_metadata": {"meshtier": {"endpoint": "east/shop/near"}}},
                    },
                    {
                        "endpoint": {"address": socket_address("10.0.0.2", 80)},
                        "health_status": "UNHEALTHY",
                        "load_balancing_weight": 1,
                        "metadata": {"filter_metadata": {"meshtier": {"endpoint": "east/shop/sick"}}},
                    },
                ],
            },
            {
                "locality": {"region": "r1", "zone": "b"},
                "priority": 1,
                "load_balancing_weight": 1,
                "lb_endpoints": [
                    {
                        "endpoint": {"address": socket_address("10.0.0.3", 80)},
                        "health_status": "HEALTHY",
                        "load_balancing_weight": 1,
                        "metadata": {"filter_metadata": {"meshtier": {"endpoint": "east/shop/far"}}},
                    },
                ],
            },
        ],
    }


def test_the_file_for_eds_holds_exactly_one_typed_resource() -> None:
    response = discovery_response(route(NEAR), name="web", version="7")
    kind = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
    assert response["version_info"] == "7"
    assert response["type_url"] == kind
    assert response["resources"] == [{"@type": kind, **cluster_load_assignment(route(NEAR), name="web")}]
    assert json.loads(json.dumps(response)) == response


def test_every_health_has_its_status() -> None:
    hosts = [host(health.value, health) for health in Health]
    plain = Upstream(name="web", groups=[LocalityGroup(endpoints=hosts)])
    group = only(cluster_load_assignment(plain, address_of=pipe_address), "endpoints")
    statuses = {host["endpoint"]["address"]["pipe"]["path"]: host["health_status"] for host in group["lb_endpoints"]}
    assert statuses == {
        "healthy": "HEALTHY",
        "degraded": "DEGRADED",
        "unhealthy": "UNHEALTHY",
        "terminating": "DRAINING",
    }


def test_what_is_not_set_is_left_out() -> None:
    plain = Upstream(name="web", groups=[LocalityGroup(endpoints=[host("a")])])
    group = only(cluster_load_assignment(plain, address_of=pipe_address), "endpoints")
    assert group["locality"] == {}
    assert "load_balancing_weight" not in group


def test_settings_of_the_assignment_are_in_its_policy() -> None:
    settings = EnvoySettings(overprovisioning_factor=200, weighted_priority_health=True)
    assignment = cluster_load_assignment(Upstream(name="web", groups=[], settings=settings))
    assert assignment["policy"] == {"overprovisioning_factor": 200, "weighted_priority_health": True}
    assert assignment["endpoints"] == []


def test_of_another_network_there_is_one_endpoint_at_the_gateways_address() -> None:
    groups = cluster_load_assignment(route(NEAR, BEYOND, evolve(BEYOND, name="further")))["endpoints"]
    (beyond,) = groups[1]["lb_endpoints"]
    assert beyond["endpoint"] == {"address": socket_address("192.0.2.1", 15008)}
    assert beyond["load_balancing_weight"] == 2
    assert beyond["metadata"]["filter_metadata"]["meshtier"] == {
        "endpoint": "west via gw/to-west",
        "gateway": "Gateway gw/to-west",
        "network": "net-2",
    }


# Addresses


def test_the_caller_can_give_some_addresses_and_leave_the_others() -> None:
    def address_of(identifier: str) -> Address | None:
        return pipe_address("/run/far") if identifier.endswith("far") else None

    groups = cluster_load_assignment(route(NEAR, FAR), address_of=address_of)["endpoints"]
    assert [group["lb_endpoints"][0]["endpoint"]["address"] for group in groups] == [
        socket_address("10.0.0.1", 80),
        pipe_address("/run/far"),
    ]


def test_the_first_ip_address_of_several_is_taken() -> None:
    two = evolve(NEAR, addresses=("web.example.com", "2001:db8::1", "10.0.0.1"))
    group = only(cluster_load_assignment(route(two)), "endpoints")
    assert group["lb_endpoints"][0]["endpoint"]["address"] == socket_address("2001:db8::1", 80)


def test_host_names_and_missing_addresses_are_refused_together() -> None:
    groups = [LocalityGroup(endpoints=[host("a"), host("b"), host("c")])]
    reached = {"a": Reached(addresses=("a.example.com",)), "c": Reached(addresses=("10.0.0.1",))}
    with pytest.raises(InvalidValueError) as caught:
        cluster_load_assignment(Upstream(name="web", groups=groups, reached=reached, ports=(80,)))
    assert caught.value.path == "addresses"
    assert str(caught.value) == (
        "addresses: expected an IP address of its own for each endpoint, but a has only the name a.example.com;"
        " b has no address; EDS takes nothing else, so give another by address_of"
    )


def test_one_address_for_two_endpoints_is_refused() -> None:
    # Networks of their own often have the same addresses, and an Envoy would drop one in silence.
    twin = evolve(FAR, addresses=NEAR.addresses)
    with pytest.raises(InvalidValueError, match=r"east/shop/near and east/shop/far are all at 10\.0\.0\.1 port 80"):
        cluster_load_assignment(route(NEAR, twin))


@pytest.mark.parametrize(("ports", "shown"), [((), "none"), ((80, 81), "80, 81")], ids=["none", "two"])
def test_a_port_is_asked_for_unless_there_is_one(ports: tuple[int, ...], shown: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        cluster_load_assignment(route(NEAR, ports=ports))
    assert (
        str(caught.value) == f"port: expected the port on which the endpoints of {HOST} listen; its ports are: {shown}"
    )
    group = only(cluster_load_assignment(route(NEAR, ports=ports), port=8080), "endpoints")
    assert group["lb_endpoints"][0]["endpoint"]["address"] == socket_address("10.0.0.1", 8080)


@pytest.mark.parametrize("port", [0, 65536, -1, True, "80"])
def test_a_port_must_be_one(port: Any) -> None:
    with pytest.raises(InvalidValueError, match="port: expected an integer from 1 to 65535, got"):
        socket_address("10.0.0.1", port)


def test_an_address_must_be_one() -> None:
    with pytest.raises(InvalidValueError, match="ip: expected an IP address, got 'web'"):
        socket_address("web", 80)
    with pytest.raises(InvalidValueError, match="path: expected a path of 1 to 107 bytes, got ''"):
        pipe_address("")
    with pytest.raises(InvalidValueError, match="path: expected a path of 1 to 107 bytes"):
        pipe_address("ü" * 54)


# What cannot be exported


@pytest.mark.parametrize("component", [Component.ZTUNNEL, Component.KGATEWAY])
def test_components_without_an_envoy_take_no_endpoints_from_a_file(component: Component) -> None:
    with pytest.raises(InvalidValueError) as caught:
        upstream_of(route(NEAR, component=component))
    assert str(caught.value) == (
        f"route: expected a route at an Envoy (waypoint, ingress-gateway or sidecar), got one at {component}, which"
        " takes no endpoints from a file; ask about one of those by `component` (--via)"
    )


def test_of_a_route_through_a_waypoint_that_is_exported_which_all_its_pods_are_told() -> None:
    through = route(NEAR, FAR, component=Component.WAYPOINT, waypoint="shop/wp")
    _, hop = through.hops
    told, alone = upstream_of(through), upstream_of(hop.route)
    assert (told.groups, told.reached, told.ports) == (alone.groups, alone.reached, alone.ports)
    assert [group.priority for group in told.groups] == [0, 1]


def test_of_a_waypoint_whose_pods_are_told_other_things_one_must_be_named() -> None:
    with pytest.raises(InvalidValueError) as caught:
        upstream_of(meshes.on_two_nodes().route("client", meshes.HOST))
    assert str(caught.value) == (
        "route: expected a route at one Envoy, got one through a waypoint whose pods are not told the same;"
        " ask for the route from one of them (--from): east/shop/w1, east/shop/w2, east/shop/w3"
    )


def test_a_waypoint_none_of_whose_pods_gets_traffic_has_nothing_to_export() -> None:
    web, way = meshes.pod("web"), meshes.waypoint_pod("w", meshes.EAST, health=Health.UNHEALTHY)
    made = [meshes.service([web], waypoint="shop/wp"), meshes.service([way], name="wp")]
    asked = Mesh([meshes.cluster([meshes.pod("client"), web, way], made)])
    with pytest.raises(InvalidValueError, match=r"through a waypoint none of whose pods gets traffic$"):
        upstream_of(asked.route("client", meshes.HOST))


def test_a_passed_through_host_has_nothing_to_export() -> None:
    with pytest.raises(InvalidValueError, match=r"web\.shop\.mesh\.internal, which is passed through \(headless\)"):
        upstream_of(route(NEAR, passthrough="headless"))


def test_a_balancer_that_chooses_nothing_is_refused() -> None:
    with pytest.raises(
        InvalidValueError, match="which is passed through \\(DestinationRule shop/web says simple: PASSTHROUGH\\)"
    ):
        upstream_of(route(NEAR, policy={"loadBalancer": {"simple": "PASSTHROUGH"}}))


def test_an_upstream_is_what_an_envoy_would_take() -> None:
    with pytest.raises(InvalidValueError, match="name: expected a non-empty string, got ''"):
        Upstream(name="", groups=[])
    with pytest.raises(InvalidValueError, match="expected a new id, got 'a' again"):
        Upstream(name="web", groups=[LocalityGroup(endpoints=[host("a")]), LocalityGroup(endpoints=[host("a")])])
    with pytest.raises(InvalidValueError, match="groups: expected groups, got 3"):
        Upstream(name="web", groups=3)  # type: ignore[arg-type]  # what a caller without types may pass


# The cluster


def test_the_cluster_of_a_traffic_distribution_weighs_localities_and_never_panics() -> None:
    found = cluster(route(NEAR, FAR), eds_path="/etc/eds.json")
    assert found["name"] == HOST
    assert found["type"] == "EDS"
    assert found["lb_policy"] == "LEAST_REQUEST"
    assert found["eds_cluster_config"] == {
        "eds_config": {"path_config_source": {"path": "/etc/eds.json"}, "resource_api_version": "V3"}
    }
    assert found["common_lb_config"] == {"healthy_panic_threshold": {"value": 0}, "locality_weighted_lb_config": {}}
    assert "outlier_detection" not in found


def test_a_destination_rule_shapes_the_cluster() -> None:
    policy = {
        "loadBalancer": {"simple": "ROUND_ROBIN", "localityLbSetting": {"enabled": False}},
        "outlierDetection": {"consecutive5xxErrors": 3, "minHealthPercent": 30},
    }
    found = cluster(route(NEAR, FAR, policy=policy), eds_path="eds.json", update_merge_window_s=0)
    assert found["lb_policy"] == "ROUND_ROBIN"
    # The service's own traffic distribution keeps Istio's threshold at 0.
    assert found["common_lb_config"] == {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"}
    plain = cluster(route(NEAR, FAR, policy=policy, annotation="Any"), eds_path="eds.json")
    assert plain["common_lb_config"] == {"healthy_panic_threshold": {"value": 30}}
    assert plain.get("outlier_detection") == {
        "enforcing_success_rate": 0,
        "consecutive_5xx": 3,
        "enforcing_consecutive_5xx": 100,
    }


def test_outlier_detection_is_translated_field_by_field() -> None:
    whole = OutlierDetection(
        consecutive_5xx_errors=0,
        consecutive_gateway_errors=2,
        split_external_local_origin_errors=True,
        consecutive_local_origin_failures=4,
        interval_s=1.5,
        base_ejection_time_s=180,
        max_ejection_percent=50,
    )
    assert outlier_detection(whole) == {
        "enforcing_success_rate": 0,
        "consecutive_5xx": 0,
        "enforcing_consecutive_5xx": 0,
        "consecutive_gateway_failure": 2,
        "enforcing_consecutive_gateway_failure": 100,
        "interval": "1.5s",
        "base_ejection_time": "180s",
        "max_ejection_percent": 50,
        "split_external_local_origin_errors": True,
        "enforcing_local_origin_success_rate": 0,
        "consecutive_local_origin_failure": 4,
        "enforcing_consecutive_local_origin_failure": 100,
    }


def test_an_empty_outlier_detection_leaves_envoys_defaults() -> None:
    assert outlier_detection(OutlierDetection(max_ejection_percent=0)) == {"enforcing_success_rate": 0}


def test_listed_statuses_become_a_matcher() -> None:
    policy = {"outlierDetection": {"outlierDetectionHttpErrorCodes": [429, 500]}}
    options = cluster(route(NEAR, policy=policy), eds_path="eds.json").get("typed_extension_protocol_options")
    text = json.dumps(options)
    assert '"or_match"' in text
    assert '{"exact": "429"}' in text
    assert '{"exact": "500"}' in text


@pytest.mark.parametrize(
    ("balancer", "key", "expected"),
    [
        ({"warmupDurationSecs": "10s"}, "least_request_lb_config", {"slow_start_config": {"slow_start_window": "10s"}}),
        (
            {"simple": "ROUND_ROBIN", "warmup": {"duration": "1m", "minimumPercent": 5}},
            "round_robin_lb_config",
            {
                "slow_start_config": {
                    "slow_start_window": "60s",
                    "aggression": {"default_value": 1.0, "runtime_key": "("},
                    "min_weight_percent": {"value": 5},
                }
            },
        ),
        ({"consistentHash": {"useSourceIp": True}}, "ring_hash_lb_config", {"minimum_ring_size": 1024}),
        (
            {"consistentHash": {"useSourceIp": True, "ringHash": {"minimumRingSize": 9}}},
            "ring_hash_lb_config",
            {"minimum_ring_size": 9},
        ),
        (
            {"consistentHash": {"useSourceIp": True, "maglev": {"tableSize": 251}}},
            "maglev_lb_config",
            {"table_size": 251},
        ),
    ],
    ids=["old-warmup", "warmup", "default-ring", "ring", "maglev"],
)
def test_balancers_have_their_own_settings(balancer: dict[str, Any], key: str, expected: dict[str, Any]) -> None:
    found = cluster(route(NEAR, policy={"loadBalancer": balancer}), eds_path="eds.json")
    assert {
        name: value for name, value in found.items() if name.endswith("lb_config") and name != "common_lb_config"
    } == {key: expected}


# The bootstrap


def test_a_bootstrap_holds_a_listener_and_the_cluster() -> None:
    data = bootstrap(route(NEAR), eds_path="eds.json", listener=LISTENER, admin=ADMIN, name="web")
    assert data.get("admin") == {"address": ADMIN}
    assert data["static_resources"]["clusters"] == [cluster(route(NEAR), eds_path="eds.json", name="web")]
    assert only(data["static_resources"], "listeners")["address"] == LISTENER
    assert json.loads(json.dumps(data)) == data


def test_a_zone_aware_envoy_is_told_where_it_and_its_peers_are() -> None:
    here, there = Locality(region="r", zone="a"), Locality(region="r", zone="b")
    settings = EnvoySettings(zone_aware=ZoneAware(node_locality=here, local_hosts={here: 1, there: 2}))
    data = bootstrap(Upstream(name="web", groups=[], settings=settings), eds_path="eds.json", listener=LISTENER)
    assert data["node"]["locality"] == {"region": "r", "zone": "a"}
    assert data.get("cluster_manager") == {"local_cluster_name": "meshtier-local"}
    clusters: Any = data["static_resources"]["clusters"]
    assert clusters[0]["common_lb_config"]["zone_aware_lb_config"] == {
        "routing_enabled": {"value": 100.0},
        "min_cluster_size": 6,
        "fail_traffic_on_panic": False,
    }
    groups = clusters[1]["load_assignment"]["endpoints"]
    assert [(group["locality"]["zone"], len(group["lb_endpoints"])) for group in groups] == [("a", 1), ("b", 2)]


@pytest.mark.parametrize(
    ("hashing", "expected"),
    [
        ({"httpHeaderName": "x-user"}, {"header": {"header_name": "x-user"}}),
        ({"httpCookie": {"name": "user", "ttl": "10s"}}, {"cookie": {"name": "user", "ttl": "10s"}}),
        ({"useSourceIp": True}, {"connection_properties": {"source_ip": True}}),
        ({"httpQueryParameterName": "user"}, {"query_parameter": {"name": "user"}}),
        ({"maglev": {}}, {"header": {"header_name": "x-meshtier-key"}}),
    ],
    ids=["header", "cookie", "source-ip", "query", "none"],
)
def test_requests_are_hashed_as_the_rule_says(hashing: dict[str, Any], expected: dict[str, Any]) -> None:
    policy = {"loadBalancer": {"consistentHash": hashing}}
    data = bootstrap(route(NEAR, policy=policy), eds_path="eds.json", listener=LISTENER)
    assert json.dumps({"hash_policy": [expected]})[1:-1] in json.dumps(data)


def test_the_balancer_can_be_exchanged_before_it_is_exported() -> None:
    upstream = upstream_of(route(NEAR, SICK, FAR))
    changed = evolve(upstream, settings=evolve(upstream.settings, lb_policy=LbPolicy.RING_HASH))
    assert cluster(changed, eds_path="eds.json")["lb_policy"] == "RING_HASH"
    assert upstream_of(changed) is changed


def test_the_endpoints_are_exported_where_they_listen() -> None:
    group = only(cluster_load_assignment(route(NEAR, ports=(80,), targets=((80, 8080),))), "endpoints")
    ports = {host["endpoint"]["address"]["socket_address"]["port_value"] for host in group["lb_endpoints"]}
    assert ports == {8080}
