import pytest
from tests.pictures import HOSTILE, balanced_dot, balanced_mermaid

from meshtier.display.graph import Graph, Kind, Link, Node, Standing
from meshtier.display.graph_text import dot_text, mermaid_text, to_dot, to_mermaid

GRAPH = Graph(
    title="web from a",
    nodes=[
        Node(key="c", lines=("a", "in re/a"), kind=Kind.CHOOSER),
        Node(key="g", lines=("peer",), kind=Kind.GATEWAY, standing=Standing.IDLE),
        Node(key="x", lines=("web-1",), group="east"),
        Node(key="y", lines=("web-2", "unhealthy"), standing=Standing.UNHEALTHY, group="east"),
    ],
    links=[
        Link(source="c", target="x", share=0.75, text="75 %"),
        Link(source="c", target="y", share=0.25),
        Link(source="c", target="g"),
    ],
)


def test_mermaid_has_shapes_groups_and_arrows_by_share() -> None:
    assert to_mermaid(GRAPH) == (
        '---\ntitle: "web from a"\n---\n'
        "flowchart LR\n"
        '  n0(["a<br>in re/a"])\n'
        '  n1{{"peer"}}:::idle\n'
        '  subgraph g0 ["east"]\n'
        '    n2["web-1"]\n'
        '    n3["web-2<br>unhealthy"]:::unhealthy\n'
        "  end\n"
        '  n0 ==>|"75 %"| n2\n'
        "  n0 --> n3\n"
        "  n0 -.-> n1\n"
        "  classDef idle stroke-dasharray:2 2\n"
        "  classDef unhealthy stroke:#d62f3a,stroke-width:2px,stroke-dasharray:6 2\n"
    )


def test_dot_has_shapes_groups_and_widths_by_share() -> None:
    assert to_dot(GRAPH).splitlines()[6:] == [
        r'  n0 [label="a\nin re/a", shape=box, style="rounded"]',
        '  n1 [label="peer", shape=hexagon, style="dashed"]',
        "  subgraph cluster_0 {",
        '    label="east"',
        '    n2 [label="web-1", shape=box]',
        r'    n3 [label="web-2\nunhealthy", shape=box, style="dashed,bold", color="#d62f3a"]',
        "  }",
        '  n0 -> n2 [label="75 %", penwidth=4.8]',
        "  n0 -> n3 [penwidth=2.2]",
        "  n0 -> n1 [style=dashed]",
        "}",
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("33.3 % P0", "33.3 % P0"),
        ("productpage-v1-7b9c5d4f68", "productpage-v1-7b9c5d4f68"),
        ('"#', "#34;#35;"),
        ("a\nb", "a b"),
        ("<b>", "#60;b#62;"),
        ("[x](y)", "#91;x#93;(y)"),
        ("%%{init}%%", "#37;#37;#123;init#125;#37;#37;"),
        ("*.example.com", "#42;.example.com"),
        ("- item", "#45; item"),
        ("1. one", "1#46; one"),
        ("\\n", "#92;n"),
        ("style:#", "st#121;le:#35;"),
        ("classDef", "cla#115;sDef"),
    ],
)
def test_mermaid_reads_a_label_as_it_is_meant(text: str, written: str) -> None:
    assert mermaid_text(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [('"', r"\""), ("\\N", r"\\N"), ("a\nb", "a b"), ("&lt;", "&amp;lt;"), ("\\", r"\\"), ("{|}", "{|}")],
)
def test_dot_reads_a_label_as_it_is_meant(text: str, written: str) -> None:
    assert dot_text(text) == written


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_ends_a_label(name: str) -> None:
    graph = Graph(
        title=name,
        nodes=[Node(key=name, lines=(name, name), group=name), Node(key="b", lines=(name,), kind=Kind.GATEWAY)],
        links=[Link(source=name, target="b", text=name)],
    )
    balanced_mermaid(to_mermaid(graph))
    balanced_dot(to_dot(graph))
