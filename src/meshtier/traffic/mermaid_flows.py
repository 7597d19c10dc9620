"""How is a zone matrix drawn where pull requests show it? A mermaid flowchart, from zone to zone."""

from typing import Final

from meshtier.table import one_line
from meshtier.traffic.crossing import INTERNET, LOST, NOT_CHOSEN
from meshtier.traffic.figures import number
from meshtier.traffic.matrix import ZoneMatrix

MOST_ZONES: Final = 9
"""How many zones either side shows: more is a tangle. The rest are put together."""
MOST_ARROWS: Final = 30
"""How many arrows are drawn, the largest first; what is left out is said."""

_KINDS: Final = {LOST: "lost", NOT_CHOSEN: "open", INTERNET: "out"}
_STYLES: Final = {
    LOST: "  classDef lost stroke:#d62f3a,stroke-width:2px",
    NOT_CHOSEN: "  classDef open stroke-dasharray:2",
    INTERNET: "  classDef out stroke-dasharray:4",
}


def mermaid_of(matrix: ZoneMatrix) -> str:
    """The matrix as a mermaid flowchart: clients on the left, endpoints on the right, a rate on each arrow.

    What stays in its zone is drawn in dots; what is lost ends in a box of its own.
    """
    rows, targets, rates = matrix.compact(most=MOST_ZONES)
    lines = ["flowchart LR"]
    ordered = sorted(((rate, pair) for pair, rate in rates.items() if rate), key=lambda each: (-each[0], each[1]))
    shown = {pair: rate for rate, pair in ordered[:MOST_ARROWS]}
    left = {row: f"c{place}" for place, row in enumerate(rows)}
    right = {target: f"e{place}" for place, target in enumerate(targets)}
    lines += [f'  {node}["{label(row)}"]' for row, node in left.items()]
    for target, node in right.items():
        lines.append(f'  {node}(["{label(target)}"])')
        if target in _KINDS:
            lines.append(f"  class {node} {_KINDS[target]}")
    for (row, target), rate in shown.items():
        arrow = f'-. "{number(rate)}" .->' if matrix.stays(row, target) else f'-- "{number(rate)}" -->'
        lines.append(f"  {left[row]} {arrow} {right[target]}")
    if len(ordered) > len(shown):
        rest = sum(rate for rate, _ in ordered[MOST_ARROWS:])
        lines.append(f'  rest["… and {len(ordered) - len(shown)} smaller, {number(rest)} in all"]')
    lines += [_STYLES[target] for target in targets if target in _STYLES]
    lines.append(f"  %% {one_line(matrix.summary)}")
    return "\n".join(lines) + "\n"


def label(text: str) -> str:
    """A name between quotes in mermaid, where ``#`` begins an entity and quotes end the name.

    >>> label('a "zone" <b> #1')
    'a #quot;zone#quot; #lt;b#gt; #35;1'
    """
    escapes = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "%": "#37;"}
    return "".join(escapes.get(letter, letter) for letter in one_line(text))
