"""Any timeline can be told, in every form, and no form contradicts another."""

import json
import re
from collections.abc import Sequence
from math import inf
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from tests.timelines import timeline

from meshtier.locality import Locality
from meshtier.simulate import EventKind, Interval, Quantiles, Samples, Timeline, TimelineEvent

NAMES = st.text(min_size=1, max_size=12)
PARTS = st.floats(0, 1)
TEXTS = st.text(max_size=20)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Any names, any lengths, shares that add up to 1, and events at any time."""
    names = draw(st.lists(NAMES, unique=True, min_size=1, max_size=5))
    lengths = draw(st.lists(st.floats(1e-3, 1e4), min_size=1, max_size=8))
    places = {name: draw(st.builds(Locality, region=TEXTS, zone=TEXTS)) for name in names}
    intervals: list[Interval] = []
    start = 0.0
    for length in lengths:
        weights = draw(st.lists(PARTS, min_size=len(names) + 1, max_size=len(names) + 1))
        total = sum(weights) or 1.0
        *shares, lost = (each / total for each in weights) if sum(weights) else [*[0.0] * len(names), 1.0]
        by_name = dict(zip(names, shares, strict=True))
        failing = {name: by_name[name] for name in draw(st.sets(st.sampled_from(names)))}
        requests = length * draw(st.floats(0.1, 1000))
        errors = round(requests * (sum(failing.values()) + lost))
        intervals.append(
            Interval(
                start=start,
                end=start + length,
                shares=by_name,
                failing={name: part for name, part in failing.items() if part},
                lost=lost,
                reason=draw(TEXTS),
                requests=requests,
                errors=errors,
            )
        )
        start += length
    events = st.builds(
        TimelineEvent,
        at=st.floats(0, start),
        kind=st.sampled_from(EventKind),
        by=TEXTS,
        endpoint=st.sampled_from([*names, ""]),
        text=TEXTS,
        count=st.integers(1, 5000),
    )
    found = sorted(draw(st.lists(events, max_size=12)), key=lambda event: event.at)
    return timeline(*intervals, events=found, places=places, host=draw(NAMES), clients=tuple(draw(st.lists(NAMES))))


@given(found=timelines())
def test_text_is_lines_that_can_be_shown_and_the_last_is_how_it_ends(found: Timeline) -> None:
    lines = found.explain().split("\n")
    assert lines[-1] == found.summary
    assert all(line.isprintable() for line in lines)
    assert all("\n" not in line for line in found.report.to_markdown().split("\n"))


@given(found=timelines())
def test_every_event_is_a_row_in_order(found: Timeline) -> None:
    rows = [row for row in found.to_table().rows if row[1] not in ("", "traffic")]
    assert [row[1] for row in rows] == [event.kind.value for event in found.events]


@given(found=timelines())
def test_the_data_are_json_and_have_all_requests(found: Timeline) -> None:
    data = found.to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    lost = sum(each.lost * each.requests for each in found.intervals)
    assert abs(sum(data["totals"]["zones"].values()) + lost - data["totals"]["requests"]) < 1e-6 * found.requests
    assert data["failover"]["errors"] <= data["totals"]["errors"]
    assert len(data["intervals"]) == len(found.intervals)


@given(found=timelines())
def test_the_picture_is_xml_and_nothing_is_drawn_beside_it(found: Timeline) -> None:
    svg = ET.fromstring(found.to_svg())  # noqa: S314  # our own
    height = float(svg.attrib["viewBox"].split()[3])
    for each in svg.iter():
        if each.tag.endswith("rect") and "patternUnits" not in each.attrib and float(each.attrib["width"]) > 12:
            assert float(each.attrib["x"]) >= -0.1
            assert float(each.attrib["x"]) + float(each.attrib["width"]) <= 800
            assert float(each.attrib["y"]) + float(each.attrib["height"]) <= height
        if each.tag.endswith("path") and "stroke" not in each.attrib:
            heights = [float(y) for y in re.findall(r"V([-\d.]+)", each.attrib["d"])]
            assert max(heights) - min(heights) <= 170.2


@given(found=timelines())
def test_a_failover_is_after_the_trouble_and_before_the_failback(found: Timeline) -> None:
    if found.failover_at is not None:
        assert found.trouble_at is not None
        assert found.trouble_at < found.failover_at == found.cleared_at
    assert (found.trouble_at is None) == (found.errors == 0)
    if found.failback_at is not None:
        assert found.moved_at is not None
        assert found.moved_at < found.failback_at
        assert not found.is_failing


@given(runs=st.lists(timelines(), min_size=1, max_size=4))
def test_runs_can_be_told(runs: Sequence[Timeline]) -> None:
    samples = Samples(timelines=runs)
    assert samples.explain().split("\n")[-1] == samples.summary
    assert json.loads(json.dumps(samples.to_dict(), allow_nan=False)) == samples.to_dict()
    assert samples.typical in runs


@given(values=st.lists(st.floats(0, 1e6) | st.just(inf), min_size=1), per_cent=st.integers(1, 100))
def test_a_quantile_is_the_least_value_that_enough_do_not_exceed(values: list[float], per_cent: int) -> None:
    found = Quantiles(values=tuple(values)).at(per_cent)
    assert found is not None
    assert found in values
    assert sum(value <= found for value in values) * 100 >= per_cent * len(values)
    assert all(sum(value <= less for value in values) * 100 < per_cent * len(values) for less in values if less < found)
