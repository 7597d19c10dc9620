"""What a proxy is told of other networks, and the choice that is made there (NET)."""

from textwrap import dedent

import pytest
import yaml
from attrs import evolve
from tests.meshes import (
    GLOBAL_HOST,
    OUTLIER_DETECTION,
    cluster,
    gateway,
    pod,
    rule,
    service,
    two_clusters,
    waypoint_pod,
)

from meshtier.component import Component
from meshtier.diff import compare
from meshtier.endpoint import Health, Reason
from meshtier.export import cluster_load_assignment
from meshtier.kube import load
from meshtier.locality import Locality
from meshtier.mesh import Backend, Mesh, PeeringGateway, Route, Service, ServiceScope, Workload
from meshtier.mesh.service_endpoint import ServiceEndpoint
from meshtier.note import Note
from meshtier.profile import ISTIO_1_31, SOLO, Profile

NEAR = Locality("net-e", "re", "a", "", "e-a1")
FAR_A = Locality("net-w", "rw", "a", "", "w-a1")
FAR_B = Locality("net-w", "rw", "b", "", "w-b1")
PEER = evolve(gateway(Locality("net-w", "rw", "a"), leads_to="west"), addresses=("192.0.2.1",))
SECOND = evolve(gateway(Locality("net-w", "rw", "b"), leads_to="west", name="second"), addresses=("192.0.2.2",))
NAME = "west via eastwest/peer"


def far(name: str, place: Locality = FAR_A, *, health: Health = Health.HEALTHY, weight: int = 1) -> Workload:
    return pod(name, place, cluster="west", health=health, weight=weight)


def asked(
    *pods: Workload,
    near: tuple[Workload, ...] = (),
    gateways: tuple[PeeringGateway, ...] = (PEER,),
    component: Component = Component.ZTUNNEL,
    profile: Profile = SOLO,
    annotation: str | None = "Any",
    **about: object,
) -> Route:
    mesh = two_clusters(east_pods=near, west_pods=pods, gateways=gateways, annotation=annotation, **about)  # type: ignore[arg-type]
    return mesh.route("client", GLOBAL_HOST, component=component, profile=profile)


def told(route: Route) -> dict[str, float]:
    """What the component is told of and can choose, with its share."""
    return {name: pytest.approx(share) for name, share in route.told.items()}  # type: ignore[misc]


def one(route: Route) -> ServiceEndpoint:
    """The only network endpoint."""
    (found,) = route.visible.network_endpoints.values()
    return found


# NET-1: one endpoint for each gateway


@pytest.mark.parametrize("component", Component)
def test_all_pods_of_another_network_are_one_endpoint_with_the_sum_of_their_weights(component: Component) -> None:
    route = asked(far("a", weight=2), far("b", FAR_B), near=(pod("n"),), component=component)
    assert told(route) == {"east/shop/n": 1 / 4, NAME: 3 / 4}
    assert [(endpoint.id, endpoint.weight) for endpoint in route.endpoints] == [("east/shop/n", 1), (NAME, 3)]
    assert [each.endpoint.id for each in one(route).behind] == ["west/shop/a", "west/shop/b"]


@pytest.mark.parametrize("component", [Component.WAYPOINT, Component.SIDECAR])
def test_an_envoy_divides_the_weight_among_the_gateways_after_a_common_scale(component: Component) -> None:
    route = asked(far("a"), far("b"), far("c"), near=(pod("n"),), gateways=(PEER, SECOND), component=component)
    assert {endpoint.id: endpoint.weight for endpoint in route.endpoints} == {
        "east/shop/n": 2,
        NAME: 3,
        "west via eastwest/second": 3,
    }
    assert told(route) == {"east/shop/n": 1 / 4, NAME: 3 / 8, "west via eastwest/second": 3 / 8}


def test_ztunnel_gives_the_whole_weight_to_the_first_gateway() -> None:
    route = asked(far("a"), far("b"), near=(pod("n"),), gateways=(PEER, SECOND))
    assert told(route) == {"east/shop/n": 1 / 3, NAME: 2 / 3}


