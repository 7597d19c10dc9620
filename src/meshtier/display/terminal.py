"""How does an answer look on a terminal? Reports and tables by way of rich.

Needs the extra ``cli``. Colour and box characters appear only on a terminal;
into a pipe or a file goes the plain text that `Report.to_text` gives.
"""

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from meshtier.mesh.report import Report, Section
from meshtier.table import Table, one_line

_STYLES = {"share": "bold", "rule": "dim", "healthy": "", "tier": "bold cyan", "": "bold"}
_HEADING_STYLES = {"excluded": "bold yellow", "notes": "bold yellow", "no tier holds an endpoint": "bold red"}


def print_report(report: Report, console: Console) -> None:
    """Print a report: in colour on a terminal, as plain text elsewhere."""
    if not console.is_terminal:
        console.file.write(report.to_text() + "\n")
        return
    console.print(Text(one_line(report.title), style="bold underline"))
    for section in report.sections:
        console.print()
        _print_section(section, console)


def print_table(table: Table, console: Console) -> None:
    """Print one table in the same manner."""
    if not console.is_terminal:
        console.file.write(table.to_text() + "\n")
        return
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
        print_table(section.table, console)


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
