"""Who gets how much, where an engine computes it? Tiers and shares of frames of pairs, and the pairs themselves."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import narwhals as nw
from attrs import frozen

from meshtier.errors import InvalidValueError
from meshtier.frames.tier_expression import CLIENT, ENDPOINT, LOCAL, tier_expr, tier_expr_by
from meshtier.locality import SCOPES
from meshtier.preference import ModeLike, Preference
from meshtier.profile import SOLO, Profile
from meshtier.table import shortened

Frame = TypeVar("Frame")
"""A frame of the caller's library, which comes back as one of the same."""

PLACE: Final = tuple(scope.value for scope in SCOPES)
"""The parts of a place, as the columns of a frame of endpoints or clients are called."""

CLUSTER: Final = "cluster"
HOST: Final = "host"
MODE: Final = "mode"

_NEVER: Final = 99
"""A tier behind all that there are, of what can get nothing."""

_HEALTHY: Final = "healthy"
_WEIGHT: Final = "weight"
_COUNT: Final = "count"
_BEST: Final = "meshtier_best_tier"
_SERVING: Final = "meshtier_serving_weight"
_TOTAL: Final = "meshtier_total_weight"
"""Columns that come and go again."""

_Any = nw.DataFrame[Any] | nw.LazyFrame[Any]


def with_tiers(
    frame: Frame,
    mode: ModeLike | None = None,
    *,
    profile: Profile = SOLO,
    strict: bool = False,
    client: str = CLIENT,
    endpoint: str = ENDPOINT,
    column: str = "tier",
) -> Frame:
    """The frame with the tier of each row's endpoint for its client, as a column of whole numbers.

    Args:
        frame: A frame of pandas, polars, pyarrow, duckdb, PySpark, Dask or another
            library that narwhals knows, with the columns that `tier_expr` names. A lazy one stays lazy.
        mode: What decides, as for `tier_expr`; ``None``: each row's own, from the
            column ``mode``, as for `tier_expr_by`.
        profile, strict, client, endpoint: As for `tier_expr`; *strict* needs a *mode*.
        column: What the new column is called.

    Returns:
        A frame of the same library. Where a strict choice leaves an endpoint out, its
        tier is missing; the others are whole numbers all the same.

    Raises:
        InvalidValueError: It is no frame, a column that is compared is missing or
            holds no text, or an argument is wrong.
    """
    pairs = _wrapped(frame, "frame")
    found: Frame = _native(_tiered(pairs, mode, _Question(profile, strict, client, endpoint), column), column)
    return found


def with_shares(
    frame: Frame,
    mode: ModeLike | None = None,
    *,
    profile: Profile = SOLO,
    strict: bool = False,
    client: str = CLIENT,
    endpoint: str = ENDPOINT,
    by: Sequence[str] | None = None,
    tier: str = "tier",
    share: str = "share",
) -> Frame:
    """The frame with the tier of each row and its share of the client's traffic, as a ztunnel spreads it (LOAD-1).

    All traffic of a client to a host goes to its best tier with an endpoint that
    can serve, in proportion to the weights.

    Args:
        frame: As for `with_tiers`: a row for each client and endpoint of a host, or for
            each pair of places as from `place_pairs`. ``<endpoint>healthy`` says how many
            endpoints of the row can serve (or True and False; absent: 1 each), and
            ``<endpoint>weight`` what they weigh together (absent: as many as can serve).
        mode, profile, strict, client, endpoint: As for `with_tiers`.
        by: The columns that say who asks for what, within which shares add up to 1;
            ``None`` for ``cluster``, ``host`` and all columns that begin with *client*, as far as there are any.
        tier, share: What the new columns are called.

    Returns:
        A frame of the same library, whose shares of a client and host add up to 1, or
        to 0 where nothing can serve or the best tier weighs nothing. Engines that
        work in parts, such as Dask and Spark, may give the rows in another order.

    Raises:
        InvalidValueError: As for `with_tiers`, or a column of *by* is missing.
    """
    pairs = _wrapped(frame, "frame")
    names = pairs.collect_schema().names()
    keys = [name for name in names if name in {CLUSTER, HOST} or name.startswith(client)] if by is None else list(by)
    if missing := [name for name in keys if name not in names]:
        raise InvalidValueError(f"expected columns of the frame, got {shortened(missing)}", "by")
    found = _tiered(pairs, mode, _Question(profile, strict, client, endpoint), tier)
    native: Frame = _native(_shared(found, keys, endpoint, tier, share), tier)
    return native


