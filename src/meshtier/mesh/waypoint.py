"""Which waypoint is in the path to a service, if any, which pods are it, and who sends to them? (WP-2, PATH)"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from attrs import evolve, frozen

from meshtier.component import Component
from meshtier.distribution import MODE_ALIASES
from meshtier.labels import NO_LABELS
from meshtier.mesh.hostnames import Binding, HostTable
from meshtier.mesh.request import RouteRequest
from meshtier.mesh.snapshot import Admits, Backend, Cluster, Service, WaypointGateway, Workload, WorkloadKey
from meshtier.note import Note

GATEWAY_NAME_LABEL: Final = "gateway.networking.k8s.io/gateway-name"
"""The label by which pods say of which Gateway they are.

Source: istio/istio pkg/config/constants/constants.go and the templates of
manifests/charts/istio-control/istio-discovery/files/waypoint.yaml, at 86c9f01.
"""

NAMESPACE_NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""The label that the API server gives to every Namespace: its name."""

_PREFER_CLOSE: Final = next(iter(MODE_ALIASES))
_SERVICE_TRAFFIC: Final = frozenset({"service", "all"})
_ADMITTED: Final[Mapping[Admits, str]] = {
    Admits.SAME: "its own namespace alone",
    Admits.SELECTOR: "namespaces with certain labels",
}


@frozen(kw_only=True)
class Waypoint:
    """A service's waypoint, as seen from one cluster.

    Attributes:
        name: ``namespace/name`` of its Gateway.
        binding: The Service of its pods, one made up where the input holds none.
        notes: What was doubtful.
    """

    name: str
    binding: Binding
    notes: tuple[Note, ...] = ()

    def has(self, workload: Workload | None) -> bool:
        """Whether *workload* is one of its pods: by its label, or because it is behind the Service, as in a dump."""
        if workload is None or workload.kind != "Pod":
            return False
        return gateway_of(workload) == self.name or (workload.cluster, workload.key) in self._behind

    @cached_property
    def _behind(self) -> frozenset[tuple[str, WorkloadKey]]:
        services = self.binding.services
        return frozenset((service.cluster, backend.workload) for service in services for backend in service.backends)


@frozen(kw_only=True)
class NoWaypoint:
    """Why no waypoint can be shown in the path to a service.

    Attributes:
        note: The reason; what follows from it is for the asker to add.
        binds: Whether there is one in the path all the same, whose Service and
            pods the input lacks. Otherwise traffic goes straight.
    """

    note: Note
    binds: bool = False

    def because(self, consequence: str) -> Note:
        """The reason with what follows from it."""
        return evolve(self.note, text=f"{self.note.text}; {consequence}")


