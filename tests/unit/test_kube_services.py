"""What Services and ServiceEntries say, and who stands behind them."""

from typing import Any

import pytest

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.kube import load, read
from meshtier.locality import Locality
from meshtier.mesh import Cluster, Service, ServiceScope, Workload

ISTIO = "networking.istio.io/v1"


def made(
    kind: str, name: str, *, api: str = "v1", metadata: dict[str, Any] | None = None, **more: object
) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "a", **(metadata or {})}, **more}


def pod(name: str, ip: str = "", *, phase: str = "Running", **labels: str) -> dict[str, Any]:
    status = {"phase": phase, "podIP": ip or None}
    return made("Pod", name, metadata={"labels": labels}, spec={"nodeName": "n1"}, status=status)


def service(metadata: dict[str, Any] | None = None, name: str = "s", **spec: object) -> dict[str, Any]:
    return made("Service", name, metadata=metadata, spec=spec)


def entry(**spec: object) -> dict[str, Any]:
    return made("ServiceEntry", "e", api=ISTIO, spec=spec)


def slice_of(*endpoints: dict[str, Any], name: str = "s-1", **more: object) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": "s"}
    return made(
        "EndpointSlice", name, api="discovery.k8s.io/v1", metadata={"labels": labels}, endpoints=endpoints, **more
    )


def to_pod(name: str, **conditions: bool | None) -> dict[str, Any]:
    return {"addresses": ["10.9.9.9"], "conditions": conditions, "targetRef": {"kind": "Pod", "name": name}}


N1 = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "z"}}}


def cluster_of(*objects: dict[str, Any]) -> Cluster:
    (cluster,) = read((N1, *objects))
    return cluster


def only(*objects: dict[str, Any]) -> Service:
    (found,) = cluster_of(*objects).services
    return found


def behind(*objects: dict[str, Any]) -> list[str]:
    return [backend.workload[2] for backend in only(*objects).backends]


def test_a_service_carries_its_settings() -> None:
    annotation = {"networking.istio.io/traffic-distribution": "PreferNetwork"}
    found = only(
        service(
            {"annotations": annotation, "labels": {"app": "x"}},
            trafficDistribution="PreferClose",
            internalTrafficPolicy="Local",
            publishNotReadyAddresses=True,
            ports=[{"port": 80, "name": "http", "targetPort": "web"}, {"port": 81}],
        )
    )
    assert (found.traffic_distribution, found.annotation) == ("PreferClose", "PreferNetwork")
    assert (found.internal_traffic_policy, found.publish_not_ready) == ("Local", True)
    assert found.hosts == ("s.a.svc.cluster.local",)
    assert found.ports == ((80, "http"), (81, ""))
    assert found.labels == {"app": "x"}
    assert found.passthrough == ""


@pytest.mark.parametrize(
    ("spec", "why"),
    [({"clusterIP": "None"}, "headless"), ({"type": "ExternalName", "externalName": "x.org"}, "ExternalName")],
)
def test_services_that_pass_connections_through(spec: dict[str, Any], why: str) -> None:
    assert only(service(**spec)).passthrough == why


@pytest.mark.parametrize(
    ("annotations", "asks"),
    [
        ({"service.kubernetes.io/topology-mode": "Auto"}, "service.kubernetes.io/topology-mode"),
        ({"service.kubernetes.io/topology-aware-hints": "auto"}, "service.kubernetes.io/topology-aware-hints"),
        ({"service.kubernetes.io/topology-mode": "Disabled"}, ""),
        (
            {
                "service.kubernetes.io/topology-aware-hints": "disabled",
                "service.kubernetes.io/topology-mode": "Auto",
            },
            "",
        ),
        ({}, ""),
    ],
)
def test_the_annotation_that_asks_for_hints_is_kept(annotations: dict[str, str], asks: str) -> None:
    assert only(service({"annotations": annotations})).hints_annotation == asks


