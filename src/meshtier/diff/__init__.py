"""What changes between two snapshots, and what breaks when a part of a mesh is gone?"""

from meshtier.diff.answer import Answer, TierFacts
from meshtier.diff.change import Aspect, Cause, Change, Delta, Kind
from meshtier.diff.comparing import compare
from meshtier.diff.differences import Differences
from meshtier.public import publish

__all__ = [
    "Answer",
    "Aspect",
    "Cause",
    "Change",
    "Delta",
    "Differences",
    "Kind",
    "TierFacts",
    "compare",
]

publish(__name__)
