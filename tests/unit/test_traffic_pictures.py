"""Traffic as pictures, pages and displays: well-formed, self-contained, and with the numbers in the cells."""

import json
import re
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve
from tests.meshes import HOST, cluster, pod, service

from meshtier.locality import Locality
from meshtier.mesh import Mesh
from meshtier.traffic import Overview, Prices, Traffic, ZoneMatrix, overview, zone_matrix

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "<script>alert('x')</script>&\"#%`\x1b[31m"
A = Locality("n", "r", "a", "", "n-a")
B = Locality("n", "r", "b", "", "n-b")


def mesh(b: Locality = B, *, mode: str = "Any") -> Mesh:
    web = [pod("w1", A), pod("w2", b)]
    return Mesh((cluster([pod("x", A), pod("y", b), *web], [service(web, annotation=mode)]),))


def rates(x: float = 6, y: float = 4) -> Traffic:
    return Traffic.from_mapping({("shop/x", HOST): x, ("shop/y", HOST): y}, unit="MB/s")


def both() -> Overview:
    before, after = (overview(mesh(mode=mode), rates(), prices=Prices(zone=1)) for mode in ("Any", "PreferClose"))
    return after.after(before)


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  # our own


def texts_of(svg: str) -> list[str]:
    """What is written, without what a browser says of it."""
    found = drawn(svg).iter(f"{SVG}text")
    return [(each.text or "") + "".join(hint.tail or "" for hint in each) for each in found]


def cells(svg: str) -> dict[str, str]:
    """The colour of each cell, by what a browser says of it."""
    return {each.findtext(f"{SVG}title") or "": each.attrib["fill"] for each in drawn(svg).iter(f"{SVG}rect")}


def test_a_cell_has_its_number_and_zero_is_white() -> None:
    matrix = zone_matrix(mesh(mode="PreferClose"), rates())
    svg = matrix.to_svg()
    assert cells(svg) == {
        "a to a: 6, 60 % of all": "#3a9d78",
        "a to b: 0, 0 % of all": "#ffffff",
        "b to a: 0, 0 % of all": "#ffffff",
        "b to b: 4, 40 % of all": cells(svg)["b to b: 4, 40 % of all"],
    }
    assert texts_of(svg)[2:] == ["a", "b", "a", "6", "0", "b", "0", "4"]


def test_what_stays_what_leaves_and_what_is_lost_have_colours_of_their_own() -> None:
    web = [pod("w1", A), pod("w2", B)]
    sick = Mesh((cluster([pod("x", A), *web], [service(web, annotation="Any"), service([], name="gone")]),))
    found = cells(zone_matrix(sick, Traffic.from_mapping({"shop/x": {HOST: 2, "gone.shop": 1}})).to_svg())
    assert (
        len(
            {found["a to a: 1, 33.3 % of all"], found["a to b: 1, 33.3 % of all"], found["a to lost: 1, 33.3 % of all"]}
        )
        == 3
    )


@pytest.mark.parametrize("form", ["svg", "html"])
def test_names_are_escaped_and_nothing_is_loaded(form: str) -> None:
    matrix = zone_matrix(mesh(B._replace(zone=EVIL)), rates())
    text = matrix.to_svg() if form == "svg" else matrix.to_html()
    assert "<script" not in text
    assert not re.search(r"(src|href)=|url\(|@import", text)
    if form == "svg":
        assert "\x1b" not in text
        assert any("script" in (each.text or "") for each in drawn(text).iter(f"{SVG}title"))


def test_a_long_name_keeps_both_ends_and_all_of_it_stands_in_the_title() -> None:
    name = "a-very-long-name-of-a-zone-that-differs-in-its-last-letter-b"
    svg = zone_matrix(mesh(B._replace(zone=name)), rates()).to_svg()
    texts = texts_of(svg)
    assert name not in texts
    assert any(text.startswith("a-very") and text.endswith("letter-b") for text in texts if "…" in text)
    assert any(name in title for title in cells(svg))


def test_before_and_after_stand_one_above_the_other() -> None:
    found = both()
    texts = texts_of(found.to_svg())
    assert [text.partition(":")[0] for text in texts if text.startswith(("before", "after"))] == ["before", "after"]
    assert len(cells(found.to_svg())) == 4 + 4


def test_an_empty_matrix_can_be_drawn() -> None:
    matrix = zone_matrix(mesh(), Traffic.from_mapping({}))
    drawn(matrix.to_svg())
    assert matrix.to_mermaid().startswith("flowchart LR\n")
    assert repr(matrix) == "<ZoneMatrix no traffic: 0 units>"
    assert matrix.to_table().rows == ()


