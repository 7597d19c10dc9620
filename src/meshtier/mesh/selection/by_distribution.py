"""Which endpoints come first by traffic distribution: a mode, or the client's node alone? (TIER, PREC-3)"""

from collections.abc import Callable, Sequence
from functools import cached_property

from attrs import frozen

from meshtier.dataplane import EnvoySettings, LocalityGroup, assign_tiers
from meshtier.endpoint import Exclusion, Reason
from meshtier.locality import SCOPES, Locality
from meshtier.mesh.clients import Client
from meshtier.mesh.effective_rule import EffectiveRule, lb_policy
from meshtier.mesh.explanation import Comparison, scope_comparisons
from meshtier.mesh.selection.hosts import kept
from meshtier.mesh.service_endpoint import ServiceEndpoint
from meshtier.mesh.snapshot import Place
from meshtier.mesh.visible import VisibleEndpoints
from meshtier.mesh.warnings import unknown_places
from meshtier.note import Note
from meshtier.precedence import Level, Resolution
from meshtier.ranking import rank
from meshtier.tiers import TierLike


@frozen(kw_only=True, eq=False)
class DistributionSelection:
    """The selection by traffic distribution.

    Attributes:
        visible: What there is to choose from.
        resolution: What holds.
        effective_rule: What an Envoy is told besides.
        compared: The client's place as far as it is compared; the rest is ``""``.
        cluster: The cluster where the client runs, as far as it is compared.
    """

    visible: VisibleEndpoints
    resolution: Resolution
    effective_rule: EffectiveRule
    compared: Locality
    cluster: str
    passthrough: str = ""

    @cached_property
    def _sorted(self) -> tuple[Sequence[TierLike], tuple[Exclusion, ...]]:
        resolution = self.resolution
        preference, index = resolution.preference, self.visible.index
        if not resolution.strict:
            return index.tiers(self.compared, preference, client_cluster=self.cluster), ()
        ranking = rank(
            self.compared,
            self.visible.endpoints,
            preference,
            client_cluster=self.cluster,
            reason=Reason.NOT_FULL_MATCH if resolution.source.level is Level.DUMP else Reason.NOT_LOCAL,
        )
        return ranking.tiers, ranking.excluded

    @property
    def tiers(self) -> Sequence[TierLike]:
        """The tiers that hold an endpoint, nearest first."""
        return self._sorted[0]

    @property
    def excluded(self) -> tuple[Exclusion, ...]:
        """What a strict selection leaves out."""
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
        return self._groups

    @cached_property
    def _groups(self) -> tuple[LocalityGroup, ...]:
        by_labels = bool(self.resolution.preference.scopes) and not self.resolution.strict
        groups = assign_tiers(self.tiers, by_labels=by_labels, grouped_at=self.visible.grouped_at)
        return kept(groups, self.visible)

    def describe(self, number: int) -> str:
        """What endpoints of this tier have in common with the client."""
        return self.resolution.preference.ladder.describe(number)

    @property
    def notes(self) -> tuple[Note, ...]:
        """Where a match rests on two unknown parts (LOC-6)."""
        return unknown_places(self.compared, self.resolution.scopes, self._matching)

    def _matching(self, position: int) -> int:
        """How many endpoints match the client at the scope of this position; from their tiers alone."""
        return sum(
            len(tier.endpoints) for tier in self.tiers if self.resolution.preference.ladder.held(tier.number, position)
        )

    def compare(self, each: ServiceEndpoint, client: Client, place: Place) -> tuple[Comparison, ...]:
        """Scope by scope."""
        return scope_comparisons(
            self.resolution.scopes, self.resolution.preference.ladder, place, each, client_cluster=client.runs_in
        )


def compared_parts(resolution: Resolution) -> Callable[[Locality], tuple[str, ...]]:
    """What of a client's place the resolution compares: a prefix for a mode, the network and node for the node alone.

    Clients for which this is the same share a selection.
    """
    positions = _positions(resolution)
    depth = len(positions)
    if positions == list(range(depth)):
        return lambda place: place[:depth]
    return lambda place: tuple([place[position] for position in positions])


def compared_place(resolution: Resolution, parts: Sequence[str]) -> Locality:
    """The place that has the parts of `compared_parts`, and nothing besides."""
    place = [""] * len(SCOPES)
    for position, part in zip(_positions(resolution), parts, strict=True):
        place[position] = part
    return Locality(*place)


def _positions(resolution: Resolution) -> list[int]:
    return [position for position, scope in enumerate(SCOPES) if scope in resolution.scopes]
