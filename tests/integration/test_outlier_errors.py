"""Which answers count as which errors? Our detector beside a real Envoy's, where no vector says it."""

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from tests.integration.real_envoy import Connection, Process

from meshtier.simulate import Answer, Monitor, OutlierDetector, OutlierSettings

pytestmark = pytest.mark.envoy

SPLIT: Final = {"split_external_local_origin_errors": True}
ROUTER: Final = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
MANAGER: Final = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

CASES: Final[Sequence[tuple[str, tuple[int, ...], Mapping[str, bool]]]] = [
    ("429 429 429", (429,), {}),
    ("500 500 500", (429,), {}),
    ("429 429 503 429", (429,), {}),
    ("503 503 503", (503, 429), {}),
    ("503 503 429", (503, 429), {}),
    ("200 200 200", (200,), {}),
    ("timeout timeout timeout", (429,), {}),
    ("timeout timeout timeout", (), {}),
    ("refuse refuse refuse", (429,), {}),
    ("refuse refuse refuse", (), {}),
    ("500 500 500", (), SPLIT),
    ("503 503 503", (), SPLIT),
    ("503 503 500", (), SPLIT),
    ("429 429 429", (429,), SPLIT),
    ("500 500 timeout 500", (), SPLIT),
    ("timeout timeout timeout timeout", (), SPLIT),
    ("refuse refuse refuse", (), SPLIT),
]
"""Answers in a row, the error codes, and what else is set; every count is three, and none is enforced."""

MONITORS: Final = (Monitor.SERVER, Monitor.GATEWAY, Monitor.LOCAL)


def settings_of(more: Mapping[str, bool]) -> dict[str, Any]:
    given: dict[str, Any] = {"max_ejection_percent": 100, **more}
    for monitor in MONITORS:
        given |= {monitor.value: 3, f"enforcing_{monitor.value}": 0}
    return given


def listener(path: Path, routes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    router = {"name": "router", "typed_config": {"@type": ROUTER}}
    host = {"name": "all", "domains": ["*"], "routes": routes}
    manager = {
        "@type": MANAGER,
        "stat_prefix": "p",
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [router],
    }
    chain = {"filters": [{"name": "manager", "typed_config": manager}]}
    return {"name": path.name, "address": {"pipe": {"path": str(path)}}, "filter_chains": [chain]}


def cluster(name: str, path: Path, codes: Sequence[int] = (), **more: Any) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(path)}}}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    found = {"name": name, "type": "STATIC", "load_assignment": assignment, **more}
    if codes:  # as Istio's applyOutlierDetectionErrorCodes writes them
        rules = [
            {"http_response_headers_match": {"headers": [{"name": ":status", "string_match": {"exact": str(code)}}]}}
            for code in codes
        ]
        matcher = {"or_match": {"rules": rules}} if len(rules) > 1 else rules[0]
        found["typed_extension_protocol_options"] = {
            OPTIONS: {
                "@type": f"type.googleapis.com/{OPTIONS}",
                "explicit_http_config": {"http_protocol_options": {}},
                "outlier_detection": {"error_matcher": matcher},
            }
        }
    return found


def configuration(directory: Path) -> dict[str, Any]:
    """One cluster for each case, all on one endpoint that answers what a header asks for; or on none."""
    answers = sorted({word for case in CASES for word in case[0].split()} - {"refuse", "timeout"})
    header = "answer"
    routes: list[dict[str, Any]] = [
        {
            "match": {"prefix": "/", "headers": [{"name": header, "string_match": {"exact": status}}]},
            "direct_response": {"status": int(status)},
        }
        for status in answers
    ]
    routes.append({"match": {"prefix": "/"}, "route": {"cluster": "silent", "timeout": "0s"}})
    chosen = {"match": {"prefix": "/"}, "route": {"cluster_header": "case", "timeout": "0.05s"}}
    clusters = [cluster("silent", directory / "silent")]
    for number, (words, codes, more) in enumerate(CASES):
        path = directory / ("nobody" if "refuse" in words else "answers")
        clusters.append(cluster(f"case-{number}", path, codes, outlier_detection=settings_of(more)))
    return {
        "admin": {"address": {"pipe": {"path": str(directory / "envoy.admin")}}},
        "static_resources": {
            "clusters": clusters,
            "listeners": [listener(directory / "front", [chosen]), listener(directory / "answers", routes)],
        },
    }


@pytest.fixture
def envoy(directory: Path) -> Iterator[Process]:
    with closing(socket.socket(socket.AF_UNIX)) as silent:
        silent.bind(str(directory / "silent"))
        silent.listen()
        with Process(directory, configuration(directory)) as process:
            yield process


def measured(process: Process, number: int) -> dict[str, int]:
    names = f"cluster.case-{number}.outlier_detection.ejections_detected_"
    stats = json.loads(process.admin(f"/stats?format=json&usedonly&filter=^{names}"))["stats"]
    return {entry["name"].removeprefix(names): entry["value"] for entry in stats if "name" in entry}


def computed(words: str, codes: tuple[int, ...], more: Mapping[str, bool]) -> dict[str, int]:
    detector = OutlierDetector(OutlierSettings(error_codes=codes, **settings_of(more)), {"host": ""})
    events = [event for word in words.split() for event in detector.observe(1.0, "host", Answer.parse(word))]
    return {event.monitor: event.count for event in events}


def test_answers_count_as_the_errors_that_envoy_takes_them_for(envoy: Process, directory: Path) -> None:
    with closing(Connection(directory / "front")) as front:
        for number, (words, _, _) in enumerate(CASES):
            for word in words.split():
                front.send({"case": f"case-{number}", "answer": word})
                front.read()
    expected = {number: computed(*case) for number, case in enumerate(CASES)}
    assert [number for number, found in expected.items() if not found] == [1, 2, 15]
    for number, case in enumerate(CASES):
        assert measured(envoy, number) == expected[number], case
