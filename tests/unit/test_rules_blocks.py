"""What the blocks of a DestinationRule read, refuse and note, field by field."""

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve, fields

from meshtier.errors import InputError, InvalidValueError
from meshtier.labels import NO_LABELS
from meshtier.profile import SOLO
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
    Warmup,
    ZoneAwareSetting,
    check_mixing,
)

POLICY = "spec.trafficPolicy"
BALANCER = f"{POLICY}.loadBalancer"


def read(spec: Mapping[str, Any]) -> DestinationRule:
    return DestinationRule.from_mapping({"metadata": {"name": "r", "namespace": "shop"}, "spec": {"host": "a", **spec}})


def policy(**blocks: object) -> TrafficPolicy:
    found = read({"trafficPolicy": blocks}).traffic_policy
    assert found is not None
    return found


def refused(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as caught:
        read(spec)
    return [(problem.path, problem.problem) for problem in caught.value.problems]


def refused_in(**blocks: object) -> list[tuple[str, str]]:
    return refused({"trafficPolicy": blocks})


def noted(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(note.code, note.text) for note in read(spec).notes]


def noted_in(**blocks: object) -> list[tuple[str, str]]:
    return noted({"trafficPolicy": blocks})


@pytest.mark.parametrize(
    "cls",
    [
        DestinationRule,
        Distribute,
        Failover,
        LoadBalancer,
        LocalitySetting,
        OutlierDetection,
        Subset,
        TrafficPolicy,
        Warmup,
        ZoneAwareSetting,
    ],
)
def test_every_field_of_a_block_has_a_key_of_its_own(cls: type) -> None:
    beside = {"extra", "name", "namespace", "created", "notes"} if cls is DestinationRule else {"extra"}
    keys = [field.metadata["manifest"][0] for field in fields(cls) if field.name not in beside]
    assert len(set(keys)) == len(keys)


# Load balancers


def test_all_fields_of_a_load_balancer_are_read() -> None:
    block = {
        "consistentHash": {"useSourceIp": True},
        "warmup": {"duration": "30s", "minimumPercent": 12.5, "aggression": 2},
        "warmupDurationSecs": "45s",
    }
    found = policy(loadBalancer=block).load_balancer
    assert found == LoadBalancer(
        consistent_hash=Kept({"useSourceIp": True}),
        warmup=Warmup(duration_s=30.0, minimum_percent=12.5, aggression=2.0),
        warmup_duration_s=45.0,
    )
    assert found.to_mapping() == {**block, "warmup": {"duration": "30s", "minimumPercent": 12.5, "aggression": 2.0}}


@pytest.mark.parametrize(
    ("word", "algorithm"),
    [
        ("ROUND_ROBIN", Algorithm.ROUND_ROBIN),
        ("RANDOM", Algorithm.RANDOM),
        ("PASSTHROUGH", Algorithm.PASSTHROUGH),
        ("LEAST_CONN", Algorithm.LEAST_REQUEST),
        ("UNSPECIFIED", Algorithm.LEAST_REQUEST),
    ],
)
def test_the_algorithm_is_the_word_of_simple_or_istios_default(word: str, algorithm: Algorithm) -> None:
    balancer = policy(loadBalancer={"simple": word}).load_balancer
    assert balancer is not None
    assert balancer.algorithm is algorithm


@pytest.mark.parametrize(
    ("warmup", "path", "problem"),
    [
        ({}, "duration", "expected a duration such as '10s', got none"),
        ({"duration": 10}, "duration", "expected a duration such as '10s', got 10"),
        (
            {"duration": "1s", "minimumPercent": 100.5},
            "minimumPercent",
            "expected a number from 0 to 100, got 100.5",
        ),
        ({"duration": "1s", "minimumPercent": True}, "minimumPercent", "expected a number from 0 to 100, got True"),
        ({"duration": "1s", "aggression": 0}, "aggression", "expected a number above 0, got 0"),
        ({"duration": "1s", "aggression": -1}, "aggression", "expected a number from 0 to 1e+06, got -1"),
    ],
    ids=["no duration", "a number", "above 100", "a bool", "flat", "negative"],
)
def test_a_warmup_that_istio_would_refuse(warmup: dict[str, object], path: str, problem: str) -> None:
    assert refused_in(loadBalancer={"warmup": warmup}) == [(f"{BALANCER}.warmup.{path}", problem)]


@pytest.mark.parametrize("percent", [0, 100])
def test_the_ends_of_a_range_are_in_it(percent: int) -> None:
    found = policy(loadBalancer={"warmup": {"duration": "1s", "minimumPercent": percent}}).load_balancer
    assert found == LoadBalancer(warmup=Warmup(duration_s=1.0, minimum_percent=percent))
    outlier = policy(outlierDetection={"maxEjectionPercent": percent, "minHealthPercent": percent}).outlier_detection
    assert outlier == OutlierDetection(max_ejection_percent=percent, min_health_percent=percent)


@pytest.mark.parametrize("word", ["RANDOM", "UNSPECIFIED"])
def test_an_algorithm_excludes_hashing_even_if_it_says_nothing(word: str) -> None:
    assert refused_in(loadBalancer={"simple": word, "consistentHash": {}}) == [
        (BALANCER, "expected only one of simple and consistentHash, got both")
    ]


# Locality settings


@pytest.mark.parametrize("label", ["region", "zone", "subzone"])
def test_zone_awareness_takes_no_labels_of_places_and_failover_none_beside_it(label: str) -> None:
    key = "topology.istio.io/subzone" if label == "subzone" else f"topology.kubernetes.io/{label}"
    aware = {"failoverPriority": ["rack", key]}
    assert refused_in(loadBalancer={"zoneAwareLbSetting": aware}) == [
        (
            f"{BALANCER}.zoneAwareLbSetting.failoverPriority",
            (
                "expected none of the labels of region, zone and subzone, which zone awareness sees to itself,"
                f" got {key}; Istio's validation refuses that"
            ),
        )
    ]
    both = {"failover": [{"from": "a", "to": "b"}], "failoverPriority": [key]}
    assert refused_in(loadBalancer={"localityLbSetting": both}) == [
        (
            f"{BALANCER}.localityLbSetting.failoverPriority",
            (
                f"expected none of the labels of region, zone and subzone beside failover, got {key};"
                " Istio's validation refuses that"
            ),
        )
    ]
    assert not read({"trafficPolicy": {"loadBalancer": {"localityLbSetting": {"failoverPriority": [key]}}}}).notes


@pytest.mark.parametrize("block", ["localityLbSetting", "zoneAwareLbSetting"])
def test_an_entry_with_two_equals_signs_is_noted_as_no_override(block: str) -> None:
    entries = ["a", "a=1", "a=1=2"]
    assert noted_in(loadBalancer={block: {"failoverPriority": entries}}) == [
        (
            "override-malformed",
            (
                f"{BALANCER}.{block}.failoverPriority: 'a=1=2' has more than one '=' and is no override;"
                " it compares the label 'a' with the client's"
            ),
        )
    ]


def test_what_follows_the_third_slash_of_a_place_is_noted_and_no_part_of_an_overlap() -> None:
    rules = [{"from": origin, "to": {"r": 100}} for origin in ("r/z/s", "r/z/s/more")]
    assert noted_in(loadBalancer={"localityLbSetting": {"distribute": rules}}) == [
        (
            "place-too-long",
            f"{BALANCER}.localityLbSetting.distribute[1].from: what follows the third '/' of 'r/z/s/more' is ignored",
        )
    ]


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ("r1", "r2", False),
        ("r1", "r1/z1", True),
        ("r1/z1", "r1/z2", False),
        ("r1/z1", "r1/z1/s1", True),
        ("r1/z1/s1", "r1/z1/s2", False),
        ("r1/z1/s1", "r1/z1/*", True),
        ("r1/z1/*", "r1/z2/*", False),
        ("*", "r1", True),
    ],
)
def test_two_targets_overlap_if_a_place_can_match_both(first: str, second: str, overlap: bool) -> None:
    setting = {"distribute": [{"from": "*", "to": {first: 50, second: 50}}]}
    if not overlap:
        assert policy(loadBalancer={"localityLbSetting": setting}).load_balancer is not None
        return
    [(path, problem)] = refused_in(loadBalancer={"localityLbSetting": setting})
    assert path == f"{BALANCER}.localityLbSetting.distribute[0].to"
    assert problem.startswith("expected patterns of which at most one matches any locality, got ")


