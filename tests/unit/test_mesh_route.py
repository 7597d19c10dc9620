"""Routes: the setting, the tiers, the shares, what is left out, and who says so (PREC, LOAD, COMP-2)."""

import json

import pytest
from attrs import evolve
from tests.meshes import EAST, GLOBAL_HOST, HOST, cluster, one_cluster, places, pod, rule, service, spot, two_clusters

from meshtier.component import COMPONENTS, Component
from meshtier.dataplane.ztunnel import NO_ENDPOINT, NO_WEIGHT
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Health, Reason
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.locality import Locality, Scope
from meshtier.mesh import Backend, Mesh, Namespace, Service
from meshtier.mesh.report import report_of
from meshtier.mesh.wording import NOT_COMPUTED
from meshtier.note import Note
from meshtier.precedence import Level
from meshtier.profile import ISTIO_1_24, ISTIO_1_27, ISTIO_1_30, ISTIO_1_31, PROFILES, SOLO
from meshtier.rules import DestinationRule

ENVOYS = (Component.WAYPOINT, Component.INGRESS_GATEWAY, Component.SIDECAR)
WEST = Locality("net-e", "rw", "c", "", "w-c1")


def everywhere(**about: object) -> Mesh:
    return one_cluster([pod(name, place) for name, place in places().items()], **about)  # type: ignore[arg-type]


@pytest.mark.parametrize("component", Component)
def test_tiers_say_what_matched_and_priorities_have_no_gap(component: Component) -> None:
    route = everywhere(annotation="PreferSameNode").route("client", HOST, component=component)
    assert [(tier.number, tier.priority, tier.matched) for tier in route.tiers] == [
        (0, 0, "same network, region, zone, subzone, node"),
        (1, 1, "same network, region, zone, subzone; other node"),
        (3, 2, "same network, region; other zone"),
        (4, 3, "same network; other region"),
    ]
    assert [tier.share for tier in route.tiers] == [1, 0, 0, 0]


@pytest.mark.parametrize("component", Component)
def test_internal_traffic_policy_local_beats_every_setting_at_every_component(component: Component) -> None:
    route = everywhere(local=True, spec="PreferSameZone", annotation="PreferRegion").route(
        "client", HOST, component=component
    )
    assert route.resolution.strict
    assert route.resolution.source.level is Level.INTERNAL_TRAFFIC_POLICY
    assert [setting.value for setting in route.resolution.overridden] == ["PreferSameZone", "PreferRegion"]
    assert {name: share for name, share in route.shares.items() if share} == {"east/shop/node": 1.0}
    assert {(item.reason, item.rule) for item in route.excluded} == {(Reason.NOT_LOCAL, "PREC-3")}


@pytest.mark.parametrize("component", Component)
def test_local_without_an_endpoint_on_the_node_drops_the_traffic(component: Component) -> None:
    """There is no failover, not even to the same zone."""
    route = one_cluster([pod("zone", places()["zone"])], local=True).route("client", HOST, component=component)
    assert (route.tiers, route.drops, route.shares.total) == ((), True, 0)
    assert route.reason


@pytest.mark.parametrize("component", Component)
def test_local_with_only_an_unhealthy_endpoint_on_the_node_drops_the_traffic(component: Component) -> None:
    pods = [pod("sick", health=Health.UNHEALTHY), pod("zone", places()["zone"])]
    route = one_cluster(pods, local=True).route("client", HOST, component=component)
    assert (route.drops, route.shares.total) == (True, 0)


@pytest.mark.parametrize("component", Component)
@pytest.mark.parametrize("why", ["headless", "resolution NONE"])
def test_what_passes_through_has_no_tiers_to_speak_of_and_no_shares(component: Component, why: str) -> None:
    route = everywhere(passthrough=why, spec="PreferSameZone").route("client", HOST, component=component)
    assert route.passthrough == why
    assert [len(tier.endpoints) for tier in route.tiers] == [4]
    assert route.tiers[0].matched == f"passed through: {why}"
    assert (set(route.shares.values()), route.drops) == ({0.0}, False)
    assert why in route.reason
    assert route.explain().splitlines()[6] == f"passed through: {why}"


