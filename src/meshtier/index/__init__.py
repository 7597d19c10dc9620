"""How are tiers found without looking at every endpoint?

An index keeps endpoints in a tree with one level for each scope or label key.
What shares *m* parts with the client lies below one node, so that the tier with
exactly *m* matches is the difference of two nodes on the client's path. The
cost of a question depends on the number of parts, not on that of endpoints.
"""

from meshtier.index.by_label import LabelIndex
from meshtier.index.by_place import EndpointIndex
from meshtier.index.tier_view import Members, StaleViewError, TierView
from meshtier.public import publish

__all__ = ["EndpointIndex", "LabelIndex", "Members", "StaleViewError", "TierView"]

publish(__name__)
