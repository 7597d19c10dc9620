"""Where are the nodes and pods of a cluster? Labels as places, each part with what said it."""

from collections.abc import Iterable, Mapping
from typing import Final

from meshtier.kube import schema
from meshtier.locality import LEGACY_LABELS, SCOPE_LABELS, SCOPES, Locality, Scope
from meshtier.mesh.placement import NODE_NAME
from meshtier.mesh.snapshot import Place

SYSTEM_NAMESPACE: Final = "istio-system"
"""The namespace whose labels speak for the cluster (LOC-2)."""

SEGMENT_LABEL: Final = "admin.solo.io/segment"
"""The label of the system namespace that puts a cluster into a segment (COMP-3)."""

OVERRIDES: Final = ("topology.istio.io/locality", "istio-locality")
"""The pod labels that override the node's for Envoys, the first that is there (LOC-5).

Source: istio/istio pkg/model/proxy.go, GetLocalityLabel, at 86c9f01; ztunnel is told the
node's place in any case (ambient/workloads.go, getPodLocality).
"""

_OVERRIDE, _OLD_OVERRIDE = OVERRIDES

NETWORK: Final = SCOPE_LABELS[Scope.NETWORK]
_HOSTNAME: Final = SCOPE_LABELS[Scope.NODE]


def labelled_place(title: str, labels: Mapping[str, str], *, network: str = "", network_origin: str = "") -> Place:
    """The place that the topology labels of an object give, as for a Gateway (LOC-3); its node is unknown.

    Args:
        title: The object, for the origins.
        labels: Its labels.
        network: What holds where no label gives the network.
        network_origin: Who says so.
    """
    locality = Locality.from_gateway(labels)
    origins = [_origin(title, labels, scope) for scope in SCOPES[:-1]]
    if NETWORK not in labels and network:
        locality, origins[0] = locality._replace(network=network), network_origin
    return Place(locality, (*origins, ""))


def entry_places(
    title: str, path: str, spec: schema.EntrySpec, labels: Mapping[str, str], *, network: str, network_origin: str
) -> tuple[Place, Place]:
    """Where a WorkloadEntry, or an endpoint of a ServiceEntry, is for ztunnel, and where for Envoys (LOC-2, LOC-4).

    Args:
        title: The object, for the origins.
        path: Where its fields stand in it.
        spec: Its fields.
        labels: Its labels.
        network: The network of the cluster, which holds where nothing names one.
        network_origin: What gave it.
    """
    # istio/istio ambient/workloads.go, workloadEntryWorkloadBuilder, at 86c9f01: the entry's own, else the cluster's.
    if spec.network:
        network, network_origin = spec.network, f"{title} {path}network"
    locality = Locality.parse(spec.locality or "", network=network)
    origin = f"{title} {path}locality"
    said = (origin if part else "" for part in locality[1:4])
    place = Place(locality, (network_origin if network else "", *said, ""))
    # serviceentry/conversion.go, convertWorkloadEntryToWorkloadInstance and workloadEntryNetwork: Envoys read labels
    # where the entry's own fields say nothing. util/label/label.go, AugmentLabels, keeps the label of the node.
    seen = place if spec.locality else overridden(place, labels, title)
    if not spec.network and labels.get(NETWORK):
        seen = _in_network(seen, labels[NETWORK], f"{title} label {NETWORK}")
    if node := labels.get(_HOSTNAME):
        seen = Place(seen.locality._replace(node=node), (*seen.origins[:4], f"{title} label {_HOSTNAME}"))
    return place, seen


def overridden(place: Place, labels: Mapping[str, str], title: str) -> Place:
    """The place as Envoys see it, given the labels of what is there (LOC-5), and what that is."""
    for label in OVERRIDES:
        text = labels.get(label)
        if text:
            # A label cannot hold a slash, so dots stand for it (pkg/model/proxy.go, SanitizeLocalityLabel, at 86c9f01).
            parts = Locality.parse(text if "/" in text else text.replace(".", "/"))
            locality = Locality(place.locality.network, *parts[1:4], place.locality.node)
            said = (f"{title} label {label}" if part else "" for part in parts[1:4])
            return Place(locality, (place.origins[0], *said, place.origins[4]))
    return place


