"""The examples: what each of them must answer, worked out by hand from the rules, and that their commands run."""

import re
import shlex
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from meshtier.cli import app
from meshtier.component import Component
from meshtier.kube import load
from meshtier.mesh import Mesh, Route
from meshtier.profile import ISTIO_1_24, ISTIO_1_27, ISTIO_1_30, ISTIO_1_31, Profile

ROOT = Path(__file__).parents[2]
BOOKINFO = ROOT / "examples" / "bookinfo"
RULES = BOOKINFO / "destination-rules"
VARIANTS = ("gateways", "flat")
PRODUCTPAGE = "productpage.bookinfo.mesh.internal"
ENVOYS = (Component.WAYPOINT, Component.INGRESS_GATEWAY, Component.SIDECAR)
EAST = ("k4xzp", "m8vqd", "tw2lj")  # on east-a1, east-a2, east-b1
WEST = ("b7tgx", "f5wkq", "s9dlm")  # on west-a1, west-a2, west-b1
UNREADY = "z6hnc"  # on east-b1

# At an Envoy zone us-east-b, with one of two pods ready, weighs 2 x 1.4 x 1/2 beside the 2 of us-east-a (LOAD-4).
EAST_BY_ENVOY = {"tw2lj": 1.4 / 3.4, "k4xzp": 1 / 3.4, "m8vqd": 1 / 3.4}


FAILOVER = ROOT / "examples" / "failover"


def with_unready(*addresses: str) -> list[dict[str, Any]]:
    """The cluster east of `examples/failover`, in whose EndpointSlices these addresses are not ready."""
    yaml = pytest.importorskip("yaml")
    items: list[dict[str, Any]] = yaml.safe_load((FAILOVER / "east.yaml").read_text(encoding="utf-8"))["items"]
    for endpoint in (each for item in items for each in item.get("endpoints", ())):
        if not set(addresses).isdisjoint(endpoint["addresses"]):
            endpoint["conditions"] = {"ready": False}
    return items


@pytest.mark.parametrize(
    ("unready", "at_home", "away"),
    [((), 1.0, 0.0), (("10.10.1.11",), 0.7, 0.3), (("10.10.1.11", "10.10.1.12"), 0.0, 1.0)],
    ids=["all ready", "one of two", "none"],
)
def test_failover_between_clusters(unready: tuple[str, ...], at_home: float, away: float) -> None:
    """140 x 1 / 2 of the traffic stays with the one that is left, and the rest goes to the gateway (LOAD-2)."""
    found = load(with_unready(*unready), str(FAILOVER / "west.yaml"), str(RULES / "productpage-failover.yaml"))
    route = found.route("bookinfo/curl", PRODUCTPAGE)
    ready = [name for name, ip in (("h2xkq", "10.10.1.11"), ("t5wmb", "10.10.1.12")) if ip not in unready]
    expected = {name: at_home / len(ready) for name in ready} | {"c7ngd": away / 2, "v4prs": away / 2}
    assert flows(route) == {name: pytest.approx(share) for name, share in expected.items() if share}
    # Three hosts, of which 50 per cent is one: the gateway counts as one, whatever is behind it (NET-1, OD-2).
    (note,) = [note for note in route.notes if note.rule == "OD-2"]
    assert "maxEjectionPercent 50 of 3 endpoints is 1, 2 come before priority 1" in note.text


def test_one_dump_is_enough_to_count_the_hosts() -> None:
    """An entry stands for the other cluster; what is behind it the dump of that cluster would say (NET-4, NET-5)."""
    found = load(str(FAILOVER / "east.yaml"), str(RULES / "productpage-failover.yaml"))
    route = found.route("bookinfo/curl", PRODUCTPAGE)
    assert flows(route) == {"h2xkq": 0.5, "t5wmb": 0.5}
    assert {"ejection-cap", "peer-dump-missing"} <= {note.code for note in route.notes}
    alone = load(with_unready("10.10.1.11", "10.10.1.12")).route("bookinfo/curl", PRODUCTPAGE)
    assert alone.shares["east/istio-system/autogen.west.bookinfo.productpage"] == 1


@cache
def mesh(variant: str, *rules: str) -> Mesh:
    return load(BOOKINFO / variant, *(RULES / f"{name}.yaml" for name in rules))


def short(identifier: str) -> str:
    """The last part of a pod's generated name, or the whole of another name."""
    return identifier.rpartition("/")[2].rpartition("-")[2]


def tiers(route: Route) -> dict[int, set[str]]:
    """What each tier holds, of another network what is behind its gateway."""
    found: dict[int, set[str]] = {}
    for row in route.rows():
        if row.tier is not None:
            found.setdefault(row.tier.number, set()).add(short(row.endpoint.id))
    return found


