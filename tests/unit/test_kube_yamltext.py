"""YAML as Kubernetes reads it: YAML 1.1, its words, merge keys, anchors and tags, in documents one after the other."""

import math
from typing import Any

import pytest
import yaml

from meshtier.errors import Problem
from meshtier.kube import yamltext
from meshtier.kube.documents import Document


@pytest.fixture(params=["libyaml", "python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parsers of PyYAML: not every build of it has libyaml."""
    if request.param == "python":
        monkeypatch.setattr(yamltext, "_LOADER", yaml.SafeLoader)


def value(text: str) -> Any:
    (found,) = yamltext.documents(text)
    assert isinstance(found, Document), found
    return found.value


def problems(text: str) -> list[tuple[str, str]]:
    return [(found.path, found.problem) for found in yamltext.documents(text) if isinstance(found, Problem)]


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        ("yes", True),
        ("On", True),
        ("TRUE", True),
        ("no", False),
        ("off", False),
        ("y", "y"),
        ("~", None),
        ("", None),
        ("null", None),
        ("0", 0),
        ("-12", -12),
        ("+1_000", 1000),
        ("07", 7),
        ("-017", -15),
        ("08", "08"),
        ("0x1F", 31),
        ("0b101", 5),
        ("0b_", "0b_"),
        ("1.5", 1.5),
        ("1_0.5", 10.5),
        ("-.inf", -math.inf),
        (".Inf", math.inf),
        ("1e3", "1e3"),
        ("12:30", "12:30"),
        ("12:30.5", "12:30.5"),
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
        ("<<", "<<"),
        ("'1'", "1"),
        ("! 1", "1"),
        ("!!str 1", "1"),
        ("!!timestamp 2024-01-01", "2024-01-01"),
        ("!!binary aGk=", "aGk="),
        ("!!int '7'", 7),
        ("!!float 3", 3.0),
        ("!!bool 'on'", True),
        ("!!null x", None),
        ("1" * 5_000, "1" * 5_000),
    ],
)
def test_a_scalar_is_read_as_yaml_1_1_but_for_timestamps_and_base_60(scalar: str, expected: object) -> None:
    for text, found in ((f"a: {scalar}", {"a": expected}), (f"- {scalar}", [expected])):
        assert value(text) == found
        assert type(next(iter(found.values() if isinstance(found, dict) else found))) is type(expected)


def test_not_a_number_is_a_number() -> None:
    assert math.isnan(value(".NaN"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x {b: 1}\nc: {<<: *x, d: 2}", {"b": 1, "d": 2}),
        ("a: &x {b: 1}\nc: {b: 2, <<: *x}", {"b": 2}),
        ("a: &x {b: 1}\ne: &y {b: 2, f: 3}\nc: {<<: [*x, *y]}", {"b": 1, "f": 3}),
        ("a: &x {b: 1}\ne: &y {b: 2, f: 3}\nc: {<<: *x, <<: *y}", {"b": 1, "f": 3}),
        ("c: {'<<': 1}", {"<<": 1}),
        ("c: {a: <<}", {"a": "<<"}),
        ("c: [<<]", ["<<"]),
        ("a: &x <<\nc: [*x]", ["<<"]),
    ],
    ids=["merged", "own-wins", "first-of-list-wins", "first-of-two-wins", "quoted", "value", "item", "aliased"],
)
def test_a_merge_key_fills_in_what_a_mapping_does_not_say(text: str, expected: object) -> None:
    assert value(text)["c"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[&a 1, *a, &a 2, *a]", [1, 1, 2, 2]), ("{&a k: 1, b: *a}", {"k": 1, "b": "k"})],
    ids=["set-again", "of-a-key"],
)
def test_an_alias_is_what_its_anchor_was_last(text: str, expected: object) -> None:
    assert value(text) == expected


def test_an_anchor_that_is_set_again_no_longer_stands_for_what_it_was() -> None:
    said = "expected plain data, got *a inside of what it stands for (line 1, column 21)"
    assert problems("[&a [1], *a, &a {b: *a}]") == [("", said)]


@pytest.mark.parametrize("text", ["!!map {a: 1}", "! {a: 1}"])
def test_a_mapping_may_say_that_it_is_one(text: str) -> None:
    assert value(text) == {"a": 1}


