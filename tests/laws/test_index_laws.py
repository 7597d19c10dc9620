"""Laws of the index: after any changes it answers as `rank` does, and as an index built afresh."""

from random import Random
from typing import TypedDict, Unpack

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from tests.strategies import RULES, endpoint_lists, localities, names, preferences

from meshtier.endpoint import MAX_WEIGHT, Endpoint, Health
from meshtier.index import EndpointIndex, LabelIndex, StaleViewError, TierView
from meshtier.locality import SCOPE_LABELS, SCOPES, Locality, Scope
from meshtier.preference import ModeLike, Preference
from meshtier.profile import PROFILES, SOLO, CrossNetwork, Profile
from meshtier.ranking import rank
from meshtier.rules.levels import failover_priority_levels

# Few parts, so that places meet at every scope; the strategies of tests/strategies.py hold the odd names.
part = st.sampled_from(["", "a", "b"])
places = st.builds(Locality, part, part, part, part, part)
weights = st.sampled_from([0, 1, 2, 3, 4, 5, 63, 64, 65, MAX_WEIGHT]) | st.integers(0, MAX_WEIGHT)
healths = st.sampled_from(Health)

# Lists of scopes that no mode has: another order, the cluster, the network in the middle, twice, and preferred.
PREFERENCES = (
    Preference((Scope.ZONE, Scope.NETWORK)),
    Preference((Scope.CLUSTER,)),
    Preference((Scope.NETWORK, Scope.ZONE, Scope.CLUSTER), CrossNetwork.RANKED),
    Preference((Scope.NETWORK, Scope.NETWORK, Scope.REGION, Scope.NETWORK, Scope.ZONE), CrossNetwork.RANKED),
    Preference((Scope.NETWORK, Scope.NODE), strict=True),
)

Summary = list[tuple[int, set[str], int, int, int]]


def summary(tiers: tuple[TierView, ...]) -> Summary:
    for tier in tiers:
        assert tier.total == len(tier.endpoints)
    return [
        (
            tier.number,
            {endpoint.id for endpoint in tier.endpoints},
            tier.healthy,
            tier.weight,
            tier.healthy_weight,
        )
        for tier in tiers
    ]


def ranked(
    client: Locality,
    held: list[Endpoint],
    mode: ModeLike,
    *,
    profile: Profile = SOLO,
    strict: bool = False,
    client_cluster: str = "",
) -> Summary:
    ranking = rank(client, held, mode, profile=profile, strict=strict, client_cluster=client_cluster)
    return [
        (
            tier.number,
            {endpoint.id for endpoint in tier.endpoints},
            sum(endpoint.health.serves for endpoint in tier.endpoints),
            sum(endpoint.weight for endpoint in tier.endpoints),
            sum(endpoint.weight for endpoint in tier.endpoints if endpoint.health.serves),
        )
        for tier in ranking.tiers
    ]


class Options(TypedDict, total=False):
    profile: Profile
    client_cluster: str


def check_questions(
    index: EndpointIndex,
    held: list[Endpoint],
    client: Locality,
    random: Random,
    mode: ModeLike,
    **options: Unpack[Options],
) -> None:
    """Every question about one mode or preference is answered as `rank` answers it."""
    for strict in (False, True):
        expected = ranked(client, held, mode, strict=strict, **options)
        assert summary(index.tiers(client, mode, strict=strict, **options)) == expected
        best = index.best(client, mode, strict=strict, **options)
        serving = [tier for tier in expected if tier[2]]
        assert (summary(() if best is None else (best,))) == serving[:1]
        picked = index.pick(client, mode, random, strict=strict, **options)
        if serving and serving[0][4]:
            assert picked is not None
            assert picked.id in serving[0][1]
            assert picked.health.serves
            assert picked.weight
        else:
            assert picked is None
    excluded = {exclusion.endpoint.id for exclusion in rank(client, held, mode, strict=True, **options).excluded}
    left_out = index.excluded(client, mode, **options)
    assert {endpoint.id for endpoint in left_out} == excluded
    assert len(left_out) == len(excluded)


