"""In what forms is an inspection told? Tables for people, JSON for tools, annotations for a pull request."""

from collections.abc import Iterable, Iterator
from typing import Final, TypedDict

from meshtier.lint.checking import SEVERITIES, Inspection
from meshtier.lint.finding import Finding, FindingData
from meshtier.mesh.report import Report, Section
from meshtier.note import Severity
from meshtier.table import Table

VERSION: Final = 1
"""The version of the JSON document; it grows when a key changes its meaning or goes."""

_PLURALS: Final = {
    Severity.ERROR: ("error", "errors"),
    Severity.WARNING: ("warning", "warnings"),
    Severity.INFO: ("remark", "remarks"),
}
_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
"""The workflow commands of GitHub, by severity."""


class SuppressedData(TypedDict):
    """A finding that is not wanted, as plain data."""

    finding: FindingData
    by: str
    reason: str


class NotRunData(TypedDict):
    """A rule that was not run, as plain data."""

    rule: str
    name: str
    lacks: list[str]


class InspectionData(TypedDict):
    """An inspection as plain data."""

    version: int
    profile: str
    findings: list[FindingData]
    suppressed: list[SuppressedData]
    not_run: list[NotRunData]


def to_dict(found: Inspection) -> InspectionData:
    """The whole inspection as plain data."""
    return InspectionData(
        version=VERSION,
        profile=found.profile.name,
        findings=[finding.to_dict() for finding in found.findings],
        suppressed=[
            SuppressedData(finding=each.finding.to_dict(), by=each.suppression.by, reason=each.suppression.reason)
            for each in found.suppressed
        ],
        not_run=[
            NotRunData(rule=each.rule.id, name=each.rule.name, lacks=[str(need) for need in each.lacks])
            for each in found.not_run
        ],
    )


def summary(found: Inspection) -> str:
    """One line: how much of what was found."""
    counts = [(found.count(severity), _PLURALS[severity]) for severity in SEVERITIES]
    said = [f"{count} {names[count != 1]}" for count, names in counts if count]
    objects = len({(finding.cluster, finding.object) for finding in found.findings})
    where = f" in {objects} object{'s' * (objects != 1)}" if objects else ""
    more = [f"{len(found.suppressed)} suppressed"] if found.suppressed else []
    more += [f"{len(found.not_run)} of {len(found.rules)} rules not run"] if found.not_run else []
    return "; ".join([f"{', '.join(said) or 'no finding'}{where}", *more])


def report(found: Inspection) -> Report:
    """The inspection for reading: by object, the worst first, with what to do; then what was not said."""
    sections = [Section(heading=_title(findings[0]), lines=_lines(findings)) for findings in _by_object(found.findings)]
    if found.suppressed:
        rows = [
            (each.finding.rule, each.finding.object, each.suppression.by, each.suppression.reason)
            for each in found.suppressed
        ]
        table = Table(columns=("rule", "object", "by", "reason"), rows=rows)
        sections.append(Section(heading="suppressed", table=table))
    if found.not_run:
        lacking: dict[str, list[str]] = {}
        for each in found.not_run:
            lacking.setdefault(", ".join(map(str, each.lacks)), []).append(each.rule.id)
        rows_lacking = [(lacks, ", ".join(rules)) for lacks, rules in lacking.items()]
        sections.append(
            Section(heading="not run", table=Table(columns=("the input lacks", "rules"), rows=rows_lacking))
        )
    sections.append(Section(lines=[summary(found)]))
    return Report(title=f"lint, profile {found.profile.name}", sections=sections)


def github(found: Inspection) -> Iterator[str]:
    """A workflow command for each finding, which GitHub shows beside the line.

    Source: the documentation of GitHub Actions, workflow commands. GitHub shows ten of each kind for a step.
    """
    for finding in found.findings:
        where = [f"file={_property(finding.file)}"] if finding.file else []
        where += [f"line={finding.line}"] if finding.file and finding.line is not None else []
        where.append(f"title={_property(f'{finding.rule} {finding.name}')}")
        yield f"::{_COMMANDS[finding.severity]} {','.join(where)}::{_data(finding.sentence)}"


def _by_object(findings: Iterable[Finding]) -> list[list[Finding]]:
    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        found.setdefault((finding.cluster, finding.object), []).append(finding)
    return list(found.values())


def _title(finding: Finding) -> str:
    cluster = f" in cluster {finding.cluster!r}" if finding.cluster else ""
    line = f":{finding.line}" if finding.line is not None else ""
    return f"{finding.object}{cluster}{f' ({finding.file}{line})' if finding.file else ''}"


def _lines(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"{finding.severity} {finding.rule} {finding.name}: {finding.message}"
        if finding.instead:
            yield f"  instead: {finding.instead}"
        if finding.fix:
            yield f"  fix: {finding.fix}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
