"""What the rules of places, of versions and of the input say beyond their examples."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from meshtier import profile as profiles
from meshtier.kube import load
from meshtier.lint import input_rules, topology_rules, version_rules
from meshtier.lint.finding import Finding
from meshtier.lint.survey import Survey
from meshtier.mesh import Mesh
from meshtier.profile import Profile

FAMILIES: Final = (topology_rules.FAMILY, version_rules.FAMILY, input_rules.FAMILY)
RULES: Final = {rule.id: rule for family in FAMILIES for rule in family.rules}
CHECKS: Final = {name: check for family in FAMILIES for name, check in family.checks.items()}
BOOKINFO: Final = Path(__file__).parents[2] / "examples" / "bookinfo"

NODE: Final = """
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/region: us, topology.kubernetes.io/zone: us-a}}
"""


def service(mode: str = "", labels: str = "", more: str = "") -> str:
    spec = f", trafficDistribution: {mode}" if mode else ""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop, labels: {{{labels}}}}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]{spec}{more}}}
"""


def pod(name: str, *, node: str = "n1", labels: str = "", namespace: str = "shop", address: str = "10.0.0.1") -> str:
    app = name.rpartition("-")[0]
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {app}{f", {labels}" if labels else ""}}}}}
spec: {{nodeName: {node}}}
status: {{phase: Running, podIP: {address}}}
"""


def system(network: str) -> str:
    return f"""
apiVersion: v1
kind: Namespace
metadata: {{name: istio-system, labels: {{topology.istio.io/network: {network}}}}}
"""


def gateway(name: str, labels: str, *, kind: str = "istio-remote", status: str = "") -> str:
    return f"""
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: {name}, namespace: gw, labels: {{{labels}}}}}
spec:
  gatewayClassName: {kind}
  listeners: [{{name: mesh, port: 15008, protocol: HBONE}}]
