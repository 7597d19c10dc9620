"""What stands behind a host, as one cluster and one kind of eyes sees it (LOC-3 to LOC-6, COMP-3)."""

from typing import Any

import pytest
from attrs import evolve
from tests.meshes import EAST, GLOBAL_HOST, HOST, cluster, gateway, one_cluster, pod, rule, service, two_clusters

from meshtier.component import Component
from meshtier.endpoint import Health, Reason
from meshtier.locality import SCOPE_LABELS, Locality, Scope
from meshtier.mesh import Mesh, PeeringGateway, Route, ServiceScope
from meshtier.mesh.service_endpoint import ServiceEndpoint
from meshtier.profile import ISTIO_1_30, ISTIO_1_31, PROFILES, SOLO, Profile

WEST = Locality("net-w", "rw", "c", "s", "w-c1")
PEER = gateway(Locality("net-w", "rg", "zg", "sg"), leads_to="west")
ENVOYS = (Component.WAYPOINT, Component.INGRESS_GATEWAY, Component.SIDECAR)


def far(**about: object) -> Mesh:
    return two_clusters(west_pods=[pod("w", WEST, cluster="west", labels={"version": "v1"})], **about)  # type: ignore[arg-type]


def network_endpoints(route: Route) -> list[ServiceEndpoint]:
    return list(route.visible.network_endpoints.values())


@pytest.mark.parametrize("component", Component)
def test_behind_a_gateway_solo_gives_the_gateways_region_zone_and_subzone_and_no_node(component: Component) -> None:
    (member,) = network_endpoints(far(gateways=[PEER]).route("client", GLOBAL_HOST, component=component))
    assert member.endpoint.locality == Locality("net-w", "rg", "zg", "sg")
    assert member.endpoint.cluster == "west"
    assert member.gateway == PEER
    assert member.place.origin(Scope.ZONE) == "Gateway eastwest/peer label zone"


@pytest.mark.parametrize("profile", [p for p in PROFILES.values() if p is not SOLO], ids=str)
@pytest.mark.parametrize("component", Component)
def test_behind_a_gateway_istio_gives_a_network_and_a_cluster_and_nothing_else(
    component: Component, profile: Profile
) -> None:
    route = far(gateways=[PEER]).route("client", GLOBAL_HOST, component=component, profile=profile)
    endpoint = network_endpoints(route)[0].endpoint
    assert (endpoint.locality, endpoint.cluster) == (Locality("net-w"), "west")
    if component in ENVOYS:
        assert dict(endpoint.labels) == {SCOPE_LABELS[Scope.NETWORK]: "net-w", SCOPE_LABELS[Scope.CLUSTER]: "west"}


DOUBTFUL = {
    **{
        (Component.INGRESS_GATEWAY, f"istio-1.{minor}"): "istio-1.29 and AMBIENT_ENABLE_MULTI_NETWORK_INGRESS"
        for minor in range(24, 29)
    },
    **{
        (Component.INGRESS_GATEWAY, f"istio-1.{minor}"): "AMBIENT_ENABLE_MULTI_NETWORK_INGRESS"
        for minor in range(29, 32)
    },
    **{(Component.WAYPOINT, f"istio-1.{minor}"): "istio-1.28" for minor in range(24, 28)},
}
FIELDS = {Component.INGRESS_GATEWAY: "ingress_crosses_networks", Component.WAYPOINT: "waypoint_crosses_networks"}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
@pytest.mark.parametrize("component", Component)
def test_whether_ambient_multi_network_lets_it_cross_networks_is_noted_where_its_default_does_not(
    component: Component, profile: Profile
) -> None:
    mesh = far(gateways=[PEER])
    notes = mesh.route("client", GLOBAL_HOST, component=component, profile=profile).notes
    found = [note for note in notes if note.code == "crossing-needs-flag"]
    needs = DOUBTFUL.get((component, profile.name))
    if needs is None:
        assert found == []
        return
    (note,) = found
    assert f"only with {needs}, which profile {profile.name} does not have by default" in note.text
    assert f"evolve(profile, {FIELDS[component]}=False)" in note.text
    crosses: dict[str, Any] = {FIELDS[component]: False}
    kept_in = mesh.route("client", GLOBAL_HOST, component=component, profile=evolve(profile, **crosses))
    assert [one.rule for one in kept_in.excluded] == ["PATH-3"]
    assert not any(note.code == "crossing-needs-flag" for note in kept_in.notes)


