"""Laws of a ztunnel's dump (PLANE): it agrees with the manifests behind it, and with ztunnel's own algorithm."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hypothesis import example, given
from hypothesis import strategies as st

from meshtier.component import Component
from meshtier.kube import load
from meshtier.mesh import Mesh, Route
from meshtier.profile import PROFILES, Profile

HOST: Final = "s.a.svc.cluster.local"
SYSTEM: Final = "istio-system"
ISTIO: Final = "networking.istio.io/v1"
ANNOTATION: Final = "networking.istio.io/traffic-distribution"
LABELS: Final = {
    "region": "topology.kubernetes.io/region",
    "zone": "topology.kubernetes.io/zone",
    "subzone": "topology.istio.io/subzone",
}
Object = dict[str, Any]

parts = st.sampled_from(["", "a", "b"])
profiles = st.sampled_from(list(PROFILES.values()))

# What istiod tells ztunnel of each mode, from istio/istio ambient/services.go, constructService, at 86c9f01, and from
# the tables of MODE and TIER-4 for what it does not know or no longer does.
LISTS: Final[Mapping[str, Sequence[str]]] = {
    "Any": [],
    "PreferNetwork": ["Network"],
    "PreferRegion": ["Network", "Region"],
    "PreferClose": ["Network", "Region", "Zone"],
    "PreferSameZone": ["Network", "Region", "Zone"],
    "PreferSameNode": ["Network", "Region", "Zone", "Subzone", "Node"],
}
OLD_LIST: Final = ["Network", "Region", "Zone", "Subzone"]
SPEC_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "solo": ["PreferClose", "PreferSameZone"],
    "istio-1.24": ["PreferClose"],
    "istio-1.27": ["PreferClose", "PreferSameZone", "PreferSameNode"],
    "istio-1.30": ["PreferClose", "PreferSameZone", "PreferSameNode"],
    "istio-1.31": ["PreferClose", "PreferSameZone", "PreferSameNode"],
}


def meta(name: str, **more: object) -> Object:
    return {"name": name, "namespace": "a", **more}


@st.composite
def small_meshes(draw: st.DrawFn) -> tuple[list[Object], list[Object]]:
    """Nodes, pods and WorkloadEntries of one cluster as Kubernetes has them, and as its ztunnels are told of them."""
    network = draw(st.sampled_from(["", "net-1"]))
    system = {"topology.istio.io/cluster": "east", **({"topology.istio.io/network": network} if network else {})}
    objects: list[Object] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": meta(SYSTEM, labels=system)}]
    workloads: list[Object] = []
    places = draw(st.lists(st.fixed_dictionaries(dict.fromkeys(LABELS, parts)), min_size=1, max_size=4))
    for number, place in enumerate(places):
        labels = {LABELS[key]: part for key, part in place.items() if part}
        objects.append({"apiVersion": "v1", "kind": "Node", "metadata": meta(f"n{number}", labels=labels)})

    def add_pod(name: str, app: str, *, ready: bool, deleted: bool) -> None:
        node = draw(st.integers(0, len(places) - 1))
        address = f"10.0.0.{len(workloads)}"
        gone = {"deletionTimestamp": "2024-01-01T00:00:00Z"} if deleted else {}
        conditions = [{"type": "Ready", "status": str(ready)}]
        objects.append(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": meta(name, labels={"app": app}, **gone),
                "spec": {"nodeName": f"n{node}"},
                "status": {"phase": "Running", "podIP": address, "conditions": conditions},
            }
        )
        workloads.append(
            {
                "uid": f"east//Pod/a/{name}",
                "name": name,
                "namespace": "a",
                "workloadIps": [address],
                "network": network,
                "node": f"n{node}",
                "locality": places[node],
                "clusterId": "east",
                "status": "Healthy" if ready and not deleted else "Unhealthy",
            }
        )

    def add_entry(name: str) -> None:
        place, weight = draw(st.fixed_dictionaries(dict.fromkeys(LABELS, parts))), draw(st.integers(0, 3))
        elsewhere, address = draw(st.sampled_from(["", "net-1", "net-2"])), f"10.0.0.{len(workloads)}"
        spec = {
            "address": address,
            "network": elsewhere,
            "locality": "/".join(place[key] for key in LABELS),
            "weight": weight,
        }
        objects.append(
            {
                "apiVersion": ISTIO,
                "kind": "WorkloadEntry",
                "metadata": meta(name, labels={"app": "x"}),
                "spec": spec,
            }
        )
        workloads.append(
            {
                "uid": f"east/networking.istio.io/WorkloadEntry/a/{name}",
                "name": name,
                "namespace": "a",
                "workloadIps": [address],
                "network": elsewhere or network,
                "locality": place,
                "clusterId": "east",
                "status": "Healthy",
                "capacity": weight or 1,
            }
        )

    add_pod("client", "y", ready=True, deleted=False)
    for number in range(draw(st.integers(0, 4))):
        add_pod(f"p{number}", "x", ready=draw(st.booleans()), deleted=draw(st.integers(0, 5)) == 0)
    for number in range(draw(st.integers(0, 3))):
        add_entry(f"e{number}")
    return objects, workloads


@st.composite
def settings_of(draw: st.DrawFn, profile: Profile) -> tuple[Object, Object]:
    """A Service's settings under a profile, and what a ztunnel is told of them."""
    unready = draw(st.booleans())
    spec: Object = {"selector": {"app": "x"}, "publishNotReadyAddresses": unready}
    metadata = meta("s")
    mode, words = "Failover", []
    way = draw(st.sampled_from(["nothing", "local", "spec", "annotation"]))
    if way == "local":
        spec["internalTrafficPolicy"], mode, words = "Local", "Strict", ["Node"]
    elif way != "nothing":
        of_solo = profile.name == "solo" and way == "annotation"
        word = draw(st.sampled_from(list(LISTS) if of_solo else SPEC_WORDS[profile.name]))
        words = list(OLD_LIST if profile.name == "istio-1.24" else LISTS[word])
        if way == "spec":
            spec["trafficDistribution"] = word
        else:
            metadata["annotations"] = {ANNOTATION: word.upper()}
    policy = "AllowAll" if unready else "OnlyHealthy"
    balancer = {"mode": mode if words else "Standard", "routingPreferences": words, "healthPolicy": policy}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}, balancer


