"""Who notices that an endpoint fails, and what does the balancer learn of it? What all detectors have in common."""

import enum
from collections.abc import Hashable, Mapping
from typing import Protocol

from attrs import frozen

from meshtier.simulate.answer import Answer


class DetectorEventKind(enum.Enum):
    """What a detector does; the value is how it is told."""

    DETECTED = "detected"  # a limit is reached, and it is not enforced
    EJECTED = "ejected"
    REFUSED = "ejection refused"  # a limit is reached, and no more may be out
    RETURNED = "returned"  # the ejection is over
    LEARNED = "learned"  # the balancer is told of what happened before


@frozen(kw_only=True)
class DetectorEvent:
    """One thing that a detector does.

    Attributes:
        at: When, in seconds from the start.
        host: The id of the endpoint; ``""`` if it is about none.
        kind: What it does.
        text: What it does and why, in words.
        rule: The rule that decides, as in ``OD-2``; ``""`` if none does.
        count: How many times in a row, where nothing else happened between.
        until: When an ejection is over by the limits alone, in seconds from the start; ``None`` if it is about none.
        multiplier: By how much the ejection is longer than the base, before the cap: a factor at
            an Envoy, the place in the row of ejections at a ztunnel; 0 if it is about none.
        monitor: What reached its limit, as in ``consecutive_5xx``; ``""`` if there is only one thing to count.
    """

    at: float
    host: str
    kind: DetectorEventKind
    text: str
    rule: str = ""
    count: int = 1
    until: float | None = None
    multiplier: int = 0
    monitor: str = ""


class Detector(Protocol):
    """What watches the answers of endpoints, and takes those that fail out of the choice.

    Time is virtual: seconds from the start, passed in, and never less than before.
    """

    @property
    def next_change(self) -> float | None:
        """When `advance` next does what can be seen, in seconds; ``None`` if time alone brings nothing."""
        ...

    @property
    def unusable(self) -> frozenset[str]:
        """The endpoints that the balancer knows to be ejected, by id."""
        ...

    @property
    def weights(self) -> Mapping[str, float]:
        """The factor on an endpoint's weight, 0 to 1, by id; 1 if it is absent."""
        ...

    def until_change(self, host: str, answer: Answer) -> int | None:
        """With which such answer of the host in a row something can be seen.

        That is a detection, refused or not, or a weight that changes. 1 is the next answer.

        Args:
            host: The id of the endpoint.
            answer: What it gives each time.

        Returns:
            1 or more; ``None`` if such answers never bring anything.
        """
        ...

    def observe(self, at: float, host: str, answer: Answer, count: int = 1) -> tuple[DetectorEvent, ...]:
        """Take in answers of one kind of one host, as many as *count* in a row.

        What time brings before them must have been run by `advance`.

        Args:
            at: When the last of them comes.
            host: The id of the endpoint; of one that is not known, nothing is taken in.
            answer: What it gives each time.
            count: How many there are, 1 or more.

        Returns:
            What comes of it, in order.
        """
        ...

    def advance(self, to: float) -> tuple[DetectorEvent, ...]:
        """Do all that time itself brings up to *to*, which is included; in order."""
        ...

    def update_hosts(self, at: float, hosts: Mapping[str, Hashable]) -> tuple[DetectorEvent, ...]:
        """Take the endpoints that the proxy is told of from now on.

        Args:
            at: When it is told.
            hosts: The locality of each, any hashable, by id; or, for an Envoy's detector, a `ToldHost`.

        Returns:
            What comes of it, in order.
        """
        ...