@pytest.mark.parametrize("gateways", [[], [evolve(PEER, hbone=False)]], ids=["none", "without HBONE"])
def test_without_an_hbone_gateway_no_flag_of_ambient_multi_network_is_spoken_of(
    gateways: list[PeeringGateway],
) -> None:
    route = far(gateways=gateways).route("client", GLOBAL_HOST, component=Component.INGRESS_GATEWAY, profile=ISTIO_1_31)
    assert not any(note.code == "crossing-needs-flag" for note in route.notes)


def test_a_gateway_that_stays_in_its_own_network_needs_no_flag() -> None:
    mesh = one_cluster([pod("a")])
    route = mesh.route("client", HOST, component=Component.INGRESS_GATEWAY, profile=ISTIO_1_31)
    assert not any(note.code == "crossing-needs-flag" for note in route.notes)


def test_a_subset_knows_an_endpoint_behind_an_istio_gateway_by_its_own_labels() -> None:
    by_version = rule(host=GLOBAL_HOST, subsets=[{"name": "v1", "labels": {"version": "v1"}}])
    mesh = far(gateways=[PEER], rules=[by_version])
    route = mesh.route("client", GLOBAL_HOST, component=Component.SIDECAR, profile=ISTIO_1_31, subset="v1")
    assert route.shares == {"west/shop/w": 1.0}


def test_the_gateway_of_the_workloads_cluster_is_taken_where_there_are_several() -> None:
    other = gateway(Locality("net-x", "rx", "zx"), leads_to="north", name="other")
    route = far(gateways=[other, PEER]).route("client", GLOBAL_HOST)
    assert route.service_endpoint("w").gateway == PEER


def test_two_gateways_to_one_cluster_are_noted() -> None:
    route = far(gateways=[PEER, gateway(Locality("net-w", "r2"), leads_to="west", name="second")]).route(
        "client", GLOBAL_HOST
    )
    assert [note.rule for note in route.notes] == ["LOC-3"]
    assert "Gateway eastwest/peer, Gateway eastwest/second" in route.notes[0].text


def test_without_a_remote_gateway_the_other_clusters_own_is_taken_with_a_note() -> None:
    own = gateway(Locality("net-w", "rw", "zw"), leads_to="west", remote=False)
    route = far(west_gateways=[own]).route("client", GLOBAL_HOST)
    assert network_endpoints(route)[0].endpoint.locality == Locality("net-w", "rw", "zw")
    assert [note.rule for note in route.notes] == ["LOC-3"]


def test_without_any_gateway_another_network_is_out_of_reach() -> None:
    route = far().route("client", GLOBAL_HOST)
    assert [(item.endpoint.id, item.reason, item.rule) for item in route.excluded] == [
        ("west/shop/w", Reason.NO_ADDRESS, "NET-2")
    ]
    assert route.drops


def test_a_remote_pod_of_a_flat_network_has_no_node() -> None:
    flat = two_clusters(west_network="net-e", west_pods=[pod("w", WEST._replace(network="net-e"), cluster="west")])
    assert flat.route("client", GLOBAL_HOST).service_endpoint("w").endpoint.locality == Locality(
        "net-e", "rw", "c", "s"
    )


def announced(
    *, health: Health = Health.HEALTHY, entry_health: Health = Health.HEALTHY, place: Locality | None = None
) -> Mesh:
    """A flat network where a WorkloadEntry of east stands for the pod w of west."""
    place = place or Locality("net-e", "rw", "announced", "")
    entry = pod(
        "entry", place, kind="WorkloadEntry", address="10.0.0.1", remote_cluster="west", weight=7, health=entry_health
    )
    there = pod("w", Locality("net-e", "rw", "c", "", "w-c1"), cluster="west", address="10.0.0.1", health=health)
    return two_clusters(west_network="net-e", east_pods=[pod("e"), entry], west_pods=[there])


