"""What does a gigabyte cost, by what it crosses? Prices that the caller gives; none is built in."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from attrs import frozen

from meshtier.errors import check_type
from meshtier.traffic.crossing import Crossing
from meshtier.traffic.demand import raise_all

GIGABYTE: Final = 10**9
"""How many bytes a price is for, unless the caller says otherwise."""

_OPENCOST: Final[Mapping[str, str]] = {
    "zoneNetworkEgress": "zone",
    "regionNetworkEgress": "region",
    "internetNetworkEgress": "internet",
}
"""The names of the three prices in OpenCost's pricing file, in USD a GB.

Source: opencost/opencost configs/default.json, at 0d1f69c.
"""

_OWN: Final = ("zone", "region", "internet")
_PRICE_OF: Final[Mapping[Crossing, str]] = {
    Crossing.CROSS_ZONE: "zone",
    Crossing.CROSS_REGION: "region",
    Crossing.INTERNET: "internet",
}
_FREE: Final = (Crossing.SAME_ZONE, Crossing.LOST)


@frozen(kw_only=True)
class Prices:
    """What a gigabyte costs, by what it crosses. Traffic within a zone costs nothing.

    Attributes:
        zone: To another zone of the region; ``None`` if unknown: such traffic is then told without money.
        region: To another region.
        internet: To an address outside the mesh.
        currency: What the prices are in.
        gigabyte: How many bytes a price is for.

    A provider that charges at both ends, as for what is sent and for what is received,
    charges each gigabyte twice: give the sum.

    Raises:
        InvalidValueError: Prices are negative or not finite; all of them are named.
    """

    zone: float | None = None
    region: float | None = None
    internet: float | None = None
    currency: str = "USD"
    gigabyte: float = GIGABYTE

    def __attrs_post_init__(self) -> None:
        problems = [
            (name, f"expected a price of 0 or more for a GB, got {price!r}")
            for name in _OWN
            if (price := getattr(self, name)) is not None and not is_amount(price)
        ]
        if not is_amount(self.gigabyte) or not self.gigabyte:
            problems.append(("gigabyte", f"expected a number of bytes of more than 0, got {self.gigabyte!r}"))
        raise_all(problems)
        check_type(self.currency, str, "currency")

    @classmethod
    def from_mapping(cls, prices: Mapping[str, Any]) -> "Prices":
        """The prices that a mapping says.

        Args:
            prices: ``zone``, ``region`` and ``internet``, each the price of a GB, and ``currency``
                and ``gigabyte`` if wanted; or OpenCost's ``zoneNetworkEgress``, ``regionNetworkEgress`` and
                ``internetNetworkEgress``, among whatever else its file holds. A number may be text.

        Raises:
            InvalidValueError: With all that is wrong: a price that is none, an unknown name, or no price.

        >>> Prices.from_mapping({"zoneNetworkEgress": "0.01", "CPU": "0.03"})
        Prices(zone=0.01, region=None, internet=None, currency='USD', gigabyte=1000000000)
        """
        check_type(prices, Mapping, "prices")
        is_opencost = any(name in prices for name in _OPENCOST)
        allowed = (*_OWN, "currency", "gigabyte")
        found: dict[str, Any] = {}
        problems: list[tuple[str, str]] = []
        for key, value in prices.items():
            name = _OPENCOST.get(key, key)
            if name not in allowed:
                if not is_opencost:
                    problems.append((str(key), f"expected some of {', '.join((*allowed, *_OPENCOST))}, got {key!r}"))
            elif name in found:
                problems.append((str(key), "expected one price of this kind, got two"))
            else:
                found[name] = value if name == "currency" else _amount(value)
                if found[name] is None:
                    problems.append((str(key), f"expected a price of 0 or more for a GB, got {value!r}"))
        if not problems and not any(name in found for name in _OWN):
            problems.append(("prices", f"expected some of {', '.join((*_OWN, *_OPENCOST))}, got none"))
        raise_all(problems)
        return cls(**found)

    def of(self, crossing: Crossing) -> float | None:
        """The price of a gigabyte; 0 where nothing is crossed, ``None`` if it is not known."""
        if crossing in _FREE:
            return 0.0
        name = _PRICE_OF.get(crossing)
        price: float | None = getattr(self, name) if name is not None else None
        return price


def is_amount(value: object) -> bool:
    """Whether it is a number of 0 or more, and finite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= 0


def _amount(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if is_amount(value) else None  # type: ignore[return-value]  # it is a number
