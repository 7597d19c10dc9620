"""PLANE: what a ztunnel was told to compare holds as it stands, and beats all that is set."""

import pytest
from attrs import evolve
from tests.meshes import EAST, HOST, cluster, pod, rule, service

from meshtier.component import Component
from meshtier.locality import Locality, Scope
from meshtier.mesh import Mesh, Route, Workload
from meshtier.preference import Preference
from meshtier.profile import ISTIO_1_27, ISTIO_1_31, SOLO, Profile

NEAR = pod("near", EAST)
ZONE = pod("zone", Locality("net-w", "rw", "a", "", "w-1"))
REGION = pod("region", Locality("net-e", "re", "b", "", "e-b1"))


def mesh(
    *pods: Workload, told: Preference, client: Workload | None = None, rules: bool = False, spec: str | None = None
) -> Mesh:
    asking = client or pod("client", EAST)
    told_service = evolve(service(pods, spec=spec), preference=told)
    return Mesh((cluster([asking, *pods], [told_service], rules=[rule(host=HOST)] if rules else ()),))


def ask(
    *pods: Workload,
    told: Preference,
    component: Component = Component.ZTUNNEL,
    profile: Profile = SOLO,
    rules: bool = False,
    spec: str | None = None,
) -> Route:
    asked = mesh(*pods, told=told, rules=rules, spec=spec)
    return asked.route("client", HOST, component=component, profile=profile)


def tiers(route: Route) -> dict[int, list[str]]:
    return {tier.number: [endpoint.id.rpartition("/")[2] for endpoint in tier.endpoints] for tier in route.tiers}


def test_scopes_are_compared_in_the_order_of_the_list() -> None:
    zone_first = ask(NEAR, ZONE, REGION, told=Preference([Scope.ZONE, Scope.REGION]))
    region_first = ask(NEAR, ZONE, REGION, told=Preference([Scope.REGION, Scope.ZONE]))
    assert tiers(zone_first) == {0: ["near"], 1: ["zone"], 2: ["region"]}
    assert tiers(region_first) == {0: ["near"], 1: ["region"], 2: ["zone"]}


def test_it_beats_the_field_of_the_service() -> None:
    route = ask(NEAR, REGION, told=Preference([]), spec="PreferSameZone")
    assert route.shares == {"east/shop/near": 0.5, "east/shop/region": 0.5}
    assert [setting.value for setting in route.resolution.overridden] == ["PreferSameZone"]


@pytest.mark.parametrize(
    ("profile", "found"),
    [
        (SOLO, {2: ["zone", "region"]}),
        (ISTIO_1_27, {2: ["zone", "region"]}),
        (ISTIO_1_31, {2: ["zone"], 3: ["region"]}),
    ],
    ids=str,
)
def test_the_profile_says_whether_other_networks_keep_an_order(profile: Profile, found: dict[int, list[str]]) -> None:
    region = evolve(REGION, place=evolve(REGION.place, locality=REGION.place.locality._replace(network="net-w")))
    assert tiers(ask(ZONE, region, told=Preference([Scope.NETWORK, Scope.ZONE]), profile=profile)) == found


def test_a_cluster_is_compared_by_its_name() -> None:
    west = pod("west", EAST, remote_cluster="west")
    told = Preference([Scope.CLUSTER])
    assert tiers(ask(NEAR, west, told=told)) == {0: ["near"], 1: ["west"]}
    foreign = mesh(NEAR, west, told=told, client=pod("client", EAST, remote_cluster="west"))
    assert tiers(foreign.route("client", HOST)) == {0: ["west"], 1: ["near"]}
    found = foreign.route("client", HOST).why("near")
    assert [(one.key, one.client, one.endpoint, one.equal) for one in found.comparisons] == [
        ("cluster", "west", "east", False)
    ]


def test_no_cluster_is_called_unknown_for_being_no_part_of_a_place() -> None:
    assert not [note for note in ask(NEAR, told=Preference([Scope.CLUSTER])).notes if note.code == "unknown-place"]


def test_a_strict_list_excludes_what_misses_a_scope() -> None:
    route = ask(NEAR, REGION, told=Preference([Scope.REGION, Scope.ZONE], strict=True))
    assert tiers(route) == {0: ["near"]}
    assert [str(exclusion) for exclusion in route.excluded] == [
        "east/shop/region: not every required scope matches [PREC-3]"
    ]


def test_the_answer_says_that_a_dump_decided() -> None:
    route = ask(NEAR, REGION, told=Preference([Scope.REGION, Scope.ZONE]))
    assert route.holds == "region > zone"
    lines = route.explain().splitlines()
    at = lines.index("region > zone holds")
    assert lines[at + 1 : at + 3] == [
        "  set by ztunnel dump Service shop/web loadBalancer.routingPreferences: Region, Zone [PLANE]",
        "  compares: region > zone",
    ]
    told = route.to_dict()["distribution"]
    assert (told["mode"], told["scopes"], told["source"]["level"]) == ("", ["region", "zone"], "ztunnel dump")


@pytest.mark.parametrize(
    ("told", "heading"),
    [
        (Preference([Scope.NETWORK, Scope.REGION, Scope.ZONE]), "PreferSameZone holds"),
        (Preference([Scope.NODE], strict=True), "strict node holds"),
        (Preference([Scope.NETWORK], strict=True), "strict PreferNetwork holds"),
        (Preference([]), "Any holds"),
    ],
    ids=["mode", "strict", "strict-mode", "nothing"],
)
def test_the_heading_names_the_mode_or_the_list(told: Preference, heading: str) -> None:
    assert heading in ask(NEAR, told=told).explain().splitlines()


@pytest.mark.parametrize("rules", [False, True], ids=["alone", "outlier-detection"])
def test_an_envoy_is_given_a_priority_for_each_tier_of_the_list(rules: bool) -> None:
    told = Preference([Scope.REGION, Scope.ZONE])
    route = ask(NEAR, REGION, ZONE, told=told, component=Component.SIDECAR, rules=rules)
    assert tiers(route) == {0: ["near"], 1: ["region"], 2: ["zone"]}
    assert [tier.priority for tier in route.tiers] == [0, 1, 2]
    assert route.selection.envoy.locality_weighted
    assert route.selection.envoy.panic_threshold == 0
