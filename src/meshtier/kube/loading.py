"""What is in the mesh that these sources describe? From sources to clusters, and to a `Mesh`."""

from collections import Counter
from collections.abc import Sequence
from typing import IO

from attrs import evolve

from meshtier.errors import InputError, Problem
from meshtier.kube.assign import ClusterInput, assign
from meshtier.kube.clusters import build
from meshtier.kube.collector import collector_at_rest
from meshtier.kube.documents import Progress
from meshtier.kube.overlay import ClusterSource
from meshtier.kube.sources import Clusters, Given, SourceReader
from meshtier.mesh import Cluster, Mesh


def load(
    *sources: Given,
    clusters: Clusters | None = None,
    stdin: IO[str] | IO[bytes] | None = None,
    domain: str = "cluster.local",
    progress: Progress | None = None,
) -> Mesh:
    """The mesh that these sources describe: `read`, as a `meshtier.mesh.Mesh`.

    Args and errors are those of `read`.

    >>> load({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}).clusters[0].name
    ''
    """
    return Mesh(read(*sources, clusters=clusters, stdin=stdin, domain=domain, progress=progress))


def read(
    *sources: Given,
    clusters: Clusters | None = None,
    stdin: IO[str] | IO[bytes] | None = None,
    domain: str = "cluster.local",
    progress: Progress | None = None,
) -> tuple[Cluster, ...]:
    """The clusters that these sources describe, in the order in which their names first come.

    A source is a path to a file or a folder, read with all folders in it;
    ``-`` for standard input; a mapping with one object, one list of objects or
    one ztunnel dump; or several mappings. Text is YAML or JSON, of one document
    or more. Each file, and each source of plain data, is of one cluster: the
    one that the caller names, or that the label ``topology.istio.io/cluster``
    of its Namespace ``istio-system`` names, or else the only one that there is.

    Args:
        sources: Those whose cluster need not be named.
        clusters: Further sources by the name of their cluster.
        stdin: What ``-`` means; the process's own standard input by default.
        domain: The DNS domain of every cluster's services.
        progress: Called with the name of each source as its reading begins;
            ``""`` for plain data.

    Raises:
        InputError: With all problems of all sources, in their order.
        MissingExtraError: A source is YAML, and PyYAML is not installed.

    Cost: O(n) in the input.

    >>> (cluster,) = read({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    >>> list(cluster.nodes)
    ['n1']
    """
    with collector_at_rest():
        return _read(sources, clusters, SourceReader(stdin, progress), domain)


def _read(
    sources: Sequence[Given], clusters: Clusters | None, reader: SourceReader, domain: str
) -> tuple[Cluster, ...]:
    found, problems = reader.read_all(sources, clusters)
    inputs, doubts = assign(found)
    problems += doubts
    made = [] if doubts else [_cluster(each, domain, problems) for each in inputs]
    if problems:
        raise InputError(tuple(dict.fromkeys(problems)))  # what several clusters share is wrong once
    return tuple(cluster for cluster in made if cluster is not None)


def _cluster(found: ClusterInput, domain: str, problems: list[Problem]) -> Cluster | None:
    try:
        cluster = build(found.name, found.documents, domain=domain, notes=found.notes)
    except InputError as error:
        problems += error.problems
        return None
    skipped = sum((source.skipped for source in found.sources), Counter[str]())
    read = evolve(cluster, skipped=dict(sorted(skipped.items())))
    return evolve(read, source=ClusterSource.of(read, found.documents, found.notes))
