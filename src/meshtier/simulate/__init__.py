"""What happens when? Outlier detection, failover and failback as they unfold over time."""

from meshtier.public import publish
from meshtier.simulate.answer import OK, REFUSED, TIMED_OUT, Answer
from meshtier.simulate.bounds import Bounds, ChooserBounds, bounds
from meshtier.simulate.timeline import EventKind, Interval, Timeline, TimelineEvent

__all__ = [
    "OK",
    "REFUSED",
    "TIMED_OUT",
    "Answer",
    "Bounds",
    "ChooserBounds",
    "EventKind",
    "Interval",
    "Timeline",
    "TimelineEvent",
    "bounds",
]

publish(__name__)