class WaypointTable:
    """The waypoints of one cluster, by the name of their Gateway.

    Cost: one look at every pod of the cluster for the first waypoint that is
    asked for (a scan for each route took 4.4 ms with 40,000 pods), then a look-up.

    Args:
        home: The cluster.
        hosts: What host names mean.
    """

    def __init__(self, home: Cluster, hosts: HostTable) -> None:
        self._home = home
        self._hosts = hosts
        self._found: dict[str, Waypoint | NoWaypoint] = {}

    def of(self, service: Service) -> Waypoint | NoWaypoint:
        """The waypoint in the path to *service* for clients here, or why there is none.

        Source: istio/istio ambient/waypoints.go, fetchWaypointForTarget and fetchWaypointForService, at 86c9f01.
        """
        name = service.waypoint
        if not name:
            return NoWaypoint(note=Note("waypoint-not-named", "it names no waypoint", str(service)))
        gateway = self._home.waypoints.get(name)
        refusal = self._refusal(gateway, service) if gateway is not None else None
        if refusal is not None:
            return NoWaypoint(note=Note(*refusal, str(service)))
        if name not in self._found:
            self._found[name] = self._find(name, gateway)
        found = self._found[name]
        return evolve(found, note=evolve(found.note, object=str(service))) if isinstance(found, NoWaypoint) else found

    def pods_of(self, gateway: str) -> Sequence[Workload]:
        """The pods of a Gateway of this cluster, of whatever class, given its ``namespace/name``."""
        return self._pods.get(gateway, ())

    def service_of(self, gateway: str) -> Service | None:
        """The Service of this cluster that bears the name of a Gateway, given as ``namespace/name``."""
        found = self._services.get(gateway)
        return found if found is not None and found.kind == "Service" else None

    def _refusal(self, gateway: WaypointGateway, service: Service) -> tuple[str, str] | None:
        """The code and the text of the condition that fails, the first in istiod's order."""
        its = f"its waypoint {service.waypoint}"
        namespace = service.namespace
        if gateway.ready is False:
            return "waypoint-not-ready", f"the Gateway of {its} has no address in its status"
        known = self._home.namespaces.get(namespace)
        labels = {**(known.labels if known is not None else NO_LABELS), NAMESPACE_NAME_LABEL: namespace}
        if not gateway.takes(namespace, labels):
            missing = ", whose labels the input lacks" if known is None and gateway.selector else ""
            text = f"the listener of {its} admits {_ADMITTED[gateway.admits]} (allowedRoutes), not {namespace}{missing}"
            return "waypoint-not-admitted", text
        if gateway.serves not in _SERVICE_TRAFFIC:
            return "waypoint-not-for-services", f"{its} is for {gateway.serves!r} traffic (istio.io/waypoint-for)"
        return None

    @cached_property
    def _pods(self) -> Mapping[str, Sequence[Workload]]:
        pods: defaultdict[str, list[Workload]] = defaultdict(list)
        for workload in self._home.workloads.values():
            if gateway := gateway_of(workload):
                pods[gateway].append(workload)
        return pods

    @cached_property
    def _services(self) -> Mapping[str, Service]:
        services: dict[str, Service] = {}
        for service in self._home.services:
            services.setdefault(f"{service.namespace}/{service.name}", service)
        return services

    def _find(self, name: str, gateway: WaypointGateway | None) -> Waypoint | NoWaypoint:
        namespace, _, short = name.rpartition("/")
        notes: list[Note] = []
        if gateway is None:
            text = "the input holds no such Gateway; it is taken to be ready, for services, and to admit all namespaces"
            notes.append(Note("waypoint-gateway-assumed", text, f"Gateway {name}"))
        elif gateway.ready is None:
            text = "it has no status, and is taken to be ready"
            notes.append(Note("waypoint-ready-assumed", text, str(gateway)))
        own = self._services.get(name)
        if own is not None:
            host = own.hosts[0] if own.hosts else short
            binding = self._hosts.bind(host, cluster=self._home.name, namespace=namespace)
            return Waypoint(name=name, binding=binding, notes=tuple(notes))
        pods = self.pods_of(name)
        if not pods:
            return self._without_pods(name, binds=gateway is not None)
        own = self._made(namespace, short, pods)
        text = f"the input holds no such Service; it is taken to be annotated {_PREFER_CLOSE}, as Istio makes it"
        notes.append(Note("waypoint-service-assumed", text, str(own)))
        binding = Binding(host=own.hosts[0], spans_clusters=False, services=(own,))
        return Waypoint(name=name, binding=binding, notes=tuple(notes))

    def _without_pods(self, name: str, *, binds: bool) -> NoWaypoint:
        where = f"in cluster {self._home.name!r}"
        if binds:
            text = f"its waypoint {name} has neither Service nor pod {where}"
            return NoWaypoint(note=Note("waypoint-without-pods", text), binds=True)
        text = f"its waypoint {name} is not there {where}: no Gateway, no Service, no pod"
        return NoWaypoint(note=Note("waypoint-missing", text))

    def _made(self, namespace: str, name: str, pods: Sequence[Workload]) -> Service:
        """The Service that the gateway controller makes for every waypoint, with this annotation.

        Source: istio/istio manifests/charts/istio-control/istio-discovery/files/waypoint.yaml, at 86c9f01.
        """
        return Service(
            cluster=self._home.name,
            namespace=namespace,
            name=name,
            hosts=(f"{name}.{namespace}.svc.{self._home.domain}",),
            annotation=_PREFER_CLOSE,
            backends=tuple(Backend(pod.key) for pod in pods),
        )


def gateway_of(workload: Workload) -> str:
    """``namespace/name`` of the Gateway whose pod *workload* is; ``""`` for any other."""
    name = workload.labels.get(GATEWAY_NAME_LABEL)
    return f"{workload.namespace}/{name}" if name else ""


def uses_waypoint(request: RouteRequest, service: Service) -> bool:
    """Whether the component sends to the waypoint of *service*, if that has one (PATH-1, PATH-2).

    Asked about by itself, an ingress gateway does so where a label says it, for that is what it is told; of all
    others it is the one choice of the endpoint that is asked about then.
    """
    is_gateway = request.component is Component.INGRESS_GATEWAY
    if not request.path:
        return is_gateway and service.ingress_waypoint and has_address(service)
    by_itself = request.traits.through_waypoints
    if request.profile.sends_through_waypoints:
        by_itself = request.component is not Component.WAYPOINT
    return (by_itself or (is_gateway and service.ingress_waypoint)) and has_address(service)


def has_address(service: Service) -> bool:
    """Whether clients send to an address of the service itself and not of a pod; a waypoint takes nothing else.

    Source: istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go, findServiceWaypoint, at 86c9f01; istio/ztunnel
    looks for a service by that address too.
    """
    return service.kind != "Service" or not service.passthrough or service.preference is not None
