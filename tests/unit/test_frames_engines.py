"""Tiers and shares of frames are those of the core, on every engine that is installed."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final

import pytest

from meshtier.dataplane.ztunnel import ztunnel_shares
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint, Health
from meshtier.errors import InvalidValueError
from meshtier.kube import load
from meshtier.locality import SCOPES, Locality, Scope
from meshtier.preference import Preference
from meshtier.profile import PROFILES, SOLO, CrossNetwork, Profile
from meshtier.ranking import rank

pd = pytest.importorskip("pandas")
nw = pytest.importorskip("narwhals")
frames = pytest.importorskip("meshtier.frames")

pytestmark = [
    pytest.mark.filterwarnings("ignore:Dask support is moving out"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dask"),  # what Dask does of pandas
]

Columns = Mapping[str, Sequence[Any]]
PLACE: Final = tuple(scope.value for scope in SCOPES)
ZONE: Final = TrafficDistribution.PREFER_SAME_ZONE


def polars(columns: Columns) -> Any:
    return pytest.importorskip("polars").DataFrame(columns, strict=False)


def polars_lazy(columns: Columns) -> Any:
    return polars(columns).lazy()


def pyarrow(columns: Columns) -> Any:
    return pytest.importorskip("pyarrow").table(columns)


def pandas_arrow(columns: Columns) -> Any:
    arrow = pytest.importorskip("pyarrow")
    return arrow.table(columns).to_pandas(types_mapper=pd.ArrowDtype)


def duckdb(columns: Columns) -> Any:
    return pytest.importorskip("duckdb").from_arrow(pyarrow(columns))


def dask(columns: Columns) -> Any:
    return pytest.importorskip("dask.dataframe").from_pandas(pd.DataFrame(columns), npartitions=2)


def pyspark(columns: Columns) -> Any:
    sql = pytest.importorskip("pyspark.sql")
    if shutil.which("java") is None:
        pytest.skip("PySpark needs Java, and there is none")
    settings = {
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",  # to compile takes longer than to compute what is small
        "spark.sql.codegen.wholeStage": "false",
    }
    session = sql.SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    kinds = {str: "string", int: "long", bool: "boolean", float: "double"}
    schema = ", ".join(
        f"{name} {kinds[next((type(value) for value in values if value is not None), str)]}"
        for name, values in columns.items()
    )
    return session.createDataFrame(list(zip(*columns.values(), strict=True)), schema=schema)


ENGINES: Final[dict[str, Callable[[Columns], Any]]] = {
    "pandas": pd.DataFrame,
    "pandas-arrow": pandas_arrow,
    "polars": polars,
    "polars-lazy": polars_lazy,
    "pyarrow": pyarrow,
    "duckdb": duckdb,
    "dask": dask,
    "pyspark": pyspark,
}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Callable[[Columns], Any]:
    return ENGINES[request.param]


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """The rows in the order of their column ``id``, if they have one; what is missing is ``None``."""
    wrapped = nw.from_native(frame)
    found = (wrapped.collect() if isinstance(wrapped, nw.LazyFrame) else wrapped).to_dict(as_series=False)
    rows = [
        {name: None if pd.isna(value) else value for name, value in zip(found, row, strict=True)}
        for row in zip(*found.values(), strict=True)
    ]
    return sorted(rows, key=lambda row: row["id"]) if "id" in found else rows


def places(random: Random, count: int, prefix: str, *, unknown: Sequence[str | None] = ("", None)) -> Columns:
    """Places of two parts each, so that all depths of a match come; some parts are not known."""
    return {f"{prefix}{part}": [random.choice(("a", "b", *unknown)) for _ in range(count)] for part in PLACE}


def place_at(columns: Columns, prefix: str, row: int) -> Locality:
    return Locality(*(columns[f"{prefix}{part}"][row] or "" for part in PLACE))


def pairs(count: int, seed: int = 1) -> Columns:
    random = Random(seed)
    return {"id": range(count), **places(random, count, "client_"), **places(random, count, "endpoint_")}


def test_an_expression_gives_the_tier_of_every_mode_under_every_profile(engine: Callable[[Columns], Any]) -> None:
    columns = pairs(600)
    asked = {
        f"{mode.value} {cross.value} {depth} {strict}": Preference(mode.scopes[:depth], cross, strict=strict)
        for mode in TrafficDistribution
        for cross in CrossNetwork
        for depth in {mode.depth, *((profile.zone_depth for profile in PROFILES.values()) if mode is ZONE else ())}
        for strict in (False, True)
    }
    frame = nw.from_native(engine(columns))
    found = rows_of(frame.with_columns(**{name: frames.tier_expr(one) for name, one in asked.items()}).to_native())
    for row in found:
        client, place = (place_at(columns, prefix, row["id"]) for prefix in ("client_", "endpoint_"))
        assert {name: row[name] for name in asked} == {name: one.tier(client, place) for name, one in asked.items()}


def test_a_mode_and_a_profile_are_as_the_preference_that_they_mean(engine: Callable[[Columns], Any]) -> None:
    columns = pairs(100)
    for profile in PROFILES.values():
        found = rows_of(frames.with_tiers(engine(columns), "preferclose", profile=profile))
        for row in found:
            client, place = (place_at(columns, prefix, row["id"]) for prefix in ("client_", "endpoint_"))
            assert row["tier"] == Preference.of_mode(ZONE, profile=profile).tier(client, place)


WORDS: Final = ("Any", "PreferClose", "prefersamezone", "PREFERREGION", "PreferNetwork", "PreferSameNode", "", None)


@pytest.mark.parametrize("profile", [SOLO, PROFILES["istio-1.27"]], ids=lambda profile: profile.name)
def test_each_row_can_have_a_mode_of_its_own(engine: Callable[[Columns], Any], profile: Profile) -> None:
    random = Random(2)
    columns = {**pairs(300), "mode": [random.choice((*WORDS, "Local", "Nonsense")) for _ in range(300)]}
    local = Preference(profile.local_scopes, strict=True)
    for row in rows_of(frames.with_tiers(engine(columns), profile=profile)):
        client, place = (place_at(columns, prefix, row["id"]) for prefix in ("client_", "endpoint_"))
        match row["mode"]:
            case "Nonsense":
                expected = None
            case "Local":
                expected = local.tier(client, place)
            case word:
                expected = Preference.of_mode(word or "Any", profile=profile).tier(client, place)
        assert row["tier"] == expected, row


def test_a_preference_may_compare_clusters_and_leave_scopes_out(engine: Callable[[Columns], Any]) -> None:
    random = Random(3)
    clusters = {f"{prefix}cluster": [random.choice("ab") for _ in range(100)] for prefix in ("client_", "endpoint_")}
    columns = {**pairs(100), **clusters}
    preference = Preference((Scope.CLUSTER, Scope.ZONE))
    for row in rows_of(frames.with_tiers(engine(columns), preference)):
        client, place = (place_at(columns, prefix, row["id"]) for prefix in ("client_", "endpoint_"))
        expected = preference.tier(
            client, place, client_cluster=row["client_cluster"], place_cluster=row["endpoint_cluster"]
        )
        assert row["tier"] == expected


# Shares.


def world(seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Endpoints of three hosts, of which one has none that is healthy and one weighs nothing, and clients."""
    random = Random(seed)

    def place() -> dict[str, str | None]:
        return {part: random.choice(("a", "b", "", None)) for part in PLACE}

    endpoints = [
        {
            "host": f"host-{number % 4}",
            "endpoint": f"e{number}",
            **place(),
            "healthy": number % 4 != 1 and random.random() < 0.7,
            "weight": 0 if number % 4 == 2 else random.choice((0, 1, 1, 3)),
        }
        for number in range(40)
    ]
    return endpoints, [{"client": f"c{number}", **place()} for number in range(12)]


