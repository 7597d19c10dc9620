"""The benchmarks compute what they say that they measure. How long they take is for ``python -m benchmarks`` to say."""

import gc
import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random

import pytest
from attrs import evolve

pytest.importorskip("msgspec")
pytest.importorskip("click")

from benchmarks import core, meshes, processes, timelines
from benchmarks.__main__ import main, write_into
from benchmarks.decoding import decode
from benchmarks.fleet import PLACES, Fleet, Shape, endpoints_of, even_fleet, kubernetes_dump, mixed_fleet
from benchmarks.measure import Figure, Scale, compared, size_of, slug, take_turns, timed
from benchmarks.report import amount, as_json, as_markdown, as_table
from benchmarks.suite import BENCHMARKS

from meshtier import Component, EndpointIndex, Mesh, Reason, Route, kube, rank, tier_of
from meshtier.simulate import EventKind

TINY = Scale(
    rounds=1,
    seconds=0,
    asked=10,
    sets=(10, 100),
    few=20,
    many=40,
    held=50,
    services=4,
    pods=60,
    nodes=4,
    sampled=1,
    small=40,
    large=80,
    clusters=(1, 2),
    cluster_services=10,
    cluster_pods=100,
    simulated=60,
)
SMALL_FLEET = mixed_fleet(clusters=2, nodes=5, services=6, pods=60)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_runs_alone_and_gives_named_figures_against_a_baseline(name: str) -> None:
    for library in {"pairs": ["polars"], "tables": ["pyarrow"]}.get(name, []):
        pytest.importorskip(library)
    if name == "tables" and not Path("/proc/self/status").exists():
        pytest.skip("only Linux says how much memory a process took")
    figures = list(BENCHMARKS[name](TINY))
    assert figures
    assert len({figure.name for figure in figures}) == len(figures)
    assert all(figure.value > 0 and figure.what and figure.against for figure in figures)
    assert all(figure.baseline is not None and figure.baseline > 0 for figure in figures)
    assert BENCHMARKS[name].__doc__


# What is measured is the answer.


def test_the_plain_comparison_says_what_tier_of_says() -> None:
    client, *places = PLACES.localities(30)
    for place in places:
        assert tier_of(client, place, core.NODE) == 5 - core.matched_parts(client, place)


@pytest.mark.parametrize("shape", core.SHAPES, ids=lambda shape: shape.name)
def test_the_loop_over_tier_of_makes_the_tiers_of_rank(shape: Shape) -> None:
    endpoints = endpoints_of(shape, 50)
    client = endpoints[0].locality
    tiers = enumerate(core.sorted_by_loop(client, endpoints))
    assert [(tier.number, list(tier.endpoints)) for tier in rank(client, endpoints, core.ZONE).tiers] == [
        (number, held) for number, held in tiers if held
    ]


def test_the_plain_scan_picks_from_the_best_tier() -> None:
    endpoints = endpoints_of(PLACES, 50)
    for client in PLACES.localities(50):
        best = EndpointIndex(endpoints).best(client, core.ZONE)
        assert best is not None
        picked = core.picked_by_scan(client, endpoints, Random(1))
        assert picked is not None
        assert picked.health.serves
        assert picked in list(best.endpoints)
    assert core.picked_by_scan(endpoints[0].locality, [], Random(1)) is None


def test_the_changes_of_an_index_undo_each_other_and_its_questions_are_answered() -> None:
    endpoints = endpoints_of(PLACES, 60)
    index = EndpointIndex(endpoints)
    works = core.index_works(index, endpoints, asked=10, changed=20)
    changes = ("add", "remove", "update of health", "update of place", "update, pick and best in turn")
    works["remove"]()
    assert len(index) == 40
    works["add"]()
    for name, work in works.items():
        if name not in changes[:2]:
            work()
        assert sorted(index, key=lambda one: one.id) == sorted(endpoints, key=lambda one: one.id)
    assert works["touched"]() == 10
    assert set(works) == {*core.BUDGETS, "touched"}


def test_the_core_alone_finds_the_tiers_of_every_place() -> None:
    expected = 0
    for service in SMALL_FLEET.services:
        endpoints = SMALL_FLEET.endpoints(service)
        for cluster in {endpoint.cluster for endpoint in endpoints}:
            for client in SMALL_FLEET.nodes[int(cluster[-1])]:
                expected += len({tier_of(client, endpoint.locality, core.ZONE) for endpoint in endpoints})
    assert meshes.core_tiers(SMALL_FLEET) == expected


