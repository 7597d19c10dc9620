"""How is an answer laid out for reading? Rows and columns, once, for every display.

A `Table` is plain text cells; it renders itself as HTML for notebooks and as
Markdown. Terminal colours and data frames are made from the same rows by the
adapters.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import field, frozen

from meshtier.errors import InvalidValueError

GAP: Final = 3
"""The blanks between two columns on a terminal."""


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
    """

    title: str = ""
    columns: tuple[str, ...] = field(converter=tuple[str, ...])
    rows: tuple[tuple[str, ...], ...] = field(converter=_rows)
    notes: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    numeric: frozenset[int] = frozenset()

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
        body = "".join(f"<tr>{self._row(escape(cell) for cell in row)}</tr>" for row in self.rows)
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

    def _row(self, cells: Iterable[str]) -> str:
        return "".join(self._cell("td", place, cell) for place, cell in enumerate(cells))

    def _cell(self, tag: str, place: int, escaped: str) -> str:
        align = "right" if place in self.numeric else "left"
        return f'<{tag} style="text-align:{align};vertical-align:top">{escaped}</{tag}>'


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
