"""What can outlier detection do at an Envoy, and how long does it take? Closed answers, without a simulation.

They hold of the endpoints and limits that one Envoy is told: how many hosts may
be out at once (OD-2), from how many on which priority gets traffic (LOAD-2), and
the longest times to failover and back (OD-1).
"""

import enum
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate
from typing import Final, assert_never

from attrs import field, frozen

from meshtier.dataplane.ejection_order import EjectionOrder, Rank
from meshtier.dataplane.envoy import spread_over
from meshtier.dataplane.load_assignment import LocalityGroup
from meshtier.dataplane.settings import EnvoySettings
from meshtier.errors import InvalidValueError, check_member, check_type
from meshtier.rules.outlier import OutlierLimits
from meshtier.table import brief

MERGE_WINDOW_S: Final = 1.0
"""How long an Envoy's balancer may learn nothing of an ejection or a return, in seconds.

A change of health that comes within this time of the last one that was delivered
waits as long, counted from itself, and those that come meanwhile go with it.

Source: measured on Envoy 1.40.0 (vectors ``outlier_effect``); Istio never sets ``update_merge_window``.
"""

_GATEWAY_STATUSES: Final = frozenset({502, 503, 504})


class Failure(enum.Enum):
    """How requests fail at a host, as far as outlier detection tells it apart."""

    SERVER_ERROR = "5xx"  # a status from 500 to 599 that is none of the next
    GATEWAY_ERROR = "gateway"  # status 502, 503 or 504
    REFUSED = "refused"  # no connection, or one that is reset
    TIMEOUT = "timeout"  # a connection, and no answer in time


@frozen(kw_only=True)
class PriorityBounds:
    """What ejections make of one priority.

    Ejected hosts are counted from the nearest priority on, as priorities fail
    one after the other; in each, healthy hosts come before degraded ones.

    Attributes:
        priority: 0 is the first.
        hosts: How many there are, those included that can take no traffic.
        healthy: How many of them can take traffic now, degraded ones too.
        nearer: How many can in the priorities before it.
        can_be_emptied: Whether all that can may be ejected, beside all those in
            the priorities before it.
        some_from: With how many ejected hosts it first gets any traffic; 0 if it
            does now, ``None`` if never within the limit.
        all_from: With how many the priorities before it get none any more; 0 if
            they get none now, ``None`` if never.
        reason: Why one of these never comes; ``""`` if both do.
    """

    priority: int
    hosts: int
    healthy: int
    nearer: int
    can_be_emptied: bool
    some_from: int | None
    all_from: int | None
    reason: str


