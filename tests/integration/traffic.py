"""What comes of even traffic at a real Envoy? A scenario, played in real time, beside its timeline."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from math import ceil, sqrt
from operator import itemgetter
from typing import Final

from attrs import field, frozen
from tests.integration.meshes import HOST, Web
from tests.integration.real_envoy import CLUSTER, Subject

from meshtier.component import Component
from meshtier.simulate import REFUSED, EventKind, Interval, Scenario, ScenarioEvent, Timeline, simulate

SLACK_S: Final = 0.25
"""How far apart what happens at the Envoy and in the timeline may be. A quarter of a sweep, so
that one sweep more or less, a base time or a merge window left out, or one too many, is too far.
So much is left out, too, at both ends of a stretch whose shares are compared."""

EDGES: Final = 3
"""How many errors more or less there may be where nothing is left to chance, for ejections take milliseconds."""

LOG_S: Final = 0.002
"""How much earlier a moment may be in the log than it was: it is cut off to milliseconds."""

WORTH_S: Final = 0.3
"""How much of a stretch must be left for its shares to be compared."""

ACTIONS: Final[Mapping[str, EventKind]] = {"EJECT": EventKind.EJECTED, "UNEJECT": EventKind.RETURNED}


@frozen
class Request:
    """One request: when it was sent, in seconds from the start, who answered, and whether it failed."""

    at: float
    endpoint: str
    failed: bool


@frozen
class Happening:
    """What outlier detection did: when, in seconds from the start, what, to whom."""

    at: float
    kind: EventKind
    endpoint: str


@frozen
class Played:
    """What an Envoy did with the traffic of a scenario.

    Attributes:
        requests: All requests, in order.
        happenings: What its outlier detection logged, in order.
        refusals: How many ejections the limit forbade.
    """

    requests: Sequence[Request] = field(repr=False)  # thousands
    happenings: Sequence[Happening]
    refusals: int

    @property
    def errors(self) -> int:
        return sum(each.failed for each in self.requests)

    def errors_until_ejection(self, endpoint: str) -> int:
        """How many requests failed at an endpoint before it was ejected for the first time."""
        ejected = next(
            each.at for each in self.happenings if each.kind is EventKind.EJECTED and each.endpoint == endpoint
        )
        until = ejected + LOG_S
        return sum(each.failed and each.endpoint == endpoint and each.at < until for each in self.requests)

    def last_moment(self, endpoint: str) -> float:
        """When an endpoint was picked for the last time."""
        return max(each.at for each in self.requests if each.endpoint == endpoint)

    def during(self, start: float, end: float) -> Sequence[Request]:
        return [each for each in self.requests if start <= each.at < end]


class Player:
    """Plays a scenario against an Envoy.

    Args:
        subject: The Envoy; endpoints that refuse connections must be absent there.
        web: What it was exported from.
        scenario: Of single pods, by their ids: which answer a status of 500, which refuse
            connections from the start, and which are not ready.
        interval_s: The interval of the sweeps.
    """

    def __init__(self, subject: Subject, web: Web, scenario: Scenario, *, interval_s: float) -> None:
        self._subject = subject
        self._web = web
        self._scenario = scenario
        self._coming = self._changes()
        self._zero = self._sweep_after(interval_s)

    def _sweep_after(self, interval_s: float) -> float:
        """The next sweep, by the clock of the wall: a timeline's sweeps are at the multiples of the interval.

        A detector counts its intervals from when its cluster is made, which for one of
        the bootstrap is within milliseconds of the admin's socket. Measured on 1.40.0:
        returns are logged 2 to 20 ms after such a multiple.
        """
        begun = self._subject.process.admin_path.stat().st_mtime
        return begun + interval_s * ceil((time.time() + 0.05 - begun) / interval_s)

    def play(self) -> Played:
        requests = list(self._play())
        time.sleep(0.1)  # the log is written every 20 ms
        happenings = [
            Happening(self._seconds(line["timestamp"]), ACTIONS[line["action"]], line["endpoint"])
            for line in self._subject.ejections()
        ]
        refusals = self._subject.process.counter(f"cluster.{CLUSTER}.outlier_detection.ejections_overflow")
        return Played(requests, [each for each in happenings if each.at < self._scenario.length], refusals)

    def _seconds(self, timestamp: str) -> float:
        return datetime.fromisoformat(timestamp).timestamp() - self._zero

    def _play(self) -> Iterator[Request]:
        """Send requests at an even rate; what is late is made up for at no more than twice the rate."""
        scenario, coming = self._scenario, self._coming
        connection = self._subject.connection()
        number, gap, last = 0, 1 / scenario.rate, -1.0
        while (due := max(number * gap, last + gap / 2)) < scenario.length:
            time.sleep(max(0.0, self._zero + due - time.time()))
            while coming and coming[0][0] <= due:
                coming.pop(0)[1]()
            last = time.time() - self._zero
            connection.send(self._subject.fail(*self._failing(last), status=500))
            status, headers = connection.read()
            yield Request(last, self._subject.endpoint_of(headers), status >= 500)
            number += 1

    def _on(self, at: float) -> Iterator[ScenarioEvent]:
        return (each for each in self._scenario.events if each.at <= at and (each.until is None or at < each.until))

    def _failing(self, at: float) -> list[str]:
        return [_pod(each) for each in self._on(at) if each.answers is not None and each.answers != REFUSED]

    def _changes(self) -> list[tuple[float, Callable[[], None]]]:
        """What is more than another answer: when, and how; made beforehand, so that it takes no time then."""
        found = list[tuple[float, Callable[[], None]]]()
        for each in self._scenario.events:
            if each.answers == REFUSED and each.until is not None:
                found.append((each.until, partial(self._subject.arrive, _pod(each))))
            if each.ready is not None:
                assert each.until is None
                down = [_pod(other) for other in self._on(each.at) if other.ready is False]
                found.append((each.at, partial(self._subject.replace, self._web.route(down=down))))
        return sorted(found, key=itemgetter(0))


def _pod(event: ScenarioEvent) -> str:
    assert event.target is not None
    return event.target[1]


def computed(web: Web, scenario: Scenario) -> Timeline:
    """The same in virtual time."""
    return simulate(web.mesh(), web.sender, HOST, scenario, component=Component.SIDECAR, profile=web.profile)


def assert_alike(played: Played, timeline: Timeline, *, fewest: int) -> None:
    """The same ejections and returns at the same times, the same shares, as many errors and refusals.

    Args:
        played: At the Envoy.
        timeline: In virtual time.
        fewest: How many errors in a row are needed for an ejection, or for a refused one.
    """
    expected = [each for each in timeline.events if each.kind in ACTIONS.values()]
    found = played.happenings
    assert [(each.kind, each.endpoint) for each in found] == [(each.kind, each.endpoint) for each in expected]
    for one, other in zip(found, expected, strict=True):
        assert abs(one.at - other.at) <= SLACK_S, f"{one} measured, {other} expected"
    for interval in timeline.intervals:
        assert_shares(played, interval)
    assert abs(played.errors - timeline.errors) <= _errors_apart(timeline)
    refusals = sum(each.count for each in timeline.refusals)
    assert abs(played.refusals - refusals) <= _errors_apart(timeline) / fewest


def _errors_apart(timeline: Timeline) -> float:
    """How many errors more or less may be measured: a few at the edges, and four standard deviations.

    With the merge window left out, the limit, or the longer time of a second ejection, it is far more.
    """
    return EDGES + 4 * sqrt(sum(each.requests * each.bad * (1 - each.bad) for each in timeline.intervals))


def assert_shares(played: Played, interval: Interval) -> None:
    """Within four standard deviations, 17 points or less where priorities share; and what has no share gets nothing.

    Without failover the next zone would get nothing in place of 30 points.
    """
    requests = played.during(interval.start + SLACK_S, interval.end - SLACK_S)
    if interval.end - interval.start < 2 * SLACK_S + WORTH_S:
        return
    counts = Counter(each.endpoint for each in requests)
    assert set(counts) <= {name for name, share in interval.shares.items() if share}, interval
    for name, share in interval.shares.items():
        tolerance = 4 * sqrt(share * (1 - share) / len(requests))
        found = counts[name] / len(requests)
        assert abs(found - share) <= tolerance, f"{name}: {found:.3f} measured, {share:.3f} expected in {interval}"
