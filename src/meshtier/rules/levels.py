"""How far down the list is an endpoint? The levels of failoverPriority and of failover, before renumbering."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from operator import eq
from typing import Final

from attrs import frozen

from meshtier.ladder import Ladder
from meshtier.profile import CrossNetwork
from meshtier.rules.locality_setting import Failover

FAILOVER_LEVELS: Final = 5
"""How many levels `failover_level` has; the factor by which failoverPriority outweighs it (DR-5)."""
REGION_LEVELS: Final = 3
"""The same for `region_level`."""


class WantedFrom(enum.Enum):
    """Where the value comes from that an endpoint's label is compared with."""

    CLIENT = "the client's label"
    OVERRIDE = "failoverPriority"  # label=value, in this entry or in another for the same label


@frozen(kw_only=True)
class Wanted:
    """One comparison that failoverPriority asks for.

    Attributes:
        entry: The entry as written.
        label: The label that is compared.
        value: What the endpoint should have; ``None`` if the client lacks the label.
        source: Where *value* comes from.
    """

    entry: str
    label: str
    value: str | None
    source: WantedFrom


@frozen(kw_only=True)
class LabelComparison:
    """One comparison and how it went, for a reader who asks why.

    Attributes:
        entry: The entry of failoverPriority as written.
        label: The label that is compared.
        wanted: What the endpoint should have; ``None`` if the client lacks the label.
        source: Where *wanted* comes from.
        found: What the endpoint has; ``None`` if it lacks the label.
        equal: Whether they match; lacking and empty are the same.
    """

    entry: str
    label: str
    wanted: str | None
    source: WantedFrom
    found: str | None
    equal: bool


def wanted_labels(client_labels: Mapping[str, str], failover_priority: Sequence[str]) -> tuple[Wanted, ...]:
    """What failoverPriority compares, entry by entry (DR-3).

    An entry is an override only with exactly one ``=``; of several for one
    label the last holds, for every entry of that label. A client without any
    labels has nothing compared, overrides included.

    Source: istio/istio pilot/pkg/networking/core/loadbalancer/loadbalancer.go,
    priorityLabelOverrides and, for the client without labels, applyFailoverPriorities, at 86c9f01.

    >>> [want.value for want in wanted_labels({"a": "1"}, ["a", "b=2", "b"])]
    ['1', '2', '2']
    """
    if not client_labels:
        return ()
    parts = [entry.split("=") for entry in failover_priority]
    overrides = {part[0]: part[1] for part in parts if len(part) == 2}
    return tuple(
        Wanted(
            entry=entry,
            label=label,
            value=overrides.get(label, client_labels.get(label)),
            source=WantedFrom.OVERRIDE if label in overrides else WantedFrom.CLIENT,
        )
        for entry, (label, *_) in zip(failover_priority, parts, strict=True)
    )


def compare_labels(
    client_labels: Mapping[str, str], endpoint_labels: Mapping[str, str], failover_priority: Sequence[str]
) -> tuple[LabelComparison, ...]:
    """Every comparison of failoverPriority for one endpoint, also those after the first difference.

    Returns:
        One per entry, in order; empty for a client without labels, for whom
        nothing is compared.

    >>> [one.equal for one in compare_labels({"zone": "a"}, {"zone": "b"}, ["zone", "rack"])]
    [False, True]
    """
    return tuple(
        LabelComparison(
            entry=want.entry,
            label=want.label,
            wanted=want.value,
            source=want.source,
            found=endpoint_labels.get(want.label),
            equal=(want.value or "") == endpoint_labels.get(want.label, ""),
        )
        for want in wanted_labels(client_labels, failover_priority)
    )


def failover_priority_levels(
    client_labels: Mapping[str, str],
    endpoint_labels: Iterable[Mapping[str, str]],
    failover_priority: Sequence[str],
    *,
    cross_network: CrossNetwork = CrossNetwork.FLAT,
) -> tuple[int, ...]:
    """The level of each endpoint under failoverPriority, 0 the nearest (DR-3).

    Args:
        client_labels: Those of the component that chooses, places included.
        endpoint_labels: Final labels, one mapping per endpoint. Length n.
        failover_priority: The entries.
        cross_network: What another network means if the first entry is exactly
            the network's label.

    Returns:
        Length n, aligned with *endpoint_labels*; all 0 for a client without labels.

    Cost: O(n) times the number of entries.
    Source: istio/istio loadbalancer.go, applyFailoverPriorityPerLocality, at 86c9f01.

    >>> failover_priority_levels({"zone": "a", "rack": "1"}, [{"zone": "a"}, {}], ["zone", "rack"])
    (1, 2)
    """
    wanted = wanted_labels(client_labels, failover_priority)
    # A client without labels has nothing compared, and so no ladder to climb.
    ladder = Ladder.of_labels(failover_priority[: len(wanted)], cross_network)
    here = tuple(want.value or "" for want in wanted)
    keys = [want.label for want in wanted]
    level_of: dict[tuple[str, ...], int] = {}  # endpoints that are labelled alike are many
    levels: list[int] = []
    for labels in endpoint_labels:
        there = tuple([labels.get(key, "") for key in keys])
        level = level_of.get(there)
        if level is None:
            level = level_of[there] = ladder.tier_for(map(eq, here, there))
        levels.append(level)
    return tuple(levels)


def failover_level(client: Sequence[str], place: Sequence[str], failover: Sequence[Failover]) -> int:
    """The level of a place under failover, or under a bare locality setting (DR-4).

    Args:
        client: Region, zone and subzone of the component that chooses.
        place: The same of the endpoint.
        failover: The rules; the first for the client's region holds.

    Returns:
        0 to 2 in the client's region, by zone and subzone; 3 in another, 4 in
        another that is not the region's substitute.

    Source: istio/istio pilot/pkg/networking/util/util.go, LbPriority, and
    pilot/pkg/networking/core/loadbalancer/loadbalancer.go, applyLocalityFailover, at 86c9f01.

    >>> failover_level(("r1", "z1", ""), ("r3", "", ""), [Failover(from_region="r1", to_region="r2")])
    4
    """
    if client[0] == place[0]:
        return 2 if client[1] != place[1] else int(client[2] != place[2])
    substitute = _substitute(client[0], failover)
    return 3 if substitute is None or substitute == place[0] else 4


def region_level(client: Sequence[str], place: Sequence[str], failover: Sequence[Failover]) -> int:
    """The level of a place under a zone-aware setting: 0 own region, 1 its substitute, 2 any other.

    Source: istio/istio pilot/pkg/networking/core/loadbalancer/loadbalancer.go,
    applyZoneAwareRegionalFailover, at 86c9f01.

    >>> region_level(("r1", "z1", ""), ("r1", "z2", ""), [])
    0
    """
    if client[0] == place[0]:
        return 0
    return 1 if _substitute(client[0], failover) == place[0] else 2


def _substitute(region: str, failover: Sequence[Failover]) -> str | None:
    return next((rule.to_region for rule in failover if rule.from_region == region), None)
