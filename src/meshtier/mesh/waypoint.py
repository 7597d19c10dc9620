"""Which pods are a service's waypoint? (COMP-1)"""

from typing import Final

from attrs import frozen

from meshtier.distribution import MODE_ALIASES
from meshtier.mesh.hostnames import Binding, HostTable
from meshtier.mesh.snapshot import Backend, Cluster, Service, Workload
from meshtier.note import Note

GATEWAY_NAME_LABEL: Final = "gateway.networking.k8s.io/gateway-name"
"""The label by which pods say of which Gateway they are."""

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
        return workload is not None and workload.kind == "Pod" and _gateway_of(workload) == self.name


def find_waypoint(service: Service, home: Cluster, hosts: HostTable) -> Waypoint | None:
    """The waypoint of *service* for clients in *home*; ``None`` if it has none, or none with pods there."""
    if not service.waypoint:
        return None
    namespace, _, name = service.waypoint.rpartition("/")
    pods = [workload for workload in home.workloads if _gateway_of(workload) == service.waypoint]
    own = next((own for own in home.services if (own.namespace, own.name) == (namespace, name)), None)
    if own is not None:
        host = own.hosts[0] if own.hosts else name
        return Waypoint(name=service.waypoint, binding=hosts.bind(host, cluster=home.name, namespace=namespace))
    if not pods:
        return None
    # The gateway controller makes this Service, with this annotation, for every waypoint.
    own = Service(
        cluster=home.name,
        namespace=namespace,
        name=name,
        hosts=(f"{name}.{namespace}.svc.{home.domain}",),
        annotation=_PREFER_CLOSE,
        backends=tuple(Backend(pod, pod.health) for pod in pods),
    )
    text = f"the input holds no such Service; it is taken to be annotated {_PREFER_CLOSE}, as Istio makes it"
    note = Note("waypoint-service-assumed", text, str(own))
    binding = Binding(host=own.hosts[0], spans_clusters=False, services=(own,))
    return Waypoint(name=service.waypoint, binding=binding, notes=(note,))


def _gateway_of(workload: Workload) -> str:
    name = workload.labels.get(GATEWAY_NAME_LABEL)
    return f"{workload.namespace}/{name}" if name else ""
