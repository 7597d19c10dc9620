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
from meshtier.mesh.outcome import Outcome, Part
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.route_data import (
    ClientData,
    HopData,
    RouteData,
    exclusion_data,
    note_data,
    place_data,
)
from meshtier.mesh.service_endpoint import ServiceEndpoint
from meshtier.mesh.snapshot import Place
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
        shares = {name: 0.0 for answer in self.answers for name in answer.shares}
        reasons = [f"no waypoint pod: {self.reason}"] if self.reason else []
        for hop in self.hops:
            for name, share in hop.route.shares.items():
                shares[name] += hop.share * share
            if hop.route.reason:
                reasons.append(f"at {hop.by}: {hop.route.reason}")
        return Shares.trusted(shares, "; ".join(dict.fromkeys(reasons)))

    @cached_property
    def parts(self) -> Mapping[Part, float]:
        """The share of each final endpoint over all pods, for each way to it."""
        parts = {part: 0.0 for answer in self.answers for part in answer.parts}
        for hop in self.hops:
            for part, share in hop.route.parts.items():
                parts[part] += hop.share * share
        return parts

    @cached_property
    def told(self) -> Mapping[str, float]:
        """The share of each endpoint that a pod is told of, over all pods, by id."""
        told = {name: 0.0 for answer in self.answers for name in answer.outcome.told}
        for hop in self.hops:
            for name, share in hop.route.outcome.told.items():
                told[name] += hop.share * share
        return told

    def behind(self, name: str) -> tuple[Endpoint, ...] | None:
        """What some pod can reach behind a network endpoint; ``None`` where the answer ends there."""
        known = [behind for answer in self.answers if (behind := answer.behind(name)) is not None]
        found = {endpoint.id: endpoint for behind in reversed(known) for endpoint in reversed(behind)}
        return tuple(reversed(found.values())) if known else None

    @cached_property
    def chosen(self) -> Mapping[str, Endpoint]:
        """Everything that some pod can choose, the nearest tier of the first pod first."""
        chosen: dict[str, Endpoint] = {}
        for answer in self.answers:
            for endpoint in answer.endpoints:
                chosen.setdefault(endpoint.id, endpoint)
        return chosen

    @cached_property
    def finals(self) -> frozenset[str]:
        """The ids of all that some pod can choose, and of what is behind that."""
        return frozenset({*self.chosen, *(endpoint.id for name in self.chosen for endpoint in self.behind(name) or ())})

    @cached_property
    def excluded(self) -> tuple[Exclusion, ...]:
        """What no pod can choose, each with the reason of the first pod that knows it, by endpoint id."""
        found: dict[str, Exclusion] = {}
        for answer in self.answers:
            for exclusion in answer.excluded:
                if exclusion.endpoint.id not in self.finals:
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
    def first_hop(self) -> Hop:
        return self.to_waypoint.first_hop

    @property
    @override
    def waypoint_hops(self) -> tuple[Hop, ...]:
        return self.pods.hops

    @property
    @override
    def next_hops(self) -> tuple[Hop, ...]:
        return tuple(
            Hop(by=one.by, share=hop.share * one.share, route=one.route)
            for hop in self.pods.hops
            for one in hop.route.next_hops
        )

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
    def told(self) -> Mapping[str, float]:
        return self.pods.told

    @property
    @override
    def parts(self) -> Mapping[Part, float]:
        return self.pods.parts

    @override
    def behind(self, name: str) -> tuple[Endpoint, ...] | None:
        return self.pods.behind(name)

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
            return evolve(self.deciding.why(name), share=_share(self, name))
        hop = max(hops, key=lambda hop: _standing(hop, name))
        why = hop.route.why(name)
        verdict = f"{why.verdict}, as seen by {hop.by}" if len(hops) > 1 else why.verdict
        return evolve(why, verdict=verdict, share=_share(self, name))

    @override
    def to_dict(self) -> RouteData:
        data = self.deciding.to_dict()
        place = place_data(self.place.locality)
        data["client"] = ClientData(name=self.client.name, cluster=self.client.cluster, place=place)
        data["endpoints"] = [self.endpoint_data(endpoint) for endpoint in self.endpoints]
        for tier in data["tiers"]:
            tier["endpoints"] = [self.endpoint_data(self.pods.chosen[each["id"]]) for each in tier["endpoints"]]
            tier["share"] = sum(each["share"] for each in tier["endpoints"])
        data["next_hops"] = []
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
    return hop.share * _share(route, name), not out, True


def _share(route: Route, name: str) -> float:
    """The share of an endpoint: a final one, or one that stands for another network."""
    share = route.shares.get(name)
    return route.told.get(name, 0.0) if share is None else share
