"""Which routes of two snapshots differ? Every host from every place of a client, those that are alike once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import EllipsisType
from typing import TypeAlias

from attrs import frozen

from meshtier.component import Component
from meshtier.diff.alike import Alike, said_of
from meshtier.diff.answer import AnswerReader
from meshtier.diff.causes import Causes, Sides
from meshtier.diff.change import NO_CAUSE, Cause, Change, Delta, Kind
from meshtier.diff.changed_objects import ChangedObjects, service_key
from meshtier.diff.differences import Differences
from meshtier.diff.rates import Rates, Traffic
from meshtier.errors import check_member, check_type
from meshtier.mesh import Client, DirectRoute, Mesh, Place, Route, WaypointRoute
from meshtier.mesh.routing import HostRoutes
from meshtier.mesh.sweep import Asked
from meshtier.profile import SOLO, Profile

_Key: TypeAlias = tuple[str, str, Component]
"""The clients' cluster, the host, and where the traffic starts."""


def compare(
    before: Mesh,
    after: Mesh,
    *,
    component: Component | None = None,
    profile: Profile = SOLO,
    after_component: Component | EllipsisType | None = ...,
    after_profile: Profile | None = None,
    hosts: Iterable[str] | None = None,
    traffic: Traffic | None = None,
) -> Differences:
    """What differs for every host from every client place, and why.

    Clients are matched by their cluster, the component at which their traffic
    starts, and their place; which pod stands for a place does not matter. Tiers
    are compared by what matches, not by number.

    Args:
        before: One snapshot.
        after: The other, as an edit of the first makes it, or read from another dump.
        component: The one that is asked about; ``None`` for the way that traffic really takes.
        profile: Whose rules.
        after_component: The one that is asked about after; left out, the same.
        after_profile: Whose rules hold after; ``None`` for the same.
        hosts: The full host names to ask for; ``None`` for all of them.
        traffic: How much traffic there is, by client and full host name, in any
            unit; what is not in it has none. Movements are weighed by it.

    Cost: that of `Mesh.routes` on both sides, and O(n) for each pair of outcomes; hosts of which nothing
    differs are passed over if all else but services, pods and nodes is the same.

    >>> from meshtier.kube import load
    >>> mesh = load("examples/bookinfo/gateways")
    >>> compare(mesh, mesh)
    <Differences none of 64 routes changes>
    """
    return Comparison.of(
        before,
        after,
        component=component,
        profile=profile,
        after_component=after_component,
        after_profile=after_profile,
        hosts=hosts,
    ).differences(traffic)


