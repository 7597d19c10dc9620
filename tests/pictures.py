"""What tests of pictures look at: names that would break a careless one, and readers of what was drawn."""

import re
from html.parser import HTMLParser
from typing import Final
from xml.etree import ElementTree as ET

HOSTILE: Final = (
    "<script>alert(1)</script>",
    'a"b]c)d}',
    "x\ny",
    "\\",
    'a\\"b',
    "#quot;&lt;",
    '%%{init: {"theme":"dark"}}%%',
    "]]>",
    "--> n1",
    'click n0 "javascript:alert(1)"',
    "`*_~|;",
    "\x00\x1b[31m\u202e",
    "'); DROP",
    "style a:#b;",
)

SVG: Final = "{http://www.w3.org/2000/svg}"
_ALLOWED: Final = {
    *("svg", "title", "style", "defs", "pattern", "rect", "path", "text", "g", "line"),
}
_LABEL: Final = re.compile(r'"([^"\n]*)"')
_DOT_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


def drawn(svg: str) -> ET.Element:
    """The picture, which is well-formed and holds nothing that runs or is loaded."""
    root = ET.fromstring(svg)  # noqa: S314  # what was drawn a moment ago
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= _ALLOWED
    for each in root.iter():
        for name, value in each.attrib.items():
            assert not name.startswith("on"), name
            assert "href" not in name
            assert "url(" not in value or value.startswith("url(#"), value
    assert "@import" not in svg
    assert "url(http" not in svg
    return root


def texts(svg: str) -> list[str]:
    """What is written on a picture, line by line."""
    return ["".join(each.itertext()) for each in drawn(svg).iter(f"{SVG}text")]


def inside(svg: str, *, letter: float = 7.0) -> None:
    """Everything that is drawn is within the picture, and texts are, as far as that is known without a font."""
    root = drawn(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for each in root.iter(f"{SVG}rect"):
        if "x" in each.attrib:
            assert float(each.attrib["x"]) >= 0
            assert float(each.attrib["x"]) + float(each.attrib["width"]) <= width + 0.2
            assert float(each.attrib["y"]) + float(each.attrib["height"]) <= height
    for each in root.iter(f"{SVG}text"):
        said = "".join(each.itertext())
        assert float(each.attrib["x"]) + letter * len(said) <= width + 12, said
        assert 0 <= float(each.attrib["y"]) <= height


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}


def without_resources(page: str) -> None:
    """The page runs and loads nothing."""
    parser = _Page()
    parser.feed(page)
    parser.close()
    assert not parser.tags & {"script", "link", "iframe", "img", "object", "embed", "base", "a"}
    assert not {name for name in parser.names if name.startswith("on")} | (parser.names & {"src", "href"})


def balanced_mermaid(text: str) -> None:
    """Every line of a flowchart has whole labels, and nothing outside of them but what flowcharts are made of."""
    assert text.startswith('---\ntitle: "')
    head, _, body = text.partition("\n---\nflowchart LR\n")
    assert head.count("\n") == 1
    assert "%%{" not in text
    for line in body.splitlines():
        bare = _LABEL.sub("", line).strip()
        assert re.fullmatch(
            r"(n\d+(\(\[\]\)|\{\{\}\}|\[\])(:::\w+)?)|(subgraph g\d+ \[\])|end|(n\d+ (==>|-->|-\.->)(\|\|)? n\d+)"
            r"|(classDef \w+ [\w:#,. -]+)",
            bare,
        ), line
        for label in _LABEL.findall(line):
            assert "style" not in label
            assert "classDef" not in label
            assert not set(label.replace("<br>", "")) & set("<>[]{}|`\\"), line


def balanced_dot(text: str) -> None:
    """Every line of a graph of Graphviz has whole strings, and the braces around them are balanced."""
    bare = _DOT_STRING.sub("", text)
    assert '"' not in bare
    assert "\\" not in bare
    assert bare.count("{") == bare.count("}")
    assert "\\N" not in re.sub(r"\\\\", "", text)
