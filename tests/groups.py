"""What an Envoy can be told, written briefly: one letter for each endpoint, as in the vectors."""

from collections.abc import Sequence
from typing import Final, TypedDict, Unpack

from meshtier.dataplane import (
    EnvoySettings,
    HostShares,
    LbPolicy,
    LocalityGroup,
    PriorityLoads,
    ZoneAware,
    host_shares,
    priority_loads,
)
from meshtier.endpoint import Endpoint, Health
from meshtier.locality import Locality

HEALTH: Final = {"H": Health.HEALTHY, "D": Health.DEGRADED, "U": Health.UNHEALTHY, "R": Health.TERMINATING}
A: Final = Locality(region="r", zone="a")
B: Final = Locality(region="r", zone="b")
NOWHERE: Final = Locality()


class Options(TypedDict, total=False):
    overprovisioning_factor: int
    panic_threshold: float
    weighted_priority_health: bool
    locality_weighted: bool
    zone_aware: ZoneAware
    lb_policy: LbPolicy


class ZoneOptions(TypedDict, total=False):
    min_cluster_size: int
    routing_enabled: float
    fail_traffic_on_panic: bool


def host(name: str, health: Health = Health.HEALTHY, *, weight: int = 1) -> Endpoint:
    """An endpoint of which the place does not matter."""
    return Endpoint(name, NOWHERE, health=health, weight=weight)


def group(
    health: str,
    priority: int = 0,
    *,
    locality: Locality = A,
    weight: int | None = None,
    weights: Sequence[int] = (),
    name: str = "",
) -> LocalityGroup:
    """Endpoints of one locality and priority, in order: healthy, degraded, unhealthy, or removed by draining."""
    prefix = name or f"{priority}{locality.zone}"
    return LocalityGroup(
        priority=priority,
        locality=locality,
        weight=weight,
        endpoints=[
            Endpoint(f"{prefix}{index}", locality, health=HEALTH[letter], weight=own)
            for index, (letter, own) in enumerate(zip(health, weights or [1] * len(health), strict=True))
        ],
    )


def zoned(**options: Unpack[ZoneOptions]) -> ZoneAware:
    """Zone-aware routing of an Envoy in zone a, with as many of its kind in zone b."""
    options.setdefault("min_cluster_size", 1)
    return ZoneAware(node_locality=A, local_hosts={A: 2, B: 2}, **options)


def loads(*healths: str, **options: Unpack[Options]) -> PriorityLoads:
    """The loads of priorities 0, 1, … with these endpoints."""
    return priority_loads(
        [group(letters, priority) for priority, letters in enumerate(healths)], EnvoySettings(**options)
    )


def spread(*groups: LocalityGroup, **options: Unpack[Options]) -> HostShares:
    """What an Envoy with these settings does."""
    return host_shares(groups, EnvoySettings(**options))


def shares(*groups: LocalityGroup, **options: Unpack[Options]) -> tuple[float, ...]:
    """The share of each endpoint, in order."""
    return tuple(spread(*groups, **options).shares.values())


def by_group(*groups: LocalityGroup, **options: Unpack[Options]) -> list[float]:
    """The share of each group."""
    result = spread(*groups, **options).shares
    return [sum(result[endpoint.id] for endpoint in group.endpoints) for group in groups]


def percent(*groups: LocalityGroup, **options: Unpack[Options]) -> list[list[float]]:
    """The shares in per cent, rounded, by group."""
    result = spread(*groups, **options).shares
    return [[round(100 * result[endpoint.id], 2) for endpoint in group.endpoints] for group in groups]
