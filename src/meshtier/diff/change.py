"""What is another on one route? The difference of two answers, and where the traffic goes instead."""

import enum
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

from attrs import field, frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.diff.answer import DIGITS, Answer
from meshtier.locality import Locality
from meshtier.note import Note

_LEAST: Final = 10**-DIGITS
"""Less than this is no movement but rounding."""


class Aspect(enum.Enum):
    """In what two answers differ."""

    LOST = "lost"  # how much of the traffic finds no endpoint
    SHARES = "shares"  # which endpoints get how much
    SETTING = "setting"  # what holds, where it stands, what it overrides
    DECIDER = "decider"  # who chooses the endpoint
    TIERS = "tiers"  # what matches, and which endpoints, of what health and weight
    WAY = "way"  # what the choices on the way make of it
    NOTES = "notes"  # what a reader should know besides
    EXCLUDED = "excluded"  # what can get no traffic; by itself this moves none


_IDLE: Final = frozenset({Aspect.EXCLUDED})


class Kind(enum.Enum):
    """What became of a route."""

    CHANGED = "changed"  # both sides have it
    HOST_GONE = "host gone"  # the client is there on both sides, the host on the first alone
    HOST_NEW = "host new"
    CLIENT_GONE = "client gone"  # nothing asks from there any more
    CLIENT_NEW = "client new"


@frozen
class Cause:
    """What made a route change, as far as that is known.

    Attributes:
        kind: ``cluster``, ``network``, ``region``, ``zone``, ``node``, ``object``,
            ``endpoints``, ``component`` or ``profile``; ``""`` where nothing is known.
        text: As in ``zone us-east-a is gone``.
    """

    kind: str = ""
    text: str = "no cause is known"

    @override
    def __str__(self) -> str:
        return self.text


NO_CAUSE: Final = Cause()


@frozen(kw_only=True, eq=False)
class Delta:
    """Two answers to one question. Routes that share an outcome on both sides share it.

    Attributes:
        before: The first; ``None`` where that side has no such host.
        after: The second.
    """

    before: Answer | None
    after: Answer | None

    @cached_property
    def aspects(self) -> frozenset[Aspect]:
        """In what they differ; none if they are alike."""
        if self.before is None or self.after is None:
            return frozenset({Aspect.LOST, Aspect.SHARES}) if self.before is not self.after else frozenset()
        return frozenset(_aspects(self.before, self.after))

    @cached_property
    def movement(self) -> float:
        """What part of the traffic goes to another endpoint or place, or to none, 0 to 1.

        Half the sum of what each endpoint gets more or less, and of what is lost more or less.
        """
        old, new = _received(self.before), _received(self.after)
        moved = sum(abs(new.get(key, 0.0) - old.get(key, 0.0)) for key in old.keys() | new.keys())
        return min(1.0, round((moved + abs(self.lost_more)) / 2, DIGITS))

    @cached_property
    def moves(self) -> Mapping[Locality, tuple[float, float]]:
        """The share of each place before and after, where the two differ."""
        old, new = _places(self.before), _places(self.after)
        pairs = {place: (old.get(place, 0.0), new.get(place, 0.0)) for place in sorted({*old, *new})}
        return {place: pair for place, pair in pairs.items() if abs(pair[0] - pair[1]) > _LEAST}

    @property
    def lost_more(self) -> float:
        """How much more of the traffic is lost than before; negative if less is. Of a host that is gone, all."""
        return _lost(self.after) - _lost(self.before)

    @cached_property
    def endpoints_lost(self) -> frozenset[str]:
        """The ids of the endpoints that got traffic before, and get none after."""
        return frozenset(_names(self.before) - _names(self.after))

    @cached_property
    def endpoints_gained(self) -> frozenset[str]:
        """The ids of the endpoints that get traffic after, and got none before."""
        return frozenset(_names(self.after) - _names(self.before))

    @property
    def loses_all(self) -> bool:
        """Whether something received the traffic before, and nothing can after."""
        return not _drops(self.before) and _drops(self.after)

    @property
    def gains_all(self) -> bool:
        """Whether nothing could receive the traffic before, and something does after."""
        return _drops(self.before) and not _drops(self.after)

    @cached_property
    def notes_new(self) -> tuple[Note, ...]:
        """The notes that the second alone has, in an order of their own."""
        return _sorted(_notes(self.after) - _notes(self.before))

    @cached_property
    def notes_gone(self) -> tuple[Note, ...]:
        """The notes that the first alone has."""
        return _sorted(_notes(self.before) - _notes(self.after))


