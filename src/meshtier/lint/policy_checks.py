"""Which policies of DestinationRules do not do what they say? Blocks that are out of force, or obeyed by nobody."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from meshtier.component import Component
from meshtier.distribution import TrafficDistribution
from meshtier.lint.family import finding
from meshtier.lint.finding import Finding
from meshtier.lint.policies import Area, Decision, HostPolicies
from meshtier.lint.policy_parts import TOP, Where, is_refused, parts_of, policies_in
from meshtier.lint.rule import LintRule
from meshtier.lint.survey import Survey
from meshtier.mesh import Cluster
from meshtier.precedence import ANNOTATION, Level, Resolution
from meshtier.rules import DestinationRule, LoadBalancer, LocalitySetting, SettingSource, TrafficPolicy
from meshtier.rules.traffic_policy import Algorithm

OUTLIER_FIX: Final = "outlierDetection: {consecutive5xxErrors: 5, baseEjectionTime: 30s, maxEjectionPercent: 100}"


def named(hosts: Iterable[str]) -> str:
    """The hosts as a sentence names them: the first, and how many more."""
    first, *rest = dict.fromkeys(hosts)
    return f"{first} and {len(rest)} more" if rest else first


def text_of(area: Area) -> str:
    """A region, zone and subzone as ``region/zone/subzone``."""
    return "/".join(area).rstrip("/") or "no locality"


def hosts_of(decisions: Iterable[Decision]) -> str:
    """The hosts of decisions as a sentence names them."""
    return named(decision.site.host for decision in decisions)


def implicit_locality(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """Outlier detection alone makes priorities by locality (DR101)."""

    def is_implicit(decision: Decision) -> bool:
        setting = decision.setting
        balancer = decision.part.policy.load_balancer
        is_written = balancer is not None and (balancer.locality or balancer.zone_aware) is not None
        by_mesh = setting.source is SettingSource.MESH_LOCALITY and setting.failover and not is_written
        return by_mesh and len(survey.policies.localities(decision.visible)) > 1

    found = survey.policies.by_field(lambda each: each.part.outlier if is_implicit(each) else None)
    for (cluster, where), decisions in found.items():
        areas = [text_of(area) for area in sorted(survey.policies.localities(decisions[0].visible))]
        yield finding(
            survey,
            rule,
            cluster,
            where.rule.title,
            f"outlierDetection without a locality setting for {hosts_of(decisions)}, whose endpoints are in"
            f" {len(areas)} localities: {', '.join(areas[:4])}",
            path=f"{where.path}.outlierDetection",
            instead="the mesh-wide localityLbSetting is enabled, so that an Envoy sends to its own zone first, then to"
            " its region, then elsewhere",
            fix=f"write {where.path}.loadBalancer.localityLbSetting: {{enabled: false}} to send to all alike, or say"
            " the order there",
        )


def failover_without_outlier(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """Failover that is written and not in force (DR102)."""
    for cluster, each in survey.policies.rules:
        for path, _ in _without_outlier(survey, each):
            yield finding(
                survey,
                rule,
                cluster.name,
                each.title,
                "localityLbSetting without outlierDetection in the same policy",
                path=f"{path}.loadBalancer.localityLbSetting",
                instead="no priorities are made: an Envoy sends to every endpoint alike, wherever it is",
                fix=f"add to {path}: {OUTLIER_FIX}",
            )


def _without_outlier(survey: Survey, rule: DestinationRule) -> Iterator[tuple[str, LocalitySetting]]:
    """Each policy of a rule whose failover is not in force, with its setting."""
    found: dict[str, LocalitySetting] = {}
    for part in parts_of(rule, (rule,)):
        setting = part.locality
        if setting is not None and part.policy.outlier_detection is None and _wants_levels(setting, survey):
            found.setdefault(part.balancer.path, setting)
    yield from found.items()


def _wants_levels(setting: LocalitySetting, survey: Survey) -> bool:
    return setting.enabled is not False and not setting.distribute and not is_refused(setting, survey.profile)


def dr_cancels_distribution(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """A locality setting that puts traffic distribution out of force and nothing in its place (DR103)."""

    def cancels(decision: Decision) -> Where | None:
        setting = decision.part.locality
        if setting is None or not _is_spread(survey, decision):
            return None
        off = setting.enabled is False
        lacking = decision.part.policy.outlier_detection is None and _wants_levels(setting, survey)
        return decision.part.balancer if off or lacking else None

    for (cluster, where), decisions in survey.policies.by_field(cancels).items():
        part = decisions[0].part
        is_off = part.locality is not None and part.locality.enabled is False
        says = "enabled: false" if is_off else "no outlierDetection beside it"
        resolution = decisions[0].route.resolution
        yield finding(
            survey,
            rule,
            cluster,
            where.rule.title,
            f"localityLbSetting with {says} for {hosts_of(decisions)}, which has {resolution.title}"
            f" ({resolution.source})",
            path=part.locality_path,
            instead="at Envoys any localityLbSetting puts traffic distribution out of force; this one puts nothing in"
            " its place, so that endpoints of all places get traffic alike",
            fix=f"remove {part.locality_path}, so that traffic distribution holds"
            + ("" if is_off else f"; or add to {where.path}: {OUTLIER_FIX}"),
        )


def _is_spread(survey: Survey, decision: Decision) -> bool:
    """Whether traffic distribution is set for the host, and would be obeyed by Envoys."""
    resolution = decision.route.resolution
    is_set = resolution.mode is not TrafficDistribution.ANY and not resolution.strict
    return is_set and survey.profile.envoys_obey_distribution


def disabled_splits_dataplanes(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """Locality is off at Envoys and on at ztunnel (DR104)."""

    def is_split(decision: Decision) -> Where | None:
        setting = decision.part.locality
        off = setting is not None and setting.enabled is False and _is_spread(survey, decision)
        return decision.part.balancer if off else None

    for (cluster, where), decisions in survey.policies.by_field(is_split).items():
        resolution = decisions[0].route.resolution
        yield finding(
            survey,
            rule,
            cluster,
            where.rule.title,
            f"localityLbSetting.enabled is false for {hosts_of(decisions)}, which has {resolution.title}"
            f" ({resolution.source})",
            path=f"{where.path}.loadBalancer.localityLbSetting.enabled",
            instead="Envoys (waypoints, gateways, sidecars) send to all places alike, and ztunnel still prefers"
            " the nearest",
            fix=f"remove {where.path}.loadBalancer.localityLbSetting to prefer the nearest everywhere; to prefer it"
            f" nowhere, {_without_spread(resolution)}",
        )


def _without_spread(resolution: Resolution) -> str:
    """What to write so that no data plane prefers the nearest."""
    if resolution.source.level is Level.SERVICE_SPEC:  # which comes before the annotation
        return f"remove {resolution.source.field} of {resolution.source.object}"
    return f"set the annotation {ANNOTATION}: Any on the service"


def dr_ignored_by_ztunnel(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """A policy that only an Envoy obeys, and no Envoy is in the path (DR105)."""
    for cluster, each in survey.policies.rules:
        blocks = _blocks_of(each)
        hosts = survey.policies.held.get((cluster.name, each.title), ()) if blocks else ()
        ignored = [host.site.host for host in hosts if _is_without_envoy(survey, cluster, host)]
        if ignored:
            path, block = blocks[0]
            yield finding(
                survey,
                rule,
                cluster.name,
                each.title,
                f"{block} for {named(ignored)}, which has no waypoint; all of its clients are ambient",
                path=f"{path}.{block}",
                instead="ztunnel reads no DestinationRule: it spreads by traffic distribution alone, without outlier"
                " detection",
                fix="label the Service or its Namespace istio.io/use-waypoint: <Gateway>, and deploy that waypoint; or"
                " use spec.trafficDistribution of the Service",
            )


def _blocks_of(rule: DestinationRule) -> Sequence[tuple[str, str]]:
    """Each block of a rule that chooses among endpoints, by its policy and its name."""
    return [
        (path, name)
        for path, policy in policies_in(rule)
        for name, block in (("loadBalancer", policy.load_balancer), ("outlierDetection", policy.outlier_detection))
        if block is not None
    ]


def _is_without_envoy(survey: Survey, cluster: Cluster, host: HostPolicies) -> bool:
    starts = set(host.starts)
    if host.service.waypoint or starts != {Component.ZTUNNEL}:
        return False
    return not survey.is_controllers(cluster, host.service)


def zone_aware_unsupported(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """Zone awareness where no Envoy in the path can have it (DR112)."""

    def asks(decision: Decision) -> Where | None:
        balancer = decision.part.policy.load_balancer
        setting = balancer.zone_aware if balancer is not None else None
        if setting is None or setting.enabled is False or decision.asker.stands_in:
            return None
        return decision.part.balancer if _why_not_zone_aware(decision) else None

    for (cluster, where), decisions in survey.policies.by_field(asks).items():
        waypoint, *_ = sorted(decisions, key=lambda each: each.asker.component is not Component.WAYPOINT)
        yield finding(
            survey,
            rule,
            cluster,
            where.rule.title,
            f"zoneAwareLbSetting for {hosts_of(decisions)}, where {_why_not_zone_aware(waypoint)}",
            path=f"{where.path}.loadBalancer.zoneAwareLbSetting",
            instead="zones are not evened out",
            fix=f"write {where.path}.loadBalancer.localityLbSetting instead, with outlierDetection beside it"
            if waypoint.asker.component is Component.WAYPOINT
            else 'set ISTIO_META_ENABLE_SELF_DISCOVERY: "true" in meshConfig.defaultConfig.proxyMetadata, or write'
            f" {where.path}.loadBalancer.localityLbSetting instead",
        )


def _why_not_zone_aware(decision: Decision) -> str:
    """Why the Envoy of a decision knows no zone awareness; ``""`` if it does."""
    if decision.asker.component is Component.WAYPOINT:
        return f"the waypoint {decision.route.service.waypoint} chooses, and a waypoint knows no zone awareness"
    if decision.site.cluster.self_discovery:
        return ""
    return "a sidecar chooses, and ISTIO_META_ENABLE_SELF_DISCOVERY is not set for it"


def panic(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """A panic threshold (DR113)."""
    forced = _forced(survey)
    for cluster, each in survey.policies.rules:
        for path, policy in policies_in(each):
            percent = policy.outlier_detection.min_health_percent if policy.outlier_detection is not None else 0
            if not percent:
                continue
            host = forced.get((cluster.name, each.title, path), "")
            yield finding(
                survey,
                rule,
                cluster.name,
                each.title,
                f"minHealthPercent is {percent}" + (f", and {host} has traffic distribution" if host else ""),
                path=f"{path}.outlierDetection.minHealthPercent",
                instead="under traffic distribution the threshold is forced to 0, so that it has no effect"
                if host
                else f"where fewer than {percent} % of the hosts of a priority are healthy, an Envoy sends to all of"
                " them, the failing ones too; and unready endpoints are not sent to it at all",
                fix=f"remove {path}.outlierDetection.minHealthPercent, or set it to 0",
            )


def _forced(survey: Survey) -> dict[tuple[str, str, str], str]:
    """A host under traffic distribution for each policy with a threshold that is forced to 0 there."""
    found: dict[tuple[str, str, str], str] = {}
    for decision in survey.policies.decisions:
        detection, where = decision.part.policy.outlier_detection, decision.part.outlier
        if detection is not None and detection.min_health_percent and not decision.setting.panic_threshold:
            found.setdefault((decision.site.cluster.name, where.rule.title, where.path), decision.site.host)
    return found


def exclusive_blocks(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """Lists that must not stand together (DR117)."""
    for cluster, each in survey.policies.rules:
        for path, policy in policies_in(each):
            setting = policy.load_balancer.locality if policy.load_balancer is not None else None
            if setting is None:
                continue
            refused = is_refused(setting, survey.profile)
            if refused or (setting.distribute and setting.failover):
                where = f"{path}.loadBalancer.localityLbSetting"
                yield finding(
                    survey,
                    rule,
                    cluster.name,
                    each.title,
                    f"{' and '.join(setting.lists)} stand together",
                    path=where,
                    instead="the block is refused and has no effect"
                    if refused
                    else "Istio's validation refuses the object; where that does not run, distribute alone counts",
                    fix=f"keep one of {', '.join(f'{where}.{name}' for name in setting.lists)}",
                )


def port_level_replaces(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """Settings of a port that drop what stands above them (DR122)."""
    for cluster, each in survey.policies.rules:
        top = each.traffic_policy or TrafficPolicy()
        levels = [(TOP, top, top)]
        for number, subset in enumerate(each.subsets):
            if subset.traffic_policy is not None:
                levels.append((f"spec.subsets[{number}].trafficPolicy", subset.traffic_policy, top))
        for base, policy, around in levels:
            for number, part in enumerate(policy.port_level):
                if lost := _lost(policy, around, part.policy):
                    path = f"{base}.portLevelSettings[{number}]"
                    yield finding(
                        survey,
                        rule,
                        cluster.name,
                        each.title,
                        f"the settings of port {part.port} have no {' and no '.join(lost)}, which the policy around"
                        " them has",
                        path=path,
                        instead=f"a port's settings replace that policy and do not extend it: for port {part.port}"
                        f" {' and '.join(lost)} {'are' if len(lost) > 1 else 'is'} at the default",
                        fix=f"repeat {' and '.join(lost)} in {path}",
                    )


def _lost(policy: TrafficPolicy, around: TrafficPolicy, own: TrafficPolicy) -> Sequence[str]:
    """The blocks that the policy has, itself or from the one around it, and the port's settings have not."""
    lost: list[str] = []
    balancer = policy.load_balancer or around.load_balancer
    if own.load_balancer is None and balancer is not None and not _is_as_default(balancer):
        lost.append("loadBalancer")
    if own.outlier_detection is None and (policy.outlier_detection or around.outlier_detection) is not None:
        lost.append("outlierDetection")
    return lost


_EVEN: Final = (Algorithm.ROUND_ROBIN, Algorithm.LEAST_REQUEST)
"""The algorithms that give every endpoint its share."""


def _is_as_default(balancer: LoadBalancer) -> bool:
    """Whether the default does as well: it spreads evenly too, and prefers no place.

    Istio's own samples write so: bookinfo/networking/egress-rule-google-apis.yaml at 86c9f01
    sets ``simple: ROUND_ROBIN`` and only ``tls`` for a port.
    """
    return balancer in (LoadBalancer(), *(LoadBalancer(simple=each) for each in _EVEN))