def test_tiers_and_shares_are_asked_of_every_route() -> None:
    asked: list[str] = []

    class Spy:
        def __getattr__(self, name: str) -> object:
            asked.append(name)
            return {"tiers": (1, 2), "shares": {"a": 0.5, "b": 0.5, "c": 0.0}}[name]

    routes: list[Route] = [Spy(), Spy(), Spy()]  # type: ignore[list-item]  # all that is used of a route
    assert meshes.tiers_asked(routes) == 6
    assert meshes.shares_asked(routes) == 6
    assert asked == ["tiers"] * 3 + ["shares"] * 3


def test_every_question_about_one_route_is_answered() -> None:
    mesh = meshes.mesh_of(meshes.one_of_many(100), meshes.RULE)
    clients = list(mesh.places("cluster-0").values())[:6]
    answers = {name: question(mesh, clients) for name, question in meshes.QUESTIONS.items()}
    # The 20 pods are in three zones of one region, so that every client has its own zone and the rest; two are unready.
    assert answers == {
        "ztunnel": 12,
        "ztunnel, client by name": 12,
        "ztunnel, a port": 12,
        "waypoint": sum(sum(share > 0 for share in through(mesh, client).shares.values()) for client in clients),
        "sidecar": 12,
        "sidecar, a subset": 12,
        "sidecar, unready left out": 12,
    }
    assert answers["waypoint"] >= 6


def through(mesh: Mesh, client: object) -> Route:
    return mesh.route(client, meshes.HOST, component=Component.WAYPOINT)  # type: ignore[arg-type]  # a Client


def test_one_route_has_a_waypoint_and_the_next_leaves_unready_endpoints_out() -> None:
    mesh = meshes.mesh_of(meshes.one_of_many(100), meshes.RULE)
    client = next(iter(mesh.places("cluster-0").values()))
    assert len(through(mesh, client).hops) > 0
    route = mesh.route(client, meshes.RULED, component=Component.SIDECAR)
    assert [exclusion.reason for exclusion in route.excluded] == [Reason.UNHEALTHY] * 2


def test_global_hosts_reach_the_pods_of_other_clusters() -> None:
    mesh = meshes.mesh_of(even_fleet(clusters=2, nodes=3, services=1, pods=10, is_global=True))
    client = next(iter(mesh.places("cluster-0").values()))
    route = mesh.route(client, "service-0.team-0.mesh.internal")
    assert [len(tier.endpoints) for tier in route.tiers] == [3, 6, 1]
    behind = [endpoint for tier in route.tiers for one in tier.endpoints for endpoint in route.behind(one.id) or ()]
    assert len(behind) == 9
    assert all("cluster-1" in endpoint.id for endpoint in behind)


def test_the_typed_structs_hold_every_object_of_a_dump() -> None:
    dump = kubernetes_dump(SMALL_FLEET, 0)
    assert len(decode(json.dumps(dump).encode()).items) == len(dump["items"])


def test_the_commands_answer() -> None:
    version, explain = (arguments for arguments, _ in processes.COMMANDS.values())
    assert "0." in processes.run("-m", "meshtier", *version)
    assert "tiers" in processes.run("-m", "meshtier", *explain)


# Fleets.


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: mixed_fleet(clusters=2, nodes=5, services=6, pods=60, seed=seed),
        lambda _: even_fleet(clusters=2, nodes=5, services=6, pods=60, waypoint=True),
    ],
    ids=["mixed", "even"],
)
def test_a_fleet_is_the_same_for_the_same_seed(make: Callable[[int], Fleet]) -> None:
    assert kubernetes_dump(make(1), 1) == kubernetes_dump(make(1), 1)
    assert kubernetes_dump(make(1), 0) != kubernetes_dump(make(1), 1)


def test_a_dump_of_a_fleet_holds_the_endpoints_that_it_was_made_with() -> None:
    made = mixed_fleet(clusters=1, nodes=5, services=6, pods=60)
    mesh = kube.load(clusters={"cluster-0": kubernetes_dump(made, 0)})
    assert mesh.notes == ()
    client = next(iter(mesh.places("cluster-0").values()))
    for service in made.services:
        route = mesh.route(client, f"{service.name}.{service.namespace}.svc.cluster.local", component=Component.SIDECAR)
        assert {(endpoint.id, endpoint.locality, endpoint.health) for endpoint in route.endpoints} == {
            (endpoint.id, endpoint.locality, endpoint.health) for endpoint in made.endpoints(service)
        }


