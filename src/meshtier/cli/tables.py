"""``meshtier tables``: the clusters as tables for a data frame engine."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import click

from meshtier.cli.options import profile_option, source_options
from meshtier.cli.output import listing_option, print_listing
from meshtier.cli.reading import read_progress
from meshtier.profile import Profile

FORMATS: Final = ("parquet", "csv")


@click.command(short_help="The clusters as tables for a data frame engine.")
@source_options
@click.option("--to", "directory", required=True, type=click.Path(), metavar="DIR", help="Where the tables go.")
@click.option(
    "--as", "files", type=click.Choice(FORMATS), default="parquet", show_default=True, help="The form of the files."
)
@click.option(
    "--engine",
    metavar="LIBRARY",
    help="What writes Parquet: pyarrow or polars; if not given, the first of them that is installed.",
)
@profile_option
@listing_option
def tables(
    sources: Sequence[str],
    clusters: Sequence[tuple[str, str]],
    directory: str,
    files: str,
    engine: str | None,
    profile: Profile,
    form: str,
) -> None:
    """Write workloads, services, endpoints, gateways and settings of each cluster as files that an engine reads.

    The files are DIR/TABLE/CLUSTER.parquet. Each of SOURCES, a file or a folder, is
    read, written and forgotten before the next one, and so holds all that there is of
    its clusters: a fleet costs the memory of its largest cluster.
    """
    from meshtier.frames import write_tables  # noqa: PLC0415  # narwhals takes as long to load as all the rest

    if not sources and not clusters:
        raise click.UsageError("expected SOURCES: files or folders; or --cluster NAME=PATH")
    named: defaultdict[str, list[str]] = defaultdict(list)
    for name, path in clusters:
        named[name].append(path)
    with read_progress() as progress:
        written = write_tables(
            sources, directory, clusters=named, profile=profile, form=files, engine=engine, progress=progress
        )
    columns = ("cluster", *written[0].rows)
    print_listing([{"cluster": each.cluster, **each.rows} for each in written], columns, form, nothing="no cluster")
