"""What do many answers look like as a data frame? A row for each endpoint, tier or flow of many routes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import narwhals as nw

from meshtier.errors import InvalidValueError, check_type
from meshtier.mesh import Route
from meshtier.mesh.rows import FLOW_COLUMNS, ROW_COLUMNS, TIER_COLUMNS, FlatRow


def tiers_frame(routes: Iterable[Route], *, backend: str = "pandas", session: object = None) -> Any:  # noqa: ANN401  # the caller's library decides
    """A row for each tier of each route, nearest first.

    Args:
        routes: As from `Mesh.routes`, or several of `Mesh.route`.
        backend: The library whose frame is wanted: ``pandas``, ``polars``, ``pyarrow``,
            ``duckdb``, ``dask``, ``pyspark`` … Those that only evaluate late get theirs
            by way of pyarrow or pandas, which must be installed too.
        session: The session of PySpark.

    Returns:
        A frame of that library with the columns host, client, cluster, network,
        region, zone, subzone, node (the client's place), component, profile,
        holds (what decides), tier, priority, matched, share, healthy, total. A
        route without a tier has one row, in which the last six are missing.

    Raises:
        InvalidValueError: The library is not installed or not known.

    Cost: O(tiers); the endpoints are not gone through where ztunnel chooses.
    """
    return _frame(TIER_COLUMNS, (row for route in routes for row in route.tier_rows()), backend, session)


def endpoints_frame(routes: Iterable[Route], *, backend: str = "pandas", session: object = None) -> Any:  # noqa: ANN401  # as above
    """A row for each endpoint of each route, the excluded ones last.

    Args:
        routes: As from `Mesh.routes`, or several of `Mesh.route`.
        backend, session: As for `tiers_frame`.

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
    return _frame(ROW_COLUMNS, (row.to_dict() for route in routes for row in route.rows()), backend, session)


def flows_frame(routes: Iterable[Route], *, backend: str = "pandas", session: object = None) -> Any:  # noqa: ANN401  # as above
    """A row for each place that gets traffic on each route: how much of the client's traffic goes there.

    Args:
        routes, backend, session: As for `tiers_frame`.

    Returns:
        A frame with the columns of `tiers_frame` up to *holds*, then endpoint_network,
        … endpoint_node and share. A route on which nobody gets anything has no row.

    Raises:
        InvalidValueError: As for `tiers_frame`.
    """
    return _frame(FLOW_COLUMNS, (row for route in routes for row in route.flow_rows()), backend, session)


def _frame(columns: Sequence[str], rows: Iterable[FlatRow], backend: str, session: object) -> Any:  # noqa: ANN401  # the caller's library
    data: dict[str, list[object]] = {column: [] for column in columns}
    appends: list[tuple[str, Callable[[object], None]]] = [(column, data[column].append) for column in data]
    for row in rows:
        for column, append in appends:
            append(row.get(column))
    return framed(data, backend, session)


Kinds: TypeAlias = Mapping[str, type[nw.dtypes.DType]]
"""What is in some columns; the others are text."""


def framed(
    data: Mapping[str, list[object]], backend: str, session: object = None, *, kinds: Kinds | None = None
) -> Any:  # noqa: ANN401  # the caller's library
    """Columns as a frame of one library; whole numbers stay whole where some are missing.

    Raises:
        InvalidValueError: The library is not installed or not known, or is PySpark without a session.
    """
    check_type(backend, str, "backend")
    if backend in _SPARK and session is None:
        raise InvalidValueError(f"expected a session beside {backend!r}, got none", "session")
    given = _KINDS if kinds is None else kinds
    schema = {column: given.get(column, nw.String) for column in data}
    try:
        if backend in _EAGER_OF:
            made = nw.from_native(framed(data, _EAGER_OF[backend], kinds=given), eager_only=True)
            return made.lazy(backend=backend, session=session).to_native()  # it checks the name
        if backend in _OF_PANDAS:
            native = nw.from_dict(data, backend=backend).to_native()  # type: ignore[arg-type]  # as above
            return native.astype({column: _PANDAS[kind] for column, kind in schema.items() if kind in _PANDAS})
        return nw.from_dict(data, schema, backend=backend).to_native()  # type: ignore[arg-type]  # as above
    except InvalidValueError:
        raise
    except (AssertionError, ImportError, ValueError, TypeError) as error:
        wanted = "an installed data frame library such as pandas, polars, pyarrow or duckdb"
        raise InvalidValueError(
            f"expected {wanted}, got {backend!r} ({str(error).splitlines()[0]})", "backend"
        ) from error


_SPARK: Final = frozenset({"pyspark", "sqlframe"})

_EAGER_OF: Final = {
    "duckdb": "pyarrow",
    "ibis": "pyarrow",
    "dask": "pandas",
    "pyspark": "pyarrow",
    "sqlframe": "pyarrow",
}
"""Libraries that only evaluate late, and of which a frame is made by way of another one."""

_OF_PANDAS: Final = frozenset({"pandas", "modin", "cudf"})

_KINDS: Final[Kinds] = {
    **dict.fromkeys(("tier", "priority", "healthy", "total", "weight"), nw.Int64),
    "share": nw.Float64,
}
"""What is in a column; text in all others."""

_PANDAS: Final = {nw.Int64: "Int64", nw.Float64: "float64", nw.Boolean: "bool"}
"""The same for pandas, whose plain columns of whole numbers know no missing ones."""
