"""Changes of a snapshot: what is gone with what, what is refused, and what is shared."""

import pytest
from attrs import evolve
from tests.meshes import (
    EAST,
    GLOBAL_HOST,
    HOST,
    cluster,
    gateway,
    on_two_nodes,
    one_cluster,
    places,
    pod,
    service,
    spot,
    two_clusters,
)

from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError, MeshError, UnknownNameError
from meshtier.locality import Locality
from meshtier.mesh import Mesh
from meshtier.preference import Preference

ZONE_A = Locality("net-e", "re", "a", "", "n1")
ZONE_B = Locality("net-e", "re", "b", "", "n2")
FAR = Locality("net-w", "rw", "c", "", "w-c1")


def in_two_zones() -> Mesh:
    return one_cluster([pod("a1", ZONE_A), pod("b1", ZONE_B), pod("b2", ZONE_B)])


def joined(address: str = "192.0.2.1", remote: str = "192.0.2.1") -> Mesh:
    """East reaches the pod of west through a gateway that both have a Gateway of."""
    way = evolve(gateway(FAR, leads_to="west"), addresses=(remote,))
    own = evolve(gateway(FAR, leads_to="west", remote=False, name="eastwest"), addresses=(address,))
    return two_clusters(west_pods=[pod("far", FAR, cluster="west")], gateways=[way], west_gateways=[own])


def ids(mesh: Mesh, host: str = HOST) -> set[str]:
    return set(mesh.route("east/shop/client", host).shares)


def refused(mesh: Mesh, **named: str) -> MeshError:
    with pytest.raises((UnknownNameError, InvalidValueError)) as caught:
        mesh.without(**named)
    return caught.value


def test_a_zone_is_gone_with_what_runs_there() -> None:
    mesh = in_two_zones().without(zone="b")
    assert ids(mesh) == {"east/shop/a1"}
    assert [backend.workload[2] for backend in mesh.clusters[0].services[0].backends] == ["a1"]


def test_a_zone_may_be_named_with_its_region_and_must_be_where_two_regions_have_one() -> None:
    other = Locality("net-e", "rx", "b", "", "n3")
    mesh = one_cluster([pod("b1", ZONE_B), pod("x1", other)])
    assert str(refused(mesh, zone="b")) == "zone: 'b' could mean re/b, rx/b; say which"
    assert ids(mesh.without(zone="rx/b")) == {"east/shop/b1"}


def test_an_endpoint_that_says_a_zone_and_no_region_is_in_that_zone_and_its_region() -> None:
    """So EndpointSlices have it, of a pod that the dump lacks."""
    bare = pod("bare", Locality("net-e", zone="b"), kind="EndpointSlice endpoint")
    unplaced = evolve(bare, place=spot(Locality("net-e")))
    mesh = one_cluster([pod("a1", ZONE_A), pod("b1", ZONE_B), unplaced])
    assert ids(mesh.without(zone="b")) == {"east/shop/a1"}
    assert ids(mesh.without(zone="re/b")) == {"east/shop/a1"}
    other = one_cluster([pod("x", Locality("net-e", "rx", "b"), namespace="shop"), unplaced], client=ZONE_A)
    assert ids(other.without(region="rx")) == set()


def test_a_label_that_moves_a_pod_for_envoys_does_not_move_it() -> None:
    moved = pod("moved", ZONE_A, envoy_place=ZONE_B)
    mesh = one_cluster([moved, pod("b1", ZONE_B)])
    assert ids(mesh.without(zone="b")) == {"east/shop/moved"}


def test_all_that_is_named_at_once_is_gone() -> None:
    mesh = in_two_zones().without(zone="a", workload="b2")
    assert [workload.name for workload in mesh.clusters[0].workloads.values()] == ["b1"]


def test_nodes_of_one_name_in_two_clusters_are_told_apart() -> None:
    mesh = Mesh([cluster([pod("p", ZONE_A, cluster=name)], [], name=name) for name in ("east", "west")])
    assert str(refused(mesh, node="n1")) == "node: 'n1' could mean east/n1, west/n1; say which"
    assert [len(each.workloads) for each in mesh.without(node="west/n1").clusters] == [1, 0]


def test_a_cluster_is_gone_with_what_others_know_of_it() -> None:
    entry = pod("autogen.west.shop.web", FAR, kind="WorkloadEntry", remote_cluster="west", address="")
    mesh = two_clusters(
        east_pods=[pod("near"), entry],
        west_pods=[pod("far", FAR, cluster="west")],
        gateways=[gateway(FAR, leads_to="west")],
    ).without(cluster="west")
    (east,) = mesh.clusters
    assert (east.name, east.gateways) == ("east", ())
    assert ids(mesh, GLOBAL_HOST) == {"east/shop/near"}


