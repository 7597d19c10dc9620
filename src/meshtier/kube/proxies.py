"""Which component of the mesh is a pod, or has its Envoy beside it? (PATH-2)"""

from collections.abc import Mapping
from typing import Final

from meshtier.component import Component
from meshtier.kube import schema
from meshtier.kube.services import MANAGED_LABEL
from meshtier.kube.workloads import Key
from meshtier.mesh.waypoint import GATEWAY_NAME_LABEL

TLS_MODE: Final = "security.istio.io/tlsMode"
"""The label that the injector of sidecars sets, to ``istio`` unless the pod has it already.

Source: istio/istio manifests/charts/istio-control/istio-discovery/files/injection-template.yaml, at 86c9f01; the
templates of gateways and waypoints do not set it.
"""

CLASS_NAME_LABEL: Final = "gateway.networking.k8s.io/gateway-class-name"
"""The label by which pods say of which class their Gateway is; same sources as for `GATEWAY_NAME_LABEL`, and
kgateway-dev/kgateway internal/kgateway/helm, gateway/_helpers.tpl, podLabels."""

_ISTIO: Final = "istio"
"""The label of the gateways of Istio's helm charts, and the word by which the injector's label means a sidecar.

Source: istio/istio manifests/charts/gateway/templates/_helpers.tpl, gateway.selectorLabels, and
manifests/charts/gateways/istio-ingress/values.yaml, labels, at 86c9f01.
"""

_MANAGED: Final[Mapping[str, Component]] = {
    "istio.io-mesh-controller": Component.WAYPOINT,
    "istio.io-gateway-controller": Component.INGRESS_GATEWAY,
}
"""What istiod's controllers deploy. East-west gateways, of another controller, are where no traffic starts.

Source: istio/istio pkg/config/constants/constants.go, and waypoint.yaml and kube-gateway.yaml of
manifests/charts/istio-control/istio-discovery/files, at 86c9f01.
"""

_CLASSES: Final[Mapping[str, Component]] = {
    # istio/istio pkg/config/constants/constants.go, and pilot/pkg/features/pilot.go, GatewayAPIDefaultGatewayClass,
    # at 86c9f01
    "istio": Component.INGRESS_GATEWAY,
    "istio-waypoint": Component.WAYPOINT,
    # https://kgateway.dev/docs/main/setup/default, and those of Solo's products built on it
    "kgateway": Component.KGATEWAY,
    "kgateway-waypoint": Component.WAYPOINT,
    "enterprise-kgateway": Component.KGATEWAY,
    "gloo-gateway": Component.KGATEWAY,
}
"""What a Gateway of each class is."""

_KGATEWAY: Final = (("kgateway", "kube-gateway"), ("gloo", "kube-gateway"))
"""The labels that all of kgateway's pods carry, and those of its older name.

Source: kgateway-dev/kgateway internal/kgateway/helm, gateway/_helpers.tpl, constLabels.
"""

_TELLING: Final = frozenset({MANAGED_LABEL, GATEWAY_NAME_LABEL, CLASS_NAME_LABEL, TLS_MODE, _ISTIO, "kgateway", "gloo"})


class Proxies:
    """Tells the pods of one cluster that are proxies, or have one, from all others.

    Args:
        gateways: The cluster's Gateways, by namespace and name.
    """

    def __init__(self, gateways: Mapping[Key, schema.Gateway]) -> None:
        named = ((key, each.spec.gateway_class_name) for key, each in gateways.items() if each.spec is not None)
        self._classes = {key: name for key, name in named if name}

    def of(self, namespace: str, pod: schema.PodMeta) -> Component | None:
        """The component that a pod is, or whose Envoy it has; ``None`` if its traffic starts at ztunnel."""
        templates = pod.annotations.templates if pod.annotations is not None else None
        labels = pod.labels or {}
        if templates is None and _TELLING.isdisjoint(labels):
            return None  # nearly all pods
        if (managed := labels.get(MANAGED_LABEL)) is not None:
            return _MANAGED.get(managed)
        if labels.get(_ISTIO) == "eastwestgateway":  # istio/istio samples/multicluster/gen-eastwest-gateway.sh
            return None
        if (found := _CLASSES.get(self._class_of(namespace, labels))) is not None:
            return found
        if any(labels.get(label) == value for label, value in _KGATEWAY):
            return Component.KGATEWAY
        # istio/istio manifests/charts/gateway/values.yaml, podAnnotations, and pkg/kube/inject/inject.go,
        # selectTemplates, at 86c9f01: names that are divided by commas.
        if labels.get(_ISTIO) == "ingressgateway" or "gateway" in (templates or "").replace(" ", "").split(","):
            return Component.INGRESS_GATEWAY
        return Component.SIDECAR if labels.get(TLS_MODE) == "istio" else None

    def _class_of(self, namespace: str, labels: Mapping[str, str]) -> str:
        name = labels.get(GATEWAY_NAME_LABEL)
        known = self._classes.get((namespace, name)) if name else None
        return labels.get(CLASS_NAME_LABEL) or known or ""