@frozen(kw_only=True, eq=False)
class Comparison:
    """Two snapshots and what is asked of them.

    Attributes:
        before: One.
        after: The other.
        sides: How the questions differ.
        hosts: The full host names to ask for; ``None`` for all of them.
        changed: What differs between the snapshots.
        readers: What is kept of the first side for another comparison.
    """

    before: Mesh
    after: Mesh
    sides: Sides
    hosts: frozenset[str] | None
    changed: ChangedObjects
    readers: "Readers"

    @classmethod
    def of(
        cls,
        before: Mesh,
        after: Mesh,
        *,
        component: Component | None = None,
        profile: Profile = SOLO,
        after_component: Component | EllipsisType | None = ...,
        after_profile: Profile | None = None,
        hosts: Iterable[str] | None = None,
        readers: "Readers | None" = None,
    ) -> "Comparison":
        """A comparison, its arguments checked; see `compare`."""
        check_type(before, Mesh, "before")
        check_type(after, Mesh, "after")
        check_type(profile, Profile, "profile", what="a Profile, as Profile.named gives it")
        check_type(after_profile or profile, Profile, "after_profile", what="a Profile, as Profile.named gives it")
        then = component if isinstance(after_component, EllipsisType) else after_component
        for each, name in ((component, "component"), (then, "after_component")):
            if each is not None:
                check_member(each, Component, name)
        sides = Sides(
            component=component, after_component=then, profile=profile, after_profile=after_profile or profile
        )
        wanted = None if hosts is None else frozenset(hosts)
        return cls(
            before=before,
            after=after,
            sides=sides,
            hosts=wanted,
            changed=ChangedObjects(before, after),
            readers=readers or Readers(),
        )

    def differences(self, traffic: Traffic | None = None) -> Differences:
        """What differs, the largest movement first."""
        asked = self._asked_before(), self._asked_after()
        rates = Rates.of(traffic, (self.before, self.after), asked) if traffic is not None else None
        return Differences.of(self.changes(), routes=self.route_counts(), rates=rates)

    def route_counts(self) -> Mapping[str, int]:
        """How many routes the first side has to each host."""
        found: Counter[str] = Counter()
        for asked in self._asked_before():
            found[asked.host] += len(asked.clients)
        return found

    def changes(self) -> Iterator[Change]:
        """Every route that differs, host by host."""
        return (change for changes in self.steps() for change in changes)

    def steps(self) -> Iterator[Sequence[Change]]:
        """What differs on each route of the first side, at most one; and at times what the second alone has."""
        causes = Causes(self.changed, self.sides)
        if self.changed.none and self.sides.alike:
            yield from (() for asked in self._asked_before() for _ in asked.clients)
            return
        after = {_key(asked): asked for asked in self._asked_after()}
        for asked in self._asked_before():
            other = after.pop(_key(asked), None)
            if other is None:
                there = self._clients(self.after, asked)
                yield from ([self._gone(causes, asked, each, there)] for each in asked.clients.items())
            else:
                yield from HostPair(self, causes, asked, other).steps()
        for asked in after.values():
            there = self._clients(self.before, asked)
            yield [self._new(causes, asked, each, there) for each in asked.clients.items()]

    def _clients(self, mesh: Mesh, asked: Asked) -> Mapping[Place, Client]:
        """Who could ask there, if the host were known."""
        if all(cluster.name != asked.cluster for cluster in mesh.clusters):
            return {}
        return dict(mesh.sweep.starts(asked.cluster, self._starts)).get(asked.start, {})

    def _gone(self, causes: Causes, asked: Asked, each: tuple[Place, Client], there: Mapping[Place, Client]) -> Change:
        """A route to a host that the second side does not know, or from a place that it does not have."""
        place, client = each
        if place not in there:
            return change_of(
                asked, place, client, Kind.CLIENT_GONE, cause=causes.of_place(asked.cluster, place.locality)
            )
        routes = self.before.sweep.routes_to(asked)
        delta = Delta(before=AnswerReader().read(routes.route(client)), after=None)
        return change_of(asked, place, client, Kind.HOST_GONE, delta, causes.of_delta(delta, asked.cluster, routes))

    def _new(self, causes: Causes, asked: Asked, each: tuple[Place, Client], there: Mapping[Place, Client]) -> Change:
        place, client = each
        if place not in there:
            return change_of(
                asked, place, client, Kind.CLIENT_NEW, cause=causes.of_place(asked.cluster, place.locality)
            )
        routes = self.after.sweep.routes_to(asked)
        delta = Delta(before=None, after=AnswerReader().read(routes.route(client)))
        return change_of(asked, place, client, Kind.HOST_NEW, delta, causes.of_delta(delta, asked.cluster, routes))

    def _asked_before(self) -> Iterable[Asked]:
        return self.before.sweep.asked(self.sides.component, self.sides.profile, self.hosts, starts=self._starts)

    def _asked_after(self) -> Iterable[Asked]:
        sides = self.sides
        return self.after.sweep.asked(sides.after_component, sides.after_profile, self.hosts, starts=self._starts)

    @property
    def _starts(self) -> Component | None:
        """Whose eyes count for the places of clients: those of the first component, unless a whole way is asked for."""
        return None if self.sides.after_component is None else self.sides.component


class Readers:
    """Readers of the first side, by what is asked.

    Args:
        kept: Whether what one comparison has read is there for the next, with the same first side.
    """

    def __init__(self, *, kept: bool = False) -> None:
        self._kept = kept
        self._found: dict[_Key, AnswerReader] = {}

    def of(self, asked: Asked) -> AnswerReader:
        """The reader for one host and the clients that ask for it."""
        if not self._kept:
            return AnswerReader()
        return self._found.setdefault(_key(asked), AnswerReader(remembers=True))