def flows(route: Route) -> dict[str, object]:
    """Who gets traffic, and how much."""
    return {short(name): pytest.approx(share) for name, share in route.shares.items() if share}


@pytest.mark.parametrize("component", [Component.ZTUNNEL, Component.KGATEWAY])
def test_productpage_stays_in_its_network_behind_gateways(component: Component) -> None:
    """A global service without a setting: PreferNetwork (COMP-2); ztunnel leaves the unready pod out (TIER-5)."""
    for client, near, far in (("curl-east", EAST, WEST), ("curl-west", WEST, EAST)):
        route = mesh("gateways").route(client, PRODUCTPAGE, component=component)
        assert tiers(route) == {0: set(near), 1: set(far) | ({UNREADY} if far is EAST else set())}
        assert flows(route) == dict.fromkeys(near, pytest.approx(1 / 3))
        # At the gateway of the other network its waypoint chooses, which is told of the unready pod too (TIER-5).
        assert [short(item.endpoint.id) for item in route.excluded] == ([UNREADY] if near is EAST else [])
        assert str(route.resolution.source) == f"default of {component.value} for a global service"


def test_productpage_is_everywhere_in_a_flat_network() -> None:
    for client in ("curl-east", "curl-west"):
        route = mesh("flat").route(client, PRODUCTPAGE, component=Component.ZTUNNEL)
        assert tiers(route) == {0: {*EAST, *WEST}}
        assert flows(route) == dict.fromkeys((*EAST, *WEST), pytest.approx(1 / 6))


def test_behind_a_gateway_productpage_is_where_the_gateway_is() -> None:
    """LOC-3: s9dlm runs in us-west-b, and the Gateway says us-west-a."""
    route = mesh("gateways").route("curl-east", PRODUCTPAGE)
    ((member, (hop,)),) = [(route.known[name], hops) for name, hops in route.outcome.behind.items()]
    assert str(member.endpoint.locality) == "network=net-west us-west/us-west-a"
    assert str(member.gateway) == "Gateway istio-eastwest/istio-remote-peer-west"
    (behind,) = [one for one in hop.route.endpoints if short(one.id) == "s9dlm"]
    assert str(behind.locality) == "network=net-west us-west/us-west-b node=west-b1"


def test_in_a_flat_network_productpage_is_where_its_entry_says() -> None:
    """LOC-4: down to the rack, and on no known node."""
    member = mesh("flat").route("curl-east", PRODUCTPAGE).service_endpoint("productpage-v1-7b9c5d4f68-f5wkq")
    assert str(member.endpoint.locality) == "network=net-shared us-west/us-west-a/rack-2"
    assert member.gateway is None


@pytest.mark.parametrize("profile", [ISTIO_1_24, ISTIO_1_27, ISTIO_1_30, ISTIO_1_31], ids=str)
def test_upstream_knows_no_global_service_and_so_prefers_nothing(profile: Profile) -> None:
    for variant in VARIANTS:
        route = mesh(variant).route("curl-east", PRODUCTPAGE, component=Component.ZTUNNEL, profile=profile)
        assert tiers(route) == {0: {*EAST, *WEST}}


def test_the_waypoint_pod_of_the_clients_zone_is_chosen() -> None:
    """The waypoint Service is annotated PreferClose: curl-east is in us-east-b, curl-west in us-west-a (COMP-1)."""
    for variant in VARIANTS:
        for client, pod in (("curl-east", "w4cqz"), ("curl-west", "c9xfp")):
            route = mesh(variant).route(client, PRODUCTPAGE, component=Component.WAYPOINT)
            assert [(short(hop.by), hop.share) for hop in route.hops[1:]] == [(pod, 1.0)]


def test_productpage_through_the_waypoint_behind_gateways() -> None:
    """Four pods in the network and three of them ready: 140 x 3 / 4 is more than 100, so nothing spills (LOAD-2)."""
    route = mesh("gateways").route("curl-east", PRODUCTPAGE, component=Component.WAYPOINT)
    assert tiers(route) == {0: {*EAST, UNREADY}, 1: set(WEST)}
    assert flows(route) == EAST_BY_ENVOY
    again = mesh("gateways").route("curl-west", PRODUCTPAGE, component=Component.WAYPOINT)
    assert tiers(again) == {0: set(WEST), 1: {*EAST, UNREADY}}
    assert flows(again) == dict.fromkeys(WEST, pytest.approx(1 / 3))


