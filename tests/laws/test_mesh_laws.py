"""Laws of a whole mesh: of any small mesh, from any client, by any component."""

import gc
import json
import sys
from collections import Counter
from collections.abc import ItemsView, Iterable
from random import Random
from types import FrameType
from typing import Any, Final

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.meshes import GLOBAL_HOST, HOST, OUTLIER_DETECTION, cluster, gateway, pod, rule, service, waypoint_pod

from meshtier.component import Component
from meshtier.endpoint import Endpoint, Health
from meshtier.locality import Locality
from meshtier.mesh import Cluster, Mesh, Place, Route, Service, ServiceScope, WaypointRoute, Workload
from meshtier.mesh.outcome import NextHop
from meshtier.profile import PROFILES, Profile
from meshtier.ranking import rank
from meshtier.rules import DestinationRule

ENVOYS: Final = (Component.WAYPOINT, Component.INGRESS_GATEWAY, Component.SIDECAR)
HOSTS: Final = (HOST, GLOBAL_HOST)

networks = st.sampled_from(["net-e", "net-w", ""])
parts = st.sampled_from(["", "a", "b"])
components = st.sampled_from([None, *Component])
profiles = st.sampled_from(list(PROFILES.values()))
annotations = st.sampled_from([None, "Any", "PreferNetwork", "PreferRegion", "PreferClose", "PreferSameNode", "odd"])

SETTINGS: Final = (
    None,
    {"enabled": False},
    {"enabled": True},
    {"failoverPriority": ["topology.istio.io/network", "topology.kubernetes.io/region", "topology.kubernetes.io/zone"]},
    {"failoverPriority": ["version=v1"]},
    {"failover": [{"from": "a", "to": "b"}]},
    {"distribute": [{"from": "*", "to": {"a/*": 80, "b/*": 20}}]},
)

rules = st.builds(
    lambda host, setting, detects: rule(setting, host=host, outlier_detection=OUTLIER_DETECTION if detects else None),
    st.sampled_from([HOST, GLOBAL_HOST, "*.shop.svc.cluster.local", "*.mesh.internal"]),
    st.sampled_from(SETTINGS[1:]),
    st.booleans(),
) | st.builds(lambda host: rule(host=host), st.sampled_from(HOSTS))


@st.composite
def pods(draw: st.DrawFn, name: str, network: str, max_size: int = 5) -> list[Workload]:
    made: list[Workload] = []
    for number in range(draw(st.integers(0, max_size))):
        place = Locality(network, draw(parts), draw(parts), draw(parts), f"{name}-{draw(parts)}")
        seen = place._replace(region=draw(parts)) if draw(st.booleans()) else place
        made.append(
            pod(
                f"{name}{number}",
                place,
                cluster=name,
                envoy_place=seen,
                labels={"version": draw(st.sampled_from(["v1", "v2"]))},
                health=draw(st.sampled_from(Health)),
                weight=draw(st.integers(0, 3)),
                address="" if draw(st.integers(0, 9)) == 0 else None,
            )
        )
    return made


@st.composite
def meshes(draw: st.DrawFn, *, waypoint: bool = True, health: bool = True) -> Mesh:
    """One or two clusters with the Service web, a client in each, and now and then a waypoint and rules."""
    settings = {
        "spec": draw(st.sampled_from([None, "PreferClose", "PreferSameZone", "PreferSameNode"])),
        "annotation": draw(annotations),
        "local": draw(st.integers(0, 5)) == 0,
        "publish_not_ready": draw(st.booleans()),
        "takeover": draw(st.booleans()),
        "passthrough": "headless" if draw(st.integers(0, 9)) == 0 else "",
    }
    clusters: list[Cluster] = []
    for name in ("east", "west")[: draw(st.integers(1, 2))]:
        network = draw(networks)
        behind = draw(pods(name, network))
        if not health:
            behind = [evolve(one, health=Health.HEALTHY) for one in behind]
        ways = [
            waypoint_pod(f"wp{name}{n}", Locality(network, "a", draw(parts), "", f"{name}-{draw(parts)}"), cluster=name)
            for n in range(2)
        ]
        ways = ways[: draw(st.integers(0, 2))] if waypoint else []
        client = pod("client", Locality(network, draw(parts), draw(parts), "", f"{name}-a"), cluster=name)
        web = service(
            behind,
            cluster=name,
            scope=draw(st.sampled_from(ServiceScope)),
            waypoint="shop/wp" if waypoint and draw(st.booleans()) else "",
            **settings,  # type: ignore[arg-type]  # the values fit their keys
        )
        other = {"east": "west", "west": "east"}[name]
        peers = [gateway(Locality(draw(networks), draw(parts), draw(parts)), leads_to=other)]
        clusters.append(
            cluster(
                [client, *behind, *ways],
                [web, *([service(ways, name="wp", cluster=name, annotation="PreferClose")] if ways else [])],
                name=name,
                network=network,
                segment=draw(st.sampled_from(["", "s"])),
                gateways=peers[: draw(st.integers(0, 1))],
                rules=draw(st.lists(rules, max_size=1)),
            )
        )
    return Mesh(clusters)


