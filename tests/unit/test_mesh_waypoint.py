"""Two choices in a row: ztunnel picks a waypoint pod, and that pod picks the endpoint (COMP-1)."""

import json
from typing import Any

import pytest
from attrs import evolve
from tests.meshes import EAST, HOST, cluster, one_cluster, pod, rule, service, waypoint_pod

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.labels import Labels
from meshtier.locality import Locality
from meshtier.mesh import Admits, Cluster, LabelRequirement, Mesh, Namespace, ServiceScope, WaypointGateway, Workload
from meshtier.mesh.report import report_of
from meshtier.mesh.waypoint import GATEWAY_NAME_LABEL

A1, A2, B1 = EAST, EAST._replace(node="e-a2"), Locality("net-e", "re", "b", "", "e-b1")
WAYPOINT, ZTUNNEL = Component.WAYPOINT, Component.ZTUNNEL


def mesh(pods: list[Workload], waypoints: list[Workload], *, client: Locality = A1, **about: object) -> Mesh:
    """The service web with the waypoint shop/wp, annotated as Istio makes it."""
    made = [
        service(pods, waypoint="shop/wp", **about),  # type: ignore[arg-type]
        service(waypoints, name="wp", annotation="PreferClose"),
    ]
    return Mesh((cluster([pod("client", client), *pods, *waypoints], made),))


def test_ztunnel_picks_the_waypoint_pod_of_its_zone_which_picks_by_its_own_place() -> None:
    """The client in zone a has its waypoint there; that of zone b is the reserve."""
    asked = mesh(
        [pod("a", A2), pod("b", B1)], [waypoint_pod("wa", A2), waypoint_pod("wb", B1)], annotation="PreferSameZone"
    )
    route = asked.route("client", HOST, component=WAYPOINT)
    first, *pods = route.hops
    assert (first.by, first.share, first.route.component) == ("Pod east/shop/client", 1.0, Component.ZTUNNEL)
    assert first.route.resolution.source.value == "PreferClose"
    assert [(hop.by, hop.share) for hop in pods] == [("east/shop/wa", 1.0)]
    assert route.shares == {"east/shop/a": 1.0, "east/shop/b": 0.0}


def test_where_the_waypoint_is_elsewhere_its_place_decides_and_not_the_clients() -> None:
    asked = mesh([pod("a", A2), pod("b", B1)], [waypoint_pod("wb", B1)], annotation="PreferSameZone")
    assert asked.route("client", HOST, component=WAYPOINT).shares == {"east/shop/a": 0.0, "east/shop/b": 1.0}
    assert asked.route("client", HOST, component=ZTUNNEL).shares == {"east/shop/a": 1.0, "east/shop/b": 0.0}


def test_shares_are_composed_over_all_waypoint_pods() -> None:
    """Three waypoint pods of weight 1 in the client's zone; one sees another node first."""
    waypoints = [waypoint_pod("w1", A1), waypoint_pod("w2", A1), waypoint_pod("w3", A2)]
    asked = mesh([pod("x", A1), pod("y", A2)], waypoints, annotation="PreferSameNode")
    route = asked.route("client", HOST, component=WAYPOINT)
    assert route.shares == pytest.approx({"east/shop/x": 2 / 3, "east/shop/y": 1 / 3})
    assert route.shares.total == pytest.approx(1)
    assert sum(hop.share for hop in route.hops[1:]) == pytest.approx(1)
    assert route.why("y").share == pytest.approx(1 / 3)


def test_a_waypoint_pod_that_finds_nothing_loses_its_part() -> None:
    """The service stays on the node: w2 has no endpoint there, and its half of the traffic is lost."""
    asked = mesh([pod("x", A1)], [waypoint_pod("w1", A1), waypoint_pod("w2", A2)], local=True)
    route = asked.route("client", HOST, component=WAYPOINT)
    assert route.shares == {"east/shop/x": 0.5}
    assert route.reason.startswith("at east/shop/w2: ")
    assert not route.drops
    assert "lost 50 %" in repr(route.shares)
    assert "50 % of the traffic is lost: at east/shop/w2" in route.explain()


@pytest.mark.parametrize("health", [Health.UNHEALTHY, Health.TERMINATING], ids=str)
def test_without_a_waypoint_pod_that_serves_nothing_flows(health: Health) -> None:
    route = mesh([pod("x")], [waypoint_pod("w1", A1, health=health)]).route("client", HOST, component=WAYPOINT)
    assert len(route.hops) == 1
    assert route.shares == {"east/shop/x": 0.0}
    assert route.reason == "no waypoint pod: no endpoint is left to choose from"
    assert route.drops
    assert route.why("x").share == 0
    assert "no traffic flows: no waypoint pod" in route.explain()


