"""How are outages laid out? A matrix of failures and hosts, and below it the places whose load rises most."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final, TypedDict

from attrs import field, frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.diff.outages import DEFAULT_SCOPES, Effect, Outage, each_outage, failures_of
from meshtier.diff.phrases import zone_text
from meshtier.mesh import Mesh
from meshtier.mesh.report import Report, Section
from meshtier.mesh.route_data import PlaceData, place_data
from meshtier.profile import SOLO, Profile
from meshtier.table import Table, percent, shortened

MOST_COLUMNS: Final = 6
"""A matrix that would be wider is a list."""
MOST_LOADS: Final = 10
"""How many of the places whose load rises are shown."""


class LoadData(TypedDict):
    """A zone or node whose load rises; a unit is the traffic of one route."""

    place: str
    today: float
    then: float


class EffectData(TypedDict):
    """What a failure does to a host."""

    host: str
    asked: int
    broken: list[PlaceData]
    lost: float
    spilled: float
    to: dict[str, float]
    loads: list[LoadData]


class OutageData(TypedDict):
    """A failure."""

    scope: str
    name: str
    clients_left: bool
    routes_gone: int
    effects: list[EffectData]


class OutagesData(TypedDict):
    """All failures."""

    summary: str
    outages: list[OutageData]


def outages(
    mesh: Mesh,
    *,
    each: Iterable[str] = DEFAULT_SCOPES,
    component: Component | None = None,
    profile: Profile = SOLO,
    hosts: Iterable[str] | None = None,
) -> "OutageMatrix":
    """What breaks, spills or takes more load when each part of a mesh is gone, one at a time.

    Args:
        mesh: The snapshot.
        each: What is removed in turn: some of `meshtier.diff.SCOPES`.
        component: The one that is asked about; ``None`` for the way that traffic really takes.
        profile: Whose rules.
        hosts: The full host names to ask for; ``None`` for all of them.

    Raises:
        InvalidValueError: One of *each* is nothing that can be removed.

    >>> from meshtier.kube import load
    >>> found = outages(load("examples/bookinfo/gateways"), each=["zone"])
    >>> sorted({str(outage.failure) for outage, _ in found.broken})
    ['zone us-east-a', 'zone us-west-b']
    """
    failures = failures_of(mesh, each)
    return OutageMatrix(outages=each_outage(mesh, failures, component=component, profile=profile, hosts=hosts))


@frozen(kw_only=True, eq=False, repr=False)
class OutageMatrix:
    """What each failure does to each host.

    Attributes:
        outages: One for each failure.
    """

    outages: tuple[Outage, ...] = field(converter=tuple[Outage, ...])

    @cached_property
    def broken(self) -> tuple[tuple[Outage, str], ...]:
        """Each failure and host that it breaks for some client that is left."""
        return tuple((one, host) for one in self.outages for host, effect in one.effects.items() if effect.breaks)

    @property
    def summary(self) -> str:
        """What happens in all, as one line."""
        breaking = {str(one.failure) for one, _ in self.broken}
        hosts = {host for _, host in self.broken}
        total = len(self.outages)
        if not breaking:
            return f"none of {total} failures breaks anything"
        some = f"{len(breaking)} of {total} failures break{'s' if len(breaking) == 1 else ''} something"
        return f"{some}: {_counted(len(hosts), 'host')} in all"

    @cached_property
    def _hosts(self) -> Sequence[str]:
        """The hosts to which something happens, those that break most often first."""
        found = {host for one in self.outages for host in one.effects}
        broken = [host for _, host in self.broken]
        return sorted(found, key=lambda host: (-broken.count(host), host))

    def to_table(self, *, width: int | None = None) -> Table:
        """The matrix, hosts down and failures across, or the other way round; where neither fits, a list.

        Args:
            width: How many letters there is room for; ``None`` for any number.
        """
        failures = [one for one in self.outages if one.clients_left]
        notes = [f"{one.failure} leaves no client" for one in self.outages if not one.clients_left]
        hosts = self._hosts
        if not hosts or not failures:
            return Table(title=self.summary, columns=(), rows=(), notes=notes)
        cells = {(str(one.failure), host): cell(one.effects.get(host)) for one in failures for host in hosts}
        names = [str(one.failure) for one in failures]
        across = [(host, *(cells[name, host] for name in names)) for host in hosts]
        down = [(name, *(cells[name, host] for host in hosts)) for name in names]
        for columns, rows in ((("host", *names), across), (("failure", *hosts), down)):
            table = Table(title=self.summary, columns=columns, rows=rows, notes=notes)
            if len(columns) <= MOST_COLUMNS + 1 and (width is None or table.fits(width)):
                return table
        listed = [(name, host, cells[name, host]) for name in names for host in hosts if cells[name, host] != _OK]
        return Table(title=self.summary, columns=("failure", "host", "what happens"), rows=listed, notes=notes)

    def loads(self, *, most: int = MOST_LOADS) -> Table:
        """The zones whose load rises most, by failure and host."""
        found = sorted(self._rises(), key=lambda rise: (-(rise[4] - rise[3]), rise[:3]))
        rows = [
            (
                failure,
                host,
                zone,
                f"{today:.1f}",
                f"{then:.1f}",
                f"+{percent(then / today - 1)}" if today else "from none",
            )
            for failure, host, zone, today, then in found[:most]
        ]
        notes = [f"… and {len(found) - most} more"] if len(found) > most else []
        columns = ("failure", "host", "place", "load today", "load then", "rise")
        return Table(columns=columns, rows=rows, notes=notes, numeric=frozenset({3, 4, 5}))

    def _rises(self) -> Iterator[tuple[str, str, str, float, float]]:
        for one in self.outages:
            for host, effect in one.effects.items():
                for zone, (today, then) in effect.loads.items():
                    yield str(one.failure), host, zone, today, then

    def report(self, *, width: int | None = None) -> Report:
        """The matrix and the loads, laid out for reading in so many letters beside each other."""
        table, loads = self.to_table(width=width), self.loads()
        shown = Table(columns=table.columns, rows=table.rows) if table.rows else None
        sections = [Section(lines=table.notes, table=shown)] if table.rows or table.notes else []
        if loads.rows:
            said = "a unit is the traffic of one client place; clients that are gone send none"
            sections.append(
                Section(heading="where the load rises most", lines=(said, *loads.notes), table=loads_only(loads))
            )
        return Report(title=self.summary, sections=sections)

    def to_dict(self) -> OutagesData:
        """All of it as plain data, for JSON."""
        return OutagesData(summary=self.summary, outages=[_outage_data(one) for one in self.outages])

    def _repr_html_(self) -> str:
        return self.report().first().to_html()

    @override
    def __repr__(self) -> str:
        return f"<OutageMatrix {self.summary}>"


_OK: Final = "ok"


def cell(effect: Effect | None) -> str:
    """What a failure does to a host, in a few words."""
    if effect is None:
        return _OK
    if effect.broken and effect.lost > 1 - 1e-6:
        return "breaks"
    return ", ".join(_words(effect)) or _OK


def _words(effect: Effect) -> Iterator[str]:
    if effect.broken:
        zones = dict.fromkeys(zone_text(place) for place in effect.broken)
        yield f"breaks from {shortened(list(zones), most=2)}"
    elif effect.lost:
        yield f"loses {percent(effect.lost)}"
    if effect.to:
        yield f"spills {percent(effect.spilled)} to {shortened([zone for zone, _ in effect.to], most=2)}"


def loads_only(table: Table) -> Table:
    """The table without its notes."""
    return Table(columns=table.columns, rows=table.rows, numeric=table.numeric)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"


def _outage_data(one: Outage) -> OutageData:
    return OutageData(
        scope=one.failure.scope,
        name=one.failure.name,
        clients_left=one.clients_left,
        routes_gone=one.clients_gone,
        effects=[_effect_data(host, effect) for host, effect in one.effects.items()],
    )


def _effect_data(host: str, effect: Effect) -> EffectData:
    return EffectData(
        host=host,
        asked=effect.asked,
        broken=[place_data(place) for place in effect.broken],
        lost=effect.lost,
        spilled=effect.spilled,
        to=dict(effect.to),
        loads=[LoadData(place=zone, today=today, then=then) for zone, (today, then) in effect.loads.items()],
    )
