"""When is an endpoint ejected? ``outlierDetection``, and what holds where it says nothing."""

from typing import Final

from attrs import field, frozen
from typing_extensions import override

from meshtier.rules.block import COUNT, DURATION, FLAG, PERCENT, Block, Kind, at, in_manifest
from meshtier.rules.fields import FieldReader
from meshtier.rules.kept import NOTHING_KEPT, Kept


@frozen(kw_only=True)
class OutlierLimits:
    """Outlier detection with every limit filled in (OD-1, OD-2).

    The defaults are those that hold for an empty ``outlierDetection: {}``. An
    error count of 0 never ejects anyone.

    Attributes:
        consecutive_5xx: Errors in a row that eject: 500 to 599 and failed connections.
        consecutive_gateway: The same for 502 to 504 alone.
        consecutive_local_origin: The same for failures to connect, told apart
            only under *split_local_origin*.
        split_local_origin: Whether failures to connect count apart from answers.
        interval_s: Time between two sweeps, which let endpoints back in.
        base_ejection_time_s: How long the first ejection lasts at least.
        max_ejection_time_s: How long any ejection lasts at most: 300 s, or the base
            where that is longer; Istio cannot set it.
        max_ejection_percent: How much of the cluster may be out at once.
        min_health_percent: The panic threshold (LOAD-3).
    """

    consecutive_5xx: int = 5
    consecutive_gateway: int = 0
    consecutive_local_origin: int = 0
    split_local_origin: bool = False
    interval_s: float = 10.0
    base_ejection_time_s: float = 30.0
    max_ejection_time_s: float = 300.0
    max_ejection_percent: int = 10
    min_health_percent: int = 0

    def most_ejected(self, hosts: int) -> int:
        """How many of so many hosts of a cluster can be out at once (OD-2)."""
        return self.max_ejection_percent * hosts // 100


DEFAULT_LIMITS: Final = OutlierLimits()
"""What an empty ``outlierDetection`` means."""

DEFAULT_LOCAL_ORIGIN: Final = 5
"""Envoy's count of failures to connect, once they are split off and Istio gives none."""


_OLD_COUNT: Final = Kind[int](lambda reader, key: reader.integer(key, most=2**31 - 1))
_STATUSES: Final = Kind[tuple[int, ...]](
    lambda reader, key: reader.integers(key, least=100, most=599), lambda statuses: list(statuses) or None
)


@frozen(kw_only=True)
class OutlierDetection(Block):
    """The block as it was written; ``None`` where it says nothing.

    Attributes:
        consecutive_5xx_errors: See `OutlierLimits`; 0 switches the check off.
        consecutive_gateway_errors: See `OutlierLimits`; unset means off.
        consecutive_local_origin_failures: Counts only with the next one.
        split_external_local_origin_errors: Whether failures to connect count apart.
        interval_s: In seconds.
        base_ejection_time_s: In seconds.
        max_ejection_percent: 0 counts as not set, as Istio has it.
        min_health_percent: 0 to 100.
        consecutive_errors: Deprecated, and without effect upstream.
        http_error_codes: If any, the only statuses that count as errors.
        extra: Fields that were not understood.

    >>> OutlierDetection(consecutive_5xx_errors=3).limits.consecutive_5xx
    3
    """

    consecutive_5xx_errors: int | None = at("consecutive5xxErrors", COUNT)
    consecutive_gateway_errors: int | None = at("consecutiveGatewayErrors", COUNT)
    consecutive_local_origin_failures: int | None = at("consecutiveLocalOriginFailures", COUNT)
    split_external_local_origin_errors: bool | None = at("splitExternalLocalOriginErrors", FLAG)
    interval_s: float | None = at("interval", DURATION)
    base_ejection_time_s: float | None = at("baseEjectionTime", DURATION)
    max_ejection_percent: int | None = at("maxEjectionPercent", PERCENT)
    min_health_percent: int | None = at("minHealthPercent", PERCENT)
    consecutive_errors: int | None = at("consecutiveErrors", _OLD_COUNT)
    http_error_codes: tuple[int, ...] = field(
        default=(),
        converter=tuple[int, ...],
        metadata=in_manifest("outlierDetectionHttpErrorCodes", _STATUSES),
    )
    extra: Kept = NOTHING_KEPT

    @property
    def limits(self) -> OutlierLimits:
        """Every limit with its default.

        Source: istio/istio pilot/pkg/networking/core/cluster_traffic_policy.go,
        applyOutlierDetection, at 86c9f01; what that leaves out is at Envoy's
        defaults, which were measured on 1.40.0.
        """
        default, split = DEFAULT_LIMITS, bool(self.split_external_local_origin_errors)
        base_s = default.base_ejection_time_s if self.base_ejection_time_s is None else self.base_ejection_time_s
        return OutlierLimits(
            consecutive_5xx=_or(self.consecutive_5xx_errors, default.consecutive_5xx),
            consecutive_gateway=_or(self.consecutive_gateway_errors, default.consecutive_gateway),
            consecutive_local_origin=(self.consecutive_local_origin_failures or DEFAULT_LOCAL_ORIGIN) if split else 0,
            split_local_origin=split,
            interval_s=default.interval_s if self.interval_s is None else self.interval_s,
            base_ejection_time_s=base_s,
            # Measured on Envoy 1.40.0: a base of 600 s is taken without a maximum, and refused beside one of 300 s.
            # api/envoy/config/cluster/v3/outlier_detection.proto says why: left out, it is the larger of the two.
            max_ejection_time_s=max(default.max_ejection_time_s, base_s),
            max_ejection_percent=self.max_ejection_percent or default.max_ejection_percent,
            min_health_percent=_or(self.min_health_percent, default.min_health_percent),
        )

    @override
    def check(self, reader: FieldReader) -> None:
        if self.consecutive_local_origin_failures and not self.split_external_local_origin_errors:
            reader.refuse(
                "consecutiveLocalOriginFailures",
                "expected splitExternalLocalOriginErrors: true beside it, as Istio's validation does",
            )
        if self.consecutive_errors:
            reader.note("deprecated-field", "consecutiveErrors", "deprecated, and without effect on any Envoy")


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
