"""How is an SVG written that can be read on light and on dark, and that nothing in a name can break?"""

from collections.abc import Iterable
from typing import Final

from meshtier.simulate.picture import COLOURS, OTHERS, RED, text_of
from meshtier.simulate.picture_layers import number

TEXT_SIZE: Final = 12
"""Of what is written, in pixels."""

LINE: Final = 16
"""From one line of text to the next."""

WIDTH: Final = 720
"""Of a picture, in pixels: about that of a page of docs, so that letters keep their size there."""

_STYLE: Final = (
    "svg:root{color-scheme:light dark;color:#1f2328}"
    "@media(prefers-color-scheme:dark){svg:root{color:#e6edf3}}"  # only where the file is shown by itself
)


def document(parts: Iterable[str], *, width: float, height: float, about: str, mark: str) -> str:
    """The whole picture.

    Args:
        parts: What is drawn.
        width: In pixels.
        height: In pixels.
        about: What a reader is told who cannot see it.
        mark: Makes the name of its pattern another one than those of the other pictures of a page.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}"'
        f' width="{number(width)}" style="max-width:100%;height:auto" role="img" font-family="system-ui,sans-serif"'
        f' font-size="{TEXT_SIZE}" fill="currentColor"><title>{text_of(about)}</title><style>{_STYLE}</style>'
        f"{_hatch(mark)}{''.join(parts)}</svg>\n"
    )


def _hatch(mark: str) -> str:
    return (
        f'<defs><pattern id="{mark}" width="7" height="7" patternUnits="userSpaceOnUse"'
        f' patternTransform="rotate(45)"><rect width="2" height="7" fill="{RED}" fill-opacity="0.3"/></pattern></defs>'
    )


def colour_of(tier: int | None) -> str:
    """The colour of a tier; the last one of all far tiers, and grey for none."""
    return OTHERS if tier is None else COLOURS[min(tier, len(COLOURS) - 1)]


def text(x: float, y: float, what: str, look: str = "") -> str:
    """A line of text, escaped."""
    return f'<text x="{number(x)}" y="{number(y)}"{_before(look)}>{text_of(what)}</text>'


def box(x: float, y: float, width: float, height: float, look: str, *, hint: str = "") -> str:
    """A rectangle, and what a browser shows where the pointer rests on it."""
    inner = f"><title>{text_of(hint)}</title></rect>" if hint else "/>"
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"{_before(look)}{inner}'
    )


def path(steps: str, look: str, *, hint: str = "") -> str:
    """A path, and what a browser shows where the pointer rests on it."""
    inner = f"><title>{text_of(hint)}</title></path>" if hint else "/>"
    return f'<path d="{steps}"{_before(look)}{inner}'


def _before(look: str) -> str:
    return f" {look}" if look else ""
