"""Whether a DestinationRule decides, and what is left of traffic distribution (PREC-5, DR-1, DR-2, DR-7, LOAD-3)."""

from collections.abc import Mapping

import pytest
from tests.meshes import EAST, HOST, one_cluster, pod, rule

from meshtier.component import Component
from meshtier.endpoint import Health, Reason
from meshtier.errors import UnknownNameError
from meshtier.locality import Locality
from meshtier.mesh import Mesh, Route
from meshtier.profile import ISTIO_1_24, ISTIO_1_25, ISTIO_1_30, ISTIO_1_31, PROFILES, SOLO, Profile
from meshtier.rules import DestinationRule

ENVOYS = (Component.WAYPOINT, Component.INGRESS_GATEWAY, Component.SIDECAR)
OTHERS = (Component.ZTUNNEL, Component.KGATEWAY)
ZONE_B = Locality("net-e", "re", "b", "", "e-b1")
REGION_W = Locality("net-e", "rw", "c", "", "w-c1")


def mesh(*rules: DestinationRule, **about: object) -> Mesh:
    """One endpoint in the client's zone, one in the next, one in another region."""
    return one_cluster([pod("a"), pod("b", ZONE_B), pod("w", REGION_W)], rules=rules, **about)  # type: ignore[arg-type]


def tiers(route: Route) -> list[tuple[int, list[str]]]:
    return [(tier.number, [endpoint.id.rpartition("/")[2] for endpoint in tier.endpoints]) for tier in route.tiers]


@pytest.mark.parametrize("component", ENVOYS)
def test_a_locality_block_with_outlier_detection_replaces_traffic_distribution(component: Component) -> None:
    by_region = rule({"failoverPriority": ["topology.kubernetes.io/region"]})
    route = mesh(by_region, spec="PreferSameZone").route("client", HOST, component=component)
    assert tiers(route) == [(0, ["a", "b"]), (1, ["w"])]
    assert route.effective_rule.title == "DestinationRule shop/rule"
    assert not route.to_dict()["distribution"]["in_force"]
    assert "PREC-5" in {note.rule for note in route.notes}


@pytest.mark.parametrize("component", ENVOYS)
def test_envoys_before_istio_1_25_do_not_obey_traffic_distribution(component: Component) -> None:
    asked = mesh(spec="PreferClose")
    route = asked.route("client", HOST, component=component, profile=ISTIO_1_24)
    assert tiers(route) == [(0, ["a", "b", "w"])]
    assert list(route.shares.values()) == pytest.approx([1 / 3] * 3)
    assert str(route.resolution.mode) == "PreferSameZone"
    assert (route.resolution.obeyed, route.resolution.scopes) == (False, ())
    assert not route.to_dict()["distribution"]["in_force"]
    assert [note.code for note in route.notes if note.rule == "MODE-3"] == ["distribution-not-obeyed"]
    assert route.holds == "PreferSameZone, not obeyed"
    assert "PreferSameZone is set, and not obeyed here [MODE-3]" in str(route.explain())
    assert tiers(asked.route("client", HOST, component=component, profile=ISTIO_1_25))[0] == (0, ["a"])


@pytest.mark.parametrize("component", ENVOYS)
def test_a_rule_before_istio_1_25_has_no_traffic_distribution_to_override(component: Component) -> None:
    by_region = rule({"failoverPriority": ["topology.kubernetes.io/region"]})
    route = mesh(by_region, spec="PreferClose").route("client", HOST, component=component, profile=ISTIO_1_24)
    assert tiers(route) == [(0, ["a", "b"]), (1, ["w"])]
    assert "PREC-5" not in {note.rule for note in route.notes}
    assert "traffic distribution is not obeyed here [MODE-3]: PreferSameZone" in str(route.explain())


@pytest.mark.parametrize("component", OTHERS)
def test_ztunnel_before_istio_1_25_obeys_traffic_distribution(component: Component) -> None:
    route = mesh(spec="PreferClose").route("client", HOST, component=component, profile=ISTIO_1_24)
    assert [names for _, names in tiers(route)] == [["a"], ["b"], ["w"]]
    assert "MODE-3" not in {note.rule for note in route.notes}


