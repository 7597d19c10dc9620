"""How is an answer laid out for reading? Headlines and tables, made from plain data."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from attrs import field, frozen

from meshtier.component import Balancing, Component
from meshtier.locality import Locality
from meshtier.mesh.route_data import (
    DistributionData,
    EndpointData,
    ExclusionData,
    HopData,
    NoteData,
    PlaceData,
    RouteData,
    RuleData,
    SettingData,
    TierData,
)
from meshtier.precedence import ANNOTATION
from meshtier.table import Table, one_line, percent, shortened

_NUMERIC: Final = frozenset({"priority", "share", "healthy"})
_PlaceText = Callable[[Locality], str]


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


def report_from(data: RouteData, *, most: int = 8) -> Report:
    """The report on an answer.

    Args:
        data: The answer, as `Route.to_dict` gives it.
        most: How many endpoints a tier shows by name, or with a waypoint in the
            path the whole answer, those with the largest shares first; the rest
            are counted.
    """
    sections = [
        Section(
            lines=(
                f"from  {data['client']['name']}",
                f"at    {place_text(data['client']['place'])}",
                f"by    {data['component']}, profile {data['profile']}",
            )
        ),
        Section(heading=_headline(data), lines=_why_lines(data)),
    ]
    if data["to_waypoint"] is not None:
        sections.append(_waypoints(data))
    sections.extend(_by_pod(data, most) if data["waypoints"] else _by_tier(data, most))
    if data["excluded"]:
        sections.append(Section(heading="excluded", table=_exclusions(data["excluded"])))
    if notes := [note_text(note) for note in data["notes"] if not _is_said(note, data)]:
        sections.append(Section(heading="notes", lines=notes))
    return Report(title=data["host"], sections=sections)


def place_text(place: PlaceData) -> str:
    """A place in one line."""
    return str(Locality(**place))


def note_text(note: NoteData) -> str:
    """A note in one line."""
    subject = f"{note['object']}: " if note["object"] else ""
    return f"[{note['rule']}] {subject}{note['text']}"


def _headline(data: RouteData) -> str:
    if data["passthrough"]:
        return f"passed through: {data['passthrough']}"
    rule = data["destination_rule"]
    if rule is not None and not data["distribution"]["in_force"]:
        return f"{rule['title']} holds"
    distribution = data["distribution"]
    return f"{'internalTrafficPolicy: Local' if distribution['strict'] else distribution['mode']} holds"


def _why_lines(data: RouteData) -> Iterator[str]:
    distribution, rule = data["distribution"], data["destination_rule"]
    if rule is not None:
        yield from _rule_lines(rule)
    if distribution["in_force"]:
        is_default = not distribution["source"]["field"]
        yield f"{'nothing is set, so it is' if is_default else 'set by'} {_source_text(distribution)}"
    else:
        yield f"traffic distribution is out of force [PREC-5]: {distribution['mode']}, {_source_text(distribution)}"
    for lost in distribution["overridden"]:
        yield f"overrides {_setting_text(lost)}"
    if distribution["in_force"]:
        compared = " > ".join(distribution["scopes"]) or "nothing: all endpoints are alike"
        yield f"{'all must match' if distribution['strict'] else 'compares'}: {compared}"


def _is_said(note: NoteData, data: RouteData) -> bool:
    """Whether the lines under the heading say already what the note says."""
    return not data["distribution"]["in_force"] and note["code"] == "distribution-out-of-force"


def _rule_lines(rule: RuleData) -> Iterator[str]:
    if rule["rule"]:
        yield f"found {rule['rule']} ({rule['match']})"
    yield from rule["facts"]
    for lost in rule["overridden"]:
        yield f"overrides {lost}"


def _source_text(distribution: DistributionData) -> str:
    source = distribution["source"]
    text = _setting_text(source) if source["field"] else f"the default of {source['object']}"
    return f"{text} [{source['rule']}]"


def _setting_text(setting: SettingData) -> str:
    # Of an annotation a reader wants the name; the data have the path of the field.
    name = setting["field"].replace(f"metadata.annotations[{ANNOTATION}]", f"annotation {ANNOTATION}")
    where = f"{setting['object']} {name}" if setting["object"] else setting["level"]
    return f"{where}: {setting['value']}"


def _by_tier(data: RouteData, most: int) -> Iterator[Section]:
    """The tiers, and the endpoints of each."""
    endpoints = [endpoint for tier in data["tiers"] for endpoint in tier["endpoints"]]
    place_of = _places_beside(data, endpoints)
    if data["passthrough"]:
        yield _unchosen(endpoints, most, place_of)
        return
    yield _tiers(data, place_of, lines=_lost_lines(data, endpoints))
    if data["tiers"]:
        rows = [
            (f"P{tier['tier']}", *row)
            for tier in data["tiers"]
            for row in _endpoint_rows(tier["endpoints"], most, place_of)
        ]
        yield Section(heading="endpoints", table=_table(("tier", "endpoint", "share", "where", "health"), rows))


def _by_pod(data: RouteData, most: int) -> Iterator[Section]:
    """The tiers as each waypoint pod sees them, like ones once, and the endpoints over all pods."""
    place_of = _places_beside(data, data["endpoints"])
    alike: dict[tuple[tuple[str, ...], ...], list[HopData]] = {}
    for hop in data["waypoints"]:
        rows = tuple(_tier_row(tier, place_of, numbered=True) for tier in hop["route"]["tiers"])
        alike.setdefault(rows, []).append(hop)
    for hops in sorted(alike.values(), key=_traffic, reverse=True):
        pods = shortened([hop["waypoint"] for hop in hops], most=3)
        places = dict.fromkeys(place_text(hop["route"]["client"]["place"]) for hop in hops)
        whose = f" as seen by {pods}, {percent(_traffic(hops))}"
        yield _tiers(hops[0]["route"], place_of, whose=whose, lines=[f"at {shortened(list(places), most=3)}"])
    table = _table(("endpoint", "share", "where", "health"), _endpoint_rows(data["endpoints"], most, place_of))
    lost = _lost_lines(data, data["endpoints"])
    yield Section(heading="endpoints", lines=lost, table=table if data["endpoints"] else None)


def _unchosen(endpoints: Sequence[EndpointData], most: int, place_of: _PlaceText) -> Section:
    """The endpoints of a host that is passed through, which has neither tiers nor shares."""
    rows = [(name, place, health) for name, _, place, health in _endpoint_rows(endpoints, most, place_of)]
    said = "the client connects to the address that it resolved: there are no tiers and no shares"
    return Section(heading="endpoints", lines=[said], table=_table(("endpoint", "where", "health"), rows))


def _traffic(hops: Iterable[HopData]) -> float:
    return sum(hop["share"] for hop in hops)


def _tiers(data: RouteData, place_of: _PlaceText, *, lines: Iterable[str], whose: str = "") -> Section:
    if not data["tiers"]:
        return Section(heading=f"no tier holds an endpoint{whose}", lines=lines)
    numbered = _has_priorities(data)
    heads = ("tier", *(("priority",) if numbered else ()), "share", "healthy", "what matches", "where")
    rows = [_tier_row(tier, place_of, numbered=numbered) for tier in data["tiers"]]
    return Section(heading=f"tiers{whose}", lines=lines, table=_table(heads, rows))


def _has_priorities(data: RouteData) -> bool:
    """Whether an Envoy chooses: no one else is told of priorities."""
    return Component(data["component"]).traits.balancing is Balancing.ENVOY


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    numeric = frozenset(place for place, head in enumerate(heads) if head in _NUMERIC)
    return Table(columns=tuple(heads), rows=rows, numeric=numeric)


def _places_beside(data: RouteData, endpoints: Iterable[EndpointData]) -> _PlaceText:
    """How places are written beside that of the client: the network is left out where all are in the client's."""
    network = data["client"]["place"]["network"]
    places = {Locality(**endpoint["place"]) for endpoint in endpoints}
    if all(place.network == network and place.text for place in places):
        return _without_network
    return str


