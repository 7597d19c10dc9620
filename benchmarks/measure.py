"""Times and sizes of pairs, taken so that a busy machine disturbs their ratio little."""

import gc
import re
import tracemalloc
from collections.abc import Callable, Sequence
from statistics import median
from time import get_clock_info, perf_counter, process_time
from typing import Final, TypeVar

from attrs import frozen

_Value = TypeVar("_Value")

CLOCK: Final = process_time if get_clock_info("process_time").resolution <= 1e-6 else perf_counter
"""The processor's seconds; those on the wall on Windows, where the others are counted in steps of 16 ms."""

Measure = Callable[[], float]
"""One measurement: does the work once, and returns its seconds."""


@frozen(kw_only=True)
class Scale:
    """How large the inputs are, and how long one comparison may take.

    Attributes:
        rounds: How often each of the compared works is done at most.
        seconds: After how many seconds no new round begins.
        asked: Questions in one round of an index.
        sets: Endpoints of the sets that `rank` and an index are compared on.
        few, many: Endpoints of the two indexes that are compared.
        held: Endpoints of the index that is weighed.
        services, pods, nodes: The whole mesh; the nodes are those of each of its three clusters.
        sampled: Of the hosts of the whole mesh one in so many is asked for at Envoys.
        small, large: Pods of the clusters in which one route is asked for.
        clusters: Numbers of clusters, each compared with the one before it.
        cluster_services, cluster_pods: What each of these holds.
        simulated: How many seconds are simulated.
    """

    rounds: int
    seconds: float
    asked: int
    sets: tuple[int, ...]
    few: int
    many: int
    held: int
    services: int
    pods: int
    nodes: int
    sampled: int
    small: int
    large: int
    clusters: tuple[int, ...]
    cluster_services: int
    cluster_pods: int
    simulated: int


@frozen(kw_only=True)
class Figure:
    """One line of the table.

    Attributes:
        name: Which it is, with its sizes.
        what: What was measured.
        value: How much: the median of all rounds.
        unit: ``"s"`` for seconds, ``"B"`` for bytes.
        against: What the baseline is; ``""`` without one.
        baseline: The same of the baseline.
        ratio: The median of the ratios of all rounds, which need not be that of the medians.
        budget: What *ratio* may be, or *value* where *absolute*; ``None`` if the line only informs.
        absolute: Whether the budget is one of the value.
    """

    name: str
    what: str
    value: float
    unit: str = "s"
    against: str = ""
    baseline: float | None = None
    ratio: float | None = None
    budget: float | None = None
    absolute: bool = False

    def is_over(self, *, times: float = 1) -> bool:
        """Whether it is more than *times* its budget; never without one."""
        held = self.value if self.absolute else self.ratio
        return self.budget is not None and held is not None and held > times * self.budget

    @property
    def verdict(self) -> str:
        """``"ok"`` or ``"over"``; ``""`` without a budget."""
        return "" if self.budget is None else "over" if self.is_over() else "ok"


def timed(work: Callable[[], object], *, collector: bool = False, clock: Callable[[], float] = CLOCK) -> Measure:
    """A measurement of *work*, by default without the garbage collector, as `timeit` does it.

    Args:
        work: What is done.
        collector: Whether the collector runs as it would in a user's process. It
            is a third of the time where millions of objects are kept.
        clock: What counts the seconds. By default those of the processor, since on
            a shared machine the clock on the wall counts the others' work too:
            most for works too long for one time slice, which spoils ratios.
    """

    def measure() -> float:
        if collector:
            gc.collect()
        else:
            gc.disable()
        try:
            start = clock()
            kept = work()
            taken = clock() - start
            del kept  # what the work made is thrown away outside of the time
        finally:
            gc.enable()
        return taken

    return measure


def take_turns(*measures: Measure, scale: Scale, warm: bool = True) -> list[list[float]]:
    """The seconds of each work in each round.

    In a round all works take turns, so that a slow spell of the machine hits all
    of them. There is at least one round.

    Args:
        measures: The works.
        scale: How many rounds.
        warm: Whether a first round is not counted.
    """
    taken: list[list[float]] = [[] for _ in measures]
    gc.collect()
    begin = perf_counter()
    if warm:
        for measure in measures:
            measure()
    for _ in range(scale.rounds):
        for seconds, measure in zip(taken, measures, strict=True):
            seconds.append(measure())
        if perf_counter() - begin > scale.seconds:
            break
    return taken


def compared(
    name: str,
    what: str,
    against: str,
    times: Sequence[Sequence[float]],
    *,
    calls: tuple[int, int] = (1, 1),
    budget: float | None = None,
) -> Figure:
    """The figure of one work against another.

    Args:
        name: Which it is.
        what: The work.
        against: The baseline.
        times: The seconds of the work and of the baseline in each round.
        calls: What the time is divided by: of how much one round of each consists.
        budget: What the ratio may be.
    """
    mine, theirs = ([seconds / many for seconds in each] for each, many in zip(times, calls, strict=True))
    return Figure(
        name=name,
        what=what,
        value=median(mine),
        against=against,
        baseline=median(theirs),
        ratio=median(one / other for one, other in zip(mine, theirs, strict=True)),
        budget=budget,
    )


def slug(*parts: object) -> str:
    """The parts as one name without blanks: ``index-update-of-place-1000000-300-places``."""
    return "-".join(re.sub(r"\W+", "-", str(part).replace(",", "")).strip("-") for part in parts)


def size_of(make: Callable[[], _Value]) -> tuple[int, _Value]:
    """How many bytes making a value took and kept, and the value."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        value = make()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before, value
    finally:
        tracemalloc.stop()
