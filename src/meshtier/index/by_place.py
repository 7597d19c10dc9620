"""Which tiers does a client at some place see, by a mode or by a list of scopes?"""

from collections.abc import Callable, Iterable
from operator import attrgetter
from random import Random
from typing import Final

from typing_extensions import override

from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint
from meshtier.errors import check_type
from meshtier.index.base import Index
from meshtier.index.nodes import Key
from meshtier.index.questions import best_of, full_match, not_full_match, pick_from, pick_full_match, tiers_of
from meshtier.index.tier_view import Members, TierView
from meshtier.index.tree import PrefixTree
from meshtier.ladder import Ladder
from meshtier.locality import SCOPES, Locality
from meshtier.preference import ModeLike, Preference, mode_of
from meshtier.profile import SOLO, CrossNetwork, Profile

_RANKED: Final = CrossNetwork.RANKED
# The ladder of the first scopes of all, by their number: under a ranked rule and under a flat one.
_RANKED_LADDERS, _FLAT_LADDERS = (
    tuple(Ladder.of_scopes(SCOPES[:depth], rule) for depth in range(len(SCOPES) + 1))
    for rule in (_RANKED, CrossNetwork.FLAT)
)
_SAME_ZONE: Final = TrafficDistribution.PREFER_SAME_ZONE
_locality_of: Final[Callable[[Endpoint], Key]] = attrgetter("locality")


