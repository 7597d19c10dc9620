"""What would the answer be if …? The changes of a mesh that can be said on the command line, and their order."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from attrs import fields, frozen

from meshtier.cli.options import Parsed, together
from meshtier.distribution import MODE_ALIASES, TrafficDistribution
from meshtier.errors import InvalidValueError

if TYPE_CHECKING:  # loaded with the command that has something to change
    from meshtier.mesh import Mesh


@frozen(kw_only=True)
class Changes:
    """What is to be changed before the question is asked, in the order in which it is done.

    Attributes:
        apply: Files of objects to put over the snapshot, each with its cluster; ``""`` where none is given.
        without: What is gone, by the keywords of `Mesh.without`.
        scale: Services, each with how many pods it is to have, and in which zone; ``""`` for everywhere.
        modes: Hosts, each with its mode.
        unhealthy: The pods that are to be unhealthy.
    """

    apply: tuple[tuple[str, str], ...] = ()
    without: tuple[tuple[str, str], ...] = ()
    scale: tuple[tuple[str, int, str], ...] = ()
    modes: tuple[tuple[str, str], ...] = ()
    unhealthy: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any((self.apply, self.without, self.scale, self.modes, self.unhealthy))


NO_CHANGES: Final = Changes()


def changed(mesh: "Mesh", changes: Changes) -> "Mesh":
    """The mesh with all changes: objects applied, then what is gone, then scales, modes and health."""
    from meshtier.endpoint import Health  # noqa: PLC0415  # with the rest of the mesh

    if changes.apply:
        mesh = _with_files(mesh, changes.apply)
    for selector, name in changes.without:
        mesh = mesh.without(**{selector: name})
    for service, replicas, zone in changes.scale:
        mesh = mesh.scaled(service, replicas, zone=zone or None)
    for host, mode in changes.modes:
        mesh = mesh.with_distribution(host, mode)
    for pod in changes.unhealthy:
        mesh = mesh.with_health(pod, Health.UNHEALTHY)
    return mesh


def _with_files(mesh: "Mesh", files: Sequence[tuple[str, str]]) -> "Mesh":
    from meshtier.cli.reading import tell_skipped  # noqa: PLC0415  # it loads all that reads manifests

    named: dict[str, list[str]] = {}
    for cluster, file in files:
        named.setdefault(cluster, []).append(file)
    after = mesh.with_objects(*named.pop("", ()), clusters=named)
    for old, new in zip(mesh.clusters, after.clusters, strict=True):
        tell_skipped(new.name, Counter(new.skipped) - Counter(old.skipped), "skipped of what is applied")
    return after


def _pair(text: str, expected: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise InvalidValueError(f"expected {expected}, got {text!r}")
    return name, value


def _applied(text: str) -> tuple[str, str]:
    """A file, with its cluster before it; a file that is there is never taken apart."""
    cluster, equals, file = text.partition("=")
    if not equals or Path(text).exists():
        return "", text
    if not (cluster and file):
        raise InvalidValueError(f"expected FILE or CLUSTER=FILE, got {text!r}")
    return cluster, file


def _gone(text: str) -> tuple[str, str]:
    from meshtier.mesh.selector import SELECTORS  # noqa: PLC0415  # where it is used

    selector, name = _pair(text, "SELECTOR=NAME, as in zone=us-east-a")
    if selector not in SELECTORS:
        raise InvalidValueError(f"expected one of {', '.join(SELECTORS)} before the =, got {text!r}")
    return selector, name


def _mode(text: str) -> tuple[str, str]:
    host, mode = _pair(text, "HOST=MODE, as in reviews.bookinfo=PreferSameZone")
    TrafficDistribution.parse(mode)
    return host, mode


def _scale(text: str) -> tuple[str, int, str]:
    service, number = _pair(text, "SERVICE=N or SERVICE=N@ZONE, as in reviews.bookinfo=3")
    replicas, at, zone = number.partition("@")
    if not replicas.removeprefix("-").isdecimal() or (at and not zone):
        raise InvalidValueError(f"expected SERVICE=N or SERVICE=N@ZONE with a number for N, got {text!r}")
    return service, int(replicas), zone


_OPTIONS: Final = together(
    click.option(
        "--apply",
        multiple=True,
        type=Parsed("file", _applied, metavar="[CLUSTER=]FILE"),
        help="As if these objects were applied: new ones are added, known ones replaced. Repeatable, like all changes.",
    ),
    click.option(
        "--without",
        multiple=True,
        type=Parsed("selector", _gone, metavar="SELECTOR=NAME"),
        help="As if this were gone: network, region, zone, node, cluster, workload or gateway, as in zone=us-east-a.",
    ),
    click.option(
        "--scale",
        multiple=True,
        type=Parsed("scale", _scale, metavar="SERVICE=N[@ZONE]"),
        help="As if a Service had N pods, in all or in one zone.",
    ),
    click.option(
        "--set",
        "modes",
        multiple=True,
        type=Parsed("mode", _mode, metavar="HOST=MODE"),
        help=f"As if a host's mode were {', '.join([*map(str, TrafficDistribution), *MODE_ALIASES])}.",
    ),
    click.option("--unhealthy", multiple=True, metavar="POD", help="As if this pod could not serve."),
)


def change_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options for "the answer as if", which come to it as one argument ``changes``."""
    names = [attribute.name for attribute in fields(Changes)]

    @wraps(command)
    def run(**given: Any) -> object:  # noqa: ANN401  # whatever the other options are
        return command(changes=Changes(**{name: tuple(given.pop(name)) for name in names}), **given)

    decorated: Callable[..., Any] = _OPTIONS(run)
    return decorated
