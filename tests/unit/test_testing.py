import importlib
import sys

import pytest
from hypothesis import given

from meshtier import testing
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint
from meshtier.errors import MissingExtraError
from meshtier.locality import Locality
from meshtier.ranking import rank


@given(client=testing.localities(), endpoints=testing.endpoint_lists(max_size=5))
def test_what_is_drawn_can_be_ranked_and_has_ids_of_its_own(client: Locality, endpoints: list[Endpoint]) -> None:
    ranking = rank(client, endpoints, TrafficDistribution.PREFER_SAME_NODE)
    assert set(ranking.tier_of) == {endpoint.id for endpoint in endpoints}
    assert len(endpoints) <= 5


def test_without_hypothesis_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "meshtier.testing")
    with pytest.raises(MissingExtraError, match=r"pip install 'meshtier\[testing\]'"):
        importlib.import_module("meshtier.testing")
