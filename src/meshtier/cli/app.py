"""The command itself: its name, its subcommands, and what becomes of errors."""

import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from functools import partial
from importlib import import_module
from io import TextIOWrapper
from types import ModuleType
from typing import Any, Final

from typing_extensions import override

from meshtier.errors import InputError, MeshError, MissingExtraError
from meshtier.version import VERSION

try:
    import click
except ImportError as _error:
    raise MissingExtraError("cli", "the command") from _error

INPUT_ERROR: Final = 2
"""The exit code for usage and input that cannot be understood."""
INTERRUPTED: Final = 130
"""The exit code after an interrupt from the keyboard, as shells have it."""


class Subcommands(MutableMapping[str, click.Command]):
    """Commands by name: each is in the module of its name, which is imported when the command is first looked up."""

    def __init__(self, names: Iterable[str]) -> None:
        self._loaded: dict[str, click.Command | None] = dict.fromkeys(names)

    @override
    def __getitem__(self, name: str) -> click.Command:
        command = self._loaded[name]
        if command is None:
            command = self._loaded[name] = getattr(_imported(f"meshtier.cli.{name}"), name)
        return command

    @override
    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    @override
    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded)

    @override
    def __len__(self) -> int:
        return len(self._loaded)


class App(click.Group):
    """Commands whose errors are messages, and whose output may find no taker."""

    @override
    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command as a program: our errors become one message and exit code 2.

        With ``standalone_mode=False`` an error comes out as it was raised, and what
        the subcommand returned is given back.
        """
        prog_name = prog_name or _program()
        run = partial(super().main, args, prog_name, complete_var, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        _prepare_streams()
        try:
            code = _exit_code(run)
            sys.stdout.flush()
        except OSError as error:
            code = _after_output_error(error)
        raise SystemExit(code)

    @override
    def invoke(self, ctx: click.Context) -> object:
        """Run the command; click itself would end with a code that means something else here."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except OSError as error:
            raise click.exceptions.Exit(_after_output_error(error)) from None
        return code


@click.group(
    "meshtier",
    cls=App,
    commands=Subcommands(
        (
            *("clients", "diff", "explain", "export", "hosts", "lint"),
            *("routes", "simulate", "survive", "tables", "tiers", "traffic"),
        ),
    ),
    # The long name first: before 8.4 click says "Try '… --help'" with the first of them.
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
)
@click.version_option(VERSION, prog_name="meshtier")  # without it click would load importlib.metadata, slow as itself
def app() -> None:
    """From here, which endpoints of this service get traffic, in what order, how much, and why?

    Reads what kubectl and istioctl print (YAML or JSON) and computes the answer
    of ztunnel, waypoint, ingress gateway, sidecar or kgateway, off the cluster.

    \b
    meshtier explain DUMPS --from bookinfo/ratings-v1-0 --to productpage.bookinfo.mesh.internal
    kubectl get nodes,ns,pods,svc,endpointslices -A -o json | meshtier explain - --from POD --to HOST

    Exit codes: 0 answered, 1 nothing can receive traffic, something differs or still fails,
    2 usage or input that cannot be understood, 130 interrupted.
    """  # noqa: D301  # the escaped character itself is click's mark for lines to be left as they are


def _imported(module: str) -> ModuleType:
    """The module; importing makes many objects and no garbage, and the search for it took 5 % of `explain`."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return import_module(module)
    finally:
        if was_on:
            gc.enable()


def _program() -> str | None:
    """The name in usage lines, where it is not that of the file: kubectl runs the files ``kubectl-NAME`` as plugins."""
    is_plugin = sys.argv[0].endswith(("kubectl-meshtier", "kubectl-meshtier.exe"))
    return "kubectl meshtier" if is_plugin else None


def _exit_code(run: Callable[[], object]) -> int:
    try:
        code = run()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except MeshError as error:
        click.echo(_message(error), err=True)
        return INPUT_ERROR
    return code if isinstance(code, int) else 0


def _prepare_streams() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed, as by `>&-` in a shell
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter should show the rest


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
