"""Which way does a client's traffic take? From the client by waypoint and gateway to the endpoints, as a graph."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from attrs import evolve, frozen

from meshtier.display.chosen_tiers import chosen_tiers, tiers_of, tiers_text
from meshtier.display.graph import LEAST, Graph, Kind, Link, Node, Standing
from meshtier.display.short_names import short_names, zone_name
from meshtier.endpoint import Health
from meshtier.errors import check_int, check_type
from meshtier.mesh import Hop, Route, Row
from meshtier.table import percent

MOST: Final = 12
"""How many endpoints a picture shows one by one, and beyond that how many groups of them."""

_MOST_PODS: Final = 6
"""How many pods of a waypoint are shown one by one."""

_MOST_EXCLUDED: Final = 4
"""How many excluded endpoints are shown one by one."""

_MOST_TIERS: Final = 8
_CLIENT: Final = "client"
_LOST: Final = "lost"
_FAR: Final = 10_000  # behind all tiers


@frozen(kw_only=True)
class _Chooser:
    """Who chooses endpoints: the client's own component, or pods of a waypoint that are shown as one."""

    node: Node
    hops: tuple[Hop, ...]


def path_graph(route: Route, *, most: int = MOST) -> Graph:
    """The graph of a route: who chooses, by which gateway it goes, and what each endpoint gets.

    Args:
        route: The answer.
        most: How many endpoints are shown one by one; of more, those of one zone,
            tier and health are counted, and of more such groups the last ones together.
    """
    check_type(route, Route, "route")
    check_int(most, "most", least=2, most=1_000_000)
    return _Path(route, most).graph()


