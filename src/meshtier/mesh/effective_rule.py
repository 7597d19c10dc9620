"""Does a DestinationRule decide, and what is left of traffic distribution? (PREC-5, DR-1, DR-2, DR-7)"""

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from attrs import evolve, frozen

from meshtier.component import Component
from meshtier.dataplane.settings import LbPolicy
from meshtier.distribution import TrafficDistribution
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.mesh.clients import Client
from meshtier.mesh.hostnames import Binding
from meshtier.mesh.request import RouteRequest
from meshtier.mesh.route_data import (
    DistributeData,
    FailoverData,
    LocalitySettingData,
    OutlierDetectionData,
    RuleData,
    ShadowedRuleData,
)
from meshtier.note import Note
from meshtier.precedence import Resolution
from meshtier.profile import Profile
from meshtier.rules import (
    Algorithm,
    EffectiveSetting,
    Found,
    LocalitySetting,
    OutlierDetection,
    RuleIndex,
    SettingSource,
    Subset,
    TrafficPolicy,
    check_mixing,
    effective_policy,
    effective_setting,
)
from meshtier.rules.effective import MESH_WIDE

_LB_POLICIES: Final[Mapping[Algorithm, LbPolicy]] = {
    Algorithm.LEAST_REQUEST: LbPolicy.LEAST_REQUEST,
    Algorithm.ROUND_ROBIN: LbPolicy.ROUND_ROBIN,
    Algorithm.RANDOM: LbPolicy.RANDOM,
    Algorithm.PASSTHROUGH: LbPolicy.LEAST_REQUEST,
}
_NO_SETTING: Final = EffectiveSetting(source=SettingSource.NONE)


@frozen(kw_only=True, eq=False)
class EffectiveRule:
    """What DestinationRules say of one host at one component.

    Attributes:
        found: The rule for the host; ``None`` if there is none or none is obeyed.
        traffic: What it says for the port and subset.
        subset: The subset that the traffic is for; ``None`` for the whole host.
        setting: The locality setting in force, whoever gave it; at a component
            that obeys no rules it has no part.
        notes: What was doubtful.
    """

    found: Found | None = None
    traffic: TrafficPolicy | None = None
    subset: Subset | None = None
    setting: EffectiveSetting = _NO_SETTING
    notes: tuple[Note, ...] = ()

    @cached_property
    def decides(self) -> bool:
        """Whether traffic distribution is out of force, and this setting in its place."""
        if self.setting.source in (SettingSource.RULE_LOCALITY, SettingSource.RULE_ZONE_AWARE):
            return True
        return self.setting.source in MESH_WIDE and self.setting.failover

    @property
    def outlier_detection(self) -> OutlierDetection | None:
        """The outlier detection in force."""
        return self.traffic.outlier_detection if self.traffic is not None else None

    @property
    def passthrough(self) -> str:
        """Why the rule leaves nothing to choose; ``""`` if it does not."""
        balancer = self.traffic.load_balancer if self.traffic is not None else None
        if balancer is None or balancer.simple is not Algorithm.PASSTHROUGH or self.found is None:
            return ""
        return f"{self.found.rule.title} says simple: PASSTHROUGH"

    @property
    def title(self) -> str:
        """What holds in place of traffic distribution; ``""`` if that is in force."""
        if not self.decides:
            return ""
        if self.setting.source in MESH_WIDE:
            return "the mesh-wide locality setting"
        return self.found.rule.title if self.found is not None else self.setting.source.value

    def to_dict(self) -> RuleData | None:
        """The rule as plain data; ``None`` if there is nothing to say."""
        if self.found is None:
            return None
        return RuleData(
            title=self.title,
            rules=[rule.title for rule in self.found.sources],
            host=self.found.host,
            match=self.found.match.value,
            found_in=self.found.asked.value,
            subset=self.subset.name if self.subset is not None else "",
            setting=_setting_data(self.setting) if self.decides else None,
            outlier_detection=_outlier_data(self.outlier_detection),
            overridden=[
                ShadowedRuleData(rule=one.rule.title, host=one.rule.host, reason=one.reason.value)
                for one in self.found.shadowed
            ],
        )


NO_RULE: Final = EffectiveRule()
"""Where no DestinationRule has a say."""


