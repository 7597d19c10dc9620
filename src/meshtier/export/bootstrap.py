"""How do I try it? A whole configuration for ``envoy -c``: one listener before one cluster."""

from collections.abc import Mapping
from typing import Final

from meshtier.dataplane import ZoneAware
from meshtier.export.cluster import CONNECT_TIMEOUT, cluster
from meshtier.export.endpoints import METADATA_NAME, locality_data
from meshtier.export.messages import Address, Message
from meshtier.export.upstream import Source, Upstream, upstream_of
from meshtier.locality import Locality

HASH_HEADER: Final = "x-meshtier-key"
"""The request header that a hash balancer reads where no DestinationRule names another."""

ENDPOINT_HEADER: Final = "x-meshtier-endpoint"
"""The response header with the id of the endpoint that answered."""

FLAGS_HEADER: Final = "x-meshtier-flags"
"""The response header with Envoy's response flags, as in ``UH`` where no endpoint was left."""

LOCAL_CLUSTER: Final = "meshtier-local"
"""The Envoy's own cluster, which zone-aware routing compares with."""

_HTTP_MANAGER: Final = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
)
_ROUTER: Final = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


def bootstrap(
    source: Source,
    *,
    eds_path: str,
    listener: Address,
    admin: Address | None = None,
    name: str | None = None,
    update_merge_window_s: float | None = None,
) -> Message:
    """A configuration that sends every HTTP request to the host, and says in the answer's headers where it went.

    Args:
        source: A route at one Envoy, or plain values.
        eds_path: Where the Envoy finds the DiscoveryResponse.
        listener: Where it takes requests; see `socket_address` and `pipe_address`.
        admin: Where it shows itself; ``None`` for nowhere.
        name: The cluster's name; ``None`` for the route's host.
        update_merge_window_s: See `cluster`.

    Raises:
        InvalidValueError: No Envoy would be told of such a route.

    >>> from meshtier.export.addresses import socket_address
    >>> plain, here = Upstream(name="svc", groups=[]), socket_address("127.0.0.1", 10000)
    >>> sorted(bootstrap(plain, eds_path="eds.json", listener=here))
    ['node', 'static_resources']
    """
    upstream = upstream_of(source, name=name)
    spreading = cluster(upstream, eds_path=eds_path, update_merge_window_s=update_merge_window_s)
    zone_aware = upstream.settings.zone_aware
    local = [] if zone_aware is None else [_local_cluster(zone_aware)]
    data: Message = {
        "node": _node(zone_aware),
        "static_resources": {"listeners": [_listener(upstream, listener)], "clusters": [spreading, *local]},
    }
    if admin is not None:
        data["admin"] = {"address": admin}
    if zone_aware is not None:
        data["cluster_manager"] = {"local_cluster_name": LOCAL_CLUSTER}
    return data


def _node(zone_aware: ZoneAware | None) -> Message:
    node: Message = {"id": "meshtier", "cluster": LOCAL_CLUSTER}
    return node if zone_aware is None else {**node, "locality": locality_data(zone_aware.node_locality)}


def _listener(upstream: Upstream, address: Address) -> Message:
    manager = {
        "@type": _HTTP_MANAGER,
        "stat_prefix": "ingress",
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}}],
        "route_config": {
            "name": "all",
            "response_headers_to_add": [
                _header(ENDPOINT_HEADER, f"%UPSTREAM_METADATA({METADATA_NAME}:endpoint)%"),
                _header(FLAGS_HEADER, "%RESPONSE_FLAGS%"),
            ],
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [_route(upstream)]}],
        },
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": "in", "address": address, "filter_chains": [{"filters": filters}]}


def _header(key: str, value: str) -> Message:
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _route(upstream: Upstream) -> Message:
    action: Message = {"cluster": upstream.name}
    if upstream.settings.lb_policy.hashes:
        balancer = upstream.traffic.load_balancer
        hashing = balancer.consistent_hash if balancer is not None else None
        action["hash_policy"] = [_hash_policy({} if hashing is None else hashing.to_plain())]
    return {"match": {"prefix": "/"}, "route": action}


def _hash_policy(hashing: Mapping[str, object]) -> Message:
    match hashing:
        case {"httpHeaderName": str(header)}:
            return {"header": {"header_name": header}}
        case {"httpCookie": dict(cookie)}:  # pyright: ignore[reportUnknownVariableType]  # plain data; its fields fit
            return {"cookie": {key: cookie[key] for key in ("name", "path", "ttl") if key in cookie}}  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        case {"useSourceIp": True}:
            return {"connection_properties": {"source_ip": True}}
        case {"httpQueryParameterName": str(parameter)}:
            return {"query_parameter": {"name": parameter}}
        case _:
            return {"header": {"header_name": HASH_HEADER}}


def _local_cluster(zone_aware: ZoneAware) -> Message:
    """The Envoy's own kind. Nothing ever connects to it: only where its hosts are counts."""
    endpoints = [
        {
            "locality": locality_data(Locality("", *site)),
            "lb_endpoints": [
                {"endpoint": {"address": {"pipe": {"path": f"@{LOCAL_CLUSTER}/{'/'.join(site)}/{number}"}}}}
                for number in range(count)
            ],
        }
        for site, count in zone_aware.hosts_of_site.items()
    ]
    return {
        "name": LOCAL_CLUSTER,
        "type": "STATIC",
        "connect_timeout": CONNECT_TIMEOUT,
        "load_assignment": {"cluster_name": LOCAL_CLUSTER, "endpoints": endpoints},
    }
