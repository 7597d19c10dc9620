"""What made a route change? A place that is gone, an object that somebody edited, another version."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import frozen

from meshtier.component import Component
from meshtier.diff.answer import Answer, Facts
from meshtier.diff.change import NO_CAUSE, Cause, Delta
from meshtier.diff.changed_objects import GONE, NEW, ChangedObjects, Spot, service_key, spots_of
from meshtier.locality import Locality
from meshtier.mesh.routing import HostRoutes
from meshtier.mesh.snapshot import Service
from meshtier.profile import Profile

_WIDTH: Final = ("cluster", "network", "region", "zone", "node")


@frozen(kw_only=True)
class Sides:
    """How the two questions differ, apart from what they are asked of.

    Attributes:
        component: The one that is asked about before; ``None`` for the way that traffic really takes.
        after_component: The one after.
        profile: Whose rules hold before.
        after_profile: Whose hold after.
    """

    component: Component | None
    after_component: Component | None
    profile: Profile
    after_profile: Profile

    @property
    def alike(self) -> bool:
        """Whether both are asked alike."""
        return self.component is self.after_component and self.profile == self.after_profile


class Causes:
    """Finds what made routes change.

    Args:
        changed: What differs between the snapshots.
        sides: What differs between the questions.
    """

    def __init__(self, changed: ChangedObjects, sides: Sides) -> None:
        self._changed = changed
        self._sides = sides
        self._last: tuple[Facts, Facts, Cause | None] = ({}, {}, None)

    def of_place(self, cluster: str, place: Locality) -> Cause:
        """Why nothing asks from a place any more, or something does."""
        return self._first(spots_of(cluster, place)) or Cause("endpoints", "there are other clients")

    def of_delta(self, delta: Delta, cluster: str, *sides: HostRoutes) -> Cause:
        """Why the answers for a host differ in a cluster; the first of what is found, the most certain first."""
        if self._changed.none:
            return self._asked_otherwise()
        spot = self._spot(delta)
        if spot is not None:
            return spot
        services = [service for routes in sides for service in routes.binding.services]
        return self._written(delta, services, cluster) or self._endpoints(services) or self._asked_otherwise()

    def _asked_otherwise(self) -> Cause:
        sides = self._sides
        if sides.profile != sides.after_profile:
            return Cause("profile", f"profile {sides.profile.name} becomes {sides.after_profile.name}")
        if sides.component is not sides.after_component:
            names = [str(each) if each is not None else "auto" for each in (sides.component, sides.after_component)]
            return Cause("component", f"it is asked of {names[1]} in place of {names[0]}")
        return NO_CAUSE

    def _first(self, spots: Iterable[Spot]) -> Cause | None:
        """The widest of the places that is gone or new."""
        for spot in spots:
            verb = self._changed.spots.get(spot)
            if verb is not None:
                return Cause(spot.scope, f"{spot.scope} {spot.name} {verb}")
        return None

    def _spot(self, delta: Delta) -> Cause | None:
        """The widest place with endpoints that one side alone has, gone before new."""
        if not self._changed.spots:
            return None
        if delta.before is None or delta.after is None or delta.before.composed or delta.after.composed:
            return self._spot_of(delta)
        # Of one host, clients that choose for themselves have the same endpoints.
        facts = delta.before.facts, delta.after.facts
        if self._last[0] is not facts[0] or self._last[1] is not facts[1]:
            self._last = (*facts, self._spot_of(delta))
        return self._last[2]

    def _spot_of(self, delta: Delta) -> Cause | None:
        only = (*_only(delta.before, delta.after), *_only(delta.after, delta.before))
        found = {spot for cluster, place in only for spot in spots_of(cluster, place) if spot in self._changed.spots}
        order = {GONE: 0, NEW: 1}
        widest = sorted(found, key=lambda spot: (_WIDTH.index(spot.scope), order[self._changed.spots[spot]], spot.path))
        return self._first(widest)

    def _written(self, delta: Delta, services: Sequence[Service], cluster: str) -> Cause | None:
        """An object that somebody wrote, and that has a say in the answer."""
        objects = self._changed.objects
        if not objects:
            return None
        rules = [rule for answer in (delta.before, delta.after) if answer is not None for rule in answer.rules]
        titles: list[tuple[str, str]] = []
        for service in services:
            titles += [(service.cluster, str(service)), (service.cluster, f"Namespace {service.namespace}")]
            titles += [(cluster, f"Gateway {service.waypoint}")] if service.waypoint else []
        titles[1:1] = [(cluster, rule) for rule in rules]
        titles += [key for key in objects if key[1].startswith("Gateway ")]
        for key in titles:
            verb = objects.get(key)
            if verb is not None:
                return Cause("object", f"{key[1]} {verb}")
        return None

    def _endpoints(self, services: Sequence[Service]) -> Cause | None:
        """The service whose endpoints changed: that of the host, or that of its waypoint."""
        for service in services:
            if service_key(service) in self._changed.services:
                return Cause("endpoints", f"{service} has other endpoints")
        for waypoint in (service.waypoint for service in services if service.waypoint):
            if waypoint in self._changed.gateways:
                return Cause("endpoints", f"waypoint {waypoint} has other pods")
        return None


def _only(one: Answer | None, other: Answer | None) -> Iterator[tuple[str, Locality]]:
    """The cluster and place of each endpoint that the one has and the other has not, on the whole way."""
    if one is None:
        return
    facts: Facts = other.facts if other is not None else {}
    if one.facts is not facts:
        yield from {(each[1], each[0]) for name, each in one.facts.items() if name not in facts}
    if (first := _first_choice(one)) is not None:
        yield from _only(first, _first_choice(other))
    known = {each[0] for each in other.excluded} if other is not None else set[str]()
    yield from {(each[2], each[1]) for each in one.excluded if each[0] not in known and each[0] not in facts}


def _first_choice(answer: Answer | None) -> Answer | None:
    """The choice of a waypoint's pod; ``None`` where there is none on the way."""
    return answer.way[0][2] if answer is not None and answer.composed else None
