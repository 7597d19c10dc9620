"""What do Envoy's own messages look like? Their JSON, as far as it is exported.

The names are those of Envoy's API, v3, in the spelling of its documentation;
https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/api explains each.
"""

from typing import Final, NotRequired, TypeAlias, TypedDict, final

TYPE_URL: Final = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
"""The type of the one resource in an EDS file."""

Any: TypeAlias = dict[str, object]
"""A message whose fields nobody here has to look at."""


class SocketData(TypedDict):
    """Where a socket listens."""

    address: str
    port_value: int


@final
class SocketAddress(TypedDict):
    """An IP address and a port."""

    socket_address: SocketData


class PipeData(TypedDict):
    """Where a unix socket is."""

    path: str


@final
class PipeAddress(TypedDict):
    """A unix socket."""

    pipe: PipeData


Address: TypeAlias = SocketAddress | PipeAddress


class LocalityData(TypedDict, total=False):
    """A locality; unknown parts are left out."""

    region: str
    zone: str
    sub_zone: str


class MetadataData(TypedDict):
    """What an Envoy carries along beside an endpoint."""

    filter_metadata: dict[str, dict[str, str]]


class EndpointData(TypedDict):
    """An address."""

    address: Address


class LbEndpointData(TypedDict):
    """One endpoint."""

    endpoint: EndpointData
    health_status: str
    load_balancing_weight: int
    metadata: MetadataData


class LocalityLbEndpointsData(TypedDict):
    """The endpoints of one locality and priority."""

    locality: LocalityData
    lb_endpoints: list[LbEndpointData]
    priority: int
    load_balancing_weight: NotRequired[int]


class PolicyData(TypedDict):
    """How the health of priorities is counted."""

    overprovisioning_factor: int
    weighted_priority_health: NotRequired[bool]


class ClusterLoadAssignmentData(TypedDict):
    """The endpoints of one cluster."""

    cluster_name: str
    endpoints: list[LocalityLbEndpointsData]
    policy: PolicyData


_Typed = TypedDict("_Typed", {"@type": str})


class ResourceData(_Typed, ClusterLoadAssignmentData):
    """The same as a resource, with its type."""


class DiscoveryResponseData(TypedDict):
    """What stands in an EDS file."""

    version_info: str
    type_url: str
    resources: list[ResourceData]


class PercentData(TypedDict):
    """A percentage."""

    value: float


class ZoneAwareData(TypedDict):
    """Zone-aware routing."""

    routing_enabled: PercentData
    min_cluster_size: int
    fail_traffic_on_panic: bool


class CommonLbData(TypedDict):
    """What all balancers obey; at most one of the two about localities."""

    healthy_panic_threshold: PercentData
    locality_weighted_lb_config: NotRequired[Any]
    zone_aware_lb_config: NotRequired[ZoneAwareData]
    update_merge_window: NotRequired[str]


class OutlierData(TypedDict, total=False):
    """Outlier detection; what is left out has Envoy's default."""

    consecutive_5xx: int
    enforcing_consecutive_5xx: int
    consecutive_gateway_failure: int
    enforcing_consecutive_gateway_failure: int
    split_external_local_origin_errors: bool
    consecutive_local_origin_failure: int
    enforcing_consecutive_local_origin_failure: int
    enforcing_success_rate: int
    enforcing_local_origin_success_rate: int
    interval: str
    base_ejection_time: str
    max_ejection_percent: int


class ClusterData(TypedDict):
    """A cluster that takes its endpoints from a file."""

    name: str
    type: str
    connect_timeout: str
    eds_cluster_config: Any
    lb_policy: str
    common_lb_config: CommonLbData
    circuit_breakers: Any
    outlier_detection: NotRequired[OutlierData]
    round_robin_lb_config: NotRequired[Any]
    least_request_lb_config: NotRequired[Any]
    ring_hash_lb_config: NotRequired[Any]
    maglev_lb_config: NotRequired[Any]
    typed_extension_protocol_options: NotRequired[Any]


class BootstrapData(TypedDict):
    """A whole configuration."""

    node: Any
    static_resources: Any
    admin: NotRequired[Any]
    cluster_manager: NotRequired[Any]
