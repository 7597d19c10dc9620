"""What does an answer look like as plain data? The one form that every display is made from.

The keys are a public format: JSON and YAML output, tables and notebooks all
show these facts and no others.
"""

from typing import TypedDict

from meshtier.dataplane import MERGE_WINDOW_S, EjectionBounds, Failure
from meshtier.endpoint import Endpoint, Exclusion
from meshtier.locality import Locality
from meshtier.note import Note
from meshtier.precedence import Resolution, Setting


class PlaceData(TypedDict):
    """A locality; an unknown part is ``""``."""

    network: str
    region: str
    zone: str
    subzone: str
    node: str


class ClientData(TypedDict):
    """Where the traffic comes from, and where the component that chooses is."""

    name: str
    cluster: str
    place: PlaceData


class SettingData(TypedDict):
    """One setting as it was found."""

    level: str
    object: str
    field: str
    value: str
    rule: str


class DistributionData(TypedDict):
    """Traffic distribution: what holds, and what that overrode."""

    mode: str
    strict: bool
    scopes: list[str]
    source: SettingData
    overridden: list[SettingData]
    in_force: bool


class DistributeData(TypedDict):
    """How the traffic of some clients is divided among localities."""

    origin: str
    to: dict[str, int]


class FailoverData(TypedDict):
    """One region's substitute."""

    origin: str
    to: str


class LocalitySettingData(TypedDict):
    """The locality setting in force: a rule's, or the mesh-wide one."""

    source: str
    enabled: bool
    levels_by: str
    distribute: list[DistributeData]
    failover_priority: list[str]
    failover: list[FailoverData]
    zone_aware: bool


class OutlierDetectionData(TypedDict):
    """Outlier detection with every limit filled in; times in seconds."""

    consecutive_5xx: int
    consecutive_gateway: int
    consecutive_local_origin: int
    interval_s: float
    base_ejection_time_s: float
    max_ejection_time_s: float
    max_ejection_percent: int
    min_health_percent: int


class ShadowedRuleData(TypedDict):
    """A rule whose host fits and that does not hold."""

    rule: str
    host: str
    reason: str


class RuleData(TypedDict):
    """What DestinationRules had to say."""

    title: str
    rules: list[str]
    host: str
    match: str
    found_in: str
    subset: str
    setting: LocalitySettingData | None
    outlier_detection: OutlierDetectionData | None
    overridden: list[ShadowedRuleData]


class EndpointData(TypedDict):
    """One endpoint and its share; ``behind`` is ``None`` for all but the network endpoints of which more is known."""

    id: str
    place: PlaceData
    cluster: str
    health: str
    weight: int
    share: float
    behind: "list[EndpointData] | None"


class TierData(TypedDict):
    """One tier."""

    tier: int
    priority: int
    matched: str
    share: float
    healthy: int
    total: int
    endpoints: list[EndpointData]


class ExclusionData(TypedDict):
    """One endpoint that can get no traffic, and why."""

    id: str
    place: PlaceData
    cluster: str
    reason: str
    rule: str
    detail: str


class NoteData(TypedDict):
    """One remark."""

    code: str
    severity: str
    rule: str
    lint_rule: str
    object: str
    text: str


class PriorityBoundsData(TypedDict):
    """What ejections make of one priority of an Envoy."""

    priority: int
    hosts: int
    healthy: int
    nearer: int
    can_be_emptied: bool
    some_from: int | None
    all_from: int | None
    reason: str


class EjectionData(TypedDict):
    """What outlier detection can do at an Envoy; times in seconds."""

    hosts: int
    most_ejected: int
    nearest: int | None
    target: int | None
    can_fail_over: bool
    reason: str
    errors_to_eject: dict[str, int | None]
    first_return_s: float | None
    longest_return_s: float | None
    failback_s: float | None
    merge_window_s: float
    priorities: list[PriorityBoundsData]


