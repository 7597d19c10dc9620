"""In what form are rates and amounts told?"""

import csv
import io
from collections.abc import Iterable, Sequence


def number(value: float) -> str:
    """A rate or an amount as text: whole where it is large, three digits where it is small.

    >>> number(1234567), number(12.34), number(0.01234), number(0)
    ('1,234,567', '12.3', '0.0123', '0')
    """
    if value and abs(value) < 100:
        text = f"{value:.3g}"
        return f"{value:.1e}" if "e" in text else text
    return f"{value:,.0f}"


def cell(value: float) -> str:
    """A rate in a cell; nothing where it is 0, so that what is there stands out."""
    return number(value) if value else ""


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return stream.getvalue()