@pytest.mark.parametrize("component", Component)
def test_a_remote_pod_and_the_entry_that_announces_it_are_one_endpoint(component: Component) -> None:
    route = announced().route("client", GLOBAL_HOST, component=component)
    assert set(route.shares) == {"east/shop/e", "west/shop/w"}
    endpoint = route.service_endpoint("w").endpoint
    assert (endpoint.locality, endpoint.weight, endpoint.cluster) == (Locality("net-e", "rw", "announced"), 7, "west")
    if component in ENVOYS:
        assert endpoint.labels["topology.kubernetes.io/zone"] == "announced"


@pytest.mark.parametrize("component", Component)
@pytest.mark.parametrize("health", [Health.UNHEALTHY, Health.TERMINATING], ids=str)
def test_an_announced_pod_that_cannot_serve_gets_nothing_by_way_of_its_entry(
    component: Component, health: Health
) -> None:
    route = announced(health=health).route("client", GLOBAL_HOST, component=component)
    assert route.shares == {"east/shop/e": 1.0, "west/shop/w": 0.0}
    for exclusion in route.excluded:
        assert exclusion.endpoint.locality.zone == "announced"


def test_an_entry_that_cannot_serve_is_not_counted_beside_its_pod() -> None:
    route = announced(entry_health=Health.UNHEALTHY).route("client", GLOBAL_HOST)
    assert set(route.shares) == {"east/shop/e", "west/shop/w"}
    assert route.excluded == ()


def test_a_pod_behind_a_gateway_is_not_joined_with_an_entry() -> None:
    entry = pod("entry", Locality("net-e", "re", "b"), kind="WorkloadEntry", address="10.0.0.1")
    there = pod("w", WEST, cluster="west", address="10.0.0.1")
    mesh = two_clusters(east_pods=[entry], west_pods=[there], gateways=[PEER])
    assert set(mesh.route("client", GLOBAL_HOST).shares) == {"east/shop/entry", "west/shop/w"}


@pytest.mark.parametrize("component", Component)
def test_the_locality_label_of_a_pod_counts_at_envoys_alone(component: Component) -> None:
    moved = pod("moved", EAST, envoy_place=Locality("net-e", "elsewhere", "z", "", "e-a1"))
    endpoint = one_cluster([moved]).route("client", HOST, component=component).service_endpoint("moved").endpoint
    assert endpoint.locality.region == ("elsewhere" if component in ENVOYS else "re")


def test_publish_not_ready_addresses_lets_the_unready_serve() -> None:
    unready = pod("unready", health=Health.UNHEALTHY)
    assert one_cluster([unready], publish_not_ready=True).route("client", HOST).shares == {"east/shop/unready": 1.0}
    route = one_cluster([unready]).route("client", HOST)
    assert (route.shares["east/shop/unready"], route.reason) == (0.0, "no endpoint is left to choose from")


@pytest.mark.parametrize("component", Component)
def test_a_terminating_endpoint_is_excluded_and_an_unready_one_stays_at_an_envoy(component: Component) -> None:
    mesh = one_cluster([pod("ok"), pod("sick", health=Health.UNHEALTHY), pod("going", health=Health.TERMINATING)])
    route = mesh.route("client", HOST, component=component)
    reasons = {item.endpoint.id: item.reason for item in route.excluded}
    expected = {"east/shop/going": Reason.TERMINATING}
    if component not in ENVOYS:
        expected["east/shop/sick"] = Reason.UNHEALTHY
    assert reasons == expected


def test_a_pod_without_an_address_is_excluded() -> None:
    route = one_cluster([pod("ok"), pod("new", address="")]).route("client", HOST)
    assert [(item.endpoint.id, item.reason) for item in route.excluded] == [("east/shop/new", Reason.NO_ADDRESS)]


def test_a_local_host_leaves_the_twin_of_another_cluster_out() -> None:
    route = far(gateways=[PEER]).route("client", HOST)
    assert [(item.endpoint.id, item.reason, item.rule) for item in route.excluded] == [
        ("west/shop/w", Reason.OTHER_CLUSTER, "COMP-3")
    ]


def test_scope_segment_leaves_other_segments_out() -> None:
    scopes = (ServiceScope.SEGMENT, ServiceScope.SEGMENT)
    apart = far(gateways=[PEER], segments=("s1", "s2"), scopes=scopes, east_pods=[pod("e")])
    assert [item.reason for item in apart.route("client", GLOBAL_HOST).excluded] == [Reason.OTHER_SEGMENT]
    together = far(gateways=[PEER], segments=("s1", "s1"), scopes=scopes, east_pods=[pod("e")])
    assert together.route("client", GLOBAL_HOST).excluded == ()


