"""Lint rules about traffic distribution: what their findings say, and what is none (TD)."""

from collections.abc import Iterable
from typing import Any

import pytest
from attrs import evolve
from tests.meshes import EAST, cluster, pod, service, two_clusters

from meshtier.kube import load
from meshtier.lint.checking import check
from meshtier.lint.finding import Finding
from meshtier.locality import Locality
from meshtier.mesh import Cluster, Mesh, Namespace, ServiceScope
from meshtier.mesh.waypoint import GATEWAY_NAME_LABEL
from meshtier.note import Severity
from meshtier.precedence import ANNOTATION
from meshtier.profile import ISTIO_1_26, ISTIO_1_29, ISTIO_1_30, ISTIO_1_31, SOLO, Profile

ANNOTATED = f"metadata.annotations[{ANNOTATION}]"
FAR = Locality("net-e", "re", "b", "", "e-b1")


def one(*, namespaces: Iterable[Namespace] = (), **about: Any) -> Mesh:
    """The service web with one pod, and a client on its node."""
    web = pod("web")
    made = service([web], **about)
    return Mesh((cluster([pod("client"), web], [made], nodes=[EAST], namespaces=namespaces),))


def changed(mesh: Mesh, **about: Any) -> Mesh:
    """The mesh with other attributes of its service."""
    (home,) = mesh.clusters
    (web,) = home.services
    return Mesh((evolve(home, services=(evolve(web, **about),)),))


def shop(annotation: str) -> Namespace:
    return Namespace(name="shop", annotation=annotation)


def found(mesh: Mesh, rule: str, *, profile: Profile = SOLO) -> list[Finding]:
    return list(check(mesh, select=[rule], profile=profile))


def only(mesh: Mesh, rule: str, *, profile: Profile = SOLO) -> Finding:
    (finding,) = found(mesh, rule, profile=profile)
    return finding


# unknown values


@pytest.mark.parametrize(
    ("value", "profile", "what", "word"),
    [
        ("true", SOLO, "which is no mode", "PreferSameZone"),
        ("PreferSameZon", SOLO, "which is no mode", "PreferSameZone"),
        (" prefersamenode", SOLO, "which is no mode", "PreferSameNode"),
        ("PreferRegion", ISTIO_1_31, "which is a mode that profile istio-1.31 does not know", "PreferSameZone"),
        ("PreferSameZone", ISTIO_1_26, "which is a mode that profile istio-1.26 does not know", "PreferClose"),
    ],
)
def test_an_unknown_annotation_means_any_and_the_nearest_word_is_given(
    value: str, profile: Profile, what: str, word: str
) -> None:
    finding = only(one(annotation=value), "TD001", profile=profile)
    assert finding.message == f"the annotation {ANNOTATION} says {value!r}, {what}"
    assert finding.instead == "it means Any: traffic goes to all endpoints alike, wherever they are"
    assert finding.fix.startswith(f"set {ANNOTATED} to {word};")
    assert (finding.object, finding.path, finding.cluster) == ("Service shop/web", ANNOTATED, "east")


@pytest.mark.parametrize("value", ["PreferClose ", " preferclose", "PREFERCLOSE\n"])
def test_what_is_nearly_another_name_of_a_mode_is_that_mode(value: str) -> None:
    fix = only(one(annotation=value), "TD001").fix
    assert fix.startswith("set metadata.annotations[networking.istio.io/traffic-distribution] to PreferSameZone;")


@pytest.mark.parametrize("value", ["any", "PREFERCLOSE", "prefernetwork", ""])
def test_a_known_or_empty_annotation_is_no_unknown_mode(value: str) -> None:
    assert not found(one(annotation=value), "TD001")


def test_an_unknown_annotation_beside_what_comes_first_has_no_effect() -> None:
    assert (
        "spec.trafficDistribution: PreferClose holds" in only(one(annotation="x", spec="PreferClose"), "TD001").instead
    )
    assert "internalTrafficPolicy: Local holds" in only(one(annotation="x", local=True), "TD001").instead


def test_an_unknown_annotation_of_a_namespace_is_found_where_it_is_read() -> None:
    mesh = one(namespaces=[shop("x")])
    assert only(mesh, "TD001", profile=ISTIO_1_30).object == "Namespace shop"
    assert not found(mesh, "TD001", profile=ISTIO_1_29)


@pytest.mark.parametrize(
    ("value", "profile", "fix"),
    [
        ("prefersamezone", SOLO, "set spec.trafficDistribution to PreferSameZone, in this case of letters"),
        ("PreferNetwork", SOLO, f"remove spec.trafficDistribution, and set {ANNOTATED} to PreferNetwork"),
        ("Nearest", SOLO, "set spec.trafficDistribution to PreferSameZone; it accepts PreferClose, PreferSameZone"),
        ("PreferSameZone", ISTIO_1_26, "set spec.trafficDistribution to PreferClose; it accepts PreferClose"),
    ],
)
def test_a_value_that_the_field_does_not_accept_is_found_with_what_to_write(
    value: str, profile: Profile, fix: str
) -> None:
    finding = only(one(spec=value), "TD002", profile=profile)
    assert finding.fix == fix
    assert finding.instead == "the field is ignored, as if it were absent: the default (Any) holds"


