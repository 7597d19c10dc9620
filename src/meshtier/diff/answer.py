"""What of an answer is compared? Its facts, without the numbers that another profile gives to the same tiers."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from math import fsum
from typing import Final, TypeAlias

from attrs import evolve, field, frozen

from meshtier.endpoint import Endpoint, Exclusion
from meshtier.locality import Locality
from meshtier.mesh import DirectRoute, Place, Route
from meshtier.mesh.outcome import NextHop
from meshtier.mesh.visible import VisibleEndpoints
from meshtier.mesh.wording import set_by
from meshtier.note import Note
from meshtier.precedence import Setting
from meshtier.table import brief, counted

DIGITS: Final = 9
"""To how many digits shares are compared: the order of the input moves the last of a sum."""

EndpointFacts: TypeAlias = tuple[Locality, str, str, int]
"""Where an endpoint is, its cluster, its health and its weight."""

ExclusionFacts: TypeAlias = tuple[str, Locality, str, str, str, str]
"""An endpoint that can get no traffic: its id, place and cluster; the reason, the rule and the detail."""

Facts: TypeAlias = Mapping[str, EndpointFacts]


@frozen(kw_only=True)
class TierFacts:
    """One tier, by what matches.

    Attributes:
        matched: What its endpoints have in common with the client, in words.
        share: Its share of the traffic, 0 to 1.
        healthy: How many of its endpoints can take traffic.
        endpoints: Their ids.
    """

    matched: str
    share: float
    healthy: int
    endpoints: frozenset[str] = field(repr=counted)


@frozen(kw_only=True)
class Answer:
    """What one side says of a client and a host.

    Attributes:
        service: The service whose settings hold, as ``namespace/name``.
        holds: What decides, in a word or two.
        set_by: Where that stands, as a sentence.
        decided_by: Who chooses the endpoint.
        tiers: Those that hold an endpoint, nearest first.
        received: The place and the share of each endpoint that gets traffic, by id.
        lost: What part of the traffic finds no endpoint, 0 to 1.
        drops: Whether nothing can receive it.
        reason: Why not all of it arrives; ``""`` if it does.
        notes: What a reader should know besides.
        rules: The DestinationRules that were found, as in ``DestinationRule shop/web``.
        setting: All that was set, and what it overrides.
        way: The choices on the way, apart from the deciding one.
        facts: What the endpoints are like, by id.
        composed: Whether several choose the endpoint, so that the tiers of one do not hold all that can be chosen.
        excluded_parts: What can get no traffic: for all clients, and for this one.
    """

    service: str
    holds: str
    set_by: str
    decided_by: str
    tiers: tuple[TierFacts, ...] = field(repr=brief)
    received: Mapping[str, tuple[Locality, float]] = field(repr=counted)
    lost: float
    drops: bool
    reason: str
    notes: frozenset[Note] = field(repr=counted)
    rules: tuple[str, ...] = ()
    setting: tuple[object, ...] = field(default=(), repr=False)
    way: "tuple[tuple[str, float, Answer, Facts], ...]" = field(default=(), repr=False)
    facts: Facts = field(factory=dict[str, EndpointFacts], repr=False, eq=False)
    composed: bool = False
    excluded_parts: tuple[frozenset[ExclusionFacts], frozenset[ExclusionFacts]] = field(
        default=(frozenset(), frozenset()), repr=False, eq=False
    )

    @cached_property
    def places(self) -> Mapping[Locality, float]:
        """The share of each place of an endpoint; what gets nothing is left out."""
        found: defaultdict[Locality, float] = defaultdict(float)
        for place, share in self.received.values():
            found[place] += share
        return dict(found)

    @cached_property
    def excluded(self) -> frozenset[ExclusionFacts]:
        """What can get no traffic, and why."""
        return self.excluded_parts[0] | self.excluded_parts[1]

    def chooses_as(self, other: "Answer") -> bool:
        """Whether the tiers are the same, and what can be chosen is of the same place, health and weight."""
        if self.tiers != other.tiers or self.composed or other.composed:
            return self.tiers == other.tiers and self.facts == other.facts
        if self.facts is other.facts or self.facts == other.facts:
            return True
        return all(self.facts[name] == other.facts[name] for tier in self.tiers for name in tier.endpoints)

    def excludes_as(self, other: "Answer") -> bool:
        """Whether the same can get no traffic, for the same reasons, at each choice on the way."""
        own = self.excluded_parts == other.excluded_parts or self.excluded == other.excluded
        return own and all(map(Answer.excludes_as, _on_the_way(self), _on_the_way(other)))


def _on_the_way(answer: Answer) -> Iterator[Answer]:
    return (each for _, _, each, _ in answer.way)


class AnswerReader:
    """Reads the facts of routes; what the routes to one host share is read once.

    One reader serves the routes of one host: it keeps what it has seen.

    Args:
        remembers: Whether it keeps the answer of each place too, for whoever asks again.
    """

    def __init__(self, *, remembers: bool = False) -> None:
        self._remembers = remembers
        self._places: dict[Place, Answer] = {}
        self._excluded: dict[VisibleEndpoints, frozenset[ExclusionFacts]] = {}
        self._facts: dict[VisibleEndpoints, Facts] = {}
        self._hops: dict[Route, Answer] = {}

    def at(self, place: Place, route: Route) -> Answer:
        """The facts of the route from a place."""
        if not self._remembers:
            return self.read(route)
        found = self._places.get(place)
        if found is None:
            found = self._places[place] = self.read(route)
        return found

    def hop(self, route: Route) -> Answer:
        """The facts of a choice on the way, which many routes share."""
        found = self._hops.get(route)
        if found is None:
            found = self._hops[route] = self.read(route)
        return found

    def left_out(self, visible: VisibleEndpoints) -> frozenset[ExclusionFacts]:
        """What a host leaves out for all clients."""
        found = self._excluded.get(visible)
        if found is None:
            found = self._excluded[visible] = _exclusions(visible.excluded)
        return found

    def read(self, route: Route) -> Answer:
        """The facts of a route. Cost: O(n)."""
        resolution, rule = route.resolution, route.effective_rule
        found, received = rule.found, _received(route, self)
        # Whether all of it arrives is seen at once; the reason of a route costs a look at all that it excludes.
        arrives = fsum([share for _, share in received.values()]) > 1 - 10**-DIGITS
        return Answer(
            service=f"{route.service.namespace}/{route.service.name}",
            holds=route.holds,
            set_by=_without_cluster(_set_by(route), route),
            decided_by=route.decided_by,
            tiers=tuple(_tier_facts(route)),
            received={name: (place, round(share, DIGITS)) for name, (place, share) in received.items()},
            lost=0.0 if arrives else round(route.lost, DIGITS),
            drops=not arrives and route.drops,
            reason="" if arrives else route.reason,
            notes=frozenset(_notes(route)),
            rules=() if found is None else tuple(each.title for each in found.sources),
            setting=(
                route.passthrough,
                resolution.mode,
                resolution.strict,
                resolution.scopes,
                resolution.obeyed and not rule.decides,
                _set(resolution.source, route),
                tuple([_set(setting, route) for setting in resolution.overridden]),
                str(rule.to_dict()),
            ),
            way=tuple(_way(route, self)),
            facts=self._facts_of(route),
            composed=route.deciding is not route,
            excluded_parts=self._excluded_of(route),
        )

    def _facts_of(self, route: Route) -> Facts:
        if not isinstance(route, DirectRoute):
            return _facts(route.endpoints)
        found = self._facts.get(route.visible)
        if found is None:
            found = self._facts[route.visible] = _facts(route.visible.endpoints)
        return found

    def _excluded_of(self, route: Route) -> tuple[frozenset[ExclusionFacts], frozenset[ExclusionFacts]]:
        if not isinstance(route, DirectRoute) or route.visible.network_endpoints:
            return _exclusions(route.excluded), frozenset()
        # Without other networks it is what the host leaves out for all clients, and what this client's choice does.
        return self.left_out(route.visible), _exclusions(route.selection.excluded)


def _facts(endpoints: Iterable[Endpoint]) -> Facts:
    return {each.id: (each.locality, each.cluster, each.health.value, each.weight) for each in endpoints}


def _exclusions(excluded: Iterable[Exclusion]) -> frozenset[ExclusionFacts]:
    return frozenset(
        (each.endpoint.id, each.endpoint.locality, each.endpoint.cluster, each.reason.value, each.rule, each.detail)
        for each in excluded
    )


def _tier_facts(route: Route) -> Iterator[TierFacts]:
    for tier in route.tiers:
        yield TierFacts(
            matched=tier.matched,
            share=round(tier.share, DIGITS),
            healthy=tier.healthy,
            endpoints=frozenset([endpoint.id for endpoint in tier.endpoints]),
        )


def _received(route: Route, reader: AnswerReader) -> Mapping[str, tuple[Locality, float]]:
    """The place and the share of each endpoint that gets traffic; of an endpoint with several ways to it, of all."""
    found: dict[str, tuple[Locality, float]] = {}
    if route.deciding is not route:
        for hop in route.waypoint_hops:
            _add(found, reader.hop(hop.route).received, hop.share)
        return found
    told, available = route.told, route.visible.available
    behind: Mapping[str, tuple[NextHop, ...]] = route.outcome.behind if route.visible.network_endpoints else {}
    for name, share in told.items():
        if not share:
            continue
        if name in behind:
            for through in behind[name]:
                _add(found, reader.hop(through.route).received, share * through.share)
        elif (entries := route.behind(name)) is not None:
            _add(found, {one.id: (one.locality, route.parts[name, one.id]) for one in entries}, 1.0)
        else:
            found[name] = available[name].endpoint.locality, found[name][1] + share if name in found else share
    return found


def _add(found: dict[str, tuple[Locality, float]], more: Mapping[str, tuple[Locality, float]], share: float) -> None:
    for name, (place, part) in more.items():
        if part:
            found[name] = place, found[name][1] + share * part if name in found else share * part


def _set_by(route: Route) -> str:
    rule = route.effective_rule
    return rule.title if rule.decides else set_by(route.resolution)


def _set(setting: Setting, route: Route) -> tuple[object, ...]:
    return setting.level, setting.value, _without_cluster(setting.object, route)


def _without_cluster(text: str, route: Route) -> str:
    """Where a setting stands, without the cluster, which is said only where the input has several."""
    return text.replace(f" in cluster {route.service.cluster!r}", "")


def _notes(route: Route) -> Iterator[Note]:
    """The notes; what is said of the client is said of whichever pod stands for its place."""
    client = str(route.client)
    for note in route.notes:
        about = "the client" if note.object == client else _without_cluster(note.object, route)
        text = _without_cluster(note.text, route)
        yield note if (about, text) == (note.object, note.text) else evolve(note, object=about, text=text)


def _way(route: Route, reader: AnswerReader) -> Iterator[tuple[str, float, Answer, Facts]]:
    """The choices on the way, whoever stands for the client at the first of them."""
    if route.deciding is not route:
        first = reader.hop(route.first_hop.route)
        chosen = (name for tier in first.tiers for name in tier.endpoints)
        yield "", 1.0, first, {name: first.facts[name] for name in chosen}
    for hop in route.waypoint_hops:
        answer = reader.hop(hop.route)
        yield hop.by, round(hop.share, DIGITS), answer, answer.facts
    # Those behind a gateway that gets nothing now are in the answer too.
    for name, hops in route.outcome.behind.items() if isinstance(route, DirectRoute) else ():
        for through in hops:
            answer = reader.hop(through.route)
            yield through.by, round(route.told[name] * through.share, DIGITS), answer, answer.facts
