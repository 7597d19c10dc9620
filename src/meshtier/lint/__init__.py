"""Which mistakes does a mesh make? Rules that look at a whole mesh, without a client being asked about."""

from meshtier.lint.catalogue import FAMILIES, RULES
from meshtier.lint.checking import Inspection, NotRun, check, inspect
from meshtier.lint.finding import Finding
from meshtier.lint.rule import LintRule, Need
from meshtier.lint.suppression import Suppressed, Suppression, parse_suppression
from meshtier.public import publish

__all__ = [
    "FAMILIES",
    "RULES",
    "Finding",
    "Inspection",
    "LintRule",
    "Need",
    "NotRun",
    "Suppressed",
    "Suppression",
    "check",
    "inspect",
    "parse_suppression",
]

publish(__name__)
