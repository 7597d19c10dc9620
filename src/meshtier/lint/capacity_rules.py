"""Can the nearest endpoints bear what comes to them? Rules about where clients and endpoints are, and how many."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final

from meshtier.component import Component
from meshtier.distribution import TrafficDistribution
from meshtier.lint.family import Family, finding
from meshtier.lint.finding import Finding
from meshtier.lint.rule import LintRule, Need
from meshtier.lint.survey import Choice, Site, Survey, listed
from meshtier.locality import Locality, Scope
from meshtier.note import Severity

_MOST: Final = 1.5
"""How many times the mean an endpoint of a zone may get."""

_MORE: Final = "raise spec.replicas of the workload, and spread it by spec.template.spec.topologySpreadConstraints"

_EVERYWHERE: Final = "spread the endpoints by spec.template.spec.topologySpreadConstraints of the workload"
_MORE_ENTRIES: Final = "add to spec.endpoints, or to the workloads that spec.workloadSelector takes"

_Zone = tuple[str, str, str]
"""Network, region and zone."""


def _zone_of(place: Locality) -> _Zone:
    return place[0], place[1], place[2]


def _zone_text(zone: _Zone) -> str:
    return "/".join(part for part in zone[1:] if part) or zone[0] or "an unknown place"


def _texts(zones: Iterable[_Zone]) -> Mapping[_Zone, str]:
    """The text of each zone, with the network where two zones of one name differ by it alone."""
    seen = Counter(map(_zone_text, set(zones)))
    return {
        zone: f"{text} of network {zone[0] or 'without a name'}" if seen[text] > 1 else text
        for zone in zones
        for text in [_zone_text(zone)]
    }


def _zone_skew(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    done: set[str] = set()
    for sites in _by_endpoints(survey):
        clients = _clients_by_zone(sites)
        endpoints = _endpoints_by_zone(sites[0])
        service = min(sites[0].services, key=lambda each: (each.kind != "Service", each.cluster))
        skews = _skews(clients, endpoints)
        key = f"{service.cluster} {service}"
        if not skews or key in done:
            continue
        done.add(key)
        zone, ratio = max(skews.items(), key=lambda item: (item[1], item[0]))
        sent, there = clients[zone] / sum(clients.values()), endpoints[zone] / sum(endpoints.values())
        more = len(skews) - 1
        yield finding(
            survey,
            rule,
            service.cluster,
            str(service),
            f"zone {_zone_text(zone)} has {sent:.0%} of the {'requests' if survey.traffic else 'clients'}"
            f" and {there:.0%} of the endpoints"
            + (f", and {more} more zone{'s' * (more > 1)} too few" if more else ""),
            instead=f"traffic stays in the zone, so that each endpoint there gets {ratio:.1f} times the mean",
            fix=f"run endpoints where the clients are, by spec.template.spec.topologySpreadConstraints of the workload:"
            f" {_wanted(clients, endpoints, zone)} of {sum(endpoints.values())} in zone {_zone_text(zone)};"
            " or set spec.trafficDistribution to spread traffic wider",
        )


def _wanted(clients: Mapping[_Zone, float], endpoints: Mapping[_Zone, int], zone: _Zone) -> int:
    """How many of the endpoints the zone would have if they were spread as the clients are."""
    return max(endpoints[zone] + 1, round(sum(endpoints.values()) * clients[zone] / sum(clients.values())))


def _skews(clients: Mapping[_Zone, float], endpoints: Mapping[_Zone, int]) -> Mapping[_Zone, float]:
    """How many times the mean an endpoint gets, by zone, where that is too much; zones without any spill over."""
    all_clients, all_endpoints = sum(clients.values()), sum(endpoints.values())
    found: dict[_Zone, float] = {}
    for zone, count in endpoints.items():
        ratio = round(clients.get(zone, 0) * all_endpoints / (count * all_clients), 6) if count and all_clients else 0
        if ratio > _MOST:
            found[zone] = ratio
    return found


def _by_endpoints(survey: Survey) -> Iterable[Sequence[Site]]:
    """The sites of each host that share endpoints, where traffic stays in the zone."""
    found: defaultdict[Hashable, list[Site]] = defaultdict(list)
    for site in survey.sites:
        service = site.service
        home = next((each for each in survey.clusters if each.name == service.cluster), site.cluster)
        if not site.any_route.passthrough and not survey.is_controllers(home, service):
            names = frozenset((each.cluster, each.kind, each.namespace, each.name) for each in site.services)
            found[site.host, names].append(site)
    return found.values()


def _clients_by_zone(sites: Iterable[Site]) -> Mapping[_Zone, float]:
    """How much comes from each zone, as those see it who choose by zones."""
    found: defaultdict[_Zone, float] = defaultdict(float)
    for choice in (each for site in sites for each in site.choices):
        if _keeps_zone(choice):
            found[_zone_of(choice.route.place.locality)] += choice.weight * choice.share
    return found


def _keeps_zone(choice: Choice) -> bool:
    route = choice.route
    if route.passthrough or route.resolution.strict:
        return False
    if route.effective_rule.decides:
        return len(route.tiers) > 1
    return route.resolution.obeyed and Scope.ZONE in route.resolution.scopes


def _endpoints_by_zone(site: Site) -> Mapping[_Zone, int]:
    """How many endpoints can serve in each zone that is known, of all clusters that the host joins."""
    clusters = {cluster.name: cluster for cluster in site.survey.clusters}
    found: defaultdict[_Zone, int] = defaultdict(int)
    for service in site.services:
        for backend in service.backends:
            workload = clusters[service.cluster].workloads.get(backend.workload)
            if workload is not None and (backend.health or workload.health).serves and workload.place.locality.zone:
                found[_zone_of(workload.place.locality)] += 1
    return found


def _single(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    for service, sites in survey.written_sites():
        found = [choice for site in sites for choice in site.choices if _has_single(choice)]
        if not found:
            continue
        first = min(found, key=lambda choice: (_place_text(choice), choice.route.holds))
        pods = sum({choice.client.place: choice.pods for choice in found}.values())
        yield finding(
            survey,
            rule,
            service.cluster,
            str(service),
            f"the nearest tier has one ready endpoint for clients at {_places(found)} ({first.route.holds} holds)",
            path=first.route.resolution.source.field,
            instead=f"it gets all traffic of {pods} client pod{'s' * (pods > 1)}, and all of that moves if it fails",
            fix=f"{_MORE if service.kind == 'Service' else _MORE_ENTRIES}, so that each of these places has"
            " two endpoints or more",
        )


def _has_single(choice: Choice) -> bool:
    """Whether one endpoint is preferred to others; one a node is what a mode for nodes is made for."""
    route = choice.route
    resolution = route.resolution
    if route.passthrough or resolution.strict:
        return False
    if not route.effective_rule.decides and (not resolution.obeyed or Scope.NODE in resolution.scopes):
        return False
    tiers = route.tiers
    is_one = bool(tiers) and tiers[0].number == 0 and tiers[0].healthy == 1
    return is_one and any(tier.healthy for tier in tiers[1:])


def _places(choices: Iterable[Choice]) -> str:
    """Where those are who choose, as far as what holds tells places apart."""
    return listed(_place_text(choice) for choice in choices)


def _place_text(choice: Choice) -> str:
    place, scopes = choice.route.place.locality, choice.route.resolution.scopes
    if scopes and not choice.route.effective_rule.decides and scopes[-1] is not Scope.ZONE and place.part(scopes[-1]):
        return f"{scopes[-1].value} {place.part(scopes[-1])}"
    return _zone_text(_zone_of(place))


def _empty_first(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    for service, sites in survey.written_sites():
        found = [choice for site in sites for choice in site.choices if _is_empty(choice)]
        if not found:
            continue
        tiers = [choice.route.tiers[0] for choice in found]
        nearest = min(tiers, key=lambda tier: (tier.number, tier.matched))
        others = sorted({tier.number for tier in tiers} - {nearest.number})
        resolution = found[0].route.resolution
        yield finding(
            survey,
            rule,
            service.cluster,
            str(service),
            f"{resolution.title} holds, and clients at {_places(found)} have no endpoint in the first tier",
            path=resolution.source.field,
            instead=f"their traffic goes to the next tier that has endpoints, P{nearest.number}: {nearest.matched}"
            + (f"; for some of them {', '.join(f'P{number}' for number in others)}" if others else ""),
            fix=f"{_EVERYWHERE if service.kind == 'Service' else _MORE_ENTRIES}, so that each of these places has one;"
            " nothing is to be done where that is meant",
        )


def _is_empty(choice: Choice) -> bool:
    route = choice.route
    held = route.resolution
    if route.passthrough or held.strict or not held.obeyed or route.effective_rule.decides:
        return False
    tiers = route.tiers if held.mode is not TrafficDistribution.ANY else ()
    return bool(tiers) and tiers[0].number > 0


def _waypoint_zones(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    found: defaultdict[tuple[str, str], dict[_Zone, int]] = defaultdict(dict)
    for site in survey.sites:
        for choice in site.choices if site.service.waypoint else ():
            if choice.route.component is Component.WAYPOINT and choice.client.starts_at is not Component.WAYPOINT:
                zone, pods = _zone_of(choice.client.place.locality), found[site.cluster.name, site.service.waypoint]
                pods[zone] = max(pods.get(zone, 0), choice.pods)
    for (cluster, name), clients in found.items():
        replicas = [pod for pod in survey.waypoints[cluster].pods_of(name) if pod.health.serves]
        there = {_zone_of(pod.place.locality) for pod in replicas}
        without = [zone for zone in clients if zone[2] and zone not in there]
        if not replicas or not without:
            continue
        ready = f"{len(replicas)} ready pod{'s are' if len(replicas) > 1 else ' is'}"
        text = _texts([*without, *there])
        yield finding(
            survey,
            rule,
            cluster,
            f"Gateway {name}",
            f"its {ready} in {listed(text[zone] for zone in there)}, and clients in"
            f" {listed(text[zone] for zone in without)} use it",
            instead="their traffic goes to another zone to pass the waypoint, and the endpoint is chosen from there",
            fix="run a pod of the waypoint in each of these zones: spec.template.spec.topologySpreadConstraints over"
            f" topology.kubernetes.io/zone in its Deployment, and spec.replicas of {len(there) + len(without)} or more",
        )


_W: Final = Severity.WARNING

FAMILY: Final = Family(
    letters="CAP",
    title="Capacity",
    rules=(
        LintRule(
            id="CAP301",
            name="zone-skew",
            severity=_W,
            summary="a zone has far more of the clients than of the endpoints",
            rests_on=("TIER-1", "LOAD-1"),
            needs=frozenset({Need.PODS}),
            why="Where traffic stays in the zone, the endpoints of a zone share what its clients send, however many"
            " others there are elsewhere. Replicas are spread evenly, and clients are not: some endpoints are"
            " overloaded and others idle, and an autoscaler that looks at the mean sees neither.",
            help="Spread the endpoints as the clients are, or prefer something wider than the zone. Without measured"
            " traffic every client pod counts alike.",
        ),
        LintRule(
            id="CAP302",
            name="single-endpoint-tier",
            severity=_W,
            summary="all traffic of a place goes to one endpoint, though there are others",
            rests_on=("TIER-1", "LOAD-1"),
            needs=frozenset({Need.PODS}),
            why="A mode or a failover prefers the nearest endpoints, and that is one alone. It gets everything that"
            " the place sends, and the next tier gets everything at once when it fails or is replaced.",
            help="Run at least two ready endpoints in each place that is preferred.",
        ),
        LintRule(
            id="CAP303",
            name="empty-first-tier",
            severity=Severity.INFO,
            summary="clients of some place have no endpoint in the first tier",
            rests_on=("TIER-1", "DR-8"),
            needs=frozenset({Need.PODS}),
            why="A mode promises that traffic stays near, and for clients where no endpoint is it goes further all"
            " the same. That costs time and money which nobody expects, and loads the endpoints elsewhere.",
            help="Run an endpoint there, or take note of it.",
        ),
        LintRule(
            id="CAP304",
            name="waypoint-zones",
            severity=_W,
            summary="a waypoint has no pod in a zone of its clients",
            rests_on=("COMP-1", "LOC-7"),
            needs=frozenset({Need.PODS}),
            why="A waypoint is deployed with one replica, or its replicas are not spread. Clients of other zones send"
            " across zones to pass it, and the waypoint chooses an endpoint near to itself, not to the client.",
            help="Run a pod of the waypoint in each zone that has clients.",
        ),
    ),
    checks={"CAP301": _zone_skew, "CAP302": _single, "CAP303": _empty_first, "CAP304": _waypoint_zones},
)
