"""What the rules of DestinationRules find, beyond their examples."""

import random
from pathlib import Path
from typing import Any, Final

import pytest

from meshtier.kube import load
from meshtier.lint.checking import check
from meshtier.lint.finding import Finding
from meshtier.mesh import Mesh
from meshtier.note import Severity
from meshtier.profile import PROFILES, SOLO, Profile

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
SIDECAR: Final = {"security.istio.io/tlsMode": "istio"}
REGION, ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
NETWORK: Final = "topology.istio.io/network"
DETECTION: Final = {"consecutive5xxErrors": 5, "maxEjectionPercent": 100}

Object = dict[str, Any]


def made(kind: str, name: str, *, namespace: str = "shop", spec: Object | None = None, **more: Any) -> Object:
    group = {"DestinationRule": "networking.istio.io/v1", "ServiceEntry": "networking.istio.io/v1"}.get(kind, "v1")
    group = "gateway.networking.k8s.io/v1" if kind == "Gateway" else group
    meta = {"name": name, "labels": more.pop("labels", {}), "annotations": more.pop("annotations", {})}
    meta |= {} if kind in ("Node", "Namespace") else {"namespace": namespace}
    return {"apiVersion": group, "kind": kind, "metadata": meta, "spec": spec or {}, **more}


def node(name: str, zone: str, region: str = "eu") -> Object:
    return made("Node", name, labels={REGION: region, ZONE: zone} if zone else {})


def pod(name: str, on: str = "n1", *, labels: Object | None = None, namespace: str = "shop") -> Object:
    labels = {"app": name.partition("-")[0], **(SIDECAR if labels is None else labels)}
    address = f"10.0.{len(namespace)}.{sum(map(ord, name)) % 250 + 1}"
    return made("Pod", name, namespace=namespace, labels=labels, spec={"nodeName": on}, status={"podIP": address})


def service(name: str = "reviews", **more: Any) -> Object:
    return made("Service", name, spec={"selector": {"app": name}, "ports": [{"port": 80}], **more})


def rule(name: str = "reviews", host: str = "reviews", *, namespace: str = "shop", **policy: Any) -> Object:
    return made("DestinationRule", name, namespace=namespace, spec={"host": host, "trafficPolicy": policy})


def by(**setting: Any) -> Object:
    return {"loadBalancer": {"localityLbSetting": setting}, "outlierDetection": DETECTION}


def namespace(name: str, **labels: str) -> Object:
    return made("Namespace", name, labels=labels)


def config(mesh: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "data": {"mesh": mesh}} | {
        "metadata": {"name": "istio", "namespace": "istio-system"}
    }


SHOP: Final = (node("n1", "eu-a"), node("n2", "eu-b"), namespace("shop", **{"istio.io/dataplane-mode": "ambient"}))
TWO: Final = (pod("reviews-1", "n1"), pod("reviews-2", "n2"))


def found(name: str, *objects: Object, profile: Profile = SOLO) -> list[Finding]:
    return list(check(load(list(objects)), profile=profile, select=[name]))


def test_a_rule_is_obeyed_where_one_client_of_many_has_a_sidecar() -> None:
    ambient = [pod("web-1", labels={}), *TWO, service(), *SHOP, rule(loadBalancer={"simple": "RANDOM"})]
    assert [each.object for each in found("DR105", *ambient)] == ["DestinationRule shop/reviews"]
    assert not found("DR105", *ambient, pod("api-1"))


def test_a_waypoints_own_service_needs_no_waypoint() -> None:
    labels = {
        "gateway.networking.k8s.io/gateway-name": "reviews",
        "gateway.istio.io/managed": "istio.io-mesh-controller",
    }
    behind = pod("reviews-1", labels=labels)
    given = [pod("web-1", labels={}), behind, service(), *SHOP, rule(loadBalancer={"simple": "RANDOM"})]
    assert not found("DR105", *given)


def test_a_mesh_whose_locality_setting_is_off_has_no_implicit_one() -> None:
    given = [pod("web-1"), *TWO, service(), *SHOP, rule(outlierDetection=DETECTION)]
    assert len(found("DR101", *given)) == 1
    assert len(found("DR101", *given, config("localityLbSetting: {enabled: true}"))) == 1
    assert not found("DR101", *given, config("localityLbSetting:\n  enabled: false\n"))


