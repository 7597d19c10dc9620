"""How does an Envoy spread load over its endpoints? The cluster, as Istio would configure it.

Only what bears on the choice of an endpoint is here: not TLS and not the mesh's
own tunnels (HBONE), without which a mesh's pods may refuse the connection.
"""

from collections.abc import Mapping
from typing import Final, assert_never

from meshtier.dataplane import EnvoySettings, LbPolicy
from meshtier.endpoint import MAX_WEIGHT
from meshtier.export.messages import Message
from meshtier.export.upstream import Source, Upstream, upstream_of
from meshtier.rules import LoadBalancer, OutlierDetection, Warmup, to_duration

CONNECT_TIMEOUT: Final = "10s"
"""Istio's default ``connectTimeout``."""

DEFAULT_RING_SIZE: Final = 1024
"""The smallest ring where a DestinationRule names neither ring nor table."""

_DEFAULT_AGGRESSION: Final = 1.0
_DEFAULT_MINIMUM_PERCENT: Final = 10.0
_HTTP_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_UNLIMITED: Final = MAX_WEIGHT


def cluster(
    source: Source, *, eds_path: str, name: str | None = None, update_merge_window_s: float | None = None
) -> Message:
    """The cluster that spreads load over the endpoints in a file.

    Args:
        source: A route at one Envoy, or plain values.
        eds_path: Where the Envoy finds the DiscoveryResponse; a bare name is in its working directory.
        name: The cluster's name; ``None`` for the route's host.
        update_merge_window_s: How long the Envoy saves up changes of health after
            one that it has applied; ``None`` for its own second, 0 to apply each
            ejection at once.

    Raises:
        InvalidValueError: No Envoy would be told of such a route.

    Source: istio/istio cluster_traffic_policy.go, applyLoadBalancer,
    applyOutlierDetection and getDefaultCircuitBreakerThresholds, at 86c9f01.

    >>> cluster(Upstream(name="svc", groups=[]), eds_path="eds.json")["common_lb_config"]
    {'healthy_panic_threshold': {'value': 50.0}}
    """
    upstream = upstream_of(source, name=name)
    # Envoy takes a bare file name for a mistake.
    path = eds_path if "/" in eds_path else f"./{eds_path}"
    eds_config = {"path_config_source": {"path": path}, "resource_api_version": "V3"}
    data: Message = {
        "name": upstream.name,
        "type": "EDS",
        "connect_timeout": CONNECT_TIMEOUT,
        "eds_cluster_config": {"eds_config": eds_config},
        "lb_policy": upstream.settings.lb_policy.value,
        "common_lb_config": _common(upstream.settings, update_merge_window_s),
        "circuit_breakers": _circuit_breakers(),
    }
    _add_balancer(data, upstream)
    detection = upstream.traffic.outlier_detection
    if detection is not None:
        data["outlier_detection"] = outlier_detection(detection)
        if detection.http_error_codes:
            data["typed_extension_protocol_options"] = _error_codes(detection.http_error_codes)
    return data


def outlier_detection(detection: OutlierDetection) -> Message:
    """What Istio makes of a DestinationRule's ``outlierDetection``.

    A count that is given is enforced fully, and one of 0 not at all; what is not
    given is left to the Envoy's defaults. The panic threshold that comes of
    ``minHealthPercent`` is no part of it.

    Source: istio/istio cluster_traffic_policy.go, applyOutlierDetection, at 86c9f01.

    >>> outlier_detection(OutlierDetection(consecutive_gateway_errors=3, interval_s=1.5))
    {'enforcing_success_rate': 0, 'consecutive_gateway_failure': 3,
     'enforcing_consecutive_gateway_failure': 100, 'interval': '1.5s'}
    """
    data: Message = {"enforcing_success_rate": 0}
    if (count := detection.consecutive_5xx_errors) is not None:
        data["consecutive_5xx"] = count
        data["enforcing_consecutive_5xx"] = 100 if count else 0
    if (count := detection.consecutive_gateway_errors) is not None:
        data["consecutive_gateway_failure"] = count
        data["enforcing_consecutive_gateway_failure"] = 100 if count else 0
    if detection.interval_s is not None:
        data["interval"] = to_duration(detection.interval_s)
    if detection.base_ejection_time_s is not None:
        data["base_ejection_time"] = to_duration(detection.base_ejection_time_s)
    if detection.max_ejection_percent:
        data["max_ejection_percent"] = detection.max_ejection_percent
    if detection.split_external_local_origin_errors:
        data["split_external_local_origin_errors"] = True
        data["enforcing_local_origin_success_rate"] = 0
        if count := detection.consecutive_local_origin_failures:
            data["consecutive_local_origin_failure"] = count
            data["enforcing_consecutive_local_origin_failure"] = 100
    return data


