"""What of a snapshot does it take to answer for some hosts? Parts of a mesh, for workers that share out the hosts."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import heapify, heapreplace
from typing import Final

from attrs import evolve

from meshtier.component import Component
from meshtier.mesh.hostnames import global_host
from meshtier.mesh.snapshot import Cluster, Service, WorkloadKey
from meshtier.mesh.sweep import Sweep
from meshtier.mesh.waypoint import gateway_of

_GATEWAY_LABELS: Final = ("istio.io/gateway-name", "istio")
"""Labels of pods that may be a gateway's, besides the one that `gateway_of` reads."""

_EYES: Final = (None, *Component)
"""Those for whom a client is found at each place."""


def part_of(clusters: Sequence[Cluster], sweep: Sweep, hosts: Collection[str]) -> Iterator[Cluster]:
    """The clusters with what is behind these hosts, with all waypoints and gateways, and a client for each place.

    Whatever is small is left as it is: nodes, namespaces, Gateways and DestinationRules.
    """
    wanted = frozenset(hosts)
    named = {
        (service.namespace, service.name)
        for cluster in clusters
        for service in cluster.services
        if not wanted.isdisjoint(_names(service, cluster))
    }
    waypoints = {name for cluster in clusters for name in cluster.waypoints}
    waypoints |= {service.waypoint for cluster in clusters for service in cluster.services}
    for cluster in clusters:
        services = tuple(
            service
            for service in cluster.services
            if (service.namespace, service.name) in named
            or f"{service.namespace}/{service.name}" in waypoints
            or not wanted.isdisjoint(_names(service, cluster))
        )
        kept = {backend.workload for service in services for backend in service.backends}
        kept |= set(_askers(sweep, cluster))
        workloads = [
            workload
            for key, workload in cluster.workloads.items()
            if key in kept or gateway_of(workload) or any(label in workload.labels for label in _GATEWAY_LABELS)
        ]
        yield evolve(cluster, services=services, workloads=workloads, source=None)


def shared_out(clusters: Iterable[Cluster], hosts: Iterable[str], count: int) -> list[tuple[str, ...]]:
    """The hosts in so many lists of about as many endpoints, each in alphabetical order; none is empty."""
    sizes: Counter[str] = Counter()
    for cluster in clusters:
        for service in cluster.services:
            for name in _names(service, cluster):
                sizes[name] += len(service.backends)
    bins: list[tuple[int, int, list[str]]] = [(0, number, []) for number in range(count)]
    heapify(bins)
    for host in sorted(hosts, key=lambda host: (-sizes[host], host)):
        size, number, held = bins[0]
        held.append(host)
        heapreplace(bins, (size + sizes[host] + 1, number, held))
    return [tuple(sorted(held)) for _, _, held in sorted(bins, key=lambda one: one[1]) if held]


def _names(service: Service, cluster: Cluster) -> Iterator[str]:
    """Every name under which a service may be asked for, in its own cluster or another."""
    yield from service.hosts
    yield global_host(service)
    if cluster.segment_domain:
        yield global_host(service, cluster.segment_domain)


def _askers(sweep: Sweep, cluster: Cluster) -> Iterator[WorkloadKey]:
    """The pods that a sweep asks from."""
    for component in _EYES:
        for client in sweep.clients(cluster.name, component):
            if client.workload is not None:
                yield client.workload.key
