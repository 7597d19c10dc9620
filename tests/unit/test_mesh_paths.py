"""The way that traffic really takes: where it starts, and whether it goes through a waypoint (PATH, WP-3)."""

from collections.abc import Mapping

import pytest
from attrs import evolve
from tests.meshes import EAST, HOST, cluster, gateway, one_cluster, places, pod, rule, service, waypoint_pod

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.errors import UnknownNameError
from meshtier.labels import Labels
from meshtier.locality import Locality
from meshtier.mesh import Cluster, Mesh, Route, Service, ServiceScope, Workload
from meshtier.mesh.visible import visible_endpoints
from meshtier.profile import ISTIO_1_27, ISTIO_1_31, SOLO, Profile

A1, A2 = EAST, EAST._replace(node="e-a2")
B1 = Locality("net-e", "re", "b", "", "e-b1")
ZTUNNEL, WAYPOINT, GATEWAY = Component.ZTUNNEL, Component.WAYPOINT, Component.INGRESS_GATEWAY
SIDECAR, KGATEWAY = Component.SIDECAR, Component.KGATEWAY
UPSTREAM = ISTIO_1_31


def mesh(*clients: Workload, labelled: bool = False, passthrough: str = "", wp: str | None = "PreferClose") -> Mesh:
    """The service web with a waypoint in both zones, and these clients; *labelled* lets ingress gateways use it."""
    web = [pod("a", A2), pod("b", B1)]
    ways = [waypoint_pod("wa", A2), waypoint_pod("wb", B1)]
    made = [
        evolve(
            service(web, waypoint="shop/wp", annotation="PreferSameZone", passthrough=passthrough),
            ingress_waypoint=labelled,
        ),
        service(ways, name="wp", annotation=wp),
    ]
    return Mesh([cluster([*clients, *web, *ways], made)])


def client(proxy: Component | None = None, *, takes_part: bool | None = None, place: Locality = A1) -> Workload:
    return evolve(pod("client", place), proxy=proxy, takes_part=takes_part)


def way(route: Route) -> list[str]:
    """Who chooses, in order."""
    return [str(hop.route.component) for hop in route.hops]


def codes(route: Route) -> list[str]:
    return [note.code for note in route.notes]


@pytest.mark.parametrize(
    ("proxy", "profile", "labelled", "expected"),
    [
        (None, SOLO, False, ["ztunnel", "waypoint"]),
        (None, UPSTREAM, False, ["ztunnel", "waypoint"]),
        (KGATEWAY, SOLO, False, ["kgateway", "waypoint"]),
        (KGATEWAY, UPSTREAM, False, ["kgateway", "waypoint"]),
        (GATEWAY, SOLO, False, ["ingress-gateway", "waypoint", "waypoint"]),
        (GATEWAY, UPSTREAM, False, ["ingress-gateway"]),
        (GATEWAY, UPSTREAM, True, ["ingress-gateway", "waypoint", "waypoint"]),
        (SIDECAR, SOLO, False, ["sidecar", "waypoint", "waypoint"]),
        (SIDECAR, UPSTREAM, False, ["sidecar"]),
        (SIDECAR, UPSTREAM, True, ["sidecar"]),
    ],
    ids=str,
)
def test_traffic_goes_through_the_waypoint_where_its_start_and_the_profile_say_so(
    proxy: Component | None, profile: Profile, labelled: bool, expected: list[str]
) -> None:
    route = mesh(client(proxy), labelled=labelled).route("client", HOST, profile=profile)
    assert way(route) == expected
    assert route.component.value == expected[-1]
    assert route.shares.total == pytest.approx(1)
    assert sum(share for _, share in route.flows()) == pytest.approx(1)


