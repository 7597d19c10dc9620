"""The command itself: its name, its subcommands, and what becomes of errors."""

import os
import sys
from importlib.metadata import version
from io import TextIOWrapper

import click
from typing_extensions import override

from meshtier.cli.explain import explain
from meshtier.cli.export import export
from meshtier.cli.routes import routes
from meshtier.cli.tiers import tiers
from meshtier.errors import InputError, MeshError

INPUT_ERROR = 2
"""The exit code for usage and input that cannot be understood."""
INTERRUPTED = 130
"""The exit code after an interrupt from the keyboard, as shells have it."""


class App(click.Group):
    """Commands whose output may find no taker."""

    @override
    def invoke(self, ctx: click.Context) -> object:
        """Run the command; click itself would end with a code that means something else here."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except OSError as error:
            raise click.exceptions.Exit(_after_output_error(error)) from None
        return code


@click.group(cls=App, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version("meshtier"), prog_name="meshtier")
def app() -> None:
    """From here, which endpoints of this service get traffic, in what order, how much, and why?

    Reads what kubectl and istioctl print (YAML or JSON) and computes the answer
    of ztunnel, waypoint, ingress gateway, sidecar or kgateway, off the cluster.

    \b
    meshtier explain DUMPS --from bookinfo/ratings-v1-0 --to productpage.bookinfo.mesh.internal
    kubectl get nodes,ns,pods,svc,endpointslices -A -o json | meshtier explain - --from POD --to HOST

    Exit codes: 0 answered, 1 nothing can receive traffic, 2 usage or input.
    """  # noqa: D301  # the escaped character itself is click's mark for lines to be left as they are


app.add_command(explain)
app.add_command(export)
app.add_command(routes)
app.add_command(tiers)


def run() -> None:
    """Run the command; our errors become one message and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter should show the rest
    try:
        code = _run()
        sys.stdout.flush()
    except OSError as error:
        code = _after_output_error(error)
    raise SystemExit(code)


def _run() -> int:
    try:
        code = app.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except MeshError as error:
        click.echo(_message(error), err=True)
        return INPUT_ERROR
    return code if isinstance(code, int) else 0


def _after_output_error(error: OSError) -> int:
    # What Python still holds back would fail again when it flushes at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 0  # the reader has gone, as with `| head`
    click.echo(f"meshtier: the output cannot be written: {error.strerror}", err=True)
    return INPUT_ERROR


def _message(error: MeshError) -> str:
    if isinstance(error, InputError) and len(error.problems) > 1:
        return f"{len(error.problems)} problems in the input:\n{error}"
    return f"meshtier: {error}"
