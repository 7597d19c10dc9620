"""What do `tier_of`, `rank` and an index cost, beside the plain code that one would write instead?"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from random import Random
from statistics import median
from typing import Final, TypeVar

from attrs import evolve

from benchmarks.fleet import ALONE, NETWORKS, ONE_PLACE, PLACES, TEN_EACH, TEN_PLACES, Shape, endpoints_of
from benchmarks.measure import Figure, Scale, compared, size_of, slug, take_turns, timed
from meshtier import SOLO, Endpoint, EndpointIndex, Health, Locality, Profile, TrafficDistribution, rank, tier_of
from meshtier.profile import ISTIO_1_31

ZONE: Final = TrafficDistribution.PREFER_SAME_ZONE
NODE: Final = TrafficDistribution.PREFER_SAME_NODE
_PICKS: Final = 100
SHAPES: Final = (ONE_PLACE, PLACES, NETWORKS, TEN_EACH)

_Value = TypeVar("_Value")
Five = tuple[str, str, str, str, str]


def matched_parts(left: Five, right: Five) -> int:
    """How many parts are equal before the first that differs: what one would write for two plain tuples."""
    matched = 0
    for position in range(5):
        if left[position] != right[position]:
            break
        matched += 1
    return matched


def one_pair(scale: Scale) -> Iterator[Figure]:
    """`tier_of` beside comparing two tuples of five strings part by part."""
    places = PLACES.localities(10**6)
    pairs = [(places[0], place) for place in places] * max(1, scale.asked // len(places))
    plain: list[tuple[Five, Five]] = [((*left,), (*right,)) for left, right in pairs]

    def tiers() -> None:
        for left, right in pairs:
            tier_of(left, right, NODE)

    def compare() -> None:
        for left, right in plain:
            matched_parts(left, right)

    yield compared(
        slug("tier_of", PLACES.name),
        "`tier_of` of two places, of 300",
        "comparing two tuples of five strings in a plain function",
        take_turns(timed(tiers), timed(compare), scale=scale),
        calls=(len(pairs), len(pairs)),
        budget=1,
    )


def sorted_by_loop(client: Locality, endpoints: Sequence[Endpoint]) -> list[list[Endpoint]]:
    """The endpoints of each tier: the loop that one would write for `rank`."""
    tiers: list[list[Endpoint]] = [[] for _ in range(4)]  # the tiers of `ZONE` are P0 to P3
    for endpoint in endpoints:
        tiers[tier_of(client, endpoint.locality, ZONE)].append(endpoint)
    return tiers


def ranking(scale: Scale) -> Iterator[Figure]:
    """`rank` beside a loop that calls `tier_of` on each endpoint and appends; times are per endpoint."""
    for shape in (TEN_PLACES, PLACES, ALONE):
        for size in scale.sets:
            endpoints = endpoints_of(shape, size)
            works = (
                partial(rank, endpoints[0].locality, endpoints, ZONE),
                partial(sorted_by_loop, endpoints[0].locality, endpoints),
            )
            yield compared(
                slug("rank", size, shape.name),
                f"`rank` of {size:,} endpoints, {shape.name}",
                "a loop over `tier_of`",
                take_turns(*(timed(partial(_repeated, work, 1 + 1000 // size)) for work in works), scale=scale),
                calls=(size * (1 + 1000 // size),) * 2,
                budget=2 if size >= 100 else None,
            )


def _repeated(work: Callable[[], object], times: int) -> None:
    for _ in range(times):
        work()


def picked_by_scan(client: Locality, endpoints: Sequence[Endpoint], random: Random) -> Endpoint | None:
    """One endpoint of the best tier by weight: what one would write without an index, and how ztunnel does it."""
    nearest, found = 99, list[Endpoint]()
    for endpoint in endpoints:
        if endpoint.health.serves:
            tier = tier_of(client, endpoint.locality, ZONE)
            if tier < nearest:
                nearest, found = tier, [endpoint]
            elif tier == nearest:
                found.append(endpoint)
    return random.choices(found, [endpoint.weight for endpoint in found])[0] if found else None


def sets(scale: Scale) -> Iterator[Figure]:
    """From how many endpoints on an index pays, in 300 places: building it, and one draw from it."""
    for size in scale.sets:
        endpoints, random = endpoints_of(PLACES, size), Random(4)
        client, index = endpoints[0].locality, EndpointIndex(endpoints)
        build, ranked, pick, scan = take_turns(
            timed(partial(EndpointIndex, endpoints)),
            timed(partial(rank, client, endpoints, ZONE)),
            timed(partial(_repeated, partial(index.pick, client, ZONE, random), _PICKS)),
            timed(partial(picked_by_scan, client, endpoints, random)),
            scale=scale,
        )
        yield compared(
            slug("build", size),
            f"building an index of {size:,} endpoints",
            "`rank` of the same",
            (build, ranked),
        )
        yield compared(
            slug("scan", size),
            f"a plain loop that picks among {size:,} endpoints",
            "`index.pick`",
            (scan, pick),
            calls=(1, _PICKS),
        )


_DRAWS: Final = {"pick": (ZONE, SOLO), "pick by node, networks ranked": (NODE, ISTIO_1_31)}
BUDGETS: Final = {
    "tiers": 1.2,
    "best": 1.2,
    **dict.fromkeys(_DRAWS, 1.5),  # without the access to memory that no draw can avoid: `touched`
    "remove": 1.5,
    "add": 1.5,
    "update of health": 1.5,
    "update of place": 1.5,
    "update, pick and best in turn": 1.5,
}
"""What each question and change may cost among many endpoints, over what it costs among few."""


def touched(held: Sequence[Endpoint], random: Random, times: int) -> int:
    """The weight of so many endpoints at random: the least that any draw does, cold in memory if there are many."""
    draw, weight, size = random.random, 0, len(held)
    for _ in range(times):
        weight += held[int(draw() * size)].weight
    return weight


def index_works(
    index: EndpointIndex, endpoints: Sequence[Endpoint], *, asked: int, changed: int
) -> dict[str, Callable[[], object]]:
    """What is timed on an index of these endpoints: questions, then changes that in this order undo what they do."""
    random = Random(3)
    clients = [random.choice(endpoints).locality for _ in range(asked)]
    some = random.sample(endpoints, changed)
    flipped = [evolve(one, health=Health.UNHEALTHY if one.health.serves else Health.HEALTHY) for one in some]
    moved = [evolve(one, locality=random.choice(endpoints).locality) for one in some]

    def draw(mode: TrafficDistribution, profile: Profile) -> None:
        for client in clients:
            index.pick(client, mode, random, profile=profile)

    def in_turn() -> None:
        for endpoint in flipped:
            index.update(endpoint)
            index.pick(endpoint.locality, ZONE, random)
            index.best(endpoint.locality, ZONE)
        _each(index.update, some)

    return {
        "tiers": lambda: [index.tiers(client, ZONE) for client in clients],
        "best": lambda: [index.best(client, ZONE) for client in clients],
        **{name: partial(draw, mode, profile) for name, (mode, profile) in _DRAWS.items()},
        "touched": partial(touched, tuple(endpoints), random, asked),
        "remove": lambda: _each(index.remove, [one.id for one in some]),
        "add": lambda: _each(index.add, some),
        "update of health": lambda: _each(index.update, (*flipped, *some)),
        "update of place": lambda: _each(index.update, (*moved, *some)),
        "update, pick and best in turn": in_turn,
    }


def _each(change: Callable[[_Value], object], values: Iterable[_Value]) -> None:
    for value in values:
        change(value)


def index(scale: Scale) -> Iterator[Figure]:
    """Whether a question or a change costs the same among many endpoints as among few."""
    for shape in SHAPES:
        yield from _many_against_few(shape, scale)


def _many_against_few(shape: Shape, scale: Scale) -> Iterator[Figure]:
    changed = min(scale.asked, scale.few // 4)
    sets = (endpoints_of(shape, size, weights=(1, 2, 5, 100)) for size in (scale.many, scale.few))
    many, few = (
        index_works(EndpointIndex(endpoints), endpoints, asked=scale.asked, changed=changed) for endpoints in sets
    )
    taken = take_turns(*(timed(works[name]) for name in many for works in (many, few)), scale=scale)
    times = {name: taken[2 * place : 2 * place + 2] for place, name in enumerate(many)}
    calls = dict.fromkeys(many, 2 * changed) | {"remove": changed, "add": changed}
    calls |= dict.fromkeys(("tiers", "best", *_DRAWS), scale.asked)
    where = f"{scale.many:,} endpoints, {shape.name}"
    for name, budget in BUDGETS.items():
        figure = compared(
            slug("index", name, scale.many, shape.name),
            f"{name}: {where}",
            f"{scale.few:,} endpoints",
            times[name],
            calls=(calls[name], calls[name]),
            budget=budget,
        )
        yield _without_touch(figure, times[name], times["touched"]) if name in _DRAWS else figure
    yield evolve(
        compared(
            slug("pick", scale.many, shape.name),
            f"one draw: {where}",
            "one random look-up in a tuple of that size",
            (times["pick"][0], times["touched"][0]),
            calls=(scale.asked, scale.asked),
            budget=3e-6,
        ),
        absolute=True,
    )


def _without_touch(figure: Figure, times: Sequence[Sequence[float]], touch: Sequence[Sequence[float]]) -> Figure:
    many, few = ([one - least for one, least in zip(*each, strict=True)] for each in zip(times, touch, strict=True))
    return evolve(
        figure,
        against=f"{figure.against}; without the look-up",
        ratio=median(one / other for one, other in zip(many, few, strict=True)),
    )


def memory(scale: Scale) -> Iterator[Figure]:
    """What an index takes beside the endpoints in it; bytes per endpoint."""
    for shape, budget in ((PLACES, 0.6), (ALONE, 1.2)):
        held, endpoints = size_of(partial(endpoints_of, shape, scale.held))
        taken, _ = size_of(partial(EndpointIndex, endpoints))
        yield Figure(
            name=slug("memory", scale.held, shape.name),
            what=f"an index of {scale.held:,} endpoints, {shape.name}",
            value=taken / scale.held,
            unit="B",
            against="its endpoints",
            baseline=held / scale.held,
            ratio=taken / held,
            budget=budget,
        )
