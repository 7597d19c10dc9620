"""What comes of the requests that one proxy sends to one endpoint? What its detector sees, and how many fail."""

from collections.abc import Callable
from math import inf
from random import Random
from typing import Final

from attrs import evolve

from meshtier.errors import InvalidValueError
from meshtier.simulate.answer import OK, Answer
from meshtier.simulate.arrivals import Clock, Failures, Runs
from meshtier.simulate.detector import Detector, DetectorEvent, DetectorEventKind
from meshtier.simulate.world import Answers

_ALWAYS: Final = 2**53

_REPEATING: Final = frozenset({DetectorEventKind.REFUSED, DetectorEventKind.DETECTED})
"""What changes nothing, so that it comes again and again."""


class Stream:
    """The requests of one proxy to one endpoint, from when it begins to fail until all is as if it never had.

    Args:
        host: The id of the endpoint.
        detector: Who watches it.
        fresh: With how many answers of a kind in a row something is seen where
            nothing was counted before; ``None`` if never.
        at: When the stream begins.
        wait: The part of the distance between two requests before the first of them.
        end: When the simulation ends.
        random: The chance; ``None`` where none may be needed.

    Attributes:
        is_counted: Whether its failed requests count as those of the clients, and
            not those of another proxy before it.
    """

    def __init__(
        self,
        host: str,
        detector: Detector,
        fresh: Callable[[Answer], int | None],
        at: float,
        wait: float,
        end: float,
        random: Random | None,
    ) -> None:
        self.is_counted = False
        self._is_quiet = False
        self._host = host
        self._detector = detector
        self._fresh = fresh
        self._random = random
        self._end = end
        self._clock = Clock(at, wait)
        self._answers: Answers = {}
        self._source: _Steady | _Chance | _Mixed = _Steady(OK)
        self._taken_since = False

    def change(self, at: float, rate: float, answers: Answers) -> None:
        """From *at* on, requests come at this rate and end so; what came before has been taken in."""
        if rate != self._clock.rate:
            self._clock.set_rate(at, rate)
            self._source.forget()
        if answers != self._answers:
            self._answers = answers
            self._taken_since = False
            self._source = self._made(answers)
            self._is_quiet = False

    def _made(self, answers: Answers) -> "_Steady | _Chance | _Mixed":
        if len(answers) == 1:
            return _Steady(next(iter(answers)))
        if self._random is None:
            said = ", ".join(f"{part:.0%} {answer}" for answer, part in answers.items())
            text = f"expected a random.Random, for {self._host} answers by chance ({said}) and its answers are watched"
            raise InvalidValueError(f"{text}, got none", "random")
        (failed,) = [answer for answer in answers if answer != OK][:1]
        least = self._fresh(failed)
        if len(answers) == 2 and OK in answers and least is not None and self._fresh(OK) is None:
            return _Chance(failed, least, Failures(self._random, answers[failed], self._clock.done))
        return _Mixed(Runs(self._random, answers))

    @property
    def answers(self) -> Answers:
        """How the requests end."""
        return self._answers

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to look at: nothing fails, and nothing is counted any more."""
        return self._taken_since and not any(
            answer.fails or self._detector.until_change(self._host, answer) is not None
            for answer in (OK, *self._answers)
        )

    def next_moment(self) -> float:
        """When the next request comes of which something can come; infinity if none does before the end."""
        count = self._source.next_count(self, self._end) if self._clock.rate else None
        return inf if count is None else self._clock.moment(count)

    def wake(self) -> bool:
        """Something has changed: what was refused may be refused no more. Whether that changes what comes next."""
        was, self._is_quiet = self._is_quiet, False
        return was

    def take(self, at: float, *, inclusive: bool) -> tuple[int, list[DetectorEvent]]:
        """Take in all requests until *at*: how many failed, and what came of them."""
        count = self._clock.due(at, inclusive=inclusive)
        if not count:
            return 0, []
        failed, events = self._source.take(self, at, count)
        self._clock.done += count
        self._taken_since = True
        self._is_quiet = (self._is_quiet or bool(events)) and all(event.kind in _REPEATING for event in events)
        return failed, events

    # What the sources ask.

    @property
    def done(self) -> int:
        """How many requests have been taken in."""
        return self._clock.done

    def last_number(self, end: float) -> int:
        """The number of the request with which *end* is reached at the present rate."""
        return self._clock.done + self._clock.due(end, inclusive=True)

    def until_change(self, answer: Answer) -> int | None:
        """With which such answer in a row something can be seen that matters."""
        return None if self._is_quiet and answer != OK else self._detector.until_change(self._host, answer)

    def is_watched(self, answer: Answer) -> bool:
        """Whether such answers count at all at the moment; those of an ejected endpoint do not."""
        return self._detector.until_change(self._host, answer) is not None

    def observe(self, at: float, answer: Answer, count: int) -> tuple[DetectorEvent, ...]:
        """Hand answers to the detector."""
        return self._detector.observe(at, self._host, answer, count)


class _Steady:
    """All requests end alike."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def forget(self) -> None:
        """Nothing is kept."""

    def next_count(self, stream: Stream, end: float) -> int | None:
        del end
        return stream.until_change(self._answer)

    def take(self, stream: Stream, at: float, count: int) -> tuple[int, list[DetectorEvent]]:
        return count * self._answer.fails, list(stream.observe(at, self._answer, count))


