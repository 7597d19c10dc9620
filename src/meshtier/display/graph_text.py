"""How is a graph written so that other tools draw it? As Mermaid for a pull request, and as DOT for Graphviz.

Both are text, small, and without a package. What names hold can end no label:
it is escaped as each language wants it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from meshtier.display.graph import LEAST, Graph, Kind, Link, Node, Standing
from meshtier.table import one_line

_MERMAID_ESCAPED: Final = re.compile(
    r"""[#"'&<>\\`*_~\[\]{}|;@$^]|%%|%(?=\{)|(?<=\})%|^[-+](?=\s)|(?<=^\d)\.|://"""
    r"""|(?<=st)y(?=le)|(?<=cla)s(?=sDef)"""
)
"""What a label of Mermaid may not hold as it is.

Quotes end a label, ``#`` begins an entity, and in ``%%{...}%%`` settings are
looked for wherever it stands. On a line with ``style`` or ``classDef``, wherever
that stands, the last ``;`` is dropped, which would end an entity. The rest is
Markdown or HTML, which labels are read as, or would be an address that some
viewers make a link of.

Source: mermaid-js/mermaid packages/mermaid/src/utils.ts, encodeEntities, and
packages/mermaid/src/diagram-api/regexes.ts, directiveRegex, at mermaid@11.17.2.
"""

_THICK: Final = 0.5
"""From this share on a link is drawn thick."""

_MERMAID_SHAPES: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.PLACE: ("([", "])"),
    Kind.CHOOSER: ("([", "])"),
    Kind.GATEWAY: ("{{", "}}"),
    Kind.ENDPOINT: ("[", "]"),
    Kind.REST: ("[", "]"),
}
_MERMAID_CLASSES: Final[Mapping[Standing, str]] = {
    Standing.IDLE: "stroke-dasharray:2 2",
    Standing.UNHEALTHY: "stroke:#d62f3a,stroke-width:2px,stroke-dasharray:6 2",
    Standing.EXCLUDED: "stroke:#8c8c8c,stroke-dasharray:1 4",
    Standing.LOST: "stroke:#d62f3a,stroke-width:4px",
}
_DOT_SHAPES: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.PLACE: ("box", "rounded"),
    Kind.CHOOSER: ("box", "rounded"),
    Kind.GATEWAY: ("hexagon", ""),
    Kind.ENDPOINT: ("box", ""),
    Kind.REST: ("box", ""),
}
"""The shape of each kind, and what that adds to its style."""

_DOT_LOOKS: Final[Mapping[Standing, tuple[str, str]]] = {
    Standing.SERVES: ("", ""),
    Standing.IDLE: ("dashed", ""),
    Standing.UNHEALTHY: ("dashed,bold", "#d62f3a"),
    Standing.EXCLUDED: ("dotted", "#8c8c8c"),
    Standing.LOST: ("bold", "#d62f3a"),
}
"""The style of each standing, and its colour."""


def to_mermaid(graph: Graph) -> str:
    """The graph as a flowchart of Mermaid, which GitHub and GitLab draw in a block fenced as ``mermaid``."""
    ids = {node.key: f"n{place}" for place, node in enumerate(graph.nodes)}
    lines = ["---", f"title: {_yaml_text(graph.title)}", "---", "flowchart LR"]
    lines += _grouped(graph, lambda node: _mermaid_node(ids[node.key], node), _mermaid_group, "  end")
    lines += [f"  {_mermaid_link(link, ids)}" for link in graph.links]
    used = {node.standing for node in graph.nodes}
    lines += [f"  classDef {each.value} {look}" for each, look in _MERMAID_CLASSES.items() if each in used]
    return "\n".join(lines) + "\n"


