"""How is the traffic of one host, port or subset handled? ``trafficPolicy`` and its load balancer."""

import enum
from typing import Final

from attrs import field, frozen

from meshtier.labels import NO_LABELS, Labels
from meshtier.rules.duration import to_duration
from meshtier.rules.fields import NOTHING_KEPT, Kept, Reader, shown
from meshtier.rules.locality_setting import LocalitySetting, ZoneAwareSetting
from meshtier.rules.outlier import OutlierDetection


class Algorithm(enum.Enum):
    """How an Envoy chooses among the endpoints of one priority; the value is the manifest's word."""

    LEAST_REQUEST = "LEAST_REQUEST"  # Istio's default: fewest open requests of two drawn
    ROUND_ROBIN = "ROUND_ROBIN"  # to be even and predictable
    RANDOM = "RANDOM"  # passes over the weights of endpoints
    PASSTHROUGH = "PASSTHROUGH"  # to the address that the client asked for; nothing is chosen


ALGORITHM_WORDS: Final[dict[str, Algorithm | None]] = {
    **{algorithm.value: algorithm for algorithm in Algorithm},
    "LEAST_CONN": Algorithm.LEAST_REQUEST,  # deprecated
    "UNSPECIFIED": None,  # counts as not set
}
"""Every word that ``simple`` may have."""


_MAX_AGGRESSION: Final = 1e6  # the curve has long become a step by then


@frozen(kw_only=True)
class Warmup:
    """How an endpoint that is new gets its share little by little.

    Attributes:
        duration_s: Until it has all of it, in seconds.
        minimum_percent: What it starts with; unset means 10.
        aggression: How the share grows; 1, the default, is linear.
        extra: Fields that were not understood.
    """

    duration_s: float
    minimum_percent: float | None = None
    aggression: float | None = None
    extra: Kept = NOTHING_KEPT

    @classmethod
    def read(cls, reader: Reader) -> "Warmup":
        """The block in *reader*; problems go to its report."""
        if not reader.has("duration"):
            reader.refuse("duration", "expected a duration such as '10s', got none")
        found = cls(
            duration_s=reader.duration("duration") or 0.0,
            minimum_percent=reader.number("minimumPercent", least=0, most=100),
            aggression=reader.number("aggression", least=0, most=_MAX_AGGRESSION),
            extra=reader.rest(),
        )
        if found.aggression == 0:
            reader.refuse("aggression", "expected a number above 0, got 0")
        return found

    def to_mapping(self) -> dict[str, object]:
        """The block as plain data."""
        fields: dict[str, object | None] = {
            "duration": to_duration(self.duration_s),
            "minimumPercent": self.minimum_percent,
            "aggression": self.aggression,
            **self.extra.to_plain(),
        }
        return {name: value for name, value in fields.items() if value is not None}