@pytest.mark.parametrize("proxy", [None, KGATEWAY, GATEWAY, SIDECAR], ids=str)
def test_without_a_waypoint_the_one_at_which_traffic_starts_chooses(proxy: Component | None) -> None:
    web = [pod("a", A2), pod("b", B1)]
    asked = Mesh([cluster([client(proxy), *web], [service(web, annotation="PreferSameZone")])])
    route = asked.route("client", HOST)
    start = proxy or ZTUNNEL
    assert (way(route), codes(route)) == ([start.value], [])
    assert route.shares == asked.route("client", HOST, component=start).shares == {"east/shop/a": 1, "east/shop/b": 0}


@pytest.mark.parametrize("asked_from", [A1, "client"], ids=["a place", "a pod"])
def test_a_pod_without_a_proxy_and_a_bare_place_start_at_ztunnel(asked_from: Locality | str) -> None:
    """The ztunnel in zone a takes the waypoint pod there."""
    asked = mesh(client())
    assert asked.client(asked_from).starts_at is ZTUNNEL
    route = asked.route(asked_from, HOST)
    assert [hop.by for hop in route.hops[1:]] == ["east/shop/wa"]
    assert route.shares == {"east/shop/a": 1.0, "east/shop/b": 0.0}
    assert codes(route) == ["waypoint-gateway-assumed"]


@pytest.mark.parametrize("profile", [SOLO, UPSTREAM], ids=str)
def test_the_pod_of_a_waypoint_goes_straight(profile: Profile) -> None:
    for asked in (mesh(), mesh(evolve(waypoint_pod("of-another", B1), labels=Labels({})))):
        names = ["wb"] if len(asked.clusters[0].workloads) == 4 else ["of-another"]
        for name in names:
            route = asked.route(name, HOST, profile=profile)
            assert (way(route), codes(route)) == (["waypoint"], [])
            assert route.shares == {"east/shop/a": 0.0, "east/shop/b": 1.0}


# What an Envoy is told of a waypoint's pods.


@pytest.mark.parametrize("start", [GATEWAY, SIDECAR], ids=str)
def test_an_envoy_is_told_of_the_pods_of_a_waypoint_without_priorities(start: Component) -> None:
    """wa is in the client's zone, and the waypoint's Service prefers that; an Envoy divides among all alike."""
    route = mesh(client(start)).route("client", HOST)
    assert {hop.by: hop.share for hop in route.hops[1:]} == {"east/shop/wa": 0.5, "east/shop/wb": 0.5}
    first = route.hops[0].route
    assert (first.resolution.title, [tier.number for tier in first.tiers]) == ("Any", [0])
    (note,) = (note for note in route.notes if note.code == "waypoint-mode-not-obeyed")
    assert note.text == (
        "Service shop/wp metadata.annotations[networking.istio.io/traffic-distribution]: PreferClose has no effect:"
        f" {start} is told of a waypoint's pods without any priority"
    )


def test_what_is_not_set_on_the_waypoint_is_not_said_to_be_in_vain() -> None:
    route = mesh(client(GATEWAY), wp=None).route("client", HOST)
    assert "waypoint-mode-not-obeyed" not in codes(route)


def test_no_rule_gives_the_pods_of_a_waypoint_priorities_at_an_envoy() -> None:
    asked = mesh(client(GATEWAY))
    (one,) = asked.clusters
    failover = rule({"failoverPriority": ["topology.kubernetes.io/zone"]}, host="wp.shop.svc.cluster.local")
    route = Mesh([evolve(one, destination_rules=(failover,))]).route("client", HOST)
    assert {hop.share for hop in route.hops[1:]} == {0.5}


@pytest.mark.parametrize(("profile", "told"), [(ISTIO_1_27, 1), (ISTIO_1_31, 2)], ids=str)
def test_an_unready_pod_of_a_waypoint_is_sent_to_an_envoy_from_1_31_on(profile: Profile, told: int) -> None:
    web, ways = [pod("a")], [waypoint_pod("wa", A2), waypoint_pod("wb", B1, health=Health.UNHEALTHY)]
    made = [evolve(service(web, waypoint="shop/wp"), ingress_waypoint=True), service(ways, name="wp")]
    route = Mesh([cluster([client(GATEWAY), *web, *ways], made)]).route("client", HOST, profile=profile)
    assert len(route.hops[0].route.endpoints) == told
    assert [hop.by for hop in route.hops[1:]] == ["east/shop/wa"]