@pytest.mark.parametrize("component", ENVOYS)
def test_the_own_node_alone_is_no_traffic_distribution_and_every_envoy_obeys_it(component: Component) -> None:
    asked = mesh(local=True)
    route = asked.route("client", HOST, component=component, profile=ISTIO_1_24)
    assert tiers(route) == [(0, ["a"])]
    assert route.resolution.obeyed


@pytest.mark.parametrize(
    ("profile", "spec", "sent"),
    [
        (ISTIO_1_24, "PreferClose", False),
        (ISTIO_1_25, "PreferClose", True),
        (ISTIO_1_30, None, False),
        (ISTIO_1_30, "PreferClose", True),
        (ISTIO_1_31, None, True),
        (SOLO, None, True),
    ],
    ids=str,
)
@pytest.mark.parametrize("component", ENVOYS)
def test_an_unready_endpoint_that_is_not_sent_is_no_host_and_says_why(
    component: Component, profile: Profile, spec: str | None, *, sent: bool
) -> None:
    asked = one_cluster([pod("a"), pod("sick", health=Health.UNHEALTHY)], spec=spec)
    route = asked.route("client", HOST, component=component, profile=profile)
    assert [(one.endpoint.id, one.rule, one.reason) for one in route.excluded] == [
        ("east/shop/sick", "DR-7a", Reason.UNHEALTHY)
    ] * (not sent)
    assert sum(len(tier.endpoints) for tier in route.tiers) == 1 + sent
    assert route.shares == {"east/shop/a": 1.0, "east/shop/sick": 0.0}


@pytest.mark.parametrize("profile", [ISTIO_1_30, ISTIO_1_31], ids=str)
def test_where_a_minimum_of_health_keeps_the_unready_out_that_is_the_reason_under_every_profile(
    profile: Profile,
) -> None:
    rules = [rule(outlier_detection={"minHealthPercent": 50})]
    asked = one_cluster([pod("a"), pod("sick", health=Health.UNHEALTHY)], rules=rules)
    route = asked.route("client", HOST, component=Component.SIDECAR, profile=profile)
    assert [(one.rule, one.detail) for one in route.excluded] == [
        ("LOAD-3", "minHealthPercent keeps unready endpoints out")
    ]


@pytest.mark.parametrize("component", ENVOYS)
def test_the_first_trap_a_block_without_outlier_detection_puts_everything_in_one_level(component: Component) -> None:
    trap = rule({"failoverPriority": ["topology.kubernetes.io/region"]}, outlier_detection=None)
    route = mesh(trap, spec="PreferSameZone").route("client", HOST, component=component)
    assert tiers(route) == [(0, ["a", "b", "w"])]
    assert {"PREC-5", "DR-7"} <= {note.rule for note in route.notes}
    assert list(route.shares.values()) == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("component", ENVOYS)
@pytest.mark.parametrize("setting", [{}, {"enabled": True}], ids=["empty", "enabled"])
def test_an_empty_block_without_outlier_detection_does_the_same(
    component: Component, setting: Mapping[str, object]
) -> None:
    route = mesh(rule(setting, outlier_detection=None), spec="PreferSameZone").route(
        "client", HOST, component=component
    )
    assert tiers(route) == [(0, ["a", "b", "w"])]


@pytest.mark.parametrize("component", ENVOYS)
def test_the_second_trap_outlier_detection_alone_switches_locality_failover_on(component: Component) -> None:
    route = mesh(rule()).route("client", HOST, component=component)
    assert tiers(route) == [(0, ["a"]), (2, ["b"]), (3, ["w"])]
    assert "COMP-2" in {note.rule for note in route.notes}
    assert route.effective_rule.title == "the mesh-wide locality setting"


@pytest.mark.parametrize("component", ENVOYS)
def test_outlier_detection_alone_leaves_traffic_distribution_in_force(component: Component) -> None:
    route = mesh(rule(), spec="PreferSameZone").route("client", HOST, component=component)
    assert tiers(route) == [(0, ["a"]), (1, ["b"]), (2, ["w"])]
    assert route.to_dict()["distribution"]["in_force"]


@pytest.mark.parametrize("component", ENVOYS)
@pytest.mark.parametrize("detection", [None, {"consecutive5xxErrors": 1}], ids=["alone", "with outlierDetection"])
def test_enabled_false_puts_everything_in_one_tier(
    component: Component, detection: Mapping[str, object] | None
) -> None:
    off = rule({"enabled": False}, outlier_detection=detection)
    route = mesh(off, spec="PreferSameZone").route("client", HOST, component=component)
    assert tiers(route) == [(0, ["a", "b", "w"])]
    assert "enabled: false" in " ".join(note.text for note in route.notes)


