"""Bad input: one clear problem each, all of them together, and never anything but our errors."""

import io
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from meshtier.errors import InputError
from meshtier.kube import load, read

NODE = '{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "%s"}}'


def system(cluster: str) -> dict[str, Any]:
    labels = {"topology.istio.io/cluster": cluster}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system", "labels": labels}}


def problems(text: str | bytes) -> list[str]:
    """What is said of this text on standard input, without the name of that."""
    stream = io.BytesIO(text) if isinstance(text, bytes) else io.StringIO(text)
    with pytest.raises(InputError) as caught:
        read("-", stdin=stream)
    return [str(problem).removeprefix("-: ").removeprefix("-, ") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("hello", "expected Kubernetes objects as YAML or JSON, got 'hello'", id="neither"),
        pytest.param("y\n" * 2_000_000, "expected Kubernetes objects as YAML or JSON, got 'y'", id="endless-yes"),
        pytest.param("", "expected Kubernetes objects as YAML or JSON, got an empty text", id="empty"),
        pytest.param("# nothing\n---\n", "expected Kubernetes objects, got none", id="comments-alone"),
        pytest.param("5", "expected Kubernetes objects as YAML or JSON, got '5'", id="number"),
        pytest.param(b"\x7fELF\x01\0\0", "expected text, got binary data (byte 5)", id="binary"),
        pytest.param(b"a: \xff\n", "expected text in UTF-8, got the byte 0xff (byte 3)", id="latin-1"),
        pytest.param(
            b'{"kind": "\xff"}', "document 1: expected text in UTF-8, got the byte 0xff (byte 10)", id="latin-1-json"
        ),
        pytest.param(
            "a: \x01\n", "document 1: expected text: control characters are not allowed (line 1)", id="control"
        ),
        pytest.param(
            '{"apiVersion": "v1",\n"kind": "Lis',
            "document 1: expected JSON, got a text that ends in the middle of a value (line 2)",
            id="truncated-json",
        ),
        pytest.param(
            '{"kind": "List"\n "items": []}',
            "document 1: expected JSON: expecting ',' delimiter (line 2, column 2)",
            id="comma",
        ),
        pytest.param(
            NODE % "a" + "\n}", "document 2: expected JSON: expecting value (line 2, column 1)", id="second-value"
        ),
        pytest.param(
            "kind: List\nitems: [",
            "document 1: expected YAML: did not find expected node content (line 3, column 1)",
            id="truncated-yaml",
        ),
        pytest.param(
            '{"apiVersion": "v1", "kind": "List"}', "document 1, List, items: expected a list, got none", id="no-items"
        ),
        pytest.param(
            "apiVersion: v1\nkind: PodList\nitems: {}",
            "document 1, PodList, items: expected a list, got a mapping",
            id="items-mapping",
        ),
        pytest.param(
            '{"apiVersion": "v1", "kind": "Node", "metadata": {}}',
            "document 1, Node, metadata.name: expected a value, got none",
            id="no-name",
        ),
        pytest.param(NODE % "", "document 1, Node, metadata.name: expected a name, got ''", id="empty-name"),
        pytest.param(
            '{"kind": "Node", "metadata": {"name": "n"}}',
            "document 1, Node n, apiVersion: expected a string, got none",
            id="no-version",
        ),
        pytest.param('{"metadata": {}}', "document 1, kind: expected a kind, as in 'Pod', got none", id="no-kind"),
        pytest.param("[1]", "document 1, [0]: expected a Kubernetes object, got 1", id="number-in-list"),
        pytest.param(
            '{"kind": "List", "apiVersion": "v1", "items": [{"kind": "List", "apiVersion": "v1", "items": []}]}',
            "document 1, items[0]: expected an object, got a List inside of another list",
            id="list-in-list",
        ),
        pytest.param(
            "kind: Node\nkind: Pod\napiVersion: v1\nmetadata: {name: n}\n",
            "document 1, kind: expected each key once, got 'kind' again (line 2)",
            id="key-twice",
        ),
        pytest.param(
            "apiVersion: v1\nkind: Node\nmetadata: !thing {name: n}\n",
            "document 1, metadata: expected plain YAML, got the tag '!thing' (line 3)",
            id="tag",
        ),
        pytest.param("a: *b\n", "document 1: expected an anchor &b before *b, got none (line 1, column 4)", id="alias"),
        pytest.param(
            "a: &a [*a]\n",
            "document 1: expected plain data, got *a inside of what it stands for (line 1, column 8)",
            id="alias-of-itself",
        ),
    ],
)
def test_one_clear_problem(text: str | bytes, said: str) -> None:
    assert problems(text) == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 10_000 + "]" * 10_000, "expected JSON, got more levels of nesting than can be read"),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, "expected JSON, got more levels of nesting than can be read"),
        ("a: " + "[" * 10_000 + "]" * 10_000, "expected at most 200 levels of nesting, got more (line 1, column "),
        (
            "".join(" " * level + "a:\n" for level in range(2_000)),
            "expected at most 200 levels of nesting, got more (line 201, column 201)",
        ),
    ],
    ids=["json-lists", "json-objects", "yaml-flow", "yaml-block"],
)
def test_ten_thousand_levels_of_nesting_are_refused(text: str, said: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(f"document 1: {said}")


def test_an_alias_bomb_is_refused_before_it_is_put_together() -> None:
    letters = "abcdefghi"
    lines = [f"a: &a [{','.join('x' * 9)}]"]
    lines += [f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]" for a, b in pairwise(letters)]
    (problem,) = problems("\n".join(lines))
    assert problem == "document 1: expected aliases for at most 100,000 nodes, got more (line 6, column 8)"


@pytest.mark.parametrize("beginning", [b"", b"a: ", b"{", b"a: b\n"], ids=["bare", "key", "brace", "later-line"])
def test_one_long_line_of_noise_is_refused_by_its_beginning(beginning: bytes, tmp_path: Path) -> None:
    file = tmp_path / "noise.yaml"
    file.write_bytes(beginning + b"x" * 200_000_000)
    with pytest.raises(InputError, match=r"expected lines of at most 2,097,152 bytes, got one that begins"):
        read(file)


def test_more_than_can_be_read_is_refused_from_files_and_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshtier.kube.sources.MAX_LINE", 50)
    monkeypatch.setattr("meshtier.kube.sources.MAX_BYTES", 99)
    file = tmp_path / "a.json"
    file.write_text((NODE % "n").ljust(100))
    with pytest.raises(InputError, match="expected at most 99 bytes, got 100"):
        read(file)
    assert problems((NODE % "n").ljust(100)) == ["expected at most 99 bytes, got more"]
    file.write_text((NODE % "n").ljust(99))
    assert list(read(file)[0].nodes) == ["n"]


def test_numbers_and_bools_for_strings_are_named_with_their_path() -> None:
    labels = "{version: 1, canary: yes, day: 2024-01-01, at: 12:30}"
    text = f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  labels: {labels}\n"
    assert problems(text) == [
        "document 1, Pod default/p, metadata.labels[version]: expected a string, got 1 (put it in quotes)",
        "document 1, Pod default/p, metadata.labels[canary]: expected a string, got true (put it in quotes)",
    ]


def test_a_wrong_type_deep_inside_leaves_the_other_objects_to_be_checked() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "a"},
        "spec": {"nodeName": 5},
        "status": {"conditions": [{"type": "Ready"}, {"type": ["x"]}]},
    }
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": "80"}]}}
    assert problems(json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod, service, 7]})) == [
        "document 1, Pod a/p, spec.nodeName: expected a string, got 5 (put it in quotes)",
        "document 1, Pod a/p, status.conditions[1].type: expected a string, got a list",
        "document 1, Service default/s, spec.ports[0].port: expected an integer, got '80'",
        "document 1, items[2]: expected a Kubernetes object, got 7",
    ]