def test_each_address_of_a_gateway_is_a_host_of_its_own_to_an_envoy() -> None:
    two = evolve(PEER, addresses=("192.0.2.1", "192.0.2.9", "2001:db8::1"))
    by_envoy = asked(far("a"), gateways=(two,), component=Component.WAYPOINT)
    assert told(by_envoy) == {f"{NAME} at 192.0.2.1": 1 / 2, f"{NAME} at 192.0.2.9": 1 / 2}
    assert told(asked(far("a"), gateways=(two,))) == {NAME: 1}


def test_a_flat_network_has_no_network_endpoints() -> None:
    route = asked(far("a", FAR_A._replace(network="net-e")), west_network="net-e")
    assert told(route) == {"west/shop/a": 1}


def stands_for(route: Route, name: str) -> str:
    """The names of the pods that a network endpoint stands for."""
    return " ".join(each.workload.name for each in route.known[name].behind)


# LOC-3: at an Envoy of Istio the locality of what is behind groups, and does not compare by labels


FAILOVER = {"failover": [{"from": "re", "to": "rw"}]}
BY_LABEL = {"failoverPriority": ["topology.kubernetes.io/region"]}


def test_an_envoy_of_istio_is_told_one_for_each_locality_behind_the_gateway_and_keeps_the_first_as_a_host() -> None:
    route = asked(
        far("a"),
        far("b", FAR_B),
        far("c", FAR_B),
        near=(pod("n", address="10.0.0.1"), pod("m", address="10.0.0.2")),
        component=Component.SIDECAR,
        profile=ISTIO_1_31,
    )
    assert [(group.locality.text, group.weight, len(group.endpoints)) for group in route.selection.groups] == [
        ("re/a", 2, 2),
        ("rw/a", 1, 1),
        ("rw/b", 2, 0),
    ]
    assert told(route) == {
        "east/shop/n": 1 / 3,
        "east/shop/m": 1 / 3,
        f"{NAME} (rw/a)": 1 / 3,
        f"{NAME} (rw/b)": 0,
    }
    assert [str(note.object) for note in route.notes if note.code == "gateway-listed-twice"] == [str(PEER)]
    assert len(cluster_load_assignment(route, port=80)["endpoints"]) == 3


def test_two_gateways_are_two_hosts_in_the_first_locality_each() -> None:
    route = asked(far("a"), far("b", FAR_B), gateways=(PEER, SECOND), component=Component.SIDECAR, profile=ISTIO_1_31)
    assert [(group.locality.text, len(group.endpoints)) for group in route.selection.groups] == [
        ("rw/a", 2),
        ("rw/b", 0),
    ]


def test_each_locality_behind_the_gateway_is_named() -> None:
    route = asked(far("a"), far("b", FAR_B), component=Component.SIDECAR, profile=ISTIO_1_31)
    assert sorted(endpoint.id for endpoint in route.endpoints) == [f"{NAME} (rw/a)", f"{NAME} (rw/b)"]
    assert {endpoint.locality for endpoint in route.endpoints} == {Locality("net-w")}


def test_failover_by_place_sees_the_locality_behind_a_gateway_of_istio_and_labels_do_not() -> None:
    pods = (far("same", Locality("net-w", "re", "a", "", "w1")), far("other", Locality("net-w", "rx", "a", "", "w2")))
    for setting, numbers in ((FAILOVER, {"same": 0, "other": 4}), (BY_LABEL, {"same": 1, "other": 1})):
        ruled = rule(setting, host=GLOBAL_HOST)
        route = asked(*pods, rules=[ruled], component=Component.SIDECAR, profile=ISTIO_1_31)
        found = {stands_for(route, each.id): tier.number for tier in route.tiers for each in tier.endpoints}
        assert found == numbers


