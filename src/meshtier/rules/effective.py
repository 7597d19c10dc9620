"""Which setting decides about places at an Envoy: a rule's, the service's or the mesh's?"""

import enum
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import field, frozen

from meshtier.component import Component
from meshtier.distribution import TrafficDistribution
from meshtier.locality import SCOPE_LABELS
from meshtier.note import Note
from meshtier.profile import SOLO, Profile
from meshtier.rules.locality_setting import Distribute, LocalitySetting, ZoneAwareSetting
from meshtier.rules.traffic_policy import TrafficPolicy

MESH_DEFAULT: Final = LocalitySetting(enabled=True)
"""The mesh-wide ``localityLbSetting`` where the mesh configuration says nothing (COMP-2)."""

NO_POLICY: Final = TrafficPolicy()


class SettingSource(enum.Enum):
    """Where the setting in force comes from; the value is the field. From highest to lowest (PREC-5)."""

    RULE_ZONE_AWARE = "trafficPolicy.loadBalancer.zoneAwareLbSetting"
    RULE_LOCALITY = "trafficPolicy.loadBalancer.localityLbSetting"
    TRAFFIC_DISTRIBUTION = "traffic distribution"
    MESH_LOCALITY = "meshConfig.localityLbSetting"
    NONE = "nothing"  # no setting anywhere


class LevelsBy(enum.Enum):
    """By what the setting in force puts endpoints into levels."""

    NOTHING = "nothing"  # one level for all: places play no part, or there is no outlier detection (DR-7)
    SHARES = "distribute"  # one level, divided among localities (DR-6)
    LABELS = "failoverPriority"  # DR-3
    PLACE = "failover"  # DR-4; with zone awareness by region alone
    LABELS_AND_PLACE = "failoverPriority, then failover"  # DR-5


@frozen(kw_only=True)
class EffectiveSetting:
    """The setting in force for one host, port and subset at one Envoy.

    Attributes:
        source: Where it comes from.
        setting: What holds; ``None`` if places play no part, so that every
            endpoint is in level 0.
        failover: Whether levels are in force (DR-7). Zone awareness forces it.
        panic_threshold: In per cent (LOAD-3).
        unready_sent: Whether the Envoy is told of endpoints that are not ready.
        overridden: What lower sources would have set.
        notes: What a reader should know, with rule ids.
    """

    source: SettingSource
    setting: LocalitySetting | ZoneAwareSetting | None = None
    failover: bool = False
    panic_threshold: int = 0
    unready_sent: bool = True
    overridden: tuple[SettingSource, ...] = ()
    notes: tuple[Note, ...] = field(default=(), converter=tuple[Note, ...])

    @property
    def zone_aware(self) -> ZoneAwareSetting | None:
        """The zone-aware setting, if one is in force."""
        return self.setting if isinstance(self.setting, ZoneAwareSetting) else None

    @property
    def distribute(self) -> tuple[Distribute, ...]:
        """The shares by locality; empty if none are in force."""
        return self.setting.distribute if isinstance(self.setting, LocalitySetting) else ()

    @property
    def locality_weights(self) -> bool:
        """Whether the Envoy divides a priority's load by locality weights (LOAD-4).

        Source: istio/istio loadbalancer.go, LocalityLBSettings.ApplyToCluster, at 86c9f01.
        """
        if not isinstance(self.setting, LocalitySetting):
            return False
        explicit = bool(self.setting.failover or self.setting.failover_priority)
        return bool(self.setting.distribute) or (self.failover and explicit)

    @property
    def levels_by(self) -> LevelsBy:
        """By what endpoints are put into levels."""
        setting = self.setting
        if self.distribute:
            return LevelsBy.SHARES
        if setting is None or not self.failover:
            return LevelsBy.NOTHING
        if not setting.failover_priority:
            return LevelsBy.PLACE
        if isinstance(setting, ZoneAwareSetting) or setting.failover:
            return LevelsBy.LABELS_AND_PLACE
        return LevelsBy.LABELS


def distribution_setting(mode: TrafficDistribution, *, profile: Profile = SOLO) -> LocalitySetting:
    """What a mode of traffic distribution is to an Envoy: a failoverPriority of its scopes' labels.

    >>> distribution_setting(TrafficDistribution.PREFER_REGION).failover_priority
    ('topology.istio.io/network', 'topology.kubernetes.io/region')
    """
    labels = tuple(SCOPE_LABELS[scope] for scope in profile.scopes(mode))
    return LocalitySetting(enabled=True, failover_priority=labels)


