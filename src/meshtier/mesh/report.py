"""How is an answer laid out for reading? Headlines and tables."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from attrs import field, frozen

from meshtier.endpoint import Exclusion
from meshtier.locality import Locality
from meshtier.mesh.effective_rule import EffectiveRule
from meshtier.mesh.outcome import RouteTier
from meshtier.mesh.rows import Row
from meshtier.precedence import ANNOTATION, Level, Resolution, Setting
from meshtier.rules import EffectiveSetting, OutlierDetection
from meshtier.table import Table, one_line, percent, shortened

if TYPE_CHECKING:
    from meshtier.mesh.route import Hop, Route

_NUMERIC: Final = frozenset({"priority", "share", "healthy"})
_PlaceText = Callable[[Locality], str]
_LOCAL: Final = Level.INTERNAL_TRAFFIC_POLICY
_OUT_OF_FORCE: Final = "distribution-out-of-force"  # the heading says it where a rule decides


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
            lines += [f"- {one_line(line)}" for line in section.lines]
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
                    notes=(*notes, *table.notes),
                ).to_html()
            )
        return "".join(parts)


def report_of(route: "Route", *, most: int = 8) -> Report:
    """The report on an answer.

    Args:
        route: The answer.
        most: How many endpoints a tier shows by name, or with a waypoint in the
            path the whole answer, those with the largest shares first; the rest
            are counted.
    """
    rows = list(route.rows())
    chosen = [row for row in rows if not row.excluded]
    place_of = _places_beside(route.place.locality, [row.endpoint.locality for row in chosen])
    head = (
        f"from  {route.client.name}",
        f"at    {route.place.locality}",
        f"by    {route.component.value}, profile {route.profile.name}",
    )
    sections = [Section(lines=head), Section(heading=_headline(route), lines=_why_lines(route))]
    if route.deciding is not route:
        sections += [_waypoints(route), *_by_pod(route, chosen, most, place_of)]
    elif route.passthrough:
        sections.append(_unchosen(chosen, most, place_of))
    else:
        sections += _by_tier(route, chosen, most, place_of)
    if route.excluded:
        sections.append(Section(heading="excluded", table=_exclusions(route.excluded)))
    if notes := [str(note) for note in route.notes if note.code != _OUT_OF_FORCE or not route.effective_rule.decides]:
        sections.append(Section(heading="notes", lines=notes))
    return Report(title=route.host, sections=sections)


def _headline(route: "Route") -> str:
    if route.passthrough:
        return f"passed through: {route.passthrough}"
    if route.effective_rule.found is not None and route.effective_rule.decides:
        return f"{route.effective_rule.title} holds"
    name = _distribution_text(route.resolution)
    return f"{name} holds" if route.resolution.obeyed else f"{name} is set, and not obeyed here [MODE-3]"


def _distribution_text(resolution: Resolution) -> str:
    if resolution.source.level is _LOCAL:
        return "internalTrafficPolicy: Local"
    name = resolution.title.removesuffix(", strict")
    return f"strict {name}" if resolution.strict else name


def _why_lines(route: "Route") -> Iterator[str]:
    resolution, rule = route.resolution, route.effective_rule
    yield from _rule_lines(rule)
    source = resolution.source
    text = _setting_text(source) if source.field else f"the default of {source.object}"
    if rule.decides:
        held = f"{_distribution_text(resolution)}, {text} [{source.level.rule}]"
        state = "out of force [PREC-5]" if resolution.obeyed else "not obeyed here [MODE-3]"
        yield f"traffic distribution is {state}: {held}"
    else:
        yield f"{'set by' if source.field else 'nothing is set, so it is'} {text} [{source.level.rule}]"
    for lost in resolution.overridden:
        yield f"overrides {_setting_text(lost)}"
    if not rule.decides:
        compared = " > ".join(scope.value for scope in resolution.scopes) or "nothing: all endpoints are alike"
        yield f"{'all must match' if resolution.strict else 'compares'}: {compared}"


def _rule_lines(rule: EffectiveRule) -> Iterator[str]:
    found = rule.found
    if found is None:
        return
    names = " + ".join(each.title for each in found.sources)
    yield f"found {names} ({found.match.value} match of {found.host!r}, in {found.asked.value})"
    if rule.subset is not None:
        yield f"subset {rule.subset.name}"
    if rule.decides:
        yield from _setting_lines(rule.setting)
    yield _outlier_line(rule.outlier_detection)
    for lost in found.shadowed:
        yield f"overrides {lost.rule.title} (host {lost.rule.host}): {lost.reason.value}"


def _setting_lines(effective: EffectiveSetting) -> Iterator[str]:
    setting = effective.setting
    if setting is None:
        yield f"{effective.source.value} puts every endpoint in one level"
        return
    for rule in effective.distribute:
        shares = ", ".join(f"{pattern} {weight} %" for pattern, weight in rule.to) or "nowhere"
        yield f"distribute from {rule.origin}: {shares}"
    if effective.distribute:
        return
    if effective.zone_aware is not None:
        yield "zone-aware routing within the client's region"
    if setting.failover_priority:
        yield f"failoverPriority: {', '.join(setting.failover_priority)}"
    for failover in setting.failover:
        yield f"failover from region {failover.from_region} to {failover.to_region}"
    if effective.zone_aware is None and not (setting.failover_priority or setting.failover):
        yield "locality failover: same subzone, zone, region, then anywhere"
    if not effective.failover:
        yield "not in force, for there is no outlierDetection"


def _outlier_line(detection: OutlierDetection | None) -> str:
    if detection is None:
        return "no outlierDetection"
    limits = detection.limits
    counts = [
        f"{what} {count} times in a row"
        for count, what in (
            (limits.consecutive_5xx, "5xx"),
            (limits.consecutive_gateway, "502/503/504"),
            (limits.consecutive_local_origin, "failures to connect"),
        )
        if count
    ]
    return (
        f"outlierDetection: {' or '.join(counts) or 'nothing'} ejects for {limits.base_ejection_time_s:g} s,"
        f" at most {limits.max_ejection_percent} % at once, swept every {limits.interval_s:g} s"
    )


def _setting_text(setting: Setting) -> str:
    # Of an annotation a reader wants the name; the data have the path of the field.
    name = setting.field.replace(f"metadata.annotations[{ANNOTATION}]", f"annotation {ANNOTATION}")
    return f"{f'{setting.object} {name}' if setting.object else setting.level}: {setting.value}"


def _by_tier(route: "Route", rows: Sequence[Row], most: int, place_of: _PlaceText) -> Iterator[Section]:
    """The tiers, and the endpoints of each."""
    yield _tiers(route, place_of, lines=_lost_lines(route))
    shown = [
        (f"P{tier.number}", *cells)
        for tier in route.tiers
        for cells in _endpoint_cells([row for row in rows if row.tier is tier], most, place_of)
    ]
    if shown:
        yield Section(heading="endpoints", table=_table(("tier", "endpoint", "share", "where", "health"), shown))


def _by_pod(route: "Route", rows: Sequence[Row], most: int, place_of: _PlaceText) -> Iterator[Section]:
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
    table = _table(("endpoint", "share", "where", "health"), _endpoint_cells(rows, most, place_of))
    yield Section(heading="endpoints", lines=_lost_lines(route), table=table if rows else None)


def _unchosen(rows: Sequence[Row], most: int, place_of: _PlaceText) -> Section:
    """The endpoints of a host that is passed through, which has neither tiers nor shares."""
    cells = [(name, place, health) for name, _, place, health in _endpoint_cells(rows, most, place_of)]
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
    return Table(columns=tuple(heads), rows=rows, numeric=numeric)


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


def _endpoint_cells(rows: Iterable[Row], most: int, place_of: _PlaceText) -> Iterator[tuple[str, ...]]:
    ordered = sorted(rows, key=lambda row: (-row.share, row.endpoint.id))
    shown = ordered if len(ordered) <= most + 1 else ordered[:most]
    for row in shown:
        endpoint = row.endpoint
        yield endpoint.id, percent(row.share), place_of(endpoint.locality), endpoint.health.value
    if rest := ordered[len(shown) :]:
        yield f"… and {len(rest)} more", percent(sum(row.share for row in rest)), "", ""


def _exclusions(excluded: Iterable[Exclusion]) -> Table:
    rows = [
        (item.endpoint.id, f"{item.reason.value}: {item.detail}" if item.detail else item.reason.value, item.rule)
        for item in excluded
    ]
    return Table(columns=("endpoint", "why", "rule"), rows=rows)


def _waypoints(route: "Route") -> Section:
    first, pods = route.hops[0], route.waypoint_hops
    rows = [(hop.by, percent(hop.share), _spread_text(hop.route)) for hop in pods]
    return Section(
        heading=f"two choices: {first.route.component} picks a waypoint pod, and that pod picks the endpoint",
        lines=[f"to {first.route.host}: {_distribution_text(first.route.resolution)} holds"],
        table=Table(columns=("waypoint pod", "share", "sends to"), rows=rows, numeric=frozenset({1})),
    )


def _spread_text(route: "Route") -> str:
    return ", ".join(f"P{tier.number} {percent(tier.share)}" for tier in route.tiers if tier.share) or route.reason
