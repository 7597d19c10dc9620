"""Does traffic distribution do what is written? The checks of the settings of Services and Namespaces."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import evolve, frozen

from meshtier.component import Component
from meshtier.distribution import MODE_ALIASES, MODE_NAMES, TrafficDistribution
from meshtier.errors import UnknownNameError
from meshtier.lint.family import finding
from meshtier.lint.finding import Finding
from meshtier.lint.rule import LintRule
from meshtier.lint.survey import Choice, Site, Survey, listed
from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.mesh import Cluster, Namespace, Service
from meshtier.note import Severity
from meshtier.precedence import ANNOTATION, Level, Resolution
from meshtier.profile import Profile

SPEC: Final = Level.SERVICE_SPEC.field_path
ANNOTATED: Final = Level.SERVICE_ANNOTATION.field_path
POLICY: Final = Level.INTERNAL_TRAFFIC_POLICY.field_path
_HOSTNAME: Final = SCOPE_LABELS[Scope.NODE]
_WITHOUT_CHOICE: Final = frozenset({"headless", "resolution NONE"})
_ALIASES: Final = frozenset(alias.lower() for alias in MODE_ALIASES)
_BEST: Final = "PreferSameZone"

_FIXED: Final[Mapping[int, int]] = {28: 8, 29: 4, 30: 1}
"""The patch of each minor version of Istio 1 from which on the settings of one Service do not leak to others.

Later minor versions have it from the beginning, earlier ones in no patch. Source: istio/istio issue 60422,
releasenotes/notes/60423.yaml, and ambient/services.go, preferSameZoneLoadBalancer, at the tags of these patches.
"""


@frozen
class _Annotated:
    """An annotation as it stands on an object."""

    cluster: str
    title: str
    value: str
    service: Service | None = None


def _annotations(survey: Survey) -> Iterator[_Annotated]:
    """Every annotation of traffic distribution that is not empty and that the profile reads."""
    for cluster, service in survey.services():
        if service.annotation:
            yield _Annotated(cluster.name, str(service), service.annotation, service)
    if survey.profile.namespace_annotation:
        yield from _of_namespaces(survey)


def _of_namespaces(survey: Survey) -> Iterator[_Annotated]:
    for cluster in survey.clusters:
        for namespace in cluster.namespaces.values():
            if namespace.annotation:
                yield _Annotated(cluster.name, f"Namespace {namespace.name}", namespace.annotation)


def mode_of_annotation(text: str | None, profile: Profile) -> TrafficDistribution | None:
    """The mode that an annotation names; ``None`` if it is absent, empty or unknown to the profile."""
    lower = (text or "").lower()
    any_mode = TrafficDistribution.ANY
    return any_mode if lower == any_mode.value.lower() else profile.annotation_values.get(lower)


def mode_of_spec(service: Service, profile: Profile) -> TrafficDistribution | None:
    """The mode that the field of a Service names; ``None`` if it is absent or not accepted."""
    return profile.spec_values.get(service.traffic_distribution or "")


def _words(profile: Profile) -> list[str]:
    """What the annotation knows, as one writes it; another name of a mode only where the version knows no better."""
    spelled = {mode.value.lower(): mode.value for mode in TrafficDistribution}
    known = [spelled[word] for word in profile.annotation_values if word in spelled] or list(MODE_ALIASES)
    return list(dict.fromkeys((*known, TrafficDistribution.ANY.value)))


def _nearest(value: str, words: Iterable[str]) -> str:
    """The word that was most likely meant."""
    known, word = list(words), value.strip().lower()
    meant = MODE_NAMES.get(word)
    names = {each.lower(): each for each in known}
    same = names.get(word) or names.get(meant.value.lower() if meant is not None else "")
    near = UnknownNameError.among("mode", value, known).nearest
    return same or (near[0] if near else _BEST if _BEST in known else known[0])


def _is_local(service: Service) -> bool:
    return service.internal_traffic_policy == "Local"


def unknown_mode(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD001: the annotation has a value that is no mode."""
    profile = survey.profile
    for each in _annotations(survey):
        if mode_of_annotation(each.value, profile) is not None:
            continue
        what = (
            f"is a mode that profile {profile.name} does not know" if each.value.lower() in MODE_NAMES else "is no mode"
        )
        words = _words(profile)
        yield finding(
            survey,
            rule,
            each.cluster,
            each.title,
            f"the annotation {ANNOTATION} says {each.value!r}, which {what}",
            path=ANNOTATED,
            instead=_instead_of_unknown(each, profile),
            fix=f"set {ANNOTATED} to {_nearest(each.value, words)}; profile {profile.name} knows {', '.join(words)}",
        )


