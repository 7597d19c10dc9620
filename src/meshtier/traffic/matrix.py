"""How much traffic goes from which zone to which, and what part of a service's traffic stays in its zone?"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from math import fsum
from typing import Any, Final, TypedDict

from attrs import frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.locality import Locality
from meshtier.mesh import Mesh
from meshtier.mesh.route_data import PlaceData, place_data
from meshtier.profile import SOLO, Profile
from meshtier.table import Table, percent
from meshtier.traffic.crossing import (
    INTERNET,
    LOST,
    NOT_CHOSEN,
    Crossing,
    Flow,
    ServiceKey,
    ZoneNames,
    service_text,
)
from meshtier.traffic.crossing_shares import SHARE_HEADS, CrossingShares, SharesData, without_zeros
from meshtier.traffic.demand import Traffic
from meshtier.traffic.figures import cell, csv_text, number
from meshtier.traffic.mesh_flows import Flows, Progress, flows

MOST_SERVICES: Final = 10
"""How many services the list of those that cross zones most has."""
MOST_ZONES: Final = 12
"""How many zones a table or picture shows beside each other; the rest are one column and one row."""
REST: Final = "other zones"
"""What the zones that have no column of their own are called."""
_LAST: Final = (INTERNET, NOT_CHOSEN, LOST)


class FlowData(TypedDict):
    """One flow as plain data."""

    host: str
    cluster: str
    client: PlaceData
    endpoint: PlaceData | None
    crossing: str
    other_network: bool
    rate: float


class MatrixData(TypedDict):
    """A zone matrix as plain data."""

    unit: str
    counted: bool
    total: float
    zones: list[str]
    targets: list[str]
    cells: list[list[float]]
    all: SharesData
    services: list[SharesData]
    flows: list[FlowData]
    unmatched: list[dict[str, str | float]]
    notes: list[str]


@frozen(kw_only=True, eq=False, repr=False)
class ZoneMatrix:
    """How much traffic goes from each zone of clients to each zone of endpoints.

    Attributes:
        found: What it is made of.
    """

    found: Flows

    @property
    def flows(self) -> tuple[Flow, ...]:
        """A flow for each service and pair of zones."""
        return self.found.flows

    @property
    def unit(self) -> str:
        """What rates are."""
        return self.found.unit

    @property
    def total(self) -> float:
        """All traffic that is matched, the lost with it."""
        return self.found.total

    @cached_property
    def names(self) -> ZoneNames:
        """What zones are called."""
        ends = (each.endpoint for each in self.flows if each.endpoint is not None)
        return ZoneNames([*(each.client for each in self.flows), *ends])

    @cached_property
    def cells(self) -> Mapping[tuple[str, str], float]:
        """The rate between each two zones, by their names; pairs without any are left out.

        A second name can be ``internet``, ``not chosen`` or ``lost``.
        """
        rates: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for each in self.flows:
            rates[self.names.of(each.client), self.names.target(each)].append(each.rate)
        return {pair: fsum(parts) for pair, parts in sorted(rates.items())}

    def rate(self, client: str, endpoint: str) -> float:
        """The rate from one zone to another, by their names; 0 if there is none."""
        return self.cells.get((client, endpoint), 0.0)

    @cached_property
    def zones(self) -> tuple[str, ...]:
        """The zones of clients, by region and name."""
        return tuple(
            dict.fromkeys(
                self.names.of(place) for place in sorted({each.client for each in self.flows}, key=_by_region)
            )
        )

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The zones of endpoints, those of clients first, then what is no zone."""
        ends = {
            each.endpoint for each in self.flows if each.endpoint is not None and each.crossing is not Crossing.INTERNET
        }
        named = [self.names.of(place) for place in sorted(ends, key=_by_region)]
        there = {target for _, target in self.cells}
        own = [zone for zone in self.zones if zone in named]
        return tuple(dict.fromkeys([*own, *named, *(each for each in _LAST if each in there)]))

    def stays(self, client: str, endpoint: str) -> bool:
        """Whether traffic between two of these names stays in one zone that is known."""
        return client == endpoint and client in self._known

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.names.of(each.client) for each in self.flows if each.client.zone)

    @cached_property
    def shares(self) -> CrossingShares:
        """What part of all traffic crosses what."""
        return CrossingShares.of(self.flows)

    @cached_property
    def by_service(self) -> Mapping[ServiceKey, CrossingShares]:
        """The same for each service."""
        found: defaultdict[ServiceKey, list[Flow]] = defaultdict(list)
        for each in self.flows:
            found[each.service].append(each)
        return {service: CrossingShares.of(each, service) for service, each in found.items()}

    @cached_property
    def most_crossing(self) -> tuple[CrossingShares, ...]:
        """The services of which traffic leaves its zone, those first of which most does."""
        leaving = [each for each in self.by_service.values() if each.leaving > 0]
        return tuple(sorted(leaving, key=lambda each: (-each.leaving * each.rate, each.host, each.cluster)))

    @property
    def summary(self) -> str:
        """What stays in its zone and what does not, as one line."""
        shares = self.shares
        if not shares.rate:
            return f"no traffic: 0 {self.found.unit_text}"
        parts = [f"{percent(shares.by_crossing[kind])} {kind}" for kind in Crossing if shares.by_crossing[kind]]
        other = f"; {percent(shares.other_network)} to another network" if shares.other_network else ""
        return f"{number(shares.rate)} {self.found.unit_text}: {', '.join(parts)}{other}"

    def compact(
        self, *, most: int = MOST_ZONES
    ) -> tuple[Sequence[str], Sequence[str], Mapping[tuple[str, str], float]]:
        """The zones of clients, those of endpoints, and the rates; of many zones the least are put together as `REST`.

        Args:
            most: How many zones of either side keep their own name.
        """
        kept = self._largest(self.zones, 0, most)
        targets = self._largest([each for each in self.targets if each not in _LAST], 1, most) | set(_LAST)
        rates: defaultdict[tuple[str, str], float] = defaultdict(float)
        for (client, endpoint), rate in self.cells.items():
            rates[client if client in kept else REST, endpoint if endpoint in targets else REST] += rate
        rows = [*(zone for zone in self.zones if zone in kept), *([REST] if len(kept) < len(self.zones) else [])]
        ends = [each for each in self.targets if each in targets]
        if any(endpoint == REST for _, endpoint in rates):
            ends.insert(len([each for each in ends if each not in _LAST]), REST)
        return rows, ends, dict(rates)

    def _largest(self, zones: Sequence[str], side: int, most: int) -> set[str]:
        if len(zones) <= most:
            return set(zones)
        rates: defaultdict[str, float] = defaultdict(float)
        for pair, rate in self.cells.items():
            rates[pair[side]] += rate
        return set(sorted(zones, key=lambda zone: (-rates[zone], zone))[: most - 1])

    def to_table(self, *, most: int = MOST_ZONES) -> Table:
        """The matrix, clients down and endpoints across, with sums."""
        rows, targets, rates = self.compact(most=most)
        body = [
            (row, *(cell(rates.get((row, target), 0.0)) for target in targets), number(_sum(rates, row=row)))
            for row in rows
        ]
        if len(rows) > 1:
            body.append(("all", *(number(_sum(rates, target=target)) for target in targets), number(self.total)))
        return Table(
            title=self.summary,
            columns=("from \\ to", *targets, "all"),
            rows=body if rows else (),
            notes=self.found.notes,
            numeric=frozenset(range(1, len(targets) + 2)),
        )

    def services_table(self, *, most: int | None = MOST_SERVICES) -> Table:
        """The services of which traffic leaves its zone, that with the most first, and what part of it is what.

        Args:
            most: How many services; ``None`` for all, those that keep all in the zone last.
        """
        found = self.most_crossing
        if most is None:
            found = (*found, *(each for each in self.by_service.values() if each not in found))
        shown = found[:most]
        rows = [
            (
                service_text((each.host, each.cluster)),
                number(each.rate),
                number(each.leaving * each.rate),
                *each.cells(),
            )
            for each in shown
        ]
        more = len(found) - len(shown)
        table = Table(
            columns=("service", self.found.unit_text, "leaves its zone", *SHARE_HEADS),
            rows=rows,
            notes=[f"… and {more} more"] if more > 0 else (),
            numeric=frozenset(range(1, 3 + len(SHARE_HEADS))),
        )
        return without_zeros(table)

    def to_dict(self) -> MatrixData:
        """All of it as plain data, for JSON."""
        return MatrixData(
            unit=self.unit,
            counted=self.found.is_counted,
            total=self.total,
            zones=list(self.zones),
            targets=list(self.targets),
            cells=[[self.rate(zone, target) for target in self.targets] for zone in self.zones],
            all=self.shares.to_dict(),
            services=[each.to_dict() for each in self.by_service.values()],
            flows=[flow_data(each) for each in self.flows],
            unmatched=[
                {
                    "client": str(each.rate.sender),
                    "host": each.rate.host,
                    "rate": each.rate.value,
                    "where": each.rate.where,
                    "reason": each.reason,
                }
                for each in self.found.unmatched
            ],
            notes=list(self.found.notes),
        )

    def to_csv(self) -> str:
        """The flows as CSV, a line for each service and pair of zones."""
        rows = [
            (
                each.host,
                each.cluster,
                *each.client[:3],
                *(each.endpoint[:3] if each.endpoint is not None else ("", "", "")),
                each.crossing.value,
                str(each.other_network).lower(),
                repr(each.rate),
                self.unit,
            )
            for each in self.flows
        ]
        return csv_text(FLOW_COLUMNS, rows)

    def to_markdown(self) -> str:
        """The matrix as Markdown."""
        return self.to_table().to_markdown()

    def to_svg(self) -> str:
        """The matrix as a picture: zones by zones, a number in each cell, white where there is nothing."""
        from meshtier.traffic.matrix_picture import picture_of  # noqa: PLC0415  # it draws what is made here

        return picture_of(self)

    def to_mermaid(self) -> str:
        """The matrix as a mermaid flowchart, small enough for a pull request."""
        from meshtier.traffic.mermaid_flows import mermaid_of  # noqa: PLC0415  # it draws what is made here

        return mermaid_of(self)

    def to_html(self) -> str:
        """The picture and the tables as a page that loads nothing."""
        from meshtier.traffic.traffic_page import page_of  # noqa: PLC0415  # it shows what is made here

        return page_of(self.summary, self.to_svg(), [self.to_table(), self.services_table(most=None)])

    def _repr_html_(self) -> str:
        return f"<div>{self.to_svg()}</div>{self.to_table().to_html()}"

    @override
    def __repr__(self) -> str:
        return f"<ZoneMatrix {self.summary}>"


