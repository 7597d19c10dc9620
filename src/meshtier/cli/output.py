"""In what form is an answer printed?"""

import json
import sys
from collections.abc import Mapping
from typing import Any

import click
import yaml
from rich.console import Console

from meshtier.cli.options import Decorator
from meshtier.display.terminal import print_report, print_table
from meshtier.mesh.report import Report
from meshtier.table import Table

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


def print_data(data: Mapping[str, Any], form: str) -> None:
    """Print plain data as JSON or YAML."""
    if form == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        click.echo(yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True), nl=False)


def print_answer(answer: Report | Table, form: str) -> None:
    """Print a report or table for reading, or as Markdown."""
    if form == "markdown":
        click.echo(answer.to_markdown())
        return
    console = Console(file=sys.stdout, highlight=False, soft_wrap=False)
    if isinstance(answer, Report):
        print_report(answer, console)
    else:
        print_table(answer, console)
