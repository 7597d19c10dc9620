"""The guides are notebooks: their cells run, and what they answer is what the rules say.

The cells are run without a kernel, in order and in one namespace. Each page keeps its
answers in `steps`, by number and name; `tests/guides` says what they must be.
"""

import ast
import contextlib
import importlib
import io
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple
from unittest import mock

import pytest
from tests.guides import Expected, ExpectedRoute, ExpectedTimeline, Steps

from meshtier.mesh import Route
from meshtier.simulate import Timeline

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "guides").glob("*.md"))
_FENCE = "```{code-cell} python"
_STEP = re.compile(r"^### Step (\d+)\. ", re.MULTILINE)

Answer = Route | Timeline


class Cell(NamedTuple):
    """The code of a cell, and the number of its first line on the page."""

    line: int
    code: str


class Played(NamedTuple):
    """What came of running a page: its answers, or how it failed."""

    steps: Mapping[int, Mapping[str, Answer]]
    failure: str


def cells_of(text: str) -> Iterator[Cell]:
    lines = iter(enumerate(text.splitlines(), start=1))
    for _, line in lines:
        if line != _FENCE:
            continue
        inside = []
        for number, code in lines:
            if code == "```":
                break
            inside.append((number, "" if code.startswith(":tags:") else code))
        yield Cell(inside[0][0], "\n".join(code for _, code in inside))


def compiled(cell: Cell, page: Path) -> tuple[CodeType, CodeType | None]:
    """The statements of a cell, and the expression at its end that a notebook shows."""
    tree = ast.parse(cell.code, str(page))
    ast.increment_lineno(tree, cell.line - 1)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    statements = compile(tree, str(page), "exec", dont_inherit=True)
    if not isinstance(last, ast.Expr):
        return statements, None
    return statements, compile(ast.Expression(last.value), str(page), "eval", dont_inherit=True)


@contextlib.contextmanager
def as_in_a_notebook() -> Iterator[None]:
    """At the top of the repository, with `IPython.display.HTML`, without what cells print."""

    class HTML(NamedTuple):
        data: str

        def _repr_html_(self) -> str:
            return self.data

    display = ModuleType("IPython.display")
    vars(display)["HTML"] = HTML
    stand_ins = {"IPython": ModuleType("IPython"), "IPython.display": display}
    before = {name: sys.modules.pop(name) for name in stand_ins if name in sys.modules}
    sys.modules.update(stand_ins)
    try:
        with contextlib.chdir(ROOT), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for name in stand_ins:
            del sys.modules[name]
        sys.modules.update(before)


def play(page: Path) -> Played:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with as_in_a_notebook():
        for cell in cells_of(page.read_text(encoding="utf-8")):
            try:
                statements, last = compiled(cell, page)
                exec(statements, namespace)  # noqa: S102  # our own pages
                shown: Any = None if last is None else eval(last, namespace)  # noqa: S307
                if hasattr(shown, "_repr_html_"):
                    assert isinstance(shown._repr_html_(), str)
            except Exception as error:  # noqa: BLE001  # whatever it is, the page does not run
                where = cell.line
                for frame in traceback.extract_tb(error.__traceback__):
                    where = frame.lineno or where if frame.filename == str(page) else where
                if isinstance(error, SyntaxError) and error.lineno is not None:
                    where = cell.line - 1 + error.lineno
                told = "".join(traceback.format_exception(error))
                return Played({}, f"{page.relative_to(ROOT)}:{where}: {type(error).__name__}: {error}\n\n{told}")
    return Played(namespace.get("steps", {}), "")


@cache
def played(guide: str) -> Played:
    return play(ROOT / "docs" / "guides" / f"{guide}.md")


def steps_of(guide: str) -> Mapping[int, Mapping[str, Answer]]:
    pytest.importorskip("yaml")  # in which the objects are written
    answers = played(guide)
    if answers.failure:
        pytest.fail(answers.failure, pytrace=False)
    return answers.steps


def expected_of(guide: str) -> tuple[int, Steps]:
    """How many steps a guide has, and what each must answer."""
    table = importlib.import_module(f"tests.guides.{guide}")
    return table.STEPS, table.EXPECTED


GUIDES = [page.stem for page in PAGES]
CASES = [
    pytest.param(guide, number, name, id=f"{guide}-{number}-{name}")
    for guide in GUIDES
    for number, answers in expected_of(guide)[1].items()
    for name in answers
]


def short(endpoint: str) -> str:
    return endpoint.rpartition("/")[2]


def parts(shares: Mapping[str, float]) -> Mapping[str, float]:
    """Those that get something, by their short names."""
    found = {short(name): share for name, share in shares.items() if share}
    assert len(found) == sum(1 for share in shares.values() if share), shares
    return found


