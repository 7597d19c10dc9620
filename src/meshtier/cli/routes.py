"""``meshtier routes``: every host from every place, one line each."""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import click

from meshtier.cli.changes import Changes, change_options, changed
from meshtier.cli.completion import host_names
from meshtier.cli.explain import NOTHING_RECEIVES
from meshtier.cli.options import component_option, profile_option, source_options
from meshtier.cli.output import is_plain, print_answer
from meshtier.cli.reading import read_mesh
from meshtier.component import Component
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.mesh import Mesh, Route
from meshtier.profile import Profile
from meshtier.table import Table, one_line, percent


@click.command(short_help="Every host from every place, one line each.")
@source_options
@click.option(
    "--to",
    "hosts",
    multiple=True,
    metavar="HOST",
    shell_complete=host_names,
    help="Only this full host name. Repeatable.",
)
@component_option
@profile_option
@change_options
@click.option("--failing", is_flag=True, help="Only where nothing can receive the traffic.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(("table", "jsonl", "markdown", "mermaid", "dot")),
    default="table",
    show_default=True,
    help="The form of the answer; jsonl is one JSON object a line, mermaid and dot a graph of zones for each host.",
)
def routes(
    sources: Sequence[str],
    clusters: Sequence[tuple[str, str]],
    hosts: Sequence[str],
    component: Component | None,
    profile: Profile,
    failing: bool,
    form: str,
    changes: Changes,
) -> int:
    """Every host from every distinct place of a pod: who chooses, what holds, and how the tiers share the traffic.

    SOURCES are those of `meshtier explain`. With --failing, exits with 1 if there
    is such a route. Below the table is what is doubtful about the sources as a
    whole; with jsonl, mermaid and dot that goes to standard error. Input without a Service, or
    without a Pod, is refused.
    """
    mesh = changed(read_mesh(sources, clusters), changes)
    check_holds_something(mesh)
    known = mesh.hosts(component=component, profile=profile)
    for host in hosts:
        if host not in known:
            raise UnknownNameError.among("host", host, known)
    found = _with_progress(mesh, component, profile, hosts)
    wanted = (route for route in found if not failing or route.drops)
    if form in ("table", "markdown"):
        rows = [(route.host, _origin(route), route.decided_by, route.holds, _spread(route)) for route in wanted]
        nothing_fails = ["every host can be reached from every place"] if failing and not rows else []
        notes = [*nothing_fails, *map(str, mesh.notes)]
        print_answer(Table(columns=("host", "from", "by", "holds", "tiers"), rows=rows, notes=notes), form)
        return NOTHING_RECEIVES if failing and rows else 0
    count = _print_lines(wanted) if form == "jsonl" else _print_graph(wanted, form)
    for note in mesh.notes:  # standard output is for the routes alone
        click.echo(one_line(str(note)), err=True)
    return NOTHING_RECEIVES if failing and count else 0


def _print_lines(found: Iterator[Route]) -> int:
    """Print an object for each route; how many there are."""
    count = 0
    for count, route in enumerate(found, start=1):  # noqa: B007  # counted for the exit code
        click.echo(json.dumps(route.summary(), ensure_ascii=False))
    return count


def _print_graph(found: Iterator[Route], form: str) -> int:
    """Print the zones between which the traffic goes; how many routes there are."""
    from meshtier.display import graph_text  # noqa: PLC0415  # few want a graph
    from meshtier.display.routes_graph import routes_graph  # noqa: PLC0415  # likewise

    graph = routes_graph(found)
    click.echo(graph_text.to_mermaid(graph) if form == "mermaid" else graph_text.to_dot(graph), nl=False)
    return len(graph.nodes)


_NEEDED: Final = {
    "Service": ("Service or ServiceEntry", "svc,endpointslices"),
    "Pod": ("Pod", "nodes,ns,pods"),
}
"""What there must be to ask about, each with what it is called and what kubectl is to get."""


def check_holds_something(mesh: Mesh) -> None:
    """Refuse a mesh without a host or a client: that nothing fails there would mean nothing.

    Raises:
        InvalidValueError: It has none of either.
    """
    has = {
        "Service": any(cluster.services for cluster in mesh.clusters),
        "Pod": any(each.kind == "Pod" for cluster in mesh.clusters for each in cluster.workloads.values()),
    }
    missing = [_NEEDED[kind] for kind, is_there in has.items() if not is_there]
    if missing:
        got = " and ".join(f"no {name}" for name, _ in missing)
        kinds = ",".join(names for _, names in missing)
        text = f"expected a host and a client to ask about, got {got}"
        raise InvalidValueError(f"{text}; add what `kubectl get {kinds} -A -o json` prints")


def _with_progress(mesh: Mesh, component: Component | None, profile: Profile, hosts: Sequence[str]) -> Iterator[Route]:
    found = mesh.routes(component=component, profile=profile, hosts=hosts or None)
    if is_plain(sys.stderr):
        return found
    from meshtier.display.terminal import tracked  # noqa: PLC0415  # only a terminal needs rich

    total = mesh.route_count(component=component, profile=profile, hosts=hosts or None)
    return tracked(found, total, "routes", sys.stderr)


def _origin(route: Route) -> str:
    return f"{route.client.cluster} {route.place.locality}".strip()


def _spread(route: Route) -> str:
    tiers = [f"P{tier.number} {percent(tier.share)} ({tier.healthy}/{len(tier.endpoints)})" for tier in route.tiers]
    return ", ".join(tiers) or f"none: {route.reason}"