FLOW_COLUMNS: Final = (
    "host",
    "cluster",
    "client_network",
    "client_region",
    "client_zone",
    "endpoint_network",
    "endpoint_region",
    "endpoint_zone",
    "crossing",
    "other_network",
    "rate",
    "unit",
)
"""The columns of `ZoneMatrix.to_csv`."""


def zone_matrix(
    mesh: Mesh,
    traffic: Traffic | Mapping[Any, Any] | None = None,
    *,
    component: Component | None = None,
    profile: Profile = SOLO,
    hosts: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> ZoneMatrix:
    """How much traffic goes from each zone of clients to each zone of endpoints.

    Args:
        mesh: The snapshot.
        traffic: The rates; see `flows`. ``None``: each client counts once for each host.
        component: The one that is asked about; ``None`` for the way that traffic really takes.
        profile: Whose rules.
        hosts: The full host names to ask for; ``None`` for all of them.
        progress: Is told how much is done, 0 to 1.

    Raises:
        UnknownNameError: One of *hosts* is no host of the mesh.

    Cost: that of `flows`.

    >>> from meshtier.kube import load
    >>> zone_matrix(load("examples/bookinfo/gateways"), hosts=["details.bookinfo.svc.cluster.local"])
    <ZoneMatrix 24 clients: 75 % same-zone, 25 % cross-zone>
    """
    return ZoneMatrix(found=flows(mesh, traffic, component=component, profile=profile, hosts=hosts, progress=progress))


def _by_region(place: Locality) -> tuple[str, str, str]:
    return place.region, place.zone, place.network


def _sum(rates: Mapping[tuple[str, str], float], *, row: str | None = None, target: str | None = None) -> float:
    return fsum(
        rate
        for (client, endpoint), rate in rates.items()
        if (row is None or client == row) and (target is None or endpoint == target)
    )


def flow_data(flow: Flow) -> FlowData:
    """A flow as plain data."""
    return FlowData(
        host=flow.host,
        cluster=flow.cluster,
        client=place_data(flow.client),
        endpoint=place_data(flow.endpoint) if flow.endpoint is not None else None,
        crossing=flow.crossing.value,
        other_network=flow.other_network,
        rate=flow.rate,
    )
