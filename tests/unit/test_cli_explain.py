"""``meshtier explain``: the answer in every form, and the errors of whoever asks for the first time."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.pictures import drawn, without_resources

from meshtier.cli import app
from meshtier.errors import InvalidValueError, MeshError, UnknownNameError

BOOKINFO = Path(__file__).parents[2] / "examples" / "bookinfo"
GATEWAYS = str(BOOKINFO / "gateways")
PRODUCTPAGE = "productpage.bookinfo.mesh.internal"
RATINGS = "ratings.bookinfo.svc.cluster.local"
ASK = ("--from", "bookinfo/curl-east", "--to", PRODUCTPAGE)


def explain(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments], input=text)


def refused(*arguments: str) -> MeshError:
    """The error itself, of which the command prints the text."""
    error = CliRunner().invoke(app, ["explain", *arguments], standalone_mode=False).exception
    assert isinstance(error, MeshError), error
    return error


def test_the_table_is_the_report_of_the_route() -> None:
    result = explain(GATEWAYS, *ASK, "--via", "ztunnel")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[:6] == [
        PRODUCTPAGE,
        "",
        "from  Pod east/bookinfo/curl-east",
        "at    network=net-east us-east/us-east-b node=east-b1",
        "by    ztunnel, profile solo",
        "",
    ]
    assert "PreferNetwork holds" in lines
    assert [line for line in lines if line in ("tiers", "endpoints", "excluded")] == ["tiers", "endpoints", "excluded"]


def test_json_and_yaml_hold_the_same() -> None:
    as_json = json.loads(explain(GATEWAYS, *ASK, "-o", "json").output)
    assert as_json == yaml.safe_load(explain(GATEWAYS, *ASK, "-o", "yaml").output)
    assert as_json["host"] == PRODUCTPAGE
    assert as_json["distribution"]["source"]["rule"] == "COMP-2"
    assert sum(tier["share"] for tier in as_json["tiers"]) == pytest.approx(1)


def test_pictures_and_graphs_are_of_the_same_route() -> None:
    svg, page, mermaid, dot = (explain(GATEWAYS, *ASK, "-o", form).output for form in ("svg", "html", "mermaid", "dot"))
    drawn(svg)
    assert svg.startswith("<svg ")
    without_resources(page)
    assert svg.rstrip() in page
    assert "PreferNetwork holds" in page
    assert "productpage-v1-7b9c5d4f68-tw2lj<br>41.2 % P0" in mermaid
    assert r'label="productpage-v1-7b9c5d4f68-tw2lj\n41.2 % P0' in dot


def test_a_picture_of_all_endpoints() -> None:
    bookinfo = explain(GATEWAYS, *ASK, "-o", "mermaid", "--all").output
    assert bookinfo == explain(GATEWAYS, *ASK, "-o", "mermaid").output  # there are few


def test_a_picture_where_nothing_receives_exits_with_1() -> None:
    result = explain(GATEWAYS, "--from", "bookinfo/curl-east", "--to", RATINGS, "-o", "mermaid")
    assert result.exit_code == 1
    assert "100 % is lost" in result.output


@pytest.mark.parametrize("form", ["svg", "html", "mermaid", "dot"])
def test_one_endpoint_has_no_picture(form: str) -> None:
    result = explain(GATEWAYS, *ASK, "--endpoint", "tw2lj", "-o", form)
    assert result.exit_code == 2
    assert f"expected -o table, json, yaml, markdown with --endpoint, got {form}" in result.output


def test_markdown_has_headings_and_tables() -> None:
    lines = explain(GATEWAYS, *ASK, "--via", "ztunnel", "-o", "markdown").output.splitlines()
    assert lines[0] == f"## {PRODUCTPAGE}"
    assert "| tier | share | healthy | what matches | where |" in lines


@pytest.mark.parametrize("form", ["xml", ""])
def test_an_unknown_form_is_a_usage_error(form: str) -> None:
    result = explain(GATEWAYS, *ASK, "-o", form)
    assert result.exit_code == 2
    assert "is not one of 'table', 'json', 'yaml', 'markdown'" in result.output


def test_one_endpoint_is_explained_by_the_end_of_its_name() -> None:
    name = "bookinfo/productpage-v1-7b9c5d4f68-s9dlm"
    lines = explain(GATEWAYS, *ASK, "--endpoint", name).output.splitlines()
    assert lines[0] == (
        f"west/{name}: P1 (priority 1): other network; behind that P0 (priority 0): same network,"
        " as seen by Pod west/istio-eastwest/istio-eastwest-6b8d5c7f94-z2mqf; share 0 %;"
        " reached through Gateway istio-eastwest/istio-remote-peer-west at 198.51.100.20 (network 'net-west')"
    )
    assert [line.split()[:5] for line in lines[2:]] == [
        ["to", "the", "gateway", "network", "net-east"],
        ["behind", "it", "network", "net-west", "Namespace"],
    ]
    data = json.loads(explain(GATEWAYS, *ASK, "--endpoint", name, "-o", "json").output)
    assert (data["first_difference"], data["share"]) == ("network", 0)
    assert data == yaml.safe_load(explain(GATEWAYS, *ASK, "--endpoint", name, "-o", "yaml").output)
    assert "| compared |" in explain(GATEWAYS, *ASK, "--endpoint", name, "-o", "markdown").output


def test_an_unknown_endpoint_is_refused_with_the_nearest() -> None:
    error = refused(GATEWAYS, *ASK, "--endpoint", "k4xz")
    assert str(error).endswith("the nearest: east/bookinfo/productpage-v1-7b9c5d4f68-k4xzp")
    assert explain(GATEWAYS, *ASK, "--endpoint", "k4xzp").exit_code == 0


@pytest.mark.parametrize("via", [(), ("--via", "auto"), ("--via", "waypoint")], ids=" ".join)
def test_two_choices_are_shown_with_a_waypoint_in_the_path(via: tuple[str, ...]) -> None:
    text = explain(GATEWAYS, *ASK, *via).output
    assert "two choices: ztunnel picks a waypoint pod, and that pod picks the endpoint" in text
    heading = "tiers as seen by east/bookinfo/waypoint-7c6f8d9b54-w4cqz, 100 %"
    assert f"{heading}\n  at network=net-east us-east/us-east-b" in text


@pytest.mark.parametrize("name", ["ingress-gateway", "IngressGateway", "ingress gateway", "INGRESS_GATEWAY"])
def test_a_component_may_be_written_in_several_ways(name: str) -> None:
    assert explain(GATEWAYS, *ASK, "--via", name).output == explain(GATEWAYS, *ASK, "--via", "ingress-gateway").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--via", "envoy"),
            "expected one of auto, ztunnel, waypoint, ingress-gateway, sidecar, kgateway, got 'envoy'",
        ),
        (("--profile", "istio"), "istio-1.28, istio-1.29, istio-1.30, istio-1.31, got 'istio'"),
        (("--port", "0"), "0 is not in the range 1<=x<=65535"),
        (("--cluster", "east"), "expected NAME=PATH, got 'east'"),
        (("--cluster", "=x"), "expected NAME=PATH, got '=x'"),
        (("--nosuch",), "No such option"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_wrong_option_is_a_usage_error(arguments: tuple[str, ...], said: str) -> None:
    result = explain(GATEWAYS, *ASK, *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_without_sources_or_question_it_says_what_is_wanted() -> None:
    assert "expected SOURCES: files, folders or '-'" in explain().output
    assert "expected --from CLIENT: east/bookinfo/productpage-v1-" in explain(GATEWAYS).output
    result = explain(GATEWAYS, "--from", "curl-east")
    assert (
        "expected --to HOST: bookinfo-gateway-istio.istio-ingress.svc.cluster.local, covers.example.com"
        in result.output
    )
    assert result.exit_code == 2


def test_unknown_names_are_refused_with_the_nearest() -> None:
    client = refused(GATEWAYS, "--from", "curl-est", "--to", PRODUCTPAGE)
    assert isinstance(client, UnknownNameError)
    assert {"bookinfo/curl-east", "bookinfo/curl-west"} <= set(client.nearest)
    host = refused(GATEWAYS, "--from", "curl-east", "--to", "productpag")
    assert isinstance(host, UnknownNameError)
    assert PRODUCTPAGE in host.nearest
    assert str(refused(GATEWAYS, *ASK, "--in", "weste")).startswith("no cluster 'weste'; the nearest: west")
    port = refused(GATEWAYS, *ASK, "--port", "9081")
    assert str(port) == f"no port '9081' of {PRODUCTPAGE}; the nearest: 9080"


def test_a_client_that_could_be_several_is_refused_with_all_of_them(tmp_path: Path) -> None:
    east = BOOKINFO / "gateways" / "east.yaml"
    copy = tmp_path / "copy.yaml"
    copy.write_bytes(east.read_bytes())
    copies = [f"--cluster=blue={east}", f"--cluster=green={copy}"]
    error = refused(*copies, *ASK)
    assert isinstance(error, InvalidValueError)
    assert "Pod blue/bookinfo/curl-east, Pod green/bookinfo/curl-east; say which by its full name" in str(error)
    assert explain(*copies, *ASK, "--in", "green").exit_code == 0
    assert explain(*copies, "--from", "blue/bookinfo/curl-east", "--to", PRODUCTPAGE).exit_code == 0


def test_a_cluster_is_named_on_the_command_line() -> None:
    result = explain("--cluster", f"blue={BOOKINFO}/gateways/east.yaml", *ASK)
    assert "from  Pod blue/bookinfo/curl-east" in result.output
    assert "blue/bookinfo/productpage-v1-7b9c5d4f68-k4xzp" in result.output
    assert "west/bookinfo" not in result.output


def test_standard_input_is_a_source() -> None:
    text = (BOOKINFO / "gateways" / "east.yaml").read_text(encoding="utf-8")
    assert explain("-", *ASK, text=text).output == explain(f"{GATEWAYS}/east.yaml", *ASK).output


def test_a_place_and_a_node_are_clients() -> None:
    by_place = explain(GATEWAYS, "--from", "region=us-east,zone=us-east-b", "--to", "details.bookinfo")
    assert "at    network=net-east us-east/us-east-b" in by_place.output
    by_node = explain(GATEWAYS, "--from", "node/east-b1", "--to", "details.bookinfo")
    assert "from  Node east/east-b1" in by_node.output
    for result in (by_place, by_node):
        assert [line.split()[0] for line in result.output.splitlines() if "details-v1" in line][:2] == ["P0", "P1"]


def test_all_endpoints_are_shown_on_request() -> None:
    pods = [
        {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {"name": f"p{number:02}", "namespace": "ns", "labels": {"app": "web"}},
            "status": {
                "podIP": f"10.0.0.{number}",
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }
        for number in range(1, 21)
    ]
    web = {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": "web", "namespace": "ns"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    text = json.dumps({"kind": "List", "apiVersion": "v1", "items": [*pods, web]})
    short = explain("-", "--from", "p01", "--to", "web", text=text)
    assert "… and 12 more" in short.output
    whole = explain("-", "--from", "p01", "--to", "web", "--all", text=text)
    assert "p20" in whole.output
    assert "more" not in whole.output
