"""How is an answer laid out for reading? Headlines and tables."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from attrs import evolve, field, frozen
from typing_extensions import override

from meshtier.endpoint import Endpoint, Exclusion, Health
from meshtier.locality import Locality
from meshtier.mesh.outcome import RouteTier
from meshtier.mesh.wording import NOT_COMPUTED, distribution_text, ejection_lines, headline, set_by, why_lines
from meshtier.note import Note
from meshtier.table import MOST_SHOWN, Mark, Table, one_line, percent, shortened

if TYPE_CHECKING:
    from meshtier.mesh.route import Hop, Route

_BEHIND: Final = "└ "
"""What stands before the endpoints behind a network endpoint."""

_MOST_GATEWAYS: Final = 6
"""How many choices at gateways are shown."""

_NUMERIC: Final = frozenset({"priority", "share", "healthy"})
_UNHEALTHY: Final = frozenset(health.value for health in Health if not health.serves)
_PlaceText = Callable[[Locality], str]
_OUT_OF_FORCE: Final = "distribution-out-of-force"  # the heading says it where a rule decides


def _indent(line: str) -> int:
    """How far in a line stands."""
    return len(line) - len(line.lstrip())


@frozen(kw_only=True)
class Section:
    """A heading with lines and perhaps a table.

    Attributes:
        heading: ``""`` for none.
        lines: Sentences.
        table: What stands below them.
    """

    heading: str = ""
    lines: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    table: Table | None = None

    def first(self, most: int) -> "Section":
        """The section with its first lines and rows."""
        lines = self.lines
        if len(lines) > most + 1:
            lines = (*lines[:most], f"… and {len(lines) - most} more")
        return evolve(self, lines=lines, table=None if self.table is None else self.table.first(most))


@frozen(kw_only=True)
class Report:
    """An answer in sections.

    Attributes:
        title: What was asked.
        sections: In reading order.
    """

    title: str
    sections: tuple[Section, ...] = field(converter=tuple[Section, ...])

    def to_text(self) -> str:
        """The report as plain text, tables in aligned columns."""
        parts = [one_line(self.title)]
        for section in self.sections:
            lines = [one_line(section.heading)] if section.heading else []
            lines += [f"  {one_line(line)}" if section.heading else one_line(line) for line in section.lines]
            if section.table is not None:
                lines += section.table.to_text().splitlines()
            parts.append("\n".join(lines))
        return "\n\n".join(parts)

    def to_markdown(self) -> str:
        """The report as Markdown."""
        parts = [f"## {self.title}"]
        for section in self.sections:
            lines = [f"### {one_line(section.heading)}", ""] if section.heading else []
            lines += [f"{' ' * _indent(line)}- {one_line(line.lstrip())}" for line in section.lines]
            if section.table is not None:
                lines += ["", section.table.to_markdown()] if section.lines else [section.table.to_markdown()]
            parts.append("\n".join(lines))
        return "\n\n".join(parts)

    def to_html(self) -> str:
        """The report as HTML without scripts or outside styles."""
        parts = [Table(title=self.title, columns=(), rows=()).to_html()]
        for section in self.sections:
            notes = section.lines
            table = section.table or Table(columns=(), rows=())
            parts.append(
                Table(
                    title=section.heading,
                    columns=table.columns,
                    rows=table.rows,
                    numeric=table.numeric,
                    marks=table.marks,
                    notes=(*notes, *table.notes),
                ).to_html()
            )
        return "".join(parts)

    def first(self, most: int = MOST_SHOWN) -> "Report":
        """The report with the first rows and lines of each section; where there are more, they are counted."""
        return evolve(self, sections=[section.first(most) for section in self.sections])

    def _repr_html_(self) -> str:
        return self.first().to_html()

    @override
    def __repr__(self) -> str:
        return one_line(f"<Report {self.title}: {len(self.sections)} sections>")


def report_of(route: "Route", *, most: int = 8) -> Report:
    """The report on an answer.

    Args:
        route: The answer.
        most: How many endpoints a tier shows by name, or with a waypoint in the
            path the whole answer, those with the largest shares first; the rest
            are counted.
    """
    rows = list(route.rows())
    there = [row.endpoint.locality for row in rows if not row.excluded]
    place_of = _places_beside(route.place.locality, [*there, *(one.locality for one in route.endpoints)])
    head = (
        f"from  {route.client.name}",
        f"at    {route.place.locality}",
        f"by    {_path_text(route)}, profile {route.profile.name}",
    )
    sections = [Section(lines=head)]
    if route.waypoint_hops or route.deciding is not route:
        sections.append(_to_waypoint(route))
    sections.append(Section(heading=headline(route), lines=why_lines(route)))
    if route.deciding is not route:
        sections += _by_pod(route, most, place_of)
    elif route.passthrough:
        sections.append(_unchosen(route, most, place_of))
    else:
        sections += _by_tier(route, most, place_of)
    sections += _at_gateways(route)
    sections += _outlier_detection(route)
    if route.excluded:
        sections.append(Section(heading="excluded", table=_exclusions(route.excluded)))
    if notes := [
        _note_line(note) for note in route.notes if note.code != _OUT_OF_FORCE or not route.effective_rule.decides
    ]:
        sections.append(Section(heading="notes", lines=notes))
    return Report(title=route.host, sections=sections)


def _note_line(note: Note) -> str:
    """A note, with the lint rule that finds the same."""
    return f"{note} (lint {note.lint_rule})" if note.lint_rule else str(note)


def _path_text(route: "Route") -> str:
    """Who chooses, one after the other."""
    first = route.first_hop.route.component.value
    names = [first] if route.deciding is route else [first, route.decided_by]
    if route.next_hops:
        names.append("the gateway of another network")
    return ", then ".join(names)


def _by_tier(route: "Route", most: int, place_of: _PlaceText) -> Iterator[Section]:
    """The tiers, and the endpoints of each."""
    yield _tiers(route, place_of, lines=_lost_lines(route))
    shown = [
        (f"P{tier.number}", *cells)
        for tier in route.tiers
        for cells in _endpoint_cells(route, tuple(tier.endpoints), most, place_of)
    ]
    if shown:
        yield Section(heading="endpoints", table=_table(("tier", "endpoint", "share", "where", "health"), shown))


def _by_pod(route: "Route", most: int, place_of: _PlaceText) -> Iterator[Section]:
    """The tiers as each waypoint pod sees them, like ones once, and the endpoints over all pods."""
    alike: dict[tuple[tuple[str, ...], ...], list[Hop]] = {}
    for hop in route.waypoint_hops:
        cells = tuple(_tier_cells(tier, place_of, numbered=True) for tier in hop.route.tiers)
        alike.setdefault(cells, []).append(hop)
    for hops in sorted(alike.values(), key=_traffic, reverse=True):
        pods = shortened([hop.by for hop in hops], most=3)
        places = dict.fromkeys(str(hop.route.place.locality) for hop in hops)
        whose = f" as seen by {pods}, {percent(_traffic(hops))}"
        yield _tiers(hops[0].route, place_of, whose=whose, lines=[f"at {shortened(list(places), most=3)}"])
    table = _table(("endpoint", "share", "where", "health"), _endpoint_cells(route, route.endpoints, most, place_of))
    yield Section(heading="endpoints", lines=_lost_lines(route), table=table if route.endpoints else None)


def _unchosen(route: "Route", most: int, place_of: _PlaceText) -> Section:
    """The endpoints of a host that is passed through, which has neither tiers nor shares."""
    found = _endpoint_cells(route, route.endpoints, most, place_of)
    cells = [(name, place, health) for name, _, place, health in found]
    said = "the client connects to the address that it resolved: there are no tiers and no shares"
    return Section(heading="endpoints", lines=[said], table=_table(("endpoint", "where", "health"), cells))


def _traffic(hops: Iterable["Hop"]) -> float:
    return sum(hop.share for hop in hops)


def _tiers(route: "Route", place_of: _PlaceText, *, lines: Iterable[str], whose: str = "") -> Section:
    if not route.tiers:
        return Section(heading=f"no tier holds an endpoint{whose}", lines=lines)
    numbered = route.component.traits.is_told_priorities
    heads = ("tier", *(("priority",) if numbered else ()), "share", "healthy", "what matches", "where")
    rows = [_tier_cells(tier, place_of, numbered=numbered) for tier in route.tiers]
    return Section(heading=f"tiers{whose}", lines=lines, table=_table(heads, rows))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    numeric = frozenset(place for place, head in enumerate(heads) if head in _NUMERIC)
    cells = [tuple(row) for row in rows]
    marks = [(place, mark) for place, row in enumerate(cells) if (mark := _mark(dict(zip(heads, row, strict=True))))]
    return Table(columns=tuple(heads), rows=cells, numeric=numeric, marks=frozenset(marks))


def _mark(row: Mapping[str, str]) -> Mark | None:
    """What a row of a tier or an endpoint is marked for, by what its cells say."""
    if row.get("health") in _UNHEALTHY or row.get("healthy", "").startswith("0/"):
        return Mark.UNHEALTHY
    return Mark.IDLE if row.get("share") == percent(0) else None


def _places_beside(client: Locality, places: Iterable[Locality]) -> _PlaceText:
    """How places are written beside that of the client: the network is left out where all are in the client's."""
    if all(place.network == client.network and place.text for place in places):
        return _without_network
    return str