def place_pairs(
    endpoints: Frame,
    clients: Frame,
    *,
    parts: Iterable[str] = PLACE,
    on: Iterable[str] = (CLUSTER, HOST),
    keep: Iterable[str] = (CLUSTER, HOST, MODE),
    client: str = CLIENT,
    endpoint: str = ENDPOINT,
) -> Frame:
    """A row for each pair of distinct places, one with clients and one with endpoints.

    The tier of a pair follows from its places alone, and there are few of them: of
    100,000 endpoints and 1,000 clients in 21 places 441 pairs are left of 10^8.

    Args:
        endpoints: A row for each endpoint, with the columns ``network`` … ``node``.
            ``healthy`` says whether it can serve (absent: it can), and ``weight``
            what it weighs (absent: 1).
        clients: A row for each client, of the same library, with columns of the same
            names. ``count`` says how many clients a row stands for (absent: 1).
        parts: The parts of a place that count. Leave out ``node`` where no mode
            compares it, and as many fewer pairs there are.
        on: Columns in which a client and an endpoint must be alike, as far as both
            frames have them: as the cluster that asks, in the tables of `tables`.
        keep: Columns of *endpoints* that tell them apart beside their place; those
            that are not there are passed over.
        client, endpoint: What the columns of the pairs begin with.

    Returns:
        A frame of the same library with the columns *keep*, ``<client>network`` …,
        ``<client>count`` (how many clients are there), ``<endpoint>network`` …,
        ``<endpoint>count``, ``<endpoint>healthy`` (how many can serve) and
        ``<endpoint>weight`` (what these weigh together): what `with_shares` takes.

    Raises:
        InvalidValueError: One is no frame, they are of two libraries, or a part of a place is missing.
    """
    here, there = _wrapped(clients, "clients"), _wrapped(endpoints, "endpoints")
    if here.implementation is not there.implementation or type(here) is not type(there):
        kinds = f"{type(endpoints).__module__} and {type(clients).__module__}"
        raise InvalidValueError(f"expected endpoints and clients of one library, got {kinds}", "clients")
    parts = list(parts)
    _check_columns(there, parts, "endpoints")
    _check_columns(here, parts, "clients")
    names, others = (frame.collect_schema().names() for frame in (there, here))
    alike = [name for name in on if name in names and name in others]
    kept = dict.fromkeys([*alike, *(name for name in keep if name in names)])
    left = _clients(here, alike, parts, client)
    right = _endpoints(there, list(kept), parts, endpoint)
    joined = left.join(right, on=alike, how="inner") if alike else left.join(right, how="cross")
    found: Frame = joined.to_native()
    return found


@frozen
class _Question:
    """What is asked of every row."""

    profile: Profile
    strict: bool
    client: str
    endpoint: str


def _wrapped(frame: object, path: str) -> _Any:
    try:
        found: _Any = nw.from_native(frame)  # it says itself what it cannot take
    except TypeError:
        kind = f"{type(frame).__module__}.{type(frame).__qualname__}"
        raise InvalidValueError(f"expected a data frame of a library that narwhals knows, got a {kind}", path) from None
    return found


def _tiered(pairs: _Any, mode: ModeLike | None, question: _Question, column: str) -> _Any:
    client, endpoint, profile = question.client, question.endpoint, question.profile
    if mode is None:
        if question.strict:
            raise InvalidValueError(
                f"expected a mode beside strict; a column of modes has the word {LOCAL!r}", "strict"
            )
        scopes = PLACE
        _check_columns(pairs, [MODE], "frame")
        tier = tier_expr_by(MODE, profile=profile, client=client, endpoint=endpoint)
    else:
        preference = Preference.of_mode(mode, profile=profile, strict=question.strict)
        scopes = tuple(scope.value for scope in preference.scopes)
        tier = tier_expr(preference, client=client, endpoint=endpoint)
    _check_columns(pairs, [f"{prefix}{scope}" for prefix in (client, endpoint) for scope in scopes], "frame")
    return pairs.with_columns(tier.alias(column))


def _check_columns(frame: _Any, wanted: Sequence[str], path: str) -> None:
    """All of them are there and may hold text."""
    schema = frame.collect_schema()
    if missing := [name for name in wanted if name not in schema]:
        raise InvalidValueError(f"expected the columns {', '.join(missing)}, got {shortened(schema.names())}", path)
    if wrong := [name for name in wanted if schema[name].is_numeric() or schema[name] == nw.Boolean]:
        said = ", ".join(f"{name} ({schema[name]})" for name in wrong)
        raise InvalidValueError(f"expected columns of text, got {said}", path)


