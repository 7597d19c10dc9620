"""The command as a process: exit codes, pipes, terminals, and never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BOOKINFO = Path(__file__).parents[2] / "examples" / "bookinfo"
GATEWAYS = str(BOOKINFO / "gateways")
PRODUCTPAGE = "productpage.bookinfo.mesh.internal"
ASK = ("explain", GATEWAYS, "--from", "bookinfo/curl-east", "--to", PRODUCTPAGE)
DROPPED = ("explain", GATEWAYS, "--from", "node/east-b1", "--to", "ratings.bookinfo")
COMMAND = (sys.executable, "-m", "meshtier")

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux' own files")


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}} | more


def meshtier(*arguments: str, stdin: bytes | None = None, **more: str) -> subprocess.CompletedProcess[bytes]:
    ended = subprocess.run(
        [*COMMAND, *arguments], input=stdin, capture_output=True, env=environment(**more), check=False, timeout=60
    )
    assert b"Traceback" not in ended.stderr, ended.stderr.decode()
    return ended


def test_an_answer_ends_with_zero_and_says_nothing_besides() -> None:
    ended = meshtier(*ASK)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.startswith(f"{PRODUCTPAGE}\n".encode())


@pytest.mark.parametrize("form", ["table", "json", "yaml", "markdown"])
def test_where_nothing_can_receive_it_ends_with_one(form: str) -> None:
    ended = meshtier(*DROPPED, "-o", form)
    assert (ended.returncode, ended.stderr) == (1, b"")
    assert b"no endpoint is left to choose from" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explain", "nosuch.yaml"), "meshtier: nosuch.yaml: "),
        (("explain", GATEWAYS, "--from", "nobody", "--to", PRODUCTPAGE), "meshtier: no client 'nobody'"),
        (
            ("explain", GATEWAYS, "--from", "curl-east", "--to", "nothing"),
            "meshtier: no host 'nothing'",
        ),
        (("explain", GATEWAYS, "--from", "region=", "--to", PRODUCTPAGE), "meshtier: cluster: expected the cluster of"),
        (("explain", GATEWAYS, "--from", "a=b", "--to", PRODUCTPAGE), "meshtier: client: expected 'scope=name, …'"),
        (("routes", GATEWAYS, "--to", "nothing"), "meshtier: no host 'nothing'"),
        (("explain",), "Usage: "),
        (("nosuch",), "Usage: "),
        (("tiers", "nosuch"), "Usage: "),
    ],
    ids=["file", "client", "host", "place", "scope", "routes", "no sources", "command", "mode"],
)
def test_what_cannot_be_understood_ends_with_two_and_one_message(arguments: tuple[str, ...], said: str) -> None:
    ended = meshtier(*arguments, PYTHONIOENCODING="utf-8")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.decode().startswith(said)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"kind: List\n", b"\xff\xfe", b"a: &a [*a]\n", b"- [" * 1000, b"kind: Node\nmetadata: {}\n", b"42"],
    ids=["empty", "cut", "no items", "no text", "alias of itself", "deep", "no name", "number"],
)
def test_bad_input_ends_with_two_and_names_the_source(text: bytes) -> None:
    ended = meshtier("explain", "-", "--from", "x", "--to", "y", stdin=text)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.strip()


def test_all_problems_of_the_input_are_counted(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("kind: Node\nmetadata: {}\n---\nkind: Pod\nmetadata: 3\n")
    ended = meshtier("routes", str(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr.decode().splitlines()[0] == "2 problems in the input:"


def test_standard_input_and_files_may_stand_together() -> None:
    east = (BOOKINFO / "gateways" / "east.yaml").read_bytes()
    west = str(BOOKINFO / "gateways" / "west.yaml")
    ended = meshtier("explain", "-", west, *ASK[2:], stdin=east)
    assert ended.stdout == meshtier(*ASK).stdout


def test_into_a_pipe_there_is_no_colour() -> None:
    for arguments in (ASK, ("tiers",), ("routes", GATEWAYS)):
        assert b"\x1b" not in meshtier(*arguments, TERM="xterm-256color").stdout


@on_linux
@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)], ids=["colour", "NO_COLOR"])
def test_on_a_terminal_there_is_colour_unless_it_is_not_wanted(more: dict[str, str], coloured: bool) -> None:
    text = _on_a_terminal(*ASK, TERM="xterm-256color", COLUMNS="200", **more)
    assert PRODUCTPAGE in text
    assert "PreferNetwork holds" in text
    assert ("\x1b[36m" in text or "\x1b[1;36m" in text) is coloured


@on_linux
def test_on_a_terminal_the_source_that_is_read_is_shown_and_then_gone() -> None:
    text = _on_a_terminal(*ASK, TERM="dumb", COLUMNS="200", NO_COLOR="1")
    shown, _, answer = text.rpartition("\r" + " " * 79 + "\r")
    assert [line.strip() for line in shown.split("\r") if line] == [
        f"reading {GATEWAYS}/east.yaml"[:79],
        f"reading {GATEWAYS}/west.yaml"[:79],
    ]
    assert answer.startswith(PRODUCTPAGE)


@on_linux
def test_a_narrow_terminal_folds_and_loses_nothing() -> None:
    text = _on_a_terminal(*ASK, TERM="dumb", COLUMNS="60", NO_COLOR="1")
    assert "s9dlm" in text.replace("\n", "").replace("\r", "").replace(" ", "")
    assert "…" not in text


def _on_a_terminal(*arguments: str, **more: str) -> str:
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen([*COMMAND, *arguments], stdout=theirs, stderr=theirs, env=environment(**more)) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux' way to say that the other side has gone
                break
            if not part:
                break
            said += part
        assert process.wait(60) == 0
    os.close(ours)
    return said.decode()


@pytest.mark.parametrize(
    "arguments", [ASK, ("routes", GATEWAYS, "-o", "jsonl"), ("tiers",)], ids=["explain", "routes", "tiers"]
)
def test_a_reader_that_has_gone_is_no_error(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run([*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


@on_linux
def test_a_full_disk_is_one_message() -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([*COMMAND, *ASK], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr.decode().splitlines() == ["meshtier: the output cannot be written: No space left on device"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_an_encoding_that_lacks_a_letter_is_no_error(encoding: str) -> None:
    name = "west/bookinfo/productpage-v1-7b9c5d4f68-s9dlm"
    ended = meshtier(*ASK, "--endpoint", name, PYTHONIOENCODING=encoding)
    assert ended.returncode == 0
    assert b"net-east" in ended.stdout
    assert meshtier(PYTHONIOENCODING=encoding).returncode in (0, 2)


def test_what_a_manifest_holds_cannot_steer_the_terminal() -> None:
    evil = b"""\
{"kind": "List", "apiVersion": "v1", "items": [
 {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web", "namespace": "ns",
  "annotations": {"networking.istio.io/traffic-distribution": "\\u001b[2Jgone\\nP0  100 %"}},
  "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}},
 {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "namespace": "ns", "labels": {"app": "web"}},
  "status": {"podIP": "10.0.0.1", "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}]}
"""
    for form in ("table", "json", "yaml", "markdown"):
        ended = meshtier("explain", "-", "--from", "p", "--to", "web", "-o", form, stdin=evil)
        assert ended.returncode == 0
        assert b"\x1b" not in ended.stdout
        assert b"\nP0  100 %" not in ended.stdout


def test_the_version_and_the_help() -> None:
    assert meshtier("--version").stdout.startswith(b"meshtier, version ")
    assert meshtier("-h").returncode == 0
    assert meshtier("explain", "-h").returncode == 0
