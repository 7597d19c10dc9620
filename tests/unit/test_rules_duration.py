"""Durations as manifests write them."""

import pytest

from meshtier.errors import InvalidValueError
from meshtier.rules import parse_duration, to_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10.0),
        ("3m", 180.0),
        ("1.5h", 5400.0),
        ("500ms", 0.5),
        ("1h2m3.5s", 3723.5),
        (".5s", 0.5),
        ("1.s", 1.0),
        ("1000us", 0.001),
        ("1000µs", 0.001),  # the micro sign
        ("1000\N{GREEK SMALL LETTER MU}s", 0.001),
        ("3000000ns", 0.003),
        ("9223372036.854s", 9223372036.854),
        ("9223372036s", 9223372036.0),
    ],
)
def test_durations_are_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert parse_duration(to_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("10", "expected a duration with a unit, such as '10s', '3m' or '500ms', got '10'"),
        ("", "expected a duration with a unit, such as '10s', '3m' or '500ms', got ''"),
        ("10 s", "expected a duration with a unit, such as '10s', '3m' or '500ms', got '10 s'"),
        ("1d", "expected a duration with a unit, such as '10s', '3m' or '500ms', got '1d'"),
        ("\u0661s", "expected a duration with a unit, such as '10s', '3m' or '500ms', got '\u0661s'"),
        ("-1s", "expected a duration of 1ms or more, got '-1s'"),
        ("0s", "expected a duration of 1ms or more, got '0s'"),
        ("1us", "expected a duration of 1ms or more, got '1us'"),
        ("1.0001s", "expected a duration in whole milliseconds, got '1.0001s'"),
        ("9223372036.855s", "expected a duration of at most 9223372036s, got '9223372036.855s'"),
        ("9223372037s", "expected a duration of at most 9223372036s, got '9223372037s'"),
    ],
)
def test_what_is_no_duration(text: str, problem: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_duration(text)
    assert caught.value.problem == problem


def test_very_long_text_is_refused_briefly() -> None:
    with pytest.raises(InvalidValueError, match="with a unit") as caught:
        parse_duration("9" * 100_000 + "s")
    assert len(str(caught.value)) < 200
