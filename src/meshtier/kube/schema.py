"""Which fields of Kubernetes objects are read? One declaration, for every decoder.

A class is called as Kubernetes calls the kind or the part of it, and names the fields
that meshtier needs and their types; whatever else an object holds is ignored.
`decode` decodes mappings by these declarations and explains what is wrong;
`decode_json` derives its msgspec types from the same ones.
Keys are the camel-case form of the names unless `_key` says otherwise, and a
field that may be absent is ``None`` then, and also where it is ``null``.
"""
# ruff: noqa: D101  # a docstring stands only where it says more than the name

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from attrs import Attribute, field, frozen

_KEY: Final = "key"
"""Where an attribute's metadata hold its key, if that is not the camel-case form of its name."""


def _key(key: str) -> Any:  # noqa: ANN401  # as attrs.field itself, so that the annotation beside it holds
    return field(default=None, metadata={_KEY: key})


def key_of(attribute: "Attribute[object]") -> str:
    """The key under which a mapping holds this attribute.

    >>> key_of(PodSpec.__attrs_attrs__[0])
    'nodeName'
    """
    head, *tail = attribute.name.split("_")
    return attribute.metadata.get(_KEY) or head + "".join(part.title() for part in tail)


@frozen(eq=False, repr=False)
class BareMeta:
    """The metadata of objects whose annotations do not matter."""

    name: str
    namespace: str | None = None
    labels: Mapping[str, str] | None = None
    deletion_timestamp: Any = None


@frozen(eq=False, repr=False)
class Meta:
    """The metadata of objects that carry settings."""

    name: str
    namespace: str | None = None
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None


@frozen(eq=False, repr=False)
class Condition:
    type: str
    status: str | None = None


@frozen(eq=False, repr=False)
class Node:
    """Its labels say where it is (LOC-1)."""

    metadata: Meta


@frozen(eq=False, repr=False)
class Namespace:
    """That of the system tells the network and the cluster (LOC-2)."""

    metadata: Meta


@frozen(eq=False, repr=False)
class PodSpec:
    node_name: str | None = None
    host_network: bool | None = None


@frozen(eq=False, repr=False)
class PodAnnotations:
    """The only one of them that matters: a pod can have large ones."""

    templates: str | None = _key("inject.istio.io/templates")


@frozen(eq=False, repr=False)
class PodMeta(BareMeta):
    annotations: PodAnnotations | None = None


@frozen(eq=False, repr=False)
class PodIP:
    ip: str | None = None


@frozen(eq=False, repr=False)
class PodStatus:
    phase: str | None = None
    pod_ip: str | None = _key("podIP")
    pod_ips: Sequence[PodIP] | None = _key("podIPs")
    conditions: Sequence[Condition] | None = None


@frozen(eq=False, repr=False)
class Pod:
    metadata: PodMeta
    spec: PodSpec | None = None
    status: PodStatus | None = None


@frozen(eq=False, repr=False)
class ServicePort:
    port: int
    name: str | None = None


@frozen(eq=False, repr=False)
class ServiceSpec:
    type: str | None = None
    cluster_ip: str | None = _key("clusterIP")
    selector: Mapping[str, str] | None = None
    ports: Sequence[ServicePort] | None = None
    traffic_distribution: str | None = None
    internal_traffic_policy: str | None = None
    publish_not_ready_addresses: bool | None = None
    external_ips: Sequence[str] | None = _key("externalIPs")


@frozen(eq=False, repr=False)
class LoadBalancerIngress:
    ip: str | None = None
    hostname: str | None = None


@frozen(eq=False, repr=False)
class LoadBalancerStatus:
    ingress: Sequence[LoadBalancerIngress] | None = None


@frozen(eq=False, repr=False)
class ServiceStatus:
    load_balancer: LoadBalancerStatus | None = None


@frozen(eq=False, repr=False)
class Service:
    metadata: Meta
    spec: ServiceSpec | None = None
    status: ServiceStatus | None = None


