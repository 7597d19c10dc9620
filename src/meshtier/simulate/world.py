"""What is the world like at each moment? A scenario, applied to a mesh."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final, TypeAlias

from attrs import frozen

from meshtier.endpoint import Health
from meshtier.errors import InvalidValueError
from meshtier.mesh import Mesh, PeeringGateway
from meshtier.mesh.selector import Selection
from meshtier.simulate.answer import OK, REFUSED, Answer
from meshtier.simulate.scenario import Scenario, ScenarioEvent, Target

Answers: TypeAlias = Mapping[Answer, float]
"""How requests end: the part of each answer, 0 to 1; together 1."""

SERVED: Final[Answers] = {OK: 1.0}


@frozen(eq=False)
class _Resolved:
    """An event, and what it happens to."""

    event: ScenarioEvent
    selection: Selection
    ids: frozenset[str]

    @property
    def is_named(self) -> bool:
        """Whether it happens to a workload or gateway by its name, and not to all that is at a place."""
        return self.event.target is not None and self.event.target[0] in ("workload", "gateway")

    def is_on(self, at: float, delay: float = 0.0) -> bool:
        until = self.event.until
        return self.event.at + delay <= at and (until is None or at < until + delay)


@frozen(eq=False)
class Behaviour:
    """What pods and gateways do with requests at one moment.

    A zone whose pods answer 500 has waypoints and gateways that pass requests on all
    the same; one whose pods cannot be reached has not. One that is named itself does what is said of it.

    Attributes:
        of_workloads: By the id of the workload; those that are absent serve all of them.
        of_proxies: The same of those that pass requests on.
        at_gateways: The gateways that do not serve all, with what they do.
    """

    of_workloads: Mapping[str, Answers]
    of_proxies: Mapping[str, Answers]
    at_gateways: Sequence[tuple[Selection, Answers]]

    def of(self, name: str) -> Answers:
        """What a workload answers."""
        return self.of_workloads.get(name, SERVED)

    def of_proxy(self, name: str) -> Answers:
        """What a workload does with requests that it would pass on."""
        return self.of_proxies.get(name, SERVED)

    def at(self, cluster: str, gateway: PeeringGateway) -> Answers:
        """What a gateway does, as *cluster* names it."""
        found = SERVED
        for selection, answers in self.at_gateways:
            if selection.has_gateway(cluster, gateway):
                found = answers
        return found


class World:
    """A mesh in the course of a scenario.

    Args:
        mesh: As it is at first.
        scenario: What happens.

    Raises:
        UnknownNameError: An event names nothing known; the nearest names are given.
        InvalidValueError: Two events say different things of one workload at one time.
    """

    def __init__(self, mesh: Mesh, scenario: Scenario) -> None:
        self._mesh = mesh
        self._scenario = scenario
        self._resolved = tuple(self._resolve(event) for event in scenario.events if event.target is not None)
        self._check_overlaps()
        self._meshes: dict[tuple[tuple[Target, ...], tuple[tuple[str, bool], ...]], Mesh] = {}

    def _resolve(self, event: ScenarioEvent) -> _Resolved:
        assert event.target is not None  # noqa: S101  # the caller looked
        selection = self._mesh.select(*event.target)
        ids = frozenset(workload.id for workload in self._mesh.workloads_of(selection))
        return _Resolved(event, selection, ids)

    def _check_overlaps(self) -> None:
        for one, other in combinations(self._resolved, 2):
            if one.event.at != other.event.at:
                continue
            for what in ("answers", "ready", "gone"):
                said = getattr(one.event, what), getattr(other.event, what)
                shared = one.ids & other.ids
                if None not in said and shared:
                    raise InvalidValueError(
                        f"expected one answer for one pod at one time, got two for {min(shared)} at {one.event.at:g} s:"
                        f" {one.event}; {other.event}",
                        f"events.{what}",
                    )

    def of_named_pods(self) -> Iterator[tuple[ScenarioEvent, frozenset[str]]]:
        """The events of pods that are named themselves, each with their ids."""
        for each in self._resolved:
            if each.event.target is not None and each.event.target[0] == "workload":
                yield each.event, each.ids

    @property
    def moments(self) -> Sequence[float]:
        """When something changes, in order; 0 is always one."""
        delay, found = self._scenario.delay, {0.0}
        for event in self._scenario.events:
            times = [event.at] if event.until is None else [event.at, event.until]
            found.update(times)
            if event.ready is not None or event.gone is not None:
                found.update(round(time + delay, 9) for time in times)
        return sorted(found)

    def told(self, at: float) -> Iterator[tuple[str, str]]:
        """What changes at this moment, in words, each with what it happens to."""
        delay = self._scenario.delay
        for event in self._scenario.events:
            if event.at == at:
                yield event.subject, str(event)
            if event.until == at:
                yield event.subject, f"over: {event}"
            if delay and (event.ready is not None or event.gone is not None):
                if round(event.at + delay, 9) == at:
                    yield event.subject, f"proxies learn: {event}"
                if event.until is not None and round(event.until + delay, 9) == at:
                    yield event.subject, f"proxies learn that it is over: {event}"

    def rate(self, at: float) -> float:
        """Requests a second."""
        rate = self._scenario.rate
        for event in self._scenario.events:
            if event.rate is not None and event.at <= at and (event.until is None or at < event.until):
                rate = event.rate
        return rate

    def behaviour(self, at: float) -> Behaviour:
        """What pods and gateways do with requests."""
        found: dict[str, Answers] = {}
        proxies: dict[str, Answers] = {}
        gateways: list[tuple[Selection, Answers]] = []
        for each, answer, part in self._answering(at):
            answers = _answers(answer, part)
            found.update(dict.fromkeys(each.ids, answers))
            if answer.status is None or each.is_named:
                proxies.update(dict.fromkeys(each.ids, answers))
                gateways.append((each.selection, answers))
        return Behaviour(of_workloads=found, of_proxies=proxies, at_gateways=gateways)

    def _answering(self, at: float) -> Iterator[tuple[_Resolved, Answer, float]]:
        """What holds, the last to begin last; what is gone answers nobody."""
        for each in self._resolved:
            if each.event.answers is not None and each.is_on(at):
                yield each, each.event.answers, 1.0 if each.event.fails is None else each.event.fails
        for each in self._gone(at):
            yield each, REFUSED, 1.0

    def mesh(self, at: float) -> Mesh:
        """The mesh as proxies know it. Meshes are kept, so that what comes again costs nothing."""
        delay = self._scenario.delay
        gone = tuple(each.event.target for each in self._gone(at, delay) if each.event.target is not None)
        ready: dict[str, bool] = {}
        for each in self._resolved:
            if each.event.ready is not None and each.is_on(at, delay):
                ready.update(dict.fromkeys(sorted(each.ids), each.event.ready))
        key = (gone, tuple(ready.items()))
        if key not in self._meshes:
            self._meshes[key] = self._changed(gone, ready)
        return self._meshes[key]

    def _gone(self, at: float, delay: float = 0.0) -> Sequence[_Resolved]:
        last: dict[Target | None, _Resolved] = {}
        for each in self._resolved:
            if each.event.gone is not None and each.is_on(at, delay):
                last[each.event.target] = each
        return [each for each in last.values() if each.event.gone]

    def _changed(self, gone: Iterable[Target], ready: Mapping[str, bool]) -> Mesh:
        mesh = self._mesh
        for name, is_ready in ready.items():
            mesh = mesh.with_health(name, Health.HEALTHY if is_ready else Health.UNHEALTHY)
        for keyword, name in gone:
            mesh = mesh.without(**{keyword: name})
        return mesh

    def is_gone(self, name: str, at: float) -> bool:
        """Whether a workload is taken away, as far as the control plane says."""
        return any(name in each.ids for each in self._gone(at, self._scenario.delay))


def _answers(answer: Answer, part: float) -> Answers:
    found = SERVED if answer == OK else {answer: part, OK: 1.0 - part}
    return {each: share for each, share in found.items() if share}
