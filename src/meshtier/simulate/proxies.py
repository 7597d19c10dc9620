"""Who chooses on the way, and what comes of it? The proxies between a client and the endpoints of a host."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from attrs import evolve, frozen

from meshtier.dataplane import LocalityGroup, Shares
from meshtier.dataplane.envoy import spread_over
from meshtier.dataplane.settings import site_of
from meshtier.endpoint import Health
from meshtier.locality import Locality
from meshtier.mesh import DirectRoute, Route, WaypointRoute
from meshtier.mesh.outcome import by_weight
from meshtier.simulate.answer import OK, REFUSED, TIMED_OUT, Answer
from meshtier.simulate.connection_shares import connection_shares
from meshtier.simulate.watched_host import ToldHost
from meshtier.simulate.world import SERVED, Answers, Behaviour

ProxyKey: TypeAlias = tuple[str, str, str]
"""The component, who it is, and the network endpoint through which traffic comes to it, ``""`` for none."""

LOST: Final = Answer(503)
"""What an Envoy answers where it has no host (LOAD-3)."""


@frozen(kw_only=True, eq=False)
class Way:
    """What becomes of the traffic to one endpoint that stands for more.

    Attributes:
        share: What part of it comes by here.
        proxy: Who chooses next; ``None`` if nobody does.
        lost: Why it is lost here; ``""`` if it is not.
    """

    share: float
    proxy: "Proxy | None" = None
    lost: str = ""


@frozen(kw_only=True, eq=False)
class Proxy:
    """One choice on the way.

    Attributes:
        key: What tells it from the others, also after the mesh has changed.
        name: What to call it.
        workload: The id of its pod, where that is one of the mesh's; ``""`` if not.
        route: What it chooses from, before anything is ejected.
        ways: What is behind the endpoints that it is told of and that are not the last ones.
    """

    key: ProxyKey
    name: str
    workload: str
    route: DirectRoute
    ways: Mapping[str, Sequence[Way]]

    @property
    def is_envoy(self) -> bool:
        """Whether it spreads as an Envoy does, request by request."""
        return self.route.component.traits.spreads_by == "envoy"

    @property
    def hosts(self) -> Mapping[str, Hashable]:
        """The endpoints that it is told of, each with its locality; for an Envoy with all that its detector asks."""
        if self.is_envoy:
            return {
                each.id: ToldHost(site_of(group.locality), group.priority, (each.health, each.weight))
                for group in self.route.selection.groups
                for each in group.endpoints
            }
        return {each.id: each.locality for tier in self.route.selection.tiers for each in tier.endpoints}

    def shares(self, unusable: frozenset[str], weights: Mapping[str, float]) -> Shares:
        """The share of each endpoint, where some are ejected (LOAD-1, LOAD-2). Cost: O(n) where any is."""
        told = self.route.outcome.told
        if not unusable and not weights:
            return told
        selection = self.route.selection
        others = [exclusion.endpoint.id for exclusion in selection.excluded]
        if not self.is_envoy:
            return connection_shares(selection.tiers, unusable, weights, others).shares
        groups = tuple(_ejected(group, unusable) for group in selection.groups)
        return spread_over(groups, selection.envoy, others).shares


def _ejected(group: LocalityGroup, unusable: frozenset[str]) -> LocalityGroup:
    """The group with the ejected endpoints as unhealthy, which is what they are to the balancer (SIM-2)."""
    if not any(each.id in unusable for each in group.endpoints):
        return group
    found = tuple(evolve(each, health=Health.UNHEALTHY) if each.id in unusable else each for each in group.endpoints)
    return LocalityGroup.trusted(group.priority, group.locality, group.weight or 0, found)


class ProxyTree:
    """The proxies between a client and the last endpoints, made of a route.

    Args:
        at_pod: Gives what a waypoint's pod makes of the traffic, where the route
            does not hold it because the pod gets none yet.
    """

    def __init__(self, at_pod: Callable[[str], Route]) -> None:
        self._at_pod = at_pod

    def of(self, route: Route, by: str, through: str = "") -> Proxy:
        """The first proxy of a route, with those behind it.

        Args:
            route: The route.
            by: Who starts it.
            through: The network endpoint through which the traffic comes; ``""`` for none.
        """
        match route:
            case WaypointRoute():
                return self._to_waypoint(route, by, through)
            case DirectRoute():
                return self._direct(route, by, through)
            case _:
                raise TypeError(route)

    def _to_waypoint(self, route: WaypointRoute, by: str, through: str) -> Proxy:
        first = route.to_waypoint
        at_pods = {hop.by: hop.route for hop in route.pods.hops}
        ways: dict[str, Sequence[Way]] = {}
        for pod in first.outcome.told:
            if first.known[pod].behind:
                ways[pod] = (Way(share=1.0, lost=f"the waypoint's pods behind {pod} are not in the input"),)
                continue
            if pod in at_pods:
                ways[pod] = (Way(share=1.0, proxy=self._direct(at_pods[pod], pod, through)),)
            elif first.known[pod].endpoint.health.serves and isinstance(other := self._at_pod(pod), DirectRoute):
                # It gets nothing today. Behind a gateway it would choose in its own network alone (NET-5), and its own
                # route has other networks: to follow them would lead here again, and never end.
                proxy = self._proxy(other, pod, through, {}) if through else self._direct(other, pod, through)
                ways[pod] = (Way(share=1.0, proxy=proxy),)
        return self._proxy(first, by, through, ways)

    def _direct(self, route: DirectRoute, by: str, through: str) -> Proxy:
        ways: dict[str, Sequence[Way]] = {}
        for name, hops in route.outcome.behind.items():
            behind = name if not through else f"{through}, {name}"
            ways[name] = tuple(
                Way(share=hop.share or 1.0, lost=f"at {hop.by}: {hop.lost}")
                if hop.lost
                else Way(share=hop.share, proxy=self.of(hop.route, hop.by, behind))
                for hop in hops
            )
        return self._proxy(route, by, through, ways)

    @staticmethod
    def _proxy(route: DirectRoute, by: str, through: str, ways: Mapping[str, Sequence[Way]]) -> Proxy:
        component = route.component.value
        workload = route.client.workload
        return Proxy(
            key=(component, by, through),
            name=f"{component} {by}" if workload is not None and workload.id == by else f"{component} of {by}",
            workload=workload.id if workload is not None and workload.id == by else "",
            route=route,
            ways=ways,
        )


def proxies_of(first: Proxy) -> Iterator[Proxy]:
    """A proxy and all behind it; one that is reached twice comes twice."""
    yield first
    for ways in first.ways.values():
        for way in ways:
            if way.proxy is not None:
                yield from proxies_of(way.proxy)


Belief: TypeAlias = Callable[[Proxy], Shares]
"""How a proxy spreads its traffic over the endpoints that it is told of, at the moment."""


@frozen(kw_only=True, eq=False)
class Edge:
    """What a proxy sends to one endpoint that it is told of.

    Attributes:
        share: What part of its traffic.
        answers: How requests end there, all that is behind it included.
        ends: How they end there as far as they come no further.
        passed: What part of them comes further.
    """

    share: float
    answers: Answers
    ends: Answers
    passed: float = 0.0


@frozen(kw_only=True, eq=False)
class Flow:
    """What becomes of the traffic that comes to one proxy, as parts of it.

    Attributes:
        finals: What part each last endpoint gets, by id; what gets none is left out.
        failing: What part of all traffic they do not serve, by id.
        lost: What part finds no endpoint, by reason.
        answers: What the one that sends here sees.
        edges: What it sends to each endpoint that it is told of, by id; what finds none under ``""``.
    """

    finals: Mapping[str, float]
    failing: Mapping[str, float]
    lost: Mapping[str, float]
    answers: Answers
    edges: Mapping[str, Edge]


class Flows:
    """What becomes of traffic at each proxy, at one moment.

    Args:
        behaviour: What pods and gateways do.
        belief: How each proxy spreads.
    """

    def __init__(self, behaviour: Behaviour, belief: Belief) -> None:
        self._behaviour = behaviour
        self._belief = belief
        self._found: dict[ProxyKey, Flow] = {}

    def of(self, proxy: Proxy) -> Flow:
        """The flow at a proxy. Cost: O(n) in the endpoints of the proxies behind it, once each."""
        found = self._found.get(proxy.key)
        if found is None:
            found = self._found[proxy.key] = self._flow(proxy)
        return found

    def _flow(self, proxy: Proxy) -> Flow:
        shares = self._belief(proxy)
        sums = _Sums()
        edges = {name: self._edge(proxy, name, share, sums) for name, share in shares.items() if share}
        lost = 1.0 - sum(edge.share for edge in edges.values())
        if lost > _NEGLIGIBLE:
            sums.lose(shares.reason or "no endpoint is left to choose from", lost)
            none: Answers = {LOST if proxy.is_envoy else REFUSED: 1.0}
            edges[""] = Edge(share=lost, answers=none, ends=none)
        answers: defaultdict[Answer, float] = defaultdict(float)
        for edge in edges.values():
            for answer, part in edge.answers.items():
                answers[_passed_on(answer) if proxy.is_envoy else answer] += edge.share * part
        return Flow(finals=sums.finals, failing=sums.failing, lost=sums.lost, answers=dict(answers), edges=edges)

    def _edge(self, proxy: Proxy, name: str, share: float, sums: "_Sums") -> Edge:
        """What becomes of the part that goes to one endpoint; adds it up."""
        ways = proxy.ways.get(name, ())
        own = self._answers_at(proxy, name, passes_on=bool(ways))
        if ways:
            return self._behind(name, share, own, ways, sums)
        found: defaultdict[Answer, float] = defaultdict(float)
        for (_, final), part in by_weight(name, proxy.route.visible.network_endpoints.get(name)):
            answers = own if final == name else _both(own, self._behaviour.of(final))
            sums.add(final, share * part, sum(each for answer, each in answers.items() if answer.fails))
            for answer, each in answers.items():
                found[answer] += part * each
        return Edge(share=share, answers=dict(found), ends=dict(found))

    def _behind(self, name: str, share: float, own: Answers, ways: Sequence[Way], sums: "_Sums") -> Edge:
        """The same where others choose behind it."""
        served = own.get(OK, 0.0)
        sums.lose(f"{name} does not serve", share * (1.0 - served))
        ends = defaultdict(float, {answer: part for answer, part in own.items() if answer != OK})
        answers = ends.copy()
        passed = 0.0
        for way in ways:
            part = way.share * served
            if way.proxy is None:
                sums.lose(way.lost, share * part)
                ends[REFUSED] += part
                answers[REFUSED] += part
                continue
            flow = self.of(way.proxy)
            sums.join(flow, share * part)
            passed += part
            for answer, each in flow.answers.items():
                answers[answer] += part * each
        ends[OK] += passed
        return Edge(share=share, answers=_clean(answers), ends=_clean(ends), passed=passed)

    def _answers_at(self, proxy: Proxy, name: str, *, passes_on: bool) -> Answers:
        """What an endpoint does with requests, before what is behind it."""
        each = proxy.route.visible.network_endpoints.get(name)
        if each is not None and each.gateway is not None:
            return self._behaviour.at(proxy.route.visible.viewpoint.cluster, each.gateway)
        return self._behaviour.of_proxy(name) if passes_on else self._behaviour.of(name)


_NEGLIGIBLE: Final = 1e-12


class _Sums:
    def __init__(self) -> None:
        self.finals: defaultdict[str, float] = defaultdict(float)
        self.failing: defaultdict[str, float] = defaultdict(float)
        self.lost: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, share: float, failing: float) -> None:
        self.finals[name] += share
        if failing:
            self.failing[name] += share * failing

    def lose(self, reason: str, share: float) -> None:
        if share > _NEGLIGIBLE:
            self.lost[reason] += share

    def join(self, flow: Flow, share: float) -> None:
        pairs = (self.finals, flow.finals), (self.failing, flow.failing), (self.lost, flow.lost)
        for mine, its in pairs if share > _NEGLIGIBLE else ():
            for name, part in its.items():
                mine[name] += share * part


def _clean(answers: Answers) -> Answers:
    """Without what only rounding has left."""
    found = {answer: part for answer, part in answers.items() if part > _NEGLIGIBLE}
    return {next(iter(found)): 1.0} if len(found) == 1 else found


def _both(first: Answers, then: Answers) -> Answers:
    """What comes of two in a row, of which either can fail."""
    if then is SERVED:
        return first
    served = first.get(OK, 0.0)
    found = {answer: part for answer, part in first.items() if answer != OK}
    for answer, part in then.items():
        found[answer] = found.get(answer, 0.0) + served * part
    return found


def _passed_on(answer: Answer) -> Answer:
    """What an Envoy answers to the one before it: 503 where it gets no connection, 504 where it gets no answer."""
    if answer == REFUSED:
        return Answer(503)
    return Answer(504) if answer == TIMED_OUT else answer


def places_of(proxies: Iterable[Proxy]) -> Mapping[str, Locality]:
    """Where each endpoint is that a proxy knows, by id; a last one where its own side says that it is."""
    found: dict[str, Locality] = {}
    for proxy in proxies:
        for name, each in proxy.route.known.items():
            found.setdefault(name, each.endpoint.locality)
    return found
