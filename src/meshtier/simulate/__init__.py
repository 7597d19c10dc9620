"""What happens when? Outlier detection, failover and failback as they unfold over time."""

from meshtier.public import publish
from meshtier.simulate.answer import OK, REFUSED, TIMED_OUT, Answer
from meshtier.simulate.bounds import Bounds, ChooserBounds, bounds
from meshtier.simulate.connection_shares import ConnectionShares, connection_shares
from meshtier.simulate.connections import ConnectionDetector, ConnectionLimits
from meshtier.simulate.detector import Detector, DetectorEvent, DetectorEventKind
from meshtier.simulate.outlier import OutlierDetector
from meshtier.simulate.outlier_settings import Monitor, OutlierSettings
from meshtier.simulate.reading import read_scenario
from meshtier.simulate.samples import Quantiles, Samples
from meshtier.simulate.scenario import Scenario, ScenarioEvent, parse_rate, parse_time
from meshtier.simulate.simulating import sample, simulate
from meshtier.simulate.timeline import Ejection, EventKind, Interval, Timeline, TimelineEvent
from meshtier.simulate.watched_host import ToldHost

__all__ = [
    "OK",
    "REFUSED",
    "TIMED_OUT",
    "Answer",
    "Bounds",
    "ChooserBounds",
    "ConnectionDetector",
    "ConnectionLimits",
    "ConnectionShares",
    "Detector",
    "DetectorEvent",
    "DetectorEventKind",
    "Ejection",
    "EventKind",
    "Interval",
    "Monitor",
    "OutlierDetector",
    "OutlierSettings",
    "Quantiles",
    "Samples",
    "Scenario",
    "ScenarioEvent",
    "Timeline",
    "TimelineEvent",
    "ToldHost",
    "bounds",
    "connection_shares",
    "parse_rate",
    "parse_time",
    "read_scenario",
    "sample",
    "simulate",
]

publish(__name__)
