"""Which Gateways lead to other networks, where are they, and what is doubtful about them? (NET-2, LOC-3)"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import evolve

from meshtier.kube import schema
from meshtier.kube.places import NETWORK, Places, labelled_place
from meshtier.kube.workloads import Key
from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.mesh.snapshot import PeeringGateway
from meshtier.note import Note

REMOTE_CLASS: Final = "istio-remote"
"""The class of a Gateway that stands for another cluster's (LOC-3).

Source: istio/istio ambient/networks.go, localK8sGatewayToNetworkGateways, at 86c9f01.
"""

LOCAL_CLASSES: Final = frozenset({"istio-east-west", "istio-eastwest"})
"""The classes of a Gateway through which others reach this cluster: Istio's, and Solo's way to write it.

Source: istio/istio ambient/networks.go, remoteK8sGatewayToNetworkGateways, at 86c9f01.
"""

_TYPES: Final = (None, "IPAddress", "Hostname")
"""The types of addresses that count, ``IPAddress`` being the field's default; same source, both functions."""

_CLUSTER: Final = SCOPE_LABELS[Scope.CLUSTER]


def peering_gateways(found: Mapping[Key, schema.Gateway], cluster: str, places: Places) -> tuple[PeeringGateway, ...]:
    """The Gateways through which other networks are reached, or reach this cluster, in the order of the input.

    Args:
        found: All Gateways, by namespace and name.
        cluster: The cluster's name.
        places: Gives its network.
    """
    made: list[PeeringGateway] = []
    for key, gateway in found.items():
        kind = (gateway.spec.gateway_class_name if gateway.spec is not None else None) or ""
        if kind == REMOTE_CLASS or kind in LOCAL_CLASSES:
            made.append(_gateway(key, gateway, cluster, places, is_remote=kind == REMOTE_CLASS))
    networks: defaultdict[str, set[str]] = defaultdict(set)
    for each in made:
        if each.remote and each.cluster:
            networks[each.cluster].add(each.place.locality.network)
    return tuple(evolve(each, notes=(*each.notes, *_doubts_of_peer(each, cluster, networks))) for each in made)


def _gateway(key: Key, found: schema.Gateway, cluster: str, places: Places, *, is_remote: bool) -> PeeringGateway:
    spec = found.spec or schema.GatewaySpec()
    labels = found.metadata.labels or {}
    title = f"Gateway {'/'.join(key)}"
    network, origin = ("", "") if is_remote else (places.network, places.network_origin)
    place = labelled_place(title, labels, network=network, network_origin=origin)
    ready, addresses, address_notes = _addresses(title, spec, found.status)
    hbone, listener_notes = _hbone(title, spec.listeners)
    notes = [*address_notes, *listener_notes]
    if not labels.get(NETWORK):
        text = f"it has no label {NETWORK}, without which Istio takes it for the gateway of no network"
        notes.append(Note("gateway-network-missing", text, title))
    missing = [
        SCOPE_LABELS[scope] for scope in (Scope.REGION, Scope.ZONE) if is_remote and not place.locality.part(scope)
    ]
    if missing:
        text = (
            f"it has no label {' and no label '.join(missing)}: where the endpoints behind it are, is unknown that far"
        )
        notes.append(Note("gateway-place-missing", text, title))
    return PeeringGateway(
        name=key[1],
        namespace=key[0],
        remote=is_remote,
        cluster=labels.get(_CLUSTER) or ("" if is_remote else cluster),
        place=place,
        addresses=addresses,
        ready=ready,
        hbone=hbone,
        notes=tuple(notes),
    )


def _addresses(
    title: str, spec: schema.GatewaySpec, status: schema.GatewayStatus | None
) -> tuple[bool, tuple[str, ...], Sequence[Note]]:
    """Whether anything is sent there, and where: by the status, or the spec of a manifest without one (NET-2)."""
    # Tools write ``status: {}`` into manifests.
    if status is not None and (status.addresses is not None or status.conditions):
        addresses = _known(status.addresses)
        if addresses:
            return True, addresses, ()
        text = "its status has no address of type IPAddress or Hostname: nothing is sent there"
        return False, (), (Note("gateway-without-address", text, title),)
    addresses = _known(spec.addresses)
    if addresses:
        return True, addresses, ()
    text = "it has neither a status nor an address of type IPAddress or Hostname in its spec; one is assumed"
    return True, (), (Note("gateway-address-assumed", text, title),)


def _known(addresses: Sequence[schema.GatewayAddress] | None) -> tuple[str, ...]:
    return tuple(each.value for each in addresses or () if each.value and each.type in _TYPES)


def _hbone(title: str, listeners: Sequence[schema.Listener] | None) -> tuple[bool, Sequence[Note]]:
    """Whether a listener speaks HBONE, as both functions of networks.go ask."""
    # Of a gateway of another cluster Istio also asks that it ends TLS there, as its own template has it; Solo's
    # gateways pass it through, and lead there all the same.
    if listeners is None:  # the API server asks for one, so this manifest is shortened
        return True, (Note("gateway-listener-assumed", "it has no listeners; one of HBONE is assumed", title),)
    if any(listener.protocol == "HBONE" for listener in listeners):
        return True, ()
    text = "no listener of it has the protocol HBONE: ztunnels and waypoints do not send there"
    return False, (Note("gateway-without-hbone", text, title),)


def _doubts_of_peer(gateway: PeeringGateway, cluster: str, networks: Mapping[str, set[str]]) -> Sequence[Note]:
    """What is doubtful about the cluster that an ``istio-remote`` Gateway names."""
    if not gateway.remote or not gateway.cluster:
        return ()
    if gateway.cluster == cluster:
        text = f"its label {_CLUSTER} names its own cluster {cluster!r}, and not a peer"
        return (Note("peer-is-itself", text, str(gateway)),)
    if len(networks[gateway.cluster]) > 1:
        listed = " and ".join(repr(network) for network in sorted(networks[gateway.cluster]))
        text = f"Gateways of class {REMOTE_CLASS} lead to cluster {gateway.cluster!r} in the networks {listed}"
        return (Note("peer-named-twice", text, str(gateway)),)
    return ()
