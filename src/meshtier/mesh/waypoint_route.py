"""What becomes of traffic that several waypoint pods divide among them? Two choices in a row (COMP-1)."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from attrs import evolve, frozen
from typing_extensions import override

from meshtier.dataplane.shares import Shares
from meshtier.endpoint import Endpoint, Exclusion
from meshtier.mesh.clients import Client
from meshtier.mesh.explanation import Explanation, find_endpoint
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.route_data import HopData, RouteData, endpoint_data
from meshtier.mesh.visible import ServiceEndpoint
from meshtier.note import Note


@frozen(kw_only=True, eq=False, repr=False)
class WaypointRoute(Route):
    """The way through all pods of a waypoint.

    The shares are composed over the pods, and what they lack to 1 is lost at a
    pod that finds no endpoint. Only what every pod leaves out is excluded. The
    tiers, and the setting that holds, are those of the pod with the largest
    share; what it leaves out and another pod uses is in none of them. Each pod's
    own tiers are in its hop.

    Attributes:
        to_waypoint: The way to the pods.
        answers: What the pods of `hops` see, the one with the largest share
            first; without any, what a waypoint beside the client would see. At
            least one.
    """

    to_waypoint: Route
    router: tuple[Route, ...]

    @cached_property
    @override
    def shares(self) -> Shares:
        """Each endpoint's share of the client's traffic over all pods, by id."""
        first = self.to_waypoint.shares.reason
        shares = {identifier: 0.0 for answer in self.router for identifier in answer.shares}
        reasons = [f"no waypoint pod: {first}"] if first else []
        for hop in self.hops:
            for identifier, share in hop.route.shares.items():
                shares[identifier] += hop.share * share
            if hop.route.shares.reason:
                reasons.append(f"at {hop.waypoint}: {hop.route.shares.reason}")
        return Shares(shares, "; ".join(dict.fromkeys(reasons)))

    @property
    @override
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Everything that some pod can choose, the nearest tier of the first pod first. Cost: O(n) a pod."""
        return tuple(self._chosen.values())

    @cached_property
    def _chosen(self) -> Mapping[str, Endpoint]:
        chosen: dict[str, Endpoint] = {}
        for answer in self.router:
            for endpoint in answer.endpoints:
                chosen.setdefault(endpoint.id, endpoint)
        return chosen

    @cached_property
    @override
    def excluded(self) -> tuple[Exclusion, ...]:
        """What no pod can choose, each with the reason of the first pod that knows it, by endpoint id."""
        found: dict[str, Exclusion] = {}
        for answer in self.router:
            for exclusion in answer.excluded:
                if exclusion.endpoint.id not in self._chosen:
                    found.setdefault(exclusion.endpoint.id, exclusion)
        return tuple(found[identifier] for identifier in sorted(found))

    @override
    def _remarked(self) -> Iterator[Note]:
        yield from super()._remarked()
        yield from self.to_waypoint.notes

    @override
    def service_endpoint(self, name: str) -> ServiceEndpoint:
        """What an endpoint was made from, as the first pod sees it that knows it."""
        known: dict[str, ServiceEndpoint] = {}
        for answer in reversed(self.router):
            known.update(answer.visible.known)
        return find_endpoint(name, known)

    @override
    def why(self, endpoint: Endpoint | str) -> Explanation:
        """What puts one endpoint where it is, as the pod sees it that sends most to it.

        Where none does, as the first pod sees it that can choose it, or else
        leaves it out. The share is that over all pods.
        """
        identifier = self.service_endpoint(endpoint.id if isinstance(endpoint, Endpoint) else endpoint).endpoint.id
        hops = sorted(self.hops, key=_share, reverse=True)
        if not hops:
            return evolve(self.router[0].why(identifier), share=self.shares[identifier])
        hop = max(hops, key=lambda hop: _standing(hop, identifier))
        why = hop.route.why(identifier)
        verdict = f"{why.verdict}, as seen by {hop.waypoint}" if len(hops) > 1 else why.verdict
        return evolve(why, verdict=verdict, share=self.shares[identifier])

    @override
    def to_dict(self) -> RouteData:
        """The whole answer as plain data, with that of each pod. Cost: O(n) a pod."""
        data = super().to_dict()
        data["endpoints"] = [endpoint_data(endpoint, self.shares[endpoint.id]) for endpoint in self.endpoints]
        data["to_waypoint"] = self.to_waypoint.to_dict()
        data["waypoints"] = [
            HopData(waypoint=hop.waypoint, share=hop.share, route=hop.route.to_dict()) for hop in self.hops
        ]
        return data


def composed(
    client: Client, to_waypoint: Route, hops: Sequence[Hop], *, beside: Route | None, remarks: tuple[Note, ...] = ()
) -> Route:
    """The route of *client* through the pods of a waypoint.

    Args:
        client: The pod that sends.
        to_waypoint: Its way to the pods.
        hops: What each pod does that gets traffic.
        beside: What to show where no pod gets any; ``None`` where one does.
        remarks: What was doubtful about the waypoint.
    """
    router = (beside,) if beside is not None else tuple(hop.route for hop in sorted(hops, key=_share, reverse=True))
    shown = router[0]
    return WaypointRoute(
        host=shown.host,
        client=client,
        component=shown.component,
        profile=shown.profile,
        resolution=shown.resolution,
        effective_rule=shown.effective_rule,
        visible=shown.visible,
        selection=shown.selection,
        remarks=(*remarks, *shown.remarks),
        to_waypoint=to_waypoint,
        hops=tuple(hops),
        router=router,
    )


def _share(hop: Hop) -> float:
    return hop.share


def _standing(hop: Hop, identifier: str) -> tuple[float, bool, bool]:
    """What the pod sends to an endpoint, whether it could, and whether it knows it."""
    route = hop.route
    if identifier not in route.shares:
        return 0, False, False
    out = any(exclusion.endpoint.id == identifier for exclusion in route.excluded)
    return hop.share * route.shares[identifier], not out, True