def test_an_empty_pattern_overlaps_with_none_of_another_region() -> None:
    setting = {"distribute": [{"from": "*", "to": {"": 50, "r1": 50}}]}
    assert refused_in(loadBalancer={"localityLbSetting": setting}) == [
        (
            f"{BALANCER}.localityLbSetting.distribute[0].to",
            "expected 'region/zone/subzone' without empty parts, got ''",
        )
    ]


@pytest.mark.parametrize("pattern", ["*/*", "r/*/*", "*/z", "r*/z"])
def test_a_star_stands_once_and_last(pattern: str) -> None:
    setting = {"distribute": [{"from": pattern, "to": {"r": 100}}]}
    assert refused_in(loadBalancer={"localityLbSetting": setting}) == [
        (
            f"{BALANCER}.localityLbSetting.distribute[0].from",
            f"expected at most one '*', at the end, got {pattern!r}",
        )
    ]


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        ("r", "r/z", True),
        ("r/z", "r", True),
        ("r/z", "r/z/s", True),
        ("r/z/s", "r/z", True),
        ("r/*", "r/z", True),
        ("r/*", "r/z/s", True),
        ("r/z/*", "r/z/s", True),
        ("r/z/s", "r/z/s", True),
        ("*", "r", True),
        ("r", "s", False),
        ("r/z", "r/y", False),
        ("r/z/s", "r/z/t", False),
        ("r/z/*", "r/y/s", False),
        ("r/z", "r/*", False),
    ],
)
def test_an_origin_must_not_be_covered_by_an_earlier_one(earlier: str, later: str, covered: bool) -> None:
    rules = [{"from": origin, "to": {"r": 100}} for origin in ("other", earlier, later)]
    setting = {"localityLbSetting": {"distribute": rules}}
    if covered:
        [(path, _)] = refused_in(loadBalancer=setting)
        assert path == f"{BALANCER}.localityLbSetting.distribute[2].from"
    else:
        assert policy(loadBalancer=setting).load_balancer is not None


