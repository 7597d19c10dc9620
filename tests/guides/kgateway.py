"""What docs/guides/kgateway.md must show.

The gateway runs in zone c, as `in-ambient-3` does, and the waypoint in zone b, as `in-ambient-2` does.
"""

from typing import Final

from tests.guides import ExpectedRoute, ExpectedTimeline, Steps, split

STEPS: Final = 10
"""How many steps there are."""

_PODS: Final = {"in-ambient-1", "in-ambient-2", "in-ambient-3"}
_BY_WAYPOINT: Final = {"waypoint-1": 1.0}

_ALL_ALIKE: Final = ExpectedRoute(shares=split(*_PODS), tiers={0: _PODS})
_ALL_ALIKE_AT_WAYPOINT: Final = ExpectedRoute(shares=split(*_PODS), tiers={0: _PODS}, waypoints=_BY_WAYPOINT)
_GATEWAYS_ZONE: Final = ExpectedRoute(
    shares={"in-ambient-3": 1.0}, tiers={0: {"in-ambient-3"}, 1: {"in-ambient-1", "in-ambient-2"}}
)
_WAYPOINTS_ZONE: Final = ExpectedRoute(
    shares={"in-ambient-2": 1.0},
    tiers={0: {"in-ambient-2"}, 1: {"in-ambient-1", "in-ambient-3"}},
    waypoints=_BY_WAYPOINT,
)

# The first bad answer at 10 s, the fifth 0.4 s later; three minutes after that is 190.4 s, and the next sweep at 200 s.
_EJECTED: Final = ExpectedTimeline(
    detected=((10.4, "ejected", "in-ambient-2"), (200.0, "returned", "in-ambient-2")),
    shares={
        5.0: {"in-ambient-2": 1.0},
        10.2: {"in-ambient-2": 1.0},
        11.0: split("in-ambient-1", "in-ambient-3"),
        199.0: split("in-ambient-1", "in-ambient-3"),
        201.0: {"in-ambient-2": 1.0},
        299.0: {"in-ambient-2": 1.0},
    },
    bad={5.0: 0.0, 10.2: 1.0, 11.0: 0.0, 199.0: 0.0, 201.0: 0.0, 299.0: 0.0},
    errors=5,
    by={"waypoint c1/httpbin/waypoint-1"},
)

EXPECTED: Final[Steps] = {
    0: {"start": _ALL_ALIKE},
    1: {"nothing set": _ALL_ALIKE, "PreferClose": _GATEWAYS_ZONE},
    2: {
        "before": _GATEWAYS_ZONE,
        "3 not ready": ExpectedRoute(
            shares=split("in-ambient-1", "in-ambient-2"), tiers={1: {"in-ambient-1", "in-ambient-2"}}
        ),
    },
    3: {"no waypoint": _ALL_ALIKE, "waypoint": _ALL_ALIKE_AT_WAYPOINT},
    4: {"waypoint": _ALL_ALIKE_AT_WAYPOINT, "waypoint and rule": _WAYPOINTS_ZONE},
    5: {
        "before": _WAYPOINTS_ZONE,
        "2 not ready": ExpectedRoute(
            shares=split("in-ambient-1", "in-ambient-3"),
            tiers={0: {"in-ambient-2"}, 1: {"in-ambient-1", "in-ambient-3"}},
            waypoints=_BY_WAYPOINT,
        ),
    },
    6: {"2 answers 500": _EJECTED},
    7: {
        "start": ExpectedRoute(shares=split(*_PODS), tiers={0: _PODS, 1: {"istio-remote-peer-c2"}}),
        "2, 3 not ready": ExpectedRoute(
            shares={"in-ambient-1": 1.0}, tiers={0: {"in-ambient-1"}, 1: {"istio-remote-peer-c2"}}
        ),
        "1, 2, 3 not ready": ExpectedRoute(
            shares=split("in-ambient-w1", "in-ambient-w2"), tiers={1: {"istio-remote-peer-c2"}}
        ),
    },
    8: {"kgateway": _ALL_ALIKE, "Istio's gateway": _GATEWAYS_ZONE},
    9: {"Solo": _WAYPOINTS_ZONE, "upstream": _GATEWAYS_ZONE, "upstream, with label": _WAYPOINTS_ZONE},
}
