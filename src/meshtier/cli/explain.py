"""``meshtier explain``: one client, one host, the whole answer."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Unpack

import click

from meshtier.cli.changes import NO_CHANGES, Changes, change_options, changed
from meshtier.cli.options import Question, route_options, source_options
from meshtier.cli.output import FORMATS, print_answer, print_data
from meshtier.cli.reading import read_mesh
from meshtier.errors import MeshError
from meshtier.mesh import Mesh, Route
from meshtier.mesh.changes import is_gone
from meshtier.mesh.report import Report, report_of

NOTHING_RECEIVES = 1
"""The exit code where nothing can receive traffic."""

PICTURES = ("html", "svg", "mermaid", "dot")
"""The forms that show the way of the traffic, and say nothing of one endpoint alone."""


@click.command(short_help="Which endpoints get a client's traffic, how much, and why.")
@source_options
@route_options
@click.option(
    "--endpoint",
    metavar="NAME",
    help="Explain one endpoint, by its name or the end of it: everything compared, and the first difference.",
)
@click.option("--all", "everything", is_flag=True, help="Show every endpoint, however many there are.")
@change_options
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice((*FORMATS, *PICTURES)),
    default="table",
    show_default=True,
    help="The form of the answer; html is a page and svg a picture that need nothing else.",
)
def explain(
    sources: Sequence[str],
    clusters: Sequence[tuple[str, str]],
    endpoint: str | None,
    everything: bool,
    form: str,
    changes: Changes,
    **question: Unpack[Question],
) -> int:
    """Which endpoints of a host get a client's traffic, in what order, how much, and why.

    SOURCES are files or folders of YAML or JSON, or '-' for standard input: what
    `kubectl get … -o yaml|json` or `istioctl ztunnel-config all -o json` print.
    """
    mesh = read_mesh(sources, clusters)
    route = ask(mesh, changes, **question)
    if endpoint is not None:
        if form in PICTURES:
            raise click.UsageError(f"expected -o {', '.join(FORMATS)} with --endpoint, got {form}")
        why = route.why(endpoint)
        if form in ("json", "yaml"):
            print_data(why.to_dict(), form)
        else:
            print_answer(why.to_table(), form)
        return 0
    if form in ("json", "yaml"):
        print_data(route.to_dict(), form)
        return NOTHING_RECEIVES if route.drops else 0
    report = report_of(route, most=len(route.shares)) if everything else route.report
    if form in PICTURES:
        _print_picture(route, report, form, everything=everything)
    else:
        print_answer(report, form)
    return NOTHING_RECEIVES if route.drops else 0


def _print_picture(route: Route, report: Report, form: str, *, everything: bool) -> None:
    from meshtier.display.path_graph import MOST  # noqa: PLC0415  # few want a picture
    from meshtier.display.path_picture import route_chart  # noqa: PLC0415  # likewise

    picture = route_chart(route, most=max(MOST, len(route.shares)) if everything else MOST)
    match form:
        case "svg":
            click.echo(picture.to_svg(), nl=False)
        case "mermaid":
            click.echo(picture.to_mermaid(), nl=False)
        case "dot":
            click.echo(picture.to_dot(), nl=False)
        case _:
            from meshtier.simulate.timeline_page import page  # noqa: PLC0415  # likewise

            click.echo(page(picture.graph.title, f"<div>{picture.to_svg()}</div>{report.to_html()}"), nl=False)


def ask(mesh: Mesh, changes: Changes = NO_CHANGES, **question: Unpack[Question]) -> Route:
    """The route that was asked for, in the mesh as it is with *changes*; what is missing is asked for."""
    client, host = question["client"], question["host"]
    after, host = asked(mesh, changes, clients=() if client is None else (client,), host=host, home=question["home"])
    assert client is not None  # noqa: S101  # asked for, if it was not given
    return after.route(
        client,
        host,
        component=question["component"],
        profile=question["profile"],
        cluster=question["home"],
        port=question["port"],
        subset=question["subset"],
    )


def asked(
    mesh: Mesh, changes: Changes, *, clients: Sequence[str], host: str | None, home: str | None
) -> tuple[Mesh, str]:
    """The mesh with *changes* and the host; what is missing of clients and host is asked for."""
    if not clients:
        names = [
            workload.id
            for cluster in mesh.clusters
            for workload in cluster.workloads.values()
            if workload.kind == "Pod"
        ]
        raise click.UsageError(f"expected --from CLIENT: {_some(names)}, node/NAME or region=…,zone=…")
    after = changed(mesh, changes)
    if host is None:
        raise click.UsageError(f"expected --to HOST: {_some(after.hosts(), most=12)}")
    for client in clients if changes else ():
        _check_client(mesh, after, client, home)
    return after, host


def _check_client(before: Mesh, after: Mesh, client: str, home: str | None) -> None:
    """Refuse a client that was there before the changes, and is not there with them."""
    try:
        asking = before.client(client, cluster=home)
    except MeshError:
        return  # it may come with the changes, or be plain with them
    if is_gone(asking, before.clusters, after.clusters):
        with suppress(MeshError):  # of several pods that are alike another one may be left
            found = after.client(client, cluster=home)
            if not is_gone(found, before.clusters, after.clusters):
                return
        raise click.UsageError(f"the changes remove the client: {asking} is gone; ask --from another one")


def _some(names: Sequence[str], *, most: int = 5) -> str:
    rest = f" (and {len(names) - most} more)" if len(names) > most else ""
    return f"{', '.join(names[:most])}{rest}" if names else "the input has none"