def test_upper_case_makes_no_difference_to_the_hosts_of_an_entry() -> None:
    assert only(entry(hosts=["Covers.Example"], resolution="DNS")).hosts == ("covers.example",)


def test_the_domain_is_the_callers() -> None:
    (cluster,) = read(service(), domain="corp.example")
    assert (cluster.domain, cluster.services[0].hosts) == ("corp.example", ("s.a.svc.corp.example",))


@pytest.mark.parametrize(
    ("own", "around", "scope", "origin"),
    [
        ({}, {}, ServiceScope.CLUSTER, ""),
        ({"solo.io/service-scope": "global"}, {}, ServiceScope.GLOBAL, "Service a/s label solo.io/service-scope"),
        ({}, {"solo.io/service-scope": "segment"}, ServiceScope.SEGMENT, "Namespace a label solo.io/service-scope"),
        (
            {"solo.io/service-scope": "cluster"},
            {"solo.io/service-scope": "global-only"},
            ServiceScope.CLUSTER,
            "Service a/s label solo.io/service-scope",
        ),
        ({"istio.io/global": "true"}, {}, ServiceScope.GLOBAL, "Service a/s label istio.io/global"),
        ({"istio.io/global": "false"}, {}, ServiceScope.CLUSTER, ""),
    ],
)
def test_the_scope_of_a_service(own: object, around: object, scope: ServiceScope, origin: str) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": around}}
    found = only(namespace, service({"labels": own}))
    assert (found.scope, found.scope_origin, found.notes) == (scope, origin, ())


def test_an_unknown_scope_is_that_of_the_cluster_with_a_note() -> None:
    found = only(service({"labels": {"solo.io/service-scope": "galaxy"}}))
    assert found.scope is ServiceScope.CLUSTER
    (note,) = found.notes
    assert (note.rule, note.object) == ("COMP-3", "Service a/s label solo.io/service-scope")
    allowed = "'cluster', 'global', 'global-only', 'segment'"
    assert note.text == f"expected one of {allowed}, got 'galaxy': taken as 'cluster'"


@pytest.mark.parametrize(
    ("own", "around", "waypoint"),
    [
        ({}, {}, ""),
        ({"istio.io/use-waypoint": "w"}, {}, "a/w"),
        ({}, {"istio.io/use-waypoint": "w", "istio.io/use-waypoint-namespace": "infra"}, "infra/w"),
        ({"istio.io/use-waypoint": "none"}, {"istio.io/use-waypoint": "w"}, ""),
        ({"istio.io/use-waypoint": ""}, {"istio.io/use-waypoint": "w"}, ""),
        ({"istio.io/use-waypoint-namespace": "infra"}, {"istio.io/use-waypoint": "w"}, "a/w"),
        ({"gateway.istio.io/managed": "istio.io-mesh-controller"}, {"istio.io/use-waypoint": "w"}, ""),
        ({"gateway.istio.io/managed": "istio.io-eastwest-controller"}, {"istio.io/use-waypoint": "w"}, ""),
        ({"gateway.istio.io/managed": "istio.io-gateway-controller"}, {"istio.io/use-waypoint": "w"}, "a/w"),
        ({}, {"istio.io/use-waypoint": "s"}, ""),
        ({}, {"gateway.istio.io/managed": "istio.io-mesh-controller", "istio.io/use-waypoint": "w"}, "a/w"),
    ],
)
def test_the_waypoint_of_a_service(own: object, around: object, waypoint: str) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": around}}
    assert only(namespace, service({"labels": own})).waypoint == waypoint


TAKEOVER = "solo.io/service-takeover"


@pytest.mark.parametrize(
    ("own", "around", "takeover"),
    [
        ({}, {}, False),
        ({TAKEOVER: "true"}, {}, True),
        ({TAKEOVER: "false"}, {}, False),
        ({}, {TAKEOVER: "true"}, True),
        ({TAKEOVER: "false"}, {TAKEOVER: "true"}, False),
        ({TAKEOVER: "odd"}, {TAKEOVER: "true"}, False),
        ({"istio.io/global": "true"}, {}, True),
        ({TAKEOVER: "false", "istio.io/global": "true"}, {}, False),
    ],
)
def test_takeover_is_a_label_of_the_service_before_that_of_its_namespace(
    own: object, around: object, takeover: bool
) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": around}}
    assert only(namespace, service({"labels": own})).takeover is takeover


