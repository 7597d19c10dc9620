"""Fields of a Service that Kubernetes does not know, such as misspelt ones, are noted and ignored."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshtier.kube import load, read
from meshtier.kube.unknown_fields import SERVICE_FIELDS
from meshtier.note import Note

KNOWN = dict.fromkeys(SERVICE_FIELDS)


def service(**spec: object) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "a"}, "spec": spec}


def noted(*sources: Any) -> list[Note]:
    (cluster,) = read(*sources)
    return [note for note in cluster.notes if note.code == "service-field-unknown"]


@pytest.mark.parametrize(
    ("field", "rest"),
    [
        ("trafficDistributon", "; the nearest: trafficDistribution"),
        ("TrafficDistribution", "; the nearest: trafficDistribution"),
        ("internaltrafficpolicy", "; the nearest: internalTrafficPolicy"),
        ("publishNotReadyAdresses", "; the nearest: publishNotReadyAddresses"),
        ("zzz", ""),
    ],
)
def test_a_misspelt_field_is_ignored_with_a_note_that_names_the_nearest(field: str, rest: str) -> None:
    source = service(**{field: "PreferClose"})
    (note,) = noted(source)
    assert note.object == "Service a/s spec"
    assert note.text == f"expected a field that Kubernetes knows, got {field!r}; it is ignored{rest}"
    assert load(source).clusters[0].services[0].traffic_distribution is None


@pytest.mark.parametrize("spec", [{}, KNOWN, None], ids=["none", "all", "no spec"])
def test_known_fields_are_not_noted(spec: dict[str, object] | None) -> None:
    assert noted({**service(), "spec": spec}) == []


def test_a_name_of_great_length_is_cut_short_and_compared_with_none() -> None:
    (note,) = noted(service(**{"trafficDistribution" * 5000: 1}))
    assert len(note.text) < 200
    assert "nearest" not in note.text


def test_fields_of_other_kinds_are_nobodys_business() -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {"trafficDistributon": 1}}
    assert noted(node) == []


@pytest.mark.parametrize(
    "text", ["{}", "---\n{}", "apiVersion: v1\nkind: List\nitems: [{}]"], ids=["json", "yaml", "a list of yaml"]
)
def test_a_manifest_in_a_file_is_noted_like_plain_data(text: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_text(text.replace("{}", json.dumps(service(trafficDistributon="PreferClose"))))
    assert [note.object for note in noted(path)] == ["Service a/s spec"]