def test_after_a_document_that_is_no_yaml_the_next_one_is_read() -> None:
    text = "a: b: c\n---\napiVersion: v1\nkind: Node\nmetadata: {}\n---\nx: [\n---\nkind: 5\n"
    assert problems(text) == [
        "document 1: expected YAML: mapping values are not allowed in this context (line 1, column 5)",
        "document 2, Node, metadata.name: expected a value, got none",
        "document 3: expected YAML: did not find expected node content (line 8, column 1)",
        "document 4, kind: expected a kind, as in 'Pod', got 5",
    ]


@pytest.mark.parametrize(
    "second", [NODE % "n", (NODE % "n").replace("}}", ', "labels": {"a": "b"}}}')], ids=["same", "other"]
)
def test_an_object_that_comes_twice_is_refused(second: str) -> None:
    assert problems(NODE % "n" + second) == [
        "document 2, Node n: expected each object once, got it again; the first is in document 1"
    ]


def test_an_object_that_comes_twice_in_two_files_names_both(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(NODE % "n")
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    assert str(caught.value) == (
        f"{second}, document 1, Node n: expected each object once, got it again; the first is in {first} document 1"
    )


def test_all_problems_of_all_files_come_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("nothing")
    (tmp_path / "b.yaml").write_text("apiVersion: v1\nkind: Node\nmetadata: {name: 1}\n")
    with pytest.raises(InputError) as caught:
        read(tmp_path, tmp_path / "c.yaml")
    assert [(Path(problem.file).name, problem.object, problem.path) for problem in caught.value.problems] == [
        ("a.yaml", "", ""),
        ("b.yaml", "Node", "metadata.name"),
        ("c.yaml", "", ""),
    ]
    assert "No such file" in caught.value.problems[2].problem


def test_a_destination_rule_that_cannot_be_read_joins_the_problems() -> None:
    rule = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r, namespace: a}\n"
    assert problems(rule + "spec: {host: 5}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: ''}\n") == [
        "document 2, Node, metadata.name: expected a name, got ''",
        "document 1, DestinationRule a/r, spec.host: expected a string, got 5",
    ]


