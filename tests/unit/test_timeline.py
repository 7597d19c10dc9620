"""How a timeline is told: as text, as tables, as data, and how it ends as one line."""

import json
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest
from tests.timelines import AWAY, EJECTED_BY, HOME, PLACES, failover, happens, stretch, timeline

from meshtier.locality import Locality
from meshtier.note import Note
from meshtier.simulate import Ejection, EventKind, Interval, Timeline
from meshtier.simulate.timeline_words import bar, rate_text

EVIL = "<script>alert('x')</script>|&\n"
FAILS = {"a1": 0.5}
AGAIN_AT_THE_END = "10 more fail later; no failback until the end; 50 % of the requests fail at the end"


def test_the_whole_timeline_as_text() -> None:
    assert failover().explain() == (
        """\
web.shop.svc.cluster.local

from  shop/client
by    waypoint shop/waypoint, profile solo
for   60 s, 10 requests a second

what happens
  at  what              where  details
 0 s  traffic           re/a   ████████████████████    100 %
10 s  change            a1     answers 500
      traffic           re/a   ████████████████████    100 %
                        fails  ▒▒▒▒▒▒▒▒▒▒               50 %
11 s  ejected           a1     5 answers in a row, by shop/waypoint-1 [OD-1]
      traffic           re/a   ████████                 40 %
                        re/b   ████████████             60 %
12 s  ejection refused  a2     3 times: the limit is reached, by shop/waypoint-1 [OD-2]
40 s  returned          a1     30 s are over, by shop/waypoint-1 [OD-1]
      traffic           re/a   ████████████████████    100 %

in all
  600 requests: re/a 426, re/b 174
  5 requests failed (0.8 %), the first from 10 s on
  ejected 1, ejection refused 3, returned 1

failover after 1 s and 5 failed requests; failback at 40 s"""
    )


