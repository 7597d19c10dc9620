"""What ztunnel did, case by case, before and after it began to rank other networks (TIER-1 to TIER-3, LOAD-1)."""

from collections.abc import Mapping
from typing import Any

import pytest

from meshtier.endpoint import Endpoint, Health
from meshtier.locality import Locality, Scope
from meshtier.preference import Preference
from meshtier.profile import ISTIO_1_27, ISTIO_1_31, Profile
from meshtier.ranking import Ranking, rank

Case = Mapping[str, Any]

semantics = pytest.mark.parametrize(
    ("meaning", "profile"), [("flat", ISTIO_1_27), ("ranked", ISTIO_1_31)], ids=["flat", "ranked"]
)


def place_of(given: Case) -> Locality:
    return Locality(given["network"], given["region"], given["zone"], given["subzone"], given["node"])


def preference_of(case: Case, profile: Profile) -> Preference:
    mode = case["mode"]
    assert mode in {"STANDARD", "FAILOVER", "STRICT"}, "a mode that these tests do not know"
    # The standard mode does not look at the scopes, even where there are some.
    scopes = () if mode == "STANDARD" else tuple(Scope(scope.lower()) for scope in case["scopes"])
    return Preference(scopes, profile.cross_network, strict=mode == "STRICT")


def ranking_of(case: Case, profile: Profile) -> Ranking:
    policy = case["health_policy"]
    assert policy in {"ONLY_HEALTHY", "ALLOW_ALL"}, "a health policy that these tests do not know"
    endpoints = [
        Endpoint(str(index), place_of(given), health=Health(given["health"].lower()), cluster=given["cluster"])
        for index, given in enumerate(case["endpoints"])
    ]
    candidates = [endpoint for endpoint in endpoints if policy == "ALLOW_ALL" or endpoint.health.serves]
    client = case["src"]
    return rank(place_of(client), candidates, preference_of(case, profile), client_cluster=client["cluster"])


@semantics
def test_ztunnel_ranks_as_it_did(ztunnel_case: Case, meaning: str, profile: Profile) -> None:
    ranking = ranking_of(ztunnel_case, profile)
    preference = ranking.preference
    # Upstream counts the other way round: its highest rank is our P0.
    top = preference.ladder.tiers - 1
    ranks = {name: top - number for name, number in ranking.tier_of.items()}
    told = [ranks.get(str(index)) for index in range(len(ztunnel_case["endpoints"]))]
    assert told == ztunnel_case["expect"][meaning]["ranks"]


@semantics
def test_ztunnel_sends_where_it_did(ztunnel_case: Case, meaning: str, profile: Profile) -> None:
    best = ranking_of(ztunnel_case, profile).tiers[:1]
    selected = [int(endpoint.id) for tier in best for endpoint in tier.endpoints]
    assert selected == ztunnel_case["expect"][meaning]["selected"]
