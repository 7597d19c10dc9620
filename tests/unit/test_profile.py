import copy
import pickle

import pytest
from attrs import asdict, evolve

from meshtier.distribution import TrafficDistribution
from meshtier.errors import InvalidValueError
from meshtier.profile import (
    ISTIO_1_24,
    ISTIO_1_27,
    ISTIO_1_30,
    ISTIO_1_31,
    PROFILES,
    SOLO,
    Profile,
)

every_profile = pytest.mark.parametrize("profile", PROFILES.values(), ids=str)


def test_the_profiles_are_these_with_the_default_first() -> None:
    assert list(PROFILES) == ["solo", "istio-1.24", "istio-1.27", "istio-1.30", "istio-1.31"]


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
def test_a_mode_has_its_own_scopes_but_for_the_zone_of_istio_1_24(profile: Profile, mode: TrafficDistribution) -> None:
    scopes = [scope.value for scope in profile.scopes(mode)]
    if profile is ISTIO_1_24 and mode is TrafficDistribution.PREFER_SAME_ZONE:
        assert scopes == ["network", "region", "zone", "subzone"]
    else:
        assert scopes == [scope.value for scope in mode.scopes]
    assert profile.depth(mode) == len(scopes)


@pytest.mark.parametrize("name", ["", "Solo", "istio-1.28", "istio"])
def test_an_unknown_profile_is_refused_with_the_list_of_them(name: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Profile.named(name)
    assert str(caught.value) == (
        f"profile: expected one of solo, istio-1.24, istio-1.27, istio-1.30, istio-1.31, got {name!r}"
    )


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


def test_the_words_of_an_annotation_are_known_in_any_case() -> None:
    own = evolve(SOLO, annotation_values={"PreferHere": TrafficDistribution.PREFER_SAME_NODE})
    assert dict(own.annotation_values) == {"preferhere": TrafficDistribution.PREFER_SAME_NODE}
