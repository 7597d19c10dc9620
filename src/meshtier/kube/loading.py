"""What is in the mesh that these sources describe? From sources to clusters, and to a `Mesh`."""

import gc
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import IO, cast

from attrs import evolve

from meshtier.errors import InputError, Problem
from meshtier.kube.assign import ClusterInput, assign
from meshtier.kube.clusters import build
from meshtier.kube.documents import Progress
from meshtier.kube.sources import Given, SourceReader
from meshtier.mesh import Cluster, Mesh

Clusters = Mapping[str, Given | Sequence[Given]] | Iterable[tuple[str, Given | Sequence[Given]]]
"""The clusters that the caller names, each with its source or sources."""


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
    with _collector_at_rest():
        return _read(sources, clusters, SourceReader(stdin, progress), domain)


@contextmanager
def _collector_at_rest() -> Generator[None]:
    """Keep the cycle collector from walking through a growing dump again and again.

    Reading makes millions of objects and no cycles; of loading 100,000 pods a
    fifth of the time is saved.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(
    sources: Sequence[Given], clusters: Clusters | None, reader: SourceReader, domain: str
) -> tuple[Cluster, ...]:
    problems: list[Problem] = []
    found = [source for name, given in _named(clusters, problems) for source in reader.read(given, name)]
    found += [source for given in sources for source in reader.read(given)]
    for source in found:
        problems += source.problems
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
    return evolve(cluster, skipped=dict(sorted(skipped.items())))


def _named(clusters: Clusters | None, problems: list[Problem]) -> Iterator[tuple[str, Given]]:
    """The named sources one by one; a name that comes twice is a problem."""
    pairs = cast("Mapping[str, Given]", clusters).items() if isinstance(clusters, Mapping) else clusters or ()
    seen: set[str] = set()
    for name, given in pairs:
        if not name:
            problems.append(Problem(problem="expected a name for the cluster, got ''"))
        elif name in seen:
            text = f"expected one cluster of the name {name!r}, got two from the caller"
            problems.append(Problem(problem=f"{text}; put the files of one cluster in a folder, and give that"))
        else:
            seen.add(name)
            for each in _each(given):
                yield name, each


def _each(given: Given | Sequence[Given]) -> Sequence[Given]:
    """The sources that stand for one cluster: several in a list, unless that is one of plain objects."""
    if not isinstance(given, (list, tuple)):
        return (cast("Given", given),)
    several = cast("Sequence[Given]", given)
    return several if any(isinstance(each, (str, PathLike)) for each in several) else (cast("Given", given),)
