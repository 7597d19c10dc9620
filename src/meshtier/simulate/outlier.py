"""Which endpoints does an Envoy eject, for how long, and when does its balancer know? (OD-1, OD-2)"""

from collections.abc import Hashable, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from attrs import Factory, define

from meshtier.errors import InvalidValueError
from meshtier.simulate.answer import Answer
from meshtier.simulate.deliveries import NEVER, Deliveries
from meshtier.simulate.detector import DetectorEvent, DetectorEventKind
from meshtier.simulate.outlier_settings import CONSECUTIVE, Effect, Monitor, OutlierSettings
from meshtier.simulate.success_rates import Results, suspects
from meshtier.table import percent

_NS: Final = 1_000_000_000
_MS: Final = 1_000_000
_NO_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType({})
_WORDS: Final = ("gateway error", "5xx", "local-origin failure")
"""What the monitors of `CONSECUTIVE` count."""


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _NS)


@define
class _Host:
    """What is known of one host; times in nanoseconds.

    Attributes:
        locality: Where it is; a host that moves is a new one.
        counts: The errors in a row, as in `CONSECUTIVE`.
        multiplier: As of the last ejection.
        ejected_at: When it was ejected; ``None`` if it is in.
        due: When the ejection is over by its length alone.
        back: The sweep that ends it.
        returned_at: The sweep that ended the last one; ``None`` if none did.
        external: Its answers since the last sweep, where rates are watched.
        local: The same for its connections.
    """

    locality: Hashable
    counts: list[int] = Factory(lambda: [0, 0, 0])
    multiplier: int = 0
    ejected_at: int | None = None
    due: int = 0
    back: int = NEVER
    returned_at: int | None = None
    external: Results = Factory(Results)
    local: Results = Factory(Results)