def _without_network(place: Locality) -> str:
    return str(place._replace(network=""))


def _lost_lines(data: RouteData, endpoints: Iterable[EndpointData]) -> Iterator[str]:
    if not data["reason"]:
        return
    arrived = sum(endpoint["share"] for endpoint in endpoints)
    lost = f"{percent(1 - arrived)} of the traffic is lost" if arrived else "no traffic flows"
    yield f"{lost}: {data['reason']}"


def _tier_row(tier: TierData, place_of: _PlaceText, *, numbered: bool) -> tuple[str, ...]:
    return (
        f"P{tier['tier']}",
        *((str(tier["priority"]),) if numbered else ()),
        percent(tier["share"]),
        f"{tier['healthy']}/{tier['total']}",
        tier["matched"],
        shortened(list(_places(tier["endpoints"], place_of)), most=2),
    )


def _places(endpoints: Iterable[EndpointData], place_of: _PlaceText) -> Iterator[str]:
    """Where endpoints are, without their nodes, each place once, and its network where the one before has another."""
    before: str | None = None
    for place in sorted({Locality(**endpoint["place"])._replace(node="") for endpoint in endpoints}):
        yield place_of(place) if place.network != before else _without_network(place)
        before = place.network


def _endpoint_rows(endpoints: Iterable[EndpointData], most: int, place_of: _PlaceText) -> Iterator[tuple[str, ...]]:
    ordered = sorted(endpoints, key=lambda endpoint: (-endpoint["share"], endpoint["id"]))
    shown = ordered if len(ordered) <= most + 1 else ordered[:most]
    for endpoint in shown:
        yield endpoint["id"], percent(endpoint["share"]), place_of(Locality(**endpoint["place"])), endpoint["health"]
    if rest := ordered[len(shown) :]:
        share = percent(sum(endpoint["share"] for endpoint in rest))
        yield f"… and {len(rest)} more", share, "", ""


def _exclusions(excluded: Iterable[ExclusionData]) -> Table:
    rows = [
        (item["id"], f"{item['reason']}: {item['detail']}" if item["detail"] else item["reason"], item["rule"])
        for item in excluded
    ]
    return Table(columns=("endpoint", "why", "rule"), rows=rows)


def _waypoints(data: RouteData) -> Section:
    rows = [(hop["waypoint"], percent(hop["share"]), _spread_text(hop["route"])) for hop in data["waypoints"]]
    first = data["to_waypoint"]
    lines = [f"to {first['host']}: {first['distribution']['mode']} holds"] if first is not None else []
    return Section(
        heading="two choices: ztunnel picks a waypoint pod, and that pod picks the endpoint",
        lines=lines,
        table=Table(columns=("waypoint pod", "share", "sends to"), rows=rows, numeric=frozenset({1})),
    )


def _spread_text(route: RouteData) -> str:
    used = [f"P{tier['tier']} {percent(tier['share'])}" for tier in route["tiers"] if tier["share"]]
    return ", ".join(used) or route["reason"]
