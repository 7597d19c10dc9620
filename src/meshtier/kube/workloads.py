"""What runs in the cluster? Pods and WorkloadEntries as workloads, and who a selector means."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Final

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.kube import schema
from meshtier.kube.places import Places, entry_places
from meshtier.labels import NO_LABELS, Labels
from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.mesh.snapshot import Backend, Namespace, Workload, WorkloadKey

FINISHED: Final = frozenset({"Succeeded", "Failed"})
"""The phases of pods that serve nothing any more (istio/istio pkg/kube/util.go, CheckPodTerminal, at 86c9f01)."""

POD: Final = "Pod"
ENTRY: Final = "WorkloadEntry"

DATAPLANE_MODE: Final = "istio.io/dataplane-mode"
"""The label of a pod or its Namespace that says whether ztunnel takes its traffic (PATH-4)."""

Key = tuple[str, str]
"""Namespace and name."""

ProxyOf = Callable[[str, schema.PodMeta], Component | None]
"""Which component a pod of a namespace is, or has beside it."""


class Workloads:
    """The workloads of one cluster, as services look for them.

    Attributes:
        cluster: The cluster's name.
        places: Where things are there.
        by_key: Pods in the order of the input, finished ones too; then the
            WorkloadEntries likewise; then endpoints that stand in services alone.
    """

    def __init__(self, cluster: str, places: Places) -> None:
        self.cluster = cluster
        self.places = places
        self.by_key: dict[WorkloadKey, Workload] = {}
        self._finished: set[WorkloadKey] = set()
        self._by_label: dict[tuple[str, str, str], dict[str, list[Workload]]] = {}

    def add_pods(self, pods: Mapping[Key, schema.Pod], namespaces: Mapping[str, Namespace], proxy_of: ProxyOf) -> None:
        """Take the pods. One loop without calls that it can spare: a dump has 100,000 of them."""
        cluster, of_pod, trusted, sidecar = self.cluster, self.places.of_pod, Labels.trusted, Component.SIDECAR
        joined = {name: each.labels.get(DATAPLANE_MODE) == "ambient" for name, each in namespaces.items()}
        for (namespace, name), pod in pods.items():
            status = pod.status
            spec = pod.spec
            found = pod.metadata.labels or {}
            place, envoy_place = of_pod((spec.node_name if spec else "") or "", found)
            key = (POD, namespace, name)
            mode = found.get(DATAPLANE_MODE)
            proxy = proxy_of(namespace, pod.metadata)
            injected = proxy is sidecar
            # istio/istio manifests/charts/istio-cni/values.yaml, enablementSelectors, and cni/pkg/util/
            # enablement_selector.go, Matches, at 86c9f01: a pod's other values leave it to the Namespace, and ztunnel
            # takes nothing of the host's network.
            takes_part = True if injected or mode == "ambient" else False if mode == "none" else joined.get(namespace)
            if takes_part and not injected and spec and spec.host_network:
                takes_part = False
            if status is not None and status.phase in FINISHED:
                self._finished.add(key)
            self.by_key[key] = Workload(
                cluster=cluster,
                namespace=namespace,
                name=name,
                place=place,
                envoy_place=envoy_place,
                labels=trusted(found) if found else NO_LABELS,
                addresses=_addresses(status) if status else (),
                health=pod_health(pod),
                takes_part=takes_part,
                proxy=proxy,
            )

    def add_entries(self, entries: Mapping[Key, schema.WorkloadEntry]) -> None:
        """Take the WorkloadEntries."""
        for key, entry in entries.items():
            labels = {**((entry.spec and entry.spec.labels) or {}), **(entry.metadata.labels or {})}
            self.add(
                self.entry(
                    ENTRY,
                    key,
                    f"{ENTRY} {'/'.join(key)}",
                    entry.spec or schema.EntrySpec(),
                    labels,
                    path="spec ",
                    health=entry_health(entry.status),
                )
            )

    @cached_property
    def has_pods(self) -> bool:
        """Whether the input holds pods at all."""
        return any(kind == POD for kind, _, _ in self.by_key)

    def add(self, workload: Workload) -> WorkloadKey:
        """Take what stands in a service alone, and say by what it is known."""
        self.by_key[workload.key] = workload
        return workload.key

    def entry(
        self,
        kind: str,
        key: Key,
        title: str,
        spec: schema.EntrySpec,
        labels: Mapping[str, str],
        *,
        path: str = "",
        health: Health = Health.HEALTHY,
    ) -> Workload:
        """The workload that a WorkloadEntry's fields describe (LOC-4). Without an address it is reached by a gateway.

        Source: istio/istio pkg/config/validation/validation.go, validateWorkloadEntry, at 86c9f01.
        """
        network, origin = self.places.network, self.places.network_origin
        place, envoy_place = entry_places(title, path, spec, labels, network=network, network_origin=origin)
        return Workload(
            kind=kind,
            cluster=self.cluster,
            namespace=key[0],
            name=key[1],
            place=place,
            envoy_place=envoy_place,
            labels=Labels.trusted(labels) if labels else NO_LABELS,
            addresses=(spec.address,) if spec.address else (),
            health=health,
            # 0 is what an absent weight looks like on the wire: istio/istio model/service.go,
            # GetLoadBalancingWeight, and ambient/workloads.go, workloadEntryWorkloadBuilder, at 86c9f01.
            weight=spec.weight or 1,
            remote_cluster=labels.get(SCOPE_LABELS[Scope.CLUSTER]) or peer_in(key[1]),
        )

    def is_finished(self, key: WorkloadKey) -> bool:
        """Whether it is a pod that has ended, and so no endpoint of anything."""
        return key in self._finished

    def selected(self, kind: str, namespace: str, selector: Mapping[str, str]) -> Sequence[Backend]:
        """The workloads of a kind that have not ended and carry all labels of *selector*; none for an empty one."""
        if not selector:
            return ()
        found = [self._with_label(kind, namespace, label).get(value, ()) for label, value in selector.items()]
        fewest = min(found, key=len)
        if len(selector) > 1:
            fewest = [workload for workload in fewest if _carries(workload.labels, selector)]
        return [Backend(workload.key) for workload in fewest]

    def at_address(self, address: str, selector: Mapping[str, str], namespace: str) -> WorkloadKey | None:
        """The one pod at an address; where several share it, the one that *selector* means."""
        found = self._by_address.get((namespace, address), ())
        if len(found) > 1:
            found = [pod for pod in found if _carries(pod.labels, selector)]
        return found[0].key if len(found) == 1 else None

    def _with_label(self, kind: str, namespace: str, label: str) -> Mapping[str, Sequence[Workload]]:
        """The workloads of a namespace by the value of one label; made once for each label that is asked for."""
        key = (kind, namespace, label)
        found = self._by_label.get(key)
        if found is None:
            found = self._by_label[key] = {}
            for workload in self._by_namespace.get((kind, namespace), ()):
                value = workload.labels.get(label)
                if value is not None:
                    found.setdefault(value, []).append(workload)
        return found

    # Both are made once pods and entries are there; what services add is found in them alone.

    @cached_property
    def _by_namespace(self) -> Mapping[tuple[str, str], Sequence[Workload]]:
        found: defaultdict[tuple[str, str], list[Workload]] = defaultdict(list)
        for key, workload in self.by_key.items():
            if key not in self._finished:
                found[workload.kind, workload.namespace].append(workload)
        return found

    @cached_property
    def _by_address(self) -> Mapping[tuple[str, str], Sequence[Workload]]:
        found: defaultdict[tuple[str, str], list[Workload]] = defaultdict(list)
        for namespace in {namespace for kind, namespace in self._by_namespace if kind == POD}:
            for pod in self._by_namespace[POD, namespace]:
                for address in pod.addresses:
                    found[namespace, address].append(pod)
        return found


def pod_health(pod: schema.Pod) -> Health:
    """What the pod itself says of its health; one without any status, a manifest, counts as healthy.

    Source: istio/istio ambient/workloads.go, podWorkloadBuilder, at 86c9f01: ready, and not being deleted.
    """
    if pod.metadata.deletion_timestamp is not None:
        return Health.TERMINATING
    status = pod.status
    if status is None:
        return Health.HEALTHY
    conditions = status.conditions
    if conditions is not None:
        for condition in conditions:
            if condition.type == "Ready":
                return Health.HEALTHY if condition.status == "True" else Health.UNHEALTHY
    return Health.HEALTHY if not conditions and status.phase in (None, "Running") else Health.UNHEALTHY


def entry_health(status: schema.EntryStatus | None) -> Health:
    """What the health checks of a WorkloadEntry found; without any it counts as healthy.

    Source: istio/istio serviceentry/conversion.go, isHealthy, at 86c9f01.
    """
    for condition in (status and status.conditions) or ():
        if condition.type == "Healthy" and condition.status == "False":
            return Health.UNHEALTHY
    return Health.HEALTHY


def _addresses(status: schema.PodStatus) -> tuple[str, ...]:
    # istio/istio ambient/workloads.go, getPodIPs, at 86c9f01: podIP counts where podIPs are missing.
    found = status.pod_ips
    if found:
        if len(found) == 1:
            address = found[0].ip
            return (address,) if address else ()
        return tuple(address.ip for address in found if address.ip)
    return (status.pod_ip,) if status.pod_ip else ()


def peer_in(name: str) -> str:
    """The cluster that the name of an entry gives, as Solo's control plane names those for its peers (NET-4).

    >>> peer_in("autogen.west.bookinfo.reviews")
    'west'
    """
    head, _, rest = name.partition(".")
    parts = rest.rsplit(".", 2)
    return parts[0] if head == "autogen" and len(parts) == 3 else ""


def _carries(labels: Mapping[str, str], selector: Mapping[str, str]) -> bool:
    return all(labels.get(label) == value for label, value in selector.items())
