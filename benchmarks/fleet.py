"""Fleets to measure on: endpoints in space, and clusters with services and pods, all made from a seed.

Everything here is the same for the same seed, on any machine.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from random import Random
from typing import Any, Final
from zlib import crc32

from attrs import field, frozen

from meshtier import Endpoint, Health, Locality

REGIONS: Final = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-south-1", "ap-northeast-1")
MODES: Final = ("", "PreferClose", "PreferSameZone", "PreferNetwork", "PreferRegion", "PreferSameNode", "Any")
PORT: Final = 80
"""What every service serves."""
WAYPOINT: Final = "waypoint"
"""The name of the one waypoint, in the namespace `INFRASTRUCTURE`."""
INFRASTRUCTURE: Final = "infrastructure"

Json = dict[str, Any]
PodSpot = tuple[int, int, int, bool]
"""A pod: the number of its cluster, of its node there, its own in the fleet, and whether it is ready."""


@frozen(kw_only=True)
class Shape:
    """How a set of endpoints lies in space, at any number of endpoints.

    Attributes:
        name: What the table calls it.
        places: How many places *n* endpoints have: at most this many.
        each: How many endpoints a place has at least, on average.
        networks: How many networks the places are dealt out to.
    """

    name: str
    places: int = 10**9
    each: int = 1
    networks: int = 1

    def localities(self, endpoints: int) -> list[Locality]:
        """The places of this many endpoints."""
        return [self._place(number) for number in range(max(1, min(self.places, endpoints // self.each)))]

    def _place(self, number: int) -> Locality:
        region = REGIONS[number % len(REGIONS)]
        zone = f"{region}{'abc'[number // len(REGIONS) % 3]}"
        return Locality(f"network-{number % self.networks}", region, zone, "", f"ip-10-0-{number >> 8}-{number & 255}")


ONE_PLACE: Final = Shape(name="one place", places=1)
TEN_PLACES: Final = Shape(name="10 places", places=10, networks=3)
PLACES: Final = Shape(name="300 places", places=300, networks=3)
TEN_EACH: Final = Shape(name="10 a place", each=10, networks=3)
NETWORKS: Final = Shape(name="1,000 places in 50 networks", places=1000, networks=50)
ALONE: Final = Shape(name="one a place", networks=3)


def endpoints_of(shape: Shape, size: int, *, seed: int = 1, weights: tuple[int, ...] = (1,)) -> list[Endpoint]:
    """*size* endpoints in that shape, nine in ten of them healthy."""
    random, places = Random(seed), shape.localities(size)
    healths = (*[Health.HEALTHY] * 9, Health.UNHEALTHY)
    return [
        Endpoint(
            f"cluster-1/shop/reviews-{random.getrandbits(40):010x}-{number:07d}",
            # Every place gets one first, so that the number of places is what the shape says.
            places[number] if number < len(places) else random.choice(places),
            weight=random.choice(weights),
            health=random.choice(healths),
        )
        for number in range(size)
    ]


@frozen(kw_only=True)
class Service:
    """A service of a fleet, and where its pods are."""

    name: str
    namespace: str
    mode: str = ""
    is_global: bool = False
    waypoint: bool = False
    pods: tuple[PodSpot, ...] = field(repr=False)

    @property
    def is_waypoint(self) -> bool:
        """Whether its pods are those of the waypoint."""
        return (self.namespace, self.name) == (INFRASTRUCTURE, WAYPOINT)


@frozen(kw_only=True)
class Fleet:
    """Clusters, each a network of its own that gateways join to the others, and services whose pods run there.

    Attributes:
        nodes: The place of every node, by cluster.
        services: What runs on them.
    """

    nodes: tuple[tuple[Locality, ...], ...] = field(repr=False)
    services: tuple[Service, ...] = field(repr=False)

    def endpoints(self, service: Service) -> list[Endpoint]:
        """The pods of a service as endpoints, wherever they are, each at its own place."""
        return [
            Endpoint(
                f"cluster-{cluster}/{service.namespace}/{pod_name(service, number)}",
                self.nodes[cluster][node],
                health=Health.HEALTHY if ready else Health.UNHEALTHY,
                cluster=f"cluster-{cluster}",
            )
            for cluster, node, number, ready in service.pods
        ]


def mixed_fleet(*, clusters: int, nodes: int, services: int, pods: int, waypoint: bool = False, seed: int = 1) -> Fleet:
    """A fleet as in life: a few services are large and most are small, in some clusters, with all modes.

    Args:
        clusters: How many.
        nodes: How many each has.
        services, pods: How many there are in all.
        waypoint: Whether every service has the waypoint, with three pods in each cluster.
        seed: What chance starts from.
    """
    random, numbers = Random(seed), count()
    # A Zipf-like fall: the k-th is 1 / k^0.8 as large as the first.
    sizes = [1 / (rank + 1) ** 0.8 for rank in range(services)]
    scale = pods / sum(sizes)
    made: list[Service] = []
    for number, size in enumerate(sizes):
        home = random.sample(range(clusters), k=random.randint(1, clusters))
        made.append(
            Service(
                name=f"service-{number}",
                namespace=f"team-{number % 40}",
                mode=random.choice(MODES),
                is_global=len(home) > 1,
                waypoint=waypoint,
                pods=tuple(
                    (random.choice(home), random.randrange(nodes), next(numbers), random.random() < 0.97)
                    for _ in range(max(1, round(size * scale)))
                ),
            )
        )
    return _fleet(clusters, nodes, made, numbers if waypoint else None)


def even_fleet(
    *,
    clusters: int = 1,
    nodes: int,
    services: int,
    pods: int,
    modes: Sequence[str] = ("PreferSameZone",),
    is_global: bool = False,
    waypoint: bool = False,
) -> Fleet:
    """A fleet in which every cluster has the same services, each with as many pods; one pod in ten is not ready.

    Args:
        clusters: How many.
        nodes, services, pods: How many each cluster has.
        modes: What the services are annotated with, in turn.
        is_global: Whether the services are.
        waypoint: Whether every service has the waypoint, with three pods in each cluster.
    """
    each, numbers = pods // services, count()
    made = [
        Service(
            name=f"service-{number}",
            namespace=f"team-{number % 40}",
            mode=modes[number % len(modes)],
            is_global=is_global,
            waypoint=waypoint,
            pods=tuple(
                (cluster, (pod + number) % nodes, next(numbers), pod % 10 != 9)
                for cluster in range(clusters)
                for pod in range(each)
            ),
        )
        for number in range(services)
    ]
    return _fleet(clusters, nodes, made, numbers if waypoint else None)


def _fleet(clusters: int, nodes: int, services: list[Service], numbers: Iterator[int] | None) -> Fleet:
    if numbers is not None:
        pods = tuple((cluster, pod % nodes, next(numbers), True) for cluster in range(clusters) for pod in range(3))
        services.append(Service(name=WAYPOINT, namespace=INFRASTRUCTURE, mode="PreferClose", pods=pods))
    return Fleet(nodes=tuple(tuple(_nodes(cluster, nodes)) for cluster in range(clusters)), services=tuple(services))


def _nodes(cluster: int, nodes: int) -> Iterator[Locality]:
    region = REGIONS[cluster % len(REGIONS)]
    for number in range(nodes):
        yield Locality(f"network-{cluster}", region, f"{region}{'abc'[number % 3]}", "", f"ip-10-{cluster}-0-{number}")


def pod_name(service: Service, number: int) -> str:
    """What a pod of a service is called."""
    return f"{service.name}-7d9c5b8f6d-{number:05d}"


def _address(cluster: int, number: int) -> str:
    return f"{10 + cluster}.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def kubernetes_dump(fleet: Fleet, cluster: int, *besides: Json) -> Json:
    """What ``kubectl get node,ns,gateway,pod,svc,endpointslice -A -o json`` gives in one cluster.

    Args:
        fleet: What there is.
        cluster: The number of the cluster.
        besides: Further objects.
    """
    items = [_namespace("istio-system", {"topology.istio.io/network": f"network-{cluster}"})]
    items += [_namespace(name, {}) for name in sorted({service.namespace for service in fleet.services})]
    items += [_node(place) for place in fleet.nodes[cluster]]
    items += [_gateway(number, places[0], is_own=number == cluster) for number, places in enumerate(fleet.nodes)]
    for service in fleet.services:
        pods = [pod for pod in service.pods if pod[0] == cluster]
        if pods:
            items.append(_service_object(service))
            items += [_pod(fleet, service, pod) for pod in pods]
            items += [_slice(fleet, service, pods[start : start + 100], start) for start in range(0, len(pods), 100)]
    items += besides
    return {"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}}


def _meta(name: str, namespace: str | None, labels: dict[str, str], annotations: dict[str, str] | None = None) -> Json:
    meta: Json = {
        "name": name,
        "uid": f"00000000-0000-4000-8000-{crc32(f'{namespace}/{name}'.encode()):012x}",
        "resourceVersion": "123456",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": labels,
        "annotations": annotations or {},
    }
    return meta if namespace is None else {**meta, "namespace": namespace}


def _gateway(cluster: int, place: Locality, *, is_own: bool) -> Json:
    labels = {
        "topology.istio.io/cluster": f"cluster-{cluster}",
        "topology.istio.io/network": place.network,
        "topology.kubernetes.io/region": place.region,
        "topology.kubernetes.io/zone": place.zone,
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": _meta(f"gateway-{cluster}", "istio-eastwest", labels),
        "spec": {"gatewayClassName": "istio-east-west" if is_own else "istio-remote"},
    }


def _namespace(name: str, labels: dict[str, str]) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": _meta(name, None, {"kubernetes.io/metadata.name": name, **labels}),
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _node(place: Locality) -> Json:
    labels = {
        "kubernetes.io/hostname": place.node,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "m6i.4xlarge",
        "topology.kubernetes.io/region": place.region,
        "topology.kubernetes.io/zone": place.zone,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": _meta(place.node, None, labels),
        "spec": {"podCIDR": "10.1.0.0/24", "providerID": f"aws:///{place.zone}/i-{place.node}"},
        "status": {
            "capacity": {"cpu": "16", "memory": "64Gi", "pods": "110"},
            "conditions": [_condition(kind, "False") for kind in ("MemoryPressure", "DiskPressure", "PIDPressure")]
            + [_condition("Ready", "True")],
            "nodeInfo": {"kubeletVersion": "v1.34.0", "osImage": "Linux", "architecture": "amd64"},
        },
    }


def _condition(kind: str, status: str) -> Json:
    return {"type": kind, "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z", "reason": "", "message": ""}


def _pod(fleet: Fleet, service: Service, pod: PodSpot) -> Json:
    cluster, node, number, ready = pod
    place, name, address = fleet.nodes[cluster][node], pod_name(service, number), _address(cluster, number)
    container = {
        "name": "app",
        "image": f"registry.example.com/{service.namespace}/{service.name}:v1.2.3",
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
        "env": [{"name": f"SETTING_{setting}", "value": "some value"} for setting in range(6)],
        "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"}, "periodSeconds": 5},
        "volumeMounts": [{"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "kube-api-access"}],
    }
    labels = {
        "app": service.name,
        "app.kubernetes.io/name": service.name,
        "pod-template-hash": "7d9c5b8f6d",
        "istio.io/dataplane-mode": "ambient",
        "topology.istio.io/network": place.network,
        **({"gateway.networking.k8s.io/gateway-name": WAYPOINT} if service.is_waypoint else {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _meta(name, service.namespace, labels, {"ambient.istio.io/redirection": "enabled"}),
        "spec": {
            "containers": [container],
            "nodeName": place.node,
            "serviceAccountName": service.name,
            "restartPolicy": "Always",
            "tolerations": [{"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists"}],
            "volumes": [{"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": []}}],
        },
        "status": {
            "phase": "Running",
            "conditions": [
                _condition(kind, str(ready)) for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
            ],
            "containerStatuses": [
                {"name": "app", "ready": ready, "restartCount": 0, "image": container["image"], "started": True}
            ],
            "hostIP": "10.0.0.1",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": "2026-01-01T00:00:00Z",
        },
    }


def _service_object(service: Service) -> Json:
    labels = {"app": service.name}
    if service.is_global:
        labels["solo.io/service-scope"] = "global"
    if service.waypoint:
        labels |= {"istio.io/use-waypoint": WAYPOINT, "istio.io/use-waypoint-namespace": INFRASTRUCTURE}
    annotations = {"networking.istio.io/traffic-distribution": service.mode} if service.mode else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(service.name, service.namespace, labels, annotations),
        "spec": {
            "clusterIP": "10.96.0.1",
            "ports": [{"name": "http", "port": PORT, "protocol": "TCP", "targetPort": "http"}],
            "selector": {"app": service.name},
            "type": "ClusterIP",
        },
    }


def _slice(fleet: Fleet, service: Service, pods: Sequence[PodSpot], start: int) -> Json:
    endpoints: list[Json] = []
    for cluster, node, number, ready in pods:
        place = fleet.nodes[cluster][node]
        target = {"kind": "Pod", "name": pod_name(service, number), "namespace": service.namespace}
        endpoints.append(
            {
                "addresses": [_address(cluster, number)],
                "conditions": {"ready": ready, "serving": ready, "terminating": False},
                "nodeName": place.node,
                "targetRef": target,
                "zone": place.zone,
            }
        )
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": _meta(
            f"{service.name}-{start:05d}",
            service.namespace,
            {"kubernetes.io/service-name": service.name},
        ),
        "endpoints": endpoints,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }
