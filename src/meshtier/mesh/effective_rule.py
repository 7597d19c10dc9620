"""Does a DestinationRule decide, and what is left of traffic distribution? (PREC-5, DR-1, DR-2, DR-7)"""

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import evolve, frozen

from meshtier.component import Component
from meshtier.dataplane.settings import LbPolicy
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.mesh.route_data import RuleData
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
    ZoneAwareSetting,
    check_mixing,
    effective_policy,
    effective_setting,
)

_LB_POLICIES: Final[Mapping[Algorithm, LbPolicy]] = {
    Algorithm.LEAST_REQUEST: LbPolicy.LEAST_REQUEST,
    Algorithm.ROUND_ROBIN: LbPolicy.ROUND_ROBIN,
    Algorithm.RANDOM: LbPolicy.RANDOM,
    Algorithm.PASSTHROUGH: LbPolicy.LEAST_REQUEST,
}
_NO_SETTING: Final = EffectiveSetting(source=SettingSource.NONE)


@frozen(kw_only=True)
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

    @property
    def decides(self) -> bool:
        """Whether traffic distribution is out of force, and this setting in its place."""
        if self.setting.source in (SettingSource.RULE_LOCALITY, SettingSource.RULE_ZONE_AWARE):
            return True
        mesh_wide = self.setting.source in (SettingSource.MESH_LOCALITY, SettingSource.MESH_ZONE_AWARE)
        return mesh_wide and self.setting.failover

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
        if self.setting.source in (SettingSource.MESH_LOCALITY, SettingSource.MESH_ZONE_AWARE):
            return "the mesh-wide locality setting"
        return self.found.rule.title if self.found is not None else self.setting.source.value

    def to_dict(self) -> RuleData | None:
        """The policy as plain data; ``None`` if there is nothing to say."""
        if self.found is None:
            return None
        return RuleData(
            title=self.title,
            rule=" + ".join(rule.title for rule in self.found.sources),
            match=f"{self.found.match.value} match of {self.found.host!r}, in {self.found.asked.value}",
            facts=list(self._facts()),
            overridden=[f"{one.rule.title} (host {one.rule.host}): {one.reason.value}" for one in self.found.shadowed],
        )

    def _facts(self) -> Iterable[str]:
        if self.subset is not None:
            yield f"subset {self.subset.name}"
        if self.decides:
            yield from _setting_facts(self.setting)
        yield _outlier_fact(self.outlier_detection)


NO_RULE: Final = EffectiveRule()
"""Where no DestinationRule has a say."""


def find_effective_rule(
    rules: RuleIndex,
    host: str,
    *,
    client_namespace: str,
    client_labels: Mapping[str, str],
    service_namespace: str,
    component: Component,
    resolution: Resolution,
    profile: Profile,
    mesh: LocalitySetting | None,
    port: int | None = None,
    subset: str | None = None,
) -> EffectiveRule:
    """What DestinationRules say of *host* to this client (PREC-5).

    Raises:
        UnknownNameError: There is no such subset.
    """
    found = rules.find(
        host,
        client_namespace=client_namespace,
        service_namespace=service_namespace,
        client_labels=client_labels,
    )
    if not component.traits.obeys_destination_rules:
        return _ignored(found, component, subset)
    if found is None and subset is not None:
        raise UnknownNameError.among("subset", subset, ())
    traffic = effective_policy(found.rule, port=port, subset=subset) if found is not None else None
    traffic, notes = _without_mixed(traffic, profile, found)
    setting = effective_setting(traffic, distribution=resolution.mode, component=component, mesh=mesh, profile=profile)
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
    try:
        check_mixing(balancer.locality, profile)
    except InvalidValueError as error:
        kept = evolve(traffic, load_balancer=evolve(balancer, locality=None))
        return kept, (Note("exclusive-blocks", f"{error}; the block is refused and has no effect", found.rule.title),)
    return traffic, ()


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


def _setting_facts(selection: EffectiveSetting) -> Iterable[str]:
    setting = selection.setting
    if setting is None:
        yield f"{selection.source.value} puts every endpoint in one level"
        return
    for rule in selection.distribute:
        shares = ", ".join(f"{pattern} {weight} %" for pattern, weight in rule.to) or "nowhere"
        yield f"distribute from {rule.origin}: {shares}"
    if selection.distribute:
        return
    if isinstance(setting, ZoneAwareSetting):
        yield "zone-aware routing within the client's region"
    if setting.failover_priority:
        yield f"failoverPriority: {', '.join(setting.failover_priority)}"
    for failover in setting.failover:
        yield f"failover from region {failover.from_region} to {failover.to_region}"
    if isinstance(setting, LocalitySetting) and not (setting.failover_priority or setting.failover):
        yield "locality failover: same subzone, zone, region, then anywhere"
    if not selection.failover:
        yield "not in force, for there is no outlierDetection"


def _outlier_fact(detection: OutlierDetection | None) -> str:
    if detection is None:
        return "no outlierDetection"
    limits = detection.limits
    counts = [
        f"{what} {count} times in a row"
        for count, what in (
            (limits.consecutive_5xx, "5xx"),
            (limits.consecutive_gateway, "502/503/504"),
            (limits.consecutive_local_origin, "failures to connect"),
        )
        if count
    ]
    return (
        f"outlierDetection: {' or '.join(counts) or 'nothing'} ejects for {limits.base_ejection_time_s:g} s,"
        f" at most {limits.max_ejection_percent} % at once, swept every {limits.interval_s:g} s"
    )