# One component that is asked about.


@pytest.mark.parametrize("profile", [SOLO, UPSTREAM], ids=str)
@pytest.mark.parametrize("labelled", [True, False])
def test_an_ingress_gateway_that_is_asked_about_does_what_the_label_says(labelled: bool, profile: Profile) -> None:
    route = mesh(client(GATEWAY), labelled=labelled).route("client", HOST, component=GATEWAY, profile=profile)
    assert way(route) == (["ingress-gateway", "waypoint", "waypoint"] if labelled else ["ingress-gateway"])
    other_path = profile is SOLO and not labelled
    assert ("waypoint-in-path" in codes(route)) is other_path


@pytest.mark.parametrize(
    ("start", "profile", "noted"),
    [
        (None, SOLO, ["waypoint-in-path"]),
        (KGATEWAY, SOLO, ["waypoint-in-path"]),
        (SIDECAR, SOLO, ["waypoint-in-path"]),
        (SIDECAR, UPSTREAM, []),
    ],
    ids=str,
)
def test_one_component_alone_says_that_the_path_is_another(
    start: Component | None, profile: Profile, noted: list[str]
) -> None:
    component = start or ZTUNNEL
    route = mesh(client(start)).route("client", HOST, component=component, profile=profile)
    assert (way(route), codes(route)) == ([component.value], noted)
    if noted:
        assert route.notes[0].text == (
            f"traffic goes through its waypoint shop/wp; this is {component} without it (ask --via auto)"
        )


def test_the_path_has_no_notes_about_another_one() -> None:
    for start in (None, KGATEWAY, GATEWAY, SIDECAR):
        assert not {"waypoint-in-path", "not-a-gateway"} & {*codes(mesh(client(start)).route("client", HOST))}


# What cannot go through a waypoint, and who is not in the mesh.


@pytest.mark.parametrize("passthrough", ["headless", "ExternalName"])
def test_a_service_without_an_address_of_its_own_is_not_sent_through_its_waypoint(passthrough: str) -> None:
    route = mesh(client(), passthrough=passthrough).route("client", HOST)
    assert (way(route), route.passthrough) == (["ztunnel"], passthrough)


@pytest.mark.parametrize(
    ("takes_part", "proxy", "labels", "noted"),
    [
        (False, None, {}, True),
        (None, None, {}, False),
        (True, None, {}, False),
        (False, GATEWAY, {}, False),
        (False, WAYPOINT, {}, False),
        (False, None, {"gateway.networking.k8s.io/gateway-name": "gw"}, False),
    ],
    ids=str,
)
def test_a_client_that_takes_no_part_is_answered_with_a_note(
    takes_part: bool | None, proxy: Component | None, labels: Mapping[str, str], noted: bool
) -> None:
    asking = evolve(client(proxy, takes_part=takes_part), labels=Labels(labels))
    route = mesh(asking).route("client", HOST)
    assert ("client-outside-mesh" in codes(route)) is noted
    assert route.shares.total == pytest.approx(1)


# Taken-over names at a waypoint (WP-3).

WEST = Locality("net-e", "rw", "c", "", "w-c1")
GLOBAL = "web.shop.mesh.internal"


