"""LOC-1 to LOC-5: what nodes, pods, entries and gateways say of their place."""

from typing import Any

import pytest

from meshtier.endpoint import Health
from meshtier.kube import read
from meshtier.locality import Locality, Scope
from meshtier.mesh import Cluster, Workload

REGION, ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
OLD_REGION, OLD_ZONE = "failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone"
SUBZONE, NETWORK = "topology.istio.io/subzone", "topology.istio.io/network"
HOSTNAME = "kubernetes.io/hostname"


def made(
    kind: str,
    name: str,
    *,
    api: str = "v1",
    labels: object = None,
    spec: object = None,
    metadata: dict[str, str] | None = None,
    status: object = None,
) -> dict[str, Any]:
    meta = {"name": name, "namespace": "a", "labels": labels, **(metadata or {})}
    return {"apiVersion": api, "kind": kind, "metadata": meta, "spec": spec, "status": status}


def pod(name: str = "p", node: str | None = "n1", **more: Any) -> dict[str, Any]:
    return made("Pod", name, spec={"nodeName": node}, **more)


SYSTEM = made("Namespace", "istio-system", labels={NETWORK: "net-1", "topology.istio.io/cluster": "east"})
N1 = made("Node", "n1", labels={REGION: "r", ZONE: "z", SUBZONE: "s"})


def cluster_of(*objects: dict[str, Any]) -> Cluster:
    (cluster,) = read(objects)
    return cluster


def only(*objects: dict[str, Any]) -> Workload:
    (workload,) = cluster_of(*objects).workloads.values()
    return workload


def test_a_node_gives_region_zone_subzone_and_its_name_and_the_system_namespace_the_network() -> None:
    place = cluster_of(SYSTEM, N1).nodes["n1"]
    assert place.locality == Locality("net-1", "r", "z", "s", "n1")
    assert place.origins == (
        f"Namespace istio-system label {NETWORK}",
        f"Node n1 label {REGION}",
        f"Node n1 label {ZONE}",
        f"Node n1 label {SUBZONE}",
        "Node n1 metadata.name",
    )


def test_pods_share_the_place_of_their_node() -> None:
    cluster = cluster_of(N1, pod("p"), pod("q"))
    assert all(workload.place is cluster.nodes["n1"] for workload in cluster.workloads.values())


def test_legacy_labels_hold_where_the_current_are_absent_and_are_noted() -> None:
    cluster = cluster_of(
        made("Node", "n1", labels={OLD_REGION: "r", OLD_ZONE: "old", ZONE: "z"}),
        made("Node", "n2", labels={OLD_REGION: "r"}),
    )
    assert cluster.nodes["n1"].locality == Locality(region="r", zone="z", node="n1")
    assert cluster.nodes["n1"].origin(Scope.REGION) == f"Node n1 label {OLD_REGION}"
    assert [str(note) for note in cluster.notes] == [
        f"[LOC-1] Node n1, n2: the place comes from the legacy label {OLD_REGION}"
    ]


def test_a_node_that_is_not_in_the_dump_leaves_the_place_unknown_with_one_note() -> None:
    cluster = cluster_of(SYSTEM, pod("p", "n7"), pod("q", "n7"), pod("r", None))
    assert [workload.place.locality for workload in cluster.workloads.values()] == [
        Locality("net-1", node="n7"),
        Locality("net-1", node="n7"),
        Locality("net-1"),
    ]
    assert [str(note) for note in cluster.notes] == [
        "[LOC-1] Node n7: not in the dump, so the region, zone and subzone of 2 pods are unknown",
        "[LOC-1] 1 pod on no node: where, is unknown",
    ]


def test_the_network_label_of_a_pod_comes_before_that_of_the_system_namespace_for_envoys_alone() -> None:
    workload = only(SYSTEM, N1, pod(labels={NETWORK: "net-2"}))
    assert workload.place.locality == Locality("net-1", "r", "z", "s", "n1")
    assert workload.place.origin(Scope.NETWORK) == f"Namespace istio-system label {NETWORK}"
    assert workload.envoy_place.locality == Locality("net-2", "r", "z", "s", "n1")
    assert workload.envoy_place.origin(Scope.NETWORK) == f"Pod label {NETWORK}"


def test_an_empty_network_label_of_a_pod_says_nothing() -> None:
    assert only(SYSTEM, N1, pod(labels={NETWORK: ""})).envoy_place.locality.network == "net-1"


def test_ztunnel_is_told_no_network_if_the_system_namespace_names_none() -> None:
    system = made("Namespace", "istio-system")
    workload = only(system, N1, pod(labels={NETWORK: "net-2"}))
    assert (workload.place.locality.network, workload.envoy_place.locality.network) == ("", "net-2")


def test_without_the_system_namespace_the_label_of_a_pod_is_the_nearest_to_what_ztunnel_is_told() -> None:
    workload = only(N1, pod(labels={NETWORK: "net-2"}))
    assert (workload.place.locality.network, workload.envoy_place.locality.network) == ("net-2", "net-2")


