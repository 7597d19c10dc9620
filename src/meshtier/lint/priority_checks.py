"""Which orders of DestinationRules compare what is not there, or too late? failoverPriority and failover."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from attrs import evolve

from meshtier.errors import UnknownNameError
from meshtier.lint.family import finding
from meshtier.lint.finding import Finding
from meshtier.lint.policies import Area, Decision
from meshtier.lint.policy_checks import hosts_of
from meshtier.lint.policy_parts import Where, policies_in
from meshtier.lint.rule import LintRule
from meshtier.lint.survey import Survey
from meshtier.locality import SCOPE_LABELS, SCOPES, Scope
from meshtier.mesh import Cluster
from meshtier.note import Severity
from meshtier.profile import Profile
from meshtier.rules import DestinationRule, LocalitySetting, SettingSource, ZoneAwareSetting, matches_place
from meshtier.rules.locality_setting import PLACE_LABELS

NETWORK: Final = SCOPE_LABELS[Scope.NETWORK]
CLUSTER: Final = SCOPE_LABELS[Scope.CLUSTER]
_FINENESS: Final = {SCOPE_LABELS[scope]: depth for depth, scope in enumerate(SCOPES)}
_BY_RULE: Final = (SettingSource.RULE_LOCALITY, SettingSource.RULE_ZONE_AWARE)

Ordering = LocalitySetting | ZoneAwareSetting
"""A block that has failover and failoverPriority."""


def _orderings(survey: Survey) -> Iterator[tuple[Cluster, DestinationRule, str, Ordering]]:
    """Every block with an order that is not disabled, with its field."""
    for cluster, rule in survey.policies.rules:
        for path, policy in policies_in(rule):
            balancer = policy.load_balancer
            if balancer is None:
                continue
            for name, block in (("localityLbSetting", balancer.locality), ("zoneAwareLbSetting", balancer.zone_aware)):
                if block is not None and block.enabled is not False:
                    yield cluster, rule, f"{path}.loadBalancer.{name}", block


def _ordering_of(decision: Decision) -> tuple[str, Ordering] | None:
    """The block that gives the order in a decision, if it is of a rule, with its name."""
    balancer = decision.part.policy.load_balancer
    if balancer is None:
        return None
    block = balancer.zone_aware or balancer.locality
    if block is None or block.enabled is False or not block.failover_priority:
        return None
    return ("zoneAwareLbSetting" if balancer.zone_aware is not None else "localityLbSetting"), block


def _in_order(decision: Decision) -> Where | None:
    return decision.part.balancer if _ordering_of(decision) is not None else None


def label_nowhere(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """A label that one side has nowhere (DR109)."""
    for (cluster, where), decisions in survey.policies.by_field(_in_order).items():
        ordering = _ordering_of(decisions[0])
        if ordering is None:
            continue
        name, block = ordering
        path = f"{where.path}.loadBalancer.{name}.failoverPriority"
        for place, entry in enumerate(block.failover_priority):
            if missing := _nowhere(survey, decisions, entry, block.failover_priority):
                yield finding(
                    survey,
                    rule,
                    cluster,
                    where.rule.title,
                    f"no {' and no '.join(missing)} carries the label {entry.partition('=')[0]}, for"
                    f" {hosts_of(decisions)}",
                    path=f"{path}[{place}]",
                    instead="where both sides lack it, it matches and tells nothing apart; where one side has it, it"
                    " matches nowhere, and the labels after it count no more",
                    fix=f"put the label on the pods of both sides, or remove {path}[{place}]",
                )


def _nowhere(survey: Survey, decisions: Sequence[Decision], entry: str, entries: Sequence[str]) -> Sequence[str]:
    """Which sides have the label of an entry nowhere."""
    label = entry.partition("=")[0]
    fixed = {each.partition("=")[0] for each in entries if each.count("=") == 1}
    told = [decision for decision in decisions if decision.visible.available]
    by_host = {decision.site: decision for decision in decisions}
    clients = any(decision.asker.has_place for decision in decisions)
    missing: list[str] = []
    if clients and label not in fixed and not any(_client_carries(survey, each, label) for each in by_host.values()):
        missing.append("client pod")
    if told and not any(label in survey.policies.endpoint_labels(decision.visible) for decision in told):
        missing.append("endpoint")
    # One network or cluster without a name is no mistake: both sides are the same there.
    return () if label in (NETWORK, CLUSTER) and len(missing) == 2 else missing


def _client_carries(survey: Survey, decision: Decision, label: str) -> bool:
    return survey.policies.carried_by_clients(decision.site, label) > 0


def priority_order(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """An order that the prefix rule makes void (DR110)."""
    for cluster, each, path, block in _orderings(survey):
        entries = block.failover_priority
        problem = _order_problem(entries)
        if problem:
            network = [entry for entry in entries if entry == NETWORK]
            places = sorted((entry for entry in entries if entry in _FINENESS), key=_FINENESS.__getitem__)
            others = [entry for entry in entries if entry not in _FINENESS]
            yield finding(
                survey,
                rule,
                cluster.name,
                each.title,
                problem,
                path=f"{path}.failoverPriority",
                instead="labels are compared in order up to the first that differs, so that later ones count only"
                " among endpoints that match all earlier ones"
                + ("; the network has its own rule only where it comes first" if network else ""),
                fix=f"order {path}.failoverPriority from coarse to fine: {', '.join([*places, *others])}",
            )


def _order_problem(entries: Sequence[str]) -> str:
    if NETWORK in entries and entries[0] != NETWORK:
        return f"{NETWORK} stands behind {entries[0]}"
    known = [entry for entry in entries if entry in _FINENESS]
    for first, second in pairwise(known):
        if _FINENESS[first] > _FINENESS[second]:
            return f"{first} stands before {second}, which is coarser"
    return ""


def failover_region_unknown(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """A place that nothing is in (DR111)."""
    known = survey.policies.known_places
    for cluster, each, path, block in _orderings(survey):
        for field, place in _places_of(path, block):
            if any(matches_place(place, area) for area in known):
                continue
            yield finding(
                survey,
                rule,
                cluster.name,
                each.title,
                f"{place!r} is the {'region' if '/' not in place else 'locality'} of no node, endpoint or"
                f" gateway{_is_other_name(survey, place)}",
                path=field,
                instead="it matches nothing, so that this part of the rule has no effect",
                fix=f"write a region that is there into {field}: {_nearest(place, known)}",
            )


def _places_of(path: str, block: Ordering) -> Iterator[tuple[str, str]]:
    for number, failover in enumerate(block.failover):
        yield f"{path}.failover[{number}].from", failover.from_region
        yield f"{path}.failover[{number}].to", failover.to_region
    for number, each in enumerate(block.distribute if isinstance(block, LocalitySetting) else ()):
        yield f"{path}.distribute[{number}].from", each.origin
        for pattern, _ in each.to:
            yield f"{path}.distribute[{number}].to['{pattern}']", pattern


def _is_other_name(survey: Survey, place: str) -> str:
    region = place.partition("/")[0]
    if any(region and region == cluster.name for cluster in survey.clusters):
        return "; it is the name of a cluster"
    return "; it is the name of a network" if any(region and region == one.network for one in survey.clusters) else ""


def _nearest(place: str, known: frozenset[Area]) -> str:
    depth = min(place.count("/") + 1, 3)
    names = {"/".join(area[:depth]).rstrip("/") for area in known} - {""}
    return ", ".join((UnknownNameError.among("locality", place, names).nearest or sorted(names))[:4]) or "none is known"


def dns_failover_priority(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """An order by labels for hosts that Envoys resolve themselves (DR115)."""
    version = istio_version(survey.profile)
    if version is None or version >= (1, 31):
        return

    def is_resolved(decision: Decision) -> Where | None:
        is_dns = _resolution(decision).startswith("DNS")
        setting = decision.setting
        in_force = setting.source in _BY_RULE and setting.setting is not None and setting.failover
        return decision.part.balancer if is_dns and in_force and _ordering_of(decision) is not None else None

    for (cluster, where), decisions in survey.policies.by_field(is_resolved).items():
        name, _ = _ordering_of(decisions[0]) or ("localityLbSetting", None)
        areas = max(len(survey.policies.localities(decision.visible)) for decision in decisions)
        # istio/istio issue 61857 reports it of this version.
        crashes = version == (1, 30) and areas > 1
        made = finding(
            survey,
            rule,
            cluster,
            where.rule.title,
            f"failoverPriority for {hosts_of(decisions)}, a ServiceEntry of resolution {_resolution(decisions[0])}"
            + (f" with endpoints in {areas} localities" if crashes else ""),
            path=f"{where.path}.loadBalancer.{name}.failoverPriority",
            instead="istiod of 1.30 is reported to crash on it (istio/istio issue 61857)"
            if crashes
            else f"under {survey.profile} endpoints of a host that Envoys resolve are not put into these priorities",
            fix=f"use istio-1.31, or {where.path}.loadBalancer.{name}.failover, or resolution: STATIC with addresses",
        )
        yield evolve(made, severity=Severity.ERROR) if crashes else made


def _resolution(decision: Decision) -> str:
    """How the ServiceEntry of a host finds its endpoints; ``""`` if it has none."""
    return next((each.resolution for each in decision.site.services if each.resolution), "")


def istio_version(profile: Profile) -> tuple[int, int] | None:
    """The version of Istio that a profile is of; ``None`` for another product."""
    found = re.match(r"istio-(\d+)\.(\d+)", profile.name)
    return (int(found[1]), int(found[2])) if found else None


def failover_label_clash(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """A failover beside a label that it compares itself (DR118)."""
    for cluster, each in survey.policies.rules:
        for path, policy in policies_in(each):
            setting = policy.load_balancer.locality if policy.load_balancer is not None else None
            taken = [entry for entry in setting.failover_priority if entry in PLACE_LABELS] if setting else []
            if setting is not None and setting.failover and taken:
                base = f"{path}.loadBalancer.localityLbSetting"
                yield finding(
                    survey,
                    rule,
                    cluster.name,
                    each.title,
                    f"failover stands beside failoverPriority with {', '.join(taken)}",
                    path=f"{base}.failoverPriority",
                    instead="Istio's validation refuses the object: failover compares region, zone and subzone itself",
                    fix=f"remove {', '.join(taken)} from {base}.failoverPriority, or remove {base}.failover",
                )


def label_behind_gateway(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """A label that what is behind a gateway does not have (DR119)."""
    if survey.profile.gateway_locality:
        return

    def crosses(decision: Decision) -> Where | None:
        return _in_order(decision) if decision.visible.network_endpoints else None

    for (cluster, where), decisions in survey.policies.by_field(crosses).items():
        ordering = _ordering_of(decisions[0])
        name, block = ordering if ordering is not None else ("localityLbSetting", LocalitySetting())
        keys = dict.fromkeys(entry.partition("=")[0] for entry in block.failover_priority)
        unseen = [key for key in keys if key not in (NETWORK, CLUSTER)]
        if unseen:
            path = f"{where.path}.loadBalancer.{name}.failoverPriority"
            yield finding(
                survey,
                rule,
                cluster,
                where.rule.title,
                f"failoverPriority has {', '.join(unseen)}, and {hosts_of(decisions)} has endpoints of another network"
                f" ({', '.join(sorted(decisions[0].visible.network_endpoints))})",
                path=path,
                instead="of what is behind a gateway an Envoy knows the network and the cluster alone, so that these"
                " labels never match there",
                fix=f"take {', '.join(unseen)} out of {path}; failover beside it compares the locality behind the"
                " gateway",
            )
