"""The command itself: what it loads, by which names it is called, who can walk it, and what becomes of errors."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points, version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from meshtier.cli import app
from meshtier.cli.app import Subcommands
from meshtier.errors import UnknownNameError

GATEWAYS = str(Path(__file__).parents[2] / "examples" / "bookinfo" / "gateways")
ASK = ("explain", GATEWAYS, "--from", "bookinfo/curl-east", "--to", "productpage.bookinfo.mesh.internal")
NOBODY = ("explain", GATEWAYS, "--from", "nobody", "--to", "details.bookinfo")
DROPPED = ("explain", GATEWAYS, "--from", "node/east-b1", "--to", "ratings.bookinfo")


def program(*arguments: str, name: str = "meshtier", before: str = "", after: str = "") -> "subprocess.Popen[str]":
    """The command as a process, with code that runs before and after it."""
    code = f"""
import sys
{before}
sys.argv = [{name!r}, *{arguments!r}]
from meshtier.__main__ import main
try:
    main()
finally:
    {after or "pass"}
"""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    with process:
        out, err = process.communicate(timeout=60)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def loaded_by(*arguments: str) -> frozenset[str]:
    code, _out, err = ended(program(*arguments, after="print(*sys.modules, file=sys.stderr)"))
    assert code == 0, err
    return frozenset(err.split())


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (
            ("--version",),
            {"rich", "yaml", "importlib.metadata", "meshtier.cli.explain", "meshtier.mesh", "meshtier.kube"},
        ),
        (ASK, {"rich", "msgspec", "difflib", "html", "importlib.metadata", "meshtier.export", "meshtier.cli.routes"}),
        (("tiers",), {"rich", "yaml", "msgspec", "importlib.metadata", "meshtier.mesh", "meshtier.kube"}),
    ],
    ids=["--version", "explain", "tiers"],
)
def test_only_what_is_used_is_loaded(arguments: tuple[str, ...], unwanted: set[str]) -> None:
    assert loaded_by(*arguments) & unwanted == set()


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"meshtier, version {version('meshtier')}\n"


@pytest.mark.parametrize("name", ["meshtier", "kubectl-meshtier"])
def test_the_programs_that_are_installed_are_the_command(name: str) -> None:
    (entry,) = entry_points(group="console_scripts", name=name)
    assert entry.load() is app


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("/usr/local/bin/meshtier", "meshtier"),
        ("/usr/local/bin/kubectl-meshtier", "kubectl meshtier"),
        ("kubectl-meshtier.exe", "kubectl meshtier"),
    ],
)
def test_usage_lines_say_how_the_command_was_called(file: str, shown: str) -> None:
    code, out, _err = ended(program("explain", "--help", name=file))
    assert (code, out.splitlines()[0]) == (0, f"Usage: {shown} explain [OPTIONS] [SOURCES]...")
    code, _out, err = ended(program("nosuch", name=file))
    assert code == 2
    assert err.startswith(f"Usage: {shown} [OPTIONS] COMMAND [ARGS]...\nTry '{shown} --help' for help.\n")


def commands_below(command: click.Command, name: str, parent: click.Context | None) -> Iterator[click.Context]:
    """Every command with its context, found as tools find them that make manual pages."""
    context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    yield context
    for below, each in getattr(command, "commands", {}).items():
        yield from commands_below(each, below, context)


def test_tools_for_manual_pages_find_every_command_with_its_help() -> None:
    found = {context.command_path: context for context in commands_below(app, "meshtier", None)}
    assert list(found) == [
        "meshtier",
        "meshtier clients",
        "meshtier diff",
        "meshtier explain",
        "meshtier export",
        "meshtier export eds",
        "meshtier export cluster",
        "meshtier export bootstrap",
        "meshtier hosts",
        "meshtier lint",
        "meshtier routes",
        "meshtier simulate",
        "meshtier survive",
        "meshtier tables",
        "meshtier tiers",
        "meshtier traffic",
    ]
    for context in found.values():
        assert context.command.get_short_help_str()
        assert all(
            parameter.get_help_record(context)
            for parameter in context.command.params
            if isinstance(parameter, click.Option)
        )


def test_a_subcommand_is_found_by_its_name_alone() -> None:
    context = click.Context(app, **app.context_settings)
    names = [
        "clients",
        "diff",
        "explain",
        "export",
        "hosts",
        "lint",
        "routes",
        "simulate",
        "survive",
        "tables",
        "tiers",
        "traffic",
    ]
    assert app.list_commands(context) == names
    explain = app.get_command(context, "explain")
    assert explain is not None
    assert explain.name == "explain"
    assert app.get_command(context, "options") is None  # a module of that name is there


def test_a_subcommand_can_be_added_and_taken_away() -> None:
    commands = Subcommands(["tiers"])
    commands["mine"] = mine = click.Command("mine")
    assert (list(commands), len(commands), commands["mine"]) == (["tiers", "mine"], 2, mine)
    del commands["tiers"]
    assert list(commands) == ["mine"]


def test_the_exit_code_is_that_of_the_program() -> None:
    run = CliRunner().invoke
    assert run(app, ASK).exit_code == 0
    assert run(app, DROPPED).exit_code == 1
    assert run(app, NOBODY).exit_code == 2
    assert run(app, ["nosuch"]).exit_code == 2


def test_an_embedder_gets_the_code_and_the_error_themselves() -> None:
    assert app.main(DROPPED, standalone_mode=False) == 1
    with pytest.raises(UnknownNameError, match="no client 'nobody'"):
        app.main(NOBODY, standalone_mode=False)
    with pytest.raises(click.UsageError, match="No such command 'nosuch'"):
        app.main(["nosuch"], standalone_mode=False)


def test_an_interrupt_ends_with_the_code_that_shells_have_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(app.commands, "tiers", click.Command("tiers", callback=interrupted))
    assert CliRunner().invoke(app, ["tiers"]).exit_code == 130


def without(*names: str) -> str:
    return f"sys.modules.update(dict.fromkeys({names!r}))"


def test_without_its_packages_the_command_says_what_to_install() -> None:
    for arguments in ((), ASK, ("--version",)):
        code, out, err = ended(program(*arguments, before=without("click", "rich", "yaml", "msgspec")))
        assert (code, out) == (2, "")
        assert err == "meshtier: the command needs an extra: pip install 'meshtier[cli]'\n"


def test_without_rich_only_a_terminal_misses_it() -> None:
    code, out, err = ended(program(*ASK, before=without("rich")))
    assert (code, err) == (0, "")
    assert "PreferNetwork holds" in out
    code, out, err = ended(program(*ASK, before=f"import os; os.environ['FORCE_COLOR'] = '1'; {without('rich')}"))
    assert (code, out) == (2, "")
    assert err == "meshtier: an answer on a terminal needs an extra: pip install 'meshtier[cli]'\n"


def test_without_pyyaml_only_yaml_misses_it() -> None:
    assert ended(program("tiers", "-o", "json", before=without("yaml")))[0] == 0
    code, out, err = ended(program("tiers", "-o", "yaml", before=without("yaml")))
    assert (code, out) == (2, "")
    assert err == "meshtier: writing YAML needs an extra: pip install 'meshtier[cli]'\n"


def test_without_msgspec_json_is_read_all_the_same() -> None:
    code, out, err = ended(program(*ASK, "-o", "json", before=without("msgspec")))
    assert (code, err) == (0, "")
    assert out.startswith("{")


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_stream_is_no_error(closed: str) -> None:
    for arguments, expected in ((ASK, 0), (NOBODY, 2)):
        code, out, err = ended(program(*arguments, before=f"sys.{closed} = None"))
        assert code == expected
        assert {"stdout": out, "stderr": err}[closed] == ""