def test_the_spec_beats_the_annotation_and_the_namespace() -> None:
    """Namespace annotations count from istio-1.30 on; here the Service has none of its own."""
    web = [pod("a"), pod("b", places()["region"])]
    made = cluster([pod("client"), *web], [service(web)])
    with_namespace = evolve(made, namespaces={"shop": Namespace(name="shop", annotation="PreferSameZone")})
    for profile, number in ((SOLO, 1), (ISTIO_1_27, 1), (ISTIO_1_30, 2), (ISTIO_1_31, 2)):
        route = Mesh((with_namespace,)).route("client", HOST, profile=profile)
        assert len(route.tiers) == number
    route = Mesh((with_namespace,)).route("client", HOST, profile=ISTIO_1_30)
    assert str(route.resolution.source) == (
        "Namespace shop metadata.annotations[networking.istio.io/traffic-distribution]: PreferSameZone"
    )


def test_profile_1_24_compares_the_subzone_too() -> None:
    here = Locality("net-e", "re", "a", "s1")
    asked = one_cluster([pod("x", here._replace(subzone="s2"))], client=here, spec="PreferClose")
    assert [tier.number for tier in asked.route("client", HOST, profile=ISTIO_1_24).tiers] == [1]
    assert [tier.number for tier in asked.route("client", HOST).tiers] == [0]


@pytest.mark.parametrize("component", Component)
def test_the_default_is_any_and_for_a_global_service_prefer_network(component: Component) -> None:
    west = [pod("w", WEST, cluster="west")]
    asked = two_clusters(west_network="net-e", east_pods=[pod("e")], west_pods=west)
    assert asked.route("client", HOST, component=component).resolution.mode is TrafficDistribution.ANY
    joined = asked.route("client", GLOBAL_HOST, component=component)
    assert joined.resolution.mode is TrafficDistribution.PREFER_NETWORK
    assert str(joined.resolution.source) == f"default of {component.value} for a global service"
    assert joined.resolution.source.level.rule == "COMP-2"
    for profile in PROFILES.values():
        if profile is not SOLO:
            mode = asked.route("client", GLOBAL_HOST, component=component, profile=profile).resolution.mode
            assert mode is TrafficDistribution.ANY


def test_the_caller_may_replace_the_table_of_defaults_for_one_question() -> None:
    asked = everywhere()
    zone = evolve(COMPONENTS[Component.ZTUNNEL], default_mode=TrafficDistribution.PREFER_SAME_ZONE)
    region = evolve(COMPONENTS[Component.ZTUNNEL], default_mode=TrafficDistribution.PREFER_REGION)
    assert asked.route("client", HOST).resolution.mode is TrafficDistribution.ANY
    for traits in (zone, region, zone, region):
        # A table that is made for the question and gone after it must not leave its answer behind.
        route = asked.route("client", HOST, defaults={Component.ZTUNNEL: traits})
        assert route.resolution.mode is traits.default_mode
    assert asked.route("client", HOST).resolution.mode is TrafficDistribution.ANY
    other = asked.route("client", HOST, component=Component.SIDECAR, defaults={Component.ZTUNNEL: zone})
    assert other.resolution.mode is TrafficDistribution.ANY


def test_a_profile_of_ones_own_with_a_known_name_is_not_mistaken() -> None:
    asked = everywhere(spec="PreferSameZone")
    assert len(asked.route("client", HOST).tiers) == 3
    own = evolve(SOLO, spec_values={"PreferSameZone": TrafficDistribution.PREFER_REGION})
    assert len(asked.route("client", HOST, profile=own).tiers) == 2


def test_ztunnel_divides_by_weight() -> None:
    pods = [pod("one", weight=1), pod("three", weight=3), pod("far", places()["region"], weight=100)]
    route = one_cluster(pods, spec="PreferSameZone").route("client", HOST)
    assert route.shares == {"east/shop/one": 0.25, "east/shop/three": 0.75, "east/shop/far": 0.0}


def test_weights_do_not_choose_the_tier() -> None:
    pods = [pod("zero", weight=0), pod("far", places()["region"])]
    asked = one_cluster(pods, spec="PreferSameZone")
    for component in (Component.ZTUNNEL, Component.KGATEWAY):
        route = asked.route("client", HOST, component=component)
        assert (route.reason, route.shares.total, [tier.share for tier in route.tiers]) == (NO_WEIGHT, 0, [0, 0])
    for component in ENVOYS:
        route = asked.route("client", HOST, component=component)
        assert (route.reason, route.shares["east/shop/zero"]) == ("", 1.0)


