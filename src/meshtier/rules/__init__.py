"""What do DestinationRules say, which of them holds, and what follows for each endpoint?

From an object to priorities: `DestinationRule.from_mapping`, `find_rule`,
`effective_policy`, `effective_setting`; `meshtier.dataplane` goes on from there.
"""

from meshtier.public import publish
from meshtier.rules.destination_rule import DestinationRule, effective_policy
from meshtier.rules.distribute import DistributedWeight, distribute_weights, matching_rule
from meshtier.rules.duration import parse_duration, to_duration
from meshtier.rules.effective import (
    MESH_DEFAULT,
    EffectiveSetting,
    LevelsBy,
    SettingSource,
    distribution_setting,
    effective_setting,
)
from meshtier.rules.kept import Kept
from meshtier.rules.levels import (
    LabelComparison,
    Wanted,
    WantedFrom,
    compare_labels,
    failover_level,
    failover_priority_levels,
    region_level,
    wanted_labels,
)
from meshtier.rules.locality_setting import (
    Distribute,
    Failover,
    LocalitySetting,
    ZoneAwareSetting,
    check_mixing,
    matches_place,
)
from meshtier.rules.lookup import (
    Asked,
    Found,
    Match,
    RuleIndex,
    Shadow,
    Shadowed,
    find_rule,
    host_matches,
    resolve_host,
)
from meshtier.rules.outlier import DEFAULT_LIMITS, OutlierDetection, OutlierLimits
from meshtier.rules.traffic_policy import Algorithm, LoadBalancer, PortPolicy, Subset, TrafficPolicy, Warmup

__all__ = [
    "DEFAULT_LIMITS",
    "MESH_DEFAULT",
    "Algorithm",
    "Asked",
    "DestinationRule",
    "Distribute",
    "DistributedWeight",
    "EffectiveSetting",
    "Failover",
    "Found",
    "Kept",
    "LabelComparison",
    "LevelsBy",
    "LoadBalancer",
    "LocalitySetting",
    "Match",
    "OutlierDetection",
    "OutlierLimits",
    "PortPolicy",
    "RuleIndex",
    "SettingSource",
    "Shadow",
    "Shadowed",
    "Subset",
    "TrafficPolicy",
    "Wanted",
    "WantedFrom",
    "Warmup",
    "ZoneAwareSetting",
    "check_mixing",
    "compare_labels",
    "distribute_weights",
    "distribution_setting",
    "effective_policy",
    "effective_setting",
    "failover_level",
    "failover_priority_levels",
    "find_rule",
    "host_matches",
    "matches_place",
    "matching_rule",
    "parse_duration",
    "region_level",
    "resolve_host",
    "to_duration",
    "wanted_labels",
]

publish(__name__)
