"""From where does the traffic come? Pods, nodes and bare localities as clients."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

from attrs import evolve, frozen
from typing_extensions import override

from meshtier.component import Component
from meshtier.errors import InvalidValueError, UnknownNameError
from meshtier.labels import NO_LABELS
from meshtier.locality import SCOPES, Locality
from meshtier.mesh.snapshot import Cluster, Place, Workload

_MOST_NAMED: Final = 5

_DEPLOYED: Final = r"[a-z0-9]{1,10}-[a-z0-9]{5}"
_SUFFIXED: Final = r"[a-z0-9]{5}"
_NUMBERED: Final = r"[0-9]+"
_ANY_ENDING: Final = rf"(?:{_DEPLOYED}|{_SUFFIXED}|{_NUMBERED}|[a-z0-9]{{1,10}})"

_MADE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("deploy", "deployment", "deployments"), _DEPLOYED),
    **dict.fromkeys(("sts", "statefulset", "statefulsets"), _NUMBERED),
    **dict.fromkeys(("ds", "daemonset", "daemonsets", "rs", "replicaset", "replicasets", "job", "jobs"), _SUFFIXED),
}
"""What controllers put behind their own name to name a pod, after a ``-``, by kubectl's words for them.

Source: kubernetes/kubernetes staging/src/k8s.io/apiserver/pkg/storage/names/generate.go, and
pkg/controller/{deployment,statefulset}.
"""

_MADE_LABELS: Final = frozenset(
    {
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
    }
)
"""The labels that controllers put on pods, and that tell like pods apart."""


@frozen(kw_only=True)
class Client:
    """Where traffic comes from.

    Attributes:
        name: What to call it, as in ``Pod east/bookinfo/ratings-v1-0``.
        cluster: Its cluster.
        namespace: Its namespace; ``""`` for a node or a place.
        place: Where ztunnel sees it.
        envoy_place: Where Envoys see it (LOC-5).
        labels: Its own labels, without those of its place.
        workload: The pod itself; ``None`` for a node or a place.
    """

    name: str
    cluster: str = ""
    namespace: str = ""
    place: Place
    envoy_place: Place
    labels: Mapping[str, str] = NO_LABELS
    workload: Workload | None = None

    def place_for(self, component: Component) -> Place:
        """Where the component that chooses for this client is, as that component sees it (LOC-5, LOC-7)."""
        return self.envoy_place if component.traits.reads_locality_override else self.place

    @property
    def starts_at(self) -> Component:
        """The component that its traffic comes to first (PATH); ztunnel for a node or a place too."""
        proxy = self.workload.proxy if self.workload is not None else None
        return Component.ZTUNNEL if proxy is None else proxy

    @property
    def runs_in(self) -> str:
        """The cluster where it runs; of the workloads in a ztunnel dump, not every one runs in the ztunnel's own."""
        return (self.workload.remote_cluster if self.workload is not None else "") or self.cluster

    @override
    def __str__(self) -> str:
        return self.name


def client_of(workload: Workload) -> Client:
    """The client that a workload is."""
    return Client(
        name=str(workload),
        cluster=workload.cluster,
        namespace=workload.namespace,
        place=workload.place,
        envoy_place=workload.envoy_place,
        labels=workload.labels,
        workload=workload,
    )


