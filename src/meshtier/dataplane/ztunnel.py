"""How does ztunnel spread load? All of it to the best tier that can serve, by weight (LOAD-1)."""

from collections.abc import Iterable, Sequence
from typing import Final

from meshtier.errors import InvalidValueError
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


def ztunnel_shares(tiers: Sequence[TierLike]) -> tuple[dict[str, float], str]:
    """The share of each endpoint, by id, and why there is none (LOAD-1).

    The endpoints of the best tier that can serve share all traffic in
    proportion to their weights. ztunnel does not tell degraded from healthy.

    Args:
        tiers: Nearest first.

    Returns:
        Every endpoint of *tiers* with its share; they add up to 1, or to 0 with
        a reason that is not ``""``.

    Raises:
        InvalidValueError: Two endpoints have one id.

    Cost: O(n).
    """
    shares = {endpoint.id: 0.0 for tier in tiers for endpoint in tier.endpoints}
    if len(shares) != sum(len(tier.endpoints) for tier in tiers):
        raise InvalidValueError("expected endpoints with ids of their own, got an id twice", "endpoints")
    tier = best_tier(tiers)
    if tier is None:
        return shares, NONE_SERVING if shares else NO_ENDPOINT
    total = tier.healthy_weight
    if total == 0:
        return shares, NO_WEIGHT
    shares.update((endpoint.id, endpoint.weight / total) for endpoint in tier.endpoints if endpoint.health.serves)
    return shares, ""
