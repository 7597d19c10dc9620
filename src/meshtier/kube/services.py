"""What do the services of a cluster say? Services and ServiceEntries with their settings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import evolve

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
INGRESS_WAYPOINT_LABEL: Final = "istio.io/ingress-use-waypoint"

MANAGED_LABEL: Final = "gateway.istio.io/managed"
WITHOUT_WAYPOINT: Final = frozenset({"istio.io-mesh-controller", "istio.io-eastwest-controller"})
"""Who manages the Services of waypoints and of east-west gateways, which have no waypoint themselves (WP-1).

Source: istio/istio ambient/waypoints.go, fetchWaypointForService, and pkg/config/constants/constants.go, at 86c9f01.
"""

HINTS_ANNOTATIONS: Final = ("service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode")
"""The annotations that ask for topology aware hints, the one that is read first before the other.

Source: kubernetes/kubernetes staging/src/k8s.io/endpointslice/utils.go, hintsEnabled.
"""

_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
"""What Go's strconv.ParseBool takes for true."""

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
        waypoint = read_waypoint(owners, namespace)
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
            hints_annotation=_hints_annotation(found.metadata.annotations or {}),
            scope=scope,
            scope_origin=origin,
            takeover=_takes_over(owners),
            istio_global=labels.get(GLOBAL_LABEL) == "true",
            # A waypoint's own Service can lack the label of its manager where it was written by hand.
            waypoint="" if waypoint == f"{namespace}/{name}" else waypoint,
            ingress_waypoint=read_ingress_waypoint(owners),
            ports=tuple((port.port, port.name or "") for port in spec.ports or ()),
            targets=backends.targets(key, spec),
            labels=Labels(labels) if labels else NO_LABELS,
            external=_external(spec, found.status),
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
            hosts=tuple(host.lower() for host in spec.hosts or ()),  # case makes no difference to a name
            annotation=(found.metadata.annotations or {}).get(ANNOTATION),
            # NONE is the default of the field (istio/istio ambient/services.go, constructServiceEntries, at 86c9f01).
            passthrough="resolution NONE" if spec.resolution in (None, "", "NONE") else "",
            resolution=spec.resolution or "NONE",
            waypoint=read_waypoint(owners, namespace),
            ingress_waypoint=read_ingress_waypoint(owners),
            ports=tuple((port.number, port.name or "") for port in spec.ports or ()),
            labels=Labels(labels) if labels else NO_LABELS,
            backends=self._behind(key, spec),
        )

    def _owners(self, title: str, labels: Mapping[str, str], namespace: str) -> Sequence[Owner]:
        """The object and its namespace: who can say what, the nearer first."""
        around = self._namespaces.get(namespace)
        return (title, labels), (f"Namespace {namespace}", around.labels if around else NO_LABELS)

    def _behind(self, key: Key, spec: schema.ServiceEntrySpec) -> tuple[Backend, ...]:
        if spec.workload_selector is not None:
            selector = spec.workload_selector.labels or {}
            return tuple(each for kind in (POD, ENTRY) for each in self._workloads.selected(kind, key[0], selector))
        if spec.endpoints or spec.resolution not in _RESOLVED:
            return tuple(self._inline(key, spec.endpoints or ()))
        hosts = [host.lower() for host in spec.hosts or ()]
        made = self._inline(key, [schema.EntrySpec(address=host) for host in hosts])
        # Each host is a service of its own, and its own endpoint; the source of _RESOLVED says so too.
        is_one = len(hosts) == 1
        return tuple(each if is_one else evolve(each, host=host) for host, each in zip(hosts, made, strict=True))

    def _inline(self, key: Key, endpoints: Sequence[schema.EntrySpec]) -> Sequence[Backend]:
        seen: Counter[str] = Counter()
        backends: list[Backend] = []
        for endpoint in endpoints:
            address = endpoint.address or "endpoint"
            seen[address] += 1
            name = f"{key[1]}/{address}" + (f"#{seen[address]}" if seen[address] > 1 else "")
            title = f"ServiceEntry {key[0]}/{key[1]} endpoint {address}"
            made = self._workloads.entry(INLINE_ENDPOINT, (key[0], name), title, endpoint, endpoint.labels or {})
            backends.append(Backend(self._workloads.add(made)))
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
    """Whether the local name acts as the global one: the first label that is there says so, else Istio's own."""
    for _title, labels in owners:
        if TAKEOVER_LABEL in labels:
            return labels[TAKEOVER_LABEL] == "true"
    # Upstream Istio has no global host names: its global services join under the local one.
    return any(labels.get(GLOBAL_LABEL) == "true" for _title, labels in owners)


def read_waypoint(owners: Sequence[Owner], namespace: str) -> str:
    """``namespace/name`` of the waypoint that the labels choose; ``""`` for none (WP-1).

    The first owner with the label decides, and ``none`` there opts out of what the next one says.
    So does an empty value, for no Gateway has an empty name.

    Source: istio/istio ambient/waypoints.go, fetchWaypointForService, fetchWaypointForTarget and
    GetUseWaypoint, at 86c9f01.

    >>> read_waypoint([("", {}), ("", {"istio.io/use-waypoint": "waypoint"})], "bookinfo")
    'bookinfo/waypoint'
    """
    if owners[0][1].get(MANAGED_LABEL) in WITHOUT_WAYPOINT:
        return ""
    for _title, labels in owners:
        name = labels.get(WAYPOINT_LABEL)
        if name is not None:
            return "" if name in ("", "none") else f"{labels.get(WAYPOINT_NAMESPACE_LABEL, namespace)}/{name}"
    return ""


def read_ingress_waypoint(owners: Sequence[Owner]) -> bool:
    """Whether the labels send an ingress gateway through the waypoint; the first owner with the label decides (PATH-2).

    Source: istio/istio ambient/services.go, ingressUseWaypointFromLabels, at 86c9f01; what is no bool is false there.
    """
    said = (labels[INGRESS_WAYPOINT_LABEL] for _title, labels in owners if INGRESS_WAYPOINT_LABEL in labels)
    return next(said, "") in _TRUE


def _external(spec: schema.ServiceSpec, status: schema.ServiceStatus | None) -> tuple[str, ...] | None:
    if status is None:  # as in a manifest that was never applied
        return tuple(spec.external_ips) if spec.external_ips else None
    balancer = status.load_balancer
    given = (each.ip or each.hostname for each in (balancer.ingress if balancer is not None else None) or ())
    return (*(address for address in given if address), *(spec.external_ips or ()))


def _hints_annotation(annotations: Mapping[str, str]) -> str:
    key = next((key for key in HINTS_ANNOTATIONS if key in annotations), "")
    return key if annotations.get(key) in ("Auto", "auto") else ""


def _passthrough(spec: schema.ServiceSpec) -> str:
    if spec.type == "ExternalName":
        return "ExternalName"
    return "headless" if spec.cluster_ip == "None" else ""
