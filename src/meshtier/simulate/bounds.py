"""What can outlier detection do on the way to a host, without a simulation? Closed answers for each who chooses."""

from collections.abc import Iterator
from typing import Final, TypedDict

from attrs import evolve, field, frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.dataplane import EjectionBounds, Failure, PriorityBounds
from meshtier.dataplane.ejection import check_rate
from meshtier.errors import check_type
from meshtier.mesh.report import Report, Section
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.route_data import EjectionData, ejection_data
from meshtier.mesh.wording import NOT_COMPUTED, ejection_lines
from meshtier.table import Table, percent

_NUMERIC: Final = frozenset({1, 2, 3, 4, 5, 6})


class ChooserData(TypedDict):
    """What one who chooses can eject, as plain data."""

    by: str
    component: str
    share: float
    reason: str
    ejection: EjectionData | None


class BoundsData(TypedDict):
    """The closed answers for a route as plain data; times in seconds."""

    client: str
    host: str
    profile: str
    can_fail_over: bool
    failback_s: float | None
    choosers: list[ChooserData]


@frozen(kw_only=True)
class ChooserBounds:
    """What outlier detection can do where one choice is made.

    Attributes:
        by: Who chooses, as `Hop.by` has it: the client, a waypoint's pod, or one of a gateway.
        component: What kind of component that is.
        share: What part of the client's traffic comes by, 0 to 1.
        ejection: The closed answers; ``None`` where there are none.
        reason: Why there are none; ``""`` if there are.
    """

    by: str
    component: Component
    share: float
    ejection: EjectionBounds | None
    reason: str = ""


@frozen(kw_only=True, repr=False)
class Bounds:
    """What outlier detection can do on the way of one client's traffic to a host.

    Each Envoy ejects for itself: several pods of a waypoint know nothing of each other.

    Attributes:
        client: Who sends.
        host: The full host name.
        profile: The name of the profile whose rules hold.
        choosers: Those who choose, in the order of the path.
    """

    client: str
    host: str
    profile: str
    choosers: tuple[ChooserBounds, ...] = field(converter=tuple[ChooserBounds, ...])

    @property
    def envoys(self) -> tuple[EjectionBounds, ...]:
        """The closed answers of those for whom there are any."""
        return tuple(each.ejection for each in self.choosers if each.ejection is not None)

    @property
    def can_fail_over(self) -> bool:
        """Whether ejections alone can move all traffic from the nearest priority, at every Envoy; not without one."""
        return bool(self.envoys) and all(each.can_fail_over for each in self.envoys)

    @property
    def failback_s(self) -> float | None:
        """The longest time from a host's recovery to its traffic at every Envoy; ``None`` if nobody is ever ejected."""
        return max((each.failback_s for each in self.envoys if each.failback_s is not None), default=None)

    def failover_s(self, rate: float, failure: Failure = Failure.SERVER_ERROR) -> float | None:
        """The longest time from the first error to full failover, at every Envoy; see `EjectionBounds.failover_s`.

        Args:
            rate: Requests a second of this client and all that send like it; each
                Envoy gets its share of them, and so several take longer than one.
            failure: How requests fail.

        Returns:
            Seconds; ``None`` if it is not certain to come at one of them, or there is none.

        Raises:
            InvalidValueError: *rate* is no number above 0.
        """
        check_rate(rate)
        several = len(self.envoys) > 1
        found = [
            _failover_s(each.ejection, rate * (each.share or 1.0), failure, several=several)
            for each in self.choosers
            if each.ejection is not None
        ]
        certain = [each for each in found if each is not None]
        return max(certain, default=None) if len(certain) == len(found) else None

    def to_table(self) -> Table:
        """A row for each priority of each Envoy, and one for each who has no closed answer."""
        columns = ("by", "share", "priority", "hosts", "healthy", "some from", "all from", "why not")
        return Table(title=self._title, columns=columns, rows=list(self._rows()), numeric=_NUMERIC)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for each in self.choosers:
            head = (each.by, percent(each.share))
            if each.ejection is None:
                yield (*head, "", "", "", "", "", each.reason)
                continue
            for place, priority in enumerate(each.ejection.priorities):
                yield (*(("", "") if place else head), *_cells(priority))

    def report(self) -> Report:
        """The closed answers for reading: a section for each who chooses."""
        sections: list[Section] = []
        for each in self.choosers:
            lines = [each.reason] if each.ejection is None else list(ejection_lines(each.ejection))
            heading = f"{each.component} at {each.by}, {percent(each.share)}"
            table = None if each.ejection is None else evolve(self._table_of(each.ejection), title="")
            sections.append(Section(heading=heading, lines=lines, table=table))
        return Report(title=self._title, sections=sections)

    def _table_of(self, ejection: EjectionBounds) -> Table:
        columns = ("priority", "hosts", "healthy", "some from", "all from", "why not")
        rows = [_cells(each) for each in ejection.priorities]
        return Table(columns=columns, rows=rows, numeric=frozenset({0, 1, 2, 3, 4}))

    @property
    def _title(self) -> str:
        return f"outlier detection from {self.client} to {self.host}, profile {self.profile}"

    def to_dict(self) -> BoundsData:
        """All of it as plain data, for JSON."""
        return BoundsData(
            client=self.client,
            host=self.host,
            profile=self.profile,
            can_fail_over=self.can_fail_over,
            failback_s=self.failback_s,
            choosers=[
                ChooserData(
                    by=each.by,
                    component=each.component.value,
                    share=each.share,
                    reason=each.reason,
                    ejection=None if each.ejection is None else ejection_data(each.ejection),
                )
                for each in self.choosers
            ],
        )

    def _repr_html_(self) -> str:
        return self.report().to_html()

    @override
    def __repr__(self) -> str:
        able = "can fail over" if self.can_fail_over else "cannot fail over"
        return f"<Bounds {self.host} from {self.client}: {len(self.envoys)} of {len(self.choosers)} computed, {able}>"


