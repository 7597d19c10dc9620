"""Every lint rule has a mistake that it finds, one that only looks alike, and the mistake repaired."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from meshtier.kube import load
from meshtier.lint.catalogue import RULES
from meshtier.lint.checking import inspect
from meshtier.mesh import Mesh
from meshtier.profile import Profile

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "lint"
NAMES: Final = ("mistake", "near-miss", "repaired")


def path_of(rule: str, name: str) -> Path:
    """The file of an example, or its folder where it has several clusters."""
    folder = EXAMPLES / rule / name
    return folder if folder.is_dir() else folder.with_suffix(".yaml")


def mesh_of(path: Path) -> Mesh:
    if not path.is_dir():
        return load(path)
    named = {each.stem: each for each in sorted(path.iterdir())}
    texts = [each.read_text(encoding="utf-8") for each in named.values()]
    if all("topology.istio.io/cluster" in text for text in texts):
        return load(path)
    return load(clusters=named)


def options_of(rule: str) -> dict[str, Any]:
    path = EXAMPLES / rule / "options.json"
    options: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {key: Profile.named(value) for key, value in options.items()}


def cases() -> Iterator[Any]:
    for rule in RULES:
        for name in NAMES:
            yield pytest.param(rule, name, id=f"{rule}-{name}")


@pytest.mark.parametrize(("rule", "name"), list(cases()))
def test_a_rule_finds_its_mistake_and_nothing_else(rule: str, name: str) -> None:
    path = path_of(rule, name)
    assert path.exists(), f"expected {path}"
    found = inspect(mesh_of(path), select=[rule], **options_of(rule))
    assert not found.not_run, f"{rule} lacks {found.not_run}"
    assert {finding.rule for finding in found.findings} == ({rule} if name == "mistake" else set())


@pytest.mark.parametrize("rule", list(RULES))
def test_a_finding_says_what_happens_and_what_to_write(rule: str) -> None:
    found = inspect(mesh_of(path_of(rule, "mistake")), select=[rule], **options_of(rule))
    for finding in found.findings:
        assert finding.object
        assert finding.message
        assert not finding.message.endswith(".")
        assert finding.instead or rule == "IN701"
        assert finding.fix


@pytest.mark.parametrize("rule", list(RULES.values()), ids=str)
def test_a_rule_is_explained(rule: Any) -> None:
    assert rule.summary
    assert rule.rests_on
    assert rule.why.endswith(".")
    assert rule.help.endswith(".")
    assert rule.name == rule.name.lower()
