"""Which service does a host name mean? Full, short and global names (COMP-3)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import Final

from attrs import field, frozen

from meshtier.endpoint import Reason
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.mesh.snapshot import Cluster, Service, ServiceScope

GLOBAL_DOMAIN: Final = "mesh.internal"
"""The domain of global host names: ``<service>.<namespace>.mesh.internal``."""


def global_host(service: Service) -> str:
    """The name under which a global Service is addressed."""
    return f"{service.name}.{service.namespace}.{GLOBAL_DOMAIN}"


@frozen
class Barrier:
    """Why the endpoints of a Service do not belong to a host (COMP-3).

    Attributes:
        reason: Why.
        detail: What exactly was found.
    """

    reason: Reason
    detail: str


def _nothing_against(service: Service) -> Barrier | None:
    del service
    return None


@frozen(kw_only=True, eq=False)
class Binding:
    """What a host name leads to for the clients of one cluster.

    Attributes:
        host: The full host name.
        spans_clusters: Whether the endpoints of other clusters belong to it.
        services: What answers to it; at least one, the asking cluster's first.
        namesakes: The Services of its name and namespace, of all clusters.
        why_not: Why a Service of another cluster does not belong to the host;
            ``None`` if it does.
    """

    host: str
    spans_clusters: bool
    services: tuple[Service, ...]
    namesakes: Sequence[Service] = ()
    why_not: "Callable[[Service], Barrier | None]" = field(default=_nothing_against)

    @cached_property
    def service(self) -> Service:
        """The one whose settings hold: a Service before a ServiceEntry, the asking cluster's first."""
        return next((service for service in self.services if service.kind == "Service"), self.services[0])

    @cached_property
    def entry(self) -> Service | None:
        """The ServiceEntry that answers to the host, if one does."""
        return next((service for service in self.services if service.kind == "ServiceEntry"), None)

    def unreachable(self) -> "Iterator[tuple[Service, Barrier]]":
        """The Services of its name that the host does not reach, each with the reason.

        Cost: O(clusters), which is why it is not asked before a reader wants to know.
        """
        for service in self.namesakes:
            barrier = self.why_not(service)
            if barrier is not None:
                yield service, barrier


class HostTable:
    """Every host name of a mesh, and what it means in which cluster."""

    def __init__(self, clusters: Iterable[Cluster]) -> None:
        self._own: defaultdict[tuple[str, str], list[Service]] = defaultdict(list)
        self._short: defaultdict[tuple[str, str], list[Service]] = defaultdict(list)
        self._global: defaultdict[str, list[Service]] = defaultdict(list)
        self._namesakes: defaultdict[tuple[str, str], list[Service]] = defaultdict(list)
        self._segments: dict[str, str] = {}
        for cluster in clusters:
            self._segments[cluster.name] = cluster.segment
            for service in cluster.services:
                self._enter(service)

    def _enter(self, service: Service) -> None:
        for host in service.hosts:
            self._own[service.cluster, host].append(service)
        if service.kind != "Service":
            return
        for short in (service.name, f"{service.name}.{service.namespace}", f"{service.name}.{service.namespace}.svc"):
            self._short[service.cluster, short].append(service)
        self._namesakes[service.namespace, service.name].append(service)
        if service.is_global:
            self._global[global_host(service)].append(service)

    def hosts(self, cluster: str) -> tuple[str, ...]:
        """Every full host name that a client in *cluster* can ask for, sorted."""
        reached = {
            host
            for host, services in self._global.items()
            if any(self._why_not(cluster, each) is None for each in services)
        }
        return tuple(sorted({host for where, host in self._own if where == cluster} | reached))

    def bind(self, host: str, *, cluster: str, namespace: str = "") -> Binding:
        """What *host* means to a client in *cluster* and *namespace*.

        Args:
            host: A full name; or ``name``, ``name.namespace`` or
                ``name.namespace.svc`` of a Service in the client's cluster.
            cluster: The client's cluster.
            namespace: The client's namespace, where a bare name is looked for first.

        Raises:
            UnknownNameError: Nothing answers to it.
            InvalidValueError: It has a port, a scheme or a path.
        """
        if ":" in host or "/" in host:
            raise InvalidValueError(f"expected a host name alone, got {host!r}; the port is given by itself", "host")
        name = host.lower().rstrip(".")
        if name not in self._global and (cluster, name) not in self._own:
            name = self._expanded(name, cluster, namespace)
        own = self._own.get((cluster, name), [])
        takeover = next((service for service in own if service.is_global and service.takeover), None)
        if takeover is not None:
            return self._joined(name, global_host(takeover), cluster)
        if name in self._global:
            return self._joined(name, name, cluster)
        if own:
            return self._local(name, own)
        raise self._unknown(host, cluster)

    def _unknown(self, host: str, cluster: str) -> UnknownNameError:
        return UnknownNameError.among("host", host, self.hosts(cluster))

    def _expanded(self, name: str, cluster: str, namespace: str) -> str:
        services = self._short.get((cluster, name), [])
        near = [service for service in services if service.namespace == namespace]
        # A bare name is that of the client's own namespace; elsewhere only if there is no doubt which.
        chosen = near or (services if len(services) == 1 else [])
        return chosen[0].hosts[0] if chosen and chosen[0].hosts else name

    def _local(self, host: str, own: list[Service]) -> Binding:
        first = next((service for service in own if service.kind == "Service"), None)
        return Binding(
            host=host,
            spans_clusters=False,
            services=tuple(own),
            namesakes=self._namesakes[first.namespace, first.name] if first else (),
            why_not=partial(_in_another_cluster, own[0].cluster),
        )

    def _joined(self, host: str, name: str, cluster: str) -> Binding:
        namesakes = self._namesakes[_service_key(name)]
        reached = [service for service in namesakes if self._why_not(cluster, service) is None]
        reached.sort(key=lambda service: service.cluster != cluster)
        entries = [service for service in self._own.get((cluster, name), []) if service.kind == "ServiceEntry"]
        if not (reached or entries):
            raise self._unknown(host, cluster)
        return Binding(
            host=host,
            spans_clusters=True,
            services=(*reached, *entries),
            namesakes=namesakes,
            why_not=partial(self._why_not, cluster),
        )

    def _why_not(self, cluster: str, service: Service) -> Barrier | None:
        if not service.is_global:
            return Barrier(Reason.OTHER_CLUSTER, f"{service} is not global in cluster {service.cluster!r}")
        here, there = self._segments.get(cluster, ""), self._segments.get(service.cluster, "")
        if service.scope is ServiceScope.SEGMENT and here != there:
            text = f"{service} reaches its own segment alone, which is {there!r} and not {here!r}"
            return Barrier(Reason.OTHER_SEGMENT, text)
        return None


def _in_another_cluster(cluster: str, service: Service) -> Barrier | None:
    return None if service.cluster == cluster else Barrier(Reason.OTHER_CLUSTER, "the host is a local name")


def _service_key(host: str) -> tuple[str, str]:
    name, namespace, *_ = host.split(".")
    return namespace, name
