"""Who gets which share? ``distribute``: weights of localities for the clients of one place."""

from collections.abc import Sequence
from math import ceil

from attrs import frozen

from meshtier.endpoint import MAX_WEIGHT
from meshtier.rules.locality_setting import Distribute, matches_place

_WORD = MAX_WEIGHT + 1


@frozen(kw_only=True)
class DistributedWeight:
    """What distribute does to one group of endpoints.

    Attributes:
        weight: The group's weight afterwards.
        target: The ``to`` pattern that matched; ``None`` if none did, which
            empties the group.
    """

    weight: int
    target: str | None


def matching_rule(rules: Sequence[Distribute], client: Sequence[str]) -> Distribute | None:
    """The first rule whose ``from`` matches the client's (region, zone, subzone) (DR-6)."""
    return next((rule for rule in rules if matches_place(rule.origin, client)), None)


def distribute_weights(
    rule: Distribute, places: Sequence[Sequence[str]], weights: Sequence[int]
) -> tuple[DistributedWeight, ...]:
    """The weight of each group under *rule* (DR-6).

    Args:
        rule: The rule that matches the client.
        places: (region, zone, subzone) of each group. Length g.
        weights: The sum of its endpoints' weights, as Envoy would be told. Length g.

    Returns:
        Length g. The groups that one ``to`` key matches share its weight in
        proportion to their own, each rounded up. A key of weight 0 leaves its
        groups as they were. Where two keys match one group, the first in the
        rule's order holds; upstream's order is random.

    Upstream computes with 32 bits: a product or total of 2**32 and more wraps.
    A total that wraps to 0 makes the weight 0, as on amd64.

    Cost: O(g) times the number of keys.
    Source: istio/istio pilot/pkg/networking/core/loadbalancer/loadbalancer.go, applyLocalityWeights, at 86c9f01.

    >>> rule = Distribute(origin="*", to={"r1": 70, "r2": 30})
    >>> [given.weight for given in distribute_weights(rule, [("r1", "a", ""), ("r1", "b", "")], [1, 2])]
    [24, 47]
    """
    given = [DistributedWeight(weight=weight, target=None) for weight in weights]
    for pattern, weight in rule.to:
        members = [
            place for place, where in enumerate(places) if given[place].target is None and matches_place(pattern, where)
        ]
        total = sum(weights[place] for place in members) % _WORD
        for place in members:
            given[place] = DistributedWeight(weight=_divided(weights[place], weight, total), target=pattern)
    return tuple(given)


def _divided(own: int, weight: int, total: int) -> int:
    product = own * weight % _WORD
    if product == 0:
        return own
    return ceil(product / total) % _WORD if total else 0
