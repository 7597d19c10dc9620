"""What does an endpoint do with a request?"""

from collections.abc import Mapping
from typing import Final

from attrs import field, frozen
from typing_extensions import override

from meshtier.errors import InvalidValueError

_NAMES: Final[Mapping[str, int | str]] = {"ok": 200, "refuse": "refuse", "timeout": "timeout"}


def _kind(value: int | str) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599:
        return value
    if value in ("refuse", "timeout"):
        return value
    raise InvalidValueError(f"expected a status of 100 to 599, 'refuse' or 'timeout', got {value!r}", "answer")


@frozen
class Answer:
    """How a request ends at an endpoint.

    Attributes:
        kind: An HTTP status; ``"refuse"`` if there is no connection, ``"timeout"``
            if there is one and no answer comes.

    >>> Answer(500), Answer("refuse"), Answer(200)
    (Answer('500'), Answer('refuse'), Answer('ok'))
    """

    kind: int | str = field(converter=_kind)

    @classmethod
    def parse(cls, text: object) -> "Answer":
        """The answer with this spelling: ``ok``, ``refuse``, ``timeout`` or a status.

        Raises:
            InvalidValueError: It is none of these.
        """
        if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) == len("500"):
            text = int(text)
        if isinstance(text, str) and text in _NAMES:
            return cls(_NAMES[text])
        if isinstance(text, bool) or not isinstance(text, int) or not 100 <= text <= 599:
            raise InvalidValueError(f"expected ok, refuse, timeout or a status of 100 to 599, got {text!r}", "answers")
        return cls(text)

    @property
    def status(self) -> int | None:
        """The HTTP status; ``None`` if there is no answer."""
        return self.kind if isinstance(self.kind, int) else None

    @property
    def connects(self) -> bool:
        """Whether there is a connection."""
        return self.kind != "refuse"

    @property
    def fails(self) -> bool:
        """Whether it is a failed request to the client: no answer, or a status from 500 on."""
        return not isinstance(self.kind, int) or self.kind >= 500

    @override
    def __str__(self) -> str:
        return "ok" if self.kind == 200 else str(self.kind)

    @override
    def __repr__(self) -> str:
        return f"Answer({str(self)!r})"


OK: Final = Answer(200)
"""What a healthy endpoint answers."""
REFUSED: Final = Answer("refuse")
"""Nobody listens."""
TIMED_OUT: Final = Answer("timeout")
"""The connection stands, and no answer comes in time."""
