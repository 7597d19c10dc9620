"""What Envoy 1.40.0's outlier detector did, case by case: who is ejected, when, and when the balancer knows."""

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

import pytest
from typing_extensions import override

from meshtier.dataplane import EnvoySettings, LocalityGroup, host_shares
from meshtier.endpoint import Endpoint, Health
from meshtier.locality import Locality
from meshtier.simulate import Answer, DetectorEvent, DetectorEventKind, Monitor, OutlierDetector, OutlierSettings

Case = Mapping[str, Any]

POLLED = 0.06
"""After how long a change of a flag was seen at the latest, in seconds: read every 20 ms, and 200 hosts take longer."""

PROMPT = 0.02
"""How far the log's time of what an answer brings may be from the answer: it is cut to 1 ms, and answers are timed by
the client."""

MONITORS = {
    "CONSECUTIVE_5XX": Monitor.SERVER,
    "CONSECUTIVE_GATEWAY_FAILURE": Monitor.GATEWAY,
    "CONSECUTIVE_LOCAL_ORIGIN_FAILURE": Monitor.LOCAL,
    "SUCCESS_RATE": Monitor.SUCCESS_RATE,
    "SUCCESS_RATE_LOCAL_ORIGIN": Monitor.LOCAL_SUCCESS_RATE,
    "FAILURE_PERCENTAGE": Monitor.FAILURE_PERCENTAGE,
    "FAILURE_PERCENTAGE_LOCAL_ORIGIN": Monitor.LOCAL_FAILURE_PERCENTAGE,
}
"""The monitors by their names in the log of events."""


def seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text.removesuffix("s"))


def settings_of(outlier_detection: Case, **more: Any) -> OutlierSettings:
    """Envoy's JSON as our settings: the same names, and an ``_s`` where a time stands."""
    without_effect = {"successful_active_health_check_uneject_host"}  # there are no active health checks
    given: dict[str, Any] = {}
    for name, value in outlier_detection.items():
        if isinstance(value, str):
            given[f"{name}_s"] = seconds(value)
        elif name not in without_effect:
            given[name] = value
    return OutlierSettings(**given, **more)


def names_of(settings: Case) -> list[str]:
    return [str(index) for index in range(settings["hosts"])]


class Replayed(Random):
    """Chance as it fell in the measurement: each enforcement as logged, each jitter as the return tells."""

    def __init__(self, draws: Iterator[Callable[[], float]]) -> None:
        super().__init__(0)
        self._draws = draws

    @override
    def random(self) -> float:
        return next(self._draws)()