def test_what_holds_in_place_of_a_refused_value_is_named() -> None:
    finding = only(one(spec="Nearest", annotation="PreferRegion"), "TD002")
    assert finding.instead.endswith(f"Service shop/web {ANNOTATED}: PreferRegion holds")


def test_a_value_of_the_field_depends_on_the_profile() -> None:
    assert not found(one(spec="PreferSameNode"), "TD002", profile=ISTIO_1_31)
    assert found(one(spec="PreferSameNode"), "TD002", profile=SOLO)


# settings beside each other


@pytest.mark.parametrize(
    ("spec", "annotation", "is_found"),
    [
        ("PreferSameZone", "PreferRegion", True),
        ("PreferSameZone", "Any", True),
        ("PreferSameZone", "nonsense", True),
        ("PreferClose", "prefersamezone", False),
        ("PreferClose", "preferclose", False),
        ("nonsense", "PreferRegion", False),
        ("PreferClose", "", False),
    ],
)
def test_different_modes_of_field_and_annotation_are_found_and_aliases_are_not_different(
    spec: str, annotation: str, is_found: bool
) -> None:
    assert bool(found(one(spec=spec, annotation=annotation), "TD003")) is is_found


@pytest.mark.parametrize(
    ("about", "path"),
    [({"spec": "PreferClose"}, "spec.trafficDistribution"), ({"annotation": "preferclose"}, ANNOTATED)],
)
def test_the_deprecated_name_is_found_in_the_field_and_in_the_annotation(about: dict[str, Any], path: str) -> None:
    finding = only(one(**about), "TD004")
    assert (finding.path, finding.fix) == (path, f"set {path} to PreferSameZone")
    assert finding.severity is Severity.INFO


def test_the_deprecated_name_is_none_where_the_version_knows_no_other() -> None:
    assert not found(one(spec="PreferClose"), "TD004", profile=ISTIO_1_26)


def test_the_service_of_a_waypoint_is_written_by_its_controller() -> None:
    way = pod("wp-1", labels={GATEWAY_NAME_LABEL: "wp"})
    made = service([way], name="wp", annotation="PreferClose")
    assert not found(Mesh((cluster([way], [made]),)), "TD004")


def test_an_unknown_value_hides_that_of_the_namespace_only_where_it_would_hold() -> None:
    mesh = one(annotation="x", namespaces=[shop("PreferSameZone")])
    assert "Namespace shop says 'PreferSameZone'" in only(mesh, "TD005", profile=ISTIO_1_30).message
    assert not found(mesh, "TD005", profile=ISTIO_1_29)
    assert not found(one(annotation="x", namespaces=[shop("y")]), "TD005", profile=ISTIO_1_30)
    valid = one(annotation="x", spec="PreferClose", namespaces=[shop("PreferSameZone")])
    assert not found(valid, "TD005", profile=ISTIO_1_30)


@pytest.mark.parametrize(
    ("profile", "is_found"), [(SOLO, True), (ISTIO_1_29, True), (ISTIO_1_30, False), (ISTIO_1_31, False)]
)
def test_the_annotation_of_a_namespace_needs_istio_1_30(profile: Profile, is_found: bool) -> None:
    mesh = one(namespaces=[shop("PreferSameZone")])
    assert [finding.object for finding in found(mesh, "TD006", profile=profile)] == ["Namespace shop"] * is_found


def test_the_services_that_should_have_the_annotation_of_the_namespace_are_named() -> None:
    finding = only(one(namespaces=[shop("PreferSameZone")]), "TD006")
    assert finding.fix == f"set {ANNOTATED} of Service shop/web, or upgrade to Istio 1.30 or later"


def test_hints_of_kubernetes_are_not_read_and_their_own_safeguard_is_told() -> None:
    mesh = changed(one(spec="PreferClose"), hints_annotation="service.kubernetes.io/topology-mode")
    finding = only(mesh, "TD007")
    assert finding.message == "the annotation service.kubernetes.io/topology-mode asks for topology aware hints"
    assert finding.instead.startswith("the mesh does not read it: PreferSameZone holds, by Service shop/web spec")
    (home,) = mesh.clusters
    bare = evolve(home.nodes[EAST.node], locality=EAST._replace(zone=""))
    bare_mesh = Mesh((evolve(home, nodes={**home.nodes, "n9": bare}),))
    assert "there are nodes without a zone: n9" in only(bare_mesh, "TD007").message


