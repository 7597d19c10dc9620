"""Many runs of one scenario: quantiles, and what never comes."""

import json

import pytest
from tests.timelines import AWAY, HOME, failover, stretch, timeline

from meshtier.errors import InvalidValueError
from meshtier.note import Note
from meshtier.simulate import Quantiles, Samples, Timeline

NOTE = Note("spec-value", "this is no mode", "Service shop/web")


def run(fails_for: float, back: float | None = 50.0) -> Timeline:
    """a1 fails from 10 s on, for so long; the traffic is back at *back*."""
    return timeline(
        stretch(0, 10, HOME),
        stretch(10, 10 + fails_for, HOME, {"a1": 1.0}),
        stretch(10 + fails_for, 50, AWAY),
        stretch(50, 60, AWAY if back is None else HOME),
        sampled=True,
        notes=(NOTE,),
    )


NEVER = timeline(stretch(0, 10, HOME), stretch(10, 60, HOME, {"a1": 0.5}), sampled=True)
NOTHING = timeline(stretch(0, 60, HOME), sampled=True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (range(1, 101), (5, 50, 95)),
        (range(100, 0, -1), (5, 50, 95)),
        (range(1, 11), (1, 5, 10)),
        ([7], (7, 7, 7)),
        ([1, 2, float("inf")], (1, 2, float("inf"))),
    ],
)
def test_a_quantile_is_a_value_that_came(values: list[float], expected: tuple[float, float, float]) -> None:
    found = Quantiles(values=tuple(values))
    assert tuple(found.at(per_cent) for per_cent in (5, 50, 95)) == expected


def test_of_nothing_there_is_no_quantile() -> None:
    assert (Quantiles(values=()).at(50), Quantiles(values=()).never) == (None, 0)


def test_runs_as_text() -> None:
    runs = Samples(timelines=[run(1), run(2), run(3, back=None), NEVER, NOTHING])
    assert (
        runs.explain()
        == """\
web.shop.svc.cluster.local

from  shop/client
by    waypoint shop/waypoint, profile solo
for   60 s, 10 requests a second, 5 runs by chance

of all runs
                             5 %  50 %   95 %  never  of runs
failover after               1 s   2 s  never      1        4
failed requests until then    10    20    250               4
failed requests in all         0    20    250               5
failback at                 50 s  50 s  never      1        3

notes
  [PREC-2] Service shop/web: this is no mode

5 runs: failover after 2 s (1 s to never) and 20 (10 to 250) failed requests; no failover in 1 of them; \
failback at 50 s (50 s to never); requests fail at the end of 1"""
    )


def test_runs_that_are_alike_have_no_ends() -> None:
    runs = Samples(timelines=[failover(), failover()])
    assert runs.summary == "2 runs: failover after 1 s and 5 failed requests; failback at 40 s"
    assert repr(runs) == f"<Samples web.shop.svc.cluster.local: {runs.summary}>"
    assert str(runs) == runs.explain()


def test_runs_in_which_nothing_fails() -> None:
    runs = Samples(timelines=[NOTHING])
    assert runs.summary == "1 run: no request fails"
    assert runs.to_table().rows[0] == ("failover after", "-", "-", "-", "", "0")
    assert not runs.is_failing


def test_a_run_that_never_fails_over_is_counted_and_one_without_errors_is_not() -> None:
    runs = Samples(timelines=[NEVER, NOTHING, run(1)])
    assert (runs.never_failed_over, runs.failing_at_end, runs.is_failing) == (1, 1, True)
    assert runs.failover_after.values == (1.0, float("inf"))


def test_the_run_in_the_middle_is_that_by_failed_requests() -> None:
    first, second, third = run(3), run(1), run(2)
    assert Samples(timelines=[first, second, third]).typical is third
    assert Samples(timelines=[first, second]).typical is second


def test_runs_as_data_know_no_infinity() -> None:
    runs = Samples(timelines=[run(1), NEVER])
    data = runs.to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert (data["version"], data["runs"], data["failing_at_end"], data["never_failed_over"]) == (1, 2, 1, 1)
    assert data["quantiles"]["failover_after"] == {"5": 1.0, "50": 1.0, "95": None}
    assert [each["errors"] for each in data["each"]] == [10, 250]
    assert data["each"][0]["failover"] == {"first_error_at": 10, "at": 11, "after": 1, "errors": 10, "failback_at": 50}
    assert len(data["notes"]) == 1


def test_a_page_has_the_quantiles_and_one_run() -> None:
    runs = Samples(timelines=[run(1), run(2)])
    assert runs.to_html().count("<svg") == runs._repr_html_().count("<svg") == 1
    assert "of all runs" in runs.to_html()
    assert runs.to_svg() == runs.typical.to_svg()


def test_no_run_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="timelines: expected at least one run, got none"):
        Samples(timelines=[])
    with pytest.raises(InvalidValueError, match=r"timelines\[0\]: expected a Timeline, got 'x'"):
        Samples(timelines=["x"])  # type: ignore[list-item]