def test_a_folder_without_manifests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a folder with \*.json, \*.yaml, \*.yml in it, got one without"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("path", "said"),
    [("a\0b", "expected a path, got one with a null byte in it"), ("a" * 5_000, "expected a file that can be read: ")],
    ids=["null-byte", "too-long"],
)
def test_what_is_no_path_is_refused(path: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(path)
    (problem,) = caught.value.problems
    assert problem.file == path
    assert problem.problem.startswith(said)


def test_standard_input_and_files_are_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(NODE % "n")
    with pytest.raises(InputError) as caught:
        read("-", "-", file, str(file), stdin=io.StringIO(NODE % "m"))
    assert [problem.problem for problem in caught.value.problems] == [
        "expected standard input once among the sources, got it again",
        "expected each file once among the sources, got it again",
    ]


@pytest.mark.parametrize("source", [5, None, b"kind: Node"], ids=repr)
def test_what_is_no_source_is_refused(source: object) -> None:
    with pytest.raises(InputError, match="expected a path, a mapping or some mappings"):
        read(cast("Any", source))


def test_keys_in_snake_case_name_the_way_out() -> None:
    with pytest.raises(InputError, match="sanitize_for_serialization"):
        read({"api_version": "v1", "kind": "Pod", "metadata": {"name": "p"}})


def test_two_clusters_of_one_name_by_label_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        read(system("east"), system("east"))
    (problem,) = caught.value.problems
    assert problem.problem == (
        "expected one cluster of the name 'east', got two; name each as --cluster NAME=PATH (clusters={NAME: PATH})"
    )
    assert problem.object == "Namespace istio-system"
    assert problem.path == "metadata.labels[topology.istio.io/cluster]"


def test_two_clusters_of_one_name_by_the_caller_are_refused() -> None:
    with pytest.raises(InputError, match="expected one cluster of the name 'a', got two from the caller"):
        read(clusters=[("a", json.loads(NODE % "n")), ("a", json.loads(NODE % "m"))])


def test_a_label_that_names_a_cluster_of_the_caller_is_refused() -> None:
    with pytest.raises(InputError, match="got two, from the caller and from here"):
        read(system("a"), clusters={"a": json.loads(NODE % "n")})


def test_a_source_of_no_cluster_among_several_asks_for_a_name() -> None:
    node: Mapping[str, Any] = json.loads(NODE % "n")
    with pytest.raises(InputError, match=r"several clusters \('a', 'b'\); give it as --cluster NAME=PATH"):
        read(system("a"), system("b"), node)


RULE = (
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r, namespace: a}\nspec: {host: %s}\n"
)