def _failover_s(ejection: EjectionBounds, rate: float, failure: Failure, *, several: bool) -> float | None:
    """The longest time to failover at one Envoy, from the first error at any of *several*."""
    longest = ejection.failover_s(rate, failure)
    if longest is None or not several or ejection.nearest is None or ejection.slowest is None:
        return longest
    # A host that is alone counts from its own first error, which comes up to one distance after that at another Envoy.
    return longest + ejection.slowest / rate if ejection.of(ejection.nearest).healthy == 1 else longest


def _cells(each: PriorityBounds) -> tuple[str, ...]:
    some, every = ("never" if count is None else str(count) for count in (each.some_from, each.all_from))
    return str(each.priority), str(each.hosts), str(each.healthy), some, every, each.reason


def bounds(route: Route) -> Bounds:
    """What outlier detection can do on the way of *route*, at each who chooses (OD-1 to OD-4).

    That is the component of the first choice, each pod of a waypoint that gets
    traffic, and the gateways of other networks as far as what is there is known.
    A choice that several before it send to stands there once.

    Raises:
        InvalidValueError: *route* is none.

    Cost: O(n log n) for each choice.

    >>> from meshtier.kube import load
    >>> mesh = load("examples/bookinfo/gateways", "examples/bookinfo/destination-rules/productpage-failover.yaml")
    >>> found = bounds(mesh.route("bookinfo/curl-east", "productpage.bookinfo.mesh.internal"))
    >>> found.choosers[1].ejection.most_ejected, found.failback_s
    (2, 311.0)
    """
    check_type(route, Route, "route")
    found: dict[tuple[str, Component, EjectionBounds | None, str], float] = {}
    for hop in route.hops if route.waypoint_hops or route.deciding is route else (route.first_hop, _beside(route)):
        key = (hop.by, hop.route.component, hop.route.outcome.ejection, _why_not(hop))
        found[key] = found.get(key, 0.0) + hop.share
    return Bounds(
        client=route.client.name,
        host=route.host,
        profile=route.profile.name,
        choosers=tuple(
            ChooserBounds(by=by, component=component, share=min(1.0, share), ejection=ejection, reason=reason)
            for (by, component, ejection, reason), share in found.items()
        ),
    )


def _beside(route: Route) -> Hop:
    """What a waypoint beside the client would see, where none of its pods gets traffic."""
    return Hop(by=route.decided_by, share=0.0, route=route.deciding)


def _why_not(hop: Hop) -> str:
    """Why there are no closed answers for a choice; ``""`` if there are."""
    route = hop.route
    if route.outcome.ejection is not None:
        return ""
    if route.passthrough:
        return f"no choice is made: {route.passthrough}"
    if route.component.traits.is_told_priorities:
        return "no outlierDetection is in force: nobody is ever ejected"
    if route.profile.ztunnels_detect_failures:
        return NOT_COMPUTED
    return f"a ztunnel of profile {route.profile.name} has no outlier detection [OD-3]"
