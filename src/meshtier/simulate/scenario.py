"""What happens, and when? The events of a scenario, as values and as they are written in a file."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import isfinite
from typing import Final, TypeAlias, cast

from attrs import field, frozen
from typing_extensions import override

from meshtier.errors import InputError, InvalidValueError, Problem
from meshtier.mesh.selector import SELECTORS
from meshtier.rules.duration import UNITS, parse_duration, to_duration
from meshtier.rules.fields import FieldReader, Problems
from meshtier.simulate.answer import OK, Answer
from meshtier.simulate.connections import ConnectionLimits
from meshtier.table import percent

DEFAULT_RATE: Final = 10.0
"""Requests a second of all clients together, where a scenario says none."""

DEFAULT_DURATION_S: Final = 600.0
"""How long a timeline is at least, and how long it goes on after the last event, where nothing is said."""

MAX_DURATION_S: Final = 30 * 86400.0
"""The longest timeline: thirty days."""

MAX_RATE: Final = 1e6
"""The most requests a second."""

_POD: Final = "pod"
TARGETS: Final = (_POD, *SELECTORS)
"""What an event can happen to; ``pod`` is another word for ``workload``."""

Target: TypeAlias = tuple[str, str]
"""One of `SELECTORS`, and a name."""

_NOW: Final = ("0", "0s", "0m", "0h", "0ms")


def _positive_rate(value: float | None) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not (isfinite(value) and 0 < value <= MAX_RATE):
        raise InvalidValueError(
            f"expected a rate above 0 and of at most {MAX_RATE:,.0f} a second, got {value!r}", "rate"
        )
    return float(value)


def _rate_of_all(value: float) -> float:
    return _positive_rate(value) or DEFAULT_RATE


def _moment(value: float) -> float:
    fits = not isinstance(value, bool) and isinstance(value, int | float) and isfinite(value)
    if not fits or not 0 <= value <= MAX_DURATION_S:
        raise InvalidValueError(f"expected seconds from 0 to {MAX_DURATION_S:g}, got {value!r}", "at")
    return round(float(value), 9)


def _moment_or_none(value: float | None) -> float | None:
    return None if value is None else _moment(value)


def _part(value: float | None) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidValueError(f"expected a part from 0 to 1, got {value!r}", "fails")
    return float(value)


@frozen(kw_only=True)
class ScenarioEvent:
    """One thing that happens to a part of the mesh, or to the traffic.

    Where several events say something of one pod, the one that began last holds;
    when it ends, the one before it holds again.

    Attributes:
        at: When it begins, in seconds from the start.
        target: What it happens to, as ``("zone", "us-east-1a")``; ``None`` for the traffic.
        answers: What the pods answer from then on; ``None`` if they go on as they were.
        fails: With what chance a request gets that answer, 0 to 1; the others are
            served. ``None`` for all of them.
        ready: Whether the pods are ready, which proxies learn from the control plane.
        gone: Whether the target is gone: nobody answers there, and the control plane takes it away.
        rate: How many requests a second there are from then on.
        until: When it ends, in seconds from the start; ``None`` if it does not.

    Raises:
        InvalidValueError: A field is out of range, or the fields contradict each other.
    """

    at: float = field(converter=_moment)
    target: Target | None = None
    answers: Answer | None = None
    fails: float | None = field(default=None, converter=_part)
    ready: bool | None = None
    gone: bool | None = None
    rate: float | None = field(default=None, converter=_positive_rate)
    until: float | None = field(default=None, converter=_moment_or_none)

    def __attrs_post_init__(self) -> None:
        said = (self.answers, self.ready, self.gone)
        if self.target is None and (self.rate is None or any(each is not None for each in said)):
            raise InvalidValueError(f"expected one of {', '.join(TARGETS)}, or a rate by itself, got neither", "target")
        if self.target is not None and (self.rate is not None or all(each is None for each in said)):
            raise InvalidValueError("expected answers, fails, ready or gone, and no rate", self.target[0])
        if self.fails is not None and (self.answers is None or self.answers == OK):
            raise InvalidValueError("expected an answer that is not ok beside it", "fails")
        if self.until is not None and self.until <= self.at:
            raise InvalidValueError(f"expected a time after {self.at:g} s, got {self.until:g} s", "until")

    @property
    def subject(self) -> str:
        """What it happens to, in words."""
        if self.target is None:
            return "the traffic"
        keyword, name = self.target
        return name if keyword == "workload" else f"{keyword} {name}"

    @override
    def __str__(self) -> str:
        if self.rate is not None:
            return f"{self.rate:g} requests a second"
        said = list[str]()
        if self.answers is not None:
            part = "" if self.fails is None else f" to {percent(self.fails)} of the requests"
            said.append(f"{_ANSWERING.get(str(self.answers), f'answers {self.answers}')}{part}")
        if self.ready is not None:
            said.append("is ready" if self.ready else "is not ready")
        if self.gone is not None:
            said.append("is gone" if self.gone else "is there again")
        return f"{self.subject} {' and '.join(said)}"


_ANSWERING: Final = {"ok": "serves", "refuse": "refuses connections", "timeout": "does not answer in time"}


def _in_order(events: Iterable[ScenarioEvent]) -> tuple[ScenarioEvent, ...]:
    found = tuple(events)
    for number, (one, other) in enumerate(pairwise(found), start=1):
        if other.at < one.at:
            text = f"expected events in the order of their times, got {other.at:g} s after {one.at:g} s"
            raise InvalidValueError(text, f"events[{number}].at")
    seen: dict[tuple[float, Target | None, str], int] = {}
    for number, event in enumerate(found):
        for what in ("answers", "ready", "gone", "rate"):
            if getattr(event, what) is None:
                continue
            first = seen.setdefault((event.at, event.target, what), number)
            if first != number:
                text = (
                    f"expected one of each at one time, got a second one for {event.subject} (first: events[{first}])"
                )
                raise InvalidValueError(text, f"events[{number}].{what}")
    return found


@frozen(kw_only=True)
class Scenario:
    """What happens in the course of a simulation.

    Attributes:
        events: In the order of their times.
        rate: Requests a second of all clients together; at a ztunnel, connections.
        duration: How long it is, in seconds; ``None`` for ten minutes, or ten
            minutes after the last event where one begins or ends later.
        delay: How long it takes until proxies learn from the control plane what
            is gone or not ready, in seconds.
        connections: What the caller takes for the limits of a ztunnel's outlier
            detection, which are not published; ``None``: it is not computed (OD-3).

    Raises:
        InvalidValueError: The events are out of order, or two say the same of one thing at one time.
    """

    events: tuple[ScenarioEvent, ...] = field(default=(), converter=_in_order)
    rate: float = field(default=DEFAULT_RATE, converter=_rate_of_all)
    duration: float | None = field(default=None, converter=_moment_or_none)
    delay: float = field(default=0.0, converter=_moment)
    connections: ConnectionLimits | None = None

    def __attrs_post_init__(self) -> None:
        if self.duration == 0:
            raise InvalidValueError("expected a time above 0", "duration")

    @property
    def length(self) -> float:
        """How long the timeline is, in seconds."""
        if self.duration is not None:
            return self.duration
        last = max((max(event.at, event.until or 0.0) for event in self.events), default=0.0)
        return DEFAULT_DURATION_S if last < DEFAULT_DURATION_S else last + DEFAULT_DURATION_S

    @classmethod
    def from_mapping(cls, data: object, *, file: str = "") -> "Scenario":
        """The scenario that a file holds, as JSON and YAML readers give it.

        Args:
            data: A mapping with the key ``events``, and ``rate``, ``for``, ``delay``
                and ``connections`` if they are wanted; or a list of events alone. Each
                event has ``at``, one of `TARGETS`, and ``answers``, ``fails``,
                ``ready``, ``gone`` or ``until``; or a ``rate``. Times are durations
                as Kubernetes writes them, from the start; rates are ``100/s``,
                ``5/m`` or requests a second.
            file: Its name, for the error.

        Raises:
            InputError: With all that is wrong.

        >>> Scenario.from_mapping([{"at": "10s", "pod": "web-1", "answers": 500, "until": "3m"}]).events[0].until
        180.0
        """
        problems = Problems(file=file, object_name="scenario")
        if isinstance(data, list | tuple):
            data = {"events": cast("Sequence[object]", data)}
        if not isinstance(data, Mapping) or not all(
            isinstance(key, str) for key in cast("Mapping[object, object]", data)
        ):
            raise InputError([Problem(problem="expected events, as a list or in a mapping", file=file)])
        scenario = _scenario(FieldReader(cast("Mapping[str, object]", data), problems))
        problems.check()
        if scenario is None:
            raise InputError([Problem(problem="expected a scenario", file=file)])
        return scenario


def _scenario(reader: FieldReader) -> Scenario | None:
    sections = reader.sections("events")
    events = [_event(section) for section in sections]
    rate, duration, delay = _rate(reader, "rate"), _time(reader, "for"), _time(reader, "delay")
    limits = reader.section("connections")
    connections = None if limits is None else ConnectionLimits.read(limits)
    if not reader.has("events"):
        reader.refuse("events", "expected a list of events, got none")
    _refuse_rest(reader)
    if reader.problems.found or any(event is None for event in events):
        return None
    try:
        return Scenario(
            events=[event for event in events if event is not None],
            rate=DEFAULT_RATE if rate is None else rate,
            duration=duration,
            delay=delay or 0.0,
            connections=connections,
        )
    except InvalidValueError as error:
        reader.refuse("for" if error.path == "duration" else error.path, error.problem)
        return None


def _event(reader: FieldReader) -> ScenarioEvent | None:
    before = reader.problems.found  # those of other events
    at, until = _time(reader, "at"), _time(reader, "until")
    target = _target(reader)
    answers = _answer(reader)
    fails = reader.number("fails", least=0, most=1)
    if fails is not None and answers is None and not reader.has("answers"):
        answers = Answer(500)
    ready, gone, rate = reader.flag("ready"), reader.flag("gone"), _rate(reader, "rate")
    if not reader.has("at"):
        reader.refuse("at", "expected a time such as '10s', got none")
    _refuse_rest(reader)
    if at is None or reader.problems.found > before:
        return None
    try:
        return ScenarioEvent(
            at=at, target=target, answers=answers, fails=fails, ready=ready, gone=gone, rate=rate, until=until
        )
    except InvalidValueError as error:
        # As the file calls it: it has no key for the target, and a workload may be named as a pod.
        written = {"target": "", "workload": _POD if reader.has(_POD) else "workload"}
        reader.refuse(written.get(error.path, error.path), error.problem)
        return None


def _target(reader: FieldReader) -> Target | None:
    named = [(key, name) for key in TARGETS if (name := reader.text(key)) is not None]
    if len(named) > 1:
        reader.refuse(
            named[1][0], f"expected one thing that it happens to, got {' and '.join(key for key, _ in named)}"
        )
    if not named:
        return None
    key, name = named[0]
    return ("workload" if key == _POD else key, name)


def _answer(reader: FieldReader) -> Answer | None:
    value = reader.take("answers", (str, int), "ok, refuse, timeout or a status of 100 to 599")
    try:
        return None if value is None else Answer.parse(value)
    except InvalidValueError as error:
        reader.refuse("answers", error.problem)
        return None


def _time(reader: FieldReader, key: str) -> float | None:
    """A time from the start, or a length; 0 may be one."""
    value = reader.take(key, (str, int), "a duration such as '10s'")
    try:
        return None if value is None else parse_time(str(value))
    except InvalidValueError as error:
        reader.refuse(key, error.problem)
        return None


def _rate(reader: FieldReader, key: str) -> float | None:
    value = reader.take(key, (str, int, float), "a rate such as '100/s'")
    try:
        return None if value is None else _positive_rate(parse_rate(str(value)))
    except InvalidValueError as error:
        reader.refuse(key, error.problem)
        return None


def parse_time(text: str) -> float:
    """A duration in seconds, as manifests write it; 0 is one here.

    Raises:
        InvalidValueError: It is none, or longer than thirty days.

    >>> parse_time("1m30s"), parse_time("0")
    (90.0, 0.0)
    """
    if text.startswith("-"):
        raise InvalidValueError(f"expected a time of 0s or more, got {text[:60]!r}")
    seconds = 0.0 if text in _NOW else parse_duration(text)
    if seconds > MAX_DURATION_S:
        raise InvalidValueError(f"expected at most {to_duration(MAX_DURATION_S)} (thirty days), got {text!r}")
    return seconds


def parse_rate(text: str) -> float:
    """Requests a second, from ``100/s``, ``5/m``, ``1/10s`` or a bare number.

    Raises:
        InvalidValueError: It is none, or not above 0.

    >>> parse_rate("100/s"), parse_rate("6/m"), parse_rate("0.5")
    (100.0, 0.1, 0.5)
    """
    number, slash, unit = text.strip().partition("/")
    unit = unit.strip()
    try:
        seconds = parse_duration(f"1{unit}" if unit in UNITS else unit) if slash else 1.0
        rate = float(number) / seconds
    except ValueError:
        raise InvalidValueError(f"expected a rate such as '100/s' or '5/m', got {text[:60]!r}", "rate") from None
    if not (isfinite(rate) and 0 < rate <= MAX_RATE):
        raise InvalidValueError(
            f"expected a rate above 0 and of at most {MAX_RATE:,.0f} a second, got {text[:60]!r}", "rate"
        )
    return rate


def _refuse_rest(reader: FieldReader) -> None:
    """A misspelt field of a scenario would change what is asked; so it is an error, with the nearest name."""
    for key, near in reader.unknown():
        reader.refuse(key, f"expected no such field{f'; the nearest: {near}' if near else ''}")