def test_distribute_sees_the_locality_behind_a_gateway_of_istio() -> None:
    ruled = rule({"distribute": [{"from": "*", "to": {"rw/a": 80, "rw/b": 20}}]}, host=GLOBAL_HOST)
    pods = (far("a"), far("b", FAR_B), far("c", Locality("net-w", "rw", "c", "", "w-c1")))
    route = asked(*pods, rules=[ruled], component=Component.SIDECAR, profile=ISTIO_1_31)
    found = {stands_for(route, name): share for name, share in route.told.items()}
    # The gateway is one host to the Envoy, in the locality that is listed first.
    assert found == {"a": 1, "b": 0, "c": 0}
    # The gateway is not told of the locality for which it was chosen, and sends to all pods of its network.
    assert route.shares == dict.fromkeys(("west/shop/a", "west/shop/b", "west/shop/c"), pytest.approx(1 / 3))
    assert route.excluded == ()


# NET-3: health


def test_under_istio_a_network_endpoint_is_healthy_while_it_exists_and_its_traffic_is_lost() -> None:
    route = asked(far("a", health=Health.UNHEALTHY), near=(pod("n"),), profile=ISTIO_1_31)
    assert told(route) == {"east/shop/n": 1 / 2, one(route).endpoint.id: 1 / 2}
    assert route.shares == {"east/shop/n": 1 / 2, "west/shop/a": 0}
    assert route.lost == 1 / 2
    assert route.reason == "at Gateway eastwest/peer in cluster 'west': no endpoint is left to choose from"
    assert "nothing-behind-gateway" in {note.code for note in route.notes}


def test_under_solo_it_exists_while_one_behind_it_is_ready() -> None:
    ready, unready = far("a"), far("b", health=Health.UNHEALTHY)
    assert told(asked(ready, unready)) == {NAME: 1}
    route = asked(unready, near=(pod("n"),))
    assert told(route) == {"east/shop/n": 1}
    (item,) = route.excluded
    assert (item.endpoint.id, item.reason, item.rule) == ("west/shop/b", Reason.UNHEALTHY, "NET-3")


def test_ztunnel_is_told_the_weight_of_unready_pods_too_and_an_old_envoy_is_not() -> None:
    pods = (far("a"), far("b", health=Health.UNHEALTHY))
    assert one(asked(*pods, profile=ISTIO_1_31)).endpoint.weight == 2
    old = Profile.named("istio-1.30")
    for profile, weight in ((old, 1), (ISTIO_1_31, 2)):
        route = asked(*pods, component=Component.SIDECAR, profile=profile, annotation=None)
        assert one(route).endpoint.weight == weight


# NET-5: the next hop


def test_at_the_gateway_the_receiving_side_chooses_again_from_the_gateways_place() -> None:
    own = gateway(Locality("net-w", "rw", "b"), leads_to="west", remote=False, name="own")
    route = asked(far("a"), far("b", FAR_B), west_gateways=[own], annotation="PreferClose")
    assert route.shares == {"west/shop/a": 0, "west/shop/b": 1}
    first, then = route.hops
    assert (first.by, first.share) == ("Pod east/shop/client", 1)
    assert (then.by, then.share, str(then.route.place.locality)) == (
        "Gateway eastwest/own in cluster 'west'",
        1,
        "network=net-w rw/b",
    )
    assert then.route.resolution.title == "PreferSameZone"


def test_the_place_of_a_gateway_is_that_of_its_pods() -> None:
    own = gateway(Locality("net-w", "rw", "a"), leads_to="west", remote=False, name="own")
    labels = {"gateway.networking.k8s.io/gateway-name": "own"}
    gateway_pods = [
        pod(f"gw{number}", place, cluster="west", namespace="eastwest", labels=labels)
        for number, place in enumerate((FAR_A, FAR_B, FAR_B))
    ]
    mesh = two_clusters(
        west_pods=[far("a"), far("b", FAR_B)], gateways=[PEER], west_gateways=[own], annotation="PreferClose"
    )
    east, west = mesh.clusters
    with_pods = Mesh([east, evolve(west, workloads=[*west.workloads.values(), *gateway_pods])])
    route = with_pods.route("client", GLOBAL_HOST)
    assert route.shares == {"west/shop/a": pytest.approx(1 / 3), "west/shop/b": pytest.approx(2 / 3)}
    assert [hop.by for hop in route.hops[1:]] == ["Pod west/eastwest/gw0", "Pod west/eastwest/gw1"]