def asked(mesh: Mesh, component: Component | None, profile: Profile) -> list[Route]:
    """The routes of every client to every host that it knows."""
    return [
        mesh.route(f"{one.name}/shop/client", host, component=component, profile=profile)
        for one in mesh.clusters
        for host in mesh.hosts(one.name)
    ]


def behind(mesh: Mesh, host: str) -> set[str]:
    """The ids of all workloads behind the Services of this host's name, in any cluster."""
    name = host.partition(".")[0]
    services = ((where, one) for where in mesh.clusters for one in where.services if one.name == name)
    return {where.workloads[backend.workload].id for where, one in services for backend in one.backends}


def finals(route: Route) -> Counter[str]:
    """The ids of what can be chosen, of another network of what is behind its gateways."""
    ends = {one.id: route.behind(one.id) for one in route.endpoints}
    return Counter({one for name, behind in ends.items() for one in ([name] if behind is None else ids(behind))})


def ids(endpoints: Iterable[Endpoint]) -> list[str]:
    return [one.id for one in endpoints]


def standing(route: Route, name: str) -> tuple[str, ...]:
    """An endpoint by its id, a network endpoint by what it stands for: its name can hold a locality."""
    known = route.known[name]
    return (str(known.gateway), *sorted(one.endpoint.id for one in known.behind)) if known.behind else (name,)


def answer(route: Route) -> object:
    """What a route says, without the order in which things came."""
    return (
        [
            (tier.number, tier.matched, sorted(standing(route, one.id) for one in tier.endpoints))
            for tier in route.tiers
        ],
        {standing(route, name): pytest.approx(share, abs=1e-9) for name, share in route.shares.items()},
        sorted((item.endpoint.id, item.reason.value, item.rule) for item in route.excluded),
    )


@given(mesh=meshes(), component=components, profile=profiles)
def test_every_backend_is_in_exactly_one_tier_or_excluded_with_one_reason(
    mesh: Mesh, component: Component | None, profile: Profile
) -> None:
    for route in asked(mesh, component, profile):
        tiers = Counter(endpoint.id for tier in route.tiers for endpoint in tier.endpoints)
        inside = Counter(endpoint.id for endpoint in route.endpoints)
        outside = Counter(exclusion.endpoint.id for exclusion in route.excluded)
        together = finals(route) + outside
        assert (
            tiers <= inside if isinstance(route, WaypointRoute) else tiers == inside
        )  # other waypoint pods can have others
        assert set(together) == behind(mesh, route.host) == set(route.shares)
        assert set(together.values()) <= {1}


@given(mesh=meshes(), component=components, profile=profiles)
def test_shares_sum_to_one_or_to_nothing_with_a_reason(
    mesh: Mesh, component: Component | None, profile: Profile
) -> None:
    for route in asked(mesh, component, profile):
        total = route.shares.total
        assert all(share >= 0 for share in route.shares.values())
        assert all(route.shares[exclusion.endpoint.id] == 0 for exclusion in route.excluded)
        if isinstance(route, WaypointRoute):
            lost = 0.0 if route.waypoint_hops else 1.0
            lost += sum(hop.share * (1 - hop.route.shares.total) for hop in route.waypoint_hops)
            assert total == pytest.approx(1 - lost)
            assert bool(route.reason) == (lost > 1e-9)
        else:
            told = route.outcome.told
            assert told.total == pytest.approx(0 if told.reason else 1)
            assert sum(tier.share for tier in route.tiers) == pytest.approx(told.total)
            lost = sum(told[name] * hop.share * hop.route.lost for name, hops in behind_of(route) for hop in hops)
            assert total == pytest.approx(told.total - lost)
            assert total == pytest.approx(1) or route.reason


