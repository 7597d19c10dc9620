"""What README, docs and examples show is what the command prints, and they name everything that is public.

A block fenced as ``console`` holds commands after ``$ `` and what they print. Commands that begin with
``meshtier``, or pipe what ``sed`` prints into it, are run from the top of the repository; a line ``…``
stands for lines left out, and ``$ echo $?`` shows the exit code of the command before it. A command
without output below it is not run.

Run as a program, this file writes what is printed now into every block that shows something else, and
leaves out what was left out.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest

import meshtier
from meshtier import simulate

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md"))
    if "_build" not in page.parts
)
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_EXIT_CODE = "echo $?"
_LEFT_OUT = "…"
_WIDTH = "110"  # how wide the help of the command is
_ALIKE = 0.5  # how alike two lines must be to count as one line before and after a change


class Step(NamedTuple):
    """A command of a block, as it is written there, and the lines below it."""

    written: str
    shown: str

    @property
    def command(self) -> str:
        return self.written.removeprefix("$ ").replace("\\\n", " ").strip()

    @property
    def is_run(self) -> bool:
        producer, consumer = pipe_of(self.command)
        return consumer.split(" ")[0] == "meshtier" and producer.split(" ")[0] in {"", "sed"}


def pipe_of(command: str) -> tuple[str, str]:
    """What stands before the pipe, ``""`` without one, and what stands after it."""
    producer, _, consumer = command.rpartition(" | ")
    return producer, consumer


def steps_of(block: str) -> Iterator[Step]:
    for part in re.split(r"^(?=\$ )", block, flags=re.MULTILINE):
        lines = part.splitlines(keepends=True)
        last = next((place for place, line in enumerate(lines) if not line.rstrip("\n").endswith("\\")), 0)
        if lines:
            yield Step("".join(lines[: last + 1]), "".join(lines[last + 1 :]))


def blocks_of(page: Path) -> list[tuple[Step, ...]]:
    return [tuple(steps_of(found[1])) for found in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


def printed(command: str) -> tuple[str, int]:
    """What a command prints, standard output first, and its exit code."""
    from meshtier.cli import app  # the pages can be listed without the extra

    producer, consumer = pipe_of(command)
    given = b""
    if producer:
        given = subprocess.run(shlex.split(producer), cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    out, err = io.StringIO(), io.StringIO()
    code = 0
    environment = {**os.environ, "COLUMNS": _WIDTH, "NO_COLOR": "1"}
    with (
        mock.patch.object(sys, "argv", shlex.split(consumer)),
        mock.patch.object(sys.modules["__main__"], "__package__", None, create=True),  # where click reads its own name
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(given))),
        mock.patch.dict(os.environ, environment, clear=True),
        contextlib.chdir(ROOT),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            app()
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
    return "".join(f"{line.rstrip()}\n" for line in (out.getvalue() + err.getvalue()).splitlines()), code


def fits(shown: str, text: str) -> bool:
    lines = (r"(?:.*\n)+" if line == _LEFT_OUT else f"{re.escape(line.rstrip())}\n" for line in shown.splitlines())
    return re.fullmatch("".join(lines), text) is not None


def checked(block: tuple[Step, ...]) -> Iterator[tuple[Step, str]]:
    """Every step that shows something, with what it should show."""
    code = 0
    for place, step in enumerate(block):
        asks_code = place + 1 < len(block) and block[place + 1].command == _EXIT_CODE
        if step.command == _EXIT_CODE:
            yield step, f"{code}\n"
        elif step.is_run and (step.shown.strip() or asks_code):
            text, code = printed(step.command)
            yield step, text


CASES = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks_of(page), 1)
]


@pytest.mark.parametrize("block", CASES)
def test_a_console_block_shows_what_the_command_prints(block: tuple[Step, ...]) -> None:
    for name in ("click", "rich", "yaml"):
        pytest.importorskip(name)
    for step, text in checked(block):
        if not fits(step.shown, text):
            assert step.shown == text, step.command  # for pytest to show the difference


@pytest.mark.parametrize(
    ("shown", "text", "expected"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n…\n", "a\nb\n", True),
        ("a\n…\n", "a\n", False),
        ("a\n", "a\nb\n", False),
        ("a.\n", "ab\n", False),
    ],
    ids=["the same", "left out inside", "left out at the end", "nothing left out", "more", "no pattern"],
)
def test_what_a_block_may_leave_out(shown: str, text: str, expected: bool) -> None:
    assert fits(shown, text) is expected


def test_a_block_is_split_at_its_commands() -> None:
    block = "$ meshtier a \\\n    b\nshown\n$ echo $?\n0\n"
    steps = list(steps_of(block))
    assert [(step.command, step.shown) for step in steps] == [("meshtier a      b", "shown\n"), ("echo $?", "0\n")]
    assert [step.is_run for step in steps] == [True, False]


def test_the_api_page_names_everything_that_is_public() -> None:
    text = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    assert set(re.findall(r":: meshtier\.(\w+)$", text, re.MULTILINE)) == set(meshtier.__all__)


def test_the_api_page_names_everything_that_is_public_in_simulations() -> None:
    text = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    assert set(re.findall(r":: meshtier\.simulate\.(\w+)$", text, re.MULTILINE)) == set(simulate.__all__)


def test_each_command_to_set_up_is_one_line_and_contributing_repeats_the_second() -> None:
    """`.ci/run` reads them from the README by the same heading, and runs them."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## Two commands\n")[2].partition("\n## ")[0]
    commands = re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert [command.count("\n") for command in commands] == [1, 1]
    assert commands[1] in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


