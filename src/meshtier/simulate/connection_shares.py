"""How does a ztunnel that keeps endpoints out spread connections? As LOAD-1 says, over those that are left (OD-3)."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import fsum

from attrs import frozen

from meshtier.dataplane.shares import Shares
from meshtier.dataplane.ztunnel import NO_ENDPOINT, NO_WEIGHT, NONE_SERVING
from meshtier.endpoint import Endpoint
from meshtier.tiers import TierLike


@frozen(kw_only=True)
class ConnectionShares:
    """Where the connections at a ztunnel go at one moment.

    Attributes:
        shares: The share of each endpoint; they add up to 1, or to 0 with a reason.
        tier: The P number of the tier that is used; ``None`` if no endpoint can serve.
        dazed: Whether all that could serve are ejected, and used all the same.
    """

    shares: Shares
    tier: int | None
    dazed: bool


def connection_shares(
    tiers: Sequence[TierLike], unusable: AbstractSet[str], weights: Mapping[str, float], others: Iterable[str] = ()
) -> ConnectionShares:
    """The share of each endpoint, given what a detector knows (LOAD-1, OD-3).

    An ejected endpoint counts as one that cannot serve, so the best tier with an
    endpoint that can serve and is not ejected gets all. If every endpoint that
    can serve is ejected, in all tiers, the ztunnel is *dazed*: the best tier with
    an endpoint that can serve gets all, as if none of it were ejected. That it is
    this tier alone is an assumption: published is only that all are used again.

    The endpoints of that tier share by weight times factor. Where all of that is
    0 they share by weight alone: factors that are all alike tell nothing. If the
    weights are 0 too, there is no endpoint, as without a detector.

    Args:
        tiers: Nearest first; with endpoint ids of their own.
        unusable: The ids of the ejected; others than those in *tiers* do no harm.
        weights: The factor on the weight of an endpoint, 0 to 1, by id; absent = 1.
        others: Ids of endpoints that are in no tier; they get 0.

    Cost: O(n).

    >>> from meshtier import Endpoint, Locality, Tier
    >>> near, far = (Tier(number, (Endpoint(id, Locality()),)) for number, id in enumerate(["near", "far"]))
    >>> connection_shares([near, far], {"near"}, {}).shares
    <Shares far 100 %, near 0 %>
    """
    shares = {endpoint.id: 0.0 for tier in tiers for endpoint in tier.endpoints}
    found = _first(tiers, unusable)
    dazed = found is None
    if found is None:
        found = _first(tiers, frozenset())
    if found is None:
        reason = NONE_SERVING if shares else NO_ENDPOINT
        dazed, tier = False, None
    else:
        tier, endpoints = found
        parts = _parts(endpoints, weights)
        shares.update(parts)
        reason = "" if parts else NO_WEIGHT
    shares.update(dict.fromkeys(others, 0.0))
    return ConnectionShares(shares=Shares.trusted(shares, reason), tier=tier, dazed=dazed)


def _first(tiers: Iterable[TierLike], left_out: AbstractSet[str]) -> tuple[int, Sequence[Endpoint]] | None:
    """The number of the best tier that can serve without those left out, and what serves in it."""
    for tier in tiers:
        if left := [each for each in tier.endpoints if each.health.serves and each.id not in left_out]:
            return tier.number, left
    return None


def _parts(endpoints: Iterable[Endpoint], weights: Mapping[str, float]) -> Mapping[str, float]:
    """What each gets of the whole; nothing at all if nothing has a weight."""
    whole = {each.id: each.weight for each in endpoints}
    for weighted in ({name: weight * weights.get(name, 1.0) for name, weight in whole.items()}, whole):
        if total := fsum(weighted.values()):
            return {name: weight / total for name, weight in weighted.items()}
    return {}