@frozen(eq=False, repr=False)
class ObjectReference:
    """The object that stands behind an endpoint of an EndpointSlice."""

    kind: str | None = None
    name: str | None = None
    namespace: str | None = None


@frozen(eq=False, repr=False)
class EndpointConditions:
    """The state of an endpoint of an EndpointSlice; an absent ``ready`` means true."""

    ready: bool | None = None
    terminating: bool | None = None


@frozen(eq=False, repr=False)
class SliceEndpoint:
    """An Endpoint of an EndpointSlice, under a name that no other class has."""

    addresses: Sequence[str] | None = None
    conditions: EndpointConditions | None = None
    node_name: str | None = None
    zone: str | None = None
    target_ref: ObjectReference | None = None


@frozen(eq=False, repr=False)
class EndpointPort:
    """A port of an EndpointSlice; the name is that of the Service's port."""

    name: str | None = None
    port: int | None = None


@frozen(eq=False, repr=False)
class EndpointSlice:
    metadata: BareMeta
    endpoints: Sequence[SliceEndpoint] | None = None
    ports: Sequence[EndpointPort] | None = None


@frozen(eq=False, repr=False)
class GatewayAddress:
    type: str | None = None
    value: str | None = None


@frozen(eq=False, repr=False)
class LabelSelectorRequirement:
    key: str
    operator: str
    values: Sequence[str] | None = None


@frozen(eq=False, repr=False)
class LabelSelector:
    match_labels: Mapping[str, str] | None = None
    match_expressions: Sequence[LabelSelectorRequirement] | None = None


@frozen(eq=False, repr=False)
class RouteNamespaces:
    """Of which namespaces a listener takes routes, and a waypoint services (WP-2)."""

    from_: str | None = _key("from")
    selector: LabelSelector | None = None


@frozen(eq=False, repr=False)
class AllowedRoutes:
    namespaces: RouteNamespaces | None = None


@frozen(eq=False, repr=False)
class Listener:
    port: int | None = None
    protocol: str | None = None
    allowed_routes: AllowedRoutes | None = None


@frozen(eq=False, repr=False)
class GatewaySpec:
    gateway_class_name: str | None = None
    addresses: Sequence[GatewayAddress] | None = None
    listeners: Sequence[Listener] | None = None


@frozen(eq=False, repr=False)
class GatewayStatus:
    addresses: Sequence[GatewayAddress] | None = None
    conditions: Sequence[Condition] | None = None


@frozen(eq=False, repr=False)
class Gateway:
    metadata: Meta
    spec: GatewaySpec | None = None
    status: GatewayStatus | None = None


@frozen(eq=False, repr=False)
class GatewayClass:
    """What holds for all Gateways of a class that do not say it themselves (WP-2)."""

    metadata: Meta


@frozen(eq=False, repr=False)
class EntrySpec:
    """A WorkloadEntry's spec, and an endpoint that stands in a ServiceEntry."""

    address: str | None = None
    labels: Mapping[str, str] | None = None
    network: str | None = None
    locality: str | None = None
    weight: int | None = None


@frozen(eq=False, repr=False)
class EntryStatus:
    conditions: Sequence[Condition] | None = None


@frozen(eq=False, repr=False)
class WorkloadEntry:
    metadata: Meta
    spec: EntrySpec | None = None
    status: EntryStatus | None = None


@frozen(eq=False, repr=False)
class EntryPort:
    """A port of a ServiceEntry."""

    number: int
    name: str | None = None


@frozen(eq=False, repr=False)
class WorkloadSelector:
    labels: Mapping[str, str] | None = None


@frozen(eq=False, repr=False)
class ServiceEntrySpec:
    hosts: Sequence[str] | None = None
    ports: Sequence[EntryPort] | None = None
    resolution: str | None = None
    endpoints: Sequence[EntrySpec] | None = None
    workload_selector: WorkloadSelector | None = None