@pytest.mark.parametrize(
    ("failover", "key", "region"),
    [({"from": "r/z", "to": "s"}, "from", "r/z"), ({"from": "r", "to": "s*"}, "to", "s*")],
    ids=["from", "to"],
)
def test_failover_is_from_region_to_region(failover: dict[str, str], key: str, region: str) -> None:
    assert refused_in(loadBalancer={"localityLbSetting": {"failover": [failover]}}) == [
        (
            f"{BALANCER}.localityLbSetting.failover[0].{key}",
            f"expected a region, without '/' and '*', got {region!r}",
        )
    ]


def test_fields_that_failover_and_distribute_do_not_know_are_kept_as_the_note_says() -> None:
    failover, distribute = {"from": "r", "to": "s", "since": 1}, {"from": "r", "to": {"s": 100}, "until": 2}
    for block in ({"failover": [failover]}, {"distribute": [distribute]}):
        rule = read({"trafficPolicy": {"loadBalancer": {"localityLbSetting": block}}})
        assert [note.code for note in rule.notes] == ["unknown-field"]
        assert rule.traffic_policy is not None
        assert rule.traffic_policy.to_mapping() == {"loadBalancer": {"localityLbSetting": block}}


@pytest.mark.parametrize(
    "setting",
    [
        LocalitySetting(),
        LocalitySetting(failover_priority=["a"]),
        LocalitySetting(failover=[Failover(from_region="a", to_region="b")]),
        LocalitySetting(distribute=[Distribute(origin="*", to={"a": 100})]),
    ],
    ids=["bare", "failoverPriority", "failover", "distribute"],
)
def test_profile_solo_takes_any_one_block(setting: LocalitySetting) -> None:
    check_mixing(setting, SOLO)


def test_the_default_path_of_blocks_that_exclude_each_other_is_the_block_itself() -> None:
    both = LocalitySetting(failover=[Failover(from_region="a", to_region="b")], failover_priority=["a"])
    with pytest.raises(InvalidValueError) as caught:
        check_mixing(both, SOLO)
    assert caught.value.path == "localityLbSetting"


def test_a_zone_aware_setting_can_ask_for_one_endpoint() -> None:
    found = policy(loadBalancer={"zoneAwareLbSetting": {"minClusterSize": 1}}).load_balancer
    assert found == LoadBalancer(zone_aware=ZoneAwareSetting(min_cluster_size=1))


