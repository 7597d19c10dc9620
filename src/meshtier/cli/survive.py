"""``meshtier survive``: what breaks, spills or takes more load when a part of the mesh is gone."""

import sys
from collections.abc import Iterable, Sequence
from shutil import get_terminal_size

import click

from meshtier.cli.changes import Changes, change_options, changed
from meshtier.cli.diff import SOMETHING_DIFFERS, check_hosts, format_option, hosts_option
from meshtier.cli.options import component_option, profile_option, source_options
from meshtier.cli.output import is_plain, print_answer, print_data
from meshtier.cli.reading import read_mesh
from meshtier.cli.routes import check_holds_something
from meshtier.component import Component
from meshtier.diff.outage_matrix import OutageMatrix
from meshtier.diff.outages import DEFAULT_SCOPES, SCOPES, Outage, each_outage, failures_of
from meshtier.profile import Profile


@click.command(short_help="What each outage breaks, and where traffic spills.")
@source_options
@click.option(
    "--each",
    multiple=True,
    type=click.Choice(SCOPES),
    help="What is removed in turn. Repeatable; all but node if nothing is said.",
)
@change_options
@hosts_option
@component_option
@profile_option
@click.option(
    "--fail-on", type=click.Choice(("lost",)), help="Exit with 1 if anything breaks for a client that is left."
)
@format_option
def survive(
    sources: Sequence[str],
    clusters: Sequence[tuple[str, str]],
    each: Sequence[str],
    hosts: Sequence[str],
    component: Component | None,
    profile: Profile,
    fail_on: str | None,
    form: str,
    changes: Changes,
) -> int:
    """What happens when each region, zone, network, cluster and gateway is gone, one at a time.

    SOURCES are those of `meshtier explain`. For each failure and host: whether it
    breaks and from where, what part of its traffic goes to other zones and which,
    and below, where the load rises most. Clients inside what is gone are not asked.
    """
    mesh = changed(read_mesh(sources, clusters), changes)
    check_holds_something(mesh)
    check_hosts(hosts, (mesh,), component, profile)
    failures = failures_of(mesh, each or DEFAULT_SCOPES)
    if not failures:
        raise click.UsageError(f"the input has no {' or '.join(each or DEFAULT_SCOPES)} that could be gone")
    found = each_outage(mesh, failures, component=component, profile=profile, hosts=hosts or None)
    matrix = OutageMatrix(outages=_with_progress(found, len(failures)))
    if form == "json":
        print_data(matrix.to_dict(), form)
    else:
        is_wide = form == "markdown" or is_plain(sys.stdout)
        print_answer(matrix.report(width=None if is_wide else get_terminal_size().columns), form)
    return SOMETHING_DIFFERS if fail_on == "lost" and matrix.broken else 0


def _with_progress(found: Iterable[Outage], total: int) -> Iterable[Outage]:
    if is_plain(sys.stderr):
        return found
    from meshtier.display.terminal import tracked  # noqa: PLC0415  # only a terminal needs rich

    return tracked(found, total, "failures", sys.stderr)
