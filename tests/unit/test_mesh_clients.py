"""From where the traffic comes: pods, nodes and places by all their names (LOC-7)."""

from typing import Any

import pytest
from tests.meshes import EAST, HOST, cluster, one_cluster, pod, service, spot, two_clusters

from meshtier.component import Component
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.locality import Locality, Scope
from meshtier.mesh import Client, Mesh, Workload
from meshtier.mesh.clients import parse_place

NODE_W = Locality("net-w", "rw", "c", "", "w-c1")


def mesh() -> Mesh:
    here, there = [pod("client"), pod("both")], [pod("both", NODE_W, cluster="west"), pod("w", NODE_W, cluster="west")]
    return Mesh(
        (
            cluster(here, [service(here[1:])], nodes=[EAST, Locality("net-e", "re", "b", "", "shared")]),
            cluster(there, [], name="west", network="net-w", nodes=[NODE_W, NODE_W._replace(node="shared")]),
        )
    )


@pytest.mark.parametrize("name", ["client", "shop/client", "east/shop/client", "pod/client", "pod/shop/client"])
def test_every_name_of_a_pod(name: str) -> None:
    found = mesh().client(name)
    assert (str(found), found.cluster, found.namespace) == ("Pod east/shop/client", "east", "shop")


@pytest.mark.parametrize("name", ["e-a1", "node/e-a1", "east/e-a1", "node/east/e-a1"])
def test_every_name_of_a_node(name: str) -> None:
    found = mesh().client(name)
    assert (str(found), found.place.locality, found.workload) == ("Node east/e-a1", EAST, None)


def test_a_workload_or_client_stands_for_itself() -> None:
    workload = next(iter(mesh().clusters[0].workloads.values()))
    found = mesh().client(workload)
    assert found.workload == workload
    assert mesh().client(found) is found


def test_a_name_that_means_several_pods_is_refused_with_all_of_them() -> None:
    with pytest.raises(InvalidValueError) as caught:
        mesh().client("shop/both")
    assert str(caught.value) == (
        "client: 'shop/both' could mean Pod east/shop/both, Pod west/shop/both; say which by its full name"
    )


def test_the_cluster_decides_between_several() -> None:
    assert mesh().client("both", cluster="west").cluster == "west"
    assert mesh().client("node/shared", cluster="east").place.locality.zone == "b"


def test_a_node_of_two_clusters_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="could mean Node east/shared, Node west/shared"):
        mesh().client("node/shared")


def test_an_unknown_client_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        mesh().client("shop/clint")
    assert "shop/client" in caught.value.nearest
    assert str(caught.value).startswith("no client 'shop/clint'; the nearest: ")


@pytest.mark.parametrize("name", ["client", "region=re", "node/e-a1"])
def test_an_unknown_cluster_is_named_as_such(name: str) -> None:
    with pytest.raises(UnknownNameError, match="no cluster 'est'; the nearest: west, east"):
        mesh().client(name, cluster="est")


def test_a_cluster_without_a_name_is_not_offered_as_one() -> None:
    unnamed = Mesh([cluster([pod("client", cluster="")], [], name="")])
    with pytest.raises(UnknownNameError) as caught:
        unnamed.client("client", cluster="east")
    assert str(caught.value) == "no cluster 'east' in input whose only cluster has no name"


@pytest.mark.parametrize(
    "client",
    [
        Workload(cluster="nowhere", name="x"),
        Client(name="x", cluster="nowhere", place=spot(EAST), envoy_place=spot(EAST)),
    ],
    ids=["workload", "client"],
)
def test_a_client_of_a_cluster_that_is_not_there_is_refused(client: Client | Workload) -> None:
    with pytest.raises(UnknownNameError, match="no cluster 'nowhere'"):
        mesh().route(client, HOST)


def test_a_place_belongs_to_the_cluster_that_is_most_like_it() -> None:
    assert mesh().client(Locality(region="rw")).cluster == "west"
    assert mesh().client("region=re,zone=b").cluster == "east"


def test_a_place_that_could_be_anywhere_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"expected the cluster of .* to be given, one of 'east', 'west'"):
        mesh().client(Locality(region="elsewhere"))


def test_a_place_in_words_is_in_its_clusters_network_unless_it_says_otherwise() -> None:
    place = mesh().client("region=re,zone=a").place
    assert place.locality == Locality("net-e", "re", "a")
    assert place.origin(Scope.NETWORK) == "the network of cluster 'east'"
    assert place.origin(Scope.ZONE) == "the client as given"
    assert mesh().client("network=n,region=re", cluster="east").place.locality == Locality("n", "re")


def test_a_locality_is_taken_as_it_is() -> None:
    assert mesh().client(Locality(region="re")).place.locality == Locality(region="re")


@pytest.mark.parametrize("text", ["region=a,region=b", "region", "rigion=a", "cluster=a", "region=a,", "="])
def test_a_place_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_place(text)
    assert caught.value.path == "client"
    assert repr(text) in str(caught.value)


