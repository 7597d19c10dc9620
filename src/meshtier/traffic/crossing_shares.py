"""What part of some traffic crosses what?"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import fsum
from typing import Final, TypedDict

from attrs import frozen

from meshtier.table import Table, percent
from meshtier.traffic.crossing import Crossing, Flow, ServiceKey


class SharesData(TypedDict):
    """What part of some traffic is of each kind; the kinds of `crossings` add up to 1."""

    host: str
    cluster: str
    rate: float
    crossings: dict[str, float]
    other_network: float


@frozen(kw_only=True)
class CrossingShares:
    """What part of some traffic crosses what.

    Attributes:
        host: Of which host; ``""`` for all together.
        cluster: As in `Flow`.
        rate: How much traffic it is.
        by_crossing: What part is of each kind, 0 to 1; they add up to 1, or are all 0 without traffic.
        other_network: What part goes to another network; it is in one of the kinds too.
    """

    host: str = ""
    cluster: str = ""
    rate: float
    by_crossing: Mapping[Crossing, float]
    other_network: float

    @classmethod
    def of(cls, found: Sequence[Flow], service: ServiceKey = ("", "")) -> "CrossingShares":
        """The shares of some flows."""
        total = fsum(each.rate for each in found)
        rates: defaultdict[Crossing, list[float]] = defaultdict(list)
        for each in found:
            rates[each.crossing].append(each.rate)
        return cls(
            host=service[0],
            cluster=service[1],
            rate=total,
            by_crossing={kind: fsum(rates[kind]) / total if total else 0.0 for kind in Crossing},
            other_network=fsum(each.rate for each in found if each.other_network) / total if total else 0.0,
        )

    @property
    def leaving(self) -> float:
        """What part leaves its zone: to another zone, another region or the internet."""
        kinds = (Crossing.CROSS_ZONE, Crossing.CROSS_REGION, Crossing.INTERNET)
        return fsum(self.by_crossing[kind] for kind in kinds)

    def cells(self) -> tuple[str, ...]:
        """The shares as text, in the order of `SHARE_HEADS`."""
        kinds = self.by_crossing
        return (
            *(percent(kinds[kind]) for kind in (Crossing.SAME_ZONE, Crossing.CROSS_ZONE, Crossing.CROSS_REGION)),
            percent(self.other_network),
            *(percent(kinds[kind]) for kind in (Crossing.INTERNET, Crossing.UNKNOWN, Crossing.LOST)),
        )

    def to_dict(self) -> SharesData:
        """The shares as plain data."""
        return SharesData(
            host=self.host,
            cluster=self.cluster,
            rate=self.rate,
            crossings={kind.value: share for kind, share in self.by_crossing.items()},
            other_network=self.other_network,
        )


SHARE_HEADS: Final = (
    "same zone",
    "cross zone",
    "cross region",
    "other network",
    "internet",
    "unknown",
    "lost",
)
"""The columns of `CrossingShares.cells`; all but ``other network`` add up to all."""


def without_zeros(table: Table) -> Table:
    """A table of services without the columns of shares that are 0 in all rows, but for those of zones."""
    kept = [
        place
        for place, head in enumerate(table.columns)
        if head not in SHARE_HEADS[2:] or any(row[place] not in ("", percent(0)) for row in table.rows)
    ]
    return Table(
        columns=[table.columns[place] for place in kept],
        rows=[[row[place] for place in kept] for row in table.rows],
        notes=table.notes,
        numeric=frozenset(range(1, len(kept))),
    )
