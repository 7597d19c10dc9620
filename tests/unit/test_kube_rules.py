"""A DestinationRule that Istio's validation refuses is noted, and the rest is loaded (DR-2, DR-4 to DR-6)."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshtier.component import Component
from meshtier.errors import InputError
from meshtier.kube import load, read
from meshtier.mesh import Mesh
from meshtier.note import CODES, Severity
from meshtier.profile import ISTIO_1_24, ISTIO_1_31, SOLO, Profile
from meshtier.rules import DestinationRule

HOST = "s.a.svc.cluster.local"
FAILOVER = [{"from": "r1", "to": "r2"}]
LABELS = ["topology.istio.io/network"]
SHARES = [{"from": "*", "to": {"r1": 100}}]
WHERE = "spec.trafficPolicy.loadBalancer.localityLbSetting"


def rule(**setting: object) -> dict[str, Any]:
    policy = {"outlierDetection": {}, "loadBalancer": {"localityLbSetting": setting}}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "r", "namespace": "a"},
        "spec": {"host": HOST, "trafficPolicy": policy},
    }


def in_region(region: str) -> list[dict[str, Any]]:
    labels = {"topology.kubernetes.io/region": region}
    node: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"n-{region}", "labels": labels}}
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"p-{region}", "namespace": "a", "labels": {"app": "s"}},
        "spec": {"nodeName": f"n-{region}"},
        "status": {"phase": "Running", "podIP": region, "conditions": [{"type": "Ready", "status": "True"}]},
    }
    return [node, pod]


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s", "namespace": "a"},
    "spec": {"selector": {"app": "s"}, "ports": [{"port": 80}]},
}


def mesh_of(**setting: object) -> Mesh:
    return load([*in_region("r1"), *in_region("r2"), SERVICE, rule(**setting)])


def codes(mesh: Mesh, profile: Profile = ISTIO_1_31) -> list[str]:
    found = mesh.route("a/p-r1", HOST, component=Component.WAYPOINT, profile=profile).effective_rule.notes
    return [note.code for note in found if note.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("profile", "setting", "expected"),
    [
        (SOLO, {"failover": FAILOVER}, []),
        (SOLO, {"failover": FAILOVER, "failoverPriority": LABELS}, ["exclusive-blocks"]),
        (SOLO, {"distribute": SHARES, "failoverPriority": LABELS}, ["exclusive-blocks"]),
        (SOLO, {"distribute": SHARES, "failover": FAILOVER}, ["exclusive-blocks", "distribute-beside-failover"]),
        (ISTIO_1_31, {"distribute": SHARES}, []),
        (ISTIO_1_31, {"failover": FAILOVER, "failoverPriority": LABELS}, []),
        (ISTIO_1_31, {"distribute": SHARES, "failoverPriority": LABELS}, ["exclusive-blocks"]),
        (ISTIO_1_24, {"distribute": SHARES, "failoverPriority": LABELS}, ["exclusive-blocks"]),
        (ISTIO_1_31, {"distribute": SHARES, "failover": FAILOVER}, ["exclusive-blocks", "distribute-beside-failover"]),
    ],
)
def test_two_blocks_that_exclude_each_other_are_a_note_and_no_error(
    profile: Profile, setting: dict[str, object], expected: list[str]
) -> None:
    assert codes(mesh_of(**setting), profile) == expected


@pytest.mark.parametrize(
    "others", [{"failover": FAILOVER}, {"failoverPriority": LABELS}], ids=["failover", "failoverPriority"]
)
def test_beside_distribute_the_other_blocks_have_no_effect_under_istio_and_no_block_has_under_solo(
    others: dict[str, object],
) -> None:
    mesh = mesh_of(distribute=SHARES, **others)
    route = mesh.route("a/p-r2", HOST, component=Component.WAYPOINT, profile=ISTIO_1_31)
    assert route.shares["a/p-r1"] == 1
    (name,) = others
    (note,) = [note for note in route.notes if note.code == "exclusive-blocks"]
    assert note.text == f"localityLbSetting: beside distribute, {name} has no effect"
    assert mesh.route("a/p-r2", HOST, component=Component.WAYPOINT, profile=SOLO).shares["a/p-r2"] == 1


def to(*parts: tuple[str, int], origin: str = "*") -> dict[str, object]:
    return {"distribute": [{"from": origin, "to": dict(parts)}]}


@pytest.mark.parametrize(
    ("setting", "code", "place"),
    [
        ({"distribute": SHARES, "failover": FAILOVER}, "distribute-beside-failover", ""),
        (
            {"failover": FAILOVER, "failoverPriority": ["topology.kubernetes.io/zone"]},
            "failover-priority-places",
            ".failoverPriority",
        ),
        ({"failover": [{"from": "r1", "to": "r1"}]}, "failover-to-itself", ".failover[0]"),
        ({"failover": [{"from": "r1", "to": "r2/z"}]}, "failover-no-region", ".failover[0].to"),
        (to(("r1", 0), ("r2", 99)), "distribute-weight", ".distribute[0].to.r1"),
        (to(("r1", 101)), "distribute-weight", ".distribute[0].to.r1"),
        (to(("r1", 50), ("r2", 49)), "distribute-sum", ".distribute[0].to"),
        (to(("r1//s", 100)), "distribute-empty-part", ".distribute[0].to"),
        (to(("r1", 100), origin="r*/z"), "distribute-wildcard", ".distribute[0].from"),
        (to(("r1", 50), ("r1/*", 50)), "distribute-overlap", ".distribute[0].to"),
        ({"distribute": [SHARES[0], {"from": "r1", "to": {"r1": 100}}]}, "distribute-origins", ".distribute[1].from"),
    ],
)
def test_what_istios_validation_refuses_is_an_error_of_the_rule_alone_and_a_note_of_a_mesh(
    setting: dict[str, object], code: str, place: str
) -> None:
    with pytest.raises(InputError) as caught:
        DestinationRule.from_mapping(rule(**setting))
    (problem,) = caught.value.problems
    assert problem.path == f"{WHERE}{place}"
    mesh = mesh_of(**setting)
    (note,) = mesh.clusters[0].destination_rules[0].notes
    assert (note.code, note.object) == (code, "DestinationRule a/r")
    assert note.text == f"{problem.path}: {problem.problem}; the rule is read all the same"
    assert code in codes(mesh)
    assert CODES[code].severity is Severity.ERROR


def test_weights_that_do_not_add_up_to_100_are_computed_as_istios_control_plane_does() -> None:
    mesh = mesh_of(**to(("r1", 50), ("r2", 25)))
    shares = mesh.route("a/p-r1", HOST, component=Component.WAYPOINT, profile=ISTIO_1_31).shares
    assert shares == pytest.approx({"a/p-r1": 2 / 3, "a/p-r2": 1 / 3})


@pytest.mark.parametrize("weight", [-1, 2**32, "1", True, 1.5])
def test_what_is_no_weight_at_all_stops_the_load(weight: object) -> None:
    with pytest.raises(InputError, match=r"distribute\[0\].to.r1: expected an integer from 1 to 100, got"):
        read(rule(distribute=[{"from": "*", "to": {"r1": weight}}]))


def test_a_rule_of_json_text_is_noted_like_one_of_plain_data(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text(
        json.dumps({"kind": "List", "apiVersion": "v1", "items": [rule(distribute=SHARES, failover=FAILOVER)]})
    )
    (cluster,) = read(path)
    assert [note.code for note in cluster.destination_rules[0].notes] == ["distribute-beside-failover"]
