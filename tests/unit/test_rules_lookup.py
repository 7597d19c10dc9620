"""Which rule holds for a host."""

from collections.abc import Mapping, Sequence

import pytest

from meshtier.labels import Labels
from meshtier.rules import (
    Asked,
    DestinationRule,
    Found,
    Match,
    OutlierDetection,
    Shadow,
    Subset,
    TrafficPolicy,
    find_rule,
    host_matches,
    resolve_host,
)

HOST = "cart.shop.mesh.internal"


def rule(
    name: str,
    namespace: str = "shop",
    host: str = HOST,
    *,
    export_to: Sequence[str] = (),
    created: str = "",
    selector: Mapping[str, str] | None = None,
    errors: int | None = None,
    subsets: Sequence[str] = (),
) -> DestinationRule:
    outlier = OutlierDetection(consecutive_5xx_errors=errors)
    return DestinationRule(
        name=name,
        namespace=namespace,
        host=host,
        export_to=export_to,
        created=created,
        workload_selector=None if selector is None else Labels(selector),
        traffic_policy=None if errors is None else TrafficPolicy(outlier_detection=outlier),
        subsets=[Subset(name=subset) for subset in subsets],
    )


def find(
    rules: Sequence[DestinationRule],
    host: str = HOST,
    *,
    client: str = "web",
    service: str = "shop",
    labels: Mapping[str, str] | None = None,
) -> Found | None:
    return find_rule(rules, host, client_namespace=client, service_namespace=service, client_labels=labels or {})


def names(found: Found | None) -> tuple[list[str], dict[str, Shadow]]:
    assert found is not None
    return [source.name for source in found.sources], {one.rule.name: one.reason for one in found.shadowed}


def test_exact_host_beats_the_longest_wildcard_which_beats_shorter_ones() -> None:
    rules = [rule("all", host="*"), rule("ns", host="*.shop.mesh.internal"), rule("mesh", host="*.mesh.internal")]
    found = find(rules)
    assert found is not None
    assert (found.rule.name, found.match, found.host) == ("ns", Match.WILDCARD, "*.shop.mesh.internal")
    found = find([*rules, rule("exact")])
    assert found is not None
    assert (found.rule.name, found.match) == ("exact", Match.EXACT)
    assert names(found)[1] == dict.fromkeys(["all", "ns", "mesh"], Shadow.WIDER_HOST)
    assert names(find([rule("short", host="*internal"), *rules]))[0] == ["ns"]


def test_no_rule_for_the_host() -> None:
    assert find([rule("other", host="cart.shop.svc.cluster.local"), rule("far", namespace="else")]) is None
    assert (
        find([rule("wild", host="*.shop.svc.cluster.local"), rule("longer", host="*.cart.shop.mesh.internal")]) is None
    )


def test_short_name_is_a_service_of_the_rules_namespace() -> None:
    short = rule("short", host="cart")
    assert names(find([short], "cart.shop.svc.cluster.local")) == (["short"], {})
    assert find([short], "cart.web.svc.cluster.local") is None


@pytest.mark.parametrize(
    ("host", "full"),
    [
        ("cart", "cart.shop.svc.example.org"),
        ("cart.shop", "cart.shop"),
        ("*", "*"),
        ("*.shop", "*.shop"),
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
    ],
)
def test_full_name_of_a_rules_host(host: str, full: str) -> None:
    assert resolve_host(host, "shop", domain="example.org") == full


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("*.b", "a.b", True),
        ("*.b", "b", False),
        ("*.b", "x.a.b", True),
        ("*-a.b", "x-a.b", True),
        ("*", "a", True),
        ("a.b", "a.b", True),
        ("a.b", "A.b", False),
        ("*.b", "*.a.b", True),
        ("*.a.b", "*.b", False),
    ],
)
def test_hosts_match(pattern: str, host: str, matches: bool) -> None:
    assert host_matches(pattern, host) is matches


def test_namespaces_are_asked_in_order_and_a_wildcard_of_an_earlier_one_is_enough() -> None:
    client = rule("client", namespace="web", host="*.mesh.internal")
    service, root = rule("service"), rule("root", namespace="istio-system")
    found = find([root, service, client])
    assert found is not None
    assert found.asked is Asked.CLIENT
    assert names(found) == (["client"], dict.fromkeys(["service", "root"], Shadow.LATER_NAMESPACE))
    found = find([root, service])
    assert found is not None
    assert found.asked is Asked.SERVICE
    found = find([root])
    assert found is not None
    assert found.asked is Asked.ROOT


