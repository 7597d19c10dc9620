"""What do the metrics of ztunnel say of rates? As Prometheus scrapes them, or as it answers a query.

ztunnel counts ``istio_tcp_sent_bytes_total`` and ``istio_tcp_received_bytes_total``
for each client workload, with its region and zone, and each service. Which of
the two is which way does not hang on who reports: bytes from the client to the
endpoint are *received*, at the client's ztunnel too, and bytes of the answer are
*sent*. So the numbers of ``reporter="source"`` are swapped as that ztunnel sees
it, and are not swapped again here.

Source: istio/ztunnel src/copy.rs, copy_bidirectional, counts downstream to upstream as received;
src/proxy/metrics.rs, record_internal: "Istio flips the metric for source", and un-flips it for its log; its README,
"sent during response", "received during request"; all at 62d8265.
"""

import enum
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import fsum
from typing import Any, Final, TypeGuard, cast

from attrs import evolve, frozen
from typing_extensions import override

from meshtier.errors import InvalidValueError, check_member, check_type
from meshtier.locality import Locality
from meshtier.traffic.demand import Rate, Sender, Traffic, per_second, raise_all, rate_problem

RECEIVED: Final = "istio_tcp_received_bytes_total"
"""Bytes from clients to endpoints."""
SENT: Final = "istio_tcp_sent_bytes_total"
"""Bytes from endpoints to clients."""

_UNKNOWN: Final = ("", "unknown")
"""What a label says of what ztunnel does not know: istio/ztunnel src/metrics.rs, DefaultedUnknown, at 62d8265."""

