"""What a shell offers at the press of a key: names that fit, and never an error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from meshtier.cli import app
from meshtier.cli.completion import MOST_BYTES, MOST_FILES

ROOT = Path(__file__).parents[2]
GATEWAYS = "examples/bookinfo/gateways"
EAST = f"{GATEWAYS}/east.yaml"
COMPONENTS = ["auto", "ztunnel", "waypoint", "ingress-gateway", "sidecar", "kgateway"]
PRODUCTPAGE = ["productpage.bookinfo.mesh.internal", "productpage.bookinfo.svc.cluster.local"]


@pytest.fixture(autouse=True)
def _at_the_top_of_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def offered(*words: str) -> list[str]:
    """The completions of the last of these words; a file name is left to the shell."""
    *before, typed = words
    shell = ShellComplete(app, {}, "meshtier", "_MESHTIER_COMPLETE")
    return [item.value if item.type == "plain" else f"<{item.type}>" for item in shell.get_completions(before, typed)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("",),
            [
                *("clients", "diff", "explain", "export", "hosts", "lint"),
                *("routes", "simulate", "survive", "tables", "tiers", "traffic"),
            ],
        ),
        (("export", "b"), ["bootstrap"]),
        (("explain", "--v"), ["--via"]),
        (("explain", ""), ["<file>"]),
        (("explain", "--via", ""), COMPONENTS),
        (("explain", GATEWAYS, "--via", "w"), ["waypoint"]),
        (("routes", "--via", "="), COMPONENTS),
        (("routes", "--via=s"), ["sidecar"]),
        (("export", "eds", "--via", "IN"), ["ingress-gateway"]),
        (("explain", "--via", "x"), []),
        (("tiers", "--profile", "so"), ["solo"]),
        (("explain", "-o", ""), ["table", "json", "yaml", "markdown", "html", "svg", "mermaid", "dot"]),
        (("routes", "-o", ""), ["table", "jsonl", "markdown", "mermaid", "dot"]),
        (("simulate", "-o", ""), ["table", "json", "markdown", "html", "svg"]),
        (("simulate", "--scenario", ""), ["<file>"]),
        (("tiers", "prefers"), ["PreferSameZone", "PreferSameNode"]),
        (("tiers", ""), ["Any", "PreferNetwork", "PreferRegion", "PreferSameZone", "PreferSameNode", "PreferClose"]),
        (("export", "cluster", "--eds-path", ""), ["<file>"]),
    ],
    ids=" ".join,
)
def test_words_that_are_known_in_advance_are_offered(words: tuple[str, ...], expected: list[str]) -> None:
    assert offered(*words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("explain", GATEWAYS, "--from", "x", "--to", "prod"), PRODUCTPAGE),
        (("explain", "--to", "prod"), []),
        (("explain", EAST, "--via", "waypoint", "--to", "productpage.bookinfo.m"), PRODUCTPAGE[:1]),
        (("routes", GATEWAYS, "--to", "rat"), ["ratings.bookinfo.svc.cluster.local"]),
        (("export", "eds", GATEWAYS, "--to", "productpage.bookinfo.m"), PRODUCTPAGE[:1]),
        (("explain", "--cluster", f"blue={EAST}", "--to", "productpage.bookinfo.m"), PRODUCTPAGE[:1]),
        (("explain", GATEWAYS, "--from", "west/bookinfo/c"), ["west/bookinfo/curl-west"]),
        (("explain", GATEWAYS, "--from", "bookinfo/c"), ["bookinfo/curl-east", "bookinfo/curl-west"]),
        (("explain", GATEWAYS, "--from", "c"), ["curl-east", "curl-west"]),
        (("explain", GATEWAYS, "--from", "region=us"), []),
        (("simulate", GATEWAYS, "--from", "curl-east", "--from", "c"), ["curl-east", "curl-west"]),
        (("simulate", GATEWAYS, "--to", "rat"), ["ratings.bookinfo.svc.cluster.local"]),
        (("explain", GATEWAYS, "--in", ""), ["east", "west"]),
        (("explain", "--cluster", f"blue={EAST}", "--in", ""), ["blue"]),
    ],
    ids=" ".join,
)
def test_names_are_offered_from_the_sources_on_the_line(words: tuple[str, ...], expected: list[str]) -> None:
    assert offered(*words) == expected


def test_without_a_beginning_every_pod_is_offered_by_its_full_name() -> None:
    names = offered("explain", EAST, "--from", "")
    assert "east/bookinfo/curl-east" in names
    assert all(name.startswith("east/") for name in names)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", []),
        ("ea", []),
        ("blue=examples/bookinfo/ga", ["blue=examples/bookinfo/gateways/"]),
        (f"blue={GATEWAYS}/e", [f"blue={EAST}"]),
        ("blue=nosuch", []),
        ("blue=[", []),
    ],
)
def test_a_path_is_offered_behind_the_name_of_a_cluster(typed: str, expected: list[str]) -> None:
    assert offered("explain", "--cluster", typed) == expected


@pytest.mark.parametrize("source", ["-", "nosuch.yaml", "README.md", "src", "examples/bookinfo"])
def test_sources_that_cannot_be_read_offer_no_name(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder `examples/bookinfo` names each cluster in two variants, and that is an error."""
    assert offered("explain", source, "--from", "") == []
    assert capsys.readouterr() == ("", "")


def test_what_takes_long_to_read_offers_no_name(tmp_path: Path) -> None:
    large, many = tmp_path / "large", tmp_path / "many"
    large.mkdir()
    with (large / "dump.json").open("wb") as dump:
        dump.truncate(MOST_BYTES + 1)
    many.mkdir()
    for number in range(MOST_FILES):
        (many / f"{number}.yaml").touch()
    (many / "east.yaml").write_bytes(Path(EAST).read_bytes())
    for folder in (large, many):
        assert offered("explain", str(folder), "--to", "") == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_left_to_the_command_that_is_being_typed(tmp_path: Path) -> None:
    pipe = tmp_path / "dump.json"
    os.mkfifo(pipe)
    assert offered("explain", str(pipe), "--to", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_and_then_names(shell: str) -> None:
    def asked(instruction: str, **more: str) -> str:
        environment = {**os.environ, "_MESHTIER_COMPLETE": f"{shell}_{instruction}", **more}
        code = "import sys; sys.argv = ['meshtier']; from meshtier.__main__ import main; main()"
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, env=environment, check=False, timeout=60, text=True
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    assert "_meshtier_completion" in asked("source")
    typed = "way" if shell == "fish" else "3"  # fish gives the word, the others its number
    assert "waypoint" in asked("complete", COMP_WORDS="meshtier explain --via way", COMP_CWORD=typed)
