"""What happens when? Outlier detection, failover and failback as they unfold over time."""

from meshtier.public import publish
from meshtier.simulate.answer import OK, REFUSED, TIMED_OUT, Answer
from meshtier.simulate.samples import Quantiles, Samples
from meshtier.simulate.timeline import Ejection, EventKind, Interval, Timeline, TimelineEvent

__all__ = [
    "OK",
    "REFUSED",
    "TIMED_OUT",
    "Answer",
    "Ejection",
    "EventKind",
    "Interval",
    "Quantiles",
    "Samples",
    "Timeline",
    "TimelineEvent",
]

publish(__name__)
