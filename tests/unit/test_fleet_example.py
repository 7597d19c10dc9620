"""A fleet on an engine: dumps, tables, tiers and shares, zone matrix; the answers are those of `Mesh.routes`."""

import importlib.util
import json
import shutil
import sys
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from meshtier.component import Component
from meshtier.errors import InvalidValueError
from meshtier.kube import load
from meshtier.locality import Locality
from meshtier.mesh import Mesh

frames = pytest.importorskip("meshtier.frames")
nw = pytest.importorskip("narwhals")
pytest.importorskip("pyarrow")
pytest.importorskip("msgspec")

from benchmarks.fleet import even_fleet, kubernetes_dump  # noqa: E402  # needs what is looked for above

pytestmark = [
    pytest.mark.filterwarnings("ignore:Dask support is moving out"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dask"),  # what Dask does of pandas
]

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
PLACE: Final = ("network", "region", "zone", "subzone", "node")
MODES: Final = ("", "PreferClose", "PreferNetwork", "PreferRegion", "PreferSameNode", "Any")


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"fleet/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # for what is pickled
    spec.loader.exec_module(module)
    return module


ENGINES: Final = {"polars": "polars", "duckdb": "duckdb", "dask": "dask.dataframe", "pyspark": "pyspark.sql"}
TABLES: Final = ("endpoints", "services", "workloads")


def read(engine: str, tables: Path) -> list[Any]:
    library = pytest.importorskip(ENGINES[engine])
    if engine == "pyspark":
        if shutil.which("java") is None:
            pytest.skip("PySpark needs Java, and there is none")
        settings = {
            "spark.ui.enabled": "false",
            "spark.log.level": "ERROR",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",  # to compile takes longer than to compute what is small
            "spark.sql.codegen.wholeStage": "false",
        }
        library.SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    return [example("engines").read(engine, tables, table) for table in TABLES]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mesh, Path]:
    """Three clusters, written as dumps, read for themselves each, and one after the other."""
    made = even_fleet(clusters=3, nodes=4, services=len(MODES), pods=24, modes=MODES)
    dumps, place = tmp_path_factory.mktemp("dumps"), tmp_path_factory.mktemp("tables")
    for number in range(3):
        (dumps / f"cluster-{number}.json").write_text(json.dumps(kubernetes_dump(made, number)), encoding="utf-8")
    sources = sorted(dumps.iterdir())
    frames.write_tables([], place, clusters={source.stem: [source] for source in sources}, engine="pyarrow")
    return load(clusters={source.stem: source for source in sources}), place


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mesh, Path]:
    """Two clusters whose control planes announce to each other what the other one has."""
    place = tmp_path_factory.mktemp("tables")
    frames.write_tables([EXAMPLES / "failover/east.yaml", EXAMPLES / "failover/west.yaml"], place, engine="pyarrow")
    return load(EXAMPLES / "failover"), place


def rows(frame: Any) -> list[dict[str, Any]]:
    wrapped = nw.from_native(frame)
    return list((wrapped.collect() if isinstance(wrapped, nw.LazyFrame) else wrapped).iter_rows(named=True))


def place(row: dict[str, Any], prefix: str) -> Locality:
    return Locality(*(row[f"{prefix}{part}"] for part in PLACE))


@pytest.mark.parametrize("which", ["fleet", "peers"])
@pytest.mark.parametrize("engine", ENGINES)
def test_shares_by_place_are_those_of_all_routes(engine: str, which: str, request: pytest.FixtureRequest) -> None:
    mesh, tables = request.getfixturevalue(which)
    found: defaultdict[tuple[str, str, Locality], dict[tuple[Locality, int], float]] = defaultdict(dict)
    for row in rows(example("zone_matrix").shares_by_place(*read(engine, tables))):
        if row["share"]:
            found[row["cluster"], row["host"], place(row, "client_")][place(row, "endpoint_"), row["tier"]] = row[
                "share"
            ]
    expected = {
        (route.client.cluster, route.host, route.place.locality): told_by_place(route)
        for route in mesh.routes(component=Component.ZTUNNEL)
        if not route.passthrough and told_by_place(route)
    }
    starts = {
        (cluster.name, each.place.locality)
        for cluster in mesh.clusters
        for each in cluster.workloads.values()
        if each.proxy is None
    }
    assert {key: pytest.approx(value) for key, value in found.items()} == {
        key: value for key, value in expected.items() if (key[0], key[2]) in starts
    }


def told_by_place(route: Any) -> dict[tuple[Locality, int], float]:
    shares: defaultdict[tuple[Locality, int], float] = defaultdict(float)
    for tier in route.tiers:
        for endpoint in tier.endpoints:
            shares[endpoint.locality, tier.number] += route.told[endpoint.id]
    return {key: share for key, share in shares.items() if share}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_zone_matrix_adds_up_the_routes_of_all_pods(engine: str, fleet: tuple[Mesh, Path]) -> None:
    mesh, tables = fleet
    found = {
        (tuple(row[f"client_{part}"] for part in PLACE[:3]), tuple(row[f"endpoint_{part}"] for part in PLACE[:3])): row[
            "traffic"
        ]
        for row in rows(example("zone_matrix").zone_matrix(*read(engine, tables)))
    }
    expected: defaultdict[Any, float] = defaultdict(float)
    for cluster in mesh.clusters:
        pods = Counter(each.place.locality for each in cluster.workloads.values())
        for route in mesh.routes(component=Component.ZTUNNEL):
            if route.client.cluster == cluster.name:
                for (there, _), share in told_by_place(route).items():
                    expected[route.place.locality[:3], there[:3]] += share * pods[route.place.locality]
    assert found == {key: pytest.approx(value) for key, value in expected.items()}


def test_workers_find_what_the_whole_mesh_finds() -> None:
    mesh = load(EXAMPLES / "bookinfo/gateways")
    workers = example("workers")
    expected = {route.host for route in mesh.routes() if route.lost}
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("fork")) as pool:
        found = set().union(*pool.map(workers.lost_hosts, mesh.parts(4)))
    assert found == expected == {"ratings.bookinfo.svc.cluster.local"}


def test_an_engine_that_the_example_does_not_know_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="engine: expected polars, duckdb, dask or pyspark, got 'excel'"):
        example("engines").read("excel", Path(), "services")
