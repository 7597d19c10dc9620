"""Small meshes written by hand, for tests that need a cluster and no manifest."""

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import evolve

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.labels import Labels
from meshtier.locality import Locality
from meshtier.mesh import (
    Backend,
    Cluster,
    Mesh,
    Namespace,
    PeeringGateway,
    Place,
    Service,
    ServiceScope,
    WaypointGateway,
    Workload,
)
from meshtier.mesh.waypoint import GATEWAY_NAME_LABEL
from meshtier.rules import DestinationRule

HOST: Final = "web.shop.svc.cluster.local"
GLOBAL_HOST: Final = "web.shop.mesh.internal"
EAST: Final = Locality("net-e", "re", "a", "", "e-a1")
"""Where the client of most tests is."""

OUTLIER_DETECTION: Final = {"consecutive5xxErrors": 5, "maxEjectionPercent": 100}


def spot(place: Locality, said: str = "Node n") -> Place:
    """A place whose known parts were said by one object."""
    return Place(
        place, tuple(f"{said} label {name}" if part else "" for name, part in zip(place._fields, place, strict=True))
    )


def pod(
    name: str,
    place: Locality = EAST,
    *,
    cluster: str = "east",
    namespace: str = "shop",
    labels: Mapping[str, str] | None = None,
    health: Health = Health.HEALTHY,
    weight: int = 1,
    kind: str = "Pod",
    address: str | None = None,
    envoy_place: Locality | None = None,
    remote_cluster: str = "",
) -> Workload:
    """A workload with an address of its own."""
    return Workload(
        kind=kind,
        cluster=cluster,
        namespace=namespace,
        name=name,
        place=spot(place),
        envoy_place=spot(envoy_place or place),
        labels=Labels(labels or {}),
        addresses=(f"{name}.{cluster}.ip" if address is None else address,) if address != "" else (),
        health=health,
        weight=weight,
        remote_cluster=remote_cluster,
    )


def service(
    pods: Iterable[Workload],
    *,
    name: str = "web",
    cluster: str = "east",
    namespace: str = "shop",
    spec: str | None = None,
    annotation: str | None = None,
    local: bool = False,
    scope: ServiceScope = ServiceScope.CLUSTER,
    takeover: bool = False,
    waypoint: str = "",
    passthrough: str = "",
    publish_not_ready: bool = False,
    ports: tuple[tuple[int, str], ...] = (),
    served: Mapping[str, frozenset[int]] | None = None,
) -> Service:
    """A Service before these pods."""
    return Service(
        cluster=cluster,
        namespace=namespace,
        name=name,
        hosts=(f"{name}.{namespace}.svc.cluster.local",),
        traffic_distribution=spec,
        annotation=annotation,
        internal_traffic_policy="Local" if local else None,
        scope=scope,
        takeover=takeover,
        waypoint=waypoint,
        passthrough=passthrough,
        publish_not_ready=publish_not_ready,
        ports=ports,
        backends=tuple(Backend(one.key, one.health, (served or {}).get(one.name)) for one in pods),
    )


def cluster(
    workloads: Iterable[Workload],
    services: Iterable[Service],
    *,
    name: str = "east",
    network: str = "net-e",
    segment: str = "",
    gateways: Iterable[PeeringGateway] = (),
    rules: Iterable[DestinationRule] = (),
    nodes: Iterable[Locality] = (),
    namespaces: Iterable[Namespace] = (),
    waypoints: Iterable[WaypointGateway] = (),
) -> Cluster:
    """A cluster of these."""
    return Cluster(
        name=name,
        network=network,
        segment=segment,
        nodes={place.node: spot(place) for place in nodes},
        namespaces={namespace.name: namespace for namespace in namespaces},
        waypoints={f"{one.namespace}/{one.name}": one for one in waypoints},
        workloads=workloads,
        services=tuple(services),
        gateways=tuple(gateways),
        destination_rules=tuple(rules),
    )


def gateway(place: Locality, *, leads_to: str, remote: bool = True, name: str = "peer") -> PeeringGateway:
    """A peering gateway whose labels say *place*."""
    return PeeringGateway(
        name=name, namespace="eastwest", remote=remote, cluster=leads_to, place=spot(place, f"Gateway eastwest/{name}")
    )