def _instead_of_unknown(each: _Annotated, profile: Profile) -> str:
    service = each.service
    if service is None:
        return "it means Any for every Service of the namespace that sets nothing itself: places play no part"
    if _is_local(service):
        return f"{POLICY}: Local holds; without that, the annotation would mean Any"
    if mode_of_spec(service, profile) is not None:
        return f"{SPEC}: {service.traffic_distribution} holds; without that, the annotation would mean Any"
    return "it means Any: traffic goes to all endpoints alike, wherever they are"


def spec_value(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD002: the field has a value that the profile does not accept there."""
    profile = survey.profile
    for cluster, service in survey.services():
        value = service.traffic_distribution
        if not value or value in profile.spec_values:
            continue
        accepted = ", ".join(profile.spec_values)
        by_annotation = mode_of_annotation(value, profile)
        word = _nearest(value, profile.spec_values)
        fix = f"set {SPEC} to {word}; it accepts {accepted}"
        if by_annotation is not None and by_annotation not in profile.spec_values.values():
            fix = f"remove {SPEC}, and set {ANNOTATED} to {by_annotation.value}"
        elif by_annotation is not None:
            alike = (text for text, mode in profile.spec_values.items() if mode is by_annotation)
            same = {text.lower(): text for text in profile.spec_values}.get(value.lower())
            fix = f"set {SPEC} to {same or next(alike)}, in this case of letters"
        yield finding(
            survey,
            rule,
            cluster.name,
            str(service),
            f"{SPEC} is {value!r}, and profile {profile.name} accepts {accepted} there",
            path=SPEC,
            instead=_what_holds(survey, service),
            fix=fix,
        )


def _what_holds(survey: Survey, service: Service) -> str:
    held = survey.held(service)
    if held is None:
        return "the field is ignored, as if it were absent"
    source = f"the default ({held.title})" if held.source.level is Level.DEFAULT else str(held.source)
    return f"the field is ignored, as if it were absent: {source} holds"


def spec_shadows(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD003: field and annotation say different things."""
    profile = survey.profile
    for cluster, service in survey.services():
        spec = mode_of_spec(service, profile)
        if spec is None or not service.annotation or mode_of_annotation(service.annotation, profile) is spec:
            continue
        spec_text, text = service.traffic_distribution, service.annotation
        yield finding(
            survey,
            rule,
            cluster.name,
            str(service),
            f"{SPEC} is {spec_text}, and the annotation {ANNOTATION} says {text!r}, which is something else",
            path=ANNOTATED,
            instead=f"{spec_text} holds, and the annotation has no effect",
            fix=f"remove {ANNOTATED}; or, if that is meant, remove {SPEC}",
        )


def deprecated(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD004: PreferClose is written."""
    if _BEST.lower() not in survey.profile.annotation_values:
        return  # the version knows no other word
    found = [(each.cluster, each.title, ANNOTATED, each.value) for each in _annotations(survey)]
    found += [
        (cluster.name, str(service), SPEC, service.traffic_distribution or "")
        for cluster, service in survey.services()
        if service.traffic_distribution in MODE_ALIASES
    ]
    for cluster_name, title, path, value in found:
        if value.lower() in _ALIASES:
            yield finding(
                survey,
                rule,
                cluster_name,
                title,
                f"{path} is {value}, the deprecated name of {_BEST}",
                path=path,
                instead=f"it means {_BEST}, as long as the name is known",
                fix=f"set {path} to {_BEST}",
            )


def unknown_blocks(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD005: an unknown value keeps the mode of the Namespace from holding."""
    profile = survey.profile
    if not profile.namespace_annotation:
        return
    for cluster, service in survey.services():
        around = cluster.namespaces.get(service.namespace)
        if around is None or not service.annotation or _is_local(service):
            continue
        is_known = mode_of_annotation(service.annotation, profile) is not None
        if is_known or mode_of_spec(service, profile) is not None or not _sets(around, profile):
            continue
        yield finding(
            survey,
            rule,
            cluster.name,
            str(service),
            f"its annotation {ANNOTATION} says {service.annotation!r}, which is unknown, and Namespace"
            f" {around.name} says {around.annotation!r}",
            path=ANNOTATED,
            instead="the search ends at the unknown value, and the mode is Any; that of the Namespace is not asked for",
            fix=f"remove {ANNOTATED}, so that {around.annotation} of the Namespace holds",
        )


def _sets(namespace: Namespace, profile: Profile) -> bool:
    return mode_of_annotation(namespace.annotation, profile) is not None


def namespace_needs_version(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD006: the profile does not read the annotation of a Namespace."""
    profile = survey.profile
    if profile.namespace_annotation:
        return
    unset = _services_without_setting(survey)
    for each in _of_namespaces(survey):
        names = listed(unset.get((each.cluster, each.title), ()))
        where = f" of {names}" if names else " of each Service that is to have it"
        yield finding(
            survey,
            rule,
            each.cluster,
            each.title,
            f"the annotation {ANNOTATION} says {each.value!r} for the whole namespace",
            path=ANNOTATED,
            instead=f"profile {profile.name} does not read it on a Namespace, and it has no effect",
            fix=f"set {ANNOTATED}{where}, or upgrade to Istio 1.30 or later",
        )


def _services_without_setting(survey: Survey) -> Mapping[tuple[str, str], list[str]]:
    """The Services that set nothing themselves, by cluster and title of their Namespace."""
    found: dict[tuple[str, str], list[str]] = {}
    for cluster, service in survey.services():
        if not service.annotation and not service.traffic_distribution:
            found.setdefault((cluster.name, f"Namespace {service.namespace}"), []).append(str(service))
    return found


def foreign_topology(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD007: an annotation for topology aware hints, which the mesh does not read."""
    for cluster, service in survey.services():
        if not service.hints_annotation:
            continue
        path = f"metadata.annotations[{service.hints_annotation}]"
        held = survey.held(service)
        sets = held is not None and held.source.level is not Level.DEFAULT
        yield finding(
            survey,
            rule,
            cluster.name,
            str(service),
            f"the annotation {service.hints_annotation} asks for topology aware hints{_safeguard(cluster, service)}",
            path=path,
            instead=f"the mesh does not read it: {held.title if held is not None else 'Any'} holds"
            + (f", by {held.source}" if sets and held is not None else ""),
            fix=f"remove {path}" + ("" if sets else f", and set {SPEC} to {_zone_word(survey.profile)}"),
        )


def _zone_word(profile: Profile) -> str:
    return _BEST if _BEST in profile.spec_values else next(iter(profile.spec_values))


def _safeguard(cluster: Cluster, service: Service) -> str:
    """Why Kubernetes itself gives no such hints, as far as the input shows.

    Source: kubernetes/kubernetes staging/src/k8s.io/endpointslice/topologycache/topologycache.go, AddHints.
    """
    zones = {(place.locality.region, place.locality.zone) for place in cluster.nodes.values() if place.locality.zone}
    bare = [name for name, place in cluster.nodes.items() if not place.locality.zone]
    if bare:
        return f"; Kubernetes gives none either, for there are nodes without a zone: {listed(bare)}"
    ready = sum(_serves(cluster, service))
    if ready < len(zones):
        return (
            f"; Kubernetes gives none either, for the ready endpoints ({ready}) are fewer than the zones ({len(zones)})"
        )
    return ""


def _serves(cluster: Cluster, service: Service) -> Iterator[bool]:
    for backend in service.backends:
        workload = cluster.workloads.get(backend.workload)
        health = backend.health or (workload.health if workload is not None else None)
        yield health is not None and health.serves


def shadowed_by_local(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD008: internalTrafficPolicy: Local beside a mode."""
    profile = survey.profile
    for cluster, service in survey.services():
        if not _is_local(service):
            continue
        by_spec = mode_of_spec(service, profile) is not None
        if not by_spec and mode_of_annotation(service.annotation, profile) is None:
            continue
        path, value = (SPEC, service.traffic_distribution) if by_spec else (ANNOTATED, service.annotation)
        yield finding(
            survey,
            rule,
            cluster.name,
            str(service),
            f"{POLICY} is Local, and {path} is {value}",
            path=path,
            instead="Local holds: endpoints of the client's node alone get traffic, and without one it is dropped;"
            f" {value} has no effect",
            fix=f"remove {POLICY}, so that {value} holds; or remove {path}",
        )


def not_ready_published(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD009: endpoints that are not ready are published beside a mode."""
    leaks = _leaks(survey.profile)
    for service, sites in survey.written_sites():
        if not service.publish_not_ready:
            continue
        held = next(filter(_prefers, (site.any_route.resolution for site in sites)), None)
        if held is None or (service.passthrough and not leaks):
            continue
        instead = "endpoints that are not ready count as healthy, so that traffic stays with one that is near"
        fix = f"set spec.publishNotReadyAddresses to false; or remove {_where(held) or 'the scope of the Service'}"
        if leaks:
            instead += "; in this version every other Service of the same mode is treated so as well (istio#60422)"
            fix += f"; or upgrade to {_repaired_in(survey.profile)}"
        made = finding(
            survey,
            rule,
            service.cluster,
            str(service),
            f"spec.publishNotReadyAddresses is true, and {held.title} holds by {held.source}",
            path="spec.publishNotReadyAddresses",
            instead=instead,
            fix=fix,
        )
        yield evolve(made, severity=Severity.ERROR) if leaks else made


def _where(held: Resolution) -> str:
    """The field that sets the mode, with the object where that is another than the Service; ``""`` for the default."""
    source = held.source
    return f"{source.field} of {source.object}" if source.level is Level.NAMESPACE_ANNOTATION else source.field


def _prefers(held: Resolution) -> bool:
    return held.mode is not TrafficDistribution.ANY and not held.strict


def _release(profile: Profile) -> tuple[int, int] | None:
    """Minor version and patch of Istio 1; a version without a patch is its first."""
    found = re.fullmatch(r"istio-1\.(\d+)(?:\.(\d+))?", profile.name)
    return (int(found[1]), int(found[2] or 0)) if found else None


def _leaks(profile: Profile) -> bool:
    release = _release(profile)
    if release is None:
        return False
    minor, patch = release
    return minor < min(_FIXED) or patch < _FIXED.get(minor, 0)


def _repaired_in(profile: Profile) -> str:
    release = _release(profile)
    minor = max(release[0], min(_FIXED)) if release else max(_FIXED)
    return f"Istio 1.{minor}.{_FIXED[minor]}"


def passthrough(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD010: a mode where nothing is chosen."""
    profile = survey.profile
    for cluster, service in survey.services():
        if service.passthrough not in _WITHOUT_CHOICE:
            continue
        by_spec = mode_of_spec(service, profile)
        mode = by_spec or mode_of_annotation(service.annotation, profile)
        if mode in (None, TrafficDistribution.ANY):
            continue
        path, value = (SPEC, service.traffic_distribution) if by_spec else (ANNOTATED, service.annotation)
        is_service = service.kind == "Service"
        what = "is headless" if is_service else "has resolution NONE"
        field = "spec.clusterIP" if is_service else "spec.resolution"
        other = "give clients another Service that is not headless" if is_service else f"set {field} to STATIC or DNS"
        yield finding(
            survey,
            rule,
            cluster.name,
            str(service),
            f"{path} is {value}, and the {service.kind} {what} ({field})",
            path=path,
            instead="the client picks an address itself, and the proxy goes there; tiers do not apply",
            fix=f"remove {path}; or {other}",
        )


def clusters_disagree(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD011: one host has different modes in different clusters."""
    by_name = {(site.cluster.name, site.host): site for site in survey.sites}
    done: set[tuple[str, str]] = set()
    for site in sorted(survey.sites, key=lambda each: (each.host, each.cluster.name)):
        if not site.any_route.visible.binding.spans_clusters:
            continue
        joined = {service.cluster for service in site.services if service.kind == "Service"}
        found = [by_name[name, site.host] for name in sorted(joined) if (name, site.host) in by_name]
        own = [each for each in found if each.service.cluster == each.cluster.name]
        titles = [each.any_route.resolution.title for each in own]
        if len(set(titles)) < 2:
            continue
        # What most clusters have is taken for what is meant, and of several the first by name.
        most = max(dict.fromkeys(titles), key=titles.count)
        for each, title in zip(own, titles, strict=True):
            key = (each.cluster.name, str(each.service))
            if title != most and key not in done:
                done.add(key)
                yield _differing(survey, rule, each, own[titles.index(most)])


def _differing(survey: Survey, rule: LintRule, site: Site, other: Site) -> Finding:
    here, there = site.any_route.resolution, other.any_route.resolution
    path = here.source.field or there.source.field
    if there.source.field:
        fix = f"set {there.source.field} to {there.source.value}, as in cluster {other.cluster.name!r}"
        if here.source.level.field_path not in ("", there.source.field):
            fix += f", and remove {here.source.field}"
    else:
        fix = f"remove {here.source.field}, as in cluster {other.cluster.name!r}"
    return finding(
        survey,
        rule,
        site.cluster.name,
        str(site.service),
        f"{here.title} holds for {site.host} in cluster {site.cluster.name!r}, and {there.title} in cluster"
        f" {other.cluster.name!r}",
        path=path,
        instead="clients of each cluster go by what their own cluster says, though they share the endpoints",
        fix=fix,
    )


def node_uncovered(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD012: PreferSameNode, and nodes with clients lack an endpoint."""
    for service, sites in survey.written_sites():
        held = [site for site in sites if _by_node(site)]
        nodes = {name for site in held for name in _uncovered(site)}
        bare = [name for site in held for name in _without_node(site)]
        if not nodes and not bare:
            continue
        if bare:
            message = (
                f"PreferSameNode holds, and no endpoint has a known node: {listed(bare)} without the label {_HOSTNAME}"
            )
            fix = f"set metadata.labels[{_HOSTNAME}] of each WorkloadEntry to the name of its node"
        else:
            message = f"PreferSameNode holds, and clients run on nodes without an endpoint: {listed(nodes)}"
            fix = "run an endpoint on each node that has clients, as a DaemonSet does"
        field = held[0].any_route.resolution.source.field
        yield finding(
            survey,
            rule,
            service.cluster,
            str(service),
            message,
            path=field,
            instead="the first tier of these clients is empty, and their traffic goes further, to other nodes",
            fix=f"{fix}; or set {_where(held[0].any_route.resolution)} to {_zone_word(survey.profile)}",
        )


def _by_node(site: Site) -> bool:
    route = site.any_route
    held = route.resolution
    return held.mode is TrafficDistribution.PREFER_SAME_NODE and not held.strict and not route.passthrough


def _uncovered(site: Site) -> Iterator[str]:
    """The nodes with clients that have no endpoint beside them."""
    available = site.any_route.visible.available.values()
    # At ztunnel an entry has no node in any case (LOC-4); its label counts at Envoys, and as the intention.
    covered = {each.workload.envoy_place.locality.node for each in available} | {
        each.place.locality.node for each in available
    }
    for choice in site.choices if available else ():
        node = choice.route.place.locality.node
        if node and node not in covered and not choice.route.effective_rule.decides and not _first_ready(choice):
            yield node


def _without_node(site: Site) -> list[str]:
    """The endpoints where all of them are entries of which no node is known."""
    found = [each.workload for each in site.any_route.visible.available.values()]
    if any(each.kind == "Pod" or each.envoy_place.locality.node for each in found):
        return []
    return [str(each) for each in found]


def _first_ready(choice: Choice) -> int:
    """How many endpoints of the nearest tier can serve."""
    tiers = choice.route.tiers
    return tiers[0].healthy if tiers and tiers[0].number == 0 else 0


def local_uncovered(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    """TD014: Local, and nodes with clients lack a ready endpoint."""
    for service, sites in survey.written_sites():
        without = [choice for site in sites if _keeps_local(site) for choice in site.choices if _drops(choice)]
        if not without:
            continue
        who = "waypoint" if all(each.route.component is Component.WAYPOINT for each in without) else "client"
        nodes = listed(each.route.place.locality.node for each in without)
        yield finding(
            survey,
            rule,
            service.cluster,
            str(service),
            f"{POLICY} is Local, and {who} pods run on nodes without a ready endpoint: {nodes}",
            path=POLICY,
            instead="their traffic is dropped: Local knows no failover",
            fix=f"set {POLICY} to Cluster and {SPEC} to {_node_word(survey.profile)};"
            " or run an endpoint on each of these nodes, as a DaemonSet does",
        )


def _keeps_local(site: Site) -> bool:
    route = site.any_route
    return route.resolution.source.level is Level.INTERNAL_TRAFFIC_POLICY and not route.passthrough


def _drops(choice: Choice) -> bool:
    route = choice.route
    return bool(route.place.locality.node) and not any(tier.healthy for tier in route.tiers)


def _node_word(profile: Profile) -> str:
    word = TrafficDistribution.PREFER_SAME_NODE.value
    return word if word in profile.spec_values else _zone_word(profile)
