"""What holds of all immutable mappings: labels, kept fields, look-ups and shares."""

import copy
import pickle
from types import MappingProxyType

import pytest

from meshtier.dataplane import Shares
from meshtier.endpoint import Endpoint, Exclusion, Reason
from meshtier.frozen import FrozenMapping
from meshtier.labels import Labels
from meshtier.locality import Locality
from meshtier.ranking import Lookup
from meshtier.rules import Kept

HERE = Locality(zone="a")
A, B, OUT = Endpoint("a", HERE), Endpoint("b", HERE), Endpoint("out", HERE)
LOOKUP = Lookup([(A, 1), (B, 2)], (Exclusion(OUT, Reason.NOT_LOCAL, "PREC-3"),))
MAPPINGS: list[tuple[FrozenMapping[object], dict[str, object]]] = [
    (FrozenMapping({"a": 1, "b": 2}), {"a": 1, "b": 2}),
    (Labels({"a": "1", "b": "2"}), {"a": "1", "b": "2"}),
    (Kept({"a": "1", "b": [{"c": 2}]}), {"a": "1", "b": (Kept({"c": 2}),)}),
    (LOOKUP, {"a": 1, "b": 2}),
    (Shares({"a": 0.25, "b": 0.5}, "w finds none"), {"a": 0.25, "b": 0.5}),
]
every_mapping = pytest.mark.parametrize(
    ("mapping", "items"), MAPPINGS, ids=[type(mapping).__name__ for mapping, _ in MAPPINGS]
)


@every_mapping
def test_it_holds_what_it_was_made_from(mapping: FrozenMapping[object], items: dict[str, object]) -> None:
    assert list(mapping) == list(mapping.keys()) == ["a", "b"]
    assert list(mapping.items()) == list(items.items())
    assert list(mapping.values()) == list(items.values())
    assert (len(mapping), mapping["a"], mapping.get("b")) == (2, items["a"], items["b"])
    assert "a" in mapping
    assert dict(mapping) == {**mapping} == items


@every_mapping
def test_a_key_that_is_not_there_is_a_key_error(mapping: FrozenMapping[object], items: dict[str, object]) -> None:
    with pytest.raises(KeyError):
        mapping["c"]
    assert "c" not in mapping
    assert (mapping.get("c"), mapping.get("c", 3)) == (None, 3)
    assert "c" not in items


@every_mapping
def test_it_is_equal_to_any_mapping_with_the_same_items(
    mapping: FrozenMapping[object], items: dict[str, object]
) -> None:
    assert mapping == items
    assert mapping == MappingProxyType(items)
    assert mapping == FrozenMapping(items)
    assert mapping == FrozenMapping(dict(reversed(items.items())))
    assert hash(mapping) == hash(FrozenMapping(dict(reversed(items.items()))))


@every_mapping
@pytest.mark.parametrize("other", [{}, {"a": "1"}, [("a", "1")], None, 5], ids=str)
def test_it_differs_from_all_else(mapping: FrozenMapping[object], items: dict[str, object], other: object) -> None:
    assert mapping != other
    assert items != other


@every_mapping
def test_it_cannot_change(mapping: FrozenMapping[object], items: dict[str, object]) -> None:
    with pytest.raises(AttributeError, match=f"^{type(mapping).__name__.lower()} cannot change: _items$"):
        mapping._items = {}
    with pytest.raises(TypeError):
        mapping["a"] = "2"  # type: ignore[index]  # the point of the test
    with pytest.raises(TypeError):
        del mapping["a"]  # type: ignore[attr-defined]  # the point of the test
    assert mapping == items


@every_mapping
def test_it_survives_pickling_and_copying_as_what_it_is(
    mapping: FrozenMapping[object], items: dict[str, object]
) -> None:
    for again in (pickle.loads(pickle.dumps(mapping)), copy.copy(mapping), copy.deepcopy(mapping)):  # our own bytes
        assert type(again) is type(mapping)
        assert again == items
        assert repr(again) == repr(mapping)


def test_later_changes_of_what_it_was_made_from_do_not_show() -> None:
    items = {"a": 1}
    mapping = FrozenMapping(items)
    items["a"] = 2
    assert mapping["a"] == 1


def test_it_reads_as_a_dict() -> None:
    assert repr(FrozenMapping({"a": 1})) == "{'a': 1}"


def test_a_copy_of_shares_knows_the_reason_and_one_of_a_lookup_what_was_excluded() -> None:
    assert pickle.loads(pickle.dumps(Shares({}, "none"))).reason == "none"  # our own bytes
    with pytest.raises(KeyError, match="excluded"):
        copy.copy(LOOKUP)["out"]


def test_trusted_shares_are_like_any_others() -> None:
    assert Shares.trusted({"a": 0.5}, "lost") == Shares({"a": 0.5}, "lost")
    assert Shares.trusted({"a": 0.5}, "lost").reason == "lost"
