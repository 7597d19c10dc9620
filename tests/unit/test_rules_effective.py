"""Which setting decides about places, and what is in force with it."""

import pytest
from attrs import evolve

from meshtier.component import Component
from meshtier.distribution import TrafficDistribution
from meshtier.profile import ISTIO_1_24
from meshtier.rules import (
    MESH_DEFAULT,
    Distribute,
    EffectiveSetting,
    Failover,
    LevelsBy,
    LoadBalancer,
    LocalitySetting,
    OutlierDetection,
    SettingSource,
    TrafficPolicy,
    ZoneAwareSetting,
    distribution_setting,
    effective_setting,
)

ZONE = TrafficDistribution.PREFER_SAME_ZONE
EJECT = OutlierDetection()
PRIORITY = LocalitySetting(failover_priority=["zone"])
FAILOVER = LocalitySetting(failover=[Failover(from_region="r1", to_region="r2")])
SHARES = LocalitySetting(distribute=[Distribute(origin="*", to={"r1": 100})])


def policy(
    locality: LocalitySetting | None = None,
    outlier: OutlierDetection | None = None,
    zone_aware: ZoneAwareSetting | None = None,
) -> TrafficPolicy:
    balancer = LoadBalancer(locality=locality, zone_aware=zone_aware)
    return TrafficPolicy(load_balancer=balancer, outlier_detection=outlier)


def rules_of(choice: EffectiveSetting) -> list[str]:
    return [note.rule for note in choice.notes]


def test_nothing_set_leaves_the_mesh_default_without_failover() -> None:
    choice = effective_setting()
    assert (choice.source, choice.setting, choice.failover) == (SettingSource.MESH_LOCALITY, MESH_DEFAULT, False)
    assert choice.notes == ()


def test_traffic_distribution_is_a_failover_priority_and_forces_failover() -> None:
    choice = effective_setting(distribution=ZONE)
    assert choice == EffectiveSetting(
        source=SettingSource.TRAFFIC_DISTRIBUTION,
        setting=LocalitySetting(
            enabled=True,
            failover_priority=[
                "topology.istio.io/network",
                "topology.kubernetes.io/region",
                "topology.kubernetes.io/zone",
            ],
        ),
        failover=True,
        overridden=(SettingSource.MESH_LOCALITY,),
    )
    assert choice.locality_weights


def test_profile_decides_which_scopes_a_mode_has() -> None:
    setting = distribution_setting(ZONE, profile=ISTIO_1_24)
    assert setting.failover_priority[-1] == "topology.istio.io/subzone"


def test_rule_without_a_locality_block_leaves_traffic_distribution_in_force() -> None:
    choice = effective_setting(policy(outlier=EJECT), distribution=ZONE)
    assert (choice.source, choice.notes) == (SettingSource.TRAFFIC_DISTRIBUTION, ())


def test_locality_block_without_outlier_detection_puts_nothing_in_the_place_of_traffic_distribution() -> None:
    choice = effective_setting(policy(LocalitySetting()), distribution=ZONE)
    assert (choice.source, choice.failover) == (SettingSource.RULE_LOCALITY, False)
    assert rules_of(choice) == ["PREC-5", "DR-7"]


@pytest.mark.parametrize(
    ("setting", "outlier"), [(SHARES, None), (PRIORITY, EJECT)], ids=["distribute", "with outlier detection"]
)
def test_a_locality_block_that_has_what_it_needs_is_not_noted(
    setting: LocalitySetting, outlier: OutlierDetection | None
) -> None:
    assert effective_setting(policy(setting, outlier)).notes == ()


def test_outlier_detection_alone_switches_locality_failover_on() -> None:
    choice = effective_setting(policy(outlier=EJECT))
    assert (choice.source, choice.failover, choice.locality_weights) == (SettingSource.MESH_LOCALITY, True, False)
    assert rules_of(choice) == ["COMP-2"]


def test_disabled_block_switches_everything_off() -> None:
    choice = effective_setting(policy(LocalitySetting(enabled=False), EJECT), distribution=ZONE)
    assert (choice.source, choice.setting, choice.failover) == (SettingSource.RULE_LOCALITY, None, False)
    assert rules_of(choice) == ["PREC-5", "PREC-5"]


