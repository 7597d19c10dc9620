"""What does traffic cost that leaves its zone? Money by service and by what is crossed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from math import fsum
from typing import Final, TypeAlias, TypedDict

from attrs import field, frozen
from typing_extensions import override

from meshtier.errors import InvalidValueError, check_type
from meshtier.locality import Locality
from meshtier.table import Table
from meshtier.traffic.crossing import Crossing, Flow, ServiceKey, crossing_of, service_text, zone_of
from meshtier.traffic.figures import csv_text, number
from meshtier.traffic.matrix import ZoneMatrix
from meshtier.traffic.mesh_flows import Flows
from meshtier.traffic.prices import Prices, is_amount

HOURS: Final[Mapping[str, float]] = {"hour": 1, "day": 24, "week": 168, "month": 730, "year": 8760}
"""The times that money can be told for, in hours: a month is a twelfth of a year of 365 days."""

_SIZES: Final[Mapping[str, float]] = {
    "b": 1,
    "byte": 1,
    "bytes": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", start=1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", start=1)},
}
UNSAID: Final = "the rates have no unit: the cost takes them for bytes a second"
"""What a cost of rates without a unit says."""

MOST_SERVICES: Final = 10
"""How many services the table of a cost has."""


class CostLineData(TypedDict):
    """What one kind of a service's traffic costs."""

    host: str
    cluster: str
    crossing: str
    gigabytes: float
    price: float | None
    money: float | None


class CostData(TypedDict):
    """What traffic costs."""

    currency: str
    per: str | None
    total: float
    unpriced_gigabytes: float
    crossings: dict[str, dict[str, float | None]]
    lines: list[CostLineData]
    notes: list[str]


@frozen(kw_only=True)
class CostLine:
    """What one kind of a service's traffic costs.

    Attributes:
        host: The full host name.
        cluster: As in `Flow`.
        crossing: What it crosses.
        gigabytes: How much it is, in the time that is told.
        price: What a gigabyte costs; ``None`` if it is not known.
    """

    host: str
    cluster: str
    crossing: Crossing
    gigabytes: float
    price: float | None

    @property
    def service(self) -> ServiceKey:
        """As in `Flow`."""
        return self.host, self.cluster

    @property
    def money(self) -> float:
        """What it costs; 0 without a price."""
        return self.gigabytes * (self.price or 0.0)


