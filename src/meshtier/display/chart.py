"""Where does the traffic go, as a picture? Charts for notebooks, by way of altair.

Needs the extra ``plot``.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from meshtier.errors import MissingExtraError
from meshtier.locality import Locality
from meshtier.mesh import Route, Row
from meshtier.simulate import Interval, Timeline
from meshtier.simulate.picture import OTHERS, RED, colours_of

try:
    import altair as alt
except ImportError as _error:
    raise MissingExtraError("plot", "a chart") from _error

_NO_ENDPOINT: Final = "(no endpoint)"
_WIDTH: Final = 600
"""Of the charts over time, in pixels."""

_T = TypeVar("_T")


def route_chart(route: Route) -> alt.Chart:
    """One bar for each endpoint: its share of the client's traffic, coloured by tier; excluded ones at the end."""
    rows = [
        {
            "endpoint": row.endpoint.id,
            "share": row.share,
            "tier": _standing(row),
            "place": str(row.endpoint.locality),
        }
        for row in route.rows()
    ]
    title = f"{route.host} from {route.client} by {route.component.value}"
    chart: alt.Chart = _chart(rows, title).mark_bar()
    drawn: alt.Chart = chart.encode(
        x=alt.X("share:Q", axis=alt.Axis(format="%"), title="share of the client's traffic"),
        y=alt.Y("endpoint:N", sort=[str(row["endpoint"]) for row in rows], title=None),
        color=alt.Color("tier:N", title="tier"),
        tooltip=["endpoint:N", "place:N", "tier:N", alt.Tooltip("share:Q", format=".1%")],
    )
    return drawn


def flow_chart(routes: Iterable[Route]) -> alt.Chart:
    """A square for each pair of zones: how much of the clients' traffic goes from one to the other.

    Every route counts alike, as one client place that sends one unit of traffic.
    """
    flows: defaultdict[tuple[str, str], float] = defaultdict(float)
    for route in routes:
        for (here, there), share in route.flows():
            flows[_zone(here), _zone(there)] += share
    rows = [{"from": here, "to": there, "traffic": traffic} for (here, there), traffic in sorted(flows.items())]
    chart: alt.Chart = _chart(rows, "traffic between zones").mark_rect()
    drawn: alt.Chart = chart.encode(
        x=alt.X("to:N", title="endpoint's zone"),
        y=alt.Y("from:N", title="client's zone"),
        color=alt.Color("traffic:Q", title="units of traffic"),
        tooltip=["from:N", "to:N", alt.Tooltip("traffic:Q", format=".2f")],
    )
    return drawn


def timeline_chart(timeline: Timeline) -> alt.VConcatChart:
    """Shares over time by zone, below them what fails, and how long each endpoint is ejected.

    What fails is a part of what goes to the zones, but for the requests that find no
    endpoint: these are "(no endpoint)" among the zones.
    """
    times = alt.X("at:Q", title="seconds", scale=alt.Scale(domain=[0, timeline.duration], nice=False))
    parts = [_shares_chart(timeline, times), _errors_chart(timeline, times)]
    if timeline.ejections:
        parts.append(_ejections_chart(timeline))
    drawn: alt.VConcatChart = alt.vconcat(*parts)
    return drawn


def _shares_chart(timeline: Timeline, times: alt.X) -> alt.Chart:
    zones = [*colours_of(timeline), ""]
    rows = [
        {"at": at, "zone": zone or _NO_ENDPOINT, "share": shares.get(zone, 0.0)}
        for at, shares in _steps(timeline.by_zone())
        for zone in zones
        if zone or any(each.lost for each in timeline.intervals)
    ]
    chart: alt.Chart = _chart(rows, f"{timeline.host}: {timeline.summary}").mark_area(interpolate="step-after")
    drawn: alt.Chart = chart.encode(
        x=times,
        y=alt.Y("share:Q", axis=alt.Axis(format="%"), title=f"share of the {timeline.unit}", stack="zero"),
        color=_zone_colour(timeline),
        tooltip=["zone:N", "at:Q", alt.Tooltip("share:Q", format=".1%")],
    ).properties(width=_WIDTH, height=200)
    return drawn


def _errors_chart(timeline: Timeline, times: alt.X) -> alt.Chart:
    rows = [{"at": at, "fails": bad} for at, bad in _steps((each, each.bad) for each in timeline.intervals)]
    chart: alt.Chart = _chart(rows, "").mark_area(
        interpolate="step-after",
        color=RED,
        line={"color": RED, "strokeWidth": 1},  # else what is short is not seen
    )
    drawn: alt.Chart = chart.encode(
        x=times,
        y=alt.Y("fails:Q", axis=alt.Axis(format="%"), title="fails", scale=alt.Scale(domain=[0, 1])),
        tooltip=["at:Q", alt.Tooltip("fails:Q", format=".1%")],
    ).properties(width=_WIDTH, height=60)
    return drawn


def _ejections_chart(timeline: Timeline) -> alt.Chart:
    rows = [
        {
            "endpoint": each.endpoint,
            "zone": timeline.zone_of(each.endpoint),
            "by": each.by,
            "at": each.start,
            "end": timeline.duration if each.end is None else each.end,
        }
        for each in timeline.ejections
    ]
    chart: alt.Chart = _chart(rows, "ejected").mark_bar(opacity=0.7)
    drawn: alt.Chart = chart.encode(
        x=alt.X("at:Q", title="seconds", scale=alt.Scale(domain=[0, timeline.duration], nice=False)),
        x2="end:Q",
        y=alt.Y("endpoint:N", sort=list(dict.fromkeys(each.endpoint for each in timeline.ejections)), title=None),
        color=_zone_colour(timeline),
        tooltip=["endpoint:N", "by:N", "at:Q", "end:Q"],
    ).properties(width=_WIDTH)
    return drawn


def _zone_colour(timeline: Timeline) -> alt.Color:
    """The colours of the picture without altair, so that the two look alike."""
    colours = {**colours_of(timeline)}
    colours |= {zone: OTHERS for each in timeline.ejections if (zone := timeline.zone_of(each.endpoint)) not in colours}
    if any(each.lost for each in timeline.intervals):
        colours[_NO_ENDPOINT] = RED
    return alt.Color("zone:N", title="zone", scale=alt.Scale(domain=list(colours), range=list(colours.values())))


def _steps(values: Iterable[tuple[Interval, _T]]) -> Iterator[tuple[float, _T]]:
    """When each value begins to hold, and the last one once more at the end."""
    last: tuple[float, _T] | None = None
    for interval, value in values:
        yield interval.start, value
        last = interval.end, value
    if last is not None:
        yield last


def _chart(rows: Sequence[Mapping[str, object]], title: str) -> alt.Chart:
    data: alt.Data = alt.Data(values=rows)  # type: ignore[no-untyped-call]  # altair leaves it without types
    return alt.Chart(data, title=title)


def _standing(row: Row) -> str:
    if row.excluded:
        return f"excluded: {row.excluded}"
    # Where several choose, what the first of them leaves out can be chosen by another.
    return f"P{row.tier.number}" if row.tier is not None else "at another pod"


def _zone(place: Locality) -> str:
    return "/".join(place.text.split("/")[:2]) or "(unknown)"
