"""What the laws draw from: places, endpoints, preferences and settings, as wide as the functions accept."""

from itertools import product
from typing import Final

from hypothesis import strategies as st

from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import MAX_WEIGHT, Endpoint, Health
from meshtier.locality import Locality, Scope
from meshtier.precedence import Level
from meshtier.profile import PROFILES, CrossNetwork
from meshtier.tiers import Preference

RULES: Final = tuple(product(PROFILES.values(), TrafficDistribution))
"""Every profile with every mode; a law that loops over them holds under all."""

names: Final = st.sampled_from(["", "a", "b", "A", "a "]) | st.text(max_size=6)
"""Names of places: few enough to meet again, odd enough to be confused."""

localities: Final = st.builds(Locality, names, names, names, names, names)

scopes: Final = st.sampled_from(Scope)

preferences: Final = st.builds(
    Preference,
    st.lists(scopes, max_size=7),
    cross_network=st.sampled_from(CrossNetwork),
    strict=st.booleans(),
)
"""Any list of scopes, with repetitions."""

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


@st.composite
def endpoint_lists(draw: st.DrawFn, *, max_size: int = 12) -> list[Endpoint]:
    """Endpoints with ids of their own, several often in one place."""
    pool = draw(st.lists(localities, min_size=1, max_size=4))
    count = draw(st.integers(0, max_size))
    return [
        Endpoint(
            f"e{number}",
            draw(st.sampled_from(pool)),
            weight=draw(st.integers(0, MAX_WEIGHT)),
            health=draw(st.sampled_from(Health)),
            cluster=draw(names),
        )
        for number in range(count)
    ]


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
