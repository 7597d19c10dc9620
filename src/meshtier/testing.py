"""What do property tests draw from? Hypothesis strategies for all that `rank` and the indexes take.

Needs the extra ``testing``. The names of places are few enough to meet again,
and odd enough to be confused: empty, alike but for case, with a blank at the end.
"""

from typing import Final

from meshtier.distribution import MODE_ALIASES, TrafficDistribution
from meshtier.endpoint import MAX_WEIGHT, Endpoint, Health
from meshtier.errors import MissingExtraError
from meshtier.labels import Labels
from meshtier.locality import Locality, Scope
from meshtier.preference import ModeLike, Preference
from meshtier.profile import PROFILES, CrossNetwork, Profile

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


def labels(*, max_size: int = 3) -> st.SearchStrategy[Labels]:
    """Labels of a client or an endpoint, with keys that often meet.

    Args:
        max_size: How many at most.
    """
    return st.dictionaries(names(), names(), max_size=max_size).map(Labels)


def modes() -> st.SearchStrategy[TrafficDistribution]:
    """Every mode."""
    return st.sampled_from(TrafficDistribution)


def words() -> st.SearchStrategy[str]:
    """The words of all modes in manifests, aliases too, also in lower and upper case."""
    written = [*(mode.value for mode in TrafficDistribution), *MODE_ALIASES]
    return st.sampled_from([form for word in written for form in (word, word.lower(), word.upper())])


def profiles() -> st.SearchStrategy[Profile]:
    """Every profile that has a name."""
    return st.sampled_from(list(PROFILES.values()))


def preferences() -> st.SearchStrategy[Preference]:
    """Any list of scopes, with repetitions, under both cross-network rules, strict or not."""
    return st.builds(
        Preference,
        st.lists(st.sampled_from(Scope), max_size=7),
        cross_network=st.sampled_from(CrossNetwork),
        strict=st.booleans(),
    )


def asked_for() -> st.SearchStrategy[ModeLike]:
    """Whatever `rank` and `EndpointIndex` take as what is asked for: modes, their words, and lists of scopes."""
    return modes() | words() | preferences()


@st.composite
def endpoint_lists(draw: st.DrawFn, *, max_size: int = 12) -> list[Endpoint]:
    """Endpoints with ids of their own, several often in one place, of every health and weight, some with labels.

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
            labels=draw(labels()),
        )
        for number in range(count)
    ]
