"""How much of its traffic does a component send to each endpoint? The data planes, as a table.

A component names its data plane in the table of components (`Traits.spreads_by`),
and here is what each of them makes of a selection. One more is one more row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from attrs import frozen

from meshtier.component import Component
from meshtier.dataplane.envoy import spread_over
from meshtier.dataplane.load_assignment import LocalityGroup, assign_tiers
from meshtier.dataplane.settings import ISTIO_ENVOY, PLAIN_ENVOY, EnvoySettings
from meshtier.dataplane.shares import Shares
from meshtier.dataplane.ztunnel import best_tier_shares, ztunnel_shares
from meshtier.endpoint import Exclusion
from meshtier.errors import InvalidValueError, UnknownNameError, check_member, check_type
from meshtier.ranking import Ranking
from meshtier.tiers import TierLike


class Selection(Protocol):
    """Endpoints that have been sorted, and what an Envoy would be told of them.

    A data plane takes from it what it needs; most read the tiers alone.
    """

    @property
    def tiers(self) -> Sequence[TierLike]:
        """The tiers that hold an endpoint, nearest first."""
        ...

    @property
    def excluded(self) -> Sequence[Exclusion]:
        """What is in no tier."""
        ...

    @property
    def groups(self) -> Sequence[LocalityGroup]:
        """The endpoints as an Envoy gets them, by priority and locality."""
        ...

    @property
    def envoy(self) -> EnvoySettings:
        """What the Envoy is told besides."""
        ...


@frozen(kw_only=True)
class DataPlane:
    """One way to spread traffic over a selection.

    Attributes:
        shares: The share of every endpoint of a selection; what is excluded gets 0.
        tier_shares: The share of each tier, where that is known without a look
            at each endpoint; ``None`` where it takes the shares of them all.
    """

    shares: Callable[[Selection], Shares]
    tier_shares: Callable[[Sequence[TierLike]], Sequence[float]] | None = None


def _by_envoy(selection: Selection) -> Shares:
    return spread_over(selection.groups, selection.envoy, _ids(selection.excluded)).shares


def _by_ztunnel(selection: Selection) -> Shares:
    return ztunnel_shares(selection.tiers, _ids(selection.excluded))


def _ids(excluded: Iterable[Exclusion]) -> Iterable[str]:
    return (exclusion.endpoint.id for exclusion in excluded)


DATA_PLANES: Final[Mapping[str, DataPlane]] = MappingProxyType(
    {
        "ztunnel": DataPlane(shares=_by_ztunnel, tier_shares=best_tier_shares),
        "envoy": DataPlane(shares=_by_envoy),
    }
)
"""The data planes by the name that `Traits.spreads_by` has."""


def data_plane(component: Component, planes: Mapping[str, DataPlane] | None = None) -> DataPlane:
    """The data plane of *component*.

    Args:
        component: Who sends.
        planes: Where to look it up by its name; ``None`` for `DATA_PLANES`.

    Raises:
        UnknownNameError: None of *planes* is called so.
    """
    name, known = component.traits.spreads_by, DATA_PLANES if planes is None else planes
    if name not in known:
        raise UnknownNameError.among("data plane", name, known)
    return known[name]


@frozen
class _RankedSelection:
    """A ranking by itself, with what Istio tells an Envoy of it, unless the caller says otherwise."""

    tiers: Sequence[TierLike]
    excluded: Sequence[Exclusion]
    envoy: EnvoySettings
    by_labels: bool

    @property
    def groups(self) -> Sequence[LocalityGroup]:
        return assign_tiers(self.tiers, by_labels=self.by_labels)


def spread(
    ranking: Ranking,
    component: Component,
    *,
    envoy: EnvoySettings | None = None,
    planes: Mapping[str, DataPlane] | None = None,
) -> Shares:
    """The share of one client's traffic that each endpoint of a ranking gets (LOAD-1 to LOAD-5).

    Args:
        ranking: The tiers, and what was excluded from them.
        component: Who sends. ztunnel and kgateway use the best tier alone; the
            others turn tiers into priorities (DR-8) and spread as an Envoy does.
        envoy: What the Envoy is told; ``None`` for what Istio tells it of such a
            ranking. Plays no part where none sends.
        planes: The data planes, for a caller with one of its own; ``None`` for `DATA_PLANES`.

    Returns:
        Every endpoint of the ranking with its share; excluded ones with 0.

    Raises:
        InvalidValueError: An argument is of the wrong type, or two endpoints have one id.

    Cost: O(n).

    >>> from meshtier.distribution import TrafficDistribution
    >>> from meshtier.endpoint import Endpoint, Health
    >>> from meshtier.locality import Locality
    >>> from meshtier.ranking import rank
    >>> here, there = Locality(zone="a"), Locality(zone="b")
    >>> near, sick = Endpoint("near", here), Endpoint("sick", here, health=Health.UNHEALTHY)
    >>> ranking = rank(here, [near, sick, Endpoint("far", there)], TrafficDistribution.PREFER_SAME_ZONE)
    >>> spread(ranking, Component.ZTUNNEL)
    <Shares near 100 %, far 0 %, sick 0 %>
    >>> spread(ranking, Component.SIDECAR)
    <Shares near 70 %, far 30 %, sick 0 %>
    """
    check_type(ranking, Ranking, "ranking")
    check_member(component, Component, "component")
    # To Istio a mode is a failoverPriority of its scopes, and Any is nothing. What internalTrafficPolicy: Local leaves
    # has no priorities: istio/istio loadbalancer.go, GetEffectiveLbSetting, and endpoint_builder.go,
    # filterIstioEndpoint, at 86c9f01.
    by_labels = bool(ranking.preference.scopes) and not ranking.preference.strict
    told = envoy if envoy is not None else ISTIO_ENVOY if by_labels else PLAIN_ENVOY
    selection = _RankedSelection(ranking.tiers, ranking.excluded, told, by_labels)
    shares = data_plane(component, planes).shares(selection)
    if len(shares) < len(ranking.excluded) + sum(len(tier.endpoints) for tier in ranking.tiers):
        raise InvalidValueError("expected endpoints with ids of their own, got an id twice", "endpoints")
    return shares
