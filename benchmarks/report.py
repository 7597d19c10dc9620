"""How are figures laid out: as a table, as Markdown, as JSON?"""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from attrs import asdict

from benchmarks.measure import Figure
from benchmarks.suite import BENCHMARKS

Figures = Mapping[str, Sequence[Figure]]
"""The figures of each benchmark, by its name."""

_UNITS: Final = {
    "s": ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "B": ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B")),
}
_COLUMNS: Final = ("measured", "against", "figure", "baseline", "ratio", "budget", "verdict")


def amount(value: float | None, unit: str) -> str:
    """The value to three digits in the unit that suits it; ``""`` for none.

    >>> amount(0.00123, "s"), amount(98_765, "B")
    ('1.23 ms', '98.8 kB')
    """
    if value is None:
        return ""
    size, name = next((each for each in _UNITS[unit] if value >= each[0]), _UNITS[unit][-1])
    return f"{_digits(value / size)} {name}"


def _digits(value: float) -> str:
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"


def cells(figure: Figure) -> tuple[str, ...]:
    """What the table says of a figure, in the order of its columns."""
    value, baseline = amount(figure.value, figure.unit), amount(figure.baseline, figure.unit)
    ratio = "" if figure.ratio is None else _digits(figure.ratio)
    budget = "" if figure.budget is None else f"≤ {_budget(figure.budget, absolute=figure.absolute)}"
    return (figure.what, figure.against, value, baseline, ratio, budget, figure.verdict)


def _budget(budget: float, *, absolute: bool) -> str:
    if not absolute:
        return f"{budget:g}"
    return f"{budget:g} s" if budget >= 1 else f"{budget * 1e6:g} µs"


def as_table(figures: Figures) -> str:
    """Aligned lines, each figure with its name."""
    rows: list[tuple[str, ...]] = [("name", *_COLUMNS)]
    rows += [(figure.name, *cells(figure)) for each in figures.values() for figure in each]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def as_markdown(figures: Figures) -> str:
    """A section for each benchmark, below a line that says when, where and how they were taken."""
    lines = [f"Taken on {_today():%-d %B %Y} with `python -m benchmarks`: {' · '.join(machine().values())}."]
    for name, each in figures.items():
        said = (BENCHMARKS[name].__doc__ or "").partition("\n")[0]
        lines += ["", f"### `{name}`", "", said, "", f"| {' | '.join(_COLUMNS)} |"]
        lines.append("|---|---|--:|--:|--:|--:|---|")
        lines += [f"| {' | '.join(_stressed(cells(figure)))} |" for figure in each]
    return "\n".join(lines)


def _stressed(row: Sequence[str]) -> Sequence[str]:
    return (*row[:-1], f"**{row[-1]}**") if row[-1] == "over" else row


def as_json(figures: Figures) -> str:
    """The figures as they are, and where they were taken."""
    lines = [
        {"benchmark": name, **asdict(figure), "verdict": figure.verdict}
        for name, each in figures.items()
        for figure in each
    ]
    return json.dumps({"date": _today().isoformat(), **machine(), "figures": lines}, indent=2)


def machine() -> dict[str, str]:
    """What the figures were taken with, by kind."""
    return {
        "version": f"meshtier {version('meshtier')}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "load": f"load average {os.getloadavg()[2]:.1f}",  # of the last quarter of an hour; 1.0 is this run alone
    }


def _today() -> date:
    return datetime.now(UTC).date()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} cores of {names[0]}" if names else platform.processor() or "unknown processor"
