"""What do the services of a cluster say? Services and ServiceEntries with their settings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from meshtier.kube import schema
from meshtier.kube.backends import Backends
from meshtier.kube.workloads import ENTRY, POD, Key, Workloads
from meshtier.labels import NO_LABELS, Labels
from meshtier.mesh.snapshot import Backend, Namespace, Service, ServiceScope
from meshtier.note import Note
from meshtier.precedence import ANNOTATION

SCOPE_LABEL: Final = "solo.io/service-scope"
TAKEOVER_LABEL: Final = "solo.io/service-takeover"
GLOBAL_LABEL: Final = "istio.io/global"
"""The label by which Istio's ambient profile tells global services (COMP-3).

Source: istio/istio manifests/helm-profiles/ambient.yaml, serviceScopeConfigs, and ambient/services.go,
matchServiceScope, at 86c9f01.
"""
WAYPOINT_LABEL: Final = "istio.io/use-waypoint"
WAYPOINT_NAMESPACE_LABEL: Final = "istio.io/use-waypoint-namespace"

INLINE_ENDPOINT: Final = "ServiceEntry endpoint"
"""The kind of workload that stands in a ServiceEntry."""

_RESOLVED: Final = frozenset({"DNS", "DNS_ROUND_ROBIN"})
"""What makes the hosts of a ServiceEntry without endpoints its endpoints.