def effective_setting(
    policy: TrafficPolicy | None = None,
    *,
    distribution: TrafficDistribution = TrafficDistribution.ANY,
    component: Component = Component.WAYPOINT,
    mesh: LocalitySetting | None = MESH_DEFAULT,
    profile: Profile = SOLO,
) -> EffectiveSetting:
    """The setting that decides about places, and what is in force with it (PREC-5, DR-7, COMP-2).

    Args:
        policy: What the DestinationRule says for the port and subset, as
            `effective_policy` gives it; ``None`` without a rule.
        distribution: The traffic distribution in force; `ANY` counts as none.
        component: Which Envoy; a waypoint knows no zone awareness. Whether a
            component obeys rules at all is for the caller to ask (COMP).
        mesh: The mesh-wide setting; ``None`` if the mesh has none.
        profile: Whose rules, for the scopes of *distribution*.

    Source: istio/istio pilot/pkg/networking/core/loadbalancer/loadbalancer.go,
    GetEffectiveLbSetting, at 86c9f01; the files beside the lines are of the same revision.

    >>> choice = effective_setting(distribution=TrafficDistribution.PREFER_SAME_ZONE)
    >>> choice.source, choice.failover
    (<SettingSource.TRAFFIC_DISTRIBUTION: 'traffic distribution'>, True)
    """
    policy = policy or NO_POLICY
    balancer = policy.load_balancer
    spread = distribution is not TrafficDistribution.ANY
    candidates = {
        SettingSource.RULE_ZONE_AWARE: balancer.zone_aware if balancer else None,
        SettingSource.RULE_LOCALITY: balancer.locality if balancer else None,
        SettingSource.TRAFFIC_DISTRIBUTION: distribution_setting(distribution, profile=profile) if spread else None,
        SettingSource.MESH_LOCALITY: mesh,
    }
    present = [source for source, setting in candidates.items() if setting is not None]
    source = present[0] if present else SettingSource.NONE
    written = candidates.get(source)
    zone_aware = isinstance(written, ZoneAwareSetting)
    off = written is None or written.enabled is False or (zone_aware and not component.traits.knows_zone_awareness)
    detection = policy.outlier_detection
    # Under traffic distribution unready endpoints are sent whatever the rule says, and no panic lets them in:
    # cluster_traffic_policy.go, applyOutlierDetection, and model/service.go, ForcesSupportUnhealthyEndpoints.
    threshold = detection.limits.min_health_percent if detection and not spread else 0
    return EffectiveSetting(
        source=source,
        setting=None if off else written,
        # Nothing but outlier detection would tell an Envoy to go down to the next priority; zone awareness and
        # traffic distribution need none (loadbalancer.go, ForceFailover).
        failover=not off and (zone_aware or detection is not None or source is SettingSource.TRAFFIC_DISTRIBUTION),
        panic_threshold=threshold,
        # pilot/pkg/xds/endpoints/endpoint_builder.go, supportsUnhealthyEndpoints
        unready_sent=threshold == 0,
        overridden=tuple(present[1:]),
        notes=_notes(source, written, component, overridden=present[1:], detects=detection is not None),
    )


def _notes(
    source: SettingSource,
    setting: LocalitySetting | ZoneAwareSetting | None,
    component: Component,
    *,
    overridden: Sequence[SettingSource],
    detects: bool,
) -> Iterator[Note]:
    if SettingSource.TRAFFIC_DISTRIBUTION in overridden:
        text = f"traffic distribution is out of force: the rule has {source.value}"
        yield Note("distribution-out-of-force", text)
    if setting is not None and setting.enabled is False:
        yield Note("locality-disabled", f"{source.value} says enabled: false, so every endpoint is in one level")
    elif isinstance(setting, ZoneAwareSetting):
        if not component.traits.knows_zone_awareness:
            text = f"a {component} knows no zone awareness: {source.value} leaves every endpoint in one level"
            yield Note("zone-aware-unsupported", text)
    elif source is SettingSource.RULE_LOCALITY and setting is not None and not setting.distribute and not detects:
        text = "without outlierDetection puts nothing in the place of what it overrides: every endpoint is in one level"
        yield Note("failover-without-outlier", f"{source.value} {text}")
    elif source is SettingSource.MESH_LOCALITY and detects:
        text = "outlierDetection alone switches locality failover on, for the mesh-wide localityLbSetting"
        yield Note("implicit-locality", f"{text} is enabled unless it was switched off")
