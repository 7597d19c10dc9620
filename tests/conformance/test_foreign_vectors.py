"""What the tests of Istio, ztunnel, kgateway, agentgateway and Kmesh say, case by case.

The README beside the cases says what their fields mean.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import pytest
from attrs import evolve

from meshtier.component import Component
from meshtier.distribution import TrafficDistribution
from meshtier.kube import load
from meshtier.mesh import Mesh, Route, Service, Workload
from meshtier.mesh.service_endpoint import ServiceEndpoint
from meshtier.profile import ISTIO_1_31, Profile
from meshtier.rules import (
    LoadBalancer,
    LocalitySetting,
    SettingSource,
    TrafficPolicy,
    ZoneAwareSetting,
    effective_setting,
)
from meshtier.rules.fields import FieldReader, Problems

Case = Mapping[str, Any]

CASE_KEYS: Final = frozenset({"id", "clusters", "setting", "effective", "ask", "expect", "note", "verdict"})
SOURCE_KEYS: Final = frozenset({"repo", "path", "revision", "test"})
ASK_KEYS: Final = frozenset({"client", "host", "component", "profile", "port", "subset", "cluster"})
NOT_THERE: Final = "not there"


def test_foreign_code_has_it_so(foreign_case: Case) -> None:
    assert not set(foreign_case) - CASE_KEYS - SOURCE_KEYS, "a field that these tests do not know"
    expected = dict(foreign_case["expect"])
    tolerance = expected.pop("tolerance", 0.001)
    assert expected, "nothing is expected"
    found = {key: said(foreign_case, key, wanted) for key, wanted in expected.items()}
    if "shares" in expected:
        expected["shares"] = pytest.approx(expected["shares"], abs=tolerance)
    assert found == {key: without_order(key, wanted) for key, wanted in expected.items()}


def said(case: Case, key: str, wanted: Any) -> Any:
    """What this project says to one key, in the form of what is expected."""
    if key == "effective":
        return effective(case["effective"])
    if key == "fact":
        mesh = mesh_of(case)
        return {name: fact(mesh, name) for name in wanted}
    assert key in ANSWERS, f"{key} is an expectation that these tests do not know"
    return without_order(key, ANSWERS[key](route_of(mesh_of(case), case["ask"]), wanted))


def without_order(key: str, value: Any) -> Any:
    match key:
        case "reachable" | "chosen":
            return sorted(value)
        case "order":
            return [sorted(group) for group in value]
        case _:
            return value


# The clusters and the question.


def mesh_of(case: Case) -> Mesh:
    named = {name: objects for name, objects in case["clusters"].items() if name}
    mesh = load(*[objects for name, objects in case["clusters"].items() if not name], clusters=named)
    return evolve(mesh, locality_setting=locality_setting(case["setting"])) if "setting" in case else mesh


def route_of(mesh: Mesh, ask: Case) -> Route:
    assert not set(ask) - ASK_KEYS, "a question that these tests do not know"
    question = dict(ask)
    if "component" in question:
        question["component"] = Component(question["component"])
    if "profile" in question:
        question["profile"] = Profile.named(question["profile"])
    return mesh.route(question.pop("client"), question.pop("host"), **question)


def locality_setting(fields: Case | None) -> LocalitySetting | None:
    if fields is None:
        return None
    with reader_of(fields) as reader:
        return LocalitySetting.read(reader)


def zone_aware_setting(fields: Case | None) -> ZoneAwareSetting | None:
    if fields is None:
        return None
    with reader_of(fields) as reader:
        return ZoneAwareSetting.read(reader)


@contextmanager
def reader_of(fields: Case) -> Iterator[FieldReader]:
    problems = Problems()
    yield FieldReader(fields, problems)
    problems.check()


# Where an endpoint stands, and what it is called.


class Standing(NamedTuple):
    """Where an endpoint stands, and what part of the traffic the workload gets that is called so."""

    tier: int | None
    priority: int | None
    share: float


def standing(route: Route, names: Collection[str]) -> dict[str, Standing]:
    """Everything that can be chosen, each by the first of what it is called that is in *names*."""
    tiers = {endpoint.id: tier for tier in route.tiers for endpoint in tier.endpoints}
    found: dict[str, Standing] = {}
    for endpoint in route.endpoints:
        tier = tiers.get(endpoint.id)
        number, priority = (None, None) if tier is None else (tier.number, tier.priority)
        for one in behind(route.known[endpoint.id]):
            name = next((name for name in called(one.workload) if name in names), called(one.workload)[0])
            assert found.get(name, (number, priority))[:2] == (number, priority), f"{name} stands in two places"
            found[name] = Standing(number, priority, route.shares.get(one.endpoint.id, 0.0))
    return found


def behind(endpoint: ServiceEndpoint) -> tuple[ServiceEndpoint, ...]:
    """What an endpoint stands for: itself, or what is behind the gateway of another network."""
    return endpoint.behind or (endpoint,)


def called(workload: Workload) -> tuple[str, ...]:
    return (*workload.addresses, workload.id, f"{workload.namespace}/{workload.name}", workload.name)


# What the answer says, key by key.


def tiers(route: Route, wanted: Case) -> dict[str, Any]:
    found = standing(route, wanted)
    return {name: found[name].tier if name in found else NOT_THERE for name in wanted}


def given_priorities(route: Route, wanted: Case) -> dict[str, Any]:
    found = standing(route, wanted)
    return {name: found[name].priority if name in found else NOT_THERE for name in wanted}


def shares(route: Route, wanted: Case) -> dict[str, float]:
    found = standing(route, wanted)
    return {name: found[name].share if name in found else 0.0 for name in wanted}


def order(route: Route, wanted: list[list[str]]) -> list[list[str]]:
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for name, one in standing(route, [name for group in wanted for name in group]).items():
        assert one.priority is not None
        groups[one.priority].append(name)
    return [groups[priority] for priority in sorted(groups)]


def reachable(route: Route, wanted: list[str]) -> list[str]:
    return list(standing(route, wanted))


def chosen(route: Route, wanted: list[str]) -> list[str]:
    return [name for name, one in standing(route, wanted).items() if one.share]


def weights(route: Route, wanted: Case) -> dict[str, int]:
    found: defaultdict[str, int] = defaultdict(int)
    for group in route.selection.groups:
        if group.endpoints:
            found[group.locality.text] += group.weight or 0
    return found


def through_waypoint(route: Route, wanted: bool) -> bool:
    return route.to_dict()["to_waypoint"] is not None


def subsets(route: Route, wanted: list[str]) -> list[str]:
    found = route.effective_rule.found
    return [] if found is None else [subset.name for subset in found.rule.subsets]


def rules(route: Route, wanted: list[str]) -> list[str]:
    found = route.effective_rule.found
    return [] if found is None else [rule.name for rule in found.sources]


ANSWERS: Final[Mapping[str, Callable[[Route, Any], Any]]] = {
    "tiers": tiers,
    "priorities": given_priorities,
    "shares": shares,
    "order": order,
    "reachable": reachable,
    "chosen": chosen,
    "weights": weights,
    "mode": lambda route, wanted: route.resolution.title,
    "scopes": lambda route, wanted: [scope.value for scope in route.resolution.scopes],
    "strict": lambda route, wanted: route.resolution.strict,
    "passthrough": lambda route, wanted: bool(route.passthrough),
    "drops": lambda route, wanted: route.drops,
    "through_waypoint": through_waypoint,
    "subsets": subsets,
    "rules": rules,
}


# What was read from the clusters.


def fact(mesh: Mesh, name: str) -> Any:
    """What is asked as ``service:<name>.<field>`` or ``workload:<name>.<field>``; the name may hold dots itself."""
    kind, _, rest = name.partition(":")
    about, _, field = rest.rpartition(".")
    match kind, field:
        case "service", "backends":
            return backends(mesh, service_of(mesh, about))
        case "service", "scope":
            return service_of(mesh, about).scope.value
        case "workload", "network" | "region" | "zone" | "subzone" | "node":
            return getattr(workload_of(mesh, about).place.locality, field)
        case _:
            raise AssertionError(f"{name} is a fact that these tests do not know")


def service_of(mesh: Mesh, name: str) -> Service:
    services = [service for cluster in mesh.clusters for service in cluster.services]
    (found,) = [service for service in services if f"{service.namespace}/{service.name}" == name]
    return found


def workload_of(mesh: Mesh, name: str) -> Workload:
    workloads = [workload for cluster in mesh.clusters for workload in cluster.workloads.values()]
    (found,) = [workload for workload in workloads if name in called(workload)]
    return found


def backends(mesh: Mesh, service: Service) -> list[str]:
    (home,) = [cluster for cluster in mesh.clusters if cluster.name == service.cluster]
    return sorted(called(home.workloads[backend.workload])[0] for backend in service.backends)


# Which setting holds.

SOURCES: Final = {
    SettingSource.RULE_ZONE_AWARE: "rule-zone-aware",
    SettingSource.RULE_LOCALITY: "rule-locality",
    SettingSource.TRAFFIC_DISTRIBUTION: "traffic-distribution",
    SettingSource.MESH_ZONE_AWARE: "mesh-zone-aware",
    SettingSource.MESH_LOCALITY: "mesh-locality",
    SettingSource.NONE: "none",
}
LOCALITY: Final = frozenset({SettingSource.RULE_LOCALITY, SettingSource.MESH_LOCALITY})


def effective(given: Case) -> list[Any]:
    """The source of the setting in force, and whether failover is forced, as Istio's GetEffectiveLbSetting has it."""
    assert set(given) == {"mesh", "mesh_zone_aware", "rule_locality", "rule_zone_aware", "distribution"}
    balancer = LoadBalancer(
        locality=locality_setting(given["rule_locality"]), zone_aware=zone_aware_setting(given["rule_zone_aware"])
    )
    choice = effective_setting(
        TrafficPolicy(load_balancer=balancer),
        distribution=TrafficDistribution.parse(given["distribution"] or "Any"),
        component=Component.SIDECAR,  # the only Envoy of a mesh that knows zone awareness
        mesh=locality_setting(given["mesh"]),
        mesh_zone_aware=zone_aware_setting(given["mesh_zone_aware"]),
        profile=ISTIO_1_31,
    )
    # A locality setting that is disabled is none at all to Istio; one of zones still switches off Envoy's own.
    disabled = choice.setting is None and choice.source in LOCALITY
    return [SOURCES[SettingSource.NONE if disabled else choice.source], choice.failover]
