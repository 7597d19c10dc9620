"""Which pods are a service's waypoint? (COMP-1)"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from attrs import frozen

from meshtier.distribution import MODE_ALIASES
from meshtier.mesh.hostnames import Binding, HostTable
from meshtier.mesh.snapshot import Backend, Cluster, Service, Workload
from meshtier.note import Note

GATEWAY_NAME_LABEL: Final = "gateway.networking.k8s.io/gateway-name"
"""The label by which pods say of which Gateway they are.

Source: istio/istio pkg/config/constants/constants.go and the templates of
manifests/charts/istio-control/istio-discovery/files/waypoint.yaml, at 86c9f01.
"""

_PREFER_CLOSE: Final = next(iter(MODE_ALIASES))


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
        """Whether *workload* is one of its pods."""
        return workload is not None and workload.kind == "Pod" and gateway_of(workload) == self.name


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
        self._found: dict[str, Waypoint | None] = {}

    def of(self, service: Service) -> Waypoint | None:
        """The waypoint of *service* for clients here; ``None`` if it has none, or none with pods here."""
        name = service.waypoint
        if not name:
            return None
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

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

    def _find(self, name: str) -> Waypoint | None:
        namespace, _, short = name.rpartition("/")
        own = self._services.get(name)
        if own is not None:
            host = own.hosts[0] if own.hosts else short
            return Waypoint(name=name, binding=self._hosts.bind(host, cluster=self._home.name, namespace=namespace))
        pods = self._pods.get(name)
        if not pods:
            return None
        # The gateway controller makes this Service, with this annotation, for every waypoint.
        # Source: istio/istio manifests/charts/istio-control/istio-discovery/files/waypoint.yaml, at 86c9f01.
        own = Service(
            cluster=self._home.name,
            namespace=namespace,
            name=short,
            hosts=(f"{short}.{namespace}.svc.{self._home.domain}",),
            annotation=_PREFER_CLOSE,
            backends=tuple(Backend(pod.key, pod.health) for pod in pods),
        )
        text = f"the input holds no such Service; it is taken to be annotated {_PREFER_CLOSE}, as Istio makes it"
        note = Note("waypoint-service-assumed", text, str(own))
        binding = Binding(host=own.hosts[0], spans_clusters=False, services=(own,))
        return Waypoint(name=name, binding=binding, notes=(note,))


def gateway_of(workload: Workload) -> str:
    """``namespace/name`` of the Gateway whose pod *workload* is; ``""`` for any other."""
    name = workload.labels.get(GATEWAY_NAME_LABEL)
    return f"{workload.namespace}/{name}" if name else ""
