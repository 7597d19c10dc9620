"""What should a reader of an answer beware of? The notes on what is easily overlooked."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from operator import attrgetter
from typing import Final, TypeAlias

from meshtier.component import Component
from meshtier.dataplane import EnvoySettings, LbPolicy, LocalityGroup, check_groups
from meshtier.endpoint import Endpoint, Reason
from meshtier.errors import InvalidValueError
from meshtier.locality import Locality, Scope
from meshtier.mesh.clients import Client
from meshtier.mesh.effective_rule import EffectiveRule
from meshtier.mesh.hostnames import GLOBAL_DOMAIN, Binding, Naming
from meshtier.mesh.snapshot import Service, Workload
from meshtier.mesh.waypoint import GATEWAY_NAME_LABEL, NoWaypoint, Waypoint
from meshtier.note import Note
from meshtier.precedence import ANNOTATION, Level, Resolution
from meshtier.profile import Profile
from meshtier.rules import compare_labels


def beside_the_way(
    component: Component, service: Service, client: Client, left_out: Waypoint | NoWaypoint | None
) -> tuple[Note, ...]:
    """Notes if the traffic of this client takes another way than by the one component that was asked about (PATH).

    Args:
        component: That component.
        service: What is asked for.
        client: Who asks.
        left_out: What the service names as its waypoint, if the component by itself leaves it out; else ``None``.
    """
    workload = client.workload
    if workload is None:
        return ()
    notes: tuple[Note, ...] = ()
    is_gateways = component in (Component.INGRESS_GATEWAY, Component.KGATEWAY)
    if _is_gateway(workload) is not is_gateways:
        if not is_gateways:
            return ()
        text = "it is no gateway's pod; the answer is that of a gateway in its place"
        notes = (Note("not-a-gateway", text, str(client)),)
    if left_out is None:
        return notes
    if isinstance(left_out, NoWaypoint):
        consequence = f"this is {component} without it" if left_out.binds else "traffic goes straight"
        return (*notes, left_out.because(consequence))
    text = f"traffic goes through its waypoint {service.waypoint}; this is {component} without it (ask --via auto)"
    return (*notes, Note("waypoint-in-path", text, str(service)))


def _is_gateway(workload: Workload) -> bool:
    return GATEWAY_NAME_LABEL in workload.labels or workload.proxy not in (None, Component.SIDECAR)


def outside_the_mesh(client: Client) -> tuple[Note, ...]:
    """A note if the client takes no part in the mesh, so that none of its components sees the traffic (PATH-4)."""
    workload = client.workload
    # Gateways are kept out of ztunnel's way as well, and are of the mesh all the same.
    if workload is None or workload.takes_part is not False or workload.proxy or GATEWAY_NAME_LABEL in workload.labels:
        return ()
    text = "it takes no part in the mesh, so kube-proxy chooses for it; the answer is that of a ztunnel in its place"
    return (Note("client-outside-mesh", text, str(client)),)


def straight(service: Service, waypoint: NoWaypoint) -> tuple[Note, ...]:
    """Why the waypoint that a service names is not in the path (WP-2); nothing where it names none."""
    return (waypoint.because("traffic goes straight"),) if service.waypoint else ()


def set_in_vain(component: Component, resolution: Resolution) -> tuple[Note, ...]:
    """A note if what the Service of a waypoint sets has no effect on who chooses one of its pods (PATH-2)."""
    if resolution.source.level is Level.DEFAULT:
        return ()
    text = f"{resolution.source} has no effect: {component} is told of a waypoint's pods without any priority"
    return (Note("waypoint-mode-not-obeyed", text),)


def kept_local(binding: Binding) -> Note:
    """Of a name that is taken over a waypoint has its own cluster's endpoints alone (WP-3)."""
    text = f"{binding.host} is taken over, and of such a name a waypoint has its own cluster's endpoints alone"
    if not any(service.backends for service in binding.services):
        text = f"{text}: there is none, and so requests fail"
    return Note("waypoint-keeps-local", text, str(binding.service))


