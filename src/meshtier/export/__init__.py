"""A route as the configuration of a real Envoy: endpoints, cluster, and a bootstrap to try them with.

Plain data that ``json.dump`` writes. Only what one Envoy is told can be
exported; of a route through a waypoint that is each of its pods' own.
"""

from meshtier.export.addresses import AddressOf, pipe_address, socket_address
from meshtier.export.bootstrap import ENDPOINT_HEADER, FLAGS_HEADER, HASH_HEADER, bootstrap
from meshtier.export.cluster import cluster, outlier_detection
from meshtier.export.endpoints import METADATA_NAME, cluster_load_assignment, discovery_response
from meshtier.export.messages import Address, ClusterLoadAssignmentData, DiscoveryResponseData
from meshtier.export.upstream import Reached, Source, Upstream, upstream_of
from meshtier.public import publish

__all__ = [
    "ENDPOINT_HEADER",
    "FLAGS_HEADER",
    "HASH_HEADER",
    "METADATA_NAME",
    "Address",
    "AddressOf",
    "ClusterLoadAssignmentData",
    "DiscoveryResponseData",
    "Reached",
    "Source",
    "Upstream",
    "bootstrap",
    "cluster",
    "cluster_load_assignment",
    "discovery_response",
    "outlier_detection",
    "pipe_address",
    "socket_address",
    "upstream_of",
]

publish(__name__)
