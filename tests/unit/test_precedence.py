import pickle

import pytest
from attrs import evolve

from meshtier.component import COMPONENTS, Component
from meshtier.distribution import TrafficDistribution
from meshtier.errors import InvalidValueError
from meshtier.locality import Scope
from meshtier.note import Note
from meshtier.precedence import ANNOTATION, Level, Setting, precedence_table, resolve
from meshtier.preference import Preference
from meshtier.profile import ISTIO_1_24, ISTIO_1_27, ISTIO_1_30, ISTIO_1_31, PROFILES, SOLO, CrossNetwork, Profile

ANY = TrafficDistribution.ANY
PREFER_NETWORK = TrafficDistribution.PREFER_NETWORK
PREFER_REGION = TrafficDistribution.PREFER_REGION
PREFER_SAME_ZONE = TrafficDistribution.PREFER_SAME_ZONE
PREFER_SAME_NODE = TrafficDistribution.PREFER_SAME_NODE


def test_the_annotation_is_istios() -> None:
    assert ANNOTATION == "networking.istio.io/traffic-distribution"


def test_the_levels_go_from_the_highest_precedence_to_the_lowest() -> None:
    annotation = "metadata.annotations[networking.istio.io/traffic-distribution]"
    assert [(level.value, level.field_path, level.rule) for level in Level] == [
        ("ztunnel dump", "loadBalancer.routingPreferences", "PLANE"),
        ("Service spec.internalTrafficPolicy", "spec.internalTrafficPolicy", "PREC-3"),
        ("Service spec.trafficDistribution", "spec.trafficDistribution", "PREC-1"),
        ("Service annotation", annotation, "PREC-1"),
        ("ServiceEntry annotation", annotation, "PREC-1"),
        ("Namespace annotation", annotation, "PREC-1"),
        ("default", "", "COMP-2"),
    ]


def test_the_service_spec_beats_all_annotations() -> None:
    resolution = resolve(
        spec="PreferClose",
        service_annotation="PreferNetwork",
        service_entry_annotation="PreferRegion",
        namespace_annotation="PreferSameNode",
        profile=ISTIO_1_30,
    )
    assert resolution.mode is PREFER_SAME_ZONE
    assert resolution.source == Setting(level=Level.SERVICE_SPEC, value="PreferClose")
    assert [(setting.level, setting.value) for setting in resolution.overridden] == [
        (Level.SERVICE_ANNOTATION, "PreferNetwork"),
        (Level.SERVICE_ENTRY_ANNOTATION, "PreferRegion"),
        (Level.NAMESPACE_ANNOTATION, "PreferSameNode"),
    ]


def test_the_annotation_of_the_service_beats_those_of_service_entry_and_namespace() -> None:
    resolution = resolve(
        service_annotation="PreferClose",
        service_entry_annotation="PreferSameNode",
        namespace_annotation="PreferSameNode",
        profile=ISTIO_1_31,
    )
    assert (resolution.mode, resolution.source.level) == (PREFER_SAME_ZONE, Level.SERVICE_ANNOTATION)


def test_the_annotation_of_the_service_entry_beats_that_of_the_namespace() -> None:
    resolution = resolve(
        service_entry_annotation="PreferClose", namespace_annotation="PreferSameNode", profile=ISTIO_1_31
    )
    assert (resolution.mode, resolution.source.level) == (PREFER_SAME_ZONE, Level.SERVICE_ENTRY_ANNOTATION)


@pytest.mark.parametrize("profile", [ISTIO_1_30, ISTIO_1_31], ids=str)
def test_the_annotation_of_a_namespace_counts_from_1_30_on(profile: Profile) -> None:
    resolution = resolve(namespace_annotation="PreferClose", profile=profile)
    assert (resolution.mode, resolution.source.level) == (PREFER_SAME_ZONE, Level.NAMESPACE_ANNOTATION)
    assert resolution.notes == ()


@pytest.mark.parametrize("profile", [SOLO, ISTIO_1_24, ISTIO_1_27], ids=str)
def test_before_the_annotation_of_a_namespace_is_not_read_and_a_note_says_so(profile: Profile) -> None:
    resolution = resolve(namespace_annotation="PreferClose", profile=profile)
    assert (resolution.mode, resolution.source.level) == (ANY, Level.DEFAULT)
    assert resolution.notes == (
        Note("namespace-needs-version", f"profile {profile} does not read the annotation of a Namespace"),
    )