class OutlierDetector:
    """An Envoy's outlier detector over the endpoints of one cluster; a `Detector`.

    Time is virtual and is counted in whole nanoseconds. At one instant answers come
    first, then a sweep, then what the balancer is told. The cost of time that passes
    does not depend on the number of sweeps in it, for only those in which something
    happens are looked at.

    Three things are chance in a real Envoy and have one answer here. Of hosts that
    return in one sweep, the first as told is the first that the balancer learns of,
    and so perhaps the only one before the merge window is over. The first sweep after
    a return comes within a millisecond of one interval, and is taken to lower the
    multiplier, unless *first_sweep_lowers* is false. And with success rate and failure
    percentage both enforced, a host that fails both in one sweep is ejected once.

    Args:
        settings: The limits.
        hosts: The locality of each endpoint, any hashable, by id.
        start: When the detector begins, in seconds.
        random: Where chance comes from; needed if a detection is enforced in part, or with jitter.
        first_sweep: When the first sweep is, in seconds; one interval after *start* if absent.
        first_sweep_lowers: Whether the first sweep after a return already lowers the multiplier.

    Raises:
        InvalidValueError: The settings leave something to chance and there is no *random*;
            the first sweep is before the start; or, from any method, time goes back.

    Source: envoyproxy/envoy source/common/upstream/outlier_detection_impl.cc, DetectorImpl
    and DetectorHostMonitorImpl, at 00c7146, and measurements of 1.40.0.

    >>> detector = OutlierDetector(OutlierSettings(max_ejection_percent=50), {"a": "z1", "b": "z1"})
    >>> [event.text for event in detector.observe(0.5, "a", Answer(500), count=5)]
    ['5 consecutive 5xx', 'ejected: a']
    >>> detector.next_change, [event.text for event in detector.advance(40)]
    (40.0, ['first sweep after 30 s', 'back: a'])
    """

    def __init__(
        self,
        settings: OutlierSettings,
        hosts: Mapping[str, Hashable],
        *,
        start: float = 0.0,
        random: Random | None = None,
        first_sweep: float | None = None,
        first_sweep_lowers: bool = True,
    ) -> None:
        self._settings = settings
        self._random = _random_for(settings, random)
        self._interval = _nanoseconds(settings.interval_s)
        self._base = _nanoseconds(settings.base_ejection_time_s)
        self._most = _nanoseconds(settings.max_ejection_time_s)
        begin = _nanoseconds(start)
        self._first = begin + self._interval if first_sweep is None else _nanoseconds(first_sweep)
        if self._first < begin:
            raise InvalidValueError(f"expected {start:g} or more, the start, got {first_sweep!r}", "first_sweep")
        self._first_sweep_lowers = first_sweep_lowers
        self._needed = settings.counts
        self._enforced = tuple(settings.enforced(monitor) for monitor in CONSECUTIVE)
        self._effects: dict[int | str, Effect] = {}
        self._hosts = {name: _Host(locality) for name, locality in hosts.items()}
        self._ejected: dict[str, _Host] = {}
        self._known: frozenset[str] = frozenset()
        self._deliveries = Deliveries(settings.merge_window_s)
        self._now = begin - 1  # all that time brings has been done up to here, this instant included
        self._return = NEVER  # the next sweep that brings hosts back
        self._evaluation = NEVER  # the next sweep that has results to look at
        self._next = NEVER

    @property
    def next_change(self) -> float | None:
        """When `advance` next does what can be seen, in seconds; ``None`` if time alone brings nothing.

        Where rates are watched, the next sweep after an answer counts as such.
        """
        return None if self._next == NEVER else self._next / _NS

    @property
    def ejected(self) -> frozenset[str]:
        """The endpoints that are ejected, by id, whether or not the balancer knows."""
        return frozenset(self._ejected)

    @property
    def unusable(self) -> frozenset[str]:
        """The endpoints that the balancer knows to be ejected, by id."""
        return self._known

    @property
    def weights(self) -> Mapping[str, float]:
        """Always empty: an Envoy's detector changes no weights."""
        return _NO_WEIGHTS

    def multiplier(self, host: str) -> int:
        """The host's multiplier, sweeps since its return taken off; 0 for one that is not known."""
        state = self._hosts.get(host)
        if state is None:
            return 0
        if state.ejected_at is not None or state.returned_at is None:
            return state.multiplier
        # A sweep lowers it that is one interval or more after the return, which was a sweep itself.
        sweeps = (self._now - state.returned_at) // self._interval - (not self._first_sweep_lowers)
        return max(0, state.multiplier - max(0, sweeps))

    def until_change(self, host: str, answer: Answer) -> int | None:
        """With which such answer of the host in a row something is detected; ``None`` if with none.

        1 is the next answer. What a sweep makes of success rates is no part of it.
        """
        state = self._hosts.get(host)
        if state is None or state.ejected_at is not None:
            return None
        raises = self._effect(answer.kind).raises
        if not raises:
            return None
        counts, needed = state.counts, self._needed
        return min((needed[place] - counts[place] for place in raises if needed[place]), default=None)

    def observe(self, at: float, host: str, answer: Answer, count: int = 1) -> tuple[DetectorEvent, ...]:
        """Take in answers of one kind of one host, as many as *count* in a row.

        A detection that is refused again and again, or is not enforced, is one event with
        its count. What comes after an ejection counts for nothing.

        Args:
            at: When the last of them comes, in seconds; all of them are taken to come then.
            host: The id of the endpoint; of one that is not known, nothing is taken in.
            answer: What it gives each time.
            count: How many there are, 1 or more.

        Returns:
            What comes of it, in order; before that what time brought until then, if `advance` has not run it.
        """
        now = round(at * _NS)
        if now <= self._now or self._next < now:
            events = self._before(now)
        else:
            events = None
            self._now = now - 1
        state = self._hosts.get(host)
        if state is not None:
            effect = self._effects.get(answer.kind) or self._effect(answer.kind)
            if self._settings.watches_rates:
                self._take_results(state, effect, count)
            if state.ejected_at is None:
                for place, value in effect.sets:
                    state.counts[place] = value
                if effect.raises:
                    found = self._raise(now, host, state, effect.raises, count)
                    return (*(events or ()), *found)
        return tuple(events) if events else ()

    def advance(self, to: float) -> tuple[DetectorEvent, ...]:
        """Do all that time itself brings up to *to*, which is included, in seconds; in order."""
        return tuple(self._before(_nanoseconds(to) + 1))

    def update_hosts(self, at: float, hosts: Mapping[str, Hashable]) -> tuple[DetectorEvent, ...]:
        """Take the endpoints that the proxy is told of from now on.

        One that was there in the same locality keeps all that is known of it, an
        ejection too. If any comes, goes or moves, the balancer learns at once of what
        waited for the end of the merge window.

        Args:
            at: When it is told, in seconds.
            hosts: The locality of each, any hashable, by id.

        Returns:
            What comes of it, in order.
        """
        now = _nanoseconds(at)
        events = self._before(now)
        kept = {name: state for name, state in self._hosts.items() if name in hosts and state.locality == hosts[name]}
        changed = not len(kept) == len(hosts) == len(self._hosts)
        self._hosts = {name: kept.get(name) or _Host(locality) for name, locality in hosts.items()}
        if changed:
            self._ejected = {name: state for name, state in self._ejected.items() if name in kept}
            self._return = min((state.back for state in self._ejected.values()), default=NEVER)
            self._known = frozenset(name for name in self._known if name in kept)
            self._deliver(now, events)
            self._schedule()
        return tuple(events)

    def _effect(self, kind: int | str) -> Effect:
        effect = self._effects.get(kind)
        if effect is None:
            effect = self._effects[kind] = self._settings.effect(kind)
        return effect

    # What time brings.

    def _before(self, now: int) -> list[DetectorEvent]:
        """Do what time brings before *now*."""
        if now < self._now:
            raise InvalidValueError(f"expected {self._now / _NS:g} or later, got {now / _NS:g}", "at")
        events = list[DetectorEvent]()
        while self._next < now:
            instant = self._next
            self._now = max(self._now, instant - 1)
            if instant in (self._return, self._evaluation):
                self._sweep(instant, events)
            self._now = instant
            if self._deliveries.due == instant:
                self._deliver(instant, events)
            self._schedule()
        self._now = max(self._now, now - 1)
        return events

    def _schedule(self) -> None:
        self._next = min(self._return, self._evaluation, self._deliveries.due)

    def _sweep_from(self, instant: int) -> int:
        """The first sweep at *instant* or later."""
        return self._first - min(0, (self._first - instant) // self._interval * self._interval)

    def _sweep(self, now: int, events: list[DetectorEvent]) -> None:
        """Let hosts back in whose time is over, then look at rates.

        Source: envoyproxy/envoy source/common/upstream/outlier_detection_impl.cc,
        DetectorImpl::onIntervalTimer, at 00c7146.
        """
        if self._return == now:
            for name in [name for name, state in self._hosts.items() if state.back <= now]:
                self._bring_back(now, name, events)
            self._return = min((state.back for state in self._ejected.values()), default=NEVER)
        if self._evaluation == now:
            self._evaluation = NEVER
            external, local = dict[str, Results](), dict[str, Results]()
            for name, state in self._hosts.items():
                external[name], state.external = state.external, Results()
                local[name], state.local = state.local, Results()
            self._compare(now, external, events, local=False)
            self._compare(now, local, events, local=True)

    def _bring_back(self, now: int, host: str, events: list[DetectorEvent]) -> None:
        state = self._ejected.pop(host)
        lasted = (state.due - (state.ejected_at or 0)) / _NS
        state.counts = [0, 0, 0]
        state.ejected_at, state.back, state.returned_at = None, NEVER, now
        events.append(
            DetectorEvent(
                at=now / _NS,
                host=host,
                kind=DetectorEventKind.RETURNED,
                text=f"first sweep after {lasted:g} s",
                rule="OD-1",
                multiplier=state.multiplier,
            )
        )
        self._tell(now, events)

    def _take_results(self, state: _Host, effect: Effect, count: int) -> None:
        """Count answers for the rates; the next sweep looks at them."""
        for results, (total, good) in ((state.external, effect.external), (state.local, effect.local)):
            results.total += total * count
            results.good += good * count
        if self._evaluation == NEVER:
            self._evaluation = self._sweep_from(self._now + 1)
            self._schedule()

    def _compare(self, now: int, results: Mapping[str, Results], events: list[DetectorEvent], *, local: bool) -> None:
        """Detect who stands out among the hosts that are in."""
        seen = {name: each for name, each in results.items() if each.total and name not in self._ejected}
        for name, monitor, text in list(suspects(seen, len(self._hosts), self._settings, local=local)):
            state = self._hosts[name]
            if not self._may_eject() or not self._is_enforced(self._settings.enforced(monitor)):
                events.append(self._detected(now, name, monitor, text))
            elif state.ejected_at is None:
                self._eject(now, name, state, monitor, text, events)

    # What answers bring.

    def _raise(self, now: int, host: str, state: _Host, places: tuple[int, ...], count: int) -> list[DetectorEvent]:
        """Raise the counts at *places* by *count*, and detect."""
        counts, needed = state.counts, self._needed
        if all(counts[place] + count < needed[place] or not needed[place] for place in places):
            for place in places:
                counts[place] += count
            return []
        return self._detect(now, host, state, places, count)

    def _detect(self, now: int, host: str, state: _Host, places: tuple[int, ...], count: int) -> list[DetectorEvent]:
        """Take in answers that reach a limit; work is done for each detection that may be enforced alone."""
        counts, events, tally = state.counts, list[DetectorEvent](), dict[int, int]()
        watched = [place for place in places if self._needed[place]]
        may_eject = self._may_eject()
        deciding = [place for place in watched if may_eject and self._enforced[place]]
        while count:
            step = min(count, *(self._needed[place] - counts[place] for place in deciding)) if deciding else count
            count -= step
            for place in watched:  # up to the last of them: none that decides gets there
                self._pass(counts, place, step - 1, tally)
            for place in watched:
                if (
                    self._pass(counts, place, 1, tally)
                    and place in deciding
                    and self._is_enforced(self._enforced[place])
                ):
                    tally[place] -= 1
                    events += self._tallied(now, host, tally)
                    self._eject(now, host, state, CONSECUTIVE[place], self._consecutive(place), events)
                    return events
        return self._tallied(now, host, tally)

    def _pass(self, counts: list[int], place: int, steps: int, tally: dict[int, int]) -> int:
        """How often *steps* errors reach the limit; the count begins at 0 again each time."""
        times, counts[place] = divmod(counts[place] + steps, self._needed[place])
        if times:
            tally[place] = tally.get(place, 0) + times
        return times

    def _tallied(self, now: int, host: str, tally: Mapping[int, int]) -> list[DetectorEvent]:
        return [
            self._detected(now, host, CONSECUTIVE[place], self._consecutive(place), times)
            for place, times in tally.items()
            if times
        ]

    def _consecutive(self, place: int) -> str:
        needed, word = self._needed[place], _WORDS[place]
        if self._settings.error_codes and CONSECUTIVE[place] is Monitor.SERVER:
            word = "error"  # whatever its status
        return f"{needed} consecutive {word}{'' if needed == 1 or word == '5xx' else 's'}"

    def _may_eject(self) -> bool:
        """Whether one more host may be out (OD-2).

        Source: envoyproxy/envoy source/common/upstream/outlier_detection_impl.cc,
        DetectorImpl::ejectHost, at 00c7146: of all hosts of the cluster, without rounding.
        """
        settings, out = self._settings, len(self._ejected)
        if settings.always_eject_one_host and not out:
            return True
        return 100 * (out + 1) <= settings.max_ejection_percent * len(self._hosts)

    def _is_enforced(self, percentage: int) -> bool:
        # As in ejectHost, the limit comes first: what is refused takes no chance.
        return percentage >= 100 or (percentage > 0 and self._random.random() * 100 < percentage)

    def _detected(self, now: int, host: str, monitor: Monitor, text: str, count: int = 1) -> DetectorEvent:
        """A detection without an ejection."""
        kind, rule = DetectorEventKind.DETECTED, "OD-1"
        if self._may_eject():
            enforced = self._settings.enforced(monitor)
            text += f", enforced in {enforced} % of the cases" if enforced else ", not enforced"
        else:
            kind, rule = DetectorEventKind.REFUSED, "OD-2"
            out, hosts, most = len(self._ejected) + 1, len(self._hosts), self._settings.max_ejection_percent
            text += f"; would be {out} of {hosts} hosts, {percent(out / hosts)}, and maxEjectionPercent is {most}"
        return DetectorEvent(
            at=now / _NS, host=host, kind=kind, text=text, rule=rule, count=count, monitor=monitor.value
        )

    def _eject(
        self, now: int, host: str, state: _Host, monitor: Monitor, text: str, events: list[DetectorEvent]
    ) -> None:
        """Eject a host, for as long as its multiplier says.

        Source: envoyproxy/envoy source/common/upstream/outlier_detection_impl.cc,
        DetectorImpl::ejectHost and checkHostForUneject, at 00c7146.
        """
        state.multiplier = self.multiplier(host)
        if state.multiplier * self._base < self._most + self._base:
            state.multiplier += 1
        state.ejected_at = now
        state.due = now + min(self._base * state.multiplier, self._most) + self._jitter()
        state.back = self._sweep_from(state.due)
        self._ejected[host] = state
        self._return = min(self._return, state.back)
        events.append(
            DetectorEvent(
                at=now / _NS,
                host=host,
                kind=DetectorEventKind.EJECTED,
                text=text,
                rule="OD-1",
                until=state.due / _NS,
                multiplier=state.multiplier,
                monitor=monitor.value,
            )
        )
        self._tell(now, events)
        self._schedule()

    def _jitter(self) -> int:
        most = round(self._settings.max_ejection_time_jitter_s * 1000)
        return int(self._random.random() * (most + 1)) * _MS if most else 0

    # What the balancer is told.

    def _tell(self, now: int, events: list[DetectorEvent]) -> None:
        """Tell the balancer of a change, at once or later."""
        if self._deliveries.change(now):
            self._deliver(now, events)

    def _deliver(self, now: int, events: list[DetectorEvent]) -> None:
        self._deliveries.deliver(now)
        known, self._known = self._known, frozenset(self._ejected)
        if known != self._known:
            parts = {"ejected": sorted(self._known - known), "back": sorted(known - self._known)}
            text = "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items() if names)
            events.append(DetectorEvent(at=now / _NS, host="", kind=DetectorEventKind.LEARNED, text=text))


def _random_for(settings: OutlierSettings, random: Random | None) -> Random:
    """The source of chance, or one that is never asked."""
    chances = {f"enforcing of {monitor.value}": settings.enforced(monitor) for monitor in Monitor}
    chance = next((f"{name} is {value} %" for name, value in chances.items() if 0 < value < 100), "")
    if settings.max_ejection_time_jitter_s:
        chance = f"max_ejection_time_jitter_s is {settings.max_ejection_time_jitter_s:g}"
    if random is None and chance:
        raise InvalidValueError(f"expected a random.Random, as {chance}, got None", "random")
    return random or Random(0)  # noqa: S311  # a simulation
