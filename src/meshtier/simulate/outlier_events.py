"""What does an Envoy's detector say of what it does? Its events, in words and with the numbers."""

from collections.abc import Set as AbstractSet
from typing import Final

from meshtier.simulate.detector import DetectorEvent, DetectorEventKind
from meshtier.simulate.outlier_settings import Monitor, OutlierSettings
from meshtier.table import percent, shortened

_WORDS: Final = {
    Monitor.GATEWAY: ("gateway error", "gateway errors"),
    Monitor.SERVER: ("5xx", "5xx"),
    Monitor.LOCAL: ("local-origin failure", "local-origin failures"),
}
"""What the monitors that count errors in a row count: one of them, and several."""


def in_a_row(monitor: Monitor, needed: int, settings: OutlierSettings) -> str:
    """How many of which errors came in a row."""
    words = _WORDS[monitor]
    if settings.error_codes and monitor is Monitor.SERVER:
        words = ("error", "errors")  # whatever their status
    return f"{needed} consecutive {words[needed > 1]}"


def ejected(at: float, host: str, *, why: str, monitor: Monitor, until: float, multiplier: int) -> DetectorEvent:
    """A host is out, *until* at least."""
    return DetectorEvent(
        at=at,
        host=host,
        kind=DetectorEventKind.EJECTED,
        text=why,
        rule="OD-1",
        until=until,
        multiplier=multiplier,
        monitor=monitor.value,
    )


def detected(at: float, host: str, *, why: str, monitor: Monitor, enforced: int, count: int = 1) -> DetectorEvent:
    """A limit is reached, and nothing comes of it: only so many per cent of such detections are enforced."""
    why += f", enforced in {enforced} % of the cases" if enforced else ", not enforced"
    return DetectorEvent(
        at=at, host=host, kind=DetectorEventKind.DETECTED, text=why, rule="OD-1", count=count, monitor=monitor.value
    )


def refused(
    at: float, host: str, *, why: str, monitor: Monitor, out: int, hosts: int, most: int, count: int = 1
) -> DetectorEvent:
    """A limit is reached, and *out* of all *hosts* would be out, more than *most* per cent."""
    why += f"; would be {out} of {hosts} hosts, {percent(out / hosts)}, and maxEjectionPercent is {most}"
    return DetectorEvent(
        at=at, host=host, kind=DetectorEventKind.REFUSED, text=why, rule="OD-2", count=count, monitor=monitor.value
    )


def returned(at: float, host: str, *, lasted: float, multiplier: int) -> DetectorEvent:
    """A host is back; the ejection was to last so many seconds."""
    return DetectorEvent(
        at=at,
        host=host,
        kind=DetectorEventKind.RETURNED,
        text=f"first sweep after {lasted:g} s",
        rule="OD-1",
        multiplier=multiplier,
    )


def learned(at: float, *, out: AbstractSet[str], back: AbstractSet[str]) -> DetectorEvent:
    """The balancer knows of hosts that are out, or back, of which it did not know."""
    parts = {"ejected": sorted(out), "back": sorted(back)}
    text = "; ".join(f"{what}: {shortened(names)}" for what, names in parts.items() if names)
    return DetectorEvent(at=at, host="", kind=DetectorEventKind.LEARNED, text=text)
