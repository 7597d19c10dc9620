"""How does it unfold? Virtual time, from one change to the next (SIM-1 to SIM-4)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from random import Random
from typing import Final, TypeAlias

from attrs import frozen

from meshtier.dataplane import Shares
from meshtier.mesh import Client, Mesh, Route
from meshtier.note import Note
from meshtier.profile import Profile
from meshtier.simulate.answer import OK, Answer
from meshtier.simulate.connections import ConnectionDetector, ConnectionLimits
from meshtier.simulate.detector import Detector, DetectorEvent, DetectorEventKind
from meshtier.simulate.outlier import OutlierDetector
from meshtier.simulate.outlier_settings import OutlierSettings
from meshtier.simulate.proxies import Flows, Proxy, ProxyKey, ProxyTree, proxies_of
from meshtier.simulate.recording import Recording
from meshtier.simulate.stream import Stream
from meshtier.simulate.timeline import Timeline
from meshtier.simulate.world import Answers, World

StreamKey: TypeAlias = tuple[ProxyKey, str]
"""A proxy, and the id of an endpoint that it is told of; ``""`` for what finds none."""

Fresh: TypeAlias = Callable[[Answer], int | None]
"""With how many answers of a kind in a row a detector sees something where it has counted nothing; ``None``: never."""

Ask: TypeAlias = Callable[[Mesh, Client], Route]
"""Gives a client's route in a mesh."""

_State: TypeAlias = tuple[frozenset[str], Mapping[str, float]]
"""What a balancer knows: what is ejected, and the factors on weights."""

_NOTHING: Final[_State] = (frozenset(), {})

_OUT_OR_BACK: Final = frozenset({DetectorEventKind.EJECTED, DetectorEventKind.RETURNED})

_ROUNDS_A_STEP: Final = 2_000
"""How many changes go by between two calls for a progress bar."""


class Unwatched:
    """The detector of a proxy that has none."""

    next_change: float | None = None
    unusable: frozenset[str] = frozenset()
    weights: Mapping[str, float] = {}

    def until_change(self, host: str, answer: Answer) -> int | None:
        """Never."""
        del host, answer
        return None

    def observe(self, at: float, host: str, answer: Answer, count: int = 1) -> tuple[DetectorEvent, ...]:
        """Nothing comes of it."""
        del at, host, answer, count
        return ()

    def advance(self, to: float) -> tuple[DetectorEvent, ...]:
        """Nothing comes of it."""
        del to
        return ()

    def update_hosts(self, at: float, hosts: Mapping[str, object]) -> tuple[DetectorEvent, ...]:
        """Nothing comes of it."""
        del at, hosts
        return ()


def _never(answer: Answer) -> int | None:
    del answer
    return None


NOBODY: Final = Unwatched()
"""The one that all such proxies share."""


@frozen(kw_only=True, eq=False)
class Setting:
    """What is simulated.

    Attributes:
        world: The mesh in the course of the scenario.
        clients: Who sends; each sends a like part of the requests.
        ask: Gives the routes.
        profile: Whose rules.
        duration: How long, in seconds.
        connections: The limits of a ztunnel's detection; ``None``: there is none.
        notes: What is to be known beforehand.
        progress: Called with the part that is done, 0 to 1; ``None`` for nobody.
    """

    world: World
    clients: Sequence[Client]
    ask: Ask
    profile: Profile
    duration: float
    connections: ConnectionLimits | None = None
    notes: tuple[Note, ...] = ()
    progress: Callable[[float], None] | None = None


