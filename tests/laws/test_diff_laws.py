"""Laws of differences: what is listed is what differs, seen from either side."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.laws.test_change_laws import Dump, dumps_with_gateway_pods, known, read, zones_of
from tests.laws.test_mesh_laws import annotations, components, meshes, parts, profiles, rules

from meshtier.component import Component
from meshtier.diff import Aspect, Change, Delta, Kind, compare
from meshtier.endpoint import Health
from meshtier.locality import Locality
from meshtier.mesh import Cluster, Mesh, Route, Workload
from meshtier.profile import SOLO, Profile

Key = tuple[str, str, Component, Locality]
EDITS: Final = (
    "health",
    "weight",
    "place",
    "gone",
    "annotation",
    "rules",
    "gateways",
    "waypoints",
    "labels",
    "nothing",
)


@st.composite
def edited(draw: st.DrawFn, mesh: Mesh) -> Mesh:
    """The mesh with something else in one of its clusters."""
    number = draw(st.integers(0, len(mesh.clusters) - 1))
    changed = draw(edited_cluster(mesh.clusters[number]))
    return Mesh([changed if each.name == changed.name else each for each in mesh.clusters])


@st.composite
def edited_cluster(draw: st.DrawFn, cluster: Cluster) -> Cluster:
    workloads = list(cluster.workloads.values())
    number = draw(st.integers(0, len(workloads) - 1))
    match draw(st.sampled_from(EDITS)):
        case "health":
            workloads[number] = evolve(workloads[number], health=draw(st.sampled_from(Health)))
        case "weight":
            workloads[number] = evolve(workloads[number], weight=draw(st.integers(0, 3)))
        case "labels":
            workloads[number] = evolve(workloads[number], labels={**workloads[number].labels, "version": "v3"})
        case "place":
            workloads[number] = _moved(workloads[number], zone=draw(parts))
        case "gone":
            return _without(cluster, workloads[number])
        case "annotation":
            return evolve(
                cluster, services=tuple(evolve(each, annotation=draw(annotations)) for each in cluster.services)
            )
        case "rules":
            return evolve(cluster, destination_rules=tuple(draw(st.lists(rules, max_size=1))))
        case "gateways":
            return evolve(cluster, gateways=())
        case "waypoints":
            return evolve(cluster, services=tuple(evolve(each, waypoint="") for each in cluster.services))
        case _:
            pass
    return evolve(cluster, workloads=workloads)


def _moved(workload: Workload, *, zone: str) -> Workload:
    place = evolve(workload.place, locality=workload.place.locality._replace(zone=zone))
    return evolve(workload, place=place, envoy_place=place)


def _without(cluster: Cluster, gone: Workload) -> Cluster:
    services = [
        evolve(each, backends=tuple(one for one in each.backends if one.workload != gone.key))
        for each in cluster.services
    ]
    rest = [each for each in cluster.workloads.values() if each is not gone]
    return evolve(cluster, workloads=rest, services=tuple(services))


def keyed(mesh: Mesh, component: Component | None, profile: Profile) -> dict[Key, Route]:
    found: dict[Key, Route] = {}
    for route in mesh.routes(component=component, profile=profile):
        client = route.client
        start = component or client.starts_at
        by_envoy = start.traits.reads_locality_override and component is not Component.WAYPOINT
        found[client.cluster, route.host, start, (client.envoy_place if by_envoy else client.place).locality] = route
    return found


def plain(route: Route) -> object:
    """The answer as plain data, without the order of what has none, and without what stands for its client."""
    return _plain(route.to_dict(), route.client.name)


def _plain(data: Any, client: str) -> object:
    match data:
        case dict():
            items = {key: value for key, value in data.items() if key not in ("profile", "tier", "client")}
            if "severity" in items and items["object"] == client:
                items["object"] = "the client"
            return tuple(sorted((key, _plain(value, client)) for key, value in items.items()))
        case list():
            ordered = bool(data) and isinstance(data[0], dict) and "matched" in data[0]
            found = [_plain(each, client) for each in data]
            return tuple(found if ordered else sorted(found, key=repr))
        case float():
            return round(data, 6)
        case str():
            return data.replace(" in cluster 'east'", "").replace(" in cluster 'west'", "")
        case _:
            return data


def key_of(change: Change) -> Key:
    return change.cluster, change.host, change.start, change.place


@given(meshes(), components, profiles)
def test_nothing_differs_from_itself(mesh: Mesh, component: Component | None, profile: Profile) -> None:
    assert compare(mesh, mesh, component=component, profile=profile).changes == ()
    assert compare(mesh, Mesh(mesh.clusters), component=component, profile=profile).changes == ()


@given(st.data(), meshes(), components, profiles)
def test_a_route_is_listed_exactly_if_its_plain_data_differ(
    data: st.DataObject, mesh: Mesh, component: Component | None, profile: Profile
) -> None:
    other = data.draw(edited(mesh))
    before, after = keyed(mesh, component, profile), keyed(other, component, profile)
    changes = compare(mesh, other, component=component, profile=profile).changes
    differing = {key for key in before.keys() & after.keys() if plain(before[key]) != plain(after[key])}
    # A place can be there twice, where its parts are said by other objects: one is changed, and the other new.
    assert {key_of(change) for change in changes if change.kind is Kind.CHANGED} == differing
    assert set(map(key_of, changes)) - differing == before.keys() ^ after.keys()


@st.composite
def changed(draw: st.DrawFn, dump: Dump) -> Mesh:
    """What was read of a dump, with some change of it."""
    mesh = read(dump)
    pod = draw(st.sampled_from(known(dump, "Pod")))["metadata"]
    cluster = draw(st.sampled_from(mesh.clusters)).name
    names = {"metadata": {"name": "shop", "labels": {"istio.io/use-waypoint": "waypoint"}}}
    changes = {
        "zone": lambda: mesh.without(zone=draw(st.sampled_from(zones_of(dump)))),
        "gateway": lambda: mesh.without(gateway="istio-gateways/eastwest"),
        "health": lambda: mesh.with_health(
            client_named(mesh, pod["namespace"], pod["name"]), draw(st.sampled_from(Health))
        ),
        "namespace": lambda: mesh.with_objects(clusters={cluster: {"apiVersion": "v1", "kind": "Namespace", **names}}),
        "mode": lambda: mesh.with_distribution("web.shop", "PreferSameZone"),
    }
    return changes[draw(st.sampled_from(sorted(changes)))]()


def client_named(mesh: Mesh, namespace: str, name: str) -> str:
    found = (each for cluster in mesh.clusters for each in cluster.workloads.values())
    return next(each.id for each in found if (each.kind, each.namespace, each.name) == ("Pod", namespace, name))


@given(st.data(), dumps_with_gateway_pods(), profiles)
def test_a_route_past_gateways_and_waypoints_is_listed_exactly_if_its_plain_data_differ(
    data: st.DataObject, dump: Dump, profile: Profile
) -> None:
    mesh, other = read(dump), data.draw(changed(dump))
    before, after = keyed(mesh, None, profile), keyed(other, None, profile)
    found = {key_of(change): change for change in compare(mesh, other, profile=profile).changes}
    differing = {key for key in before.keys() & after.keys() if plain(before[key]) != plain(after[key])}
    assert {key for key, change in found.items() if change.kind is Kind.CHANGED} == differing


@given(st.data(), meshes(), components, profiles, profiles)
def test_differences_are_the_same_from_the_other_side(
    data: st.DataObject, mesh: Mesh, component: Component | None, profile: Profile, then: Profile
) -> None:
    other = data.draw(edited(mesh) | meshes())
    there = compare(mesh, other, component=component, profile=profile, after_profile=then)
    back = compare(other, mesh, component=component, profile=then, after_profile=profile)
    assert set(map(key_of, there.lost)) == set(map(key_of, back.gained))
    assert set(map(key_of, there.gained)) == set(map(key_of, back.lost))
    by_key: Mapping[Key, Change] = {key_of(change): change for change in back.changes}
    assert len(by_key) == len(there.changes)
    for change in there.changes:
        turned = by_key[key_of(change)]
        assert turned.aspects == change.aspects
        assert turned.movement == pytest.approx(change.movement, abs=1e-6)
        if change.delta is not None and turned.delta is not None:
            assert turned.delta.endpoints_lost == change.delta.endpoints_gained
            assert turned.delta.notes_new == change.delta.notes_gone


@given(st.data(), meshes(), components)
def test_shares_and_losses_of_both_sides_add_up(data: st.DataObject, mesh: Mesh, component: Component | None) -> None:
    other = data.draw(edited(mesh) | meshes())
    for change in compare(mesh, other, component=component).changes:
        delta = change.delta
        if delta is None:
            continue
        assert 0 <= delta.movement <= 1
        sides = [side for side in (delta.before, delta.after) if side is not None and side.holds != "headless"]
        for side in sides:
            assert sum(side.places.values()) + side.lost == pytest.approx(1, abs=1e-6)
        if len(sides) == 2:
            assert sum(after - before for before, after in delta.moves.values()) == pytest.approx(
                -delta.lost_more, abs=1e-6
            )
            assert delta.movement >= sum(abs(after - before) for before, after in delta.moves.values()) / 2 - 1e-6


@given(st.data(), meshes())
def test_every_route_that_moves_is_among_those_that_change(data: st.DataObject, mesh: Mesh) -> None:
    other = data.draw(edited(mesh))
    found = compare(mesh, other)
    assume(found.changes)
    assert [change.moved for change in found.changes] == sorted((each.moved for each in found.changes), reverse=True)
    for change in found.changes:
        if isinstance(change.delta, Delta) and change.movement:
            assert change.aspects & {Aspect.SHARES, Aspect.LOST}


@given(meshes(), profiles)
def test_another_profile_is_compared_by_what_matches(mesh: Mesh, profile: Profile) -> None:
    before, after = keyed(mesh, None, SOLO), keyed(mesh, None, profile)
    found = {key_of(change) for change in compare(mesh, mesh, after_profile=profile).changes}
    assert found >= {key for key in before.keys() & after.keys() if before[key].holds != after[key].holds}