def test_a_pod_of_the_waypoint_itself_chooses_at_once() -> None:
    asked = mesh([pod("a", A2), pod("b", B1)], [waypoint_pod("wb", B1)], annotation="PreferSameZone")
    route = asked.route("wb", HOST, component=WAYPOINT)
    assert [hop.route for hop in route.hops] == [route]
    assert route.shares == {"east/shop/a": 0.0, "east/shop/b": 1.0}
    assert route.notes == ()


def test_without_the_waypoints_service_its_pods_are_found_by_their_label_with_a_note() -> None:
    web = [pod("a", A2)]
    asked = Mesh((cluster([pod("client"), *web, waypoint_pod("w1", A2)], [service(web, waypoint="shop/wp")]),))
    route = asked.route("client", HOST, component=WAYPOINT)
    assert [hop.by for hop in route.hops[1:]] == ["east/shop/w1"]
    assert [note.code for note in route.notes] == ["waypoint-gateway-assumed", "waypoint-service-assumed"]


def test_waypoint_pods_need_no_label_where_their_service_is_known() -> None:
    route = mesh([pod("a", A2)], [pod("unlabelled", A2)]).route("client", HOST, component=WAYPOINT)
    assert [hop.by for hop in route.hops[1:]] == ["east/shop/unlabelled"]
    assert route.shares.total == 1
    itself = mesh([pod("a", A2)], [pod("unlabelled", A2)]).route("unlabelled", HOST)
    assert [(hop.by, hop.route.component) for hop in itself.hops] == [("Pod east/shop/unlabelled", WAYPOINT)]


@pytest.mark.parametrize(
    ("waypoint", "code", "said"),
    [
        ("", "waypoint-not-named", "it names no waypoint"),
        (
            "shop/wp",
            "waypoint-missing",
            "its waypoint shop/wp is not there in cluster 'east': no Gateway, no Service, no pod",
        ),
    ],
    ids=["none", "no pod"],
)
def test_without_a_waypoint_the_answer_is_that_of_one_beside_the_client(waypoint: str, code: str, said: str) -> None:
    route = one_cluster([pod("a", A2)], waypoint=waypoint).route("client", HOST, component=WAYPOINT)
    assert [hop.route for hop in route.hops] == [route]
    assert [(note.code, note.text) for note in route.notes] == [
        (code, f"{said}; the answer is that of a waypoint beside the client")
    ]


# Which waypoint is in the path (WP-2).

PROD = Namespace(name="shop", labels=Labels({"env": "prod"}))
IN_PROD = LabelRequirement("env", frozenset({"prod"}))
NAMED_SHOP = LabelRequirement("kubernetes.io/metadata.name", frozenset({"shop"}))


def bound(
    gateway: WaypointGateway | None, *, namespace: Namespace | None = PROD, at: str = "shop", pods: int = 1
) -> Mesh:
    """The service web of shop, whose waypoint is wp in the namespace *at*, with this Gateway."""
    label = {GATEWAY_NAME_LABEL: "wp"}
    ways = [pod(f"w{number}", A1, namespace=at, labels=label) for number in range(pods)]
    web = [pod("a", A2)]
    made = [
        service(web, waypoint=f"{at}/wp"),
        *([service(ways, name="wp", namespace=at, annotation="PreferClose")] if ways else []),
    ]
    return Mesh(
        (
            cluster(
                [pod("client"), *web, *ways],
                made,
                namespaces=() if namespace is None else (namespace,),
                waypoints=() if gateway is None else (gateway,),
            ),
        )
    )


def shop_gateway(**about: Any) -> WaypointGateway:
    return WaypointGateway(name="wp", namespace="shop", **about)


def infra_gateway(*wanted: LabelRequirement, admits: Admits = Admits.SELECTOR) -> WaypointGateway:
    return WaypointGateway(name="wp", namespace="infra", admits=admits, selector=wanted)