class Engine:
    """One run of a simulation.

    Args:
        setting: What is simulated.
        random: The chance; ``None`` where none may be needed.
    """

    def __init__(self, setting: Setting, random: Random | None = None) -> None:
        self._setting = setting
        self._random = random
        self._detectors: dict[ProxyKey, Detector] = {}
        self._fresh: dict[ProxyKey, Fresh] = {}
        self._streams: dict[StreamKey, Stream] = {}
        self._moments: dict[StreamKey, float] = {}  # of each stream
        self._stale: dict[StreamKey, None] = {}  # those of which another may have become the next; in a fixed order
        self._roots: Sequence[Proxy] = ()
        self._proxies: Mapping[ProxyKey, Proxy] = {}
        self._mesh: Mesh | None = None
        self._known: dict[ProxyKey, _State] = {}
        self._beliefs: dict[ProxyKey, Shares] = {}
        self._recording = Recording()

    def run(self) -> Timeline:
        """The timeline.

        Raises:
            InvalidValueError: A detector watches answers by chance, and there is no ``random.Random``.
        """
        setting, end = self._setting, self._setting.duration
        moments = [moment for moment in setting.world.moments if moment < end]
        now, rounds = 0.0, 0
        while now < end:
            if moments and moments[0] <= now:
                self._take_all(now, inclusive=False)
                self._change_world(moments.pop(0))
            then = min(self._next_moment(), moments[0] if moments else inf)
            if then >= end:
                break
            now = then
            if moments and moments[0] == now:
                continue  # changes of the world come before the requests of the same moment (SIM-1)
            self._step(now)
            rounds += 1
            if setting.progress is not None and rounds % _ROUNDS_A_STEP == 0:
                setting.progress(now / end)
        self._take_all(end, inclusive=False)
        self._recording.close(end)
        return self._recording.timeline(setting, sampled=self._random is not None)

    def _next_moment(self) -> float:
        """When the next thing comes that is no event of the scenario."""
        for key in self._stale:
            if key in self._streams:
                self._moments[key] = self._streams[key].next_moment()
        self._stale.clear()
        found = min(self._moments.values(), default=inf)
        for detector in self._detectors.values():
            if detector.next_change is not None and detector.next_change < found:
                found = detector.next_change
        return found

    def _step(self, now: float) -> None:
        """The requests, sweeps and deliveries of one moment, in this order."""
        for stream_key in [each for each, moment in self._moments.items() if moment <= now]:
            self._take(stream_key, self._streams[stream_key], now, inclusive=True)
        for key, detector in self._detectors.items():
            if detector.next_change is not None and detector.next_change <= now:
                for (proxy, host), stream in self._streams.items():
                    if proxy == key:
                        self._take((proxy, host), stream, now, inclusive=True)
                self._record(key, detector.advance(now))
        if self._has_moved():
            self._take_all(now, inclusive=True)
            self._settle(now)

    def _take_all(self, now: float, *, inclusive: bool) -> None:
        for key, stream in self._streams.items():
            self._take(key, stream, now, inclusive=inclusive)

    def _take(self, key: StreamKey, stream: Stream, now: float, *, inclusive: bool) -> None:
        failed, events = stream.take(now, inclusive=inclusive)
        self._stale[key] = None
        if failed and stream.is_counted:
            self._recording.fail(failed)
        if events:
            self._record(key[0], events)

    def _record(self, key: ProxyKey, events: Sequence[DetectorEvent]) -> None:
        name = self._proxies[key].name if key in self._proxies else key[1]
        for event in events:
            self._recording.detected(name, event)
        if any(event.kind in _OUT_OR_BACK for event in events):
            self._wake(key)  # the limit may let others out now

    def _wake(self, proxy: ProxyKey) -> None:
        woken = [key for key, stream in self._streams.items() if key[0] == proxy and stream.wake()]
        self._stale.update(dict.fromkeys(woken))

    # What holds for a while.

    def _change_world(self, now: float) -> None:
        world = self._setting.world
        for subject, text in world.told(now):
            self._recording.changed(now, subject, text)
        mesh = world.mesh(now)
        if mesh is not self._mesh:
            self._mesh = mesh
            self._build(mesh, now)
        self._settle(now)

    def _build(self, mesh: Mesh, now: float) -> None:
        setting = self._setting
        routes = [setting.ask(mesh, client) for client in setting.clients]
        self._recording.routes(routes)
        roots = list[Proxy]()
        for client, route in zip(setting.clients, routes, strict=True):
            tree = ProxyTree(lambda pod: setting.ask(mesh, mesh.client(pod)))
            roots.append(tree.of(route, client.name))
        self._roots = roots
        self._proxies = {proxy.key: proxy for root in roots for proxy in proxies_of(root)}
        self._recording.knows(self._proxies.values())
        self._beliefs.clear()
        for key, proxy in self._proxies.items():
            self._watch(key, proxy, now)
        for key in [key for key in self._detectors if key not in self._proxies]:
            if setting.world.is_gone(key[1], now):
                del self._detectors[key]  # a new pod begins anew

    def _watch(self, key: ProxyKey, proxy: Proxy, now: float) -> None:
        """Give a proxy its detector, and tell it the endpoints."""
        hosts = proxy.hosts
        if key in self._detectors:
            self._record(key, self._detectors[key].advance(now))
            self._record(key, self._detectors[key].update_hosts(now, hosts))
            self._wake(key)
            return
        detection = proxy.route.effective_rule.outlier_detection
        if proxy.is_envoy and detection is not None:
            settings = OutlierSettings.of_limits(detection.limits, detection.http_error_codes)
            self._detectors[key], self._fresh[key] = OutlierDetector(settings, hosts), _outlier_fresh(settings)
            self._detectors[key].advance(now)
        elif not proxy.is_envoy and self._setting.connections is not None:
            self._detectors[key] = ConnectionDetector(self._setting.connections, hosts)
            self._fresh[key] = _connection_fresh
            self._detectors[key].advance(now)

    def _belief(self, proxy: Proxy) -> Shares:
        detector = self._detectors.get(proxy.key, NOBODY)
        state = detector.unusable, detector.weights
        if self._known.get(proxy.key, _NOTHING) != state or proxy.key not in self._beliefs:
            self._known[proxy.key] = detector.unusable, dict(detector.weights)
            self._beliefs[proxy.key] = proxy.shares(*state)
        return self._beliefs[proxy.key]

    def _has_moved(self) -> bool:
        """Whether some balancer knows something new."""
        return any(
            self._known.get(key, _NOTHING) != (detector.unusable, detector.weights)
            for key, detector in self._detectors.items()
            if key in self._proxies
        )

    def _settle(self, now: float) -> None:
        """Find out where traffic goes from now on."""
        flows = Flows(self._setting.world.behaviour(now), self._belief)
        rate = self._setting.world.rate(now)
        part = 1.0 / len(self._roots)
        edges: dict[StreamKey, _Edge] = {}
        for root in self._roots:
            for key, edge in _edges(root, flows, rate * part, counted=True, detectors=self._detectors):
                edges[key] = edge if key not in edges else edges[key].joined(edge)
        self._recording.moved(now, rate, [(flows.of(root), part) for root in self._roots])
        self._stream(now, edges)

    def _stream(self, now: float, edges: "Mapping[StreamKey, _Edge]") -> None:
        """Go on with the streams that there are, begin those that are needed, and end the others."""
        for key in [key for key, stream in self._streams.items() if stream.is_over]:
            del self._streams[key]
            self._moments.pop(key, None)
        new = [key for key, edge in edges.items() if key not in self._streams and self._needs_stream(key, edge)]
        for number, key in enumerate(new):
            detector = self._detector_of(key)
            # The requests of one sender come evenly, and so those to several endpoints come in turn.
            wait = number / len(new)
            fresh = self._fresh.get(key[0], _never)
            self._streams[key] = Stream(key[1], detector, fresh, now, wait, self._setting.duration, self._random)
            self._moments[key] = inf  # requests of one moment come in the order in which the streams began
        self._stale.update(dict.fromkeys(self._streams))
        for key, stream in self._streams.items():
            edge = edges.get(key)
            if edge is None:
                stream.change(now, 0.0, stream.answers)
                continue
            stream.is_counted = edge.counted
            if self._detector_of(key) is NOBODY:  # chance changes nothing here: what fails is as it is to be expected
                stream.change(now, edge.rate * edge.fails, {_FAILED: 1.0})
            else:
                stream.change(now, edge.rate, edge.answers)

    def _needs_stream(self, key: StreamKey, edge: "_Edge") -> bool:
        detector = self._detector_of(key)
        return bool(edge.fails) or any(
            detector.until_change(key[1], answer) is not None for answer in (OK, *edge.answers)
        )

    def _detector_of(self, key: StreamKey) -> Detector:
        return self._detectors.get(key[0], NOBODY) if key[1] else NOBODY


