"""What goes wrong with DestinationRules? The family DR, as data."""

from typing import Final

from meshtier.lint import lookup_checks, policy_checks, priority_checks, spread_checks
from meshtier.lint.family import Family
from meshtier.lint.rule import LintRule, Need
from meshtier.note import Severity

_PODS: Final = frozenset({Need.PODS})

RULES: Final = (
    LintRule(
        id="DR101",
        name="implicit-locality",
        severity=Severity.WARNING,
        summary="outlierDetection alone switches locality failover on, for the mesh-wide setting is enabled",
        rests_on=("COMP-2", "DR-4", "DR-7"),
        why="People add outlierDetection to take failing endpoints out. The mesh-wide localityLbSetting is enabled"
        " unless it was switched off, and outlier detection is all that it waits for: from then on an Envoy sends to"
        " the nearest zone alone, and endpoints of other zones stand idle.",
        help="Say what is meant: a localityLbSetting with enabled: false beside the outlierDetection to send to all"
        " places alike, or one with the order that is wanted, or traffic distribution on the Service.",
    ),
    LintRule(
        id="DR102",
        name="failover-without-outlier",
        severity=Severity.ERROR,
        summary="failover is written and not in force, for no outlierDetection stands in the same policy",
        rests_on=("DR-7",),
        why="failover and failoverPriority read as if they were enough. Without outlierDetection in the same policy"
        " no priorities are made, and every endpoint gets traffic alike.",
        help="Write outlierDetection beside loadBalancer, in the same trafficPolicy or portLevelSettings.",
    ),
    LintRule(
        id="DR103",
        name="dr-cancels-distribution",
        severity=Severity.ERROR,
        summary="a localityLbSetting without effect of its own puts traffic distribution out of force",
        rests_on=("PREC-5", "DR-7"),
        why="Any localityLbSetting of a DestinationRule comes before the Service's traffic distribution, an empty or"
        " disabled one too. People add one to refine what the Service says, and lose both.",
        help="Remove the localityLbSetting to let traffic distribution hold, or complete it with outlierDetection.",
    ),
    LintRule(
        id="DR104",
        name="disabled-splits-dataplanes",
        severity=Severity.WARNING,
        summary="locality is switched off at Envoys and still on at ztunnel",
        rests_on=("PREC-5", "COMP"),
        why="enabled: false is meant to switch locality off for a host. Only Envoys read it: ztunnel knows traffic"
        " distribution alone, and goes on to prefer the nearest.",
        help="Switch it off in one place for all: remove trafficDistribution, or set the annotation"
        " networking.istio.io/traffic-distribution: Any, and remove the localityLbSetting.",
    ),
    LintRule(
        id="DR105",
        name="dr-ignored-by-ztunnel",
        severity=Severity.ERROR,
        summary="a DestinationRule for a service without a waypoint whose clients are all ambient",
        rests_on=("COMP", "PATH-1"),
        needs=_PODS,
        why="A rule that worked with sidecars is kept when a namespace becomes ambient. ztunnel reads no"
        " DestinationRule, so that load balancing and outlier detection end there in silence.",
        help="Give the service a waypoint by the label istio.io/use-waypoint, or use traffic distribution.",
    ),
    LintRule(
        id="DR106",
        name="distribute-omits",
        severity=Severity.ERROR,
        summary="endpoints in a place that no key of `to` matches get no traffic from some clients",
        rests_on=("DR-6",),
        needs=_PODS,
        why="A zone is added, or endpoints have no locality, and the shares of distribute do not name it. An Envoy"
        " is not given these endpoints at all; where only they are left, requests fail.",
        help="Name every place that has endpoints in `to`, or end the list with the key '*'.",
    ),
    LintRule(
        id="DR107",
        name="distribute-has-no-tiers",
        severity=Severity.WARNING,
        summary="distribute with outlierDetection leaves out a place, as if it could fail over there",
        rests_on=("DR-6", "DR-2"),
        why="distribute and outlierDetection together look like shares with failover. distribute makes no"
        " priorities: what `to` does not name is never used, whatever fails.",
        help="Give the other places a small weight in `to`, or use failover or failoverPriority instead.",
    ),
    LintRule(
        id="DR108",
        name="ejection-cap",
        severity=Severity.ERROR,
        summary="maxEjectionPercent lets fewer hosts be ejected than the first priority has",
        rests_on=("OD-2", "LOAD-2"),
        needs=_PODS,
        why="The percentage is of all hosts of the cluster, those of other priorities included, and 10 unless it is"
        " set. Where the first priority has more hosts than that, the rest of them keep their traffic although all"
        " fail, and failover does not complete.",
        help="Set maxEjectionPercent: 100 wherever failover is to be complete.",
    ),
    LintRule(
        id="DR109",
        name="label-nowhere",
        severity=Severity.WARNING,
        summary="a label of failoverPriority that no client pod or no endpoint carries",
        rests_on=("DR-3", "LOC-6"),
        needs=_PODS,
        why="A label is misspelled, or set on a Deployment and not on its pods. What both sides lack matches, so that"
        " it does nothing; what one side lacks never matches, so that all later labels are dead.",
        help="Put the label into the pod templates of both sides, or take the entry out.",
    ),
    LintRule(
        id="DR110",
        name="priority-order",
        severity=Severity.WARNING,
        summary="failoverPriority names a finer label before a coarser one, or the network not first",
        rests_on=("DR-3", "TIER-1"),
        why="The list reads like wishes, each for itself. It is compared as a prefix: after the first label that"
        " differs nothing counts, so that a zone before its region leaves the region without effect.",
        help="Order from coarse to fine: network, region, zone, subzone, hostname.",
    ),
    LintRule(
        id="DR111",
        name="failover-region-unknown",
        severity=Severity.WARNING,
        summary="failover or distribute names a place where nothing is",
        rests_on=("DR-4", "DR-6"),
        needs=frozenset({Need.NODES}),
        why="Names of clusters, or of another provider's regions, are written where a region must stand. What matches"
        " nothing is left out in silence.",
        help="Write the value of the label topology.kubernetes.io/region of the nodes that are meant.",
    ),
    LintRule(
        id="DR112",
        name="zone-aware-unsupported",
        severity=Severity.ERROR,
        summary="zoneAwareLbSetting at a waypoint, or at sidecars without self-discovery",
        rests_on=("COMP", "LOAD-4"),
        why="zoneAwareLbSetting is accepted everywhere. A waypoint has no zone awareness at all, and a sidecar only"
        " if it is told of its own peers, which is off by default.",
        help="Use localityLbSetting with outlierDetection at waypoints; set ISTIO_META_ENABLE_SELF_DISCOVERY for"
        " sidecars.",
    ),
    LintRule(
        id="DR113",
        name="panic",
        severity=Severity.WARNING,
        summary="minHealthPercent is a panic threshold: below it, traffic goes to failing hosts too",
        rests_on=("LOAD-3", "DR-7a"),
        why="The field reads as a guard of health. It is Envoy's panic threshold: with too few healthy hosts, all"
        " get traffic again. Under traffic distribution it is forced to 0 and does nothing.",
        help="Leave minHealthPercent out, or set it to 0.",
    ),
    LintRule(
        id="DR114",
        name="dr-not-in-lookup",
        severity=Severity.ERROR,
        summary="a DestinationRule in a namespace that nobody asks, or asks too late",
        rests_on=("DR-1",),
        why="Rules are kept together in a namespace of their own, as other objects are. They are looked for in the"
        " client's namespace, the service's and the root namespace alone, and the first with a match decides.",
        help="Move the rule to the namespace of the service, and keep one rule for a host.",
    ),
    LintRule(
        id="DR115",
        name="dns-failover-priority",
        severity=Severity.WARNING,
        summary="failoverPriority has no effect on a ServiceEntry of resolution DNS before istio-1.31",
        rests_on=("DR-3",),
        why="Endpoints of a host that Envoys resolve themselves were not put into the priorities of failoverPriority"
        " before istio-1.31; of 1.30 a crash of istiod is reported where they are in two localities.",
        help="Upgrade to istio-1.31, use failover by region instead, or resolution: STATIC.",
    ),
    LintRule(
        id="DR116",
        name="ejection-floor",
        severity=Severity.ERROR,
        summary="maxEjectionPercent of all hosts is less than one: none is ever ejected",
        rests_on=("OD-2",),
        why="maxEjectionPercent is 10 unless it is set, and is rounded down. A cluster of fewer than ten hosts then"
        " never ejects any, so that outlier detection and failover by it do nothing.",
        help="Set maxEjectionPercent: 100, or at least to one host's part.",
    ),
    LintRule(
        id="DR117",
        name="exclusive-blocks",
        severity=Severity.ERROR,
        summary="distribute, failover and failoverPriority stand together where they must not",
        rests_on=("DR-2",),
        why="The three look like parts of one plan. distribute excludes failover, and Solo's rules take one of the"
        " three alone; the block is refused as a whole.",
        help="Keep one of the lists.",
    ),
    LintRule(
        id="DR118",
        name="failover-label-clash",
        severity=Severity.ERROR,
        summary="failover beside a failoverPriority with a label of region, zone or subzone",
        rests_on=("DR-5", "DR-2"),
        why="failover compares region, zone and subzone itself, so that Istio's validation refuses their labels in"
        " failoverPriority beside it.",
        help="Take the labels of places out of failoverPriority, or leave failover out.",
    ),
    LintRule(
        id="DR119",
        name="label-behind-gateway",
        severity=Severity.WARNING,
        summary="failoverPriority names a label that endpoints behind a gateway do not have",
        rests_on=("LOC-3", "DR-3"),
        needs=frozenset({Need.NETWORKS}),
        why="Of what is in another network an Envoy of Istio is told one endpoint for each gateway, with the network"
        " and the cluster as its only labels. Region, zone and all other labels match nothing there.",
        help="Compare topology.istio.io/network first, and beyond it only network and cluster.",
    ),
    LintRule(
        id="DR120",
        name="two-rules-one-host",
        severity=Severity.WARNING,
        summary="two DestinationRules of one namespace for one host",
        rests_on=("DR-1",),
        why="Two teams or charts write a rule for one host. They are merged or not by their exportTo, and the older"
        " or the younger policy holds by age, which no review shows.",
        help="Write one DestinationRule for a host.",
    ),
    LintRule(
        id="DR121",
        name="host-matches-nothing",
        severity=Severity.ERROR,
        summary="the host of a DestinationRule is that of no service",
        rests_on=("DR-1",),
        why="A short name is completed with the rule's own namespace, not the service's; or the name is misspelled."
        " The rule then is for nobody, without any complaint.",
        help="Write the full host name of the service.",
    ),
    LintRule(
        id="DR122",
        name="port-level-replaces",
        severity=Severity.WARNING,
        summary="portLevelSettings drop the loadBalancer or outlierDetection of the policy around them",
        rests_on=("DR-1",),
        why="A port's settings look like additions. They replace the load balancer, outlier detection, connection"
        " pool and TLS of the policy around them as a whole; what they leave out is at its default.",
        help="Repeat the blocks in the port's settings.",
    ),
    LintRule(
        id="DR123",
        name="hash-with-locality",
        severity=Severity.WARNING,
        summary="consistentHash with locality priorities means another endpoint in every place",
        rests_on=("LOAD-4", "DR-8"),
        needs=_PODS,
        why="A hash is to lead one key to one endpoint. With priorities by place each Envoy hashes over its own"
        " nearest endpoints, so that clients of two zones reach two endpoints with one key.",
        help="Switch locality off for the host, or give the hash up.",
    ),
)
"""The rules, in the order of their ids."""