def test_a_configuration_that_cannot_be_read_is_noted_and_the_defaults_hold() -> None:
    given = [pod("web-1"), *TWO, service(), *SHOP, rule(outlierDetection=DETECTION), config("- a\n- list")]
    assert len(found("DR101", *given)) == 1
    notes = [note for note in load(given).notes if note.code == "mesh-config-unread"]
    assert [note.object for note in notes] == ["ConfigMap istio-system/istio"]


def test_endpoints_without_a_locality_that_shares_leave_out_have_a_text_of_their_own() -> None:
    shares: Object = {"loadBalancer": {"localityLbSetting": {"distribute": [{"from": "eu/*", "to": {"eu/*": 100}}]}}}
    given = [pod("web-1"), pod("reviews-1"), pod("reviews-2", "n3"), node("n3", ""), service(), *SHOP, rule(**shares)]
    (one,) = found("DR106", *given)
    assert "without a locality" in one.message
    assert "their nodes" in one.fix


def test_all_hosts_in_one_priority_are_no_cap_of_a_failover() -> None:
    pods = [pod(f"reviews-{number}") for number in range(12)]
    policy = {**by(enabled=True), "outlierDetection": {"consecutive5xxErrors": 5}}
    assert not found("DR108", pod("web-1"), *pods, service(), *SHOP, rule(**policy))
    (one,) = found("DR108", pod("web-1"), *pods, pod("reviews-x", "n2"), service(), *SHOP, rule(**policy))
    assert one.fix == "set spec.trafficPolicy.outlierDetection.maxEjectionPercent: 100"


def test_traffic_distribution_makes_priorities_too() -> None:
    pods = [pod(f"reviews-{number}") for number in range(12)]
    given = [pod("web-1"), *pods, pod("reviews-x", "n2"), *SHOP, rule(outlierDetection={"consecutive5xxErrors": 5})]
    assert not found("DR108", *given, service(), config("localityLbSetting: {enabled: false}"))
    assert len(found("DR108", *given, service(trafficDistribution="PreferClose"))) == 1


def test_a_label_with_a_value_asks_the_endpoints_alone() -> None:
    given = [pod("web-1"), *TWO, service(), *SHOP]
    (one,) = found("DR109", *given, rule(**by(failoverPriority=["version=v2"])))
    assert one.message.startswith("no endpoint carries the label version")
    (one,) = found("DR109", *given, rule(**by(failoverPriority=["version"])))
    assert one.message.startswith("no client pod and no endpoint carries")


def test_the_pods_of_a_service_are_no_clients_of_it() -> None:
    pods = [pod(f"reviews-{number}", labels={**SIDECAR, "version": "v1"}) for number in range(2)]
    (one,) = found("DR109", pod("web-1"), *pods, service(), *SHOP, rule(**by(failoverPriority=["version"])))
    assert one.message.startswith("no client pod carries")


@pytest.mark.parametrize(
    ("entries", "is_found"),
    [
        ([NETWORK, REGION, ZONE], False),
        ([REGION, NETWORK], True),
        (["version", NETWORK], True),
        ([ZONE, "version", REGION], True),
        (["version", REGION, ZONE], False),
        ([f"{NETWORK}=a", REGION], False),
        (["topology.istio.io/cluster", REGION], False),
    ],
)
def test_an_order_runs_from_coarse_to_fine(entries: list[str], is_found: bool) -> None:
    assert bool(found("DR110", *SHOP, rule(**by(failoverPriority=entries)))) is is_found


def test_a_place_that_is_a_cluster_says_so() -> None:
    system = namespace("istio-system", **{"topology.istio.io/cluster": "east"})
    given = [*SHOP, system, rule(**by(failover=[{"from": "eu", "to": "east"}]))]
    (one,) = found("DR111", *given)
    assert one.path.endswith("failover[0].to")
    assert "the name of a cluster" in one.message


def test_zone_awareness_at_a_sidecar_needs_self_discovery() -> None:
    aware = rule(loadBalancer={"zoneAwareLbSetting": {"enabled": True}})
    given = [pod("web-1"), *TWO, service(), *SHOP, aware]
    (one,) = found("DR112", *given)
    assert "ISTIO_META_ENABLE_SELF_DISCOVERY" in one.fix
    text = 'defaultConfig:\n  proxyMetadata:\n    ISTIO_META_ENABLE_SELF_DISCOVERY: "true"'
    assert not found("DR112", *given, config(text))


