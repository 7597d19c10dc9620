"""``meshtier tiers``: the published table of the modes, from the code's own data."""

import click

from meshtier.cli.options import Parsed, profile_option
from meshtier.cli.output import output_option, print_answer, print_data
from meshtier.distribution import MODE_ALIASES, TrafficDistribution
from meshtier.precedence import precedence_table
from meshtier.preference import mode_table
from meshtier.profile import Profile

MODE = Parsed(
    "mode", TrafficDistribution.parse, choices=[*map(str, TrafficDistribution), *MODE_ALIASES], metavar="MODE"
)


@click.command(short_help="The tiers of a mode, and the rules of a profile.")
@click.argument("mode", required=False, type=MODE)
@profile_option
@output_option
def tiers(mode: TrafficDistribution | None, profile: Profile, form: str) -> None:
    """What is in which tier of MODE, or of every mode; where each can be set; and which rules the profile took.

    MODE is Any, PreferNetwork, PreferRegion, PreferSameZone (PreferClose) or PreferSameNode.
    """
    modes = [mode] if mode is not None else list(TrafficDistribution)
    tables = [mode_table(each, profile=profile) for each in modes]
    rules = profile.to_table()
    if form in ("json", "yaml"):
        data = {
            "profile": profile.name,
            "modes": [
                {
                    "mode": each.value,
                    "scopes": [scope.value for scope in profile.scopes(each)],
                    "tiers": [{"tier": int(row[0][1:]), "matched": row[1]} for row in table.rows],
                }
                for each, table in zip(modes, tables, strict=True)
            ],
            "rules": [dict(zip(rules.columns, row, strict=True)) for row in rules.rows],
            "changes": list(profile.changes),
        }
        print_data(data, form)
        return
    if mode is None:
        tables += [precedence_table(profile=profile), rules]
    for number, table in enumerate(tables):
        if number:
            click.echo()
        print_answer(table, form)
