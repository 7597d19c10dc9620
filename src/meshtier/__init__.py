"""From here, which endpoints of this service get traffic, in what order, how much, and why?

>>> from meshtier import Endpoint, Locality, TrafficDistribution, rank
>>> home = Locality("net-1", "us-east", "us-east-1a")
>>> far = Locality("net-2", "us-west", "us-west-2a")
>>> endpoints = [Endpoint("near", home), Endpoint("far", far)]
>>> rank(home, endpoints, TrafficDistribution.PREFER_SAME_ZONE).tiers
(Tier(P0: near), Tier(P3: far))

The core works on plain values and needs nothing but attrs. `meshtier.kube`
reads Kubernetes objects into a `Mesh`; `meshtier.export` writes for Envoy. What
only some callers need is imported from its own module, as `meshtier.table.Table`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint, Exclusion, Health, Reason
from meshtier.errors import InputError, InvalidValueError, MeshError, MissingExtraError, UnknownNameError
from meshtier.labels import Labels
from meshtier.locality import SCOPES, Locality, Scope
from meshtier.preference import Preference
from meshtier.profile import PROFILES, SOLO, CrossNetwork, Profile
from meshtier.public import ROOMS, publish
from meshtier.ranking import Ranking, rank
from meshtier.tiers import Tier, priorities, tier_of

if TYPE_CHECKING:
    from meshtier.component import Component
    from meshtier.dataplane import Shares, spread
    from meshtier.index import EndpointIndex, LabelIndex, StaleViewError, TierView
    from meshtier.mesh import Client, Explanation, Mesh, Route
    from meshtier.note import Note
    from meshtier.precedence import Level, Resolution, resolve
    from meshtier.rules import DestinationRule

__all__ = [
    "PROFILES",
    "SCOPES",
    "SOLO",
    "Client",
    "Component",
    "CrossNetwork",
    "DestinationRule",
    "Endpoint",
    "EndpointIndex",
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
    "Profile",
    "Ranking",
    "Reason",
    "Resolution",
    "Route",
    "Scope",
    "Shares",
    "StaleViewError",
    "Tier",
    "TierView",
    "TrafficDistribution",
    "UnknownNameError",
    "priorities",
    "rank",
    "resolve",
    "spread",
    "tier_of",
]


def __getattr__(name: str) -> object:
    if name not in ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(ROOMS[name]), name)
    return value


def __dir__() -> list[str]:
    return list(__all__)


publish(__name__)