class Places:
    """The places of one cluster: of its nodes, and of what runs on them.

    Args:
        network: Its network; ``""`` if unknown.
        network_origin: What gave it.
        nodes: Its Nodes.
        says_network: Whether the input has what would give the network. Without
            it, what ztunnel is told is unknown, and a pod's own label is taken.

    Attributes:
        network: The cluster's network; ``""`` if unknown.
        network_origin: What gave it.
        nodes: Where each node is, by name.
        unplaced: In that network, and nothing else is known.
    """

    def __init__(
        self, network: str, network_origin: str, nodes: Iterable[schema.Node], *, says_network: bool = True
    ) -> None:
        self.network = network
        self.network_origin = network_origin
        self._says_network = says_network
        self.nodes: dict[str, Place] = {}
        self._unknown: dict[str, Place] = {}
        self._seen: dict[tuple[str, str, str, str], tuple[Place, Place]] = {}
        self.unplaced: Place = Place(Locality(network), (network_origin, "", "", "", ""))
        for node in nodes:
            self._add_node(node)

    def of_pod(self, node: str, labels: Mapping[str, str]) -> tuple[Place, Place]:
        """Where a pod on *node* is for ztunnel, and where for Envoys; shared with all that are there."""
        is_plain = _OVERRIDE not in labels and _OLD_OVERRIDE not in labels and NETWORK not in labels
        place = self.nodes.get(node)
        if place is None:
            place = self._on_unknown_node(node)
        if is_plain:  # nearly every pod of a dump of 100,000
            return place, place
        # LOC-2: the pod's label, which may not be empty, before that of the namespace for Envoys alone.
        # Source: istio/istio kube/controller/controller.go, Network; ambient/workloads.go, podWorkloadBuilder, which
        # takes the cluster's network; at 86c9f01.
        network = labels.get(NETWORK) or self.network
        key = (node, network, labels.get(_OVERRIDE, ""), labels.get(_OLD_OVERRIDE, ""))
        seen = self._seen.get(key)
        if seen is None:
            own = place if network == self.network else _in_network(place, network, f"Pod label {NETWORK}")
            seen = self._seen[key] = (place if self._says_network else own, overridden(own, labels, "Pod"))
        return seen

    def of_slice(self, node: str, zone: str, title: str) -> Place:
        """Where an endpoint of an EndpointSlice is whose pod is unknown: on its node, or in what zone it is said to be.

        Args:
            node: The node; ``""`` if the slice does not say.
            zone: The zone likewise.
            title: The endpoint, for the origins.
        """
        place = self.nodes.get(node)
        if place is not None:
            return place
        if node and not zone:
            return self._on_unknown_node(node)
        origins = ("", f"{title} zone" if zone else "", "", f"{title} nodeName" if node else "")
        return Place(Locality(self.network, zone=zone, node=node), (self.network_origin, *origins))

    def _add_node(self, node: schema.Node) -> None:
        # The labels are those of istio/istio kube/controller/controller.go, getPodLocality, at 86c9f01.
        name, labels = node.metadata.name, node.metadata.labels or {}
        title = f"Node {name}"
        origins = (_origin(title, labels, scope) for scope in SCOPES[1:-1])
        locality = Locality.from_node(labels, name=name, network=self.network)
        self.nodes[name] = Place(locality, (self.network_origin, *origins, f"{title} metadata.name"))

    def _on_unknown_node(self, node: str) -> Place:
        place = self._unknown.get(node)
        if place is None:
            origins = (self.network_origin, "", "", "", NODE_NAME if node else "")
            place = self._unknown[node] = Place(Locality(self.network, node=node), origins)
        return place


def _in_network(place: Place, network: str, origin: str) -> Place:
    return Place(place.locality._replace(network=network), (origin, *place.origins[1:]))


def _origin(title: str, labels: Mapping[str, str], scope: Scope) -> str:
    if SCOPE_LABELS[scope] in labels:
        return f"{title} label {SCOPE_LABELS[scope]}"
    if scope in LEGACY_LABELS and LEGACY_LABELS[scope] in labels:
        return f"{title} label {LEGACY_LABELS[scope]}"
    return ""
