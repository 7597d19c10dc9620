"""What do all selections have in common?

A selection sorts the visible endpoints of a host into tiers, says what it leaves
out, and knows what an Envoy is told of the rest. It holds nothing of the client
but what is compared, so that all clients that compare alike share one.
"""

from collections.abc import Sequence
from typing import Protocol

from meshtier.dataplane import EnvoySettings, LocalityGroup
from meshtier.endpoint import Exclusion
from meshtier.mesh.clients import Client
from meshtier.mesh.explanation import Comparison
from meshtier.mesh.service_endpoint import ServiceEndpoint
from meshtier.mesh.snapshot import Place
from meshtier.mesh.visible import VisibleEndpoints
from meshtier.note import Note
from meshtier.tiers import TierLike


class Selection(Protocol):
    """One way to choose among the endpoints of a host."""

    @property
    def visible(self) -> VisibleEndpoints:
        """What there is to choose from."""
        ...

    @property
    def tiers(self) -> Sequence[TierLike]:
        """The tiers that hold an endpoint, nearest first."""
        ...

    @property
    def excluded(self) -> tuple[Exclusion, ...]:
        """What the selection leaves out of what is visible."""
        ...

    @property
    def groups(self) -> tuple[LocalityGroup, ...]:
        """The tiers as Istio hands them to an Envoy, without the hosts that it drops."""
        ...

    @property
    def envoy(self) -> EnvoySettings:
        """What the Envoy is told besides."""
        ...

    @property
    def passthrough(self) -> str:
        """Why nothing is chosen (PREC-4); ``""`` if something is."""
        ...

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was doubtful in comparing."""
        ...

    def describe(self, number: int) -> str:
        """What the endpoints of a tier have in common with the client, in words."""
        ...

    def compare(self, each: ServiceEndpoint, client: Client, place: Place) -> tuple[Comparison, ...]:
        """Everything that is compared for one endpoint.

        Args:
            each: The endpoint.
            client: Whose traffic it is.
            place: Where the component that chooses for it is.
        """
        ...
