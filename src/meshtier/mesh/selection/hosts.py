"""Which endpoints does an Envoy keep as hosts of what Istio hands to it? (NET-1)"""

from collections.abc import Iterable, Iterator, Sequence

from attrs import evolve

from meshtier.dataplane import LocalityGroup
from meshtier.endpoint import Endpoint
from meshtier.mesh.visible import VisibleEndpoints
from meshtier.note import Note


def kept(groups: Sequence[LocalityGroup], visible: VisibleEndpoints) -> tuple[LocalityGroup, ...]:
    """The groups with each host where it is listed first, for there alone an Envoy has it.

    Istio replaces the pods of another network in each locality by the gateways
    that lead there, so that one gateway can stand in several localities, and
    lists these by their text. The others keep their weight and have one host less.

    Source: istio/istio pilot/pkg/xds/endpoints/ep_filters.go, EndpointsByNetworkFilter, and endpoint_builder.go,
    at 86c9f01; Envoy 1.40.0 as measured: of duplicate addresses the first that is listed wins.
    """
    hosts = visible.hosts
    if len(set(hosts.values())) == len(hosts):
        return tuple(groups)
    first: dict[object, str] = {}
    for group in sorted(groups, key=lambda group: (group.locality.text, group.priority)):
        for endpoint in group.endpoints:
            if endpoint.id in hosts:
                first.setdefault(hosts[endpoint.id], endpoint.id)

    def stays(endpoint: Endpoint) -> bool:
        return endpoint.id not in hosts or first[hosts[endpoint.id]] == endpoint.id

    return tuple(evolve(group, endpoints=tuple(filter(stays, group.endpoints))) for group in groups)


def dropped(groups: Sequence[LocalityGroup], visible: VisibleEndpoints) -> frozenset[str]:
    """The ids of what the Envoy drops of the groups that it is handed, given those that are left."""
    left = {endpoint.id for group in groups for endpoint in group.endpoints} if visible.hosts else set[str]()
    return frozenset(visible.hosts.keys() - left)


def listed_twice(visible: VisibleEndpoints, names: Iterable[str]) -> Iterator[Note]:
    """A note for each gateway that stands in several localities, given the ids of what is dropped."""
    for name in dict.fromkeys(str(visible.available[name].gateway) for name in sorted(names)):
        text = "it stands for endpoints of several localities; an Envoy keeps it in the first that is listed, alone"
        yield Note("gateway-listed-twice", text, name)
