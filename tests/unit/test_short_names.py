import pytest

from meshtier.display.short_names import short_names, zone_name
from meshtier.locality import Locality


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["east/shop/web-1", "east/shop/web-2"], ["web-1", "web-2"]),
        (["east/shop/web", "west/shop/web"], ["east/shop/web", "west/shop/web"]),
        (["east/shop/web", "east/blog/web"], ["shop/web", "blog/web"]),
        (["east/shop/web"], ["web"]),
        (["a/", "a"], ["a/", "a"]),
        ([], []),
    ],
    ids=["last-part", "other-cluster", "other-namespace", "alone", "empty-part", "none"],
)
def test_a_name_is_what_tells_it_from_the_others(names: list[str], short: list[str]) -> None:
    assert short_names(names) == dict(zip(names, short, strict=True))


def test_a_long_name_loses_its_middle_and_keeps_what_differs() -> None:
    names = [f"east/shop/{'productpage' * 5}-{end}" for end in ("tw2lj", "k4xzp")]
    short = short_names(names, most=20)
    assert [len(each) for each in short.values()] == [20, 20]
    assert [each[-5:] for each in short.values()] == ["tw2lj", "k4xzp"]


def test_names_that_differ_in_their_middle_alone_stay_distinct() -> None:
    names = [f"{'a' * 200}{middle}{'b' * 200}" for middle in "xyz"]
    assert len(set(short_names(names).values())) == 3


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (Locality("n", "us-east-1", "us-east-1a"), "us-east-1a"),
        (Locality("n", "re", "a"), "re/a"),
        (Locality("n", "re"), "re"),
        (Locality("n", "", "a"), "a"),
        (Locality("n"), "network n"),
        (Locality(), "(unknown place)"),
    ],
)
def test_a_place_is_named_as_far_as_its_zone(place: Locality, name: str) -> None:
    assert zone_name(place) == name
