"""Why is this one endpoint where it is? The verdict on it, what was compared, and who said each value."""

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict, cast

from attrs import asdict, evolve, frozen
from typing_extensions import override

from meshtier.ladder import Ladder
from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.mesh.service_endpoint import ServiceEndpoint
from meshtier.mesh.snapshot import Place
from meshtier.rules import LabelComparison, WantedFrom
from meshtier.table import Table, percent

_SCOPE_OF_LABEL: Final[Mapping[str, Scope]] = {label: scope for scope, label in SCOPE_LABELS.items()}


class ComparisonData(TypedDict):
    """A comparison as plain data."""

    key: str
    client: str
    client_origin: str
    endpoint: str
    endpoint_origin: str
    equal: bool
    counts: bool


class ExplanationData(TypedDict):
    """An explanation as plain data."""

    endpoint: str
    verdict: str
    share: float
    reached: str
    comparisons: list[ComparisonData]
    first_difference: str
    before: "ExplanationData | None"


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

    def to_dict(self) -> ComparisonData:
        """The comparison as plain data."""
        return cast("ComparisonData", asdict(self))


@frozen(kw_only=True)
class Explanation:
    """The reasoning on one endpoint.

    Attributes:
        endpoint: Its id.
        verdict: Where it ended, as in ``P1: same network, region; other zone``, or why it is excluded.
        share: Its share of the client's traffic.
        reached: How the client gets there, as in ``directly`` or ``through Gateway …``.
        comparisons: In order; empty if nothing was compared.
        before: Why the network endpoint that it is behind is where it is; ``None``
            for what is behind none. Its share is that of all that is behind it.
    """

    endpoint: str
    verdict: str
    share: float
    reached: str
    comparisons: tuple[Comparison, ...] = ()
    before: "Explanation | None" = None

    @property
    def first_difference(self) -> Comparison | None:
        """The first comparison that did not hold, on the whole way; ``None`` if all held."""
        earlier = self.before.first_difference if self.before is not None else None
        return earlier or next((comparison for comparison in self.comparisons if not comparison.equal), None)

    def to_table(self) -> Table:
        """The comparisons as a table; those that the client's side makes of a network endpoint before the others."""
        rows = _rows(self)
        if self.before is not None:
            rows = [*_rows(self.before, "to the gateway"), *_rows(self, "behind it")]
        return Table(
            title=f"{self.endpoint}: {self.verdict}; share {percent(self.share)}; reached {self.reached}",
            columns=(*(("choice",) if self.before else ()), "compared", "client", "says", "", "endpoint", "says"),
            rows=rows,
        )

    def to_text(self) -> str:
        """The comparisons as plain text, under the verdict."""
        return self.to_table().to_text()

    def to_dict(self) -> ExplanationData:
        """The explanation as plain data."""
        first = self.first_difference
        return ExplanationData(
            endpoint=self.endpoint,
            verdict=self.verdict,
            share=self.share,
            reached=self.reached,
            comparisons=[comparison.to_dict() for comparison in self.comparisons],
            first_difference=first.key if first else "",
            before=self.before.to_dict() if self.before is not None else None,
        )

    def _repr_html_(self) -> str:
        return self.to_table().first().to_html()

    @override
    def __str__(self) -> str:
        return self.to_text()


def _rows(explanation: Explanation, *before: str) -> list[tuple[str, ...]]:
    """The comparisons as rows, with what stands before each."""
    return [
        (
            *before,
            comparison.key,
            comparison.client or "(unknown)",
            comparison.client_origin,
            ("=" if comparison.equal else "≠") if comparison.counts else "not compared",
            comparison.endpoint or "(unknown)",
            comparison.endpoint_origin,
        )
        for comparison in explanation.comparisons
    ]


def reached(each: ServiceEndpoint) -> str:
    """How the client gets to an endpoint."""
    if each.gateway is not None:
        at = f" at {each.workload.addresses[0]}" if each.behind and each.workload.addresses else ""
        return f"through {each.gateway}{at} (network {each.place.locality.network!r})"
    return f"directly at {each.workload.addresses[0]}" if each.workload.addresses else "directly"


def scope_comparisons(
    scopes: Sequence[Scope], ladder: Ladder, place: Place, each: ServiceEndpoint, *, client_cluster: str = ""
) -> tuple[Comparison, ...]:
    """What traffic distribution and failover compare, in order, up to and past the first difference.

    Args:
        scopes: What is compared.
        ladder: How the comparisons decide.
        place: Where the component that chooses is.
        each: The endpoint.
        client_cluster: The client's cluster, for scopes that name it.
    """
    found: list[Comparison] = []
    for scope in scopes:
        here, there = place.locality.part(scope), each.place.locality.part(scope)
        if scope is Scope.CLUSTER:
            here, there = client_cluster, each.endpoint.cluster
        found.append(
            Comparison(
                key=scope.value,
                client=here,
                client_origin=place.origin(scope),
                endpoint=there,
                endpoint_origin=each.place.origin(scope),
                equal=here == there,
            )
        )
    return _marked(found, ladder)


def label_comparisons(
    compared: Sequence[LabelComparison], ladder: Ladder, place: Place, each: ServiceEndpoint, *, client: str
) -> tuple[Comparison, ...]:
    """What failoverPriority compares, in order, up to and past the first difference (DR-3).

    Args:
        compared: What `meshtier.rules.compare_labels` says of the endpoint.
        ladder: How the comparisons decide.
        place: Where the component that chooses is.
        each: The endpoint.
        client: What to call the client.
    """
    found = [
        Comparison(
            key=one.entry,
            client=one.wanted or "",
            client_origin=f"failoverPriority {one.entry}"
            if one.source is WantedFrom.OVERRIDE
            else _label_origin(one.label, place, client),
            endpoint=one.found or "",
            endpoint_origin=_label_origin(one.label, each.place, str(each.workload)),
            equal=one.equal,
        )
        for one in compared
    ]
    return _marked(found, ladder)


def _marked(found: Sequence[Comparison], ladder: Ladder) -> tuple[Comparison, ...]:
    """The comparisons with those that are not reached marked so."""
    reached_ = ladder.reached(one.equal for one in found)
    return (*found[:reached_], *(evolve(one, counts=False) for one in found[reached_:]))


def _label_origin(label: str, place: Place, owner: str) -> str:
    """Where a label's value was read: the object and label that gave a place, or the workload's own label."""
    scope = _SCOPE_OF_LABEL.get(label)
    if scope is Scope.CLUSTER:
        return "the cluster's name"
    if scope is not None:
        return place.origin(scope)
    return f"{owner} label {label}"