def test_local_leaves_valid_settings_without_effect() -> None:
    assert only(one(local=True, spec="PreferClose"), "TD008").path == "spec.trafficDistribution"
    assert only(one(local=True, annotation="PreferRegion"), "TD008").path == ANNOTATED
    assert not found(one(local=True, spec="nonsense"), "TD008")
    assert not found(one(local=True), "TD008")


# what is not ready, and what makes no choice


@pytest.mark.parametrize(
    ("profile", "severity"),
    [
        ("solo", Severity.WARNING),
        ("istio-1.27", Severity.ERROR),
        ("istio-1.28.7", Severity.ERROR),
        ("istio-1.28.8", Severity.WARNING),
        ("istio-1.29", Severity.ERROR),
        ("istio-1.29.4", Severity.WARNING),
        ("istio-1.30", Severity.ERROR),
        ("istio-1.30.1", Severity.WARNING),
        ("istio-1.31", Severity.WARNING),
    ],
)
def test_published_unready_addresses_are_an_error_before_the_fix_of_the_leak(profile: str, severity: Severity) -> None:
    mesh = one(spec="PreferClose", publish_not_ready=True)
    finding = only(mesh, "TD009", profile=Profile.named(profile))
    assert finding.severity is severity
    assert ("istio#60422" in finding.instead) is (severity is Severity.ERROR)


def test_published_unready_addresses_are_no_mistake_without_tiers() -> None:
    assert not found(one(publish_not_ready=True), "TD009")
    assert not found(one(publish_not_ready=True, local=True), "TD009")
    headless = one(publish_not_ready=True, spec="PreferClose", passthrough="headless")
    assert not found(headless, "TD009")
    assert found(headless, "TD009", profile=ISTIO_1_29), "the settings of others are spoilt all the same"


def test_a_mode_of_the_namespace_is_to_be_removed_there() -> None:
    mesh = one(publish_not_ready=True, namespaces=[shop("PreferSameZone")])
    finding = only(mesh, "TD009", profile=ISTIO_1_31)
    assert finding.fix.endswith(f"or remove {ANNOTATED} of Namespace shop")


@pytest.mark.parametrize(
    ("about", "is_found"),
    [
        ({"passthrough": "headless", "spec": "PreferClose"}, True),
        ({"passthrough": "headless", "annotation": "PreferRegion"}, True),
        ({"passthrough": "headless", "annotation": "Any"}, False),
        ({"passthrough": "headless", "spec": "nonsense"}, False),
        ({"passthrough": "headless"}, False),
        ({"passthrough": "ExternalName", "spec": "PreferClose"}, False),
        ({"spec": "PreferClose"}, False),
    ],
)
def test_a_mode_has_no_effect_where_the_client_picks_the_address(about: dict[str, Any], is_found: bool) -> None:
    assert bool(found(one(**about), "TD010")) is is_found


def test_resolution_none_is_named_as_the_field_of_a_service_entry() -> None:
    mesh = changed(one(annotation="PreferRegion"), kind="ServiceEntry", passthrough="resolution NONE")
    finding = only(mesh, "TD010")
    assert finding.object == "ServiceEntry shop/web"
    assert finding.fix == f"remove {ANNOTATED}; or set spec.resolution to STATIC or DNS"


# several clusters


def drifted(
    *modes: str | None, scope: ServiceScope = ServiceScope.GLOBAL, istio_global: bool = False, local: int = -1
) -> Mesh:
    """Clusters a, b, c … with the service web, of these modes."""
    made: list[Cluster] = []
    for number, mode in enumerate(modes):
        name = "abcdef"[number]
        web = pod("web", cluster=name)
        each = service([web], cluster=name, annotation=mode, scope=scope, local=number == local)
        made.append(cluster([pod("client", cluster=name), web], [evolve(each, istio_global=istio_global)], name=name))
    return Mesh(made)


def test_the_cluster_that_differs_from_most_is_named() -> None:
    finding = only(drifted("PreferRegion", "PreferSameZone", "PreferRegion"), "TD011")
    assert finding.cluster == "b"
    assert finding.message == (
        "PreferSameZone holds for web.shop.mesh.internal in cluster 'b', and PreferRegion in cluster 'a'"
    )
    assert finding.fix == f"set {ANNOTATED} to PreferRegion, as in cluster 'a'"


def test_a_setting_that_others_do_not_have_is_to_be_removed() -> None:
    finding = only(drifted(None, "PreferSameZone", None), "TD011")
    assert (finding.cluster, finding.fix) == ("b", f"remove {ANNOTATED}, as in cluster 'a'")


def test_strictness_is_a_difference() -> None:
    assert only(drifted("PreferSameNode", "PreferSameNode", "PreferSameNode", local=2), "TD011").cluster == "c"