def test_a_panic_threshold_is_forced_to_0_under_traffic_distribution() -> None:
    panic = rule(outlierDetection={**DETECTION, "minHealthPercent": 50})
    given = [pod("web-1"), *TWO, *SHOP, panic]
    assert "sends to all" in found("DR113", *given, service())[0].instead
    assert "no effect" in found("DR113", *given, service(trafficDistribution="PreferClose"))[0].instead


def test_a_rule_of_the_clients_namespace_shadows_that_of_the_service() -> None:
    client = pod("web-1", namespace="web")
    host = "reviews.shop.svc.cluster.local"
    nearer = rule("mine", host, namespace="web", loadBalancer={"simple": "RANDOM"})
    given = [client, *TWO, service(), *SHOP, namespace("web"), nearer, rule(loadBalancer={"simple": "RANDOM"})]
    (one,) = found("DR114", *given)
    assert one.object == "DestinationRule shop/reviews"
    assert "DestinationRule web/mine" in one.message
    assert not found("DR114", *given, pod("api-1"))  # whose namespace has no rule before it


DNS: Final = {
    "hosts": ["api.example.com"],
    "resolution": "DNS",
    "ports": [{"number": 80, "name": "http"}],
    "endpoints": [{"address": f"api-{zone}.example.com", "locality": f"eu/{zone}"} for zone in ("a", "b")],
}


@pytest.mark.parametrize(
    ("profile", "severities"),
    [
        ("istio-1.24", [Severity.WARNING]),
        ("istio-1.29", [Severity.WARNING]),
        ("istio-1.30", [Severity.ERROR]),
        ("istio-1.30.2", [Severity.ERROR]),
        ("istio-1.31", []),
        ("solo", []),
    ],
)
def test_labels_do_not_order_what_envoys_resolve_before_1_31(profile: str, severities: list[Severity]) -> None:
    objects = [pod("web-1"), made("ServiceEntry", "api", spec=DNS), *SHOP]
    objects.append(rule("api", "api.example.com", **by(failoverPriority=[ZONE])))
    assert [each.severity for each in found("DR115", *objects, profile=Profile.named(profile))] == severities


def clusters(policy: Object, *, remote: int) -> Mesh:
    """East with three endpoints, and west with more, behind a gateway."""
    labels = {"topology.istio.io/cluster": "west", NETWORK: "net-west"}
    gateway = made(
        "Gateway",
        "west",
        labels=labels,
        spec={"gatewayClassName": "istio-remote", "listeners": [{"port": 15008, "protocol": "HBONE"}]},
        status={"addresses": [{"type": "IPAddress", "value": "198.51.100.1"}]},
    )
    spanning = {**service(), "metadata": {**service()["metadata"], "labels": {"istio.io/global": "true"}}}
    east = [namespace("istio-system", **{NETWORK: "net-east"}), gateway, pod("web-1"), spanning, *SHOP, rule(**policy)]
    east += [pod(f"reviews-{number}") for number in range(3)]
    west = [namespace("istio-system", **{NETWORK: "net-west"}), spanning, *SHOP]
    west += [pod(f"reviews-w{number}", "n2") for number in range(remote)]
    return load(clusters={"east": east, "west": west})


def test_a_network_endpoint_counts_as_one_host() -> None:
    mesh = clusters({"outlierDetection": {"maxEjectionPercent": 20}}, remote=10)
    istio = Profile.named("istio-1.29")
    (one,) = check(mesh, select=["DR116"], profile=istio)
    assert one.message.startswith("maxEjectionPercent 20 of 4 hosts is less than one")
    assert "at least" in one.fix


@pytest.mark.parametrize(
    ("entries", "profile", "is_found"),
    [
        ([NETWORK, REGION], "istio-1.29", True),
        ([NETWORK, "version=v1"], "istio-1.31", True),
        ([NETWORK, "topology.istio.io/cluster"], "istio-1.29", False),
        ([NETWORK, REGION], "solo", False),
    ],
)
def test_behind_a_gateway_only_network_and_cluster_are_known(entries: list[str], profile: str, is_found: bool) -> None:
    mesh = clusters(by(failoverPriority=entries), remote=1)
    assert bool(check(mesh, select=["DR119"], profile=Profile.named(profile))) is is_found


