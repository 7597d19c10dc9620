"""Lint rules about services of several clusters (MC)."""

from collections.abc import Mapping

import pytest
from attrs import evolve
from tests.meshes import cluster, pod, service

from meshtier.labels import Labels
from meshtier.lint.checking import check
from meshtier.lint.finding import Finding
from meshtier.mesh import Cluster, Mesh, Service, ServiceScope
from meshtier.mesh.waypoint import GATEWAY_NAME_LABEL
from meshtier.profile import ISTIO_1_29, ISTIO_1_31, SOLO, Profile

SOLO_LABEL = "solo.io/service-scope"
ISTIO_LABEL = "istio.io/global"


def named(name: str, scope: str, *, waypoint: str = "", way: str | None = None, segment: str = "") -> Cluster:
    """A cluster with the service web of a scope, ``istio`` for Istio's label and ``-`` for none, and a waypoint."""
    web = pod("web", cluster=name)
    workloads = [pod("client", cluster=name), web]
    services = [] if scope == "-" else [evolve(_scoped(scope, name, [web]), waypoint=waypoint)]
    if way is not None:
        wp = pod("wp-1", cluster=name, labels={GATEWAY_NAME_LABEL: "wp"})
        workloads.append(wp)
        services.append(evolve(_scoped(way, name, [wp]), name="wp", hosts=("wp.shop.svc.cluster.local",)))
    return cluster(workloads, services, name=name, segment=segment)


def _scoped(scope: str, name: str, pods: list[object]) -> Service:
    made = service(pods, cluster=name)  # type: ignore[arg-type]  # they are pods
    if scope == "istio":
        origin = f"Service shop/web label {ISTIO_LABEL}"
        labels = Labels({ISTIO_LABEL: "true"})
        return evolve(made, scope=ServiceScope.GLOBAL, scope_origin=origin, istio_global=True, labels=labels)
    origin = f"Service shop/web label {SOLO_LABEL}" if scope != "cluster" else ""
    return evolve(made, scope=ServiceScope(scope), scope_origin=origin)


def found(clusters: Mapping[str, str], rule: str, *, profile: Profile = SOLO) -> list[Finding]:
    mesh = Mesh(named(name, scope) for name, scope in clusters.items())
    return list(check(mesh, select=[rule], profile=profile))


def where(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.cluster, finding.fix) for finding in findings]


def test_the_cluster_in_which_the_label_is_missing_is_named() -> None:
    (finding,) = found({"a": "global", "b": "cluster"}, "MC601")
    assert finding.message == "its scope is cluster in cluster 'b', and global in 'a'"
    assert finding.instead == "the global host has no endpoint of cluster 'b'"
    assert finding.path == f"metadata.labels[{SOLO_LABEL}]"
    assert where([finding]) == [("b", f"set metadata.labels[{SOLO_LABEL}] to global in cluster 'b'")]


def test_what_most_global_ones_have_is_meant() -> None:
    clusters = {"a": "global-only", "b": "global", "c": "global", "d": "cluster"}
    assert [cluster for cluster, _ in where(found(clusters, "MC601"))] == ["a", "d"]


def test_under_istio_its_own_label_counts_alone() -> None:
    (finding,) = found({"a": "istio", "b": "cluster"}, "MC601", profile=ISTIO_1_31)
    assert finding.fix == f"set metadata.labels[{ISTIO_LABEL}] to true in cluster 'b'"
    assert not found({"a": "global", "b": "cluster"}, "MC601", profile=ISTIO_1_31)


@pytest.mark.parametrize("scopes", [("cluster", "cluster"), ("global", "global"), ("global", "-"), ("cluster", "-")])
def test_scopes_that_agree_are_no_mistake(scopes: tuple[str, str]) -> None:
    assert not found(dict(zip("ab", scopes, strict=True)), "MC601")


def test_clusters_of_different_segments_need_not_agree() -> None:
    clusters = [named("a", "segment", segment="s"), named("b", "cluster", segment="t")]
    assert not check(Mesh(clusters), select=["MC601"])


def test_a_global_service_that_is_elsewhere_alone_has_no_name_here() -> None:
    (finding,) = found({"a": "istio", "b": "-", "c": "-"}, "MC602", profile=ISTIO_1_29)
    assert (finding.cluster, finding.object) == ("a", "Service shop/web")
    assert finding.message == "it is global, and there is no Service shop/web in cluster 'b', 'c'"
    assert not found({"a": "istio", "b": "istio"}, "MC602", profile=ISTIO_1_29)
    assert not found({"a": "cluster", "b": "-"}, "MC602", profile=ISTIO_1_29)
    assert not found({"a": "istio", "b": "-"}, "MC602"), "Solo has a global host name, which every cluster knows"


def about_waypoint(scope: str, *ways: str | None, profile: Profile) -> list[str]:
    clusters = [named(name, scope, waypoint="shop/wp", way=way) for name, way in zip("abc", ways, strict=False)]
    return [finding.message for finding in check(Mesh(clusters), select=["MC603"], profile=profile)]


def test_the_waypoint_of_a_global_service_is_global_and_there_in_every_cluster() -> None:
    start = "it is global, and its waypoint shop/wp "
    assert about_waypoint("istio", "istio", "istio", profile=ISTIO_1_31) == []
    assert about_waypoint("istio", "istio", "cluster", profile=ISTIO_1_31) == [f"{start}is not global in cluster 'b'"]
    assert about_waypoint("istio", "istio", None, profile=ISTIO_1_31) == [f"{start}has no Service in cluster 'b'"]
    assert about_waypoint("istio", None, "cluster", profile=ISTIO_1_31) == [
        f"{start}has no Service in cluster 'a' and is not global in cluster 'b'"
    ]


def test_under_solo_a_waypoint_must_be_there_and_need_not_be_global() -> None:
    assert about_waypoint("global", "cluster", "cluster", profile=SOLO) == []
    assert len(about_waypoint("global", "cluster", None, profile=SOLO)) == 1


def test_a_service_of_one_cluster_may_have_any_waypoint() -> None:
    assert about_waypoint("cluster", "cluster", None, profile=SOLO) == []
    assert about_waypoint("cluster", "cluster", None, profile=ISTIO_1_31) == []
