"""What docs/guides/ztunnel.md must show.

The client runs in zone a, as `in-ambient-1` does. Ztunnel leaves out what is not ready,
so that such a pod is in no tier.
"""

from typing import Final

from tests.guides import THIRD, ExpectedRoute, ExpectedTimeline, Steps, split

STEPS: Final = 13
"""How many steps there are."""

_ONE, _TWO, _THREE = "in-ambient-1", "in-ambient-2", "in-ambient-3"
_ALL: Final = split(_ONE, _TWO, _THREE)
_OTHERS: Final = split(_ONE, _TWO)

_ALL_ALIKE: Final = ExpectedRoute(shares=_ALL, tiers={0: {_ONE, _TWO, _THREE}})
_WITHOUT_1: Final = ExpectedRoute(shares=split(_TWO, _THREE), tiers={0: {_TWO, _THREE}})
_ONE_POD: Final = ExpectedRoute(shares={_ONE: 1.0}, tiers={0: {_ONE}})
_NOBODY: Final = ExpectedRoute(shares={}, lost=1.0, tiers={})
_CLOSE: Final = ExpectedRoute(shares={_ONE: 1.0}, tiers={0: {_ONE}, 1: {_TWO, _THREE}})
_CLOSE_WITHOUT_1: Final = ExpectedRoute(shares=split(_TWO, _THREE), tiers={1: {_TWO, _THREE}})

_BY: Final = {"ztunnel of Pod c1/httpbin/client-in-ambient"}

# Assumed on the page: each failure takes a fifth of the weight w that in-ambient-3 has beside its two peers of weight
# 1, and five in a row eject. Its share is w / (2 + w), and at ten connections a second the next one comes after
# (2 + w) / 10w seconds. From weight 1 the five failures are at 10 s and after 0.35, 0.4125, 0.490625 and 0.58828125 s
# more. It comes back with weight 0.5: the five are after 0.5, 0.6, 0.725, 0.88125 and 1.0765625 s, in all 3.7828125 s.
_EJECTED: Final = 10 + 0.35 + 0.4125 + 0.490625 + 0.58828125
_AGAIN: Final = 3.7828125

EXPECTED: Final[Steps] = {
    0: {"start": _ALL_ALIKE},
    1: {"before": _ALL_ALIKE, "1 not ready": _WITHOUT_1},
    2: {"1 not ready": _WITHOUT_1, "1 ready again": _ALL_ALIKE},
    3: {"three pods": _ALL_ALIKE, "one pod": _ONE_POD},
    4: {"one pod": _ONE_POD, "no pod": _NOBODY},
    5: {"nothing set": _ALL_ALIKE, "PreferClose": _CLOSE},
    6: {"before": _CLOSE, "1 not ready": _CLOSE_WITHOUT_1},
    7: {"1 not ready": _CLOSE_WITHOUT_1, "1 ready again": _CLOSE},
    8: {"Local": _ONE_POD, "1 not ready": _NOBODY},
    9: {
        # A third of ten a second, from 10 s to 120 s, the first one as the fault begins.
        "nothing assumed": ExpectedTimeline(
            detected=(),
            shares={5.0: _ALL, 10.0: _ALL, 119.0: _ALL},
            bad={5.0: 0.0, 10.0: THIRD, 119.0: THIRD},
            errors=367,
            notes={"connections-not-computed"},
        ),
        "limits assumed": ExpectedTimeline(
            detected=(
                (_EJECTED, "ejected", _THREE),
                (_EJECTED + 10, "returned", _THREE),
                (_EJECTED + 10 + _AGAIN, "ejected", _THREE),
                (_EJECTED + 30 + _AGAIN, "returned", _THREE),
                (_EJECTED + 30 + 2 * _AGAIN, "ejected", _THREE),
                (_EJECTED + 70 + 2 * _AGAIN, "returned", _THREE),
                (_EJECTED + 70 + 3 * _AGAIN, "ejected", _THREE),
            ),
            shares={
                5.0: _ALL,
                10.1: {_ONE: 1 / 2.8, _TWO: 1 / 2.8, _THREE: 0.8 / 2.8},
                11.5: {_ONE: 1 / 2.4096, _TWO: 1 / 2.4096, _THREE: 0.4096 / 2.4096},
                15.0: _OTHERS,
                22.0: {_ONE: 0.4, _TWO: 0.4, _THREE: 0.2},
                30.0: _OTHERS,
                60.0: _OTHERS,
                119.0: _OTHERS,
            },
            bad={5.0: 0.0, 10.1: 0.8 / 2.8, 15.0: 0.0, 22.0: 0.2, 30.0: 0.0, 60.0: 0.0, 119.0: 0.0},
            errors=4 * 5,
            by=_BY,
            notes={"connections-assumed"},
        ),
    },
    10: {
        "3 answers 500": ExpectedTimeline(
            detected=(),
            shares={5.0: _ALL, 10.1: _ALL, 60.0: _ALL, 119.0: _ALL},
            bad={5.0: 0.0, 10.1: THIRD, 60.0: THIRD, 119.0: THIRD},
            errors=367,
            notes={"status-unseen"},
        )
    },
    11: {
        # The weights of all fall alike, but not at one moment: so shares are a third each where all are ejected.
        "all refuse": ExpectedTimeline(
            shares={5.0: _ALL, 15.0: _ALL, 30.0: _ALL, 60.0: _ALL, 119.0: _ALL},
            bad={5.0: 0.0, 10.1: 1.0, 15.0: 1.0, 21.27: 1.0, 30.0: 1.0, 60.0: 1.0, 119.0: 1.0},
            by=_BY,
            notes={"connections-assumed"},
        )
    },
    12: {"before": _ALL_ALIKE, "none is ready": _NOBODY},
}
