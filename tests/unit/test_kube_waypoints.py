"""WP-2: what Gateways and their classes say of whom they are waypoints for."""

import json
from typing import Any

import pytest

from meshtier.errors import InputError
from meshtier.kube import read
from meshtier.mesh import Admits, LabelRequirement, WaypointGateway

API = "gateway.networking.k8s.io/v1"
ADDRESS = {"type": "IPAddress", "value": "10.0.0.9"}
FROM_ALL = {"namespaces": {"from": "All"}}
EXPRESSION = "[0].allowedRoutes.namespaces.selector.matchExpressions[0]"
BINDING = "ambient.istio.io/waypoint-inbound-binding"


def gateway(*listeners: object, **more: object) -> dict[str, Any]:
    metadata = {"name": "w", "namespace": "a", **more.pop("metadata", {})}  # type: ignore[dict-item]
    spec = {"gatewayClassName": "istio-waypoint", "listeners": list(listeners)}
    return {"apiVersion": API, "kind": "Gateway", "metadata": metadata, "spec": spec, **more}


def gateway_class(name: str = "istio-waypoint", **metadata: object) -> dict[str, Any]:
    return {"apiVersion": API, "kind": "GatewayClass", "metadata": {"name": name, **metadata}}


def hbone(namespaces: object = None, **more: object) -> dict[str, Any]:
    routes = {} if namespaces is None else {"allowedRoutes": {"namespaces": namespaces}}
    return {"name": "mesh", "port": 15008, "protocol": "HBONE", **routes, **more}


def only(*objects: dict[str, Any]) -> WaypointGateway:
    (cluster,) = read(objects)
    assert cluster.skipped == {}
    (found,) = cluster.waypoints.items()
    assert found[0] == "a/w"
    return found[1]


def problems(*objects: dict[str, Any]) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(objects)
    return [str(problem) for problem in caught.value.problems]


def test_a_gateway_as_istioctl_makes_it() -> None:
    labels = {"istio.io/waypoint-for": "service"}
    found = only(gateway(hbone(), metadata={"labels": labels}, status={"addresses": [ADDRESS]}))
    assert found == WaypointGateway(name="w", namespace="a", serves="service", ready=True, admits=Admits.SAME)


@pytest.mark.parametrize("name", ["istio-waypoint", "kgateway-waypoint", "istio", "anything", None])
def test_a_waypoint_can_be_of_any_class(name: str | None) -> None:
    found = gateway(hbone())
    found["spec"]["gatewayClassName"] = name
    assert only(found).serves == "service"


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        ({}, None),
        ({"status": None}, None),
        ({"status": {}}, False),
        ({"status": {"addresses": []}}, False),
        ({"status": {"conditions": [{"type": "Programmed", "status": "True"}]}}, False),
        ({"status": {"addresses": [ADDRESS]}}, True),
    ],
)
def test_a_gateway_is_ready_with_an_address_in_its_status(status: dict[str, Any], ready: bool | None) -> None:
    assert only(gateway(hbone(), **status)).ready is ready


@pytest.mark.parametrize(
    ("own", "of_class", "serves"),
    [
        (None, None, "service"),
        ("workload", None, "workload"),
        (None, "all", "all"),
        ("service", "all", "service"),
        ("", "all", ""),
    ],
)
def test_the_gateway_says_which_traffic_it_is_for_or_else_its_class(
    own: str | None, of_class: str | None, serves: str
) -> None:
    def labels(value: str | None) -> dict[str, Any]:
        return {} if value is None else {"labels": {"istio.io/waypoint-for": value}}

    others = gateway_class("other", labels={"istio.io/waypoint-for": "none"})
    assert only(gateway(hbone(), metadata=labels(own)), gateway_class(**labels(of_class)), others).serves == serves


@pytest.mark.parametrize(
    ("listeners", "admits"),
    [
        ([], Admits.SAME),
        ([hbone()], Admits.SAME),
        ([hbone({})], Admits.SAME),
        ([hbone({"from": None})], Admits.SAME),
        ([hbone(allowedRoutes=None)], Admits.SAME),
        ([hbone({"from": "Same"})], Admits.SAME),
        ([hbone({"from": "All"})], Admits.ALL),
        ([hbone({"from": "Selector"})], Admits.SELECTOR),
        ([{"port": 80, "protocol": "HTTP", "allowedRoutes": FROM_ALL}, hbone()], Admits.SAME),
        ([{"port": 80, "protocol": "HTTP"}, hbone({"from": "All"})], Admits.ALL),
        ([{"port": 15009, "protocol": "HBONE", "allowedRoutes": FROM_ALL}], Admits.SAME),
        ([{"port": 15008, "protocol": "TLS", "allowedRoutes": FROM_ALL}], Admits.SAME),
        ([hbone({"from": "Same"}), hbone({"from": "All"})], Admits.SAME),
    ],
)
def test_the_hbone_listener_says_whose_services_it_takes(listeners: list[object], admits: Admits) -> None:
    assert only(gateway(*listeners)).admits is admits


