"""Where does the traffic of a mesh go? Each client's rate to each host, along the way that it really takes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from math import fsum
from typing import Any, Final

from attrs import field, frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.endpoint import Endpoint
from meshtier.errors import UnknownNameError, check_member, check_type
from meshtier.locality import Locality
from meshtier.mesh import Mesh, Route
from meshtier.mesh.sweep import Asked
from meshtier.mesh.visible import VisibleEndpoints
from meshtier.profile import SOLO, Profile
from meshtier.traffic.crossing import Crossing, Flow, ServiceKey, crossing_of, zone_of
from meshtier.traffic.demand import Traffic
from meshtier.traffic.destinations import Destination, Destinations, candidates, shared_key
from meshtier.traffic.figures import number
from meshtier.traffic.senders import Demand, Share, Unmatched

COUNTED: Final = "each client counts once for each host: no rates are given"
"""What answers without rates say."""
CLIENTS: Final = "clients"
"""The unit of answers without rates."""
_MOST_REASONS: Final = 3


@frozen(kw_only=True, eq=False)
class EndpointLoad:
    """How much traffic one endpoint of a service gets.

    Attributes:
        endpoint: The endpoint.
        rate: How much it gets from all clients together.
        is_candidate: Whether it serves and has a weight, so that it counts in the fair share.
        is_pod: Whether it is known to be a pod.
    """

    endpoint: Endpoint
    rate: float
    is_candidate: bool = True
    is_pod: bool = True


@frozen(kw_only=True, eq=False, repr=False)
class Flows:
    """How much of each service's traffic goes from which zone to which, and to which endpoint.

    Attributes:
        flows: One for each service and pair of zones, the service first; those that
            end nowhere are in it too, so that their rates add up to all that is matched.
        legs: The same by parts of the way: of what passes a waypoint, a flow from the clients to its pods, and one
            from these to the endpoints, so that what crosses zones twice is there twice. What is lost is in none.
        endpoints: What the endpoints of each service get, by id. Services without a choice (PREC-4) are left out.
        unit: What rates are.
        is_counted: Whether no rates were given, so that each client counts once.
        unmatched: Rates of which nothing in the mesh sends, or that nothing receives; in no flow.
        origin: Where the rates come from; ``""`` if nothing says it.
        remarks: What the rates' own notes say.
    """

    flows: tuple[Flow, ...]
    legs: tuple[Flow, ...] = field(repr=False)
    endpoints: Mapping[ServiceKey, Mapping[str, EndpointLoad]] = field(repr=False)
    unit: str = ""
    is_counted: bool = False
    unmatched: tuple[Unmatched, ...] = ()
    origin: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def unit_text(self) -> str:
        """The unit, or a word where none is given."""
        return self.unit or "units"

    @cached_property
    def total(self) -> float:
        """All that is matched, the lost with it."""
        return fsum(each.rate for each in self.flows)

    @cached_property
    def unmatched_total(self) -> float:
        """The sum of the rates that are kept aside."""
        return fsum(each.rate.value for each in self.unmatched)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What stands below every answer: how rates came about, and what is kept aside."""
        return tuple(self._notes())

    def _notes(self) -> Iterator[str]:
        if self.is_counted:
            yield COUNTED
        yield from self.remarks
        if self.unmatched:
            sums: defaultdict[str, float] = defaultdict(float)
            for each in self.unmatched:
                sums[each.reason] += each.rate.value
            largest = sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:_MOST_REASONS]
            named = [f"{reason} ({number(value)})" for reason, value in largest]
            rest = [f"{len(sums) - _MOST_REASONS} more"] if len(sums) > _MOST_REASONS else []
            count = f"{len(self.unmatched)} rate{'s' if len(self.unmatched) != 1 else ''}"
            total = f"{number(self.unmatched_total)} {self.unit_text} in all"
            yield f"{count} kept aside, {total}: {', '.join((*named, *rest))}"

    @override
    def __repr__(self) -> str:
        aside = f", {len(self.unmatched)} rates kept aside" if self.unmatched else ""
        return f"<Flows {number(self.total)} {self.unit_text} in {len(self.flows)} flows{aside}>"


Progress = Callable[[float], None]
"""What is told how much of the whole is done, 0 to 1."""


