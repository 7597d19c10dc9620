"""Laws of traffic: what flows is what routes say, for any small mesh, any rates and any prices."""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from math import fsum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.laws.test_mesh_laws import HOSTS, components, meshes, profiles

from meshtier.component import Component
from meshtier.errors import InvalidValueError, MeshError
from meshtier.locality import Locality
from meshtier.mesh import Mesh
from meshtier.profile import Profile
from meshtier.traffic import (
    Cost,
    Crossing,
    Flows,
    Prices,
    Sender,
    Traffic,
    compare,
    cost,
    flows,
    load,
    read_prices,
    read_rates,
    suggested_replicas,
    zone_matrix,
)

rate_values = st.floats(0.001, 1e6)
prices = st.floats(0, 10)
traffics = st.dictionaries(
    st.tuples(
        st.sampled_from(
            [
                "*",
                "zone=a",
                "zone=b",
                "region=a",
                "shop/client",
                "east/shop/client",
                "shop/east0",
                "cluster=west",
                "zone=z",
            ]
        ),
        st.sampled_from([*HOSTS, "web.shop", "wp.shop.svc.cluster.local", "none.shop"]),
    ),
    rate_values,
    max_size=5,
).map(lambda rates: Traffic.from_mapping(rates, unit="MB/s"))

Ends = Mapping[tuple[str, Locality, Locality], float]
"""The rates by host, client zone and endpoint zone."""


def zone(place: Locality) -> Locality:
    return Locality(*place[:3])


def ends(found: Flows) -> Counter[tuple[str, Locality, Locality]]:
    rates: Counter[tuple[str, Locality, Locality]] = Counter()
    for each in found.flows:
        if each.endpoint is not None:
            rates[each.host, each.client, each.endpoint] += each.rate  # type: ignore[assignment]  # of rates
    return rates


@given(meshes(), st.data(), profiles)
def test_one_client_and_host_flow_as_their_route_says(mesh: Mesh, data: st.DataObject, profile: Profile) -> None:
    pods = [
        pod
        for cluster in mesh.clusters
        for pod in cluster.workloads.values()
        if pod.proxy is not Component.WAYPOINT and mesh.hosts(cluster.name, profile=profile)
    ]
    pod = data.draw(st.sampled_from(pods))
    host = data.draw(st.sampled_from(mesh.hosts(pod.cluster, profile=profile)))
    rate = data.draw(rate_values)
    found = flows(mesh, Traffic.from_mapping({(f"{pod.cluster}/shop/{pod.name}", host): rate}), profile=profile)
    route = mesh.route(pod, host, profile=profile)
    expected: Counter[tuple[str, Locality, Locality]] = Counter()
    for (here, there), share in route.flows():
        expected[host, zone(here), zone(there)] += share * rate  # type: ignore[assignment]  # of rates
    assert ends(found) == pytest.approx(expected)
    lost = fsum(each.rate for each in found.flows if each.crossing is Crossing.LOST)
    assert lost == pytest.approx(route.lost * rate, abs=1e-9 * rate)


@given(meshes(), components, profiles)
def test_without_rates_every_pod_that_sends_counts_once(
    mesh: Mesh, component: Component | None, profile: Profile
) -> None:
    expected: Counter[tuple[str, Locality, Locality]] = Counter()
    for cluster in mesh.clusters:
        for pod in cluster.workloads.values():
            if component is None and pod.proxy is Component.WAYPOINT:
                continue
            for host in mesh.hosts(cluster.name, component=component, profile=profile):
                for (here, there), share in mesh.route(pod, host, component=component, profile=profile).flows():
                    expected[host, zone(here), zone(there)] += share  # type: ignore[assignment]  # of rates
    assert ends(flows(mesh, component=component, profile=profile)) == pytest.approx(expected)


@given(meshes(), traffics, components)
def test_the_matrix_and_what_is_aside_add_up_to_the_rates(
    mesh: Mesh, traffic: Traffic, component: Component | None
) -> None:
    matrix = zone_matrix(mesh, traffic, component=component)
    assert fsum(matrix.cells.values()) == pytest.approx(matrix.total)
    assert matrix.total + matrix.found.unmatched_total == pytest.approx(traffic.total)
    assert fsum(each.rate for each in matrix.by_service.values()) == pytest.approx(matrix.total)
    for shares in (matrix.shares, *matrix.by_service.values()):
        assert fsum(shares.by_crossing.values()) == pytest.approx(1 if shares.rate else 0)
        assert 0 <= shares.other_network <= 1 + 1e-9


@given(meshes(), traffics)
def test_what_endpoints_get_is_what_is_neither_lost_nor_left_to_clients(mesh: Mesh, traffic: Traffic) -> None:
    found = load(mesh, traffic)
    arriving = fsum(
        each.rate for each in found.found.flows if each.endpoint is not None or each.crossing is Crossing.INTERNET
    )
    assert fsum(each.rate for each in found.services) == pytest.approx(arriving)
    for service in found.services:
        assert service.skew is None or service.skew > 1 - 1e-9 or not all(one.is_candidate for one in service.endpoints)
        assert sum(each.now for each in service.replicas) == sum(
            each.suggested for each in service.replicas
        ) or not any(each.demand for each in service.replicas)