def _common(settings: EnvoySettings, update_merge_window_s: float | None) -> Message:
    data: Message = {"healthy_panic_threshold": {"value": float(settings.panic_threshold)}}
    if settings.locality_weighted:
        data["locality_weighted_lb_config"] = {}
    if settings.zone_aware is not None:
        data["zone_aware_lb_config"] = {
            "routing_enabled": {"value": float(settings.zone_aware.routing_enabled)},
            "min_cluster_size": settings.zone_aware.min_cluster_size,
            "fail_traffic_on_panic": settings.zone_aware.fail_traffic_on_panic,
        }
    if update_merge_window_s is not None:
        data["update_merge_window"] = to_duration(update_merge_window_s)
    return data


def _circuit_breakers() -> Message:
    # Envoy's own limits, 1024 for most, would fail requests that a mesh lets pass.
    names = ("max_connections", "max_pending_requests", "max_requests", "max_retries")
    return {"thresholds": [{**dict.fromkeys(names, _UNLIMITED), "track_remaining": True}]}


def _add_balancer(data: Message, upstream: Upstream) -> None:
    balancer = upstream.traffic.load_balancer or LoadBalancer()
    hashing = {} if balancer.consistent_hash is None else balancer.consistent_hash.to_plain()
    match upstream.settings.lb_policy:
        case LbPolicy.ROUND_ROBIN:
            if slow_start := _slow_start(balancer):
                data["round_robin_lb_config"] = slow_start
        case LbPolicy.LEAST_REQUEST:
            if slow_start := _slow_start(balancer):
                data["least_request_lb_config"] = slow_start
        case LbPolicy.RING_HASH:
            if size := _ring_size(hashing):
                data["ring_hash_lb_config"] = {"minimum_ring_size": size}
        case LbPolicy.MAGLEV:
            if size := _part(hashing, "maglev").get("tableSize"):
                data["maglev_lb_config"] = {"table_size": size}
        case LbPolicy.RANDOM:
            pass
        case _:
            assert_never(upstream.settings.lb_policy)


def _ring_size(hashing: Mapping[str, object]) -> object:
    if "ringHash" in hashing:
        return _part(hashing, "ringHash").get("minimumRingSize")
    return hashing.get("minimumRingSize") or DEFAULT_RING_SIZE


def _part(hashing: Mapping[str, object], name: str) -> Mapping[object, object]:
    part = hashing.get(name)
    return part if isinstance(part, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # read by name only


def _slow_start(balancer: LoadBalancer) -> Message:
    warmup = balancer.warmup
    if warmup is None and balancer.warmup_duration_s is not None:
        return {"slow_start_config": {"slow_start_window": to_duration(balancer.warmup_duration_s)}}
    return {} if warmup is None else {"slow_start_config": _warmup(warmup)}


def _warmup(warmup: Warmup) -> Message:
    aggression = _DEFAULT_AGGRESSION if warmup.aggression is None else warmup.aggression
    percent = _DEFAULT_MINIMUM_PERCENT if warmup.minimum_percent is None else warmup.minimum_percent
    return {
        "slow_start_window": to_duration(warmup.duration_s),
        # The key is one that no runtime has: Envoy asks for some key, and Istio gives this one.
        "aggression": {"default_value": aggression, "runtime_key": "("},
        "min_weight_percent": {"value": percent},
    }


def _error_codes(codes: tuple[int, ...]) -> Message:
    rules = [
        {"http_response_headers_match": {"headers": [{"name": ":status", "string_match": {"exact": str(code)}}]}}
        for code in codes
    ]
    matcher = rules[0] if len(rules) == 1 else {"or_match": {"rules": rules}}
    return {
        _HTTP_OPTIONS: {
            "@type": f"type.googleapis.com/{_HTTP_OPTIONS}",
            "explicit_http_config": {"http_protocol_options": {}},
            "outlier_detection": {"error_matcher": matcher},
        }
    }