@pytest.mark.parametrize(
    ("asked", "noted"),
    [
        pytest.param(bound(shop_gateway()), [], id="as istioctl makes it"),
        pytest.param(bound(shop_gateway(serves="all")), [], id="for all traffic"),
        pytest.param(bound(shop_gateway(ready=None)), ["waypoint-ready-assumed"], id="a manifest"),
        pytest.param(bound(None), ["waypoint-gateway-assumed"], id="no Gateway in the input"),
        pytest.param(bound(infra_gateway(admits=Admits.ALL), at="infra"), [], id="all namespaces"),
        pytest.param(bound(infra_gateway(IN_PROD), at="infra"), [], id="a label"),
        pytest.param(bound(infra_gateway(), at="infra"), [], id="no label wanted"),
        pytest.param(bound(infra_gateway(NAMED_SHOP), at="infra"), [], id="the name, not among the labels"),
        pytest.param(
            bound(infra_gateway(NAMED_SHOP), at="infra", namespace=None), [], id="the name, no Namespace in the input"
        ),
    ],
)
def test_a_waypoint_that_istiod_binds_is_in_the_path(asked: Mesh, noted: list[str]) -> None:
    route = asked.route("client", HOST, component=WAYPOINT)
    assert route.to_dict()["to_waypoint"] is not None
    assert [note.code for note in route.notes] == noted
    assert [note.code for note in asked.route("client", HOST, component=ZTUNNEL).notes] == ["waypoint-in-path"]


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        pytest.param(
            bound(None, pods=0),
            "waypoint-missing",
            "its waypoint shop/wp is not there in cluster 'east': no Gateway, no Service, no pod",
            id="missing",
        ),
        pytest.param(
            bound(shop_gateway(ready=False)),
            "waypoint-not-ready",
            "the Gateway of its waypoint shop/wp has no address in its status",
            id="no address",
        ),
        pytest.param(
            bound(shop_gateway(serves="workload")),
            "waypoint-not-for-services",
            "its waypoint shop/wp is for 'workload' traffic (istio.io/waypoint-for)",
            id="for workloads",
        ),
        pytest.param(
            bound(shop_gateway(serves="Service")),
            "waypoint-not-for-services",
            "its waypoint shop/wp is for 'Service' traffic (istio.io/waypoint-for)",
            id="the case of letters counts",
        ),
        pytest.param(
            bound(infra_gateway(admits=Admits.SAME), at="infra"),
            "waypoint-not-admitted",
            "the listener of its waypoint infra/wp admits its own namespace alone (allowedRoutes), not shop",
            id="another namespace",
        ),
        pytest.param(
            bound(infra_gateway(LabelRequirement("env", frozenset({"test"}))), at="infra"),
            "waypoint-not-admitted",
            "the listener of its waypoint infra/wp admits namespaces with certain labels (allowedRoutes), not shop",
            id="another label",
        ),
        pytest.param(
            bound(infra_gateway(IN_PROD), at="infra", namespace=None),
            "waypoint-not-admitted",
            "the listener of its waypoint infra/wp admits namespaces with certain labels (allowedRoutes), not shop,"
            " whose labels the input lacks",
            id="no Namespace in the input",
        ),
        pytest.param(
            bound(evolve(infra_gateway(), selector=None), at="infra"),
            "waypoint-not-admitted",
            "the listener of its waypoint infra/wp admits namespaces with certain labels (allowedRoutes), not shop",
            id="Selector without one",
        ),
        pytest.param(
            bound(evolve(infra_gateway(admits=Admits.SAME), ready=False, serves="none"), at="infra"),
            "waypoint-not-ready",
            "the Gateway of its waypoint infra/wp has no address in its status",
            id="the first condition of three",
        ),
    ],
)
def test_a_waypoint_that_istiod_does_not_bind_is_not_in_the_path(asked: Mesh, code: str, said: str) -> None:
    route = asked.route("client", HOST, component=WAYPOINT)
    assert route.to_dict()["to_waypoint"] is None
    (note,) = route.notes
    assert (note.code, note.rule, note.object) == (code, "WP-2", "Service shop/web")
    assert note.text == f"{said}; the answer is that of a waypoint beside the client"
    for component in (ZTUNNEL, None):
        (straight,) = asked.route("client", HOST, component=component).notes
        assert (straight.code, straight.text) == (code, f"{said}; traffic goes straight")


def test_a_waypoint_that_binds_without_any_pod_in_the_input_leaves_its_way_unknown() -> None:
    asked = bound(shop_gateway(), pods=0)
    said = "its waypoint shop/wp has neither Service nor pod in cluster 'east'"
    for component in (WAYPOINT, None):
        route = asked.route("client", HOST, component=component)
        (note,) = route.notes
        assert (note.code, note.text) == (
            "waypoint-without-pods",
            f"{said}; the answer is that of a waypoint beside the client",
        )
        assert route.component is WAYPOINT
    (note,) = asked.route("client", HOST, component=ZTUNNEL).notes
    assert note.text == f"{said}; this is ztunnel without it"


