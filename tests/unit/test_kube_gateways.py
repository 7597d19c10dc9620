"""NET-2, LOC-3, COMP-3: what Gateways say of other networks, and the system namespace of a segment."""

from typing import Any

import pytest

from meshtier.errors import InputError
from meshtier.kube import read
from meshtier.mesh import Cluster, PeeringGateway

REGION, ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
CLUSTER, NETWORK = "topology.istio.io/cluster", "topology.istio.io/network"
SEGMENT = "admin.solo.io/segment"

PLACED = {CLUSTER: "west", NETWORK: "net-2", REGION: "r", ZONE: "z"}
HBONE = {"name": "cross-network", "port": 15008, "protocol": "HBONE"}
NO_HBONE = "no listener of it has the protocol HBONE: ztunnels and waypoints do not send there"
ADDRESS = {"type": "IPAddress", "value": "10.2.0.1"}


def namespace(**labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system", "labels": labels}}


SYSTEM = namespace(**{NETWORK: "net-1", CLUSTER: "east"})


def gateway(
    name: str = "g",
    *,
    of: str = "istio-remote",
    labels: object = PLACED,
    status: object = None,
    **spec: object,
) -> dict[str, Any]:
    full = {"gatewayClassName": of, "listeners": [HBONE], "addresses": [ADDRESS], **spec}
    meta = {"name": name, "namespace": "a", "labels": labels}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": meta,
        "spec": full,
        "status": status,
    }


def cluster_of(*objects: dict[str, Any]) -> Cluster:
    (cluster,) = read(objects)
    return cluster


def only(**more: Any) -> PeeringGateway:
    (found,) = cluster_of(SYSTEM, gateway(**more)).gateways
    return found


def notes(**more: Any) -> list[str]:
    found = only(**more).notes
    assert all(note.object == "Gateway a/g" for note in found)
    return [f"{note.code}: {note.text}" for note in found]


@pytest.mark.parametrize("of", ["istio-remote", "istio-east-west", "istio-eastwest"])
def test_a_gateway_that_says_everything_has_no_notes(of: str) -> None:
    assert notes(of=of) == []


@pytest.mark.parametrize("status", [None, {}, {"conditions": []}], ids=["none", "empty", "nothing"])
def test_the_addresses_of_a_manifest_are_in_its_spec(status: object) -> None:
    found = only(status=status)
    assert (found.addresses, found.ready, found.notes) == (("10.2.0.1",), True, ())


def test_the_addresses_of_the_status_come_before_those_of_the_spec() -> None:
    host = {"type": "Hostname", "value": "gw.example.com"}
    assert only(status={"addresses": [host, ADDRESS]}).addresses == ("gw.example.com", "10.2.0.1")


@pytest.mark.parametrize(
    "status", [{"addresses": []}, {"conditions": [{"type": "Programmed", "status": "False"}]}], ids=["none", "pending"]
)
def test_to_a_gateway_whose_status_has_no_address_nothing_is_sent(status: object) -> None:
    found = only(status=status)
    assert (found.addresses, found.ready) == ((), False)
    text = "its status has no address of type IPAddress or Hostname: nothing is sent there"
    assert notes(status=status) == [f"gateway-without-address: {text}"]


@pytest.mark.parametrize(
    ("addresses", "found"),
    [
        ([{"value": "10.2.0.1"}], ("10.2.0.1",)),
        ([{"type": "NamedAddress", "value": "x"}, ADDRESS], ("10.2.0.1",)),
        ([{"type": "IPAddress"}, {"value": ""}, {"type": "example.com/x", "value": "y"}], ()),
        (None, ()),
    ],
    ids=["no-type", "other-type", "no-value", "none"],
)
def test_addresses_are_ips_and_hostnames(addresses: object, found: tuple[str, ...]) -> None:
    assert only(addresses=addresses).addresses == found
    text = "it has neither a status nor an address of type IPAddress or Hostname in its spec; one is assumed"
    assert notes(addresses=addresses) == ([] if found else [f"gateway-address-assumed: {text}"])
    assert only(addresses=addresses).ready


@pytest.mark.parametrize(
    ("listeners", "hbone", "expected"),
    [
        ([{"port": 15443, "protocol": "TLS"}, {"port": 9000, "protocol": "HBONE"}], True, []),
        (None, True, ["gateway-listener-assumed: it has no listeners; one of HBONE is assumed"]),
        (
            [{"port": 15443, "protocol": "TLS"}],
            False,
            [f"gateway-without-hbone: {NO_HBONE}"],
        ),
    ],
    ids=["any-port", "none", "other"],
)
def test_a_gateway_of_ambient_meshes_listens_for_hbone(listeners: object, hbone: bool, expected: list[str]) -> None:
    assert only(listeners=listeners).hbone is hbone
    assert notes(listeners=listeners) == expected


