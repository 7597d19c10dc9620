"""Laws of all lint rules, over small meshes of all kinds."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.laws.test_lint_policy_laws import meshes as manifests
from tests.laws.test_mesh_laws import meshes
from tests.meshes import cluster, pod, service, waypoint_pod

from meshtier.kube import load
from meshtier.lint import RULES, Finding, Suppression, check, inspect
from meshtier.locality import Locality
from meshtier.mesh import Cluster, Mesh, Service, Workload
from meshtier.mesh.waypoint import gateway_of
from meshtier.profile import PROFILES, Profile

Object = dict[str, Any]

profiles = st.sampled_from(sorted(PROFILES.values(), key=str))
NEXT: Final = Profile.named("istio-1.31")


def shuffled(mesh: Mesh, seed: int) -> Mesh:
    """The same mesh in another order, except that of its clusters, which is what the caller says."""
    chance = Random(seed)  # a shuffle that can be done again

    def mixed(one: Cluster) -> Cluster:
        services = [
            evolve(each, backends=tuple(chance.sample(each.backends, len(each.backends)))) for each in one.services
        ]
        return evolve(
            one,
            workloads=chance.sample(list(one.workloads.values()), len(one.workloads)),
            services=tuple(chance.sample(services, len(services))),
        )

    return Mesh([mixed(one) for one in mesh.clusters])


def exists(mesh: Mesh, finding: Finding) -> bool:
    """Whether a finding is about an object that its cluster has."""
    (where,) = (one for one in mesh.clusters if one.name == finding.cluster)
    titles = {
        *map(str, where.services),
        *map(str, where.workloads.values()),
        *where.positions,
        *(f"Node {name}" for name in where.nodes),
    }
    titles |= {f"{each.kind} {each.namespace}/{each.name}" for each in where.services}
    titles |= {f"DestinationRule {each.namespace}/{each.name}" for each in where.destination_rules}
    titles |= {f"Gateway {each.namespace}/{each.name}" for each in where.gateways}
    titles |= {f"Gateway {name}" for name in map(gateway_of, where.workloads.values()) if name}
    return finding.object in titles


@given(mesh=meshes(), profile=profiles, to=profiles, seed=st.integers(0, 99))
def test_no_finding_depends_on_the_order_of_the_input(mesh: Mesh, profile: Profile, to: Profile, seed: int) -> None:
    found = inspect(mesh, profile=profile, profile_to=to)
    assert found == inspect(shuffled(mesh, seed), profile=profile, profile_to=to)


@given(objects=manifests(), profile=profiles, data=st.data())
def test_no_finding_depends_on_the_order_of_the_manifests(
    objects: list[Object], profile: Profile, data: st.DataObject
) -> None:
    other = load(data.draw(st.permutations(objects)))
    assert inspect(load(objects), profile=profile, profile_to=NEXT) == inspect(other, profile=profile, profile_to=NEXT)


@given(mesh=meshes(), profile=profiles)
def test_every_finding_is_about_an_object_of_its_cluster(mesh: Mesh, profile: Profile) -> None:
    for finding in check(mesh, profile=profile, profile_to=NEXT):
        assert finding.rule in RULES
        assert finding.message
        assert finding.fix
        assert exists(mesh, finding), str(finding)


@given(objects=manifests(), profile=profiles)
def test_every_finding_about_manifests_is_about_one_of_them(objects: list[Object], profile: Profile) -> None:
    mesh = load(objects)
    for finding in check(mesh, profile=profile, profile_to=NEXT):
        assert exists(mesh, finding), str(finding)


@given(mesh=meshes(), profile=profiles, data=st.data())
def test_hiding_one_finding_hides_it_alone(mesh: Mesh, profile: Profile, data: st.DataObject) -> None:
    found = inspect(mesh, profile=profile, profile_to=NEXT)
    if not found.findings:
        return
    one = data.draw(st.sampled_from(found.findings))
    hiding = Suppression(
        rules=frozenset({one.rule}), object=one.object, cluster=one.cluster, reason="known", by="the caller"
    )
    again = inspect(mesh, profile=profile, profile_to=NEXT, suppressions=[hiding])
    assert {each.finding for each in again.suppressed} == {each for each in found.findings if hiding.hides(each)}
    assert again.findings == tuple(each for each in found.findings if not hiding.hides(each))


@given(objects=manifests(), profile=profiles, data=st.data())
def test_an_annotation_hides_its_finding_alone(objects: list[Object], profile: Profile, data: st.DataObject) -> None:
    found = inspect(load(objects), profile=profile)
    by_title = {
        f"{each['kind']} {'/'.join(filter(None, (each['metadata'].get('namespace'), each['metadata']['name'])))}": each
        for each in objects
    }
    candidates = [each for each in found.findings if each.object in by_title]
    if not candidates:
        return
    one = data.draw(st.sampled_from(candidates))
    annotated = []
    for each in objects:
        meta = dict(each["metadata"])
        if each is by_title[one.object]:
            meta["annotations"] = {**meta.get("annotations", {}), "meshtier.io/ignore": f"{one.rule}: known"}
        annotated.append({**each, "metadata": meta})
    again = inspect(load(annotated), profile=profile)
    hidden = [each for each in found.findings if (each.rule, each.object) == (one.rule, one.object)]
    assert [each.finding for each in again.suppressed] == hidden
    assert list(again.findings) == [each for each in found.findings if each not in hidden]


@given(mesh=meshes(), profile=profiles)
def test_an_unrelated_object_changes_no_finding(mesh: Mesh, profile: Profile) -> None:
    """A Service of another namespace without a pod or a setting, in the first cluster."""
    first, *rest = mesh.clusters
    apart = service([], name="apart", cluster=first.name)
    apart = evolve(apart, namespace="elsewhere", hosts=("apart.elsewhere.svc.cluster.local",))
    other = Mesh([evolve(first, services=(*first.services, apart)), *rest])
    assert check(mesh, profile=profile, profile_to=NEXT) == check(other, profile=profile, profile_to=NEXT)


def test_of_equal_pods_of_a_waypoint_none_speaks_for_it_by_the_order_of_the_input() -> None:
    place = Locality(network="n", region="a")
    ways = [waypoint_pod(f"wp{zone}", place._replace(zone=zone, node=zone)) for zone in "ab"]
    behind = [pod(f"web{zone}", place._replace(zone=zone, node=zone)) for zone in "ab"]
    web = service(behind, waypoint="shop/wp", spec="PreferSameZone")
    client = pod("client", place._replace(zone="c", node="c"))
    way = service(ways, name="wp")

    def changes(services: Sequence[Service], pods: Sequence[Workload]) -> tuple[Finding, ...]:
        mesh = Mesh([cluster(pods, services)])
        before, after = Profile.named("istio-1.24"), Profile.named("istio-1.28")
        return check(mesh, profile=before, profile_to=after, select=["VER401"])

    back = evolve(way, backends=way.backends[::-1])
    first = changes([web, way], [client, *behind, *ways])
    assert first
    assert changes([back, web], [*ways[::-1], *behind, client]) == first
