"""Who chooses? The components that send traffic, and what each of them obeys."""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen
from typing_extensions import override

from meshtier.distribution import TrafficDistribution
from meshtier.errors import InvalidValueError
from meshtier.public import publish


class Balancing(enum.Enum):
    """How a component turns tiers into shares of traffic."""

    BEST_TIER = "best tier"  # all traffic to the nearest tier with a healthy endpoint (LOAD-1)
    ENVOY = "Envoy"  # spilling over priorities as their health falls (LOAD-2)


class Component(enum.Enum):
    """A part of the mesh that chooses endpoints (COMP)."""

    ZTUNNEL = "ztunnel"  # L4 traffic of an ambient pod
    WAYPOINT = "waypoint"  # L7 traffic of a service that has a waypoint
    INGRESS_GATEWAY = "ingress-gateway"  # what enters through an Istio gateway
    SIDECAR = "sidecar"  # traffic of a pod with an Envoy of its own
    KGATEWAY = "kgateway"  # what enters through Solo Enterprise for kgateway

    @classmethod
    def parse(cls, text: str) -> "Component":
        """The component of this name; case, blanks, ``-`` and ``_`` make no difference.

        Raises:
            InvalidValueError: No component is called so; the message lists those that there are.

        >>> Component.parse("Ingress Gateway")
        <Component.INGRESS_GATEWAY>
        """
        key = "".join(letter for letter in str(text).lower() if letter.isalnum())
        for component in cls:
            if component.value.replace("-", "") == key:
                return component
        allowed = ", ".join(component.value for component in cls)
        raise InvalidValueError(f"expected one of {allowed}, got {text!r}", "component")

    @property
    def traits(self) -> "Traits":
        """This component's row of `COMPONENTS`."""
        return COMPONENTS[self]

    @override
    def __str__(self) -> str:
        return self.value

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self.name}>"


@frozen(kw_only=True)
class Traits:
    """What one component is like.

    Attributes:
        layer: ``"L4"`` or ``"L7"``.
        obeys_destination_rules: Whether a DestinationRule can replace traffic distribution here.
        balancing: How it spreads load over tiers.
        default_mode: The mode where nothing is set (COMP-2).
        global_default_mode: The same for a global service.
    """

    layer: str
    obeys_destination_rules: bool
    balancing: Balancing
    default_mode: TrafficDistribution = TrafficDistribution.ANY
    global_default_mode: TrafficDistribution = TrafficDistribution.PREFER_NETWORK


_ENVOY: Final = Traits(layer="L7", obeys_destination_rules=True, balancing=Balancing.ENVOY)
_ZTUNNEL: Final = Traits(layer="L4", obeys_destination_rules=False, balancing=Balancing.BEST_TIER)

COMPONENTS: Final[Mapping[Component, Traits]] = MappingProxyType(
    {
        Component.ZTUNNEL: _ZTUNNEL,
        Component.WAYPOINT: _ENVOY,
        Component.INGRESS_GATEWAY: _ENVOY,
        Component.SIDECAR: _ENVOY,
        # An L7 gateway whose own ztunnel carries, and so spreads, the traffic.
        Component.KGATEWAY: Traits(layer="L7", obeys_destination_rules=False, balancing=Balancing.BEST_TIER),
    }
)
"""The table of components (COMP)."""


publish(__name__)