def may_keep_local(binding: Binding, endpoints: Iterable[Endpoint], own: str) -> tuple[Note, ...]:
    """A note if a ztunnel's dump has a local name with endpoints elsewhere, which a waypoint may lack (WP-3)."""
    service = binding.service
    is_local = service.kind == "Service" and not binding.host.endswith(f".{GLOBAL_DOMAIN}")
    if service.preference is None or not is_local or all(endpoint.cluster in ("", own) for endpoint in endpoints):
        return ()
    text = f"the dump does not say whether {binding.host} is taken over; if it is, a waypoint has its own"
    return (Note("waypoint-may-keep-local", f"{text} cluster's endpoints alone", str(service)),)


def no_way(service: Service, waypoint: Waypoint | NoWaypoint) -> Note:
    """Why there is no first choice, of a waypoint pod (COMP-1)."""
    beside = "the answer is that of a waypoint beside the client"
    if isinstance(waypoint, NoWaypoint):
        return waypoint.because(beside)
    text = f"the client is no pod, so no way to its waypoint is known; {beside}"
    return Note("waypoint-from-nowhere", text, str(service))


def foreign_host(binding: Binding, profile: Profile) -> Note:
    """The profile has no such host names, and an answer is given all the same (COMP-3)."""
    text = f"profile {profile.name} knows no hosts of {GLOBAL_DOMAIN}; this is what its rules make of the endpoints"
    return Note("foreign-host", text, str(binding.service))


_HERE: Final = "the first is in force here"
_EACH: Final = "each decides for its own endpoints"
_Drifting: TypeAlias = tuple[str, Callable[[Service], str], str]

_SETTINGS: Final[Sequence[_Drifting]] = (
    ("spec.trafficDistribution", lambda service: _quoted(service.traffic_distribution), _HERE),
    (f"the annotation {ANNOTATION}", lambda service: _quoted(service.annotation), _HERE),
    ("spec.internalTrafficPolicy", lambda service: repr(service.internal_traffic_policy or "Cluster"), _HERE),
    ("spec.publishNotReadyAddresses", lambda service: str(service.publish_not_ready).lower(), _EACH),
)
"""What one Service can say differently in two clusters: the field, its value as text, and whose holds."""

_SOLO_SCOPES: Final[Sequence[_Drifting]] = (
    ("the scope", lambda service: repr(service.scope.value), _EACH),
    ("the take-over of the local name", lambda service: str(service.takeover).lower(), _HERE),
)
_ISTIO_SCOPES: Final[Sequence[_Drifting]] = (
    ("the label istio.io/global", lambda service: str(service.istio_global).lower(), _HERE),
)

_all_settings: Final = attrgetter(
    "traffic_distribution",
    "annotation",
    "internal_traffic_policy",
    "publish_not_ready",
    "scope",
    "takeover",
    "istio_global",
)


def drift(binding: Binding, naming: Naming) -> tuple[Note, ...]:
    """A note for each setting in which the Services of a host differ between the clusters that it spans (COMP-3).

    What a ztunnel was told is no setting of a Service, and takes no part.

    Cost: O(clusters).
    """
    own = binding.service
    if not binding.spans_clusters or own.preference is not None:
        return ()
    settings = _all_settings(own)
    if all(_all_settings(each) == settings for each in binding.namesakes):  # as a rule, and cheap to see
        return ()
    reached = [own, *(each for each in binding.services if each is not own and each.kind == "Service")]
    of_segment = [own, *(each for each in binding.namesakes if each is not own and _in_segment(binding, each))]
    scopes = _SOLO_SCOPES if naming.global_services else () if naming.joins_clusters else _ISTIO_SCOPES
    found = [*(_differing(row, reached) for row in _SETTINGS), *(_differing(row, of_segment) for row in scopes)]
    return tuple(Note("settings-differ", text, str(own)) for text in found if text)


def _in_segment(binding: Binding, service: Service) -> bool:
    barrier = binding.why_not(service)
    return barrier is None or barrier.reason is not Reason.OTHER_SEGMENT


def _differing(row: _Drifting, services: Iterable[Service]) -> str:
    """What to say of a setting, the value of the first Service first; ``""`` if all of them agree."""
    what, value_of, holds = row
    clusters: dict[str, list[str]] = {}
    for service in services:
        if service.preference is None:
            clusters.setdefault(value_of(service), []).append(repr(service.cluster))
    if len(clusters) < 2:
        return ""
    said = "; ".join(f"{value} in {', '.join(names)}" for value, names in clusters.items())
    return f"{what} differs between clusters: {said}; {holds}"