def test_what_one_prints_is_the_whole_of_it_and_a_repr_one_line() -> None:
    assert str(failover()) == failover().explain()
    assert repr(failover()) == "<Timeline web.shop.svc.cluster.local over 60 s: 4 events, 5 errors>"


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([stretch(0, 60, HOME)], "no request fails"),
        (
            [stretch(0, 10, HOME), stretch(10, 20, AWAY), stretch(20, 30, HOME)],
            "no request fails; traffic moves at 10 s and is back at 20 s",
        ),
        (
            [stretch(0, 10, HOME), stretch(10, 20, AWAY)],
            "no request fails; traffic moves at 10 s and is not back at the end",
        ),
        (
            [stretch(0, 59, HOME), stretch(59, 60, HOME, FAILS, rate=0.5)],
            "no request fails; 50 % of the requests fail at the end",
        ),
        (
            [stretch(0, 10, HOME), stretch(10, 610, HOME, FAILS)],
            "no failover: 3,000 of 6,100 requests fail until the end",
        ),
        (
            [stretch(0, 10, HOME), stretch(10, 12, HOME, FAILS), stretch(12, 20, HOME)],
            "no failover: 10 of 200 requests fail until 12 s",
        ),
        (
            [stretch(0, 10, HOME), stretch(10, 11, HOME, FAILS), stretch(11, 20, {"a1": 0.2, "b1": 0.8}, {"a1": 0.2})],
            "no full failover: 23 of 200 requests fail until the end",
        ),
        (
            [
                stretch(0, 10, HOME),
                stretch(10, 11, HOME, FAILS),
                stretch(11, 20, {"a1": 0.2, "b1": 0.8}, {"a1": 0.2}),
                stretch(20, 30, {"a1": 0.2, "b1": 0.8}),
                stretch(30, 40, HOME),
            ],
            "no full failover: 23 of 400 requests fail until 20 s",
        ),
        (
            [stretch(0, 10, HOME), stretch(10, 20, {}, lost=1.0, reason="no healthy host"), stretch(20, 30, HOME)],
            "no full failover: 100 of 300 requests fail until 20 s",
        ),
        (
            [stretch(0, 5, HOME), stretch(5, 10, AWAY), stretch(10, 11, AWAY, {"b1": 1.0}), stretch(11, 20, HOME)],
            "failover after 1 s and 10 failed requests; failback at 11 s",
        ),
        (
            [stretch(0, 10, HOME), stretch(10, 11.2, HOME, FAILS), stretch(11.2, 20, AWAY)],
            "failover after 1.2 s and 6 failed requests; no failback until the end",
        ),
        (
            [stretch(0, 10, HOME), stretch(10, 10.2, HOME, FAILS), stretch(10.2, 190, AWAY), stretch(190, 200, HOME)],
            "failover after 0.2 s and 1 failed request; failback at 190 s",
        ),
        (
            [
                stretch(0, 10, HOME),
                stretch(10, 12, HOME, FAILS),
                stretch(12, 20, AWAY),
                stretch(20, 22, HOME, FAILS),
                stretch(22, 30, AWAY),
                stretch(30, 40, HOME),
            ],
            "failover after 2 s and 10 failed requests; 10 more fail later; failback at 30 s",
        ),
        (
            [stretch(0, 10, HOME), stretch(10, 12, HOME, FAILS), stretch(12, 20, AWAY), stretch(20, 22, HOME, FAILS)],
            f"failover after 2 s and 10 failed requests; {AGAIN_AT_THE_END}",
        ),
        (
            [stretch(0, 10, HOME), stretch(10, 20, {}, lost=1.0, reason="no healthy host")],
            "no full failover: 100 of 200 requests fail until the end",
        ),
    ],
    ids=[
        "nothing",
        "moves and is back",
        "moves",
        "too few to fail",
        "no failover",
        "recovers by itself",
        "some of it",
        "some of it, and the rest recovers by itself",
        "lost and found",
        "to where it was at first",
        "no failback",
        "failback",
        "again",
        "again at the end",
        "lost",
    ],
)
def test_how_it_ends_as_one_line(intervals: Sequence[Interval], expected: str) -> None:
    found = timeline(*intervals)
    assert found.summary == expected
    assert found.explain().splitlines()[-1] == expected


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([stretch(0, 60, HOME)], "no connection fails"),
        (
            [stretch(0, 10, HOME), stretch(10, 610, HOME, FAILS)],
            "no failover: 3,000 of 6,100 connections fail until the end",
        ),
        (
            [stretch(0, 10, HOME), stretch(10, 10.2, HOME, FAILS), stretch(10.2, 20, AWAY)],
            "failover after 0.2 s and 1 failed connection; no failback until the end",
        ),
    ],
)
def test_at_a_ztunnel_it_is_connections(intervals: Sequence[Interval], expected: str) -> None:
    found = timeline(*intervals, unit="connections")
    assert found.summary == expected
    assert f"{round(found.requests):,} connections: re/a" in found.explain()
    assert "10 connections a second" in found.explain()


def test_endpoints_that_serve_again_are_no_failover() -> None:
    found = timeline(stretch(0, 10, HOME), stretch(10, 12, HOME, FAILS), stretch(12, 20, HOME))
    assert (found.trouble_at, found.cleared_at, found.failover_at, found.failover_after) == (10, 12, None, None)
    assert found.errors_until_failover == found.errors == 10


def test_each_ejection_ends_when_the_same_proxy_lets_the_endpoint_return() -> None:
    found = timeline(
        stretch(0, 100, HOME),
        events=[
            happens(1, EventKind.EJECTED, "a1", by="p"),
            happens(2, EventKind.EJECTED, "a1", by="q"),
            happens(3, EventKind.EJECTED, "a2", by="p"),
            happens(31, EventKind.RETURNED, "a1", by="p"),
            happens(32, EventKind.RETURNED, "b1", by="p"),
            happens(40, EventKind.EJECTED, "a1", by="p"),
        ],
    )
    assert found.ejections == (
        Ejection(endpoint="a1", by="p", start=1, end=31),
        Ejection(endpoint="a1", by="q", start=2),
        Ejection(endpoint="a2", by="p", start=3),
        Ejection(endpoint="a1", by="p", start=40),
    )


