"""Formats, sources, and which cluster a source is of."""

import codecs
import gc
import io
import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from meshtier.errors import InputError, MissingExtraError
from meshtier.kube import load, read
from meshtier.kube.decode_json import IGNORED_KINDS
from meshtier.kube.objects import fast_decoder
from meshtier.kube.schema import KINDS
from meshtier.mesh import Mesh

NODE = '{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "%s"}}'
YAML_NODE = "apiVersion: v1\nkind: Node\nmetadata:\n  name: %s\n"


def node(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


def system(cluster: str = "", **labels: str) -> dict[str, Any]:
    given = {f"topology.istio.io/{key}": value for key, value in labels.items()}
    given |= {"topology.istio.io/cluster": cluster} if cluster else {}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system", "labels": given}}


def nodes(text: str | bytes) -> list[str]:
    (cluster,) = read("-", stdin=io.BytesIO(text) if isinstance(text, bytes) else io.StringIO(text))
    return list(cluster.nodes)


@pytest.fixture(params=["msgspec", "json"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of reading JSON."""
    if request.param == "json":
        monkeypatch.setattr("meshtier.kube.objects.fast_decoder", lambda: None)


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize(
    "text",
    [
        f'{{"apiVersion": "v1", "kind": "List", "items": [{NODE % "a"}, {NODE % "b"}]}}',
        '{"apiVersion": "v1", "kind": "NodeList", "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]}',
        f"[{NODE % 'a'}, {NODE % 'b'}]",
        f"{NODE % 'a'}\n{NODE % 'b'}\n",
        f"{NODE % 'a'}{NODE % 'b'}",
        f"{NODE % 'a'}\n---\n{NODE % 'b'}\n",
        f'\ufeff  {{"items": [{NODE % "a"}, {NODE % "b"}], "kind": "List", "apiVersion": "v1"}}',
    ],
    ids=["list", "typed-list", "array", "lines", "side-by-side", "divided", "byte-order-mark"],
)
def test_json_in_every_form(text: str) -> None:
    assert nodes(text) == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        f"{YAML_NODE % 'a'}---\n{YAML_NODE % 'b'}",
        f"---\n---\n# first\n{YAML_NODE % 'a'}---\n# nothing\n---\n{YAML_NODE % 'b'}...\n---\n",
        f"{YAML_NODE % 'a'}---\n{YAML_NODE % 'b'}".replace("\n", "\r\n"),
        codecs.BOM_UTF8 + f"{YAML_NODE % 'a'}---\n{YAML_NODE % 'b'}".encode(),
        codecs.BOM_UTF16_LE + f"{YAML_NODE % 'a'}---\n{YAML_NODE % 'b'}".encode("utf-16-le"),
        "{kind: List, apiVersion: v1, items: [{apiVersion: v1, kind: Node, metadata: {name: a}}, %s]}" % (NODE % "b"),
        "- &n {apiVersion: v1, kind: Node, metadata: {name: a}}\n- <<: *n\n  metadata: {name: b}\n",
    ],
    ids=["documents", "empty-documents", "crlf", "byte-order-mark", "utf-16", "flow", "merge-key"],
)
def test_yaml_in_every_form(text: str | bytes) -> None:
    assert nodes(text) == ["a", "b"]


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("plain", "plain"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("12:30", "12:30"),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("y", "y"),
        ("=", "="),
        ("1.2.3", "1.2.3"),
    ],
)
def test_yaml_scalars_that_are_text_to_kubernetes(scalar: str, value: str) -> None:
    assert nodes(YAML_NODE % scalar) == [value]


def test_a_null_is_as_if_it_were_absent() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": None}, "spec": None, "status": None}
    (cluster,) = read(pod)
    assert next(iter(cluster.workloads.values())).name == "p"


def test_a_folder_is_read_with_the_folders_in_it_in_order(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.yml").write_text(YAML_NODE % "b")
    (tmp_path / "c.json").write_text(NODE % "c")
    (tmp_path / "a.yaml").write_text(YAML_NODE % "a")
    (tmp_path / "README.md").write_text("no manifest")
    told: list[str] = []
    (cluster,) = read(tmp_path, progress=told.append)
    assert list(cluster.nodes) == ["a", "c", "b"]
    assert [Path(name).name for name in told] == ["a.yaml", "c.json", "b.yml"]


class Elsewhere(os.PathLike[str]):
    """A path as another library may have it, whose text says nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


def test_a_path_may_be_anything_that_stands_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "-").write_text(NODE % "a")
    monkeypatch.chdir(tmp_path)
    for path in (Elsewhere(tmp_path / "-"), Path("-")):
        (cluster,) = read(path)
        assert list(cluster.nodes) == ["a"]


def test_plain_mappings_as_any_client_library_gives_them() -> None:
    (cluster,) = read({"apiVersion": "v1", "kind": "NodeList", "items": (node("a"),)}, iter([node("b"), node("c")]))
    assert list(cluster.nodes) == ["a", "b", "c"]


def test_load_makes_a_mesh() -> None:
    assert isinstance(load(node("a")), Mesh)


def test_the_collector_runs_again_after_a_failed_reading() -> None:
    assert gc.isenabled()
    with pytest.raises(InputError):
        read({})
    assert gc.isenabled()


def test_no_source_is_no_cluster() -> None:
    assert read() == ()


def test_sources_without_a_name_make_one_unnamed_cluster() -> None:
    (cluster,) = read(node("a"), node("b"))
    assert (cluster.name, list(cluster.nodes)) == ("", ["a", "b"])


def test_a_label_of_the_system_namespace_names_the_cluster_and_its_network() -> None:
    namespace = system("east", network="net-1")
    namespace["metadata"]["labels"]["admin.solo.io/segment"] = "retail"
    (cluster,) = read(namespace, node("a"))
    assert (cluster.name, cluster.network, cluster.segment) == ("east", "net-1", "retail")
    assert list(cluster.nodes) == ["a"]


def test_each_file_of_a_folder_may_be_a_cluster(tmp_path: Path) -> None:
    for name in ("east", "west"):
        (tmp_path / f"{name}.json").write_text(json.dumps([system(name), node(f"{name}-1")]))
    assert [(cluster.name, list(cluster.nodes)) for cluster in read(tmp_path)] == [
        ("east", ["east-1"]),
        ("west", ["west-1"]),
    ]


def test_the_caller_names_clusters_with_one_source_or_several(tmp_path: Path) -> None:
    file = tmp_path / "b.yaml"
    file.write_text(YAML_NODE % "b")
    given: Mapping[str, Any] = {"east": node("a"), "west": [file, node("c")], "north": [node("d"), node("e")]}
    assert [(cluster.name, list(cluster.nodes)) for cluster in read(clusters=given)] == [
        ("east", ["a"]),
        ("west", ["b", "c"]),
        ("north", ["d", "e"]),
    ]


def test_the_callers_name_wins_over_the_label_with_a_note() -> None:
    (cluster,) = read(clusters={"west": system("east")})
    assert cluster.name == "west"
    (note,) = cluster.notes
    assert note.object == "Namespace istio-system label topology.istio.io/cluster"
    assert (note.rule, note.text) == ("LOC-2", "it says 'east'; the caller says 'west', which holds")


@pytest.mark.usefixtures("decoder")
def test_unknown_kinds_are_ignored_and_counted() -> None:
    items = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"selector": 5}},
        {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "spec": {"ports": "none"}},
        {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "g"}},
        {"apiVersion": "example.com/v1", "kind": "Thing"},
        {"apiVersion": "example.com/v1", "kind": "Thing"},
        node("n"),
    ]
    (cluster,) = read("-", stdin=io.StringIO(json.dumps({"apiVersion": "v1", "kind": "List", "items": items})))
    assert cluster.skipped == {
        "Deployment": 1,
        "Gateway.networking.istio.io": 1,
        "Service.serving.knative.dev": 1,
        "Thing": 2,
    }
    assert list(cluster.nodes) == ["n"]


