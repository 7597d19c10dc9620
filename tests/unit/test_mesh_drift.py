"""The same service set differently in the clusters that a host spans (COMP-3)."""

from collections.abc import Iterable
from typing import Any

import pytest
from attrs import evolve
from tests.meshes import EAST, GLOBAL_HOST, HOST, cluster, pod, service

from meshtier.component import Component
from meshtier.distribution import TrafficDistribution
from meshtier.locality import Locality
from meshtier.mesh import Cluster, Mesh, Service, ServiceScope
from meshtier.preference import Preference
from meshtier.profile import ISTIO_1_31, SOLO, Profile

HERE = "the first is in force here"
EACH = "each decides for its own endpoints"
TOLD = Preference(scopes=TrafficDistribution.PREFER_REGION.scopes)
GLOBAL = service((), scope=ServiceScope.GLOBAL)


def one(name: str, *, segment: str = "", **about: Any) -> Cluster:
    place = EAST if name == "east" else Locality("net-e", "re", "b", "", f"{name}-b1")
    services = [evolve(GLOBAL, cluster=name, **about)]
    return cluster([pod(f"client-{name}", place, cluster=name)], services, name=name, segment=segment)


def drift(
    *clusters: Cluster, host: str = GLOBAL_HOST, client: str = "client-east", profile: Profile = SOLO, **asked: Any
) -> list[str]:
    found = [
        note
        for note in Mesh(clusters).route(client, host, profile=profile, **asked).notes
        if note.code == "settings-differ"
    ]
    assert all(note.object == "Service shop/web" for note in found)
    return [note.text for note in found]


@pytest.mark.parametrize(
    ("east", "west", "what", "said"),
    [
        (
            {"traffic_distribution": "PreferClose"},
            {},
            "spec.trafficDistribution",
            "'PreferClose' in 'east'; not set in 'west'; " + HERE,
        ),
        (
            {"annotation": ""},
            {"annotation": "PreferRegion"},
            "the annotation networking.istio.io/traffic-distribution",
            "'' in 'east'; 'PreferRegion' in 'west'; " + HERE,
        ),
        (
            {},
            {"internal_traffic_policy": "Local"},
            "spec.internalTrafficPolicy",
            "'Cluster' in 'east'; 'Local' in 'west'; " + HERE,
        ),
        ({"publish_not_ready": True}, {}, "spec.publishNotReadyAddresses", "true in 'east'; false in 'west'; " + EACH),
        ({}, {"scope": ServiceScope.CLUSTER}, "the scope", "'global' in 'east'; 'cluster' in 'west'; " + EACH),
        ({"takeover": True}, {}, "the take-over of the local name", "true in 'east'; false in 'west'; " + HERE),
    ],
    ids=["spec", "annotation", "policy", "unready", "scope", "takeover"],
)
def test_a_setting_that_differs_between_clusters_is_noted_with_the_asking_clusters_value_first(
    east: dict[str, Any], west: dict[str, Any], what: str, said: str
) -> None:
    assert drift(one("east", **east), one("west", **west)) == [f"{what} differs between clusters: {said}"]
    if "scope" not in west:  # which west does not reach
        (there,) = drift(one("east", **east), one("west", **west), client="client-west")
        assert there.index("'west'") < there.index("'east'")


def test_several_settings_that_differ_are_a_note_each_and_clusters_that_agree_stand_together() -> None:
    spec, policy = drift(
        one("east", traffic_distribution="PreferClose", internal_traffic_policy="Local"), one("west"), one("south")
    )
    assert "'PreferClose' in 'east'; not set in 'west', 'south';" in spec
    assert "'Local' in 'east'; 'Cluster' in 'west', 'south';" in policy


@pytest.mark.parametrize(
    "clusters",
    [
        [one("east", traffic_distribution="PreferClose")],
        [one("east", traffic_distribution="PreferClose"), one("west", traffic_distribution="PreferClose")],
        [one("east"), one("west", internal_traffic_policy="Cluster")],
        [one("east", segment="a"), one("west", segment="b", traffic_distribution="PreferClose", takeover=True)],
        [one("east", annotation="Any"), one("west", preference=TOLD)],
        [one("east", preference=TOLD), one("west", annotation="Any"), one("south")],
    ],
    ids=["one cluster", "the same", "the default", "other segment", "a dump there", "a dump here"],
)
def test_nothing_differs(clusters: Iterable[Cluster]) -> None:
    assert drift(*clusters) == []


def test_what_is_set_where_the_host_does_not_reach_is_not_compared() -> None:
    (text,) = drift(one("east"), one("west", scope=ServiceScope.CLUSTER, annotation="PreferRegion"))
    assert text.startswith("the scope differs")


def test_a_local_name_that_spans_no_clusters_compares_nothing() -> None:
    clusters = one("east", traffic_distribution="PreferClose"), one("west", scope=ServiceScope.GLOBAL_ONLY)
    assert drift(*clusters, host=HOST) == []
    assert len(drift(one("east", takeover=True, traffic_distribution="PreferClose"), one("west"), host=HOST)) == 2


def test_where_the_asking_cluster_has_no_such_service_the_first_that_has_one_is_named_first() -> None:
    empty = cluster([pod("client-east", EAST)], ())
    (text,) = drift(empty, one("west", annotation="PreferRegion"), one("south"))
    assert "'PreferRegion' in 'west'; not set in 'south'; the first is in force here" in text


def test_under_istio_the_asking_clusters_own_label_alone_makes_a_name_global() -> None:
    clusters = one("east", istio_global=True, takeover=True), one("west", scope=ServiceScope.CLUSTER)
    (text,) = drift(*clusters, host=HOST, profile=ISTIO_1_31)
    assert text == f"the label istio.io/global differs between clusters: true in 'east'; false in 'west'; {HERE}"
    assert drift(*clusters, host=HOST, profile=ISTIO_1_31, component=Component.SIDECAR) == []


def test_a_sidecar_under_istio_is_told_of_other_drift_all_the_same() -> None:
    clusters = one("east", annotation="PreferClose"), one("west")
    (text,) = drift(*clusters, host=HOST, profile=ISTIO_1_31, component=Component.SIDECAR)
    assert text.startswith("the annotation networking.istio.io/traffic-distribution differs")


def test_a_service_entry_of_the_name_is_no_service_to_compare() -> None:
    entry = Service(
        kind="ServiceEntry", cluster="east", namespace="shop", name="e", hosts=(GLOBAL_HOST,), annotation="Any"
    )
    east = one("east")
    assert drift(evolve(east, services=(*east.services, entry)), one("west")) == []
