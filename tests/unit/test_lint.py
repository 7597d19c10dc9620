"""What lint says of a mesh, what it hides, and in what forms (issue: findings for people and for tools)."""

import json
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from meshtier.cli import app
from meshtier.errors import InputError, InvalidValueError, UnknownNameError
from meshtier.kube import load
from meshtier.lint import forms
from meshtier.lint.checking import Inspection, check, inspect
from meshtier.lint.sarif import MOST_RESULTS, sarif
from meshtier.lint.suppression import parse_suppression
from meshtier.mesh import Mesh
from meshtier.note import Severity

SCHEMA: Final = json.loads((Path(__file__).parents[1] / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
ODD: Final = """
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  annotations:
    networking.istio.io/traffic-distribution: PreferSomething
spec: {ports: [{port: 80}], selector: {app: web}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}}
spec: {nodeName: n1}
status: {phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/region: r, topology.kubernetes.io/zone: a}}
"""


def mesh(text: str = ODD, *, ignore: str = "") -> Mesh:
    objects = list(yaml.safe_load_all(text))
    if ignore:
        objects[0]["metadata"]["annotations"]["meshtier.io/ignore"] = ignore
    return load(objects)


def only(found: Inspection) -> list[tuple[str, str]]:
    return [(finding.rule, finding.object) for finding in found.findings]


def run(*arguments: str, given: str = ODD) -> Result:
    return CliRunner().invoke(app, ["lint", *arguments], input=given)


def test_a_finding_says_the_value_what_happens_and_what_to_write() -> None:
    (finding,) = check(mesh(), select=["TD001"])
    assert (finding.rule, finding.name, finding.severity) == ("TD001", "unknown-mode", Severity.ERROR)
    assert finding.object == "Service shop/web"
    assert "PreferSomething" in finding.message
    assert "networking.istio.io/traffic-distribution" in finding.path


@pytest.mark.parametrize("select", ["TD001", "td001", "unknown-mode", "TD"])
def test_rules_are_chosen_by_id_name_or_family(select: str) -> None:
    assert ("TD001", "Service shop/web") in only(inspect(mesh(), select=[select]))
    assert ("TD001", "Service shop/web") not in only(inspect(mesh(), ignore=[select]))


def test_an_unknown_rule_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        check(mesh(), select=["unknown-modes"])
    assert (caught.value.what, caught.value.nearest[0]) == ("lint rule", "unknown-mode")


def test_an_annotation_hides_exactly_that_finding() -> None:
    found = inspect(mesh(ignore="TD001: agreed with the team"))
    assert ("TD001", "Service shop/web") not in only(found)
    (hidden,) = [each for each in found.suppressed if each.finding.rule == "TD001"]
    assert (hidden.suppression.reason, hidden.suppression.by) == (
        "agreed with the team",
        "annotation meshtier.io/ignore",
    )
    others = {each for each in only(inspect(mesh())) if each[0] != "TD001"}
    assert set(only(found)) == others


def test_a_caller_hides_what_he_names() -> None:
    found = inspect(mesh(), suppressions=[parse_suppression("TD001=Service shop/web")], select=["TD001"])
    assert (found.findings, len(found.suppressed)) == ((), 1)
    elsewhere = inspect(mesh(), suppressions=[parse_suppression("TD001=Service shop/other")], select=["TD001"])
    assert len(elsewhere.findings) == 1


@pytest.mark.parametrize("text", ["TD001", "TD001=", "TD001=web", "=Service shop/web"])
def test_a_suppression_that_is_not_written_so_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="expected RULE=KIND NAMESPACE/NAME"):
        parse_suppression(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [("TD001", "expected 'RULE: reason; …', got 'TD001'"), ("TD999: no", "no lint rule 'TD999'")],
)
def test_an_annotation_that_is_not_written_so_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        check(mesh(ignore=text))
    (problem,) = caught.value.problems
    assert (problem.object, problem.path) == ("Service shop/web", "metadata.annotations[meshtier.io/ignore]")
    assert said in problem.problem


def test_a_rule_that_lacks_an_input_is_listed_as_not_run() -> None:
    found = inspect(mesh(), select=["MC601"])
    assert [(each.rule.id, [str(need) for need in each.lacks]) for each in found.not_run] == [
        ("MC601", ["several clusters"])
    ]


# Forms


def test_plain_data_are_json_with_a_version() -> None:
    data = forms.to_dict(inspect(mesh(ignore="TD001: no")))
    assert json.loads(json.dumps(data)) == data
    assert data["version"] == 1
    assert [each["finding"]["rule"] for each in data["suppressed"]] == ["TD001"]
    assert data["not_run"]


def test_a_report_tells_the_object_once_and_what_to_do() -> None:
    text = forms.report(inspect(mesh(), select=["TD001"])).to_text()
    assert text.count("Service shop/web") == 1
    assert "error TD001 unknown-mode: " in text
    assert "  fix: " in text
    assert text.endswith("1 error in 1 object")


def test_in_markdown_what_to_do_stands_under_what_was_found() -> None:
    lines = forms.report(inspect(mesh(), select=["TD001"])).to_markdown().splitlines()
    (start,) = [place for place, line in enumerate(lines) if line.startswith("- error TD001")]
    assert [line.partition(":")[0] for line in lines[start + 1 : start + 3]] == ["  - instead", "  - fix"]


def test_sarif_is_what_the_schema_asks_for() -> None:
    log = sarif(inspect(mesh(ignore="TD001: no")), help_uri="https://example.org/lint.html")
    jsonschema.Draft4Validator(SCHEMA).validate(log)
    (run_,) = log["runs"]
    ids = [rule["id"] for rule in run_["tool"]["driver"]["rules"]]
    assert all(ids[result["ruleIndex"]] == result["ruleId"] for result in run_["results"])
    (hidden,) = [result for result in run_["results"] if "suppressions" in result]
    assert hidden["suppressions"] == [{"kind": "inSource", "justification": "no"}]
    assert run_["tool"]["driver"]["rules"][0]["helpUri"].startswith("https://example.org/lint.html#")


def test_sarif_of_a_file_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a b.yaml"
    path.write_text(f"# a comment\n{ODD}", encoding="utf-8")
    log = sarif(inspect(load(path), select=["TD001"]))
    jsonschema.Draft4Validator(SCHEMA).validate(log)
    (result,) = log["runs"][0]["results"]
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"].endswith("/a%20b.yaml")
    assert location["physicalLocation"]["region"] == {"startLine": 3}
    assert location["logicalLocations"][0]["name"] == "Service shop/web"


def test_a_fingerprint_outlives_a_change_of_lines_and_values(tmp_path: Path) -> None:
    marks = set()
    for number, text in enumerate((ODD, f"\n\n{ODD}", ODD.replace("PreferSomething", "PreferNothing"))):
        path = tmp_path / "a.yaml"
        path.write_text(text, encoding="utf-8")
        (result,) = sarif(inspect(load(path), select=["TD001"]))["runs"][0]["results"]
        marks.add(result["partialFingerprints"]["meshtierFinding/v1"])
        assert number < 3
    assert len(marks) == 1


def test_of_more_results_than_a_scanner_takes_the_rest_is_counted() -> None:
    found = inspect(mesh(), select=["TD001"])
    many = Inspection(profile=found.profile, rules=found.rules, findings=found.findings * (MOST_RESULTS + 2))
    (run_,) = sarif(many)["runs"]
    assert (len(run_["results"]), run_["properties"]["resultsLeftOut"]) == (MOST_RESULTS, 2)


def test_a_workflow_command_escapes_what_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "a,b.yaml"
    path.write_text(ODD, encoding="utf-8")
    (line,) = forms.github(inspect(load(path), select=["TD001"]))
    head, _, text = line.removeprefix("::").partition("::")
    assert head.startswith("error file=")
    assert "a%2Cb.yaml,line=2,title=TD001 unknown-mode" in head
    assert text.startswith("Service shop/web: ")


# The command


def test_the_exit_code_is_that_of_the_worst_finding() -> None:
    assert run("-", "--select", "TD001").exit_code == 1
    assert run("-", "--select", "TD004").exit_code == 0
    warning = ODD.replace("PreferSomething", "PreferClose")
    assert run("-", "--select", "TD004", "--fail-on", "info", given=warning).exit_code == 1
    assert run("-", "--select", "TD004", "--fail-on", "warning", given=warning).exit_code == 0


def test_nothing_to_check_is_no_pass() -> None:
    result = run("-", given="apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
    assert result.exit_code == 2
    assert "IN701" in result.output


def test_several_forms_go_where_they_are_to(tmp_path: Path) -> None:
    result = run("-", "-o", "github", "-o", f"sarif={tmp_path / 'out.sarif'}", "-o", f"json={tmp_path / 'out.json'}")
    assert result.output.startswith("::")
    jsonschema.Draft4Validator(SCHEMA).validate(json.loads((tmp_path / "out.sarif").read_text(encoding="utf-8")))
    data: dict[str, Any] = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert data["findings"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "pdf"), "expected FORM or FORM=FILE with one of table, json, markdown, sarif, github, got 'pdf'"),
        (("--fail-on", "never"), "expected one of error, warning, info, got 'never'"),
        (("--select", "XX1"), "no lint rule 'XX1'"),
        (("-S", "TD001"), "expected RULE=KIND NAMESPACE/NAME"),
        (("-o", "json=/no/such/folder/a.json"), "expected a file that can be written, got '/no/such/folder/a.json'"),
    ],
)
def test_bad_arguments_are_refused(arguments: tuple[str, ...], said: str) -> None:
    result = run("-", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())