def _aspects(before: Answer, after: Answer) -> Iterator[Aspect]:
    if (before.lost, before.drops, before.reason) != (after.lost, after.drops, after.reason):
        yield Aspect.LOST
    if before.received != after.received:
        yield Aspect.SHARES
    if (before.holds, before.set_by, before.setting) != (after.holds, after.set_by, after.setting):
        yield Aspect.SETTING
    if before.decided_by != after.decided_by:
        yield Aspect.DECIDER
    if not before.chooses_as(after):
        yield Aspect.TIERS
    if before.way != after.way:
        yield Aspect.WAY
    if before.notes != after.notes:
        yield Aspect.NOTES
    if not before.excludes_as(after):
        yield Aspect.EXCLUDED


def _received(answer: Answer | None) -> Mapping[tuple[str, Locality], float]:
    if answer is None:
        return {}
    return {(name, place): share for name, (place, share) in answer.received.items()}


def _places(answer: Answer | None) -> Mapping[Locality, float]:
    return answer.places if answer is not None else {}


def _lost(answer: Answer | None) -> float:
    return 1.0 if answer is None else answer.lost


def _drops(answer: Answer | None) -> bool:
    return answer is None or answer.drops


def _names(answer: Answer | None) -> frozenset[str]:
    return frozenset(answer.received) if answer is not None else frozenset()


def _notes(answer: Answer | None) -> frozenset[Note]:
    return answer.notes if answer is not None else frozenset()


def _sorted(notes: frozenset[Note]) -> tuple[Note, ...]:
    return tuple(sorted(notes, key=str))


@frozen(kw_only=True, eq=False)
class Change:
    """A route that is another, is gone or is new.

    Attributes:
        kind: What became of it.
        cluster: The client's cluster.
        host: The full host name.
        start: Where the client's traffic starts, or the component that was asked about.
        place: The client's place.
        client: The pod that stands for that place.
        delta: What is another; ``None`` where the client is on one side alone.
        cause: What made it so, as far as that is known.
        rate: How much traffic it has: requests where rates were given, else 1.
    """

    kind: Kind
    cluster: str
    host: str
    start: Component
    place: Locality
    client: str
    delta: Delta | None = field(default=None, repr=False)
    cause: Cause = NO_CAUSE
    rate: float = 1.0

    @property
    def route_key(self) -> tuple[str, str, Component, Locality]:
        """What tells the route from others."""
        return self.cluster, self.host, self.start, self.place

    @property
    def aspects(self) -> frozenset[Aspect]:
        """In what the two answers differ; none where the client is on one side alone."""
        return self.delta.aspects if self.delta is not None else frozenset()

    @property
    def is_idle(self) -> bool:
        """Whether nothing differs but what can get no traffic anyway."""
        return self.kind is Kind.CHANGED and self.aspects == _IDLE

    @property
    def movement(self) -> float:
        """What part of its traffic goes elsewhere, 0 to 1."""
        return self.delta.movement if self.delta is not None else 0.0

    @property
    def moved(self) -> float:
        """How much traffic goes elsewhere, in the unit of the rate."""
        return self.rate * self.movement

    @property
    def loses_all(self) -> bool:
        """Whether the client is still there, and nothing can receive its traffic any more."""
        return self.delta is not None and self.delta.loses_all

    @property
    def gains_all(self) -> bool:
        """Whether the client was there before, and its traffic is received now."""
        return self.delta is not None and self.delta.gains_all