def check_all_questions(index: EndpointIndex, held: list[Endpoint], client: Locality, random: Random) -> None:
    for profile, mode in RULES:
        check_questions(index, held, client, random, mode, profile=profile)


@given(held=endpoint_lists(), client=localities, seed=st.integers(0, 3))
def test_an_index_answers_as_rank_does(held: list[Endpoint], client: Locality, seed: int) -> None:
    index = EndpointIndex(held)
    check_all_questions(index, held, client, Random(seed))
    if held:
        check_all_questions(index, held, held[0].locality, Random(seed))


@given(held=endpoint_lists(), client=localities, cluster=names, preference=preferences, data=st.data())
def test_an_index_answers_any_list_of_scopes_as_rank_does(
    held: list[Endpoint], client: Locality, cluster: str, preference: Preference, data: st.DataObject
) -> None:
    index = EndpointIndex(held)
    clients = [(client, cluster), *((endpoint.locality, endpoint.cluster) for endpoint in held[:3])]
    for place, of in clients:
        check_questions(index, held, place, Random(1), preference, client_cluster=of)
    for endpoint in data.draw(st.permutations(held)):  # the tree of this preference follows changes
        assert index.discard(endpoint) is endpoint
    index._check()
    check_questions(index, [], client, Random(1), preference, client_cluster=cluster)


label_endpoints = st.lists(
    st.tuples(places, st.dictionaries(st.sampled_from(["x", "y", ""]), part, max_size=3), part), max_size=10
)
keys = st.lists(
    st.sampled_from(
        ["x", "y", "", "x=a", "x=", "x=a=b", "y=b", *SCOPE_LABELS.values(), "topology.istio.io/network=a"],
    ),
    max_size=5,
)


def with_place(labels: dict[str, str], place: Locality, cluster: str) -> dict[str, str]:
    # What DR-3 reads: the place for the special keys, the labels for all others.
    special = {SCOPE_LABELS[scope]: place[position] for position, scope in enumerate(SCOPES)}
    return {**labels, **special, SCOPE_LABELS[Scope.CLUSTER]: cluster}


@given(
    entries=keys,
    drawn=label_endpoints,
    labels=st.dictionaries(st.sampled_from(["x", "y"]), part, min_size=1),
    place=places,
    cluster=part,
    profile=st.sampled_from(list(PROFILES.values())),
)
def test_a_label_index_answers_as_failover_priority_does(
    entries: list[str],
    drawn: list[tuple[Locality, dict[str, str], str]],
    labels: dict[str, str],
    place: Locality,
    cluster: str,
    profile: Profile,
) -> None:
    held = [Endpoint(f"e{number}", where, cluster=of, labels=its) for number, (where, its, of) in enumerate(drawn)]
    levels = failover_priority_levels(
        with_place(labels, place, cluster),
        [with_place(dict(endpoint.labels), endpoint.locality, endpoint.cluster) for endpoint in held],
        entries,
        cross_network=profile.cross_network,
    )
    expected: dict[int, set[str]] = {}
    for endpoint, level in zip(held, levels, strict=True):
        expected.setdefault(level, set()).add(endpoint.id)
    tiers = LabelIndex(entries, held).tiers(labels, place, cluster=cluster, profile=profile)
    assert [(tier.number, {endpoint.id for endpoint in tier.endpoints}) for tier in tiers] == sorted(expected.items())


