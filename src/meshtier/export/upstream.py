"""What is one Envoy told about one host? Everything that its configuration is written from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from attrs import field, frozen

from meshtier.dataplane import EnvoySettings, LocalityGroup, check_groups
from meshtier.dataplane.settings import DEFAULT_SETTINGS
from meshtier.errors import InvalidValueError, check_name, check_type
from meshtier.mesh import Route
from meshtier.mesh.service_endpoint import ServiceEndpoint
from meshtier.rules import TrafficPolicy

HBONE_PORT: Final = 15008
"""Where gateways of other networks listen.

Source: istio/istio pilot/pkg/model/listener.go, HBoneInboundListenPort, at 86c9f01.
"""

NO_TRAFFIC_POLICY: Final = TrafficPolicy()


@frozen(kw_only=True)
class Reached:
    """How one endpoint is reached, as far as a mesh says.

    Attributes:
        addresses: Its IP addresses or host name; may be empty.
        gateway: The east-west gateway before it, as in ``Gateway eastwest/west``; ``""`` for none.
        network: Its network; ``""`` if unknown.
        port: The port at which it listens, whatever the service's is; ``None``
            for the service's. A gateway takes HBONE.
    """

    addresses: tuple[str, ...] = ()
    gateway: str = ""
    network: str = ""
    port: int | None = None


NOT_KNOWN: Final = Reached()
"""Where nothing is said of an endpoint."""


def _groups(value: Iterable[LocalityGroup]) -> tuple[LocalityGroup, ...]:
    check_type(value, Iterable, "groups", what="groups")
    return tuple(value)


@frozen(kw_only=True, eq=False)
class Upstream:
    """One host as one Envoy is told of it.

    Attributes:
        name: The cluster's name.
        groups: Its endpoints, by priority and locality.
        settings: How load is spread.
        traffic: Where outlier detection, hashing and warm-up are taken from.
        reached: Where its endpoints are, by id; may lack any of them.
        ports: Where the endpoints listen for each port of the service.

    Raises:
        InvalidValueError: The name is empty, or the groups are none that an Envoy would take.
    """

    name: str
    groups: tuple[LocalityGroup, ...] = field(converter=_groups)
    settings: EnvoySettings = DEFAULT_SETTINGS
    traffic: TrafficPolicy = NO_TRAFFIC_POLICY
    reached: Mapping[str, Reached] = field(factory=dict[str, Reached])
    ports: tuple[int, ...] = ()

    def __attrs_post_init__(self) -> None:
        check_name(self.name, "name")
        check_groups(self.groups)


Source: TypeAlias = Route | Upstream
"""What can be exported: a route, or plain values."""


def upstream_of(source: Source, *, name: str | None = None) -> Upstream:
    """What the Envoy that chooses on *source* is told of its host.

    Args:
        source: A route at a waypoint, an ingress gateway or a sidecar; one over
            the pods of a waypoint, if all that get traffic are told the same; an
            `Upstream` comes back as it is.
        name: The cluster's name; ``None`` for the route's host.

    Raises:
        InvalidValueError: It is not one Envoy that chooses, or it does not choose.

    Cost: O(n) in the endpoints, for each pod that chooses.
    """
    if isinstance(source, Upstream):
        return source
    _check(source)
    first, *others = [_of_choice(each, name) for each in _choices(source)]
    if any(_told(each) != _told(first) for each in others):
        raise _not_one(source, "whose pods are not told the same")
    return first


def _choices(route: Route) -> Sequence[Route]:
    """Who chooses the endpoint: one Envoy, or each pod of a waypoint that gets traffic."""
    if route.deciding is route:
        return [route]
    pods = [hop.route for hop in route.hops if hop.route.component is route.component]
    if not pods:
        raise _not_one(route, "none of whose pods gets traffic")
    return pods


def _of_choice(route: Route, name: str | None) -> Upstream:
    groups = route.selection.groups
    return Upstream(
        name=route.host if name is None else name,
        groups=groups,
        settings=route.selection.envoy,
        traffic=route.effective_rule.traffic or NO_TRAFFIC_POLICY,
        reached={
            endpoint.id: _reached(route.visible.available[endpoint.id])
            for group in groups
            for endpoint in group.endpoints
        },
        ports=tuple(route.service.target_of(number) for number, _ in route.service.ports),
    )


def _told(upstream: Upstream) -> tuple[object, ...]:
    return upstream.groups, upstream.settings, upstream.traffic, upstream.reached, upstream.ports


def _check(route: Route) -> None:
    component = route.component
    if not component.traits.is_told_priorities:
        raise InvalidValueError(
            f"expected a route at an Envoy (waypoint, ingress-gateway or sidecar), got one at {component}, which takes"
            " no endpoints from a file; ask about one of those by `component` (--via)",
            "route",
        )
    if route.passthrough:
        raise InvalidValueError(
            f"expected a host among whose endpoints the Envoy chooses, got {route.host}, which is passed through"
            f" ({route.passthrough})",
            "route",
        )


def _not_one(route: Route, why: str) -> InvalidValueError:
    pods = [hop.by for hop in route.hops if hop.route.component is route.component and hop.route is not route]
    advice = f"; ask for the route from one of them (--from): {', '.join(pods)}" if pods else ""
    return InvalidValueError(f"expected a route at one Envoy, got one through a waypoint {why}{advice}", "route")


def _reached(member: ServiceEndpoint) -> Reached:
    return Reached(
        addresses=member.workload.addresses,
        gateway="" if member.gateway is None else str(member.gateway),
        network=member.place.locality.network,
        port=HBONE_PORT if member.behind else None,
    )
