"""The pictures in the docs are what the code draws.

Run as a program, this file draws them anew: ``python -m tests.unit.test_docs_pictures``.
"""

import re
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.pictures import drawn, inside

from meshtier.display.path_graph import MOST
from meshtier.display.path_picture import route_chart
from meshtier.display.picture import Picture
from meshtier.display.routes_graph import MOST_NODES
from meshtier.display.topology import topology
from meshtier.kube import load

ROOT: Final = Path(__file__).parents[2]
STATIC: Final = ROOT / "docs/_static"


def pictures() -> dict[str, Picture]:
    """Each picture of the docs by the name of its file."""
    mesh = load(ROOT / "examples/bookinfo/gateways")
    return {
        "path.svg": route_chart(mesh.route("bookinfo/curl-east", "productpage.bookinfo.mesh.internal")),
        "topology.svg": topology(mesh),
    }


@pytest.mark.parametrize("name", ["path.svg", "topology.svg"])
def test_a_picture_of_the_docs_is_what_the_code_draws(name: str) -> None:
    svg = (STATIC / name).read_text(encoding="utf-8")
    assert svg == pictures()[name].to_svg()
    drawn(svg)
    inside(svg)


def test_every_picture_that_a_page_shows_is_drawn_here_and_has_words_for_whoever_cannot_see_it() -> None:
    shown = set()
    for page in (ROOT / "docs").rglob("*.md"):
        for words, name in re.findall(r"!\[([^\]]*)\]\(\S*_static/(\S+\.svg)\)", page.read_text(encoding="utf-8")):
            assert len(words) > 20, page
            shown.add(name)
    assert shown == set(pictures()) == {each.name for each in STATIC.glob("*.svg")}


def test_the_how_to_says_how_much_is_shown() -> None:
    page = (ROOT / "docs/how-to/draw-pictures.md").read_text(encoding="utf-8")
    assert ("Of more than twelve endpoints" in page, MOST) == (True, 12)
    assert ("Above some\nsixty nodes" in page, MOST_NODES) == (True, 60)


if __name__ == "__main__":
    for name, picture in pictures().items():
        picture.save(STATIC / name)
        sys.stdout.write(f"{STATIC / name}\n")
