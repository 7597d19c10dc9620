"""Is it the same? What a route says, against what an Envoy did."""

from typing import Final

from tests.integration.real_envoy import NOBODY, Subject

from meshtier.mesh import Route

REQUESTS: Final = 10_000
TOLERANCE: Final = 0.02
"""Two points: four standard deviations of a share of one half in so many requests."""


def percentages(route: Route) -> dict[int | str, int]:
    """The route's own integer percentages by priority, as `Subject.percentages` gives them."""
    found = {tier.priority: round(100 * tier.share, 6) for tier in route.tiers if tier.share}
    assert all(share == int(share) for share in found.values())
    return {priority: int(share) for priority, share in found.items()} or {NOBODY: 100}


def assert_shares(subject: Subject, route: Route, *, requests: int = REQUESTS, tolerance: float = TOLERANCE) -> None:
    """Every endpoint gets its share, and those without one get nothing at all."""
    measured = subject.shares(requests)
    expected = {identifier: share for identifier, share in route.told.items() if share} or {NOBODY: 1.0}
    assert set(measured) <= set(expected)
    for identifier, share in expected.items():
        found = measured.get(identifier, 0.0)
        assert abs(found - share) <= tolerance, f"{identifier}: {found:.4f} measured, {share:.4f} expected"
