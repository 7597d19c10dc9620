"""What must type-check in the code of callers; checked by mypy and pyright, never run.

An ignore here stands for what must be refused: an ignore that is not needed is itself an error.
"""

from collections.abc import Iterator, Mapping
from random import Random
from typing import assert_type

from meshtier.component import Component, Traits
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint, Exclusion, Health, Reason
from meshtier.errors import InputError, InvalidValueError, MissingExtraError, Problem, UnknownNameError
from meshtier.index import EndpointIndex, LabelIndex, Members, TierView
from meshtier.labels import Labels
from meshtier.ladder import Ladder
from meshtier.locality import SCOPE_LABELS, Locality, Scope
from meshtier.note import Note
from meshtier.precedence import Level, Resolution, Setting, resolve
from meshtier.preference import Preference
from meshtier.profile import SOLO, Profile
from meshtier.ranking import Lookup, Ranking, rank
from meshtier.tiers import Tier, priorities, tier_of


def places() -> None:
    place = Locality("net", region="us-east")
    assert_type(place, Locality)
    assert_type(place.zone, str)
    assert_type(Locality.from_node({"topology.kubernetes.io/zone": "a"}, name="n1", network="net"), Locality)
    assert_type(Locality.from_gateway({}), Locality)
    assert_type(Locality.parse("r/z", network="net"), Locality)
    assert_type(place._replace(zone="b"), Locality)
    assert_type(place.part(Scope.ZONE), str)
    assert_type(SCOPE_LABELS[Scope.ZONE], str)
    assert_type({place: 1}, dict[Locality, int])
    network, _region, _zone, _subzone, _node = place
    assert_type(network, str)
    Locality(zone=None)  # type: ignore[arg-type]
    Locality.parse("r/z", "net")  # type: ignore[call-arg]


class Place(Locality):
    """A place of a caller's own kind stays of that kind."""

    __slots__ = ()


def places_of_ones_own() -> None:
    assert_type(Place.parse("r"), Place)
    assert_type(Place.from_node({}), Place)


def words() -> None:
    assert_type(TrafficDistribution.parse("PreferClose"), TrafficDistribution)
    assert_type(TrafficDistribution.ANY.scopes, tuple[Scope, ...])
    assert_type(Component.parse("ztunnel"), Component)
    assert_type(Component.ZTUNNEL.traits, Traits)
    assert_type(Profile.named("solo"), Profile)
    assert_type(Profile.SOLO, Profile)
    assert_type(SOLO.scopes(TrafficDistribution.ANY), tuple[Scope, ...])
    assert_type(Health.DEGRADED.serves, bool)


def endpoints(labels: Mapping[str, str]) -> None:
    endpoint = Endpoint("e", Locality(), weight=2, health=Health.UNHEALTHY, cluster="c", labels=labels)
    assert_type(endpoint.weight, int)
    assert_type(endpoint.labels, Mapping[str, str])
    Endpoint(id="e", locality=Locality())
    Endpoint("e", Locality(), labels={"app": "reviews"})
    Endpoint("e", Locality(), labels=Labels({"app": "reviews"}))
    Endpoint("e", Locality(), 2)  # type: ignore[call-arg]
    Endpoint("e")  # type: ignore[call-arg]
    Endpoint("e", Locality(), health="healthy")  # type: ignore[arg-type]
    endpoint.weight = 3  # type: ignore[misc]
    assert_type(Labels({}).get("app"), str | None)
    assert_type(Labels({}).get("app", ""), str)
    assert_type(Labels({}).get("app", 0), str | int)