@frozen(kw_only=True, eq=False, repr=False)
class Cost:
    """What traffic costs, by service and by what it crosses.

    Attributes:
        lines: One for each service and kind.
        prices: What it was computed with.
        per: The time that is told, as in ``month``; ``None`` where the rates are totals.
        notes: What stands below.
    """

    lines: tuple[CostLine, ...]
    prices: Prices
    per: str | None
    notes: tuple[str, ...] = field(default=(), converter=tuple[str, ...])

    @property
    def total(self) -> float:
        """All of it, as far as there are prices."""
        return fsum(each.money for each in self.lines)

    @cached_property
    def by_crossing(self) -> Mapping[Crossing, tuple[float, float]]:
        """The gigabytes and the money of each kind."""
        return {
            kind: (
                fsum(each.gigabytes for each in self.lines if each.crossing is kind),
                fsum(each.money for each in self.lines if each.crossing is kind),
            )
            for kind in Crossing
        }

    @cached_property
    def by_service(self) -> Mapping[ServiceKey, float]:
        """The money of each service, the dearest first."""
        found: defaultdict[ServiceKey, list[float]] = defaultdict(list)
        for each in self.lines:
            found[each.service].append(each.money)
        return dict(sorted(((key, fsum(each)) for key, each in found.items()), key=lambda item: (-item[1], item[0])))

    @property
    def unpriced(self) -> float:
        """The gigabytes that cross something of which there is no price, or nobody knows what."""
        return fsum(each.gigabytes for each in self.lines if each.price is None)

    @property
    def summary(self) -> str:
        """What it costs, as one line."""
        rest = f", and {number(self.unpriced)} GB without a price" if self.unpriced else ""
        return f"{self.money_text(self.total)}{self.per_text}{rest}"

    @property
    def per_text(self) -> str:
        """The time that is told, as in `` a month``; ``""`` where the rates are totals."""
        return f" {'an' if self.per == 'hour' else 'a'} {self.per}" if self.per else ""

    def money_text(self, money: float) -> str:
        """An amount with its currency."""
        return f"{money:,.2f} {self.prices.currency}"

    def to_table(self) -> Table:
        """The money by what is crossed, a row for each kind of traffic that there is."""
        rows = [
            (kind.value, number(size), _price_text(self.prices.of(kind)), f"{money:,.2f}")
            if self.prices.of(kind) is not None
            else (kind.value, number(size), "no price", "")
            for kind, (size, money) in self.by_crossing.items()
            if size
        ]
        rows.append(("all", number(fsum(each.gigabytes for each in self.lines)), "", f"{self.total:,.2f}"))
        return Table(
            title=self.summary,
            columns=("crosses", self._gigabytes, f"{self.prices.currency} a GB", self._money),
            rows=rows,
            notes=self.notes,
            numeric=frozenset({1, 2, 3}),
        )

    @property
    def _gigabytes(self) -> str:
        return f"GB{self.per_text}"

    @property
    def _money(self) -> str:
        return f"{self.prices.currency}{self.per_text}"

    def services_table(self, *, most: int | None = MOST_SERVICES) -> Table:
        """The money by service, the dearest first; those that cost nothing are left out."""
        found = [(service, money) for service, money in self.by_service.items() if money]
        shown = found[:most]
        more = len(found) - len(shown)
        return Table(
            columns=("service", self._money),
            rows=[(service_text(service), f"{money:,.2f}") for service, money in shown],
            notes=[f"… and {more} more"] if more > 0 else (),
            numeric=frozenset({1}),
        )

    def to_dict(self) -> CostData:
        """All of it as plain data, for JSON."""
        return CostData(
            currency=self.prices.currency,
            per=self.per,
            total=self.total,
            unpriced_gigabytes=self.unpriced,
            crossings={
                kind.value: {"gigabytes": size, "price": self.prices.of(kind), "money": money}
                for kind, (size, money) in self.by_crossing.items()
            },
            lines=[
                CostLineData(
                    host=each.host,
                    cluster=each.cluster,
                    crossing=each.crossing.value,
                    gigabytes=each.gigabytes,
                    price=each.price,
                    money=each.money if each.price is not None else None,
                )
                for each in self.lines
            ],
            notes=list(self.notes),
        )

    def to_csv(self) -> str:
        """The lines as CSV; money without a price is empty."""
        rows = [
            (
                each.host,
                each.cluster,
                each.crossing.value,
                repr(each.gigabytes),
                "" if each.price is None else repr(each.price),
                "" if each.price is None else repr(each.money),
                self.prices.currency,
                self.per or "",
            )
            for each in self.lines
        ]
        columns = ("host", "cluster", "crossing", "gigabytes", "price", "money", "currency", "per")
        return csv_text(columns, rows)

    def to_markdown(self) -> str:
        """The table as Markdown."""
        return self.to_table().to_markdown()

    def _repr_html_(self) -> str:
        return self.to_table().to_html()

    @override
    def __repr__(self) -> str:
        return f"<Cost {self.summary}>"


def _price_text(price: float | None) -> str:
    return "" if price is None else f"{price:g}"


PlaceFlow: TypeAlias = tuple[tuple[Locality, Locality], float]
"""What `Route.flows` gives: the client's place and an endpoint's, and how much."""