def taken_over(
    *, at_home: int = 1, scope: ServiceScope = ServiceScope.GLOBAL, istio_global: bool = False, has_service: bool = True
) -> Mesh:
    """A global service of two clusters in one network, whose local name is taken over in both, with a waypoint each."""
    clusters: list[Cluster] = []
    for name, place, count in (("east", A2, at_home), ("west", WEST, 1)):
        web = [pod(f"{name}-{number}", place, cluster=name) for number in range(count)]
        wp = waypoint_pod("w", place, cluster=name)
        made: list[Service] = [service([wp], name="wp", cluster=name, annotation="PreferClose")]
        if has_service or name == "west":
            one = service(web, cluster=name, scope=scope, takeover=True, waypoint="shop/wp", annotation="Any")
            made.append(evolve(one, istio_global=istio_global))
        clusters.append(cluster([pod("client", place, cluster=name), *web, wp], made, name=name))
    return Mesh(clusters)


def test_of_a_taken_over_local_name_a_waypoint_has_its_own_clusters_endpoints_alone() -> None:
    asked = taken_over()
    route = asked.route("east/shop/client", HOST)
    assert route.shares == {"east/shop/east-0": 1.0, "west/shop/west-0": 0.0}
    (left_out,) = route.excluded
    assert (left_out.endpoint.id, left_out.rule) == ("west/shop/west-0", "COMP-3")
    (note,) = (note for note in route.notes if note.rule == "WP-3")
    assert note.code == "waypoint-keeps-local"
    assert len(asked.route("east/shop/client", HOST, component=ZTUNNEL).shares) == 2
    assert asked.route("east/shop/w", HOST, component=WAYPOINT).shares == route.shares


@pytest.mark.parametrize("has_service", [True, False])
def test_without_an_endpoint_of_its_own_cluster_requests_for_a_taken_over_name_fail(has_service: bool) -> None:
    route = taken_over(at_home=0, has_service=has_service).route("east/shop/client", HOST)
    assert route.drops
    assert route.reason == "at east/shop/w: no endpoint is left to choose from"
    (note,) = (note for note in route.notes if note.code == "waypoint-keeps-local")
    assert note.text.endswith("its own cluster's endpoints alone: there is none, and so requests fail")
    assert [item.endpoint.id for item in route.excluded] == ["west/shop/west-0"]


@pytest.mark.parametrize(
    ("asked", "host"),
    [
        (taken_over(), GLOBAL),
        (taken_over(scope=ServiceScope.GLOBAL_ONLY), HOST),
        (taken_over(istio_global=True), HOST),
    ],
    ids=["the global name", "global-only", "Istio's own label"],
)
def test_all_other_global_names_span_clusters_at_a_waypoint_too(asked: Mesh, host: str) -> None:
    route = asked.route("east/shop/client", host)
    assert route.component is WAYPOINT
    assert route.shares == {"east/shop/east-0": 0.5, "west/shop/west-0": 0.5}
    assert "waypoint-keeps-local" not in codes(route)


# A whole mesh.


def fleet() -> Mesh:
    """Pods of every kind, some in one place."""
    here = [
        evolve(pod("outside"), takes_part=False),
        evolve(pod("inside"), takes_part=True),
        evolve(pod("beside"), takes_part=True),
        evolve(pod("only-outside", B1), takes_part=False),
        evolve(pod("gw"), proxy=GATEWAY, labels=Labels({"gateway.networking.k8s.io/gateway-name": "gw"})),
        evolve(pod("kgw"), proxy=KGATEWAY),
        evolve(pod("side", envoy_place=B1), proxy=SIDECAR),
        pod("peer", A2, namespace="eastwest", labels={"gateway.networking.k8s.io/gateway-name": "peer"}),
        pod("chart", A2, labels={"istio": "eastwestgateway"}),
        waypoint_pod("w", A2),
    ]
    web = pod("a", A2)
    made = [service([web], waypoint="shop/wp"), service([here[-1]], name="wp")]
    return Mesh([cluster([*here, web], made, gateways=[gateway(A2, leads_to="east", remote=False)])])


