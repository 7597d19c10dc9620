"""What is in one cluster, as columns? Tables from which an engine computes a fleet that fits no process."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import narwhals as nw
from attrs import frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.endpoint import Endpoint
from meshtier.errors import check_type
from meshtier.frames.answers import Kinds, framed
from meshtier.frames.tier_expression import LOCAL
from meshtier.locality import SCOPES, Locality
from meshtier.mesh import Cluster, Mesh, Place
from meshtier.mesh.clients import client_of
from meshtier.mesh.routing import HostRoutes
from meshtier.mesh.sweep import Asked
from meshtier.precedence import Level, Resolution, Setting
from meshtier.profile import SOLO, Profile
from meshtier.table import Table

Columns: TypeAlias = Mapping[str, list[object]]
"""A table: each column with a value for each row."""

Row: TypeAlias = Mapping[str, object]

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
    return Tables(cluster=cluster.name, columns={name: _columns(COLUMNS[name], make()) for name, make in rows.items()})


def _columns(names: Iterable[str], rows: Iterable[Row]) -> Columns:
    found: dict[str, list[object]] = {name: [] for name in names}
    appends = [(name, values.append) for name, values in found.items()]
    for row in rows:
        for name, append in appends:
            append(row[name])
    return found


def _service_row(asked: Asked, routes: HostRoutes) -> Row:
    service, resolution = routes.binding.service, routes.resolution
    return {
        "cluster": asked.cluster,
        "host": asked.host,
        "namespace": service.namespace,
        "service": service.name,
        "kind": service.kind,
        "scope": service.scope.value,
        "joined": routes.binding.spans_clusters,
        "mode": _word(resolution),
        "strict": resolution.strict,
        "scopes": ", ".join(scope.value for scope in resolution.scopes),
        "level": resolution.source.level.value,
        "object": resolution.source.object,
        "waypoint": service.waypoint,
        "passthrough": service.passthrough,
    }


def _word(resolution: Resolution) -> str:
    """The mode as a word by which `tier_expr_by` finds it again."""
    if resolution.source.level is Level.INTERNAL_TRAFFIC_POLICY:
        return LOCAL
    return resolution.mode.value if resolution.mode is not None and not resolution.strict else ""


def _endpoint_rows(asked: Asked, routes: HostRoutes) -> Iterator[Row]:
    visible = routes.visible
    through = visible.network_endpoints
    for name, each in visible.available.items():
        yield _endpoint_row(asked, each.endpoint, behind_gateway=name in through)
    for each, exclusion in visible.left_out:
        yield _endpoint_row(asked, each.endpoint, excluded=exclusion.reason.value)


def _endpoint_row(asked: Asked, endpoint: Endpoint, *, behind_gateway: bool = False, excluded: str = "") -> Row:
    return {
        "cluster": asked.cluster,
        "host": asked.host,
        "endpoint": endpoint.id,
        **_place(endpoint.locality),
        "health": endpoint.health.value,
        "healthy": bool(endpoint.health.serves) and not excluded,
        "weight": endpoint.weight,
        "behind_gateway": behind_gateway,
        "excluded": excluded,
    }


def _place(locality: Locality) -> Row:
    return dict(zip(PLACE, locality, strict=True))


def _workload_rows(cluster: Cluster) -> Iterator[Row]:
    for workload in cluster.workloads.values():
        yield {
            "cluster": cluster.name,
            "namespace": workload.namespace,
            "name": workload.name,
            "kind": workload.kind,
            **_place(workload.place.locality),
            "health": workload.health.value,
            "healthy": bool(workload.health.serves),
            "weight": workload.weight,
            "starts_at": client_of(workload).starts_at.value if workload.kind == "Pod" else "",
        }


def _gateway_rows(cluster: Cluster) -> Iterator[Row]:
    for gateway in cluster.gateways:
        place: Place = gateway.place
        yield {
            "cluster": cluster.name,
            "namespace": gateway.namespace,
            "name": gateway.name,
            "remote": gateway.remote,
            "to_cluster": gateway.cluster,
            **_place(place.locality),
            "addresses": ", ".join(gateway.addresses),
            "ready": gateway.ready,
        }


def _setting_rows(asked: Asked, resolution: Resolution) -> Iterator[Row]:
    def row(setting: Setting, *, holds: bool) -> Row:
        return {
            "cluster": asked.cluster,
            "host": asked.host,
            "holds": holds,
            "level": setting.level.value,
            "object": setting.object,
            "value": setting.value,
        }

    yield row(resolution.source, holds=True)
    for setting in resolution.overridden:
        yield row(setting, holds=False)