def test_a_broken_rule_that_several_clusters_share_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULE % 5)
    with pytest.raises(InputError) as caught:
        read(system("a"), system("b"), tmp_path / "rules.yaml")
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("WorkloadEntry", {"weight": -1}, "spec.weight"),
        ("ServiceEntry", {"hosts": ["h"], "endpoints": [{"weight": 2**32}]}, "spec.endpoints[0].weight"),
    ],
)
def test_a_weight_out_of_range_is_refused(kind: str, spec: object, path: str) -> None:
    with pytest.raises(InputError) as caught:
        read({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": "w"}, "spec": spec})
    (problem,) = caught.value.problems
    assert problem.path == path
    assert problem.problem.startswith("expected an integer from 0 to 4294967295, got")


# What only looks like manifests


NAMELESS = "apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n---\n"
DUMP = "".join(NAMELESS.format(kind="Node", name=name) for name in "abc")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "service.yaml",
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\n",
            "expected Kubernetes objects, got a template with {{ … }}: render it first, as with `helm template`",
        ),
        (
            "service.yaml",
            "{{- if .Values.on }}\nkind: Service\n{{- end }}\n",
            "expected Kubernetes objects, got a template with {{ … }}: render it first, as with `helm template`",
        ),
        (
            "kustomization.yaml",
            "resources: [a.yaml]\n",
            "expected Kubernetes objects, got a kustomization: build it first, as with `kubectl kustomize FOLDER`",
        ),
        (
            "config",
            "apiVersion: v1\nkind: Config\nclusters: []\n",
            "expected Kubernetes objects, got a kubeconfig; give what `kubectl get … -o yaml` prints",
        ),
        (
            "k.yaml",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
            "expected Kubernetes objects, got a kustomization: build it first, as with `kubectl kustomize FOLDER`",
        ),
    ],
    ids=["template", "template-alone", "kustomization", "kubeconfig", "kind-kustomization"],
)
def test_what_only_looks_like_manifests_is_called_by_its_name(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(tmp_path / name)
    (problem,) = caught.value.problems
    assert problem.problem == said


def test_a_kustomization_of_flux_is_an_object_like_others() -> None:
    text = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n"
    (cluster,) = load("-", stdin=io.StringIO(text)).clusters
    assert dict(cluster.skipped) == {"Kustomization": 1}


def test_text_instead_of_a_path_is_answered_with_what_to_give() -> None:
    with pytest.raises(InputError, match=r"^expected a path, got text; give the objects themselves"):
        load("apiVersion: v1\nkind: Service\n")


def test_an_open_file_is_answered_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(DUMP, encoding="utf-8")
    with (tmp_path / "a.yaml").open(encoding="utf-8") as file, pytest.raises(InputError) as caught:
        load(file)  # type: ignore[arg-type]  # what a caller may try
    assert str(caught.value) == f"expected a path, got an open file; give its path {file.name!r}, or '-' and stdin=…"


def test_two_dumps_without_names_are_one_problem(tmp_path: Path) -> None:
    for name in ("east.yaml", "west.yaml"):
        (tmp_path / name).write_text(DUMP, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(tmp_path / "east.yaml", tmp_path / "west.yaml")
    (problem,) = caught.value.problems
    assert problem.file == str(tmp_path / "west.yaml")
    assert problem.problem == (
        f"expected each object once, got 3 of {tmp_path / 'east.yaml'} again; if they are dumps of two clusters"
        " that do not say their names, give each one: --cluster NAME=PATH (clusters={NAME: PATH})"
    )


def test_two_objects_that_come_twice_are_two_problems(tmp_path: Path) -> None:
    for name in ("east.yaml", "more.yaml"):
        text = "".join(NAMELESS.format(kind="Node", name=each) for each in "ab")
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(tmp_path / "east.yaml", tmp_path / "more.yaml")
    assert [problem.object for problem in caught.value.problems] == ["Node a", "Node b"]


def test_a_cluster_that_is_named_twice_is_answered_with_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(DUMP, encoding="utf-8")
    with pytest.raises(
        InputError, match="got two from the caller; put the files of one cluster in a folder, and give that"
    ):
        load(clusters=[("c", tmp_path / "a.yaml"), ("c", tmp_path / "a.yaml")])