status: {status or "{addresses: [{type: IPAddress, value: 1.2.3.4}]}"}
"""


def to(cluster: str, network: str, more: str = "") -> str:
    return f"topology.istio.io/cluster: {cluster}, topology.istio.io/network: {network}{more}"


def mesh(*texts: str, **clusters: Iterable[str]) -> Mesh:
    named: dict[str, Any] = {name: [yaml.safe_load(text) for text in given] for name, given in clusters.items()}
    return load([yaml.safe_load(text) for text in texts]) if texts else load(clusters=named)


def found(rule: str, given: Mesh, profile: Profile = profiles.SOLO, to_profile: Profile | None = None) -> list[Finding]:
    survey = Survey(given, profile, to_profile)
    return list(CHECKS[rule](survey, RULES[rule])) if RULES[rule].needs <= survey.present else []


def objects(rule: str, given: Mesh, profile: Profile = profiles.SOLO, to_profile: Profile | None = None) -> list[str]:
    return [each.object for each in found(rule, given, profile, to_profile)]


# --- TOPO201 to TOPO203


def test_a_node_that_only_gateways_use_needs_no_label() -> None:
    bare = "{apiVersion: v1, kind: Node, metadata: {name: n2}}"
    waypoint = pod("waypoint-0", node="n2", labels="gateway.networking.k8s.io/gateway-name: waypoint")
    assert objects("TOPO201", mesh(NODE, bare, service(), pod("web-0"), waypoint)) == []
    assert objects("TOPO201", mesh(NODE, bare, service(), pod("client-0", node="n2"))) == ["Node n2"]


def test_a_node_without_a_zone_says_which_label_is_missing() -> None:
    node = "{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {topology.kubernetes.io/region: us}}}"
    (one,) = found("TOPO201", mesh(node, service(), pod("web-0"), pod("web-1", address="10.0.0.2")))
    assert one.message == "it has no label topology.kubernetes.io/zone, and 2 clients and 2 endpoints on it"
    assert one.fix == "kubectl label node n1 topology.kubernetes.io/zone=…"


def test_a_zone_without_a_region_is_told_of_each_node() -> None:
    node = "{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {topology.kubernetes.io/zone: a}}}"
    assert objects("TOPO202", mesh(node, service())) == ["Node n1"]


def test_a_zone_of_two_regions_is_told_once_for_all_clusters() -> None:
    west = NODE.replace("region: us", "region: eu").replace("n1", "w1")
    told = found("TOPO202", mesh(east=[NODE], west=[west]))
    assert [(each.cluster, each.object) for each in told] == [("east", "Node n1")]
    assert told == found("TOPO202", mesh(west=[west], east=[NODE]))


def test_pods_of_one_namespace_that_are_alike_are_told_once() -> None:
    label = "topology.istio.io/locality: us.us-b"
    pods = [pod(f"web-{number}", labels=label, address=f"10.0.0.{number}") for number in range(1, 4)]
    (one,) = found("TOPO203", mesh(NODE, service(), *pods))
    assert one.object == "Pod shop/web-1"
    assert one.path == "metadata.labels[topology.istio.io/locality]"
    assert "says us/us-b, and its node is at us/us-a (3 pods of the namespace alike)" in one.message


# --- TOPO204


def test_a_pod_of_another_network_than_its_cluster_is_inconsistent() -> None:
    east = [system("n1"), NODE, service(), pod("web-0", labels="topology.istio.io/network: n9")]
    assert objects("TOPO204", mesh(east=east, west=[system("n2")])) == ["Pod shop/web-0"]
    assert objects("TOPO204", mesh(east=[system("n9"), *east[1:]], west=[system("n2")])) == []


def test_a_namespace_and_a_gateway_of_another_network_are_inconsistent() -> None:
    labels = "{topology.istio.io/network: n9}"
    namespace = f"{{apiVersion: v1, kind: Namespace, metadata: {{name: shop, labels: {labels}}}}}"
    own = gateway("eastwest", "topology.istio.io/network: n8", kind="istio-east-west")
    told = objects("TOPO204", mesh(east=[system("n1"), namespace, own], west=[system("n2")]))
    assert told == ["Namespace shop", "Gateway gw/eastwest"]


def test_two_clusters_of_one_network_that_a_third_reaches_by_a_gateway_are_well() -> None:
    ways = [gateway("a", to("a", "n1")), gateway("b", to("b", "n1"))]
    given = mesh(a=[system("n1"), NODE], b=[system("n1"), NODE], c=[system("n2"), NODE, *ways])
    assert objects("TOPO204", given) == []


# --- TOPO205 and TOPO206


def joined(*gateways: str, scope: str = "solo.io/service-scope: global") -> Mesh:
    east = [system("n1"), NODE, service(labels=scope), pod("web-0"), *gateways]
    return mesh(east=east, west=[system("n2"), NODE, service(labels=scope), pod("web-9", address="10.1.0.1")])


@pytest.mark.parametrize(
    ("labels", "missing"),
    [
        ("", "topology.kubernetes.io/region and no label topology.kubernetes.io/zone"),
        (", topology.kubernetes.io/region: us", "topology.kubernetes.io/zone"),
        (", topology.kubernetes.io/zone: us-a", "topology.kubernetes.io/region"),
    ],
    ids=["neither", "no-zone", "no-region"],
)
def test_under_solo_a_peering_gateway_needs_region_and_zone(labels: str, missing: str) -> None:
    (one,) = found("TOPO205", joined(gateway("west", to("west", "n2", labels))))
    assert one.message == f"it has no label {missing}, and 1 endpoint behind it"


def test_under_istio_the_place_of_a_gateway_does_not_matter() -> None:
    given = joined(gateway("west", to("west", "n2")), scope='istio.io/global: "true"')
    assert objects("TOPO205", given, profiles.ISTIO_1_31) == []


def test_a_gateway_with_nothing_behind_it_needs_no_place() -> None:
    assert objects("TOPO205", joined(gateway("west", to("west", "n2")), scope="")) == []


def test_a_gateway_of_this_side_and_one_of_the_other_are_no_two() -> None:
    place = ", topology.kubernetes.io/region: us, topology.kubernetes.io/zone: us-b"
    own = gateway("eastwest", to("east", "n2"), kind="istio-eastwest")
    assert objects("TOPO206", joined(gateway("west", to("west", "n2", place)), own)) == []


def test_two_gateways_of_the_other_side_count_where_this_side_has_none() -> None:
    west = [system("n2"), gateway("b", to("west", "n2"), kind="istio-east-west")]
    west.append(gateway("a", to("west", "n2"), kind="istio-east-west"))
    told = found("TOPO206", mesh(east=[system("n1"), NODE], west=west))
    assert [(each.cluster, each.object) for each in told] == [("west", "Gateway gw/b")]
    remote = gateway("west", to("west", "n2"))
    assert objects("TOPO206", mesh(east=[system("n1"), remote], west=west)) == []


def test_under_solo_gateways_to_two_clusters_of_one_network_are_no_two() -> None:
    ways = [gateway("b", to("b", "n2")), gateway("c", to("c", "n2"))]
    given = mesh(a=[system("n1"), *ways], b=[system("n2")], c=[system("n2")])
    assert objects("TOPO206", given) == []
    assert objects("TOPO206", given, profiles.ISTIO_1_31) == ["Gateway gw/c"]


# --- TOPO207 and TOPO209


def entry(more: str = "", address: str = "address: 10.9.0.1") -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {{name: vm, namespace: shop, labels: {{app: web}}}}
spec: {{{address}{more}}}
"""