class _Mixed:
    """Each request ends by chance, in one of several ways."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._answer, self._left = runs.draw()

    def forget(self) -> None:
        """What is drawn stays."""

    def next_count(self, stream: Stream, end: float) -> int | None:
        del end
        seen = stream.until_change(self._answer)
        return self._left if seen is None else min(seen, self._left)

    def take(self, stream: Stream, at: float, count: int) -> tuple[int, list[DetectorEvent]]:
        failed, events = 0, list[DetectorEvent]()
        while count:
            taken = min(count, self._left)
            events += stream.observe(at, self._answer, taken)
            failed += taken * self._answer.fails
            count -= taken
            self._left -= taken
            if not self._left:
                self._answer, self._left = self._runs.draw()
        return failed, events


class _Chance:
    """A part of the requests fails, with one answer; runs of them that bring nothing are passed over."""

    def __init__(self, answer: Answer, least: int, failures: Failures) -> None:
        self._answer = answer
        self._least = least
        self._failures = failures
        self._found: int | None = None
        self._searched = False
        self._refused: DetectorEvent | None = None

    def forget(self) -> None:
        """More may come until the end than was thought."""
        self._searched = self._searched and self._found is not None

    def next_count(self, stream: Stream, end: float) -> int | None:
        seen = stream.until_change(self._answer)
        if seen is None:
            self._searched = False
            return None
        if not self._searched:
            self._found, self._searched = self._search(stream.done, seen, stream.last_number(end)), True
        return None if self._found is None else self._found - stream.done + 1

    def _search(self, done: int, seen: int, last: int) -> int | None:
        failures = self._failures
        failures.draw(_ALWAYS, done + 1)
        run = failures.run_at(done)
        if run is not None and run[0] <= done and sum(run) - done >= seen:  # goes on with what is counted already
            return done + seen - 1
        found = failures.find(done, self._least)
        return found if found is not None else failures.draw(self._least, last)

    def take(self, stream: Stream, at: float, count: int) -> tuple[int, list[DetectorEvent]]:
        failures, first, end = self._failures, stream.done, stream.done + count
        failures.draw(_ALWAYS, end)
        self._searched = self._searched and (self._found is None or self._found >= end)
        events = list[DetectorEvent]()
        begun = failures.run_at(first)
        rest = first
        if begun is not None:
            rest = min(sum(begun), end)
            events += stream.observe(at, self._answer, rest - first)
        if rest < end:
            events += self._after(stream, at, rest, end)
        self._refused = next((each for each in reversed(events) if each.kind in _REPEATING), self._refused)
        return failures.count(first, end) * self._answer.fails, events

    def _after(self, stream: Stream, at: float, first: int, end: int) -> list[DetectorEvent]:
        """What comes of the requests after a run, of which the first is served."""
        events = list[DetectorEvent]()
        last = self._failures.run_at(end - 1)
        tail = end if last is None else last[0]
        again = self._failures.long_runs(first, tail, self._least) if self._refused is not None else 0
        if again and self._refused is not None and stream.is_watched(self._answer):
            events.append(evolve(self._refused, at=at, count=again))
        stream.observe(at, OK, 1)
        if tail < end:
            events += stream.observe(at, self._answer, end - tail)
        return events
