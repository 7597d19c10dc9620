import copy
import pickle
from typing import Any

import pytest
from attrs import asdict, evolve, fields

from meshtier.distribution import TrafficDistribution
from meshtier.errors import InvalidValueError
from meshtier.locality import Scope
from meshtier.profile import (
    ISTIO_1_24,
    ISTIO_1_27,
    ISTIO_1_30,
    ISTIO_1_31,
    PROFILES,
    SOLO,
    CrossNetwork,
    Profile,
    RuleMixing,
)

ISTIO = [profile for profile in PROFILES.values() if profile is not SOLO]
every_profile = pytest.mark.parametrize("profile", PROFILES.values(), ids=str)


def test_the_profiles_are_these_with_the_default_first() -> None:
    assert list(PROFILES) == ["solo", *(f"istio-1.{minor}" for minor in range(24, 32))]


@pytest.mark.parametrize(
    ("profile", "same"),
    [
        (Profile.SOLO, SOLO),
        (Profile.ISTIO_1_24, ISTIO_1_24),
        (Profile.ISTIO_1_27, ISTIO_1_27),
        (Profile.ISTIO_1_30, ISTIO_1_30),
        (Profile.ISTIO_1_31, ISTIO_1_31),
    ],
    ids=str,
)
def test_a_profile_can_be_reached_from_its_class(profile: Profile, same: Profile) -> None:
    assert profile is same