def columns_of(rows: Sequence[Mapping[str, Any]]) -> Columns:
    return {name: [row[name] for row in rows] for name in rows[0]}


def locality(row: Mapping[str, Any], prefix: str = "") -> Locality:
    return Locality(*(row[f"{prefix}{part}"] or "" for part in PLACE))


def expected_shares(
    endpoints: Sequence[Mapping[str, Any]], client: Mapping[str, Any], mode: TrafficDistribution, *, strict: bool
) -> dict[str, float]:
    found: dict[str, float] = {}
    for host in {row["host"] for row in endpoints}:
        made = [
            Endpoint(
                row["endpoint"],
                locality(row),
                weight=row["weight"],
                health=Health.HEALTHY if row["healthy"] else Health.UNHEALTHY,
            )
            for row in endpoints
            if row["host"] == host
        ]
        ranking = rank(locality(client), made, mode, strict=strict)
        found |= ztunnel_shares(ranking.tiers, [each.endpoint.id for each in ranking.excluded])
    return found


@pytest.mark.parametrize(("mode", "strict"), [(ZONE, False), (TrafficDistribution.PREFER_NETWORK, True)])
def test_shares_are_those_of_a_ztunnel(
    engine: Callable[[Columns], Any], mode: TrafficDistribution, strict: bool
) -> None:
    endpoints, clients = world(1)
    rows = [
        {
            "id": number,
            "host": endpoint["host"],
            **{f"client_{name}": value for name, value in client.items()},
            **{f"endpoint_{name}": value for name, value in endpoint.items() if name != "host"},
        }
        for number, (client, endpoint) in enumerate((client, endpoint) for client in clients for endpoint in endpoints)
    ]
    found = rows_of(frames.with_shares(engine(columns_of(rows)), mode, strict=strict, by=["host", "client_client"]))
    shares: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for row in found:
        shares[row["client_client"]][row["endpoint_endpoint"]] = row["share"]
    for client in clients:
        assert shares[client["client"]] == pytest.approx(expected_shares(endpoints, client, mode, strict=strict))


