"""What is an Envoy told about a service? Its endpoints by priority and locality, each group with a weight.

This is the one way from tiers, whatever made them, to what Istio sends as a
ClusterLoadAssignment: `assign_tiers`; and `assign` to tiers and groups from a
locality setting, be it a DestinationRule's or the mesh's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from types import MappingProxyType
from typing import Final, Self

from attrs import field, frozen

from meshtier.dataplane.settings import Site, site_of
from meshtier.endpoint import MAX_WEIGHT, Endpoint, Exclusion, Reason
from meshtier.errors import InvalidValueError, check_int, check_type
from meshtier.labels import NO_LABELS
from meshtier.locality import Locality
from meshtier.profile import SOLO, Profile
from meshtier.rules.distribute import distribute_weights, matching_rule
from meshtier.rules.effective import EffectiveSetting
from meshtier.rules.levels import (
    FAILOVER_LEVELS,
    REGION_LEVELS,
    failover_level,
    failover_priority_levels,
    region_level,
)
from meshtier.rules.locality_setting import Distribute, LocalitySetting, ZoneAwareSetting
from meshtier.table import brief
from meshtier.tiers import Tier, TierLike

MAX_PRIORITY: Final = 128
"""The last priority that an Envoy accepts; measured on Envoy 1.40.0."""

NOWHERE: Final = Locality()
NO_PLACES: Final[Mapping[str, Locality]] = MappingProxyType({})
_WORD: Final = MAX_WEIGHT + 1


def _tuple(value: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    check_type(value, Iterable, "endpoints", what="endpoints")
    return tuple(value)


@frozen(kw_only=True)
class LocalityGroup:
    """The endpoints of one locality in one priority: one LocalityLbEndpoints.

    Attributes:
        priority: 0 to 128, 0 first; gaps are allowed.
        locality: Only region, zone and subzone count.
        weight: The locality's, for locality-weighted balancing; ``None`` if it
            is not set, which then counts as 0.
        endpoints: May be empty. An Envoy knows no weight of 0: it counts as 1.

    Raises:
        InvalidValueError: A field is of the wrong type or out of range.
    """

    priority: int = 0
    locality: Locality = NOWHERE
    weight: int | None = None
    endpoints: tuple[Endpoint, ...] = field(default=(), converter=_tuple, repr=brief)

    def __attrs_post_init__(self) -> None:
        check_int(self.priority, "priority", least=0, most=MAX_PRIORITY)
        check_type(self.locality, Locality, "locality")
        if self.weight is not None:
            check_int(self.weight, "weight", least=1, most=MAX_WEIGHT)
        for number, endpoint in enumerate(self.endpoints):
            check_type(endpoint, Endpoint, f"endpoints[{number}]")

    @classmethod
    def trusted(cls, priority: int, locality: Locality, weight: int, endpoints: tuple[Endpoint, ...]) -> Self:
        """A group of values that are right, at least as far as Istio asks; a weight of 0 is none.

        Looking at every endpoint again cost a third of the shares at a sidecar.
        """
        group = object.__new__(cls)
        for name, value in zip(_FIELDS, (priority, locality, weight or None, endpoints), strict=True):
            object.__setattr__(group, name, value)
        return group


_FIELDS: Final = ("priority", "locality", "weight", "endpoints")


def lb_weight(endpoint: Endpoint) -> int:
    """The weight of an endpoint as Envoys are told it: a weight of 0 is none to Istio, and counts as 1.

    Source: istio/istio pilot/pkg/model/service.go, GetLoadBalancingWeight, at 86c9f01.
    """
    return endpoint.weight or 1


def check_groups(groups: Iterable[LocalityGroup]) -> None:
    """Refuse what an Envoy rejects of a ClusterLoadAssignment; measured on Envoy 1.40.0.

    Istio guards none of the sums: it sends what an Envoy then rejects. So the
    answer for a mesh is computed all the same, with a note, and only groups that
    a caller made or that go to an Envoy are checked.

    Raises:
        InvalidValueError: Two endpoints have one id, a priority is above 128, or
            the weights of the endpoints of one group, or of the localities of one
            priority, sum to 2**32 or more.

    Cost: O(n).
    """
    seen: set[str] = set()
    weights: dict[tuple[int, Site], int] = {}
    totals: dict[int, int] = {}
    for number, group in enumerate(groups):
        path = f"groups[{number}]"
        check_type(group, LocalityGroup, path)
        check_int(group.priority, f"{path}.priority", least=0, most=MAX_PRIORITY)
        for position, endpoint in enumerate(group.endpoints):
            if endpoint.id in seen:
                problem = f"expected a new id, got {endpoint.id!r} again"
                raise InvalidValueError(problem, f"{path}.endpoints[{position}].id")
            seen.add(endpoint.id)
        _check_sum(sum(map(lb_weight, group.endpoints)), "weights", f"{path}.endpoints")
        if group.weight is not None:
            priority, site = group.priority, site_of(group.locality)
            # Where a locality stands twice, the last weight holds for all of it.
            totals[priority] = totals.get(priority, 0) + group.weight - weights.get((priority, site), 0)
            weights[priority, site] = group.weight
            _check_sum(totals[priority], "locality weights of one priority", f"{path}.weight")


def _check_sum(total: int, what: str, path: str) -> None:
    if total > MAX_WEIGHT:
        raise InvalidValueError(f"expected {what} with a sum of at most {MAX_WEIGHT}, got a sum of {total}", path)


def assign_tiers(
    tiers: Iterable[TierLike],
    *,
    by_labels: bool,
    written: Callable[[Endpoint], str] | None = None,
    grouped_at: Mapping[str, Locality] = NO_PLACES,
) -> tuple[LocalityGroup, ...]:
    """The tiers as Istio hands them to an Envoy: a priority for each, without gaps, by locality (DR-8).

    Args:
        tiers: Those that hold an endpoint, nearest first.
        by_labels: Whether failoverPriority made them, as traffic distribution
            does too: the weights of a group then wrap at 32 bits, and are else
            held at the largest.
        written: An endpoint's locality as it stands in its source; ``None`` for
            the plain spelling, without empty parts at the end. Istio groups by
            that text, so that ``r1/z1`` and ``r1/z1/`` are two groups.
        grouped_at: Where endpoints are put that are not put where they are, by id (LOC-3).

    Returns:
        Sorted by locality as written, byte by byte, then by priority.

    Cost: O(n) and a sort of the groups.
    Source: istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go, generate and
    addUint32, and pilot/pkg/networking/core/loadbalancer/loadbalancer.go,
    applyFailoverPriorityPerLocality, which adds anew and without a guard, at 86c9f01.
    """
    parts = [
        (text, priority, tuple(endpoints))
        for priority, tier in enumerate(tiers)
        for text, endpoints in _by_text(tier.endpoints, written, grouped_at).items()
    ]
    groups: list[LocalityGroup] = []
    for text, priority, endpoints in sorted(parts, key=itemgetter(0, 1)):  # code points sort as the bytes of UTF-8 do
        total = sum([endpoint.weight or 1 for endpoint in endpoints])
        weight = total % _WORD if by_labels else min(total, MAX_WEIGHT)
        groups.append(LocalityGroup.trusted(priority, Locality.parse(text), weight, endpoints))
    return tuple(groups)


def _by_text(
    endpoints: Iterable[Endpoint], written: Callable[[Endpoint], str] | None, grouped_at: Mapping[str, Locality]
) -> dict[str, list[Endpoint]]:
    found: dict[str, list[Endpoint]] = {}
    if written is not None:
        for endpoint in endpoints:
            found.setdefault(written(endpoint), []).append(endpoint)
        return found
    # Places are fewer than endpoints: the text of each is made once.
    put: dict[Locality, Callable[[Endpoint], None]] = {}
    for endpoint in endpoints:
        place = grouped_at.get(endpoint.id, endpoint.locality) if grouped_at else endpoint.locality
        if place not in put:
            put[place] = found.setdefault(place.text, []).append
        put[place](endpoint)
    return found


@frozen(kw_only=True)
class LoadAssignment:
    """What becomes of a service's endpoints under one locality setting.

    Attributes:
        tiers: One for each level that holds an endpoint, nearest first (DR-3 to
            DR-5); each is one priority.
        groups: The same as an Envoy is told them; empty where distribute emptied one.
        excluded: The endpoints that can get no traffic, each with its reason.
    """

    tiers: tuple[Tier, ...] = field(repr=brief)
    groups: tuple[LocalityGroup, ...] = field(repr=brief)
    excluded: tuple[Exclusion, ...] = field(default=(), repr=brief)


def assign(
    endpoints: Iterable[Endpoint],
    setting: EffectiveSetting,
    *,
    client: Locality,
    client_labels: Mapping[str, str] = NO_LABELS,
    profile: Profile = SOLO,
    written: Callable[[Endpoint], str] | None = None,
    grouped_at: Mapping[str, Locality] = NO_PLACES,
) -> LoadAssignment:
    """Give every endpoint its level and its group, or its reason for having none (DR-3 to DR-8).

    Args:
        endpoints: With ids of their own; ``labels`` are the final ones, places included.
        setting: The setting in force, from `effective_setting`. Whether the
            profile allows its mix of blocks is for `check_mixing`.
        client: Where the component that chooses is; region, zone and subzone count.
        client_labels: Its labels, places included.
        profile: Whose cross-network rule.
        written: An endpoint's locality as it stands in its source; see `assign_tiers`.
        grouped_at: Where endpoints are put that are not put where they are, by
            id: failover and distribute compare that place (LOC-3).

    Returns:
        Every endpoint in exactly one tier and one group, or excluded.

    Cost: O(n) and a sort of the groups; with failoverPriority times the number of entries.
    Source: istio/istio pilot/pkg/networking/core/loadbalancer/loadbalancer.go,
    ApplyLocalityLoadBalancer and ApplyZoneAwareLoadBalancer, at 86c9f01.
    """
    members = tuple(endpoints)
    block = setting.setting
    if block is not None and setting.failover and not setting.distribute:
        levels = _levels(members, block, client, client_labels, profile, grouped_at)
        # A client without any labels gets no levels by labels, and its groups are not made anew (DR-3).
        by_labels = bool(block.failover_priority) and bool(client_labels)
        return _assigned(_by_level(members, levels), by_labels=by_labels, written=written, grouped_at=grouped_at)
    whole = (Tier(0, members),) if members else ()
    together = _assigned(whole, by_labels=False, written=written, grouped_at=grouped_at)
    rule = matching_rule(setting.distribute, client[1:4])
    return together if rule is None else _distributed(together, rule)


def _assigned(
    tiers: tuple[Tier, ...],
    *,
    by_labels: bool,
    written: Callable[[Endpoint], str] | None,
    grouped_at: Mapping[str, Locality],
) -> LoadAssignment:
    groups = assign_tiers(tiers, by_labels=by_labels, written=written, grouped_at=grouped_at)
    return LoadAssignment(tiers=tiers, groups=groups)


def _levels(
    members: Sequence[Endpoint],
    block: LocalitySetting | ZoneAwareSetting,
    client: Locality,
    client_labels: Mapping[str, str],
    profile: Profile,
    grouped_at: Mapping[str, Locality],
) -> Sequence[int]:
    by_label = failover_priority_levels(
        client_labels,
        (endpoint.labels for endpoint in members),
        block.failover_priority,
        cross_network=profile.cross_network,
    )
    if isinstance(block, LocalitySetting):
        if block.failover_priority and not block.failover:
            return by_label
        level_of, factor = failover_level, FAILOVER_LEVELS
    else:
        level_of, factor = region_level, REGION_LEVELS
    here = client[1:4]
    places = (
        [grouped_at.get(one.id, one.locality) for one in members] if grouped_at else [one.locality for one in members]
    )
    by_place = {place: level_of(here, place[1:4], block.failover) for place in set(places)}
    return [factor * coarse + by_place[place] for coarse, place in zip(by_label, places, strict=True)]


def _by_level(members: Iterable[Endpoint], levels: Iterable[int]) -> tuple[Tier, ...]:
    bins: dict[int, list[Endpoint]] = {}
    for endpoint, level in zip(members, levels, strict=True):
        bins.setdefault(level, []).append(endpoint)
    return tuple(Tier(level, tuple(bins[level])) for level in sorted(bins))


def _distributed(together: LoadAssignment, rule: Distribute) -> LoadAssignment:
    """One tier divided by the weights of *rule*, without what none of its patterns matches (DR-6)."""
    groups = together.groups
    weights = distribute_weights(
        rule, [group.locality[1:4] for group in groups], [group.weight or 0 for group in groups]
    )
    shared: list[LocalityGroup] = []
    dropped: set[str] = set()
    for group, given in zip(groups, weights, strict=True):
        if given.target is None:
            dropped.update(endpoint.id for endpoint in group.endpoints)
        kept = () if given.target is None else group.endpoints
        shared.append(LocalityGroup.trusted(group.priority, group.locality, given.weight, kept))
    members = [endpoint for tier in together.tiers for endpoint in tier.endpoints]
    left = tuple(endpoint for endpoint in members if endpoint.id not in dropped)
    return LoadAssignment(
        tiers=(Tier(0, left),) if left else (),
        groups=tuple(shared),
        excluded=tuple(
            Exclusion(
                endpoint,
                Reason.NO_DISTRIBUTE_MATCH,
                "DR-6",
                f"{endpoint.locality.text or 'no locality'}, from {rule.origin}",
            )
            for endpoint in members
            if endpoint.id in dropped
        ),
    )