# Outlier detection


def test_all_fields_of_outlier_detection_are_read() -> None:
    block = {
        "consecutive5xxErrors": 1,
        "consecutiveGatewayErrors": 2,
        "consecutiveLocalOriginFailures": 3,
        "splitExternalLocalOriginErrors": True,
        "interval": "4s",
        "baseEjectionTime": "5s",
        "maxEjectionPercent": 6,
        "minHealthPercent": 7,
        "consecutiveErrors": 2**31 - 1,
        "outlierDetectionHttpErrorCodes": [100, 599],
    }
    found = policy(outlierDetection=block).outlier_detection
    assert found == OutlierDetection(
        consecutive_5xx_errors=1,
        consecutive_gateway_errors=2,
        consecutive_local_origin_failures=3,
        split_external_local_origin_errors=True,
        interval_s=4.0,
        base_ejection_time_s=5.0,
        max_ejection_percent=6,
        min_health_percent=7,
        consecutive_errors=2**31 - 1,
        http_error_codes=[100, 599],
    )
    assert found.to_mapping() == block
    limits = found.limits
    assert (limits.consecutive_5xx, limits.consecutive_gateway, limits.consecutive_local_origin) == (1, 2, 3)
    assert (limits.split_local_origin, limits.interval_s, limits.base_ejection_time_s) == (True, 4.0, 5.0)
    assert (limits.max_ejection_percent, limits.min_health_percent) == (6, 7)


def test_a_block_of_outlier_detection_without_fields_writes_none() -> None:
    assert OutlierDetection().to_mapping() == {}
    assert OutlierDetection().limits.split_local_origin is False


def test_the_deprecated_count_is_noted_as_without_effect() -> None:
    assert noted_in(outlierDetection={"consecutiveErrors": 3}) == [
        (
            "deprecated-field",
            f"{POLICY}.outlierDetection.consecutiveErrors: deprecated, and without effect on any Envoy",
        )
    ]
    assert refused_in(outlierDetection={"consecutiveErrors": 2**31}) == [
        (f"{POLICY}.outlierDetection.consecutiveErrors", "expected an integer from 0 to 2147483647, got 2147483648")
    ]


@pytest.mark.parametrize("code", [99, 600, True, "500", 500.0])
def test_a_status_is_a_number_of_three_digits(code: object) -> None:
    assert refused_in(outlierDetection={"outlierDetectionHttpErrorCodes": [500, code]}) == [
        (
            f"{POLICY}.outlierDetection.outlierDetectionHttpErrorCodes[1]",
            f"expected an integer from 100 to 599, got {code!r}",
        )
    ]


# Policies, ports and subsets


def test_tunnel_and_proxy_protocol_exclude_each_other() -> None:
    problem = "expected only one of tunnel and proxyProtocol, got both"
    assert refused_in(tunnel={}, proxyProtocol={}) == [(POLICY, problem)]
    assert policy(tunnel={"targetHost": "t"}).tunnel == {"targetHost": "t"}
    assert policy(proxyProtocol={"version": "V2"}).proxy_protocol == {"version": "V2"}


@pytest.mark.parametrize("number", [0, 65536, "http", None])
def test_the_port_of_a_setting_is_a_number(number: object) -> None:
    [(path, _)] = refused_in(portLevelSettings=[{"port": {"number": number}, "tls": {}}])
    assert path == f"{POLICY}.portLevelSettings[0].port.number"


@pytest.mark.parametrize("number", [1, 65535])
def test_a_port_has_four_fields_of_a_policy_and_the_rest_is_kept(number: int) -> None:
    port = {"port": {"number": number, "name": "http"}, "tls": {}, "tunnel": {"targetHost": "t"}}
    rule = read({"trafficPolicy": {"portLevelSettings": [port]}})
    where = f"{POLICY}.portLevelSettings[0]"
    assert [(note.code, note.text) for note in rule.notes] == [
        ("unknown-field", f"{where}.port.name: unknown field, kept and otherwise ignored"),
        ("unknown-field", f"{where}.tunnel: unknown field, kept and otherwise ignored"),
    ]
    kept = TrafficPolicy(tls=Kept(), extra=Kept({"tunnel": {"targetHost": "t"}}))
    assert rule.traffic_policy == TrafficPolicy(port_level=[PortPolicy(port=number, policy=kept)])


