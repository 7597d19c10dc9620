"""What happened when? The answer of a simulation, as values."""

import enum
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from math import fsum
from typing import Final

from attrs import evolve, frozen
from typing_extensions import override

from meshtier.locality import Locality
from meshtier.mesh.report import Report
from meshtier.note import Note
from meshtier.simulate.picture import picture_of
from meshtier.simulate.timeline_data import TimelineData, timeline_data
from meshtier.simulate.timeline_page import notebook_html, page_of
from meshtier.simulate.timeline_report import report_of, table_of
from meshtier.simulate.timeline_words import summary_of
from meshtier.table import Table

_ALIKE: Final = 1e-9
"""Shares that differ by less are the same."""

UNKNOWN: Final = "unknown"
"""The zone of an endpoint that says none."""


class EventKind(enum.Enum):
    """What kind of thing happened; the value is how it is told."""

    CHANGE = "change"  # of the world: an event of the scenario, or what the control plane makes known of it
    EJECTED = "ejected"  # by outlier detection
    REFUSED = "ejection refused"  # the limit of ejections is reached
    RETURNED = "returned"  # the ejection is over
    MOVED = "traffic moves"  # the balancer has learned of something, and shares change

    @property
    def is_of_detector(self) -> bool:
        """Whether outlier detection did it."""
        return self in (EventKind.EJECTED, EventKind.REFUSED, EventKind.RETURNED)


@frozen(kw_only=True)
class TimelineEvent:
    """One thing that happened.

    Attributes:
        at: When, in seconds from the start.
        kind: What.
        by: Who did it or noticed it, as in ``waypoint c1/httpbin/waypoint-1``; ``""`` for the world itself.
        endpoint: The id of the endpoint that it happened to; ``""`` if it is about none.
        text: What happened and why, in words.
        rule: The rule that decides, as in ``OD-2``; ``""`` if none does.
        count: How many times in a row, where nothing else happened to the endpoint between.
    """

    at: float
    kind: EventKind
    by: str = ""
    endpoint: str = ""
    text: str = ""
    rule: str = ""
    count: int = 1


@frozen(kw_only=True)
class Ejection:
    """How long an endpoint is ejected.

    Attributes:
        endpoint: The id of the endpoint.
        by: Who ejected it; another proxy may use it meanwhile.
        start: From when on, in seconds from the start.
        end: Until when; ``None`` if it is not over at the end of the timeline.
    """

    endpoint: str
    by: str
    start: float
    end: float | None = None


@frozen(kw_only=True)
class Interval:
    """A stretch of time in which nothing changes.

    Attributes:
        start: In seconds from the start of the simulation.
        end: In seconds; later than *start*.
        shares: What part of the requests goes to each endpoint, 0 to 1, by id. With *lost* they add up to 1.
        failing: What part of the requests an endpoint does not serve, by id; only those that fail some.
        lost: What part of the requests finds no endpoint.
        reason: Why; ``""`` if all do.
        requests: How many there are; where connections are balanced, connections.
        errors: How many of them fail, the lost ones included.
    """

    start: float
    end: float
    shares: Mapping[str, float]
    failing: Mapping[str, float]
    lost: float = 0.0
    reason: str = ""
    requests: float
    errors: int

    @property
    def bad(self) -> float:
        """What part of the requests fails, 0 to 1."""
        return min(1.0, fsum(self.failing.values()) + self.lost)

    def is_like(self, other: "Interval") -> bool:
        """Whether the traffic goes where it goes in *other*."""
        names = self.shares.keys() | other.shares.keys()
        return abs(self.lost - other.lost) < _ALIKE and all(
            abs(self.shares.get(name, 0.0) - other.shares.get(name, 0.0)) < _ALIKE for name in names
        )


