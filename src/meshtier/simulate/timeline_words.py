"""In what words is a timeline told? Times, counts, bars, and how it ends as one line."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from meshtier.table import percent

if TYPE_CHECKING:
    from meshtier.simulate.timeline import Interval, Timeline

BAR: Final = 20
"""How many letters a bar has that stands for all of the traffic."""

_EIGHTHS: Final = " ▏▎▍▌▋▊▉"


def seconds_text(seconds: float) -> str:
    """A time for reading, to the millisecond; nothing positive reads as nothing.

    >>> seconds_text(190.0), seconds_text(10.05), seconds_text(3600), seconds_text(0.0001)
    ('190 s', '10.05 s', '3,600 s', '<0.001 s')
    """
    if 0 < seconds < 0.0005:
        return "<0.001 s"
    return f"{number_text(seconds)} s"


def number_text(number: float) -> str:
    """A number with at most three decimals.

    >>> number_text(12345.678901), number_text(100.0)
    ('12,345.679', '100')
    """
    return f"{number:,.3f}".rstrip("0").rstrip(".")


def counted(count: float, what: str) -> str:
    """A count with what is counted.

    >>> counted(1, "failed request"), counted(12000, "failed request")
    ('1 failed request', '12,000 failed requests')
    """
    return f"{round(count):,} {what}{'s' if round(count) != 1 else ''}"


def bar(part: float) -> str:
    """A part from 0 to 1 as a bar; whatever is positive can be seen.

    >>> bar(0.5), bar(0.27), bar(0.0001), bar(0)
    ('██████████', '█████▍', '▏', '')
    """
    eighths = max(round(part * BAR * 8), 1 if part > 0 else 0)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def rate_text(timeline: "Timeline") -> str:
    """How many requests a second there are; on average, where that changes."""
    one = timeline.unit.removesuffix("s")
    rates = [each.requests / (each.end - each.start) for each in timeline.intervals]
    mean = timeline.requests / timeline.duration
    alike = max(rates) - min(rates) <= 1e-6 * max(rates)
    return f"{'' if alike else 'on average '}{number_text(mean)} {one}{'s' if mean != 1 else ''} a second"


def summary_of(timeline: "Timeline") -> str:
    """How it ends, as one line."""
    return "; ".join(_ending(timeline))


def _ending(timeline: "Timeline") -> Iterator[str]:
    unit, last = timeline.unit, timeline.intervals[-1]
    if not timeline.errors:
        yield f"no {unit.removesuffix('s')} fails"
        yield from _moving(timeline)
    elif timeline.failover_after is None:
        of_all = f"{timeline.errors:,} of {counted(requests_of(timeline), unit.removesuffix('s'))}"
        yield f"{_no_failover(timeline)}: {of_all} {_fail(timeline.errors)} {_until(timeline)}"
        return
    else:
        failed = counted(timeline.errors_until_failover, f"failed {unit.removesuffix('s')}")
        yield f"failover after {seconds_text(timeline.failover_after)} and {failed}"
        if later := timeline.errors - timeline.errors_until_failover:
            yield f"{later:,} more {_fail(later)} later"
        back = timeline.failback_at
        yield "no failback until the end" if back is None else f"failback at {seconds_text(back)}"
    if timeline.is_failing:
        yield f"{percent(last.bad)} of the {unit} fail at the end"


def _fail(count: int) -> str:
    return "fails" if count == 1 else "fail"


def _moving(timeline: "Timeline") -> Iterator[str]:
    """Where the traffic goes that does not fail: as with pods that become unready, and are no longer chosen."""
    if timeline.moved_at is not None:
        back = timeline.failback_at
        returns = "is not back at the end" if back is None else f"is back at {seconds_text(back)}"
        yield f"traffic moves at {seconds_text(timeline.moved_at)} and {returns}"


def _no_failover(timeline: "Timeline") -> str:
    """Some traffic may have moved, and the rest may fail all the same."""
    moved, cleared = timeline.moved_at, timeline.cleared_at
    moved_before = moved is not None and (cleared is None or moved < cleared)
    return "no full failover" if moved_before else "no failover"


def _until(timeline: "Timeline") -> str:
    if timeline.is_failing:
        return "until the end"
    return f"until {seconds_text(max(each.end for each in timeline.intervals if each.errors))}"


def requests_of(counts: "Interval | Timeline") -> float:
    """How many requests there are; at least those that fail, since the first of a fault comes as it begins (SIM-4)."""
    return max(counts.requests, counts.errors)


def interval_text(interval: "Interval", unit: str) -> str:
    """When, how many, and how many of them fail."""
    when = f"{seconds_text(interval.start)} to {seconds_text(interval.end)}"
    of_all = f"{interval.errors:,} of {counted(requests_of(interval), unit.removesuffix('s'))}"
    return f"{when}: {of_all} {_fail(interval.errors)}"
