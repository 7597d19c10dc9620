"""How do the readers of text hand on what they found, and what they could not read?"""

from collections.abc import Callable, Iterator, Sequence

from attrs import field, frozen

from meshtier.errors import Problem


@frozen
class Document:
    """One document of a text, as plain data.

    Attributes:
        number: Which document of its text, from 1.
        value: What it holds; ``None`` for an empty one.
        line: Where the value begins, from 1; ``None`` if the reader does not say.
        item_lines: Where each mapping of a list begins, which is the value or what it has under ``items``.
    """

    number: int
    value: object
    line: int | None = field(default=None, eq=False)
    item_lines: Sequence[int] = field(default=(), eq=False)


Findings = Iterator[Document | Problem]
"""What a reader yields. A problem has neither file nor object; it never ends the reading of what follows."""

Progress = Callable[[str], object]
"""Told the name of each source as its reading begins."""
