"""The command itself: its name, its subcommands, and what becomes of errors."""

import os
import sys
from importlib.metadata import version

import click

from meshtier.cli.explain import explain
from meshtier.cli.routes import routes
from meshtier.cli.tiers import tiers
from meshtier.errors import InputError, MeshError

INPUT_ERROR = 2
"""The exit code for usage and input that cannot be understood."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version("meshtier"), prog_name="meshtier")
def app() -> None:
    r"""From here, which endpoints of this service get traffic, in what order, how much, and why?

    Reads what kubectl and istioctl print (YAML or JSON) and computes the answer
    of ztunnel, waypoint, ingress gateway, sidecar or kgateway, off the cluster.

    \b
    meshtier explain DUMPS --from bookinfo/ratings-v1-0 --to productpage.bookinfo.mesh.internal
    kubectl get nodes,ns,pods,svc,endpointslices -A -o json | meshtier explain - --from POD --to HOST

    Exit codes: 0 answered, 1 nothing can receive traffic, 2 usage or input.
    """


app.add_command(explain)
app.add_command(routes)
app.add_command(tiers)


def run() -> None:
    """Run the command; our errors become one message and exit code 2."""
    try:
        code = app.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except click.Abort:
        raise SystemExit(130) from None
    except MeshError as error:
        click.echo(_message(error), err=True)
        raise SystemExit(INPUT_ERROR) from None
    except BrokenPipeError:
        # The reader has gone, as with `| head`; say nothing when Python flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _message(error: MeshError) -> str:
    if isinstance(error, InputError) and len(error.problems) > 1:
        return f"{len(error.problems)} problems in the input:\n{error}"
    return f"meshtier: {error}"
