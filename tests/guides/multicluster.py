"""What docs/guides/multicluster.md must show.

The client and the waypoint of `c1` are in zone 1a, and the gateway and the waypoint of `c2` in zone 2a.
"""

from collections.abc import Mapping
from typing import Final

from tests.guides import ExpectedRoute, ExpectedTimeline, Steps, split

STEPS: Final = 19
"""How many steps there are."""

_C2: Final = "istio-remote-peer-c2"
_ENTRY: Final = "autogen.c2.bookinfo.productpage"
_HERE: Final = split("pp-1a", "pp-1b")
_THERE: Final = split("pp-2a", "pp-2b")
_BY_WAYPOINT: Final = {"waypoint-c1": 1.0}

# Layer 4, PreferNetwork: ztunnel leaves out what is not ready, so such a pod is in no tier.
_START: Final = ExpectedRoute(shares=_HERE, tiers={0: {"pp-1a", "pp-1b"}, 1: {_C2}})
_NONE_HERE: Final = ExpectedRoute(shares=_THERE, tiers={1: {_C2}})

# Layer 7, failoverPriority region and zone: unready hosts stay in their priority.
_LEVELS: Final = {0: {"pp-1a"}, 1: {"pp-1b"}, 2: {_C2}}


def _at_layer_7(pod: str, notes: frozenset[str] = frozenset()) -> ExpectedRoute:
    """All requests to one pod; that 50 % of three hosts is one, and two come before c2, is always told."""
    return ExpectedRoute(shares={pod: 1.0}, tiers=_LEVELS, waypoints=_BY_WAYPOINT, notes=notes | {"ejection-cap"})


# Both pods of c1 are gone from 30 s on, and the gateway refuses from 90 s on. Assumed: three in a row eject, for 10 s
# and each time twice as long. An ejection that is over at the time of a connection ends after it, so the next three
# count.
_GATEWAY_DOWN: Final = ExpectedTimeline(
    detected=(
        (90.2, "ejected", _C2),
        (100.2, "returned", _C2),
        (100.5, "ejected", _C2),
        (120.5, "returned", _C2),
        (120.8, "ejected", _C2),
        (160.8, "returned", _C2),
        (161.1, "ejected", _C2),
        (241.1, "returned", _C2),
        (241.4, "ejected", _C2),
    ),
    shares={10.0: _HERE, 60.0: _THERE, 95.0: {}, 150.0: {}, 299.0: {}},
    bad={10.0: 0.0, 60.0: 0.0, 95.0: 1.0, 150.0: 1.0, 299.0: 1.0},
    errors=2100,
    by={"ztunnel of Pod c1/bookinfo/curl"},
    notes={"connections-assumed"},
)

_BY: Final = {"waypoint c1/bookinfo/waypoint-c1"}

# Five errors, at 10.0 to 10.4 s. 180 s later is 190.4 s, and the next sweep at 200 s. From the return on fifteen
# requests fail: five until the ejection at 200.5 s, and ten more, because the balancer has learned of the return less
# than a second before.
_ONE_BROKEN: Final = ExpectedTimeline(
    detected=((10.4, "ejected", "pp-1a"), (200.0, "returned", "pp-1a"), (200.5, "ejected", "pp-1a")),
    shares={
        5.0: {"pp-1a": 1.0},
        10.2: {"pp-1a": 1.0},
        11.0: {"pp-1b": 1.0},
        199.0: {"pp-1b": 1.0},
        201.0: {"pp-1a": 1.0},
        202.0: {"pp-1b": 1.0},
        359.0: {"pp-1b": 1.0},
    },
    bad={5.0: 0.0, 10.2: 1.0, 11.0: 0.0, 199.0: 0.0, 201.0: 1.0, 202.0: 0.0, 359.0: 0.0},
    errors=5 + 15,
    by=_BY,
)

