"""Whole fleets as data frames: answers of many routes, and tiers and shares that the caller's engine computes.

Needs the extra ``frames``, and the data frame library of your choice: pandas,
polars, pyarrow, duckdb, PySpark, Dask or another that narwhals knows.
"""

from meshtier.errors import MissingExtraError
from meshtier.public import publish

try:
    from meshtier.frames.answers import endpoints_frame, flows_frame, tiers_frame
    from meshtier.frames.files import Written, write_tables
    from meshtier.frames.pairs import place_pairs, with_shares, with_tiers
    from meshtier.frames.tables import Tables, tables
    from meshtier.frames.tier_expression import tier_expr, tier_expr_by
except ImportError as _error:  # none of them can do without narwhals
    raise MissingExtraError("frames", "a data frame") from _error

__all__ = [
    "Tables",
    "Written",
    "endpoints_frame",
    "flows_frame",
    "place_pairs",
    "tables",
    "tier_expr",
    "tier_expr_by",
    "tiers_frame",
    "with_shares",
    "with_tiers",
    "write_tables",
]

publish(__name__)
