"""The benchmarks, each a function that runs alone and yields its lines of the table."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Final

from attrs import frozen

from benchmarks.fleet import PLACES, SHAPES, Fleet, Shape, endpoints_of, fleet, kubernetes_dump
from benchmarks.measure import MICRO, Figure, best_times, import_times, size_of
from meshtier import kube
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint, Health
from meshtier.index import EndpointIndex
from meshtier.locality import Locality
from meshtier.profile import ISTIO_1_31, SOLO
from meshtier.ranking import rank
from meshtier.tiers import tier_of

ZONE: Final = TrafficDistribution.PREFER_SAME_ZONE
NODE: Final = TrafficDistribution.PREFER_SAME_NODE
TOUCH: Final = "no index, any endpoint of a tuple"


@frozen(kw_only=True)
class Scale:
    """How large the inputs are.

    Attributes:
        small: Endpoints of the index that a large one is compared with.
        large: Endpoints of the large one.
        sizes: Endpoints of the comparison with the loop and with `rank`.
        ranked: Endpoints of the comparison of `rank` with `tier_of`.
        services, pods, nodes: The fleet of the dump and of the whole mesh.
        asked: Questions in one run.
        repeats: Runs, of which the fastest counts.
    """

    small: int
    large: int
    sizes: tuple[int, ...]
    ranked: int
    services: int
    pods: int
    nodes: int
    asked: int
    repeats: int


FULL: Final = Scale(
    small=1_000,
    large=1_000_000,
    sizes=(10, 100, 1_000, 10_000, 100_000, 1_000_000),
    ranked=100_000,
    services=1_000,
    pods=100_000,
    nodes=100,
    asked=2_000,
    repeats=7,
)
QUICK: Final = Scale(
    small=200,
    large=20_000,
    sizes=(100, 20_000),
    ranked=20_000,
    services=20,
    pods=1_000,
    nodes=10,
    asked=300,
    repeats=5,
)


def imports(scale: Scale) -> Iterator[Figure]:
    """What ``import meshtier`` costs over its dependencies."""
    repeats = 4 * scale.repeats
    ours, theirs = import_times("meshtier", "attrs, typing_extensions", repeats=repeats)
    yield Figure(
        name="import meshtier / import attrs, typing_extensions",
        value=ours / theirs,
        budget=1.3,
        detail=f"{ours * 1e3:.1f} ms / {theirs * 1e3:.1f} ms",
    )


def _by_parts(left: tuple[str, str, str, str, str], right: tuple[str, str, str, str, str]) -> int:
    # The baseline that DESIGN names: two tuples, part by part, in a plain function.
    matched = 0
    for position in range(5):
        if left[position] != right[position]:
            break
        matched += 1
    return matched


def _compared_with_tuples(scale: Scale) -> Iterator[Figure]:
    places = PLACES.localities(10**6)
    pairs = [(places[0], place) for place in places] * (scale.asked // 100)
    plain = [(tuple(left), tuple(right)) for left, right in pairs]

    def ours() -> None:
        for left, right in pairs:
            tier_of(left, right, NODE)

    def theirs() -> None:
        for left, right in plain:
            _by_parts(left, right)  # type: ignore[arg-type]  # tuples of five strings, which tuple() forgets

    mine, base = best_times(ours, theirs, repeats=3 * scale.repeats)
    yield Figure(
        name="tier_of / comparing two tuples part by part",
        value=mine / base,
        budget=3,
        detail=f"{mine / len(pairs) * MICRO:.2f} us / {base / len(pairs) * MICRO:.2f} us",
    )


def tiers_of_many(scale: Scale) -> Iterator[Figure]:
    """What `tier_of` and `rank` cost."""
    yield from _compared_with_tuples(scale)
    endpoints = endpoints_of(PLACES, scale.ranked)
    client = endpoints[0].locality

    def one_by_one() -> None:
        for endpoint in endpoints:
            tier_of(client, endpoint.locality, ZONE)

    def together() -> None:
        rank(client, endpoints, ZONE)

    slow, fast = best_times(one_by_one, together, repeats=scale.repeats)
    yield Figure(
        name=f"tier_of on each / rank, {scale.ranked:,} endpoints in 300 places",
        value=slow / fast,
        budget=5,
        at_least=True,
        detail=f"{slow * 1e3:.1f} ms / {fast * 1e3:.1f} ms",
    )


def _questions(index: EndpointIndex, clients: list[Locality]) -> dict[str, Callable[[], None]]:
    random = Random(1)

    def tiers() -> None:
        for client in clients:
            index.tiers(client, ZONE)

    def best() -> None:
        for client in clients:
            index.best(client, ZONE)

    def pick() -> None:
        for client in clients:
            index.pick(client, ZONE, random)

    def ranked() -> None:
        for client in clients:
            index.pick(client, NODE, random, profile=ISTIO_1_31)

    held = tuple(index)

    def touch() -> None:
        # The least that any draw does: one endpoint at random, which is cold in memory if there are many.
        for _ in clients:
            if held[int(random.random() * len(held))].weight < 0:
                raise AssertionError

    ranked()  # the tree of other networks is made before anything is timed
    return {"tiers": tiers, "best": best, "pick": pick, "pick, ranked networks, by node": ranked, TOUCH: touch}


def _update_all(index: EndpointIndex, *rounds: list[Endpoint]) -> None:
    for endpoints in rounds:
        for endpoint in endpoints:
            index.update(endpoint)


def _changes(index: EndpointIndex, endpoints: list[Endpoint], asked: int) -> dict[str, Callable[[], None]]:
    # Each run undoes what it does, so that all runs find the same index.
    random = Random(2)
    some = random.sample(endpoints, min(asked, len(endpoints) // 4))
    places = [endpoint.locality for endpoint in random.choices(endpoints, k=len(some))]
    flip = {True: Health.UNHEALTHY, False: Health.HEALTHY}
    flipped = [Endpoint(endpoint.id, endpoint.locality, health=flip[endpoint.health.serves]) for endpoint in some]
    moved = [Endpoint(endpoint.id, place) for endpoint, place in zip(some, places, strict=True)]

    def remove_and_add() -> None:
        for endpoint in some:
            index.remove(endpoint.id)
        for endpoint in some:
            index.add(endpoint)

    def mixed() -> None:
        for endpoint in flipped:
            index.update(endpoint)
            index.pick(endpoint.locality, ZONE, random)
            index.best(endpoint.locality, ZONE)
        _update_all(index, some)

    return {
        "remove + add": remove_and_add,
        "update, health": partial(_update_all, index, flipped, some),
        "update, place": partial(_update_all, index, moved, some),
        "update, pick, best": mixed,
    }


def _runs(shape: Shape, size: int, asked: int) -> tuple[dict[str, Callable[[], None]], dict[str, int]]:
    # What to time on one index, and how many calls each makes.
    endpoints = endpoints_of(shape, size, weights=(1, 2, 5, 100) if shape is PLACES else (1,))
    index, random = EndpointIndex(endpoints), Random(3)
    clients = [random.choice(endpoints).locality for _ in range(asked)]
    questions, changes = _questions(index, clients), _changes(index, endpoints, asked)
    calls = dict.fromkeys(questions, asked) | dict.fromkeys(changes, 2 * min(asked, size // 4))
    return questions | changes, calls


def index_sizes(scale: Scale) -> Iterator[Figure]:
    """Whether a question or a change costs the same among many endpoints as among few."""
    for shape in SHAPES:
        few_runs, few_calls = _runs(shape, scale.small, scale.asked)
        many_runs, many_calls = _runs(shape, scale.large, scale.asked)
        for name, few_run in few_runs.items():
            few, many = best_times(few_run, many_runs[name], repeats=2 * scale.repeats)
            few, many = few / few_calls[name], many / many_calls[name]
            yield Figure(
                name=f"index, {shape.name}, {name}: {scale.large:,} / {scale.small:,} endpoints",
                value=many / few,
                budget=None if name == TOUCH else 1.5,
                detail=f"{many * MICRO:.2f} us / {few * MICRO:.2f} us",
            )
            if name == "pick":
                yield Figure(name=f"index, {shape.name}, pick", value=many * MICRO, unit="us", budget=3)


def _obvious(client: Locality, endpoints: list[Endpoint], random: Random) -> Endpoint | None:
    # What one would write without an index, and what ztunnel does: look at every endpoint.
    nearest, found = 99, list[Endpoint]()
    for endpoint in endpoints:
        if endpoint.health.serves:
            tier = tier_of(client, endpoint.locality, ZONE)
            if tier < nearest:
                nearest, found = tier, [endpoint]
            elif tier == nearest:
                found.append(endpoint)
    return random.choices(found, [endpoint.weight for endpoint in found])[0] if found else None


def _picks(index: EndpointIndex, client: Locality, random: Random) -> None:
    for _ in range(100):
        index.pick(client, ZONE, random)


def _against_loop(size: int, repeats: int) -> Iterator[Figure]:
    endpoints = endpoints_of(PLACES, size)
    index, random = EndpointIndex(endpoints), Random(4)
    client = endpoints[0].locality
    loop_time, rank_time, picks_time, build_time = best_times(
        partial(_obvious, client, endpoints, random),
        partial(rank, client, endpoints, ZONE),
        partial(_picks, index, client, random),
        partial(EndpointIndex, endpoints),
        repeats=repeats,
    )
    pick_time = picks_time / 100
    yield Figure(
        name=f"a loop over {size:,} endpoints / index.pick",
        value=loop_time / pick_time,
        detail=f"{loop_time * MICRO:.1f} us / {pick_time * MICRO:.2f} us",
    )
    yield Figure(
        name=f"rank of {size:,} endpoints / index.pick",
        value=rank_time / pick_time,
        detail=f"{rank_time * MICRO:.1f} us / {pick_time * MICRO:.2f} us",
    )
    yield Figure(
        name=f"building an index of {size:,} / rank of the same",
        value=build_time / rank_time,
        detail=f"{build_time * 1e3:.2f} ms / {rank_time * 1e3:.2f} ms",
    )


def index_against_loops(scale: Scale) -> Iterator[Figure]:
    """From how many endpoints on an index is faster than looking at each of them."""
    for size in scale.sizes:
        yield from _against_loop(size, scale.repeats if size <= 100_000 else 3)


def memory(scale: Scale) -> Iterator[Figure]:
    """What an index takes, over what its endpoints take."""
    size = scale.ranked
    for shape in (*SHAPES, Shape(name="1 a node", places=10**9, each=1)):
        held, endpoints = size_of(partial(endpoints_of, shape, size))
        taken, _ = size_of(partial(EndpointIndex, endpoints))
        yield Figure(
            name=f"memory of an index / of its {size:,} endpoints, {shape.name}",
            value=taken / held,
            budget=1.5,
            detail=f"{taken / size:.0f} bytes / {held / size:.0f} bytes an endpoint",
        )


def _dumped(made: Fleet, directory: Path) -> dict[str, Path]:
    paths = {f"cluster-{cluster}": directory / f"cluster-{cluster}.json" for cluster in range(made.clusters)}
    for cluster, path in enumerate(paths.values()):
        path.write_text(json.dumps(kubernetes_dump(made, cluster)))
    return paths


def loading(scale: Scale) -> Iterator[Figure]:
    """What reading a dump costs, over decoding the same bytes into typed structs."""
    name = f"kube.load / msgspec into typed structs, {scale.pods:,} pods"
    try:
        # The baseline needs msgspec, which not every checkout has.
        decode = import_module("benchmarks.decoding").decode
    except ImportError as error:
        yield Figure(name=name, value=None, budget=2, detail=f"not available: {error}")
        return
    with tempfile.TemporaryDirectory() as folder:
        made = fleet(clusters=1, nodes=3 * scale.nodes, services=scale.services, pods=scale.pods)
        path = _dumped(made, Path(folder))["cluster-0"]
        ours, theirs = best_times(lambda: kube.load(path), lambda: decode(path.read_bytes()), repeats=3)
        megabytes = path.stat().st_size / 1e6
    yield Figure(
        name=name,
        value=ours / theirs,
        budget=2,
        detail=f"{ours:.2f} s / {theirs:.2f} s for {megabytes:.0f} MB",
    )


def whole_mesh(scale: Scale) -> Iterator[Figure]:
    """How long every service from every place takes."""
    clusters = 3
    name = f"every route of {scale.services:,} services, {scale.pods:,} pods, {clusters * scale.nodes} places"
    made = fleet(clusters=clusters, nodes=scale.nodes, services=scale.services, pods=scale.pods)
    mesh = kube.load(clusters={f"cluster-{number}": kubernetes_dump(made, number) for number in range(clusters)})
    start = perf_counter()
    routes = sum(1 for _ in mesh.routes(profile=SOLO))
    took = perf_counter() - start
    each = took / max(1, routes)
    yield Figure(name=name, value=took, unit="s", budget=10, detail=f"{routes:,} routes, {each * MICRO:.1f} us each")


BENCHMARKS: Final[dict[str, Callable[[Scale], Iterable[Figure]]]] = {
    "imports": imports,
    "tiers": tiers_of_many,
    "loops": index_against_loops,
    "index": index_sizes,
    "memory": memory,
    "loading": loading,
    "mesh": whole_mesh,
}
"""Every benchmark by the name that selects it, quick ones first."""
