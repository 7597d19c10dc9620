"""What changes with the version, or with the data plane? (VER)"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from attrs import frozen

from meshtier.component import Component
from meshtier.distribution import TrafficDistribution
from meshtier.errors import MeshError
from meshtier.lint.family import Family, finding
from meshtier.lint.finding import Finding
from meshtier.lint.rule import LintRule, Need
from meshtier.lint.survey import Site, Survey
from meshtier.mesh import Client, Cluster, Route
from meshtier.mesh.clients import client_of
from meshtier.mesh.outcome import Outcome
from meshtier.mesh.routing import is_foreign
from meshtier.mesh.service_endpoint import ServiceEndpoint, is_announcement
from meshtier.note import Severity
from meshtier.precedence import ANNOTATION
from meshtier.profile import Profile

Order = tuple[frozenset[str], ...]
"""Which endpoints are chosen among first, which then, and so on; those of other networks each for itself."""

_MOST: Final = 3
"""How many endpoints of a tier a message names."""


@frozen
class Change:
    """What two profiles make of one host for one client.

    Attributes:
        site: The host.
        client: The first client for whom it differs.
        before: The order under the profile.
        after: The order under the one to compare with.
    """

    site: Site
    client: Client
    before: Order
    after: Order


def _is_upgrade(survey: Survey) -> bool:
    """Whether both profiles are of one family: Solo's, or Istio's."""
    other = survey.profile_to
    return other is not None and other.global_services is survey.profile.global_services


def _upgrade_changes_tiers(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    if _is_upgrade(survey):
        instead = "the upgrade changes where traffic goes, without a change of any object"
        yield from (_changed(survey, rule, each, instead) for each in _changes(survey))


def _dataplanes_disagree(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    if not _is_upgrade(survey):
        instead = "the same objects send traffic elsewhere under the one than under the other"
        yield from (_changed(survey, rule, each, instead) for each in _changes(survey))


def _changes(survey: Survey) -> Iterator[Change]:
    """The first change of each object, in the order of hosts."""
    other = survey.profile_to
    seen: set[tuple[str, str]] = set()
    for site in sorted(survey.sites, key=lambda site: (site.host, site.cluster.name)):
        key = (site.service.cluster, str(site.service))
        binding = site.any_route.visible.binding
        if other is None or key in seen or is_foreign(binding, survey.profile) or is_foreign(binding, other):
            continue
        change = _first_change(site, other)
        if change is not None:
            seen.add(key)
            yield change


def _clients(site: Site) -> Sequence[Client]:
    """The clients of a site in an order of their own."""
    return sorted(site.clients, key=lambda client: (client.place.locality, client.name))


def _first_change(site: Site, other: Profile) -> Change | None:
    """The first client of a site for whom the order differs, if there is one."""
    compared: set[tuple[Outcome, Outcome]] = set()
    for client in _clients(site):
        was, later = _deciding(site.route(client, None)), site.route_under(client, other)
        will = _deciding(later) if later is not None else None
        if will is None or _is_same(was, will) or (was.outcome, will.outcome) in compared:
            continue
        compared.add((was.outcome, will.outcome))  # which clients that compare alike share: 12 s become 8 s
        before, after = _order(was), _order(will)
        if before != after:
            return Change(site, client, before, after)
    return None


def _deciding(route: Route) -> Route:
    """The choice of the endpoint: that of the waypoint's pod that gets most; of equal ones the first by name."""
    pods = route.waypoint_hops
    return min(pods, key=lambda hop: (-round(hop.share, 9), hop.by)).route if pods else route


def _is_same(was: Route, will: Route) -> bool:
    """Whether no order can differ, as is cheaply seen: the same endpoints, compared in the same way."""
    if was.passthrough and will.passthrough:
        return True
    if was.visible is not will.visible or was.effective_rule.decides or will.effective_rule.decides:
        return False
    mine, theirs = was.resolution.preference, will.resolution.preference
    one_network = was.visible.networks <= {was.deciding.place.locality.network}
    return mine == theirs or (one_network and (mine.scopes, mine.strict) == (theirs.scopes, theirs.strict))


def _order(route: Route) -> Order:
    if route.passthrough:
        return (frozenset({route.passthrough}),)
    far = route.visible.network_endpoints
    tiers: list[frozenset[str]] = []
    for tier in route.tiers:
        names = frozenset(
            name
            for endpoint in tier.endpoints
            if endpoint.health.serves
            for name in (_behind(far[endpoint.id]) if endpoint.id in far else (endpoint.id,))
        )
        if names:
            tiers.append(names)
    return tuple(tiers)


def _behind(far: ServiceEndpoint) -> Sequence[str]:
    """What a network endpoint stands for: the healthy endpoints, or the entry that announces them."""
    ready = [each for each in far.behind if each.endpoint.health.serves]
    own = [each for each in ready if not is_announcement(each.workload)]
    return [each.endpoint.id for each in own or ready]


def _changed(survey: Survey, rule: LintRule, change: Change, instead: str) -> Finding:
    other = survey.profile_to or survey.profile
    site, client = change.site, change.client
    service, was = site.service, site.route(client, None).resolution
    path = was.source.level.field_path or f"metadata.annotations[{ANNOTATION}]"
    return finding(
        survey,
        rule,
        service.cluster,
        str(service),
        f"for {client.name} the order of the endpoints of {site.host} is {_said(change.before)} under"
        f" {survey.profile.name}, and {_said(change.after)} under {other.name}",
        path=path,
        instead=instead,
        fix=_remedy(survey.profile, other, path),
    )


