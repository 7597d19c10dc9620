"""Which rule holds for a host, and which others might have?

The search is that of Istio's control plane: one list of rules for each
namespace and host, in which rules are merged where their ``exportTo`` allows;
the client's namespace first, then the service's, then the root; in each the
longest host that matches. File and function names beside the lines are of
istio/istio, pilot/pkg/model, at 86c9f01.
"""

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from attrs import evolve, frozen

from meshtier.labels import NO_LABELS
from meshtier.note import Note
from meshtier.rules.destination_rule import EVERYWHERE, OWN_NAMESPACE, DestinationRule

DEFAULT_DOMAIN: Final = "cluster.local"
DEFAULT_ROOT: Final = "istio-system"
_PRIVATE: Final = frozenset({OWN_NAMESPACE})


class Match(enum.Enum):
    """How a rule's host fits the host asked for."""

    EXACT = "exact"  # the same name
    WILDCARD = "wildcard"  # the end of the name is the same


class Asked(enum.Enum):
    """In which of the three namespaces a rule was found; they are asked in this order (DR-1)."""

    CLIENT = "the client's namespace"
    SERVICE = "the service's namespace"
    ROOT = "the root namespace"


class Shadow(enum.Enum):
    """Why a rule whose host fits does not hold; the value is the sentence that a reader sees."""

    NOT_EXPORTED = "is not exported to the client's namespace"
    LATER_NAMESPACE = "lives in a namespace that is asked later"
    WIDER_HOST = "has a host that matches less exactly"
    OTHER_LABELS = "is for workloads with other labels"
    NO_SELECTOR = "gives way to a rule whose workloadSelector fits the client"
    OTHER_EXPORT = "has another exportTo, and a younger rule holds"


@frozen(kw_only=True)
class Shadowed:
    """A rule whose host fits, and why it does not hold.

    Attributes:
        rule: The rule as it was written.
        reason: Why.
    """

    rule: DestinationRule
    reason: Shadow


@frozen(kw_only=True)
class Found:
    """The rule that holds for a host.

    Attributes:
        rule: What holds: the first of *sources*, with what the others add to it.
        host: Its host, resolved to a full name.
        match: How that fits the host asked for.
        asked: Where it was found.
        sources: The rules that went into it, the oldest first; what one gives
            that an older one gave is without effect.
        shadowed: Other rules for the host in the namespaces that were asked.
        notes: What is doubtful about the choice.
    """

    rule: DestinationRule
    host: str
    match: Match
    asked: Asked
    sources: tuple[DestinationRule, ...]
    shadowed: tuple[Shadowed, ...] = ()
    notes: tuple[Note, ...] = ()


def resolve_host(host: str, namespace: str, *, domain: str = DEFAULT_DOMAIN) -> str:
    """The full name of a rule's host: a name without dots is a Service of the rule's own namespace (DR-1).

    Source: config.go, ResolveShortnameToFQDN.

    >>> resolve_host("reviews", "bookinfo")
    'reviews.bookinfo.svc.cluster.local'
    """
    if host == "*" or "." in host or ":" in host:  # a name that is full, or an address
        return host
    return f"{host}.{namespace}.svc.{domain}"


def host_matches(pattern: str, host: str) -> bool:
    """Whether a full host of a rule fits the host of a service; a service's host may be a wildcard too.

    >>> host_matches("*.mesh.internal", "reviews.bookinfo.mesh.internal")
    True
    """
    if pattern == host:
        return True
    return pattern.startswith("*") and host.removeprefix("*").endswith(pattern[1:])


@frozen
class _Merged:
    rule: DestinationRule
    export_to: frozenset[str]
    sources: tuple[DestinationRule, ...]


@frozen
class _Step:
    """One of the namespaces that are asked: which rules of it count there, and which of those are for the client."""

    asked: Asked
    namespace: str
    counts: Callable[[DestinationRule], bool]
    client: str

    def reaches(self, export_to: frozenset[str]) -> bool:
        return self.asked is Asked.CLIENT or not export_to or not export_to.isdisjoint((EVERYWHERE, self.client))

    def sees(self, rule: DestinationRule) -> bool:
        return rule.namespace == self.namespace and self.counts(rule) and self.reaches(_export_of(rule))