def test_where_nothing_is_set_the_default_of_the_component_holds() -> None:
    resolution = resolve()
    assert (resolution.mode, resolution.strict) == (ANY, False)
    assert resolution.source == Setting(level=Level.DEFAULT, value="Any", object="ztunnel")
    assert (resolution.overridden, resolution.notes) == ((), ())
    assert (resolution.component, resolution.profile) == (Component.ZTUNNEL, SOLO)


@pytest.mark.parametrize(
    ("profile", "mode"),
    [(SOLO, PREFER_NETWORK), (ISTIO_1_24, ANY), (ISTIO_1_27, ANY), (ISTIO_1_30, ANY), (ISTIO_1_31, ANY)],
    ids=str,
)
@pytest.mark.parametrize("component", Component, ids=str)
def test_a_global_service_stays_in_its_network_by_default_under_solo(
    component: Component, profile: Profile, mode: TrafficDistribution
) -> None:
    resolution = resolve(global_service=True, component=component, profile=profile)
    assert (resolution.mode, resolution.source.value) == (mode, mode.value)
    holder = f"{component} for a global service" if profile is SOLO else str(component)
    assert resolution.source.object == holder


def test_the_caller_may_replace_the_table_of_defaults() -> None:
    defaults = {Component.SIDECAR: evolve(COMPONENTS[Component.SIDECAR], default_mode=PREFER_REGION)}
    assert resolve(component=Component.SIDECAR, defaults=defaults).mode is PREFER_REGION


def test_a_setting_beats_the_default_of_a_global_service_and_does_not_name_it() -> None:
    resolution = resolve(service_annotation="any", global_service=True)
    assert (resolution.mode, resolution.overridden) == (ANY, ())


@pytest.mark.parametrize(
    ("profile", "scopes"),
    [
        (SOLO, (Scope.NETWORK, Scope.NODE)),
        (ISTIO_1_24, (Scope.NODE,)),
        (ISTIO_1_31, (Scope.NODE,)),
    ],
    ids=str,
)
def test_internal_traffic_policy_local_is_strict_about_the_node(profile: Profile, scopes: tuple[Scope, ...]) -> None:
    resolution = resolve(internal_traffic_policy="Local", spec="PreferClose", profile=profile)
    assert (resolution.mode, resolution.strict) == (PREFER_SAME_NODE, True)
    assert resolution.source == Setting(level=Level.INTERNAL_TRAFFIC_POLICY, value="Local")
    assert [setting.level for setting in resolution.overridden] == [Level.SERVICE_SPEC]
    assert resolution.scopes == scopes
    assert resolution.preference == Preference(scopes, profile.cross_network, strict=True)


def test_internal_traffic_policy_cluster_says_nothing() -> None:
    resolution = resolve(internal_traffic_policy="Cluster")
    assert (resolution.strict, resolution.source.level, resolution.notes) == (False, Level.DEFAULT, ())


@pytest.mark.parametrize("text", ["local", "LOCAL", "Local ", "cluster"])
def test_another_internal_traffic_policy_restricts_nothing_and_has_a_note(text: str) -> None:
    resolution = resolve(internal_traffic_policy=text)
    assert resolution.strict is False
    assert resolution.notes == (
        Note(
            "internal-traffic-policy-unknown",
            f"internalTrafficPolicy is 'Cluster' or 'Local'; {text!r} restricts nothing",
        ),
    )


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("PreferSameZone", PREFER_SAME_ZONE),
        ("PreferClose", PREFER_SAME_ZONE),
        ("PreferNetwork", PREFER_NETWORK),
        ("PreferRegion", PREFER_REGION),
        ("PreferSameNode", PREFER_SAME_NODE),
        ("Any", ANY),
        ("prefersamezone", PREFER_SAME_ZONE),
        ("PREFERREGION", PREFER_REGION),
        ("aNY", ANY),
    ],
)
def test_solo_knows_every_mode_in_an_annotation(text: str, mode: TrafficDistribution) -> None:
    resolution = resolve(service_annotation=text)
    assert (resolution.mode, resolution.source.value, resolution.notes) == (mode, text, ())


@pytest.mark.parametrize("profile", [ISTIO_1_24, ISTIO_1_27, ISTIO_1_30, ISTIO_1_31], ids=str)
@pytest.mark.parametrize("text", ["PreferNetwork", "preferregion"])
def test_a_mode_that_istio_does_not_know_means_any(profile: Profile, text: str) -> None:
    resolution = resolve(service_annotation=text, profile=profile)
    assert (resolution.mode, resolution.source.level) == (ANY, Level.SERVICE_ANNOTATION)
    assert resolution.notes == (
        Note("unknown-mode", f"the Service annotation {text!r} is unknown to profile {profile}, and so means Any"),
    )


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
@pytest.mark.parametrize("text", ["Any", "any", "ANY"])
def test_any_in_an_annotation_is_never_doubtful(profile: Profile, text: str) -> None:
    resolution = resolve(service_annotation=text, service_entry_annotation="PreferClose", profile=profile)
    assert (resolution.mode, resolution.source.level, resolution.notes) == (ANY, Level.SERVICE_ANNOTATION, ())