def to_dot(graph: Graph) -> str:
    """The graph in the language of Graphviz, as ``dot -Tsvg`` reads it."""
    ids = {node.key: f"n{place}" for place, node in enumerate(graph.nodes)}
    lines = [
        "digraph meshtier {",
        "  rankdir=LR",
        f"  label={_dot_text(graph.title)}",
        "  labelloc=t",
        '  node [fontname="sans-serif", fontsize=11]',
        '  edge [fontname="sans-serif", fontsize=10]',
    ]
    lines += _grouped(graph, lambda node: _dot_node(ids[node.key], node), _dot_group, "  }")
    lines += [f"  {_dot_link(link, ids)}" for link in graph.links]
    return "\n".join([*lines, "}"]) + "\n"


def mermaid_text(text: str) -> str:
    """A text as a label of Mermaid holds it, without the quotes around it.

    >>> mermaid_text('say "hi" #1')
    'say #34;hi#34; #35;1'
    """
    return _MERMAID_ESCAPED.sub(lambda found: "".join(f"#{ord(letter)};" for letter in found[0]), one_line(text))


def dot_text(text: str) -> str:
    r"""A text as a label of Graphviz holds it, without the quotes around it.

    >>> print(dot_text('say "hi" \\N'))
    say \"hi\" \\N
    """
    plain = one_line(text).replace("&", "&amp;")  # else &lt; in a name would become <
    return plain.replace("\\", "\\\\").replace('"', '\\"')


def _grouped(graph: Graph, written: Callable[[Node], str], begin: Callable[[int, str], str], end: str) -> Iterator[str]:
    """The nodes, those of one group together."""
    yield from (f"  {written(node)}" for node in graph.nodes if not node.group)
    for place, group in enumerate(dict.fromkeys(node.group for node in graph.nodes if node.group)):
        yield begin(place, group)
        yield from (f"    {written(node)}" for node in graph.nodes if node.group == group)
        yield end


def _mermaid_group(place: int, group: str) -> str:
    return f'  subgraph g{place} ["{mermaid_text(group)}"]'


def _mermaid_node(name: str, node: Node) -> str:
    begin, end = _MERMAID_SHAPES[node.kind]
    label = "<br>".join(mermaid_text(line) for line in node.lines)
    look = f":::{node.standing.value}" if node.standing in _MERMAID_CLASSES else ""
    return f'{name}{begin}"{label}"{end}{look}'


def _mermaid_link(link: Link, ids: Mapping[str, str]) -> str:
    arrow = "==>" if link.share >= _THICK else "-->" if link.share > LEAST else "-.->"
    text = f'|"{mermaid_text(link.text)}"|' if link.text else ""
    return f"{ids[link.source]} {arrow}{text} {ids[link.target]}"


def _yaml_text(text: str) -> str:
    """A text as a double-quoted scalar of YAML: the title stands in front matter, which is YAML."""
    # Mermaid decodes entities in labels, not here, and looks for settings before it reads the front matter.
    plain = one_line(text).replace("%%", "% %").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def _dot_group(place: int, group: str) -> str:
    return f"  subgraph cluster_{place} {{\n    label={_dot_text(group)}"


def _dot_node(name: str, node: Node) -> str:
    label = "\\n".join(dot_text(line) for line in node.lines)
    shape, rounded = _DOT_SHAPES[node.kind]
    dashes, colour = _DOT_LOOKS[node.standing]
    style = ",".join(filter(None, (rounded, dashes)))
    looks = [f'label="{label}"', f"shape={shape}"]
    looks += [f'style="{style}"'] if style else []
    looks += [f'color="{colour}"'] if colour else []
    return f"{name} [{', '.join(looks)}]"


def _dot_link(link: Link, ids: Mapping[str, str]) -> str:
    looks = [f"label={_dot_text(link.text)}"] if link.text else []
    looks.append(f"penwidth={1 + 5 * link.share:.1f}" if link.share > LEAST else "style=dashed")
    return f"{ids[link.source]} -> {ids[link.target]} [{', '.join(looks)}]"


def _dot_text(text: str) -> str:
    return f'"{dot_text(text)}"'
