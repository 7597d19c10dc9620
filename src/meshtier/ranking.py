"""Endpoints sorted into tiers by a preference, and what to ask of the result."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TypeVar

from attrs import frozen
from typing_extensions import override

from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint, Exclusion, Reason
from meshtier.errors import InvalidValueError, UnknownNameError, check_type
from meshtier.frozen import FrozenMapping
from meshtier.locality import Locality, Scope
from meshtier.preference import Preference, check_question, describe_tier
from meshtier.profile import SOLO, Profile
from meshtier.table import Table, shortened
from meshtier.tiers import Tier


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
                describe_tier(tier.number, self.preference),
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
        return self.to_table().to_html()

    @override
    def __repr__(self) -> str:
        tiers = ", ".join(f"P{tier.number}: {len(tier.endpoints)}" for tier in self.tiers) or "no endpoints"
        excluded = f"; excluded: {len(self.excluded)}" if self.excluded else ""
        return f"<Ranking {self.name} from {self.client}: {tiers}{excluded}>"


def rank(
    client: Locality,
    endpoints: Iterable[Endpoint],
    mode: TrafficDistribution,
    *,
    profile: Profile = SOLO,
    strict: bool = False,
) -> Ranking:
    """Sort endpoints into the tiers of *mode* as seen from *client* (TIER-1 to TIER-6).

    Args:
        client: Where the component that chooses is (LOC-7).
        endpoints: Any number, with ids of their own. Their health plays no part (TIER-5).
        mode: The mode in force.
        profile: Whose rules.
        strict: Exclude what does not match every scope of the mode, instead of
            sorting it behind.

    Raises:
        InvalidValueError: An argument is of the wrong type.

    Returns:
        Every endpoint in exactly one tier or excluded; in a tier they keep the
        order in which they came.

    Cost: O(n); every distinct place is compared once.

    >>> home = Locality("net", "us-east", "us-east-1a")
    >>> away = Endpoint("b", Locality("net", "us-east", "us-east-1b"))
    >>> rank(home, [Endpoint("a", home), away], TrafficDistribution.PREFER_SAME_ZONE)
    <Ranking PreferSameZone from network=net us-east/us-east-1a: P0: 1, P1: 1>
    """
    check_question(client, mode, profile)
    check_type(strict, bool, "strict")
    preference = Preference.of_mode(mode, profile=profile, strict=strict)
    return rank_by(preference, client, endpoints, name=f"strict {mode.value}" if strict else mode.value)


def rank_by(
    preference: Preference,
    client: Locality,
    endpoints: Iterable[Endpoint],
    *,
    client_cluster: str = "",
    reason: Reason = Reason.NOT_FULL_MATCH,
    name: str = "",
) -> Ranking:
    """Sort endpoints by any list of scopes; what `rank` does for the modes.

    Args:
        preference: What to compare.
        client: Where the component that chooses is.
        endpoints: Any number, with ids of their own.
        client_cluster: The client's cluster, for a preference that compares it.
        reason: What to say of an endpoint that a strict preference excludes.
        name: What to call the choice in a display.

    Cost: O(n); every distinct place is compared once.
    """
    bins: dict[int | None, list[Endpoint]] = {}

    def bin_for(place: Locality, cluster: str) -> Callable[[Endpoint], None]:
        tier = preference.tier(client, place, client_cluster=client_cluster, place_cluster=cluster)
        return bins.setdefault(tier, []).append

    try:
        if Scope.CLUSTER in preference.scopes:
            _fill(endpoints, lambda endpoint: (endpoint.locality, endpoint.cluster), lambda key: bin_for(*key))
        else:
            _fill_by_place(endpoints, lambda place: bin_for(place, ""))
    except (AttributeError, TypeError) as error:
        raise InvalidValueError(f"expected Endpoints, got something else ({error})", "endpoints") from error
    missed = bins.pop(None, [])
    return Ranking(
        client,
        preference,
        tuple(Tier(number, tuple(bins[number])) for number in sorted(number for number in bins if number is not None)),
        tuple(Exclusion(endpoint, reason, "PREC-3") for endpoint in missed),
        name or " > ".join(scope.value for scope in preference.scopes) or "Any",
    )


_Key = TypeVar("_Key")


def _fill(
    endpoints: Iterable[Endpoint],
    key_of: Callable[[Endpoint], _Key],
    bin_for: Callable[[_Key], Callable[[Endpoint], None]],
) -> None:
    put: dict[_Key, Callable[[Endpoint], None]] = {}
    for endpoint in endpoints:
        key = key_of(endpoint)
        if key not in put:
            put[key] = bin_for(key)
        put[key](endpoint)


def _fill_by_place(endpoints: Iterable[Endpoint], bin_for: Callable[[Locality], Callable[[Endpoint], None]]) -> None:
    # _fill with the key written out: the call that this saves is half the cost of an endpoint.
    put: dict[Locality, Callable[[Endpoint], None]] = {}
    for endpoint in endpoints:
        place = endpoint.locality
        try:
            put[place](endpoint)
        except KeyError:
            put[place] = bin_for(place)
            put[place](endpoint)
