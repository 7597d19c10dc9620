"""How do the readers of text hand on what they found, and what they could not read?"""

from collections.abc import Callable, Iterator

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


Findings = Iterator[Document | Problem]
"""What a reader yields. A problem has neither file nor object; it never ends the reading of what follows."""

Progress = Callable[[str], object]
"""Told the name of each source as its reading begins."""