def test_a_service_named_segment_is_not_taken_for_one_of_another_segment() -> None:
    there = pod("w", WEST, cluster="west")
    west = cluster([there], [service([there], name="segment", cluster="west")], name="west")
    here = [pod("client"), pod("e")]
    east = cluster(here, [service(here[1:], name="segment", scope=ServiceScope.GLOBAL)])
    route = Mesh((east, west)).route("client", "segment.shop.mesh.internal")
    assert [item.reason for item in route.excluded] == [Reason.OTHER_CLUSTER]


def test_two_unknown_parts_match_with_a_note() -> None:
    mesh = one_cluster([pod("e", Locality("net-e"))], client=Locality("net-e"), spec="PreferSameZone")
    route = mesh.route("client", HOST)
    assert [tier.number for tier in route.tiers] == [0]
    assert [(note.rule, note.text) for note in route.notes] == [
        ("LOC-6", "neither the client nor 1 of the endpoints has a known region, and so they match"),
        ("LOC-6", "neither the client nor 1 of the endpoints has a known zone, and so they match"),
    ]


def test_two_unknown_parts_across_ranked_networks_match_with_a_note() -> None:
    """With istio-1.31 other networks keep an order, and there a match can rest on two unknowns too."""
    asking = [pod("client", Locality("net-e")), pod("e", Locality("net-e", "re"))]
    there = pod("w", WEST, cluster="west")
    web = service([there], cluster="west", scope=ServiceScope.GLOBAL)
    own = service(asking[1:], scope=ServiceScope.GLOBAL, annotation="PreferSameZone")
    west = cluster([there], [web], name="west", network="net-w")
    mesh = Mesh((cluster(asking, [own], gateways=[PEER]), west))
    route = mesh.route("client", GLOBAL_HOST, profile=ISTIO_1_31)
    assert [tier.number for tier in route.tiers] == [2, 3]
    assert [note.text for note in route.notes if note.rule == "LOC-6"] == [
        "neither the client nor 1 of the endpoints has a known region, and so they match",
        "neither the client nor 1 of the endpoints has a known zone, and so they match",
    ]


def test_no_note_where_only_the_client_is_unknown() -> None:
    mesh = one_cluster([pod("e")], client=Locality("net-e"), spec="PreferSameZone")
    assert mesh.route("client", HOST).notes == ()


def test_unknown_places_that_match_in_failover_are_noted() -> None:
    mesh = one_cluster(
        [pod("e", Locality("net-e", "re"))], client=Locality("net-e", "re"), rules=[rule({"enabled": True})]
    )
    route = mesh.route("client", HOST, component=Component.SIDECAR, profile=ISTIO_1_30)
    assert [note.text.split()[-5] for note in route.notes if note.rule == "LOC-6"] == ["zone,", "subzone,"]


def test_labels_that_both_sides_lack_are_noted_in_failover_priority() -> None:
    mesh = one_cluster([pod("e")], rules=[rule({"failoverPriority": ["version"]})])
    route = mesh.route("client", HOST, component=Component.SIDECAR)
    assert [note.text for note in route.notes if note.rule == "LOC-6"] == [
        "neither the client nor some of the endpoints has the label version, and so they match"
    ]


def test_asking_for_the_waypoint_first_changes_no_later_answer() -> None:
    """The same host is looked at on the way through a waypoint, and by itself."""

    def mesh() -> Mesh:
        near, far_ = pod("wp-e"), pod("wp-w", WEST, cluster="west")
        web = pod("e")
        return Mesh(
            (
                cluster(
                    [pod("client"), near, web],
                    [service([near], name="wp"), service([web], waypoint="shop/wp")],
                ),
                cluster([far_], [service([far_], name="wp", cluster="west")], name="west", network="net-w"),
            )
        )

    fresh, used = mesh(), mesh()
    used.route("client", HOST, component=Component.WAYPOINT)
    host = "wp.shop.svc.cluster.local"
    assert used.route("client", host).to_dict() == fresh.route("client", host).to_dict()
