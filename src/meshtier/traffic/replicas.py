"""How many replicas would each zone have in proportion to its demand?"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import floor, fsum
from typing import Final

from attrs import frozen

from meshtier.locality import Locality
from meshtier.traffic.crossing import ZoneNames, zone_of
from meshtier.traffic.mesh_flows import EndpointLoad

RULE: Final = (
    "suggested replicas: the same number in all, in proportion to what each zone's clients send,"
    " by largest remainder, and at least 1 where there is any demand"
)
"""How replicas are suggested."""


@frozen(kw_only=True)
class ZoneReplicas:
    """How many replicas a zone has, and would have in proportion to its demand.

    Attributes:
        zone: The zone's name.
        demand: How much the clients in it send, in the unit of the traffic.
        now: How many endpoints it has that can get traffic.
        suggested: How many it would have.
    """

    zone: str
    demand: float
    now: int
    suggested: int


def zone_replicas(
    loads: Mapping[str, EndpointLoad], zones: Mapping[str, str], demand: Mapping[Locality, float], names: ZoneNames
) -> tuple[ZoneReplicas, ...]:
    """The replicas of each zone; none where a place is unknown, or some are no pods, of which more could be made."""
    places = [*(place for place, rate in demand.items() if rate), *(each.endpoint.locality for each in loads.values())]
    now = dict.fromkeys((names.of(zone_of(place)) for place in sorted(places)), 0)
    if (
        not loads
        or not all(place.zone for place in places)
        or not all(each.is_pod or not each.is_candidate for each in loads.values())
    ):
        return ()
    wanted: defaultdict[str, list[float]] = defaultdict(list)
    for place, rate in demand.items():
        wanted[names.of(place)].append(rate)
    for name, each in loads.items():
        now[zones[name]] += each.is_candidate
    asked = {zone: fsum(wanted.get(zone, ())) for zone in now}
    suggested = suggested_replicas(asked, sum(now.values()))
    return tuple(
        ZoneReplicas(zone=zone, demand=asked[zone], now=count, suggested=suggested[zone]) for zone, count in now.items()
    )


def suggested_replicas(demand: Mapping[str, float], replicas: int) -> Mapping[str, int]:
    """How many replicas each zone would have in proportion to its demand, the same number in all.

    By largest remainder; each zone with any demand gets at least one. Where there are
    fewer replicas than such zones, those with the largest demand get one each.

    Args:
        demand: What each zone asks for; 0 or more.
        replicas: How many there are to place.

    >>> suggested_replicas({"a": 80, "b": 15, "c": 5, "d": 0}, 6)
    {'a': 4, 'b': 1, 'c': 1, 'd': 0}
    """
    asking = sorted((zone for zone, rate in demand.items() if rate > 0), key=lambda zone: (-demand[zone], zone))
    found = dict.fromkeys(demand, 0)
    if replicas <= len(asking) or not asking:
        return found | dict.fromkeys(asking[:replicas], 1)
    # Those that their part alone would leave without one are given theirs first.
    fixed = set[str]()
    while True:
        rest, free = replicas - len(fixed), [zone for zone in asking if zone not in fixed]
        total = fsum(demand[zone] for zone in free)
        below = {zone for zone in free if demand[zone] / total * rest < 1}
        if not below:
            break
        fixed |= below
    parts = {zone: demand[zone] / total * rest for zone in free}
    found |= dict.fromkeys(fixed, 1) | {zone: floor(part) for zone, part in parts.items()}
    left = replicas - sum(found.values())
    for zone in sorted(free, key=lambda zone: (-(parts[zone] - floor(parts[zone])), -demand[zone], zone))[:left]:
        found[zone] += 1
    return found


def replicas_text(replicas: Sequence[ZoneReplicas]) -> str:
    """The replicas of each zone, and those that are suggested where they differ.

    >>> replicas_text([ZoneReplicas(zone="a", demand=3, now=1, suggested=2)])
    'a 1 → 2'
    """
    return ", ".join(
        f"{each.zone} {each.now} → {each.suggested}" if each.now != each.suggested else f"{each.zone} {each.now}"
        for each in replicas
    )