class _Path:
    """The parts of a graph, one column after the other."""

    def __init__(self, route: Route, most: int) -> None:
        self._route = route
        self._most = most
        self._links: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._tiers = chosen_tiers(route)

    def graph(self) -> Graph:
        route = self._route
        client = self._client()
        choosers = self._choosers(client)
        gateways = self._gateways(choosers)
        last = max(node.column for node in (client, *(one.node for one in choosers), *gateways)) + 1
        rows = list(route.rows())
        self._to_told(choosers, {node.key for node in gateways})
        ends = self._ends(rows, last)
        pods = [one.node for one in choosers if one.node.key != _CLIENT]
        nodes = [client, *pods, *gateways, *ends]
        nodes += self._lost(nodes, last)
        heads = ["client", *(["waypoint pods"] if pods else []), *(["gateways"] if gateways else []), "endpoints"]
        return Graph(
            title=f"{route.host} from {route.client.name}",
            lines=self._lines(),
            nodes=nodes,
            links=self._shown_links(),
            heads=heads,
            legend=self._legend(nodes),
        )

    def _legend(self, nodes: Iterable[Node]) -> Sequence[tuple[int, str]]:
        """What the tiers mean that are on the picture."""
        shown = {node.tier for node in nodes}
        routes = [hop.route for hop in self._route.waypoint_hops] or [self._route.deciding]
        matched = {tier.number: tier.matched for route in routes for tier in route.tiers if tier.number in shown}
        return sorted(matched.items())[:_MOST_TIERS]

    def _shown_links(self) -> Iterator[Link]:
        """The links; those of 0 % only to what gets nothing at all, since they show who could send there."""
        served = {target for (_, target), share in self._links.items() if share > LEAST}
        for (source, target), share in self._links.items():
            if share > LEAST or target not in served:
                yield Link(source=source, target=target, share=share)

    def _lines(self) -> Iterator[str]:
        route = self._route
        first = route.first_hop.route.component.value
        by = first if route.deciding is route else f"{first}, then {route.decided_by}"
        yield f"{route.holds}; by {by}, profile {route.profile.name}"
        if route.reason:
            yield f"no traffic flows: {route.reason}" if route.drops else route.reason

    def _client(self) -> Node:
        route = self._route
        name = route.client.name.rpartition("/")[2] or route.client.name
        lines = (name, f"in {zone_name(route.place.locality)}", f"by {route.first_hop.route.component.value}")
        return Node(key=_CLIENT, lines=lines, kind=Kind.CHOOSER, share=1.0)

    def _choosers(self, client: Node) -> Sequence[_Chooser]:
        """The client, or the pods of a waypoint, those with the largest shares first."""
        route = self._route
        if route.deciding is route:
            return [_Chooser(node=client, hops=(route.first_hop,))]
        hops = sorted(route.waypoint_hops, key=lambda hop: -hop.share)
        names = short_names(hop.by for hop in hops)
        groups: dict[str, list[Hop]] = {}
        for hop in hops:
            groups.setdefault(hop.by if len(hops) <= _MOST_PODS else zone_name(hop.route.place.locality), []).append(
                hop
            )
        found = [self._pods(key, group, names) for key, group in groups.items()]
        for one in found:
            self._links[_CLIENT, one.node.key] += one.node.share
        return found

    def _pods(self, key: str, hops: Sequence[Hop], names: Mapping[str, str]) -> _Chooser:
        share = sum(hop.share for hop in hops)
        zone = zone_name(hops[0].route.place.locality)
        name = names[hops[0].by] if len(hops) == 1 else f"{len(hops)} waypoint pods"
        node = Node(
            key=f"pod:{key}", lines=(name, percent(share), f"in {zone}"), kind=Kind.CHOOSER, column=1, share=share
        )
        return _Chooser(node=node, hops=tuple(hops))

    def _gateways(self, choosers: Sequence[_Chooser]) -> Sequence[Node]:
        """The network endpoints behind which the answer goes on."""
        route = self._route
        column = max((one.node.column for one in choosers), default=0) + 1
        found = [each for each in route.endpoints if route.behind(each.id) is not None]
        names = short_names(each.id for each in found)
        nodes: list[Node] = []
        for each in found:
            share = route.told[each.id]
            lines = (names[each.id], percent(share), f"to {each.locality.network or each.cluster or 'another network'}")
            nodes.append(
                Node(
                    key=f"gateway:{each.id}",
                    lines=lines,
                    kind=Kind.GATEWAY,
                    standing=Standing.SERVES if share > LEAST else Standing.IDLE,
                    column=column,
                    share=share,
                    tier=_only(self._tiers.get(each.id, frozenset())),
                )
            )
        return nodes

    def _to_told(self, choosers: Sequence[_Chooser], gateways: set[str]) -> None:
        """What each chooser gives to each endpoint that it is told of."""
        self._given: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for one in choosers:
            for hop in one.hops:
                for name, share in hop.route.told.items():
                    gateway = f"gateway:{name}"
                    if gateway in gateways:
                        self._links[one.node.key, gateway] += hop.share * share
                    else:
                        by = self._given[name]
                        by[one.node.key] = by.get(one.node.key, 0.0) + hop.share * share

    def _ends(self, rows: Sequence[Row], column: int) -> Sequence[Node]:
        """The endpoints, the nearest tier's first, and what is excluded last."""
        there = [row for row in rows if not row.excluded]
        names = short_names(row.endpoint.id for row in rows)
        groups: dict[object, list[Row]] = {}
        for place, row in enumerate(there):
            groups.setdefault(place if len(there) <= self._most else self._alike(row), []).append(row)
        shown = sorted(groups.values(), key=self._order)
        if len(shown) > self._most:
            shown = [*shown[: self._most - 1], [row for group in shown[self._most - 1 :] for row in group]]
        nodes = [self._end(f"end:{place}", group, names, column) for place, group in enumerate(shown)]
        return [*nodes, *_excluded([row for row in rows if row.excluded], names, column)]

    def _end(self, key: str, group: Sequence[Row], names: Mapping[str, str], column: int) -> Node:
        share = sum(row.share for row in group)
        for row in group:
            if row.through:
                self._links[f"gateway:{row.through}", key] += row.share
            else:
                for source, part in self._given[row.endpoint.id].items():
                    self._links[source, key] += part
        standings, first = {_standing(row) for row in group}, group[0]
        tiers = frozenset[int]().union(*(tiers_of(row, self._tiers) for row in group))
        zones = {zone_name(row.endpoint.locality) for row in group}
        kind = Kind.ENDPOINT if len(group) == 1 else Kind.REST
        name = names[first.endpoint.id] if len(group) == 1 else f"{len(group)} endpoints"
        if len({self._alike(row) for row in group}) > 1:
            name = f"… and {len(group)} more"
        standing = standings.pop() if len(standings) == 1 else Standing.SERVES if share > LEAST else Standing.IDLE
        health = first.endpoint.health.value if first.endpoint.health is not Health.HEALTHY else ""
        words = (
            "" if self._route.passthrough else percent(share),
            tiers_text(tiers),
            health,
        )
        where = f"in {next(iter(zones))}" if len(zones) == 1 else f"in {len(zones)} zones"
        lines = (name, " ".join(filter(None, words)), where)
        return Node(
            key=key,
            lines=[line for line in lines if line],
            kind=kind,
            standing=standing,
            column=column,
            share=share,
            tier=_only(tiers),
        )

    def _alike(self, row: Row) -> object:
        """What rows have in common that are counted together."""
        tiers = tiers_of(row, self._tiers)
        return row.through, tiers, zone_name(row.endpoint.locality), _standing(row), row.endpoint.health

    def _order(self, group: Sequence[Row]) -> tuple[int, bool, float, str]:
        """The nearest tier first, and in it those with the largest shares."""
        first = group[0]
        tier = min(tiers_of(first, self._tiers), default=_FAR)
        return tier, not first.endpoint.health.serves, -sum(row.share for row in group), first.endpoint.id

    def _lost(self, nodes: Iterable[Node], column: int) -> Iterator[Node]:
        """What comes in somewhere and does not go on."""
        if self._route.passthrough:
            return
        missing = 0.0
        for node in nodes:
            if node.kind in (Kind.CHOOSER, Kind.GATEWAY) and node.share > LEAST:
                left = node.share - sum(share for (source, _), share in self._links.items() if source == node.key)
                if left > LEAST:
                    self._links[node.key, _LOST] += left
                    missing += left
        if missing:
            lines = (f"{percent(missing)} is lost", "finds no endpoint")
            yield Node(key=_LOST, lines=lines, kind=Kind.REST, standing=Standing.LOST, column=column, share=missing)


def _standing(row: Row) -> Standing:
    if row.excluded:
        return Standing.EXCLUDED
    if not row.endpoint.health.serves:
        return Standing.UNHEALTHY
    return Standing.SERVES if row.share > LEAST else Standing.IDLE


def _only(tiers: frozenset[int]) -> int | None:
    """The tier, if there is one and no other."""
    return next(iter(tiers)) if len(tiers) == 1 else None


def _excluded(rows: Sequence[Row], names: Mapping[str, str], column: int) -> Iterator[Node]:
    shape = Node(key="", lines=(), standing=Standing.EXCLUDED, column=column)
    if len(rows) <= _MOST_EXCLUDED:
        for place, row in enumerate(rows):
            lines = (names[row.endpoint.id], f"excluded: {row.excluded}", f"in {zone_name(row.endpoint.locality)}")
            yield evolve(shape, key=f"excluded:{place}", lines=lines)
        return
    reasons: dict[str, int] = {}
    for row in rows:
        reasons[row.excluded] = reasons.get(row.excluded, 0) + 1
    for reason, count in reasons.items():
        counted = (f"{count} endpoints", f"excluded: {reason}")
        yield evolve(shape, key=f"excluded:{reason}", lines=counted, kind=Kind.REST)
