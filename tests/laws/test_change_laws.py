"""Laws of changes: each is what a dump edited by hand gives; twice is once; and far away it changes nothing.

The dumps are plain objects, and the hand that edits them shares no code with what it checks.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

from hypothesis import assume, given
from hypothesis import strategies as st

from meshtier.endpoint import Health
from meshtier.kube import load
from meshtier.mesh import Mesh
from meshtier.profile import PROFILES

Json = dict[str, Any]
Dump = dict[str, list[Json]]
"""The objects of each cluster."""

ZONES: Final = {"ra": ("ra-1", "ra-2"), "rb": ("rb-1",)}
NETWORKS: Final = {"east": "net-e", "west": "net-w"}
OTHER: Final = {"east": "west", "west": "east"}


def topology(**labels: str) -> dict[str, str]:
    keys = {"network": "topology.istio.io/network", "cluster": "topology.istio.io/cluster"}
    return {keys.get(key, f"topology.kubernetes.io/{key}"): value for key, value in labels.items()}


def labelled(found: Json, labels: Mapping[str, str]) -> Json:
    found["metadata"]["labels"] = {**found["metadata"].get("labels", {}), **labels}
    return found


def a_node(name: str, region: str, zone: str) -> Json:
    return labelled(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}, topology(region=region, zone=zone)
    )


def a_pod(name: str, node: str, address: str, labels: Mapping[str, str], *, ready: bool) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": dict(labels)},
        "spec": {"nodeName": node},
        "status": {
            "phase": "Running",
            "podIP": address,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def an_endpoint(pod: Json) -> Json:
    ready = pod["status"]["conditions"][0]["status"] == "True"
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"], "namespace": "shop"},
    }


def an_entry(name: str, locality: str, labels: Mapping[str, str]) -> Json:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {"name": name, "namespace": "shop", "labels": dict(labels)},
        "spec": {"address": f"172.16.0.{len(name)}", "locality": locality},
    }


def a_service(name: str, settings: Mapping[str, Any], labels: Mapping[str, str]) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "labels": dict(labels)},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}], **settings},
    }


def a_service_entry(localities: list[str]) -> Json:
    ends = [{"address": f"203.0.113.{number}", "locality": at} for number, at in enumerate(localities)]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "out", "namespace": "shop"},
        "spec": {"hosts": ["out.example.com"], "resolution": "STATIC", "endpoints": ends, "ports": [{"number": 443}]},
    }


def a_gateway(name: str, kind: str, labels: Mapping[str, str], address: str) -> Json:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": "istio-gateways", "labels": dict(labels)},
        "spec": {"gatewayClassName": kind, "listeners": [{"port": 15008, "protocol": "HBONE"}]},
        "status": {"addresses": [{"type": "IPAddress", "value": address}]},
    }


@st.composite
def dumps(draw: st.DrawFn) -> Dump:
    """One or two clusters with the Services web, of EndpointSlices, and api, by its selector alone."""
    made: Dump = {}
    scope = draw(st.sampled_from([{}, {"solo.io/service-scope": "global"}]))
    modes = [{}, {"trafficDistribution": "PreferClose"}, {"trafficDistribution": "PreferSameZone"}]
    settings = draw(st.sampled_from([*modes, {"internalTrafficPolicy": "Local"}]))
    for number, name in enumerate(("east", "west")[: draw(st.integers(1, 2))]):
        system = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}
        objects = [labelled(system, topology(network=NETWORKS[name], cluster=name))]
        places = [(region, zone) for region, zones in ZONES.items() for zone in zones]
        chosen = draw(st.lists(st.sampled_from(places), min_size=1, max_size=3))
        nodes = [a_node(f"{name}-{at}", *place) for at, place in enumerate(chosen)]
        pods = [
            a_pod(
                f"{app}-{at}",
                draw(st.sampled_from(nodes))["metadata"]["name"],
                f"10.{number}.{len(app)}.{at}",
                {"app": app},
                ready=app == "client" or draw(st.integers(0, 3)) > 0,
            )
            for app, most in (("client", 2), ("web", 4), ("api", 3))
            for at in range(draw(st.integers(1 if app == "client" else 0, most)))
        ]
        if draw(st.booleans()):
            nodes[0]["metadata"]["labels"] = {
                key.replace("topology.kubernetes.io", "failure-domain.beta.kubernetes.io"): value
                for key, value in nodes[0]["metadata"]["labels"].items()
            }
        lost = a_pod("web-lost", draw(st.sampled_from(["nowhere", ""])), f"10.{number}.9.9", {"app": "web"}, ready=True)
        pods += [lost] if draw(st.integers(0, 3)) == 0 else []
        objects += [*nodes, *pods]
        entries = draw(st.lists(st.sampled_from(["ra/ra-1", "rb/rb-1", "rc/rc-1"]), max_size=2))
        objects += [an_entry(f"vm{'x' * at}", where, {"app": "web"}) for at, where in enumerate(entries)]
        objects += [a_service(app, settings, scope) for app in ("web", "api")]
        behind = [an_endpoint(pod) for pod in pods if pod["metadata"]["labels"]["app"] == "web"]
        sliced = {"name": "web-x", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}}
        objects.append(
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": sliced, "endpoints": behind}
        )
        objects.append(
            a_service_entry(draw(st.lists(st.sampled_from(["ra/ra-1", "rb/rb-1"]), max_size=2, unique=True)))
        )
        own = topology(network=NETWORKS[name], region="ra", zone="ra-1")
        objects.append(a_gateway("eastwest", "istio-east-west", own, f"192.0.2.{number}"))
        peer = topology(network=NETWORKS[OTHER[name]], cluster=OTHER[name], region="rb", zone="rb-1")
        objects.append(a_gateway(f"peer-{OTHER[name]}", "istio-remote", peer, f"192.0.2.{1 - number}"))
        made[name] = objects
    return made


GATEWAY_NAME: Final = "gateway.networking.k8s.io/gateway-name"


@st.composite
def dumps_with_gateway_pods(draw: st.DrawFn) -> Dump:
    """The same with a waypoint for web, and pods of it and of the east-west gateway, with or without their Service."""
    made: Dump = draw(dumps())
    for number, objects in enumerate(made.values()):
        nodes = [each["metadata"]["name"] for each in objects if each["kind"] == "Node"]
        for at, (gateway, namespace) in enumerate((("eastwest", "istio-gateways"), ("waypoint", "shop"))):
            labels = {GATEWAY_NAME: gateway}
            for pod in range(draw(st.integers(0, 2))):
                address = f"10.{number}.{20 + at}.{pod}"
                one = a_pod(
                    f"{gateway}-{pod}", draw(st.sampled_from(nodes)), address, labels, ready=draw(st.booleans())
                )
                one["metadata"]["namespace"] = namespace
                objects.append(one)
            if draw(st.booleans()):
                service = a_service(gateway, {"selector": labels}, {})
                service["metadata"]["namespace"] = namespace
                objects.append(service)
        waypoint = a_gateway("waypoint", "istio-waypoint", {"istio.io/waypoint-for": "service"}, f"10.{number}.99.1")
        waypoint["metadata"]["namespace"] = "shop"
        objects.append(waypoint)
        if draw(st.booleans()):
            for each in objects:
                if each["kind"] == "Service" and each["metadata"]["name"] == "web":
                    labelled(each, {"istio.io/use-waypoint": "waypoint"})
    return made


def read(dump: Dump) -> Mesh:
    return load(clusters={name: [{"apiVersion": "v1", "kind": "List", "items": each}] for name, each in dump.items()})


def answers(mesh: Mesh) -> list[Any]:
    return [route.to_dict() for route in mesh.routes()]


def same(changed: Mesh, by_hand: Dump) -> None:
    """That both are equal, as values and in every answer."""
    expected = read(by_hand)
    for one, other in zip(changed.clusters, expected.clusters, strict=True):
        assert list(one.workloads.values()) == list(other.workloads.values())
        assert one == other
    assert answers(changed) == answers(expected)


def kept(dump: Dump, stays: Callable[[Json], bool], endpoint_stays: Callable[[Json], bool]) -> Dump:
    """The dump without some objects and some endpoints of its EndpointSlices."""
    made = {name: [each for each in deepcopy(objects) if stays(each)] for name, objects in dump.items()}
    for objects in made.values():
        for each in objects:
            if each["kind"] == "EndpointSlice":
                each["endpoints"] = [one for one in each["endpoints"] if endpoint_stays(one)]
    return made


def label_of(node: Json, label: str) -> str:
    """The region or zone of a node, whose labels may be of old."""
    (value,) = (value for name, value in node["metadata"]["labels"].items() if name.endswith(f"/{label}"))
    return str(value)


def without_place(dump: Dump, label: str, value: str, locality: Callable[[str], bool]) -> Dump:
    """The dump without the nodes of this label, and the entries at these localities."""
    nodes = {
        each["metadata"]["name"]
        for objects in dump.values()
        for each in objects
        if each["kind"] == "Node" and label_of(each, label) == value
    }

    def stays(each: Json) -> bool:
        match each["kind"]:
            case "Node":
                return each["metadata"]["name"] not in nodes
            case "Pod":
                return each["spec"]["nodeName"] not in nodes
            case "WorkloadEntry":
                return not locality(each["spec"]["locality"])
            case "ServiceEntry":
                ends = each["spec"]["endpoints"]
                each["spec"]["endpoints"] = [one for one in ends if not locality(one["locality"])]
                return True
            case _:
                return True

    return kept(dump, stays, lambda endpoint: endpoint["nodeName"] not in nodes)


def known(dump: Dump, kind: str) -> list[Json]:
    return [each for objects in dump.values() for each in objects if each["kind"] == kind]


def zones_of(dump: Dump) -> list[str]:
    return sorted({label_of(each, "zone") for each in known(dump, "Node")})


@given(dump=dumps(), data=st.data())
def test_a_zone_that_is_gone_is_a_dump_without_it(dump: Dump, data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(zones_of(dump)))
    same(read(dump).without(zone=zone), without_place(dump, "zone", zone, lambda at: at.endswith(f"/{zone}")))


@given(dump=dumps(), data=st.data())
def test_a_region_that_is_gone_is_a_dump_without_it(dump: Dump, data: st.DataObject) -> None:
    region = data.draw(st.sampled_from(zones_of(dump))).partition("-")[0]
    same(
        read(dump).without(region=region),
        without_place(dump, "region", region, lambda at: at.startswith(f"{region}/")),
    )


@given(dump=dumps(), data=st.data())
def test_a_node_that_is_gone_is_a_dump_without_it(dump: Dump, data: st.DataObject) -> None:
    """One that only pods speak of too."""
    cluster = data.draw(st.sampled_from(sorted(dump)))
    own = {cluster: dump[cluster]}
    names = {each["metadata"]["name"] for each in known(own, "Node")}
    names |= {each["spec"]["nodeName"] for each in known(own, "Pod")} - {""}
    node = data.draw(st.sampled_from(sorted(names)))
    one = kept(
        own,
        lambda each: node not in (each["metadata"]["name"], each.get("spec", {}).get("nodeName")),
        lambda endpoint: endpoint["nodeName"] != node,
    )
    same(read(dump).without(node=f"{cluster}/{node}"), {**dump, **one})


@given(dump=dumps(), data=st.data())
def test_a_pod_that_is_gone_is_a_dump_without_it(dump: Dump, data: st.DataObject) -> None:
    cluster = data.draw(st.sampled_from(sorted(dump)))
    pod = data.draw(st.sampled_from(known({cluster: dump[cluster]}, "Pod")))["metadata"]["name"]
    one = kept(
        {cluster: dump[cluster]},
        lambda each: not (each["kind"] == "Pod" and each["metadata"]["name"] == pod),
        lambda endpoint: endpoint["targetRef"]["name"] != pod,
    )
    same(read(dump).without(workload=f"{cluster}/shop/{pod}"), {**dump, **one})


@given(dump=dumps())
def test_a_cluster_that_is_gone_is_a_mesh_without_its_dump_and_the_gateways_to_it(dump: Dump) -> None:
    by_hand = kept(
        {name: objects for name, objects in dump.items() if name != "west"},
        lambda each: each["metadata"].get("labels", {}).get("topology.istio.io/cluster") != "west",
        lambda _: True,
    )
    same(read(dump).without(cluster="west"), by_hand)


@given(dump=dumps_with_gateway_pods(), data=st.data())
def test_a_gateway_that_is_gone_is_a_dump_without_it_its_pods_and_what_others_call_it(
    dump: Dump, data: st.DataObject
) -> None:
    """Of a waypoint the pods alone."""
    cluster = data.draw(st.sampled_from(sorted(dump)))
    name = data.draw(st.sampled_from(["istio-gateways/eastwest", "shop/waypoint"]))
    namespace, _, short = name.partition("/")
    address = f"192.0.2.{sorted(NETWORKS).index(cluster)}"
    pods = [each for each in known({cluster: dump[cluster]}, "Pod") if is_of(each, namespace, short)]
    assume(pods or short == "eastwest")

    def stays(each: Json) -> bool:
        return each["kind"] != "Gateway" or bool(each["status"]["addresses"][0]["value"] != address)

    by_hand = kept(dump, stays if short == "eastwest" else lambda _: True, lambda _: True)
    by_hand[cluster] = [each for each in by_hand[cluster] if not is_of(each, namespace, short)]
    same(read(dump).without(gateway=f"{cluster}/{name}"), by_hand)


def is_of(each: Json, namespace: str, gateway: str) -> bool:
    """Whether an object is a pod of this Gateway."""
    labels = each["metadata"].get("labels", {})
    is_there = each["metadata"].get("namespace") == namespace
    return bool(each["kind"] == "Pod" and is_there and labels.get(GATEWAY_NAME) == gateway)


@given(dump=dumps_with_gateway_pods(), data=st.data())
def test_a_zone_that_is_gone_takes_the_pods_of_gateways_and_waypoints(dump: Dump, data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(zones_of(dump)))
    same(read(dump).without(zone=zone), without_place(dump, "zone", zone, lambda at: at.endswith(f"/{zone}")))


@given(dump=dumps_with_gateway_pods(), data=st.data())
def test_a_pod_that_is_put_over_another_is_where_it_says(dump: Dump, data: st.DataObject) -> None:
    """The pods of gateways and waypoints too."""
    cluster = data.draw(st.sampled_from(sorted(dump)))
    own = {cluster: dump[cluster]}
    pod = deepcopy(data.draw(st.sampled_from(known(own, "Pod"))))
    pod["spec"]["nodeName"] = data.draw(st.sampled_from(known(own, "Node")))["metadata"]["name"]
    by_hand = [pod if key(each) == key(pod) else each for each in dump[cluster]]
    same(read(dump).with_objects(clusters={cluster: pod}), {**dump, cluster: by_hand})


def bare(each: Json) -> Json:
    """A ServiceEntry without the endpoints that stand in it."""
    return each if each["kind"] != "ServiceEntry" else {**each, "spec": {**each["spec"], "endpoints": []}}


@given(dump=dumps())
def test_a_network_that_is_gone_is_a_dump_without_it_and_the_gateways_to_it(dump: Dump) -> None:
    network = NETWORKS["west"]
    there = {"Node", "Pod", "WorkloadEntry"}
    by_hand = kept(
        {
            name: [
                bare(each) if name == "west" else each
                for each in objects
                if name != "west" or each["kind"] not in there
            ]
            for name, objects in dump.items()
        },
        lambda each: each["kind"] != "Gateway" or each["metadata"]["labels"]["topology.istio.io/network"] != network,
        lambda endpoint: endpoint["addresses"][0].startswith("10.0."),
    )
    same(read(dump).without(network=network), by_hand)


@given(dump=dumps(), data=st.data(), health=st.sampled_from([Health.HEALTHY, Health.UNHEALTHY]))
def test_a_health_is_a_condition_of_the_pod_and_of_its_endpoints(
    dump: Dump, data: st.DataObject, health: Health
) -> None:
    cluster = data.draw(st.sampled_from(sorted(dump)))
    pod = data.draw(st.sampled_from(known({cluster: dump[cluster]}, "Pod")))["metadata"]["name"]
    by_hand = deepcopy(dump)
    for each in by_hand[cluster]:
        if each["kind"] == "Pod" and each["metadata"]["name"] == pod:
            each["status"]["conditions"][0]["status"] = "True" if health is Health.HEALTHY else "False"
        for endpoint in each.get("endpoints", ()):
            if endpoint["targetRef"]["name"] == pod:
                endpoint["conditions"]["ready"] = health is Health.HEALTHY
    same(read(dump).with_health(f"{cluster}/shop/{pod}", health), by_hand)


@given(dump=dumps(), mode=st.sampled_from(["Any", "PreferNetwork", "PreferClose", "PreferSameNode"]))
def test_a_mode_is_an_annotation_and_no_field(dump: Dump, mode: str) -> None:
    by_hand = deepcopy(dump)
    for each in known(by_hand, "Service"):
        if each["metadata"]["name"] == "web":
            each["spec"].pop("trafficDistribution", None)
            each["metadata"]["annotations"] = {"networking.istio.io/traffic-distribution": mode}
    same(read(dump).with_distribution("web.shop", mode), by_hand)


@given(dump=dumps(), replicas=st.integers(0, 7), app=st.sampled_from(["web", "api"]))
def test_scaling_is_pods_less_or_copies_more(dump: Dump, replicas: int, app: str) -> None:
    """Those that are not ready go first, then the last; copies come of the ready ones, again from the first."""
    pods = [each for each in known({"east": dump["east"]}, "Pod") if each["metadata"]["labels"]["app"] == app]
    ready = [each for each in pods if each["status"]["conditions"][0]["status"] == "True"]
    unready = [each for each in pods if each not in ready]
    assume(pods or not replicas)
    by_hand = deepcopy(dump)
    gone = {each["metadata"]["name"] for each in [*ready, *unready][replicas:]}
    copies: list[Json] = []
    for number in range(replicas - len(pods)):
        models = ready or pods
        copy = deepcopy(models[number % len(models)])
        copy["metadata"]["name"] += f"-copy-{number // len(models) + 1}"
        copy["status"]["podIP"] = f"198.18.0.{number + 1}"
        copy["status"]["conditions"][0]["status"] = "True"
        copies.append(copy)
    one = kept(
        {"east": by_hand["east"]},
        lambda each: each["metadata"]["name"] not in gone,
        lambda endpoint: endpoint["targetRef"]["name"] not in gone,
    )["east"]
    for each in one:
        if each["kind"] == "EndpointSlice" and app == "web":
            each["endpoints"] += map(an_endpoint, copies)
    same(read(dump).scaled(f"east/shop/{app}", replicas), {**by_hand, "east": [*one, *copies]})


CHANGES: Final[Mapping[str, Callable[[Mesh], Mesh]]] = {
    "zone": lambda mesh: mesh.without(zone="ra/ra-1"),
    "region": lambda mesh: mesh.without(region="rb"),
    "network": lambda mesh: mesh.without(network="net-w"),
    "cluster": lambda mesh: mesh.without(cluster="west"),
    "node": lambda mesh: mesh.without(node="east-0"),
    "workload": lambda mesh: mesh.without(workload="east/shop/client-0"),
    "gateway": lambda mesh: mesh.without(gateway="peer-west"),
    "scale": lambda mesh: mesh.scaled("east/shop/web", 1),
    "mode": lambda mesh: mesh.with_distribution("web.shop", "PreferRegion"),
    "health": lambda mesh: mesh.with_health("east/shop/client-0", Health.UNHEALTHY),
}


@given(dump=dumps(), name=st.sampled_from(sorted(CHANGES)))
def test_a_change_made_twice_is_made_once_and_shares_what_it_leaves(dump: Dump, name: str) -> None:
    places = {"zone": "ra-1" in zones_of(dump), "region": "rb-1" in zones_of(dump)}
    web = [each for each in known({"east": dump["east"]}, "Pod") if each["metadata"]["labels"]["app"] == "web"]
    assume(places.get(name, True) and (name != "scale" or web))
    mesh = read(dump)
    once = CHANGES[name](mesh)
    twice = CHANGES[name](once)
    assert all(one is other for one, other in zip(once.clusters, twice.clusters, strict=True))
    before = {id(each) for cluster in mesh.clusters for each in (*cluster.services, *cluster.workloads.values())}
    former = {cluster.name: cluster for cluster in mesh.clusters}
    for cluster in once.clusters:
        for new in (*cluster.services, *cluster.workloads.values()):
            if id(new) not in before:  # then it differs
                old = former[cluster.name]
                assert new not in (*old.services, *old.workloads.values())


@given(dump=dumps(), profile=st.sampled_from(list(PROFILES.values())))
def test_what_no_client_reaches_changes_no_route(dump: Dump, profile: Any) -> None:
    """A Service that nobody asks for gets pods, loses them, and has a mode of its own."""
    far = [
        a_node("far", "rz", "rz-1"),
        a_pod("far-0", "far", "10.9.9.9", {"app": "far"}, ready=True),
        a_service("far", {}, {}),
    ]
    mesh = read({**dump, "east": [*dump["east"], *far]})
    hosts = [host for host in mesh.hosts(profile=profile) if not host.startswith("far.")]

    def routes(asked: Mesh) -> list[Any]:
        found = asked.routes(profile=profile, hosts=hosts)
        return [route.to_dict() for route in found if route.place.locality.zone != "rz-1"]

    expected = routes(mesh)
    for changed in (
        mesh.without(workload="far-0"),
        mesh.without(zone="rz-1"),
        mesh.scaled("far.shop", 3),
        mesh.with_distribution("far.shop", "PreferClose"),
        mesh.with_health("far-0", Health.UNHEALTHY),
        mesh.with_objects(clusters={"east": a_service("far", {"trafficDistribution": "PreferClose"}, {})}),
    ):
        assert routes(changed) == expected


@given(dump=dumps(), other=dumps(), data=st.data())
def test_objects_put_over_a_dump_stand_in_the_place_of_those_that_they_name(
    dump: Dump, other: Dump, data: st.DataObject
) -> None:
    """The law of `with_objects`: the objects of another dump, some without their status."""
    pool = [each for each in other["east"] if each["kind"] != "Node"]
    over = deepcopy(data.draw(st.lists(st.sampled_from(pool), max_size=6, unique_by=id)))
    bare = data.draw(st.booleans())
    status = {key(each): each["status"] for each in dump["east"] if "status" in each}
    nodes = {key(each): each["spec"]["nodeName"] for each in known({"east": dump["east"]}, "Pod")}
    for each in over:
        if bare and key(each) in status:
            each.pop("status", None)
        if each["kind"] == "Pod":  # one without a node stays where it is
            each["spec"]["nodeName"] = each["spec"]["nodeName"] or nodes.get(key(each), "")
    assume(over)
    new = {key(each): {"status": status[key(each)], **each} if key(each) in status else each for each in over}
    by_hand = [new.pop(key(each), each) for each in dump["east"]]
    same(read(dump).with_objects(clusters={"east": over}), {**dump, "east": [*by_hand, *new.values()]})


def key(each: Json) -> tuple[str, str, str]:
    return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]


@given(dump=dumps(), data=st.data())
def test_leaving_out_and_putting_over_commute_where_they_do_not_meet(dump: Dump, data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(zones_of(dump)))
    over = a_service("web", {"trafficDistribution": "PreferSameZone"}, {})
    by_hand = without_place(dump, "zone", zone, lambda at: at.endswith(f"/{zone}"))
    first = read(dump).with_objects(clusters={"east": over}).without(zone=zone)
    then = read(by_hand).with_objects(clusters={"east": over})
    assert first.clusters == then.clusters
