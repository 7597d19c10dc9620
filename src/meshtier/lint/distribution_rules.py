"""What goes wrong with traffic distribution? The family TD, as data."""

from typing import Final

from meshtier.lint import distribution_checks
from meshtier.lint.family import Family
from meshtier.lint.rule import LintRule, Need
from meshtier.note import Severity

_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

FAMILY: Final = Family(
    letters="TD",
    title="Traffic distribution",
    rules=(
        LintRule(
            id="TD001",
            name="unknown-mode",
            severity=_E,
            summary="the annotation has a value that is no mode of the profile",
            rests_on=("PREC-2", "MODE-2"),
            why="The annotation takes any text, and nothing refuses a misspelt mode, a value such as true, or a mode"
            " of another version or product. An unknown value is not ignored: it means Any and ends the search, so"
            " that places play no part at all.",
            help="Write a mode that the profile knows. Upper and lower case make no difference here.",
        ),
        LintRule(
            id="TD002",
            name="spec-value",
            severity=_E,
            summary="spec.trafficDistribution has a value that the profile does not accept there",
            rests_on=("PREC-2", "MODE-1"),
            why="The field knows fewer words than the annotation and compares them letter by letter. Another word, or"
            " the right one in another case, is ignored, and the next level is asked: as a rule the mode is then Any.",
            help="Write one of the words that the field accepts. A mode that only the annotation knows belongs there.",
        ),
        LintRule(
            id="TD003",
            name="spec-shadows-annotation",
            severity=_W,
            summary="spec.trafficDistribution and the annotation say different things",
            rests_on=("PREC-1",),
            why="The annotation was there first, and the field was added later by a chart or for kube-proxy; or the"
            " other way round. The field comes before the annotation, which then has no effect. Two names of one mode"
            " are the same.",
            help="Keep one of the two.",
        ),
        LintRule(
            id="TD004",
            name="deprecated-preferclose",
            severity=_I,
            summary="PreferClose is the deprecated name of PreferSameZone",
            rests_on=("MODE-1", "MODE-2"),
            why="Kubernetes 1.34 deprecates PreferClose, since the name does not say how close, and calls the mode"
            " PreferSameZone. Both mean the same. Versions of Istio before 1.27 know the old name alone, and the rule"
            " says nothing there.",
            help="Write PreferSameZone, once every cluster that gets the manifest knows the word.",
        ),
        LintRule(
            id="TD005",
            name="unknown-blocks-namespace",
            severity=_E,
            summary="an unknown value on the object keeps the mode of its Namespace from holding",
            rests_on=("PREC-2", "PREC-1"),
            why="A value that makes no sense looks as if it were ignored, so that the default of the namespace would"
            " hold. It is not: the search ends there, and the mode is Any.",
            help="Remove the annotation of the object, or write a mode that is known.",
        ),
        LintRule(
            id="TD006",
            name="namespace-needs-version",
            severity=_E,
            summary="the profile does not read the annotation of a Namespace",
            rests_on=("PREC-1",),
            why="Istio reads the annotation on a Namespace from 1.30 on. Before that, and in Solo's distribution,"
            " nothing reads it there, and every Service of the namespace goes by its own setting or the default.",
            help="Write the annotation on each Service, or upgrade.",
        ),
        LintRule(
            id="TD007",
            name="foreign-topology",
            severity=_W,
            summary="the annotations for topology aware hints are not read by the mesh",
            rests_on=("PREC-1",),
            needs=frozenset({Need.NODES}),
            why="They are how Kubernetes itself once kept traffic in the zone: by hints in EndpointSlices, which"
            " kube-proxy follows. A mesh does not read them, so that its traffic goes anywhere. Kubernetes leaves the"
            " hints out as well where there are fewer endpoints than zones, or a node has no zone.",
            help="Remove the annotation, and set spec.trafficDistribution, which the mesh and kube-proxy both obey.",
        ),
        LintRule(
            id="TD008",
            name="shadowed-by-local",
            severity=_W,
            summary="internalTrafficPolicy: Local leaves traffic distribution without effect",
            rests_on=("PREC-3",),
            why="Both are meant to keep traffic near, and look as if they worked together. Local comes first and is"
            " strict: other nodes get nothing, and where the node has no endpoint the traffic is dropped.",
            help="To prefer what is near and to fail over, remove internalTrafficPolicy. To stay on the node at any"
            " price, remove the other setting.",
        ),
        LintRule(
            id="TD009",
            name="not-ready-published",
            severity=_W,
            summary="endpoints that are not ready keep traffic from going further",
            rests_on=("TIER-5", "LOAD-1"),
            why="The field is for members of a cluster that must find each other before they are ready. With it,"
            " endpoints that are not ready count as healthy, and so a near one that cannot serve gets the traffic"
            " that should go to the next tier. In Istio before 1.28.8, 1.29.4 and 1.30.1 this spreads to every other"
            " Service of the same mode (istio#60422), which is an error.",
            help="Use a second, headless Service for finding the members, and let the field be false where traffic is"
            " sent.",
        ),
        LintRule(
            id="TD010",
            name="passthrough",
            severity=_W,
            summary="traffic distribution has no effect on a headless Service or resolution NONE",
            rests_on=("PREC-4",),
            why="Clients of a headless Service get the addresses of its pods and pick one themselves; those of a"
            " ServiceEntry with resolution NONE bring the address along. The proxy goes where it is told, and chooses"
            " nothing.",
            help="Remove the setting, or let clients use a Service with an address of its own.",
        ),
        LintRule(
            id="TD011",
            name="clusters-disagree",
            severity=_W,
            summary="one host has different modes in different clusters",
            rests_on=("COMP-3", "PREC-1"),
            needs=frozenset({Need.CLUSTERS}),
            why="A Service that spans clusters is written once in each of them, and the copies drift apart. Each"
            " cluster goes by its own copy, so that the same client behaves differently after a move.",
            help="Write the same setting in every cluster.",
        ),
        LintRule(
            id="TD012",
            name="node-mode-uncovered",
            severity=_W,
            summary="PreferSameNode holds, and nodes with clients have no endpoint",
            rests_on=("TIER-1", "LOC-4"),
            why="PreferSameNode is for what runs on every node. On a node without an endpoint the first tier is"
            " empty, and the traffic goes to the subzone, the zone and so on. A WorkloadEntry is on no node at all,"
            " unless its label kubernetes.io/hostname says one to Envoys.",
            help="Run it as a DaemonSet, or prefer the zone. Give WorkloadEntries the label of their node.",
        ),
        LintRule(
            id="TD014",
            name="local-uncovered",
            severity=_E,
            summary="internalTrafficPolicy: Local drops the traffic of nodes without a ready endpoint",
            rests_on=("PREC-3",),
            needs=frozenset({Need.NODES, Need.PODS}),
            why="Local is taken for a preference, and it is none: a client on a node without a ready endpoint gets"
            " errors, also for the time of a rollout or where a new node has joined.",
            help="Prefer the node or the zone by spec.trafficDistribution, or run an endpoint on every node.",
        ),
    ),
    checks={
        "TD001": distribution_checks.unknown_mode,
        "TD002": distribution_checks.spec_value,
        "TD003": distribution_checks.spec_shadows,
        "TD004": distribution_checks.deprecated,
        "TD005": distribution_checks.unknown_blocks,
        "TD006": distribution_checks.namespace_needs_version,
        "TD007": distribution_checks.foreign_topology,
        "TD008": distribution_checks.shadowed_by_local,
        "TD009": distribution_checks.not_ready_published,
        "TD010": distribution_checks.passthrough,
        "TD011": distribution_checks.clusters_disagree,
        "TD012": distribution_checks.node_uncovered,
        "TD014": distribution_checks.local_uncovered,
    },
)