@pytest.mark.parametrize(
    ("export_to", "client", "held"),
    [
        ([], "web", True),
        (["*"], "web", True),
        (["*"], "shop", True),
        (["."], "web", False),
        (["."], "shop", True),
        (["shop"], "shop", True),
        (["web"], "web", True),
        (["web"], "shop", False),
        ([".", "web"], "web", True),
        ([".", "web"], "bank", False),
    ],
)
def test_export_to_is_honoured(export_to: list[str], client: str, held: bool) -> None:
    assert (find([rule("r", export_to=export_to)], client=client) is not None) is held


def test_a_later_rule_that_is_exported_to_the_client_alone_is_named_as_later() -> None:
    found = find([rule("service"), rule("root", namespace="istio-system", export_to=["web"])])
    assert names(found) == (["service"], {"root": Shadow.LATER_NAMESPACE})


def test_to_a_client_in_the_root_namespace_its_public_rules_are_later_ones() -> None:
    found = find([rule("service"), rule("root", namespace="istio-system")], client="istio-system")
    assert names(found) == (["service"], {"root": Shadow.LATER_NAMESPACE})


def test_a_wider_rule_behind_one_that_is_not_exported_is_named_as_wider() -> None:
    rules = [rule("narrow", export_to=["bank"]), rule("wide", host="*.mesh.internal")]
    found = find([*rules, rule("root", namespace="istio-system")])
    assert names(found) == (["root"], {"narrow": Shadow.NOT_EXPORTED, "wide": Shadow.WIDER_HOST})


def test_rule_that_is_not_exported_is_named_as_shadowed() -> None:
    found = find([rule("private", export_to=["."]), rule("root", namespace="istio-system")])
    assert names(found) == (["root"], {"private": Shadow.NOT_EXPORTED})


def test_exact_rule_exported_elsewhere_hides_the_wildcard_of_its_namespace() -> None:
    rules = [rule("narrow", export_to=["bank"]), rule("wide", host="*.mesh.internal")]
    assert find(rules) is None
    found = find([*rules, rule("root", namespace="istio-system", host="*")])
    assert names(found) == (["root"], {"narrow": Shadow.NOT_EXPORTED, "wide": Shadow.WIDER_HOST})


def test_client_in_the_root_namespace_asks_the_services_namespace_before_the_roots_public_rules() -> None:
    public, service = rule("public", namespace="istio-system", host="*"), rule("service")
    assert names(find([public, service], client="istio-system"))[0] == ["service"]
    for own in (".", "istio-system"):
        private = rule("private", namespace="istio-system", host="*", export_to=[own])
        assert names(find([public, service, private], client="istio-system"))[0] == ["private"]


def test_oldest_rule_gives_the_policy_and_all_give_subsets() -> None:
    younger = rule("a", created="2026-02-01T00:00:00Z", errors=2, subsets=["v2", "v1"])
    oldest = rule("b", created="2026-01-01T00:00:00Z", errors=1, subsets=["v1"])
    found = find([younger, oldest])
    assert names(found) == (["b", "a"], {})
    assert found is not None
    assert found.rule.traffic_policy == oldest.traffic_policy
    assert [subset.name for subset in found.rule.subsets] == ["v1", "v2"]


def test_younger_rule_gives_the_policy_if_the_oldest_has_none() -> None:
    found = find([rule("a", created="1", subsets=["v1"]), rule("b", created="2", errors=2)])
    assert found is not None
    assert found.rule.traffic_policy == TrafficPolicy(outlier_detection=OutlierDetection(consecutive_5xx_errors=2))


def test_name_decides_between_rules_of_one_age() -> None:
    assert names(find([rule("b", errors=2), rule("a", errors=1)]))[0] == ["a", "b"]


def test_rules_with_other_export_to_stay_apart_and_the_youngest_holds() -> None:
    found = find([rule("old", created="1", export_to=["*"]), rule("new", created="2", export_to=["web"])])
    assert names(found) == (["new"], {"old": Shadow.OTHER_EXPORT})
    assert found is not None
    assert [note.rule for note in found.notes] == ["DR-1"]


