"""A snapshot of clusters, services and workloads, and the answers that it gives."""

from meshtier.mesh.clients import Client
from meshtier.mesh.direct_route import DirectRoute
from meshtier.mesh.explanation import Comparison, Explanation
from meshtier.mesh.mesh import Mesh
from meshtier.mesh.outcome import RouteTier
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.rows import Row
from meshtier.mesh.snapshot import (
    Backend,
    Cluster,
    Namespace,
    PeeringGateway,
    Place,
    Service,
    ServiceScope,
    Workload,
    WorkloadKey,
)
from meshtier.mesh.waypoint_route import WaypointRoute
from meshtier.public import publish

__all__ = [
    "Backend",
    "Client",
    "Cluster",
    "Comparison",
    "DirectRoute",
    "Explanation",
    "Hop",
    "Mesh",
    "Namespace",
    "PeeringGateway",
    "Place",
    "Route",
    "RouteTier",
    "Row",
    "Service",
    "ServiceScope",
    "WaypointRoute",
    "Workload",
    "WorkloadKey",
]

publish(__name__)
