"""What breaks, spills and takes more load when a part of a mesh is gone."""

from pathlib import Path

import pytest
from tests.meshes import HOST, one_cluster, places, pod, two_clusters

from meshtier.diff import Outage, OutageMatrix, outages
from meshtier.diff.outages import failures_of
from meshtier.errors import InvalidValueError
from meshtier.kube import load
from meshtier.locality import Locality

GATEWAYS = Path(__file__).parents[2] / "examples" / "bookinfo" / "gateways"
NEAR = pod("near", places()["zone"])
FAR = pod("far", places()["region"])


def of(found: OutageMatrix, failure: str) -> Outage:
    (one,) = (one for one in found.outages if str(one.failure) == failure)
    return one


def test_every_part_can_be_gone() -> None:
    names = [f"{one.scope} {one.name}" for one in failures_of(load(GATEWAYS))]
    assert names == [
        "region us-east",
        "region us-west",
        "zone us-east/us-east-a",
        "zone us-east/us-east-b",
        "zone us-west/us-west-a",
        "zone us-west/us-west-b",
        "network net-east",
        "network net-west",
        "cluster east",
        "cluster west",
        "gateway east/istio-eastwest/istio-eastwest",
        "gateway west/istio-eastwest/istio-eastwest",
    ]


def test_nothing_else_can_be_gone() -> None:
    with pytest.raises(
        InvalidValueError, match="expected some of region, zone, node, network, cluster, gateway, got 'x'"
    ):
        failures_of(load(GATEWAYS), ["x"])


def test_a_zone_that_is_gone_spills_to_the_other() -> None:
    """Three clients' places: the client's and near's in zone a, far's in zone b."""
    found = outages(one_cluster([NEAR, FAR], annotation="PreferClose"), each=["zone"])
    effect = of(found, "zone b").effects.get(HOST)
    assert effect is None  # those that are left send nothing there
    effect = of(outages(one_cluster([NEAR, FAR], annotation="Any"), each=["zone"]), "zone b").effects[HOST]
    assert (effect.asked, effect.broken, effect.lost) == (2, (), 0)
    assert effect.to == (("a", 0.5),)
    assert effect.loads == {"a": (1.5, 2.0)}


def test_a_zone_with_all_endpoints_breaks_those_that_are_left() -> None:
    mesh = one_cluster([FAR])
    found = outages(mesh, each=["zone"])
    outage = of(found, "zone b")
    assert outage.effects[HOST].broken == (Locality("net-e", "re", "a", "", "e-a1"),)
    assert outage.clients_gone == 1
    assert [(str(one.failure), host) for one, host in found.broken] == [("zone b", HOST)]
    assert found.summary == "1 of 2 failures breaks something: 1 host in all"
    assert found.to_table().rows == ((HOST, "ok", "breaks"),)


def test_of_single_nodes_the_others_take_over() -> None:
    found = outages(one_cluster([NEAR, pod("more", places()["node"])], annotation="Any"), each=["node"])
    assert of(found, "node e-a2").effects[HOST].to == (("e-a1", 0.5),)


def test_a_part_that_is_all_leaves_no_client() -> None:
    found = outages(one_cluster([NEAR]), each=["region"])
    assert not of(found, "region re").clients_left
    assert found.to_table().notes == ("region re leaves no client",)
    assert found.summary == "none of 1 failures breaks anything"


def test_a_cluster_that_is_gone_leaves_the_other_with_its_own() -> None:
    mesh = two_clusters(east_pods=[NEAR], west_pods=[pod("far", places()["network"], cluster="west")])
    assert of(outages(mesh, each=["cluster"]), "cluster west").effects.get(HOST) is None


def test_many_failures_and_hosts_are_a_list() -> None:
    mesh = load(GATEWAYS)
    assert outages(mesh, each=["zone"]).to_table().columns[0] == "host"
    assert outages(mesh).to_table().columns[0] == "failure"
    nodes = outages(mesh, each=["node", "zone"]).to_table()
    assert nodes.columns[0] in ("failure", "host")


def test_a_matrix_that_has_no_room_is_a_list_of_what_happens() -> None:
    found = outages(load(GATEWAYS))
    assert found.to_table(width=300).columns[0] == "failure"
    listed = found.to_table(width=80)
    assert listed.columns == ("failure", "host", "what happens")
    assert ("zone us-west-b", "details.bookinfo.svc.cluster.local", "breaks from us-west-a") in listed.rows
    assert all(row[2] != "ok" for row in listed.rows)


def test_data_and_report_have_the_loads() -> None:
    found = outages(one_cluster([NEAR, FAR], annotation="Any"), each=["zone"])
    data = found.to_dict()
    assert data["outages"][1]["effects"][0]["loads"] == [{"place": "a", "today": 1.5, "then": 2.0}]
    assert "where the load rises most" in found.report().to_text()
    assert "+33.3 %" in found.report().to_markdown()


@pytest.mark.parametrize("scope", ["zone", "node", "network", "cluster", "gateway"])
def test_what_breaks_is_what_drops_then_and_not_today(scope: str) -> None:
    mesh = load(GATEWAYS)
    today = {(route.host, route.client.cluster, route.place): route.drops for route in mesh.routes()}
    for one in outages(mesh, each=[scope]).outages:
        then = {
            (route.host, route.client.cluster, route.place)
            for route in mesh.without(**{one.failure.scope: one.failure.name}).routes()
            if route.drops
        }
        broken = {(host, place.locality) for host, _, place in then if not today[host, _, place]}
        assert broken == {(host, place) for host, effect in one.effects.items() for place in effect.broken}
