"""What is an Envoy told? Endpoints in groups of one locality and priority, each with its weight."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import evolve, frozen

from meshtier.endpoint import MAX_WEIGHT, Endpoint, Exclusion, Reason
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
from meshtier.tiers import priorities

_WORD = MAX_WEIGHT + 1


@frozen(kw_only=True)
class Group:
    """The endpoints of one locality and one priority: an Envoy's LocalityLbEndpoints.

    Attributes:
        locality: Region, zone and subzone; the other parts are unknown.
        written: The locality as it was written, by which groups are told apart.
        priority: 0 is preferred.
        weight: The group's weight, for an Envoy that divides load by it.
        endpoints: In the order of the input; none if distribute emptied the group.
    """

    locality: Locality
    written: str
    priority: int
    weight: int
    endpoints: tuple[Endpoint, ...]


@frozen(kw_only=True)
class Grouping:
    """What becomes of a service's endpoints under one setting.

    Attributes:
        groups: Sorted by their locality as written, byte by byte, then by priority.
        levels: One per endpoint, in the order of the input, before renumbering
            (DR-3 to DR-5): those of failoverPriority are renumbered before
            failover refines them.
        priorities: One per endpoint, in the order of the input; ``None`` if it is excluded.
        excluded: The endpoints that can get no traffic, each with its reason.
    """

    groups: tuple[Group, ...]
    levels: tuple[int, ...]
    priorities: tuple[int | None, ...]
    excluded: tuple[Exclusion, ...] = ()


def written_locality(endpoint: Endpoint) -> str:
    """The endpoint's locality in its plain spelling, without empty parts at the end."""
    return endpoint.locality.text


def group_endpoints(
    endpoints: Iterable[Endpoint],
    choice: EffectiveSetting,
    *,
    client: Locality,
    client_labels: Mapping[str, str] = NO_LABELS,
    profile: Profile = SOLO,
    written: Callable[[Endpoint], str] = written_locality,
) -> Grouping:
    """Give every endpoint its priority, or its reason for having none, and its group (DR-3 to DR-8).

    Args:
        endpoints: With ids of their own; ``labels`` are the final ones, places
            included. A weight of 0 counts as 1: that is what Envoys are told.
        choice: The setting in force, from `effective_setting`. Whether the
            profile allows its mix of blocks is for `check_mixing`.
        client: Where the component that chooses is; region, zone and subzone count.
        client_labels: Its labels, places included.
        profile: Whose cross-network rule.
        written: An endpoint's locality as it stands in its source. Upstream
            groups by that text, so ``r1/z1`` and ``r1/z1/`` are two groups.

    Returns:
        Every endpoint in exactly one group or excluded.

    Cost: O(n) and a sort of the distinct localities.
    Source: istio/istio loadbalancer.go, ApplyLocalityLoadBalancer and
    ApplyZoneAwareLoadBalancer, and endpoint_builder.go, generate, at 86c9f01.
    """
    members = tuple(endpoints)
    texts = [written(endpoint) for endpoint in members]
    place_of = {text: Locality.parse(text) for text in sorted(set(texts))}
    setting = choice.setting
    if choice.distribute:
        return _distributed(members, texts, place_of, rules=choice.distribute, client=client)
    splits = False
    levels: Sequence[int] = (0,) * len(members)
    if setting is not None and choice.failover:
        splits = bool(setting.failover_priority) and bool(client_labels)
        levels = _levels(
            members, texts, place_of, setting=setting, client=client, labels=client_labels, profile=profile
        )
    numbers = priorities(levels)
    return Grouping(
        groups=_groups(members, texts, numbers, place_of, add=_wrapping if splits else _saturating),
        levels=tuple(levels),
        priorities=numbers,
    )


def _levels(
    members: Sequence[Endpoint],
    texts: Sequence[str],
    place_of: Mapping[str, Locality],
    *,
    setting: LocalitySetting | ZoneAwareSetting,
    client: Locality,
    labels: Mapping[str, str],
    profile: Profile,
) -> Sequence[int]:
    by_label: Sequence[int] = failover_priority_levels(
        labels,
        (endpoint.labels for endpoint in members),
        setting.failover_priority,
        cross_network=profile.cross_network,
    )
    if isinstance(setting, LocalitySetting):
        if setting.failover_priority and not setting.failover:
            return by_label
        level, factor = failover_level, FAILOVER_LEVELS
    else:
        level, factor = region_level, REGION_LEVELS
    here = client[1:4]
    by_place = {text: level(here, place[1:4], setting.failover) for text, place in place_of.items()}
    return tuple(factor * coarse + by_place[text] for coarse, text in zip(by_label, texts, strict=True))


def _distributed(
    members: Sequence[Endpoint],
    texts: Sequence[str],
    place_of: Mapping[str, Locality],
    *,
    rules: Sequence[Distribute],
    client: Locality,
) -> Grouping:
    level = (0,) * len(members)
    groups = _groups(members, texts, level, place_of, add=_saturating)
    rule = matching_rule(rules, client[1:4])
    if rule is None:
        return Grouping(groups=groups, levels=level, priorities=level)
    places = [group.locality[1:4] for group in groups]
    shares = distribute_weights(rule, places, [group.weight for group in groups])
    shared = tuple(
        evolve(group, weight=share.weight, endpoints=() if share.target is None else group.endpoints)
        for group, share in zip(groups, shares, strict=True)
    )
    dropped = {group.written for group, share in zip(groups, shares, strict=True) if share.target is None}
    return Grouping(
        groups=shared,
        levels=level,
        priorities=tuple(None if text in dropped else 0 for text in texts),
        excluded=tuple(
            Exclusion(endpoint, Reason.NO_DISTRIBUTE_MATCH, "DR-6", f"{text or 'no locality'}, from {rule.origin}")
            for endpoint, text in zip(members, texts, strict=True)
            if text in dropped
        ),
    )


def _groups(
    members: Sequence[Endpoint],
    texts: Sequence[str],
    numbers: Sequence[int],
    place_of: Mapping[str, Locality],
    *,
    add: Callable[[int], int],
) -> tuple[Group, ...]:
    bins: dict[tuple[str, int], list[Endpoint]] = {}
    for endpoint, text, number in zip(members, texts, numbers, strict=True):
        bins.setdefault((text, number), []).append(endpoint)
    # Text sorts by code points, which is the order of its UTF-8 bytes.
    return tuple(
        Group(
            locality=place_of[text],
            written=text,
            priority=number,
            weight=add(sum(endpoint.weight or 1 for endpoint in inside)),
            endpoints=tuple(inside),
        )
        for (text, number), inside in sorted(bins.items(), key=lambda item: item[0])
    )


def _saturating(total: int) -> int:
    return min(total, MAX_WEIGHT)


def _wrapping(total: int) -> int:
    # Upstream adds anew, and without a guard, where failoverPriority splits a locality.
    return total % _WORD