# As before, and from 60 s on 1b answers with errors too: 2 of 3 hosts are 67 %, and 50 % are allowed. All 3,000
# requests from then on fail, whichever of the two gets them.
_REFUSED: Final = ExpectedTimeline(
    detected=(
        (10.4, "ejected", "pp-1a"),
        (60.4, "ejection refused", "pp-1b"),
        (200.0, "returned", "pp-1a"),
        (200.5, "ejected", "pp-1a"),
    ),
    shares={
        5.0: {"pp-1a": 1.0},
        30.0: {"pp-1b": 1.0},
        70.0: {"pp-1b": 1.0},
        199.0: {"pp-1b": 1.0},
        201.0: {"pp-1a": 1.0},
        202.0: {"pp-1b": 1.0},
        359.0: {"pp-1b": 1.0},
    },
    bad={5.0: 0.0, 30.0: 0.0, 70.0: 1.0, 199.0: 1.0, 201.0: 1.0, 202.0: 1.0, 359.0: 1.0},
    errors=5 + 3000,
    by=_BY,
    notes={"ejection-cap"},
)

_BOTH_EJECTED: Final = (
    (10.4, "ejected", "pp-1a"),
    (60.4, "ejected", "pp-1b"),
    (200.0, "returned", "pp-1a"),
    (200.5, "ejected", "pp-1a"),
    (250.0, "returned", "pp-1b"),
    (250.5, "ejected", "pp-1b"),
)


def _completed(*, length: float, away: Mapping[str, float]) -> ExpectedTimeline:
    """Both are ejected, and *away* gets the traffic: all but the returns, each of which costs fifteen requests.

    The second ejection lasts 300 s, the most, and so do the later ones: over at 500.5 s and 550.5 s, with the sweeps at
    510 s and 560 s, and then at 820 s and 870 s.
    """
    later = (
        (510.0, "returned", "pp-1a"),
        (510.5, "ejected", "pp-1a"),
        (560.0, "returned", "pp-1b"),
        (560.5, "ejected", "pp-1b"),
        (820.0, "returned", "pp-1a"),
        (820.5, "ejected", "pp-1a"),
        (870.0, "returned", "pp-1b"),
        (870.5, "ejected", "pp-1b"),
    )
    detected = _BOTH_EJECTED + tuple(event for event in later if event[0] < length)
    returns = [at for at, kind, _ in detected if kind == "returned"]
    return ExpectedTimeline(
        detected=detected,
        shares={
            5.0: {"pp-1a": 1.0},
            30.0: {"pp-1b": 1.0},
            60.2: {"pp-1b": 1.0},
            61.0: away,
            199.0: away,
            201.0: {"pp-1a": 1.0},
            202.0: away,
            251.0: {"pp-1b": 1.0},
            252.0: away,
            length - 1: away,
        },
        bad={
            5.0: 0.0,
            30.0: 0.0,
            60.2: 1.0,
            61.0: 0.0,
            201.0: 1.0,
            202.0: 0.0,
            251.0: 1.0,
            252.0: 0.0,
            length - 1: 0.0,
        },
        errors=5 + 5 + 15 * len(returns),
        by=_BY,
    )


# Well again at 120 s, and out until their three minutes are over: 1b is back at the first sweep after 240.4 s.
_WELL_AGAIN: Final = ExpectedTimeline(
    detected=(
        (10.4, "ejected", "pp-1a"),
        (60.4, "ejected", "pp-1b"),
        (200.0, "returned", "pp-1a"),
        (250.0, "returned", "pp-1b"),
    ),
    shares={
        30.0: {"pp-1b": 1.0},
        61.0: {"pp-2a": 1.0},
        199.0: {"pp-2a": 1.0},
        201.0: {"pp-1a": 1.0},
        251.0: {"pp-1a": 1.0},
        359.0: {"pp-1a": 1.0},
    },
    bad={30.0: 0.0, 61.0: 0.0, 199.0: 0.0, 201.0: 0.0, 251.0: 0.0, 359.0: 0.0},
    errors=5 + 5,
    by=_BY,
)

