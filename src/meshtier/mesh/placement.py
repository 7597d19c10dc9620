"""What is doubtful about where the nodes and pods of a cluster are? (LOC-1)"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from attrs import evolve

from meshtier.locality import LEGACY_LABELS, SCOPES, Scope
from meshtier.mesh.snapshot import Cluster, Place, Workload
from meshtier.note import Note

NODE_NAME: Final = "Pod spec.nodeName"
"""What says on which node a pod is, where that node is not in the input."""

_RULE: Final = "LOC-1"
"""The rule of all these notes, and of no other note on a cluster as a whole."""


def placement_notes(nodes: Mapping[str, Place], workloads: Iterable[Workload]) -> Sequence[Note]:
    """A note for each set of legacy labels by which nodes are placed, and for pods whose place is unknown.

    Args:
        nodes: Where each node is, by name.
        workloads: What runs on them.

    Cost: O(n).
    """
    notes: list[Note] = []
    legacy: defaultdict[tuple[Scope, ...], list[str]] = defaultdict(list)
    for name, place in nodes.items():
        if scopes := _legacy_scopes(place):
            legacy[scopes].append(name)
    for scopes in sorted(legacy, key=str):
        labels = " and ".join(LEGACY_LABELS[scope] for scope in scopes)
        text = f"the place comes from the legacy label {labels}"
        notes.append(Note("legacy-labels", text, f"Node {named(legacy[scopes])}"))
    absent = Counter(
        node for each in workloads if (node := each.envoy_place.locality.node) not in nodes and _is_by_node(each)
    )
    unplaced = absent.pop("", 0)
    if absent:
        what = f"not in the dump, so the region, zone and subzone of {_pods(absent.total())} are unknown"
        notes.append(Note("node-missing", what, f"Node {named(absent)}"))
    if unplaced:
        notes.append(Note("pod-without-node", f"{_pods(unplaced)} on no node: where, is unknown"))
    return notes


def with_placement_notes(cluster: Cluster) -> Cluster:
    """The cluster with these notes as they are after a change, in their former place among its notes."""
    at = next((place for place, note in enumerate(cluster.notes) if note.rule == _RULE), None)
    if at is None:
        return cluster
    others = [note for note in cluster.notes if note.rule != _RULE]
    others[at:at] = placement_notes(cluster.nodes, cluster.workloads.values())
    return cluster if cluster.notes == tuple(others) else evolve(cluster, notes=tuple(others))


def named(names: Iterable[str], *, at_most: int = 3) -> str:
    """The first few names in order, as a sentence lists them.

    >>> named(["d", "b", "c", "a"])
    'a, b, c and 1 more'
    """
    ordered = sorted(names)
    more = len(ordered) - at_most
    return ", ".join(ordered[:at_most]) + (f" and {more} more" if more > 0 else "")


def _legacy_scopes(place: Place) -> tuple[Scope, ...]:
    """The scopes that only a legacy label of the node gives."""
    said: dict[Scope, str] = dict(zip(SCOPES, place.origins, strict=True))
    return tuple(scope for scope, label in LEGACY_LABELS.items() if said[scope].endswith(f" label {label}"))


def _is_by_node(workload: Workload) -> bool:
    """Whether it is a pod, or the endpoint of a pod that is placed by its node alone."""
    return workload.kind == "Pod" or workload.envoy_place.origins[-1] == NODE_NAME


def _pods(count: int) -> str:
    return f"{count} pod{'s' if count > 1 else ''}"
