"""How much of one client's traffic does each endpoint get?"""

from collections.abc import Mapping
from math import fsum
from typing import Self

from typing_extensions import override

from meshtier.errors import UnknownNameError
from meshtier.frozen import FrozenMapping
from meshtier.table import Mark, Table, percent


class Shares(FrozenMapping[float]):
    """Each endpoint's share of one client's traffic, by endpoint id (LOAD-5).

    The shares and what is lost add up to 1, and `reason` says why it is lost. An
    endpoint that was looked at and gets nothing is there, with 0.

    Args:
        shares: Each share, 0 to 1, by endpoint id.
        reason: Why some or all of the traffic is lost; ``""`` if all arrives.

    Raises:
        UnknownNameError: No endpoint with this id was looked at.

    >>> Shares({"a": 0.75, "b": 0.25})
    <Shares a 75 %, b 25 %>
    """

    __slots__ = ("reason",)
    reason: str

    def __init__(self, shares: Mapping[str, float], reason: str = "") -> None:
        super().__init__(shares)
        object.__setattr__(self, "reason", reason)

    @classmethod
    def trusted(cls, shares: Mapping[str, float], reason: str = "") -> Self:
        """The shares in *shares*, not copied: they must never change afterwards."""
        trusted = object.__new__(cls)
        object.__setattr__(trusted, "_items", shares)
        object.__setattr__(trusted, "reason", reason)
        return trusted

    @property
    def total(self) -> float:
        """What arrives: 1, or less with a reason."""
        return fsum(self.values())

    @override
    def _unknown(self, key: str) -> UnknownNameError:
        return UnknownNameError.among("endpoint", key, self)

    def to_table(self) -> Table:
        """The shares, the largest first, and what is lost."""
        ordered = sorted(self.items(), key=lambda item: (-item[1], item[0]))
        rows = [(name, percent(share)) for name, share in ordered]
        marks = frozenset((place, Mark.IDLE) for place, (_, share) in enumerate(ordered) if not share)
        lost = [f"{percent(1 - self.total)} is lost: {self.reason}"] if self.reason else []
        return Table(columns=("endpoint", "share"), rows=rows, notes=lost, numeric=frozenset({1}), marks=marks)

    def _repr_html_(self) -> str:
        return self.to_table().first().to_html()

    @override
    def __repr__(self) -> str:
        if self.reason and not self.total:
            return f"<Shares none: {self.reason}>"
        largest = sorted(self.items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{name} {percent(share)}" for name, share in largest[:4])
        more = f" … +{len(largest) - 4}" if len(largest) > 4 else ""
        lost = f"; lost {percent(1 - self.total)}: {self.reason}" if self.reason else ""
        return f"<Shares {shown}{more}{lost}>"
