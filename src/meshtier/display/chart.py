"""Where does the traffic go, as a picture? All charts and pictures, by the names that callers use.

Needs the extra ``plot``. `route_chart` and `topology` need no package; they are
in `meshtier.display.path_picture` and `meshtier.display.topology` too.
"""

from meshtier.display.failover_chart import failover_chart
from meshtier.display.path_picture import route_chart
from meshtier.display.route_charts import flow_chart, shares_chart
from meshtier.display.timeline_chart import timeline_chart
from meshtier.display.topology import topology

__all__ = ["failover_chart", "flow_chart", "route_chart", "shares_chart", "timeline_chart", "topology"]
