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
        component: Who chooses.
        profile: Whose rules.
        port: The service's port; ``None`` for any.
        subset: A DestinationRule's subset; ``None`` for the whole host.
        defaults: The modes where nothing is set (COMP-2).
        at_network: The network at whose gateway the choice is made for traffic
            from another network, which goes to none (NET-5); ``""`` for all other traffic.
    """

    component: Component
    profile: Profile
    port: int | None = None
    subset: str | None = None
    defaults: Mapping[Component, Traits] = COMPONENTS
    at_network: str = ""

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
        return self.component, self.profile, self.port, self.subset, self.at_network

    def at_gateway(self, network: str) -> "RouteRequest":
        """The choice that the receiving side makes at the gateway of its network (NET-5)."""
        return evolve(self, component=Component.ZTUNNEL, subset=None, at_network=network)

    def to_waypoint(self) -> "RouteRequest":
        """The first of two choices: the way to a waypoint's pods, at ztunnel (COMP-1)."""
        return evolve(self, component=Component.ZTUNNEL, port=None, subset=None)
