"""How much goes from which zone to which, as a picture? An SVG that needs no package, no script and no network.

Clients are down, endpoints across, and each cell has its number. A cell without
traffic is white in every theme, one with the most is darkest; traffic that stays
in its zone is green, what leaves it orange, what is lost red. Text outside cells
has the colour of the text around it, so that it can be read on light and on dark.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from meshtier.table import one_line, percent
from meshtier.traffic.crossing import LOST
from meshtier.traffic.figures import number

if TYPE_CHECKING:
    from meshtier.traffic.matrix import ZoneMatrix

GREEN, ORANGE, RED = (58, 157, 120), (227, 130, 43), (214, 47, 58)
"""The full colours of what stays in its zone, leaves it, and is lost."""

MOST_LETTERS: Final = 24
"""How much of a zone's name is shown; all of it stands in the title of its cells."""

_WIDE, _HIGH, _TOP, _PAD = 96, 34, 66, 12
_LETTER: Final = 6.4
_STYLE: Final = (
    "svg:root{color-scheme:light dark;color:#1f2328}"
    "@media(prefers-color-scheme:dark){svg:root{color:#e6edf3}}"  # only where the file is shown by itself
)


def picture_of(matrix: "ZoneMatrix", *, before: "ZoneMatrix | None" = None) -> str:
    """A matrix as SVG; with one before a change above it, in the same scale of colours."""
    shown = [("", matrix)] if before is None else [("before", before), ("after", matrix)]
    most = max((rate for _, each in shown for rate in each.compact()[2].values()), default=0.0)
    drawn: list[str] = []
    width, top = 0.0, 0.0
    for title, each in shown:
        part, wide, high = _matrix(each, title, most)
        drawn.append(f'<g transform="translate(0 {top:g})">{part}</g>')
        width, top = max(width, wide), top + high
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {top:g}" width="{width:g}"'
        f' style="max-width:100%;height:auto" role="img" font-family="system-ui,sans-serif" font-size="11"'
        f' fill="currentColor"><title>{_text_of(matrix.summary)}</title><style>{_STYLE}</style>'
        f"{''.join(drawn)}</svg>\n"
    )


def _matrix(matrix: "ZoneMatrix", title: str, most: float) -> tuple[str, float, float]:
    """What is drawn, and how wide and high it is."""
    rows, targets, rates = matrix.compact()
    left = _PAD + max((len(_cut(row)) for row in rows), default=0) * _LETTER + 10
    head = f"{title}: {matrix.summary}" if title else matrix.summary
    drawn = [_text(_PAD, 16, head, 'font-weight="bold" font-size="12"')]
    drawn.append(_text(_PAD, 34, f"clients down, endpoints across; in {matrix.found.unit_text}"))
    drawn += [
        _text(left + _WIDE * (place + 0.5), _TOP - 8, _cut(target, 14), 'text-anchor="middle"', target)
        for place, target in enumerate(targets)
    ]
    for line, row in enumerate(rows):
        y = _TOP + _HIGH * line
        drawn.append(_text(left - 8, y + _HIGH / 2 + 4, _cut(row), 'text-anchor="end"', row))
        for place, target in enumerate(targets):
            rate = rates.get((row, target), 0.0)
            full = RED if target == LOST else GREEN if matrix.stays(row, target) else ORANGE
            said = f"{row} to {target}: {number(rate)}, {percent(rate / matrix.total if rate else 0)} of all"
            fill = _mixed(full, 0.15 + 0.85 * rate / most if rate else 0.0)
            drawn += _cell(left + _WIDE * place, y, number(rate), fill=fill, is_none=not rate, title=said)
    foot = _TOP + _HIGH * len(rows)
    drawn += [_text(_PAD, foot + 18 + 15 * place, note) for place, note in enumerate(matrix.found.notes)]
    texts = [head, *matrix.found.notes]
    width = max(left + _WIDE * len(targets), *(_PAD + len(text) * _LETTER * 1.1 for text in texts)) + _PAD
    return "".join(drawn), width, foot + 18 + 15 * len(matrix.found.notes)


def _cell(x: float, y: float, text: str, *, fill: str, is_none: bool, title: str) -> Iterator[str]:
    yield (
        f'<rect x="{x:g}" y="{y:g}" width="{_WIDE}" height="{_HIGH}" fill="{fill}" stroke="#8c8c8c"'
        f' stroke-opacity="0.5"><title>{_text_of(title)}</title></rect>'
    )
    # Cells keep their colours in every theme, and so does what stands in them.
    ink = "#9a9a9a" if is_none else "#1f2328"
    yield _text(x + _WIDE / 2, y + _HIGH / 2 + 4, text, f'text-anchor="middle" fill="{ink}"')


def _mixed(full: tuple[int, int, int], part: float) -> str:
    """A colour between white and the full one."""
    return "#" + "".join(f"{round(255 + (each - 255) * part):02x}" for each in full)


def _cut(text: str, most: int = MOST_LETTERS) -> str:
    """A name in so many letters: zones differ at their ends, so that the middle is left out."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[head - most + 1 :]}"


def _text_of(text: str) -> str:
    return escape(one_line(text))


def _text(x: float, y: float, text: str, look: str = "", title: str = "") -> str:
    hint = f"<title>{_text_of(title)}</title>" if title and title != text else ""
    return f'<text x="{x:g}" y="{y:g}"{f" {look}" if look else ""}>{hint}{_text_of(text)}</text>'
