"""What is kept of a run: events and stretches of time, from which the timeline is made."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from attrs import evolve

from meshtier.locality import Locality
from meshtier.mesh import Route
from meshtier.simulate.detector import DetectorEvent, DetectorEventKind
from meshtier.simulate.proxies import Flow, Proxy, places_of
from meshtier.simulate.timeline import EventKind, Interval, Timeline, TimelineEvent

if TYPE_CHECKING:
    from meshtier.simulate.engine import Setting

_KINDS: Final[Mapping[DetectorEventKind, EventKind]] = {
    DetectorEventKind.EJECTED: EventKind.EJECTED,
    DetectorEventKind.REFUSED: EventKind.REFUSED,
    DetectorEventKind.RETURNED: EventKind.RETURNED,
    DetectorEventKind.LEARNED: EventKind.MOVED,
}


class Recording:
    """The events and stretches of one run, in order."""

    def __init__(self) -> None:
        self._events: list[TimelineEvent] = []
        self._last: dict[tuple[str, str], int] = {}
        self._again: defaultdict[int, int] = defaultdict(int)
        self._intervals: list[Interval] = []
        self._since = 0.0
        self._rate = 0.0
        self._flow: Interval | None = None
        self._errors = 0
        self._places: dict[str, Locality] = {}
        self._first: Sequence[Route] = ()

    def routes(self, routes: Sequence[Route]) -> None:
        """The routes of the clients, as the mesh is now."""
        self._first = self._first or routes

    def fail(self, count: int) -> None:
        """So many requests failed."""
        self._errors += count

    def changed(self, at: float, subject: str, text: str) -> None:
        """Something happened to the world."""
        self._last.clear()  # what is refused now is refused anew
        self._events.append(TimelineEvent(at=at, kind=EventKind.CHANGE, endpoint=subject, text=text, rule="SIM-1"))

    def detected(self, by: str, event: DetectorEvent) -> None:
        """A detector did something; what is refused again and again is one event."""
        kind = _KINDS.get(event.kind)
        if kind is None:
            return  # what is not enforced changes nothing, and Istio has no such limits
        if kind is EventKind.MOVED and self._events and self._events[-1].at == event.at:
            return  # the balancer knows at once, and nobody waits
        key = by, event.host
        last = self._last.get(key)
        if kind is EventKind.REFUSED and last is not None and self._events[last].kind is EventKind.REFUSED:
            self._again[last] += event.count
            return
        self._last[key] = len(self._events)
        self._events.append(
            TimelineEvent(
                at=event.at,
                kind=kind,
                by=by,
                endpoint=event.host,
                text=event.text,
                rule=event.rule,
                count=event.count,
            )
        )

    def moved(self, now: float, rate: float, flows: Iterable[tuple[Flow, float]]) -> None:
        """From now on traffic goes so; each flow with its part of all requests."""
        self.close(now)
        self._rate = rate
        self._flow = _together(flows)

    def close(self, now: float) -> None:
        """End the stretch that is open; one without length, or like the one before, is none of its own."""
        if self._flow is None or now <= self._since:
            return
        requests = self._rate * (now - self._since)
        found = evolve(self._flow, start=self._since, end=now, requests=requests, errors=self._errors)
        self._errors, self._since = 0, now
        before = self._intervals[-1] if self._intervals else None
        if before is not None and _is_same(before, found):
            self._intervals[-1] = evolve(
                before, end=now, requests=before.requests + requests, errors=before.errors + found.errors
            )
        else:
            self._intervals.append(found)

    def knows(self, proxies: Iterable[Proxy]) -> None:
        """These proxies choose from now on."""
        for name, place in places_of(proxies).items():
            self._places.setdefault(name, place)

    def timeline(self, setting: "Setting", *, sampled: bool) -> Timeline:
        """All of it."""
        first = self._first[0]
        places = self._places
        events = list(self._events)
        for number, count in self._again.items():
            events[number] = evolve(events[number], count=events[number].count + count)
        names = {name for each in self._intervals for name in each.shares}
        return Timeline(
            clients=tuple(client.name for client in setting.clients),
            host=first.host,
            decided_by=first.decided_by,
            profile=setting.profile.name,
            unit="requests" if first.deciding.component.traits.spreads_by == "envoy" else "connections",
            duration=setting.duration,
            events=tuple(events),
            intervals=tuple(self._intervals),
            places={name: places[name] for name in sorted(names)},
            notes=tuple(dict.fromkeys((*(note for route in self._first for note in route.notes), *setting.notes))),
            sampled=sampled,
        )


def _is_same(one: Interval, other: Interval) -> bool:
    return one.is_like(other) and one.failing == other.failing and one.reason == other.reason


def _together(flows: Iterable[tuple[Flow, float]]) -> Interval:
    """The flows of all clients as one stretch, whose times and counts are yet to be known."""
    shares: defaultdict[str, float] = defaultdict(float)
    failing: defaultdict[str, float] = defaultdict(float)
    lost, reasons = 0.0, dict[str, None]()
    for flow, part in flows:
        for name, share in flow.finals.items():
            shares[name] += part * share
        for name, share in flow.failing.items():
            failing[name] += part * share
        for reason, share in flow.lost.items():
            lost += part * share
            reasons[reason] = None
    return Interval(
        start=0.0,
        end=0.0,
        shares=dict(shares),
        failing=dict(failing),
        lost=lost,
        reason="; ".join(reasons),
        requests=0.0,
        errors=0,
    )
