"""Where do DestinationRules spread traffic otherwise than was meant? Shares, ejections, hashes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from meshtier.endpoint import Reason
from meshtier.lint.family import finding
from meshtier.lint.finding import Finding
from meshtier.lint.policies import Area, Decision
from meshtier.lint.policy_checks import hosts_of, text_of
from meshtier.lint.policy_parts import Where
from meshtier.lint.rule import LintRule
from meshtier.lint.survey import Survey
from meshtier.rules import Distribute, OutlierLimits, SettingSource, matches_place, matching_rule


def distribute_omits(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """Endpoints that the shares of some client leave out (DR106)."""
    for (cluster, where), decisions in survey.policies.by_field(_distributes).items():
        left_out: dict[tuple[int, bool], list[tuple[Decision, Mapping[Area, int]]]] = {}
        for decision in decisions:
            if not decision.asker.has_place:
                continue
            number, areas = _left_out(decision)
            for is_empty in (False, True):
                if some := {area: count for area, count in areas.items() if any(area) is not is_empty}:
                    left_out.setdefault((number, is_empty), []).append((decision, some))
        for (number, is_empty), found in left_out.items():
            first, areas = found[0]
            base = f"{first.part.locality_path}.distribute[{number}]"
            yield finding(
                survey,
                rule,
                cluster,
                where.rule.title,
                _omitted(first, areas, is_empty=is_empty),
                path=f"{base}.to",
                instead="an Envoy gets no endpoint of a place that no key of `to` matches; where only those are left,"
                " requests fail",
                fix="give these endpoints a region and a zone: the labels topology.kubernetes.io/region and /zone of"
                f" their nodes, spec.locality of an entry; or add the key '*' to {base}.to"
                if is_empty
                else f"add {', '.join(repr(text_of(area)) for area in areas)} to {base}.to, or a key '*'",
            )


def _omitted(decision: Decision, areas: Mapping[Area, int], *, is_empty: bool) -> str:
    count, places = sum(areas.values()), ", ".join(text_of(area) for area in areas)
    of_host = f"{count} endpoint{'s' * (count > 1)} of {decision.site.host}"
    who = f"`to` for clients in {text_of(decision.here)}"
    where = "without a locality" if is_empty else f"in {places}"
    return f"{of_host} {where} {'match' if count > 1 else 'matches'} no key of {who}"


def _distributes(decision: Decision) -> Where | None:
    return decision.part.balancer if decision.setting.distribute else None


def _left_out(decision: Decision) -> tuple[int, Mapping[Area, int]]:
    """The number of the rule for the client, and how many endpoints of each place that leaves out."""
    rules = decision.setting.distribute
    held = matching_rule(rules, decision.here)
    if held is None:
        return 0, {}
    grouped = decision.visible.grouped_at
    out = (
        exclusion.endpoint
        for exclusion in decision.route.selection.excluded
        if exclusion.reason is Reason.NO_DISTRIBUTE_MATCH
    )
    places = (grouped.get(each.id, each.locality) for each in out)
    return rules.index(held), dict(sorted(Counter((place[1], place[2], place[3]) for place in places).items()))


def distribute_has_no_tiers(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """Outlier detection beside shares, as if they could fail over (DR107)."""

    def detects(decision: Decision) -> Where | None:
        return _distributes(decision) if decision.part.policy.outlier_detection is not None else None

    for (cluster, where), decisions in survey.policies.by_field(detects).items():
        first = decisions[0]
        there = sorted({area for each in decisions for area in survey.policies.localities(each.visible)})
        for number, each in enumerate(first.setting.distribute):
            left = [area for area in there if not _is_target(each, area)]
            if left:
                path = f"{first.part.locality_path}.distribute[{number}]"
                yield finding(
                    survey,
                    rule,
                    cluster,
                    where.rule.title,
                    f"distribute from {each.origin!r} leaves out {', '.join(map(text_of, left))}, where"
                    f" {hosts_of(decisions)} has endpoints, and outlierDetection stands beside it",
                    path=f"{path}.to",
                    instead="distribute makes no priorities: where all endpoints of its `to` places are ejected or"
                    " unready, nothing goes to the others",
                    fix=f"add each of these places to {path}.to with a small weight, or use failover or"
                    " failoverPriority in place of distribute",
                )


def _is_target(rule: Distribute, area: Area) -> bool:
    return any(matches_place(pattern, area) for pattern, _ in rule.to)


def ejection_cap(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """Fewer can be ejected than the first priority has (DR108)."""
    for (cluster, where), decisions in survey.policies.by_field(_is_capped).items():
        first = max(decisions, key=lambda each: each.sizes[0])
        _, hosts, most = _ejected(first)
        yield finding(
            survey,
            rule,
            cluster,
            where.rule.title,
            f"{_percent_text(first)} of {hosts} hosts of {first.site.host} is {most}; for"
            f" clients in {text_of(first.here)} there are {first.sizes[0]} hosts in priority 0",
            path=_percent_path(where),
            instead=f"where all of priority 0 fail, {first.sizes[0] - most} of them cannot be ejected and keep getting"
            " traffic: failover does not complete",
            fix=f"set {_percent_path(where)}: 100",
        )


def _is_capped(decision: Decision) -> Where | None:
    percent, _, most = _ejected(decision)
    sizes = decision.sizes if percent else ()
    if not decision.asker.has_place or len(sizes) < 2:
        return None
    return decision.part.outlier if 1 <= most < sizes[0] else None


def _ejected(decision: Decision) -> tuple[int, int, int]:
    """The percentage that can be ejected, of how many hosts, and how many that is; all 0 without detection."""
    limits = _limits(decision)
    if limits is None:
        return 0, 0, 0
    hosts = sum(decision.sizes)
    return limits.max_ejection_percent, hosts, limits.most_ejected(hosts)


def _limits(decision: Decision) -> OutlierLimits | None:
    detection = decision.part.policy.outlier_detection
    return detection.limits if detection is not None else None


def _percent_text(decision: Decision) -> str:
    detection = decision.part.policy.outlier_detection
    is_given = detection is not None and bool(detection.max_ejection_percent)  # 0 counts as not set
    return f"maxEjectionPercent {_ejected(decision)[0]}{'' if is_given else ' (the default)'}"


def _percent_path(where: Where) -> str:
    return f"{where.path}.outlierDetection.maxEjectionPercent"


def ejection_floor(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """None can be ejected at all (DR116)."""
    for (cluster, where), decisions in survey.policies.by_field(_is_none_ejected).items():
        _, hosts, _ = _ejected(decisions[0])
        yield finding(
            survey,
            rule,
            cluster,
            where.rule.title,
            f"{_percent_text(decisions[0])} of {hosts} host{'s' * (hosts > 1)} is less than one, for"
            f" {hosts_of(decisions)}",
            path=_percent_path(where),
            instead="no endpoint is ever ejected, and failover by outlier detection cannot happen",
            fix=f"set {_percent_path(where)} to {-(-100 // hosts)} at least; to 100 where failover has to complete",
        )


def _is_none_ejected(decision: Decision) -> Where | None:
    percent, hosts, most = _ejected(decision)
    return decision.part.outlier if percent and hosts and not most else None


def hash_with_locality(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """A hash that means another endpoint in every place (DR123)."""

    def hashes(decision: Decision) -> Where | None:
        balancer = decision.part.policy.load_balancer
        return decision.part.balancer if balancer is not None and balancer.consistent_hash is not None else None

    for (cluster, where), decisions in survey.policies.by_field(hashes).items():
        for host, of_host in _by_host(decisions).items():
            areas = sorted({each.here for each in of_host if each.asker.has_place})
            tiered = [each for each in of_host if len(each.sizes) > 1]
            if len(areas) > 1 and tiered:
                yield finding(
                    survey,
                    rule,
                    cluster,
                    where.rule.title,
                    f"consistentHash for {host}, whose endpoints are in {len(tiered[0].sizes)} priorities by"
                    f" {tiered[0].route.holds}, with clients in {len(areas)} localities:"
                    f" {', '.join(map(text_of, areas[:4]))}",
                    path=f"{where.path}.loadBalancer.consistentHash",
                    instead="each Envoy hashes over its own first priority, so that one key means another endpoint for"
                    " clients of another place",
                    fix=f"{_without_priorities(tiered[0], where)}; or remove {where.path}.loadBalancer.consistentHash",
                )
                break


def _without_priorities(decision: Decision, where: Where) -> str:
    """What to write so that a host has no priorities."""
    if decision.setting.source is SettingSource.TRAFFIC_DISTRIBUTION:
        return f"remove what gives it traffic distribution ({decision.route.resolution.source})"
    return f"write enabled: false into {where.path}.loadBalancer.localityLbSetting"


def _by_host(decisions: Iterable[Decision]) -> Mapping[str, Sequence[Decision]]:
    found: dict[str, list[Decision]] = {}
    for decision in decisions:
        found.setdefault(decision.site.host, []).append(decision)
    return found