def _quoted(value: str | None) -> str:
    return repr(value) if value is not None else "not set"


def unknown_places(client: Locality, scopes: Sequence[Scope], matching: Callable[[int], int]) -> tuple[Note, ...]:
    """A note for each scope at which the client and endpoints match because both are unknown (LOC-6).

    Args:
        client: Where the component that chooses is.
        scopes: What is compared.
        matching: How many endpoints match at the scope of this position and were
            not told apart before it. Asked only where the client is unknown.
    """
    notes: list[Note] = []
    for position, scope in enumerate(scopes):
        if scope is not Scope.CLUSTER and not client.part(scope) and (count := matching(position)):
            text = f"neither the client nor {count} of the endpoints has a known {scope.value}, and so they match"
            notes.append(Note("unknown-place", text))
    return tuple(notes)


def unknown_labels(
    client: Mapping[str, str], failover_priority: Sequence[str], endpoints: Sequence[Endpoint]
) -> tuple[Note, ...]:
    """A note for each label of failoverPriority that the client and endpoints lack, and so match (LOC-6)."""
    missing = [
        one.label
        for one in compare_labels(client, {}, failover_priority)
        if one.equal and any(one.label not in endpoint.labels for endpoint in endpoints)
    ]
    return tuple(
        Note("unknown-label", f"neither the client nor some of the endpoints has the label {label}, and so they match")
        for label in dict.fromkeys(missing)
    )


def unknown_peers() -> Note:
    """Zone-aware routing has a part in the answer that no snapshot shows (LOAD-4)."""
    text = "zone-aware routing depends on where the client's own peers are, which is unknown: it is left out"
    return Note("zone-aware-peers-unknown", text)


def uneven_weights(envoy: EnvoySettings, groups: Iterable[LocalityGroup]) -> tuple[Note, ...]:
    """A note if endpoints beside each other have weights that an Envoy evens out under load (LOAD-4)."""
    if envoy.lb_policy is not LbPolicy.LEAST_REQUEST:
        return ()
    if all(len({endpoint.weight or 1 for endpoint in group.endpoints}) < 2 for group in groups):
        return ()
    text = "LEAST_REQUEST divides by weight while few requests are under way; under load unequal weights even out"
    return (Note("uneven-weights", f"{text}, towards their square roots"),)


def rejected(groups: Iterable[LocalityGroup]) -> tuple[Note, ...]:
    """A note if an Envoy would reject what Istio would tell it, for its weights sum to too much (LOAD-4)."""
    try:
        check_groups(groups)
    except InvalidValueError as error:
        text = f"an Envoy would reject these endpoints, and keep those that it has: {error.problem}"
        return (Note("weights-too-large", text),)
    return ()


def few_to_eject(effective_rule: EffectiveRule, sizes: Sequence[int]) -> tuple[Note, ...]:
    """A note if outlier detection can eject no endpoint, or too few for failover to complete (OD-2).

    Args:
        effective_rule: The rule with the detection.
        sizes: How many hosts each priority has, as the Envoy is told them, the first being the nearest.
    """
    detection = effective_rule.outlier_detection
    hosts = sum(sizes)
    if detection is None or hosts == 0:
        return ()
    percent = detection.limits.max_ejection_percent
    most = detection.limits.most_ejected(hosts)
    title = effective_rule.found.rule.title if effective_rule.found is not None else ""
    if most == 0:
        needed = f"it takes {-(-100 // percent)}" if percent else "no number would do"
        text = f"maxEjectionPercent {percent} of {hosts} endpoints is less than one ({needed}): none is ever ejected,"
        return (Note("ejection-floor", f"{text} and failover by outlier detection cannot happen", title),)
    for reached, nearer in enumerate(accumulate(sizes[:-1]), start=1):
        if nearer > most:
            text = (
                f"maxEjectionPercent {percent} of {hosts} endpoints is {most}, {nearer} come before priority {reached}"
            )
            kept = (
                f"where all of these fail, {'one keeps its' if nearer - most == 1 else f'{nearer - most} keep their'}"
            )
            return (Note("ejection-cap", f"{text}: {kept} traffic, and failover to that cannot complete", title),)
    return ()
