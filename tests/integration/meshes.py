"""Small meshes for the real Envoy: one service ``web``, asked for by one client."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.labels import Labels
from meshtier.locality import Locality
from meshtier.mesh import Backend, Cluster, Mesh, Place, Route, Service, Workload
from meshtier.profile import SOLO, Profile
from meshtier.rules import DestinationRule

HOST: Final = "web.shop.svc.cluster.local"
NETWORK: Final = "net"
LETTERS: Final = {"H": Health.HEALTHY, "D": Health.DEGRADED, "U": Health.UNHEALTHY}


@frozen(kw_only=True)
class Web:
    """What stands behind the service: a pod for each letter of each place, named ``place-number``.

    Attributes:
        pods: Letters of `LETTERS` by ``region/zone/subzone``.
        weights: The pods' weights by place; 1 where nothing is given.
        client: Where the client is.
        annotation: The service's traffic distribution.
        policy: The ``trafficPolicy`` of a DestinationRule for it.
        peers: How many pods of the client's own application are at each place, the client included.
        profile: Whose rules.
    """

    pods: Mapping[str, str]
    weights: Mapping[str, int] = {}
    client: str = "r1/a"
    annotation: str | None = None
    policy: Mapping[str, Any] | None = None
    peers: Mapping[str, int] = {}
    profile: Profile = SOLO

    def route(self, *, down: Sequence[str] = ()) -> Route:
        """The client's route at its sidecar, with these pods not ready."""
        return self.mesh(down=down).route(self.sender, HOST, component=Component.SIDECAR, profile=self.profile)

    def mesh(self, *, down: Sequence[str] = ()) -> Mesh:
        """The mesh, with these pods not ready."""
        pods = [self._pod(place, number, down) for place, text in self.pods.items() for number in range(len(text))]
        service = Service(
            cluster="c",
            namespace="shop",
            name="web",
            hosts=(HOST,),
            annotation=self.annotation,
            ports=((80, "http"),),
            backends=tuple(Backend(pod.key, pod.health) for pod in pods),
        )
        cluster = Cluster(
            name="c",
            network=NETWORK,
            workloads=(*pods, *self._clients),
            services=(service,),
            destination_rules=() if self.policy is None else (_rule(self.policy),),
        )
        return Mesh([cluster])

    @property
    def sender(self) -> Workload:
        """The client."""
        return self._clients[0]

    def names(self, place: str) -> list[str]:
        """The endpoint ids of the pods at a place."""
        return [f"c/shop/{_name(place, number)}" for number in range(len(self.pods[place]))]

    def _pod(self, place: str, number: int, down: Sequence[str]) -> Workload:
        name = _name(place, number)
        health = Health.UNHEALTHY if f"c/shop/{name}" in down else LETTERS[self.pods[place][number]]
        return _workload(name, place, health=health, weight=self.weights.get(place, 1))

    @property
    def _clients(self) -> list[Workload]:
        places = [self.client, *(place for place, count in self.peers.items() for _ in range(count))]
        if self.peers:
            places.remove(self.client)
            places.sort(key=lambda place: place != self.client)
        return [_workload(f"client-{number}", place, app="client") for number, place in enumerate(places)]


def _rule(policy: Mapping[str, Any]) -> DestinationRule:
    spec = {"host": HOST, "trafficPolicy": policy}
    return DestinationRule.from_mapping({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec})


def _name(place: str, number: int) -> str:
    return f"{place.replace('/', '-')}-{number}"


def _workload(name: str, place: str, *, health: Health = Health.HEALTHY, weight: int = 1, app: str = "web") -> Workload:
    where = Place(Locality.parse(place, network=NETWORK, node=f"node-{place}"))
    return Workload(
        cluster="c",
        namespace="shop",
        name=name,
        place=where,
        envoy_place=where,
        labels=Labels({"app": app}),
        addresses=("192.0.2.1",),  # any will do: the tests put unix sockets in its place
        health=health,
        weight=weight,
    )
