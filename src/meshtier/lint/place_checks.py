"""Is the place of every node, pod, entry and endpoint known, and the same for all who look? (TOPO)"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from meshtier.lint.family import finding
from meshtier.lint.finding import Finding
from meshtier.lint.rule import LintRule
from meshtier.lint.survey import Site, Survey
from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.mesh import Cluster, Place, Service, Workload
from meshtier.mesh.service_endpoint import is_announcement
from meshtier.table import shortened

REGION: Final = SCOPE_LABELS[Scope.REGION]
ZONE: Final = SCOPE_LABELS[Scope.ZONE]
OF_PLACE: Final = (Scope.REGION, Scope.ZONE, Scope.SUBZONE)

ENTRIES: Final = ("WorkloadEntry", "ServiceEntry endpoint")
"""The kinds of workloads whose place their own field ``locality`` says."""


def labels_of(missing: Iterable[str]) -> str:
    """Labels that are not there, as a sentence lists them."""
    return " and no label ".join(missing)


def missing_labels(place: Place) -> list[str]:
    """The labels of region and zone that are not there."""
    return [SCOPE_LABELS[scope] for scope in (Scope.REGION, Scope.ZONE) if not place.locality.part(scope)]


def counted(count: int, what: str) -> str:
    """So many of something.

    >>> counted(1, "pod"), counted(2, "pod")
    ('1 pod', '2 pods')
    """
    return f"{count} {what}{'s' * (count != 1)}"


def _where(place: Place) -> str:
    """Region, zone and subzone as an entry has them."""
    return "/".join(place.locality[1:4]).rstrip("/") or "nowhere known"


def node_unlabelled(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """TOPO201: nodes in use without a region or a zone."""
    for cluster in survey.clusters:
        lacking = {name: place for name, place in cluster.nodes.items() if missing_labels(place)}
        if not lacking:
            continue
        clients, endpoints = _on_nodes(survey, cluster, lacking)
        for name, place in lacking.items():
            said = [
                counted(count, what)
                for count, what in ((clients[name], "client"), (endpoints[name], "endpoint"))
                if count
            ]
            missing = missing_labels(place)
            if said:
                yield finding(
                    survey,
                    rule,
                    cluster.name,
                    f"Node {name}",
                    f"it has no label {labels_of(missing)}, and {' and '.join(said)} on it",
                    path="metadata.labels",
                    instead="an unknown part of a place equals only another unknown one, so that these endpoints are"
                    " far from every labelled client, and these clients from every labelled endpoint",
                    fix=f"kubectl label node {name} " + " ".join(f"{label}=…" for label in missing),
                )


def _on_nodes(
    survey: Survey, cluster: Cluster, nodes: Mapping[str, object]
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """How many clients and how many endpoints are on each of some nodes."""
    clients = Counter(pod.place.locality.node for pods in survey.clients(cluster).values() for pod in pods)
    behind = {backend.workload for service in cluster.services for backend in service.backends}
    there = (cluster.workloads[key] for key in behind if key in cluster.workloads)
    endpoints = Counter(each.envoy_place.locality.node for each in there)
    return {name: clients[name] for name in nodes}, {name: endpoints[name] for name in nodes}


def zone_ambiguous(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """TOPO202: zones without a region, and one name for zones of two."""
    regions: defaultdict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for cluster in survey.clusters:
        for name, place in sorted(cluster.nodes.items()):
            region, zone = place.locality.region, place.locality.zone
            if zone and not region:
                yield finding(
                    survey,
                    rule,
                    cluster.name,
                    f"Node {name}",
                    f"it is in zone {zone!r} and in no region: it has no label {REGION}",
                    path=f"metadata.labels[{REGION}]",
                    instead="regions are compared before zones, and one that is unknown equals no other, so that the"
                    " zone is never looked at",
                    fix=f"kubectl label node {name} {REGION}=…",
                )
            elif zone:
                here = (cluster.name, name)
                regions[zone][region] = min(here, regions[zone].get(region, here))
    for zone, found in sorted(regions.items()):
        if len(found) > 1:
            yield _in_two_regions(survey, rule, zone, found)


def _in_two_regions(survey: Survey, rule: LintRule, zone: str, found: Mapping[str, tuple[str, str]]) -> Finding:
    first, *_, last = sorted(found)
    (there, other), (cluster, name) = found[first], found[last]
    also = f"Node {other}" + (f" of cluster {there!r}" if there != cluster else "")
    return finding(
        survey,
        rule,
        cluster,
        f"Node {name}",
        f"zone {zone!r} is in region {last!r} here, and in region {first!r} at {also}",
        path=f"metadata.labels[{ZONE}]",
        instead="the two are taken for different zones, since the region is compared first; where a rule or a report"
        " names the zone alone it means both",
        fix=f"give the zones names of their own, as {ZONE}={last}-{zone}; or correct the label {REGION} of one of"
        " the nodes, if both are in one region",
    )


def pod_override(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """TOPO203: pods whose label says another place than their node, those of a namespace that are alike once."""
    for cluster in survey.clusters:
        found: defaultdict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[Workload]] = defaultdict(list)
        for pod in cluster.workloads.values():
            here, seen = pod.place.locality[1:4], pod.envoy_place.locality[1:4]
            if pod.envoy_place is not pod.place and pod.kind == "Pod" and here != seen:
                found[pod.namespace, _override(pod), here, seen].append(pod)
        for (_namespace, label, _here, _seen), pods in found.items():
            first = min(pods, key=lambda pod: pod.name)
            more = f" ({counted(len(pods), 'pod')} of the namespace alike)" if len(pods) > 1 else ""
            yield finding(
                survey,
                rule,
                cluster.name,
                f"Pod {first.namespace}/{first.name}",
                f"its label {label} says {_where(first.envoy_place)}, and its node is at {_where(first.place)}{more}",
                path=f"metadata.labels[{label}]",
                instead="sidecars, waypoints and ingress gateways take the label for its place, and ztunnels the node,"
                " so that one endpoint is in two places",
                fix=f"remove the label {label} from the pod template, and label the node with its region and zone",
            )


def _override(pod: Workload) -> str:
    """The label that says where Envoys see it."""
    said = next((origin for origin in pod.envoy_place.origins[1:4] if origin.startswith("Pod label ")), "")
    return said.removeprefix("Pod label ") or "topology.istio.io/locality"


def entry_no_locality(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """TOPO207: entries without a locality behind hosts that sort by place."""
    unplaced = {
        (service.cluster, str(service)): found
        for _cluster, service in survey.services()
        if (found := tuple(_unplaced(survey, service)))
    }
    told: set[tuple[str, str, str]] = set()
    for site in sorted(survey.sites, key=lambda site: (site.host, site.cluster.name)) if unplaced else ():
        for service in site.services:
            entries = unplaced.get((service.cluster, str(service)), ())
            holding = _holding(site) if entries else ""
            for index, entry in entries if holding else ():
                one = _without_locality(survey, rule, site, service, (index, entry), holding)
                if (one.cluster, one.object, one.path) not in told:
                    told.add((one.cluster, one.object, one.path))
                    yield one


def _without_locality(
    survey: Survey, rule: LintRule, site: Site, service: Service, numbered: tuple[int, Workload], holding: str
) -> Finding:
    index, entry = numbered
    is_object = entry.kind == "WorkloadEntry"
    path = "spec.locality" if is_object else f"spec.endpoints[{index}].locality"
    address = f" ({entry.addresses[0]})" if entry.addresses else ""
    return finding(
        survey,
        rule,
        service.cluster,
        f"WorkloadEntry {entry.namespace}/{entry.name}" if is_object else str(service),
        f"{path} is not set{address}, and {holding} sorts the endpoints of {site.host} by place",
        path=path,
        instead="its region and zone are unknown, so that it is in the last tier for every client whose own are"
        " known, wherever it is",
        fix=f"write {path}: REGION/ZONE, as in us-east/us-east-a",
    )


def _unplaced(survey: Survey, service: Service) -> Iterator[tuple[int, Workload]]:
    """The entries behind a service that say no locality, with their number there."""
    if _is_its_own_endpoint(service):
        return
    workloads = survey.by_name[service.cluster].workloads
    for index, backend in enumerate(service.backends):
        entry = workloads.get(backend.workload) if backend.workload[0] in ENTRIES else None
        if entry is None or is_announcement(entry) or entry.name.startswith("autogen."):
            continue
        if not any(entry.place.locality[1:4]):
            yield index, entry


def _is_its_own_endpoint(service: Service) -> bool:
    """Whether a ServiceEntry lists no endpoints, so that its host names stand for them: no field is left out there."""
    own = {f"{service.name}/{host}" for host in service.hosts}
    return service.resolution.startswith("DNS") and {backend.workload[2] for backend in service.backends} == own


def _holding(site: Site) -> str:
    """What makes tiers of places for a host; ``""`` if nothing does."""
    route = site.any_route
    if route.passthrough:
        return ""
    if any(scope in OF_PLACE for scope in route.resolution.scopes):
        return f"traffic distribution {route.resolution.title}"
    clients = [*site.clients[:1]] or [site.survey.nowhere(site.cluster)]
    for component in sorted(site.envoys, key=str):
        rule = site.route(clients[0], component).effective_rule
        if rule.decides and rule.setting.setting is not None:
            return rule.title
    return ""


def slice_without_pod(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """TOPO209: endpoints of slices that name neither a Pod nor a node, a finding for each Service."""
    for cluster in survey.clusters:
        for service in cluster.services:
            if (service.namespace, service.name) == ("default", "kubernetes"):  # the API server writes its slice
                continue
            found = [each for each in _behind(cluster, service) if _is_bare(each)]
            if not found:
                continue
            listed = shortened(sorted((each.addresses or (each.name,))[0] for each in found))
            yield finding(
                survey,
                rule,
                cluster.name,
                str(service),
                f"{counted(len(found), 'endpoint')} of its EndpointSlices"
                f" {'has' if len(found) == 1 else 'have'} neither a targetRef to a Pod nor a nodeName: {listed}",
                path="endpoints[*].targetRef",
                instead="ztunnel knows no place of such an endpoint, which is in the last tier for every client; an"
                " Envoy knows the zone of the slice at most",
                fix="write targetRef: {kind: Pod, name: …, namespace: …} and nodeName into each endpoint of the"
                " EndpointSlice; for addresses outside of the cluster write a WorkloadEntry with spec.locality instead",
            )


def _behind(cluster: Cluster, service: Service) -> Iterator[Workload]:
    for backend in service.backends:
        found = cluster.workloads.get(backend.workload)
        if found is not None:
            yield found


def _is_bare(each: Workload) -> bool:
    """Whether it is an endpoint of a slice that names neither a Pod nor a node."""
    # Without a targetRef to a Pod ztunnel is told no place at all (LOC-4a), and the endpoint has a name of its own. If
    # a pod has its address, Envoys take the place and the labels of that pod.
    if each.kind != "EndpointSlice endpoint" or each.absent or each.place.locality.node:
        return False
    return "/" in each.name and (not each.envoy_place.locality.node or bool(each.labels))
