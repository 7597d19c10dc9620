"""Why is this one endpoint where it is? The verdict on it, and the comparisons that led there."""

from collections.abc import Mapping
from typing import TypedDict

from attrs import frozen
from typing_extensions import override

from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.mesh.comparison import Comparison, ComparisonData
from meshtier.mesh.visible import ServiceEndpoint
from meshtier.table import Table, percent


class ExplanationData(TypedDict):
    """A reasoning as plain data."""

    endpoint: str
    verdict: str
    share: float
    reached: str
    comparisons: list[ComparisonData]
    first_difference: str


@frozen(kw_only=True)
class Explanation:
    """The reasoning on one endpoint.

    Attributes:
        endpoint: Its id.
        verdict: Where it ended, as in ``P1: same network, region; other zone``, or why it is excluded.
        share: Its share of the client's traffic.
        reached: How the client gets there, as in ``directly`` or ``through Gateway …``.
        comparisons: In order; empty if nothing was compared.
    """

    endpoint: str
    verdict: str
    share: float
    reached: str
    comparisons: tuple[Comparison, ...] = ()

    @property
    def first_difference(self) -> Comparison | None:
        """The first comparison that did not hold; ``None`` if all held."""
        return next((comparison for comparison in self.comparisons if not comparison.equal), None)

    def to_table(self) -> Table:
        """The comparisons as a table."""
        rows = [
            (
                comparison.key,
                comparison.client or "(unknown)",
                comparison.client_origin,
                ("=" if comparison.equal else "≠") if comparison.counts else "not compared",
                comparison.endpoint or "(unknown)",
                comparison.endpoint_origin,
            )
            for comparison in self.comparisons
        ]
        return Table(
            title=f"{self.endpoint}: {self.verdict}; share {percent(self.share)}; reached {self.reached}",
            columns=("compared", "client", "says", "", "endpoint", "says"),
            rows=rows,
        )

    def to_text(self) -> str:
        """The same as plain text."""
        return self.to_table().to_text()

    def to_dict(self) -> ExplanationData:
        """The same as plain data."""
        first = self.first_difference
        return ExplanationData(
            endpoint=self.endpoint,
            verdict=self.verdict,
            share=self.share,
            reached=self.reached,
            comparisons=[comparison.to_dict() for comparison in self.comparisons],
            first_difference=first.key if first else "",
        )

    def _repr_html_(self) -> str:
        return self.to_table().to_html()

    @override
    def __str__(self) -> str:
        return self.to_text()


def reached(service_endpoint: ServiceEndpoint) -> str:
    """How the client gets to a member."""
    if service_endpoint.gateway is not None:
        return f"through {service_endpoint.gateway} (network {service_endpoint.workload.place.locality.network!r})"
    return (
        f"directly at {service_endpoint.workload.addresses[0]}" if service_endpoint.workload.addresses else "directly"
    )


def find_endpoint(name: str, available: Mapping[str, ServiceEndpoint]) -> ServiceEndpoint:
    """The member of this id, or the only one whose id ends so, after a ``/`` or ``-``.

    Raises:
        UnknownNameError: There is none.
        InvalidValueError: There are several.
    """
    if name in available:
        return available[name]
    ends = [identifier for identifier in available if identifier.endswith((f"/{name}", f"-{name}"))]
    if len(ends) == 1:
        return available[ends[0]]
    if ends:
        raise InvalidValueError(
            f"{name!r} could mean {', '.join(sorted(ends))}; say which by its full name", "endpoint"
        )
    raise UnknownNameError.among("endpoint of the host", name, sorted(available))
