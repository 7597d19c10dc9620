"""How does each data plane spread load over the endpoints that it was given?"""

from meshtier.dataplane.envoy import HostShares, PriorityLoads, host_shares, priority_loads
from meshtier.dataplane.settings import EnvoySettings, Host, LbPolicy, LocalityGroup, ZoneAware
from meshtier.dataplane.shares import Shares
from meshtier.dataplane.spread import ISTIO_ENVOY, PLAIN_ENVOY, spread
from meshtier.public import publish

__all__ = [
    "ISTIO_ENVOY",
    "PLAIN_ENVOY",
    "EnvoySettings",
    "Host",
    "HostShares",
    "LbPolicy",
    "LocalityGroup",
    "PriorityLoads",
    "Shares",
    "ZoneAware",
    "host_shares",
    "priority_loads",
    "spread",
]

publish(__name__)
