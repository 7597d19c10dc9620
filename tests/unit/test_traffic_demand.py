"""Rates by client and host: what callers may say, what files may hold, and what is refused."""

import json
from pathlib import Path

import pytest

from meshtier.errors import InputError, InvalidValueError, MeshError
from meshtier.locality import Locality
from meshtier.traffic import Direction, Rate, Sender, Traffic, read_prices, read_rates

HOST = "web.shop.svc.cluster.local"


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("shop/web", Sender(workload="shop/web")),
        ("web", Sender(workload="web")),
        ("pod/shop/web-1", Sender(workload="shop/web-1")),
        ("east/shop/web", Sender(workload="shop/web", cluster="east")),
        ("zone=a", Sender(place=Locality(zone="a"))),
        ("region=r, zone=a", Sender(place=Locality(region="r", zone="a"))),
        ("cluster=east,zone=a", Sender(cluster="east", place=Locality(zone="a"))),
        ("cluster=east", Sender(cluster="east")),
        ("shop/web zone=a", Sender(workload="shop/web", place=Locality(zone="a"))),
        ("*", Sender()),
        ("* zone=a", Sender(place=Locality(zone="a"))),
    ],
)
def test_a_sender_is_a_workload_a_place_or_both(text: str, sender: Sender) -> None:
    assert Sender.parse(text) == sender
    assert Sender.parse(str(sender)) == sender


@pytest.mark.parametrize("text", ["", " ", "a b", "* web", "zone=a zone=b", "a/b/c/d", "shop//web", "zoen=a"])
def test_a_text_that_names_no_sender_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="expected"):
        Sender.parse(text)


def test_a_mapping_may_be_flat_or_by_client() -> None:
    flat = Traffic.from_mapping({("shop/web", HOST): 2, (Locality(zone="a"), HOST): 3.5})
    nested = Traffic.from_mapping({"shop/web": {HOST: 2}, Locality(zone="a"): {HOST: 3.5}})
    assert [(str(each.sender), each.host, each.value) for each in flat.rates] == [
        ("shop/web", HOST, 2),
        ("zone=a", HOST, 3.5),
    ]
    assert [(each.sender, each.host, each.value) for each in flat.rates] == [
        (each.sender, each.host, each.value) for each in nested.rates
    ]
    assert flat.total == 5.5


def test_rows_say_who_sends_in_one_column_or_several() -> None:
    rows: list[dict[str, object]] = [
        {"client": "shop/web", "host": HOST, "rate": 1},
        {"workload": "web", "namespace": "shop", "zone": "a", "cluster": "east", "host": HOST, "rate": "2.5"},
        {"zone": "b", "region": "r", "workload": "", "client": None, "host": HOST, "rate": 0},
    ]
    assert [(str(each.sender), each.value, each.where) for each in Traffic.from_rows(rows).rates] == [
        ("shop/web", 1, "row 1"),
        ("shop/web cluster=east,zone=a", 2.5, "row 2"),
        ("region=r,zone=b", 0, "row 3"),
    ]


def test_all_bad_rates_are_named_together_with_their_rows() -> None:
    rows: list[dict[str, object]] = [
        {"client": "a", "host": HOST, "rate": -1},
        {"client": "b", "host": HOST, "rate": 1},
        {"client": "c", "host": HOST, "rate": float("nan")},
        {"client": "d", "host": HOST, "rate": "inf"},
        {"client": "e", "host": HOST, "rate": "much"},
        {"client": "f", "host": HOST, "rate": True},
        {"client": "g", "rate": 1},
        {"host": HOST, "rate": 1},
        {"clinet": "h", "host": HOST, "rate": 1},
    ]
    with pytest.raises(InvalidValueError) as caught:
        Traffic.from_rows(rows)
    text = str(caught.value)
    assert text.startswith("8 problems")
    for row, problem in (
        (1, "expected a rate of 0 or more, got -1"),
        (3, "expected a rate of 0 or more, got nan"),
        (4, "expected a rate of 0 or more, got inf"),
        (5, "expected a rate of 0 or more, got 'much'"),
        (6, "expected a rate of 0 or more, got True"),
        (7, "expected a host, got None"),
        (8, "expected who sends"),
        (9, "got 'clinet'"),
    ):
        assert f"row {row}: {problem}" in text or (f"row {row}" in text and problem in text)
    assert "row 2" not in text


