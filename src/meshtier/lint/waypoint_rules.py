"""Does traffic come to the waypoint that is to obey a rule? Services whose rules and routes nobody obeys."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from attrs import evolve, frozen

from meshtier.component import Component
from meshtier.lint.family import Family, finding
from meshtier.lint.finding import Finding
from meshtier.lint.rule import LintRule
from meshtier.lint.survey import Site, Survey, listed
from meshtier.mesh import Cluster, Service, WorkloadKey
from meshtier.mesh.waypoint import NoWaypoint, gateway_of, has_address
from meshtier.note import Severity
from meshtier.rules.lookup import host_matches, resolve_host

_USE: Final = "istio.io/use-waypoint"
_FOR: Final = "istio.io/waypoint-for"
_MODE: Final = "istio.io/dataplane-mode"
_SYSTEM: Final = frozenset({"istio-system", "kube-system", "kube-public", "kube-node-lease"})


@frozen
class _Cause:
    """Why traffic does not come to a waypoint: what is to be changed, and how."""

    cluster: str
    object: str
    text: str
    path: str
    fix: str
    service: str
    instead: str = "ztunnel sends straight to the endpoints, and obeys neither DestinationRules nor routes"


def _not_reached(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    found: defaultdict[_Cause, set[str]] = defaultdict(set)
    for cluster in survey.clusters:
        if any(start is Component.SIDECAR for start, _ in survey.clients(cluster)):
            continue  # a sidecar obeys them itself
        policies = _Policies(cluster)
        if not policies:
            continue
        outside = _outside(cluster)
        for site in survey.sites:
            fitting = policies.of(site.host) if site.cluster is cluster else ()
            if not fitting:
                continue
            cause = _cause(survey, site) or _outsiders(site, outside, {namespace for namespace, _ in fitting})
            if cause is not None:
                found[cause].update(title for _, title in fitting)
    for cause, policies_of in found.items():
        verb = "is" if len(policies_of) == 1 else "are"
        yield finding(
            survey,
            rule,
            cause.cluster,
            cause.object,
            f"{listed(policies_of)} {verb} for {cause.service}, and {cause.text}",
            path=cause.path,
            instead=cause.instead,
            fix=cause.fix,
        )


class _Policies:
    """What only an Envoy obeys in a cluster, by host; each as its namespace and its title."""

    def __init__(self, cluster: Cluster) -> None:
        self._exact: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        self._wild: list[tuple[str, tuple[str, str]]] = []
        for rule in cluster.destination_rules:
            if rule.traffic_policy is not None or rule.subsets:
                host = resolve_host(rule.host, rule.namespace, domain=cluster.domain)
                self._enter(host, rule.namespace, rule.title)
        for route in cluster.request_routes:
            for host in route.hosts:
                self._enter(host, route.namespace, str(route))

    def _enter(self, host: str, namespace: str, title: str) -> None:
        if host.startswith("*"):
            self._wild.append((host, (namespace, title)))
        else:
            self._exact[host].append((namespace, title))

    def __bool__(self) -> bool:
        return bool(self._exact or self._wild)

    def of(self, host: str) -> Sequence[tuple[str, str]]:
        """Those that are for a host."""
        return [*self._exact.get(host, ()), *(each for wild, each in self._wild if host_matches(wild, host))]


def _outside(cluster: Cluster) -> Mapping[str, frozenset[WorkloadKey]]:
    """The pods that do not take part in the mesh and could be clients, by namespace (PATH-4)."""
    found: defaultdict[str, set[WorkloadKey]] = defaultdict(set)
    for pod in cluster.workloads.values():
        is_out = pod.takes_part is False and pod.proxy is None and not gateway_of(pod)
        if pod.kind == "Pod" and is_out and pod.health.serves and pod.namespace not in _SYSTEM:
            found[pod.namespace].add(pod.key)
    return {namespace: frozenset(found[namespace]) for namespace in sorted(found)}


def _cause(survey: Survey, site: Site) -> _Cause | None:
    """Why the traffic of the mesh to a host comes to no waypoint; ``None`` if it does, or if there is none."""
    cluster, service = site.cluster, site.service
    if not has_address(service) or survey.is_controllers(cluster, service):
        return None
    # Without any pods in the input, those of an ambient namespace are taken to be there.
    if not site.clients and (_has_pods(cluster) or not _is_enrolled(cluster, service.namespace)):
        return None
    return _without_waypoint(survey, cluster, service)


def _outsiders(site: Site, outside: Mapping[str, frozenset[WorkloadKey]], writers: Collection[str]) -> _Cause | None:
    """The pods that should pass a waypoint and do not take part in the mesh: of who writes the rules, or all there are.

    Args:
        site: The host, whose service has a waypoint.
        outside: The pods that do not take part, by namespace.
        writers: The namespaces of what is for the host.
    """
    cluster, service = site.cluster, site.service
    own = {backend.workload for each in site.services for backend in each.backends}
    out = [name for name, keys in outside.items() if keys - own and (name in writers or not site.clients)]
    survey = site.survey
    if not out or not has_address(service) or survey.is_controllers(cluster, service):
        return None
    if _without_waypoint(survey, cluster, service) is not None:
        return None  # it may well be no ambient mesh
    title, path = f"Namespace {out[0]}", f"metadata.labels[{_MODE}]"
    text = f"the client pods of {listed(f'Namespace {each}' for each in out)} do not take part in the mesh"
    return _Cause(cluster.name, title, text, path, f"set {path} to ambient", str(service))


def _has_pods(cluster: Cluster) -> bool:
    return any(kind == "Pod" for kind, _, _ in cluster.workloads)


def _is_enrolled(cluster: Cluster, namespace: str) -> bool:
    known = cluster.namespaces.get(namespace)
    return known is not None and known.labels.get(_MODE) == "ambient"


def _without_waypoint(survey: Survey, cluster: Cluster, service: Service) -> _Cause | None:
    """What keeps the waypoint of a service out of the path."""
    name, title = service.waypoint, str(service)
    if not name:
        known = sorted(each.name for each in cluster.waypoints.values() if each.namespace == service.namespace)
        waypoint = next((each for each in known if "waypoint" in each), "waypoint")
        text = "no label names a waypoint for it"
        fix = f"set metadata.labels[{_USE}] to {waypoint}" + (
            "" if known else ", and create a Gateway of that name and of class istio-waypoint"
        )
        return _Cause(service.cluster, title, text, f"metadata.labels[{_USE}]", fix, title)
    table = survey.waypoints[cluster.name]
    found = table.of(service)
    if not isinstance(found, NoWaypoint):
        pods = table.pods_of(name)
        if any(pod.health.serves for pod in pods) or not _has_pods(cluster):
            return None
        code = "waypoint-without-pods"
    else:
        code = found.note.code
    gateway = f"Gateway {name}"
    if code == "waypoint-missing":
        fix = f"create {gateway} of class istio-waypoint, or set metadata.labels[{_USE}] to a waypoint that is there"
        text = f"its waypoint {name} is not there"
        return _Cause(service.cluster, title, text, f"metadata.labels[{_USE}]", fix, title)
    text, path, fix = _REFUSALS[code]
    cause = _Cause(cluster.name, gateway, f"its waypoint {name} {text}", path, fix.format(service.namespace), title)
    return evolve(cause, instead=_REFUSED) if code == "waypoint-without-pods" else cause


# Source: istio/ztunnel src/state.rs, fetch_waypoint, at 62d8265: no pod to send to is an error, not a way around it.
_REFUSED: Final = "ztunnel finds no pod of the waypoint to send to, and refuses the connections"

_REFUSALS: Final = {
    "waypoint-without-pods": (
        "has no ready pod",
        "",
        "let a pod of the Gateway become ready, by spec.replicas of its Deployment of 1 or more",
    ),
    "waypoint-not-ready": (
        "has no address in its status",
        "status.addresses",
        "look at status.conditions of the Gateway for what keeps it from being programmed",
    ),
    "waypoint-not-admitted": (
        "does not admit the namespace",
        "spec.listeners[].allowedRoutes.namespaces.from",
        "set spec.listeners[].allowedRoutes.namespaces.from to All, or to a Selector that takes {}",
    ),
    "waypoint-not-for-services": (
        "is not for the traffic of services",
        f"metadata.labels[{_FOR}]",
        f"set metadata.labels[{_FOR}] to service, or to all",
    ),
}
"""What is said and written where a Gateway is there and is no waypoint in the path, by the code of the note."""


FAMILY: Final = Family(
    letters="WP",
    title="Waypoints",
    rules=(
        LintRule(
            id="WP501",
            name="waypoint-not-reached",
            severity=Severity.ERROR,
            summary="a rule or route is for a host whose traffic comes to no waypoint",
            rests_on=("WP-1", "WP-2", "PATH-1", "PATH-4"),
            why="In ambient mode a ztunnel carries the traffic, and it knows neither DestinationRules nor routes."
            " Only a waypoint does. Traffic passes one only if a label names it, if its Gateway is there and takes"
            " the traffic of services, if one of its pods is ready, and if the client itself takes part in the mesh."
            " Otherwise the rule is accepted, and nothing comes of it.",
            help="Create a waypoint, and name it by the label istio.io/use-waypoint of the Service or its Namespace."
            " Label the namespaces of clients istio.io/dataplane-mode: ambient. The rule says nothing where a client"
            " has a sidecar, which obeys by itself.",
        ),
    ),
    checks={"WP501": _not_reached},
)
