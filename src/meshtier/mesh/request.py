"""What is asked about a client and a host, besides these two?"""

from collections.abc import Mapping

from attrs import evolve, frozen

from meshtier.component import COMPONENTS, Component, Traits
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
    """

    component: Component
    profile: Profile
    port: int | None = None
    subset: str | None = None
    defaults: Mapping[Component, Traits] = COMPONENTS

    @property
    def traits(self) -> Traits:
        """What the component that chooses is like."""
        return self.component.traits

    @property
    def key(self) -> object:
        """What tells it from other questions; ``None`` where a caller's own defaults make it the only one."""
        if self.defaults is not COMPONENTS:
            return None
        return self.component, self.profile, self.port, self.subset

    def to_waypoint(self) -> "RouteRequest":
        """The first of two choices: the way to a waypoint's pods, at ztunnel (COMP-1)."""
        return evolve(self, component=Component.ZTUNNEL, port=None, subset=None)
