"""How is an answer laid out for reading? Rows and columns, once, for every display.

A `Table` is plain text cells; it renders itself as HTML for notebooks and as
Markdown. Terminal colours and data frames are made from the same rows by the
adapters.
"""

import enum
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Final

from attrs import evolve, field, frozen
from typing_extensions import override

from meshtier.errors import InvalidValueError

GAP: Final = 3
"""The blanks between two columns on a terminal."""


MOST_SHOWN: Final = 20
"""How many rows of a table, and how many lines below it, a notebook shows: about a screen."""


class Mark(enum.Enum):
    """What a row of a table is to be told from the others for."""

    IDLE = "idle"  # it gets nothing, and could
    UNHEALTHY = "unhealthy"  # its health keeps it from traffic, or should
    EXCLUDED = "excluded"  # it can get nothing


_LOOKS: Final = {
    Mark.IDLE: ("opacity:0.6", ""),
    Mark.UNHEALTHY: ("background:rgba(214,47,58,0.12)", ";border-left:4px solid #d62f3a"),
    Mark.EXCLUDED: ("opacity:0.8;font-style:italic", ";border-left:4px dotted #8c8c8c"),
}
"""How a marked row looks, and what its first cell has besides; on light and on dark, and not by colour alone."""


def _rows(rows: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row) for row in rows)


@frozen(kw_only=True)
class Table:
    """Cells in rows under column heads, with a title and lines below.

    Attributes:
        title: One line above; ``""`` for none.
        columns: The heads; length c.
        rows: Each of length c.
        notes: Lines below the table.
        numeric: The columns, by position, whose cells are numbers and align right.
        marks: What rows, by position, are marked for; it shows in HTML alone, since
            the cells say the same in words.
    """

    title: str = ""
    columns: tuple[str, ...] = field(converter=tuple[str, ...])
    rows: tuple[tuple[str, ...], ...] = field(converter=_rows)
    notes: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    numeric: frozenset[int] = frozenset()
    marks: frozenset[tuple[int, Mark]] = frozenset()

    def __attrs_post_init__(self) -> None:
        for place, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise InvalidValueError(f"expected {len(self.columns)} cells, got {len(row)}", f"rows[{place}]")

    @property
    def longest_words(self) -> list[int]:
        """The length of each column's longest word."""
        cells = zip(self.columns, *self.rows, strict=True)
        return [max(len(word) for cell in column for word in cell.split() or ("",)) for column in cells]

    def fits(self, width: int) -> bool:
        """Whether a terminal of *width* letters has room for all columns beside each other, with no word broken."""
        return sum(self.longest_words) + GAP * (len(self.columns) - 1) <= width

    def to_html(self) -> str:
        """An HTML table without scripts or outside styles; every cell is escaped."""
        from html import escape  # noqa: PLC0415  # only notebooks need it, and it is slow to load

        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        below = f"<ul>{notes}</ul>" if notes else ""
        if not self.columns:
            return f"<div><b>{escape(self.title)}</b>{below}</div>"
        heads = "".join(self._cell("th", place, escape(head)) for place, head in enumerate(self.columns))
        marks = dict(self.marks)
        body = "".join(
            self._row([escape(cell) for cell in row], marks.get(place)) for place, row in enumerate(self.rows)
        )
        caption = (
            f'<caption style="text-align:left;caption-side:top"><b>{escape(self.title)}</b></caption>'
            if self.title
            else ""
        )
        return f"<div><table>{caption}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{below}</div>"

    def to_text(self) -> str:
        """The table in aligned columns under its heads, without lines around it.

        >>> shares = [("P0", "100 %"), ("P1", "0 %")]
        >>> print(Table(columns=("tier", "share"), rows=shares, numeric=frozenset({1})).to_text())
        tier  share
        P0    100 %
        P1      0 %
        """
        lines = [one_line(self.title)] if self.title else []
        notes = map(one_line, self.notes)
        if not self.columns:
            return "\n".join([*lines, *notes])
        rows = [[one_line(cell) for cell in row] for row in (self.columns, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (
                cell.rjust(width) if place in self.numeric else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *notes])

    def to_markdown(self) -> str:
        r"""A Markdown table with the title as a bold line and the notes as a list.

        >>> print(Table(columns=("a", "b"), rows=[("1", "x|y")]).to_markdown())
        | a | b |
        | --- | --- |
        | 1 | x\|y |
        """
        lines = [f"**{_plain(self.title)}**", ""] if self.title else []
        lines.append(_line(_plain(head) for head in self.columns))
        lines.append(_line("---:" if place in self.numeric else "---" for place in range(len(self.columns))))
        lines.extend(_line(_plain(cell) for cell in row) for row in self.rows)
        if self.notes:
            lines.extend(["", *(f"- {_plain(note)}" for note in self.notes)])
        return "\n".join(lines)

    def first(self, most: int = MOST_SHOWN) -> "Table":
        """The table with its first rows and lines; of more than *most*, the last one counts the rest."""
        if len(self.rows) <= most + 1 and len(self.notes) <= most + 1:
            return self
        rows, notes = self.rows, self.notes
        if len(rows) > most + 1:
            rows = (*rows[:most], (f"… and {len(rows) - most} more", *("" for _ in self.columns[1:])))
        if len(notes) > most + 1:
            notes = (*notes[:most], f"… and {len(notes) - most} more")
        return evolve(self, rows=rows, notes=notes)

    def _repr_html_(self) -> str:
        return self.first().to_html()

    @override
    def __repr__(self) -> str:
        title = f"{self.title}: " if self.title else ""
        return one_line(f"<Table {title}{len(self.rows)} rows of {shortened(self.columns, most=8)}>")

    def _row(self, cells: Iterable[str], mark: Mark | None) -> str:
        row, first = ("", "") if mark is None else _LOOKS[mark]
        shown = "".join(self._cell("td", place, cell, "" if place else first) for place, cell in enumerate(cells))
        return f'<tr style="{row}">{shown}</tr>' if row else f"<tr>{shown}</tr>"

    def _cell(self, tag: str, place: int, escaped: str, more: str = "") -> str:
        align = "right;white-space:nowrap" if place in self.numeric else "left"
        return f'<{tag} style="text-align:{align};vertical-align:top{more}">{escaped}</{tag}>'


def one_line(text: str) -> str:
    r"""The text on one line: breaks become blanks, and what a terminal would obey is written as an escape.

    >>> print(one_line("a\nb\x1b[31m"))
    a b\x1b[31m
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _plain(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def shortened(names: Sequence[str], *, most: int = 4) -> str:
    """The names in one cell, the later ones as a count when there are more than *most*.

    >>> shortened(["a", "b", "c"], most=2)
    'a, b … +1'
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} … +{len(names) - most}"