def _without_network(place: Locality) -> str:
    return str(place._replace(network=""))


def _lost_lines(route: "Route") -> Iterator[str]:
    if route.reason:
        lost = "no traffic flows" if route.drops else f"{percent(route.lost)} of the traffic is lost"
        yield f"{lost}: {route.reason}"


def _tier_cells(tier: RouteTier, place_of: _PlaceText, *, numbered: bool) -> tuple[str, ...]:
    return (
        f"P{tier.number}",
        *((str(tier.priority),) if numbered else ()),
        percent(tier.share),
        f"{tier.healthy}/{len(tier.endpoints)}",
        tier.matched,
        shortened(list(_places(tier, place_of)), most=2),
    )


def _places(tier: RouteTier, place_of: _PlaceText) -> Iterator[str]:
    """Where endpoints are, without their nodes, each place once, and its network where the one before has another."""
    before: str | None = None
    for place in tier.places:
        yield place_of(place) if place.network != before else _without_network(place)
        before = place.network


def _endpoint_cells(
    route: "Route", endpoints: Sequence[Endpoint], most: int, place_of: _PlaceText
) -> Iterator[tuple[str, ...]]:
    """The cells of endpoints, and under each network endpoint those of what is behind it."""
    ordered = sorted(endpoints, key=lambda one: (-route.told[one.id], one.id))
    shown = ordered if len(ordered) <= most + 1 else ordered[:most]
    for endpoint in shown:
        yield endpoint.id, percent(route.told[endpoint.id]), place_of(endpoint.locality), endpoint.health.value
        yield from _behind_cells(route, endpoint.id, most, place_of)
    if rest := ordered[len(shown) :]:
        yield f"… and {len(rest)} more", percent(sum(route.told[one.id] for one in rest)), "", ""