def test_one_waypoint_binds_for_one_namespace_and_not_for_another() -> None:
    ways = [pod("w", A1, labels={GATEWAY_NAME_LABEL: "wp"})]
    shop, other = pod("a", A2), pod("b", A2, namespace="other")
    made = [
        service([shop], waypoint="shop/wp"),
        service([other], namespace="other", waypoint="shop/wp"),
        service(ways, name="wp"),
    ]
    asked = Mesh((cluster([pod("client"), shop, other, *ways], made, waypoints=[shop_gateway()]),))
    paths = {
        namespace: asked.route("client", f"web.{namespace}.svc.cluster.local", component=WAYPOINT)
        for namespace in ("shop", "other")
    }
    assert {name: route.to_dict()["to_waypoint"] is not None for name, route in paths.items()} == {
        "shop": True,
        "other": False,
    }


@pytest.mark.parametrize(
    ("wanted", "labels", "holds"),
    [
        (LabelRequirement("env", frozenset({"a", "b"})), {"env": "b"}, True),
        (LabelRequirement("env", frozenset({"a", "b"})), {"env": "c"}, False),
        (LabelRequirement("env", frozenset({"a"})), {}, False),
        (LabelRequirement("env", frozenset({"a"}), negated=True), {"env": "a"}, False),
        (LabelRequirement("env", frozenset({"a"}), negated=True), {"env": "b"}, True),
        (LabelRequirement("env", frozenset({"a"}), negated=True), {}, True),
        (LabelRequirement("env"), {"env": ""}, True),
        (LabelRequirement("env"), {}, False),
        (LabelRequirement("env", negated=True), {"env": ""}, False),
        (LabelRequirement("env", negated=True), {}, True),
    ],
)
def test_a_requirement_holds_as_in_kubernetes(wanted: LabelRequirement, labels: dict[str, str], holds: bool) -> None:
    assert wanted.holds(labels) is holds


def test_a_bare_place_is_taken_for_that_of_a_waypoint_pod_with_a_note() -> None:
    asked = mesh([pod("a", A2), pod("b", B1)], [waypoint_pod("wa", A2)], annotation="PreferSameZone")
    route = asked.route(B1, HOST, component=WAYPOINT)
    assert route.shares == {"east/shop/a": 0.0, "east/shop/b": 1.0}
    assert [note.rule for note in route.notes] == ["COMP-1"]


def test_port_and_subset_are_the_hosts_and_not_the_waypoints() -> None:
    versions = rule(subsets=[{"name": "v1", "labels": {"version": "v1"}}], outlier_detection=None)
    web = [pod("a", A1, labels={"version": "v1"}), pod("b", A1)]
    ways = [waypoint_pod("w1", A1)]
    made = [
        service(web, waypoint="shop/wp", ports=((80, "http"),)),
        service(ways, name="wp", ports=((15008, "mesh"),)),
    ]
    asked = Mesh((cluster([pod("client"), *web, *ways], made, rules=[versions]),))
    route = asked.route("client", HOST, component=WAYPOINT, port=80, subset="v1")
    assert route.shares == {"east/shop/a": 1.0, "east/shop/b": 0.0}


def by_node(*, local: bool = False) -> Mesh:
    """Two thirds of the traffic at pods on the client's node, beside x; one third on another node, beside y."""
    waypoints = [waypoint_pod("w1", A1), waypoint_pod("w2", A1), waypoint_pod("w3", A2)]
    annotation = None if local else "PreferSameNode"
    return mesh([pod("x", A1), pod("y", A2), pod("z", B1)], waypoints, local=local, annotation=annotation)


def test_only_what_no_pod_can_choose_is_excluded() -> None:
    """Each pod stays on its node: y is left out by the larger part, and has its share by the smaller."""
    route = by_node(local=True).route("client", HOST, component=WAYPOINT)
    assert route.shares == pytest.approx({"east/shop/x": 2 / 3, "east/shop/y": 1 / 3, "east/shop/z": 0})
    assert [item.endpoint.id for item in route.excluded] == ["east/shop/z"]
    assert [endpoint.id for endpoint in route.endpoints] == ["east/shop/x", "east/shop/y"]
    assert [[endpoint.id for endpoint in tier.endpoints] for tier in route.tiers] == [["east/shop/x"]]