FAMILY: Final = Family(
    letters="DR",
    title="DestinationRules",
    rules=RULES,
    checks={
        "DR101": policy_checks.implicit_locality,
        "DR102": policy_checks.failover_without_outlier,
        "DR103": policy_checks.dr_cancels_distribution,
        "DR104": policy_checks.disabled_splits_dataplanes,
        "DR105": policy_checks.dr_ignored_by_ztunnel,
        "DR106": spread_checks.distribute_omits,
        "DR107": spread_checks.distribute_has_no_tiers,
        "DR108": spread_checks.ejection_cap,
        "DR109": priority_checks.label_nowhere,
        "DR110": priority_checks.priority_order,
        "DR111": priority_checks.failover_region_unknown,
        "DR112": policy_checks.zone_aware_unsupported,
        "DR113": policy_checks.panic,
        "DR114": lookup_checks.dr_not_in_lookup,
        "DR115": priority_checks.dns_failover_priority,
        "DR116": spread_checks.ejection_floor,
        "DR117": policy_checks.exclusive_blocks,
        "DR118": priority_checks.failover_label_clash,
        "DR119": priority_checks.label_behind_gateway,
        "DR120": lookup_checks.two_rules_one_host,
        "DR121": lookup_checks.host_matches_nothing,
        "DR122": policy_checks.port_level_replaces,
        "DR123": spread_checks.hash_with_locality,
    },
)
"""The family of DestinationRules."""
