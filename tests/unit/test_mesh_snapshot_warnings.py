"""What is doubtful about a snapshot as a whole: missing dumps (NET-5), and rules that are for nobody (DR-1)."""

from collections.abc import Iterable, Sequence

import pytest
from attrs import evolve
from tests.meshes import EAST, cluster, gateway, pod, rule, service

from meshtier.locality import Locality
from meshtier.mesh import Cluster, Mesh, PeeringGateway, Service, ServiceScope
from meshtier.note import Note
from meshtier.rules import DestinationRule

WEST = Locality("net-w", "rw", "c")


def codes_of(mesh: Mesh, code: str) -> list[Note]:
    return [note for note in mesh.notes if note.code == code]


def peers_of(*clusters: Cluster) -> list[str]:
    return [note.text for note in codes_of(Mesh(clusters), "peer-not-in-input")]


def holding(name: str, *gateways: PeeringGateway) -> Cluster:
    return cluster((), (), name=name, gateways=gateways)


def to(peer: str, name: str = "peer", *, remote: bool = True) -> PeeringGateway:
    return gateway(WEST, leads_to=peer, name=name, remote=remote)


def test_a_peer_whose_dump_is_missing_is_named_with_the_gateway_that_leads_there() -> None:
    (text,) = peers_of(holding("east", to("west")))
    assert text == (
        "cluster 'west' is a peer of 'east' by Gateway eastwest/peer, and its dump is not in the input:"
        " what lies behind is known by entries alone, or not at all"
    )


def test_a_missing_peer_is_noted_once_however_many_gateways_and_clusters_lead_there() -> None:
    (west, south) = peers_of(
        holding("east", to("west"), to("west", "second"), to("south")), holding("north", to("west"), to("east"))
    )
    assert west.startswith(
        "cluster 'west' is a peer of 'east' by Gateway eastwest/peer, of 'east' by Gateway eastwest/second,"
        " of 'north' by Gateway eastwest/peer, and"
    )
    assert south.startswith("cluster 'south' is a peer of 'east' by")


@pytest.mark.parametrize(
    "clusters",
    [
        [holding("east", to("west")), holding("west")],
        [holding("east", to("east"))],
        [holding("east", to(""))],
        [holding("east", to("west", remote=False))],
        [holding("east", to("west")), holding("")],
    ],
    ids=["there", "itself", "unnamed peer", "its own gateway", "perhaps the cluster without a name"],
)
def test_no_peer_is_missing(clusters: Sequence[Cluster]) -> None:
    assert peers_of(*clusters) == []


def test_the_peer_of_a_single_cluster_without_a_name_is_missing() -> None:
    (text,) = peers_of(holding("", to("west")))
    assert text.startswith("cluster 'west' is a peer by Gateway eastwest/peer, and its dump is not in the input")


def ruled(host: str, *services: Service, others: Iterable[Cluster] = (), namespace: str = "shop") -> list[str]:
    rules = [rule(host=host, namespace=namespace)]
    mesh = Mesh([cluster([pod("a", EAST)], services, rules=rules), *others])
    found = codes_of(mesh, "rule-for-nobody")
    assert all(note.object == f"DestinationRule {namespace}/rule" for note in found)
    return [note.text for note in found]


WEB = service(())
GLOBAL = service((), scope=ServiceScope.GLOBAL)
ENTRY = Service(kind="ServiceEntry", cluster="east", namespace="shop", name="e", hosts=("api.org", "*.wild.org"))


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("web", WEB),
        ("web.shop.svc.cluster.local", WEB),
        ("*.shop.svc.cluster.local", WEB),
        ("*.local", WEB),
        ("*", WEB),
        ("web.shop.mesh.internal", GLOBAL),
        ("*.mesh.internal", GLOBAL),
        ("api.org", ENTRY),
        ("*.org", ENTRY),
        ("*.wild.org", ENTRY),
    ],
)
def test_a_rule_whose_host_fits_a_service_is_not_noted(host: str, found: Service) -> None:
    assert ruled(host, found) == []


