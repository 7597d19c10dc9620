"""How an answer looks on a terminal of a certain width."""

import io
import re

import pytest
from attrs import evolve
from rich.console import Console

from meshtier.display.terminal import fitted, print_answer
from meshtier.mesh.report import Report, Section
from meshtier.table import Table

NAME = "west/bookinfo/productpage-v1-7b9c5d4f68-b7tgx"
WHERE = "network=net-west us-west/us-west-a/rack-1 node=west-a1"
ENDPOINTS = Table(
    columns=("endpoint", "share", "where", "health"),
    rows=[(NAME, "50 %", WHERE, "healthy"), ("a/b", "50 %", "", "unhealthy")],
    numeric=frozenset({1}),
)


def drawn(answer: Report | Table, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines on a terminal, without colours."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    file = io.StringIO()
    print_answer(answer, file)
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue()).splitlines()]


THROUGH_GATEWAY = evolve(
    ENDPOINTS,
    rows=[
        ("c3 via istio-eastwest/istio-remote-peer-c3", "100 %", "network=net3 west/west-p", "healthy"),
        ("c1/shop/cart-1", "0 %", "network=net1 east/east-a node=c1-n1", "unhealthy"),
    ],
)


@pytest.mark.parametrize("table", [ENDPOINTS, THROUGH_GATEWAY])
@pytest.mark.parametrize("width", [75, 80, 82, 90, 100, 120, 200])
def test_no_word_is_broken(width: int, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = drawn(table, width, monkeypatch)
    words = {word for row in table.rows for cell in row for word in cell.split()}
    assert words <= {word for line in lines for word in line.split()}
    assert max(map(len, lines)) <= width


def test_where_the_columns_do_not_fit_the_longest_cells_go_below(monkeypatch: pytest.MonkeyPatch) -> None:
    # How many blanks stand between columns is rich's own, and changes with its version.
    assert [" ".join(line.split()) for line in drawn(ENDPOINTS, 80, monkeypatch)[2:]] == [
        f"{NAME} 50 % healthy",
        WHERE,
        "a/b 50 % unhealthy",
    ]


def test_a_table_that_fits_is_as_it_was() -> None:
    assert fitted(ENDPOINTS, 200) is ENDPOINTS


def test_a_table_without_rows_fits_everywhere() -> None:
    empty = Table(columns=("endpoint", "share", "where"), rows=[])
    assert fitted(empty, 10).rows == ()


def test_a_long_line_under_a_heading_goes_on_further_in(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(title="t", sections=[Section(heading="notes", lines=["word " * 12 + "end"])])
    assert drawn(report, 40, monkeypatch)[2:] == [
        "notes",
        "  word word word word word word word",
        "    word word word word word end",
    ]


def test_elsewhere_the_text_has_no_width() -> None:
    file = io.StringIO()
    print_answer(ENDPOINTS, file)
    assert file.getvalue() == f"{ENDPOINTS.to_text()}\n"
    assert not Console(file=file).is_terminal
