"""What is known of a tier before anyone looks at its endpoints?"""

from collections.abc import Iterable, Iterator

from typing_extensions import override

from meshtier.endpoint import Endpoint
from meshtier.errors import MeshError
from meshtier.index.nodes import Node, serving_in, serving_weight_in, total_in, weight_in
from meshtier.index.tree import PrefixTree


class StaleViewError(MeshError, RuntimeError):
    """A view of an index that has changed since the view was taken.

    Attributes:
        taken: How many changes the index had seen when the view was taken.
        now: How many it has seen by now.
    """

    def __init__(self, taken: int, now: int) -> None:
        super().__init__(taken, now)
        self.taken = taken
        self.now = now

    def __str__(self) -> str:
        return f"expected an index as it was when this view was taken, got one changed {self.now - self.taken} times"


class Members:
    """Some endpoints of an index: sized, and looked at only when iterated.

    They come place by place. The order is the same every time, and otherwise
    free: it depends on the changes that the index has seen.

    Raises:
        StaleViewError: The index has changed since the view was taken. An
            iteration notices it after 64 endpoints or fewer, at the latest at its end.
    """

    __slots__ = ("_nodes", "_totals", "_tree", "_version", "_without")

    # What is below some nodes; at each of them, not below the child with the part in `without`, if there is one.
    def __init__(self, tree: PrefixTree, totals: int, nodes: Iterable[Node], without: Iterable[str | None]) -> None:
        self._tree = tree
        self._version = tree.version
        self._totals = totals
        self._nodes = nodes
        self._without = without

    def totals(self) -> int:
        """The sums over these endpoints, as the tree keeps them."""
        if self._tree.version != self._version:
            raise StaleViewError(self._version, self._tree.version)
        return self._totals

    def __len__(self) -> int:
        return total_in(self.totals())

    def __iter__(self) -> Iterator[Endpoint]:
        self.totals()
        for node, without in zip(self._nodes, self._without, strict=False):
            for leaf in node.leaves(without):
                for page in leaf.pages():
                    yield from tuple(page)
                    self.totals()

    @override
    def __repr__(self) -> str:
        return f"<{len(self)} endpoints>"


class TierView:
    """One tier as an index sees it; what is known without looking at its endpoints.

    Attributes:
        number: The P number of the mode's table, as in `Tier`; 0 is the nearest.
        endpoints: At least one.

    Raises:
        StaleViewError: The index has changed since the view was taken.
    """

    __slots__ = ("endpoints", "number")
    number: int
    endpoints: Members

    def __init__(self, number: int, endpoints: Members) -> None:
        self.number = number
        self.endpoints = endpoints

    @property
    def total(self) -> int:
        """How many endpoints there are."""
        return total_in(self.endpoints.totals())

    @property
    def healthy(self) -> int:
        """How many of the endpoints serve: the healthy and the degraded."""
        return serving_in(self.endpoints.totals())

    @property
    def weight(self) -> int:
        """What all endpoints weigh together, those that do not serve too."""
        return weight_in(self.endpoints.totals())

    @property
    def healthy_weight(self) -> int:
        """What the endpoints that serve weigh together."""
        return serving_weight_in(self.endpoints.totals())

    @override
    def __repr__(self) -> str:
        return f"<TierView P{self.number}: {self.total} endpoints, {self.healthy} healthy>"
