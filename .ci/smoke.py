"""The wheel with nothing but its own dependencies: the core works, and every extra says what it needs."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import meshtier
from meshtier import Endpoint, EndpointIndex, Locality, MissingExtraError, TrafficDistribution, rank, resolve, tier_of
from meshtier.kube import load

ABSENT = ("yaml", "msgspec", "click", "rich", "narwhals", "altair", "hypothesis")
assert not [name for name in ABSENT if find_spec(name)], "the environment is not empty"

here, there = Locality("n", "r", "a"), Locality("n", "r", "b")
mode = TrafficDistribution.PREFER_SAME_ZONE
assert tier_of(here, there, mode) == 1
ranking = rank(here, [Endpoint("x", here), Endpoint("y", there)], mode)
assert [tier.number for tier in ranking.tiers] == [0, 1]
best = EndpointIndex([Endpoint("x", there)]).best(here, mode)
assert best is not None
assert best.number == 1
assert resolve(spec="PreferClose").mode is mode
node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "labels": {}}}
assert len(load(node).clusters[0].nodes) == 1

Path("dump.yaml").write_text("kind: Node\n", encoding="utf-8")
said = ""
try:
    load("dump.yaml")
except MissingExtraError as error:
    said = str(error)
assert "meshtier[yaml]" in said, said

programs = [str(Path(sys.executable).with_name(name)) for name in ("meshtier", "kubectl-meshtier")]
for arguments in ([sys.executable, "-m", "meshtier"], *([program, "tiers"] for program in programs)):
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done
    assert done.stderr.count("\n") == 1, done.stderr
    assert "meshtier[cli]" in done.stderr, done.stderr

print(f"meshtier {meshtier.__name__} works alone: {len(meshtier.__all__)} public names")
