"""What do all selections have in common, and what is a tier of an answer?

A selection sorts the visible endpoints of a host into tiers, says what it leaves
out, and knows what an Envoy is told of the rest. `Route` asks and displays.
"""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen
from typing_extensions import override

from meshtier.dataplane.settings import EnvoySettings, LocalityGroup
from meshtier.endpoint import Exclusion
from meshtier.locality import Locality
from meshtier.mesh.comparison import Comparison
from meshtier.mesh.visible import ServiceEndpoint
from meshtier.note import Note
from meshtier.table import percent
from meshtier.tiers import Endpoints, TierLike


class Selection(Protocol):
    """One way to choose among the members of a view."""

    @property
    def tiers(self) -> Sequence[TierLike]:
        """The tiers that hold an endpoint, nearest first."""
        ...

    @property
    def excluded(self) -> tuple[Exclusion, ...]:
        """What this choice leaves out."""
        ...

    @property
    def groups(self) -> tuple[LocalityGroup, ...]:
        """The tiers as Istio hands them to an Envoy."""
        ...

    @property
    def envoy(self) -> EnvoySettings:
        """What the Envoy is told besides."""
        ...

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was doubtful in comparing."""
        ...

    def describe(self, number: int) -> str:
        """What endpoints of this tier have in common with the client."""
        ...

    def compare(self, service_endpoint: ServiceEndpoint) -> tuple[Comparison, ...]:
        """Everything that was compared for one member."""
        ...


@frozen(eq=False)
class RouteTier:
    """One tier of a route.

    Attributes:
        priority: What an Envoy gets: the tiers that hold an endpoint, numbered
            without gaps (DR-8).
        share: Its share of the client's traffic, 0 to 1.
    """

    _tier: TierLike
    _selection: Selection
    priority: int
    share: float

    @property
    def number(self) -> int:
        """The P number of the mode's table, or the level of a DestinationRule's failover; 0 is the nearest."""
        return self._tier.number

    @property
    def endpoints(self) -> Endpoints:
        """What is in it: sized and iterable, at least one."""
        return self._tier.endpoints

    @property
    def healthy(self) -> int:
        """How many of its endpoints can take traffic."""
        return self._tier.healthy

    @property
    def matched(self) -> str:
        """What its endpoints have in common with the client, in words."""
        return self._selection.describe(self._tier.number)

    @property
    def places(self) -> tuple[Locality, ...]:
        """Where its endpoints are, without their nodes, each once, sorted. Cost: O(n)."""
        return tuple(sorted({endpoint.locality._replace(node="") for endpoint in self.endpoints}))

    @override
    def __repr__(self) -> str:
        return f"RouteTier(P{self.number}: {len(self.endpoints)} endpoints, share {percent(self.share)})"
