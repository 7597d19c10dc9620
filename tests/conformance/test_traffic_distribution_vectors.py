"""What istiod made of the settings of a service, case by case (PREC-1 to PREC-3, MODE-1, MODE-2)."""

from collections.abc import Mapping
from typing import Any

import pytest

from meshtier.component import Component
from meshtier.locality import SCOPE_LABELS
from meshtier.precedence import Resolution, resolve
from meshtier.profile import ISTIO_1_30, ISTIO_1_31, Profile

Case = Mapping[str, Any]

profiles = pytest.mark.parametrize("profile", [ISTIO_1_30, ISTIO_1_31], ids=str)


def resolution_of(case: Case, profile: Profile, *, component: Component, policy: str | None) -> Resolution:
    return resolve(
        spec=case["spec"],
        service_annotation=case["service_annotation"],
        namespace_annotation=case["namespace_annotation"],
        internal_traffic_policy=policy,
        component=component,
        profile=profile,
    )


@profiles
def test_istiod_finds_the_same_mode(traffic_distribution_case: Case, profile: Profile) -> None:
    case = traffic_distribution_case
    resolution = resolution_of(case, profile, component=Component.ZTUNNEL, policy=None)
    assert resolution.title == case["expect"]["traffic_distribution"]


@profiles
def test_istiod_tells_ztunnel_the_same(traffic_distribution_case: Case, profile: Profile) -> None:
    case = traffic_distribution_case
    resolution = resolution_of(case, profile, component=Component.ZTUNNEL, policy=case["internal_traffic_policy"])
    preference = resolution.preference
    health_policy = "ALLOW_ALL" if case["publish_not_ready_addresses"] else "ONLY_HEALTHY"
    mode = "STRICT" if preference.strict else "FAILOVER" if preference.scopes else "STANDARD"
    told = {
        "health_policy": health_policy,
        "mode": mode,
        "scopes": [scope.value.upper() for scope in preference.scopes],
    }
    nothing_to_tell = mode == "STANDARD" and health_policy == "ONLY_HEALTHY"
    assert (None if nothing_to_tell else told) == case["expect"]["ztunnel"]


@profiles
def test_istiod_gives_an_envoy_the_same_labels(traffic_distribution_case: Case, profile: Profile) -> None:
    # internalTrafficPolicy reaches an Envoy in another way, not as failover priorities.
    case = traffic_distribution_case
    resolution = resolution_of(case, profile, component=Component.WAYPOINT, policy=None)
    assert ([SCOPE_LABELS[scope] for scope in resolution.scopes] or None) == case["expect"]["failover_priority"]
