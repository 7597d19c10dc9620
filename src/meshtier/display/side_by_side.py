"""Where does the traffic go in each of several cases? Shares beside each other, as text and as bars in a notebook."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import field, frozen
from typing_extensions import override

from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError, check_type
from meshtier.mesh import Route, Row
from meshtier.table import MOST_SHOWN, Table, percent

_BAR: Final = "rgba(65, 125, 220, 0.35)"
_LOST_BAR: Final = "rgba(220, 60, 60, 0.4)"
"""Both leave text readable on a light page and on a dark one."""

_CELL: Final = "text-align:left;vertical-align:top;min-width:6.5em;padding:0.2em 0.6em"
"""How a cell looks; wide enough for bars to be told apart."""

_ABSENT: Final = "-"
"""What stands for an endpoint that a case does not have."""


def _routes(routes: Mapping[str, Route]) -> dict[str, Route]:
    check_type(routes, Mapping, "routes", what="routes by what they are called")
    for name, route in routes.items():
        check_type(name, str, "routes", what="routes by what they are called")
        check_type(route, Route, f"routes[{name!r}]")
    if not routes:
        raise InvalidValueError("expected at least one route, got none", "routes")
    return dict(routes)


@frozen(kw_only=True)
class _Cell:
    """What one endpoint gets in one case.

    Attributes:
        share: 0 to 1, by all ways; ``None`` if the case has no such endpoint.
        remark: The tiers in which it is for those who choose it, or if nobody does, for any who choose; or why it
            can get nothing. Its health if that is not good.
    """

    share: float | None
    remark: str = ""


@frozen(kw_only=True, eq=False, repr=False)
class SideBySide:
    """The shares of several routes, a column for each.

    Attributes:
        routes: By what they are called, in the order of the columns.
    """

    routes: dict[str, Route] = field(converter=_routes)

    def to_table(self) -> Table:
        """The shares as text: a row for each endpoint, by id, and one for what is lost if any is."""
        rows = [(name, place, *map(_text, cells)) for name, place, cells in self._rows()]
        return Table(columns=("endpoint", "where", *self.routes), rows=[*rows, *self._lost_row()])

    def to_html(self, *, most: int | None = None) -> str:
        """The table with a bar behind each share; without scripts, outside styles or pictures from elsewhere.

        Args:
            most: How many endpoints have a row, the others being added up in one; ``None`` for all.
        """
        from html import escape  # noqa: PLC0415  # only notebooks need it, and it is slow to load

        heads = "".join(_html("th", escape(head)) for head in ("endpoint", "where", *self.routes))
        lines: list[str] = []
        for name, place, cells in _first(self._rows(), most):
            shown = (_html("td", escape(_text(cell)), bar=cell.share or 0.0) for cell in cells)
            lines.append(_html("td", escape(name)) + _html("td", escape(place)) + "".join(shown))
        for name, place, *_ in self._lost_row():
            lost = (_html("td", percent(each.lost), bar=each.lost, color=_LOST_BAR) for each in self.routes.values())
            lines.append(_html("td", name) + _html("td", place) + "".join(lost))
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return f"<div><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"

    def _repr_html_(self) -> str:
        return self.to_html(most=MOST_SHOWN)

    @override
    def __repr__(self) -> str:
        return f"<SideBySide {', '.join(f'{name}: {route!r}' for name, route in self.routes.items())}>"

    def _rows(self) -> list[tuple[str, str, list[_Cell]]]:
        """The name and place of each endpoint, and what it gets in each case."""
        found = [_rows_by_id(route) for route in self.routes.values()]
        places = {name: rows[0].endpoint.locality.text for case in found for name, rows in case.items()}
        ids = sorted(places)
        short = {name: name.rpartition("/")[2] for name in ids}
        names = short if len(set(short.values())) == len(ids) else {name: name for name in ids}
        tiers = [_tiers_by_id(route) for route in self.routes.values()]
        cells = {name: [_cell(case.get(name, []), by) for case, by in zip(found, tiers, strict=True)] for name in ids}
        return [(names[name], places[name], cells[name]) for name in ids]

    def _lost_row(self) -> list[tuple[str, ...]]:
        lost = [route.lost for route in self.routes.values()]
        return [("lost", "", *map(percent, lost))] if any(lost) else []


def side_by_side(routes: Mapping[str, Route]) -> SideBySide:
    """The shares of several routes beside each other, such as those before and after a change.

    In a notebook each share is a bar.

    Args:
        routes: By what they are called. What an endpoint gets by several ways is added.

    Raises:
        InvalidValueError: There is none, or they are no routes.

    >>> from meshtier.kube import load
    >>> mesh = load("examples/guides/ztunnel/cluster.yaml")
    >>> now = mesh.route("client-in-ambient", "in-ambient")
    >>> then = mesh.without(workload="in-ambient-1").route("client-in-ambient", "in-ambient")
    >>> print(side_by_side({"now": now, "without 1": then}).to_table().to_text())
    endpoint      where                 now        without 1
    in-ambient-1  us-east-1/us-east-1a  33.3 % P0  -
    in-ambient-2  us-east-1/us-east-1b  33.3 % P0  50 % P0
    in-ambient-3  us-east-1/us-east-1c  33.3 % P0  50 % P0
    """
    return SideBySide(routes=routes)


def _first(rows: list[tuple[str, str, list[_Cell]]], most: int | None) -> Iterator[tuple[str, str, list[_Cell]]]:
    """The first rows, and what the others get together."""
    count = len(rows) if most is None or len(rows) <= most + 1 else most
    yield from rows[:count]
    if rest := [cells for _, _, cells in rows[count:]]:
        sums = [_Cell(share=sum(cell.share or 0.0 for cell in column)) for column in zip(*rest, strict=True)]
        yield f"… and {len(rest)} more", "", sums


def _rows_by_id(route: Route) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in route.rows():
        found.setdefault(row.endpoint.id, []).append(row)
    return found


def _tiers_by_id(route: Route) -> dict[str, tuple[int, ...]]:
    """The tiers of each endpoint that can be chosen, by id; several where pods of a waypoint are in different places.

    What a pod of a waypoint never picks is no news where another one picks it, so the
    tiers of those who do come alone.
    """
    picked: defaultdict[str, set[int]] = defaultdict(set)
    known: defaultdict[str, set[int]] = defaultdict(set)
    for hop in route.waypoint_hops or (route.first_hop,):
        for tier in hop.route.tiers:
            for endpoint in tier.endpoints:
                known[endpoint.id].add(tier.number)
                if hop.route.told[endpoint.id]:
                    picked[endpoint.id].add(tier.number)
    return {name: tuple(sorted(picked.get(name, numbers))) for name, numbers in known.items()}


def _cell(rows: list[Row], tiers: Mapping[str, tuple[int, ...]]) -> _Cell:
    if not rows:
        return _Cell(share=None)
    first = rows[0]
    numbers = sorted({number for row in rows for number in tiers.get(row.through or row.endpoint.id, ())})
    health = "" if first.endpoint.health is Health.HEALTHY else first.endpoint.health.value
    remark = " ".join(filter(None, (", ".join(f"P{number}" for number in numbers), health)))
    return _Cell(share=sum(row.share for row in rows), remark=first.excluded or remark)


def _text(cell: _Cell) -> str:
    return _ABSENT if cell.share is None else f"{percent(cell.share)} {cell.remark}".rstrip()


def _html(tag: str, escaped: str, *, bar: float = 0.0, color: str = _BAR) -> str:
    end = f"{100 * bar:.1f}%"
    behind = f";background-image:linear-gradient(to right, {color} {end}, transparent {end})" if bar else ""
    return f'<{tag} style="{_CELL}{behind}">{escaped}</{tag}>'
