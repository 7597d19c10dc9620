"""What is to be said of a mesh's traffic in all? Matrix, services that cross zones, skew and cost, in that order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NotRequired, TypedDict

from attrs import evolve, frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.mesh import Mesh
from meshtier.mesh.report import Report, Section
from meshtier.profile import SOLO, Profile
from meshtier.table import Table
from meshtier.traffic.before_after import DeltasData, compare
from meshtier.traffic.costs import Cost, CostData, cost
from meshtier.traffic.crossing import Crossing, ServiceKey, service_text
from meshtier.traffic.crossing_shares import SHARE_HEADS, without_zeros
from meshtier.traffic.demand import Traffic
from meshtier.traffic.figures import cell, number
from meshtier.traffic.loads import EVEN, MOST_SKEWED, Load, LoadData
from meshtier.traffic.matrix import MOST_SERVICES, MatrixData, ZoneMatrix
from meshtier.traffic.mesh_flows import Progress, flows
from meshtier.traffic.prices import Prices
from meshtier.traffic.replicas import RULE, replicas_text

VERSION: Final = 1
"""The version of the JSON document; it grows when a key changes its meaning or goes."""


class OverviewData(TypedDict):
    """What is said of a mesh's traffic, as plain data."""

    version: int
    summary: str
    matrix: MatrixData
    load: LoadData
    cost: CostData | None
    cost_by_legs: CostData | None
    before: NotRequired["OverviewData"]
    deltas: NotRequired[dict[str, DeltasData]]


