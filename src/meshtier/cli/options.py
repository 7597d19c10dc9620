"""What can be said on the command line, and how the sources are read."""

import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import reduce
from typing import Any, TypedDict

import click
from rich.console import Console
from typing_extensions import override

from meshtier.component import COMPONENTS, Component
from meshtier.errors import InvalidValueError
from meshtier.kube import load
from meshtier.mesh import Mesh
from meshtier.profile import PROFILES, SOLO, Profile

Decorator = Callable[[Any], Any]
"""What click's options are."""


class Parsed(click.ParamType[Any]):
    """An option whose text one of our own parsers reads, so that its errors are ours too."""

    def __init__(self, name: str, parse: Callable[[str], object], metavar: str) -> None:
        self.name = name
        self._parse = parse
        self._metavar = metavar

    @override
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """The value that the text means."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except InvalidValueError as error:
            self.fail(error.problem, param, ctx)

    @override
    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What the help shows."""
        del param, ctx
        return self._metavar


def _cluster(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise InvalidValueError(f"expected NAME=PATH, got {text!r}", "cluster")
    return name, path


COMPONENT = Parsed("component", Component.parse, "|".join(component.value for component in COMPONENTS))
PROFILE = Parsed("profile", Profile.named, "|".join(PROFILES))
CLUSTER = Parsed("cluster", _cluster, "NAME=PATH")


def together(*decorators: Decorator) -> Decorator:
    """Several decorators as one, in the order in which they would stand."""
    return lambda command: reduce(lambda done, decorate: decorate(done), reversed(decorators), command)


source_options: Decorator = together(
    click.argument("sources", nargs=-1, type=click.Path(allow_dash=True)),
    click.option(
        "--cluster",
        "clusters",
        multiple=True,
        type=CLUSTER,
        help="A cluster's name and its file or folder, for input that does not name its cluster itself; once each.",
    ),
)

profile_option: Decorator = click.option(
    "--profile", type=PROFILE, default=SOLO.name, show_default=True, help="Whose rules, and of which version."
)

component_option: Decorator = click.option(
    "--via", "component", type=COMPONENT, default=Component.ZTUNNEL.value, show_default=True, help="Who chooses."
)

route_options: Decorator = together(
    click.option(
        "--from",
        "client",
        metavar="CLIENT",
        help="A pod (POD, NAMESPACE/POD or CLUSTER/NAMESPACE/POD), a node (node/NAME),"
        " or a place (region=…,zone=…,network=…).",
    ),
    click.option("--to", "host", metavar="HOST", help="A host name: full, NAME.NAMESPACE or NAME."),
    component_option,
    click.option("--in", "home", metavar="CLUSTER", help="The client's cluster, where --from does not say it."),
    click.option("--port", type=click.IntRange(1, 65535), help="The service's port."),
    click.option("--subset", help="A DestinationRule's subset."),
    profile_option,
)


class Question(TypedDict):
    """What `route_options` ask for, by the names that commands get."""

    client: str | None
    host: str | None
    component: Component
    home: str | None
    port: int | None
    subset: str | None
    profile: Profile


def read_mesh(sources: Iterable[str], clusters: Iterable[tuple[str, str]]) -> Mesh:
    """The mesh of the sources on the command line, with what was skipped said on standard error."""
    sources, named = list(sources), list(clusters)
    if not sources and not named:
        raise click.UsageError("expected SOURCES: files, folders or '-' for standard input; or --cluster NAME=PATH")
    console = Console(file=sys.stderr)
    with console.status("reading") if console.is_terminal else nullcontext() as status:
        mesh = load(
            *sources,
            clusters=named,
            progress=lambda name: status.update(f"reading {name}") if status is not None else None,
        )
    for cluster in mesh.clusters:
        if cluster.skipped:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(cluster.skipped.items()))
            click.echo(f"cluster {cluster.name or '(unnamed)'}: skipped {kinds}", err=True)
    return mesh