def test_productpage_through_the_waypoint_in_a_flat_network() -> None:
    """Five localities: two pods, two with one ready (1.4), and three of one pod each."""
    route = mesh("flat").route("curl-east", PRODUCTPAGE, component=Component.WAYPOINT)
    assert tiers(route) == {0: {*EAST, *WEST, UNREADY}}
    expected = dict.fromkeys((*EAST, *WEST), 1 / 6.4) | {"tw2lj": 1.4 / 6.4}
    assert flows(route) == expected


@pytest.mark.parametrize("variant", VARIANTS)
def test_productpage_failover_goes_by_region_and_zone(variant: str) -> None:
    """Level 0 has one of two pods ready, which carries 70 per cent; the zone next to it takes the rest."""
    route = mesh(variant, "productpage-failover").route("curl-east", PRODUCTPAGE, component=Component.WAYPOINT)
    assert tiers(route) == {0: {"tw2lj", UNREADY}, 1: {"k4xzp", "m8vqd"}, 2: set(WEST)}
    assert flows(route) == {"tw2lj": 0.7, "k4xzp": 0.15, "m8vqd": 0.15}
    assert route.effective_rule.title == "DestinationRule bookinfo/productpage-failover"
    assert not {"DR-7", "DR-2"} & {note.rule for note in route.notes}
    # 50 per cent of 5 or 7 endpoints, and 4 of them are nearer than the other cluster.
    (note,) = [note for note in route.notes if note.rule == "OD-2"]
    assert (note.code, ", 4 come before priority 2" in note.text) == ("ejection-cap", True)


def test_productpage_failover_seen_from_west() -> None:
    """The waypoint pod is in us-west-a, with two pods of productpage in two racks."""
    rules = ("productpage-failover", "bookinfo-namespace-failover")
    for variant in VARIANTS:
        route = mesh(variant, *rules).route("curl-west", PRODUCTPAGE, component=Component.WAYPOINT)
        assert tiers(route) == {0: {"b7tgx", "f5wkq"}, 1: {"s9dlm"}, 2: {*EAST, UNREADY}}
        assert flows(route) == {"b7tgx": 0.5, "f5wkq": 0.5}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_pattern_goes_by_region(variant: str) -> None:
    route = mesh(variant, "bookinfo-namespace-failover").route("curl-east", PRODUCTPAGE, component=Component.WAYPOINT)
    assert tiers(route) == {0: {*EAST, UNREADY}, 1: set(WEST)}
    assert flows(route) == EAST_BY_ENVOY
    assert route.effective_rule.title == "DestinationRule bookinfo/bookinfo-namespace-failover"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_exact_host_comes_before_the_pattern(variant: str) -> None:
    rules = ("bookinfo-namespace-failover", "productpage-failover")
    route = mesh(variant, *rules).route("curl-east", PRODUCTPAGE, component=Component.WAYPOINT)
    told = route.to_dict()["destination_rule"]
    assert told is not None
    assert told["rules"] == ["DestinationRule bookinfo/productpage-failover"]
    (lost,) = told["overridden"]
    assert (lost["rule"], lost["host"], lost["reason"]) == (
        "DestinationRule bookinfo/bookinfo-namespace-failover",
        "*.bookinfo.mesh.internal",
        "has a host that matches less exactly",
    )


@pytest.mark.parametrize("component", [Component.ZTUNNEL, Component.KGATEWAY])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_rules_change_nothing_at_l4(variant: str, component: Component) -> None:
    rules = ("bookinfo-namespace-failover", "productpage-failover")
    without = mesh(variant).route("curl-east", PRODUCTPAGE, component=component)
    within = mesh(variant, *rules).route("curl-east", PRODUCTPAGE, component=component)
    assert (tiers(within), within.shares) == (tiers(without), without.shares)
    assert [(note.rule, note.object) for note in within.notes if note not in without.notes] == [
        ("COMP", "DestinationRule bookinfo/productpage-failover")
    ]


@pytest.mark.parametrize("component", [Component.INGRESS_GATEWAY, Component.SIDECAR])
def test_a_file_of_rules_alone_belongs_to_every_cluster(component: Component) -> None:
    for cluster in mesh("gateways", "productpage-failover").clusters:
        assert [rule.name for rule in cluster.destination_rules] == ["productpage-failover"]
    for gateway, zone in (("d7xkm", {"k4xzp", "m8vqd"}), ("k8ltv", {"s9dlm"})):
        client = f"istio-ingress/bookinfo-gateway-istio-59f7d8c6b4-{gateway}"
        route = mesh("gateways", "productpage-failover").route(client, PRODUCTPAGE, component=component)
        assert tiers(route)[0] == zone


