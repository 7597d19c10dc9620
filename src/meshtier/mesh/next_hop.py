"""What becomes of traffic at the gateway of another network? The receiving side chooses again (NET-5)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from meshtier.mesh.clients import Client, client_of
from meshtier.mesh.hostnames import Binding, nothing_against
from meshtier.mesh.outcome import NextHop, Outcome
from meshtier.mesh.request import RouteRequest
from meshtier.mesh.service_endpoint import ServiceEndpoint, is_announcement
from meshtier.mesh.snapshot import Cluster, PeeringGateway, Place, Service, Workload
from meshtier.mesh.visible import VisibleEndpoints
from meshtier.note import Note

if TYPE_CHECKING:
    from meshtier.mesh.routing import Router


class NextHops:
    """The choices that the gateways of other networks make, as far as the input holds what is there.

    Args:
        router: Gives the routes from there.
    """

    def __init__(self, router: "Router") -> None:
        self._router = router
        self._bindings: dict[tuple[Binding, str, str], Binding] = {}

    def of(self, visible: VisibleEndpoints, each: ServiceEndpoint, request: RouteRequest) -> tuple[NextHop, ...]:
        """What each gateway pod makes of the traffic to a network endpoint; none where nothing behind it is known."""
        known = [one for one in each.behind if not is_announcement(one.workload)]
        if not known or each.gateway is None:
            return ()
        network = each.place.locality.network
        peer = self._peer(each.gateway, known)
        binding = self._binding(visible.binding, peer, network)
        if not binding.services:
            return ()
        routes = self._router.routes_to(binding, peer.name, request.at_gateway(network))
        own = _own(peer, each.gateway, network)
        clients = self._clients(peer, own, each.gateway, network)
        if own and all(self._is_down(peer, gateway) for gateway in own):
            ((client, _),) = clients
            return (NextHop(by=client.name, share=0.0, route=routes.route(client), lost="no pod of it is ready"),)
        return tuple(NextHop(by=client.name, share=share, route=routes.route(client)) for client, share in clients)

    def _peer(self, gateway: PeeringGateway, known: Sequence[ServiceEndpoint]) -> Cluster:
        """The cluster in which the gateway runs: the one that it names, where something behind it is from there."""
        names = [one.workload.cluster for one in known]
        return self._router.clusters[gateway.cluster if gateway.cluster in names else names[0]]

    def _binding(self, asked: Binding, peer: Cluster, network: str) -> Binding:
        """What the host means at the gateway: the Services of the endpoints in its network, its own cluster's first."""
        key = (asked, peer.name, network)
        found = self._bindings.get(key)
        if found is None:
            there = sorted(self._there(asked, network), key=lambda service: service.cluster != peer.name)
            found = evolve(asked, services=tuple(there), namesakes=(), why_not=nothing_against)
            self._bindings[key] = found
        return found

    def _there(self, asked: Binding, network: str) -> Iterator[Service]:
        for service in asked.services:
            workloads = self._router.clusters[service.cluster].workloads
            behind = (workloads[backend.workload] for backend in service.backends if backend.workload in workloads)
            if any(network in _networks(workload) and not is_announcement(workload) for workload in behind):
                yield service

    def _clients(
        self, peer: Cluster, own: Sequence[PeeringGateway], gateway: PeeringGateway, network: str
    ) -> Sequence[tuple[Client, float]]:
        """The gateway as a client, once for each place of its pods, with the part of the traffic that comes by there.

        Its own pods say best where it is (LOC-7), then the labels of its own side, then those of this side.
        """
        pods = [pod for each in own for pod in self._pods(peer, each) if pod.health.serves]
        if pods:
            first: dict[Place, Workload] = {}
            for pod in pods:
                first.setdefault(pod.place, pod)
            counts: Mapping[Place, int] = Counter(pod.place for pod in pods)
            return [(client_of(pod), counts[place] / len(pods)) for place, pod in first.items()]
        named = next((each for each in own if each.place.locality.region), gateway)
        place = Place(named.place.locality._replace(network=network), named.place.origins)
        name = f"{named} in cluster {peer.name!r}" if peer.name else str(named)
        return [(Client(name=name, cluster=peer.name, place=place, envoy_place=place), 1.0)]

    def _pods(self, peer: Cluster, gateway: PeeringGateway) -> Sequence[Workload]:
        return self._router.waypoints[peer.name].pods_of(f"{gateway.namespace}/{gateway.name}")

    def _is_down(self, peer: Cluster, gateway: PeeringGateway) -> bool:
        """Whether the input holds the pods of a gateway or their Service, and none of them serves.

        A dump of other namespaces holds neither, and then the gateway counts as being there. The Service of an
        east-west Gateway bears its name, and tells one whose last pod is gone from one that was never read.

        Source: istio/istio pilot/pkg/config/kube/gatewaycommon/classinfo.go, DisableNameSuffix, at 86c9f01.
        """
        pods = self._pods(peer, gateway)
        service = self._router.waypoints[peer.name].service_of(f"{gateway.namespace}/{gateway.name}")
        if not pods and service is None:
            return False
        health = [pod.health for pod in pods]
        for backend in service.backends if service is not None else ():
            workload = peer.workloads.get(backend.workload)
            health += [backend.health or workload.health] if workload is not None else []
        return not any(each.serves for each in health)


