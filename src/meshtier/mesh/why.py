"""Why is this one endpoint where it is? Every comparison, both values, and who said them."""

from collections.abc import Iterable, Mapping
from typing import TypedDict

from attrs import frozen
from typing_extensions import override

from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.locality import Scope
from meshtier.mesh.model import Place
from meshtier.mesh.view import Member
from meshtier.table import Table, percent
from meshtier.tiers import Preference


class ComparisonData(TypedDict):
    """A comparison as plain data."""

    key: str
    client: str
    client_origin: str
    endpoint: str
    endpoint_origin: str
    equal: bool
    counts: bool


class WhyData(TypedDict):
    """A reasoning as plain data."""

    endpoint: str
    verdict: str
    share: float
    reached: str
    comparisons: list[ComparisonData]
    first_difference: str


@frozen(kw_only=True)
class Comparison:
    """One thing compared.

    Attributes:
        key: A scope, or a label of a DestinationRule.
        client: The client's value, or the one that the rule asks for; ``""`` if unknown.
        client_origin: The object and label that said so; ``""`` if nothing did.
        endpoint: The endpoint's value.
        endpoint_origin: The object and label that said so.
        equal: Whether it held; two unknown values are the same (LOC-6).
        counts: Whether it was reached: nothing after the first difference is compared.
    """

    key: str
    client: str
    client_origin: str
    endpoint: str
    endpoint_origin: str
    equal: bool
    counts: bool = True


@frozen(kw_only=True)
class Why:
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

    def to_dict(self) -> WhyData:
        """The same as plain data."""
        first = self.first_difference
        return WhyData(
            endpoint=self.endpoint,
            verdict=self.verdict,
            share=self.share,
            reached=self.reached,
            comparisons=[_comparison_data(comparison) for comparison in self.comparisons],
            first_difference=first.key if first else "",
        )

    def _repr_html_(self) -> str:
        return self.to_table().to_html()

    @override
    def __str__(self) -> str:
        return self.to_text()


def compare_places(
    client: Place, member: Member, preference: Preference, *, client_cluster: str
) -> tuple[Comparison, ...]:
    """The comparisons of a traffic distribution, in its order, up to and past the first difference."""
    found: list[Comparison] = []
    open_ = True
    for scope in preference.scopes:
        comparison = _compare(scope, client, member, client_cluster=client_cluster, counts=open_)
        found.append(comparison)
        preferred_only = preference.ranked and scope is Scope.NETWORK
        open_ = open_ and (comparison.equal or preferred_only)
    return tuple(found)


def _compare(scope: Scope, client: Place, member: Member, *, client_cluster: str, counts: bool) -> Comparison:
    here, there = client.locality.part(scope), member.place.locality.part(scope)
    if scope is Scope.CLUSTER:
        here, there = client_cluster, member.endpoint.cluster
    return Comparison(
        key=scope.value,
        client=here,
        client_origin=client.origin(scope),
        endpoint=there,
        endpoint_origin=member.place.origin(scope),
        equal=here == there,
        counts=counts,
    )


def _comparison_data(comparison: Comparison) -> ComparisonData:
    return ComparisonData(
        key=comparison.key,
        client=comparison.client,
        client_origin=comparison.client_origin,
        endpoint=comparison.endpoint,
        endpoint_origin=comparison.endpoint_origin,
        equal=comparison.equal,
        counts=comparison.counts,
    )


def reached(member: Member) -> str:
    """How the client gets to a member."""
    if member.gateway is not None:
        return f"through {member.gateway} (network {member.workload.place.locality.network!r})"
    return f"directly at {member.workload.addresses[0]}" if member.workload.addresses else "directly"


def find_member(name: str, members: Mapping[str, Member]) -> Member:
    """The member of this id, or the only one whose id ends so, after a ``/`` or ``-``.

    Raises:
        UnknownNameError: There is none.
        InvalidValueError: There are several.
    """
    if name in members:
        return members[name]
    ends = [identifier for identifier in members if identifier.endswith((f"/{name}", f"-{name}"))]
    if len(ends) == 1:
        return members[ends[0]]
    if ends:
        raise InvalidValueError(
            f"{name!r} could mean {', '.join(sorted(ends))}; say which by its full name", "endpoint"
        )
    raise UnknownNameError.among("endpoint of the host", name, _names(members))


def _names(members: Iterable[str]) -> list[str]:
    return sorted(members)
