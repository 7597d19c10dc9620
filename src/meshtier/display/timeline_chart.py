"""Where does traffic go over time, as a chart? Shares by zone, what fails, and who is ejected."""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from meshtier.display.offline_chart import Chart, VConcatChart, alt, chart_of
from meshtier.simulate import Interval, Timeline
from meshtier.simulate.picture import OTHERS, RED, colours_of

_NO_ENDPOINT: Final = "(no endpoint)"
_WIDTH: Final = 600
"""Of the charts over time, in pixels."""

_T = TypeVar("_T")


def timeline_chart(timeline: Timeline) -> VConcatChart:
    """Shares over time by zone, below them what fails, and how long each endpoint is ejected.

    What fails is a part of what goes to the zones, but for the requests that find no
    endpoint: these are "(no endpoint)" among the zones.
    """
    times = alt.X("at:Q", title="seconds", scale=alt.Scale(domain=[0, timeline.duration], nice=False))
    parts = [_shares_chart(timeline, times), _errors_chart(timeline, times)]
    if timeline.ejections:
        parts.append(_ejections_chart(timeline))
    return VConcatChart(vconcat=parts)


def _shares_chart(timeline: Timeline, times: alt.X) -> Chart:
    zones = [*colours_of(timeline), ""]
    rows = [
        {"at": at, "zone": zone or _NO_ENDPOINT, "share": shares.get(zone, 0.0)}
        for at, shares in _steps(timeline.by_zone())
        for zone in zones
        if zone or any(each.lost for each in timeline.intervals)
    ]
    chart: Chart = chart_of(rows, f"{timeline.host}: {timeline.summary}").mark_area(interpolate="step-after")
    drawn: Chart = chart.encode(
        x=times,
        y=alt.Y("share:Q", axis=alt.Axis(format="%"), title=f"share of the {timeline.unit}", stack="zero"),
        color=_zone_colour(timeline),
        tooltip=["zone:N", "at:Q", alt.Tooltip("share:Q", format=".1%")],
    ).properties(width=_WIDTH, height=200)
    return drawn


def _errors_chart(timeline: Timeline, times: alt.X) -> Chart:
    rows = [{"at": at, "fails": bad} for at, bad in _steps((each, each.bad) for each in timeline.intervals)]
    chart: Chart = chart_of(rows, "").mark_area(
        interpolate="step-after",
        color=RED,
        line={"color": RED, "strokeWidth": 1},  # else what is short is not seen
    )
    drawn: Chart = chart.encode(
        x=times,
        y=alt.Y("fails:Q", axis=alt.Axis(format="%"), title="fails", scale=alt.Scale(domain=[0, 1])),
        tooltip=["at:Q", alt.Tooltip("fails:Q", format=".1%")],
    ).properties(width=_WIDTH, height=60)
    return drawn


def _ejections_chart(timeline: Timeline) -> Chart:
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
    chart: Chart = chart_of(rows, "ejected").mark_bar(opacity=0.7)
    drawn: Chart = chart.encode(
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