@pytest.mark.parametrize("component", Component)
def test_a_service_without_endpoints_drops_the_traffic(component: Component) -> None:
    route = one_cluster([]).route("client", HOST, component=component)
    assert (route.tiers, dict(route.shares), route.drops) == ((), {}, True)
    assert route.reason == NO_ENDPOINT


def test_the_rest_of_a_failing_tier_spills_over_at_an_envoy_alone() -> None:
    pods = [pod("ok"), pod("sick", health=Health.UNHEALTHY), pod("far", places()["region"])]
    asked = one_cluster(pods, spec="PreferSameZone")
    assert [tier.share for tier in asked.route("client", HOST).tiers] == [1, 0]
    assert [tier.share for tier in asked.route("client", HOST, component=Component.SIDECAR).tiers] == pytest.approx(
        [0.7, 0.3]
    )


@pytest.mark.parametrize("component", Component)
def test_a_port_leaves_out_what_does_not_serve_it(component: Component) -> None:
    pods = [pod("both"), pod("http")]
    asked = one_cluster(
        pods, ports=((80, "http"), (81, "admin")), served={"both": frozenset({80, 81}), "http": frozenset({80})}
    )
    route = asked.route("client", HOST, component=component, port=81)
    assert route.shares == {"east/shop/both": 1.0, "east/shop/http": 0.0}
    assert [(item.reason, item.detail) for item in route.excluded] == [(Reason.NO_PORT, "port 81")]
    assert asked.route("client", HOST, component=component, port=80).excluded == ()


def test_a_port_that_the_service_lacks_is_refused() -> None:
    asked = one_cluster([pod("a")], ports=((9080, "http"),))
    with pytest.raises(UnknownNameError) as caught:
        asked.route("client", HOST, port=908)
    assert str(caught.value) == f"no port '908' of {HOST}; the nearest: 9080"


def test_a_service_of_unknown_ports_takes_any() -> None:
    assert one_cluster([pod("a")]).route("client", HOST, port=1).shares == {"east/shop/a": 1.0}


def test_the_service_entrys_annotation_counts() -> None:
    inline = pod("x", places()["region"], kind="ServiceEntry endpoint")
    entry = Service(
        kind="ServiceEntry",
        cluster="east",
        namespace="shop",
        name="api",
        hosts=("api.example.com",),
        annotation="PreferRegion",
        backends=service([inline]).backends,
    )
    route = Mesh((cluster([pod("client"), inline], [entry]),)).route("client", "api.example.com")
    assert route.resolution.source.level is Level.SERVICE_ENTRY_ANNOTATION
    assert [tier.number for tier in route.tiers] == [0]


def test_the_answer_names_the_cluster_of_the_object_where_there_are_several() -> None:
    asked = two_clusters(west_network="net-e", east_pods=[pod("e")], annotation="PreferRegion")
    assert asked.route("client", GLOBAL_HOST).resolution.source.object == "Service shop/web in cluster 'east'"
    assert asked.route("client-w", GLOBAL_HOST).resolution.source.object == "Service shop/web in cluster 'west'"


@pytest.mark.parametrize("component", Component)
def test_plain_data_is_json_and_holds_every_endpoint_once(component: Component) -> None:
    pods = [pod("ok"), pod("sick", health=Health.UNHEALTHY), pod("going", health=Health.TERMINATING)]
    data = one_cluster(pods, spec="PreferSameZone").route("client", HOST, component=component).to_dict()
    assert json.loads(json.dumps(data)) == data
    inside = [endpoint["id"] for tier in data["tiers"] for endpoint in tier["endpoints"]]
    outside = [item["id"] for item in data["excluded"]]
    assert sorted(inside + outside) == ["east/shop/going", "east/shop/ok", "east/shop/sick"]


def test_why_tells_each_comparison_and_who_said_it() -> None:
    asked = everywhere(annotation="PreferSameNode")
    why = asked.route("client", HOST).why("region")
    assert why.verdict == "P3 (priority 2): same network, region; other zone"
    assert [(one.key, one.client, one.endpoint, one.equal, one.counts) for one in why.comparisons] == [
        ("network", "net-e", "net-e", True, True),
        ("region", "re", "re", True, True),
        ("zone", "a", "b", False, True),
        ("subzone", "", "", True, False),
        ("node", "e-a1", "e-b1", False, False),
    ]
    assert why.comparisons[2].client_origin == "Node n label zone"
    assert why.first_difference is not None
    assert why.to_dict()["first_difference"] == "zone"
    assert "not compared" in why.to_text()
    assert json.loads(json.dumps(why.to_dict())) == why.to_dict()