def test_a_cluster_that_others_alone_know_can_be_gone() -> None:
    mesh = Mesh([cluster([pod("near")], [], gateways=[gateway(FAR, leads_to="west")])])
    assert mesh.without(cluster="west").clusters[0].gateways == ()


def test_a_network_is_gone_with_the_ways_to_it() -> None:
    unlabelled = gateway(Locality("", "rw"), leads_to="west", name="unlabelled")
    mesh = two_clusters(
        west_pods=[pod("far", FAR, cluster="west")], gateways=[gateway(FAR, leads_to="west"), unlabelled]
    )
    east, west = mesh.without(network="net-w").clusters
    assert (east.gateways, len(west.workloads), len(west.services)) == ((), 0, 1)


def test_a_gateway_is_gone_with_what_stands_for_it_elsewhere() -> None:
    """With the one of east alone that of west would be taken for it, and traffic would flow on."""
    route = joined().without(gateway="east/eastwest/peer").route("east/shop/client", GLOBAL_HOST)
    assert (dict(route.shares), route.reason) == ({"west/shop/far": 0}, "no endpoint is left to choose from")
    both = joined().without(gateway="eastwest")
    assert [each.gateways for each in both.clusters] == [(), ()]
    apart = joined(address="192.0.2.9").without(gateway="peer")
    assert [len(each.gateways) for each in apart.clusters] == [0, 1]


def test_of_a_waypoint_the_pods_are_gone_and_what_is_sent_there_is_lost() -> None:
    mesh = on_two_nodes()
    assert mesh.route("client", HOST).shares["east/shop/x"] > 0
    assert mesh.without(gateway="shop/wp").route("client", HOST).drops


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"zone": "c"}, "no zone 'c'; there are: a, b, re/a, re/b"),
        ({"zone": ""}, "no zone ''; there are: a, b, re/a, re/b"),
        ({"region": "ra"}, "no region 'ra'; the nearest: re"),
        ({"network": "net-x"}, "no network 'net-x'; the nearest: net-e"),
        ({"node": "n3"}, "no node 'n3'; the nearest: n2, n1"),
        ({"cluster": "wst"}, "no cluster 'wst'; the nearest: east"),
        ({"workload": "shop/b3"}, "no workload 'shop/b3'; the nearest: shop/b2, shop/b1, shop/a1, shop/client"),
        ({"gateway": "peer"}, "no gateway 'peer'"),
        ({}, "without: expected at least one of network, region, zone, node, cluster, workload, gateway, got none"),
        ({"zone": 1}, "zone: expected a string, got 1"),
    ],
)
def test_what_names_nothing_is_refused_with_the_nearest(named: dict[str, str], message: str) -> None:
    assert str(refused(in_two_zones(), **named)) == message


def test_what_is_gone_already_may_be_named_again() -> None:
    mesh = in_two_zones().without(zone="b").with_distribution("web", "Any")
    again = mesh.without(zone="re/b")
    assert again.clusters[0] is mesh.clusters[0]
    assert str(refused(mesh, zone="c")) == "no zone 'c'; there are: a, b, re/a, re/b"


def test_what_does_not_change_is_the_same() -> None:
    mesh = two_clusters(east_pods=[pod("near")], west_pods=[pod("far", FAR, cluster="west")])
    east, west = mesh.clusters
    changed = mesh.without(workload="near")
    assert changed.clusters[1] is west
    assert changed.clusters[0].workloads["Pod", "shop", "client"] is east.workloads["Pod", "shop", "client"]
    assert changed.locality_setting is mesh.locality_setting


def test_a_health_is_that_of_every_list_of_endpoints() -> None:
    mesh = in_two_zones()
    changed = mesh.with_health("a1", Health.UNHEALTHY)
    assert changed.clusters[0].services[0].backends[0].health is Health.UNHEALTHY
    assert mesh.route("client", HOST).shares["east/shop/a1"] > 0
    assert changed.route("client", HOST).shares["east/shop/a1"] == 0
    with pytest.raises(UnknownNameError, match="no workload 'c1'"):
        mesh.with_health("c1", Health.UNHEALTHY)
    with pytest.raises(InvalidValueError, match=r"health: expected one of Health\.HEALTHY"):
        mesh.with_health("a1", "Unhealthy")  # type: ignore[arg-type]  # on purpose


def test_a_mode_takes_the_place_of_field_and_annotation() -> None:
    mesh = one_cluster([pod(name, at) for name, at in places().items()], spec="PreferSameZone")
    changed = mesh.with_distribution("web.shop", "preferregion")
    assert changed.route("client", HOST).holds == "PreferRegion"
    (made,) = changed.clusters[0].services
    assert (made.annotation, made.traffic_distribution) == ("PreferRegion", None)
    assert mesh.with_distribution("shop/web", "preferclose").clusters[0].services[0].annotation == "PreferClose"