def test_network_and_locality_labels_of_a_pod_hold_together() -> None:
    workload = only(SYSTEM, N1, pod(labels={NETWORK: "net-2", "istio-locality": "r2"}))
    assert workload.envoy_place.locality == Locality("net-2", "r2", node="n1")
    assert workload.envoy_place.origins[:2] == (f"Pod label {NETWORK}", "Pod label istio-locality")


@pytest.mark.parametrize(
    ("labels", "seen"),
    [
        ({"istio-locality": "r2.z2.s2"}, ("r2", "z2", "s2")),
        ({"istio-locality": "r2.z2"}, ("r2", "z2", "")),
        ({"istio-locality": "r.2/z.2"}, ("r.2", "z.2", "")),
        ({"topology.istio.io/locality": "r3", "istio-locality": "r2"}, ("r3", "", "")),
        ({"istio-locality": ""}, ("r", "z", "s")),
    ],
)
def test_a_pod_label_overrides_the_place_for_envoys_alone(labels: dict[str, str], seen: tuple[str, str, str]) -> None:
    workload = only(SYSTEM, N1, pod(labels=labels))
    assert workload.place.locality == Locality("net-1", "r", "z", "s", "n1")
    assert workload.envoy_place.locality == Locality("net-1", *seen, "n1")


def test_a_workload_entry_says_region_zone_subzone_and_network_itself() -> None:
    spec = {
        "locality": "r/z/s",
        "network": "net-2",
        "weight": 5,
        "address": "10.0.0.1",
        "labels": {"app": "x", "v": "1"},
    }
    labels = {"v": "2", "topology.istio.io/cluster": "west"}
    workload = only(SYSTEM, made("WorkloadEntry", "w", api="networking.istio.io/v1", spec=spec, labels=labels))
    assert workload.kind == "WorkloadEntry"
    assert workload.place.locality == Locality("net-2", "r", "z", "s")
    assert workload.place.origin(Scope.ZONE) == "WorkloadEntry a/w spec locality"
    assert (workload.weight, workload.addresses, workload.remote_cluster) == (5, ("10.0.0.1",), "west")
    assert workload.labels == {"app": "x", "v": "2", "topology.istio.io/cluster": "west"}


def test_a_workload_entry_without_a_network_is_in_that_of_the_cluster() -> None:
    workload = only(SYSTEM, made("WorkloadEntry", "w", api="networking.istio.io/v1beta1", spec={"weight": 0}))
    assert workload.place.locality == Locality("net-1")
    assert workload.weight == 1


def entry(spec: dict[str, Any], labels: dict[str, str] | None = None) -> Workload:
    return only(SYSTEM, made("WorkloadEntry", "w", api="networking.istio.io/v1", spec=spec, labels=labels))


@pytest.mark.parametrize(
    ("network", "label", "for_ztunnel", "for_envoys"),
    [
        (None, None, "net-1", "net-1"),
        (None, "net-2", "net-1", "net-2"),
        ("net-3", "net-2", "net-3", "net-3"),
        ("", "", "net-1", "net-1"),
    ],
    ids=["cluster", "label", "spec", "empty"],
)
def test_the_network_of_an_entry_is_its_own_then_its_label_at_envoys_then_the_clusters(
    network: str | None, label: str | None, for_ztunnel: str, for_envoys: str
) -> None:
    workload = entry({"network": network}, {} if label is None else {NETWORK: label})
    assert (workload.place.locality.network, workload.envoy_place.locality.network) == (for_ztunnel, for_envoys)


def test_what_an_entrys_labels_say_counts_at_envoys_and_is_named() -> None:
    workload = entry({"labels": {NETWORK: "net-2", HOSTNAME: "n7", "istio-locality": "r2.z2"}})
    assert workload.place.locality == Locality("net-1")
    assert workload.envoy_place.locality == Locality("net-2", "r2", "z2", node="n7")
    assert workload.envoy_place.origins == (
        f"WorkloadEntry a/w label {NETWORK}",
        "WorkloadEntry a/w label istio-locality",
        "WorkloadEntry a/w label istio-locality",
        "",
        f"WorkloadEntry a/w label {HOSTNAME}",
    )


def test_the_locality_of_an_entry_comes_before_its_label() -> None:
    workload = entry({"locality": "r", "labels": {"istio-locality": "r2.z2"}})
    assert workload.envoy_place.locality == workload.place.locality == Locality("net-1", "r")


def test_an_entry_without_an_address_that_names_a_network_is_kept() -> None:
    workload = entry({"network": "net-2"})
    assert (workload.addresses, workload.absent, workload.place.locality) == ((), "", Locality("net-2"))