def test_a_list_may_say_that_it_is_one() -> None:
    assert value("!!seq [1]") == [1]


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        ("a: !!map [1]", "a", "expected plain YAML, got the tag 'tag:yaml.org,2002:map' (line 1)"),
        ("a: !!seq {b: 1}", "a", "expected plain YAML, got the tag 'tag:yaml.org,2002:seq' (line 1)"),
        ("a: [x, !y z]", "a[1]", "expected plain YAML, got the tag '!y' (line 1)"),
        ("a: {b: !!int x}", "a.b", "expected plain YAML, got the tag 'tag:yaml.org,2002:int' (line 1)"),
        ("a: {b.c: {d: 1, d: 2}}", "a[b.c].d", "expected each key once, got 'd' again (line 1)"),
        ("a: {[b]: 1}", "a", "expected keys that are strings, got a collection (line 1)"),
        ("a:\n  <<: b", "a", "expected mappings to merge, got something else (line 2)"),
        ("a: &x {b: 1}\nc: {<<: [*x, 1]}", "c", "expected mappings to merge, got something else (line 2)"),
    ],
    ids=["map-of-list", "seq-of-map", "unknown", "no-int", "key-twice", "key-of-list", "merge-text", "merge-some"],
)
def test_what_no_manifest_should_say_is_named_with_its_path(text: str, path: str, said: str) -> None:
    assert problems(text) == [(path, said)]


def test_a_problem_leaves_the_rest_of_the_document_to_be_read() -> None:
    *told, document = yamltext.documents("a: !x 1\nb: {c: 1, c: 2}\nd: [3]\n")
    assert [found.path for found in told if isinstance(found, Problem)] == ["a", "b.c"]
    assert document == Document(1, {"a": None, "b": {"c": 2}, "d": [3]})


def test_empty_documents_are_numbered_as_the_others() -> None:
    assert list(yamltext.documents("a: 1\n---\n---\nb: 2\n")) == [
        Document(1, {"a": 1}),
        Document(2, None),
        Document(3, {"b": 2}),
    ]


def test_after_a_fault_reading_goes_on_with_lines_and_numbers_of_the_whole_text() -> None:
    found = list(yamltext.documents("a: 1\n---\nb: [\n---\nc: d: e\n--- # next\nf: 2\n"))
    assert [(each.document, each.problem.rpartition(" (")[2]) for each in found if isinstance(each, Problem)] == [
        (2, "line 4, column 1)"),
        (3, "line 5, column 5)"),
    ]
    assert [each for each in found if isinstance(each, Document)] == [Document(1, {"a": 1}), Document(4, {"f": 2})]


def test_a_character_that_no_text_has_is_a_fault_of_its_line() -> None:
    first, *rest = yamltext.documents("a: 1\nb: \x01\n---\nc: 2\n")
    assert isinstance(first, Problem)
    assert first.problem.startswith("expected text: ")
    assert first.problem.endswith(" (line 2)")
    assert rest == [Document(2, {"c": 2})]


def test_after_twenty_faults_the_rest_is_not_tried() -> None:
    found = list(yamltext.documents("a: b: c\n---\n" * 30))
    assert len(found) == 21
    assert found[-1] == Problem(
        problem="20 documents are no YAML; what follows them was not read", document=21, file="", object="", path=""
    )


def test_aliases_may_stand_for_so_many_nodes_together_and_no_more() -> None:
    # Each alias stands for the list and its 99 items.
    items = ", ".join(["x"] * 99)
    fits = ", ".join(["*a"] * (yamltext.MAX_ALIASED // 100))
    assert len(value(f"a: &a [{items}]\nb: [{fits}]")["b"]) == yamltext.MAX_ALIASED // 100
    assert problems(f"a: &a [{items}]\nb: [{fits}, *a]")[0][1].startswith("expected aliases for at most 100,000 nodes")


def test_the_bound_of_depth_is_the_last_that_is_read() -> None:
    deep = "[" * yamltext.MAX_DEPTH + "]" * yamltext.MAX_DEPTH
    assert value(deep)
    assert problems(f"[{deep}]")[0][1].startswith("expected at most 200 levels of nesting, got more")