def test_a_sweep_starts_from_every_place_once_for_each_component_at_which_traffic_starts() -> None:
    asked = fleet()
    routes = list(asked.routes(hosts=[HOST]))
    names = [route.client.name.rpartition("/")[2] for route in routes]
    assert names == ["inside", "only-outside", "a", "gw", "side", "kgw"]
    assert asked.route_count(hosts=[HOST]) == len(routes)
    assert {route.decided_by for route in routes} == {"waypoint shop/wp"}
    assert [str(route.hops[0].route.component) for route in routes] == [
        "ztunnel", "ztunnel", "ztunnel", "ingress-gateway", "sidecar", "kgateway"
    ]  # fmt: skip


def test_the_places_of_a_sweep_are_where_those_are_at_whom_traffic_starts() -> None:
    assert {place.locality for place in fleet().places("east")} == {A1, B1, A2}
    assert next(iter(fleet().places("east").values())).name == "Pod east/shop/inside"


def test_every_start_is_asked_for_the_hosts_that_it_knows() -> None:
    """Under Istio's rules a sidecar joins clusters by name, and ztunnel does not (COMP-3)."""
    west = pod("x", WEST, cluster="west")
    clusters = [
        cluster([client(), evolve(pod("side"), proxy=SIDECAR)], []),
        cluster([west], [service([west], cluster="west")], name="west"),
    ]
    asked = Mesh(clusters)
    assert asked.hosts("east", profile=UPSTREAM) == (HOST,)
    assert asked.hosts("east", component=ZTUNNEL, profile=UPSTREAM) == ()
    names = [route.client.name for route in asked.routes(profile=UPSTREAM) if route.client.cluster == "east"]
    assert names == ["Pod east/shop/side"]
    with pytest.raises(UnknownNameError):
        asked.route("east/shop/client", HOST, profile=UPSTREAM)


@pytest.mark.parametrize("component", [None, SIDECAR], ids=str)
def test_a_cluster_that_is_not_there_has_no_hosts(component: Component | None) -> None:
    assert mesh(client()).hosts("nowhere", component=component) == ()


def test_a_path_through_a_waypoint_does_not_look_at_the_host_from_where_it_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []

    def counted(binding: object, clusters: object, viewpoint: object) -> object:
        seen.append(binding.host)  # type: ignore[attr-defined]
        return visible_endpoints(binding, clusters, viewpoint)  # type: ignore[arg-type]

    monkeypatch.setattr("meshtier.mesh.routing.visible_endpoints", counted)
    assert mesh(client()).route("client", HOST).shares.total == 1
    assert sorted(seen) == [HOST, "wp.shop.svc.cluster.local"]


def test_a_summary_names_the_component_that_decides() -> None:
    assert mesh(client()).route("client", HOST).summary()["component"] == "waypoint"
    assert (
        one_cluster(pod(name, place) for name, place in places().items()).route("client", HOST).decided_by == "ztunnel"
    )


def test_a_report_names_who_picks_the_waypoints_pod() -> None:
    text = mesh(client(GATEWAY)).route("client", HOST).explain()
    assert "two choices: ingress-gateway picks a waypoint pod, and that pod picks the endpoint" in text


@pytest.mark.parametrize("ready", [True, False])
def test_in_plain_data_the_shares_in_tiers_are_those_over_all_pods_too(ready: bool) -> None:
    health = Health.HEALTHY if ready else Health.UNHEALTHY
    web = [pod("a", A2), pod("b", B1)]
    ways = [evolve(waypoint_pod(name, place), health=health) for name, place in (("wa", A2), ("wb", B1))]
    made = [
        service(web, waypoint="shop/wp", annotation="PreferSameZone"),
        service(ways, name="wp", annotation="Any"),
    ]
    data = Mesh([cluster([client(), *web, *ways], made)]).route("client", HOST).to_dict()
    of_tiers = {each["id"]: each["share"] for tier in data["tiers"] for each in tier["endpoints"]}
    assert of_tiers == {each["id"]: each["share"] for each in data["endpoints"]}
    assert [tier["share"] for tier in data["tiers"]] == ([0.5, 0.5] if ready else [0, 0])