@frozen(eq=False, repr=False)
class ServiceEntry:
    metadata: Meta
    spec: ServiceEntrySpec | None = None


@frozen(eq=False, repr=False)
class SegmentSpec:
    domain: str | None = None


@frozen(eq=False, repr=False)
class Segment:
    """Solo's; the label of the system namespace says which one a cluster is in (COMP-3)."""

    metadata: BareMeta
    spec: SegmentSpec | None = None


@frozen(eq=False, repr=False)
class ParentReference:
    """To what a route of the Gateway API is attached; a Service, for one of the mesh."""

    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None


@frozen(eq=False, repr=False)
class RouteSpec:
    parent_refs: Sequence[ParentReference] | None = None


@frozen(eq=False, repr=False)
class HTTPRoute:
    """Of what it routes only the hosts matter."""

    metadata: BareMeta
    spec: RouteSpec | None = None


@frozen(eq=False, repr=False)
class GRPCRoute:
    """Of what it routes only the hosts matter."""

    metadata: BareMeta
    spec: RouteSpec | None = None


@frozen(eq=False, repr=False)
class VirtualServiceSpec:
    hosts: Sequence[str] | None = None
    gateways: Sequence[str] | None = None


@frozen(eq=False, repr=False)
class VirtualService:
    """Of what it routes only the hosts matter."""

    metadata: BareMeta
    spec: VirtualServiceSpec | None = None


@frozen(eq=False, repr=False)
class ConfigMapData:
    mesh: str | None = None


@frozen(eq=False, repr=False)
class ConfigMap:
    """That of istiod holds what is set for the whole mesh (COMP-2)."""

    metadata: BareMeta
    data: ConfigMapData | None = None


@frozen(eq=False, repr=False)
class DestinationRule:
    """What it says is read by `meshtier.rules`."""

    metadata: Mapping[str, Any]
    spec: Mapping[str, Any] | None = None


GROUPS: Final[Mapping[type[Any], str]] = MappingProxyType(
    {
        Node: "",
        Namespace: "",
        ConfigMap: "",
        Pod: "",
        Service: "",
        EndpointSlice: "discovery.k8s.io",
        Gateway: "gateway.networking.k8s.io",
        GatewayClass: "gateway.networking.k8s.io",
        WorkloadEntry: "networking.istio.io",
        ServiceEntry: "networking.istio.io",
        Segment: "admin.solo.io",
        DestinationRule: "networking.istio.io",
        HTTPRoute: "gateway.networking.k8s.io",
        GRPCRoute: "gateway.networking.k8s.io",
        VirtualService: "networking.istio.io",
    }
)
"""The kinds that are read, each with the group of its ``apiVersion``."""

KINDS: Final[Mapping[str, type[Any]]] = MappingProxyType({schema.__name__: schema for schema in GROUPS})
"""The kinds that are read, by name."""

CLUSTER_WIDE: Final[frozenset[type[Any]]] = frozenset({Node, Namespace, GatewayClass})
"""The kinds that live in no namespace."""


def group_of(api_version: str | None) -> str:
    """The group of an ``apiVersion``; ``""`` for the core group.

    >>> group_of("discovery.k8s.io/v1")
    'discovery.k8s.io'
    """
    return api_version.rpartition("/")[0] if api_version else ""


def key_in(schema: type[Any], metadata: BareMeta | Meta) -> tuple[str, str]:
    """Namespace and name, by which objects of one kind are told apart; without a namespace, ``default`` holds."""
    return "" if schema in CLUSTER_WIDE else metadata.namespace or "default", metadata.name


def title_of(schema: type[Any], key: tuple[str, str]) -> str:
    """The name of an object as messages have it.

    >>> title_of(Pod, ("bookinfo", "reviews-1"))
    'Pod bookinfo/reviews-1'
    """
    return f"{schema.__name__} {'/'.join(filter(None, key))}"
