"""The answer: which endpoints get traffic, in what order, how much, and why.

`Route` is what every answer can tell. One choice is a `DirectRoute`; several in
a row, as through a waypoint, are made of those.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.dataplane import Shares
from meshtier.endpoint import Endpoint, Exclusion
from meshtier.locality import Locality
from meshtier.mesh.clients import Client
from meshtier.mesh.effective_rule import EffectiveRule
from meshtier.mesh.explanation import Explanation
from meshtier.mesh.outcome import Outcome, Part, RouteTier
from meshtier.mesh.report import Report, report_of
from meshtier.mesh.route_data import EndpointData, RouteData, RouteSummary, TierSummary, endpoint_data, place_data
from meshtier.mesh.rows import FlatRow, Row, flow_row, tier_row
from meshtier.mesh.selection import Selection
from meshtier.mesh.service_endpoint import ServiceEndpoint, find_endpoint
from meshtier.mesh.snapshot import Place, Service
from meshtier.mesh.visible import VisibleEndpoints
from meshtier.note import Note
from meshtier.precedence import Resolution
from meshtier.profile import Profile
from meshtier.table import percent

if TYPE_CHECKING:
    from meshtier.mesh.direct_route import DirectRoute

Flow = tuple[tuple[Locality, Locality], float]
"""The client's place and an endpoint's, and the share of the traffic that goes from the one to the other."""


@frozen(kw_only=True, eq=False)
class Hop:
    """One choice on the way, made by one component at one place.

    Attributes:
        by: Who chooses: the client's name, or the id of a waypoint's pod.
        share: What part of the client's traffic comes by, 0 to 1.
        route: The choice.
    """

    by: str
    share: float
    route: "DirectRoute"


class Route(ABC):
    """From one client to one host: what holds, the tiers, the shares, and why.

    Nothing is computed before it is asked for.
    """

    __slots__ = ()

    # What the two kinds of answers must tell.

    client: Client
    """Where the traffic comes from."""

    @property
    @abstractmethod
    def outcome(self) -> Outcome:
        """What the component that chooses the endpoint makes of what there is, and what led to it."""

    @property
    @abstractmethod
    def place(self) -> Place:
        """Where the client is, as the component of the first choice sees it (LOC-7)."""

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The choices, in order: the first, those of a waypoint's pods, those at the gateways of other networks."""
        return (self.first_hop, *self.waypoint_hops, *self.next_hops)

    @property
    @abstractmethod
    def first_hop(self) -> Hop:
        """The choice that is made for the client where it is."""

    @property
    @abstractmethod
    def waypoint_hops(self) -> tuple[Hop, ...]:
        """The choices of the pods of a waypoint that get traffic; none where there is no waypoint in the path."""

    @property
    @abstractmethod
    def next_hops(self) -> tuple[Hop, ...]:
        """The choices at the gateways of other networks that get traffic, as far as what is there is known (NET-5)."""

    @property
    @abstractmethod
    def deciding(self) -> "DirectRoute":
        """The choice of the endpoint; where several make it, the one with the largest share."""

    @property
    @abstractmethod
    def shares(self) -> Shares:
        """Each endpoint's share of the client's traffic, by id; excluded ones have 0 (LOAD-5). Cost: O(n).

        A network endpoint is there only where the input does not hold what is behind it (NET-5).
        """

    @property
    @abstractmethod
    def told(self) -> Mapping[str, float]:
        """The share of each endpoint that can be chosen, by id; of other networks, of the network endpoints."""

    @property
    @abstractmethod
    def parts(self) -> Mapping[Part, float]:
        """The same for each way to it: by the network endpoint that it is behind, ``""`` for none, and its id."""

    @property
    @abstractmethod
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Everything that can be chosen, the nearest tier's first; of other networks the network endpoints.

        Cost: O(n).
        """

    @abstractmethod
    def behind(self, name: str) -> tuple[Endpoint, ...] | None:
        """What can be chosen behind a network endpoint, by its id; ``None`` where the answer ends there (NET-5)."""

    @property
    @abstractmethod
    def excluded(self) -> tuple[Exclusion, ...]:
        """What can get no traffic, each with its one reason, by endpoint id."""

    @property
    @abstractmethod
    def notes(self) -> tuple[Note, ...]:
        """What a reader should know besides: doubtful settings, unknown places, what is easily overlooked."""

    @property
    @abstractmethod
    def known(self) -> Mapping[str, ServiceEndpoint]:
        """What every endpoint was made from, by id, the excluded ones too."""

    @abstractmethod
    def why(self, endpoint: Endpoint | str) -> Explanation:
        """What puts one endpoint where it is: each thing compared, both values, and who said them.

        Args:
            endpoint: An endpoint, its id, or the last parts of its id.

        Raises:
            UnknownNameError: The host has no such endpoint; the nearest names are given.
        """

    @abstractmethod
    def to_dict(self) -> RouteData:
        """The whole answer as plain data, for JSON and YAML. Cost: O(n) for each choice."""

    # What follows from that.

    @property
    def resolution(self) -> Resolution:
        """Traffic distribution: what is set, and what that overrode (PREC-6)."""
        return self.outcome.resolution

    @property
    def effective_rule(self) -> EffectiveRule:
        """What DestinationRules say, and whether traffic distribution is in force (PREC-5)."""
        return self.outcome.effective_rule

    @property
    def selection(self) -> Selection:
        """What sorts the endpoints."""
        return self.outcome.selection

    @property
    def visible(self) -> VisibleEndpoints:
        """What stands behind the host, as the component sees it."""
        return self.selection.visible

    @property
    def host(self) -> str:
        """The full host name."""
        return self.visible.binding.host

    @property
    def service(self) -> Service:
        """The service whose settings hold."""
        return self.visible.binding.service

    @property
    def component(self) -> Component:
        """Who chooses the endpoint."""
        return self.outcome.component

    @property
    def decided_by(self) -> str:
        """Who chooses the endpoint, as in ``ztunnel`` or ``waypoint shop/waypoint``."""
        return self.component.value

    @property
    def profile(self) -> Profile:
        """Whose rules."""
        return self.resolution.profile

    @property
    def passthrough(self) -> str:
        """Why no choice is made (PREC-4); ``""`` if one is."""
        return self.selection.passthrough

    @property
    def holds(self) -> str:
        """What decides, in a word or two: a mode, a DestinationRule, or why nothing does."""
        mode = self.resolution.title if self.resolution.obeyed else f"{self.resolution.title}, not obeyed"
        return self.passthrough or self.effective_rule.title or mode

    @property
    def tiers(self) -> tuple[RouteTier, ...]:
        """The tiers that hold an endpoint, nearest first, each with its share.

        Where several choose the endpoint, they are those of `deciding`, and
        their shares are of the traffic that comes by there.

        Cost: O(scopes) where the best tier alone is used; O(n) at an Envoy.
        """
        return self.outcome.tiers

    @property
    def reason(self) -> str:
        """Why nothing gets traffic, or not all of it arrives; ``""`` if all does."""
        return self.shares.reason

    @property
    def lost(self) -> float:
        """What part of the traffic finds no endpoint, 0 to 1; 0 where no choice is made (PREC-4)."""
        return 0.0 if self.passthrough or not self.reason else 1.0 - self.shares.total

    @property
    def drops(self) -> bool:
        """Whether nothing can receive the traffic; never where no choice is made (PREC-4)."""
        return bool(self.reason) and not self.passthrough and not self.shares.total

    def service_endpoint(self, name: str) -> ServiceEndpoint:
        """What an endpoint was made from.

        Args:
            name: The endpoint's id, or its last parts where they say enough.

        Raises:
            UnknownNameError: The host has no such endpoint; the nearest names are given.
            InvalidValueError: It could be several.
        """
        return find_endpoint(name, self.known)

    def rows(self) -> Iterator[Row]:
        """A row for each endpoint and way to it, the nearest tier's first, and for each that is excluded, last.

        Their shares add up to 1 less `lost`. Cost: O(n).
        """
        seen = set[str]()
        for tier in self.tiers:
            for endpoint in tier.endpoints:
                seen.add(endpoint.id)
                yield from self._rows_of(endpoint, tier)
        # Where several choose, what the first of them leaves out can be chosen by another.
        for endpoint in self.endpoints:
            if endpoint.id not in seen:
                yield from self._rows_of(endpoint, None)
        for exclusion in self.excluded:
            yield Row(route=self, endpoint=exclusion.endpoint, share=0.0, excluded=exclusion.reason.value)

    def _rows_of(self, endpoint: Endpoint, tier: RouteTier | None) -> Iterator[Row]:
        """The row of an endpoint, or of what is behind it."""
        finals, parts = self.behind(endpoint.id), self.parts
        through = "" if finals is None else endpoint.id
        for final in (endpoint,) if finals is None else finals:
            yield Row(route=self, endpoint=final, share=parts[through, final.id], tier=tier, through=through)

    def tier_rows(self) -> Iterator[FlatRow]:
        """A flat row for each tier, nearest first; one without a tier where no tier holds an endpoint."""
        for tier in self.tiers or (None,):
            yield tier_row(self, tier)

    def flows(self) -> tuple[Flow, ...]:
        """How much goes from the client's place to each place of an endpoint; what gets nothing is left out.

        The shares add up to 1 less `lost`. Cost: O(n).
        """
        found: defaultdict[Locality, float] = defaultdict(float)
        for row in self.rows():
            found[row.endpoint.locality] += row.share
        here = self.place.locality
        return tuple(((here, there), share) for there, share in found.items() if share)

    def flow_rows(self) -> Iterator[FlatRow]:
        """A flat row for each of `flows`."""
        for (_, there), share in self.flows():
            yield flow_row(self, there, share)

    def endpoint_data(self, endpoint: Endpoint) -> EndpointData:
        """One endpoint that can be chosen as plain data, with what is behind it."""
        name, finals = endpoint.id, self.behind(endpoint.id)
        behind = None if finals is None else [endpoint_data(one, self.parts[name, one.id]) for one in finals]
        return endpoint_data(endpoint, self.told[name], behind)

    def summary(self) -> RouteSummary:
        """The answer without its endpoints, as plain data."""
        return RouteSummary(
            host=self.host,
            cluster=self.client.cluster,
            place=place_data(self.place.locality),
            component=self.component.value,
            holds=self.holds,
            reason=self.reason,
            tiers=[
                TierSummary(
                    tier=tier.number,
                    priority=tier.priority,
                    share=tier.share,
                    healthy=tier.healthy,
                    total=len(tier.endpoints),
                )
                for tier in self.tiers
            ],
        )

    @property
    def report(self) -> Report:
        """The answer laid out for reading."""
        return report_of(self)

    def explain(self) -> str:
        """The whole answer as plain text: what holds and why, the tiers, the excluded, the notes."""
        return self.report.to_text()

    def _repr_html_(self) -> str:
        return self.report.first().to_html()

    @override
    def __repr__(self) -> str:
        tiers = ", ".join(f"P{tier.number} {percent(tier.share)} of {len(tier.endpoints)}" for tier in self.tiers)
        excluded = f"; excluded: {len(self.excluded)}" if self.excluded else ""
        by = f"by {self.component.value} under {self.profile.name}"
        return f"<Route {self.host} from {self.client} {by}: {self.holds}: {tiers or 'no endpoint'}{excluded}>"
