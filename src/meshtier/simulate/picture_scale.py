"""Where is a time on a picture, and where do the texts of times go without lying on each other?"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from attrs import frozen

from meshtier.table import one_line

if TYPE_CHECKING:
    from meshtier.simulate.timeline import TimelineEvent

LETTER: Final = 6.1
"""About how wide a letter is at the size of 11 pixels; fonts differ, and no font is measured here."""

MOST_LANES: Final = 5
"""How many labels can stand above each other."""

MOST_TICKS: Final = 10

_STEPS: Final = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 259200),
)
_LABELS: Final = (64, 32)
_MOST_HINTED: Final = 10
_NEAR: Final = 4.0


@frozen
class Axis:
    """Seconds as pixels from the left.

    Attributes:
        duration: How long the timeline is, in seconds.
        left: Where it begins.
        right: Where it ends.
    """

    duration: float
    left: float
    right: float

    def x(self, seconds: float) -> float:
        """Where a time is."""
        return self.left + (self.right - self.left) * min(max(seconds / self.duration, 0.0), 1.0)

    @property
    def pixel(self) -> float:
        """How many seconds a pixel stands for."""
        return self.duration / (self.right - self.left)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Where the scale has its marks, each with its text."""
        step = next((each for each in _STEPS if self.duration / each <= MOST_TICKS), self.duration)
        for number in range(int(self.duration / step + 1e-9) + 1):
            yield self.x(number * step), time_text(number * step)


def time_text(seconds: float) -> str:
    """A time as short as can be.

    >>> time_text(0), time_text(90), time_text(3600), time_text(0.5)
    ('0', '1m30s', '1h', '0.5s')
    """
    hours, rest = divmod(round(seconds, 3), 3600)
    minutes, rest = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{part:.3f}".rstrip("0").rstrip(".") + unit for part, unit in parts if round(part, 3)) or "0"


def cut(text: str, most: int) -> str:
    """The text on one line, without its middle where it is too long: names differ at their ends.

    >>> cut("east/shop/reviews-v1-7b9c5d4f68-b7tgx", 20)
    'east/s…c5d4f68-b7tgx'
    """
    text = one_line(text)
    if len(text) <= most:
        return text
    head = most // 3
    return f"{text[:head]}…{text[-(most - head - 1) :]}"


def width_of(text: str) -> float:
    """About how wide a text is."""
    return LETTER * len(text)


@frozen
class Label:
    """The text on a time, beside a line that goes down from it.

    Attributes:
        x: Where the line is.
        left: Where the text begins; *x* but for texts that would not end on the picture.
        lane: How many labels are below it; ``None`` if there is no room for the text.
        text: What is written.
        whole: All that happens there.
    """

    x: float
    left: float
    lane: int | None
    text: str
    whole: str

    @property
    def right(self) -> float:
        """Where the text ends."""
        return self.left + width_of(self.text)


def labels_of(events: Iterable["TimelineEvent"], axis: Axis) -> Sequence[Label]:
    """A label for each event, or for those that are too near each other to be told apart.

    From the right to the left, each in the lowest lane in which its text lies on no
    other and no line goes through a text; a long text is cut where that makes room.
    """
    found: list[Label] = []
    for x, texts in reversed(_near(events, axis)):
        tries = [_label(x, texts, lane, most, axis) for most in _LABELS for lane in range(MOST_LANES)]
        free = (label for label in tries if not any(_collide(label, other) for other in found))
        found.append(next(free, _label(x, texts, None, 0, axis)))
    return found[::-1]


def _label(x: float, texts: Sequence[str], lane: int | None, most: int, axis: Axis) -> Label:
    more = f" +{len(texts) - 1}" if len(texts) > 1 else ""
    text = f"{cut(texts[0], most)}{more}" if most else ""
    return Label(x, min(x + 3, axis.right - width_of(text)), lane, text, "\n".join(texts[:_MOST_HINTED]))


def _near(events: Iterable["TimelineEvent"], axis: Axis) -> Sequence[tuple[float, list[str]]]:
    groups: list[tuple[float, list[str]]] = []
    for event in events:
        x = axis.x(event.at)
        text = one_line(event.text or event.endpoint)
        if groups and x - groups[-1][0] < _NEAR:
            groups[-1][1].append(text)
        else:
            groups.append((x, [text]))
    return groups


def _collide(label: Label, other: Label) -> bool:
    if other.lane is None or label.lane is None:
        return False
    if other.lane == label.lane:
        return label.left < other.right + LETTER and other.left < label.right + LETTER
    if other.lane < label.lane:  # the line goes down past it
        return other.left - 2 <= label.x <= other.right + 2
    return label.left - 2 <= other.x <= label.right + 2
