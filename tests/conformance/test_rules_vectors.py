"""What Istio's control plane did with localityLbSetting, case by case."""

from collections.abc import Mapping
from typing import Any

import pytest

from meshtier.dataplane import LoadAssignment, assign
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint
from meshtier.locality import Locality
from meshtier.profile import ISTIO_1_30, ISTIO_1_31
from meshtier.rules import (
    Distribute,
    Failover,
    LoadBalancer,
    LocalitySetting,
    OutlierDetection,
    TrafficPolicy,
    effective_setting,
)

Case = Mapping[str, Any]
PROFILES = {"flat": ISTIO_1_30, "ranked": ISTIO_1_31}


def setting_of(data: Case | None) -> LocalitySetting | None:
    if data is None:
        return None
    return LocalitySetting(  # built directly: some cases hold what validation would refuse
        enabled=data["enabled"],
        failover=[Failover(from_region=rule["from"], to_region=rule["to"]) for rule in data["failover"]],
        failover_priority=data["failoverPriority"],
        distribute=[Distribute(origin=rule["from"], to=rule["to"]) for rule in data["distribute"]],
    )


def assignment_of(case: Case, rule: str) -> LoadAssignment:
    profile = PROFILES[rule]
    policy = TrafficPolicy(
        load_balancer=LoadBalancer(locality=setting_of(case["setting"])),
        outlier_detection=OutlierDetection() if case["outlier_detection"] else None,
    )
    choice = effective_setting(
        policy,
        distribution=TrafficDistribution.parse(case.get("traffic_distribution", "Any")),
        mesh=None,  # the recorded calls had no mesh-wide setting
        profile=profile,
    )
    endpoints = [
        Endpoint(
            str(number), Locality.parse(data["locality"]), weight=data.get("weight", 0), labels=data.get("labels", {})
        )
        for number, data in enumerate(case["endpoints"])
    ]
    return assign(
        endpoints,
        choice,
        client=Locality.parse(case["proxy"]["locality"]),
        client_labels=case["proxy"]["labels"],
        profile=profile,
        written=lambda endpoint: str(case["endpoints"][int(endpoint.id)]["locality"]),
    )


def check(case: Case, rule: str) -> None:
    assignment = assignment_of(case, rule)
    expected = case["expect"][rule]
    assert [
        {
            "locality": list(group.locality[1:4]),
            "priority": group.priority,
            "weight": group.weight or 0,
            "endpoints": [int(endpoint.id) for endpoint in group.endpoints],
        }
        for group in assignment.groups
    ] == expected["groups"]
    priority_of = {
        endpoint.id: priority for priority, tier in enumerate(assignment.tiers) for endpoint in tier.endpoints
    }
    given = [priority_of.get(str(number)) for number in range(len(case["endpoints"]))]
    assert given == expected["priorities"]
    dropped = [str(number) for number, priority in enumerate(expected["priorities"]) if priority is None]
    assert [exclusion.endpoint.id for exclusion in assignment.excluded] == dropped


@pytest.mark.parametrize("rule", PROFILES)
def test_failover_as_istio_has_it(istio_failover_case: Case, rule: str) -> None:
    check(istio_failover_case, rule)


@pytest.mark.parametrize("rule", PROFILES)
def test_failover_priority_as_istio_has_it(istio_failover_priority_case: Case, rule: str) -> None:
    check(istio_failover_priority_case, rule)


@pytest.mark.parametrize("rule", PROFILES)
def test_distribute_as_istio_has_it(istio_distribute_case: Case, rule: str) -> None:
    check(istio_distribute_case, rule)
