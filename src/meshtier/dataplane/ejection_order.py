"""Where does traffic go while an Envoy's hosts are ejected one after the other, the nearest ones first? (LOAD-2)"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from attrs import frozen

from meshtier.dataplane.envoy import Pool, PriorityLoads, levels_of, loads_of
from meshtier.dataplane.load_assignment import LocalityGroup, lb_weight
from meshtier.dataplane.settings import EnvoySettings, whole_percent
from meshtier.endpoint import Endpoint


@frozen
class Rank:
    """The hosts of one priority.

    Attributes:
        pool: All of them.
        healthy: Those that are healthy, in the order in which they are ejected here.
        degraded: Those that are degraded, which are ejected after them.
    """

    pool: Pool
    healthy: Sequence[Endpoint]
    degraded: Sequence[Endpoint]

    @classmethod
    def of(cls, pool: Pool, settings: EnvoySettings) -> "Rank":
        """These hosts in the order in which the smallest number of them costs most health."""
        if not settings.weighted_priority_health:
            return cls(pool, pool.healthy, pool.degraded)
        return cls(
            pool,
            sorted(pool.healthy, key=lb_weight, reverse=True),
            sorted(pool.degraded, key=lb_weight, reverse=True),
        )

    @property
    def serving(self) -> int:
        """How many can take traffic."""
        return len(self.healthy) + len(self.degraded)

    def without(self, count: int) -> Pool:
        """The hosts, with the first so many that can take traffic unhealthy."""
        if not count:
            return self.pool
        return Pool(
            hosts=self.pool.hosts,
            healthy=list(self.healthy[count:]),
            degraded=list(self.degraded[max(0, count - len(self.healthy)) :]),
            draining=self.pool.draining,
        )


@frozen
class EjectionOrder:
    """The hosts of an Envoy, ejected one after the other: the nearest priority's first, in each the healthy ones first.

    Attributes:
        ranks: Every priority from 0 to the last.
        settings: What the Envoy is told besides.
    """

    ranks: Sequence[Rank]
    settings: EnvoySettings

    @classmethod
    def of(cls, groups: Iterable[LocalityGroup], settings: EnvoySettings) -> "EjectionOrder":
        """The order for these groups. Cost: O(n), or O(n log n) where weights are health."""
        return cls([Rank.of(level.whole, settings) for level in levels_of(groups)], settings)

    def after(self, ejected: int) -> PriorityLoads:
        """The loads with so many hosts ejected. Cost: O(n), to copy those that are left."""
        pools: list[Pool] = []
        for rank in self.ranks:
            out = min(ejected, rank.serving)
            pools.append(rank.without(out))
            ejected -= out
        return loads_of(pools, self.settings)

    def loads(self, ejected: int) -> tuple[int, ...]:
        """The load of each priority, in per cent, with so many hosts ejected; all 0 where no request finds a host."""
        found = self.after(ejected)
        return (0,) * len(self.ranks) if found.reason else found.load

    def thresholds(self, priority: int, counts: range) -> tuple[int | None, int | None]:
        """With how many ejected hosts a priority first gets traffic, and those before it none.

        Args:
            priority: Which.
            counts: The numbers that are possible, from 0 to at most all that can
                take traffic in the priorities before it.

        Returns:
            ``None`` for what does not come with any of these numbers.
        """

        def gets_some(count: int) -> bool:
            return self.loads(count)[priority] > 0

        def gets_all(count: int) -> bool:
            loads = self.loads(count)
            return not any(loads[:priority]) and any(loads[priority:])

        return self._first(counts, gets_some), self._first(counts, gets_all)

    def steps(self, priority: int, nearer: int) -> Iterator[tuple[int, int, bool]]:
        """How the load of a priority changes while its own hosts are ejected.

        Loads are whole per cent and without panics only fall, so that there are few steps.

        Args:
            priority: Which.
            nearer: How many hosts can take traffic before it; they count as ejected.

        Yields:
            With how many of its hosts out something changes, its load from there
            on, and whether it panics; from 0 on, to where it has no load.
        """

        def state(out: int) -> tuple[int, bool]:
            found = self.after(nearer + out)
            return found.load[priority], found.panic[priority]

        out: int | None = 0
        while out is not None and (found := state(out))[0]:
            yield out, *found
            out = self._first(range(out + 1, self.ranks[priority].serving), partial(_differs, state, found))

    def _first(self, counts: range, holds: Callable[[int], bool]) -> int | None:
        """The first count for which it holds; ``None`` if there is none."""
        if whole_percent(self.settings.panic_threshold):
            return next((count for count in counts if holds(count)), None)
        # Without panics a host less in a nearer priority never takes load from a later one, so that what holds once
        # holds for all that follow, and halving will do.
        place = bisect_left(counts, True, key=holds)  # noqa: FBT003  # what is looked for
        return counts[place] if place < len(counts) else None


def _differs(state: Callable[[int], tuple[int, bool]], found: tuple[int, bool], out: int) -> bool:
    return state(out) != found