def tiers(client: Locality, given: Iterator[Endpoint]) -> None:
    mode = TrafficDistribution.PREFER_SAME_ZONE
    assert_type(tier_of(client, client, mode), int)
    assert_type(tier_of(client, client, mode, profile=Profile.ISTIO_1_31), int)
    tier_of(client, client, "PreferClose")  # type: ignore[arg-type]
    assert_type(priorities([3, 0]), tuple[int, ...])
    ranking = rank(client, given, mode, profile=SOLO, strict=True)
    assert_type(ranking, Ranking)
    rank(client, [], mode, SOLO)  # type: ignore[call-arg]
    assert_type(rank(client, [], "PreferClose"), Ranking)
    assert_type(rank(client, [], Preference([Scope.ZONE]), client_cluster="c", reason=Reason.NOT_LOCAL), Ranking)
    rank(client, [], [Scope.ZONE])  # type: ignore[arg-type]
    assert_type(ranking.tiers, tuple[Tier, ...])
    assert_type(ranking.excluded, tuple[Exclusion, ...])
    assert_type(ranking.tier_of, Lookup)
    assert_type(ranking.tier_of["e"], int)
    assert_type(ranking.priority_of("e"), int)
    for tier in ranking.tiers:
        assert_type(tier.number, int)
        assert_type(tier.endpoints, tuple[Endpoint, ...])
    preference = Preference([Scope.NODE], strict=True)
    assert_type(preference.scopes, tuple[Scope, ...])
    assert_type(preference.tier(client, client), int | None)
    assert_type(Preference.of_mode("Any", profile=SOLO), Preference)
    assert_type(preference.ladder, Ladder)
    assert_type(preference.ladder.tier(1, same_network=False), int)
    assert_type(preference.ladder.climb([True]), tuple[int, bool])


def indexes(client: Locality, given: Iterator[Endpoint]) -> None:
    index = EndpointIndex(given)
    for mode in (TrafficDistribution.ANY, "PreferClose", Preference([Scope.ZONE])):
        assert_type(index.tiers(client, mode, profile=SOLO, strict=True, client_cluster="c"), tuple[TierView, ...])
        assert_type(index.best(client, mode), TierView | None)
        assert_type(index.pick(client, mode, Random(1)), Endpoint | None)
        assert_type(index.excluded(client, mode), Members)
    index.pick(client, "Any")  # type: ignore[call-arg]
    index.tiers(client, "Any", SOLO)  # type: ignore[call-arg]
    index.tiers(client, [Scope.ZONE])  # type: ignore[arg-type]
    assert_type(index.remove("e"), Endpoint)
    assert_type(index.discard("e"), Endpoint | None)
    assert_type(index.upsert(Endpoint("e", client)), Endpoint | None)
    assert_type(index.places, tuple[Locality, ...])
    for endpoint in index:
        assert_type(endpoint, Endpoint)
    for view in index.tiers(client, "Any"):
        assert_type(view.total, int)
        assert_type(tuple(view.endpoints), tuple[Endpoint, ...])
    labelled = LabelIndex(["version", "rack=1"], index)
    assert_type(labelled.tiers({"version": "v1"}, client, cluster="c", profile=SOLO), tuple[TierView, ...])
    assert_type(labelled.pick({}, Random(1)), Endpoint | None)


def settings(spec: str | None) -> None:
    resolution = resolve(spec=spec, component=Component.WAYPOINT, objects={Level.SERVICE_SPEC: "Service b/r"})
    assert_type(resolution, Resolution)
    assert_type(resolution.mode, TrafficDistribution | None)
    assert_type(resolution.strict, bool)
    assert_type(resolution.source, Setting)
    assert_type(resolution.overridden, tuple[Setting, ...])
    assert_type(resolution.notes, tuple[Note, ...])
    assert_type(resolution.preference, Preference)
    resolve("PreferClose")  # type: ignore[call-arg]
    resolve(component="ztunnel")  # type: ignore[arg-type]


def errors() -> None:
    try:
        rank(Locality(), (), TrafficDistribution.ANY).tier_of("e")
    except UnknownNameError as error:
        assert_type(error.nearest, tuple[str, ...])
    except InvalidValueError as error:
        assert_type(error.path, str)
    except MissingExtraError as error:
        assert_type(error.extra, str)
    except InputError as error:
        assert_type(error.problems, tuple[Problem, ...])
