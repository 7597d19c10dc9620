"""Where is something? The scopes of place, and how labels become a locality."""

import enum
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self, SupportsIndex

from typing_extensions import override

from meshtier.errors import check_type


class Scope(enum.Enum):
    """One thing about a place that two places can have in common."""

    NETWORK = "network"  # hosts of one network reach each other without a gateway
    REGION = "region"
    ZONE = "zone"
    SUBZONE = "subzone"
    NODE = "node"
    CLUSTER = "cluster"  # a label of an endpoint, not a level of place


SCOPES: Final = (Scope.NETWORK, Scope.REGION, Scope.ZONE, Scope.SUBZONE, Scope.NODE)
"""The levels of place from wide to narrow; the parts of a `Locality`, in its order."""

SCOPE_LABELS: Final[Mapping[Scope, str]] = MappingProxyType(
    {
        Scope.NETWORK: "topology.istio.io/network",
        Scope.REGION: "topology.kubernetes.io/region",
        Scope.ZONE: "topology.kubernetes.io/zone",
        Scope.SUBZONE: "topology.istio.io/subzone",
        Scope.NODE: "kubernetes.io/hostname",
        Scope.CLUSTER: "topology.istio.io/cluster",
    }
)
"""The label that names each scope (LOC-1, LOC-2, DR-3)."""

LEGACY_LABELS: Final[Mapping[Scope, str]] = MappingProxyType(
    {
        Scope.REGION: "failure-domain.beta.kubernetes.io/region",
        Scope.ZONE: "failure-domain.beta.kubernetes.io/zone",
    }
)
"""The labels of old, read only where the current one is absent (LOC-1)."""


class _Parts(NamedTuple):
    network: str = ""
    region: str = ""
    zone: str = ""
    subzone: str = ""
    node: str = ""


class Locality(_Parts):
    """A place: the tuple (network, region, zone, subzone, node).

    Immutable and hashable; compares and sorts as the tuple that it is, so that
    two places share a scope exactly if the parts at its position are equal. An
    unknown part is ``""``, and two unknown parts match each other (LOC-6).

    Raises:
        InvalidValueError: A part is not a string.

    >>> Locality("net-1", "us-east", "us-east-1a")
    Locality(network='net-1', region='us-east', zone='us-east-1a')
    >>> str(Locality(region="us-east", node="n1"))
    'us-east node=n1'
    """

    __slots__ = ()

    def __new__(cls, network: str = "", region: str = "", zone: str = "", subzone: str = "", node: str = "") -> Self:
        """A locality of five strings."""
        if not (type(network) is type(region) is type(zone) is type(subzone) is type(node) is str):
            for name, part in zip(cls._fields, (network, region, zone, subzone, node), strict=True):
                check_type(part, str, name)
        return super().__new__(cls, network, region, zone, subzone, node)

    @classmethod
    @override
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]  # mypy knows it as generic in cls
        # The inherited one, and with it _replace, would pass our checks by.
        return cls(*iterable)

    @classmethod
    def from_node(cls, labels: Mapping[str, str], *, name: str = "", network: str = "") -> Self:
        """The place of a Kubernetes node, from its labels (LOC-1).

        Args:
            labels: The Node's ``metadata.labels``. The legacy region and zone
                labels count only where the current ones are absent.
            name: The node's name; ``""`` if it is unknown.
            network: The network, which no node label gives (LOC-2).

        >>> Locality.from_node({"topology.kubernetes.io/zone": "a"}, name="n1")
        Locality(zone='a', node='n1')
        """
        return cls(
            network,
            _label(labels, Scope.REGION),
            _label(labels, Scope.ZONE),
            _label(labels, Scope.SUBZONE),
            name,
        )

    @classmethod
    def from_gateway(cls, labels: Mapping[str, str]) -> Self:
        """The place of what is reached through a remote peering Gateway, from the Gateway's labels (LOC-3).

        The node is unknown. The Gateway's cluster is no part of a place; read
        it from the label ``topology.istio.io/cluster``.
        """
        return cls(*(labels.get(SCOPE_LABELS[scope], "") for scope in SCOPES[:-1]))

    @classmethod
    def parse(cls, text: str, *, network: str = "", node: str = "") -> Self:
        """The place written ``region/zone/subzone``, as in a WorkloadEntry (LOC-4).

        Args:
            text: One to three parts; missing and empty parts are unknown. What
                follows a third slash is ignored, as Istio does.
            network: The network, which the text cannot give.
            node: The node's name; ``""`` if it is unknown.

        Raises:
            InvalidValueError: *text* is not a string.

        >>> Locality.parse("us-east/us-east-1a")
        Locality(region='us-east', zone='us-east-1a')
        """
        check_type(text, str, "locality", what="'region/zone/subzone'")
        region, zone, subzone, *_ = *text.split("/"), "", "", ""
        return cls(network, region, zone, subzone, node)

    @property
    def text(self) -> str:
        """Region, zone and subzone as ``region/zone/subzone``, without empty parts at the end.

        >>> Locality(region="r", subzone="s").text
        'r//s'
        """
        return "/".join(self[1:4]).rstrip("/")

    def part(self, scope: Scope) -> str:
        """The name of this place at *scope*; ``""`` for the cluster, which is no part of a place."""
        return "" if scope is Scope.CLUSTER else self[SCOPES.index(scope)]

    @override
    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={part!r}" for name, part in zip(self._fields, self, strict=True) if part)
        return f"{type(self).__name__}({parts})"

    @override
    def __str__(self) -> str:
        network = f"network={self.network}" if self.network else ""
        node = f"node={self.node}" if self.node else ""
        return " ".join(part for part in (network, self.text, node) if part) or "(unknown place)"

    @override
    def __reduce_ex__(self, protocol: SupportsIndex, /) -> tuple[type[Self], tuple[str, ...]]:
        return type(self), tuple(self)


def _label(labels: Mapping[str, str], scope: Scope) -> str:
    value = labels.get(SCOPE_LABELS[scope])
    if value is None and scope in LEGACY_LABELS:
        value = labels.get(LEGACY_LABELS[scope])
    return "" if value is None else value
