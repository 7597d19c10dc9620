"""What becomes of a host for which nothing is chosen? The connection is passed through (PREC-4)."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from meshtier.dataplane import PLAIN_ENVOY, EnvoySettings, LocalityGroup
from meshtier.endpoint import Exclusion
from meshtier.mesh.clients import Client
from meshtier.mesh.explanation import Comparison
from meshtier.mesh.service_endpoint import ServiceEndpoint
from meshtier.mesh.snapshot import Place
from meshtier.mesh.visible import VisibleEndpoints
from meshtier.note import Note
from meshtier.tiers import Tier, TierLike


@frozen(kw_only=True, eq=False)
class Passthrough:
    """No selection at all: the connection goes where the client sent it.

    Attributes:
        visible: What stands behind the host.
        passthrough: Why nothing is chosen, as in ``headless``.
    """

    visible: VisibleEndpoints
    passthrough: str
    excluded: Final[tuple[Exclusion, ...]] = ()
    groups: Final[tuple[LocalityGroup, ...]] = ()
    envoy: Final[EnvoySettings] = PLAIN_ENVOY
    notes: Final[tuple[Note, ...]] = ()

    @property
    def tiers(self) -> Sequence[TierLike]:
        """Everything, in one tier."""
        return (Tier(0, self.visible.endpoints),) if self.visible.endpoints else ()

    def describe(self, number: int) -> str:
        """Why there is no order."""
        return f"passed through: {self.passthrough}" if number == 0 else ""

    def compare(self, each: ServiceEndpoint, client: Client, place: Place) -> tuple[Comparison, ...]:
        """Nothing is compared."""
        del each, client, place
        return ()
