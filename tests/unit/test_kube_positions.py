"""Where the objects of a cluster stand: files and lines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from meshtier.kube import load
from meshtier.kube.text import MAX_LINE
from meshtier.mesh.snapshot import Position

SERVICE: Final[dict[str, Any]] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"ports": [{"port": 80}]},
}
NODE: Final[dict[str, Any]] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
LISTED: Final[dict[str, Any]] = {"apiVersion": "v1", "items": [NODE, SERVICE], "kind": "List"}


@pytest.fixture(params=["msgspec", "json"])
def lines_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "json":
        monkeypatch.setattr("meshtier.kube.sources.fast_decoder", lambda: None)
        monkeypatch.setattr("meshtier.kube.objects.fast_decoder", lambda: None)
    return str(request.param)


def lines(path: Path, text: str) -> dict[str, int | None]:
    path.write_text(text, encoding="utf-8")
    (cluster,) = load(path).clusters
    assert {position.file for position in cluster.positions.values()} <= {str(path)}
    return {title: position.line for title, position in cluster.positions.items()}


def test_a_document_of_yaml_begins_at_its_first_key(tmp_path: Path) -> None:
    text = """# a comment

apiVersion: v1
kind: Node
metadata: {name: n1}
---
# another
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
"""
    assert lines(tmp_path / "a.yaml", text) == {"Node n1": 3, "Service shop/web": 8}


def test_an_item_of_a_yaml_list_begins_at_its_dash(tmp_path: Path) -> None:
    text = """apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: web, namespace: shop}
  spec:
    ports:
    - {port: 80}
-   apiVersion: v1
    kind: Node
    metadata: {name: n1}
---
- {apiVersion: v1, kind: Node, metadata: {name: n2}}
"""
    assert lines(tmp_path / "a.yaml", text) == {"Service shop/web": 4, "Node n1": 10, "Node n2": 14}


def test_an_object_that_stands_at_an_alias_begins_there(tmp_path: Path) -> None:
    text = """apiVersion: v1
kind: List
base: &node
  apiVersion: v1
  kind: Node
  metadata: {name: n1}
items:
- *node
- &service
  apiVersion: v1
  kind: Service
  metadata: {name: web, namespace: shop, annotations: &none {}}
- <<: *service
  metadata: {name: db, namespace: shop, annotations: *none}
"""
    assert lines(tmp_path / "a.yaml", text) == {"Node n1": 8, "Service shop/web": 9, "Service shop/db": 13}


def test_empty_documents_count_their_lines(tmp_path: Path) -> None:
    node = "apiVersion: v1\nkind: Node\nmetadata: {name: %s}\n"
    text = f"{node % 'n1'}---\n\n---\n\n{node % 'n2'}"
    assert lines(tmp_path / "a.yaml", text) == {"Node n1": 1, "Node n2": 8}


JSON: Final[tuple[tuple[str, Callable[[], str], dict[str, int]], ...]] = (
    ("kubectl", lambda: json.dumps(LISTED, indent=4), {"Node n1": 4, "Service shop/web": 11}),
    ("one-line", lambda: json.dumps(LISTED), {"Node n1": 1, "Service shop/web": 1}),
    ("single", lambda: "\n" + json.dumps(SERVICE, indent=2), {"Service shop/web": 2}),
    ("array", lambda: json.dumps([NODE, SERVICE], indent=1), {"Node n1": 2, "Service shop/web": 9}),
    (
        "several",
        lambda: f"{json.dumps(NODE, indent=1)}\n\n{json.dumps(SERVICE)}",
        {"Node n1": 1, "Service shop/web": 9},
    ),
    (
        "kind-first",
        lambda: '{"kind" : "List" ,\n"items" :\n[ {"metadata": {"name":"n1"},\n"kind":"Node","apiVersion":"v1"}]}',
        {"Node n1": 3},
    ),
    (
        "typed-list",
        lambda: (
            '{"kind":"NodeList","apiVersion":"v1","items":[\n{"metadata":{"name":"n1"}},\n{"metadata":{"name":"n2"}}]}'
        ),
        {"Node n1": 2, "Node n2": 3},
    ),
    ("empty", lambda: '{"kind":"List","apiVersion":"v1","items":[]}', {}),
)


@pytest.mark.usefixtures("lines_by")
@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in JSON], ids=[row[0] for row in JSON])
def test_lines_of_json(tmp_path: Path, text: Callable[[], str], expected: dict[str, int]) -> None:
    assert lines(tmp_path / "a.json", text()) == expected


def test_braces_and_names_inside_of_strings_are_no_objects(tmp_path: Path) -> None:
    odd = json.loads(json.dumps(SERVICE))
    odd["metadata"]["annotations"] = {"last": json.dumps(LISTED, indent=1), "é": '\\"}]'}
    text = json.dumps({**LISTED, "items": [odd, NODE]}, indent=1, ensure_ascii=False)
    expected = next(number for number, line in enumerate(text.splitlines(), 1) if '"kind": "Node",' in line) - 2
    assert lines(tmp_path / "a.json", text)["Node n1"] == expected


def long_text(count: int = 2) -> str:
    filler = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "c"}, "data": {"x": "y" * (MAX_LINE // 2)}}
    return json.dumps({**LISTED, "items": [*[filler] * count, NODE]}, indent=1)


@pytest.mark.usefixtures("lines_by")
def test_a_long_file_is_read_once_more_when_a_line_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    text = long_text()
    assert lines(path, text) == {"Node n1": 24}


def test_of_a_long_file_that_was_changed_no_line_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(long_text(), encoding="utf-8")
    (cluster,) = load(path).clusters
    path.write_text(long_text(3), encoding="utf-8")
    assert cluster.positions.get("Node n1") in (None, Position(str(path)))


def test_of_a_long_file_that_is_gone_no_line_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(long_text(), encoding="utf-8")
    (cluster,) = load(path).clusters
    path.unlink()
    assert cluster.positions.get("Node n1") in (None, Position(str(path)))


def test_plain_data_stand_in_no_file() -> None:
    (cluster,) = load([NODE]).clusters
    assert dict(cluster.positions) == {}
    assert len(cluster.positions) == 0
    assert "Node n1" not in cluster.positions


def test_positions_make_no_cluster_differ_from_another(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(json.dumps(NODE), encoding="utf-8")
    assert load(tmp_path / "a.yaml").clusters == load([NODE]).clusters


def test_each_file_of_a_folder_has_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(LISTED, indent=4), encoding="utf-8")
    (tmp_path / "b.yaml").write_text("\nkind: Node\napiVersion: v1\nmetadata: {name: n2}\n", encoding="utf-8")
    (cluster,) = load(tmp_path).clusters
    assert cluster.positions["Service shop/web"] == Position(str(tmp_path / "a.json"), 11)
    assert cluster.positions["Node n2"] == Position(str(tmp_path / "b.yaml"), 2)
