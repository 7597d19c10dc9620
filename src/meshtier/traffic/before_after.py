"""What does a change do to where traffic goes, how evenly it is carried and what it costs? A delta for each figure."""

from collections.abc import Iterator, Sequence
from typing import Final, TypedDict, TypeVar

from attrs import frozen
from typing_extensions import override

from meshtier.errors import InvalidValueError
from meshtier.table import Table, percent
from meshtier.traffic.costs import Cost
from meshtier.traffic.crossing import Crossing, service_text
from meshtier.traffic.crossing_shares import CrossingShares
from meshtier.traffic.figures import csv_text, number
from meshtier.traffic.loads import Load
from meshtier.traffic.matrix import ZoneMatrix

NOTHING: Final = 1e-9
"""Less of a difference than this is rounding."""
MOST_ROWS: Final = 50
"""How many figures a table shows."""

_SHARE: Final = "share"
_TIMES: Final = "times"


class DeltaData(TypedDict):
    """One figure before and after."""

    of: str
    figure: str
    unit: str
    before: float | None
    after: float | None
    change: float | None


class DeltasData(TypedDict):
    """All figures."""

    summary: str
    deltas: list[DeltaData]


@frozen(kw_only=True)
class Delta:
    """One figure before and after a change.

    Attributes:
        of: A service, or ``""`` for all together.
        figure: What it is, as in ``cross-zone``, ``us-east-a to us-east-b``, ``skew`` or ``cost``.
        unit: ``share`` for a part of traffic, 0 to 1; ``times`` for skew; else as in ``bytes/s`` or ``USD``.
        before: The figure before; ``None`` where there is none.
        after: The figure after.
    """

    of: str = ""
    figure: str
    unit: str
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        """How much more it is after; ``None`` where one of them is not there."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def differs(self) -> bool:
        """Whether it is another after, rounding apart."""
        change = self.change
        return self.before != self.after if change is None else abs(change) > NOTHING * max(1.0, abs(self.after or 0))

    def cells(self) -> tuple[str, str, str]:
        """Both figures and the change, as text."""
        change = self.change
        sign = "" if change is None or change < 0 else "+"
        return (
            _text(self.before, self.unit),
            _text(self.after, self.unit),
            "" if change is None else f"{sign}{_text(change, self.unit)}",
        )

    def to_dict(self) -> DeltaData:
        """The figure as plain data."""
        return DeltaData(
            of=self.of,
            figure=self.figure,
            unit=self.unit,
            before=self.before,
            after=self.after,
            change=self.change,
        )


def _text(value: float | None, unit: str) -> str:
    if value is None:
        return "none"
    if unit == _SHARE:
        return f"-{percent(-value)}" if value < 0 else percent(value)
    return f"{value:.2f}" if unit == _TIMES else number(value)


@frozen(kw_only=True, eq=False, repr=False)
class Deltas:
    """All figures before and after a change.

    Attributes:
        deltas: Those of all traffic together first, then those of services.
    """

    deltas: tuple[Delta, ...]

    @property
    def changed(self) -> tuple[Delta, ...]:
        """Those that differ."""
        return tuple(each for each in self.deltas if each.differs)

    def of(self, figure: str, service: str = "") -> Delta:
        """One of them.

        Raises:
            InvalidValueError: There is no such figure.
        """
        for each in self.deltas:
            if (each.figure, each.of) == (figure, service):
                return each
        raise InvalidValueError(f"expected a figure that there is, got {figure!r} of {service or 'all'!r}", "figure")

    @property
    def summary(self) -> str:
        """How many figures differ, as one line."""
        count = len(self.changed)
        return f"{count or 'none'} of {len(self.deltas)} figures {'differs' if count == 1 else 'differ'}"

    def to_table(self, *, most: int | None = MOST_ROWS) -> Table:
        """The figures that differ, in order.

        Args:
            most: How many rows; ``None`` for all.
        """
        found = self.changed
        shown = found[:most]
        more = len(found) - len(shown)
        return Table(
            title=self.summary,
            columns=("of", "figure", "unit", "before", "after", "change") if found else (),
            rows=[(each.of or "all", each.figure, each.unit, *each.cells()) for each in shown],
            notes=[f"… and {more} more"] if more > 0 else (),
            numeric=frozenset({3, 4, 5}) if found else frozenset(),
        )

    def to_dict(self) -> DeltasData:
        """All figures as plain data, those that stay the same too."""
        return DeltasData(summary=self.summary, deltas=[each.to_dict() for each in self.deltas])

    def to_csv(self) -> str:
        """All figures as CSV; a figure that is not there is empty."""
        rows = [
            (each.of, each.figure, each.unit, *("" if one is None else repr(one) for one in _numbers(each)))
            for each in self.deltas
        ]
        return csv_text(("of", "figure", "unit", "before", "after", "change"), rows)

    def to_markdown(self) -> str:
        """The table as Markdown."""
        return self.to_table().to_markdown()

    def _repr_html_(self) -> str:
        return self.to_table().to_html()

    @override
    def __repr__(self) -> str:
        return f"<Deltas {self.summary}>"


def _numbers(delta: Delta) -> Sequence[float | None]:
    return delta.before, delta.after, delta.change


Figures = TypeVar("Figures", ZoneMatrix, Load, Cost)


def compare(before: Figures, after: Figures) -> Deltas:
    """Each figure before and after: of two matrices, two loads or two costs.

    Args:
        before: What was.
        after: The same with a change, from the same rates.

    Raises:
        InvalidValueError: They are not of one kind, or not in one unit.

    >>> from meshtier.kube import load as read
    >>> from meshtier.traffic import zone_matrix
    >>> mesh = read("examples/bookinfo/gateways")
    >>> changed = mesh.with_distribution("productpage.bookinfo", "PreferClose")
    >>> found = compare(zone_matrix(mesh), zone_matrix(changed))
    >>> found.of("cross-zone").cells()
    ('26.8 %', '17.3 %', '-9.5 %')
    """
    if type(before) is not type(after) or not isinstance(before, ZoneMatrix | Load | Cost):
        kinds = f"{type(before).__name__} and {type(after).__name__}"
        raise InvalidValueError(f"expected two ZoneMatrix, Load or Cost, got {kinds}", "after")
    first, second = (list(_figures(each)) for each in (before, after))
    units = {name: unit for name, unit, _ in first}
    for name, unit, _ in second:
        if units.get(name, unit) != unit:
            raise InvalidValueError(f"expected figures in one unit, got {units[name]!r} and {unit!r}", "after")
    values = [{name: value for name, _, value in each} for each in (first, second)]
    names = dict.fromkeys((name, unit) for each in (first, second) for name, unit, _ in each)
    found = [
        Delta(of=name[0], figure=name[1], unit=unit, before=values[0].get(name), after=values[1].get(name))
        for name, unit in names
    ]
    return Deltas(deltas=tuple(sorted(found, key=lambda each: bool(each.of))))


_Figure = tuple[tuple[str, str], str, float | None]


def _figures(of: ZoneMatrix | Load | Cost) -> Iterator[_Figure]:
    match of:
        case ZoneMatrix():
            yield from _matrix_figures(of)
        case Load():
            for each in of.services:
                name = service_text((each.host, each.cluster))
                yield (name, "skew"), _TIMES, each.skew
                yield (name, "hottest"), of.found.unit_text, each.hottest.rate if each.hottest is not None else None
                yield (name, "mean"), of.found.unit_text, each.mean
        case Cost():
            yield from _cost_figures(of)


def _matrix_figures(matrix: ZoneMatrix) -> Iterator[_Figure]:
    yield ("", "all"), matrix.found.unit_text, matrix.total
    yield from _share_figures("", matrix.shares)
    for client in matrix.zones:  # a pair without traffic is there too, so that 0 is told from none
        for endpoint in matrix.targets:
            yield ("", f"{client} to {endpoint}"), matrix.found.unit_text, matrix.rate(client, endpoint)
    for service, shares in matrix.by_service.items():
        yield from _share_figures(service_text(service), shares)


def _share_figures(of: str, shares: CrossingShares) -> Iterator[_Figure]:
    for kind in Crossing:
        yield (of, kind.value), _SHARE, shares.by_crossing[kind]
    yield (of, "other network"), _SHARE, shares.other_network


def _cost_figures(cost: Cost) -> Iterator[_Figure]:
    money = f"{cost.prices.currency}{cost.per_text}"
    size = f"GB{cost.per_text}"
    yield ("", "cost"), money, cost.total
    for kind, (gigabytes, amount) in cost.by_crossing.items():
        yield ("", f"{kind} traffic"), size, gigabytes
        yield ("", f"{kind} cost"), money, amount
    for service, amount in cost.by_service.items():
        yield (service_text(service), "cost"), money, amount