def _shared(pairs: _Any, by: Sequence[str], endpoint: str, tier: str, share: str) -> _Any:
    """As `ztunnel_shares` says it, in columns."""
    names = pairs.collect_schema().names()
    healthy = nw.col(f"{endpoint}{_HEALTHY}").cast(nw.Int64) if f"{endpoint}{_HEALTHY}" in names else nw.lit(1)
    weight = nw.col(f"{endpoint}{_WEIGHT}") if f"{endpoint}{_WEIGHT}" in names else healthy
    keys = {name: f"meshtier_key_{number}" for number, name in enumerate(by)}
    serves = (healthy > 0) & ~nw.col(tier).is_null()
    found = pairs.with_columns(
        *(_known(pairs, name).alias(key) for name, key in keys.items()),
        nw.when(serves).then(nw.col(tier)).otherwise(_NEVER).cast(nw.Int64).alias(_SERVING),
    )
    found = _by_key(found, nw.col(_SERVING).min(), list(keys.values()), _BEST)
    is_best = (nw.col(_SERVING) == nw.col(_BEST)) & (nw.col(_BEST) < _NEVER)
    found = found.with_columns(nw.when(is_best).then(weight).otherwise(0).cast(nw.Float64).alias(_SERVING))
    found = _by_key(found, nw.col(_SERVING).sum(), list(keys.values()), _TOTAL)
    part = nw.when(nw.col(_TOTAL) > 0).then(nw.col(_SERVING) / nw.col(_TOTAL)).otherwise(0.0)
    shared: _Any = found.with_columns(part.alias(share)).drop(_BEST, _SERVING, _TOTAL, *keys.values())
    return shared


def _by_key(frame: Any, value: nw.Expr, keys: Sequence[str], column: str) -> Any:  # noqa: ANN401  # eager or lazy
    """The frame with a value that all rows of one key have in common."""
    if not keys:
        return frame.with_columns(value.alias(column))
    if not frame.implementation.is_dask():
        return frame.with_columns(value.over(*keys).alias(column))
    # Dask shuffles the rows and puts the values beside them by their index; after a join several rows
    # have the same one, and are mixed up or refused (seen in dask 2026.8).
    values = _plain(frame.group_by(*keys).agg(value.alias(column)))
    return frame.join(values, on=list(keys), how="left")


def _known(frame: _Any, name: str) -> nw.Expr:
    """A column to group by: what is missing is a value like any other, and not a row that is left out."""
    kind = frame.collect_schema()[name]
    is_text = not kind.is_numeric() and kind != nw.Boolean
    return nw.col(name).fill_null("") if is_text else nw.col(name)


def _clients(frame: _Any, keys: Sequence[str], parts: Sequence[str], prefix: str) -> Any:  # noqa: ANN401  # eager or lazy
    count = nw.col(_COUNT) if _COUNT in frame.collect_schema().names() else nw.lit(1)
    counted = frame.with_columns(count.alias(_TOTAL))
    return _plain(_grouped(counted, keys, parts, prefix).agg(nw.col(_TOTAL).sum().alias(f"{prefix}{_COUNT}")))


def _endpoints(frame: _Any, keys: Sequence[str], parts: Sequence[str], prefix: str) -> Any:  # noqa: ANN401  # as above
    names = frame.collect_schema().names()
    healthy = nw.col(_HEALTHY).cast(nw.Int64) if _HEALTHY in names else nw.lit(1)
    weight = nw.col(_WEIGHT) if _WEIGHT in names else nw.lit(1)
    made = frame.with_columns(
        nw.lit(1).alias(_BEST),
        healthy.alias(_SERVING),
        nw.when(healthy > 0).then(weight).otherwise(0).cast(nw.Int64).alias(_TOTAL),
    )
    grouped = _grouped(made, keys, parts, prefix).agg(
        nw.col(_BEST).sum().alias(f"{prefix}{_COUNT}"),
        nw.col(_SERVING).sum().alias(f"{prefix}{_HEALTHY}"),
        nw.col(_TOTAL).sum().alias(f"{prefix}{_WEIGHT}"),
    )
    return _plain(grouped)


def _plain(frame: _Any) -> _Any:
    """The frame, ready to be joined.

    Dask's planner looks through a join for the columns of a group below it, and fails
    with those that narwhals gives it (dask 2026.8, _merge.py); it does not look through this.
    """
    if not frame.implementation.is_dask():
        return frame
    found: _Any = nw.from_native(frame.to_native().map_partitions(_same))
    return found


def _same(part: Any) -> Any:  # noqa: ANN401  # a frame of pandas
    return part


def _grouped(frame: _Any, keys: Sequence[str], parts: Sequence[str], prefix: str) -> Any:  # noqa: ANN401  # eager or lazy
    known = frame.with_columns(
        *(_known(frame, name) for name in keys),
        *(nw.col(part).fill_null("").alias(f"{prefix}{part}") for part in parts),
    )
    return known.group_by(*keys, *(f"{prefix}{part}" for part in parts))


def _native(frame: _Any, column: str) -> Any:  # noqa: ANN401  # the caller's library
    """The frame of the caller's library, in which the tiers are whole numbers also where one is missing."""
    native, library = frame.to_native(), frame.implementation
    if library.is_pandas_like() or library.is_dask():
        # In numpy a missing value makes floats of whole numbers; "Int64" knows missing ones. What Dask
        # says of a column beforehand does not see them.
        whole = library.is_pandas_like() and frame.collect_schema()[column] == nw.Int64
        return native.assign(**{column: native[column].astype("int64" if whole else "Int64")})
    return native