@pytest.mark.parametrize("of", ["istio-remote", "istio-east-west"])
def test_a_gateway_without_a_network_is_noted(of: str) -> None:
    labels = {label: value for label, value in PLACED.items() if label != NETWORK}
    text = f"it has no label {NETWORK}, without which Istio takes it for the gateway of no network"
    assert notes(of=of, labels=labels) == [f"gateway-network-missing: {text}"]


def test_a_remote_gateway_without_a_place_is_noted() -> None:
    rest = "where the endpoints behind it are, is unknown that far"
    bare = {CLUSTER: "west", NETWORK: "net-2"}
    assert notes(labels=bare) == [f"gateway-place-missing: it has no label {REGION} and no label {ZONE}: {rest}"]
    assert notes(labels={**bare, REGION: "r"}) == [f"gateway-place-missing: it has no label {ZONE}: {rest}"]
    assert notes(of="istio-east-west", labels=bare) == []


def test_a_peer_that_is_the_cluster_itself_is_noted() -> None:
    text = f"its label {CLUSTER} names its own cluster 'east', and not a peer"
    assert notes(labels={**PLACED, CLUSTER: "east"}) == [f"peer-is-itself: {text}"]


def test_two_peers_of_one_name_in_two_networks_are_noted_at_both() -> None:
    cluster = cluster_of(SYSTEM, gateway("g"), gateway("h", labels={**PLACED, NETWORK: "net-3"}), gateway("i"))
    text = "Gateways of class istio-remote lead to cluster 'west' in the networks 'net-2' and 'net-3'"
    assert [[f"{note.code}: {note.text}" for note in each.notes] for each in cluster.gateways] == [
        [f"peer-named-twice: {text}"]
    ] * 3


def test_two_gateways_of_one_peer_in_one_network_are_no_doubt() -> None:
    assert [each.notes for each in cluster_of(SYSTEM, gateway("g"), gateway("h")).gateways] == [(), ()]


def test_what_is_wrong_with_a_gateway_is_said_with_its_path() -> None:
    with pytest.raises(InputError) as caught:
        read([gateway(addresses="10.2.0.1", listeners=[7], status={"addresses": [{"value": 8}]})])
    assert [str(problem) for problem in caught.value.problems] == [
        "document 1, Gateway a/g, spec.addresses: expected a list, got '10.2.0.1'",
        "document 1, Gateway a/g, spec.listeners[0]: expected a mapping, got 7",
        "document 1, Gateway a/g, status.addresses[0].value: expected a string, got 8 (put it in quotes)",
    ]


def segment(name: str, domain: object, where: str = "istio-system") -> dict[str, Any]:
    meta = {"name": name, "namespace": where}
    return {"apiVersion": "admin.solo.io/v1alpha1", "kind": "Segment", "metadata": meta, "spec": {"domain": domain}}


def test_a_cluster_without_a_segment_has_no_domain_of_its_own() -> None:
    cluster = cluster_of(SYSTEM, segment("s", "s.internal"))
    assert (cluster.segment, cluster.segment_domain, cluster.notes) == ("", "", ())


def test_the_domain_of_a_segment_is_that_of_the_segment_object() -> None:
    cluster = cluster_of(
        namespace(**{SEGMENT: "s"}), segment("s", "x.org", "a"), segment("s", "S.internal."), segment("t", "y.org")
    )
    assert (cluster.segment, cluster.segment_domain, cluster.notes) == ("s", "s.internal", ())


@pytest.mark.parametrize(
    ("objects", "what"),
    [
        ([], "the Segment 's' that it names is not in the input"),
        ([segment("t", "t.internal")], "the Segment 's' that it names is not in the input"),
        ([segment("s", None)], "the Segment 's' that it names has no spec.domain"),
        ([segment("s", ".")], "the Segment 's' that it names has no spec.domain"),
    ],
    ids=["none", "other", "null", "dot"],
)
def test_a_segment_without_a_domain_is_noted(objects: list[dict[str, Any]], what: str) -> None:
    cluster = cluster_of(namespace(**{SEGMENT: "s"}), *objects)
    assert (cluster.segment, cluster.segment_domain) == ("s", "")
    rest = "the domain of this cluster's global host names is taken to be mesh.internal"
    assert [str(note) for note in cluster.notes] == [f"[COMP-3] Namespace istio-system label {SEGMENT}: {what}: {rest}"]


def test_a_segment_with_a_domain_that_is_no_text_is_refused() -> None:
    with pytest.raises(InputError, match=r"Segment istio-system/s, spec.domain: expected a string, got 7"):
        read([segment("s", 7)])
