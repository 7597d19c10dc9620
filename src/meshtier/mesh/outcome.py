"""How much does each tier and endpoint of a selection get?"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from attrs import frozen
from typing_extensions import override

from meshtier.component import Balancing, Component
from meshtier.dataplane.shares import Shares
from meshtier.dataplane.spread import shares_of
from meshtier.dataplane.ztunnel import best_tier
from meshtier.locality import Locality
from meshtier.mesh.effective_rule import EffectiveRule
from meshtier.mesh.selection import Selection
from meshtier.precedence import Resolution
from meshtier.table import percent
from meshtier.tiers import Endpoints, TierLike


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


@frozen(kw_only=True, eq=False)
class Outcome:
    """What a component makes of a selection, and what led to it. Clients that compare alike share one.

    Attributes:
        component: Who chooses.
        resolution: Traffic distribution: what is set, and what that overrode (PREC-6).
        effective_rule: What DestinationRules say, and whether traffic distribution is in force (PREC-5).
        selection: What the component chooses from, in order.
    """

    component: Component
    resolution: Resolution
    effective_rule: EffectiveRule
    selection: Selection

    @cached_property
    def shares(self) -> Shares:
        """Each visible endpoint's share, by id; what cannot be chosen has 0 (LOAD-5).

        Cost: O(n); what the host does not reach is not looked at before it is asked for.
        """
        selection = self.selection
        if selection.passthrough:
            text = f"no choice is made ({selection.passthrough}): the client picks the address itself"
            return Shares(dict.fromkeys(selection.visible.available, 0.0), text, _rest(selection))
        groups = selection.groups if self.by_envoy else None
        found = shares_of(self.component, selection, envoy=selection.envoy, groups=groups)
        return Shares({**dict.fromkeys(selection.visible.available, 0.0), **found}, found.reason, _rest(selection))

    @cached_property
    def tiers(self) -> tuple[RouteTier, ...]:
        """The tiers that hold an endpoint, nearest first, each with its share.

        Cost: O(scopes) where the best tier alone is used; O(n) at an Envoy.
        """
        tiers, selection = self.selection.tiers, self.selection
        shares = self._tier_shares(tiers)
        return tuple([RouteTier(tier, selection, place, shares[place]) for place, tier in enumerate(tiers)])

    def _tier_shares(self, tiers: Sequence[TierLike]) -> Sequence[float]:
        if self.by_envoy or self.selection.passthrough:
            return [sum(self.shares[endpoint.id] for endpoint in tier.endpoints) for tier in tiers]
        best = best_tier(tiers)
        weighty = best is not None and best.healthy_weight > 0
        return [1.0 if weighty and tier is best else 0.0 for tier in tiers]

    @property
    def by_envoy(self) -> bool:
        """Whether an Envoy chooses."""
        return self.component.traits.balancing is Balancing.ENVOY


def _rest(selection: Selection) -> Callable[[], Iterable[str]]:
    return lambda: selection.visible.unavailable