def behind_of(route: Route) -> ItemsView[str, tuple[NextHop, ...]]:
    return route.outcome.behind.items()


@given(mesh=meshes(), component=components, profile=profiles, seed=st.integers(0, 99))
def test_the_order_of_the_input_is_irrelevant(
    mesh: Mesh, component: Component | None, profile: Profile, seed: int
) -> None:
    chance = Random(seed)  # a shuffle that can be done again

    def shuffled(one: Cluster) -> Cluster:
        services = [
            evolve(each, backends=tuple(chance.sample(each.backends, len(each.backends)))) for each in one.services
        ]
        return evolve(
            one,
            workloads=chance.sample(list(one.workloads.values()), len(one.workloads)),
            services=tuple(chance.sample(services, len(services))),
        )

    other = Mesh([shuffled(one) for one in mesh.clusters])
    for route, again in zip(asked(mesh, component, profile), asked(other, component, profile), strict=True):
        pods = route.waypoint_hops
        if len({hop.share for hop in pods}) == len(pods):  # else either pod's tiers may be shown
            assert answer(route) == answer(again)


@given(mesh=meshes(), component=components, profile=profiles)
def test_renaming_every_zone_alike_changes_nothing(mesh: Mesh, component: Component | None, profile: Profile) -> None:
    new = {"": "", "a": "zz-a", "b": "aa-b"}

    def place(old: Place) -> Place:
        return Place(old.locality._replace(zone=new[old.locality.zone]), old.origins)

    def workload(old: Workload) -> Workload:
        return evolve(old, place=place(old.place), envoy_place=place(old.envoy_place))

    other = Mesh(
        [
            evolve(
                one,
                workloads=map(workload, one.workloads.values()),
                gateways=tuple(evolve(peer, place=place(peer.place)) for peer in one.gateways),
            )
            for one in mesh.clusters
        ]
    )
    for route, again in zip(asked(mesh, component, profile), asked(other, component, profile), strict=True):
        assert answer(route) == answer(again)


@given(mesh=meshes(), profile=profiles)
def test_kgateway_spreads_as_ztunnel_does(mesh: Mesh, profile: Profile) -> None:
    by_ztunnel = asked(mesh, Component.ZTUNNEL, profile)
    for route, again in zip(by_ztunnel, asked(mesh, Component.KGATEWAY, profile), strict=True):
        assert answer(route) == answer(again)


@given(mesh=meshes(waypoint=False), profile=profiles)
def test_envoys_in_one_place_do_the_same(mesh: Mesh, profile: Profile) -> None:
    """Without a waypoint to find, the waypoint that is asked for is beside the client."""
    # Which of them sends to other networks is the profile's to say (PATH-3).
    profile = evolve(profile, ingress_crosses_networks=True, waypoint_crosses_networks=True)
    by_waypoint = asked(mesh, Component.WAYPOINT, profile)
    # Under Istio's rules a sidecar joins clusters without any label, and needs no gateway (COMP-3, NET-2).
    sidecar = () if profile.sidecars_join_clusters else (Component.SIDECAR,)
    for component in (Component.INGRESS_GATEWAY, *sidecar):
        for route, again in zip(by_waypoint, asked(mesh, component, profile), strict=True):
            kept_local = any(note.rule == "WP-3" for note in route.notes)  # which others span clusters by
            assert kept_local or answer(route) == answer(again)


STARTS: Final = (Component.ZTUNNEL, Component.KGATEWAY, Component.INGRESS_GATEWAY, Component.SIDECAR)


def starting_at(mesh: Mesh, start: Component) -> Mesh:
    """The mesh whose client's traffic starts at this component."""
    proxy = None if start is Component.ZTUNNEL else start
    return Mesh(
        [
            evolve(
                one,
                workloads=[
                    evolve(each, proxy=proxy) if each.name == "client" else each for each in one.workloads.values()
                ],
            )
            for one in mesh.clusters
        ]
    )


