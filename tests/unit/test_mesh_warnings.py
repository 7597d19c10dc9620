import pytest

from meshtier.component import Component
from meshtier.locality import Locality
from meshtier.mesh import Backend, Cluster, Mesh, Place, Service, Workload
from meshtier.rules import DestinationRule

HOST = "s.ns.svc.cluster.local"


def mesh_of(weights: list[int], traffic_policy: dict[str, object] | None = None) -> Mesh:
    places = [Place(Locality("net", "r", zone)) for zone in ("a", "b")]
    pods = [
        Workload(
            namespace="ns",
            name=f"p{number}",
            place=places[0],
            envoy_place=places[0],
            weight=weight,
            addresses=(f"10.0.0.{number}",),
        )
        for number, weight in enumerate(weights)
    ]
    service = Service(namespace="ns", name="s", hosts=(HOST,), backends=tuple(Backend(pod.key) for pod in pods))
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
