"""``meshtier export``: the answer as files that a real Envoy loads."""

import json
from collections.abc import Sequence
from typing import Unpack

import click

from meshtier.cli.changes import Changes, change_options
from meshtier.cli.explain import ask
from meshtier.cli.options import Decorator, Parsed, Question, route_options, source_options
from meshtier.cli.reading import read_mesh
from meshtier.errors import InvalidValueError
from meshtier.export import Address, bootstrap, cluster, discovery_response, socket_address


def _socket(text: str) -> Address:
    ip, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        raise InvalidValueError(f"expected IP:PORT, got {text!r}", "listen")
    return socket_address(ip.strip("[]"), int(port))


SOCKET = Parsed("socket", _socket, metavar="IP:PORT")

eds_option: Decorator = click.option(
    "--eds-path",
    default="eds.json",
    show_default=True,
    type=click.Path(),
    help="Where the Envoy will find what `export eds` prints.",
)


@click.group(short_help="The answer as configuration for a real Envoy.")
def export() -> None:
    """The answer as configuration for a real Envoy: endpoints, cluster, or all that it takes to run one.

    Only a component that is an Envoy can be exported: where one makes the choice on
    the client's path, that one. Otherwise name it: --via waypoint (with --from one
    of its pods, or a place), ingress-gateway or sidecar.
    """


@export.command("eds", help="Print the endpoints: the DiscoveryResponse that Envoy's path_config_source reads.")
@source_options
@route_options
@change_options
@click.option(
    "--endpoint-port",
    type=click.IntRange(1, 65535),
    help="The port that the endpoints listen on, where the input does not say.",
)
def eds(
    sources: Sequence[str],
    clusters: Sequence[tuple[str, str]],
    endpoint_port: int | None,
    changes: Changes,
    **question: Unpack[Question],
) -> None:
    """Print the endpoints."""
    route = ask(read_mesh(sources, clusters), changes, **question)
    port = question["port"]
    target = None if port is None else route.service.target_of(port)
    _print(discovery_response(route, port=endpoint_port or target))


@export.command("cluster", help="Print the cluster: how the Envoy spreads load, and its outlier detection.")
@source_options
@route_options
@change_options
@eds_option
def cluster_command(
    sources: Sequence[str],
    clusters: Sequence[tuple[str, str]],
    eds_path: str,
    changes: Changes,
    **question: Unpack[Question],
) -> None:
    """Print the cluster."""
    route = ask(read_mesh(sources, clusters), changes, **question)
    _print(cluster(route, eds_path=eds_path))


@export.command(
    "bootstrap", help="Print a configuration for `envoy -c`: one listener that sends everything to the host."
)
@source_options
@route_options
@change_options
@eds_option
@click.option(
    "--listen", type=SOCKET, default="127.0.0.1:10000", show_default=True, help="Where the listener takes requests."
)
@click.option("--admin", type=SOCKET, help="Where the admin interface listens; there is none by default.")
def bootstrap_command(
    sources: Sequence[str],
    clusters: Sequence[tuple[str, str]],
    eds_path: str,
    listen: Address,
    admin: Address | None,
    changes: Changes,
    **question: Unpack[Question],
) -> None:
    """Print a configuration that runs."""
    route = ask(read_mesh(sources, clusters), changes, **question)
    _print(bootstrap(route, eds_path=eds_path, listener=listen, admin=admin))


def _print(data: object) -> None:
    click.echo(json.dumps(data, indent=2))
