import copy
import pickle

import pytest

from meshtier.errors import InvalidValueError
from meshtier.locality import LEGACY_LABELS, SCOPE_LABELS, SCOPES, Locality, Scope

REGION, ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
OLD_REGION, OLD_ZONE = "failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone"


def test_the_levels_of_place_go_from_wide_to_narrow() -> None:
    assert [scope.value for scope in SCOPES] == ["network", "region", "zone", "subzone", "node"]


def test_the_cluster_is_a_scope_but_no_level_of_place() -> None:
    assert set(Scope) - set(SCOPES) == {Scope.CLUSTER}


def test_every_scope_has_the_label_of_its_rule() -> None:
    assert {scope.value: label for scope, label in SCOPE_LABELS.items()} == {
        "network": "topology.istio.io/network",
        "region": "topology.kubernetes.io/region",
        "zone": "topology.kubernetes.io/zone",
        "subzone": "topology.istio.io/subzone",
        "node": "kubernetes.io/hostname",
        "cluster": "topology.istio.io/cluster",
    }


def test_only_region_and_zone_have_legacy_labels() -> None:
    assert dict(LEGACY_LABELS) == {Scope.REGION: OLD_REGION, Scope.ZONE: OLD_ZONE}


def test_a_locality_is_the_tuple_of_its_parts() -> None:
    place = Locality("n", "r", "z", "s", "d")
    assert place == ("n", "r", "z", "s", "d")
    assert hash(place) == hash(("n", "r", "z", "s", "d"))
    assert (place.network, place.region, place.zone, place.subzone, place.node) == ("n", "r", "z", "s", "d")


def test_unknown_parts_are_empty_and_equal() -> None:
    assert Locality() == Locality("", "", "", "", "") == ("", "", "", "", "")


def test_localities_sort_from_the_widest_part_on() -> None:
    places = [Locality("b"), Locality("a", "r", "z"), Locality("a", "r"), Locality(node="d")]
    assert sorted(places) == [Locality(node="d"), Locality("a", "r"), Locality("a", "r", "z"), Locality("b")]


@pytest.mark.parametrize("name", ["network", "region", "zone", "subzone", "node"])
def test_a_part_that_is_no_string_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Locality(**{name: 5})  # type: ignore[arg-type]  # the point of the test
    assert str(caught.value) == f"{name}: expected a string, got 5"
    assert caught.value.path == name


def test_a_missing_part_is_no_string_either() -> None:
    with pytest.raises(InvalidValueError, match=r"^zone: expected a string, got None$"):
        Locality(zone=None)  # type: ignore[arg-type]  # the point of the test


def test_replacing_a_part_checks_it_too() -> None:
    assert Locality("n", "r")._replace(zone="z") == Locality("n", "r", "z")
    with pytest.raises(InvalidValueError, match=r"^zone: expected a string, got 5$"):
        Locality()._replace(zone=5)  # type: ignore[arg-type]  # the point of the test


def test_a_part_may_be_of_a_class_derived_from_string() -> None:
    class Name(str):
        __slots__ = ()

    assert Locality(zone=Name("z")) == Locality(zone="z")


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(copy.copy(Locality("n", node="d")), id="copy"),
        pytest.param(copy.deepcopy(Locality("n", node="d")), id="deepcopy"),
        pytest.param(pickle.loads(pickle.dumps(Locality("n", node="d"))), id="pickle"),  # our own bytes
        pytest.param(pickle.loads(pickle.dumps(Locality("n", node="d"), 0)), id="pickle 0"),  # likewise
    ],
)
def test_a_copy_is_a_locality_again(copied: Locality) -> None:
    assert type(copied) is Locality
    assert copied == Locality("n", node="d")


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        pytest.param({REGION: "r", ZONE: "z", "topology.istio.io/subzone": "s"}, ("", "r", "z", "s", ""), id="current"),
        pytest.param({OLD_REGION: "r", OLD_ZONE: "z"}, ("", "r", "z", "", ""), id="legacy"),
        pytest.param({REGION: "r", OLD_REGION: "x", OLD_ZONE: "z"}, ("", "r", "z", "", ""), id="one of each"),
        pytest.param({REGION: "", OLD_REGION: "x"}, ("", "", "", "", ""), id="an empty label is not absent"),
        pytest.param({"topology.istio.io/network": "n"}, ("", "", "", "", ""), id="a node names no network"),
        pytest.param({"kubernetes.io/hostname": "d"}, ("", "", "", "", ""), id="the name is not a label"),
        pytest.param({}, ("", "", "", "", ""), id="none"),
    ],
)
def test_the_labels_of_a_node_give_region_zone_and_subzone(labels: dict[str, str], place: tuple[str, ...]) -> None:
    assert Locality.from_node(labels) == place


