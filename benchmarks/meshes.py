"""What do the answers of a whole mesh cost? Tiers and shares are asked for, never a lazy route alone."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import cycle, islice
from typing import Final

from attrs import evolve

from benchmarks.core import ZONE
from benchmarks.fleet import PORT, Fleet, Json, even_fleet, kubernetes_dump, mixed_fleet
from benchmarks.measure import Figure, Scale, compared, size_of, slug, take_turns, timed
from meshtier import Client, Component, EndpointIndex, Mesh, Route, kube
from meshtier.lint import RULES, inspect

_CLUSTERS: Final = 3
"""How many the whole mesh has."""
_NODES: Final = 10
"""How many each of many clusters has."""
_PODS_OF_ONE: Final = 20
"""How many the service has that one route is asked of."""
_ROUTES: Final = 30
"""How many times one route is asked for in a round."""
_DOUBLED: Final = {False: 2.3, True: 4.5}
"""The budget of the last doubling of the clusters, by whether the hosts are global."""


def mesh_of(fleet: Fleet, *besides: Json) -> Mesh:
    """The mesh of a fleet's dumps, with further objects in each; one dump after the other is held in memory."""
    return Mesh(
        cluster
        for number in range(len(fleet.nodes))
        for cluster in kube.load(clusters={f"cluster-{number}": kubernetes_dump(fleet, number, *besides)}).clusters
    )


def tiers_asked(routes: Iterable[Route]) -> int:
    """How many tiers the routes have in all."""
    return sum(len(route.tiers) for route in routes)


def shares_asked(routes: Iterable[Route]) -> int:
    """How many endpoints get traffic on the routes, in all."""
    return sum(share > 0 for route in routes for share in route.shares.values())


def _fresh(mesh: Mesh, ask: Callable[[Iterable[Route]], int], routes: Callable[[Mesh], Iterable[Route]]) -> int:
    # A mesh of its own for each round, so that nothing is answered from what another round has kept.
    return ask(routes(Mesh(mesh.clusters)))


def core_tiers(fleet: Fleet) -> int:
    """How many tiers the core finds: an index for each service, asked from each place of the clusters that have it."""
    tiers = 0
    for service in fleet.services:
        index = EndpointIndex(fleet.endpoints(service))
        for cluster in {pod[0] for pod in service.pods}:
            tiers += sum(len(index.tiers(place, ZONE)) for place in fleet.nodes[cluster])
    return tiers


def whole_mesh(scale: Scale) -> Iterator[Figure]:
    """Every service from every place, with tiers: how long the whole of it takes."""
    fleet = mixed_fleet(clusters=_CLUSTERS, nodes=scale.nodes, services=scale.services, pods=scale.pods)
    mesh = mesh_of(fleet)
    everything = partial(_fresh, mesh, tiers_asked, Mesh.routes)
    times = take_turns(
        timed(everything, collector=True),
        timed(everything),
        timed(partial(core_tiers, fleet), collector=True),
        scale=scale,
        warm=False,
    )
    sizes = f"{scale.services:,} services, {scale.pods:,} pods, {_CLUSTERS * scale.nodes} places"
    name = slug("whole-mesh", scale.services, "services", scale.pods, "pods")
    against = "`EndpointIndex.tiers` alone from these places"
    figure = compared(name, f"`.tiers` of all {mesh.route_count():,} routes of {sizes}", against, times[::2], budget=7)
    yield evolve(figure, absolute=True)
    yield compared(f"{name}-collector-off", "the same without the garbage collector", "with it", (times[1], times[0]))


def linting(scale: Scale) -> Iterator[Figure]:
    """All lint rules over a whole mesh with waypoints and a DestinationRule, beside all of its routes with tiers."""
    fleet = mixed_fleet(clusters=_CLUSTERS, nodes=scale.nodes, services=scale.services, pods=scale.pods, waypoint=True)
    mesh = mesh_of(fleet, RULE)
    times = take_turns(
        timed(lambda: len(inspect(Mesh(mesh.clusters)).rules), collector=True),
        timed(partial(_fresh, mesh, tiers_asked, Mesh.routes), collector=True),
        scale=scale,
        warm=False,
    )
    sizes = f"{scale.services:,} services, {scale.pods:,} pods, {_CLUSTERS * scale.nodes} places"
    name = slug("lint", scale.services, "services", scale.pods, "pods")
    against = f"`.tiers` of all {mesh.route_count():,} routes"
    yield evolve(compared(name, f"all {len(RULES)} lint rules over {sizes}", against, times, budget=20), absolute=True)