@pytest.mark.parametrize("mesh", [None, LocalitySetting(enabled=False)], ids=["absent", "disabled"])
def test_mesh_without_locality_setting_has_no_levels(mesh: LocalitySetting | None) -> None:
    choice = effective_setting(policy(outlier=EJECT), mesh=mesh)
    assert (choice.setting, choice.failover) == (None, False)


def test_no_setting_anywhere_has_no_source() -> None:
    assert effective_setting(mesh=None) == EffectiveSetting(source=SettingSource.NONE)
    assert effective_setting(mesh=None).unready_sent


@pytest.mark.parametrize(
    ("setting", "outlier", "weights"),
    [
        (SHARES, None, True),
        (PRIORITY, None, False),
        (PRIORITY, EJECT, True),
        (FAILOVER, EJECT, True),
        (LocalitySetting(), EJECT, False),
        (LocalitySetting(enabled=False, distribute=SHARES.distribute), None, False),
    ],
    ids=["distribute", "priority alone", "priority", "failover", "bare", "disabled"],
)
def test_locality_weights_are_in_force(
    setting: LocalitySetting, outlier: OutlierDetection | None, weights: bool
) -> None:
    assert effective_setting(policy(setting, outlier)).locality_weights is weights


def test_zone_awareness_forces_failover_and_has_no_locality_weights() -> None:
    setting = ZoneAwareSetting(failover_priority=["rack"])
    choice = effective_setting(policy(zone_aware=setting), component=Component.SIDECAR)
    assert (choice.zone_aware, choice.failover, choice.locality_weights) == (setting, True, False)


def test_waypoint_knows_no_zone_awareness() -> None:
    choice = effective_setting(policy(zone_aware=ZoneAwareSetting()), component=Component.WAYPOINT)
    assert (choice.source, choice.setting, choice.failover) == (SettingSource.RULE_ZONE_AWARE, None, False)
    assert rules_of(choice) == ["PREC-5"]


@pytest.mark.parametrize(
    ("percent", "mode", "threshold"),
    [(None, TrafficDistribution.ANY, 0), (30, TrafficDistribution.ANY, 30), (30, ZONE, 0)],
)
def test_panic_threshold(percent: int | None, mode: TrafficDistribution, threshold: int) -> None:
    outlier = OutlierDetection(min_health_percent=percent)
    choice = effective_setting(policy(PRIORITY, outlier), distribution=mode)
    assert (choice.panic_threshold, choice.unready_sent) == (threshold, threshold == 0)


AWARE = ZoneAwareSetting(enabled=True)


@pytest.mark.parametrize(
    ("setting", "failover", "expected"),
    [
        (None, False, LevelsBy.NOTHING),
        (PRIORITY, False, LevelsBy.NOTHING),
        (MESH_DEFAULT, False, LevelsBy.NOTHING),
        (SHARES, False, LevelsBy.SHARES),
        (SHARES, True, LevelsBy.SHARES),
        (PRIORITY, True, LevelsBy.LABELS),
        (MESH_DEFAULT, True, LevelsBy.PLACE),
        (FAILOVER, True, LevelsBy.PLACE),
        (evolve(FAILOVER, failover_priority=["zone"]), True, LevelsBy.LABELS_AND_PLACE),
        (AWARE, True, LevelsBy.PLACE),
        (evolve(AWARE, failover_priority=["rack"]), True, LevelsBy.LABELS_AND_PLACE),
    ],
    ids=[
        "nothing",
        "failoverPriority without outlier detection",
        "bare without outlier detection",
        "distribute",
        "distribute with outlier detection",
        "failoverPriority",
        "bare",
        "failover",
        "failoverPriority and failover",
        "zone-aware",
        "zone-aware with failoverPriority",
    ],
)
def test_levels_are_made_by(
    setting: LocalitySetting | ZoneAwareSetting | None, failover: bool, expected: LevelsBy
) -> None:
    choice = EffectiveSetting(source=SettingSource.RULE_LOCALITY, setting=setting, failover=failover)
    assert choice.levels_by is expected