def test_the_name_and_the_network_of_a_node_come_from_the_caller() -> None:
    assert Locality.from_node({ZONE: "z"}, name="d", network="n") == ("n", "", "z", "", "d")


def test_a_label_that_is_no_string_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"^region: expected a string, got 5$"):
        Locality.from_node({REGION: 5})  # type: ignore[dict-item]  # the point of the test


def test_the_labels_of_a_gateway_give_all_but_the_node() -> None:
    labels = {label: scope.value for scope, label in SCOPE_LABELS.items()}
    assert Locality.from_gateway(labels) == ("network", "region", "zone", "subzone", "")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("r/z/s", ("r", "z", "s"), id="three parts"),
        pytest.param("r/z", ("r", "z", ""), id="two parts"),
        pytest.param("r", ("r", "", ""), id="one part"),
        pytest.param("", ("", "", ""), id="nothing"),
        pytest.param("r//s", ("r", "", "s"), id="an empty part"),
        pytest.param("r/z/s/t/u", ("r", "z", "s"), id="more than three"),
        pytest.param("/", ("", "", ""), id="a slash alone"),
        pytest.param(" r ", (" r ", "", ""), id="blanks belong to a name"),
    ],
)
def test_a_written_locality_is_region_zone_and_subzone(text: str, parts: tuple[str, ...]) -> None:
    assert Locality.parse(text, network="n", node="d") == ("n", *parts, "d")


def test_what_is_no_text_is_no_written_locality() -> None:
    with pytest.raises(InvalidValueError) as caught:
        Locality.parse(5)  # type: ignore[arg-type]  # the point of the test
    assert str(caught.value) == "locality: expected 'region/zone/subzone', got 5"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        pytest.param(Locality("n", "r", "z", "s", "d"), "r/z/s", id="network and node are not written"),
        pytest.param(Locality(region="r"), "r", id="no empty parts at the end"),
        pytest.param(Locality(subzone="s"), "//s", id="empty parts before others stay"),
        pytest.param(Locality("n", node="d"), "", id="nothing"),
    ],
)
def test_the_text_of_a_locality_is_what_istio_writes(place: Locality, text: str) -> None:
    assert place.text == text


def test_each_scope_has_its_part() -> None:
    place = Locality("n", "r", "z", "s", "d")
    assert [place.part(scope) for scope in SCOPES] == ["n", "r", "z", "s", "d"]


def test_the_cluster_is_no_part_of_a_place() -> None:
    assert Locality("n", "r", "z", "s", "d").part(Scope.CLUSTER) == ""


@pytest.mark.parametrize(
    ("place", "text"),
    [
        pytest.param(Locality("n", "r", "z", "s", "d"), "network=n r/z/s node=d", id="all"),
        pytest.param(Locality(region="r"), "r", id="one"),
        pytest.param(Locality(), "(unknown place)", id="none"),
    ],
)
def test_a_locality_reads_as_its_known_parts(place: Locality, text: str) -> None:
    assert str(place) == text


def test_the_repr_of_a_locality_makes_it_again() -> None:
    assert repr(Locality("n", subzone="s")) == "Locality(network='n', subzone='s')"