def test_mermaid_has_an_arrow_for_each_pair_and_names_that_cannot_end_it() -> None:
    text = zone_matrix(mesh(B._replace(zone=EVIL)), rates()).to_mermaid()
    assert text.count("-->") == 2
    assert text.count(".->") == 2
    for line in text.splitlines():
        if "script" in line and not line.lstrip().startswith("%%"):
            name = re.fullmatch(r'\s*[ce]\d+\(?\["?(.*?)"?\]\)?', line)
            assert name is not None
            assert not set('<>"`%') & set(name[1])
    assert '-. "3" .->' in text


def test_mermaid_is_small_enough_for_a_pull_request() -> None:
    pods = [pod(f"x{n}", Locality("n", "r", f"zone-{n:02}", "", f"n{n}")) for n in range(30)]
    text = zone_matrix(Mesh((cluster(pods, [service(pods, annotation="Any")]),))).to_mermaid()
    assert text.count("-->") + text.count(".->") == 30
    assert "… and 51 smaller" in text  # 9 times 9 pairs
    assert len(text) < 3_000


def test_a_display_is_no_longer_than_a_screen() -> None:
    pods = [pod(f"x{n}", Locality("n", "r", f"zone-{n:02}", "", f"n{n}")) for n in range(40)]
    made = Mesh((cluster(pods, [service(pods, name=f"s{n}", annotation="Any") for n in range(40)]),))
    found = overview(made)
    for each in (found, found.matrix, found.load, found.matrix.found):
        assert "\n" not in repr(each)
        assert len(repr(each)) < 300
    for shown in (found.matrix, found.load, found):
        assert shown._repr_html_().count("<tr") < 60


# The whole


def test_an_overview_tells_matrix_services_skew_and_cost_in_that_order() -> None:
    found = overview(mesh(), rates(9, 1), prices=Prices(zone=1))
    assert [section.heading for section in found.report.sections] == [
        "from zone to zone, in MB/s",
        "services of which most leaves its zone",
        "load of endpoints, in MB/s",
        "cost",
    ]
    assert overview(mesh(), rates()).report.sections[-1].heading != "cost"


def test_with_a_change_every_figure_is_told_before_and_after() -> None:
    found = both()
    headings = {section.heading: section for section in found.report.sections}
    matrix = headings["from zone to zone, in MB/s"].table
    assert matrix is not None
    assert matrix.rows == (("a", "3 → 6", "3 → 0"), ("b", "2 → 0", "2 → 4"))
    services = headings["services of which most leaves its zone"].table
    assert services is not None
    assert services.rows[0][:4] == (HOST, "5 → 0", "50 % → 100 %", "50 % → 0 %")
    loads = headings["load of endpoints, in MB/s"].table
    assert loads is not None
    assert loads.rows[0][:5] == (HOST, "2", "5", "5 → 6", "1.00 → 1.20")
    assert headings["cost"].lines[0] == "-13,140.00 USD a month: before 13,140.00 USD a month; after 0.00 USD a month"


def test_plain_data_holds_both_sides_and_the_deltas() -> None:
    data = json.loads(json.dumps(both().to_dict()))
    assert list(data) == ["version", "summary", "matrix", "load", "cost", "cost_by_legs", "before", "deltas"]
    assert list(data["deltas"]) == ["matrix", "load", "cost"]
    (cross,) = [
        each for each in data["deltas"]["matrix"]["deltas"] if (each["of"], each["figure"]) == ("", "cross-zone")
    ]
    assert cross == {"of": "", "figure": "cross-zone", "unit": "share", "before": 0.5, "after": 0.0, "change": -0.5}
    assert "before" not in overview(mesh(), rates()).to_dict()


def test_csv_says_of_which_side_a_line_is() -> None:
    head, *lines = both().to_csv().splitlines()
    assert head.startswith("side,host,cluster")
    assert [line.partition(",")[0] for line in lines] == ["before"] * 4 + ["after"] * 2


def test_markdown_is_a_report_with_tables() -> None:
    text = both().to_markdown()
    assert text.startswith("## before: 10 MB/s")
    assert "| a | 3 → 6 | 3 → 0 |" in text


def test_a_page_shows_picture_and_tables() -> None:
    page = both().to_html()
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<svg") == 1
    assert "3 → 6" in page


def test_a_matrix_of_its_own_flows_is_the_same_matrix() -> None:
    matrix = zone_matrix(mesh(), rates())
    assert evolve(matrix).cells == ZoneMatrix(found=matrix.found).cells


def test_a_note_of_one_side_says_of_which() -> None:
    rate = Traffic.from_mapping({("shop/x", HOST): 1, ("zone=b", HOST): 2, ("z", HOST): 3})
    found = overview(mesh().without(zone="b"), rate).after(overview(mesh(), rate))
    assert found.notes[:2] == (
        "before: 1 rate kept aside, 3 units in all: no client z (3)",
        "after: 2 rates kept aside, 5 units in all: no client z (3), no client is at zone=b (2)",
    )
