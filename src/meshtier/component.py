"""Who chooses? The components that send traffic, and what each of them obeys."""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import evolve, frozen
from typing_extensions import override

from meshtier.distribution import TrafficDistribution
from meshtier.errors import InvalidValueError
from meshtier.public import publish


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
    """What one component is like: all that tells it from the others, as data.

    Attributes:
        layer: ``"L4"`` or ``"L7"``.
        spreads_by: The name of its data plane, in `meshtier.dataplane.DATA_PLANES`.
        obeys_destination_rules: Whether a DestinationRule can replace traffic distribution here.
        knows_zone_awareness: Whether a ``zoneAwareLbSetting`` has an effect here.
        is_told_priorities: Whether it gets the tiers as numbered priorities (DR-8).
        is_told_unready: Whether it gets endpoints that are not ready too, and
            counts them in their priority (TIER-5).
        reads_locality_override: Whether it sees a pod where the pod's own label
            says, and not where its node is (LOC-5).
        through_waypoints: Whether its traffic goes through the waypoint of a
            service that has one, under every profile (COMP-1).
        default_mode: The mode where nothing is set (COMP-2).
        global_default_mode: The same for a global service.
    """

    layer: str
    spreads_by: str
    obeys_destination_rules: bool
    knows_zone_awareness: bool
    is_told_priorities: bool
    is_told_unready: bool
    reads_locality_override: bool
    through_waypoints: bool
    default_mode: TrafficDistribution = TrafficDistribution.ANY
    global_default_mode: TrafficDistribution = TrafficDistribution.PREFER_NETWORK


_ENVOY: Final = Traits(
    layer="L7",
    spreads_by="envoy",
    obeys_destination_rules=True,
    knows_zone_awareness=True,
    is_told_priorities=True,
    is_told_unready=True,
    # istio/istio pilot/pkg/serviceregistry/kube/controller/controller.go, getPodLocality, at 86c9f01
    reads_locality_override=True,
    through_waypoints=False,
)
_ZTUNNEL: Final = Traits(
    layer="L4",
    spreads_by="ztunnel",
    obeys_destination_rules=False,
    knows_zone_awareness=False,
    is_told_priorities=False,
    # istio/ztunnel src/state/service.rs, should_include_endpoint, at 62d8265
    is_told_unready=False,
    reads_locality_override=False,
    through_waypoints=True,
)

COMPONENTS: Final[Mapping[Component, Traits]] = MappingProxyType(
    {
        Component.ZTUNNEL: _ZTUNNEL,
        # A waypoint has no cluster of its own kind to compare zones with: istio/istio loadbalancer.go,
        # ZoneAwareLBSettings.ApplyToCluster, and endpoint_builder.go, BuildClusterLoadAssignment, at 86c9f01.
        Component.WAYPOINT: evolve(_ENVOY, knows_zone_awareness=False),
        Component.INGRESS_GATEWAY: _ENVOY,
        Component.SIDECAR: _ENVOY,
        # An L7 gateway whose own ztunnel carries, and so spreads, the traffic.
        Component.KGATEWAY: evolve(_ZTUNNEL, layer="L7"),
    }
)
"""The table of components (COMP)."""


publish(__name__)