@every_profile
@pytest.mark.parametrize("mode", TrafficDistribution)
def test_a_mode_has_its_own_scopes_but_for_the_zone_before_istio_1_27(
    profile: Profile, mode: TrafficDistribution
) -> None:
    scopes = [scope.value for scope in profile.scopes(mode)]
    if profile.name in {"istio-1.24", "istio-1.25", "istio-1.26"} and mode is TrafficDistribution.PREFER_SAME_ZONE:
        assert scopes == ["network", "region", "zone", "subzone"]
    else:
        assert scopes == [scope.value for scope in mode.scopes]
    assert profile.depth(mode) == len(scopes)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("", ""),
        ("linkerd", ""),
        ("Solo", "; the nearest: solo"),
        ("istio", "; the nearest: istio-1.31, istio-1.30, istio-1.29"),
        ("1.27", "; take istio-1.27"),
        ("1.27.3", "; take istio-1.27"),
        ("v1.28", "; take istio-1.28"),
        ("istio-1.28.x", "; take istio-1.28"),
        ("istio-1.27.03", "; take istio-1.27"),
        ("istio-1.31.0-rc.0", "; take istio-1.31"),
        ("istio-1.32", "; take istio-1.31, the newest that is known"),
        ("istio-1.100.1", "; take istio-1.31, the newest that is known"),
        ("istio-2.0", "; take istio-1.31, the newest that is known"),
        ("istio-1.23.4", "; istio-1.24 is the oldest that is known"),
        ("istio-1.27." + "9" * 5000 + "x", "; take istio-1.27"),
    ],
    ids=lambda text: text[:20],
)
def test_an_unknown_profile_is_refused_with_the_list_of_them_and_the_one_to_take(name: str, advice: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Profile.named(name)
    assert str(caught.value) == (
        "profile: expected one of solo, istio-1.24, istio-1.25, istio-1.26, istio-1.27, istio-1.28,"
        f" istio-1.29, istio-1.30, istio-1.31, got {name!r}{advice}"
    )


@pytest.mark.parametrize("name", [None, 1.27, b"solo"])
def test_a_name_that_is_no_string_is_refused(name: object) -> None:
    with pytest.raises(InvalidValueError, match="profile: expected one of solo"):
        Profile.named(name)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize("profile", ISTIO, ids=str)
@pytest.mark.parametrize("patch", ["0", "3", "12"])
def test_a_patch_version_has_the_rules_of_its_minor_version_and_the_name_that_was_asked(
    profile: Profile, patch: str
) -> None:
    name = f"{profile.name}.{patch}"
    found = Profile.named(name)
    assert found.name == name
    assert asdict(evolve(found, name=profile.name), recurse=False) == asdict(profile, recurse=False)
    assert found.changes == profile.changes
    assert asdict(pickle.loads(pickle.dumps(found)), recurse=False) == asdict(found, recurse=False)


def test_each_version_says_what_is_not_as_in_the_one_before() -> None:
    assert {profile.name: [change.split()[0] for change in profile.changes] for profile in PROFILES.values()} == {
        "solo": [],
        "istio-1.24": [],
        "istio-1.25": ["MODE-3"],
        "istio-1.26": [],
        "istio-1.27": ["TIER-4", "MODE-1", "MODE-2"],
        "istio-1.28": ["PATH-3"],
        "istio-1.29": ["PATH-3"],
        "istio-1.30": ["PREC-1"],
        "istio-1.31": ["TIER-2", "DR-7a"],
    }
    assert ISTIO_1_30.changes == ("PREC-1 Namespace annotation counts: yes (in istio-1.29: no)",)
    assert ISTIO_1_30.to_table().notes == ISTIO_1_30.changes


CHANGED = {
    "cross_network": CrossNetwork.RANKED,
    "spec_values": {},
    "annotation_values": {},
    "namespace_annotation": True,
    "global_services": False,
    "gateway_locality": False,
    "rule_mixing": RuleMixing.REFINE,
    "zone_depth": 2,
    "local_scopes": (Scope.ZONE,),
    "envoys_obey_distribution": False,
    "unready_without_distribution": False,
    "sends_through_waypoints": False,
    "ztunnels_detect_failures": False,
    "ingress_crosses_networks": False,
    "waypoint_crosses_networks": False,
    "ingress_needs": "a flag",
    "waypoint_needs": "a flag",
    "sidecars_join_clusters": True,
}


@pytest.mark.parametrize("field", CHANGED)
def test_whatever_a_caller_changes_shows_in_the_table(field: str) -> None:
    changed: dict[str, Any] = {field: CHANGED[field]}
    own = evolve(SOLO, **changed)
    assert len(set(own.to_table().rows) - set(SOLO.to_table().rows)) == 1


def test_the_table_speaks_of_every_field() -> None:
    assert {"name", *CHANGED} == {field.name for field in fields(Profile)}


@every_profile
def test_a_copy_of_a_profile_of_the_table_is_that_profile(profile: Profile) -> None:
    assert Profile.named(profile.name) is profile
    assert pickle.loads(pickle.dumps(profile)) is profile
    assert copy.deepcopy(profile) is profile


def test_a_profile_reads_as_its_name() -> None:
    assert str(SOLO) == "solo"
    assert repr(ISTIO_1_31) == "<Profile istio-1.31>"


def test_a_profile_does_not_follow_later_changes_of_the_table_that_it_was_made_from() -> None:
    words = {"PreferClose": TrafficDistribution.PREFER_SAME_ZONE}
    profile = evolve(SOLO, name="mine", spec_values=words)
    words.clear()
    assert dict(profile.spec_values) == {"PreferClose": TrafficDistribution.PREFER_SAME_ZONE}


def test_a_profile_of_ones_own_has_its_own_depth_of_zone() -> None:
    mine = evolve(SOLO, name="mine", zone_depth=2)
    assert [scope.value for scope in mine.scopes(TrafficDistribution.PREFER_SAME_ZONE)] == ["network", "region"]
    assert repr(mine) == "<Profile mine>"


def test_a_copy_of_a_profile_of_ones_own_is_never_that_of_the_table() -> None:
    assert copy.copy(evolve(SOLO, zone_depth=2)).zone_depth == 2


@pytest.mark.parametrize("depth", [-1, 6, True, "3", None])
def test_a_depth_that_no_locality_has_is_refused(depth: object) -> None:
    with pytest.raises(InvalidValueError, match="zone_depth: expected an integer from 0 to 5"):
        evolve(SOLO, zone_depth=depth)  # type: ignore[arg-type]  # the point of the test


def test_a_profile_of_ones_own_survives_pickling() -> None:
    own = evolve(SOLO, name="own", zone_depth=2)
    copy = pickle.loads(pickle.dumps(own))
    assert asdict(copy, recurse=False) == asdict(own, recurse=False)


@pytest.mark.parametrize("profile", ISTIO, ids=str)
def test_an_annotation_of_istio_knows_prefer_close_alone_before_1_27_and_the_same_words_as_the_field_after(
    profile: Profile,
) -> None:
    newer = ["preferclose", "prefersamezone", "prefersamenode"]
    old = ("istio-1.24", "istio-1.25", "istio-1.26")
    assert list(profile.annotation_values) == (["preferclose"] if profile.name in old else newer)
    assert [word.lower() for word in profile.spec_values] == list(profile.annotation_values)


def test_the_words_of_an_annotation_are_known_in_any_case() -> None:
    own = evolve(SOLO, annotation_values={"PreferHere": TrafficDistribution.PREFER_SAME_NODE})
    assert dict(own.annotation_values) == {"preferhere": TrafficDistribution.PREFER_SAME_NODE}