def cost(
    flows: Flows | ZoneMatrix | Iterable[Flow | PlaceFlow],
    prices: Prices,
    *,
    unit: str | None = None,
    per: str = "month",
    bytes_each: float | None = None,
) -> Cost:
    """What traffic costs.

    Args:
        flows: What `flows` or `zone_matrix` give; or flows of your own.
        prices: What a gigabyte costs.
        unit: What the rates are, where the flows do not say it: bytes in one of the usual sizes, as in
            ``bytes/s``, ``MB/s`` or ``GiB``. Without ``/s`` they are totals, and the money is for all of it.
            Where nobody says it they are taken for bytes a second, with a note.
        per: The time that is told: ``hour``, ``day``, ``week``, ``month`` (730 hours) or ``year``.
        bytes_each: How many bytes one of the unit is, where it is none of bytes: of a request, for
            ``requests/s``.

    Raises:
        InvalidValueError: It is not known how many bytes the rates are, or an argument is wrong.

    >>> home, away = Locality(region="r", zone="a"), Locality(region="r", zone="b")
    >>> cost([((home, away), 50.0)], Prices(zone=0.02), unit="GB")
    <Cost 1.00 USD>
    """
    check_type(prices, Prices, "prices")
    if per not in HOURS:
        raise InvalidValueError(f"expected one of {', '.join(HOURS)}, got {per!r}", "per")
    found = flows.found if isinstance(flows, ZoneMatrix) else flows
    if isinstance(found, Flows):
        unit = found.unit if unit is None else unit
        each, notes = found.flows, found.notes
    else:
        each, notes = tuple(map(_flow, found)), ()
    if not unit and bytes_each is None:
        unit, notes = "bytes/s", (*notes, UNSAID)
    size, is_rate = _size(unit or "", bytes_each)
    hours = HOURS[per] if is_rate else 1.0
    scale = size * (hours * 3600 if is_rate else 1.0) / prices.gigabyte
    return Cost(
        lines=_lines(each, prices, scale),
        prices=prices,
        per=per if is_rate else None,
        notes=notes,
    )


def _flow(given: Flow | PlaceFlow) -> Flow:
    if isinstance(given, Flow):
        return given
    try:
        (client, endpoint), rate = given
    except (TypeError, ValueError):
        raise InvalidValueError(f"expected flows, as ((client place, endpoint place), rate), got {given!r}") from None
    for place in (client, endpoint):
        check_type(place, Locality, "flows")
    here, there = zone_of(client), zone_of(endpoint)
    return Flow(host="", client=here, endpoint=there, crossing=crossing_of(here, there), rate=rate)


def _size(unit: str, bytes_each: float | None) -> tuple[float, bool]:
    """How many bytes one of a unit is, and whether it is a rate."""
    name, slash, time = unit.partition("/")
    is_rate = bool(slash)
    if bytes_each is not None:
        if not is_amount(bytes_each) or not bytes_each:
            raise InvalidValueError(f"expected a number of bytes of more than 0, got {bytes_each!r}", "bytes_each")
        # Clients that count once each have no time of their own: what one of them sends is said as a rate.
        return float(bytes_each), is_rate or unit != "bytes"
    size = _SIZES.get(name.strip().lower())
    if size is None or (slash and time.strip() not in ("s", "sec", "second")):
        text = f"expected rates in bytes, as bytes/s, MB/s or GiB/s, got {unit!r}"
        raise InvalidValueError(f"{text}: say how many bytes one is", "unit")
    return size, is_rate


def _lines(flows: Sequence[Flow], prices: Prices, scale: float) -> tuple[CostLine, ...]:
    rates: defaultdict[tuple[ServiceKey, Crossing], list[float]] = defaultdict(list)
    for each in flows:
        if each.crossing is not Crossing.LOST:
            rates[each.service, each.crossing].append(each.rate)
    order = list(Crossing)
    return tuple(
        CostLine(
            host=service[0],
            cluster=service[1],
            crossing=crossing,
            gigabytes=fsum(found) * scale,
            price=prices.of(crossing),
        )
        for (service, crossing), found in sorted(rates.items(), key=lambda item: (item[0][0], order.index(item[0][1])))
    )
