"""What becomes of traffic that several waypoint pods divide among them? Two choices in a row (COMP-1)."""

from collections.abc import Mapping
from functools import cached_property

from attrs import evolve, frozen
from typing_extensions import override

from meshtier.dataplane import Shares
from meshtier.endpoint import Endpoint, Exclusion
from meshtier.mesh.clients import Client
from meshtier.mesh.direct_route import DirectRoute
from meshtier.mesh.explanation import Explanation
from meshtier.mesh.outcome import Outcome
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.route_data import (
    ClientData,
    HopData,
    RouteData,
    endpoint_data,
    exclusion_data,
    note_data,
    place_data,
)
from meshtier.mesh.snapshot import Place
from meshtier.mesh.visible import ServiceEndpoint
from meshtier.note import Note


@frozen(kw_only=True, eq=False)
class WaypointPods:
    """What the pods of a waypoint do that get traffic. Clients that send to them alike share it.

    Attributes:
        hops: What each pod does.
        beside: Where none gets any, what a waypoint beside the client would see; else ``None``.
        reason: Why no pod gets any; ``""`` if one does.
    """

    hops: tuple[Hop, ...]
    beside: DirectRoute | None
    reason: str

    @cached_property
    def answers(self) -> tuple[DirectRoute, ...]:
        """What the pods see, the one with the largest share first; at least one."""
        if self.beside is not None:
            return (self.beside,)
        return tuple(hop.route for hop in sorted(self.hops, key=lambda hop: hop.share, reverse=True))

    @cached_property
    def shares(self) -> Shares:
        """Each endpoint's share over all pods, by id."""
        shares = {
            **dict.fromkeys(self._unavailable(), 0.0),
            **{name: 0.0 for answer in self.answers for name in answer.visible.available},
        }
        reasons = [f"no waypoint pod: {self.reason}"] if self.reason else []
        for hop in self.hops:
            for name in hop.route.visible.available:
                shares[name] += hop.share * hop.route.shares[name]
            if hop.route.reason:
                reasons.append(f"at {hop.by}: {hop.route.reason}")
        return Shares.trusted(shares, "; ".join(dict.fromkeys(reasons)))

    def _unavailable(self) -> Mapping[str, None]:
        return dict.fromkeys(name for answer in self.answers for name in answer.visible.unavailable)

    @cached_property
    def chosen(self) -> Mapping[str, Endpoint]:
        """Everything that some pod can choose, the nearest tier of the first pod first."""
        chosen: dict[str, Endpoint] = {}
        for answer in self.answers:
            for endpoint in answer.endpoints:
                chosen.setdefault(endpoint.id, endpoint)
        return chosen

    @cached_property
    def excluded(self) -> tuple[Exclusion, ...]:
        """What no pod can choose, each with the reason of the first pod that knows it, by endpoint id."""
        found: dict[str, Exclusion] = {}
        for answer in self.answers:
            for exclusion in answer.excluded:
                if exclusion.endpoint.id not in self.chosen:
                    found.setdefault(exclusion.endpoint.id, exclusion)
        return tuple(found[name] for name in sorted(found))

    @cached_property
    def known(self) -> Mapping[str, ServiceEndpoint]:
        """What every endpoint was made from, by id, as the first pod sees it that knows it."""
        known: dict[str, ServiceEndpoint] = {}
        for answer in reversed(self.answers):
            known.update(answer.known)
        return known


@frozen(kw_only=True, eq=False, repr=False)
class WaypointRoute(Route):
    """The route through all pods of a waypoint.

    The shares are composed over the pods, and what they lack to 1 is lost at a
    pod that finds no endpoint. Only what every pod leaves out is excluded. The
    tiers, and the setting that holds, are those of the pod with the largest
    share; what it leaves out and another pod uses is in none of them. Each pod's
    own tiers are in its hop.

    Attributes:
        client: Who sends.
        to_waypoint: Its way to the waypoint's pods, one of which is chosen where the traffic starts.
        pods: What they do.
        remarks: What was doubtful about the waypoint.
    """

    client: Client
    to_waypoint: DirectRoute
    pods: WaypointPods
    remarks: tuple[Note, ...] = ()

    @property
    @override
    def outcome(self) -> Outcome:
        return self.deciding.outcome

    @property
    @override
    def place(self) -> Place:
        return self.to_waypoint.place

    @property
    @override
    def hops(self) -> tuple[Hop, ...]:
        return (*self.to_waypoint.hops, *self.pods.hops)

    @property
    @override
    def deciding(self) -> DirectRoute:
        return self.pods.answers[0]

    @property
    @override
    def decided_by(self) -> str:
        waypoint = self.to_waypoint.service
        return f"{self.component.value} {waypoint.namespace}/{waypoint.name}"

    @property
    @override
    def shares(self) -> Shares:
        return self.pods.shares

    @property
    @override
    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(self.pods.chosen.values())

    @property
    @override
    def excluded(self) -> tuple[Exclusion, ...]:
        return self.pods.excluded

    @property
    @override
    def notes(self) -> tuple[Note, ...]:
        return tuple(dict.fromkeys((*self.remarks, *self.deciding.notes, *self.to_waypoint.notes)))

    @property
    @override
    def known(self) -> Mapping[str, ServiceEndpoint]:
        return self.pods.known

    @override
    def why(self, endpoint: Endpoint | str) -> Explanation:
        """What puts one endpoint where it is, as the pod sees it that sends most to it.

        Where none does, as the first pod sees it that can choose it, or else
        leaves it out. The share is that over all pods.
        """
        name = self.service_endpoint(endpoint.id if isinstance(endpoint, Endpoint) else endpoint).endpoint.id
        hops = sorted(self.pods.hops, key=lambda hop: hop.share, reverse=True)
        if not hops:
            return evolve(self.deciding.why(name), share=self.shares[name])
        hop = max(hops, key=lambda hop: _standing(hop, name))
        why = hop.route.why(name)
        verdict = f"{why.verdict}, as seen by {hop.by}" if len(hops) > 1 else why.verdict
        return evolve(why, verdict=verdict, share=self.shares[name])

    @override
    def to_dict(self) -> RouteData:
        data = self.deciding.to_dict()
        place = place_data(self.place.locality)
        data["client"] = ClientData(name=self.client.name, cluster=self.client.cluster, place=place)
        data["endpoints"] = [endpoint_data(endpoint, self.shares[endpoint.id]) for endpoint in self.endpoints]
        data["excluded"] = [exclusion_data(exclusion) for exclusion in self.excluded]
        data["reason"] = self.reason
        data["notes"] = [note_data(note) for note in self.notes]
        data["to_waypoint"] = self.to_waypoint.to_dict()
        data["waypoints"] = [
            HopData(waypoint=hop.by, share=hop.share, route=hop.route.to_dict()) for hop in self.pods.hops
        ]
        return data


def _standing(hop: Hop, name: str) -> tuple[float, bool, bool]:
    """What the pod sends to an endpoint, whether it could, and whether it knows it."""
    route = hop.route
    if name not in route.known:
        return 0.0, False, False
    out = any(exclusion.endpoint.id == name for exclusion in route.excluded)
    return hop.share * route.shares[name], not out, True
