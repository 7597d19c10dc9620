"""Which benchmarks are there, and how large are they?"""

from collections.abc import Callable, Iterable
from typing import Final

from benchmarks import core, frames, meshes, processes, timelines
from benchmarks.measure import Figure, Scale

FULL: Final = Scale(
    rounds=25,
    seconds=20,
    asked=2_000,
    sets=(10, 100, 1_000, 100_000),
    few=1_000,
    many=1_000_000,
    held=100_000,
    services=1_000,
    pods=100_000,
    nodes=100,
    sampled=25,
    small=1_000,
    large=40_000,
    clusters=(1, 2, 4, 8, 16),
    cluster_services=200,
    cluster_pods=20_000,
    simulated=3_600,
)
QUICK: Final = Scale(
    rounds=7,
    seconds=3,
    asked=300,
    sets=(10, 100, 1_000),
    few=200,
    many=20_000,
    held=20_000,
    services=20,
    pods=1_000,
    nodes=10,
    sampled=2,
    small=200,
    large=4_000,
    clusters=(1, 2, 4),
    cluster_services=20,
    cluster_pods=400,
    simulated=600,
)

BENCHMARKS: Final[dict[str, Callable[[Scale], Iterable[Figure]]]] = {
    "import": processes.imports,
    "command": processes.commands,
    "tier_of": core.one_pair,
    "rank": core.ranking,
    "sets": core.sets,
    "index": core.index,
    "memory": core.memory,
    "load": processes.loading,
    "route": meshes.one_route,
    "mesh": meshes.whole_mesh,
    "lint": meshes.linting,
    "components": meshes.components,
    "clusters": meshes.many_clusters,
    "simulate": timelines.simulations,
    "pairs": frames.pairs,
    "tables": frames.tables,
    "workers": frames.workers,
}
"""Every benchmark by the name that selects it, quick ones first."""
