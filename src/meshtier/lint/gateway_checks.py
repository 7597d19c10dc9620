"""Do gateways and networks lead where they seem to? (TOPO)"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from meshtier.lint.family import finding
from meshtier.lint.finding import Finding
from meshtier.lint.place_checks import counted, labels_of, missing_labels
from meshtier.lint.rule import LintRule
from meshtier.lint.survey import Survey
from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.mesh import Cluster, Service
from meshtier.mesh.reachability import Reachability, Viewpoint
from meshtier.mesh.snapshot import PeeringGateway

NETWORK: Final = SCOPE_LABELS[Scope.NETWORK]
CLUSTER: Final = SCOPE_LABELS[Scope.CLUSTER]
SYSTEM: Final = "istio-system"

EAST_WEST: Final = frozenset({"istio-eastwestgateway", "istio-east-west"})
"""What the Service of an east-west gateway is called by Istio's own instructions and charts.

Source: istio/istio samples/multicluster/gen-eastwest-gateway.sh, at 86c9f01.
"""


def _in(cluster: str) -> str:
    return f"cluster {cluster!r}" if cluster else "this cluster"


def network_inconsistent(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """TOPO204: networks that are the same and should not be, or differ and should not."""
    yield from _network_shared(survey, rule)
    for cluster in survey.clusters:
        if cluster.network:
            yield from _network_of_parts(survey, rule, cluster)


def _network_shared(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """A Gateway to a network leads out of a cluster that is in that network itself."""
    by_name = {cluster.name: cluster for cluster in survey.clusters}
    for cluster, gateway in _remote_gateways(survey):
        network, peer = gateway.place.locality.network, by_name.get(gateway.cluster)
        if not network or network != cluster.network or gateway.cluster == cluster.name:
            continue
        sharing = peer if peer is not None and peer.network == network else None
        others = [each.name for each in survey.clusters if each is not cluster and each.network == network]
        if sharing is None and (peer is not None or not others):
            continue
        name = sharing.name if sharing is not None else min(others)
        yield finding(
            survey,
            rule,
            cluster.name,
            str(gateway),
            f"it leads to network {network!r}, which is the network of its own cluster {cluster.name!r} as well as of"
            f" {_in(name)}",
            path=f"metadata.labels[{NETWORK}]",
            instead="what has the client's network is sent to directly, so that the gateway is never used and the"
            " addresses of the other cluster must be reachable from here",
            fix=f"give {_in(name)} a network of its own: the label {NETWORK} of its Namespace {SYSTEM} and of this"
            " Gateway; or remove the Gateway, if the pods of both clusters reach each other",
        )


def _network_of_parts(survey: Survey, rule: LintRule, cluster: Cluster) -> Iterator[Finding]:
    """Labels of pods, Namespaces and gateways that say another network than their cluster."""
    pods: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for pod in cluster.workloads.values():
        said = pod.labels.get(NETWORK) if pod.kind == "Pod" else None
        if said and said != cluster.network:
            pods[pod.namespace, said].append(pod.name)
    saying = [(f"Pod {namespace}/{min(names)}", said, len(names)) for (namespace, said), names in pods.items()]
    saying += [
        (f"Namespace {name}", said, 1)
        for name, namespace in cluster.namespaces.items()
        if name != SYSTEM and (said := namespace.labels.get(NETWORK)) and said != cluster.network
    ]
    saying += [
        (str(gateway), said, 1)
        for gateway in cluster.gateways
        if not gateway.remote and (said := gateway.place.locality.network) and said != cluster.network
    ]
    for title, said, count in saying:
        more = f" ({counted(count, 'pod')} of the namespace alike)" if count > 1 else ""
        yield finding(
            survey,
            rule,
            cluster.name,
            title,
            f"its label {NETWORK} says {said!r}, and Namespace {SYSTEM} of {_in(cluster.name)} says"
            f" {cluster.network!r}{more}",
            path=f"metadata.labels[{NETWORK}]",
            instead=f"Envoys take it to be in network {said!r}, and ztunnels in {cluster.network!r}: the one goes"
            " through a gateway where the other sends directly",
            fix=f"write {NETWORK}: {cluster.network}, or remove the label",
        )


def _remote_gateways(survey: Survey) -> Iterator[tuple[Cluster, PeeringGateway]]:
    for cluster in survey.clusters:
        for gateway in cluster.gateways:
            if gateway.remote:
                yield cluster, gateway


def gateway_no_locality(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """TOPO205: peering Gateways that do not say where their peer is."""
    if not survey.profile.gateway_locality:
        return
    for cluster, gateway in _remote_gateways(survey):
        missing = missing_labels(gateway.place)
        key = (cluster.name, gateway.cluster, gateway.place.locality.network)
        behind = survey.behind_gateways.get(key, 0) if missing else 0
        if behind:
            yield finding(
                survey,
                rule,
                cluster.name,
                str(gateway),
                f"it has no label {labels_of(missing)}, and {counted(behind, 'endpoint')} behind it",
                path="metadata.labels",
                instead="what is behind it has the place of its labels, so that region or zone of these endpoints are"
                " unknown: they are as far as any other network, and no nearer than a farther peer",
                fix=f"write the labels {' and '.join(missing)} of {_peer(gateway)} into metadata.labels of {gateway}",
            )


def _peer(gateway: PeeringGateway) -> str:
    return f"cluster {gateway.cluster!r}" if gateway.cluster else f"network {gateway.place.locality.network!r}"


def gateways_first_only(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """TOPO206: several gateways of one side to one network."""
    clusters = {cluster.name: cluster for cluster in survey.clusters}
    seen: set[tuple[str, ...]] = set()
    for cluster in survey.clusters:
        viewpoint = Viewpoint(
            cluster=cluster.name, envoy=False, gateway_locality=survey.profile.gateway_locality, crosses_networks=True
        )
        reach = Reachability(clusters, viewpoint)
        for peer, network in _far(survey, cluster):
            found = sorted(reach.all_gateways_to(peer, network), key=str)
            key = (found[0].cluster if found and not found[0].remote else cluster.name, *map(str, found))
            if len(found) > 1 and key not in seen:
                seen.add(key)
                yield _of_second(survey, rule, key[0], network, found)


def _far(survey: Survey, cluster: Cluster) -> Iterable[tuple[str, str]]:
    """The clusters and networks to which gateways lead from a cluster."""
    known = [(each.name, each.network) for each in survey.clusters if each is not cluster]
    named = [(each.cluster, each.place.locality.network) for each in cluster.gateways if each.remote]
    return dict.fromkeys(
        (peer, network) for peer, network in (*named, *known) if network and network != cluster.network
    )


def _of_second(survey: Survey, rule: LintRule, cluster: str, network: str, found: Sequence[PeeringGateway]) -> Finding:
    second = found[1]
    return finding(
        survey,
        rule,
        cluster,
        str(second),
        f"{len(found)} gateways lead to network {network!r}: {', '.join(map(str, found))}",
        path=f"metadata.labels[{NETWORK}]",
        instead="a ztunnel is told one of them alone, and sends all traffic of ambient clients there; it goes"
        " to no other if that one fails",
        fix=f"keep one Gateway for network {network!r} with several replicas behind its Service, and remove {second};"
        " or give what is behind it a network of its own",
    )


def gateway_no_address(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """TOPO210: east-west gateways that nobody can reach."""
    instead = "no other cluster learns where to send what is for this one, and its endpoints are in no tier there"
    for cluster in survey.clusters:
        said: set[str] = set()
        for service in cluster.services:
            if service.external == () and _is_east_west(cluster, service):
                said.add(f"{service.namespace}/{service.name}")
                yield finding(
                    survey,
                    rule,
                    cluster.name,
                    str(service),
                    "its status has neither an address nor a host name of a load balancer",
                    path="status.loadBalancer.ingress",
                    instead=instead,
                    fix="let something give out addresses for spec.type: LoadBalancer in this cluster (the cloud's"
                    " controller, MetalLB), or write an address into spec.externalIPs",
                )
        for gateway in cluster.gateways:
            if not gateway.remote and not gateway.ready and f"{gateway.namespace}/{gateway.name}" not in said:
                yield finding(
                    survey,
                    rule,
                    cluster.name,
                    str(gateway),
                    "its status has no address of type IPAddress or Hostname",
                    path="status.addresses",
                    instead=instead,
                    fix="see to it that its Service gets an address: spec.type: LoadBalancer with something that gives"
                    " out addresses, or an address in spec.addresses of the Gateway",
                )


def _is_east_west(cluster: Cluster, service: Service) -> bool:
    if service.kind != "Service":
        return False
    own = any(
        not gateway.remote and (gateway.namespace, gateway.name) == (service.namespace, service.name)
        for gateway in cluster.gateways
    )
    managed = service.labels.get("gateway.istio.io/managed") == "istio.io-eastwest-controller"
    return own or managed or service.name in EAST_WEST or service.labels.get("istio") == "eastwestgateway"


def peer_without_dump(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """TOPO211: peers that the input does not hold."""
    names = {cluster.name for cluster in survey.clusters}
    networks = {cluster.network for cluster in survey.clusters}
    if "" in names:  # which may be the peer
        return
    for cluster, gateway in _remote_gateways(survey):
        network = gateway.place.locality.network
        if gateway.cluster and gateway.cluster not in names:
            label, what = CLUSTER, f"cluster {gateway.cluster!r}"
            name = gateway.cluster
        elif network and network not in networks and not (gateway.cluster and "" in networks):
            label, what = NETWORK, f"network {network!r}"
            name = gateway.cluster or "NAME"
        else:
            continue
        yield finding(
            survey,
            rule,
            cluster.name,
            str(gateway),
            f"it leads to {what}, of which no dump is in the input",
            path=f"metadata.labels[{label}]",
            instead="what lies behind it is known by entries alone, or not at all, so that a host that is well there"
            " can look as if it had no endpoint",
            fix=f"add the dump of that cluster: --cluster {name}=FILE; or correct the label {label} of {gateway}, if"
            " it is misspelt",
        )