@pytest.mark.parametrize(
    ("host", "services"),
    [
        ("web.shop", [WEB]),
        ("web.shop.mesh.internal", [WEB]),
        ("*.mesh.internal", [WEB]),
        ("web.shop.svc.cluster.lan", [WEB]),
        ("*.shop.local", [WEB]),
        ("b.wild.org", [ENTRY]),
        ("*.b.wild.org", [ENTRY]),
        ("*", []),
    ],
)
def test_a_rule_whose_host_fits_no_service_is_noted(host: str, services: Sequence[Service]) -> None:
    (text,) = ruled(host, *services)
    assert text.startswith(f"its host {host!r} fits no service in the input, so that it has no effect")


def test_a_short_host_is_one_of_the_rules_own_namespace() -> None:
    (text,) = ruled("web", WEB, namespace="other")
    assert text == (
        "its host 'web', in full 'web.other.svc.cluster.local', fits no service in the input, so that it has no effect;"
        " the nearest: web.shop.svc.cluster.local"
    )


def test_a_short_host_is_completed_with_the_domain_of_its_cluster() -> None:
    there = evolve(WEB, hosts=("web.shop.svc.lan",))
    made = evolve(cluster((), [there], rules=[rule(host="web"), rule(host="cart", name="r2")]), domain="lan")
    (note,) = codes_of(Mesh([made]), "rule-for-nobody")
    assert note.text.startswith("its host 'cart', in full 'cart.shop.svc.lan', fits no service")


def test_the_nearest_names_are_those_that_a_name_is_the_beginning_of_or_is_like() -> None:
    (text,) = ruled("web.shop", WEB, service((), name="cart"))
    assert text.endswith("; the nearest: web.shop.svc.cluster.local")
    (text,) = ruled("wob.shop.svc.cluster.local", WEB)
    assert text.endswith("; the nearest: web.shop.svc.cluster.local")


@pytest.mark.parametrize(
    ("west", "expected"),
    [
        ("web.shop.mesh.internal", []),
        # Sidecars of Istio join Services of one name without any label (COMP-3).
        ("web.shop.svc.cluster.local", []),
        ("web.store.mesh.internal", ["of cluster 'east' in the input"]),
    ],
)
def test_a_service_of_another_cluster_counts_where_a_name_of_this_one_reaches_it(
    west: str, expected: Sequence[str]
) -> None:
    other = cluster((), [evolve(GLOBAL, cluster="west")], name="west")
    found = ruled(west, others=[other])
    assert [part for text in found for part in expected if part in text] == expected
    assert len(found) == len(expected)


def test_a_rule_is_asked_for_in_its_own_cluster_alone() -> None:
    entry = evolve(ENTRY, cluster="west")
    (text,) = ruled("api.org", others=[cluster((), [entry], name="west")])
    assert text.startswith("its host 'api.org' fits no service of cluster 'east' in the input")


def test_however_many_rules_are_for_nobody_each_is_noted_and_some_with_the_nearest_names() -> None:
    rules: list[DestinationRule] = [rule(host="wob", name=f"r{number}") for number in range(30)]
    notes = codes_of(Mesh([cluster((), [WEB], rules=rules)]), "rule-for-nobody")
    assert [note.object for note in notes] == [f"DestinationRule shop/r{number}" for number in range(30)]
    assert [("nearest" in note.text) for note in notes] == [True] * 20 + [False] * 10


def test_notes_on_the_whole_come_after_those_of_the_clusters() -> None:
    doubt = Note("node-missing", "pods run on a node")
    mesh = Mesh([evolve(holding("east", to("west")), notes=[doubt])])  # type: ignore[arg-type]  # any sequence will do
    assert [note.code for note in mesh.notes] == ["node-missing", "peer-not-in-input"]
