import copy
import pickle

import pytest

from meshtier.distribution import MODE_ALIASES, MODE_NAMES, TrafficDistribution
from meshtier.errors import InvalidValueError

MODES = ["Any", "PreferNetwork", "PreferRegion", "PreferSameZone", "PreferSameNode"]


@pytest.mark.parametrize(
    ("name", "scopes"),
    [
        ("Any", []),
        ("PreferNetwork", ["network"]),
        ("PreferRegion", ["network", "region"]),
        ("PreferSameZone", ["network", "region", "zone"]),
        ("PreferSameNode", ["network", "region", "zone", "subzone", "node"]),
    ],
)
def test_a_mode_compares_the_scopes_of_its_row(name: str, scopes: list[str]) -> None:
    mode = TrafficDistribution.parse(name)
    assert [scope.value for scope in mode.scopes] == scopes
    assert mode.depth == len(scopes)


def test_there_are_five_modes_from_the_widest_to_the_narrowest() -> None:
    assert [mode.value for mode in TrafficDistribution] == MODES


@pytest.mark.parametrize("mode", TrafficDistribution)
@pytest.mark.parametrize("change", [str, str.lower, str.upper, str.swapcase])
def test_a_mode_is_parsed_without_regard_to_case(mode: TrafficDistribution, change: type[str]) -> None:
    assert TrafficDistribution.parse(change(mode.value)) is mode


@pytest.mark.parametrize("text", ["PreferClose", "preferclose", "PREFERCLOSE"])
def test_prefer_close_is_prefer_same_zone(text: str) -> None:
    assert TrafficDistribution.parse(text) is TrafficDistribution.PREFER_SAME_ZONE


@pytest.mark.parametrize("text", ["", " PreferClose", "PreferSame", "prefer-close", None, 5])
def test_what_no_mode_is_called_is_refused_with_the_list_of_modes(text: object) -> None:
    with pytest.raises(InvalidValueError) as caught:
        TrafficDistribution.parse(text)  # type: ignore[arg-type]  # some are no strings, on purpose
    assert caught.value.problem == (
        f"expected one of Any, PreferNetwork, PreferRegion, PreferSameZone, PreferSameNode, PreferClose, got {text!r}"
    )
    assert caught.value.path == "traffic distribution"


def test_the_table_of_names_holds_every_mode_and_alias_in_lower_case() -> None:
    assert {name: mode.value for name, mode in MODE_NAMES.items()} == {
        "any": "Any",
        "prefernetwork": "PreferNetwork",
        "preferregion": "PreferRegion",
        "prefersamezone": "PreferSameZone",
        "prefersamenode": "PreferSameNode",
        "preferclose": "PreferSameZone",
    }
    assert dict(MODE_ALIASES) == {"PreferClose": TrafficDistribution.PREFER_SAME_ZONE}


def test_a_mode_reads_as_its_manifest_word() -> None:
    assert str(TrafficDistribution.PREFER_REGION) == "PreferRegion"
    assert f"{TrafficDistribution.ANY}" == "Any"
    assert repr(TrafficDistribution.ANY) == "<TrafficDistribution.ANY>"


@pytest.mark.parametrize("mode", TrafficDistribution)
def test_a_copy_of_a_mode_is_the_mode(mode: TrafficDistribution) -> None:
    assert pickle.loads(pickle.dumps(mode)) is mode  # our own bytes
    assert copy.deepcopy(mode) is mode
