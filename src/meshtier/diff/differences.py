"""What differs in all, and how is it laid out? By cause, then by host, the largest movement first."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, TypeVar

from attrs import evolve, field, frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.diff.change import Change, Kind
from meshtier.diff.change_data import DifferencesData, change_data
from meshtier.diff.phrases import what_changes, zone_text
from meshtier.diff.rates import Rates
from meshtier.locality import Locality
from meshtier.note import Note
from meshtier.table import Table, one_line, percent, shortened

MOST_ROWS: Final = 50
"""How many rows a Markdown table for a pull request has."""

_K = TypeVar("_K")
_WITH_CLIENT: Final = (Kind.CLIENT_GONE, Kind.CLIENT_NEW)
_WORTH_SAYING: Final = 0.005
"""Less of a host's traffic than this does not stand in a summary."""


@frozen(kw_only=True, eq=False, repr=False)
class Differences:
    """What differs between two snapshots, or two ways to ask one.

    Attributes:
        changes: Each route that is another, is gone or is new, the largest movement first.
        routes: How many routes the first side has.
        volumes: How much traffic each host has on the first side: what was given, or a unit a route.
        weighed: Whether rates were given.
    """

    changes: tuple[Change, ...]
    routes: int
    volumes: Mapping[str, float] = field(repr=False)
    weighed: bool = False

    @classmethod
    def of(cls, changes: Iterable[Change], *, routes: Mapping[str, int], rates: Rates | None = None) -> "Differences":
        """The differences that these changes are, put in order.

        Args:
            changes: In any order.
            routes: How many routes the first side has to each host.
            rates: How much traffic each route has; ``None`` for a unit each.
        """
        volumes: Mapping[str, float] = routes
        if rates is not None:
            by_route = rates.by_route
            changes = [evolve(each, rate=by_route.get(each.route_key, 0.0)) for each in changes]
            found: defaultdict[str, float] = defaultdict(float)
            for (_, host, *_), rate in by_route.items():
                found[host] += rate
            volumes = found
        ordered = sorted(changes, key=lambda each: (-each.moved, each.host, each.cluster, each.start.value, each.place))
        return cls(
            changes=tuple(ordered), routes=sum(routes.values()), volumes=dict(volumes), weighed=rates is not None
        )

    @cached_property
    def lost(self) -> tuple[Change, ...]:
        """The routes of which the client is still there, and that lose all endpoints."""
        return tuple(change for change in self.changes if change.loses_all)

    @cached_property
    def gained(self) -> tuple[Change, ...]:
        """The routes that had no endpoint, and have one now."""
        return tuple(change for change in self.changes if change.gains_all)

    @cached_property
    def changed(self) -> tuple[Change, ...]:
        """The routes that are asked on both sides and differ in more than in what can get no traffic."""
        return tuple(each for each in self.changes if each.kind not in _WITH_CLIENT and not each.is_idle)

    @property
    def summary(self) -> str:
        """What differs in all, as one line."""
        return "; ".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        changed = [each for each in self.changed if each.kind is not Kind.HOST_NEW]
        if self.weighed:
            yield f"{self._part(each.moved for each in changed)} of the requests go elsewhere"
        count = len(changed) or "none"
        yield f"{count} of {self.routes} routes {'changes' if len(changed) < 2 else 'change'}"
        if self.lost:
            of_all = f" ({self._part(each.rate for each in self.lost)} of the requests)" if self.weighed else ""
            yield f"{len(self.lost)} {'lose' if len(self.lost) > 1 else 'loses'} all endpoints{of_all}"
        if self.gained:
            yield f"{len(self.gained)} {'have' if len(self.gained) > 1 else 'has'} endpoints again"
        if (leaving := self._leaving()) is not None:
            yield "{1} of {0}'s traffic leaves its zone".format(*leaving)
        for kind, text in ((Kind.CLIENT_GONE, "gone with their clients"), (Kind.CLIENT_NEW, "new with their clients")):
            if number := sum(each.kind is kind for each in self.changes):
                yield f"{number} {'are' if number > 1 else 'is'} {text}"

    def _part(self, amounts: Iterable[float]) -> str:
        total = sum(self.volumes.values())
        return percent(min(1.0, sum(amounts) / total)) if total else percent(0)

    def _leaving(self) -> tuple[str, str] | None:
        """The service of which the largest part leaves the zone of its clients, and how much does."""
        found: defaultdict[str, float] = defaultdict(float)
        names: dict[str, str] = {}
        for change in self.changed:
            delta = change.delta
            if delta is not None and delta.before is not None and delta.after is not None and change.place.zone:
                found[change.host] += change.rate * (
                    _within(change.place, delta.before.places) - _within(change.place, delta.after.places)
                )
                names[change.host] = delta.before.service
        parts = {host: out / self.volumes[host] for host, out in found.items() if self.volumes.get(host)}
        host = max(parts, key=lambda name: (parts[name], name), default="")
        if not host or parts[host] < _WORTH_SAYING:
            return None
        return names[host], percent(parts[host])

    def to_table(self, *, most: int | None = None) -> Table:
        """What differs, by cause and host, a row for clients to which the same happens.

        Args:
            most: How many rows at most; ``None`` for all.
        """
        rows = list(_rows(self.changes))
        shown = rows if most is None else rows[:most]
        notes = [f"… and {len(rows) - len(shown)} more rows"] if len(shown) < len(rows) else []
        if idle := sum(each.is_idle for each in self.changes):
            notes.append(f"on {idle} more, nothing differs but what can get no traffic")
        return Table(
            title=self.summary,
            columns=("because", "host", "from", "moves", "what changes") if rows else (),
            rows=_without_repeats(shown),
            notes=notes,
            numeric=frozenset({3}) if rows else frozenset(),
        )

    def to_markdown(self) -> str:
        """A comment for a pull request: the summary, a table of at most `MOST_ROWS` rows to unfold, and new notes."""
        first, *rest = self._sentences()
        lines = [f"### {one_line(first)}", *([""] if rest else []), *(f"- {one_line(each)}" for each in rest)]
        table = evolve(self.to_table(most=MOST_ROWS), title="")
        if table.rows:
            lines += ["", f"<details><summary>{_counted(len(table.rows), 'row')}</summary>", "", table.to_markdown()]
            lines += ["", "</details>"]
        elif table.notes:
            lines += ["", *(f"- {note}" for note in table.notes)]
        for heading, notes in (
            ("New notes", self._notes("notes_new")),
            ("Notes that are gone", self._notes("notes_gone")),
        ):
            if notes:
                shown = [f"- {one_line(str(note))}" for note in notes[:MOST_ROWS]]
                rest_of = [f"- … and {len(notes) - MOST_ROWS} more"] if len(notes) > MOST_ROWS else []
                lines += ["", f"**{heading}**", "", *shown, *rest_of]
        return "\n".join(lines)

    def _notes(self, name: str) -> Sequence[Note]:
        deltas = {each.delta: None for each in self.changes if each.delta is not None}
        found = {note: None for delta in deltas for note in getattr(delta, name)}
        return sorted(found, key=str)

    def to_dict(self) -> DifferencesData:
        """All of it as plain data, for JSON."""
        return DifferencesData(
            summary=self.summary,
            routes=self.routes,
            changed=len(self.changed),
            lost=len(self.lost),
            gained=len(self.gained),
            weighed=self.weighed,
            changes=[change_data(change) for change in self.changes],
        )

    def _repr_html_(self) -> str:
        return self.to_table().first().to_html()

    @override
    def __repr__(self) -> str:
        return f"<Differences {self.summary}>"


