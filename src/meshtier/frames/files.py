"""Where do the tables of a fleet go? A file for each table and cluster, one cluster in memory at a time."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Final
from urllib.parse import quote

import narwhals as nw
from attrs import frozen

from meshtier.errors import InputError, InvalidValueError, Problem
from meshtier.frames.tables import Tables, tables
from meshtier.kube import read
from meshtier.kube.collector import collector_at_rest
from meshtier.kube.documents import Progress
from meshtier.mesh import Cluster
from meshtier.profile import SOLO, Profile

ENGINES: Final = ("pyarrow", "polars")
"""Libraries that write Parquet, in the order in which they are tried."""

FORMATS: Final = ("parquet", "csv")

Source = str | PathLike[str]


@frozen(kw_only=True)
class Written:
    """What was written of one cluster.

    Attributes:
        cluster: Its name; ``""`` if nothing gives one.
        rows: How many rows each table has.
    """

    cluster: str
    rows: Mapping[str, int]


def write_tables(
    sources: Sequence[Source],
    directory: Source,
    *,
    clusters: Mapping[str, Sequence[Source]] | None = None,
    profile: Profile = SOLO,
    form: str = "parquet",
    engine: str | None = None,
    progress: Progress | None = None,
) -> tuple[Written, ...]:
    """Write the tables of each cluster to ``<directory>/<table>/<cluster>.parquet``.

    Each source is read, written and forgotten before the next one: a file or folder
    holds all that there is of its clusters. So the memory is that of the largest.

    Args:
        sources: Files and folders; the name of a cluster is in the label of its Namespace ``istio-system``.
        directory: Where the tables go; it is made if it is not there, and files in it are replaced.
        clusters: Further sources by the name of their cluster, each read by itself.
        profile: Whose rules decide which setting holds.
        form: ``parquet``, or ``csv``, which needs no further library.
        engine: What writes Parquet: ``pyarrow`` or ``polars``; ``None`` for the first of `ENGINES` that is installed.
        progress: Called with the name of each source as its reading begins.

    Returns:
        What was written, in the order of the sources.

    Raises:
        InputError: As from `meshtier.kube.read`, or one cluster is in two sources; what comes before is written.
        InvalidValueError: No engine is installed, or an argument is wrong.
    """
    if form not in FORMATS:
        raise InvalidValueError(f"expected one of {', '.join(FORMATS)}, got {form!r}", "form")
    write = _csv if form == "csv" else _parquet(engine)
    root = Path(directory)
    if root.exists() and not root.is_dir():
        raise InvalidValueError(f"expected a folder, got the file {str(root)!r}", "directory")
    seen: dict[str, str] = {}
    written: list[Written] = []
    for name, source, cluster in _clusters(sources, clusters or {}, progress):
        if name in seen:
            text = f"expected all of cluster {name!r} in one source, got some of it in {seen[name]} before"
            raise InputError((Problem(file=source, problem=f"{text}; put its files in a folder, and give that"),))
        seen[name] = source
        with collector_at_rest():
            found = tables(cluster, profile=profile)
        for table in found.columns:
            place = root / table / f"{quote(name, safe=' ') or '_'}.{form}"
            place.parent.mkdir(parents=True, exist_ok=True)
            write(found, table, place)
        written.append(Written(cluster=name, rows={table: found.rows(table) for table in found.columns}))
        del cluster, found  # before the next one is read
    return tuple(written)


def _clusters(
    sources: Sequence[Source], named: Mapping[str, Sequence[Source]], progress: Progress | None
) -> Iterator[tuple[str, str, Cluster]]:
    for name, given in named.items():
        for cluster in _one_by_one(read(clusters={name: list(given)}, progress=progress)):
            yield name, name, cluster
            del cluster
    for source in sources:
        for cluster in _one_by_one(read(source, progress=progress)):
            yield cluster.name, str(source), cluster
            del cluster


def _one_by_one(clusters: tuple[Cluster, ...]) -> Iterator[Cluster]:
    """Each of them, and none is kept here after that."""
    left = list(reversed(clusters))
    del clusters
    while left:
        yield left.pop()


def _csv(found: Tables, table: str, place: Path) -> None:
    columns = found.columns[table]
    with place.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _parquet(engine: str | None) -> Callable[[Tables, str, Path], None]:
    if engine is not None and (engine not in ENGINES or not _is_installed(engine)):
        raise InvalidValueError(f"expected one of {', '.join(ENGINES)} that is installed, got {engine!r}", "engine")
    chosen = engine if engine is not None else next(filter(_is_installed, ENGINES), None)
    if chosen is None:
        text = f"expected one of {', '.join(ENGINES)} installed, which write Parquet; found none"
        raise InvalidValueError(f"{text} (or ask for csv)", "engine")

    def write(found: Tables, table: str, place: Path) -> None:
        nw.from_native(found.frame(table, backend=chosen), eager_only=True).write_parquet(place)

    return write


def _is_installed(library: str) -> bool:
    try:
        __import__(library)
    except ImportError:
        return False
    return True
