import pytest

from meshtier.component import COMPONENTS, Component
from meshtier.errors import InvalidValueError


def test_the_table_has_a_row_for_every_component() -> None:
    assert list(COMPONENTS) == list(Component)


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
