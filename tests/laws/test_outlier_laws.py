"""What holds of Envoy's outlier detection for every history, and a detector written from the prose of the rules."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st
from pytest import approx  # noqa: PT013  # reads as a word

from meshtier.simulate import OK, Answer, DetectorEvent, DetectorEventKind, OutlierDetector, OutlierSettings

HOSTS = ("a", "b", "c", "d")
ERROR = Answer(500)


class Step(NamedTuple):
    """Something that happens so many milliseconds after what was before: an answer, or the hosts are told anew."""

    after: int
    host: str = ""
    answer: Answer = OK
    hosts: tuple[tuple[str, str], ...] = ()


answers = st.sampled_from([Answer(kind) for kind in (200, 404, 429, 500, 500, 503, 503, "refuse", "timeout")])
gaps = st.sampled_from([0, 0, 0, 1, 2]) | st.integers(0, 400)
answer_steps = st.builds(Step, gaps, st.sampled_from(HOSTS), answers, st.just(()))
host_lists = st.lists(st.tuples(st.sampled_from(HOSTS), st.sampled_from(["here", "there"])), unique_by=lambda it: it[0])
update_steps = st.builds(Step, gaps, st.just(""), st.just(OK), host_lists.map(tuple))
histories = st.lists(answer_steps, max_size=40)
histories_with_updates = st.lists(answer_steps | answer_steps | answer_steps | update_steps, max_size=40)

milliseconds = st.sampled_from([0.05, 0.1, 0.25, 1.0])
counts = st.sampled_from([0, 1, 1, 2, 3])


@st.composite
def settings_strategy(draw: st.DrawFn) -> OutlierSettings:
    base = draw(milliseconds)
    return OutlierSettings(
        consecutive_5xx=draw(counts),
        consecutive_gateway_failure=draw(counts),
        consecutive_local_origin_failure=draw(counts),
        enforcing_consecutive_gateway_failure=draw(st.sampled_from([0, 100])),
        enforcing_consecutive_5xx=draw(st.sampled_from([0, 100, 100])),
        split_external_local_origin_errors=draw(st.booleans()),
        interval_s=draw(milliseconds),
        base_ejection_time_s=base,
        max_ejection_time_s=base * draw(st.sampled_from([1, 2, 2.5, 10])),
        max_ejection_percent=draw(st.sampled_from([10, 25, 50, 100, 100])),
        always_eject_one_host=draw(st.booleans()),
        merge_window_s=draw(st.sampled_from([0.0, 0.2, 1.0])),
        error_codes=draw(st.sampled_from([(), (), (429,), (200, 503)])),
        watches_rates=False,
    )


some_settings = settings_strategy()


def start(settings: OutlierSettings, at: float = 0.0) -> OutlierDetector:
    return OutlierDetector(settings, dict.fromkeys(HOSTS, "here"), start=at)


def run(made: OutlierDetector, history: Iterable[Step], *, begin: int = 0) -> list[DetectorEvent]:
    """All events of a history, and of five seconds after it."""
    events, now = list[DetectorEvent](), begin
    for step in history:
        now += step.after
        if step.host:
            events += made.observe(now / 1000, step.host, step.answer)
        else:
            events += made.update_hosts(now / 1000, dict(step.hosts))
    return events + list(made.advance(now / 1000 + 5))


def plain(event: DetectorEvent) -> tuple[int, str, str, str]:
    return round(event.at * 1000), event.host, event.kind.value, event.monitor


class Written:
    """The rules as a person would follow them with a stop watch, millisecond by millisecond."""

    def __init__(self, settings: OutlierSettings) -> None:
        self.set = settings
        self.hosts: dict[str, dict[str, Any]] = {host: self.fresh("here") for host in HOSTS}
        self.known: set[str] = set()
        self.delivered: int | None = None
        self.waiting: int | None = None
        self.log: list[tuple[int, str, str, str]] = []

    @staticmethod
    def fresh(locality: str) -> dict[str, Any]:
        return {"locality": locality, "gateway": 0, "5xx": 0, "local": 0, "out": None, "times": 0, "returned": None}

    def run(self, history: Sequence[Step]) -> list[tuple[int, str, str, str]]:
        when = list[int]()
        for step in history:
            when.append((when[-1] if when else 0) + step.after)
        interval = round(self.set.interval_s * 1000)
        for now in range((when[-1] if when else 0) + 5001):
            for at, step in zip(when, history, strict=True):
                if at == now:
                    self.follow(now, step)
            if now and now % interval == 0:
                self.sweep(now)
            if self.waiting == now:
                self.deliver(now)
        return self.log

    def follow(self, now: int, step: Step) -> None:
        if step.host:
            if step.host in self.hosts and self.hosts[step.host]["out"] is None:
                self.answer(now, step.host, step.answer)
            return
        before = self.hosts
        self.hosts = {}
        for name, locality in step.hosts:
            stays = name in before and before[name]["locality"] == locality
            self.hosts[name] = before[name] if stays else self.fresh(locality)
        gone = {name for name in before if self.hosts.get(name) is not before[name]}
        self.known -= gone
        if gone or len(before) != len(self.hosts):
            self.deliver(now)

    def answer(self, now: int, name: str, answer: Answer) -> None:
        host, split = self.hosts[name], self.set.split_external_local_origin_errors
        if split and answer.kind in ("refuse", "timeout"):
            if answer.kind == "timeout":
                host["local"] = 0  # it did connect
            host["local"] += 1
            self.check(now, name, "local", "consecutive_local_origin_failure")
            return
        if split:
            host["local"] = 0
        status = {"refuse": 503, "timeout": 504}.get(str(answer.kind), answer.kind)
        assert isinstance(status, int)
        error, gateway = status >= 500, status in (502, 503, 504)
        if self.set.error_codes and isinstance(answer.kind, int):
            error = status in self.set.error_codes
            gateway = gateway and error
        host["5xx"] = host["5xx"] + 1 if error else 0
        host["gateway"] = host["gateway"] + 1 if gateway else 0
        if gateway:
            self.check(now, name, "gateway", "consecutive_gateway_failure")
        if error and host["out"] is None:
            self.check(now, name, "5xx", "consecutive_5xx")

    def check(self, now: int, name: str, count: str, monitor: str) -> None:
        host = self.hosts[name]
        if host[count] != getattr(self.set, monitor) or not host[count]:
            return
        host[count] = 0
        out = sum(each["out"] is not None for each in self.hosts.values())
        allowed = 100 * (out + 1) / len(self.hosts) <= self.set.max_ejection_percent
        if not (allowed or (self.set.always_eject_one_host and out == 0)):
            self.log.append((now, name, "ejection refused", monitor))
        elif getattr(self.set, f"enforcing_{monitor}") == 0:
            self.log.append((now, name, "detected", monitor))
        else:
            self.log.append((now, name, "ejected", monitor))
            base, most = self.set.base_ejection_time_s, self.set.max_ejection_time_s
            if host["times"] * base < most + base:
                host["times"] += 1
            host["out"] = now + round(1000 * min(base * host["times"], most))
            self.changed(now)

    def sweep(self, now: int) -> None:
        interval = round(self.set.interval_s * 1000)
        for name, host in self.hosts.items():
            if host["out"] is not None and host["out"] <= now:
                host.update({"out": None, "returned": now, "gateway": 0, "5xx": 0, "local": 0})
                self.log.append((now, name, "returned", ""))
                self.changed(now)
        for host in self.hosts.values():
            if host["out"] is None and host["returned"] is not None and now - host["returned"] >= interval:
                host["times"] = max(0, host["times"] - 1)

    def changed(self, now: int) -> None:
        window = round(1000 * self.set.merge_window_s)
        if window == 0 or self.delivered is None or now - self.delivered > window:
            self.deliver(now)
        elif self.waiting is None:
            self.waiting = now + window

    def deliver(self, now: int) -> None:
        self.delivered, self.waiting = now, None
        out = {name for name, host in self.hosts.items() if host["out"] is not None}
        if out != self.known:
            self.known = out
            self.log.append((now, "", "learned", ""))


@given(settings=some_settings, history=histories_with_updates)
def test_the_detector_does_what_the_prose_of_the_rules_says(settings: OutlierSettings, history: list[Step]) -> None:
    made, written = start(settings), Written(settings)
    assert [plain(event) for event in run(made, history)] == written.run(history)
    assert made.unusable == written.known
    for host, state in written.hosts.items():
        assert (made.multiplier(host), host in made.ejected) == (state["times"], state["out"] is not None)


@given(settings=some_settings, history=histories)
def test_never_more_are_out_than_the_limit_allows(settings: OutlierSettings, history: list[Step]) -> None:
    made = start(evolve(settings, always_eject_one_host=False))
    for now, step in enumerate(history):
        made.observe(now / 10, step.host, step.answer)
        assert 100 * len(made.ejected) <= settings.max_ejection_percent * len(HOSTS)


@given(settings=some_settings, history=histories, longer=st.sampled_from([1.0, 1.5, 2, 7]))
def test_a_longer_ejection_never_brings_a_host_back_sooner(
    settings: OutlierSettings, history: list[Step], longer: float
) -> None:
    base = settings.base_ejection_time_s * longer
    most = max(base, settings.max_ejection_time_s)
    at_once = [step._replace(after=0) for step in history]  # so that the first ejections are the same
    short = run(start(evolve(settings, max_ejection_time_s=most)), at_once)
    long = run(start(evolve(settings, base_ejection_time_s=base, max_ejection_time_s=most)), at_once)
    sooner, later = (
        {each.host: each.at for each in events if each.kind is DetectorEventKind.RETURNED} for events in (short, long)
    )
    assert all(sooner[host] <= at for host, at in later.items())
    assert later.keys() <= sooner.keys()


@given(settings=some_settings, history=histories_with_updates, shift=st.integers(0, 10**7))
def test_later_by_so_much_is_the_same_by_so_much_later(
    settings: OutlierSettings, history: list[Step], shift: int
) -> None:
    here = run(start(settings), history)
    there = run(start(settings, shift / 1000), history, begin=shift)
    assert [event.at + shift / 1000 for event in here] == approx([event.at for event in there], abs=1e-6)
    still = [evolve(event, at=0.0, until=None) for event in here]
    assert still == [evolve(event, at=0.0, until=None) for event in there]


@given(count=st.integers(1, 50), good=st.sampled_from([OK, Answer(404)]), rounds=st.integers(1, 5))
def test_a_good_answer_before_the_last_error_keeps_a_host_in(count: int, good: Answer, rounds: int) -> None:
    made = start(OutlierSettings(consecutive_5xx=count, consecutive_gateway_failure=0, max_ejection_percent=100))
    for now in range(rounds):
        errors = made.observe(now, "a", ERROR, count - 1) if count > 1 else ()
        assert (errors, made.observe(now, "a", good)) == ((), ())
        assert made.until_change("a", ERROR) == count


def counted(events: Iterable[DetectorEvent]) -> Mapping[tuple[int, str, str, str], int]:
    """How often each thing happened: a batch tells what repeats once."""
    found: Counter[tuple[int, str, str, str]] = Counter()
    for event in events:
        found[plain(event)] += event.count
    return found


@given(settings=some_settings, history=histories, answer=answers, count=st.integers(1, 30))
def test_many_answers_at_once_are_as_many_single_ones(
    settings: OutlierSettings, history: list[Step], answer: Answer, count: int
) -> None:
    at_once, one_by_one = start(settings), start(settings)
    now = sum(step.after for step in history) / 1000 + 5
    for made in (at_once, one_by_one):
        run(made, history)
    batch = at_once.observe(now, "a", answer, count)
    singles = [event for _ in range(count) for event in one_by_one.observe(now, "a", answer)]
    assert counted(batch) == counted(singles)
    assert at_once.ejected == one_by_one.ejected
    assert at_once.next_change == one_by_one.next_change
    for each in (ERROR, Answer(503), Answer("refuse")):
        assert at_once.until_change("a", each) == one_by_one.until_change("a", each)


@given(settings=some_settings, history=histories, answer=answers)
def test_until_change_counts_to_the_very_answer(settings: OutlierSettings, history: list[Step], answer: Answer) -> None:
    made = start(settings)
    run(made, history)
    now = sum(step.after for step in history) / 1000 + 5
    expected = made.until_change("a", answer)
    found = next((turn for turn in range(1, 9) if made.observe(now, "a", answer)), None)
    assert found == expected


@given(settings=some_settings, history=histories)
def test_time_brings_nothing_before_the_next_change(settings: OutlierSettings, history: list[Step]) -> None:
    made = start(settings)
    for now, step in enumerate(history):
        made.observe(now, step.host, step.answer)
        made.advance(now)
        if made.next_change is not None and made.next_change > now + 1e-6:
            assert made.advance(min(now + 1.0, made.next_change) - 1e-6) == ()


@given(settings=some_settings, history=histories)
@example(settings=OutlierSettings(consecutive_5xx=1, max_ejection_percent=100), history=[Step(0, "a", ERROR)])
def test_a_host_that_always_answers_well_is_never_ejected(settings: OutlierSettings, history: list[Step]) -> None:
    settings = evolve(settings, error_codes=())
    kept_well = [step._replace(answer=OK) if step.host == "a" else step for step in history]
    assert all(event.host != "a" for event in run(start(settings), kept_well))


@given(settings=some_settings, history=histories, often=st.integers(1, 4))
def test_telling_the_same_hosts_again_changes_nothing(
    settings: OutlierSettings, history: list[Step], often: int
) -> None:
    same = Step(0, hosts=tuple((host, "here") for host in HOSTS))

    def told_again() -> Iterator[Step]:
        for position, step in enumerate(history):
            if position % often == 0:
                yield same
            yield step

    assert run(start(settings), told_again()) == run(start(settings), history)