# Measuring.


def test_compared_works_take_turns_and_a_warm_round_is_not_counted() -> None:
    done: list[str] = []

    def measure(name: str) -> Callable[[], float]:
        def once() -> float:
            done.append(name)
            return float(len(done))

        return once

    scale = evolve(TINY, rounds=3, seconds=1e9)
    assert take_turns(measure("a"), measure("b"), scale=scale) == [[3.0, 5.0, 7.0], [4.0, 6.0, 8.0]]
    assert done == ["a", "b"] * 4


def test_there_is_one_round_when_the_time_is_up() -> None:
    ticks: Iterator[int] = count()
    assert take_turns(lambda: float(next(ticks)), scale=evolve(TINY, rounds=9), warm=False) == [[0.0]]


def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds() -> None:
    figure = compared("n", "a", "b", [[2.0, 6.0, 90.0], [1.0, 2.0, 3.0]], calls=(2, 1), budget=1.5)
    assert (figure.value, figure.baseline, figure.ratio, figure.verdict) == (3.0, 2.0, 1.5, "ok")


def test_a_timed_work_is_done_once_and_leaves_the_collector_on() -> None:
    done: list[int] = []
    assert timed(lambda: done.append(1))() >= 0
    assert done == [1]
    assert gc.isenabled()


def test_a_size_is_that_of_what_is_kept() -> None:
    size, value = size_of(lambda: bytes(100_000))
    assert 100_000 <= size < 110_000
    assert len(value) == 100_000


@pytest.mark.parametrize(
    ("figure", "verdict", "is_far_over"),
    [
        (Figure(name="", what="", value=9, ratio=2), "", False),
        (Figure(name="", what="", value=9, ratio=2, budget=2), "ok", False),
        (Figure(name="", what="", value=1, ratio=3, budget=2), "over", False),
        (Figure(name="", what="", value=1, ratio=11, budget=2), "over", True),
        (Figure(name="", what="", value=3, ratio=1, budget=2, absolute=True), "over", False),
        (Figure(name="", what="", value=1, ratio=9, budget=2, absolute=True), "ok", False),
    ],
    ids=["no budget", "kept", "ratio over", "far over", "value over", "value kept"],
)
def test_a_budget_is_one_of_the_ratio_or_of_the_value(figure: Figure, verdict: str, is_far_over: bool) -> None:
    assert figure.verdict == verdict
    assert figure.is_over(times=5) is is_far_over


# The command.

FIGURES = {
    "rank": [
        Figure(name="rank-10", what="`rank`", value=3e-6, against="a loop", baseline=2e-6, ratio=1.5, budget=2),
        Figure(name="mesh", what="all", value=8.123, against="core", baseline=2, ratio=4.1, budget=7, absolute=True),
    ],
    "memory": [Figure(name="held", what="index", value=1234, unit="B", against="all", baseline=10, ratio=123.4)],
}


def test_figures_print_as_a_table() -> None:
    assert as_table(FIGURES).splitlines() == [
        "name     measured  against  figure   baseline  ratio  budget  verdict",
        "rank-10  `rank`    a loop   3.00 µs  2.00 µs   1.50   ≤ 2     ok",
        "mesh     all       core     8.12 s   2.00 s    4.10   ≤ 7 s   over",
        "held     index     all      1.23 kB  10.0 B    123",
    ]


def test_figures_print_as_markdown_with_date_version_machine_and_command() -> None:
    first, *rest = as_markdown(FIGURES).splitlines()
    assert first.startswith("Taken on ")
    assert "with `python -m benchmarks`: meshtier " in first
    assert rest[1:9] == [
        "### `rank`",
        "",
        BENCHMARKS["rank"].__doc__,
        "",
        "| measured | against | figure | baseline | ratio | budget | verdict |",
        "|---|---|--:|--:|--:|--:|---|",
        "| `rank` | a loop | 3.00 µs | 2.00 µs | 1.50 | ≤ 2 | ok |",
        "| all | core | 8.12 s | 2.00 s | 4.10 | ≤ 7 s | **over** |",
    ]


