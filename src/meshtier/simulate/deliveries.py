"""When does an Envoy's balancer learn of an ejection? The merging of updates."""

from typing import Final

NEVER: Final = 1 << 100
"""A time that does not come, in nanoseconds."""

_MS: Final = 1_000_000


class Deliveries:
    """When changes of health reach the balancer, for one priority, in whole nanoseconds.

    The first ejection or return, and each that comes more than a window after the last
    delivery, is delivered at once, and all that waits goes with it. Any other waits,
    for a whole window from the first that waits. What the control plane changes of the
    hosts of this priority is a delivery too; the hosts that are there at first are none.

    Every ejection is a change of all priorities, so that they keep step until the
    control plane changes one of them: the others then go on waiting, and their
    windows begin when they began.

    Args:
        window_s: ``update_merge_window``, in seconds; 0 delivers everything at once.

    Source: envoyproxy/envoy source/common/upstream/cluster_manager_impl.cc,
    ClusterManagerImpl::scheduleUpdate and applyUpdates, at b15d8fd. Measured on 1.40.0
    with ejections at 0.2 and 0.6 s: the first is known at once, the second at 1.6 s, or
    at 0.8 s if a host of its priority is added, removed, or becomes unready then; one at
    0.7 s waits until 1.7 s if that, or another weight, comes at 0.5 s.
    """

    __slots__ = ("_last", "_window_ms", "due")

    def __init__(self, window_s: float) -> None:
        self._window_ms = round(window_s * 1000)
        self._last: int | None = None
        self.due: int = NEVER

    def change(self, now: int) -> bool:
        """Whether a change of a host's health at *now* is delivered at once; if not, `due` says when."""
        # Envoy compares whole milliseconds, and exactly one window is still inside.
        if self._last is None or not self._window_ms or (now - self._last) // _MS > self._window_ms:
            return True
        if self.due == NEVER:
            self.due = now + self._window_ms * _MS
        return False

    def deliver(self, now: int) -> None:
        """Take it that everything is delivered at *now*."""
        self._last = now
        self.due = NEVER