def test_traffic_that_changes_without_an_event_has_its_time() -> None:
    found = timeline(stretch(0, 10, HOME), stretch(10, 20, AWAY))
    assert found.to_table().rows[1:] == (("10 s", "traffic", "re/b", "████████████████████    100 %"),)


def test_traffic_that_goes_on_as_it_was_is_told_once() -> None:
    found = timeline(stretch(0, 10, HOME), stretch(10, 20, {"a1": 0.25, "a2": 0.75}), stretch(20, 30, HOME))
    assert len(found.to_table().rows) == 1


def test_what_is_lost_says_why() -> None:
    found = timeline(stretch(0, 10, {"a1": 0.75}, lost=0.25, reason="no healthy host"))
    assert [row[2:] for row in found.to_table().rows] == [
        ("re/a", "███████████████          75 %"),
        ("lost", "▒▒▒▒▒                    25 %: no healthy host"),
    ]
    assert timeline(stretch(0, 10, {}, lost=1.0)).to_table().rows == (
        ("0 s", "traffic", "lost", "▒" * 20 + "    100 %"),
    )


def test_of_many_zones_the_largest_are_shown_and_the_others_together() -> None:
    places = {f"e{number}": Locality(region="re", zone=f"z{number}") for number in range(9)}
    shares = {name: 0.2 if name in ("e7", "e8") else 0.6 / 7 for name in places}
    rows = timeline(stretch(0, 1, shares), places=places).to_table().rows
    assert [row[2] for row in rows] == ["re/z0", "re/z1", "re/z2", "re/z3", "re/z7", "re/z8", "… and 3 more"]
    assert rows[-1][3].endswith(" 25.7 %")


def test_an_endpoint_without_a_place_is_in_an_unknown_zone() -> None:
    found = timeline(stretch(0, 1, {"x": 1.0}), places={"x": Locality(network="net")})
    assert found.to_table().rows[0][2] == "unknown"
    assert (found.zone_of("x"), found.zone_of("nobody")) == ("unknown", "unknown")


def many(count: int) -> Timeline:
    events = [happens(number / count, EventKind.EJECTED, f"e{number}") for number in range(count)]
    return timeline(stretch(0, 1, HOME), events=events)


def test_of_very_many_events_a_report_shows_the_first_and_the_last() -> None:
    text = many(10_000).explain()
    assert "… 9,941 more" in text
    assert all(f" e{number}\n" in text for number in (0, 38, 9_980, 9_999))
    assert not any(f" e{number}\n" in text for number in (39, 9_979))
    assert len(many(10_000).to_dict()["events"]) == len(many(10_000).to_table().rows) - 1 == 10_000


def test_as_many_as_are_shown_are_all_there() -> None:
    assert "more" not in many(59).explain()
    assert len(many(59).to_table(most=60).rows) == 60


def test_bars_have_a_limited_width_and_show_all_that_is_there() -> None:
    assert [bar(part) for part in (1.0, 0.5, 1 / 160, 1e-9, 0.0)] == ["█" * 20, "█" * 10, "▏", "▏", ""]


def test_a_rate_that_changes_is_told_on_average() -> None:
    assert (
        rate_text(timeline(stretch(0, 10, HOME), stretch(10, 20, HOME, rate=20))) == "on average 15 requests a second"
    )
    assert rate_text(timeline(stretch(0, 10, HOME, rate=1))) == "1 request a second"
    assert rate_text(timeline(stretch(0, 10, HOME, rate=0.25))) == "0.25 requests a second"


