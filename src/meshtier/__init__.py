"""From here, which endpoints of this service get traffic, in what order, how much, and why?

>>> from meshtier import Endpoint, Locality, TrafficDistribution, rank
>>> home = Locality("net-1", "us-east", "us-east-1a")
>>> far = Locality("net-2", "us-west", "us-west-2a")
>>> endpoints = [Endpoint("near", home), Endpoint("far", far)]
>>> rank(home, endpoints, TrafficDistribution.PREFER_SAME_ZONE).tiers
(Tier(P0: near), Tier(P3: far))

The core works on plain values and needs nothing but attrs. `meshtier.kube`
reads Kubernetes objects into a `Mesh`; `meshtier.export` writes for Envoy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from meshtier.component import COMPONENTS, Component, Traits
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint, Exclusion, Health, Reason
from meshtier.errors import InputError, InvalidValueError, MeshError, MissingExtraError, Problem, UnknownNameError
from meshtier.labels import Labels
from meshtier.locality import SCOPES, Locality, Scope
from meshtier.note import Note
from meshtier.precedence import ANNOTATION, Level, Resolution, Setting, resolve
from meshtier.preference import Preference, mode_table
from meshtier.profile import (
    ISTIO_1_24,
    ISTIO_1_27,
    ISTIO_1_30,
    ISTIO_1_31,
    PROFILES,
    SOLO,
    CrossNetwork,
    Profile,
    RuleMixing,
)
from meshtier.ranking import Ranking, rank
from meshtier.table import Table
from meshtier.tiers import Tier, priorities, tier_of

if TYPE_CHECKING:
    from meshtier.dataplane import EnvoySettings, Shares, spread
    from meshtier.index import EndpointIndex, LabelIndex, StaleViewError, TierView
    from meshtier.mesh import Client, Explanation, Mesh, Route
    from meshtier.rules import DestinationRule

__all__ = [
    "ANNOTATION",
    "COMPONENTS",
    "ISTIO_1_24",
    "ISTIO_1_27",
    "ISTIO_1_30",
    "ISTIO_1_31",
    "PROFILES",
    "SCOPES",
    "SOLO",
    "Client",
    "Component",
    "CrossNetwork",
    "DestinationRule",
    "Endpoint",
    "EndpointIndex",
    "EnvoySettings",
    "Exclusion",
    "Explanation",
    "Health",
    "InputError",
    "InvalidValueError",
    "LabelIndex",
    "Labels",
    "Level",
    "Locality",
    "Mesh",
    "MeshError",
    "MissingExtraError",
    "Note",
    "Preference",
    "Problem",
    "Profile",
    "Ranking",
    "Reason",
    "Resolution",
    "Route",
    "RuleMixing",
    "Scope",
    "Setting",
    "Shares",
    "StaleViewError",
    "Table",
    "Tier",
    "TierView",
    "TrafficDistribution",
    "Traits",
    "UnknownNameError",
    "mode_table",
    "priorities",
    "rank",
    "resolve",
    "spread",
    "tier_of",
]

# Whoever needs the words and the tiers alone does not wait for the rest: these
# rooms are loaded when one of their names is first used.
_LATER: Final = {
    "Client": "meshtier.mesh",
    "DestinationRule": "meshtier.rules",
    "EndpointIndex": "meshtier.index",
    "EnvoySettings": "meshtier.dataplane",
    "LabelIndex": "meshtier.index",
    "Mesh": "meshtier.mesh",
    "Route": "meshtier.mesh",
    "Shares": "meshtier.dataplane",
    "StaleViewError": "meshtier.index",
    "TierView": "meshtier.index",
    "Explanation": "meshtier.mesh",
    "spread": "meshtier.dataplane",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
