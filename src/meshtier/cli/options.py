"""What can be said on the command line?"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, TypedDict

import click
from click.shell_completion import CompletionItem
from typing_extensions import override

from meshtier.cli.completion import client_names, cluster_names, cluster_paths, host_names
from meshtier.component import COMPONENTS, Component
from meshtier.errors import InvalidValueError
from meshtier.profile import PROFILES, SOLO, Profile

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # which takes types at run time from click 8.4 on

AUTO = "auto"
"""The word for the way that traffic really takes, and no one component."""

Decorator = Callable[[Any], Any]
"""What click's options are."""


class Parsed(_ParamType):
    """An option whose text one of our own parsers reads, so that its errors are ours too.

    Attributes:
        choices: What a shell offers; the parser may understand other spellings.
    """

    def __init__(
        self, name: str, parse: Callable[[str], object], *, choices: Sequence[str] = (), metavar: str = ""
    ) -> None:
        self.name = name
        self.choices = choices
        self._parse = parse
        self._metavar = metavar or "|".join(choices)

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

    @override
    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Those of the choices that begin with what is typed, in upper or lower case."""
        del ctx, param
        typed = incomplete.lower()
        return [CompletionItem(choice) for choice in self.choices if choice.lower().startswith(typed)]


def _cluster(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise InvalidValueError(f"expected NAME=PATH, got {text!r}", "cluster")
    return name, path


_COMPONENTS = (AUTO, *(component.value for component in COMPONENTS))


def _component(text: str) -> Component | None:
    if text.strip().lower() == AUTO:
        return None
    try:
        return Component.parse(text)
    except InvalidValueError:
        raise InvalidValueError(f"expected one of {', '.join(_COMPONENTS)}, got {text!r}", "component") from None


COMPONENT = Parsed("component", _component, choices=_COMPONENTS)
PROFILE = Parsed("profile", Profile.named, choices=list(PROFILES))
CLUSTER = Parsed("cluster", _cluster, metavar="NAME=PATH")


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
        shell_complete=cluster_paths,
        help="A cluster's name and its file or folder, for input that does not name its cluster itself; once each.",
    ),
)

profile_option: Decorator = click.option(
    "--profile", type=PROFILE, default=SOLO.name, show_default=True, help="Whose rules, and of which version."
)

component_option: Decorator = click.option(
    "--via",
    "component",
    type=COMPONENT,
    default=AUTO,
    show_default=True,
    help="The component that is asked about; auto: all that the traffic really goes through.",
)

CLIENT_HELP = (
    "A pod (POD, NAMESPACE/POD or CLUSTER/NAMESPACE/POD, or the beginning of its name), what made it"
    " (deploy/NAME), a node (node/NAME), or a place (zone=…, region=…,zone=…,network=…)."
)
"""What can be said after ``--from``."""

host_options: Decorator = together(
    click.option(
        "--to",
        "host",
        metavar="HOST",
        shell_complete=host_names,
        help="The host: its full name, NAME.NAMESPACE or NAME.",
    ),
    component_option,
    click.option(
        "--in",
        "home",
        metavar="CLUSTER",
        shell_complete=cluster_names,
        help="The client's cluster, where --from does not say it.",
    ),
    click.option("--port", type=click.IntRange(1, 65535), help="The port of the service."),
    click.option("--subset", metavar="NAME", help="A subset of the host, as its DestinationRule names it."),
    profile_option,
)

route_options: Decorator = together(
    click.option("--from", "client", metavar="CLIENT", shell_complete=client_names, help=CLIENT_HELP),
    host_options,
)


class HostQuestion(TypedDict):
    """What `host_options` ask for, by the names that commands get."""

    host: str | None
    component: Component | None
    home: str | None
    port: int | None
    subset: str | None
    profile: Profile


class Question(HostQuestion):
    """What `route_options` ask for."""

    client: str | None