def rule(
    setting: Mapping[str, object] | None = None,
    *,
    host: str = HOST,
    name: str = "rule",
    namespace: str = "shop",
    outlier_detection: Mapping[str, object] | None = OUTLIER_DETECTION,
    subsets: Iterable[Mapping[str, object]] = (),
    **policy: object,
) -> DestinationRule:
    """A DestinationRule with this ``localityLbSetting``, and outlier detection unless it is taken away."""
    blocks: dict[str, object] = dict(policy)
    if setting is not None:
        blocks["loadBalancer"] = {"localityLbSetting": dict(setting)}
    if outlier_detection is not None:
        blocks["outlierDetection"] = dict(outlier_detection)
    spec: dict[str, object] = {"host": host}
    if blocks:
        spec["trafficPolicy"] = blocks
    if subsets:
        spec["subsets"] = [dict(subset) for subset in subsets]
    return DestinationRule.from_mapping({"metadata": {"name": name, "namespace": namespace}, "spec": spec})


def waypoint_pod(name: str, place: Locality, *, cluster: str = "east", health: Health = Health.HEALTHY) -> Workload:
    """A pod of the Gateway ``shop/wp``."""
    made = pod(name, place, cluster=cluster, labels={GATEWAY_NAME_LABEL: "wp"}, health=health)
    return evolve(made, proxy=Component.WAYPOINT)


def one_cluster(
    pods: Iterable[Workload],
    *,
    others: Iterable[Workload] = (),
    rules: Iterable[DestinationRule] = (),
    client: Locality = EAST,
    client_labels: Mapping[str, str] | None = None,
    **about: object,
) -> Mesh:
    """A mesh of one cluster with the service ``web`` before *pods*, and the pod ``client``."""
    behind = tuple(pods)
    asking = pod("client", client, labels=client_labels)
    made = service(behind, **about)  # type: ignore[arg-type]  # the caller knows the keywords of service
    return Mesh((cluster((asking, *behind, *others), (made,), rules=rules),))


def places(node: str = "") -> Mapping[str, Locality]:
    """One place for each tier of PreferSameZone and beyond, seen from `EAST`."""
    return {
        "node": EAST,
        "zone": EAST._replace(node=node or "e-a2"),
        "region": Locality("net-e", "re", "b", "", "e-b1"),
        "network": Locality("net-e", "rw", "c", "", "w-c1"),
    }


def two_clusters(
    *,
    west_network: str = "net-w",
    east_pods: Iterable[Workload] = (),
    west_pods: Iterable[Workload] = (),
    east_others: Iterable[Workload] = (),
    gateways: Iterable[PeeringGateway] = (),
    west_gateways: Iterable[PeeringGateway] = (),
    segments: tuple[str, str] = ("", ""),
    scopes: tuple[ServiceScope, ServiceScope] = (ServiceScope.GLOBAL, ServiceScope.GLOBAL),
    rules: Iterable[DestinationRule] = (),
    takeover: bool = False,
    annotation: str | None = None,
    local: bool = False,
) -> Mesh:
    """Clusters east, with the pod ``client``, and west, with the service ``web`` in both."""
    near, far = tuple(east_pods), tuple(west_pods)
    asking = pod("client", EAST)
    both = {"takeover": takeover, "annotation": annotation, "local": local}
    return Mesh(
        (
            cluster(
                (asking, *near, *east_others),
                (service(near, scope=scopes[0], **both),),  # type: ignore[arg-type]  # the values fit their keys
                gateways=gateways,
                segment=segments[0],
                rules=rules,
            ),
            cluster(
                (pod("client-w", Locality(west_network, "rw", "c", "", "w-c1"), cluster="west"), *far),
                (service(far, cluster="west", scope=scopes[1], **both),),  # type: ignore[arg-type]  # likewise
                name="west",
                network=west_network,
                segment=segments[1],
                gateways=west_gateways,
            ),
        )
    )


def on_two_nodes() -> Mesh:
    """The service web stays on the node: ``x`` with two pods of its waypoint, and ``y`` with one."""
    far = EAST._replace(node="e-a2")
    web = [pod("x", EAST), pod("y", far)]
    ways = [waypoint_pod("w1", EAST), waypoint_pod("w2", EAST), waypoint_pod("w3", far)]
    made = [service(web, waypoint="shop/wp", local=True), service(ways, name="wp", annotation="PreferClose")]
    return Mesh((cluster([pod("client"), *web, *ways], made),))
