"""``meshtier export``: whose configuration it is, where no component is named."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meshtier.cli import app

GATEWAYS = str(Path(__file__).parents[2] / "examples" / "bookinfo" / "gateways")
PRODUCTPAGE = "productpage.bookinfo.mesh.internal"
GATEWAY = "istio-ingress/bookinfo-gateway-istio-59f7d8c6b4-d7xkm"


def eds(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["export", "eds", GATEWAYS, *arguments])


def groups(result: Result) -> list[object]:
    assert result.exit_code == 0, result.output
    endpoints: list[object] = json.loads(result.output)["resources"][0]["endpoints"]
    return endpoints


@pytest.mark.parametrize("client", ["bookinfo/curl-east", GATEWAY])
def test_through_a_waypoint_it_is_what_all_its_pods_are_told(client: str) -> None:
    told = groups(eds("--from", client, "--to", PRODUCTPAGE))
    pod = "bookinfo/waypoint-7c6f8d9b54-w4cqz"
    assert told == groups(eds("--from", pod, "--to", PRODUCTPAGE, "--via", "waypoint"))


def test_where_an_ingress_gateway_chooses_it_is_that_one() -> None:
    asked = ("--from", GATEWAY, "--to", "details.bookinfo")
    assert groups(eds(*asked)) == groups(eds(*asked, "--via", "ingress-gateway"))


def test_where_ztunnel_chooses_a_component_is_to_be_named() -> None:
    result = eds("--from", "bookinfo/curl-east", "--to", "details")
    assert result.exit_code == 2
    assert "got one at ztunnel, which takes no endpoints from a file; ask about one of those" in result.output
