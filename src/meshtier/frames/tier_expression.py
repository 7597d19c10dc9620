"""In which tier is an endpoint, as one expression that a data frame engine computes? (TIER-1 to TIER-4)"""

from collections.abc import Sequence
from typing import Final

import narwhals as nw

from meshtier.distribution import MODE_NAMES, TrafficDistribution
from meshtier.errors import check_type
from meshtier.ladder import Ladder
from meshtier.locality import Scope
from meshtier.preference import ModeLike, Preference
from meshtier.profile import SOLO, Profile

CLIENT: Final = "client_"
ENDPOINT: Final = "endpoint_"
"""What the columns of the two places begin with, where the caller names nothing else."""

LOCAL: Final = "Local"
"""The word of ``internalTrafficPolicy: Local`` in a column of modes (PREC-3)."""


def tier_expr(
    mode: ModeLike,
    *,
    profile: Profile = SOLO,
    strict: bool = False,
    client: str = CLIENT,
    endpoint: str = ENDPOINT,
) -> nw.Expr:
    """The tier of the endpoint of a row for the client of that row, as `tier_of` gives it.

    A narwhals expression, for frames that narwhals wraps: pandas, polars, pyarrow,
    duckdb, PySpark, Dask and others. A part of a place that is not known is ``""``;
    a missing value (``None``, NULL) counts as that, since two unknown parts match.

    Args:
        mode: A mode, its word in manifests, or a preference.
        profile: Whose rules; a preference has its own.
        strict: Whether every scope must match. Others get no tier: a missing value.
        client, endpoint: What the names of the columns begin with: of a mode that
            compares three scopes there must be ``<prefix>network``, ``<prefix>region``
            and ``<prefix>zone``. A preference may compare ``<prefix>cluster`` too.

    Returns:
        An expression of whole numbers, 0 for P0.

    Raises:
        InvalidValueError: An argument is of the wrong type, or no mode is called so.

    >>> import narwhals as nw
    >>> import pandas as pd
    >>> from meshtier.frames import tier_expr
    >>> pairs = pd.DataFrame({
    ...     "client_network": ["n", "n"], "client_region": ["us", "us"],
    ...     "endpoint_network": ["n", "n"], "endpoint_region": ["us", "eu"],
    ... })
    >>> nw.from_native(pairs).select(tier=tier_expr("PreferRegion")).to_native()["tier"].tolist()
    [0, 1]
    """
    preference = Preference.of_mode(mode, profile=profile, strict=strict)
    check_type(client, str, "client")
    check_type(endpoint, str, "endpoint")
    equal = [_part(client, scope) == _part(endpoint, scope) for scope in preference.scopes]
    if not preference.strict:
        return _tier(preference.ladder, equal)
    return nw.when(nw.all_horizontal(*equal, ignore_nulls=False)).then(_number(0)) if equal else _number(0)


def tier_expr_by(
    column: str = "mode",
    *,
    profile: Profile = SOLO,
    client: str = CLIENT,
    endpoint: str = ENDPOINT,
) -> nw.Expr:
    """The same where every row has a mode of its own, as the endpoints of many services have.

    Args:
        column: The column of modes: their words in manifests, without regard to case;
            ``""`` or missing for `ANY`, and ``Local`` for ``internalTrafficPolicy: Local``,
            which gives no tier to what is not local. What is no mode gives no tier.
        profile: Whose rules.
        client, endpoint: As for `tier_expr`.
    """
    check_type(profile, Profile, "profile")
    word = nw.col(column).fill_null("").str.to_lowercase()
    words: dict[ModeLike, list[str]] = {
        mode: [name for name, meant in MODE_NAMES.items() if meant is mode] for mode in TrafficDistribution
    }
    words[TrafficDistribution.ANY].append("")
    words[Preference(profile.local_scopes, profile.cross_network, strict=True)] = [LOCAL.lower()]
    found: nw.Expr | None = None
    for mode, spellings in words.items():
        tier = tier_expr(mode, profile=profile, client=client, endpoint=endpoint)
        case = nw.when(word.is_in(spellings)).then(tier)
        found = case if found is None else case.otherwise(found)
    assert found is not None  # noqa: S101  # there are modes
    return found


def _tier(ladder: Ladder, equal: Sequence[nw.Expr], matched: int = 0, ignored: int = 0) -> nw.Expr:
    """The tier where so many comparisons have held, and so many were passed over, as `Ladder.climb` goes on."""
    here = matched + ignored
    tier = _number(ladder.tier(matched, same_network=not ignored))
    if here == ladder.steps:
        return tier
    other = _tier(ladder, equal, matched, ignored + 1) if here in ladder.preferred else tier
    return nw.when(equal[here]).then(_tier(ladder, equal, matched + 1, ignored)).otherwise(other)


def _number(tier: int) -> nw.Expr:
    return nw.lit(tier, dtype=nw.Int64)


def _part(prefix: str, scope: Scope) -> nw.Expr:
    return nw.col(f"{prefix}{scope.value}").fill_null("")
