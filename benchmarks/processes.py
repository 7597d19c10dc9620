"""What does a start cost: of an import, of the command, of a large dump?"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks.decoding import decode
from benchmarks.fleet import kubernetes_dump, mixed_fleet
from benchmarks.measure import Figure, Measure, Scale, compared, slug, take_turns, timed
from meshtier import kube

_IMPORT: Final = "from time import perf_counter as t; a = t(); import {}; print(t() - a)"
_EXAMPLE: Final = Path(__file__).parents[1] / "examples" / "bookinfo" / "gateways"
COMMANDS: Final = {
    "meshtier --version": (("--version",), 1.5),
    "meshtier explain": (
        ("explain", str(_EXAMPLE), "--from", "bookinfo/curl-east", "--to", "productpage.bookinfo.mesh.internal"),
        3,
    ),
}
"""The commands that are timed: arguments, and the budget."""


def run(*arguments: str) -> str:
    """What a Python process with these arguments prints; it succeeds."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True).stdout


def _importing(modules: str) -> Measure:
    return lambda: float(run("-c", _IMPORT.format(modules)))


def imports(scale: Scale) -> Iterator[Figure]:
    """`import meshtier` beside its two dependencies, each in a fresh interpreter."""
    theirs = "attrs, typing_extensions"
    times = take_turns(_importing("meshtier"), _importing(theirs), scale=scale)
    yield compared("import", "`import meshtier`", f"`import {theirs}`", times, budget=1.3)


def commands(scale: Scale) -> Iterator[Figure]:
    """The command as a whole process, beside one that imports three of its dependencies."""
    bare = "import click, yaml, attrs"
    for name, (arguments, budget) in COMMANDS.items():
        works = partial(run, "-m", "meshtier", *arguments), partial(run, "-c", bare)
        times = take_turns(*(timed(work, collector=True, clock=perf_counter) for work in works), scale=scale)
        yield compared(slug("process", *name.split()), f"`{name}`", f'`python -c "{bare}"`', times, budget=budget)


def loading(scale: Scale) -> Iterator[Figure]:
    """`kube.load` of a dump beside decoding the fields that matter into typed structs, with msgspec."""
    fleet = mixed_fleet(clusters=1, nodes=3 * scale.nodes, services=scale.services, pods=scale.pods)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "dump.json")
        path.write_text(json.dumps(kubernetes_dump(fleet, 0)))
        megabytes = path.stat().st_size / 1e6
        # `kube.load` holds the collector back by itself, so the baseline has none either.
        works = timed(partial(kube.load, path)), timed(lambda: decode(path.read_bytes()))
        times = take_turns(*works, scale=scale, warm=False)
    yield compared(
        slug("load", scale.pods, "pods"),
        f"`kube.load` of {scale.pods:,} pods, {megabytes:,.0f} MB",
        "msgspec into typed structs",
        times,
        budget=2,
    )