class Changes(RuleBasedStateMachine):
    """Any sequence of changes leaves the index equal to one built afresh."""

    ids = Bundle[str]("ids")

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, Endpoint] = {}
        self.index = EndpointIndex()
        self.count = 0

    @initialize(seed=st.integers(0, 9), early=st.booleans())
    def start(self, seed: int, early: bool) -> None:
        self.random = Random(seed)
        if early:  # the trees of these preferences exist from the first change on, or come in the middle
            for preference in PREFERENCES:
                self.index.tiers(Locality("nowhere"), preference)

    @rule(target=ids, place=places, weight=weights, health=healths, cluster=part)
    def add(self, place: Locality, weight: int, health: Health, cluster: str) -> str:
        self.count += 1
        endpoint = Endpoint(f"e{self.count}", place, weight=weight, health=health, cluster=cluster)
        self.index.add(endpoint)
        self.held[endpoint.id] = endpoint
        return endpoint.id

    @rule(place=places, weight=weights, many=st.integers(1, 150))
    def add_many(self, place: Locality, weight: int, many: int) -> None:
        for _ in range(many):
            self.count += 1
            endpoint = Endpoint(f"e{self.count}", place, weight=weight)
            self.index.add(endpoint)
            self.held[endpoint.id] = endpoint

    @rule(some=st.sets(st.integers(0, 200)))
    def remove_many(self, some: set[int]) -> None:
        for name in [name for position, name in enumerate(self.held) if position in some and position % 3]:
            assert self.index.remove(name) is self.held.pop(name)

    @rule(name=consumes(ids))
    def discard(self, name: str) -> None:
        assert self.index.discard(name) is self.held.pop(name, None)

    @rule(target=ids, name=ids, place=places, weight=weights, health=healths)
    def upsert(self, name: str, place: Locality, weight: int, health: Health) -> str:
        endpoint = Endpoint(name, place, weight=weight, health=health)
        assert self.index.upsert(endpoint) is self.held.get(name)
        self.held[name] = endpoint
        return name

    @rule(name=ids, place=places)
    def move(self, name: str, place: Locality) -> None:
        self.change(name, locality=place)

    @rule(name=ids, weight=weights)
    def reweigh(self, name: str, weight: int) -> None:
        self.change(name, weight=weight)

    @rule(name=ids, health=healths)
    def flip(self, name: str, health: Health) -> None:
        self.change(name, health=health)

    @rule(name=ids, cluster=part)
    def regroup(self, name: str, cluster: str) -> None:
        self.change(name, cluster=cluster)

    def change(self, name: str, **changes: object) -> None:
        old = self.held.get(name)
        if old is not None:
            fields = {
                "locality": old.locality,
                "weight": old.weight,
                "health": old.health,
                "cluster": old.cluster,
                **changes,
            }
            self.held[name] = Endpoint(name, **fields)  # type: ignore[arg-type]
            self.index.update(self.held[name])

    @rule(client=places, cluster=part)
    def ask(self, client: Locality, cluster: str) -> None:
        held = list(self.held.values())
        for index in (self.index, EndpointIndex(held)):
            check_all_questions(index, held, client, self.random)
            for preference in PREFERENCES:
                check_questions(index, held, client, self.random, preference, client_cluster=cluster)

    @rule()
    def look_and_change(self) -> None:
        view = self.index.everything
        self.index.add(Endpoint("fleeting", Locality()))
        self.index.remove("fleeting")
        try:
            list(view.endpoints)
        except StaleViewError:
            return
        raise AssertionError("a view outlived a change")

    @invariant()
    def its_structure_is_sound(self) -> None:
        self.index._check()

    @invariant()
    def counts_are_right(self) -> None:
        held = self.held.values()
        assert len(self.index) == len(self.held) == self.index.everything.total
        assert self.index.everything.healthy == sum(endpoint.health.serves for endpoint in held)
        assert {endpoint.id: endpoint for endpoint in self.index} == self.held
        assert set(self.index.places) == {endpoint.locality for endpoint in held}


TestChanges = Changes.TestCase
TestChanges.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_twenty_thousand_random_changes_leave_the_answers_of_rank() -> None:
    random = Random(20)
    index, held = EndpointIndex(), dict[str, Endpoint]()
    where = [Locality(*(random.choice("ab") for _ in range(5))) for _ in range(40)]
    for step in range(20_000):
        name = f"e{random.randrange(600)}"
        endpoint = Endpoint(
            name, random.choice(where), weight=random.choice([0, 1, 1, 7, 100]), health=random.choice(list(Health))
        )
        if name not in held:
            index.add(endpoint)
            held[name] = endpoint
        elif random.random() < 0.5:
            assert index.remove(name) is held.pop(name)
        else:
            index.update(endpoint)
            held[name] = endpoint
        if step % 2_000 == 0:
            check_all_questions(index, list(held.values()), random.choice(where), random)
    check_all_questions(index, list(held.values()), where[0], random)
