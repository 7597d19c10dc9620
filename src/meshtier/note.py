"""What should a reader know besides the answer?

Doubtful input never fails: it is computed as the mesh would, and a note says
what was doubtful and which rule decided. Every message has a code of its own,
and `CODES` is the one table of them, which docs and lint read.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import field, frozen
from typing_extensions import override

from meshtier.errors import UnknownNameError
from meshtier.public import publish
from meshtier.table import Table


class Severity(enum.Enum):
    """How much a note matters to whoever wrote the manifests."""

    ERROR = "error"  # something has no effect, or the opposite of what is written
    WARNING = "warning"  # something surprising
    INFO = "info"  # good to know

    @override
    def __str__(self) -> str:
        return self.value


@frozen
class NoteCode:
    """What all notes of one code have in common.

    Attributes:
        severity: How much they matter.
        rules: The rules that they rest on, the deciding one first; at least one.
        summary: What they say, as one line without the values at hand.
        lint_rule: The id of the lint rule that finds the same without a client being
            asked about; ``""`` for none.
    """

    severity: Severity
    rules: tuple[str, ...]
    summary: str
    lint_rule: str = ""


_LINT_RULES: Final[Mapping[str, str]] = {
    "spec-value": "TD002",
    "unknown-mode": "TD001",
    "namespace-needs-version": "TD006",
    "settings-differ": "TD011",
    "rule-not-obeyed": "DR105",
    "two-rules-one-host": "DR120",
    "rule-for-nobody": "DR121",
    "exclusive-blocks": "DR117",
    "distribute-beside-failover": "DR117",
    "locality-disabled": "DR104",
    "zone-aware-unsupported": "DR112",
    "failover-without-outlier": "DR102",
    "implicit-locality": "DR101",
    "ejection-cap": "DR108",
    "ejection-floor": "DR116",
    "gateways-first-only": "TOPO206",
    "gateway-place-missing": "TOPO205",
    "gateway-without-address": "TOPO210",
    "peer-not-in-input": "TOPO211",
    "waypoint-missing": "WP501",
    "waypoint-not-ready": "WP501",
    "waypoint-not-admitted": "WP501",
    "waypoint-not-for-services": "WP501",
    "unknown-field": "IN702",
    "service-field-unknown": "IN702",
}
"""The lint rule that finds what a note of this code says."""


def _table() -> Mapping[str, NoteCode]:
    error, warning, info = Severity.ERROR, Severity.WARNING, Severity.INFO
    rows: Mapping[str, tuple[Severity, str, str]] = {
        # settings
        "internal-traffic-policy-unknown": (warning, "PREC-3", "internalTrafficPolicy is neither Cluster nor Local"),
        "spec-value": (error, "PREC-2 MODE-1", "spec.trafficDistribution is ignored: the profile does not accept it"),
        "unknown-mode": (error, "PREC-2 MODE-2", "an annotation that the profile does not know means Any"),
        "namespace-needs-version": (error, "PREC-1", "the profile does not read the annotation of a Namespace"),
        "scope-unknown": (warning, "COMP-3", "the scope of a Service is no scope, and counts as cluster"),
        "segment-domain-unknown": (warning, "COMP-3", "the domain of a cluster's segment is unknown"),
        "mesh-config-unread": (warning, "COMP-2", "the ConfigMap of the mesh cannot be read, and the defaults hold"),
        "foreign-host": (info, "COMP-3", "the profile knows no such host names; the answer is given all the same"),
        "settings-differ": (warning, "COMP-3", "a Service says something else in another cluster that its host spans"),
        # DestinationRules
        "rule-not-obeyed": (warning, "COMP", "a DestinationRule has no effect at a component that obeys none"),
        "subset-not-obeyed": (warning, "COMP", "a subset has no effect at a component that knows none"),
        "two-rules-one-host": (warning, "DR-1", "two rules for one host are not merged, and the youngest holds"),
        "rule-for-nobody": (warning, "DR-1", "the host of a DestinationRule is that of no service of its cluster"),
        "exclusive-blocks": (error, "DR-2", "blocks that the profile does not let stand together are ignored"),
        "distribute-beside-failover": (error, "DR-2", "Istio's validation refuses distribute beside failover"),
        "failover-priority-places": (
            error,
            "DR-5",
            "failoverPriority has labels of a place that it must not have there",
        ),
        "failover-to-itself": (error, "DR-4", "a failover leads to the region that it comes from"),
        "failover-no-region": (error, "DR-4", "a failover leads from or to something that is no region"),
        "distribute-weight": (error, "DR-6", "a weight of distribute is not from 1 to 100"),
        "distribute-sum": (error, "DR-6", "the weights of distribute do not add up to 100"),
        "distribute-empty-part": (error, "DR-6", "a place of distribute has an empty part"),
        "distribute-wildcard": (error, "DR-6", "a place of distribute has a * that is not its end"),
        "distribute-origins": (error, "DR-6", "two places that traffic is distributed from overlap"),
        "distribute-overlap": (error, "DR-6", "two places that traffic is distributed to overlap"),
        "distribution-not-obeyed": (warning, "MODE-3", "Envoys of this version obey no traffic distribution"),
        "distribution-out-of-force": (warning, "PREC-5", "a DestinationRule puts traffic distribution out of force"),
        "locality-disabled": (warning, "PREC-5", "enabled: false puts every endpoint in one level"),
        "zone-aware-unsupported": (error, "PREC-5", "a waypoint knows no zone awareness: all endpoints in one level"),
        "failover-without-outlier": (error, "DR-7", "a locality setting without outlierDetection has no levels"),
        "implicit-locality": (warning, "COMP-2 DR-4", "outlierDetection alone switches locality failover on"),
        "override-malformed": (warning, "DR-3", "an entry of failoverPriority with two = signs is no override"),
        "wildcard-in-part": (warning, "DR-6", "a * beside other letters is no wildcard"),
        "place-too-long": (warning, "DR-6", "what follows the third / of a place is ignored"),
        "deprecated-field": (warning, "OD-1", "a deprecated field has no effect"),
        "ejection-cap": (warning, "OD-2", "too few endpoints may be ejected for failover to complete"),
        "ejection-floor": (error, "OD-2", "there are too few endpoints for outlier detection to eject one"),
        # places and ways
        "legacy-labels": (info, "LOC-1", "a place comes from labels of old"),
        "node-missing": (warning, "LOC-1", "pods run on a node that the input does not hold"),
        "pod-without-node": (warning, "LOC-1", "pods are on no node"),
        "cluster-name-differs": (warning, "LOC-2", "the caller's name of a cluster differs from its own"),
        "cluster-name-assumed": (info, "LOC-2", "a dump does not say of which cluster it is"),
        "gateways-first-only": (warning, "LOC-3", "several gateways lead to one network, and the first is taken"),
        "gateway-assumed": (warning, "LOC-3", "the place of a network is read from the gateway on its own side"),
        "gateway-network-missing": (warning, "NET-2", "a peering Gateway does not say which network it leads to"),
        "gateway-without-address": (warning, "NET-2", "the status of a peering Gateway has no address"),
        "gateway-address-assumed": (warning, "NET-2", "a peering Gateway without status has no address in its spec"),
        "gateway-without-hbone": (warning, "NET-2", "a peering Gateway has no HBONE listener"),
        "gateway-listener-assumed": (info, "NET-2", "a peering Gateway has no listeners, and one of HBONE is assumed"),
        "peer-not-in-input": (info, "NET-5", "a Gateway leads to a cluster whose dump is not in the input"),
        "peer-is-itself": (warning, "NET-2", "a Gateway of class istio-remote names its own cluster"),
        "peer-named-twice": (warning, "NET-2", "Gateways lead to one cluster in several networks"),
        "crossing-needs-flag": (info, "PATH-3", "whether it sends to other networks depends on a flag or version"),
        "gateway-place-missing": (warning, "LOC-3", "a Gateway of class istio-remote has no region or no zone"),
        "peer-dump-missing": (info, "NET-5", "the input does not hold what is behind the gateway of another network"),
        "nothing-behind-gateway": (warning, "NET-3", "nothing behind the gateway of another network can receive"),
        "gateway-without-pods": (warning, "NET-5", "no pod of the gateway of another network is ready"),
        "gateway-listed-twice": (info, "NET-1", "an Envoy has a gateway of several localities in the first alone"),
        "network-weight-assumed": (
            info,
            "NET-4",
            "the weight of another network is that of its entry",
        ),
        "unknown-place": (warning, "LOC-6", "client and endpoints match because both are at an unknown place"),
        "unknown-label": (warning, "LOC-6 DR-3", "client and endpoints match because both lack a label"),
        "not-a-gateway": (
            info,
            "LOC-7",
            "the client is no gateway's pod; a gateway in its place answers",
        ),
        # waypoints
        "waypoint-in-path": (warning, "COMP-1", "the service has a waypoint, which was not asked about"),
        "waypoint-not-named": (info, "COMP-1", "the service has no waypoint; one beside the client is assumed"),
        "waypoint-missing": (error, "WP-2", "the waypoint is not there: no Gateway, no Service, no pod"),
        "waypoint-not-ready": (warning, "WP-2", "the waypoint's Gateway has no address in its status"),
        "waypoint-not-admitted": (error, "WP-2", "the waypoint's listener does not admit the Service's namespace"),
        "waypoint-not-for-services": (error, "WP-2", "the waypoint is for other traffic than that of services"),
        "waypoint-gateway-assumed": (info, "WP-2", "the input lacks the waypoint's Gateway, which is assumed to bind"),
        "waypoint-ready-assumed": (info, "WP-2", "a Gateway without any status is taken to be ready"),
        "waypoint-without-pods": (warning, "COMP-1", "the waypoint has no pod in the client's cluster"),
        "waypoint-from-nowhere": (info, "COMP-1", "the client is no pod, so that its way to a waypoint is unknown"),
        "waypoint-service-assumed": (info, "COMP-1", "the input lacks the waypoint's Service, which is assumed"),
        "waypoint-keeps-local": (
            warning,
            "WP-3",
            "of a taken-over local name a waypoint has its own cluster's endpoints",
        ),
        "waypoint-may-keep-local": (warning, "WP-3", "a ztunnel's dump does not say which local names are taken over"),
        "waypoint-mode-not-obeyed": (info, "PATH-2", "what a waypoint's Service sets is not obeyed by who sends to it"),
        # paths
        "client-outside-mesh": (warning, "PATH-4", "the client takes no part in the mesh: kube-proxy chooses for it"),
        # load
        "zone-aware-peers-unknown": (warning, "LOAD-4", "zone-aware routing depends on peers that are unknown"),
        "weights-too-large": (error, "LOAD-4", "weights sum to more than an Envoy takes, which rejects them"),
        "uneven-weights": (info, "LOAD-4", "unequal weights even out under LEAST_REQUEST"),
        # time
        "event-after-end": (warning, "SIM-1", "an event of the scenario is later than the end of the timeline"),
        "event-elsewhere": (warning, "SIM-1", "a pod of which the scenario says what it answers gets no requests"),
        "status-unseen": (info, "OD-4", "a ztunnel sees no HTTP status, and keeps an endpoint that answers 500"),
        "connections-not-computed": (info, "OD-3", "a ztunnel's outlier detection is not computed: say its limits"),
        "connections-assumed": (info, "OD-3", "the limits of a ztunnel's outlier detection are assumed"),
        "retries-left-out": (info, "SIM-4", "requests that fail are not sent again in a simulation"),
        "nobody-detects": (info, "OD-1", "no outlier detection is in force, and nothing is ejected"),
        # the form of the input
        "unknown-field": (warning, "INPUT", "a field is not known; it is kept and otherwise ignored"),
        "service-field-unknown": (warning, "INPUT", "Kubernetes knows no such field of a Service; it is ignored"),
        "namespace-assumed": (info, "INPUT", "an object names no namespace"),
        "api-version-unknown": (warning, "INPUT", "an apiVersion is not known"),
        "slices-missing": (info, "INPUT", "the input holds no EndpointSlice of a Service"),
    }
    return MappingProxyType(
        {
            code: NoteCode(severity, tuple(rules.split()), summary, _LINT_RULES.get(code, ""))
            for code, (severity, rules, summary) in rows.items()
        }
    )


CODES: Final = _table()
"""Every code of a note; none is ever used again for another message."""


def _code(value: str) -> str:
    if value not in CODES:
        raise UnknownNameError.among("code of a note", value, CODES)
    return value


@frozen
class Note:
    """One remark on an answer.

    Attributes:
        code: Which message it is; one of `CODES`.
        text: What was found and what followed from it, as a sentence.
        object: The object that it speaks of, as in ``Service bookinfo/reviews``;
            ``""`` where it speaks of the answer as a whole.

    Raises:
        UnknownNameError: There is no such code.

    >>> note = Note("unknown-place", "the client has no zone", "Node n1")
    >>> str(note), note.severity.value
    ('[LOC-6] Node n1: the client has no zone', 'warning')
    """

    code: str = field(converter=_code)
    text: str
    object: str = ""

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that it rests on, the deciding one first."""
        return CODES[self.code].rules

    @property
    def rule(self) -> str:
        """The rule that decides, as in ``"LOC-6"``."""
        return self.rules[0]

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return CODES[self.code].severity

    @property
    def lint_rule(self) -> str:
        """The lint rule that finds the same without a client being asked about; ``""`` for none."""
        return CODES[self.code].lint_rule

    def _repr_html_(self) -> str:
        cells = (self.severity.value, self.rule, self.object, self.text, self.lint_rule)
        return Table(columns=("severity", "rule", "object", "note", "lint rule"), rows=[cells]).to_html()

    @override
    def __str__(self) -> str:
        return f"[{self.rule}] {self.object}: {self.text}" if self.object else f"[{self.rule}] {self.text}"


publish(__name__)
