"""What is compared, in what order, and what follows? One rule for every mode, profile and list of scopes.

Client and endpoint are compared scope by scope, in order, up to the first that
differs. `Preference` states that rule in full, for any list of scopes; the modes
are special cases, whose scopes are always a prefix of a locality.
"""

from collections.abc import Sequence

from attrs import field, frozen

from meshtier.distribution import TrafficDistribution
from meshtier.errors import check_type
from meshtier.locality import Locality, Scope
from meshtier.profile import SOLO, CrossNetwork, Profile
from meshtier.table import Table


def ladder_tier(matched: int, *, steps: int, same_network: bool, ranked: bool) -> int:
    """The tier after *matched* of *steps* comparisons held, 0 the nearest (TIER-1 to TIER-3, DR-3).

    Args:
        matched: How many comparisons held before the first that did not, a
            network that is only preferred left out of the count.
        steps: How many comparisons there are in all.
        same_network: Whether the networks are equal.
        ranked: Whether the network comes first and is preferred, not required.

    Returns:
        ``steps - matched``; if *ranked* and the networks differ, the same count
        over the other ``steps - 1`` comparisons, behind all tiers of the own network.

    >>> ladder_tier(2, steps=3, same_network=True, ranked=False)
    1
    >>> ladder_tier(2, steps=3, same_network=False, ranked=True)
    3
    """
    if ranked and not same_network:
        return 2 * steps - 1 - matched
    return steps - matched


@frozen
class Preference:
    """An ordered list of scopes, and how an endpoint fares against it (TIER-1 to TIER-3).

    This is what ztunnel calls a routing preference; the modes are special cases.

    Attributes:
        scopes: What is compared, the most important first; may be empty. A
            scope that stands twice is compared twice, as ztunnel does.
        cross_network: What a different network means if the network comes first.
        strict: Whether an endpoint must match every scope.

    >>> preference = Preference((Scope.NETWORK, Scope.ZONE))
    >>> preference.tier(Locality("n", "r", "a"), Locality("n", "r", "b"))
    1
    """

    scopes: tuple[Scope, ...] = field(converter=tuple[Scope, ...])
    cross_network: CrossNetwork = CrossNetwork.FLAT
    strict: bool = False

    @classmethod
    def of_mode(cls, mode: TrafficDistribution, *, profile: Profile = SOLO, strict: bool = False) -> "Preference":
        """The preference that *mode* stands for under *profile*."""
        return cls(profile.scopes(mode), profile.cross_network, strict)

    @property
    def ranked(self) -> bool:
        """Whether other networks keep an order among themselves (TIER-3)."""
        return self.cross_network is CrossNetwork.RANKED and self.scopes[:1] == (Scope.NETWORK,)

    def matched(self, tier: int) -> int:
        """How many of the scopes, from the first, an endpoint of this tier has in common with the client.

        Where other networks keep an order, those of another network have none:
        the network, which is the first, differs.
        """
        return max(len(self.scopes) - tier, 0)

    def tier(
        self, client: Locality, place: Locality, *, client_cluster: str = "", place_cluster: str = ""
    ) -> int | None:
        """The tier of an endpoint at *place*; ``None`` if the choice is strict and it misses a scope."""
        ranked, matched = self.ranked, 0
        for scope in self.scopes:
            here, there = (
                (client_cluster, place_cluster) if scope is Scope.CLUSTER else (client.part(scope), place.part(scope))
            )
            if here == there:
                matched += 1
            elif not (ranked and scope is Scope.NETWORK):
                break
        if self.strict and matched < len(self.scopes):
            return None
        return ladder_tier(matched, steps=len(self.scopes), same_network=client.network == place.network, ranked=ranked)


def check_question(client: object, mode: object, profile: object) -> None:
    """Refuse a question about tiers whose arguments are of the wrong types.

    Raises:
        InvalidValueError: One of them is.
    """
    check_type(client, Locality, "client")
    check_type(mode, TrafficDistribution, "mode")
    check_type(profile, Profile, "profile")


def describe_tier(number: int, preference: Preference) -> str:
    """What an endpoint of this tier has in common with the client, in words.

    >>> describe_tier(1, Preference.of_mode(TrafficDistribution.PREFER_SAME_ZONE))
    'same network, region; other zone'
    >>> describe_tier(3, Preference.of_mode(TrafficDistribution.PREFER_SAME_ZONE))
    'other network'
    """
    return describe_ladder(number, [scope.value for scope in preference.scopes], ranked=preference.ranked)


def describe_ladder(number: int, names: Sequence[str], *, ranked: bool) -> str:
    """The same for any list of things compared: what `ladder_tier` counted, in words."""
    if not names:
        return "anywhere"
    far = ranked and number >= len(names)
    compared = names[1:] if far else names
    matched = 2 * len(names) - 1 - number if far else len(names) - number
    parts = [f"other {names[0]}"] if far else []
    if matched:
        parts.append(f"same {', '.join(compared[:matched])}")
    if matched < len(compared):
        parts.append(f"other {compared[matched]}")
    return "; ".join(parts)


def mode_table(mode: TrafficDistribution, *, profile: Profile = SOLO) -> Table:
    """The published table of one mode, from the same data that `tier_of` reads (TIER-1 to TIER-4).

    >>> [row[0] for row in mode_table(TrafficDistribution.PREFER_REGION).rows]
    ['P0', 'P1', 'P2']
    """
    preference = Preference.of_mode(mode, profile=profile)
    steps = len(preference.scopes)
    last = 2 * steps - 1 if preference.ranked else steps
    return Table(
        title=f"{mode.value}: {', '.join(scope.value for scope in preference.scopes) or 'no scope'}",
        columns=("tier", "an endpoint there has"),
        rows=[(f"P{number}", describe_tier(number, preference)) for number in range(last + 1)],
    )
