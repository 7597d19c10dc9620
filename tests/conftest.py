"""What all tests share: one profile for the laws, and where the vectors are."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Machines that are shared with other work are slow at times, which is no failure of a law.
# In CI every run draws the same examples, so that a red build says something about the change.
settings.register_profile(
    "meshtier",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("meshtier")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--vectors",
        type=Path,
        default=Path(__file__).parent / "conformance" / "vectors",
        metavar="DIR",
        help="the folder with the conformance vectors (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    directory: Path = config.getoption("--vectors")
    if not directory.is_dir():
        raise pytest.UsageError(f"--vectors: expected a folder, got {str(directory)!r}")
