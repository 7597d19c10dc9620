"""What stands behind a host? One endpoint of it, with what it is made from."""

from collections.abc import Mapping

from attrs import field, frozen

from meshtier.endpoint import Endpoint, Exclusion
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.labels import Labels
from meshtier.locality import SCOPE_LABELS, SCOPES, Locality, Scope
from meshtier.mesh.snapshot import PeeringGateway, Place, Service, Workload
from meshtier.table import brief


@frozen(kw_only=True)
class ServiceEndpoint:
    """One endpoint of a host, with what it is made from.

    Attributes:
        endpoint: As the selection sees it.
        workload: The workload that it stands for; for a network endpoint a made
            one at the gateway's address.
        service: The service, of its own cluster, that it stands behind.
        place: Where it seems to be, and what says so.
        gateways: The gateways through which it is reached; none if directly. A
            network endpoint has the one that it is.
        behind: For a network endpoint, what it stands for (NET-1).
        group: Where an Envoy puts it beside other endpoints, as
            ``region/zone/subzone``; ``None`` for where it seems to be (LOC-3).
        ports: The service's ports that it serves; ``None``: all of them.
    """

    endpoint: Endpoint
    workload: Workload
    service: Service
    place: Place
    gateways: tuple[PeeringGateway, ...] = ()
    behind: "tuple[ServiceEndpoint, ...]" = field(default=(), repr=brief)
    group: Locality | None = None
    ports: frozenset[int] | None = None

    @property
    def gateway(self) -> PeeringGateway | None:
        """The gateway through which it is reached, the first of several; ``None`` if directly."""
        return self.gateways[0] if self.gateways else None


LeftOut = tuple[ServiceEndpoint, Exclusion]
"""An endpoint that cannot be chosen, and why."""


def is_announcement(workload: Workload) -> bool:
    """Whether it has no address, and only announces that there is something in another network (LOC-4)."""
    return not workload.addresses and (workload.kind != "Pod" or bool(workload.remote_cluster))


def with_place_labels(labels: Mapping[str, str], locality: Locality, cluster: str) -> Labels:
    """The labels with those of the place added, as Envoys compare them (DR-3).

    Source: istio/istio pilot/pkg/serviceregistry/util/label/label.go,
    AugmentLabels, at 86c9f01.
    """
    added = {SCOPE_LABELS[scope]: part for scope, part in zip(SCOPES, locality, strict=True) if part}
    if cluster:
        added[SCOPE_LABELS[Scope.CLUSTER]] = cluster
    return Labels.trusted({**labels, **added})


def find_endpoint(name: str, known: Mapping[str, ServiceEndpoint]) -> ServiceEndpoint:
    """The endpoint of this id, or the only one whose id ends so, after a ``/`` or ``-``.

    Raises:
        UnknownNameError: There is none.
        InvalidValueError: There are several.
    """
    if name in known:
        return known[name]
    ends = [identifier for identifier in known if identifier.endswith((f"/{name}", f"-{name}"))]
    if len(ends) == 1:
        return known[ends[0]]
    if ends:
        raise InvalidValueError(
            f"{name!r} could mean {', '.join(sorted(ends))}; say which by its full name", "endpoint"
        )
    raise UnknownNameError.among("endpoint of the host", name, sorted(known))
