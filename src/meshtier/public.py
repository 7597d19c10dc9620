"""Where do the public names live, and what do they say of it?"""

import sys
from collections.abc import Mapping
from types import FunctionType
from typing import Final

ROOMS: Final[Mapping[str, str]] = {
    "Client": "meshtier.mesh",
    "Component": "meshtier.component",
    "DestinationRule": "meshtier.rules",
    "EndpointIndex": "meshtier.index",
    "Explanation": "meshtier.mesh",
    "LabelIndex": "meshtier.index",
    "Level": "meshtier.precedence",
    "Mesh": "meshtier.mesh",
    "Note": "meshtier.note",
    "Resolution": "meshtier.precedence",
    "Route": "meshtier.mesh",
    "Shares": "meshtier.dataplane",
    "StaleViewError": "meshtier.index",
    "TierView": "meshtier.index",
    "resolve": "meshtier.precedence",
    "spread": "meshtier.dataplane",
}
"""The names of the package that are loaded when they are first used, each with the module that has it.

Whoever needs the words and the tiers alone does not wait for the rest.
"""


def publish(room: str) -> None:
    """Let the public classes and functions of a module say that they live where callers import them from.

    Reprs, tracebacks and pickles then outlive a move from one module of a room to
    another. A module calls it with its own name, at its end.

    Precedent: python-trio/outcome, src/outcome/_util.py, fixup_module_metadata.
    """
    module = sys.modules[room]
    late = [name for name, home in ROOMS.items() if home == room]
    for name in (*getattr(module, "__all__", ()), *late):
        value = vars(module).get(name)
        if isinstance(value, type | FunctionType) and f"{value.__module__}.".startswith(f"{room}."):
            value.__module__ = "meshtier" if name in late else room
