"""What does an answer look like as rows, one for each endpoint or tier? Frames, charts and reports are made of them."""

from typing import TYPE_CHECKING, Final

from attrs import frozen

from meshtier.endpoint import Endpoint
from meshtier.locality import Locality
from meshtier.mesh.outcome import RouteTier

if TYPE_CHECKING:
    from meshtier.mesh.route import Route

FlatRow = dict[str, str | int | float | None]
"""A row with a column for each fact; what is missing is ``None``."""

_PLACE: Final = Locality._fields
_ROUTE_COLUMNS: Final = ("host", "client", "cluster", *_PLACE, "component", "profile", "holds")
TIER_COLUMNS: Final = (*_ROUTE_COLUMNS, "tier", "priority", "matched", "share", "healthy", "total")
"""The columns of `tier_rows`."""

ROW_COLUMNS: Final = (
    *_ROUTE_COLUMNS,
    "endpoint",
    "through",
    "endpoint_cluster",
    *(f"endpoint_{part}" for part in _PLACE),
    "health",
    "weight",
    "share",
    "tier",
    "priority",
    "excluded",
)
"""The columns of `Row.to_dict`."""


FLOW_COLUMNS: Final = (*_ROUTE_COLUMNS, *(f"endpoint_{part}" for part in _PLACE), "share")
"""The columns of `flow_row`."""


@frozen(kw_only=True, eq=False)
class Row:
    """One endpoint of a route, and one way to it.

    Attributes:
        route: The route.
        endpoint: The endpoint; behind a gateway, the one at the end of the way,
            as far as that is known (NET-5).
        share: Its share of the client's traffic, 0 to 1, by this way.
        tier: The tier that it is in, or that the network endpoint is in which it
            is behind; ``None`` if in none: it is excluded, or the choice that the
            route shows leaves it out and another makes use of it.
        through: The id of the network endpoint that it is behind; ``""`` for none.
        excluded: Why it can get no traffic; ``""`` if it can.
    """

    route: "Route"
    endpoint: Endpoint
    share: float
    tier: RouteTier | None = None
    through: str = ""
    excluded: str = ""

    def to_dict(self) -> FlatRow:
        """The row as plain data, a value for each of `ROW_COLUMNS`."""
        endpoint, tier = self.endpoint, self.tier
        return {
            **_route_columns(self.route),
            "endpoint": endpoint.id,
            "through": self.through,
            "endpoint_cluster": endpoint.cluster,
            **{f"endpoint_{name}": part for name, part in zip(_PLACE, endpoint.locality, strict=True)},
            "health": endpoint.health.value,
            "weight": endpoint.weight,
            "share": self.share,
            "tier": tier.number if tier is not None else None,
            "priority": tier.priority if tier is not None else None,
            "excluded": self.excluded,
        }


def tier_row(route: "Route", tier: RouteTier | None) -> FlatRow:
    """One tier of a route as plain data, a value for each of `TIER_COLUMNS`; ``None`` for a route without one."""
    return {
        **_route_columns(route),
        "tier": tier.number if tier is not None else None,
        "priority": tier.priority if tier is not None else None,
        "matched": tier.matched if tier is not None else None,
        "share": tier.share if tier is not None else None,
        "healthy": tier.healthy if tier is not None else None,
        "total": len(tier.endpoints) if tier is not None else None,
    }


def flow_row(route: "Route", place: Locality, share: float) -> FlatRow:
    """What goes to one place as plain data, a value for each of `FLOW_COLUMNS`."""
    there = {f"endpoint_{name}": part for name, part in zip(_PLACE, place, strict=True)}
    return {**_route_columns(route), **there, "share": share}


def _route_columns(route: "Route") -> FlatRow:
    return {
        "host": route.host,
        "client": route.client.name,
        "cluster": route.client.cluster,
        **dict(zip(_PLACE, route.place.locality, strict=True)),
        "component": route.component.value,
        "profile": route.profile.name,
        "holds": route.holds,
    }
