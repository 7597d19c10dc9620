"""What is one Envoy told about one host? Everything that its configuration is written from."""

from collections.abc import Iterable, Mapping
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
        source: A route at a waypoint, an ingress gateway or a sidecar; an
            `Upstream` comes back as it is.
        name: The cluster's name; ``None`` for the route's host.

    Raises:
        InvalidValueError: It is not one Envoy that chooses, or it does not choose.

    Cost: O(n) in the endpoints.
    """
    if isinstance(source, Upstream):
        return source
    _check(source)
    traffic = source.effective_rule.traffic or NO_TRAFFIC_POLICY
    groups = source.selection.groups
    return Upstream(
        name=source.host if name is None else name,
        groups=groups,
        settings=source.selection.envoy,
        traffic=traffic,
        reached={
            endpoint.id: _reached(source.visible.available[endpoint.id])
            for group in groups
            for endpoint in group.endpoints
        },
        ports=tuple(source.service.target_of(number) for number, _ in source.service.ports),
    )


def _check(route: Route) -> None:
    component = route.component
    if not component.traits.is_told_priorities:
        raise InvalidValueError(
            f"expected a route at an Envoy (waypoint, ingress-gateway or sidecar), got one at {component};"
            f" {component} takes no endpoints from a file",
            "route",
        )
    if route.deciding is not route:
        pods = ", ".join(hop.by for hop in route.hops[1:]) or "none of which gets traffic"
        raise InvalidValueError(
            f"expected a route at one Envoy, got one over the pods of a waypoint ({pods});"
            " export `hop.route` of one of `route.hops[1:]`, or ask for the route from that pod",
            "route",
        )
    if route.passthrough:
        raise InvalidValueError(
            f"expected a host among whose endpoints the Envoy chooses, got {route.host}, which is passed through"
            f" ({route.passthrough})",
            "route",
        )


def _reached(member: ServiceEndpoint) -> Reached:
    return Reached(
        addresses=member.workload.addresses,
        gateway="" if member.gateway is None else str(member.gateway),
        network=member.place.locality.network,
        port=HBONE_PORT if member.behind else None,
    )
