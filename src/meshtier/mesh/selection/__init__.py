"""Among what does a component choose, and in what order? One selection for each kind of rule."""

from meshtier.mesh.selection.by_distribution import DistributionSelection
from meshtier.mesh.selection.by_locality_setting import LocalitySelection
from meshtier.mesh.selection.passthrough import Passthrough
from meshtier.mesh.selection.protocol import RouteTier, Selection

__all__ = ["DistributionSelection", "LocalitySelection", "Passthrough", "RouteTier", "Selection"]
