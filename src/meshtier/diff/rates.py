"""How much traffic has a route? What callers say of clients, dealt out to the places that stand for them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import TypeAlias

from attrs import frozen

from meshtier.component import Component
from meshtier.errors import InvalidValueError, UnknownNameError, check_type
from meshtier.locality import Locality
from meshtier.mesh import Client, Mesh
from meshtier.mesh.clients import parse_place
from meshtier.mesh.sweep import Asked

RouteKey: TypeAlias = tuple[str, str, Component, Locality]
"""The clients' cluster, the host, where the traffic starts, and the place."""

Traffic: TypeAlias = Mapping[tuple[str, str], float]
"""How much traffic there is from a client, as `Mesh.client` takes it, to a full host name."""


@frozen(kw_only=True, eq=False)
class Rates:
    """How much traffic there is on each route.

    Attributes:
        by_route: What was said; what is not there has none.
        total: All of it.
    """

    by_route: Mapping[RouteKey, float]
    total: float

    @classmethod
    def of(cls, traffic: Traffic, meshes: Sequence[Mesh], asked: Sequence[Iterable[Asked]]) -> "Rates":
        """The rates of the routes of both sides; a client of neither side is refused.

        Args:
            traffic: As callers give it. What is said of ``zone=us-east-a`` is
                divided evenly among the client places there.
            meshes: The two sides.
            asked: What is asked on each.

        Raises:
            UnknownNameError: A client or a host is on neither side; the nearest names are given.
            InvalidValueError: A rate is no number of 0 or more, or no client is at a place.
        """
        check_type(traffic, Mapping, "traffic")
        known = [_by_host(each) for each in asked]
        found: defaultdict[RouteKey, float] = defaultdict(float)
        for (who, host), rate in traffic.items():
            if isinstance(rate, bool) or not isinstance(rate, int | float) or not (isfinite(rate) and rate >= 0):
                raise InvalidValueError(f"expected a rate of 0 or more, got {rate!r}", f"traffic[{who!r}, {host!r}]")
            if not any(host in each for each in known):
                raise UnknownNameError.among("host", host, sorted({name for each in known for name in each}))
            keys = list(dict.fromkeys(_keys(who, host, meshes, known)))
            if not keys:
                raise InvalidValueError(
                    f"expected a client of {host}, got {who!r}, from where it is not asked for", "traffic"
                )
            for key in keys:
                found[key] += rate / len(keys)
        return cls(by_route=dict(found), total=float(sum(traffic.values())))


def _by_host(asked: Iterable[Asked]) -> Mapping[str, Sequence[Asked]]:
    found: defaultdict[str, list[Asked]] = defaultdict(list)
    for each in asked:
        found[each.host].append(each)
    return found


def _keys(
    who: str, host: str, meshes: Sequence[Mesh], known: Sequence[Mapping[str, Sequence[Asked]]]
) -> Sequence[RouteKey]:
    """The routes on which the traffic is: those of the first side, or else of the second."""
    wanted = parse_place(who) if "=" in who else None
    for number, (mesh, asked) in enumerate(zip(meshes, known, strict=True)):
        if wanted is not None:
            found = list(_around(wanted, asked.get(host, ())))
        else:
            try:
                client = mesh.client(who.removeprefix("Pod "))
            except UnknownNameError:
                if number == len(meshes) - 1:
                    raise
                continue
            found = list(_of_client(client, asked.get(host, ())))
        if found:
            return found
    return ()


def _around(wanted: Locality, asked: Iterable[Asked]) -> Iterator[RouteKey]:
    for each in asked:
        for place in each.clients:
            if all(part in ("", here) for part, here in zip(wanted, place.locality, strict=True)):
                yield each.cluster, each.host, each.start, place.locality


def _of_client(client: Client, asked: Sequence[Asked]) -> Iterator[RouteKey]:
    there = [each for each in asked if each.cluster == client.cluster]
    several = len({each.start for each in there}) > 1
    for each in there:
        place = client.place_for(each.start)
        if place in each.clients and (each.start is client.starts_at or not several):
            yield each.cluster, each.host, each.start, place.locality
