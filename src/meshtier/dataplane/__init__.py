"""How does each data plane spread load over the endpoints that it was given?"""

from meshtier.dataplane.ejection import MERGE_WINDOW_S, EjectionBounds, Failure, PriorityBounds, ejection_bounds
from meshtier.dataplane.envoy import HostShares, NoHost, PriorityLoads, host_shares, priority_loads
from meshtier.dataplane.load_assignment import (
    LoadAssignment,
    LocalityGroup,
    assign,
    assign_tiers,
    check_groups,
)
from meshtier.dataplane.planes import DATA_PLANES, DataPlane, Selection, data_plane, spread
from meshtier.dataplane.settings import ISTIO_ENVOY, PLAIN_ENVOY, EnvoySettings, LbPolicy, ZoneAware
from meshtier.dataplane.shares import Shares
from meshtier.public import publish

__all__ = [
    "DATA_PLANES",
    "ISTIO_ENVOY",
    "MERGE_WINDOW_S",
    "PLAIN_ENVOY",
    "DataPlane",
    "EjectionBounds",
    "EnvoySettings",
    "Failure",
    "HostShares",
    "LbPolicy",
    "LoadAssignment",
    "LocalityGroup",
    "NoHost",
    "PriorityBounds",
    "PriorityLoads",
    "Selection",
    "Shares",
    "ZoneAware",
    "assign",
    "assign_tiers",
    "check_groups",
    "data_plane",
    "ejection_bounds",
    "host_shares",
    "priority_loads",
    "spread",
]

publish(__name__)