@pytest.mark.parametrize("rate", [-0.5, float("nan"), float("inf"), "3 ", None, True])
def test_a_bad_rate_of_a_mapping_is_named_by_its_key(rate: object) -> None:
    if rate == "3 ":
        assert Traffic.from_mapping({("web", HOST): rate}).total == 3
        return
    with pytest.raises(InvalidValueError, match="expected a rate of 0 or more") as caught:
        Traffic.from_mapping({("web", HOST): rate})
    assert "'web'" in str(caught.value)


def test_rates_that_are_made_by_hand_are_checked_too() -> None:
    with pytest.raises(InvalidValueError, match="got -1"):
        Traffic(rates=[Rate(sender=Sender(), host=HOST, value=-1)])


def test_what_counters_grew_by_is_divided_by_the_time_and_says_so() -> None:
    found = Traffic.from_mapping({("web", HOST): 600}, unit="bytes", per=60)
    assert (found.total, found.unit) == (10, "bytes/s")


def test_rates_are_not_divided_by_a_time_again() -> None:
    with pytest.raises(InvalidValueError, match="got rates in bytes/s"):
        Traffic.from_mapping({("web", HOST): 600}, unit="bytes/s", per=60)


@pytest.mark.parametrize("per", [0, -1, float("nan"), float("inf"), True, "60"])
def test_a_time_that_is_none_is_refused(per: float) -> None:
    with pytest.raises(InvalidValueError, match="per: expected a time in seconds"):
        Traffic.from_mapping({("web", HOST): 600}, per=per)


def test_a_repr_is_one_line_and_a_table_no_longer_than_a_screen() -> None:
    many = Traffic.from_mapping({(f"web-{number}", HOST): 1 for number in range(500)}, unit="requests/s")
    assert repr(many) == "<Traffic 500 rates, 500 requests/s in all>"
    assert many._repr_html_().count("<tr>") == 1 + 20
    assert "… and 480 more" in many._repr_html_()


# Files


