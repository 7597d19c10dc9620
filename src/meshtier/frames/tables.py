"""What is in one cluster, as columns? Tables from which an engine computes a fleet that fits no process."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import narwhals as nw
from attrs import frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.endpoint import Health
from meshtier.errors import check_type
from meshtier.frames.answers import Kinds, framed
from meshtier.frames.tier_expression import LOCAL
from meshtier.locality import SCOPES
from meshtier.mesh import Cluster, Mesh
from meshtier.mesh.routing import HostRoutes
from meshtier.mesh.sweep import Asked
from meshtier.precedence import Level, Resolution
from meshtier.profile import SOLO, Profile
from meshtier.table import Table

Columns: TypeAlias = Mapping[str, list[object]]
"""A table: each column with a value for each row."""

Row: TypeAlias = tuple[object, ...]
"""A value for each column of a table, in the order of `COLUMNS`."""

PLACE: Final = tuple(scope.value for scope in SCOPES)

COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "services": {
        "cluster": "the cluster in which the host is asked for",
        "host": "the full host name",
        "namespace": "that of the Service or ServiceEntry that answers",
        "service": "its name",
        "kind": "Service or ServiceEntry",
        "scope": "how far it reaches (COMP-3)",
        "joined": "whether the host has endpoints of other clusters too",
        "mode": "the setting that holds at a ztunnel, as a word for `tier_expr_by`; empty where it is no mode",
        "strict": "whether all that is compared must match",
        "scopes": "what is compared, in order",
        "level": "where the setting stands (PREC)",
        "object": "the object that holds it",
        "waypoint": "the Gateway that is to be its waypoint; empty for none",
        "passthrough": "why no choice is made (PREC-4); empty if one is",
    },
    "endpoints": {
        "cluster": "the cluster in which the host is asked for",
        "host": "the full host name",
        "endpoint": "its id: cluster, namespace and name",
        **{part: f"its {part}; empty if unknown" for part in PLACE},
        "health": "healthy, degraded, unhealthy …",
        "healthy": "whether it can take traffic",
        "weight": "what it weighs against others",
        "behind_gateway": "whether it is a gateway, and stands for what is behind it in another network (NET-1)",
        "excluded": "why it can get no traffic in any case; empty if it can",
    },
    "workloads": {
        "cluster": "its cluster",
        "namespace": "its namespace",
        "name": "its name",
        "kind": "Pod, WorkloadEntry …",
        **{part: f"its {part}, as a ztunnel sees it; empty if unknown" for part in PLACE},
        "health": "healthy, degraded, unhealthy …",
        "healthy": "whether it can take traffic",
        "weight": "what it weighs against others",
        "starts_at": "the component at which its traffic starts (PATH-2); empty if it is no pod",
    },
    "gateways": {
        "cluster": "the cluster whose dump has it",
        "namespace": "its namespace",
        "name": "its name",
        "remote": "whether it stands for the gateway of another cluster",
        "to_cluster": "the cluster that it leads to",
        **{part: f"its {part}; empty if unknown" for part in PLACE[:4]},
        "addresses": "its addresses",
        "ready": "whether anything is sent there",
    },
    "settings": {
        "cluster": "the cluster in which the host is asked for",
        "host": "the full host name",
        "holds": "whether it is the one that holds; the others are overridden",
        "level": "where it stands (PREC)",
        "object": "the object that holds it",
        "value": "what is written there",
    },
}
"""The columns of each table, and what is in them: text, but for those of `KINDS`."""

KINDS: Final[Kinds] = {
    "weight": nw.Int64,
    **dict.fromkeys(("joined", "strict", "healthy", "behind_gateway", "remote", "ready", "holds"), nw.Boolean),
}


@frozen(kw_only=True, repr=False, eq=False)
class Tables:
    """One cluster as tables; `COLUMNS` says what is in them.

    Attributes:
        cluster: Its name; ``""`` if nothing gives one.
        columns: By table: each column with a value for each row.
    """

    cluster: str
    columns: Mapping[str, Columns]

    def frame(self, table: str, *, backend: str = "pandas", session: object = None) -> Any:  # noqa: ANN401  # the caller's library
        """One of the tables as a frame of a library.

        Args:
            table: A key of `COLUMNS`.
            backend, session: As for `tiers_frame`.
        """
        return framed(self.columns[table], backend, session, kinds=KINDS)

    def to_table(self) -> Table:
        """How many rows each of them has."""
        rows = [(name, f"{self.rows(name):,}", ", ".join(columns)) for name, columns in self.columns.items()]
        return Table(title=self.cluster, columns=("table", "rows", "columns"), rows=rows, numeric=frozenset({1}))

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        return len(next(iter(self.columns[table].values())))

    @override
    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {self.rows(name):,}" for name in self.columns)
        return f"<Tables of {self.cluster!r}: {counts}>"


def tables(cluster: Cluster, *, profile: Profile = SOLO) -> Tables:
    """One cluster as tables: what a ztunnel there is told of, and by which settings it chooses.

    Args:
        cluster: The cluster. What others know of it is not looked at, so that each
            can be read, turned into tables and forgotten by itself.
        profile: Whose rules decide which setting holds.

    Cost: O(n) in the workloads and the endpoints of all hosts.

    >>> from meshtier.kube import load
    >>> tables(load("examples/bookinfo/gateways").clusters[0])
    <Tables of 'east': services 8, endpoints 21, workloads 19, gateways 2, settings 8>
    """
    check_type(cluster, Cluster, "cluster")
    check_type(profile, Profile, "profile")
    sweep = Mesh([cluster]).sweep
    asked = [
        (each, sweep.routes_to(each))
        for each in sweep.asked(Component.ZTUNNEL, profile, None, starts=Component.ZTUNNEL)
    ]
    rows: Mapping[str, Callable[[], Iterable[Row]]] = {
        "services": lambda: (_service_row(each, routes) for each, routes in asked),
        "endpoints": lambda: (row for each, routes in asked for row in _endpoint_rows(each, routes)),
        "workloads": lambda: _workload_rows(cluster),
        "gateways": lambda: _gateway_rows(cluster),
        "settings": lambda: (row for each, routes in asked for row in _setting_rows(each, routes.resolution)),
    }
    return Tables(
        cluster=cluster.name, columns={name: _columns(tuple(COLUMNS[name]), make()) for name, make in rows.items()}
    )


def _columns(names: Sequence[str], rows: Iterable[Row]) -> Columns:
    columns = list(map(list, zip(*rows, strict=True))) or [list[object]() for _ in names]
    return dict(zip(names, columns, strict=True))


def _service_row(asked: Asked, routes: HostRoutes) -> Row:
    service, resolution = routes.binding.service, routes.resolution
    return (
        asked.cluster,
        asked.host,
        service.namespace,
        service.name,
        service.kind,
        service.scope.value,
        routes.binding.spans_clusters,
        _word(resolution),
        resolution.strict,
        ", ".join(scope.value for scope in resolution.scopes),
        resolution.source.level.value,
        resolution.source.object,
        service.waypoint,
        service.passthrough,
    )


def _word(resolution: Resolution) -> str:
    """The mode as a word by which `tier_expr_by` finds it again."""
    if resolution.source.level is Level.INTERNAL_TRAFFIC_POLICY:
        return LOCAL
    return resolution.mode.value if resolution.mode is not None and not resolution.strict else ""


def _endpoint_rows(asked: Asked, routes: HostRoutes) -> Iterator[Row]:
    visible, cluster, host = routes.visible, asked.cluster, asked.host
    through = visible.network_endpoints
    for name, each in visible.available.items():
        endpoint = each.endpoint
        health, healthy = _HEALTHS[endpoint.health]
        yield (cluster, host, name, *endpoint.locality, health, healthy, endpoint.weight, name in through, "")
    for each, exclusion in visible.left_out:
        endpoint = each.endpoint
        health, _ = _HEALTHS[endpoint.health]
        reason = exclusion.reason.value
        yield (cluster, host, endpoint.id, *endpoint.locality, health, False, endpoint.weight, False, reason)


def _workload_rows(cluster: Cluster) -> Iterator[Row]:
    starts = {proxy: (proxy or Component.ZTUNNEL).value for proxy in (None, *Component)}
    for each in cluster.workloads.values():
        health, healthy = _HEALTHS[each.health]
        start = starts[each.proxy] if each.kind == "Pod" else ""
        place = each.place.locality
        yield (cluster.name, each.namespace, each.name, each.kind, *place, health, healthy, each.weight, start)


def _gateway_rows(cluster: Cluster) -> Iterator[Row]:
    for each in cluster.gateways:
        *place, _node = each.place.locality
        addresses = ", ".join(each.addresses)
        yield (cluster.name, each.namespace, each.name, each.remote, each.cluster, *place, addresses, each.ready)


def _setting_rows(asked: Asked, resolution: Resolution) -> Iterator[Row]:
    settings = [(True, resolution.source), *((False, setting) for setting in resolution.overridden)]
    for holds, setting in settings:
        yield (asked.cluster, asked.host, holds, setting.level.value, setting.object, setting.value)


_HEALTHS: Final = {health: (health.value, bool(health.serves)) for health in Health}