@given(mesh=meshes(waypoint=False), profile=profiles, start=st.sampled_from(STARTS))
def test_without_a_waypoint_the_path_is_the_choice_of_where_it_starts(
    mesh: Mesh, profile: Profile, start: Component
) -> None:
    mesh = starting_at(mesh, start)
    for route, again in zip(asked(mesh, None, profile), asked(mesh, start, profile), strict=True):
        assert answer(route) == answer(again)


@given(mesh=meshes(), profile=profiles, start=st.sampled_from(STARTS))
def test_a_path_is_one_choice_or_two_and_its_shares_are_multiplied(
    mesh: Mesh, profile: Profile, start: Component
) -> None:
    for route in asked(starting_at(mesh, start), None, profile):
        first, pods = route.first_hop, route.waypoint_hops
        assert first.by == route.client.name
        if isinstance(route, WaypointRoute):
            assert first.route.component is start
            assert {hop.route.component for hop in pods} <= {Component.WAYPOINT}
        else:
            assert not pods
        total = sum(hop.share * hop.route.shares.total for hop in pods) if pods else route.shares.total
        assert route.shares.total == pytest.approx(total)
        if not route.passthrough:
            assert route.shares.total + route.lost == pytest.approx(1)


@given(mesh=meshes(), profile=profiles)
def test_the_path_of_a_pod_through_a_waypoint_is_what_the_waypoint_is_asked_for(mesh: Mesh, profile: Profile) -> None:
    for route, again in zip(asked(mesh, None, profile), asked(mesh, Component.WAYPOINT, profile), strict=True):
        if isinstance(route, WaypointRoute):
            assert answer(route) == answer(again)
            assert [(hop.by, hop.share) for hop in route.hops] == [(hop.by, hop.share) for hop in again.hops]


@given(mesh=meshes(), profile=profiles, component=st.sampled_from(ENVOYS))
def test_an_envoy_that_does_not_obey_traffic_distribution_does_as_if_none_were_set(
    mesh: Mesh, profile: Profile, component: Component
) -> None:
    profile = evolve(profile, envoys_obey_distribution=False)
    unset = Mesh(
        [
            evolve(
                one,
                # The way to a waypoint is ztunnel's to choose.
                services=tuple(
                    each if each.name == "wp" else evolve(each, traffic_distribution=None, annotation=None)
                    for each in one.services
                ),
                namespaces={name: evolve(namespace, annotation=None) for name, namespace in one.namespaces.items()},
            )
            for one in mesh.clusters
        ],
        locality_setting=mesh.locality_setting,
    )
    for route, again in zip(asked(mesh, component, profile), asked(unset, component, profile), strict=True):
        # Behind a gateway the receiving side obeys it.
        assert route.told == again.told
        assert {tier.number for tier in route.tiers} == {tier.number for tier in again.tiers}


@given(mesh=meshes(), ruled=rules, profile=profiles, component=st.sampled_from([Component.ZTUNNEL, Component.KGATEWAY]))
def test_no_destination_rule_changes_what_ztunnel_does(
    mesh: Mesh, ruled: DestinationRule, profile: Profile, component: Component
) -> None:
    without = Mesh([evolve(one, destination_rules=()) for one in mesh.clusters])
    within = Mesh([evolve(one, destination_rules=(ruled,)) for one in mesh.clusters])
    for route, again in zip(asked(without, component, profile), asked(within, component, profile), strict=True):
        # Behind a gateway a waypoint may choose, which obeys it.
        assert route.outcome.behind or answer(route) == answer(again)
        assert route.told == again.told
        assert [(tier.number, tier.matched) for tier in route.tiers] == [
            (tier.number, tier.matched) for tier in again.tiers
        ]
        assert {note for note in route.notes} <= {note for note in again.notes}  # noqa: C416


@given(mesh=meshes(waypoint=False), component=components, profile=profiles)
def test_a_choice_by_distribution_is_a_ranking_of_the_same_endpoints(
    mesh: Mesh, component: Component | None, profile: Profile
) -> None:
    for route in asked(mesh, component, profile):
        if route.passthrough or route.effective_rule.decides or route.resolution.strict:
            continue
        ranking = rank(route.place.locality, route.visible.endpoints, route.resolution.preference)
        expected = [(tier.number, {one.id for one in tier.endpoints}) for tier in ranking.tiers]
        assert [(tier.number, {one.id for one in tier.endpoints}) for tier in route.tiers] == expected
        assert [tier.priority for tier in route.tiers] == list(range(len(expected)))


