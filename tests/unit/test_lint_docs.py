"""The page of lint rules is what the table and the examples say.

Run as a program (``python -m tests.unit.test_lint_docs``), this file writes the page.
"""

import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Final

from tests.unit.test_lint_examples import mesh_of, options_of, path_of

from meshtier.lint.catalogue import FAMILIES, RULES
from meshtier.lint.checking import inspect
from meshtier.lint.rule import LintRule

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "reference" / "lint.md"
HEAD: Final = """# Lint rules

Each finds a mistake that people make. `meshtier lint SOURCES` runs them all; `--select` and `--ignore` take an id, a
name or the letters of a family. The page is made of the table that the command reads, and of the files of
`examples/lint`.

An annotation on an object hides what a rule says of it: `meshtier.io/ignore: "DR101: why not"`, several divided by
`;`. What is hidden is counted and listed. Of Pods, of which a dump has many, it is not read: `-S RULE=OBJECT` hides
what is said of one. How to run it all over a repository, and in CI, is in
[Lint a repository of manifests](../how-to/lint-manifests.md).
"""


def page() -> str:
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield HEAD
    for family in FAMILIES:
        yield f"## {family.letters}: {family.title}\n"
        yield "| rule | name | severity | what it finds |"
        yield "|---|---|---|---|"
        for rule in family.rules:
            yield f"| [{rule.id}](#{rule.id.lower()}) | {rule.name} | {rule.severity} | {rule.summary} |"
        yield ""
        for rule in family.rules:
            yield from _section(rule)


def _section(rule: LintRule) -> Iterator[str]:
    yield f"({rule.id.lower()})=\n### {rule.id} {rule.name}\n"
    needs = f" It needs {', '.join(sorted(map(str, rule.needs)))}." if rule.needs else ""
    yield f"*{rule.severity}* · rests on {', '.join(map(_linked, rule.rests_on))}.{needs}\n"
    yield f"{rule.why} {rule.help}\n"
    options = options_of(rule.id)
    said = ", ".join(f"{name.replace('_', ' ')} {profile.name}" for name, profile in options.items())
    yield f"This has it{f' ({said})' if said else ''}:\n"
    mistake, repaired = _text(path_of(rule.id, "mistake")), _text(path_of(rule.id, "repaired"))
    yield f"```yaml\n{mistake}```\n"
    for finding in inspect(mesh_of(path_of(rule.id, "mistake")), select=[rule.id], **options).findings:
        yield f"> {finding.object}: {finding.message}.\n>\n> Instead: {finding.instead}.\n>\n> Fix: {finding.fix}.\n"
    yield "Repaired:\n"
    changes = list(unified_diff(mistake.splitlines(), repaired.splitlines(), lineterm="", n=2))[2:]
    yield "\n".join(["```diff", *(line for line in changes if not line.startswith("@@")), "```\n"])


def _linked(number: str) -> str:
    """A rule of the mesh, with where it stands."""
    return f"[{number}](rules.md#{number.lower()})"


def _text(path: Path) -> str:
    if not path.is_dir():
        return path.read_text(encoding="utf-8")
    return "".join(f"# {each.name}\n{each.read_text(encoding='utf-8')}" for each in sorted(path.iterdir()))


def test_the_page_is_what_the_table_and_the_examples_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_rule_has_its_place_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [rule for rule in RULES if f"({rule.lower()})=" not in text] == []


def test_what_rules_rest_on_is_on_the_page_of_rules() -> None:
    text = (ROOT / "docs/reference/rules.md").read_text(encoding="utf-8")
    numbers = {number for rule in RULES.values() for number in rule.rests_on}
    assert {number for number in numbers if f"({number.lower()})=" not in text} == set()


def test_readme_and_changelog_say_how_many_rules_there_are() -> None:
    for name in ("README.md", "CHANGELOG.md"):
        assert f"{len(RULES)} mistakes that meshes make" in (ROOT / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
