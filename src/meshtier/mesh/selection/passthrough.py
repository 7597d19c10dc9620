"""What becomes of a host for which nothing is chosen? The connection is passed through (PREC-4)."""

from collections.abc import Sequence

from attrs import frozen

from meshtier.dataplane.settings import EnvoySettings, LocalityGroup
from meshtier.dataplane.spread import PLAIN_ENVOY
from meshtier.endpoint import Exclusion
from meshtier.mesh.comparison import Comparison
from meshtier.mesh.visible import ServiceEndpoint, VisibleEndpoints
from meshtier.note import Note
from meshtier.tiers import Tier, TierLike


@frozen(kw_only=True, eq=False)
class Passthrough:
    """No choice at all: the connection goes where the client sent it (PREC-4)."""

    visible: VisibleEndpoints
    why: str

    @property
    def tiers(self) -> Sequence[TierLike]:
        """Everything, in one tier."""
        return (Tier(0, self.visible.endpoints),) if self.visible.endpoints else ()

    @property
    def excluded(self) -> tuple[Exclusion, ...]:
        """Nothing."""
        return ()

    @property
    def groups(self) -> tuple[LocalityGroup, ...]:
        """Nothing: an Envoy gets no endpoints for such a service."""
        return ()

    @property
    def envoy(self) -> EnvoySettings:
        """The plain settings."""
        return PLAIN_ENVOY

    def describe(self, number: int) -> str:
        """Why there is no order."""
        return f"passed through: {self.why}" if number == 0 else ""

    @property
    def notes(self) -> tuple[Note, ...]:
        """Nothing is compared."""
        return ()

    def compare(self, service_endpoint: ServiceEndpoint) -> tuple[Comparison, ...]:
        """Nothing is compared."""
        del service_endpoint
        return ()
