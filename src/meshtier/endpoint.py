"""What can traffic go to? Endpoints, their health, and why one gets nothing."""

import enum
from collections.abc import Mapping
from typing import Final

from attrs import field, frozen
from typing_extensions import override

from meshtier.errors import check_int, check_member, check_name, check_type
from meshtier.labels import NO_LABELS, Labels
from meshtier.locality import Locality

MAX_WEIGHT: Final = 2**32 - 1
"""The largest weight: the wire formats of ztunnel and Envoy hold 32 bits."""


class Health(enum.Enum):
    """What is known of an endpoint's ability to serve (TIER-5)."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"  # serves, and is used only when the healthy do not suffice
    UNHEALTHY = "unhealthy"  # not ready, failing its checks, or ejected
    TERMINATING = "terminating"  # on its way out: finishes what it has, gets nothing new

    serves: bool
    """Whether an endpoint in this state takes new traffic where degraded is not told from healthy, as at ztunnel."""

    def __init__(self, value: str) -> None:
        self.serves = value in {"healthy", "degraded"}


def _labels(value: Mapping[str, str]) -> Labels:
    if isinstance(value, Labels):
        return value
    check_type(value, Mapping, "labels")
    return Labels(value) if value else NO_LABELS


@frozen
class Endpoint:
    """One place that traffic can go.

    Attributes:
        id: Opaque here; unique within one set of endpoints.
        locality: Where it is.
        weight: Share of its tier relative to its peers, no unit; 0 to 2**32 - 1.
            An endpoint of weight 0 gets no traffic, and stays in its tier.
        health: What is known of its ability to serve; moves it to no other tier (TIER-5).
        cluster: The cluster that it belongs to; ``""`` if unknown.
        labels: Its labels, as failoverPriority reads them (DR-3).

    Raises:
        InvalidValueError: A field is of the wrong type or out of range.

    >>> Endpoint("reviews-1", Locality(zone="a"))
    Endpoint(id='reviews-1', locality=Locality(zone='a'))
    """

    id: str
    locality: Locality
    weight: int = field(default=1, kw_only=True)
    health: Health = field(default=Health.HEALTHY, kw_only=True)
    cluster: str = field(default="", kw_only=True)
    labels: Mapping[str, str] = field(default=NO_LABELS, converter=_labels, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_name(self.id, "id")
        check_type(self.locality, Locality, "locality")
        check_int(self.weight, "weight", least=0, most=MAX_WEIGHT)
        check_member(self.health, Health, "health")
        check_type(self.cluster, str, "cluster")

    @override
    def __repr__(self) -> str:
        parts = [f"id={self.id!r}", f"locality={self.locality!r}"]
        if self.weight != 1:
            parts.append(f"weight={self.weight}")
        if self.health is not Health.HEALTHY:
            parts.append(f"health={self.health}")
        if self.cluster:
            parts.append(f"cluster={self.cluster!r}")
        if self.labels:
            parts.append(f"labels={self.labels!r}")
        return f"Endpoint({', '.join(parts)})"


class Reason(enum.Enum):
    """Why an endpoint can get no traffic; the value is the sentence that a reader sees."""

    NOT_FULL_MATCH = "not every required scope matches"  # a strict choice (PREC-3)
    NOT_LOCAL = "not on the client's node"  # internalTrafficPolicy: Local (PREC-3)
    UNHEALTHY = "not healthy"  # ztunnel leaves it out before it chooses (TIER-5)
    TERMINATING = "terminating"  # gets no new connections
    OTHER_CLUSTER = "in another cluster, which the host does not reach"  # COMP-3
    OTHER_SEGMENT = "in a cluster of another segment, which the host does not reach"  # COMP-3, scope segment
    NO_ADDRESS = "has no address, and no gateway leads to it"
    NO_PORT = "does not serve the port"
    NOT_IN_SUBSET = "not in the subset"  # DR-1
    NO_DISTRIBUTE_MATCH = "no 'to' of the distribute rule matches its locality"  # DR-6


@frozen
class Exclusion:
    """An endpoint that can get no traffic, and the one reason why.

    Attributes:
        endpoint: The endpoint.
        reason: Why.
        rule: The rule that says so, as in ``"PREC-3"``.
        detail: What exactly was found; ``""`` where the reason says it all.
    """

    endpoint: Endpoint
    reason: Reason
    rule: str
    detail: str = ""

    @override
    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.endpoint.id}: {self.reason.value}{detail} [{self.rule}]"
