"""``meshtier traffic``: what crosses zones, how evenly it is carried, and what it costs."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final

import click

from meshtier.cli.changes import Changes, change_options, changed
from meshtier.cli.completion import host_names
from meshtier.cli.diff import check_hosts
from meshtier.cli.options import component_option, profile_option, source_options
from meshtier.cli.output import is_plain, print_answer, print_data
from meshtier.cli.reading import read_mesh
from meshtier.cli.routes import check_holds_something
from meshtier.component import Component
from meshtier.errors import InvalidValueError
from meshtier.mesh import Mesh
from meshtier.profile import Profile
from meshtier.traffic import Direction, Overview, Prices, Traffic, cost, overview, read_prices, read_rates
from meshtier.traffic.costs import HOURS
from meshtier.traffic.mesh_flows import CLIENTS

_FORMS: Final = ("table", "json", "csv", "markdown", "html", "svg", "mermaid")


@click.command(short_help="What crosses zones, how evenly it is carried, and what it costs.")
@source_options
@click.option(
    "--rates",
    "rates_file",
    type=click.Path(),
    metavar="FILE",
    help="Who sends how much to which host: CSV, JSON, what Prometheus answers to a query, or metrics of ztunnels."
    " Without it each client counts once for each host.",
)
@click.option("--unit", metavar="UNIT", help="What the rates are, where the file does not say it, as in bytes/s.")
@click.option(
    "--over",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="In how many seconds counters grew by these numbers, where they are no rates.",
)
@click.option(
    "--direction",
    type=click.Choice([each.value for each in Direction]),
    default=Direction.BOTH.value,
    show_default=True,
    help="Which bytes of a ztunnel's metrics count: those of requests, of responses or both.",
)
@click.option(
    "--prices",
    "prices_file",
    type=click.Path(),
    metavar="FILE",
    help="What a GB costs, as zone, region and internet, or by OpenCost's names for them.",
)
@click.option(
    "--per",
    type=click.Choice(list(HOURS)),
    default="month",
    show_default=True,
    help="The time for which the cost is told.",
)
@click.option(
    "--bytes-each",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="How many bytes one of the unit is, for the cost of rates that are not in bytes.",
)
@change_options
@click.option(
    "--to",
    "--host",
    "hosts",
    multiple=True,
    metavar="HOST",
    shell_complete=host_names,
    help="Only this full host name. Repeatable.",
)
@component_option
@profile_option
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(_FORMS),
    default="table",
    show_default=True,
    help="The form of the answer; markdown and mermaid are made for a comment on a pull request,"
    " html is a page and svg a picture that need nothing else.",
)
def traffic(
    sources: Sequence[str],
    clusters: Sequence[tuple[str, str]],
    rates_file: str | None,
    unit: str | None,
    seconds: float | None,
    direction: str,
    prices_file: str | None,
    per: str,
    bytes_each: float | None,
    hosts: Sequence[str],
    component: Component | None,
    profile: Profile,
    form: str,
    changes: Changes,
) -> None:
    """How much traffic goes from zone to zone, which services cross zones, how even the load is, and what it costs.

    SOURCES are those of `meshtier explain`. Rates of a place or a workload are divided
    evenly among the pods there. With a change, as in --set HOST=MODE, every figure is
    told before and after. Rates of clients and hosts that are not there are kept aside,
    and listed with their sum.

    Exits with 2 if there is no traffic to tell of.
    """
    if rates_file is None and (unit is not None or seconds is not None):
        raise click.UsageError("expected --rates FILE with --unit or --over: they are of its numbers")
    rates = (
        read_rates(rates_file, unit=unit, per=seconds, direction=Direction(direction))
        if rates_file is not None
        else None
    )
    prices = read_prices(prices_file) if prices_file is not None else None
    _check_unit(rates, prices, bytes_each)
    before = read_mesh(sources, clusters)
    check_holds_something(before)
    after = changed(before, changes) if changes else None
    check_hosts(hosts, [before] if after is None else [before, after], component, profile)
    found = _computed(before, after, rates, prices, per, bytes_each, hosts, component, profile)
    _print_found(found, form)


def _check_unit(rates: Traffic | None, prices: Prices | None, bytes_each: float | None) -> None:
    """Refuse prices for what is not known to be bytes, before anything is computed."""
    if prices is None:
        if bytes_each is not None:
            raise click.UsageError("expected --prices FILE with --bytes-each: it is for the cost")
        return
    try:
        cost((), prices, unit=rates.unit if rates is not None else CLIENTS, bytes_each=bytes_each)
    except InvalidValueError as error:
        if rates is None:
            text = "expected --rates FILE with --prices, or --bytes-each N: how much one client sends is not known"
            raise click.UsageError(text) from None
        raise click.UsageError(f"{error.problem}, by --unit or --bytes-each N") from None


def _computed(
    before: Mesh,
    after: Mesh | None,
    rates: Traffic | None,
    prices: Prices | None,
    per: str,
    bytes_each: float | None,
    hosts: Sequence[str],
    component: Component | None,
    profile: Profile,
) -> Overview:
    def told(mesh: Mesh, progress: Callable[[float], None] | None) -> Overview:
        known = set(mesh.hosts(component=component, profile=profile))
        return overview(
            mesh,
            rates,
            prices=prices,
            per=per,
            bytes_each=bytes_each,
            component=component,
            profile=profile,
            hosts=[host for host in hosts if host in known] if hosts else None,
            progress=progress,
        )

    with _progress() as progress:
        found = told(before, progress)
        if after is not None:
            found = told(after, progress).after(found)
    _check_traffic(found, has_rates=rates is not None)
    return found


def _check_traffic(found: Overview, *, has_rates: bool) -> None:
    """Refuse an answer about nothing.

    Raises:
        InvalidValueError: There is no traffic on either side.
    """
    sides = [each for each in (found.before, found) if each is not None]
    if any(each.matrix.total for each in sides):
        return
    if not has_rates:
        raise InvalidValueError("expected a client and a host to ask for, got none")
    aside = "; ".join(dict.fromkeys(note for each in sides for note in each.matrix.found.notes))
    raise InvalidValueError(
        f"expected rates of clients and hosts that are there, got none{f': {aside}' if aside else ''}"
    )


@contextmanager
def _progress() -> Generator[Callable[[float], None] | None]:
    if is_plain(sys.stderr):
        yield None
        return
    from meshtier.display.terminal import filled  # noqa: PLC0415  # only a terminal needs rich

    with filled("hosts", sys.stderr) as progress:
        yield progress


def _print_found(found: Overview, form: str) -> None:
    match form:
        case "json":
            print_data(found.to_dict(), form)
        case "csv":
            click.echo(found.to_csv(), nl=False)
        case "html":
            click.echo(found.to_html(), nl=False)
        case "svg":
            click.echo(found.to_svg(), nl=False)
        case "mermaid":
            click.echo(found.to_mermaid(), nl=False)
        case _:
            print_answer(found.report, form)