def dump_of(workloads: Sequence[Object], balancer: object, behind: Sequence[Object]) -> Mesh:
    endpoints = {one["uid"]: {"workloadUid": one["uid"], "port": {"80": 80}} for one in behind}
    service = {
        "name": "s",
        "namespace": "a",
        "hostname": HOST,
        "vips": ["/10.1.0.1"],
        "ports": {"80": 80},
        "endpoints": endpoints,
        "loadBalancer": balancer,
    }
    return load({"workloads": workloads, "services": [service], "policies": [], "certificates": []})


def route_in(mesh: Mesh, profile: Profile) -> Route:
    return mesh.route("a/client", HOST, component=Component.ZTUNNEL, profile=profile)


def tiers_of(route: Route) -> Mapping[int, set[str]]:
    return {tier.number: {endpoint.id for endpoint in tier.endpoints} for tier in route.tiers}


@given(mesh=small_meshes(), profile=profiles, data=st.data())
def test_a_kubectl_dump_and_a_ztunnel_dump_of_one_mesh_agree(
    mesh: tuple[list[Object], list[Object]], profile: Profile, data: st.DataObject
) -> None:
    objects, workloads = mesh
    service, balancer = data.draw(settings_of(profile))
    manifests = route_in(load([*objects, service]), profile)
    told = route_in(dump_of(workloads, balancer, [one for one in workloads if one["name"] != "client"]), profile)
    assert tiers_of(told) == tiers_of(manifests)
    assert dict(told.shares) == dict(manifests.shares)
    assert told.reason == manifests.reason


WORDS: Final = ("Network", "Region", "Zone", "Subzone", "Node", "Cluster")
workloads_of_a_dump = st.fixed_dictionaries(
    {
        "network": parts,
        "locality": st.fixed_dictionaries(dict.fromkeys(LABELS, parts)),
        "node": parts,
        "clusterId": st.sampled_from(["east", "west"]),
        "status": st.sampled_from(["Healthy", "Healthy", "Unhealthy"]),
        "capacity": st.integers(0, 3),
        "workloadIps": st.sampled_from([["10.0.0.1"], ["10.0.0.1"], []]),
    }
)


