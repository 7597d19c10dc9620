"""How evenly do the endpoints of a service carry its traffic?"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from math import fsum
from typing import Any, Final, TypedDict

from attrs import field, frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.locality import Locality
from meshtier.mesh import Mesh
from meshtier.profile import SOLO, Profile
from meshtier.table import Table
from meshtier.traffic.crossing import ServiceKey, ZoneNames, service_text, zone_of
from meshtier.traffic.demand import Traffic
from meshtier.traffic.figures import csv_text, number
from meshtier.traffic.mesh_flows import EndpointLoad, Flows, Progress, flows
from meshtier.traffic.replicas import RULE, ZoneReplicas, replicas_text, zone_replicas

MOST_SKEWED: Final = 10
"""How many services the list of those with the most skew has."""
EVEN: Final = 1.005
"""Less skew than this is none to speak of: with two digits it reads as 1."""


class EndpointLoadData(TypedDict):
    """What one endpoint gets."""

    id: str
    zone: str
    rate: float
    fair: float


class ReplicasData(TypedDict):
    """The replicas of a zone."""

    zone: str
    demand: float
    now: int
    suggested: int


class ServiceLoadData(TypedDict):
    """The load of a service."""

    host: str
    cluster: str
    rate: float
    fair: float
    skew: float | None
    hottest: str
    endpoints: list[EndpointLoadData]
    replicas: list[ReplicasData]


class LoadData(TypedDict):
    """The load of all services."""

    unit: str
    counted: bool
    rule: str
    services: list[ServiceLoadData]
    notes: list[str]


@frozen(kw_only=True, eq=False)
class ServiceLoad:
    """What the endpoints of one service get.

    Attributes:
        host: The full host name.
        cluster: As in `Flow`.
        endpoints: Those that could get traffic, and all that do, the hottest first.
        replicas: Of each zone that has endpoints or demand.
        zones: What the zones of the endpoints are called, by their ids.
    """

    host: str
    cluster: str
    endpoints: tuple[EndpointLoad, ...]
    replicas: tuple[ZoneReplicas, ...]
    zones: Mapping[str, str] = field(repr=False)

    @cached_property
    def rate(self) -> float:
        """What all endpoints together get."""
        return fsum(each.rate for each in self.endpoints)

    @cached_property
    def _weight(self) -> int:
        return sum(each.endpoint.weight for each in self.endpoints if each.is_candidate)

    def fair(self, each: EndpointLoad) -> float:
        """The fair share of an endpoint: what arrives, divided among all that could get it by their weights."""
        return self.rate * each.endpoint.weight / self._weight if self._weight and each.is_candidate else 0.0

    @property
    def mean(self) -> float:
        """What arrives, for each endpoint that could get traffic."""
        count = sum(each.is_candidate for each in self.endpoints)
        return self.rate / count if count else 0.0

    def times_fair(self, each: EndpointLoad) -> float:
        """How many times its fair share an endpoint gets."""
        fair = self.fair(each)
        return each.rate / fair if fair else 0.0

    @property
    def hottest(self) -> EndpointLoad | None:
        """The endpoint that gets most for its fair share; ``None`` without traffic."""
        return self.endpoints[0] if self.endpoints and self.rate else None

    @property
    def skew(self) -> float | None:
        """How many times its fair share the hottest gets: of equal weights, the maximum by the mean.

        1 is even; ``None`` without traffic.
        """
        return self.times_fair(self.hottest) if self.hottest is not None else None

    def to_table(self) -> Table:
        """A row for each endpoint, the hottest first."""
        rows = [
            (
                each.endpoint.id,
                self.zones[each.endpoint.id],
                number(each.rate),
                number(self.fair(each)),
                f"{self.times_fair(each):.2f}",
            )
            for each in self.endpoints
        ]
        return Table(
            title=service_text((self.host, self.cluster)),
            columns=("endpoint", "zone", "load", "fair share", "times"),
            rows=rows,
            notes=[replicas_text(self.replicas)] if self.replicas else (),
            numeric=frozenset({2, 3, 4}),
        )

    def to_dict(self) -> ServiceLoadData:
        """All of it as plain data."""
        return ServiceLoadData(
            host=self.host,
            cluster=self.cluster,
            rate=self.rate,
            fair=self.mean,
            skew=self.skew,
            hottest=self.hottest.endpoint.id if self.hottest is not None else "",
            endpoints=[
                EndpointLoadData(
                    id=each.endpoint.id,
                    zone=self.zones[each.endpoint.id],
                    rate=each.rate,
                    fair=self.fair(each),
                )
                for each in self.endpoints
            ],
            replicas=[
                ReplicasData(zone=each.zone, demand=each.demand, now=each.now, suggested=each.suggested)
                for each in self.replicas
            ],
        )

    def _repr_html_(self) -> str:
        return self.to_table().to_html()


@frozen(kw_only=True, eq=False, repr=False)
class Load:
    """What the endpoints of all services get, the service with the most skew first.

    Attributes:
        services: One for each service with a choice of endpoints.
        found: What it is made of.
    """

    services: tuple[ServiceLoad, ...]
    found: Flows = field(repr=False)

    @classmethod
    def of(cls, found: Flows) -> "Load":
        """The load that flows make."""
        demand: defaultdict[ServiceKey, defaultdict[Locality, list[float]]] = defaultdict(lambda: defaultdict(list))
        for flow in found.flows:
            demand[flow.service][flow.client].append(flow.rate)
        ends = (flow.endpoint for flow in found.flows if flow.endpoint is not None)
        seen = (zone_of(one.endpoint.locality) for loads in found.endpoints.values() for one in loads.values())
        names = ZoneNames([*(flow.client for flow in found.flows), *ends, *seen])
        services = [
            _service_load(service, loads, {place: fsum(parts) for place, parts in demand[service].items()}, names)
            for service, loads in found.endpoints.items()
        ]
        services.sort(key=lambda each: (-(each.skew or 0.0), -each.rate, each.host, each.cluster))
        return cls(services=tuple(services), found=found)

    def of_host(self, host: str) -> tuple[ServiceLoad, ...]:
        """The loads of a host: one, or one for each cluster that has a service of its own of this name."""
        return tuple(each for each in self.services if each.host == host)

    @property
    def summary(self) -> str:
        """The service with the most skew, as one line."""
        first = self.services[0] if self.services else None
        if first is None or first.skew is None or first.hottest is None:
            return "no endpoint gets traffic"
        if first.skew < EVEN:
            return "all endpoints get their fair share"
        name = service_text((first.host, first.cluster), short=True)
        return f"most skewed: {name}, where {first.hottest.endpoint.id} gets {first.skew:.2f} times its fair share"

    def to_table(self, *, most: int | None = MOST_SKEWED) -> Table:
        """A row for each service of which the load is not even, that with the most skew first.

        Args:
            most: How many; ``None`` for all, the even ones with them.
        """
        found = [each for each in self.services if most is None or (each.skew or 0.0) >= EVEN]
        shown = found[:most]
        rows = [
            (
                service_text((each.host, each.cluster)),
                str(sum(one.is_candidate for one in each.endpoints)),
                number(each.mean),
                number(each.hottest.rate) if each.hottest is not None else "",
                f"{each.skew:.2f}" if each.skew is not None else "",
                each.hottest.endpoint.id if each.hottest is not None else "",
                replicas_text(each.replicas),
            )
            for each in shown
        ]
        more = len(found) - len(shown)
        notes = [f"… and {more} more"] if more > 0 else []
        return Table(
            title=self.summary,
            columns=("service", "endpoints", "mean", "hottest", "skew", "hottest endpoint", "replicas, suggested"),
            rows=rows,
            notes=[*notes, *([RULE] if rows else [])],
            numeric=frozenset({1, 2, 3, 4}),
        )

    def to_dict(self) -> LoadData:
        """All of it as plain data, for JSON."""
        return LoadData(
            unit=self.found.unit,
            counted=self.found.is_counted,
            rule=RULE,
            services=[each.to_dict() for each in self.services],
            notes=list(self.found.notes),
        )

    def to_csv(self) -> str:
        """The endpoints of all services as CSV."""
        rows = [
            (
                each.host,
                each.cluster,
                one.endpoint.id,
                each.zones[one.endpoint.id],
                repr(one.rate),
                repr(each.fair(one)),
                self.found.unit,
            )
            for each in self.services
            for one in each.endpoints
        ]
        return csv_text(("host", "cluster", "endpoint", "zone", "rate", "fair", "unit"), rows)

    def to_markdown(self) -> str:
        """The table as Markdown."""
        return self.to_table().to_markdown()

    def _repr_html_(self) -> str:
        return self.to_table().to_html()

    @override
    def __repr__(self) -> str:
        return f"<Load of {len(self.services)} services: {self.summary}>"


def load(
    mesh: Mesh,
    traffic: Traffic | Mapping[Any, Any] | None = None,
    *,
    component: Component | None = None,
    profile: Profile = SOLO,
    hosts: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> Load:
    """What each endpoint of each service gets, beside its fair share, and replicas that would fit the demand.

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
    """
    return Load.of(flows(mesh, traffic, component=component, profile=profile, hosts=hosts, progress=progress))


def _service_load(
    service: ServiceKey, loads: Mapping[str, EndpointLoad], demand: Mapping[Locality, float], names: ZoneNames
) -> ServiceLoad:
    zones = {name: names.of(zone_of(each.endpoint.locality)) for name, each in loads.items()}
    found = ServiceLoad(
        host=service[0],
        cluster=service[1],
        endpoints=tuple(loads.values()),
        replicas=zone_replicas(loads, zones, demand, names),
        zones=zones,
    )
    ordered = sorted(found.endpoints, key=lambda each: (-found.times_fair(each), -each.rate, each.endpoint.id))
    return ServiceLoad(
        host=found.host, cluster=found.cluster, endpoints=tuple(ordered), replicas=found.replicas, zones=zones
    )
