"""``meshtier diff`` and ``meshtier survive``."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meshtier.cli import app

EXAMPLES = Path(__file__).parents[2] / "examples" / "bookinfo"
GATEWAYS = str(EXAMPLES / "gateways")
FLAT = str(EXAMPLES / "flat")
RULES = str(EXAMPLES / "destination-rules")
EAST, WEST = (str(EXAMPLES / "gateways" / f"{name}.yaml") for name in ("east", "west"))


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_no_difference_is_exit_code_0_and_a_difference_1() -> None:
    same = call("diff", GATEWAYS, GATEWAYS)
    assert (same.exit_code, same.output) == (0, "none of 64 routes changes\n")
    assert call("diff", GATEWAYS, FLAT).exit_code == 1


def test_one_side_with_a_change() -> None:
    found = call("diff", GATEWAYS, "--without", "zone=us-east-a")
    assert found.exit_code == 1
    assert found.output.startswith("15 of 64 routes change; 1 loses all endpoints; ")
    assert "zone us-east-a is gone" in found.output


def test_failing_only_on_what_is_lost() -> None:
    assert call("diff", GATEWAYS, "--apply", RULES, "--fail-on", "lost").exit_code == 0
    assert call("diff", GATEWAYS, "--without", "zone=us-east-a", "--fail-on", "lost").exit_code == 1


def test_sides_of_several_files() -> None:
    sides = ("--before", EAST, "--before", WEST, "--after", EAST, "--after", f"west={WEST}")
    assert call("diff", *sides).exit_code == 0
    assert call("diff", EAST, WEST, "--after", GATEWAYS).exit_code == 0
    with_change = call("diff", GATEWAYS, "--after", GATEWAYS, "--set", "reviews.bookinfo=Any", "-o", "json")
    assert json.loads(with_change.output)["changed"] > 0


def test_another_profile_or_component_after() -> None:
    assert "profile solo becomes istio-1.30" in call("diff", GATEWAYS, "--to-profile", "istio-1.30").output
    via = call("diff", GATEWAYS, "--via", "ztunnel", "--to-via", "auto", "-o", "json")
    assert {change["cause"]["kind"] for change in json.loads(via.output)["changes"]} == {"component"}


def test_markdown_is_made_for_a_pull_request() -> None:
    text = call("diff", GATEWAYS, "--apply", RULES, "-o", "markdown").output
    assert text.startswith("### 8 of 64 routes change\n")
    assert "<details>" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("diff",), "expected BEFORE AFTER"),
        (("diff", GATEWAYS), "expected BEFORE AFTER"),
        (("diff", GATEWAYS, GATEWAYS, "--to", "nohost"), "no host 'nohost'"),
        (("diff", GATEWAYS, "--without", "zone=us-east-x"), "no zone 'us-east-x'"),
        (("diff", "nofile.json", GATEWAYS), "nofile.json"),
        (("diff", "--before", EAST, "--after", "=x"), "expected PATH or NAME=PATH, got '=x'"),
        (("survive", GATEWAYS, "--to", "nohost"), "no host 'nohost'"),
        (("survive", "--cluster", f"one={RULES}"), "expected"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments: tuple[str, ...], message: str) -> None:
    done = CliRunner().invoke(app, list(arguments), standalone_mode=False)
    assert done.exception is not None
    assert message in f"{done.exception} {getattr(done.exception, 'message', '')}"


def test_outages_are_exit_code_0_unless_asked_to_fail() -> None:
    found = call("survive", GATEWAYS, "--each", "zone")
    assert found.exit_code == 0
    assert found.output.startswith("2 of 4 failures break something: 2 hosts in all\n")
    assert "breaks from us-east-b" in found.output
    assert call("survive", GATEWAYS, "--each", "zone", "--fail-on", "lost").exit_code == 1
    assert call("survive", GATEWAYS, "--each", "gateway", "--fail-on", "lost").exit_code == 0


def test_outages_as_data() -> None:
    data = json.loads(call("survive", GATEWAYS, "--each", "node", "-o", "json").output)
    assert [one["name"] for one in data["outages"]][:2] == ["east/east-a1", "east/east-a2"]


def test_outages_of_a_changed_mesh() -> None:
    data = json.loads(call("survive", GATEWAYS, "--each", "zone", "--without", "zone=us-west-a", "-o", "json").output)
    assert [one["name"] for one in data["outages"]] == ["us-east/us-east-a", "us-east/us-east-b", "us-west/us-west-b"]


@pytest.mark.parametrize("gone", ["network=net-west", "cluster=west", "region=us-west"])
def test_the_cause_is_what_was_taken_away(gone: str) -> None:
    answer = call("diff", GATEWAYS, "--without", gone)
    assert f"{gone.replace('=', ' ')} is gone" in answer.output
