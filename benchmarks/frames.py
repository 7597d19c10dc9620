"""What does a fleet cost on a data frame engine, and what do its tables cost?"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from benchmarks.core import ZONE
from benchmarks.fleet import PLACES, endpoints_of, even_fleet, kubernetes_dump, mixed_fleet
from benchmarks.measure import Figure, Scale, compared, slug, take_turns, timed
from meshtier import Endpoint, EndpointIndex, Locality, kube
from meshtier.frames import place_pairs, with_shares, with_tiers, write_tables

_CLIENTS: Final = 100
"""How many clients the pairs have; each with all endpoints."""

_PEAK: Final = """
import sys
from meshtier.frames import write_tables
to, *sources = sys.argv[1:]
write_tables([], to, clusters={str(number): [source] for number, source in enumerate(sources)}, form="csv")
with open("/proc/self/status") as file:  # what `resource` says includes the process that started this one
    print(next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:")))
"""


def pairs(scale: Scale) -> Iterator[Figure]:
    """The tier of every pair of endpoints and clients from their places, by polars, beside an index that gives each."""
    endpoints, clients = endpoints_of(PLACES, scale.held), PLACES.localities(_CLIENTS)
    count = len(endpoints) * len(clients)
    frame = frame_of_pairs(endpoints, clients)
    works = (
        timed(lambda: with_tiers(frame, ZONE).select("tier").collect()),
        timed(partial(tiers_by_index, endpoints, clients)),
    )
    name = slug("frames", "tiers", count)
    yield compared(
        name, f"`with_tiers` of {count:,} pairs, polars", "the index", take_turns(*works, scale=scale), budget=0.5
    )
    here, there = frame_of_clients(clients), frame_of_endpoints(endpoints)
    works = (
        timed(lambda: with_shares(place_pairs(there, here), ZONE).collect()),
        timed(lambda: with_shares(there.join(here, how="cross"), ZONE, by=["client"]).select("share").collect()),
    )
    yield compared(
        slug("frames", "places", count),
        f"`with_shares` of `place_pairs`, {count:,} pairs, polars",
        "the same of each pair",
        take_turns(*works, scale=scale),
    )


def frame_of_pairs(endpoints: list[Endpoint], clients: list[Locality]) -> Any:
    """Every pair, with the parts of both places as text."""
    import polars as pl

    left = pl.DataFrame([place_columns("client_", client) for client in clients])
    right = pl.DataFrame([place_columns("endpoint_", endpoint.locality) for endpoint in endpoints])
    return left.join(right, how="cross").lazy()


def frame_of_clients(clients: list[Locality]) -> Any:
    """The clients as `place_pairs` takes them, which are also the left side of single pairs."""
    import polars as pl

    rows = [
        {"client": number, **place_columns("", client), **place_columns("client_", client)}
        for number, client in enumerate(clients)
    ]
    return pl.LazyFrame(rows)


def frame_of_endpoints(endpoints: list[Endpoint]) -> Any:
    """The same of the endpoints."""
    import polars as pl

    rows = [
        {
            **place_columns("", endpoint.locality),
            **place_columns("endpoint_", endpoint.locality),
            "healthy": endpoint.health.serves,
            "weight": endpoint.weight,
            "endpoint_healthy": endpoint.health.serves,
            "endpoint_weight": endpoint.weight,
        }
        for endpoint in endpoints
    ]
    return pl.LazyFrame(rows)


def place_columns(prefix: str, place: Locality) -> dict[str, str]:
    return {f"{prefix}{name}": part for name, part in zip(place._fields, place, strict=True)}


def tiers_by_index(endpoints: list[Endpoint], clients: list[Locality]) -> int:
    """How many pairs an index gives the tier of, one by one."""
    index = EndpointIndex(endpoints)
    found = 0
    for client in clients:
        for tier in index.tiers(client, ZONE):
            found += sum(1 for _ in tier.endpoints)
    return found


def tables(scale: Scale) -> Iterator[Figure]:
    """The tables of a dump beside loading it; then of more and more clusters, whose memory stays that of one."""
    fleet = mixed_fleet(clusters=1, nodes=3 * scale.nodes, services=scale.services, pods=scale.pods)
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder, "dump.json")
        dump.write_text(json.dumps(kubernetes_dump(fleet, 0)))
        works = (
            timed(lambda: write_tables([], Path(folder, "tables"), clusters={"c": [dump]})),
            timed(partial(kube.load, dump)),
        )
        times = take_turns(*works, scale=scale, warm=False)
        what = f"`write_tables` of {scale.pods:,} pods, Parquet"
        yield compared(slug("tables", scale.pods, "pods"), what, "`kube.load`", times, budget=1.5)
    yield from _growing(scale)


def _growing(scale: Scale) -> Iterator[Figure]:
    numbers = [number for number in scale.clusters if number <= 8]
    fleet = even_fleet(clusters=numbers[-1], nodes=10, services=scale.cluster_services, pods=scale.cluster_pods)
    with tempfile.TemporaryDirectory() as folder:
        dumps = [Path(folder, f"{number}.json") for number in range(numbers[-1])]
        for number, dump in enumerate(dumps):
            dump.write_text(json.dumps(kubernetes_dump(fleet, number)))
        to = Path(folder, "tables")
        named = [{each.stem: [each] for each in dumps[:number]} for number in numbers]
        works = [timed(partial(write_tables, [], to, clusters=clusters)) for clusters in named]
        times = take_turns(*works, scale=scale, warm=False)
        peaks = [peak([to, *dumps[:number]]) for number in numbers]
    sizes = f"clusters of {scale.cluster_pods:,} pods"
    for place in range(1, len(numbers)):
        before, number = numbers[place - 1 : place + 1]
        against = f"{before} cluster{'s' * (before > 1)}"
        what = f"`write_tables` of {number} {sizes}"
        yield compared(slug("tables", number, "clusters"), what, against, (times[place], times[place - 1]))
        figure = compared(
            slug("tables-memory", number, "clusters"),
            f"the most memory of a process that writes {number} {sizes}",
            against,
            ([peaks[place]], [peaks[place - 1]]),
            budget=1.2,
        )
        yield evolve(figure, unit="B")


def peak(arguments: list[Path]) -> float:
    """The most memory that a process of its own takes, in bytes."""
    command = [sys.executable, "-c", _PEAK, *map(str, arguments)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def workers(scale: Scale) -> Iterator[Figure]:
    """All shares of a mesh by two processes that share out the hosts, beside one process."""
    from concurrent.futures import ProcessPoolExecutor

    from benchmarks.meshes import mesh_of, shares_asked

    fleet = mixed_fleet(clusters=3, nodes=scale.nodes, services=scale.services, pods=scale.pods, waypoint=True)
    mesh = mesh_of(fleet)

    def by_two() -> int:
        with ProcessPoolExecutor(max_workers=2) as pool:
            return sum(pool.map(shares_of_part, mesh.parts(4)))

    from time import perf_counter

    works = (
        timed(by_two, collector=True, clock=perf_counter),
        timed(lambda: shares_asked(mesh.routes()), collector=True, clock=perf_counter),
    )
    times = take_turns(*works, scale=scale, warm=False)
    what = f"`.shares` of all {mesh.route_count():,} routes, 4 parts on 2 processes"
    yield compared(slug("workers", scale.pods, "pods"), what, "one process", times)


def shares_of_part(part: tuple[tuple[str, ...], Any]) -> int:
    """How many endpoints get traffic on the routes to the hosts of a part."""
    hosts, mesh = part
    return sum(share > 0 for route in mesh.routes(hosts=hosts) for share in route.shares.values())
