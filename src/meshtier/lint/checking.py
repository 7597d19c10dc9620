"""What is wrong with a mesh? Every rule over one survey of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from attrs import field, frozen
from typing_extensions import override

from meshtier.errors import check_type
from meshtier.lint.catalogue import CHECKS, chosen
from meshtier.lint.finding import Finding
from meshtier.lint.rule import LintRule, Need
from meshtier.lint.suppression import Suppressed, Suppression, annotated, split
from meshtier.lint.survey import Survey
from meshtier.mesh import Mesh
from meshtier.note import Severity
from meshtier.profile import SOLO, Profile

SEVERITIES: Final = (Severity.ERROR, Severity.WARNING, Severity.INFO)
"""The severities, worst first."""

Progress = Callable[[LintRule], object]
"""Told of each rule before it is run."""


@frozen(kw_only=True)
class NotRun:
    """A rule that said nothing, for the input lacks what it needs.

    Attributes:
        rule: The rule.
        lacks: What is missing.
    """

    rule: LintRule
    lacks: tuple[Need, ...]


@frozen(kw_only=True)
class Inspection:
    """All that lint has to say of a mesh.

    Attributes:
        profile: Whose rules.
        rules: The rules that were asked for.
        findings: Worst first, then by cluster, object and rule.
        suppressed: What was found and is not wanted.
        not_run: The rules that need what the input lacks.
    """

    profile: Profile
    rules: tuple[LintRule, ...]
    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...] = ()
    not_run: tuple[NotRun, ...] = field(default=())

    @override
    def __repr__(self) -> str:
        counts = ", ".join(f"{self.count(each)} {each.value}" for each in SEVERITIES)
        return f"<Inspection {counts}; {len(self.suppressed)} hidden, {len(self.not_run)} rules not run>"

    def count(self, severity: Severity) -> int:
        """How many findings have this severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def fails(self, severity: Severity) -> bool:
        """Whether a finding is as bad as this, or worse."""
        worst = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return any(finding.severity in worst for finding in self.findings)


def check(
    mesh: Mesh,
    *,
    profile: Profile = SOLO,
    profile_to: Profile | None = None,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    traffic: Mapping[tuple[str, str], float] | None = None,
) -> tuple[Finding, ...]:
    """The mistakes in a mesh, worst first, without those that its own annotations hide.

    Args:
        mesh: The mesh.
        profile: Whose rules.
        profile_to: The profile that is to come, for the rules that compare two.
        select: Ids, names or families of the rules to run; none for all of them.
        ignore: The same for rules to leave out.
        traffic: The requests that a client sends to a host, by the client's name and the
            host, for the rules that weigh places; without it every client counts as one.

    Raises:
        UnknownNameError: There is no such rule; the nearest are given.
        InputError: An annotation that hides findings is not written as it must be.

    Cost: about that of all routes of the mesh.
    """
    found = inspect(mesh, profile=profile, profile_to=profile_to, select=select, ignore=ignore, traffic=traffic)
    return found.findings


def inspect(
    mesh: Mesh,
    *,
    profile: Profile = SOLO,
    profile_to: Profile | None = None,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    suppressions: Iterable[Suppression] = (),
    traffic: Mapping[tuple[str, str], float] | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """The same with what was hidden and what was not run.

    Args:
        mesh: The mesh.
        profile: Whose rules.
        profile_to: The profile that is to come.
        select: The rules to run.
        ignore: The rules to leave out.
        suppressions: What is not wanted, besides what annotations say.
        traffic: The requests that a client sends to a host.
        progress: Told of each rule before it is run.

    Raises:
        UnknownNameError: There is no such rule.
        InputError: An annotation is not written as it must be.
    """
    check_type(mesh, Mesh, "mesh")
    check_type(profile, Profile, "profile", what="a Profile, as Profile.named gives it")
    rules = chosen(select, ignore)
    hiding = (*suppressions, *annotated(mesh.clusters))
    survey = Survey(mesh, profile, profile_to, traffic or {})
    there = survey.present
    not_run = [NotRun(rule=rule, lacks=lacks) for rule in rules if (lacks := _lacking(rule, there))]
    left_out = {each.rule.id for each in not_run}
    found = [finding for rule in rules if rule.id not in left_out for finding in _run(survey, rule, progress)]
    shown, hidden = split(sorted(dict.fromkeys(found), key=_standing), hiding)
    return Inspection(profile=profile, rules=rules, findings=shown, suppressed=hidden, not_run=tuple(not_run))


def _run(survey: Survey, rule: LintRule, progress: Progress | None) -> Iterator[Finding]:
    if progress is not None:
        progress(rule)
    yield from CHECKS[rule.id](survey, rule)


def _lacking(rule: LintRule, there: frozenset[Need]) -> tuple[Need, ...]:
    return tuple(sorted(rule.needs - there, key=str))


def _standing(finding: Finding) -> tuple[object, ...]:
    """Worst first, then by where it is."""
    place = SEVERITIES.index(finding.severity)
    return place, finding.cluster, finding.object, finding.rule, finding.path, finding.message
