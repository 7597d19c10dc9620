"""What is compared, in what order, and what follows? One rule for every mode, profile and list of scopes.

Client and endpoint are compared scope by scope, in order, up to the first that
differs. `Preference` states that rule in full, for any list of scopes; the modes
are special cases, whose scopes are always the first of `SCOPES`.
"""

from collections.abc import Iterable
from functools import cached_property
from operator import eq
from typing import Final, TypeAlias

from attrs import evolve, field, frozen

from meshtier.distribution import TrafficDistribution
from meshtier.errors import InvalidValueError, check_type
from meshtier.ladder import Ladder
from meshtier.locality import SCOPES, Locality, Scope
from meshtier.profile import SOLO, CrossNetwork, Profile
from meshtier.table import Table

# Where the value of a scope stands in a place with its cluster behind it.
_POSITIONS: Final = {scope: position for position, scope in enumerate((*SCOPES, Scope.CLUSTER))}


def _scopes(value: Iterable[Scope]) -> tuple[Scope, ...]:
    scopes = tuple(value) if isinstance(value, Iterable) else (value,)
    if {*map(type, scopes)} - {Scope}:
        raise InvalidValueError(f"expected Scopes, got {value!r}", "scopes")
    return scopes


@frozen
class Preference:
    """An ordered list of scopes, and how an endpoint fares against it (TIER-1 to TIER-3).

    This is what ztunnel calls a routing preference; the modes are special cases.

    Source: istio/ztunnel src/state.rs, ProxyState::load_balance, at 62d8265: scopes
    in any order, the cluster among them, in the modes FAILOVER and STRICT. What Istio
    sends is in istio/istio pilot/pkg/serviceregistry/ambient/services.go,
    preferSameZoneLoadBalancer, at 86c9f01.

    Attributes:
        scopes: What is compared, the most important first; may be empty. A
            scope that stands twice is compared twice, as ztunnel does.
        cross_network: What a different network means if the network comes first.
        strict: Whether an endpoint must match every scope.

    Raises:
        InvalidValueError: *scopes* holds something else than scopes.

    >>> preference = Preference((Scope.NETWORK, Scope.ZONE))
    >>> preference.tier(Locality("n", "r", "a"), Locality("n", "r", "b"))
    1
    """

    scopes: tuple[Scope, ...] = field(converter=_scopes)
    cross_network: CrossNetwork = CrossNetwork.FLAT
    strict: bool = False

    @classmethod
    def of_mode(cls, mode: "ModeLike", *, profile: Profile = SOLO, strict: bool = False) -> "Preference":
        """The preference that *mode* stands for.

        Args:
            mode: A mode, its word in manifests, or a preference, which stands for itself.
            profile: Whose rules; a preference has its own.
            strict: Whether every scope must match. A strict preference stays strict.

        Raises:
            InvalidValueError: An argument is of the wrong type, or no mode is called so.

        >>> Preference.of_mode("PreferRegion") == Preference((Scope.NETWORK, Scope.REGION))
        True
        """
        check_type(profile, Profile, "profile")
        check_type(strict, bool, "strict")
        if isinstance(mode, Preference):
            return evolve(mode, strict=True) if strict and not mode.strict else mode
        mode = mode_of(mode)
        return cls(profile.scopes(mode), profile.cross_network, strict)

    @cached_property
    def ladder(self) -> Ladder:
        """How the scopes become tiers."""
        return Ladder.of_scopes(self.scopes, self.cross_network)

    @cached_property
    def depth(self) -> int | None:
        """How many scopes there are if they are the first of `SCOPES`, as those of every mode are; else ``None``."""
        return len(self.scopes) if self.scopes == SCOPES[: len(self.scopes)] else None

    @cached_property
    def _positions(self) -> tuple[int, ...]:
        return tuple(_POSITIONS[scope] for scope in self.scopes)

    def parts(self, place: Locality, cluster: str = "") -> tuple[str, ...]:
        """What is compared of a place, scope by scope.

        >>> Preference((Scope.ZONE, Scope.CLUSTER)).parts(Locality("n", "r", "a"), "c")
        ('a', 'c')
        """
        whole = (*place, cluster)
        return tuple([whole[position] for position in self._positions])

    def tier(
        self, client: Locality, place: Locality, *, client_cluster: str = "", place_cluster: str = ""
    ) -> int | None:
        """The tier of an endpoint at *place*; ``None`` if the choice is strict and it misses a scope."""
        here, there = self.parts(client, client_cluster), self.parts(place, place_cluster)
        tier = self.ladder.tier_for(map(eq, here, there))
        # Only the full match has the number 0, and only it does when a strict choice is made.
        return None if self.strict and tier else tier


ModeLike: TypeAlias = TrafficDistribution | str | Preference
"""What may be asked for: a mode, its word in manifests, or a list of scopes of the caller's own."""


def mode_of(mode: TrafficDistribution | str) -> TrafficDistribution:
    """The mode itself, or the one with this word in manifests.

    Raises:
        InvalidValueError: It is neither.
    """
    if isinstance(mode, TrafficDistribution):
        return mode
    try:
        return TrafficDistribution.parse(mode)
    except InvalidValueError as error:
        raise InvalidValueError(error.problem, "mode") from None


def mode_table(mode: TrafficDistribution, *, profile: Profile = SOLO) -> Table:
    """The published table of one mode, from the same data that `tier_of` reads (TIER-1 to TIER-4).

    >>> [row[0] for row in mode_table(TrafficDistribution.PREFER_REGION).rows]
    ['P0', 'P1', 'P2']
    """
    ladder = Preference.of_mode(mode, profile=profile).ladder
    return Table(
        title=f"{mode.value}: {', '.join(ladder.names) or 'no scope'}",
        columns=("tier", "an endpoint there has"),
        rows=[(f"P{tier}", ladder.describe(tier)) for tier in range(ladder.tiers)],
    )
