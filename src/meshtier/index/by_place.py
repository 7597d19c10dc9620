"""Which tiers does a client at some place see, by any mode?"""

from collections.abc import Callable, Iterable
from operator import attrgetter
from random import Random
from typing import Final

from typing_extensions import override

from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint
from meshtier.errors import check_type
from meshtier.index.base import Index, path_to
from meshtier.index.place import Key, Node
from meshtier.index.view import Members, TierView
from meshtier.locality import Locality
from meshtier.preference import check_question
from meshtier.profile import SOLO, CrossNetwork, Profile

_RANKED: Final = CrossNetwork.RANKED
_SAME_ZONE: Final = TrafficDistribution.PREFER_SAME_ZONE
_locality_of: Final[Callable[[Endpoint], Key]] = attrgetter("locality")


class EndpointIndex(Index):
    """Endpoints by place, for all modes and profiles; the tiers are those of `rank`.

    Questions from several threads at once are safe as long as nothing changes
    the index. A change needs all others kept out, by a lock of the caller's.

    An endpoint that is degraded serves, as in `ztunnel_shares`.

    Args:
        endpoints: Any number, with ids of their own.

    Cost: a few microseconds for each question and change, whatever the number
    of endpoints; see docs/performance.md. The first question under a ranked
    cross-network rule (TIER-3) with endpoints in other networks is O(places).

    >>> home, away = Locality("net", "us-east", "a"), Locality("net", "us-east", "b")
    >>> index = EndpointIndex([Endpoint("near", home), Endpoint("far", away, weight=3)])
    >>> index.tiers(home, TrafficDistribution.PREFER_SAME_ZONE)
    (<TierView P0: 1 endpoints, 1 healthy>, <TierView P1: 1 endpoints, 1 healthy>)
    >>> index.pick(home, TrafficDistribution.PREFER_SAME_ZONE, Random(1)).id
    'near'
    """

    __slots__ = ()

    def __init__(self, endpoints: Iterable[Endpoint] = ()) -> None:
        super().__init__(_locality_of, endpoints)

    def tiers(
        self, client: Locality, mode: TrafficDistribution, *, profile: Profile = SOLO, strict: bool = False
    ) -> tuple[TierView, ...]:
        """The tiers of *mode* as seen from *client*, nearest first, without empty ones (TIER-1 to TIER-6).

        Args:
            client: Where the component that chooses is (LOC-7).
            mode: The mode in force.
            profile: Whose rules.
            strict: Leave out what does not match every scope; see `excluded`.

        Returns:
            Views, good until the index changes.
        """
        parts = _parts(client, mode, profile)
        if strict:
            path = path_to(self._tree.root, parts)
            full = self._own_view(path, len(parts), len(parts)) if len(path) > len(parts) else None
            return () if full is None else (full,)
        return self._tiers(parts, ranked=profile.cross_network is _RANKED)

    def excluded(self, client: Locality, mode: TrafficDistribution, *, profile: Profile = SOLO) -> Members:
        """What a strict choice leaves out: all that does not match every scope of *mode* (PREC-3).

        The one reason is always `Reason.NOT_FULL_MATCH`.
        """
        parts = _parts(client, mode, profile)
        path = path_to(self._tree.root, parts)
        full = path[-1] if len(path) > len(parts) else None
        root = self._tree.root
        if full is root:
            return Members(self._tree, 0, Node(None, {}, {}), None)
        return Members(self._tree, root.tally - (full.tally if full else 0), root, full)

    def best(
        self, client: Locality, mode: TrafficDistribution, *, profile: Profile = SOLO, strict: bool = False
    ) -> TierView | None:
        """The nearest tier with an endpoint that serves (LOAD-1); ``None`` if there is none."""
        if strict:
            return next((view for view in self.tiers(client, mode, profile=profile, strict=True) if view.healthy), None)
        return self._best(_parts(client, mode, profile), ranked=profile.cross_network is _RANKED)

    def pick(
        self,
        client: Locality,
        mode: TrafficDistribution,
        random: Random,
        *,
        profile: Profile = SOLO,
        strict: bool = False,
    ) -> Endpoint | None:
        """An endpoint of the best tier that serves, drawn in proportion to weight (LOAD-1).

        Args:
            client: Where the component that chooses is (LOC-7).
            mode: The mode in force.
            random: Where chance comes from. The same seed gives the same picks
                after the same changes in the same order.
            profile: Whose rules.
            strict: Draw only from what matches every scope.

        Returns:
            ``None`` if nothing serves, and also if all that serves in the best
            tier weighs 0: weights do not choose the tier.

        Cost: O(scopes) expected. Weights are met to within 2**-53 of their sum,
        what a random float can tell apart.
        """
        # `Profile.depth` written out: its call is a tenth of the cost of a pick.
        try:
            depth = profile.zone_depth if mode is _SAME_ZONE else mode.depth
            return self._pick(client[:depth], random, ranked=profile.cross_network is _RANKED, strict=strict)
        except (AttributeError, TypeError):
            check_question(client, mode, profile)
            check_type(random, Random, "random")
            raise

    @property
    def places(self) -> tuple[Locality, ...]:
        """The distinct places that hold an endpoint. Cost: O(places)."""
        return tuple(next(place.pages())[0].locality for place in self._tree.root.places())

    @override
    def __reduce__(self) -> "tuple[type[EndpointIndex], tuple[list[Endpoint]]]":
        return type(self), (list(self),)


def _parts(client: Locality, mode: TrafficDistribution, profile: Profile) -> tuple[str, ...]:
    try:
        return client[: profile.depth(mode)]
    except (AttributeError, TypeError):
        check_question(client, mode, profile)
        raise
