"""What breaks, spills or takes more load when a part of the mesh is gone? Each zone, region, cluster … in turn."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from attrs import field, frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.diff.change import Change, Delta, Kind
from meshtier.diff.comparing import Comparison, Readers, shared_key
from meshtier.diff.phrases import zone_text
from meshtier.errors import InvalidValueError, check_type
from meshtier.locality import Locality
from meshtier.mesh import Cluster, Mesh, PeeringGateway
from meshtier.profile import SOLO, Profile
from meshtier.table import brief, counted

SCOPES: Final = ("region", "zone", "node", "network", "cluster", "gateway")
"""What can be removed in turn."""

DEFAULT_SCOPES: Final = tuple(scope for scope in SCOPES if scope != "node")
"""What is removed if nothing is said: all but single nodes, of which there may be thousands."""

_MOST_KEPT: Final = 50_000
"""Of so many routes today's answers are kept between failures; they take some 10 kB each where pods compare nodes."""
_LEAST: Final = 0.0005
"""Less of a host's traffic than this is not told."""


@frozen
class Failure:
    """A part of a mesh that is gone.

    Attributes:
        scope: One of `SCOPES`.
        name: As `Mesh.without` takes it under that keyword.
    """

    scope: str
    name: str

    @override
    def __str__(self) -> str:
        short = self.name.rpartition("/")[2] if self.scope in ("zone", "node") else self.name
        return f"{self.scope} {short}"


@frozen(kw_only=True)
class Effect:
    """What a failure does to one host, for the clients that are still there.

    Attributes:
        asked: How many routes to the host are left.
        broken: The client places from which all its endpoints are lost.
        lost: What part of the traffic is lost that was not before, 0 to 1.
        spilled: What part goes to other zones than before, or of a node that is gone, to other nodes.
        to: The zones or nodes that get it, that with the most first, each with its part.
        loads: The load on each of them today and then, where it rises; a unit is the
            traffic of one route, and clients that are gone send none.
    """

    asked: int
    broken: tuple[Locality, ...] = field(default=(), repr=brief)
    lost: float = 0.0
    spilled: float = 0.0
    to: tuple[tuple[str, float], ...] = field(default=(), repr=brief)
    loads: Mapping[str, tuple[float, float]] = field(factory=dict[str, tuple[float, float]], repr=brief)

    @property
    def breaks(self) -> bool:
        """Whether some client that is left loses all endpoints."""
        return bool(self.broken)


@frozen(kw_only=True)
class Outage:
    """One failure and what it does.

    Attributes:
        failure: What is gone.
        effects: What that does, by host; hosts to which it does nothing are left out.
        clients_gone: How many routes are gone with their clients.
        clients_left: Whether some client is left to ask anything.
    """

    failure: Failure
    effects: Mapping[str, Effect] = field(repr=counted)
    clients_gone: int = 0
    clients_left: bool = True


def failures_of(mesh: Mesh, each: Iterable[str] = DEFAULT_SCOPES) -> tuple[Failure, ...]:
    """All that can be removed, in the order of *each*, sorted by name.

    Raises:
        InvalidValueError: One of *each* is nothing that can be removed.
    """
    check_type(mesh, Mesh, "mesh")
    found: dict[Failure, None] = {}
    for scope in each:
        if scope not in SCOPES:
            raise InvalidValueError(f"expected some of {', '.join(SCOPES)}, got {scope!r}", "each")
        names = {name for cluster in mesh.clusters for name in _names(cluster, scope, mesh.clusters)}
        found |= dict.fromkeys(Failure(scope, name) for name in sorted(names) if name)
    return tuple(found)


def _names(cluster: Cluster, scope: str, clusters: Sequence[Cluster]) -> Iterator[str]:
    if scope == "cluster":
        yield from (cluster.name,) if cluster.name and len(clusters) > 1 else ()
    elif scope == "gateway":
        yield from (_path(cluster.name, gateway) for gateway in cluster.gateways if not _stands_for(gateway, clusters))
    else:
        pods = (each.place.locality for each in cluster.workloads.values() if each.kind == "Pod")
        for at in {*pods, *(place.locality for place in cluster.nodes.values())}:
            match scope:
                case "zone":
                    yield f"{at.region}/{at.zone}" if at.region and at.zone else at.zone
                case "node":
                    yield _joined(cluster.name, at.node) if at.node else ""
                case _:
                    yield at.network if scope == "network" else at.region


def _path(cluster: str, gateway: PeeringGateway) -> str:
    return _joined(cluster, gateway.namespace, gateway.name)


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _stands_for(gateway: PeeringGateway, clusters: Iterable[Cluster]) -> bool:
    """Whether a Gateway only stands for one of another cluster of the input, and goes with that."""
    if not gateway.remote:
        return False
    own = (each for cluster in clusters for each in cluster.gateways if not each.remote)
    return any(set(each.addresses) & set(gateway.addresses) for each in own)


