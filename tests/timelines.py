"""Small timelines written by hand, for tests of how they are told."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meshtier.locality import Locality
from meshtier.simulate import EventKind, Interval, Timeline, TimelineEvent

PLACES: Final = {
    "a1": Locality("net", "re", "a"),
    "a2": Locality("net", "re", "a"),
    "b1": Locality("net", "re", "b"),
}
HOME: Final = {"a1": 0.5, "a2": 0.5}
AWAY: Final = {"b1": 1.0}
RATE: Final = 10.0


def stretch(
    start: float,
    end: float,
    shares: Mapping[str, float],
    failing: Mapping[str, float] | None = None,
    *,
    lost: float = 0.0,
    reason: str = "",
    rate: float = RATE,
) -> Interval:
    """A stretch in which the part that fails is also the part of the requests that failed."""
    failing = failing or {}
    requests = rate * (end - start)
    errors = round(requests * (sum(failing.values()) + lost))
    return Interval(
        start=start, end=end, shares=shares, failing=failing, lost=lost, reason=reason, requests=requests, errors=errors
    )


def happens(at: float, kind: EventKind, endpoint: str = "", text: str = "", **more: Any) -> TimelineEvent:
    return TimelineEvent(at=at, kind=kind, endpoint=endpoint, text=text, **more)


def timeline(*intervals: Interval, events: Sequence[TimelineEvent] = (), **more: Any) -> Timeline:
    known: dict[str, Any] = {
        "clients": ("shop/client",),
        "host": "web.shop.svc.cluster.local",
        "decided_by": "waypoint shop/waypoint",
        "profile": "solo",
        "places": PLACES,
    }
    return Timeline(duration=intervals[-1].end, intervals=intervals, events=tuple(events), **{**known, **more})


EJECTED_BY: Final = "shop/waypoint-1"


def failover() -> Timeline:
    """a1 fails from 10 s on, is ejected at 11 s, and comes back at 40 s; a2 cannot be ejected."""
    return timeline(
        stretch(0, 10, HOME),
        stretch(10, 11, HOME, {"a1": 0.5}),
        stretch(11, 40, {"a2": 0.4, "b1": 0.6}),
        stretch(40, 60, HOME),
        events=[
            happens(10, EventKind.CHANGE, "a1", "a1 answers 500"),
            happens(11, EventKind.EJECTED, "a1", "5 answers in a row", by=EJECTED_BY, rule="OD-1"),
            happens(12, EventKind.REFUSED, "a2", "the limit is reached", by=EJECTED_BY, rule="OD-2", count=3),
            happens(40, EventKind.RETURNED, "a1", "30 s are over", by=EJECTED_BY, rule="OD-1"),
        ],
    )
