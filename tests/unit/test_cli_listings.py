"""``meshtier hosts`` and ``meshtier clients``: what can be asked about."""

import json

import pytest
from click.testing import CliRunner, Result

from meshtier.cli import app

GATEWAYS = "examples/bookinfo/gateways"


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=given)


def listed(*arguments: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(run(*arguments, "-o", "json").output)
    return rows


def test_hosts_are_listed_with_whose_setting_holds_and_how_many_endpoints_there_are() -> None:
    found = {row["host"]: row for row in listed("hosts", GATEWAYS)}
    assert found["productpage.bookinfo.mesh.internal"] == {
        "host": "productpage.bookinfo.mesh.internal",
        "clusters": "east, west",
        "service": "Service bookinfo/productpage",
        "holds": "PreferNetwork",
        "endpoints": 5,  # four pods here, and one gateway
    }
    assert list(found) == sorted(map(str, found))


def test_hosts_of_a_cluster_without_pods_are_listed() -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: n}\nspec: {ports: [{port: 80}]}\n"
    result = run("hosts", "-", given=service)
    assert result.output.splitlines()[1].split() == ["a.n.svc.cluster.local", "(unnamed)", "Service", "n/a", "Any", "0"]


def test_clients_are_listed_with_their_place_and_where_traffic_starts() -> None:
    found = {row["client"]: row for row in listed("clients", GATEWAYS)}
    assert found["east/bookinfo/curl-east"] == {
        "client": "east/bookinfo/curl-east",
        "cluster": "east",
        "network": "net-east",
        "region": "us-east",
        "zone": "us-east-b",
        "subzone": "",
        "node": "east-b1",
        "starts at": "ztunnel",
        "in the mesh": "yes",
    }
    starts = {row["starts at"] for row in found.values()}
    assert starts == {"ztunnel", "waypoint", "ingress-gateway"}


def test_one_client_for_each_place_is_enough_to_ask() -> None:
    found = [(row["cluster"], row["node"]) for row in listed("clients", GATEWAYS, "--places")]
    assert len(found) == len(set(found)) == 6


@pytest.mark.parametrize(
    ("command", "missing"),
    [("hosts", "the input holds no Service or ServiceEntry"), ("clients", "the input holds no Pod")],
)
def test_nothing_to_list_is_an_error(command: str, missing: str) -> None:
    result = run(command, "-", given="apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
    assert result.exit_code == 2
    assert f"expected something to list, got none: {missing}" in result.output


@pytest.mark.parametrize("command", ["hosts", "clients"])
def test_a_list_can_be_markdown(command: str) -> None:
    first, second, *_ = run(command, GATEWAYS, "-o", "markdown").output.splitlines()
    assert first.startswith("| ")
    assert set(second) <= set("|-: ")


def test_the_help_of_the_command_cuts_no_line() -> None:
    commands = run("--help").output.partition("Commands:")[2]
    assert "explain" in commands
    assert "..." not in commands
