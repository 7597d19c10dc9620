"""How does ztunnel spread load? All of it to the best tier that can serve, by weight (LOAD-1)."""

from collections.abc import Iterable, Sequence
from typing import Final

from meshtier.dataplane.shares import Shares
from meshtier.tiers import TierLike

NO_ENDPOINT: Final = "no endpoint is left to choose from"
NONE_SERVING: Final = "no endpoint is healthy"
NO_WEIGHT: Final = "all weights of the best tier are 0, and weights do not choose the tier"


def best_tier(tiers: Iterable[TierLike]) -> TierLike | None:
    """The nearest tier with an endpoint that can serve; ``None`` if there is none.

    Args:
        tiers: Nearest first.
    """
    return next((tier for tier in tiers if tier.healthy), None)


def ztunnel_shares(tiers: Sequence[TierLike], others: Iterable[str] = ()) -> Shares:
    """The share of each endpoint (LOAD-1).

    The endpoints of the best tier that can serve share all traffic in
    proportion to their weights. ztunnel does not tell degraded from healthy.

    Args:
        tiers: Nearest first; with endpoint ids of their own.
        others: Ids of endpoints that are in no tier; they get 0.

    Returns:
        Every endpoint with its share; they add up to 1, or to 0 with a reason.

    Cost: O(n).
    Source: istio/ztunnel src/state.rs, load_balance, at 62d8265: the highest rank
    is kept, and one of it drawn with its capacity as weight. If all of these are
    0 the draw fails, and no other rank is asked.
    """
    shares = {endpoint.id: 0.0 for tier in tiers for endpoint in tier.endpoints}
    best = best_tier(tiers)
    if best is None:
        reason = NONE_SERVING if shares else NO_ENDPOINT
    elif total := best.healthy_weight:
        reason = ""
        shares.update((endpoint.id, endpoint.weight / total) for endpoint in best.endpoints if endpoint.health.serves)
    else:
        reason = NO_WEIGHT
    shares.update(dict.fromkeys(others, 0.0))
    return Shares.trusted(shares, reason)


def best_tier_shares(tiers: Sequence[TierLike]) -> Sequence[float]:
    """The share of each tier: all traffic for the best one, unless that has no weight. Cost: O(tiers)."""
    best = best_tier(tiers)
    serves = best is not None and best.healthy_weight > 0
    return [1.0 if serves and tier is best else 0.0 for tier in tiers]