@pytest.mark.parametrize("text", ["bogus", " PreferClose", "PreferClose ", " "])
def test_an_unknown_annotation_means_any_and_stops_the_search(text: str) -> None:
    resolution = resolve(service_annotation=text, service_entry_annotation="PreferRegion")
    assert (resolution.mode, resolution.source.level) == (ANY, Level.SERVICE_ANNOTATION)
    assert resolution.notes == (Note("unknown-mode", f"the Service annotation {text!r} is no mode, and so means Any"),)


@pytest.mark.parametrize(
    ("text", "profile", "why"),
    [
        pytest.param("bogus", SOLO, "'bogus' is no mode", id="no mode"),
        pytest.param(
            "preferclose",
            SOLO,
            "'preferclose' is not written as the field wants it, which is case-sensitive",
            id="wrong case",
        ),
        pytest.param(
            " PreferClose",
            SOLO,
            "' PreferClose' is not written as the field wants it, which is case-sensitive",
            id="a blank",
        ),
        pytest.param(
            "PreferRegion",
            SOLO,
            "'PreferRegion' can be set only by the annotation under profile solo",
            id="for the annotation alone",
        ),
        pytest.param(
            "PreferSameNode",
            SOLO,
            "'PreferSameNode' can be set only by the annotation under profile solo",
            id="not in the field under solo",
        ),
    ],
)
def test_a_spec_value_that_is_not_accepted_is_passed_over_with_the_reason(
    text: str, profile: Profile, why: str
) -> None:
    resolution = resolve(spec=text, service_annotation="PreferRegion", profile=profile)
    assert (resolution.mode, resolution.source.level) == (PREFER_REGION, Level.SERVICE_ANNOTATION)
    assert resolution.overridden == ()
    assert resolution.notes == (
        Note(
            "spec-value",
            f"spec.trafficDistribution is ignored: {why}; the field accepts PreferClose, PreferSameZone",
        ),
    )


@pytest.mark.parametrize(
    ("text", "profiles"),
    [
        ("PreferClose", ["solo", *(f"istio-1.{minor}" for minor in range(24, 32))]),
        ("PreferSameZone", ["solo", *(f"istio-1.{minor}" for minor in range(27, 32))]),
        ("PreferSameNode", [f"istio-1.{minor}" for minor in range(27, 32)]),
        ("PreferNetwork", []),
        ("PreferRegion", []),
        ("Any", []),
    ],
)
def test_the_spec_field_takes_what_its_profile_accepts(text: str, profiles: list[str]) -> None:
    accepted = [
        name
        for name, profile in PROFILES.items()
        if resolve(spec=text, profile=profile).source.level is Level.SERVICE_SPEC
    ]
    assert accepted == profiles


@pytest.mark.parametrize("argument", ["spec", "service_annotation", "service_entry_annotation"])
def test_an_empty_text_is_passed_by_without_a_note(argument: str) -> None:
    texts = {"spec": None, "service_annotation": None, "service_entry_annotation": None, argument: ""}
    resolution = resolve(
        spec=texts["spec"],
        service_annotation=texts["service_annotation"],
        service_entry_annotation=texts["service_entry_annotation"],
        namespace_annotation="PreferClose",
        profile=ISTIO_1_31,
    )
    assert (resolution.source.level, resolution.notes) == (Level.NAMESPACE_ANNOTATION, ())


def test_a_note_reads_as_rule_object_and_text() -> None:
    resolution = resolve(
        service_annotation="bogus", namespace_annotation="Any", objects={Level.SERVICE_ANNOTATION: "Service b/r"}
    )
    assert resolution.to_table().notes == (
        "[PREC-2] Service b/r: the Service annotation 'bogus' is no mode, and so means Any",
        "[PREC-1] profile solo does not read the annotation of a Namespace",
    )


def test_the_names_of_the_holders_are_in_the_answer() -> None:
    resolution = resolve(
        spec="PreferNetwork",
        service_annotation="PreferRegion",
        service_entry_annotation="Any",
        objects={Level.SERVICE_SPEC: "Service b/r", Level.SERVICE_ANNOTATION: "Service b/r"},
    )
    assert resolution.source == Setting(level=Level.SERVICE_ANNOTATION, value="PreferRegion", object="Service b/r")
    assert resolution.overridden == (Setting(level=Level.SERVICE_ENTRY_ANNOTATION, value="Any"),)
    assert [note.object for note in resolution.notes] == ["Service b/r"]


