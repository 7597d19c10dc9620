"""What changes between two snapshots, and what breaks when a part of a mesh is gone?"""

from meshtier.diff.answer import Answer, TierFacts
from meshtier.diff.change import Aspect, Cause, Change, Delta, Kind
from meshtier.diff.comparing import compare
from meshtier.diff.differences import Differences
from meshtier.diff.outage_matrix import OutageMatrix, outages
from meshtier.diff.outages import SCOPES, Effect, Failure, Outage
from meshtier.public import publish

__all__ = [
    "SCOPES",
    "Answer",
    "Aspect",
    "Cause",
    "Change",
    "Delta",
    "Differences",
    "Effect",
    "Failure",
    "Kind",
    "Outage",
    "OutageMatrix",
    "TierFacts",
    "compare",
    "outages",
]

publish(__name__)
