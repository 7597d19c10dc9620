"""What does one DestinationRule say? The object as a value, and what holds for a port or a subset."""

import re
from collections.abc import Mapping
from typing import Final, cast

from attrs import evolve, field, frozen

from meshtier.errors import UnknownNameError
from meshtier.labels import Labels
from meshtier.note import Note
from meshtier.rules.block import TEXTS, Kind, at, block, blocks, in_manifest, read_fields, written_fields
from meshtier.rules.fields import FieldReader, Problems
from meshtier.rules.kept import NOTHING_KEPT, Kept, shown
from meshtier.rules.traffic_policy import DNS_LABEL, PORT_FIELDS, Subset, TrafficPolicy

API_GROUP: Final = "networking.istio.io"
API_VERSIONS: Final = ("v1", "v1beta1", "v1alpha3")
DEFAULT_NAMESPACE: Final = "default"

EVERYWHERE: Final = "*"
OWN_NAMESPACE: Final = "."
NOWHERE: Final = "~"

_FIRST_LABEL: Final = re.compile(rf"\*|(?:\*-?)?{DNS_LABEL.pattern}")
_MAX_HOST: Final = 255


def _read_host(reader: FieldReader, key: str) -> str:
    host = reader.text(key)
    if not reader.has(key):
        reader.refuse(key, "expected a host name, got none")
    elif host is not None and (problem := host_problem(host)):
        reader.refuse(key, problem)
    return host or ""


def _read_subsets(reader: FieldReader, key: str) -> tuple[Subset, ...]:
    subsets: dict[str, Subset] = {}
    for part in reader.sections(key):
        subset = Subset.read(part)
        if subset.name in subsets and DNS_LABEL.fullmatch(subset.name):  # an unfit name is refused already
            part.refuse("name", f"expected names that differ, got {subset.name!r} again")
        subsets[subset.name] = subset
    return tuple(subsets.values())


def _read_selector(reader: FieldReader, key: str) -> Labels | None:
    part = reader.section(key)
    if part is None:
        return None
    labels = part.labels("matchLabels") or Labels()
    part.rest()
    for name, value in labels.items():
        if not name or "*" in name or "*" in value:
            part.refuse("matchLabels", f"expected a label without '*', got {name!r}: {value!r}")
    return labels


_SUBSETS: Final = Kind[tuple[Subset, ...]](_read_subsets, blocks(Subset).write)
_SELECTOR: Final = Kind[Labels](_read_selector, lambda labels: {"matchLabels": dict(labels)})


@frozen(kw_only=True)
class DestinationRule:
    """A DestinationRule.

    The constructor takes anything of the right shape; `from_mapping` refuses
    what Istio's validation refuses.

    Attributes:
        name: Its own name.
        namespace: Where it lives, and what short hosts are resolved in.
        host: As written: a short name, a full name or a wildcard.
        traffic_policy: What holds for the whole host.
        subsets: Named parts of the endpoints.
        export_to: The namespaces that see it; ``.`` its own, ``*`` or none: all.
        created: The creation timestamp as text; ``""``, the oldest, if unknown.
        workload_selector: The client labels that it is meant for; ``None`` for all.
        extra: Fields of the spec that were not understood.
        notes: Doubtful things found while reading; no part of the value.
    """

    name: str
    namespace: str = DEFAULT_NAMESPACE
    host: str = field(metadata=in_manifest("host", Kind(_read_host)))
    traffic_policy: TrafficPolicy | None = at("trafficPolicy", block(TrafficPolicy))
    subsets: tuple[Subset, ...] = field(
        default=(), converter=tuple[Subset, ...], metadata=in_manifest("subsets", _SUBSETS)
    )
    export_to: tuple[str, ...] = field(default=(), converter=tuple[str, ...], metadata=in_manifest("exportTo", TEXTS))
    created: str = ""
    workload_selector: Labels | None = at("workloadSelector", _SELECTOR)
    extra: Kept = NOTHING_KEPT
    notes: tuple[Note, ...] = field(default=(), converter=tuple[Note, ...], eq=False)

    @property
    def title(self) -> str:
        """The rule as problems, notes and explanations call it."""
        return f"DestinationRule {self.namespace}/{self.name}"

    @classmethod
    def from_mapping(
        cls, obj: Mapping[str, object], *, where: str = "", document: int | None = None, validated: bool = True
    ) -> "DestinationRule":
        """The rule in a Kubernetes object, given as plain data.

        Args:
            obj: As ``kubectl -o json`` writes it. A null counts as absent.
            where: The file that it came from, for errors.
            document: Which document of that file, from 1.
            validated: Whether a locality setting is refused if Istio's validation
                refuses it; otherwise there is a note, and what Istio's control
                plane would make of it holds.

        Raises:
            InputError: With every problem found, each with its field's path.

        >>> rule = DestinationRule.from_mapping({"metadata": {"name": "r"}, "spec": {"host": "*.mesh.internal"}})
        >>> rule.host
        '*.mesh.internal'
        """
        problems = Problems(file=where, document=document, object_name="DestinationRule", strict=validated)
        if not isinstance(obj, Mapping):
            problems.refuse("", f"expected a mapping, got {shown(obj)}")
        rule = _read_rule(cast("object", obj), problems)
        problems.check()
        return evolve(rule, notes=problems.notes)

    def to_mapping(self) -> dict[str, object]:
        """The rule as a Kubernetes object of plain data; `from_mapping` reads it back."""
        metadata = {"name": self.name, "namespace": self.namespace, "creationTimestamp": self.created or None}
        return {
            "apiVersion": f"{API_GROUP}/{API_VERSIONS[0]}",
            "kind": "DestinationRule",
            "metadata": {name: value for name, value in metadata.items() if value is not None},
            "spec": written_fields(self),
        }


