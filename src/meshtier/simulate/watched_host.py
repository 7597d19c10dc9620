"""What does an Envoy's detector know of one host?"""

from collections.abc import Hashable

from attrs import Factory, define, frozen

from meshtier.simulate.deliveries import NEVER
from meshtier.simulate.success_rates import Results


@frozen
class ToldHost:
    """What an Envoy is told of one host.

    Attributes:
        locality: Where it is, any hashable; a host that moves is a new one.
        priority: The one that it is in.
        state: All else that the balancer must learn of when it changes, as health and weight; any hashable.
    """

    locality: Hashable
    priority: int = 0
    state: Hashable = None

    @classmethod
    def of(cls, given: Hashable) -> "ToldHost":
        """The value itself; or a locality, of a host in priority 0."""
        return given if isinstance(given, ToldHost) else cls(given)


@define
class WatchedHost:
    """What is known of one host; times in nanoseconds.

    Attributes:
        told: What the Envoy was told of it last.
        counts: The errors in a row, as in `CONSECUTIVE`.
        multiplier: As of the last ejection.
        ejected_at: When it was ejected; ``None`` if it is in.
        due: When the ejection is over by its length alone.
        back: The sweep that ends it.
        returned_at: The sweep that ended the last one; ``None`` if none did.
        external: Its answers since the last sweep, where rates are watched.
        local: The same for its connections.
    """

    told: ToldHost
    counts: list[int] = Factory(lambda: [0, 0, 0])
    multiplier: int = 0
    ejected_at: int | None = None
    due: int = 0
    back: int = NEVER
    returned_at: int | None = None
    external: Results = Factory(Results)
    local: Results = Factory(Results)

    def multiplier_at(self, now: int, interval: int, *, first_sweep_lowers: bool) -> int:
        """The multiplier after all sweeps up to *now*.

        A sweep lowers it by one that finds the host in, and comes one interval or more
        after its return, which was a sweep itself.

        Source: envoyproxy/envoy source/common/upstream/outlier_detection_impl.cc,
        DetectorImpl::onIntervalTimer, at 00c7146.
        """
        if self.ejected_at is not None or self.returned_at is None:
            return self.multiplier
        sweeps = (now - self.returned_at) // interval - (not first_sweep_lowers)
        return max(0, self.multiplier - max(0, sweeps))