def test_a_selector_wants_labels_by_match_and_by_expression() -> None:
    selector = {
        "matchLabels": {"env": "prod"},
        "matchExpressions": [
            {"key": "team", "operator": "In", "values": ["x", "y"]},
            {"key": "tier", "operator": "NotIn", "values": ["low"]},
            {"key": "mesh", "operator": "Exists"},
            {"key": "legacy", "operator": "DoesNotExist", "values": []},
        ],
    }
    assert only(gateway(hbone({"from": "Selector", "selector": selector}))).selector == (
        LabelRequirement("env", frozenset({"prod"})),
        LabelRequirement("team", frozenset({"x", "y"})),
        LabelRequirement("tier", frozenset({"low"}), negated=True),
        LabelRequirement("mesh"),
        LabelRequirement("legacy", negated=True),
    )


@pytest.mark.parametrize(("selector", "read_as"), [({}, ()), (None, None)], ids=["empty takes all", "none takes none"])
def test_an_empty_selector_is_not_an_absent_one(selector: object, read_as: object) -> None:
    assert only(gateway(hbone({"from": "Selector", "selector": selector}))).selector == read_as


def test_a_selector_beside_another_word_plays_no_part() -> None:
    found = only(gateway(hbone({"from": "All", "selector": {"matchLabels": {"env": "prod"}}})))
    assert (found.admits, found.selector) == (Admits.ALL, None)


@pytest.mark.parametrize(
    ("own", "of_class", "admits"),
    [
        ("PROXY/15088", None, Admits.ALL),
        ("PROXY", None, Admits.ALL),
        ("PROXY/here", None, Admits.ALL),
        ("NONE/15088", None, Admits.ALL),
        (None, "PROXY/15088", Admits.ALL),
        ("NONE", "PROXY/15088", Admits.SAME),
        ("PROXY/80", None, Admits.SAME),
        ("PROXY/15088/1", None, Admits.SAME),
        ("HTTP/15088", None, Admits.SAME),
        ("", None, Admits.SAME),
        (None, None, Admits.SAME),
    ],
)
def test_an_annotation_binds_another_listener(own: str | None, of_class: str | None, admits: Admits) -> None:
    def annotations(value: str | None) -> dict[str, Any]:
        return {} if value is None else {"annotations": {BINDING: value}}

    proxy = {"name": "proxy", "port": 15088, "protocol": "istio.io/PROXY", "allowedRoutes": FROM_ALL}
    made = gateway(hbone(), proxy, metadata=annotations(own))
    assert only(made, gateway_class(**annotations(of_class))).admits is admits


@pytest.mark.parametrize(
    ("listener", "said"),
    [
        ("mesh", "[0]: expected a mapping, got 'mesh'"),
        (None, "[0]: expected a mapping, got null"),
        ({"port": "15008"}, "[0].port: expected an integer, got '15008'"),
        ({"allowedRoutes": "All"}, "[0].allowedRoutes: expected a mapping, got 'All'"),
        ({"allowedRoutes": {"namespaces": ["a"]}}, "[0].allowedRoutes.namespaces: expected a mapping, got a list"),
        (
            hbone({"from": "Some"}),
            "[0].allowedRoutes.namespaces.from: expected one of 'Same', 'All', 'Selector', got 'Some'",
        ),
        (
            hbone({"from": "all"}),
            "[0].allowedRoutes.namespaces.from: expected one of 'Same', 'All', 'Selector', got 'all'",
        ),
        (
            hbone({"from": "Selector", "selector": {"matchLabels": {"env": 1}}}),
            "[0].allowedRoutes.namespaces.selector.matchLabels[env]: expected a string, got 1 (put it in quotes)",
        ),
        (
            hbone({"from": "Selector", "selector": {"matchExpressions": [{"key": "env", "operator": "Is"}]}}),
            f"{EXPRESSION}.operator: expected one of 'In', 'NotIn', 'Exists', 'DoesNotExist', got 'Is'",
        ),
        (
            hbone({"from": "Selector", "selector": {"matchExpressions": [{"key": "env", "operator": "In"}]}}),
            f"{EXPRESSION}.values: expected values, got none (operator In)",
        ),
        (
            hbone(
                {
                    "from": "Selector",
                    "selector": {"matchExpressions": [{"key": "env", "operator": "Exists", "values": ["a"]}]},
                }
            ),
            f"{EXPRESSION}.values: expected no values, got some (operator Exists)",
        ),
    ],
)
def test_a_listener_that_cannot_be_understood_is_refused(listener: object, said: str) -> None:
    assert problems(gateway(listener)) == [f"document 1, Gateway a/w, spec.listeners{said}"]


def test_two_classes_of_one_name_are_refused() -> None:
    assert problems(gateway_class(), gateway_class()) == [
        "document 2, GatewayClass istio-waypoint: expected each object once, got it again; the first is in document 1"
    ]


def test_json_text_says_the_same_as_plain_data(tmp_path: Any) -> None:
    objects = [gateway(hbone({"from": "All"}), status={"addresses": [ADDRESS]}), gateway_class(labels={"x": "y"})]
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    (cluster,) = read(path)
    assert cluster.waypoints["a/w"] == only(*objects)
