"""What the guides must show, written by hand from the rules: a module for each guide, with a table `EXPECTED`.

A table has each step of its guide by number, and each answer of the step by the name
that it has in the `steps` of the page. Endpoints are named by the last part of their ids.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from attrs import field, frozen


@frozen(kw_only=True)
class ExpectedRoute:
    """What a `Route` must say.

    Attributes:
        shares: What each endpoint gets, 0 to 1; those that get nothing are left out.
        lost: What finds no endpoint.
        tiers: The endpoints of each tier by number, as the component that chooses knows
            them; tiers without endpoints are left out. ``None``: not checked.
        waypoints: What each pod of the client's waypoint is sent; none if no waypoint is in the path.
        notes: Codes of notes that there must be.
    """

    shares: Mapping[str, float]
    lost: float = 0.0
    tiers: Mapping[int, AbstractSet[str]] | None = None
    waypoints: Mapping[str, float] = field(factory=dict[str, float])
    notes: AbstractSet[str] = frozenset()


@frozen(kw_only=True)
class ExpectedTimeline:
    """What a `Timeline` must say.

    Attributes:
        detected: All ejections, refusals and returns in order: when, ``ejected``,
            ``ejection refused`` or ``returned``, and the endpoint. ``None``: not checked.
        shares: What each endpoint gets at a moment, 0 to 1; those that get nothing are left out.
        bad: What part of the requests fails at a moment.
        errors: How many requests fail in all; ``None``: not checked.
        by: Who detects; ``None``: not checked.
        notes: Codes of notes that there must be.
    """

    detected: tuple[tuple[float, str, str], ...] | None = None
    shares: Mapping[float, Mapping[str, float]]
    bad: Mapping[float, float]
    errors: int | None = None
    by: AbstractSet[str] | None = None
    notes: AbstractSet[str] = frozenset()


Expected: TypeAlias = ExpectedRoute | ExpectedTimeline
Steps: TypeAlias = Mapping[int, Mapping[str, Expected]]
"""The answers of a guide, by the number of the step and the name of the answer."""

THIRD, HALF = 1 / 3, 0.5


def split(*names: str) -> dict[str, float]:
    """The same share for each, all of it together."""
    return dict.fromkeys(names, 1 / len(names))