@frozen(kw_only=True)
class EjectionBounds:
    """What outlier detection can do at one Envoy, given what it is told.

    Attributes:
        limits: The limits in force.
        error_codes: The statuses that alone count as errors; none for Envoy's own choice.
        hosts: How many hosts there are in all priorities, ready or not.
        most_ejected: How many of them may be out at once (OD-2); 0 if no error ejects.
        priorities: Those that have a host, nearest first.
        nearest: The first priority that gets traffic now; ``None`` if none does.
        target: The next one whose hosts can take traffic; ``None`` if there is none.
        reason: Why detection never moves all traffic from *nearest* to *target*; ``""`` if it can.
        slowest: How many requests there are at the Envoy for each one at the host of
            *nearest* that gets fewest, while others are being ejected; ``None``
            if all traffic is never moved, or *untimed* says why there is no such number.
        fastest: The same of the host that gets most, now.
        untimed: Why nothing can be said of the time until all traffic has moved,
            though it can; ``""`` otherwise.
    """

    limits: OutlierLimits
    error_codes: frozenset[int] = frozenset()
    hosts: int
    most_ejected: int
    priorities: tuple[PriorityBounds, ...] = field(converter=tuple[PriorityBounds, ...], repr=brief)
    nearest: int | None
    target: int | None
    reason: str
    slowest: float | None
    fastest: float | None
    untimed: str = ""

    @property
    def can_fail_over(self) -> bool:
        """Whether detection alone can move all traffic from the nearest priority to the next."""
        return not self.reason

    def of(self, priority: int) -> PriorityBounds:
        """What ejections make of this priority.

        Raises:
            InvalidValueError: It has no host.
        """
        for each in self.priorities:
            if each.priority == priority:
                return each
        raise InvalidValueError(f"expected a priority with a host, got {priority!r}", "priority")

    def errors_to_eject(self, failure: Failure = Failure.SERVER_ERROR) -> int | None:
        """How many such failures in a row eject a host; ``None`` if they never do (OD-1).

        Where only some statuses count as errors, it is those of this kind that do.
        """
        check_member(failure, Failure, "failure")
        return _errors_to_eject(self.limits, self.error_codes, failure)

    @property
    def first_return_s(self) -> float | None:
        """The longest time from a host's first ejection to its return; ``None`` if nobody is ever ejected (OD-1).

        That is the base, and up to one interval until the next sweep.
        """
        return self._shortest_s + self.limits.interval_s if self.most_ejected else None

    @property
    def longest_return_s(self) -> float | None:
        """The longest time from any ejection to the return; ``None`` if nobody is ever ejected (OD-1).

        A host that is ejected again and again is out for ever longer, up to the maximum.
        """
        if not self.most_ejected:
            return None
        # A base of 0 stays 0 however often it is multiplied.
        longest = self.limits.max_ejection_time_s if self.limits.base_ejection_time_s else 0.0
        return longest + self.limits.interval_s

    @property
    def _shortest_s(self) -> float:
        return min(self.limits.base_ejection_time_s, self.limits.max_ejection_time_s)

    @property
    def failback_s(self) -> float | None:
        """The longest time from a host's recovery until it has its traffic again; ``None`` if nobody is ever ejected.

        In the worst case it recovers right after an ejection of the longest kind,
        and the balancer learns of the return one merge window later. That is one
        host's own traffic: others that are out are not waited for.
        """
        longest = self.longest_return_s
        return None if longest is None else longest + MERGE_WINDOW_S

    def failover_s(self, rate: float, failure: Failure = Failure.SERVER_ERROR) -> float | None:
        """The longest time from the first error until no request goes to the nearest priority any more (OD-1, LOAD-2).

        All of its hosts fail all requests from one moment on, and nothing else
        changes, nor did in the second before. Requests are spread evenly: each
        host gets one whenever its share of them has come; a balancer that
        chooses by chance can take longer. Then

        - each host has its last error at most that many distances between its own
          requests after the first error of all, and one distance less if it is
          the only host;
        - the first ejection is delivered at once, and any other at most one
          merge window later.

        Args:
            rate: Requests a second that this Envoy sends to the host, over all endpoints.
            failure: How they fail.

        Returns:
            Seconds; ``None`` if that never comes, or the first hosts may be back
            before the last one is out: `why_not` says which.

        Raises:
            InvalidValueError: *rate* is no number above 0.
        """
        errors = self._errors(rate, failure)
        if errors is None or self.slowest is None or self.target is None:
            return None
        longest = self._until_last(rate, errors, self.slowest)
        return None if self._are_back(rate, errors, longest) else longest

    def why_not(self, rate: float, failure: Failure = Failure.SERVER_ERROR) -> str:
        """Why `failover_s` gives nothing; ``""`` if it does."""
        errors = self._errors(rate, failure)
        if self.reason:
            return self.reason
        if errors is None:
            return f"no number of failures of kind {failure.value} ejects a host"
        if self.slowest is None:
            return self.untimed
        if self._are_back(rate, errors, self._until_last(rate, errors, self.slowest)):
            return f"at {rate:g} requests a second the first hosts may be back before the last one is out"
        return ""

    def _errors(self, rate: float, failure: Failure) -> int | None:
        check_rate(rate)
        return self.errors_to_eject(failure)

    @property
    def _is_single(self) -> bool:
        return self.nearest is not None and self.of(self.nearest).healthy == 1

    def _until_last(self, rate: float, errors: int, slowest: float) -> float:
        if self._is_single:
            return (errors - 1) * slowest / rate
        return errors * slowest / rate + MERGE_WINDOW_S

    def _are_back(self, rate: float, errors: int, longest: float) -> bool:
        if self._is_single or self.fastest is None:
            return False
        return longest - (errors - 1) * self.fastest / rate >= self._shortest_s


