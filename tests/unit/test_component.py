import pytest

from meshtier.component import COMPONENTS, Balancing, Component
from meshtier.distribution import TrafficDistribution
from meshtier.errors import InvalidValueError


@pytest.mark.parametrize(
    ("name", "layer", "obeys_destination_rules", "balancing"),
    [
        ("ztunnel", "L4", False, Balancing.BEST_TIER),
        ("waypoint", "L7", True, Balancing.ENVOY),
        ("ingress-gateway", "L7", True, Balancing.ENVOY),
        ("sidecar", "L7", True, Balancing.ENVOY),
        ("kgateway", "L7", False, Balancing.BEST_TIER),
    ],
)
def test_a_component_is_what_its_row_of_the_table_says(
    name: str, layer: str, obeys_destination_rules: bool, balancing: Balancing
) -> None:
    traits = Component(name).traits
    assert (traits.layer, traits.obeys_destination_rules, traits.balancing) == (
        layer,
        obeys_destination_rules,
        balancing,
    )


def test_the_table_has_a_row_for_every_component() -> None:
    assert list(COMPONENTS) == list(Component)
    assert len(Component) == 5


@pytest.mark.parametrize("component", Component)
def test_where_nothing_is_set_any_endpoint_will_do_and_of_a_global_service_one_of_the_network(
    component: Component,
) -> None:
    assert component.traits.default_mode is TrafficDistribution.ANY
    assert component.traits.global_default_mode is TrafficDistribution.PREFER_NETWORK


@pytest.mark.parametrize(
    "text", ["ingress-gateway", "Ingress Gateway", "INGRESS_GATEWAY", "ingressGateway", " ingressgateway\n"]
)
def test_a_component_is_parsed_whatever_its_case_and_separators(text: str) -> None:
    assert Component.parse(text) is Component.INGRESS_GATEWAY


@pytest.mark.parametrize("component", Component)
def test_every_component_is_parsed_from_its_own_name(component: Component) -> None:
    assert Component.parse(str(component)) is component


@pytest.mark.parametrize("text", ["", "envoy", "ztunnels", "gateway"])
def test_an_unknown_component_is_refused_with_the_list_of_them(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Component.parse(text)
    assert str(caught.value) == (
        f"component: expected one of ztunnel, waypoint, ingress-gateway, sidecar, kgateway, got {text!r}"
    )


def test_a_component_reads_as_its_name() -> None:
    assert str(Component.KGATEWAY) == "kgateway"
    assert repr(Component.KGATEWAY) == "<Component.KGATEWAY>"
