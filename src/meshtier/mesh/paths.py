"""What becomes of a client's traffic on its way through a waypoint? Two choices in a row (PATH, COMP-1)."""

from collections.abc import Callable
from typing import Protocol

from meshtier.mesh.clients import Client, client_of
from meshtier.mesh.direct_route import DirectRoute
from meshtier.mesh.outcome import Outcome
from meshtier.mesh.route import Hop, Route
from meshtier.mesh.waypoint import Waypoint
from meshtier.mesh.waypoint_route import WaypointPods, WaypointRoute
from meshtier.note import Note


class Chooser(Protocol):
    """What all routes to one host at one component share."""

    def direct(self, client: Client, remarks: tuple[Note, ...] = ()) -> DirectRoute:
        """The one choice that the component makes for a client."""
        ...


class WaypointPaths:
    """The routes to one host through one waypoint. Clients that send to its pods alike share what those do.

    Args:
        waypoint: The waypoint.
        to_pods: The first choice, of a pod.
        at_pods: Gives the second, which a pod makes, for the cluster where it runs.
    """

    def __init__(self, waypoint: Waypoint, to_pods: Chooser, at_pods: Callable[[str], Chooser]) -> None:
        self._waypoint = waypoint
        self._to_pods = to_pods
        self._at_pods = at_pods
        self._pods: dict[Outcome, WaypointPods] = {}

    def route(self, client: Client, remarks: tuple[Note, ...] = ()) -> Route:
        """The answer for one client."""
        if self._waypoint.has(client.workload):
            return self._at_pods(client.cluster).direct(client, remarks)
        to_waypoint = self._to_pods.direct(client)
        pods = self._pods.get(to_waypoint.outcome)
        if pods is None:
            pods = self._pods_of(client, to_waypoint)
            if pods.beside is None:
                self._pods[to_waypoint.outcome] = pods
        remarks = (*remarks, *self._waypoint.notes)
        return WaypointRoute(client=client, to_waypoint=to_waypoint, pods=pods, remarks=remarks)

    def _pods_of(self, client: Client, to_waypoint: DirectRoute) -> WaypointPods:
        known, shares = to_waypoint.known, to_waypoint.shares
        hops = tuple(
            Hop(by=pod, share=share, route=self._from(client_of(known[pod].workload)))
            for pod, share in shares.items()
            if share and not known[pod].behind
        )
        # Without a pod to choose, the answer is built on what a waypoint beside the client would see.
        beside = None if hops else self._at_pods(client.cluster).direct(client)
        return WaypointPods(hops=hops, beside=beside, reason=self._reason(to_waypoint))

    @staticmethod
    def _reason(to_waypoint: DirectRoute) -> str:
        """Why no pod, or not every one, gets what is sent to the waypoint."""
        unknown = [name for name, share in to_waypoint.shares.items() if share and to_waypoint.known[name].behind]
        missing = f"the waypoint's pods behind {', '.join(unknown)} are not in the input" if unknown else ""
        return "; ".join(filter(None, (to_waypoint.reason, missing)))

    def _from(self, pod: Client) -> DirectRoute:
        return self._at_pods(pod.cluster).direct(pod)
