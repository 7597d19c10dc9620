"""Which findings are not wanted, and who says so? By an annotation on the object, or by the caller."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from meshtier.errors import InputError, InvalidValueError, Problem
from meshtier.lint.catalogue import chosen
from meshtier.lint.finding import Finding
from meshtier.mesh import Cluster

IGNORE: Final = "meshtier.io/ignore"
"""The annotation of an object that hides findings about it: ``DR101: why not; TD003: why not``."""

_ENTRY: Final = re.compile(r"\s*([A-Za-z0-9-]+)\s*:\s*(\S.*?)\s*", re.DOTALL)
_GIVEN: Final = re.compile(r"\s*([A-Za-z0-9-]+)\s*=\s*(\S.*?)\s*", re.DOTALL)


@frozen(kw_only=True)
class Suppression:
    """Findings that are not wanted.

    Attributes:
        rules: The ids of their rules.
        object: The object that they are about, as in ``DestinationRule shop/reviews``.
        cluster: Its cluster; ``None`` for any.
        reason: Why they are not wanted; ``""`` if nobody says.
        by: Who says so: the annotation, or the caller.
    """

    rules: frozenset[str]
    object: str
    cluster: str | None = None
    reason: str = ""
    by: str

    def hides(self, finding: Finding) -> bool:
        """Whether it is this finding that is not wanted."""
        is_there = self.cluster is None or self.cluster == finding.cluster
        return is_there and finding.rule in self.rules and finding.object == self.object


@frozen(kw_only=True)
class Suppressed:
    """A finding that is not shown among the others.

    Attributes:
        finding: The finding.
        suppression: Who does not want it, and why.
    """

    finding: Finding
    suppression: Suppression


def parse_suppression(text: str) -> Suppression:
    """What a caller writes: ``DR101=DestinationRule shop/reviews``.

    Raises:
        InvalidValueError: It is not written so.
        UnknownNameError: There is no such rule.
    """
    found = _GIVEN.fullmatch(text)
    if found is None or len(found[2].split()) != 2:
        raise InvalidValueError(
            f"expected RULE=KIND NAMESPACE/NAME, as in 'DR101=DestinationRule shop/web', got {text!r}"
        )
    return Suppression(rules=frozenset(rule.id for rule in chosen([found[1]])), object=found[2], by="the caller")


def annotated(clusters: Iterable[Cluster]) -> tuple[Suppression, ...]:
    """What the objects of these clusters say.

    Raises:
        InputError: An annotation is not written as it must be, or names no rule; all of them together.
    """
    problems: list[Problem] = []
    found: list[Suppression] = []
    for cluster in clusters:
        for title, text in cluster.ignored.items():
            try:
                found += _said(cluster.name, title, text)
            except (InvalidValueError, KeyError) as error:
                path = f"metadata.annotations[{IGNORE}]"
                file = cluster.positions[title].file if title in cluster.positions else ""
                problems.append(Problem(problem=str(error), file=file, object=title, path=path))
    if problems:
        raise InputError(problems)
    return tuple(found)


def _said(cluster: str, title: str, text: str) -> Iterator[Suppression]:
    for entry in filter(str.strip, text.split(";")):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise InvalidValueError(f"expected 'RULE: reason; …', got {entry!r}")
        rules = frozenset(rule.id for rule in chosen([match[1]]))
        yield Suppression(rules=rules, object=title, cluster=cluster, reason=match[2], by=f"annotation {IGNORE}")


def split(
    findings: Iterable[Finding], suppressions: Iterable[Suppression]
) -> tuple[tuple[Finding, ...], tuple[Suppressed, ...]]:
    """The findings that are shown, and those that are not."""
    by_object: dict[str, list[Suppression]] = {}
    for each in suppressions:
        by_object.setdefault(each.object, []).append(each)
    shown: list[Finding] = []
    hidden: list[Suppressed] = []
    for finding in findings:
        who = next((each for each in by_object.get(finding.object, ()) if each.hides(finding)), None)
        if who is None:
            shown.append(finding)
        else:
            hidden.append(Suppressed(finding=finding, suppression=who))
    return tuple(shown), tuple(hidden)
