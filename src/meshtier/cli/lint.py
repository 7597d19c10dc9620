"""``meshtier lint``: the mistakes in a mesh."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypedDict, Unpack

import click

from meshtier.cli.changes import Changes, change_options, changed
from meshtier.cli.options import PROFILE, Parsed, profile_option, source_options
from meshtier.cli.output import is_plain, print_answer
from meshtier.cli.reading import read_mesh
from meshtier.errors import InvalidValueError
from meshtier.lint import forms
from meshtier.lint.catalogue import chosen
from meshtier.lint.checking import SEVERITIES, Inspection, inspect
from meshtier.lint.sarif import sarif
from meshtier.lint.suppression import Suppression, parse_suppression
from meshtier.mesh import Mesh
from meshtier.note import Severity
from meshtier.profile import Profile

FINDINGS: Final = 1
"""The exit code where something as bad as --fail-on was found."""
NOTHING_TO_CHECK: Final = 2
"""The exit code where the input holds nothing to check."""

_EMPTY: Final = "IN701"
_WRITERS: Final[Mapping[str, Callable[[Inspection, str], str]]] = {
    "table": lambda found, _: forms.report(found).to_text(),
    "json": lambda found, _: json.dumps(forms.to_dict(found), indent=2, ensure_ascii=False),
    "markdown": lambda found, _: forms.report(found).to_markdown(),
    "sarif": lambda found, page: json.dumps(sarif(found, help_uri=page), indent=2, ensure_ascii=False),
    "github": lambda found, _: "\n".join(forms.github(found)),
}


def _output(text: str) -> tuple[str, str]:
    form, equals, path = text.partition("=")
    if form not in _WRITERS or (equals and not path):
        raise InvalidValueError(f"expected FORM or FORM=FILE with one of {', '.join(_WRITERS)}, got {text!r}", "output")
    return form, path


def _severity(text: str) -> Severity:
    try:
        return Severity(text)
    except ValueError:
        allowed = ", ".join(each.value for each in SEVERITIES)
        raise InvalidValueError(f"expected one of {allowed}, got {text!r}", "fail-on") from None


class _Options(TypedDict):
    """What is asked of `inspect` besides the mesh."""

    profile: Profile
    profile_to: Profile | None
    select: Sequence[str]
    ignore: Sequence[str]
    suppressions: Sequence[Suppression]


OUTPUT = Parsed("output", _output, choices=list(_WRITERS), metavar="FORM[=FILE]")
SUPPRESSION = Parsed("suppression", parse_suppression, metavar="RULE=OBJECT")
SEVERITY = Parsed("severity", _severity, choices=[each.value for each in SEVERITIES])


@click.command(short_help="The mistakes in a mesh, with what to write instead.")
@source_options
@profile_option
@change_options
@click.option("--to-profile", type=PROFILE, help="The profile that is to come; rules on upgrades compare the two.")
@click.option(
    "--select", multiple=True, metavar="RULE", help="Only this rule (DR101, its name) or family (DR). Repeatable."
)
@click.option("--ignore", multiple=True, metavar="RULE", help="Not this rule or family. Repeatable.")
@click.option(
    "-S",
    "--suppress",
    "suppressions",
    multiple=True,
    type=SUPPRESSION,
    help="Not what this rule says of this object, as in 'DR101=DestinationRule shop/reviews'. Repeatable.",
)
@click.option(
    "--fail-on",
    type=SEVERITY,
    default=Severity.ERROR.value,
    show_default=True,
    help="End with 1 if a finding is so bad, or worse.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=OUTPUT,
    help="A form of the answer: table (the default), json, markdown, sarif or github; =FILE puts it there. Repeatable.",
)
@click.option("--help-uri", default="", metavar="URL", help="Where the page of the rules is, for the links of SARIF.")
def lint(
    sources: Sequence[str],
    clusters: Sequence[tuple[str, str]],
    profile: Profile,
    to_profile: Profile | None,
    select: Sequence[str],
    ignore: Sequence[str],
    suppressions: Sequence[Suppression],
    fail_on: Severity,
    outputs: Sequence[tuple[str, str]],
    help_uri: str,
    changes: Changes,
) -> int:
    """The mistakes in a mesh: what was found, what the mesh does instead, and what to write.

    SOURCES are those of `meshtier explain`. An object's annotation
    meshtier.io/ignore: "DR101: reason" hides what that rule says of it; what is
    hidden is counted and listed. Exits with 1 if a finding is as bad as --fail-on
    says, and with 2 if the input cannot be read or holds nothing to check.
    """
    mesh = changed(read_mesh(sources, clusters), changes)
    found = _inspected(
        mesh, profile=profile, profile_to=to_profile, select=select, ignore=ignore, suppressions=suppressions
    )
    for form, path in outputs or (("table", ""),):
        if path:
            _write(Path(path), f"{_WRITERS[form](found, help_uri)}\n")
        elif form == "table":
            print_answer(forms.report(found), "table")
        else:
            click.echo(_WRITERS[form](found, help_uri))
    if any(finding.rule == _EMPTY for finding in found.findings):
        return NOTHING_TO_CHECK
    return FINDINGS if found.fails(fail_on) else 0


def _inspected(mesh: Mesh, **options: Unpack[_Options]) -> Inspection:
    """The inspection, with the rule that is run shown on a terminal."""
    if is_plain(sys.stderr):
        return inspect(mesh, **options)
    from meshtier.display.terminal import told  # noqa: PLC0415  # only a terminal needs rich

    count = len(chosen(options["select"], options["ignore"]))
    with told(count, "lint", sys.stderr) as tell:
        return inspect(mesh, **options, progress=lambda rule: tell(str(rule)))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidValueError(
            f"expected a file that can be written, got {str(path)!r}: {error.strerror}", "output"
        ) from None
