"""How is an answer laid out for reading? Headlines and tables, made from plain data."""

from collections.abc import Iterable, Iterator

from attrs import field, frozen

from meshtier.locality import Locality
from meshtier.mesh.plain import DistributionData, ExclusionData, NoteData, PlaceData, RouteData, RuleData, TierData
from meshtier.table import Table, one_line, percent, shortened


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
        most: How many endpoints a tier shows by name, those with the largest
            shares first; the rest are counted.
    """
    place = place_text(data["client"]["place"])
    sections = [
        Section(
            lines=(
                f"from  {data['client']['name']}",
                f"at    {place}",
                f"by    {data['component']}, profile {data['profile']}",
            )
        ),
        Section(heading=_headline(data), lines=tuple(_why_lines(data))),
    ]
    if data["to_waypoint"] is not None:
        sections.append(_waypoints(data))
    sections.extend(_tiers(data, most))
    if data["excluded"]:
        sections.append(Section(heading="excluded", table=_exclusions(data["excluded"])))
    if data["notes"]:
        sections.append(Section(heading="notes", lines=tuple(note_text(note) for note in data["notes"])))
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


def _why_lines(data: RouteData) -> Iterable[str]:
    distribution, rule = data["distribution"], data["destination_rule"]
    if rule is not None:
        yield from _rule_lines(rule)
    if distribution["in_force"]:
        is_default = not distribution["source"]["field"]
        yield f"{'nothing is set, so it is' if is_default else 'set by'} {_setting_text(distribution)}"
    else:
        yield f"traffic distribution is out of force [PREC-5]: {distribution['mode']}, {_setting_text(distribution)}"
    for lost in distribution["overridden"]:
        where = f"{lost['object']} {lost['field']}".strip() if lost["object"] else lost["level"]
        yield f"overrides {where}: {lost['value']}"
    if distribution["in_force"]:
        compared = " > ".join(distribution["scopes"]) or "nothing: all endpoints are alike"
        yield f"{'all must match' if distribution['strict'] else 'compares'}: {compared}"


def _rule_lines(rule: RuleData) -> Iterable[str]:
    if rule["rule"]:
        yield f"found {rule['rule']} ({rule['match']})"
    yield from rule["facts"]
    for lost in rule["overridden"]:
        yield f"overrides {lost}"


def _setting_text(distribution: DistributionData) -> str:
    source = distribution["source"]
    if not source["field"]:
        return f"the default of {source['object']} [{source['rule']}]"
    where = f"{source['object']} {source['field']}" if source["object"] else source["level"]
    return f"{where}: {source['value']} [{source['rule']}]"


def _tiers(data: RouteData, most: int) -> Iterator[Section]:
    silent = list(_lost_lines(data))
    if not data["tiers"]:
        yield Section(heading="no tier holds an endpoint", lines=silent)
        return
    table = Table(
        columns=("tier", "priority", "share", "healthy", "what matches", "where"),
        rows=[_tier_row(tier) for tier in data["tiers"]],
        numeric=frozenset({1, 2, 3}),
    )
    yield Section(heading="tiers", lines=[*_seen_from(data), *silent], table=table)
    rows = [row for tier in data["tiers"] for row in _endpoint_rows(tier, most)]
    table = Table(columns=("tier", "endpoint", "share", "where", "health"), rows=rows, numeric=frozenset({2}))
    yield Section(heading="endpoints", table=table)


def _seen_from(data: RouteData) -> Iterator[str]:
    if data["waypoints"]:
        hop = max(data["waypoints"], key=lambda hop: hop["share"])
        place = place_text(hop["route"]["client"]["place"])
        others = ", the shares are over all pods" if len(data["waypoints"]) > 1 else ""
        yield f"as seen by {hop['waypoint']} at {place}{others}"


def _lost_lines(data: RouteData) -> Iterator[str]:
    if not data["reason"]:
        return
    arrived = sum(tier["share"] for tier in data["tiers"])
    lost = f"{percent(1 - arrived)} of the traffic is lost" if arrived else "no traffic flows"
    yield f"{lost}: {data['reason']}"


def _tier_row(tier: TierData) -> tuple[str, ...]:
    places = sorted({place_text({**endpoint["place"], "node": ""}) for endpoint in tier["endpoints"]})
    return (
        f"P{tier['tier']}",
        str(tier["priority"]),
        percent(tier["share"]),
        f"{tier['healthy']}/{tier['total']}",
        tier["matched"],
        shortened(places, most=2),
    )


def _endpoint_rows(tier: TierData, most: int) -> Iterator[tuple[str, ...]]:
    endpoints = sorted(tier["endpoints"], key=lambda endpoint: (-endpoint["share"], endpoint["id"]))
    shown = endpoints if len(endpoints) <= most + 1 else endpoints[:most]
    for endpoint in shown:
        place = place_text(endpoint["place"])
        yield f"P{tier['tier']}", endpoint["id"], percent(endpoint["share"]), place, endpoint["health"]
    if rest := endpoints[len(shown) :]:
        share = percent(sum(endpoint["share"] for endpoint in rest))
        yield f"P{tier['tier']}", f"… and {len(rest)} more", share, "", ""


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
