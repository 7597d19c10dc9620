"""Times and sizes, taken so that a busy machine disturbs them little."""

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final, TypeVar

from attrs import frozen

_Value = TypeVar("_Value")

MICRO: Final = 1e6


@frozen(kw_only=True)
class Figure:
    """One line of the table.

    Attributes:
        name: What was measured.
        value: The ratio to the baseline, or a time where the budget is one.
        unit: ``"x"`` for a ratio, else the unit of the time.
        budget: What it may be; ``None`` if the line only informs.
        at_least: Whether the budget is a lower limit.
        detail: The figures behind it.
    """

    name: str
    value: float | None
    unit: str = "x"
    budget: float | None = None
    at_least: bool = False
    detail: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether the budget is kept; ``None`` if there is none, or no value."""
        if self.budget is None or self.value is None:
            return None
        return self.value >= self.budget if self.at_least else self.value <= self.budget


@contextmanager
def _still() -> Iterator[None]:
    # As timeit does: no collection may fall into one of two compared runs.
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def best_times(*runs: Callable[[], object], repeats: int) -> list[float]:
    """The shortest time in seconds of each run; they take turns, so that a slow spell hits all of them."""
    times = [float("inf")] * len(runs)
    with _still():
        for _ in range(repeats):
            for position, run in enumerate(runs):
                start = perf_counter()
                run()
                times[position] = min(times[position], perf_counter() - start)
    return times


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


_IMPORT: Final = "from time import perf_counter as t; a = t(); import {}; print(t() - a)"


def import_times(*modules: str, repeats: int) -> list[float]:
    """The shortest time in seconds to import each, in interpreters of their own."""
    times = [float("inf")] * len(modules)
    for _ in range(repeats):
        for position, module in enumerate(modules):
            done = subprocess.run(
                [sys.executable, "-c", _IMPORT.format(module)], capture_output=True, text=True, check=True
            )
            times[position] = min(times[position], float(done.stdout))
    return times