class Replay:
    """One case, run by our detector."""

    def __init__(self, case: Case) -> None:
        given = case["settings"]
        known = {"outlier_detection", "hosts", "priorities", "connection_refused_hosts", "panic_threshold"}
        assert set(given) <= known
        self.case = case
        self.configured = settings_of(given["outlier_detection"])
        # Envoy's timer is set anew after each sweep, and so is late by up to a millisecond each time. Our sweeps are
        # as far apart as the measured ones on average.
        ticks: Sequence[float] = case["ticks_s"]
        apart = (ticks[-1] - ticks[0]) / (len(ticks) - 1) if len(ticks) > 1 else self.configured.interval_s
        assert apart == pytest.approx(self.configured.interval_s, rel=0.05)
        self.detector = OutlierDetector(
            settings_of({**given["outlier_detection"], "interval": f"{apart:.6f}s"}),
            dict.fromkeys(names_of(given), "somewhere"),
            random=Replayed(self._draws()),
            first_sweep=ticks[0],
            first_sweep_lowers=case.get("multiplier_decrement_on_first_tick_after_uneject") is not False,
        )
        self.tolerance = self.configured.interval_s / 5  # "the same events within 20 % of an interval"
        self.unusable: list[frozenset[str]] = []
        self.events = list(self._run())

    def _draws(self) -> Iterator[Callable[[], float]]:
        for event in self.case["events"]:
            if event["action"] != "EJECT":
                continue
            if 0 < self.configured.enforced(MONITORS[event["type"]]) < 100:
                yield partial(float, 0.0 if event["enforced"] else 0.999)
            if event["enforced"] and self.configured.max_ejection_time_jitter_s:
                yield partial(self._jitter, event)

    def _jitter(self, ejected: Case) -> float:
        """The part of the jitter that brings the host back in the sweep that was measured, as far as one does."""
        most = self.configured.max_ejection_time_jitter_s
        after = (each for each in self.case["events"] if each["t"] > ejected["t"] and each["host"] == ejected["host"])
        back = next((each for each in after if each["action"] == "UNEJECT"), None)
        if back is None:
            return 0.999
        multiplier = self.detector.multiplier(str(ejected["host"]))
        least = min(self.configured.base_ejection_time_s * multiplier, self.configured.max_ejection_time_s)
        wanted: float = back["t"] - self.configured.interval_s / 2 - ejected["t"] - least
        return min(max(0.0, wanted), most) / (most + 0.001)

    def _run(self) -> Iterator[DetectorEvent]:
        for at, host, answer in self.case["requests"]:
            kind = "refuse" if answer == "connect_failure" else answer
            yield from self.detector.observe(at, str(host), Answer(kind))
            self.unusable.append(self.detector.unusable)
        last = max([*self.case["ticks_s"], *(each["t"] for each in [*self.case["events"], *self.case["admin_flags"]])])
        yield from self.detector.advance(max(last, self.case["requests"][-1][0]) + self.tolerance)

    def of(self, *kinds: DetectorEventKind) -> list[DetectorEvent]:
        return [event for event in self.events if event.kind in kinds]

    def stats(self) -> dict[str, int]:
        """Envoy's statistics, as our events tell them."""
        made: Counter[str] = Counter()
        for event in self.of(DetectorEventKind.EJECTED, DetectorEventKind.DETECTED, DetectorEventKind.REFUSED):
            monitor = Monitor(event.monitor)
            made[f"ejections_detected_{event.monitor}"] += event.count
            if monitor in (Monitor.SERVER, Monitor.SUCCESS_RATE):  # deprecated statistics, for these alone
                made[f"ejections_{event.monitor}"] += event.count
                made["ejections_total"] += event.count * (event.kind is not DetectorEventKind.REFUSED)
            made["ejections_overflow"] += event.count * (event.kind is DetectorEventKind.REFUSED)
            if event.kind is DetectorEventKind.EJECTED:
                made[f"ejections_enforced_{event.monitor}"] += 1
                made["ejections_enforced_total"] += 1
        made["ejections_active"] = len(self.detector.ejected)
        return {name: count for name, count in made.items() if count}


def check_events(replay: Replay) -> None:
    ours = deque(replay.of(DetectorEventKind.EJECTED, DetectorEventKind.DETECTED, DetectorEventKind.RETURNED))
    ejections: Counter[str] = Counter()
    # Hosts come back in the order of a hash map of addresses, so those of one sweep in any order.
    logged = sorted(replay.case["events"], key=lambda each: (each["t"], each["action"] == "UNEJECT" and each["host"]))
    for expected in logged:
        event, host = ours.popleft(), str(expected["host"])
        returned, enforced = expected["action"] == "UNEJECT", expected.get("enforced", False)
        ejections[host] += enforced
        kinds = {True: DetectorEventKind.EJECTED, False: DetectorEventKind.DETECTED}
        assert event.kind is (DetectorEventKind.RETURNED if returned else kinds[enforced])
        assert (event.host, ejections[host]) == (host, expected["num_ejections"])
        assert event.monitor == ("" if returned else MONITORS[expected["type"]].value)
        by_sweep = returned or "RATE" in expected["type"] or "PERCENTAGE" in expected["type"]
        assert event.at == pytest.approx(expected["t"], abs=replay.tolerance if by_sweep else PROMPT)
        check_rates(event, expected)
    assert not ours


def check_rates(event: DetectorEvent, expected: Case) -> None:
    """The numbers that Envoy logs of a host that stands out, cut to integers."""
    numbers = [float(number) for number in re.findall(r"[0-9.]+(?= %)", event.text)]
    if "eject_success_rate_event" in expected:
        logged = expected["eject_success_rate_event"]
        keys = ("host_success_rate", "cluster_success_rate_ejection_threshold", "cluster_average_success_rate")
        assert [int(number) for number in numbers] == [logged[key] for key in keys]
    if "eject_failure_percentage_event" in expected:
        assert 100 - numbers[0] == pytest.approx(expected["eject_failure_percentage_event"]["host_success_rate"], abs=1)


