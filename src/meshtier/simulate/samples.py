"""What happens in most runs, and what in the worst? Many runs of one scenario, by their quantiles."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from math import inf
from typing import Final, TypedDict

from attrs import field, frozen
from typing_extensions import override

from meshtier.errors import InvalidValueError, check_type
from meshtier.mesh.report import Report, Section
from meshtier.mesh.route_data import NoteData, note_data
from meshtier.note import Note
from meshtier.simulate.timeline import Timeline
from meshtier.simulate.timeline_data import FailoverData, failover_data
from meshtier.simulate.timeline_page import MOST_ON_PAGE, page
from meshtier.simulate.timeline_report import MOST_STEPS, report_of
from meshtier.simulate.timeline_words import counted, rate_text, seconds_text
from meshtier.table import Table, shortened

VERSION: Final = 1
"""The version of the JSON document; it grows when a key changes its meaning or goes."""

PERCENTS: Final = (5, 50, 95)
"""The quantiles that are told, in per cent of the runs."""

_NEVER: Final = "never"


class RunData(TypedDict):
    """One run as plain data."""

    summary: str
    requests: float
    errors: int
    is_failing: bool
    failover: FailoverData


class SamplesData(TypedDict):
    """Many runs as plain data."""

    version: int
    summary: str
    host: str
    clients: list[str]
    decided_by: str
    profile: str
    unit: str
    duration: float
    runs: int
    failing_at_end: int
    never_failed_over: int
    never_failed_back: int
    quantiles: dict[str, dict[str, float | None]]
    each: list[RunData]
    notes: list[NoteData]


def _ascending(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(sorted(values))


@frozen(kw_only=True)
class Quantiles:
    """One figure over those of the runs in which there is something to measure.

    Attributes:
        values: In seconds or a count, from the least up; infinite where it never comes.

    >>> Quantiles(values=(3.0, 1.0, 2.0, float("inf"))).at(50), Quantiles(values=()).at(50)
    (2.0, None)
    """

    values: tuple[float, ...] = field(converter=_ascending)

    def at(self, per_cent: int) -> float | None:
        """The least value that so many per cent of the runs do not exceed; ``None`` if there is none to measure."""
        if not self.values:
            return None
        return self.values[max(0, -(-per_cent * len(self.values) // 100) - 1)]

    @property
    def never(self) -> int:
        """In how many of the runs it never comes."""
        return sum(value == inf for value in self.values)


def _timelines(value: Iterable[Timeline]) -> tuple[Timeline, ...]:
    found = tuple(value)
    for place, each in enumerate(found):
        check_type(each, Timeline, f"timelines[{place}]")
    if not found:
        raise InvalidValueError("expected at least one run, got none", "timelines")
    return found


@frozen(kw_only=True, repr=False)
class Samples:
    """Runs of one scenario, each with chances of its own.

    Attributes:
        timelines: The runs, in the order in which they were made; at least one.
    """

    timelines: tuple[Timeline, ...] = field(converter=_timelines)

    @cached_property
    def failover_after(self) -> Quantiles:
        """For how long requests fail until the traffic fails over, in seconds; over the runs in which one fails."""
        return _over(self.timelines, lambda run: run.errors > 0, lambda run: run.failover_after)

    @cached_property
    def errors(self) -> Quantiles:
        """How many requests fail, over all runs."""
        return _over(self.timelines, lambda _: True, lambda run: run.errors)

    @cached_property
    def errors_until_failover(self) -> Quantiles:
        """How many requests fail until then, or in all if there is no failover; over the runs in which one fails."""
        return _over(self.timelines, lambda run: run.errors > 0, lambda run: run.errors_until_failover)

    @cached_property
    def failback_at(self) -> Quantiles:
        """When all traffic is back, in seconds from the start; over the runs in which it went elsewhere."""
        return _over(self.timelines, lambda run: run.moved_at is not None, lambda run: run.failback_at)

    @property
    def never_failed_over(self) -> int:
        """In how many runs requests fail and the traffic never fails over."""
        return self.failover_after.never

    @property
    def failing_at_end(self) -> int:
        """In how many runs requests still fail at the end."""
        return sum(each.is_failing for each in self.timelines)

    @property
    def is_failing(self) -> bool:
        """Whether requests still fail at the end of any run."""
        return self.failing_at_end > 0

    @cached_property
    def typical(self) -> Timeline:
        """The run in the middle, by how many requests fail."""
        return sorted(self.timelines, key=lambda run: run.errors)[(len(self.timelines) - 1) // 2]

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What the runs have to say besides, each once."""
        return tuple(dict.fromkeys(note for each in self.timelines for note in each.notes))

    @property
    def summary(self) -> str:
        """What happens in the middle of the runs, and from the best to the worst twentieth, as one line."""
        return "; ".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        one, total = self.timelines[0].unit.removesuffix("s"), len(self.timelines)
        if not any(each.errors for each in self.timelines):
            yield f"{counted(total, 'run')}: no {one} fails"
        else:
            after, failed = self.failover_after, _between(self.errors_until_failover, _count_text)
            comes = f"failover after {_between(after, seconds_text)} and " if after.at(50) != inf else ""
            yield f"{counted(total, 'run')}: {comes}{failed} failed {one}s"
        if self.never_failed_over:
            yield f"no failover in {self.never_failed_over:,} of them"
        if self.failback_at.at(50) not in (None, inf):
            yield f"failback at {_between(self.failback_at, seconds_text)}"
        elif self.failback_at.never:
            yield f"no failback in {self.failback_at.never:,} of them"
        if self.failing_at_end:
            yield f"{one}s fail at the end of {self.failing_at_end:,}"

    @property
    def _measures(self) -> Mapping[str, tuple[str, Quantiles, Callable[[float], str]]]:
        """What is measured, by its key: how it is called, its values, and how one is written."""
        unit = self.timelines[0].unit
        return {
            "failover_after": ("failover after", self.failover_after, seconds_text),
            "errors_until_failover": (f"failed {unit} until then", self.errors_until_failover, _count_text),
            "errors": (f"failed {unit} in all", self.errors, _count_text),
            "failback_at": ("failback at", self.failback_at, seconds_text),
        }

    def to_table(self) -> Table:
        """The quantiles, a row for each thing that is measured."""
        return self._table(self.summary)

    def _table(self, title: str) -> Table:
        rows = [
            (
                name,
                *(_written(values.at(per_cent), write) for per_cent in PERCENTS),
                f"{values.never:,}" if values.never else "",
                f"{len(values.values):,}",
            )
            for name, values, write in self._measures.values()
        ]
        heads = [f"{per_cent} %" for per_cent in PERCENTS]
        columns = ("", *heads, _NEVER, "of runs")
        return Table(title=title, columns=columns, rows=rows, numeric=frozenset(range(1, len(columns))))

    @property
    def report(self) -> Report:
        """The quantiles laid out for reading, the summary last."""
        first = self.timelines[0]
        runs = f"{counted(len(self.timelines), 'run')} by chance"
        head = (
            f"from  {shortened(first.clients)}",
            f"by    {first.decided_by}, profile {first.profile}",
            f"for   {seconds_text(first.duration)}, {rate_text(first)}, {runs}",
        )
        sections = [Section(lines=head), Section(heading="of all runs", table=self._table(""))]
        if self.notes:
            sections.append(Section(heading="notes", lines=map(str, self.notes)))
        return Report(title=first.host, sections=[*sections, Section(lines=(self.summary,))])

    def explain(self) -> str:
        """The quantiles as plain text, the summary last."""
        return self.report.to_text()

    def to_dict(self) -> SamplesData:
        """All of it as plain data, for JSON; of each run, how it ends."""
        first = self.timelines[0]
        return SamplesData(
            version=VERSION,
            summary=self.summary,
            host=first.host,
            clients=list(first.clients),
            decided_by=first.decided_by,
            profile=first.profile,
            unit=first.unit,
            duration=first.duration,
            runs=len(self.timelines),
            failing_at_end=self.failing_at_end,
            never_failed_over=self.never_failed_over,
            never_failed_back=self.failback_at.never,
            quantiles={
                key: {str(per_cent): _finite(values.at(per_cent)) for per_cent in PERCENTS}
                for key, (_, values, _) in self._measures.items()
            },
            each=[_run_data(run) for run in self.timelines],
            notes=[note_data(note) for note in self.notes],
        )

    def to_svg(self) -> str:
        """The picture of the run in the middle, by how many requests fail."""
        return self.typical.to_svg()

    def to_html(self) -> str:
        """A page that needs nothing else: the quantiles, and the run in the middle."""
        return page(self.typical.host, self._html(most=MOST_ON_PAGE))

    def _html(self, *, most: int) -> str:
        heading = "<p><b>the run in the middle, by failed requests</b></p>"
        run = report_of(self.typical, most=most).to_html()
        return f"{self.report.to_html()}{heading}<div>{self.typical.to_svg()}</div>{run}"

    def _repr_html_(self) -> str:
        return self._html(most=MOST_STEPS)

    @override
    def __str__(self) -> str:
        return self.explain()

    @override
    def __repr__(self) -> str:
        return f"<Samples {self.timelines[0].host}: {self.summary}>"


def _over(
    runs: Iterable[Timeline], counts: Callable[[Timeline], bool], value: Callable[[Timeline], float | None]
) -> Quantiles:
    """A figure of the runs that count; ``None`` is something that never comes."""
    found = (value(run) for run in runs if counts(run))
    return Quantiles(values=(inf if each is None else each for each in found))


def _count_text(value: float) -> str:
    return f"{round(value):,}"


def _written(value: float | None, write: Callable[[float], str]) -> str:
    if value is None:
        return "-"
    return _NEVER if value == inf else write(value)


def _between(values: Quantiles, write: Callable[[float], str]) -> str:
    """The middle, with the ends where they differ from it."""
    least, middle, most = (_written(values.at(per_cent), write) for per_cent in PERCENTS)
    return middle if least == most else f"{middle} ({least} to {most})"


def _finite(value: float | None) -> float | None:
    return None if value is None or value == inf else value


def _run_data(run: Timeline) -> RunData:
    return RunData(
        summary=run.summary,
        requests=run.requests,
        errors=run.errors,
        is_failing=run.is_failing,
        failover=failover_data(run),
    )
