"""What is doubtful about a snapshot as a whole? Dumps that are missing, and rules that are for nobody."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from meshtier.errors import UnknownNameError
from meshtier.mesh.hostnames import HostTable
from meshtier.mesh.snapshot import Cluster, PeeringGateway
from meshtier.note import Note
from meshtier.rules import DestinationRule
from meshtier.rules.lookup import resolve_host

_MOST_COMPARED: Final = 20
"""For how many rules of a cluster the nearest names are looked for: each costs as much as all rules that fit."""


def snapshot_warnings(clusters: Sequence[Cluster], hosts: HostTable) -> Iterator[Note]:
    """The notes on clusters taken together.

    Args:
        clusters: The snapshot.
        hosts: What host names mean in it.

    Cost: O(gateways and rules); besides O(n log n) in the host names of a cluster
    that has a rule for a wildcard, or one that fits nothing.
    """
    yield from missing_peers(clusters, {cluster.name for cluster in clusters})
    for cluster in clusters:
        yield from rules_for_nobody(cluster, hosts, where=len(clusters) > 1)


def missing_peers(clusters: Iterable[Cluster], names: Collection[str], *, seen: Collection[str] = ()) -> Iterator[Note]:
    """A note for each cluster to which a Gateway leads and whose dump is not there (NET-5).

    Args:
        clusters: Those whose Gateways are looked at.
        names: The names of all clusters of the input.
        seen: The peers of which something is known all the same.
    """
    by_peer: defaultdict[str, list[tuple[Cluster, PeeringGateway]]] = defaultdict(list)
    for cluster in clusters:
        if cluster.name and "" in names:
            continue  # the cluster without a name may be the peer
        for gateway in cluster.gateways:
            if gateway.remote and gateway.cluster and gateway.cluster not in (*names, *seen):
                by_peer[gateway.cluster].append((cluster, gateway))
    for peer, found in by_peer.items():
        ways = ", ".join(
            f"of {cluster.name!r} by {gateway}" if cluster.name else f"by {gateway}" for cluster, gateway in found
        )
        text = f"cluster {peer!r} is a peer {ways}, and its dump is not in the input: what lies behind is known by"
        yield Note("peer-not-in-input", f"{text} entries alone, or not at all")


def rules_for_nobody(cluster: Cluster, hosts: HostTable, *, where: bool) -> Iterator[Note]:
    """A note for each DestinationRule whose host is that of no service in its cluster (DR-1).

    Args:
        cluster: The rules, and the client's side of every host name.
        hosts: What host names mean.
        where: Whether a note says which cluster it speaks of.
    """
    named = [
        (rule, resolve_host(rule.host, rule.namespace, domain=cluster.domain)) for rule in cluster.destination_rules
    ]
    known = hosts.all_hosts(cluster.name) if any(host.startswith("*") for _, host in named) else frozenset[str]()
    ends = _Ends(known)
    for_nobody = [
        (rule, host)
        for rule, host in named
        if not (ends.fits(host) if host.startswith("*") else hosts.knows(host, cluster.name))
    ]
    known = known or (hosts.all_hosts(cluster.name) if for_nobody else known)
    place = f" of cluster {cluster.name!r}" if where else ""
    for number, (rule, host) in enumerate(for_nobody):
        near = UnknownNameError.among("host", host, known).nearest if number < _MOST_COMPARED else ()
        yield _for_nobody(rule, host, place, near)


def _for_nobody(rule: DestinationRule, host: str, place: str, near: Sequence[str]) -> Note:
    full = "" if host == rule.host else f", in full {host!r},"
    text = f"its host {rule.host!r}{full} fits no service{place} in the input, so that it has no effect"
    return Note("rule-for-nobody", f"{text}; the nearest: {', '.join(near)}" if near else text, rule.title)


class _Ends:
    """Host names by how they end.

    Args:
        hosts: The names.
    """

    def __init__(self, hosts: frozenset[str]) -> None:
        self._backwards = sorted(host[::-1] for host in hosts)

    def fits(self, wildcard: str) -> bool:
        """Whether a name fits a wildcard, as `meshtier.rules.lookup.host_matches` has it."""
        end = wildcard[:0:-1]
        place = bisect_left(self._backwards, end)
        return place < len(self._backwards) and self._backwards[place].startswith(end)
