"""How is a timeline laid out for reading? The events in order, and where the traffic goes between them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from attrs import frozen

from meshtier.mesh.report import Report, Section
from meshtier.simulate.timeline_words import BAR, bar, counted, rate_text, requests_of, seconds_text
from meshtier.table import Table, percent, shortened

if TYPE_CHECKING:
    from meshtier.simulate.timeline import Interval, Timeline, TimelineEvent

MOST_STEPS: Final = 60
"""How many events and changes of traffic a report shows."""

MOST_ZONES: Final = 6
"""How many zones are shown at a time."""

_COLUMNS: Final = ("at", "what", "where", "details")
_Row = tuple[str, str, str, str]


@frozen
class _Step:
    """What stands in a table together: an event, or where the traffic goes from then on."""

    rows: tuple[_Row, ...]
    events: int


def report_of(timeline: "Timeline", *, most: int | None = MOST_STEPS) -> Report:
    """The report on a timeline.

    Args:
        timeline: The timeline.
        most: How many events and changes of traffic at most; ``None`` for all.
    """
    chance = ", one run by chance" if timeline.sampled else ""
    head = (
        f"from  {shortened(timeline.clients)}",
        f"by    {timeline.decided_by}, profile {timeline.profile}",
        f"for   {seconds_text(timeline.duration)}, {rate_text(timeline)}{chance}",
    )
    sections = [
        Section(lines=head),
        Section(heading="what happens", table=_steps_table(timeline, most)),
        Section(heading="in all", lines=_totals(timeline)),
    ]
    if timeline.notes:
        sections.append(Section(heading="notes", lines=map(str, timeline.notes)))
    sections.append(Section(lines=(timeline.summary,)))
    return Report(title=timeline.host, sections=sections)


def table_of(timeline: "Timeline", *, most: int | None) -> Table:
    """The events and the traffic as one table, under how it ends."""
    return _steps_table(timeline, most, title=timeline.summary)


def _steps_table(timeline: "Timeline", most: int | None, *, title: str = "") -> Table:
    steps = list(_steps(timeline))
    if most is not None and len(steps) > most:
        # Most of what one looks for is at the beginning: the failure, and what was done about it.
        first, last = most - most // 3, most // 3
        left_out = sum(step.events for step in steps[first : len(steps) - last])
        gap = _Step(rows=(("", f"… {left_out:,} more", "", ""),), events=0)
        steps = [*steps[:first], gap, *steps[len(steps) - last :]]
    rows = [row for step in steps for row in step.rows]
    return Table(title=title, columns=_COLUMNS, rows=rows, numeric=frozenset({0}))


def _steps(timeline: "Timeline") -> Iterator[_Step]:
    """The events, and after those of one instant where the traffic goes, if that has changed."""
    shown: tuple[_Row, ...] = ()
    told_at: float | None = None
    events = iter(timeline.events)
    event = next(events, None)
    for interval, zones in timeline.by_zone():
        while event is not None and event.at <= interval.start:
            told_at = event.at
            yield _Step(rows=(_event_row(event),), events=1)
            event = next(events, None)
        rows = tuple(_traffic_rows(interval, zones))
        if rows != shown:
            shown = rows
            at = "" if told_at == interval.start else seconds_text(interval.start)
            yield _Step(rows=((at, *rows[0][1:]), *rows[1:]), events=0)
    while event is not None:
        yield _Step(rows=(_event_row(event),), events=1)
        event = next(events, None)


def _event_row(event: "TimelineEvent") -> _Row:
    text = event.text.removeprefix(f"{event.endpoint} ") if event.endpoint else event.text  # it is said beside it
    times = f"{event.count:,} times" if event.count > 1 else ""
    said = [": ".join(filter(None, (times, text)))] if times or text else []
    said += [f"by {event.by}"] if event.by else []
    rule = f" [{event.rule}]" if event.rule else ""
    return seconds_text(event.at), event.kind.value, event.endpoint, f"{', '.join(said)}{rule}".strip()


def _traffic_rows(interval: "Interval", zones: Mapping[str, float]) -> Iterator[_Row]:
    """A row for each zone, then for what fails."""
    parts = _largest([(zone, share) for zone, share in sorted(zones.items()) if zone and share > 0])
    rows = [(zone, _bar_cell(share)) for zone, share in parts]
    failing = interval.bad - interval.lost
    rows += [("fails", _bar_cell(failing, bad=True))] if failing > 0 else []
    if interval.lost:
        why = f": {interval.reason}" if interval.reason else ""
        rows.append(("lost", f"{_bar_cell(interval.lost, bad=True)}{why}"))
    for place, (where, cell) in enumerate(rows or [("nowhere", "")]):
        yield "", "" if place else "traffic", where, cell


def _largest(parts: Sequence[tuple[str, float]]) -> Sequence[tuple[str, float]]:
    """The zones with the largest shares, in their order, and the others together."""
    if len(parts) <= MOST_ZONES + 1:
        return parts
    kept = sorted(parts, key=lambda part: -part[1])[:MOST_ZONES]
    rest = sum(share for _, share in parts) - sum(share for _, share in kept)
    return [*(part for part in parts if part in kept), (f"… and {len(parts) - MOST_ZONES} more", rest)]


def _bar_cell(part: float, *, bad: bool = False) -> str:
    drawn = bar(part).replace("█", "▒") if bad else bar(part)
    return f"{drawn:<{BAR}}  {percent(part):>7}"


def _totals(timeline: "Timeline") -> Iterator[str]:
    one = timeline.unit.removesuffix("s")
    total = requests_of(timeline)
    zones = requests_by_zone(timeline)
    ordered = sorted(zones.items(), key=lambda item: (-item[1], item[0]))
    to = shortened([f"{zone} {round(count):,}" for zone, count in ordered], most=MOST_ZONES)
    yield f"{counted(total, one)}{f': {to}' if to else ''}"
    if timeline.errors:
        assert timeline.trouble_at is not None  # noqa: S101  # there is a first one
        part = percent(timeline.errors / total)
        yield f"{counted(timeline.errors, one)} failed ({part}), the first from {seconds_text(timeline.trouble_at)} on"
    counts: dict[str, int] = {}
    for event in timeline.events:
        if event.kind.is_of_detector:
            counts[event.kind.value] = counts.get(event.kind.value, 0) + event.count
    if counts:
        yield ", ".join(f"{kind} {count:,}" for kind, count in counts.items())


def requests_by_zone(timeline: "Timeline") -> Mapping[str, float]:
    """How many requests each zone gets, served or not; what finds no endpoint is in none."""
    found: dict[str, float] = {}
    for interval, zones in timeline.by_zone():
        for zone, share in zones.items():
            if zone:
                found[zone] = found.get(zone, 0.0) + share * interval.requests
    return found
