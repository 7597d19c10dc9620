"""How much does an Envoy keep in its own zone? Zone-aware routing.

Istio configures it for ``zoneAwareLbSetting`` alone. It looks at two
clusters: its own, the *local* one, whose hosts are the Envoys that send, and the
one that is sent to. A locality that has a smaller part of the hosts than of the
senders takes what it can, and the rest of its senders' requests go to the
localities that have more hosts than senders.
"""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from meshtier.dataplane.settings import Site, ZoneAware, site_of, whole_percent

_WHOLE: Final = 10_000
"""Envoy computes parts of a cluster in units of 1/10000, rounded down."""


@frozen(kw_only=True)
class ZoneSplit:
    """Which localities the requests go to that are routed by zone.

    Attributes:
        enabled: Part of the requests that it holds for, 0 to 1; the others go to any locality.
        parts: Each locality with its part of those requests; the parts sum to
            1, or there are none and *enabled* is 0.
    """

    enabled: float = 0.0
    parts: tuple[tuple[Site, float], ...] = ()


def zone_split(healthy: Mapping[Site, int], zone_aware: ZoneAware) -> ZoneSplit:
    """How zone-aware routing spreads the requests of priority 0 over its localities.

    Args:
        healthy: The healthy hosts of each locality that has hosts at all, 0 if none is healthy.
        zone_aware: The settings, and the local cluster.

    Returns:
        The split; an empty one unless both clusters span two localities, this
        Envoy's own is one of the local cluster's, and enough hosts are healthy.

    Cost: O(n) in the localities.
    Source: envoyproxy/envoy source/extensions/load_balancing_policies/common/load_balancer_impl.cc,
    regenerateLocalityRoutingStructures and tryChooseLocalLocalityHosts, at 00cf9a0; measured on 1.40.0.

    >>> from meshtier.locality import Locality
    >>> here, there = Locality(zone="a"), Locality(zone="b")
    >>> senders = ZoneAware(node_locality=here, local_hosts={here: 2, there: 2})
    >>> zone_split({site_of(here): 2, site_of(there): 6}, senders).parts
    ((('', 'a', ''), 0.5), (('', 'b', ''), 0.5))
    """
    enabled = whole_percent(zone_aware.routing_enabled) / 100
    senders, own = zone_aware.hosts_of_site, site_of(zone_aware.node_locality)
    too_narrow = len(healthy) < 2 or len(senders) < 2 or own not in senders
    if not enabled or too_narrow or sum(healthy.values()) < zone_aware.min_cluster_size:
        return ZoneSplit()
    offered, wanted = _parts_of_whole(healthy), _parts_of_whole(senders)
    if 0 < offered.get(own, 0) >= wanted[own]:
        return ZoneSplit(enabled=enabled, parts=((own, 1.0),))
    parts = _residual(offered, wanted, own)
    return ZoneSplit(enabled=enabled, parts=tuple(parts.items()))


def _parts_of_whole(hosts: Mapping[Site, int]) -> dict[Site, int]:
    total = sum(hosts.values())
    return {site: _WHOLE * count // total if total else 0 for site, count in hosts.items()}


def _residual(offered: Mapping[Site, int], wanted: Mapping[Site, int], own: Site) -> dict[Site, float]:
    # A share of the senders below 1/10000 counts as none, and then nothing stays.
    stays = offered.get(own, 0) * _WHOLE // wanted[own] / _WHOLE if wanted[own] else 0.0
    room = {site: max(0, offer - wanted.get(site, 0)) for site, offer in offered.items()}
    total = sum(room.values())
    parts = {own: stays}
    for site, free in room.items():
        # Rounding may leave no room anywhere; Envoy then takes any locality, its own too.
        part = free / total if total else 1 / len(offered)
        parts[site] = parts.get(site, 0.0) + (1 - stays) * part
    return {site: part for site, part in parts.items() if part}