def check_rate(rate: object) -> None:
    """Refuse what is no number above 0; raises an `InvalidValueError`."""
    if not isinstance(rate, (int, float)) or isinstance(rate, bool) or not 0 < rate < float("inf"):
        raise InvalidValueError(f"expected a number above 0, got {rate!r}", "rate")


def ejection_bounds(
    groups: Iterable[LocalityGroup],
    settings: EnvoySettings,
    limits: OutlierLimits,
    *,
    error_codes: Collection[int] = (),
) -> EjectionBounds:
    """What outlier detection can do at an Envoy that is told these groups (OD-1, OD-2, LOAD-2).

    Every endpoint is a host, one that stands for another network too. One that is
    told and can take no traffic counts as a host, and as one that is out already,
    without counting as ejected.

    Args:
        groups: As the Envoy is told them, with ids of their own.
        settings: What it is told besides.
        limits: Those of the ``outlierDetection`` in force.
        error_codes: The statuses that alone count as errors, if any are given.

    Cost: O(n log n) in the endpoints; with a panic threshold above 0 up to O(n) times the hosts that may be out.

    >>> from meshtier.endpoint import Endpoint
    >>> from meshtier.locality import Locality
    >>> near = LocalityGroup(endpoints=[Endpoint(f"near-{number}", Locality(zone="a")) for number in range(10)])
    >>> far = LocalityGroup(priority=1, endpoints=[Endpoint("far", Locality(zone="b"))])
    >>> bounds = ejection_bounds([near, far], EnvoySettings(panic_threshold=0), OutlierLimits(max_ejection_percent=50))
    >>> bounds.most_ejected, bounds.of(1).some_from, bounds.of(1).all_from, bounds.reason
    (5, 3, None, 'priority 1: 10 hosts come before it, and at most 5 may be out at once')
    """
    check_type(settings, EnvoySettings, "settings")
    check_type(limits, OutlierLimits, "limits")
    told, codes = tuple(groups), frozenset(error_codes)
    order = EjectionOrder.of(told, settings)
    hosts = sum(len(rank.pool.hosts) for rank in order.ranks)
    ejects = any(_errors_to_eject(limits, codes, failure) is not None for failure in Failure)
    most = limits.most_ejected(hosts) if ejects else 0
    priorities = _priorities(order, most)
    now = order.loads(0)
    serving = [each for each in priorities if each.healthy]
    nearest = next((each for each in priorities if each.healthy and now[each.priority]), None)
    target = None if nearest is None else next((each for each in serving if each.nearer > nearest.nearer), None)
    reason = _why_no_failover(limits, hosts, nearest, target, ejects=ejects, most=most)
    distances = _NOT_MOVED if reason or nearest is None else _distances(order, told, nearest)
    return EjectionBounds(
        limits=limits,
        error_codes=codes,
        hosts=hosts,
        most_ejected=most,
        priorities=priorities,
        nearest=None if nearest is None else nearest.priority,
        target=None if target is None else target.priority,
        reason=reason,
        slowest=distances.slowest,
        fastest=distances.fastest,
        untimed=distances.untimed,
    )


def _errors_to_eject(limits: OutlierLimits, codes: frozenset[int], failure: Failure) -> int | None:
    """The smallest count that is in force for such failures; 0 is none."""
    return min(filter(None, _counts(limits, codes, failure)), default=None)


