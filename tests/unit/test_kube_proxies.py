"""Which pods are proxies of the mesh, or have one (PATH-2)."""

import io
from collections.abc import Mapping
from typing import Any

import pytest

from meshtier.component import Component
from meshtier.kube import load, read

MANAGED = "gateway.istio.io/managed"
NAME, CLASS = "gateway.networking.k8s.io/gateway-name", "gateway.networking.k8s.io/gateway-class-name"
TLS_MODE = "security.istio.io/tlsMode"
TEMPLATES = "inject.istio.io/templates"


def proxy(
    labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None, *, of_class: str = ""
) -> Component | None:
    """What the only pod is, beside a Gateway ``gw`` of this class."""
    objects: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "namespace": "ns", "labels": labels, "annotations": annotations},
        }
    ]
    if of_class:
        objects.append(
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "Gateway",
                "metadata": {"name": "gw", "namespace": "ns"},
                "spec": {"gatewayClassName": of_class},
            }
        )
    (cluster,) = load(objects).clusters
    (workload,) = cluster.workloads.values()
    return workload.proxy


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (None, None),
        ({"app": "web"}, None),
        ({TLS_MODE: "istio"}, Component.SIDECAR),
        ({TLS_MODE: "disabled"}, None),
        ({MANAGED: "istio.io-mesh-controller", NAME: "wp"}, Component.WAYPOINT),
        ({MANAGED: "istio.io-gateway-controller", NAME: "gw"}, Component.INGRESS_GATEWAY),
        ({MANAGED: "istio.io-eastwest-controller", NAME: "ew"}, None),
        ({"istio": "ingressgateway"}, Component.INGRESS_GATEWAY),
        ({"istio": "eastwestgateway"}, None),
        ({NAME: "gw", CLASS: "kgateway"}, Component.KGATEWAY),
        ({NAME: "gw", CLASS: "istio-waypoint"}, Component.WAYPOINT),
        ({NAME: "gw", "kgateway": "kube-gateway"}, Component.KGATEWAY),
        ({NAME: "gw", "gloo": "kube-gateway"}, Component.KGATEWAY),
        ({"kgateway": "kgateway"}, None),
        ({NAME: "unknown"}, None),
    ],
    ids=str,
)
def test_labels_tell_what_a_pod_is(labels: dict[str, str] | None, expected: Component | None) -> None:
    assert proxy(labels) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("istio", Component.INGRESS_GATEWAY),
        ("istio-waypoint", Component.WAYPOINT),
        ("istio-east-west", None),
        ("istio-eastwest", None),
        ("kgateway", Component.KGATEWAY),
        ("enterprise-kgateway", Component.KGATEWAY),
        ("gloo-gateway", Component.KGATEWAY),
        ("kgateway-waypoint", Component.WAYPOINT),
        ("nginx", None),
    ],
)
def test_the_class_of_its_gateway_tells_what_a_pod_is(name: str, expected: Component | None) -> None:
    assert proxy({NAME: "gw"}, of_class=name) is expected


@pytest.mark.parametrize(
    ("templates", "expected"),
    [
        ("gateway", Component.INGRESS_GATEWAY),
        ("gateway, custom", Component.INGRESS_GATEWAY),
        ("sidecar,custom", None),
        ("gateways", None),
    ],
)
def test_the_template_of_the_helm_chart_tells_a_gateway(templates: str, expected: Component | None) -> None:
    assert proxy(None, {TEMPLATES: templates}) is expected
    assert proxy({"istio": "eastwestgateway"}, {TEMPLATES: templates}) is None


def test_the_fast_decoder_reads_the_one_annotation_too() -> None:
    text = (
        '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "p", "namespace": "ns",'
        ' "annotations": {"x/y": "z", "inject.istio.io/templates": "gateway"}}}]}'
    )
    (cluster,) = read("-", stdin=io.StringIO(text))
    assert [each.proxy for each in cluster.workloads.values()] == [Component.INGRESS_GATEWAY]
