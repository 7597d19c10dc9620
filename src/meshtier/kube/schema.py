"""Which fields of Kubernetes objects are read? One declaration, for every decoder.

Each class names the fields that meshtier needs and their types; whatever else
an object holds is ignored. `decode` decodes mappings by these declarations
and explains what is wrong; `fast` derives its msgspec types from the same ones.
Keys are the camel-case form of the names unless `_key` says otherwise, and a
field that may be absent is ``None`` then, and also where it is ``null``.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from attrs import Attribute, field, frozen

KEY: Final = "key"
"""Where an attribute's metadata hold its key, if that is not the camel-case form of its name."""


def _key(key: str) -> Any:  # noqa: ANN401  # as attrs.field itself, so that the annotation beside it holds
    return field(default=None, metadata={KEY: key})


def key_of(attribute: "Attribute[object]") -> str:
    """The key under which a mapping holds this attribute.

    >>> key_of(PodSpec.__attrs_attrs__[0])
    'nodeName'
    """
    head, *tail = attribute.name.split("_")
    return attribute.metadata.get(KEY) or head + "".join(part.title() for part in tail)


@frozen
class BareMeta:
    """The metadata of objects whose annotations do not matter: pods have many, and large ones."""

    name: str
    namespace: str | None = None
    labels: Mapping[str, str] | None = None


@frozen
class PodMeta:
    """The metadata of a Pod."""

    name: str
    namespace: str | None = None
    labels: Mapping[str, str] | None = None
    deletion_timestamp: Any = None


@frozen
class Meta:
    """The metadata of objects that carry settings."""

    name: str
    namespace: str | None = None
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None


@frozen
class Condition:
    """A condition in a status."""

    type: str
    status: str | None = None


@frozen
class Node:
    """A Node; its labels say where it is (LOC-1)."""

    metadata: BareMeta


@frozen
class Namespace:
    """A Namespace; that of the system tells the network and the cluster (LOC-2)."""

    metadata: Meta


@frozen
class PodSpec:
    """What of a Pod's spec is read."""

    node_name: str | None = None


@frozen
class PodIP:
    """One address of a Pod."""

    ip: str | None = None


@frozen
class PodStatus:
    """What of a Pod's status is read."""

    phase: str | None = None
    pod_ip: str | None = _key("podIP")
    pod_ips: Sequence[PodIP] | None = _key("podIPs")
    conditions: Sequence[Condition] | None = None


@frozen
class Pod:
    """A Pod."""

    metadata: PodMeta
    spec: PodSpec | None = None
    status: PodStatus | None = None


@frozen
class ServicePort:
    """A port of a Service."""

    port: int
    name: str | None = None


@frozen
class ServiceSpec:
    """What of a Service's spec is read."""

    type: str | None = None
    cluster_ip: str | None = _key("clusterIP")
    selector: Mapping[str, str] | None = None
    ports: Sequence[ServicePort] | None = None
    traffic_distribution: str | None = None
    internal_traffic_policy: str | None = None
    publish_not_ready_addresses: bool | None = None


@frozen
class Service:
    """A Service."""

    metadata: Meta
    spec: ServiceSpec | None = None


@frozen
class Reference:
    """The object that stands behind an endpoint of an EndpointSlice."""

    kind: str | None = None
    name: str | None = None
    namespace: str | None = None


@frozen
class Conditions:
    """The state of an endpoint of an EndpointSlice; an absent ``ready`` means true."""

    ready: bool | None = None
    terminating: bool | None = None


@frozen
class SliceEndpoint:
    """An endpoint of an EndpointSlice."""

    addresses: Sequence[str] | None = None
    conditions: Conditions | None = None
    node_name: str | None = None
    zone: str | None = None
    target_ref: Reference | None = None


@frozen
class SlicePort:
    """A port of an EndpointSlice."""

    name: str | None = None
    port: int | None = None


@frozen
class EndpointSlice:
    """An EndpointSlice."""

    metadata: BareMeta
    endpoints: Sequence[SliceEndpoint] | None = None
    ports: Sequence[SlicePort] | None = None


@frozen
class GatewaySpec:
    """What of a Gateway's spec is read."""

    gateway_class_name: str | None = None


@frozen
class Gateway:
    """A Gateway of the Gateway API."""

    metadata: BareMeta
    spec: GatewaySpec | None = None


@frozen
class EntrySpec:
    """A WorkloadEntry's spec, and an endpoint that stands in a ServiceEntry."""

    address: str | None = None
    labels: Mapping[str, str] | None = None
    network: str | None = None
    locality: str | None = None
    weight: int | None = None


@frozen
class EntryStatus:
    """What of a WorkloadEntry's status is read."""

    conditions: Sequence[Condition] | None = None


@frozen
class WorkloadEntry:
    """A WorkloadEntry (LOC-4)."""

    metadata: BareMeta
    spec: EntrySpec | None = None
    status: EntryStatus | None = None


@frozen
class EntryPort:
    """A port of a ServiceEntry."""

    number: int
    name: str | None = None


@frozen
class Selector:
    """What a ServiceEntry selects."""

    labels: Mapping[str, str] | None = None


@frozen
class ServiceEntrySpec:
    """What of a ServiceEntry's spec is read."""

    hosts: Sequence[str] | None = None
    ports: Sequence[EntryPort] | None = None
    resolution: str | None = None
    endpoints: Sequence[EntrySpec] | None = None
    workload_selector: Selector | None = None


@frozen
class ServiceEntry:
    """A ServiceEntry."""

    metadata: Meta
    spec: ServiceEntrySpec | None = None


@frozen
class DestinationRule:
    """A DestinationRule; what it says is read by `meshtier.rules`."""

    metadata: Mapping[str, Any]
    spec: Mapping[str, Any] | None = None


GROUPS: Final[Mapping[type[Any], str]] = MappingProxyType(
    {
        Node: "",
        Namespace: "",
        Pod: "",
        Service: "",
        EndpointSlice: "discovery.k8s.io",
        Gateway: "gateway.networking.k8s.io",
        WorkloadEntry: "networking.istio.io",
        ServiceEntry: "networking.istio.io",
        DestinationRule: "networking.istio.io",
    }
)
"""The kinds that are read, each with the group of its ``apiVersion``."""

KINDS: Final[Mapping[str, type[Any]]] = MappingProxyType({shape.__name__: shape for shape in GROUPS})
"""The kinds that are read, by name."""

CLUSTER_WIDE: Final[frozenset[type[Any]]] = frozenset({Node, Namespace})
"""The kinds that live in no namespace."""


def group_of(api_version: str | None) -> str:
    """The group of an ``apiVersion``; ``""`` for the core group.

    >>> group_of("discovery.k8s.io/v1")
    'discovery.k8s.io'
    """
    return api_version.rpartition("/")[0] if api_version else ""
