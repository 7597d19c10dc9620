"""What is a lint rule? A mistake that people make, as data; its check is a function beside others of its family."""

import enum

from attrs import field, frozen
from typing_extensions import override

from meshtier.note import Severity


class Need(enum.Enum):
    """What a rule must find in the input to say anything; a rule that lacks it is listed as not run."""

    NODES = "Nodes"
    PODS = "Pods"
    SLICES = "EndpointSlices"
    GATEWAYS = "Gateways"
    NETWORKS = "several networks"
    CLUSTERS = "several clusters"
    OTHER_PROFILE = "a second profile"

    @override
    def __str__(self) -> str:
        return self.value


@frozen(kw_only=True)
class LintRule:
    """One rule.

    Attributes:
        id: Its id, as in ``DR101``; never used again for another.
        name: Its name, as in ``implicit-locality``.
        severity: How much a finding matters.
        summary: What it finds, as one line without the values at hand.
        rests_on: The rules of the mesh that make it a mistake, the deciding one first.
        needs: What must be in the input.
        why: Why people make the mistake, and what comes of it.
        help: What to do about it.
    """

    id: str
    name: str
    severity: Severity
    summary: str
    rests_on: tuple[str, ...]
    needs: frozenset[Need] = field(default=frozenset())
    why: str = ""
    help: str = ""

    @property
    def family(self) -> str:
        """The letters of its id, as in ``DR``."""
        return self.id.rstrip("0123456789")

    @override
    def __str__(self) -> str:
        return f"{self.id} {self.name}"