class RuleIndex:
    """Rules laid out for many look-ups.

    Args:
        rules: In any order; age and name decide among them.
        domain: What short hosts are completed with.

    Cost: O(n log n) to make; a look-up costs O(wildcard hosts and matching
    rules in the three namespaces).
    """

    def __init__(self, rules: Iterable[DestinationRule], *, domain: str = DEFAULT_DOMAIN) -> None:
        self._rules: dict[str, dict[str, list[DestinationRule]]] = {}
        ordered = by_age(rules)
        self._selects_clients = any(rule.workload_selector is not None for rule in ordered)
        for rule in ordered:
            host = resolve_host(rule.host, rule.namespace, domain=domain)
            self._rules.setdefault(rule.namespace, {}).setdefault(host, []).append(rule)
        self._wildcards = {
            namespace: sorted((host for host in hosts if host.startswith("*")), key=len, reverse=True)
            for namespace, hosts in self._rules.items()
        }

    @property
    def selects_clients(self) -> bool:
        """Whether a rule is for some workloads alone, so that a client's labels matter."""
        return self._selects_clients

    def find(
        self,
        host: str,
        *,
        client_namespace: str,
        service_namespace: str,
        root_namespace: str = DEFAULT_ROOT,
        client_labels: Mapping[str, str] = NO_LABELS,
    ) -> Found | None:
        """The rule that holds for *host*, a full name; see `find_rule`."""
        # A client in the root namespace asks there for private rules first, so that rules for everyone, which live
        # there too, do not hide those of the services' own namespaces (push_context.go, destinationRule).
        own = _is_private if client_namespace == root_namespace else _is_local
        steps = (
            _Step(Asked.CLIENT, client_namespace, own, client_namespace),
            _Step(Asked.SERVICE, service_namespace, _is_shared, client_namespace),
            _Step(Asked.ROOT, root_namespace, _is_shared, client_namespace),
        )
        for step in steps:
            matched, merged = self._most_specific(step, host)
            if not merged:
                continue
            held = _for_client(merged, client_namespace, client_labels)
            if held is None:
                return None  # no other namespace is asked once one has an answer for somebody
            found = Found(
                rule=held.rule,
                host=matched,
                match=Match.EXACT if matched == host else Match.WILDCARD,
                asked=step.asked,
                sources=held.sources,
            )
            return _with_shadowed(found, self._candidates(host, steps), steps, client_labels)
        return None

    def _most_specific(self, step: _Step, host: str) -> tuple[str, list[_Merged]]:
        """The exact host, else the longest wildcard, and the rules for it that reach the client."""
        # Rules that do not reach the client hide those for wider hosts all the same: config.go, MostSpecificHostMatch,
        # comes before push_context.go, getExportedDestinationRuleFromNamespace, looks at exportTo.
        for candidate in self._fitting(step.namespace, host):
            rules = [rule for rule in self._rules[step.namespace][candidate] if step.counts(rule)]
            if rules:
                return candidate, [one for one in _merge(rules) if step.reaches(one.export_to)]
        return "", []

    def _fitting(self, namespace: str, host: str) -> Iterator[str]:
        if host in self._rules.get(namespace, {}):
            yield host
        for wildcard in self._wildcards.get(namespace, ()):
            if wildcard != host and host_matches(wildcard, host):
                yield wildcard

    def _candidates(self, host: str, steps: Iterable[_Step]) -> Iterator[tuple[DestinationRule, str]]:
        for namespace in dict.fromkeys(step.namespace for step in steps):
            for candidate in self._fitting(namespace, host):
                for rule in self._rules[namespace][candidate]:
                    yield rule, candidate


def find_rule(
    rules: Iterable[DestinationRule],
    host: str,
    *,
    client_namespace: str,
    service_namespace: str,
    root_namespace: str = DEFAULT_ROOT,
    client_labels: Mapping[str, str] = NO_LABELS,
    domain: str = DEFAULT_DOMAIN,
) -> Found | None:
    """The rule that holds for *host* as a client sees it; ``None`` if there is none (DR-1).

    Args:
        rules: All rules of the client's cluster. For many look-ups make a
            `RuleIndex` once, and ask that.
        host: The service's full host name.
        client_namespace: Where the component that chooses runs.
        service_namespace: Where the service lives.
        root_namespace: Where the rules for everyone live.
        client_labels: The labels of the component that chooses, for rules with a ``workloadSelector``.
        domain: What short hosts are completed with.

    Several rules of one namespace for one host become one if their ``exportTo``
    is the same, or the younger's includes the older's: the oldest with a policy
    gives the policy, and all give subsets. Otherwise they stay apart, and of
    those that the client sees the youngest holds.

    Source: istio/istio pilot/pkg/model/push_context.go, destinationRule, and
    destination_rule.go, mergeDestinationRule, at 86c9f01.

    >>> rule = DestinationRule(name="all", namespace="shop", host="*.shop.mesh.internal")
    >>> found = find_rule([rule], "cart.shop.mesh.internal", client_namespace="web", service_namespace="shop")
    >>> found.match, found.asked
    (<Match.WILDCARD: 'wildcard'>, <Asked.SERVICE: "the service's namespace">)
    """
    return RuleIndex(rules, domain=domain).find(
        host,
        client_namespace=client_namespace,
        service_namespace=service_namespace,
        root_namespace=root_namespace,
        client_labels=client_labels,
    )