def test_why_an_excluded_endpoint_is_excluded() -> None:
    route = everywhere(local=True).route("client", HOST)
    why = route.why("east/shop/zone")
    assert why.verdict == "excluded: not on the client's node [PREC-3]"
    assert (why.share, why.reached) == (0, "directly at zone.east.ip")
    assert [one.key for one in why.comparisons] == ["network", "node"]


def test_why_takes_an_endpoint_itself() -> None:
    route = everywhere().route("client", HOST)
    endpoint = next(iter(route.tiers[0].endpoints))
    assert route.why(endpoint).endpoint == endpoint.id


def test_why_of_an_unknown_or_unclear_endpoint_is_refused() -> None:
    route = everywhere().route("client", HOST)
    with pytest.raises(UnknownNameError, match="no endpoint of the host 'nod'; the nearest: east/shop/node"):
        route.why("nod")
    both = two_clusters(west_network="net-e", east_pods=[pod("x")], west_pods=[pod("x", WEST, cluster="west")])
    with pytest.raises(InvalidValueError, match="'shop/x' could mean east/shop/x, west/shop/x; say which"):
        both.route("client", GLOBAL_HOST).why("shop/x")


def test_the_report_cuts_long_tiers_short_and_counts_the_rest() -> None:
    route = one_cluster([pod(f"p{number:02}") for number in range(12)]).route("client", HOST)
    text = route.explain()
    assert "east/shop/p07" in text
    assert "east/shop/p08" not in text
    assert "P0    … and 4 more   33.3 %" in text
    assert "east/shop/p11" in report_of(route, most=12).to_text()


def test_the_report_reads_from_question_to_answer() -> None:
    route = one_cluster([pod("a"), pod("b", places()["region"])], spec="PreferClose", annotation="Any").route(
        "client", HOST
    )
    assert route.explain() == "\n".join(
        (
            "web.shop.svc.cluster.local",
            "",
            "from  Pod east/shop/client",
            "at    network=net-e re/a node=e-a1",
            "by    ztunnel, profile solo",
            "",
            "PreferSameZone holds",
            "  set by Service shop/web spec.trafficDistribution: PreferClose [PREC-1]",
            "  overrides Service shop/web annotation networking.istio.io/traffic-distribution: Any",
            "  compares: network > region > zone",
            "",
            "tiers",
            "tier  share  healthy  what matches                      where",
            "P0    100 %      1/1  same network, region, zone        re/a",
            "P1      0 %      1/1  same network, region; other zone  re/b",
            "",
            "endpoints",
            "tier  endpoint     share  where           health",
            "P0    east/shop/a  100 %  re/a node=e-a1  healthy",
            "P1    east/shop/b    0 %  re/b node=e-b1  healthy",
            "",
            "outlier detection",
            f"  {NOT_COMPUTED}",
        )
    )


def test_the_report_as_markdown_has_headings_and_tables() -> None:
    lines = one_cluster([pod("a")]).route("client", HOST).report.to_markdown().splitlines()
    assert lines[0] == f"## {HOST}"
    assert "### Any holds" in lines
    assert "| P0 | 100 % | 1/1 | anywhere | re/a |" in lines


def test_the_report_names_the_networks_where_they_differ_and_priorities_where_an_envoy_chooses() -> None:
    far = Locality("net-w", "rw", "c")
    pods = [pod("a"), pod("w1", far), pod("w2", far._replace(zone="d"))]
    lines = one_cluster(pods).route("client", HOST, component=Component.SIDECAR).explain().splitlines()
    at = lines.index("tiers")
    assert lines[at + 1 : at + 3] == [
        "tier  priority  share  healthy  what matches  where",
        "P0           0  100 %      3/3  anywhere      network=net-e re/a, network=net-w rw/c … +1",
    ]
    far_only = one_cluster(pods[1:]).route("client", HOST, component=Component.SIDECAR).explain()
    assert "anywhere      network=net-w rw/c, rw/d\n" in far_only
    assert "network=net-w rw/d " in far_only


def test_the_report_names_a_network_where_nothing_else_is_known() -> None:
    text = one_cluster([pod("a", Locality("net-e"))]).route("client", HOST).explain()
    assert "anywhere      network=net-e\n" in text


