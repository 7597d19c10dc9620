"""Which fields of a ztunnel's dump are read? Their declaration, and the dump's lists and maps by it.

As ``istioctl ztunnel-config all -o json`` and ztunnel's ``/config_dump`` write
it. Workloads, services and endpoints are lists in some versions and maps in others.

Source: istio/ztunnel src/state/workload.rs and src/state/service.rs at 62d8265;
istio/istio istioctl/pkg/writer/ztunnel/configdump/api.go at 86c9f01.
"""
# ruff: noqa: D101  # a docstring stands only where it says more than the name

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from attrs import frozen

from meshtier.kube.decode import Refuse, in_short, is_list, is_mapping, object_from_mapping

_Schema = TypeVar("_Schema")


@frozen(eq=False, repr=False)
class DumpLocality:
    region: str | None = None
    zone: str | None = None
    subzone: str | None = None


@frozen(eq=False, repr=False)
class DumpGateway:
    """A gateway or waypoint, as ``network/address`` or ``namespace/hostname``."""

    destination: str | None = None


@frozen(eq=False, repr=False)
class DumpWorkload:
    uid: str | None = None
    name: str | None = None
    namespace: str | None = None
    workload_ips: Sequence[str] | None = None
    hostname: str | None = None
    network: str | None = None
    node: str | None = None
    cluster_id: str | None = None
    status: str | None = None
    capacity: int | None = None
    locality: DumpLocality | None = None
    network_gateway: DumpGateway | None = None
    canonical_name: str | None = None
    canonical_revision: str | None = None


@frozen(eq=False, repr=False)
class DumpLoadBalancer:
    mode: str | None = None
    routing_preferences: Sequence[str] | None = None
    health_policy: str | None = None


@frozen(eq=False, repr=False)
class DumpEndpoint:
    """A workload behind a service; ``port`` maps the service's ports to the workload's."""

    workload_uid: str
    port: Mapping[str, Any] | None = None
    status: str | None = None


@frozen(eq=False, repr=False)
class DumpService:
    """A service; its endpoints are read by `members` once more, so that each has its path."""

    name: str
    namespace: str
    hostname: str
    vips: Sequence[str] | None = None
    ports: Mapping[str, Any] | None = None
    load_balancer: DumpLoadBalancer | None = None
    waypoint: DumpGateway | None = None
    endpoints: Any = None


def members(schema: type[_Schema], found: object, path: str, refuse: Refuse) -> Iterator[tuple[str, _Schema]]:
    """Each member of a list or map, with its path; what cannot be read is refused."""
    for where, value in each_of(found, path, refuse):
        member = object_from_mapping(schema, value, partial(_refuse_within, refuse, where))
        if member is not None:
            yield where, member


def _refuse_within(refuse: Refuse, where: str, path: str, problem: str) -> None:
    refuse(f"{where}.{path}" if path else where, problem)


def each_of(found: object, path: str, refuse: Refuse) -> Iterator[tuple[str, object]]:
    """Each member of a list or map as it is, with its path."""
    if is_mapping(found):
        yield from ((f"{path}[{key}]", value) for key, value in found.items())
    elif is_list(found):
        yield from ((f"{path}[{index}]", value) for index, value in enumerate(found))
    elif found is not None:
        refuse(path, f"expected a list or a mapping, got {in_short(found)}")
