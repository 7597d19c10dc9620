"""``meshtier routes`` and ``meshtier tiers``: every host from every place, and the published tables."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from meshtier.cli import app
from meshtier.errors import UnknownNameError

GATEWAYS = str(Path(__file__).parents[2] / "examples" / "bookinfo" / "gateways")
ALL_KINDS = "svc,endpointslices,nodes,ns,pods"
RATINGS = "ratings.bookinfo.svc.cluster.local"


def call(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=text)


def refused(*arguments: str, text: str | None = None) -> UnknownNameError:
    """The error itself, of which the command prints the text."""
    error = CliRunner().invoke(app, list(arguments), input=text, standalone_mode=False).exception
    assert isinstance(error, UnknownNameError), error
    return error


def rows(result: Result, exit_code: int = 0) -> list[dict[str, object]]:
    assert result.exit_code == exit_code, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_every_host_is_asked_for_from_every_place() -> None:
    """Eight hosts in each cluster: seven Services, and productpage's global name. Pods of three nodes start at ztunnel,
    and an ingress gateway is on one of them."""
    found = rows(call("routes", GATEWAYS, "-o", "jsonl"))
    hosts = {row["host"] for row in found if row["cluster"] == "east"}
    assert len(hosts) == 8
    assert len(found) == 2 * (3 + 1) * 8
    assert len(rows(call("routes", GATEWAYS, "-o", "jsonl", "--via", "ztunnel"))) == 2 * 3 * 8


def test_only_what_fails() -> None:
    """No pod of ratings runs on east-b1 and on west-a2."""
    found = rows(call("routes", GATEWAYS, "-o", "jsonl", "--failing"), exit_code=1)
    nodes = {(row["host"], dict(row["place"])["node"]) for row in found}  # type: ignore[call-overload]
    assert nodes == {(RATINGS, "east-b1"), (RATINGS, "west-a2")}


def test_where_nothing_fails_the_table_says_so() -> None:
    answer = call("routes", GATEWAYS, "--failing", "--to", "details.bookinfo.svc.cluster.local")
    assert "every host can be reached from every place" in answer.output
    assert (
        call("routes", GATEWAYS, "--failing", "--to", "details.bookinfo.svc.cluster.local", "-o", "jsonl").output == ""
    )


DOUBT = (
    "[NET-5] cluster 'west' is a peer of 'east' by Gateway istio-eastwest/istio-remote-peer-west, and its dump is not"
    " in the input: what lies behind is known by entries alone, or not at all"
)
"""What is doubtful about the dump of east without that of west."""


def test_what_is_doubtful_about_the_sources_is_below_the_table() -> None:
    east = f"{GATEWAYS}/east.yaml"
    *rows_above, last = call("routes", east, "--to", RATINGS).output.splitlines()
    assert last == DOUBT
    assert all(line.startswith(RATINGS) for line in rows_above[1:])
    assert call("routes", east, "--to", RATINGS, "-o", "markdown").output.splitlines()[-1].startswith("- [NET-5] ")
    assert "[NET-5]" not in call("routes", GATEWAYS, "--to", RATINGS).output


def test_where_nothing_fails_a_doubt_is_no_failure() -> None:
    answer = call("routes", f"{GATEWAYS}/east.yaml", "--failing", "--to", "details.bookinfo.svc.cluster.local")
    assert answer.exit_code == 0
    assert answer.output.splitlines()[1:] == ["every host can be reached from every place", DOUBT]


def test_the_lines_of_jsonl_are_routes_alone_and_doubts_go_to_standard_error() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "meshtier", "routes", f"{GATEWAYS}/east.yaml", "-o", "jsonl", "--to", RATINGS],
        capture_output=True,
        check=True,
        text=True,
    )
    assert {json.loads(line)["host"] for line in result.stdout.splitlines()} == {RATINGS}
    assert result.stderr.splitlines() == [DOUBT]


@pytest.mark.parametrize(("form", "begins"), [("mermaid", "---\ntitle: "), ("dot", "digraph meshtier {")])
def test_zones_as_a_graph(form: str, begins: str) -> None:
    result = call("routes", GATEWAYS, "-o", form, "--to", RATINGS)
    assert result.exit_code == 0
    assert result.output.startswith(begins)
    assert "from us-east-b" in result.output
    assert "no endpoint" in result.output
    assert call("routes", GATEWAYS, "-o", form, "--to", RATINGS, "--failing").exit_code == 1
    nothing = call("routes", GATEWAYS, "-o", form, "--to", "details.bookinfo.svc.cluster.local", "--failing")
    assert (nothing.exit_code, "n0" in nothing.output) == (0, False)


def test_one_host() -> None:
    lines = call("routes", GATEWAYS, "--to", RATINGS).output.splitlines()
    assert lines[0].split() == ["host", "from", "by", "holds", "tiers"]
    assert len(lines) == 1 + 2 * (3 + 1)
    assert all(line.startswith(RATINGS) for line in lines[1:])
    assert [line for line in lines if "none: no endpoint is left to choose from" in line] == [lines[3], lines[6]]
    assert call("routes", GATEWAYS, "--to", RATINGS, "-o", "markdown").output.startswith("| host | from |")


@pytest.mark.parametrize("host", ["nosuch", "ratings.bookinfo", "ratings"])
def test_a_host_that_is_no_full_name_is_refused_with_the_nearest(host: str) -> None:
    error = refused("routes", GATEWAYS, "--to", host)
    assert host == "nosuch" or RATINGS in error.nearest


@pytest.mark.parametrize(
    ("kinds", "got"),
    [
        (("Service",), "no Pod; add what `kubectl get nodes,ns,pods -A -o json` prints"),
        (("Pod",), "no Service or ServiceEntry; add what `kubectl get svc,endpointslices -A -o json` prints"),
        (("Node",), f"no Service or ServiceEntry and no Pod; add what `kubectl get {ALL_KINDS} -A -o json` prints"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--failing",), ("-o", "jsonl", "--failing")], ids=" ".join)
def test_input_that_holds_nothing_to_ask_about_is_refused(
    kinds: tuple[str, ...], got: str, more: tuple[str, ...]
) -> None:
    objects = [{"kind": kind, "apiVersion": "v1", "metadata": {"name": "web"}} for kind in kinds]
    answer = call("routes", "-", *more, text=json.dumps(objects))
    assert (answer.exit_code, answer.output) == (2, f"meshtier: expected a host and a client to ask about, got {got}\n")


def test_a_mesh_that_changes_leave_nothing_of_is_refused() -> None:
    answer = call("routes", GATEWAYS, "--failing", "--without", "cluster=east", "--without", "cluster=west")
    assert answer.exit_code == 2


def test_a_missing_file_is_refused() -> None:
    assert call("routes", "nofile.json", "--failing", "-o", "jsonl").exit_code == 2


def test_the_published_table() -> None:
    assert call("tiers", "PreferClose").output.splitlines() == [
        "PreferSameZone: network, region, zone",
        "tier  an endpoint there has",
        "P0    same network, region, zone",
        "P1    same network, region; other zone",
        "P2    same network; other region",
        "P3    other network",
    ]


def test_tiers_as_data() -> None:
    data = json.loads(call("tiers", "-o", "json", "--profile", "istio-1.31").output)
    assert data == yaml.safe_load(call("tiers", "-o", "yaml", "--profile", "istio-1.31").output)
    counts = {mode["mode"]: len(mode["tiers"]) for mode in data["modes"]}
    assert (counts["PreferSameZone"], counts["PreferSameNode"], counts["Any"]) == (6, 10, 1)


def test_all_modes_end_with_the_order_of_precedence() -> None:
    lines = call("tiers").output.splitlines()
    assert lines.count("tier  an endpoint there has") == 5
    assert "precedence under profile solo, highest first" in lines


def test_an_unknown_mode_is_a_usage_error() -> None:
    result = call("tiers", "preferclos")
    assert result.exit_code == 2
    assert (
        "expected one of Any, PreferNetwork, PreferRegion, PreferSameZone, PreferSameNode, PreferClose" in result.output
    )


def test_the_help_keeps_its_examples_on_lines_of_their_own() -> None:
    result = call("-h")
    assert result.exit_code == 0
    assert "\\b" not in result.output
    assert any(line.strip().startswith("meshtier explain DUMPS --from") for line in result.output.splitlines())
    for command in ("explain", "routes", "tiers"):
        assert call(command, "--help").exit_code == 0
