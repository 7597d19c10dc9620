from types import MappingProxyType

import pytest

from meshtier.errors import InvalidValueError
from meshtier.labels import Labels


def test_labels_are_a_mapping() -> None:
    labels = Labels({"a": "1", "b": "2"})
    assert list(labels) == ["a", "b"]
    assert len(labels) == 2
    assert labels["a"] == "1"
    assert (labels.get("b"), labels.get("c"), labels.get("c", "3")) == ("2", None, "3")


@pytest.mark.parametrize("items", [{"a": "1"}, Labels({"a": "1"}), MappingProxyType({"a": "1"})], ids=type)
def test_labels_are_made_from_any_mapping(items: Labels) -> None:
    assert Labels(items) == {"a": "1"}


@pytest.mark.parametrize("items", [None, {}], ids=["nothing", "an empty mapping"])
def test_labels_can_be_empty(items: dict[str, str] | None) -> None:
    assert list(Labels(items)) == []


@pytest.mark.parametrize(
    ("items", "message"),
    [
        pytest.param([("a", "1")], "labels: expected a mapping, got [('a', '1')]", id="pairs"),
        pytest.param({"a": 1}, "labels: expected strings, got 'a': 1", id="value"),
        pytest.param({1: "a"}, "labels: expected strings, got 1: 'a'", id="key"),
    ],
)
def test_what_is_no_mapping_of_strings_is_refused(items: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Labels(items)
    assert str(caught.value) == message


def test_trusted_labels_are_like_any_others() -> None:
    labels = Labels.trusted({"a": "1"})
    assert labels == Labels({"a": "1"})
    assert hash(labels) == hash(Labels({"a": "1"}))