@pytest.mark.parametrize("component", ENVOYS)
def test_a_rule_without_the_block_leaves_traffic_distribution_in_force(component: Component) -> None:
    plain = rule(outlier_detection=None, loadBalancer={"simple": "RANDOM"})
    route = mesh(plain, spec="PreferSameZone").route("client", HOST, component=component)
    assert [number for number, _ in tiers(route)] == [0, 1, 2]


def beside_a_gateway(component: Component) -> list[tuple[str, str]]:
    # The client of these tests is no gateway's pod, which is said where a gateway is asked for.
    return [("LOC-7", "Pod east/shop/client")] if component is Component.KGATEWAY else []


@pytest.mark.parametrize("component", OTHERS)
def test_where_no_rule_is_obeyed_it_is_noted_and_changes_nothing(component: Component) -> None:
    without = mesh(spec="PreferSameZone").route("client", HOST, component=component)
    route = mesh(rule({"enabled": False}), spec="PreferSameZone").route("client", HOST, component=component)
    assert (tiers(route), route.shares) == (tiers(without), without.shares)
    assert [(note.rule, note.object) for note in route.notes] == [
        *beside_a_gateway(component),
        ("COMP", "DestinationRule shop/rule"),
    ]


@pytest.mark.parametrize("component", OTHERS)
def test_where_no_rule_is_obeyed_a_subset_means_nothing_and_is_noted(component: Component) -> None:
    route = mesh().route("client", HOST, component=component, subset="v1")
    assert [(note.rule, note.object) for note in route.notes] == [*beside_a_gateway(component), ("COMP", "")]
    assert route.notes[-1].text == f"{component.value} knows no subsets; 'v1' has no effect here"


TWO_OF_THREE = {"failoverPriority": ["version"], "failover": [{"from": "re", "to": "rw"}]}


@pytest.mark.parametrize("component", ENVOYS)
def test_solo_refuses_failover_beside_failover_priority_with_a_note(component: Component) -> None:
    route = mesh(rule(TWO_OF_THREE), spec="PreferSameZone").route("client", HOST, component=component)
    assert "DR-2" in {note.rule for note in route.notes}
    assert [number for number, _ in tiers(route)] == [0, 1, 2]
    assert route.to_dict()["distribution"]["in_force"]


@pytest.mark.parametrize("profile", [p for p in PROFILES.values() if p is not SOLO], ids=str)
@pytest.mark.parametrize("component", ENVOYS)
def test_istio_lets_failover_refine_failover_priority(component: Component, profile: Profile) -> None:
    """Level 5 x (the version differs) + (0 same place, 2 other zone, 3 the region to fail over to)."""
    pods = [pod("a"), pod("b", ZONE_B), pod("w", REGION_W), pod("old", labels={"version": "v0"})]
    route = one_cluster(pods, rules=[rule(TWO_OF_THREE)]).route("client", HOST, component=component, profile=profile)
    assert tiers(route) == [(0, ["a"]), (2, ["b"]), (3, ["w"]), (5, ["old"])]
    assert "DR-2" not in {note.rule for note in route.notes}


def test_distribute_excludes_what_it_does_not_name() -> None:
    setting = {"distribute": [{"from": "re/a/*", "to": {"re/a/*": 70, "re/b/*": 30}}]}
    route = mesh(rule(setting, outlier_detection=None)).route("client", HOST, component=Component.SIDECAR)
    assert route.shares == pytest.approx({"east/shop/a": 0.7, "east/shop/b": 0.3, "east/shop/w": 0})
    assert [(item.endpoint.id, item.reason, item.rule) for item in route.excluded] == [
        ("east/shop/w", Reason.NO_DISTRIBUTE_MATCH, "DR-6")
    ]


@pytest.mark.parametrize(
    ("origin", "words"),
    [("*", "a locality of the distribute rule"), ("rw/*", "anywhere")],
    ids=["the client's place", "another place"],
)
@pytest.mark.parametrize("detection", [None, {"consecutive5xxErrors": 1}], ids=["alone", "with outlierDetection"])
def test_the_tier_of_distribute_says_whether_it_holds_for_the_client(
    origin: str, words: str, detection: Mapping[str, object] | None
) -> None:
    setting = {"distribute": [{"from": origin, "to": {"re/*": 100}}]}
    route = mesh(rule(setting, outlier_detection=detection)).route("client", HOST, component=Component.SIDECAR)
    assert [tier.matched for tier in route.tiers] == [words]


