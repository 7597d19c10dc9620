"""Arguments of the wrong type are refused with one of our errors, which names the argument."""

from collections.abc import Callable
from random import Random
from typing import Any, cast

import pytest

from meshtier import (
    Component,
    Endpoint,
    EndpointIndex,
    InvalidValueError,
    Locality,
    Mesh,
    TrafficDistribution,
    rank,
    resolve,
    spread,
    tier_of,
)
from meshtier.mesh import Cluster

HERE = Locality(zone="a")
ANY = TrafficDistribution.ANY
SAME_ZONE = TrafficDistribution.PREFER_SAME_ZONE
INDEX = EndpointIndex([Endpoint("e", HERE)])
RANKING = rank(HERE, [Endpoint("e", HERE)], ANY)
ASK = cast("Any", Mesh([Cluster()]).route)
WRONG: dict[str, tuple[str, Callable[[], object]]] = {
    "tier_of client": ("client", lambda: cast("Any", tier_of)(None, HERE, TrafficDistribution.PREFER_REGION)),
    "tier_of place": ("place", lambda: cast("Any", tier_of)(HERE, None, TrafficDistribution.PREFER_REGION)),
    "tier_of mode": ("mode", lambda: cast("Any", tier_of)(HERE, HERE, "Any")),
    "tier_of profile": (
        "profile",
        lambda: cast("Any", tier_of)(HERE, HERE, TrafficDistribution.PREFER_SAME_ZONE, profile="solo"),
    ),
    "rank client": ("client", lambda: cast("Any", rank)("x", [], ANY)),
    "rank endpoints": ("endpoints", lambda: cast("Any", rank)(HERE, "ab", ANY)),
    "rank nothing": ("endpoints", lambda: cast("Any", rank)(HERE, None, ANY)),
    "rank mode": ("mode", lambda: cast("Any", rank)(HERE, [], "x")),
    "rank strict": ("strict", lambda: cast("Any", rank)(HERE, [], ANY, strict="yes")),
    "spread ranking": ("ranking", lambda: cast("Any", spread)(None, Component.ZTUNNEL)),
    "spread component": ("component", lambda: cast("Any", spread)(RANKING, "ztunnel")),
    "resolve profile": ("profile", lambda: cast("Any", resolve)(profile="solo")),
    "resolve global": ("global_service", lambda: cast("Any", resolve)(global_service="no")),
    "resolve component": ("component", lambda: cast("Any", resolve)(component="ztunnel")),
    "index endpoints": ("endpoints", lambda: cast("Any", EndpointIndex)(None)),
    "index client": ("client", lambda: cast("Any", INDEX).tiers(None, ANY)),
    "index mode": ("mode", lambda: cast("Any", INDEX).best(HERE, "x")),
    "index profile": ("profile", lambda: cast("Any", INDEX).pick(HERE, ANY, Random(1), profile="x")),
    "index random": ("random", lambda: cast("Any", INDEX).pick(HERE, ANY, None)),
    "route client": ("client", lambda: ASK(None, "h")),
    "route host": ("host", lambda: ASK(HERE, None)),
    "route component": ("component", lambda: ASK(HERE, "h", component="ztunnel")),
    "route profile": ("profile", lambda: ASK(HERE, "h", profile="solo")),
}


@pytest.mark.parametrize(("path", "call"), WRONG.values(), ids=WRONG)
def test_an_argument_of_the_wrong_type_is_refused_by_name(path: str, call: Callable[[], object]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        call()
    assert caught.value.path == path
