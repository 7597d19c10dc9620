"""Whole fleets as data frames: a row for each endpoint, or for each tier, of many routes.

Needs the extra ``frames``, and the data frame library of your choice: pandas,
polars, pyarrow or another that narwhals knows.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from meshtier.endpoint import Endpoint
from meshtier.errors import InvalidValueError, MissingExtraError
from meshtier.mesh import Route

try:
    import narwhals as nw
except ImportError as _error:
    raise MissingExtraError("frames", "a data frame") from _error

_Row = dict[str, str | int | float | bool | None]
_Standing = tuple[Endpoint, int | None, int | None, str]


def tiers_frame(routes: Iterable[Route], *, backend: str = "pandas") -> Any:  # noqa: ANN401  # the caller's library decides
    """A row for each tier of each route, nearest first.

    Args:
        routes: As from `Mesh.routes`, or several of `Mesh.route`.
        backend: The library whose frame is wanted: ``pandas``, ``polars``, ``pyarrow`` …

    Returns:
        A frame of that library with the columns host, client, cluster, network,
        region, zone, subzone, node (the client's place), component, profile,
        holds (what decides), tier, priority, matched, share, healthy, total. A
        route without a tier has one row, in which the last six are missing.

    Raises:
        InvalidValueError: The library is not installed or not known.

    Cost: O(tiers); the endpoints are not gone through where ztunnel chooses.
    """
    return _frame(_TIER_COLUMNS, (row for route in routes for row in _tier_rows(route)), backend)


def endpoints_frame(routes: Iterable[Route], *, backend: str = "pandas") -> Any:  # noqa: ANN401  # as above
    """A row for each endpoint of each route, the excluded ones last.

    Args:
        routes: As from `Mesh.routes`, or several of `Mesh.route`.
        backend: The library whose frame is wanted: ``pandas``, ``polars``, ``pyarrow`` …

    Returns:
        A frame with the columns of `tiers_frame` up to *holds*, then endpoint,
        endpoint_cluster, endpoint_network, … endpoint_node, health, weight,
        share, tier, priority (missing if excluded) and excluded (the reason; ``""``
        for those in a tier). Where several waypoint pods choose, tier and priority
        are those at the pod with the largest share, and missing for what it leaves out.

    Raises:
        InvalidValueError: The library is not installed or not known.
    """
    return _frame(_ENDPOINT_COLUMNS, (row for route in routes for row in _endpoint_rows(route)), backend)


_PLACE: Final = ("network", "region", "zone", "subzone", "node")
_ROUTE_COLUMNS: Final = ("host", "client", "cluster", *_PLACE, "component", "profile", "holds")
_TIER_COLUMNS: Final = (*_ROUTE_COLUMNS, "tier", "priority", "matched", "share", "healthy", "total")
_ENDPOINT_COLUMNS: Final = (
    *_ROUTE_COLUMNS,
    "endpoint",
    "endpoint_cluster",
    *(f"endpoint_{part}" for part in _PLACE),
    "health",
    "weight",
    "share",
    "tier",
    "priority",
    "excluded",
)


def _frame(columns: Iterable[str], rows: Iterable[_Row], backend: str) -> Any:  # noqa: ANN401  # the caller's library
    data: dict[str, list[object]] = {column: [] for column in columns}
    appends: list[tuple[str, Callable[[object], None]]] = [(column, data[column].append) for column in data]
    for row in rows:
        for column, append in appends:
            append(row.get(column))
    try:
        return nw.from_dict(data, backend=backend).to_native()  # type: ignore[arg-type]  # narwhals checks the name
    except (AssertionError, ImportError, ValueError, TypeError) as error:  # before narwhals 2.28 for an unknown name
        text = f"expected an installed data frame library such as pandas, polars or pyarrow, got {backend!r}"
        raise InvalidValueError(f"{text} ({error})", "backend") from error


def _route_row(route: Route) -> _Row:
    return {
        "host": route.host,
        "client": route.client.name,
        "cluster": route.client.cluster,
        **route.place.locality._asdict(),
        "component": route.component.value,
        "profile": route.profile.name,
        "holds": route.holds,
    }


def _tier_rows(route: Route) -> Iterable[_Row]:
    common = _route_row(route)
    if not route.tiers:
        yield common
    for tier in route.tiers:
        yield {
            **common,
            "tier": tier.number,
            "priority": tier.priority,
            "matched": tier.matched,
            "share": tier.share,
            "healthy": tier.healthy,
            "total": len(tier.endpoints),
        }


def _endpoint_rows(route: Route) -> Iterable[_Row]:
    common = _route_row(route)
    placed: list[_Standing] = [
        (endpoint, tier.number, tier.priority, "") for tier in route.tiers for endpoint in tier.endpoints
    ]
    seen = {endpoint.id for endpoint, *_ in placed}
    # With a waypoint in the path, what the pod with the largest share leaves out can be chosen by another.
    placed += [(endpoint, None, None, "") for endpoint in route.endpoints if endpoint.id not in seen]
    left_out = [(exclusion.endpoint, None, None, exclusion.reason.value) for exclusion in route.excluded]
    for endpoint, number, priority, reason in (*placed, *left_out):
        place = {f"endpoint_{name}": part for name, part in zip(_PLACE, endpoint.locality, strict=True)}
        yield {
            **common,
            "endpoint": endpoint.id,
            "endpoint_cluster": endpoint.cluster,
            **place,
            "health": endpoint.health.value,
            "weight": endpoint.weight,
            "share": route.shares[endpoint.id],
            "tier": number,
            "priority": priority,
            "excluded": reason,
        }
