"""Objects put over what was read: in whose place they stand, what is kept, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from meshtier.errors import InputError, InvalidValueError
from meshtier.kube import load
from meshtier.mesh import Mesh

Json = dict[str, Any]
CLIENT = {"app": "client"}


def obj(kind: str, name: str, *, version: str = "v1", namespace: str = "shop", **rest: Any) -> Json:
    meta = {"name": name, "namespace": namespace, "labels": rest.pop("labels", {})}
    return {"apiVersion": version, "kind": kind, "metadata": meta, **rest}


def pod(name: str, app: str, **rest: Any) -> Json:
    status = {"phase": "Running", "podIP": f"10.0.0.{len(name)}"}
    return obj("Pod", name, labels={"app": app}, spec={"nodeName": "n1"}, **{"status": status, **rest})


def service(**spec: Any) -> Json:
    return obj("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}], **spec})


def rule(name: str = "rule") -> Json:
    return obj("DestinationRule", name, version="networking.istio.io/v1", spec={"host": "web"})


NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n1", "labels": {"topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": "z"}},
}
SLICE = obj(
    "EndpointSlice",
    "web-1",
    version="discovery.k8s.io/v1",
    labels={"kubernetes.io/service-name": "web"},
    endpoints=[{"addresses": ["10.0.0.3"], "targetRef": {"kind": "Pod", "name": "web"}}],
)
DUMP = [NODE, pod("client", "client"), pod("web", "web"), service(), SLICE]


def mesh(*clusters: str) -> Mesh:
    return load(clusters=dict.fromkeys(clusters, DUMP)) if clusters else load(DUMP)


def problems(asked: Mesh, *sources: Any, **clusters: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        asked.with_objects(*sources, clusters=clusters or None)
    return list(map(str, caught.value.problems))


def test_a_known_object_is_replaced_and_keeps_what_derives_from_it() -> None:
    before = mesh()
    after = before.with_objects(service(trafficDistribution="PreferClose"))
    assert after.route("client", "web").holds == "PreferSameZone"
    assert dict(after.route("client", "web").shares) == {"shop/web": 1}
    assert after.clusters[0].workloads is before.clusters[0].workloads
    assert not after.clusters[0].services[0].notes  # its EndpointSlice is still there


def test_a_new_object_is_added() -> None:
    after = mesh().with_objects(rule(), obj("Service", "api", spec={"selector": {"app": "web"}}))
    assert [each.name for each in after.clusters[0].destination_rules] == ["rule"]
    assert dict(after.route("client", "api").shares) == {"shop/web": 1}


@pytest.mark.parametrize("given", [{}, {"status": {}}, {"status": None}])
def test_a_manifest_without_status_keeps_status_and_node(given: Json) -> None:
    manifest = obj("Pod", "web", labels={"app": "web", "version": "v2"}, **given)
    (cluster,) = mesh().with_objects(manifest).clusters
    found = cluster.workloads["Pod", "shop", "web"]
    assert found.labels["version"] == "v2"
    assert (found.addresses, found.place.locality.zone) == (("10.0.0.3",), "z")


def test_a_status_that_is_given_holds() -> None:
    manifest = pod("web", "web", status={"phase": "Failed"})
    assert mesh().with_objects(manifest).route("client", "web").drops


def test_files_and_json_are_read_as_a_dump_is(tmp_path: Path) -> None:
    """Of a list in JSON the fast decoder makes objects of another class than those of mappings."""
    dump, over = tmp_path / "dump.json", tmp_path / "over.json"
    for path, objects in ((dump, DUMP), (over, [pod("web", "web", status={}), rule()])):
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    expected = load([*DUMP, rule()])
    assert load(dump).with_objects(over).clusters == expected.clusters
    assert load(DUMP).with_objects(over).clusters == expected.clusters
    assert load(dump).with_objects([pod("web", "web", status={}), rule()]).clusters == expected.clusters


def test_many_objects_of_a_kind_are_kept_as_bytes_and_come_back(tmp_path: Path) -> None:
    many = [pod(f"p{number}", "web") for number in range(1_000)]
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [*many, service()]}))
    over = service(trafficDistribution="PreferClose")
    after = load(dump).with_objects(over)
    assert after.clusters == load([*many, over]).clusters
    twice = after.with_objects(pod("p0", "other"))
    assert len(twice.clusters[0].services[0].backends) == 999


def test_objects_are_of_the_cluster_that_is_named() -> None:
    before = mesh("east", "west")
    after = before.with_objects(clusters={"east": [service(trafficDistribution="PreferClose"), rule()]})
    assert after.clusters[1] is before.clusters[1]
    assert after.clusters[0].services[0].traffic_distribution == "PreferClose"


def test_rules_alone_are_of_every_cluster() -> None:
    after = mesh("east", "west").with_objects(rule())
    assert [len(each.destination_rules) for each in after.clusters] == [1, 1]


def test_a_file_names_its_cluster_by_its_system_namespace(tmp_path: Path) -> None:
    labels = {"topology.istio.io/cluster": "west"}
    system = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system", "labels": labels}}
    after = mesh("east", "west").with_objects([system, rule()])
    assert [len(each.destination_rules) for each in after.clusters] == [0, 1]


def test_of_several_clusters_one_is_to_be_named() -> None:
    text = "expected the cluster of these objects to be named, since there are several ('east', 'west'), got none"
    assert problems(mesh("east", "west"), service()) == [
        f"{text}; give them as CLUSTER=FILE (clusters={{CLUSTER: FILE}})"
    ]


def test_another_cluster_is_refused() -> None:
    assert problems(mesh("east", "west"), north=service()) == [
        "expected objects of one of the clusters 'east', 'west', got those of 'north'"
    ]
    assert problems(mesh(), north=service()) == [
        "expected objects of the only cluster, which has no name, got those of 'north'"
    ]


def test_a_broken_object_is_refused_and_said_of_its_own_file(tmp_path: Path) -> None:
    over = tmp_path / "over.json"
    over.write_text(json.dumps(obj("WorkloadEntry", "vm", version="networking.istio.io/v1", spec={"weight": -1})))
    (problem,) = problems(mesh(), over)
    assert problem.startswith(f"{over}, document 1, WorkloadEntry shop/vm, spec.weight: expected an integer")
    assert problems(mesh(), service(ports="x")) == ["Service shop/web, spec.ports: expected a list, got 'x'"]


def test_two_objects_of_one_name_are_refused() -> None:
    (problem,) = problems(mesh(), [service(), service()])
    assert "Service shop/web: expected each object once, got it again" in problem


def test_a_missing_file_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("")
    assert len(problems(mesh(), tmp_path / "empty.yaml", tmp_path / "missing.yaml")) == 2


def test_a_cluster_that_was_changed_takes_no_objects() -> None:
    text = "expected cluster 'east' as it was read, got it with changes; put objects over it first"
    for changed in (
        mesh("east").without(workload="web"),
        Mesh([evolve(mesh("east").clusters[0], network="other")]),
    ):
        with pytest.raises(InvalidValueError, match=text):
            changed.with_objects(rule())


def test_a_ztunnel_dump_takes_no_objects_and_is_none() -> None:
    dump: Json = {"workloads": [], "services": []}
    assert problems(load(dump), rule())[0].startswith("expected nothing else of cluster '' beside a ztunnel dump")
    assert problems(mesh(), dump) == ["expected Kubernetes objects, got a ztunnel dump"]


def test_what_is_ignored_is_counted() -> None:
    after = mesh().with_objects(rule(), obj("Deployment", "web", version="apps/v1"))
    assert after.clusters[0].skipped == {"Deployment": 1}


def test_where_a_cluster_was_read_from_makes_no_difference() -> None:
    read = mesh().clusters[0]
    assert read == evolve(read, source=None)
    assert "source" not in repr(read)
