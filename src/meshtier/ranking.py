"""Endpoints sorted into tiers by a preference, and what to ask of the result."""

from collections.abc import Iterable
from functools import cached_property
from itertools import islice
from operator import eq
from typing import Final

from attrs import frozen
from typing_extensions import override

from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint, Exclusion, Reason
from meshtier.errors import InvalidValueError, UnknownNameError, check_type
from meshtier.frozen import FrozenMapping
from meshtier.locality import Locality
from meshtier.preference import ModeLike, Preference, mode_of
from meshtier.profile import SOLO, Profile
from meshtier.table import Table, shortened
from meshtier.tiers import Tier, tier_of


class Lookup(FrozenMapping[int]):
    """A number for each endpoint in a tier, by its id; may also be called, with the endpoint or its id.

    Args:
        numbered: Each endpoint with its number.
        excluded: What to say of endpoints that have none.

    Raises:
        InvalidValueError: Two endpoints have one id.
        UnknownNameError: No endpoint with this id is in a tier.
    """

    __slots__ = ("_excluded",)
    _excluded: tuple[Exclusion, ...]

    def __init__(self, numbered: Iterable[tuple[Endpoint, int]], excluded: tuple[Exclusion, ...] = ()) -> None:
        numbers: dict[str, int] = {}
        for endpoint, number in numbered:
            if endpoint.id in numbers:
                raise InvalidValueError(f"expected ids of their own, got {endpoint.id!r} twice", "endpoints")
            numbers[endpoint.id] = number
        super().__init__(numbers)
        object.__setattr__(self, "_excluded", excluded)

    def __call__(self, endpoint: Endpoint | str) -> int:
        """The number of *endpoint*."""
        return self[endpoint.id if isinstance(endpoint, Endpoint) else endpoint]

    @override
    def _unknown(self, key: str) -> UnknownNameError:
        for exclusion in self._excluded:
            if exclusion.endpoint.id == key:
                return UnknownNameError("tier, for it is excluded,", str(exclusion))
        return UnknownNameError.among("endpoint in a tier", key, self)


@frozen
class Ranking:
    """The tiers of one set of endpoints for one client.

    Attributes:
        client: Where the client is.
        preference: What was compared.
        tiers: The tiers that hold an endpoint, nearest first.
        excluded: The endpoints that a strict choice leaves out, each with its reason.
        name: What to call the choice in a display, as in ``PreferSameZone``.
    """

    client: Locality
    preference: Preference
    tiers: tuple[Tier, ...]
    excluded: tuple[Exclusion, ...] = ()
    name: str = ""

    @cached_property
    def tier_of(self) -> Lookup:
        """The tier of each endpoint that is in one, by id. Cost: O(n) at first."""
        return Lookup(((endpoint, tier.number) for tier in self.tiers for endpoint in tier.endpoints), self.excluded)

    @cached_property
    def priority_of(self) -> Lookup:
        """The priority of each endpoint that is in a tier, by id (DR-8). Cost: O(n) at first."""
        tiers = enumerate(self.tiers)
        return Lookup(((endpoint, place) for place, tier in tiers for endpoint in tier.endpoints), self.excluded)

    def to_table(self) -> Table:
        """The tiers as a table: what matched, how many endpoints, which."""
        rows = [
            (
                f"P{tier.number}",
                str(priority),
                self.preference.ladder.describe(tier.number),
                str(len(tier.endpoints)),
                str(tier.healthy),
                shortened([endpoint.id for endpoint in tier.endpoints]),
            )
            for priority, tier in enumerate(self.tiers)
        ]
        return Table(
            title=f"{self.name} from {self.client}",
            columns=("tier", "priority", "what matches", "endpoints", "healthy", "which"),
            rows=rows,
            notes=tuple(f"excluded: {exclusion}" for exclusion in self.excluded),
            numeric=frozenset({1, 3, 4}),
        )

    def _repr_html_(self) -> str:
        return self.to_table().first().to_html()

    @override
    def __repr__(self) -> str:
        tiers = ", ".join(f"P{tier.number}: {len(tier.endpoints)}" for tier in self.tiers) or "no endpoints"
        excluded = f"; excluded: {len(self.excluded)}" if self.excluded else ""
        return f"<Ranking {self.name} from {self.client}: {tiers}{excluded}>"