def test_pairs_of_places_have_the_shares_of_all_that_is_there(engine: Callable[[Columns], Any]) -> None:
    endpoints, clients = world(2)
    found = rows_of(
        frames.with_shares(frames.place_pairs(engine(columns_of(endpoints)), engine(columns_of(clients))), ZONE)
    )
    shares = {
        (row["host"], locality(row, "client_"), locality(row, "endpoint_")): (row["client_count"], row["share"])
        for row in found
    }
    assert len(shares) == len(found)
    for client in clients:
        expected: defaultdict[tuple[str, Locality], float] = defaultdict(float)
        for name, share in expected_shares(endpoints, client, ZONE, strict=False).items():
            (row,) = [row for row in endpoints if row["endpoint"] == name]
            expected[row["host"], locality(row)] += share
        here = locality(client)
        got = {(host, there): share for (host, place, there), (_, share) in shares.items() if place == here}
        assert got == pytest.approx(expected)
        assert {count for (_, place, _), (count, _) in shares.items() if place == here} == {
            sum(locality(each) == here for each in clients)
        }


def test_pairs_leave_out_parts_that_no_mode_compares_and_keep_counts(engine: Callable[[Columns], Any]) -> None:
    endpoints, clients = world(3)
    for number, client in enumerate(clients):
        client |= {"host": f"host-{number % 2}", "count": number}
    found = rows_of(
        frames.place_pairs(engine(columns_of(endpoints)), engine(columns_of(clients)), parts=PLACE[:3], keep=["host"])
    )
    assert set(found[0]) == {
        "host",
        *(f"{prefix}{part}" for prefix in ("client_", "endpoint_") for part in (*PLACE[:3], "count")),
        "endpoint_healthy",
        "endpoint_weight",
    }
    for row in found:
        there = [
            one
            for one in endpoints
            if one["host"] == row["host"] and locality(one)[:3] == tuple(row[f"endpoint_{part}"] for part in PLACE[:3])
        ]
        assert row["endpoint_count"] == len(there)
        assert row["endpoint_healthy"] == sum(one["healthy"] for one in there)
        assert row["endpoint_weight"] == sum(one["weight"] for one in there if one["healthy"])
    for host in ("host-0", "host-1"):
        counted = {
            tuple(row[f"client_{part}"] for part in PLACE[:3]): row["client_count"]
            for row in found
            if row["host"] == host
        }
        assert sum(counted.values()) == sum(one["count"] for one in clients if one["host"] == host)
    assert {row["host"] for row in found} == {"host-0", "host-1"}


