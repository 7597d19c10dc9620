"""Scenarios: what a file may say, and what is refused."""

from pathlib import Path

import pytest

from meshtier.errors import InputError, InvalidValueError, MeshError
from meshtier.simulate import Answer, Scenario, ScenarioEvent, parse_rate, parse_time, read_scenario

EVENT = {"at": "10s", "pod": "web-1", "answers": 500}


def problems(data: object) -> list[str]:
    with pytest.raises(InputError) as caught:
        Scenario.from_mapping(data)
    return [f"{problem.path}: {problem.problem}" for problem in caught.value.problems]


def test_an_event_says_when_what_and_how() -> None:
    scenario = Scenario.from_mapping(
        {
            "rate": "100/s",
            "for": "5m",
            "delay": "2s",
            "events": [{**EVENT, "fails": 0.3, "until": "1m"}, {"at": "20s", "zone": "us-east-1a", "gone": True}],
        }
    )
    assert scenario == Scenario(
        rate=100.0,
        duration=300.0,
        delay=2.0,
        events=(
            ScenarioEvent(at=10.0, target=("workload", "web-1"), answers=Answer(500), fails=0.3, until=60.0),
            ScenarioEvent(at=20.0, target=("zone", "us-east-1a"), gone=True),
        ),
    )


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("ok", Answer(200)),
        (503, Answer(503)),
        ("503", Answer(503)),
        ("refuse", Answer("refuse")),
        ("timeout", Answer("timeout")),
    ],
)
def test_answers_are_words_or_statuses(answers: object, expected: Answer) -> None:
    assert Scenario.from_mapping([{**EVENT, "answers": answers}]).events[0].answers == expected


def test_a_part_that_fails_answers_500_where_nothing_else_is_said() -> None:
    assert Scenario.from_mapping([{"at": "0s", "pod": "a", "fails": 0.5}]).events[0].answers == Answer(500)


def test_a_list_is_the_events_alone() -> None:
    assert Scenario.from_mapping([EVENT]) == Scenario.from_mapping({"events": [EVENT]})


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"at": "1s", "pod": "a", "answers": 500}, "a answers 500"),
        ({"at": "1s", "pod": "a", "answers": "ok"}, "a serves"),
        ({"at": "1s", "zone": "a", "answers": "refuse"}, "zone a refuses connections"),
        (
            {"at": "1s", "pod": "a", "answers": "timeout", "fails": 0.25},
            "a does not answer in time to 25 % of the requests",
        ),
        ({"at": "1s", "pod": "a", "ready": False}, "a is not ready"),
        ({"at": "1s", "pod": "a", "ready": True, "answers": "ok"}, "a serves and is ready"),
        ({"at": "1s", "cluster": "a", "gone": True}, "cluster a is gone"),
        ({"at": "1s", "cluster": "a", "gone": False}, "cluster a is there again"),
        ({"at": "1s", "rate": "6/m"}, "0.1 requests a second"),
    ],
)
def test_an_event_is_told_in_words(event: dict[str, object], said: str) -> None:
    assert str(Scenario.from_mapping([event]).events[0]) == said


def test_it_lasts_ten_minutes_or_ten_more_than_what_begins_or_ends_later() -> None:
    assert Scenario().length == 600.0
    assert Scenario.from_mapping([{**EVENT, "at": "599s"}]).length == 600.0
    assert Scenario.from_mapping([{**EVENT, "until": "20m"}]).length == 1800.0
    assert Scenario.from_mapping({"for": "30s", "events": [{**EVENT, "until": "20m"}]}).length == 30.0


def test_all_that_is_wrong_is_told_together() -> None:
    assert problems(
        {
            "rate": "0",
            "for": "10",
            "evens": [],
            "events": [
                {"at": "10s", "pod": "a", "answer": 500},
                {"pod": "a", "zone": "b", "answers": 600, "fails": 2},
                "odd",
                {"at": "x", "pod": 3},
            ],
        }
    ) == [
        "events[2]: expected a mapping, got 'odd'",
        "events[0].answer: expected no such field; the nearest: answers",
        "events[1].zone: expected one thing that it happens to, got pod and zone",
        "events[1].answers: expected ok, refuse, timeout or a status of 100 to 599, got 600",
        "events[1].fails: expected a number from 0 to 1, got 2",
        "events[1].at: expected a time such as '10s', got none",
        "events[3].at: expected a duration with a unit, such as '10s', '3m' or '500ms', got 'x'",
        "events[3].pod: expected a string, got 3",
        "rate: expected a rate above 0 and of at most 1,000,000 a second, got '0'",
        "for: expected a duration with a unit, such as '10s', '3m' or '500ms', got '10'",
        "evens: expected no such field; the nearest: events",
    ]


