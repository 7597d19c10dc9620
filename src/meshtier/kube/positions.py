"""Where do the objects of a cluster stand? Files and lines by title, those of JSON looked for when they are wanted."""

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen
from typing_extensions import override

from meshtier.kube.json_lines import JsonLines
from meshtier.kube.objects import DocumentObjects
from meshtier.mesh.snapshot import Position


@frozen(eq=False)
class Positions(Mapping[str, Position]):
    """Where each object stands, by its title; of two places the one that was read last.

    Attributes:
        read: What the readers said.
        json: The files of JSON, by name.
    """

    read: Mapping[str, Position]
    json: Mapping[str, JsonLines]

    @classmethod
    def of(cls, documents: Sequence[DocumentObjects]) -> "Positions":
        """Where the objects of these documents stand."""
        read = {
            title: Position(document.file, line)
            for document in documents
            if document.file
            for title, line in document.lines.items()
        }
        return cls(read, {each.file: each.json_lines for each in documents if each.json_lines is not None})

    @override
    def __getitem__(self, title: str) -> Position:
        read = self.read.get(title)
        if read is not None and read.line is not None:
            return read
        for file in reversed(list(self.json)):
            line = self.json[file].by_title.get(title)
            if line is not None:
                return Position(file, line)
        return self.read[title]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self.read, *(title for each in self.json.values() for title in each.by_title)]))

    @override
    def __len__(self) -> int:
        return sum(1 for _ in self)
