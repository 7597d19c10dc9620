"""Which hosts fail more than the others? What an Envoy looks at in a sweep, over the answers since the last one."""

from collections.abc import Iterator, Mapping
from math import sqrt

from attrs import define

from meshtier.simulate.outlier_settings import Monitor, OutlierSettings


@define
class Results:
    """The results of one host since the last sweep.

    Attributes:
        total: How many.
        good: How many of them were no failures.
    """

    total: int = 0
    good: int = 0

    @property
    def rate(self) -> float:
        """What part was good, in per cent."""
        return self.good * 100.0 / self.total


def suspects(
    results: Mapping[str, Results], hosts: int, settings: OutlierSettings, *, local: bool
) -> Iterator[tuple[str, Monitor, str]]:
    """The hosts that stand out, with what detects them and the numbers in words; in order.

    Args:
        results: Of every host that is in and has any.
        hosts: How many hosts there are in all.
        settings: The limits.
        local: Whether the results are those of connections.

    Source: envoyproxy/envoy source/common/upstream/outlier_detection_impl.cc,
    DetectorImpl::processSuccessRateEjections and successRateEjectionThreshold, at 00c7146.
    """
    # With too few hosts for both, Envoy looks no further; the checks below would let 0 hosts through.
    if hosts < settings.success_rate_minimum_hosts and hosts < settings.failure_percentage_minimum_hosts:
        return
    rates = {name: each.rate for name, each in results.items() if each.total >= settings.success_rate_request_volume}
    if rates and len(rates) >= settings.success_rate_minimum_hosts:
        mean = sum(rates.values()) / len(rates)
        deviation = sqrt(sum((rate - mean) ** 2 for rate in rates.values()) / len(rates))
        least = mean - settings.success_rate_stdev_factor / 1000.0 * deviation
        monitor = Monitor.LOCAL_SUCCESS_RATE if local else Monitor.SUCCESS_RATE
        for name, rate in rates.items():
            if rate < least:
                yield name, monitor, f"success rate {rate:.1f} %, under {least:.1f} % where the mean is {mean:.1f} %"
    enough = [name for name, each in results.items() if each.total >= settings.failure_percentage_request_volume]
    if len(enough) >= settings.failure_percentage_minimum_hosts:
        monitor = Monitor.LOCAL_FAILURE_PERCENTAGE if local else Monitor.FAILURE_PERCENTAGE
        for name in enough:
            failed, most = 100.0 - results[name].rate, settings.failure_percentage_threshold
            if failed >= most:
                yield name, monitor, f"{failed:.1f} % of {results[name].total} failed, and {most} % are too much"