def _within(client: Locality, places: Mapping[Locality, float]) -> float:
    """What part of the traffic stays in the client's zone."""
    return sum(share for place, share in places.items() if place[1:3] == client[1:3])


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"


_Row = tuple[str, str, str, str, str]


def _rows(changes: Iterable[Change]) -> Iterator[_Row]:
    """Rows by cause, then by host, each with those first of which most traffic moves."""
    shown = [change for change in changes if not change.is_idle]
    for cause, of_cause in _grouped(shown, lambda change: str(change.cause)):
        with_client = [change for change in of_cause if change.kind in _WITH_CLIENT]
        rest = [change for change in of_cause if change.kind not in _WITH_CLIENT]
        for host, of_host in _grouped(rest, lambda change: change.host):
            for (text, moves), alike in _grouped(
                of_host, lambda change: (what_changes(change), percent(change.movement))
            ):
                yield cause, host, _from(alike), moves, text
        for text, alike in _grouped(with_client, what_changes):
            hosts = _counted(len({change.host for change in alike}), "host")
            yield cause, hosts, _from(alike), "", text


def _grouped(changes: Iterable[Change], key: Callable[[Change], _K]) -> Sequence[tuple[_K, Sequence[Change]]]:
    found: defaultdict[_K, list[Change]] = defaultdict(list)
    for change in changes:
        found[key(change)].append(change)
    return sorted(found.items(), key=lambda item: -sum(change.moved for change in item[1]))


def _from(changes: Sequence[Change]) -> str:
    """The places of the clients: each where there are few, else their zones."""
    places = list(dict.fromkeys(_place(each) for each in changes))
    starts = dict.fromkeys(str(each.start) for each in changes if each.start is not Component.ZTUNNEL)
    who = f"{', '.join(starts)} on " if starts and len({each.start for each in changes}) == 1 else ""
    if len(places) <= 2:
        return f"{who}{', '.join(places)}"
    zones = list(dict.fromkeys(zone_text(each.place) for each in changes))
    return f"{who}{len(places)} places in {shortened(zones, most=3)}"


def _place(change: Change) -> str:
    zone = zone_text(change.place)
    return f"{change.place.node} in {zone}" if change.place.node else f"{change.cluster} {zone}".strip()


def _without_repeats(rows: Iterable[_Row]) -> Iterator[_Row]:
    """The rows, with a cause or host only where it is not that of the row above."""
    above = ("", "")
    for cause, host, *rest in rows:
        same_cause = cause == above[0]
        yield ("" if same_cause else cause, "" if same_cause and host == above[1] else host, rest[0], rest[1], rest[2])
        above = cause, host
