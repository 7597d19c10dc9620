"""Which endpoints does the traffic of a route reach, and how much of it each? Routes that share an answer, once."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from attrs import frozen

from meshtier.endpoint import Endpoint
from meshtier.locality import Locality
from meshtier.mesh import Route, WaypointRoute
from meshtier.mesh.outcome import NextHop, by_weight
from meshtier.mesh.visible import VisibleEndpoints
from meshtier.traffic.crossing import zone_of

Received: TypeAlias = Mapping[str, tuple[Endpoint, float]]
"""Each endpoint that gets traffic, by id, and its share, 0 to 1."""


Leg: TypeAlias = tuple[Locality | None, Locality | None, float]
"""From which zone, ``None`` for the client's, to which, ``None`` for outside the mesh, and what share."""


@frozen(kw_only=True, eq=False)
class Destination:
    """What becomes of the traffic of clients that share an answer.

    Attributes:
        received: The endpoints that get some of it. Their shares add up to 1 less what is lost.
        zones: The same by network, region and zone; ``None`` for addresses outside the mesh.
        legs: The parts of the way, each from where, ``None`` for the client, to where, and its share.
        lost: What part finds no endpoint.
        passthrough: Why no choice is made, so that who gets it is unknown (PREC-4); ``""`` if one is.
    """

    received: Received
    zones: Mapping[Locality | None, float]
    legs: Sequence[Leg]
    lost: float
    passthrough: str


def shared_key(route: Route) -> object:
    """The object that routes with one answer share."""
    return route.pods if isinstance(route, WaypointRoute) else route.outcome


class Destinations:
    """The destinations of routes; one serves the routes to one host, and keeps what choices on the way give."""

    def __init__(self) -> None:
        self._known: dict[object, Received] = {}
        self._outside: dict[VisibleEndpoints, frozenset[str]] = {}

    def of(self, route: Route) -> Destination:
        """What becomes of a route's traffic. Cost: O(n)."""
        if route.passthrough and not isinstance(route, WaypointRoute):
            return Destination(received={}, zones={}, legs=(), lost=0.0, passthrough=route.passthrough)
        received = self.received(route)
        zones = self._zones(route, received)
        arriving = sum(zones.values())
        return Destination(
            received=received,
            zones=zones,
            legs=tuple(self._legs(route, zones)),
            lost=1.0 - arriving if arriving < 1 - 1e-12 else 0.0,  # the rest is rounding in a sum of shares
            passthrough="",
        )

    def _zones(self, route: Route, received: Received) -> Mapping[Locality | None, float]:
        outside = self._outside_of(route)
        zones: defaultdict[Locality | None, float] = defaultdict(float)
        for name, (endpoint, share) in received.items():
            zones[None if name in outside else zone_of(endpoint.locality)] += share
        return dict(zones)

    def _legs(self, route: Route, zones: Mapping[Locality | None, float]) -> Iterator[Leg]:
        if not isinstance(route, WaypointRoute):
            yield from ((None, zone, share) for zone, share in zones.items())
            return
        for hop in route.waypoint_hops:
            pod = zone_of(hop.route.place.locality)
            yield None, pod, hop.share
            for zone, share in self._zones(hop.route, self.received(hop.route)).items():
                yield pod, zone, hop.share * share

    def received(self, route: Route) -> Received:
        """The endpoints that get some of a route's traffic, those behind gateways and waypoints in their place."""
        key = shared_key(route)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._through(route) if isinstance(route, WaypointRoute) else self._chosen(route)
        return found

    def _through(self, route: WaypointRoute) -> Received:
        found: dict[str, tuple[Endpoint, float]] = {}
        for hop in route.waypoint_hops:
            _add(found, self.received(hop.route), hop.share)
        return found

    def _chosen(self, route: Route) -> Received:
        found: dict[str, tuple[Endpoint, float]] = {}
        visible = route.visible
        behind: Mapping[str, Sequence[NextHop]] = route.outcome.behind if visible.network_endpoints else {}
        for name, share in route.told.items():
            if not share:
                continue
            if name in behind:
                for hop in behind[name]:
                    _add(found, self.received(hop.route), share * hop.share)
            elif name not in visible.network_endpoints:
                _add(found, {name: (visible.available[name].endpoint, 1.0)}, share)
            else:
                each = visible.network_endpoints[name]
                entries = {one.endpoint.id: one.endpoint for one in (each, *each.behind)}
                for (_, final), part in by_weight(name, each):
                    _add(found, {final: (entries[final], part)}, share)
        return found

    def _outside_of(self, route: Route) -> frozenset[str]:
        """The ids of addresses outside the mesh: those of a ServiceEntry of which nothing says where they are."""
        visible = route.visible
        found = self._outside.get(visible)
        if found is None:
            found = self._outside[visible] = frozenset(
                name
                for name, each in visible.available.items()
                if each.service.kind == "ServiceEntry"
                and each.workload.kind not in ("Pod", "WorkloadEntry")
                and not (each.endpoint.locality.region or each.endpoint.locality.zone)
            )
        return found


def _add(found: dict[str, tuple[Endpoint, float]], more: Received, share: float) -> None:
    for name, (endpoint, part) in more.items():
        if part:
            before = found.get(name)
            found[name] = endpoint, share * part + (before[1] if before is not None else 0.0)


def candidates(route: Route, seen: set[VisibleEndpoints]) -> Iterator[tuple[Endpoint, bool]]:
    """The endpoints that could get traffic of some client: those that serve and have a weight.

    Each with whether it is known to be a pod, of which more could be made.

    Args:
        route: A route to the host.
        seen: What was looked at before, and is passed over; what is looked at now is put there.

    Cost: O(n) for what is new.
    """
    answers = route.pods.answers if isinstance(route, WaypointRoute) else (route,)
    for answer in answers:
        if answer.visible in seen:
            continue
        seen.add(answer.visible)
        for name, each in answer.visible.available.items():
            found: Sequence[Endpoint] = (each.endpoint,)
            is_pod = each.workload.kind == "Pod"
            if each.behind:  # of what is behind a gateway, pods are known where its choice is
                found, is_pod = answer.behind(name) or found, bool(answer.outcome.behind.get(name))
            yield from ((one, is_pod) for one in found if one.health.serves and one.weight)