@pytest.mark.parametrize("entries", [[], ["version"]], ids=["by region", "by label, then region"])
def test_zone_awareness_tells_the_regions_apart_and_nothing_below(entries: list[str]) -> None:
    failover = [{"from": "re", "to": "rx"}]
    aware = rule(
        loadBalancer={"zoneAwareLbSetting": {"enabled": True, "failover": failover, "failoverPriority": entries}}
    )
    pods = [pod("a"), pod("b", ZONE_B), pod("w", REGION_W), pod("x", Locality("net-e", "rx", "x"))]
    route = one_cluster(pods, rules=[aware]).route("client", HOST, component=Component.SIDECAR, profile=ISTIO_1_30)
    step = "same version; " if entries else ""
    assert [(tier.number, tier.matched) for tier in route.tiers] == [
        (0, f"{step}same region"),
        (1, f"{step}region rx, to fail over to"),
        (2, f"{step}other region"),
    ]
    assert [one.key for one in route.why("w").comparisons] == [*entries, "region"]


def test_min_health_percent_keeps_the_unready_out_and_lets_the_rest_panic() -> None:
    detection = {"consecutive5xxErrors": 5, "minHealthPercent": 50, "maxEjectionPercent": 100}
    asked = one_cluster([pod("a"), pod("sick", health=Health.UNHEALTHY)], rules=[rule(outlier_detection=detection)])
    route = asked.route("client", HOST, component=Component.SIDECAR)
    assert [(item.endpoint.id, item.reason, item.rule) for item in route.excluded] == [
        ("east/shop/sick", Reason.UNHEALTHY, "LOAD-3")
    ]
    assert route.effective_rule.setting.panic_threshold == 50


def test_min_health_percent_is_out_of_force_under_traffic_distribution() -> None:
    detection = {"consecutive5xxErrors": 5, "minHealthPercent": 50, "maxEjectionPercent": 100}
    asked = one_cluster(
        [pod("a"), pod("sick", health=Health.UNHEALTHY)],
        rules=[rule(outlier_detection=detection)],
        spec="PreferSameZone",
    )
    route = asked.route("client", HOST, component=Component.SIDECAR)
    assert route.effective_rule.setting.panic_threshold == 0
    assert route.excluded == ()


@pytest.mark.parametrize(
    ("count", "percent", "noted"),
    [(9, None, True), (10, None, False), (3, 33, True), (3, 34, False), (1, 100, False), (9, 0, True)],
    ids=["9 at 10 %", "10 at 10 %", "3 at 33 %", "3 at 34 %", "1 at 100 %", "9 at 0 %, which is 10"],
)
def test_too_few_endpoints_to_eject_any_are_noted(count: int, percent: int | None, noted: bool) -> None:
    detection = {"consecutive5xxErrors": 5} | ({} if percent is None else {"maxEjectionPercent": percent})
    asked = one_cluster([pod(f"p{number}") for number in range(count)], rules=[rule(outlier_detection=detection)])
    for component in ENVOYS:
        assert ("OD-2" in {note.rule for note in asked.route("client", HOST, component=component).notes}) is noted
    assert "OD-2" not in {note.rule for note in asked.route("client", HOST).notes}


def test_endpoints_that_distribute_leaves_out_do_not_count_for_ejection() -> None:
    """Ten endpoints, but the Envoy is told of five: one of five is 20 %, more than the default of 10 %."""
    near, far = [pod(f"a{number}") for number in range(5)], [pod(f"w{number}", REGION_W) for number in range(5)]
    only_near = rule({"distribute": [{"from": "*", "to": {"re/*": 100}}]}, outlier_detection={"interval": "10s"})
    route = one_cluster([*near, *far], rules=[only_near]).route("client", HOST, component=Component.SIDECAR)
    (note,) = (note for note in route.notes if note.rule == "OD-2")
    assert note.text.startswith("maxEjectionPercent 10 of 5 endpoints is less than one (it takes 10)")


SUBSETS = [
    {"name": "v1", "labels": {"version": "v1"}},
    {"name": "near", "trafficPolicy": {"loadBalancer": {"localityLbSetting": {"enabled": False}}}},
]


