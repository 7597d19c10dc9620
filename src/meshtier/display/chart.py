"""Where does the traffic go, as a picture? Charts for notebooks, by way of altair.

Needs the extra ``plot``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from meshtier.errors import MissingExtraError
from meshtier.locality import Locality
from meshtier.mesh import Route, Row

try:
    import altair as alt
except ImportError as _error:
    raise MissingExtraError("plot", "a chart") from _error


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
