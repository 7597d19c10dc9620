"""``python -m benchmarks``: what things cost, each beside a baseline of the same run, against their budgets.

Exit status 1 if a budget is not kept.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks.measure import Figure, Scale
from benchmarks.report import Figures, as_json, as_markdown, as_table
from benchmarks.suite import BENCHMARKS, FULL, QUICK

_OUTPUTS: Final = {"table": as_table, "markdown": as_markdown, "json": as_json}
_SLACK: Final = 5
"""How many times its budget a figure is over that ``--check`` fails for: a lost fast path is, a busy machine is not."""
_MARKS: Final = ("<!-- figures -->\n", "\n<!-- end of figures -->")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Costs beside baselines of the same run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="small inputs: a minute or so, and rough figures")
    parser.add_argument(
        "--check", action="store_true", help=f"small inputs, and fail only for what is over {_SLACK} times its budget"
    )
    parser.add_argument("-o", "--output", choices=_OUTPUTS, default="table")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="write Markdown between the marks of this page")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(BENCHMARKS)):
        parser.error(f"expected names of {', '.join(BENCHMARKS)}; got {', '.join(unknown)}")
    figures = taken(options.names or list(BENCHMARKS), QUICK if options.quick or options.check else FULL)
    if options.into:
        write_into(options.into, as_markdown(figures))
    else:
        print(_OUTPUTS[options.output](figures))
    times = _SLACK if options.check else 1
    return int(any(figure.is_over(times=times) for each in figures.values() for figure in each))


def taken(names: Sequence[str], scale: Scale) -> Figures:
    """The figures of these benchmarks; progress goes to standard error."""
    figures: dict[str, list[Figure]] = {}
    for position, name in enumerate(names, 1):
        start = perf_counter()
        print(f"[{position}/{len(names)}] {name} ...", end="", file=sys.stderr, flush=True)
        figures[name] = list(BENCHMARKS[name](scale))
        over = sum(figure.is_over() for figure in figures[name])
        print(f" {perf_counter() - start:.0f} s, {len(figures[name])} figures, {over} over", file=sys.stderr)
    return figures


def write_into(page: Path, text: str) -> None:
    """Put *text* between the two marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(_MARKS[0])
    _, mark, after = rest.partition(_MARKS[1])
    if not mark:
        raise SystemExit(f"{page}: expected the lines {_MARKS[0].strip()} and {_MARKS[1].strip()}")
    page.write_text(f"{before}{_MARKS[0]}\n{text}\n{_MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
