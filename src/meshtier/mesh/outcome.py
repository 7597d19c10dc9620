"""How much does each tier and endpoint of a selection get?

What a proxy chooses among are the endpoints that it is told of. Behind a network
endpoint the receiving side chooses again, so that shares are of final endpoints.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from attrs import field, frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.dataplane import DataPlane, EjectionBounds, Shares, data_plane, ejection_bounds
from meshtier.locality import Locality
from meshtier.mesh.effective_rule import EffectiveRule
from meshtier.mesh.selection import Selection, dropped
from meshtier.mesh.service_endpoint import ServiceEndpoint
from meshtier.mesh.visible import VisibleEndpoints
from meshtier.precedence import Resolution
from meshtier.table import percent
from meshtier.tiers import Endpoints, TierLike, endpoints_table

if TYPE_CHECKING:
    from meshtier.mesh.route import Route


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

    def _repr_html_(self) -> str:
        title = f"P{self.number} {self.matched}: {percent(self.share)} of the traffic, priority {self.priority}"
        return endpoints_table(title, self.endpoints).first().to_html()

    @override
    def __repr__(self) -> str:
        return f"RouteTier(P{self.number}: {len(self.endpoints)} endpoints, share {percent(self.share)})"


@frozen(kw_only=True, eq=False)
class NextHop:
    """A choice that is made at the gateway of another network (NET-5).

    Attributes:
        by: The gateway, or one of its pods.
        share: What part of the traffic to the network endpoint comes by there, 0 to 1.
        route: The choice.
        lost: Why nothing comes by there; ``""`` where something does.
    """

    by: str
    share: float
    route: "Route"
    lost: str = ""


Part = tuple[str, str]
"""The id of the network endpoint that an endpoint is behind, ``""`` for none, and its own."""


def no_next_hop(each: ServiceEndpoint) -> tuple[NextHop, ...]:
    """Nothing is known of what is behind a network endpoint."""
    del each
    return ()


@frozen(kw_only=True, eq=False)
class Outcome:
    """What a component makes of a selection, and what led to it. Clients that compare alike share one.

    Attributes:
        component: Who chooses.
        resolution: Traffic distribution: what is set, and what that overrode (PREC-6).
        effective_rule: What DestinationRules say, and whether traffic distribution is in force (PREC-5).
        selection: What the component chooses from, in order.
        next_hops: Gives the choices behind a network endpoint; none where nothing there is known.
    """

    component: Component
    resolution: Resolution
    effective_rule: EffectiveRule
    selection: Selection = field(repr=False)
    next_hops: Callable[[ServiceEndpoint], tuple[NextHop, ...]] = no_next_hop

    @cached_property
    def shares(self) -> Shares:
        """Each final endpoint's share, by id; what cannot be chosen has 0 (LOAD-5).

        Cost: O(n); what the host does not reach is not looked at before it is asked for.
        """
        arriving = self._arriving if self.selection.visible.network_endpoints else self.told
        return Shares.trusted(_WithRest(arriving, self.selection.visible), arriving.reason)

    @cached_property
    def behind(self) -> Mapping[str, tuple[NextHop, ...]]:
        """The choices at the gateways of other networks, by the id of the network endpoint, where they are known."""
        told = self.told if self.selection.visible.network_endpoints else ()
        known = self.selection.visible.network_endpoints.items()
        found = {name: self.next_hops(each) for name, each in known if name in told}
        return {name: hops for name, hops in found.items() if hops}

    @cached_property
    def parts(self) -> Mapping[Part, float]:
        """The share of each final endpoint for each way to it; what is reached directly stands under ``""``."""
        parts: defaultdict[Part, float] = defaultdict(float)
        found = self.selection.visible.network_endpoints
        for name, share in self.told.items():
            hops, each = self.behind.get(name, ()), found.get(name)
            for hop in hops:
                for final, part in hop.route.shares.items():
                    parts[name, final] += share * hop.share * part
            if not hops:
                for way, part in by_weight(name, each):
                    parts[way] += share * part
        return dict(parts)

    @cached_property
    def _arriving(self) -> Shares:
        """The told shares, divided among what is behind network endpoints."""
        shares: defaultdict[str, float] = defaultdict(float)
        for (_, final), share in self.parts.items():
            shares[final] += share
        reasons = [self.told.reason] if self.told.reason else []
        for name, hops in self.behind.items():
            found = [(hop.by, hop.lost or hop.route.reason) for hop in hops if self.told[name]]
            reasons += [f"at {by}: {reason}" for by, reason in found if reason]
        return Shares.trusted(dict(shares), "; ".join(dict.fromkeys(reasons)))

    @cached_property
    def told(self) -> Shares:
        """The share of each endpoint that the component is told of and can choose, by id. Cost: O(n)."""
        selection = self.selection
        if not selection.passthrough:
            shares, without = self._plane.shares(selection), self.dropped
            return Shares.trusted({**shares, **dict.fromkeys(without, 0.0)}, shares.reason) if without else shares
        text = f"no choice is made ({selection.passthrough}): the client picks the address itself"
        return Shares.trusted(dict.fromkeys(selection.visible.available, 0.0), text)

    @cached_property
    def dropped(self) -> frozenset[str]:
        """The ids of what an Envoy is told of and drops, for it has that host already (NET-1)."""
        if not self.component.traits.is_told_priorities or not self.selection.visible.hosts:
            return frozenset()
        return dropped(self.selection.groups, self.selection.visible) - {
            exclusion.endpoint.id for exclusion in self.selection.excluded
        }

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
        share_of = self.told.get
        return [sum([share_of(endpoint.id, 0.0) for endpoint in tier.endpoints]) for tier in tiers]

    @cached_property
    def ejection(self) -> EjectionBounds | None:
        """What outlier detection can do at the Envoy that chooses; ``None`` where none does, or detection is not set.

        Cost: O(n log n), once it is asked for.
        """
        detection, selection = self.effective_rule.outlier_detection, self.selection
        if detection is None or selection.passthrough or not self.component.traits.is_told_priorities:
            return None
        codes = detection.http_error_codes
        return ejection_bounds(selection.groups, selection.envoy, detection.limits, error_codes=codes)

    @property
    def _plane(self) -> DataPlane:
        return data_plane(self.component)


def by_weight(name: str, each: ServiceEndpoint | None) -> Iterator[tuple[Part, float]]:
    """An endpoint for itself; or the entries that a gateway stands for where nothing else is said of them (NET-5)."""
    if each is None or len(each.behind) < 2:
        yield ("", name), 1.0
        return
    weights = [one.endpoint.weight or 1 for one in each.behind]
    for one, weight in zip(each.behind, weights, strict=True):
        yield (name, one.endpoint.id), weight / sum(weights)


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