_FAILED: Final = Answer(503)


@frozen
class _Edge:
    """What one proxy sends to one endpoint.

    Attributes:
        rate: Requests a second.
        answers: How they end.
        counted: Whether what fails counts as the clients'.
    """

    rate: float
    answers: Answers
    counted: bool

    @property
    def fails(self) -> float:
        """What part of it fails."""
        return sum(part for answer, part in self.answers.items() if answer.fails)

    def joined(self, other: "_Edge") -> "_Edge":
        """Both together; they come to the same endpoint of the same proxy, and so end alike."""
        return _Edge(self.rate + other.rate, self.answers, self.counted or other.counted)


def _edges(
    proxy: Proxy, flows: Flows, rate: float, *, counted: bool, detectors: Mapping[ProxyKey, Detector]
) -> Iterator[tuple[StreamKey, _Edge]]:
    """What a proxy and those behind it send, where this many requests a second come to it.

    A failed request is counted once: at the first proxy that watches the
    endpoint, and where none does, where it comes no further.
    """
    watched = proxy.key in detectors
    for name, edge in flows.of(proxy).edges.items():
        to_it = rate * edge.share
        yield (proxy.key, name), _Edge(to_it, edge.answers if watched else edge.ends, counted)
        for way in proxy.ways.get(name, ()):
            if way.proxy is not None and edge.passed:
                behind = to_it * edge.passed * way.share
                yield from _edges(way.proxy, flows, behind, counted=counted and not watched, detectors=detectors)


def _outlier_fresh(settings: OutlierSettings) -> Fresh:
    """With how many answers of a kind in a row an Envoy detects where it has counted nothing."""
    return lambda answer: OutlierDetector(settings, {"": None}).until_change("", answer)


def _connection_fresh(answer: Answer) -> int | None:
    """With how many a ztunnel's weights change."""
    return None if answer.connects else 1
