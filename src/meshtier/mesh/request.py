"""What is asked about a client and a host, besides these two?"""

from collections.abc import Mapping

from attrs import evolve, frozen

from meshtier.component import COMPONENTS, Component, Traits
from meshtier.mesh.hostnames import Naming
from meshtier.profile import Profile


@frozen(kw_only=True)
class RouteRequest:
    """A question.

    Attributes:
        component: Who chooses, or for a path, where it starts.
        profile: Whose rules.
        port: The service's port; ``None`` for any.
        subset: A DestinationRule's subset; ``None`` for the whole host.
        defaults: The modes where nothing is set (COMP-2).
        at_network: The network at whose gateway the choice is made for traffic
            from another network, which goes to none (NET-5); ``None`` for all other traffic.
        path: Whether the way that traffic really takes is asked for, and not one component (PATH).
        sent_alike: Whether the component is told of the endpoints without any
            priority, whatever is set, as Istio's gateways are of a waypoint's pods.
    """

    component: Component
    profile: Profile
    port: int | None = None
    subset: str | None = None
    defaults: Mapping[Component, Traits] = COMPONENTS
    at_network: str | None = None
    path: bool = False
    sent_alike: bool = False

    @property
    def traits(self) -> Traits:
        """What the component that chooses is like."""
        return self.component.traits

    @property
    def naming(self) -> Naming:
        """Whose rules for host names hold (COMP-3)."""
        return Naming.of(self.profile, self.component)

    @property
    def key(self) -> object:
        """What tells it from other questions; ``None`` where a caller's own defaults make it the only one."""
        if self.defaults is not COMPONENTS:
            return None
        return self.component, self.profile, self.port, self.subset, self.path, self.sent_alike, self.at_network

    def at_gateway(self, network: str) -> "RouteRequest":
        """The choice that the receiving side makes at the gateway of its network (NET-5), by its own path."""
        return evolve(self, component=Component.ZTUNNEL, subset=None, path=True, sent_alike=False, at_network=network)

    def to_waypoint(self) -> "RouteRequest":
        """The first of two choices: a waypoint's pod (COMP-1). Where no client's start is known, ztunnel makes it.

        Source: istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go, BuildClusterLoadAssignment, at 86c9f01,
        which gives an Envoy the pods before it looks at any locality.
        """
        start = Component.ZTUNNEL if self.component is Component.WAYPOINT else self.component
        is_envoy = start.traits.is_told_priorities
        return evolve(self, component=start, port=None, subset=None, path=False, sent_alike=is_envoy)

    def at_waypoint(self) -> "RouteRequest":
        """The second: what a waypoint's pod makes of the host."""
        return evolve(self, component=Component.WAYPOINT, path=False)