def by_age(rules: Iterable[DestinationRule]) -> list[DestinationRule]:
    """Rules in the order in which they are merged: the oldest first, behind those for some workloads alone."""
    return sorted(rules, key=_age)


def _age(rule: DestinationRule) -> tuple[bool, str, str, str]:
    # push_context.go, sortConfigBySelectorAndCreationTime: rules for some workloads first, then the oldest.
    # Timestamps sort as text: the API server writes all of them in one form, in UTC.
    return rule.workload_selector is None, rule.created, rule.name, rule.namespace


def _export_of(rule: DestinationRule) -> frozenset[str]:
    # push_context.go, setDestinationRules, as are the next three: a rule for some workloads stays in its namespace.
    return frozenset(rule.export_to) if rule.workload_selector is None else _PRIVATE


def _is_local(rule: DestinationRule) -> bool:
    export_to = _export_of(rule)
    return not export_to or not export_to.isdisjoint((EVERYWHERE, OWN_NAMESPACE, rule.namespace))


def _is_private(rule: DestinationRule) -> bool:
    return _export_of(rule) in (_PRIVATE, frozenset({rule.namespace}))


def _is_shared(rule: DestinationRule) -> bool:
    return not _is_private(rule)


def _merge(rules: Sequence[DestinationRule]) -> list[_Merged]:
    # destination_rule.go, mergeDestinationRule. As there, the last rule that was looked at says whether the new one
    # stays apart too, whatever became of it before.
    merged: list[_Merged] = []
    for rule in rules:  # the oldest first
        export_to, apart = _export_of(rule), True
        for place, older in enumerate(merged):
            includes = bool(older.export_to) and export_to >= older.export_to
            if not includes and export_to != older.export_to:
                apart = True
                continue
            selectors = (older.rule.workload_selector, rule.workload_selector)
            if None not in selectors and selectors[0] != selectors[1]:
                apart = True
                continue
            # A rule without a selector can disappear in one that has one: the latter came first, by its age.
            apart = selectors[0] != selectors[1] and export_to != older.export_to
            merged[place] = _Merged(_add(older.rule, rule), older.export_to, (*older.sources, rule))
        if apart:
            merged.append(_Merged(rule, export_to, (rule,)))
    return merged


def _add(older: DestinationRule, younger: DestinationRule) -> DestinationRule:
    names = {subset.name for subset in older.subsets}
    added = tuple(subset for subset in younger.subsets if subset.name not in names)
    return evolve(
        older,
        traffic_policy=older.traffic_policy or younger.traffic_policy,
        subsets=older.subsets + added,
        notes=older.notes + younger.notes,
    )


# Of the rules without a selector the last holds, which is the youngest (sidecar.go, SidecarScope.DestinationRule).
def _for_client(merged: Sequence[_Merged], namespace: str, labels: Mapping[str, str]) -> _Merged | None:
    held = None
    for one in merged:
        if one.rule.workload_selector is None:
            held = one
        elif one.rule.namespace == namespace and _selects(one.rule, labels):
            return one
    return held


def _selects(rule: DestinationRule, labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in (rule.workload_selector or NO_LABELS).items())


def _with_shadowed(
    found: Found,
    candidates: Iterable[tuple[DestinationRule, str]],
    steps: Sequence[_Step],
    client_labels: Mapping[str, str],
) -> Found:
    shadowed = tuple(
        Shadowed(rule=rule, reason=_reason(rule, host, found, steps, client_labels))
        for rule, host in candidates
        if rule not in found.sources
    )
    apart = [one.rule.title for one in shadowed if one.reason is Shadow.OTHER_EXPORT]
    if not apart:
        return evolve(found, shadowed=shadowed)
    text = f"its exportTo differs from that of {', '.join(apart)}, so they are not merged and the youngest holds"
    return evolve(found, shadowed=shadowed, notes=(Note("two-rules-one-host", text, found.rule.title),))


def _reason(
    rule: DestinationRule, host: str, found: Found, steps: Sequence[_Step], client_labels: Mapping[str, str]
) -> Shadow:
    asked = [step.asked for step in steps if step.sees(rule)]
    if not asked:
        return Shadow.NOT_EXPORTED
    order = [step.asked for step in steps]
    if order.index(asked[0]) > order.index(found.asked):
        return Shadow.LATER_NAMESPACE
    if asked[0] is not found.asked or host != found.host:
        return Shadow.WIDER_HOST
    if rule.workload_selector is not None and not _selects(rule, client_labels):
        return Shadow.OTHER_LABELS
    return Shadow.OTHER_EXPORT if found.rule.workload_selector is None else Shadow.NO_SELECTOR
