"""The hook for pre-commit is one that pre-commit takes, and it runs; so do the files that the how-to shows."""

import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any, Final
from unittest import mock

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "how-to" / "lint-manifests.md"
SHOP: Final = ROOT / "examples" / "shop"


def hook() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    (found,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def shown() -> list[Any]:
    """What the YAML blocks of the how-to hold."""
    yaml = pytest.importorskip("yaml")
    text = PAGE.read_text(encoding="utf-8")
    return [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)]


def run(*args: str) -> int:
    """The exit code of the hook's entry with these arguments behind it, as pre-commit runs it."""
    pytest.importorskip("click")
    from meshtier.cli import app

    program, *words = shlex.split(hook()["entry"])
    assert program == "meshtier"
    with mock.patch.object(sys, "argv", [program, *words, *args]), pytest.raises(SystemExit) as ended:
        app()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_the_hook_has_what_pre_commit_asks_for() -> None:
    found = hook()
    assert found["id"] == "meshtier-lint"
    assert found["language"] == "python"
    assert found["types"] == ["yaml"]
    assert found["pass_filenames"] is False
    assert isinstance(found["name"], str)


def test_the_hook_installs_what_the_extra_cli_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert hook()["additional_dependencies"] == project["optional-dependencies"]["cli"]
    assert shlex.split(hook()["entry"])[0] in project["scripts"]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ([str(SHOP / "dump.yaml")], 0),
        ([str(SHOP / "dump.yaml"), "--apply", str(SHOP / "manifests")], 1),
        ([str(SHOP / "manifests"), "--ignore", "IN701"], 1),
        ([], 2),
    ],
    ids=["a mesh without errors", "manifests over a dump", "manifests alone", "no sources"],
)
def test_the_entry_of_the_hook_runs(args: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*args) == code
    assert bool(capsys.readouterr().out) is (code != 2)


def test_what_the_how_to_shows_names_the_hook_and_its_arguments() -> None:
    (used,) = [each["repos"][0]["hooks"][0] for each in shown() if "repos" in each]
    assert used["id"] == hook()["id"]
    assert used["args"] == ["dump.json", "--apply", "manifests/"]


def test_the_workflow_uploads_the_file_that_it_writes() -> None:
    (workflow,) = [each for each in shown() if "jobs" in each]
    steps = workflow["jobs"]["lint"]["steps"]
    (command,) = [step["run"] for step in steps if step.get("run", "").startswith("meshtier lint")]
    (upload,) = [step for step in steps if "upload-sarif" in step.get("uses", "")]
    assert f"-o sarif={upload['with']['sarif_file']}" in command
    assert workflow["permissions"]["security-events"] == "write"
