"""What was found, where, what happens instead, and how is it repaired?"""

from typing import TypedDict

from attrs import asdict, frozen
from typing_extensions import override

from meshtier.note import Severity


class FindingData(TypedDict):
    """A finding as plain data."""

    rule: str
    name: str
    severity: str
    cluster: str
    object: str
    path: str
    message: str
    instead: str
    fix: str
    file: str
    line: int | None


@frozen(kw_only=True)
class Finding:
    """One mistake.

    Attributes:
        rule: The id of its rule.
        name: The name of its rule.
        severity: How much it matters.
        object: The object that is to be changed, as in ``Service shop/web``.
        cluster: The cluster that has it; ``""`` if that has no name.
        path: The field, as in ``metadata.annotations[…]``; ``""`` for the object as a whole.
        message: What was found, with the values at hand, as a sentence.
        instead: What the mesh does instead.
        fix: What to write, and into which field.
        file: The file of the object; ``""`` if it came from none.
        line: The line where the object begins in it, from 1; ``None`` if unknown.
    """

    rule: str
    name: str
    severity: Severity
    object: str
    cluster: str = ""
    path: str = ""
    message: str
    instead: str = ""
    fix: str = ""
    file: str = ""
    line: int | None = None

    @property
    def sentence(self) -> str:
        """All of it as running text: the object, what was found, what happens instead and what to write."""
        parts = [f"{self.object}: {self.message}."]
        parts += [f"{what}: {text}." for what, text in (("Instead", self.instead), ("Fix", self.fix)) if text]
        return " ".join(parts)

    def to_dict(self) -> FindingData:
        """The finding as plain data."""
        data: FindingData = {**asdict(self), "severity": self.severity.value}  # type: ignore[typeddict-item]  # the fields are the keys
        return data

    @override
    def __str__(self) -> str:
        where = (
            f"{self.file}:{self.line}: " if self.file and self.line is not None else f"{self.file}: " * bool(self.file)
        )
        return f"{where}{self.object}: {self.rule} {self.message}"
