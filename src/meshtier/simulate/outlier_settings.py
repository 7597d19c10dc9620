"""What is an Envoy told about outlier detection, and what does it make of an answer?"""

import enum
from collections.abc import Iterable
from typing import Final

from attrs import Factory, field, fields, frozen

from meshtier.errors import InvalidValueError, check_int, check_type
from meshtier.rules.outlier import OutlierLimits

_MOST: Final = 2**32 - 1
"""The largest number that a field of Envoy's takes, a UInt32Value."""

_GATEWAY_ERRORS: Final = (502, 503, 504)
"""Source: envoyproxy/envoy source/common/http/codes.h, CodeUtility::isGatewayError; measured on 1.40.0."""

_AS_STATUS: Final = {"refuse": 503, "timeout": 504}
"""What counts for a status where there is no answer.

Source: envoyproxy/envoy source/common/upstream/outlier_detection_impl.cc,
DetectorHostMonitorImpl::resultToHttpCode, at 00c7146; measured on 1.40.0.
"""


class Monitor(enum.Enum):
    """What a detector counts; the value is its name in Envoy's settings and statistics."""

    GATEWAY = "consecutive_gateway_failure"
    SERVER = "consecutive_5xx"
    LOCAL = "consecutive_local_origin_failure"
    SUCCESS_RATE = "success_rate"
    FAILURE_PERCENTAGE = "failure_percentage"
    LOCAL_SUCCESS_RATE = "local_origin_success_rate"
    LOCAL_FAILURE_PERCENTAGE = "local_origin_failure_percentage"


CONSECUTIVE: Final = (Monitor.GATEWAY, Monitor.SERVER, Monitor.LOCAL)
"""Those that count errors in a row. If one answer is the last for two of them, the earlier one here comes first.

Source: envoyproxy/envoy source/common/upstream/outlier_detection_impl.cc,
DetectorHostMonitorImpl::putHttpResponseCode, at 00c7146.
"""

_GATEWAY, _SERVER, _LOCAL = range(3)  # the places in it


@frozen
class Effect:
    """What one answer does to what is known of a host.

    Attributes:
        sets: What counts are set to, each with its place in `CONSECUTIVE`; before those that are raised.
        raises: The places in `CONSECUTIVE` of the counts that rise by one.
        external: What the answer is to the success rate of answers: how many, and how many of them good.
        local: The same for the success rate of connections.
    """

    sets: tuple[tuple[int, int], ...]
    raises: tuple[int, ...]
    external: tuple[int, int] = (0, 0)
    local: tuple[int, int] = (0, 0)


def _seconds(value: float) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1e10:
        raise InvalidValueError(f"expected a number of seconds, 0 or more, got {value!r}")
    return float(value)


def _codes(value: Iterable[int]) -> tuple[int, ...]:
    codes = tuple(value)
    for code in codes:
        check_int(code, "error_codes", least=100, most=599)
    return codes


def _percent(default: int) -> int:
    """A field of a percentage."""
    made: int = field(default=default, metadata={"most": 100})
    return made


def _time(default: float) -> float:
    """A field of a time in seconds."""
    made: float = field(default=default, converter=_seconds)
    return made


