"""How long is ``3m``? Durations as manifests write them."""

import re
from fractions import Fraction
from typing import Final

from meshtier.errors import InvalidValueError

UNITS: Final = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "μs": Fraction(1, 10**6),  # the Greek letter; the line above has the micro sign
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}
"""The units, each in seconds."""

MAX_SECONDS: Final = Fraction(2**63 - 1, 10**9)
"""The longest duration: Istio counts nanoseconds in 63 bits, which is about 292 years."""

_MAX_LENGTH: Final = 64  # longer than any spelling of a sensible duration; keeps int() from long work
_STEP: Final = Fraction(1, 1000)
_PART: Final = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_WHOLE: Final = re.compile(rf"(-?)((?:{_PART})+)")
_PARTS: Final = re.compile(_PART)


def parse_duration(text: str) -> float:
    """The duration in seconds: a whole number of milliseconds, at least one.

    Raises:
        InvalidValueError: *text* has no unit, is below 1ms (0 and negative ones
            too), is finer than 1ms or longer than `MAX_SECONDS`.

    Source: istio/istio pkg/config/validation/agent/validation.go,
    ValidateDuration, at 86c9f01.

    >>> parse_duration("1.5h"), parse_duration("2m30s"), parse_duration("500ms")
    (5400.0, 150.0, 0.5)
    """
    found = _WHOLE.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if found is None:
        raise InvalidValueError(f"expected a duration with a unit, such as '10s', '3m' or '500ms', got {text[:80]!r}")
    seconds = sum((_seconds(*part) for part in _PARTS.findall(found[2])), Fraction(0))
    if found[1] or seconds < _STEP:
        raise InvalidValueError(f"expected a duration of 1ms or more, got {text!r}")
    if seconds > MAX_SECONDS:
        raise InvalidValueError(f"expected a duration of at most {int(MAX_SECONDS)}s, got {text!r}")
    if seconds % _STEP:
        raise InvalidValueError(f"expected a duration in whole milliseconds, got {text!r}")
    return float(seconds)


def _seconds(number: str, unit: str) -> Fraction:
    return Fraction(number.removesuffix(".")) * UNITS[unit]


def to_duration(seconds: float) -> str:
    """The duration as text, in seconds; `parse_duration` reads it back.

    >>> to_duration(180.0), to_duration(0.5)
    ('180s', '0.5s')
    """
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