def brief(values: Collection[object]) -> str:
    """The repr of a collection, the later ones as a count: a repr is to be no longer than a screen.

    >>> brief((1, 2, 3, 4, 5)), brief({"a": 1}), brief(())
    ('(1, 2, 3 … +2)', "{'a': 1}", '()')
    """
    if len(values) <= _MOST_BRIEF:
        return repr(values)
    shown = ", ".join(map(repr, islice(values, _MOST_BRIEF)))
    return f"({shown} … +{len(values) - _MOST_BRIEF})"


def counted(values: Collection[object]) -> str:
    """How many there are, for the repr of what holds them.

    >>> counted((1, 2))
    '<2>'
    """
    return f"<{len(values)}>"


_MOST_BRIEF: Final = 3


def percent(share: float) -> str:
    """A share of traffic as text, exact enough that nothing positive reads as nothing.

    >>> percent(1), percent(1 / 3), percent(0), percent(0.00001)
    ('100 %', '33.3 %', '0 %', '<0.1 %')
    >>> percent(0.99999)
    '>99.9 %'
    """
    if 0 < share < 0.001:  # what one decimal can show
        return "<0.1 %"
    if 0.9995 <= share < 1 - 1e-9:  # the rest may be rounding in a sum of shares
        return ">99.9 %"
    return f"{100 * share:.1f}".removesuffix(".0") + " %"