@given(mesh=meshes(waypoint=False, health=False), component=components, profile=profiles, data=st.data())
def test_losing_a_healthy_host_never_raises_its_priority_nor_lowers_the_lower_ones(
    mesh: Mesh, component: Component | None, profile: Profile, data: st.DataObject
) -> None:
    """With panic threshold 0, as Istio has it. At ztunnel the lost host leaves its tier, at an Envoy it stays."""
    for route in asked(mesh, component, profile):
        far = route.visible.network_endpoints
        chosen = [(tier.number, one.id) for tier in route.tiers for one in tier.endpoints if one.id not in far]
        if route.passthrough or not chosen or route.service.publish_not_ready or not route.outcome.told.total:
            continue
        number, lost = data.draw(st.sampled_from(chosen))
        cluster_name, _, name = lost.split("/")
        again = _with_health(mesh, cluster_name, name, Health.UNHEALTHY).route(
            route.client.name.removeprefix("Pod "), route.host, component=component, profile=profile
        )
        before = {tier.number: tier.share for tier in route.tiers}
        after = {tier.number: tier.share for tier in again.tiers}
        assert after.get(number, 0) <= before[number] + 1e-9
        if again.outcome.told.total:
            lower = sum(share for tier, share in before.items() if tier > number)
            assert sum(share for tier, share in after.items() if tier > number) >= lower - 1e-9


def _with_health(mesh: Mesh, where: str, name: str, health: Health) -> Mesh:
    def changed(one: Service) -> Service:
        return evolve(
            one,
            backends=tuple(
                evolve(backend, health=health) if backend.workload[2] == name else backend for backend in one.backends
            ),
        )

    return Mesh(
        [evolve(one, services=tuple(map(changed, one.services))) if one.name == where else one for one in mesh.clusters]
    )


@given(mesh=meshes(), component=components, profile=profiles)
def test_all_routes_at_once_are_the_routes_one_by_one(
    mesh: Mesh, component: Component | None, profile: Profile
) -> None:
    routes = list(mesh.routes(component=component, profile=profile))
    assert len(routes) == mesh.route_count(component=component, profile=profile)
    fresh = Mesh(mesh.clusters)
    for route in routes:
        client = route.client.workload
        assert client is not None
        alone = fresh.route(client, route.host, component=component, profile=profile)
        assert alone.to_dict() == route.to_dict()


@given(mesh=meshes(), component=components, profile=profiles)
def test_plain_data_is_json_and_holds_every_endpoint(mesh: Mesh, component: Component | None, profile: Profile) -> None:
    for route in asked(mesh, component, profile):
        data = route.to_dict()
        assert json.loads(json.dumps(data)) == data
        tiers = [one for tier in data["tiers"] for one in tier["endpoints"]]
        told = data["endpoints"] if isinstance(route, WaypointRoute) else tiers
        inside = {
            one["id"] for told_of in told for one in ([told_of] if told_of["behind"] is None else told_of["behind"])
        }
        assert sorted([*inside, *(one["id"] for one in data["excluded"])]) == sorted(behind(mesh, route.host))


@given(mesh=meshes(), component=components, profile=profiles)
def test_every_display_and_every_reasoning_can_be_made(
    mesh: Mesh, component: Component | None, profile: Profile
) -> None:
    for route in asked(mesh, component, profile):
        assert repr(route).isprintable()
        assert route.explain().startswith(f"{route.host}\n")
        assert route._repr_html_()
        for name in route.shares:
            why = route.why(name)
            assert why.share == route.shares[name]
            assert why.verdict.startswith(("P", "excluded: "))
            first = why.first_difference
            assert first is None or first.counts


@given(mesh=meshes(), component=components, profile=profiles, where=parts, ready=st.sampled_from(Health))
def test_an_unrelated_service_and_its_pods_change_no_answer(
    mesh: Mesh, component: Component | None, profile: Profile, where: str, ready: Health
) -> None:
    def with_stranger(one: Cluster) -> Cluster:
        stranger = pod(
            "stranger", Locality(one.network, where, where), cluster=one.name, namespace="other", health=ready
        )
        made = service([stranger], name="strange", cluster=one.name, namespace="other", scope=ServiceScope.GLOBAL)
        return evolve(one, workloads=[*one.workloads.values(), stranger], services=(*one.services, made))

    other = Mesh(map(with_stranger, mesh.clusters))
    for route in asked(mesh, component, profile):
        client = route.client.workload
        assert client is not None
        assert other.route(client, route.host, component=component, profile=profile).to_dict() == route.to_dict()


