"""Which fields of a manifest does nobody read, for they are misspelt?

What `kubectl get` prints cannot have such fields, as the API server drops them:
they are looked for where a manifest is decoded from a mapping, and not in the
JSON of a dump.
"""

from collections.abc import Iterator
from typing import Final

from meshtier.kube.decode import in_short, is_mapping
from meshtier.note import Note
from meshtier.rules.fields import nearest_field

_NAMES: Final = """
    allocateLoadBalancerNodePorts clusterIP clusterIPs externalIPs externalName externalTrafficPolicy
    healthCheckNodePort internalTrafficPolicy ipFamilies ipFamilyPolicy loadBalancerClass loadBalancerIP
    loadBalancerSourceRanges ports publishNotReadyAddresses selector sessionAffinity sessionAffinityConfig
    trafficDistribution type
"""
SERVICE_FIELDS: Final = frozenset(_NAMES.split())
"""What the spec of a Service can have.

Source: kubernetes/kubernetes staging/src/k8s.io/api/core/v1/types.go, ServiceSpec, at 815c3d8.
"""


def unknown_service_fields(title: str, spec: object) -> Iterator[Note]:
    """A note for each field of a Service's spec that Kubernetes does not know, with the nearest that it knows.

    >>> [note.text for note in unknown_service_fields("Service a/b", {"selektor": {}})]
    ["expected a field that Kubernetes knows, got 'selektor'; it is ignored; the nearest: selector"]
    """
    if not is_mapping(spec):
        return
    for key in spec:
        if isinstance(key, str) and key not in SERVICE_FIELDS:
            near = nearest_field(key, SERVICE_FIELDS)
            text = f"expected a field that Kubernetes knows, got {in_short(key)}; it is ignored"
            yield Note("service-field-unknown", f"{text}; the nearest: {near}" if near else text, f"{title} spec")
