"""A snapshot of clusters, services and workloads, and the answers that it gives."""

from meshtier.mesh.clients import Client
from meshtier.mesh.comparison import Comparison
from meshtier.mesh.explanation import Explanation
from meshtier.mesh.mesh import Mesh
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.snapshot import (
    Backend,
    Cluster,
    Namespace,
    PeeringGateway,
    Place,
    Service,
    ServiceScope,
    Workload,
)
from meshtier.mesh.waypoint_route import WaypointRoute
from meshtier.public import publish

__all__ = [
    "Backend",
    "Client",
    "Cluster",
    "Comparison",
    "Explanation",
    "Hop",
    "Mesh",
    "Namespace",
    "PeeringGateway",
    "Place",
    "Route",
    "Service",
    "ServiceScope",
    "WaypointRoute",
    "Workload",
]

publish(__name__)