@pytest.mark.parametrize(
    ("own", "around", "istio_global"),
    [
        ({}, {}, False),
        ({"istio.io/global": "true"}, {}, True),
        ({"istio.io/global": "yes"}, {}, False),
        ({}, {"istio.io/global": "true"}, False),
    ],
)
def test_istios_own_label_of_a_global_service_is_read_from_the_service(
    own: object, around: object, istio_global: bool
) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": around}}
    assert only(namespace, service({"labels": own})).istio_global is istio_global


def test_a_service_entry_has_a_waypoint_by_the_same_labels() -> None:
    labels = {"istio.io/use-waypoint": "w", "istio.io/ingress-use-waypoint": "true"}
    found = only({**entry(hosts=["x.example"]), "metadata": {"name": "e", "namespace": "a", "labels": labels}})
    assert (found.waypoint, found.ingress_waypoint) == ("a/w", True)


@pytest.mark.parametrize(
    ("own", "around", "through"),
    [
        (None, None, False),
        ("true", None, True),
        ("True", None, True),
        ("1", None, True),
        ("yes", None, False),
        (None, "true", True),
        ("false", "true", False),
        ("maybe", "true", False),
        ("", "true", False),
    ],
)
def test_an_ingress_gateway_uses_the_waypoint_by_a_label(own: str | None, around: str | None, through: bool) -> None:
    def labels(value: str | None) -> dict[str, str]:
        return {} if value is None else {"istio.io/ingress-use-waypoint": value}

    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": labels(around)}}
    assert only(namespace, service({"labels": labels(own)})).ingress_waypoint is through


def test_without_slices_the_selector_finds_the_pods_with_a_note() -> None:
    pods = [
        pod("p", app="x", v="1"),
        pod("q", app="x"),
        pod("r", app="y"),
        pod("done", phase="Succeeded", app="x", v="1"),
    ]
    found = only(*pods, service(selector={"app": "x", "v": "1"}))
    assert [backend.workload[2] for backend in found.backends] == ["p"]
    assert [note.rule for note in found.notes] == ["INPUT"]


def test_a_service_without_selector_and_slices_has_no_backends() -> None:
    found = only(pod("p", app="x"), service())
    assert (found.backends, found.notes) == ((), ())


def test_slices_say_who_is_behind_a_service_and_how_they_are() -> None:
    pods = [pod(name, app="x") for name in ("p", "q", "r", "s", "t")]
    endpoints = [
        to_pod("p", ready=True),
        to_pod("q", ready=False),
        to_pod("r", ready=None),
        to_pod("s", ready=True, terminating=True),
    ]
    found = only(*pods, service(selector={"app": "x"}), slice_of(*endpoints))
    assert [(backend.workload[2], backend.health) for backend in found.backends] == [
        ("p", Health.HEALTHY),
        ("q", Health.UNHEALTHY),
        ("r", Health.HEALTHY),
        ("s", Health.TERMINATING),
    ]
    assert found.notes == ()


def alone(*objects: dict[str, Any]) -> list[Workload]:
    cluster = cluster_of(*objects)
    found = [cluster.workloads[backend.workload] for each in cluster.services for backend in each.backends]
    assert {each.kind for each in found} <= {"EndpointSlice endpoint"}
    return found


def test_an_address_without_reference_has_a_place_for_envoys_alone() -> None:
    known = {"addresses": ["10.0.0.1"], "nodeName": "n1", "zone": "other"}
    found = alone(service(), slice_of(known, {"addresses": ["10.0.0.2"], "zone": "z2"}, {"addresses": ["10.0.0.3"]}))
    assert [(each.name, each.place.locality, each.envoy_place.locality) for each in found] == [
        ("s/10.0.0.1", Locality(), Locality(zone="z", node="n1")),
        ("s/10.0.0.2", Locality(), Locality(zone="z2")),
        ("s/10.0.0.3", Locality(), Locality()),
    ]