def test_clusters_agree_where_they_share_no_host_or_have_the_same_mode_by_another_name() -> None:
    assert not found(drifted("PreferRegion", "PreferSameZone", scope=ServiceScope.CLUSTER), "TD011")
    assert not found(drifted("PreferClose", "PreferSameZone"), "TD011")


def test_istios_own_label_joins_the_local_name() -> None:
    apart = drifted("PreferSameNode", "PreferSameZone", scope=ServiceScope.CLUSTER)
    joined = drifted("PreferSameNode", "PreferSameZone", scope=ServiceScope.CLUSTER, istio_global=True)
    assert not found(apart, "TD011", profile=ISTIO_1_31)
    assert only(joined, "TD011", profile=ISTIO_1_31).message.startswith(
        "PreferSameZone holds for web.shop.svc.cluster.local in cluster 'b'"
    )


def test_the_order_of_clusters_makes_no_difference() -> None:
    mesh = drifted("PreferRegion", "PreferSameZone")
    assert found(mesh, "TD011") == found(Mesh(mesh.clusters[::-1]), "TD011")


def test_without_a_second_cluster_it_is_not_run() -> None:
    assert not found(drifted("PreferRegion"), "TD011")
    assert not found(two_clusters(), "TD011")


# nodes


def on_nodes(*web: Locality, clients: Iterable[Locality] = (EAST, FAR), **about: Any) -> Mesh:
    """The service web with pods at these places, and clients at theirs."""
    behind = [pod(f"web-{number}", place) for number, place in enumerate(web)]
    asking = [pod(f"client-{number}", place) for number, place in enumerate(clients)]
    made = service(behind, **about)
    return Mesh((cluster([*asking, *behind], [made], nodes=[EAST, FAR]),))


def test_nodes_with_clients_and_no_endpoint_are_named() -> None:
    finding = only(on_nodes(EAST, annotation="PreferSameNode"), "TD012")
    assert finding.message == "PreferSameNode holds, and clients run on nodes without an endpoint: e-b1"
    assert not found(on_nodes(EAST, FAR, annotation="PreferSameNode"), "TD012")
    assert not found(on_nodes(EAST, annotation="PreferSameZone"), "TD012")
    assert not found(on_nodes(EAST, clients=[EAST], annotation="PreferSameNode"), "TD012")


@pytest.mark.parametrize("node", ["", "e-a1"])
def test_entries_are_on_a_node_by_their_label_alone(node: str) -> None:
    place = EAST._replace(node="")
    entry = pod("vm", place, kind="WorkloadEntry", envoy_place=EAST._replace(node=node))
    mesh = Mesh((cluster([pod("client"), entry], [service([entry], annotation="PreferSameNode")]),))
    messages = [finding.message for finding in found(mesh, "TD012")]
    without = "WorkloadEntry east/shop/vm without the label kubernetes.io/hostname"
    assert messages == [f"PreferSameNode holds, and no endpoint has a known node: {without}"] * (not node)


def test_local_drops_the_traffic_of_a_node_without_a_ready_endpoint() -> None:
    finding = only(on_nodes(EAST, local=True), "TD014")
    assert finding.message == (
        "spec.internalTrafficPolicy is Local, and client pods run on nodes without a ready endpoint: e-b1"
    )
    assert not found(on_nodes(EAST, FAR, local=True), "TD014")
    assert not found(on_nodes(EAST), "TD014")


def test_an_endpoint_is_no_client_of_its_own_service() -> None:
    assert not found(on_nodes(EAST, FAR, clients=[], local=True), "TD014")


def test_nothing_is_said_of_an_empty_cluster_or_a_service_without_anything() -> None:
    empty = service([], name="none", annotation="PreferSameNode")
    bare = evolve(empty, kind="ServiceEntry", hosts=())
    mesh = Mesh((cluster([], [empty, bare], name=""), cluster([], [], name="b")))
    for profile in (SOLO, ISTIO_1_29, ISTIO_1_31):
        assert not check(mesh, select=["TD", "MC", "WP", "CAP"], profile=profile)


@pytest.mark.parametrize("host", ["A.example", "a:80", "a/b", "*", "*.example", ".", "a..b"])
def test_a_host_that_nobody_can_ask_for_stops_nothing(host: str) -> None:
    spec = {"hosts": [host], "resolution": "STATIC", "endpoints": [{"address": "192.0.2.1"}]}
    meta = {"name": "e", "namespace": "shop", "annotations": {ANNOTATION: "nonsense"}}
    entry = {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": meta, "spec": spec}
    assert [finding.object for finding in check(load([entry]), select=["TD", "MC", "WP", "CAP"])] == [
        "ServiceEntry shop/e"
    ]


def test_a_service_that_sets_nothing_has_no_finding() -> None:
    assert not check(one(), select=["TD"])
