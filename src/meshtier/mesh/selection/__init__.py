"""Among what does a component choose, and in what order? One selection for each kind of rule."""

from meshtier.mesh.selection.by_distribution import DistributionSelection, compared_parts, compared_place
from meshtier.mesh.selection.by_locality_setting import LocalitySelection, compared_labels
from meshtier.mesh.selection.hosts import dropped, listed_twice
from meshtier.mesh.selection.passthrough import Passthrough
from meshtier.mesh.selection.protocol import Selection

__all__ = [
    "DistributionSelection",
    "LocalitySelection",
    "Passthrough",
    "Selection",
    "compared_labels",
    "compared_parts",
    "compared_place",
    "dropped",
    "listed_twice",
]
