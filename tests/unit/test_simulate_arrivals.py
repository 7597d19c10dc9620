"""When requests come and how they end, against a list of each of them."""

from itertools import pairwise
from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtier.simulate import OK, Answer
from meshtier.simulate.arrivals import Clock, Failures, Runs, run_length


def test_the_first_request_comes_at_once_and_the_others_at_equal_distances() -> None:
    clock = Clock(10.0)
    clock.set_rate(10.0, 4.0)
    assert [clock.moment(count) for count in (1, 2, 5)] == [10.0, 10.25, 11.0]


def test_a_moment_belongs_to_those_before_it_or_after_it_as_is_asked() -> None:
    clock = Clock(0.0)
    clock.set_rate(0.0, 2.0)
    assert clock.due(1.0, inclusive=True) == 3  # at 0, 0.5 and 1
    assert clock.due(1.0, inclusive=False) == 2
    assert clock.due(0.0, inclusive=False) == 0


def test_a_change_of_the_rate_keeps_what_has_gone_by() -> None:
    clock = Clock(0.0)
    clock.set_rate(0.0, 1.0)
    clock.done = clock.due(0.5, inclusive=True)
    clock.set_rate(0.5, 2.0)  # half of the way to the second is done
    assert clock.moment(1) == 0.75
    clock.set_rate(0.5, 0.0)
    assert clock.moment(1) == inf
    assert clock.due(100.0, inclusive=True) == 0
    clock.set_rate(100.0, 1.0)
    assert clock.moment(1) == 100.5


def test_moments_and_counts_agree_at_high_rates_after_a_long_time() -> None:
    clock = Clock(0.1)
    clock.set_rate(0.1, 1000 / 3)
    for count in (1, 7, 1_000_003, 1_200_000):
        moment = clock.moment(count)
        assert clock.due(moment, inclusive=True) == count
        assert clock.due(moment, inclusive=False) == count - 1


@given(
    part=st.floats(0.05, 0.95),
    seed=st.integers(0, 2**32),
    bounds=st.lists(st.integers(0, 300), min_size=2, max_size=8),
    least=st.integers(1, 4),
)
def test_failures_are_those_of_the_list_that_they_stand_for(
    part: float, seed: int, bounds: list[int], least: int
) -> None:
    failures = Failures(Random(seed), part, 0)
    failures.draw(2**53, 300)
    fails = [failures.run_at(number) is not None for number in range(300)]
    first, end = min(bounds), max(bounds)
    assert failures.count(first, end) == sum(fails[first:end])
    for number in range(300):
        run = failures.run_at(number)
        if run is not None and sum(run) <= 300:
            assert all(fails[run[0] : sum(run)])
            assert run[0] == 0 or not fails[run[0] - 1]
            assert sum(run) == 300 or not fails[sum(run)]
    found = failures.find(first, least)
    for number in range(first, 300 - least):
        begins = fails[number] and (number == 0 or not fails[number - 1])
        if begins and all(fails[number : number + least]):
            assert found == number + least - 1
            break


def test_drawing_stops_at_the_first_run_that_is_long_enough() -> None:
    failures = Failures(Random(7), 0.5, 0)
    found = failures.draw(5, 10_000)
    assert found is not None
    run = failures.run_at(found)
    assert run is not None
    assert run[1] >= 5
    assert found == run[0] + 4
    assert failures.find(0, 5) == found
    assert failures.draw(5, found) is None  # nothing more is drawn than is asked for


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_failures_have_the_chance_that_they_are_given(part: float) -> None:
    failures = Failures(Random(1), part, 0)
    failures.draw(2**53, 200_000)
    assert failures.count(0, 200_000) / 200_000 == pytest.approx(part, abs=0.006)  # more than five standard deviations


def test_runs_have_the_parts_that_they_are_given_and_never_the_same_answer_twice() -> None:
    answers = {OK: 0.5, Answer(500): 0.3, Answer("refuse"): 0.2}
    runs = Runs(Random(1), answers)
    drawn = [runs.draw() for _ in range(60_000)]
    assert all(one[0] != other[0] for one, other in pairwise(drawn))
    total = sum(count for _, count in drawn)
    for answer, part in answers.items():
        share = sum(count for each, count in drawn if each == answer) / total
        assert share == pytest.approx(part, abs=0.01)


def test_a_sure_answer_never_ends() -> None:
    assert run_length(Random(1), 1.0) > 10**15
