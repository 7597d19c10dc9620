"""The answer of one choice, made by one component at one place."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from attrs import evolve, field, frozen
from typing_extensions import override

from meshtier.dataplane import Shares
from meshtier.endpoint import Endpoint, Exclusion
from meshtier.mesh.clients import Client
from meshtier.mesh.explanation import Explanation, reached
from meshtier.mesh.next_hop import other_networks
from meshtier.mesh.outcome import NextHop, Outcome, Part, RouteTier
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.route_data import (
    ClientData,
    NextHopData,
    RouteData,
    TierData,
    distribution_data,
    ejection_data,
    exclusion_data,
    note_data,
    place_data,
)
from meshtier.mesh.selection import listed_twice
from meshtier.mesh.service_endpoint import ServiceEndpoint, is_announcement
from meshtier.mesh.snapshot import Place
from meshtier.mesh.warnings import few_to_eject, rejected, uneven_weights
from meshtier.note import Note


@frozen(kw_only=True, eq=False, repr=False)
class DirectRoute(Route):
    """The route of one choice.

    Attributes:
        client: Where the traffic comes from: to the component that chooses, or the component itself.
        outcome: What the component makes of what there is; clients that compare alike share it.
        remarks: What was doubtful before anything was chosen.
    """

    client: Client
    _outcome: Outcome = field(alias="outcome")
    remarks: tuple[Note, ...] = ()

    @property
    @override
    def outcome(self) -> Outcome:
        return self._outcome

    @property
    @override
    def place(self) -> Place:
        return self.client.place_for(self._outcome.component)

    @property
    @override
    def first_hop(self) -> Hop:
        return Hop(by=self.client.name, share=1.0, route=self)

    @property
    @override
    def waypoint_hops(self) -> tuple[Hop, ...]:
        return ()

    @property
    @override
    def next_hops(self) -> tuple[Hop, ...]:
        found: list[Hop] = []
        for name, hops in self.outcome.behind.items():
            for hop in hops:
                share = self.outcome.told[name] * hop.share
                found += [Hop(by=one.by, share=share * one.share, route=one.route) for one in hop.route.hops if share]
        return tuple(found)

    @property
    @override
    def deciding(self) -> "DirectRoute":
        return self

    @property
    @override
    def shares(self) -> Shares:
        return self.outcome.shares

    @property
    @override
    def told(self) -> Mapping[str, float]:
        return self.outcome.told

    @property
    @override
    def parts(self) -> Mapping[Part, float]:
        return self.outcome.parts

    @override
    def behind(self, name: str) -> tuple[Endpoint, ...] | None:
        hops, each = self.outcome.behind.get(name, ()), self.visible.network_endpoints.get(name)
        if not hops:
            return tuple(one.endpoint for one in each.behind) if each is not None and len(each.behind) > 1 else None
        found: dict[str, Endpoint] = {}
        for hop in hops:
            for endpoint in hop.route.endpoints:
                found.setdefault(endpoint.id, endpoint)
        return tuple(found.values())

    @property
    @override
    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(endpoint for tier in self.selection.tiers for endpoint in tier.endpoints)

    @property
    @override
    def excluded(self) -> tuple[Exclusion, ...]:
        return self._excluded

    @cached_property
    def _excluded(self) -> tuple[Exclusion, ...]:
        selection = self.selection
        found = {item.endpoint.id: item for hop in self._hops_behind() for item in hop.route.excluded}
        for item in (*selection.visible.excluded, *selection.excluded):
            found |= {one.endpoint.id: one for one in self._spread(item)}
        # What one gateway cannot choose, or is not sent for, another can choose, or who chooses here.
        told = [endpoint.id for endpoint in self.endpoints] if self.visible.network_endpoints else []
        chosen = {*told, *(endpoint.id for name in told for endpoint in self.behind(name) or ())}
        return tuple(found[name] for name in sorted(found.keys() - chosen))

    def _hops_behind(self) -> Iterator[NextHop]:
        return (hop for hops in self.outcome.behind.values() for hop in hops)

    def _spread(self, item: Exclusion) -> Iterable[Exclusion]:
        """The exclusion of a network endpoint as that of all that is behind it, where that is known."""
        behind = self.known[item.endpoint.id].behind
        return [evolve(item, endpoint=one.endpoint) for one in behind if not is_announcement(one.workload)] or [item]

    @property
    @override
    def notes(self) -> tuple[Note, ...]:
        return self._notes

    @cached_property
    def _notes(self) -> tuple[Note, ...]:
        return tuple(dict.fromkeys(self._remarked()))

    def _remarked(self) -> Iterator[Note]:
        yield from self.remarks
        yield from self.resolution.notes
        yield from self.effective_rule.notes
        yield from self.service.notes
        yield from self.visible.notes
        yield from self.selection.notes
        yield from few_to_eject(self.effective_rule, self._hosts)
        if self.visible.network_endpoints:
            yield from other_networks(self.outcome)
        if self.component.traits.is_told_priorities:
            yield from uneven_weights(self.selection.envoy, self.selection.groups)
            yield from rejected(self.selection.groups)
        if self.outcome.dropped:
            yield from listed_twice(self.visible, self.outcome.dropped)

    @property
    def _hosts(self) -> Sequence[int]:
        """How many hosts each priority has."""
        tiers, out = self.selection.tiers, self.outcome.dropped
        if not out:
            return [len(tier.endpoints) for tier in tiers]
        return [sum(endpoint.id not in out for endpoint in tier.endpoints) for tier in tiers]

    @property
    @override
    def known(self) -> Mapping[str, ServiceEndpoint]:
        return self.visible.known

    @override
    def why(self, endpoint: Endpoint | str) -> Explanation:
        each = self.service_endpoint(endpoint.id if isinstance(endpoint, Endpoint) else endpoint)
        name = each.endpoint.id
        through = self._through(name)
        seen = each if through is None else self.visible.network_endpoints[through]
        first = Explanation(
            endpoint=seen.endpoint.id,
            verdict=self._verdict(seen.endpoint.id),
            share=self.outcome.told.get(seen.endpoint.id, 0.0),
            reached=reached(seen),
            comparisons=self.selection.compare(seen, self.client, self.place),
        )
        if through is None:
            return first
        hops = self.outcome.behind.get(through, ())
        if not hops:
            return evolve(first, endpoint=name, verdict=self._verdict(name))
        hop = max(hops, key=lambda hop: hop.share * hop.route.shares[name])
        then = hop.route.why(name)
        verdict = f"{first.verdict}; behind that {then.verdict}, as seen by {hop.by}"
        return evolve(then, verdict=verdict, share=self.shares[name], reached=first.reached, before=first)

    def _through(self, name: str) -> str | None:
        """The network endpoint through which an endpoint gets most; ``None`` for what is behind none."""
        found = [
            through
            for through, each in self.visible.network_endpoints.items()
            if any(one.endpoint.id == name for one in each.behind) and through != name
        ]
        return max(found, key=lambda through: self.parts.get((through, name), 0.0), default=None)

    def _verdict(self, name: str) -> str:
        for exclusion in (*self.excluded, *self.selection.excluded):
            if exclusion.endpoint.id == name:
                detail = f" ({exclusion.detail})" if exclusion.detail else ""
                return f"excluded: {exclusion.reason.value}{detail} [{exclusion.rule}]"
        for tier in self.tiers:
            if any(endpoint.id == name for endpoint in tier.endpoints):
                return f"P{tier.number} (priority {tier.priority}): {tier.matched}"
        return "in no tier"

    @override
    def to_dict(self) -> RouteData:
        told = self.outcome.told
        return RouteData(
            host=self.host,
            component=self.component.value,
            profile=self.profile.name,
            client=ClientData(
                name=self.client.name, cluster=self.client.cluster, place=place_data(self.place.locality)
            ),
            distribution=distribution_data(
                self.resolution, in_force=self.resolution.obeyed and not self.effective_rule.decides
            ),
            destination_rule=self.effective_rule.to_dict(),
            passthrough=self.passthrough,
            tiers=[self._tier_data(tier) for tier in self.tiers],
            endpoints=[],
            excluded=[exclusion_data(exclusion) for exclusion in self.excluded],
            reason=self.reason,
            notes=[note_data(note) for note in self.notes],
            to_waypoint=None,
            waypoints=[],
            next_hops=[
                NextHopData(endpoint=name, by=hop.by, share=told[name] * hop.share, route=hop.route.to_dict())
                for name, hops in self.outcome.behind.items()
                for hop in hops
            ],
            ejection=ejection_data(bounds) if (bounds := self.outcome.ejection) is not None else None,
        )

    def _tier_data(self, tier: RouteTier) -> TierData:
        return TierData(
            tier=tier.number,
            priority=tier.priority,
            matched=tier.matched,
            share=tier.share,
            healthy=tier.healthy,
            total=len(tier.endpoints),
            endpoints=[self.endpoint_data(endpoint) for endpoint in tier.endpoints],
        )