def test_a_subset_without_labels_writes_none() -> None:
    assert Subset(name="v1").labels is NO_LABELS
    assert Subset(name="v1").to_mapping() == {"name": "v1"}
    assert read({"subsets": [{"name": "v1", "labels": {}}]}).subsets == (Subset(name="v1"),)


def test_a_name_that_no_subset_can_have_is_refused_once_for_each() -> None:
    problem = "expected letters, digits and '-', 63 at most, got ''"
    assert refused({"subsets": [{}, {"name": ""}]}) == [
        ("spec.subsets[0].name", problem),
        ("spec.subsets[1].name", problem),
    ]


# The rule itself


@pytest.mark.parametrize("namespace", ["a b", "", "a/b", "*x"])
def test_a_rule_is_exported_to_namespaces(namespace: str) -> None:
    assert refused({"exportTo": ["web", namespace]}) == [
        ("spec.exportTo[1]", f"expected a namespace, '.' or '*', got {namespace!r}")
    ]


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_the_versions_of_the_api_that_are_known_are_not_noted(version: str) -> None:
    obj = read({}).to_mapping() | {"apiVersion": f"networking.istio.io/{version}"}
    assert DestinationRule.from_mapping(obj).notes == ()


def test_a_version_of_the_api_that_is_not_known_is_noted() -> None:
    rule = DestinationRule.from_mapping(read({}).to_mapping() | {"apiVersion": "networking.istio.io/v2"})
    assert [(note.code, note.text) for note in rule.notes] == [
        ("api-version-unknown", "apiVersion: 'networking.istio.io/v2' is unknown, read as v1")
    ]


def test_a_rule_of_unknown_age_writes_no_timestamp() -> None:
    assert read({}).to_mapping()["metadata"] == {"name": "r", "namespace": "shop"}
    dated = evolve(read({}), created="2026-01-01T00:00:00Z")
    assert dated.to_mapping()["metadata"] == {
        "name": "r",
        "namespace": "shop",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }


def test_an_unknown_field_that_is_null_is_absent() -> None:
    assert noted({"later": None}) == []


@pytest.mark.parametrize("host", ["a", "A.b.c", "a.", "*", "*.b", "*-a.b", "*a.b", "a-b.c"])
def test_a_host_is_a_name_or_a_wildcard(host: str) -> None:
    assert read({"host": host}).host == host


@pytest.mark.parametrize("host", ["a." * 128, "-a", "a-", "a_b", "a..b", "10.0.0.1", "a.1", "*.*", "a.*", "b.*a"])
def test_what_is_no_host_is_refused(host: str) -> None:
    [(path, problem)] = refused({"host": host})
    assert path == "spec.host"
    assert problem.startswith("expected ")


# What is kept unread


def test_kept_data_are_plain_and_come_back_as_they_were() -> None:
    plain: dict[str, object] = {"a": [1, 2.5, True, None, "x", {"b": []}], "c": {}}
    assert Kept(plain).to_plain() == plain
    assert len({Kept(plain), Kept(plain)}) == 1


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ({1: "a"}, "expected strings as keys, got 1"),
        ({"a": {None: 1}}, "expected strings as keys, got None"),
        ({"a": {1, 2}}, "expected plain data, got {1, 2}"),
        ({"a": [b"x"]}, "expected plain data, got b'x'"),
    ],
    ids=["key", "inner key", "set", "bytes"],
)
def test_what_is_no_plain_data_is_not_kept(items: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Kept(items)
    assert str(caught.value) == message


@pytest.mark.parametrize("wrap", [lambda inner: {"a": inner}, lambda inner: [inner]], ids=["mappings", "lists"])
def test_data_are_kept_down_to_sixty_levels(wrap: Any) -> None:
    def nested(levels: int) -> dict[str, object]:
        inner: Any = 1
        for _ in range(levels - 1):
            inner = wrap(inner)
        return {"a": inner}

    assert Kept(nested(60)).to_plain() == nested(60)
    with pytest.raises(InvalidValueError, match="expected data nested at most 60 deep"):
        Kept(nested(61))
