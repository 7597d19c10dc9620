"""Which endpoints does a ztunnel of Solo keep out, and for how long? Outlier detection of connections (OD-3, OD-4)."""

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from math import ulp
from typing import Any, Final, cast

from attrs import define, frozen

from meshtier.errors import InvalidValueError, check_int, check_type
from meshtier.rules.duration import MAX_SECONDS
from meshtier.rules.fields import MAX_UINT32, FieldReader, Problems, nearest_field
from meshtier.rules.kept import shown
from meshtier.simulate.answer import Answer
from meshtier.simulate.detector import DetectorEvent, DetectorEventKind

_SNAP: Final = 1e-3
"""An average of success that rises to within this of 1 is 1.

An average only comes nearer to 1 and never reaches it. The step is an assumption
like the constants, and too small to see in a share.
"""


_MOST: Final = 2**63 - 1
"""How many connections at once; more than there ever are."""


@frozen
class _Range:
    """What numbers a field may hold: from *least* to *most*, called *what* in a message."""

    what: str
    least: float
    most: float

    def holds(self, value: float) -> bool:
        return self.least <= value <= self.most  # neither does NaN pass

    def check(self, value: object, path: str) -> None:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not self.holds(value):
            raise InvalidValueError(f"expected {self.what}, got {value!r}", path)

    def read(self, reader: FieldReader, key: str) -> float | None:
        value = cast("float | None", reader.take(key, (int, float), self.what))
        if value is None or self.holds(value):
            return None if value is None else float(value)
        reader.refuse(key, f"expected {self.what}, got {shown(value)}")
        return None


_FRACTION: Final = _Range("a number above 0 and at most 1", ulp(0.0), 1.0)
_SECONDS: Final = _Range("a number of seconds above 0", ulp(0.0), float(MAX_SECONDS))
_FACTOR: Final = _Range("a number from 1 to 1000", 1.0, 1000.0)
_RANGES: Final = {
    "decay": _FRACTION,
    "base_ejection_time_s": _SECONDS,
    "max_ejection_time_s": _SECONDS,
    "growth": _FACTOR,
    "reset_after_s": _SECONDS,
    "return_weight": _FRACTION,
}
_READ: Final[Mapping[str, tuple[str, Callable[[FieldReader, str], Any]]]] = {
    "decay": ("decay", _FRACTION.read),
    "consecutive_failures": ("consecutiveFailures", partial(FieldReader.integer, least=1)),
    "base_ejection_time_s": ("baseEjectionTime", FieldReader.duration),
    "max_ejection_time_s": ("maxEjectionTime", FieldReader.duration),
    "growth": ("growth", _FACTOR.read),
    "reset_after_s": ("resetAfter", FieldReader.duration),
    "return_weight": ("returnWeight", _FRACTION.read),
}
"""The key of each field in a scenario, and what reads it."""


@frozen(kw_only=True)
class ConnectionLimits:
    """What the caller assumes of the outlier detection of a Solo ztunnel (OD-3).

    Published is this: only whether a connection succeeds counts, and an HTTP
    status never does. An exponentially weighted moving average of success lets
    failing endpoints get fewer connections. Consecutive failures eject, for a
    time that grows. With no healthy endpoint left all are used again; the
    ztunnel is *dazed*. No constant is published. So there are no defaults here,
    and each field is an assumption of the caller, as are these: the average
    is a factor on an endpoint's weight, and starts at 1; what becomes of
    connections to an ejected endpoint, which it gets while the ztunnel is
    dazed, counts for nothing; there is no limit to how many are ejected.

    Attributes:
        decay: Weight of the newest connection in the average of an endpoint,
            above 0 and at most 1. At 1 a single failure takes all traffic from
            an endpoint as long as its tier has others.
        consecutive_failures: How many connections in a row must fail to eject, 1 or more.
        base_ejection_time_s: How long the first ejection lasts, in seconds.
        max_ejection_time_s: How long any ejection lasts at most; not less than the first.
        growth: By which factor each further ejection is longer than the one before, 1 or more.
        reset_after_s: For how long an endpoint must have been back that its next
            ejection is a first one again, in seconds.
        return_weight: Where the average starts when an ejection is over, above
            0 and at most 1; 1 as if nothing had been.

    Raises:
        InvalidValueError: A field is of the wrong type or out of range.

    Source: docs.solo.io, Gloo Mesh, Ambient, Resiliency ("Resiliency through
    ztunnel outlier detection").
    """

    decay: float
    consecutive_failures: int
    base_ejection_time_s: float
    max_ejection_time_s: float
    growth: float
    reset_after_s: float
    return_weight: float

    def __attrs_post_init__(self) -> None:
        for name, numbers in _RANGES.items():
            numbers.check(getattr(self, name), name)
        check_int(self.consecutive_failures, "consecutive_failures", least=1, most=MAX_UINT32)
        if self.max_ejection_time_s < self.base_ejection_time_s:
            problem = f"expected base_ejection_time_s ({self.base_ejection_time_s:g}) or more"
            raise InvalidValueError(f"{problem}, got {self.max_ejection_time_s!r}", "max_ejection_time_s")

    @classmethod
    def from_mapping(cls, obj: Mapping[str, object], *, where: str = "") -> "ConnectionLimits":
        """The limits in plain data, as in a scenario; durations as Kubernetes writes them.

        Args:
            obj: All fields, in camel case and without a unit in the name. A null counts as absent.
            where: The file that it came from, for errors.

        Raises:
            InputError: With every problem found, each with its field.

        >>> stated = {"decay": 0.5, "consecutiveFailures": 3, "baseEjectionTime": "10s", "maxEjectionTime": "5m",
        ...           "growth": 2, "resetAfter": "1m", "returnWeight": 0.5}
        >>> ConnectionLimits.from_mapping(stated).max_ejection_time_s
        300.0
        """
        problems = Problems(file=where, object_name="ConnectionLimits")
        if not isinstance(obj, Mapping):
            problems.refuse("", f"expected a mapping, got {shown(obj)}")
            obj = {}
        limits = cls.read(FieldReader(obj, problems))
        problems.check()
        return cast("ConnectionLimits", limits)  # without a problem there are limits

    @classmethod
    def read(cls, reader: FieldReader) -> "ConnectionLimits | None":
        """The limits in *reader*, or ``None``; what is wrong goes to its `Problems`."""
        values = {name: read(reader, key) for name, (key, read) in _READ.items()}
        keys = [key for key, _ in _READ.values()]
        for key in keys:
            if not reader.has(key):
                reader.refuse(key, "expected what to assume, for the real value is not published; got nothing")
        for key in reader.names():
            if key not in keys and reader.has(key):
                near = nearest_field(key, keys)
                reader.refuse(key, f"unknown field; the nearest: {near}" if near else "unknown field")
        base, longest = values["base_ejection_time_s"], values["max_ejection_time_s"]
        if base and longest and longest < base:
            reader.refuse("maxEjectionTime", f"expected baseEjectionTime ({base:g}s) or more, got {longest:g}s")
            return None
        whole = {name: value for name, value in values.items() if value is not None}
        return cls(**whole) if len(whole) == len(values) else None