def versions() -> Mesh:
    pods = [pod("one", labels={"version": "v1"}), pod("two", ZONE_B, labels={"version": "v2"})]
    return one_cluster(pods, rules=[rule(outlier_detection=None, subsets=SUBSETS)], spec="PreferSameZone")


def test_a_subset_leaves_out_what_lacks_its_labels() -> None:
    route = versions().route("client", HOST, component=Component.SIDECAR, subset="v1")
    assert route.shares == {"east/shop/one": 1.0, "east/shop/two": 0.0}
    assert [(item.reason, item.rule, item.detail) for item in route.excluded] == [
        (Reason.NOT_IN_SUBSET, "DR-1", "v1 wants version=v1")
    ]


def test_a_subset_has_a_policy_of_its_own() -> None:
    assert tiers(versions().route("client", HOST, component=Component.SIDECAR)) == [(0, ["one"]), (1, ["two"])]
    route = versions().route("client", HOST, component=Component.SIDECAR, subset="near")
    assert tiers(route) == [(0, ["one", "two"])]


@pytest.mark.parametrize("component", ENVOYS)
def test_an_unknown_subset_is_refused_with_the_nearest(component: Component) -> None:
    with pytest.raises(UnknownNameError) as caught:
        versions().route("client", HOST, component=component, subset="v2")
    assert str(caught.value) == "no subset 'v2' in DestinationRule shop/rule; the nearest: v1"
    with pytest.raises(UnknownNameError, match="no subset 'v1'"):
        mesh().route("client", HOST, component=component, subset="v1")


def test_a_port_has_settings_of_its_own() -> None:
    by_port = rule(
        outlier_detection=None,
        portLevelSettings=[{"port": {"number": 81}, "loadBalancer": {"localityLbSetting": {"enabled": False}}}],
    )
    asked = mesh(by_port, spec="PreferSameZone", ports=((80, "http"), (81, "admin")))
    assert len(asked.route("client", HOST, component=Component.SIDECAR, port=80).tiers) == 3
    assert len(asked.route("client", HOST, component=Component.SIDECAR, port=81).tiers) == 1


def test_the_rule_that_holds_and_those_that_it_overrides_are_told() -> None:
    wide = rule({"enabled": False}, host="*.svc.cluster.local", name="wide")
    data = mesh(wide, rule({"enabled": True})).route("client", HOST, component=Component.SIDECAR).to_dict()
    told = data["destination_rule"]
    assert told is not None
    assert told["rules"] == ["DestinationRule shop/rule"]
    assert (told["host"], told["match"], told["found_in"]) == (HOST, "exact", "the client's namespace")
    assert told["overridden"] == [
        {
            "rule": "DestinationRule shop/wide",
            "host": "*.svc.cluster.local",
            "reason": "has a host that matches less exactly",
        }
    ]


def test_a_strict_choice_stays_strict_under_a_rule() -> None:
    for component in ENVOYS:
        route = mesh(rule({"enabled": False}), local=True).route("client", HOST, component=component)
        assert tiers(route) == [(0, ["a"])]
        assert {item.reason for item in route.excluded} == {Reason.NOT_LOCAL}


def test_a_client_without_labels_or_place_gets_no_levels_from_failover_priority() -> None:
    """DR-3: not even from an override; here the place and the cluster give it labels, so it gets some."""
    override = rule({"failoverPriority": ["version=v1"]})
    asked = one_cluster([pod("one", labels={"version": "v1"}), pod("two")], rules=[override])
    assert tiers(asked.route("client", HOST, component=Component.SIDECAR)) == [(0, ["one"]), (1, ["two"])]


def test_failover_knows_the_region_to_fail_over_to() -> None:
    other = Locality("net-e", "rx", "x")
    asked = one_cluster(
        [pod("a"), pod("w", REGION_W), pod("x", other)],
        rules=[rule({"failover": [{"from": "re", "to": "rx"}]})],
    )
    route = asked.route("client", HOST, component=Component.SIDECAR, profile=ISTIO_1_30)
    assert [(tier.number, tier.priority, tier.matched) for tier in route.tiers] == [
        (0, 0, "same region, zone, subzone"),
        (3, 1, "region rx, to fail over to"),
        (4, 2, "other region, not the one to fail over to"),
    ]
    assert EAST.region == "re"
