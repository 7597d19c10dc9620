"""In which tier is an endpoint, and what is in a tier?

`tier_of` is the fast form, for the modes, of what `meshtier.ladder` states for
anything that is compared in order.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from attrs import frozen
from typing_extensions import override

from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint
from meshtier.errors import check_type
from meshtier.locality import Locality
from meshtier.profile import SOLO, CrossNetwork, Profile
from meshtier.table import Mark, Table, shortened


def tier_of(client: Locality, place: Locality, mode: TrafficDistribution, *, profile: Profile = SOLO) -> int:
    """The tier of an endpoint at *place* for a client at *client*; 0 is P0, the nearest (TIER-1).

    Cost: a few comparisons of strings; no loop and no call, since this is what
    embedders call most. That it gives what `Preference.tier` gives is a law of the tests.

    Source: istio/ztunnel src/state.rs, ProxyState::load_balance, at 62d8265, which
    counts matches upwards and takes the highest rank; here the best is 0, as in the
    published tables of the modes. Envoys are told the same as a failoverPriority:
    istio/istio pilot/pkg/networking/core/loadbalancer/loadbalancer.go,
    GetEffectiveLbSetting, at 86c9f01.

    Raises:
        InvalidValueError: An argument is of the wrong type.

    >>> here = Locality("net", "us-east", "us-east-1a")
    >>> there = Locality("net", "us-east", "us-east-1b")
    >>> tier_of(here, there, TrafficDistribution.PREFER_SAME_ZONE)
    1
    """
    try:
        depth = profile.zone_depth if mode is _SAME_ZONE else mode.depth
        if depth == 0:
            return 0
        tier = depth - 1  # of an endpoint that has the network in common and nothing else
        if client[0] != place[0]:
            if profile.cross_network is _FLAT:
                return depth
            tier += depth  # TIER-3: the same comparisons once more, behind all tiers of the own network
        if depth == 1 or client[1] != place[1]:
            return tier
        if depth == 2 or client[2] != place[2]:
            return tier - 1
        if depth == 3 or client[3] != place[3]:
            return tier - 2
        return tier - 4 if depth == 5 and client[4] == place[4] else tier - 3
    except (AttributeError, TypeError):
        _check_arguments(client, place, mode, profile)
        raise


def _check_arguments(client: object, place: object, mode: object, profile: object) -> None:
    check_type(client, Locality, "client")
    check_type(place, Locality, "place")
    check_type(mode, TrafficDistribution, "mode")
    check_type(profile, Profile, "profile")


def priorities(tiers: Sequence[int]) -> tuple[int, ...]:
    """Renumber tiers as priorities 0..k-1, in the same order and without gaps (DR-8).

    Args:
        tiers: One per endpoint, lower preferred. Length n; n = 0 is allowed.

    Returns:
        Length n, aligned with *tiers*; k is the number of distinct tiers.

    Cost: O(n + k log k).
    Source: istio/istio loadbalancer.go, applyLocalityFailover, at 86c9f01.

    >>> priorities([5, 0, 5, 3])
    (2, 0, 2, 1)
    """
    priority_of = {tier: priority for priority, tier in enumerate(sorted(set(tiers)))}
    return tuple(priority_of[tier] for tier in tiers)


@frozen
class Tier:
    """The endpoints of one tier.

    Attributes:
        number: The P number of the mode's table; 0 is the nearest.
        endpoints: At least one, in the order of the input.
    """

    number: int
    endpoints: tuple[Endpoint, ...]

    @property
    def healthy(self) -> int:
        """How many of the endpoints can take traffic: the healthy and the degraded."""
        return sum(endpoint.health.serves for endpoint in self.endpoints)

    @property
    def healthy_weight(self) -> int:
        """What the healthy and the degraded weigh together."""
        return sum(endpoint.weight for endpoint in self.endpoints if endpoint.health.serves)

    def _repr_html_(self) -> str:
        return endpoints_table(f"P{self.number}", self.endpoints).first().to_html()

    @override
    def __repr__(self) -> str:
        return f"Tier(P{self.number}: {shortened([endpoint.id for endpoint in self.endpoints])})"


def endpoints_table(title: str, endpoints: Iterable[Endpoint]) -> Table:
    """Endpoints as a table: where each is, what it weighs, and its health."""
    found = list(endpoints)
    return Table(
        title=title,
        columns=("endpoint", "where", "weight", "health"),
        rows=[(each.id, str(each.locality), str(each.weight), each.health.value) for each in found],
        numeric=frozenset({2}),
        marks=frozenset((place, Mark.UNHEALTHY) for place, each in enumerate(found) if not each.health.serves),
    )


class Endpoints(Protocol):
    """Endpoints that can be counted and gone through; a tuple will do."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __iter__(self) -> Iterator[Endpoint]:
        """Each once."""
        ...


class TierLike(Protocol):
    """What the tiers of a ranking and those of an index have in common."""

    @property
    def number(self) -> int:
        """The P number of the mode's table; 0 is the nearest."""
        ...

    @property
    def endpoints(self) -> Endpoints:
        """What is in it; at least one."""
        ...

    @property
    def healthy(self) -> int:
        """How many of the endpoints can take traffic: the healthy and the degraded."""
        ...

    @property
    def healthy_weight(self) -> int:
        """What the healthy and the degraded weigh together."""
        ...


_SAME_ZONE: Final = TrafficDistribution.PREFER_SAME_ZONE
_FLAT: Final = CrossNetwork.FLAT
