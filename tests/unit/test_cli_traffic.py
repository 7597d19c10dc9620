"""``meshtier traffic``: what is asked, what comes out, and with which exit code."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from meshtier.cli import app

EXAMPLES = Path(__file__).parents[2] / "examples"
SOURCES = (str(EXAMPLES / "bookinfo/gateways"),)
RATES = str(EXAMPLES / "traffic/rates.csv")
PRICES = str(EXAMPLES / "traffic/prices.yaml")
REVIEWS = "reviews.bookinfo.svc.cluster.local"
COVERS = "covers.example.com"


def call(*more: str, sources: tuple[str, ...] = SOURCES) -> Result:
    return CliRunner().invoke(app, ["traffic", *sources, *more])


def data(*more: str) -> Any:
    done = call(*more, "-o", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_matrix_services_skew_and_cost_are_told_in_that_order() -> None:
    done = call("--rates", RATES, "--prices", PRICES)
    assert done.exit_code == 0
    headings = [
        "from zone to zone, in bytes/s",
        "services of which most leaves its zone",
        "load of endpoints, in bytes/s",
        "cost",
        "notes",
    ]
    assert [line for line in done.stdout.splitlines() if line in headings] == headings
    assert "1 rate kept aside, 100,000 bytes/s in all: no host billing.example.com (100,000)" in done.stdout


def test_the_example_is_what_the_rules_say() -> None:
    found = data("--rates", RATES, "--prices", PRICES)
    # 8.6 MB/s are of hosts that are there. Of reviews-v2, the pod on west-a2 has no ratings on its node.
    assert found["matrix"]["total"] == pytest.approx(8_600_000)
    assert found["matrix"]["all"]["crossings"]["lost"] == pytest.approx(150_000 / 8_600_000)
    covers = next(each for each in found["matrix"]["services"] if each["host"] == COVERS)
    assert (covers["rate"], covers["crossings"]["same-zone"]) == (800_000, 1.0)
    assert found["cost"]["per"] == "month"


def test_without_rates_each_client_counts_once_and_that_is_said() -> None:
    found = data("--to", COVERS)
    assert (found["matrix"]["unit"], found["matrix"]["counted"]) == ("clients", True)
    assert found["matrix"]["notes"] == ["each client counts once for each host: no rates are given"]
    assert found["cost"] is None


@pytest.mark.parametrize("option", ["--to", "--host"])
def test_one_host_can_be_asked_about(option: str) -> None:
    found = data("--rates", RATES, option, REVIEWS)
    assert {each["host"] for each in found["matrix"]["services"]} == {REVIEWS}


@pytest.mark.parametrize(
    "change",
    [
        ("--set", "reviews.bookinfo=Any"),
        ("--without", "zone=us-east-b"),
        ("--scale", "east/bookinfo/reviews=1"),
        ("--unhealthy", "east/bookinfo/reviews-v3-84b7c6d95f-v9zwl"),
        ("--apply", str(EXAMPLES / "bookinfo/destination-rules/productpage-failover.yaml")),
    ],
    ids=lambda change: change[0],
)
def test_with_a_change_both_sides_and_deltas_are_told(change: tuple[str, ...]) -> None:
    found = data("--rates", RATES, "--prices", PRICES, *change)
    assert found["before"]["matrix"]["total"] == pytest.approx(8_600_000)
    assert any(each["change"] for each in found["deltas"]["matrix"]["deltas"])
    done = call("--rates", RATES, *change)
    assert done.stdout.startswith("before: ")
    assert " → " in done.stdout


def test_counters_are_totals_unless_the_time_is_said() -> None:
    metrics = str(EXAMPLES / "traffic/ztunnel.prom")
    # 7.2 MB of answers and 0.36 MB of requests of the client's ztunnel; 3.6 kB that both ends count.
    assert (data("--rates", metrics)["matrix"]["total"], data("--rates", metrics)["matrix"]["unit"]) == (
        7_563_600,
        "bytes",
    )
    hourly = data("--rates", metrics, "--over", "3600")
    assert (hourly["matrix"]["total"], hourly["matrix"]["unit"]) == (pytest.approx(2_101), "bytes/s")
    assert data("--rates", metrics, "--direction", "request")["matrix"]["total"] == 360_000


def test_the_answer_of_prometheus_is_read() -> None:
    found = data("--rates", str(EXAMPLES / "traffic/query.json"))
    assert (found["matrix"]["total"], found["matrix"]["unit"]) == (200_000, "bytes/s")


def test_every_form_is_printed_whole() -> None:
    ask = ("--rates", RATES, "--set", "reviews.bookinfo=Any")
    assert call(*ask, "-o", "csv").stdout.startswith("side,host,")
    assert call(*ask, "-o", "markdown").stdout.startswith("## before: ")
    assert call(*ask, "-o", "mermaid").stdout.startswith("flowchart LR\n")
    assert call(*ask, "-o", "html").stdout.startswith("<!DOCTYPE html>")
    assert ET.fromstring(call(*ask, "-o", "svg").stdout).tag.endswith("svg")  # noqa: S314  # our own


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (("--rates", "none.csv"), "No such file"),
        (("--unit", "bytes/s"), "expected --rates FILE with --unit or --over"),
        (("--over", "60"), "expected --rates FILE with --unit or --over"),
        (("--rates", RATES, "--over", "60"), "got rates in bytes/s: these are not divided"),
        (("--rates", RATES, "--unit", "requests/s"), "expected one unit"),
        (("--rates", RATES, "--bytes-each", "3"), "expected --prices FILE with --bytes-each"),
        (("--prices", PRICES), "expected --rates FILE with --prices, or --bytes-each N"),
        (("--prices", RATES), "prices"),
        (("--to", "nowhere.shop"), "no host 'nowhere.shop'"),
        (("--without", "zone=nowhere"), "no zone 'nowhere'"),
    ],
    ids=lambda value: " ".join(value)[-40:] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_answered_is_refused_with_code_2(more: tuple[str, ...], problem: str) -> None:
    done = call(*more)
    assert done.exit_code == 2
    assert problem in done.output


def test_rates_of_requests_have_a_cost_by_the_bytes_of_each(tmp_path: Path) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text("client,host,rate,unit\nbookinfo/curl-west,details.bookinfo,10,requests/s\n")
    done = call("--rates", str(rates), "--prices", PRICES)
    assert done.exit_code == 2
    assert "got 'requests/s': say how many bytes one is, by --unit or --bytes-each N" in done.output
    # All of it goes from us-west-a to us-west-b: 10 MB/s are 36 GB an hour, at 0.02.
    found = data("--rates", str(rates), "--prices", PRICES, "--bytes-each", "1000000", "--per", "hour")
    assert found["cost"]["total"] == pytest.approx(0.72)


def test_rates_of_nobody_are_nothing_to_compute(tmp_path: Path) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text("client,host,rate\nshop/nobody,details.bookinfo,10\n")
    done = call("--rates", str(rates))
    assert done.exit_code == 2
    assert "expected rates of clients and hosts that are there, got none" in done.output
    assert "no client shop/nobody (10)" in done.output


def test_input_without_clients_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "service.yaml"
    empty.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\nspec: {}\n")
    done = call(sources=(str(empty),))
    assert done.exit_code == 2
    assert "no Pod" in done.output
