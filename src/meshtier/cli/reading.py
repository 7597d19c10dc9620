"""How are the sources on the command line read?"""

import os
import sys
from collections.abc import Generator, Iterable
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
    with _progress() as progress:
        mesh = load(*sources, clusters=named, progress=progress)
    for cluster in mesh.clusters:
        if cluster.skipped:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(cluster.skipped.items()))
            click.echo(f"cluster {cluster.name or '(unnamed)'}: skipped {kinds}", err=True)
    return mesh


@contextmanager
def _progress() -> Generator[Progress | None]:
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