def test_the_ingress_gateway_prefers_its_network() -> None:
    client = "istio-ingress/bookinfo-gateway-istio-59f7d8c6b4-d7xkm"
    route = mesh("gateways").route(client, PRODUCTPAGE, component=Component.INGRESS_GATEWAY)
    assert tiers(route) == {0: {*EAST, UNREADY}, 1: set(WEST)}
    assert flows(route) == EAST_BY_ENVOY


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_local_name_of_productpage_stays_in_its_cluster(variant: str) -> None:
    route = mesh(variant).route("curl-east", "productpage.bookinfo.svc.cluster.local", component=Component.ZTUNNEL)
    assert flows(route) == dict.fromkeys(EAST, pytest.approx(1 / 3))
    assert {short(item.endpoint.id) for item in route.excluded} == {UNREADY, *WEST}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("component", [Component.ZTUNNEL, Component.SIDECAR], ids=str)
def test_reviews_prefers_the_same_node_then_the_rack(variant: str, component: Component) -> None:
    """East has one rack in zone a, west has two; a pod of the same rack is P1, one of the same zone P2."""
    for client, expected in (
        ("productpage-v1-7b9c5d4f68-k4xzp", {0: {"q7rkf"}, 1: {"hx5tm"}, 3: {"v9zwl"}}),
        ("productpage-v1-7b9c5d4f68-b7tgx", {0: {"l2nfw"}, 2: {"x6pcv"}, 3: {"d8ktr"}}),
    ):
        route = mesh(variant).route(client, "reviews.bookinfo.svc.cluster.local", component=component)
        assert tiers(route) == expected
        assert flows(route) == {next(iter(expected[0])): 1}
        assert route.resolution.title == "PreferSameNode"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("component", [Component.ZTUNNEL, Component.SIDECAR], ids=str)
def test_details_prefers_the_zone(variant: str, component: Component) -> None:
    for client, expected, gets in (
        ("curl-east", {0: {"p8mtx"}, 1: {"c4fkn"}}, "p8mtx"),
        ("curl-west", {1: {"h4zjs"}}, "h4zjs"),
    ):
        route = mesh(variant).route(client, "details.bookinfo.svc.cluster.local", component=component)
        assert tiers(route) == expected
        assert flows(route) == {gets: 1}
        assert route.resolution.source.value == "PreferClose"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("component", [Component.ZTUNNEL, Component.SIDECAR, Component.KGATEWAY], ids=str)
def test_ratings_stays_on_the_node_or_is_dropped(variant: str, component: Component) -> None:
    host = "ratings.bookinfo.svc.cluster.local"
    there = mesh(variant).route("bookinfo/reviews-v1-5f4c8b9d76-q7rkf", host, component=component)
    assert flows(there) == {"g2hvs": 1}
    none = mesh(variant).route("bookinfo/reviews-v3-84b7c6d95f-v9zwl", host, component=component)
    assert (tiers(none), flows(none), none.drops) == ({}, {}, True)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("component", [Component.ZTUNNEL, Component.SIDECAR], ids=str)
def test_covers_prefers_the_region(variant: str, component: Component) -> None:
    east, west = {"203.0.113.11", "203.0.113.12"}, {"203.0.113.21"}
    for client, near, far in (("curl-east", east, west), ("curl-west", west, east)):
        route = mesh(variant).route(client, "covers.example.com", component=component)
        assert tiers(route) == {0: near, 1: far}
        assert flows(route) == dict.fromkeys(near, pytest.approx(1 / len(near)))


@pytest.mark.parametrize("profile", [ISTIO_1_24, ISTIO_1_27, ISTIO_1_30, ISTIO_1_31], ids=str)
def test_upstream_reads_the_annotation_of_covers_as_any(profile: Profile) -> None:
    route = mesh("gateways").route("curl-east", "covers.example.com", profile=profile)
    assert tiers(route) == {0: {"203.0.113.11", "203.0.113.12", "203.0.113.21"}}
    assert [note.rule for note in route.notes] == ["PREC-2"]


def commands() -> list[str]:
    text = (BOOKINFO / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    return [
        re.sub(r"\s+", " ", line.removeprefix("$ ")) for line in text.splitlines() if re.match(r"(\$ )?meshtier ", line)
    ]


@pytest.mark.parametrize("command", commands())
def test_every_command_of_the_readme_answers(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only one has nobody to send to: ratings from a node without it."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as ended:
        app()
    said = capsys.readouterr()
    assert ended.value.code == (1 if "reviews-v3-84b7c6d95f-v9zwl --to ratings" in command else 0)
    assert said.err == ""
    assert said.out


def test_the_readme_has_commands() -> None:
    assert len(commands()) >= 10
