"""How near is an endpoint, if things are compared in order and the first difference decides?

Every order of nearness is of this kind: the scopes of a mode or of a routing
preference (TIER-1 to TIER-3) and the labels of ``failoverPriority`` (DR-3). What
they have in common stands here once. `meshtier.tiers.tier_of` is the fast form
for the modes; a law holds the two together.
"""

from collections.abc import Iterable, Sequence

from attrs import frozen

from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.profile import CrossNetwork


@frozen
class Ladder:
    """Things compared in order, and the tier that follows from how many of them are equal.

    Attributes:
        names: What is compared, in order, as a reader is to see it; may be empty.
        preferred: The positions that may differ without an end of the comparison:
            where the network comes first and is preferred, not required (TIER-3).
            Endpoints of other networks then keep an order among themselves,
            behind all of the client's own network.

    Source: istio/ztunnel src/state.rs, ProxyState::load_balance, at 62d8265;
    istio/istio pilot/pkg/networking/core/loadbalancer/loadbalancer.go,
    applyFailoverPriorityPerLocality, at 86c9f01. ztunnel counts upwards and takes
    the highest rank, Istio counts downwards; the order is the same.

    >>> ladder = Ladder.of_scopes((Scope.NETWORK, Scope.ZONE), CrossNetwork.RANKED)
    >>> [ladder.describe(tier) for tier in range(ladder.tiers)]
    ['same network, zone', 'same network; other zone', 'other network; same zone', 'other network; other zone']
    """

    names: tuple[str, ...]
    preferred: frozenset[int] = frozenset()

    @classmethod
    def of_scopes(cls, scopes: Sequence[Scope], cross_network: CrossNetwork) -> "Ladder":
        """The ladder of a mode or a routing preference.

        A network that comes first under `CrossNetwork.RANKED` is preferred wherever
        it stands, since ztunnel goes on after each comparison of networks.
        """
        ranked = _prefers_network(scopes, Scope.NETWORK, cross_network)
        networks = [position for position, scope in enumerate(scopes) if scope is Scope.NETWORK]
        return cls(tuple(scope.value for scope in scopes), frozenset(networks if ranked else ()))

    @classmethod
    def of_labels(cls, entries: Sequence[str], cross_network: CrossNetwork) -> "Ladder":
        """The ladder of the entries of ``failoverPriority``, each named by its label without the prefix.

        The network is preferred only as the first entry and without a value of its
        own; Istio compares the text of the whole entry, and no later one.
        """
        ranked = _prefers_network(entries, SCOPE_LABELS[Scope.NETWORK], cross_network)
        return cls(tuple(entry.rpartition("/")[2] for entry in entries), frozenset({0} if ranked else ()))

    @property
    def steps(self) -> int:
        """How many comparisons there are."""
        return len(self.names)

    @property
    def tiers(self) -> int:
        """How many tiers there are: their numbers are 0 to one less."""
        return 2 * self.steps if self.preferred else self.steps + 1

    def climb(self, equal: Iterable[bool]) -> tuple[int, bool]:
        """How many comparisons held before the first difference, and whether the networks are the same.

        Args:
            equal: Whether each thing is equal, in order; read no further than needed.

        Returns:
            Where the network is preferred and differs, it is left out of the
            count; where it is not preferred, the networks count as the same.
        """
        matched = ignored = 0
        for holds in equal:
            if holds:
                matched += 1
            elif matched + ignored in self.preferred:
                ignored += 1
            else:
                break
        return matched, not ignored

    def tier(self, matched: int, *, same_network: bool = True) -> int:
        """The tier of what `climb` found; 0 is the nearest.

        >>> Ladder(("region", "zone", "node")).tier(2)
        1
        """
        steps = len(self.names)
        return steps - matched if same_network else 2 * steps - 1 - matched

    def tier_for(self, equal: Iterable[bool]) -> int:
        """The tier of an endpoint for which these comparisons hold or do not."""
        matched, same_network = self.climb(equal)
        return self.tier(matched, same_network=same_network)

    def matched(self, tier: int) -> tuple[int, bool]:
        """What `climb` finds for the endpoints of this tier."""
        if self.preferred and tier >= self.steps:
            return 2 * self.steps - 1 - tier, False
        return self.steps - tier, True

    def held(self, tier: int, position: int) -> bool:
        """Whether the thing at *position* is known to be equal for the endpoints of this tier."""
        matched, same_network = self.matched(tier)
        return position in self._deciding(same_network=same_network)[:matched]

    def reached(self, equal: Iterable[bool]) -> int:
        """How many comparisons are made: all up to the first difference that ends them, and that one."""
        matched, same_network = self.climb(equal)
        rest = self._deciding(same_network=same_network)[matched:]
        return rest[0] + 1 if rest else self.steps

    def describe(self, tier: int) -> str:
        """What an endpoint of this tier has in common with the client, in words.

        >>> Ladder(("network", "zone")).describe(1)
        'same network; other zone'
        """
        if not self.names:
            return "anywhere"
        matched, same_network = self.matched(tier)
        names = [self.names[position] for position in self._deciding(same_network=same_network)]
        same, other = ", ".join(names[:matched]), names[matched : matched + 1]
        parts = ([] if same_network else [f"other {self.names[0]}"]) + ([f"same {same}"] if same else [])
        return "; ".join(parts + [f"other {name}" for name in other])

    def _deciding(self, *, same_network: bool) -> list[int]:
        """The positions whose equality counts: a preferred network that differs does not."""
        return [position for position in range(self.steps) if same_network or position not in self.preferred]


def _prefers_network(compared: Sequence[object], network: object, cross_network: CrossNetwork) -> bool:
    # The one place where the cross-network rule becomes a property of a ladder (TIER-2, TIER-3).
    return cross_network is CrossNetwork.RANKED and bool(compared) and compared[0] == network
