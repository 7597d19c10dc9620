import importlib
import sys
from functools import partial
from operator import eq

import pytest
from hypothesis import find, given
from hypothesis.strategies import SearchStrategy

from meshtier import testing
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint
from meshtier.errors import MissingExtraError
from meshtier.index import EndpointIndex, LabelIndex
from meshtier.labels import Labels
from meshtier.locality import Locality
from meshtier.preference import ModeLike, Preference
from meshtier.profile import PROFILES, Profile
from meshtier.ranking import rank


@given(
    client=testing.localities(),
    endpoints=testing.endpoint_lists(max_size=5),
    mode=testing.asked_for(),
    profile=testing.profiles(),
)
def test_what_is_drawn_can_be_ranked_and_indexed(
    client: Locality, endpoints: list[Endpoint], mode: ModeLike, profile: Profile
) -> None:
    ranking = rank(client, endpoints, mode, profile=profile)
    told = {*ranking.tier_of, *(exclusion.endpoint.id for exclusion in ranking.excluded)}
    assert told == {endpoint.id for endpoint in endpoints}
    assert len(told) == len(endpoints) <= 5
    tiers = EndpointIndex(endpoints).tiers(client, mode, profile=profile)
    assert [(tier.number, len(tier.endpoints)) for tier in tiers] == [
        (tier.number, len(tier.endpoints)) for tier in ranking.tiers
    ]


@given(client=testing.labels(), endpoints=testing.endpoint_lists(), profile=testing.profiles())
def test_labels_that_are_drawn_can_be_compared(client: Labels, endpoints: list[Endpoint], profile: Profile) -> None:
    tiers = LabelIndex(["a", "b"], endpoints).tiers(client, profile=profile)
    assert sum(tier.total for tier in tiers) == len(endpoints)


@given(word=testing.words())
def test_a_word_that_is_drawn_is_that_of_a_mode(word: str) -> None:
    assert TrafficDistribution.parse(word) in set(TrafficDistribution)


@pytest.mark.parametrize(
    ("strategy", "wanted"),
    [
        pytest.param(testing.modes(), set(TrafficDistribution), id="modes"),
        pytest.param(testing.profiles(), set(PROFILES.values()), id="profiles"),
        pytest.param(testing.words(), {"PreferClose", "any", "PREFERSAMENODE"}, id="words"),
        pytest.param(testing.labels(), {Labels(), Labels({"a": "b"})}, id="labels"),
        pytest.param(testing.asked_for(), {TrafficDistribution.ANY, "Any", Preference(())}, id="asked for"),
    ],
)
def test_everything_may_be_drawn(strategy: SearchStrategy[object], wanted: set[object]) -> None:
    for value in wanted:
        assert find(strategy, partial(eq, value)) == value


def test_without_hypothesis_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "meshtier.testing")
    with pytest.raises(MissingExtraError, match=r"pip install 'meshtier\[testing\]'"):
        importlib.import_module("meshtier.testing")