def check_flags(replay: Replay) -> None:
    for host in names_of(replay.case["settings"]):
        flags = [flag for flag in replay.case["admin_flags"] if str(flag["host"]) == host]
        changes = replay.of(DetectorEventKind.EJECTED, DetectorEventKind.RETURNED)
        changes = [event for event in changes if event.host == host]
        assert [event.kind is DetectorEventKind.EJECTED for event in changes] == [flag["ejected"] for flag in flags]
        for event, flag in zip(changes, flags, strict=True):
            late = PROMPT if flag["ejected"] else replay.tolerance
            assert -late <= flag["t"] - event.at <= POLLED + late


def check_steps(replay: Replay) -> None:
    """Where 40 requests went in turn when so many were ejected."""
    given = replay.case["settings"]
    settings = EnvoySettings(panic_threshold=given.get("panic_threshold", 50))
    for step in replay.case["steps"]:
        unusable = next(each for each in replay.unusable if len(each) == step["ejected"])
        names = names_of(given)
        endpoints = [Endpoint(name, Locality(), health=health_of(name, unusable)) for name in names]
        result = host_shares([LocalityGroup(priority=0, locality=Locality(), endpoints=endpoints)], settings)
        sent = step["next_40_requests"]
        for name in names:
            assert sent.get(f"200:{name}", 0) == pytest.approx(40 * result.shares[name], abs=1)
        assert sent.get("503:none", 0) == pytest.approx(40 * result.lost)
        assert ("reply" in step) == (result.reason is not None)


def health_of(name: str, unusable: frozenset[str]) -> Health:
    return Health.UNHEALTHY if name in unusable else Health.HEALTHY


def check_outlier(case: Case) -> None:
    replay = Replay(case)
    check_events(replay)
    check_flags(replay)
    assert replay.stats() == case["stats"]
    if "ejected" in case:
        assert len(replay.of(DetectorEventKind.EJECTED)) == case["ejected"]
    if "steps" in case:
        check_steps(replay)


def check_effect(case: Case) -> None:
    """How long the balancer still used a host that was ejected."""
    given = case["settings"]
    assert set(given) <= {"update_merge_window", "hosts", "priorities", "panic_threshold", "consecutive_5xx"}
    window = given["update_merge_window"]
    settings = settings_of(
        {"consecutive_5xx": given["consecutive_5xx"], "max_ejection_percent": 100, "interval": "600s"},
        **({} if window is None else {"merge_window_s": seconds(window)}),
    )
    detector = OutlierDetector(settings, dict.fromkeys(names_of(given), "somewhere"))
    learned: dict[str, float] = {}
    deliveries = 0

    def follow(events: Sequence[DetectorEvent]) -> None:
        nonlocal deliveries
        for event in events:
            if event.kind is DetectorEventKind.LEARNED:
                deliveries += 1
                learned.update({name: event.at for name in detector.unusable if name not in learned})

    for each in case["effects"]:
        follow(detector.advance(max(0.0, each["ejected_at"] - 1e-6)))
        follow(detector.observe(each["ejected_at"], str(each["host"]), Answer(500)))
    follow(detector.advance(590.0))
    for effect in case["effects"]:
        delay = learned[str(effect["host"])] - effect["ejected_at"]
        assert delay == pytest.approx(max(0.0, effect["delay_s"] or 0.0), abs=PROMPT)
    counted = case["cluster_manager"]  # each delivery is one for every priority
    measured = counted["cluster_updated"] + counted["cluster_updated_via_merge"]
    assert deliveries * len(set(given.get("priorities", [0]))) == measured


CHECKS: dict[str, Callable[[Case], None]] = {"outlier": check_outlier, "outlier_effect": check_effect}


def test_hosts_are_ejected_as_by_envoy(envoy_outlier_case: Case) -> None:
    CHECKS[envoy_outlier_case["kind"]](envoy_outlier_case)
