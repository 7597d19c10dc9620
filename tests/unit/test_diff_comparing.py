"""What differs between two meshes, why, and in what words."""

from pathlib import Path

import pytest
from attrs import evolve
from tests.meshes import EAST, GLOBAL_HOST, HOST, cluster, one_cluster, places, pod, rule, service, two_clusters

from meshtier.component import Component
from meshtier.diff import Aspect, Change, Differences, Kind, compare
from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.kube import load
from meshtier.mesh import Mesh
from meshtier.profile import Profile

EXAMPLES = Path(__file__).parents[2] / "examples" / "bookinfo"
NEAR = pod("near", places()["zone"])
FAR = pod("far", places()["region"])


def only(found: Differences) -> Change:
    (change,) = found.changes
    return change


def of_client(found: Differences) -> Change:
    (change,) = (change for change in found.changes if change.client.endswith("/client"))
    return change


def test_a_mesh_does_not_differ_from_itself() -> None:
    mesh = load(EXAMPLES / "gateways")
    for other in (mesh, load(EXAMPLES / "gateways")):
        found = compare(mesh, other)
        assert found.changes == ()
        assert found.summary == "none of 64 routes changes"
        assert found.to_table().columns == ()


def test_a_mode_that_is_set_otherwise_is_told_with_where_traffic_goes() -> None:
    before, after = (one_cluster([NEAR, FAR], annotation=mode) for mode in ("Any", "PreferClose"))
    change = of_client(compare(before, after))
    assert change.kind is Kind.CHANGED
    assert change.movement == 0.5
    assert change.aspects == {Aspect.SETTING, Aspect.SHARES, Aspect.TIERS}
    assert str(change.cause) == "Service shop/web is changed"
    assert change.delta is not None
    assert change.delta.endpoints_lost == {FAR.id}
    row = next(row for row in compare(before, after).to_table().rows if "e-a1" in row[2])
    assert row == ("Service shop/web is changed", HOST, row[2], "50 %", "from b to a; Any → PreferSameZone")


def test_a_zone_that_is_gone_is_the_cause_and_takes_its_clients_with_it() -> None:
    found = compare(before := one_cluster([NEAR, FAR], annotation="PreferClose"), before.without(zone="b"))
    assert {str(change.cause) for change in found.changes} == {"zone b is gone"}
    assert {change.kind for change in found.changes} == {Kind.CHANGED, Kind.CLIENT_GONE}
    gone = next(change for change in found.changes if change.kind is Kind.CLIENT_GONE)
    assert (gone.place, gone.delta, gone.movement) == (FAR.place.locality, None, 0)
    assert found.lost == ()
    assert found.summary == "2 of 3 routes change; 1 is gone with their clients"


def test_a_host_without_an_endpoint_left_is_lost_and_from_the_other_side_gained() -> None:
    before = one_cluster([NEAR])
    after = before.with_health("near", Health.UNHEALTHY)
    found = compare(before, after)
    assert {change.movement for change in found.lost} == {1}
    assert len(found.lost) == len(found.changes)
    assert "all endpoints" in found.summary
    back = compare(after, before)
    assert back.lost == ()
    assert len(back.gained) == len(found.lost)


def test_a_host_that_is_gone_is_lost_where_its_client_is_still_there() -> None:
    client = pod("client")
    whole = Mesh([cluster([client, NEAR], [service([NEAR])])])
    empty = Mesh([cluster([client, NEAR], [])])
    found = compare(whole, empty)
    assert {change.kind for change in found.changes} == {Kind.HOST_GONE}
    assert {str(change.cause) for change in found.changes} == {"Service shop/web is gone"}
    assert len(found.lost) == 2
    assert {change.kind for change in compare(empty, whole).changes} == {Kind.HOST_NEW}


def test_another_pod_in_the_same_place_is_no_change() -> None:
    mesh, renamed = (Mesh([cluster([pod(name), NEAR], [service([NEAR])])]) for name in ("client-6c9f", "client-77d8"))
    assert compare(mesh, renamed).changes == ()


def test_a_rule_is_the_cause_where_it_holds() -> None:
    plain = one_cluster([NEAR, FAR])
    ruled = one_cluster([NEAR, FAR], rules=[rule({"enabled": True})])
    change = of_client(compare(plain, ruled, component=Component.SIDECAR))
    assert str(change.cause) == "DestinationRule shop/rule is new"
    assert change.delta is not None
    assert {note.code for note in change.delta.notes_new} == {"unknown-place"}
    for change in compare(plain, ruled, component=Component.ZTUNNEL).changes:
        assert not change.aspects & {Aspect.SETTING, Aspect.SHARES, Aspect.TIERS}