def test_no_kind_is_both_read_and_ignored() -> None:
    assert not set(IGNORED_KINDS) & set(KINDS)
    assert list(IGNORED_KINDS) == sorted(set(IGNORED_KINDS))


def test_without_pyyaml_the_error_names_the_extra_and_json_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "meshtier.kube.yamltext", None)
    monkeypatch.delattr("meshtier.kube.yamltext", raising=False)
    with pytest.raises(MissingExtraError, match=r"reading YAML needs an extra: pip install 'meshtier\[yaml\]'"):
        read("-", stdin=io.StringIO(YAML_NODE % "a"))
    assert nodes(NODE % "a") == ["a"]


def test_without_msgspec_json_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "meshtier.kube.decode_json", None)
    monkeypatch.delattr("meshtier.kube.decode_json", raising=False)
    assert fast_decoder() is None
    assert nodes(f'{{"apiVersion": "v1", "kind": "List", "items": [{NODE % "a"}]}}') == ["a"]


@pytest.mark.usefixtures("decoder")
def test_the_reading_of_json_goes_on_after_a_problem_and_keeps_the_document_number() -> None:
    text = f'{NODE % "a"} {{"apiVersion": "v1", "kind": "Node"}} {{"apiVersion": "v1", "kind": "Pod"}}'
    with pytest.raises(InputError) as caught:
        read("-", stdin=io.StringIO(text))
    assert [(problem.document, problem.object, problem.path) for problem in caught.value.problems] == [
        (2, "Node", "metadata"),
        (3, "Pod", "metadata"),
    ]