def test_what_stands_under_the_heading_is_no_note_of_the_report() -> None:
    route = one_cluster([pod("a")], rules=[rule({"enabled": False})], spec="PreferClose").route(
        "client", HOST, component=Component.SIDECAR
    )
    assert [note.text.partition(":")[0] for note in route.notes if note.rule == "PREC-5"] == [
        "traffic distribution is out of force",
        "trafficPolicy.loadBalancer.localityLbSetting says enabled",
    ]
    assert route.explain().count("traffic distribution is out of force") == 1


def test_routes_start_from_every_place_once_as_the_component_sees_it() -> None:
    moved = pod("moved", EAST, envoy_place=Locality("net-e", "re", "b", "", "e-a1"))
    asked = one_cluster([moved, pod("beside")])
    assert [route.client.name for route in asked.routes()] == ["Pod east/shop/client"]
    by_sidecar = list(asked.routes(component=Component.SIDECAR))
    assert [route.client.name for route in by_sidecar] == ["Pod east/shop/client", "Pod east/shop/moved"]
    assert asked.route_count(component=Component.SIDECAR) == 2
    assert asked.places("east", component=Component.WAYPOINT) == asked.places("east")


def test_a_place_knows_where_each_part_was_said() -> None:
    place = spot(EAST, "Node e-a1")
    assert place.origin(Scope.REGION) == "Node e-a1 label region"
    assert place.origin(Scope.SUBZONE) == ""
    assert place.origin(Scope.CLUSTER) == ""


@pytest.mark.parametrize("host", ["web.shop:80", "http://web.shop/", "web.shop/path"])
def test_a_host_with_more_than_its_name_is_refused(host: str) -> None:
    with pytest.raises(InvalidValueError, match="host: expected a host name alone, got"):
        one_cluster([]).route("client", host)


@pytest.mark.parametrize("component", [Component.INGRESS_GATEWAY, Component.KGATEWAY])
def test_a_client_that_is_no_gateways_pod_is_noted(component: Component) -> None:
    notes = one_cluster([]).route("client", HOST, component=component).notes
    assert [(note.rule, note.object) for note in notes] == [("LOC-7", "Pod east/shop/client")]


def test_what_was_doubtful_about_a_cluster_is_said_with_every_answer() -> None:
    mesh = one_cluster([])
    note = Note("legacy-labels", "the place comes from the legacy label", "Node n")
    doubtful = Mesh([evolve(cluster, notes=(note,)) for cluster in mesh.clusters])
    assert doubtful.route("client", HOST).notes == (note,)


def test_without_a_mesh_wide_setting_outlier_detection_alone_makes_no_priorities() -> None:
    alone = DestinationRule.from_mapping(
        {
            "metadata": {"name": "r", "namespace": "shop"},
            "spec": {"host": HOST, "trafficPolicy": {"outlierDetection": {"consecutive5xxErrors": 1}}},
        }
    )
    away = EAST._replace(region="elsewhere")
    mesh = one_cluster([pod("a"), pod("w", away)], rules=[alone])
    without = Mesh(mesh.clusters, locality_setting=None)
    assert len(mesh.route("client", HOST, component=Component.SIDECAR).tiers) == 2
    assert len(without.route("client", HOST, component=Component.SIDECAR).tiers) == 1


@pytest.mark.parametrize(
    ("listed", "share"), [(None, 0.0), (Health.HEALTHY, 0.5)], ids=["no list of endpoints", "a list that says ready"]
)
def test_a_change_of_a_workload_changes_the_answer_unless_a_list_of_endpoints_says_otherwise(
    listed: Health | None, share: float
) -> None:
    one, other = pod("one"), pod("other")
    web = evolve(service([one, other]), backends=tuple(Backend(each.key, listed) for each in (one, other)))
    made = cluster([one, other], [web])
    ill = evolve(made, workloads={**made.workloads, one.key: evolve(one, health=Health.UNHEALTHY)})
    route = Mesh([ill]).route(one.id, HOST)
    assert route.shares[one.id] == share


def test_a_component_by_its_word_is_refused_with_what_there_is() -> None:
    with pytest.raises(InvalidValueError, match=r"component: expected one of Component\.ZTUNNEL, .*got 'sidecar'"):
        everywhere().route("client", HOST, component="sidecar")  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match=r"profile: expected a Profile, as Profile\.named gives it, got 'solo'"):
        everywhere().route("client", HOST, profile="solo")  # type: ignore[arg-type]