def test_the_place_of_a_pod_for_envoys_is_its_label() -> None:
    moved = Locality("net-e", "re", "b", "", "e-a1")
    workload = pod("moved", EAST, envoy_place=moved)
    client = one_cluster([workload]).client("moved")
    assert [client.place_for(component).locality.zone for component in Component] == ["a", "b", "b", "b", "a"]


def test_a_workload_entry_can_be_a_client() -> None:
    vm = pod("vm", kind="WorkloadEntry")
    assert str(one_cluster([vm]).client("shop/vm")) == "WorkloadEntry east/shop/vm"


@pytest.mark.parametrize(("given", "wanted"), [(cluster([], []), "several Clusters"), (["east"], "a Cluster")])
def test_what_is_no_list_of_clusters_is_refused(given: Any, wanted: str) -> None:
    with pytest.raises(InvalidValueError, match=f"clusters: expected {wanted}"):
        Mesh(given)


def test_two_clusters_of_one_name_are_refused() -> None:
    east = two_clusters().clusters[0]
    with pytest.raises(InvalidValueError, match="clusters: expected clusters of different names, got 'east' twice"):
        Mesh((east, east))


def test_places_of_an_unknown_cluster_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="no cluster 'nowhere'"):
        mesh().places("nowhere")


# What is called by what made it


def made(name: str, place: Locality = EAST, **about: Any) -> Workload:
    return pod(name, place, labels={"app": name.split("-", maxsplit=1)[0], "pod-template-hash": name}, **about)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("deploy/web", "web-5f4c8b9d76-q7rkf"),
        ("deployment/shop/web", "web-5f4c8b9d76-q7rkf"),
        ("sts/db", "db-0"),
        ("ds/agent", "agent-x7k2p"),
        ("web", "web-5f4c8b9d76-q7rkf"),
        ("shop/web", "web-5f4c8b9d76-q7rkf"),
        ("web-5f4c8b9d76", "web-5f4c8b9d76-q7rkf"),
        ("cart", "cart-v1-6c9d7f5b48-c4fkn"),
        ("east/shop/web-5f4c8b9d76", "web-5f4c8b9d76-q7rkf"),
    ],
)
def test_a_pod_is_found_by_what_made_it(asked: str, found: str) -> None:
    pods = [made("web-5f4c8b9d76-q7rkf"), made("db-0"), made("agent-x7k2p"), made("website-7d9f8c6b5-aaaaa")]
    pods.append(made("cart-v1-6c9d7f5b48-c4fkn"))
    mesh = Mesh([cluster(pods, [])])
    assert str(mesh.client(asked)) == f"Pod east/shop/{found}"


def test_of_pods_that_are_alike_the_first_is_taken() -> None:
    mesh = Mesh([cluster([made("web-5f4c8b9d76-aaaaa"), made("web-5f4c8b9d76-bbbbb")], [])])
    assert str(mesh.client("deploy/web")) == "Pod east/shop/web-5f4c8b9d76-aaaaa"


def test_of_pods_in_several_places_one_must_be_named() -> None:
    pods = [made("web-5f4c8b9d76-aaaaa"), made("web-5f4c8b9d76-bbbbb", EAST._replace(zone="b", node="e-b1"))]
    with pytest.raises(InvalidValueError) as caught:
        Mesh([cluster(pods, [])]).client("deploy/web")
    assert str(caught.value) == (
        "client: 'deploy/web' could mean Pod east/shop/web-5f4c8b9d76-aaaaa at network=net-e re/a node=e-a1,"
        " Pod east/shop/web-5f4c8b9d76-bbbbb at network=net-e re/b node=e-b1; say which by its full name"
    )


def test_a_pods_own_name_comes_before_what_begins_so() -> None:
    mesh = Mesh([cluster([made("web"), made("web-5f4c8b9d76-aaaaa")], [])])
    assert str(mesh.client("web")) == "Pod east/shop/web"


def test_a_zone_says_its_region_where_all_nodes_agree() -> None:
    nodes = [Locality("net-e", "re", "a", "", "n1"), Locality("net-e", "re", "b", "", "n2")]
    mesh = Mesh([cluster([], [], nodes=nodes)])
    assert mesh.client("zone=a").place.locality == Locality("net-e", "re", "a")
    assert mesh.client("node=n2").place.locality == Locality("net-e", "re", "b", "", "n2")
    assert mesh.client("zone=c").place.locality == Locality("net-e", "", "c")


def test_a_zone_of_two_regions_says_none() -> None:
    nodes = [Locality("net-e", "re", "a", "", "n1"), Locality("net-e", "rx", "a", "", "n2")]
    assert Mesh([cluster([], [], nodes=nodes)]).client("zone=a").place.locality == Locality("net-e", "", "a")


def test_without_a_pod_or_node_it_is_said_what_to_add() -> None:
    with pytest.raises(UnknownNameError, match="in input without a Pod or Node: add what `kubectl get pods,nodes -A"):
        Mesh([cluster([], [])]).client("web")