@given(mesh=meshes(), component=components, profile=profiles)
def test_a_port_that_every_endpoint_serves_is_as_no_port(
    mesh: Mesh, component: Component | None, profile: Profile
) -> None:
    ported = [
        evolve(one, services=tuple(evolve(each, ports=((80, "http"),)) for each in one.services))
        for one in mesh.clusters
    ]
    for route in asked(Mesh(ported), component, profile):
        client = route.client.workload
        assert client is not None
        again = Mesh(ported).route(client, route.host, component=component, profile=profile, port=80)
        assert answer(again) == answer(route)


@given(mesh=meshes(), component=components, profile=profiles)
def test_rows_and_flows_say_what_the_route_says(mesh: Mesh, component: Component | None, profile: Profile) -> None:
    for route in asked(mesh, component, profile):
        rows = list(route.rows())
        found: Counter[str] = Counter()
        for row in rows:
            found[row.endpoint.id] += row.share  # type: ignore[assignment]  # a counter counts shares as well
        assert dict(found) == pytest.approx(dict(route.shares))
        assert len(rows) == len({(row.through, row.endpoint.id) for row in rows})
        assert [row.endpoint.id for row in rows if row.excluded] == [each.endpoint.id for each in route.excluded]
        there: Counter[Locality] = Counter()
        for row in rows:
            there[row.endpoint.locality] += row.share  # type: ignore[assignment]  # a counter counts shares as well
        assert {pair: pytest.approx(share) for pair, share in route.flows()} == {
            (route.place.locality, place): share for place, share in there.items() if share
        }
        if not route.passthrough:
            assert sum(share for _, share in route.flows()) == pytest.approx(1 - route.lost)


@pytest.mark.parametrize("component", Component)
@pytest.mark.parametrize("asked_of", [{}, {"port": 80}, {"subset": "v1"}], ids=["host", "port", "subset"])
def test_the_cost_of_a_route_does_not_depend_on_the_size_of_the_cluster(
    component: Component | None, asked_of: dict[str, Any]
) -> None:
    """Counted in calls: a second client of a zone, in a cluster that is ten times as large."""
    assert _calls(component, asked_of, strangers=20) == _calls(component, asked_of, strangers=200)


@pytest.mark.parametrize("component", Component)
def test_the_cost_of_a_route_does_not_depend_on_the_number_of_endpoints(component: Component | None) -> None:
    assert _calls(component, {}, endpoints=20) == _calls(component, {}, endpoints=200)


def _calls(component: Component | None, asked_of: dict[str, Any], *, strangers: int = 0, endpoints: int = 8) -> int:
    """How many functions are called for the tiers of one more client, once another one of its zone has asked."""
    zone = Locality("net-e", "re", "a")
    web = [
        pod(f"w{number}", zone._replace(zone="ab"[number % 2]), labels={"version": "v1"}) for number in range(endpoints)
    ]
    first, second = pod("first", zone._replace(node="n1")), pod("second", zone._replace(node="n2"))
    rest = [pod(f"x{number}", zone, labels={"version": "v1"}) for number in range(strangers)]
    ways = [waypoint_pod("wp1", zone._replace(node="n3"))]
    made = [service(web, waypoint="shop/wp", ports=((80, "http"),), annotation="PreferClose")]
    made.append(service(ways, name="wp", annotation="PreferClose"))
    made += [service([one], name=one.name) for one in rest]
    v1 = rule(
        subsets=[{"name": "v1", "labels": {"version": "v1"}}], outlier_detection=None, loadBalancer={"simple": "RANDOM"}
    )
    mesh = Mesh([cluster([first, second, *web, *ways, *rest], made, rules=[v1])])
    assert mesh.route(first, HOST, component=component, **asked_of).tiers
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    gc.disable()  # hypothesis listens to collections, and its two calls for each are not the mesh's
    sys.setprofile(count)
    try:
        tiers = mesh.route(second, HOST, component=component, **asked_of).tiers
    finally:
        sys.setprofile(None)
        gc.enable()
    assert tiers
    return calls
