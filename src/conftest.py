"""Public classes and functions report the package they are imported from; their examples are run where they stand."""

import doctest
import inspect
import re
from collections.abc import Callable
from types import FunctionType, ModuleType

import meshtier

# Where nothing has imported a module yet, pytest would execute it a second time, beside the one of the package.
for _name in meshtier.__all__:
    getattr(meshtier, _name)

_from_module: Callable[..., bool] = doctest.DocTestFinder._from_module  # type: ignore[attr-defined]  # noqa: SLF001  # the only hook there is


def from_module(finder: doctest.DocTestFinder, module: ModuleType | None, found: object) -> bool:
    """Whether *found* is written in *module*: for what is public its ``__module__`` no longer says so."""
    name = found.__name__ if isinstance(found, (type, FunctionType)) else ""
    if module is not None and name and vars(module).get(name) is found:
        return re.search(rf"^(?:class|def) {name}\b", inspect.getsource(module), re.MULTILINE) is not None
    return _from_module(finder, module, found)


doctest.DocTestFinder._from_module = from_module  # type: ignore[attr-defined]  # noqa: SLF001
