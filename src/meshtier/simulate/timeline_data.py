"""What does a timeline look like as plain data? The keys of its JSON."""

from typing import TYPE_CHECKING, Final, TypedDict

from meshtier.mesh.route_data import NoteData, PlaceData, note_data, place_data
from meshtier.simulate.timeline_report import requests_by_zone

if TYPE_CHECKING:
    from meshtier.simulate.timeline import Interval, Timeline, TimelineEvent

VERSION: Final = 1
"""The version of the JSON document; it grows when a key changes its meaning or goes."""


class EventData(TypedDict):
    """One thing that happened."""

    at: float
    kind: str
    by: str
    endpoint: str
    text: str
    rule: str
    count: int


class IntervalData(TypedDict):
    """A stretch of time in which nothing changes."""

    start: float
    end: float
    shares: dict[str, float]
    zones: dict[str, float]
    failing: dict[str, float]
    lost: float
    reason: str
    requests: float
    errors: int


class FailoverData(TypedDict):
    """When requests failed, when traffic went elsewhere, and when it came back; in seconds from the start."""

    first_error_at: float | None
    at: float | None
    after: float | None
    errors: int
    failback_at: float | None


class TotalsData(TypedDict):
    """How many requests there were in all, how many failed, and how many each zone got."""

    requests: float
    errors: int
    zones: dict[str, float]


class TimelineData(TypedDict):
    """A timeline as plain data."""

    version: int
    summary: str
    host: str
    clients: list[str]
    decided_by: str
    profile: str
    unit: str
    duration: float
    sampled: bool
    is_failing: bool
    failover: FailoverData
    totals: TotalsData
    events: list[EventData]
    intervals: list[IntervalData]
    places: dict[str, PlaceData]
    notes: list[NoteData]


def timeline_data(timeline: "Timeline") -> TimelineData:
    """The whole timeline as plain data."""
    return TimelineData(
        version=VERSION,
        summary=timeline.summary,
        host=timeline.host,
        clients=list(timeline.clients),
        decided_by=timeline.decided_by,
        profile=timeline.profile,
        unit=timeline.unit,
        duration=timeline.duration,
        sampled=timeline.sampled,
        is_failing=timeline.is_failing,
        failover=failover_data(timeline),
        totals=TotalsData(requests=timeline.requests, errors=timeline.errors, zones=dict(requests_by_zone(timeline))),
        events=[_event_data(event) for event in timeline.events],
        intervals=[_interval_data(timeline, interval) for interval in timeline.intervals],
        places={name: place_data(place) for name, place in timeline.places.items()},
        notes=[note_data(note) for note in timeline.notes],
    )


def failover_data(timeline: "Timeline") -> FailoverData:
    """When it failed over, and back."""
    return FailoverData(
        first_error_at=timeline.trouble_at,
        at=timeline.failover_at,
        after=timeline.failover_after,
        errors=timeline.errors_until_failover,
        failback_at=timeline.failback_at,
    )


def _event_data(event: "TimelineEvent") -> EventData:
    return EventData(
        at=event.at,
        kind=event.kind.value,
        by=event.by,
        endpoint=event.endpoint,
        text=event.text,
        rule=event.rule,
        count=event.count,
    )


def _interval_data(timeline: "Timeline", interval: "Interval") -> IntervalData:
    return IntervalData(
        start=interval.start,
        end=interval.end,
        shares=dict(interval.shares),
        zones=dict(timeline.in_zones(interval.shares)),
        failing=dict(interval.failing),
        lost=interval.lost,
        reason=interval.reason,
        requests=interval.requests,
        errors=interval.errors,
    )
