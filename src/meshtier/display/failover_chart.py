"""Which tier takes over as each zone goes, as a chart? A row for each zone that is gone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import define

from meshtier.component import Component
from meshtier.diff.outages import failures_of
from meshtier.display.chosen_tiers import chosen_tiers, tiers_of, tiers_text
from meshtier.display.graph import LEAST
from meshtier.display.offline_chart import LayerChart, alt, data_of
from meshtier.display.short_names import zone_names, zone_of
from meshtier.display.svg import colour_of
from meshtier.locality import Locality
from meshtier.mesh import Client, Mesh, Route
from meshtier.mesh.changes import is_gone
from meshtier.profile import SOLO, Profile
from meshtier.simulate.picture import OTHERS, RED
from meshtier.simulate.picture_scale import cut
from meshtier.table import percent

MOST_ZONES: Final = 24
"""How many zones are shown that go; of more, those that change where the traffic goes."""

_NOTHING: Final = "(nothing)"
_LOST: Final = "(no endpoint)"
_GONE: Final = "(client is gone)"
_TITLE: Final = 80


@define
class _Cell:
    """What goes to one zone, and by which tiers."""

    share: float = 0.0
    tiers: frozenset[int] = frozenset()

    @property
    def tier(self) -> str:
        """The nearest of the tiers."""
        return f"P{min(self.tiers)}" if self.tiers else ""

    @property
    def words(self) -> str:
        """What stands in the cell."""
        return f"{tiers_text(self.tiers)} {percent(self.share)}".lstrip()


def failover_chart(
    mesh: Mesh,
    client: Client | str,
    host: str,
    *,
    component: Component | None = None,
    profile: Profile = SOLO,
    cluster: str | None = None,
) -> LayerChart:
    """Where a client's traffic to a host goes as each zone is gone in turn, and which tier that is.

    The first row is the mesh as it is. Squares have the colour of the nearest tier
    that is used, the stronger the more goes there. With the client's own zone the
    client is gone.

    Args:
        mesh: The mesh.
        client: As for `Mesh.route`.
        host: As for `Mesh.route`.
        component: As for `Mesh.route`.
        profile: As for `Mesh.route`.
        cluster: As for `Mesh.route`.

    Raises:
        MeshError: What `Mesh.route` raises.
    """
    asking = mesh.client(client, cluster=cluster) if isinstance(client, str) else client
    today = mesh.route(asking, host, component=component, profile=profile, cluster=cluster)
    cases: dict[str, Mapping[Locality | str, _Cell]] = {_NOTHING: _cells(today)}
    for failure in failures_of(mesh, ("zone",)):
        after = mesh.without(zone=failure.name)
        if is_gone(asking, mesh.clusters, after.clusters):
            cases[failure.name] = {_GONE: _Cell(share=1.0)}
        else:
            route = after.route(asking, host, component=component, profile=profile, cluster=cluster)
            cases[failure.name] = _cells(route)
    hidden = 0
    if len(cases) > MOST_ZONES + 1:
        changing = {name: cells for name, cells in cases.items() if name == _NOTHING or cells != cases[_NOTHING]}
        cases, hidden = dict(list(changing.items())[: MOST_ZONES + 1]), len(cases)
        hidden -= len(cases)
    lines = [cut(f"{host} from {asking}", _TITLE)]
    lines += [f"{hidden} more zones are not shown"] if hidden else []
    return _drawn(list(_rows(cases)), lines)


def _cells(route: Route) -> Mapping[Locality | str, _Cell]:
    """What goes to each zone, and what to none."""
    found: dict[Locality | str, _Cell] = {}
    tiers = chosen_tiers(route)
    for row in route.rows():
        if row.share > LEAST:
            cell = found.setdefault(zone_of(row.endpoint.locality), _Cell())
            cell.share += row.share
            cell.tiers |= tiers_of(row, tiers)
    if route.lost > LEAST:
        found[_LOST] = _Cell(share=route.lost)
    return found


def _rows(cases: Mapping[str, Mapping[Locality | str, _Cell]]) -> Iterator[Mapping[str, object]]:
    names = zone_names(zone for cells in cases.values() for zone in cells if isinstance(zone, Locality))
    gone = {name: _zone_at(name) for name in cases if name != _NOTHING}
    gone_names = zone_names(gone.values())
    for name, cells in cases.items():
        for zone, cell in cells.items():
            special = {_LOST: f"{percent(cell.share)} lost", _GONE: "client is gone"}
            where = zone if isinstance(zone, str) else names[zone]
            yield {
                "gone": name if name == _NOTHING else gone_names[gone[name]],
                "zone": where,
                "share": round(cell.share, 9),
                "tier": where if zone in special else cell.tier or "several",
                "words": special[zone] if isinstance(zone, str) else cell.words,
            }


def _zone_at(name: str) -> Locality:
    """The place of a zone as `Mesh.without` takes it."""
    region, _, zone = name.rpartition("/")
    return Locality(region=region, zone=zone)


def _drawn(rows: Sequence[Mapping[str, object]], lines: Sequence[str]) -> LayerChart:
    tiers = sorted({str(row["tier"]) for row in rows}, key=lambda tier: (not tier.startswith("P"), len(tier), tier))
    colours = {tier: colour_of(int(tier[1:])) if tier[1:].isdecimal() else OTHERS for tier in tiers}
    colours |= {_LOST: RED} if _LOST in colours else {}
    zones = sorted({str(row["zone"]) for row in rows}, key=lambda zone: (zone.startswith("("), zone))
    axis = alt.Axis(labelLimit=0, orient="top", labelAngle=-40 if len(zones) > 5 else 0)
    x = alt.X("zone:N", title="where the traffic goes", sort=zones, axis=axis)
    gone = list(dict.fromkeys(str(row["gone"]) for row in rows))
    y = alt.Y("gone:N", title="zone that is gone", sort=gone, axis=alt.Axis(labelLimit=0))
    colour = alt.Color(
        "tier:N",
        title="nearest tier used",
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=alt.Legend(orient="bottom"),
    )
    strength = alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.15, 0.8]), legend=None)
    hints = ["gone:N", "zone:N", "words:N"]
    layer = alt.Chart()
    squares = layer.mark_rect(stroke="#999999").encode(x=x, y=y, color=colour, opacity=strength, tooltip=hints)
    words = layer.mark_text(color="#111111").encode(x=x, y=y, text="words:N", tooltip=hints)
    title = alt.TitleParams(text=list(lines), anchor="start")
    drawn: LayerChart = LayerChart(data=data_of(rows), layer=[squares, words], title=title)
    return drawn.properties(width=alt.Step(max(min(560 // max(len(zones), 1), 110), 84)), height=alt.Step(30))
