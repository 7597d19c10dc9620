"""How do the rules of one family stand together? Each as data with its check, and how a check says what it found."""

from collections.abc import Callable, Iterable, Mapping

from attrs import field, frozen

from meshtier.errors import InvalidValueError
from meshtier.lint.finding import Finding
from meshtier.lint.rule import LintRule
from meshtier.lint.survey import Survey

Check = Callable[[Survey, LintRule], Iterable[Finding]]
"""Finds the mistakes of one rule; never raises on a mesh that loads."""


@frozen(kw_only=True)
class Family:
    """Rules that look at the same things.

    Attributes:
        letters: How their ids begin, as in ``DR``.
        title: What they are about.
        rules: In the order of their ids.
        checks: The check of each, by id.

    Raises:
        InvalidValueError: A rule has no check, or a check no rule.
    """

    letters: str
    title: str
    rules: tuple[LintRule, ...]
    checks: Mapping[str, Check] = field(factory=dict[str, Check])

    def __attrs_post_init__(self) -> None:
        ids = [rule.id for rule in self.rules]
        if sorted(ids) != sorted(self.checks) or any(rule.family != self.letters for rule in self.rules):
            raise InvalidValueError(
                f"expected a check for each rule of {self.letters}, got {sorted(self.checks)}", "checks"
            )


def finding(
    survey: Survey,
    rule: LintRule,
    cluster: str,
    title: str,
    message: str,
    *,
    path: str = "",
    instead: str = "",
    fix: str = "",
) -> Finding:
    """A finding of a rule about an object, with where that stands.

    Args:
        survey: Knows where objects stand.
        rule: The rule.
        cluster: The cluster that has the object.
        title: The object, as in ``Service shop/web``.
        message: What was found, with the values at hand.
        path: The field.
        instead: What the mesh does instead.
        fix: What to write, and where.
    """
    position = survey.position(cluster, title)
    return Finding(
        rule=rule.id,
        name=rule.name,
        severity=rule.severity,
        cluster=cluster,
        object=title,
        path=path,
        message=message,
        instead=instead,
        fix=fix,
        file=position.file,
        line=position.line,
    )