def rank(
    client: Locality,
    endpoints: Iterable[Endpoint],
    mode: ModeLike,
    *,
    profile: Profile = SOLO,
    strict: bool = False,
    client_cluster: str = "",
    reason: Reason = Reason.NOT_FULL_MATCH,
) -> Ranking:
    """Sort endpoints into tiers as seen from *client* (TIER-1 to TIER-6).

    Args:
        client: Where the component that chooses is (LOC-7).
        endpoints: Any number, with ids of their own. Their health plays no part (TIER-5).
        mode: The mode in force, its word in manifests, or a `Preference`: any list of scopes.
        profile: Whose rules; a preference has its own.
        strict: Exclude what does not match every scope, instead of sorting it
            behind. A strict preference does so by itself.
        client_cluster: The client's cluster, for a preference that compares it.
        reason: What to say of an endpoint that a strict choice excludes.

    Raises:
        InvalidValueError: An argument is of the wrong type, or no mode is called so.

    Returns:
        Every endpoint in exactly one tier or excluded; in a tier they keep the
        order in which they came.

    Cost: O(n). For a mode, or a preference whose scopes are the first of `SCOPES`,
    from 100 endpoints on less than two calls of `tier_of` for each, and about half
    of one where many share a place. Other preferences compare what is distinct once.

    >>> home = Locality("net", "us-east", "us-east-1a")
    >>> away = Endpoint("b", Locality("net", "us-east", "us-east-1b"))
    >>> rank(home, [Endpoint("a", home), away], "PreferSameZone")
    <Ranking PreferSameZone from network=net us-east/us-east-1a: P0: 1, P1: 1>
    """
    check_type(client, Locality, "client")
    preference = Preference.of_mode(mode, profile=profile, strict=strict)
    bins: list[list[Endpoint]] = [[] for _ in range(2 * len(preference.scopes) + 1)]  # no ladder has more tiers
    missed: list[Endpoint] = []
    if preference.strict:
        bins[1:] = [missed] * (len(bins) - 1)
    try:
        if preference.depth is None:
            _fill(bins, client, client_cluster, endpoints, preference)
        else:
            _fill_by_place(bins, client, endpoints, *_as_mode(mode, profile))
    except (AttributeError, TypeError) as error:
        raise InvalidValueError(f"expected Endpoints, got something else ({error})", "endpoints") from error
    return Ranking(
        client,
        preference,
        tuple([Tier(number, tuple(held)) for number, held in enumerate(bins) if held and held is not missed]),
        tuple([Exclusion(endpoint, reason, "PREC-3") for endpoint in missed]),
        _name(mode, preference),
    )


def _name(mode: ModeLike, preference: Preference) -> str:
    if isinstance(mode, Preference):
        name = " > ".join(scope.value for scope in mode.scopes) or TrafficDistribution.ANY.value
    else:
        name = mode_of(mode).value
    return f"strict {name}" if preference.strict else name


def _as_mode(mode: ModeLike, profile: Profile) -> tuple[TrafficDistribution, Profile]:
    if not isinstance(mode, Preference):
        return mode_of(mode), profile
    # Any first scopes of all are those of PreferSameZone under some profile (TIER-4), so that `tier_of` serves.
    depth = len(mode.scopes)
    return _SAME_ZONE, Profile(name="", cross_network=mode.cross_network, spec_values={}, zone_depth=depth)


def _fill_by_place(
    bins: list[list[Endpoint]],
    client: Locality,
    endpoints: Iterable[Endpoint],
    mode: TrafficDistribution,
    profile: Profile,
) -> None:
    # To remember the bin of a place costs an endpoint 0.4 times what comparing it does, if it is not the first
    # there, and 1.5 times if it is. So after a run in which most were the first, a longer one only compares.
    bin_of: dict[Locality, list[Endpoint]] = {}
    waiting, length = iter(endpoints), _FIRST_RUN
    while run := list(islice(waiting, length)):
        known = len(bin_of)
        for endpoint in run:
            place = endpoint.locality
            found = bin_of.get(place)
            if found is None:
                found = bin_of[place] = bins[tier_of(client, place, mode, profile=profile)]
            found.append(endpoint)
        length *= 2
        if 2 * (len(bin_of) - known) > len(run):
            for endpoint in islice(waiting, length):
                bins[tier_of(client, endpoint.locality, mode, profile=profile)].append(endpoint)


def _fill(
    bins: list[list[Endpoint]],
    client: Locality,
    cluster: str,
    endpoints: Iterable[Endpoint],
    preference: Preference,
) -> None:
    here, ladder = preference.parts(client, cluster), preference.ladder
    bin_of: dict[tuple[str, ...], list[Endpoint]] = {}
    for endpoint in endpoints:
        there = preference.parts(endpoint.locality, endpoint.cluster)
        found = bin_of.get(there)
        if found is None:
            found = bin_of[there] = bins[ladder.tier_for(map(eq, here, there))]
        found.append(endpoint)


_FIRST_RUN: Final = 32
_SAME_ZONE: Final = TrafficDistribution.PREFER_SAME_ZONE
