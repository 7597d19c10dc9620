"""Where does the traffic to each host go, zone by zone? Many routes as one graph that is small enough to be read."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from attrs import Factory, define

from meshtier.diff.comparing import shared_key
from meshtier.display.chosen_tiers import chosen_tiers, tiers_of, tiers_text
from meshtier.display.graph import LEAST, Graph, Kind, Link, Node, Standing
from meshtier.display.short_names import MOST_LETTERS, zone_name
from meshtier.errors import check_int
from meshtier.mesh import Route
from meshtier.simulate.picture_scale import cut
from meshtier.table import percent

MOST_NODES: Final = 60
"""How many nodes a graph of many routes has, about: what a pull request shows at a glance."""

_MOST_PLACES: Final = 12
"""How many places of clients are shown for one host."""

_Zone = tuple[str, str]
"""The cluster and the name of a zone."""

_LOST: Final = ("", "no endpoint")
_REST: Final = ("", "")


@define
class _Flow:
    """What goes from the clients of one zone to one zone, and by which tiers."""

    share: float = 0.0
    tiers: frozenset[int] = frozenset()


@define
class _Host:
    """What is known of one host."""

    holds: dict[str, None] = Factory(dict[str, None])
    asked: defaultdict[_Zone, int] = Factory(lambda: defaultdict(int))
    flows: defaultdict[tuple[_Zone, _Zone], _Flow] = Factory(lambda: defaultdict(_Flow))


def routes_graph(routes: Iterable[Route], *, most: int = MOST_NODES) -> Graph:
    """The graph of many routes: for each host, from which zone its traffic goes to which, how much and in which tier.

    Routes from one zone count alike, each as one client place. They are read
    one by one and not kept.

    Args:
        routes: Those of one mesh, such as `Mesh.routes`.
        most: About how many nodes there are at the most; what is beyond is counted.
    """
    check_int(most, "most", least=4, most=1_000_000)
    hosts: dict[str, _Host] = {}
    reader = _Reader()
    for route in routes:
        host = hosts.setdefault(route.host, _Host())
        if len(hosts) <= most:  # each that is shown has a node or more
            reader.add(host, route)
    nodes: list[Node] = []
    links: list[Link] = []
    shown = 0
    for place, (name, host) in enumerate(hosts.items()):
        more_nodes, more_links = _part(f"h{place}", name, host)
        if nodes and len(nodes) + len(more_nodes) > most:
            break
        nodes += more_nodes
        links += more_links
        shown += 1
    if rest := len(hosts) - shown:
        nodes.append(Node(key="rest", lines=(f"… and {rest} more hosts",), kind=Kind.REST))
    return Graph(title="traffic by host and zone", nodes=nodes, links=links)


class _Reader:
    """Reads where the traffic of routes goes; of one host, clients that share an answer are read once."""

    def __init__(self) -> None:
        self._host = ""
        self._known: dict[tuple[object, ...], Sequence[tuple[_Zone, _Flow]]] = {}

    def add(self, host: _Host, route: Route) -> None:
        """Count a route."""
        if route.host != self._host:
            self._host = route.host
            self._known = {}
        key = shared_key(route)
        if key not in self._known:
            self._known[key] = _targets(route)
        here = (route.client.cluster, zone_name(route.place.locality))
        host.holds[route.holds] = None
        host.asked[here] += 1
        for there, each in self._known[key]:
            flow = host.flows[here, there]
            flow.share += each.share
            flow.tiers |= each.tiers


def _targets(route: Route) -> Sequence[tuple[_Zone, _Flow]]:
    found: defaultdict[_Zone, _Flow] = defaultdict(_Flow)
    tiers = chosen_tiers(route)
    for row in route.rows():
        if row.share > LEAST:
            flow = found[row.endpoint.cluster, zone_name(row.endpoint.locality)]
            flow.share += row.share
            flow.tiers |= tiers_of(row, tiers)
    if route.lost > LEAST:
        found[_LOST].share += route.lost
    return tuple(found.items())


def _part(key: str, name: str, host: _Host) -> tuple[list[Node], list[Link]]:
    """The nodes and links of one host: clients by zone, endpoints by zone."""
    group = f"{name}: {', '.join(host.holds)}"
    here = list(host.asked)[:_MOST_PLACES]
    flows, merged = _flows(host, set(here))
    there = list(dict.fromkeys(target for _, target in flows))
    names = _names([*host.asked, *there])
    nodes = [
        Node(key=f"{key}:from:{each}", lines=(f"from {names[each]}",), kind=Kind.PLACE, group=group) for each in here
    ]
    if rest := len(host.asked) - len(here):
        nodes.append(Node(key=f"{key}:rest", lines=(f"… and {rest} more places",), kind=Kind.REST, group=group))
    for each in there:
        lost = each == _LOST
        standing = Standing.LOST if lost else Standing.SERVES
        lines = ("no endpoint",) if lost else (f"… and {merged} more zones",) if each == _REST else (names[each],)
        nodes.append(Node(key=f"{key}:to:{each}", lines=lines, standing=standing, column=1, group=group))
    return nodes, list(_links(key, flows, host.asked))


def _flows(host: _Host, here: set[_Zone]) -> tuple[Mapping[tuple[_Zone, _Zone], _Flow], int]:
    """What goes from the places that are shown, to the zones that get most; and how many zones are the rest."""
    total: defaultdict[_Zone, float] = defaultdict(float)
    for (source, target), flow in host.flows.items():
        if source in here:
            total[target] += flow.share
    zones = sorted((zone for zone in total if zone != _LOST), key=lambda zone: (-total[zone], zone))
    rest = set(zones[_MOST_PLACES:])
    found: defaultdict[tuple[_Zone, _Zone], _Flow] = defaultdict(_Flow)
    for (source, target), flow in host.flows.items():
        if source in here:
            into = found[source, _REST if target in rest else target]
            into.share += flow.share
            into.tiers |= flow.tiers
    return found, len(rest)


def _links(
    key: str,
    flows: Mapping[tuple[_Zone, _Zone], _Flow],
    asked: Mapping[_Zone, int],
) -> Iterator[Link]:
    for (source, target), flow in flows.items():
        share = flow.share / asked[source]
        yield Link(
            source=f"{key}:from:{source}",
            target=f"{key}:to:{target}",
            share=share,
            text=f"{percent(share)} {tiers_text(flow.tiers)}".rstrip(),
        )


def _names(places: Iterable[_Zone]) -> Mapping[_Zone, str]:
    """What each place is called: its zone, and its cluster where there are several of one zone."""
    found = list(dict.fromkeys(places))
    zones = [zone for _, zone in found]
    names = {
        (cluster, zone): zone if zones.count(zone) == 1 or not cluster else f"{cluster} {zone}"
        for cluster, zone in found
    }
    return {place: cut(name, MOST_LETTERS) for place, name in names.items()}
