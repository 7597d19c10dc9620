"""The tables of a fleet as frames of one engine each; lazy ones, where the engine has them."""

from pathlib import Path

from narwhals.typing import IntoFrame

from meshtier.errors import InvalidValueError


def read(engine: str, tables: Path, table: str) -> IntoFrame:
    """One table of all clusters."""
    files = tables / table / "*.parquet"
    match engine:
        case "polars":
            import polars

            return polars.scan_parquet(files)
        case "duckdb":
            import duckdb

            return duckdb.read_parquet(str(files))
        case "dask":
            import dask.dataframe

            return dask.dataframe.read_parquet(tables / table)
        case "pyspark":
            from pyspark.sql import SparkSession

            return SparkSession.builder.getOrCreate().read.parquet(str(tables / table))
        case _:
            raise InvalidValueError(f"expected polars, duckdb, dask or pyspark, got {engine!r}", "engine")