def test_without_healths_and_weights_all_are_alike(engine: Callable[[Columns], Any]) -> None:
    frame = engine({"client_network": ["n"] * 3, "endpoint_network": ["n", "n", "m"], "id": [0, 1, 2]})
    assert [row["share"] for row in rows_of(frames.with_shares(frame, "PreferNetwork"))] == [0.5, 0.5, 0.0]


def test_a_lazy_frame_stays_lazy() -> None:
    for make, kind in ((polars_lazy, "LazyFrame"), (duckdb, "DuckDBPyRelation")):
        assert type(frames.with_shares(make(pairs(3)), ZONE)).__name__ == kind


# Answers.


@pytest.mark.parametrize("make", [frames.tiers_frame, frames.endpoints_frame, frames.flows_frame])
@pytest.mark.parametrize("backend", ["polars", "pyarrow", "duckdb", "dask", "pyspark"])
def test_answers_are_frames_of_every_library(make: Callable[..., Any], backend: str) -> None:
    mesh = load("examples/bookinfo/gateways")
    routes = [mesh.route("curl-east", "productpage.bookinfo.mesh.internal"), mesh.route("curl-east", "ratings")]
    # The library has to be there, and PySpark wants a session.
    session = ENGINES[backend]({"a": ["b"]}).sparkSession if backend == "pyspark" else None
    ENGINES[backend]({"a": ["b"]})
    found = nw.from_native(make(routes, backend=backend, session=session))
    expected = nw.from_native(make(routes))
    assert rows_of(found.to_native()) == rows_of(expected.to_native())
    kinds = found.collect_schema()
    assert kinds == expected.collect_schema()
    for name in {"tier", "priority", "healthy", "total", "weight"} & set(kinds):
        assert kinds[name] == nw.Int64
    assert nw.from_native(make([], backend=backend, session=session)).collect_schema().names() == kinds.names()


def test_pyspark_wants_a_session() -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(InvalidValueError, match="session: expected a session beside 'pyspark', got none"):
        frames.tiers_frame([], backend="pyspark")


# What is refused.


def test_all_columns_that_are_missing_are_named_together(engine: Callable[[Columns], Any]) -> None:
    frame = engine({"client_network": ["n"], "endpoint_network": ["n"], "client_region": ["r"]})
    with pytest.raises(
        InvalidValueError, match="frame: expected the columns client_zone, endpoint_region, endpoint_zone"
    ):
        frames.with_tiers(frame, ZONE)


def test_columns_of_numbers_are_refused(engine: Callable[[Columns], Any]) -> None:
    frame = engine({"client_network": [1], "endpoint_network": ["n"]})
    with pytest.raises(InvalidValueError, match=r"frame: expected columns of text, got client_network \(Int64\)"):
        frames.with_tiers(frame, "PreferNetwork")


def test_frames_of_two_libraries_are_refused() -> None:
    columns = {part: ["a"] for part in PLACE}
    with pytest.raises(InvalidValueError, match="clients: expected endpoints and clients of one library, got"):
        frames.place_pairs(pd.DataFrame(columns), polars(columns))
    with pytest.raises(InvalidValueError, match="clients: expected endpoints and clients of one library, got"):
        frames.place_pairs(polars(columns), polars_lazy(columns))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: frames.with_tiers([1], ZONE), "frame: expected a data frame of a library that narwhals knows, got a"),
        (lambda: frames.with_tiers(pd.DataFrame({"a": [1]})), "frame: expected the columns mode, got a"),
        (lambda: frames.with_tiers(pd.DataFrame(pairs(1)), strict=True), "strict: expected a mode beside strict"),
        (lambda: frames.with_tiers(pd.DataFrame(pairs(1)), "PreferAll"), "mode: expected one of Any"),
        (lambda: frames.tier_expr("Any", client=1), "client: expected a string"),
        (
            lambda: frames.with_shares(pd.DataFrame(pairs(1)), ZONE, by=["who"]),
            "by: expected columns of the frame, got who",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(ask: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        ask()