def test_what_is_wrong_with_one_event_hides_nothing_of_another() -> None:
    assert problems(
        [{"at": "x", "pod": "a", "ready": True}, {"at": "1s", "workload": "a"}, {**EVENT, "until": "1s"}]
    ) == [
        "events[0].at: expected a duration with a unit, such as '10s', '3m' or '500ms', got 'x'",
        "events[1].workload: expected answers, fails, ready or gone, and no rate",
        "events[2].until: expected a time after 10 s, got 1 s",
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (3, ": expected events, as a list or in a mapping"),
        ({}, "events: expected a list of events, got none"),
        (
            [{"at": "1s"}],
            "events[0]: expected one of pod, network, region, zone, node, cluster, workload, gateway,",
        ),
        ([{"at": "1s", "pod": "a"}], "events[0].pod: expected answers, fails, ready or gone, and no rate"),
        ([{**EVENT, "rate": "1/s"}], "events[0].pod: expected answers, fails, ready or gone, and no rate"),
        ([{**EVENT, "answers": "ok", "fails": 0.5}], "events[0].fails: expected an answer that is not ok beside it"),
        ([{**EVENT, "until": "10s"}], "events[0].until: expected a time after 10 s, got 10 s"),
        ([{**EVENT, "at": "-1s"}], "events[0].at: expected a time of 0s or more, got '-1s'"),
        (
            [EVENT, {**EVENT, "at": "9s"}],
            "events[1].at: expected events in the order of their times, got 9 s after 10 s",
        ),
        ([EVENT, {**EVENT, "answers": "ok"}], "events[1].answers: expected one of each at one time, got a second one"),
        ({"for": "0s", "events": []}, "for: expected a time above 0"),
        ({"for": "721h", "events": []}, "for: expected at most 2592000s (thirty days), got '721h'"),
        ({"rate": "1/x", "events": []}, "rate: expected a rate such as '100/s' or '5/m', got '1/x'"),
        ({"connections": {}, "events": []}, "connections.decay: expected what to assume, for the real value"),
    ],
)
def test_what_cannot_be_meant_is_refused(data: object, problem: str) -> None:
    assert problems(data)[0].startswith(problem)


def test_two_things_may_happen_to_one_pod_at_one_time_if_they_do_not_contradict() -> None:
    scenario = Scenario.from_mapping([EVENT, {"at": "10s", "pod": "web-1", "ready": False}])
    assert len(scenario.events) == 2


def test_values_are_checked_too() -> None:
    with pytest.raises(InvalidValueError, match=r"rate: expected a rate above 0 .*, got 0"):
        Scenario(rate=0)
    with pytest.raises(InvalidValueError, match=r"at: expected seconds from 0 to 2.592e\+06, got nan"):
        ScenarioEvent(at=float("nan"), target=("zone", "a"), gone=True)


@pytest.mark.parametrize(
    ("text", "rate"), [("100/s", 100.0), ("30/m", 0.5), ("1/10s", 0.1), ("7", 7.0), (" 1 / s ", 1.0)]
)
def test_rates_are_read(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "/s", "a/s", "1/", "1/0s", "nan", "inf/s", "-1/s", "1e9/s"])
def test_odd_rates_are_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_rate(text)


def test_times_are_durations_and_nothing_is_one() -> None:
    assert [parse_time(text) for text in ("0", "0s", "1.5s", "2m")] == [0.0, 0.0, 1.5, 120.0]


def test_a_file_of_yaml_or_json_is_read(tmp_path: Path) -> None:
    expected = Scenario.from_mapping([EVENT])
    for name, text in (
        ("a.yaml", "- at: 10s\n  pod: web-1\n  answers: 500\n"),
        ("b.yaml", "# what happens\nevents:\n- {at: 10s, pod: web-1, answers: 500}\n"),
        ("c.json", '{"events": [{"at": "10s", "pod": "web-1", "answers": 500}]}'),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert read_scenario(tmp_path / name) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected a scenario, got an empty file"),
        ("\0\0", "expected a scenario as YAML or JSON, got binary data"),
        ("hello\n", "expected events, as a list or in a mapping"),
        ("events: [\n", "expected YAML"),
        ('{"events": [}', "expected JSON"),
        ("events: []\n---\nevents: []\n", "expected one scenario, got 2"),
        ("events: [{at: 10s, pod: a, gone: 5}]\n", "events[0].gone: expected true or false, got 5"),
    ],
)
def test_a_file_that_holds_none_is_refused_with_its_name(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_scenario(tmp_path / "s.yaml")
    assert "s.yaml" in str(caught.value)
    assert problem in str(caught.value)


def test_a_file_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match="expected a file that can be read"):
        read_scenario(tmp_path / "none.yaml")