@frozen(kw_only=True, repr=False)
class Timeline:
    """What happens to the traffic of some clients to one host in the course of a scenario.

    Attributes:
        clients: Who sends.
        host: The full host name.
        decided_by: Who chooses the endpoint, as in ``waypoint shop/waypoint``.
        profile: The name of the profile whose rules hold.
        unit: What is balanced: ``"requests"`` at an Envoy, ``"connections"`` at a ztunnel.
        duration: How long it is, in seconds.
        events: What happened, in order.
        intervals: Where the traffic went, without gaps from 0 to *duration*.
        places: Where each endpoint is that is in *intervals*, by id.
        notes: What a reader should know besides.
        sampled: Whether chance had a part in it.
    """

    clients: tuple[str, ...]
    host: str
    decided_by: str
    profile: str
    unit: str = "requests"
    duration: float
    events: tuple[TimelineEvent, ...]
    intervals: tuple[Interval, ...]
    places: Mapping[str, Locality]
    notes: tuple[Note, ...] = ()
    sampled: bool = False

    @property
    def requests(self) -> float:
        """How many requests, or connections, there were."""
        return fsum(each.requests for each in self.intervals)

    @property
    def errors(self) -> int:
        """How many of them failed."""
        return sum(each.errors for each in self.intervals)

    @cached_property
    def trouble_at(self) -> float | None:
        """When the first request failed; ``None`` if none did."""
        return None if self._troubled is None else self._troubled.start

    @cached_property
    def moved_at(self) -> float | None:
        """When the first request went elsewhere than at first; ``None`` if all go where they went."""
        return next((each.start for each in self.intervals if not each.is_like(self.intervals[0])), None)

    @cached_property
    def cleared_at(self) -> float | None:
        """When, after the first failed request, none fails any more for the first time; ``None`` if that never is."""
        cleared = self._cleared
        return None if cleared is None else cleared.start

    @cached_property
    def _troubled(self) -> Interval | None:
        return next((each for each in self.intervals if each.errors), None)

    @cached_property
    def _cleared(self) -> Interval | None:
        begun = False
        for each in self.intervals:
            begun = begun or bool(each.errors)
            if begun and each.bad < _ALIKE:
                return each
        return None

    @cached_property
    def failover_at(self) -> float | None:
        """When no request fails any more for the first time, for the traffic goes elsewhere.

        ``None`` if none failed, if some fail to the end, or if all that ended it is that
        the endpoints served again, even where some of the traffic had gone elsewhere before.
        """
        cleared = self._cleared
        if cleared is None or cleared is self._troubled:
            return None
        # Either what served before the trouble serves again, or answers have changed and not where requests go.
        known = [one for one, other in pairwise(self.intervals) if other is self._troubled or other is cleared]
        return (
            None
            if any(cleared.is_like(each) for each in (self._troubled, *known) if each is not None)
            else cleared.start
        )

    @property
    def failover_after(self) -> float | None:
        """How long requests failed until then, in seconds; ``None`` if there is no failover."""
        return (
            None
            if self.trouble_at is None or self.failover_at is None
            else round(self.failover_at - self.trouble_at, 9)
        )

    @property
    def errors_until_failover(self) -> int:
        """How many requests failed until then; all that did if there is no failover."""
        until = self.duration if self.failover_at is None else self.failover_at
        return sum(each.errors for each in self.intervals if each.start < until)

    @cached_property
    def failback_at(self) -> float | None:
        """From when on all traffic goes where it went at first, to the end and without errors.

        ``None`` if it never went elsewhere, or never came back for good.
        """
        first, found, left = self.intervals[0], None, False
        for each in self.intervals:
            home = each.is_like(first) and each.bad < _ALIKE
            left = left or not each.is_like(first)
            found = (each.start if found is None else found) if home else None
        return found if left and found is not None and found > 0 else None

    @property
    def is_failing(self) -> bool:
        """Whether requests still fail at the end."""
        return bool(self.intervals) and self.intervals[-1].bad >= _ALIKE

    def at(self, moment: float) -> Interval:
        """The stretch that holds *moment*, in seconds; the last one from the end on."""
        return next((each for each in self.intervals if moment < each.end), self.intervals[-1])

    def of_kind(self, kind: EventKind) -> tuple[TimelineEvent, ...]:
        """The events of one kind, in order."""
        return tuple(event for event in self.events if event.kind is kind)

    @cached_property
    def ejections(self) -> tuple[Ejection, ...]:
        """Who was ejected by whom and for how long, in the order in which that began."""
        found: list[Ejection] = []
        begun: dict[tuple[str, str], int] = {}
        for event in self.events:
            key = event.endpoint, event.by
            if event.kind in (EventKind.EJECTED, EventKind.RETURNED) and key in begun:
                place = begun.pop(key)
                found[place] = evolve(found[place], end=event.at)
            if event.kind is EventKind.EJECTED:
                begun[key] = len(found)
                found.append(Ejection(endpoint=event.endpoint, by=event.by, start=event.at))
        return tuple(found)

    @property
    def refusals(self) -> tuple[TimelineEvent, ...]:
        """The ejections that the limit forbade, in order."""
        return self.of_kind(EventKind.REFUSED)

    @property
    def changes(self) -> tuple[TimelineEvent, ...]:
        """What happened to the world, in order."""
        return self.of_kind(EventKind.CHANGE)

    def in_zones(self, parts: Mapping[str, float]) -> Mapping[str, float]:
        """Parts of the requests by endpoint, as in `Interval.shares`, summed up by ``region/zone``."""
        zones: defaultdict[str, float] = defaultdict(float)
        for name, part in parts.items():
            zones[self._zones[name]] += part
        return dict(zones)

    def zone_of(self, endpoint: str) -> str:
        """The ``region/zone`` of an endpoint; ``"unknown"`` if it has none, or is in no interval."""
        return self._zones.get(endpoint, UNKNOWN)

    def by_zone(self) -> Iterator[tuple[Interval, Mapping[str, float]]]:
        """Each stretch with the share of each zone, by ``region/zone``; what is lost is under ``""``."""
        for each in self.intervals:
            zones = self.in_zones(each.shares)
            yield each, {**zones, "": each.lost} if each.lost else zones

    @cached_property
    def _zones(self) -> Mapping[str, str]:
        """The zone of each endpoint."""
        return {
            name: "/".join(filter(None, (place.region, place.zone))) or UNKNOWN for name, place in self.places.items()
        }

    @property
    def summary(self) -> str:
        """How it ends, as one line: when traffic fails over, how many requests fail until then, when it is back."""
        return summary_of(self)

    def to_table(self, *, most: int | None = None) -> Table:
        """The events in order, and between them where the traffic goes from then on.

        Args:
            most: How many events and changes of traffic at most, the first and the last ones; ``None`` for all.
        """
        return table_of(self, most=most)

    @property
    def report(self) -> Report:
        """The timeline laid out for reading; of very many events the first and the last."""
        return report_of(self)

    def explain(self) -> str:
        """The whole timeline as plain text, the summary last."""
        return self.report.to_text()

    def to_dict(self) -> TimelineData:
        """All of it as plain data, for JSON."""
        return timeline_data(self)

    def to_svg(self) -> str:
        """A picture that needs nothing else: shares over time by zone, what fails, and ejections by endpoint."""
        return picture_of(self)

    def to_html(self) -> str:
        """A page that needs nothing else: the picture and the report."""
        return page_of(self)

    def _repr_html_(self) -> str:
        return notebook_html(self)

    @override
    def __str__(self) -> str:
        return self.explain()

    @override
    def __repr__(self) -> str:
        return f"<Timeline {self.host} over {self.duration:g} s: {len(self.events)} events, {self.errors} errors>"