def each_outage(
    mesh: Mesh,
    failures: Iterable[Failure],
    *,
    component: Component | None = None,
    profile: Profile = SOLO,
    hosts: Iterable[str] | None = None,
) -> Iterator[Outage]:
    """What each of some failures does.

    Clients inside what is gone are not asked. Each failure costs the hosts that
    have an endpoint, a waypoint's pod or a gateway in it.
    """
    wanted = None if hosts is None else tuple(hosts)
    readers = Readers(kept=mesh.route_count(component=component, profile=profile, hosts=wanted) <= _MOST_KEPT)
    today = _Today(mesh, component, profile, readers)
    for failure in failures:
        after = mesh.without(**{failure.scope: failure.name})
        comparison = Comparison.of(mesh, after, component=component, profile=profile, hosts=wanted, readers=readers)
        yield _outage(failure, list(comparison.changes()), today, clients_left=_has_clients(after))


def _has_clients(mesh: Mesh) -> bool:
    return any(each.kind == "Pod" for cluster in mesh.clusters for each in cluster.workloads.values())


class _Today:
    """Where the traffic of each route goes before anything is gone; read for the hosts that are asked for."""

    def __init__(self, mesh: Mesh, component: Component | None, profile: Profile, readers: Readers) -> None:
        self._readers = readers
        self._mesh = mesh
        self._question = component, profile
        self._found: dict[str, Mapping[object, Mapping[Locality, float]]] = {}

    def routes(self, host: str) -> Mapping[object, Mapping[Locality, float]]:
        """The share of each place, by the key of the route."""
        if host not in self._found:
            self._found[host] = MappingProxyType(dict(self._read(host)))
        return self._found[host]

    def _read(self, host: str) -> Iterator[tuple[object, Mapping[Locality, float]]]:
        component, profile = self._question
        sweep = self._mesh.sweep
        for asked in sweep.asked(component, profile, (host,), starts=component):
            routes, reader = sweep.routes_to(asked), self._readers.of(asked)
            known: dict[object, Mapping[Locality, float]] = {}
            for place, client in asked.clients.items():
                route = routes.route(client)
                key = shared_key(route)
                if key not in known:
                    known[key] = reader.at(place, route).places
                yield (asked.cluster, host, asked.start, place.locality), known[key]


def _outage(failure: Failure, changes: Sequence[Change], today: _Today, *, clients_left: bool) -> Outage:
    by_host: defaultdict[str, list[Change]] = defaultdict(list)
    gone: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        (gone if change.kind is Kind.CLIENT_GONE else by_host)[change.host].append(change)
    # Where single nodes go, the rest of their zone takes over, so that zones would say nothing.
    name_of = _node_text if failure.scope == "node" else zone_text
    effects = {host: _effect(by_host[host], gone[host], today.routes(host), name_of) for host in sorted(by_host)}
    return Outage(
        failure=failure,
        effects={host: effect for host, effect in effects.items() if effect.broken or effect.lost or effect.spilled},
        clients_gone=sum(map(len, gone.values())),
        clients_left=clients_left,
    )


def _effect(
    changes: Sequence[Change],
    gone: Sequence[Change],
    today: Mapping[object, Mapping[Locality, float]],
    name_of: Callable[[Locality], str],
) -> Effect:
    asked = max(1, len(today) - len(gone))
    lost, moved = 0.0, defaultdict[str, float](float)
    for change in changes:
        delta = change.delta
        if delta is not None:
            lost += max(0.0, delta.lost_more)
            for name, by in _summed(_moves(delta), name_of).items():
                moved[name] += max(0.0, by)
    parts = sorted(((name, part / asked) for name, part in moved.items()), key=lambda pair: (-pair[1], pair[0]))
    to = [(name, part) for name, part in parts if part > _LEAST]
    return Effect(
        asked=len(today) - len(gone),
        broken=tuple(dict.fromkeys(change.place for change in changes if change.loses_all)),
        lost=lost / asked if lost / asked > _LEAST else 0.0,
        spilled=sum(part for _, part in to),
        to=tuple(to),
        loads=_loads(changes, gone, today, name_of),
    )


def _loads(
    changes: Iterable[Change],
    gone: Iterable[Change],
    today: Mapping[object, Mapping[Locality, float]],
    name_of: Callable[[Locality], str],
) -> Mapping[str, tuple[float, float]]:
    """The load on each place today and then, where it rises."""
    before: defaultdict[str, float] = defaultdict(float)
    for places in today.values():
        for name, share in _summed(places, name_of).items():
            before[name] += share
    after = defaultdict(float, before)
    for change in gone:
        for name, share in _summed(today[change.route_key], name_of).items():
            after[name] -= share
    for change in changes:
        if change.delta is not None:
            for name, share in _summed(_moves(change.delta), name_of).items():
                after[name] += share
    pairs = {name: (round(before.get(name, 0.0), 6), round(load, 6)) for name, load in after.items()}
    return {name: pair for name, pair in sorted(pairs.items()) if pair[1] - pair[0] > _LEAST}


def _moves(delta: Delta) -> Mapping[Locality, float]:
    """How much more each place gets."""
    return {place: after - before for place, (before, after) in delta.moves.items()}


def _summed(places: Mapping[Locality, float], name_of: Callable[[Locality], str]) -> Mapping[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    for place, share in places.items():
        found[name_of(place)] += share
    return found


def _node_text(place: Locality) -> str:
    return place.node or zone_text(place)
