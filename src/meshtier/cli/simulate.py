"""``meshtier simulate``: what happens when endpoints fail, over time."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, Final, Unpack

import click
from attrs import evolve

from meshtier.cli.changes import Changes, change_options
from meshtier.cli.completion import client_names
from meshtier.cli.explain import asked
from meshtier.cli.options import CLIENT_HELP, HostQuestion, Parsed, host_options, source_options
from meshtier.cli.output import is_plain, print_answer, print_data
from meshtier.cli.reading import read_mesh
from meshtier.errors import InvalidValueError
from meshtier.mesh import Mesh
from meshtier.simulate import Samples, Scenario, Timeline, parse_rate, parse_time, read_scenario, sample
from meshtier.simulate import simulate as simulated

FAILING_AT_THE_END: Final = 1
"""The exit code where requests still fail, or find no endpoint, at the end."""

MOST_RUNS: Final = 100_000


def _parse_length(text: str) -> float:
    """How long a timeline is, in seconds."""
    seconds = parse_time(text)
    if not seconds:
        raise InvalidValueError(f"expected a time above 0, got {text!r}")
    return seconds


@click.command(short_help="What happens when endpoints fail, over time.")
@source_options
@click.option(
    "--from",
    "clients",
    multiple=True,
    metavar="CLIENT",
    shell_complete=client_names,
    help=f"{CLIENT_HELP} Repeatable: all send alike.",
)
@host_options
@click.option(
    "--scenario",
    "file",
    required=True,
    type=click.Path(),
    metavar="FILE",
    help="What happens and when, as YAML or JSON.",
)
@click.option(
    "--for",
    "duration",
    type=Parsed("duration", _parse_length, metavar="DURATION"),
    help="How long, as in 10m; if neither this nor the scenario says it, ten minutes, or ten after the last event.",
)
@click.option(
    "--rate",
    type=Parsed("rate", parse_rate, metavar="N/s"),
    help="How many requests all clients send together, as in 100/s; for what the scenario says.",
)
@click.option(
    "--delay",
    type=Parsed("duration", parse_time, metavar="DURATION"),
    help="How long proxies take to learn from the control plane what is gone or unready; for what the scenario says.",
)
@click.option("--seed", type=int, metavar="N", help="Where there is chance: the same number gives the same timeline.")
@click.option(
    "--runs",
    type=click.IntRange(1, MOST_RUNS),
    default=1,
    metavar="N",
    help="So many runs, each with its own chances, and their quantiles. Needs --seed.",
)
@change_options
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(("table", "json", "markdown", "html", "svg")),
    default="table",
    show_default=True,
    help="The form of the answer; html is a page and svg a picture that need nothing else.",
)
def simulate(
    sources: Sequence[str],
    clusters: Sequence[tuple[str, str]],
    clients: Sequence[str],
    file: str,
    duration: float | None,
    rate: float | None,
    delay: float | None,
    seed: int | None,
    runs: int,
    form: str,
    changes: Changes,
    **question: Unpack[HostQuestion],
) -> int:
    """Who is ejected when and for how long, where traffic goes meanwhile, how many requests fail, and when it is back.

    SOURCES are those of `meshtier explain`. The scenario says which pods, zones,
    clusters or gateways answer what, become unready or are gone, and from when to
    when. Time is computed and not waited for. Exits with 1 if requests still fail at
    the end; with --runs, of any run.
    """
    if runs > 1 and seed is None:
        raise click.UsageError("expected --seed N with --runs: the same number gives the same runs")
    scenario = read_scenario(file)
    scenario = evolve(
        scenario,
        duration=scenario.duration if duration is None else duration,
        rate=scenario.rate if rate is None else rate,
        delay=scenario.delay if delay is None else delay,
    )
    mesh, host = asked(
        read_mesh(sources, clusters), changes, clients=clients, host=question["host"], home=question["home"]
    )
    found = _computed(mesh, clients, host, scenario, seed=seed, runs=runs, question=question)
    _print_found(found, form)
    return FAILING_AT_THE_END if found.is_failing else 0


def _computed(
    mesh: Mesh,
    clients: Sequence[str],
    host: str,
    scenario: Scenario,
    *,
    seed: int | None,
    runs: int,
    question: HostQuestion,
) -> Timeline | Samples:
    more: dict[str, Any] = {
        "component": question["component"],
        "profile": question["profile"],
        "cluster": question["home"],
        "port": question["port"],
        "subset": question["subset"],
        "random": None if seed is None else Random(seed),  # noqa: S311  # chance that can be repeated
    }
    try:
        with _progress() as progress:
            if runs > 1:
                return sample(mesh, clients, host, scenario, runs=runs, progress=progress, **more)
            return simulated(mesh, clients, host, scenario, progress=progress, **more)
    except InvalidValueError as error:
        if error.path != "random":
            raise
        raise click.UsageError(
            "expected --seed N: an endpoint fails a part of its requests, and which ones is left to chance"
        ) from None


@contextmanager
def _progress() -> Generator[Callable[[float], None] | None]:
    if is_plain(sys.stderr):
        yield None
        return
    from meshtier.display.terminal import filled  # noqa: PLC0415  # only a terminal needs rich

    with filled("simulated", sys.stderr) as progress:
        yield progress


def _print_found(found: Timeline | Samples, form: str) -> None:
    match form:
        case "json":
            print_data(found.to_dict(), form)
        case "html":
            click.echo(found.to_html(), nl=False)
        case "svg":
            click.echo(found.to_svg(), nl=False)
        case _:
            print_answer(found.report, form)
