"""How are the sources on the command line read?"""

import os
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager

import click

from meshtier.kube import load
from meshtier.kube.documents import Progress
from meshtier.kube.sources import STDIN
from meshtier.mesh import Mesh
from meshtier.table import one_line


def read_mesh(sources: Iterable[str], clusters: Iterable[tuple[str, str]]) -> Mesh:
    """The mesh of the sources on the command line, with what was skipped said on standard error."""
    sources, named = list(sources), list(clusters)
    if not sources and not named:
        raise click.UsageError("expected SOURCES: files, folders or '-' for standard input; or --cluster NAME=PATH")
    if STDIN in sources and sys.stdin.isatty():
        click.echo("reading standard input: type or paste manifests, and end with Ctrl-D", err=True)
    with read_progress() as progress:
        mesh = load(*sources, clusters=named, progress=progress)
    for cluster in mesh.clusters:
        tell_skipped(cluster.name, cluster.skipped)
    return mesh


def tell_skipped(cluster: str, skipped: Mapping[str, int], what: str = "skipped") -> None:
    """Say on standard error how many objects of which kinds were ignored; nothing if there are none."""
    if skipped:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(skipped.items()))
        click.echo(f"cluster {cluster or '(unnamed)'}: {what} {kinds}", err=True)


@contextmanager
def read_progress() -> Generator[Progress | None]:
    """On a terminal, what shows the source that is being read, in a line that is gone at the end."""
    if not sys.stderr.isatty():
        yield None
        return
    width = os.get_terminal_size(sys.stderr.fileno()).columns or 80

    def show(source: str) -> None:
        click.echo(f"\r{one_line(f'reading {source}')[: width - 1]:{width - 1}}", nl=False, err=True)

    try:
        yield show
    finally:
        click.echo(f"\r{'':{width - 1}}\r", nl=False, err=True)
