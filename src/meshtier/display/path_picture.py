"""Which way does a client's traffic take, as a picture? Bands from card to card, as wide as what goes there."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from operator import mul
from textwrap import wrap
from typing import Final
from zlib import crc32

from attrs import frozen

from meshtier.display import svg
from meshtier.display.graph import LEAST, Graph, Link, Node, Standing
from meshtier.display.path_graph import MOST, path_graph
from meshtier.display.picture import Picture
from meshtier.mesh import Route
from meshtier.simulate.picture import RED
from meshtier.simulate.picture_layers import number
from meshtier.simulate.picture_scale import cut
from meshtier.table import one_line, percent

_SCALE: Final = 190
"""How high all of the traffic is, in pixels."""

_GAP: Final = 10
_PADDING: Final = 8
_THINNEST: Final = 1.5
_LETTER: Final = 7.0
"""About how wide a letter is at the size of 12 pixels; fonts differ, and no font is measured here."""

_WRAPPED: Final = int(svg.WIDTH / _LETTER)
_BOLD: Final = 8.2
"""The same of bold letters."""

_WIDTHS: Final = {2: (190, 290), 3: (120, 170, 270), 4: (108, 150, 150, 210)}
"""How wide the cards of each column are, by how many columns there are."""


def route_chart(route: Route, *, most: int = MOST) -> Picture:
    """The way of a client's traffic: from the client by waypoint and gateway to the endpoints, as wide as the shares.

    Needs no package. Endpoints that are unhealthy, get 0 % or are excluded have
    another outline, and their text says so.

    Args:
        route: The answer.
        most: How many endpoints are shown one by one; of more, those of one zone are counted.

    >>> from meshtier.kube import load
    >>> mesh = load("examples/guides/ztunnel/cluster.yaml")
    >>> route_chart(mesh.route("client-in-ambient", "in-ambient"))
    <Picture in-ambient.httpbin.svc.cluster.local from Pod c1/httpbin/client-in-ambient: 4 nodes>
    """
    return Picture(graph=path_graph(route, most=most), draw=draw_path)


@frozen(kw_only=True)
class _Card:
    """Where a node is."""

    node: Node
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def draw_path(graph: Graph) -> str:
    """The picture of a graph in columns, as SVG."""
    mark = f"meshtier-hatch-{crc32(repr(graph).encode(errors='replace')):08x}"
    head, top = _head(graph)
    cards = _cards(graph, top + 24)
    columns = {card.node.column: card for card in cards.values()}
    heads = [
        svg.text(columns[place].x, top + 12, name, 'font-weight="bold" opacity="0.75"')
        for place, name in enumerate(graph.heads)
        if place in columns
    ]
    bottom = max(card.y + card.height for card in cards.values()) + 14
    legend, bottom = _legend(graph, bottom)
    bands = list(_bands(graph, cards))
    drawn = [*head, *heads, *bands, *(part for card in cards.values() for part in _card(card, mark)), *legend]
    about = f"{graph.title}: {'; '.join(graph.lines)}"
    return svg.document(drawn, width=svg.WIDTH, height=bottom + 4, about=about, mark=mark)


def _head(graph: Graph) -> tuple[list[str], float]:
    y = 16.0
    drawn: list[str] = []
    for line in wrap(one_line(graph.title), int(_WRAPPED * 0.9)):
        drawn.append(svg.text(0, y, line, 'font-weight="bold" font-size="13"'))
        y += svg.LINE
    for line in (part for whole in graph.lines for part in wrap(one_line(whole), _WRAPPED)):
        drawn.append(svg.text(0, y, line))
        y += svg.LINE
    return drawn, y - 4


def _cards(graph: Graph, top: float) -> Mapping[str, _Card]:
    """Where the nodes are: each as high as its share or its text, and beside the middle of what it leads to."""
    columns: defaultdict[int, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        columns[node.column].append(node)
    targets: defaultdict[str, list[Link]] = defaultdict(list)
    for link in graph.links:
        targets[link.source].append(link)
    widths = _WIDTHS[max(columns) + 1]
    gap = (svg.WIDTH - sum(widths)) / (len(widths) - 1)
    found: dict[str, _Card] = {}
    for place in sorted(columns, reverse=True):
        x = sum(widths[:place]) + gap * place
        wanted = {node.key: _wanted(targets[node.key], found) for node in columns[place]}
        heights = {node.key: _height(node) for node in columns[place]}
        nodes = sorted(columns[place], key=lambda node: wanted[node.key])
        start = sum(wanted.values()) / len(wanted) - (sum(heights.values()) + _GAP * (len(nodes) - 1)) / 2
        y = max(top, start)
        for place_in, node in enumerate(nodes):
            below = sum(heights[each.key] + _GAP for each in nodes[place_in:]) - _GAP
            if len(nodes) > 1 and place != max(columns):  # down to where it leads, if there is room below
                bottom = max(card.y + card.height for card in found.values())
                y = max(y, min(wanted[node.key] - heights[node.key] / 2, bottom - below))
            found[node.key] = _Card(node=node, x=x, y=y, width=widths[place], height=heights[node.key])
            y += heights[node.key] + _GAP
    return found


def _height(node: Node) -> float:
    return max(node.share * _SCALE, svg.LINE * len(node.lines) + _PADDING)


def _wanted(links: Sequence[Link], found: Mapping[str, _Card]) -> float:
    """The middle of what a node leads to, by what goes there; 0 for the last ones."""
    weights = [max(link.share, 1e-3) for link in links]
    middles = [found[link.target].middle for link in links]
    return sum(map(mul, weights, middles)) / sum(weights) if links else 0.0


def _bands(graph: Graph, cards: Mapping[str, _Card]) -> Iterator[str]:
    """A band for each link, those at one side of a card above each other in the order of where they lead."""
    links = sorted(graph.links, key=lambda link: (cards[link.source].y, cards[link.target].y))
    leaving, arriving = _starts(links, cards, "source"), _starts(links, cards, "target")
    for link in links:
        source, target = cards[link.source], cards[link.target]
        hint = f"{source.node.lines[0]} → {target.node.lines[0]}: {percent(link.share)}"
        begin, end = source.x + source.width, target.x
        colour = RED if target.node.standing is Standing.LOST else svg.colour_of(target.node.tier)
        if link.share <= LEAST:
            steps = _curve(begin, source.middle, end, target.middle)
            look = f'fill="none" stroke="{colour}" stroke-dasharray="2 4" stroke-opacity="0.6"'
            yield svg.path(f"M{number(begin)} {number(source.middle)}{steps}", look, hint=hint)
            continue
        thick = max(link.share * _SCALE, _THINNEST)
        y1, y2 = leaving[link.source], arriving[link.target]
        leaving[link.source] += thick
        arriving[link.target] += thick
        there, back = _curve(begin, y1, end, y2), _curve(end, y2 + thick, begin, y1 + thick)
        steps = f"M{number(begin)} {number(y1)}{there}L{number(end)} {number(y2 + thick)}{back}Z"
        yield svg.path(steps, f'fill="{colour}" fill-opacity="0.4"', hint=hint)


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (x1 + x2) / 2
    return f"C{number(middle)} {number(y1)} {number(middle)} {number(y2)} {number(x2)} {number(y2)}"


def _starts(links: Sequence[Link], cards: Mapping[str, _Card], side: str) -> dict[str, float]:
    """Where the first band of each card begins, so that all of them together stand in its middle."""
    thick: defaultdict[str, float] = defaultdict(float)
    for link in links:
        if link.share > LEAST:
            thick[link.source if side == "source" else link.target] += max(link.share * _SCALE, _THINNEST)
    return {key: cards[key].middle - total / 2 for key, total in thick.items()}


def _card(card: _Card, mark: str) -> Iterator[str]:
    """The outline, what the standing adds to it, and the text."""
    node, colour = card.node, svg.colour_of(card.node.tier)
    place = partial(svg.box, card.x, card.y, card.width, card.height)
    hint = ", ".join(node.lines)
    match node.standing:
        case Standing.SERVES:
            yield place(f'rx="3" fill="{colour}" fill-opacity="0.22" stroke="{colour}"', hint=hint)
            yield svg.box(card.x, card.y, 4, card.height, f'fill="{colour}"')
        case Standing.IDLE:
            yield place(f'rx="3" fill-opacity="0" stroke="{colour}" stroke-dasharray="4 3"', hint=hint)
        case Standing.UNHEALTHY:
            yield place(f'rx="3" fill="url(#{mark})" stroke="{RED}"', hint=hint)
        case Standing.EXCLUDED:
            yield place('rx="3" fill-opacity="0" stroke="currentColor" stroke-dasharray="1 3"', hint=hint)
        case Standing.LOST:
            yield place(f'rx="3" fill="{RED}" fill-opacity="0.22" stroke="{RED}" stroke-width="2"', hint=hint)
    y = card.middle - svg.LINE * len(node.lines) / 2 + 12
    for count, line in enumerate(node.lines):
        shown = cut(line, int((card.width - 14) / (_LETTER if count else _BOLD)))
        yield svg.text(card.x + 10, y + svg.LINE * count, shown, "" if count else 'font-weight="bold"')


def _legend(graph: Graph, top: float) -> tuple[list[str], float]:
    """What the colours and outlines mean, of those that are there."""
    colours: dict[str, str] = {}
    for tier, matched in graph.legend:
        colours[f"P{tier} {matched}"] = f'fill="{svg.colour_of(tier)}"'
    drawn: list[str] = []
    x, y = 0.0, top + 10
    for words, look in colours.items():
        width = 20 + _LETTER * len(words)
        if x and x + width > svg.WIDTH:
            x, y = 0.0, y + svg.LINE
        drawn += [svg.box(x, y - 10, 12, 12, look), svg.text(x + 17, y, cut(words, _WRAPPED - 4))]
        x += width + 14
    return drawn, y + 8 if colours else top
