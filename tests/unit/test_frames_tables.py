"""Clusters as tables: what is in them, in which files, and that engines compute from them what a mesh answers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from meshtier.cli import app
from meshtier.component import Component
from meshtier.errors import InputError, InvalidValueError
from meshtier.kube import load
from meshtier.mesh import Cluster

frames = pytest.importorskip("meshtier.frames")
pd = pytest.importorskip("pandas")

EXAMPLES = Path(__file__).parents[2] / "examples"
FAILOVER, BOOKINFO = str(EXAMPLES / "failover"), str(EXAMPLES / "bookinfo/gateways")
GLOBAL = "productpage.bookinfo.mesh.internal"


@pytest.fixture(scope="module")
def east() -> Cluster:
    return load(BOOKINFO).clusters[0]


def rows(found: Any, table: str, **where: object) -> list[Mapping[str, object]]:
    columns = found.columns[table]
    made = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [row for row in made if all(row[name] == value for name, value in where.items())]


def test_every_column_is_documented_and_there(east: Cluster) -> None:
    found = frames.tables(east)
    from meshtier.frames.tables import COLUMNS

    assert {table: list(columns) for table, columns in found.columns.items()} == {
        table: list(columns) for table, columns in COLUMNS.items()
    }
    assert all(text for columns in COLUMNS.values() for text in columns.values())


def test_the_docs_list_every_column() -> None:
    from meshtier.frames.tables import COLUMNS

    page = (
        (EXAMPLES.parent / "docs/how-to/compute-a-fleet.md").read_text(encoding="utf-8").partition("## The columns")[2]
    )
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert rows == [[f"`{name}`", text] for columns in COLUMNS.values() for name, text in columns.items()]


def test_a_service_has_a_row_for_each_host_with_the_setting_that_holds(east: Cluster) -> None:
    found = frames.tables(east)
    (row,) = rows(found, "services", host="details.bookinfo.svc.cluster.local")
    assert row == {
        "cluster": "east",
        "host": "details.bookinfo.svc.cluster.local",
        "namespace": "bookinfo",
        "service": "details",
        "kind": "Service",
        "scope": "cluster",
        "joined": False,
        "mode": "PreferSameZone",
        "strict": False,
        "scopes": "network, region, zone",
        "level": "Service spec.trafficDistribution",
        "object": "Service bookinfo/details",
        "waypoint": "",
        "passthrough": "",
    }
    (local,) = rows(found, "services", host="ratings.bookinfo.svc.cluster.local")
    assert (local["mode"], local["strict"], local["level"]) == ("Local", True, "Service spec.internalTrafficPolicy")
    (everywhere,) = rows(found, "services", host=GLOBAL)
    assert (everywhere["joined"], everywhere["mode"], everywhere["waypoint"]) == (
        True,
        "PreferNetwork",
        "bookinfo/waypoint",
    )


def test_overridden_settings_are_rows_too(east: Cluster) -> None:
    mesh = load(BOOKINFO)
    held = {"details.bookinfo.svc.cluster.local", "ratings.bookinfo.svc.cluster.local"}
    for host in held:
        expected = mesh.route("curl-east", host, component=Component.ZTUNNEL).resolution
        found = rows(frames.tables(east), "settings", host=host)
        assert [(row["holds"], row["value"]) for row in found] == [
            (True, expected.source.value),
            *((False, setting.value) for setting in expected.overridden),
        ]


def test_endpoints_of_another_network_are_its_gateway() -> None:
    found = frames.tables(load(FAILOVER).clusters[0])
    assert [
        (row["endpoint"], row["network"], row["weight"], row["behind_gateway"])
        for row in rows(found, "endpoints", host=GLOBAL)
    ] == [
        ("east/bookinfo/productpage-v1-6d9f8-h2xkq", "net-east", 1, False),
        ("east/bookinfo/productpage-v1-6d9f8-t5wmb", "net-east", 1, False),
        ("east/istio-system/autogen.west.bookinfo.productpage", "net-west", 2, True),
    ]


def test_workloads_say_where_their_traffic_starts_and_gateways_where_they_lead(east: Cluster) -> None:
    found = frames.tables(east)
    (curl,) = rows(found, "workloads", name="curl-east")
    assert (curl["zone"], curl["healthy"], curl["starts_at"]) == ("us-east-b", True, "ztunnel")
    assert {row["starts_at"] for row in rows(found, "workloads", kind="Pod")} == {
        "ztunnel",
        "waypoint",
        "ingress-gateway",
    }
    assert {(row["remote"], row["to_cluster"]) for row in rows(found, "gateways")} == {(True, "west"), (False, "east")}


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow", "duckdb"])
def test_a_table_is_a_frame_of_any_library(east: Cluster, backend: str) -> None:
    pytest.importorskip(backend)
    nw = pytest.importorskip("narwhals")
    for table in frames.tables(east).columns:
        frame = nw.from_native(frames.tables(east).frame(table, backend=backend))
        schema = frame.collect_schema()
        for name, kind in schema.items():
            is_flag = name in {"joined", "strict", "healthy", "behind_gateway", "remote", "ready", "holds"}
            assert kind == (nw.Boolean if is_flag else nw.Int64 if name == "weight" else nw.String), (table, name)


# Files.


def read_csv(folder: Path, table: str) -> Any:
    found = [pd.read_csv(file, keep_default_na=False) for file in sorted((folder / table).glob("*.csv"))]
    return pd.concat(found, ignore_index=True)


def test_each_cluster_has_a_file_for_each_table(tmp_path: Path) -> None:
    written = frames.write_tables([f"{FAILOVER}/east.yaml", f"{FAILOVER}/west.yaml"], tmp_path, form="csv")
    assert [(each.cluster, each.rows["endpoints"]) for each in written] == [("east", 6), ("west", 6)]
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.csv")} == {
        f"{table}/{cluster}.csv"
        for table in ("services", "endpoints", "workloads", "gateways", "settings")
        for cluster in ("east", "west")
    }
    assert len(read_csv(tmp_path, "endpoints")) == 12


@pytest.mark.parametrize("engine", ["pyarrow", "polars"])
def test_parquet_holds_what_csv_holds(tmp_path: Path, engine: str) -> None:
    library = pytest.importorskip(engine)
    frames.write_tables([FAILOVER], tmp_path / "p", engine=engine)
    frames.write_tables([FAILOVER], tmp_path / "c", form="csv")
    for table in ("services", "endpoints", "workloads", "gateways", "settings"):
        if engine == "pyarrow":
            found = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "p" / table).to_pandas()
        else:
            found = pd.DataFrame(library.read_parquet(tmp_path / "p" / table / "*.parquet").to_dict(as_series=False))
        expected = read_csv(tmp_path / "c", table)
        assert found.astype(str).values.tolist() == expected.astype(str).values.tolist()


def test_names_of_clusters_that_are_no_file_names_are_quoted(tmp_path: Path) -> None:
    frames.write_tables([], tmp_path, clusters={"../a/b": [f"{FAILOVER}/east.yaml"]}, form="csv")
    assert [file.name for file in (tmp_path / "services").iterdir()] == ["..%2Fa%2Fb.csv"]


def test_a_cluster_in_two_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected all of cluster 'west' in one source, got some of it in"):
        frames.write_tables([FAILOVER, f"{FAILOVER}/west.yaml"], tmp_path, form="csv")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda place: frames.write_tables([FAILOVER], place, form="xls"),
            "form: expected one of parquet, csv, got 'xls'",
        ),
        (
            lambda place: frames.write_tables([FAILOVER], place, engine="excel"),
            "engine: expected one of pyarrow, polars",
        ),
        (
            lambda place: frames.write_tables([FAILOVER], f"{FAILOVER}/east.yaml", form="csv"),
            "directory: expected a folder",
        ),
        (lambda _: frames.tables("east"), "cluster: expected a Cluster"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, ask: Callable[[Path], object], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        ask(tmp_path)


def test_without_an_engine_csv_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from meshtier.frames import files

    monkeypatch.setattr(files, "_is_installed", lambda _: False)
    with pytest.raises(InvalidValueError, match=r"expected one of pyarrow, polars installed.*or ask for csv"):
        frames.write_tables([FAILOVER], tmp_path)


# The command.


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["tables", *arguments])


def test_the_command_writes_and_says_how_many_rows(tmp_path: Path) -> None:
    done = call(FAILOVER, "--to", str(tmp_path), "--as", "csv")
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "cluster  services  endpoints  workloads  gateways  settings",
        "east            3          6          5         2         3",
        "west            3          6          4         2         3",
    ]
    assert (tmp_path / "endpoints/west.csv").is_file()


def test_the_command_takes_named_clusters(tmp_path: Path) -> None:
    done = call("--cluster", f"a={FAILOVER}/east.yaml", "--to", str(tmp_path), "--as", "csv", "-o", "json")
    assert done.exit_code == 0
    assert '"cluster": "a"' in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "x"], "expected SOURCES"),
        ([FAILOVER], "Missing option '--to'"),
        (["nowhere", "--to", "x", "--as", "csv"], "nowhere: expected a file that can be read"),
    ],
)
def test_the_command_says_what_is_missing(arguments: list[str], message: str) -> None:
    done = call(*arguments)
    assert done.exit_code == 2
    assert message in done.output