def test_a_rule_for_all_namespaces_takes_in_none_for_some() -> None:
    found = find([rule("old", created="1"), rule("new", created="2", export_to=["web"])])
    assert names(found) == (["new"], {"old": Shadow.OTHER_EXPORT})


def test_wider_export_of_a_younger_rule_merges_it_into_the_older() -> None:
    found = find([rule("old", created="1", export_to=["web"]), rule("new", created="2", export_to=["web", "bank"])])
    assert names(found) == (["old", "new"], {})


def test_rule_for_the_clients_labels_beats_the_one_for_all() -> None:
    rules = [
        rule("all", namespace="web", created="1"),
        rule("some", namespace="web", created="2", selector={"app": "x"}),
    ]
    assert names(find(rules, labels={"app": "x", "v": "1"})) == (["some"], {"all": Shadow.NO_SELECTOR})
    assert names(find(rules, labels={"app": "y"})) == (["all"], {"some": Shadow.OTHER_LABELS})


def test_every_label_of_a_selector_counts() -> None:
    some = rule("some", namespace="web", selector={"app": "x", "v": "1"})
    assert names(find([some], labels={"app": "x", "v": "1", "more": ""}))[0] == ["some"]
    assert find([some], labels={"app": "x", "v": "2"}) is None
    assert find([some], labels={"app": "x"}) is None


def test_rule_with_a_selector_stays_in_its_namespace() -> None:
    assert find([rule("some", selector={"app": "x"})], labels={"app": "x"}) is None
    exported = rule("some", selector={"app": "x"}, export_to=["*"])
    assert find([exported], labels={"app": "x"}) is None
    assert names(find([exported], labels={"app": "x"}, client="shop"))[0] == ["some"]


def test_rules_for_some_workloads_come_before_those_for_all_whatever_their_age() -> None:
    """The younger one with a selector takes in the older for all, so that nothing is left for other clients."""
    rules = [
        rule("all", namespace="web", created="1", export_to=["."], errors=1, subsets=["v1"]),
        rule("some", namespace="web", created="2", selector={"app": "x"}, subsets=["v2"]),
    ]
    found = find(rules, labels={"app": "x"})
    assert names(found) == (["some", "all"], {})
    assert found is not None
    assert found.rule.traffic_policy == rules[0].traffic_policy
    assert [subset.name for subset in found.rule.subsets] == ["v2", "v1"]
    assert find(rules, labels={"app": "y"}) is None


def test_rules_for_the_same_workloads_merge_and_those_for_others_do_not() -> None:
    rules = [
        rule("a", namespace="web", created="1", selector={"app": "x"}, subsets=["v1"]),
        rule("b", namespace="web", created="2", selector={"app": "x"}, subsets=["v2"]),
        rule("c", namespace="web", created="3", selector={"app": "y"}, subsets=["v3"]),
    ]
    assert names(find(rules, labels={"app": "x"})) == (["a", "b"], {"c": Shadow.OTHER_LABELS})
    assert names(find(rules, labels={"app": "y"})) == (["c"], {"a": Shadow.OTHER_LABELS, "b": Shadow.OTHER_LABELS})


def test_of_two_rules_for_some_workloads_the_oldest_that_fits_holds() -> None:
    rules = [
        rule("one", namespace="web", created="1", selector={"app": "x"}),
        rule("other", namespace="web", created="2", selector={"v": "1"}),
    ]
    assert names(find(rules, labels={"app": "x", "v": "1"})) == (["one"], {"other": Shadow.NO_SELECTOR})


def test_another_rule_of_the_same_namespace_is_wider_only_if_its_host_is() -> None:
    rules = [
        rule("some", namespace="web", selector={"app": "x"}, host="*.mesh.internal"),
        rule("exact", namespace="web", selector={"app": "x"}),
        rule("labels", namespace="web", selector={"app": "y"}),
    ]
    assert names(find(rules, labels={"app": "x"})) == (
        ["exact"],
        {"some": Shadow.WIDER_HOST, "labels": Shadow.OTHER_LABELS},
    )
