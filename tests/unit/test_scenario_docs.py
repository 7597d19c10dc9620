"""The page on the scenario file names every key there is, and its example can be read."""

import re
from pathlib import Path
from typing import Any

import pytest

from meshtier.errors import InputError
from meshtier.rules.fields import FieldReader
from meshtier.simulate import Scenario, read_scenario
from meshtier.simulate.scenario import DEFAULT_RATE, TARGETS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/scenario.md").read_text(encoding="utf-8")
FILE = {"events", "rate", "for", "delay", "connections"}
EVENT = {"at", "until", *TARGETS, "answers", "fails", "ready", "gone", "rate"}
LIMITS = {
    "decay",
    "consecutiveFailures",
    "baseEjectionTime",
    "maxEjectionTime",
    "growth",
    "resetAfter",
    "returnWeight",
}


def keys_of(heading: str) -> set[str]:
    """What stands in code in the first column of the table under a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return {
        key for line in re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE) for key in re.findall(r"`(\w+)`", line)
    }


@pytest.mark.parametrize(
    ("heading", "expected"), [("The file", FILE), ("An event", EVENT), ("connections", LIMITS)], ids=str
)
def test_a_table_names_these_keys(heading: str, expected: set[str]) -> None:
    assert keys_of(heading) == expected


def test_these_are_all_keys_that_the_code_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, set[str]] = {}
    take = FieldReader.take

    def noticed(reader: FieldReader, key: str, *more: Any) -> object:
        asked.setdefault(re.sub(r"\W.*", "", reader.path), set()).add(key)
        return take(reader, key, *more)

    monkeypatch.setattr(FieldReader, "take", noticed)
    Scenario.from_mapping(
        {
            "events": [{"at": "1s", "pod": "a", "ready": False}],
            "connections": {
                "decay": 0.5,
                "consecutiveFailures": 3,
                "baseEjectionTime": "10s",
                "maxEjectionTime": "5m",
                "growth": 2,
                "resetAfter": "1m",
                "returnWeight": 0.5,
            },
        }
    )
    assert asked == {"": FILE, "events": EVENT, "connections": LIMITS}


def test_the_example_of_the_page_says_what_it_seems_to_say(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    file = tmp_path / "scenario.yaml"
    file.write_text(PAGE.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    found = read_scenario(file)
    assert (found.rate, found.length, found.delay) == (100, 900, 2)
    assert [str(event) for event in found.events] == [
        "shop/web-a-01 answers 500",
        "shop/web-a-02 answers 503 to 30 % of the requests",
        "zone us-east-1b is not ready",
        "node n2 is gone",
        "250 requests a second",
    ]
    assert [event.until for event in found.events] == [250, None, 180, None, 480]
    assert found.connections is not None
    assert found.connections.max_ejection_time_s == 300


def test_what_holds_where_nothing_is_said() -> None:
    assert DEFAULT_RATE == 10
    at_ten_minutes = Scenario.from_mapping([{"at": "10m", "pod": "a", "ready": False}])
    just_before = Scenario.from_mapping([{"at": "9m", "pod": "a", "ready": False}])
    assert (at_ten_minutes.length, just_before.length, at_ten_minutes.delay) == (1200, 600, 0)


def test_the_scenarios_among_the_examples_can_be_read() -> None:
    pytest.importorskip("yaml")
    files = sorted((ROOT / "examples/scenarios").glob("*.yaml"))
    bad = []
    for file in files:
        try:
            read_scenario(file)
        except InputError:
            bad.append(file.name)
    assert bad == ["mistakes.yaml"]
    assert len(files) > 4
