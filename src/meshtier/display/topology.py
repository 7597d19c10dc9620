"""What is there, and where, as a picture? Clusters, networks, zones with their pods, gateways."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final
from zlib import crc32

from attrs import frozen

from meshtier.display import svg
from meshtier.display.graph import Graph, Kind, Link, Node, Standing
from meshtier.display.picture import Picture
from meshtier.display.short_names import short_names, zone_name
from meshtier.errors import check_int, check_type
from meshtier.locality import Locality
from meshtier.mesh import Cluster, Mesh, PeeringGateway
from meshtier.simulate.picture import COLOURS, RED
from meshtier.simulate.picture_scale import cut

MOST_CLUSTERS: Final = 12
"""How many clusters are shown."""

MOST_ZONES: Final = 12
"""How many zones, and how many gateways, are shown of each."""

_CHIP, _CHIP_GAP, _PADDING = 160, 8, 8
_BOLD: Final = 8.2
_LETTER: Final = 7.0


def topology(mesh: Mesh, *, most: int = MOST_CLUSTERS) -> Picture:
    """The clusters of a mesh: the network of each, its zones with their pods and nodes, and its gateways.

    Needs no package. Clusters of one network have one colour, and stand beside each
    other. Pods that take no traffic are counted apart.

    Args:
        mesh: The mesh.
        most: How many clusters are shown; the others are counted.

    >>> from meshtier.kube import load
    >>> topology(load("examples/bookinfo/gateways"))
    <Picture 2 clusters, 2 networks: 11 nodes>
    """
    check_type(mesh, Mesh, "mesh")
    check_int(most, "most", least=1, most=1_000_000)
    clusters = sorted(mesh.clusters, key=lambda each: (each.network, each.name))
    shown = clusters[:most]
    networks = list(dict.fromkeys(each.network for each in clusters))
    groups = {each.name: _group(each) for each in shown}
    nodes = [node for each in shown for node in _nodes(each, groups[each.name])]
    if rest := len(clusters) - len(shown):
        nodes.append(Node(key="rest", lines=(f"… and {rest} more clusters",), kind=Kind.REST))
    title = f"{_count(len(clusters), 'cluster')}, {_count(len(networks), 'network')}"
    graph = Graph(title=title, nodes=nodes, links=_links(shown))
    numbers = {groups[each.name]: networks.index(each.network) for each in shown}
    return Picture(graph=graph, draw=partial(draw_topology, numbers=numbers))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _group(cluster: Cluster) -> str:
    name = f"cluster {cluster.name}" if cluster.name else "cluster without a name"
    return f"{name}, network {cluster.network}" if cluster.network else name


def _nodes(cluster: Cluster, group: str) -> Iterator[Node]:
    pods: defaultdict[Locality, Counter[bool]] = defaultdict(Counter)
    others = Counter[Locality]()
    for each in cluster.workloads.values():
        if each.kind == "Pod":
            pods[_zone(each.place.locality)][each.health.serves] += 1
        elif not each.remote_cluster:  # else it stands for pods of another cluster
            others[_zone(each.place.locality)] += 1
    machines = Counter(_zone(place.locality) for place in cluster.nodes.values())
    found = sorted({*pods, *machines, *others})
    for place in found[:MOST_ZONES]:
        ready, waiting = pods[place][True], pods[place][False]
        lines = [zone_name(place), _count(ready + waiting, "pod") if ready or waiting else "no pods"]
        lines += [f"{waiting} not ready"] if waiting else []
        lines += [_count(machines[place], "node")] if machines[place] else []
        lines += [_count(others[place], "other workload")] if others[place] else []
        lines += [f"network {place.network}"] if place.network not in ("", cluster.network) else []
        standing = Standing.SERVES if ready else Standing.UNHEALTHY if waiting else Standing.IDLE
        standing = Standing.SERVES if others[place] and not waiting else standing
        yield Node(key=f"{cluster.name}:zone:{place!r}", lines=lines, kind=Kind.PLACE, standing=standing, group=group)
    if rest := found[MOST_ZONES:]:
        count = sum(sum(pods[place].values()) for place in rest)
        lines = [f"… and {len(rest)} more zones", _count(count, "pod")]
        yield Node(key=f"{cluster.name}:rest", lines=lines, kind=Kind.REST, group=group)
    names = short_names(_name(gateway) for gateway in cluster.gateways)
    for gateway in cluster.gateways[:MOST_ZONES]:
        lines = [names[_name(gateway)], _gateway_text(gateway)]
        yield Node(key=_gateway_key(cluster, gateway), lines=lines, kind=Kind.GATEWAY, group=group)
    if more := cluster.gateways[MOST_ZONES:]:
        lines = [f"… and {len(more)} more gateways"]
        yield Node(key=f"{cluster.name}:gateways", lines=lines, kind=Kind.REST, group=group)


def _zone(place: Locality) -> Locality:
    return place._replace(subzone="", node="")


def _name(gateway: PeeringGateway) -> str:
    return f"{gateway.namespace}/{gateway.name}"


def _gateway_key(cluster: Cluster, gateway: PeeringGateway) -> str:
    return f"{cluster.name}:gateway:{_name(gateway)}"


def _gateway_text(gateway: PeeringGateway) -> str:
    if not gateway.remote:
        return "lets others in"
    network = gateway.place.locality.network
    return f"leads to {gateway.cluster or (f'network {network}' if network else 'another network')}"


def _links(clusters: Sequence[Cluster]) -> Iterator[Link]:
    """From each Gateway that stands for one of another cluster to that one."""
    for cluster in clusters:
        for gateway in cluster.gateways[:MOST_ZONES]:
            own = (
                Link(source=_gateway_key(cluster, gateway), target=_gateway_key(other, each), share=1.0)
                for other in clusters
                for each in other.gateways[:MOST_ZONES]
                if gateway.remote and not each.remote and set(each.addresses) & set(gateway.addresses)
            )
            yield from dict.fromkeys(own)


@frozen(kw_only=True)
class _Box:
    """Where a cluster is drawn."""

    x: float
    y: float
    width: float
    height: float


def draw_topology(graph: Graph, *, numbers: Mapping[str, int]) -> str:
    """The picture of clusters, as SVG; *numbers* has a number for the network of each."""
    mark = f"meshtier-hatch-{crc32(repr(graph).encode(errors='replace')):08x}"
    groups = {group: [node for node in graph.nodes if node.group == group] for group in numbers}
    columns = 1 if len(groups) < 2 else 2
    width = (svg.WIDTH - _CHIP_GAP * (columns - 1)) / columns
    drawn = [svg.text(0, 16, graph.title, 'font-weight="bold" font-size="13"')]
    top, names = 28.0, list(groups)
    for start in range(0, len(names), columns):
        row = names[start : start + columns]
        height = max(_height(groups[name], width) for name in row)
        for place, name in enumerate(row):
            box = _Box(x=place * (width + _CHIP_GAP), y=top, width=width, height=height)
            drawn += _cluster(name, groups[name], box, COLOURS[numbers[name] % len(COLOURS)], mark)
        top += height + _CHIP_GAP
    for node in graph.nodes:
        if not node.group:
            drawn.append(svg.text(0, top + 14, node.lines[0]))
            top += svg.LINE
    about = f"{graph.title}: {', '.join(names)}"
    return svg.document(drawn, width=svg.WIDTH, height=top + 4, about=about, mark=mark)


def _rows(nodes: Sequence[Node], width: float) -> Sequence[Sequence[Node]]:
    """The chips of a cluster in rows; gateways begin a row of their own."""
    count = max(1, int((width - 2 * _PADDING + _CHIP_GAP) // (_CHIP + _CHIP_GAP)))
    rows: list[Sequence[Node]] = []
    for part in (False, True):
        of_part = [node for node in nodes if (node.kind is Kind.GATEWAY or "gateways" in node.key) == part]
        rows += [of_part[start : start + count] for start in range(0, len(of_part), count)]
    return rows


def _chip_height(row: Sequence[Node]) -> float:
    return svg.LINE * max(len(node.lines) for node in row) + 10


def _height(nodes: Sequence[Node], width: float) -> float:
    return 32 + sum(_chip_height(row) + _CHIP_GAP for row in _rows(nodes, width)) + 2


def _cluster(name: str, nodes: Sequence[Node], box: _Box, colour: str, mark: str) -> Iterator[str]:
    yield svg.box(box.x + 1, box.y, box.width - 2, box.height, f'rx="5" fill-opacity="0" stroke="{colour}"')
    yield svg.box(box.x + 1, box.y, 5, box.height, f'fill="{colour}"')
    head = cut(name, int((box.width - 24) / _BOLD))
    yield svg.text(box.x + 6 + _PADDING, box.y + 20, head, 'font-weight="bold"')
    y = box.y + 30
    for row in _rows(nodes, box.width):
        for place, node in enumerate(row):
            x = box.x + 6 + _PADDING + place * (_CHIP + _CHIP_GAP)
            yield from _chip(node, x, y, _chip_height(row), colour, mark)
        y += _chip_height(row) + _CHIP_GAP


def _chip(node: Node, x: float, y: float, height: float, colour: str, mark: str) -> Iterator[str]:
    hint = ", ".join(node.lines)
    match node.kind, node.standing:
        case Kind.GATEWAY, _:
            look = f'rx="{height / 2:.0f}" fill-opacity="0" stroke="currentColor" stroke-width="1.5"'
        case _, Standing.UNHEALTHY:
            look = f'rx="3" fill="url(#{mark})" stroke="{RED}"'
        case _, Standing.IDLE:
            look = f'rx="3" fill-opacity="0" stroke="{colour}" stroke-dasharray="4 3"'
        case _:
            look = f'rx="3" fill="{colour}" fill-opacity="0.2" stroke="{colour}"'
    yield svg.box(x, y, _CHIP, height, look, hint=hint)
    left = x + (18 if node.kind is Kind.GATEWAY else 8)
    room = _CHIP - (left - x) - 6
    for count, line in enumerate(node.lines):
        shown = cut(line, int(room / (_LETTER if count else _BOLD)))
        yield svg.text(left, y + 17 + svg.LINE * count, shown, "" if count else 'font-weight="bold"')
