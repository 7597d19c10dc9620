"""Which mistakes are in the places of nodes, pods, entries and gateways? (TOPO)"""

from typing import Final

from meshtier.lint.family import Family
from meshtier.lint.gateway_checks import (
    gateway_no_address,
    gateway_no_locality,
    gateways_first_only,
    network_inconsistent,
    peer_without_dump,
)
from meshtier.lint.place_checks import (
    entry_no_locality,
    node_unlabelled,
    pod_override,
    slice_without_pod,
    zone_ambiguous,
)
from meshtier.lint.rule import LintRule, Need
from meshtier.note import Severity

FAMILY: Final = Family(
    letters="TOPO",
    title="places, networks and gateways",
    rules=(
        LintRule(
            id="TOPO201",
            name="node-unlabelled",
            severity=Severity.ERROR,
            summary="a node with a client or an endpoint has no region or no zone",
            rests_on=("LOC-1", "LOC-6", "TIER-1"),
            needs=frozenset({Need.NODES}),
            why="Clouds label their nodes; kubeadm, kind, k3s and most on-premises clusters do not. Pods have the place"
            " of their node, so that on a node without labels every mode that compares regions and zones compares"
            " nothing with nothing: two unknown parts are equal, and an unknown one differs from every known one.",
            help="Label every node with its region and its zone, by the cloud provider's controller or by hand; a"
            " region is needed even where there is only one.",
        ),
        LintRule(
            id="TOPO202",
            name="zone-ambiguous",
            severity=Severity.WARNING,
            summary="a zone is in no region, or in two",
            rests_on=("TIER-1", "LOC-1"),
            needs=frozenset({Need.NODES}),
            why="Scopes are compared from wide to narrow, and the first that differs ends the comparison. A zone"
            " without a region is never looked at beside nodes that have one, and one name for zones of two regions"
            " means two zones.",
            help="Give every node with a zone its region, and every zone a name that no other region uses.",
        ),
        LintRule(
            id="TOPO203",
            name="pod-override-split",
            severity=Severity.WARNING,
            summary="a label of a pod puts it elsewhere than its node, which Envoys obey and ztunnels do not",
            rests_on=("LOC-5",),
            needs=frozenset({Need.PODS, Need.NODES}),
            why="The labels topology.istio.io/locality and istio-locality come from times of sidecars. Envoys take"
            " them for the place of the pod; ztunnels are told the place of its node.",
            help="Remove the label, and put the place on the node.",
        ),
        LintRule(
            id="TOPO204",
            name="network-inconsistent",
            severity=Severity.ERROR,
            summary="clusters share a network although a gateway leads to it, or labels of one cluster differ",
            rests_on=("LOC-2", "NET-1", "NET-2"),
            needs=frozenset({Need.CLUSTERS}),
            why="A network is what can be reached without a gateway. Manifests are copied from cluster to cluster, the"
            " network's name with them; then the gateway between the two is never used. And a pod, Namespace or"
            " gateway whose label differs from that of the system namespace is in two networks at once.",
            help="Give each set of clusters whose pods reach each other one network, and say it in the same words at"
            " the Namespace istio-system, the gateways, and the values of the injector.",
        ),
        LintRule(
            id="TOPO205",
            name="gateway-no-locality",
            severity=Severity.WARNING,
            summary="a peering Gateway says no region or no zone for the endpoints behind it",
            rests_on=("LOC-3", "TIER-2"),
            needs=frozenset({Need.GATEWAYS}),
            why="Under Solo's rules what is behind a peering gateway has the region and the zone of that Gateway's"
            " labels. Without them all peers are equally far. Under Istio's own rules such labels have no effect, and"
            " nothing is said of them.",
            help="Label every Gateway of class istio-remote with the region and the zone of its peer.",
        ),
        LintRule(
            id="TOPO206",
            name="gateways-first-only",
            severity=Severity.WARNING,
            summary="several gateways lead to one network, and ztunnels use one of them",
            rests_on=("NET-2",),
            needs=frozenset({Need.GATEWAYS}),
            why="A second gateway is written so that traffic survives the loss of the first. Envoys share their"
            " traffic among all of them; a ztunnel is told one, and is not told of the other when that fails.",
            help="Scale the one gateway, and let the load balancer before it choose.",
        ),
        LintRule(
            id="TOPO207",
            name="entry-no-locality",
            severity=Severity.WARNING,
            summary="a WorkloadEntry or an inline endpoint has no locality, and its host has tiers of places",
            rests_on=("LOC-4", "LOC-6"),
            why="An entry runs on no node, so that nothing but its own field says where it is. Without it the virtual"
            " machine next door is as far as one of another region.",
            help="Write REGION/ZONE into the field locality of every entry.",
        ),
        LintRule(
            id="TOPO209",
            name="slice-without-pod",
            severity=Severity.WARNING,
            summary="an endpoint of an EndpointSlice names neither a Pod nor a node",
            rests_on=("LOC-4a",),
            needs=frozenset({Need.SLICES}),
            why="Slices that people or operators write by hand hold addresses alone. The mesh learns the place of an"
            " endpoint from the Pod that it names.",
            help="Name the Pod and the node, or write WorkloadEntries with a locality in place of the slice.",
        ),
        LintRule(
            id="TOPO210",
            name="gateway-no-address",
            severity=Severity.ERROR,
            summary="an east-west gateway has no address outside of its cluster",
            rests_on=("NET-2",),
            why="On a cluster without a controller for load balancers the Service of the gateway waits for an address"
            " for ever. Everything else looks well, and no traffic arrives. Of manifests without a status nothing is"
            " said.",
            help="Install what gives out addresses, or write one into externalIPs.",
        ),
        LintRule(
            id="TOPO211",
            name="peer-without-dump",
            severity=Severity.WARNING,
            summary="a Gateway leads to a cluster or a network of which no dump is in the input",
            rests_on=("NET-4", "NET-5"),
            needs=frozenset({Need.CLUSTERS, Need.GATEWAYS}),
            why="Of three clusters two were dumped. What lies in the third is known by its announcements at most, and"
            " other rules can find too little or too much.",
            help="Dump every cluster of the mesh, and give all dumps at once.",
        ),
    ),
    checks={
        "TOPO201": node_unlabelled,
        "TOPO202": zone_ambiguous,
        "TOPO203": pod_override,
        "TOPO204": network_inconsistent,
        "TOPO205": gateway_no_locality,
        "TOPO206": gateways_first_only,
        "TOPO207": entry_no_locality,
        "TOPO209": slice_without_pod,
        "TOPO210": gateway_no_address,
        "TOPO211": peer_without_dump,
    },
)
