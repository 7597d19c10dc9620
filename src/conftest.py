"""Public classes and functions report the package they are imported from; their examples are run where they stand."""

import doctest
import inspect
import re
from types import FunctionType, ModuleType

_from_module = doctest.DocTestFinder._from_module  # type: ignore[attr-defined]  # noqa: SLF001  # the only hook there is


def from_module(finder: doctest.DocTestFinder, module: ModuleType | None, found: object) -> bool:
    """Whether *found* is written in *module*: for what is public its ``__module__`` no longer says so."""
    if module is not None and isinstance(found, type | FunctionType) and vars(module).get(found.__name__) is found:
        return bool(re.search(rf"^(?:class|def) {found.__name__}\b", inspect.getsource(module), re.MULTILINE))
    return bool(_from_module(finder, module, found))


doctest.DocTestFinder._from_module = from_module  # type: ignore[attr-defined]  # noqa: SLF001