@pytest.mark.parametrize("mode", ["", "PreferNetwork"])
def test_an_entry_needs_no_locality_where_no_place_is_compared(mode: str) -> None:
    annotated = service().replace("labels: {}", f"annotations: {{networking.istio.io/traffic-distribution: '{mode}'}}")
    assert objects("TOPO207", mesh(NODE, annotated, entry(), pod("client-0"))) == []


def test_an_entry_without_an_address_only_announces() -> None:
    assert objects("TOPO207", mesh(NODE, service("PreferClose"), entry(", network: n2", address="weight: 1"))) == []


def test_an_inline_endpoint_is_named_by_its_place_in_the_list() -> None:
    given = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: api
  namespace: shop
  annotations: {networking.istio.io/traffic-distribution: PreferClose}
spec:
  hosts: [api.example.com]
  ports: [{number: 80, name: http}]
  resolution: STATIC
  endpoints: [{address: 10.9.0.1, locality: us/us-a}, {address: 10.9.0.2}]
"""
    (one,) = found("TOPO207", mesh(NODE, given, pod("client-0")))
    assert (one.object, one.path) == ("ServiceEntry shop/api", "spec.endpoints[1].locality")


@pytest.mark.parametrize("more", ["", "\n  endpoints: []"])
def test_a_host_that_is_its_own_endpoint_has_no_locality_to_write(more: str) -> None:
    given = f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: api
  namespace: shop
  annotations: {{networking.istio.io/traffic-distribution: PreferClose}}
spec:
  hosts: [api.example.com]
  ports: [{{number: 443, name: tls}}]
  resolution: DNS{more}
"""
    assert objects("TOPO207", mesh(NODE, given, pod("client-0"))) == []


def test_the_slice_of_the_api_server_is_its_own_affair() -> None:
    api = service().replace("name: web, namespace: shop", "name: kubernetes, namespace: default")
    its = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kubernetes, namespace: default, labels: {kubernetes.io/service-name: kubernetes}}
endpoints: [{addresses: [172.18.0.2]}]
"""
    assert objects("TOPO209", mesh(NODE, api, its)) == []
    other = its.replace("namespace: default", "namespace: shop").replace("name: kubernetes", "name: web")
    assert objects("TOPO209", mesh(NODE, service(), other)) == ["Service shop/web"]


def test_an_endpoint_of_a_slice_on_a_node_has_a_place() -> None:
    its = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web, namespace: shop, labels: {kubernetes.io/service-name: web}}
endpoints: [{addresses: [172.18.0.2], nodeName: n1}]
"""
    assert objects("TOPO209", mesh(NODE, service(), its)) == []


# --- TOPO210 and TOPO211


@pytest.mark.parametrize(
    ("name", "status", "is_found"),
    [
        ("istio-eastwestgateway", "{loadBalancer: {}}", True),
        ("istio-east-west", "{loadBalancer: {ingress: []}}", True),
        ("istio-eastwestgateway", "{loadBalancer: {ingress: [{ip: 1.2.3.4}]}}", False),
        ("istio-eastwestgateway", "{loadBalancer: {ingress: [{hostname: east.example.com}]}}", False),
        ("istio-eastwestgateway", "null", False),
        ("web", "{loadBalancer: {}}", False),
    ],
    ids=["classic", "ambient", "address", "host-name", "manifest", "other-service"],
)
def test_an_east_west_gateway_needs_an_address_or_a_host_name(name: str, status: str, *, is_found: bool) -> None:
    given = service(more=", type: LoadBalancer").replace("name: web", f"name: {name}") + f"status: {status}\n"
    assert bool(found("TOPO210", mesh(NODE, given))) is is_found


def test_a_gateway_whose_status_has_no_address_is_told_by_itself() -> None:
    pending = gateway("eastwest", "topology.istio.io/network: n1", kind="istio-east-west", status="{addresses: []}")
    assert objects("TOPO210", mesh(system("n1"), NODE, pending)) == ["Gateway gw/eastwest"]


def test_a_network_without_a_dump_is_told_where_no_cluster_is_named() -> None:
    way = gateway("far", "topology.istio.io/network: n9")
    given = {"east": [system("n1"), way], "west": [system("n2")]}
    assert objects("TOPO211", mesh(**given)) == ["Gateway gw/far"]
    assert objects("TOPO211", mesh(**given, far=[system("n9")])) == []


