"""The picture of a timeline: well-formed, self-contained, and where things are on it."""

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

import pytest
from tests.timelines import AWAY, HOME, failover, happens, stretch, timeline

from meshtier.locality import Locality
from meshtier.simulate import EventKind, Timeline
from meshtier.simulate.picture import COLOURS, MOST_ROWS, OTHERS, RED, WIDTH, colours_of
from meshtier.simulate.picture_layers import columns_of
from meshtier.simulate.picture_scale import MOST_LANES, Axis, labels_of, time_text

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "<script>alert('x')</script>&\x1b[31m\n"


def drawn(found: Timeline) -> ET.Element:
    return ET.fromstring(found.to_svg())  # noqa: S314  # our own


def texts(found: Timeline) -> list[str]:
    return [each.text or "" for each in drawn(found).iter(f"{SVG}text")]


def titled(found: Timeline, tag: str) -> dict[str, ET.Element]:
    """What is drawn, by what a browser says of it."""
    return {title: each for each in drawn(found).iter(f"{SVG}{tag}") if (title := each.findtext(f"{SVG}title"))}


def points(path: str) -> Iterator[tuple[float, float]]:
    """The corners of an outline of steps."""
    x = y = 0.0
    for command, first, second in re.findall(r"([MHV])([-\d.]+)(?: ([-\d.]+))?", path):
        x, y = (float(first), float(second)) if command == "M" else (x, y)
        x, y = (float(first) if command == "H" else x, float(first) if command == "V" else y)
        yield x, y


def near(point: tuple[float, float], corners: Sequence[tuple[float, float]]) -> bool:
    """Whether a point is a corner, but for rounding."""
    return any(abs(point[0] - x) < 0.11 and abs(point[1] - y) < 0.11 for x, y in corners)


def test_a_picture_names_who_asks_and_how_it_ends() -> None:
    found = texts(failover())
    assert found[:2] == ["web.shop.svc.cluster.local from shop/client", failover().summary]
    assert {"a1 answers 500", "a1", "a2", "0", "10s", "1m", "errors", "100 %", "re/a", "re/b"} <= set(found)
    assert {"fails", "ejection refused", "in a row: ejected, in the colour of its zone"} <= set(found)
    assert "finds no endpoint" not in found


def test_an_area_is_as_high_as_the_share_and_as_wide_as_the_time() -> None:
    found = titled(failover(), "path")
    home = list(points(found["re/a"].attrib["d"]))
    left, right = min(x for x, _ in home), max(x for x, _ in home)
    top, bottom = min(y for _, y in home), max(y for _, y in home)
    height, axis = bottom - top, Axis(60, left, right)
    assert (left, right) == (52, WIDTH - 12)
    assert near((axis.x(11), bottom - 0.4 * height), home)
    assert near((axis.x(40), top), home)
    away = list(points(found["re/b"].attrib["d"]))
    assert near((axis.x(11), top), away)
    assert near((axis.x(40), bottom - 0.4 * height), away)
    failing = list(points(found["re/a, fails"].attrib["d"]))
    assert near((axis.x(10), top + 0.5 * height), failing)
    assert near((axis.x(11), top), failing)


def test_what_fails_and_what_is_lost_are_red() -> None:
    found = titled(timeline(stretch(0, 1, HOME, {"a1": 0.2}), stretch(1, 2, AWAY | {"b1": 0.5}, lost=0.5)), "path")
    hatch = found["re/a, fails"].attrib["fill"].removeprefix("url(#").removesuffix(")")
    assert found["no endpoint"].attrib["fill"] == RED
    pattern = next(each for each in drawn(failover()).iter(f"{SVG}pattern"))
    assert RED in ET.tostring(pattern, encoding="unicode")
    assert hatch.startswith("meshtier-fails-")
    assert re.findall(r'pattern id="([^"]+)"', failover().to_svg()) != [hatch]


def test_failed_requests_can_be_seen_however_short_they_fail() -> None:
    found = timeline(
        stretch(0, 1000, HOME), stretch(1000, 1000.1, HOME, {"a1": 0.5}, rate=100), stretch(1000.1, 36000, AWAY)
    )
    strip = titled(found, "rect")["1,000 s to 1,000.1 s: 5 of 10 requests fail"]
    assert float(strip.attrib["width"]) >= 1.5


