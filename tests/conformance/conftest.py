"""Cases from data files: an argument ``x_case`` stands for every case of ``x.json`` in turn."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

OWN = Path(__file__).parent / "vectors"


@cache
def _load(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


@pytest.fixture(scope="session")
def vectors(pytestconfig: pytest.Config) -> Callable[[str], dict[str, Any]]:
    """A function from the name of a file of vectors, without its suffix, to what it holds."""
    directory: Path = pytestconfig.getoption("--vectors")
    return lambda name: _load(directory / f"{name}.json")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    directory: Path = metafunc.config.getoption("--vectors")
    for argument in metafunc.fixturenames:
        if argument.endswith("_case"):
            path = directory / f"{argument.removesuffix('_case')}.json"
            metafunc.parametrize(argument, _cases(path))


def _cases(path: Path) -> list[Any]:
    if not path.exists():
        if path.parent == OWN:  # only another folder may hold a part of them
            raise pytest.UsageError(f"there is no {path}")
        return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason=f"there is no {path}"))]
    cases = _load(path)["cases"]
    if not cases:  # or pytest would pass over the test without a word
        raise pytest.UsageError(f"{path} holds no cases")
    return [pytest.param(case, id=str(case["id"])) for case in cases]