def test_a_mode_is_set_in_every_cluster_that_has_the_host() -> None:
    mesh = two_clusters(east_pods=[pod("near")], west_pods=[pod("far", FAR, cluster="west")])
    assert [each.services[0].annotation for each in mesh.with_distribution(GLOBAL_HOST, "Any").clusters] == ["Any"] * 2
    one = mesh.with_distribution("west/shop/web", "Any")
    assert one.clusters[0] is mesh.clusters[0]
    assert one.clusters[1].services[0].annotation == "Any"


def test_a_mode_of_a_ztunnel_dump_is_its_list_of_scopes() -> None:
    told = evolve(service([]), preference=Preference(()))
    mesh = Mesh([cluster([], [told])]).with_distribution("web", "PreferNetwork")
    assert mesh.clusters[0].services[0].preference == Preference.of_mode("PreferNetwork")


def test_a_mode_or_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="expected one of Any, PreferNetwork"):
        in_two_zones().with_distribution("web", "PreferZone")
    with pytest.raises(UnknownNameError, match=r"no host 'wbe'; .*web"):
        in_two_zones().with_distribution("wbe", "Any")


def test_fewer_pods_are_those_that_are_ready_and_first() -> None:
    pods = [pod("a1", ZONE_A, health=Health.UNHEALTHY), pod("b1", ZONE_B), pod("b2", ZONE_B)]
    mesh = one_cluster(pods)
    assert ids(mesh.scaled("web", 2)) == {"east/shop/b1", "east/shop/b2"}
    assert ids(mesh.scaled("web", 1)) == {"east/shop/b1"}
    assert ids(mesh.scaled("web", 0)) == set()


def test_more_pods_are_copies_in_turn_at_addresses_of_their_own() -> None:
    mesh = in_two_zones().scaled("shop/web", 7)
    made = [workload for workload in mesh.clusters[0].workloads.values() if "copy" in workload.name]
    assert [workload.name for workload in made] == ["a1-copy-1", "b1-copy-1", "b2-copy-1", "a1-copy-2"]
    assert [workload.addresses for workload in made] == [(f"198.18.0.{number}",) for number in range(1, 5)]
    assert [workload.place.locality.zone for workload in made] == ["a", "b", "b", "a"]
    assert sum(mesh.route("client", HOST).shares.values()) == pytest.approx(1)
    assert len(mesh.scaled("web", 8).clusters[0].services[0].backends) == 8


def test_pods_of_one_zone_are_scaled_by_themselves() -> None:
    mesh = in_two_zones().scaled("web", 1, zone="b")
    assert ids(mesh) == {"east/shop/a1", "east/shop/b1"}
    assert ids(in_two_zones().scaled("web", 3, zone="a")) == ids(in_two_zones()) | {
        "east/shop/a1-copy-1",
        "east/shop/a1-copy-2",
    }


def test_copies_stand_behind_every_service_of_their_model() -> None:
    one = pod("one")
    mesh = Mesh([cluster([one], [service([one]), service([one], name="api")])]).scaled("web", 2)
    assert [len(each.backends) for each in mesh.clusters[0].services] == [2, 2]


@pytest.mark.parametrize(
    ("replicas", "message"),
    [(-1, "replicas: expected an integer from 0 to 100000, got -1"), (True, "replicas: .* got True")],
)
def test_a_number_of_pods_that_is_none_is_refused(replicas: int, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        in_two_zones().scaled("web", replicas)


def test_a_service_without_a_pod_has_nothing_to_copy() -> None:
    with pytest.raises(InvalidValueError, match="with a pod to copy, got Service shop/web with none"):
        one_cluster([]).scaled("web", 1)
    assert one_cluster([]).scaled("web", 0).clusters[0].services[0].backends == ()


def test_of_several_clusters_one_is_to_be_named() -> None:
    mesh = two_clusters(east_pods=[pod("near", EAST)], west_pods=[pod("far", FAR, cluster="west")])
    with pytest.raises(InvalidValueError, match="'web' could mean east/shop/web, west/shop/web; say which"):
        mesh.scaled("web", 2)
    assert len(mesh.scaled("web", 2, zone="c").clusters[1].workloads) == 3
    assert len(mesh.scaled("west/shop/web", 2).clusters[1].workloads) == 3


def test_plain_values_have_no_objects_to_put_others_over() -> None:
    with pytest.raises(InvalidValueError, match=r"expected clusters that meshtier\.kube\.load has read, got none"):
        in_two_zones().with_objects({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})
    with pytest.raises(InvalidValueError, match="expected objects to put over the mesh, got none"):
        in_two_zones().with_objects()
