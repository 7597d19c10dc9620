"""``meshtier simulate``: what is asked, what comes out, and with which exit code."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from tests.timelines import AWAY, HOME, failover, stretch, timeline

from meshtier.cli import app
from meshtier.component import Component
from meshtier.profile import Profile
from meshtier.simulate import Samples, Timeline

EXAMPLES = Path(__file__).parents[2] / "examples"
SOURCES = (str(EXAMPLES / "failover"), str(EXAMPLES / "bookinfo/destination-rules/productpage-failover.yaml"))
HOST = "productpage.bookinfo.mesh.internal"
ASK = ("--from", "bookinfo/curl", "--to", HOST)
SCENARIO = str(EXAMPLES / "scenarios/productpage-500.yaml")
ENDING = "failover after 0.08 s and 5 failed requests; 55 more fail later; failback at 510 s"
BY_CHANCE = """
rate: 100/s
events:
- {at: 10s, pod: east/bookinfo/productpage-v1-6d9f8-h2xkq, answers: 500, fails: 0.5}
"""
FAILING = timeline(stretch(0, 10, HOME), stretch(10, 20, HOME, {"a1": 0.5}))
LOST = timeline(stretch(0, 10, HOME), stretch(10, 20, {}, lost=1.0))
command = importlib.import_module("meshtier.cli.simulate")


def call(*more: str, scenario: str = SCENARIO) -> Result:
    return CliRunner().invoke(app, ["simulate", *SOURCES, *ASK, "--scenario", scenario, *more])


@pytest.fixture
def by_chance(tmp_path: Path) -> str:
    path = tmp_path / "scenario.yaml"
    path.write_text(BY_CHANCE, encoding="utf-8")
    return str(path)


Answering = Callable[[Timeline], dict[str, Any]]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Lets the command find a timeline written by hand, and shows what it asked for."""

    def use(found: Timeline) -> dict[str, Any]:
        asked: dict[str, Any] = {}

        def simulated(mesh: object, clients: object, host: str, scenario: object, **more: Any) -> Timeline:
            asked.update(more, clients=clients, host=host, scenario=scenario)
            return found

        monkeypatch.setattr(command, "simulated", simulated)
        return asked

    return use


def test_a_timeline_for_reading_ends_with_how_it_ends() -> None:
    done = call()
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert (lines[0], lines[-1]) == (HOST, ENDING)
    assert "10.08 s  ejected" in done.output


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (failover(), 0),
        (FAILING, 1),
        (LOST, 1),
        (timeline(stretch(0, 10, HOME), stretch(10, 20, HOME, {"a1": 1.0}), stretch(20, 30, AWAY)), 0),
    ],
    ids=["back", "fails at the end", "lost at the end", "elsewhere at the end"],
)
@pytest.mark.parametrize("form", ["table", "json", "markdown", "html", "svg"])
def test_the_exit_code_says_whether_requests_still_fail(
    found: Timeline, code: int, form: str, answering: Answering
) -> None:
    answering(found)
    assert call("-o", form).exit_code == code


def test_each_form_is_that_of_the_timeline(answering: Answering) -> None:
    found = failover()
    answering(found)
    assert call().output == f"{found.explain()}\n"
    assert json.loads(call("-o", "json").output) == found.to_dict()
    assert call("-o", "markdown").output == f"{found.report.to_markdown()}\n"
    assert call("-o", "html").output == found.to_html()
    assert call("-o", "svg").output == found.to_svg()
    assert ET.fromstring(call("-o", "svg").output).tag.endswith("svg")  # noqa: S314  # our own


def test_what_is_said_on_the_line_holds_instead_of_the_scenario(answering: Answering) -> None:
    asked = answering(failover())
    assert call().exit_code == 0
    assert (asked["scenario"].duration, asked["scenario"].rate, asked["scenario"].delay) == (600, 100, 0)
    assert asked.pop("random") is None
    call("--for", "2m", "--rate", "6/m", "--delay", "5s", "--seed", "7")
    assert (asked["scenario"].duration, asked["scenario"].rate, asked["scenario"].delay) == (120, 0.1, 5)
    assert asked["random"].random() == pytest.approx(0.32383276483316237)
    assert len(asked["scenario"].events) == 1


