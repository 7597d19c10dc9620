"""The answer: which endpoints get traffic, in what order, how much, and why."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from attrs import frozen
from typing_extensions import override

from meshtier.component import Balancing, Component
from meshtier.dataplane.shares import Shares
from meshtier.dataplane.spread import shares_of
from meshtier.dataplane.ztunnel import best_tier
from meshtier.endpoint import Endpoint, Exclusion
from meshtier.mesh.clients import Client
from meshtier.mesh.effective_rule import EffectiveRule
from meshtier.mesh.explanation import Explanation, find_endpoint, reached
from meshtier.mesh.report import Report, report_from
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
from meshtier.mesh.selection.passthrough import Passthrough
from meshtier.mesh.selection.protocol import RouteTier, Selection
from meshtier.mesh.snapshot import Place, Service
from meshtier.mesh.visible import ServiceEndpoint, VisibleEndpoints
from meshtier.mesh.warnings import few_to_eject, uneven_weights
from meshtier.note import Note
from meshtier.precedence import Resolution
from meshtier.profile import Profile
from meshtier.table import percent
from meshtier.tiers import TierLike


@frozen(kw_only=True, eq=False)
class Hop:
    """One waypoint pod on the way, and what it does (COMP-1).

    Attributes:
        waypoint: The id of the pod.
        share: Its share of the client's traffic.
        route: Its own choice of endpoints.
    """

    waypoint: str
    share: float
    route: "Route"


@frozen(kw_only=True, eq=False)
class Route:
    """From one client to one host: what holds, the tiers, the shares, and why.

    Nothing is computed before it is asked for.

    Attributes:
        host: The full host name.
        client: Where the traffic comes from. Where a waypoint chooses and was
            not itself the client, the pod that sends to it.
        component: Who chooses.
        profile: Whose rules.
        resolution: Traffic distribution: what is set, and what that overrode (PREC-6).
        policy: What DestinationRules say, and whether traffic distribution is in force (PREC-5).
        view: What stands behind the host, as the component sees it.
        choice: The rule that sorts it.
        remarks: What was doubtful before anything was chosen.
        to_waypoint: With a waypoint in the path, the way to its pods; else ``None``.
        hops: With a waypoint in the path, what each of its pods does; see
            `meshtier.mesh.WaypointRoute` for what the rest then means.
    """

    host: str
    client: Client
    component: Component
    profile: Profile
    resolution: Resolution
    effective_rule: EffectiveRule
    visible: VisibleEndpoints
    selection: Selection
    remarks: tuple[Note, ...] = ()
    to_waypoint: "Route | None"
    hops: tuple[Hop, ...] = ()

    @property
    def service(self) -> Service:
        """The service whose settings hold."""
        return self.visible.binding.service

    @property
    def place(self) -> Place:
        """Where the client is, as the component that chooses sees it (LOC-7)."""
        return self.client.place_for(self.component)

    @property
    def passthrough(self) -> str:
        """Why no choice is made (PREC-4); ``""`` if one is."""
        return self.selection.why if isinstance(self.selection, Passthrough) else ""

    @property
    def holds(self) -> str:
        """What decides, in a word or two: a mode, a DestinationRule, or why nothing does."""
        return self.passthrough or self.effective_rule.title or self.resolution.title

    @property
    def reason(self) -> str:
        """Why nothing gets traffic, or with a waypoint in the path not all of it; ``""`` if all arrives."""
        return self.shares.reason

    @property
    def drops(self) -> bool:
        """Whether nothing can receive the traffic; never where no choice is made (PREC-4)."""
        return bool(self.reason) and not self.passthrough and not self.shares.total

    @cached_property
    def shares(self) -> Shares:
        """Each endpoint's share of the client's traffic, by id; excluded ones have 0 (LOAD-5). Cost: O(n)."""
        if self.passthrough:
            shares = Shares({}, f"no choice is made ({self.passthrough}): the client picks the address itself")
        else:
            groups = self.selection.groups if self._by_envoy else None
            shares = shares_of(self.component, self.selection, envoy=self.selection.envoy, groups=groups)
        return Shares({**dict.fromkeys(self.visible.known, 0.0), **shares}, shares.reason)

    @cached_property
    def tiers(self) -> tuple[RouteTier, ...]:
        """The tiers that hold an endpoint, nearest first, each with its share.

        Cost: O(scopes) where the best tier alone is used; O(n) at an Envoy.
        """
        tiers, selection = self.selection.tiers, self.selection
        shares = self._tier_shares(tiers)
        return tuple([RouteTier(tier, selection, place, shares[place]) for place, tier in enumerate(tiers)])

    def _tier_shares(self, tiers: Sequence[TierLike]) -> Sequence[float]:
        if self._by_envoy or self.passthrough:
            return [sum(self.shares[endpoint.id] for endpoint in tier.endpoints) for tier in tiers]
        best = best_tier(tiers)
        weighty = best is not None and best.healthy_weight > 0
        return [1.0 if weighty and tier is best else 0.0 for tier in tiers]

    @property
    def _by_envoy(self) -> bool:
        return self.component.traits.balancing is Balancing.ENVOY

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Everything that is not excluded, the nearest tier's first. Cost: O(n)."""
        return tuple(endpoint for tier in self.tiers for endpoint in tier.endpoints)

    @cached_property
    def excluded(self) -> tuple[Exclusion, ...]:
        """What can get no traffic, each with its one reason, by endpoint id."""
        return tuple(sorted((*self.selection.excluded, *self.visible.excluded), key=lambda item: item.endpoint.id))

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What a reader should know besides: doubtful settings, unknown places, traps."""
        return tuple(dict.fromkeys(self._remarked()))

    def _remarked(self) -> Iterator[Note]:
        yield from self.remarks
        yield from self.resolution.notes
        yield from self.effective_rule.notes
        yield from self.service.notes
        yield from self.visible.notes
        yield from self.selection.notes
        yield from few_to_eject(self.effective_rule, sum(len(tier.endpoints) for tier in self.selection.tiers))
        if self._by_envoy:
            yield from uneven_weights(self.selection.envoy, self.selection.groups)

    def service_endpoint(self, name: str) -> ServiceEndpoint:
        """What an endpoint was made from.

        Args:
            name: The endpoint's id, or its last parts where they say enough.

        Raises:
            UnknownNameError: The host has no such endpoint; the nearest names are given.
        """
        return find_endpoint(name, self.visible.known)

    def why(self, endpoint: Endpoint | str) -> Explanation:
        """What puts one endpoint where it is: each thing compared, both values, and who said them.

        Args:
            endpoint: An endpoint, its id, or the last parts of its id.

        Raises:
            UnknownNameError: The host has no such endpoint; the nearest names are given.
        """
        service_endpoint = self.service_endpoint(endpoint.id if isinstance(endpoint, Endpoint) else endpoint)
        identifier = service_endpoint.endpoint.id
        return Explanation(
            endpoint=identifier,
            verdict=self._verdict(identifier),
            share=self.shares[identifier],
            reached=reached(service_endpoint),
            comparisons=self.selection.compare(service_endpoint),
        )

    def _verdict(self, identifier: str) -> str:
        for exclusion in self.excluded:
            if exclusion.endpoint.id == identifier:
                detail = f" ({exclusion.detail})" if exclusion.detail else ""
                return f"excluded: {exclusion.reason.value}{detail} [{exclusion.rule}]"
        for tier in self.tiers:
            if any(endpoint.id == identifier for endpoint in tier.endpoints):
                return f"P{tier.number} (priority {tier.priority}): {tier.matched}"
        return "in no tier"

    @property
    def report(self) -> Report:
        """The answer laid out for reading."""
        return report_from(self.to_dict())

    def explain(self) -> str:
        """The whole answer as plain text: what holds and why, the tiers, the excluded, the notes."""
        return self.report.to_text()

    def to_dict(self) -> RouteData:
        """The whole answer as plain data, for JSON and YAML. Cost: O(n)."""
        place = self.place.locality
        return RouteData(
            host=self.host,
            component=self.component.value,
            profile=self.profile.name,
            client=ClientData(name=self.client.name, cluster=self.client.cluster, place=place_data(place)),
            distribution=distribution_data(self.resolution, in_force=not self.effective_rule.decides),
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

    def _repr_html_(self) -> str:
        return self.report.to_html()

    @override
    def __repr__(self) -> str:
        tiers = ", ".join(f"P{tier.number} {percent(tier.share)} of {len(tier.endpoints)}" for tier in self.tiers)
        excluded = f"; excluded: {len(self.excluded)}" if self.excluded else ""
        by = f"by {self.component.value} under {self.profile.name}"
        return f"<Route {self.host} from {self.client} {by}: {self.holds}: {tiers or 'no endpoint'}{excluded}>"
