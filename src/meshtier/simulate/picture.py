"""Where does the traffic go, as a picture? An SVG that needs no package, no script and no network.

From top to bottom: what happens to the world, shares over time by zone with what
fails of them, a strip of failed requests, a row for each endpoint that is
ejected, the time, and what the colours mean. Text has the colour of the text
around it, so that it can be read on light and on dark.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Final, TypeVar
from xml.sax.saxutils import escape
from zlib import crc32

from attrs import frozen

from meshtier.simulate.picture_layers import FAILING, LOST, Column, columns_of, number, path_of
from meshtier.simulate.picture_scale import Axis, Label, cut, labels_of, width_of
from meshtier.simulate.timeline_words import interval_text, seconds_text
from meshtier.table import one_line, percent, shortened

if TYPE_CHECKING:
    from meshtier.simulate.timeline import Ejection, Timeline, TimelineEvent

WIDTH: Final = 800
"""The width of a picture, in pixels: about that of a notebook."""

MOST_ROWS: Final = 20
"""How many endpoints have a row of their own."""

COLOURS: Final = ("#4c86d6", "#e3a32b", "#3a9d78", "#9573c9", "#4fb3cf", "#b08457", "#8aa53a", "#c77aa6")
"""Of the zones, in turn; none is near the red of what fails."""

OTHERS: Final = "#8c8c8c"
"""Of all zones that have no colour of their own."""

RED: Final = "#d62f3a"
"""Of what fails."""

_LEFT, _RIGHT = 52, 12
_LANE, _AREA, _STRIP, _ROW, _BAR, _LINE = 15, 170, 10, 27, 9, 17
_MOST_BY: Final = 4
_MOST_HINTS: Final = 300
_WRAPPED: Final = 118
_THINNEST: Final = 1.5
_STYLE: Final = (
    "svg:root{color-scheme:light dark;color:#1f2328}"
    "@media(prefers-color-scheme:dark){svg:root{color:#e6edf3}}"  # only where the file is shown by itself
)

_E = TypeVar("_E", "Ejection", "TimelineEvent")


@frozen
class _Part:
    """What is drawn, and where the next part begins."""

    drawn: str
    bottom: float


@frozen
class _Scene:
    """What all parts look at.

    Attributes:
        timeline: What is drawn.
        axis: Where times are.
        colours: Of the zones, those first to which most goes at first.
        hatch: The name of the pattern of what fails, another one in each picture of a page.
    """

    timeline: "Timeline"
    axis: Axis
    colours: Mapping[str, str]
    hatch: str


def picture_of(timeline: "Timeline") -> str:
    """The picture of a timeline, as SVG."""
    scene = _scene(timeline)
    labels = labels_of(timeline.changes, scene.axis)
    lanes = 1 + max((label.lane for label in labels if label.lane is not None), default=-1)
    head = _head(timeline)
    top = head.bottom + _LANE * lanes
    parts = [_shares(scene, top)]
    for draw in (_errors, _ejected, _times):
        parts.append(draw(scene, parts[-1].bottom))
    changes = _changes(labels, top, parts[1].bottom, parts[2].bottom)
    parts.append(_legend(scene, parts[-1].bottom))
    drawn = "".join((head.drawn, *(part.drawn for part in parts), changes))
    about = text_of(f"{_asked(timeline)}: {timeline.summary}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {number(parts[-1].bottom)}" width="{WIDTH}"'
        f' style="max-width:100%;height:auto" role="img" font-family="system-ui,sans-serif" font-size="11"'
        f' fill="currentColor"><title>{about}</title><style>{_STYLE}</style>'
        f"{_pattern(scene.hatch)}{drawn}</svg>\n"
    )


def text_of(text: str) -> str:
    """A text as XML holds it, on one line."""
    return escape(one_line(text))


def _asked(timeline: "Timeline") -> str:
    return f"{timeline.host} from {shortened(timeline.clients)}"


def _head(timeline: "Timeline") -> _Part:
    """What was asked, and how it ends."""
    lines = wrap(one_line(timeline.summary), _WRAPPED)
    drawn = [_text(_LEFT, 15, cut(_asked(timeline), 105), 'font-weight="bold" font-size="12"')]
    drawn += [_text(_LEFT, 31 + _LANE * place, line) for place, line in enumerate(lines)]
    return _Part("".join(drawn), 33 + _LANE * len(lines))


def colours_of(timeline: "Timeline") -> Mapping[str, str]:
    """The colour of each zone that gets traffic, those first to which most of it goes at first."""
    first: dict[str, float] = {}
    for place, (_, shares) in enumerate(timeline.by_zone()):
        for zone, share in shares.items():
            if zone and share:
                first.setdefault(zone, 0.0 if place else -share)
    ordered = sorted(first, key=lambda zone: (first[zone], zone))
    return {zone: COLOURS[place] if place < len(COLOURS) else OTHERS for place, zone in enumerate(ordered)}


def _scene(timeline: "Timeline") -> _Scene:
    told = (timeline.host, timeline.clients, timeline.duration, timeline.summary, len(timeline.events))
    mark = crc32(repr(told).encode(errors="replace"))
    axis = Axis(timeline.duration, _LEFT, WIDTH - _RIGHT)
    return _Scene(timeline, axis, colours_of(timeline), f"meshtier-fails-{mark:08x}")


def _pattern(name: str) -> str:
    return (
        f'<defs><pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse"'
        f' patternTransform="rotate(45)"><rect width="3.5" height="6" fill="{RED}"/></pattern></defs>'
    )


def _shares(scene: _Scene, top: float) -> _Part:
    """The areas, the lowest that of the zone to which most goes at first."""
    axis, bottom = scene.axis, top + _AREA
    box = Axis(1.0, bottom, top)
    columns = columns_of(scene.timeline, axis.pixel / 2)
    drawn = [*_grid(axis, box)]
    low = [0.0] * len(columns)
    for zone, colour in [*scene.colours.items(), (LOST, RED)]:
        high = [under + column.parts.get(zone, 0.0) for under, column in zip(low, columns, strict=True)]
        drawn.append(_layer(path_of(columns, low, high, axis, box), colour, zone or "no endpoint"))
        failing = [column.parts.get(f"{FAILING}{zone}", 0.0) for column in columns]
        if zone and any(failing):
            start = [over - part for over, part in zip(high, failing, strict=True)]
            drawn.append(_layer(path_of(columns, start, high, axis, box), f"url(#{scene.hatch})", f"{zone}, fails"))
        low = high
    return _Part("".join((*drawn, *_hints(scene, columns, top))), bottom)


def _grid(axis: Axis, box: Axis) -> Iterator[str]:
    for part in (0.0, 0.5, 1.0):
        yield _line(axis.left - 4, box.x(part), axis.right, box.x(part), 'stroke-opacity="0.25"')
        yield _text(axis.left - 7, box.x(part) + 4, percent(part), 'text-anchor="end"')


def _layer(path: str, fill: str, title: str) -> str:
    return f'<path d="{path}" fill="{fill}"><title>{text_of(title)}</title></path>'


def _hints(scene: _Scene, columns: Sequence[Column], top: float) -> Iterator[str]:
    """What a browser shows where the pointer rests."""
    timeline = scene.timeline
    for column in columns if len(columns) <= _MOST_HINTS else ():
        shares = [f"{zone} {percent(column.parts[zone])}" for zone in scene.colours if column.parts.get(zone)]
        lost = [f"no endpoint {percent(column.parts[LOST])}"] if column.parts[LOST] else []
        said = "; ".join(
            (", ".join((*shares, *lost)), *(interval_text(one, timeline.unit) for one in column.intervals))
        )
        left, right = scene.axis.x(column.start), scene.axis.x(column.end)
        yield _rect(left, top, right - left, _AREA, 'fill-opacity="0"', said)


def _errors(scene: _Scene, top: float) -> _Part:
    """A strip of when requests fail: of an area that is a twentieth of a second wide nobody sees a thing."""
    timeline, axis = scene.timeline, scene.axis
    if not timeline.errors:
        return _Part("", top + 4)
    drawn = [_text(axis.left - 7, top + 14, "errors", 'text-anchor="end"')]
    drawn_to = 0.0
    for each in timeline.intervals:
        left, right = axis.x(each.start), axis.x(each.end)
        if each.errors and right > drawn_to:  # else it would be hidden
            width = max(right - left, _THINNEST)
            drawn_to = left + width
            look = f'fill="{RED}" fill-opacity="{number(0.4 + 0.6 * each.bad)}"'
            drawn.append(_rect(left, top + 6, width, _STRIP, look, interval_text(each, timeline.unit)))
    return _Part("".join(drawn), top + 6 + _STRIP)


def _ejected(scene: _Scene, top: float) -> _Part:
    """A row for each endpoint that outlier detection ejected, or could not eject."""
    timeline = scene.timeline
    endpoints = list(dict.fromkeys(event.endpoint for event in timeline.events if event.kind.is_of_detector))
    ejections, refusals = _by_endpoint(timeline.ejections), _by_endpoint(timeline.refusals)
    drawn: list[str] = []
    for endpoint in endpoints[:MOST_ROWS]:
        drawn.append(_row(scene, endpoint, ejections.get(endpoint, ()), refusals.get(endpoint, ()), top))
        top += _ROW
    if len(endpoints) > MOST_ROWS:
        drawn.append(_text(_LEFT, top + 14, f"+{len(endpoints) - MOST_ROWS} more endpoints"))
        top += _LINE
    return _Part("".join(drawn), top + 6)


def _by_endpoint(found: Iterable[_E]) -> Mapping[str, Sequence[_E]]:
    by_endpoint: dict[str, list[_E]] = {}
    for each in found:
        by_endpoint.setdefault(each.endpoint, []).append(each)
    return by_endpoint


def _row(
    scene: _Scene, endpoint: str, ejections: Sequence["Ejection"], refusals: Sequence["TimelineEvent"], top: float
) -> str:
    axis, colour = scene.axis, scene.colours.get(scene.timeline.zone_of(endpoint), OTHERS)
    bars = top + 15
    drawn = [
        _text(axis.left, top + 12, cut(endpoint, 110), 'font-size="10"'),
        _rect(axis.left, bars, axis.right - axis.left, _BAR, 'fill-opacity="0.07"'),
    ]
    proxies = list(dict.fromkeys(each.by for each in ejections))
    height = _BAR / min(max(len(proxies), 1), _MOST_BY)  # each that ejects for itself has its part of the row
    drawn_to: dict[str, float] = {}
    hinted = len(scene.timeline.ejections) <= _MOST_HINTS
    for each in ejections:
        left, right = axis.x(each.start), axis.x(scene.timeline.duration if each.end is None else each.end)
        if right > drawn_to.get(each.by, 0.0):  # else it would be hidden
            width = max(right - left, _THINNEST)
            drawn_to[each.by] = left + width
            y = bars + height * (proxies.index(each.by) % _MOST_BY)
            drawn.append(_rect(left, y, width, height, f'fill="{colour}"', _ejection_text(each) if hinted else ""))
    drawn += [_cross(x, bars + _BAR / 2) for x in dict.fromkeys(round(axis.x(each.at)) for each in refusals)]
    return "".join(drawn)


def _ejection_text(each: "Ejection") -> str:
    end = "the end" if each.end is None else seconds_text(each.end)
    by = f" by {each.by}" if each.by else ""
    return f"{each.endpoint} ejected{by} from {seconds_text(each.start)} to {end}"


def _cross(x: float, y: float) -> str:
    return (
        f'<path d="M{number(x - 3)} {number(y - 3)}l6 6m0 -6l-6 6" stroke="{RED}" stroke-width="1.8" fill="none">'
        "<title>ejection refused</title></path>"
    )


def _times(scene: _Scene, top: float) -> _Part:
    axis = scene.axis
    drawn = [_line(axis.left, top, axis.right, top, 'stroke-opacity="0.5"')]
    for x, label in axis.ticks():
        anchor = "end" if x + width_of(label) / 2 > WIDTH else "middle"
        drawn += [_line(x, top, x, top + 4), _text(x, top + 16, label, f'text-anchor="{anchor}"')]
    return _Part("".join(drawn), top + 26)


def _changes(labels: Iterable[Label], top: float, middle: float, bottom: float) -> str:
    """A line for each event of the scenario, from its label down to *middle*, and faintly over all rows."""
    drawn: list[str] = []
    for label in labels:
        shown, begin = "", top
        if label.lane is not None:
            y = top - 6 - _LANE * label.lane
            shown = _text(label.left, y, label.text)
            begin = y + 3 if label.left < label.x else y - 8
        strong = _line(label.x, begin, label.x, middle, 'stroke-dasharray="3 3" stroke-opacity="0.8"')
        faint = _line(label.x, middle, label.x, bottom, 'stroke-dasharray="3 3" stroke-opacity="0.3"')
        drawn.append(f"<g>{shown}{strong}{faint}<title>{escape(label.whole)}</title></g>")
    return "".join(drawn)


def _legend(scene: _Scene, top: float) -> _Part:
    drawn: list[str] = []
    x, y = float(_LEFT), top + 10
    for swatch, text in _meanings(scene):
        width = 18 + width_of(text)
        if x > _LEFT and x + width > WIDTH - _RIGHT:
            x, y = float(_LEFT), y + _LINE
        drawn.append(f'<g transform="translate({number(x)} {number(y)})">{swatch}{_text(15, 0, text)}</g>')
        x += width + 14
    return _Part("".join(drawn), y + 10)


def _meanings(scene: _Scene) -> Iterator[tuple[str, str]]:
    """What each colour and mark stands for, of those that are in the picture."""
    timeline = scene.timeline
    named = {zone: colour for zone, colour in scene.colours.items() if colour != OTHERS}
    for zone, colour in named.items():
        yield _swatch(f'fill="{colour}"'), cut(zone, 40)
    if len(named) < len(scene.colours):
        yield _swatch(f'fill="{OTHERS}"'), f"{len(scene.colours) - len(named)} more zones"
    if any(each.failing for each in timeline.intervals):
        yield _swatch(f'fill="url(#{scene.hatch})"'), "fails"
    if any(each.lost for each in timeline.intervals):
        yield _swatch(f'fill="{RED}"'), "finds no endpoint"
    if timeline.ejections:
        yield _rect(0, -8, 11, 6, 'fill-opacity="0.6"'), "in a row: ejected, in the colour of its zone"
    if timeline.refusals:
        yield _cross(6, -4), "ejection refused"


def _swatch(look: str) -> str:
    return _rect(0, -9, 11, 11, look)


def _before(look: str) -> str:
    return f" {look}" if look else ""


def _text(x: float, y: float, text: str, look: str = "") -> str:
    return f'<text x="{number(x)}" y="{number(y)}"{_before(look)}>{text_of(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, look: str = "") -> str:
    ends = f'x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"'
    return f'<line {ends} stroke="currentColor"{_before(look)}/>'


def _rect(x: float, y: float, width: float, height: float, look: str, title: str = "") -> str:
    inner = f"><title>{text_of(title)}</title></rect>" if title else "/>"
    return f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}" {look}{inner}'