@frozen(kw_only=True, eq=False, repr=False)
class Overview:
    """What is said of a mesh's traffic, and of that before a change.

    Attributes:
        matrix: Zones by zones.
        load: What endpoints get.
        cost: What it costs; ``None`` without prices.
        cost_by_legs: The same where each part of the way counts, to a waypoint and from there; ``None``
            without prices.
        before: The same before the change; ``None`` without one.
    """

    matrix: ZoneMatrix
    load: Load
    cost: Cost | None = None
    cost_by_legs: Cost | None = None
    before: "Overview | None" = None

    def after(self, before: "Overview") -> "Overview":
        """The same beside what was before."""
        return evolve(self, before=before)

    @property
    def summary(self) -> str:
        """What stays in its zone and what does not, as one line."""
        if self.before is None:
            return self.matrix.summary
        return f"before: {self.before.matrix.summary}; after: {self.matrix.summary}"

    @cached_property
    def report(self) -> Report:
        """All of it, laid out for reading."""
        unit = self.matrix.found.unit_text
        sections = [
            Section(heading=f"from zone to zone, in {unit}", table=self._matrix()),
            Section(heading="services of which most leaves its zone", table=self._services()),
            Section(heading=f"load of endpoints, in {unit}", lines=(self.load.summary,), table=self._loads()),
        ]
        if self.cost is not None:
            sections.append(Section(heading="cost", lines=tuple(self._cost_lines()), table=self._costs()))
        if notes := self.notes:
            sections.append(Section(heading="notes", lines=notes))
        return Report(title=self.summary, sections=[each for each in sections if each.lines or each.table])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know besides."""
        now = self.matrix.found.notes
        earlier = self.before.matrix.found.notes if self.before is not None else now
        both = [note for note in now if note in earlier]
        sides = [("before", note) for note in earlier if note not in now]
        sides += [("after", note) for note in now if note not in earlier]
        loads = (RULE,) if self._skewed else ()
        costs = [note for note in self.cost.notes if note not in now] if self.cost is not None else []
        return (*both, *(f"{side}: {note}" for side, note in sides), *costs, *loads)

    def _matrix(self) -> Table:
        if self.before is None:
            return _bare(self.matrix.to_table())
        earlier = self.before.matrix
        zones = tuple(dict.fromkeys((*self.matrix.zones, *earlier.zones)))
        targets = tuple(dict.fromkeys((*self.matrix.targets, *earlier.targets)))
        rows = [
            (zone, *(_both(cell(earlier.rate(zone, end)), cell(self.matrix.rate(zone, end))) for end in targets))
            for zone in zones
        ]
        return Table(columns=("from \\ to", *targets), rows=rows, numeric=frozenset(range(1, len(targets) + 1)))

    def _services(self) -> Table | None:
        if self.before is None:
            table = self.matrix.services_table()
            return table if table.rows else None
        now, then = self.before.matrix.by_service, self.matrix.by_service
        leaving = {
            service: [each[service].leaving * each[service].rate if service in each else 0.0 for each in (now, then)]
            for service in (*now, *then)
        }
        ordered = sorted((key for key, each in leaving.items() if max(each)), key=lambda key: (-max(leaving[key]), key))
        rows = [
            (
                service_text(service),
                _both(*(number(each) for each in leaving[service])),
                *(
                    _both(*(each[service].cells()[place] if service in each else "" for each in (now, then)))
                    for place in range(len(SHARE_HEADS))
                ),
            )
            for service in ordered[:MOST_SERVICES]
        ]
        more = len(ordered) - len(rows)
        notes = [f"… and {more} more"] if more > 0 else ()
        return without_zeros(Table(columns=("service", "leaves its zone", *SHARE_HEADS), rows=rows, notes=notes))

    @property
    def _skewed(self) -> Sequence[ServiceKey]:
        """The services of which the load is uneven, now or before, the worst first."""
        skews = [
            {(each.host, each.cluster): each.skew or 0.0 for each in one.load.services} for one in self._both_sides()
        ]
        worst = {key: max(each.get(key, 0.0) for each in skews) for each in skews for key in each}
        return sorted((key for key, skew in worst.items() if skew >= EVEN), key=lambda key: (-worst[key], key))

    def _both_sides(self) -> "Sequence[Overview]":
        return (self,) if self.before is None else (self.before, self)

    def _loads(self) -> Table | None:
        sides = [{(each.host, each.cluster): each for each in one.load.services} for one in self._both_sides()]
        skewed = self._skewed
        rows: list[tuple[str, ...]] = []
        for key in skewed[:MOST_SKEWED]:
            found = [side.get(key) for side in sides]
            last = found[-1]
            rows.append(
                (
                    service_text(key),
                    _both(
                        *("" if one is None else str(sum(each.is_candidate for each in one.endpoints)) for one in found)
                    ),
                    _both(*("" if one is None else number(one.mean) for one in found)),
                    _both(*("" if one is None or one.hottest is None else number(one.hottest.rate) for one in found)),
                    _both(*("" if one is None or one.skew is None else f"{one.skew:.2f}" for one in found)),
                    "" if last is None or last.hottest is None else last.hottest.endpoint.id,
                    "" if last is None else replicas_text(last.replicas),
                )
            )
        if not rows:
            return None
        heads = ("service", "endpoints", "mean", "hottest", "skew", "hottest endpoint", "replicas, suggested")
        more = len(skewed) - len(rows)
        notes = [f"… and {more} more"] if more > 0 else ()
        return Table(columns=heads, rows=rows, notes=notes, numeric=frozenset({1, 2, 3, 4}))

    def _cost_lines(self) -> Iterator[str]:
        yield _cost_line(*(each.cost for each in self._both_sides()))
        sides = self._both_sides()
        if any(_differ(each.cost, each.cost_by_legs) for each in sides):
            said = _cost_line(*(each.cost_by_legs for each in sides))
            yield f"by each part of the way, to a waypoint and from there: {said}"

    def _costs(self) -> Table | None:
        now = self.cost
        if now is None:
            return None
        if self.before is None or self.before.cost is None:
            return _bare(now.to_table())
        second = now.to_table()
        sides = [{row[0]: row for row in table.rows} for table in (self.before.cost.to_table(), second)]
        order = [kind.value for kind in Crossing if any(kind.value in side for side in sides)]
        rows = [
            (name, *(_both(*(side.get(name, _NO_COST)[place] for side in sides)) for place in (1, 2, 3)))
            for name in (*order, "all")
        ]
        return Table(columns=second.columns, rows=[_priced(row) for row in rows], numeric=second.numeric)

    def to_table(self) -> Table:
        """The matrix alone; before and after in one cell where they differ."""
        return evolve(self._matrix(), title=self.summary, notes=self.notes)

    def to_dict(self) -> OverviewData:
        """All of it as plain data, for JSON."""
        data = OverviewData(
            version=VERSION,
            summary=self.summary,
            matrix=self.matrix.to_dict(),
            load=self.load.to_dict(),
            cost=self.cost.to_dict() if self.cost is not None else None,
            cost_by_legs=self.cost_by_legs.to_dict() if self.cost_by_legs is not None else None,
        )
        if self.before is not None:
            data["before"] = self.before.to_dict()
            data["deltas"] = dict(self._deltas())
        return data

    def _deltas(self) -> Iterator[tuple[str, DeltasData]]:
        if self.before is None:
            return
        yield "matrix", compare(self.before.matrix, self.matrix).to_dict()
        yield "load", compare(self.before.load, self.load).to_dict()
        if self.before.cost is not None and self.cost is not None:
            yield "cost", compare(self.before.cost, self.cost).to_dict()

    def to_csv(self) -> str:
        """The flows as CSV; with a change, a column says of which side each is."""
        if self.before is None:
            return self.matrix.to_csv()
        sides: Mapping[str, ZoneMatrix] = {"before": self.before.matrix, "after": self.matrix}
        head, *_ = self.matrix.to_csv().splitlines()
        lines = [f"side,{head}"]
        for side, matrix in sides.items():
            lines += [f"{side},{line}" for line in matrix.to_csv().splitlines()[1:]]
        return "\n".join(lines) + "\n"

    def to_markdown(self) -> str:
        """A comment for a pull request."""
        return self.report.to_markdown()

    def to_svg(self) -> str:
        """The matrix as a picture; with a change, both, one above the other."""
        from meshtier.traffic.matrix_picture import picture_of  # noqa: PLC0415  # it draws what is made here

        return picture_of(self.matrix, before=self.before.matrix if self.before is not None else None)

    def to_mermaid(self) -> str:
        """The matrix as a mermaid flowchart, after the change if there is one."""
        return self.matrix.to_mermaid()

    def to_html(self) -> str:
        """The picture and the report as a page that loads nothing."""
        from meshtier.traffic.traffic_page import page_of  # noqa: PLC0415  # it shows what is made here

        return page_of(self.matrix.summary, self.to_svg(), [self.report])

    def _repr_html_(self) -> str:
        return f"<div>{self.to_svg()}</div>{self.report.to_html()}"

    @override
    def __repr__(self) -> str:
        return f"<Overview {self.summary}>"


def overview(
    mesh: Mesh,
    traffic: Traffic | Mapping[Any, Any] | None = None,
    *,
    prices: Prices | None = None,
    per: str = "month",
    bytes_each: float | None = None,
    component: Component | None = None,
    profile: Profile = SOLO,
    hosts: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> Overview:
    """Matrix, load and cost of a mesh's traffic, from one look at its flows.

    Args:
        mesh: The snapshot.
        traffic: The rates; see `flows`. ``None``: each client counts once for each host.
        prices: What a gigabyte costs; ``None`` for no cost.
        per: As in `cost`.
        bytes_each: As in `cost`.
        component: The one that is asked about; ``None`` for the way that traffic really takes.
        profile: Whose rules.
        hosts: The full host names to ask for; ``None`` for all of them.
        progress: Is told how much is done, 0 to 1.

    Raises:
        UnknownNameError: One of *hosts* is no host of the mesh.
        InvalidValueError: There are prices, and it is not known how many bytes the rates are.
    """
    found = flows(mesh, traffic, component=component, profile=profile, hosts=hosts, progress=progress)
    priced = by_legs = None
    if prices is not None:
        priced = cost(found, prices, per=per, bytes_each=bytes_each)
        by_legs = cost(found.legs, prices, unit=found.unit, per=per, bytes_each=bytes_each)
    return Overview(matrix=ZoneMatrix(found=found), load=Load.of(found), cost=priced, cost_by_legs=by_legs)


_NO_COST: Final = ("", "0", "", "0.00")
"""A row of costs where there is no such traffic."""


def _priced(row: Sequence[str]) -> Sequence[str]:
    """A row of costs with its price said once; without one, without money."""
    price = row[2].removeprefix("0 → ").removesuffix(" → 0")
    return (row[0], row[1], price, "" if price == "no price" else row[3])


def _bare(table: Table) -> Table:
    return evolve(table, title="", notes=())


def _both(*texts: str) -> str:
    """A cell before and after, once where nothing differs."""
    first, last = texts[0], texts[-1]
    return last if first == last else f"{first or '0'} → {last or '0'}"


def _cost_line(*costs: Cost | None) -> str:
    """What it costs, and how much that differs from before."""
    first, now = costs[0], costs[-1]
    if now is None or first is None:
        return ""
    if first is now:
        return now.summary
    change = now.total - first.total
    sign = "+" if change >= 0 else "-"
    return f"{sign}{now.money_text(abs(change))}{now.per_text}: before {first.summary}; after {now.summary}"


def _differ(one: Cost | None, other: Cost | None) -> bool:
    if one is None or other is None:
        return False
    pairs = zip(one.by_crossing.values(), other.by_crossing.values(), strict=True)
    return any(abs(mine[0] - its[0]) > 1e-9 * max(1.0, mine[0]) for mine, its in pairs)