@frozen(kw_only=True)
class OutlierSettings:
    """Envoy's ``outlier_detection``, field by field and with Envoy's defaults, and what goes with it.

    Fields that only tell percentages are from 0 to 100: how much of the detections is
    enforced. One that is not leaves a host in. A count of 0 never detects anything.

    Attributes:
        consecutive_5xx: Errors in a row: 500 to 599, and without *split_external_local_origin_errors*
            no connection (as 503) and no answer in time (as 504).
        consecutive_gateway_failure: The same for 502 to 504 alone.
        consecutive_local_origin_failure: Failures to connect in a row, told apart only
            with *split_external_local_origin_errors*. A time-out is one as well, but as
            its own connection succeeded before, two of them are never in a row.
        split_external_local_origin_errors: Whether no connection and no answer count apart from answers.
        interval_s: Time between two sweeps; at least 1 ms.
        base_ejection_time_s: How long an ejection lasts at least, times the multiplier; at least 1 ms.
        max_ejection_time_s: How long it lasts at most; absent: 300, or the base if that is longer.
        max_ejection_time_jitter_s: Up to how much longer each lasts by chance, in whole milliseconds.
        max_ejection_percent: How much of all hosts may be out at once (OD-2).
        always_eject_one_host: Whether the first is ejected whatever the percentage says.
        enforcing_consecutive_5xx: How much of it is enforced.
        enforcing_consecutive_gateway_failure: How much of it is enforced.
        enforcing_consecutive_local_origin_failure: How much of it is enforced.
        enforcing_success_rate: How much of it is enforced.
        enforcing_local_origin_success_rate: How much of it is enforced.
        enforcing_failure_percentage: How much of it is enforced.
        enforcing_failure_percentage_local_origin: How much of it is enforced.
        success_rate_minimum_hosts: With fewer hosts that have enough answers, nobody is compared.
        success_rate_request_volume: How many answers are enough, between two sweeps.
        success_rate_stdev_factor: How many thousandths of a standard deviation below the mean is too low.
        failure_percentage_threshold: What part of failures is too much.
        failure_percentage_minimum_hosts: With fewer hosts that have enough answers, none is looked at.
        failure_percentage_request_volume: How many answers are enough, between two sweeps.
        merge_window_s: ``update_merge_window`` of the cluster; 0 tells the balancer everything at once.
        error_codes: If any, the only statuses that are errors (``error_matcher``).
        watches_rates: Whether success rates and failure percentages are looked at.

    Raises:
        InvalidValueError: A field is of the wrong type or out of range, or the longest
            time is below the base.

    Source: envoyproxy/envoy source/common/upstream/outlier_detection_impl.cc, DetectorConfig,
    at 00c7146; the defaults of counts, times and percentages were measured on 1.40.0.
    """

    consecutive_5xx: int = 5
    consecutive_gateway_failure: int = 5
    consecutive_local_origin_failure: int = 5
    split_external_local_origin_errors: bool = False
    interval_s: float = _time(10.0)
    base_ejection_time_s: float = _time(30.0)
    max_ejection_time_s: float = field(
        default=Factory(lambda self: max(300.0, self.base_ejection_time_s), takes_self=True), converter=_seconds
    )
    max_ejection_time_jitter_s: float = _time(0.0)
    max_ejection_percent: int = _percent(10)
    always_eject_one_host: bool = False
    enforcing_consecutive_5xx: int = _percent(100)
    enforcing_consecutive_gateway_failure: int = _percent(0)
    enforcing_consecutive_local_origin_failure: int = _percent(100)
    enforcing_success_rate: int = _percent(100)
    enforcing_local_origin_success_rate: int = _percent(100)
    enforcing_failure_percentage: int = _percent(0)
    enforcing_failure_percentage_local_origin: int = _percent(0)
    success_rate_minimum_hosts: int = 5
    success_rate_request_volume: int = 100
    success_rate_stdev_factor: int = 1900
    failure_percentage_threshold: int = _percent(85)
    failure_percentage_minimum_hosts: int = 5
    failure_percentage_request_volume: int = 50
    merge_window_s: float = _time(1.0)
    error_codes: tuple[int, ...] = field(default=(), converter=_codes)
    watches_rates: bool = True

    def __attrs_post_init__(self) -> None:
        for each in fields(OutlierSettings):
            value = getattr(self, each.name)
            if each.type is int:
                check_int(value, each.name, least=0, most=each.metadata.get("most", _MOST))
            elif each.type is bool:
                check_type(value, bool, each.name)
        for name in ("interval_s", "base_ejection_time_s"):
            if getattr(self, name) < 0.001:  # Envoy counts milliseconds, and refuses 0
                raise InvalidValueError(f"expected 0.001 or more, got {getattr(self, name)!r}", name)
        # As in DetectorImpl::create, which refuses such a cluster.
        if self.max_ejection_time_s < self.base_ejection_time_s:
            raise InvalidValueError(
                f"expected at least base_ejection_time_s, {self.base_ejection_time_s:g}, "
                f"got {self.max_ejection_time_s!r}",
                "max_ejection_time_s",
            )

    @classmethod
    def of_limits(cls, limits: OutlierLimits, error_codes: Iterable[int] = ()) -> "OutlierSettings":
        """What Istio makes of a DestinationRule's ``outlierDetection``.

        A count is enforced wholly or is off. Success rates are not enforced, and
        failure percentages are not by Envoy's default, so that nothing comes of
        either but lines in a log: they are not watched here.

        Source: istio/istio pilot/pkg/networking/core/cluster_traffic_policy.go,
        applyOutlierDetection and applyOutlierDetectionErrorCodes, at 86c9f01.

        Args:
            limits: Every limit of the rule, filled in.
            error_codes: Its ``outlierDetectionHttpErrorCodes``.

        >>> OutlierSettings.of_limits(OutlierLimits(consecutive_gateway=3)).enforcing_consecutive_gateway_failure
        100
        """
        return cls(
            consecutive_5xx=limits.consecutive_5xx,
            consecutive_gateway_failure=limits.consecutive_gateway,
            enforcing_consecutive_gateway_failure=100,
            consecutive_local_origin_failure=limits.consecutive_local_origin,
            split_external_local_origin_errors=limits.split_local_origin,
            interval_s=limits.interval_s,
            base_ejection_time_s=limits.base_ejection_time_s,
            # What Istio leaves out is the base where that is longer (DetectorConfig).
            max_ejection_time_s=max(limits.max_ejection_time_s, limits.base_ejection_time_s),
            max_ejection_percent=limits.max_ejection_percent,
            enforcing_success_rate=0,
            enforcing_local_origin_success_rate=0,
            error_codes=error_codes,
            watches_rates=False,
        )

    def enforced(self, monitor: Monitor) -> int:
        """How much of the detections of *monitor* is enforced, in per cent."""
        return {
            Monitor.GATEWAY: self.enforcing_consecutive_gateway_failure,
            Monitor.SERVER: self.enforcing_consecutive_5xx,
            Monitor.LOCAL: self.enforcing_consecutive_local_origin_failure,
            Monitor.SUCCESS_RATE: self.enforcing_success_rate,
            Monitor.FAILURE_PERCENTAGE: self.enforcing_failure_percentage,
            Monitor.LOCAL_SUCCESS_RATE: self.enforcing_local_origin_success_rate,
            Monitor.LOCAL_FAILURE_PERCENTAGE: self.enforcing_failure_percentage_local_origin,
        }[monitor]

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many in a row each of `CONSECUTIVE` needs; 0 for never."""
        return self.consecutive_gateway_failure, self.consecutive_5xx, self.consecutive_local_origin_failure

    def effect(self, kind: int | str) -> Effect:
        """What an answer of this kind (see `Answer`) does to what is known of its host."""
        if self.split_external_local_origin_errors and not isinstance(kind, int):
            return self._local_failure(connects=kind != "refuse")
        # Only a real answer is compared with the codes, not what Envoy says in place of one: measured on
        # 1.40.0, where refused connections and time-outs count with a matcher of 429 alone.
        status = self._counted_status(kind) if isinstance(kind, int) else _AS_STATUS[kind]
        local, sets = (0, 0), list[tuple[int, int]]()
        if self.split_external_local_origin_errors:  # the connection of an answer is a good one
            local, sets = (1, 1), [(_LOCAL, 0)]
        if status < 500:
            return Effect((*sets, (_GATEWAY, 0), (_SERVER, 0)), (), (1, 1), local)
        if status in _GATEWAY_ERRORS:
            return Effect(tuple(sets), (_GATEWAY, _SERVER), (1, 0), local)
        return Effect((*sets, (_GATEWAY, 0)), (_SERVER,), (1, 0), local)

    def _counted_status(self, status: int) -> int:
        """The status for which an answer counts: with error codes, an error or a success whatever it was.

        Source: envoyproxy/envoy, the test of the router
        RouterOutlierDetectionProcessTest.OverwriteCodeBasedOnMatcher: 200 for what is not
        matched, its own status for a 5xx that is, 500 for any other. Measured on 1.40.0:
        a matched 429 is no gateway error, a matched 503 is one, a 503 beside the matcher
        begins the counts anew.
        """
        if not self.error_codes:
            return status
        return max(status, 500) if status in self.error_codes else 200

    def _local_failure(self, *, connects: bool) -> Effect:
        """What no connection, or no answer on one, does where they count apart.

        A connection that stands is a success before the failure, so a time-out leaves
        the count at 1, and raises the success rate's sum by two. Measured on 1.40.0: five
        time-outs are ten results, of which half failed.
        """
        if not connects:
            return Effect((), (_LOCAL,), (0, 0), (1, 0))
        if self.consecutive_local_origin_failure == 1:
            return Effect((), (_LOCAL,), (0, 0), (2, 1))
        return Effect(((_LOCAL, 1),), (), (0, 0), (2, 1))
