"""How much of one client's traffic does each endpoint get?"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import fsum

from typing_extensions import override

from meshtier.errors import UnknownNameError
from meshtier.table import percent


def _nothing() -> Iterable[str]:
    return ()


class Shares(Mapping[str, float]):
    """Each endpoint's share of one client's traffic, by endpoint id (LOAD-5).

    The shares add up to 1, or are all 0 and `reason` says why. An endpoint that
    was looked at and gets nothing is there, with 0.

    Args:
        shares: What was looked at.
        reason: Why not everything arrives; ``""`` if it does.
        rest: The ids of what gets nothing in any case, asked for when somebody does.

    Raises:
        UnknownNameError: No endpoint with this id was looked at.

    >>> Shares({"a": 0.75, "b": 0.25})
    <Shares a 75 %, b 25 %>
    """

    __slots__ = ("_rest", "_shares", "_whole", "reason")
    _shares: dict[str, float]
    reason: str

    def __init__(
        self, shares: Mapping[str, float], reason: str = "", rest: Callable[[], Iterable[str]] = _nothing
    ) -> None:
        self._shares = dict(shares)
        self._rest = rest
        self._whole: dict[str, float] | None = None
        self.reason = reason

    @property
    def total(self) -> float:
        """What the shares add up to: 1, or 0 with a reason."""
        return fsum(self._shares.values())

    def _all(self) -> dict[str, float]:
        # What never gets anything is not looked for before somebody asks for it by name or for all.
        if self._whole is None:
            self._whole = {**dict.fromkeys(self._rest(), 0.0), **self._shares}
        return self._whole

    @override
    def __getitem__(self, key: str) -> float:
        share = self._shares.get(key)
        if share is not None:
            return share
        try:
            return self._all()[key]
        except KeyError:
            raise UnknownNameError.among("endpoint", key, self._all()) from None

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    @override
    def __len__(self) -> int:
        return len(self._all())

    @override
    def __repr__(self) -> str:
        if self.reason and not self.total:
            return f"<Shares none: {self.reason}>"
        largest = sorted(self._all().items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{name} {percent(share)}" for name, share in largest[:4])
        more = f" … +{len(largest) - 4}" if len(largest) > 4 else ""
        lost = f"; lost {percent(1 - self.total)}: {self.reason}" if self.reason else ""
        return f"<Shares {shown}{more}{lost}>"