def _with_port(mesh: Mesh, hosts: Iterable[str]) -> Iterator[Route]:
    wanted = set(hosts)
    for cluster in mesh.clusters:
        clients = mesh.places(cluster.name).values()
        for host in wanted & set(mesh.hosts(cluster.name)):
            for client in clients:
                yield mesh.route(client, host, component=Component.ZTUNNEL, port=PORT)


def components(scale: Scale) -> Iterator[Figure]:
    """The same of some of the hosts at other components and with a port, beside ztunnel; times are per route."""
    fleet = mixed_fleet(clusters=_CLUSTERS, nodes=scale.nodes, services=scale.services, pods=scale.pods, waypoint=True)
    mesh = mesh_of(fleet)
    hosts = mesh.hosts()[scale.sampled // 2 :: scale.sampled]
    others = (Component.WAYPOINT, Component.SIDECAR, Component.INGRESS_GATEWAY)
    ways: dict[str, Callable[[Mesh], Iterable[Route]]] = {
        str(component): partial(Mesh.routes, component=component, hosts=hosts)
        for component in (Component.ZTUNNEL, *others)
    }
    ways[f"ztunnel, port={PORT}"] = partial(_with_port, hosts=hosts)
    counts = [mesh.route_count(component=component, hosts=hosts) for component in (Component.ZTUNNEL, *others)]
    for word, ask in (("tiers", tiers_asked), ("shares", shares_asked)):
        measures = [timed(partial(_fresh, mesh, ask, way), collector=True) for way in ways.values()]
        ztunnel, *rest = take_turns(*measures, scale=scale, warm=False)
        for way, times, count in zip(list(ways)[1:], rest, (*counts[1:], counts[0]), strict=True):
            yield compared(
                slug(word, way, len(hosts), "hosts", scale.pods, "pods"),
                f"`.{word}` at {way}: {count:,} routes of {len(hosts)} hosts, a mesh of {scale.pods:,} pods",
                f"`.{word}` at ztunnel",
                (times, ztunnel),
                calls=(count, counts[0]),
                budget=3,
            )


HOST: Final = "service-0.team-0.svc.cluster.local"
"""The host that one route is asked of; the next is one with a rule."""
RULED: Final = "service-1.team-1.svc.cluster.local"
RULE: Final[Json] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "service-1", "namespace": "team-1"},
    "spec": {
        "host": RULED,
        "trafficPolicy": {
            "outlierDetection": {"consecutive5xxErrors": 5, "minHealthPercent": 50},
            "loadBalancer": {"localityLbSetting": {"enabled": True}},
        },
        "subsets": [{"name": "all", "labels": {"app": "service-1"}}],
    },
}
"""A rule with a subset, and with a threshold that keeps unready endpoints from Envoys."""


def tiers_from(mesh: Mesh, clients: Iterable[Client], *, host: str = HOST, port: int | None = None) -> int:
    """How many tiers *host* has at ztunnel from each client, in all."""
    return tiers_asked(mesh.route(client, host, component=Component.ZTUNNEL, port=port) for client in clients)


def tiers_at_sidecars(mesh: Mesh, clients: Iterable[Client], *, host: str = HOST, subset: str | None = None) -> int:
    """How many tiers *host* has at a sidecar of each client, in all."""
    return tiers_asked(mesh.route(client, host, component=Component.SIDECAR, subset=subset) for client in clients)


def tiers_from_names(mesh: Mesh, clients: Iterable[Client]) -> int:
    """How many tiers there are where each client is given by its name."""
    names = (client.name.removeprefix("Pod ") for client in clients)
    return tiers_asked(mesh.route(name, HOST, component=Component.ZTUNNEL) for name in names)


def shares_from(mesh: Mesh, clients: Iterable[Client]) -> int:
    """How many endpoints get traffic of each client through the waypoint, in all."""
    return shares_asked(mesh.route(client, HOST, component=Component.WAYPOINT) for client in clients)


QUESTIONS: Final[dict[str, Callable[[Mesh, Iterable[Client]], int]]] = {
    "ztunnel": tiers_from,
    "ztunnel, client by name": tiers_from_names,
    "ztunnel, a port": partial(tiers_from, port=PORT),
    "waypoint": shares_from,
    "sidecar": tiers_at_sidecars,
    "sidecar, a subset": partial(tiers_at_sidecars, host=RULED, subset="all"),
    "sidecar, unready left out": partial(tiers_at_sidecars, host=RULED),
}
"""What one route is asked for, by what the table calls it."""


