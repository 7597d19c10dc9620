"""What docs/guides/waypoints.md must show.

The client runs in zone a, as `in-ambient-1` does, and the waypoint in zone b, as
`in-ambient-2` does. An Envoy keeps hosts that are not ready in their priority.
"""

from typing import Final

from tests.guides import ExpectedRoute, ExpectedTimeline, Steps, split

STEPS: Final = 13
"""How many steps there are."""

_ONE, _TWO, _THREE = "in-ambient-1", "in-ambient-2", "in-ambient-3"
_BY_WAYPOINT: Final = {"waypoint-1": 1.0}
_LEVELS: Final = {0: {_TWO}, 1: {_ONE, _THREE}}
_HOME: Final = {_TWO: 1.0}
_AWAY: Final = split(_ONE, _THREE)

_ALL_ALIKE: Final = ExpectedRoute(
    shares=split(_ONE, _TWO, _THREE), tiers={0: {_ONE, _TWO, _THREE}}, waypoints=_BY_WAYPOINT
)
_ALL_TO_2: Final = ExpectedRoute(shares=_HOME, tiers=_LEVELS, waypoints=_BY_WAYPOINT)
_WITHOUT_2: Final = ExpectedRoute(shares=_AWAY, tiers=_LEVELS, waypoints=_BY_WAYPOINT)

_BY: Final = {"waypoint c1/httpbin/waypoint-1"}

# Ten requests a second, all to in-ambient-2: the first bad answer at 10 s, the fifth 0.4 s later. Three minutes after
# that is 190.4 s, and the first sweep from then on 200 s. There the fifth of the next bad answers is at 200.5 s. The
# return was told to the balancer less than a second before, so that it learns of this ejection one second later, ten
# requests on. The second ejection lasts min(2 x 180, 300) = 300 s, to 500.5 s, and the next sweep is at 510 s.
_FIRST: Final = ((10.4, "ejected", _TWO), (200.0, "returned", _TWO))
_SECOND: Final = ((200.5, "ejected", _TWO), (510.0, "returned", _TWO))
_AT_FIRST: Final = {5.0: _HOME, 10.2: _HOME, 11.0: _AWAY, 119.0: _AWAY}
_BAD_AT_FIRST: Final = {5.0: 0.0, 10.2: 1.0, 11.0: 0.0, 119.0: 0.0}
_LATER: Final = {199.0: _AWAY, 201.0: _HOME, 202.0: _AWAY, 509.0: _AWAY, 511.0: _HOME}
_BAD_LATER: Final = {199.0: 0.0, 201.0: 1.0, 202.0: 0.0, 509.0: 0.0}

EXPECTED: Final[Steps] = {
    0: {"start": _ALL_ALIKE},
    1: {
        "no waypoint": ExpectedRoute(shares={_ONE: 1.0}, tiers={0: {_ONE}, 1: {_TWO, _THREE}}),
        "waypoint": _ALL_TO_2,
    },
    2: {"nothing set": _ALL_ALIKE, "rule": _ALL_TO_2},
    3: {"before": _ALL_TO_2, "2 not ready": _WITHOUT_2},
    4: {"2 not ready": _WITHOUT_2, "2 ready again": _ALL_TO_2},
    5: {
        "2 answers 500": ExpectedTimeline(detected=_FIRST[:1], shares=_AT_FIRST, bad=_BAD_AT_FIRST, errors=5, by=_BY),
    },
    6: {
        "2 answers 500": ExpectedTimeline(
            detected=(*_FIRST, *_SECOND, (510.5, "ejected", _TWO)),
            shares={**_AT_FIRST, **_LATER, 599.0: _AWAY},
            bad={**_BAD_AT_FIRST, **_BAD_LATER, 511.0: 1.0, 599.0: 0.0},
            errors=5 + 15 + 15,
            by=_BY,
        ),
    },
    7: {
        "well again": ExpectedTimeline(
            detected=(*_FIRST, *_SECOND),
            shares={**_AT_FIRST, **_LATER, 599.0: _HOME},
            bad={**_BAD_AT_FIRST, **_BAD_LATER, 511.0: 0.0, 599.0: 0.0},
            errors=5 + 15,
            by=_BY,
        ),
    },
    8: {
        # From 60 s on five a second go to in-ambient-1: the fifth is at 60.8 s. In two minutes 600 of 1,200 fail.
        "1 and 2 answer 500": ExpectedTimeline(
            detected=((10.4, "ejected", _TWO), (60.8, "ejection refused", _ONE)),
            shares={5.0: _HOME, 11.0: _AWAY, 59.0: _AWAY, 61.0: _AWAY, 179.0: _AWAY},
            bad={5.0: 0.0, 11.0: 0.0, 59.0: 0.0, 61.0: 0.5, 179.0: 0.5},
            errors=5 + 600,
            by=_BY,
        ),
        "67 %": ExpectedTimeline(
            detected=((10.4, "ejected", _TWO), (60.8, "ejected", _ONE)),
            shares={5.0: _HOME, 11.0: _AWAY, 59.0: _AWAY, 61.0: {_THREE: 1.0}, 179.0: {_THREE: 1.0}},
            bad={5.0: 0.0, 11.0: 0.0, 59.0: 0.0, 60.5: 0.5, 61.0: 0.0, 179.0: 0.0},
            errors=5 + 5,
            by=_BY,
        ),
    },
    9: {
        "nothing set": _ALL_ALIKE,
        "outlierDetection alone": ExpectedRoute(
            shares=_HOME, tiers={0: {_TWO}, 2: {_ONE, _THREE}}, waypoints=_BY_WAYPOINT, notes={"implicit-locality"}
        ),
    },
    10: {
        "start": ExpectedRoute(shares=_HOME, tiers=_LEVELS, waypoints=_BY_WAYPOINT, notes={"ejection-floor"}),
        # All of the ten a second from 10 s to 120 s.
        "2 answers 500": ExpectedTimeline(
            detected=((10.4, "ejection refused", _TWO),),
            shares={5.0: _HOME, 11.0: _HOME, 119.0: _HOME},
            bad={5.0: 0.0, 11.0: 1.0, 119.0: 1.0},
            errors=1100,
            by=_BY,
        ),
    },
    11: {"before": _ALL_TO_2, "waypoint-1 not ready": ExpectedRoute(shares={}, lost=1.0)},
    12: {
        "one waypoint pod": _ALL_TO_2,
        "two": ExpectedRoute(shares={_ONE: 1.0}, tiers={0: {_ONE}, 1: {_TWO, _THREE}}, waypoints={"waypoint-2": 1.0}),
    },
}
