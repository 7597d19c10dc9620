"""What happens when? Outlier detection, failover and failback as they unfold over time."""

from meshtier.public import publish
from meshtier.simulate.answer import OK, REFUSED, TIMED_OUT, Answer
from meshtier.simulate.detector import Detector, DetectorEvent, DetectorEventKind
from meshtier.simulate.outlier import OutlierDetector
from meshtier.simulate.outlier_settings import Monitor, OutlierSettings
from meshtier.simulate.timeline import EventKind, Interval, Timeline, TimelineEvent

__all__ = [
    "OK",
    "REFUSED",
    "TIMED_OUT",
    "Answer",
    "Detector",
    "DetectorEvent",
    "DetectorEventKind",
    "EventKind",
    "Interval",
    "Monitor",
    "OutlierDetector",
    "OutlierSettings",
    "Timeline",
    "TimelineEvent",
]

publish(__name__)
