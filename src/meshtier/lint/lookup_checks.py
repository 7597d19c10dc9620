"""Which DestinationRules are found by nobody, or by chance? Their hosts, their namespaces, their age."""

from collections.abc import Iterable, Iterator, Sequence

from meshtier.errors import UnknownNameError
from meshtier.lint.family import finding
from meshtier.lint.finding import Finding
from meshtier.lint.policies import HostPolicies
from meshtier.lint.policy_checks import named
from meshtier.lint.rule import LintRule
from meshtier.lint.survey import Survey
from meshtier.mesh import Cluster
from meshtier.mesh.snapshot_warnings import rules_for_nobody
from meshtier.rules import DestinationRule, Shadow, host_matches, resolve_host
from meshtier.rules.lookup import DEFAULT_ROOT, by_age


def dr_not_in_lookup(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """A rule in a namespace that nobody asks, or asks too late (DR114)."""
    policies = survey.policies
    for cluster, each in policies.rules:
        if (cluster.name, each.title) in policies.held:
            continue
        pattern = resolve_host(each.host, each.namespace, domain=cluster.domain)
        hosts = [one for one in policies.by_cluster.get(cluster.name, ()) if host_matches(pattern, one.site.host)]
        if not hosts:
            continue
        path, why, fix = _unasked(survey, cluster, each, hosts) or _too_late(each, hosts)
        if why:
            text = f"it is for {named(one.site.host for one in hosts)}, {why}"
            yield finding(
                survey,
                rule,
                cluster.name,
                each.title,
                text,
                path=path,
                instead="it has no effect: rules are looked for in the namespace of the client, then of the service,"
                " then the root namespace, and the first that has one decides",
                fix=fix,
            )


def _unasked(
    survey: Survey, cluster: Cluster, each: DestinationRule, hosts: Sequence[HostPolicies]
) -> tuple[str, str, str] | None:
    """The field, the reason and the fix if the namespace of a rule is none that is asked."""
    asked = {DEFAULT_ROOT, *(host.service.namespace for host in hosts)}
    clients = survey.policies.namespaces(cluster)
    if each.namespace in asked or each.namespace in clients:
        return None
    why = f"and its namespace {each.namespace} is not the service's, not the root, and has no client"
    return "metadata.namespace", why, f"move it to the namespace {hosts[0].service.namespace}"


def _too_late(each: DestinationRule, hosts: Sequence[HostPolicies]) -> tuple[str, str, str]:
    """The same if another rule of a namespace that is asked earlier comes before it for everyone."""
    for host in hosts:
        for found in host.lookups:
            for one in found.shadowed:
                if one.rule == each and one.reason is Shadow.LATER_NAMESPACE:
                    why = f"and {found.rule.title} of {found.asked.value} comes before it for every client"
                    return "metadata.namespace", why, f"write it into {found.rule.title}, or remove one of the two"
    return "", "", ""


def two_rules_one_host(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """Rules of one namespace for one host (DR120)."""
    for cluster in survey.clusters:
        groups: dict[object, list[DestinationRule]] = {}
        for each in by_age(cluster.destination_rules):
            host = resolve_host(each.host, each.namespace, domain=cluster.domain)
            groups.setdefault((each.namespace, host, each.workload_selector), []).append(each)
        for first, *others in groups.values():
            for each in others:
                merged = set(first.export_to) <= set(each.export_to)
                yield finding(
                    survey,
                    rule,
                    cluster.name,
                    each.title,
                    f"its host {each.host!r} is that of {first.title} too",
                    path="spec.host",
                    instead="the two are merged: the older gives the trafficPolicy, this one its subsets alone"
                    if merged and first.traffic_policy is not None
                    else "which of them holds depends on their age and exportTo",
                    fix=f"write both into {first.title}, and remove this one",
                )


def host_matches_nothing(survey: Survey, rule: LintRule) -> Iterator[Finding]:
    """A host that no service has (DR121)."""
    table = survey.policies.host_table
    for cluster in survey.clusters:
        if not table.all_hosts(cluster.name):
            continue
        titles = {note.object for note in rules_for_nobody(cluster, table, where=False)}
        for each in cluster.destination_rules:
            if each.title not in titles or _fits_elsewhere(survey, cluster, each):
                continue
            full = resolve_host(each.host, each.namespace, domain=cluster.domain)
            near = _nearest(full, table.all_hosts(cluster.name))
            said = "" if full == each.host else f", in full {full!r},"
            yield finding(
                survey,
                rule,
                cluster.name,
                each.title,
                f"its host {each.host!r}{said} is that of no Service, ServiceEntry or global host",
                path="spec.host",
                instead="it has no effect",
                fix=f"write the full host into spec.host; the nearest: {', '.join(near[:3])}"
                if near
                else "write the full host of a service into spec.host, as in reviews.shop.svc.cluster.local",
            )


def _nearest(host: str, known: Iterable[str]) -> Sequence[str]:
    """The known hosts whose first part is most like that of a host; what follows is alike in nearly all of them."""
    by_name: dict[str, list[str]] = {}
    for one in sorted(known):
        by_name.setdefault(one.partition(".")[0], []).append(one)
    names = UnknownNameError.among("host", host.partition(".")[0], by_name).nearest
    return [one for name in names for one in by_name[name]]


def _fits_elsewhere(survey: Survey, cluster: Cluster, each: DestinationRule) -> bool:
    """Whether the same rule is for somebody in another cluster: many are written once and applied to all."""
    pattern = resolve_host(each.host, each.namespace, domain=cluster.domain)
    others = (other for other in survey.clusters if other is not cluster and each in other.destination_rules)
    table = survey.policies.host_table
    return any(host_matches(pattern, host) for other in others for host in table.all_hosts(other.name))
