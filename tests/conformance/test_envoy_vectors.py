"""What Envoy 1.40.0 did, case by case: priorities exactly, hosts within what sampling can tell."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from math import sqrt
from typing import Any

import pytest

from meshtier.dataplane import (
    EnvoySettings,
    HostShares,
    LbPolicy,
    LocalityGroup,
    ZoneAware,
    host_shares,
    priority_loads,
)
from meshtier.dataplane.settings import site_of
from meshtier.dataplane.zone_aware import zone_split
from meshtier.endpoint import Endpoint, Health
from meshtier.locality import Locality

Case = Mapping[str, Any]

HEALTH = {
    "H": Health.HEALTHY,
    "D": Health.DEGRADED,
    "U": Health.UNHEALTHY,
    "R": Health.TERMINATING,
    "T": Health.UNHEALTHY,  # a health check that timed out
    "K": Health.HEALTHY,  # nothing is known against it
}


def groups_of(localities: Sequence[Case], ejected: Sequence[int] = ()) -> list[LocalityGroup]:
    groups: list[LocalityGroup] = []
    position = 0
    for entry in localities:
        assert set(entry) <= {"priority", "locality", "weight", "hosts", "host_weights"}
        weights = entry.get("host_weights", [1] * len(entry["hosts"]))
        place = Locality.parse(entry.get("locality", ""))
        hosts: list[Endpoint] = []
        for letter, weight in zip(entry["hosts"], weights, strict=True):
            health = Health.UNHEALTHY if position in ejected else HEALTH[letter]
            hosts.append(Endpoint(f"host-{position}", place, health=health, weight=weight))
            position += 1
        groups.append(
            LocalityGroup(priority=entry["priority"], locality=place, weight=entry.get("weight"), endpoints=hosts)
        )
    return groups


def settings_of(given: Case, policy: str) -> EnvoySettings:
    known = {"overprovisioning_factor", "panic_threshold", "weighted_priority_health", "locality_weighted"}
    # Of outlier detection only the ejections count here, and each step lists those.
    beside = {"localities", "zone_aware", "node_locality", "local_cluster_hosts", "outlier_detection"}
    assert set(given) <= known | beside | {"lb_policy", "requests_per_step"}
    return EnvoySettings(
        **{name: value for name, value in given.items() if name in known},
        zone_aware=zone_aware_of(given) if "zone_aware" in given else None,
        lb_policy=LbPolicy(policy),
    )


def zone_aware_of(given: Case) -> ZoneAware:
    options = dict(given["zone_aware"])
    if "routing_enabled" in options:
        options["routing_enabled"] = options["routing_enabled"]["value"]
    local_hosts = {Locality.parse(place): count for place, count in given["local_cluster_hosts"].items()}
    return ZoneAware(node_locality=Locality.parse(given["node_locality"]), local_hosts=local_hosts, **options)


def sampling_error(percent: float, requests: int) -> float:
    """Five standard deviations of so many independent draws, in points, and a turn at either end."""
    part = min(1.0, percent / 100)
    return 100 * (5 * sqrt(part * (1 - part) / requests) + 2 / requests)


def percent_of_groups(result: HostShares, groups: Sequence[LocalityGroup]) -> list[float]:
    return [100 * sum(result.shares[endpoint.id] for endpoint in group.endpoints) for group in groups]


def percent_of_priorities(result: HostShares, groups: Sequence[LocalityGroup]) -> list[float]:
    percent = [0.0] * len(result.loads.load)
    for group, of_group in zip(groups, percent_of_groups(result, groups), strict=True):
        percent[group.priority] += of_group
    return percent


def blocks_of(result: HostShares, groups: Sequence[LocalityGroup]) -> list[list[int | None]]:
    """Runs of one priority over the residues of the hash: healthy loads from P0 up, then degraded loads."""
    served = percent_of_priorities(result, groups)
    runs = [*enumerate(result.loads.healthy_load), *enumerate(result.loads.degraded_load)]
    found = [(priority if served[priority] else None, load) for priority, load in runs if load]
    return [[priority, sum(load for _, load in run)] for priority, run in groupby(found, key=lambda pair: pair[0])]


def check_exact(groups: Sequence[LocalityGroup], settings: EnvoySettings, exact: Case) -> None:
    """One request was sent for each residue of the hash, so these are Envoy's own integers."""
    result = host_shares(groups, settings)
    assert percent_of_priorities(result, groups) == pytest.approx(exact["per_priority_percent"], abs=1e-9)
    assert 100 * result.lost == pytest.approx(exact["no_host_percent"], abs=1e-9)
    assert (result.reason is not None) == (exact["no_host_percent"] > 0)
    if "blocks" in exact:
        assert blocks_of(result, groups) == exact["blocks"]


def check_sampled_priorities(result: HostShares, groups: Sequence[LocalityGroup], measured: Case) -> None:
    requests = measured["requests"]
    assert sum(measured["per_priority"]) == pytest.approx(requests * (1 - result.lost))
    for hits, percent in zip(measured["per_priority"], percent_of_priorities(result, groups), strict=True):
        assert 100 * hits / requests == pytest.approx(percent, abs=sampling_error(percent, requests))


