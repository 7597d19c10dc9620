"""Which endpoints does an Envoy eject, for how long, and when does its balancer know? (OD-1, OD-2)"""

from collections.abc import Collection, Hashable, Mapping
from itertools import repeat
from random import Random
from types import MappingProxyType
from typing import Final

from meshtier.errors import InvalidValueError
from meshtier.simulate.answer import Answer
from meshtier.simulate.deliveries import NEVER, Deliveries
from meshtier.simulate.detector import DetectorEvent
from meshtier.simulate.outlier_events import detected, ejected, in_a_row, learned, refused, returned
from meshtier.simulate.outlier_settings import CONSECUTIVE, Effect, Monitor, OutlierSettings
from meshtier.simulate.success_rates import Results, suspects
from meshtier.simulate.watched_host import ToldHost, WatchedHost

_NS: Final = 1_000_000_000
_MS: Final = 1_000_000
_NO_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType({})


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _NS)


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
        hosts: What the Envoy is told of each endpoint, by id: a `ToldHost`, or a locality, any other hashable.
        start: When the detector begins, in seconds.
        random: Where chance comes from; needed if a detection is enforced in part, or with jitter.
        first_sweep: When the first sweep is, in seconds; one interval after *start* if absent.
        first_sweep_lowers: Whether the first sweep after a return already lowers the multiplier.

    Raises:
        InvalidValueError: The settings leave something to chance and there is no *random*;
            the first sweep is before the start; or, from any method, time goes back or a
            count is below 1.

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
        if random is None and settings.chance:
            raise InvalidValueError(f"expected a random.Random, as {settings.chance}, got None", "random")
        self._random = random or Random(0)  # noqa: S311  # never asked where there is no chance
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
        self._in_a_row = tuple(map(in_a_row, CONSECUTIVE, self._needed, repeat(settings)))
        self._effects: dict[int | str, Effect] = {}
        self._hosts = {name: WatchedHost(ToldHost.of(given)) for name, given in hosts.items()}
        self._ejected: dict[str, WatchedHost] = {}
        self._known: frozenset[str] = frozenset()
        self._deliveries = dict[int, Deliveries]()
        self._add_priorities()
        self._now = begin - 1  # all that time brings has been done up to here, this instant included
        self._return = NEVER  # the next sweep that brings hosts back
        self._evaluation = NEVER  # the next sweep that has results to look at
        self._due = NEVER  # when the next of what waits is delivered
        self._next = NEVER

    @property
    def next_change(self) -> float | None:
        """When `advance` next does what can be seen, in seconds; ``None`` if time alone brings nothing.

        Where rates are watched and there are hosts enough, the next sweep after an answer counts as such.
        """
        coming = min(self._return, self._due)
        if self._evaluation < coming and len(self._hosts) >= self._settings.fewest_hosts_compared:
            coming = self._evaluation
        return None if coming == NEVER else coming / _NS

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
        return state.multiplier_at(self._now, self._interval, first_sweep_lowers=self._first_sweep_lowers)

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
        if count < 1:
            raise InvalidValueError(f"expected 1 or more, got {count!r}", "count")
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
        ejection too. The balancer learns at once of what waited for the end of the merge
        window in each priority of which a host comes, goes, or changes in any way.

        Args:
            at: When it is told, in seconds.
            hosts: What it is told of each, by id: a `ToldHost`, or a locality, any other hashable.

        Returns:
            What comes of it, in order.
        """
        now = _nanoseconds(at)
        events = self._before(now)
        before, told = self._hosts, {name: ToldHost.of(given) for name, given in hosts.items()}
        kept = {name for name, each in told.items() if name in before and before[name].told.locality == each.locality}
        changed = {state.told.priority for name, state in before.items() if state.told != told.get(name)}
        changed |= {each.priority for name, each in told.items() if name not in before or before[name].told != each}
        self._hosts = {name: before[name] if name in kept else WatchedHost(each) for name, each in told.items()}
        if changed:
            for name in kept:
                before[name].told = told[name]
            self._ejected = {name: state for name, state in self._ejected.items() if name in kept}
            self._return = min((state.back for state in self._ejected.values()), default=NEVER)
            self._known = frozenset(name for name in self._known if name in kept)
            self._add_priorities()
            self._deliver(now, changed, events)
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
            if self._due == instant:
                due = [priority for priority, each in self._deliveries.items() if each.due == instant]
                self._deliver(instant, due, events)
            self._schedule()
        self._now = max(self._now, now - 1)
        return events

    def _schedule(self) -> None:
        self._due = min((each.due for each in self._deliveries.values()), default=NEVER)
        self._next = min(self._return, self._evaluation, self._due)

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
        events.append(returned(now / _NS, host, lasted=lasted, multiplier=state.multiplier))
        self._tell(now, events)

    def _take_results(self, state: WatchedHost, effect: Effect, count: int) -> None:
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
        for name, monitor, why in list(suspects(seen, len(self._hosts), self._settings, local=local)):
            state = self._hosts[name]
            if not self._may_eject() or not self._is_enforced(self._settings.enforced(monitor)):
                events.append(self._detected(now, name, monitor, why))
            elif state.ejected_at is None:
                self._eject(now, name, state, monitor, why, events)

    # What answers bring.

    def _raise(
        self, now: int, host: str, state: WatchedHost, places: tuple[int, ...], count: int
    ) -> list[DetectorEvent]:
        """Raise the counts at *places* by *count*, and detect."""
        counts, needed = state.counts, self._needed
        for place in places:
            if counts[place] + count >= needed[place] > 0:
                return self._detect(now, host, state, places, count)
        for place in places:
            counts[place] += count
        return []

    def _detect(
        self, now: int, host: str, state: WatchedHost, places: tuple[int, ...], count: int
    ) -> list[DetectorEvent]:
        """Take in answers that reach a limit; work is done for each detection that may be enforced alone."""
        counts, events, tally = state.counts, list[DetectorEvent](), dict[int, int]()
        watched = [place for place in places if self._needed[place]]
        may_eject = self._may_eject()
        deciding = [place for place in watched if may_eject and self._enforced[place]]
        while count:
            step = min([count, *(self._needed[place] - counts[place] for place in deciding)])
            count -= step
            for place in watched:  # up to the last of them: none that decides gets there
                self._pass(counts, place, step - 1, tally)
            for place in watched:
                reached = self._pass(counts, place, 1, tally)
                if reached and place in deciding and self._is_enforced(self._enforced[place]):
                    tally[place] -= 1
                    events += self._tallied(now, host, tally)
                    self._eject(now, host, state, CONSECUTIVE[place], self._in_a_row[place], events)
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
            self._detected(now, host, CONSECUTIVE[place], self._in_a_row[place], times)
            for place, times in tally.items()
            if times
        ]

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

    def _detected(self, now: int, host: str, monitor: Monitor, why: str, count: int = 1) -> DetectorEvent:
        """A detection without an ejection."""
        at, settings = now / _NS, self._settings
        if self._may_eject():
            enforced = settings.enforced(monitor)
            return detected(at, host, why=why, monitor=monitor, enforced=enforced, count=count)
        out, hosts, most = len(self._ejected) + 1, len(self._hosts), settings.max_ejection_percent
        return refused(at, host, why=why, monitor=monitor, out=out, hosts=hosts, most=most, count=count)

    def _eject(
        self, now: int, host: str, state: WatchedHost, monitor: Monitor, why: str, events: list[DetectorEvent]
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
        until, multiplier = state.due / _NS, state.multiplier
        events.append(ejected(now / _NS, host, why=why, monitor=monitor, until=until, multiplier=multiplier))
        self._tell(now, events)
        self._schedule()

    def _jitter(self) -> int:
        most = round(self._settings.max_ejection_time_jitter_s * 1000)
        return int(self._random.random() * (most + 1)) * _MS if most else 0

    # What the balancer is told.

    def _add_priorities(self) -> None:
        for state in self._hosts.values():
            if state.told.priority not in self._deliveries:
                self._deliveries[state.told.priority] = Deliveries(self._settings.merge_window_s)

    def _tell(self, now: int, events: list[DetectorEvent]) -> None:
        """Tell the balancer of a change, at once or later; it is one of every priority."""
        self._deliver(now, [priority for priority, each in self._deliveries.items() if each.change(now)], events)

    def _deliver(self, now: int, priorities: Collection[int], events: list[DetectorEvent]) -> None:
        """Let the balancer know which hosts of these priorities are ejected."""
        for priority in priorities:
            self._deliveries[priority].deliver(now)
        known, self._known = self._known, frozenset(self._ejected)
        if len(priorities) < len(self._deliveries):
            news = {name for name in known ^ self._known if self._hosts[name].told.priority in priorities}
            self._known = known ^ news
        if known != self._known:
            events.append(learned(now / _NS, out=self._known - known, back=known - self._known))
