"""What a DestinationRule object becomes, and what is refused."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from meshtier.errors import InputError, InvalidValueError, UnknownNameError
from meshtier.labels import Labels
from meshtier.profile import ISTIO_1_31, SOLO
from meshtier.rules import (
    Algorithm,
    DestinationRule,
    Distribute,
    Failover,
    Kept,
    LoadBalancer,
    LocalitySetting,
    OutlierDetection,
    PortPolicy,
    Subset,
    TrafficPolicy,
    ZoneAwareSetting,
    check_mixing,
    effective_policy,
)

SETTING = "spec.trafficPolicy.loadBalancer.localityLbSetting"
OUTLIER = "spec.trafficPolicy.outlierDetection"


def rule_object(spec: Mapping[str, Any]) -> dict[str, object]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "r", "namespace": "shop"},
        "spec": {"host": "cart", **spec},
    }


def with_setting(**setting: object) -> dict[str, object]:
    return rule_object({"trafficPolicy": {"loadBalancer": {"localityLbSetting": setting}}})


def with_outlier(**outlier: object) -> dict[str, object]:
    return rule_object({"trafficPolicy": {"outlierDetection": outlier}})


def problems_of(obj: Mapping[str, object]) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as caught:
        DestinationRule.from_mapping(obj)
    return [(problem.path, problem.problem) for problem in caught.value.problems]


FULL = DestinationRule(
    name="productpage-failover",
    namespace="bookinfo",
    host="productpage.bookinfo.mesh.internal",
    created="2026-01-01T00:00:00Z",
    export_to=["."],
    workload_selector=Labels({"app": "web"}),
    traffic_policy=TrafficPolicy(
        load_balancer=LoadBalancer(
            simple=Algorithm.ROUND_ROBIN,
            locality=LocalitySetting(
                enabled=True,
                failover_priority=["topology.kubernetes.io/region", "topology.kubernetes.io/zone=z1"],
            ),
        ),
        outlier_detection=OutlierDetection(
            consecutive_5xx_errors=5, interval_s=10.0, base_ejection_time_s=180.0, max_ejection_percent=50
        ),
        port_level=[PortPolicy(port=80, policy=TrafficPolicy(tls=Kept({"mode": "DISABLE"})))],
        connection_pool=Kept({"http": {"maxRetries": 3}}),
    ),
    subsets=[Subset(name="v1", labels=Labels({"version": "v1"}))],
)


def test_rule_survives_the_round_trip_and_json() -> None:
    assert DestinationRule.from_mapping(json.loads(json.dumps(FULL.to_mapping()))) == FULL


def test_rule_is_hashable() -> None:
    assert len({FULL, DestinationRule.from_mapping(FULL.to_mapping())}) == 1


def test_example_of_the_source_document_is_read_without_notes() -> None:
    rule = DestinationRule.from_mapping(
        {
            "apiVersion": "networking.istio.io/v1beta1",
            "kind": "DestinationRule",
            "metadata": {"name": "bookinfo-namespace-failover", "namespace": "bookinfo"},
            "spec": {
                "host": "*.bookinfo.mesh.internal",
                "trafficPolicy": {
                    "loadBalancer": {
                        "localityLbSetting": {"enabled": True, "failoverPriority": ["topology.kubernetes.io/region"]}
                    },
                    "outlierDetection": {
                        "consecutive5xxErrors": 5,
                        "interval": "10s",
                        "baseEjectionTime": "3m",
                        "maxEjectionPercent": 50,
                    },
                },
            },
        }
    )
    assert rule.notes == ()
    policy = effective_policy(rule)
    assert policy.outlier_detection is not None
    assert policy.outlier_detection.limits.base_ejection_time_s == 180.0
    assert policy.outlier_detection.limits.consecutive_gateway == 0
    assert policy.load_balancer is not None
    assert policy.load_balancer.algorithm is Algorithm.LEAST_REQUEST


def test_all_problems_are_told_together_with_file_object_and_path() -> None:
    obj = rule_object(
        {
            "host": "a.*.internal",
            "trafficPolicy": {
                "loadBalancer": {"simple": "FASTEST", "localityLbSetting": {"failoverPriority": "zone"}},
                "outlierDetection": {"interval": "10", "maxEjectionPercent": True},
            },
        }
    )
    with pytest.raises(InputError) as caught:
        DestinationRule.from_mapping(obj, where="rules.yaml", document=2)
    assert sorted(str(problem) for problem in caught.value.problems) == [
        (
            "rules.yaml, document 2, DestinationRule shop/r, spec.host: "
            "expected '*' only at the start of the host, got 'a.*.internal'"
        ),
        f"rules.yaml, document 2, DestinationRule shop/r, {SETTING}.failoverPriority: expected a list, got 'zone'",
        (
            "rules.yaml, document 2, DestinationRule shop/r, spec.trafficPolicy.loadBalancer.simple: expected one of "
            "LEAST_REQUEST, ROUND_ROBIN, RANDOM, PASSTHROUGH, LEAST_CONN, UNSPECIFIED, got 'FASTEST'"
        ),
        (
            f"rules.yaml, document 2, DestinationRule shop/r, {OUTLIER}.interval: "
            "expected a duration with a unit, such as '10s', '3m' or '500ms', got '10'"
        ),
        (
            f"rules.yaml, document 2, DestinationRule shop/r, {OUTLIER}.maxEjectionPercent: "
            "expected an integer from 0 to 100, got True"
        ),
    ]


def test_unknown_fields_are_kept_and_noted() -> None:
    obj = rule_object({"trafficPolicy": {"outlierDetection": {"newField": [1, {"a": None}]}}, "later": True})
    rule = DestinationRule.from_mapping(obj)
    assert [str(note) for note in rule.notes] == [
        f"[INPUT] DestinationRule shop/r: {OUTLIER}.newField: unknown field, kept and otherwise ignored",
        "[INPUT] DestinationRule shop/r: spec.later: unknown field, kept and otherwise ignored",
    ]
    assert rule.to_mapping()["spec"] == obj["spec"]


def test_null_counts_as_absent() -> None:
    rule = DestinationRule.from_mapping(rule_object({"trafficPolicy": None, "subsets": None}))
    assert rule == DestinationRule(name="r", namespace="shop", host="cart")


@pytest.mark.parametrize(
    ("setting", "path", "problem"),
    [
        (
            {"distribute": [{"from": "r1", "to": {"r1": 70, "r2": 20}}]},
            ".distribute[0].to",
            "expected weights that add up to 100, got 90",
        ),
        ({"distribute": [{"from": "r1", "to": {}}]}, ".distribute[0].to", "expected weights that add up to 100, got 0"),
        (
            {"distribute": [{"from": "r1", "to": {"r1": -1}}]},
            ".distribute[0].to.r1",
            "expected an integer from 1 to 100, got -1",
        ),
        (
            {"distribute": [{"from": "r1", "to": {"r1": 2**70}}]},
            ".distribute[0].to.r1",
            "expected an integer from 1 to 100, got 1180591620717411303424",
        ),
        (
            {"distribute": [{"from": "r1", "to": {"r1": True}}]},
            ".distribute[0].to.r1",
            "expected an integer from 1 to 100, got True",
        ),
        (
            {"distribute": [{"from": "r1", "to": {"r1/*": 50, "r1/z1/s1": 50}}]},
            ".distribute[0].to",
            (
                "expected patterns of which at most one matches any locality, got 'r1/*' and 'r1/z1/s1';"
                " which of the two Istio would apply depends on the random order of a map"
            ),
        ),
        (
            {"distribute": [{"from": "r1", "to": {"r1/*/s1": 100}}]},
            ".distribute[0].to",
            "expected at most one '*', at the end, got 'r1/*/s1'",
        ),
        (
            {"distribute": [{"from": "r1//s1", "to": {"r1": 100}}]},
            ".distribute[0].from",
            "expected 'region/zone/subzone' without empty parts, got 'r1//s1'",
        ),
        (
            {"distribute": [{"from": "*", "to": {"r1": 100}}, {"from": "r1", "to": {"r1": 100}}]},
            ".distribute[1].from",
            (
                "expected no overlap with the earlier '*', got 'r1'; Istio's validation refuses that, and takes a wider"
                " pattern after a narrower one only if it ends in '*'"
            ),
        ),
        (
            {"failover": [{"from": "r1", "to": "r1"}]},
            ".failover[0]",
            "expected two different regions in from and to, got 'r1' twice",
        ),
        (
            {"failover": [{"from": "r1/z1", "to": "r2"}]},
            ".failover[0].from",
            "expected a region, without '/' and '*', got 'r1/z1'",
        ),
        (
            {"failover": [{"from": "r1", "to": "r2"}], "distribute": [{"from": "r1", "to": {"r1": 100}}]},
            "",
            "expected only one of distribute and failover, got both; Istio's validation refuses that",
        ),
        (
            {"failover": [{"from": "r1", "to": "r2"}], "failoverPriority": ["topology.kubernetes.io/zone"]},
            ".failoverPriority",
            (
                "expected none of the labels of region, zone and subzone beside failover,"
                " got topology.kubernetes.io/zone; Istio's validation refuses that"
            ),
        ),
        ({"enabled": "yes"}, ".enabled", "expected true or false, got 'yes'"),
        ({"failoverPriority": ["a", 1]}, ".failoverPriority[1]", "expected a string, got 1"),
        ({"failover": [None]}, ".failover[0]", "expected a mapping, got None"),
    ],
)
def test_locality_setting_that_istio_would_refuse(setting: dict[str, object], path: str, problem: str) -> None:
    assert problems_of(with_setting(**setting)) == [(f"{SETTING}{path}", problem)]


@pytest.mark.parametrize(
    "origins",
    [["r1/z1", "r1/*"], ["r1/z1/s1", "r1/z1/*", "r1/*", "*"], ["r1", "r2", "*"]],
    ids=["zone", "all levels", "regions"],
)
def test_wider_origin_with_a_star_may_follow_a_narrower_one(origins: list[str]) -> None:
    obj = with_setting(distribute=[{"from": origin, "to": {"r1": 100}} for origin in origins])
    assert DestinationRule.from_mapping(obj).notes == ()


def test_star_inside_a_part_is_no_wildcard_and_noted() -> None:
    rule = DestinationRule.from_mapping(with_setting(distribute=[{"from": "us-*", "to": {"r1": 100}}]))
    assert [note.rule for note in rule.notes] == ["DR-6"]


@pytest.mark.parametrize(
    ("outlier", "path", "problem"),
    [
        ({"interval": "-1s"}, ".interval", "expected a duration of 1ms or more, got '-1s'"),
        ({"interval": "0s"}, ".interval", "expected a duration of 1ms or more, got '0s'"),
        ({"baseEjectionTime": 10}, ".baseEjectionTime", "expected a duration such as '10s', got 10"),
        ({"consecutive5xxErrors": -1}, ".consecutive5xxErrors", "expected an integer from 0 to 4294967295, got -1"),
        ({"consecutive5xxErrors": 5.0}, ".consecutive5xxErrors", "expected an integer from 0 to 4294967295, got 5.0"),
        ({"minHealthPercent": 101}, ".minHealthPercent", "expected an integer from 0 to 100, got 101"),
        (
            {"consecutiveLocalOriginFailures": 3},
            ".consecutiveLocalOriginFailures",
            "expected splitExternalLocalOriginErrors: true beside it, as Istio's validation does",
        ),
        (
            {"outlierDetectionHttpErrorCodes": [600]},
            ".outlierDetectionHttpErrorCodes[0]",
            "expected an integer from 100 to 599, got 600",
        ),
    ],
)
def test_outlier_detection_that_istio_would_refuse(outlier: dict[str, object], path: str, problem: str) -> None:
    assert problems_of(with_outlier(**outlier)) == [(f"{OUTLIER}{path}", problem)]


@pytest.mark.parametrize(
    ("outlier", "field", "value"),
    [
        (OutlierDetection(), "consecutive_5xx", 5),
        (OutlierDetection(consecutive_5xx_errors=0), "consecutive_5xx", 0),
        (OutlierDetection(), "consecutive_gateway", 0),
        (OutlierDetection(consecutive_gateway_errors=2), "consecutive_gateway", 2),
        (OutlierDetection(consecutive_local_origin_failures=2), "consecutive_local_origin", 0),
        (OutlierDetection(split_external_local_origin_errors=True), "consecutive_local_origin", 5),
        (OutlierDetection(max_ejection_percent=0), "max_ejection_percent", 10),
        (OutlierDetection(), "max_ejection_time_s", 300.0),
        (OutlierDetection(base_ejection_time_s=300.0), "max_ejection_time_s", 300.0),
        (OutlierDetection(base_ejection_time_s=600.0), "max_ejection_time_s", 600.0),
        (OutlierDetection(interval_s=1.0), "interval_s", 1.0),
    ],
)
def test_limits_of_outlier_detection(outlier: OutlierDetection, field: str, value: float) -> None:
    assert getattr(outlier.limits, field) == value


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"host": ""}, "spec.host"),
        ({"host": None}, "spec.host"),
        ({"host": "10.0.0.1"}, "spec.host"),
        ({"host": "a..b"}, "spec.host"),
        ({"host": 3}, "spec.host"),
        ({"trafficPolicy": {}}, "spec.trafficPolicy"),
        ({"trafficPolicy": []}, "spec.trafficPolicy"),
        (
            {"trafficPolicy": {"portLevelSettings": [{"tls": {}}]}},
            "spec.trafficPolicy.portLevelSettings[0].port.number",
        ),
        (
            {"trafficPolicy": {"portLevelSettings": [{"port": {"number": 80}}]}},
            "spec.trafficPolicy.portLevelSettings[0]",
        ),
        (
            {"trafficPolicy": {"loadBalancer": {"simple": "RANDOM", "consistentHash": {}}}},
            "spec.trafficPolicy.loadBalancer",
        ),
        (
            {"trafficPolicy": {"loadBalancer": {"localityLbSetting": {}, "zoneAwareLbSetting": {}}}},
            "spec.trafficPolicy.loadBalancer",
        ),
        (
            {"trafficPolicy": {"loadBalancer": {"zoneAwareLbSetting": {"minClusterSize": 0}}}},
            "spec.trafficPolicy.loadBalancer.zoneAwareLbSetting.minClusterSize",
        ),
        ({"trafficPolicy": {"loadBalancer": {"warmup": {}}}}, "spec.trafficPolicy.loadBalancer.warmup.duration"),
        ({"subsets": [{"name": "v1"}, {"name": "v1"}]}, "spec.subsets[1].name"),
        ({"subsets": [{"name": "*"}]}, "spec.subsets[0].name"),
        ({"subsets": [{"name": "v1", "labels": {"a": 1}}]}, "spec.subsets[0].labels.a"),
        ({"exportTo": ["~"]}, "spec.exportTo[0]"),
        ({"exportTo": [".", "shop"]}, "spec.exportTo[1]"),
        ({"exportTo": ["*", "shop"]}, "spec.exportTo"),
        ({"workloadSelector": {"matchLabels": {"a": "*"}}}, "spec.workloadSelector.matchLabels"),
        ({"workloadSelector": {}, "exportTo": ["*"]}, "spec.exportTo"),
    ],
)
def test_spec_that_istio_would_refuse(spec: dict[str, object], path: str) -> None:
    assert [where for where, _ in problems_of(rule_object(spec))] == [path]


@pytest.mark.parametrize(
    ("obj", "paths"),
    [
        ({}, ["metadata.name", "spec.host"]),
        ({"kind": "Service", "metadata": {"name": "r"}, "spec": {"host": "a"}}, ["kind"]),
        ({"apiVersion": "v1", "metadata": {"name": "r"}, "spec": {"host": "a"}}, ["apiVersion"]),
        ({"metadata": "r", "spec": {"host": "a"}}, ["metadata", "metadata.name"]),
        ({"metadata": {"name": "r"}, "spec": {"host": "a", 1: 2}}, ["spec"]),
    ],
    ids=["empty", "kind", "group", "metadata", "key"],
)
def test_object_that_is_no_rule(obj: dict[str, object], paths: list[str]) -> None:
    assert [path for path, _ in problems_of(obj)] == paths


def test_deeply_nested_data_are_refused() -> None:
    nested: list[object] = []
    for _ in range(5000):
        nested = [nested]
    assert problems_of(rule_object({"later": {"a": nested}}))[0] == ("spec", "expected data nested at most 60 deep")


def test_missing_namespace_is_read_as_default_with_a_note() -> None:
    rule = DestinationRule.from_mapping({"metadata": {"name": "r"}, "spec": {"host": "a"}})
    assert rule.namespace == "default"
    assert [note.text for note in rule.notes] == ["metadata.namespace: not given, read as 'default'"]


LEAST = LoadBalancer(simple=Algorithm.LEAST_REQUEST)
RANDOM = LoadBalancer(simple=Algorithm.RANDOM)
EJECT = OutlierDetection(consecutive_5xx_errors=1)
LAYERED = DestinationRule(
    name="r",
    host="a",
    traffic_policy=TrafficPolicy(
        load_balancer=LEAST,
        outlier_detection=EJECT,
        tunnel=Kept({"targetHost": "t"}),
        port_level=[PortPolicy(port=80, policy=TrafficPolicy(load_balancer=RANDOM))],
    ),
    subsets=[
        Subset(name="bare"),
        Subset(name="own", traffic_policy=TrafficPolicy(load_balancer=RANDOM)),
        Subset(
            name="ports",
            traffic_policy=TrafficPolicy(
                load_balancer=RANDOM, port_level=[PortPolicy(port=81, policy=TrafficPolicy(tls=Kept()))]
            ),
        ),
    ],
)


@pytest.mark.parametrize(
    ("port", "subset", "balancer", "outlier", "tunnel"),
    [
        (None, None, LEAST, EJECT, True),
        (81, None, LEAST, EJECT, True),
        (80, None, RANDOM, None, False),
        (81, "bare", LEAST, EJECT, True),
        (81, "own", RANDOM, EJECT, True),
        (80, "own", RANDOM, None, False),
        (81, "ports", None, None, True),
        (82, "ports", RANDOM, EJECT, True),
    ],
)
def test_policy_of_port_and_subset(
    port: int | None, subset: str | None, balancer: LoadBalancer | None, outlier: OutlierDetection | None, tunnel: bool
) -> None:
    policy = effective_policy(LAYERED, port=port, subset=subset)
    assert (policy.load_balancer, policy.outlier_detection, policy.tunnel is not None) == (balancer, outlier, tunnel)
    assert policy.port_level == ()


def test_unknown_subset_is_an_error_with_its_neighbours() -> None:
    with pytest.raises(UnknownNameError, match="no subset 'own2' in DestinationRule default/r; the nearest: own"):
        effective_policy(LAYERED, subset="own2")


FAILOVER = [Failover(from_region="r1", to_region="r2")]
SHARES = [Distribute(origin="*", to={"r1": 100})]


@pytest.mark.parametrize(
    ("setting", "present"),
    [
        (LocalitySetting(failover=FAILOVER, failover_priority=["a"]), "failover and failoverPriority"),
        (LocalitySetting(distribute=SHARES, failover_priority=["a"]), "distribute and failoverPriority"),
        (LocalitySetting(distribute=SHARES, failover=FAILOVER), "distribute and failover"),
    ],
)
def test_profile_solo_refuses_two_blocks_and_istio_does_not(setting: LocalitySetting, present: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        check_mixing(setting, SOLO, path=SETTING)
    assert caught.value.path == SETTING
    assert caught.value.problem == (
        f"expected one of distribute, failover, failoverPriority under profile solo, got {present}"
    )
    check_mixing(setting, ISTIO_1_31)


def test_zone_aware_setting_survives_the_round_trip() -> None:
    setting = ZoneAwareSetting(enabled=False, min_cluster_size=3, failover=FAILOVER, failover_priority=["rack"])
    rule = DestinationRule(
        name="r",
        namespace="shop",
        host="a",
        traffic_policy=TrafficPolicy(load_balancer=LoadBalancer(zone_aware=setting)),
    )
    assert DestinationRule.from_mapping(rule.to_mapping()) == rule