@define
class _History:
    """What a ztunnel remembers of an endpoint that has failed, beside the average."""

    failures: int = 0  # in a row
    ejections: int = 0  # since it was last back for long enough
    ejection_time_s: float = 0.0  # of the last of them
    returned_at: float = 0.0


class ConnectionDetector:
    """The outlier detection of one ztunnel: connections and virtual time in, ejections and weights out (OD-3, OD-4).

    It is a `Detector`. The balancer knows of an ejection at once. A failure is a
    connection that is not made (`Answer.connects`).
    Any HTTP status is a success. What is known of an endpoint is lost when it
    goes, and kept when its locality changes.

    Args:
        limits: What the caller assumes.
        hosts: The locality of each endpoint, by id.
        start: When it begins, in seconds.

    Raises:
        InvalidValueError: An argument is of the wrong type or out of range; a time is before the last one.

    >>> limits = ConnectionLimits(decay=0.5, consecutive_failures=2, base_ejection_time_s=10, max_ejection_time_s=60,
    ...                           growth=2, reset_after_s=60, return_weight=1)
    >>> detector = ConnectionDetector(limits, {"a": "zone-1", "b": "zone-1"})
    >>> [event.text for event in detector.observe(3.0, "a", Answer("refuse"), 2)]
    ['ejected for 10 s: 2 connections in a row failed']
    >>> detector.unusable, detector.weights, detector.next_change
    (frozenset({'a'}), {'a': 0.25}, 13.0)
    """

    def __init__(self, limits: ConnectionLimits, hosts: Mapping[str, Hashable], *, start: float = 0.0) -> None:
        check_type(limits, ConnectionLimits, "limits")
        check_type(hosts, Mapping, "hosts")
        self._limits = limits
        self._hosts = frozenset(hosts)
        self._now = start
        self._weights: Mapping[str, float] = {}  # replaced and never changed, so that callers may keep it
        self._unusable: frozenset[str] = frozenset()
        self._until: dict[str, float] = {}  # of the ejected
        self._histories: dict[str, _History] = {}  # of those that have failed

    @property
    def limits(self) -> ConnectionLimits:
        """What the caller assumes."""
        return self._limits

    @property
    def next_change(self) -> float | None:
        """When the next ejection is over, in seconds; ``None`` if nobody is ejected. Cost: O(ejected)."""
        return min(self._until.values(), default=None)

    @property
    def unusable(self) -> frozenset[str]:
        """The endpoints that are ejected, by id."""
        return self._unusable

    @property
    def weights(self) -> Mapping[str, float]:
        """The average of success of every endpoint where it is below 1, by id; of the ejected, what it was then."""
        return self._weights

    def until_change(self, host: str, answer: Answer) -> int | None:
        """With which such connection in a row a weight changes or the endpoint is ejected; ``None`` if never.

        It is 1 nearly always. It is ``None`` for successes at weight 1, and for
        an endpoint that is ejected or not known.
        """
        if host not in self._hosts or host in self._unusable:
            return None
        weight = self._weights.get(host, 1.0)
        if self._next_weight(weight, answer) != weight:
            return 1
        return None if _succeeds(answer) else self._limits.consecutive_failures - self._failures(host)

    def observe(self, at: float, host: str, answer: Answer, count: int = 1) -> tuple[DetectorEvent, ...]:
        """Take in connections to one endpoint that all end alike.

        Ejections that are over before *at* must have been ended by `advance`.

        Args:
            at: When the last of them ends; an ejection is dated so too.
            host: The id of the endpoint; of an ejected or an unknown one, nothing counts.
            answer: How each ends.
            count: How many there are, 1 or more.

        Returns:
            The ejection, if it comes to that.

        Cost: O(1) where all succeed at weight 1; else O(count + endpoints below weight 1),
            and no more connections are gone through than change the weight.
        """
        check_int(count, "count", least=1, most=_MOST)
        self._move_to(at)
        if host not in self._hosts or host in self._unusable:
            return ()
        if _succeeds(answer):
            if host in self._histories:
                self._histories[host].failures = 0
            self._average(host, answer, count)
            return ()
        history = self._histories.setdefault(host, _History())
        counted = min(count, self._limits.consecutive_failures - history.failures)
        history.failures += counted
        self._average(host, answer, counted)
        return (self._eject(at, host, history),) if history.failures == self._limits.consecutive_failures else ()

    def advance(self, to: float) -> tuple[DetectorEvent, ...]:
        """End every ejection that is over at *to*; those of one instant in the order of the ids.

        Returns:
            The returns, in the order of time.
        """
        self._move_to(to)
        due = sorted((until, host) for host, until in self._until.items() if until <= to)
        return tuple(self._return(until, host) for until, host in due)

    def update_hosts(self, at: float, hosts: Mapping[str, Hashable]) -> tuple[DetectorEvent, ...]:
        """Take the endpoints that there are from now on; what is known of the others is dropped.

        Returns:
            Nothing: no endpoint that stays is ejected or let back by it.
        """
        self._move_to(at)
        self._hosts = frozenset(hosts)
        self._weights = {host: weight for host, weight in self._weights.items() if host in self._hosts}
        self._until = {host: until for host, until in self._until.items() if host in self._hosts}
        self._histories = {host: history for host, history in self._histories.items() if host in self._hosts}
        self._unusable = frozenset(self._until)
        return ()

    def _move_to(self, at: float) -> None:
        if not at >= self._now:
            raise InvalidValueError(f"expected a time from {self._now!r} s on, got {at!r}", "at")
        self._now = at

    def _failures(self, host: str) -> int:
        return self._histories[host].failures if host in self._histories else 0

    def _next_weight(self, weight: float, answer: Answer) -> float:
        """The average after one more connection."""
        if not _succeeds(answer):
            return weight * (1 - self._limits.decay)
        raised = weight + self._limits.decay * (1 - weight)
        return 1.0 if raised >= 1 - _SNAP else raised

    def _average(self, host: str, answer: Answer, count: int) -> None:
        # One by one: a power would round otherwise, and many at once would not be the same as many single ones.
        weight = self._weights.get(host, 1.0)
        for _ in range(count):
            before, weight = weight, self._next_weight(weight, answer)
            if weight == before:
                break
        self._set_weight(host, weight)

    def _set_weight(self, host: str, weight: float) -> None:
        if weight != self._weights.get(host, 1.0):
            changed = {**self._weights, host: weight}
            if weight == 1:
                del changed[host]
            self._weights = changed

    def _eject(self, at: float, host: str, history: _History) -> DetectorEvent:
        limits = self._limits
        if at - history.returned_at >= limits.reset_after_s:
            history.ejections = 0
        grown = history.ejection_time_s * limits.growth if history.ejections else limits.base_ejection_time_s
        history.ejection_time_s = min(grown, limits.max_ejection_time_s)
        history.ejections += 1
        history.failures = 0
        self._until[host] = at + history.ejection_time_s
        self._unusable |= {host}
        failed = limits.consecutive_failures
        return DetectorEvent(
            at=at,
            host=host,
            kind=DetectorEventKind.EJECTED,
            text=f"ejected for {history.ejection_time_s:g} s: "
            + ("a connection failed" if failed == 1 else f"{failed} connections in a row failed"),
            rule="OD-3",
            until=self._until[host],
            multiplier=history.ejections,
        )

    def _return(self, at: float, host: str) -> DetectorEvent:
        history = self._histories[host]
        history.returned_at = at
        del self._until[host]
        self._unusable -= {host}
        self._set_weight(host, self._limits.return_weight)
        text = f"back after {history.ejection_time_s:g} s"
        return DetectorEvent(at=at, host=host, kind=DetectorEventKind.RETURNED, text=text, rule="OD-3")


def _succeeds(answer: Answer) -> bool:
    """Whether a connection succeeds; what comes over it, and whether anything does, is not looked at (OD-4)."""
    return answer.connects