EXPECTED: Final[Steps] = {
    0: {"start": _START},
    1: {
        "before": _START,
        "1a not ready": ExpectedRoute(shares={"pp-1b": 1.0}, tiers={0: {"pp-1b"}, 1: {_C2}}),
    },
    2: {"before": _START, "none in c1": _NONE_HERE},
    3: {
        "none in c1": _NONE_HERE,
        "1a is back": ExpectedRoute(shares={"pp-1a": 1.0}, tiers={0: {"pp-1a"}, 1: {_C2}}),
    },
    4: {
        "start": ExpectedRoute(shares={"pp-1a": 1.0}, tiers={0: {"pp-1a"}, 1: {"pp-1b"}, 3: {_C2}}),
        "1a not ready": ExpectedRoute(shares={"pp-1b": 1.0}, tiers={1: {"pp-1b"}, 3: {_C2}}),
        "1a, 1b not ready": ExpectedRoute(shares={"pp-2a": 1.0}, tiers={3: {_C2}}),
    },
    5: {
        "start": ExpectedRoute(shares=_HERE, tiers={0: {"pp-1a", "pp-1b"}, 2: {_C2}}),
        "1a, 1b not ready": ExpectedRoute(shares=_THERE, tiers={2: {_C2}}),
    },
    6: {
        "both clusters known": ExpectedRoute(
            shares=split("pp-1a", "pp-1b", "pp-2a", "pp-2b"), tiers={0: {"pp-1a", "pp-1b", _C2}}
        ),
        "c1 alone known": ExpectedRoute(
            shares=split("pp-1a", "pp-1b", _ENTRY),
            tiers={0: {"pp-1a", "pp-1b", _ENTRY}},
            notes={"network-weight-assumed", "peer-dump-missing"},
        ),
    },
    7: {"gateway down": _GATEWAY_DOWN},
    8: {
        "start": ExpectedRoute(shares=_HERE, tiers={0: {"pp-1a", "pp-1b"}, 1: {_ENTRY}}, notes={"peer-dump-missing"}),
        "1a, 1b not ready": ExpectedRoute(shares={_ENTRY: 1.0}, tiers={1: {_ENTRY}}, notes={"peer-dump-missing"}),
    },
    9: {
        "start": ExpectedRoute(shares=_HERE, tiers={0: {"pp-1a", "pp-1b"}, 1: {_C2}}, notes={"gateway-place-missing"}),
        "1a, 1b not ready": ExpectedRoute(shares=_THERE, tiers={1: {_C2}}, notes={"gateway-place-missing"}),
        "layer 7": _at_layer_7("pp-1a", frozenset({"gateway-place-missing"})),
        "layer 7, 1a, 1b not ready": _at_layer_7("pp-2a", frozenset({"gateway-place-missing"})),
    },
    10: {"layer 4": _START, "layer 7": _at_layer_7("pp-1a")},
    11: {"before": _at_layer_7("pp-1a"), "1a not ready": _at_layer_7("pp-1b")},
    12: {"before": _at_layer_7("pp-1a"), "1a, 1b not ready": _at_layer_7("pp-2a")},
    13: {"1a answers 500": _ONE_BROKEN},
    14: {
        "50 %": _REFUSED,
        "100 %": _completed(length=360.0, away={"pp-2a": 1.0}),
        "50 %, flat network": _completed(length=360.0, away=_THERE),
    },
    15: {"well again": _WELL_AGAIN, "still bad": _completed(length=900.0, away={"pp-2a": 1.0})},
    16: {
        "before": _at_layer_7("pp-1a"),
        "waypoint not ready": ExpectedRoute(shares={}, lost=1.0),
    },
    17: {
        "not taken over": ExpectedRoute(shares={}, lost=1.0, tiers={}),
        "taken over": ExpectedRoute(shares=_THERE, tiers={1: {_C2}}),
    },
    18: {
        "local name": ExpectedRoute(
            shares={},
            lost=1.0,
            tiers={0: {"pp-1a", "pp-1b"}},
            waypoints=_BY_WAYPOINT,
            notes={"waypoint-keeps-local"},
        ),
        "global name": ExpectedRoute(shares=_THERE, tiers={0: {"pp-1a", "pp-1b"}, 1: {_C2}}, waypoints=_BY_WAYPOINT),
    },
}