def flows(
    mesh: Mesh,
    traffic: Traffic | Mapping[Any, Any] | None = None,
    *,
    component: Component | None = None,
    profile: Profile = SOLO,
    hosts: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> Flows:
    """What becomes of each client's rate to each host.

    Args:
        mesh: The snapshot.
        traffic: The rates, or a mapping that `Traffic.from_mapping` takes. A rate of a place or a workload is
            divided evenly among the pods that are meant. ``None``: each pod that is a client counts once for
            each host that it can ask for.
        component: The one that is asked about; ``None`` for the way that traffic really takes.
        profile: Whose rules.
        hosts: The full host names to ask for; ``None`` for all of them.
        progress: Is told how much is done.

    Raises:
        UnknownNameError: One of *hosts* is no host of the mesh.

    Cost: that of `Mesh.routes`, and O(n) in a host's endpoints for each answer that clients share;
    hosts without a rate cost nothing.

    >>> from meshtier.kube import load
    >>> traffic = Traffic.from_mapping({("bookinfo/curl-east", "details.bookinfo"): 10.0}, unit="requests/s")
    >>> flows(load("examples/bookinfo/gateways"), traffic)
    <Flows 10 requests/s in 1 flows>
    """
    check_type(mesh, Mesh, "mesh")
    check_type(profile, Profile, "profile", what="a Profile, as Profile.named gives it")
    if isinstance(traffic, Mapping):
        traffic = Traffic.from_mapping(traffic)
    elif traffic is not None:
        check_type(traffic, Traffic, "traffic")
    if component is not None:
        check_member(component, Component, "component")
    demand = Demand(mesh, traffic, component)
    known = mesh.hosts(component=component, profile=profile)
    wanted = None if hosts is None else frozenset(hosts)
    for host in sorted(wanted or ()):
        if host not in known:
            raise UnknownNameError.among("host", host, known)
    names = demand.resolve(known, wanted)
    gathered = _Gathered(mesh)
    by_host: dict[str, list[Asked]] = {host: [] for host in names}
    for asked in mesh.sweep.asked(component, profile, names, starts=component):
        by_host[asked.host].append(asked)
    for done, (host, each) in enumerate(by_host.items(), start=1):
        gathered.add(demand.shares(host, each))
        if progress is not None:
            progress(done / len(by_host))
    return Flows(
        flows=gathered.flows(),
        legs=gathered.legs(),
        endpoints=gathered.endpoints,
        unit=traffic.unit if traffic is not None else CLIENTS,
        is_counted=traffic is None,
        unmatched=tuple(demand.unmatched),
        origin=traffic.origin if traffic is not None else "",
        remarks=traffic.notes if traffic is not None else (),
    )


_Pair = tuple[ServiceKey, Locality, Locality | None, Crossing]


class _Gathered:
    """What the hosts add up to, one after the other."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._rates: defaultdict[_Pair, float] = defaultdict(float)
        self._legs: defaultdict[_Pair, float] = defaultdict(float)
        self.endpoints: dict[ServiceKey, Mapping[str, EndpointLoad]] = {}

    def flows(self) -> tuple[Flow, ...]:
        """All flows, put in order."""
        return _ordered(self._rates)

    def legs(self) -> tuple[Flow, ...]:
        """All parts of the way, put in order."""
        return _ordered(self._legs)

    def add(self, shares: Sequence[tuple[Asked, Sequence[Share]]]) -> None:
        """The traffic to one host."""
        destinations = Destinations()
        loads: dict[ServiceKey, _ServiceEndpoints] = {}
        for asked, senders in shares:
            routes = self._mesh.sweep.routes_to(asked)
            service = asked.host, "" if routes.binding.spans_clusters or self._is_alone(asked) else asked.cluster
            answers: dict[object, tuple[Route, defaultdict[Locality, float]]] = {}
            for each in senders:
                route = routes.route(each.client)
                key = shared_key(route)
                if key not in answers:
                    answers[key] = route, defaultdict(float)
                answers[key][1][zone_of(route.place.locality)] += each.rate
            for route, clients in answers.values():
                destination = destinations.of(route)
                self._spread(service, clients, destination)
                if not destination.passthrough:
                    load = loads.setdefault(service, _ServiceEndpoints())
                    load.add(destination, fsum(clients.values()))
                    load.add_candidates(route)
        self.endpoints |= {service: load.loads() for service, load in loads.items()}

    def _is_alone(self, asked: Asked) -> bool:
        return len(self._mesh.clusters) == 1 or not asked.cluster

    def _spread(self, service: ServiceKey, clients: Mapping[Locality, float], destination: Destination) -> None:
        rates, legs = self._rates, self._legs
        for client, rate in clients.items():
            if destination.passthrough:
                for found in (rates, legs):
                    found[service, client, None, Crossing.UNKNOWN] += rate
                continue
            for endpoint, share in destination.zones.items():
                rates[service, client, endpoint, _crossing(client, endpoint)] += rate * share
            if destination.lost:
                rates[service, client, None, Crossing.LOST] += rate * destination.lost
            for start, endpoint, share in destination.legs:
                here = client if start is None else start
                legs[service, here, endpoint, _crossing(here, endpoint)] += rate * share


def _crossing(client: Locality, endpoint: Locality | None) -> Crossing:
    return Crossing.INTERNET if endpoint is None else crossing_of(client, endpoint)


def _ordered(rates: Mapping[_Pair, float]) -> tuple[Flow, ...]:
    found = [
        Flow(host=service[0], cluster=service[1], client=client, endpoint=endpoint, crossing=crossing, rate=rate)
        for (service, client, endpoint, crossing), rate in rates.items()
        if rate
    ]
    order = list(Crossing)
    found.sort(key=lambda each: (each.service, each.client, order.index(each.crossing), each.endpoint or ()))
    return tuple(found)


class _ServiceEndpoints:
    """What the endpoints of one service get, added up."""

    def __init__(self) -> None:
        self._endpoints: dict[str, Endpoint] = {}
        self._pods: dict[str, bool] = {}
        self._seen: set[VisibleEndpoints] = set()
        self._rates: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, destination: Destination, rate: float) -> None:
        """The traffic of clients that share an answer."""
        for name, (endpoint, share) in destination.received.items():
            self._endpoints.setdefault(name, endpoint)
            self._rates[name].append(share * rate)

    def add_candidates(self, route: Route) -> None:
        """What could be chosen on a route."""
        for endpoint, is_pod in candidates(route, self._seen):
            self._endpoints.setdefault(endpoint.id, endpoint)
            self._pods[endpoint.id] = is_pod or self._pods.get(endpoint.id, False)

    def loads(self) -> Mapping[str, EndpointLoad]:
        """The load of each, by id."""
        return {
            name: EndpointLoad(
                endpoint=endpoint,
                rate=fsum(self._rates.get(name, ())),
                is_candidate=endpoint.health.serves and endpoint.weight > 0,
                is_pod=self._pods.get(name, False),
            )
            for name, endpoint in self._endpoints.items()
        }
