"""``meshtier clients``: from where can be asked, and where does traffic start there?"""

from collections.abc import Sequence

import click

from meshtier.cli.options import source_options
from meshtier.cli.output import listing_option, print_listing
from meshtier.cli.reading import read_mesh
from meshtier.mesh import Client
from meshtier.mesh.clients import client_of
from meshtier.mesh.rows import FlatRow

COLUMNS = ("client", "cluster", "network", "region", "zone", "subzone", "node", "starts at", "in the mesh")
_TAKES_PART = {True: "yes", False: "no", None: "not said"}


@click.command(short_help="Every pod that can be asked about.")
@source_options
@click.option("--places", is_flag=True, help="One pod for each distinct place, as `meshtier routes` asks.")
@listing_option
def clients(sources: Sequence[str], clusters: Sequence[tuple[str, str]], places: bool, form: str) -> None:
    """Every pod that can be asked about: where it is, and where its traffic starts.

    SOURCES are those of `meshtier explain`. A Node (node/NAME) and a place
    (region=…,zone=…) can be asked about too.
    """
    mesh = read_mesh(sources, clusters)
    if places:
        found = [client for cluster in mesh.clusters for client in mesh.places(cluster.name).values()]
    else:
        workloads = [workload for cluster in mesh.clusters for workload in cluster.workloads.values()]
        found = [client_of(workload) for workload in workloads if workload.kind == "Pod"]
    print_listing([_row(client) for client in found], COLUMNS, form, nothing="the input holds no Pod")


def _row(client: Client) -> FlatRow:
    workload = client.workload
    place = client.place_for(client.starts_at).locality
    return {
        "client": client.name.removeprefix("Pod "),
        "cluster": client.cluster,
        **place._asdict(),
        "starts at": client.starts_at.value,
        "in the mesh": _TAKES_PART[workload.takes_part if workload is not None else None],
    }