def effective_policy(rule: DestinationRule, *, port: int | None = None, subset: str | None = None) -> TrafficPolicy:
    """What holds for a port and a subset of *rule*'s host (DR-1).

    A port's settings replace the load balancer, outlier detection, connection
    pool and TLS of the level that they stand in as a whole: what they leave out
    is at its default there, and not inherited. A subset's settings replace the
    rule's block by block.

    Raises:
        UnknownNameError: The rule has no such subset.

    Source: istio/istio pilot/pkg/networking/util/util.go, MergeSubsetTrafficPolicy,
    and pilot/pkg/model/destination_rule.go, MergeTrafficPolicy, at 86c9f01.
    """
    whole, _ = _of_port(rule.traffic_policy or TrafficPolicy(), port)
    if subset is None:
        return whole
    policies = {part.name: part.traffic_policy for part in rule.subsets}
    if subset not in policies:
        raise UnknownNameError.among("subset", subset, policies, where=f"in {rule.title}")
    own = policies[subset]
    if own is None:
        return whole
    part, by_port = _of_port(own, port)
    blocks_of_part = {
        name: getattr(part if (by_port and name in PORT_FIELDS) or getattr(part, name) is not None else whole, name)
        for name in _MERGED
    }
    return TrafficPolicy(**blocks_of_part)


_MERGED: Final = (*PORT_FIELDS, "tunnel", "proxy_protocol", "retry_budget")


def _of_port(policy: TrafficPolicy, port: int | None) -> tuple[TrafficPolicy, bool]:
    for part in policy.port_level:
        if part.port == port:
            return part.policy, True
    return evolve(policy, port_level=()), False


def host_problem(host: str) -> str:
    """What is wrong with a rule's host; ``""`` if nothing is.

    Source: istio/istio pkg/config/validation/agent/validation.go,
    ValidateWildcardDomain, at 86c9f01.

    >>> host_problem("*.bookinfo.mesh.internal"), host_problem("a.*.internal")
    ('', "expected '*' only at the start of the host, got 'a.*.internal'")
    """
    if not 0 < len(host) <= _MAX_HOST:
        return f"expected a host of 1 to {_MAX_HOST} characters, got {shown(host)}"
    first, *rest = host.split(".")
    if "*" in host[1:]:
        return f"expected '*' only at the start of the host, got {shown(host)}"
    if rest and rest[-1].isdecimal():
        return f"expected a host name, and no address, got {shown(host)}"
    inner = rest[:-1] if rest and rest[-1] == "" else rest
    if not _FIRST_LABEL.fullmatch(first) or not all(DNS_LABEL.fullmatch(label) for label in inner):
        return f"expected labels of letters, digits and '-' with '.' between, got {shown(host)}"
    return ""


def _read_rule(obj: object, problems: Problems) -> DestinationRule:
    reader = FieldReader(cast("Mapping[str, object]", obj if isinstance(obj, Mapping) else {}), problems)
    _check_kind(reader)
    metadata = reader.section("metadata") or FieldReader({}, problems, "metadata")
    name, namespace = metadata.text("name") or "", metadata.text("namespace") or ""
    problems.object = f"DestinationRule {namespace or DEFAULT_NAMESPACE}/{name}" if name else "DestinationRule"
    if not name:
        metadata.refuse("name", "expected the name of the rule, got none")
    if not namespace:
        metadata.note("namespace-assumed", "namespace", f"not given, read as {DEFAULT_NAMESPACE!r}")
    created = metadata.text("creationTimestamp") or ""
    spec = reader.section("spec") or FieldReader({}, problems, "spec")
    rule = DestinationRule(
        name=name, namespace=namespace or DEFAULT_NAMESPACE, created=created, **read_fields(DestinationRule, spec)
    )
    _check_export_to(spec, rule)
    return rule


def _check_kind(reader: FieldReader) -> None:
    kind, version = reader.text("kind"), reader.text("apiVersion")
    if kind is not None and kind != "DestinationRule":
        reader.refuse("kind", f"expected 'DestinationRule', got {shown(kind)}")
    if version is None:
        return
    group, _, number = version.partition("/")
    if group != API_GROUP:
        reader.refuse("apiVersion", f"expected one of the group {API_GROUP}, got {shown(version)}")
    elif number not in API_VERSIONS:
        reader.note("api-version-unknown", "apiVersion", f"{version!r} is unknown, read as {API_VERSIONS[0]}")


def _check_export_to(reader: FieldReader, rule: DestinationRule) -> None:
    # Source: istio/istio pkg/config/validation/validation.go, validateExportTo, at 86c9f01.
    seen: set[str] = set()
    for place, text in enumerate(rule.export_to):
        key, target = f"exportTo[{place}]", rule.namespace if text == OWN_NAMESPACE else text
        if text == NOWHERE:
            reader.refuse(key, "expected namespaces, '.' or '*', got '~', which only Services and ServiceEntries take")
        elif target != EVERYWHERE and not DNS_LABEL.fullmatch(target):
            reader.refuse(key, f"expected a namespace, '.' or '*', got {shown(text)}")
        elif target in seen:
            reader.refuse(key, f"expected no namespace twice, got {text!r} again")
        seen.add(target)
    if EVERYWHERE in seen and len(seen) > 1:
        reader.refuse("exportTo", "expected '*' alone, got other namespaces beside it")
    if rule.workload_selector is not None and seen - {rule.namespace}:
        reader.refuse("exportTo", "expected at most '.' beside a workloadSelector, whose rule stays in its namespace")
