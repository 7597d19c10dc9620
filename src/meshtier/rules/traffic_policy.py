"""How is the traffic of one host, port or subset handled? ``trafficPolicy`` and its load balancer.

``read`` refuses what Istio's validation refuses: istio/istio
pkg/config/validation/validation.go, validateTrafficPolicy, at 86c9f01.
"""

import enum
import re
from typing import Final

from attrs import field, frozen
from typing_extensions import override

from meshtier.labels import NO_LABELS, Labels
from meshtier.rules.block import DURATION, KEPT, NAME, Block, Kind, at, block, blocks, in_manifest, read_fields
from meshtier.rules.fields import FieldReader
from meshtier.rules.kept import NOTHING_KEPT, Kept, shown
from meshtier.rules.locality_setting import LocalitySetting, ZoneAwareSetting
from meshtier.rules.outlier import OutlierDetection


class Algorithm(enum.Enum):
    """How an Envoy chooses among the endpoints of one priority; the value is the manifest's word."""

    LEAST_REQUEST = "LEAST_REQUEST"  # Istio's default: fewest open requests of two drawn
    ROUND_ROBIN = "ROUND_ROBIN"  # to be even and predictable
    RANDOM = "RANDOM"  # ignores the weights of endpoints
    PASSTHROUGH = "PASSTHROUGH"  # to the address that the client asked for; nothing is chosen


ALGORITHM_WORDS: Final[dict[str, Algorithm | None]] = {
    **{algorithm.value: algorithm for algorithm in Algorithm},
    "LEAST_CONN": Algorithm.LEAST_REQUEST,  # deprecated
    "UNSPECIFIED": None,  # counts as not set
}
"""Every word that ``simple`` may have."""


def _read_algorithm(reader: FieldReader, key: str) -> Algorithm | None:
    word = reader.text(key)
    if word is None:
        return None
    if word not in ALGORITHM_WORDS:
        reader.refuse(key, f"expected one of {', '.join(ALGORITHM_WORDS)}, got {shown(word)}")
        return None
    return ALGORITHM_WORDS[word]