class HostPair:
    """The routes to one host from one cluster on both sides.

    Args:
        comparison: The two sides.
        causes: Finds what made routes change.
        before: Who asks before, and what.
        after: Who asks after.
    """

    def __init__(self, comparison: Comparison, causes: Causes, before: Asked, after: Asked) -> None:
        self._causes = causes
        self._asked = before, after
        self._routes = comparison.before.sweep.routes_to(before), comparison.after.sweep.routes_to(after)
        self._unchanged = is_unchanged(comparison, *self._routes)
        self._readers = comparison.readers.of(before), AnswerReader()
        self._alike = Alike(*self._readers)
        self._deltas: dict[object, tuple[Delta, Cause]] = {}

    def steps(self) -> Iterator[Sequence[Change]]:
        """What differs on each route of the first side, and then what is new."""
        before, after = self._asked
        for place, client in before.clients.items():
            other = after.clients.get(place)
            if other is None:
                cause = self._causes.of_place(before.cluster, place.locality)
                yield (change_of(before, place, client, Kind.CLIENT_GONE, cause=cause),)
            else:
                change = self._change(place, client, other)
                yield (change,) if change is not None else ()
        new = [(place, client) for place, client in after.clients.items() if place not in before.clients]
        if new:
            of_place = self._causes.of_place
            yield [
                change_of(after, place, client, Kind.CLIENT_NEW, cause=of_place(after.cluster, place.locality))
                for place, client in new
            ]

    def _change(self, place: Place, client: Client, other: Client) -> Change | None:
        if self._unchanged and (client.workload is other.workload or client == other):
            return None
        before, after = self._routes[0].route(client), self._routes[1].route(other)
        if self._alike.routes(before, after):
            return None
        key = (*shared_key(before), *shared_key(after))
        found = self._deltas.get(key)
        if found is None:
            delta = Delta(before=self._readers[0].at(place, before), after=self._readers[1].read(after))
            cause = self._causes.of_delta(delta, self._asked[0].cluster, *self._routes) if delta.aspects else NO_CAUSE
            found = self._deltas[key] = delta, cause
        delta, cause = found
        return change_of(self._asked[0], place, client, Kind.CHANGED, delta, cause) if delta.aspects else None


def is_unchanged(comparison: Comparison, before: HostRoutes, after: HostRoutes) -> bool:
    """Whether nothing differs that has a say in a host's answers, apart from the client."""
    changed, sides = comparison.changed, comparison.sides
    if not (sides.alike and changed.surroundings_alike):
        return False
    if changed.rules_count_peers or before.binding.host in changed.hosts:
        return False
    named = [each for routes in (before, after) for each in (*routes.binding.services, *routes.binding.namesakes)]
    if any(service_key(service) in changed.services for service in named):
        return False
    if any(service.waypoint in changed.gateways or service.waypoint in changed.names for service in named):
        return False
    # What is behind the gateway of another network is chosen by its pods (NET-5).
    return not changed.gateways or not before.visible.network_endpoints


def change_of(
    asked: Asked, place: Place, client: Client, kind: Kind, delta: Delta | None = None, cause: Cause = NO_CAUSE
) -> Change:
    """A change of the route from a place."""
    return Change(
        kind=kind,
        cluster=asked.cluster,
        host=asked.host,
        start=asked.start,
        place=place.locality,
        client=client.name,
        delta=delta,
        cause=cause,
    )


def _key(asked: Asked) -> _Key:
    return asked.cluster, asked.host, asked.start


def shared_key(route: Route) -> tuple[object, ...]:
    """What tells the answer of a route from those to other clients; routes for which it is the same are alike."""
    client = str(route.client)
    if isinstance(route, WaypointRoute):
        return route.to_waypoint.outcome, route.pods, said_of(route.remarks, client)
    return route.outcome, said_of(route.remarks, client) if isinstance(route, DirectRoute) else ()