# --- VER401 to VER403


def machine(name: str, locality: str, address: str) -> str:
    return entry(f", network: vms, locality: {locality}", f"address: {address}").replace("name: vm", f"name: {name}")


MACHINES: Final = (
    system("n1"),
    NODE,
    pod("web-0"),
    pod("client-0", address="10.0.0.9"),
    machine("near", "us/us-a", "10.9.0.1"),
    machine("far", "eu/eu-a", "10.9.0.2"),
)


def test_an_upgrade_is_within_one_family_of_profiles() -> None:
    given = mesh(service("PreferClose"), *MACHINES)
    assert objects("VER401", given, profiles.ISTIO_1_30, profiles.ISTIO_1_31) == ["Service shop/web"]
    assert objects("VER402", given, profiles.ISTIO_1_30, profiles.ISTIO_1_31) == []
    assert objects("VER401", given, profiles.SOLO, profiles.ISTIO_1_31) == []
    assert objects("VER402", given, profiles.SOLO, profiles.ISTIO_1_31) == ["Service shop/web"]
    assert objects("VER401", given, profiles.ISTIO_1_30) == []


def test_tiers_that_are_only_numbered_anew_are_no_change() -> None:
    given = mesh(service("PreferClose"), *MACHINES[:-1])
    assert objects("VER401", given, profiles.ISTIO_1_30, profiles.ISTIO_1_31) == []


def test_a_change_is_told_once_for_an_object() -> None:
    other = NODE.replace("n1", "n2").replace("us-a", "us-b")
    given = mesh(service("PreferClose"), *MACHINES, other, pod("client-1", node="n2", address="10.0.0.8"))
    (one,) = found("VER401", given, profiles.ISTIO_1_30, profiles.ISTIO_1_31)
    assert "[shop/web-0] then [shop/far, shop/near] under istio-1.30" in one.message
    assert "[shop/web-0] then [shop/near] then [shop/far] under istio-1.31" in one.message


def test_a_mode_that_means_the_same_is_named() -> None:
    annotation = "annotations: {networking.istio.io/traffic-distribution: PreferRegion}"
    given = mesh(service().replace("labels: {}", annotation), *MACHINES)
    (one,) = found("VER402", given, profiles.SOLO, profiles.ISTIO_1_30)
    assert "(PreferSameZone, PreferSameNode) into metadata.annotations" in one.fix


def ingress(*, here: bool) -> Mesh:
    scope = 'istio.io/global: "true"'
    gateways = pod("ingress-0", labels="istio: ingressgateway", namespace="in", address="10.0.0.8")
    own = [pod("web-0")] if here else []
    east = [system("n1"), NODE, gateway("west", to("west", "n2")), gateways, service(labels=scope), *own]
    return mesh(east=east, west=[system("n2"), NODE, service(labels=scope), pod("web-9", address="10.1.0.1")])


def test_an_ingress_gateway_with_remote_endpoints_alone_is_told_up_to_1_29() -> None:
    assert objects("VER403", ingress(here=False), profiles.ISTIO_1_29) == ["Service shop/web"]
    assert objects("VER403", ingress(here=False), profiles.ISTIO_1_30) == []
    assert objects("VER403", ingress(here=False), profiles.SOLO) == []
    assert objects("VER403", ingress(here=True), profiles.ISTIO_1_29) == []


# --- IN701 and IN702


def test_a_service_entry_counts_as_a_service() -> None:
    given = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api, namespace: shop}
spec: {hosts: [api.example.com], ports: [{number: 80, name: http}], resolution: DNS}
"""
    assert objects("IN701", mesh(given)) == []


def test_an_empty_input_lacks_both() -> None:
    (one,) = found("IN701", Mesh(()))
    assert one.message == "the input holds no Service or ServiceEntry and no workload"


RULE: Final = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec:
  host: web.shop.svc.cluster.local
"""


