"""Which Gateways can be waypoints, and for whom? (WP-2)"""

from collections.abc import Iterator, Mapping
from typing import Final

from meshtier.kube import schema
from meshtier.kube.workloads import Key
from meshtier.mesh.snapshot import Admits, LabelRequirement, WaypointGateway

WAYPOINT_FOR_LABEL: Final = "istio.io/waypoint-for"
INBOUND_BINDING: Final = "ambient.istio.io/waypoint-inbound-binding"
"""The annotation that says which other listener a ztunnel sends to, as in ``PROXY/15088``."""

PROXY_PROTOCOL: Final = "istio.io/PROXY"
"""Source: istio/istio pkg/config/constants/constants.go, WaypointSandwichListenerProxyProtocol, at 86c9f01."""

_BINDINGS: Final = frozenset({"PROXY", "NONE"})
_OPERATORS: Final[Mapping[str, tuple[bool, bool]]] = {
    "In": (True, False),
    "NotIn": (True, True),
    "Exists": (False, False),
    "DoesNotExist": (False, True),
}
"""The operators of a label selector: whether they go with values, and whether they refuse what fits.

Source: kubernetes/apimachinery pkg/labels/selector.go, NewRequirement.
"""


def waypoint_gateways(
    gateways: Mapping[Key, schema.Gateway], classes: Mapping[Key, schema.GatewayClass]
) -> Mapping[str, WaypointGateway]:
    """The Gateways that can be waypoints, by ``namespace/name``: all of them, for istiod asks for no class.

    Source: istio/istio ambient/waypoints.go, gatewayToWaypointTransform and makeAllowedRoutes, at 86c9f01.
    """
    found: dict[str, WaypointGateway] = {}
    for (namespace, name), gateway in gateways.items():
        spec = gateway.spec or schema.GatewaySpec()
        of_class = classes.get(("", spec.gateway_class_name or ""))
        said = [each.metadata for each in (gateway, of_class) if each is not None]  # the nearer one first
        labels = [meta.labels for meta in said if meta.labels]
        annotations = [meta.annotations for meta in said if meta.annotations]
        binding = next((each[INBOUND_BINDING] for each in annotations if INBOUND_BINDING in each), "")
        admits, selector = _admitted(_listener(spec, binding))
        found[f"{namespace}/{name}"] = WaypointGateway(
            name=name,
            namespace=namespace,
            serves=next((each[WAYPOINT_FOR_LABEL] for each in labels if WAYPOINT_FOR_LABEL in each), "service"),
            ready=None if gateway.status is None else bool(gateway.status.addresses),
            admits=admits,
            selector=selector,
        )
    return found


def listener_problems(gateway: schema.Gateway) -> Iterator[tuple[str, str]]:
    """What cannot be understood about whom its listeners take, each with its path."""
    for index, listener in enumerate((gateway.spec.listeners if gateway.spec is not None else None) or ()):
        namespaces = _namespaces(listener)
        path = f"spec.listeners[{index}].allowedRoutes.namespaces"
        words = [word.value for word in Admits]
        if namespaces.from_ is not None and namespaces.from_ not in words:
            yield f"{path}.from", f"expected one of {', '.join(map(repr, words))}, got {namespaces.from_!r}"
        selector = namespaces.selector or schema.LabelSelector()
        for number, each in enumerate(selector.match_expressions or ()):
            where = f"{path}.selector.matchExpressions[{number}]"
            if each.operator not in _OPERATORS:
                yield f"{where}.operator", f"expected one of {', '.join(map(repr, _OPERATORS))}, got {each.operator!r}"
            elif bool(each.values) is not _OPERATORS[each.operator][0]:
                text = "expected no values, got some" if each.values else "expected values, got none"
                yield f"{where}.values", f"{text} (operator {each.operator})"


def _listener(spec: schema.GatewaySpec, binding: str) -> schema.Listener:
    """The listener that a ztunnel sends to; an empty one where there is none (findBoundListener)."""
    listeners = spec.listeners or ()
    protocol, _slash, port = binding.partition("/")
    if protocol in _BINDINGS and "/" not in port:
        number = int(port) if port.isdecimal() else 0
        bound = (each for each in listeners if _is_bound(each, number, protocol))
        if (first := next(bound, None)) is not None:
            return first
    hbone = (each for each in listeners if (each.protocol, each.port) == ("HBONE", 15008))
    return next(hbone, schema.Listener())


def _is_bound(listener: schema.Listener, port: int, protocol: str) -> bool:
    return listener.port == port if port else protocol == "PROXY" and listener.protocol == PROXY_PROTOCOL


def _namespaces(listener: schema.Listener) -> schema.RouteNamespaces:
    routes = listener.allowed_routes
    return (routes.namespaces if routes is not None else None) or schema.RouteNamespaces()


def _admitted(listener: schema.Listener) -> tuple[Admits, tuple[LabelRequirement, ...] | None]:
    namespaces = _namespaces(listener)
    admits = Admits(namespaces.from_ or Admits.SAME.value)
    selector = namespaces.selector
    if admits is not Admits.SELECTOR or selector is None:  # an absent selector matches nothing, an empty one all
        return admits, None
    exact = [LabelRequirement(key, frozenset({value})) for key, value in (selector.match_labels or {}).items()]
    return admits, (*exact, *map(_requirement, selector.match_expressions or ()))


def _requirement(found: schema.LabelSelectorRequirement) -> LabelRequirement:
    has_values, negated = _OPERATORS[found.operator]
    return LabelRequirement(found.key, frozenset(found.values or ()) if has_values else None, negated=negated)
