"""Where does the traffic of a mesh cross zones, how evenly is it carried, and what does it cost?

>>> from meshtier.kube import load as read
>>> traffic = Traffic.from_mapping({("*", "covers.example.com"): 24.0}, unit="MB/s")
>>> matrix = zone_matrix(read("examples/bookinfo/gateways"), traffic)
>>> matrix
<ZoneMatrix 24 MB/s: 52.1 % same-zone, 47.9 % cross-zone>
>>> cost(matrix, Prices(zone=0.02), per="hour")
<Cost 0.83 USD an hour>
"""

from meshtier.public import publish
from meshtier.traffic.before_after import Delta, Deltas, compare
from meshtier.traffic.costs import Cost, CostLine, cost
from meshtier.traffic.crossing import Crossing, Flow
from meshtier.traffic.crossing_shares import CrossingShares
from meshtier.traffic.demand import Rate, Sender, Traffic
from meshtier.traffic.loads import Load, ServiceLoad, load
from meshtier.traffic.matrix import ZoneMatrix, zone_matrix
from meshtier.traffic.mesh_flows import EndpointLoad, Flows, flows
from meshtier.traffic.overall import Overview, overview
from meshtier.traffic.prices import Prices
from meshtier.traffic.prometheus import Direction
from meshtier.traffic.rate_files import read_prices, read_rates
from meshtier.traffic.replicas import ZoneReplicas, suggested_replicas
from meshtier.traffic.senders import Unmatched

__all__ = [
    "Cost",
    "CostLine",
    "Crossing",
    "CrossingShares",
    "Delta",
    "Deltas",
    "Direction",
    "EndpointLoad",
    "Flow",
    "Flows",
    "Load",
    "Overview",
    "Prices",
    "Rate",
    "Sender",
    "ServiceLoad",
    "Traffic",
    "Unmatched",
    "ZoneMatrix",
    "ZoneReplicas",
    "compare",
    "cost",
    "flows",
    "load",
    "overview",
    "read_prices",
    "read_rates",
    "suggested_replicas",
    "zone_matrix",
]

publish(__name__)
