"""The pages that explain run from top to bottom, and say no figure that they do not compute or check.

A page is a notebook in Markdown. Its cells run here in one namespace, as they do when the page is
built, without Jupyter: the last line of a cell, if it is an expression, is what the cell shows.
"""

import ast
import contextlib
import io
import linecache
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from meshtier.simulate import Timeline

ROOT = Path(__file__).parents[2]
PAGES = [
    page
    for page in sorted((ROOT / "docs" / "explanation").glob("*.md"))
    if "file_format: mystnb" in page.read_text(encoding="utf-8")
]
_CELL = re.compile(r"^```\{code-cell\} python\n((?::[^\n]*\n)*)(.*?)^```$", re.DOTALL | re.MULTILINE)
_HERE = "(a cell)"
_INCLUDED = re.compile(r"^```\{literalinclude\} (\S+)$", re.MULTILINE)
_HEADING = re.compile(r"^(?=#+ )", re.MULTILINE)
_FIGURE = re.compile(r"(?<![\w.-])(\d[\d,]*(?:\.\d+)?)(?= s\b| %| requests? fail)")


class Cells:
    """The cells of one page, and all that they have made."""

    def __init__(self, page: Path) -> None:
        self.page = page
        self.names: dict[str, Any] = {"__name__": page.stem}
        self.shown: list[object] = []

    def run(self, number: int, code: str) -> str:
        """What a cell prints and shows."""
        name = f"<{self.page.name}, cell {number}>"
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)  # for tracebacks
        tree = ast.parse(code, name)
        shows = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        out = io.StringIO()
        with contextlib.chdir(ROOT), contextlib.redirect_stdout(out):
            exec(compile(tree, name, "exec"), self.names)  # noqa: S102  # our own page
            if isinstance(shows, ast.Expr):
                code_of_value = compile(ast.Expression(shows.value), name, "eval")
                value = eval(code_of_value, self.names)  # noqa: S307  # our own page
                if value is not None:
                    self.shown.append(value)
                    out.write(f"{value!r}\n")
        return out.getvalue()


def sections_of(page: Path) -> Iterator[tuple[str, Cells, str]]:
    """Each section's text, the cells run so far, and what the section's figures may come from."""
    cells = Cells(page)
    text = page.read_text(encoding="utf-8")
    codes = [found[2] for found in _CELL.finditer(text)]
    rule, *_ = included(page, text)
    number = 0
    for section in _HEADING.split(_CELL.sub(_HERE, text)):  # without cells, whose comments look like headings
        known = [path.read_text(encoding="utf-8") for path in (rule, *included(page, section))]
        for _ in range(section.count(_HERE)):
            known += [codes[number], cells.run(number + 1, codes[number])]
            number += 1
        yield section, cells, "\n".join(known)


def included(page: Path, text: str) -> list[Path]:
    return [(page.parent / name).resolve() for name in _INCLUDED.findall(text)]


def test_there_are_pages() -> None:
    assert [page.name for page in PAGES] == ["outlier-detection.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_and_each_figure_in_its_text_is_computed_or_checked_in_its_section(page: Path) -> None:
    pytest.importorskip("yaml")
    unknown: dict[str, set[str]] = {}
    for text, _, known in sections_of(page):
        figures = {figure.replace(",", "") for figure in _FIGURE.findall(text)}
        # 98 % is a share of 0.98.
        there = {float(each) for each in re.findall(r"\d+(?:\.\d+)?", known.replace(",", ""))}
        there |= {round(each * 100, 9) for each in there if each < 1}
        if missing := {figure for figure in figures if float(figure) not in there}:
            unknown[text.partition("\n")[0]] = missing
    assert unknown == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_are_pictures(page: Path) -> None:
    pytest.importorskip("yaml")
    (*_, cells) = (each for _, each, _ in sections_of(page))
    assert len(cells.shown) >= 5
    for shown in cells.shown:
        picture: str = shown._repr_html_()  # type: ignore[attr-defined]  # it is the page's own Picture
        assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314  # our own picture


def test_the_timelines_of_the_page_on_outlier_detection_end_as_its_text_says() -> None:
    pytest.importorskip("yaml")
    (*_, cells) = (each for _, each, _ in sections_of(ROOT / "docs/explanation/outlier-detection.md"))
    names = {name: value for name, value in cells.names.items() if isinstance(value, Timeline)}
    failed_over = {name for name, each in names.items() if each.failover_at is not None}
    assert failed_over == {"course", "short", "few", "without_panic", "alone", "pair", "timeline", "two", "at_ztunnel"}
    assert names.keys() - failed_over == {"nobody", "one_goes", "two_networks", "with_panic", "unseen"}
    # 100 requests a second for 60 s; five at each waypoint pod; one of 13 pods for 160 s.
    expected = {"nobody": 6000, "short": 5, "alone": 5, "pair": 10, "unseen": round(160 * 100 / 13)}
    assert {name: names[name].errors for name in expected} == expected
