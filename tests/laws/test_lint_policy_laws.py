"""Laws of the lint rules about DestinationRules, over small meshes of all kinds."""

from typing import Any

from hypothesis import given, reject
from hypothesis import strategies as st

from meshtier.errors import MeshError
from meshtier.kube import load
from meshtier.lint.checking import check
from meshtier.profile import PROFILES, Profile

Object = dict[str, Any]

ZONES = st.sampled_from(["a", "b", ""])
REGIONS = st.sampled_from(["r1", "r2", ""])
LABELS = st.sampled_from(
    [
        "topology.istio.io/network",
        "topology.istio.io/cluster",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
        "version",
        "version=v1",
        "a=b=c",
    ]
)
PLACES = st.sampled_from(["r1", "r2", "r9", "*", "r1/*", "r1/a", "r2/b/s"])
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "failoverPriority": st.lists(LABELS, max_size=3),
        "failover": st.lists(st.fixed_dictionaries({"from": PLACES, "to": PLACES}), max_size=2),
        "distribute": st.lists(
            st.fixed_dictionaries({"from": PLACES, "to": st.dictionaries(PLACES, st.integers(1, 100), max_size=3)}),
            max_size=2,
        ),
    },
)
BALANCERS = st.fixed_dictionaries({}, optional={"localityLbSetting": SETTINGS}) | st.sampled_from(
    [
        {"simple": "RANDOM"},
        {"simple": "PASSTHROUGH"},
        {"consistentHash": {"httpHeaderName": "x"}},
        {"zoneAwareLbSetting": {"enabled": True}},
        {"zoneAwareLbSetting": {"failoverPriority": ["version"], "failover": [{"from": "r1", "to": "r2"}]}},
    ]
)
DETECTIONS = st.fixed_dictionaries(
    {"consecutive5xxErrors": st.just(5)},
    optional={"maxEjectionPercent": st.integers(0, 100), "minHealthPercent": st.integers(0, 100)},
)
PORTS = st.fixed_dictionaries(
    {"port": st.fixed_dictionaries({"number": st.sampled_from([80, 81])}), "outlierDetection": DETECTIONS},
    optional={"loadBalancer": BALANCERS},
)
POLICIES = st.fixed_dictionaries(
    {"outlierDetection": DETECTIONS},
    optional={"loadBalancer": BALANCERS, "portLevelSettings": st.lists(PORTS, max_size=2)},
) | st.fixed_dictionaries({"loadBalancer": BALANCERS.filter(bool)})
NAMESPACES = st.sampled_from(["shop", "web", "istio-system"])
HOSTS = st.sampled_from(["s", "t", "s.shop.svc.cluster.local", "*.shop.svc.cluster.local", "x.org", "*"])


@st.composite
def rules(draw: st.DrawFn, number: int) -> Object:
    spec: Object = {"host": draw(HOSTS)}
    if draw(st.booleans()):
        spec["trafficPolicy"] = draw(POLICIES)
    subsets = [
        {"name": name, "labels": {"version": name}} for name in draw(st.sampled_from([(), ("v1",), ("v1", "v2")]))
    ]
    spec["subsets"] = [each | draw(st.sampled_from([{}]) | POLICIES.map(_as_policy)) for each in subsets]
    if draw(st.booleans()):
        spec["exportTo"] = draw(st.sampled_from([["."], ["*"], ["web"]]))
    if draw(st.integers(0, 9)) == 0:
        spec["workloadSelector"] = {"matchLabels": {"app": "c"}}
    meta = {"name": f"rule-{number}", "namespace": draw(NAMESPACES)}
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": meta, "spec": spec}


def _as_policy(policy: Object) -> Object:
    return {"trafficPolicy": policy}


@st.composite
def pods(draw: st.DrawFn, number: int) -> Object:
    labels = {"app": draw(st.sampled_from(["s", "c"]))}
    labels |= draw(st.sampled_from([{}, {"security.istio.io/tlsMode": "istio"}, {"version": "v1"}]))
    meta = {"name": f"pod-{number}", "namespace": draw(NAMESPACES), "labels": labels}
    node = draw(st.sampled_from(["n1", "n2", "n3"]))
    status = {"podIP": f"10.0.0.{number + 1}", "phase": "Running"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": node}, "status": status}


@st.composite
def meshes(draw: st.DrawFn) -> list[Object]:
    """The objects of one cluster."""
    found: list[Object] = []
    for name in ("n1", "n2", "n3"):
        labels = {"topology.kubernetes.io/region": draw(REGIONS), "topology.kubernetes.io/zone": draw(ZONES)}
        labels = {key: value for key, value in labels.items() if value}
        found.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})
    for name in ("shop", "web"):
        labels = {"istio.io/dataplane-mode": draw(st.sampled_from(["ambient", "none"]))}
        found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    labels = draw(st.sampled_from([{}, {"istio.io/use-waypoint": "w"}]))
    meta: Object = {"name": "s", "namespace": "shop", "labels": labels}
    spec: Object = {"selector": {"app": "s"}, "ports": [{"port": 80}]}
    spec |= draw(st.sampled_from([{}, {"trafficDistribution": "PreferClose"}, {"internalTrafficPolicy": "Local"}]))
    found.append({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    entry: Object = {"hosts": ["x.org"], "resolution": draw(st.sampled_from(["DNS", "STATIC", "NONE"]))}
    entry |= {"ports": [{"number": 80}], "endpoints": [{"address": "10.9.0.1", "locality": draw(PLACES)}]}
    meta = {"name": "x", "namespace": "web"}
    found.append({"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": meta, "spec": entry})
    found += [draw(pods(number)) for number in range(draw(st.integers(0, 4)))]
    found += [draw(rules(number)) for number in range(draw(st.integers(1, 3)))]
    try:
        load(found)
    except MeshError:
        reject()
    return draw(st.permutations(found))


@given(objects=meshes(), profile=st.sampled_from(sorted(PROFILES.values(), key=str)))
def test_no_rule_raises_and_each_finding_names_a_rule(objects: list[Object], profile: Profile) -> None:
    titles = {f"DestinationRule {each['metadata'].get('namespace')}/{each['metadata']['name']}" for each in objects}
    for finding in check(load(objects), profile=profile, select=["DR"]):
        assert finding.object in titles
        assert finding.message
        assert finding.instead
        assert finding.fix
        assert finding.path.startswith(("spec.", "metadata."))


@given(objects=meshes(), data=st.data())
def test_the_order_of_the_input_changes_no_finding(objects: list[Object], data: st.DataObject) -> None:
    other = data.draw(st.permutations(objects))
    assert check(load(objects), select=["DR"]) == check(load(other), select=["DR"])


@given(objects=meshes())
def test_an_object_that_no_rule_is_for_changes_no_finding(objects: list[Object]) -> None:
    apart: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "zzz", "namespace": "apart"}}
    with_it = check(load([*objects, {**apart, "spec": {"ports": [{"port": 80}]}}]), select=["DR"])
    everywhere = {each["spec"]["host"] for each in objects if each["kind"] == "DestinationRule"}
    if "*" not in everywhere:  # a rule for all hosts is for this one too
        assert with_it == check(load(objects), select=["DR"])
