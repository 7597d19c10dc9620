"""Which endpoints does an Envoy get, in what order? The file that EDS reads.

An Envoy whose cluster has a ``path_config_source`` reads one DiscoveryResponse
with exactly one ClusterLoadAssignment. It notices a new version only if that is
renamed over the old one; writing in place is not seen.
"""

from collections.abc import Mapping
from typing import Final

from meshtier.dataplane import LocalityGroup
from meshtier.dataplane.load_assignment import lb_weight
from meshtier.endpoint import Endpoint, Health
from meshtier.export.addresses import AddressOf, endpoint_addresses
from meshtier.export.messages import (
    TYPE_URL,
    Address,
    ClusterLoadAssignmentData,
    DiscoveryResponseData,
    LbEndpointData,
    LocalityLbEndpointsData,
    Message,
)
from meshtier.export.upstream import NOT_KNOWN, Reached, Source, upstream_of
from meshtier.locality import Locality

METADATA_NAME: Final = "meshtier"
"""The filter metadata under which an endpoint's id stands, for logs and headers to show."""

HEALTH_STATUS: Final[Mapping[Health, str]] = {
    Health.HEALTHY: "HEALTHY",
    Health.DEGRADED: "DEGRADED",
    Health.UNHEALTHY: "UNHEALTHY",
    Health.TERMINATING: "DRAINING",
}


def cluster_load_assignment(
    source: Source,
    *,
    name: str | None = None,
    port: int | None = None,
    address_of: AddressOf | None = None,
) -> ClusterLoadAssignmentData:
    """The endpoints as a ClusterLoadAssignment.

    What the route excludes is not in it. For endpoints of another network there is
    one for each of its gateways, at the gateway's address and port of HBONE; its
    metadata name the gateway and the network, and *address_of* can put another address.

    Args:
        source: A route at one Envoy, or plain values.
        name: The cluster's name; ``None`` for the route's host.
        port: The port on which the endpoints listen; ``None`` for the service's only one.
        address_of: Gives other addresses than those of the workloads.

    Raises:
        InvalidValueError: No Envoy would be told of such a route, or an address is missing.

    Cost: O(n).

    >>> from meshtier.export.upstream import Upstream
    >>> here = Locality(zone="a")
    >>> group = LocalityGroup(locality=here, endpoints=[Endpoint("e1", here, weight=3)])
    >>> plain = Upstream(name="svc", groups=[group], reached={"e1": Reached(addresses=("10.0.0.1",))})
    >>> [group] = cluster_load_assignment(plain, port=80)["endpoints"]
    >>> group["locality"], group["lb_endpoints"][0]["endpoint"]
    ({'zone': 'a'}, {'address': {'socket_address': {'address': '10.0.0.1', 'port_value': 80}}})
    """
    upstream = upstream_of(source, name=name)
    addresses = endpoint_addresses(upstream, port=port, address_of=address_of)
    policy: Message = {"overprovisioning_factor": upstream.settings.overprovisioning_factor}
    if upstream.settings.weighted_priority_health:
        policy["weighted_priority_health"] = True
    return ClusterLoadAssignmentData(
        cluster_name=upstream.name,
        endpoints=[_group(group, addresses, upstream.reached) for group in upstream.groups],
        policy=policy,
    )


def discovery_response(
    source: Source,
    *,
    name: str | None = None,
    port: int | None = None,
    address_of: AddressOf | None = None,
    version: str = "1",
) -> DiscoveryResponseData:
    """The same as the DiscoveryResponse that an Envoy reads from a file.

    Args:
        source: As for `cluster_load_assignment`, and so are the next three.
        name: The cluster's name.
        port: The port on which the endpoints listen.
        address_of: Gives other addresses.
        version: Shown by the Envoy as the version of what it has; changes nothing.

    Raises:
        InvalidValueError: No Envoy would be told of such a route, or an address is missing.
    """
    assignment = cluster_load_assignment(source, name=name, port=port, address_of=address_of)
    return DiscoveryResponseData(version_info=version, type_url=TYPE_URL, resources=[{"@type": TYPE_URL, **assignment}])


def _group(
    group: LocalityGroup, addresses: Mapping[str, Address], reached: Mapping[str, Reached]
) -> LocalityLbEndpointsData:
    data = LocalityLbEndpointsData(
        locality=locality_data(group.locality),
        lb_endpoints=[_host(one, addresses[one.id], reached.get(one.id, NOT_KNOWN)) for one in group.endpoints],
        priority=group.priority,
    )
    if group.weight is not None:
        data["load_balancing_weight"] = group.weight
    return data


def _host(host: Endpoint, address: Address, reached: Reached) -> LbEndpointData:
    facts = {"endpoint": host.id}
    if reached.gateway:
        facts |= {"gateway": reached.gateway, "network": reached.network}
    return LbEndpointData(
        endpoint={"address": address},
        health_status=HEALTH_STATUS[host.health],
        load_balancing_weight=lb_weight(host),
        metadata={"filter_metadata": {METADATA_NAME: facts}},
    )


def locality_data(locality: Locality) -> dict[str, str]:
    """Region, zone and subzone as an Envoy has them.

    >>> locality_data(Locality(region="r", subzone="s"))
    {'region': 'r', 'sub_zone': 's'}
    """
    parts = {"region": locality.region, "zone": locality.zone, "sub_zone": locality.subzone}
    return {name: part for name, part in parts.items() if part}
