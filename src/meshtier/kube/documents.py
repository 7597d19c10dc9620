"""How do the readers of text hand on what they found, and what they could not read?"""

from collections.abc import Callable, Iterator
from typing import Protocol

from attrs import frozen

from meshtier.errors import Problem


@frozen
class Document:
    """One document of a text, as plain data.

    Attributes:
        number: Which document of its text, from 1.
        value: What it holds; ``None`` for an empty one.
    """

    number: int
    value: object


Finding = Document | Problem
"""What a reader yields. A problem has neither file nor object; it never ends the reading of what follows."""

Findings = Iterator[Finding]


class Progress(Protocol):
    """Told of each source as its reading begins."""

    def __call__(self, source: str, /) -> object:
        """Take the name of the source."""


Refuse = Callable[[Problem], None]
"""Takes a problem; the reading goes on."""