@pytest.mark.parametrize(
    ("name", "labels", "peer"),
    [
        ("autogen.west.shop.web", {}, "west"),
        ("autogen.eu.west.shop.web", {}, "eu.west"),
        ("autogen.west.shop.web", {"topology.istio.io/cluster": "north"}, "north"),
        ("autogen.shop.web", {}, ""),
        ("web.west.shop.web", {}, ""),
    ],
)
def test_the_peer_of_an_entry_is_its_label_or_in_the_name_that_the_control_plane_gives(
    name: str, labels: dict[str, str], peer: str
) -> None:
    spec = {"network": "net-2"}
    assert (
        only(made("WorkloadEntry", name, api="networking.istio.io/v1", spec=spec, labels=labels)).remote_cluster == peer
    )


MODE, TLS_MODE = "istio.io/dataplane-mode", "security.istio.io/tlsMode"


@pytest.mark.parametrize(
    ("own", "around", "takes_part"),
    [
        ({}, None, None),
        ({MODE: "ambient"}, None, True),
        ({MODE: "none"}, None, False),
        ({MODE: "odd"}, None, None),
        ({}, {}, False),
        ({}, {MODE: "ambient"}, True),
        ({}, {MODE: "Ambient"}, False),
        ({MODE: "none"}, {MODE: "ambient"}, False),
        ({MODE: "odd"}, {MODE: "ambient"}, True),
        ({MODE: "ambient"}, {MODE: "none"}, True),
        ({TLS_MODE: "istio"}, {}, True),
    ],
)
def test_who_takes_part_in_the_mesh(
    own: dict[str, str], around: dict[str, str] | None, takes_part: bool | None
) -> None:
    namespaces = [] if around is None else [made("Namespace", "a", labels=around)]
    assert only(*namespaces, pod(labels=own)).takes_part is takes_part


def test_a_pod_in_the_network_of_its_node_takes_no_part() -> None:
    host = made("Pod", "p", labels={MODE: "ambient"}, spec={"nodeName": "n1", "hostNetwork": True})
    assert only(host).takes_part is False


@pytest.mark.parametrize(
    ("name", "remote", "cluster", "network"),
    [
        ("istio-remote", True, "", ""),
        ("istio-east-west", False, "east", "net-1"),
        ("istio-eastwest", False, "east", "net-1"),
    ],
)
def test_peering_gateways_lead_somewhere(name: str, remote: bool, cluster: str, network: str) -> None:
    labels = {REGION: "r", ZONE: "z"}
    gateway = made("Gateway", "g", api="gateway.networking.k8s.io/v1", spec={"gatewayClassName": name}, labels=labels)
    (found,) = cluster_of(SYSTEM, gateway).gateways
    assert (found.remote, found.cluster) == (remote, cluster)
    assert found.place.locality == Locality(network, "r", "z")


def test_a_remote_gateway_has_its_cluster_and_network_from_its_labels() -> None:
    labels = {REGION: "r", NETWORK: "net-2", "topology.istio.io/cluster": "west"}
    spec = {"gatewayClassName": "istio-remote"}
    (found,) = cluster_of(
        SYSTEM, made("Gateway", "g", api="gateway.networking.k8s.io/v1", spec=spec, labels=labels)
    ).gateways
    assert (found.cluster, found.place.locality) == ("west", Locality("net-2", "r"))
    assert found.place.origin(Scope.REGION) == f"Gateway a/g label {REGION}"


def test_other_gateways_are_no_peering_gateways() -> None:
    spec = {"gatewayClassName": "istio-waypoint"}
    cluster = cluster_of(made("Gateway", "g", api="gateway.networking.k8s.io/v1", spec=spec))
    assert (cluster.gateways, cluster.skipped) == ((), {})


READY = {"type": "Ready", "status": "True"}


@pytest.mark.parametrize(
    ("more", "health"),
    [
        ({}, Health.HEALTHY),
        ({"status": {"phase": "Running"}}, Health.HEALTHY),
        ({"status": {"phase": "Pending"}}, Health.UNHEALTHY),
        ({"status": {"phase": "Running", "conditions": [READY]}}, Health.HEALTHY),
        ({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, Health.UNHEALTHY),
        ({"status": {"conditions": [{"type": "Initialized", "status": "True"}]}}, Health.UNHEALTHY),
        (
            {"status": {"conditions": [READY]}, "metadata": {"deletionTimestamp": "2024-01-01T00:00:00Z"}},
            Health.TERMINATING,
        ),
    ],
    ids=["no-status", "running", "pending", "ready", "unready", "never-ready", "deleted"],
)
def test_the_health_of_a_pod(more: dict[str, Any], health: Health) -> None:
    assert only(pod(**more)).health is health


def test_the_health_of_a_workload_entry() -> None:
    status = {"conditions": [{"type": "Healthy", "status": "False"}]}
    assert only(made("WorkloadEntry", "w", api="networking.istio.io/v1", status=status)).health is Health.UNHEALTHY


def test_all_addresses_of_a_pod_are_kept() -> None:
    assert only(pod(status={"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]})).addresses == (
        "10.0.0.1",
        "fd00::1",
    )
    assert only(pod(status={"podIP": "10.0.0.1"})).addresses == ("10.0.0.1",)
