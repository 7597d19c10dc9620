"""How does an answer look on a terminal? Reports, tables, and the progress of long work, by way of rich.

Needs the extra ``cli``. Colour, box characters and progress bars appear only
where rich finds a terminal; into a pipe or a file goes the plain text that
`Report.to_text` gives.
"""

from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

from meshtier.errors import MissingExtraError
from meshtier.mesh.report import Report, Section
from meshtier.table import Table, one_line

try:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text
except ImportError as _error:
    raise MissingExtraError("cli", "an answer on a terminal") from _error

_STYLES = {"share": "bold", "rule": "dim", "healthy": "", "tier": "bold cyan", "": "bold"}
_HEADING_STYLES = {"excluded": "bold yellow", "notes": "bold yellow", "no tier holds an endpoint": "bold red"}

_T = TypeVar("_T")


def print_answer(answer: Report | Table, file: TextIO) -> None:
    """Print a report or a table: in colour on a terminal, as plain text elsewhere."""
    console = Console(file=file, highlight=False)
    if not console.is_terminal:
        file.write(f"{answer.to_text()}\n")
    elif isinstance(answer, Report):
        _print_report(answer, console)
    else:
        _print_table(answer, console)


def tracked(items: Iterable[_T], total: int, what: str, file: TextIO) -> Iterator[_T]:
    """The items, with a bar that shows how many of *total* have been taken."""
    from rich.progress import Progress  # noqa: PLC0415  # takes as long to load as the rest of rich

    console = Console(file=file)
    if not console.is_terminal:
        yield from items
        return
    with Progress(console=console, transient=True) as progress:
        yield from progress.track(items, total=total, description=what)


def _print_report(report: Report, console: Console) -> None:
    console.print(Text(one_line(report.title), style="bold underline"))
    for section in report.sections:
        console.print()
        _print_section(section, console)


def _print_table(table: Table, console: Console) -> None:
    if table.title:
        console.print(Text(one_line(table.title), style="bold"))
    console.print(_rich(table))
    for note in table.notes:
        console.print(Text(f"  {one_line(note)}"))


def _print_section(section: Section, console: Console) -> None:
    if section.heading:
        console.print(Text(one_line(section.heading), style=_HEADING_STYLES.get(section.heading, "bold")))
    for line in section.lines:
        console.print(Text(f"  {one_line(line)}" if section.heading else one_line(line)))
    if section.table is not None:
        _print_table(section.table, console)


def _rich(table: Table) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, column in enumerate(table.columns):
        drawn.add_column(
            column,
            justify="right" if place in table.numeric else "left",
            style=_STYLES.get(column, ""),
            overflow="fold",
        )
    for row in table.rows:
        dim = "dim" if "share" in table.columns and row[table.columns.index("share")] == "0 %" else ""
        drawn.add_row(*(Text(one_line(cell)) for cell in row), style=dim)
    return drawn