def test_an_ejection_is_a_bar_from_its_beginning_to_its_end() -> None:
    bar = titled(failover(), "rect")["a1 ejected by shop/waypoint-1 from 11 s to 40 s"]
    axis = Axis(60, 52, WIDTH - 12)
    assert float(bar.attrib["x"]) == pytest.approx(axis.x(11), abs=0.1)
    assert float(bar.attrib["width"]) == pytest.approx(axis.x(40) - axis.x(11), abs=0.1)
    assert bar.attrib["fill"] == colours_of(failover())["re/a"]
    open_end = timeline(stretch(0, 60, HOME), events=[happens(30, EventKind.EJECTED, "a1")])
    bar = titled(open_end, "rect")["a1 ejected from 30 s to the end"]
    assert float(bar.attrib["x"]) + float(bar.attrib["width"]) == pytest.approx(axis.x(60), abs=0.1)


def test_bars_of_several_proxies_share_the_row() -> None:
    events = [happens(number, EventKind.EJECTED, "a1", by=f"w{number}") for number in range(3)]
    found = titled(timeline(stretch(0, 60, HOME), events=events), "rect")
    bars = [each for title, each in found.items() if title.startswith("a1 ejected")]
    assert len({each.attrib["y"] for each in bars}) == 3
    assert {each.attrib["height"] for each in bars} == {"3"}


def test_a_long_error_right_after_a_short_one_is_drawn() -> None:
    """Both begin within half a pixel, for 60 s have 736 of them."""
    short = stretch(10, 10.001, AWAY, AWAY, rate=1000)
    found = titled(timeline(stretch(0, 10, HOME), short, stretch(10.001, 60, AWAY, AWAY)), "rect")
    strip = [each for each in found.values() if each.attrib.get("fill") == RED]
    assert max(float(each.attrib["width"]) for each in strip) == pytest.approx(613.2, abs=0.1)  # 50 s of 60 s in 736 px


def test_a_long_ejection_right_after_a_short_one_is_drawn() -> None:
    spans = ((EventKind.EJECTED, 10.0), (EventKind.RETURNED, 10.0005), (EventKind.EJECTED, 10.001))
    events = [happens(at, kind, "a1", by="w") for kind, at in spans]
    found = titled(timeline(stretch(0, 60, HOME), events=events), "rect")
    (bar,) = [each for title, each in found.items() if title == "a1 ejected by w from 10.001 s to the end"]
    assert float(bar.attrib["width"]) == pytest.approx(613.2, abs=0.1)


def test_of_many_endpoints_the_first_have_a_row_and_the_others_are_counted() -> None:
    events = [happens(number / 10, EventKind.EJECTED, f"e{number}") for number in range(MOST_ROWS + 3)]
    found = texts(timeline(stretch(0, 60, HOME), events=events))
    assert f"e{MOST_ROWS - 1}" in found
    assert f"e{MOST_ROWS}" not in found
    assert "+3 more endpoints" in found


def test_zones_have_colours_in_the_order_in_which_they_get_traffic() -> None:
    places = {f"e{number}": Locality(zone=f"z{number}") for number in range(12)}
    shares = dict.fromkeys(places, 1 / 12)
    found = colours_of(timeline(stretch(0, 1, {"e5": 0.4, "e7": 0.6}), stretch(1, 2, shares), places=places))
    assert list(found)[:4] == ["z7", "z5", "z0", "z1"]
    assert list(found.values()) == [*COLOURS, *[OTHERS] * 4]
    assert "4 more zones" in texts(timeline(stretch(0, 1, shares), places=places))


def test_labels_lie_neither_on_each_other_nor_on_a_line() -> None:
    axis = Axis(100, 52, 788)
    events = [happens(at, EventKind.CHANGE, text=f"something happens at {at}") for at in (1, 5, 9, 30, 33, 36, 95, 99)]
    labels = labels_of(events, axis)
    assert [label.x for label in labels] == [axis.x(event.at) for event in events]
    shown = [label for label in labels if label.lane is not None]
    assert len(shown) >= 7
    for one in shown:
        assert one.right <= axis.right + 1e-6
        for other in shown:
            if other is not one and other.lane == one.lane:
                assert one.right < other.left or other.right < one.left
            if other.lane is not None and one.lane is not None and other.lane < one.lane:
                assert not other.left < one.x < other.right