def test_csv_has_heads_comments_and_a_unit(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(
        f"# said by hand\nclient,zone,host,rate,unit\n\nshop/web,a,{HOST},5,MB/s\n# more\n,b,{HOST},1,MB/s\n"
    )
    found = read_rates(path)
    assert found.unit == "MB/s"
    assert [(str(each.sender), each.value, each.where) for each in found.rates] == [
        ("shop/web zone=a", 5, "line 4"),
        ("zone=b", 1, "line 6"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("client,rate\na,1\n", "no host"),
        ("client,host\na,b\n", "no rate"),
        ("client,host,rate,zoen\na,b,1,c\n", "got 'zoen'"),
        ("client,host,rate\na,b\n", "line 2: expected 3 cells, got 2"),
        ("client,host,rate,unit\na,b,1,x\na,b,1,y\n", "expected one unit, got 'x', 'y'"),
        ("client,host,rate\na,b,-1\na,b,nan\na,b,2\n", "line 2: expected a rate of 0 or more, got -1"),
        ("client,host,rate\na,b,-1\na,b,nan\na,b,2\n", "line 3: expected a rate of 0 or more, got nan"),
        ("", "empty"),
        ("\0\1", "binary"),
        ('{"rates": 3}', "got 3"),
        ('{"rates": [], "unti": "x"}', "got 'unti'"),
        ('{"rates": ', "line 1"),
        ("[1, 2]", "row 1: expected a record"),
    ],
)
def test_a_file_that_holds_no_rates_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "rates"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_rates(path)
    assert problem in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_rates(tmp_path / "none.csv")


def test_json_holds_rows_or_rates_by_client(tmp_path: Path) -> None:
    path = tmp_path / "rates.json"
    for data in (
        [{"client": "web", "host": HOST, "rate": 4}],
        {"web": {HOST: 4}},
        {"unit": "bytes/s", "rates": {"web": {HOST: 4}}},
        {"unit": "bytes/s", "rates": [{"client": "web", "host": HOST, "rate": 4}]},
    ):
        path.write_text(json.dumps(data))
        found = read_rates(path, unit="bytes/s")
        assert [(str(each.sender), each.host, each.value) for each in found.rates] == [("web", HOST, 4)]
        assert found.unit == "bytes/s"


# Prometheus

PAIR = (
    'source_workload="front",source_workload_namespace="shop",source_cluster="east",source_region="r",source_zone="a",'
    'destination_service="web.shop.svc.cluster.local",destination_service_name="web",'
    'destination_service_namespace="shop"'
)


def metrics(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "metrics"
    path.write_text("# TYPE istio_tcp_sent_bytes counter\n" + "\n".join(lines) + "\n# EOF\n")
    return path


def test_counters_of_a_ztunnel_are_totals_in_bytes_of_a_workload_in_its_zone(tmp_path: Path) -> None:
    path = metrics(tmp_path, f'istio_tcp_sent_bytes_total{{reporter="source",{PAIR}}} 600', "process_open_fds 12")
    found = read_rates(path)
    (rate,) = found.rates
    assert rate.sender == Sender(workload="shop/front", cluster="east", place=Locality(region="r", zone="a"))
    assert (rate.host, rate.value, found.unit) == (HOST, 600, "bytes")
    grown = read_rates(path, per=60)
    assert (grown.total, grown.unit) == (10, "bytes/s")


@pytest.mark.parametrize("reporter", ["source", "destination"])
@pytest.mark.parametrize(
    ("direction", "total"), [(Direction.BOTH, 110), (Direction.REQUEST, 10), (Direction.RESPONSE, 100)]
)
def test_received_is_what_clients_send_whoever_reports(
    tmp_path: Path, reporter: str, direction: Direction, total: float
) -> None:
    path = metrics(
        tmp_path,
        f'istio_tcp_received_bytes_total{{reporter="{reporter}",{PAIR}}} 10',
        f'istio_tcp_sent_bytes_total{{reporter="{reporter}",{PAIR}}} 100',
    )
    assert read_rates(path, direction=direction).total == total


def test_what_both_ztunnels_count_counts_once_and_is_said(tmp_path: Path) -> None:
    other = PAIR.replace("front", "outside")
    path = metrics(
        tmp_path,
        f'istio_tcp_sent_bytes_total{{reporter="source",{PAIR}}} 100',
        f'istio_tcp_sent_bytes_total{{reporter="destination",{PAIR}}} 98',
        f'istio_tcp_sent_bytes_total{{reporter="destination",{other}}} 7',
    )
    found = read_rates(path)
    assert {str(each.sender).split()[0]: each.value for each in found.rates} == {"shop/front": 100, "shop/outside": 7}
    assert found.notes == ("1 series of reporter=destination are those of a client's ztunnel too",)


def test_series_of_several_ztunnels_add_up(tmp_path: Path) -> None:
    line = f'istio_tcp_sent_bytes_total{{reporter="source",{PAIR}}}'
    assert read_rates(metrics(tmp_path, f"{line} 100", f"{line} 1e2 1395066363000")).total == 200


def test_what_a_label_does_not_say_is_unknown_and_never_everybody(tmp_path: Path) -> None:
    path = metrics(
        tmp_path,
        'istio_tcp_sent_bytes_total{reporter="source",source_workload="unknown",source_zone="unknown",'
        'source_workload_namespace="unknown",destination_service="unknown",destination_workload="db",'
        'destination_workload_namespace="shop"} 5',
    )
    (rate,) = read_rates(path).rates
    assert (rate.sender.workload, rate.host) == ("unknown", "(no service: shop/db)")


def test_label_values_are_unescaped(tmp_path: Path) -> None:
    path = metrics(tmp_path, 'istio_tcp_sent_bytes_total{source_workload="a\\\\n\\"b,}",destination_service="h"} 5')
    (rate,) = read_rates(path).rates
    assert rate.sender.workload == 'a\\n"b,}'


def test_all_lines_that_are_no_metrics_are_named(tmp_path: Path) -> None:
    path = metrics(tmp_path, f"istio_tcp_sent_bytes_total{{{PAIR}}} many", "x{y} 1", "fine 1")
    with pytest.raises(InputError) as caught:
        read_rates(path)
    assert "line 2: expected a metric" in str(caught.value)
    assert "line 3: expected a metric" in str(caught.value)
    assert "line 4" not in str(caught.value)


def test_metrics_without_those_of_traffic_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected istio_tcp_sent_bytes_total or istio_tcp_received_bytes_total"):
        read_rates(metrics(tmp_path, 'up{job="x"} 1'))


@pytest.mark.parametrize("value", ["NaN", "-5", "+Inf"])
def test_a_metric_that_is_no_amount_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(InputError, match="line 2: expected a rate of 0 or more"):
        read_rates(metrics(tmp_path, f"istio_tcp_sent_bytes_total{{{PAIR}}} {value}"))


def answer(tmp_path: Path, *results: object, kind: str = "vector", **more: object) -> Path:
    path = tmp_path / "query.json"
    path.write_text(json.dumps({"status": "success", "data": {"resultType": kind, "result": results}, **more}))
    return path


def test_the_answer_to_a_query_is_rates_and_a_bare_counter_a_total(tmp_path: Path) -> None:
    labels = {"reporter": "source", "source_workload": "front", "source_workload_namespace": "shop"}
    labels["destination_service"] = HOST
    rates = read_rates(answer(tmp_path, {"metric": labels, "value": [1.5, "12.5"]}))
    assert (rates.total, rates.unit, str(rates.rates[0].sender)) == (12.5, "bytes/s", "shop/front")
    named = {"__name__": "istio_tcp_sent_bytes_total", **labels}
    assert read_rates(answer(tmp_path, {"metric": named, "value": [1.5, "12.5"]})).unit == "bytes"


def test_series_without_a_reporter_may_count_twice_and_that_is_said(tmp_path: Path) -> None:
    labels = {"source_workload": "front", "source_workload_namespace": "shop", "destination_service": HOST}
    (note,) = read_rates(answer(tmp_path, {"metric": labels, "value": [1, "1"]})).notes
    assert "counts twice" in note


def test_what_prometheus_warns_of_is_a_note(tmp_path: Path) -> None:
    path = answer(tmp_path, warnings=["a store is not there"])
    assert read_rates(path).notes == ("Prometheus warns: a store is not there",)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"status": "error", "errorType": "bad_data", "error": "parse error"}, "got the error 'parse error'"),
        ({"status": "success", "data": {"resultType": "matrix", "result": []}}, "expected a vector"),
        ({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}}, "data.result[0]"),
        (
            {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "-3"]}]}},
            "data.result[0]: expected a rate of 0 or more, got -3.0",
        ),
        (
            {
                "status": "success",
                "data": {"resultType": "vector", "result": [{"metric": {"__name__": "up"}, "value": [1, "1"]}]},
            },
            "got up",
        ),
    ],
)
def test_an_answer_without_a_vector_of_amounts_is_refused(tmp_path: Path, data: object, problem: str) -> None:
    path = tmp_path / "query.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InputError) as caught:
        read_rates(path)
    assert problem in str(caught.value)