class RouteData(TypedDict):
    """A whole answer."""

    host: str
    component: str
    profile: str
    client: ClientData
    distribution: DistributionData
    destination_rule: RuleData | None
    passthrough: str
    tiers: list[TierData]
    endpoints: list[EndpointData]
    excluded: list[ExclusionData]
    reason: str
    notes: list[NoteData]
    to_waypoint: "RouteData | None"
    waypoints: "list[HopData]"
    next_hops: "list[NextHopData]"
    ejection: EjectionData | None


class TierSummary(TypedDict):
    """One tier without its endpoints."""

    tier: int
    priority: int
    share: float
    healthy: int
    total: int


class RouteSummary(TypedDict):
    """An answer without its endpoints."""

    host: str
    cluster: str
    place: PlaceData
    component: str
    holds: str
    reason: str
    tiers: list[TierSummary]


class HopData(TypedDict):
    """One waypoint pod on the way."""

    waypoint: str
    share: float
    route: RouteData


class NextHopData(TypedDict):
    """One choice at the gateway of another network, for the traffic to a network endpoint."""

    endpoint: str
    by: str
    share: float
    route: RouteData


def place_data(place: Locality) -> PlaceData:
    """The five parts of a locality."""
    return PlaceData(
        network=place.network, region=place.region, zone=place.zone, subzone=place.subzone, node=place.node
    )


def setting_data(setting: Setting) -> SettingData:
    """A setting and where it stands."""
    return SettingData(
        level=str(setting.level),
        object=setting.object,
        field=setting.field,
        value=setting.value,
        rule=setting.level.rule,
    )


def distribution_data(resolution: Resolution, *, in_force: bool) -> DistributionData:
    """A resolution."""
    return DistributionData(
        mode=resolution.mode.value if resolution.mode is not None else "",
        strict=resolution.strict,
        scopes=[scope.value for scope in resolution.scopes],
        source=setting_data(resolution.source),
        overridden=[setting_data(setting) for setting in resolution.overridden],
        in_force=in_force,
    )


def endpoint_data(endpoint: Endpoint, share: float, behind: list[EndpointData] | None = None) -> EndpointData:
    """An endpoint with its share, and with what is behind it."""
    return EndpointData(
        id=endpoint.id,
        place=place_data(endpoint.locality),
        cluster=endpoint.cluster,
        health=endpoint.health.value,
        weight=endpoint.weight,
        share=share,
        behind=behind,
    )


def exclusion_data(exclusion: Exclusion) -> ExclusionData:
    """An exclusion with its reason."""
    return ExclusionData(
        id=exclusion.endpoint.id,
        place=place_data(exclusion.endpoint.locality),
        cluster=exclusion.endpoint.cluster,
        reason=exclusion.reason.value,
        rule=exclusion.rule,
        detail=exclusion.detail,
    )


def ejection_data(bounds: EjectionBounds) -> EjectionData:
    """What outlier detection can do."""
    return EjectionData(
        hosts=bounds.hosts,
        most_ejected=bounds.most_ejected,
        nearest=bounds.nearest,
        target=bounds.target,
        can_fail_over=bounds.can_fail_over,
        reason=bounds.reason,
        errors_to_eject={failure.value: bounds.errors_to_eject(failure) for failure in Failure},
        first_return_s=bounds.first_return_s,
        longest_return_s=bounds.longest_return_s,
        failback_s=bounds.failback_s,
        merge_window_s=MERGE_WINDOW_S,
        priorities=[
            PriorityBoundsData(
                priority=each.priority,
                hosts=each.hosts,
                healthy=each.healthy,
                nearer=each.nearer,
                can_be_emptied=each.can_be_emptied,
                some_from=each.some_from,
                all_from=each.all_from,
                reason=each.reason,
            )
            for each in bounds.priorities
        ],
    )


def note_data(note: Note) -> NoteData:
    """A note."""
    return NoteData(
        code=note.code,
        severity=note.severity.value,
        rule=note.rule,
        lint_rule=note.lint_rule,
        object=note.object,
        text=note.text,
    )
