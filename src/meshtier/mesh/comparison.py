"""What was compared for one endpoint, and who said each value? Scope by scope, and label by label."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypedDict

from attrs import evolve, frozen

from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.mesh.clients import Client
from meshtier.mesh.snapshot import Place
from meshtier.mesh.visible import ServiceEndpoint
from meshtier.rules import WantedFrom, compare_labels

_SCOPE_OF_LABEL: Final[Mapping[str, Scope]] = {label: scope for scope, label in SCOPE_LABELS.items()}


class ComparisonData(TypedDict):
    """A comparison as plain data."""

    key: str
    client: str
    client_origin: str
    endpoint: str
    endpoint_origin: str
    equal: bool
    counts: bool


@frozen(kw_only=True)
class Comparison:
    """One thing compared.

    Attributes:
        key: A scope, or a label of a DestinationRule.
        client: The client's value, or the one that the rule asks for; ``""`` if unknown.
        client_origin: The object and label that said so; ``""`` if nothing did.
        endpoint: The endpoint's value.
        endpoint_origin: The object and label that said so.
        equal: Whether it held; two unknown values are the same (LOC-6).
        counts: Whether it was reached: nothing after the first difference is compared.
    """

    key: str
    client: str
    client_origin: str
    endpoint: str
    endpoint_origin: str
    equal: bool
    counts: bool = True

    def to_dict(self) -> ComparisonData:
        """The same as plain data."""
        return ComparisonData(
            key=self.key,
            client=self.client,
            client_origin=self.client_origin,
            endpoint=self.endpoint,
            endpoint_origin=self.endpoint_origin,
            equal=self.equal,
            counts=self.counts,
        )


def scope_comparisons(
    scopes: Sequence[Scope],
    client: Place,
    service_endpoint: ServiceEndpoint,
    *,
    client_cluster: str = "",
    ranked: bool = False,
) -> tuple[Comparison, ...]:
    """What traffic distribution and failover compare, in order, up to and past the first difference.

    Args:
        scopes: What is compared.
        client: Where the component that chooses is.
        member: The endpoint.
        client_cluster: The client's cluster, for scopes that name it.
        ranked: Whether the network is preferred, not required (TIER-3).
    """
    found: list[Comparison] = []
    for scope in scopes:
        here, there = client.locality.part(scope), service_endpoint.place.locality.part(scope)
        if scope is Scope.CLUSTER:
            here, there = client_cluster, service_endpoint.endpoint.cluster
        found.append(
            Comparison(
                key=scope.value,
                client=here,
                client_origin=client.origin(scope),
                endpoint=there,
                endpoint_origin=service_endpoint.place.origin(scope),
                equal=here == there,
            )
        )
    return _up_to_difference(found, preferred=Scope.NETWORK.value if ranked else "")


def label_comparisons(
    failover_priority: Sequence[str],
    labels: Mapping[str, str],
    client: Client,
    place: Place,
    service_endpoint: ServiceEndpoint,
    *,
    ranked: bool = False,
) -> tuple[Comparison, ...]:
    """What failoverPriority compares, in order, up to and past the first difference (DR-3).

    Args:
        failover_priority: The entries.
        labels: The client's labels, those of its place among them.
        client: Where the component that chooses is.
        place: The same as a place.
        member: The endpoint.
        ranked: Whether the network, if it comes first, is preferred, not required (TIER-3).
    """
    found = [
        Comparison(
            key=one.entry,
            client=one.wanted or "",
            client_origin=f"failoverPriority {one.entry}"
            if one.source is WantedFrom.OVERRIDE
            else _label_origin(one.label, place, str(client)),
            endpoint=one.found or "",
            endpoint_origin=_label_origin(one.label, service_endpoint.place, str(service_endpoint.workload)),
            equal=one.equal,
        )
        for one in compare_labels(labels, service_endpoint.endpoint.labels, failover_priority)
    ]
    return _up_to_difference(found, preferred=SCOPE_LABELS[Scope.NETWORK] if ranked else "")


def _up_to_difference(found: Iterable[Comparison], *, preferred: str) -> tuple[Comparison, ...]:
    """The comparisons with those after the first difference as not reached.

    *preferred* may differ where it comes first; the rest is then compared all the same.
    """
    marked: list[Comparison] = []
    goes_on = True
    for position, one in enumerate(found):
        marked.append(one if goes_on else evolve(one, counts=False))
        goes_on = goes_on and (one.equal or (position == 0 and one.key == preferred))
    return tuple(marked)


def _label_origin(label: str, place: Place, owner: str) -> str:
    """Where a label's value was read: the object and label that gave a place, or the workload's own label."""
    scope = _SCOPE_OF_LABEL.get(label)
    if scope is Scope.CLUSTER:
        return "the cluster's name"
    if scope is not None:
        return place.origin(scope)
    return f"{owner} label {label}"
