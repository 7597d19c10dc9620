"""What do many answers look like as a data frame? A row for each endpoint, tier or flow of many routes."""

from collections.abc import Callable, Iterable
from typing import Any

import narwhals as nw

from meshtier.errors import InvalidValueError
from meshtier.mesh import Route
from meshtier.mesh.rows import ROW_COLUMNS, TIER_COLUMNS, FlatRow


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
    return _frame(TIER_COLUMNS, (row for route in routes for row in route.tier_rows()), backend)


def endpoints_frame(routes: Iterable[Route], *, backend: str = "pandas") -> Any:  # noqa: ANN401  # as above
    """A row for each endpoint of each route, the excluded ones last.

    Args:
        routes: As from `Mesh.routes`, or several of `Mesh.route`.
        backend: The library whose frame is wanted: ``pandas``, ``polars``, ``pyarrow`` …

    Returns:
        A frame with the columns of `tiers_frame` up to *holds*, then endpoint,
        through (the network endpoint that it is behind, ``""`` for none: an
        endpoint has a row for each way to it), endpoint_cluster, endpoint_network, … endpoint_node, health, weight,
        share, tier, priority (missing if excluded) and excluded (the reason; ``""``
        for those in a tier). Where several waypoint pods choose, tier and priority
        are those at the pod with the largest share, and missing for what it leaves out.

    Raises:
        InvalidValueError: The library is not installed or not known.
    """
    return _frame(ROW_COLUMNS, (row.to_dict() for route in routes for row in route.rows()), backend)


def _frame(columns: Iterable[str], rows: Iterable[FlatRow], backend: str) -> Any:  # noqa: ANN401  # the caller's library
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