Source: istio/istio ambient/workloads.go, serviceEntryWorkloadBuilder, at 86c9f01.
"""

Owner = tuple[str, Mapping[str, str]]
"""An object and its labels."""


class Services:
    """Reads the services of one cluster."""

    def __init__(self, workloads: Workloads, namespaces: Mapping[str, Namespace], domain: str) -> None:
        self._workloads = workloads
        self._namespaces = namespaces
        self._domain = domain

    def service(self, key: Key, found: schema.Service, backends: Backends) -> Service:
        """A Service with its backends."""
        namespace, name = key
        title = f"Service {namespace}/{name}"
        spec = found.spec or schema.ServiceSpec()
        labels = found.metadata.labels or {}
        owners = self._owners(title, labels, namespace)
        scope, origin, doubts = read_scope(owners)
        behind, notes = backends.of(key, spec)
        return Service(
            cluster=self._workloads.cluster,
            namespace=namespace,
            name=name,
            hosts=(f"{name}.{namespace}.svc.{self._domain}",),
            traffic_distribution=spec.traffic_distribution,
            annotation=(found.metadata.annotations or {}).get(ANNOTATION),
            internal_traffic_policy=spec.internal_traffic_policy,
            publish_not_ready=bool(spec.publish_not_ready_addresses),
            passthrough=_passthrough(spec),
            scope=scope,
            scope_origin=origin,
            takeover=_takes_over(owners),
            waypoint=read_waypoint(owners, namespace),
            ports=tuple((port.port, port.name or "") for port in spec.ports or ()),
            targets=backends.targets(key, spec),
            labels=Labels(labels) if labels else NO_LABELS,
            backends=behind,
            notes=(*doubts, *notes),
        )

    def service_entry(self, key: Key, found: schema.ServiceEntry) -> Service:
        """A ServiceEntry with its backends; its inline endpoints become workloads."""
        namespace, name = key
        spec = found.spec or schema.ServiceEntrySpec()
        labels = found.metadata.labels or {}
        owners = self._owners(f"ServiceEntry {namespace}/{name}", labels, namespace)
        return Service(
            kind="ServiceEntry",
            cluster=self._workloads.cluster,
            namespace=namespace,
            name=name,
            hosts=tuple(spec.hosts or ()),
            annotation=(found.metadata.annotations or {}).get(ANNOTATION),
            # NONE is the default of the field (istio/istio ambient/services.go, constructServiceEntries, at 86c9f01).
            passthrough="resolution NONE" if spec.resolution in (None, "", "NONE") else "",
            waypoint=read_waypoint(owners, namespace),
            ports=tuple((port.number, port.name or "") for port in spec.ports or ()),
            labels=Labels(labels) if labels else NO_LABELS,
            backends=tuple(self._behind(key, spec)),
        )

    def _owners(self, title: str, labels: Mapping[str, str], namespace: str) -> Sequence[Owner]:
        """The object and its namespace: who can say what, the nearer first."""
        around = self._namespaces.get(namespace)
        return (title, labels), (f"Namespace {namespace}", around.labels if around else NO_LABELS)

    def _behind(self, key: Key, spec: schema.ServiceEntrySpec) -> Sequence[Backend]:
        if spec.workload_selector is not None:
            selector = spec.workload_selector.labels or {}
            return [each for kind in (POD, ENTRY) for each in self._workloads.selected(kind, key[0], selector)]
        endpoints = spec.endpoints or ()
        if not endpoints and spec.resolution in _RESOLVED:
            endpoints = [schema.EntrySpec(address=host) for host in spec.hosts or ()]
        return self._inline(key, endpoints)

    def _inline(self, key: Key, endpoints: Sequence[schema.EntrySpec]) -> Sequence[Backend]:
        seen: Counter[str] = Counter()
        backends: list[Backend] = []
        for endpoint in endpoints:
            address = endpoint.address or "endpoint"
            seen[address] += 1
            name = f"{key[1]}/{address}" + (f"#{seen[address]}" if seen[address] > 1 else "")
            title = f"ServiceEntry {key[0]}/{key[1]} endpoint {address}"
            made = self._workloads.entry(INLINE_ENDPOINT, (key[0], name), title, endpoint, endpoint.labels or {})
            backends.append(Backend(self._workloads.add(made), made.health))
        return backends


def read_scope(owners: Sequence[Owner]) -> tuple[ServiceScope, str, tuple[Note, ...]]:
    """How far a service reaches, which object and label say so, and what was doubtful (COMP-3).

    >>> read_scope([("Service a/b", {"solo.io/service-scope": "global"})])[:2]
    (<ServiceScope.GLOBAL: 'global'>, 'Service a/b label solo.io/service-scope')
    """
    for title, labels in owners:
        text = labels.get(SCOPE_LABEL)
        origin = f"{title} label {SCOPE_LABEL}"
        if text is not None:
            try:
                return ServiceScope(text), origin, ()
            except ValueError:
                allowed = ", ".join(repr(scope.value) for scope in ServiceScope)
                note = Note("scope-unknown", f"expected one of {allowed}, got {text!r}: taken as 'cluster'", origin)
                return ServiceScope.CLUSTER, origin, (note,)
        if labels.get(GLOBAL_LABEL) == "true":
            return ServiceScope.GLOBAL, f"{title} label {GLOBAL_LABEL}", ()
    return ServiceScope.CLUSTER, "", ()


def _takes_over(owners: Sequence[Owner]) -> bool:
    # Upstream Istio has no global host names: its global services join under the local one.
    return any("true" in (labels.get(TAKEOVER_LABEL), labels.get(GLOBAL_LABEL)) for _title, labels in owners)


def read_waypoint(owners: Sequence[Owner], namespace: str) -> str:
    """``namespace/name`` of the waypoint that the labels choose; ``""`` for none.

    The first owner with the label decides, and ``none`` there opts out of what the next one says.

    Source: istio/istio ambient/waypoints.go, fetchWaypointForTarget and GetUseWaypoint, at 86c9f01.

    >>> read_waypoint([("", {}), ("", {"istio.io/use-waypoint": "waypoint"})], "bookinfo")
    'bookinfo/waypoint'
    """
    for _title, labels in owners:
        name = labels.get(WAYPOINT_LABEL)
        if name:
            return "" if name == "none" else f"{labels.get(WAYPOINT_NAMESPACE_LABEL) or namespace}/{name}"
    return ""


def _passthrough(spec: schema.ServiceSpec) -> str:
    if spec.type == "ExternalName":
        return "ExternalName"
    return "headless" if spec.cluster_ip == "None" else ""
