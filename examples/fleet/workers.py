"""Which hosts lose traffic? Asked of a mesh that is shared out to several processes."""

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from meshtier.kube import load
from meshtier.mesh import Mesh


def lost_hosts(part: tuple[Sequence[str], Mesh]) -> set[str]:
    """The hosts of one part whose traffic is lost from somewhere."""
    hosts, mesh = part
    return {route.host for route in mesh.routes(hosts=hosts) if route.lost}


def main(*sources: str) -> None:
    """Print them."""
    with ProcessPoolExecutor(max_workers=2) as workers:
        for host in sorted(set().union(*workers.map(lost_hosts, load(*sources).parts(4)))):
            print(host)


if __name__ == "__main__":
    main(*sys.argv[1:])
