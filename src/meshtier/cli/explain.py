"""``meshtier explain``: one client, one host, the whole answer."""

from collections.abc import Sequence
from typing import Unpack

import click

from meshtier.cli.options import Question, route_options, source_options
from meshtier.cli.output import output_option, print_answer, print_data
from meshtier.cli.reading import read_mesh
from meshtier.mesh import Mesh, Route
from meshtier.mesh.report import report_of

NOTHING_RECEIVES = 1
"""The exit code where nothing can receive traffic."""


@click.command(short_help="Which endpoints get a client's traffic, how much, and why.")
@source_options
@route_options
@click.option(
    "--endpoint",
    metavar="NAME",
    help="Explain one endpoint, by its name or the end of it: everything compared, and the first difference.",
)
@click.option("--all", "everything", is_flag=True, help="Show every endpoint, however many there are.")
@output_option
def explain(
    sources: Sequence[str],
    clusters: Sequence[tuple[str, str]],
    endpoint: str | None,
    everything: bool,
    form: str,
    **question: Unpack[Question],
) -> int:
    """Which endpoints of a host get a client's traffic, in what order, how much, and why.

    SOURCES are files or folders of YAML or JSON, or '-' for standard input: what
    `kubectl get … -o yaml|json` or `istioctl ztunnel-config all -o json` print.
    """
    mesh = read_mesh(sources, clusters)
    route = ask(mesh, **question)
    if endpoint is not None:
        why = route.why(endpoint)
        if form in ("json", "yaml"):
            print_data(why.to_dict(), form)
        else:
            print_answer(why.to_table(), form)
        return 0
    if form in ("json", "yaml"):
        print_data(route.to_dict(), form)
    elif everything:
        print_answer(report_of(route, most=len(route.shares)), form)
    else:
        print_answer(route.report, form)
    return NOTHING_RECEIVES if route.drops else 0


def ask(mesh: Mesh, **question: Unpack[Question]) -> Route:
    """The route that was asked for; what is missing is asked for with what there is."""
    client, host = question["client"], question["host"]
    if client is None:
        names = [
            workload.id
            for cluster in mesh.clusters
            for workload in cluster.workloads.values()
            if workload.kind == "Pod"
        ]
        raise click.UsageError(f"expected --from CLIENT: {_some(names)}, node/NAME or region=…,zone=…")
    if host is None:
        raise click.UsageError(f"expected --to HOST: {_some(mesh.hosts(), most=12)}")
    return mesh.route(
        client,
        host,
        component=question["component"],
        profile=question["profile"],
        cluster=question["home"],
        port=question["port"],
        subset=question["subset"],
    )


def _some(names: Sequence[str], *, most: int = 5) -> str:
    rest = f" (and {len(names) - most} more)" if len(names) > most else ""
    return f"{', '.join(names[:most])}{rest}" if names else "the input has none"