@given(meshes(), traffics, st.floats(0.01, 100))
def test_to_scale_the_rates_scales_everything(mesh: Mesh, traffic: Traffic, factor: float) -> None:
    before, after = flows(mesh, traffic), flows(mesh, traffic.scaled(factor))
    assert [each.rate * factor for each in before.flows] == pytest.approx([each.rate for each in after.flows])
    loads = [load(mesh, each) for each in (traffic, traffic.scaled(factor))]
    skews = [{(one.host, one.cluster): one.skew for one in each.services if one.skew} for each in loads]
    assert skews[0] == pytest.approx(skews[1])
    assert replicas(mesh, traffic) == replicas(mesh, traffic)


def replicas(mesh: Mesh, traffic: Traffic) -> object:
    return {(each.host, each.cluster): each.replicas for each in load(mesh, traffic).services}


@given(meshes(), traffics, prices, prices, st.floats(0, 10))
def test_cost_is_linear_in_prices(
    mesh: Mesh, traffic: Traffic, zone_price: float, region: float, factor: float
) -> None:
    found = flows(mesh, traffic)

    def money(**given: float) -> float:
        return cost(found, Prices(**given)).total  # type: ignore[arg-type]  # they are prices

    assert money(zone=zone_price, region=region) == pytest.approx(money(zone=zone_price) + money(region=region))
    assert money(zone=zone_price * factor) == pytest.approx(factor * money(zone=zone_price))
    assert money(zone=0.0, region=0.0, internet=0.0) == 0


@given(meshes(waypoint=False), traffics)
def test_without_waypoints_the_way_has_one_part(mesh: Mesh, traffic: Traffic) -> None:
    found = flows(mesh, traffic)
    assert found.legs == tuple(each for each in found.flows if each.crossing is not Crossing.LOST)


@given(meshes(), traffics)
def test_nothing_differs_from_itself(mesh: Mesh, traffic: Traffic) -> None:
    matrix, found = zone_matrix(mesh, traffic), load(mesh, traffic)
    assert not compare(matrix, zone_matrix(mesh, traffic)).changed
    assert not compare(found, load(mesh, traffic)).changed
    money: list[Cost] = [cost(matrix, Prices(zone=1)) for _ in range(2)]
    assert not compare(*money).changed


@given(meshes(), traffics)
def test_the_order_of_rates_does_not_matter(mesh: Mesh, traffic: Traffic) -> None:
    turned = evolve(traffic, rates=traffic.rates[::-1])
    assert ends(flows(mesh, traffic)) == pytest.approx(ends(flows(mesh, turned)))


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.floats(0, 1e9), max_size=8), st.integers(0, 200))
def test_suggested_replicas_keep_the_number_and_are_nowhere_less_for_more(demand: dict[str, float], count: int) -> None:
    assume(any(demand.values()))
    found = suggested_replicas(demand, count)
    assert found.keys() == demand.keys()
    assert sum(found.values()) == count
    asking = [zone for zone, rate in demand.items() if rate]
    if count >= len(asking):
        assert all(found[zone] >= 1 for zone in asking)
    for one in asking:
        assert all(found[one] >= found[other] for other in demand if demand[one] > demand[other])


words = st.sampled_from(
    [
        *("client", "host", "rate", "unit", "rates", "zone", "workload", "namespace", "1", "-1", "nan"),
        *("status", "data", "success", "resultType", "vector", "result", "metric", "value", "__name__"),
        *("istio_tcp_sent_bytes_total", "source_workload"),
    ]
)
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | words | st.text(max_size=5)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=3), inner, max_size=4)
)
pieces = st.sampled_from(
    [
        "client",
        "host",
        "rate",
        ",",
        "\n",
        "{",
        "}",
        "=",
        '"',
        " ",
        "1",
        "x",
        "#",
        "\\",
        "\x00",
        "istio_tcp_sent_bytes_total",
    ]
)


@given(documents)
def test_any_decoded_data_is_rates_or_one_of_our_errors(data: Any) -> None:
    for read in (
        lambda: Traffic.from_mapping(data),
        lambda: Traffic.from_rows(data),
        lambda: Prices.from_mapping(data),
        lambda: Sender.parse(data),
    ):
        with suppress(InvalidValueError):
            read()


@given(documents.map(json.dumps) | st.lists(pieces, max_size=20).map("".join) | st.text(max_size=30))
def test_any_file_is_rates_or_prices_or_one_of_our_errors(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_text(text, encoding="utf-8", errors="replace", newline="")
        for read in (read_rates, read_prices):
            with suppress(MeshError):
                read(path)


@given(st.text(max_size=12) | st.lists(st.sampled_from(["a", "/", " ", "=", "zone", ",", "*", "cluster"])).map("".join))
def test_a_sender_that_is_read_reads_again_as_itself(text: str) -> None:
    try:
        sender = Sender.parse(text)
    except InvalidValueError:
        return
    assert Sender.parse(str(sender)) == sender
