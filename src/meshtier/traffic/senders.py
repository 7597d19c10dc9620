"""From which clients of a mesh does a rate come? Rates dealt out to the pods that are meant, evenly."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, TypeAlias

from attrs import frozen

from meshtier.component import Component
from meshtier.locality import Locality
from meshtier.mesh import Client, Cluster, Mesh, Place, Workload
from meshtier.mesh.clients import client_of
from meshtier.mesh.sweep import Asked
from meshtier.traffic.demand import Rate, Sender, Traffic

_Start: TypeAlias = tuple[str, Component]
"""The clients' cluster, and where their traffic starts."""

Pods: TypeAlias = Mapping[Place, Sequence[Workload]]
"""The pods at each place."""

_SAFE: Final = "[bcdfghjklmnpqrstvwxz2456789]"
_MADE_OF: Final = tuple(
    tuple(re.compile(f"(.+)-{ending}") for ending in (f"{letter}{{1,10}}-{letter}{{5}}", f"{letter}{{5}}", "[0-9]+"))
    for letter in (_SAFE, "[a-z0-9]")
)
"""The names of what can have made a pod of this name: a Deployment by its ReplicaSet; a ReplicaSet, DaemonSet or Job;
a StatefulSet. First with the letters that controllers draw from, so that ``node-agent-x2k4p`` is of no Deployment
``node``; where no name fits, with any.

Source: kubernetes/kubernetes staging/src/k8s.io/apimachinery/pkg/util/rand/rand.go, alphanums, at b547a95, and
staging/src/k8s.io/apiserver/pkg/storage/names/generate.go.
"""

_DEFAULT: Final = "Kubernetes"
"""The name of a cluster that was given none.

Source: istio/istio pkg/config/constants/constants.go, DefaultClusterName, at 86c9f01.
"""

_HASH: Final = "pod-template-hash"

_MADE_LABELS: Final = frozenset({_HASH, "controller-revision-hash", "pod-template-generation"})
"""Labels by which rules do not tell clients apart."""


@frozen(kw_only=True)
class Unmatched:
    """A rate of which nothing in the mesh sends, or that nothing receives.

    Attributes:
        rate: As it was given.
        reason: Why it is kept aside.
    """

    rate: Rate
    reason: str


@frozen(kw_only=True, eq=False)
class Share:
    """How much traffic clients that are alike send to a host.

    Attributes:
        client: One of them.
        rate: How much all of them send.
    """

    client: Client
    rate: float


class Senders:
    """The pods of a mesh that send, and what each sender's rate becomes among them.

    Args:
        mesh: The snapshot.
        component: The one component that is asked about; ``None`` for where traffic starts.
    """

    def __init__(self, mesh: Mesh, component: Component | None) -> None:
        self._mesh = mesh
        self._component = component
        self._found: dict[Sender, Mapping[_Start, Pods]] = {}

    @cached_property
    def everybody(self) -> Mapping[_Start, Pods]:
        """All pods that send."""
        pods = (
            (cluster.name, *each)
            for cluster in self._mesh.clusters
            for each in self._mesh.sweep.pods(cluster.name, self._component)
        )
        return _by_start(pods)

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[tuple[str, Component, Place, Workload]]]:
        """The pods by ``namespace/name``, and by that of what can have made them."""
        found: defaultdict[str, list[tuple[str, Component, Place, Workload]]] = defaultdict(list)
        for (cluster, start), places in self.everybody.items():
            for place, pods in places.items():
                for pod in pods:
                    for name in _names(pod):
                        found[name].append((cluster, start, place, pod))
        return found

    @cached_property
    def _others(self) -> frozenset[str]:
        """The names of pods whose traffic is that of others: of waypoints and east-west gateways."""
        asking = {id(pod) for places in self.everybody.values() for pods in places.values() for pod in pods}
        pods = (pod for cluster in self._mesh.clusters for pod in cluster.workloads.values() if pod.kind == "Pod")
        return frozenset(name for pod in pods if id(pod) not in asking for name in _names(pod))

    def of(self, sender: Sender) -> Mapping[_Start, Pods]:
        """The pods that are meant, by cluster and start."""
        found = self._found.get(sender)
        if found is None:
            found = self._found[sender] = self._matching(sender)
        return found

    def _matching(self, sender: Sender) -> Mapping[_Start, Pods]:
        if not sender.workload:
            return {
                key: fitting
                for key, places in self.everybody.items()
                if self._is_in(sender.cluster, key[0])
                and (fitting := {place: pods for place, pods in places.items() if _is_at(sender.place, place)})
            }
        return _by_start(
            each
            for each in self._by_name.get(sender.workload, ())
            if self._is_in(sender.cluster, each[0]) and _is_at(sender.place, each[2])
        )

    def _is_in(self, wanted: str, cluster: str) -> bool:
        """Whether a cluster is meant; the only one of the input, if it is called as Istio calls one by default."""
        return wanted in ("", cluster) or not cluster or (wanted == _DEFAULT and len(self._mesh.clusters) == 1)

    def why_nobody(self, sender: Sender) -> str:
        """Why a sender is no pod that sends."""
        if not sender.workload:
            return f"no client is at {sender}"
        if sender.workload in self._by_name:
            return f"no pod of {sender.workload} is at {Sender(cluster=sender.cluster, place=sender.place)}"
        if sender.workload in self._others:
            return f"{sender.workload} hands on the traffic of others, which is counted where it starts"
        return f"no client {sender.workload}"