def test_what_a_ztunnel_was_told_beats_all_that_is_set() -> None:
    told = Preference([Scope.REGION, Scope.CLUSTER])
    resolution = resolve(
        preference=told,
        internal_traffic_policy="Local",
        spec="PreferClose",
        objects={Level.DUMP: "ztunnel dump Service b/r"},
    )
    assert (resolution.preference, resolution.scopes, resolution.strict) == (told, told.scopes, False)
    assert (resolution.mode, resolution.title) == (None, "region > cluster")
    assert resolution.source == Setting(level=Level.DUMP, value="Region, Cluster", object="ztunnel dump Service b/r")
    assert str(resolution.source) == "ztunnel dump Service b/r loadBalancer.routingPreferences: Region, Cluster"
    assert [setting.value for setting in resolution.overridden] == ["Local", "PreferClose"]


@pytest.mark.parametrize(
    ("scopes", "profile", "mode", "title"),
    [
        ([], SOLO, ANY, "Any"),
        ([Scope.NETWORK], SOLO, PREFER_NETWORK, "PreferNetwork"),
        ([Scope.NETWORK, Scope.REGION, Scope.ZONE], SOLO, PREFER_SAME_ZONE, "PreferSameZone"),
        ([Scope.NETWORK, Scope.REGION, Scope.ZONE], ISTIO_1_24, None, "network > region > zone"),
        ([Scope.NETWORK, Scope.REGION, Scope.ZONE, Scope.SUBZONE], ISTIO_1_24, PREFER_SAME_ZONE, "PreferSameZone"),
        ([Scope.REGION, Scope.NETWORK], SOLO, None, "region > network"),
    ],
    ids=["none", "network", "zone", "zone-of-1.24", "subzone-of-1.24", "other-order"],
)
def test_a_dump_has_the_mode_of_exactly_its_list_or_none(
    scopes: list[Scope], profile: Profile, mode: TrafficDistribution | None, title: str
) -> None:
    resolution = resolve(preference=Preference(scopes), profile=profile)
    assert (resolution.mode, resolution.title) == (mode, title)
    assert resolution.scopes == tuple(scopes)


def test_a_strict_list_of_a_dump_says_so() -> None:
    resolution = resolve(preference=Preference([Scope.NODE], strict=True))
    assert (resolution.strict, resolution.title) == (True, "node, strict")
    assert resolve(preference=Preference([Scope.NETWORK], strict=True)).title == "PreferNetwork, strict"


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
def test_the_profile_says_what_another_network_means_to_a_dump(profile: Profile) -> None:
    other = CrossNetwork.FLAT if profile.cross_network is CrossNetwork.RANKED else CrossNetwork.RANKED
    resolution = resolve(preference=Preference([Scope.NETWORK, Scope.ZONE], other), profile=profile)
    assert resolution.preference.cross_network is profile.cross_network


def test_an_empty_list_of_a_dump_is_a_setting_and_no_default() -> None:
    resolution = resolve(preference=Preference([]), global_service=True)
    assert (resolution.mode, resolution.source.level, resolution.source.value) == (ANY, Level.DUMP, "none")


def test_what_a_ztunnel_was_told_is_a_preference() -> None:
    with pytest.raises(InvalidValueError, match="preference: expected a Preference, got 'Network'"):
        resolve(preference="Network")  # type: ignore[arg-type]  # the point of the test


def test_component_and_profile_are_in_the_answer() -> None:
    resolution = resolve(component=Component.WAYPOINT, profile=ISTIO_1_24)
    assert (resolution.component, resolution.profile) == (Component.WAYPOINT, ISTIO_1_24)


def test_the_preference_of_an_answer_follows_the_rules_of_its_profile() -> None:
    resolution = resolve(spec="PreferClose", profile=ISTIO_1_24)
    assert resolution.scopes == (Scope.NETWORK, Scope.REGION, Scope.ZONE, Scope.SUBZONE)
    ranked = resolve(spec="PreferClose", profile=ISTIO_1_31)
    assert ranked.preference == Preference((Scope.NETWORK, Scope.REGION, Scope.ZONE), CrossNetwork.RANKED)


