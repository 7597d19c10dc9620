"""``python -m benchmarks``: all benchmarks, as one table of ratios against their budgets.

Exit status 1 if a budget is not kept.
"""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from time import perf_counter

from attrs import asdict

from benchmarks.measure import Figure
from benchmarks.suite import BENCHMARKS, FULL, QUICK


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Costs as ratios, each to a baseline of this run."
    )
    parser.add_argument(
        "only", nargs="*", metavar="NAME", help=f"which to run, of {', '.join(BENCHMARKS)} (default: all)"
    )
    parser.add_argument("--quick", action="store_true", help="small inputs: shows a lost fast path, not a few per cent")
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.only) - set(BENCHMARKS))
    if unknown:
        parser.error(f"expected names of {', '.join(BENCHMARKS)}; got {', '.join(unknown)}")
    names = options.only or list(BENCHMARKS)
    figures: list[Figure] = []
    for position, name in enumerate(names, 1):
        start = perf_counter()
        print(f"[{position}/{len(names)}] {name} ...", end="", file=sys.stderr, flush=True)
        figures += BENCHMARKS[name](QUICK if options.quick else FULL)
        print(f" {perf_counter() - start:.0f} s", file=sys.stderr)
    print(as_json(figures) if options.json else as_table(figures))
    return int(any(figure.kept is False for figure in figures))


def as_json(figures: Sequence[Figure]) -> str:
    """The figures and where they were taken."""
    lines = [{**asdict(figure), "kept": figure.kept} for figure in figures]
    return json.dumps({"python": platform.python_version(), "machine": platform.platform(), "figures": lines}, indent=2)


def as_table(figures: Sequence[Figure]) -> str:
    """The figures as aligned lines."""
    rows = [("what", "result", "budget", "", "from")]
    for figure in figures:
        limit = "" if figure.budget is None else f"{'>=' if figure.at_least else '<='} {figure.budget:g} {figure.unit}"
        value = "-" if figure.value is None else f"{figure.value:.2f} {figure.unit}"
        rows.append((figure.name, value, limit, {True: "ok", False: "OVER", None: ""}[figure.kept], figure.detail))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    aligned = [
        "  ".join(
            [row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].ljust(widths[2]), row[3].ljust(widths[3]), row[4]]
        ).rstrip()
        for row in rows
    ]
    return "\n".join([aligned[0], "-" * max(map(len, aligned)), *aligned[1:]])


if __name__ == "__main__":
    sys.exit(main())