@pytest.mark.usefixtures("decoder")
def test_json_that_is_cut_anywhere_says_so() -> None:
    item = (
        NODE % "a"
        + '\n{"apiVersion": "v1", "kind": "List", "items": [{"n": -1.5e3, "b": [true, null], "u": "\\u00e9"}]}'
    )
    for end in range(len(NODE % "a") + 2, len(item)):
        with pytest.raises(InputError) as caught:
            read("-", stdin=io.StringIO(item[:end]))
        *_, problem = caught.value.problems
        if "escape" not in problem.problem:  # cut inside of one, it could also be a wrong one
            assert problem.problem == "expected JSON, got a text that ends in the middle of a value (line 2)"
        assert problem.document == 2


@pytest.mark.usefixtures("decoder")
def test_lists_behind_each_other_are_documents_of_their_own() -> None:
    lists = [
        f'{{"apiVersion": "v1", "kind": "List", "items": [{item}]}}' for item in (NODE % "a", NODE % "", NODE % "b")
    ]
    with pytest.raises(InputError) as caught:
        read("-", stdin=io.StringIO("\n".join([*lists, NODE % "", lists[1]])))
    assert [problem.document for problem in caught.value.problems] == [2, 4, 5]


@pytest.mark.usefixtures("decoder")
def test_a_fault_behind_lists_is_placed_by_the_lines_of_the_whole_text() -> None:
    lists = '{"apiVersion": "v1", "kind": "NodeList", "items": [{"metadata": {"name": "é"}}]}\n'
    with pytest.raises(InputError) as caught:
        read("-", stdin=io.StringIO(lists + lists.replace("é", "b") + "\n{,}"))
    (problem,) = caught.value.problems
    assert problem.document == 3
    assert problem.problem.endswith(" (line 4, column 2)")


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("word", ["NaN", "-Infinity"])
def test_words_for_numbers_are_no_json(word: str) -> None:
    with pytest.raises(InputError, match=f"document 1: expected JSON, got the word {word}"):
        read("-", stdin=io.StringIO(f'{{"apiVersion": "v1", "kind": "Node", "x": {word}}}'))


@pytest.mark.usefixtures("decoder")
def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(InputError, match="document 1: expected numbers, got one of thousands of digits"):
        read("-", stdin=io.StringIO(f'{{"apiVersion": "v1", "kind": "Node", "x": {"1" * 5_000}}}'))


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_a_file_of_several_megabytes_is_read_whole(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"large.{suffix}"
    many = "\n".join((NODE if suffix == "json" else "---\n" + YAML_NODE) % f"n{number}" for number in range(40_000))
    file.write_bytes(codecs.BOM_UTF8 + many.encode() if suffix == "json" else many.encode())
    (cluster,) = read(file)
    assert list(cluster.nodes) == [f"n{number}" for number in range(40_000)]


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(NODE % "a",))
    writer.start()
    (cluster,) = read(pipe)
    writer.join()
    assert list(cluster.nodes) == ["a"]


def test_standard_input_is_the_process_own_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((NODE % "a").encode())))
    (cluster,) = read("-")
    assert list(cluster.nodes) == ["a"]


def test_a_file_of_destination_rules_alone_is_of_every_cluster() -> None:
    rule = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "r", "namespace": "a"},
        "spec": {"host": "*.a.mesh.internal"},
    }
    systems = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "istio-system", "labels": {"topology.istio.io/cluster": name}},
        }
        for name in ("east", "west")
    ]
    clusters = read(*systems, rule)
    assert [(cluster.name, len(cluster.destination_rules)) for cluster in clusters] == [("east", 1), ("west", 1)]
    (alone,) = read(rule)
    assert (alone.name, len(alone.destination_rules)) == ("", 1)


def test_a_service_global_by_istios_own_label_takes_its_local_host_over() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "namespace": "a", "labels": {"istio.io/global": "true"}},
    }
    (cluster,) = read(service)
    (found,) = cluster.services
    assert (found.is_global, found.takeover) == (True, True)