GATEWAY_LABELS = {"gateway.networking.k8s.io/gateway-name": "own"}
OWN = gateway(Locality("net-w", "rw", "a"), leads_to="west", remote=False, name="own")


@pytest.mark.parametrize(
    ("pods", "with_service", "lost"),
    [
        pytest.param([], False, False, id="nothing was read of it"),
        pytest.param([Health.UNHEALTHY, Health.UNHEALTHY], False, True, id="no pod is ready"),
        pytest.param([Health.UNHEALTHY, Health.HEALTHY], False, False, id="one pod is ready"),
        pytest.param([], True, True, id="its Service has no pod"),
        pytest.param([Health.HEALTHY], True, False, id="its Service has one"),
    ],
)
def test_what_is_sent_to_a_gateway_without_a_ready_pod_is_lost(
    pods: list[Health], with_service: bool, lost: bool
) -> None:
    """Of a dump of some namespaces alone the gateway counts as being there."""
    found = [
        pod(f"gw{number}", FAR_A, cluster="west", namespace="eastwest", labels=GATEWAY_LABELS, health=health)
        for number, health in enumerate(pods)
    ]
    east, west = two_clusters(west_pods=[far("a")], gateways=[PEER], west_gateways=[OWN], annotation="Any").clusters
    own = (
        Service(cluster="west", namespace="eastwest", name="own", backends=tuple(Backend(each.key) for each in found)),
    )
    services = west.services + own if with_service else west.services
    mesh = Mesh([east, evolve(west, workloads=[*west.workloads.values(), *found], services=services)])
    route = mesh.route("client", GLOBAL_HOST)
    assert (route.drops, route.lost) == (lost, 1.0 if lost else 0.0)
    assert route.shares == {"west/shop/a": 0 if lost else 1}
    assert ("gateway-without-pods" in {note.code for note in route.notes}) is lost
    if lost:
        assert route.reason == "at Gateway eastwest/own in cluster 'west': no pod of it is ready"


def test_a_zone_that_takes_all_pods_of_a_gateway_loses_what_is_sent_there() -> None:
    """Its Service shows that they are gone."""
    pods = [pod("gw", FAR_A, cluster="west", namespace="eastwest", labels=GATEWAY_LABELS)]
    mesh = two_clusters(west_pods=[far("b", FAR_B)], gateways=[PEER], west_gateways=[OWN], annotation="Any")
    east, west = mesh.clusters
    own = Service(cluster="west", namespace="eastwest", name="own", backends=(Backend(pods[0].key),))
    west = evolve(west, workloads=[*west.workloads.values(), *pods], services=(*west.services, own))
    mesh = Mesh([east, west])
    assert mesh.route("client", GLOBAL_HOST).lost == 0
    after = mesh.without(zone="rw/a")
    assert after.route("client", GLOBAL_HOST).drops
    (change,) = compare(mesh, after, hosts=[GLOBAL_HOST]).lost
    assert change.host == GLOBAL_HOST


def test_rows_are_of_what_is_behind_and_add_up() -> None:
    route = asked(far("a"), far("b"), near=(pod("n"),))
    assert {(row.endpoint.id, row.through): row.share for row in route.rows()} == {
        ("east/shop/n", ""): pytest.approx(1 / 3),
        ("west/shop/a", NAME): pytest.approx(1 / 3),
        ("west/shop/b", NAME): pytest.approx(1 / 3),
    }
    assert dict(route.flows())[NEAR, FAR_A] == pytest.approx(2 / 3)


