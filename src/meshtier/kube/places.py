"""Where are the nodes and pods of a cluster? Labels as places, each part with what said it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from meshtier.kube import schema
from meshtier.locality import LEGACY_LABELS, SCOPE_LABELS, SCOPES, Locality, Scope, legacy_scopes
from meshtier.mesh.snapshot import Place
from meshtier.note import Note

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


def named(names: Iterable[str], *, at_most: int = 3) -> str:
    """The first few names in order, as a sentence lists them.

    >>> named(["d", "b", "c", "a"])
    'a, b, c and 1 more'
    """
    ordered = sorted(names)
    more = len(ordered) - at_most
    return ", ".join(ordered[:at_most]) + (f" and {more} more" if more > 0 else "")


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


def entry_place(title: str, spec: schema.EntrySpec, *, network: str, network_origin: str) -> Place:
    """The place of a WorkloadEntry, or of an endpoint that stands in a ServiceEntry (LOC-4).

    Args:
        title: The object, for the origins.
        spec: Its fields.
        network: The network of the cluster, which holds where the entry names none.
        network_origin: What gave it.
    """
    # istio/istio ambient/workloads.go, workloadEntryWorkloadBuilder, at 86c9f01: the entry's own, else the cluster's.
    if spec.network:
        network, network_origin = spec.network, f"{title} network"
    locality = Locality.parse(spec.locality or "", network=network)
    origin = f"{title} locality"
    return Place(locality, (network_origin if network else "", *(origin if part else "" for part in locality[1:4]), ""))


def overridden(place: Place, labels: Mapping[str, str]) -> Place:
    """The place as Envoys see it, given the labels of what is there (LOC-5)."""
    for label in OVERRIDES:
        text = labels.get(label)
        if text:
            # A label cannot hold a slash, so dots stand for it (pkg/model/proxy.go, SanitizeLocalityLabel, at 86c9f01).
            parts = Locality.parse(text if "/" in text else text.replace(".", "/"))
            locality = Locality(place.locality.network, *parts[1:4], place.locality.node)
            said = (f"label {label}" if part else "" for part in parts[1:4])
            return Place(locality, (place.origins[0], *said, place.origins[4]))
    return place


class Places:
    """The places of one cluster: of its nodes, and of what runs on them.

    Attributes:
        network: The cluster's network; ``""`` if unknown.
        network_origin: What gave it.
        nodes: Where each node is, by name.
    """

    def __init__(self, network: str, network_origin: str, nodes: Iterable[schema.Node]) -> None:
        self.network = network
        self.network_origin = network_origin
        self.nodes: dict[str, Place] = {}
        self._legacy: dict[str, tuple[Scope, ...]] = {}
        self._places: dict[tuple[str, str], Place] = {}
        self._seen: dict[tuple[str, str, str, str], Place] = {}
        self._absent: Counter[str] = Counter()
        for node in nodes:
            self._add_node(node)

    def of_pod(self, node: str, labels: Mapping[str, str]) -> tuple[Place, Place]:
        """Where a pod on *node* is for ztunnel, and where for Envoys; shared with all that are there."""
        is_plain = _OVERRIDE not in labels and _OLD_OVERRIDE not in labels
        known = self.nodes.get(node)
        if known is not None and is_plain and NETWORK not in labels:  # nearly every pod of a dump of 100,000
            return known, known
        place = self._on_node(node, labels.get(NETWORK))
        if is_plain:
            return place, place
        key = (node, place.locality.network, labels.get(_OVERRIDE, ""), labels.get(_OLD_OVERRIDE, ""))
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = overridden(place, labels)
        return place, seen

    def of_zone(self, node: str, zone: str, title: str) -> Place:
        """Where an endpoint without a pod is: on its node, or in what zone it is said to be."""
        if node in self.nodes or not zone:
            return self._on_node(node, None)
        origins = (self.network_origin, "", f"{title} zone", "", f"{title} nodeName" if node else "")
        return Place(Locality(self.network, zone=zone, node=node), origins)

    def notes(self) -> Sequence[Note]:
        """What was doubtful."""
        notes: list[Note] = []
        for scopes in sorted(set(self._legacy.values()), key=str):
            names = [name for name, legacy in self._legacy.items() if legacy == scopes]
            labels = " and ".join(LEGACY_LABELS[scope] for scope in scopes)
            notes.append(
                Note("legacy-labels", f"the place comes from the legacy label {labels}", f"Node {named(names)}")
            )
        unplaced = self._absent.pop("", 0)
        if self._absent:
            what = f"not in the dump, so the region, zone and subzone of {_pods(self._absent.total())} are unknown"
            notes.append(Note("node-missing", what, f"Node {named(self._absent)}"))
        if unplaced:
            notes.append(Note("pod-without-node", f"{_pods(unplaced)} on no node: where, is unknown"))
        return notes

    def _add_node(self, node: schema.Node) -> None:
        # The labels are those of istio/istio kube/controller/controller.go, getPodLocality, at 86c9f01.
        name, labels = node.metadata.name, node.metadata.labels or {}
        title = f"Node {name}"
        origins = (_origin(title, labels, scope) for scope in SCOPES[1:-1])
        locality = Locality.from_node(labels, name=name, network=self.network)
        self.nodes[name] = Place(locality, (self.network_origin, *origins, f"{title} metadata.name"))
        if legacy := legacy_scopes(labels):
            self._legacy[name] = legacy

    def _on_node(self, node: str, network: str | None) -> Place:
        place = self.nodes.get(node)
        if place is not None and (network is None or network == self.network):
            return place
        if place is None:
            self._absent[node] += 1
        key = (node, self.network if network is None else network)
        if key not in self._places:
            self._places[key] = self._made(place, *key)
        return self._places[key]

    def _made(self, place: Place | None, node: str, network: str) -> Place:
        origin = self.network_origin if network == self.network else f"Pod label {NETWORK}"
        if place is None:
            return Place(Locality(network, node=node), (origin, "", "", "", "Pod spec.nodeName" if node else ""))
        return Place(place.locality._replace(network=network), (origin, *place.origins[1:]))


def _pods(count: int) -> str:
    return f"{count} pod{'s' if count > 1 else ''}"


def _origin(title: str, labels: Mapping[str, str], scope: Scope) -> str:
    if SCOPE_LABELS[scope] in labels:
        return f"{title} label {SCOPE_LABELS[scope]}"
    if scope in LEGACY_LABELS and LEGACY_LABELS[scope] in labels:
        return f"{title} label {LEGACY_LABELS[scope]}"
    return ""