def _own(peer: Cluster, gateway: PeeringGateway, network: str) -> Sequence[PeeringGateway]:
    """What a gateway is on its own side: the Gateways there that have an address of it, or where none has, all."""
    own = [each for each in peer.gateways if not each.remote and each.place.locality.network in ("", network)]
    return [each for each in own if set(each.addresses) & set(gateway.addresses)] or own


def _networks(workload: Workload) -> tuple[str, str]:
    return workload.place.locality.network, workload.envoy_place.locality.network


def other_networks(outcome: Outcome) -> Iterator[Note]:
    """What to know of the endpoints that stand for other networks (NET)."""
    told, behind = outcome.told, outcome.behind
    found = outcome.selection.visible.network_endpoints
    for name, each in found.items():
        about = str(each.gateway)
        network = each.place.locality.network
        cluster = each.endpoint.cluster
        is_named = cluster not in ("", outcome.selection.visible.viewpoint.cluster)
        where = f"cluster {cluster!r}" if is_named else f"network {network!r}"
        if name in told and name not in behind:
            text = f"what is behind it is in {where}, whose dump is not in the input: the answer ends at the gateway"
            yield Note("peer-dump-missing", text, about)
        hops = behind.get(name, ())
        if any(hop.lost for hop in hops):
            text = f"no pod of it is ready in {where}: what is sent there is lost"
            yield Note("gateway-without-pods", text, about)
        elif any(hop.route.drops for hop in hops):
            text = f"an endpoint for {where} is healthy while it exists, and nothing there can receive: traffic is lost"
            yield Note("nothing-behind-gateway", text, about)
    yield from _assumed_weights(outcome)


def _assumed_weights(outcome: Outcome) -> Iterator[Note]:
    """A note for each tier in which the weight of another network, which only its dump says, counts (NET-4)."""
    visible = outcome.selection.visible
    if visible.binding.service.preference is not None:
        return  # a ztunnel's dump has the weight that it was told
    assumed = visible.network_endpoints.keys() - outcome.behind.keys()
    for tier in outcome.selection.tiers if assumed else ():
        names = [endpoint.id for endpoint in tier.endpoints]
        if len(names) > 1 and (found := [name for name in names if name in assumed]):
            beside = f"counts beside {others} other endpoints" if (others := len(names) - len(found)) else "counts"
            text = f"the weight of {', '.join(found)} is that of its entry, and {beside}; what is behind it would say"
            yield Note("network-weight-assumed", f"{text} better")
