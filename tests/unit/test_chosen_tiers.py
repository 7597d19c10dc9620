from tests.meshes import EAST, HOST, cluster, one_cluster, pod, service, waypoint_pod

from meshtier.display.chosen_tiers import chosen_tiers
from meshtier.endpoint import Health
from meshtier.locality import Locality
from meshtier.mesh import Mesh

FAR = Locality("net-e", "re", "b")


def through_waypoint(ways: list[Locality], pods: list[Locality]) -> Mesh:
    behind = [pod(f"p{number}", place) for number, place in enumerate(pods)]
    pods_of_waypoint = [waypoint_pod(f"w{number}", place) for number, place in enumerate(ways)]
    made = [service(behind, waypoint="shop/wp", spec="PreferClose"), service(pods_of_waypoint, name="wp")]
    return Mesh((cluster([pod("client"), *behind, *pods_of_waypoint], made),))


def test_one_that_chooses_has_one_tier_for_each() -> None:
    mesh = one_cluster([pod("a"), pod("b", FAR), pod("c", health=Health.UNHEALTHY)], spec="PreferClose")
    assert chosen_tiers(mesh.route("client", HOST)) == {"east/shop/a": {0}, "east/shop/b": {1}}


def test_of_several_those_count_that_send_there() -> None:
    route = through_waypoint([EAST, FAR], [EAST, FAR]).route("client", "web")
    assert chosen_tiers(route) == {"east/shop/p0": {0}, "east/shop/p1": {0}}


def test_an_endpoint_to_which_two_send_from_different_places_is_in_two_tiers() -> None:
    route = through_waypoint([EAST, FAR], [EAST]).route("client", "web")
    assert chosen_tiers(route) == {"east/shop/p0": {0, 1}}


def test_a_host_that_is_passed_through_has_none() -> None:
    assert chosen_tiers(one_cluster([pod("a")], passthrough="headless").route("client", HOST)) == {}