def check_route(route: Route, expected: ExpectedRoute) -> None:
    assert parts(route.shares) == pytest.approx(expected.shares)
    assert route.lost == pytest.approx(expected.lost)
    assert parts({hop.by: hop.share for hop in route.waypoint_hops}) == pytest.approx(expected.waypoints)
    if expected.tiers is not None:
        tiers = {tier.number: {short(endpoint.id) for endpoint in tier.endpoints} for tier in route.tiers}
        assert tiers == expected.tiers
    assert expected.notes <= {note.code for note in route.notes}


def check_timeline(timeline: Timeline, expected: ExpectedTimeline) -> None:
    detected = [event for event in timeline.events if event.kind.is_of_detector]
    if expected.detected is not None:
        told = [(event.kind.value, short(event.endpoint)) for event in detected]
        assert told == [(kind, endpoint) for _, kind, endpoint in expected.detected]
        assert [event.at for event in detected] == pytest.approx([at for at, *_ in expected.detected])
    for at, shares in expected.shares.items():
        assert parts(timeline.at(at).shares) == pytest.approx(shares), f"at {at:g} s"
    for at, bad in expected.bad.items():
        assert timeline.at(at).bad == pytest.approx(bad), f"at {at:g} s"
    if expected.errors is not None:
        assert timeline.errors == expected.errors
    if expected.by is not None:
        assert {event.by for event in detected} == expected.by
    assert expected.notes <= {note.code for note in timeline.notes}


@pytest.mark.parametrize("guide", GUIDES)
def test_the_cells_of_a_guide_run_in_order(guide: str) -> None:
    assert steps_of(guide)


@pytest.mark.parametrize(("guide", "number", "name"), CASES)
def test_a_step_answers_what_the_rules_say(guide: str, number: int, name: str) -> None:
    expected: Expected = expected_of(guide)[1][number][name]
    answers = steps_of(guide)
    assert name in answers.get(number, {}), f"the page has no answer steps[{number}][{name!r}]"
    answer = answers[number][name]
    if isinstance(expected, ExpectedRoute):
        assert isinstance(answer, Route)
        check_route(answer, expected)
    else:
        assert isinstance(answer, Timeline)
        check_timeline(answer, expected)


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_has_a_heading_and_answers_for_each_of_its_steps(guide: str) -> None:
    text = (ROOT / "docs" / "guides" / f"{guide}.md").read_text(encoding="utf-8")
    numbers = list(range(expected_of(guide)[0]))
    assert [int(number) for number in _STEP.findall(text)] == numbers
    assert sorted(steps_of(guide)) == numbers


@pytest.mark.parametrize("guide", GUIDES)
def test_every_answer_on_a_guide_is_checked(guide: str) -> None:
    expected = {(number, name) for number, answers in expected_of(guide)[1].items() for name in answers}
    shown = {(number, name) for number, answers in steps_of(guide).items() for name in answers}
    assert shown == expected


def test_there_is_a_table_for_each_guide() -> None:
    tables = {path.stem for path in (ROOT / "tests" / "guides").glob("*.py")} - {"__init__"}
    assert tables == set(GUIDES)


PAGE = """# A page

```{code-cell} python
:tags: [remove-cell]

steps = {}
```

```text
not code
```

```{code-cell} python
one = 1
SECOND
```
"""


def test_the_cells_of_a_page_are_its_fences_with_their_lines() -> None:
    assert list(cells_of(PAGE)) == [Cell(4, "\n\nsteps = {}"), Cell(14, "one = 1\nSECOND")]


@pytest.mark.parametrize(
    ("code", "line", "told"),
    [
        ("one / 0", 15, "ZeroDivisionError: division by zero"),
        ("one +", 15, "SyntaxError: invalid syntax"),
        ("one.missing", 15, "AttributeError: 'int' object has no attribute 'missing'"),
    ],
    ids=["statement", "syntax", "attribute"],
)
def test_a_cell_that_fails_is_told_with_page_and_line(tmp_path: Path, code: str, line: int, told: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.replace("SECOND", code), encoding="utf-8")
    with mock.patch(f"{__name__}.ROOT", tmp_path):
        found = play(page)
    assert found.failure.startswith(f"page.md:{line}: {told}")
    assert found.steps == {}


def test_the_value_at_the_end_of_a_cell_is_shown(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = "class Bad:\n    def _repr_html_(self):\n        raise ValueError('not shown')\n\nBad()"
    page.write_text(PAGE.replace("SECOND", text), encoding="utf-8")
    with mock.patch(f"{__name__}.ROOT", tmp_path):
        found = play(page)
    assert found.failure.startswith("page.md:17: ValueError: not shown")


def test_a_page_leaves_the_working_directory_and_the_modules_as_they_were(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = "import os\nfrom IPython.display import HTML\nos.chdir('/')\nsteps[0] = {'cwd': HTML(os.getcwd())}"
    page.write_text(PAGE.replace("SECOND", text), encoding="utf-8")
    before, modules = Path.cwd(), sys.modules.get("IPython")
    found = play(page)
    assert (found.failure, Path.cwd()) == ("", before)
    assert sys.modules.get("IPython") is modules
