"""What holds of every input: decoders agree, order is irrelevant, and nothing raises but our errors."""

import io
import json
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
import yaml
from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshtier.errors import MeshError
from meshtier.kube import KINDS, read
from meshtier.kube.schema import GROUPS
from meshtier.kube.yamltext import MAX_DEPTH
from meshtier.mesh import Cluster, Service

NAMES = st.sampled_from(["a", "b", "c", "d"])
NAMESPACES = st.sampled_from([None, "a", "b", "istio-system"])
LABELS = st.none() | st.dictionaries(
    st.sampled_from(
        [
            "app",
            "kubernetes.io/service-name",
            "topology.kubernetes.io/region",
            "failure-domain.beta.kubernetes.io/zone",
            "topology.istio.io/network",
            "topology.istio.io/locality",
            "solo.io/service-scope",
            "istio.io/use-waypoint",
        ]
    ),
    st.sampled_from(["a", "b", "r.z", "global", ""]),
    max_size=4,
)
BOOLS = st.none() | st.booleans()
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::1"])


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A mapping with any of these fields, or null."""
    return st.none() | st.fixed_dictionaries({}, optional=fields)


CONDITIONS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Ready", "Healthy", "Other"])},
        optional={"status": st.sampled_from(["True", "False"])},
    ),
    max_size=2,
)
ENTRY = some(
    address=ADDRESSES,
    labels=LABELS,
    network=st.sampled_from(["", "net-2"]),
    locality=st.sampled_from(["", "r", "r/z/s/x"]),
    weight=st.none() | st.integers(0, 2**32 - 1),
)
SPECS: Mapping[str, st.SearchStrategy[Any]] = {
    "Node": st.none(),
    "Namespace": st.none(),
    "Pod": some(nodeName=NAMES | st.none()),
    "Service": some(
        selector=LABELS,
        clusterIP=st.sampled_from(["None", "10.1.0.1"]),
        type=st.sampled_from(["ClusterIP", "ExternalName"]),
        trafficDistribution=st.sampled_from(["PreferClose", "x"]),
        publishNotReadyAddresses=BOOLS,
        ports=st.lists(
            st.fixed_dictionaries({"port": st.integers(1, 65535)}, optional={"name": NAMES, "targetPort": NAMES}),
            max_size=2,
        ),
    ),
    "EndpointSlice": st.none(),
    "Gateway": some(gatewayClassName=st.sampled_from(["istio-remote", "istio-east-west", "other"])),
    "WorkloadEntry": ENTRY,
    "ServiceEntry": some(
        hosts=st.lists(st.sampled_from(["x.org", "y.org"]), max_size=2),
        resolution=st.sampled_from(["NONE", "STATIC", "DNS"]),
        endpoints=st.lists(ENTRY.filter(lambda entry: entry is not None), max_size=2),
        workloadSelector=some(labels=LABELS),
        ports=st.lists(st.fixed_dictionaries({"number": st.integers(1, 65535)}), max_size=2),
    ),
    "DestinationRule": st.fixed_dictionaries({"host": st.sampled_from(["a.a.svc.cluster.local", "x.org"])}),
    "Deployment": st.none(),
    "Thing": st.none(),
}
SLICE_ENDPOINT = st.fixed_dictionaries(
    {"addresses": st.lists(ADDRESSES, min_size=1, max_size=2)},
    optional={
        "conditions": some(ready=BOOLS, serving=BOOLS, terminating=BOOLS),
        "targetRef": some(kind=st.just("Pod"), name=NAMES, namespace=NAMESPACES),
        "nodeName": NAMES,
        "zone": NAMES,
    },
)


@st.composite
def objects(draw: st.DrawFn, kind: str | None = None) -> dict[str, Any]:
    """One object that can be read."""
    kind = draw(st.sampled_from(sorted(SPECS))) if kind is None else kind
    group = GROUPS[KINDS[kind]] if kind in KINDS else "example.com"
    metadata = {"name": draw(NAMES), "namespace": draw(NAMESPACES), "labels": draw(LABELS)}
    found: dict[str, Any] = {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "metadata": metadata}
    found["spec"] = draw(SPECS[kind])
    if kind == "Pod":
        phases = st.sampled_from(["Running", "Pending", "Succeeded"])
        found["status"] = draw(some(phase=phases, podIP=ADDRESSES, conditions=CONDITIONS))
    if kind == "WorkloadEntry":
        found["status"] = draw(some(conditions=CONDITIONS))
    if kind == "EndpointSlice":
        found["endpoints"] = draw(st.none() | st.lists(SLICE_ENDPOINT, max_size=3))
        found["ports"] = draw(st.none() | st.lists(some(name=NAMES).filter(bool), max_size=2))
    return found


def identity(found: Mapping[str, Any]) -> tuple[str, str, str]:
    is_wide = found["kind"] in ("Node", "Namespace")
    namespace = "" if is_wide else found["metadata"]["namespace"] or "default"
    return found["kind"], namespace, found["metadata"]["name"]


dumps = st.lists(objects(), max_size=12, unique_by=identity)

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(sorted(KINDS)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=3)
            | st.sampled_from(
                ["kind", "apiVersion", "metadata", "name", "labels", "spec", "status", "items", "workloads", "services"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """An object like a good one, with anything at all in one place."""
    found = draw(objects())
    target: Any = found
    for _step in range(draw(st.integers(0, 4))):
        keys: Sequence[Any] = list(target) if isinstance(target, dict) else range(len(target))
        deeper = [key for key in keys if isinstance(target[key], (dict, list)) and target[key]]
        if not deeper:
            break
        target = target[draw(st.sampled_from(deeper))]
    key = draw(st.sampled_from(list(target) if isinstance(target, dict) else range(len(target))))
    target[key] = draw(PLAIN)
    return found


def from_text(text: str) -> Cluster:
    (cluster,) = read("-", stdin=io.StringIO(text))
    return cluster


def a_list(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": items}


@given(items=dumps)
def test_json_and_yaml_of_the_same_objects_give_the_same_cluster(items: list[dict[str, Any]]) -> None:
    (plain,) = read(a_list(items))
    assert from_text(json.dumps(a_list(items), indent=1)) == plain
    assert from_text(yaml.safe_dump(a_list(items))) == plain
    if items:
        assert from_text("---\n" + yaml.safe_dump_all(items)) == plain


@given(items=st.lists(objects() | broken(), min_size=1, max_size=6))
@example(items=[{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 1.0}]}}])
@example(
    items=[{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": True}]}}]
)
@example(
    items=[{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 2**70}]}}]
)
@example(items=[{"apiVersion": 5, "kind": "Thing"}])
def test_the_fast_decoder_agrees_with_the_plain_one_in_all_it_says(items: list[dict[str, Any]]) -> None:
    text = json.dumps(a_list(items))
    fast = answer(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("meshtier.kube.objects.fast_decoder", lambda: None)
        assert answer(text) == fast


@given(items=st.lists(objects(), max_size=3), data=st.data())
def test_the_decoders_agree_on_texts_that_are_cut_or_spoilt(items: list[dict[str, Any]], data: st.DataObject) -> None:
    text = "\n".join(json.dumps(a_list([item]), indent=1) for item in items)
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + data.draw(st.sampled_from(["", "{", "}", '"', ",", "nul", "[", "\\", "1e999", "{}"])) + text[at:]
    text = text[: data.draw(st.integers(0, len(text)))] if data.draw(st.booleans()) else text
    fast = answer("{}" + text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("meshtier.kube.objects.fast_decoder", lambda: None)
        assert answer("{}" + text) == fast


def answer(text: str) -> Cluster | str:
    """The cluster, or what is said of it; in any order, for the fast decoder sorts by kind."""
    try:
        return from_text(text)
    except MeshError as error:
        return "\n".join(sorted(str(error).splitlines()))


def in_order(cluster: Cluster) -> Cluster:
    """The same cluster as if its input had been sorted."""
    return evolve(
        cluster,
        workloads=tuple(sorted(cluster.workloads.values(), key=repr)),
        services=tuple(sorted(map(_backends_in_order, cluster.services), key=repr)),
        gateways=tuple(sorted(cluster.gateways, key=repr)),
        destination_rules=tuple(sorted(cluster.destination_rules, key=repr)),
    )


def _backends_in_order(service: Service) -> Service:
    return evolve(service, backends=tuple(sorted(service.backends, key=repr)))


@given(items=dumps, seed=st.integers())
def test_the_order_of_objects_is_irrelevant(items: list[dict[str, Any]], seed: int) -> None:
    shuffled = random.Random(seed).sample(items, len(items))
    (cluster,), (other,) = read(a_list(items)), read(a_list(shuffled))
    assert in_order(cluster) == in_order(other)


@given(data=PLAIN)
@example(data={"kind": "List", "items": None})
@example(data={"workloads": {"a": {"status": 1}}, "services": [[]]})
def test_arbitrary_decoded_data_raises_only_our_errors(data: Any) -> None:
    with suppress(MeshError):
        read(data)
    with suppress(MeshError):
        read([data])


@given(items=st.lists(broken(), max_size=3))
def test_an_object_that_is_broken_somewhere_raises_only_our_errors(items: list[dict[str, Any]]) -> None:
    with suppress(MeshError):
        read(items)


@given(text=st.text() | st.text(alphabet="{}[]:,-\n &*!|>'\"ab#%?<=1.", max_size=60))
@example(text="- - - -\n")
@example(text="? [a]\n: b\n")
@example(text="--- : x\n--- : y\n")
@example(text="<<: <<\n")
def test_arbitrary_text_raises_only_our_errors(text: str) -> None:
    with suppress(MeshError):
        read("-", stdin=io.StringIO(text))


@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_raise_only_our_errors(data: bytes) -> None:
    with suppress(MeshError):
        read("-", stdin=io.BytesIO(data))


@settings(max_examples=20)
@given(depth=st.integers(1, MAX_DEPTH - 4))
def test_any_depth_up_to_the_bound_is_read(depth: int) -> None:
    text = "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nspec: " + "[" * depth + "]" * depth
    assert list(from_text(text).nodes) == ["n"]
