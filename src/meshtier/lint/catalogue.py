"""Which rules are there? The one table of them, which docs, forms and the command read."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from meshtier.errors import UnknownNameError
from meshtier.lint import (
    capacity_rules,
    cluster_rules,
    distribution_rules,
    input_rules,
    policy_rules,
    topology_rules,
    version_rules,
    waypoint_rules,
)
from meshtier.lint.family import Check, Family
from meshtier.lint.rule import LintRule

FAMILIES: Final[tuple[Family, ...]] = (
    distribution_rules.FAMILY,
    policy_rules.FAMILY,
    topology_rules.FAMILY,
    capacity_rules.FAMILY,
    version_rules.FAMILY,
    waypoint_rules.FAMILY,
    cluster_rules.FAMILY,
    input_rules.FAMILY,
)
"""Every family, in the order in which findings are told."""

RULES: Final[Mapping[str, LintRule]] = MappingProxyType({rule.id: rule for each in FAMILIES for rule in each.rules})
"""Every rule by id."""

CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {name: check for each in FAMILIES for name, check in each.checks.items()}
)
"""The check of every rule by id."""


def chosen(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> tuple[LintRule, ...]:
    """The rules of these ids, names or families, without others.

    Args:
        select: ``DR101``, ``implicit-locality`` or ``DR``; none for all rules.
        ignore: The same for rules that are left out.

    Raises:
        UnknownNameError: There is no such rule or family.
    """
    wanted = {name for each in select for name in _meant(each)} or set(RULES)
    out = {name for each in ignore for name in _meant(each)}
    return tuple(rule for name, rule in RULES.items() if name in wanted - out)


def _meant(text: str) -> Iterable[str]:
    found = [rule.id for rule in RULES.values() if text.lower() in (rule.id.lower(), rule.name, rule.family.lower())]
    if not found:
        known = [*RULES, *(rule.name for rule in RULES.values()), *(family.letters for family in FAMILIES)]
        raise UnknownNameError.among("lint rule", text, known)
    return found