def test_why_is_told_by_the_pod_that_sends_most() -> None:
    route = by_node(local=True).route("client", HOST, component=WAYPOINT)
    verdicts = [route.why(name).verdict for name in ("x", "y", "z")]
    assert verdicts == [
        "P0 (priority 0): same network, node, as seen by east/shop/w1",
        "P0 (priority 0): same network, node, as seen by east/shop/w3",
        "excluded: not on the client's node [PREC-3], as seen by east/shop/w1",
    ]
    assert [route.why(name).share for name in ("x", "y", "z")] == pytest.approx([2 / 3, 1 / 3, 0])


def test_a_pod_that_could_choose_an_endpoint_tells_why_it_does_not() -> None:
    """w1 gets more traffic and leaves y out; w3 would take it, were it healthy."""
    web = [pod("x", A1), pod("y", A2, health=Health.UNHEALTHY)]
    waypoints = [waypoint_pod("w1", A1), waypoint_pod("w2", A1), waypoint_pod("w3", A2)]
    route = mesh(web, waypoints, local=True).route("client", HOST, component=WAYPOINT)
    assert route.excluded == ()
    assert route.why("y").verdict == "P0 (priority 0): same network, node, as seen by east/shop/w3"


def test_waypoint_pods_in_two_clusters_see_endpoints_of_their_own() -> None:
    """The waypoint is a global service, and web a local one of either cluster."""
    west = Locality("net-e", "rw", "c", "", "w-c1")
    clusters: list[Cluster] = []
    for name, place in (("east", A1), ("west", west)):
        web = pod("web", place, cluster=name)
        way = waypoint_pod("w", place, cluster=name)
        made = [
            service([web], cluster=name, waypoint="shop/wp"),
            service([way], cluster=name, name="wp", annotation="Any", scope=ServiceScope.GLOBAL, takeover=True),
        ]
        clusters.append(cluster([pod("client", place, cluster=name), web, way], made, name=name))
    route = Mesh(clusters).route("east/shop/client", HOST, component=WAYPOINT)
    assert route.shares == {"east/shop/web": 0.5, "west/shop/web": 0.5}
    assert route.excluded == ()
    assert route.service_endpoint("west/shop/web").workload.cluster == "west"
    assert route.why("west/shop/web").share == 0.5


def test_the_report_shows_like_tiers_once_and_the_endpoints_with_their_shares_over_all_pods() -> None:
    route = by_node().route("client", HOST, component=WAYPOINT)
    text = route.explain()
    assert text[text.index("tiers as") : text.index("\n\nnotes")] == "\n".join(
        (
            "tiers as seen by east/shop/w1, east/shop/w2, east/shop/w3, 100 %",
            "  at network=net-e re/a node=e-a1, network=net-e re/a node=e-a2",
            "tier  priority  share  healthy  what matches                                     where",
            "P0           0  100 %      1/1  same network, region, zone, subzone, node        re/a",
            "P1           1    0 %      1/1  same network, region, zone, subzone; other node  re/a",
            "P3           2    0 %      1/1  same network, region; other zone                 re/b",
            "",
            "endpoints",
            "endpoint      share  where           health",
            "east/shop/x  66.7 %  re/a node=e-a1  healthy",
            "east/shop/y  33.3 %  re/a node=e-a2  healthy",
            "east/shop/z     0 %  re/b node=e-b1  healthy",
        )
    )
    assert "… and 2 more  33.3 %" in report_of(route, most=1).to_text()


def test_the_report_shows_unlike_tiers_of_pods_one_after_the_other_the_largest_share_first() -> None:
    """Of three waypoint pods two are on the node of the only endpoint."""
    waypoints = [waypoint_pod("w1", A2), waypoint_pod("w2", A1), waypoint_pod("w3", A1)]
    text = mesh([pod("x", A1)], waypoints, local=True).route("client", HOST, component=WAYPOINT).explain()
    headings = [line for line in text.splitlines() if "as seen by" in line]
    assert headings == [
        "tiers as seen by east/shop/w2, east/shop/w3, 66.7 %",
        "no tier holds an endpoint as seen by east/shop/w1, 33.3 %",
    ]


def test_plain_data_has_the_shares_over_all_pods() -> None:
    data = by_node(local=True).route("client", HOST, component=WAYPOINT).to_dict()
    shares = {one["id"]: one["share"] for one in data["endpoints"]}
    assert shares == pytest.approx({"east/shop/x": 2 / 3, "east/shop/y": 1 / 3})
    assert [hop["route"]["endpoints"] for hop in data["waypoints"]] == [[], [], []]
    assert json.loads(json.dumps(data)) == data
