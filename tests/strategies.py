"""What the laws draw from: places, endpoints, preferences and settings, as wide as the functions accept."""

from itertools import product
from typing import Final

from hypothesis import strategies as st

from meshtier import testing
from meshtier.distribution import TrafficDistribution
from meshtier.locality import Scope
from meshtier.precedence import Level
from meshtier.profile import PROFILES

RULES: Final = tuple(product(PROFILES.values(), TrafficDistribution))
"""Every profile with every mode; a law that loops over them holds under all."""

names: Final = testing.names()

localities: Final = testing.localities()

scopes: Final = st.sampled_from(Scope)

preferences: Final = testing.preferences()

endpoint_lists = testing.endpoint_lists

words: Final = st.sampled_from(
    [
        "Any",
        "PreferClose",
        "PreferNetwork",
        "PreferRegion",
        "PreferSameNode",
        "PreferSameZone",
        "any",
        "preferclose",
        "PREFERSAMEZONE",
        "preferRegion",
        " PreferClose",
        "PreferSameNode ",
        "PreferSameRegion",
        "Local",
        "Cluster",
        "local",
        " ",
    ]
)
"""What may stand in a manifest, right and nearly right."""

setting_texts: Final = st.none() | st.just("") | words | st.text(max_size=20)
"""The text of one setting; ``None`` and ``""`` where there is none."""


settings_by_argument: Final = st.fixed_dictionaries(
    {
        "internal_traffic_policy": setting_texts,
        "spec": setting_texts,
        "service_annotation": setting_texts,
        "service_entry_annotation": setting_texts,
        "namespace_annotation": setting_texts,
    }
)
"""Arguments of ``resolve`` that hold a text, from the highest precedence to the lowest."""

LEVEL_OF: Final = {
    "internal_traffic_policy": Level.INTERNAL_TRAFFIC_POLICY,
    "spec": Level.SERVICE_SPEC,
    "service_annotation": Level.SERVICE_ANNOTATION,
    "service_entry_annotation": Level.SERVICE_ENTRY_ANNOTATION,
    "namespace_annotation": Level.NAMESPACE_ANNOTATION,
}
"""The level that each argument of ``resolve`` stands for, highest first."""
