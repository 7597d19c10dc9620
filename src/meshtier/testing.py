"""What do property tests draw from? Hypothesis strategies for places, endpoints and preferences.

Needs the extra ``testing``. The names of places are few enough to meet again,
and odd enough to be confused: empty, alike but for case, with a blank at the end.
"""

from typing import Final

from meshtier.endpoint import MAX_WEIGHT, Endpoint, Health
from meshtier.errors import MissingExtraError
from meshtier.locality import Locality, Scope
from meshtier.preference import Preference
from meshtier.profile import CrossNetwork

try:
    from hypothesis import strategies as st
except ImportError as _error:
    raise MissingExtraError("testing", "a strategy") from _error

_NAMES: Final = ("", "a", "b", "A", "a ")


def names() -> st.SearchStrategy[str]:
    """Names of networks, regions, zones and the like; ``""`` is an unknown one."""
    return st.sampled_from(_NAMES) | st.text(max_size=6)


def localities() -> st.SearchStrategy[Locality]:
    """Places that often share some of their parts."""
    return st.builds(Locality, names(), names(), names(), names(), names())


def preferences() -> st.SearchStrategy[Preference]:
    """Any list of scopes, with repetitions, under both cross-network rules, strict or not."""
    return st.builds(
        Preference,
        st.lists(st.sampled_from(Scope), max_size=7),
        cross_network=st.sampled_from(CrossNetwork),
        strict=st.booleans(),
    )


@st.composite
def endpoint_lists(draw: st.DrawFn, *, max_size: int = 12) -> list[Endpoint]:
    """Endpoints with ids of their own, several often in one place, of every health and weight.

    Args:
        draw: Given by hypothesis.
        max_size: How many at most.
    """
    pool = draw(st.lists(localities(), min_size=1, max_size=4))
    count = draw(st.integers(0, max_size))
    return [
        Endpoint(
            f"e{number}",
            draw(st.sampled_from(pool)),
            weight=draw(st.integers(0, MAX_WEIGHT)),
            health=draw(st.sampled_from(Health)),
            cluster=draw(names()),
        )
        for number in range(count)
    ]