def _behind_cells(route: "Route", name: str, most: int, place_of: _PlaceText) -> Iterator[tuple[str, ...]]:
    finals = route.behind(name) or ()
    parts = {one.id: route.parts[name, one.id] for one in finals}
    ordered = sorted(finals, key=lambda one: (-parts[one.id], one.id))
    shown = ordered if len(ordered) <= most + 1 else ordered[:most]
    for one in shown:
        yield f"{_BEHIND}{one.id}", percent(parts[one.id]), place_of(one.locality), one.health.value
    if rest := ordered[len(shown) :]:
        yield f"{_BEHIND}… and {len(rest)} more", percent(sum(parts[one.id] for one in rest)), "", ""


def _exclusions(excluded: Iterable[Exclusion]) -> Table:
    rows = [
        (item.endpoint.id, f"{item.reason.value}: {item.detail}" if item.detail else item.reason.value, item.rule)
        for item in excluded
    ]
    marks = frozenset((place, Mark.EXCLUDED) for place in range(len(rows)))
    return Table(columns=("endpoint", "why", "rule"), rows=rows, marks=marks)


def _to_waypoint(route: "Route") -> Section:
    """The first of two choices, of a waypoint's pod."""
    first = route.first_hop.route
    rows = [(hop.by, percent(hop.share), _spread_text(hop.route)) for hop in route.waypoint_hops]
    return Section(
        heading=f"two choices: {first.component} picks a waypoint pod, and that pod picks the endpoint",
        lines=[f"to {first.host}: {distribution_text(first.resolution)} holds", set_by(first.resolution)],
        table=Table(columns=("waypoint pod", "share", "sends to"), rows=rows, numeric=frozenset({1})),
    )


def _at_gateways(route: "Route") -> Iterator[Section]:
    """The choices at the gateways of other networks that get traffic, those with the largest shares first."""
    found: dict[tuple[str, str], list[Hop]] = {}
    for hop in route.next_hops:
        found.setdefault((hop.by, hop.route.host), []).append(hop)
    ordered = sorted(found.values(), key=_traffic, reverse=True)
    for hops in ordered[:_MOST_GATEWAYS]:
        there = hops[0].route
        picks = "the endpoint" if there.host == route.host else f"a pod of {there.host}"
        lines = [f"at {there.place.locality}", *why_lines(there), *_lost_lines(there)]
        heading = f"then {hops[0].by} picks {picks}, {percent(_traffic(hops))}: {headline(there)}"
        yield evolve(_tiers(there, str, lines=lines), heading=heading)
    if rest := ordered[_MOST_GATEWAYS:]:
        share = percent(sum(map(_traffic, rest)))
        yield Section(heading=f"then {len(rest)} more choices at gateways of other networks, {share}")


def _outlier_detection(route: "Route") -> Iterator[Section]:
    """What outlier detection can do where the endpoint is chosen; like pods of a waypoint once."""
    alike: dict[tuple[str, ...], list[Hop]] = {}
    for hop in route.waypoint_hops if route.deciding is not route else (route.first_hop,):
        bounds = hop.route.outcome.ejection
        if bounds is not None and bounds.hosts:
            alike.setdefault(tuple(ejection_lines(bounds)), []).append(hop)
    for lines, hops in sorted(alike.items(), key=lambda item: _traffic(item[1]), reverse=True):
        whose = f" as seen by {shortened([hop.by for hop in hops], most=3)}" if len(alike) > 1 else ""
        yield Section(heading=f"outlier detection{whose}", lines=lines)
    chosen_by_ztunnel = route.component.traits.spreads_by == "ztunnel" and not route.passthrough
    if chosen_by_ztunnel and route.profile.ztunnels_detect_failures and route.tiers:
        yield Section(heading="outlier detection", lines=[NOT_COMPUTED])


def _spread_text(route: "Route") -> str:
    return ", ".join(f"P{tier.number} {percent(tier.share)}" for tier in route.tiers if tier.share) or route.reason
