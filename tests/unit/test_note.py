"""Notes and their table of codes."""

import re
from pathlib import Path

import pytest

from meshtier import lint
from meshtier.errors import UnknownNameError
from meshtier.note import CODES, Note, Severity

SOURCE = Path(__file__).parents[2] / "src" / "meshtier"
RULES = Path(__file__).parents[2] / "docs" / "reference" / "rules.md"


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_of_small_words_and_rests_on_rules_that_the_docs_have(code: str) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
    page = RULES.read_text(encoding="utf-8")
    for rule in CODES[code].rules:
        family = rule.partition("-")[0]
        assert rule == "INPUT" or f"### {rule}" in page or f"## {family}" in page


def test_every_lint_rule_that_a_note_names_is_there() -> None:
    assert {row.lint_rule for row in CODES.values()} - {""} <= set(lint.RULES)


def _makers(code: str) -> list[str]:
    # A lint rule is called like the note that says the same of one answer, and makes none.
    apart = (SOURCE / "note.py", *(SOURCE / "lint").glob("*.py"))
    paths = [path for path in SOURCE.rglob("*.py") if path not in apart]
    return [path.name for path in paths for _ in range(path.read_text(encoding="utf-8").count(f'"{code}"'))]


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_made_in_one_place(code: str) -> None:
    # The report leaves one of them out, which its heading says already.
    readers = ["report.py"] if code == "distribution-out-of-force" else []
    made = _makers(code)
    for reader in readers:
        made.remove(reader)
    assert len(made) == 1


def test_no_two_codes_say_the_same() -> None:
    assert len({row.summary for row in CODES.values()}) == len(CODES)


def test_a_code_that_is_not_in_the_table_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="no code of a note 'unknown-plaice'; the nearest: unknown-place"):
        Note("unknown-plaice", "a text")


def test_rule_and_severity_of_a_note_are_those_of_its_code() -> None:
    note = Note("unknown-label", "both lack it")
    assert (note.rule, note.rules, note.severity) == ("LOC-6", ("LOC-6", "DR-3"), Severity.WARNING)
