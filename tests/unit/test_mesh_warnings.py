from collections.abc import Sequence

import pytest

from meshtier.component import Component
from meshtier.endpoint import MAX_WEIGHT
from meshtier.errors import InvalidValueError
from meshtier.export import upstream_of
from meshtier.locality import Locality
from meshtier.mesh import Backend, Cluster, Mesh, Place, Service, Workload
from meshtier.rules import DestinationRule

HOST = "s.ns.svc.cluster.local"
FAILOVER_PRIORITY = {"loadBalancer": {"localityLbSetting": {"failoverPriority": ["topology.kubernetes.io/zone"]}}}


def mesh_of(
    weights: list[int],
    traffic_policy: dict[str, object] | None = None,
    *,
    zones: Sequence[str] = ("a", "a"),
    annotation: str | None = None,
) -> Mesh:
    places = [Place(Locality("net", "r", zone)) for zone in zones]
    pods = [
        Workload(
            namespace="ns",
            name=f"p{number}",
            place=places[number],
            envoy_place=places[number],
            weight=weight,
            addresses=(f"10.0.0.{number}",),
        )
        for number, weight in enumerate(weights)
    ]
    service = Service(
        namespace="ns",
        name="s",
        hosts=(HOST,),
        annotation=annotation,
        backends=tuple(Backend(pod.key) for pod in pods),
    )
    rules = []
    if traffic_policy is not None:
        spec = {"host": HOST, "trafficPolicy": traffic_policy}
        rules.append(DestinationRule.from_mapping({"metadata": {"name": "r", "namespace": "ns"}, "spec": spec}))
    cluster = Cluster(network="net", workloads=tuple(pods), services=(service,), destination_rules=tuple(rules))
    return Mesh([cluster])


def test_a_rule_that_passes_through_leaves_nothing_to_choose_at_an_envoy() -> None:
    mesh = mesh_of([1, 1], {"loadBalancer": {"simple": "PASSTHROUGH"}})
    route = mesh.route("p0", HOST, component=Component.SIDECAR)
    assert route.passthrough == "DestinationRule ns/r says simple: PASSTHROUGH"
    assert route.shares.total == 0
    assert mesh.route("p0", HOST).passthrough == ""


@pytest.mark.parametrize(
    ("weights", "simple", "noted"),
    [([1, 5], None, True), ([1, 5], "ROUND_ROBIN", False), ([5, 5], None, False)],
    ids=["uneven", "in turn", "even"],
)
def test_uneven_weights_are_noted_where_load_evens_them_out(
    weights: list[int], simple: str | None, noted: bool
) -> None:
    mesh = mesh_of(weights, {"loadBalancer": {"simple": simple}} if simple else None)
    route = mesh.route("p0", HOST, component=Component.SIDECAR)
    assert any(note.rule == "LOAD-4" for note in route.notes) is noted
    assert not any(note.rule == "LOAD-4" for note in mesh.route("p0", HOST).notes)


@pytest.mark.parametrize("component", [Component.SIDECAR, Component.WAYPOINT, Component.INGRESS_GATEWAY], ids=str)
@pytest.mark.parametrize(
    ("policy", "weights"),
    [
        (None, [MAX_WEIGHT, MAX_WEIGHT]),
        ({"outlierDetection": {}}, [MAX_WEIGHT, MAX_WEIGHT]),
        ({"outlierDetection": {}, **FAILOVER_PRIORITY}, [MAX_WEIGHT, 1]),
        ({"loadBalancer": {"localityLbSetting": {"distribute": [{"from": "*", "to": {"*": 100}}]}}}, [MAX_WEIGHT, 1]),
    ],
    ids=["no rule", "by place", "by labels, where the sum wraps to 0", "distribute"],
)
def test_weights_that_an_envoy_would_reject_are_answered_with_a_note(
    component: Component, policy: dict[str, object] | None, weights: list[int]
) -> None:
    route = mesh_of(weights, policy).route("p0", HOST, component=component)
    assert route.shares.total == pytest.approx(1)
    assert list(route.shares.values()) == pytest.approx([weight / sum(weights) for weight in weights])
    [text] = [note.text for note in route.notes if note.code == "weights-too-large"]
    assert text == (
        "an Envoy would reject these endpoints, and keep those that it has: expected weights with a sum of at most"
        f" 4294967295, got a sum of {sum(weights)}"
    )


def test_weights_of_localities_beside_each_other_can_be_too_large_too() -> None:
    mesh = mesh_of([MAX_WEIGHT, MAX_WEIGHT], zones=["a", "b"], annotation="PreferRegion")
    route = mesh.route("p0", HOST, component=Component.SIDECAR)
    assert list(route.shares.values()) == pytest.approx([0.5, 0.5])
    assert "weights-too-large" in {note.code for note in route.notes}
    with pytest.raises(InvalidValueError, match="locality weights of one priority with a sum of at most 4294967295"):
        upstream_of(route)


@pytest.mark.parametrize("component", [Component.ZTUNNEL, Component.KGATEWAY], ids=str)
def test_where_no_envoy_chooses_any_weights_will_do(component: Component) -> None:
    route = mesh_of([MAX_WEIGHT, MAX_WEIGHT]).route("p0", HOST, component=component)
    assert list(route.shares.values()) == [0.5, 0.5]
    assert "weights-too-large" not in {note.code for note in route.notes}


def test_weights_that_an_envoy_takes_are_not_noted() -> None:
    route = mesh_of([MAX_WEIGHT - 1, 1]).route("p0", HOST, component=Component.SIDECAR)
    assert "weights-too-large" not in {note.code for note in route.notes}