def test_an_address_without_reference_is_not_the_pod_there_and_has_its_labels_and_place_for_envoys() -> None:
    pods = [pod("old", "10.0.0.1", phase="Failed", app="w"), pod("p", "10.0.0.1", app="x")]
    (found,) = alone(*pods, service(), slice_of({"addresses": ["10.0.0.1"]}))
    assert (found.name, found.place.locality, found.envoy_place.locality) == (
        "s/10.0.0.1",
        Locality(),
        Locality(zone="z", node="n1"),
    )
    assert found.labels == {"app": "x"}


def test_pods_at_one_address_are_told_apart_by_the_selector() -> None:
    pods = [pod("p", "10.0.0.1", app="x"), pod("q", "10.0.0.1", app="y")]
    (found,) = alone(*pods, service(selector={"app": "y"}), slice_of({"addresses": ["10.0.0.1"]}))
    assert found.labels == {"app": "y"}


def test_a_reference_to_a_pod_that_is_not_there_is_not_the_pod_at_its_address() -> None:
    (found,) = alone(pod("p", "10.9.9.9"), service(), slice_of(to_pod("q", ready=True)))
    assert (found.name, found.absent) == ("q", "the Pod a/q is not there")


def test_a_reference_to_anything_but_a_pod_is_an_address() -> None:
    endpoint = {"addresses": ["10.0.0.1"], "zone": "z2", "targetRef": {"kind": "VirtualMachineInstance", "name": "vm"}}
    (found,) = alone(pod("p", "10.0.0.2"), service(), slice_of(endpoint))
    assert (found.name, found.absent, found.envoy_place.locality) == ("vm", "", Locality(zone="z2"))


def test_a_dump_without_any_pods_knows_no_pod_that_is_missing() -> None:
    (found,) = alone(service(), slice_of({**to_pod("q"), "zone": "z2", "nodeName": "n7"}))
    assert (found.name, found.absent) == ("q", "")
    assert found.place.locality == found.envoy_place.locality == Locality(zone="z2", node="n7")


def test_what_refers_to_a_pod_that_is_not_there_is_excluded_with_the_reason() -> None:
    objects = [N1, pod("client", "10.0.0.9"), service(), slice_of(to_pod("q", ready=True))]
    for component in ("ztunnel", "sidecar"):
        route = load(objects).route("a/client", "s.a.svc.cluster.local", component=Component(component))
        (exclusion,) = route.excluded
        assert str(exclusion) == "a/q: stands for nothing that is there (the Pod a/q is not there) [LOC-4a]"


def test_an_endpoint_of_two_slices_is_one_backend_with_the_ports_of_both() -> None:
    ports = [{"port": 80, "name": "http"}, {"port": 81, "name": "admin"}, {"port": 82, "name": "debug"}]
    slices = [
        slice_of(to_pod("p", ready=False), ports=[{"name": "http", "port": 8080}]),
        slice_of(to_pod("p", ready=True), name="s-2", ports=[{"name": "admin", "port": 8081}]),
    ]
    (backend,) = only(pod("p"), service(ports=ports), *slices).backends
    assert (backend.ports, backend.health) == (frozenset({80, 81}), Health.HEALTHY)


def test_slices_for_all_ports_restrict_nothing() -> None:
    sliced = slice_of(to_pod("p"), ports=[{"name": "http", "port": 8080}])
    (backend,) = only(pod("p"), service(ports=[{"port": 80, "name": "http"}]), sliced).backends
    assert backend.ports is None


def test_workload_entries_stand_behind_the_services_that_select_them() -> None:
    west = made("WorkloadEntry", "w", api=ISTIO, spec={"labels": {"app": "x"}, "address": "10.1.0.1"})
    assert behind(pod("p", app="x"), west, service(selector={"app": "x"}), slice_of(to_pod("p"))) == ["p", "w"]