_RULE = re.compile(r"\b(?:LOC|NET|WP|PATH|MODE|TIER|PREC|COMP|DR|LOAD|OD|SIM|IN)-\d+\b")


def test_every_rule_that_the_code_cites_is_on_the_rules_page() -> None:
    page = (ROOT / "docs/reference/rules.md").read_text(encoding="utf-8")
    written = set(re.findall(r"^\(([a-z]+-\d+)\)=$", page, re.MULTILINE))
    cited = {
        rule.lower()
        for module in (ROOT / "src").rglob("*.py")
        for rule in _RULE.findall(module.read_text(encoding="utf-8"))
    }
    assert cited - written == set()


def aligned(visible: list[str], lines: list[str]) -> list[tuple[int, int]]:
    """Which line shown before is which line printed now: the pairs of positions that look most alike, in order."""
    likeness = [[SequenceMatcher(None, one, other, autojunk=False).ratio() for other in lines] for one in visible]
    best = [[0.0] * (len(lines) + 1) for _ in range(len(visible) + 1)]
    for one in reversed(range(len(visible))):
        for other in reversed(range(len(lines))):
            gain = likeness[one][other] if likeness[one][other] > _ALIKE else -1.0
            best[one][other] = max(best[one + 1][other], best[one][other + 1], best[one + 1][other + 1] + gain)
    pairs: list[tuple[int, int]] = []
    one = other = 0
    while one < len(visible) and other < len(lines):
        if likeness[one][other] > _ALIKE and best[one][other] == best[one + 1][other + 1] + likeness[one][other]:
            pairs.append((one, other))
            one, other = one + 1, other + 1
        elif best[one][other] == best[one][other + 1]:
            other += 1
        else:
            one += 1
    return pairs


def shortened(shown: str, text: str) -> str:
    """What is printed now, without what was left out of what is shown."""
    lines = text.splitlines()
    visible: list[str] = []
    left_out: set[int] = set()
    for line in shown.splitlines():
        if line == _LEFT_OUT:
            left_out.add(len(visible))
        else:
            visible.append(line)
    result: list[str] = []
    before, done = 0, 0
    for one, other in [*aligned(visible, lines), (len(visible), len(lines))]:
        if other > done:
            hides = not left_out.isdisjoint(range(before, one + 1))
            result += [_LEFT_OUT] if hides else lines[done:other]
        result += lines[other : other + 1]
        before, done = one + 1, other + 1
    return "".join(f"{line}\n" for line in result)


@pytest.mark.parametrize(
    ("shown", "text", "expected"),
    [
        ("first line\n…\n", "first lime\nx\ny\n", "first lime\n…\n"),
        ("…\nlast line\n", "x\ny\nlast lime\n", "…\nlast lime\n"),
        ("first line\nlast line\n", "first line\nx\nlast line\n", "first line\nx\nlast line\n"),
        ("", "a\n", "a\n"),
    ],
    ids=["end left out", "beginning left out", "nothing left out", "nothing shown"],
)
def test_what_was_left_out_stays_left_out(shown: str, text: str, expected: str) -> None:
    assert shortened(shown, text) == expected


def rewrite(page: Path) -> None:
    """Put what is printed now below every command of *page* that shows something else."""
    text = page.read_text(encoding="utf-8")

    def block(found: re.Match[str]) -> str:
        steps = tuple(steps_of(found[1]))
        new = {id(step): shortened(step.shown, right) for step, right in checked(steps) if not fits(step.shown, right)}
        return f"```console\n{''.join(step.written + new.get(id(step), step.shown) for step in steps)}```"

    page.write_text(_BLOCK.sub(block, text), encoding="utf-8")


if __name__ == "__main__":
    for each in PAGES:
        rewrite(each)