def test_figures_print_as_json() -> None:
    written = json.loads(as_json(FIGURES))
    assert [(line["benchmark"], line["name"], line["verdict"]) for line in written["figures"]] == [
        ("rank", "rank-10", "ok"),
        ("rank", "mesh", "over"),
        ("memory", "held", ""),
    ]
    assert {"date", "version", "python", "system", "processor"} < set(written)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0421, "s", "42.1 ms"),
        (123.4, "s", "123 s"),
        (3e-10, "s", "0.30 ns"),
        (2.5e9, "B", "2.50 GB"),
        (None, "s", ""),
    ],
)
def test_an_amount_has_the_unit_that_suits_it(value: float | None, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_a_name_has_no_blanks_and_keeps_its_sizes() -> None:
    assert slug("update, in turn", 1_000, "1,000 places") == "update-in-turn-1000-1000-places"


def test_figures_are_written_between_the_marks_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n", encoding="utf-8")
    write_into(page, "new")
    write_into(page, "newer")
    assert page.read_text(encoding="utf-8") == ("before\n<!-- figures -->\n\nnewer\n\n<!-- end of figures -->\nafter\n")


def test_a_page_without_marks_is_left_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="expected the lines <!-- figures --> and <!-- end of figures -->"):
        write_into(page, "new")
    assert page.read_text(encoding="utf-8") == "text\n"


@pytest.mark.parametrize(
    ("ratio", "arguments", "status"),
    [(1.0, [], 0), (3.0, [], 1), (3.0, ["--check"], 0), (11.0, ["--check"], 1)],
    ids=["kept", "over", "not far over", "far over"],
)
def test_the_exit_status_says_whether_a_budget_was_kept(
    ratio: float, arguments: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = Figure(name="n", what="w", value=1, against="a", baseline=1, ratio=ratio, budget=2)
    monkeypatch.setitem(BENCHMARKS, "rank", lambda _: [figure])
    assert main(["rank", *arguments]) == status
    captured = capsys.readouterr()
    assert captured.out.startswith("name  measured")
    assert captured.err.startswith("[1/1] rank ...")


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "expected names of import, command" in capsys.readouterr().err


def test_every_simulation_that_is_measured_ejects_and_none_loses_the_time_that_is_asked_for() -> None:
    mesh = meshes.mesh_of(even_fleet(nodes=12, services=1, pods=20), timelines.RULE)
    for answers in timelines.FAULTS.values():
        for subject in timelines.SUBJECTS:
            timeline = timelines.simulated(mesh, {subject: timelines.named(mesh, subject), **answers}, 60)
            assert timeline.duration == 60
            assert any(event.kind is EventKind.EJECTED for event in timeline.events)


def test_the_detector_of_the_baseline_is_told_of_failures_too() -> None:
    assert timelines.detected_one_by_one() > 0


def test_the_pairs_that_polars_and_the_index_are_given_are_the_same() -> None:
    pl = pytest.importorskip("polars")
    frames = pytest.importorskip("benchmarks.frames")
    endpoints, clients = endpoints_of(PLACES, 40), PLACES.localities(5)
    frame = frames.frame_of_pairs(endpoints, clients).collect()
    assert frame.height == 200 == frames.tiers_by_index(endpoints, clients)
    found = frames.with_tiers(frame, core.ZONE)["tier"].to_list()
    assert found == [tier_of(client, endpoint.locality, core.ZONE) for client in clients for endpoint in endpoints]
    places = frames.with_shares(
        frames.place_pairs(frames.frame_of_endpoints(endpoints), frames.frame_of_clients(clients)), core.ZONE
    ).collect()
    assert places.filter(pl.col("share") > 0)["share"].sum() == pytest.approx(5)


def test_the_hosts_of_all_parts_have_the_shares_of_the_whole() -> None:
    frames = pytest.importorskip("benchmarks.frames")
    mesh = meshes.mesh_of(SMALL_FLEET)
    assert sum(map(frames.shares_of_part, mesh.parts(3))) == meshes.shares_asked(mesh.routes())


def test_a_process_says_how_much_memory_it_took(tmp_path: Path) -> None:
    frames = pytest.importorskip("benchmarks.frames")
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux says so")
    dump = tmp_path / "c.json"
    dump.write_text(json.dumps(kubernetes_dump(SMALL_FLEET, 0)), encoding="utf-8")
    assert frames.peak([tmp_path / "tables", dump]) > 10e6
