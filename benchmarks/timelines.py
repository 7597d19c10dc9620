"""What does an hour cost that never passes? Simulations, beside a detector that is told of each request."""

from collections.abc import Iterator
from functools import partial
from itertools import product
from random import Random
from typing import Any, Final

from attrs import evolve

from benchmarks.fleet import Json, even_fleet
from benchmarks.measure import Figure, Scale, compared, slug, take_turns, timed
from benchmarks.meshes import mesh_of
from meshtier import Component, Mesh
from meshtier.mesh import Workload
from meshtier.simulate import OK, Answer, OutlierDetector, OutlierSettings, Scenario, Timeline, simulate

HOST: Final = "service-0.team-0.svc.cluster.local"
RULE: Final[Json] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "service-0", "namespace": "team-0"},
    "spec": {
        "host": HOST,
        "trafficPolicy": {"outlierDetection": {"maxEjectionPercent": 50, "minHealthPercent": 0}},
    },
}
SUBJECTS: Final = ("pod", "zone", "cluster")
FAULTS: Final[dict[str, Json]] = {"answers 500": {"answers": 500}, "fails 30 %": {"fails": 0.3}}
"""What begins after a tenth of the time and goes on to the end; to fail a part of the requests needs chance."""

_HOSTS: Final = 100
_PODS: Final = 111
"""One in ten is not ready, which leaves the hosts."""
_RATE: Final = 1_000
_SECONDS: Final = {True: 5.0, False: 0.1}
"""The budget of an hour, by whether chance is needed."""
_ONE_BY_ONE: Final = 20_000
"""How many requests the detector of the baseline is told of."""


def simulations(scale: Scale) -> Iterator[Figure]:
    """A span at 1,000 requests a second over 100 hosts; times are per request of the clients."""
    mesh = mesh_of(even_fleet(nodes=12, services=1, pods=_PODS), RULE)
    requests = scale.simulated * _RATE
    for (fault, answers), subject in product(FAULTS.items(), SUBJECTS):
        name, event = f"a {subject} {fault}", {subject: named(mesh, subject), **answers}
        times = take_turns(
            timed(partial(simulated, mesh, event, scale.simulated)), timed(detected_one_by_one), scale=scale
        )
        # Where all fail without chance, thousands are ejected and come back: that is what it costs.
        budget = None if subject == "cluster" and "fails" not in event else _SECONDS["fails" in event]
        figure = compared(
            slug("simulate", name),
            f"{scale.simulated // 60} min, {_RATE:,}/s, {_HOSTS} hosts: {name}",
            "a detector that is told of each request",
            times,
            calls=(requests, _ONE_BY_ONE),
            budget=None if budget is None else budget / (3_600 * _RATE),
        )
        yield evolve(figure, absolute=True)


def named(mesh: Mesh, subject: str) -> str:
    """The client's own pod, zone or cluster."""
    client = client_of(mesh)
    return {"pod": f"{client.namespace}/{client.name}", "zone": client.place.locality.zone, "cluster": client.cluster}[
        subject
    ]


def client_of(mesh: Mesh) -> Workload:
    """The first pod, which is ready."""
    return next(iter(mesh.clusters[0].workloads.values()))


def simulated(mesh: Mesh, event: Json, seconds: int) -> Timeline:
    """The timeline of one event that begins after a tenth of the time."""
    events: list[dict[str, Any]] = [{"at": f"{seconds // 10}s", **event}]
    scenario = Scenario.from_mapping({"rate": f"{_RATE}/s", "for": f"{seconds}s", "events": events})
    return simulate(mesh, client_of(mesh), HOST, scenario, component=Component.SIDECAR, random=Random(1))


def detected_one_by_one() -> int:
    """How many events come of requests of which each is handed to a detector: all hosts in turn, one of which fails."""
    hosts = [f"host-{number}" for number in range(_HOSTS)]
    detector = OutlierDetector(OutlierSettings(max_ejection_percent=50), dict.fromkeys(hosts, "here"))
    served, failed = OK, Answer(500)
    seen = 0
    for number in range(_ONE_BY_ONE):
        at = number / _RATE
        seen += len(detector.advance(at))
        seen += len(detector.observe(at, hosts[number % _HOSTS], failed if number % _HOSTS == 0 else served))
    return seen
