"""Which service a host name means: full, short and global names (COMP-3)."""

import pytest
from attrs import evolve
from tests.meshes import GLOBAL_HOST, HOST, cluster, one_cluster, pod, service, two_clusters

from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.locality import Locality
from meshtier.mesh import Mesh, Service, ServiceScope
from meshtier.mesh.hostnames import HostTable, global_host

WEST = Locality("net-e", "rw", "c", "", "w-c1")
E, W = pod("e"), pod("w", WEST, cluster="west")


def both(**about: object) -> Mesh:
    return two_clusters(west_network="net-e", east_pods=[E], west_pods=[W], **about)  # type: ignore[arg-type]


def test_a_global_host_joins_the_endpoints_of_every_cluster() -> None:
    assert set(both().route("client", GLOBAL_HOST).shares) == {"east/shop/e", "west/shop/w"}


def test_a_local_host_means_its_own_cluster() -> None:
    route = both().route("client", HOST)
    assert [exclusion.endpoint.id for exclusion in route.excluded] == ["west/shop/w"]


def test_takeover_makes_the_local_host_behave_as_the_global_one() -> None:
    route = both(takeover=True).route("client", HOST)
    assert route.host == HOST
    assert route.shares == {"east/shop/e": 0.5, "west/shop/w": 0.5}
    assert route.resolution.title == "PreferNetwork"


def test_takeover_of_a_service_that_is_not_global_does_nothing() -> None:
    scopes = (ServiceScope.CLUSTER, ServiceScope.CLUSTER)
    assert both(takeover=True, scopes=scopes).route("client", HOST).shares == {"east/shop/e": 1.0, "west/shop/w": 0.0}


def test_a_cluster_without_the_service_reaches_its_global_host() -> None:
    client = pod("client", cluster="north")
    mesh = Mesh((cluster([client], [], name="north"), *both().clusters))
    assert mesh.route("north/shop/client", GLOBAL_HOST).shares.total == pytest.approx(1)
    assert mesh.hosts("north") == (GLOBAL_HOST,)


def test_a_twin_that_is_not_global_is_left_out_with_the_reason() -> None:
    route = both(scopes=(ServiceScope.GLOBAL, ServiceScope.CLUSTER)).route("client", GLOBAL_HOST)
    assert [(item.endpoint.id, item.detail) for item in route.excluded] == [
        ("west/shop/w", "Service shop/web is not global in cluster 'west'")
    ]


@pytest.mark.parametrize("name", ["web", "web.shop", "web.shop.svc", HOST, f"{HOST}.", HOST.upper()])
def test_every_way_to_write_a_local_host(name: str) -> None:
    assert both().route("client", name).host == HOST


def test_a_bare_name_means_the_clients_namespace() -> None:
    other = pod("other", namespace="office")
    mesh = Mesh((cluster([E, other, pod("client")], [service([other], namespace="office"), service([E])]),))
    assert mesh.route("shop/client", "web").host == HOST
    assert mesh.route("office/other", "web").host == "web.office.svc.cluster.local"


def test_a_bare_name_elsewhere_holds_only_if_there_is_no_doubt() -> None:
    table = HostTable(
        [cluster([], [service([]), service([], namespace="office"), service([], name="only", namespace="office")])]
    )
    assert table.bind("only", cluster="east", namespace="shop").host == "only.office.svc.cluster.local"
    with pytest.raises(UnknownNameError) as caught:
        table.bind("web", cluster="east", namespace="somewhere")
    assert {HOST, "web.office.svc.cluster.local"} <= set(caught.value.nearest)


def test_an_unknown_host_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        both().route("client", "webb.shop.svc.cluster.local")
    assert str(caught.value).startswith("no host 'webb.shop.svc.cluster.local'; the nearest: ")
    assert set(caught.value.nearest) == {HOST, GLOBAL_HOST}


def test_a_global_host_that_is_out_of_reach_is_no_host_of_that_cluster() -> None:
    """A segment's service is known there alone: elsewhere its name means nothing, and no list of hosts has it."""
    west = cluster([W], [service([W], cluster="west", scope=ServiceScope.SEGMENT)], name="west", segment="s2")
    mesh = Mesh((cluster([pod("client")], [], segment="s1"), west))
    assert mesh.hosts("east") == ()
    assert [(route.client.cluster, route.host) for route in mesh.routes()] == [("west", GLOBAL_HOST), ("west", HOST)]
    with pytest.raises(UnknownNameError, match=r"no host 'web\.shop\.mesh\.internal'"):
        mesh.route("client", GLOBAL_HOST)


def test_a_service_entry_answers_beside_a_service_and_the_services_settings_hold() -> None:
    inline = pod("inline", Locality("net-e", "re", "b"), kind="ServiceEntry endpoint")
    entry = Service(
        kind="ServiceEntry",
        cluster="east",
        namespace="shop",
        name="entry",
        hosts=(HOST,),
        annotation="PreferRegion",
        backends=service([inline]).backends,
    )
    mesh = Mesh((cluster([pod("client"), E, inline], [entry, service([E], spec="PreferClose")]),))
    route = mesh.route("client", HOST)
    assert set(route.shares) == {"east/shop/e", "east/shop/inline"}
    assert route.resolution.title == "PreferSameZone"
    assert [setting.object for setting in route.resolution.overridden] == ["ServiceEntry shop/entry"]


def test_the_global_host_of_a_service() -> None:
    assert global_host(service([])) == GLOBAL_HOST


def test_one_workload_behind_two_services_of_a_host_is_one_endpoint() -> None:
    twice = evolve(service([E]), name="again", hosts=(HOST,))
    assert Mesh((cluster([pod("client"), E], [service([E]), twice]),)).route("client", HOST).shares == {
        "east/shop/e": 1.0
    }


def test_hosts_of_all_clusters_are_sorted_and_each_once() -> None:
    assert both().hosts() == (GLOBAL_HOST, HOST)
    assert both().hosts("west") == (GLOBAL_HOST, HOST)


# What to write instead


def test_a_misspelt_short_name_is_answered_with_the_nearest_short_names() -> None:
    names = ("productpage", "product", "payments", "a-very-long-name-of-a-service-in-the-same-namespace")
    mesh = Mesh([cluster([pod("client")], [service([], name=name) for name in names])])
    with pytest.raises(UnknownNameError) as caught:
        mesh.route("client", "prodctpage")
    assert caught.value.nearest[0] == "productpage.shop.svc.cluster.local"
    assert "payments.shop.svc.cluster.local" not in caught.value.nearest


def test_a_namespace_before_the_name_is_answered_with_what_to_write() -> None:
    with pytest.raises(InvalidValueError, match=r"expected a host name alone, got 'shop/web'; write web\.shop$"):
        one_cluster([]).route("client", "shop/web")


def test_without_a_service_it_is_said_what_to_add() -> None:
    with pytest.raises(UnknownNameError, match="in input without a Service: add what `kubectl get svc,endpointslices"):
        Mesh([cluster([pod("client")], [])]).route("client", "web")