def test_events_at_one_place_have_one_label() -> None:
    events = [happens(10, EventKind.CHANGE, text=f"event {number}") for number in range(3)]
    (label,) = labels_of(events, Axis(100, 52, 788))
    assert (label.text, label.whole) == ("event 0 +2", "event 0\nevent 1\nevent 2")


def test_there_are_only_so_many_lanes_of_labels() -> None:
    events = [happens(at, EventKind.CHANGE, text="a text that is long " * 3) for at in range(0, 100, 2)]
    lanes = {label.lane for label in labels_of(events, Axis(100, 52, 788))}
    assert lanes == {None, *range(MOST_LANES)}


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (600.0, ["0", "1m", "2m", "3m", "4m", "5m", "6m", "7m", "8m", "9m", "10m"]),
        (100.0, ["0", "10s", "20s", "30s", "40s", "50s", "1m", "1m10s", "1m20s", "1m30s", "1m40s"]),
        (0.02, ["0", "0.002s", "0.004s", "0.006s", "0.008s", "0.01s", "0.012s", "0.014s", "0.016s", "0.018s", "0.02s"]),
        (7200.0, ["0", "15m", "30m", "45m", "1h", "1h15m", "1h30m", "1h45m", "2h"]),
    ],
)
def test_the_scale_has_round_times(duration: float, expected: list[str]) -> None:
    assert [text for _, text in Axis(duration, 0, 100).ticks()] == expected


def test_every_length_has_some_marks_and_not_too_many() -> None:
    for exponent in range(-4, 8):
        for factor in (1, 3, 7):
            assert 1 <= len(list(Axis(factor * 10.0**exponent, 0, 100).ticks())) <= 11


def test_times_are_short() -> None:
    assert [time_text(seconds) for seconds in (0, 59.9996, 3661, 1e-5)] == ["0", "1m", "1h1m1s", "0"]


def test_stretches_that_are_too_short_to_be_seen_are_drawn_together() -> None:
    found = timeline(
        stretch(0, 10, HOME),
        stretch(10, 10.25, AWAY),
        stretch(10.25, 11, HOME),
        stretch(11, 11.5, AWAY),
        stretch(11.5, 20, HOME),
    )
    columns = columns_of(found, 1.0)
    assert [(each.start, each.end, len(each.intervals)) for each in columns] == [
        (0, 10, 1),
        (10, 11, 2),
        (11, 11.5, 1),
        (11.5, 20, 1),
    ]
    assert columns[1].parts["re/b"] == pytest.approx(0.25)


def test_a_picture_of_very_many_events_stays_small() -> None:
    count = 10_000
    intervals = [stretch(at, at + 1, HOME if at % 2 else AWAY, {"a1": 0.5} if at % 2 else None) for at in range(count)]
    kinds = (EventKind.CHANGE, EventKind.EJECTED, EventKind.REFUSED, EventKind.RETURNED)
    events = [happens(at, kinds[at % 4], f"e{at // 4 % 30}", "text") for at in range(count)]
    assert len(timeline(*intervals, events=events).to_svg()) < 700_000


@pytest.mark.parametrize("kind", EventKind)
def test_every_name_is_escaped(kind: EventKind) -> None:
    found = timeline(
        stretch(0, 1, {EVIL: 0.5}, {EVIL: 0.5}, lost=0.5, reason=EVIL),
        events=[happens(0.5, kind, EVIL, EVIL, by=EVIL)],
        places={EVIL: Locality(region=EVIL)},
        clients=(EVIL,),
        host=EVIL,
    )
    svg = found.to_svg()
    assert f"{SVG}script" not in {each.tag for each in ET.fromstring(svg).iter()}  # noqa: S314  # our own
    assert "&lt;script&gt;" in svg
    assert "\x1b" not in svg


def test_a_picture_loads_nothing_and_takes_the_colour_of_the_text() -> None:
    svg = failover().to_svg()
    assert svg.count("http") == 1  # the name space
    assert 'fill="currentColor"' in svg
    assert "prefers-color-scheme:dark" in svg
    assert not re.search(r"href|<script|<image|@import", svg)


def test_the_smallest_timeline_can_be_drawn() -> None:
    assert "no endpoint" in titled(timeline(stretch(0, 1, {}, lost=1.0), places={}), "path")
    assert texts(timeline(stretch(0, 0.5, HOME)))[1] == "no request fails"