class ClientTable:
    """Every pod and node of a mesh, by every name that it can be called."""

    def __init__(self, clusters: Iterable[Cluster]) -> None:
        self._clusters = tuple(clusters)

    @cached_property
    def _workloads(self) -> Mapping[str, list[Workload]]:
        names: defaultdict[str, list[Workload]] = defaultdict(list)
        for cluster in self._clusters:
            for workload in cluster.workloads.values():
                parts = workload.id.split("/")
                for start in range(len(parts)):
                    names["/".join(parts[start:])].append(workload)
        return names

    @cached_property
    def _nodes(self) -> Mapping[str, list[tuple[str, Place]]]:
        names: defaultdict[str, list[tuple[str, Place]]] = defaultdict(list)
        for cluster in self._clusters:
            for name, place in cluster.nodes.items():
                names[name].append((cluster.name, place))
                if cluster.name:
                    names[f"{cluster.name}/{name}"].append((cluster.name, place))
        return names

    def find(self, name: str, *, cluster: str | None = None) -> Client:
        """The client of this name.

        Args:
            name: A pod as ``pod``, ``namespace/pod`` or ``cluster/namespace/pod``;
                a node as ``node`` or ``cluster/node``; either with ``pod/`` or
                ``node/`` before it where both could be meant; or a place as
                ``region=…,zone=…,network=…,subzone=…,node=…``. Of pods that are
                alike to every choice, the beginning of their names is enough, as
                in ``reviews-v1``; so is ``deploy/NAME``, and likewise ``sts``,
                ``ds``, ``rs`` and ``job``, with the namespace before the name or not.
            cluster: Where to look; ``None`` for everywhere.

        Raises:
            UnknownNameError: Nothing is called so; the nearest names are given.
            InvalidValueError: The name could mean several things.
        """
        if "=" in name:
            return self._at_text(name, cluster)
        if cluster is not None:
            self.check_cluster(cluster)
        kind, _, rest = name.partition("/")
        wanted = rest if kind in ("pod", "node") and rest else name
        clients: list[Client] = []
        is_made = False
        if kind != "node":
            clients += [client_of(found) for found in self._workloads.get(wanted, ())]
        if kind != "pod" and not clients:
            clients += [_node_client(*found, name=wanted) for found in self._nodes.get(wanted, ())]
        if not clients:
            clients, is_made = self._generated(name), True
        if cluster is not None:
            clients = [client for client in clients if client.cluster == cluster]
        if not clients:
            raise self._unknown(name)
        if len(clients) > 1 and len({_alike(client) for client in clients}) > 1:
            names = sorted(f"{client} at {client.place.locality}" if is_made else str(client) for client in clients)
            rest = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            text = f"{name!r} could mean {', '.join(names[:_MOST_NAMED])}{rest}; say which by its full name"
            raise InvalidValueError(text, "client")
        return clients[0]

    def workload(self, name: str) -> Workload:
        """The workload of this name, which is one of those that `find` takes for a pod.

        Raises:
            UnknownNameError: Nothing is called so; the nearest names are given.
            InvalidValueError: The name could mean several.
        """
        found = self._workloads.get(name) or self._workloads.get(name.removeprefix("pod/"), [])
        if not found:
            known = (
                f"{each.namespace}/{each.name}" for cluster in self._clusters for each in cluster.workloads.values()
            )
            raise UnknownNameError.among("workload", name, known)
        if len(found) > 1:
            names = ", ".join(sorted(map(str, found)))
            raise InvalidValueError(f"{name!r} could mean {names}; say which by its full name", "workload")
        return found[0]

    def _generated(self, name: str) -> list[Client]:
        """The pods whose names a controller made of this one: ``deploy/NAME``, or the beginning of a pod's name."""
        kind, _, rest = name.partition("/")
        made = _MADE.get(kind)
        wanted, ending = (rest, made) if made and rest else (name, _ANY_ENDING)
        patterns = [rf"(?:.*/)?{re.escape(wanted)}-{ending}"]
        if wanted == name:  # else any pod that begins so, as ``productpage`` of ``productpage-v1-…``
            patterns.append(rf"(?:.*/)?{re.escape(wanted)}-[^/]+")
        for pattern in map(re.compile, patterns):
            if found := [client_of(pod) for pod in self._pods if pattern.fullmatch(pod.id)]:
                return found
        return []

    @property
    def _pods(self) -> Iterator[Workload]:
        return (each for cluster in self._clusters for each in cluster.workloads.values() if each.kind == "Pod")

    def _unknown(self, name: str) -> UnknownNameError:
        known = [*dict.fromkeys(f"{pod.namespace}/{pod.name}" for pod in self._pods), *self._nodes]
        missing = "in input without a Pod or Node: add what `kubectl get pods,nodes -A -o yaml` prints"
        return UnknownNameError.among("client", name, known, where="" if known else missing)

    def check_cluster(self, name: str) -> None:
        """Refuse a cluster that is not there.

        Raises:
            UnknownNameError: No cluster is called so.
        """
        names = [known.name for known in self._clusters]
        if name not in names:
            where = "" if any(names) else "in input whose only cluster has no name"
            raise UnknownNameError.among("cluster", name, [known for known in names if known], where=where)

    def _at_text(self, text: str, cluster: str | None) -> Client:
        """A client at the place of this text; a network that it does not name is its cluster's (LOC-2)."""
        locality = parse_place(text)
        client = self.at(locality, cluster=cluster)
        client = self._filled(client, locality)
        locality = client.place.locality
        network = next(known.network for known in self._clusters if known.name == client.cluster)
        if locality.network or not network:
            return client
        origin = f"the network of cluster {client.cluster!r}"
        place = Place(locality._replace(network=network), (origin, *client.place.origins[1:]))
        return evolve(client, name=str(place.locality), place=place, envoy_place=place)

    def at(self, locality: Locality, *, cluster: str | None = None) -> Client:
        """A client at a bare place.

        Args:
            locality: Where it is.
            cluster: Its cluster; ``None`` for the only one that has such a place.

        Raises:
            InvalidValueError: Several clusters have such a place, or none.
            UnknownNameError: No cluster is called so.
        """
        if cluster is None:
            cluster = self._cluster_at(locality)
        else:
            self.check_cluster(cluster)
        place = Place(locality, ("the client as given",) * len(SCOPES))
        return Client(name=str(locality), cluster=cluster, place=place, envoy_place=place)

    def _cluster_at(self, locality: Locality) -> str:
        if len(self._clusters) == 1:
            return self._clusters[0].name
        best: defaultdict[int, list[str]] = defaultdict(list)
        for known in self._clusters:
            places = {place.locality for place in known.nodes.values()} or {Locality(known.network)}
            best[max(_likeness(locality, place) for place in places)].append(known.name)
        likeness = max(best, default=0)
        if likeness == 0 or len(best[likeness]) != 1:
            names = ", ".join(repr(known.name) for known in self._clusters)
            text = f"expected the cluster of {locality} to be given, one of {names} (on the command line by --in)"
            raise InvalidValueError(text, "cluster")
        return best[likeness][0]

    def _filled(self, client: Client, wanted: Locality) -> Client:
        """The client with the wider parts of its place that it does not say, where all nodes at such a place agree."""
        known = next(each for each in self._clusters if each.name == client.cluster)
        nodes = [place for place in known.nodes.values() if _likeness(wanted, place.locality)]
        narrowest = max((position for position, part in enumerate(wanted) if part), default=0)
        parts, origins = list(wanted), list(client.place.origins)
        for position in range(1, narrowest):  # an unsaid network is that of the cluster
            said = {place.locality[position] for place in nodes}
            if parts[position] or len(said) > 1:
                continue
            parts[position] = next(iter(said), "")
            origins[position] = next((place.origins[position] for place in nodes), "")
        place = Place(Locality(*parts), tuple(origins))
        if place.locality == wanted:
            return client
        return evolve(client, name=str(place.locality), place=place, envoy_place=place)


