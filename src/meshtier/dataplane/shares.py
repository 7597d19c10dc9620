"""How much of one client's traffic does each endpoint get?"""

from collections.abc import Iterator, Mapping
from math import fsum

from typing_extensions import override

from meshtier.errors import UnknownNameError
from meshtier.table import percent


class Shares(Mapping[str, float]):
    """Each endpoint's share of one client's traffic, by endpoint id (LOAD-5).

    The shares add up to 1, or are all 0 and `reason` says why. An endpoint that
    was looked at and gets nothing is there, with 0.

    Raises:
        UnknownNameError: No endpoint with this id was looked at.

    >>> Shares({"a": 0.75, "b": 0.25})
    <Shares a 75 %, b 25 %>
    """

    __slots__ = ("_shares", "reason")
    _shares: dict[str, float]
    reason: str

    def __init__(self, shares: Mapping[str, float], reason: str = "") -> None:
        self._shares = dict(shares)
        self.reason = reason

    @property
    def total(self) -> float:
        """What the shares add up to: 1, or 0 with a reason."""
        return fsum(self._shares.values())

    @override
    def __getitem__(self, key: str) -> float:
        try:
            return self._shares[key]
        except KeyError:
            raise UnknownNameError.among("endpoint", key, self._shares) from None

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._shares)

    @override
    def __len__(self) -> int:
        return len(self._shares)

    @override
    def __repr__(self) -> str:
        if self.reason and not self.total:
            return f"<Shares none: {self.reason}>"
        largest = sorted(self._shares.items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{name} {percent(share)}" for name, share in largest[:4])
        more = f" … +{len(largest) - 4}" if len(largest) > 4 else ""
        lost = f"; lost {percent(1 - self.total)}: {self.reason}" if self.reason else ""
        return f"<Shares {shown}{more}{lost}>"