DNS_LABEL: Final = re.compile("[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
"""What a namespace, a subset and each part of a host name can be called."""

_MAX_AGGRESSION: Final = 1e6  # the curve has long become a step by then


def _number(most: float) -> Kind[float]:
    return Kind(lambda reader, key: reader.number(key, least=0, most=most))


def _read_warmup_duration(reader: FieldReader, key: str) -> float:
    if not reader.has(key):
        reader.refuse(key, "expected a duration such as '10s', got none")
    return reader.duration(key) or 0.0


@frozen(kw_only=True)
class Warmup(Block):
    """How an endpoint that is new gets its share little by little.

    Attributes:
        duration_s: Until it has all of it, in seconds.
        minimum_percent: What it starts with; unset means 10.
        aggression: How the share grows; 1, the default, is linear.
        extra: Fields that were not understood.
    """

    duration_s: float = field(metadata=in_manifest("duration", Kind(_read_warmup_duration, DURATION.write)))
    minimum_percent: float | None = at("minimumPercent", _number(100))
    aggression: float | None = at("aggression", _number(_MAX_AGGRESSION))
    extra: Kept = NOTHING_KEPT

    @override
    def check(self, reader: FieldReader) -> None:
        if self.aggression == 0:
            reader.refuse("aggression", "expected a number above 0, got 0")


@frozen(kw_only=True)
class LoadBalancer(Block):
    """The ``loadBalancer`` block.

    Attributes:
        simple: The algorithm, if it was given; see `algorithm`.
        consistent_hash: The hashing block as written; excludes *simple*.
        locality: Its ``localityLbSetting``.
        zone_aware: Its ``zoneAwareLbSetting``.
        warmup: How new endpoints come in.
        warmup_duration_s: The deprecated form of the same.
        extra: Fields that were not understood.
    """

    simple: Algorithm | None = at("simple", Kind(_read_algorithm, lambda algorithm: algorithm.value))
    consistent_hash: Kept | None = at("consistentHash", KEPT)
    locality: LocalitySetting | None = at("localityLbSetting", block(LocalitySetting))
    zone_aware: ZoneAwareSetting | None = at("zoneAwareLbSetting", block(ZoneAwareSetting))
    warmup: Warmup | None = at("warmup", block(Warmup))
    warmup_duration_s: float | None = at("warmupDurationSecs", DURATION)
    extra: Kept = NOTHING_KEPT

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm in force where no hashing is asked for."""
        return self.simple or Algorithm.LEAST_REQUEST

    @override
    def check(self, reader: FieldReader) -> None:
        if self.locality and self.zone_aware:
            reader.refuse("", "expected only one of localityLbSetting and zoneAwareLbSetting, got both")
        if reader.has("simple") and self.consistent_hash is not None:
            reader.refuse("", "expected only one of simple and consistentHash, got both")


@frozen(kw_only=True)
class PortPolicy(Block):
    """One of ``portLevelSettings``.

    Attributes:
        port: The service's port that it is for.
        policy: What replaces the settings of the whole.
    """

    port: int
    policy: "TrafficPolicy"

    @override
    @classmethod
    def read(cls, reader: FieldReader) -> "PortPolicy":
        """The settings in *reader*: a port, and beside it four of the fields of a policy."""
        port = reader.section("port") or FieldReader({}, reader.problems)
        number = port.integer("number", least=1, most=65535)
        if not port.has("number"):
            reader.refuse("port.number", "expected the number of a port, got none")
        port.rest()
        policy = TrafficPolicy(**read_fields(TrafficPolicy, reader, only=PORT_FIELDS))
        if policy == TrafficPolicy():
            reader.refuse("", "expected a setting beside the port, as Istio's validation does, got none")
        return cls(port=number or 0, policy=policy)

    @override
    def to_mapping(self) -> dict[str, object]:
        """The settings as plain data."""
        return {"port": {"number": self.port}, **self.policy.to_mapping()}


PORT_FIELDS: Final = ("load_balancer", "outlier_detection", "connection_pool", "tls")
"""What a port can set, and replaces as a whole, by attribute of `TrafficPolicy`."""


@frozen(kw_only=True)
class TrafficPolicy(Block):
    """The ``trafficPolicy`` of a rule, of a subset or of a port.

    Attributes:
        load_balancer: How endpoints are chosen.
        outlier_detection: When endpoints are ejected.
        port_level: Settings for single ports; the first for a port holds.
        connection_pool: As written; no part in what is computed here.
        tls: As written.
        tunnel: As written.
        proxy_protocol: As written.
        retry_budget: As written.
        extra: Fields that were not understood.
    """

    load_balancer: LoadBalancer | None = at("loadBalancer", block(LoadBalancer))
    outlier_detection: OutlierDetection | None = at("outlierDetection", block(OutlierDetection))
    port_level: tuple[PortPolicy, ...] = field(
        default=(), converter=tuple[PortPolicy, ...], metadata=in_manifest("portLevelSettings", blocks(PortPolicy))
    )
    connection_pool: Kept | None = at("connectionPool", KEPT)
    tls: Kept | None = at("tls", KEPT)
    tunnel: Kept | None = at("tunnel", KEPT)
    proxy_protocol: Kept | None = at("proxyProtocol", KEPT)
    retry_budget: Kept | None = at("retryBudget", KEPT)
    extra: Kept = NOTHING_KEPT

    @override
    def check(self, reader: FieldReader) -> None:
        if reader.is_empty():
            reader.refuse("", "expected at least one field, as Istio's validation does, got none")
        if reader.has("tunnel") and reader.has("proxyProtocol"):
            reader.refuse("", "expected only one of tunnel and proxyProtocol, got both")


@frozen(kw_only=True)
class Subset(Block):
    """A named part of the endpoints, with a policy that overrides the rule's.

    Attributes:
        name: As routes call it.
        labels: What an endpoint must bear to be in it.
        traffic_policy: Its own settings.
        extra: Fields that were not understood.
    """

    name: str = field(metadata=in_manifest("name", NAME))
    labels: Labels = field(
        default=NO_LABELS,
        metadata=in_manifest(
            "labels",
            Kind(lambda reader, key: reader.labels(key) or NO_LABELS, lambda labels: dict(labels) or None),
        ),
    )
    traffic_policy: TrafficPolicy | None = at("trafficPolicy", block(TrafficPolicy))
    extra: Kept = NOTHING_KEPT

    @override
    def check(self, reader: FieldReader) -> None:
        if not DNS_LABEL.fullmatch(self.name):
            reader.refuse("name", f"expected letters, digits and '-', 63 at most, got {shown(self.name)}")