def _by_start(pods: Iterable[tuple[str, Component, Place, Workload]]) -> Mapping[_Start, Pods]:
    found: dict[_Start, dict[Place, list[Workload]]] = {}
    for cluster, start, place, pod in pods:
        found.setdefault((cluster, start), {}).setdefault(place, []).append(pod)
    return found


def _names(pod: Workload) -> Iterator[str]:
    """The name of a pod, and of what can have made it, each with its namespace and without."""
    for name in (pod.name, *_makers(pod)):
        yield f"{pod.namespace}/{name}"
        yield name


def _makers(pod: Workload) -> Sequence[str]:
    template = pod.labels.get(_HASH, "")
    if template and (made := re.fullmatch(f"(.+)-{re.escape(template)}-[a-z0-9]{{5}}", pod.name)):
        return made.group(1), f"{made.group(1)}-{template}"
    for patterns in _MADE_OF:
        if found := dict.fromkeys(made.group(1) for each in patterns if (made := each.fullmatch(pod.name))):
            return tuple(found)
    return ()


def _is_at(wanted: Locality, place: Place) -> bool:
    return all(part in ("", here) for part, here in zip(wanted, place.locality, strict=True))


class Demand:
    """How much traffic there is on each route of a mesh.

    Args:
        mesh: The snapshot.
        traffic: The rates; ``None`` if each client counts once for each host.
        component: The one component that is asked about; ``None`` for the way that traffic really takes.
    """

    def __init__(self, mesh: Mesh, traffic: Traffic | None, component: Component | None) -> None:
        self._clusters = {cluster.name: cluster for cluster in mesh.clusters}
        self._senders = Senders(mesh, component)
        self._by_host: defaultdict[str, list[Rate]] = defaultdict(list)
        self._counts = traffic is None
        self.unmatched: list[Unmatched] = []
        for rate in traffic.rates if traffic is not None else ():
            self._by_host[rate.host].append(rate)

    def resolve(self, hosts: Iterable[str], wanted: frozenset[str] | None) -> Sequence[str]:
        """The hosts to ask about; rates to others are kept aside, short names are replaced.

        Args:
            hosts: All full host names.
            wanted: Those that the caller asks for; rates to others are left out. ``None`` for all.
        """
        known = set(hosts)
        if self._counts:
            return sorted(known if wanted is None else known & wanted)
        domains = {cluster.domain for cluster in self._clusters.values()}
        found: defaultdict[str, list[Rate]] = defaultdict(list)
        for host, rates in self._by_host.items():
            full = next(
                (name for name in (host, *(f"{host}.svc.{domain}" for domain in domains)) if name in known), None
            )
            if full is not None:
                if wanted is None or full in wanted:
                    found[full] += rates
            elif wanted is None:
                self.unmatched += [Unmatched(rate=rate, reason=f"no host {host}") for rate in rates]
        self._by_host = found
        return sorted(found)

    def shares(self, host: str, asked: Sequence[Asked]) -> Sequence[tuple[Asked, Sequence[Share]]]:
        """What the clients send to a host.

        Args:
            host: Its full name.
            asked: Who asks for it, in each cluster and from each start.
        """
        if self._counts:
            everybody = self._senders.everybody
            return [(each, self._alike(each, everybody.get((each.cluster, each.start), {}), 1.0)) for each in asked]
        found: dict[int, list[Share]] = {place: [] for place in range(len(asked))}
        for rate in self._by_host.get(host, ()):
            senders = self._senders.of(rate.sender)
            here = [senders.get((each.cluster, each.start), {}) for each in asked]
            total = sum(len(pods) for places in here for pods in places.values())
            if not total:
                reason = self._senders.why_nobody(rate.sender)
                if senders:
                    reason = f"{host} is no host in the cluster of {rate.sender}"
                self.unmatched.append(Unmatched(rate=rate, reason=reason))
                continue
            for place, (each, places) in enumerate(zip(asked, here, strict=True)):
                found[place] += self._alike(each, places, rate.value / total)
        return [(asked[place], shares) for place, shares in found.items()]

    def _alike(self, asked: Asked, places: Pods, each: float) -> list[Share]:
        """What the pods send, those together that get one answer."""
        if not self._is_told_apart(asked):
            return [Share(client=asked.clients[place], rate=each * len(pods)) for place, pods in places.items()]
        found: list[Share] = []
        for pods in places.values():
            firsts: dict[object, Workload] = {}
            counts = Counter[object]()
            for pod in pods:
                labels = frozenset((key, value) for key, value in pod.labels.items() if key not in _MADE_LABELS)
                key = pod.namespace, labels, pod.envoy_place
                firsts.setdefault(key, pod)
                counts[key] += 1
            found += [Share(client=client_of(pod), rate=each * counts[key]) for key, pod in firsts.items()]
        return found

    def _is_told_apart(self, asked: Asked) -> bool:
        """Whether clients of one place may get several answers: by a DestinationRule's namespace or labels (DR-1)."""
        if asked.start is Component.WAYPOINT:
            return True  # ztunnel's place leads to a waypoint; where there is none, the Envoy's counts (LOC-5)
        if not asked.start.traits.obeys_destination_rules:
            return False
        cluster: Cluster = self._clusters[asked.cluster]
        return any(_may_name(rule.host, asked.host) for rule in cluster.destination_rules)


def _may_name(named: str, host: str) -> bool:
    """Whether the host of a rule could mean this host; its short names are not resolved here."""
    if named.startswith("*"):
        return host.endswith(named[1:])
    return named.partition(".")[0] == host.partition(".")[0]
