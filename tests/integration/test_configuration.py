"""Does a real Envoy take what is exported, and does a person get something to run?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.integration.compare import assert_shares
from tests.integration.conftest import Serve
from tests.integration.meshes import Web
from tests.integration.real_envoy import CLUSTER, Process, objection

from meshtier.component import Component
from meshtier.dataplane import LbPolicy
from meshtier.export import bootstrap, discovery_response, pipe_address, socket_address
from meshtier.kube import load
from meshtier.mesh import Mesh
from meshtier.rules import DestinationRule

pytestmark = pytest.mark.envoy

BOOKINFO = Path(__file__).parents[2] / "examples" / "bookinfo"
RULE = "productpage-failover.yaml"
WHOLE_DETECTION = {
    "consecutive5xxErrors": 7,
    "consecutiveGatewayErrors": 3,
    "splitExternalLocalOriginErrors": True,
    "consecutiveLocalOriginFailures": 4,
    "interval": "1500ms",
    "baseEjectionTime": "3m",
    "maxEjectionPercent": 50,
    "minHealthPercent": 20,
}
WARMUP = {"duration": "30s", "minimumPercent": 20, "aggression": 1.5}


def hashing(**fields: object) -> dict[str, Any]:
    return {"loadBalancer": {"consistentHash": fields}}


@pytest.mark.parametrize(
    "policy",
    [
        {"outlierDetection": WHOLE_DETECTION},
        {"outlierDetection": {"outlierDetectionHttpErrorCodes": [500]}},
        {"outlierDetection": {"outlierDetectionHttpErrorCodes": [429, 500, 503]}},
        {"loadBalancer": {"simple": "RANDOM"}},
        {"loadBalancer": {"simple": "ROUND_ROBIN", "warmup": WARMUP}},
        {"loadBalancer": {"simple": "LEAST_REQUEST", "warmup": {"duration": "1s"}}},
        {"loadBalancer": {"warmupDurationSecs": "10s"}},
        {"loadBalancer": {"zoneAwareLbSetting": {"minClusterSize": 3}}},
        hashing(httpHeaderName="x-user"),
        hashing(httpHeaderName="x-user", maglev={"tableSize": 251}),
        hashing(httpCookie={"name": "user", "path": "/", "ttl": "10s"}, ringHash={"minimumRingSize": 64}),
        hashing(useSourceIp=True, minimumRingSize=128),
        hashing(httpQueryParameterName="user", maglev={}),
    ],
    ids=[
        "outlier",
        "one-code",
        "codes",
        "random",
        "round-robin-warmup",
        "least-request-warmup",
        "old-warmup",
        "zone-aware",
        "header",
        "maglev",
        "cookie",
        "source-ip",
        "query",
    ],
)
def test_every_setting_is_taken(directory: Path, policy: Mapping[str, Any]) -> None:
    route = Web(pods={"r1/a": "HH", "r2/b": "H"}, policy=policy, peers={"r1/a": 1, "r2/b": 2}).route()
    eds = directory / "eds.json"
    eds.write_text(json.dumps(discovery_response(route, address_of=lambda name: pipe_address(f"/run/{name[-5:]}"))))
    listener = socket_address("127.0.0.1", 10000)
    assert objection({**bootstrap(route, eds_path=str(eds), listener=listener)}, directory) == ""


def test_only_the_listed_statuses_count_as_errors(serve: Serve) -> None:
    detection = {"consecutive5xxErrors": 2, "maxEjectionPercent": 100, "outlierDetectionHttpErrorCodes": [500]}
    web = Web(pods={"r1/a": "HH", "r1/b": "H"}, annotation="PreferSameZone", policy={"outlierDetection": detection})
    first, second = web.names("r1/a")
    subject = serve(web.route(), lb_policy=LbPolicy.RING_HASH)
    for _ in range(3):
        subject.send([subject.fail(first, second, status=503)] * 20)
    assert subject.ejected() == set()
    subject.eject(first, status=500)


def test_an_envoy_says_which_version_it_has(directory: Path) -> None:
    route = Web(pods={"r1/a": "HH"}).route()
    eds = directory / "eds.json"
    exported = discovery_response(
        route, name=CLUSTER, address_of=lambda name: pipe_address(str(directory / name[-5:])), version="of-tuesday"
    )
    eds.write_text(json.dumps(exported))
    configuration = bootstrap(
        route,
        eds_path=str(eds),
        listener=pipe_address(str(directory / "in")),
        admin=pipe_address(str(directory / "envoy.admin")),
        name=CLUSTER,
    )
    with Process(directory, {**configuration}) as process:
        assert process.counter(f"cluster.{CLUSTER}.update_success") == 1
        assert process.counter(f"cluster.{CLUSTER}.membership_total") == 2
        texts = process.admin(f"/stats?type=TextReadouts&filter=cluster.{CLUSTER}.version_text")
        assert b"of-tuesday" in texts


def test_bookinfo_through_each_pod_of_its_waypoint(serve: Serve) -> None:
    yaml = pytest.importorskip("yaml", reason="needs the extra yaml")
    rule = DestinationRule.from_mapping(yaml.safe_load((BOOKINFO / "destination-rules" / RULE).read_text()))
    mesh = Mesh([evolve(cluster, destination_rules=(rule,)) for cluster in load(BOOKINFO / "gateways").clusters])
    route = mesh.route("bookinfo/curl-east", "productpage.bookinfo.mesh.internal", component=Component.WAYPOINT)
    assert route.hops
    for hop in route.hops[1:]:
        assert_shares(serve(hop.route), hop.route)


def test_bookinfo_prefers_the_same_zone_at_the_ingress_gateway(serve: Serve) -> None:
    pytest.importorskip("yaml", reason="needs the extra yaml")
    mesh = load(BOOKINFO / "flat")
    [pod] = [
        workload
        for cluster in mesh.clusters
        for workload in cluster.workloads.values()
        if cluster.name == "east" and "ingress" in workload.namespace and workload.kind == "Pod"
    ]
    route = mesh.route(pod, "details.bookinfo.svc.cluster.local", component=Component.INGRESS_GATEWAY)
    assert len(route.tiers) > 1
    assert_shares(serve(route), route)
