"""Laws of parts of a mesh: what they answer, in this process or in another one."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws.test_mesh_laws import components, meshes, profiles

from meshtier.component import Component
from meshtier.kube import load
from meshtier.mesh import Mesh
from meshtier.profile import SOLO, Profile


def answers(mesh: Mesh, hosts: tuple[str, ...], component: Component | None, profile: Profile) -> list[object]:
    return [route.to_dict() for route in mesh.routes(component=component, profile=profile, hosts=hosts)]


@given(mesh=meshes(), component=components, profile=profiles, count=st.integers(1, 4))
def test_parts_answer_together_what_the_mesh_answers(
    mesh: Mesh, component: Component | None, profile: Profile, count: int
) -> None:
    parts = list(mesh.parts(count, component=component, profile=profile))
    assert sorted(host for hosts, _ in parts for host in hosts) == list(
        mesh.hosts(component=component, profile=profile)
    )
    assert len(parts) <= count
    for hosts, part in parts:
        assert answers(part, hosts, component, profile) == answers(mesh, hosts, component, profile)


@given(mesh=meshes(), component=components, profile=profiles)
def test_a_mesh_answers_in_another_process_as_it_does_here(
    mesh: Mesh, component: Component | None, profile: Profile
) -> None:
    there = pickle.loads(pickle.dumps(mesh))  # our own
    assert there.clusters == mesh.clusters
    hosts = mesh.hosts(component=component, profile=profile)
    assert answers(there, hosts, component, profile) == answers(mesh, hosts, component, profile)


@pytest.mark.parametrize("folder", ["bookinfo/gateways", "bookinfo/flat", "failover", "shop/dump.yaml"])
def test_parts_of_the_examples_do_too(folder: str) -> None:
    mesh = load(f"examples/{folder}")
    for hosts, part in mesh.parts(3):
        there = pickle.loads(pickle.dumps(part))  # our own
        assert answers(there, hosts, None, SOLO) == answers(mesh, hosts, None, SOLO)
