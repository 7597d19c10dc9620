"""When does an Envoy's balancer learn of an ejection? The merging of updates."""

from typing import Final

NEVER: Final = 1 << 100
"""A time that does not come, in nanoseconds."""

_MS: Final = 1_000_000


class Deliveries:
    """When changes of health reach the balancer, in whole nanoseconds.

    The first change, and each that comes more than a window after the last delivery,
    is delivered at once. Any other waits, and with it all that follow, for a whole
    window from the first that waits. Added or removed hosts are delivered at once,
    and what waits goes with them.

    Envoy does this for each priority apart. Every ejection updates all priorities,
    so they keep step; only new hosts of one priority leave changes of another
    waiting, and here those go with them.

    Args:
        window_s: ``update_merge_window``, in seconds; 0 delivers everything at once.

    Source: envoyproxy/envoy source/common/upstream/cluster_manager_impl.cc,
    ClusterManagerImpl::scheduleUpdate and applyUpdates, at b15d8fd; measured on 1.40.0.
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
