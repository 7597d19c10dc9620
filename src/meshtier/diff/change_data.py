"""What does a difference look like as plain data? The keys are a public format."""

from typing import TypedDict

from meshtier.diff.answer import Answer
from meshtier.diff.change import Change, Delta
from meshtier.mesh.route_data import NoteData, PlaceData, note_data, place_data


class CauseData(TypedDict):
    """What made a route change; both ``""`` and a sentence where nothing is known."""

    kind: str
    text: str


class SideTierData(TypedDict):
    """A tier of one side, by what matches."""

    matched: str
    share: float
    healthy: int
    total: int


class SideData(TypedDict):
    """What one side says."""

    holds: str
    set_by: str
    decided_by: str
    tiers: list[SideTierData]
    lost: float
    reason: str


class MoveData(TypedDict):
    """A place of endpoints, and what part of the traffic it gets before and after."""

    place: PlaceData
    before: float
    after: float


class ChangeData(TypedDict):
    """A route that is another, is gone or is new."""

    kind: str
    host: str
    cluster: str
    place: PlaceData
    start: str
    client: str
    cause: CauseData
    aspects: list[str]
    rate: float
    movement: float
    loses_all: bool
    gains_all: bool
    before: SideData | None
    after: SideData | None
    moves: list[MoveData]
    endpoints_lost: list[str]
    endpoints_gained: list[str]
    notes_new: list[NoteData]
    notes_gone: list[NoteData]


class DifferencesData(TypedDict):
    """All of it."""

    summary: str
    routes: int
    changed: int
    lost: int
    gained: int
    weighed: bool
    changes: list[ChangeData]


_NOTHING = Delta(before=None, after=None)


def change_data(change: Change) -> ChangeData:
    """A change."""
    delta = change.delta if change.delta is not None else _NOTHING
    return ChangeData(
        kind=change.kind.value,
        host=change.host,
        cluster=change.cluster,
        place=place_data(change.place),
        start=change.start.value,
        client=change.client,
        cause=CauseData(kind=change.cause.kind, text=change.cause.text),
        aspects=sorted(aspect.value for aspect in change.aspects),
        rate=change.rate,
        movement=change.movement,
        loses_all=change.loses_all,
        gains_all=change.gains_all,
        before=_side_data(delta.before),
        after=_side_data(delta.after),
        moves=[
            MoveData(place=place_data(place), before=before, after=after)
            for place, (before, after) in delta.moves.items()
        ],
        endpoints_lost=sorted(delta.endpoints_lost),
        endpoints_gained=sorted(delta.endpoints_gained),
        notes_new=[note_data(note) for note in delta.notes_new],
        notes_gone=[note_data(note) for note in delta.notes_gone],
    )


def _side_data(answer: Answer | None) -> SideData | None:
    if answer is None:
        return None
    return SideData(
        holds=answer.holds,
        set_by=answer.set_by,
        decided_by=answer.decided_by,
        tiers=[
            SideTierData(matched=tier.matched, share=tier.share, healthy=tier.healthy, total=len(tier.endpoints))
            for tier in answer.tiers
        ],
        lost=answer.lost,
        reason=answer.reason,
    )
