"""Which fields of a ztunnel's dump are read? Its shapes, and the dump as these schema.

As ``istioctl ztunnel-config all -o json`` and ztunnel's ``/config_dump`` write
it. Workloads, services and endpoints are lists in some versions and maps in others.

Source: istio/ztunnel src/state/workload.rs and src/state/service.rs at 62d8265;
istio/istio istioctl/pkg/writer/ztunnel/configdump/api.go at 86c9f01.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from attrs import frozen

from meshtier.kube import decode
from meshtier.kube.decode import Report

_Shape = TypeVar("_Shape")


@frozen
class DumpLocality:
    """Where a workload is."""

    region: str | None = None
    zone: str | None = None
    subzone: str | None = None


@frozen
class Gateway:
    """A gateway or waypoint, as ``network/address`` or ``namespace/hostname``."""

    destination: str | None = None


@frozen
class DumpWorkload:
    """A workload."""

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
    network_gateway: Gateway | None = None
    canonical_name: str | None = None
    canonical_revision: str | None = None


@frozen
class LoadBalancer:
    """How a service chooses."""

    mode: str | None = None
    routing_preferences: Sequence[str] | None = None
    health_policy: str | None = None


@frozen
class DumpEndpoint:
    """A workload behind a service; ``port`` maps the service's ports to the workload's."""

    workload_uid: str
    port: Mapping[str, Any] | None = None
    status: str | None = None


@frozen
class DumpService:
    """A service, but for its endpoints."""

    name: str
    namespace: str
    hostname: str
    vips: Sequence[str] | None = None
    ports: Mapping[str, Any] | None = None
    load_balancer: LoadBalancer | None = None
    waypoint: Gateway | None = None


def members(
    shape: type[_Shape], found: object, path: str, report: Report
) -> Iterator[tuple[str, _Shape, Mapping[str, object]]]:
    """Each member of a list or map, with its path and its plain form; what cannot be read is reported."""
    for where, value in _each(found, path, report):
        member = decode.decode(shape, value, partial(_report_within, report, where))
        if member is not None:
            yield where, member, cast("Mapping[str, object]", value)


def _report_within(report: Report, where: str, path: str, problem: str) -> None:
    report(f"{where}.{path}" if path else where, problem)


def _each(found: object, path: str, report: Report) -> Iterator[tuple[str, object]]:
    if found is None:
        return
    if isinstance(found, Mapping):
        for key, value in cast("Mapping[object, object]", found).items():
            yield f"{path}[{key}]", value
    elif isinstance(found, Sequence) and not isinstance(found, str):
        for index, value in enumerate(cast("Sequence[object]", found)):
            yield f"{path}[{index}]", value
    else:
        report(path, f"expected a list or a mapping, got {decode.shown(found)}")