def test_rules_for_other_workloads_or_of_wider_hosts_are_not_two_for_one_host() -> None:
    other = rule("other", loadBalancer={"simple": "RANDOM"})
    other["spec"]["workloadSelector"] = {"matchLabels": {"app": "web"}}
    wide = rule("wide", "*.shop.svc.cluster.local", loadBalancer={"simple": "RANDOM"})
    plain = rule(loadBalancer={"simple": "RANDOM"})
    assert not found("DR120", *SHOP, service(), other, wide, plain)
    full = rule("full", "reviews.shop.svc.cluster.local", loadBalancer={"simple": "RANDOM"})
    assert [each.object for each in found("DR120", *SHOP, service(), plain, full)] == ["DestinationRule shop/reviews"]


def test_a_rule_for_all_clusters_is_for_somebody_where_one_of_them_has_its_host() -> None:
    shared = rule(loadBalancer={"simple": "RANDOM"})
    system = [namespace("istio-system", **{"topology.istio.io/cluster": name}) for name in ("east", "west")]
    east, west = [system[0], service("web"), *SHOP, shared], [system[1], service(), *SHOP, shared]
    assert not check(load(clusters={"east": east, "west": west}), select=["DR121"])
    assert check(load(clusters={"east": east, "west": [system[1], service("web"), shared]}), select=["DR121"])


def test_a_subsets_port_drops_what_the_top_has() -> None:
    subset = {"name": "v1", "trafficPolicy": {"portLevelSettings": [{"port": {"number": 80}, "loadBalancer": {}}]}}
    subset["trafficPolicy"]["portLevelSettings"][0]["loadBalancer"] = {"simple": "RANDOM"}  # type: ignore[index]  # plain data
    given = rule(outlierDetection=DETECTION)
    given["spec"]["subsets"] = [subset]
    (one,) = found("DR122", *SHOP, given)
    assert one.path == "spec.subsets[0].trafficPolicy.portLevelSettings[0]"


@pytest.mark.parametrize("word", ["ROUND_ROBIN", "LEAST_REQUEST", "LEAST_CONN"])
def test_a_port_that_drops_what_the_default_does_as_well_loses_nothing(word: str) -> None:
    port = {"port": {"number": 443}, "tls": {"mode": "SIMPLE"}}
    assert not found("DR122", *SHOP, rule(loadBalancer={"simple": word}, portLevelSettings=[port]))
    given = rule(loadBalancer={"simple": word}, outlierDetection=DETECTION, portLevelSettings=[port])
    (one,) = found("DR122", *SHOP, given)
    assert "no outlierDetection, which" in one.message
    balancer = {"simple": word, "localityLbSetting": {"enabled": True}}
    (one,) = found("DR122", *SHOP, rule(loadBalancer=balancer, portLevelSettings=[port]))
    assert "no loadBalancer, which" in one.message


def test_a_field_of_a_subset_is_named_where_that_is_what_is_wrong() -> None:
    given = rule(**by(enabled=True))
    del given["spec"]["trafficPolicy"]["outlierDetection"]
    policy = {"outlierDetection": {"consecutive5xxErrors": 5}}
    given["spec"]["subsets"] = [{"name": "v1", "labels": {"version": "v1"}, "trafficPolicy": policy}]
    labelled = pod("reviews-1", labels={**SIDECAR, "version": "v1"})
    objects = [pod("web-1"), labelled, service(), *SHOP, given]
    assert [each.path for each in found("DR102", *objects)] == ["spec.trafficPolicy.loadBalancer.localityLbSetting"]
    (one,) = found("DR116", *objects)
    assert one.path == "spec.subsets[0].trafficPolicy.outlierDetection.maxEjectionPercent"


def test_nothing_is_wrong_with_the_rules_of_bookinfo() -> None:
    bookinfo = EXAMPLES / "bookinfo"
    assert check(load(bookinfo / "gateways", bookinfo / "destination-rules"), select=["DR"]) == ()


FILES: Final = sorted((EXAMPLES / "lint").glob("DR*/*.yaml"))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
def test_no_rule_raises(profile: Profile) -> None:
    for path in FILES:
        check(load(path), profile=profile, select=["DR"])


def test_findings_do_not_depend_on_the_order_of_the_input() -> None:
    draw = random.Random(10)
    for path in FILES:
        documents = path.read_text(encoding="utf-8").split("---\n")
        objects = [_parsed(document) for document in documents]
        expected = check(load(objects), select=["DR"])
        for _ in range(3):
            draw.shuffle(objects)
            assert check(load(objects), select=["DR"]) == expected, path


def _parsed(document: str) -> Object:
    import yaml  # only here

    parsed: Object = yaml.safe_load(document)
    return parsed