def test_a_run_by_chance_says_so() -> None:
    assert "10 requests a second, one run by chance" in timeline(stretch(0, 1, HOME), sampled=True).explain()


def test_notes_stand_before_how_it_ends() -> None:
    note = Note("spec-value", "this is no mode", "Service shop/web")
    found = timeline(stretch(0, 1, HOME), notes=(note,))
    assert found.explain().endswith(f"notes\n  {note}\n\nno request fails")
    assert [each["code"] for each in found.to_dict()["notes"]] == ["spec-value"]


def test_the_timeline_as_data() -> None:
    data = failover().to_dict()
    assert json.loads(json.dumps(data)) == data
    assert data["version"] == 1
    assert data["summary"] == "failover after 1 s and 5 failed requests; failback at 40 s"
    assert data["failover"] == {"first_error_at": 10, "at": 11, "after": 1, "errors": 5, "failback_at": 40}
    assert data["totals"] == {"requests": 600, "errors": 5, "zones": {"re/a": 426, "re/b": 174}}
    assert data["events"][2] == {
        "at": 12,
        "kind": "ejection refused",
        "by": EJECTED_BY,
        "endpoint": "a2",
        "text": "the limit is reached",
        "rule": "OD-2",
        "count": 3,
    }
    assert data["intervals"][1] == {
        "start": 10,
        "end": 11,
        "shares": {"a1": 0.5, "a2": 0.5},
        "zones": {"re/a": 1.0},
        "failing": {"a1": 0.5},
        "lost": 0.0,
        "reason": "",
        "requests": 10.0,
        "errors": 5,
    }
    assert data["places"]["b1"] == {"network": "net", "region": "re", "zone": "b", "subzone": "", "node": ""}
    assert (data["is_failing"], data["sampled"], data["unit"], data["notes"]) == (False, False, "requests", [])


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not {name for name, _ in attrs if name.startswith("on") or name in ("src", "href")}


def evil() -> Timeline:
    return timeline(
        stretch(0, 1, {EVIL: 0.5}, {EVIL: 0.5}, lost=0.5, reason=EVIL),
        events=[happens(0.1, kind, EVIL, EVIL, by=EVIL, rule=EVIL) for kind in EventKind],
        places={EVIL: Locality(region=EVIL, zone=EVIL)},
        clients=(EVIL,),
        host=EVIL,
        decided_by=EVIL,
        profile=EVIL,
    )


@pytest.mark.parametrize("html", [evil()._repr_html_(), evil().to_html()], ids=["notebook", "page"])
def test_html_escapes_every_name_and_loads_nothing(html: str) -> None:
    parser = _Tags()
    parser.feed(html)
    assert {"svg", "table", "path"} <= parser.seen
    assert "script" not in parser.seen
    assert "&lt;script&gt;" in html
    assert "url(http" not in html


def test_a_page_is_whole_and_has_the_picture_first() -> None:
    html = failover().to_html()
    assert html.startswith("<!DOCTYPE html>")
    assert html.endswith("</html>\n")
    assert html.index("<svg") < html.index("<table")
    assert failover()._repr_html_().index("<table") < failover()._repr_html_().index("<svg")


def test_markdown_escapes_what_would_end_a_cell() -> None:
    lines = evil().report.to_markdown().splitlines()
    (row,) = [line for line in lines if "| ejected |" in line]
    assert row.replace("\\|", "").count("|") == 5
    assert lines[-1] == f"- {evil().summary}"


def test_a_line_of_text_stays_a_line_whatever_the_input_holds() -> None:
    assert all(line.isprintable() for line in evil().explain().splitlines())
    assert len(evil().explain().splitlines()) == len(
        timeline(*evil().intervals, places=evil().places, events=[happens(0.1, kind, "x", "x") for kind in EventKind])
        .explain()
        .splitlines()
    )


def test_places_are_those_of_the_endpoints() -> None:
    assert set(failover().to_dict()["places"]) == set(PLACES)
