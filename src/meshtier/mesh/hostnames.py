"""Which service does a host name mean? Full, short and global names (COMP-3)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Final

from attrs import evolve, field, frozen

from meshtier.component import Component
from meshtier.endpoint import Reason
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.mesh.snapshot import Cluster, Service, ServiceScope
from meshtier.profile import Profile
from meshtier.rules.lookup import DEFAULT_DOMAIN
from meshtier.table import counted

GLOBAL_DOMAIN: Final = "mesh.internal"
"""The domain of global host names, ``<service>.<namespace>.mesh.internal``, where no segment has one of its own."""

_GLOBAL: Final = (ServiceScope.GLOBAL, ServiceScope.SEGMENT)
"""The scopes with a host name of their own beside the local one."""


@frozen
class Naming:
    """Whose rules for host names hold (COMP-3).

    Attributes:
        global_services: Solo's: scopes, take-over and segments. Else Istio's,
            where a label lets a local name span clusters.
        joins_clusters: Whether a local name spans all clusters without any label,
            as for sidecars under Istio.
        keeps_local: Whether a local name has its own cluster's endpoints alone even
            where it is taken over, as at Solo's waypoints (WP-3).
    """

    global_services: bool
    joins_clusters: bool
    keeps_local: bool = False

    @classmethod
    def of(cls, profile: Profile, component: Component) -> "Naming":
        """The rules for a component under a profile."""
        return cls(
            global_services=profile.global_services,
            joins_clusters=profile.sidecars_join_clusters and component is Component.SIDECAR,
            keeps_local=profile.global_services and component is Component.WAYPOINT,
        )


SOLO_NAMING: Final = Naming(global_services=True, joins_clusters=False)
_NAMINGS: Final = (SOLO_NAMING, Naming(global_services=False, joins_clusters=True))
"""Rules under which every host name that some profile and component know means something."""


def global_host(service: Service, domain: str = GLOBAL_DOMAIN) -> str:
    """The name under which a global Service is addressed."""
    return f"{service.name}.{service.namespace}.{domain}"


@frozen
class Barrier:
    """Why the endpoints of a Service do not belong to a host (COMP-3).

    Attributes:
        reason: Why.
        detail: What exactly was found.
    """

    reason: Reason
    detail: str


def nothing_against(service: Service) -> Barrier | None:
    """No reason why a Service should not belong to a host."""
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
        kept_local: Whether it is a taken-over name that has its own cluster's
            endpoints alone all the same (WP-3).
    """

    host: str
    spans_clusters: bool
    services: tuple[Service, ...] = field(repr=counted)
    namesakes: Sequence[Service] = field(default=(), repr=counted)
    why_not: "Callable[[Service], Barrier | None]" = field(default=nothing_against)
    kept_local: bool = False

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
        self._clusters = {cluster.name: cluster for cluster in clusters}
        self._own: defaultdict[str, defaultdict[str, list[Service]]] = defaultdict(lambda: defaultdict(list))
        self._short: defaultdict[tuple[str, str], list[Service]] = defaultdict(list)
        self._namesakes: defaultdict[tuple[str, str], list[Service]] = defaultdict(list)
        self._bindings: dict[object, Binding] = {}
        for cluster in self._clusters.values():
            for service in cluster.services:
                self._enter(service)

    def _enter(self, service: Service) -> None:
        for host in service.hosts:
            self._own[service.cluster][host].append(service)
        if service.kind != "Service":
            return
        for short in (service.name, f"{service.name}.{service.namespace}", f"{service.name}.{service.namespace}.svc"):
            self._short[service.cluster, short].append(service)
        self._namesakes[service.namespace, service.name].append(service)

    def hosts(self, cluster: str, naming: Naming = SOLO_NAMING) -> tuple[str, ...]:
        """Every full host name that a client in *cluster* can ask for, sorted."""
        names = set(self._own[cluster]) if cluster in self._own else set[str]()
        for services in self._namesakes.values():
            names.update(self._names_of(services, cluster, naming))
        return tuple(sorted(names))

    def _names_of(self, services: Sequence[Service], cluster: str, naming: Naming) -> Iterator[str]:
        """The names that these namesakes have in a cluster, besides those that it gives them itself."""
        reached = [service for service in services if self._why_not(cluster, service) is None]
        if any(service.scope in _GLOBAL for service in reached):
            yield global_host(services[0], self._domain(cluster))
        if self._spans(services, cluster, evolve(naming, keeps_local=False)):
            yield self._local_host(services[0], cluster)

    def _local_host(self, service: Service, cluster: str) -> str:
        domain = self._clusters[cluster].domain if cluster in self._clusters else DEFAULT_DOMAIN
        return f"{service.name}.{service.namespace}.svc.{domain}"

    def _domain(self, cluster: str) -> str:
        known = self._clusters.get(cluster)
        return (known.segment_domain if known is not None else "") or GLOBAL_DOMAIN

    def _spans(self, services: Sequence[Service], cluster: str, naming: Naming) -> bool:
        """Whether the local name of these namesakes has the endpoints of other clusters, in this cluster (COMP-3)."""
        own = [service for service in services if service.cluster == cluster]
        if naming.joins_clusters:
            return True
        if not naming.global_services:
            # Istio asks the own Service, and where there is none those of the other clusters.
            # Source: istio/istio pilot/pkg/serviceregistry/ambient/multicluster.go, at 86c9f01.
            return any(service.istio_global for service in own or services)
        reached = [service for service in own or services if self._why_not(cluster, service) is None]
        return any(
            service.scope is ServiceScope.GLOBAL_ONLY
            # Istio's own label means that the local name spans clusters, at a waypoint too.
            or (service.takeover and (service.istio_global or not naming.keeps_local))
            for service in reached
        )

    def bind(self, host: str, *, cluster: str, namespace: str = "", naming: Naming = SOLO_NAMING) -> Binding:
        """What *host* means to a client in *cluster* and *namespace*; the same value for the same question.

        Args:
            host: A full name; or ``name``, ``name.namespace`` or
                ``name.namespace.svc`` of a Service in the client's cluster.
            cluster: The client's cluster.
            namespace: The client's namespace, where a bare name is looked for first.
            naming: Whose rules hold.

        Raises:
            UnknownNameError: Nothing answers to it.
            InvalidValueError: It has a port, a scheme or a path.
        """
        if ":" in host or "/" in host:
            raise InvalidValueError(f"expected a host name alone, got {host!r}; {self._rather(host)}", "host")
        name = self._full(host.lower().rstrip("."), cluster, namespace)
        key = (name, cluster, naming)
        found = self._bindings.get(key)
        if found is None:
            found = self._bind(name, cluster, naming)
            if found is None:
                raise self._unknown(host, cluster, naming)
            self._bindings[key] = found
        return found

    def _rather(self, host: str) -> str:
        """What to write for a host with a port, a path or a namespace before it."""
        namespace, slash, name = host.partition("/")
        if slash and (namespace, name) in self._namesakes:
            return f"write {name}.{namespace}"
        return "the port is given by itself"

    def _unknown(self, host: str, cluster: str, naming: Naming) -> UnknownNameError:
        """The error for a host that nothing answers to, with the names whose first part is most like its own."""
        known = self.hosts(cluster, naming)
        if not known:
            where = "in input without a Service: add what `kubectl get svc,endpointslices -A -o yaml` prints"
            return UnknownNameError("host", host, where=where)
        full: defaultdict[str, list[str]] = defaultdict(list)
        for name in known:
            full[name.partition(".")[0]].append(name)
        like = UnknownNameError.among("host", host.partition(".")[0], full).nearest
        nearest = [name for short in like for name in full[short]]
        return UnknownNameError(
            "host", host, nearest[:5] or UnknownNameError.among("host", host, known).nearest, known[:5]
        )

    def knows(self, host: str, cluster: str) -> bool:
        """Whether a full name means something to some component in a cluster, under the rules of some profile."""
        return any(self._bind(host, cluster, naming) is not None for naming in _NAMINGS)

    def all_hosts(self, cluster: str) -> frozenset[str]:
        """Every full name that means something to some component in a cluster, under the rules of some profile."""
        return frozenset(host for naming in _NAMINGS for host in self.hosts(cluster, naming))

    def _bind(self, name: str, cluster: str, naming: Naming) -> Binding | None:
        own = self._own[cluster].get(name, []) if cluster in self._own else []
        services = self._called(name, cluster)
        if services and name == self._local_host(services[0], cluster):
            if self._spans(services, cluster, naming):
                return self._joined(name, services, cluster, naming)
            if naming.keeps_local and self._spans(services, cluster, SOLO_NAMING):
                return self._kept_local(name, services, cluster)
            if own:
                return self._local(name, own)
        elif services and name == global_host(services[0], self._domain(cluster)):
            reached = [each for each in services if self._why_not(cluster, each) is None and each.scope in _GLOBAL]
            if reached:
                return self._joined(name, services, cluster, SOLO_NAMING)
        return self._local(name, own) if own else None

    def _full(self, name: str, cluster: str, namespace: str) -> str:
        if self._called(name, cluster) or (cluster in self._own and name in self._own[cluster]):
            return name
        services = self._short.get((cluster, name), [])
        near = [service for service in services if service.namespace == namespace]
        # A bare name is that of the client's own namespace; elsewhere only if there is no doubt which.
        chosen = near or (services if len(services) == 1 else [])
        return chosen[0].hosts[0] if chosen and chosen[0].hosts else name

    def _called(self, name: str, cluster: str) -> Sequence[Service]:
        """The Services whose local or global name in a cluster this could be."""
        parts = name.split(".")
        services = self._namesakes.get((parts[1], parts[0]), ()) if len(parts) > 3 else ()
        if not services:
            return ()
        names = (self._local_host(services[0], cluster), global_host(services[0], self._domain(cluster)))
        return services if name in names else ()

    def _local(self, host: str, own: list[Service]) -> Binding:
        first = next((service for service in own if service.kind == "Service"), None)
        return Binding(
            host=host,
            spans_clusters=first is None and host.endswith(f".{self._domain(own[0].cluster)}"),
            services=tuple(own),
            namesakes=self._namesakes[first.namespace, first.name] if first else (),
            why_not=partial(_in_another_cluster, own[0].cluster),
        )

    def _kept_local(self, host: str, services: Sequence[Service], cluster: str) -> Binding:
        """A taken-over name at a waypoint: what its own cluster has, which may be nothing (WP-3)."""
        own = [service for service in services if service.cluster == cluster]
        # The settings are those of a Service, so one of another cluster stands in, without its endpoints.
        return Binding(
            host=host,
            spans_clusters=False,
            services=tuple(own) or (evolve(services[0], backends=()),),
            namesakes=services,
            why_not=partial(_behind_a_waypoint, cluster),
            kept_local=True,
        )

    def _joined(self, host: str, services: Sequence[Service], cluster: str, naming: Naming) -> Binding:
        why_not = partial(self._why_not, cluster) if naming.global_services else nothing_against
        reached = [service for service in services if why_not(service) is None]
        reached.sort(key=lambda service: service.cluster != cluster)
        names = dict.fromkeys((host, global_host(services[0], self._domain(cluster))))
        own: Mapping[str, Sequence[Service]] = self._own.get(cluster, {})
        entries = [each for name in names for each in own.get(name, ()) if each.kind == "ServiceEntry"]
        return Binding(
            host=host,
            spans_clusters=True,
            services=(*reached, *entries),
            namesakes=services,
            why_not=why_not,
        )

    def _why_not(self, cluster: str, service: Service) -> Barrier | None:
        """Why a Service does not belong to a global name in a cluster, by Solo's rules."""
        if not service.is_global:
            return Barrier(Reason.OTHER_CLUSTER, f"{service} is not global in cluster {service.cluster!r}")
        here, there = self._segment(cluster), self._segment(service.cluster)
        if here != there:
            text = f"{service} reaches its own segment alone, which is {there!r} and not {here!r}"
            return Barrier(Reason.OTHER_SEGMENT, text)
        return None

    def _segment(self, cluster: str) -> str:
        known = self._clusters.get(cluster)
        return known.segment if known is not None else ""


def _behind_a_waypoint(cluster: str, service: Service) -> Barrier | None:
    text = "of a taken-over local name a waypoint has its own cluster's endpoints alone"
    return None if service.cluster == cluster else Barrier(Reason.OTHER_CLUSTER, text)


def _in_another_cluster(cluster: str, service: Service) -> Barrier | None:
    return None if service.cluster == cluster else Barrier(Reason.OTHER_CLUSTER, "the host is a local name")