def check_sampled_hosts(result: HostShares, measured: Case, *, within: float | None = None) -> None:
    """Every host's share within so many points; without *within*, inside the sampling error."""
    requests = measured["requests"]
    for hits, share in zip(flat(measured["hosts"]), result.shares.values(), strict=True):
        bound = sampling_error(100 * share, requests) if within is None else within
        assert 100 * hits / requests == pytest.approx(100 * share, abs=bound)
        assert (hits > 0) == (share > 0)


def flat(hosts: Sequence[Any]) -> list[int]:
    return [hits for part in hosts for hits in (part if isinstance(part, list) else [part])]


def check_priority_load(case: Case) -> None:
    given, predicted = case["settings"], case["predicted"]
    groups = groups_of(given["localities"])
    loads = priority_loads(groups, settings_of(given, "ROUND_ROBIN"))
    assert {
        "availability_healthy": list(loads.healthy_availability),
        "availability_degraded": list(loads.degraded_availability),
        "healthy_load": list(loads.healthy_load),
        "degraded_load": list(loads.degraded_load),
        "panic": list(loads.panic),
        "total_panic": loads.total_panic,
        "no_host": loads.reason is not None,
    } == predicted
    exact = case["exact"]
    check_exact(groups, settings_of(given, exact["lb_policy"]), exact)
    for policy, measured in case["measured"].items():
        result = host_shares(groups, settings_of(given, policy))
        check_sampled_priorities(result, groups, measured)
        # RANDOM takes priority and host from one number: where there are several, hosts are uneven inside each.
        if policy == "RANDOM" and sum(map(bool, result.loads.load)) > 1:
            used = zip(flat(measured["hosts"]), result.shares.values(), strict=True)
            assert all(share for hits, share in used if hits)
        else:
            check_sampled_hosts(result, measured)


def check_failover_steps(case: Case) -> None:
    for step in case["steps"]:
        exact = step["exact"]
        groups = groups_of(case["settings"]["localities"], exact["ejected"])
        check_exact(groups, settings_of(case["settings"], exact["lb_policy"]), exact)
        policies = sorted(set(step) - {"step", "failing_hosts", "exact"})
        assert policies == ["LEAST_REQUEST", "ROUND_ROBIN"]
        for policy in policies:
            groups = groups_of(case["settings"]["localities"], step[policy]["ejected"])
            result = host_shares(groups, settings_of(case["settings"], policy))
            assert list(result.loads.load) == step[policy]["predicted_percent"] or result.lost
            check_sampled_priorities(result, groups, step[policy])
            if policy == "ROUND_ROBIN":
                check_sampled_hosts(result, step[policy])


def check_eds_transition(case: Case) -> None:
    settings = settings_of(case["settings"], case["settings"]["lb_policy"])
    for step in case["steps"]:
        localities = [{"priority": priority, "hosts": hosts} for priority, hosts in enumerate(step["priorities"])]
        check_exact(groups_of(localities), settings, step)


def check_locality_weight(case: Case) -> None:
    given, predicted = case["settings"], case["predicted"]
    groups = groups_of(given["localities"])
    for policy, measured in case["measured"].items():
        result = host_shares(groups, settings_of(given, policy))
        assert list(result.loads.panic) == predicted["panic"]
        assert list(result.loads.healthy_load) == predicted["healthy_load"]
        percent = percent_of_groups(result, groups)
        assert percent == pytest.approx(measured["per_locality_percent"], abs=measured["tolerance_pp"])
        assert percent == pytest.approx(measured["predicted_locality_percent"], abs=0.01)
        assert measured["status"] == ({"503": 20000} if result.lost else {"200": 20000})
        turns = policy == "ROUND_ROBIN" and case["kind"] == "locality_weight"
        check_sampled_hosts(result, measured, within=None if turns else measured["tolerance_pp"])


def check_zone_aware(case: Case) -> None:
    check_locality_weight(case)
    settings = settings_of(case["settings"], "ROUND_ROBIN")
    if settings.zone_aware is not None:
        own, healthy = site_of(settings.zone_aware.node_locality), dict[tuple[str, ...], int]()
        for group in groups_of(case["settings"]["localities"]):
            if group.priority == 0 and group.endpoints:
                serving = sum(endpoint.health is Health.HEALTHY for endpoint in group.endpoints)
                healthy[site_of(group.locality)] = healthy.get(site_of(group.locality), 0) + serving
        parts = zone_split(healthy, settings.zone_aware).parts
        mode = "none" if not parts else "direct" if len(parts) == 1 and parts[0][0] == own else "residual"
        assert mode == case["predicted"]["zone_mode"].replace("fail_on_panic", "none")


CHECKS: dict[str, Callable[[Case], None]] = {
    "priority_load": check_priority_load,
    "istio_failover_steps": check_failover_steps,
    "eds_transition": check_eds_transition,
    "locality_weight": check_locality_weight,
    "zone_aware": check_zone_aware,
}


def test_load_goes_to_priorities_as_in_envoy(envoy_priority_load_case: Case) -> None:
    CHECKS[envoy_priority_load_case["kind"]](envoy_priority_load_case)


def test_load_goes_to_localities_as_in_envoy(envoy_locality_weight_case: Case) -> None:
    CHECKS[envoy_locality_weight_case["kind"]](envoy_locality_weight_case)