def test_a_namespace_is_the_cause_where_its_services_take_a_waypoint_from_it() -> None:
    mesh = load(EXAMPLES / "gateways")
    labels = {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bookinfo", "labels": labels}}
    found = compare(mesh, mesh.with_objects(clusters={"east": namespace}), hosts=["ratings.bookinfo.svc.cluster.local"])
    assert {str(change.cause) for change in found.changes} == {"Namespace bookinfo is changed"}


def test_another_profile_is_a_cause_and_its_numbers_are_no_change() -> None:
    mesh = one_cluster([NEAR, FAR], annotation="PreferNetwork")
    found = compare(mesh, mesh, after_profile=Profile.named("istio-1.30"))
    assert {str(change.cause) for change in found.changes} == {"profile solo becomes istio-1.30"}
    with_mode = one_cluster([NEAR, FAR], spec="PreferSameNode")
    same = compare(with_mode, with_mode, profile=Profile.named("istio-1.30"), after_profile=Profile.named("istio-1.31"))
    assert all(Aspect.SHARES not in change.aspects for change in same.changes)


def test_another_component_is_asked_of_the_same_clients() -> None:
    mesh = one_cluster([NEAR, FAR])
    found = compare(mesh, mesh, after_component=Component.SIDECAR)
    assert {str(change.cause) for change in found.changes} == {"it is asked of sidecar in place of auto"}
    assert all(Aspect.DECIDER in change.aspects for change in found.changes)
    assert compare(mesh, mesh, component=Component.SIDECAR, after_component=None).routes == found.routes


def test_what_only_loses_excluded_endpoints_is_listed_and_not_counted() -> None:
    far = pod("far", places()["network"], cluster="west")
    before = two_clusters(east_pods=[NEAR], west_pods=[far])
    found = compare(before, before.without(workload="west/shop/far"), hosts=[HOST])
    idle = [change for change in found.changes if change.is_idle]
    assert idle
    assert all(change.movement == 0 for change in idle)
    assert not set(idle) & set(found.changed)
    assert found.to_table().notes == (f"on {len(idle)} more, nothing differs but what can get no traffic",)


def test_traffic_weighs_movements() -> None:
    before = one_cluster([NEAR, FAR], annotation="Any")
    after = before.with_distribution(HOST, "PreferClose")
    traffic = {("east/shop/client", HOST): 30, ("Pod east/shop/far", HOST): 10}
    found = compare(before, after, traffic=traffic)
    assert [(change.rate, change.moved) for change in found.changes][:2] == [(30, 15), (10, 5)]
    assert found.summary.startswith("50 % of the requests go elsewhere; ")
    by_place = compare(before, after, traffic={("zone=a", HOST): 30})
    assert sorted(change.rate for change in by_place.changes) == [0, 15, 15]


@pytest.mark.parametrize(
    ("traffic", "message"),
    [
        ({("client", "nohost"): 1}, "no host 'nohost'"),
        ({("nobody", HOST): 1}, "no client 'nobody'"),
        ({("client", HOST): -1}, "expected a rate of 0 or more, got -1"),
        ({("zone=z", HOST): 1}, "expected a client of"),
    ],
)
def test_traffic_of_nobody_is_refused(traffic: dict[tuple[str, str], float], message: str) -> None:
    mesh = one_cluster([NEAR])
    with pytest.raises((UnknownNameError, InvalidValueError), match=message):
        compare(mesh, mesh, traffic=traffic)


def test_what_leaves_its_zone_is_said_of_the_service_of_which_most_does() -> None:
    before = one_cluster([NEAR, FAR], annotation="PreferClose")
    found = compare(before, before.with_distribution(HOST, "Any"))
    assert found.summary == "3 of 3 routes change; 50 % of shop/web's traffic leaves its zone"


def test_a_cluster_that_is_gone_is_no_change_of_how_the_others_are_called() -> None:
    both = two_clusters(east_pods=[NEAR], west_pods=[pod("far", places()["network"], cluster="west")])
    alone = Mesh(both.clusters[:1])
    changes = [change for change in compare(both, alone).changes if change.kind is Kind.CHANGED]
    assert all(Aspect.SETTING not in change.aspects for change in changes)


def test_hosts_can_be_chosen() -> None:
    both = two_clusters(east_pods=[NEAR], west_pods=[pod("far", places()["network"], cluster="west")])
    found = compare(both, both.with_health("near", Health.UNHEALTHY), hosts=[GLOBAL_HOST])
    assert {change.host for change in found.changes} <= {GLOBAL_HOST}


def test_markdown_has_a_summary_a_table_to_unfold_and_new_notes() -> None:
    plain = one_cluster([NEAR, FAR])
    ruled = one_cluster([NEAR, FAR], rules=[rule({"enabled": True})])
    text = compare(plain, ruled, component=Component.SIDECAR).to_markdown()
    assert text.startswith("### 3 of 3 routes change\n")
    assert "<details><summary>2 rows</summary>\n\n| because | host |" in text
    assert "**New notes**\n\n- [LOC-6] neither the client nor " in text


def test_data_have_both_sides() -> None:
    before = one_cluster([NEAR, FAR], annotation="Any")
    data = compare(before, before.with_distribution(HOST, "PreferClose")).to_dict()
    assert data["routes"] == 3
    first = data["changes"][0]
    assert first["before"] is not None
    assert first["after"] is not None
    assert (first["before"]["holds"], first["after"]["holds"]) == ("Any", "PreferSameZone")
    assert first["cause"] == {"kind": "object", "text": "Service shop/web is changed"}
    assert sum(move["after"] - move["before"] for move in first["moves"]) == 0


def test_places_are_matched_and_not_pods() -> None:
    moved = evolve(NEAR, name="other")
    before = Mesh([cluster([pod("client"), NEAR], [service([NEAR])])])
    after = Mesh([cluster([pod("client"), moved], [service([moved])])])
    found = compare(before, after)
    assert {change.movement for change in found.changes} == {1}
    assert {dict(change.delta.moves) == {} for change in found.changes if change.delta} == {True}
    assert EAST in {change.place for change in found.changes}
