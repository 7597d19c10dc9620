"""Which endpoints come first by traffic distribution: a mode, or the client's node alone?"""

from collections.abc import Sequence
from functools import cached_property

from attrs import frozen

from meshtier.dataplane.settings import EnvoySettings, LocalityGroup
from meshtier.dataplane.spread import tier_groups
from meshtier.endpoint import Exclusion, Reason
from meshtier.mesh.clients import Client
from meshtier.mesh.comparison import Comparison, scope_comparisons
from meshtier.mesh.effective_rule import NO_RULE, EffectiveRule, lb_policy
from meshtier.mesh.snapshot import Place
from meshtier.mesh.visible import ServiceEndpoint, VisibleEndpoints
from meshtier.mesh.warnings import unknown_places
from meshtier.note import Note
from meshtier.precedence import Resolution
from meshtier.ranking import rank
from meshtier.tiers import TierLike


@frozen(kw_only=True, eq=False)
class DistributionSelection:
    """The choice by traffic distribution: a mode, or the client's node alone (TIER, PREC-3)."""

    visible: VisibleEndpoints
    client: Client
    place: Place
    resolution: Resolution
    effective_rule: EffectiveRule = NO_RULE

    @cached_property
    def _sorted(self) -> tuple[Sequence[TierLike], tuple[Exclusion, ...]]:
        resolution = self.resolution
        if not resolution.strict:
            return self.visible.index.tiers(self.place.locality, resolution.mode, profile=resolution.profile), ()
        ranking = rank(
            self.place.locality,
            self.visible.endpoints,
            resolution.preference,
            client_cluster=self.client.cluster,
            reason=Reason.NOT_LOCAL,
        )
        return ranking.tiers, ranking.excluded

    @property
    def tiers(self) -> Sequence[TierLike]:
        """The tiers that hold an endpoint, nearest first."""
        return self._sorted[0]

    @property
    def excluded(self) -> tuple[Exclusion, ...]:
        """What a strict choice leaves out."""
        return self._sorted[1]

    @property
    def envoy(self) -> EnvoySettings:
        """What the Envoy is told besides; localities are weighted wherever a mode makes priorities (LOAD-4)."""
        setting = self.effective_rule.setting
        return EnvoySettings(
            panic_threshold=setting.panic_threshold,
            locality_weighted=setting.locality_weights and not self.resolution.strict,
            lb_policy=lb_policy(self.effective_rule),
        )

    @property
    def groups(self) -> tuple[LocalityGroup, ...]:
        """A priority for each tier, its endpoints by locality."""
        return tier_groups(self.tiers)

    def describe(self, number: int) -> str:
        """What endpoints of this tier have in common with the client."""
        return self.resolution.preference.ladder.describe(number)

    @property
    def notes(self) -> tuple[Note, ...]:
        """Where a match rests on two unknown parts (LOC-6)."""
        return unknown_places(self.place.locality, self.resolution.preference.scopes, self._matching)

    def _matching(self, position: int) -> int:
        """How many endpoints match the client at the scope of this position; from their tiers alone."""
        ladder = self.resolution.preference.ladder
        return sum(len(tier.endpoints) for tier in self.tiers if ladder.held(tier.number, position))

    def compare(self, service_endpoint: ServiceEndpoint) -> tuple[Comparison, ...]:
        """Scope by scope."""
        preference = self.resolution.preference
        return scope_comparisons(
            preference.scopes,
            self.place,
            service_endpoint,
            client_cluster=self.client.cluster,
            ranked=bool(preference.ladder.preferred),
        )
