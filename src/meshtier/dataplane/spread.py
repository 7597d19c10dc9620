"""How much of its traffic does a component send to each endpoint of a ranking?"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol, assert_never

from meshtier.component import Balancing, Component
from meshtier.dataplane.envoy import host_shares
from meshtier.dataplane.settings import EnvoySettings, Host, LbPolicy, LocalityGroup
from meshtier.dataplane.shares import Shares
from meshtier.dataplane.ztunnel import ztunnel_shares
from meshtier.endpoint import Endpoint, Exclusion
from meshtier.errors import check_type
from meshtier.locality import Locality
from meshtier.ranking import Ranking
from meshtier.tiers import TierLike

ISTIO_ENVOY: Final = EnvoySettings(panic_threshold=0, locality_weighted=True, lb_policy=LbPolicy.LEAST_REQUEST)
"""What Istio tells an Envoy where traffic distribution holds: no panic, localities by weight and health (LOAD-3)."""


PLAIN_ENVOY: Final = EnvoySettings(panic_threshold=0, lb_policy=LbPolicy.LEAST_REQUEST)
"""What Istio tells an Envoy where nothing makes priorities."""


def istio_envoy(ranking: Ranking) -> EnvoySettings:
    """What Istio tells an Envoy of such a ranking: localities count wherever a mode makes priorities (LOAD-4)."""
    return ISTIO_ENVOY if ranking.preference.scopes and not ranking.preference.strict else PLAIN_ENVOY


def spread(ranking: Ranking, component: Component, *, envoy: EnvoySettings | None = None) -> Shares:
    """The share of one client's traffic that each endpoint of a ranking gets (LOAD-1 to LOAD-5).

    Args:
        ranking: The tiers, and what was excluded from them.
        component: Who sends. ztunnel and kgateway use the best tier alone; the
            others turn tiers into priorities (DR-8) and spread as an Envoy does.
        envoy: What the Envoy is told; ``None`` for what Istio tells it of such a
            ranking. Plays no part where none sends.

    Returns:
        Every endpoint of the ranking with its share; excluded ones with 0.

    Raises:
        InvalidValueError: An argument is of the wrong type, or two endpoints have one id.

    Cost: O(n).

    >>> from meshtier.endpoint import Health
    >>> from meshtier.ranking import rank
    >>> from meshtier.distribution import TrafficDistribution
    >>> here, there = Locality(zone="a"), Locality(zone="b")
    >>> near, sick = Endpoint("near", here), Endpoint("sick", here, health=Health.UNHEALTHY)
    >>> ranking = rank(here, [near, sick, Endpoint("far", there)], TrafficDistribution.PREFER_SAME_ZONE)
    >>> spread(ranking, Component.ZTUNNEL)
    <Shares near 100 %, far 0 %, sick 0 %>
    >>> spread(ranking, Component.SIDECAR)
    <Shares near 70 %, far 30 %, sick 0 %>
    """
    check_type(ranking, Ranking, "ranking")
    check_type(component, Component, "component")
    return shares_of(component, ranking, envoy=istio_envoy(ranking) if envoy is None else envoy)


class Sorted(Protocol):
    """What has been sorted into tiers: a ranking, or another choice."""

    @property
    def tiers(self) -> Sequence[TierLike]:
        """The tiers that hold an endpoint, nearest first."""
        ...

    @property
    def excluded(self) -> Sequence[Exclusion]:
        """What is in no tier."""
        ...


def shares_of(
    component: Component,
    choice: Sorted,
    *,
    envoy: EnvoySettings,
    groups: Iterable[LocalityGroup] | None = None,
) -> Shares:
    """What `spread` does, for anything that is sorted into tiers.

    Args:
        component: Who sends.
        choice: The tiers, and what is in none.
        envoy: What an Envoy is told.
        groups: What an Envoy gets; ``None`` for a priority for each tier, by locality.
    """
    balancing = component.traits.balancing
    match balancing:
        case Balancing.BEST_TIER:
            shares, reason = ztunnel_shares(choice.tiers)
        case Balancing.ENVOY:
            spread_out = host_shares(tier_groups(choice.tiers) if groups is None else groups, envoy)
            shares, reason = dict(spread_out.by_id), spread_out.reason.value if spread_out.reason else ""
        case _:
            assert_never(balancing)
    return Shares({**shares, **{exclusion.endpoint.id: 0.0 for exclusion in choice.excluded}}, reason)


def tier_groups(tiers: Iterable[TierLike]) -> tuple[LocalityGroup, ...]:
    """The tiers as Istio hands them to an Envoy: a priority for each, without gaps (DR-8)."""
    numbered = enumerate(tiers)
    return tuple(group for priority, tier in numbered for group in locality_groups(tier.endpoints, priority))


def locality_groups(endpoints: Iterable[Endpoint], priority: int) -> tuple[LocalityGroup, ...]:
    """The endpoints of one priority as Istio hands them to an Envoy: by locality, bytewise, with summed weights.

    A weight of 0 is none at all to Istio, and counts as 1.
    """
    by_text: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_text.setdefault(endpoint.locality.text, []).append(endpoint)
    groups: list[LocalityGroup] = []
    for text in sorted(by_text):
        hosts = tuple(host_of(endpoint) for endpoint in by_text[text])
        weight = sum(host.weight for host in hosts)
        groups.append(LocalityGroup(priority=priority, locality=Locality.parse(text), weight=weight, hosts=hosts))
    return tuple(groups)


def host_of(endpoint: Endpoint) -> Host:
    """The endpoint as an Envoy sees it."""
    return Host(id=endpoint.id, health=endpoint.health, weight=endpoint.weight or 1)
