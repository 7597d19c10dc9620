"""What should a reader know besides the answer?

Doubtful input never fails: it is computed as the mesh would, and a note says
what was doubtful and which rule decided.
"""

from attrs import frozen


@frozen
class Note:
    """One remark on an answer.

    Attributes:
        rule: The rule that it rests on, as in ``"LOC-6"``.
        text: What was found and what followed from it, as a sentence.
        object: The object that it speaks of, as in ``Service bookinfo/reviews``;
            ``""`` where it speaks of the answer as a whole.

    >>> str(Note("LOC-6", "the client has no zone", "Node n1"))
    '[LOC-6] Node n1: the client has no zone'
    """

    rule: str
    text: str
    object: str = ""

    def __str__(self) -> str:
        return f"[{self.rule}] {self.object}: {self.text}" if self.object else f"[{self.rule}] {self.text}"
