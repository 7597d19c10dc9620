"""Meshes by chance, from fixed seeds: what the real Envoy does is what `Route` says."""

from collections.abc import Iterator, Sequence
from itertools import count as counting
from itertools import islice
from random import Random
from typing import Any, Final

import pytest
from attrs import evolve
from tests.integration.compare import assert_shares, percentages
from tests.integration.conftest import Serve

from meshtier.component import Component
from meshtier.dataplane import LbPolicy
from meshtier.endpoint import Health
from meshtier.labels import Labels
from meshtier.locality import Locality
from meshtier.mesh import Backend, Cluster, Mesh, PeeringGateway, Place, Route, Service, ServiceScope, Workload
from meshtier.profile import PROFILES
from meshtier.rules import DestinationRule

pytestmark = pytest.mark.envoy

HOST: Final = "web.shop.mesh.internal"
REGIONS: Final = ("r1", "r1", "r2", "r3")
SICK: Final = (Health.UNHEALTHY,)
LABELS: Final = (
    "topology.istio.io/network",
    "topology.istio.io/cluster",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.istio.io/subzone",
    "kubernetes.io/hostname",
    "rack",
    "rack=1",
    "topology.kubernetes.io/region=r2",
)
MODES: Final = (
    None,
    "PreferSameNode",
    "PreferSameZone",
    "Any",
    "PreferNetwork",
    "PreferRegion",
    "PreferSameZone",
    "PreferSameNode",
)


def some_route(seed: int, *, ailing: Sequence[Health]) -> Route:
    """A route from a client to a global service of one or two clusters, in one network or two.

    On some nodes nearly every pod is in one of the states *ailing*, on others hardly any.
    """
    random = Random(seed)  # the same meshes each time are what is wanted
    names = ["east", "west"][: random.choice([1, 2, 2])]
    networks = random.choice([["net", "net"], ["net-1", "net-2"]])
    annotation, policy = random.choice(MODES), some_policy(random)
    clusters: list[Cluster] = []
    for name, network in zip(names, networks, strict=False):
        nodes = [
            (
                Place(
                    Locality(network, random.choice(REGIONS), random.choice("ab"), random.choice(["", "s"]), f"n{n}")
                ),
                random.choice([0.1, 0.5, 0.9]),
            )
            for n in range(random.randint(1, 4))
        ]
        pods = [
            Workload(
                cluster=name,
                namespace="shop",
                name=f"web-{number}",
                place=place,
                envoy_place=place,
                labels=Labels({"app": "web", "rack": random.choice("12")}),
                addresses=("192.0.2.1",),
                health=random.choice(ailing) if random.random() < sick else Health.HEALTHY,
                weight=random.choice([1, 1, 1, 2, 5]),
            )
            for number in range(random.randint(1, 12))
            for place, sick in [random.choice(nodes)]
        ]
        gateway = PeeringGateway(
            name=f"to-{name}",
            remote=False,
            cluster=name,
            place=Place(Locality(network, nodes[0][0].locality.region, "a")),
        )
        service = Service(
            cluster=name,
            namespace="shop",
            name="web",
            hosts=("web.shop.svc.cluster.local",),
            annotation=annotation,
            scope=ServiceScope.GLOBAL,
            ports=((80, "http"),),
            backends=tuple(Backend(pod.key, pod.health) for pod in pods),
        )
        clusters.append(
            Cluster(
                name=name,
                network=network,
                workloads=tuple(pods),
                services=(service,),
                # Behind several gateways a weight is divided after a common scale (NET-1).
                gateways=(gateway, evolve(gateway, name=f"also-to-{name}"))[: random.choice([1, 1, 2])],
                destination_rules=() if policy is None else (rule(policy),),
            )
        )
    near = list(clusters[0].workloads.values())
    # Beside a pod that ails, traffic has a reason to go elsewhere.
    client = random.choice([pod for pod in near if pod.health is not Health.HEALTHY] or near)
    profile = random.choice(list(PROFILES.values()))
    return Mesh(clusters).route(client, HOST, component=Component.SIDECAR, profile=profile)


def some_policy(random: Random) -> dict[str, Any] | None:
    """No DestinationRule, or one of every kind."""
    detection = {"outlierDetection": {"maxEjectionPercent": 100}}
    priority = {"failoverPriority": random.sample(LABELS, random.randint(1, 4))}
    failover = {"failover": [{"from": "r1", "to": "r2"}, {"from": "r2", "to": "r3"}]}
    settings = [
        priority,
        priority,
        failover,
        {"enabled": True},
        {"enabled": False},
        {"distribute": [{"from": "*", "to": {"r1/a/*": 60, "r1/b/*": 30, "r2/*": 10}}]},
    ]
    setting = {"loadBalancer": {"localityLbSetting": random.choice(settings)}}
    return random.choice([None, None, detection, setting | detection, setting | detection, setting])


def rule(policy: dict[str, Any]) -> DestinationRule:
    spec = {"host": HOST, "trafficPolicy": policy}
    return DestinationRule.from_mapping({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec})


def spilling_seeds(count: int) -> Iterator[int]:
    """The first seeds whose route uses several priorities, as about every fourth does."""
    seeds = (seed for seed in counting(1000) if sum(tier.share > 0 for tier in some_route(seed, ailing=SICK).tiers) > 1)
    return islice(seeds, count)


@pytest.mark.parametrize("seed", [*range(15), *spilling_seeds(25)])
def test_integer_percentages_of_a_route_by_chance(serve: Serve, seed: int) -> None:
    route = some_route(seed, ailing=SICK)
    subject = serve(route, lb_policy=LbPolicy.RING_HASH)
    assert subject.percentages() == percentages(route)
    if route.outcome.told.total:
        assert set(subject.exact()) <= {identifier for identifier, share in route.told.items() if share}


@pytest.mark.parametrize("seed", range(100, 108))
def test_shares_of_a_route_by_chance(serve: Serve, seed: int) -> None:
    route = some_route(seed, ailing=[Health.DEGRADED, Health.UNHEALTHY])
    assert_shares(serve(route, lb_policy=LbPolicy.ROUND_ROBIN), route)
