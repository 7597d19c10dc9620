"""What can be typed next? Names from the sources on the line so far, for a shell to offer.

A shell asks at a press of a key: whatever goes wrong gives no names, and so does
what would make it wait, such as standard input or a large dump.
"""

from collections.abc import Iterable, Iterator
from glob import escape, glob
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from meshtier.errors import MeshError

if TYPE_CHECKING:  # loaded when a name is asked for
    from meshtier.mesh import Mesh

MOST_FILES: Final = 200
"""No names are looked for in more files than these."""

MOST_BYTES: Final = 40_000_000
"""So much JSON is read in half a second (77,000 small pods, 0.45 s on a server of 2026)."""

YAML_COSTS: Final = 20
"""How many bytes of JSON are read in the time of one byte of YAML (both with their fast parsers)."""


def cluster_paths(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """NAME=PATH for every PATH that begins as typed; nothing before the name is there."""
    del ctx, param
    name, equals, typed = incomplete.partition("=")
    paths = sorted(glob(f"{escape(typed)}*")) if equals else []  # noqa: PTH207  # from the root too, if typed so
    return [f"{name}={path}/" if Path(path).is_dir() else f"{name}={path}" for path in paths]


def cluster_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The clusters of the sources."""
    del param
    return _starting((cluster.name for cluster in _mesh(ctx).clusters), incomplete)


def host_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The full names of the hosts of the sources."""
    del param
    return _starting(_mesh(ctx).hosts(), incomplete)


def client_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The pods of the sources, by the longest of their names that begins as typed."""
    del param
    workloads = [workload for cluster in _mesh(ctx).clusters for workload in cluster.workloads.values()]
    pods = [workload.id.split("/") for workload in workloads if workload.kind == "Pod"]
    for left_out in range(3):  # CLUSTER/NAMESPACE/POD, NAMESPACE/POD, POD
        found = _starting(("/".join(parts[left_out:]) for parts in pods), incomplete)
        if found:
            return found
    return []


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return list(dict.fromkeys(name for name in names if name and name.startswith(incomplete)))


def _mesh(ctx: click.Context) -> "Mesh":
    """The mesh of the sources on the line; an empty one if they are not soon read, or cannot be."""
    from meshtier.kube import load  # noqa: PLC0415  # most commands are typed without asking for a name

    # Before an option without its value, the arguments are still among what is left over.
    sources: list[str] = [*(ctx.params.get("sources") or ()), *ctx.args]
    clusters: list[tuple[str, str]] = ctx.params.get("clusters") or []
    try:
        if _is_small([*sources, *(path for _name, path in clusters)]):
            return load(*sources, clusters=clusters)
    except (MeshError, OSError):
        pass
    return load()


def _is_small(sources: Iterable[str]) -> bool:
    """Whether all of them are files that are soon read; a pipe could be read only once, and would be empty later."""
    files = list(islice((file for source in sources for file in _files(Path(source))), MOST_FILES + 1))
    return (
        0 < len(files) <= MOST_FILES
        and all(file.is_file() for file in files)
        and sum(file.stat().st_size * (1 if file.suffix == ".json" else YAML_COSTS) for file in files) <= MOST_BYTES
    )


def _files(path: Path) -> Iterator[Path]:
    return (file for file in path.rglob("*") if not file.is_dir()) if path.is_dir() else iter((path,))