class EndpointIndex(Index):
    """Endpoints by place, for all modes, profiles and preferences; the tiers are those of `rank`.

    Questions from several threads at once are safe as long as nothing changes
    the index. A change needs all others kept out, by a lock of the caller's.

    An endpoint that is degraded serves, as in `ztunnel_shares`.

    Args:
        endpoints: Any number, with ids of their own.

    Cost: a few microseconds for each question and change, whatever the number
    of endpoints; see docs/performance.md. Under a ranked cross-network rule
    (TIER-3), what lies in other networks is found in O(networks). A `Preference`
    whose scopes are not the first of `SCOPES` has a tree of its own, which its
    first question makes in O(n) and every later change keeps up; it takes as
    much memory, and as much of a change, as the index without it.

    >>> home, away = Locality("net", "us-east", "a"), Locality("net", "us-east", "b")
    >>> index = EndpointIndex([Endpoint("near", home), Endpoint("far", away, weight=3)])
    >>> index.tiers(home, "PreferSameZone")
    (<TierView P0: 1 endpoints, 1 healthy>, <TierView P1: 1 endpoints, 1 healthy>)
    >>> index.pick(home, "PreferSameZone", Random(1)).id
    'near'
    """

    __slots__ = ()

    def __init__(self, endpoints: Iterable[Endpoint] = ()) -> None:
        super().__init__(_locality_of, endpoints)

    def tiers(
        self,
        client: Locality,
        mode: ModeLike,
        *,
        profile: Profile = SOLO,
        strict: bool = False,
        client_cluster: str = "",
    ) -> tuple[TierView, ...]:
        """The tiers of *mode* as seen from *client*, nearest first, without empty ones (TIER-1 to TIER-6).

        Args:
            client: Where the component that chooses is (LOC-7).
            mode: The mode in force, its word in manifests, or a `Preference`.
            profile: Whose rules; a preference has its own.
            strict: Leave out what does not match every scope; see `excluded`. A
                strict preference does so by itself.
            client_cluster: The client's cluster, for a preference that compares it.

        Returns:
            Views, good until the index changes.

        Raises:
            InvalidValueError: An argument is of the wrong type, or no mode is called so.
        """
        tree, parts, ladder = self._asked(client, mode, profile, client_cluster)
        if not (strict or (isinstance(mode, Preference) and mode.strict)):
            return tiers_of(tree, parts, ladder)
        full = full_match(tree, parts)
        return () if full is None else (full,)

    def excluded(
        self, client: Locality, mode: ModeLike, *, profile: Profile = SOLO, client_cluster: str = ""
    ) -> Members:
        """What a strict choice leaves out: all that does not match every scope of *mode* (PREC-3).

        The one reason is always `Reason.NOT_FULL_MATCH`.
        """
        tree, parts, _ = self._asked(client, mode, profile, client_cluster)
        return not_full_match(tree, parts)

    def best(
        self,
        client: Locality,
        mode: ModeLike,
        *,
        profile: Profile = SOLO,
        strict: bool = False,
        client_cluster: str = "",
    ) -> TierView | None:
        """The nearest tier with an endpoint that serves (LOAD-1); ``None`` if there is none."""
        tree, parts, ladder = self._asked(client, mode, profile, client_cluster)
        if not (strict or (isinstance(mode, Preference) and mode.strict)):
            return best_of(tree, parts, ladder)
        full = full_match(tree, parts)
        return full if full is not None and full.healthy else None

    def pick(
        self,
        client: Locality,
        mode: ModeLike,
        random: Random,
        *,
        profile: Profile = SOLO,
        strict: bool = False,
        client_cluster: str = "",
    ) -> Endpoint | None:
        """An endpoint of the best tier that serves, drawn in proportion to weight (LOAD-1).

        Args:
            client: Where the component that chooses is (LOC-7).
            mode: The mode in force, its word in manifests, or a `Preference`.
            random: Where chance comes from. The same seed gives the same picks
                after the same questions and changes in the same order.
            profile: Whose rules; a preference has its own.
            strict: Draw only from what matches every scope.
            client_cluster: The client's cluster, for a preference that compares it.

        Returns:
            ``None`` if nothing serves, and also if all that serves in the best
            tier weighs 0: weights do not choose the tier.

        Raises:
            InvalidValueError: An argument is of the wrong type, or no mode is called so.

        Source: istio/ztunnel src/state.rs, ProxyState::load_balance, at 62d8265, which
        keeps the endpoints of the highest rank and then draws by capacity.

        Cost: O(scopes) expected. Weights are met to within 2**-53 of their sum,
        what a random float can tell apart.
        """
        tree, parts, ladder = self._asked(client, mode, profile, client_cluster)
        try:
            if strict or (isinstance(mode, Preference) and mode.strict):
                return pick_full_match(tree, parts, random)
            return pick_from(tree, parts, ladder, random)
        except AttributeError:
            check_type(random, Random, "random")
            raise

    @property
    def places(self) -> tuple[Locality, ...]:
        """The distinct places that hold an endpoint. Cost: O(places)."""
        return tuple(next(leaf.pages())[0].locality for leaf in self._tree.root.leaves())

    def _asked(
        self, client: Locality, mode: ModeLike, profile: Profile, cluster: str
    ) -> tuple[PrefixTree, Key, Ladder]:
        # Written for the case that callers ask most, a mode: a pick costs little more than this.
        if not isinstance(client, Locality):
            check_type(client, Locality, "client")
        if isinstance(mode, Preference):
            first = mode.depth
            if first is None:
                return self._tree_by(mode), mode.parts(client, cluster), mode.ladder
            return self._tree, client[:first], mode.ladder
        try:
            mode = mode if type(mode) is TrafficDistribution else mode_of(mode)
            depth = profile.zone_depth if mode is _SAME_ZONE else mode.depth
            ladders = _RANKED_LADDERS if profile.cross_network is _RANKED else _FLAT_LADDERS
        except AttributeError:
            check_type(profile, Profile, "profile")
            raise
        return self._tree, client[:depth], ladders[depth]

    def _tree_by(self, preference: Preference) -> PrefixTree:
        tree = self._others.get(preference.scopes)
        if tree is None:
            made = PrefixTree(lambda endpoint: preference.parts(endpoint.locality, endpoint.cluster))
            for endpoint in self:
                made.insert(endpoint)
            # Of two threads that ask at once, both take the tree that came first.
            tree = self._others.setdefault(preference.scopes, made)
        return tree

    @override
    def __reduce__(self) -> "tuple[type[EndpointIndex], tuple[list[Endpoint]]]":
        return type(self), (list(self),)
