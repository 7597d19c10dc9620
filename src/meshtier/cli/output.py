"""In what form is an answer printed?"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from meshtier.cli.options import Decorator
from meshtier.errors import InputError, MissingExtraError, Problem
from meshtier.table import Table

if TYPE_CHECKING:  # `tiers` needs no mesh
    from meshtier.mesh.report import Report
    from meshtier.mesh.rows import FlatRow

FORMATS = ("table", "json", "yaml", "markdown")

output_option: Decorator = click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="The form of the answer.",
)


listing_option: Decorator = click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(("table", "json", "markdown")),
    default="table",
    show_default=True,
    help="The form of the list.",
)


def print_listing(rows: "Sequence[FlatRow]", columns: Sequence[str], form: str, *, nothing: str) -> None:
    """Print rows with a value for each column.

    Raises:
        InputError: There is no row.
    """
    if not rows:
        raise InputError([Problem(problem=f"expected something to list, got none: {nothing}")])
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    numeric = frozenset(place for place, column in enumerate(columns) if isinstance(rows[0][column], int))
    cells = [[str(row[column]) for column in columns] for row in rows]
    print_answer(Table(columns=tuple(columns), rows=cells, numeric=numeric), form)


def is_plain(stream: TextIO) -> bool:
    """Whether nothing but plain text belongs there, so that rich need not be loaded.

    These variables make rich write as for a terminal where there is none
    (Textualize/rich, rich/console.py, Console.is_terminal).
    """
    return not (stream.isatty() or os.environ.get("FORCE_COLOR") or os.environ.get("TTY_COMPATIBLE"))


def print_data(data: Mapping[str, Any], form: str) -> None:
    """Print plain data as JSON or YAML."""
    if form == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        return
    try:
        import yaml  # noqa: PLC0415  # slow to load, and not needed for dumps in JSON
    except ImportError as error:
        raise MissingExtraError("cli", "writing YAML") from error
    click.echo(yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True), nl=False)


def print_answer(answer: "Report | Table", form: str) -> None:
    """Print a report or table for reading, or as Markdown."""
    if form == "markdown":
        click.echo(answer.to_markdown())
    elif is_plain(sys.stdout):
        click.echo(answer.to_text())
    else:
        from meshtier.display import terminal  # noqa: PLC0415  # only a terminal needs rich

        terminal.print_answer(answer, sys.stdout)
