"""How does an answer look on a terminal? Reports, tables, and the progress of long work, by way of rich.

Needs the extra ``cli``. Colour, box characters and progress bars appear only
where rich finds a terminal; into a pipe or a file goes the plain text that
`Report.to_text` gives.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO, TypeVar

from attrs import evolve

from meshtier.errors import MissingExtraError
from meshtier.mesh.report import Report, Section
from meshtier.table import GAP, Table, one_line

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


@contextmanager
def told(total: int, what: str, file: TextIO) -> Generator[Callable[[str], object]]:
    """A bar that is told of each of *total* steps as it begins."""
    from rich.progress import Progress  # noqa: PLC0415  # takes as long to load as the rest of rich

    with Progress(console=Console(file=file), transient=True) as progress:
        task = progress.add_task(what, total=total)

        def tell(step: str) -> None:
            progress.update(task, description=f"{what} {step}", advance=1)

        yield tell


@contextmanager
def filled(what: str, file: TextIO) -> Generator[Callable[[float], None]]:
    """A bar that is told of the part that is done, 0 to 1."""
    from rich.progress import Progress  # noqa: PLC0415  # takes as long to load as the rest of rich

    with Progress(console=Console(file=file), transient=True) as progress:
        task = progress.add_task(what, total=1.0)

        def fill(part: float) -> None:
            progress.update(task, completed=part)

        yield fill


def _print_report(report: Report, console: Console) -> None:
    console.print(Text(one_line(report.title), style="bold underline"))
    for section in report.sections:
        console.print()
        _print_section(section, console)


def _print_table(table: Table, console: Console) -> None:
    if table.title:
        console.print(Text(one_line(table.title), style="bold"))
    console.print(_rich(fitted(table, console.width), console.width))
    for note in table.notes:
        _print_line(note, console)


def _print_section(section: Section, console: Console) -> None:
    if section.heading:
        console.print(Text(one_line(section.heading), style=_HEADING_STYLES.get(section.heading, "bold")))
    for line in section.lines:
        if section.heading:
            _print_line(line, console)
        else:
            console.print(Text(one_line(line)))
    if section.table is not None:
        _print_table(section.table, console)


def _print_line(line: str, console: Console) -> None:
    """A line under a heading; what does not fit goes on below it, further in."""
    indented = Text(one_line(line)).wrap(console, console.width - 4)
    for number, part in enumerate(indented):
        console.print(Text("  " if number == 0 else "    ").append_text(part))


def fitted(table: Table, width: int) -> Table:
    """The table for a terminal of *width* letters, so that no word need be broken.

    As long as the longest words of all columns do not fit beside each other, the
    column with the longest cells goes under the one before it, further in. Cells
    may then have several lines. Too narrow for that, words are broken after all.
    """
    while not table.fits(width) and len(table.columns) > 2:
        movable = [place for place in range(1, len(table.columns)) if place not in table.numeric]
        if not movable:
            break
        table = _stacked(table, max(movable, key=lambda place: max((len(row[place]) for row in table.rows), default=0)))
    return table


def _stacked(table: Table, place: int) -> Table:
    """The table with a column under that before it which has text."""
    above = max(other for other in range(place) if other not in table.numeric)

    def moved(row: Sequence[str], between: str) -> tuple[str, ...]:
        cell = f"{row[above]}{between}{row[place]}" if row[place] else row[above]
        return tuple(cell if at == above else text for at, text in enumerate(row) if at != place)

    return evolve(
        table,
        columns=moved(table.columns, ", "),
        rows=[moved(row, "\n  ") for row in table.rows],
        numeric=frozenset(at - (at > place) for at in table.numeric),
    )


def _whole(table: Table) -> list[int]:
    """The length of each column's longest line."""
    cells = zip(table.columns, *table.rows, strict=True)
    return [max(len(line) for cell in column for line in cell.split("\n")) for column in cells]


def _widths(table: Table, width: int) -> list[int] | None:
    """The widths of the columns: at least their longest words, and what is left over for whole lines.

    ``None`` if there is not even room for the words. Left to itself, rich takes from a
    column more than its least width, and cuts off the last column for that.
    """
    widths, whole = table.longest_words, _whole(table)
    left = width - GAP * (len(widths) - 1) - sum(widths)
    if left < 0:
        return None
    wanting = sorted(range(len(widths)), key=lambda place: whole[place] - widths[place])
    for number, place in enumerate(wanting):
        more = min(whole[place] - widths[place], left // (len(wanting) - number))
        widths[place] += more
        left -= more
    return widths


def _rich(table: Table, width: int) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    widths = _widths(table, width)
    for place, (column, longest, whole) in enumerate(
        zip(table.columns, table.longest_words, _whole(table), strict=True)
    ):
        drawn.add_column(
            column,
            justify="right" if place in table.numeric else "left",
            style=_STYLES.get(column, ""),
            overflow="fold",
            width=widths[place] if widths is not None else None,
            min_width=longest,
            no_wrap=longest == whole,
        )
    for row in table.rows:
        dim = "dim" if "share" in table.columns and row[table.columns.index("share")] == "0 %" else ""
        drawn.add_row(*(Text("\n".join(map(one_line, cell.split("\n")))) for cell in row), style=dim)
    return drawn
