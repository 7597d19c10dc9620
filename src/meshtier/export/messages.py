"""What do Envoy's own messages look like? Their JSON, typed as far as somebody looks into them.

The names are those of Envoy's API, v3, in the spelling of its documentation;
https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/api explains each.
"""
# ruff: noqa: D101  # a docstring stands only where it says more than the name

from typing import Any, Final, NotRequired, TypeAlias, TypedDict, final

TYPE_URL: Final = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
"""The type of the one resource in an EDS file."""

Message: TypeAlias = dict[str, Any]
"""A message whose fields nobody here has to look at."""


class SocketData(TypedDict):
    address: str
    port_value: int


@final
class SocketAddress(TypedDict):
    socket_address: SocketData


class PipeData(TypedDict):
    path: str


@final
class PipeAddress(TypedDict):
    """A unix socket."""

    pipe: PipeData


Address: TypeAlias = SocketAddress | PipeAddress


class LbEndpointData(TypedDict):
    endpoint: dict[str, Address]
    health_status: str
    load_balancing_weight: int
    metadata: dict[str, dict[str, dict[str, str]]]


class LocalityLbEndpointsData(TypedDict):
    """The endpoints of one locality and priority; unknown parts of the locality are left out."""

    locality: dict[str, str]
    lb_endpoints: list[LbEndpointData]
    priority: int
    load_balancing_weight: NotRequired[int]


class ClusterLoadAssignmentData(TypedDict):
    """The endpoints of one cluster."""

    cluster_name: str
    endpoints: list[LocalityLbEndpointsData]
    policy: Message


class DiscoveryResponseData(TypedDict):
    """What stands in an EDS file."""

    version_info: str
    type_url: str
    resources: list[Message]
