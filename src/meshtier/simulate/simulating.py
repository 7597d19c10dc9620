"""What happens when? One run of a scenario, or many."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from random import Random

from meshtier.component import Component
from meshtier.errors import InvalidValueError, check_int, check_type
from meshtier.locality import Locality
from meshtier.mesh import Client, Mesh, Route, Workload
from meshtier.mesh.changes import is_gone
from meshtier.mesh.outcome import by_weight
from meshtier.note import Note
from meshtier.profile import SOLO, Profile
from meshtier.simulate.answer import Answer
from meshtier.simulate.engine import Engine, Setting
from meshtier.simulate.proxies import Proxy, ProxyTree, proxies_of
from meshtier.simulate.samples import Samples
from meshtier.simulate.scenario import Scenario
from meshtier.simulate.timeline import Timeline
from meshtier.simulate.world import World

ClientLike = Client | Workload | Locality | str
"""What `Mesh.client` takes."""


def simulate(
    mesh: Mesh,
    client: ClientLike | Sequence[ClientLike],
    host: str,
    scenario: Scenario,
    *,
    component: Component | None = None,
    profile: Profile = SOLO,
    cluster: str | None = None,
    port: int | None = None,
    subset: str | None = None,
    random: Random | None = None,
    progress: Callable[[float], None] | None = None,
) -> Timeline:
    """What happens to the traffic of a client in the course of a scenario, by all proxies on the way.

    Requests of all clients together come evenly at the scenario's rate. To each
    endpoint they come evenly too; the first request of a fault comes as it begins. So
    where every endpoint answers in one way between two events, nothing is left to
    chance (SIM-4). What begins at one moment goes in the order of SIM-1: the world,
    requests, sweeps, deliveries to the balancer. The sweeps of an Envoy come at the
    multiples of its interval. Requests take no time, are not sent again where they
    fail, and each is a connection of its own at a ztunnel.

    Args:
        mesh: As it is at first.
        client: Where the traffic comes from, as `Mesh.client` takes it; or several
            that send alike.
        host: As `Mesh.route` takes it, and the same goes for *component*,
            *profile*, *cluster*, *port* and *subset*.
        scenario: What happens.
        random: The chance, where an endpoint that an Envoy watches fails a part of
            its requests. The same seed gives the same timeline. ``None`` where none may be needed.
        progress: Called now and then with the part that is done.

    Raises:
        UnknownNameError: The scenario, the client or the host names nothing known.
        InvalidValueError: A client is gone in the course of the scenario, no choice is
            made for the host, or chance is needed and there is none.

    Cost: O(n) in the host's endpoints for each change of the world or of what a balancer
    knows; without chance nothing for a request.
    """
    setting = _setting(
        mesh,
        client,
        host,
        scenario,
        component=component,
        profile=profile,
        cluster=cluster,
        port=port,
        subset=subset,
        progress=progress,
    )
    return Engine(setting, random).run()


def sample(
    mesh: Mesh,
    client: ClientLike | Sequence[ClientLike],
    host: str,
    scenario: Scenario,
    *,
    random: Random,
    runs: int,
    component: Component | None = None,
    profile: Profile = SOLO,
    cluster: str | None = None,
    port: int | None = None,
    subset: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Samples:
    """Several runs of one scenario, each with a chance of its own.

    Args:
        mesh: See `simulate`, as for all that is not said here.
        client: See there.
        host: See there.
        scenario: See there.
        random: The chance that all others come from.
        runs: How many.
        component: See there.
        profile: See there.
        cluster: See there.
        port: See there.
        subset: See there.
        progress: Called with the part of all runs that is done.

    Raises:
        UnknownNameError: As there.
        InvalidValueError: As there; or *runs* is no number from 1 on.
    """
    check_int(runs, "runs", least=1, most=1_000_000)
    check_type(random, Random, "random", what="a random.Random")
    setting = _setting(
        mesh,
        client,
        host,
        scenario,
        component=component,
        profile=profile,
        cluster=cluster,
        port=port,
        subset=subset,
        progress=None,
    )

    def each() -> Iterator[Timeline]:
        for number in range(runs):
            yield Engine(setting, Random(random.getrandbits(64))).run()  # noqa: S311  # no secret
            if progress is not None:
                progress((number + 1) / runs)

    return Samples(timelines=each())


def _setting(
    mesh: Mesh,
    client: ClientLike | Sequence[ClientLike],
    host: str,
    scenario: Scenario,
    *,
    component: Component | None,
    profile: Profile,
    cluster: str | None,
    port: int | None,
    subset: str | None,
    progress: Callable[[float], None] | None,
) -> Setting:
    check_type(mesh, Mesh, "mesh")
    check_type(scenario, Scenario, "scenario")
    given = [client] if isinstance(client, str | Client | Workload | Locality) else list(client)
    if not given:
        raise InvalidValueError("expected a client or several, got none", "client")
    clients = tuple(mesh.client(each, cluster=cluster) for each in given)
    kept: dict[tuple[int, str], Route] = {}

    def ask(now: Mesh, who: Client) -> Route:
        key = id(now), who.name
        if key not in kept:
            kept[key] = now.route(who, host, component=component, profile=profile, port=port, subset=subset)
        return kept[key]

    if scenario.connections is not None and not profile.ztunnels_detect_failures:
        text = f"expected None under {profile.name}, whose ztunnels detect no failed connections, got limits"
        raise InvalidValueError(text, "connections")
    world = World(mesh, scenario)
    duration = scenario.length
    routes = [ask(mesh, each) for each in clients]
    for route in routes:
        if route.passthrough:
            text = f"expected a host for which an endpoint is chosen, got {route.host}: {route.passthrough}"
            raise InvalidValueError(text, "host")
    _check_clients(world, mesh, clients, duration)
    return Setting(
        world=world,
        clients=clients,
        ask=ask,
        profile=profile,
        duration=duration,
        connections=scenario.connections,
        notes=tuple(_notes(routes, world, scenario, profile)),
        progress=progress,
    )


def _check_clients(world: World, mesh: Mesh, clients: Iterable[Client], duration: float) -> None:
    """Refuse a scenario that takes a client away: of what is not there, nothing can be said."""
    for at in world.moments:
        now = world.mesh(at)
        for client in clients if at < duration else ():
            if is_gone(client, mesh.clusters, now.clusters):
                raise InvalidValueError(
                    f"expected a client that stays, got {client}, which is gone at {at:g} s", "client"
                )


def _notes(routes: Sequence[Route], world: World, scenario: Scenario, profile: Profile) -> Iterator[Note]:
    """What a reader of the timeline should know."""
    for event in scenario.events:
        if event.at >= scenario.length:
            yield Note("event-after-end", f"{event} at {event.at:g} s, and the timeline ends at {scenario.length:g} s")
    named = [(event, ids) for event, ids in world.of_named_pods() if event.answers is not None]
    answers = [event.answers for event in scenario.events if event.answers is not None and event.answers.fails]
    if not named and not answers:
        return
    nobody = ProxyTree(lambda _: routes[0])
    proxies = [proxy for route in routes for proxy in proxies_of(nobody.of(route, ""))]
    on_the_way = _on_the_way(proxies) if named else frozenset[str]()
    for event, ids in named:
        if on_the_way.isdisjoint(ids):
            text = (
                f"{event} at {event.at:g} s, and it is no endpoint of {routes[0].host} and no waypoint on the way there"
            )
            yield Note("event-elsewhere", f"{text}: nothing comes of it; a gateway is named as such (gateway)")
    if answers:
        yield from _answer_notes(answers, proxies, scenario, profile)


def _on_the_way(proxies: Iterable[Proxy]) -> AbstractSet[str]:
    """The pods that may get requests, ready or not, by id."""
    found = set[str]()
    for proxy in proxies:
        found.add(proxy.workload)
        known = proxy.route.visible.network_endpoints
        told = (*proxy.route.endpoints, *(each.endpoint for each in proxy.route.excluded))
        for endpoint in told:
            found.add(endpoint.id)
            found.update(final for (_, final), _ in by_weight(endpoint.id, known.get(endpoint.id)))
    return found


def _answer_notes(
    answers: Sequence[Answer], proxies: Sequence[Proxy], scenario: Scenario, profile: Profile
) -> Iterator[Note]:
    """What a reader should know where requests fail."""
    at_ztunnel = [proxy for proxy in proxies if not proxy.is_envoy and not proxy.ways]
    watched = any(proxy.is_envoy and proxy.route.effective_rule.outlier_detection is not None for proxy in proxies)
    if at_ztunnel and any(answer.connects for answer in answers):
        yield Note(
            "status-unseen", "an endpoint that accepts connections stays in use at a ztunnel, whatever it answers"
        )
    if at_ztunnel and any(not answer.connects for answer in answers):
        if profile.ztunnels_detect_failures and scenario.connections is None:
            text = "ztunnel detects failed connections on its own, with constants that are not published"
            yield Note("connections-not-computed", f"{text}: say what to assume (connections), or failures go on here")
        elif scenario.connections is not None:
            yield Note("connections-assumed", "the limits of ztunnel's outlier detection are the caller's assumption")
    if watched and any(answer.status is None or answer.status == 503 for answer in answers):
        text = "requests are not sent again here, and Istio's Envoys do so where no connection was made"
        yield Note("retries-left-out", f"{text}: clients see fewer errors, and endpoints more requests")
    if not watched and any(proxy.is_envoy for proxy in proxies):
        yield Note("nobody-detects", "no outlierDetection is in force, so that nothing is ever ejected")
