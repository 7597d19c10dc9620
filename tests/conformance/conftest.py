"""Cases from data files: an argument ``x_case`` stands for every case of ``x.json`` in turn.

``foreign_case`` stands for every case of another project's own tests: those of
``foreign/*.json``, and of the files of that form in the folder itself.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

OWN = Path(__file__).parent / "vectors"
FOREIGN = "foreign"
WAITING = Path(__file__).parent / "waiting.json"
"""The foreign cases that are known to fail: for each data plane why, and which."""


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
            name = argument.removesuffix("_case")
            cases = _foreign_cases(directory) if name == FOREIGN else _cases(directory / f"{name}.json")
            metafunc.parametrize(argument, cases)


def _cases(path: Path) -> list[Any]:
    if not path.exists() or _is_foreign(path):  # some files of either form are of one name
        return _absent(path)
    return [pytest.param(case, id=str(case["id"])) for case in _cases_in(path)]


def _foreign_cases(directory: Path) -> list[Any]:
    files = sorted((directory / FOREIGN).glob("*.json"))
    files += [path for path in sorted(directory.glob("*.json")) if _is_foreign(path)]
    if not files:
        return _absent(directory / FOREIGN)
    cases = [case for path in files for case in _cases_in(path)]
    return [pytest.param(case, id=case["id"], marks=list(_marks(case["id"]))) for case in cases]


def _marks(name: str) -> Iterator[pytest.MarkDecorator]:
    for plane, waiting in _load(WAITING).items():
        if name in waiting["cases"]:
            yield pytest.mark.xfail(reason=waiting["reason"], strict=True)
        elif name.partition("/")[0] == plane and name not in _own_names():  # whether it holds already is not known
            yield pytest.mark.xfail(reason=waiting["reason"], strict=False)


@cache
def _own_names() -> frozenset[str]:
    names = frozenset(case["id"] for path in (OWN / FOREIGN).glob("*.json") for case in _cases_in(path))
    unknown = [name for waiting in _load(WAITING).values() for name in waiting["cases"] if name not in names]
    if unknown:
        raise pytest.UsageError(f"{WAITING} lists cases that are not there: {', '.join(unknown)}")
    return names


def _is_foreign(path: Path) -> bool:
    data = _load(path)
    cases = data.get("cases") if isinstance(data, Mapping) else None
    return bool(cases) and all("expect" in case and "clusters" in case for case in cases or ())


def _cases_in(path: Path) -> list[Any]:
    cases: list[Any] = _load(path)["cases"]
    if not cases:  # or pytest would pass over the test without a word
        raise pytest.UsageError(f"{path} holds no cases")
    return cases


def _absent(path: Path) -> list[Any]:
    if path.parent == OWN:  # only another folder may hold a part of them
        raise pytest.UsageError(f"there is no {path}")
    return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason=f"there is no {path}"))]
