"""How does a code scanner show findings? As SARIF 2.1.0, within what GitHub takes."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from meshtier.lint.checking import Inspection
from meshtier.lint.finding import Finding
from meshtier.lint.rule import LintRule
from meshtier.lint.suppression import Suppressed
from meshtier.note import Severity
from meshtier.version import VERSION

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
MOST_RESULTS: Final = 25_000
"""So many results of one run GitHub takes; the worst come first."""

_LEVELS: Final[Mapping[Severity, str]] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}


def sarif(found: Inspection, *, help_uri: str = "") -> dict[str, Any]:
    """The inspection as one SARIF log with one run.

    Args:
        found: The inspection. What is suppressed is in it, and marked so; beyond
            `MOST_RESULTS` the rest is left out, and the run says how many.
        help_uri: Where the page of the rules is; each rule's own place on it is
            added. ``""`` for none.
    """
    numbers = {rule.id: number for number, rule in enumerate(found.rules)}
    results = [_result(finding, numbers) for finding in found.findings]
    results += [_suppressed(each, numbers) for each in found.suppressed]
    left_out = len(results) - MOST_RESULTS
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "meshtier",
                "semanticVersion": VERSION,
                "rules": [_rule(rule, help_uri) for rule in found.rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": results[:MOST_RESULTS],
        "properties": {
            "profile": found.profile.name,
            "notRun": {each.rule.id: [str(need) for need in each.lacks] for each in found.not_run},
        },
    }
    if left_out > 0:
        run["properties"]["resultsLeftOut"] = left_out
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: LintRule, help_uri: str) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why or rule.summary},
        "help": {"text": rule.help or rule.summary},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": [rule.family, *rule.rests_on], "precision": "high"},
    }
    if help_uri:
        data["helpUri"] = f"{help_uri}#{rule.id.lower()}"
    return data


def _result(finding: Finding, numbers: Mapping[str, int]) -> dict[str, Any]:
    return {
        "ruleId": finding.rule,
        "ruleIndex": numbers[finding.rule],
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.sentence},
        "locations": [_location(finding)],
        "partialFingerprints": {"meshtierFinding/v1": _fingerprint(finding)},
    }


def _suppressed(each: Suppressed, numbers: Mapping[str, int]) -> dict[str, Any]:
    in_source = each.suppression.by != "the caller"
    suppression = {"kind": "inSource" if in_source else "external"}
    if each.suppression.reason:
        suppression["justification"] = each.suppression.reason
    return {**_result(each.finding, numbers), "suppressions": [suppression]}


def _location(finding: Finding) -> dict[str, Any]:
    parts: Sequence[str] = [part for part in (finding.cluster, finding.object, finding.path) if part]
    location: dict[str, Any] = {
        "logicalLocations": [{"name": finding.object, "fullyQualifiedName": "/".join(parts), "kind": "object"}]
    }
    if finding.file and finding.file != "-":
        # A line of 1 where none is known: GitHub takes no result without one.
        location["physicalLocation"] = {
            "artifactLocation": {"uri": quote(PurePath(finding.file).as_posix())},
            "region": {"startLine": finding.line or 1},
        }
    return location


def _fingerprint(finding: Finding) -> str:
    """What stays the same while lines above move: the rule and the object, not the values."""
    what = "\0".join((finding.rule, finding.cluster, finding.object, finding.path))
    return hashlib.sha256(what.encode()).hexdigest()[:32]
