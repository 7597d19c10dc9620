"""Fleets to measure on: clusters, services and endpoints made from a seed, and their dumps.

Everything here is the same for the same seed, on any machine.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from attrs import field, frozen

from meshtier.endpoint import Endpoint, Health
from meshtier.locality import Locality

REGIONS: Final = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-south-1", "ap-northeast-1")
MODES: Final = ("", "PreferClose", "PreferSameZone", "PreferNetwork", "PreferRegion", "PreferSameNode", "Any")

Json = dict[str, Any]


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
    places: int
    each: int = 3
    networks: int = 1

    def localities(self, endpoints: int) -> list[Locality]:
        """The places of this many endpoints."""
        return [self._place(number) for number in range(max(1, min(self.places, endpoints // self.each)))]

    def _place(self, number: int) -> Locality:
        region = REGIONS[number % len(REGIONS)]
        zone = f"{region}{'abc'[number // len(REGIONS) % 3]}"
        return Locality(f"network-{number % self.networks}", region, zone, "", f"ip-10-0-{number >> 8}-{number & 255}")


ONE_ZONE: Final = Shape(name="one big place", places=1)
PLACES: Final = Shape(name="300 places", places=300, networks=3)
MANY_NODES: Final = Shape(name="10 a node", places=10**9, each=10, networks=3)
MANY_NETWORKS: Final = Shape(name="50 networks", places=1000, networks=50)
SHAPES: Final = (ONE_ZONE, PLACES, MANY_NODES, MANY_NETWORKS)


def endpoints_of(shape: Shape, count: int, *, seed: int = 1, weights: tuple[int, ...] = (1,)) -> list[Endpoint]:
    """*count* endpoints in that shape, nine in ten of them healthy."""
    random, places = Random(seed), shape.localities(count)
    healths = (*[Health.HEALTHY] * 9, Health.UNHEALTHY)
    return [
        Endpoint(
            f"cluster-1/shop/reviews-{random.getrandbits(40):010x}-{number:07d}",
            # Every place gets one first, so that the number of places is what the shape says.
            places[number] if number < len(places) else random.choice(places),
            weight=random.choice(weights),
            health=random.choice(healths),
        )
        for number in range(count)
    ]


@frozen(kw_only=True)
class Service:
    """A service of a fleet and its pods, each as (cluster, node number in it, pod number, ready)."""

    name: str
    namespace: str
    mode: str
    is_global: bool
    pods: tuple[tuple[int, int, int, bool], ...]


@frozen(kw_only=True)
class Fleet:
    """Clusters with nodes, and services whose pods run there.

    Attributes:
        clusters: How many; each is a network of its own.
        nodes: The place of every node, by cluster.
        services: Most are small, and a few are large, as in life.
        client_shares: What part of all traffic starts at each place; adds up to 1.
    """

    clusters: int
    nodes: tuple[tuple[Locality, ...], ...] = field(repr=False)
    services: tuple[Service, ...] = field(repr=False)
    client_shares: dict[Locality, float] = field(repr=False, eq=False)

    @property
    def places(self) -> tuple[Locality, ...]:
        """Every distinct place of a node."""
        return tuple(place for cluster in self.nodes for place in cluster)

    def endpoints(self, service: Service) -> list[Endpoint]:
        """The pods of a service as endpoints."""
        return [
            Endpoint(
                f"cluster-{cluster}//Pod/{service.namespace}/{_pod_name(service, number)}",
                self.nodes[cluster][node],
                health=Health.HEALTHY if ready else Health.UNHEALTHY,
                cluster=f"cluster-{cluster}",
            )
            for cluster, node, number, ready in service.pods
        ]


def fleet(*, seed: int = 1, clusters: int = 3, nodes: int = 100, services: int = 1000, pods: int = 100_000) -> Fleet:
    """A fleet made from *seed*: so many nodes a cluster, and so many services and pods in all."""
    random = Random(seed)
    where = tuple(tuple(_nodes(cluster, nodes)) for cluster in range(clusters))
    # A Zipf-like fall: service k is about 1/k as large as the first.
    sizes = [1 / (rank + 1) ** 0.8 for rank in range(services)]
    scale = pods / sum(sizes)
    made = tuple(
        _service(random, number, max(1, round(size * scale)), clusters, nodes) for number, size in enumerate(sizes)
    )
    places = [place for cluster in where for place in cluster]
    raw = [random.paretovariate(1.5) for _ in places]
    shares = {place: share / sum(raw) for place, share in zip(places, raw, strict=True)}
    return Fleet(clusters=clusters, nodes=where, services=made, client_shares=shares)


def _nodes(cluster: int, count: int) -> Iterator[Locality]:
    region = REGIONS[cluster % len(REGIONS)]
    for number in range(count):
        yield Locality(f"network-{cluster}", region, f"{region}{'abc'[number % 3]}", "", f"ip-10-{cluster}-0-{number}")


def _service(random: Random, number: int, size: int, clusters: int, nodes: int) -> Service:
    home = random.sample(range(clusters), k=random.randint(1, clusters))
    return Service(
        name=f"service-{number}",
        namespace=f"team-{number % 40}",
        mode=random.choice(MODES),
        is_global=len(home) > 1,
        pods=tuple((random.choice(home), random.randrange(nodes), pod, random.random() < 0.97) for pod in range(size)),
    )


def _pod_name(service: Service, number: int) -> str:
    return f"{service.name}-7d9c5b8f6d-{number:05d}"


def _address(cluster: int, service: Service, number: int) -> str:
    host = int(service.name.rpartition("-")[2]) * 131 + number
    return f"10.{100 + cluster}.{host >> 8 & 255}.{host & 255}"


def kubernetes_dump(fleet: Fleet, cluster: int) -> Json:
    """What ``kubectl get node,ns,pod,svc,endpointslice -A -o json`` gives in one cluster."""
    items = [_namespace("istio-system", {"topology.istio.io/network": f"network-{cluster}"})]
    items += [_namespace(name, {}) for name in sorted({service.namespace for service in fleet.services})]
    items += [_node(place) for place in fleet.nodes[cluster]]
    for service in fleet.services:
        pods = [pod for pod in service.pods if pod[0] == cluster]
        if pods:
            items.append(_service_object(service))
            items += [_pod(fleet, service, pod) for pod in pods]
            items += [_slice(fleet, service, pods[start : start + 100], start) for start in range(0, len(pods), 100)]
    return {"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}}


def _meta(name: str, namespace: str | None, labels: dict[str, str], annotations: dict[str, str] | None = None) -> Json:
    meta: Json = {
        "name": name,
        "uid": f"00000000-0000-4000-8000-{Random(f'{namespace}/{name}').getrandbits(48):012x}",
        "resourceVersion": "123456",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": labels,
        "annotations": annotations or {},
    }
    return meta if namespace is None else {**meta, "namespace": namespace}


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


def _pod(fleet: Fleet, service: Service, pod: tuple[int, int, int, bool]) -> Json:
    cluster, node, number, ready = pod
    place, name, address = fleet.nodes[cluster][node], _pod_name(service, number), _address(cluster, service, number)
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
    labels = {"app": service.name, **({"solo.io/service-scope": "global"} if service.is_global else {})}
    annotations = {"networking.istio.io/traffic-distribution": service.mode} if service.mode else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(service.name, service.namespace, labels, annotations),
        "spec": {
            "clusterIP": "10.96.0.1",
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}],
            "selector": {"app": service.name},
            "type": "ClusterIP",
        },
    }


def _slice(fleet: Fleet, service: Service, pods: list[tuple[int, int, int, bool]], start: int) -> Json:
    endpoints: list[Json] = []
    for cluster, node, number, ready in pods:
        place = fleet.nodes[cluster][node]
        target = {"kind": "Pod", "name": _pod_name(service, number), "namespace": service.namespace}
        endpoints.append(
            {
                "addresses": [_address(cluster, service, number)],
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


def ztunnel_dump(fleet: Fleet) -> Json:
    """What ``istioctl ztunnel-config all -o json`` gives: all workloads and services that a ztunnel knows.

    Source: istio/istio istioctl/pkg/writer/ztunnel/configdump/api.go, ZtunnelDump, at 86c9f01.
    """
    workloads = [_workload(fleet, service, pod) for service in fleet.services for pod in service.pods]
    services = [_ztunnel_service(service) for service in fleet.services]
    return {"workloads": workloads, "services": services, "policies": [], "certificates": []}


def _uid(service: Service, pod: tuple[int, int, int, bool]) -> str:
    return f"cluster-{pod[0]}//Pod/{service.namespace}/{_pod_name(service, pod[2])}"


def _workload(fleet: Fleet, service: Service, pod: tuple[int, int, int, bool]) -> Json:
    cluster, node, number, ready = pod
    place = fleet.nodes[cluster][node]
    return {
        "uid": _uid(service, pod),
        "workloadIps": [_address(cluster, service, number)],
        "protocol": "HBONE",
        "name": _pod_name(service, number),
        "namespace": service.namespace,
        "serviceAccount": service.name,
        "workloadName": service.name,
        "workloadType": "deployment",
        "canonicalName": service.name,
        "canonicalRevision": "latest",
        "clusterId": f"cluster-{cluster}",
        "trustDomain": "cluster.local",
        "locality": {"region": place.region, "zone": place.zone, "subzone": place.subzone},
        "node": place.node,
        "network": place.network,
        "status": "Healthy" if ready else "Unhealthy",
        "hostname": "",
        "capacity": 1,
    }


_PREFERENCES: Final[dict[str, list[str]]] = {
    "PreferClose": ["Network", "Region", "Zone"],
    "PreferSameZone": ["Network", "Region", "Zone"],
    "PreferNetwork": ["Network"],
    "PreferRegion": ["Network", "Region"],
    "PreferSameNode": ["Network", "Region", "Zone", "Subzone", "Node"],
}


def _ztunnel_service(service: Service) -> Json:
    preferences = _PREFERENCES.get(service.mode, [])
    host = f"{service.name}.{service.namespace}.svc.cluster.local"
    return {
        "name": service.name,
        "namespace": service.namespace,
        "hostname": host,
        "vips": [f"network-{cluster}/10.96.0.1" for cluster in sorted({pod[0] for pod in service.pods})],
        "ports": {"80": 8080},
        "endpoints": {
            _uid(service, pod): {
                "workloadUid": _uid(service, pod),
                "service": f"{service.namespace}/{host}",
                "port": {"80": 8080},
            }
            for pod in service.pods
        },
        "loadBalancer": {
            "mode": "Failover" if preferences else "Standard",
            "routingPreferences": preferences,
            "healthPolicy": "OnlyHealthy",
        },
        "ipFamilies": "IPv4",
    }
