"""Which hosts do routes of requests speak of? HTTPRoutes, GRPCRoutes and VirtualServices, which Envoys alone obey."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from meshtier.kube import schema
from meshtier.kube.workloads import Key
from meshtier.mesh.snapshot import RequestRoute
from meshtier.rules.lookup import resolve_host

MESH: Final = "mesh"
"""The gateway of a VirtualService that means all proxies of the mesh; it holds where none is named.

Source: istio/istio pkg/config/constants/constants.go, IstioMeshGateway, at 86c9f01.
"""

_ENTRY: Final = ("ServiceEntry", "networking.istio.io")


def request_routes(found: Mapping[type[Any], Mapping[Key, Any]], domain: str) -> Iterator[RequestRoute]:
    """Those that route the requests of the mesh itself, and not only what comes in by a Gateway.

    Args:
        found: The objects of a cluster by kind, namespace and name.
        domain: The DNS domain of its services.
    """
    for kind in (schema.HTTPRoute, schema.GRPCRoute):
        for (namespace, name), route in found[kind].items():
            refs = (route.spec.parent_refs if route.spec is not None else None) or ()
            entries = found[schema.ServiceEntry]
            hosts = tuple(host for ref in refs for host in _hosts_of(ref, namespace, domain, entries))
            if hosts:
                yield RequestRoute(kind=kind.__name__, namespace=namespace, name=name, hosts=hosts)
    for (namespace, name), each in found[schema.VirtualService].items():
        spec = each.spec or schema.VirtualServiceSpec()
        if MESH in (spec.gateways or (MESH,)):
            hosts = tuple(resolve_host(host.lower(), namespace, domain=domain) for host in spec.hosts or ())
            yield RequestRoute(kind="VirtualService", namespace=namespace, name=name, hosts=hosts)


def _hosts_of(ref: schema.ParentReference, namespace: str, domain: str, entries: Mapping[Key, Any]) -> Sequence[str]:
    """The hosts that a route is attached to; none if that is a Gateway.

    Source: istio/istio pilot/pkg/config/kube/gateway/conversion.go, toInternalParentReference, at 86c9f01.
    """
    where = ref.namespace or namespace
    if ref.kind == "Service" and not ref.group and ref.name:
        return (f"{ref.name}.{where}.svc.{domain}",)
    entry = entries.get((where, ref.name or "")) if (ref.kind, ref.group) == _ENTRY else None
    hosts = entry.spec.hosts if entry is not None and entry.spec is not None else None
    return [host.lower() for host in hosts or ()]