@frozen(kw_only=True)
class LoadBalancer:
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

    simple: Algorithm | None = None
    consistent_hash: Kept | None = None
    locality: LocalitySetting | None = None
    zone_aware: ZoneAwareSetting | None = None
    warmup: Warmup | None = None
    warmup_duration_s: float | None = None
    extra: Kept = NOTHING_KEPT

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm in force where no hashing is asked for."""
        return self.simple or Algorithm.LEAST_REQUEST

    @classmethod
    def read(cls, reader: Reader) -> "LoadBalancer":
        """The block in *reader*; problems go to its report."""
        locality, zone_aware = reader.section("localityLbSetting"), reader.section("zoneAwareLbSetting")
        warmup = reader.section("warmup")
        found = cls(
            simple=_read_simple(reader),
            consistent_hash=reader.kept("consistentHash"),
            locality=LocalitySetting.read(locality) if locality else None,
            zone_aware=ZoneAwareSetting.read(zone_aware) if zone_aware else None,
            warmup=Warmup.read(warmup) if warmup else None,
            warmup_duration_s=reader.duration("warmupDurationSecs"),
            extra=reader.rest(),
        )
        if found.locality and found.zone_aware:
            reader.refuse("", "expected only one of localityLbSetting and zoneAwareLbSetting, got both")
        if reader.has("simple") and found.consistent_hash is not None:
            reader.refuse("", "expected only one of simple and consistentHash, got both")
        return found

    def to_mapping(self) -> dict[str, object]:
        """The block as plain data; what is not set is left out."""
        fields: dict[str, object | None] = {
            "simple": self.simple.value if self.simple else None,
            "consistentHash": _plain(self.consistent_hash),
            "localityLbSetting": self.locality.to_mapping() if self.locality else None,
            "zoneAwareLbSetting": self.zone_aware.to_mapping() if self.zone_aware else None,
            "warmup": self.warmup.to_mapping() if self.warmup else None,
            "warmupDurationSecs": None if self.warmup_duration_s is None else to_duration(self.warmup_duration_s),
            **self.extra.to_plain(),
        }
        return {name: value for name, value in fields.items() if value is not None}


@frozen(kw_only=True)
class PortPolicy:
    """One of ``portLevelSettings``.

    Attributes:
        port: The service's port that it is for.
        policy: What replaces the settings of the whole.
    """

    port: int
    policy: "TrafficPolicy"


@frozen(kw_only=True)
class TrafficPolicy:
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

    load_balancer: LoadBalancer | None = None
    outlier_detection: OutlierDetection | None = None
    port_level: tuple[PortPolicy, ...] = field(default=(), converter=tuple[PortPolicy, ...])
    connection_pool: Kept | None = None
    tls: Kept | None = None
    tunnel: Kept | None = None
    proxy_protocol: Kept | None = None
    retry_budget: Kept | None = None
    extra: Kept = NOTHING_KEPT

    @classmethod
    def read(cls, reader: Reader) -> "TrafficPolicy":
        """The block in *reader*; problems go to its report."""
        if reader.is_empty():
            reader.refuse("", "expected at least one field, as Istio's validation does, got none")
        if reader.has("tunnel") and reader.has("proxyProtocol"):
            reader.refuse("", "expected only one of tunnel and proxyProtocol, got both")
        return cls(
            load_balancer=_read_load_balancer(reader),
            outlier_detection=_read_outlier_detection(reader),
            port_level=tuple(_read_port(part) for part in reader.sections("portLevelSettings")),
            connection_pool=reader.kept("connectionPool"),
            tls=reader.kept("tls"),
            tunnel=reader.kept("tunnel"),
            proxy_protocol=reader.kept("proxyProtocol"),
            retry_budget=reader.kept("retryBudget"),
            extra=reader.rest(),
        )

    def to_mapping(self) -> dict[str, object]:
        """The block as plain data; what is not set is left out."""
        ports = [{"port": {"number": part.port}, **part.policy.to_mapping()} for part in self.port_level]
        fields: dict[str, object | None] = {
            "loadBalancer": self.load_balancer.to_mapping() if self.load_balancer else None,
            "outlierDetection": self.outlier_detection.to_mapping() if self.outlier_detection else None,
            "portLevelSettings": ports or None,
            "connectionPool": _plain(self.connection_pool),
            "tls": _plain(self.tls),
            "tunnel": _plain(self.tunnel),
            "proxyProtocol": _plain(self.proxy_protocol),
            "retryBudget": _plain(self.retry_budget),
            **self.extra.to_plain(),
        }
        return {name: value for name, value in fields.items() if value is not None}


@frozen(kw_only=True)
class Subset:
    """A named part of the endpoints, with a policy that overrides the rule's.

    Attributes:
        name: As routes call it.
        labels: What an endpoint must bear to be in it.
        traffic_policy: Its own settings.
        extra: Fields that were not understood.
    """

    name: str
    labels: Labels = NO_LABELS
    traffic_policy: TrafficPolicy | None = None
    extra: Kept = NOTHING_KEPT

    def to_mapping(self) -> dict[str, object]:
        """The subset as plain data; what is not set is left out."""
        fields: dict[str, object | None] = {
            "name": self.name,
            "labels": dict(self.labels) or None,
            "trafficPolicy": self.traffic_policy.to_mapping() if self.traffic_policy else None,
            **self.extra.to_plain(),
        }
        return {name: value for name, value in fields.items() if value is not None}


def _read_simple(reader: Reader) -> Algorithm | None:
    word = reader.text("simple")
    if word is None:
        return None
    if word not in ALGORITHM_WORDS:
        reader.refuse("simple", f"expected one of {', '.join(ALGORITHM_WORDS)}, got {shown(word)}")
        return None
    return ALGORITHM_WORDS[word]


def _read_load_balancer(reader: Reader) -> LoadBalancer | None:
    part = reader.section("loadBalancer")
    return None if part is None else LoadBalancer.read(part)


def _read_outlier_detection(reader: Reader) -> OutlierDetection | None:
    part = reader.section("outlierDetection")
    return None if part is None else OutlierDetection.read(part)


def _read_port(reader: Reader) -> PortPolicy:
    port = reader.section("port")
    number = port.integer("number", least=1, most=65535) if port is not None else None
    if port is None or not port.has("number"):
        reader.refuse("port.number", "expected the number of a port, got none")
    if port is not None:
        port.rest()
    policy = TrafficPolicy(
        load_balancer=_read_load_balancer(reader),
        outlier_detection=_read_outlier_detection(reader),
        connection_pool=reader.kept("connectionPool"),
        tls=reader.kept("tls"),
        extra=reader.rest(),
    )
    if policy == TrafficPolicy():
        reader.refuse("", "expected a setting beside the port, as Istio's validation does, got none")
    return PortPolicy(port=number or 0, policy=policy)


def _plain(kept: Kept | None) -> dict[str, object] | None:
    return None if kept is None else kept.to_plain()
