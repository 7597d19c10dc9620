"""What happened when? The answer of a simulation, as values."""

import enum
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from math import fsum
from typing import Final

from attrs import frozen
from typing_extensions import override

from meshtier.locality import Locality
from meshtier.note import Note

_ALIKE: Final = 1e-9
"""Shares that differ by less are the same."""


class EventKind(enum.Enum):
    """What kind of thing happened; the value is how it is told."""

    CHANGE = "change"  # of the world: an event of the scenario, or what the control plane makes known of it
    EJECTED = "ejected"  # by outlier detection
    REFUSED = "ejection refused"  # the limit of ejections is reached
    RETURNED = "returned"  # the ejection is over
    MOVED = "traffic moves"  # the balancer has learned of something, and shares change


@frozen(kw_only=True)
class TimelineEvent:
    """One thing that happened.

    Attributes:
        at: When, in seconds from the start.
        kind: What.
        by: Who did it or noticed it, as in ``httpbin/waypoint-1``; ``""`` for the world itself.
        endpoint: The id of the endpoint that it happened to; ``""`` if it is about none.
        text: What happened and why, in words.
        rule: The rule that decides, as in ``OD-2``; ``""`` if none does.
        count: How many times in a row, where nothing else happened between.
    """

    at: float
    kind: EventKind
    by: str = ""
    endpoint: str = ""
    text: str = ""
    rule: str = ""
    count: int = 1


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
        return next((each.start for each in self.intervals if each.errors), None)

    @cached_property
    def failover_at(self) -> float | None:
        """When, after the first failed request, for the first time none fails any more; ``None``: never."""
        begun = False
        for each in self.intervals:
            begun = begun or bool(each.errors)
            if begun and each.bad < _ALIKE:
                return each.start
        return None

    @property
    def failover_after(self) -> float | None:
        """How long requests failed until then, in seconds; ``None`` if none failed or they never stopped."""
        return (
            None
            if self.trouble_at is None or self.failover_at is None
            else round(self.failover_at - self.trouble_at, 9)
        )

    @property
    def errors_until_failover(self) -> int:
        """How many requests failed until then; all that did if they never stopped."""
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

    def by_zone(self) -> Iterator[tuple[Interval, Mapping[str, float]]]:
        """Each stretch with the share of each zone, by ``region/zone``; what is lost is under ``""``."""
        for each in self.intervals:
            zones: defaultdict[str, float] = defaultdict(float)
            for name, share in each.shares.items():
                place = self.places[name]
                zones["/".join(filter(None, (place.region, place.zone))) or "unknown"] += share
            if each.lost:
                zones[""] += each.lost
            yield each, dict(zones)

    @override
    def __repr__(self) -> str:
        return f"<Timeline {self.host} over {self.duration:g} s: {len(self.events)} events, {self.errors} errors>"