def _alike(client: Client) -> object:
    """What of a pod matters to a choice; its own name does not."""
    labels = {key: value for key, value in client.labels.items() if key not in _MADE_LABELS}
    pod = client.workload
    more = (pod.proxy, pod.takes_part, pod.kind) if pod is not None else client.name
    return client.cluster, client.namespace, client.place, client.envoy_place, frozenset(labels.items()), more


def _likeness(wanted: Locality, place: Locality) -> int:
    """How many of the known parts agree; 0 as soon as one does not."""
    pairs = [(here, there) for here, there in zip(wanted, place, strict=True) if here]
    return len(pairs) if all(here == there for here, there in pairs) else 0


def _node_client(cluster: str, place: Place, *, name: str) -> Client:
    bare = name.removeprefix(f"{cluster}/")
    shown = f"Node {cluster}/{bare}" if cluster else f"Node {bare}"
    return Client(name=shown, cluster=cluster, place=place, envoy_place=place)


def parse_place(text: str) -> Locality:
    """The place written ``region=us-east,zone=us-east-1a``, with any of the five scopes.

    Raises:
        InvalidValueError: A part is not ``scope=name``, or names no scope, or one twice.

    >>> parse_place("zone=a, region=r")
    Locality(region='r', zone='a')
    """
    parts: dict[str, str] = {}
    for item in text.split(","):
        scope, equals, value = (part.strip() for part in item.partition("="))
        if not equals or scope not in _PLACE_SCOPES or scope in parts:
            allowed = ", ".join(_PLACE_SCOPES)
            raise InvalidValueError(
                f"expected 'scope=name, …' with each of {allowed} once at most, got {text!r}", "client"
            )
        parts[scope] = value
    return Locality(**parts)


_PLACE_SCOPES = tuple(scope.value for scope in SCOPES)
