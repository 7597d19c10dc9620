"""How much does each tier and endpoint of a selection get?"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from attrs import frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.dataplane import DataPlane, Shares, data_plane
from meshtier.locality import Locality
from meshtier.mesh.effective_rule import EffectiveRule
from meshtier.mesh.selection import Selection
from meshtier.mesh.visible import VisibleEndpoints
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
        """Each endpoint's share, by id; what cannot be chosen has 0 (LOAD-5).

        Cost: O(n); what the host does not reach is not looked at before it is asked for.
        """
        return Shares.trusted(_WithRest(self._arriving, self.selection.visible), self._arriving.reason)

    @cached_property
    def _arriving(self) -> Shares:
        selection = self.selection
        if not selection.passthrough:
            return self._plane.shares(selection)
        text = f"no choice is made ({selection.passthrough}): the client picks the address itself"
        return Shares.trusted(dict.fromkeys(selection.visible.available, 0.0), text)

    @cached_property
    def tiers(self) -> tuple[RouteTier, ...]:
        """The tiers that hold an endpoint, nearest first, each with its share.

        Cost: O(scopes) where the best tier alone is used; O(n) at an Envoy.
        """
        tiers, selection = self.selection.tiers, self.selection
        shares = self._tier_shares(tiers)
        return tuple([RouteTier(tier, selection, place, shares[place]) for place, tier in enumerate(tiers)])

    def _tier_shares(self, tiers: Sequence[TierLike]) -> Sequence[float]:
        if self._plane.tier_shares is not None and not self.selection.passthrough:
            return self._plane.tier_shares(tiers)
        share_of = self._arriving.get
        return [sum([share_of(endpoint.id, 0.0) for endpoint in tier.endpoints]) for tier in tiers]

    @property
    def _plane(self) -> DataPlane:
        return data_plane(self.component)


class _WithRest(Mapping[str, float]):
    """The shares of what a host reaches, and 0 for the rest, which is looked for when somebody asks for it."""

    def __init__(self, arriving: Shares, visible: VisibleEndpoints) -> None:
        self._arriving = arriving
        self._visible = visible

    @cached_property
    def _whole(self) -> dict[str, float]:
        return {**dict.fromkeys(self._visible.unavailable, 0.0), **self._arriving}

    @override
    def __getitem__(self, key: str) -> float:
        share = self._arriving.get(key)
        return self._whole[key] if share is None else share

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    @override
    def __len__(self) -> int:
        return len(self._whole)
