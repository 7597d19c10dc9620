"""What stands on a picture, and what leads to what? Nodes and links, once, for every form of the picture."""

import enum
from typing import Final

from attrs import field, frozen

LEAST: Final = 1e-9
"""Less of the traffic than this is nothing: it is what is left of sums."""


class Kind(enum.Enum):
    """What a node stands for."""

    PLACE = "place"  # clients of a zone
    CHOOSER = "chooser"  # who chooses: the client, or a waypoint's pod
    GATEWAY = "gateway"  # what stands for another network
    ENDPOINT = "endpoint"  # where the way ends
    REST = "rest"  # what is counted and not shown one by one


class Standing(enum.Enum):
    """What becomes of a node, so that those that get nothing look different."""

    SERVES = "serves"  # it gets traffic, and can take it
    IDLE = "idle"  # it could, and gets 0 %
    UNHEALTHY = "unhealthy"  # its health keeps it from traffic, or should
    EXCLUDED = "excluded"  # it can get none
    LOST = "lost"  # what is sent there arrives nowhere


@frozen(kw_only=True)
class Node:
    """Something on a picture.

    Attributes:
        key: Names it among the nodes.
        lines: What is written on it, its name first.
        kind: What it stands for.
        standing: What becomes of it.
        column: How far from the client it stands; 0 is the client.
        share: What part of the client's traffic comes by, 0 to 1.
        tier: The number of its tier; ``None`` where it has none.
        group: What it belongs to; ``""`` for nothing.
    """

    key: str
    lines: tuple[str, ...] = field(converter=tuple[str, ...])
    kind: Kind = Kind.ENDPOINT
    standing: Standing = Standing.SERVES
    column: int = 0
    share: float = 0.0
    tier: int | None = None
    group: str = ""


@frozen(kw_only=True)
class Link:
    """What goes from one node to another.

    Attributes:
        source: The key of the one.
        target: The key of the other.
        share: What part of the traffic, 0 to 1; 0 for what only could.
        text: What is written on it.
    """

    source: str
    target: str
    share: float = 0.0
    text: str = ""


@frozen(kw_only=True)
class Graph:
    """What a picture shows.

    Attributes:
        title: What was asked.
        lines: What is to be said above the picture.
        nodes: In reading order.
        links: Between them.
        heads: What stands above each column.
        legend: What each tier means, by its number.
    """

    title: str
    lines: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    nodes: tuple[Node, ...] = field(converter=tuple[Node, ...])
    links: tuple[Link, ...] = field(default=(), converter=tuple[Link, ...])
    heads: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    legend: tuple[tuple[int, str], ...] = field(default=(), converter=tuple[tuple[int, str], ...])