def test_the_rest_of_the_question_is_passed_on(answering: Answering) -> None:
    asked = answering(failover())
    more = ("--from", "node/east-a1", "--via", "waypoint", "--in", "east", "--port", "9080", "--subset", "v1")
    assert call(*more, "--profile", "istio-1.27").exit_code == 0
    assert asked["clients"] == ("bookinfo/curl", "node/east-a1")
    assert (asked["host"], asked["component"], asked["cluster"]) == (HOST, Component.WAYPOINT, "east")
    assert (asked["port"], asked["subset"], asked["profile"]) == (9080, "v1", Profile.named("istio-1.27"))


def test_a_changed_mesh_is_simulated() -> None:
    assert "us-west" in call().output
    assert "us-west" not in call("--without", "cluster=west").output


def test_chance_needs_a_seed_and_the_same_seed_gives_the_same(by_chance: str) -> None:
    without = call(scenario=by_chance)
    assert without.exit_code == 2
    assert "expected --seed N" in without.output
    first, again, other = (call("--seed", seed, scenario=by_chance) for seed in ("1", "1", "2"))
    assert first.exit_code == 0
    assert "one run by chance" in first.output
    assert first.output == again.output != other.output


def test_many_runs_are_told_by_their_quantiles(by_chance: str) -> None:
    done = call("--seed", "1", "--runs", "20", scenario=by_chance)
    assert done.exit_code == 0
    assert done.output.splitlines()[-1].startswith("20 runs: failover after ")
    data = json.loads(call("--seed", "1", "--runs", "20", "-o", "json", scenario=by_chance).output)
    assert (data["runs"], len(data["each"])) == (20, 20)
    assert "<svg" in call("--seed", "1", "--runs", "3", "-o", "html", scenario=by_chance).output


def test_many_runs_fail_if_one_of_them_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "sample", lambda *_, **__: Samples(timelines=(failover(), FAILING, failover())))
    assert call("--seed", "1", "--runs", "3").exit_code == 1
    monkeypatch.setattr(command, "sample", lambda *_, **__: Samples(timelines=(failover(), failover())))
    assert call("--seed", "1", "--runs", "2").exit_code == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--runs", "3"), "expected --seed N with --runs"),
        (("--runs", "0"), "--runs"),
        (("--for", "5"), "expected a duration with a unit"),
        (("--for", "0s"), "'--for': expected a time above 0"),
        (("--rate", "0/s"), "expected a rate above 0"),
        (("--rate", "fast"), "expected a rate such as"),
        (("--delay", "-1s"), "'--delay': expected a time of 0s or more"),
        (("--scenario", "nofile.yaml"), "nofile.yaml"),
        (("--scenario", SOURCES[1]), "productpage-failover.yaml"),
        (("--to", "nohost"), "nohost"),
        (("--from", "nobody"), "no client 'nobody'"),
        (("--without", "workload=east/bookinfo/curl"), "the changes remove the client"),
        (("-o", "yaml"), "yaml"),
    ],
    ids=" ".join,
)
def test_bad_input_is_exit_code_2_and_says_what_was_expected(more: tuple[str, ...], message: str) -> None:
    done = call(*more)
    assert done.exit_code == 2
    assert message in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*SOURCES, "--to", HOST, "--scenario", SCENARIO), "expected --from CLIENT: east/bookinfo/"),
        ((*SOURCES, "--from", "bookinfo/curl", "--scenario", SCENARIO), "expected --to HOST: "),
        ((*SOURCES, *ASK), "Missing option '--scenario'"),
        ((*ASK, "--scenario", SCENARIO), "expected SOURCES"),
    ],
    ids=["from", "to", "scenario", "sources"],
)
def test_what_is_missing_is_asked_for(arguments: tuple[str, ...], message: str) -> None:
    done = CliRunner().invoke(app, ["simulate", *arguments])
    assert done.exit_code == 2
    assert message in done.output


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[float] = []

    def simulated(*_: object, progress: Callable[[float], None], **__: object) -> Timeline:
        for part in (0.25, 1.0):
            progress(part)
            parts.append(part)
        return failover()

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(command, "simulated", simulated)
    done = call("-o", "json")
    assert parts == [0.25, 1.0]
    bar, brace, rest = done.output.partition("{\n")  # before click 8.2 both streams are one
    assert "simulated" in bar
    assert json.loads(brace + rest) == failover().to_dict()
