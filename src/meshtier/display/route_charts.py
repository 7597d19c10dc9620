"""Where does the traffic of a route or of many go, as a chart? Bars by endpoint, and squares by pairs of zones."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from meshtier.display.offline_chart import LayerChart, alt, data_of
from meshtier.display.short_names import short_names, zone_names, zone_of
from meshtier.display.svg import colour_of
from meshtier.locality import Locality
from meshtier.mesh import Route, Row
from meshtier.simulate.picture import OTHERS, RED
from meshtier.simulate.picture_scale import cut
from meshtier.table import percent

MOST_BARS: Final = 30
"""How many endpoints have a bar of their own."""

MOST_ZONES: Final = 20
"""How many zones a square of pairs has on each side."""

BLUE: Final = "#0072b2"
"""The darkest colour of cells; readers tell it from white however they see colours.

Source: Okabe and Ito, Color Universal Design, 2008.
"""

INK: Final = "#222222"
"""Of what is written on white."""

_TITLE: Final = 80
_REST: Final = "… more"


def shares_chart(route: Route, *, most: int = MOST_BARS) -> LayerChart:
    """One bar for each endpoint: its share of the client's traffic, coloured by tier; excluded ones at the end.

    Beside each bar stands what it is. Unhealthy and excluded endpoints have a mark.

    Args:
        route: The answer.
        most: How many endpoints have a bar; the last ones together have another.
    """
    rows = _bars(route, most)
    order = [str(row["name"]) for row in rows]
    tiers = list(dict.fromkeys(str(row["tier"]) for row in rows))
    colours = {tier: colour_of(int(tier[1:])) if tier[1:].isdecimal() else OTHERS for tier in tiers}
    y = alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labelLimit=0))
    top = max((float(str(row["share"])) for row in rows), default=0.0)
    x = alt.X(
        "share:Q",
        axis=alt.Axis(format="%"),
        title="share of the client's traffic",
        scale=alt.Scale(domain=[0, min(1.0, 1.35 * top) or 1.0]),
    )
    colour = alt.Color(
        "tier:N",
        title="tier",
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        sort=tiers,
        legend=alt.Legend(orient="bottom", labelLimit=0),
    )
    hints = ["endpoint:N", "place:N", "tier:N", "health:N", alt.Tooltip("share:Q", format=".1%")]
    bars = _bare().mark_bar().encode(x=x, y=y, color=colour, tooltip=hints)
    ink = alt.condition("datum.standing == 'unhealthy'", alt.value(RED), alt.value(INK))
    words = _bare().mark_text(align="left", dx=14).encode(x=x, y=y, text="words:N", color=ink)
    cross = alt.condition("datum.standing == 'unhealthy'", alt.value("cross"), alt.value("square"))
    marks = (
        _bare()
        .transform_filter("datum.standing != 'serves'")
        .mark_point(size=50, xOffset=7)
        .encode(x=x, y=y, shape=cross, stroke=ink, tooltip=hints)
    )
    title = cut(f"{route.host} from {route.client} by {route.component.value}", _TITLE)
    drawn: LayerChart = LayerChart(data=data_of(rows), layer=[bars, words, marks], title=title)
    return drawn.properties(width=420)


def _bare() -> alt.Chart:
    """A layer, which takes the data of the whole."""
    return alt.Chart()


def _bars(route: Route, most: int) -> Sequence[Mapping[str, object]]:
    """A row for each endpoint, what it gets by several ways added; the last ones together where there are too many."""
    by_id: dict[str, list[Row]] = {}
    for row in route.rows():
        by_id.setdefault(row.endpoint.id, []).append(row)
    names = short_names(by_id)
    rows: list[Mapping[str, object]] = []
    shown = list(by_id.items())
    rest = shown[most:]
    for name, ways in shown[:most]:
        first, share = ways[0], sum(row.share for row in ways)
        serves = first.endpoint.health.serves
        standing = "excluded" if first.excluded else "serves" if serves else "unhealthy"
        health = "" if serves and first.endpoint.health.value == "healthy" else first.endpoint.health.value
        words = f"excluded: {first.excluded}" if first.excluded else f"{percent(share)} {health}".rstrip()
        rows.append(
            {
                "endpoint": name,
                "name": names[name],
                "share": share,
                "tier": _standing(first),
                "place": str(first.endpoint.locality),
                "health": first.endpoint.health.value,
                "standing": standing,
                "words": words,
            }
        )
    if rest:
        share = sum(row.share for _, ways in rest for row in ways)
        label = f"… and {len(rest)} more"
        rows.append(
            {
                "endpoint": label,
                "name": label,
                "share": share,
                "tier": "several",
                "place": "",
                "health": "",
                "standing": "serves",
                "words": percent(share),
            }
        )
    return rows


def flow_chart(routes: Iterable[Route], *, most: int = MOST_ZONES) -> LayerChart:
    """A square for each pair of zones: how much of the clients' traffic goes from one to the other.

    Every route counts alike, as one client place that sends one unit of traffic.
    The number stands in the square; nothing is white; a zone's own square has a
    border.

    Args:
        routes: Such as `Mesh.routes` gives. They are read one by one and not kept.
        most: How many zones there are on each side; those with the least traffic are taken together.
    """
    flows: defaultdict[tuple[Locality, Locality], float] = defaultdict(float)
    for route in routes:
        here = zone_of(route.place.locality)
        flows[here, here] += 0.0  # a zone from which nothing arrives is a row too
        for (_, there), share in route.flows():
            flows[here, zone_of(there)] += share
    rows = _pairs(flows, most)
    top = max((float(str(row["traffic"])) for row in rows), default=0.0) or 1.0
    froms, tos = ({str(row[side]) for row in rows} for side in ("from", "to"))
    step = min(max(560 // max(len(tos), 1), 34), 74)
    x = alt.X("to:N", title="endpoint's zone", sort=_sorted(tos), axis=_axis(tilted=len(tos) > 5, top=True))
    y = alt.Y("from:N", title="client's zone", sort=_sorted(froms), axis=_axis())
    colour = alt.Color(
        "traffic:Q",
        title="units of traffic",
        scale=alt.Scale(domain=[0, top], range=["#ffffff", BLUE], interpolate="rgb"),
    )
    hints = ["from:N", "to:N", alt.Tooltip("traffic:Q", format=".2f")]
    squares = _bare().mark_rect(stroke="#dddddd").encode(x=x, y=y, color=colour, tooltip=hints)
    own = (
        _bare()
        .transform_filter("datum.from == datum.to")
        .mark_rect(fillOpacity=0, stroke="#333333", strokeWidth=2)
        .encode(x=x, y=y)
    )
    numbers = (
        _bare()
        .mark_text(fontSize=12 if step >= 44 else 9)
        .encode(
            x=x,
            y=y,
            text="number:N",
            color=alt.condition(f"datum.traffic > {0.75 * top}", alt.value("white"), alt.value(INK)),
        )
    )
    title = "traffic between zones, one unit from each client place to each host"
    drawn: LayerChart = LayerChart(data=data_of(rows), layer=[squares, own, numbers], title=title)
    return drawn.properties(width=alt.Step(step), height=alt.Step(30))


def _pairs(flows: Mapping[tuple[Locality, Locality], float], most: int) -> Sequence[Mapping[str, object]]:
    """A row for each pair of zones, those without traffic too."""
    total: defaultdict[Locality, float] = defaultdict(float)
    for (here, there), traffic in flows.items():
        total[here] += traffic
        total[there] += traffic
    shown = sorted(total, key=lambda zone: (-total[zone], zone))[:most]
    names = zone_names(shown)
    merged: defaultdict[tuple[str, str], float] = defaultdict(float)
    for (here, there), traffic in flows.items():
        merged[names.get(here, _REST), names.get(there, _REST)] += traffic
    froms, tos = (_sorted({pair[side] for pair in merged}) for side in (0, 1))
    return [
        {"from": here, "to": there, "traffic": merged.get((here, there), 0.0), "number": amount(merged[here, there])}
        for here in froms
        for there in tos
    ]


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name == _REST, name))


def _axis(*, tilted: bool = False, top: bool = False) -> alt.Axis:
    return alt.Axis(
        labelLimit=0,
        labelAngle=-40 if tilted else 0,
        **({"orient": "top"} if top else {}),  # type: ignore[arg-type]  # a literal of altair's
    )


def amount(traffic: float) -> str:
    """An amount in a cell, exact enough that nothing positive reads as nothing.

    >>> amount(0), amount(1), amount(1 / 3), amount(0.001), amount(1234.5)
    ('0', '1', '0.33', '<0.01', '1234')
    """
    if 0 < traffic < 0.005:
        return "<0.01"
    return f"{traffic:.0f}" if traffic >= 100 else f"{traffic:.2f}".rstrip("0").rstrip(".")


def _standing(row: Row) -> str:
    if row.excluded:
        return f"excluded: {row.excluded}"
    # Where several choose, what the first of them leaves out can be chosen by another.
    return f"P{row.tier.number}" if row.tier is not None else "at another pod"