def compared(workload: Object) -> Mapping[str, str]:
    own = {word.title(): part for word, part in workload["locality"].items()}
    return {**own, "Network": workload["network"], "Node": workload["node"], "Cluster": workload["clusterId"]}


def ranks_by_ztunnel(client: Object, others: Sequence[Object], balancer: Object, *, ranked: bool) -> dict[str, int]:
    """The rank of each endpoint that can be chosen, the best the highest.

    Written from istio/ztunnel src/state.rs, load_balance, as it was at 0b09310 and is, *ranked*, at 62d8265.
    """
    words = [] if balancer["mode"] == "Standard" else balancer["routingPreferences"]
    network_is_preferred = ranked and words[:1] == ["Network"]
    ranks: dict[str, int] = {}
    for one in others:
        if not one["workloadIps"] or (one["status"] == "Unhealthy" and balancer["healthPolicy"] == "OnlyHealthy"):
            continue
        here, there = compared(client), compared(one)
        is_preferred = network_is_preferred and here["Network"] == there["Network"]
        # Where the network is preferred and differs, it is as if it did not stand in the list.
        asked = [word for word in words if not (network_is_preferred and not is_preferred and word == "Network")]
        matched = next((n for n, word in enumerate(asked) if here[word] != there[word]), len(asked))
        if balancer["mode"] == "Strict" and matched < len(words):
            continue
        ranks[one["name"]] = matched + (len(words) - 1 if is_preferred else 0)
    return ranks


def shares_by_ztunnel(others: Sequence[Object], ranks: Mapping[str, int]) -> dict[str, float]:
    best = [one for one in others if one["name"] in ranks and ranks[one["name"]] == max(ranks.values())]
    total = sum(one["capacity"] for one in best)
    return {one["name"]: one["capacity"] / total for one in best if one["capacity"]} if total else {}


@given(
    found=st.lists(workloads_of_a_dump, min_size=1, max_size=8),
    mode=st.sampled_from(["Standard", "Failover", "Failover", "Strict"]),
    words=st.lists(st.sampled_from(WORDS), max_size=6),
    policy=st.sampled_from(["OnlyHealthy", "AllowAll"]),
    profile=profiles,
)
@example(
    found=[
        {
            "network": network,
            "locality": {"region": region, "zone": "a", "subzone": ""},
            "node": "",
            "clusterId": "east",
            "status": "Healthy",
            "capacity": 1,
            "workloadIps": ["10.0.0.1"],
        }
        for network, region in [("a", "a"), ("b", "a"), ("b", "b")]
    ],
    mode="Failover",
    words=["Region", "Zone"],
    policy="OnlyHealthy",
    profile=PROFILES["solo"],
)
def test_a_dump_is_answered_as_its_ztunnel_would(
    found: list[Object], mode: str, words: list[str], policy: str, profile: Profile
) -> None:
    names = ["client", *(f"p{number}" for number in range(1, len(found)))]
    workloads = [
        {**one, "name": name, "namespace": "a", "uid": f"{one['clusterId']}//Pod/a/{name}"}
        for name, one in zip(names, found, strict=True)
    ]
    client, *others = workloads
    balancer = {"mode": mode, "routingPreferences": words, "healthPolicy": policy}
    route = route_in(dump_of(workloads, balancer, others), profile)
    ranks = ranks_by_ztunnel(client, others, balancer, ranked=profile.name == "istio-1.31")

    def short(identifier: str) -> str:
        return identifier.rpartition("/")[2]

    told = {short(endpoint.id): tier.number for tier in route.tiers for endpoint in tier.endpoints}
    assert told.keys() == ranks.keys()
    # ztunnel counts from below, and meshtier from P0: whatever the distance, it is the same for all.
    assert len({told[name] + ranks[name] for name in told}) <= 1
    assert {short(name): share for name, share in route.shares.items() if share} == shares_by_ztunnel(others, ranks)