def _counts(limits: OutlierLimits, codes: frozenset[int], failure: Failure) -> tuple[int, ...]:
    of_server, local = limits.consecutive_5xx, limits.consecutive_local_origin
    of_gateway = (of_server, limits.consecutive_gateway)
    match failure:
        case Failure.SERVER_ERROR:
            # envoyproxy/envoy test/common/router/router_test.cc, OverwriteCodeBasedOnMatcher: a status that is listed
            # and no 5xx is reported as 500, and one that is not listed as 200.
            return (of_server,) if not codes or codes - _GATEWAY_STATUSES else ()
        case Failure.GATEWAY_ERROR:
            return of_gateway if not codes or codes & _GATEWAY_STATUSES else ()
        case Failure.REFUSED:
            # Measured on Envoy 1.40.0: what is not split off counts as 503 or 504, whatever statuses are listed.
            return (local,) if limits.split_local_origin else of_gateway
        case Failure.TIMEOUT:
            if not limits.split_local_origin:
                return of_gateway
            # Measured: the connection that is there sets the count to 0 before each timeout, so that it never passes 1.
            return (1,) if local == 1 else ()
        case _:
            assert_never(failure)


def _priorities(order: EjectionOrder, most: int) -> tuple[PriorityBounds, ...]:
    before = (0, *accumulate(rank.serving for rank in order.ranks))
    found: list[PriorityBounds] = []
    for priority, rank in enumerate(order.ranks):
        if rank.pool.hosts:
            nearer = before[priority]
            some, every = order.thresholds(priority, range(min(nearer, most) + 1))
            missing = some is None or every is None
            bounds = PriorityBounds(
                priority=priority,
                hosts=len(rank.pool.hosts),
                healthy=rank.serving,
                nearer=nearer,
                can_be_emptied=0 < rank.serving <= most - nearer,
                some_from=some,
                all_from=every,
                reason=_why_never(rank, nearer, most) if missing else "",
            )
            found.append(bounds)
    return tuple(found)


def _why_never(rank: Rank, nearer: int, most: int) -> str:
    if not rank.serving:
        return "none of its hosts can take traffic"
    if nearer > most:
        return (
            f"{nearer} {'hosts come' if nearer > 1 else 'host comes'} before it, and at most {most} may be out at once"
        )
    return "those before it keep traffic, for in a panic ejected hosts are used too"


def _why_no_failover(
    limits: OutlierLimits,
    hosts: int,
    nearest: PriorityBounds | None,
    target: PriorityBounds | None,
    *,
    ejects: bool,
    most: int,
) -> str:
    if nearest is None:
        return "no host can take traffic"
    if not ejects:
        return "no error counts: nobody is ever ejected"
    if not most:
        return f"{limits.max_ejection_percent} % of {hosts} hosts is less than one: nobody is ever ejected"
    if target is None:
        return f"no other priority than {nearest.priority} can take its traffic"
    return f"priority {target.priority}: {target.reason}" if target.all_from is None else ""


@frozen(kw_only=True)
class _Distances:
    """How far apart the requests of a host are, in requests at the Envoy; see `EjectionBounds`."""

    slowest: float | None = None
    fastest: float | None = None
    untimed: str = ""


_NOT_MOVED: Final = _Distances()


def _distances(order: EjectionOrder, groups: Sequence[LocalityGroup], nearest: PriorityBounds) -> _Distances:
    """Of the hosts of a priority: of the slowest at worst, and of the fastest now.

    A host that is still in gets no smaller part of the requests while others of
    its priority are ejected, the fastest first: 1.4 of health for each host is
    more than what its part is. Only the whole per cent of a priority's load can
    take something away: one of 75 hosts has 1 % of health, and 1.33 % before.
    In a panic it shares its part with those that are out.
    """
    rank = order.ranks[nearest.priority]
    shares = spread_over(groups, order.settings).shares
    own = [shares[host.id] for host in (*rank.healthy, *rank.degraded)]
    name = f"priority {nearest.priority}"
    if not min(own):
        return _Distances(untimed=f"a host of {name} gets no requests, and so is never ejected")
    steps = list(order.steps(nearest.priority, nearest.nearer))
    if any(panics for *_, panics in steps):
        return _Distances(untimed=f"{name} panics before all its hosts are out, and those that are get requests too")
    parts = [load / (len(own) - out) for out, load, _ in steps]
    return _Distances(slowest=parts[0] / min(parts) / min(own), fastest=1 / max(own))
