"""In what words is it told what is another on a route?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from meshtier.diff.answer import Answer, TierFacts
from meshtier.diff.change import Aspect, Change, Delta, Kind
from meshtier.locality import Locality
from meshtier.table import percent, shortened

_MOST = 3
"""How many places, tiers or notes are named."""

_OF_KIND = {
    Kind.CLIENT_GONE: "no client asks from there any more",
    Kind.CLIENT_NEW: "clients ask from there now",
    Kind.HOST_GONE: "loses all endpoints: the host is gone",
    Kind.HOST_NEW: "the host is new",
}


def what_changes(change: Change) -> str:
    """What is another on a route, as one line."""
    if change.kind is not Kind.CHANGED or change.delta is None:
        return _OF_KIND[change.kind]
    return "; ".join(_phrases(change.delta))


def zone_text(place: Locality) -> str:
    """A place as far as its zone, in the shortest words that name it."""
    return place.zone or place.region or (f"network {place.network}" if place.network else "(unknown place)")


def _phrases(delta: Delta) -> Iterator[str]:
    before, after = delta.before, delta.after
    if before is None or after is None:
        return
    if delta.loses_all:
        yield f"loses all endpoints: {after.reason}"
    elif delta.gains_all:
        yield "has endpoints again"
    elif lost := _lost(delta, after):
        yield lost
    moved = "" if delta.loses_all or delta.gains_all else _moved(delta)
    if moved:
        yield moved
    if Aspect.SETTING in delta.aspects:
        yield _setting(before, after)
    if Aspect.DECIDER in delta.aspects:
        yield f"by {before.decided_by} → {after.decided_by}"
    if Aspect.TIERS in delta.aspects and not (moved or delta.loses_all or Aspect.SETTING in delta.aspects):
        yield _tiers(before, after)
    if delta.aspects <= {Aspect.WAY, Aspect.EXCLUDED}:
        yield "the way there differs" if Aspect.WAY in delta.aspects else "what can get no traffic differs"
    if delta.notes_new:
        yield f"new: {shortened([note.code for note in delta.notes_new], most=_MOST)}"
    if delta.notes_gone:
        yield f"no more: {shortened([note.code for note in delta.notes_gone], most=_MOST)}"


def _lost(delta: Delta, after: Answer) -> str:
    more = delta.lost_more
    if more > 0:
        return f"{percent(more)} more is lost: {after.reason}"
    return f"{percent(-more)} less is lost" if more < 0 else ""


def _moved(delta: Delta) -> str:
    """From which zones to which, or to other endpoints in the same."""
    zones: defaultdict[str, float] = defaultdict(float)
    for place, (old, new) in delta.moves.items():
        zones[zone_text(place)] += new - old
    loses = {zone: -by for zone, by in zones.items() if by < -1e-9}
    gains = {zone: by for zone, by in zones.items() if by > 1e-9}
    if loses or gains:
        amount = max(sum(loses.values()), sum(gains.values()))
        to = f" to {_ordered(gains)}" if gains else ""
        part = "" if percent(amount) == percent(delta.movement) else f"{percent(amount)} "
        return f"{part}{f'from {_ordered(loses)}' if loses else ''}{to}".replace("  ", " ").strip()
    if delta.movement:
        return "to other endpoints in the same zones"
    return ""


def _ordered(zones: Mapping[str, float]) -> str:
    return shortened(sorted(zones, key=lambda zone: (-zones[zone], zone)), most=_MOST)


def _setting(before: Answer, after: Answer) -> str:
    if before.holds != after.holds:
        return f"{before.holds} → {after.holds}"
    return after.set_by if before.set_by != after.set_by else f"{after.holds} is set otherwise"


def _tiers(before: Answer, after: Answer) -> str:
    """What is another in the tiers, by what matches."""
    old, new = ({tier.matched: tier for tier in side.tiers} for side in (before, after))
    names = [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]
    texts = [f"{name}: {_healthy(old.get(name))} → {_healthy(new.get(name))} healthy" for name in names]
    return ", ".join(texts[:_MOST]) or "the endpoints are of other health or weight"


def _healthy(tier: TierFacts | None) -> str:
    return "0" if tier is None else f"{tier.healthy}/{len(tier.endpoints)}"