def find_effective_rule(
    rules: RuleIndex,
    binding: Binding,
    client: Client,
    request: RouteRequest,
    *,
    resolution: Resolution,
    mesh: LocalitySetting | None,
) -> EffectiveRule:
    """What DestinationRules say of a host to this client (PREC-5).

    Args:
        rules: Those of the client's cluster.
        binding: What the host means to the client.
        client: Its namespace and labels count.
        request: What is asked.
        resolution: The traffic distribution that a rule may put out of force.
        mesh: The mesh-wide ``localityLbSetting``.

    Raises:
        UnknownNameError: There is no such subset.
    """
    namespace = binding.service.namespace
    found = rules.find(
        binding.host,
        client_namespace=client.namespace or namespace,
        service_namespace=namespace,
        client_labels=client.labels,
    )
    component, profile, subset = request.component, request.profile, request.subset
    if not component.traits.obeys_destination_rules:
        return _ignored(found, component, subset)
    if found is None and subset is not None:
        raise UnknownNameError.among("subset", subset, ())
    traffic = effective_policy(found.rule, port=request.port, subset=subset) if found is not None else None
    traffic, notes = _without_mixed(traffic, profile, found)
    # Of the mode no more is asked here than whether there is one, and a list that no mode has is one.
    mode = resolution.mode or TrafficDistribution.PREFER_SAME_NODE
    setting = effective_setting(traffic, distribution=mode, component=component, mesh=mesh, profile=profile)
    about = found.rule.title if found is not None else ""
    notes += tuple(evolve(note, object=about) for note in setting.notes)
    return EffectiveRule(
        found=found,
        traffic=traffic,
        subset=_subset_of(found, subset),
        setting=setting,
        notes=notes + (found.rule.notes + found.notes if found is not None else ()),
    )


def _ignored(found: Found | None, component: Component, subset: str | None) -> EffectiveRule:
    notes: list[Note] = []
    if found is not None:
        text = f"{component.value} does not obey DestinationRules; it has no effect here"
        notes.append(Note("rule-not-obeyed", text, found.rule.title))
    if subset is not None:
        notes.append(Note("subset-not-obeyed", f"{component.value} knows no subsets; {subset!r} has no effect here"))
    return EffectiveRule(notes=tuple(notes)) if notes else NO_RULE


def _without_mixed(
    traffic: TrafficPolicy | None, profile: Profile, found: Found | None
) -> tuple[TrafficPolicy | None, tuple[Note, ...]]:
    """The policy without a locality block that the profile refuses, and a note on it (DR-2)."""
    balancer = traffic.load_balancer if traffic is not None else None
    if traffic is None or balancer is None or balancer.locality is None or found is None:
        return traffic, ()
    kept, text = traffic, ""
    try:
        check_mixing(balancer.locality, profile)
    except InvalidValueError as error:
        kept = evolve(traffic, load_balancer=evolve(balancer, locality=None))
        text = f"{error}; the block is refused and has no effect"
    else:
        first, *others = balancer.locality.lists or ("",)
        if first == "distribute" and others:
            # Source: istio/istio loadbalancer.go, ApplyLocalityLoadBalancer, at 86c9f01.
            text = f"localityLbSetting: beside distribute, {' and '.join(others)} has no effect"
    return kept, (Note("exclusive-blocks", text, found.rule.title),) if text else ()


def _subset_of(found: Found | None, name: str | None) -> Subset | None:
    if found is None or name is None:
        return None
    return next(part for part in found.rule.subsets if part.name == name)


def lb_policy(effective_rule: EffectiveRule) -> LbPolicy:
    """How the Envoy picks a host inside a priority."""
    balancer = effective_rule.traffic.load_balancer if effective_rule.traffic is not None else None
    if balancer is None:
        return LbPolicy.LEAST_REQUEST
    if balancer.consistent_hash is not None:
        return LbPolicy.MAGLEV if "maglev" in balancer.consistent_hash else LbPolicy.RING_HASH
    return _LB_POLICIES[balancer.algorithm]


def subset_misses(subset: Subset, labels: Mapping[str, str]) -> str:
    """The first label of the subset that *labels* lack, as ``key=value``; ``""`` if all are there.

    >>> from meshtier.rules import Subset
    >>> subset_misses(Subset(name="v1", labels={"version": "v1"}), {"version": "v2"})
    'version=v1'
    """
    return next((f"{key}={value}" for key, value in subset.labels.items() if labels.get(key) != value), "")


def _setting_data(effective: EffectiveSetting) -> LocalitySettingData:
    setting = effective.setting
    return LocalitySettingData(
        source=effective.source.value,
        enabled=setting is not None,
        levels_by=effective.levels_by.value,
        distribute=[DistributeData(origin=rule.origin, to=dict(rule.to)) for rule in effective.distribute],
        failover_priority=list(setting.failover_priority) if setting is not None else [],
        failover=[FailoverData(origin=one.from_region, to=one.to_region) for one in setting.failover]
        if setting is not None
        else [],
        zone_aware=effective.zone_aware is not None,
    )


def _outlier_data(detection: OutlierDetection | None) -> OutlierDetectionData | None:
    if detection is None:
        return None
    limits = detection.limits
    return OutlierDetectionData(
        consecutive_5xx=limits.consecutive_5xx,
        consecutive_gateway=limits.consecutive_gateway,
        consecutive_local_origin=limits.consecutive_local_origin,
        interval_s=limits.interval_s,
        base_ejection_time_s=limits.base_ejection_time_s,
        max_ejection_time_s=limits.max_ejection_time_s,
        max_ejection_percent=limits.max_ejection_percent,
        min_health_percent=limits.min_health_percent,
    )