def test_one_endpoint_behind_a_gateway_is_explained_by_both_choices() -> None:
    why = asked(far("a"), near=(pod("n"),), annotation="PreferNetwork").why("west/shop/a")
    assert why.before is not None
    assert why.before.endpoint == NAME
    assert why.verdict == (
        "P1 (priority 1): other network; behind that P0 (priority 0): same network,"
        " as seen by Gateway eastwest/peer in cluster 'west'"
    )
    assert why.first_difference is not None
    assert (why.first_difference.client, why.first_difference.endpoint) == ("net-e", "net-w")


def test_a_network_endpoint_behind_a_waypoint_is_explained_too() -> None:
    ways = [waypoint_pod("wp-1", NEAR), waypoint_pod("wp-2", NEAR)]
    web = service([], scope=ServiceScope.GLOBAL, waypoint="shop/wp")
    east = cluster([pod("client", NEAR), *ways], [web, service(ways, name="wp")], gateways=[PEER])
    west = cluster([far("a")], [service([far("a")], cluster="west", scope=ServiceScope.GLOBAL)], name="west")
    route = Mesh([east, evolve(west, network="net-w")]).route("client", GLOBAL_HOST)
    assert route.why(NAME).share == 1
    assert route.why(NAME).verdict.startswith("P1 (priority 0)")


def test_plain_data_have_what_is_behind_and_the_choice_there() -> None:
    data = asked(far("a"), near=(pod("n"),)).to_dict()
    (tier,) = data["tiers"]
    near, beyond = tier["endpoints"]
    assert near["behind"] is None
    assert beyond["behind"] is not None
    assert [(each["id"], each["share"]) for each in beyond["behind"]] == [("west/shop/a", 0.5)]
    (hop,) = data["next_hops"]
    assert (hop["endpoint"], hop["share"], hop["route"]["component"]) == (NAME, 0.5, "ztunnel")


def test_what_a_gateway_of_another_network_cannot_choose_is_excluded_with_its_reason() -> None:
    route = asked(far("a"), far("b", health=Health.UNHEALTHY))
    assert [(item.endpoint.id, item.reason) for item in route.excluded] == [("west/shop/b", Reason.UNHEALTHY)]


def test_behind_the_gateway_of_a_network_without_a_name_traffic_goes_no_further_either() -> None:
    way = waypoint_pod("wp-1", Locality(), cluster="west")
    web = service([pod("b", Locality(), cluster="west")], cluster="west", scope=ServiceScope.GLOBAL, waypoint="shop/wp")
    back = gateway(NEAR, leads_to="east", name="back")
    mesh = Mesh(
        [
            cluster(
                [pod("client", NEAR), pod("a", NEAR)],
                [service([pod("a", NEAR)], scope=ServiceScope.GLOBAL, annotation="Any")],
                gateways=[gateway(Locality(), leads_to="west")],
            ),
            cluster(
                [way, *(pod("b", Locality(), cluster="west"),)],
                [web, service([way], name="wp", cluster="west")],
                name="west",
                network="",
                gateways=[back],
            ),
        ]
    )
    route = mesh.route("client", GLOBAL_HOST)
    assert route.shares == {"east/shop/a": 1 / 2, "west/shop/b": 1 / 2}
    assert route.excluded == ()


def test_internal_traffic_policy_local_leaves_out_what_is_behind_gateways_pod_by_pod() -> None:
    route = asked(far("a"), far("b"), near=(pod("n"),), local=True)
    assert [(item.endpoint.id, item.reason) for item in route.excluded] == [
        ("west/shop/a", Reason.NOT_LOCAL),
        ("west/shop/b", Reason.NOT_LOCAL),
    ]


# OD-2: hosts as the Envoy is told them