@pytest.mark.parametrize(
    ("spec", "path", "near"),
    [
        ("trafficPolcy: {}", "spec.trafficPolcy", "spec.trafficPolicy"),
        (
            "trafficPolicy: {loadBalancer: {localityLbSettings: {}}}",
            "spec.trafficPolicy.loadBalancer.localityLbSettings",
            "spec.trafficPolicy.loadBalancer.localityLbSetting",
        ),
        (
            "trafficPolicy: {loadBalancer: {localityLbSetting: {failover: [{form: a, to: b}]}}}",
            "spec.trafficPolicy.loadBalancer.localityLbSetting.failover[0].form",
            "spec.trafficPolicy.loadBalancer.localityLbSetting.failover[0].from",
        ),
        (
            "trafficPolicy: {loadBalancer: {localityLbSetting: {failoverPriorities: [a]}}}",
            "spec.trafficPolicy.loadBalancer.localityLbSetting.failoverPriorities",
            "spec.trafficPolicy.loadBalancer.localityLbSetting.failoverPriority",
        ),
        (
            "trafficPolicy: {portLevelSettings: [{port: {number: 80}, outlierDetecton: {}}]}",
            "spec.trafficPolicy.portLevelSettings[0].outlierDetecton",
            "spec.trafficPolicy.portLevelSettings[0].outlierDetection",
        ),
        (
            "subsets: [{name: v1, trafficPolicy: {outlierDetection: {interval: 1s, baseEjectTime: 1s}}}]",
            "spec.subsets[0].trafficPolicy.outlierDetection.baseEjectTime",
            "spec.subsets[0].trafficPolicy.outlierDetection.baseEjectionTime",
        ),
    ],
    ids=["spec", "loadBalancer", "failover", "localityLbSetting", "portLevelSettings", "subset"],
)
def test_a_misspelt_field_of_a_rule_is_told_with_the_nearest(spec: str, path: str, near: str) -> None:
    (one,) = found("IN702", mesh(f"{RULE}  {spec}\n"))
    assert (one.object, one.path) == ("DestinationRule shop/web", path)
    assert one.fix == f"write {near} in place of {path}"


def test_a_misspelt_field_of_a_service_is_told_with_the_nearest() -> None:
    (one,) = found("IN702", mesh(service(more=", trafficDistributon: PreferClose")))
    assert (one.object, one.path) == ("Service shop/web", "spec.trafficDistributon")
    assert one.fix == "write spec.trafficDistribution in place of spec.trafficDistributon"


def test_a_field_that_looks_like_none_is_to_be_removed() -> None:
    (one,) = found("IN702", mesh(f"{RULE}  qqqqq: 1\n"))
    assert one.message == "spec has no field 'qqqqq'"
    assert one.fix == "remove spec.qqqqq"


# --- All of them


@pytest.mark.parametrize("profile", [profiles.SOLO, profiles.ISTIO_1_29, profiles.ISTIO_1_31], ids=str)
@pytest.mark.parametrize("source", ["gateways", "flat"])
def test_a_healthy_mesh_has_no_finding(source: str, profile: Profile) -> None:
    given = load(BOOKINFO / source)
    assert [str(each) for rule in RULES for each in found(rule, given, profile)] == []


def test_of_two_products_only_what_one_does_not_know_is_told() -> None:
    told = [
        (each.rule, each.cluster, each.object)
        for rule in RULES
        for each in found(rule, load(BOOKINFO / "gateways"), profiles.SOLO, profiles.ISTIO_1_31)
    ]
    # PreferNetwork, which Istio takes for Any.
    assert told == [
        ("VER402", "east", "ServiceEntry bookinfo/book-covers"),
        ("VER402", "west", "ServiceEntry bookinfo/book-covers"),
    ]


def turned(given: Mesh) -> Mesh:
    """The same mesh, read in the opposite order."""
    return Mesh(
        type(cluster)(
            name=cluster.name,
            network=cluster.network,
            nodes=dict(list(cluster.nodes.items())[::-1]),
            namespaces=cluster.namespaces,
            workloads=tuple(cluster.workloads.values())[::-1],
            services=cluster.services[::-1],
            gateways=cluster.gateways[::-1],
        )
        for cluster in reversed(given.clusters)
    )


@pytest.mark.parametrize(
    ("given", "profile", "other"),
    [
        (
            joined(gateway("b", to("west", "n2")), gateway("a", to("west", "n2"))),
            profiles.SOLO,
            profiles.ISTIO_1_30,
        ),
        (
            mesh(service("PreferClose"), *MACHINES, pod("client-1", address="10.0.0.8")),
            profiles.ISTIO_1_30,
            profiles.ISTIO_1_31,
        ),
    ],
    ids=["gateways", "machines"],
)
@pytest.mark.parametrize("rule", RULES)
def test_findings_do_not_depend_on_the_order_of_the_input(
    rule: str, given: Mesh, profile: Profile, other: Profile
) -> None:
    told = {str(each) for each in found(rule, given, profile, other)}
    assert told == {str(each) for each in found(rule, turned(given), profile, other)}
