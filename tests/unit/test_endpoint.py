import pickle

import pytest
from attrs.exceptions import FrozenInstanceError

from meshtier.endpoint import MAX_WEIGHT, Endpoint, Exclusion, Health, Reason
from meshtier.errors import InvalidValueError
from meshtier.labels import NO_LABELS, Labels
from meshtier.locality import Locality

HERE = Locality(zone="a")


@pytest.mark.parametrize(
    ("health", "serves"),
    [("healthy", True), ("degraded", True), ("unhealthy", False), ("terminating", False)],
)
def test_the_healthy_and_the_degraded_take_new_traffic(health: str, serves: bool) -> None:
    assert Health(health).serves is serves


def test_an_endpoint_is_by_default_healthy_of_weight_1_and_without_labels() -> None:
    endpoint = Endpoint("e", HERE)
    assert (endpoint.weight, endpoint.health, endpoint.cluster, endpoint.labels) == (1, Health.HEALTHY, "", {})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"id": ""}, "id: expected a non-empty string, got ''", id="empty id"),
        pytest.param({"id": 5}, "id: expected a non-empty string, got 5", id="id of another type"),
        pytest.param({"locality": ("", "")}, "locality: expected a Locality, got ('', '')", id="locality"),
        pytest.param({"weight": -1}, "weight: expected an integer from 0 to 4294967295, got -1", id="negative"),
        pytest.param(
            {"weight": 2**32}, "weight: expected an integer from 0 to 4294967295, got 4294967296", id="33 bits"
        ),
        pytest.param({"weight": True}, "weight: expected an integer from 0 to 4294967295, got True", id="bool"),
        pytest.param({"weight": 1.0}, "weight: expected an integer from 0 to 4294967295, got 1.0", id="float"),
        pytest.param(
            {"health": "healthy"},
            "health: expected one of Health.HEALTHY, Health.DEGRADED, Health.UNHEALTHY, Health.TERMINATING, "
            "got 'healthy'",
            id="health",
        ),
        pytest.param({"cluster": None}, "cluster: expected a string, got None", id="cluster"),
        pytest.param({"labels": [("a", "b")]}, "labels: expected a mapping, got [('a', 'b')]", id="labels"),
        pytest.param({"labels": {"a": 5}}, "labels: expected strings, got 'a': 5", id="a value of another type"),
        pytest.param({"labels": {5: "a"}}, "labels: expected strings, got 5: 'a'", id="a key of another type"),
    ],
)
def test_a_field_that_cannot_be_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Endpoint(**{"id": "e", "locality": HERE} | fields)  # type: ignore[arg-type]  # the point of the test
    assert str(caught.value) == message
    assert caught.value.path == next(iter(fields))


@pytest.mark.parametrize("weight", [0, 1, 4294967295])
def test_a_weight_is_what_32_bits_hold(weight: int) -> None:
    assert Endpoint("e", HERE, weight=weight).weight == weight
    assert MAX_WEIGHT == 4294967295


def test_an_endpoint_cannot_change() -> None:
    endpoint = Endpoint("e", HERE)
    with pytest.raises(FrozenInstanceError):
        endpoint.weight = 2  # type: ignore[misc]  # the point of the test


def test_an_endpoint_does_not_follow_later_changes_of_its_labels() -> None:
    labels = {"app": "reviews"}
    endpoint = Endpoint("e", HERE, labels=labels)
    labels["app"] = "ratings"
    assert endpoint.labels == {"app": "reviews"}


def test_equal_endpoints_are_one_in_a_set() -> None:
    assert (
        len({Endpoint("e", HERE, labels={"a": "1", "b": "2"}), Endpoint("e", HERE, labels={"b": "2", "a": "1"})}) == 1
    )


def test_endpoints_of_other_health_are_others() -> None:
    assert Endpoint("e", HERE) != Endpoint("e", HERE, health=Health.DEGRADED)


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        pytest.param(Endpoint("e", HERE), "Endpoint(id='e', locality=Locality(zone='a'))", id="plain"),
        pytest.param(
            Endpoint("e", HERE, weight=0, health=Health.DEGRADED, cluster="c", labels={"a": "b"}),
            "Endpoint(id='e', locality=Locality(zone='a'), weight=0, health=Health.DEGRADED, cluster='c', "
            "labels={'a': 'b'})",
            id="all",
        ),
    ],
)
def test_the_repr_tells_what_is_not_as_usual(endpoint: Endpoint, text: str) -> None:
    assert repr(endpoint) == text


def test_an_endpoint_survives_pickling() -> None:
    endpoint = Endpoint("e", HERE, weight=3, health=Health.UNHEALTHY, cluster="c", labels={"a": "b"})
    assert pickle.loads(pickle.dumps(endpoint)) == endpoint  # our own bytes


def test_endpoints_without_labels_share_them() -> None:
    assert Endpoint("e", HERE).labels is NO_LABELS
    assert Endpoint("e", HERE, labels={}).labels is NO_LABELS


def test_labels_that_are_immutable_already_are_taken_as_they_are() -> None:
    labels = Labels({"a": "1"})
    assert Endpoint("e", HERE, labels=labels).labels is labels


def test_an_exclusion_reads_as_endpoint_reason_and_rule() -> None:
    assert str(Exclusion(Endpoint("e", HERE), Reason.NOT_LOCAL, "PREC-3")) == "e: not on the client's node [PREC-3]"


def test_an_exclusion_tells_what_was_found() -> None:
    exclusion = Exclusion(Endpoint("e", HERE), Reason.UNHEALTHY, "TIER-5", "not ready")
    assert str(exclusion) == "e: not healthy (not ready) [TIER-5]"


def test_no_two_reasons_read_alike() -> None:
    assert len({reason.value for reason in Reason}) == len(Reason.__members__)
