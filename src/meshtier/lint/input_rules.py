"""Which mistakes are in the input itself? Too little of it, and fields that nobody reads (IN)."""

import re
from collections.abc import Iterator
from typing import Final

from meshtier.lint.family import Family, finding
from meshtier.lint.finding import Finding
from meshtier.lint.rule import LintRule
from meshtier.lint.survey import Survey
from meshtier.note import Note, Severity

INPUT: Final = "the input"
"""What a finding about all of the input calls its object."""

_UNKNOWN_IN_RULE: Final = re.compile(r"(?P<path>[^:]+): unknown field, .*?(?:; the nearest: (?P<near>\S+))?")
_UNKNOWN_IN_SERVICE: Final = re.compile(
    r"expected a field that .*?, got '(?P<path>.+?)'; .*?(?:the nearest: (?P<near>\S+))?"
)


def _nothing_to_check(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    counts = {
        ("Service or ServiceEntry", "Services or ServiceEntries"): sum(len(each.services) for each in survey.clusters),
        ("workload", "workloads"): sum(len(each.workloads) for each in survey.clusters),
    }
    missing = [one for (one, _), count in counts.items() if not count]
    if not missing:
        return
    read = ", ".join(f"{count} {names[count > 1]}" for names, count in counts.items() if count)
    yield finding(
        survey,
        rule,
        "",
        INPUT,
        f"the input holds no {' and no '.join(missing)}{f', and {read}' if read else ''}",
        instead="nothing that is asked about is there, so that the other rules have nothing to find",
        fix="give what `kubectl get services,endpointslices,pods,nodes,namespaces -A -o yaml` prints, or the folder"
        " that holds the manifests of Services and of the workloads behind them",
    )


def _unknown_field(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    for cluster in survey.clusters:
        for each in cluster.destination_rules:
            for note in each.notes:
                if note.code == "unknown-field":
                    yield from _of_field(survey, rule, cluster.name, each.title, note, _UNKNOWN_IN_RULE)
        for note in cluster.notes:
            if note.code == "service-field-unknown":
                title, _, block = note.object.rpartition(" ")
                yield from _of_field(survey, rule, cluster.name, title, note, _UNKNOWN_IN_SERVICE, block)


def _of_field(
    survey: Survey, rule: LintRule, cluster: str, title: str, note: Note, said: "re.Pattern[str]", block: str = ""
) -> Iterator[Finding]:
    found = said.fullmatch(note.text)
    if found is None:
        return
    path = ".".join(filter(None, (block, found["path"])))
    parent, _, name = path.rpartition(".")
    near = found["near"]
    yield finding(
        survey,
        rule,
        cluster,
        title,
        f"{parent} has no field {name!r}" + (f"; the nearest that it has is {near!r}" if near else ""),
        path=path,
        instead="the API server drops the field or refuses the object, and the mesh never sees what it says",
        fix=f"write {parent}.{near} in place of {path}" if near else f"remove {path}",
    )


FAMILY: Final = Family(
    letters="IN",
    title="the input itself",
    rules=(
        LintRule(
            id="IN701",
            name="nothing-to-check",
            severity=Severity.ERROR,
            summary="the input holds no Service, or no workload",
            rests_on=("COMP-3",),
            why="A check that is run over the wrong file or folder finds no mistake, and passes.",
            help="Give the manifests or the dump of the Services and of the pods behind them.",
        ),
        LintRule(
            id="IN702",
            name="unknown-field",
            severity=Severity.WARNING,
            summary="a block that is read has a field that does not exist",
            rests_on=("DR-1", "PREC-1"),
            why="A field whose name is misspelt is dropped by the API server, or ignored by the mesh, without a word:"
            " the block looks complete, and the setting is at its default.",
            help="Write the name as the API has it; the nearest name that the block has is given. Of JSON as `kubectl"
            " get` prints it nothing is said, since the API server has dropped such fields there.",
        ),
    ),
    checks={"IN701": _nothing_to_check, "IN702": _unknown_field},
)
