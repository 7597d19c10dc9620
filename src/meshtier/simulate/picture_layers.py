"""How do shares over time become areas? One above the other, with steps where they change."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from attrs import frozen

from meshtier.simulate.picture_scale import Axis

if TYPE_CHECKING:
    from meshtier.simulate.timeline import Interval, Timeline

FAILING: Final = "!"
"""What stands before a zone, for that part of its requests which fails; it is in the part of the zone too."""

LOST: Final = ""
"""For what finds no endpoint."""


@frozen
class Column:
    """A stretch of time in which the parts are the same, or so short that nobody could see them change.

    Attributes:
        start: In seconds.
        end: In seconds.
        parts: By zone; by `FAILING` and zone; by `LOST`.
        intervals: The stretches of the timeline in it.
    """

    start: float
    end: float
    parts: Mapping[str, float]
    intervals: Sequence["Interval"]


def columns_of(timeline: "Timeline", narrow: float) -> list[Column]:
    """The stretches of a timeline, with those shorter than *narrow* seconds taken together."""
    found: list[Column] = []
    pending: list[Interval] = []

    def flush() -> None:
        if pending:
            found.append(_column(timeline, pending))
            pending.clear()

    for interval in timeline.intervals:
        if interval.end - interval.start >= narrow:
            flush()
        pending.append(interval)
        if interval.end - pending[0].start >= narrow:
            flush()
    flush()
    return found


def _column(timeline: "Timeline", intervals: Sequence["Interval"]) -> Column:
    start, end = intervals[0].start, intervals[-1].end
    parts: dict[str, float] = {}
    for each in intervals:
        weight = (each.end - each.start) / (end - start)
        failing = {f"{FAILING}{zone}": part for zone, part in timeline.in_zones(each.failing).items()}
        for name, part in {**timeline.in_zones(each.shares), **failing, LOST: each.lost}.items():
            parts[name] = parts.get(name, 0.0) + weight * part
    return Column(start, end, parts, tuple(intervals))


def path_of(columns: Sequence[Column], low: Sequence[float], high: Sequence[float], axis: Axis, box: Axis) -> str:
    """The outline of an area from *low* to *high*, parts of 1; *box* is the scale from the bottom up."""
    steps = list(_merged([(axis.x(each.start), axis.x(each.end)) for each in columns], low, high))
    there = [f"V{number(box.x(top))}H{number(right)}" for _, right, _, top in steps]
    back = [f"V{number(box.x(bottom))}H{number(left)}" for left, _, bottom, _ in reversed(steps)]
    return f"M{number(steps[0][0])} {number(box.x(steps[0][2]))}{''.join(there)}{''.join(back)}Z"


def _merged(
    sides: Sequence[tuple[float, float]], low: Sequence[float], high: Sequence[float]
) -> Iterator[tuple[float, float, float, float]]:
    """Left, right, bottom and top of each step, neighbours that are alike as one."""
    step: tuple[float, float, float, float] | None = None
    for (left, right), bottom, top in zip(sides, low, high, strict=True):
        if step is not None and abs(step[2] - bottom) < 1e-6 and abs(step[3] - top) < 1e-6:
            step = step[0], right, bottom, top
            continue
        if step is not None:
            yield step
        step = left, right, bottom, top
    if step is not None:
        yield step


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel.

    >>> number(12.04), number(3.25)
    ('12', '3.2')
    """
    return f"{value:.1f}".removesuffix(".0")
