"""``meshtier hosts``: what can be asked for, and by which name."""

from collections.abc import Sequence

import click

from meshtier.cli.options import profile_option, source_options
from meshtier.cli.output import listing_option, print_listing
from meshtier.cli.reading import read_mesh
from meshtier.locality import Locality
from meshtier.mesh import Mesh
from meshtier.mesh.rows import FlatRow
from meshtier.profile import Profile

COLUMNS = ("host", "clusters", "service", "holds", "endpoints")


@click.command(short_help="Every host that a client can ask for.")
@source_options
@profile_option
@listing_option
def hosts(sources: Sequence[str], clusters: Sequence[tuple[str, str]], profile: Profile, form: str) -> None:
    """Every host that a client can ask for, from which clusters, and whose setting holds there.

    SOURCES are those of `meshtier explain`. Endpoints are those that a client of
    the first of these clusters is told of.
    """
    mesh = read_mesh(sources, clusters)
    found: dict[str, list[str]] = {}
    for cluster in mesh.clusters:
        for host in mesh.hosts(cluster.name, profile=profile):
            found.setdefault(host, []).append(cluster.name)
    rows = [_row(mesh, host, names, profile) for host, names in sorted(found.items())]
    print_listing(rows, COLUMNS, form, nothing="the input holds no Service or ServiceEntry")


def _row(mesh: Mesh, host: str, names: Sequence[str], profile: Profile) -> FlatRow:
    cluster = names[0]
    clients = mesh.places(cluster).values()
    route = mesh.route(next(iter(clients), Locality()), host, cluster=cluster, profile=profile)
    return {
        "host": host,
        "clusters": ", ".join(name or "(unnamed)" for name in names),
        "service": str(route.service),
        "holds": route.holds,
        "endpoints": len(route.endpoints),
    }