@pytest.mark.parametrize(
    "argument",
    [
        "internal_traffic_policy",
        "spec",
        "service_annotation",
        "service_entry_annotation",
        "namespace_annotation",
    ],
)
def test_a_setting_that_is_no_text_is_refused(argument: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        resolve(**{argument: 5})  # type: ignore[arg-type]  # the point of the test
    assert caught.value.problem == "expected a string or None, got 5"
    assert argument in caught.value.path


def test_what_is_false_is_not_therefore_absent() -> None:
    with pytest.raises(InvalidValueError):
        resolve(spec=0)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        pytest.param(
            Setting(level=Level.SERVICE_SPEC, value="PreferClose"),
            "Service spec.trafficDistribution: PreferClose",
            id="a plain value",
        ),
        pytest.param(
            Setting(level=Level.SERVICE_SPEC, value="PreferClose", object="Service b/r"),
            "Service b/r spec.trafficDistribution: PreferClose",
            id="of an object",
        ),
        pytest.param(
            Setting(level=Level.NAMESPACE_ANNOTATION, value="Any", object="Namespace b"),
            "Namespace b metadata.annotations[networking.istio.io/traffic-distribution]: Any",
            id="an annotation",
        ),
        pytest.param(Setting(level=Level.DEFAULT, value="Any", object="ztunnel"), "default of ztunnel", id="default"),
    ],
)
def test_a_setting_reads_as_where_and_what(setting: Setting, text: str) -> None:
    assert str(setting) == text


def test_an_answer_reads_as_one_line() -> None:
    resolution = resolve(
        internal_traffic_policy="local", spec="PreferClose", service_annotation="Any", namespace_annotation="Any"
    )
    assert repr(resolution) == (
        "<Resolution PreferSameZone by Service spec.trafficDistribution: PreferClose; overrides 1; notes: 2>"
    )
    assert repr(resolve(internal_traffic_policy="Local")) == (
        "<Resolution Local, strict by Service spec.internalTrafficPolicy: Local>"
    )


@pytest.mark.parametrize(("policy", "title"), [("Local", "Local, strict"), (None, "PreferSameZone")])
def test_the_title_of_an_answer_is_what_holds(policy: str | None, title: str) -> None:
    assert resolve(internal_traffic_policy=policy, spec="PreferClose").title == title


def test_an_answer_is_a_table_with_the_setting_that_holds_first() -> None:
    resolution = resolve(
        service_annotation="PreferRegion",
        service_entry_annotation="bogus",
        objects={Level.SERVICE_ANNOTATION: "Service b/r"},
    )
    table = resolution.to_table()
    assert table.columns == ("", "where", "object", "value")
    assert table.rows == (
        ("holds", "Service annotation", "Service b/r", "PreferRegion"),
        ("overridden", "ServiceEntry annotation", "", "bogus"),
    )
    assert table.notes == ("[PREC-2] the ServiceEntry annotation 'bogus' is no mode, and so means Any",)
    assert table.title == (
        "Resolution PreferRegion by Service b/r metadata.annotations[networking.istio.io/traffic-distribution]: "
        "PreferRegion; overrides 1; notes: 1"
    )


def test_an_answer_survives_pickling() -> None:
    resolution = resolve(spec="bogus", service_annotation="PreferClose", profile=ISTIO_1_31)
    assert pickle.loads(pickle.dumps(resolution)) == resolution  # our own bytes
    told = resolve(preference=Preference([Scope.ZONE]))
    assert pickle.loads(pickle.dumps(told)) == told


SOLO_ANNOTATIONS = "Any, PreferNetwork, PreferRegion, PreferSameZone, PreferSameNode, PreferClose"
ISTIO_SPEC = "PreferClose, PreferSameZone, PreferSameNode"


@pytest.mark.parametrize(
    ("profile", "accepted"),
    [
        (
            SOLO,
            [
                "Local (strict: no failover)",
                "PreferClose, PreferSameZone",
                SOLO_ANNOTATIONS,
                SOLO_ANNOTATIONS,
                "not read",
                "Any, PreferNetwork for a global service",
            ],
        ),
        (
            ISTIO_1_30,
            [
                "Local (strict: no failover)",
                ISTIO_SPEC,
                "PreferClose, PreferSameZone, PreferSameNode, Any",
                "PreferClose, PreferSameZone, PreferSameNode, Any",
                "PreferClose, PreferSameZone, PreferSameNode, Any",
                "Any",
            ],
        ),
    ],
    ids=str,
)
def test_the_table_of_precedence_says_what_each_level_accepts(profile: Profile, accepted: list[str]) -> None:
    table = precedence_table(profile=profile)
    assert table.title == f"precedence under profile {profile}, highest first"
    settable = [level.value for level in Level if level is not Level.DUMP]  # what a ztunnel was told, nobody sets
    assert table.rows == tuple(zip(settable, accepted, strict=True))