def _remedy(profile: Profile, other: Profile, path: str) -> str:
    modes = [mode for mode in TrafficDistribution if mode is not TrafficDistribution.ANY]
    same = [mode.value for mode in modes if _means_the_same(mode, profile, other)]
    write = f"write a mode that means the same under both ({', '.join(same)}) into {path}" if same else f"remove {path}"
    both = f"--profile {profile.name} and --profile {other.name}"
    return f"compare `meshtier explain` with {both}; if the other order will not do, {write}"


def _means_the_same(mode: TrafficDistribution, profile: Profile, other: Profile) -> bool:
    scopes = profile.scopes(mode)
    known = all(mode in each.annotation_values.values() for each in (profile, other))
    alike = profile.cross_network is other.cross_network or len(scopes) < 2
    return known and alike and scopes == other.scopes(mode)


def _said(order: Order) -> str:
    """An order as a sentence has it."""
    return " then ".join(_tier_said(sorted(tier)) for tier in order) or "no endpoint at all"


def _tier_said(names: Sequence[str]) -> str:
    rest = f", … ({len(names)})" if len(names) > _MOST else ""
    return f"[{', '.join(names[:_MOST])}{rest}]"


def _ingress_remote(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    profile = survey.profile
    # The change of istio/istio issue 58804 came with 1.30, as did the annotation of Namespaces.
    if profile.global_services or profile.namespace_annotation:
        return
    for cluster in survey.clusters:
        found: dict[tuple[str, str], tuple[str, Sequence[str]]] = {}
        for route in _from_ingress(survey, cluster):
            networks = _remote_alone(route)
            key = (route.service.cluster, str(route.service))
            if networks and (key not in found or route.host in route.service.hosts):  # its own name before a global one
                found[key] = (route.host, networks)
        for (owner, title), (host, networks) in found.items():
            yield finding(
                survey,
                rule,
                owner,
                title,
                f"every healthy endpoint of {host} is in another network than the ingress gateway of"
                f" {f'cluster {cluster.name!r}' if cluster.name else 'the cluster'}: {', '.join(networks)}",
                instead="in ambient mode an ingress gateway sends to other networks only with"
                f" {profile.ingress_needs or 'a later version'}; without it requests fail with 503",
                fix="run an endpoint of the Service in the network of the gateway, or upgrade to istio-1.30 and set"
                " AMBIENT_ENABLE_MULTI_NETWORK_INGRESS=true in the environment of istiod (values.pilot.env)",
            )


def _from_ingress(survey: Survey, cluster: Cluster) -> Iterator[Route]:
    """The answers of an ingress gateway of a cluster, one for each host; none if there is no gateway."""
    gateway, ingress, profile = _ingress_of(cluster), Component.INGRESS_GATEWAY, survey.profile
    if gateway is not None:
        for host in survey.mesh.hosts(cluster.name, component=ingress, profile=profile):
            with suppress(MeshError):  # a ServiceEntry can hold a host that nobody can ask for, as one with a port
                yield survey.mesh.route(gateway, host, component=ingress, profile=profile, cluster=cluster.name)


def _ingress_of(cluster: Cluster) -> Client | None:
    pods = (pod for pod in cluster.workloads.values() if pod.proxy is Component.INGRESS_GATEWAY)
    first = min(pods, key=lambda pod: (pod.namespace, pod.name), default=None)
    return None if first is None else client_of(first)


def _remote_alone(route: Route) -> Sequence[str]:
    """The networks of the healthy endpoints, if none of them is in the client's own."""
    known = (*route.visible.single, *(each for each, _ in route.visible.left_out))
    found = {each.place.locality.network for each in known if each.endpoint.health.serves and not each.workload.absent}
    return () if route.place.locality.network in found else sorted(found)


FAMILY: Final = Family(
    letters="VER",
    title="versions and data planes",
    rules=(
        LintRule(
            id="VER401",
            name="upgrade-changes-tiers",
            severity=Severity.INFO,
            summary="under the version to come the endpoints of a service are in another order for some client",
            rests_on=("TIER-2", "TIER-3", "TIER-4", "MODE-2"),
            needs=frozenset({Need.OTHER_PROFILE}),
            why="Versions read the same objects differently: from istio-1.31 on other networks keep an order among"
            " themselves, and before istio-1.27 a mode of zones compared subzones as well. Neither the upgrade nor a"
            " log says so. Both profiles are of one family; where tiers are only numbered anew, nothing is said.",
            help="Look at the services that are named before the upgrade, and set a mode that means the same under"
            " both versions where the order matters.",
        ),
        LintRule(
            id="VER402",
            name="dataplanes-disagree",
            severity=Severity.WARNING,
            summary="two products make different tiers of one service",
            rests_on=("MODE-2", "COMP-3", "LOC-3"),
            needs=frozenset({Need.OTHER_PROFILE}),
            why="Solo's builds and Istio's read other words and labels: what is a global service with its gateway's"
            " region for the one is a service of one cluster, or an endpoint of unknown region, for the other.",
            help="Use the modes and labels that both know for services that must behave alike under both.",
        ),
        LintRule(
            id="VER403",
            name="ingress-remote",
            severity=Severity.INFO,
            summary="an ingress gateway has only endpoints of other networks, to which its version does not send",
            rests_on=("PATH-3",),
            needs=frozenset({Need.PODS}),
            why="Up to istio-1.29 an ingress gateway in ambient multi-network leaves out what is behind the gateways of"
            " other networks, so that requests for a host without an endpoint of its own network fail.",
            help="Keep an endpoint in the network of the gateway, or upgrade and set the flag.",
        ),
    ),
    checks={"VER401": _upgrade_changes_tiers, "VER402": _dataplanes_disagree, "VER403": _ingress_remote},
)
