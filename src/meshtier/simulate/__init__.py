"""What happens when? Outlier detection, failover and failback as they unfold over time."""

from meshtier.public import publish
from meshtier.simulate.answer import OK, REFUSED, TIMED_OUT, Answer
from meshtier.simulate.connection_shares import ConnectionShares, connection_shares
from meshtier.simulate.connections import ConnectionDetector, ConnectionLimits
from meshtier.simulate.detector import Detector, DetectorEvent, DetectorEventKind
from meshtier.simulate.timeline import EventKind, Interval, Timeline, TimelineEvent

__all__ = [
    "OK",
    "REFUSED",
    "TIMED_OUT",
    "Answer",
    "ConnectionDetector",
    "ConnectionLimits",
    "ConnectionShares",
    "Detector",
    "DetectorEvent",
    "DetectorEventKind",
    "EventKind",
    "Interval",
    "Timeline",
    "TimelineEvent",
    "connection_shares",
]

publish(__name__)
