"""Which levels does a client with some labels see, by a list of keys?"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from random import Random
from typing import Final

from typing_extensions import override

from meshtier.endpoint import Endpoint
from meshtier.errors import InvalidValueError
from meshtier.index.base import Index
from meshtier.index.nodes import Key
from meshtier.index.questions import best_of, pick_from, tiers_of
from meshtier.index.tier_view import TierView
from meshtier.ladder import Ladder
from meshtier.locality import SCOPE_LABELS, SCOPES, Locality, Scope
from meshtier.profile import SOLO, CrossNetwork, Profile

_ANYWHERE: Final = Locality()
_NOTHING_COMPARED: Final = Ladder(())


class LabelIndex(Index):
    """Endpoints by a list of label keys, as ``failoverPriority`` compares them (DR-3).

    What is said of threads, of cost and of degraded endpoints at `EndpointIndex`
    holds here too.

    Args:
        keys: ``key``, or ``key=value`` to compare with that value instead of the
            client's. The labels of `SCOPE_LABELS` read the endpoint's place and cluster.
        endpoints: Any number, with ids of their own.

    >>> index = LabelIndex(["version"], [Endpoint("a", Locality(), labels={"version": "v1"})])
    >>> index.tiers({"version": "v2"})
    (<TierView P1: 1 endpoints, 1 healthy>,)
    """

    __slots__ = ("_ladders", "_overrides", "_readers", "keys")
    keys: tuple[str, ...]

    def __init__(self, keys: Iterable[str], endpoints: Iterable[Endpoint] = ()) -> None:
        self.keys = _checked_keys(keys)
        # An override holds for every entry of its label, the last one for all;
        # what has two "=" is none (DR-3).
        self._overrides = dict(key.split("=") for key in self.keys if key.count("=") == 1)
        self._ladders = {rule: Ladder.of_labels(self.keys, rule) for rule in CrossNetwork}
        self._readers = [(label, _reader(label)) for label in (key.partition("=")[0] for key in self.keys)]
        readers = [reader for _, reader in self._readers]

        def key_of(endpoint: Endpoint) -> Key:
            # A tree has at least one level: without keys, all endpoints share one place.
            return tuple([read(endpoint) for read in readers]) or ("",)

        super().__init__(key_of, endpoints)

    def tiers(
        self, labels: Mapping[str, str], place: Locality = _ANYWHERE, *, cluster: str = "", profile: Profile = SOLO
    ) -> tuple[TierView, ...]:
        """The levels of the list as seen by a client, nearest first, without empty ones (DR-3).

        Args:
            labels: The client's. Without any there are no levels: all endpoints are in the first.
            place: Where the client is.
            cluster: The client's cluster.
            profile: Whose cross-network rule, if the network is the first key.

        Returns:
            Views, good until the index changes.
        """
        return tiers_of(self._tree, *self._asked(labels, place, cluster, profile))

    def best(
        self, labels: Mapping[str, str], place: Locality = _ANYWHERE, *, cluster: str = "", profile: Profile = SOLO
    ) -> TierView | None:
        """The nearest level with an endpoint that serves; ``None`` if there is none."""
        return best_of(self._tree, *self._asked(labels, place, cluster, profile))

    def pick(
        self,
        labels: Mapping[str, str],
        random: Random,
        place: Locality = _ANYWHERE,
        *,
        cluster: str = "",
        profile: Profile = SOLO,
    ) -> Endpoint | None:
        """An endpoint of that level that serves, drawn as `EndpointIndex.pick` draws."""
        return pick_from(self._tree, *self._asked(labels, place, cluster, profile), random)

    def _asked(self, labels: Mapping[str, str], place: Locality, cluster: str, profile: Profile) -> tuple[Key, Ladder]:
        if not labels:
            return (), _NOTHING_COMPARED
        client = Endpoint("client", place, cluster=cluster, labels=labels)
        overrides = self._overrides
        parts = tuple([overrides[label] if label in overrides else read(client) for label, read in self._readers])
        return parts, self._ladders[profile.cross_network]

    @override
    def __reduce__(self) -> "tuple[type[LabelIndex], tuple[tuple[str, ...], list[Endpoint]]]":
        return type(self), (self.keys, list(self))


def _checked_keys(keys: Iterable[str]) -> tuple[str, ...]:
    checked = tuple(keys) if not isinstance(keys, str) else ()
    for position, key in enumerate(checked):
        if not isinstance(key, str):
            raise InvalidValueError(f"expected a string, got {key!r}", f"keys[{position}]")
    if isinstance(keys, str):
        raise InvalidValueError(f"expected a list of strings, got {keys!r}", "keys")
    return checked


def _reader(label: str) -> Callable[[Endpoint], str]:
    # How the value of this label is read from an endpoint; absent is "" and matches "".
    for scope, name in SCOPE_LABELS.items():
        if label == name:
            if scope is Scope.CLUSTER:
                return attrgetter("cluster")
            position = SCOPES.index(scope)
            return lambda endpoint: endpoint.locality[position]
    return lambda endpoint: endpoint.labels.get(label, "")
