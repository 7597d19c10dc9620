"""Do the clusters of a mesh agree on what spans them? Rules about services of several clusters."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from meshtier.lint.family import Family, finding
from meshtier.lint.finding import Finding
from meshtier.lint.rule import LintRule, Need
from meshtier.lint.survey import Survey, listed
from meshtier.mesh import Cluster, Service
from meshtier.note import Severity

_SOLO_LABEL: Final = "solo.io/service-scope"
_ISTIO_LABEL: Final = "istio.io/global"


def _namesakes(survey: Survey) -> Iterator[Mapping[str, Service]]:
    """The Services of one namespace and name that could answer to one host, by cluster, in the order of the names."""
    found: defaultdict[tuple[str, str, str], dict[str, Service]] = defaultdict(dict)
    for cluster in sorted(survey.clusters, key=lambda each: each.name):
        # Endpoints of another segment never belong to a host; Istio knows no segments.
        segment = cluster.segment if survey.profile.global_services else ""
        for service in cluster.services:
            if service.kind == "Service" and not survey.is_controllers(cluster, service):
                found[segment, service.namespace, service.name][cluster.name] = service
    return iter(found.values())


def _is_global(survey: Survey, service: Service) -> bool:
    return service.is_global if survey.profile.global_services else service.istio_global


def _scope_text(survey: Survey, service: Service) -> str:
    if survey.profile.global_services:
        return service.scope.value
    return "global" if service.istio_global else "not global"


def _scope_differs(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    for services in _namesakes(survey):
        texts = {name: _scope_text(survey, service) for name, service in services.items()}
        if len(set(texts.values())) < 2:
            continue
        said = list(texts.values())
        globals_ = [texts[name] for name, service in services.items() if _is_global(survey, service)]
        # What is global somewhere is meant to be so; among several scopes the most frequent one.
        meant = max(dict.fromkeys(globals_), key=said.count)
        example = next(services[name] for name, text in texts.items() if text == meant)
        label, value = _label_of(survey, example)
        for name, service in services.items():
            if texts[name] != meant:
                others = listed(repr(other) for other, text in texts.items() if text == meant)
                yield finding(
                    survey,
                    rule,
                    name,
                    str(service),
                    f"its scope is {texts[name]} in cluster {name!r}, and {meant} in {others}",
                    path=f"metadata.labels[{label}]",
                    instead=_apart(survey, service, name),
                    fix=f"set metadata.labels[{label}] to {value} in cluster {name!r}" + _and_drop(service, label),
                )


def _label_of(survey: Survey, service: Service) -> tuple[str, str]:
    """The label, and its value, by which a global Service says that it is one."""
    if not survey.profile.global_services or service.scope_origin.endswith(_ISTIO_LABEL):
        return _ISTIO_LABEL, "true"
    return _SOLO_LABEL, service.scope.value


def _and_drop(service: Service, label: str) -> str:
    is_other = service.scope_origin.endswith(_SOLO_LABEL) and label != _SOLO_LABEL
    return f", and remove metadata.labels[{_SOLO_LABEL}]" if is_other else ""


def _apart(survey: Survey, service: Service, name: str) -> str:
    if _is_global(survey, service):
        return "each cluster goes by its own scope, and the host has not the same endpoints everywhere"
    if survey.profile.global_services:
        return f"the global host has no endpoint of cluster {name!r}"
    return f"clients in cluster {name!r} reach the endpoints of their own cluster alone"


def _no_local_service(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    if survey.profile.global_services:
        return
    lacking: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    having: dict[tuple[str, str], Service] = {}
    for site in survey.sites:
        service = site.service
        is_remote = service.kind == "Service" and all(each.cluster != site.cluster.name for each in site.services)
        if not is_remote or not any(each.istio_global for each in site.services):
            continue
        key = (service.namespace, service.name)
        lacking[key].add(site.cluster.name)
        candidates = [each for each in site.services if each.istio_global]
        having[key] = min(candidates, key=lambda each: each.cluster)
    for key, names in lacking.items():
        service = having[key]
        where = listed(map(repr, names))
        yield finding(
            survey,
            rule,
            service.cluster,
            str(service),
            f"it is global, and there is no Service {service.namespace}/{service.name} in cluster {where}",
            path=f"metadata.labels[{_ISTIO_LABEL}]",
            instead=f"its name means nothing to the DNS of cluster {where}, and clients there do not reach it",
            fix=f'create Service {service.namespace}/{service.name} with the label {_ISTIO_LABEL}: "true" in cluster'
            f" {where}; it needs no endpoint there",
        )


def _waypoint_scope(survey: Survey, rule: LintRule) -> Iterable[Finding]:
    clusters = {cluster.name: cluster for cluster in survey.clusters}
    own = {
        name: {(each.namespace, each.name): each for each in cluster.services if each.kind == "Service"}
        for name, cluster in clusters.items()
    }
    for services in _namesakes(survey):
        solo = survey.profile.global_services  # there what is not global does not belong to the host
        joined = [name for name, each in services.items() if each.is_global or not solo]
        named = [name for name in joined if services[name].waypoint and _is_global(survey, services[name])]
        if not named:
            continue
        name, service = named[0], services[named[0]]
        key = _key_of(service.waypoint)
        missing = [other for other in joined if key not in own[other]]
        apart = [other for other in joined if service.istio_global and _is_apart(own[other].get(key))]
        if missing or apart:
            yield _about_waypoint(survey, rule, clusters[name], service, missing, apart)


def _key_of(waypoint: str) -> tuple[str, str]:
    namespace, _, name = waypoint.rpartition("/")
    return namespace, name


def _is_apart(waypoint: Service | None) -> bool:
    """Whether a waypoint's Service is there and not global by Istio's label, as ambient multi-network wants it."""
    return waypoint is not None and not waypoint.istio_global


def _about_waypoint(
    survey: Survey, rule: LintRule, cluster: Cluster, service: Service, missing: Sequence[str], apart: Sequence[str]
) -> Finding:
    found: list[str] = []
    fixes: list[str] = []
    if missing:
        found.append(f"has no Service in cluster {listed(map(repr, missing))}")
        fixes.append(f"create the waypoint {service.waypoint} in cluster {listed(map(repr, missing))}")
    if apart:
        found.append(f"is not global in cluster {listed(map(repr, apart))}")
        fixes.append(
            f'set metadata.labels[{_ISTIO_LABEL}] to "true" on Gateway and Service {service.waypoint} in cluster'
            f" {listed(map(repr, apart))}"
        )
    return finding(
        survey,
        rule,
        cluster.name,
        str(service),
        f"it is global, and its waypoint {service.waypoint} {' and '.join(found)}",
        path="metadata.labels[istio.io/use-waypoint]",
        instead="traffic from other clusters goes past the waypoint, or is refused, and its policies do not hold there",
        fix="; ".join(fixes),
    )


_E: Final = Severity.ERROR
_CLUSTERS: Final = frozenset({Need.CLUSTERS})

FAMILY: Final = Family(
    letters="MC",
    title="Several clusters",
    rules=(
        LintRule(
            id="MC601",
            name="scope-differs",
            severity=_E,
            summary="a Service is global in one cluster and not in another",
            rests_on=("COMP-3",),
            needs=_CLUSTERS,
            why="The label that makes a Service global is written once in each cluster, and is forgotten in one, or"
            " differs there. The endpoints of that cluster then do not belong to the host, or its clients do not get"
            " the others.",
            help="Write the same label in every cluster. Two Services that only have their name in common, and of"
            " which none is global, are no mistake.",
        ),
        LintRule(
            id="MC602",
            name="no-local-service",
            severity=_E,
            summary="a global Service is in other clusters alone",
            rests_on=("COMP-3",),
            needs=_CLUSTERS,
            why="In Istio's ambient multi-network a client resolves the local name by the DNS of its own cluster,"
            " which knows the Services of that cluster alone. The proxies there know the host, and yet no client gets"
            " so far.",
            help="Create the Service in every cluster that has clients. It may have no endpoint there.",
        ),
        LintRule(
            id="MC603",
            name="waypoint-scope",
            severity=_E,
            summary="the waypoint of a global Service is not global, or is missing in a cluster",
            rests_on=("WP-2", "COMP-3", "NET-5"),
            needs=_CLUSTERS,
            why="A global Service names a waypoint, and what comes from another cluster should pass it as well. Istio"
            " lets that happen only where the waypoint's own Service is global too; and where a cluster has no such"
            " waypoint, there is nothing to pass.",
            help="Create the waypoint in every cluster, and give it the label istio.io/global where Istio's own label"
            " makes the Service global.",
        ),
    ),
    checks={"MC601": _scope_differs, "MC602": _no_local_service, "MC603": _waypoint_scope},
)
