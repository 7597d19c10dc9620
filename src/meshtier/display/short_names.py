"""How are things called on a picture? In few letters, and no two alike."""

from collections.abc import Iterable, Mapping
from typing import Final

from meshtier.locality import Locality
from meshtier.simulate.picture_scale import cut

MOST_LETTERS: Final = 36
"""How long a name on a picture is, if shorter ones would not be the same."""


def short_names(names: Iterable[str], *, most: int = MOST_LETTERS) -> Mapping[str, str]:
    """What each name is called among the others: the last part if that says enough, else all after the common ones.

    Parts are divided by ``/``. A name that is still longer than *most* letters loses
    its middle, as long as no two names become the same by that.

    >>> short_names(["east/shop/web-1", "east/shop/web-2"])
    {'east/shop/web-1': 'web-1', 'east/shop/web-2': 'web-2'}
    >>> short_names(["east/shop/web", "east/blog/web"])
    {'east/shop/web': 'shop/web', 'east/blog/web': 'blog/web'}
    """
    whole = list(dict.fromkeys(names))
    tails = [name.rpartition("/")[2] for name in whole]
    short = tails if all(tails) and len(set(tails)) == len(whole) else _without_common_beginning(whole)
    for length in (most, 2 * most):
        shown = [cut(name, length) for name in short]
        if len(set(shown)) == len(whole):
            return dict(zip(whole, shown, strict=True))
    return dict(zip(whole, _numbered([cut(name, 2 * most) for name in short]), strict=True))


def zone_name(place: Locality) -> str:
    """A place as far as its zone; the region is left out where the zone's name begins with it.

    >>> zone_name(Locality(region="us-east-1", zone="us-east-1a")), zone_name(Locality(region="re", zone="a"))
    ('us-east-1a', 're/a')
    """
    if place.zone:
        return place.zone if not place.region or place.zone.startswith(place.region) else f"{place.region}/{place.zone}"
    return place.region or (f"network {place.network}" if place.network else "(unknown place)")


def zone_names(places: Iterable[Locality]) -> Mapping[Locality, str]:
    """What the zones of places are called, no two alike, by region and zone alone; in the order of the places.

    >>> places = [Locality(region="us-east-1", zone="us-east-1a"), Locality(region="re", zone="a", node="n")]
    >>> list(zone_names(places).values())
    ['us-east-1a', 're/a']
    """
    zones = list(dict.fromkeys(zone_of(place) for place in places))
    names = [cut(zone_name(zone), MOST_LETTERS) for zone in zones]
    whole = [
        name if names.count(name) == 1 else cut(str(zone), MOST_LETTERS)
        for zone, name in zip(zones, names, strict=True)
    ]
    return dict(zip(zones, _numbered(whole), strict=True))


def zone_of(place: Locality) -> Locality:
    """The region and zone of a place alone, or its network where neither is known."""
    known = place.region or place.zone
    return Locality(network="" if known else place.network, region=place.region, zone=place.zone)


def _without_common_beginning(names: list[str]) -> list[str]:
    parts = [name.split("/") for name in names]
    most = min((len(each) for each in parts), default=1) - 1
    common = next((at for at in range(most) if len({each[at] for each in parts}) > 1), most)
    return ["/".join(each[common:]) or name for each, name in zip(parts, names, strict=True)]


def _numbered(names: list[str]) -> list[str]:
    """The names, those that stand there twice with a number: names of this length differ in their middle alone."""
    return [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, start=1)]