_SAMPLE: Final = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(?P<labels>.*)\})?\s+(?P<value>[^\s#]+)(?:\s+-?[\d.]+)?\s*(?:#.*)?"
)
_LABEL: Final = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPES: Final = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class Direction(enum.Enum):
    """Which bytes count."""

    BOTH = "both"  # all that crosses, for what it costs
    REQUEST = "request"  # from clients to endpoints
    RESPONSE = "response"  # from endpoints to clients

    @override
    def __str__(self) -> str:
        return self.value


@frozen(kw_only=True)
class Sample:
    """One number of Prometheus.

    Attributes:
        name: Of the metric; ``""`` where a query has dropped it, as ``rate()`` does.
        labels: Its labels.
        value: The number.
        where: Where it stood.
    """

    name: str
    labels: Mapping[str, str]
    value: float
    where: str


def samples_of_text(text: str) -> Iterator[Sample]:
    """The samples of the exposition format that are ztunnel's counters of bytes.

    Raises:
        InvalidValueError: Lines are none of that format; all of them are named.

    Source: prometheus/docs content/docs/instrumenting/exposition_formats.md, at 005490b.
    """
    problems: list[tuple[str, str]] = []
    found: list[Sample] = []
    for number, line in enumerate(map(str.strip, text.split("\n")), start=1):
        if not line or line.startswith("#"):
            continue
        sample = _SAMPLE.fullmatch(line)
        labels = _labels(sample["labels"] or "") if sample is not None else None
        value = _float(sample["value"]) if sample is not None else None
        if sample is None or labels is None or value is None:
            problems.append((f"line {number}", f'expected a metric, as in name{{label="x"}} 1, got {line[:60]!r}'))
        elif sample["name"] in (RECEIVED, SENT):
            found.append(Sample(name=sample["name"], labels=labels, value=value, where=f"line {number}"))
    raise_all(problems)
    if not found:
        raise InvalidValueError(f"expected {SENT} or {RECEIVED}, got neither", "metrics")
    yield from found


def _labels(text: str) -> Mapping[str, str] | None:
    found: dict[str, str] = {}
    at = 0
    while at < len(text.rstrip()):
        label = _LABEL.match(text, at)
        if label is None:
            return None
        found[label[1]] = re.sub(r"\\.", lambda match: _ESCAPES.get(match[0], match[0]), label[2])
        at = label.end()
    return found


def _float(text: object) -> float | None:
    try:
        return float(text)  # type: ignore[arg-type]  # what is no number is none
    except (TypeError, ValueError):
        return None


def is_answer(data: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether data look like what the HTTP API of Prometheus answers to a query."""
    if not isinstance(data, Mapping):
        return False
    return "resultType" in data or ("status" in data and ("data" in data or "error" in data))


def samples_of_answer(data: Mapping[str, Any]) -> Iterator[Sample]:
    """The samples of an instant query's answer.

    Raises:
        InvalidValueError: It is an error, or no vector; or what is wrong with its samples, all together.

    Source: prometheus/prometheus docs/querying/api.md, Instant queries and Instant vectors, at 01db19c.
    """
    if data.get("status", "success") != "success":
        raise InvalidValueError(f"expected the answer to a query, got the error {data.get('error')!r}", "status")
    inner = data.get("data", data)
    if not isinstance(inner, Mapping):
        raise InvalidValueError(f"expected the answer to a query, got {inner!r}", "data")
    answer = cast("Mapping[str, Any]", inner)
    kind, result = answer.get("resultType"), answer.get("result")
    if kind != "vector" or not isinstance(result, Sequence) or isinstance(result, str):
        raise InvalidValueError(f"expected a vector, as an instant query gives it, got {kind!r}", "data.resultType")
    problems: list[tuple[str, str]] = []
    found: list[Sample] = []
    for number, each in enumerate(cast("Sequence[Mapping[str, Any]]", result)):
        where = f"data.result[{number}]"
        try:
            metric, (_, text) = each["metric"], each["value"]
            labels = {str(key): str(value) for key, value in metric.items()}
            value = _float(text)
        except (KeyError, TypeError, ValueError, AttributeError):
            value, labels = None, {}
        name = labels.pop("__name__", "")
        if value is None:
            problems.append((where, f"expected a metric and its value, got {each!r}"))
        elif name not in ("", RECEIVED, SENT):
            problems.append((where, f"expected {SENT}, {RECEIVED} or a rate of them, got {name}"))
        else:
            found.append(Sample(name=name, labels=labels, value=value, where=where))
    raise_all(problems)
    yield from found


def warnings_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    """What Prometheus says besides its answer, as where a part of the data could not be had; a note for each."""
    said = data.get("warnings")
    found = cast("Sequence[object]", said) if isinstance(said, Sequence) and not isinstance(said, str) else ()
    return tuple(f"Prometheus warns: {each}" for each in found)


def traffic_of(
    samples: Iterable[Sample],
    *,
    per: float | None = None,
    unit: str | None = None,
    direction: Direction = Direction.BOTH,
    origin: str = "",
) -> Traffic:
    """The rates that samples say.

    Two ztunnels count the same bytes, the client's and the endpoint's. Those of the
    endpoint (``reporter="destination"``) count only where the client's says nothing.

    Args:
        samples: Of one moment.
        per: Where the numbers are what counters grew by: in how many seconds. A counter
            as it is scraped has grown since its ztunnel started.
        unit: What the numbers are; ``None`` for ``bytes``, which is a total, where the samples are
            counters, and for ``bytes/s`` where a query has made something else of them.
        direction: Which bytes count; samples that do not say their metric count in any case.
        origin: Where they come from.

    Raises:
        InvalidValueError: Numbers are negative or not finite; all of them are named.
    """
    check_member(direction, Direction, "direction")
    found = tuple(samples)
    raise_all([(each.where, rate_problem(each.value)) for each in found if rate_problem(each.value)])
    if unit is None:
        unit = "bytes" if any(each.name for each in found) or per is not None else "bytes/s"
    check_type(unit, str, "unit")
    divisor, unit = per_second(unit, per)
    wanted = [each for each in found if _counts(each, direction)]
    kept, doubled = _once(wanted)
    notes = [] if not doubled else [f"{doubled} series of reporter=destination are those of a client's ztunnel too"]
    if any("reporter" not in each.labels for each in wanted):
        notes.append("series without a reporter: where a query has summed both, all traffic counts twice")
    rates = [
        Rate(sender=sender, host=host, value=fsum(values) / divisor, where=where)
        for (sender, host), (values, where) in kept.items()
    ]
    return evolve(Traffic(rates=rates, unit=unit, origin=origin), notes=notes)


def _counts(each: Sample, direction: Direction) -> bool:
    match direction:
        case Direction.REQUEST:
            return each.name in ("", RECEIVED)
        case Direction.RESPONSE:
            return each.name in ("", SENT)
        case Direction.BOTH:
            return True


_Pair = tuple[Sender, str]


def _once(samples: Sequence[Sample]) -> tuple[Mapping[_Pair, tuple[list[float], str]], int]:
    """The values of each client and host without those that are counted by both, and how many these are."""
    by_reporter: defaultdict[tuple[_Pair, str], defaultdict[bool, list[Sample]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for each in samples:
        by_reporter[_pair(each.labels), each.name][each.labels.get("reporter") == "destination"].append(each)
    found: dict[_Pair, tuple[list[float], str]] = {}
    doubled = 0
    for (pair, _), reported in by_reporter.items():
        chosen = reported[False] or reported[True]
        doubled += len(reported[True]) if reported[False] else 0
        values, _where = found.setdefault(pair, ([], chosen[0].where))
        values += [each.value for each in chosen]
    return found, doubled


def _pair(labels: Mapping[str, str]) -> _Pair:
    known = {key: value for key, value in labels.items() if value not in _UNKNOWN}
    workload, namespace = known.get("source_workload", ""), known.get("source_workload_namespace", "")
    place = Locality(region=known.get("source_region", ""), zone=known.get("source_zone", ""))
    name = f"{namespace}/{workload}" if namespace and workload else workload
    if not name and not any(place):
        name = "unknown"  # nobody: of "*" it would be everybody
    sender = Sender(workload=name, cluster=known.get("source_cluster", ""), place=place)
    service, namespace = known.get("destination_service_name", ""), known.get("destination_service_namespace", "")
    host = known.get("destination_service") or (f"{service}.{namespace}" if service and namespace else service)
    if not host:
        parts = (known.get("destination_workload_namespace", ""), known.get("destination_workload", ""))
        host = f"(no service: {'/'.join(filter(None, parts)) or 'unknown'})"
    return sender, host