def test_inline_endpoints_of_a_service_entry_are_workloads() -> None:
    endpoints = [{"address": "10.0.0.1", "locality": "r/z", "weight": 3}, {"address": "10.0.0.1"}, {"network": "n"}]
    cluster = cluster_of(entry(hosts=["db.example"], resolution="STATIC", endpoints=endpoints))
    (found,) = cluster.services
    assert (found.kind, found.hosts, found.passthrough) == ("ServiceEntry", ("db.example",), "")
    assert [(each.kind, each.name, each.weight) for each in cluster.workloads.values()] == [
        ("ServiceEntry endpoint", "e/10.0.0.1", 3),
        ("ServiceEntry endpoint", "e/10.0.0.1#2", 1),
        ("ServiceEntry endpoint", "e/endpoint", 1),
    ]
    assert next(iter(cluster.workloads.values())).place.locality == Locality(region="r", zone="z")


@pytest.mark.parametrize("resolution", [None, "NONE"])
def test_a_service_entry_that_resolves_nothing_passes_through(resolution: str | None) -> None:
    assert only(entry(hosts=["x.org"], resolution=resolution)).passthrough == "resolution NONE"


def test_a_dns_service_entry_without_endpoints_stands_for_its_hosts() -> None:
    cluster = cluster_of(entry(hosts=["x.org"], resolution="DNS", ports=[{"number": 443, "name": "tls"}]))
    assert [cluster.workloads[backend.workload].addresses for backend in cluster.services[0].backends] == [("x.org",)]
    assert cluster.services[0].ports == ((443, "tls"),)


def test_each_host_of_a_dns_service_entry_without_endpoints_is_its_own_endpoint() -> None:
    objects = [pod("client", "10.0.0.9"), entry(hosts=["x.org", "y.org"], resolution="DNS")]
    (found,) = cluster_of(*objects).services
    assert [(backend.workload[2], backend.host) for backend in found.backends] == [
        ("e/x.org", "x.org"),
        ("e/y.org", "y.org"),
    ]
    mesh = load([N1, *objects])
    for host in ("x.org", "y.org"):
        route = mesh.route("a/client", host)
        assert [(row.endpoint.id, row.share) for row in route.rows()] == [(f"a/e/{host}", 1.0)]


def test_hosts_of_a_service_entry_with_endpoints_share_them() -> None:
    (found,) = cluster_of(entry(hosts=["x.org", "y.org"], resolution="DNS", endpoints=[{"address": "z.org"}])).services
    assert [backend.host for backend in found.backends] == [""]


def test_a_service_entry_selects_pods_and_workload_entries_of_its_namespace() -> None:
    west = made("WorkloadEntry", "w", api=ISTIO, spec={"labels": {"app": "x"}})
    other = pod("q", app="x")
    other["metadata"]["namespace"] = "b"
    selected = entry(hosts=["x"], resolution="STATIC", workloadSelector={"labels": {"app": "x"}})
    assert behind(pod("p", app="x"), other, west, selected) == ["p", "w"]


def test_destination_rules_are_kept() -> None:
    (rule,) = cluster_of(
        made("DestinationRule", "r", api=ISTIO, spec={"host": "s.a.svc.cluster.local"})
    ).destination_rules
    assert (rule.namespace, rule.name, rule.host) == ("a", "r", "s.a.svc.cluster.local")


def test_where_the_endpoints_listen_is_read_from_the_slices() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "namespace": "a"},
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "grpc", "port": 90}]},
    }
    slices = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "s-1", "namespace": "a", "labels": {"kubernetes.io/service-name": "s"}},
        "ports": [{"name": "http", "port": 8080}, {"name": "grpc", "port": 90}],
    }
    (cluster,) = read(service, slices)
    (found,) = cluster.services
    assert [found.target_of(port) for port in (80, 90, 100)] == [8080, 90, 100]
