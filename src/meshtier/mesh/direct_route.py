"""The answer of one choice, made by one component at one place."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from attrs import field, frozen
from typing_extensions import override

from meshtier.dataplane import Shares
from meshtier.endpoint import Endpoint, Exclusion
from meshtier.mesh.clients import Client
from meshtier.mesh.explanation import Explanation, reached
from meshtier.mesh.outcome import Outcome, RouteTier
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.route_data import (
    ClientData,
    RouteData,
    TierData,
    distribution_data,
    endpoint_data,
    exclusion_data,
    note_data,
    place_data,
)
from meshtier.mesh.snapshot import Place
from meshtier.mesh.visible import ServiceEndpoint
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
    def hops(self) -> tuple[Hop, ...]:
        return (Hop(by=self.client.name, share=1.0, route=self),)

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
    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(endpoint for tier in self.selection.tiers for endpoint in tier.endpoints)

    @property
    @override
    def excluded(self) -> tuple[Exclusion, ...]:
        return self._excluded

    @cached_property
    def _excluded(self) -> tuple[Exclusion, ...]:
        selection = self.selection
        return tuple(sorted((*selection.excluded, *selection.visible.excluded), key=lambda item: item.endpoint.id))

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
        yield from few_to_eject(self.effective_rule, sum(len(tier.endpoints) for tier in self.selection.tiers))
        if self.component.traits.is_told_priorities:
            yield from uneven_weights(self.selection.envoy, self.selection.groups)
            yield from rejected(self.selection.groups)

    @property
    @override
    def known(self) -> Mapping[str, ServiceEndpoint]:
        return self.visible.known

    @override
    def why(self, endpoint: Endpoint | str) -> Explanation:
        each = self.service_endpoint(endpoint.id if isinstance(endpoint, Endpoint) else endpoint)
        name = each.endpoint.id
        return Explanation(
            endpoint=name,
            verdict=self._verdict(name),
            share=self.shares[name],
            reached=reached(each),
            comparisons=self.selection.compare(each, self.client, self.place),
        )

    def _verdict(self, name: str) -> str:
        for exclusion in self.excluded:
            if exclusion.endpoint.id == name:
                detail = f" ({exclusion.detail})" if exclusion.detail else ""
                return f"excluded: {exclusion.reason.value}{detail} [{exclusion.rule}]"
        for tier in self.tiers:
            if any(endpoint.id == name for endpoint in tier.endpoints):
                return f"P{tier.number} (priority {tier.priority}): {tier.matched}"
        return "in no tier"

    @override
    def to_dict(self) -> RouteData:
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
        )

    def _tier_data(self, tier: RouteTier) -> TierData:
        return TierData(
            tier=tier.number,
            priority=tier.priority,
            matched=tier.matched,
            share=tier.share,
            healthy=tier.healthy,
            total=len(tier.endpoints),
            endpoints=[endpoint_data(endpoint, self.shares[endpoint.id]) for endpoint in tier.endpoints],
        )