BY_REGION_AND_ZONE = {"failoverPriority": ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"]}
HALF = {**OUTLIER_DETECTION, "maxEjectionPercent": 50}


def cap(route: Route) -> list[str]:
    return [note.text for note in route.notes if note.code == "ejection-cap"]


def test_with_two_near_pods_and_one_far_gateway_half_is_one_and_failover_cannot_complete() -> None:
    near = (pod("n1"), pod("n2", NEAR._replace(zone="b", node="e-b1")))
    ruled = rule(BY_REGION_AND_ZONE, host=GLOBAL_HOST, outlier_detection=HALF)
    through = asked(far("a"), far("b", FAR_B), near=near, rules=[ruled], component=Component.WAYPOINT)
    assert cap(through) == [
        (
            "maxEjectionPercent 50 of 3 endpoints is 1, 2 come before priority 2: where all of these fail,"
            " one keeps its traffic, and failover to that cannot complete"
        )
    ]
    flat = asked(
        far("a", FAR_A._replace(network="net-e")),
        far("b", FAR_B._replace(network="net-e")),
        near=near,
        rules=[ruled],
        component=Component.WAYPOINT,
        west_network="net-e",
    )
    assert cap(flat) == []


# One cluster's dump is enough (LOC-4, NET-4)


ONE_DUMP = dedent("""
    apiVersion: v1
    kind: Namespace
    metadata:
      name: istio-system
      labels: {topology.istio.io/cluster: c1, topology.istio.io/network: net1}
    ---
    apiVersion: v1
    kind: Node
    metadata:
      name: e1
      labels: {topology.kubernetes.io/region: us-east-1, topology.kubernetes.io/zone: us-east-1a}
    ---
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata:
      name: istio-remote-peer-c2
      namespace: istio-eastwest
      labels:
        topology.istio.io/network: net2
        topology.istio.io/cluster: c2
        topology.kubernetes.io/region: us-west-2
        topology.kubernetes.io/zone: us-west-2a
    spec:
      gatewayClassName: istio-remote
      addresses: [{type: IPAddress, value: 198.51.100.20}]
      listeners: [{name: cross-network, port: 15008, protocol: HBONE}]
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: curl, namespace: bookinfo, labels: {app: curl}}
    spec: {nodeName: e1}
    status: {phase: Running, podIP: 10.0.17.1, conditions: [{type: Ready, status: "True"}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: productpage, namespace: bookinfo, labels: {solo.io/service-scope: global}}
    spec: {selector: {app: productpage}, ports: [{name: http, port: 9080}]}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: pp-1a, namespace: bookinfo, labels: {app: productpage}}
    spec: {nodeName: e1}
    status: {phase: Running, podIP: 10.0.18.1, conditions: [{type: Ready, status: "READY"}]}
    ---
    apiVersion: networking.istio.io/v1
    kind: ServiceEntry
    metadata: {name: autogen.bookinfo.productpage, namespace: istio-system}
    spec:
      hosts: [productpage.bookinfo.mesh.internal]
      ports: [{name: http, number: 9080, protocol: HTTP}]
      resolution: STATIC
      workloadSelector: {labels: {solo.io/service: productpage}}
    ---
    apiVersion: networking.istio.io/v1
    kind: WorkloadEntry
    metadata:
      name: autogen.c2.bookinfo.productpage
      namespace: istio-system
      labels: {solo.io/service: productpage}
    spec: {network: net2, weight: 3, labels: {solo.io/service: productpage}}
""")


def dump(text: str) -> Mesh:
    return load(list(yaml.safe_load_all(text)))


ENTRY = "c1/istio-system/autogen.c2.bookinfo.productpage"


@pytest.mark.parametrize("component", [Component.ZTUNNEL, Component.WAYPOINT])
@pytest.mark.parametrize("ready", [True, False])
def test_one_dump_knows_the_other_cluster_by_its_entry(component: Component, ready: bool) -> None:
    route = dump(ONE_DUMP.replace("READY", str(ready))).route(
        "curl", "productpage.bookinfo.mesh.internal", component=component
    )
    gets = "c1/bookinfo/pp-1a" if ready else ENTRY
    assert {name for name, share in route.shares.items() if share} == {gets}
    assert not route.drops
    beyond = route.service_endpoint("autogen.c2.bookinfo.productpage")
    assert beyond.endpoint.locality == Locality("net2", "us-west-2", "us-west-2a")
    assert (beyond.endpoint.weight, beyond.workload.addresses) == (3, ("198.51.100.20",))
    (note,) = [note for note in route.notes if note.code == "peer-dump-missing"]
    assert note.text.startswith("what is behind it is in cluster 'c2', whose dump is not in the input")


def test_a_peer_of_which_nothing_is_known_is_named_where_a_host_spans_clusters() -> None:
    about_c2 = ONE_DUMP.replace("READY", "True").partition(
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry"
    )[0]
    mesh = dump(about_c2)
    for host, named in (("productpage.bookinfo.mesh.internal", True), ("productpage.bookinfo", False)):
        notes = [note.text for note in mesh.route("curl", host).notes if note.code == "peer-not-in-input"]
        assert [text.partition(" is a peer")[0] for text in notes] == (["cluster 'c2'"] if named else [])
    seen = dump(ONE_DUMP.replace("READY", "True")).route("curl", "productpage.bookinfo.mesh.internal")
    assert "peer-not-in-input" not in {note.code for note in seen.notes}


def test_where_weights_are_compared_across_networks_the_entrys_weight_is_noted() -> None:
    for annotation, noted in (("Any", True), ("PreferNetwork", False)):
        text = ONE_DUMP.replace("READY", "True").replace(
            "{name: productpage, namespace: bookinfo, labels",
            f"{{name: productpage, namespace: bookinfo, annotations:"
            f" {{networking.istio.io/traffic-distribution: {annotation}}}, labels",
        )
        route = dump(text).route("curl", "productpage.bookinfo.mesh.internal")
        assert ("network-weight-assumed" in {note.code for note in route.notes}) is noted


def test_with_the_peers_dump_its_pods_take_the_place_of_its_entry() -> None:
    east = dump(ONE_DUMP.replace("READY", "False")).clusters[0]
    away = pod("pp-2a", FAR_A._replace(network="net2"), cluster="c2", namespace="bookinfo")
    web = service([away], name="productpage", cluster="c2", namespace="bookinfo", scope=ServiceScope.GLOBAL)
    mesh = Mesh([east, cluster([away], [web], name="c2", network="net2")])
    route = mesh.route("c1/bookinfo/curl", "productpage.bookinfo.mesh.internal")
    assert {name: share for name, share in route.shares.items() if share} == {"c2/bookinfo/pp-2a": 1}
    assert told(route) == {ENTRY: 1}
    assert one(route).place.locality == Locality("net2", "us-west-2", "us-west-2a")


def test_an_entry_that_names_no_cluster_is_of_its_network() -> None:
    text = ONE_DUMP.replace("READY", "False").replace("autogen.c2.bookinfo.productpage", "away")
    route = dump(text).route("curl", "productpage.bookinfo.mesh.internal")
    (note,) = [note for note in route.notes if note.code == "peer-dump-missing"]
    assert note.text.startswith("what is behind it is in network 'net2', whose dump is not in the input")


def test_a_service_that_is_global_elsewhere_alone_prefers_its_network_too() -> None:
    documents = [each for each in ONE_DUMP.replace("READY", "True").split("---") if "kind: Service\n" not in each]
    route = dump("---".join(documents)).route("curl", "productpage.bookinfo.mesh.internal")
    assert route.resolution.title == "PreferNetwork"
    assert told(route) == {ENTRY: 1}


@pytest.mark.parametrize(
    ("ready", "hbone", "code"), [(False, True, "gateway-without-address"), (True, False, "gateway-without-hbone")]
)
def test_nothing_is_sent_to_a_gateway_without_address_or_hbone_and_a_note_says_so(
    ready: bool, hbone: bool, code: str
) -> None:
    faulty = evolve(PEER, notes=(Note(code, "why", str(PEER)),), ready=ready, hbone=hbone)
    alone = asked(far("a"), gateways=(faulty,))
    assert [(item.endpoint.id, item.rule) for item in alone.excluded] == [("west/shop/a", "NET-2")]
    assert code in {note.code for note in alone.notes}
    assert told(asked(far("a"), gateways=(faulty, SECOND))) == {"west via eastwest/second": 1}
