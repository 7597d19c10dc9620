"""A snapshot of clusters, services and workloads, and the answers that it gives."""

from meshtier.mesh.client import Client
from meshtier.mesh.comparison import Comparison
from meshtier.mesh.composed import ComposedRoute
from meshtier.mesh.mesh import Mesh
from meshtier.mesh.model import (
    Backend,
    Cluster,
    Namespace,
    PeeringGateway,
    Place,
    Service,
    ServiceScope,
    Workload,
)
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.why import Why

__all__ = [
    "Backend",
    "Client",
    "Cluster",
    "Comparison",
    "ComposedRoute",
    "Hop",
    "Mesh",
    "Namespace",
    "PeeringGateway",
    "Place",
    "Route",
    "Service",
    "ServiceScope",
    "Why",
    "Workload",
]