# Prices


def test_prices_have_our_names_or_those_of_opencost(tmp_path: Path) -> None:
    yaml, opencost = tmp_path / "prices.yaml", tmp_path / "default.json"
    pytest.importorskip("yaml")
    yaml.write_text("zone: 0.01\ninternet: 0.12\ncurrency: EUR\n")
    opencost.write_text(
        '{"provider": "custom", "CPU": "0.03", "zoneNetworkEgress": "0.01", "regionNetworkEgress": "0.02"}'
    )
    ours, theirs = read_prices(yaml), read_prices(opencost)
    assert (ours.zone, ours.region, ours.internet, ours.currency) == (0.01, None, 0.12, "EUR")
    assert (theirs.zone, theirs.region, theirs.internet, theirs.currency) == (0.01, 0.02, None, "USD")


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ('{"zone": -1, "region": "dear", "internet": null}', ["zone", "region", "internet"]),
        ('{"zon": 1}', ["got 'zon'"]),
        ('{"zone": 1, "zoneNetworkEgress": 2}', ["expected one price of this kind"]),
        ('{"currency": "EUR"}', ["got none"]),
        ("[1]", ["expected prices by their names"]),
        ('{"zone": 1, "gigabyte": 0}', ["gigabyte"]),
    ],
)
def test_prices_that_are_none_are_refused_together(tmp_path: Path, text: str, problems: list[str]) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(MeshError) as caught:
        read_prices(path)
    assert all(problem in str(caught.value) for problem in problems)