def one_of_many(pods: int) -> Fleet:
    """A cluster of so many pods with services of the same few, so that a larger one has more services."""
    # A mode would keep unready endpoints in, whatever the rule says.
    modes = ("PreferSameZone", "")
    return even_fleet(nodes=100, services=max(2, pods // _PODS_OF_ONE), pods=pods, modes=modes, waypoint=True)


def one_route(scale: Scale) -> Iterator[Figure]:
    """One route that is not the first to its host, in a small and in a large cluster."""
    large, small = (mesh_of(one_of_many(pods), RULE) for pods in (scale.large, scale.small))
    for name, question in QUESTIONS.items():
        what = f"{name}: a service of {_PODS_OF_ONE} pods among {scale.large:,}"
        yield _one_route(slug("route", name, scale.large), what, question, large, small, scale)
    # The same where the pods are those of the service itself.
    large, small = (mesh_of(even_fleet(nodes=100, services=1, pods=pods)) for pods in (scale.large, scale.small))
    for name in ("ztunnel", "ztunnel, a port"):
        what = f"{name}: a service of {scale.large:,} pods"
        yield _one_route(slug("route-to-all", name, scale.large), what, QUESTIONS[name], large, small, scale)


def _one_route(
    name: str, what: str, question: Callable[[Mesh, Iterable[Client]], int], large: Mesh, small: Mesh, scale: Scale
) -> Figure:
    works = [
        partial(question, mesh, list(islice(cycle(mesh.places("cluster-0").values()), _ROUTES)))
        for mesh in (large, small)
    ]
    times = take_turns(*map(timed, works), scale=scale)
    return compared(name, what, f"{scale.small:,}", times, calls=(_ROUTES, _ROUTES), budget=1.3)


def many_clusters(scale: Scale) -> Iterator[Figure]:
    """All routes of more and more clusters with tiers, each number of clusters beside the one before it."""
    for is_global in (False, True):
        yield from _doubled(scale, is_global=is_global)
        yield from _kept(scale, is_global=is_global)


def _even_mesh(clusters: int, services: int, pods: int, *, is_global: bool) -> Mesh:
    return mesh_of(even_fleet(clusters=clusters, nodes=_NODES, services=services, pods=pods, is_global=is_global))


def _hosts(mesh: Mesh, *, is_global: bool) -> list[str]:
    # A global service also has a local host, which is of the other kind.
    return [host for host in mesh.hosts() if host.endswith(".mesh.internal") is is_global]


def _doubled(scale: Scale, *, is_global: bool) -> Iterator[Figure]:
    mesh = _even_mesh(scale.clusters[-1], scale.cluster_services, scale.cluster_pods, is_global=is_global)
    meshes = [Mesh(mesh.clusters[:number]) for number in scale.clusters]
    hosts = _hosts(mesh, is_global=is_global)
    routes = partial(Mesh.routes, hosts=hosts)
    works = [partial(_fresh, each, tiers_asked, routes) for each in meshes]
    times = take_turns(*(timed(work, collector=True) for work in works), scale=scale, warm=False)
    kind = "global" if is_global else "local"
    sizes = f"{scale.cluster_pods:,} pods and {scale.cluster_services} {kind} services"
    for place in range(1, len(scale.clusters)):
        before, number = scale.clusters[place - 1 : place + 1]
        yield compared(
            slug("clusters", number, kind, scale.cluster_pods, "pods"),
            f"`.tiers` of all {meshes[place].route_count(hosts=hosts):,} routes, {number} clusters of {sizes} each",
            f"{before} cluster{'s' * (before > 1)}",
            (times[place], times[place - 1]),
            budget=_DOUBLED[is_global] if number == scale.clusters[-1] else None,
        )


def _kept(scale: Scale, *, is_global: bool) -> Iterator[Figure]:
    # A tenth of the size, since watching memory makes everything several times as slow.
    services, pods = max(1, scale.cluster_services // 10), scale.cluster_pods // 10
    mesh = _even_mesh(scale.clusters[-1], services, pods, is_global=is_global)
    hosts, kind = _hosts(mesh, is_global=is_global), "global" if is_global else "local"

    def kept(number: int) -> int:
        asked = Mesh(mesh.clusters[:number])
        return size_of(lambda: tiers_asked(asked.routes(hosts=hosts)))[0]

    before, number = scale.clusters[-2:]
    more, less = kept(number), kept(before)
    yield Figure(
        name=slug("clusters-memory", number, kind, pods, "pods"),
        what=f"memory kept after all that, {number} clusters of {pods:,} pods and {services} {kind} services",
        value=more,
        unit="B",
        against=f"{before} clusters",
        baseline=less,
        ratio=more / less,
    )
