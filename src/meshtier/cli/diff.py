"""``meshtier diff``: what changes for every host from every place."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource

from meshtier.cli.changes import Changes, change_options, changed
from meshtier.cli.completion import host_names
from meshtier.cli.options import COMPONENT, PROFILE, Decorator, Parsed, component_option, profile_option, source_options
from meshtier.cli.output import is_plain, print_answer, print_data
from meshtier.cli.reading import read_mesh
from meshtier.cli.routes import check_holds_something
from meshtier.component import Component
from meshtier.diff.comparing import Comparison
from meshtier.diff.differences import Differences
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.mesh import Mesh
from meshtier.profile import Profile

SOMETHING_DIFFERS: Final = 1
"""The exit code where something differs, or breaks."""

Side = tuple[str, str]
"""A cluster's name, ``""`` for what the input says, and its file or folder."""


def _side(text: str) -> Side:
    """A file or folder, with its cluster before it; a path that is there is never taken apart."""
    cluster, equals, path = text.partition("=")
    if not equals or text == "-" or Path(text).exists():
        return "", text
    if not (cluster and path):
        raise InvalidValueError(f"expected PATH or NAME=PATH, got {text!r}")
    return cluster, path


SIDE: Final = Parsed("side", _side, metavar="[NAME=]PATH")

format_option: Final[Decorator] = click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(("table", "json", "markdown")),
    default="table",
    show_default=True,
    help="The form of the answer; markdown is made for a comment on a pull request.",
)

hosts_option: Final[Decorator] = click.option(
    "--to",
    "hosts",
    multiple=True,
    metavar="HOST",
    shell_complete=host_names,
    help="Only this full host name. Repeatable.",
)


@click.command(short_help="What a change does to every host from every place.")
@source_options
@click.option("--before", "before", multiple=True, type=SIDE, help="A file or folder of the first side. Repeatable.")
@click.option("--after", "after", multiple=True, type=SIDE, help="A file or folder of the second side. Repeatable.")
@change_options
@hosts_option
@component_option
@click.option("--to-via", "then", type=COMPONENT, default=None, help="The component that is asked about after.")
@profile_option
@click.option("--to-profile", "then_profile", type=PROFILE, default=None, help="Whose rules hold after.")
@click.option(
    "--fail-on",
    type=click.Choice(("change", "lost")),
    default="change",
    show_default=True,
    help="Exit with 1 on any difference, or only if a client that is still there loses all endpoints of a host.",
)
@format_option
@click.pass_context
def diff(
    context: click.Context,
    sources: Sequence[str],
    clusters: Sequence[tuple[str, str]],
    before: Sequence[Side],
    after: Sequence[Side],
    hosts: Sequence[str],
    component: Component | None,
    then: Component | None,
    profile: Profile,
    then_profile: Profile | None,
    fail_on: str,
    form: str,
    changes: Changes,
) -> int:
    """What changes for every host from every place: the setting, who decides, the tiers, where traffic goes.

    `diff BEFORE AFTER` compares two files or folders. With a change, as in
    --without zone=us-east-a, all SOURCES are one side, and the other is the same
    with the change. For sides of several files give --after, and if you like
    --before, once each; changes are then made to the second side.

    Exits with 1 if anything differs, 0 if nothing does.
    """
    # `auto` is None too, so that a component after is told from none by where it comes from.
    is_given = context.get_parameter_source("then") is not ParameterSource.DEFAULT
    after_component = then if is_given else ...
    asks_otherwise = is_given or then_profile is not None
    first, second = _sides(sources, clusters, before, after, changes=changes, one_side=bool(changes) or asks_otherwise)
    check_holds_something(first)
    check_holds_something(second)
    check_hosts(hosts, (first, second), component, profile)
    found = _with_progress(
        Comparison.of(
            first,
            second,
            component=component,
            profile=profile,
            after_component=after_component,
            after_profile=then_profile,
            hosts=hosts or None,
        )
    )
    print_found(found, form)
    failed = found.lost if fail_on == "lost" else found.changes
    return SOMETHING_DIFFERS if failed else 0


def _sides(
    sources: Sequence[str],
    clusters: Sequence[Side],
    before: Sequence[Side],
    after: Sequence[Side],
    *,
    changes: Changes,
    one_side: bool,
) -> tuple[Mesh, Mesh]:
    """Both sides, the second with the changes."""
    if len(sources) == 2 and not (clusters or before or after or one_side):
        first, second = (read_mesh([source], ()) for source in sources)
        return first, second
    if not after and not one_side:
        raise click.UsageError(
            "expected BEFORE AFTER, two files or folders; or SOURCES with a change, as in --without zone=us-east-a"
        )
    files = [path for name, path in before if not name]
    first = read_mesh([*sources, *files], [*clusters, *(pair for pair in before if pair[0])])
    if not after:
        return first, changed(first, changes)
    second = read_mesh([path for name, path in after if not name], [pair for pair in after if pair[0]])
    return first, changed(second, changes)


def check_hosts(hosts: Sequence[str], meshes: Sequence[Mesh], component: Component | None, profile: Profile) -> None:
    """Refuse hosts that no side knows.

    Raises:
        UnknownNameError: With the nearest names.
    """
    known = {host for mesh in meshes for host in mesh.hosts(component=component, profile=profile)}
    for host in hosts:
        if host not in known:
            raise UnknownNameError.among("host", host, sorted(known))


def print_found(found: Differences, form: str) -> None:
    """Print what differs."""
    if form == "json":
        print_data(found.to_dict(), form)
    elif form == "markdown":
        click.echo(found.to_markdown())
    else:
        print_answer(found.to_table(), form)


def _with_progress(comparison: Comparison) -> Differences:
    if is_plain(sys.stderr):
        return comparison.differences()
    from meshtier.display.terminal import tracked  # noqa: PLC0415  # only a terminal needs rich

    counts = comparison.route_counts()
    steps = tracked(comparison.steps(), sum(counts.values()), "routes", sys.stderr)
    return Differences.of((change for changes in steps for change in changes), routes=counts)
